//! Sine, cosine and the modified Bessel function in f64 from + - * / only, for tables.
//!
//! Twiddle factors, windows and filter coefficients are made when a transform is built; with libm's sine they would
//! differ between machines in the last bit, and so would everything computed from them.

/// Taylor series of sin x for |x| <= pi/4, error under 1e-19.
fn sin_small(x: f64) -> f64 {
    let z = x * x;
    // 1 - z/(2 3) (1 - z/(4 5) (1 - ...))
    let mut s = 1.0;
    for k in [16.0, 14.0, 12.0, 10.0, 8.0, 6.0, 4.0, 2.0f64] {
        s = 1.0 - z / (k * (k + 1.0)) * s;
    }
    x * s
}

/// Taylor series of cos x for |x| <= pi/4, error under 1e-19.
fn cos_small(x: f64) -> f64 {
    let z = x * x;
    let mut s = 1.0;
    for k in [17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0f64] {
        s = 1.0 - z / (k * (k + 1.0)) * s;
    }
    s
}

/// sin(pi x), for any |x| < 2^50.
pub(crate) fn sin_pi(x: f64) -> f64 {
    use std::f64::consts::PI;
    let n = x.round_ties_even();
    // Exact: both are multiples of the last place of x.
    let r = x - n;
    let s = if r.abs() <= 0.25 {
        sin_small(PI * r)
    } else if r > 0.0 {
        cos_small(PI * (0.5 - r))
    } else {
        -cos_small(PI * (0.5 + r))
    };
    if (n as i64) & 1 == 0 { s } else { -s }
}

/// (cos, sin) of 2 pi k / n, n > 0.
pub(crate) fn unit(k: usize, n: usize) -> (f64, f64) {
    let (k, m) = ((k % n) as f64, n as f64);
    (sin_pi(2.0 * k / m + 0.5), sin_pi(2.0 * k / m))
}

/// Modified Bessel function of the first kind of order 0, by its power series, for 0 <= x <= 20.
pub(crate) fn bessel_i0(x: f64) -> f64 {
    let q = x * x / 4.0;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-18 {
        term = term * q / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sine_and_cosine_are_right() {
        for i in -4000..4000 {
            let x = f64::from(i) / 777.0;
            assert!((sin_pi(x) - (std::f64::consts::PI * x).sin()).abs() < 4e-15);
        }
        for n in [1, 2, 3, 5, 8, 640, 1000] {
            for k in 0..2 * n {
                let a = std::f64::consts::TAU * (k % n) as f64 / n as f64;
                let (c, s) = unit(k, n);
                assert!((c - a.cos()).abs() < 3e-15 && (s - a.sin()).abs() < 3e-15);
            }
        }
        assert_eq!(unit(1, 4), (0.0, 1.0));
        assert_eq!(unit(4, 8), (-1.0, 0.0));
    }

    #[test]
    fn bessel_is_right() {
        // Abramowitz and Stegun, table 9.8.
        for (x, want) in [
            (0.0, 1.0),
            (1.0, 1.266_065_877_752_008),
            (5.0, 27.239_871_823_604_44),
        ] {
            assert!((bessel_i0(x) - want).abs() < 1e-13 * want);
        }
    }
}
