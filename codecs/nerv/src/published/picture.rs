//! A frame as three channels at full resolution, and a frame's time as the network's input.
//!
//! The published networks give red, green and blue; here they give the planes themselves, the colour at the size of
//! the brightness, of which a smaller plane takes averages. So one network serves every subsampling.

use nc_core::{Result, VideoFormat};
use nc_kernels::Kernels;

use crate::geometry::{Geometry, Plane};
use crate::graph::Shape;
use crate::grid::{Known, internal};

/// Channels of the encoded time: 40 sines and 40 cosines (Chen et al. 2021, section 3.2).
pub const INPUTS: usize = 80;

/// Growth of the frequencies.
const GROWTH: f64 = 1.25;

/// The size and form of frames.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture(Geometry);

impl Picture {
    /// Of a format.
    ///
    /// # Errors
    /// [`nc_core::Error::Limit`] for a format beyond the limits.
    pub fn new(format: &VideoFormat) -> Result<Self> {
        format.frame_samples()?;
        Ok(Self(Geometry::of(format)))
    }

    /// Columns and rows of the plane of brightness.
    pub fn size(&self) -> [usize; 2] {
        [self.0.luma.w, self.0.luma.h]
    }

    /// Planes of a frame.
    pub fn planes(&self) -> usize {
        self.0.planes.len()
    }

    /// Samples of a frame.
    pub fn samples(&self) -> usize {
        self.0.samples()
    }

    /// For each sample of row `y` of the plane `p`, which is channel `ch`, the value that the image's pixels have on
    /// average over it, in samples.
    fn row(
        &self,
        s: Shape,
        image: &[f32],
        (ch, p): (usize, &Plane),
        y: usize,
    ) -> Result<impl Iterator<Item = f32>> {
        let (share, middle) = (self.0.scale() / pixels(p), self.0.middle());
        let [across, down] = p.sub;
        // One row, or two.
        let rows = [y * down, y * down + down - 1].map(|y| image.span(s.inside(y)));
        let [first, last] = rows;
        let mut lines = [first?, last?].map(|line| line.iter().skip(ch).step_by(s.c));
        Ok(std::iter::from_fn(move || {
            let mut sum = 0.0f32;
            for line in lines.iter_mut().take(down) {
                for _ in 0..across {
                    sum += line.next()?;
                }
            }
            Some(sum * share + middle)
        }))
    }

    /// The frame of an image, rounded and clamped.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for an image or a frame of another size.
    pub fn frame(&self, s: Shape, image: &[f32], frame: &mut [u16]) -> Result<()> {
        let peak = f32::from(self.0.peak());
        for plane in self.0.planes.iter().enumerate() {
            let rows = frame.span_mut(plane.1.range())?;
            for (y, to) in rows.chunks_exact_mut(plane.1.w).enumerate() {
                for (to, v) in to.iter_mut().zip(self.row(s, image, plane, y)?) {
                    // NaN becomes 0.
                    *to = (v + 0.5).clamp(0.0, peak) as u16;
                }
            }
        }
        Ok(())
    }

    /// The squared error of an image's frame, in squared samples, planes weighted 4:1:1 by their means; the clamped
    /// and rounded frame counts. With `grad`, also half the gradient of the unclamped error, in units of the network's
    /// output, weighted as [`Geometry::channel_weights`] says.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for an image or a frame of another size.
    pub fn error(
        &self,
        s: Shape,
        image: &[f32],
        frame: &[u16],
        grad: Option<&mut [f32]>,
    ) -> Result<f64> {
        let mut sums = [0.0f64; 3];
        let weights = self.0.plane_weights();
        let (scale, peak) = (self.0.scale(), f32::from(self.0.peak()));
        let mut none = [];
        let keep = grad.is_some();
        let grad = grad.unwrap_or(&mut none);
        grad.fill(0.0);
        let planes = self.0.planes.iter().enumerate();
        for ((plane, sum), weight) in planes.zip(&mut sums).zip(&weights) {
            let (ch, p) = plane;
            let rows = frame.span(p.range())?.chunks_exact(p.w);
            for (y, wanted) in rows.enumerate() {
                for (want, v) in wanted.iter().zip(self.row(s, image, plane, y)?) {
                    let d = (v + 0.5).clamp(0.0, peak).floor() - f32::from(*want);
                    *sum += f64::from(d) * f64::from(d);
                }
                let lines = if keep { p.sub[1] } else { 0 };
                for line in (y * p.sub[1]..).take(lines) {
                    let line = grad.span_mut(s.inside(line))?;
                    let mut to = line.iter_mut().skip(ch).step_by(s.c);
                    for (want, v) in wanted.iter().zip(self.row(s, image, plane, y)?) {
                        let share = *weight as f32 * (v - f32::from(*want)) / (scale * pixels(p));
                        to.by_ref().take(p.sub[0]).for_each(|to| *to = share);
                    }
                }
            }
        }
        let all: f64 = sums.iter().zip(&weights).map(|(s, w)| s * w).sum();
        let [w, h] = self.size();
        let total = if self.planes() > 1 { 1.5 } else { 1.0 };
        Ok(all / ((w * h) as f64 * total))
    }

    /// Peak signal-to-noise ratio of a mean squared error, in decibels.
    pub fn psnr(&self, mse: f64) -> f64 {
        let peak = f64::from(self.0.peak());
        10.0 * (peak * peak / mse.max(1e-9)).log10()
    }
}

/// Pixels of the image for each sample of a plane.
fn pixels(p: &Plane) -> f32 {
    (p.sub[0] * p.sub[1]) as f32
}

/// Sines and cosines of `1.25^i pi t`, t = (frame + 1) / frames, into the network's input of one pixel.
///
/// # Errors
/// [`nc_core::Error::Internal`] for another input.
pub fn encode_time(
    k: &Kernels,
    frame: usize,
    frames: usize,
    s: Shape,
    image: &mut [f32],
) -> Result<()> {
    let pixel = image.span_mut(s.inside(0))?;
    let inputs = pixel.first_chunk_mut::<INPUTS>();
    let inputs = inputs.ok_or_else(|| internal("nerv: a network without its input"))?;
    let (sines, cosines) = inputs.split_at_mut(INPUTS / 2);
    let mut f = (frame + 1) as f64 / frames.max(1) as f64;
    for (sine, cosine) in sines.iter_mut().zip(cosines.iter_mut()) {
        // Only the place within a turn is given to the kernels, which take small angles.
        let turn = (f - 2.0 * (0.5 * f).floor()) as f32;
        (*sine, *cosine) = (turn * std::f32::consts::PI, turn * std::f32::consts::PI);
        f *= GROWTH;
    }
    k.sin(sines);
    k.cos(cosines);
    Ok(())
}
