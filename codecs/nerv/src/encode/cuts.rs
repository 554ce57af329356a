//! Groups of pictures: they start at cuts between scenes, and are otherwise of about the same length.

use nc_core::Video;

/// Frames of a group, about.
const LENGTH: usize = 64;
/// Luma samples across and down that frames are compared at.
const THUMB: usize = 16;

/// Luma means of a frame on a grid of squares, in 8 bits.
fn thumb(x: &Video<'_>, t: usize, frame: usize) -> Vec<f32> {
    let (w, h) = x.format.plane(0);
    let luma = &x.samples[t * frame..][..w * h];
    let down = 1.0 / f32::from(1u16 << (x.format.bits - 8));
    let mut sum = vec![0.0; THUMB * THUMB];
    let mut n = vec![0.0; THUMB * THUMB];
    for (y, row) in luma.chunks_exact(w).enumerate() {
        for (x, v) in row.iter().enumerate() {
            let i = y * THUMB / h * THUMB + x * THUMB / w;
            sum[i] += f32::from(*v) * down;
            n[i] += 1.0;
        }
    }
    sum.iter()
        .zip(&n)
        .map(|(s, n)| s / f32::max(*n, 1.0))
        .collect()
}

/// Lengths of the groups of a clip.
pub fn groups(x: &Video<'_>, frame: usize) -> Vec<usize> {
    let frames = x.samples.len() / frame.max(1);
    let thumbs: Vec<Vec<f32>> = (0..frames).map(|t| thumb(x, t, frame)).collect();
    let change: Vec<f32> = thumbs
        .windows(2)
        .map(|p| {
            p[0].iter()
                .zip(&p[1])
                .map(|(a, b)| (a - b).abs())
                .sum::<f32>()
                / p[0].len() as f32
        })
        .collect();
    let mut out = Vec::new();
    let mut first = 0;
    for t in 1..=frames {
        // A cut is a change that stands out from those before and after it.
        let cut = t == frames || {
            let near = change[t.max(5) - 5..(t + 4).min(change.len())].iter();
            let sum: f32 = near.clone().sum();
            let others = (sum - change[t - 1]) / (near.len().max(2) - 1) as f32;
            change[t - 1] > 8.0 && change[t - 1] > 4.0 * others
        };
        if cut {
            let n = t - first;
            let parts = ((n + LENGTH / 2) / LENGTH).max(1);
            out.extend((0..parts).map(|i| (i + 1) * n / parts - i * n / parts));
            first = t;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use nc_core::{Chroma, Colour, VideoFormat};

    fn clip(frames: usize, value: impl Fn(usize, usize) -> u16) -> (VideoFormat, Vec<u16>) {
        let format = VideoFormat {
            width: 32,
            height: 32,
            rate: [25, 1],
            chroma: Chroma::Gray,
            bits: 8,
            colour: Colour::Video,
            alpha: false,
        };
        let samples = (0..frames * 1024).map(|i| value(i / 1024, i % 1024));
        (format, samples.collect())
    }

    #[test]
    fn a_cut_starts_a_group_and_a_drift_does_not() {
        let (format, samples) = clip(40, |t, i| {
            if t < 17 {
                (i % 32 + t) as u16
            } else {
                (200 - i % 32 + t) as u16
            }
        });
        let x = Video {
            format,
            samples: &samples,
        };
        assert_eq!(groups(&x, 1024), [17, 23]);
    }

    #[test]
    fn long_scenes_are_shared_out() {
        let (format, samples) = clip(132, |t, i| (i % 64 + t / 4) as u16);
        let x = Video {
            format,
            samples: &samples,
        };
        assert_eq!(groups(&x, 1024), [66, 66]);
    }
}
