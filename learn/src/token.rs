//! Symbols: cross entropy. (An embedding is [`crate::arithmetic::gather`] of a table's rows.)

use nc_core::Result;

use crate::misfit;
use crate::tape::Node;

/// The sum over rows of `-log2 softmax(logits)[id]`: bits, `[1, 1]`.
///
/// # Errors
/// [`nc_core::Error::Internal`] for other than one symbol for each row, or one that there is not.
pub fn cross_entropy<'t>(logits: &Node<'t>, ids: Vec<u16>) -> Result<Node<'t>> {
    let [rows, k] = logits.dims();
    if ids.len() != rows || ids.iter().any(|id| usize::from(*id) >= k) {
        return Err(misfit("cross entropy: one symbol for each row"));
    }
    let mut p = logits.values().to_vec();
    let mut nats = 0.0f64;
    for (row, id) in p.chunks_exact_mut(k).zip(&ids) {
        let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let wanted = row[usize::from(*id)] - top;
        row.iter_mut().for_each(|v| *v = crate::math::exp(*v - top));
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|v| *v /= sum);
        nats += f64::from(sum).ln() - f64::from(wanted);
    }
    let bits = (nats / std::f64::consts::LN_2) as f32;
    logits
        .tape()
        .op([logits], vec![bits], [1, 1], move |up, _| {
            let s = up[0] * std::f32::consts::LOG2_E;
            p.iter_mut().for_each(|p| *p *= s);
            for (row, id) in p.chunks_exact_mut(k).zip(&ids) {
                row[usize::from(*id)] -= s;
            }
            Ok([Some(p)])
        })
}
