//! The levels of `crate::generic::logistic`: plain arrays, SSE2 and AVX2 (which the AVX-512 level takes too, for a row is
//! one to four of its vectors).
#![allow(unsafe_code)]

use crate::generic::logistic::{Words, dot, step};

/// Eight words in plain Rust.
#[derive(Clone, Copy)]
pub(crate) struct Plain([i16; 8]);

impl Words for Plain {
    const LANES: usize = 8;
    type Sums = [i32; 4];
    #[inline(always)]
    unsafe fn load(p: *const i16) -> Self {
        // SAFETY: eight words, as the trait says.
        Self(unsafe { p.cast::<[i16; 8]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut i16) {
        // SAFETY: eight words, as the trait says.
        unsafe { p.cast::<[i16; 8]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn splat(x: i16) -> Self {
        Self([x; 8])
    }
    #[inline(always)]
    unsafe fn zero() -> [i32; 4] {
        [0; 4]
    }
    #[inline(always)]
    unsafe fn gather(mut sums: [i32; 4], x: Self, w: Self) -> [i32; 4] {
        for (k, s) in sums.iter_mut().enumerate() {
            let product = |i: usize| i32::from(x.0[i]) * i32::from(w.0[i]);
            *s = s.wrapping_add(product(2 * k).wrapping_add(product(2 * k + 1)) >> 6);
        }
        sums
    }
    #[inline(always)]
    unsafe fn total([a, b, c, d]: [i32; 4]) -> i32 {
        a.wrapping_add(b).wrapping_add(c).wrapping_add(d)
    }
    #[inline(always)]
    unsafe fn step(mut high: Self, mut low: Self, x: Self, e: Self) -> (Self, Self) {
        for i in 0..8 {
            let product = i32::from(x.0[i]) * i32::from(e.0[i]);
            let (l, carry) = (low.0[i] as u16).overflowing_add(product as u16);
            low.0[i] = l as i16;
            let up = ((product >> 16) as i16).wrapping_add(i16::from(carry));
            high.0[i] = high.0[i].saturating_add(up);
        }
        (high, low)
    }
}

pub(crate) mod scalar {
    use super::*;

    pub(crate) unsafe fn logistic_dot(x: &[i16], w: &[i16], rows: &[u32], out: &mut [i32]) {
        // SAFETY: the caller has checked the lengths.
        unsafe { dot::<Plain>(x, w, rows, out) }
    }

    pub(crate) unsafe fn logistic_step(x: &[i16], w: &mut [i16], rows: &[u32], steps: &[i16]) {
        // SAFETY: the caller has checked the lengths.
        unsafe { step::<Plain>(x, w, rows, steps) }
    }
}

/// A level on x86-64: the vector, its number of words and the intrinsics.
#[cfg(target_arch = "x86_64")]
macro_rules! level {
    ($name:ident, $feature:literal, $v:ident, $lanes:literal, $load:ident $store:ident $splat:ident $zero:ident
     $madd:ident $sra:ident $add32:ident $mulhi:ident $mullo:ident $add:ident $adds:ident $max:ident $eq:ident
     $ones:ident, $total:item) => {
        pub(crate) mod $name {
            use super::*;
            use std::arch::x86_64::*;

            #[derive(Clone, Copy)]
            pub(crate) struct V($v);

            $total

            // SAFETY: the intrinsics need the level's feature, which the entry points require.
            impl Words for V {
                const LANES: usize = $lanes;
                type Sums = $v;
                #[inline(always)]
                unsafe fn load(p: *const i16) -> Self {
                    Self(unsafe { $load(p.cast()) })
                }
                #[inline(always)]
                unsafe fn store(self, p: *mut i16) {
                    unsafe { $store(p.cast(), self.0) }
                }
                #[inline(always)]
                unsafe fn splat(x: i16) -> Self {
                    Self(unsafe { $splat(x) })
                }
                #[inline(always)]
                unsafe fn zero() -> $v {
                    unsafe { $zero() }
                }
                #[inline(always)]
                unsafe fn gather(sums: $v, x: Self, w: Self) -> $v {
                    unsafe { $add32(sums, $sra::<6>($madd(x.0, w.0))) }
                }
                #[inline(always)]
                unsafe fn total(sums: $v) -> i32 {
                    unsafe { total(sums) }
                }
                #[inline(always)]
                unsafe fn step(high: Self, low: Self, x: Self, e: Self) -> (Self, Self) {
                    unsafe {
                        let product = $mullo(x.0, e.0);
                        let l = $add(low.0, product);
                        // All ones where no carry: the sum is not below what was added.
                        let same = $eq($max(l, product), l);
                        let up = $add($add($mulhi(x.0, e.0), $ones(1)), same);
                        (Self($adds(high.0, up)), Self(l))
                    }
                }
            }

            #[target_feature(enable = $feature)]
            pub(crate) unsafe fn logistic_dot(x: &[i16], w: &[i16], rows: &[u32], out: &mut [i32]) {
                // SAFETY: the caller has checked the level and the lengths.
                unsafe { dot::<V>(x, w, rows, out) }
            }

            #[target_feature(enable = $feature)]
            pub(crate) unsafe fn logistic_step(x: &[i16], w: &mut [i16], rows: &[u32], steps: &[i16]) {
                // SAFETY: the caller has checked the level and the lengths.
                unsafe { step::<V>(x, w, rows, steps) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod unsigned {
    use std::arch::x86_64::*;

    /// The greater of unsigned words, which SSE2 has for signed ones only.
    ///
    /// # Safety
    /// None beyond SSE2.
    #[inline(always)]
    pub(crate) unsafe fn max_sse2(a: __m128i, b: __m128i) -> __m128i {
        // a - b, not below 0, plus b.
        unsafe { _mm_add_epi16(_mm_subs_epu16(a, b), b) }
    }

    /// The sum of four words of 32 bits.
    ///
    /// # Safety
    /// None beyond SSE2.
    #[inline(always)]
    pub(crate) unsafe fn total4(x: __m128i) -> i32 {
        unsafe {
            let two = _mm_add_epi32(x, _mm_shuffle_epi32::<0b1110>(x));
            _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<0b01>(two)))
        }
    }
}
#[cfg(target_arch = "x86_64")]
use unsigned::*;

#[cfg(target_arch = "x86_64")]
level!(sse2, "sse2", __m128i, 8, _mm_loadu_si128 _mm_storeu_si128 _mm_set1_epi16 _mm_setzero_si128
    _mm_madd_epi16 _mm_srai_epi32 _mm_add_epi32 _mm_mulhi_epi16 _mm_mullo_epi16 _mm_add_epi16 _mm_adds_epi16
    max_sse2 _mm_cmpeq_epi16 _mm_set1_epi16,
    #[inline(always)]
    unsafe fn total(x: __m128i) -> i32 {
        unsafe { total4(x) }
    }
);

#[cfg(target_arch = "x86_64")]
level!(avx2, "avx2", __m256i, 16, _mm256_loadu_si256 _mm256_storeu_si256 _mm256_set1_epi16 _mm256_setzero_si256
    _mm256_madd_epi16 _mm256_srai_epi32 _mm256_add_epi32 _mm256_mulhi_epi16 _mm256_mullo_epi16 _mm256_add_epi16
    _mm256_adds_epi16 _mm256_max_epu16 _mm256_cmpeq_epi16 _mm256_set1_epi16,
    #[inline(always)]
    unsafe fn total(x: __m256i) -> i32 {
        unsafe { total4(_mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256::<1>(x))) }
    }
);
