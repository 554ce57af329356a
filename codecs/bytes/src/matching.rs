//! The match model: what followed when the last bytes were last seen.

use nc_core::entropy::mixing::{Adaptive, stretch};

/// Lengths of matches told apart.
const LENGTHS: usize = 32;

/// A pointer to where the last bytes stood before, followed as long as it is right.
#[derive(Debug, Clone)]
pub(crate) struct Match {
    table: Vec<u32>,
    shift: u32,
    least: usize,
    /// The byte that comes next by the match; none where `length` is 0.
    at: usize,
    length: usize,
    /// Right and wrong predictions by length and by expected bit.
    hits: Adaptive,
    state: usize,
    expected: u32,
    miss: u32,
}

/// A length's class, below 32, and 0 for none.
fn class(length: usize) -> usize {
    match length {
        0..=15 => length,
        16..=31 => 16 + (length - 16) / 4,
        32..=511 => 20 + (length - 32) / 48,
        _ => LENGTHS - 2,
    }
}

impl Match {
    /// Matches of at least `least` bytes (4 to 8 are sensible), with `2^bits` pointers.
    pub(crate) fn new(least: usize, bits: u32) -> Self {
        let start = (0..LENGTHS * 4).map(|s| 65535 - (32768 / (s / 4 + 1).min(255)) as u16);
        Self {
            table: vec![0; 1 << bits],
            shift: 32 - bits,
            least,
            at: 0,
            length: 0,
            hits: Adaptive::starting(start, 1023),
            state: 0,
            expected: 0,
            miss: 0,
        }
    }

    /// The byte expected, with a 1 before it; 0 for none.
    pub(crate) fn expected(&self) -> u32 {
        if self.length > 0 { self.expected } else { 0 }
    }

    /// The class of the match's length, below 32.
    pub(crate) fn class(&self) -> usize {
        if self.length > 0 {
            class(self.length)
        } else {
            0
        }
    }

    /// The inputs of a decision after the bits `so_far` of a byte (with a 1 before them).
    #[inline]
    pub(crate) fn inputs(&mut self, so_far: u32, bits: u32, x: &mut [i16]) {
        // A byte that went another way has no say any more.
        if self.length > 0 && self.expected >> (8 - bits) != so_far {
            self.length = 0;
            self.miss = (self.miss << 1 | 1) & 255;
        }
        if self.length == 0 {
            self.state = usize::MAX;
            x[..2].fill(0);
            return;
        }
        let bit = self.expected >> (7 - bits) & 1;
        let recent = match self.miss & 15 {
            0 => 0,
            m => 1 + usize::from(m.count_ones() > 1),
        };
        self.state = class(self.length) * 4 + recent;
        let right = stretch(self.hits.p(self.state)) as i16;
        let sure = ((i32::from(self.hits.p(self.state)) - 32768) >> 5) as i16;
        (x[0], x[1]) = if bit > 0 {
            (right, sure)
        } else {
            (-right, -sure)
        };
    }

    /// Learns a decision.
    #[inline]
    pub(crate) fn update(&mut self, bit: bool, bits: u32) {
        if self.state != usize::MAX {
            let right = (self.expected >> (7 - bits) & 1 == 1) == bit;
            self.hits.update(self.state, right);
        }
    }

    /// After a byte: `past` ends with it.
    pub(crate) fn step(&mut self, past: &[u8]) {
        let n = past.len();
        if self.length > 0 && past.get(self.at) == past.last() {
            self.length = (self.length + 1).min(65535);
            self.at += 1;
            if self.length & 15 == 0 {
                self.miss >>= 1;
            }
        } else {
            if self.length > 0 {
                self.miss = (self.miss << 1 | 1) & 255;
            }
            self.length = 0;
        }
        if n < self.least {
            return;
        }
        let hash = past[n - self.least..].iter().fold(0u32, |h, b| {
            (h ^ u32::from(*b))
                .wrapping_mul(0x9e37_79b1)
                .rotate_left(11)
        });
        let slot = &mut self.table[(hash.wrapping_mul(0x85eb_ca6b) >> self.shift) as usize];
        if self.length == 0 {
            let at = *slot as usize;
            let same = past[..at].iter().rev().zip(past.iter().rev());
            let length = same.take(400).take_while(|(a, b)| a == b).count();
            // What is shorter was a clash of hashes.
            if at > 0 && length >= self.least {
                (self.at, self.length) = (at, length);
            }
        }
        *slot = n as u32;
        self.expected = match past.get(self.at) {
            Some(b) => 256 | u32::from(*b),
            None => 0,
        };
        if self.expected == 0 {
            self.length = 0;
        }
    }
}
