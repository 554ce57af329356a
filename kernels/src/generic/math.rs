//! Elementwise functions from + - * / and bit tricks only.
//!
//! No libm: its `exp` differs from machine to machine. The polynomials and the split constants are those of the
//! Cephes library (S. Moshier, single precision: expf.c, logf.c, sinf.c, tanhf.c), evaluated by Horner's rule
//! without fused operations. Rounding to an integer is the addition and subtraction of 1.5 * 2^23, whose low bits
//! then hold the integer itself.
#![allow(unsafe_code)]
#![allow(clippy::excessive_precision)] // Cephes prints its constants with more digits than f32 holds.

use crate::vector::Vector;

/// A function of one lane.
pub(crate) trait Map {
    /// # Safety
    /// CPU features of `V`.
    unsafe fn of<V: Vector>(x: V) -> V;
}

/// Applies `M` to each element in place.
///
/// # Safety
/// CPU features of `V`.
#[inline(always)]
pub(crate) unsafe fn map<V: Vector, M: Map>(x: &mut [f32]) {
    unsafe {
        let mut chunks = x.chunks_exact_mut(V::LANES);
        for c in &mut chunks {
            M::of(V::load(c.as_ptr())).store(c.as_mut_ptr());
        }
        let rest = chunks.into_remainder();
        if !rest.is_empty() {
            let mut g = [0f32; 16];
            g[..rest.len()].copy_from_slice(rest);
            M::of(V::load(g.as_ptr())).store(g.as_mut_ptr());
            rest.copy_from_slice(&g[..rest.len()]);
        }
    }
}

/// Horner's rule, highest power first.
#[inline(always)]
unsafe fn poly<V: Vector, const N: usize>(x: V, c: [f32; N]) -> V {
    unsafe {
        let mut r = V::splat(c[0]);
        for k in &c[1..] {
            r = r.mul(x).add(V::splat(*k));
        }
        r
    }
}

/// 1.5 * 2^23.
const MAGIC: f32 = 12_582_912.0;
/// Below it exp gives 0; the result would be 1.2e-38, about the smallest normal number.
const EXP_LO: f32 = -87.3;
/// Above it exp gives infinity; the largest f32 whose exp is finite.
const EXP_HI: f32 = 88.722_83;

pub(crate) struct Exp;
impl Map for Exp {
    #[inline(always)]
    unsafe fn of<V: Vector>(x: V) -> V {
        unsafe {
            let (lo, hi) = (V::splat(EXP_LO), V::splat(EXP_HI));
            // NaN fails the comparison and is clamped too, so that what follows is always finite.
            let c = V::select_lt(lo, x, x, lo);
            let c = V::select_lt(c, hi, c, hi);
            let magic = V::splat(MAGIC);
            let shifted = c.mul(V::splat(std::f32::consts::LOG2_E)).add(magic);
            let n = shifted.sub(magic);
            let r = c
                .sub(n.mul(V::splat(0.693_359_375)))
                .sub(n.mul(V::splat(-2.121_944_40e-4)));
            let p = poly(
                r,
                [
                    1.987_569_15e-4,
                    1.398_199_95e-3,
                    8.333_451_91e-3,
                    4.166_579_59e-2,
                    1.666_666_55e-1,
                    5.000_000_12e-1,
                ],
            );
            let p = p.mul(r.mul(r)).add(r).add(V::splat(1.0));
            // 2^n: n added to the exponent field of p, which is 126 or 127.
            let e = p.iadd(shifted.shl23());
            let e = V::select_lt(x, lo, V::splat(0.0), e);
            let e = V::select_lt(hi, x, V::splat(f32::INFINITY), e);
            x.select_nan(x, e)
        }
    }
}

pub(crate) struct Ln;
impl Map for Ln {
    #[inline(always)]
    unsafe fn of<V: Vector>(x: V) -> V {
        unsafe {
            let one = V::splat(1.0);
            let tiny = V::splat(f32::MIN_POSITIVE);
            // Subnormal numbers are scaled by 2^23 first.
            let s = V::select_lt(x, tiny, x.mul(V::splat(8_388_608.0)), x);
            let bias = V::select_lt(x, tiny, V::splat(126.0 + 23.0), V::splat(126.0));
            // The exponent field as the low bits of 2^23 + field.
            let two23 = V::splat(8_388_608.0);
            let e = s.shr23().or(two23).sub(two23).sub(bias);
            // m in [1/2, 1), then [sqrt(1/2), sqrt(2)).
            let m = s.and(V::bits(0x007f_ffff)).or(V::bits(0x3f00_0000));
            let half = V::splat(std::f32::consts::FRAC_1_SQRT_2);
            let e = V::select_lt(m, half, e.sub(one), e);
            let m = V::select_lt(m, half, m.add(m), m).sub(one);
            let z = m.mul(m);
            let p = poly(
                m,
                [
                    7.037_683_63e-2,
                    -1.151_461_03e-1,
                    1.167_699_87e-1,
                    -1.242_014_08e-1,
                    1.424_932_28e-1,
                    -1.666_805_77e-1,
                    2.000_071_48e-1,
                    -2.499_999_40e-1,
                    3.333_333_12e-1,
                ],
            );
            let y = p
                .mul(m)
                .mul(z)
                .add(e.mul(V::splat(-2.121_944_40e-4)))
                .sub(z.mul(V::splat(0.5)));
            let r = m.add(y).add(e.mul(V::splat(0.693_359_375)));
            let zero = V::splat(0.0);
            let low = V::select_lt(x, zero, V::bits(0x7fc0_0000), V::splat(f32::NEG_INFINITY));
            let r = V::select_lt(x, V::bits(1), low, r);
            let r = V::select_lt(V::splat(f32::MAX), x, x, r);
            x.select_nan(x, r)
        }
    }
}

