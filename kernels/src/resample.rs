//! Change of sampling rate by a windowed-sinc filter, the same bits on every machine.
//!
//! A polyphase filter with a Kaiser window (J. Kaiser, 1974): flat to 0.46 of the lower rate, at least 80 dB down from
//! 0.5 on, no delay. A rational ratio L/M with L up to 1024 has its exact phases in a table; beyond that the table has
//! 1024 phases, and the output is interpolated linearly between two of them (error below -100 dB), so that odd rates
//! take no more memory than others.

use std::ops::Range;

use crate::Kernels;
use crate::error::{KernelError, Result};
use crate::exact::{bessel_i0, sin_pi};

/// Rates that are accepted, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=192_000;
/// Half the filter's length, in samples at the lower rate: (90 - 8) / (2.285 * 2 pi * 0.04) / 2, rounded up.
const HALF: f64 = 72.0;
/// Kaiser's beta for 90 dB: 0.1102 (90 - 8.7).
const BETA: f64 = 8.959_26;
/// Half-amplitude frequency as a part of the lower rate: the middle of the transition from 0.46 to 0.5.
const CUTOFF: f64 = 0.48;
/// Most phases in a table.
const MAX_PHASES: usize = 1024;

/// Converts mono signals from one rate to another.
#[derive(Debug, Clone)]
pub struct Resampler {
    /// Output m lies at input sample m * down / up.
    up: u64,
    down: u64,
    /// Half the filter's length in input samples.
    half: usize,
    /// Rows of the table per input sample: up, or `MAX_PHASES` if that is less.
    phases: u64,
    /// [phases + 1, 2 half].
    table: Vec<f32>,
}

/// Samples that `len` samples at rate `from` become at rate `to`, rounded to nearest; 0 if `from` is 0.
#[must_use]
pub fn resampled_len(len: u64, from: u32, to: u32) -> u64 {
    if from == 0 {
        return 0;
    }
    let n = (u128::from(len) * u128::from(to) + u128::from(from) / 2) / u128::from(from);
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Resamples a whole signal to `out_len` samples (see [`resampled_len`]).
///
/// # Errors
/// [`KernelError::Range`] if a rate is outside 8,000 to 192,000 Hz.
pub fn resample(x: &[f32], from: u32, to: u32, out_len: usize) -> Result<Vec<f32>> {
    let mut out = vec![0f32; out_len];
    Resampler::new(from, to)?.resample(&Kernels::best(), x, 0, 0, &mut out);
    Ok(out)
}

impl Resampler {
    /// Plans the conversion from rate `from` to rate `to`, in Hz.
    ///
    /// # Errors
    /// [`KernelError::Range`] if a rate is outside 8,000 to 192,000 Hz.
    pub fn new(from: u32, to: u32) -> Result<Self> {
        for rate in [from, to] {
            if !RATES.contains(&rate) {
                return Err(KernelError::Range {
                    what: "sampling rate",
                    got: rate as usize,
                });
            }
        }
        let g = gcd(from, to);
        let (up, down) = (u64::from(to / g), u64::from(from / g));
        if up == down {
            return Ok(Self {
                up,
                down,
                half: 0,
                phases: 1,
                table: Vec::new(),
            });
        }
        // Input samples per sample at the lower rate.
        let stretch = (f64::from(from) / f64::from(to)).max(1.0);
        let half = (HALF * stretch).ceil() as usize;
        let phases = up.min(MAX_PHASES as u64) as usize;
        let width = HALF * stretch;
        let edge = bessel_i0(BETA);
        let mut table = Vec::with_capacity((phases + 1) * 2 * half);
        let mut row = vec![0f64; 2 * half];
        for p in 0..=phases {
            let frac = p as f64 / phases as f64;
            let mut sum = 0.0;
            for (j, v) in row.iter_mut().enumerate() {
                // Distance of input sample (j - half + 1) from the output.
                let d = frac - (j as f64 - half as f64 + 1.0);
                let r = d / width;
                *v = if r.abs() < 1.0 {
                    let u = 2.0 * CUTOFF * d / stretch;
                    let sinc = if u == 0.0 {
                        1.0
                    } else {
                        sin_pi(u) / (std::f64::consts::PI * u)
                    };
                    sinc * bessel_i0(BETA * (1.0 - r * r).sqrt()) / edge
                } else {
                    0.0
                };
                sum += *v;
            }
            table.extend(row.iter().map(|v| (v / sum) as f32));
        }
        Ok(Self {
            up,
            down,
            half,
            phases: phases as u64,
            table,
        })
    }

    /// The input samples that outputs `out` depend on, before the signal's start and end are taken into account.
    #[must_use]
    pub fn input_range(&self, out: Range<u64>) -> Range<u64> {
        let at = |m: u64| u128::from(m) * u128::from(self.down) / u128::from(self.up);
        let lo = at(out.start).saturating_sub(self.half as u128);
        let hi = at(out.end.max(out.start)) + self.half as u128 + 1;
        u64::try_from(lo).unwrap_or(u64::MAX)..u64::try_from(hi).unwrap_or(u64::MAX)
    }

    /// Outputs out_start .. out_start + out.len() of the signal whose samples from x_start on are `x`; all other input
    /// samples count as zero. A long signal is converted in pieces with the same bits, if each piece is given the
    /// samples of [`input_range`](Self::input_range).
    pub fn resample(
        &self,
        kernels: &Kernels,
        x: &[f32],
        x_start: u64,
        out_start: u64,
        out: &mut [f32],
    ) {
        let taps = 2 * self.half;
        let mut edge = vec![0f32; taps];
        for (i, o) in out.iter_mut().enumerate() {
            let pos = (u128::from(out_start) + i as u128) * u128::from(self.down);
            let whole = (pos / u128::from(self.up)) as i128;
            let rest = (pos % u128::from(self.up)) as u64;
            // Place in `x` of the first tap.
            let here = whole - i128::from(x_start);
            let first = here - self.half as i128 + 1;
            if self.table.is_empty() {
                let at = usize::try_from(here).ok();
                *o = at.and_then(|h| x.get(h)).copied().unwrap_or(0.0);
                continue;
            }
            let inside = usize::try_from(first)
                .ok()
                .and_then(|f| x.get(f..f.checked_add(taps)?));
            let part = inside.unwrap_or_else(|| {
                for (j, e) in edge.iter_mut().enumerate() {
                    let at = usize::try_from(first + j as i128).ok();
                    *e = at.and_then(|a| x.get(a)).copied().unwrap_or(0.0);
                }
                &edge
            });
            let scaled = rest * self.phases;
            let p = (scaled / self.up) as usize;
            let row = |p: usize| {
                self.table
                    .chunks_exact(taps)
                    .nth(p)
                    .and_then(|row| kernels.dot(part, row).ok())
                    .unwrap_or(0.0)
            };
            let between = scaled % self.up;
            *o = row(p);
            if between != 0 {
                let f = (between as f64 / self.up as f64) as f32;
                *o += (row(p + 1) - *o) * f;
            }
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
