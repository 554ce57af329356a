//! Least squares by normal equations: the checked calls.
#![allow(unsafe_code)]

use crate::arch;
use crate::error::{KernelError, Result, same};
use crate::handle::{Kernels, enter};

/// The sums of a least-squares problem of some features: upper rows of the matrix of normal equations, each with the products
/// with the target behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Squares {
    features: usize,
    width: usize,
    sums: Vec<f32>,
}

/// Words that rows are multiples of.
const WORDS: usize = 16;
/// Most features.
pub const MAX_FEATURES: usize = 64;

impl Squares {
    /// Sums of nothing, for 1 to [`MAX_FEATURES`] features.
    ///
    /// # Errors
    /// [`KernelError::Range`] for another number.
    pub fn new(features: usize) -> Result<Self> {
        if features == 0 || features > MAX_FEATURES {
            return Err(KernelError::Range {
                what: "features",
                got: features,
            });
        }
        let width = (features + 1).next_multiple_of(WORDS);
        Ok(Self {
            features,
            width,
            sums: vec![0.0; features * width],
        })
    }

    /// Words of an example: the features, the target, zeros.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.sums.fill(0.0);
    }

    /// The sum of the diagonal.
    #[must_use]
    pub fn trace(&self) -> f32 {
        (0..self.features).fold(0.0, |sum, i| sum + self.sums[i * self.width + i])
    }

    /// Pulls the solution towards weights: adds `by` to the diagonal and `by` times the weight to the products with the target.
    pub fn pull(&mut self, by: f32, towards: &[f32]) {
        for (i, weight) in towards.iter().enumerate().take(self.features) {
            self.sums[i * self.width + i] += by;
            self.sums[i * self.width + self.features] += by * weight;
        }
    }
}

impl Kernels {
    /// Adds an example of [`Squares::width`] words with a weight.
    ///
    /// # Errors
    /// [`KernelError::Length`] for an example of another length.
    #[inline]
    pub fn squares_add(&self, to: &mut Squares, x: &[f32], weight: f32) -> Result<()> {
        same("x", to.width, x.len())?;
        let (n, w) = (to.features, to.width);
        let sums = &mut to.sums[..];
        enter!(self, squares_add(n, w, sums, x, weight));
        Ok(())
    }

    /// `to += by from`.
    ///
    /// # Errors
    /// [`KernelError::Length`] for sums of another number of features.
    pub fn squares_add_scaled(&self, to: &mut Squares, from: &Squares, by: f32) -> Result<()> {
        same("from", to.sums.len(), from.sums.len())?;
        let (m, a) = (&mut to.sums[..], &from.sums[..]);
        enter!(self, squares_add_scaled(m, a, by));
        Ok(())
    }

    /// `to = keep to + new`; `new` is cleared.
    ///
    /// # Errors
    /// [`KernelError::Length`] for sums of another number of features.
    pub fn squares_decay(&self, to: &mut Squares, new: &mut Squares, keep: f32) -> Result<()> {
        same("new", to.sums.len(), new.sums.len())?;
        let (m, a) = (&mut to.sums[..], &mut new.sums[..]);
        enter!(self, squares_decay(m, a, keep));
        Ok(())
    }

    /// The weights of least squares, by Cholesky's method; the sums are used up. Pivots below .001 count as that.
    ///
    /// # Errors
    /// [`KernelError::Length`] for another number of weights.
    pub fn squares_solve(&self, sums: &mut Squares, weights: &mut [f32]) -> Result<()> {
        same("weights", sums.features, weights.len())?;
        let (n, w) = (sums.features, sums.width);
        let m = &mut sums.sums[..];
        enter!(self, squares_solve(n, w, m, weights));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Level;

    /// Numbers below 1 that look random.
    fn noise(n: usize) -> Vec<f32> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 16_777_216.0 - 0.5
        };
        (0..n).map(|_| next()).collect()
    }

    fn solve(kernels: Kernels, n: usize) -> Vec<f32> {
        let mut sums = Squares::new(n).unwrap();
        let mut all = Squares::new(n).unwrap();
        let wanted: Vec<f32> = (0..n).map(|i| i as f32 - 3.5).collect();
        for x in noise(n * 200).chunks_exact(n) {
            let mut example = vec![0.0; sums.width()];
            example[..n].copy_from_slice(x);
            example[n] = x.iter().zip(&wanted).map(|(x, w)| x * w).sum();
            kernels.squares_add(&mut sums, &example, 0.5).unwrap();
        }
        kernels.squares_decay(&mut all, &mut sums, 0.5).unwrap();
        kernels.squares_add_scaled(&mut all, &sums, 2.0).unwrap();
        all.pull(1e-4, &vec![0.0; n]);
        let mut weights = vec![0.0; n];
        kernels.squares_solve(&mut all, &mut weights).unwrap();
        weights
    }

    #[test]
    fn weights_come_back_and_levels_agree() {
        for n in [1, 2, 7, 15, 16, 28, 64] {
            let scalar = solve(Kernels::new(Level::Scalar).unwrap(), n);
            for (i, w) in scalar.iter().enumerate() {
                assert!((w - (i as f32 - 3.5)).abs() < 0.05, "{n} {i}: {w}");
            }
            for level in Level::available() {
                let got = solve(Kernels::new(*level).unwrap(), n);
                let bits = |w: &[f32]| w.iter().map(|w| w.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&got), bits(&scalar), "{n} {level}");
            }
        }
        assert!(Squares::new(0).is_err() && Squares::new(65).is_err());
    }
}
