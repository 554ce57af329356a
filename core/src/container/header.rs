//! The header: what the signal is, which codec and model it needs.

use std::io::Read;

use super::wire::{Fields, Parsed, put_varint};
use super::{MAGIC, MAJOR, MINOR, differs};
use crate::{CodecId, Error, Format, ModelId, Plan, Result};

const HAS_LENGTH: u8 = 1;
const HAS_MODEL: u8 = 2;
const HAS_HASH: u8 = 4;
const SINGLE: u8 = 8;
const KNOWN: u8 = HAS_LENGTH | HAS_MODEL | HAS_HASH | SINGLE;

/// Most bytes of the extension field of a later minor version.
const MAX_EXTENSION: u64 = 4096;

/// A file's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Form of the signal.
    pub format: Format,
    /// Units in the signal, when known at its start.
    pub length: Option<u64>,
    /// Codec.
    pub codec: CodecId,
    /// Version of the codec's payload.
    pub bitstream: u8,
    /// Model that decoding needs.
    pub model: Option<ModelId>,
    /// Units that each chunk but the last codes beyond its end, cross-faded into the next.
    pub overlap: u32,
    /// Whether the end record has a hash of the output.
    pub hashed: bool,
    /// Whether the file is a single chunk, whose framing leaves out what the header says.
    pub single: bool,
    /// Whether a newer minor version wrote it, whose records may be unknown here.
    pub newer: bool,
}

impl Header {
    /// No header is longer: an extension of 4 KiB, and fields of less than 100 bytes.
    pub const MOST: u64 = 8192;

    /// For a file whose units follow `plan`; it is a single chunk where the length is known and fits one.
    pub fn new(
        format: Format,
        length: Option<u64>,
        codec: CodecId,
        bitstream: u8,
        model: Option<ModelId>,
        plan: &Plan,
    ) -> Self {
        let header = Self {
            format,
            length,
            codec,
            bitstream,
            model,
            overlap: plan.overlap,
            hashed: true,
            single: false,
            newer: false,
        };
        match length {
            Some(n) if n > 0 && n <= plan.longest() => header.single(n),
            _ => header,
        }
    }

    /// The header of the same signal as a single chunk of `units`.
    #[must_use]
    pub fn single(self, units: u64) -> Self {
        Self {
            length: Some(units),
            overlap: 0,
            single: true,
            ..self
        }
    }

    /// The length, where the file is a single chunk.
    pub const fn single_length(&self) -> Option<u64> {
        if self.single { self.length } else { None }
    }

    /// The header's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let flags = flag(self.length.is_some(), HAS_LENGTH)
            | flag(self.model.is_some(), HAS_MODEL)
            | flag(self.hashed, HAS_HASH)
            | flag(self.single, SINGLE);
        out.extend([MAJOR, MINOR, flags, self.codec.0, self.bitstream]);
        self.format.write(&mut out);
        if let Some(n) = self.length {
            put_varint(n, &mut out);
        }
        if let Some(id) = self.model {
            out.extend(id.0);
        }
        if !self.single {
            put_varint(u64::from(self.overlap), &mut out);
        }
        // Length of the extension field: empty in this version.
        out.push(0);
        let crc = crc32c::crc32c(&out);
        out.extend(crc.to_le_bytes());
        out
    }

    /// The header that `bytes` begin with.
    ///
    /// # Errors
    /// [`Error::Format`] for a damaged one or another kind of file, [`Error::Unsupported`] for a
    /// newer major version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Ok(Self::parse(&mut Fields::new(bytes))?)
    }

    /// Reads the header that a file begins with, and perhaps some bytes behind it.
    ///
    /// # Errors
    /// As for [`Self::from_bytes`]; [`Error::Io`].
    pub fn read(r: impl Read) -> Result<Self> {
        let mut head = Vec::new();
        r.take(Self::MOST).read_to_end(&mut head)?;
        Self::from_bytes(&head)
    }

    /// Reads a header as far as its bytes have come.
    pub(super) fn parse(r: &mut Fields<'_>) -> Parsed<Self> {
        if r.array()? != MAGIC {
            return Err(Error::Format("not an nc file".into()).into());
        }
        let major = r.byte()?;
        if major > MAJOR {
            return Err(Error::Unsupported(format!(
                "format version {major}, this program reads up to {MAJOR}"
            ))
            .into());
        }
        if major == 0 {
            return Err(Error::Format("format version 0".into()).into());
        }
        let newer = r.byte()? > MINOR;
        // What this minor version does not know is damage, unless a newer one has written it.
        let unknown = |what: String| match newer {
            true => Error::Unsupported(what),
            false => Error::Format(what.into()),
        };
        let flags = r.byte()?;
        if newer && flags & crate::tracks::FLAG != 0 {
            let what = "a file of several tracks where one of a single signal is read";
            return Err(Error::Unsupported(what.into()).into());
        }
        if flags & !KNOWN != 0 {
            return Err(unknown(format!("header flags {flags:#04x}")).into());
        }
        let codec = CodecId(r.byte()?);
        let bitstream = r.byte()?;
        let format = Format::read(r, &unknown)?;
        let length = match flags & HAS_LENGTH {
            0 => None,
            _ => Some(r.varint()?),
        };
        let model = match flags & HAS_MODEL {
            0 => None,
            _ => Some(ModelId(r.array()?)),
        };
        let single = flags & SINGLE != 0;
        let overlap = if single { 0 } else { r.varint()? };
        let overlap =
            u32::try_from(overlap).map_err(|_| Error::Format("overlap out of range".into()))?;
        // Sound alone is cross-faded.
        if overlap > 0 && !format.fades() {
            return Err(Error::Format("an overlap of what is no sound".into()).into());
        }
        let extension = r.varint()?;
        if extension > MAX_EXTENSION {
            return Err(Error::Format("header extension too long".into()).into());
        }
        r.bytes(extension as usize)?;
        let crc = crc32c::crc32c(r.read());
        if differs(crc, r.u32()?) {
            return Err(Error::Format("header checksum".into()).into());
        }
        if single && length.is_none_or(|n| n == 0) {
            return Err(Error::Format("a single chunk without a length".into()).into());
        }
        Ok(Self {
            format,
            length,
            codec,
            bitstream,
            model,
            overlap,
            hashed: flags & HAS_HASH != 0,
            single,
            newer,
        })
    }
}
