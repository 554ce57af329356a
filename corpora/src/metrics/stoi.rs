//! STOI and ESTOI: short-time objective intelligibility.
//!
//! STOI: Taal, Hendriks, Heusdens, Jensen, "An Algorithm for Intelligibility Prediction of
//! Time-Frequency Weighted Noisy Speech", IEEE TASLP 19(7), 2011. ESTOI: Jensen and Taal, "An
//! Algorithm for Predicting the Intelligibility of Speech Masked by Modulated Noise Maskers",
//! IEEE/ACM TASLP 24(11), 2016. Where the papers leave room (resampling, frame counts) this
//! follows the authors' Matlab code as `pystoi` does, so that figures compare.

use nc_core::{Error, Result};
use realfft::RealFftPlanner;

use super::pair::{RATE, check};
use crate::resample::{Filter, resample};

/// The rate at which the measure is defined.
const RATE_STOI: u32 = 10_000;
/// Samples per frame; frames overlap by half.
const FRAME: usize = 256;
const HOP: usize = FRAME / 2;
const FFT: usize = 512;
/// One-third octave bands, the lowest centred at [`LOWEST`] Hz.
const BANDS: usize = 15;
const LOWEST: f64 = 150.0;
/// Frames per intermediate measure, 384 ms.
const SEGMENT: usize = 30;
/// Frames this many dB under the loudest are left out.
const RANGE: f64 = 40.0;
/// `1 + 10^(-beta / 20)` with the paper's lower bound on the distortion, beta = -15 dB (eq. 3).
const CLIP: f64 = 1.0 + 5.623_413_251_903_491;

type Bands = Vec<[f64; BANDS]>;

/// STOI, about 0 to 1 (Taal et al. 2011, eq. 5 and 6).
///
/// # Errors
/// Usage for unequal lengths, silence, or less than 30 frames (0.4 s) of speech.
pub fn stoi(reference: &[f32], degraded: &[f32]) -> Result<f64> {
    let (x, y) = envelopes(reference, degraded)?;
    let mut sum = 0.0;
    let segments = x.len() - SEGMENT + 1;
    for m in 0..segments {
        for j in 0..BANDS {
            let mut a = column(&x[m..m + SEGMENT], j);
            let mut b = column(&y[m..m + SEGMENT], j);
            // Eq. 3: level of the degraded band as in the clean one, then clipped.
            let level = norm(&a) / (norm(&b) + f64::EPSILON);
            b.iter_mut()
                .zip(&a)
                .for_each(|(b, a)| *b = (*b * level).min(a * CLIP));
            centre(&mut a);
            centre(&mut b);
            let scale = (norm(&a) + f64::EPSILON) * (norm(&b) + f64::EPSILON);
            sum += dot(&a, &b) / scale;
        }
    }
    Ok(sum / (segments * BANDS) as f64)
}

/// Extended STOI, about 0 to 1 (Jensen and Taal 2016, eq. 4 to 8).
///
/// # Errors
/// As [`stoi`].
pub fn estoi(reference: &[f32], degraded: &[f32]) -> Result<f64> {
    let (x, y) = envelopes(reference, degraded)?;
    let segments = x.len() - SEGMENT + 1;
    let mut sum = 0.0;
    for m in 0..segments {
        let a = normalised(&x[m..m + SEGMENT]);
        let b = normalised(&y[m..m + SEGMENT]);
        let dots: f64 = a.iter().zip(&b).map(|(a, b)| dot(a, b)).sum();
        sum += dots / SEGMENT as f64;
    }
    Ok(sum / segments as f64)
}

/// Rows (a band over time), then columns (a frame over bands), to mean 0 and norm 1.
fn normalised(segment: &[[f64; BANDS]]) -> Bands {
    let mut out = segment.to_vec();
    for j in 0..BANDS {
        let mut row = column(segment, j);
        centre(&mut row);
        let n = norm(&row) + f64::EPSILON;
        out.iter_mut().zip(&row).for_each(|(o, v)| o[j] = v / n);
    }
    for frame in &mut out {
        centre(frame);
        let n = norm(frame) + f64::EPSILON;
        frame.iter_mut().for_each(|v| *v /= n);
    }
    out
}

