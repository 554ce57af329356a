//! Numbers as values of a few variables: a leading one, and decimal digits in groups below it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Most values of a leading variable.
const MOST: usize = 4096;
/// Bits that a character of a text costs, about.
const TEXT: f64 = 4.0;

/// Values of the leading variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Top {
    /// All from the first to the last.
    Range(i64, i64),
    /// These, rising.
    Values(Vec<i64>),
}

/// How numbers become values: `x` is `top * product + digits`, where the digits' radices multiply to
/// the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coding {
    top: Top,
    /// Of each digit, the highest first; powers of ten up to 1000.
    radices: Vec<u16>,
}

impl Coding {
    /// The number of values of the leading variable, 1 or more, and the digits' radices.
    #[must_use]
    pub fn shape(&self) -> (usize, &[u16]) {
        let n = match &self.top {
            Top::Range(low, high) => (high.abs_diff(*low) as usize).saturating_add(1),
            Top::Values(values) => values.len(),
        };
        (n, &self.radices)
    }

    /// Whether a model file may say so.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let top = match &self.top {
            Top::Range(low, high) => low <= high && high.abs_diff(*low) < MOST as u64,
            Top::Values(v) => {
                !v.is_empty()
                    && v.len() <= MOST
                    && v.iter().zip(v.iter().skip(1)).all(|(a, b)| a < b)
            }
        };
        let radices = self.radices.iter().all(|r| [10, 100, 1000].contains(r));
        let product = self
            .radices
            .iter()
            .try_fold(1i64, |p, r| p.checked_mul(i64::from(*r)));
        let (low, high) = match &self.top {
            Top::Range(low, high) => (*low, *high),
            Top::Values(v) => (
                v.first().copied().unwrap_or(0),
                v.last().copied().unwrap_or(0),
            ),
        };
        // Every number that can come out is then an `i64`.
        let fits = |x: i64, p: i64| x.checked_mul(p).and_then(|x| x.checked_add(p)).is_some();
        top && radices && product.is_some_and(|p| fits(low, p) && fits(high, p))
    }

    fn product(&self) -> i64 {
        let each = self.radices.iter();
        // Sound codings have one that fits; see `is_sound`.
        each.fold(1, |p: i64, r| p.saturating_mul(i64::from(*r)))
    }

    /// Writes the digits of `x` to `digits`, of the radices' number, and gives the leading value; `None`
    /// where there is none for it.
    #[must_use]
    pub fn encode(&self, x: i64, digits: &mut [u16]) -> Option<usize> {
        let product = self.product();
        let top = x.checked_div_euclid(product)?;
        let at = match &self.top {
            Top::Range(low, high) => (low..=high)
                .contains(&&top)
                .then(|| top.abs_diff(*low) as usize),
            Top::Values(values) => values.binary_search(&top).ok(),
        }?;
        let mut rest = x.checked_rem_euclid(product)?;
        for (digit, radix) in digits.iter_mut().zip(&self.radices).rev() {
            let radix = i64::from(*radix);
            *digit = rest.checked_rem(radix)? as u16;
            rest = rest.checked_div(radix)?;
        }
        Some(at)
    }

    /// The number of these values; `None` where one is out of range.
    #[must_use]
    pub fn decode(&self, top: usize, digits: &[u16]) -> Option<i64> {
        let top = match &self.top {
            Top::Range(low, high) => {
                let x = low.checked_add(i64::try_from(top).ok()?)?;
                (x <= *high).then_some(x)
            }
            Top::Values(values) => values.get(top).copied(),
        }?;
        digits.iter().zip(&self.radices).try_fold(top, |x, (d, r)| {
            (d < r).then(|| x.checked_mul(i64::from(*r))?.checked_add(i64::from(*d)))?
        })
    }

    /// The coding of fewest bits for numbers that occur so often, each variable by itself, in a
    /// leave-one-out estimate: a value is foretold from all others, as with numbers not seen before.
    #[must_use]
    pub fn of(numbers: &BTreeMap<i64, u64>) -> Self {
        let mut best: Option<(f64, Self)> = None;
        for k in 0..=15u32 {
            let radices: Vec<u16> = match k {
                0 => Vec::new(),
                _ => {
                    let groups = k.div_ceil(3);
                    let digits = |g: u32| k.saturating_add(g).checked_div(groups).unwrap_or(0);
                    (0..groups)
                        .rev()
                        .map(|g| 10u16.saturating_pow(digits(g)))
                        .collect()
                }
            };
            let product = 10i64.saturating_pow(k);
            let mut tops: BTreeMap<i64, u64> = BTreeMap::new();
            for (x, n) in numbers {
                let top = tops.entry(quotient(*x, product)).or_default();
                *top = top.saturating_add(*n);
            }
            let mut scale = product;
            let mut digits = 0.0;
            for radix in &radices {
                let radix = i64::from(*radix);
                scale = quotient(scale, radix);
                let mut counts = vec![0u64; radix as usize];
                for (x, n) in numbers {
                    let digit = quotient(*x, scale).checked_rem_euclid(radix).unwrap_or(0);
                    if let Some(count) = counts.get_mut(digit as usize) {
                        *count = count.saturating_add(*n);
                    }
                }
                digits += left_out(counts.iter().copied(), (radix as f64).log2());
            }
            let range = (
                tops.keys().next().copied().unwrap_or(0),
                tops.keys().last().copied().unwrap_or(0),
            );
            let mut consider = |top: Top, unseen: f64| {
                let bits = digits + left_out(tops.values().copied(), unseen);
                if best.as_ref().is_none_or(|(least, _)| bits < *least) {
                    let radices = radices.clone();
                    best = Some((bits, Self { top, radices }));
                }
            };
            let wide = range.1.abs_diff(range.0);
            if wide < MOST as u64 {
                consider(
                    Top::Range(range.0, range.1),
                    (wide.saturating_add(1) as f64).log2(),
                );
            }
            // Numbers seen once stay out, so that a model learns how often one is new.
            let often: Vec<i64> = tops
                .iter()
                .filter(|(_, n)| **n > 1)
                .map(|(x, _)| *x)
                .collect();
            if !often.is_empty() && often.len() <= MOST && often.len() as u64 <= wide {
                let longest = range.0.unsigned_abs().max(range.1.unsigned_abs());
                let text = longest.max(1).ilog10().saturating_add(k).saturating_add(3);
                consider(Top::Values(often), f64::from(text) * TEXT);
            }
            if wide == 0 {
                break;
            }
        }
        best.map_or(
            Self {
                top: Top::Range(0, 0),
                radices: Vec::new(),
            },
            |(_, coding)| coding,
        )
    }
}

