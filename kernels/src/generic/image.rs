//! Layers over images, channels last, forward and backward.
//!
//! An image is `[h + 2, w + 2, c]`: a border of one pixel, zero, lies around it, so that a 3 x 3 kernel needs no edge
//! cases. Kernels write the inside only. Every output has one accumulator that starts at the bias (or at what is
//! there, for gradients of weights) and takes its products in one order: taps row by row, in a tap input channels
//! ascending; for gradients of weights pixels row by row. Vectors run over channels, so the order does not depend on
//! the number of lanes.
#![allow(unsafe_code)]
#![allow(clippy::needless_range_loop)] // fixed-size loops that the compiler must unroll into registers

use crate::vector::Vector;

/// Sizes of a convolution: `k` is 1 or 3, `xs` and `ys` the channels that lie in memory, of which `cin` are read and
/// all `ys` written; `ys` is a multiple of 8.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Conv {
    pub k: usize,
    pub h: usize,
    pub w: usize,
    pub xs: usize,
    pub cin: usize,
    pub ys: usize,
}

/// `P` pixels of `NV` vectors: the pixels' inputs begin at `x`, `step` apart, the weights at `wt`.
#[inline(always)]
unsafe fn tile<V: Vector, const K: usize, const P: usize, const NV: usize>(
    s: &Conv,
    x: *const f32,
    wt: *const f32,
    bias: *const f32,
    y: *mut f32,
) {
    unsafe {
        let mut acc = [[V::splat(0.0); NV]; P];
        for v in 0..NV {
            let b = V::load(bias.add(v * V::LANES));
            for p in 0..P {
                acc[p][v] = b;
            }
        }
        let row = (s.w + 2) * s.xs;
        for ky in 0..K {
            for kx in 0..K {
                let x = x.add(ky * row + kx * s.xs);
                let wt = wt.add((ky * K + kx) * s.cin * s.ys);
                for i in 0..s.cin {
                    let mut wv = [V::splat(0.0); NV];
                    for v in 0..NV {
                        wv[v] = V::load(wt.add(i * s.ys + v * V::LANES));
                    }
                    for p in 0..P {
                        let xv = V::splat(*x.add(p * s.xs + i));
                        for v in 0..NV {
                            acc[p][v] = acc[p][v].add(xv.mul(wv[v]));
                        }
                    }
                }
            }
        }
        for p in 0..P {
            for v in 0..NV {
                acc[p][v].store(y.add(p * s.ys + v * V::LANES));
            }
        }
    }
}

/// A row of pixels against the outputs from `col` on, `NV` vectors of them.
#[inline(always)]
unsafe fn row<V: Vector, const K: usize, const NV: usize>(
    s: &Conv,
    x: *const f32,
    wt: *const f32,
    bias: *const f32,
    y: *mut f32,
) {
    unsafe {
        let mut p = 0;
        // With one vector of outputs more pixels hide the latency of the sums.
        while NV == 1 && p + 10 <= s.w {
            tile::<V, K, 10, NV>(s, x.add(p * s.xs), wt, bias, y.add(p * s.ys));
            p += 10;
        }
        while p + 6 <= s.w {
            tile::<V, K, 6, NV>(s, x.add(p * s.xs), wt, bias, y.add(p * s.ys));
            p += 6;
        }
        while p < s.w {
            tile::<V, K, 1, NV>(s, x.add(p * s.xs), wt, bias, y.add(p * s.ys));
            p += 1;
        }
    }
}

#[inline(always)]
unsafe fn conv_k<V: Vector, const K: usize>(
    s: &Conv,
    x: &[f32],
    wt: &[f32],
    bias: &[f32],
    y: &mut [f32],
) {
    unsafe {
        let (xr, yr) = ((s.w + 2) * s.xs, (s.w + 2) * s.ys);
        // The inside begins a row and a pixel in; a 3 x 3 kernel one before that.
        let back = (K - 1) / 2;
        for r in 0..s.h {
            let xp = x.as_ptr().add((r + 1 - back) * xr + (1 - back) * s.xs);
            let yp = y.as_mut_ptr().add((r + 1) * yr + s.ys);
            let mut col = 0;
            while col < s.ys {
                let (wp, bp) = (wt.as_ptr().add(col), bias.as_ptr().add(col));
                if col + 2 * V::LANES <= s.ys {
                    row::<V, K, 2>(s, xp, wp, bp, yp.add(col));
                    col += 2 * V::LANES;
                } else {
                    row::<V, K, 1>(s, xp, wp, bp, yp.add(col));
                    col += V::LANES;
                }
            }
        }
    }
}

