//! Depthwise convolution along time, channels last.
//!
//! Every output has one accumulator that starts at 0 and takes `x * w` for the taps ascending, leaving out taps
//! outside the input, then the bias. Four frames share one load of a tap's weights.
#![allow(unsafe_code)]

use crate::vector::Vector;

/// Frames computed together.
const FRAMES: usize = 4;

/// y [ty, c] over x [tx, c]: output frame t reads input frames t - left .. t - left + taps.
///
/// # Safety
/// CPU features of `V`; c > 0; x, y and w are whole numbers of rows of c; bias.len() = c.
#[inline(always)]
pub(crate) unsafe fn depthwise<V: Vector>(
    c: usize,
    left: usize,
    x: &[f32],
    w: &[f32],
    bias: &[f32],
    y: &mut [f32],
) {
    unsafe {
        let (tx, ty, taps) = (x.len() / c, y.len() / c, w.len() / c);
        let (xp, wp, bp, yp) = (x.as_ptr(), w.as_ptr(), bias.as_ptr(), y.as_mut_ptr());
        let mut t = 0;
        while t < ty {
            // Frame t + f reads rows (t + f - left) .. + taps; inside when all of these exist.
            let inside = t >= left && t + FRAMES <= ty && t + FRAMES - 1 + taps <= tx + left;
            if inside {
                let x0 = xp.add((t - left) * c);
                frames::<V, FRAMES>(c, taps, x0, wp, bp, yp.add(t * c));
                t += FRAMES;
            } else {
                // Taps i with 0 <= t + i - left < tx.
                let lo = left.saturating_sub(t).min(taps);
                let hi = (tx + left).saturating_sub(t).clamp(lo, taps);
                let x0 = if hi > lo {
                    xp.add((t + lo - left) * c)
                } else {
                    xp
                };
                frames::<V, 1>(c, hi - lo, x0, wp.add(lo * c), bp, yp.add(t * c));
                t += 1;
            }
        }
    }
}

#[inline(always)]
unsafe fn frames<V: Vector, const F: usize>(
    c: usize,
    taps: usize,
    x: *const f32,
    w: *const f32,
    bias: *const f32,
    y: *mut f32,
) {
    unsafe {
        let mut j = 0;
        while j + V::LANES <= c {
            let mut acc = [V::splat(0.0); F];
            for i in 0..taps {
                let wv = V::load(w.add(i * c + j));
                for (f, a) in acc.iter_mut().enumerate() {
                    *a = a.add(V::load(x.add((i + f) * c + j)).mul(wv));
                }
            }
            let b = V::load(bias.add(j));
            for (f, a) in acc.into_iter().enumerate() {
                a.add(b).store(y.add(f * c + j));
            }
            j += V::LANES;
        }
        while j < c {
            for f in 0..F {
                let mut a = 0f32;
                for i in 0..taps {
                    a += *x.add((i + f) * c + j) * *w.add(i * c + j);
                }
                *y.add(f * c + j) = a + *bias.add(j);
            }
            j += 1;
        }
    }
}
