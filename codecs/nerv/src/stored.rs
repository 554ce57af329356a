//! The two forms without a network: samples packed to their bits, and one value for each plane.
//!
//! They are what exact coding gives and what other modes are measured against. Nothing in them depends
//! on a neighbour, so any frames decode alone.

use std::ops::Range;

use nc_core::{Budget, Error, Result, Video, VideoFormat};

use crate::geometry::Geometry;
use crate::grid::Known;
use crate::memory::{bytes, elements};

/// Bytes that `samples` take at `bits` each.
fn packed_len(samples: u64, bits: u8) -> u128 {
    (u128::from(samples) * u128::from(bits)).div_ceil(8)
}

/// Samples of `units` frames, charged to the budget at two bytes each.
fn charged(format: &VideoFormat, units: u64, budget: &mut Budget) -> Result<usize> {
    let samples = elements(units, format.frame_samples()? as u64)?;
    budget.charge(bytes(samples as u64, 2)?)?;
    Ok(samples)
}

/// Appends the samples, `bits` each, lowest bit first, the last byte filled with zeros.
pub fn encode_raw(x: Video<'_>, out: &mut Vec<u8>) {
    let bits = u32::from(x.format.bits);
    if bits == 8 {
        out.extend(x.samples.iter().map(|&s| s as u8));
        return;
    }
    out.reserve(packed_len(x.samples.len() as u64, x.format.bits) as usize);
    let (mut held, mut count) = (0u32, 0u32);
    for &s in x.samples {
        // At most 7 bits are held and 16 come.
        held |= u32::from(s) << count;
        count += bits;
        while count >= 8 {
            out.push(held as u8);
            held >>= 8;
            count -= 8;
        }
    }
    if count > 0 {
        out.push(held as u8);
    }
}

/// The frames `wanted` of a body of `units` frames.
pub fn decode_raw(
    body: &[u8],
    format: &VideoFormat,
    units: u64,
    wanted: Range<u64>,
    budget: &mut Budget,
) -> Result<Vec<u16>> {
    let damaged = || Error::Format("nerv: stored frames and their number differ".into());
    let frame = format.frame_samples()? as u64;
    // Frames that no memory holds are not in this body.
    let all = bytes(units, frame).map_err(|_| damaged())?;
    if body.len() as u128 != packed_len(all, format.bits) {
        return Err(damaged());
    }
    if wanted.start > wanted.end || wanted.end > units {
        return Err(Error::Usage("frames outside the chunk".into()));
    }
    let n = charged(format, wanted.end - wanted.start, budget)?;
    // Within `all`, whose bits are in memory.
    let first = wanted.start * frame;
    if format.bits == 8 {
        let part = body.span(first as usize..first as usize + n)?;
        return Ok(part.iter().map(|&b| u16::from(b)).collect());
    }
    let bits = u32::from(format.bits);
    // Of the last byte, where the samples leave some.
    let spare = all % 8 * u64::from(bits) % 8;
    if spare > 0 && body.last().is_some_and(|b| b >> spare != 0) {
        return Err(Error::Format("nerv: bits behind the last sample".into()));
    }
    let at = u128::from(first) * u128::from(bits);
    let mut bytes = body.iter().skip((at / 8) as usize);
    let mut count = 0u32;
    let mut held = 0;
    let skip = (at % 8) as u32;
    if skip > 0 {
        held = u32::from(*bytes.next().ok_or_else(damaged)?) >> skip;
        count = 8 - skip;
    }
    let mut out = Vec::with_capacity(n);
    for _ in 0..n {
        while count < bits {
            held |= u32::from(*bytes.next().ok_or_else(damaged)?) << count;
            count += 8;
        }
        out.push(held as u16 & format.max());
        held >>= bits;
        count -= bits;
    }
    Ok(out)
}

/// The value of each plane, where each has but one in all frames.
///
/// # Errors
/// None for whole frames.
pub fn constant(x: Video<'_>) -> Result<Option<Vec<u16>>> {
    let g = Geometry::of(&x.format);
    let mut frames = x.samples.chunks_exact(g.samples());
    let Some(first) = frames.next() else {
        return Ok(None);
    };
    let mut values = Vec::new();
    for p in &g.planes {
        values.push(*first.at(p.at)?);
    }
    let of_one = |frame: &[u16]| {
        let mut planes = g.planes.iter().zip(&values);
        planes.all(|(p, v)| frame.iter().skip(p.at).take(p.samples()).all(|s| s == v))
    };
    Ok((of_one(first) && frames.all(of_one)).then_some(values))
}

/// Bytes of the raw form, with its mode.
pub fn raw_len(x: Video<'_>) -> u64 {
    packed_len(x.samples.len() as u64, x.format.bits) as u64 + 1
}

/// The value nearest to each plane, and the squared error that is left: in 8 bits, planes weighted 4:1:1.
pub fn nearest_constant(x: Video<'_>) -> (Vec<u16>, f64) {
    let g = Geometry::of(&x.format);
    let mut values = Vec::new();
    let mut error = 0.0;
    for (p, weight) in g.planes.iter().zip(g.plane_weights()) {
        let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
        let frames = x.samples.chunks_exact(g.samples());
        let of = |f| <[u16]>::iter(f).skip(p.at).take(p.samples());
        for s in frames.flat_map(of) {
            let s = f64::from(*s);
            n += 1.0;
            sum += s;
            squares += s * s;
        }
        let value = (sum / f64::max(n, 1.0)).round();
        error += weight * (squares - 2.0 * value * sum + n * value * value);
        values.push(value as u16);
    }
    // In 8 bits.
    let unit = f64::from(1u32 << (x.format.bits - 8));
    (values, error / (unit * unit))
}

