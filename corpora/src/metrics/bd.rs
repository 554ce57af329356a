//! Bjontegaard deltas: how two curves of rate against quality differ, as one number.
//!
//! Bjontegaard, "Calculation of average PSNR differences between RD-curves", ITU-T VCEG-M33, 2001,
//! with piecewise cubics in place of his one polynomial: PCHIP (Fritsch and Butland, "A Method for
//! Constructing Local Monotone Piecewise Cubic Interpolants", 1984), which JCT-VC took, and Akima ("A
//! New Method of Interpolation and Smooth Curve Fitting Based on Local Procedures", 1970), which
//! Herglotz et al. ("Beyond Bjontegaard", 2022) found nearest to the truth. Rates are taken by their
//! logarithm to base 10. What makes sense and what does not is as in the `bjontegaard` package of
//! Python: the delta is the mean over what both curves cover, and nothing is extrapolated.
//!
//! ```
//! use nc_corpora::metrics::bd::{Fit, bd_quality, bd_rate};
//! let anchor = [(100.0, 30.0), (200.0, 33.0), (400.0, 36.0), (800.0, 39.0)];
//! let test = anchor.map(|(rate, quality)| (rate * 0.8, quality));
//! let delta = bd_rate(&anchor, &test, Fit::Pchip)?;
//! assert!((delta.value + 20.0).abs() < 1e-9);
//! assert_eq!((delta.low, delta.high, delta.overlap), (30.0, 39.0, 1.0));
//! // 3 dB for twice the rate.
//! let gain = bd_quality(&anchor, &test, Fit::Akima)?.value;
//! assert!((gain - 3.0 * 1.25_f64.log2()).abs() < 1e-9);
//! # Ok::<(), nc_core::Error>(())
//! ```

use nc_core::{Error, Result};

/// What runs through the points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Monotone where the points are.
    Pchip,
    /// Smoother; may overshoot. A straight line through two points.
    Akima,
}

/// A delta and the range over which it is the mean.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bd {
    /// Of [`bd_rate`]: per cent more (negative: less) rate at equal quality. Of [`bd_quality`]: more
    /// quality at equal rate, in the unit of the metric.
    pub value: f64,
    /// Lower end of what both curves cover, a quality for [`bd_rate`] and a rate for [`bd_quality`].
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Its length by that of what either curve covers, up to 1; of rates by their logarithm. Below
    /// .75 the package warns, and a reader should hear of it.
    pub overlap: f64,
}

/// BD-rate of `test` against `anchor`, in per cent. Points are (rate, quality), in any order, two at
/// least; the procedure of the standards has four or more. Only what both curves cover counts.
///
/// # Errors
/// Usage for fewer points, numbers that are not finite, a rate that is not positive, a quality
/// that does not rise with the rate (a curve that has two rates for one quality), and for curves
/// that share no range of quality.
pub fn bd_rate(anchor: &[(f64, f64)], test: &[(f64, f64)], fit: Fit) -> Result<Bd> {
    let curve = |points| -> Result<Cubics> {
        let points = sorted(points)?;
        for pair in points.windows(2) {
            if pair[1].1 <= pair[0].1 {
                return Err(Error::Usage(format!(
                    "quality does not rise from {} to {} as the rate does from {} to {}",
                    pair[0].1, pair[1].1, pair[0].0, pair[1].0
                )));
            }
        }
        let (rates, qualities): (Vec<_>, Vec<_>) = points.into_iter().unzip();
        Ok(Cubics::new(qualities, logs(&rates), fit))
    };
    let mut delta = difference(&curve(anchor)?, &curve(test)?, "quality")?;
    delta.value = finite((10.0_f64.powf(delta.value) - 1.0) * 100.0)?;
    Ok(delta)
}

/// BD-quality ("BD-PSNR") of `test` against `anchor`, in the metric's unit. Points are (rate, quality),
/// in any order, two at least. Quality may fall with the rate; the rates of a curve all differ.
///
/// # Errors
/// Usage for fewer points, numbers that are not finite, a rate that is not positive or comes
/// twice, and for curves that share no range of rates.
pub fn bd_quality(anchor: &[(f64, f64)], test: &[(f64, f64)], fit: Fit) -> Result<Bd> {
    let curve = |points| -> Result<Cubics> {
        let (rates, qualities): (Vec<_>, Vec<_>) = sorted(points)?.into_iter().unzip();
        let rates = logs(&rates);
        match rates.windows(2).find(|pair| pair[1] <= pair[0]) {
            Some(pair) => Err(Error::Usage(format!(
                "two points at a rate of {}",
                10.0_f64.powf(pair[0])
            ))),
            None => Ok(Cubics::new(rates, qualities, fit)),
        }
    };
    let mut delta = difference(&curve(anchor)?, &curve(test)?, "rate")?;
    delta.low = 10.0_f64.powf(delta.low);
    delta.high = 10.0_f64.powf(delta.high);
    Ok(delta)
}

