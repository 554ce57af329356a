//! Resampling by a rational factor with a Kaiser-windowed sinc, whole signals at a time.
//!
//! STOI is defined at 10 kHz and its published figures hang on the filter that leads there, so the
//! filter has to be ours to choose; the same few lines then serve the loaders. It computes in
//! `f64` and in one order, so a metric is the same number on every run.

use std::f64::consts::PI;

/// What the low-pass filter keeps out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Filter {
    /// Stopband rejection in dB, over 50.
    pub rejection: f64,
    /// Transition width as a fraction of the stopband edge, 0 to 1.
    pub roll_off: f64,
}

impl Filter {
    /// The filter of Octave's `resample`, which STOI's reference implementations use.
    pub const OCTAVE: Self = Self {
        rejection: 60.0,
        roll_off: 0.1,
    };
    /// For loading recordings: aliases stay under the noise of 16-bit samples.
    pub const FINE: Self = Self {
        rejection: 100.0,
        roll_off: 0.1,
    };
}

/// Resamples `x` from `from` to `to` samples per second; the output has
/// `ceil(len * to / from)` samples and no delay. Samples outside of the input count as zero.
///
/// The design is that of Octave's `resample` (Kaiser window by Kaiser 1974): with `p / q` the
/// reduced factor, cut-off `1 / (2 max(p, q))` of the upsampled rate, gain normalised to one.
/// Rates of zero give an empty result.
pub fn resample(x: &[f64], from: u32, to: u32, filter: Filter) -> Vec<f64> {
    if from == 0 || to == 0 {
        return Vec::new();
    }
    if from == to {
        return x.to_vec();
    }
    let g = gcd(from, to);
    let (p, q) = ((to / g) as usize, (from / g) as usize);
    let cutoff = 1.0 / (2.0 * p.max(q) as f64);
    let half = ((filter.rejection - 8.0) / (28.714 * cutoff * filter.roll_off)).ceil() as usize;
    let beta = 0.1102 * (filter.rejection - 8.7);
    let mut h: Vec<f64> = (0..=2 * half)
        .map(|i| {
            let t = i as f64 - half as f64;
            let r = t / half as f64;
            sinc(2.0 * cutoff * t) * bessel_i0(beta * (1.0 - r * r).max(0.0).sqrt())
        })
        .collect();
    // The input is spread out by p with zeros between, so the gain is p.
    let gain = p as f64 / h.iter().sum::<f64>();
    h.iter_mut().for_each(|v| *v *= gain);

    let len = (x.len() * p).div_ceil(q);
    (0..len)
        .map(|m| {
            // Input sample n stands at n * p on the upsampled grid; the filter reaches half
            // its length to either side of m * q.
            let at = m * q;
            let first = at.saturating_sub(half).div_ceil(p);
            let last = ((at + half) / p).min(x.len() - 1);
            x.get(first..=last).map_or(0.0, |x| {
                x.iter()
                    .enumerate()
                    .map(|(i, v)| v * h[at + half - (first + i) * p])
                    .sum()
            })
        })
        .collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// Modified Bessel function of the first kind, order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..64 {
        term *= quarter / f64::from(k * k);
        sum += term;
        if term < sum * 1e-17 {
            break;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn tone(hz: f64, rate: f64, n: usize) -> Vec<f64> {
        (0..n)
            .map(|i| (2.0 * PI * hz * i as f64 / rate).sin())
            .collect()
    }

    #[test]
    fn a_tone_keeps_its_phase_and_level() {
        for (from, to) in [
            (48_000, 16_000),
            (44_100, 16_000),
            (16_000, 10_000),
            (8_000, 16_000),
        ] {
            let y = resample(
                &tone(1000.0, f64::from(from), 8_000),
                from,
                to,
                Filter::FINE,
            );
            let want = tone(1000.0, f64::from(to), y.len());
            let worst = y[200..y.len() - 200]
                .iter()
                .zip(&want[200..])
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f64::max);
            assert!(worst < 1e-4, "{from} to {to}: {worst}");
        }
    }

    #[test]
    fn what_does_not_fit_is_removed() {
        let y = resample(
            &tone(11_000.0, 48_000.0, 9_600),
            48_000,
            16_000,
            Filter::FINE,
        );
        let worst = y[200..y.len() - 200]
            .iter()
            .fold(0.0, |a: f64, b| a.max(b.abs()));
        assert!(worst < 1e-4, "{worst}");
    }

    #[test]
    fn lengths() {
        assert_eq!(
            resample(&[0.0; 441], 44_100, 16_000, Filter::FINE).len(),
            160
        );
        assert_eq!(resample(&[1.0], 48_000, 16_000, Filter::FINE).len(), 1);
        assert!(resample(&[], 48_000, 16_000, Filter::FINE).is_empty());
    }
}
