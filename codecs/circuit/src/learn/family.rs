//! Families of leaves: what shape a state's distribution over a variable's values has.

use serde::{Deserialize, Serialize};

/// Shape of the leaves of variables whose near values are alike. Whatever the family, a circuit
/// stores tables: a family is how they are learnt. A vertex of K states has K leaves, so the
/// variable itself is a mixture of K of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Any distribution, smoothed.
    #[default]
    Categorical,
    /// A logistic distribution, each value having the mass of half a step to either side (as in
    /// Salimans et al., *PixelCNN++*, 2017); the ends take the tails.
    Logistic,
    /// A normal distribution, likewise.
    Gaussian,
}

/// Least standard deviation, in steps.
const NARROW: f64 = 0.3;

/// Replaces the counts of each state in a leaf `[values, k]` by those of the family with the same mean,
/// variance and sum, with a ten-thousandth spread over all values.
pub(super) fn fit(leaf: &mut [f32], k: usize, family: Family) {
    let values = leaf.len() / k;
    for s in 0..k {
        let (mut n, mut sum, mut squares) = (1e-12f64, 0.0, 0.0);
        for (x, c) in leaf.iter().skip(s).step_by(k).enumerate() {
            let (x, c) = (x as f64, f64::from(*c));
            n += c;
            sum += c * x;
            squares += c * x * x;
        }
        let mean = sum / n;
        let deviation = (squares / n - mean * mean).max(0.0).sqrt().max(NARROW);
        let below = |x: f64| {
            let z = (x - mean) / deviation;
            match family {
                // The logistic distribution of scale 1 has a deviation of pi / sqrt(3).
                Family::Logistic => 1.0 / (1.0 + (-z * std::f64::consts::PI / 3f64.sqrt()).exp()),
                _ => normal(z),
            }
        };
        let mut left = 0.0;
        for (x, c) in leaf.iter_mut().skip(s).step_by(k).enumerate() {
            let right = if x + 1 == values {
                1.0
            } else {
                below(x as f64 + 0.5)
            };
            *c = (n * (0.9999 * (right - left) + 1e-4 / values as f64)) as f32;
            left = right;
        }
    }
}

/// The normal distribution function, to 7 digits (Abramowitz and Stegun 7.1.26).
fn normal(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let tail = 0.5 * series.iter().fold(0.0, |sum, a| (sum + a) * t) * (-x * x).exp();
    if z < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_keep_sum_mean_and_spread() {
        for family in [Family::Logistic, Family::Gaussian] {
            // Two states: one around 40, one at the low end alone.
            let mut leaf = vec![0.0f32; 200];
            for (x, c) in [(30, 1.0), (36, 2.0), (40, 4.0), (44, 2.0), (50, 1.0)] {
                leaf[2 * x] = c;
            }
            leaf[1] = 5.0;
            fit(&mut leaf, 2, family);
            let state = |s: usize| leaf.iter().skip(s).step_by(2).enumerate();
            let sum: f32 = state(0).map(|(_, c)| c).sum();
            let mean: f32 = state(0).map(|(x, c)| x as f32 * c).sum::<f32>() / sum;
            let var: f32 = state(0)
                .map(|(x, c)| (x as f32 - mean).powi(2) * c)
                .sum::<f32>()
                / sum;
            assert!(
                (sum - 10.0).abs() < 1e-3 && (mean - 40.0).abs() < 0.1,
                "{sum} {mean}"
            );
            assert!((var - 26.4).abs() < 2.0, "{var}");
            assert!(leaf[1] > 4.5 && state(1).all(|(_, c)| *c > 0.0));
        }
        assert!((normal(0.0) - 0.5).abs() < 1e-6 && (normal(1.96) - 0.975).abs() < 1e-4);
    }
}
