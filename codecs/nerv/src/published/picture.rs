//! A frame as three channels at full resolution, and a frame's time as the network's input.
//!
//! The published networks give red, green and blue; here they give the planes themselves, the colour at the size of
//! the brightness, of which a smaller plane takes averages. So one network serves every subsampling.

use nc::{Result, VideoFormat};
use nc_kernels::Kernels;

use crate::geometry::Geometry;
use crate::graph::Shape;

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
    /// [`nc::Error::Limit`] for a format beyond the limits.
    pub fn new(format: &VideoFormat) -> Result<Self> {
        format.frame_samples()?;
        Ok(Self(Geometry::of(format)))
    }

    /// Columns and rows of the plane of brightness.
    pub fn size(&self) -> [usize; 2] {
        self.0.planes.first().map_or([1, 1], |p| [p.w, p.h])
    }

    /// Planes of a frame.
    pub fn planes(&self) -> usize {
        self.0.planes.len()
    }

    /// Samples of a frame.
    pub fn samples(&self) -> usize {
        self.0.samples()
    }

    /// Calls `f` with each plane's number, each sample's place in the frame, and the value that the image's pixels
    /// have on average over it, in samples.
    fn each(&self, s: Shape, image: &[f32], mut f: impl FnMut(usize, usize, usize, usize, f32)) {
        let (scale, middle) = (self.0.scale(), self.0.middle());
        for (ch, p) in self.0.planes.iter().enumerate() {
            let share = scale / (p.sub[0] * p.sub[1]) as f32;
            for y in 0..p.h {
                for x in 0..p.w {
                    let mut sum = 0.0;
                    for j in 0..p.sub[1] {
                        let row = s.row(y * p.sub[1] + j) + ch;
                        for i in 0..p.sub[0] {
                            sum += image[row + (x * p.sub[0] + i) * s.c];
                        }
                    }
                    f(ch, x, y, p.at + y * p.w + x, sum * share + middle);
                }
            }
        }
    }

    /// The frame of an image, rounded and clamped.
    pub fn frame(&self, s: Shape, image: &[f32], frame: &mut [u16]) {
        let peak = f32::from(self.0.peak());
        self.each(s, image, |_, _, _, at, v| {
            // NaN becomes 0.
            frame[at] = (v + 0.5).clamp(0.0, peak) as u16;
        });
    }

    /// The squared error of an image's frame, in squared samples, planes weighted 4:1:1 by their means; the clamped
    /// and rounded frame counts. With `grad`, also half the gradient of the unclamped error, in units of the network's
    /// output, weighted as [`Geometry::channel_weights`] says.
    pub fn error(&self, s: Shape, image: &[f32], frame: &[u16], grad: Option<&mut [f32]>) -> f64 {
        let mut sums = [0.0f64; 3];
        let weights = self.0.plane_weights();
        let (scale, peak) = (self.0.scale(), f32::from(self.0.peak()));
        let mut none = [];
        let keep = grad.is_some();
        let grad = grad.unwrap_or(&mut none);
        grad.fill(0.0);
        self.each(s, image, |ch, x, y, at, v| {
            let want = f32::from(frame[at]);
            let d = (v + 0.5).clamp(0.0, peak).floor() - want;
            sums[ch] += f64::from(d) * f64::from(d);
            if keep {
                let p = self.0.planes[ch];
                let share =
                    weights[ch] as f32 * (v - want) / (scale * (p.sub[0] * p.sub[1]) as f32);
                for j in 0..p.sub[1] {
                    let row = s.row(y * p.sub[1] + j) + ch;
                    for i in 0..p.sub[0] {
                        grad[row + (x * p.sub[0] + i) * s.c] = share;
                    }
                }
            }
        });
        let all: f64 = sums.iter().zip(&weights).map(|(s, w)| s * w).sum();
        let [w, h] = self.size();
        let total = if self.planes() > 1 { 1.5 } else { 1.0 };
        all / ((w * h) as f64 * total)
    }

    /// Peak signal-to-noise ratio of a mean squared error, in decibels.
    pub fn psnr(&self, mse: f64) -> f64 {
        let peak = f64::from(self.0.peak());
        10.0 * (peak * peak / mse.max(1e-9)).log10()
    }
}

/// Sines and cosines of `1.25^i pi t`, t = (frame + 1) / frames, into the network's input of one pixel.
pub fn encode_time(k: &Kernels, frame: usize, frames: usize, s: Shape, image: &mut [f32]) {
    let at = s.row(0);
    let t = (frame + 1) as f64 / frames.max(1) as f64;
    let half = INPUTS / 2;
    let mut f = t;
    for i in 0..half {
        // Only the place within a turn is given to the kernels, which take small angles.
        let turn = (f - 2.0 * (0.5 * f).floor()) as f32;
        image[at + i] = turn * std::f32::consts::PI;
        image[at + half + i] = turn * std::f32::consts::PI;
        f *= GROWTH;
    }
    k.sin(&mut image[at..at + half]);
    k.cos(&mut image[at + half..at + INPUTS]);
}
