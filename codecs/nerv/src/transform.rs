//! The blocks of a frame's latents and their transform, an orthonormal DCT-II in one fixed order of IEEE operations.

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
    match k % 64 {
        k @ 0..=16 => COSINES[k],
        k @ 17..=32 => -COSINES[32 - k],
        k @ 33..=48 => -COSINES[k - 32],
        k => COSINES[64 - k],
    }
}

/// `[n, n]` rows of the DCT-II: row u is `sqrt(2 / n) cos(pi (2 x + 1) u / 2 n)`, row 0 `sqrt(1 / n)`.
fn matrix<const N: usize>() -> [[f32; N]; N] {
    const HALF_ROOT: f32 = std::f32::consts::FRAC_1_SQRT_2;
    // sqrt(1 / 8), sqrt(2 / 8), sqrt(1 / 16), sqrt(2 / 16)
    let (first, rest) = if N == SMALL {
        (0.5 * HALF_ROOT, 0.5)
    } else {
        (0.25, 0.5 * HALF_ROOT)
    };
    let mut m = [[0.0; N]; N];
    for (u, row) in m.iter_mut().enumerate() {
        let scale = if u == 0 { first } else { rest };
        for (x, v) in row.iter_mut().enumerate() {
            *v = scale * cosine((2 * x + 1) * u * (16 / N));
        }
    }
    m
}

/// The transforms.
#[derive(Debug, Clone)]
pub struct Transform {
    small: [[f32; 8]; 8],
    big: [[f32; 16]; 16],
    /// Diagonal scans: place in the block of each coefficient.
    pub scan: [Vec<u16>; 2],
}

fn scan(n: usize) -> Vec<u16> {
    let mut all: Vec<(usize, usize)> = (0..n * n).map(|i| (i / n, i % n)).collect();
    all.sort_by_key(|(y, x)| (y + x, if (y + x) % 2 == 0 { *x } else { *y }));
    all.iter().map(|(y, x)| (y * n + x) as u16).collect()
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

/// `out = a m` for each row of `a`, or `a m^T`.
#[inline(always)]
fn rows<const N: usize>(a: &[f32], m: &[[f32; N]; N], turned: bool, out: &mut [f32]) {
    for (a, out) in a.chunks_exact(N).zip(out.chunks_exact_mut(N)) {
        let mut sum = [0.0; N];
        if turned {
            for (s, row) in sum.iter_mut().zip(m) {
                for i in 0..N {
                    *s += a[i] * row[i];
                }
            }
        } else {
            for (v, row) in a.iter().zip(m) {
                for i in 0..N {
                    sum[i] += v * row[i];
                }
            }
        }
        out.copy_from_slice(&sum);
    }
}

/// `out = m a` or `m^T a`.
#[inline(always)]
fn columns<const N: usize>(a: &[f32], m: &[[f32; N]; N], turned: bool, out: &mut [f32]) {
    for (y, out) in out.chunks_exact_mut(N).enumerate() {
        let mut sum = [0.0; N];
        for (i, row) in a.chunks_exact(N).enumerate() {
            let w = if turned { m[i][y] } else { m[y][i] };
            for x in 0..N {
                sum[x] += w * row[x];
            }
        }
        out.copy_from_slice(&sum);
    }
}

impl Transform {
    /// Coefficients of a block of `n` x `n` samples.
    pub fn forward(&self, n: usize, x: &[f32], out: &mut [f32]) {
        let mut t = [0.0; 256];
        if n == BIG {
            columns::<16>(x, &self.big, false, &mut t);
            rows::<16>(&t, &self.big, true, out);
        } else {
            columns::<8>(&x[..64], &self.small, false, &mut t[..64]);
            rows::<8>(&t[..64], &self.small, true, &mut out[..64]);
        }
    }

    /// Samples of a block of coefficients.
    pub fn inverse(&self, n: usize, c: &[f32], out: &mut [f32]) {
        let mut t = [0.0; 256];
        if n == BIG {
            columns::<16>(c, &self.big, true, &mut t);
            rows::<16>(&t, &self.big, false, out);
        } else {
            columns::<8>(&c[..64], &self.small, true, &mut t[..64]);
            rows::<8>(&t[..64], &self.small, false, &mut out[..64]);
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
            PlaneLatents {
                w,
                h,
                side,
                big: vec![false; w * h],
                q: vec![0; w * h * side * side],
                modes: vec![0; w * h * side * side / 64],
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
        self.w * self.h * self.side * self.side
    }

    /// Blocks of a square: side, place in the square, first coefficient.
    pub fn blocks(&self, square: usize) -> Vec<(usize, [usize; 2], usize)> {
        let n = self.side * self.side;
        let first = square * n;
        if self.side == BIG && !self.big[square] {
            return (0..4)
                .map(|i| (SMALL, [(i % 2) * SMALL, (i / 2) * SMALL], first + i * 64))
                .collect();
        }
        vec![(self.side, [0, 0], first)]
    }

    /// The samples of the latents, each times `step`, in a plane of the squares' whole size; in an `intra` frame with what
    /// is predicted from the samples around.
    pub fn synthesise(&self, t: &Transform, step: f32, intra: bool, out: &mut [f32]) {
        let stride = self.w * self.side;
        let (mut c, mut x) = ([0.0; 256], [0.0; 256]);
        out.fill(0.0);
        let cells = stride / 8;
        let mut done = vec![
            false;
            if intra {
                cells * (self.h * self.side / 8)
            } else {
                0
            }
        ];
        for square in 0..self.w * self.h {
            let all = &self.q[square * self.side * self.side..][..self.side * self.side];
            if !intra && all.iter().all(|v| *v == 0) {
                continue;
            }
            let (sx, sy) = (square % self.w * self.side, square / self.w * self.side);
            for (n, [bx, by], at) in self.blocks(square) {
                let q = &self.q[at..at + n * n];
                let empty = q.iter().all(|v| *v == 0);
                if !intra && empty {
                    continue;
                }
                let (left, top) = (sx + bx, sy + by);
                if empty {
                    x[..n * n].fill(0.0);
                } else {
                    for (c, q) in c.iter_mut().zip(q) {
                        *c = f32::from(*q) * step;
                    }
                    t.inverse(n, &c[..n * n], &mut x[..n * n]);
                }
                if intra {
                    let cell = top / 8 * cells + left / 8;
                    let canvas = Canvas {
                        samples: out,
                        stride,
                        done: &done,
                    };
                    canvas.predict(usize::from(self.modes[cell]), left, top, n, &mut c);
                    x[..n * n].iter_mut().zip(&c).for_each(|(x, p)| *x += p);
                    for k in 0..n / 8 {
                        done[cell + k * cells..][..n / 8].fill(true);
                    }
                }
                for (i, row) in x[..n * n].chunks_exact(n).enumerate() {
                    out[(top + i) * stride + left..][..n].copy_from_slice(row);
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
