//! The blocks of a frame's latents and their transform, an orthonormal DCT-II in one fixed order of IEEE operations.

use std::array::from_fn;

use crate::geometry::Geometry;
use crate::intra::Canvas;

/// Sides of the blocks: 16 or 8 for luma, 8 for chroma.
pub const BIG: usize = 16;
/// Side of a small block.
pub const SMALL: usize = 8;

/// cos(k pi / 32) for k from 0 to 16, written out because a library's cosine differs from machine to machine.
#[allow(clippy::excessive_precision)]
const COSINES: [f32; 17] = [
    1.000000000,
    0.995184727,
    0.980785280,
    0.956940336,
    0.923879533,
    0.881921264,
    0.831469612,
    0.773010453,
    std::f32::consts::FRAC_1_SQRT_2,
    0.634393284,
    0.555570233,
    0.471396737,
    0.382683432,
    0.290284677,
    0.195090322,
    0.098017140,
    0.000000000,
];

/// cos(k pi / 32) for any k.
fn cosine(k: usize) -> f32 {
    let first = |k: usize| COSINES.get(k).copied().unwrap_or(0.0);
    match k % 64 {
        k @ 0..=16 => first(k),
        k @ 17..=32 => -first(32usize.saturating_sub(k)),
        k @ 33..=48 => -first(k.saturating_sub(32)),
        k => first(64usize.saturating_sub(k)),
    }
}

type Matrix<const N: usize> = [[f32; N]; N];

/// A matrix and its transpose.
#[derive(Debug, Clone)]
struct Pair<const N: usize> {
    plain: Matrix<N>,
    turned: Matrix<N>,
}

/// `[n, n]` rows of the DCT-II: row u is `sqrt(2 / n) cos(pi (2 x + 1) u / 2 n)`, row 0 `sqrt(1 / n)`.
fn matrix<const N: usize>() -> Pair<N> {
    const HALF_ROOT: f32 = std::f32::consts::FRAC_1_SQRT_2;
    // sqrt(1 / 8), sqrt(2 / 8), sqrt(1 / 16), sqrt(2 / 16); and pi / 2 n in parts of pi / 32.
    let (first, rest, part) = if N == SMALL {
        (0.5 * HALF_ROOT, 0.5, 2)
    } else {
        (0.25, 0.5 * HALF_ROOT, 1usize)
    };
    let at = |u: usize, x: usize| {
        let scale = if u == 0 { first } else { rest };
        let odd = x.saturating_mul(2).saturating_add(1);
        scale * cosine(odd.saturating_mul(u).saturating_mul(part))
    };
    Pair {
        plain: from_fn(|u| from_fn(|x| at(u, x))),
        turned: from_fn(|x| from_fn(|u| at(u, x))),
    }
}

/// The transforms.
#[derive(Debug, Clone)]
pub struct Transform {
    small: Pair<8>,
    big: Pair<16>,
    /// Diagonal scans: place in the block of each coefficient.
    pub scan: [Vec<u16>; 2],
}

fn scan(n: usize) -> Vec<u16> {
    let rows = (0..n).map(|y| (0..n).map(move |x| (y, x)));
    let mut all: Vec<(usize, usize)> = rows.flatten().collect();
    all.sort_by_key(|(y, x)| {
        let sum = y.saturating_add(*x);
        (sum, if sum % 2 == 0 { *x } else { *y })
    });
    let place = |(y, x): &(usize, usize)| y.saturating_mul(n).saturating_add(*x);
    all.iter().map(|at| place(at) as u16).collect()
}

impl Default for Transform {
    fn default() -> Self {
        Self {
            small: matrix(),
            big: matrix(),
            scan: [scan(8), scan(16)],
        }
    }
}

/// `out = a b`.
#[inline(always)]
fn product<const N: usize>(a: &Matrix<N>, b: &Matrix<N>, out: &mut Matrix<N>) {
    for (a, out) in a.iter().zip(out) {
        let mut sum = [0.0; N];
        for (v, row) in a.iter().zip(b) {
            for (s, w) in sum.iter_mut().zip(row) {
                *s += v * w;
            }
        }
        *out = sum;
    }
}

