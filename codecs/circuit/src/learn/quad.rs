//! Quad trees over images: regions split into quarters down to the pixel.

use nc_core::{Error, Result};

use crate::Tree;

/// Tree under construction.
#[derive(Default)]
struct Regions {
    parents: Vec<Option<usize>>,
    variables: Vec<Option<usize>>,
}

impl Regions {
    fn push(&mut self, parent: Option<usize>, variable: Option<usize>) -> usize {
        self.parents.push(parent);
        self.variables.push(variable);
        self.parents.len() - 1
    }

    /// The region of lines `y` and columns `x`, each from and to.
    fn split(
        &mut self,
        parent: Option<usize>,
        y: (usize, usize),
        x: (usize, usize),
        (width, channels): (usize, usize),
    ) {
        let (h, w) = (y.1 - y.0, x.1 - x.0);
        if h == 1 && w == 1 {
            // The samples of a pixel are a chain.
            let mut above = parent;
            for c in 0..channels {
                above = Some(self.push(above, Some((y.0 * width + x.0) * channels + c)));
            }
            return;
        }
        let at = Some(self.push(parent, None));
        // A side of half the other's length or less is not split.
        let cut = |(from, to): (usize, usize), other: usize| {
            let n = to - from;
            if n == 1 || 2 * n <= other {
                vec![(from, to)]
            } else {
                vec![(from, from + n / 2), (from + n / 2, to)]
            }
        };
        for y in cut(y, w) {
            for x in cut(x, h) {
                self.split(at, y, x, (width, channels));
            }
        }
    }
}

/// The quad tree over images of `height` lines, `width` columns and `channels` samples a pixel: a
/// latent vertex of `states` for each region, which is the product of its quarters given the
/// state (a decomposition of the kind called CP), variables at the pixels only.
///
/// # Errors
/// [`Error::Usage`] for an image without samples.
pub fn quad_tree(height: usize, width: usize, channels: usize, states: usize) -> Result<Tree> {
    if height * width * channels == 0 {
        return Err(Error::Usage("an image without samples".into()));
    }
    let mut regions = Regions::default();
    regions.split(None, (0, height), (0, width), (width, channels));
    let n = regions.parents.len();
    Tree::from_parents(&regions.parents, &vec![states; n], &regions.variables)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_sample_has_its_place() {
        for (h, w, c) in [
            (1, 1, 1),
            (1, 1, 3),
            (2, 2, 1),
            (5, 3, 1),
            (28, 28, 1),
            (4, 16, 3),
        ] {
            let tree = quad_tree(h, w, c, 4).unwrap();
            assert_eq!(tree.variables(), h * w * c);
            let most = tree.vertices().iter().enumerate();
            let most = most.map(|(i, _)| tree.children(i).len()).max();
            assert!(most <= Some(4));
        }
        assert!(quad_tree(0, 3, 1, 4).is_err());
    }
}