/// One-third octave envelopes of both signals, at 10 kHz, without the reference's silent frames.
fn envelopes(reference: &[f32], degraded: &[f32]) -> Result<(Bands, Bands)> {
    check(reference, degraded)?;
    let at_10k = |x: &[f32]| {
        let x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        resample(&x, RATE, RATE_STOI, Filter::OCTAVE)
    };
    let (x, y) = (at_10k(reference), at_10k(degraded));
    let window = window();
    let frames = |x: &[f64]| -> Vec<Vec<f64>> {
        // The Matlab code leaves out a last frame that would just fit; so does this.
        (0..x.len().saturating_sub(FRAME))
            .step_by(HOP)
            .map(|at| {
                x[at..at + FRAME]
                    .iter()
                    .zip(&window)
                    .map(|(x, w)| x * w)
                    .collect()
            })
            .collect()
    };
    let (fx, fy) = (frames(&x), frames(&y));
    let level: Vec<f64> = fx
        .iter()
        .map(|f| 20.0 * (norm(f) + f64::EPSILON).log10())
        .collect();
    let loudest = level.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let kept = |frames: &[Vec<f64>]| -> Vec<f64> {
        let voiced: Vec<&Vec<f64>> = frames
            .iter()
            .zip(&level)
            .filter(|(_, l)| loudest - RANGE < **l)
            .map(|(f, _)| f)
            .collect();
        let mut out = vec![0.0; voiced.len().saturating_sub(1) * HOP + FRAME];
        for (i, f) in voiced.iter().enumerate() {
            out[i * HOP..].iter_mut().zip(*f).for_each(|(o, v)| *o += v);
        }
        out
    };
    let (ex, ey) = (bands(&kept(&fx), &window)?, bands(&kept(&fy), &window)?);
    if ex.len() < SEGMENT || loudest <= -300.0 {
        return Err(Error::Usage(format!(
            "STOI needs {SEGMENT} frames of speech, got {}",
            ex.len()
        )));
    }
    Ok((ex, ey))
}

/// Root of the power in each one-third octave band, per frame (Taal et al. 2011, eq. 1).
fn bands(x: &[f64], window: &[f64]) -> Result<Bands> {
    let edges = edges();
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(FFT);
    let mut buffer = vec![0.0; FFT];
    let mut spectrum = fft.make_output_vec();
    (0..x.len().saturating_sub(FRAME))
        .step_by(HOP)
        .map(|at| {
            buffer.fill(0.0);
            for ((b, x), w) in buffer.iter_mut().zip(&x[at..at + FRAME]).zip(window) {
                *b = x * w;
            }
            fft.process(&mut buffer, &mut spectrum)
                .map_err(|e| Error::Usage(format!("STOI: {e}")))?;
            let mut out = [0.0; BANDS];
            for (o, &(low, high)) in out.iter_mut().zip(&edges) {
                let power: f64 = spectrum[low..high].iter().map(|s| s.norm_sqr()).sum();
                *o = power.sqrt();
            }
            Ok(out)
        })
        .collect()
}

/// Bins `low..high` of each band: its edges, each moved to the nearest bin.
fn edges() -> [(usize, usize); BANDS] {
    let bin = |hz: f64| (hz * FFT as f64 / f64::from(RATE_STOI)).round() as usize;
    std::array::from_fn(|k| {
        let edge = |e: f64| bin(LOWEST * 2.0_f64.powf((2.0 * k as f64 + e) / 6.0));
        (edge(-1.0), edge(1.0))
    })
}

/// Matlab's `hanning`: Hann without its two zeros.
fn window() -> Vec<f64> {
    (1..=FRAME)
        .map(|i| 0.5 - 0.5 * (2.0 * std::f64::consts::PI * i as f64 / (FRAME + 1) as f64).cos())
        .collect()
}

fn column(segment: &[[f64; BANDS]], j: usize) -> [f64; SEGMENT] {
    let mut out = [0.0; SEGMENT];
    out.iter_mut().zip(segment).for_each(|(o, s)| *o = s[j]);
    out
}

fn centre(x: &mut [f64]) {
    let mean = x.iter().sum::<f64>() / x.len().max(1) as f64;
    x.iter_mut().for_each(|v| *v -= mean);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}
