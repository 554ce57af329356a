//! Packed weights: a linear layer, copied once into the order in which the kernels read it.
//!
//! The packed form is the same for every level, so that a model is packed once, whatever handle it is used with.

use crate::error::{KernelError, Result, same};
use crate::generic::linear::PANEL;

/// A linear layer, y = x W^T + b, ready for [`Kernels::linear`](crate::Kernels::linear).
///
/// The order of the sum is part of the contract: `acc = 0`, then `acc += x[k] * w[o][k]` for k ascending, each
/// product rounded and each sum rounded, then `acc + b[o]`.
#[derive(Debug, Clone)]
pub struct PackedLinear {
    inputs: usize,
    outputs: usize,
    /// [panel][k][PANEL], outputs beyond the last are zero.
    pub(crate) weight: Vec<f32>,
    /// [panel][PANEL].
    pub(crate) bias: Vec<f32>,
}

impl PackedLinear {
    /// Packs `weight` `[outputs, inputs]` (row-major, as PyTorch's `nn.Linear` has it) and `bias` `[outputs]`.
    ///
    /// # Errors
    /// [`KernelError::Range`] if a size is 0, [`KernelError::Length`] if a slice does not fit the sizes.
    pub fn new(
        weight: &[f32],
        bias: Option<&[f32]>,
        outputs: usize,
        inputs: usize,
    ) -> Result<Self> {
        if inputs == 0 {
            return Err(KernelError::Range {
                what: "inputs",
                got: 0,
            });
        }
        if outputs == 0 {
            return Err(KernelError::Range {
                what: "outputs",
                got: 0,
            });
        }
        let want = outputs.saturating_mul(inputs);
        same("weight", want, weight.len())?;
        if let Some(b) = bias {
            same("bias", outputs, b.len())?;
        }
        let panels = outputs.div_ceil(PANEL);
        let mut packed = vec![0f32; panels * inputs * PANEL];
        for (o, row) in weight.chunks_exact(inputs).enumerate() {
            let panel = &mut packed[o / PANEL * inputs * PANEL..];
            for (k, v) in row.iter().enumerate() {
                panel[k * PANEL + o % PANEL] = *v;
            }
        }
        let mut b = vec![0f32; panels * PANEL];
        if let Some(bias) = bias {
            b[..outputs].copy_from_slice(bias);
        }
        Ok(Self {
            inputs,
            outputs,
            weight: packed,
            bias: b,
        })
    }

    /// Bytes of so many outputs of so many inputs, packed: outputs fill up whole vectors.
    #[must_use]
    pub fn bytes(outputs: usize, inputs: usize) -> u64 {
        let filled = outputs.next_multiple_of(PANEL) as u64;
        let each = (inputs as u64).saturating_add(1).saturating_mul(4);
        filled.saturating_mul(each)
    }

    /// Number of inputs of each row.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of outputs of each row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }
}
