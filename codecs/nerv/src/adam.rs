//! Adam (Kingma and Ba 2015), for every network that this codec learns.

use crate::backward::Grads;
use crate::graph::Graph;

/// Decay of the two means.
const DECAY: [f32; 2] = [0.9, 0.99];

/// The optimiser's state.
#[derive(Debug, Clone)]
pub struct Adam {
    /// Mean of the gradients.
    pub mean: Vec<f32>,
    /// Mean of their squares.
    pub square: Vec<f32>,
    /// Steps done.
    pub steps: u64,
}

impl Adam {
    /// Before the first step, for `n` parameters.
    pub fn new(n: usize) -> Self {
        Self {
            mean: vec![0.0; n],
            square: vec![0.0; n],
            steps: 0,
        }
    }

    /// One step with `share` times the sum of the gradients of `all`, which are cleared; parameters that `idle` names stay
    /// as they are.
    pub fn step<'a>(
        &mut self,
        params: &mut [f32],
        rate: f32,
        share: f32,
        idle: impl Fn(usize) -> bool,
        all: impl Iterator<Item = &'a mut Grads>,
    ) {
        self.steps += 1;
        let power = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let [d1, d2] = DECAY;
        let (c1, c2) = (1.0 / (1.0 - d1.powi(power)), 1.0 / (1.0 - d2.powi(power)));
        let mut all: Vec<&mut Grads> = all.collect();
        for (i, p) in params.iter_mut().enumerate() {
            let mut g = 0.0;
            for d in &mut all {
                g += std::mem::take(&mut d.params[i]);
            }
            if idle(i) {
                continue;
            }
            g *= share;
            let (m, v) = (&mut self.mean[i], &mut self.square[i]);
            *m = d1 * *m + (1.0 - d1) * g;
            *v = d2 * *v + (1.0 - d2) * g * g;
            *p -= rate * *m * c1 / ((*v * c2).sqrt() + 1e-9);
        }
    }

    /// Importance of each tensor: the mean of its squared gradients.
    pub fn sensitivity(&self, g: &Graph) -> Vec<f32> {
        let of = |p: &crate::graph::Param| {
            let v = &self.square[p.at..p.at + p.len];
            v.iter().sum::<f32>() / p.len.max(1) as f32
        };
        g.params.iter().map(of).collect()
    }
}