/// Points by rate, then quality.
fn sorted(points: &[(f64, f64)]) -> Result<Vec<(f64, f64)>> {
    if points.len() < 2 {
        return Err(Error::Usage(format!(
            "a curve has two points at least, not {}",
            points.len()
        )));
    }
    for &(rate, quality) in points {
        if !(rate > 0.0 && rate.is_finite() && quality.is_finite()) {
            return Err(Error::Usage(format!(
                "a point of rate {rate} and quality {quality}"
            )));
        }
    }
    let mut points = points.to_vec();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    Ok(points)
}

fn logs(rates: &[f64]) -> Vec<f64> {
    rates.iter().map(|rate| rate.log10()).collect()
}

/// Mean of `test` less `anchor` where both are.
fn difference(anchor: &Cubics, test: &Cubics, axis: &str) -> Result<Bd> {
    let ((a, b), (c, d)) = (anchor.ends(), test.ends());
    let (low, high) = (a.max(c), b.min(d));
    if low >= high {
        return Err(Error::Usage(format!(
            "the curves share no range of {axis}: {a:.3} to {b:.3} and {c:.3} to {d:.3}"
        )));
    }
    let areas = test.integral(low, high) - anchor.integral(low, high);
    Ok(Bd {
        value: finite(areas / (high - low))?,
        low,
        high,
        overlap: (high - low) / (b.max(d) - a.min(c)),
    })
}

fn finite(value: f64) -> Result<f64> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::Usage(
        "points too near each other or too far apart for a delta".into(),
    ))
}

/// Cubics from point to point (Hermite), by the slopes at the points.
struct Cubics {
    x: Vec<f64>,
    y: Vec<f64>,
    slopes: Vec<f64>,
}

impl Cubics {
    /// Through two points or more, `x` rising.
    fn new(x: Vec<f64>, y: Vec<f64>, fit: Fit) -> Self {
        let steps: Vec<f64> = x.windows(2).map(|p| p[1] - p[0]).collect();
        let secants: Vec<f64> = y
            .windows(2)
            .zip(&steps)
            .map(|(p, h)| (p[1] - p[0]) / h)
            .collect();
        let slopes = match fit {
            _ if secants.len() == 1 => vec![secants[0]; 2],
            Fit::Pchip => pchip(&steps, &secants),
            Fit::Akima => akima(&secants),
        };
        Self { x, y, slopes }
    }

    fn ends(&self) -> (f64, f64) {
        (self.x[0], self.x[self.x.len() - 1])
    }

    fn integral(&self, low: f64, high: f64) -> f64 {
        (0..self.x.len() - 1)
            .map(|i| {
                let h = self.x[i + 1] - self.x[i];
                let [from, to] = [low, high].map(|v| (v - self.x[i]).clamp(0.0, h));
                let secant = (self.y[i + 1] - self.y[i]) / h;
                let (s, t) = (self.slopes[i], self.slopes[i + 1]);
                let square = (3.0 * secant - 2.0 * s - t) / h;
                let cube = (s + t - 2.0 * secant) / (h * h);
                let upto =
                    |v: f64| v * (self.y[i] + v * (s / 2.0 + v * (square / 3.0 + v * cube / 4.0)));
                upto(to) - upto(from)
            })
            .sum()
    }
}

/// Slopes inside: weighted harmonic means of the secants beside, or 0 where these turn. At the ends:
/// a parabola through three points, held so that the curve keeps its shape (Moler, "Numerical
/// Computing with MATLAB", 2004, 3.6).
fn pchip(steps: &[f64], secants: &[f64]) -> Vec<f64> {
    let end = |h: [f64; 2], s: [f64; 2]| {
        let slope = ((2.0 * h[0] + h[1]) * s[0] - h[0] * s[1]) / (h[0] + h[1]);
        if slope * s[0] <= 0.0 {
            0.0
        } else if s[0] * s[1] <= 0.0 && slope.abs() > 3.0 * s[0].abs() {
            3.0 * s[0]
        } else {
            slope
        }
    };
    let n = secants.len();
    let mut out = vec![end([steps[0], steps[1]], [secants[0], secants[1]])];
    out.extend(steps.windows(2).zip(secants.windows(2)).map(|(h, s)| {
        if s[0] * s[1] <= 0.0 {
            return 0.0;
        }
        let weights = [2.0 * h[1] + h[0], h[1] + 2.0 * h[0]];
        (weights[0] + weights[1]) / (weights[0] / s[0] + weights[1] / s[1])
    }));
    out.push(end(
        [steps[n - 1], steps[n - 2]],
        [secants[n - 1], secants[n - 2]],
    ));
    out
}

