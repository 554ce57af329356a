//! Short-time spectra with gradients: the encoder's features, the decoder's head, their framing.
//!
//! Short-time spectrum `j` is centred on sample `160 j + 80` of its sequence, so that the two of
//! a latent frame lie inside it; samples outside the sequence are zero. Inference has the same
//! framing and window on exact kernels; here a fast FFT does, for both directions.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::op::{Node, custom, values};
use crate::config::{BINS, HEAD, HOP, MAX_LOG_GAIN, N_FFT, SUB_HOP, SUBS};

/// A planned transform of one size with its window.
#[derive(Clone)]
pub struct Fft {
    /// Window, periodic Hann.
    pub window: Arc<Vec<f32>>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
}

impl Fft {
    /// Plans size `n`.
    pub fn new(n: usize) -> Self {
        let mut planner = RealFftPlanner::<f32>::new();
        let window = (0..n)
            .map(|i| (0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / n as f64).cos()) as f32)
            .collect();
        Self {
            window: Arc::new(window),
            forward: planner.plan_fft_forward(n),
            inverse: planner.plan_fft_inverse(n),
        }
    }

    /// Transform length.
    pub fn len(&self) -> usize {
        self.window.len()
    }

    /// Bins of a spectrum.
    pub fn bins(&self) -> usize {
        self.len() / 2 + 1
    }

    /// Spectra of the windowed pieces of `x` that start at `first + j * hop`, `count` of them.
    pub fn spectra(&self, x: &[f32], first: isize, hop: usize, count: usize) -> Vec<Complex32> {
        let n = self.len();
        let mut out = vec![Complex32::default(); count * self.bins()];
        let mut buf = vec![0.0; n];
        for (j, spec) in out.chunks_exact_mut(self.bins()).enumerate() {
            let start = first + (j * hop) as isize;
            for (i, (b, w)) in buf.iter_mut().zip(self.window.iter()).enumerate() {
                let at = start + i as isize;
                *b = if at >= 0 {
                    x.get(at as usize).copied().unwrap_or(0.0) * w
                } else {
                    0.0
                };
            }
            // Lengths match by construction.
            let _ = self.forward.process(&mut buf, spec);
        }
        out
    }

    /// Adds `window * sum_k Re(conj-free inverse)` of each spectrum to `x`: the adjoint of
    /// [`Self::spectra`] when `half` is true (interior bins counted once), or the unnormalised
    /// inverse transform of Hermitian spectra when it is false.
    pub fn overlap_add(
        &self,
        spec: &[Complex32],
        first: isize,
        hop: usize,
        half: bool,
        gain: f32,
        x: &mut [f32],
    ) {
        let n = self.len();
        let bins = self.bins();
        let mut buf = vec![0.0; n];
        let mut tmp = vec![Complex32::default(); bins];
        for (j, s) in spec.chunks_exact(bins).enumerate() {
            tmp.copy_from_slice(s);
            if half {
                tmp[1..bins - 1].iter_mut().for_each(|c| *c *= 0.5);
            }
            tmp[0].im = 0.0;
            tmp[bins - 1].im = 0.0;
            let _ = self.inverse.process(&mut tmp, &mut buf);
            let start = first + (j * hop) as isize;
            for (i, (b, w)) in buf.iter().zip(self.window.iter()).enumerate() {
                let at = start + i as isize;
                if at >= 0
                    && let Some(x) = x.get_mut(at as usize)
                {
                    *x += gain * b * w;
                }
            }
        }
    }
}

const FIRST: isize = (SUB_HOP / 2) as isize - (N_FFT / 2) as isize;

/// Encoder features of a sequence of whole frames: `[frames, FEATURES]`; per short-time spectrum
/// `0.3 (l + 2)`, `re e^(-0.7 l)`, `im e^(-0.7 l)` with `l = ln(|X| + 1e-3)`.
pub fn features(fft: &Fft, x: &[f32]) -> Vec<f32> {
    let subs = x.len() / HOP * SUBS;
    let spec = fft.spectra(x, FIRST, SUB_HOP, subs);
    let mut out = vec![0.0; subs * BINS * 3];
    for (s, o) in spec.chunks_exact(BINS).zip(out.chunks_exact_mut(BINS * 3)) {
        for (k, c) in s.iter().enumerate() {
            let l = (c.norm() + 1e-3).ln();
            let g = (-0.7 * l).exp();
            o[k] = 0.3 * (l + 2.0);
            o[BINS + k] = c.re * g;
            o[2 * BINS + k] = c.im * g;
        }
    }
    out
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
pub fn synthesis(fft: &Fft, y: &Node, frames: usize) -> Node {
    let [rows, _] = y.dims();
    let yv = values(y);
    let seqs = rows / frames;
    let n = frames * HOP;
    let inv = window_power(&fft.window).map(|p| 1.0 / (p * N_FFT as f32));
    // Window starts at FIRST + 160 j, so sample s meets window index (s - FIRST) mod 160.
    let phase = |s: usize| (s as isize - FIRST).rem_euclid(SUB_HOP as isize) as usize;
    let scale: Vec<f32> = (0..n).map(|s| inv[phase(s)]).collect();
    let mut spec = vec![Complex32::default(); rows * SUBS * BINS];
    for (s, o) in spec.chunks_exact_mut(BINS).zip(yv.chunks_exact(BINS * 3)) {
        for k in 0..BINS {
            let g = o[k].min(MAX_LOG_GAIN).exp();
            s[k] = Complex32::new(g * o[BINS + k], g * o[2 * BINS + k]);
        }
    }
    let per_seq = frames * SUBS * BINS;
    let mut out = vec![0.0; seqs * n];
    for (w, s) in out.chunks_exact_mut(n).zip(spec.chunks_exact(per_seq)) {
        fft.overlap_add(s, FIRST, SUB_HOP, false, 1.0, w);
        w.iter_mut().zip(&scale).for_each(|(w, s)| *w *= s);
    }
    let fft = fft.clone();
    custom([y], out, [seqs, n], move |grad| {
        let mut dy = vec![0.0; rows * HEAD];
        for (q, g) in grad.chunks_exact(n).enumerate() {
            let g: Vec<f32> = g.iter().zip(&scale).map(|(g, s)| g * s).collect();
            let ds = fft.spectra(&g, FIRST, SUB_HOP, frames * SUBS);
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
        [Some(dy)]
    })
}
