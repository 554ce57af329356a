//! Moving or still pictures: frames of planes of whole numbers, and the format that says their size. A unit is a frame.
//!
//! Codecs of pictures want planes of brightness and colour as cameras and players keep them, so that
//! is what the contract speaks of. A still image is a video of one frame without a rate.

use std::ops::Range;

use super::{Format, Kind, MediaKind, Queue, Signal, SignalBuf, in_blocks, other_format, outside};
use crate::container::{Fields, Parsed, put_varint};
use crate::{Error, Result};

/// The kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Video;

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

/// What the planes hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Colour {
    /// Brightness and differences of colour as cameras and players have them, or grey. Range and matrix are as metadata
    /// says, or as players guess.
    Video,
    /// Full-range BT.601 YCbCr made from RGB, or full-range grey, as images are: a decoder of images turns them back in
    /// just that way.
    Image,
    /// Red, green and blue themselves, full range, with planes of one size ([`Chroma::C444`]).
    Rgb,
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
    /// What the planes hold.
    pub colour: Colour,
    /// Whether there is one more plane, the last, of the full size: how opaque a pixel is, 0 for not at all. The other
    /// planes are not multiplied by it.
    pub alpha: bool,
}

impl VideoFormat {
    /// Whether all fields are within their limits and fit each other.
    pub const fn is_valid(&self) -> bool {
        let edges = self.width >= 1
            && self.width <= MAX_EDGE
            && self.height >= 1
            && self.height <= MAX_EDGE;
        let rate = (self.rate[0] == 0) == (self.rate[1] == 0);
        let colour = !matches!(self.colour, Colour::Rgb) || matches!(self.chroma, Chroma::C444);
        edges && rate && colour && self.bits >= 8 && self.bits <= 16
    }

    /// Planes of a frame.
    pub const fn planes(&self) -> usize {
        self.colours() + self.alpha as usize
    }

    /// Planes of brightness and colour.
    const fn colours(&self) -> usize {
        match self.chroma {
            Chroma::Gray => 1,
            _ => 3,
        }
    }

    /// Width and height of plane `i`: 0 is brightness, 1 and 2 are colour, the last is opacity where there is any. Odd sizes
    /// round up.
    pub const fn plane(&self, i: usize) -> (usize, usize) {
        let (w, h) = (self.width as usize, self.height as usize);
        if self.alpha && i == self.colours() {
            return (w, h);
        }
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
        // Four planes of at most 2^28 samples: fits 32 bits.
        let size = |i| {
            let (w, h) = self.plane(i);
            w * h
        };
        Ok((0..self.planes()).map(size).sum())
    }

    /// Bytes of a sample where samples are kept as bytes: 1 at 8 bits, else 2.
    pub const fn sample_bytes(&self) -> usize {
        if self.bits == 8 { 1 } else { 2 }
    }

    /// The greatest value of a sample.
    pub const fn max(&self) -> u16 {
        let unused = 16 - if self.bits > 16 { 16 } else { self.bits };
        if unused == 16 { 0 } else { u16::MAX >> unused }
    }

    /// Frames per second, where there is a rate.
    pub fn fps(&self) -> Option<f64> {
        let [n, d] = self.rate;
        (n > 0 && d > 0).then(|| f64::from(n) / f64::from(d))
    }
}

/// Borrowed video: frames one after another, in each the planes, row by row.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
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
    pub fn view(&self) -> View<'_> {
        View {
            format: self.format,
            samples: &self.samples,
        }
    }
}

impl<'a> View<'a> {
    /// Whole frames in it; 0 for a format beyond the limits.
    pub fn frames(&self) -> usize {
        self.format
            .frame_samples()
            .map_or(0, |n| self.samples.len() / n)
    }

    /// The frames `from..to`; `None` outside.
    pub fn part(&self, from: usize, to: usize) -> Option<View<'a>> {
        let n = self.format.frame_samples().ok()?;
        let samples = self.samples.get(from.checked_mul(n)?..to.checked_mul(n)?)?;
        Some(View {
            format: self.format,
            samples,
        })
    }
}

impl Kind for Video {
    const KIND: MediaKind = MediaKind::Video;
    const CODE: u8 = 3;
    type Format = VideoFormat;
    type View<'a> = View<'a>;
    type Buf = VideoBuf;
    type Queue = Waiting;

    /// Chroma in bits 0 and 1 of the layout, images in bit 2, bits of a sample beyond 8 in bits 3 to 6. Where bit 7 is set, one
    /// more byte says whether the planes are red, green and blue (bit 0) and whether there is opacity (bit 1).
    fn write_format(format: &VideoFormat, out: &mut Vec<u8>) {
        for n in [format.width, format.height, format.rate[0], format.rate[1]] {
            put_varint(n.into(), out);
        }
        let chroma = match format.chroma {
            Chroma::Gray => 0,
            Chroma::C420 => 1,
            Chroma::C422 => 2,
            Chroma::C444 => 3,
        };
        let image = u8::from(format.colour == Colour::Image) << 2;
        let more = u8::from(format.colour == Colour::Rgb) | u8::from(format.alpha) << 1;
        // A valid format has 8 to 16 bits, and encoders take no other: [`Kind::queue`].
        let bits = (format.bits.max(8) - 8) << 3;
        out.push(chroma | image | bits | u8::from(more > 0) << 7);
        if more > 0 {
            out.push(more);
        }
    }

