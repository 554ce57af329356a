//! Products and sums over rows, which the layers share. Sizes have been checked by who calls.

use nc_kernels::matrix::{View, product};

/// `a [m, k]` times `b [n, k]` transposed: `[m, n]`.
pub fn mul_bt(a: &[f32], b: &[f32], m: usize, k: usize, n: usize) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    product(&mut out, false, View::new(a, m, k), View::new(b, n, k).t());
    out
}

/// `a [m, k]` times `b [k, n]`: `[m, n]`.
pub fn mul(a: &[f32], b: &[f32], m: usize, k: usize, n: usize) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    product(&mut out, false, View::new(a, m, k), View::new(b, k, n));
    out
}

/// `a [k, m]` transposed times `b [k, n]`: `[m, n]`.
pub fn mul_at(a: &[f32], b: &[f32], k: usize, m: usize, n: usize) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    product(&mut out, false, View::new(a, k, m).t(), View::new(b, k, n));
    out
}

/// Adds `b` to every row of `x`.
pub fn add_bias(x: &mut [f32], b: &[f32]) {
    for row in x.chunks_exact_mut(b.len()) {
        row.iter_mut().zip(b).for_each(|(x, b)| *x += b);
    }
}

/// The sum of the rows of `x`.
pub fn column_sums(x: &[f32], cols: usize) -> Vec<f32> {
    let mut out = vec![0.0; cols];
    for row in x.chunks_exact(cols) {
        out.iter_mut().zip(row).for_each(|(o, x)| *o += x);
    }
    out
}
