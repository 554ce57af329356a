//! The handle through which every kernel is called: it checks the lengths, then enters the chosen level.
//!
//! This is the only place where a level's code is called, and the level of a handle is one that the machine has, so
//! the safety of all vector code rests on the checks in this file.
#![allow(unsafe_code)]

use crate::arch;
use crate::error::{KernelError, Result, rows, same};
use crate::level::Level;
use crate::packed::PackedLinear;

/// Calls an entry point of the handle's level.
macro_rules! enter {
    ($self:ident, $name:ident($($a:expr),*)) => {
        // SAFETY: `Kernels::new` admits available levels only; each caller has checked the lengths.
        unsafe {
            match $self.level {
                #[cfg(target_arch = "x86_64")]
                crate::level::Level::Sse2 => arch::x86::sse2::$name($($a),*),
                #[cfg(target_arch = "x86_64")]
                crate::level::Level::Avx2 => arch::x86::avx2::$name($($a),*),
                #[cfg(target_arch = "x86_64")]
                crate::level::Level::Avx512 => arch::x86::avx512::$name($($a),*),
                _ => arch::scalar::$name($($a),*),
            }
        }
    };
}
pub(crate) use enter;

macro_rules! elementwise {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $( $(#[$doc])* pub fn $name(&self, x: &mut [f32]) { enter!(self, $name(x)) } )*
    };
}

/// Where the taps of a depthwise convolution lie; missing input frames count as zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// (K - 1) / 2 frames on each side, K odd: T frames in, T frames out.
    Same,
    /// K - 1 frames on the left: T frames in, T frames out, no look-ahead.
    Causal,
    /// None: T frames in, T - K + 1 out (0 if T < K). With the missing frames supplied by the caller this gives the
    /// same bits as the others, which lets a stream be computed in pieces.
    Valid,
}

/// All kernels, at one SIMD level. A plain copyable value.
///
/// Activations are row-major [T, C]: T frames, channels last. Every method's result is the same bits at every level
/// and on every machine, except that a NaN's sign and payload are unspecified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels {
    pub(crate) level: Level,
}

impl Default for Kernels {
    fn default() -> Self {
        Self::best()
    }
}

impl Kernels {
    /// Kernels at `level`.
    ///
    /// # Errors
    /// [`KernelError::Level`] if this machine does not have it.
    pub fn new(level: Level) -> Result<Self> {
        if Level::available().contains(&level) {
            Ok(Self { level })
        } else {
            Err(KernelError::Level(level))
        }
    }

    /// Kernels at the fastest level of this machine.
    #[must_use]
    pub fn best() -> Self {
        Self {
            level: Level::best(),
        }
    }

