//! Mixing in the logistic domain: the checked calls, and a hint for the cache.
#![allow(unsafe_code)]

use crate::arch::logistic as levels;
use crate::error::{KernelError, Result, rows as whole, same};
use crate::handle::Kernels;
use crate::level::Level;

/// Words that a row of weights is a multiple of.
pub const ROW: usize = 16;

macro_rules! enter_logistic {
    ($self:ident, $name:ident($($a:expr),*)) => {
        // SAFETY: `Kernels::new` admits available levels only; the caller has checked the lengths.
        unsafe {
            match $self.level {
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 | Level::Avx512 => levels::avx2::$name($($a),*),
                #[cfg(target_arch = "x86_64")]
                Level::Sse2 => levels::sse2::$name($($a),*),
                _ => levels::scalar::$name($($a),*),
            }
        }
    };
}

fn check(x: &[i16], w: usize, rows: &[u32], other: usize) -> Result<()> {
    if x.is_empty() {
        return Err(KernelError::Range {
            what: "inputs",
            got: 0,
        });
    }
    whole("inputs", x.len(), ROW)?;
    same("rows", rows.len(), other)?;
    let most = w / (2 * x.len());
    match rows.iter().find(|r| **r as usize >= most) {
        None => Ok(()),
        Some(r) => Err(KernelError::Range {
            what: "row",
            got: *r as usize,
        }),
    }
}

impl Kernels {
    /// `out[s]` = the sum over k of `(x[2k] w[2k] + x[2k+1] w[2k+1]) >> 6`, wrapping in 32 bits, where `w` is row `rows[s]`
    /// of the weights. A row has `2 x.len()` words: the high halves of its weights, then the low ones, which count for
    /// nothing here.
    ///
    /// # Errors
    /// [`KernelError::Length`] where `x` is no multiple of [`ROW`] or `out` not as long as `rows`, [`KernelError::Range`]
    /// for a row that `weights` does not have.
    #[inline]
    pub fn logistic_dot(
        &self,
        x: &[i16],
        weights: &[i16],
        rows: &[u32],
        out: &mut [i32],
    ) -> Result<()> {
        check(x, weights.len(), rows, out.len())?;
        enter_logistic!(self, logistic_dot(x, weights, rows, out));
        Ok(())
    }

    /// Adds `x[i] steps[s]` to weight i of row `rows[s]`, as 32-bit numbers whose high half saturates.
    ///
    /// # Errors
    /// As [`Self::logistic_dot`].
    #[inline]
    pub fn logistic_step(
        &self,
        x: &[i16],
        weights: &mut [i16],
        rows: &[u32],
        steps: &[i16],
    ) -> Result<()> {
        check(x, weights.len(), rows, steps.len())?;
        enter_logistic!(self, logistic_step(x, weights, rows, steps));
        Ok(())
    }
}

/// Asks for the cache line of `slice[at]`, if there is one, where the machine has a way to ask; changes nothing else.
#[inline(always)]
pub fn prefetch<T>(slice: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(x) = slice.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: SSE is part of x86-64, and the pointer is a reference's.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(x).cast()) }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, at);
}
