//! A frame's quantised transform coefficients.

use crate::dct::{BIG, SMALL};
use crate::geometry::Geometry;
use crate::grid::Grid;
use crate::intra::Mode;

/// Side of a plane's squares: [`BIG`] for luma, [`SMALL`] for chroma.
pub fn side(plane: usize) -> usize {
    if plane == 0 { BIG } else { SMALL }
}

/// The coefficients of one frame, quantised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coefficients {
    /// By plane.
    pub planes: Vec<PlaneCoefficients>,
}

/// The coefficients of one plane: squares of side [`BIG`] (luma) or [`SMALL`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaneCoefficients {
    /// Side of a square.
    pub side: usize,
    /// Whether a square is one block of 16 x 16.
    pub big: Grid<bool>,
    /// Coefficients of each square: of one big block, or of four small ones one after another, in natural order.
    pub q: Vec<i16>,
    /// How each small square is predicted in intra frames. A big block's is that of its first.
    pub modes: Grid<Mode>,
}

/// A block of a square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockPlace {
    /// Its side, [`BIG`] or [`SMALL`].
    pub n: usize,
    /// Column and row that it begins with in the plane.
    pub at: [usize; 2],
}

impl BlockPlace {
    /// Coefficients of the block.
    pub fn area(&self) -> usize {
        self.n * self.n
    }

    /// Column and row of its first small square.
    pub fn cell(&self) -> [usize; 2] {
        self.at.map(|at| at / SMALL)
    }
}

impl Coefficients {
    /// Zeros for frames of this geometry.
    pub fn new(g: &Geometry) -> Self {
        let planes = g.planes.iter().enumerate().map(|(i, p)| {
            let side = side(i);
            let (w, h) = (p.w.div_ceil(side), p.h.div_ceil(side));
            let per = side / SMALL;
            PlaneCoefficients {
                side,
                big: Grid::new(w, h, false),
                q: vec![0; w * h * side * side],
                modes: Grid::new(w * per, h * per, Mode::default()),
            }
        });
        Self {
            planes: planes.collect(),
        }
    }
}

impl PlaneCoefficients {
    /// Columns and rows of squares.
    pub fn squares(&self) -> [usize; 2] {
        [self.big.w(), self.big.h()]
    }

    /// Columns and rows of samples of all squares.
    pub fn size(&self) -> [usize; 2] {
        self.squares().map(|n| n * self.side)
    }

    /// Coefficients of a square.
    pub fn area(&self) -> usize {
        self.side * self.side
    }

    /// The blocks of the square in column `x` and row `y`, whose coefficients follow each other.
    pub fn blocks(&self, [x, y]: [usize; 2]) -> impl Iterator<Item = BlockPlace> + use<> {
        let at = [x * self.side, y * self.side];
        let four = self.side == BIG && self.big.at([x, y]) == Some(false);
        let n = if four { SMALL } else { self.side };
        let corners = [[0, 0], [SMALL, 0], [0, SMALL], [SMALL, SMALL]];
        let corners = corners.into_iter().take(if four { 4 } else { 1 });
        corners.map(move |[x, y]| BlockPlace {
            n,
            at: [at[0] + x, at[1] + y],
        })
    }
}
