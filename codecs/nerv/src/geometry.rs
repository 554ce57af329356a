//! Where the samples of a frame lie in the network's images.
//!
//! The network works at half the luma resolution: a pixel there holds the four luma samples of its square and the
//! chroma samples that belong to it (4:2:0: one of each, 6 channels; 4:2:2: 8; 4:4:4: 12; gray: 4). Samples beyond the
//! frame repeat its edge.

use std::ops::Range;

use nc_core::{Chroma, Result, VideoFormat};

use crate::graph::Shape;
use crate::grid::{Grid, Known, Rows, RowsMut, internal};

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
        self.w * self.h
    }

    /// Where these lie in the frame.
    pub fn range(&self) -> Range<usize> {
        self.at..self.at + self.samples()
    }

    /// Its rows in `frame`.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for a frame of another geometry.
    pub fn rows<'a>(&self, frame: &'a [u16]) -> Result<Rows<'a>> {
        Rows::new(self.w, self.h, frame.span(self.range())?)
    }

    /// As [`Self::rows`], to be written.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub fn rows_mut<'a>(&self, frame: &'a mut [u16]) -> Result<RowsMut<'a>> {
        RowsMut::new(self.w, self.h, frame.span_mut(self.range())?)
    }
}

/// One channel of the half-resolution image: the samples `(2 / sub) i + offset` of a plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Channel {
    plane: usize,
    /// Columns and rows of the plane.
    size: [usize; 2],
    step: [usize; 2],
    offset: [usize; 2],
}

impl Channel {
    /// The row of its plane that row `i` of the image takes.
    fn row(&self, i: usize) -> usize {
        i * self.step[1] + self.offset[1]
    }
}

