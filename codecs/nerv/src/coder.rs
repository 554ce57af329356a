//! Adaptive binary coding with mixed contexts, in integers only.
//!
//! Every yes-or-no decision is predicted by several counters, each looked up by another context; the predictions are
//! mixed in the logistic domain with weights that learn as they go (after Mahoney's lpaq). There is nothing to
//! transmit and nothing in floating point, so encoder and decoder agree on every machine.

use std::sync::OnceLock;

use nc_core::entropy::{RangeDecoder, RangeEncoder};
use nc_core::{Error, Result};

use crate::grid::Known;

/// Probabilities are of this.
const WHOLE: u32 = 65536;

/// Where bits go or come from.
pub trait Bits {
    /// Codes `bit`, whose probability of being 1 is `p` of 65536; gives the bit (the decoder's own).
    ///
    /// # Errors
    /// Those of the coder.
    fn bit(&mut self, bit: bool, p: u32) -> Result<bool>;
}

impl Bits for RangeEncoder {
    fn bit(&mut self, bit: bool, p: u32) -> Result<bool> {
        let split = WHOLE - p;
        if bit {
            self.put_share(split, WHOLE)?;
        } else {
            self.put_share(0, split)?;
        }
        Ok(bit)
    }
}

impl Bits for RangeDecoder {
    fn bit(&mut self, _: bool, p: u32) -> Result<bool> {
        Ok(self.get_cumulative(&[0, WHOLE - p, WHOLE])? == 1)
    }
}

/// Adds up what bits would cost.
#[derive(Debug, Clone, Default)]
pub struct Cost {
    /// Bits so far.
    pub bits: f64,
}

impl Bits for Cost {
    fn bit(&mut self, bit: bool, p: u32) -> Result<bool> {
        let p = if bit { p } else { WHOLE - p };
        self.bits -= (f64::from(p) / 65536.0).log2();
        Ok(bit)
    }
}

/// One context of several numbers: `first`, and each of the others with what it is below.
#[inline(always)]
pub fn joint<const N: usize>(first: usize, others: [(usize, usize); N]) -> usize {
    let add = |all: usize, (n, below): (usize, usize)| all * below + n;
    others.into_iter().fold(first, add)
}

/// A sign as a context: 0 for less than 0, 1 for 0, 2 for more.
#[inline(always)]
pub fn sign(v: i32) -> usize {
    (v.signum() + 1) as usize
}

/// `ln(p / (1 - p))` in 1/256, of a probability in 1/4096; and back.
struct Tables {
    stretch: [i16; 4096],
    squash: [u16; 4096],
}

#[allow(
    clippy::indexing_slicing,
    reason = "12 bits of a number of 16, and -2047 to 2047 over 2048, in tables of 4096"
)]
impl Tables {
    /// The logarithm of a probability of 65536.
    #[inline(always)]
    fn stretch(&self, p: u16) -> i32 {
        i32::from(self.stretch[usize::from(p >> 4)])
    }

    /// The probability of 65536 whose logarithm is `x`.
    #[inline(always)]
    fn squash(&self, x: i64) -> u32 {
        u32::from(self.squash[(x.clamp(-2047, 2047) + 2048) as usize])
    }
}

/// The tables, made once by the integer recurrence of lpaq's `squash`.
fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        // 1 / (1 + e^-x) at x = -8, -7.5, .. 8, of 65536, rounded.
        const KNOTS: [i64; 33] = [
            22, 36, 60, 98, 162, 267, 440, 725, 1179, 1921, 3108, 4975, 7812, 11956, 17625, 24743,
            32768, 40793, 47911, 53580, 57724, 60561, 62428, 63615, 64357, 64811, 65096, 65269,
            65374, 65438, 65476, 65500, 65514,
        ];
        let mut squash = [0; 4096];
        for (between, knots) in squash.chunks_exact_mut(128).zip(KNOTS.windows(2)) {
            let &[from, to] = knots else { continue };
            for (part, s) in (0i64..).zip(between) {
                *s = (from + (((to - from) * part) >> 7)) as u16;
            }
        }
        let mut stretch = [0; 4096];
        for (p, s) in (8u32..).step_by(16).zip(&mut stretch) {
            let at = squash.partition_point(|s| u32::from(*s) < p).min(4095);
            *s = at as i16 - 2048;
        }
        Tables { stretch, squash }
    })
}

/// A counter: a probability of 1 (of 65536) and how often it was asked, which sets how fast it moves.
#[derive(Debug, Clone, Copy)]
struct Counter {
    p: u16,
    n: u16,
}

/// Events that a counter remembers at most.
const MOST_SEEN: u16 = 1023;

