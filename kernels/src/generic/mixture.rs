//! Rows of probabilities over the states of a mixture: normalising, rounding to integers, mixing.
//!
//! Rows are often short, so what is left after whole vectors is loaded as one vector with zeros behind
//! it: a sum of numbers that are not negative keeps its bits when zeros are added.
#![allow(unsafe_code)]
#![allow(clippy::needless_range_loop)] // the loop bound is the number of vectors that the level has

use crate::vector::Vector;

/// Partial sums of a row.
const WIDE: usize = 16;
/// Vectors that make up sixteen lanes at the narrowest level.
const PARTS: usize = 4;

/// Calls `each` with the start and length of every vector of a row of `k`, and the partial sums that its
/// elements belong to.
#[inline(always)]
unsafe fn vectors<V: Vector>(k: usize, mut each: impl FnMut(usize, usize, usize)) {
    let parts = WIDE / V::LANES;
    let (mut at, mut part) = (0, 0);
    while at < k {
        each(at, (k - at).min(V::LANES), part);
        at += V::LANES;
        part = (part + 1) % parts;
    }
}

#[inline(always)]
unsafe fn load<V: Vector>(p: *const f32, n: usize) -> V {
    unsafe {
        if n == V::LANES {
            V::load(p)
        } else {
            V::load_first(p, n)
        }
    }
}

#[inline(always)]
unsafe fn store<V: Vector>(v: V, p: *mut f32, n: usize) {
    unsafe {
        if n == V::LANES {
            v.store(p);
        } else {
            v.store_first(p, n);
        }
    }
}

/// The factor that brings a row of this sum to one; none for a row of nothing.
#[inline(always)]
fn scale(sum: f32) -> Option<f32> {
    if sum > 1e-30 { Some(1.0 / sum) } else { None }
}

/// Brings each row of `k` to a sum of one; a row of nothing becomes even. Sixteen partial sums
/// (element i to sum i mod 16), then sums i and i + 8, i + 4, i + 2, i + 1 added.
#[inline(always)]
pub(crate) unsafe fn normalise<V: Vector>(k: usize, rows: &mut [f32]) {
    for row in rows.chunks_exact_mut(k) {
        unsafe { normalise_row::<V>(k, row.as_mut_ptr(), |_, _, _| ()) };
    }
}

/// Normalises the row of `k` at `row`; `then` gets every vector of the result with its start and length.
#[inline(always)]
unsafe fn normalise_row<V: Vector>(k: usize, row: *mut f32, mut then: impl FnMut(V, usize, usize)) {
    unsafe {
        let mut sums = [V::splat(0.0); PARTS];
        vectors::<V>(k, |at, n, part| {
            sums[part] = sums[part].add(load(row.add(at), n));
        });
        let factor = scale(V::sum(sums));
        let even = V::splat(1.0 / k as f32);
        let by = V::splat(factor.unwrap_or(0.0));
        vectors::<V>(k, |at, n, _| {
            let x: V = match factor {
                Some(_) => load::<V>(row.add(at), n).mul(by),
                None => even,
            };
            store(x, row.add(at), n);
            then(x, at, n);
        });
    }
}

/// Multiplies `rows` by `by`, element by element, and normalises each row of `k`.
#[inline(always)]
pub(crate) unsafe fn absorb<V: Vector>(k: usize, rows: &mut [f32], by: &[f32]) {
    for (row, by) in rows.chunks_exact_mut(k).zip(by.chunks_exact(k)) {
        let (row, by) = (row.as_mut_ptr(), by.as_ptr());
        unsafe {
            vectors::<V>(k, |at, n, _| {
                let x: V = load::<V>(row.add(at), n).mul(load(by.add(at), n));
                store(x, row.add(at), n);
            });
            normalise_row::<V>(k, row, |_, _, _| ());
        }
    }
}

/// `out = a b`, element by element.
#[inline(always)]
pub(crate) unsafe fn multiply(a: &[f32], b: &[f32], out: &mut [f32]) {
    for ((a, b), out) in a.iter().zip(b).zip(out) {
        *out = a * b;
    }
}

/// The likelihood `high - low + 1/16` of one row's states.
#[inline(always)]
pub(crate) unsafe fn observe(low: &[u32], high: &[u32], m: &mut [f32]) {
    for ((m, low), high) in m.iter_mut().zip(low).zip(high) {
        // Below 2^24, where floats are exact; signed, for that conversion is one instruction.
        *m = high.wrapping_sub(*low) as i32 as f32 + 0.0625;
    }
}

/// Normalises each row of `k`, and gives the integers `floor(total * element)`.
#[inline(always)]
pub(crate) unsafe fn shares<V: Vector>(k: usize, total: u32, rows: &mut [f32], out: &mut [u32]) {
    for (row, out) in rows.chunks_exact_mut(k).zip(out.chunks_exact_mut(k)) {
        unsafe {
            let all = V::splat(total as f32);
            let to = out.as_mut_ptr();
            normalise_row::<V>(k, row.as_mut_ptr(), |x, at, n| {
                x.mul(all).store_whole(to.add(at), n);
            });
        }
    }
}

/// The sum of products of two rows of integers, modulo 2^64.
#[inline(always)]
pub(crate) fn mix(weights: &[u32], row: &[u32]) -> u64 {
    let products = weights.iter().zip(row);
    products
        .map(|(w, c)| u64::from(*w) * u64::from(*c))
        .fold(0, u64::wrapping_add)
}

/// [`mix`], written to `out`.
#[inline(always)]
pub(crate) unsafe fn mix_into(weights: &[u32], row: &[u32], out: &mut u64) {
    *out = mix(weights, row);
}
