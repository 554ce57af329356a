//! The network learns: Adam over frames drawn at random, two at a time.

use std::time::Instant;

use nc::rng::Rng;
use nc::{Control, Progress, Result};

use super::pass::{Desk, backward, error};
use super::{Fit, checkpoint};
use crate::graph::Graph;

/// Frames in a step.
const BATCH: usize = 2;
/// Highest rate.
const RATE: f32 = 3e-3;

/// The optimiser's state.
pub struct Learner {
    /// First and second moments of the gradients.
    pub m: Vec<f32>,
    pub v: Vec<f32>,
    /// Steps done in all.
    pub steps: u64,
    /// Where frames are drawn from.
    pub rng: Rng,
}

impl Learner {
    pub fn new(fit: &Fit<'_>) -> Self {
        let n = fit.synthesis.params.len();
        Self {
            m: vec![0.0; n],
            v: vec![0.0; n],
            steps: 0,
            rng: Rng::new(n as u64),
        }
    }

    /// Mean squared gradient of each tensor.
    pub fn sensitivity(&self, g: &Graph) -> Vec<f32> {
        g.params
            .iter()
            .map(|p| self.v[p.at..p.at + p.len].iter().sum::<f32>() / p.len as f32)
            .collect()
    }

    /// Learns until every frame was seen `epochs` times, or the time is up.
    pub fn run(
        &mut self,
        fit: &mut Fit<'_>,
        epochs: usize,
        first: u64,
        ctl: &mut Control<'_>,
    ) -> Result<()> {
        let n = fit.frames.len();
        let steps = (epochs * n).div_ceil(BATCH).max(100);
        let desks: Result<Vec<Desk>> = (0..BATCH).map(|_| Desk::new(&fit.synthesis)).collect();
        let mut desks = desks?;
        let mut saved = Instant::now();
        // The rate falls with the work or the time, whichever is further.
        let given = fit.time_left(0.93);
        let begun = Instant::now();
        let mut gain = 0.0;
        while self.steps < steps as u64 {
            let clock = given.map_or(0.0, |g| {
                begun.elapsed().as_secs_f64() / g.as_secs_f64().max(1e-3)
            });
            if clock >= 1.0 {
                break;
            }
            let f = (self.steps as f64 / steps as f64).max(clock) as f32;
            let warm = ((self.steps + 1) as f32 / 100.0).min(1.0);
            let rate = RATE * warm * (0.01 + 0.99 * 0.5 * (1.0 + (std::f32::consts::PI * f).cos()));
            let picked: Vec<usize> = (0..BATCH).map(|_| self.rng.below(n)).collect();
            let (now, before) = self.step(fit, &picked, rate, &mut desks)?;
            gain += (10.0 * (before.max(1.0) / now.max(1.0)).log10() - gain) * 0.02;
            if self.steps.is_multiple_of(20) {
                let note = format!("{:.2} dB, the network adds {gain:.2} dB", fit.psnr());
                ctl.report(Progress {
                    task: "network",
                    done: self.steps,
                    total: Some(steps as u64),
                    note: &note,
                });
            }
            if let Err(e) = ctl.check() {
                checkpoint::save(ctl, first, fit, self)?;
                return Err(e);
            }
            if saved.elapsed().as_secs() >= 30 {
                checkpoint::save(ctl, first, fit, self)?;
                saved = Instant::now();
            }
        }
        Ok(())
    }

    /// One step; gives the squared errors of the frames picked, with the network and without.
    fn step(
        &mut self,
        fit: &mut Fit<'_>,
        picked: &[usize],
        rate: f32,
        desks: &mut [Desk],
    ) -> Result<(f64, f64)> {
        use rayon::prelude::*;
        let this = &*fit;
        let errors: Result<Vec<f64>> = desks
            .par_iter_mut()
            .zip(picked)
            .map(|(desk, i)| {
                let (class, wanted) = this.ready(*i, desk)?;
                backward(&this.synthesis, class, wanted, desk)?;
                Ok(error(&this.synthesis, &desk.room.shown, wanted))
            })
            .collect();
        let now = errors?.iter().sum();
        let before = picked.iter().map(|i| this.frames[*i].error).sum();
        self.steps += 1;
        const B1: f32 = 0.9;
        const B2: f32 = 0.99;
        let power = i32::try_from(self.steps).unwrap_or(i32::MAX);
        let (c1, c2) = (1.0 / (1.0 - B1.powi(power)), 1.0 / (1.0 - B2.powi(power)));
        for (i, p) in fit.synthesis.params.iter_mut().enumerate() {
            let mut g = 0.0;
            for d in desks.iter_mut().filter_map(|d| d.grads.as_mut()) {
                g += std::mem::take(&mut d.params[i]);
            }
            let (m, v) = (&mut self.m[i], &mut self.v[i]);
            *m = B1 * *m + (1.0 - B1) * g;
            *v = B2 * *v + (1.0 - B2) * g * g;
            *p -= rate * *m * c1 / ((*v * c2).sqrt() + 1e-9);
        }
        Ok((now, before))
    }
}
