//! Images that the crate `image` reads.

use std::io::Cursor;
use std::sync::mpsc::{Receiver, sync_channel};

use image::codecs::{bmp, gif, jpeg, png, pnm, qoi, tiff, webp};
use image::error::{ImageError, LimitErrorKind};
use image::{AnimationDecoder, ColorType, Frames, ImageDecoder, Limits};
use nc_core::kind::video::MAX_EDGE;
use nc_core::{Budget, Error, Result};

use super::{Form, ImageFormat, Pixels};
use crate::warning::code;

fn failed(e: ImageError) -> Error {
    match e {
        ImageError::IoError(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => Error::Io(e),
        ImageError::Limits(e) => match e.kind() {
            LimitErrorKind::DimensionError => Error::Limit(
                format!("an image of more than {MAX_EDGE} pixels along an edge").into(),
            ),
            _ => Error::Limit("an image past the budget".into()),
        },
        ImageError::Unsupported(e) => {
            Error::Unsupported(e.to_string()).coded(code::ENCODING_NOT_READ)
        }
        e => Error::Format(e.to_string().into()),
    }
}

fn limits(budget: &Budget) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(budget.left());
    limits.max_image_width = Some(MAX_EDGE);
    limits.max_image_height = Some(MAX_EDGE);
    limits
}

fn decoder<'a>(
    format: ImageFormat,
    bytes: &'a [u8],
    budget: &Budget,
) -> Result<Box<dyn ImageDecoder + 'a>> {
    let mut held = budget.share();
    if format == ImageFormat::Tiff {
        super::tiff::check(bytes, &mut held)?;
    }
    let r = Cursor::new(bytes);
    let mut decoder: Box<dyn ImageDecoder + 'a> = match format {
        ImageFormat::Png => {
            Box::new(png::PngDecoder::with_limits(r, limits(budget)).map_err(failed)?)
        }
        ImageFormat::Jpeg => Box::new(jpeg::JpegDecoder::new(r).map_err(failed)?),
        ImageFormat::WebP => Box::new(webp::WebPDecoder::new(r).map_err(failed)?),
        ImageFormat::Gif => Box::new(gif::GifDecoder::new(r).map_err(failed)?),
        ImageFormat::Tiff => Box::new(tiff::TiffDecoder::new(r).map_err(failed)?),
        ImageFormat::Bmp => Box::new(bmp::BmpDecoder::new(r).map_err(failed)?),
        ImageFormat::Pnm | ImageFormat::Pam => Box::new(pnm::PnmDecoder::new(r).map_err(failed)?),
        ImageFormat::Qoi => Box::new(qoi::QoiDecoder::new(r).map_err(failed)?),
    };
    decoder.set_limits(limits(budget)).map_err(failed)?;
    Ok(decoder)
}

fn form_of(decoder: &dyn ImageDecoder) -> Result<Form> {
    let (width, height) = decoder.dimensions();
    let colour = decoder.color_type();
    let deep = match colour {
        ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => false,
        ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16 => true,
        _ => {
            let why = "an image of floating-point samples; nc takes whole ones of up to 16 bits";
            return Err(Error::Usage(why.into()).coded(code::ENCODING_NOT_READ));
        }
    };
    Ok(Form {
        width,
        height,
        colour: colour.has_color(),
        alpha: colour.has_alpha(),
        deep,
    })
}

/// As [`super::form`].
pub(super) fn form(format: ImageFormat, bytes: &[u8], budget: &Budget) -> Result<Form> {
    form_of(&*decoder(format, bytes, budget)?)
}

/// As [`super::pixels`].
pub(super) fn pixels(format: ImageFormat, bytes: &[u8], budget: &mut Budget) -> Result<Pixels> {
    let decoder = decoder(format, bytes, budget)?;
    let form = form_of(&*decoder)?;
    form.format([0, 0])?;
    // The decoder's own samples, and those that are made of them.
    let n = decoder.total_bytes();
    budget.charge(n.saturating_add(form.samples().saturating_mul(2)))?;
    let long = || Error::Limit("an image past the budget".into());
    let mut raw = vec![0; usize::try_from(n).map_err(|_| long())?];
    decoder.read_image_boxed(&mut raw).map_err(failed)?;
    let samples = match form.deep {
        false => raw.into_iter().map(u16::from).collect(),
        true => {
            let (pairs, _) = raw.as_chunks::<2>();
            pairs.iter().map(|p| u16::from_ne_bytes(*p)).collect()
        }
    };
    budget.release(n);
    let pixels = Pixels { form, samples };
    // Of a GIF all is made to have opacity.
    Ok(match format {
        ImageFormat::Gif => pixels.without_idle_opacity(),
        _ => pixels,
    })
}