/// `65536 / (n + 1.5)`: how far a counter moves that was asked n times.
const RATES: [u32; MOST_SEEN as usize + 1] = {
    let mut rates = [0; MOST_SEEN as usize + 1];
    let mut left: &mut [u32] = &mut rates;
    let mut n = 0;
    while let [rate, after @ ..] = left {
        *rate = 131_072 / (2 * n + 3);
        n += 1;
        left = after;
    }
    rates
};

const FRESH: Counter = Counter { p: 32768, n: 0 };

impl Counter {
    #[allow(clippy::indexing_slicing, reason = "a table of MOST_SEEN + 1")]
    fn update(&mut self, bit: bool, limit: u16) {
        let rate = i64::from(RATES[usize::from(self.n.min(limit).min(MOST_SEEN))]);
        let target = if bit { 65535i64 } else { 0 };
        let p = i64::from(self.p);
        let step = ((target - p) * rate) >> 16;
        self.p = (p + step).clamp(32, 65503) as u16;
        self.n = (self.n + 1).min(MOST_SEEN);
    }
}

/// Predictions that are mixed at most.
pub const INPUTS: usize = 6;

/// A set of decisions that share their kinds of contexts: a table of counters for each, one after another, and mixing
/// weights chosen by one more context.
#[derive(Debug, Clone)]
pub struct Model {
    counters: Vec<Counter>,
    sizes: [usize; INPUTS],
    weights: Vec<[i32; INPUTS]>,
    limit: u16,
}

impl Model {
    /// A model whose i-th context is below `sizes[i]`, its set of weights below `sets`; counters forget after about
    /// `limit` events (32 to 1023).
    pub fn new(sizes: &[usize], sets: usize, limit: u16) -> Self {
        let inputs = sizes.len().min(INPUTS) as i32;
        let mut all = [0; INPUTS];
        all.iter_mut()
            .zip(sizes)
            .for_each(|(a, s)| *a = (*s).max(1));
        let even = 65536i32 * 5 / 4 / inputs.max(1);
        Self {
            counters: vec![FRESH; all.iter().sum()],
            sizes: all,
            weights: vec![[even; INPUTS]; sets],
            limit: limit.min(MOST_SEEN),
        }
    }

    /// Codes a decision by a context for each table; contexts out of range count as the last.
    ///
    /// # Errors
    /// Those of the coder.
    pub fn code<B: Bits, const N: usize>(
        &mut self,
        io: &mut B,
        bit: bool,
        contexts: &[usize; N],
        set: usize,
    ) -> Result<bool> {
        let t = tables();
        let last = self.weights.len().max(1) - 1;
        let weights = self.weights.at_mut(set.min(last))?;
        // Of each table the counter's place and what it says.
        let mut all = [(0, 0i32); N];
        let mut first = 0usize;
        let mut dot = 0i64;
        let tables = contexts.iter().zip(&self.sizes).zip(&*weights);
        for (((context, size), weight), (at, st)) in tables.zip(&mut all) {
            *at = first + (*context).min(size.max(&1) - 1);
            first += size;
            let c = self.counters.at(*at)?;
            *st = t.stretch(c.p);
            // A fresh counter knows nothing; a young one little.
            if c.n < 4 {
                *st = *st * i32::from(c.n) / 4;
            }
            dot += i64::from(*weight) * i64::from(*st);
        }
        let p = t.squash(dot >> 16).clamp(24, 65512);
        let bit = io.bit(bit, p)?;
        let err = if bit { 65535i64 } else { 0 } - i64::from(p);
        for ((at, st), weight) in all.into_iter().zip(weights) {
            // Error of 16 bits by a stretch of 8 fraction bits; rate 1/64.
            let step = (err * i64::from(st)) >> 14;
            *weight = (*weight + step as i32).clamp(-(1 << 20), 1 << 20);
            self.counters.at_mut(at)?.update(bit, self.limit);
        }
        Ok(bit)
    }
}

/// Codes `value` (0 or more) by Exp-Golomb with an adaptive counter for each bit of the prefix, and plain bits after it.
#[derive(Debug, Clone)]
pub struct Golomb {
    prefix: Model,
    rest: Model,
    contexts: usize,
}

/// Bits of the longest prefix.
const PREFIX: usize = 20;

impl Golomb {
    /// For values in each of `contexts`.
    pub fn new(contexts: usize) -> Self {
        Self {
            prefix: Model::new(&[contexts * PREFIX, PREFIX], 1, 255),
            rest: Model::new(&[PREFIX * 2], 1, 255),
            contexts,
        }
    }

