//! The header: what the signal is, which codec and model it needs.

use std::io::Read;

use super::wire::{Reader, put_varint};
use super::{MAGIC, MAJOR, MINOR, differs};
use crate::{Chroma, CodecId, Error, Format, ModelId, Plan, Result, SampleDepth, VideoFormat};

const HAS_LENGTH: u8 = 1;
const HAS_MODEL: u8 = 2;
const HAS_HASH: u8 = 4;
const LONE: u8 = 8;
const KNOWN: u8 = HAS_LENGTH | HAS_MODEL | HAS_HASH | LONE;

/// Most variables of a record.
const MAX_VARIABLES: u32 = 1 << 20;
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
    /// Whether the file is one chunk without framing of its own.
    pub lone: bool,
    /// Whether a newer minor version wrote it, whose records may be unknown here.
    pub newer: bool,
}

const fn depth_code(d: SampleDepth) -> u8 {
    match d {
        SampleDepth::U8 => 0,
        SampleDepth::I16 => 1,
        SampleDepth::I24 => 2,
        SampleDepth::I32 => 3,
        SampleDepth::F32 => 4,
    }
}

/// Chroma in bits 0 and 1, `rgb` in bit 2, bits beyond 8 above.
const fn layout_code(v: &VideoFormat) -> u8 {
    let chroma = match v.chroma {
        Chroma::Gray => 0,
        Chroma::C420 => 1,
        Chroma::C422 => 2,
        Chroma::C444 => 3,
    };
    chroma | (v.rgb as u8) << 2 | v.bits.saturating_sub(8) << 3
}

impl Header {
    /// For a file whose units follow `plan`.
    pub fn new(
        format: Format,
        length: Option<u64>,
        codec: CodecId,
        bitstream: u8,
        model: Option<ModelId>,
        plan: &Plan,
    ) -> Self {
        let most = plan.chunk.saturating_add(u64::from(plan.overlap));
        let lone = length.is_some_and(|n| n > 0 && n <= most);
        let overlap = if lone { 0 } else { plan.overlap };
        Self {
            format,
            length,
            codec,
            bitstream,
            model,
            overlap,
            hashed: true,
            lone,
            newer: false,
        }
    }

