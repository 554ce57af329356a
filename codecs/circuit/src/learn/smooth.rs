//! What a leaf is drawn towards where its counts are few.
//!
//! A leaf of a fine alphabet has more entries than there are records to fill them. Values of a
//! measured variable are alike where they are near, but seldom smooth: pixels pile up at certain
//! greys. So it is the *ratio* of a state's counts to the variable's marginal that is taken to be
//! smooth over values, and the leaf to be the marginal times that: a kernel estimate in the manner
//! of Hjort and Glad (1995), with the marginal as the start and a box as the kernel.

/// How the tables are smoothed; all counts are records of training data.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Smoothing {
    /// Counts given to each row of an edge, shared out as in the other rows of the parent's bin.
    pub edges: f32,
    /// Counts given to each state of a leaf, shared out as its own counts over near values are.
    pub leaves: f32,
    /// How far near is, as a share of the alphabet to either side; nothing for variables whose
    /// values have no order.
    pub reach: f32,
    /// Counts given to each state of a leaf, shared out as the variable is in general.
    pub marginal: f32,
}

impl Default for Smoothing {
    fn default() -> Self {
        Self {
            edges: 3.0,
            leaves: 100.0,
            reach: 1.0 / 32.0,
            marginal: 10.0,
        }
    }
}

/// A value that is so common by itself is like no other.
const ATOM: f32 = 0.1;

/// Adds to a leaf of counts `[values, k]`, each of `1 / n` record, what smoothing asks for.
/// `marginal` is the share of each value, none 0; values up to `reach` apart are alike.
pub fn smooth(leaf: &mut [f32], k: usize, marginal: &[f32], how: &Smoothing, n: f32, reach: usize) {
    if reach > 0 && how.leaves > 0.0 {
        let mut near = near(leaf, k, marginal, reach);
        let mut sums = vec![0.0f32; k];
        for row in near.chunks_exact(k) {
            sums.iter_mut().zip(row).for_each(|(s, x)| *s += x);
        }
        for s in &mut sums {
            // A state without counts but of atoms has nothing to share out.
            let share = how.leaves / n / *s;
            *s = if share.is_finite() { share } else { 0.0 };
        }
        for row in near.chunks_exact_mut(k) {
            row.iter_mut().zip(&sums).for_each(|(x, s)| *x *= s);
        }
        leaf.iter_mut().zip(&near).for_each(|(l, x)| *l += x);
    }
    for (row, p) in leaf.chunks_exact_mut(k).zip(marginal) {
        let more = how.marginal / n * p + 1e-12;
        row.iter_mut().for_each(|l| *l += more);
    }
}

/// The marginal times the ratio of counts to marginal within `reach`, atoms apart.
fn near(leaf: &[f32], k: usize, marginal: &[f32], reach: usize) -> Vec<f32> {
    let values = marginal.len();
    let atom = |x: usize| marginal[x] > ATOM;
    let mut out = vec![0.0f32; leaf.len()];
    let mut counts = vec![0.0f32; k];
    let mut mass = 0.0f32;
    let (mut low, mut high) = (0, 0);
    for x in 0..values {
        let row = &mut out[x * k..(x + 1) * k];
        if atom(x) {
            row.copy_from_slice(&leaf[x * k..(x + 1) * k]);
            continue;
        }
        let add = |counts: &mut [f32], mass: &mut f32, at: usize, sign: f32| {
            if !atom(at) {
                *mass += sign * marginal[at];
                let from = &leaf[at * k..(at + 1) * k];
                counts
                    .iter_mut()
                    .zip(from)
                    .for_each(|(c, l)| *c += sign * l);
            }
        };
        while high < (x + reach + 1).min(values) {
            add(&mut counts, &mut mass, high, 1.0);
            high += 1;
        }
        while low < x.saturating_sub(reach) {
            add(&mut counts, &mut mass, low, -1.0);
            low += 1;
        }
        let scale = marginal[x] / mass.max(marginal[x]);
        // Differences of sums may fall below nothing by rounding.
        row.iter_mut()
            .zip(&counts)
            .for_each(|(o, c)| *o = c.max(0.0) * scale);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_without_counts_stay_numbers() {
        // Value 0 is an atom, and state 1 has counts of it alone.
        let marginal = [0.5, 0.06, 0.06, 0.06, 0.06, 0.06, 0.06, 0.06, 0.04, 0.04];
        let mut leaf = vec![0.0; 20];
        (leaf[0], leaf[1], leaf[4]) = (0.2, 0.3, 0.1);
        for leaves in [1.0, 1e6, f32::MAX] {
            let how = Smoothing {
                leaves,
                ..Smoothing::default()
            };
            let mut leaf = leaf.clone();
            smooth(&mut leaf, 2, &marginal, &how, 100.0, 3);
            assert!(
                leaf.iter().all(|l| l.is_finite() && *l > 0.0),
                "{leaves} {leaf:?}"
            );
        }
    }

    #[test]
    fn the_ratio_to_the_marginal_is_smoothed_and_not_the_leaf() {
        // Odd values are three times as common; value 0 is an atom; state 1 has small values only.
        let marginal: Vec<f32> = (0..64)
            .map(|x| match x {
                0 => 0.5,
                _ if x % 2 == 1 => 0.75 / 64.0,
                _ => 0.25 / 63.0,
            })
            .collect();
        let mut leaf = vec![0.0; 128];
        for x in 1..32 {
            leaf[2 * x + 1] = marginal[x];
        }
        // One count that stands alone in state 0.
        leaf[2 * 41] = 1.0;
        let out = near(&leaf, 2, &marginal, 4);
        assert_eq!(out[1], 0.0, "the atom keeps to itself");
        let ratio = |x: usize, s: usize| out[2 * x + s] / marginal[x];
        assert!((ratio(10, 1) - ratio(11, 1)).abs() < 1e-3);
        assert!(out[2 * 50 + 1].abs() < 1e-6, "far values get nothing");
        // The lone count is shared out over its neighbours as the marginal is.
        assert!(ratio(42, 0) > 0.0 && out[2 * 43] > 2.0 * out[2 * 42]);
    }
}
