//! One chunk through the codec, and what its frames can be judged by.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    dead_code,
    unused_imports
)]

use nc_core::rng::Rng;
use nc_core::{
    Budget, Chroma, ChunkGoal, ChunkHead, Codec, Colour, Control, Encoded, Part, Result, VideoBuf,
    VideoFormat,
};
pub use nc_corpora::synth::plain::{KINDS, Kind, clip};
use nc_nerv::Nerv;

pub fn format(width: u32, height: u32, chroma: Chroma, bits: u8) -> VideoFormat {
    VideoFormat {
        width,
        height,
        rate: [25, 1],
        chroma,
        bits,
        colour: Colour::Video,
        alpha: false,
    }
}

pub fn head(x: &VideoBuf) -> ChunkHead<VideoFormat> {
    ChunkHead {
        format: x.format,
        first: 0,
        units: x.view().frames() as u64,
    }
}

/// The payload of one chunk.
pub fn encode(x: &VideoBuf, goal: ChunkGoal, ctl: &mut Control<'_>) -> Result<(Vec<u8>, Encoded)> {
    let mut out = Vec::new();
    let encoded = Nerv.encode(x.view(), &head(x), goal, ctl, &mut out)?;
    Ok((out, encoded))
}

pub fn decode(
    payload: &[u8],
    head: &ChunkHead<VideoFormat>,
    budget: &mut Budget,
) -> Result<(VideoBuf, u64)> {
    let (y, encoded) = Nerv.decode(payload, head, budget, &mut Control::default())?;
    Ok((y, encoded.symbols))
}

/// The frames `from..to` alone.
pub fn part(payload: &[u8], head: &ChunkHead<VideoFormat>, from: u64, to: u64) -> Result<Vec<u16>> {
    let part = Part {
        units: from..to,
        variables: None,
    };
    let mut budget = Budget::default();
    match Nerv.decode_part(payload, head, &part, &mut budget, &mut Control::default())? {
        Some(y) => Ok(y.samples),
        None => panic!("nerv gives any part"),
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
