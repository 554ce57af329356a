//! Structure: a rooted tree of latent vertices in depth-first order.

use nc::{Error, Result};

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

/// A rooted tree of latent vertices, in depth-first preorder: the order in which the variables are
/// coded. Each variable is observed at exactly one vertex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    vertices: Vec<Vertex>,
    children: Vec<Vec<usize>>,
}

impl Tree {
    /// Checks and takes vertices that are in preorder already.
    ///
    /// # Errors
    /// [`Error::Format`] for an order that is no preorder, no states, a childless vertex without
    /// a variable, or variables that are not each of `0..n` once.
    pub fn new(vertices: Vec<Vertex>) -> Result<Self> {
        let wrong = |text: &str| Err(Error::Format(format!("circuit: {text}")));
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
                    children[p].push(i);
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
        Ok(Self { vertices, children })
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
        while let Some((i, parent)) = stack.pop() {
            let at = vertices.len();
            vertices.push(Vertex {
                parent,
                states: states.get(i).copied().unwrap_or(0),
                variable: variables.get(i).copied().flatten(),
            });
            stack.extend(below[i].iter().map(|c| (*c, Some(at))));
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

    /// Children of vertex `v`, rising.
    #[must_use]
    pub fn children(&self, v: usize) -> &[usize] {
        self.children.get(v).map_or(&[], Vec::as_slice)
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
