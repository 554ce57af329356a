//! Distances from what is wanted, as one number `[1, 1]`.

use nc_core::Result;

use crate::misfit;
use crate::tape::Node;

/// The mean over elements of `value(x - wanted)`, whose derivative is `slope`.
fn mean_of<'t>(
    x: &Node<'t>,
    wanted: &[f32],
    value: impl Fn(f32) -> f32,
    slope: impl Fn(f32) -> f32,
) -> Result<Node<'t>> {
    let n = wanted.len();
    if n == 0 || x.values().len() != n {
        return Err(misfit("a loss against another number of values"));
    }
    let mut away: Vec<f32> = x.values().iter().zip(wanted).map(|(x, w)| x - w).collect();
    let sum: f64 = away.iter().map(|d| f64::from(value(*d))).sum();
    away.iter_mut().for_each(|d| *d = slope(*d) / n as f32);
    let out = vec![(sum / n as f64) as f32];
    x.tape().op([x], out, [1, 1], move |up, _| {
        away.iter_mut().for_each(|d| *d *= up[0]);
        Ok([Some(away)])
    })
}

/// Mean squared difference.
///
/// # Errors
/// [`nc_core::Error::Internal`] for another number of values, or none.
pub fn mean_squared<'t>(x: &Node<'t>, wanted: &[f32]) -> Result<Node<'t>> {
    mean_of(x, wanted, |d| d * d, |d| 2.0 * d)
}

/// Mean absolute difference; features of discriminators are matched by it.
///
/// # Errors
/// As [`mean_squared`].
pub fn mean_absolute<'t>(x: &Node<'t>, wanted: &[f32]) -> Result<Node<'t>> {
    mean_of(x, wanted, f32::abs, f32::signum)
}

/// The hinge loss of a discriminator: the mean of `max(0, 1 - sign x)`, `sign` being 1 for what is real and -1 for what is made.
///
/// # Errors
/// [`nc_core::Error::Internal`] for no values.
pub fn hinge<'t>(x: &Node<'t>, sign: f32) -> Result<Node<'t>> {
    let zeros = vec![0.0; x.values().len()];
    let slope = move |d: f32| if sign * d < 1.0 { -sign } else { 0.0 };
    mean_of(x, &zeros, move |d| (1.0 - sign * d).max(0.0), slope)
}
