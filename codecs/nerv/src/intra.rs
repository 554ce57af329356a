//! Prediction of a block from its own frame: from the samples left of it and above, along one of several directions.
//!
//! The modes are those of HEVC (Lainema et al. 2012) with fewer angles. Samples are real numbers around the middle, as
//! the inverse transform gives them; each prediction is a fixed sequence of IEEE operations.

use crate::dct::{BIG, SMALL};
use crate::grid::Grid;

/// Mean, planar, and thirteen directions.
pub const MODES: u8 = 15;

/// How a block is predicted: a number below [`MODES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mode(u8);

/// What a mode does.
enum Direction {
    Mean,
    Planar,
    /// Displacement over 32 rows.
    Vertical(i32),
    /// Displacement over 32 columns.
    Horizontal(i32),
}

impl Mode {
    /// The mode of a number; none from [`MODES`] on.
    pub fn new(mode: u8) -> Option<Self> {
        (mode < MODES).then_some(Self(mode))
    }

    /// All modes, that of the mean first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..MODES).map(Self)
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    fn direction(self) -> Direction {
        use Direction::{Horizontal, Mean, Planar, Vertical};
        match self.0 {
            0 => Mean,
            1 => Planar,
            2 => Vertical(-32),
            3 => Vertical(-20),
            4 => Vertical(-9),
            5 => Vertical(0),
            6 => Vertical(9),
            7 => Vertical(20),
            8 => Vertical(32),
            9 => Horizontal(-20),
            10 => Horizontal(-9),
            11 => Horizontal(0),
            12 => Horizontal(9),
            13 => Horizontal(20),
            // 14, the last that there is.
            _ => Horizontal(32),
        }
    }
}

/// A plane that is being made block by block.
#[derive(Debug, Clone, Copy)]
pub struct Intra<'a> {
    /// Samples, in rows of a multiple of 8.
    pub samples: &'a Grid<f32>,
    /// Whether each square of 8 is made.
    pub done: &'a Grid<bool>,
}

/// Samples around a block of side n: `[0]` is the corner, then 2 n along each edge.
struct Edges {
    top: [f32; 33],
    left: [f32; 33],
}

/// The `N` samples of an edge next to the block, and those beyond.
fn halves<const N: usize>(edge: &mut [f32; 33]) -> (&mut [f32], &mut [f32]) {
    const { assert!(N <= 32) };
    let [_, edge @ ..] = edge;
    edge.split_at_mut(N)
}

impl Intra<'_> {
    fn edges<const N: usize>(&self, at: [usize; 2]) -> Edges {
        let [x, y] = at;
        // What does not exist is as the nearest that does.
        let corners = [[-1, -1], [-1, 0], [0, -1]].map(|by| self.samples.near(at, by));
        let corner = corners.into_iter().flatten().next().unwrap_or(0.0);
        let mut e = Edges {
            top: [corner; 33],
            left: [corner; 33],
        };
        let (near, far) = halves::<N>(&mut e.left);
        if x > 0 {
            let left = self.samples.block([x - 1, y], [1, N]).flatten();
            near.iter_mut().zip(left).for_each(|(e, s)| *e = *s);
        }
        far.fill(near.iter().copied().next_back().unwrap_or(corner));
        let (near, far) = halves::<N>(&mut e.top);
        let above = if y > 0 { self.samples.row(y - 1) } else { None };
        let Some(above) = above else {
            return e;
        };
        for (e, s) in near.iter_mut().zip(above.iter().skip(x)) {
            *e = *s;
        }
        let mut last = near.iter().copied().next_back().unwrap_or(corner);
        // Right of the block above it, by squares.
        let cell = [(x + N) / SMALL, y / SMALL];
        let (squares, _) = above.as_chunks::<SMALL>();
        let mut squares = squares.iter().skip(cell[0]);
        let (far, _) = far.as_chunks_mut::<SMALL>();
        for (i, e) in (0isize..).zip(far.iter_mut().take(N / SMALL)) {
            match (squares.next(), self.done.near(cell, [i, -1])) {
                (Some(s), Some(true)) => *e = *s,
                _ => *e = [last; SMALL],
            }
            last = e[SMALL - 1];
        }
        e
    }

    /// The prediction of the block of side `n`, 8 or 16, at (x, y), which are multiples of 8.
    pub fn predict(&self, mode: Mode, at: [usize; 2], n: usize, out: &mut [f32]) {
        if n == BIG {
            self.block::<BIG>(mode, at, out);
        } else {
            self.block::<SMALL>(mode, at, out);
        }
    }

    fn block<const N: usize>(&self, mode: Mode, at: [usize; 2], out: &mut [f32]) {
        let Edges { top, left } = self.edges::<N>(at);
        let (rows, _) = out.as_chunks_mut::<N>();
        let rows = rows.iter_mut().take(N);
        // The edges without the corner.
        let ([_, t @ ..], [_, l @ ..]) = (&top, &left);
        let scale = 0.5 / N as f32;
        match mode.direction() {
            Direction::Mean => {
                let mut sum = 0.0;
                for (t, l) in t.iter().zip(l).take(N) {
                    sum += t + l;
                }
                rows.for_each(|row| row.fill(sum * scale));
            }
            Direction::Planar => {
                // The first samples beyond the block.
                let (right, below) = beyond::<N>(t, l);
                let last = N as f32 - 1.0;
                for (i, (row, l)) in rows.zip(l).enumerate() {
                    let i = i as f32;
                    for (j, (o, t)) in row.iter_mut().zip(t).enumerate() {
                        let j = j as f32;
                        let across = (last - j) * l + (j + 1.0) * right;
                        let down = (last - i) * t + (i + 1.0) * below;
                        *o = (across + down) * scale;
                    }
                }
            }
            Direction::Vertical(angle) => {
                let made = angular::<N>(angle, &top, &left);
                rows.zip(&made).for_each(|(row, made)| *row = *made);
            }
            Direction::Horizontal(angle) => {
                let made = angular::<N>(angle, &left, &top);
                rows.zip(turned(&made)).for_each(|(row, made)| *row = made);
            }
        }
    }
}

