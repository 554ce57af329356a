//! Made clips of many kinds, and one chunk through the codec.
#![allow(clippy::unwrap_used, dead_code)]

use nc::rng::Rng;
use nc::{
    Budget, Chroma, ChunkHead, Codec, Control, Encoded, Format, Goal, Part, Result, Signal,
    SignalBuf, VideoBuf, VideoFormat,
};
use nc_nerv::Nerv;

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

pub fn format(width: u32, height: u32, chroma: Chroma, bits: u8) -> VideoFormat {
    VideoFormat {
        width,
        height,
        rate: [25, 1],
        chroma,
        bits,
        rgb: false,
    }
}

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

pub fn head(x: &VideoBuf) -> ChunkHead {
    ChunkHead {
        format: Format::Video(x.format),
        first: 0,
        units: x.view().frames() as u64,
    }
}

/// The payload of one chunk.
pub fn encode(x: &VideoBuf, goal: Goal, ctl: &mut Control<'_>) -> Result<(Vec<u8>, Encoded)> {
    let mut out = Vec::new();
    let encoded = Nerv.encode(Signal::Video(x.view()), &head(x), goal, ctl, &mut out)?;
    Ok((out, encoded))
}

pub fn decode(payload: &[u8], head: &ChunkHead, budget: &mut Budget) -> Result<(VideoBuf, u64)> {
    let (y, encoded) = Nerv.decode(payload, head, budget, &mut Control::default())?;
    match y {
        SignalBuf::Video(y) => Ok((y, encoded.symbols)),
        _ => unreachable!("nerv gives video"),
    }
}

/// The frames `from..to` alone.
pub fn part(payload: &[u8], head: &ChunkHead, from: u64, to: u64) -> Result<Vec<u16>> {
    let part = Part {
        units: from..to,
        variables: None,
    };
    let mut budget = Budget::default();
    match Nerv.decode_part(payload, head, &part, &mut budget, &mut Control::default())? {
        Some(SignalBuf::Video(y)) => Ok(y.samples),
        _ => unreachable!("nerv gives video, any part of it"),
    }
}

/// Bytes of the samples, packed to their bits.
pub fn raw(x: &VideoBuf) -> u64 {
    (x.samples.len() as u64 * u64::from(x.format.bits)).div_ceil(8)
}

/// Squared error, planes weighted 4:1:1.
pub fn error(x: &VideoBuf, y: &[u16]) -> f64 {
    assert_eq!(x.samples.len(), y.len());
    let mut at = 0;
    let mut sum = 0.0;
    let n = x.format.frame_samples().unwrap();
    let luma = x.format.plane(0).0 * x.format.plane(0).1;
    for p in 0..x.format.planes() {
        let (w, h) = x.format.plane(p);
        let of = |s: &[u16], t: usize| s[t * n + at..][..w * h].to_vec();
        let mut plane = 0.0;
        for t in 0..y.len() / n {
            for (a, b) in of(&x.samples, t).iter().zip(of(y, t)) {
                plane += (f64::from(*a) - f64::from(b)).powi(2);
            }
        }
        at += w * h;
        sum += plane
            * if p == 0 {
                4.0
            } else {
                luma as f64 / (w * h) as f64
            };
    }
    sum
}

/// The frames that one value for each plane comes nearest with.
pub fn constant(x: &VideoBuf) -> Vec<u16> {
    let n = x.format.frame_samples().unwrap();
    let mut y = x.samples.clone();
    let mut at = 0;
    for p in 0..x.format.planes() {
        let (w, h) = x.format.plane(p);
        let frames = || x.samples.chunks_exact(n).flat_map(|f| &f[at..at + w * h]);
        let sum: f64 = frames().map(|v| f64::from(*v)).sum();
        let value = (sum / frames().count() as f64).round() as u16;
        y.chunks_exact_mut(n)
            .for_each(|f| f[at..at + w * h].fill(value));
        at += w * h;
    }
    y
}

/// A seeded choice.
pub fn pick<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.below(of.len())]
}
