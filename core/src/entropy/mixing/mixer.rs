//! The mixer: predictions in, one probability out, by weights that learn.

use nc_kernels::{Kernels, ROW};

use super::logistic::{MOST, squash};
use crate::{Error, Result};

/// How fast weights learn: a step is `rate / 2^20` of error times input, both as real numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// The rate at first, up to 32767.
    pub start: u16,
    /// The rate that it sinks to.
    pub floor: u16,
    /// After each decision the distance to the floor shrinks by 1 in `2^slowness` (up to 16).
    pub slowness: u8,
}

impl Rate {
    /// For some ten inputs and thousands of decisions.
    pub const MEDIUM: Self = Self {
        start: 12000,
        floor: 2000,
        slowness: 10,
    };
}

/// Sets of weights that a mixer chooses at most for a decision.
const MOST_SETS: usize = ROW;
/// A weight of 1 in its high half.
const ONE: i32 = 4096;
/// Largest rate times energy: 2 as a real number, where `rate` has 20 bits of fraction and an energy 16. From 8 on
/// a step makes an error larger, for no logistic curve is steeper than 1/4.
const STABLE: u64 = 2 << 36;

/// Mixes inputs by several sets of weights at once, each chosen by a context of its own, and the sets' answers by a second
/// layer of weights.
///
/// Each set learns from its own answer's error, so that it is good alone; the second layer learns which are good where. The
/// step is bounded by the inputs' energy (their squares' sum), as a long one would make errors larger: in flat areas, where all inputs
/// are large and agree, rates that are good elsewhere blow up.
#[derive(Debug, Clone)]
pub struct Mixer {
    kernels: Kernels,
    /// Inputs in 256ths of a logarithm, zeros behind them up to a multiple of [`ROW`].
    x: Vec<i16>,
    inputs: usize,
    /// Rows of weights: first layer, then second; see [`Kernels::logistic_dot`].
    pub(super) first: Vec<i16>,
    pub(super) second: Vec<i16>,
    /// Contexts of each choice, and the row of its first.
    sets: Vec<(u32, u32)>,
    lasts: u32,
    rows: [u32; MOST_SETS],
    last: u32,
    /// The sets' answers as logarithms, and the answer.
    answers: [i16; ROW],
    answer: i32,
    rate: Rate,
    /// The current rate, with 16 bits of fraction.
    pub(super) now: u32,
}

impl Mixer {
    /// For so many inputs and a choice of weights below each of `sets` (16 choices at most, one at least); the second
    /// layer's is below `last`. Without a second choice there is no second layer. Weights begin at 1.25 over the
    /// inputs, or 1/6 where that is more; those of the second layer at 1 over the number of choices.
    ///
    /// # Errors
    /// [`Error::Usage`] for shapes beyond that, or rows of weights beyond 2^32.
    pub fn new(inputs: usize, sets: &[usize], last: usize, rate: Rate) -> Result<Self> {
        let refuse = || Error::Usage("a mixer of impossible shape".into());
        let width = inputs.next_multiple_of(ROW).max(ROW);
        let mut rows = 0u32;
        let mut all = Vec::new();
        for set in sets {
            let n = u32::try_from(*set).map_err(|_| refuse())?;
            all.push((n, rows));
            rows = rows.checked_add(n).ok_or_else(refuse)?;
        }
        let lasts = u32::try_from(last).map_err(|_| refuse())?;
        if inputs == 0 || sets.is_empty() || sets.len() > MOST_SETS || lasts == 0 {
            return Err(refuse());
        }
        // A row: high halves, then low ones.
        let row = |n: usize, width: usize, weight: i32| {
            let mut row = vec![0i16; 2 * width];
            row[..n].fill(weight as i16);
            row
        };
        let even = (ONE * 5 / 4 / inputs as i32).max(ONE / 6);
        let second = row(sets.len(), ROW, ONE / sets.len() as i32);
        Ok(Self {
            kernels: Kernels::best(),
            x: vec![0; width],
            inputs,
            first: row(inputs, width, even).repeat(rows as usize),
            second: second.repeat(last),
            sets: all,
            lasts,
            rows: [0; MOST_SETS],
            last: 0,
            answers: [0; ROW],
            answer: 0,
            rate,
            now: u32::from(rate.start) << 16,
        })
    }

