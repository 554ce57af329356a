//! Short-time spectra with gradients.

use std::ops::{Add, AddAssign, Mul, Sub};
use std::sync::Arc;

use nc_core::{Error, Result};
use nc_kernels::{KernelError, Rfft, hann};

use crate::tape::Node;

/// A complex number.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Complex {
    /// Real part.
    pub re: f32,
    /// Imaginary part.
    pub im: f32,
}

impl Complex {
    /// The number `re + i im`.
    #[inline]
    #[must_use]
    pub fn new(re: f32, im: f32) -> Self {
        Self { re, im }
    }

    /// The square of its magnitude.
    #[inline]
    #[must_use]
    pub fn power(self) -> f32 {
        self.re * self.re + self.im * self.im
    }
}

impl Add for Complex {
    type Output = Self;
    #[inline]
    fn add(self, o: Self) -> Self {
        Self::new(self.re + o.re, self.im + o.im)
    }
}

impl AddAssign for Complex {
    #[inline]
    fn add_assign(&mut self, o: Self) {
        *self = *self + o;
    }
}

impl Sub for Complex {
    type Output = Self;
    #[inline]
    fn sub(self, o: Self) -> Self {
        Self::new(self.re - o.re, self.im - o.im)
    }
}

impl Mul<f32> for Complex {
    type Output = Self;
    #[inline]
    fn mul(self, by: f32) -> Self {
        Self::new(self.re * by, self.im * by)
    }
}

/// A planned transform of one size with its window.
#[derive(Clone)]
pub struct Stft {
    /// Window, periodic Hann.
    pub window: Arc<Vec<f32>>,
    fft: Arc<Rfft>,
}

/// Which half of a Hermitian spectrum a sum runs over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bins {
    /// Every bin counts as itself: the adjoint of [`Stft::spectra`].
    Once,
    /// Bins stand for their mirrored ones too: the inverse transform, not scaled.
    Mirrored,
}

fn fault(e: KernelError) -> Error {
    Error::Internal(format!("transform: {e}").into())
}

impl Stft {
    /// Plans windows of `n` samples.
    ///
    /// # Errors
    /// [`Error::Internal`] for a size that [`Rfft::new`] does not take.
    pub fn new(n: usize) -> Result<Self> {
        Ok(Self {
            fft: Arc::new(Rfft::new(n).map_err(fault)?),
            window: Arc::new(hann(n)),
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
    ) -> Result<Vec<Complex>> {
        let mut out = vec![Complex::default(); count * self.bins()];
        let mut buf = vec![0.0; self.n_fft()];
        let [mut re, mut im] = [0; 2].map(|_| vec![0.0; self.bins()]);
        for (j, spec) in out.chunks_exact_mut(self.bins()).enumerate() {
            let (at, skip, n) = self.overlap(first + (j * hop) as isize, x.len());
            buf.fill(0.0);
            let windowed = x[at..at + n].iter().zip(&self.window[skip..skip + n]);
            for (b, (x, w)) in buf[skip..skip + n].iter_mut().zip(windowed) {
                *b = x * w;
            }
            self.fft.forward(&buf, &mut re, &mut im).map_err(fault)?;
            for (s, (re, im)) in spec.iter_mut().zip(re.iter().zip(&im)) {
                *s = Complex::new(*re, *im);
            }
        }
        Ok(out)
    }

    /// Adds to `x`, at `first + j * hop`, the window times the real part of each spectrum's inverse transform, not scaled.
    ///
    /// # Errors
    /// None but faults of the transform.
    pub fn overlap_add(
        &self,
        spec: &[Complex],
        first: isize,
        hop: usize,
        bins: Bins,
        x: &mut [f32],
    ) -> Result<()> {
        let last = self.bins() - 1;
        // The kernel's inverse is scaled and counts the inner bins twice.
        let whole = self.n_fft() as f32;
        let inner = match bins {
            Bins::Once => 0.5 * whole,
            Bins::Mirrored => whole,
        };
        let mut buf = vec![0.0; self.n_fft()];
        let [mut re, mut im] = [0; 2].map(|_| vec![0.0; self.bins()]);
        for (j, s) in spec.chunks_exact(self.bins()).enumerate() {
            for ((re, im), s) in re.iter_mut().zip(&mut im).zip(s) {
                (*re, *im) = (s.re * inner, s.im * inner);
            }
            (re[0], re[last]) = (s[0].re * whole, s[last].re * whole);
            self.fft.inverse(&re, &im, &mut buf).map_err(fault)?;
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
                    let spec: Vec<Complex> = rows
                        .flat_map(|(re, im)| re.iter().zip(im))
                        .map(|(re, im)| Complex::new(*re, *im))
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
