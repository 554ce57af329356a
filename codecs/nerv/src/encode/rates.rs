//! What coefficients would cost, estimated, and the choice of coefficients by it.
//!
//! The real coder mixes and learns as it goes, which a search over candidates cannot follow. So bits are taken from counts
//! of the last passes, in the same kinds of contexts.

use crate::coefficient_coding::{BANDS, KINDS, NEAR, PEAK, around, band, near};
use crate::gop::CLASSES;

/// Bits of decisions, estimated from how often they were taken; for choosing coefficients, never for coding them.
#[derive(Debug, Clone)]
pub struct Rates {
    /// Of magnitudes 0, 1, 2 and 3 or more, by kind, band and neighbourhood.
    counts: Vec<[f32; 4]>,
    bits: Vec<[f32; 4]>,
    /// Of empty blocks and others, by kind and full neighbours.
    full: Vec<[f32; 2]>,
    full_bits: Vec<[f32; 2]>,
    /// Of the last place, by kind, in buckets of doubling size.
    last: Vec<[f32; 9]>,
    last_bits: Vec<[f32; 9]>,
}

impl Default for Rates {
    fn default() -> Self {
        let cells = KINDS * CLASSES * BANDS * NEAR;
        let mut counts = vec![[0.0; 4]; cells];
        for (i, c) in counts.iter_mut().enumerate() {
            let e = 0.08 + 0.08 * (i % NEAR) as f32;
            *c = [1.0 - e, e * 0.75, e * 0.17, e * 0.08].map(|v| v * 8.0);
        }
        let mut r = Self {
            bits: counts.clone(),
            counts,
            full: (0..KINDS * CLASSES * 3)
                .map(|i| [4.0, 1.0 + (i % 3) as f32 * 3.0])
                .collect(),
            full_bits: vec![[0.0; 2]; KINDS * CLASSES * 3],
            last: vec![[2.0; 9]; KINDS * CLASSES],
            last_bits: vec![[0.0; 9]; KINDS * CLASSES],
        };
        r.refresh(1.0);
        r
    }
}

fn bits_of<const N: usize>(c: &[f32; N]) -> [f32; N] {
    let sum: f32 = c.iter().sum();
    c.map(|v| -(v / sum).max(1e-5).log2())
}

fn bucket(i: usize) -> usize {
    (i + 1).ilog2() as usize
}

impl Rates {
    /// All numbers, for a checkpoint.
    pub fn to_floats(&self) -> Vec<f32> {
        let four = [&self.counts, &self.bits].into_iter().flatten().flatten();
        let two = [&self.full, &self.full_bits]
            .into_iter()
            .flatten()
            .flatten();
        let nine = [&self.last, &self.last_bits]
            .into_iter()
            .flatten()
            .flatten();
        four.chain(two).chain(nine).copied().collect()
    }

    /// What [`Self::to_floats`] gave; none for another count of numbers.
    pub fn from_floats(floats: &[f32]) -> Option<Self> {
        let mut r = Self::default();
        let mut from = floats.iter();
        let four = [&mut r.counts, &mut r.bits].into_iter().flatten().flatten();
        let two = [&mut r.full, &mut r.full_bits]
            .into_iter()
            .flatten()
            .flatten();
        let nine = [&mut r.last, &mut r.last_bits]
            .into_iter()
            .flatten()
            .flatten();
        for v in four.chain(two).chain(nine) {
            *v = *from.next()?;
        }
        from.next().is_none().then_some(r)
    }

    /// Turns counts into bits, and lets the counts fade.
    pub fn refresh(&mut self, keep: f32) {
        for (c, b) in self.counts.iter_mut().zip(&mut self.bits) {
            *b = bits_of(c);
            b[3] += 1.0;
            c.iter_mut()
                .zip([0.4, 0.1, 0.03, 0.02])
                .for_each(|(c, p)| *c = *c * keep + p);
        }
        for (c, b) in self.full.iter_mut().zip(&mut self.full_bits) {
            *b = bits_of(c);
            c.iter_mut().for_each(|c| *c = *c * keep + 0.1);
        }
        for (c, b) in self.last.iter_mut().zip(&mut self.last_bits) {
            *b = bits_of(c);
            for (i, b) in b.iter_mut().enumerate() {
                *b += i as f32 * 0.9;
            }
            c.iter_mut().for_each(|c| *c = *c * keep + 0.05);
        }
    }

    /// Adds what another has counted.
    pub fn add(&mut self, o: &Tally) {
        for (i, m) in &o.numbers {
            self.counts[*i as usize][usize::from(*m)] += 1.0;
        }
        for (i, m) in &o.full {
            self.full[*i as usize][usize::from(*m)] += 1.0;
        }
        for (i, m) in &o.last {
            self.last[*i as usize][usize::from(*m)] += 1.0;
        }
    }

