//! One budget for every allocation that a file's word controls.

use crate::{Error, Result};

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
