//! Pictures: PNG in and out, and colours between red, green, blue and the planes of video.
//!
//! Images that a codec takes as full-range BT.601 YCbCr, as JPEG has it, have planes of colour as large as that of
//! brightness: what rounding takes is two levels at most. Frames of video go out by what is known of
//! their range and size.

use std::io::{Cursor, Write};

use nc_core::{Budget, Chroma, Colour, Error, Result, VideoFormat};

use crate::video::images::Form;
use crate::video::png::{self, Image, Png};
use crate::video::y4m::{Head, Siting};
use crate::warning::code;

/// The size of a PNG and its pixels as red, green and blue, equal where it is grey.
///
/// # Errors
/// As [`Png::samples`]; Usage where something shows through.
pub fn rgb(bytes: &[u8], budget: &Budget) -> Result<(Image, Vec<u8>)> {
    let image = Png::open(Cursor::new(bytes), budget)?;
    Ok((image.image(), opaque(image, budget)?))
}

/// Red, green and blue of each pixel of an image through which nothing shows.
fn opaque(image: Png<Cursor<&[u8]>>, budget: &Budget) -> Result<Vec<u8>> {
    let size = image.image();
    let mut budget = budget.share();
    // What is made of the decoder's samples.
    budget.charge(size.pixels().saturating_mul(3))?;
    let samples = image.samples(&mut budget)?;
    let pixels = samples.chunks_exact(usize::from(size.channels.max(1)));
    if size.alpha() && pixels.clone().any(|p| p.last() != Some(&u8::MAX)) {
        return Err(transparent());
    }
    if size.channels == 3 {
        return Ok(samples);
    }
    let colours = |p: &[u8]| match *p {
        [r, g, b, _] => [r, g, b],
        [v, ..] => [v; 3],
        [] => [0; 3],
    };
    Ok(pixels.flat_map(colours).collect())
}

/// What is said of a picture that something shows through.
pub(crate) fn transparent() -> Error {
    let why = "an image with an alpha channel that shows what is behind it, which video has not";
    Error::Usage(why.into()).coded(code::TRANSPARENT)
}

/// Writes a PNG of grey samples or of red, green and blue.
///
/// # Errors
/// As [`png::write`].
pub fn write(out: impl Write, format: &VideoFormat, samples: &[u8]) -> Result<()> {
    let size = Image {
        width: format.width,
        height: format.height,
        channels: if format.chroma == Chroma::Gray { 1 } else { 3 },
    };
    png::write(out, size, samples)
}

/// Turns frames into pictures of 8 bits a sample.
pub struct Painter {
    format: VideoFormat,
    siting: Siting,
    /// Factor and offset of brightness, factor of colour.
    scale: [f32; 3],
    middle: f32,
    /// Red from Cr, green from Cb and from Cr, blue from Cb.
    matrix: [f32; 4],
}

impl Painter {
    /// For frames with this first line. What it does not say is guessed as players do: limited range,
    /// BT.709 from 720 lines on.
    pub fn new(head: &Head) -> Self {
        let format = head.format;
        let (kr, kb) = if format.colour == Colour::Video && format.height >= 720 {
            (0.2126, 0.0722)
        } else {
            (0.299f32, 0.114f32)
        };
        let kg = 1.0 - kr - kb;
        let step = f32::from(1u16 << format.bits.clamp(8, 16).saturating_sub(8));
        // Brightness without colours has no other range, where nothing says so.
        let grey = format.chroma == Chroma::Gray;
        let full = format.colour != Colour::Video || head.full.unwrap_or(grey);
        let scale = if full {
            let s = 255.0 / f32::from(format.max());
            [s, 0.0, s]
        } else {
            [255.0 / (219.0 * step), 16.0 * step, 255.0 / (224.0 * step)]
        };
        Self {
            format,
            siting: head.siting,
            scale,
            middle: 128.0 * step,
            matrix: [
                2.0 * (1.0 - kr),
                2.0 * (1.0 - kb) * kb / kg,
                2.0 * (1.0 - kr) * kr / kg,
                2.0 * (1.0 - kb),
            ],
        }
    }

    /// Bytes of memory that a picture takes.
    pub fn bytes(&self) -> u64 {
        let width = u64::from(self.format.width);
        // Of each row three bytes a sample; of one row two planes of colour, and half of one.
        let rows = width.saturating_mul(u64::from(self.format.height).saturating_mul(3));
        rows.saturating_add(width.saturating_mul(16))
    }