/// The quotient rounded down; all divisors here are powers of ten.
fn quotient(x: i64, by: i64) -> i64 {
    x.checked_div_euclid(by).unwrap_or(0)
}

/// Bits of occurrences with these counts, each foretold from the others: a value seen elsewhere by its
/// share, a new one by the share of kinds of values (Witten and Bell 1991, method C) and `unseen` bits.
fn left_out(counts: impl Iterator<Item = u64>, unseen: f64) -> f64 {
    let (mut n, mut kinds, mut once, mut bits) = (0.0, 0.0, 0.0, 0.0);
    for c in counts.filter(|c| *c > 0) {
        let c = c as f64;
        n += c;
        kinds += 1.0;
        if c == 1.0 {
            once += 1.0;
        } else {
            bits -= c * (c - 1.0).log2();
        }
    }
    let total: f64 = f64::max(n + kinds - 1.0, 1.0);
    bits + (n - once) * total.log2() + once * ((total / f64::max(kinds, 1.0)).log2() + unseen)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use nc_core::rng::Rng;
    use proptest::prelude::*;

    fn counts(numbers: impl IntoIterator<Item = i64>) -> BTreeMap<i64, u64> {
        let mut out = BTreeMap::new();
        for x in numbers {
            *out.entry(x).or_default() += 1;
        }
        out
    }

    #[test]
    fn the_coding_fits_the_numbers() {
        let ages = Coding::of(&counts((0..5000).map(|i| 17 + i % 70)));
        assert_eq!(ages.shape(), (70, &[][..]));
        // A few values far apart.
        let gains = Coding::of(&counts((0..5000).map(|i| i * i % 7 * 14_344)));
        assert_eq!(gains.shape(), (4, &[][..]));
        // A wide range is split.
        let mut rng = Rng::new(1);
        let wide = Coding::of(&counts((0..5000).map(|_| rng.below(1_000_000) as i64)));
        let (top, radices) = wide.shape();
        assert!(top <= 1000 && radices.len() <= 2, "{top} {radices:?}");
        assert_eq!(Coding::of(&counts([5; 9])).shape(), (1, &[][..]));
        assert_eq!(Coding::of(&counts([])).shape().0, 1);
    }

    proptest! {
        #[test]
        fn numbers_come_back(
            numbers in prop::collection::vec(-999_999_999_999_999_999i64..=999_999_999_999_999_999, 1..40),
            shift in 0u32..18,
            other: i64,
        ) {
            let numbers: Vec<i64> = numbers.iter().map(|x| x / 10i64.pow(shift)).collect();
            let coding = Coding::of(&counts(numbers.iter().chain(&numbers).copied()));
            prop_assert!(coding.is_sound());
            let (top, radices) = coding.shape();
            let mut digits = vec![0; radices.len()];
            for x in &numbers {
                let at = coding.encode(*x, &mut digits).unwrap();
                prop_assert!(at < top);
                prop_assert!(digits.iter().zip(radices).all(|(d, r)| d < r));
                prop_assert_eq!(coding.decode(at, &digits), Some(*x));
            }
            if let Some(at) = coding.encode(other, &mut digits) {
                prop_assert_eq!(coding.decode(at, &digits), Some(other));
            }
            prop_assert_eq!(coding.decode(top, &digits), None);
        }
    }
}
