//! Hand-written layers with their gradients: linear, ConvNeXt block.
//!
//! Activations are `[rows, channels]`, rows being frames of one sequence after another. Each
//! call runs on one thread: training runs half a batch on each core instead, which needs no
//! synchronisation inside a step.

use std::sync::Arc;

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::op::{Node, custom, values};
use crate::config::TAPS;

fn view(x: &[f32], rows: usize, cols: usize) -> ArrayView2<'_, f32> {
    match ArrayView2::from_shape((rows, cols), x) {
        Ok(v) => v,
        Err(_) => unreachable!("lengths are made here"),
    }
}

/// `a [m, k]` times `b [n, k]` transposed, plus nothing: `[m, n]`.
fn mul_bt(a: &[f32], b: &[f32], m: usize, k: usize, n: usize) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    into(&mut out, m, n, 0.0, view(a, m, k), view(b, n, k).t());
    out
}

/// `a [m, k]` times `b [k, n]`: `[m, n]`.
fn mul(a: &[f32], b: &[f32], m: usize, k: usize, n: usize) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    into(&mut out, m, n, 0.0, view(a, m, k), view(b, k, n));
    out
}

/// `a [k, m]` transposed times `b [k, n]`: `[m, n]`.
fn mul_at(a: &[f32], b: &[f32], k: usize, m: usize, n: usize) -> Vec<f32> {
    let mut out = vec![0.0; m * n];
    into(&mut out, m, n, 0.0, view(a, k, m).t(), view(b, k, n));
    out
}

fn into(out: &mut [f32], m: usize, n: usize, beta: f32, a: ArrayView2<f32>, b: ArrayView2<f32>) {
    if let Ok(mut o) = ArrayViewMut2::from_shape((m, n), out) {
        general_mat_mul(1.0, &a, &b, beta, &mut o);
    }
}

fn add_bias(x: &mut [f32], b: &[f32]) {
    for row in x.chunks_exact_mut(b.len()) {
        for (x, b) in row.iter_mut().zip(b) {
            *x += b;
        }
    }
}

fn column_sums(x: &[f32], cols: usize) -> Vec<f32> {
    let mut out = vec![0.0; cols];
    for row in x.chunks_exact(cols) {
        for (o, x) in out.iter_mut().zip(row) {
            *o += x;
        }
    }
    out
}

/// `x [rows, in] -> [rows, out]` with `w [out, in]`, `b [1, out]`.
pub fn linear(x: &Node, w: &Node, b: &Node) -> Node {
    let [rows, cin] = x.dims();
    let [cout, _] = w.dims();
    let (xv, wv) = (Arc::new(values(x)), Arc::new(values(w)));
    let mut out = mul_bt(&xv, &wv, rows, cin, cout);
    add_bias(&mut out, &values(b));
    custom([x, w, b], out, [rows, cout], move |g| {
        [
            Some(mul(g, &wv, rows, cout, cin)),
            Some(mul_at(g, &xv, rows, cout, cin)),
            Some(column_sums(g, cout)),
        ]
    })
}

/// The sigmoid's exponential: 2^n times a polynomial, about 1e-6 relative, vectorisable.
#[inline]
fn exp(x: f32) -> f32 {
    let x = x.clamp(-80.0, 80.0) * std::f32::consts::LOG2_E;
    let n = (x + 12_582_912.0) - 12_582_912.0;
    let f = (x - n) * std::f32::consts::LN_2;
    let p = 1.0 + f * (1.0 + f * (0.5 + f * (0.166_666_6 + f * (0.041_666_2 + f * 0.008_363))));
    f32::from_bits(((n as i32 + 127) << 23) as u32) * p
}

/// Parameters of a ConvNeXt block, in the order that [`convnext`] takes them.
pub const BLOCK: [&str; 9] = [
    "dw.weight",
    "dw.bias",
    "norm.weight",
    "norm.bias",
    "up.weight",
    "up.bias",
    "down.weight",
    "down.bias",
    "scale",
];

