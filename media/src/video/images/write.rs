//! Writing images in the format that a name asks for.

use std::io::Write;
use std::path::Path;

use nc_core::container::Meta;
use nc_core::{Error, Result};

use super::{Form, ImageFormat, said};
use crate::video::png;
use crate::warning::Warning;
#[cfg(feature = "pictures")]
use crate::warning::code;

/// Endings of names of images that are written.
const ENDINGS: [(&str, ImageFormat); 14] = [
    ("png", ImageFormat::Png),
    ("jpg", ImageFormat::Jpeg),
    ("jpeg", ImageFormat::Jpeg),
    ("webp", ImageFormat::WebP),
    ("gif", ImageFormat::Gif),
    ("tif", ImageFormat::Tiff),
    ("tiff", ImageFormat::Tiff),
    ("bmp", ImageFormat::Bmp),
    ("ppm", ImageFormat::Pnm),
    ("pgm", ImageFormat::Pnm),
    ("pnm", ImageFormat::Pnm),
    ("pam", ImageFormat::Pam),
    ("qoi", ImageFormat::Qoi),
    ("apng", ImageFormat::Png),
];

/// The format that a name asks for, where it is one of images.
pub(crate) fn is_written(path: &Path) -> Option<ImageFormat> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    let (_, format) = ENDINGS.iter().find(|(e, _)| *e == ending)?;
    Some(*format)
}

/// Writes an image, and what is said beside it as far as the format holds that; gives what is to be told.
///
/// Samples are those of a pixel adjacent, of 8 or 16 bits by `form`.
///
/// # Errors
/// Usage for what the format does not hold; I/O.
pub(crate) fn write(
    format: ImageFormat,
    mut out: impl Write,
    form: Form,
    samples: &[u16],
    metadata: &[Meta],
) -> Result<Vec<Warning>> {
    if format == ImageFormat::Png {
        let chunks: Vec<Meta> = metadata
            .iter()
            .filter(|m| said::is_chunk(&m.tag))
            .cloned()
            .collect();
        let image = png::Image {
            width: form.width,
            height: form.height,
            channels: form.channels() as u8,
        };
        let bytes: Vec<u8> = match form.deep {
            true => samples.iter().flat_map(|s| s.to_be_bytes()).collect(),
            false => samples.iter().map(|s| *s as u8).collect(),
        };
        png::write_with(&mut out, image, form.deep, &bytes, &chunks)?;
        return Ok(Vec::new());
    }
    let (bytes, warnings) = others(format, form, samples, metadata)?;
    out.write_all(&bytes)?;
    Ok(warnings)
}

#[cfg(not(feature = "pictures"))]
fn others(format: ImageFormat, _: Form, _: &[u16], _: &[Meta]) -> Result<(Vec<u8>, Vec<Warning>)> {
    Err(super::not_built_in(format))
}

/// Quality of JPEGs, of 100.
#[cfg(feature = "pictures")]
const JPEG: u8 = 95;