/// `out = left x right`, the columns first, of the block that `x` and `out` begin with.
#[inline(always)]
fn both<const N: usize>(left: &Matrix<N>, x: &[f32], right: &Matrix<N>, out: &mut [f32]) {
    let (x, _) = x.as_chunks::<N>();
    let (out, _) = out.as_chunks_mut::<N>();
    if let (Some(x), Some(out)) = (x.first_chunk(), out.first_chunk_mut()) {
        let mut t = [[0.0; N]; N];
        product(left, x, &mut t);
        product(&t, right, out);
    }
}

impl Transform {
    /// Coefficients of a block of `n` x `n` samples.
    pub fn forward(&self, n: usize, x: &[f32], out: &mut [f32]) {
        let (small, big) = (&self.small, &self.big);
        if n == BIG {
            both(&big.plain, x, &big.turned, out);
        } else {
            both(&small.plain, x, &small.turned, out);
        }
    }

    /// Samples of a block of coefficients.
    pub fn inverse(&self, n: usize, c: &[f32], out: &mut [f32]) {
        let (small, big) = (&self.small, &self.big);
        if n == BIG {
            both(&big.turned, c, &big.plain, out);
        } else {
            both(&small.turned, c, &small.plain, out);
        }
    }
}

/// Side of a plane's squares.
pub fn side(plane: usize) -> usize {
    if plane == 0 { BIG } else { SMALL }
}

/// The latents of one frame: quantised coefficients.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latents {
    /// By plane.
    pub planes: Vec<PlaneLatents>,
}

/// The latents of one plane: squares of side [`BIG`] (luma) or [`SMALL`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlaneLatents {
    /// Columns of squares.
    pub w: usize,
    /// Rows of squares.
    pub h: usize,
    /// Side of a square.
    pub side: usize,
    /// Whether a square is one block of 16 x 16.
    pub big: Vec<bool>,
    /// Coefficients of each square: of one big block, or of four small ones one after another, in natural order.
    pub q: Vec<i16>,
    /// How each small square is predicted in intra frames; see [`crate::intra`]. A big block's is that of its first.
    pub modes: Vec<u8>,
}

impl Latents {
    /// Zeros for frames of this geometry.
    pub fn new(g: &Geometry) -> Self {
        let planes = g.planes.iter().enumerate().map(|(i, p)| {
            let side = side(i);
            let (w, h) = (p.w.div_ceil(side), p.h.div_ceil(side));
            let squares = w.saturating_mul(h);
            let samples = squares.saturating_mul(side).saturating_mul(side);
            PlaneLatents {
                w,
                h,
                side,
                big: vec![false; squares],
                q: vec![0; samples],
                modes: vec![0; samples / 64],
            }
        });
        Self {
            planes: planes.collect(),
        }
    }
}

impl PlaneLatents {
    /// Samples of its squares.
    pub fn samples(&self) -> usize {
        let squares = self.w.saturating_mul(self.h);
        squares.saturating_mul(self.square())
    }

    /// Samples of a square.
    fn square(&self) -> usize {
        self.side.saturating_mul(self.side)
    }

    /// The column and the row that a square begins with.
    fn corner(&self, square: usize) -> [usize; 2] {
        let row = square.checked_div(self.w).unwrap_or(0);
        let column = square.saturating_sub(row.saturating_mul(self.w));
        [column, row].map(|at| at.saturating_mul(self.side))
    }

    /// Blocks of a square: side, place in the square, first coefficient.
    pub fn blocks(&self, square: usize) -> Vec<(usize, [usize; 2], usize)> {
        let first = square.saturating_mul(self.square());
        if self.side == BIG && self.big.get(square) == Some(&false) {
            let corners = [[0, 0], [SMALL, 0], [0, SMALL], [SMALL, SMALL]];
            let firsts = (first..).step_by(64);
            return corners
                .into_iter()
                .zip(firsts)
                .map(|(corner, first)| (SMALL, corner, first))
                .collect();
        }
        vec![(self.side, [0, 0], first)]
    }

