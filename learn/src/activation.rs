//! Activations, value by value; slopes are computed again on the way back, so that nothing more is kept than the input.

use nc_core::Result;

use crate::math::{exp, ln, sigmoid, tanh};
use crate::misfit;
use crate::tape::Node;

/// `value` of every element, whose derivative is `slope`.
///
/// # Errors
/// None.
pub fn map<'t>(
    x: &Node<'t>,
    value: impl Fn(f32) -> f32,
    slope: impl Fn(f32) -> f32 + 'static,
) -> Result<Node<'t>> {
    let xv = x.shared();
    let out = xv.iter().map(|x| value(*x)).collect();
    x.tape().op([x], out, x.dims(), move |mut g, _| {
        g.iter_mut()
            .zip(xv.iter())
            .for_each(|(g, x)| *g *= slope(*x));
        Ok([Some(g)])
    })
}

/// GELU in the form with one exponential, `x sigmoid(1.702 x)` (Hendrycks and Gimpel 2016, section 2).
///
/// # Errors
/// None.
pub fn quick_gelu<'t>(x: &Node<'t>) -> Result<Node<'t>> {
    map(x, |x| x * sigmoid(1.702 * x), quick_gelu_slope)
}

fn quick_gelu_slope(x: f32) -> f32 {
    let s = sigmoid(1.702 * x);
    s * (1.0 + 1.702 * x * (1.0 - s))
}

/// GELU in the form with a hyperbolic tangent (the same, equation 2): `x (1 + tanh(c (x + 0.044715 x^3))) / 2`, c being
/// the root of 2/pi.
///
/// # Errors
/// None.
pub fn gelu<'t>(x: &Node<'t>) -> Result<Node<'t>> {
    const C: f32 = 0.797_884_6;
    const CUBE: f32 = 0.044_715;
    let inner = |x: f32| tanh(C * (x + CUBE * x * x * x));
    map(
        x,
        move |x| 0.5 * x * (1.0 + inner(x)),
        move |x| {
            let t = inner(x);
            0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * C * (1.0 + 3.0 * CUBE * x * x)
        },
    )
}

/// SiLU, `x sigmoid(x)`.
///
/// # Errors
/// None.
pub fn silu<'t>(x: &Node<'t>) -> Result<Node<'t>> {
    let slope = |x: f32| {
        let s = sigmoid(x);
        s * (1.0 + x * (1.0 - s))
    };
    map(x, |x| x * sigmoid(x), slope)
}

/// `x` above 0, `below x` elsewhere; with `below` 0 this is ReLU.
///
/// # Errors
/// None.
pub fn leaky_relu<'t>(x: &Node<'t>, below: f32) -> Result<Node<'t>> {
    let slope = move |x: f32| if x > 0.0 { 1.0 } else { below };
    map(x, move |x| x * slope(x), slope)
}

/// Hyperbolic tangent.
///
/// # Errors
/// None.
pub fn hyperbolic<'t>(x: &Node<'t>) -> Result<Node<'t>> {
    map(x, tanh, |x| {
        let t = tanh(x);
        1.0 - t * t
    })
}

/// Logistic sigmoid.
///
/// # Errors
/// None.
pub fn logistic<'t>(x: &Node<'t>) -> Result<Node<'t>> {
    map(x, sigmoid, |x| {
        let s = sigmoid(x);
        s * (1.0 - s)
    })
}

/// `ln(1 + e^x)`, which adversarial losses are made of.
///
/// # Errors
/// None.
pub fn softplus<'t>(x: &Node<'t>) -> Result<Node<'t>> {
    map(x, |x| x.max(0.0) + (1.0 + exp(-x.abs())).ln(), sigmoid)
}

/// `ln(x + floor)` of values that are not negative.
///
/// # Errors
/// None.
pub fn logarithm<'t>(x: &Node<'t>, floor: f32) -> Result<Node<'t>> {
    map(x, move |x| ln(x + floor), move |x| 1.0 / (x + floor))
}

/// Snake (Ziyin et al. 2020), `x + sin(a x)^2 / a` with `a [1, channels]`, positive and learnt.
///
/// # Errors
/// [`nc_core::Error::Internal`] for another number of channels.
pub fn snake<'t>(x: &Node<'t>, a: &Node<'t>) -> Result<Node<'t>> {
    let [_, c] = x.dims();
    if a.dims() != [1, c] {
        return Err(misfit("snake: one frequency for each channel"));
    }
    let (xv, av) = (x.shared(), a.shared());
    let mut out = xv.to_vec();
    for row in out.chunks_exact_mut(c) {
        for (x, a) in row.iter_mut().zip(av.iter()) {
            *x += (a * *x).sin().powi(2) / a;
        }
    }
    x.tape().op([x, a], out, x.dims(), move |mut g, _| {
        let mut da = vec![0.0; c];
        for (g, x) in g.chunks_exact_mut(c).zip(xv.chunks_exact(c)) {
            for (((g, x), a), da) in g.iter_mut().zip(x).zip(av.iter()).zip(&mut da) {
                let (sin, double) = ((a * x).sin(), (2.0 * a * x).sin());
                *da += *g * (x * double / a - sin * sin / (a * a));
                *g *= 1.0 + double;
            }
        }
        Ok([Some(g), Some(da)])
    })
}
