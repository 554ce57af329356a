//! Least squares by normal equations: sums of products, and their solution by Cholesky's method.
//!
//! A system of n unknowns has n rows of `w` words, `w` a multiple of sixteen above n: row i holds the sums of products of
//! feature i with features i.. and, in place n, with the target. What lies left of the diagonal means nothing.
#![allow(unsafe_code)]

use crate::vector::Vector;

/// Adds `weight x[i] x[k]` to row i, place k, for k from i on.
#[inline(always)]
pub(crate) unsafe fn add<V: Vector>(n: usize, w: usize, m: &mut [f32], x: &[f32], weight: f32) {
    unsafe {
        let from = x.as_ptr();
        for i in 0..n {
            let by = V::splat(*from.add(i) * weight);
            let row = m.as_mut_ptr().add(i * w);
            let mut k = i / V::LANES * V::LANES;
            while k < w {
                let sum = V::load(row.add(k)).add(by.mul(V::load(from.add(k))));
                sum.store(row.add(k));
                k += V::LANES;
            }
        }
    }
}

/// `m += by a`, element by element.
#[inline(always)]
pub(crate) unsafe fn add_scaled<V: Vector>(m: &mut [f32], a: &[f32], by: f32) {
    unsafe {
        let by = V::splat(by);
        let (m, a, n) = (m.as_mut_ptr(), a.as_ptr(), m.len());
        let mut k = 0;
        while k < n {
            V::load(m.add(k))
                .add(by.mul(V::load(a.add(k))))
                .store(m.add(k));
            k += V::LANES;
        }
    }
}

/// `m = keep m + new`, and `new = 0`.
#[inline(always)]
pub(crate) unsafe fn decay<V: Vector>(m: &mut [f32], new: &mut [f32], keep: f32) {
    unsafe {
        let keep = V::splat(keep);
        let (m, new, n) = (m.as_mut_ptr(), new.as_mut_ptr(), m.len());
        let mut k = 0;
        while k < n {
            keep.mul(V::load(m.add(k)))
                .add(V::load(new.add(k)))
                .store(m.add(k));
            V::splat(0.0).store(new.add(k));
            k += V::LANES;
        }
    }
}

/// Least pivot.
const LEAST: f32 = 1e-3;

/// Solves the system, which is lost, for the weights.
#[inline(always)]
pub(crate) unsafe fn solve<V: Vector>(n: usize, w: usize, m: &mut [f32], weights: &mut [f32]) {
    unsafe {
        let m = m.as_mut_ptr();
        for j in 0..n {
            let row = m.add(j * w);
            let pivot = *row.add(j);
            // A pivot that is not a number fails the comparison.
            let pivot = if pivot > LEAST { pivot } else { LEAST };
            let scale = 1.0 / pivot.sqrt();
            let by = V::splat(scale);
            let mut k = j / V::LANES * V::LANES;
            while k < w {
                V::load(row.add(k)).mul(by).store(row.add(k));
                k += V::LANES;
            }
            // The place of the diagonal keeps what the end divides by.
            *row.add(j) = scale;
            for i in j + 1..n {
                let by = V::splat(*row.add(i));
                let other = m.add(i * w);
                let mut k = i / V::LANES * V::LANES;
                while k < w {
                    let left = V::load(other.add(k)).sub(by.mul(V::load(row.add(k))));
                    left.store(other.add(k));
                    k += V::LANES;
                }
            }
        }
        for k in (0..n).rev() {
            let weight = *m.add(k * w + n) * *m.add(k * w + k);
            weights[k] = weight;
            for i in 0..k {
                let z = m.add(i * w + n);
                *z -= *m.add(i * w + k) * weight;
            }
        }
    }
}