    /// Sets the weights of all sets to these, in 4096ths, as far as they go.
    pub fn start(&mut self, weights: &[i16]) {
        let width = self.x.len();
        for row in self.first.chunks_exact_mut(2 * width) {
            for (w, weight) in row.iter_mut().zip(weights).take(self.inputs) {
                *w = *weight;
            }
        }
    }

    /// The inputs of the next decision, to be written: logarithms in 256ths, between -2880 and 2880. They keep their
    /// values from one decision to the next.
    #[inline(always)]
    pub fn inputs(&mut self) -> &mut [i16] {
        &mut self.x[..self.inputs]
    }

    /// The logarithm of the probability of a 1, by the sets of weights of `choices` and the second layer's of `last`.
    ///
    /// # Errors
    /// [`Error::Usage`] for choices that there are not.
    #[inline]
    pub fn mix(&mut self, choices: &[usize], last: usize) -> Result<i32> {
        let n = self.sets.len();
        let refuse = || Error::Usage("a set of weights that a mixer has not".into());
        if choices.len() != n || last >= self.lasts as usize {
            return Err(refuse());
        }
        for ((row, choice), (below, first)) in self.rows.iter_mut().zip(choices).zip(&self.sets) {
            if *choice >= *below as usize {
                return Err(refuse());
            }
            *row = first + *choice as u32;
        }
        let fault = |e| Error::Internal(format!("mixer: {e}").into());
        let mut dots = [0i32; MOST_SETS];
        let (rows, dots) = (&self.rows[..n], &mut dots[..n]);
        (self.kernels.logistic_dot(&self.x, &self.first, rows, dots)).map_err(fault)?;
        for (answer, dot) in self.answers.iter_mut().zip(&*dots) {
            *answer = (dot >> 6).clamp(-MOST, MOST) as i16;
        }
        self.answer = i32::from(self.answers[0]);
        if n > 1 {
            self.last = last as u32;
            let mut dot = [0];
            (self.kernels)
                .logistic_dot(&self.answers, &self.second, &[self.last], &mut dot)
                .map_err(fault)?;
            self.answer = (dot[0] >> 6).clamp(-MOST, MOST);
        }
        Ok(self.answer)
    }

    /// Learns what came of the last mix.
    ///
    /// # Errors
    /// None but [`Error::Internal`].
    #[inline]
    pub fn update(&mut self, bit: bool) -> Result<()> {
        let n = self.sets.len();
        let fault = |e| Error::Internal(format!("mixer: {e}").into());
        let target = if bit { 65536i32 } else { 0 };
        // Squares below 2^30, in 16 bits of fraction.
        let energy = |x: &[i16]| {
            x.iter()
                .map(|x| i64::from(i32::from(*x) * i32::from(*x)))
                .sum::<i64>() as u64
        };
        let rate = u64::from(self.now >> 16);
        let bounded = |energy: u64| -> i64 {
            if rate * energy > STABLE {
                (STABLE / energy) as i64
            } else {
                rate as i64
            }
        };
        // Error of 16 bits, rate of 20, input of 8: a weight has 28 bits of fraction.
        let step = |x: i32, rate: i64| {
            let error = i64::from(target - squash(x) as i32);
            ((error * rate + 32768) >> 16).clamp(-32768, 32767) as i16
        };
        let rate1 = bounded(energy(&self.x));
        let mut steps = [0i16; MOST_SETS];
        for (s, answer) in steps.iter_mut().zip(&self.answers[..n]) {
            *s = step(i32::from(*answer), rate1);
        }
        let (rows, steps) = (&self.rows[..n], &steps[..n]);
        (self
            .kernels
            .logistic_step(&self.x, &mut self.first, rows, steps))
        .map_err(fault)?;
        if n > 1 {
            let e = step(
                self.answer,
                bounded(energy(&self.answers)).min(rate as i64 / 4 + 1),
            );
            (self.kernels)
                .logistic_step(&self.answers, &mut self.second, &[self.last], &[e])
                .map_err(fault)?;
        }
        let floor = u32::from(self.rate.floor) << 16;
        let above = self.now.abs_diff(floor) >> self.rate.slowness.min(16);
        if self.now > floor {
            self.now -= above;
        } else {
            self.now += above;
        }
        Ok(())
    }
}
