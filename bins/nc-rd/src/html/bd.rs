//! Bjøntegaard figures of every pair of codecs of a dataset.

use nc_corpora::metrics::bd::{Bd, Fit, bd_quality, bd_rate};

use super::view::Set;
use crate::names::Figure;

/// A measure of Bjontegaard over an anchor and a test.
type Measure = fn(&[(f64, f64)], &[(f64, f64)], Fit) -> nc_core::Result<Bd>;

/// A codec against an anchor; what cannot be told says why.
pub struct Pair {
    /// Per cent of rate at equal quality by piecewise cubics (PCHIP), with the range of quality.
    pub pchip: Result<Bd, String>,
    /// The same by Akima's.
    pub akima: Result<Bd, String>,
    /// Quality at equal rate by PCHIP, more is better.
    pub quality: Result<Bd, String>,
}

/// The pairs of one metric: a list for each anchor, a pair for each codec.
pub fn pairs(set: &Set<'_>, metric: &Figure) -> Vec<Vec<Pair>> {
    // BD expects that more is better.
    let sign = if metric.up { 1.0 } else { -1.0 };
    let curves: Vec<Vec<(f64, f64)>> = set
        .series
        .iter()
        .map(|s| {
            let curve = s.curve(&metric.key);
            curve.into_iter().map(|(r, q)| (r, sign * q)).collect()
        })
        .collect();
    let pair = |anchor: &[(f64, f64)], test: &[(f64, f64)]| {
        let bd = |f: Measure, fit| {
            f(anchor, test, fit).map_err(|e| match e {
                nc_core::Error::Usage(why) => why,
                other => other.to_string(),
            })
        };
        let upright = |bd: Result<Bd, String>| {
            bd.map(|b| match metric.up {
                true => b,
                false => Bd {
                    low: -b.high,
                    high: -b.low,
                    ..b
                },
            })
        };
        Pair {
            pchip: upright(bd(bd_rate, Fit::Pchip)),
            akima: upright(bd(bd_rate, Fit::Akima)),
            quality: bd(bd_quality, Fit::Pchip),
        }
    };
    curves
        .iter()
        .map(|anchor| curves.iter().map(|test| pair(anchor, test)).collect())
        .collect()
}
