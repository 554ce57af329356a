//! The smallest numbers of a row: blocks are compared with the worst of those found, whole vectors at a time, and only
//! a block that has a smaller one is looked at number by number.
#![allow(unsafe_code)]

/// One of the smallest numbers of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Least {
    /// The number; infinity where the row has no more numbers below it.
    pub value: f32,
    /// Where it stands in its row; 0 beside an infinite value.
    pub index: u32,
}

impl Least {
    /// What stands where a row has no more numbers.
    pub const NONE: Self = Self {
        value: f32::INFINITY,
        index: 0,
    };
}

/// Numbers that are compared together.
const BLOCK: usize = 32;

/// The `out.len()` smallest numbers of `x`, ascending, the lower index first on ties.
///
/// # Safety
/// None beside the CPU features of the caller; `unsafe` to be an entry point.
#[inline(always)]
pub(crate) unsafe fn least(x: &[f32], out: &mut [Least]) {
    out.fill(Least::NONE);
    let mut limit = f32::INFINITY;
    let mut at = 0u32;
    for block in x.chunks(BLOCK) {
        // Without an early exit the compiler makes vectors of it.
        let below = block.iter().fold(false, |any, v| any | (*v < limit));
        if below {
            for (index, value) in (at..).zip(block) {
                if *value < limit {
                    limit = insert(
                        out,
                        Least {
                            value: *value,
                            index,
                        },
                    );
                }
            }
        }
        at += BLOCK as u32;
    }
}

/// Puts a number, smaller than the last of those found, into its place among them and gives what is then the last.
fn insert(out: &mut [Least], new: Least) -> f32 {
    let place = out.partition_point(|l| l.value <= new.value);
    let mut carry = new;
    for l in &mut out[place..] {
        carry = std::mem::replace(l, carry);
    }
    out[out.len() - 1].value
}
