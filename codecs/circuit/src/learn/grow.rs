//! Growing and pruning of states: from a small circuit to a larger one that starts where it was.
//!
//! After Dang, Liu and Van den Broeck, *Sparse Probabilistic Circuits via Pruning and Growing* (2022),
//! but by whole states, so that tables stay dense and products of matrices: a state that hardly any
//! record is in is dropped, and the states that most records are in are split.

use std::collections::BinaryHeap;

use nc_core::rng::Rng;

use super::counts::Counts;
use crate::{Bin, Circuit, Tree, Vertex};

/// A state with less than this share of what an even one has is dropped.
const DEAD: f32 = 1.0 / 32.0;
/// Halves of a state differ by this factor at most, or they would stay alike.
const SHAKE: f32 = 0.5;

/// A state by the share of records that each of its copies has.
#[derive(PartialEq)]
struct State {
    share: f32,
    old: usize,
    copies: usize,
}

impl Eq for State {}

impl PartialOrd for State {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for State {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let by_share = self.share.total_cmp(&other.share);
        by_share.then(other.old.cmp(&self.old))
    }
}

/// Which old state each of `states` new ones comes from, rising; `shares` of the old ones.
fn sources(shares: &[f32], states: usize) -> Vec<usize> {
    let mean = shares.iter().sum::<f32>() / shares.len() as f32;
    let alive = shares.iter().enumerate().filter(|(_, s)| **s > DEAD * mean);
    let mut heap: BinaryHeap<State> = alive
        .map(|(old, share)| State {
            share: *share,
            old,
            copies: 1,
        })
        .collect();
    let mut n = heap.len();
    while n > states {
        // Fewer states are asked for than there are: the least go.
        let mut all = std::mem::take(&mut heap).into_sorted_vec();
        all.remove(0);
        heap = all.into();
        n -= 1;
    }
    while n < states
        && let Some(State { share, old, copies }) = heap.pop()
    {
        let copies = copies + 1;
        let share = share * (copies - 1) as f32 / copies as f32;
        heap.push(State { share, old, copies });
        n += 1;
    }
    let mut out: Vec<usize> = heap
        .into_iter()
        .flat_map(|s| std::iter::repeat_n(s.old, s.copies))
        .collect();
    out.sort_unstable();
    out
}

/// Counts for `to` from those of `from`: the same tree and bins with other states.
pub(super) fn grow(from: &Circuit, counts: &Counts, to: &Circuit, seed: u64) -> Counts {
    let mut rng = Rng::new(seed);
    let mut shake = |n: f32| n * (1.0 + SHAKE * (rng.unit() - 0.5));
    // Per vertex which old state each new one comes from, and the share of it that it gets.
    let mut origin: Vec<Vec<(usize, f32)>> = Vec::new();
    let (mut edges, mut leaves) = (Vec::new(), Vec::new());
    for (i, v) in from.tree().vertices().iter().enumerate() {
        let k = v.states;
        let mut shares = vec![1e-12f32; k];
        for row in counts.edges[i].chunks_exact(k) {
            shares.iter_mut().zip(row).for_each(|(s, n)| *s += n);
        }
        let mut mine = Vec::new();
        let mut leaf = Vec::new();
        for (old, new) in from.spans(i).iter().zip(to.spans(i)) {
            let sources = sources(&shares[old.states.clone()], new.states.len());
            let copies = |s: &usize| sources.iter().filter(|o| *o == s).count() as f32;
            let parts: Vec<f32> = sources.iter().map(|s| 1.0 / copies(s)).collect();
            for x in old.values.clone() {
                let row = &counts.leaves[i][old.row(x)];
                let each = sources.iter().zip(&parts);
                leaf.extend(each.map(|(s, part)| shake(row[*s] * part)));
            }
            let states = sources.iter().map(|s| old.states.start + s);
            mine.extend(states.zip(parts));
        }
        let root = [(0, 1.0)];
        let above: &[(usize, f32)] = v.parent.map_or(&root, |p| &origin[p]);
        let mut edge = Vec::with_capacity(above.len() * mine.len());
        for (p, half) in above {
            for (s, part) in &mine {
                edge.push(shake(counts.edges[i][p * k + s] * half * part));
            }
        }
        edges.push(edge);
        leaves.push(leaf);
        origin.push(mine);
    }
    Counts { edges, leaves }
}

/// The same tree with at most about `states` at a vertex, at least one for each bin.
pub(super) fn capped(tree: &Tree, states: usize) -> nc_core::Result<Tree> {
    let cap = |v: &Vertex| Vertex {
        states: v.states.min(states),
        ..*v
    };
    let vertices = tree.vertices();
    let bins = vertices.iter().enumerate().map(|(i, v)| {
        let fewer = |b: &Bin| Bin {
            states: match states < v.states {
                true => (b.states * states / v.states).max(1),
                false => b.states,
            },
            ..*b
        };
        tree.bins(i).iter().map(fewer).collect()
    });
    let bins = bins.collect();
    Tree::new(vertices.iter().map(cap).collect())?.with_bins(bins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_are_split_and_the_dead_dropped() {
        assert_eq!(sources(&[0.5, 0.3, 0.2], 6), [0, 0, 0, 1, 1, 2]);
        assert_eq!(sources(&[0.6, 0.399, 0.001], 3), [0, 0, 1]);
        assert_eq!(sources(&[0.1, 0.5, 0.4], 2), [1, 2]);
    }
}
