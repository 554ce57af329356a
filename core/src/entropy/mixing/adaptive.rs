//! A probability for each of some states, learnt as decisions come.

use super::counter::RATES;

/// Probabilities in 22 bits with the number of decisions that each has seen in 10.
#[derive(Debug, Clone)]
pub struct Adaptive {
    pub(super) all: Vec<u32>,
    limit: u32,
}

impl Adaptive {
    /// For states below `states`, all even at first; each forgets after `limit` decisions (1 to 1023).
    #[must_use]
    pub fn new(states: usize, limit: u32) -> Self {
        Self {
            all: vec![1 << 31; states],
            limit: limit.clamp(1, 1023),
        }
    }

    /// With a starting probability for each state, in 65536ths.
    #[must_use]
    pub fn starting(states: impl IntoIterator<Item = u16>, limit: u32) -> Self {
        Self {
            all: states.into_iter().map(|p| u32::from(p) << 16).collect(),
            limit: limit.clamp(1, 1023),
        }
    }

    /// States that there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The probability of a 1 in `state`, in 65536ths.
    ///
    /// # Panics
    /// For a state that there is not: the caller's context has a type or a mask that bounds it.
    #[inline(always)]
    #[must_use]
    pub fn p(&self, state: usize) -> u16 {
        (self.all[state] >> 16) as u16
    }

    /// Asks for a state that is coming.
    #[inline(always)]
    pub fn prefetch(&self, state: usize) {
        super::prefetch(&self.all, state);
    }

    /// Decisions seen in `state`.
    ///
    /// # Panics
    /// As [`Self::p`].
    #[inline(always)]
    #[must_use]
    pub fn seen(&self, state: usize) -> u32 {
        self.all[state] & 1023
    }

    /// Learns a decision in `state`.
    ///
    /// # Panics
    /// As [`Self::p`].
    #[inline(always)]
    pub fn update(&mut self, state: usize, bit: bool) {
        let v = &mut self.all[state];
        let (p, n) = (*v >> 10, *v & 1023);
        let target = if bit { (1i64 << 22) - 1 } else { 0 };
        // Below 2^22 times 2^16; the result lies between p and the target.
        let step = ((target - i64::from(p)) * i64::from(RATES[n as usize])) >> 16;
        let p = (i64::from(p) + step) as u32;
        *v = p << 10 | if n < self.limit { n + 1 } else { n };
    }
}
