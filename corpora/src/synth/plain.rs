//! Clips at the ends of what frames can be: bright, dark, flat, noise, flashes, screens.
//!
//! Learned codecs of video are known to fall back to one grey on such content, and rate control and
//! buffers have their worst cases there. Every plane is defined at any size and depth, from one sample on.

use nc_core::{VideoBuf, VideoFormat};

/// What a made clip shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One value near the top of the range.
    Bright,
    /// One value near the bottom.
    Dark,
    /// A grey whose planes change by one now and then.
    Dither,
    /// One value, and one sample of another.
    Speck,
    /// A slope that drifts.
    Gradient,
    /// Squares of black and white.
    Checks,
    /// Boxes and lines of letters on one ground, as on a screen.
    Screen,
    /// Nothing that could be predicted.
    Noise,
    /// Every other frame is white.
    Flash,
    /// Another scene every three frames.
    Cuts,
    /// A texture that moves by whole and half samples.
    Texture,
}

/// All kinds.
pub const KINDS: [Kind; 11] = [
    Kind::Bright,
    Kind::Dark,
    Kind::Dither,
    Kind::Speck,
    Kind::Gradient,
    Kind::Checks,
    Kind::Screen,
    Kind::Noise,
    Kind::Flash,
    Kind::Cuts,
    Kind::Texture,
];

/// A number from 0 to 1 that depends on all of its arguments.
fn scatter(seed: u64, a: usize, b: usize, c: usize) -> f64 {
    let mut v = seed ^ 0x9e37_79b9_7f4a_7c15;
    for n in [a, b, c] {
        v = (v ^ n as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        v ^= v >> 29;
    }
    (v >> 11) as f64 / (1u64 << 53) as f64
}

/// Sample (x, y), in luma samples, of plane `p` in frame `t`, from 0 to 1.
fn value(kind: Kind, seed: u64, p: usize, t: usize, x: f64, y: f64) -> f64 {
    let (xi, yi) = (x as usize, y as usize);
    match kind {
        Kind::Bright => 0.99 + 0.01 * scatter(seed, p, t, yi),
        Kind::Dark => 0.01 * scatter(seed, p, t, xi),
        Kind::Dither => 0.5 + 0.004 * scatter(seed, p, t * 1000 + xi, yi).round(),
        Kind::Speck => {
            let here = scatter(seed, p, 0, 7) < 0.5 && t == 1 && xi < 2 && yi < 2;
            if here { 0.9 } else { 0.3 }
        }
        Kind::Gradient => (0.2 + 0.006 * x + 0.004 * y + 0.01 * t as f64 + 0.1 * p as f64) % 1.0,
        Kind::Checks => ((xi / 3 + yi / 3 + t) % 2) as f64,
        Kind::Screen => {
            let letters = yi % 8 < 6 && xi % 5 > 0 && scatter(seed, xi / 5, yi / 8, 0) < 0.8;
            let ink = letters && scatter(seed, xi, yi, 1) < 0.5;
            let window = (8..40).contains(&xi) && (4 + t..30 + t).contains(&yi);
            let ground = if window { 0.95 } else { 0.2 };
            if ink && p == 0 { 0.05 } else { ground }
        }
        Kind::Noise => scatter(seed, p, t * 10_000 + xi, yi),
        Kind::Flash if t % 2 == 1 => 1.0,
        Kind::Flash => value(Kind::Gradient, seed, p, t, x, y),
        Kind::Cuts if t / 3 % 2 == 1 => 1.0 - value(Kind::Screen, seed, p, t, x, y),
        Kind::Cuts => value(Kind::Texture, seed + t as u64 / 6, p, t, x, y),
        Kind::Texture => {
            let (x, y) = (x + 1.5 * t as f64, y - t as f64);
            let s = seed as f64 + p as f64;
            0.5 + 0.2 * (0.31 * x + 0.2 * y + s).sin() + 0.2 * (0.7 * x - 0.43 * y).sin()
        }
    }
}

/// A clip of a kind, of whole planes of any size, with the seed's noise and letters; no frames of a format beyond
/// the limits.
pub fn clip(kind: Kind, format: VideoFormat, frames: usize, seed: u64) -> VideoBuf {
    let mut samples = Vec::new();
    let max = f64::from(format.max());
    for t in 0..frames {
        for p in 0..format.planes() {
            let (w, h) = format.plane(p);
            let (dx, dy) = (f64::from(format.width), f64::from(format.height));
            let (dx, dy) = ((dx / w as f64).round(), (dy / h as f64).round());
            for y in 0..h {
                for x in 0..w {
                    let v = value(kind, seed, p, t, x as f64 * dx, y as f64 * dy);
                    samples.push((v * max).round().clamp(0.0, max) as u16);
                }
            }
        }
    }
    VideoBuf { format, samples }
}
