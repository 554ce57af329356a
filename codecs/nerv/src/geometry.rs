//! Where the samples of a frame lie in the network's images.
//!
//! The network works at half the luma resolution: a pixel there holds the four luma samples of its square and the
//! chroma samples that belong to it (4:2:0: one of each, 6 channels; 4:2:2: 8; 4:4:4: 12; gray: 4). Samples beyond the
//! frame repeat its edge.

use std::ops::Range;

use nc_core::{Chroma, VideoFormat};

use crate::graph::Shape;

/// A plane's place in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plane {
    /// Columns.
    pub w: usize,
    /// Rows.
    pub h: usize,
    /// First sample in the frame.
    pub at: usize,
    /// Luma columns and rows for each of its own: 1 or 2.
    pub sub: [usize; 2],
}

impl Plane {
    /// Its samples.
    pub fn samples(&self) -> usize {
        self.w.saturating_mul(self.h)
    }

    /// Where these lie in the frame.
    pub fn range(&self) -> Range<usize> {
        self.at..self.at.saturating_add(self.samples())
    }

    /// Where those of row `y` lie in the frame.
    pub fn row(&self, y: usize) -> Range<usize> {
        let at = self.at.saturating_add(y.saturating_mul(self.w));
        at..at.saturating_add(self.w)
    }
}

/// One channel of the half-resolution image: the samples `(2 / sub) i + offset` of a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Channel {
    plane: usize,
    step: [usize; 2],
    offset: [usize; 2],
}

impl Channel {
    /// The row of its plane that row `i` of the image takes.
    fn row(&self, i: usize) -> usize {
        i.saturating_mul(self.step[1])
            .saturating_add(self.offset[1])
    }
}

/// Geometry of a clip's frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    /// Planes Y, U, V or Y alone.
    pub planes: Vec<Plane>,
    /// Bits of a sample.
    pub bits: u8,
    /// Rows and columns of the half-resolution image.
    pub half: [usize; 2],
    channels: Vec<Channel>,
}

impl Geometry {
    /// Of a format.
    pub fn of(f: &VideoFormat) -> Self {
        let sub = match f.chroma {
            Chroma::Gray => None,
            Chroma::C420 => Some([2, 2]),
            Chroma::C422 => Some([2, 1]),
            Chroma::C444 => Some([1, 1]),
        };
        Self::new(f.width as usize, f.height as usize, sub, f.bits)
    }

    /// For frames of `w` x `h` whose chroma, if any, is subsampled by `sub` (columns, rows).
    pub fn new(w: usize, h: usize, sub: Option<[usize; 2]>, bits: u8) -> Self {
        let mut planes = vec![Plane {
            w,
            h,
            at: 0,
            sub: [1, 1],
        }];
        if let Some(sub) = sub {
            let (cw, ch) = (w.div_ceil(sub[0]), h.div_ceil(sub[1]));
            let luma = w.saturating_mul(h);
            for at in [luma, luma.saturating_add(cw.saturating_mul(ch))] {
                planes.push(Plane {
                    w: cw,
                    h: ch,
                    at,
                    sub,
                });
            }
        }
        let mut channels = Vec::new();
        for (plane, p) in planes.iter().enumerate() {
            let step = p.sub.map(|sub| 2usize.div_ceil(sub));
            for y in 0..step[1] {
                for x in 0..step[0] {
                    channels.push(Channel {
                        plane,
                        step,
                        offset: [x, y],
                    });
                }
            }
        }
        Self {
            planes,
            bits,
            half: [h.div_ceil(2), w.div_ceil(2)],
            channels,
        }
    }

    /// Samples of a frame.
    pub fn samples(&self) -> usize {
        self.planes.last().map_or(0, |p| p.range().end)
    }

    /// Channels of the half-resolution image.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Largest sample.
    pub fn peak(&self) -> u16 {
        (1u32 << self.bits).wrapping_sub(1) as u16
    }

    /// What a sample is divided by for the network, which sees about -2 to 2.
    pub fn scale(&self) -> f32 {
        (1u32 << self.bits.saturating_sub(2)) as f32
    }

    /// The sample that the network sees as 0.
    pub fn middle(&self) -> f32 {
        (1u32 << self.bits.saturating_sub(1)) as f32
    }

    /// Weight of a squared error in each plane, so that their sum is that of the planes' mean squared errors weighted
    /// 4:1:1, in units of luma samples.
    pub fn plane_weights(&self) -> Vec<f64> {
        let samples = |p: &Plane| p.samples() as f64;
        let luma = self.planes.first().map_or(1.0, samples);
        let of = |(i, p)| {
            if i == 0 {
                1.0
            } else {
                luma / (4.0 * samples(p))
            }
        };
        self.planes.iter().enumerate().map(of).collect()
    }

