//! PNG files as samples of 8 or 16 bits, and back.
//!
//! Palettes and samples of fewer bits come as what they stand for. Text and colour profiles are passed over, however
//! many there are; the readers of images keep them.

use std::fmt;
use std::io::{BufRead, Seek, Write};

use ::png::{BitDepth, ColorType, DecodingError, EncodingError, Limits, Transformations};
use nc_core::container::Meta;
use nc_core::{Budget, Error, Result};
use serde::{Deserialize, Serialize};

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
    /// Whether samples have 16 bits.
    deep: bool,
}

impl<R: BufRead + Seek> Png<R> {
    /// Reads up to the samples.
    ///
    /// # Errors
    /// Format where it is none or damaged, Limit past the budget; I/O.
    pub fn open(r: R, budget: &Budget) -> Result<Self> {
        let bytes = usize::try_from(budget.left()).unwrap_or(usize::MAX);
        let mut decoder = ::png::Decoder::new_with_limits(r, Limits { bytes });
        decoder.set_ignore_text_chunk(true);
        decoder.set_ignore_iccp_chunk(true);
        decoder.set_transformations(Transformations::EXPAND);
        let reader = decoder.read_info().map_err(damaged)?;
        let (colour, depth) = reader.output_color_type();
        let (width, height) = reader.info().size();
        let channels = colour.samples() as u8;
        let image = Image {
            width,
            height,
            channels,
        };
        let deep = depth == BitDepth::Sixteen;
        Ok(Self {
            reader,
            image,
            deep,
        })
    }

    /// Its size.
    pub fn image(&self) -> Image {
        self.image
    }

    /// Whether its samples have 16 bits.
    pub fn deep(&self) -> bool {
        self.deep
    }

    /// Its samples, those of a pixel adjacent, line after line; charged to `budget`.
    ///
    /// # Errors
    /// Usage for more than 8 bits a sample, Format where it is damaged, Limit past the budget; I/O.
    pub fn samples(self, budget: &mut Budget) -> Result<Vec<u8>> {
        if self.deep {
            return Err(Error::Usage(
                "16 bits a sample: records of images take PNGs of 8".into(),
            ));
        }
        self.bytes(1, budget)
    }

    /// The same of 16 bits, or of 8 where it has no more.
    ///
    /// # Errors
    /// Format where it is damaged, Limit past the budget; I/O.
    pub fn deep_samples(self, budget: &mut Budget) -> Result<Vec<u16>> {
        budget.charge(self.image.samples().saturating_mul(2))?;
        Ok(match self.deep {
            false => self.bytes(1, budget)?.into_iter().map(u16::from).collect(),
            true => {
                let bytes = self.bytes(2, budget)?;
                let (pairs, _) = bytes.as_chunks::<2>();
                pairs.iter().map(|p| u16::from_be_bytes(*p)).collect()
            }
        })
    }

    fn bytes(mut self, each: u64, budget: &mut Budget) -> Result<Vec<u8>> {
        let n = self.image.samples().saturating_mul(each);
        budget.charge(n)?;
        let long = || Error::Limit("an image past the budget".into());
        let mut samples = vec![0; usize::try_from(n).map_err(|_| long())?];
        self.reader.next_frame(&mut samples).map_err(damaged)?;
        Ok(samples)
    }
}

/// Writes an image of 8 bits a sample.
///
/// # Errors
/// Format for samples that do not fit the size; I/O.
pub fn write(out: impl Write, image: Image, samples: &[u8]) -> Result<()> {
    write_all(out, image, BitDepth::Eight, samples, &[])
}

/// Writes an image with chunks before its pixels; `deep` samples are two bytes each, the high one first.
///
/// # Errors
/// As for [`write`].
pub(crate) fn write_with(
    out: impl Write,
    image: Image,
    deep: bool,
    samples: &[u8],
    chunks: &[Meta],
) -> Result<()> {
    let depth = match deep {
        true => BitDepth::Sixteen,
        false => BitDepth::Eight,
    };
    write_all(out, image, depth, samples, chunks)
}

fn write_all(
    out: impl Write,
    image: Image,
    depth: BitDepth,
    samples: &[u8],
    chunks: &[Meta],
) -> Result<()> {
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
    encoder.set_depth(depth);
    encoder.set_compression(::png::Compression::Fast);
    encoder.set_filter(::png::Filter::Adaptive);
    let mut writer = encoder.write_header().map_err(failed)?;
    for chunk in chunks {
        let name = ::png::chunk::ChunkType(chunk.tag);
        writer.write_chunk(name, &chunk.data).map_err(failed)?;
    }
    writer.write_image_data(samples).map_err(failed)?;
    writer.finish().map_err(failed)
}
