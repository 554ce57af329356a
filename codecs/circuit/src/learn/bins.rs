//! Bins: which states of a vertex stand for which values of its variable.
//!
//! With bins a hidden tree is a refinement of the tree of Chow and Liu over binned variables: a child
//! depends on which bin its parent's variable is in without a latent state having to remember it, and
//! the states of a bin tell apart what the bin does not. As only the states of one bin are left once a
//! value is known, learning and coding cost the product of two bins' states for an edge, not that of
//! all states.

use nc_core::Result;

use crate::{Bin, Records, Tree};

/// States of a bin are a multiple of this where there are enough: what kernels take at once.
const STEP: usize = 8;

/// Runs of values of about equal share, at most `bins`: from and to.
fn cut(counts: &[usize], bins: usize) -> Vec<(usize, usize)> {
    let mut out = Vec::new();
    let (mut start, mut held) = (0, 0usize);
    let mut left: usize = counts.iter().sum();
    let mut left_bins = bins;
    for (x, c) in counts.iter().enumerate() {
        // A value that would overfill a bin that has its share already opens the next.
        if held > 0 && left_bins > 1 && 2 * (held + c) > 3 * left.div_ceil(left_bins) {
            out.push((start, x));
            left -= held;
            left_bins -= 1;
            (start, held) = (x, 0);
        }
        held += c;
    }
    out.push((start, counts.len()));
    out
}

/// Shares `states` out among bins, in proportion to the square roots of their records.
fn share_out(states: usize, records: &[usize]) -> Vec<usize> {
    let weights: Vec<f64> = records.iter().map(|n| (*n as f64 + 1.0).sqrt()).collect();
    let sum: f64 = weights.iter().sum();
    let step = if states >= 2 * STEP * records.len() {
        STEP
    } else {
        1
    };
    let each = |w: &f64| (states as f64 * w / sum / step as f64).round() as usize * step;
    weights.iter().map(|w| each(w).max(step)).collect()
}

/// The tree with each variable's values in at most `bins` bins, and its vertex's states shared out
/// among them; each bin has at least one. A vertex may come to have a few states more or fewer.
///
/// # Errors
/// [`nc_core::Error::Format`] where `tree` and `records` do not fit each other.
pub fn with_bins(tree: Tree, records: &Records, bins: usize) -> Result<Tree> {
    let alphabets = records.variables();
    let mut counts: Vec<Vec<usize>> = alphabets.iter().map(|n| vec![0; *n as usize]).collect();
    for row in records.rows() {
        for (x, counts) in row.iter().zip(&mut counts) {
            if let Some(n) = counts.get_mut(usize::from(*x)) {
                *n += 1;
            }
        }
    }
    let of = |v: &crate::Vertex| {
        let counts = v.variable.and_then(|x| counts.get(x));
        let most = bins.min(v.states);
        let Some(counts) = counts.filter(|_| most > 1) else {
            return Vec::new();
        };
        let cuts = cut(counts, most);
        let records: Vec<usize> = cuts
            .iter()
            .map(|(from, to)| counts[*from..*to].iter().sum())
            .collect();
        let states = share_out(v.states, &records);
        let each = cuts.iter().zip(states);
        each.map(|((from, to), states)| Bin {
            values: to - from,
            states,
        })
        .collect()
    };
    let bins = tree.vertices().iter().map(of).collect();
    tree.with_bins(bins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_evenly_and_common_ones_stand_alone() {
        assert_eq!(cut(&[5, 5, 5, 5], 4), [(0, 1), (1, 2), (2, 3), (3, 4)]);
        assert_eq!(cut(&[90, 1, 1, 1, 1], 2), [(0, 1), (1, 5)]);
        assert_eq!(cut(&[1, 1, 1, 1, 90, 2], 3), [(0, 4), (4, 5), (5, 6)]);
        assert_eq!(cut(&[0, 0, 7], 3), [(0, 3)]);
        assert_eq!(cut(&[3, 4], 1), [(0, 2)]);
    }

    #[test]
    fn every_bin_has_states() {
        assert_eq!(share_out(64, &[99, 0]), [56, 8]);
        assert_eq!(share_out(6, &[1_000_000, 0, 0]), [6, 1, 1]);
        assert_eq!(share_out(4, &[3, 3]), [2, 2]);
    }
}