#[cfg(feature = "pictures")]
fn others(
    format: ImageFormat,
    form: Form,
    samples: &[u16],
    metadata: &[Meta],
) -> Result<(Vec<u8>, Vec<Warning>)> {
    use image::codecs::{bmp, gif, jpeg, qoi, tiff, webp};
    use image::{ExtendedColorType as Type, ImageEncoder};

    let mut warnings = Vec::new();
    let (mut form, mut samples) = (form, samples.to_vec());
    let holds_deep = matches!(
        format,
        ImageFormat::Tiff | ImageFormat::Pnm | ImageFormat::Pam
    );
    if form.deep && !holds_deep {
        let text = "16 bits a sample became 8, which is what the output holds";
        warnings.push(Warning::new(code::BITS_REDUCED, text));
        form.deep = false;
        for s in &mut samples {
            // The nearest of 256 levels: 65535 becomes 255.
            *s = ((u32::from(*s) * 255 + 32_767) / 65_535) as u16;
        }
    }
    if form.alpha && matches!(format, ImageFormat::Jpeg | ImageFormat::Pnm) {
        let why = "the format holds no opacity; PNG, WebP and PAM do";
        return Err(Error::Usage(why.into()).coded(code::TRANSPARENT));
    }
    // What has no form for grey, or for grey with opacity, gets colours.
    let greys = match format {
        ImageFormat::Gif | ImageFormat::Qoi => false,
        ImageFormat::Tiff | ImageFormat::Bmp => !form.alpha,
        _ => true,
    };
    if !form.colour && !greys {
        let channels = form.channels();
        samples = samples
            .chunks_exact(channels)
            .flat_map(|p| {
                let grey = p.first().copied().unwrap_or_default();
                [grey; 3].into_iter().chain(p.get(1).copied())
            })
            .collect();
        form.colour = true;
    }
    let kind = match (form.colour, form.alpha, form.deep) {
        (false, false, false) => Type::L8,
        (false, true, false) => Type::La8,
        (true, false, false) => Type::Rgb8,
        (true, true, false) => Type::Rgba8,
        (false, false, true) => Type::L16,
        (false, true, true) => Type::La16,
        (true, false, true) => Type::Rgb16,
        (true, true, true) => Type::Rgba16,
    };
    let bytes: Vec<u8> = match form.deep {
        true => samples.iter().flat_map(|s| s.to_ne_bytes()).collect(),
        false => samples.iter().map(|s| *s as u8).collect(),
    };
    let mut left: Vec<String> = Vec::new();
    let mut keep = |encoder: &mut dyn Keeps| {
        for m in metadata.iter().filter(|m| said::is_chunk(&m.tag)) {
            let kept = match &m.tag {
                b"iCCP" => said::profile_in(m).is_some_and(|p| encoder.profile(p)),
                b"eXIf" => encoder.exif(m.data.clone()),
                // What is taken for granted.
                b"sRGB" => true,
                _ => false,
            };
            let name = m.tag.escape_ascii().to_string();
            if !kept && !left.contains(&name) {
                left.push(name);
            }
        }
    };
    let mut out = Vec::new();
    let (w, h) = (form.width, form.height);
    let written = match format {
        ImageFormat::Jpeg => {
            let text = "JPEG holds the picture with losses";
            warnings.push(Warning::new(code::CODED_AGAIN, text));
            let mut encoder = jpeg::JpegEncoder::new_with_quality(&mut out, JPEG);
            keep(&mut encoder);
            encoder.write_image(&bytes, w, h, kind)
        }
        ImageFormat::WebP => {
            let mut encoder = webp::WebPEncoder::new_lossless(&mut out);
            keep(&mut encoder);
            encoder.write_image(&bytes, w, h, kind)
        }
        ImageFormat::Tiff => {
            let mut file = std::io::Cursor::new(&mut out);
            let mut encoder = tiff::TiffEncoder::new(&mut file);
            keep(&mut encoder);
            encoder.write_image(&bytes, w, h, kind)
        }
        ImageFormat::Bmp => {
            keep(&mut Nothing);
            bmp::BmpEncoder::new(&mut out).encode(&bytes, w, h, kind)
        }
        ImageFormat::Gif => {
            keep(&mut Nothing);
            if few_colours(&samples, form.channels()) {
                // Exact: the palette is that of the picture.
            } else {
                let text = "GIF holds 256 colours, and the picture has more";
                warnings.push(Warning::new(code::CODED_AGAIN, text));
            }
            gif::GifEncoder::new(&mut out).encode(&bytes, w, h, kind)
        }
        ImageFormat::Qoi => {
            keep(&mut Nothing);
            qoi::QoiEncoder::new(&mut out).write_image(&bytes, w, h, kind)
        }
        ImageFormat::Pnm | ImageFormat::Pam | ImageFormat::Png => {
            keep(&mut Nothing);
            out = pnm(form, &samples);
            Ok(())
        }
    };
    written.map_err(|e| match e {
        image::ImageError::IoError(e) => Error::Io(e),
        e => Error::Usage(e.to_string()).coded(code::NOT_WRITTEN),
    })?;
    warnings.extend(said::not_kept(&left));
    Ok((out, warnings))
}

/// A PGM or PPM, or with opacity a PAM: a head in words, then samples, of two bytes the high one first.
#[cfg(feature = "pictures")]
fn pnm(form: Form, samples: &[u16]) -> Vec<u8> {
    let (w, h, channels) = (form.width, form.height, form.channels());
    let most = if form.deep {
        u16::MAX
    } else {
        u16::from(u8::MAX)
    };
    let mut out = match (form.colour, form.alpha) {
        (false, false) => format!("P5\n{w} {h}\n{most}\n"),
        (true, false) => format!("P6\n{w} {h}\n{most}\n"),
        (colour, true) => {
            let kind = if colour { "RGB_ALPHA" } else { "GRAYSCALE_ALPHA" };
            format!("P7\nWIDTH {w}\nHEIGHT {h}\nDEPTH {channels}\nMAXVAL {most}\nTUPLTYPE {kind}\nENDHDR\n")
        }
    }
    .into_bytes();
    match form.deep {
        true => out.extend(samples.iter().flat_map(|s| s.to_be_bytes())),
        false => out.extend(samples.iter().map(|s| *s as u8)),
    }
    out
}

/// Whether there are at most 256 colours, and opacity is all or nothing.
#[cfg(feature = "pictures")]
fn few_colours(samples: &[u16], channels: usize) -> bool {
    let mut seen = std::collections::HashSet::new();
    samples.chunks_exact(channels).all(|p| {
        let binary = channels < 4 || p.last().is_none_or(|a| matches!(a, 0 | 255));
        binary && (seen.contains(p) || seen.insert(p)) && seen.len() <= 256
    })
}

/// What an encoder keeps of what is said beside the pixels.
#[cfg(feature = "pictures")]
trait Keeps {
    fn profile(&mut self, profile: Vec<u8>) -> bool;
    fn exif(&mut self, exif: Vec<u8>) -> bool;
}

#[cfg(feature = "pictures")]
impl<E: image::ImageEncoder> Keeps for E {
    fn profile(&mut self, profile: Vec<u8>) -> bool {
        self.set_icc_profile(profile).is_ok()
    }

    fn exif(&mut self, exif: Vec<u8>) -> bool {
        self.set_exif_metadata(exif).is_ok()
    }
}

/// A format that keeps none of it.
#[cfg(feature = "pictures")]
struct Nothing;

#[cfg(feature = "pictures")]
impl Keeps for Nothing {
    fn profile(&mut self, _: Vec<u8>) -> bool {
        false
    }

    fn exif(&mut self, _: Vec<u8>) -> bool {
        false
    }
}
