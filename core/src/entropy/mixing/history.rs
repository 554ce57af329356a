//! A byte that stands for the decisions seen in a context: the last four exactly, then two counts and the last one.
//!
//! State 0 has seen nothing; a state of a larger number has seen at least as much. States 1 to 30 are the histories of one
//! to four decisions: `2^n - 1` plus the decisions as a number, the first in the highest place. The rest are the pairs of counts `(zeros, ones)`
//! of five or more, together with the last decision, in the order of their sum, then of zeros, then of the last decision;
//! the larger count is at most 41, 24, 12, 6, 5, 5 where the smaller is 0, 1, 2, 3, 4, 5, and there is no last decision apart where the other count is 0.
//! A decision adds to its count and, where the other count is above 2, lowers that as `lowered` says, for what was long ago
//! tells little; then the larger count falls until the pair is one that exists. A pair of less than five becomes the exact history with
//! the other decisions first.

/// Most that the larger count can be, by the smaller.
const LARGEST: [u8; 6] = [41, 24, 12, 6, 5, 5];

const fn exists(zeros: u8, ones: u8) -> bool {
    let (less, more) = if zeros < ones {
        (zeros, ones)
    } else {
        (ones, zeros)
    };
    (less as usize) < LARGEST.len() && more <= LARGEST[less as usize]
}

/// What is left of a count when the other decision comes: 0, 1, 2, 2, 3, 3, 4, 4, then 5.
const fn lowered(n: u8) -> u8 {
    match n {
        0..=2 => n,
        3 => 2,
        4 | 5 => 3,
        6 | 7 => 4,
        _ => 5,
    }
}

/// States that there are: 0 to 250.
pub const STATES: u8 = 251;

struct Tables {
    next: [[u8; 2]; 256],
    counts: [[u8; 2]; 256],
}

/// A history of at most four decisions.
const fn short(length: u32, bits: u32) -> u8 {
    ((1 << length) - 1 + bits) as u8
}

static TABLES: Tables = {
    let mut counts = [[0u8; 2]; 256];
    let mut last = [0u8; 256];
    // Numbers of the pairs: by zeros, ones and the last decision.
    let mut number = [[[0u8; 2]; 48]; 48];
    let mut n = 1;
    while n <= 4 {
        let mut bits = 0u32;
        while bits < 1 << n {
            let ones = bits.count_ones();
            counts[short(n, bits) as usize] = [(n - ones) as u8, ones as u8];
            bits += 1;
        }
        n += 1;
    }
    let mut states = 31;
    let mut sum = 5;
    while sum <= 41 {
        let mut zeros = 0;
        while zeros <= sum {
            let ones = sum - zeros;
            if exists(zeros, ones) {
                let mut bit = 0;
                while bit < 2 {
                    // The last decision is one that was seen.
                    if (bit == 0 && zeros > 0) || (bit == 1 && ones > 0) {
                        counts[states] = [zeros, ones];
                        last[states] = bit;
                        number[zeros as usize][ones as usize][bit as usize] = states as u8;
                        states += 1;
                    }
                    bit += 1;
                }
            }
            zeros += 1;
        }
        sum += 1;
    }
    assert!(states == STATES as usize);
    let mut next = [[0u8; 2]; 256];
    let mut state = 0;
    while state < states {
        let mut bit = 0;
        while bit < 2 {
            // Histories of up to three grow by the decision.
            next[state][bit] = if state < 15 {
                let length = (state as u32 + 1).ilog2();
                let bits = state as u32 + 1 - (1 << length);
                short(length + 1, bits << 1 | bit as u32)
            } else {
                let mut c = counts[state];
                c[bit] += 1;
                c[1 - bit] = lowered(c[1 - bit]);
                while !exists(c[0], c[1]) {
                    let more = if c[0] > c[1] { 0 } else { 1 };
                    c[more] -= 1;
                }
                let (this, other) = (c[bit] as u32, c[1 - bit] as u32);
                if this + other < 5 {
                    // The other decisions, then this one's.
                    let ones = if bit == 1 {
                        (1 << this) - 1
                    } else {
                        ((1 << other) - 1) << this
                    };
                    short(this + other, ones)
                } else {
                    number[c[0] as usize][c[1] as usize][bit]
                }
            };
            bit += 1;
        }
        state += 1;
    }
    Tables { next, counts }
};

/// The state after one more decision.
#[inline(always)]
#[must_use]
pub fn next(state: u8, bit: bool) -> u8 {
    TABLES.next[usize::from(state)][usize::from(bit)]
}

/// Zeros and ones that a state stands for.
#[inline(always)]
#[must_use]
pub fn counts(state: u8) -> [u8; 2] {
    TABLES.counts[usize::from(state)]
}

/// What a state means before anything was learnt of it: a probability in 65536ths.
#[must_use]
pub fn prior(state: u8) -> u16 {
    let [zeros, ones] = counts(state).map(u32::from);
    // (ones + .4) / (all + .8), at most 42.4 / 42.8 of 65536.
    ((ones * 10 + 4) * 65536 / ((zeros + ones) * 10 + 8)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_sound() {
        for state in 0..STATES {
            let [zeros, ones] = counts(state);
            for bit in [false, true] {
                let n = next(state, bit);
                let [z, o] = counts(n);
                assert!(if bit {
                    o > 0 && z <= zeros
                } else {
                    z > 0 && o <= ones
                });
            }
        }
        // From nothing, every kind of certainty is reached and left.
        let run = |bit| (0..99).fold(0u8, |s, _| next(s, bit));
        assert_eq!(counts(run(true)), [0, 41]);
        assert_eq!(counts(run(false)), [41, 0]);
        assert_eq!(counts(next(run(true), false)), [1, 5]);
    }
}
