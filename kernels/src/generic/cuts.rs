//! Sixteen logistic distributions cut at the same place: the logarithm of the odds that a number lies above.
#![allow(unsafe_code)]

use super::math::{Exp, Ln, Map};
use crate::cuts::{CUTS, Cuts};
use crate::vector::Vector;

/// Least probability of a side.
const LEAST: f32 = 1e-9;
/// Largest logarithm.
const MOST: f32 = 9.2;

/// `odds` in 256ths, whole; `cuts.middle` for [`Cuts::choose`].
#[inline(always)]
pub(crate) unsafe fn cut<V: Vector>(cuts: &mut Cuts, at: f32, odds: &mut [f32; CUTS]) {
    unsafe {
        let (zero, one) = (V::splat(0.0), V::splat(1.0));
        let (least, most) = (V::splat(LEAST), V::splat(MOST));
        // Adding 1.5 * 2^23 and taking it away rounds to a whole number.
        let magic = V::splat(12_582_912.0);
        let mut i = 0;
        while i < CUTS {
            let get = |from: &[f32; CUTS]| V::load(from.as_ptr().add(i));
            let z = V::splat(at).sub(get(&cuts.mean)).mul(get(&cuts.steepness));
            let size = V::select_lt(z, zero, zero.sub(z), z);
            let tail = one.div(one.add(Exp::of(size)));
            let rest = one.sub(tail);
            let right = V::select_lt(zero, z, tail, rest);
            let left = V::select_lt(zero, z, rest, tail);
            let above = V::select_lt(
                zero,
                z,
                right.sub(get(&cuts.above_high)),
                get(&cuts.below_high).sub(left),
            );
            let below = V::select_lt(
                zero,
                z,
                get(&cuts.above_low).sub(right),
                left.sub(get(&cuts.below_low)),
            );
            let above = V::select_lt(least, above, above, least);
            let below = V::select_lt(least, below, below, least);
            let s = Ln::of(above.div(below));
            let s = V::select_lt(s, most, s, most);
            let s = V::select_lt(zero.sub(most), s, s, zero.sub(most));
            let whole = s.mul(V::splat(256.0)).add(magic).sub(magic);
            whole.store(odds.as_mut_ptr().add(i));
            right.store(cuts.above_middle.as_mut_ptr().add(i));
            left.store(cuts.below_middle.as_mut_ptr().add(i));
            i += V::LANES;
        }
    }
}