    /// A frame as an image file has it: what its pixels hold, and their samples, those of a pixel adjacent. Red, green, blue and grey
    /// of images come as they are, others as 8 bits.
    pub(crate) fn image(&self, frame: &[u16]) -> (Form, Vec<u16>) {
        let format = &self.format;
        let grey = format.chroma == Chroma::Gray;
        let exact = format.colour == Colour::Rgb || (grey && format.colour == Colour::Image);
        let form = Form {
            width: format.width,
            height: format.height,
            colour: !grey,
            alpha: format.alpha,
            deep: exact && format.bits > 8,
        };
        let (w, h) = format.plane(0);
        let n = w * h;
        let channels = form.channels();
        let mut out = vec![0; n * channels];
        let mut put = |c: usize, values: &mut dyn Iterator<Item = u16>| {
            for (pixel, v) in out.chunks_exact_mut(channels).zip(values) {
                if let Some(s) = pixel.get_mut(c) {
                    *s = v;
                }
            }
        };
        // Samples of 9 to 15 bits are those of 16 with fewer levels.
        let (max, most) = (
            u32::from(format.max()),
            if form.deep { 65_535 } else { 255 },
        );
        let scale = |s: &u16| match max == most {
            true => *s,
            false => ((u32::from(*s) * most + max / 2) / max) as u16,
        };
        if exact {
            for (c, plane) in frame.chunks_exact(n.max(1)).enumerate() {
                put(c, &mut plane.iter().map(scale));
            }
            return (form, out);
        }
        let painted = self.paint(frame);
        let colours = channels - usize::from(form.alpha);
        for c in 0..colours {
            put(
                c,
                &mut painted
                    .iter()
                    .skip(c)
                    .step_by(colours)
                    .map(|s| u16::from(*s)),
            );
        }
        if form.alpha {
            let (_, alpha) = frame.split_at(frame.len().saturating_sub(n));
            put(colours, &mut alpha.iter().map(scale));
        }
        (form, out)
    }

    /// Whether [`Self::image`] leaves bits out.
    pub(crate) fn reduces_bits(&self) -> bool {
        let grey = self.format.chroma == Chroma::Gray;
        let exact =
            self.format.colour == Colour::Rgb || (grey && self.format.colour == Colour::Image);
        !exact && self.format.bits > 8
    }

    /// A frame's picture: grey samples, or red, green and blue of each.
    pub fn paint(&self, frame: &[u16]) -> Vec<u8> {
        let (w, h) = self.format.plane(0);
        let (cw, ch) = self.format.plane(1);
        let whole = |x: f32| (x + 0.5).clamp(0.0, 255.0) as u8;
        let [factor, black, colour] = self.scale;
        let bright = |s: u16| (f32::from(s) - black) * factor;
        let (y, rest) = frame.split_at(frame.len().min(w.saturating_mul(h)));
        if self.format.chroma == Chroma::Gray {
            return y.iter().map(|&s| whole(bright(s))).collect();
        }
        let (cb, cr) = rest.split_at(rest.len().min(cw.saturating_mul(ch)));
        if self.format.colour == Colour::Rgb {
            let shift = self.format.bits.saturating_sub(8);
            let all = y.iter().zip(cb).zip(cr);
            return all
                .flat_map(|((r, g), b)| [r, g, b].map(|s| (s >> shift) as u8))
                .collect();
        }
        let [red, green_b, green_r, blue] = self.matrix;
        let mut out = Vec::with_capacity(y.len().saturating_mul(3));
        let (mut b_row, mut r_row) = (vec![0.0; w], vec![0.0; w]);
        let mut between = vec![0.0; cw];
        for (row, line) in y.chunks_exact(w.max(1)).enumerate() {
            self.row(cb, row, &mut between, &mut b_row);
            self.row(cr, row, &mut between, &mut r_row);
            for ((&s, b), r) in line.iter().zip(&b_row).zip(&r_row) {
                let y = bright(s);
                let b = (b - self.middle) * colour;
                let r = (r - self.middle) * colour;
                out.push(whole(y + red * r));
                out.push(whole(y - green_b * b - green_r * r));
                out.push(whole(y + blue * b));
            }
        }
        out
    }

    /// A plane of colour along row `row` of the picture, interpolated.
    fn row(&self, plane: &[u16], row: usize, between: &mut [f32], out: &mut [f32]) {
        let (cw, ch) = self.format.plane(1);
        let half_across = matches!(self.format.chroma, Chroma::C420 | Chroma::C422);
        let half_down = self.format.chroma == Chroma::C420;
        let (first, second, part) = at(row, half_down, self.siting == Siting::TopLeft, ch);
        let line = |i: usize| plane.chunks_exact(cw.max(1)).nth(i).unwrap_or_default();
        for ((x, &a), &b) in between.iter_mut().zip(line(first)).zip(line(second)) {
            let (a, b) = (f32::from(a), f32::from(b));
            *x = a + (b - a) * part;
        }
        for (i, x) in out.iter_mut().enumerate() {
            let (first, second, part) = at(i, half_across, self.siting != Siting::Centre, cw);
            let value = |i: usize| between.get(i).copied().unwrap_or(0.0);
            let a = value(first);
            *x = a + (value(second) - a) * part;
        }
    }
}

