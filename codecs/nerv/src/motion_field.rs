//! The motion field of a frame: blocks of 8 x 8 luma samples with their vectors, and what their neighbours lead to expect.

use crate::geometry::Geometry;
use crate::grid::Grid;

/// Side of the smallest block.
pub const BLOCK: usize = 8;

/// A vector in quarter luma samples: columns, rows.
pub type Vector = [i16; 2];

/// What a block is predicted from: vectors into the first and the second reference, one or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Block {
    /// 0: the first, 1: the second, 2: their mean.
    pub mode: u8,
    /// Into each reference; zero where unused.
    pub v: [Vector; 2],
}

impl Block {
    /// The vector into reference `l`, 0 or 1, where the block uses it.
    fn vector(&self, l: usize) -> Option<Vector> {
        let [first, second] = self.v;
        match (l, self.mode) {
            (0, 0 | 2) => Some(first),
            (1, 1 | 2) => Some(second),
            _ => None,
        }
    }
}

/// The blocks of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MotionField {
    /// In columns and rows of [`BLOCK`] luma samples.
    pub blocks: Grid<Block>,
}

impl MotionField {
    /// A field of zero vectors for frames of this geometry.
    pub fn new(g: &Geometry) -> Self {
        let (w, h) = (g.luma.w.div_ceil(BLOCK), g.luma.h.div_ceil(BLOCK));
        Self {
            blocks: Grid::new(w, h, Block::default()),
        }
    }

    /// Blocks that the one at (x, y), of `side` small blocks, may simply repeat: left, above, above right.
    pub fn neighbours(&self, at: [usize; 2], side: usize) -> [Option<Block>; 3] {
        // What lies above right is decoded already only at the top of a larger block.
        let right = self.blocks.near(at, [side as isize, -1]);
        [
            self.blocks.near(at, [-1, 0]),
            self.blocks.near(at, [0, -1]),
            right.filter(|_| at[1].is_multiple_of(4)),
        ]
    }

    /// The vector expected in list `l`: the median of the neighbours that use it.
    pub fn expected(near: &[Option<Block>; 3], l: usize) -> Vector {
        let mut used = near.iter().flatten().filter_map(|b| b.vector(l));
        match (used.next(), used.next(), used.next()) {
            (Some(a), Some(b), Some(c)) => [median(a[0], b[0], c[0]), median(a[1], b[1], c[1])],
            (Some(a), Some(b), None) => [mean(a[0], b[0]), mean(a[1], b[1])],
            (Some(a), None, _) => a,
            (None, ..) => [0, 0],
        }
    }

    /// Whether the blocks of the square are all as the first, `block`.
    pub fn uniform(&self, at: [usize; 2], side: usize, block: Block) -> bool {
        let mut all = self.blocks.block(at, [side, side]).flatten();
        all.all(|b| *b == block)
    }
}

/// Half the sum, rounded down.
fn mean(a: i16, b: i16) -> i16 {
    // The sum of two numbers of 16 bits has 17.
    let sum = i32::from(a) + i32::from(b);
    (sum >> 1) as i16
}

fn median(a: i16, b: i16, c: i16) -> i16 {
    a.max(b).min(a.min(b).max(c))
}
