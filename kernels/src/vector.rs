//! What all code over vectors is written in: the few operations that give the same bits at every level.
#![allow(unsafe_code)]

/// `LANES` f32 values and the few operations that give the same bits on every machine.
///
/// # Safety
/// Every method may be called only where the CPU features of the implementing level are present; `load` and
/// `store` also need `LANES` readable or writable f32 at the pointer (no alignment).
pub(crate) trait Vector: Copy {
    /// 4, 8 or 16.
    const LANES: usize;
    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(p: *const f32) -> Self;
    unsafe fn store(self, p: *mut f32);
    unsafe fn add(self, o: Self) -> Self;
    unsafe fn sub(self, o: Self) -> Self;
    unsafe fn mul(self, o: Self) -> Self;
    unsafe fn div(self, o: Self) -> Self;
    /// Bitwise and, or, exclusive or of the representations.
    unsafe fn and(self, o: Self) -> Self;
    unsafe fn or(self, o: Self) -> Self;
    unsafe fn xor(self, o: Self) -> Self;
    /// Wrapping 32-bit integer sum and difference of the representations.
    unsafe fn iadd(self, o: Self) -> Self;
    unsafe fn isub(self, o: Self) -> Self;
    /// Logical shifts of the representations.
    unsafe fn shl23(self) -> Self;
    unsafe fn shl30(self) -> Self;
    unsafe fn shr23(self) -> Self;
    /// `if a < b { t } else { f }`; false where either is NaN.
    unsafe fn select_lt(a: Self, b: Self, t: Self, f: Self) -> Self;
    /// `if self is NaN { t } else { f }`.
    unsafe fn select_nan(self, t: Self, f: Self) -> Self;

    /// The first `n` of LANES values, below LANES, and zeros behind them; touches no more memory.
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize) -> Self {
        unsafe {
            let mut all = [0f32; 16];
            for (i, x) in all.iter_mut().enumerate().take(n) {
                *x = *p.add(i);
            }
            Self::load(all.as_ptr())
        }
    }
    /// Writes the first `n` values.
    #[inline(always)]
    unsafe fn store_first(self, p: *mut f32, n: usize) {
        unsafe {
            let mut all = [0f32; 16];
            self.store(all.as_mut_ptr());
            for (i, x) in all.iter().enumerate().take(n) {
                *p.add(i) = *x;
            }
        }
    }
    /// Writes the first `n` values, which lie between 0 and 2^30, as integers, rounded down.
    #[inline(always)]
    unsafe fn store_whole(self, p: *mut u32, n: usize) {
        unsafe {
            let mut all = [0f32; 16];
            self.store(all.as_mut_ptr());
            for (i, x) in all.iter().enumerate().take(n) {
                *p.add(i) = *x as u32;
            }
        }
    }
    /// The sum of sixteen values, which are as many of the vectors as they fill: i and i + 8, then i and i + 4,
    /// i + 2, i + 1 added.
    #[inline(always)]
    unsafe fn sum(parts: [Self; 4]) -> f32 {
        unsafe {
            let mut s = [0f32; 16];
            for (i, v) in parts.iter().enumerate().take(16 / Self::LANES) {
                v.store(s.as_mut_ptr().add(i * Self::LANES));
            }
            for half in [8, 4, 2, 1] {
                for i in 0..half {
                    s[i] += s[i + half];
                }
            }
            s[0]
        }
    }

    #[inline(always)]
    unsafe fn bits(x: u32) -> Self {
        unsafe { Self::splat(f32::from_bits(x)) }
    }
}
