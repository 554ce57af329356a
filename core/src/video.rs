//! Video: frames of planes of whole numbers, and the format that says their size.
//!
//! Codecs of pictures want planes of brightness and colour as cameras and players keep them, so that
//! is what the contract speaks of. A still image is a video of one frame without a rate.

use crate::{Error, Result};

/// Most samples along an edge of a frame.
pub const MAX_EDGE: u32 = 16_384;

/// How much smaller the planes of colour are than that of brightness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chroma {
    /// No colour: one plane.
    Gray,
    /// Half in both directions.
    C420,
    /// Half across.
    C422,
    /// Not smaller.
    C444,
}

/// The form of a video; fixed for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoFormat {
    /// Samples across, 1 to [`MAX_EDGE`].
    pub width: u32,
    /// Samples down, 1 to [`MAX_EDGE`].
    pub height: u32,
    /// Frames per second as a fraction; `[0, 0]` for stills, or where nobody knows.
    pub rate: [u32; 2],
    /// Size of the planes of colour.
    pub chroma: Chroma,
    /// Bits of a sample, 8 to 16.
    pub bits: u8,
    /// Whether the planes are full-range BT.601 YCbCr made from RGB, or full-range grey, as images
    /// are: a decoder of images then turns them back in just that way.
    pub rgb: bool,
}

impl VideoFormat {
    /// Whether all fields are within their limits and fit each other.
    pub const fn is_valid(&self) -> bool {
        let edges = self.width >= 1
            && self.width <= MAX_EDGE
            && self.height >= 1
            && self.height <= MAX_EDGE;
        let rate = (self.rate[0] == 0) == (self.rate[1] == 0);
        edges && rate && self.bits >= 8 && self.bits <= 16
    }

    /// Planes of a frame.
    pub const fn planes(&self) -> usize {
        match self.chroma {
            Chroma::Gray => 1,
            _ => 3,
        }
    }

    /// Width and height of plane `i`: 0 is brightness, 1 and 2 are colour. Odd sizes round up.
    pub const fn plane(&self, i: usize) -> (usize, usize) {
        let (w, h) = (self.width as usize, self.height as usize);
        match (i, self.chroma) {
            (0, _) | (_, Chroma::C444) => (w, h),
            (_, Chroma::C422) => (w.div_ceil(2), h),
            (_, Chroma::C420) => (w.div_ceil(2), h.div_ceil(2)),
            (_, Chroma::Gray) => (0, 0),
        }
    }

    /// Samples of a frame, of all its planes.
    ///
    /// # Errors
    /// [`Error::Limit`] for a format beyond the limits, so that whoever multiplies with the result
    /// or allocates for a frame has had them checked.
    pub fn frame_samples(&self) -> Result<usize> {
        if !self.is_valid() {
            return Err(Error::Limit(
                format!(
                    "video of {} x {} at {} bits",
                    self.width, self.height, self.bits
                )
                .into(),
            ));
        }
        // Three planes of at most 2^28 samples: fits 32 bits.
        let size = |i| {
            let (w, h) = self.plane(i);
            w.saturating_mul(h)
        };
        Ok((0..self.planes()).map(size).sum())
    }

    /// Bytes of a sample where samples are kept as bytes: 1 at 8 bits, else 2.
    pub const fn sample_bytes(&self) -> usize {
        if self.bits == 8 { 1 } else { 2 }
    }

    /// The greatest value of a sample.
    pub const fn max(&self) -> u16 {
        match u16::MAX.checked_shr(16u32.saturating_sub(self.bits as u32)) {
            Some(max) => max,
            None => 0,
        }
    }

    /// Frames per second, where there is a rate.
    pub fn fps(&self) -> Option<f64> {
        let [n, d] = self.rate;
        (n > 0 && d > 0).then(|| f64::from(n) / f64::from(d))
    }
}

/// Borrowed video: frames one after another, in each the planes, row by row.
#[derive(Debug, Clone, Copy)]
pub struct Video<'a> {
    /// Form.
    pub format: VideoFormat,
    /// Samples of all frames.
    pub samples: &'a [u16],
}

/// Owned video: frames one after another, in each the planes, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoBuf {
    /// Form.
    pub format: VideoFormat,
    /// Samples of all frames.
    pub samples: Vec<u16>,
}

impl VideoBuf {
    /// The same video, borrowed.
    pub fn view(&self) -> Video<'_> {
        Video {
            format: self.format,
            samples: &self.samples,
        }
    }
}

impl<'a> Video<'a> {
    /// Whole frames in it; 0 for a format beyond the limits.
    pub fn frames(&self) -> usize {
        self.format
            .frame_samples()
            .map_or(0, |n| self.samples.len().checked_div(n).unwrap_or(0))
    }

    /// The frames `from..to`; `None` outside.
    pub fn part(&self, from: usize, to: usize) -> Option<Video<'a>> {
        let n = self.format.frame_samples().ok()?;
        let samples = self.samples.get(from.checked_mul(n)?..to.checked_mul(n)?)?;
        Some(Video {
            format: self.format,
            samples,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ODD: VideoFormat = VideoFormat {
        width: 5,
        height: 3,
        rate: [25, 1],
        chroma: Chroma::C420,
        bits: 8,
        rgb: false,
    };

    #[test]
    fn planes_of_odd_sizes_round_up() {
        let with = |chroma| VideoFormat { chroma, ..ODD };
        assert_eq!(ODD.plane(1), (3, 2));
        assert_eq!(ODD.frame_samples().unwrap(), 15 + 6 + 6);
        assert_eq!(with(Chroma::C422).plane(2), (3, 3));
        assert_eq!(with(Chroma::C444).frame_samples().unwrap(), 45);
        assert_eq!(with(Chroma::Gray).frame_samples().unwrap(), 15);
        assert_eq!(with(Chroma::Gray).planes(), 1);
    }

    #[test]
    fn formats_beyond_the_limits_have_no_size() {
        let largest = VideoFormat {
            width: MAX_EDGE,
            height: MAX_EDGE,
            chroma: Chroma::C444,
            bits: 16,
            ..ODD
        };
        assert_eq!(largest.frame_samples().unwrap(), 3 << 28);
        assert_eq!(largest.max(), u16::MAX);
        for wrong in [
            VideoFormat { width: 0, ..ODD },
            VideoFormat {
                height: MAX_EDGE + 1,
                ..ODD
            },
            VideoFormat {
                rate: [1, 0],
                ..ODD
            },
            VideoFormat { bits: 7, ..ODD },
            VideoFormat { bits: 17, ..ODD },
        ] {
            assert!(matches!(wrong.frame_samples(), Err(Error::Limit(_))));
        }
    }

    #[test]
    fn parts_are_whole_frames() {
        let samples: Vec<u16> = (0..27 * 4).collect();
        let video = Video {
            format: ODD,
            samples: &samples,
        };
        assert_eq!(video.frames(), 4);
        assert_eq!(video.part(1, 3).unwrap().samples, &samples[27..81]);
        assert!(video.part(2, 5).is_none() && video.part(3, 2).is_none());
        let deep = Video {
            format: VideoFormat { bits: 10, ..ODD },
            samples: &samples[..3],
        };
        assert_eq!(crate::Signal::Video(deep).to_le_bytes(), [0, 0, 1, 0, 2, 0]);
    }
}
