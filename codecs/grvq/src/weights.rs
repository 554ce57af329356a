//! Reading a model's tensors with their shapes checked.

use nc_core::{Budget, Error, Model, Result};
use nc_kernels::{KernelError, PackedLinear};

/// Sizes were checked when the model was loaded, so a kernel that refuses them is a fault of ours.
pub fn fail(e: KernelError) -> Error {
    Error::Internal(format!("grvq: {e}").into())
}

/// A tensor of exactly `len` numbers.
///
/// # Errors
/// [`Error::Model`] where it is missing or has another size.
pub fn numbers(model: &Model, name: &str, len: usize, budget: &mut Budget) -> Result<Vec<f32>> {
    budget.charge(len as u64 * 4)?;
    let t = model.tensor(name)?;
    if t.data.len() == len {
        Ok(t.data)
    } else {
        Err(Error::Model(
            format!("tensor {name} has {} numbers, {len} needed", t.data.len()).into(),
        ))
    }
}

/// `NAME.weight [out, in]` and `NAME.bias [out]`, packed.
///
/// # Errors
/// As [`numbers`].
pub fn dense(
    model: &Model,
    name: &str,
    out: usize,
    cin: usize,
    budget: &mut Budget,
) -> Result<PackedLinear> {
    let weight = numbers(model, &format!("{name}.weight"), out * cin, budget)?;
    let bias = numbers(model, &format!("{name}.bias"), out, budget)?;
    budget.charge(weight.len() as u64 * 4)?;
    PackedLinear::new(&weight, Some(&bias), out, cin)
        .map_err(|e| Error::Model(e.to_string().into()))
}
