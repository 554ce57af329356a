//! Short-time Fourier transform and its inverse by overlap-add.
//!
//! A frame's place in the signal is given by the caller, so that the same two functions serve centred frames, causal
//! frames, and a piece of a long signal: a piece gives the same bits as the whole.

use crate::error::{KernelError, Result, rows, same};
use crate::exact::unit;
use crate::fft::{Rfft, Scratch};

/// Where the sum of squared windows is below this, the inverse gives silence.
const LEAST_WEIGHT: f32 = 1e-8;

/// Periodic Hann window of `n` points: 0.5 - 0.5 cos(2 pi k / n).
#[must_use]
pub fn hann(n: usize) -> Vec<f32> {
    (0..n).map(|k| (0.5 - 0.5 * unit(k, n).0) as f32).collect()
}

/// Short-time Fourier transform with one window for analysis and synthesis.
#[derive(Debug, Clone)]
pub struct Stft {
    fft: Rfft,
    hop: usize,
    window: Vec<f32>,
}

impl Stft {
    /// Frames of window.len() samples, `hop` apart.
    ///
    /// # Errors
    /// [`KernelError::Range`] if hop is 0 or above the window's length, or the length is not one that [`Rfft::new`]
    /// takes.
    pub fn new(window: Vec<f32>, hop: usize) -> Result<Self> {
        let fft = Rfft::new(window.len())?;
        if hop == 0 || hop > window.len() {
            return Err(KernelError::Range {
                what: "hop",
                got: hop,
            });
        }
        Ok(Self { fft, hop, window })
    }

    /// Samples in a frame.
    #[must_use]
    pub fn n_fft(&self) -> usize {
        self.fft.size()
    }

    /// Samples between the starts of frames.
    #[must_use]
    pub fn hop(&self) -> usize {
        self.hop
    }

    /// Bins of a frame, n_fft/2 + 1.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.fft.bins()
    }

    /// Spectra of the frames that start at samples start, start + hop, ... of `x`: `re` and `im` are [T, bins].
    /// Samples outside `x` are zero; `start` is -(n_fft / 2) for centred frames.
    ///
    /// # Errors
    /// [`KernelError::Length`] if `re` is not rows of bins or `im` has another length.
    pub fn analysis(&self, x: &[f32], start: i64, re: &mut [f32], im: &mut [f32]) -> Result<()> {
        let bins = self.bins();
        rows("re", re.len(), bins)?;
        same("im", re.len(), im.len())?;
        let mut frame = vec![0f32; self.n_fft()];
        let mut scratch = Scratch::default();
        let frames = re.chunks_exact_mut(bins).zip(im.chunks_exact_mut(bins));
        for (t, (re, im)) in frames.enumerate() {
            frame.fill(0.0);
            let (from, to, at) = self.overlap(start, t, x.len());
            for ((f, v), w) in frame[at..]
                .iter_mut()
                .zip(&x[from..to])
                .zip(&self.window[at..])
            {
                *f = v * w;
            }
            self.fft.forward_with(&frame, re, im, &mut scratch)?;
        }
        Ok(())
    }

    /// The signal whose frames these are: each frame's inverse transform times the window, added at start + t hop for
    /// t ascending, divided by the sum of the squared windows there. `x` is written whole; where no frame reaches, it
    /// is 0. For a piece of a longer signal, give all frames that reach into the piece.
    ///
    /// # Errors
    /// [`KernelError::Length`] if `re` is not rows of bins or `im` has another length.
    pub fn synthesis(&self, re: &[f32], im: &[f32], start: i64, x: &mut [f32]) -> Result<()> {
        let bins = self.bins();
        rows("re", re.len(), bins)?;
        same("im", re.len(), im.len())?;
        let mut frame = vec![0f32; self.n_fft()];
        let mut weight = vec![0f32; x.len()];
        let mut scratch = Scratch::default();
        x.fill(0.0);
        let frames = re.chunks_exact(bins).zip(im.chunks_exact(bins));
        for (t, (re, im)) in frames.enumerate() {
            let (from, to, at) = self.overlap(start, t, x.len());
            if from == to {
                continue;
            }
            self.fft.inverse_with(re, im, &mut frame, &mut scratch)?;
            let parts = x[from..to].iter_mut().zip(&mut weight[from..to]);
            for ((x, n), (f, w)) in parts.zip(frame[at..].iter().zip(&self.window[at..])) {
                *x += f * w;
                *n += w * w;
            }
        }
        for (x, n) in x.iter_mut().zip(weight) {
            *x = if n > LEAST_WEIGHT { *x / n } else { 0.0 };
        }
        Ok(())
    }

    /// Samples from..to of a signal of `len` samples lie in frame t, from its position `at` on.
    fn overlap(&self, start: i64, t: usize, len: usize) -> (usize, usize, usize) {
        let first = i128::from(start) + t as i128 * self.hop as i128;
        let from = first.clamp(0, len as i128);
        let to = (first + self.n_fft() as i128).clamp(from, len as i128);
        let at = if from == to { 0 } else { from - first };
        (from as usize, to as usize, at as usize)
    }
}