/// Milliseconds that stand for a delay of none, as players take it.
const NO_DELAY: u64 = 100;

/// What is known of an animation after a look at all its frames.
pub(crate) struct Animation {
    /// Form of the frames.
    pub(crate) form: Form,
    pub(crate) frames: u64,
    /// Frames per second.
    pub(crate) rate: [u32; 2],
    /// Whether some frames stand longer than others.
    pub(crate) uneven: bool,
}

/// Looks at the frames of an animation; none for a file that has one image.
///
/// # Errors
/// As for [`form`].
pub(crate) fn animation(
    format: ImageFormat,
    bytes: &[u8],
    budget: &Budget,
) -> Result<Option<Animation>> {
    let Some(all) = frames(format, bytes, budget)? else {
        return Ok(None);
    };
    let mut form: Option<Form> = None;
    let mut delays = Vec::new();
    for frame in all {
        let frame = frame.map_err(failed)?;
        let (n, d) = frame.delay().numer_denom_ms();
        delays.push((u64::from(n) * 1000).checked_div(d.into()).unwrap_or(0));
        let image = frame.buffer();
        let seen = form.get_or_insert(Form {
            width: image.width(),
            height: image.height(),
            colour: true,
            alpha: false,
            deep: false,
        });
        seen.alpha = seen.alpha || image.pixels().any(|p| p.0[3] != u8::MAX);
    }
    let Some(form) = form.filter(|_| delays.len() > 1) else {
        return Ok(None);
    };
    for delay in &mut delays {
        if *delay == 0 {
            *delay = NO_DELAY * 1000;
        }
    }
    let frames = delays.len() as u64;
    // Microseconds of all frames: a pace that gives the whole the same length.
    let total: u64 = delays.iter().sum();
    let (n, d) = (frames * 1_000_000, total.max(1));
    let common = gcd(n, d);
    let fit = |x: u64| u32::try_from(x).ok().filter(|x| *x > 0);
    let rate = match (fit(n / common), fit(d / common)) {
        (Some(n), Some(d)) => [n, d],
        // Hours of frames of uneven length: to the thousandth.
        _ => [
            ((n as f64 / d as f64) * 1000.0).clamp(1.0, 1e9) as u32,
            1000,
        ],
    };
    Ok(Some(Animation {
        form,
        frames,
        rate,
        uneven: delays.iter().any(|d| Some(d) != delays.first()),
    }))
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

/// The frames of a file that may be an animation.
fn frames<'a>(format: ImageFormat, bytes: &'a [u8], budget: &Budget) -> Result<Option<Frames<'a>>> {
    let r = Cursor::new(bytes);
    Ok(match format {
        ImageFormat::Gif => {
            let mut decoder = gif::GifDecoder::new(r).map_err(failed)?;
            decoder.set_limits(limits(budget)).map_err(failed)?;
            Some(decoder.into_frames())
        }
        ImageFormat::WebP => {
            let mut decoder = webp::WebPDecoder::new(r).map_err(failed)?;
            decoder.set_limits(limits(budget)).map_err(failed)?;
            decoder.has_animation().then(|| decoder.into_frames())
        }
        ImageFormat::Png => {
            let decoder = png::PngDecoder::with_limits(r, limits(budget)).map_err(failed)?;
            match decoder.is_apng().map_err(failed)? {
                true => Some(decoder.apng().map_err(failed)?.into_frames()),
                false => None,
            }
        }
        _ => None,
    })
}

/// The frames of an animation as they are read, by a thread of their own, for what reads them cannot be handed over.
pub(crate) struct Playing {
    frames: Receiver<Result<Pixels>>,
}

impl Playing {
    /// Begins with the first frame of a file whose form was found.
    pub(crate) fn start(format: ImageFormat, bytes: Vec<u8>, form: Form, budget: Budget) -> Self {
        // One frame waits while the one before it is taken.
        let (give, frames) = sync_channel(1);
        std::thread::spawn(move || {
            let all = match self::frames(format, &bytes, &budget) {
                Ok(all) => all.into_iter().flatten(),
                Err(e) => {
                    // Nobody waits for it where the reader is gone.
                    let _ = give.send(Err(e));
                    return;
                }
            };
            for frame in all {
                let pixels = frame.map_err(failed).map(|frame| Pixels {
                    form: Form {
                        alpha: true,
                        ..form
                    },
                    samples: frame
                        .into_buffer()
                        .into_raw()
                        .into_iter()
                        .map(u16::from)
                        .collect(),
                });
                let ends = pixels.is_err();
                if give.send(pixels).is_err() || ends {
                    return;
                }
            }
        });
        Self { frames }
    }

    /// The next frame; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Pixels>> {
        self.frames.recv().ok().transpose()
    }
}
