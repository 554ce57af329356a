//! Structure: a rooted tree of latent vertices in depth-first order.

use nc_core::{Error, Result};

/// One latent vertex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vertex {
    /// Index of the parent, lower than the vertex's own; none for the root.
    pub parent: Option<usize>,
    /// Number of states, at least 1.
    pub states: usize,
    /// The variable observed here, if any.
    pub variable: Option<usize>,
}

/// Some of a vertex's states, and the values of its variable that they alone give: in a vertex with
/// bins, values and states are both shared out among these, in rising order. Once a value is known,
/// the states of its bin are the only ones left, which makes a vertex of many states cheap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bin {
    /// Number of values, at least 1.
    pub values: usize,
    /// Number of states, at least 1.
    pub states: usize,
}

/// A rooted tree of latent vertices, in depth-first preorder: the order in which the variables are
/// coded. Each variable is observed at exactly one vertex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    vertices: Vec<Vertex>,
    children: Vec<Vec<usize>>,
    /// Per vertex; none where every state gives every value.
    bins: Vec<Vec<Bin>>,
}

impl Tree {
    /// Checks and takes vertices that are in preorder already.
    ///
    /// # Errors
    /// [`Error::Format`] for an order that is no preorder, no states, a childless vertex without
    /// a variable, or variables that are not each of `0..n` once.
    pub fn new(vertices: Vec<Vertex>) -> Result<Self> {
        let wrong = |text: &str| Err(Error::Format(format!("circuit: {text}").into()));
        let mut children = vec![Vec::new(); vertices.len()];
        let mut path: Vec<usize> = Vec::new();
        for (i, v) in vertices.iter().enumerate() {
            match v.parent {
                None if i == 0 => {}
                Some(p) if i > 0 => {
                    // In preorder the parent is on the path to the vertex before.
                    while path.last().is_some_and(|last| *last != p) {
                        path.pop();
                    }
                    if path.is_empty() {
                        return wrong("vertices are not in depth-first order");
                    }
                    if let Some(c) = children.get_mut(p) {
                        c.push(i);
                    }
                }
                _ => return wrong("not one root, first"),
            }
            path.push(i);
            if v.states == 0 {
                return wrong("a vertex without states");
            }
        }
        let mut seen: Vec<usize> = vertices.iter().filter_map(|v| v.variable).collect();
        seen.sort_unstable();
        if seen.is_empty() || seen.iter().enumerate().any(|(i, v)| i != *v) {
            return wrong("variables are not each observed once");
        }
        let bare = |(v, c): (&Vertex, &Vec<usize>)| v.variable.is_none() && c.is_empty();
        if vertices.iter().zip(&children).any(bare) {
            return wrong("a vertex with neither variable nor children");
        }
        let bins = vec![Vec::new(); vertices.len()];
        Ok(Self {
            vertices,
            children,
            bins,
        })
    }

    /// From parents in any order: `parents[v]` of each vertex, none for the one root; `states` and
    /// `variables` in the same order. Children keep the order of their indices.
    ///
    /// # Errors
    /// As for [`Tree::new`].
    pub fn from_parents(
        parents: &[Option<usize>],
        states: &[usize],
        variables: &[Option<usize>],
    ) -> Result<Self> {
        let n = parents.len();
        if states.len() != n || variables.len() != n {
            return Err(Error::Format("circuit: lists of unequal lengths".into()));
        }
        let mut below = vec![Vec::new(); n];
        let mut stack = Vec::new();
        for (i, p) in parents.iter().enumerate().rev() {
            match p {
                None => stack.push((i, None)),
                Some(p) => below
                    .get_mut(*p)
                    .ok_or_else(|| Error::Format("circuit: no such parent".into()))?
                    .push(i),
            }
        }
        let mut vertices = Vec::with_capacity(n);
        let lost = || Error::Internal("circuit: a vertex that is not there".into());
        while let Some((i, parent)) = stack.pop() {
            let at = vertices.len();
            vertices.push(Vertex {
                parent,
                states: *states.get(i).ok_or_else(lost)?,
                variable: *variables.get(i).ok_or_else(lost)?,
            });
            let below = below.get(i).ok_or_else(lost)?;
            stack.extend(below.iter().map(|c| (*c, Some(at))));
        }
        if vertices.len() != n {
            return Err(Error::Format("circuit: not a tree".into()));
        }
        Self::new(vertices)
    }