/// The two samples of colour around sample `i` of brightness, of `n`, and how far between them it is.
fn at(i: usize, half: bool, sited: bool, n: usize) -> (usize, usize, f32) {
    if !half {
        return (i, i, 0.0);
    }
    let last = n.saturating_sub(1);
    let (first, part) = match (sited, i % 2) {
        (true, 0) => (i / 2, 0.0),
        (true, _) => (i / 2, 0.5),
        // Between two that are a quarter and three quarters away.
        (false, 0) if i == 0 => return (0, 0, 0.0),
        (false, 0) => ((i / 2).saturating_sub(1), 0.75),
        (false, _) => (i / 2, 0.25),
    };
    (first.min(last), first.saturating_add(1).min(last), part)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::video::adapt::ycbcr;

    fn format(chroma: Chroma, colour: Colour) -> VideoFormat {
        VideoFormat {
            width: 4,
            height: 4,
            rate: [0, 0],
            chroma,
            bits: 8,
            colour,
            alpha: false,
        }
    }

    #[test]
    fn colours_of_images_come_back_within_two_levels() {
        let f = VideoFormat {
            width: 1,
            height: 1,
            ..format(Chroma::C444, Colour::Image)
        };
        let painter = Painter::new(&Head::of(f));
        let steps = || (0..=255u8).step_by(15);
        for r in steps() {
            for g in steps() {
                for b in steps() {
                    let back = painter.paint(&ycbcr([r, g, b].map(u16::from), 255));
                    for (was, is) in [r, g, b].into_iter().zip(back) {
                        assert!(was.abs_diff(is) <= 2, "{r} {g} {b}: {was} {is}");
                    }
                }
            }
        }
        let grey = [77, 0, 255, 128].repeat(4);
        let painter = Painter::new(&Head::of(format(Chroma::Gray, Colour::Image)));
        assert_eq!(
            painter.paint(&grey),
            grey.iter().map(|&s| s as u8).collect::<Vec<_>>()
        );
    }

    #[test]
    fn limited_range_spans_black_to_white() {
        for (line, black, white) in [
            ("W1 H1 F1:1 C444", 16u16, 235u16),
            ("W1 H1 F1:1 C444p10", 64, 940),
            ("W1 H1 F1:1 C444 XCOLORRANGE=FULL", 0, 255),
        ] {
            let head = Head::parse(line).unwrap();
            let middle = 128 << (head.format.bits - 8);
            let painter = Painter::new(&head);
            assert_eq!(painter.paint(&[black, middle, middle]), [0; 3], "{line}");
            assert_eq!(painter.paint(&[white, middle, middle]), [255; 3], "{line}");
        }
        // Pure red of HD, by BT.709.
        let head = Head::parse("W1 H720 F1:1 C444").unwrap();
        let mut frame = vec![63; 720];
        frame.extend([102; 720]);
        frame.extend([240; 720]);
        let picture = Painter::new(&head).paint(&frame);
        assert!(picture[0] >= 254 && picture[1] <= 2 && picture[2] <= 2);
    }

    #[test]
    fn white_black_and_red() {
        let picture =
            |line: &str, frame: &[u16]| Painter::new(&Head::parse(line).unwrap()).paint(frame);
        let p = picture("W2 H2 F25:1 C420jpeg", &[16, 235, 16, 235, 128, 128]);
        assert_eq!(p[..3], [0; 3]);
        assert_eq!(p[9..], [255; 3]);
        // Red of BT.601: 81, 90, 240.
        let p = picture("W2 H2 F25:1 C420jpeg", &[81, 81, 81, 81, 90, 240]);
        let red = &p[6..9];
        assert!(red[0] >= 253 && red[1] <= 2 && red[2] <= 2, "{red:?}");
        let p = picture("W2 H2 F25:1 Cmono10 XCOLORRANGE=FULL", &[0, 1023, 512, 4]);
        assert_eq!(p[1..3], [255, 128]);
    }

    #[test]
    fn colour_is_interpolated_by_where_it_lies() {
        assert_eq!(at(0, true, false, 2), (0, 0, 0.0));
        assert_eq!(at(1, true, false, 2), (0, 1, 0.25));
        assert_eq!(at(2, true, false, 2), (0, 1, 0.75));
        assert_eq!(at(3, true, false, 2), (1, 1, 0.25));
        assert_eq!(at(1, true, true, 2), (0, 1, 0.5));
        assert_eq!(at(2, true, true, 2), (1, 1, 0.0));
        assert_eq!(at(5, false, true, 9), (5, 5, 0.0));
        // A flat plane stays flat, whatever its size.
        for (w, h) in [(5, 3), (1, 1), (4, 4)] {
            let f = VideoFormat {
                width: w,
                height: h,
                ..format(Chroma::C420, Colour::Video)
            };
            let painter = Painter::new(&Head::of(f));
            let n = f.frame_samples().unwrap();
            let picture = painter.paint(&vec![128; n]);
            assert_eq!(picture.len(), (w * h * 3) as usize);
            assert!(picture.iter().all(|&s| s == 130), "{picture:?}");
        }
    }
}
