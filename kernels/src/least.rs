//! The few smallest of many numbers: which codes a search goes on with.
#![allow(unsafe_code)]

use crate::arch;
use crate::error::{KernelError, Result, rows, same};
use crate::generic::least::Least;
use crate::handle::{Kernels, enter};

impl Kernels {
    /// The smallest numbers of each row of `x` [T, n], in ascending order, the lower index first on ties: `out`
    /// [T, as many as are wanted]. Infinity and NaN are passed over; where too few numbers are left, [`Least::NONE`]
    /// follows them.
    ///
    /// # Errors
    /// [`KernelError::Length`] if `x` is not whole rows or `out` is not as many rows; [`KernelError::Range`] for rows
    /// too long for `u32` indices.
    pub fn least(&self, n: usize, x: &[f32], out: &mut [Least]) -> Result<()> {
        let t = rows("x", x.len(), n)?;
        if u32::try_from(n).is_err() {
            return Err(KernelError::Range {
                what: "row",
                got: n,
            });
        }
        if t == 0 {
            return same("out", 0, out.len());
        }
        let wanted = rows("out", out.len(), t)?;
        if wanted > 0 {
            for (x, out) in x.chunks_exact(n).zip(out.chunks_exact_mut(wanted)) {
                enter!(self, least(x, out));
            }
        }
        Ok(())
    }
}
