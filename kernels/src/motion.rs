//! Interpolation of pictures: the checked calls.
#![allow(unsafe_code)]

use crate::arch;
use crate::error::{KernelError, Result};
use crate::generic::motion::Piece;
use crate::handle::{Kernels, enter};

/// A block of a picture whose samples are wanted from between others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Samples from one row to the next.
    pub stride: usize,
    /// The sample that an unfiltered block begins with.
    pub at: usize,
    /// Columns and rows, at most 16 each.
    pub size: [usize; 2],
}

impl Block {
    /// The piece, if the filters' `taps` around it stay inside `len` samples.
    fn piece(&self, len: usize, taps: usize) -> Result<Piece> {
        let [n, m] = self.size;
        let outside = KernelError::Range {
            what: "block",
            got: self.at,
        };
        let reach = taps / 2;
        if n > 16 || m > 16 {
            return Err(outside);
        }
        let before = self
            .stride
            .checked_mul(reach)
            .and_then(|s| s.checked_add(reach));
        let after = self
            .stride
            .checked_mul(m + reach)
            .and_then(|s| s.checked_add(n + reach));
        let inside = before.is_some_and(|b| b <= self.at)
            && after
                .and_then(|a| a.checked_add(self.at))
                .is_some_and(|end| end <= len);
        inside
            .then_some(Piece {
                stride: self.stride,
                at: self.at,
                n,
                m,
            })
            .ok_or(outside)
    }
}

impl Kernels {
    /// Samples of `from` at `block`, interpolated by separable filters over columns and rows whose taps sum to 64 and of
    /// which the first meets the sample 3 before; `None` copies in that direction. Sums over columns are kept whole,
    /// then those over rows rounded: `(sum + 2048) >> 12` (6 bits where one direction is copied), and clamped to
    /// `0..=peak`. `out` takes the rows one after the other.
    ///
    /// # Errors
    /// [`KernelError::Range`] where the block or what its filters reach leaves `from`, or is larger than 16 x 16.
    pub fn interpolate8(
        &self,
        from: &[u16],
        block: &Block,
        taps: [Option<&[i32; 8]>; 2],
        peak: i32,
        out: &mut [i32; 256],
    ) -> Result<()> {
        let p = block.piece(from.len(), 8)?;
        enter!(self, interpolate8(&p, from, taps, peak, out));
        Ok(())
    }

    /// As [`Self::interpolate8`] with four taps, the first of which meets the sample before.
    ///
    /// # Errors
    /// As [`Self::interpolate8`].
    pub fn interpolate4(
        &self,
        from: &[u16],
        block: &Block,
        taps: [Option<&[i32; 4]>; 2],
        peak: i32,
        out: &mut [i32; 256],
    ) -> Result<()> {
        let p = block.piece(from.len(), 4)?;
        enter!(self, interpolate4(&p, from, taps, peak, out));
        Ok(())
    }
}