/// Slopes: means of the secants beside, each weighted by how much those of the other side turn;
/// beyond the ends secants go on as a parabola has them.
fn akima(secants: &[f64]) -> Vec<f64> {
    let n = secants.len();
    let beyond = |near: f64, far: f64| {
        let first = 2.0 * near - far;
        (first, 2.0 * first - near)
    };
    let (before, first) = beyond(secants[0], secants[1]);
    let (after, last) = beyond(secants[n - 1], secants[n - 2]);
    let mut m = vec![first, before];
    m.extend(secants);
    m.extend([after, last]);
    let turns: Vec<f64> = m.windows(2).map(|p| (p[1] - p[0]).abs()).collect();
    let weights = || turns.iter().zip(&turns[2..]);
    let most = weights().map(|(a, b)| a + b).fold(0.0, f64::max);
    weights()
        .zip(m[1..].windows(2))
        .zip(m.windows(4))
        .map(|(((left, right), beside), four)| {
            // Straight on both sides: which weights are rounding errors is a matter of the largest.
            if left + right > 1e-9 * most {
                (right * beside[0] + left * beside[1]) / (left + right)
            } else {
                0.5 * (four[0] + four[3])
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const CURVE: [(f64, f64); 4] = [(100.0, 30.0), (210.0, 33.5), (400.0, 36.0), (900.0, 38.0)];

    #[test]
    fn order_of_points_does_not_matter_and_a_curve_equals_itself() {
        let test = CURVE.map(|(r, q)| (r * 1.1, q + 0.7));
        let mut mixed = test;
        mixed.swap(0, 2);
        mixed.reverse();
        for fit in [Fit::Pchip, Fit::Akima] {
            let same = bd_rate(&CURVE, &CURVE, fit).unwrap();
            assert_eq!((same.value, same.overlap), (0.0, 1.0));
            assert_eq!(
                bd_rate(&CURVE, &test, fit).unwrap(),
                bd_rate(&CURVE, &mixed, fit).unwrap()
            );
            assert_eq!(
                bd_quality(&CURVE, &test, fit).unwrap(),
                bd_quality(&CURVE, &mixed, fit).unwrap()
            );
        }
    }

    #[test]
    fn the_range_is_what_both_cover() {
        let test = CURVE.map(|(r, q)| (r * 2.0, q + 1.0));
        let rate = bd_rate(&CURVE, &test, Fit::Pchip).unwrap();
        assert_eq!((rate.low, rate.high), (31.0, 38.0));
        assert!((rate.overlap - 7.0 / 9.0).abs() < 1e-12);
        let quality = bd_quality(&CURVE, &test, Fit::Pchip).unwrap();
        assert!((quality.low - 200.0).abs() < 1e-9 && (quality.high - 900.0).abs() < 1e-9);
        assert!((quality.overlap - 4.5_f64.ln() / 18.0_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn nonsense_is_an_error_and_not_a_figure() {
        let fails = |result: Result<Bd>, why: &str| {
            assert!(
                matches!(&result, Err(Error::Usage(e)) if e.contains(why)),
                "{why}: {result:?}"
            );
        };
        for fit in [Fit::Pchip, Fit::Akima] {
            for f in [bd_rate, bd_quality] {
                fails(f(&CURVE, &CURVE[..1], fit), "two points");
                fails(f(&[], &CURVE, fit), "two points");
                for (i, bad) in [f64::NAN, f64::INFINITY, 0.0, -1.0].into_iter().enumerate() {
                    let mut test = CURVE;
                    test[1].0 = bad;
                    fails(f(&CURVE, &test, fit), "a point of");
                    test = CURVE;
                    test[1].1 = bad;
                    if i < 2 {
                        fails(f(&test, &CURVE, fit), "a point of");
                    }
                }
                let far = CURVE.map(|(r, q)| (r * 1e3, q + 50.0));
                fails(f(&CURVE, &far, fit), "share no range");
                // They touch in one point.
                let next = CURVE.map(|(r, q)| (r * 9.0, q + 8.0));
                fails(f(&CURVE, &next, fit), "share no range");
                let near = [(1e-300, 1.0), (1e300, 1.0 + 1e-15), (1e301, 2.0)];
                let other = [(1e300, 1.0), (1e-300, 1.0 - 1e-15), (2e300, 2.0)];
                assert!(f(&near, &other, fit).map_or(true, |d| d.value.is_finite()));
            }
            let mut falls = CURVE;
            falls[2].1 = 33.0;
            fails(bd_rate(&CURVE, &falls, fit), "does not rise");
            assert!(bd_quality(&CURVE, &falls, fit).is_ok());
            falls[2].1 = 33.5;
            fails(bd_rate(&falls, &CURVE, fit), "does not rise");
            let mut twice = CURVE;
            twice[2].0 = 210.0;
            fails(bd_quality(&CURVE, &twice, fit), "two points at a rate");
            assert!(bd_rate(&CURVE, &twice, fit).is_ok());
        }
    }
}
