//! Reading a model's tensors with their shapes checked.

use nc_core::{Budget, Error, Model, Result};
use nc_kernels::PackedLinear;

/// A tensor of exactly `len` numbers.
///
/// # Errors
/// [`Error::Model`] where it is missing or has another size.
pub fn numbers(model: &Model, name: &str, len: usize, budget: &mut Budget) -> Result<Vec<f32>> {
    budget.charge((len as u64).saturating_mul(4))?;
    let t = model.tensor(name)?;
    if t.data.len() == len {
        Ok(t.data)
    } else {
        Err(Error::Model(
            format!("tensor {name} has {} numbers, {len} needed", t.data.len()).into(),
        ))
    }
}

/// A vector of `len` numbers; the same as [`numbers`], named for the reader.
///
/// # Errors
/// As [`numbers`].
pub fn vector(model: &Model, name: &str, len: usize, budget: &mut Budget) -> Result<Vec<f32>> {
    numbers(model, name, len, budget)
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
    let weight = numbers(
        model,
        &format!("{name}.weight"),
        out.saturating_mul(cin),
        budget,
    )?;
    let bias = numbers(model, &format!("{name}.bias"), out, budget)?;
    budget.charge((weight.len() as u64).saturating_mul(4))?;
    PackedLinear::new(&weight, Some(&bias), out, cin)
        .map_err(|e| Error::Model(e.to_string().into()))
}
