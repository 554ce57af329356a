//! The fitted filter: a small network that corrects what is shown.

use crate::geometry::Geometry;
use crate::gop::CLASSES;
use crate::graph::Graph;

/// Sizes of the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterConfig {
    /// Channels.
    pub width: usize,
    /// Blocks.
    pub blocks: usize,
    /// Widening of a block.
    pub expand: usize,
    /// Whether blocks are scaled and shifted for each class of frames, or for all alike.
    pub modulation: bool,
}

impl Default for FilterConfig {
    fn default() -> Self {
        Self {
            width: 8,
            blocks: 3,
            expand: 2,
            modulation: true,
        }
    }
}

/// The graph of a filter and where its inputs and its output lie.
#[derive(Debug, Clone)]
pub struct Filter {
    /// The operations.
    pub graph: Graph,
    /// Image that takes the frame and the samples of its coefficients.
    pub input: usize,
    /// Image with the output.
    pub output: usize,
    /// Classes of frames that it tells apart.
    pub classes: usize,
}

impl FilterConfig {
    /// The filter for frames of this geometry.
    pub fn filter(&self, geo: &Geometry) -> Filter {
        let mut g = Graph::default();
        let [h, w] = geo.half;
        let p = geo.channels();
        // The frame's samples and those of its coefficients.
        let both = 2 * p;
        let input = g.image(h, w, both.next_multiple_of(8));
        let mut x = g.conv("in", input, 3, both, self.width, 1.0);
        let classes = if self.modulation { CLASSES } else { 1 };
        for b in 0..self.blocks {
            x = g.block(&format!("{b}"), x, self.expand, classes);
        }
        let output = g.conv("head", x, 3, self.width, p.next_multiple_of(8), 0.01);
        Filter {
            graph: g,
            input,
            output,
            classes,
        }
    }
}
