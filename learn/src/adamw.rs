//! AdamW (Loshchilov and Hutter 2019), the only optimiser of this tree; without decay it is Adam (Kingma and Ba 2015).

use nc_core::Result;

use crate::checkpoint::Checkpoint;
use crate::misfit;

/// What is fixed for a training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Decay of the mean of gradients and of the mean of their squares.
    pub betas: [f32; 2],
    /// Added to the root of the mean square.
    pub epsilon: f32,
    /// Share of a parameter that a step of rate 1 takes away.
    pub decay: f32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            betas: [0.9, 0.99],
            epsilon: 1e-8,
            decay: 1e-2,
        }
    }
}

impl Settings {
    /// Adam: no weight decay.
    #[must_use]
    pub fn adam() -> Self {
        Self {
            decay: 0.0,
            ..Self::default()
        }
    }
}

/// One tensor to be moved.
pub struct Update<'a> {
    /// Its values.
    pub values: &'a mut [f32],
    /// Their gradient.
    pub grad: &'a [f32],
    /// Whether weight decay applies.
    pub decays: bool,
}

/// The optimiser's state.
#[derive(Debug, Clone)]
pub struct AdamW {
    /// What is fixed.
    pub settings: Settings,
    /// Means of the gradients, by tensor.
    pub means: Vec<Vec<f32>>,
    /// Means of their squares.
    pub squares: Vec<Vec<f32>>,
    /// Steps done.
    pub steps: u64,
}

impl AdamW {
    /// Before the first step, for tensors of these lengths.
    #[must_use]
    pub fn new(settings: Settings, lengths: impl IntoIterator<Item = usize>) -> Self {
        let zeros: Vec<Vec<f32>> = lengths.into_iter().map(|n| vec![0.0; n]).collect();
        Self {
            settings,
            means: zeros.clone(),
            squares: zeros,
            steps: 0,
        }
    }

    /// One step; tensors in the order of [`Self::new`].
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for tensors of other sizes, before which others may have moved.
    pub fn step<'a>(
        &mut self,
        rate: f32,
        tensors: impl IntoIterator<Item = Update<'a>>,
    ) -> Result<()> {
        let wrong = || misfit("a step of other parameters");
        let Settings {
            betas: [b1, b2],
            epsilon,
            decay,
        } = self.settings;
        self.steps += 1;
        // In double precision, where a power that large is 0 long before it overflows.
        let correct = |b: f32| (1.0 / (1.0 - f64::from(b).powf(self.steps as f64))) as f32;
        let (c1, c2) = (correct(b1), correct(b2));
        let mut states = self.means.iter_mut().zip(&mut self.squares);
        for Update {
            values,
            grad,
            decays,
        } in tensors
        {
            let (mean, square) = states.next().ok_or_else(wrong)?;
            if values.len() != mean.len() || grad.len() != mean.len() {
                return Err(wrong());
            }
            let fade = if decays { rate * decay } else { 0.0 };
            let moments = mean.iter_mut().zip(square);
            for ((p, g), (m, v)) in values.iter_mut().zip(grad).zip(moments) {
                *m = b1 * *m + (1.0 - b1) * g;
                *v = b2 * *v + (1.0 - b2) * g * g;
                *p -= rate * (*m * c1) / ((*v * c2).sqrt() + epsilon) + fade * *p;
            }
        }
        match states.next() {
            None => Ok(()),
            Some(_) => Err(wrong()),
        }
    }

    /// Puts the state into a checkpoint.
    pub fn store(&self, prefix: &str, to: &mut Checkpoint) {
        to.words
            .insert(format!("{prefix}.steps"), self.steps.to_string());
        for (kind, all) in [("mean", &self.means), ("square", &self.squares)] {
            for (i, v) in all.iter().enumerate() {
                to.floats.insert(format!("{prefix}.{kind}.{i}"), v.clone());
            }
        }
    }

    /// Takes the state from a checkpoint.
    ///
    /// # Errors
    /// [`nc_core::Error::Format`] where it has other sizes.
    pub fn restore(&mut self, prefix: &str, from: &mut Checkpoint) -> Result<()> {
        self.steps = from.take_word(&format!("{prefix}.steps"))?;
        for (kind, all) in [("mean", &mut self.means), ("square", &mut self.squares)] {
            for (i, v) in all.iter_mut().enumerate() {
                *v = from.take_floats(&format!("{prefix}.{kind}.{i}"), v.len())?;
            }
        }
        Ok(())
    }
}

/// Brings the common norm of `grads` to `most` if it is larger; gives the norm before that. One that is not finite
/// leaves them as they are.
pub fn clip(grads: &mut [Vec<f32>], most: f32) -> f32 {
    let square: f64 = grads.iter().flatten().map(|g| f64::from(g * g)).sum();
    let norm = square.sqrt() as f32;
    if norm.is_finite() && norm > most {
        let scale = most / norm;
        grads.iter_mut().flatten().for_each(|g| *g *= scale);
    }
    norm
}
