//! A number told bit by bit under sixteen logistic distributions.
#![allow(unsafe_code)]

use crate::arch;
use crate::handle::{Kernels, enter};

/// Distributions.
pub const CUTS: usize = 16;

/// Sixteen logistic distributions of one number, and the interval that it is known to lie in.
#[derive(Debug, Clone, PartialEq)]
pub struct Cuts {
    /// Means.
    pub mean: [f32; CUTS],
    /// One over the scales.
    pub steepness: [f32; CUTS],
    /// Probabilities of lying above the interval's low end, and below it; of the high end and of the last cut the same.
    pub(crate) above_low: [f32; CUTS],
    pub(crate) below_low: [f32; CUTS],
    pub(crate) above_high: [f32; CUTS],
    pub(crate) below_high: [f32; CUTS],
    pub(crate) above_middle: [f32; CUTS],
    pub(crate) below_middle: [f32; CUTS],
}

impl Default for Cuts {
    fn default() -> Self {
        Self {
            mean: [0.0; CUTS],
            steepness: [1.0; CUTS],
            above_low: [1.0; CUTS],
            below_low: [0.0; CUTS],
            above_high: [0.0; CUTS],
            below_high: [1.0; CUTS],
            above_middle: [0.0; CUTS],
            below_middle: [0.0; CUTS],
        }
    }
}

impl Cuts {
    /// Nothing is known of the number.
    pub fn open(&mut self) {
        self.above_low = [1.0; CUTS];
        self.below_low = [0.0; CUTS];
        self.above_high = [0.0; CUTS];
        self.below_high = [1.0; CUTS];
    }

    /// The number lies above the last cut, or below it.
    #[inline]
    pub fn choose(&mut self, above: bool) {
        if above {
            self.above_low = self.above_middle;
            self.below_low = self.below_middle;
        } else {
            self.above_high = self.above_middle;
            self.below_high = self.below_middle;
        }
    }
}

impl Kernels {
    /// Of each distribution the logarithm of the odds that a number of the interval lies above `at`, in 256ths, whole, up to 9.2
    /// either way. Tails count as one in 10^9 at least.
    #[inline]
    pub fn cut(&self, cuts: &mut Cuts, at: f32, odds: &mut [f32; CUTS]) {
        enter!(self, cut(cuts, at, odds));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Level;

    #[test]
    fn odds_are_those_of_the_distribution_and_levels_agree() {
        let start = || {
            let mut cuts = Cuts::default();
            for i in 0..CUTS {
                cuts.mean[i] = i as f32 * 17.0;
                cuts.steepness[i] = 0.02 * (1 + i * i) as f32;
            }
            cuts
        };
        let run = |kernels: Kernels| {
            let mut cuts = start();
            let mut all = Vec::new();
            for (at, above) in [(127.5, true), (191.5, false), (159.5, true), (175.5, false)] {
                let mut odds = [0.0; CUTS];
                kernels.cut(&mut cuts, at, &mut odds);
                cuts.choose(above);
                all.extend(odds.map(f32::to_bits));
            }
            all
        };
        let scalar = run(Kernels::new(Level::Scalar).unwrap());
        for level in Level::available() {
            assert_eq!(run(Kernels::new(*level).unwrap()), scalar, "{level}");
        }
        let mut cuts = start();
        let mut odds = [0.0; CUTS];
        Kernels::best().cut(&mut cuts, 127.5, &mut odds);
        for (i, odds) in odds.iter().enumerate() {
            let z = (127.5 - f64::from(cuts.mean[i])) * f64::from(cuts.steepness[i]);
            let exact = (-z * 256.0).clamp(-2355.2, 2355.2);
            assert!(
                (f64::from(*odds) - exact).abs() < 2.0,
                "{i}: {odds} {exact}"
            );
        }
    }
}