    #[inline]
    fn number(&self, cell: usize, v: i32) -> f32 {
        let b = &self.bits[cell];
        match v {
            0..=2 => b[v as usize],
            _ => b[3] + 2.0 * ((v - 2) as f32).log2(),
        }
    }
}

/// Decisions that were taken in one frame.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    numbers: Vec<(u32, u8)>,
    full: Vec<(u32, u8)>,
    last: Vec<(u32, u8)>,
}

impl Tally {
    /// Adds the decisions of a block as [`quantise`] left it.
    pub fn count(&mut self, k: usize, class: usize, n: usize, scan: &[u8], full: usize, q: &[i16]) {
        let kc = k * CLASSES + class;
        let last = scan.iter().rposition(|at| q[usize::from(*at)] != 0);
        self.full
            .push(((kc * 3 + full) as u32, u8::from(last.is_some())));
        let Some(last) = last else { return };
        self.last.push((kc as u32, bucket(last) as u8));
        for at in scan[..last].iter().rev() {
            let at = usize::from(*at);
            let (y, x) = (at / n, at % n);
            // What lies around a place comes after it in the scan.
            let ce = (kc * BANDS + band(n, y, x)) * NEAR + near(around(n, q, y, x));
            self.numbers
                .push((ce as u32, q[at].unsigned_abs().min(3) as u8));
        }
    }
}

