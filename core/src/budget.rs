//! One budget for every allocation that a file's word controls.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Limit;
use crate::{Error, Result};

/// Bytes that are read at first where nobody knows how many there are.
const STEP: u64 = 1 << 16;

/// A reservation in a pool of memory: what it has charged goes back to the pool when it is dropped.
///
/// Charge before allocating, and keep the reservation as long as what it paid for. [`Self::share`] makes another
/// reservation of the same pool, for work that ends before this one does:
///
/// ```
/// let mut budget = nc_core::Budget::new(100);
/// budget.charge(60)?;
/// {
///     let mut work = budget.share();
///     work.charge(30)?;
///     assert_eq!(budget.left(), 10);
///     assert!(work.charge(11).is_err());
/// }
/// assert_eq!(budget.left(), 40);
/// # Ok::<(), nc_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Budget {
    pool: Arc<Pool>,
    held: u64,
}

#[derive(Debug)]
struct Pool {
    size: u64,
    left: AtomicU64,
}

impl Budget {
    /// The default: 1 GiB.
    pub const DEFAULT: u64 = 1 << 30;

    /// A pool of `bytes`, and a reservation in it that holds nothing yet.
    pub fn new(bytes: u64) -> Self {
        let left = AtomicU64::new(bytes);
        Self {
            pool: Arc::new(Pool { size: bytes, left }),
            held: 0,
        }
    }

    /// Another reservation of the same pool, which holds nothing yet.
    #[must_use]
    pub fn share(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            held: 0,
        }
    }

    /// A pool of its own as large as this one was at first, for what does not count together with this.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self::new(self.pool.size)
    }

    /// Takes `bytes` from the pool.
    ///
    /// # Errors
    /// [`Error::Limit`] when less is left; nothing is taken then.
    pub fn charge(&mut self, bytes: u64) -> Result<()> {
        let take = |left: u64| left.checked_sub(bytes);
        match (self.pool.left).fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => {
                // The pool never holds more than `size`, so neither does the sum of its reservations.
                self.held += bytes;
                Ok(())
            }
            Err(left) => Err(Error::Limit(Limit::Memory {
                needed: bytes,
                left,
            })),
        }
    }

    /// Gives back what was charged and has been freed; all that is held where that is less.
    pub fn release(&mut self, bytes: u64) {
        let bytes = bytes.min(self.held);
        self.held -= bytes;
        self.pool.left.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Takes over what another reservation of the same pool holds.
    pub fn absorb(&mut self, mut other: Self) {
        if Arc::ptr_eq(&self.pool, &other.pool) {
            self.held += std::mem::take(&mut other.held);
        }
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
            if self.left() == 0 {
                // One byte more tells whether anything is missing.
                if r.by_ref().take(1).read_to_end(&mut Vec::new())? > 0 {
                    self.charge(1)?;
                }
                return Ok(out);
            }
            let step = step.min(self.left());
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

    /// Bytes left in the pool.
    pub fn left(&self) -> u64 {
        self.pool.left.load(Ordering::Relaxed)
    }

    /// Bytes that this reservation holds.
    pub const fn held(&self) -> u64 {
        self.held
    }
}

impl Drop for Budget {
    fn drop(&mut self) {
        self.release(self.held);
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
                (got, _) => panic!("{budget} {most}: {:?}", got.map(|g| g.len())),
            }
        }
        assert_eq!(Budget::new(0).read(&[][..], 9).unwrap(), [0u8; 0]);
    }
}