    /// Codes a value; gives it.
    ///
    /// # Errors
    /// [`Error::Format`] for a value of more than 20 bits.
    pub fn code<B: Bits>(&mut self, io: &mut B, value: u32, context: usize) -> Result<u32> {
        let context = context.min(self.contexts.max(1) - 1);
        // A number that has no next one is too large as well.
        let next = value.saturating_add(1);
        let n = next.ilog2() as usize;
        let mut lengths = 0..PREFIX;
        let length = loop {
            let Some(length) = lengths.next() else {
                return Err(Error::Format("a number too large".into()));
            };
            let contexts = [joint(context, [(length, PREFIX)]), length];
            if !self.prefix.code(io, length < n, &contexts, 0)? {
                break length;
            }
        };
        let mut v = 1u32;
        for i in (0..length).rev() {
            let bit = next >> i & 1 == 1;
            // The first bit after the leading one is worth learning.
            let c = length << 1 | usize::from(v > 1);
            v = v << 1 | u32::from(self.rest.code(io, bit, &[c], 0)?);
        }
        Ok(v - 1)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    type Decision = (bool, usize, usize, usize);

    fn model() -> Model {
        Model::new(&[5, 30], 3, 255)
    }

    fn code<B: Bits>(io: &mut B, all: &[Decision]) -> Vec<bool> {
        let mut m = model();
        let each = all
            .iter()
            .map(|(bit, a, b, set)| m.code(io, *bit, &[*a, *b], *set).unwrap());
        each.collect()
    }

    proptest! {
        #[test]
        fn decisions_come_back_and_cost_what_was_counted(
            skew in 1u32..100,
            seeds in prop::collection::vec((0u32..100, 0usize..8, 0usize..40, 0usize..5), 0..3000),
        ) {
            // Contexts out of range too; they count as the last.
            let all: Vec<Decision> = seeds.iter().map(|(p, a, b, set)| (*p < skew, *a, *b, *set)).collect();
            let mut io = RangeEncoder::new();
            code(&mut io, &all);
            let bytes = io.finish();
            let mut cost = Cost::default();
            code(&mut cost, &all);
            let real = bytes.len() as f64 * 8.0;
            prop_assert!(real <= cost.bits * 1.001 + 80.0, "{real} {}", cost.bits);
            prop_assert!(real >= cost.bits * 0.999 - 80.0, "{real} {}", cost.bits);
            let nothing: Vec<Decision> = all.iter().map(|(_, a, b, set)| (false, *a, *b, *set)).collect();
            let back = code(&mut RangeDecoder::new(&bytes).unwrap(), &nothing);
            prop_assert!(back.iter().zip(&all).all(|(b, a)| *b == a.0));
        }

        #[test]
        fn numbers_come_back(all in prop::collection::vec((0u32..20, any::<u32>(), 0usize..5), 0..400)) {
            // All lengths alike, up to the largest number.
            let values: Vec<(u32, usize)> = all.iter().map(|(n, v, c)| (v % ((2u32 << n) - 1), *c)).collect();
            let mut io = RangeEncoder::new();
            let mut g = Golomb::new(4);
            for (v, c) in &values {
                prop_assert_eq!(g.code(&mut io, *v, *c).unwrap(), *v);
            }
            let bytes = io.finish();
            let (mut io, mut g) = (RangeDecoder::new(&bytes).unwrap(), Golomb::new(4));
            for (v, c) in &values {
                prop_assert_eq!(g.code(&mut io, 0, *c).unwrap(), *v);
            }
        }
    }

    #[test]
    fn a_number_of_more_than_20_bits_is_refused() {
        let mut g = Golomb::new(1);
        let largest = (1 << PREFIX) - 2;
        assert_eq!(g.code(&mut Cost::default(), largest, 0).unwrap(), largest);
        assert!(matches!(
            g.code(&mut Cost::default(), largest + 1, 0),
            Err(Error::Format(_))
        ));
    }

    #[test]
    fn what_repeats_costs_next_to_nothing() {
        let mut cost = Cost::default();
        code(&mut cost, &[(true, 1, 2, 0); 1000]);
        assert!(cost.bits < 40.0, "{}", cost.bits);
        let mut m = model();
        let mut two = Cost::default();
        for i in 0..1000 {
            m.code(&mut two, i % 2 > 0, &[i % 2, 0], 0).unwrap();
        }
        assert!(two.bits < 80.0, "{}", two.bits);
    }

    #[test]
    fn a_probability_survives_its_logarithm() {
        let t = tables();
        assert!(t.squash.is_sorted() && t.stretch.is_sorted());
        for p in (32..4064).step_by(7) {
            let back = t.squash[(t.stretch[p] + 2048) as usize];
            assert!(back.abs_diff(p as u16 * 16) < 200, "{p} {back}");
        }
    }
}
