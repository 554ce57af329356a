//! Passing gradients through what has none.

use nc_core::Result;

use crate::misfit;
use crate::tape::Node;

/// The straight-through estimator: value `coded`, gradient passed on to `z` as it is, plus that of
/// `beta * mean (z - coded)^2`, which keeps `z` near its code (van den Oord et al. 2017, equation 3).
///
/// # Errors
/// [`nc_core::Error::Internal`] for a code of another size.
pub fn straight_through<'t>(z: &Node<'t>, coded: Vec<f32>, beta: f32) -> Result<Node<'t>> {
    let zv = z.values();
    if coded.len() != zv.len() {
        return Err(misfit("a code of another size"));
    }
    let k = 2.0 * beta / zv.len().max(1) as f32;
    let pull: Vec<f32> = zv.iter().zip(&coded).map(|(z, c)| k * (z - c)).collect();
    z.tape().op([z], coded, z.dims(), move |mut g, _| {
        g.iter_mut().zip(&pull).for_each(|(g, p)| *g += p);
        Ok([Some(g)])
    })
}
