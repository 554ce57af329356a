//! Files of images: what they are, their pixels, and what they say beside them.
//!
//! PNG is read here in any build; JPEG, WebP, GIF, TIFF, BMP, PNM, QOI and animations with the feature `pictures`, through
//! the crate `image`. Pixels come as they are: red, green and blue or grey, with or without opacity, of 8 or 16 bits.
//! What a file says beside them is kept as the chunks of a PNG that say the same ([`said`]).

#[cfg(feature = "pictures")]
mod others;
pub(crate) mod said;
mod tiff;
mod write;

use std::io::Cursor;

use nc_core::container::Meta;
use nc_core::{Budget, Chroma, Colour, Error, Result, VideoFormat};

use super::png::Png;
use crate::warning::{Warning, code};

pub(crate) use write::{is_written, write};

/// A format of image files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImageFormat {
    Png,
    Jpeg,
    WebP,
    Gif,
    Tiff,
    Bmp,
    Pnm,
    /// A PNM that may have opacity; read as any other.
    Pam,
    Qoi,
}

impl ImageFormat {
    /// The format of a file that begins so, if it is one of images.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        let at = |from: usize, what: &[u8]| head.get(from..).is_some_and(|h| h.starts_with(what));
        let (name, _) = [
            (Self::Png, at(0, b"\x89PNG\r\n\x1a\n")),
            (Self::Jpeg, at(0, b"\xFF\xD8\xFF")),
            (Self::WebP, at(0, b"RIFF") && at(8, b"WEBP")),
            (Self::Gif, at(0, b"GIF87a") || at(0, b"GIF89a")),
            (Self::Tiff, at(0, b"II*\0") || at(0, b"MM\0*")),
            // The reserved fields are zero, and a head of a known size follows.
            (Self::Bmp, at(0, b"BM") && at(6, &[0; 4]) && at(15, &[0; 3])),
            (Self::Qoi, at(0, b"qoif")),
            (
                Self::Pnm,
                matches!(
                    head,
                    [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t' | b'#', ..]
                ),
            ),
        ]
        .into_iter()
        .find(|(_, is)| *is)?;
        Some(name)
    }
}

/// Size of an image and what its pixels hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) colour: bool,
    pub(crate) alpha: bool,
    /// Whether samples have 16 bits and not 8.
    pub(crate) deep: bool,
}

impl Form {
    pub(crate) fn channels(self) -> usize {
        let colours = if self.colour { 3 } else { 1 };
        colours + usize::from(self.alpha)
    }

    fn samples(self) -> u64 {
        // At most 2^64: two edges of 32 bits, checked before anything is made.
        (u64::from(self.width) * u64::from(self.height)).saturating_mul(self.channels() as u64)
    }

    /// The form that holds both.
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            colour: self.colour || other.colour,
            alpha: self.alpha || other.alpha,
            deep: self.deep || other.deep,
            ..self
        }
    }

    /// The same for a signal.
    ///
    /// # Errors
    /// [`Error::Limit`] for a size beyond the limits.
    pub(crate) fn format(self, rate: [u32; 2]) -> Result<VideoFormat> {
        let format = VideoFormat {
            width: self.width,
            height: self.height,
            rate,
            chroma: if self.colour {
                Chroma::C444
            } else {
                Chroma::Gray
            },
            bits: if self.deep { 16 } else { 8 },
            colour: if self.colour {
                Colour::Rgb
            } else {
                Colour::Image
            },
            alpha: self.alpha,
        };
        format.frame_samples().map_err(|_| {
            let edge = nc_core::kind::video::MAX_EDGE;
            let (width, height) = (self.width, self.height);
            let what =
                format!("an image of {width} x {height}; nc takes 1 to {edge} along an edge");
            Error::Limit(what.into())
        })?;
        Ok(format)
    }
}

/// An image: the samples of a pixel adjacent, line after line.
pub(crate) struct Pixels {
    pub(crate) form: Form,
    pub(crate) samples: Vec<u16>,
}

