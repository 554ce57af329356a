//! The tree of most mutual information (Chow and Liu 1968), every variable with a latent vertex.

use nc_core::{Error, Result};
use rayon::prelude::*;

use crate::{Records, Tree};

/// Records that mutual information is counted on; more change the tree little.
const RECORDS: usize = 32_768;
/// Bins that a variable's values are put into for it.
const BINS: usize = 8;

/// One variable in bins: a bit per record for each bin.
struct Binned {
    bits: Vec<Vec<u64>>,
    share: Vec<f64>,
}

/// Values in rising order into at most [`BINS`] bins of about equal share.
fn bins(column: &[u16], alphabet: u32) -> Binned {
    let n = column.len();
    // The unknown are one value more.
    let mut count = vec![0usize; alphabet as usize + 1];
    for x in column {
        count[usize::from(*x)] += 1;
    }
    let mut bin = vec![0usize; count.len()];
    let (mut at, mut held, mut left, mut left_bins) = (0, 0usize, n, BINS);
    for (x, c) in count.iter().enumerate() {
        // A value that would overfill a bin that has its share already opens the next.
        if held > 0 && left_bins > 1 && 2 * (held + c) > 3 * left.div_ceil(left_bins) {
            left -= held;
            left_bins -= 1;
            held = 0;
            at += 1;
        }
        bin[x] = at;
        held += c;
    }
    let mut bits = vec![vec![0u64; n.div_ceil(64)]; at + 1];
    let mut share = vec![0.0; at + 1];
    for (i, x) in column.iter().enumerate() {
        let b = bin[usize::from(*x)];
        bits[b][i / 64] |= 1 << (i % 64);
        share[b] += 1.0 / n as f64;
    }
    Binned { bits, share }
}

/// Mutual information in nats of two binned variables over `n` records.
fn information(a: &Binned, b: &Binned, n: usize) -> f64 {
    let mut sum = 0.0;
    for (a, pa) in a.bits.iter().zip(&a.share) {
        for (b, pb) in b.bits.iter().zip(&b.share) {
            let both: u64 = a
                .iter()
                .zip(b)
                .map(|(a, b)| u64::from((a & b).count_ones()))
                .sum();
            if both > 0 {
                let p = both as f64 / n as f64;
                sum += p * (p / (pa * pb)).ln();
            }
        }
    }
    sum
}

/// States of a vertex whose variable has this share of the greatest entropy: all from a half up,
/// fewer below, one where it does not vary. What hardly varies tells little.
fn some_states(states: usize, share: f64) -> usize {
    let some = (states as f64 * (2.0 * share).min(1.0)).ceil() as usize;
    match some {
        0..=8 => some.max(1),
        _ => some.next_multiple_of(8).min(states),
    }
}

/// The hidden Chow-Liu tree of `records`, at most `states` at each vertex: the maximum spanning tree
/// of pairwise mutual information of the variables in bins (Prim's algorithm, O(D^2) pairs, each
/// counted by popcount), rooted where the entropy is greatest.
///
/// # Errors
/// [`Error::Usage`] without records.
pub fn hidden_chow_liu(records: &Records, states: usize) -> Result<Tree> {
    hidden_chow_liu_after(records, states, &[])
}

