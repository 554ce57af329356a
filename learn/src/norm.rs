//! Normalisations, of activations and of weights.

use nc_core::Result;

use crate::dense::column_sums;
use crate::misfit;
use crate::tape::Node;

/// What is added to a variance.
pub const EPSILON: f32 = 1e-5;

/// A normalised value and what its gradient needs.
pub(crate) struct Normed {
    /// Of mean 0 and variance 1.
    pub unit: Vec<f32>,
    /// Reciprocals of the standard deviations.
    pub rstd: Vec<f32>,
}

/// Each row of `c` brought to mean 0 and variance 1.
pub(crate) fn rows_to_unit(x: &[f32], c: usize) -> Normed {
    let mut unit = vec![0.0; x.len()];
    let mut rstd = Vec::with_capacity(x.len() / c);
    for (row, out) in x.chunks_exact(c).zip(unit.chunks_exact_mut(c)) {
        let mean = row.iter().sum::<f32>() / c as f32;
        let var = row.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / c as f32;
        let r = 1.0 / (var + EPSILON).sqrt();
        out.iter_mut()
            .zip(row)
            .for_each(|(o, v)| *o = (v - mean) * r);
        rstd.push(r);
    }
    Normed { unit, rstd }
}

/// `unit * g + b`, channel by channel.
pub(crate) fn affine(unit: &[f32], g: &[f32], b: &[f32]) -> Vec<f32> {
    let mut out = unit.to_vec();
    for row in out.chunks_exact_mut(g.len()) {
        for ((o, g), b) in row.iter_mut().zip(g).zip(b) {
            *o = *o * g + b;
        }
    }
    out
}

/// Gradients of `unit * g + b` through [`rows_to_unit`]: of the input, of g, of b.
pub(crate) fn rows_to_unit_back(
    grad: &[f32],
    n: &Normed,
    g: &[f32],
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
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

/// Layer norm over channels (Ba et al. 2016): `x [rows, C]`, `g [1, C]`, `b [1, C]`.
///
/// # Errors
/// [`nc_core::Error::Internal`] for other sizes.
pub fn layer_norm<'t>(x: &Node<'t>, g: &Node<'t>, b: &Node<'t>) -> Result<Node<'t>> {
    let [_, c] = x.dims();
    if g.dims() != [1, c] || b.dims() != [1, c] {
        return Err(misfit("layer norm: a scale and a shift for each channel"));
    }
    let gv = g.shared();
    let n = rows_to_unit(x.values(), c);
    let out = affine(&n.unit, &gv, b.values());
    x.tape().op([x, g, b], out, x.dims(), move |grad, _| {
        let (dx, dg, db) = rows_to_unit_back(&grad, &n, &gv);
        Ok([Some(dx), Some(dg), Some(db)])
    })
}

/// Layer norm without mean and shift (Zhang and Sennrich 2019): `x [rows, C]` by its root mean square, times `g [1, C]`.
///
/// # Errors
/// [`nc_core::Error::Internal`] for other sizes.
pub fn rms_norm<'t>(x: &Node<'t>, g: &Node<'t>) -> Result<Node<'t>> {
    let [rows, c] = x.dims();
    if g.dims() != [1, c] {
        return Err(misfit("rms norm: a scale for each channel"));
    }
    let (xv, gv) = (x.shared(), g.shared());
    let root = |row: &[f32]| {
        let square = row.iter().map(|v| v * v).sum::<f32>() / c as f32;
        1.0 / (square + EPSILON).sqrt()
    };
    let by: Vec<f32> = xv.chunks_exact(c).map(root).collect();
    let mut out = Vec::with_capacity(rows * c);
    for (row, r) in xv.chunks_exact(c).zip(&by) {
        out.extend(row.iter().zip(gv.iter()).map(|(x, g)| x * r * g));
    }
    x.tape().op([x, g], out, x.dims(), move |mut grad, _| {
        let mut dg = vec![0.0; c];
        for ((row, x), r) in grad.chunks_exact_mut(c).zip(xv.chunks_exact(c)).zip(&by) {
            let mut along = 0.0;
            for (((d, x), g), dg) in row.iter_mut().zip(x).zip(gv.iter()).zip(&mut dg) {
                *dg += *d * x * r;
                *d *= g;
                along += *d * x;
            }
            let away = along * r * r / c as f32;
            row.iter_mut()
                .zip(x)
                .for_each(|(d, x)| *d = r * (*d - x * away));
        }
        Ok([Some(grad), Some(dg)])
    })
}