/// Epsilon of the layer norm.
pub const NORM_EPS: f32 = 1e-5;

struct Normed {
    unit: Vec<f32>,
    rstd: Vec<f32>,
}

fn layer_norm(x: &[f32], c: usize) -> Normed {
    let mut unit = vec![0.0; x.len()];
    let mut rstd = Vec::with_capacity(x.len() / c);
    for (row, out) in x.chunks_exact(c).zip(unit.chunks_exact_mut(c)) {
        let mean = row.iter().sum::<f32>() / c as f32;
        let var = row.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / c as f32;
        let r = 1.0 / (var + NORM_EPS).sqrt();
        for (o, v) in out.iter_mut().zip(row) {
            *o = (v - mean) * r;
        }
        rstd.push(r);
    }
    Normed { unit, rstd }
}

fn affine(unit: &[f32], g: &[f32], b: &[f32]) -> Vec<f32> {
    let mut out = unit.to_vec();
    for row in out.chunks_exact_mut(g.len()) {
        for ((o, g), b) in row.iter_mut().zip(g).zip(b) {
            *o = *o * g + b;
        }
    }
    out
}

/// Gradients of `unit * g + b` through the normalisation: (input, g, b).
fn layer_norm_back(grad: &[f32], n: &Normed, g: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let c = g.len();
    let mut dx = vec![0.0; grad.len()];
    let mut dg = vec![0.0; c];
    let mut tmp = vec![0.0; c];
    for (((gr, u), out), r) in grad
        .chunks_exact(c)
        .zip(n.unit.chunks_exact(c))
        .zip(dx.chunks_exact_mut(c))
        .zip(&n.rstd)
    {
        let (mut s, mut su) = (0.0, 0.0);
        for i in 0..c {
            dg[i] += gr[i] * u[i];
            tmp[i] = gr[i] * g[i];
            s += tmp[i];
            su += tmp[i] * u[i];
        }
        let (s, su) = (s / c as f32, su / c as f32);
        for i in 0..c {
            out[i] = r * (tmp[i] - s - u[i] * su);
        }
    }
    (dx, dg, column_sums(grad, c))
}

/// Layer norm over channels: `x [rows, C]`, `g [1, C]`, `b [1, C]`.
pub fn norm(x: &Node, g: &Node, b: &Node) -> Node {
    let [rows, c] = x.dims();
    let gv = values(g);
    let n = layer_norm(&values(x), c);
    let out = affine(&n.unit, &gv, &values(b));
    custom([x, g, b], out, [rows, c], move |grad| {
        let (dx, dg, db) = layer_norm_back(grad, &n, &gv);
        [Some(dx), Some(dg), Some(db)]
    })
}

fn depthwise(x: &[f32], w: &[f32], b: &[f32], frames: usize, c: usize) -> Vec<f32> {
    let mut out = vec![0.0; x.len()];
    let pad = TAPS / 2;
    for (xs, os) in x
        .chunks_exact(frames * c)
        .zip(out.chunks_exact_mut(frames * c))
    {
        for t in 0..frames {
            let o = &mut os[t * c..(t + 1) * c];
            o.copy_from_slice(b);
            for k in 0..TAPS {
                let Some(s) = (t + k).checked_sub(pad).filter(|s| *s < frames) else {
                    continue;
                };
                for ((o, x), w) in o
                    .iter_mut()
                    .zip(&xs[s * c..(s + 1) * c])
                    .zip(&w[k * c..(k + 1) * c])
                {
                    *o += x * w;
                }
            }
        }
    }
    out
}

