//! The scalar level: arrays of four lanes in plain Rust.
//!
//! It runs everywhere, and is the twin that the x86 levels are compared with bit for bit.
#![allow(unsafe_code)]

use super::entry_points;
use crate::vector::Vector;

/// Four lanes.
#[derive(Clone, Copy)]
pub(crate) struct Lanes([f32; 4]);

#[inline(always)]
fn zip(a: Lanes, b: Lanes, f: impl Fn(f32, f32) -> f32) -> Lanes {
    let (a, b) = (a.0, b.0);
    Lanes([f(a[0], b[0]), f(a[1], b[1]), f(a[2], b[2]), f(a[3], b[3])])
}

#[inline(always)]
fn zip_bits(a: Lanes, b: Lanes, f: impl Fn(u32, u32) -> u32) -> Lanes {
    zip(a, b, |a, b| f32::from_bits(f(a.to_bits(), b.to_bits())))
}

// SAFETY: nothing but `load` and `store` needs care, and these touch four f32 as the trait says.
impl Vector for Lanes {
    const LANES: usize = 4;
    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Lanes([x; 4])
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        Lanes(unsafe { p.cast::<[f32; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        unsafe { p.cast::<[f32; 4]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, o: Self) -> Self {
        zip(self, o, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, o: Self) -> Self {
        zip(self, o, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, o: Self) -> Self {
        zip(self, o, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(self, o: Self) -> Self {
        zip(self, o, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn and(self, o: Self) -> Self {
        zip_bits(self, o, |a, b| a & b)
    }
    #[inline(always)]
    unsafe fn or(self, o: Self) -> Self {
        zip_bits(self, o, |a, b| a | b)
    }
    #[inline(always)]
    unsafe fn xor(self, o: Self) -> Self {
        zip_bits(self, o, |a, b| a ^ b)
    }
    #[inline(always)]
    unsafe fn iadd(self, o: Self) -> Self {
        zip_bits(self, o, u32::wrapping_add)
    }
    #[inline(always)]
    unsafe fn isub(self, o: Self) -> Self {
        zip_bits(self, o, u32::wrapping_sub)
    }
    #[inline(always)]
    unsafe fn shl23(self) -> Self {
        zip_bits(self, self, |a, _| a << 23)
    }
    #[inline(always)]
    unsafe fn shl30(self) -> Self {
        zip_bits(self, self, |a, _| a << 30)
    }
    #[inline(always)]
    unsafe fn shr23(self) -> Self {
        zip_bits(self, self, |a, _| a >> 23)
    }
    #[inline(always)]
    unsafe fn select_lt(a: Self, b: Self, t: Self, f: Self) -> Self {
        let mut r = f.0;
        for (i, r) in r.iter_mut().enumerate() {
            if a.0[i] < b.0[i] {
                *r = t.0[i];
            }
        }
        Lanes(r)
    }
    #[inline(always)]
    unsafe fn select_nan(self, t: Self, f: Self) -> Self {
        let mut r = f.0;
        for (i, r) in r.iter_mut().enumerate() {
            if self.0[i].is_nan() {
                *r = t.0[i];
            }
        }
        Lanes(r)
    }
}

entry_points!(Lanes, linear Lanes, 4, 8, 1);
