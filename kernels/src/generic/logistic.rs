//! Mixing in the logistic domain, in integers: a dot product of 16-bit weights and 16-bit inputs, and their update.
//!
//! A weight has 32 bits kept as two rows of 16: the high half multiplies, the low half only gathers what steps leave.

/// `LANES` words of 16 bits, and what mixing does with them.
///
/// # Safety
/// As `crate::arch::Vector`: the CPU features of the level; `LANES` words behind each pointer.
pub(crate) trait Words: Copy {
    /// 8 or 16.
    const LANES: usize;
    /// Sums of 32 bits.
    type Sums: Copy;
    unsafe fn load(p: *const i16) -> Self;
    unsafe fn store(self, p: *mut i16);
    unsafe fn splat(x: i16) -> Self;
    unsafe fn zero() -> Self::Sums;
    /// Adds `(x[2k] w[2k] + x[2k+1] w[2k+1]) >> 6`, wrapping, to the sums.
    unsafe fn gather(sums: Self::Sums, x: Self, w: Self) -> Self::Sums;
    /// All sums, wrapping.
    unsafe fn total(sums: Self::Sums) -> i32;
    /// `(high, low)` plus `x e`: exact in the low half, the high half saturates.
    unsafe fn step(high: Self, low: Self, x: Self, e: Self) -> (Self, Self);
}

/// `out[s]` is the dot product of `x` with the high halves of row `rows[s]`.
///
/// # Safety
/// CPU features of `W`. `x` is a multiple of 16 words; the rows, of `2 x.len()` words each, lie within `w`; `out` is as
/// long as `rows`.
#[inline(always)]
pub(crate) unsafe fn dot<W: Words>(x: &[i16], w: &[i16], rows: &[u32], out: &mut [i32]) {
    let n = x.len();
    for (row, out) in rows.iter().zip(out) {
        // SAFETY: as this function's.
        unsafe {
            let w = w.as_ptr().add(*row as usize * 2 * n);
            let mut sums = W::zero();
            let mut at = 0;
            while at < n {
                sums = W::gather(sums, W::load(x.as_ptr().add(at)), W::load(w.add(at)));
                at += W::LANES;
            }
            *out = W::total(sums);
        }
    }
}

/// Adds `x[i] steps[s]` to weight i of row `rows[s]`.
///
/// # Safety
/// As [`dot`]; `steps` is as long as `rows`.
#[inline(always)]
pub(crate) unsafe fn step<W: Words>(x: &[i16], w: &mut [i16], rows: &[u32], steps: &[i16]) {
    let n = x.len();
    for (row, e) in rows.iter().zip(steps) {
        if *e == 0 {
            continue;
        }
        // SAFETY: as this function's.
        unsafe {
            let high = w.as_mut_ptr().add(*row as usize * 2 * n);
            let low = high.add(n);
            let e = W::splat(*e);
            let mut at = 0;
            while at < n {
                let x = W::load(x.as_ptr().add(at));
                let (h, l) = W::step(W::load(high.add(at)), W::load(low.add(at)), x, e);
                h.store(high.add(at));
                l.store(low.add(at));
                at += W::LANES;
            }
        }
    }
}
