//! Frames as pictures: planes of brightness and colour to red, green and blue.
//!
//! For looking at, so the middle of the road is taken where a file does not say: BT.709 from 720 lines
//! on and BT.601 below, colours between samples interpolated as if they lay in the middle.

use image::{Rgb, RgbImage};
use nc::{Chroma, VideoFormat};

/// Paints a frame; `full` where samples use all values.
pub fn paint(format: &VideoFormat, full: bool, frame: &[u16]) -> RgbImage {
    let (kr, kb) = if !format.rgb && format.height >= 720 {
        (0.2126_f32, 0.0722_f32)
    } else {
        (0.299, 0.114)
    };
    let kg = 1.0 - kr - kb;
    let step = f32::from(format.max()) / 255.0;
    let (black, bright, colour) = if full || format.rgb {
        (0.0, 1.0 / step, 1.0 / step)
    } else {
        (16.0, 255.0 / (219.0 * step), 255.0 / (224.0 * step))
    };
    let (w, h) = format.plane(0);
    let (cw, ch) = format.plane(1);
    let (y, rest) = frame.split_at(frame.len().min(w * h));
    let (cb, cr) = rest.split_at(rest.len().min(cw * ch));
    let grey = format.chroma == Chroma::Gray;
    let whole = |v: f32| (v + 0.5).clamp(0.0, 255.0) as u8;
    RgbImage::from_fn(format.width, format.height, |i, j| {
        let (i, j) = (i as usize, j as usize);
        let luma = f32::from(y.get(j * w + i).copied().unwrap_or(0));
        let luma = (luma - black * step) * bright;
        if grey {
            return Rgb([whole(luma); 3]);
        }
        let at = |plane: &[u16]| {
            let x = between(i, w, cw);
            let y = between(j, h, ch);
            (sample(plane, (cw, ch), x, y) - 128.0 * step) * colour
        };
        let (b, r) = (at(cb), at(cr));
        let red = luma + 2.0 * (1.0 - kr) * r;
        let blue = luma + 2.0 * (1.0 - kb) * b;
        let green = (luma - kr * red - kb * blue) / kg;
        Rgb([whole(red), whole(green), whole(blue)])
    })
}

/// Where sample `i` of `n` lies among `m`.
fn between(i: usize, n: usize, m: usize) -> f32 {
    if n == m {
        return i as f32;
    }
    ((i as f32 + 0.5) / 2.0 - 0.5).clamp(0.0, m.saturating_sub(1) as f32)
}

fn sample(plane: &[u16], (w, h): (usize, usize), x: f32, y: f32) -> f32 {
    let (x0, y0) = (x as usize, y as usize);
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let at = |i: usize, j: usize| {
        let (i, j) = (i.min(w.saturating_sub(1)), j.min(h.saturating_sub(1)));
        f32::from(plane.get(j * w + i).copied().unwrap_or(0))
    };
    let row = |j| at(x0, j) + (at(x0 + 1, j) - at(x0, j)) * fx;
    row(y0) + (row(y0 + 1) - row(y0)) * fy
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn format(chroma: Chroma, bits: u8) -> VideoFormat {
        VideoFormat {
            width: 2,
            height: 2,
            rate: [25, 1],
            chroma,
            bits,
            rgb: false,
        }
    }

    #[test]
    fn white_black_and_red() {
        let f = format(Chroma::C420, 8);
        let p = paint(&f, false, &[16, 235, 16, 235, 128, 128]);
        assert_eq!(p.get_pixel(0, 0).0, [0; 3]);
        assert_eq!(p.get_pixel(1, 1).0, [255; 3]);
        // Red of BT.601: 81, 90, 240.
        let red = paint(&f, false, &[81, 81, 81, 81, 90, 240])
            .get_pixel(0, 1)
            .0;
        assert!(red[0] >= 253 && red[1] <= 2 && red[2] <= 2, "{red:?}");
        let deep = format(Chroma::Gray, 10);
        let p = paint(&deep, true, &[0, 1023, 512, 4]);
        assert_eq!(p.get_pixel(1, 0).0, [255; 3]);
        assert_eq!(p.get_pixel(0, 1).0, [128; 3]);
    }

    #[test]
    fn colours_lie_in_the_middle() {
        assert_eq!(between(0, 4, 2), 0.0);
        assert_eq!(between(1, 4, 2), 0.25);
        assert_eq!(between(2, 4, 2), 0.75);
        assert_eq!(between(3, 4, 2), 1.0);
        assert_eq!(sample(&[0, 100], (2, 1), 0.25, 0.0), 25.0);
    }
}
