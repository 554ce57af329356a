//! A batch in parts, each with a tape of its own.

use nc_core::Result;
use rayon::prelude::*;

use crate::misfit;

/// The mean over `parts` of the gradients that `work` gives, and what else it gives of each.
///
/// Runs in the pool that it is called in. Gradients are added in the order of the parts, so the result depends on how
/// the batch was cut but not on the number of threads.
///
/// # Errors
/// The first of `work`; [`nc_core::Error::Internal`] for no parts, or gradients of different sizes.
pub fn gradients<T: Send, R: Send>(
    parts: Vec<T>,
    work: impl Fn(T) -> Result<(Vec<Vec<f32>>, R)> + Sync + Send,
) -> Result<(Vec<Vec<f32>>, Vec<R>)> {
    let share = 1.0 / parts.len().max(1) as f32;
    let made: Result<Vec<_>> = parts.into_par_iter().map(work).collect();
    let mut sum: Option<Vec<Vec<f32>>> = None;
    let mut rest = Vec::new();
    for (grads, r) in made? {
        rest.push(r);
        let Some(sum) = &mut sum else {
            sum = Some(grads);
            continue;
        };
        let pairs = sum.iter().zip(&grads);
        if sum.len() != grads.len() || pairs.into_iter().any(|(a, b)| a.len() != b.len()) {
            return Err(misfit("parts with gradients of different sizes"));
        }
        for (s, g) in sum.iter_mut().zip(&grads) {
            s.iter_mut().zip(g).for_each(|(s, g)| *s += g);
        }
    }
    let mut sum = sum.ok_or_else(|| misfit("a batch of no parts"))?;
    sum.iter_mut().flatten().for_each(|g| *g *= share);
    Ok((sum, rest))
}