/// Gradients of the depthwise convolution: adds to `dx`, gives the weight's.
fn depthwise_back(
    g: &[f32],
    x: &[f32],
    w: &[f32],
    frames: usize,
    c: usize,
    dx: &mut [f32],
) -> Vec<f32> {
    let mut dw = vec![0.0; TAPS * c];
    let pad = TAPS / 2;
    let n = frames * c;
    for ((gs, xs), ds) in g
        .chunks_exact(n)
        .zip(x.chunks_exact(n))
        .zip(dx.chunks_exact_mut(n))
    {
        for t in 0..frames {
            let gr = &gs[t * c..(t + 1) * c];
            for k in 0..TAPS {
                let Some(s) = (t + k).checked_sub(pad).filter(|s| *s < frames) else {
                    continue;
                };
                let (wk, dk) = (&w[k * c..(k + 1) * c], &mut dw[k * c..(k + 1) * c]);
                let (xr, dr) = (&xs[s * c..(s + 1) * c], &mut ds[s * c..(s + 1) * c]);
                for i in 0..c {
                    dr[i] += gr[i] * wk[i];
                    dk[i] += gr[i] * xr[i];
                }
            }
        }
    }
    dw
}

/// A ConvNeXt block (Liu et al. 2022) over time: depthwise convolution of 7 taps, layer norm,
/// linear up, quick GELU (`x sigmoid(1.702 x)`), linear down, learned scale, residual.
///
/// `x [sequences * frames, C]`; `p` in the order of [`BLOCK`], with shapes `[7, C]`, `[1, C]`,
/// `[1, C]`, `[1, C]`, `[H, C]`, `[1, H]`, `[C, H]`, `[1, C]`, `[1, C]`.
pub fn convnext(x: &Node, p: &[Node; 9], frames: usize) -> Node {
    let [rows, c] = x.dims();
    let [h, _] = p[4].dims();
    let xv = values(x);
    let [dw, dwb, g, b, up, upb, down, downb, scale] = p.each_ref().map(values);
    let n = layer_norm(&depthwise(&xv, &dw, &dwb, frames, c), c);
    let z = affine(&n.unit, &g, &b);
    let mut pre = mul_bt(&z, &up, rows, c, h);
    add_bias(&mut pre, &upb);
    let sig: Vec<f32> = pre.iter().map(|v| 1.0 / (1.0 + exp(-1.702 * v))).collect();
    let act: Vec<f32> = pre.iter().zip(&sig).map(|(v, s)| v * s).collect();
    let mut y = mul_bt(&act, &down, rows, h, c);
    add_bias(&mut y, &downb);
    let mut out = xv.clone();
    for (o, y) in out.chunks_exact_mut(c).zip(y.chunks_exact(c)) {
        for i in 0..c {
            o[i] += scale[i] * y[i];
        }
    }
    let inputs = [
        x, &p[0], &p[1], &p[2], &p[3], &p[4], &p[5], &p[6], &p[7], &p[8],
    ];
    custom(inputs, out, [rows, c], move |grad| {
        let mut dscale = vec![0.0; c];
        let mut dy = grad.to_vec();
        for (d, y) in dy.chunks_exact_mut(c).zip(y.chunks_exact(c)) {
            for i in 0..c {
                dscale[i] += d[i] * y[i];
                d[i] *= scale[i];
            }
        }
        let ddown = mul_at(&dy, &act, rows, c, h);
        let ddownb = column_sums(&dy, c);
        let mut dpre = mul(&dy, &down, rows, c, h);
        for ((d, v), s) in dpre.iter_mut().zip(&pre).zip(&sig) {
            *d *= s * (1.0 + 1.702 * v * (1.0 - s));
        }
        let dup = mul_at(&dpre, &z, rows, h, c);
        let dupb = column_sums(&dpre, h);
        let dz = mul(&dpre, &up, rows, h, c);
        let (du, dg, db) = layer_norm_back(&dz, &n, &g);
        let mut dx = grad.to_vec();
        let ddw = depthwise_back(&du, &xv, &dw, frames, c, &mut dx);
        let ddwb = column_sums(&du, c);
        [dx, ddw, ddwb, dg, db, dup, dupb, ddown, ddownb, dscale].map(Some)
    })
}