/// As [`hidden_chow_liu`], with the variables `first` before all others: they are a chain from the
/// root on, so that in preorder nothing stands between them, and the others hang where they will.
///
/// # Errors
/// [`Error::Usage`] without records, or for a variable that there is not.
pub fn hidden_chow_liu_after(records: &Records, states: usize, first: &[usize]) -> Result<Tree> {
    if records.is_empty() {
        return Err(Error::Usage("no records to learn a structure from".into()));
    }
    let d = records.variables().len();
    if first.iter().any(|v| *v >= d) {
        return Err(Error::Usage("no such variable to come first".into()));
    }
    let is_first: Vec<bool> = (0..d).map(|v| first.contains(&v)).collect();
    // Evenly over all, for files are often sorted.
    let n = records.len().min(RECORDS);
    let picked: Vec<&[u16]> = (0..n)
        .filter_map(|i| records.row(i * records.len() / n))
        .collect();
    let columns: Vec<Binned> = (0..d)
        .into_par_iter()
        .map(|v| {
            let column: Vec<u16> = picked.iter().map(|r| r[v]).collect();
            bins(&column, records.variables()[v])
        })
        .collect();
    let spread =
        |b: &Binned| -> f64 { -b.share.iter().map(|p| p * p.max(1e-12).ln()).sum::<f64>() };
    // Of the variables that may start, the one of greatest entropy.
    let start = (0..d).filter(|v| first.is_empty() || is_first[*v]);
    let root = start.max_by(|a, b| spread(&columns[*a]).total_cmp(&spread(&columns[*b])));
    let mut at = root.unwrap_or(0);
    let mut parents = vec![None; d];
    let mut best = vec![-1.0f64; d];
    let mut joined = vec![false; d];
    // In the order of joining.
    let mut order = vec![at];
    for _ in 1..d {
        joined[at] = true;
        best.par_iter_mut()
            .zip(&mut parents)
            .enumerate()
            .filter(|(v, _)| !joined[*v])
            .for_each(|(v, (best, parent))| {
                let i = information(&columns[at], &columns[v], n);
                if i > *best || is_first[v] {
                    (*best, *parent) = (i, Some(at));
                }
            });
        let left = |v: &usize| !joined[*v];
        let next = |a: &usize, b: &usize| best[*a].total_cmp(&best[*b]);
        let chained = (0..d).filter(left).filter(|v| is_first[*v]).max_by(next);
        let next = chained.or_else(|| (0..d).filter(left).max_by(next));
        at = next.unwrap_or(at);
        order.push(at);
    }
    let most = columns.iter().map(spread).fold(1e-9, f64::max);
    let some = |v: &usize| some_states(states, spread(&columns[*v]) / most);
    // The first ones in the order of the chain: then each is its parent's first child.
    let (mut numbers, rest): (Vec<usize>, Vec<usize>) =
        order.into_iter().partition(|v| is_first[*v]);
    let mut rest = rest;
    rest.sort_unstable();
    numbers.extend(rest);
    let mut number = vec![0; d];
    for (i, v) in numbers.iter().enumerate() {
        number[*v] = i;
    }
    let parents: Vec<Option<usize>> = numbers
        .iter()
        .map(|v| parents[*v].map(|p: usize| number[p]))
        .collect();
    let states: Vec<usize> = numbers.iter().map(some).collect();
    let variables: Vec<Option<usize>> = numbers.iter().map(|v| Some(*v)).collect();
    Tree::from_parents(&parents, &states, &variables)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use nc_core::rng::Rng;

    use super::*;

    #[test]
    fn a_markov_chain_is_found() {
        // Variable i + 1 is variable i but for a change now and then; columns shuffled.
        let place = [3, 0, 4, 1, 2];
        let mut rng = Rng::new(1);
        let mut values = Vec::new();
        for _ in 0..4000 {
            let mut row = [0; 5];
            let mut x = rng.below(6) as u16;
            for p in place {
                row[p] = x;
                if rng.below(4) == 0 {
                    x = rng.below(6) as u16;
                }
            }
            values.extend(row);
        }
        let records = Records::new(vec![6; 5], values).unwrap();
        let tree = hidden_chow_liu(&records, 3).unwrap();
        let vertex = tree.vertices();
        let mut edges: Vec<[usize; 2]> = vertex
            .iter()
            .filter_map(|v| {
                let mut e = [v.variable?, vertex[v.parent?].variable?];
                e.sort_unstable();
                Some(e)
            })
            .collect();
        edges.sort_unstable();
        assert_eq!(edges, [[0, 3], [0, 4], [1, 2], [1, 4]]);

        let tree = hidden_chow_liu_after(&records, 3, &[4, 2, 3]).unwrap();
        let mut start: Vec<_> = tree.vertices()[..3].iter().map(|v| v.variable).collect();
        start.sort_unstable();
        assert_eq!(start, [Some(2), Some(3), Some(4)]);
        assert!(hidden_chow_liu_after(&records, 3, &[5]).is_err());
    }
}