/// Columns as rows.
#[allow(clippy::indexing_slicing, reason = "both places are below N")]
fn turned<const N: usize>(rows: &[[f32; N]; N]) -> [[f32; N]; N] {
    std::array::from_fn(|y| std::array::from_fn(|x| rows[x][y]))
}

/// The first samples of both edges, without their corners, that lie beyond a block of side N.
#[allow(clippy::indexing_slicing, reason = "N is at most 16 of 32")]
fn beyond<const N: usize>(top: &[f32; 32], left: &[f32; 32]) -> (f32, f32) {
    const { assert!(N < 32) };
    (top[N], left[N])
}

/// Where the corner lies in a [`Line`].
const CORNER: usize = 16;

/// An edge from its corner on, as long as a direction reaches, and before that what a direction continues of the other.
type Line = [f32; CORNER + 34];

/// The rows of a block continued from the edge `main`, moved by `angle` / 32 a row; before its corner lies the other edge.
/// Angles are -32 to 32, so that no row leaves the line.
#[allow(
    clippy::indexing_slicing,
    reason = "N is at most 16: the other edge is asked for N at most of 33, the line for 16 - 16 + 1 to 16 + 16 + 1"
)]
fn angular<const N: usize>(angle: i32, main: &[f32; 33], side: &[f32; 33]) -> [[f32; N]; N] {
    const { assert!(N <= CORNER) };
    let [.., last] = *main;
    let mut line: Line = [last; CORNER + 34];
    let (before, after) = line.split_at_mut(CORNER);
    after.iter_mut().zip(main).for_each(|(l, m)| *l = *m);
    if angle < 0 {
        let step = 8192 / angle.unsigned_abs();
        for (back, l) in (1u32..).zip(before.iter_mut().rev().take(N)) {
            let k = (back * step + 128) >> 8;
            *l = side[(k as usize).min(N)];
        }
    }
    let mut made = [[0.0; N]; N];
    let mut pos = 0i32;
    for row in &mut made {
        pos += angle;
        let (whole, part) = (pos >> 5, (pos & 31) as f32 * (1.0 / 32.0));
        let from = &line[(CORNER as i32 + whole + 1) as usize..];
        for (o, (a, b)) in row.iter_mut().zip(from.iter().zip(from.iter().skip(1))) {
            *o = if part == 0.0 { *a } else { a + (b - a) * part };
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plane of 32 x 32 whose samples are a plane through space, all made but the block at (8, 8).
    fn slope() -> (Grid<f32>, Grid<bool>) {
        let mut samples = Grid::new(32, 32, 0.0);
        for (i, v) in samples.as_mut_slice().iter_mut().enumerate() {
            *v = (i % 32) as f32 + 2.0 * (i / 32) as f32;
        }
        (samples, Grid::new(4, 4, true))
    }

    #[test]
    fn straight_modes_repeat_their_edge() {
        let (samples, done) = slope();
        let at = |y: usize, x: usize| samples.as_slice()[y * 32 + x];
        let c = Intra {
            samples: &samples,
            done: &done,
        };
        let mut out = [0.0; 64];
        c.predict(Mode(5), [8, 8], 8, &mut out);
        assert!((0..64).all(|i| out[i] == (8 + i % 8) as f32 + 14.0));
        c.predict(Mode(11), [8, 8], 8, &mut out);
        assert!((0..64).all(|i| out[i] == 7.0 + 2.0 * (8 + i / 8) as f32));
        // Down to the right by 45 degrees.
        c.predict(Mode(2), [8, 8], 8, &mut out);
        assert_eq!(out[0], at(7, 7));
        assert_eq!(out[9], at(7, 7));
        assert_eq!(out[1], at(7, 8));
        assert_eq!(out[8], at(8, 7));
    }

    #[test]
    fn every_mode_of_a_flat_surrounding_is_flat() {
        let samples = Grid::new(32, 32, 5.5);
        let done = Grid::new(4, 4, true);
        let c = Intra {
            samples: &samples,
            done: &done,
        };
        for n in [8, 16] {
            for mode in Mode::all() {
                let mut out = [0.0; 256];
                c.predict(mode, [16, 16], n, &mut out);
                assert!(out[..n * n].iter().all(|v| *v == 5.5), "{mode:?}");
            }
        }
        // The first block has nothing around it.
        let mut out = [1.0; 64];
        c.predict(Mode(0), [0, 0], 8, &mut out);
        assert!(out.iter().all(|v| *v == 0.0));
    }
}
