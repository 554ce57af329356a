//! A circuit's tables.

use nc::{Error, Result};

use crate::Tree;

/// A tree with its tables: a distribution over records.
///
/// Vertex `v` of K states has: as root, the probabilities `[K]` of its states; else an edge `[P, K]`,
/// row-major, each row the probabilities of its states given one of the parent's P; and, where a
/// variable of N values is observed, a leaf `[N, K]`: the probability of each value under each
/// state, states adjacent.
#[derive(Debug, Clone, PartialEq)]
pub struct Circuit {
    tree: Tree,
    alphabets: Vec<u32>,
    /// Per vertex; the root's is its prior `[1, K]`.
    edges: Vec<Vec<f32>>,
    /// Per vertex; empty without a variable.
    leaves: Vec<Vec<f32>>,
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
        for ((v, edge), leaf) in tree.vertices().iter().zip(&edges).zip(&leaves) {
            let above = v.parent.map_or(1, |p| tree.vertices()[p].states);
            let values = v
                .variable
                .map_or(0, |x| alphabets.get(x).copied().unwrap_or(0));
            fits &= edge.len() == above.saturating_mul(v.states)
                && leaf.len() == v.states.saturating_mul(values as usize);
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
        })
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

    /// The leaf at vertex `v`, `[values, states]`; empty without a variable.
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
    pub(crate) fn tables_mut(&mut self) -> (&mut [Vec<f32>], &mut [Vec<f32>]) {
        (&mut self.edges, &mut self.leaves)
    }
}
