//! Logits to an integer cumulative distribution, for an entropy coder that must not see floats.
//!
//! The exponentials are this crate's own; the sum and the division are f64 in a fixed order. Each symbol gets at
//! least 1 of the 2^bits, so that every symbol can be coded, and the total is exact.

use crate::Kernels;
use crate::error::{KernelError, Result, same};

/// Most symbols of a distribution.
pub const MAX_SYMBOLS: usize = 4096;

impl Kernels {
    /// Writes the cumulative distribution of softmax(`logits`) `[n]` to `out` `[n + 1]`: `out[0]` = 0, `out[n]` = 2^bits,
    /// strictly increasing.
    ///
    /// With m the greatest logit and e_i = exp(l_i - m): f_i = 1 + floor(e_i * ((2^bits - n) / sum(e))); what is
    /// missing to 2^bits goes to the most probable symbol, the lowest index on ties. NaN counts as -infinity, and
    /// infinities as the greatest and least finite numbers; so if all logits are NaN or -infinity, the result is
    /// uniform.
    ///
    /// # Errors
    /// [`KernelError::Range`] unless 1 <= n <= 4096, bits <= 31 and n <= 2^bits;
    /// [`KernelError::Length`] unless `out` is [n + 1].
    pub fn softmax_cdf(&self, logits: &[f32], out: &mut [u32], precision_bits: u32) -> Result<()> {
        let n = logits.len();
        let range = |what, got| Err(KernelError::Range { what, got });
        if precision_bits > 31 {
            return range("precision_bits", precision_bits as usize);
        }
        let total = 1u32 << precision_bits;
        if n == 0 || n > MAX_SYMBOLS || n > total as usize {
            return range("logits", n);
        }
        same("out", n + 1, out.len())?;

        let mut e = [0f32; MAX_SYMBOLS];
        let e = &mut e[..n];
        for (v, l) in e.iter_mut().zip(logits) {
            *v = if l.is_nan() {
                f32::MIN
            } else {
                l.clamp(f32::MIN, f32::MAX)
            };
        }
        let mut best = 0;
        for (i, v) in e.iter().enumerate() {
            if *v > e[best] {
                best = i;
            }
        }
        let max = e[best];
        for v in e.iter_mut() {
            *v -= max;
        }
        self.exp(e);

        // Eight partial sums, then a fixed tree; f64, in which the rounding is far below one count.
        let mut part = [0f64; 8];
        let groups = e.chunks_exact(8);
        let rest = groups.remainder();
        for g in groups {
            for (p, v) in part.iter_mut().zip(g) {
                *p += f64::from(*v);
            }
        }
        for (p, v) in part.iter_mut().zip(rest) {
            *p += f64::from(*v);
        }
        for half in [4, 2, 1] {
            for i in 0..half {
                part[i] += part[i + half];
            }
        }
        let spare = f64::from(total - n as u32);
        let scale = spare / part[0];

        let mut used = 0u32;
        for (o, v) in out.iter_mut().zip(e.iter()) {
            // At most 2^31 in all: each term is at most its share of `spare`, up to a relative 1e-13.
            *o = (f64::from(*v) * scale) as u32 + 1;
            used += *o;
        }
        out[best] += total - used;

        let mut sum = 0u32;
        for o in out.iter_mut() {
            let f = *o;
            *o = sum;
            sum = sum.wrapping_add(f);
        }
        out[n] = total;
        Ok(())
    }
}
