//! The x86-64 levels: SSE2, AVX2 and AVX-512F (with VL).
//!
//! Only plain IEEE operations are used: no fused multiply-add, no approximate reciprocal, no min or max (whose
//! treatment of NaN and signed zero differs between instruction sets).
#![allow(unsafe_code)]

use super::entry_points;
use crate::vector::Vector;
use std::arch::x86_64::*;

/// The operations that map one to one to an intrinsic.
macro_rules! same_shape {
    ($splat:ident $load:ident $store:ident $add:ident $sub:ident $mul:ident $div:ident) => {
        #[inline(always)]
        unsafe fn splat(x: f32) -> Self {
            Self(unsafe { $splat(x) })
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            Self(unsafe { $load(p) })
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            unsafe { $store(p, self.0) }
        }
        #[inline(always)]
        unsafe fn add(self, o: Self) -> Self {
            Self(unsafe { $add(self.0, o.0) })
        }
        #[inline(always)]
        unsafe fn sub(self, o: Self) -> Self {
            Self(unsafe { $sub(self.0, o.0) })
        }
        #[inline(always)]
        unsafe fn mul(self, o: Self) -> Self {
            Self(unsafe { $mul(self.0, o.0) })
        }
        #[inline(always)]
        unsafe fn div(self, o: Self) -> Self {
            Self(unsafe { $div(self.0, o.0) })
        }
    };
}

/// The operations on representations: `$i` casts to the integer vector, `$f` back.
macro_rules! on_bits {
    ($i:ident $f:ident $and:ident $or:ident $xor:ident $iadd:ident $isub:ident $shl:ident $shr:ident) => {
        #[inline(always)]
        unsafe fn and(self, o: Self) -> Self {
            Self(unsafe { $f($and($i(self.0), $i(o.0))) })
        }
        #[inline(always)]
        unsafe fn or(self, o: Self) -> Self {
            Self(unsafe { $f($or($i(self.0), $i(o.0))) })
        }
        #[inline(always)]
        unsafe fn xor(self, o: Self) -> Self {
            Self(unsafe { $f($xor($i(self.0), $i(o.0))) })
        }
        #[inline(always)]
        unsafe fn iadd(self, o: Self) -> Self {
            Self(unsafe { $f($iadd($i(self.0), $i(o.0))) })
        }
        #[inline(always)]
        unsafe fn isub(self, o: Self) -> Self {
            Self(unsafe { $f($isub($i(self.0), $i(o.0))) })
        }
        #[inline(always)]
        unsafe fn shl23(self) -> Self {
            Self(unsafe { $f($shl::<23>($i(self.0))) })
        }
        #[inline(always)]
        unsafe fn shl30(self) -> Self {
            Self(unsafe { $f($shl::<30>($i(self.0))) })
        }
        #[inline(always)]
        unsafe fn shr23(self) -> Self {
            Self(unsafe { $f($shr::<23>($i(self.0))) })
        }
    };
}

/// The sum of four values: i and i + 2, then i and i + 1.
#[inline(always)]
unsafe fn sum4(x: __m128) -> f32 {
    unsafe {
        let two = _mm_add_ps(x, _mm_movehl_ps(x, x));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
    }
}

/// SSE2.
pub(crate) mod sse2 {
    use super::*;

    #[derive(Clone, Copy)]
    pub(crate) struct F4(__m128);

    // SAFETY: every intrinsic needs SSE2 only, which x86-64 always has; pointers as the trait says.
    impl Vector for F4 {
        const LANES: usize = 4;
        same_shape!(_mm_set1_ps _mm_loadu_ps _mm_storeu_ps _mm_add_ps _mm_sub_ps _mm_mul_ps _mm_div_ps);
        on_bits!(_mm_castps_si128 _mm_castsi128_ps _mm_and_si128 _mm_or_si128 _mm_xor_si128
            _mm_add_epi32 _mm_sub_epi32 _mm_slli_epi32 _mm_srli_epi32);
        #[inline(always)]
        unsafe fn select_lt(a: Self, b: Self, t: Self, f: Self) -> Self {
            unsafe {
                let m = _mm_cmplt_ps(a.0, b.0);
                Self(_mm_or_ps(_mm_and_ps(m, t.0), _mm_andnot_ps(m, f.0)))
            }
        }
        #[inline(always)]
        unsafe fn select_nan(self, t: Self, f: Self) -> Self {
            unsafe {
                let m = _mm_cmpunord_ps(self.0, self.0);
                Self(_mm_or_ps(_mm_and_ps(m, t.0), _mm_andnot_ps(m, f.0)))
            }
        }
        #[inline(always)]
        unsafe fn sum([a, b, c, d]: [Self; 4]) -> f32 {
            unsafe { sum4(_mm_add_ps(_mm_add_ps(a.0, c.0), _mm_add_ps(b.0, d.0))) }
        }
    }

    entry_points!(F4, linear F4, 6, 8, 1);
}

/// AVX2 (with AVX).
pub(crate) mod avx2 {
    use super::*;

    #[derive(Clone, Copy)]
    pub(crate) struct F8(__m256);

