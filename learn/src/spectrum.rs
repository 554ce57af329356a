//! Short-time spectra with gradients.

use std::sync::Arc;

use nc_core::{Error, Result};
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::misfit;
use crate::tape::Node;

/// A planned transform of one size with its window.
#[derive(Clone)]
pub struct Stft {
    /// Window, periodic Hann.
    pub window: Arc<Vec<f32>>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
}

/// Which half of a Hermitian spectrum a sum runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bins {
    /// Every bin counts as itself: the adjoint of [`Stft::spectra`].
    Once,
    /// Bins stand for their mirrored ones too: the inverse transform, not scaled.
    Mirrored,
}

fn fault(e: realfft::FftError) -> Error {
    Error::Internal(format!("transform: {e}").into())
}

impl Stft {
    /// Plans windows of `n` samples, an even number.
    ///
    /// # Errors
    /// [`Error::Internal`] for an odd number or 0.
    pub fn new(n: usize) -> Result<Self> {
        if n == 0 || !n.is_multiple_of(2) {
            return Err(misfit("a window of an odd number of samples"));
        }
        let mut planner = RealFftPlanner::<f32>::new();
        let window = (0..n)
            .map(|i| (0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / n as f64).cos()) as f32)
            .collect();
        Ok(Self {
            window: Arc::new(window),
            forward: planner.plan_fft_forward(n),
            inverse: planner.plan_fft_inverse(n),
        })
    }

    /// Samples in a window.
    #[must_use]
    pub fn n_fft(&self) -> usize {
        self.window.len()
    }

    /// Bins of a spectrum.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.n_fft() / 2 + 1
    }

    /// Whole windows in `n` samples, `hop` apart.
    #[must_use]
    pub fn count(&self, n: usize, hop: usize) -> usize {
        match n.checked_sub(self.n_fft()) {
            Some(room) if hop > 0 => room / hop + 1,
            _ => 0,
        }
    }

    /// Where window `j` and a signal of `len` samples overlap: the first sample in the signal and in the window, and how
    /// many.
    fn overlap(&self, start: isize, len: usize) -> (usize, usize, usize) {
        let skip = start.min(0).unsigned_abs().min(self.n_fft());
        let at = start.max(0).unsigned_abs().min(len);
        (at, skip, (self.n_fft() - skip).min(len - at))
    }

    /// Spectra `[count, bins]` of the windowed pieces of `x` that start at `first + j * hop`; samples outside are 0.
    ///
    /// # Errors
    /// None but faults of the transform.
    pub fn spectra(
        &self,
        x: &[f32],
        first: isize,
        hop: usize,
        count: usize,
    ) -> Result<Vec<Complex32>> {
        let mut out = vec![Complex32::default(); count * self.bins()];
        let mut buf = vec![0.0; self.n_fft()];
        let mut scratch = self.forward.make_scratch_vec();
        for (j, spec) in out.chunks_exact_mut(self.bins()).enumerate() {
            let (at, skip, n) = self.overlap(first + (j * hop) as isize, x.len());
            buf.fill(0.0);
            let windowed = x[at..at + n].iter().zip(&self.window[skip..skip + n]);
            for (b, (x, w)) in buf[skip..skip + n].iter_mut().zip(windowed) {
                *b = x * w;
            }
            let process = &self.forward;
            process
                .process_with_scratch(&mut buf, spec, &mut scratch)
                .map_err(fault)?;
        }
        Ok(out)
    }

    /// Adds to `x`, at `first + j * hop`, the window times the real part of each spectrum's inverse transform, not scaled.
    ///
    /// # Errors
    /// None but faults of the transform.
    pub fn overlap_add(
        &self,
        spec: &[Complex32],
        first: isize,
        hop: usize,
        bins: Bins,
        x: &mut [f32],
    ) -> Result<()> {
        let last = self.bins() - 1;
        let mut buf = vec![0.0; self.n_fft()];
        let mut tmp = vec![Complex32::default(); self.bins()];
        let mut scratch = self.inverse.make_scratch_vec();
        for (j, s) in spec.chunks_exact(self.bins()).enumerate() {
            tmp.copy_from_slice(s);
            if bins == Bins::Once {
                tmp[1..last].iter_mut().for_each(|c| *c *= 0.5);
            }
            tmp[0].im = 0.0;
            tmp[last].im = 0.0;
            let process = &self.inverse;
            process
                .process_with_scratch(&mut tmp, &mut buf, &mut scratch)
                .map_err(fault)?;
            let (at, skip, n) = self.overlap(first + (j * hop) as isize, x.len());
            let windowed = buf[skip..skip + n].iter().zip(&self.window[skip..skip + n]);
            for (x, (b, w)) in x[at..at + n].iter_mut().zip(windowed) {
                *x += b * w;
            }
        }
        Ok(())
    }

    /// Real parts, then imaginary parts of the spectra of sequences `x [sequences, n]`: `[sequences * count, 2 bins]` with
    /// [`Self::count`] whole windows each.
    ///
    /// # Errors
    /// None but faults of the transform.
    pub fn complex<'t>(&self, x: &Node<'t>, hop: usize) -> Result<Node<'t>> {
        let [seqs, n] = x.dims();
        let (count, bins) = (self.count(n, hop), self.bins());
        let mut out = Vec::with_capacity(seqs * count * 2 * bins);
        for x in x.values().chunks_exact(n) {
            for s in self.spectra(x, 0, hop, count)?.chunks_exact(bins) {
                out.extend(s.iter().map(|c| c.re));
                out.extend(s.iter().map(|c| c.im));
            }
        }
        let this = self.clone();
        let dims = [seqs * count, 2 * bins];
        x.tape().op([x], out, dims, move |g, _| {
            let mut dx = vec![0.0; seqs * n];
            if count > 0 {
                let each = g.chunks_exact(count * 2 * bins);
                for (x, g) in dx.chunks_exact_mut(n).zip(each) {
                    let rows = g.chunks_exact(2 * bins).map(|row| row.split_at(bins));
                    let spec: Vec<Complex32> = rows
                        .flat_map(|(re, im)| re.iter().zip(im))
                        .map(|(re, im)| Complex32::new(*re, *im))
                        .collect();
                    this.overlap_add(&spec, 0, hop, Bins::Once, x)?;
                }
            }
            Ok([Some(dx)])
        })
    }

    /// Magnitudes of the same, `[sequences * count, bins]`: the root of the squares and `floor` squared.
    ///
    /// # Errors
    /// As [`Self::complex`].
    pub fn magnitudes<'t>(&self, x: &Node<'t>, hop: usize, floor: f32) -> Result<Node<'t>> {
        let bins = self.bins();
        let parts = self.complex(x, hop)?;
        let pv = parts.shared();
        let mut out = Vec::with_capacity(pv.len() / 2);
        for row in pv.chunks_exact(2 * bins) {
            let (re, im) = row.split_at(bins);
            let pairs = re.iter().zip(im);
            out.extend(pairs.map(|(re, im)| (re * re + im * im + floor * floor).sqrt()));
        }
        let dims = [parts.dims()[0], bins];
        let mags: Vec<f32> = out.clone();
        x.tape().op([&parts], out, dims, move |g, _| {
            let mut d = pv.to_vec();
            let rows = g.chunks_exact(bins).zip(mags.chunks_exact(bins));
            for (d, (g, m)) in d.chunks_exact_mut(2 * bins).zip(rows) {
                let (re, im) = d.split_at_mut(bins);
                for ((re, im), (g, m)) in re.iter_mut().zip(im).zip(g.iter().zip(m)) {
                    let by = g / m.max(f32::MIN_POSITIVE);
                    *re *= by;
                    *im *= by;
                }
            }
            Ok([Some(d)])
        })
    }
}
