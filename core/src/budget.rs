//! One budget for every allocation that a file's word controls.

use std::io::Read;

use crate::{Error, Result};

/// Bytes that are read at first where nobody knows how many there are.
const STEP: u64 = 1 << 16;

/// Bytes that a decoder may still allocate. Charge before allocating.
#[derive(Debug, Clone)]
pub struct Budget {
    left: u64,
}

impl Budget {
    /// The default: 1 GiB.
    pub const DEFAULT: u64 = 1 << 30;

    /// A budget of `bytes`.
    pub const fn new(bytes: u64) -> Self {
        Self { left: bytes }
    }

    /// Takes `bytes` from the budget.
    ///
    /// # Errors
    /// [`Error::Limit`] when less is left; nothing is taken then.
    pub fn charge(&mut self, bytes: u64) -> Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Error::Limit(format!(
                "{bytes} bytes needed, {} left in the budget (raise it with -M)",
                self.left
            ))),
        }
    }

    /// Gives back what was charged and has been freed.
    pub fn release(&mut self, bytes: u64) {
        self.left = self.left.saturating_add(bytes);
    }

    /// Reads at most `most` bytes, or to the end where that comes first.
    ///
    /// They are charged step by step as they come and stay charged, so that memory follows what is there and not
    /// what a length claims.
    ///
    /// # Errors
    /// [`Error::Limit`] where more is there than the budget holds; I/O.
    pub fn read(&mut self, mut r: impl Read, most: u64) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        loop {
            let done = out.len() as u64;
            let step = done.max(STEP).min(most.saturating_sub(done));
            if step == 0 {
                return Ok(out);
            }
            if self.left == 0 {
                // One byte more tells whether anything is missing.
                if r.by_ref().take(1).read_to_end(&mut Vec::new())? > 0 {
                    self.charge(1)?;
                }
                return Ok(out);
            }
            let step = step.min(self.left);
            self.charge(step)?;
            // Fits: below what is left, and twice what is there.
            out.reserve_exact(usize::try_from(step).unwrap_or(usize::MAX));
            let n = r.by_ref().take(step).read_to_end(&mut out)? as u64;
            self.release(step.saturating_sub(n));
            if n < step {
                return Ok(out);
            }
        }
    }

    /// Bytes left.
    pub const fn left(&self) -> u64 {
        self.left
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(Self::DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reading_charges_what_is_there() {
        let data = vec![7u8; 300_000];
        for (budget, most, read) in [
            (1 << 20, u64::MAX, Some(300_000)),
            (300_000, u64::MAX, Some(300_000)),
            (299_999, u64::MAX, None),
            (0, u64::MAX, None),
            (0, 0, Some(0)),
            (100, 100, Some(100)),
            (1 << 20, 70_000, Some(70_000)),
        ] {
            let mut b = Budget::new(budget);
            match (b.read(&data[..], most), read) {
                (Ok(got), Some(n)) => {
                    assert_eq!((got.len(), b.left()), (n, budget - n as u64));
                    assert!(got.capacity() <= n.max(1) * 2);
                }
                (Err(Error::Limit(_)), None) => {}
                (got, _) => unreachable!("{budget} {most}: {:?}", got.map(|g| g.len())),
            }
        }
        assert_eq!(Budget::new(0).read(&[][..], 9).unwrap(), [0u8; 0]);
    }
}