    /// The vertices in preorder.
    #[must_use]
    pub fn vertices(&self) -> &[Vertex] {
        &self.vertices
    }

    /// States of the parent of vertex `v`; 1 above the root.
    pub(crate) fn states_above(&self, v: usize) -> usize {
        let parent = self.vertices.get(v).and_then(|v| v.parent);
        let parent = parent.and_then(|p| self.vertices.get(p));
        parent.map_or(1, |p| p.states)
    }

    /// Children of vertex `v`, rising.
    #[must_use]
    pub fn children(&self, v: usize) -> &[usize] {
        self.children.get(v).map_or(&[], Vec::as_slice)
    }

    /// With bins for each vertex, none where every state gives every value. A vertex with bins has as
    /// many states as they have together.
    ///
    /// # Errors
    /// [`Error::Format`] for bins without values or states, or at a vertex without a variable.
    pub fn with_bins(mut self, bins: Vec<Vec<Bin>>) -> Result<Self> {
        if bins.len() != self.vertices.len() {
            return Err(Error::Format("circuit: not bins for each vertex".into()));
        }
        for (v, bins) in self.vertices.iter_mut().zip(&bins) {
            if bins.is_empty() {
                continue;
            }
            if v.variable.is_none() || bins.iter().any(|b| b.values == 0 || b.states == 0) {
                return Err(Error::Format("circuit: bins of nothing".into()));
            }
            let states = bins
                .iter()
                .try_fold(0usize, |sum, b| sum.checked_add(b.states));
            v.states =
                states.ok_or_else(|| Error::Format("circuit: bins of too many states".into()))?;
        }
        self.bins = bins;
        Ok(self)
    }

    /// Bins of vertex `v`; none where every state gives every value.
    #[must_use]
    pub fn bins(&self, v: usize) -> &[Bin] {
        self.bins.get(v).map_or(&[], Vec::as_slice)
    }

    /// Entries of the leaf of vertex `v` over a variable of `values` values; none where they are too many
    /// to count.
    #[must_use]
    pub fn leaf_entries(&self, v: usize, values: usize) -> Option<usize> {
        match self.bins(v) {
            [] => self.vertices.get(v)?.states.checked_mul(values),
            bins => bins.iter().try_fold(0usize, |sum, b| {
                sum.checked_add(b.values.checked_mul(b.states)?)
            }),
        }
    }

    /// Number of variables.
    #[must_use]
    pub fn variables(&self) -> usize {
        self.vertices
            .iter()
            .filter(|v| v.variable.is_some())
            .count()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parents_in_any_order_become_a_preorder() {
        // 2 is the root of 0 and 3; 1 hangs under 3.
        let parents = [Some(2), Some(3), None, Some(2)];
        let tree =
            Tree::from_parents(&parents, &[2; 4], &[Some(0), Some(1), None, Some(2)]).unwrap();
        let order: Vec<_> = tree.vertices().iter().map(|v| v.variable).collect();
        assert_eq!(order, [None, Some(0), Some(2), Some(1)]);
        assert_eq!(tree.children(0), [1, 2]);
        assert_eq!(tree.children(2), [3]);
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let v = |parent, variable| Vertex {
            parent,
            states: 2,
            variable,
        };
        for bad in [
            vec![],
            vec![v(Some(0), Some(0))],
            vec![v(None, Some(0)), v(None, Some(1))],
            vec![v(None, None), v(Some(0), None)],
            vec![v(None, Some(0)), v(Some(0), Some(0))],
            // 1's subtree was left when 3 asks for it.
            vec![
                v(None, Some(0)),
                v(Some(0), Some(1)),
                v(Some(0), Some(2)),
                v(Some(1), Some(3)),
            ],
        ] {
            assert!(Tree::new(bad).is_err());
        }
        assert!(Tree::from_parents(&[Some(1), Some(0)], &[2; 2], &[Some(0), Some(1)]).is_err());
    }
}
