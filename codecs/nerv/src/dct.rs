//! The transform of blocks of 8 x 8 and 16 x 16: an orthonormal DCT-II in one fixed order of IEEE operations.

use std::array::from_fn;
use std::sync::LazyLock;

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
#[allow(clippy::indexing_slicing, reason = "every arm leaves at most 16")]
fn cosine(k: usize) -> f32 {
    match k % 64 {
        k @ 0..=16 => COSINES[k],
        k @ 17..=32 => -COSINES[32 - k],
        k @ 33..=48 => -COSINES[k - 32],
        k => COSINES[64 - k],
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
        scale * cosine((2 * x + 1) * u * part)
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
}

/// The places in a block of side `n`, row by row, in diagonal order.
fn diagonals(n: usize) -> Vec<u8> {
    let rows = (0..n).map(|y| (0..n).map(move |x| (y, x)));
    let mut all: Vec<(usize, usize)> = rows.flatten().collect();
    all.sort_by_key(|(y, x)| (y + x, if (y + x) % 2 == 0 { *x } else { *y }));
    all.iter().map(|(y, x)| (y * n + x) as u8).collect()
}

/// The diagonal scan of blocks of side `n`, [`BIG`] or [`SMALL`]: the place of each coefficient, row by row, by rising
/// frequency.
pub fn scan(n: usize) -> &'static [u8] {
    static SCANS: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [SMALL, BIG].map(diagonals));
    let [small, big] = &*SCANS;
    if n == BIG { big } else { small }
}

impl Default for Transform {
    fn default() -> Self {
        Self {
            small: matrix(),
            big: matrix(),
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
        for n in [SMALL, BIG] {
            let scan = scan(n);
            let mut seen = scan.to_vec();
            seen.sort_unstable();
            assert!(seen.iter().enumerate().all(|(i, v)| i == usize::from(*v)));
            let sums = scan
                .iter()
                .map(|v| usize::from(*v) / n + usize::from(*v) % n);
            assert!(sums.is_sorted());
        }
    }
}
