//! Layer normalisation, scaled residual sum, dot product.
//!
//! Sums over channels are taken in sixteen partial sums (the elements c with c mod 16 = j, ascending, go to sum j;
//! a last incomplete group of 16 is filled up with zeros) and a fixed tree: 8 + 8, 4 + 4, 2 + 2, 1 + 1. Each level
//! emulates the sixteen lanes, so the order is the same for all.
#![allow(unsafe_code)]
#![allow(clippy::needless_range_loop)] // the loop bound is the number of vectors that the level has

use crate::vector::Vector;

/// Lanes of the partial sums.
const WIDE: usize = 16;
/// Vectors that make up sixteen lanes at the narrowest level.
const PARTS: usize = 4;

/// The last incomplete group of a row, filled up with `fill`.
#[inline(always)]
fn padded(row: &[f32], from: usize, fill: f32) -> [f32; WIDE] {
    let mut g = [fill; WIDE];
    for (a, b) in g.iter_mut().zip(&row[from..]) {
        *a = *b;
    }
    g
}

/// Sum of `term(x)` over a row; `fill` is the value of x in the missing places of the last group.
#[inline(always)]
unsafe fn sum<V: Vector>(row: &[f32], fill: f32, term: impl Fn(V) -> V) -> f32 {
    unsafe {
        let mut acc = [V::splat(0.0); PARTS];
        let whole = row.len() / WIDE * WIDE;
        let mut j = 0;
        while j < whole {
            for p in 0..WIDE / V::LANES {
                acc[p] = acc[p].add(term(V::load(row.as_ptr().add(j + p * V::LANES))));
            }
            j += WIDE;
        }
        if whole < row.len() {
            let g = padded(row, whole, fill);
            for p in 0..WIDE / V::LANES {
                acc[p] = acc[p].add(term(V::load(g.as_ptr().add(p * V::LANES))));
            }
        }
        V::sum(acc)
    }
}

/// Each row of x [t, c]: (x - mean) * (1 / sqrt(variance + eps)) * gamma + beta.
///
/// # Safety
/// CPU features of `V`; c > 0, x.len() a multiple of c, gamma.len() = beta.len() = c.
#[inline(always)]
pub(crate) unsafe fn layer_norm<V: Vector>(
    c: usize,
    x: &mut [f32],
    gamma: &[f32],
    beta: &[f32],
    eps: f32,
) {
    unsafe {
        for row in x.chunks_exact_mut(c) {
            let mean = sum::<V>(row, 0.0, |v| v) / c as f32;
            let m = V::splat(mean);
            let var = sum::<V>(row, mean, |v| {
                let d = v.sub(m);
                d.mul(d)
            }) / c as f32;
            let scale = 1.0 / (var + eps).sqrt();
            let s = V::splat(scale);
            let mut j = 0;
            while j + V::LANES <= c {
                let p = row.as_mut_ptr().add(j);
                let n = V::load(p).sub(m).mul(s);
                n.mul(V::load(gamma.as_ptr().add(j)))
                    .add(V::load(beta.as_ptr().add(j)))
                    .store(p);
                j += V::LANES;
            }
            for ((v, g), b) in row.iter_mut().zip(gamma).zip(beta).skip(j) {
                *v = (*v - mean) * scale * g + b;
            }
        }
    }
}

/// x [t, c] += gamma [c] * y [t, c].
///
/// # Safety
/// CPU features of `V`; c > 0, x.len() = y.len() a multiple of c, gamma.len() = c.
#[inline(always)]
pub(crate) unsafe fn scale_add<V: Vector>(c: usize, x: &mut [f32], y: &[f32], gamma: &[f32]) {
    unsafe {
        for (xr, yr) in x.chunks_exact_mut(c).zip(y.chunks_exact(c)) {
            let mut j = 0;
            while j + V::LANES <= c {
                let p = xr.as_mut_ptr().add(j);
                let g = V::load(gamma.as_ptr().add(j));
                let v = V::load(yr.as_ptr().add(j));
                V::load(p).add(g.mul(v)).store(p);
                j += V::LANES;
            }
            for ((a, b), g) in xr.iter_mut().zip(yr).zip(gamma).skip(j) {
                *a += g * b;
            }
        }
    }
}

/// Dot product of the common length of a and b.
///
/// # Safety
/// CPU features of `V`.
#[inline(always)]
pub(crate) unsafe fn dot<V: Vector>(a: &[f32], b: &[f32], out: &mut f32) {
    unsafe {
        let n = a.len().min(b.len());
        let (a, b) = (&a[..n], &b[..n]);
        let mut acc = [V::splat(0.0); PARTS];
        let whole = n / WIDE * WIDE;
        let mut j = 0;
        while j < whole {
            for p in 0..WIDE / V::LANES {
                let o = j + p * V::LANES;
                acc[p] = acc[p].add(V::load(a.as_ptr().add(o)).mul(V::load(b.as_ptr().add(o))));
            }
            j += WIDE;
        }
        if whole < n {
            let (ga, gb) = (padded(a, whole, 0.0), padded(b, whole, 0.0));
            for p in 0..WIDE / V::LANES {
                let o = p * V::LANES;
                acc[p] = acc[p].add(V::load(ga.as_ptr().add(o)).mul(V::load(gb.as_ptr().add(o))));
            }
        }
        *out = V::sum(acc);
    }
}
