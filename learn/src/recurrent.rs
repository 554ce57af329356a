//! Gated recurrent layers.

use nc_core::Result;

use crate::dense::{add_bias, column_sums, mul, mul_at, mul_bt};
use crate::linear::linear;
use crate::math::{sigmoid, tanh};
use crate::misfit;
use crate::tape::Node;

/// Parameters of a GRU, in the order that [`gru`] takes them.
pub const GRU: [&str; 4] = ["in.weight", "in.bias", "hidden.weight", "hidden.bias"];

/// A gated recurrent unit (Cho et al. 2014), in the form with the reset behind the product that common libraries use:
/// `r = sigmoid(xr + hr)`, `z = sigmoid(xz + hz)`, `n = tanh(xn + r hn)`, `h' = (1 - z) n + z h`.
///
/// `x [sequences * frames, in]`; `p` in the order of [`GRU`] with shapes `[3 H, in]`, `[1, 3 H]`, `[3 H, H]`, `[1, 3 H]`, the
/// parts for r, z and n one after another; `state [sequences, H]` before the first frame. Gives the states after every
/// frame, `[sequences * frames, H]`.
///
/// # Errors
/// [`nc_core::Error::Internal`] for sizes that do not fit.
pub fn gru<'t>(
    x: &Node<'t>,
    p: &[Node<'t>; 4],
    state: &Node<'t>,
    frames: usize,
) -> Result<Node<'t>> {
    let [rows, _] = x.dims();
    let [seqs, h] = state.dims();
    if rows != seqs * frames || p[2].dims() != [3 * h, h] || p[3].dims() != [1, 3 * h] {
        return Err(misfit("gru: other sizes"));
    }
    let gates = linear(x, &p[0], &p[1])?;
    if gates.dims() != [rows, 3 * h] {
        return Err(misfit("gru: other sizes"));
    }
    let (gv, wv) = (gates.shared(), p[2].shared());
    // Of every row: r, z, n and the hidden part of n; and the state before it.
    let mut kept = vec![0.0; rows * 4 * h];
    let mut before = vec![0.0; rows * h];
    let mut out = vec![0.0; rows * h];
    let mut now = state.values().to_vec();
    for t in 0..frames {
        let mut hidden = mul_bt(&now, &wv, seqs, h, 3 * h);
        add_bias(&mut hidden, p[3].values());
        for (s, (now, hidden)) in now
            .chunks_exact_mut(h)
            .zip(hidden.chunks_exact(3 * h))
            .enumerate()
        {
            let row = s * frames + t;
            before[row * h..][..h].copy_from_slice(now);
            let x = &gv[row * 3 * h..][..3 * h];
            let kept = &mut kept[row * 4 * h..][..4 * h];
            for i in 0..h {
                let r = sigmoid(x[i] + hidden[i]);
                let z = sigmoid(x[h + i] + hidden[h + i]);
                let hn = hidden[2 * h + i];
                let n = tanh(x[2 * h + i] + r * hn);
                now[i] = (1.0 - z) * n + z * now[i];
                (kept[i], kept[h + i], kept[2 * h + i], kept[3 * h + i]) = (r, z, n, hn);
            }
            out[row * h..][..h].copy_from_slice(now);
        }
    }
    let inputs = [&gates, &p[2], &p[3], state];
    x.tape().op(inputs, out, [rows, h], move |grad, _| {
        let mut dgates = vec![0.0; rows * 3 * h];
        let mut dhidden = vec![0.0; rows * 3 * h];
        let mut later = vec![0.0; seqs * h];
        let mut step = vec![0.0; seqs * 3 * h];
        for t in (0..frames).rev() {
            for (s, later) in later.chunks_exact_mut(h).enumerate() {
                let row = s * frames + t;
                let kept = &kept[row * 4 * h..][..4 * h];
                let before = &before[row * h..][..h];
                let dx = &mut dgates[row * 3 * h..][..3 * h];
                let dh = &mut step[s * 3 * h..][..3 * h];
                for i in 0..h {
                    let (r, z, n, hn) = (kept[i], kept[h + i], kept[2 * h + i], kept[3 * h + i]);
                    let d = grad[row * h + i] + later[i];
                    let dn = d * (1.0 - z) * (1.0 - n * n);
                    let dz = d * (before[i] - n) * z * (1.0 - z);
                    let dr = dn * hn * r * (1.0 - r);
                    (dx[i], dx[h + i], dx[2 * h + i]) = (dr, dz, dn);
                    (dh[i], dh[h + i], dh[2 * h + i]) = (dr, dz, dn * r);
                    later[i] = d * z;
                }
                dhidden[row * 3 * h..][..3 * h].copy_from_slice(dh);
            }
            let through = mul(&step, &wv, seqs, 3 * h, h);
            later.iter_mut().zip(&through).for_each(|(l, t)| *l += t);
        }
        let dw = mul_at(&dhidden, &before, rows, 3 * h, h);
        let db = column_sums(&dhidden, 3 * h);
        Ok([Some(dgates), Some(dw), Some(db), Some(later)])
    })
}
