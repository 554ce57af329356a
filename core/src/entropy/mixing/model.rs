//! Decisions with a few dense contexts: counters, a mixer and a map in one call.

use super::logistic::squash;
use super::{Bits, Counter, Mixer, Rate, Refine};
use crate::{Error, Result};

/// By how much the counters' fast estimate moves: 1 in 2^4.
const FAST: u32 = 4;

/// A set of decisions that share their kinds of contexts: a table of counters for each, inputs from outside beside them, and
/// sets of weights chosen by further contexts.
#[derive(Debug, Clone)]
pub struct Model {
    pub(super) counters: Vec<Counter>,
    /// Of each context how many there are, and where its counters begin.
    tables: Vec<(usize, usize)>,
    /// Where the counters of the last decision are.
    at: Vec<usize>,
    pub(super) mixer: Mixer,
    pub(super) refine: Refine,
    limit: u16,
}

impl Model {
    /// A model whose i-th context is below `sizes[i]` and whose i-th choice of weights is below `sets[i]`, with `outside`
    /// inputs from outside; counters forget after `limit` decisions (1 to 1023).
    ///
    /// # Errors
    /// As [`Mixer::new`]; [`Error::Usage`] for more counters than fit.
    pub fn new(
        sizes: &[usize],
        outside: usize,
        sets: &[usize],
        limit: u16,
        rate: Rate,
    ) -> Result<Self> {
        let mut tables = Vec::with_capacity(sizes.len());
        let mut all = 0usize;
        for size in sizes {
            tables.push((*size, all));
            let sum = all.checked_add(*size);
            all = sum.ok_or_else(|| Error::Usage("too many contexts".into()))?;
        }
        Ok(Self {
            counters: vec![Counter::FRESH; all],
            at: vec![0; sizes.len()],
            mixer: Mixer::new(2 * sizes.len() + outside + 1, sets, 1, rate)?,
            refine: Refine::new(sets.first().copied().unwrap_or(1), 6),
            tables,
            limit: limit.clamp(1, 1023),
        })
    }

    /// Codes a decision by a context for each table, logarithms from outside (256ths, -2880 to 2880) and choices of weights;
    /// gives the decision.
    ///
    /// # Errors
    /// [`Error::Usage`] for another number of any of them, or one out of its range.
    #[inline]
    pub fn code<B: Bits>(
        &mut self,
        io: &mut B,
        bit: bool,
        contexts: &[usize],
        outside: &[i16],
        sets: &[usize],
    ) -> Result<bool> {
        let refuse = || Error::Usage("a context that a model has not".into());
        let x = self.mixer.inputs();
        if contexts.len() != self.tables.len() || x.len() != 2 * contexts.len() + outside.len() + 1
        {
            return Err(refuse());
        }
        let (counted, given) = x.split_at_mut(2 * contexts.len());
        let tables = self.tables.iter().zip(&mut self.at);
        for ((context, x), ((size, first), at)) in
            contexts.iter().zip(counted.chunks_exact_mut(2)).zip(tables)
        {
            if context >= size {
                return Err(refuse());
            }
            *at = first + context;
            x.copy_from_slice(&self.counters[*at].inputs());
        }
        given[0] = 64;
        given[1..].copy_from_slice(outside);
        let answer = self.mixer.mix(sets, 0)?;
        // `mix` has found the choice in its range.
        let refined = self.refine.refine(answer, sets[0]);
        let bit = io.bit(bit, (squash(answer) + refined + 1) >> 1);
        self.mixer.update(bit)?;
        self.refine.update(bit);
        for at in &self.at {
            self.counters[*at].update(bit, self.limit, FAST);
        }
        Ok(bit)
    }
}