/// Quantises one block so that squared error plus `lambda` a bit is small; `c` are coefficients in steps. Gives the cost
/// in units of a squared step.
#[allow(clippy::too_many_arguments)]
pub fn quantise(
    rates: &Rates,
    k: usize,
    class: usize,
    n: usize,
    scan: &[u8],
    full: usize,
    c: &[f32],
    lambda: f32,
    q: &mut [i16],
) -> f32 {
    let kc = k * CLASSES + class;
    let cell = |bd: usize, nb: usize| (kc * BANDS + bd) * NEAR + nb;
    q.fill(0);
    let last_bits = &rates.last_bits[kc];
    // Distortion of zero everywhere.
    let zero: f32 = c.iter().map(|v| v * v).sum();
    let empty_bits = rates.full_bits[kc * 3 + full];
    let empty = zero + lambda * empty_bits[0];
    let mut cost = zero + lambda * empty_bits[1];
    let mut last: Option<usize> = None;
    // Cheapest place to stop dropping the tail: cost of everything before it counted as if it were the last.
    for i in (0..n * n).rev() {
        let at = usize::from(scan[i]);
        let v = c[at].abs();
        if last.is_none() && v < 0.5 {
            continue;
        }
        let (y, x) = (at / n, at % n);
        let bd = band(n, y, x);
        match last {
            None => {
                let r = (v.round() as i32).min(PEAK);
                let nb = 0;
                let ce = cell(bd, nb);
                // The last place is never zero, which its magnitude's bits know.
                let known = -(1.0 - 2f32.powf(-rates.bits[ce][0])).max(1e-3).log2();
                let mut best = (0.0, 0);
                for m in [r, r - 1] {
                    if m < 1 {
                        continue;
                    }
                    let d = (v - m as f32) * (v - m as f32) - v * v;
                    // Zeros up to here would have to be paid by a coefficient further down: charge the
                    // difference to a last place of half the distance.
                    let j = d + lambda
                        * (rates.number(ce, m) - known + 1.0 + last_bits[bucket(i)]
                            - last_bits[bucket(i / 3)]
                            + 0.15 * (i - i / 3) as f32);
                    if j < best.0 {
                        best = (j, m);
                    }
                }
                if best.1 > 0 {
                    let d = (v - best.1 as f32) * (v - best.1 as f32) - v * v;
                    cost += d + lambda
                        * (rates.number(ce, best.1) - known + 1.0 + last_bits[bucket(i)]);
                    q[at] = if c[at] < 0.0 { -best.1 } else { best.1 } as i16;
                    last = Some(i);
                }
            }
            Some(_) => {
                let nb = near(around(n, q, y, x));
                let ce = cell(bd, nb);
                let mut best = (lambda * rates.bits[ce][0], 0);
                let r = (v.round() as i32).min(PEAK);
                for m in [r, r - 1] {
                    if m < 1 {
                        continue;
                    }
                    let d = (v - m as f32) * (v - m as f32) - v * v;
                    let j = d + lambda * (rates.number(ce, m) + 1.0);
                    if j < best.0 {
                        best = (j, m);
                    }
                }
                cost += best.0;
                q[at] = if c[at] < 0.0 { -best.1 } else { best.1 } as i16;
            }
        }
    }
    if last.is_none() || cost >= empty {
        q.fill(0);
        return empty;
    }
    cost
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dct::scan;
    use nc_core::rng::Rng;
    use proptest::prelude::*;

    /// Squared error and bits of a choice, counted anew.
    #[allow(clippy::too_many_arguments)]
    fn cost(
        r: &Rates,
        kc: usize,
        n: usize,
        scan: &[u8],
        full: usize,
        c: &[f32],
        lambda: f32,
        q: &[i16],
    ) -> f32 {
        let off = |(c, q): (&f32, &i16)| (c - f32::from(*q)) * (c - f32::from(*q));
        let error: f32 = c.iter().zip(q).map(off).sum();
        let Some(last) = scan.iter().rposition(|at| q[usize::from(*at)] != 0) else {
            return error + lambda * r.full_bits[kc * 3 + full][0];
        };
        let mut bits = r.full_bits[kc * 3 + full][1] + r.last_bits[kc][bucket(last)];
        for (i, at) in scan[..=last].iter().enumerate() {
            let at = usize::from(*at);
            let (y, x) = (at / n, at % n);
            let nb = if i == last {
                0
            } else {
                near(around(n, q, y, x))
            };
            let cell = (kc * BANDS + band(n, y, x)) * NEAR + nb;
            let v = i32::from(q[at]).abs();
            bits += r.number(cell, v) + if v > 0 { 1.0 } else { 0.0 };
            if i == last {
                bits += (1.0 - 2f32.powf(-r.bits[cell][0])).max(1e-3).log2();
            }
        }
        error + lambda * bits
    }

    proptest! {
        #[test]
        fn a_choice_costs_what_it_says_and_no_more_than_an_empty_block(
            big in any::<bool>(),
            k in 0usize..KINDS,
            class in 0usize..CLASSES,
            full in 0usize..3,
            lambda in 0.001f32..2.0,
            height in 0.1f32..40.0,
            passes in 0usize..3,
            seed in any::<u64>(),
        ) {
            let n = if big { 16 } else { 8 };
            let scan = scan(n);
            let mut rng = Rng::new(seed);
            let mut block = || -> Vec<f32> {
                let of = |i: usize| height * rng.normal() / (1.0 + (i / n + i % n) as f32);
                (0..n * n).map(of).collect()
            };
            let mut rates = Rates::default();
            let mut q = vec![0; n * n];
            for _ in 0..passes {
                let mut tally = Tally::default();
                for _ in 0..20 {
                    quantise(&rates, k, class, n, scan, full, &block(), lambda, &mut q);
                    tally.count(k, class, n, scan, full, &q);
                }
                rates.add(&tally);
                rates.refresh(0.6);
            }
            let c = block();
            let said = quantise(&rates, k, class, n, scan, full, &c, lambda, &mut q);
            let kc = k * CLASSES + class;
            let real = cost(&rates, kc, n, scan, full, &c, lambda, &q);
            prop_assert!((said - real).abs() <= 1e-3 * real.abs() + 1e-3, "{said} {real}");
            let empty = cost(&rates, kc, n, scan, full, &c, lambda, &vec![0; n * n]);
            prop_assert!(said <= empty * 1.0001, "{said} {empty}");
            for (c, q) in c.iter().zip(&q) {
                prop_assert!(f32::from(*q).abs() <= c.abs() + 0.5 && f32::from(*q) * c >= 0.0);
            }
        }
    }

    #[test]
    fn where_bits_are_free_every_coefficient_is_the_nearest() {
        let mut rng = Rng::new(2);
        let c: Vec<f32> = (0..64).map(|_| 3.0 * rng.normal()).collect();
        let mut q = vec![0; 64];
        quantise(&Rates::default(), 0, 0, 8, scan(8), 0, &c, 0.0, &mut q);
        assert!(c.iter().zip(&q).all(|(c, q)| c.round() as i16 == *q));
    }

    #[test]
    fn what_was_seen_often_becomes_cheap() {
        let mut rates = Rates::default();
        let mut c = vec![0.0; 64];
        c[0] = 2.0;
        let mut q = vec![0; 64];
        let mut choose = |rates: &Rates, tally: &mut Tally| {
            let cost = quantise(rates, 0, 1, 8, scan(8), 0, &c, 0.1, &mut q);
            tally.count(0, 1, 8, scan(8), 0, &q);
            cost
        };
        let before = choose(&rates, &mut Tally::default());
        for _ in 0..5 {
            let mut tally = Tally::default();
            for _ in 0..50 {
                choose(&rates, &mut tally);
            }
            rates.add(&tally);
            rates.refresh(0.6);
        }
        let after = choose(&rates, &mut Tally::default());
        assert!(after < before * 0.7, "{before} {after}");
    }
}