    /// The header's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let flags = flag(self.length.is_some(), HAS_LENGTH)
            | flag(self.model.is_some(), HAS_MODEL)
            | flag(self.hashed, HAS_HASH)
            | flag(self.lone, LONE);
        out.extend([MAJOR, MINOR, flags, self.codec.0, self.bitstream]);
        match self.format {
            Format::Bytes => out.push(0),
            Format::Audio {
                rate,
                channels,
                depth,
            } => {
                out.push(1);
                put_varint(u64::from(rate), &mut out);
                put_varint(u64::from(channels), &mut out);
                out.push(depth_code(depth));
            }
            Format::Records { variables } => {
                out.push(2);
                put_varint(u64::from(variables), &mut out);
            }
            Format::Video(v) => {
                out.push(3);
                for n in [v.width, v.height, v.rate[0], v.rate[1]] {
                    put_varint(u64::from(n), &mut out);
                }
                out.push(layout_code(&v));
            }
        }
        if let Some(n) = self.length {
            put_varint(n, &mut out);
        }
        if let Some(id) = self.model {
            out.extend(id.0);
        }
        if !self.lone {
            put_varint(u64::from(self.overlap), &mut out);
        }
        // Length of the extension field: empty in this version.
        out.push(0);
        let crc = crc32c::crc32c(&out);
        out.extend(crc.to_le_bytes());
        out
    }

    /// Reads a header.
    ///
    /// # Errors
    /// [`Error::Format`] for a damaged one or another kind of file, [`Error::Unsupported`] for a
    /// newer major version.
    pub fn read<R: Read>(r: &mut Reader<R>) -> Result<Self> {
        let mut seen = Vec::with_capacity(64);
        let mut r = Tee { r, seen: &mut seen };
        let mut magic = [0; 8];
        r.fill(&mut magic)?;
        if magic != MAGIC {
            return Err(Error::Format("not an nc file".into()));
        }
        let major = r.byte()?;
        if major > MAJOR {
            return Err(Error::Unsupported(format!(
                "format version {major}, this program reads up to {MAJOR}"
            )));
        }
        if major == 0 {
            return Err(Error::Format("format version 0".into()));
        }
        let newer = r.byte()? > MINOR;
        // What this minor version does not know is damage, unless a newer one has written it.
        let unknown = |what: String| match newer {
            true => Error::Unsupported(what),
            false => Error::Format(what.into()),
        };
        let flags = r.byte()?;
        if flags & !KNOWN != 0 {
            return Err(unknown(format!("header flags {flags:#04x}")));
        }
        let codec = CodecId(r.byte()?);
        let bitstream = r.byte()?;
        let small = |v: u64, what: &str| {
            u32::try_from(v).map_err(|_| Error::Format(format!("{what} out of range").into()))
        };
        let format = match r.byte()? {
            0 => Format::Bytes,
            1 => {
                let rate = small(r.varint()?, "sample rate")?;
                let channels = small(r.varint()?, "channels")?;
                let depth = match r.byte()? {
                    0 => SampleDepth::U8,
                    1 => SampleDepth::I16,
                    2 => SampleDepth::I24,
                    3 => SampleDepth::I32,
                    4 => SampleDepth::F32,
                    other => return Err(unknown(format!("sample depth {other}"))),
                };
                if rate == 0 || rate > 768_000 || channels == 0 || channels > 255 {
                    return Err(Error::Format(
                        format!("{channels} channels at {rate} Hz").into(),
                    ));
                }
                Format::Audio {
                    rate,
                    channels: channels as u16,
                    depth,
                }
            }
            2 => {
                let variables = small(r.varint()?, "variables")?;
                if !(1..=MAX_VARIABLES).contains(&variables) {
                    return Err(Error::Format(format!("{variables} variables").into()));
                }
                Format::Records { variables }
            }
            3 => {
                let (width, height) = (r.varint()?, r.varint()?);
                let rate = [r.varint()?, r.varint()?];
                let layout = r.byte()?;
                let chroma = match layout & 3 {
                    0 => Chroma::Gray,
                    1 => Chroma::C420,
                    2 => Chroma::C422,
                    _ => Chroma::C444,
                };
                let v = VideoFormat {
                    width: small(width, "width")?,
                    height: small(height, "height")?,
                    rate: [small(rate[0], "frame rate")?, small(rate[1], "frame rate")?],
                    chroma,
                    bits: (layout >> 3).saturating_add(8),
                    rgb: layout & 4 != 0,
                };
                if !v.is_valid() {
                    return Err(Error::Format(
                        format!(
                            "video of {} x {} at {} bits, {}/{} frames per second",
                            v.width, v.height, v.bits, v.rate[0], v.rate[1]
                        )
                        .into(),
                    ));
                }
                Format::Video(v)
            }
            other => return Err(unknown(format!("media kind {other}"))),
        };
        let length = if flags & HAS_LENGTH != 0 {
            Some(r.varint()?)
        } else {
            None
        };
        let model = if flags & HAS_MODEL != 0 {
            let mut id = [0; 8];
            r.fill(&mut id)?;
            Some(ModelId(id))
        } else {
            None
        };
        let lone = flags & LONE != 0;
        let overlap = if lone {
            0
        } else {
            small(r.varint()?, "overlap")?
        };
        // Sound alone is cross-faded.
        if overlap > 0 && !matches!(format, Format::Audio { .. }) {
            return Err(Error::Format("an overlap of what is no sound".into()));
        }
        let extension = r.varint()?;
        if extension > MAX_EXTENSION {
            return Err(Error::Format("header extension too long".into()));
        }
        for _ in 0..extension {
            r.byte()?;
        }
        let crc = crc32c::crc32c(r.seen);
        if differs(crc, r.r.u32()?) {
            return Err(Error::Format("header checksum".into()));
        }
        if lone && length.is_none_or(|n| n == 0) {
            return Err(Error::Format("lone chunk without a length".into()));
        }
        Ok(Self {
            format,
            length,
            codec,
            bitstream,
            model,
            overlap,
            hashed: flags & HAS_HASH != 0,
            lone,
            newer,
        })
    }
}

/// Keeps what was read, for the checksum.
struct Tee<'a, R> {
    r: &'a mut Reader<R>,
    seen: &'a mut Vec<u8>,
}

impl<R: Read> Tee<'_, R> {
    fn fill(&mut self, buf: &mut [u8]) -> Result<()> {
        self.r.fill(buf)?;
        self.seen.extend_from_slice(buf);
        Ok(())
    }

    fn byte(&mut self) -> Result<u8> {
        let mut b = [0];
        self.fill(&mut b)?;
        Ok(b[0])
    }

    fn varint(&mut self) -> Result<u64> {
        let v = self.r.varint()?;
        // The shortest form is the only one, so writing it again gives the bytes that were read.
        put_varint(v, self.seen);
        Ok(v)
    }
}
