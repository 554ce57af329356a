//! What expectation-maximisation counts.

use crate::Circuit;

/// Expected counts, in the shapes of a circuit's tables.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    pub(super) edges: Vec<Vec<f32>>,
    pub(super) leaves: Vec<Vec<f32>>,
}

impl Counts {
    /// None yet.
    pub(super) fn zero(c: &Circuit) -> Self {
        let n = c.tree().vertices().len();
        Self {
            edges: (0..n).map(|v| vec![0.0; c.edge(v).len()]).collect(),
            leaves: (0..n).map(|v| vec![0.0; c.leaf(v).len()]).collect(),
        }
    }
}
