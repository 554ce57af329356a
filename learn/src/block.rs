//! The ConvNeXt block as one operation, which needs a tenth of the memory traffic of its parts.

use nc_core::Result;

use crate::conv::{Window, channelwise, channelwise_back};
use crate::dense::{add_bias, column_sums, mul, mul_at, mul_bt};
use crate::math::sigmoid;
use crate::misfit;
use crate::norm::{affine, rows_to_unit, rows_to_unit_back};
use crate::tape::Node;

/// Parameters of a ConvNeXt block, in the order that [`convnext`] takes them.
pub const CONVNEXT: [&str; 9] = [
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

/// A ConvNeXt block (Liu et al. 2022): depthwise convolution, layer norm, linear up, quick GELU, linear down, learned
/// scale, residual.
///
/// `x [images * pixels, C]`; `p` in the order of [`CONVNEXT`], with shapes `[taps, C]`, `[1, C]`, `[1, C]`, `[1, C]`,
/// `[H, C]`, `[1, H]`, `[C, H]`, `[1, C]`, `[1, C]`. The window's output must be as large as its image.
///
/// # Errors
/// [`nc_core::Error::Internal`] for other sizes.
pub fn convnext<'t>(x: &Node<'t>, p: &[Node<'t>; 9], window: Window) -> Result<Node<'t>> {
    let [rows, c] = x.dims();
    let [h, _] = p[4].dims();
    let size = window.output()?;
    let [lines, cols] = size;
    let taps = window.kernel[0] * window.kernel[1];
    let vector = [1, c];
    let wanted = [
        [taps, c],
        vector,
        vector,
        vector,
        [h, c],
        [1, h],
        [c, h],
        vector,
        vector,
    ];
    let whole = size == window.size && rows.is_multiple_of(lines * cols);
    if !whole || p.each_ref().map(Node::dims) != wanted {
        return Err(misfit("convnext: other sizes"));
    }
    let xv = x.shared();
    let [dw, dwb, g, b, up, upb, down, downb, scale] = p.each_ref().map(Node::shared);
    let n = rows_to_unit(&channelwise(&xv, &dw, &dwb, &window, size), c);
    let z = affine(&n.unit, &g, &b);
    let mut pre = mul_bt(&z, &up, rows, c, h);
    add_bias(&mut pre, &upb);
    let sig: Vec<f32> = pre.iter().map(|v| sigmoid(1.702 * v)).collect();
    let act: Vec<f32> = pre.iter().zip(&sig).map(|(v, s)| v * s).collect();
    let mut y = mul_bt(&act, &down, rows, h, c);
    add_bias(&mut y, &downb);
    let mut out = xv.to_vec();
    for (o, y) in out.chunks_exact_mut(c).zip(y.chunks_exact(c)) {
        for ((o, y), s) in o.iter_mut().zip(y).zip(scale.iter()) {
            *o += s * y;
        }
    }
    let inputs = [
        x, &p[0], &p[1], &p[2], &p[3], &p[4], &p[5], &p[6], &p[7], &p[8],
    ];
    x.tape().op(inputs, out, [rows, c], move |grad, _| {
        let mut dscale = vec![0.0; c];
        let mut dy = grad.clone();
        for (d, y) in dy.chunks_exact_mut(c).zip(y.chunks_exact(c)) {
            for (((d, y), s), ds) in d.iter_mut().zip(y).zip(scale.iter()).zip(&mut dscale) {
                *ds += *d * y;
                *d *= s;
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
        let (du, dg, db) = rows_to_unit_back(&dz, &n, &g);
        // The residual path.
        let mut dx = grad;
        let ddw = channelwise_back(&du, &xv, &dw, &window, size, &mut dx);
        let ddwb = column_sums(&du, c);
        Ok([dx, ddw, ddwb, dg, db, dup, dupb, ddown, ddownb, dscale].map(Some))
    })
}
