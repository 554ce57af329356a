//! Products with matrices.

use nc_core::Result;

use crate::dense::{add_bias, column_sums, mul, mul_at, mul_bt};
use crate::misfit;
use crate::tape::Node;

/// `x [rows, in] -> [rows, out]` with `w [out, in]` and `b [1, out]`.
///
/// # Errors
/// [`nc_core::Error::Internal`] for sizes that do not chain.
pub fn linear<'t>(x: &Node<'t>, w: &Node<'t>, b: &Node<'t>) -> Result<Node<'t>> {
    let ([rows, cin], [cout, width]) = (x.dims(), w.dims());
    if width != cin || b.dims() != [1, cout] {
        return Err(misfit("linear: sizes that do not chain"));
    }
    let (xv, wv) = (x.shared(), w.shared());
    let mut out = mul_bt(&xv, &wv, rows, cin, cout);
    add_bias(&mut out, b.values());
    x.tape().op([x, w, b], out, [rows, cout], move |g, wanted| {
        Ok([
            wanted[0].then(|| mul(&g, &wv, rows, cout, cin)),
            wanted[1].then(|| mul_at(&g, &xv, rows, cout, cin)),
            wanted[2].then(|| column_sums(&g, cout)),
        ])
    })
}

/// `a [m, k]` times `b [n, k]` transposed: `[m, n]`, both with gradients.
///
/// # Errors
/// [`nc_core::Error::Internal`] for sizes that do not chain.
pub fn product<'t>(a: &Node<'t>, b: &Node<'t>) -> Result<Node<'t>> {
    let ([m, k], [n, width]) = (a.dims(), b.dims());
    if k != width {
        return Err(misfit("product: sizes that do not chain"));
    }
    let (av, bv) = (a.shared(), b.shared());
    let out = mul_bt(&av, &bv, m, k, n);
    a.tape().op([a, b], out, [m, n], move |g, wanted| {
        Ok([
            wanted[0].then(|| mul(&g, &bv, m, n, k)),
            wanted[1].then(|| mul_at(&g, &av, m, n, k)),
        ])
    })
}
