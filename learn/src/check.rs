//! Gradients against differences, for the tests of every layer here and elsewhere.

use std::sync::Arc;

use nc_core::rng::Rng;
use nc_core::{Error, Result};

use crate::tape::{Dims, Node, Tape};

/// How a check is done.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Step of the difference, in units of each input's scale.
    pub step: f32,
    /// Relative difference that passes.
    pub tolerance: f32,
    /// Seed of inputs and directions.
    pub seed: u64,
}

impl Default for Check {
    fn default() -> Self {
        Self {
            step: 3e-3,
            tolerance: 1e-2,
            seed: 7,
        }
    }
}

impl Check {
    /// Compares the gradient of a random sum of the output of `f` with its central difference, for every input along a
    /// direction of its own. An input is given by its dimensions and the standard deviation of its values.
    ///
    /// # Errors
    /// [`Error::Internal`] with both figures where they differ; those of `f`.
    pub fn gradients(
        self,
        inputs: &[(Dims, f32)],
        f: impl for<'t> Fn(&[Node<'t>]) -> Result<Node<'t>>,
    ) -> Result<()> {
        let mut rng = Rng::new(self.seed);
        let noise = |([rows, cols], scale): &(Dims, f32), rng: &mut Rng| -> Vec<f32> {
            (0..rows * cols).map(|_| rng.normal() * scale).collect()
        };
        let data: Vec<Vec<f32>> = inputs.iter().map(|i| noise(i, &mut rng)).collect();
        self.gradients_at(inputs, &data, f)
    }

    /// As [`Self::gradients`], with these values.
    ///
    /// # Errors
    /// As [`Self::gradients`].
    pub fn gradients_at(
        self,
        inputs: &[(Dims, f32)],
        data: &[Vec<f32>],
        f: impl for<'t> Fn(&[Node<'t>]) -> Result<Node<'t>>,
    ) -> Result<()> {
        let mut rng = Rng::new(self.seed ^ 0x5eed);
        let tape = Tape::new();
        let nodes = leaves(&tape, inputs, data)?;
        let out = f(&nodes)?;
        let weights: Vec<f32> = out.values().iter().map(|_| rng.normal()).collect();
        let grads = out.backward_from(weights.clone())?.take_all(&nodes)?;
        for (i, grad) in grads.iter().enumerate() {
            // Along the gradient's signs, so that the slope stands out of the rounding.
            let direction: Vec<f32> = grad
                .iter()
                .map(|g| g.signum() * rng.normal().abs())
                .collect();
            let slope: f64 = grad
                .iter()
                .zip(&direction)
                .map(|(a, b)| f64::from(a * b))
                .sum();
            let step = self.step * inputs[i].1;
            let at = |h: f32| -> Result<f64> {
                let mut moved = data.to_vec();
                let pairs = moved[i].iter_mut().zip(&direction);
                pairs.for_each(|(m, d)| *m += h * d);
                let tape = Tape::new();
                let out = f(&leaves(&tape, inputs, &moved)?)?;
                let pairs = out.values().iter().zip(&weights);
                Ok(pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum())
            };
            let found = (at(step)? - at(-step)?) / (2.0 * f64::from(step));
            let scale = slope.abs().max(found.abs()).max(1e-3);
            // A difference that is not a number must fail too.
            let near = (slope - found).abs() < f64::from(self.tolerance) * scale;
            if !near {
                let what = format!("input {i} of {inputs:?}: gradient {slope}, difference {found}");
                return Err(Error::Internal(what.into()));
            }
        }
        Ok(())
    }
}

fn leaves<'t>(tape: &'t Tape, inputs: &[(Dims, f32)], data: &[Vec<f32>]) -> Result<Vec<Node<'t>>> {
    let pairs = inputs.iter().zip(data);
    pairs
        .map(|((dims, _), d)| tape.leaf(Arc::new(d.clone()), *dims, true))
        .collect()
}