    /// [`Self::plane_weights`] of the plane that each channel is of.
    pub fn channel_weights(&self) -> Vec<f32> {
        let weights = self.plane_weights();
        let of = |c: &Channel| weights.get(c.plane).map_or(0.0, |w| *w as f32);
        self.channels.iter().map(of).collect()
    }

    /// Squared errors of a frame in 8 bits, each plane's with its weight.
    pub fn error(&self, made: &[u16], wanted: &[u16]) -> f64 {
        let mut sum = 0.0;
        for (p, weight) in self.planes.iter().zip(self.plane_weights()) {
            let (made, wanted) = (made.get(p.range()), wanted.get(p.range()));
            let e: u64 = made
                .unwrap_or_default()
                .iter()
                .zip(wanted.unwrap_or_default())
                .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2))
                .sum();
            sum += e as f64 * weight;
        }
        sum / f64::from(1u32 << self.bits.saturating_sub(8).saturating_mul(2))
    }

    /// Fills the first channels of an image of `shape` with a frame.
    pub fn pack(&self, frame: &[u16], shape: Shape, out: &mut [f32]) {
        let (middle, scale) = (self.middle(), 1.0 / self.scale());
        // Rows outside, channels inside: a row stays in the nearest cache while its channels are filled.
        for (i, out) in shape.lines_mut(out).enumerate() {
            for (ch, c) in self.channels.iter().enumerate() {
                let Some(p) = self.planes.get(c.plane) else {
                    continue;
                };
                let y = c.row(i).min(p.h.saturating_sub(1));
                let row = frame.get(p.row(y)).unwrap_or_default();
                spread(row, c, ch, shape.c, out, |v| {
                    (f32::from(v) - middle) * scale
                });
            }
        }
    }

    /// Adds planes of residuals, `stride`s wide, to channels `first..` of an image.
    pub fn pack_planes(
        &self,
        planes: &[Vec<f32>],
        strides: &[usize],
        shape: Shape,
        first: usize,
        out: &mut [f32],
    ) {
        let scale = 1.0 / self.scale();
        for (i, out) in shape.lines_mut(out).enumerate() {
            for (at, c) in (first..).zip(&self.channels) {
                let (Some(from), Some(stride)) = (planes.get(c.plane), strides.get(c.plane)) else {
                    continue;
                };
                let mut rows = from.chunks_exact(*stride);
                let y = c.row(i).min(rows.len().saturating_sub(1));
                let row = rows.nth(y).unwrap_or_default();
                spread(row, c, at, shape.c, out, |v| v * scale);
            }
        }
    }

    /// The frame that an image's first channels hold, rounded and clamped.
    pub fn unpack(&self, shape: Shape, image: &[f32], frame: &mut [u16]) {
        let (middle, scale) = (self.middle() + 0.5, self.scale());
        let peak = f32::from(self.peak());
        for (i, from) in shape.lines(image).enumerate() {
            for (ch, c) in self.channels.iter().enumerate() {
                let y = c.row(i);
                let Some(p) = self.planes.get(c.plane).filter(|p| y < p.h) else {
                    continue;
                };
                let row = frame.get_mut(p.row(y)).unwrap_or_default();
                let to = row.get_mut(c.offset[0]..).unwrap_or_default();
                let from = from.get(ch..).unwrap_or_default();
                let pixels = from.iter().step_by(shape.c);
                for (to, from) in to.iter_mut().step_by(c.step[0]).zip(pixels) {
                    // NaN becomes 0.
                    *to = (from * scale + middle).clamp(0.0, peak) as u16;
                }
            }
        }
    }

    /// The frame that is a prediction plus planes of residuals, `stride`s wide.
    pub fn add(
        &self,
        prediction: &[u16],
        planes: &[Vec<f32>],
        strides: &[usize],
        frame: &mut [u16],
    ) {
        let peak = f32::from(self.peak());
        for ((p, plane), stride) in self.planes.iter().zip(planes).zip(strides) {
            let (Some(from), Some(to)) = (prediction.get(p.range()), frame.get_mut(p.range()))
            else {
                continue;
            };
            let from = from.chunks_exact(p.w).zip(plane.chunks_exact(*stride));
            for (to, (from, plane)) in to.chunks_exact_mut(p.w).zip(from) {
                for (to, (a, b)) in to.iter_mut().zip(from.iter().zip(plane)) {
                    *to = (f32::from(*a) + b + 0.5).clamp(0.0, peak) as u16;
                }
            }
        }
    }

    /// Whether channel `ch` of pixel (i, j) is a sample of the frame.
    pub fn inside(&self, i: usize, j: usize, ch: usize) -> bool {
        let c = self.channels.get(ch);
        let Some((c, p)) = c.and_then(|c| Some((c, self.planes.get(c.plane)?))) else {
            return false;
        };
        let x = j.saturating_mul(c.step[0]).saturating_add(c.offset[0]);
        c.row(i) < p.h && x < p.w
    }
}

