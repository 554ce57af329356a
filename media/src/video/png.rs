//! PNG files as samples of 8 bits, and back.
//!
//! Palettes and samples of fewer bits come as what they stand for. Text and colour profiles are passed over, however
//! many there are.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{BufRead, Seek, SeekFrom, Write};

use ::png::{BitDepth, ColorType, DecodingError, EncodingError, Limits, Transformations};
use nc_core::container::read_full;
use nc_core::{Budget, Error, Result};
use serde::{Deserialize, Serialize};

use crate::warning::{Warning, code};

/// Size of an image of 8-bit samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Samples of a pixel: grey, grey and alpha; red, green, blue; these and alpha.
    pub channels: u8,
}

impl Image {
    /// Pixels of the image.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        u64::from(self.width).saturating_mul(self.height.into())
    }

    /// Samples of the image.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.pixels().saturating_mul(self.channels.into())
    }

    /// False for grey.
    #[must_use]
    pub fn colour(&self) -> bool {
        self.channels > 2
    }

    /// Whether a pixel may show what is behind it.
    #[must_use]
    pub fn alpha(&self) -> bool {
        self.channels.is_multiple_of(2)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            width,
            height,
            channels,
        } = self;
        write!(f, "{width} x {height} pixels of {channels} channels")
    }
}

fn damaged(e: DecodingError) -> Error {
    match e {
        DecodingError::IoError(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => Error::Io(e),
        DecodingError::LimitsExceeded => Error::Limit("an image past the budget".into()),
        e => Error::Format(e.to_string().into()),
    }
}

/// A PNG whose samples are still to be read.
pub struct Png<R: BufRead + Seek> {
    reader: ::png::Reader<R>,
    image: Image,
}

impl<R: BufRead + Seek> Png<R> {
    /// Reads up to the samples.
    ///
    /// # Errors
    /// Format where it is none or damaged, Usage for more than 8 bits a sample, Limit past the budget; I/O.
    pub fn open(r: R, budget: &Budget) -> Result<Self> {
        let bytes = usize::try_from(budget.left()).unwrap_or(usize::MAX);
        let mut decoder = ::png::Decoder::new_with_limits(r, Limits { bytes });
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        decoder.set_transformations(Transformations::EXPAND);
        let reader = decoder.read_info().map_err(damaged)?;
        let (colour, depth) = reader.output_color_type();
        if depth != BitDepth::Eight {
            return Err(Error::Usage(
                "16 bits a sample: nc takes PNGs of 8, and makes no choice of what to leave out"
                    .into(),
            ));
        }
        let (width, height) = reader.info().size();
        let channels = colour.samples() as u8;
        let image = Image {
            width,
            height,
            channels,
        };
        Ok(Self { reader, image })
    }

    /// Its size.
    pub fn image(&self) -> Image {
        self.image
    }

    /// Its samples, those of a pixel adjacent, line after line; charged to `budget`.
    ///
    /// # Errors
    /// Format where it is damaged, Limit past the budget; I/O.
    pub fn samples(mut self, budget: &mut Budget) -> Result<Vec<u8>> {
        let n = self.image.samples();
        budget.charge(n)?;
        let long = || Error::Limit("an image past the budget".into());
        let mut samples = vec![0; usize::try_from(n).map_err(|_| long())?];
        self.reader.next_frame(&mut samples).map_err(damaged)?;
        Ok(samples)
    }
}

/// What a PNG says beside its pixels, by the names of its chunks; those that lose nothing are left out. `...` stands for bytes
/// behind the end.
///
/// # Errors
/// I/O.
pub fn said(mut r: impl BufRead + Seek) -> Result<BTreeSet<[u8; 4]>> {
    let mut names = BTreeSet::new();
    r.seek(SeekFrom::Start(8))?;
    loop {
        let mut head = [0; 8];
        if read_full(&mut r, &mut head)? < head.len() {
            return Ok(names);
        }
        let [a, b, c, d, name @ ..] = head;
        if !SILENT.contains(&&name) {
            names.insert(name);
        }
        // The content and its checksum.
        r.seek_relative(i64::from(u32::from_be_bytes([a, b, c, d])) + 4)?;
        if &name == b"IEND" {
            if !r.fill_buf()?.is_empty() {
                names.insert(*b"....");
            }
            return Ok(names);
        }
    }
}

/// Chunks that are the picture, or say nothing that is lost with them: sRGB is what is taken for granted.
const SILENT: [&[u8; 4]; 9] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"sRGB", b"fcTL", b"fdAT", b"sBIT",
];

/// What is said of chunks that are not kept.
pub(crate) fn not_kept(names: &BTreeSet<[u8; 4]>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut others = Vec::new();
    for name in names {
        match name {
            b"acTL" => {
                let text = "an animation: its first picture alone was read";
                warnings.push(Warning::new(code::FRAMES_LEFT_OUT, text));
            }
            b"...." => {
                let text = "bytes behind the end were left out";
                warnings.push(Warning::new(code::BYTES_AFTER, text));
            }
            name => others.push(name.escape_ascii().to_string()),
        }
    }
    if !others.is_empty() {
        let text = format!(
            "what a PNG says beside its pixels was left out: {}",
            others.join(", ")
        );
        warnings.push(Warning::new(code::METADATA_NOT_KEPT, text));
    }
    warnings
}

/// Writes an image.
///
/// # Errors
/// Format for samples that do not fit the size; I/O.
pub fn write(out: impl Write, image: Image, samples: &[u8]) -> Result<()> {
    let failed = |e| match e {
        EncodingError::IoError(e) => Error::Io(e),
        e => Error::Format(e.to_string().into()),
    };
    let mut encoder = ::png::Encoder::new(out, image.width, image.height);
    encoder.set_color(match image.channels {
        1 => ColorType::Grayscale,
        2 => ColorType::GrayscaleAlpha,
        3 => ColorType::Rgb,
        _ => ColorType::Rgba,
    });
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(::png::Compression::Fast);
    encoder.set_filter(::png::Filter::Adaptive);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(samples).map_err(failed)?;
    writer.finish().map_err(failed)
}
