//! Linear layer: y [t, out] = x [t, k] W^T + bias over packed weights.
//!
//! Every output has one accumulator that starts at 0 and takes `x[t][k] * w[o][k]` for k ascending, then the bias.
//! Vectors run over outputs, so that the order of a sum does not depend on the number of lanes; the accumulators of
//! a tile stay in registers over the whole of k. The tile of 6 rows x 2 vectors of 8 has 12 independent chains, which
//! hides the latency of the addition, and 8 loads for 12 multiply-adds.
#![allow(unsafe_code)]
#![allow(clippy::needless_range_loop)] // fixed-size loops that the compiler must unroll into registers

use crate::vector::Vector;

/// Outputs in a panel of packed weights, a multiple of every level's lanes.
pub(crate) const PANEL: usize = 32;
/// Rows whose packed copy is made at once: 96 x 256 inputs are 96 KiB, an easy fit for a second-level cache.
const ROWS: usize = 96;

/// Elements of a packed copy that is kept on the stack.
const FEW: usize = 512;

/// One tile: `x` packed [k, MR], `w` the panel at the tile's first output; writes `MR` rows of `NV` vectors.
#[inline(always)]
unsafe fn tile<V: Vector, const MR: usize, const NV: usize>(
    k: usize,
    x: *const f32,
    w: *const f32,
    bias: *const f32,
) -> [[V; NV]; MR] {
    unsafe {
        let mut acc = [[V::splat(0.0); NV]; MR];
        for i in 0..k {
            let mut wv = [V::splat(0.0); NV];
            for v in 0..NV {
                wv[v] = V::load(w.add(i * PANEL + v * V::LANES));
            }
            for r in 0..MR {
                let xv = V::splat(*x.add(i * MR + r));
                for v in 0..NV {
                    acc[r][v] = acc[r][v].add(xv.mul(wv[v]));
                }
            }
        }
        for v in 0..NV {
            let b = V::load(bias.add(v * V::LANES));
            for r in 0..MR {
                acc[r][v] = acc[r][v].add(b);
            }
        }
        acc
    }
}

/// Writes the columns `col..` of one row, as many as exist.
#[inline(always)]
unsafe fn put<V: Vector, const NV: usize>(row: [V; NV], col: usize, out: usize, y: *mut f32) {
    unsafe {
        if col + NV * V::LANES <= out {
            for v in 0..NV {
                row[v].store(y.add(col + v * V::LANES));
            }
        } else {
            let mut edge = [0f32; PANEL];
            for v in 0..NV {
                row[v].store(edge.as_mut_ptr().add(v * V::LANES));
            }
            for (c, e) in edge.iter().enumerate().take(out.saturating_sub(col)) {
                *y.add(col + c) = *e;
            }
        }
    }
}

/// `MR` rows from the packed block `x`, against the panel that starts at output `first`.
#[inline(always)]
unsafe fn block<V: Vector, const MR: usize>(
    k: usize,
    out: usize,
    first: usize,
    x: *const f32,
    w: *const f32,
    bias: *const f32,
    y: *mut f32,
) {
    unsafe {
        let mut col = 0;
        while col < PANEL && first + col < out {
            let acc = tile::<V, MR, 2>(k, x, w.add(col), bias.add(first + col));
            // Indices, not iterators by value: these copy the tile through memory, at a third of the speed.
            for r in 0..MR {
                put::<V, 2>(acc[r], first + col, out, y.add(r * out));
            }
            col += 2 * V::LANES;
        }
    }
}

/// A single row, `P` panels of `NV` vectors at once: eight independent chains hide the addition's latency.
#[inline(always)]
unsafe fn single<V: Vector, const NV: usize, const P: usize>(
    k: usize,
    out: usize,
    x: *const f32,
    w: *const f32,
    bias: *const f32,
    y: *mut f32,
) {
    unsafe {
        let panels = out.div_ceil(PANEL);
        let mut p = 0;
        while p + P <= panels {
            many::<V, NV, P>(k, out, p, x, w, bias, y);
            p += P;
        }
        while p < panels {
            many::<V, NV, 1>(k, out, p, x, w, bias, y);
            p += 1;
        }
    }
}

