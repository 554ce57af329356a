//! A counter for a dense context: a slow and a fast probability, and how often it was asked.

use super::logistic::stretch;

/// Two estimates of the probability of a 1, in 65536ths, and the number of decisions seen.
///
/// The slow one is the mean of all decisions until their number reaches a limit, then it forgets; the fast one follows the
/// last few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    pub(super) slow: u16,
    pub(super) fast: u16,
    pub(super) seen: u16,
}

/// `65536 / (n + 1.5)`: how far a counter moves that has seen n.
pub(super) static RATES: [u32; 1024] = {
    let mut rates = [0; 1024];
    let mut n = 0;
    while n < 1024 {
        rates[n] = 131_072 / (2 * n as u32 + 3);
        n += 1;
    }
    rates
};

/// Of a logarithm in 16ths, what counts after 0, 1, 2.. decisions: one that has seen nothing knows nothing.
const TRUST: [i32; 8] = [0, 6, 9, 11, 13, 14, 15, 16];

impl Counter {
    /// One that has seen nothing.
    pub const FRESH: Self = Self {
        slow: 32768,
        fast: 32768,
        seen: 0,
    };

    /// One that starts at a probability (in 65536ths) as if from `seen` decisions, at most 1023.
    #[must_use]
    pub fn starting(p: u16, seen: u16) -> Self {
        Self {
            slow: p,
            fast: p,
            seen: seen.min(1023),
        }
    }

    /// The slow estimate in 65536ths.
    #[must_use]
    pub fn p(self) -> u16 {
        self.slow
    }

    /// Decisions seen, at most 1023.
    #[must_use]
    pub fn seen(self) -> u16 {
        self.seen
    }

    /// What it tells a mixer: the logarithms of the slow and the fast estimate, less the less it has seen.
    #[inline(always)]
    #[must_use]
    pub fn inputs(self) -> [i16; 2] {
        let trust = TRUST[usize::from(self.seen.min(7))];
        // Below 2^12 times 16.
        let weigh = |p: u16| ((stretch(p) * trust) >> 4) as i16;
        [weigh(self.slow), weigh(self.fast)]
    }

    /// Learns a decision. `limit` (up to 1023) is after how many decisions the slow estimate forgets, `fast` (1 to 15)
    /// says that the fast one moves by 1 in `2^fast`.
    #[inline(always)]
    pub fn update(&mut self, bit: bool, limit: u16, fast: u32) {
        let target = if bit { 65535i32 } else { 0 };
        let rate = RATES[usize::from(self.seen.min(limit) & 1023)] as i32;
        // Below 2^16 times at most 43691: in 32 bits by halves.
        let toward = |p: u16, rate: i32| {
            let step = (i64::from(target - i32::from(p)) * i64::from(rate)) >> 16;
            (i32::from(p) + step as i32) as u16
        };
        self.slow = toward(self.slow, rate);
        self.fast = toward(self.fast, rate.max(65536 >> fast.min(15)));
        self.seen = (self.seen + 1).min(1023);
    }
}