    /// A mask of the first `n` lanes.
    #[inline(always)]
    unsafe fn first(n: usize) -> __m256i {
        unsafe {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lanes)
        }
    }

    // SAFETY: every intrinsic needs AVX2 at most, which the entry points require; pointers as the trait says.
    impl Vector for F8 {
        const LANES: usize = 8;
        same_shape!(_mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_add_ps _mm256_sub_ps _mm256_mul_ps _mm256_div_ps);
        on_bits!(_mm256_castps_si256 _mm256_castsi256_ps _mm256_and_si256 _mm256_or_si256 _mm256_xor_si256
            _mm256_add_epi32 _mm256_sub_epi32 _mm256_slli_epi32 _mm256_srli_epi32);
        #[inline(always)]
        unsafe fn select_lt(a: Self, b: Self, t: Self, f: Self) -> Self {
            unsafe {
                let m = _mm256_cmp_ps::<_CMP_LT_OQ>(a.0, b.0);
                Self(_mm256_blendv_ps(f.0, t.0, m))
            }
        }
        #[inline(always)]
        unsafe fn select_nan(self, t: Self, f: Self) -> Self {
            unsafe {
                let m = _mm256_cmp_ps::<_CMP_UNORD_Q>(self.0, self.0);
                Self(_mm256_blendv_ps(f.0, t.0, m))
            }
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f32, n: usize) -> Self {
            unsafe { Self(_mm256_maskload_ps(p, first(n))) }
        }
        #[inline(always)]
        unsafe fn store_first(self, p: *mut f32, n: usize) {
            unsafe { _mm256_maskstore_ps(p, first(n), self.0) }
        }
        #[inline(always)]
        unsafe fn store_whole(self, p: *mut u32, n: usize) {
            unsafe {
                _mm256_maskstore_epi32(p.cast(), first(n), _mm256_cvttps_epi32(self.0));
            }
        }
        #[inline(always)]
        unsafe fn sum([a, b, ..]: [Self; 4]) -> f32 {
            unsafe {
                let eight = _mm256_add_ps(a.0, b.0);
                let high = _mm256_extractf128_ps::<1>(eight);
                sum4(_mm_add_ps(_mm256_castps256_ps128(eight), high))
            }
        }
    }

    entry_points!(
        #[target_feature(enable = "avx2")]
        F8, linear F8, 6, 4, 2
    );
}

/// AVX-512F and VL.
pub(crate) mod avx512 {
    use super::*;

    #[derive(Clone, Copy)]
    pub(crate) struct F16(__m512);

    /// A mask of the first `n` lanes, at most 16.
    #[inline(always)]
    fn first(n: usize) -> __mmask16 {
        ((1u32 << n) - 1) as __mmask16
    }

    // SAFETY: every intrinsic needs AVX-512F and VL at most, which the entry points require; pointers as the trait says.
    impl Vector for F16 {
        const LANES: usize = 16;
        same_shape!(_mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_add_ps _mm512_sub_ps _mm512_mul_ps _mm512_div_ps);
        on_bits!(_mm512_castps_si512 _mm512_castsi512_ps _mm512_and_si512 _mm512_or_si512 _mm512_xor_si512
            _mm512_add_epi32 _mm512_sub_epi32 _mm512_slli_epi32 _mm512_srli_epi32);
        #[inline(always)]
        unsafe fn select_lt(a: Self, b: Self, t: Self, f: Self) -> Self {
            unsafe {
                let m = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a.0, b.0);
                Self(_mm512_mask_blend_ps(m, f.0, t.0))
            }
        }
        #[inline(always)]
        unsafe fn select_nan(self, t: Self, f: Self) -> Self {
            unsafe {
                let m = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(self.0, self.0);
                Self(_mm512_mask_blend_ps(m, f.0, t.0))
            }
        }
        #[inline(always)]
        unsafe fn load_first(p: *const f32, n: usize) -> Self {
            unsafe { Self(_mm512_maskz_loadu_ps(first(n), p)) }
        }
        #[inline(always)]
        unsafe fn store_first(self, p: *mut f32, n: usize) {
            unsafe { _mm512_mask_storeu_ps(p, first(n), self.0) }
        }
        #[inline(always)]
        unsafe fn store_whole(self, p: *mut u32, n: usize) {
            unsafe {
                _mm512_mask_storeu_epi32(p.cast(), first(n), _mm512_cvttps_epi32(self.0));
            }
        }
        #[inline(always)]
        unsafe fn sum([a, ..]: [Self; 4]) -> f32 {
            unsafe {
                let high = _mm512_extractf64x4_pd::<1>(_mm512_castps_pd(a.0));
                let eight = _mm256_add_ps(_mm512_castps512_ps256(a.0), _mm256_castpd_ps(high));
                let high = _mm256_extractf128_ps::<1>(eight);
                sum4(_mm_add_ps(_mm256_castps256_ps128(eight), high))
            }
        }
    }

    // The linear layer runs on 256-bit vectors here too: measured on Zen 4, 46 against 40 thousand million
    // multiply-adds a second with 512-bit ones (bench `kernels`, 96 rows of 256 x 768).
    entry_points!(
        #[target_feature(enable = "avx512f,avx512vl")]
        F16, linear super::avx2::F8, 6, 4, 2
    );
}