/// Geometry of a clip's frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    /// The plane of luma, which is the first.
    pub luma: Plane,
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
        let luma = Plane {
            w,
            h,
            at: 0,
            sub: [1, 1],
        };
        let mut planes = vec![luma];
        if let Some(sub) = sub {
            let (cw, ch) = (w.div_ceil(sub[0]), h.div_ceil(sub[1]));
            for at in [luma.samples(), luma.samples() + cw * ch] {
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
                        size: [p.w, p.h],
                        step,
                        offset: [x, y],
                    });
                }
            }
        }
        Self {
            luma,
            planes,
            bits,
            half: [h.div_ceil(2), w.div_ceil(2)],
            channels,
        }
    }

    /// Samples of a frame.
    pub fn samples(&self) -> usize {
        self.planes.iter().map(Plane::samples).sum()
    }

    /// Channels of the half-resolution image.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Largest sample.
    pub fn peak(&self) -> u16 {
        ((1u32 << self.bits) - 1) as u16
    }

    /// What a sample is divided by for the network, which sees about -2 to 2.
    pub fn scale(&self) -> f32 {
        (1u32 << (self.bits - 2)) as f32
    }

    /// The sample that the network sees as 0.
    pub fn middle(&self) -> f32 {
        (1u32 << (self.bits - 1)) as f32
    }

    /// Weight of a squared error in a plane, so that their sum is that of the planes' mean squared errors weighted
    /// 4:1:1, in units of luma samples.
    fn weight(&self, plane: usize, [w, h]: [usize; 2]) -> f64 {
        if plane == 0 {
            1.0
        } else {
            self.luma.samples() as f64 / (4.0 * (w * h) as f64)
        }
    }

    /// [`Self::weight`] of each plane.
    pub fn plane_weights(&self) -> Vec<f64> {
        let planes = self.planes.iter().enumerate();
        planes.map(|(i, p)| self.weight(i, [p.w, p.h])).collect()
    }

    /// [`Self::weight`] of the plane that each channel is of.
    pub fn channel_weights(&self) -> Vec<f32> {
        let of = |c: &Channel| self.weight(c.plane, c.size) as f32;
        self.channels.iter().map(of).collect()
    }

    /// Squared errors of a frame in 8 bits, each plane's with its weight; both of this geometry.
    #[allow(
        clippy::indexing_slicing,
        reason = "the encoder's alone, of frames that it has made"
    )]
    pub fn error(&self, made: &[u16], wanted: &[u16]) -> f64 {
        let mut sum = 0.0;
        for (p, weight) in self.planes.iter().zip(self.plane_weights()) {
            let e: u64 = made[p.range()]
                .iter()
                .zip(&wanted[p.range()])
                .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2))
                .sum();
            sum += e as f64 * weight;
        }
        sum / f64::from(1u32 << (2 * (self.bits - 8)))
    }

    /// The rows of each channel's plane in `frame`.
    fn channel_rows<'a>(&self, frame: &'a [u16]) -> Result<Vec<Rows<'a>>> {
        let planes: Result<Vec<Rows<'_>>> = self.planes.iter().map(|p| p.rows(frame)).collect();
        let planes = planes?;
        let rows = self.channels.iter().map(|c| planes.at(c.plane).copied());
        rows.collect()
    }

    /// Fills the first channels of an image of `shape` with a frame.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for a frame of another geometry.
    pub fn pack(&self, frame: &[u16], shape: Shape, out: &mut [f32]) -> Result<()> {
        let (middle, scale) = (self.middle(), 1.0 / self.scale());
        let rows = self.channel_rows(frame)?;
        // Rows outside, channels inside: a row stays in the nearest cache while its channels are filled.
        for (i, out) in shape.lines_mut(out).enumerate() {
            for (ch, (c, rows)) in self.channels.iter().zip(&rows).enumerate() {
                spread(rows.row(c.row(i)), c, ch, shape.c, out, |v| {
                    (f32::from(v) - middle) * scale
                });
            }
        }
        Ok(())
    }

    /// Adds planes of residuals, in whole squares, to channels `first..` of an image.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for planes of another geometry.
    pub fn pack_planes(
        &self,
        planes: &[Grid<f32>],
        shape: Shape,
        first: usize,
        out: &mut [f32],
    ) -> Result<()> {
        let scale = 1.0 / self.scale();
        for (i, out) in shape.lines_mut(out).enumerate() {
            for (at, c) in (first..).zip(&self.channels) {
                let plane = planes.at(c.plane)?;
                let y = c.row(i).min(plane.h() - 1);
                let row = plane.row(y).ok_or_else(|| internal("nerv: a row"))?;
                spread(row, c, at, shape.c, out, |v| v * scale);
            }
        }
        Ok(())
    }

    /// The frame that an image's first channels hold, rounded and clamped.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for a frame of another geometry.
    pub fn unpack(&self, shape: Shape, image: &[f32], frame: &mut [u16]) -> Result<()> {
        let (middle, scale) = (self.middle() + 0.5, self.scale());
        let peak = f32::from(self.peak());
        let mut planes = Vec::with_capacity(self.planes.len());
        let mut rest = frame;
        for p in &self.planes {
            let (plane, behind) = rest
                .split_at_mut_checked(p.samples())
                .ok_or_else(|| internal("nerv: a frame of another geometry"))?;
            planes.push(RowsMut::new(p.w, p.h, plane)?);
            rest = behind;
        }
        for (i, from) in shape.lines(image).enumerate() {
            for (ch, c) in self.channels.iter().enumerate() {
                // In the last row of an odd plane the second sample has no place.
                let Some(row) = planes.at_mut(c.plane)?.row(c.row(i)) else {
                    continue;
                };
                let to = row.iter_mut().skip(c.offset[0]).step_by(c.step[0]);
                let pixels = from.iter().skip(ch).step_by(shape.c);
                for (to, from) in to.zip(pixels) {
                    // NaN becomes 0.
                    *to = (from * scale + middle).clamp(0.0, peak) as u16;
                }
            }
        }
        Ok(())
    }

    /// The frame that is a prediction plus planes of residuals, in whole squares.
    pub fn add(&self, prediction: &[u16], planes: &[Grid<f32>], frame: &mut [u16]) -> Result<()> {
        let peak = f32::from(self.peak());
        for (p, plane) in self.planes.iter().zip(planes) {
            let from = prediction.span(p.range())?.chunks_exact(p.w);
            let to = frame.span_mut(p.range())?.chunks_exact_mut(p.w);
            for (to, (from, plane)) in to.zip(from.zip(plane.rows())) {
                for (to, (a, b)) in to.iter_mut().zip(from.iter().zip(plane)) {
                    *to = (f32::from(*a) + b + 0.5).clamp(0.0, peak) as u16;
                }
            }
        }
        Ok(())
    }

    /// Whether channel `ch` of pixel (i, j) is a sample of the frame.
    pub fn inside(&self, i: usize, j: usize, ch: usize) -> bool {
        // The last channels of an image fill up an eight and are none.
        let mut channel = self.channels.iter().skip(ch).take(1);
        channel.any(|c| c.row(i) < c.size[1] && j * c.step[0] + c.offset[0] < c.size[0])
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
    let mut pixels = out.iter_mut().skip(at).step_by(width);
    let inside = row.iter().skip(c.offset[0]).step_by(c.step[0]);
    for (v, out) in inside.zip(pixels.by_ref()) {
        *out = value(*v);
    }
    for out in pixels {
        *out = value(*last);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
            g.pack(&x, shape, &mut image).unwrap();
            assert!(image.iter().all(|v| v.abs() <= 2.0));
            let mut y = vec![0; x.len()];
            g.unpack(shape, &image, &mut y).unwrap();
            assert_eq!(x, y, "{g:?}");
            // What is not a number, or beyond the range, is a sample all the same.
            for (odd, want) in [
                (f32::NAN, 0),
                (f32::INFINITY, g.peak()),
                (-9.0, 0),
                (0.0, g.peak() / 2 + 1),
            ] {
                image.fill(odd);
                g.unpack(shape, &image, &mut y).unwrap();
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
            let add = |v: f32| {
                let planes = g.planes.iter().map(|p| Grid::new(p.w + 3, p.h, v));
                let planes: Vec<Grid<f32>> = planes.collect();
                let mut y = vec![0; x.len()];
                g.add(&x, &planes, &mut y).unwrap();
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