    /// The level of this handle.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level
    }

    /// Linear layer: `x` [T, inputs] to `y` [T, outputs]. See [`PackedLinear`] for the order of the sums.
    ///
    /// # Errors
    /// [`KernelError::Length`] if `x` or `y` does not fit.
    pub fn linear(&self, w: &PackedLinear, x: &[f32], y: &mut [f32]) -> Result<()> {
        let (k, out) = (w.inputs(), w.outputs());
        let t = rows("x", x.len(), k)?;
        same("y", t.saturating_mul(out), y.len())?;
        if t > 0 {
            enter!(self, linear(t, k, out, x, &w.weight, &w.bias, y));
        }
        Ok(())
    }

    /// Brings each row of `k` probabilities to a sum of one; a row whose sum is not above 1e-30 becomes even. Sixteen
    /// partial sums (element i to sum i mod 16), then sums i and i + 8, i + 4, i + 2, i + 1 added; each element is
    /// multiplied by the reciprocal.
    ///
    /// # Errors
    /// [`KernelError::Length`] if `rows` is not whole rows.
    pub fn normalise(&self, k: usize, rows: &mut [f32]) -> Result<()> {
        self::rows("rows", rows.len(), k)?;
        if k > 0 {
            enter!(self, normalise(k, rows));
        }
        Ok(())
    }

    /// Multiplies `rows` by `by`, then [`Self::normalise`].
    ///
    /// # Errors
    /// [`KernelError::Length`] if the two are not the same number of whole rows.
    pub fn absorb(&self, k: usize, rows: &mut [f32], by: &[f32]) -> Result<()> {
        self::rows("rows", rows.len(), k)?;
        same("by", rows.len(), by.len())?;
        if k > 0 {
            enter!(self, absorb(k, rows, by));
        }
        Ok(())
    }

    /// `out = a b`, element by element.
    ///
    /// # Errors
    /// [`KernelError::Length`] if the lengths differ.
    pub fn multiply(&self, a: &[f32], b: &[f32], out: &mut [f32]) -> Result<()> {
        same("b", a.len(), b.len())?;
        same("out", a.len(), out.len())?;
        enter!(self, multiply(a, b, out));
        Ok(())
    }

    /// The likelihood `m = high - low + 1/16` of one row's states. Differences are below 2^24.
    ///
    /// # Errors
    /// [`KernelError::Length`] if the lengths differ.
    pub fn observe(&self, low: &[u32], high: &[u32], m: &mut [f32]) -> Result<()> {
        same("low", m.len(), low.len())?;
        same("high", m.len(), high.len())?;
        enter!(self, observe(low, high, m));
        Ok(())
    }

    /// [`Self::normalise`]s each row of `k`, and gives the integers `floor(total * element)`; `total` is at
    /// most 2^24.
    ///
    /// # Errors
    /// [`KernelError::Length`] if a slice does not fit, [`KernelError::Range`] for a greater total.
    pub fn shares(&self, k: usize, total: u32, rows: &mut [f32], out: &mut [u32]) -> Result<()> {
        self::rows("rows", rows.len(), k)?;
        same("out", rows.len(), out.len())?;
        if total > 1 << 24 {
            return Err(KernelError::Range {
                what: "total",
                got: total as usize,
            });
        }
        if k > 0 {
            enter!(self, shares(k, total, rows, out));
        }
        Ok(())
    }

    /// The sum of products of two rows of integers, modulo 2^64; of the shorter one's length.
    #[must_use]
    #[inline]
    pub fn mix(&self, weights: &[u32], row: &[u32]) -> u64 {
        /// Rows that are shorter than the way to a level's code.
        const SHORT: usize = 16;
        if row.len() <= SHORT {
            return crate::generic::mixture::mix(weights, row);
        }
        let mut out = 0;
        enter!(self, mix(weights, row, &mut out));
        out
    }

    /// Depthwise convolution along time: `x` `[T, C]`, `w` `[K, C]`, `bias` `[C]`, `y` `[T, C]` (or `[T - K + 1, C]`).
    ///
    /// Each output starts at 0, adds `x * w` for the taps ascending (`w[0]` meets the earliest frame), then the bias.
    ///
    /// # Errors
    /// [`KernelError::Length`] if a slice does not fit, [`KernelError::Range`] if K is even with [`Padding::Same`].
    pub fn depthwise_conv1d(
        &self,
        x: &[f32],
        w: &[f32],
        bias: &[f32],
        padding: Padding,
        y: &mut [f32],
    ) -> Result<()> {
        let c = bias.len();
        let t = rows("x", x.len(), c)?;
        let taps = rows("w", w.len(), c)?;
        if taps == 0 || (padding == Padding::Same && taps.is_multiple_of(2)) {
            return Err(KernelError::Range {
                what: "taps",
                got: taps,
            });
        }
        let (left, ty) = match padding {
            Padding::Same => ((taps - 1) / 2, t),
            Padding::Causal => (taps - 1, t),
            Padding::Valid => (0, (t + 1).saturating_sub(taps)),
        };
        same("y", ty * c, y.len())?;
        enter!(self, depthwise(c, left, x, w, bias, y));
        Ok(())
    }

    /// Layer normalisation over the channels of `x` [T, C], in place: (x - mean) / sqrt(var + eps) * gamma + beta,
    /// with the population variance, as PyTorch's `nn.LayerNorm`.
    ///
    /// Sums are taken in sixteen partial sums (element c goes to sum c mod 16, ascending), which are then added
    /// pairwise: i and i + 8, i and i + 4, i and i + 2, i and i + 1.
    ///
    /// # Errors
    /// [`KernelError::Length`] if a slice does not fit.
    pub fn layer_norm(&self, x: &mut [f32], gamma: &[f32], beta: &[f32], eps: f32) -> Result<()> {
        let c = gamma.len();
        rows("x", x.len(), c)?;
        same("beta", c, beta.len())?;
        enter!(self, layer_norm(c, x, gamma, beta, eps));
        Ok(())
    }

    /// `x` `[T, C]` += gamma `[C]` * `y` `[T, C]`.
    ///
    /// # Errors
    /// [`KernelError::Length`] if a slice does not fit.
    pub fn residual_scale_add(&self, x: &mut [f32], y: &[f32], gamma: &[f32]) -> Result<()> {
        let c = gamma.len();
        rows("x", x.len(), c)?;
        same("y", x.len(), y.len())?;
        enter!(self, scale_add(c, x, y, gamma));
        Ok(())
    }

    /// Dot product over sixteen partial sums, in the order of [`layer_norm`](Self::layer_norm).
    ///
    /// # Errors
    /// [`KernelError::Length`] if the lengths differ.
    pub fn dot(&self, a: &[f32], b: &[f32]) -> Result<f32> {
        same("b", a.len(), b.len())?;
        let mut out = 0f32;
        enter!(self, dot(a, b, &mut out));
        Ok(out)
    }

    elementwise! {
        /// e^x in place, within 1.5 units in the last place. Below -87.3 (results under 1.2e-38) the result is 0, above
        /// 88.72283 it is infinity.
        exp;
        /// Natural logarithm in place, within 1.5 units in the last place; subnormal arguments included. ln 0 is
        /// -infinity, negative arguments give NaN.
        ln;
        /// Sine in place for |x| <= 12000, absolute error under 1.2e-7; NaN beyond.
        sin;
        /// Cosine in place for |x| <= 12000, absolute error under 1.2e-7; NaN beyond.
        cos;
        /// Hyperbolic tangent in place, within 2.5 units in the last place.
        tanh;
        /// Logistic function 1 / (1 + e^-x) in place, within 3 units in the last place for x > -87.3; 0 for less than
        /// -88.72283.
        sigmoid;
        /// x * sigmoid(x) in place, relative error under 4e-7 where the result is a normal number.
        silu;
        /// x * sigmoid(1.702 x) in place, relative error under 4e-7 (1 + |x|) where the result is a normal number: the
        /// form of GELU that needs one exponential (Hendrycks and Gimpel, 2016, section 2).
        quick_gelu;
    }
}