#[inline(always)]
unsafe fn many<V: Vector, const NV: usize, const P: usize>(
    k: usize,
    out: usize,
    p: usize,
    x: *const f32,
    w: *const f32,
    bias: *const f32,
    y: *mut f32,
) {
    unsafe {
        let mut acc = [[V::splat(0.0); NV]; P];
        let base = w.add(p * k * PANEL);
        for i in 0..k {
            let xv = V::splat(*x.add(i));
            for q in 0..P {
                for v in 0..NV {
                    let wv = V::load(base.add((q * k + i) * PANEL + v * V::LANES));
                    acc[q][v] = acc[q][v].add(xv.mul(wv));
                }
            }
        }
        for q in 0..P {
            let first = (p + q) * PANEL;
            for v in 0..NV {
                acc[q][v] = acc[q][v].add(V::load(bias.add(first + v * V::LANES)));
            }
            put::<V, NV>(acc[q], first, out, y);
        }
    }
}

/// Copies `mr` rows of x as [k, mr].
#[inline(always)]
fn pack(mr: usize, k: usize, x: &[f32], to: &mut [f32]) {
    for (r, row) in x.chunks_exact(k).take(mr).enumerate() {
        for (i, v) in row.iter().enumerate() {
            to[i * mr + r] = *v;
        }
    }
}

/// y [t, out] = x [t, k] W^T + bias.
///
/// # Safety
/// CPU features of `V`; x.len() = t k, y.len() = t out, k > 0, out > 0, w.len() = panels k PANEL,
/// bias.len() = panels PANEL, NV V::LANES = PANEL.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
pub(crate) unsafe fn linear<V: Vector, const MR: usize, const NV: usize, const P: usize>(
    t: usize,
    k: usize,
    out: usize,
    x: &[f32],
    w: &[f32],
    bias: &[f32],
    y: &mut [f32],
) {
    unsafe {
        let (wp, bp) = (w.as_ptr(), bias.as_ptr());
        if t == 1 {
            single::<V, NV, P>(k, out, x.as_ptr(), wp, bp, y.as_mut_ptr());
            return;
        }
        // Small ones on the stack: a call for a few rows of a few inputs is shorter than an allocation.
        let (mut few, mut many);
        let size = k * t.min(ROWS);
        let packed: &mut [f32] = if size <= FEW {
            few = [0f32; FEW];
            &mut few
        } else {
            many = vec![0f32; size];
            &mut many
        };
        for (x, y) in x.chunks(ROWS * k).zip(y.chunks_mut(ROWS * out)) {
            let rows = x.len() / k;
            // The blocks of this chunk: as many of MR rows as fit, then 4, 2 and 1.
            let step = |r: usize| match rows - r {
                n if n >= MR => MR,
                n if n >= 4 => 4,
                n if n >= 2 => 2,
                _ => 1,
            };
            let mut r = 0;
            while r < rows {
                let mr = step(r);
                pack(mr, k, &x[r * k..], &mut packed[r * k..(r + mr) * k]);
                r += mr;
            }
            let mut first = 0;
            while first < out {
                let wf = wp.add(first * k);
                let mut r = 0;
                while r < rows {
                    let mr = step(r);
                    let xp = packed.as_ptr().add(r * k);
                    let yp = y.as_mut_ptr().add(r * out);
                    if mr == MR {
                        block::<V, MR>(k, out, first, xp, wf, bp, yp);
                    } else if mr == 4 {
                        block::<V, 4>(k, out, first, xp, wf, bp, yp);
                    } else if mr == 2 {
                        block::<V, 2>(k, out, first, xp, wf, bp, yp);
                    } else {
                        block::<V, 1>(k, out, first, xp, wf, bp, yp);
                    }
                    r += mr;
                }
                first += PANEL;
            }
        }
    }
}
