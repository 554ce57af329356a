//! Frames of one layout as frames of another, for codecs and files that do not take the first.

use nc_core::{Chroma, Colour, Error, Result, VideoFormat};

use super::picture::transparent;
use crate::warning::{Warning, code};

/// What becomes of opacity where the other layout has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opacity {
    /// Frames through which nothing shows are taken, others are refused.
    Refuse,
    /// This colour shows through, in red, green and blue of 8 bits.
    Over([u8; 3]),
    /// It is left out, which is told.
    LeaveOut,
}

/// Makes frames of another layout.
pub(crate) struct Adapter {
    from: VideoFormat,
    to: VideoFormat,
    opacity: Opacity,
}

impl Adapter {
    /// None where the layouts are the same.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no way from one to the other.
    pub(crate) fn new(
        from: VideoFormat,
        to: VideoFormat,
        opacity: Opacity,
    ) -> Result<Option<Self>> {
        if from == to {
            return Ok(None);
        }
        let colours = from.colour == to.colour && from.chroma == to.chroma
            || from.colour == Colour::Rgb
                && (to.colour, to.chroma) == (Colour::Image, Chroma::C444);
        let same = (from.width, from.height) == (to.width, to.height);
        if !same || !colours || to.bits > from.bits || (to.alpha && !from.alpha) {
            let why = "pictures of a layout that nothing is made of";
            return Err(Error::Usage(why.into()).coded(code::ENCODING_NOT_READ));
        }
        from.frame_samples()?;
        Ok(Some(Self { from, to, opacity }))
    }

    /// What is lost.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let (is, was) = (self.to.bits, self.from.bits);
        if is != was {
            let text = format!("{was} bits a sample became {is}");
            warnings.push(Warning::new(code::BITS_REDUCED, text));
        }
        if self.from.alpha && !self.to.alpha && self.opacity == Opacity::LeaveOut {
            let text = "how opaque the pixels are was left out";
            warnings.push(Warning::new(code::OPACITY_LEFT_OUT, text));
        }
        warnings
    }

    /// Whether red, green and blue become brightness and differences of colour.
    pub(crate) fn turns_colours(&self) -> bool {
        self.from.colour != self.to.colour
    }

    /// The form that frames get.
    pub(crate) fn format(&self) -> VideoFormat {
        self.to
    }

    /// A frame of the other layout.
    ///
    /// # Errors
    /// [`Error::Usage`] for one through which something shows, where that is refused.
    pub(crate) fn frame(&self, frame: &[u16]) -> Result<Vec<u16>> {
        let (from, to) = (&self.from, &self.to);
        let (width, height) = from.plane(0);
        let whole = width * height;
        let mut samples = frame.to_vec();
        if from.alpha && !to.alpha {
            let alpha = samples.split_off(samples.len().saturating_sub(whole));
            match self.opacity {
                Opacity::Refuse if alpha.iter().any(|a| *a != from.max()) => {
                    return Err(transparent());
                }
                Opacity::Over(colour) => self.flatten(&mut samples, &alpha, colour),
                _ => {}
            }
        }
        if from.bits > to.bits {
            let (was, is) = (u32::from(from.max()), u32::from(to.max()));
            let shift = from.bits - to.bits;
            for s in &mut samples {
                *s = match from.colour {
                    // Levels of cameras are multiples; those of images go from nothing to all.
                    Colour::Video => ((u32::from(*s) + (1 << shift >> 1)) >> shift).min(is) as u16,
                    _ => ((u32::from(*s) * is + was / 2) / was) as u16,
                };
            }
        }
        if self.turns_colours() {
            let (red, rest) = samples.split_at_mut(whole);
            let (green, blue) = rest.split_at_mut(whole);
            for ((r, g), b) in red.iter_mut().zip(green).zip(blue) {
                [*r, *g, *b] = ycbcr([*r, *g, *b], to.max());
            }
        }
        Ok(samples)
    }

    /// Lets a colour show through.
    fn flatten(&self, samples: &mut [u16], alpha: &[u16], colour: [u8; 3]) {
        let max = u32::from(self.from.max());
        let [r, g, b] = colour.map(u32::from);
        let grey = (299 * r + 587 * g + 114 * b + 500) / 1000;
        let behind = match self.from.chroma {
            Chroma::Gray => [grey; 3],
            _ => [r, g, b],
        };
        for (plane, back) in samples.chunks_exact_mut(alpha.len().max(1)).zip(behind) {
            let back = back * max / 255;
            for (s, a) in plane.iter_mut().zip(alpha) {
                let a = u32::from(*a);
                // Of two levels below 2^16, weighted to the greatest: 2^32 at most is never reached.
                let sum = u64::from(u32::from(*s) * a) + u64::from(back * (max - a));
                *s = ((sum + u64::from(max / 2)) / u64::from(max)) as u16;
            }
        }
    }
}

/// Full-range BT.601 of samples up to `max`.
pub(crate) fn ycbcr(rgb: [u16; 3], max: u16) -> [u16; 3] {
    let [r, g, b] = rgb.map(f32::from);
    let max = f32::from(max);
    let middle = (max + 1.0) / 2.0;
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    let whole = |x: f32| (x + 0.5).clamp(0.0, max) as u16;
    [
        whole(y),
        whole((b - y) / 1.772 + middle),
        whole((r - y) / 1.402 + middle),
    ]
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    const FROM: VideoFormat = VideoFormat {
        width: 2,
        height: 1,
        rate: [0, 0],
        chroma: Chroma::C444,
        bits: 16,
        colour: Colour::Rgb,
        alpha: true,
    };

    #[test]
    fn opacity_is_refused_filled_or_left_out() {
        let to = VideoFormat {
            bits: 8,
            alpha: false,
            ..FROM
        };
        let frame = [65535, 0, 65535, 0, 65535, 0, 65535, 0];
        let adapt = |opacity| Adapter::new(FROM, to, opacity).unwrap().unwrap();
        assert!(adapt(Opacity::Refuse).frame(&frame).is_err());
        let over = adapt(Opacity::Over([1, 2, 3])).frame(&frame).unwrap();
        assert_eq!(over, [255, 1, 255, 2, 255, 3]);
        let left = adapt(Opacity::LeaveOut);
        assert_eq!(left.frame(&frame).unwrap(), [255, 0, 255, 0, 255, 0]);
        let codes: Vec<_> = left.warnings().iter().map(|w| w.code).collect();
        assert_eq!(codes, [code::BITS_REDUCED, code::OPACITY_LEFT_OUT]);
    }

    #[test]
    fn colours_become_brightness_and_differences() {
        let to = VideoFormat {
            bits: 8,
            alpha: false,
            colour: Colour::Image,
            ..FROM
        };
        let adapter = Adapter::new(FROM, to, Opacity::Refuse).unwrap().unwrap();
        let frame = [65535, 0, 65535, 0, 65535, 0, 65535, 65535];
        assert_eq!(adapter.frame(&frame).unwrap(), [255, 0, 128, 128, 128, 128]);
        assert!(Adapter::new(to, FROM, Opacity::Refuse).is_err());
        assert!(Adapter::new(to, to, Opacity::Refuse).unwrap().is_none());
    }
}