/// Puts every sample of `row` that channel `c` takes into channel `at` of pixels of `width` channels; behind the row's end
/// stands its last sample.
fn spread<T: Copy>(
    row: &[T],
    c: &Channel,
    at: usize,
    width: usize,
    out: &mut [f32],
    value: impl Fn(T) -> f32,
) {
    let Some(last) = row.last() else {
        return;
    };
    let inside = row.get(c.offset[0]..).unwrap_or_default();
    let out = out.get_mut(at..).unwrap_or_default();
    let mut pixels = out.iter_mut().step_by(width);
    for (v, out) in inside.iter().step_by(c.step[0]).zip(pixels.by_ref()) {
        *out = value(*v);
    }
    for out in pixels {
        *out = value(*last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBS: [Option<[usize; 2]>; 4] = [None, Some([2, 2]), Some([2, 1]), Some([1, 1])];

    fn each(mut f: impl FnMut(Geometry, Shape)) {
        for (w, h) in [(1, 1), (1, 9), (8, 1), (7, 5), (16, 18)] {
            for sub in SUBS {
                for bits in [8, 10] {
                    let g = Geometry::new(w, h, sub, bits);
                    let shape = Shape {
                        h: g.half[0],
                        w: g.half[1],
                        c: (2 * g.channels()).next_multiple_of(8),
                    };
                    f(g, shape);
                }
            }
        }
    }

    fn frame(g: &Geometry) -> Vec<u16> {
        let of = |i: usize| ((i * 40_503) >> 3) as u16 & g.peak();
        (0..g.samples()).map(of).collect()
    }

    #[test]
    fn a_frame_comes_back_from_the_image_that_it_was_packed_in() {
        each(|g, shape| {
            let x = frame(&g);
            let mut image = vec![0.0; shape.len()];
            g.pack(&x, shape, &mut image);
            assert!(image.iter().all(|v| v.abs() <= 2.0));
            let mut y = vec![0; x.len()];
            g.unpack(shape, &image, &mut y);
            assert_eq!(x, y, "{g:?}");
            // What is not a number, or beyond the range, is a sample all the same.
            for (odd, want) in [
                (f32::NAN, 0),
                (f32::INFINITY, g.peak()),
                (-9.0, 0),
                (0.0, g.peak() / 2 + 1),
            ] {
                image.fill(odd);
                g.unpack(shape, &image, &mut y);
                assert!(y.iter().all(|v| *v == want), "{odd}");
            }
        });
    }

    #[test]
    fn every_sample_has_one_place_inside() {
        each(|g, shape| {
            let mut n = 0;
            for i in 0..shape.h {
                for j in 0..shape.w {
                    n += (0..g.channels()).filter(|ch| g.inside(i, j, *ch)).count();
                }
            }
            assert_eq!(n, g.samples(), "{g:?}");
        });
    }

    #[test]
    fn planes_weigh_four_to_one_to_one() {
        each(|g, _| {
            let weights = g.channel_weights();
            let mut sums = vec![0.0; g.planes.len()];
            for (w, c) in weights.iter().zip(&g.channels) {
                for i in 0..g.half[0] {
                    for j in 0..g.half[1] {
                        let p = g.planes[c.plane];
                        let inside =
                            i * c.step[1] + c.offset[1] < p.h && j * c.step[0] + c.offset[0] < p.w;
                        sums[c.plane] += f32::from(u8::from(inside)) * w;
                    }
                }
            }
            for s in &sums[1..] {
                assert!((s * 4.0 - sums[0]).abs() < 1e-3 * sums[0], "{sums:?}");
            }
        });
    }

    #[test]
    fn residuals_are_added_rounded_and_clamped() {
        each(|g, _| {
            let x = frame(&g);
            let strides: Vec<usize> = g.planes.iter().map(|p| p.w + 3).collect();
            let add = |v: f32| {
                let planes = g.planes.iter().zip(&strides);
                let planes: Vec<Vec<f32>> = planes.map(|(p, s)| vec![v; s * p.h]).collect();
                let mut y = vec![0; x.len()];
                g.add(&x, &planes, &strides, &mut y);
                y
            };
            assert_eq!(add(0.4), x);
            let up = |n: u16| {
                x.iter()
                    .map(|v| v.saturating_add(n).min(g.peak()))
                    .collect::<Vec<_>>()
            };
            assert_eq!(add(0.5), up(1));
            assert_eq!(add(7.2), up(7));
            assert_eq!(add(1e9), vec![g.peak(); x.len()]);
            assert_eq!(add(-1e9), vec![0; x.len()]);
        });
    }
}