/// y = conv(x), weights `[k k, cin, ys]`.
///
/// # Safety
/// CPU features of `V` (4 or 8 lanes); lengths of `x`, `wt`, `bias` and `y` as [`Conv`] says.
#[inline(always)]
pub(crate) unsafe fn conv<V: Vector>(s: &Conv, x: &[f32], wt: &[f32], bias: &[f32], y: &mut [f32]) {
    unsafe {
        if s.k == 3 {
            conv_k::<V, 3>(s, x, wt, bias, y);
        } else {
            conv_k::<V, 1>(s, x, wt, bias, y);
        }
    }
}

/// `I` input channels by `NV` vectors of outputs, summed over a row of pixels.
#[inline(always)]
unsafe fn grad_tile<V: Vector, const I: usize, const NV: usize>(
    s: &Conv,
    x: *const f32,
    g: *const f32,
    dw: *mut f32,
) {
    unsafe {
        let mut acc = [[V::splat(0.0); NV]; I];
        for i in 0..I {
            for v in 0..NV {
                acc[i][v] = V::load(dw.add(i * s.ys + v * V::LANES));
            }
        }
        for p in 0..s.w {
            let mut gv = [V::splat(0.0); NV];
            for v in 0..NV {
                gv[v] = V::load(g.add(p * s.ys + v * V::LANES));
            }
            for i in 0..I {
                let xv = V::splat(*x.add(p * s.xs + i));
                for v in 0..NV {
                    acc[i][v] = acc[i][v].add(xv.mul(gv[v]));
                }
            }
        }
        for i in 0..I {
            for v in 0..NV {
                acc[i][v].store(dw.add(i * s.ys + v * V::LANES));
            }
        }
    }
}

#[inline(always)]
unsafe fn grad_inputs<V: Vector, const NV: usize>(
    s: &Conv,
    x: *const f32,
    g: *const f32,
    dw: *mut f32,
) {
    unsafe {
        let mut i = 0;
        while i + 6 <= s.cin {
            grad_tile::<V, 6, NV>(s, x.add(i), g, dw.add(i * s.ys));
            i += 6;
        }
        while i + 2 <= s.cin {
            grad_tile::<V, 2, NV>(s, x.add(i), g, dw.add(i * s.ys));
            i += 2;
        }
        if i < s.cin {
            grad_tile::<V, 1, NV>(s, x.add(i), g, dw.add(i * s.ys));
        }
    }
}

/// Adds the gradients of the weights, `[k k, cin, ys]`, and of the bias, given those of the output.
///
/// # Safety
/// As [`conv`].
#[inline(always)]
pub(crate) unsafe fn conv_grad<V: Vector>(
    s: &Conv,
    x: &[f32],
    g: &[f32],
    dw: &mut [f32],
    db: &mut [f32],
) {
    unsafe {
        let (xr, gr) = ((s.w + 2) * s.xs, (s.w + 2) * s.ys);
        let back = (s.k - 1) / 2;
        for r in 0..s.h {
            let gp = g.as_ptr().add((r + 1) * gr + s.ys);
            for t in 0..s.k * s.k {
                let (ky, kx) = (t / s.k, t % s.k);
                let xp = x
                    .as_ptr()
                    .add((r + 1 + ky - back) * xr + (1 + kx - back) * s.xs);
                let dp = dw.as_mut_ptr().add(t * s.cin * s.ys);
                let mut col = 0;
                while col < s.ys {
                    if col + 2 * V::LANES <= s.ys {
                        grad_inputs::<V, 2>(s, xp, gp.add(col), dp.add(col));
                        col += 2 * V::LANES;
                    } else {
                        grad_inputs::<V, 1>(s, xp, gp.add(col), dp.add(col));
                        col += V::LANES;
                    }
                }
            }
            let mut col = 0;
            while col < s.ys {
                let mut a = V::load(db.as_ptr().add(col));
                for p in 0..s.w {
                    a = a.add(V::load(gp.add(p * s.ys + col)));
                }
                a.store(db.as_mut_ptr().add(col));
                col += V::LANES;
            }
        }
    }
}

/// Depthwise 3 x 3 of `c` channels, a multiple of 8: weights `[9, c]`.
///
/// # Safety
/// As [`conv`].
#[inline(always)]
pub(crate) unsafe fn depthwise<V: Vector>(
    h: usize,
    w: usize,
    c: usize,
    x: &[f32],
    wt: &[f32],
    bias: &[f32],
    y: &mut [f32],
) {
    unsafe {
        let row = (w + 2) * c;
        for r in 0..h {
            let yp = y.as_mut_ptr().add((r + 1) * row + c);
            let xp = x.as_ptr().add(r * row);
            let mut j = 0;
            while j < c {
                let mut wv = [V::splat(0.0); 9];
                for t in 0..9 {
                    wv[t] = V::load(wt.as_ptr().add(t * c + j));
                }
                let b = V::load(bias.as_ptr().add(j));
                let mut p = 0;
                while p < w {
                    let n = if p + 2 <= w { 2 } else { 1 };
                    let mut acc = [b; 2];
                    for q in 0..n {
                        for t in 0..9 {
                            let at = (t / 3) * row + (p + q + t % 3) * c + j;
                            acc[q] = acc[q].add(V::load(xp.add(at)).mul(wv[t]));
                        }
                    }
                    for q in 0..n {
                        acc[q].store(yp.add((p + q) * c + j));
                    }
                    p += n;
                }
                j += V::LANES;
            }
        }
    }
}

