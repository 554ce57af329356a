//! Short-time spectra with gradients: the encoder's features, the decoder's head, their framing.
//!
//! Short-time spectrum `j` is centred on sample `160 j + 80` of its sequence, so that the two of
//! a latent frame lie inside it; samples outside the sequence are zero. Inference has the same
//! framing and window on exact kernels; here the transform of `nc-learn` does, for both directions.

use nc_core::Result;
use nc_learn::Node;
use nc_learn::spectrum::{Bins, Complex, Stft};

use crate::config::{BINS, HEAD, HOP, MAX_LOG_GAIN, N_FFT, SUB_HOP, SUBS};

const FIRST: isize = (SUB_HOP / 2) as isize - (N_FFT / 2) as isize;

/// Encoder features of a sequence of whole frames: `[frames, FEATURES]`; per short-time spectrum
/// `0.3 (l + 2)`, `re e^(-0.7 l)`, `im e^(-0.7 l)` with `l = ln(|X| + 1e-3)`.
///
/// # Errors
/// None but faults of the transform.
pub fn features(stft: &Stft, x: &[f32]) -> Result<Vec<f32>> {
    let subs = x.len() / HOP * SUBS;
    let spec = stft.spectra(x, FIRST, SUB_HOP, subs)?;
    let mut out = vec![0.0; subs * BINS * 3];
    for (s, o) in spec.chunks_exact(BINS).zip(out.chunks_exact_mut(BINS * 3)) {
        for (k, c) in s.iter().enumerate() {
            let l = (c.power().sqrt() + 1e-3).ln();
            let g = (-0.7 * l).exp();
            o[k] = 0.3 * (l + 2.0);
            o[BINS + k] = c.re * g;
            o[2 * BINS + k] = c.im * g;
        }
    }
    Ok(out)
}

/// [`features`] of sequences of `n` samples, one after another.
///
/// # Errors
/// As [`features`].
pub fn features_of_all(stft: &Stft, x: &[f32], n: usize) -> Result<Vec<f32>> {
    let each: Result<Vec<_>> = x.chunks_exact(n).map(|s| features(stft, s)).collect();
    Ok(each?.concat())
}

/// Sum of squared windows at each phase of the hop, in the steady state.
pub fn window_power(window: &[f32]) -> [f32; SUB_HOP] {
    let mut p = [0.0; SUB_HOP];
    for (i, w) in window.iter().enumerate() {
        p[i % SUB_HOP] += w * w;
    }
    p
}

/// The decoder's head outputs `y [sequences * frames, HEAD]` turned into samples
/// `[sequences, frames * HOP]`: spectrum = `e^m (a + i b)`, inverse transform, windowed
/// overlap-add, divided by the steady-state window power.
///
/// # Errors
/// None but faults of the transform.
pub fn synthesis<'t>(stft: &Stft, y: &Node<'t>, frames: usize) -> Result<Node<'t>> {
    let [rows, _] = y.dims();
    let yv = y.shared();
    let seqs = rows / frames;
    let n = frames * HOP;
    let inv = window_power(&stft.window).map(|p| 1.0 / (p * N_FFT as f32));
    // Window starts at FIRST + 160 j, so sample s meets window index (s - FIRST) mod 160.
    let phase = |s: usize| (s as isize - FIRST).rem_euclid(SUB_HOP as isize) as usize;
    let scale: Vec<f32> = (0..n).map(|s| inv[phase(s)]).collect();
    let mut spec = vec![Complex::default(); rows * SUBS * BINS];
    for (s, o) in spec.chunks_exact_mut(BINS).zip(yv.chunks_exact(BINS * 3)) {
        for k in 0..BINS {
            let g = o[k].min(MAX_LOG_GAIN).exp();
            s[k] = Complex::new(g * o[BINS + k], g * o[2 * BINS + k]);
        }
    }
    let per_seq = frames * SUBS * BINS;
    let mut out = vec![0.0; seqs * n];
    for (w, s) in out.chunks_exact_mut(n).zip(spec.chunks_exact(per_seq)) {
        stft.overlap_add(s, FIRST, SUB_HOP, Bins::Mirrored, w)?;
        w.iter_mut().zip(&scale).for_each(|(w, s)| *w *= s);
    }
    let stft = stft.clone();
    y.tape().op([y], out, [seqs, n], move |grad, _| {
        let mut dy = vec![0.0; rows * HEAD];
        for (q, g) in grad.chunks_exact(n).enumerate() {
            let g: Vec<f32> = g.iter().zip(&scale).map(|(g, s)| g * s).collect();
            let ds = stft.spectra(&g, FIRST, SUB_HOP, frames * SUBS)?;
            let base = q * frames * SUBS;
            for (j, d) in ds.chunks_exact(BINS).enumerate() {
                let s = &spec[(base + j) * BINS..][..BINS];
                let y = &yv[(base + j) * BINS * 3..][..BINS * 3];
                let o = &mut dy[(base + j) * BINS * 3..][..BINS * 3];
                for k in 0..BINS {
                    let edge = k == 0 || k == BINS - 1;
                    let c = if edge { 1.0 } else { 2.0 };
                    let (dre, dim) = (c * d[k].re, if edge { 0.0 } else { c * d[k].im });
                    let m = y[k];
                    let gain = m.min(MAX_LOG_GAIN).exp();
                    o[k] = if m < MAX_LOG_GAIN {
                        s[k].re * dre + s[k].im * dim
                    } else {
                        0.0
                    };
                    o[BINS + k] = gain * dre;
                    o[2 * BINS + k] = gain * dim;
                }
            }
        }
        Ok([Some(dy)])
    })
}
