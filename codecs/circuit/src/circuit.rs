//! A circuit's tables.

use std::ops::Range;

use nc_core::{Error, Result};

use crate::{Bin, Tree, Vertex};

/// Where a bin's values, its states and its part of the leaf lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Values of the variable; none at a vertex without one.
    pub values: Range<usize>,
    /// States of the vertex.
    pub states: Range<usize>,
    /// Start of its part of the leaf: `[values, states]`.
    pub leaf: usize,
}

impl Span {
    /// Where value `x` has its row in the leaf: a probability for each of the bin's states.
    #[must_use]
    pub fn row(&self, x: usize) -> Range<usize> {
        let k = self.states.len();
        let at = self.leaf + (x.max(self.values.start) - self.values.start) * k;
        at..at + k
    }
}

/// A table for each vertex.
#[cfg(feature = "train")]
type Tables<'a> = &'a mut [Vec<f32>];

/// The bins of a tree's vertices over these alphabets; a vertex without bins has one.
fn spans(tree: &Tree, alphabets: &[u32]) -> Result<Vec<Vec<Span>>> {
    let wrong = || Error::Format("circuit: bins that do not fit the alphabet".into());
    let mut all = Vec::with_capacity(tree.vertices().len());
    for (i, v) in tree.vertices().iter().enumerate() {
        let values = v.variable.map_or(Some(0), |x| alphabets.get(x).copied());
        let values = values.ok_or_else(wrong)? as usize;
        let mut out = Vec::new();
        let (mut value, mut state, mut leaf) = (0usize, 0usize, 0usize);
        for b in tree.bins(i) {
            // Within the alphabet, and so is all that follows from it.
            if b.values > values - value {
                return Err(wrong());
            }
            let end = value + b.values;
            let last = state.checked_add(b.states).ok_or_else(wrong)?;
            out.push(Span {
                values: value..end,
                states: state..last,
                leaf,
            });
            (value, state) = (end, last);
            leaf = b
                .values
                .checked_mul(b.states)
                .and_then(|n| leaf.checked_add(n))
                .ok_or_else(wrong)?;
        }
        if out.is_empty() {
            out.push(Span {
                values: 0..values,
                states: 0..v.states,
                leaf: 0,
            });
        } else if value != values {
            return Err(wrong());
        }
        all.push(out);
    }
    Ok(all)
}

/// A tree with its tables: a distribution over records.
///
/// Vertex `v` of K states has: as root, the probabilities `[K]` of its states; else an edge `[P, K]`,
/// row-major, each row the probabilities of its states given one of the parent's P; and, where a
/// variable of N values is observed, a leaf: for each of its bins ([`Circuit::spans`]; one, unless the
/// tree says otherwise) `[values, states]`, the probability of each of the bin's values under each of
/// its states, states adjacent. The other states do not give these values.
#[derive(Debug, Clone, PartialEq)]
pub struct Circuit {
    tree: Tree,
    alphabets: Vec<u32>,
    /// Per vertex; the root's is its prior `[1, K]`.
    edges: Vec<Vec<f32>>,
    /// Per vertex; empty without a variable.
    leaves: Vec<Vec<f32>>,
    spans: Vec<Vec<Span>>,
}

impl Circuit {
    /// Takes tables as described above, per vertex of the tree.
    ///
    /// # Errors
    /// [`Error::Format`] for sizes that do not fit or entries that are no probabilities.
    pub fn new(
        tree: Tree,
        alphabets: Vec<u32>,
        edges: Vec<Vec<f32>>,
        leaves: Vec<Vec<f32>>,
    ) -> Result<Self> {
        let n = tree.vertices().len();
        let mut fits = tree.variables() == alphabets.len() && edges.len() == n && leaves.len() == n;
        let spans = spans(&tree, &alphabets)?;
        let tables = edges.iter().zip(&leaves);
        for (i, (v, (edge, leaf))) in tree.vertices().iter().zip(tables).enumerate() {
            let above = tree.states_above(i);
            let values = v.variable.map_or(Some(0), |x| alphabets.get(x).copied());
            let entries = values.and_then(|n| tree.leaf_entries(i, n as usize));
            fits &= Some(edge.len()) == above.checked_mul(v.states) && Some(leaf.len()) == entries;
        }
        if !fits {
            return Err(Error::Format("circuit: tables of other sizes".into()));
        }
        let all = edges.iter().chain(&leaves).flatten();
        if all.clone().any(|p| !(0.0..=1.001).contains(p)) {
            return Err(Error::Format("circuit: not a probability".into()));
        }
        Ok(Self {
            tree,
            alphabets,
            edges,
            leaves,
            spans,
        })
    }

    /// Bytes of its structure and tables, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        /// A vertex, its children, bins, spans and two tables, each with what an allocation takes beside.
        const VERTEX: usize = size_of::<Vertex>() + 5 * size_of::<Vec<f32>>() + 5 * 32;
        /// A bin, its span and its share of what lists that grow leave free.
        const BIN: usize = 2 * (size_of::<Bin>() + size_of::<Span>());
        let vertices = self.edges.len() * VERTEX;
        let bins = self.spans.iter().map(Vec::len).sum::<usize>();
        let structure = (vertices + bins * BIN) as u64;
        let numbers = self.parameters() as u64;
        structure + numbers * 4
    }

    /// The structure.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Number of values of each variable.
    #[must_use]
    pub fn alphabets(&self) -> &[u32] {
        &self.alphabets
    }

    /// The edge into vertex `v`, `[parent's states, states]`; the root's prior `[1, states]`.
    #[must_use]
    pub fn edge(&self, v: usize) -> &[f32] {
        self.edges.get(v).map_or(&[], Vec::as_slice)
    }

    /// The bins of vertex `v`, at least one; they cover its states, and the values of its variable.
    #[must_use]
    pub fn spans(&self, v: usize) -> &[Span] {
        self.spans.get(v).map_or(&[], Vec::as_slice)
    }

    /// The index of the bin of vertex `v` that has value `x`; none for an unknown value, or without
    /// a variable.
    #[must_use]
    pub fn bin(&self, v: usize, x: u16) -> Option<usize> {
        let x = usize::from(x);
        self.spans(v).iter().position(|s| s.values.contains(&x))
    }

    /// The leaf at vertex `v`: for each bin `[values, states]`; empty without a variable.
    #[must_use]
    pub fn leaf(&self, v: usize) -> &[f32] {
        self.leaves.get(v).map_or(&[], Vec::as_slice)
    }

    /// Number of table entries.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.edges.iter().chain(&self.leaves).map(Vec::len).sum()
    }

    #[cfg(feature = "train")]
    pub(crate) fn tables_mut(&mut self) -> (Tables<'_>, Tables<'_>, &[Vec<Span>]) {
        (&mut self.edges, &mut self.leaves, &self.spans)
    }
}