/// Adds the gradients of a depthwise convolution's weights `[9, c]` and bias.
///
/// # Safety
/// As [`conv`].
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(crate) unsafe fn depthwise_grad<V: Vector>(
    h: usize,
    w: usize,
    c: usize,
    x: &[f32],
    g: &[f32],
    dw: &mut [f32],
    db: &mut [f32],
) {
    unsafe {
        let row = (w + 2) * c;
        for r in 0..h {
            let gp = g.as_ptr().add((r + 1) * row + c);
            let xp = x.as_ptr().add(r * row);
            let mut j = 0;
            while j < c {
                let mut acc = [V::splat(0.0); 9];
                for t in 0..9 {
                    acc[t] = V::load(dw.as_ptr().add(t * c + j));
                }
                let mut b = V::load(db.as_ptr().add(j));
                for p in 0..w {
                    let gv = V::load(gp.add(p * c + j));
                    b = b.add(gv);
                    for t in 0..9 {
                        let at = (t / 3) * row + (p + t % 3) * c + j;
                        acc[t] = acc[t].add(V::load(xp.add(at)).mul(gv));
                    }
                }
                for t in 0..9 {
                    acc[t].store(dw.as_mut_ptr().add(t * c + j));
                }
                b.store(db.as_mut_ptr().add(j));
                j += V::LANES;
            }
        }
    }
}

/// `y = x + gamma t + beta` for pixels of `c` channels, `gamma` and `beta` of `[c]`.
///
/// # Safety
/// CPU features of `V`; equal lengths of whole pixels, `c` a multiple of 8.
#[inline(always)]
pub(crate) unsafe fn modulate<V: Vector>(
    x: &[f32],
    t: &[f32],
    gamma: &[f32],
    beta: &[f32],
    y: &mut [f32],
) {
    unsafe {
        let c = gamma.len();
        let mut j = 0;
        while j < c {
            let g = V::load(gamma.as_ptr().add(j));
            let b = V::load(beta.as_ptr().add(j));
            let mut i = j;
            while i < x.len() {
                let v = V::load(t.as_ptr().add(i)).mul(g).add(b);
                V::load(x.as_ptr().add(i))
                    .add(v)
                    .store(y.as_mut_ptr().add(i));
                i += c;
            }
            j += V::LANES;
        }
    }
}

/// `clamp(x + 3, 0, 6)`.
#[inline(always)]
unsafe fn gate<V: Vector>(x: V) -> V {
    unsafe {
        let (zero, six) = (V::splat(0.0), V::splat(6.0));
        let a = x.add(V::splat(3.0));
        let a = V::select_lt(a, zero, zero, a);
        V::select_lt(six, a, six, a)
    }
}

/// Hard swish, `x clamp(x + 3, 0, 6) / 6` (Howard et al. 2019, section 5.2); a length of whole eights.
///
/// # Safety
/// CPU features of `V`; equal lengths, a multiple of 8.
#[inline(always)]
pub(crate) unsafe fn hard_swish<V: Vector>(x: &[f32], y: &mut [f32]) {
    unsafe {
        let sixth = V::splat(1.0 / 6.0);
        let mut i = 0;
        while i < x.len() {
            let v = V::load(x.as_ptr().add(i));
            v.mul(gate(v)).mul(sixth).store(y.as_mut_ptr().add(i));
            i += V::LANES;
        }
    }
}

/// `g` times the derivative of [`hard_swish`] at `x`, in place.
///
/// # Safety
/// As [`hard_swish`].
#[inline(always)]
pub(crate) unsafe fn hard_swish_grad<V: Vector>(x: &[f32], g: &mut [f32]) {
    unsafe {
        let (sixth, third) = (V::splat(1.0 / 6.0), V::splat(1.0 / 3.0));
        let (zero, one, three) = (V::splat(0.0), V::splat(1.0), V::splat(3.0));
        let mut i = 0;
        while i < x.len() {
            let v = V::load(x.as_ptr().add(i));
            // (2 x + 3) / 6 inside, 0 below -3, 1 above 3.
            let inside = v.mul(third).add(three.mul(sixth));
            let d = V::select_lt(three, v, one, inside);
            let d = V::select_lt(v, zero.sub(three), zero, d);
            let p = g.as_mut_ptr().add(i);
            V::load(p).mul(d).store(p);
            i += V::LANES;
        }
    }
}
