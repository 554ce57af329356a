//! Rows of probabilities over the states of a mixture: normalising, rounding to integers, mixing.
//!
//! Plain loops that the compiler turns into vectors at each level; additions of floats keep one
//! order, and sums of integers have none.
#![allow(unsafe_code)]

/// Brings each row of `k` to a sum of one; a row of nothing becomes even. Sixteen partial sums
/// (element i to sum i mod 16), then sums i and i + 8, i + 4, i + 2, i + 1 added.
#[inline(always)]
pub(crate) unsafe fn normalise(k: usize, rows: &mut [f32]) {
    for row in rows.chunks_exact_mut(k) {
        normalise_row(row);
    }
}

#[inline(always)]
fn normalise_row(row: &mut [f32]) {
    let mut sums = [0.0f32; 16];
    let mut chunks = row.chunks_exact(16);
    for c in &mut chunks {
        for (s, x) in sums.iter_mut().zip(c) {
            *s += x;
        }
    }
    for (s, x) in sums.iter_mut().zip(chunks.remainder()) {
        *s += x;
    }
    let mut width = 8;
    while width > 0 {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
        width /= 2;
    }
    let sum = sums[0];
    if sum > 1e-30 {
        let scale = 1.0 / sum;
        row.iter_mut().for_each(|x| *x *= scale);
    } else {
        row.fill(1.0 / row.len() as f32);
    }
}

/// Multiplies `rows` by `by`, element by element, and normalises each row of `k`.
#[inline(always)]
pub(crate) unsafe fn absorb(k: usize, rows: &mut [f32], by: &[f32]) {
    for (row, by) in rows.chunks_exact_mut(k).zip(by.chunks_exact(k)) {
        row.iter_mut().zip(by).for_each(|(x, b)| *x *= b);
        normalise_row(row);
    }
}

/// The likelihood `high - low + 1/16` of one row's states into `m`, and into `a` by a factor; both
/// are then normalised.
#[inline(always)]
pub(crate) unsafe fn observe(low: &[u32], high: &[u32], a: &mut [f32], m: &mut [f32]) {
    for (((a, m), low), high) in a.iter_mut().zip(m.iter_mut()).zip(low).zip(high) {
        // Below 2^24, where floats are exact; signed, for that conversion is one instruction.
        *m = high.wrapping_sub(*low) as i32 as f32 + 0.0625;
        *a *= *m;
    }
    normalise_row(a);
    normalise_row(m);
}

/// Integers of sum `2^bits` for each row of `k` shares: rounded down, and the rest to the first
/// greatest share.
#[inline(always)]
pub(crate) unsafe fn shares(k: usize, bits: u32, rows: &[f32], out: &mut [u32]) {
    let all = (1u32 << bits) as f32;
    for (row, out) in rows.chunks_exact(k).zip(out.chunks_exact_mut(k)) {
        let mut sum = 0i32;
        let mut greatest = 0.0f32;
        for (s, o) in row.iter().zip(out.iter_mut()) {
            let x = s * all;
            let x = if (0.0..=all).contains(&x) { x } else { 0.0 };
            // SAFETY: between 0 and 2^bits, which fits.
            let x = unsafe { x.to_int_unchecked::<i32>() };
            *o = x as u32;
            sum = sum.wrapping_add(x);
        }
        for s in row {
            greatest = if *s > greatest { *s } else { greatest };
        }
        let at = row.iter().position(|s| *s >= greatest).unwrap_or(0);
        if let Some(o) = out.get_mut(at) {
            let rest = (1i32 << bits).wrapping_sub(sum);
            *o = (*o as i32).wrapping_add(rest).max(0) as u32;
        }
    }
}

/// The sum of products of two rows of integers, written to `out`.
#[inline(always)]
pub(crate) unsafe fn mix(weights: &[u32], row: &[u32], out: &mut u64) {
    *out = weights
        .iter()
        .zip(row)
        .map(|(w, c)| u64::from(*w) * u64::from(*c))
        .fold(0, u64::wrapping_add);
}