    fn read_format(
        fields: &mut Fields<'_>,
        unknown: &dyn Fn(String) -> Error,
    ) -> Parsed<VideoFormat> {
        let mut small = |what: &str| -> Parsed<u32> {
            let n = fields.varint()?;
            u32::try_from(n)
                .map_err(|_| Error::Format(format!("{what} out of range").into()).into())
        };
        let (width, height) = (small("width")?, small("height")?);
        let rate = [small("frame rate")?, small("frame rate")?];
        let layout = fields.byte()?;
        let chroma = match layout & 3 {
            0 => Chroma::Gray,
            1 => Chroma::C420,
            2 => Chroma::C422,
            _ => Chroma::C444,
        };
        let more = if layout & 0x80 == 0 {
            0
        } else {
            fields.byte()?
        };
        if more > 3 || (layout & 0x80 != 0 && more == 0) {
            return Err(unknown(format!("layout {more} of pictures")).into());
        }
        let format = VideoFormat {
            width,
            height,
            rate,
            chroma,
            // At most 15 + 8.
            bits: (layout >> 3 & 15) + 8,
            colour: match (more & 1, layout & 4) {
                (0, 0) => Colour::Video,
                (0, _) => Colour::Image,
                (_, 0) => Colour::Rgb,
                _ => return Err(unknown("pictures of two kinds of colour".into()).into()),
            },
            alpha: more & 2 != 0,
        };
        if !format.is_valid() {
            return Err(Error::Format(
                format!(
                    "video of {width} x {height} at {} bits, {}/{} frames per second",
                    format.bits, rate[0], rate[1]
                )
                .into(),
            )
            .into());
        }
        Ok(format)
    }

    fn units_per_second(format: &VideoFormat) -> Option<(u32, u32)> {
        format.fps().map(|_| (format.rate[0], format.rate[1]))
    }

    fn units(x: View<'_>) -> u64 {
        x.frames() as u64
    }

    fn memory(x: View<'_>) -> u64 {
        size_of_val(x.samples) as u64
    }

    fn le_bytes(x: View<'_>, f: &mut dyn FnMut(&[u8])) {
        if x.format.bits == 8 {
            in_blocks(x.samples.iter().map(|&s| [s as u8]), f);
        } else {
            in_blocks(x.samples.iter().map(|s| s.to_le_bytes()), f);
        }
    }

    fn view(x: &VideoBuf) -> View<'_> {
        x.view()
    }

    fn empty(format: &VideoFormat) -> VideoBuf {
        VideoBuf {
            format: *format,
            samples: Vec::new(),
        }
    }

    fn append(to: &mut VideoBuf, piece: VideoBuf) -> Result<()> {
        if piece.format != to.format {
            return Err(super::differ());
        }
        to.samples.extend(piece.samples);
        Ok(())
    }

    fn part(x: View<'_>, range: Range<usize>) -> Result<VideoBuf> {
        let part = x.part(range.start, range.end).ok_or_else(outside)?;
        Ok(VideoBuf {
            format: x.format,
            samples: part.samples.to_vec(),
        })
    }

    fn queue(format: &VideoFormat) -> Result<Waiting> {
        Ok(Waiting {
            frame: format.frame_samples()?,
            video: Self::empty(format),
        })
    }

    fn format_of(format: &Format) -> Option<&VideoFormat> {
        match format {
            Format::Video(f) => Some(f),
            _ => None,
        }
    }

    fn view_of<'a>(x: Signal<'a>) -> Option<View<'a>> {
        match x {
            Signal::Video(x) => Some(x),
            _ => None,
        }
    }

    fn buf_of(x: SignalBuf) -> Option<VideoBuf> {
        match x {
            SignalBuf::Video(x) => Some(x),
            _ => None,
        }
    }

    fn any_format(format: VideoFormat) -> Format {
        Format::Video(format)
    }

    fn any_view<'a>(x: Self::View<'a>) -> Signal<'a> {
        Signal::Video(x)
    }

    fn any_buf(x: VideoBuf) -> SignalBuf {
        SignalBuf::Video(x)
    }
}

/// Whole frames that wait.
pub struct Waiting {
    /// Samples of a frame, at least 1.
    frame: usize,
    video: VideoBuf,
}

impl Waiting {
    fn frames(&self) -> usize {
        self.video.samples.len() / self.frame
    }
}

impl Queue<Video> for Waiting {
    fn push(&mut self, x: View<'_>) -> Result<()> {
        if x.format != self.video.format {
            return Err(other_format());
        }
        if !x.samples.len().is_multiple_of(self.frame) {
            return Err(Error::Usage("a piece that is not whole frames".into()));
        }
        if x.samples.iter().any(|&s| s > x.format.max()) {
            return Err(Error::Usage("samples beyond their bits".into()));
        }
        self.video.samples.extend_from_slice(x.samples);
        Ok(())
    }

    fn units(&self) -> u64 {
        self.frames() as u64
    }

    fn memory(&self) -> u64 {
        Video::memory(self.video.view())
    }

    fn first(&mut self, units: usize) -> View<'_> {
        let end = units.min(self.frames()) * self.frame;
        let (samples, _) = self.video.samples.split_at(end);
        View {
            format: self.video.format,
            samples,
        }
    }

    fn drop_first(&mut self, units: usize) {
        let end = units.min(self.frames()) * self.frame;
        self.video.samples.drain(..end);
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
        colour: Colour::Video,
        alpha: false,
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
        let video = View {
            format: ODD,
            samples: &samples,
        };
        assert_eq!(video.frames(), 4);
        assert_eq!(video.part(1, 3).unwrap().samples, &samples[27..81]);
        assert!(video.part(2, 5).is_none() && video.part(3, 2).is_none());
        let deep = View {
            format: VideoFormat { bits: 10, ..ODD },
            samples: &samples[..3],
        };
        assert_eq!(crate::Signal::Video(deep).to_le_bytes(), [0, 0, 1, 0, 2, 0]);
    }
}
