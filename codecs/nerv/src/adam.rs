//! The optimiser of every network that this codec learns: [`AdamW`] without decay, all parameters being one tensor.

use nc_core::Result;
use nc_learn::{AdamW, Settings, Update};

use crate::backward::Grads;
use crate::graph::{Graph, Param};

const SETTINGS: Settings = Settings {
    betas: [0.9, 0.99],
    epsilon: 1e-9,
    decay: 0.0,
};

/// The optimiser.
#[derive(Debug, Clone)]
pub struct Adam(AdamW);

impl Adam {
    /// Before the first step, for `n` parameters.
    pub fn new(n: usize) -> Self {
        Self(AdamW::new(SETTINGS, [n]))
    }

    /// As [`Self::state`] gave it.
    pub fn restored(mean: Vec<f32>, square: Vec<f32>, steps: u64) -> Self {
        Self(AdamW {
            settings: SETTINGS,
            means: vec![mean],
            squares: vec![square],
            steps,
        })
    }

    /// Mean of the gradients and of their squares.
    pub fn state(&self) -> [&[f32]; 2] {
        [&self.0.means, &self.0.squares].map(|v| v[0].as_slice())
    }

    /// Steps done.
    pub fn steps(&self) -> u64 {
        self.0.steps
    }

    /// One step with `share` times the sum of the gradients of `all`, which are cleared; parameters that `idle` names
    /// are taken to have none.
    ///
    /// # Errors
    /// None for parameters and gradients of one graph.
    pub fn step<'a>(
        &mut self,
        params: &mut [f32],
        rate: f32,
        share: f32,
        idle: impl Fn(usize) -> bool,
        all: impl Iterator<Item = &'a mut Grads>,
    ) -> Result<()> {
        let mut grad = vec![0.0; params.len()];
        for d in all {
            for (sum, g) in grad.iter_mut().zip(&mut d.params) {
                *sum += std::mem::take(g);
            }
        }
        for (i, g) in grad.iter_mut().enumerate() {
            *g = if idle(i) { 0.0 } else { *g * share };
        }
        let update = Update {
            values: params,
            grad: &grad,
            decays: false,
        };
        self.0.step(rate, [update])
    }

    /// Importance of each tensor: the mean of its squared gradients.
    pub fn sensitivity(&self, g: &Graph) -> Vec<f32> {
        let [_, square] = self.state();
        let of = |p: &Param| {
            let v = &square[p.at..p.at + p.len];
            v.iter().sum::<f32>() / p.len.max(1) as f32
        };
        g.params.iter().map(of).collect()
    }
}