/// Largest magnitude that sin and cos accept.
const SIN_MAX: f32 = 12_000.0;

/// sin(x + quarter * pi/2).
#[inline(always)]
unsafe fn sin_quarter<V: Vector>(x: V, quarter: u32) -> V {
    unsafe {
        let sign = V::bits(0x8000_0000);
        let abs = x.and(V::bits(0x7fff_ffff));
        let too_large = V::splat(SIN_MAX);
        // NaN fails the comparison, so that what follows is always finite.
        let c = V::select_lt(too_large, abs, V::splat(0.0), x);
        let c = c.select_nan(V::splat(0.0), c);
        let magic = V::splat(MAGIC);
        let shifted = c.mul(V::splat(std::f32::consts::FRAC_2_PI)).add(magic);
        let n = shifted.sub(magic);
        // pi/2 in parts of at most 11 bits: n * part is exact for n < 2^13 (12,000 * 2/pi = 7640).
        let r = c
            .sub(n.mul(V::bits(0x3fc9_0000)))
            .sub(n.mul(V::bits(0x39fd_a000)))
            .sub(n.mul(V::bits(0x33a2_2000)))
            .sub(n.mul(V::bits(0x2c34_611a)));
        let q = shifted.iadd(V::bits(quarter));
        let z = r.mul(r);
        let s = poly(z, [-1.951_529_59e-4, 8.332_160_87e-3, -1.666_665_46e-1])
            .mul(z)
            .mul(r)
            .add(r);
        let k = poly(z, [2.443_315_71e-5, -1.388_731_63e-3, 4.166_664_57e-2])
            .mul(z)
            .mul(z)
            .sub(z.mul(V::splat(0.5)))
            .add(V::splat(1.0));
        // Odd quarters take the cosine; all bits set where odd.
        let odd = V::bits(0).isub(q.and(V::bits(1)));
        let v = k.and(odd).or(s.and(odd.xor(V::bits(0xffff_ffff))));
        let v = v.xor(q.and(V::bits(2)).shl30().and(sign));
        let v = V::select_lt(too_large, abs, V::bits(0x7fc0_0000), v);
        x.select_nan(x, v)
    }
}

pub(crate) struct Sin;
impl Map for Sin {
    #[inline(always)]
    unsafe fn of<V: Vector>(x: V) -> V {
        unsafe { sin_quarter(x, 0) }
    }
}

pub(crate) struct Cos;
impl Map for Cos {
    #[inline(always)]
    unsafe fn of<V: Vector>(x: V) -> V {
        unsafe { sin_quarter(x, 1) }
    }
}

pub(crate) struct Tanh;
impl Map for Tanh {
    #[inline(always)]
    unsafe fn of<V: Vector>(x: V) -> V {
        unsafe {
            let one = V::splat(1.0);
            let abs = x.and(V::bits(0x7fff_ffff));
            let sign = x.and(V::bits(0x8000_0000));
            // 1 - 2 / (exp(2|x|) + 1) away from zero, an odd polynomial near it.
            let e = Exp::of(abs.add(abs));
            let far = one.sub(V::splat(2.0).div(e.add(one))).or(sign);
            let z = x.mul(x);
            let near = poly(
                z,
                [
                    -5.704_988_73e-3,
                    2.063_908_88e-2,
                    -5.373_971_56e-2,
                    1.333_144_24e-1,
                    -3.333_328_19e-1,
                ],
            )
            .mul(z)
            .mul(x)
            .add(x);
            let r = V::select_lt(abs, V::splat(0.625), near, far);
            x.select_nan(x, r)
        }
    }
}

/// 1 / (1 + exp(-x)).
#[inline(always)]
unsafe fn sigmoid<V: Vector>(x: V) -> V {
    unsafe {
        let one = V::splat(1.0);
        one.div(one.add(Exp::of(x.xor(V::bits(0x8000_0000)))))
    }
}

pub(crate) struct Sigmoid;
impl Map for Sigmoid {
    #[inline(always)]
    unsafe fn of<V: Vector>(x: V) -> V {
        unsafe { sigmoid(x) }
    }
}

pub(crate) struct Silu;
impl Map for Silu {
    #[inline(always)]
    unsafe fn of<V: Vector>(x: V) -> V {
        unsafe { x.mul(sigmoid(x)) }
    }
}

pub(crate) struct QuickGelu;
impl Map for QuickGelu {
    #[inline(always)]
    unsafe fn of<V: Vector>(x: V) -> V {
        unsafe { x.mul(sigmoid(x.mul(V::splat(1.702)))) }
    }
}