    /// The samples of the latents, each times `step`, in a plane of the squares' whole size; in an `intra` frame with what
    /// is predicted from the samples around.
    pub fn synthesise(&self, t: &Transform, step: f32, intra: bool, out: &mut [f32]) {
        let stride = self.w.saturating_mul(self.side);
        let (mut c, mut x) = ([0.0; 256], [0.0; 256]);
        out.fill(0.0);
        let cells = stride / 8;
        let mut done = vec![false; if intra { self.samples() / 64 } else { 0 }];
        let squares = self.q.chunks_exact(self.square().max(1));
        for (square, all) in squares.enumerate() {
            if !intra && all.iter().all(|v| *v == 0) {
                continue;
            }
            let [sx, sy] = self.corner(square);
            for (n, [bx, by], at) in self.blocks(square) {
                let area = n.saturating_mul(n);
                let Some(q) = self.q.get(at..at.saturating_add(area)) else {
                    continue;
                };
                let empty = q.iter().all(|v| *v == 0);
                if !intra && empty {
                    continue;
                }
                let (left, top) = (sx.saturating_add(bx), sy.saturating_add(by));
                let x = x.get_mut(..area).unwrap_or_default();
                if empty {
                    x.fill(0.0);
                } else {
                    for (c, q) in c.iter_mut().zip(q) {
                        *c = f32::from(*q) * step;
                    }
                    t.inverse(n, &c, x);
                }
                if intra {
                    let cell = (top / 8).saturating_mul(cells).saturating_add(left / 8);
                    let canvas = Canvas {
                        samples: out,
                        stride,
                        done: &done,
                    };
                    let mode = self.modes.get(cell).copied().unwrap_or(0);
                    canvas.predict(usize::from(mode), left, top, n, &mut c);
                    x.iter_mut().zip(&c).for_each(|(x, p)| *x += p);
                    let mut at = cell;
                    for _ in 0..n / 8 {
                        let made = done.get_mut(at..at.saturating_add(n / 8));
                        made.unwrap_or_default().fill(true);
                        at = at.saturating_add(cells);
                    }
                }
                let mut at = top.saturating_mul(stride).saturating_add(left);
                for row in x.chunks_exact(n) {
                    if let Some(to) = out.get_mut(at..at.saturating_add(n)) {
                        to.copy_from_slice(row);
                    }
                    at = at.saturating_add(stride);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_are_orthonormal() {
        let t = Transform::default();
        for n in [SMALL, BIG] {
            let x: Vec<f32> = (0..n * n).map(|i| ((i * 37 % 101) as f32) - 50.0).collect();
            let (mut c, mut y) = (vec![0.0; n * n], vec![0.0; n * n]);
            t.forward(n, &x, &mut c);
            t.inverse(n, &c, &mut y);
            let energy = |v: &[f32]| v.iter().map(|v| f64::from(v * v)).sum::<f64>();
            assert!((energy(&x) / energy(&c) - 1.0).abs() < 1e-5);
            assert!(x.iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-3));
            // The mean is the first coefficient over the side.
            let mean = x.iter().sum::<f32>() / (n * n) as f32;
            assert!((c[0] / n as f32 - mean).abs() < 1e-3);
        }
    }

    #[test]
    fn a_scan_is_a_permutation_by_rising_frequency() {
        for (n, scan) in [SMALL, BIG].into_iter().zip(&Transform::default().scan) {
            let mut seen = scan.clone();
            seen.sort_unstable();
            assert!(seen.iter().enumerate().all(|(i, v)| i == usize::from(*v)));
            let sums = scan
                .iter()
                .map(|v| usize::from(*v) / n + usize::from(*v) % n);
            assert!(sums.is_sorted());
        }
    }
}