/// Squared error of frames in 8 bits, planes with their weights.
pub fn error(x: Video<'_>, y: &[u16]) -> f64 {
    let g = Geometry::of(&x.format);
    let n = g.samples();
    let pairs = x.samples.chunks_exact(n).zip(y.chunks_exact(n));
    pairs.map(|(x, y)| g.error(y, x)).sum()
}

/// Appends the planes' values, two bytes each.
pub fn encode_constant(values: &[u16], out: &mut Vec<u8>) {
    out.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

/// So many frames of one value for each plane.
pub fn decode_constant(
    body: &[u8],
    format: &VideoFormat,
    frames: u64,
    budget: &mut Budget,
) -> Result<Vec<u16>> {
    if body.len() != 2 * format.planes() {
        return Err(Error::Format("nerv: values of planes".into()));
    }
    let n = charged(format, frames, budget)?;
    // One frame beside those that are asked for.
    let mut work = budget.share();
    let mut frame = Vec::with_capacity(charged(format, 1, &mut work)?);
    let (values, _) = body.as_chunks::<2>();
    for (i, v) in values.iter().enumerate() {
        let value = u16::from_le_bytes(*v);
        if value > format.max() {
            return Err(Error::Format("nerv: a value beyond its bits".into()));
        }
        let (w, h) = format.plane(i);
        frame.extend(std::iter::repeat_n(value, w * h));
    }
    let mut out = Vec::with_capacity(n);
    for _ in 0..frames {
        out.extend_from_slice(&frame);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use nc_core::Chroma;

    fn format(bits: u8, chroma: Chroma) -> VideoFormat {
        VideoFormat {
            width: 5,
            height: 3,
            rate: [25, 1],
            chroma,
            bits,
            colour: nc_core::Colour::Video,
            alpha: false,
        }
    }

    fn samples(format: &VideoFormat, frames: usize) -> Vec<u16> {
        let n = format.frame_samples().unwrap() * frames;
        (0..n as u32)
            .map(|i| (i.wrapping_mul(40_503) >> 3) as u16 & format.max())
            .collect()
    }

    #[test]
    fn packed_samples_come_back_whole_and_in_part() {
        for bits in 8..=16 {
            for chroma in [Chroma::Gray, Chroma::C420, Chroma::C422, Chroma::C444] {
                let f = format(bits, chroma);
                let x = samples(&f, 4);
                let n = f.frame_samples().unwrap();
                let mut body = Vec::new();
                let video = Video {
                    format: f,
                    samples: &x,
                };
                encode_raw(video, &mut body);
                assert!(body.len() <= x.len() * 2);
                for (from, to) in [(0, 4), (1, 3), (3, 4), (2, 2)] {
                    let mut budget = Budget::default();
                    let y = decode_raw(&body, &f, 4, from..to, &mut budget).unwrap();
                    assert_eq!(
                        y,
                        x[from as usize * n..to as usize * n],
                        "{bits} {from} {to}"
                    );
                }
            }
        }
    }

    #[test]
    fn bodies_of_other_lengths_are_damaged() {
        let f = format(10, Chroma::C420);
        let x = samples(&f, 1);
        let mut body = Vec::new();
        let video = Video {
            format: f,
            samples: &x,
        };
        encode_raw(video, &mut body);
        let read = |body: &[u8], units| {
            matches!(
                decode_raw(body, &f, units, 0..units, &mut Budget::default()),
                Err(Error::Format(_))
            )
        };
        assert!(read(&body[1..], 1) && read(&body, 2) && read(&body, u64::MAX));
        // 270 bits: the last byte has two of its own.
        *body.last_mut().unwrap() |= 0x80;
        assert!(read(&body, 1));
    }

    #[test]
    fn one_value_for_each_plane() {
        let f = format(10, Chroma::C420);
        let mut x: Vec<u16> = Vec::new();
        for _ in 0..3 {
            x.extend([700; 15].iter().chain(&[512; 6]).chain(&[3; 6]));
        }
        let of = |x: &[u16]| {
            constant(Video {
                format: f,
                samples: x,
            })
            .unwrap()
        };
        let values = of(&x).unwrap();
        assert_eq!(values, [700, 512, 3]);
        let mut body = Vec::new();
        encode_constant(&values, &mut body);
        let mut budget = Budget::default();
        assert_eq!(decode_constant(&body, &f, 3, &mut budget).unwrap(), x);
        x[80] = 4;
        assert!(of(&x).is_none());
        assert!(of(&[]).is_none());
        for wrong in [&body[1..], &[0; 8], &[0xff; 6]] {
            let e = decode_constant(wrong, &f, 3, &mut budget);
            assert!(matches!(e, Err(Error::Format(_))));
        }
        let e = decode_constant(&body, &f, 1 << 60, &mut budget);
        assert!(matches!(e, Err(Error::Limit(_))));
    }
}