impl Pixels {
    /// The same without opacity, where all of it is opaque.
    #[cfg(feature = "pictures")]
    fn without_idle_opacity(self) -> Self {
        let channels = self.form.channels();
        let opaque = if self.form.deep {
            u16::MAX
        } else {
            u16::from(u8::MAX)
        };
        let pixels = || self.samples.chunks_exact(channels);
        if !self.form.alpha || pixels().any(|p| p.last() != Some(&opaque)) {
            return self;
        }
        let colours = channels - 1;
        let samples = pixels()
            .flat_map(|p| p.iter().take(colours))
            .copied()
            .collect();
        let form = Form {
            alpha: false,
            ..self.form
        };
        Self { form, samples }
    }

    /// Its planes, as an image of `form` has them that holds this one's.
    pub(crate) fn planes(&self, form: Form) -> Vec<u16> {
        let is = self.form;
        let n = (self.samples.len() / is.channels().max(1)).max(1);
        // 255 to 65535 and all between, where others have more bits.
        let scale = if form.deep && !is.deep { 257 } else { 1 };
        let opaque = if form.deep {
            u16::MAX
        } else {
            u16::from(u8::MAX)
        };
        let channel = |c: usize| {
            let pixels = self.samples.chunks_exact(is.channels().max(1));
            // A format holds no channel that the largest form of its images has not.
            pixels.map(move |p| p.get(c).map_or(0, |s| s * scale))
        };
        let mut out = Vec::with_capacity(n * form.channels());
        for c in 0..if form.colour { 3 } else { 1 } {
            out.extend(channel(if is.colour { c } else { 0 }));
        }
        match (form.alpha, is.alpha) {
            (true, true) => out.extend(channel(is.channels() - 1)),
            (true, false) => out.extend(std::iter::repeat_n(opaque, n)),
            (false, _) => {}
        }
        out
    }
}

/// The form of the image in a file, without its pixels.
///
/// # Errors
/// Format where it is damaged, Unsupported for what is not read, Limit past the budget.
pub(crate) fn form(format: ImageFormat, bytes: &[u8], budget: &Budget) -> Result<Form> {
    if format != ImageFormat::Png {
        return other_form(format, bytes, budget);
    }
    let png = Png::open(Cursor::new(bytes), budget)?;
    Ok(form_of_png(&png))
}

fn form_of_png<R: std::io::BufRead + std::io::Seek>(png: &Png<R>) -> Form {
    let image = png.image();
    Form {
        width: image.width,
        height: image.height,
        colour: image.colour(),
        alpha: image.alpha(),
        deep: png.deep(),
    }
}

/// The image of a file, of an animation the first; charged to `budget`.
///
/// # Errors
/// As for [`form`].
pub(crate) fn pixels(format: ImageFormat, bytes: &[u8], budget: &mut Budget) -> Result<Pixels> {
    if format != ImageFormat::Png {
        return other_pixels(format, bytes, budget);
    }
    let png = Png::open(Cursor::new(bytes), budget)?;
    let form = form_of_png(&png);
    form.format([0, 0])?;
    let samples = png.deep_samples(budget)?;
    Ok(Pixels { form, samples })
}

#[cfg(feature = "pictures")]
use others::{form as other_form, pixels as other_pixels};

#[cfg(feature = "pictures")]
pub(crate) use others::{Playing, animation};

#[cfg(not(feature = "pictures"))]
fn not_built_in(format: ImageFormat) -> Error {
    Error::Unsupported(format!("{format:?} images: this build reads PNGs alone"))
        .coded(code::NOT_BUILT_IN)
}

#[cfg(not(feature = "pictures"))]
fn other_form(format: ImageFormat, _: &[u8], _: &Budget) -> Result<Form> {
    Err(not_built_in(format))
}

#[cfg(not(feature = "pictures"))]
fn other_pixels(format: ImageFormat, _: &[u8], _: &mut Budget) -> Result<Pixels> {
    Err(not_built_in(format))
}

/// What is said where none of it is written.
pub(crate) fn not_kept_of(metadata: &[Meta]) -> Option<Warning> {
    let names: Vec<String> = metadata
        .iter()
        .filter(|m| said::is_chunk(&m.tag) && &m.tag != b"sRGB")
        .map(|m| m.tag.escape_ascii().to_string())
        .collect();
    said::not_kept(&names)
}

/// What is said of an animation of which the first image alone is read.
pub(crate) fn first_alone() -> Warning {
    let text = "an animation: its first picture alone was read";
    Warning::new(code::FRAMES_LEFT_OUT, text)
}
