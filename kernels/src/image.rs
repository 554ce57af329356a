//! Layers over images: the checked calls.
//!
//! An image of `h` x `w` pixels and `c` channels is `[h + 2, w + 2, c]` in memory, channels last, a border of one
//! pixel around it. Kernels write the inside only; a border that starts at zero stays zero, which is the padding of a
//! 3 x 3 kernel. The gradients are for training; they give the same bits at every level too.
#![allow(unsafe_code)]

use crate::arch;
use crate::error::{KernelError, Result, same};
use crate::generic::image::Conv;
use crate::handle::{Kernels, enter};

/// Shape of a 2-D convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2d {
    /// Kernel: 1 (pointwise) or 3 (zero padding).
    pub k: usize,
    /// Input channels that take part, the first of `xs`.
    pub cin: usize,
    /// Input channels in memory.
    pub xs: usize,
    /// Output channels, a multiple of 8.
    pub cout: usize,
}

/// Elements of an image of `h` x `w` pixels and `c` channels with its border; the greatest number where it overflows.
fn size(h: usize, w: usize, c: usize) -> usize {
    let side = |n: usize| n.saturating_add(2);
    side(h).saturating_mul(side(w)).saturating_mul(c)
}

impl Conv2d {
    /// Weights: `[k k, cin, cout]`.
    #[must_use]
    pub fn weights(&self) -> usize {
        let taps = self.k.saturating_mul(self.k);
        taps.saturating_mul(self.cin).saturating_mul(self.cout)
    }

    fn check(
        &self,
        h: usize,
        w: usize,
        x: &[f32],
        wt: &[f32],
        b: &[f32],
        y: &[f32],
    ) -> Result<Conv> {
        if (self.k != 1 && self.k != 3) || self.cin > self.xs {
            return Err(KernelError::Range {
                what: "kernel or input channels",
                got: self.k,
            });
        }
        eights(self.cout)?;
        same("x", size(h, w, self.xs), x.len())?;
        same("weights", self.weights(), wt.len())?;
        same("bias", self.cout, b.len())?;
        same("y", size(h, w, self.cout), y.len())?;
        let (k, xs, cin, ys) = (self.k, self.xs, self.cin, self.cout);
        Ok(Conv {
            k,
            h,
            w,
            xs,
            cin,
            ys,
        })
    }
}

fn eights(c: usize) -> Result<()> {
    if c.is_multiple_of(8) {
        Ok(())
    } else {
        Err(KernelError::Range {
            what: "channels",
            got: c,
        })
    }
}

impl Kernels {
    /// 2-D convolution of an image of `h` x `w`: `x` with `xs` channels, `wt` `[k k, cin, cout]` (taps row by row),
    /// `bias` `[cout]`, `y` with `cout` channels. Each output starts at its bias and adds `x * w`, taps ascending, in
    /// a tap input channels ascending.
    ///
    /// # Errors
    /// [`KernelError::Length`] if a slice does not fit, [`KernelError::Range`] for another kernel than 1 or 3, more
    /// input channels than there are, or outputs that are not whole eights.
    #[allow(clippy::too_many_arguments)]
    pub fn conv2d(
        &self,
        s: &Conv2d,
        h: usize,
        w: usize,
        x: &[f32],
        wt: &[f32],
        bias: &[f32],
        y: &mut [f32],
    ) -> Result<()> {
        let c = s.check(h, w, x, wt, bias, y)?;
        enter!(self, image_conv(&c, x, wt, bias, y));
        Ok(())
    }

    /// Adds the gradients of a convolution's weights to `dw` and of its bias to `db`, given `g` of its output.
    /// (The gradient of its input is a convolution of `g` with the weights turned round.)
    ///
    /// # Errors
    /// As [`Self::conv2d`].
    #[allow(clippy::too_many_arguments)]
    pub fn conv2d_grad(
        &self,
        s: &Conv2d,
        h: usize,
        w: usize,
        x: &[f32],
        g: &[f32],
        dw: &mut [f32],
        db: &mut [f32],
    ) -> Result<()> {
        let c = s.check(h, w, x, dw, db, g)?;
        enter!(self, image_conv_grad(&c, x, g, dw, db));
        Ok(())
    }

    /// Depthwise 3 x 3 convolution: `wt` `[9, c]`, `bias` `[c]`, images of c channels, a multiple of 8.
    ///
    /// # Errors
    /// As [`Self::conv2d`].
    pub fn depthwise2d(
        &self,
        h: usize,
        w: usize,
        x: &[f32],
        wt: &[f32],
        bias: &[f32],
        y: &mut [f32],
    ) -> Result<()> {
        let c = depthwise(h, w, x, wt, bias, y)?;
        enter!(self, image_depthwise(h, w, c, x, wt, bias, y));
        Ok(())
    }

    /// Adds the gradients of a depthwise convolution's weights and bias.
    ///
    /// # Errors
    /// As [`Self::conv2d`].
    pub fn depthwise2d_grad(
        &self,
        h: usize,
        w: usize,
        x: &[f32],
        g: &[f32],
        dw: &mut [f32],
        db: &mut [f32],
    ) -> Result<()> {
        let c = depthwise(h, w, x, dw, db, g)?;
        enter!(self, image_depthwise_grad(h, w, c, x, g, dw, db));
        Ok(())
    }

    /// `y = x + (t gamma + beta)` for whole pixels of as many channels as `gamma` and `beta` have.
    ///
    /// # Errors
    /// [`KernelError::Length`] if the lengths differ or are no whole pixels, [`KernelError::Range`] if the channels are
    /// not whole eights.
    pub fn modulate(
        &self,
        x: &[f32],
        t: &[f32],
        gamma: &[f32],
        beta: &[f32],
        y: &mut [f32],
    ) -> Result<()> {
        let c = gamma.len();
        eights(c)?;
        same("beta", c, beta.len())?;
        let whole = x.len().checked_next_multiple_of(c).unwrap_or(0);
        same("x", whole, x.len())?;
        same("t", x.len(), t.len())?;
        same("y", x.len(), y.len())?;
        enter!(self, modulate(x, t, gamma, beta, y));
        Ok(())
    }

    /// Hard swish, `x clamp(x + 3, 0, 6) / 6` (Howard et al. 2019, section 5.2).
    ///
    /// # Errors
    /// [`KernelError::Length`] if the lengths differ, [`KernelError::Range`] if they are not whole eights.
    pub fn hard_swish(&self, x: &[f32], y: &mut [f32]) -> Result<()> {
        same("y", x.len(), y.len())?;
        eights(x.len())?;
        enter!(self, hard_swish(x, y));
        Ok(())
    }

    /// Multiplies `g` by the derivative of [`Self::hard_swish`] at `x`.
    ///
    /// # Errors
    /// As [`Self::hard_swish`].
    pub fn hard_swish_grad(&self, x: &[f32], g: &mut [f32]) -> Result<()> {
        same("g", x.len(), g.len())?;
        eights(x.len())?;
        enter!(self, hard_swish_grad(x, g));
        Ok(())
    }
}

fn depthwise(h: usize, w: usize, x: &[f32], wt: &[f32], b: &[f32], y: &[f32]) -> Result<usize> {
    let c = b.len();
    eights(c)?;
    same("weights", 9 * c, wt.len())?;
    same("x", size(h, w, c), x.len())?;
    same("y", size(h, w, c), y.len())?;
    Ok(c)
}
