//! AdamW with clipping and a running average of the parameters.

use super::net::Params;

/// Optimiser state.
#[derive(Debug, Clone)]
pub struct Adam {
    /// First moments, by parameter.
    pub m: Vec<Vec<f32>>,
    /// Second moments.
    pub v: Vec<Vec<f32>>,
    /// Average of the parameters, which is what gets exported.
    pub average: Params,
    /// Steps taken.
    pub step: u64,
}

impl Adam {
    /// State before the first step.
    pub fn new(p: &Params) -> Self {
        let zeros: Vec<Vec<f32>> = p.0.iter().map(|p| vec![0.0; p.data.len()]).collect();
        Self {
            m: zeros.clone(),
            v: zeros,
            average: p.clone(),
            step: 0,
        }
    }

    /// One AdamW step (Loshchilov and Hutter 2019) on clipped gradients; gives their norm. A norm
    /// that is not finite skips the step.
    pub fn apply(&mut self, p: &mut Params, grads: &[Vec<f32>], rate: f32, clip: f32) -> f32 {
        const B1: f32 = 0.9;
        const B2: f32 = 0.99;
        const DECAY: f32 = 1e-2;
        let norm = grads
            .iter()
            .flatten()
            .map(|g| f64::from(g * g))
            .sum::<f64>()
            .sqrt() as f32;
        if !norm.is_finite() {
            return norm;
        }
        self.step += 1;
        let scale = (clip / (norm + 1e-6)).min(1.0);
        let power = i32::try_from(self.step).unwrap_or(i32::MAX);
        let (c1, c2) = (1.0 - B1.powi(power), 1.0 - B2.powi(power));
        for (((p, g), m), v) in p.0.iter_mut().zip(grads).zip(&mut self.m).zip(&mut self.v) {
            // Depthwise taps and vectors are few and scale-setting; they do not decay.
            let decay = if p.rows > 1 && !p.name.contains(".dw.") {
                rate * DECAY
            } else {
                0.0
            };
            for (((p, g), m), v) in p.data.iter_mut().zip(g).zip(m).zip(v) {
                let g = g * scale;
                *m = B1 * *m + (1.0 - B1) * g;
                *v = B2 * *v + (1.0 - B2) * g * g;
                *p -= rate * (*m / c1) / ((*v / c2).sqrt() + 1e-8) + decay * *p;
            }
        }
        let t = self.step as f32;
        let keep = 0.998f32.min(t / (t + 9.0));
        for (a, p) in self.average.0.iter_mut().zip(&p.0) {
            a.data
                .iter_mut()
                .zip(&p.data)
                .for_each(|(a, p)| *a = keep * *a + (1.0 - keep) * p);
        }
        norm
    }
}

/// Cosine from `top` to a hundredth of it, after a rise of 200 steps.
pub fn schedule(top: f32, step: u64, steps: u64) -> f32 {
    let t = step as f32 / steps.max(1) as f32;
    let rise = ((step + 1) as f32 / 200.0).min(1.0);
    top * rise * (0.01 + 0.99 * 0.5 * (1.0 + (std::f32::consts::PI * t).cos()))
}