/// Group norm (Wu and He 2018): each of `groups` groups of channels brought to mean 0 and variance 1 over itself and the
/// `positions` rows of a sequence or image, then scaled and shifted by `g` and `b`, `[1, C]`. With as many groups as
/// channels it is instance norm.
///
/// # Errors
/// [`nc_core::Error::Internal`] for other sizes.
pub fn group_norm<'t>(
    x: &Node<'t>,
    g: &Node<'t>,
    b: &Node<'t>,
    positions: usize,
    groups: usize,
) -> Result<Node<'t>> {
    let [rows, c] = x.dims();
    let whole = positions > 0 && rows % positions == 0 && groups > 0 && c % groups == 0;
    if !whole || g.dims() != [1, c] || b.dims() != [1, c] {
        return Err(misfit("group norm: other sizes"));
    }
    let (each, n) = (c / groups, (positions * c / groups) as f32);
    // Sums over one group of one image.
    let sums = move |x: &[f32], f: &dyn Fn(usize, usize) -> f32| {
        let mut out = vec![0.0f32; groups];
        for at in (0..x.len()).step_by(c) {
            for (i, o) in out.iter_mut().enumerate() {
                *o += (i * each..(i + 1) * each)
                    .map(|j| f(at + j, i))
                    .sum::<f32>();
            }
        }
        out
    };
    let mut unit = x.values().to_vec();
    let mut rstd = Vec::new();
    for x in unit.chunks_exact_mut(positions * c) {
        let mean: Vec<f32> = sums(x, &|k, _| x[k]).iter().map(|s| s / n).collect();
        let var = sums(x, &|k, i| (x[k] - mean[i]).powi(2));
        let r: Vec<f32> = var.iter().map(|v| 1.0 / (v / n + EPSILON).sqrt()).collect();
        for row in x.chunks_exact_mut(c) {
            for (j, x) in row.iter_mut().enumerate() {
                *x = (*x - mean[j / each]) * r[j / each];
            }
        }
        rstd.extend(r);
    }
    let gv = g.shared();
    let out = affine(&unit, &gv, b.values());
    x.tape().op([x, g, b], out, x.dims(), move |mut grad, _| {
        let db = column_sums(&grad, c);
        let mut dg = vec![0.0; c];
        let images = grad.chunks_exact_mut(positions * c);
        let units = unit.chunks_exact(positions * c);
        for ((d, u), r) in images.zip(units).zip(rstd.chunks_exact(groups)) {
            for (d, u) in d.chunks_exact_mut(c).zip(u.chunks_exact(c)) {
                for (((d, u), g), dg) in d.iter_mut().zip(u).zip(gv.iter()).zip(&mut dg) {
                    *dg += *d * u;
                    *d *= g;
                }
            }
            let sum = sums(d, &|k, _| d[k]);
            let along = sums(d, &|k, _| d[k] * u[k]);
            for (d, u) in d.chunks_exact_mut(c).zip(u.chunks_exact(c)) {
                for (j, (d, u)) in d.iter_mut().zip(u).enumerate() {
                    let i = j / each;
                    *d = r[i] * (*d - (sum[i] + u * along[i]) / n);
                }
            }
        }
        Ok([Some(grad), Some(dg), Some(db)])
    })
}

/// A weight in two parts, as discriminators take it (Salimans and Kingma 2016): each row of `v [out, n]` brought to the
/// length that `g [1, out]` says.
///
/// # Errors
/// [`nc_core::Error::Internal`] for other sizes.
pub fn weight_norm<'t>(v: &Node<'t>, g: &Node<'t>) -> Result<Node<'t>> {
    let [rows, n] = v.dims();
    if g.dims() != [1, rows] {
        return Err(misfit("weight norm: a length for each row"));
    }
    let (vv, gv) = (v.shared(), g.shared());
    let length = |row: &[f32]| row.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-12);
    let by: Vec<f32> = vv.chunks_exact(n).map(|r| 1.0 / length(r)).collect();
    let mut out = Vec::with_capacity(rows * n);
    for ((row, r), g) in vv.chunks_exact(n).zip(&by).zip(gv.iter()) {
        out.extend(row.iter().map(|v| v * r * g));
    }
    v.tape().op([v, g], out, v.dims(), move |mut grad, _| {
        let mut dg = Vec::with_capacity(rows);
        let each = grad.chunks_exact_mut(n).zip(vv.chunks_exact(n));
        for (((d, v), r), g) in each.zip(&by).zip(gv.iter()) {
            let along = d.iter().zip(v).map(|(d, v)| d * v).sum::<f32>() * r;
            dg.push(along);
            let pairs = d.iter_mut().zip(v);
            pairs.for_each(|(d, v)| *d = g * r * (*d - v * r * along));
        }
        Ok([Some(grad), Some(dg)])
    })
}
