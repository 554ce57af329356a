//! Exponential and logarithm that the compiler vectorises, near enough for training.

/// `e^x`, about 1e-6 relative; `x` is cut at -80 and 80.
#[inline]
#[must_use]
pub fn exp(x: f32) -> f32 {
    let x = x.clamp(-80.0, 80.0);
    let n = (x * std::f32::consts::LOG2_E + 12_582_912.0) - 12_582_912.0;
    // ln 2 in two parts, of which the first has few bits: what is left of x keeps all of its own (Cody and Waite 1980).
    let f = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let p = 1.0 + f * (1.0 + f * (0.5 + f * (0.166_666_6 + f * (0.041_666_2 + f * 0.008_363))));
    f32::from_bits(((n as i32 + 127) << 23) as u32) * p
}

/// Natural logarithm of a positive normal number, about 1e-6 absolute.
#[inline]
#[must_use]
pub fn ln(x: f32) -> f32 {
    // The bits of the square root of a half: the mantissa comes to lie around 1.
    let b = x.to_bits().wrapping_sub(0x3f35_04f3);
    let e = (b as i32 >> 23) as f32;
    let m = f32::from_bits((b & 0x007f_ffff).wrapping_add(0x3f35_04f3));
    let t = (m - 1.0) / (m + 1.0);
    let s = t * t;
    e * std::f32::consts::LN_2 + 2.0 * t * (1.0 + s * (0.333_333_3 + s * (0.2 + s * 0.142_857_1)))
}

/// `1 / (1 + e^-x)`.
#[inline]
#[must_use]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Hyperbolic tangent, about 1e-6 absolute.
#[inline]
#[must_use]
pub fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x))
}

#[cfg(test)]
mod tests {
    #[test]
    fn near_the_library_functions() {
        for i in -4000..=4000 {
            let x = i as f32 * 0.01;
            let want = f64::from(x).exp();
            assert!((f64::from(super::exp(x)) / want - 1.0).abs() < 5e-6, "{x}");
            assert!((super::tanh(x) - x.tanh()).abs() < 5e-6, "{x}");
            let y = (x * 0.5).exp();
            assert!((super::ln(y) - y.ln()).abs() < 5e-6, "{y}");
        }
    }
}
