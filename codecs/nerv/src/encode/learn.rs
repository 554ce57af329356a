//! The filter learns: Adam over frames drawn at random, two at a time.

use std::time::Instant;

use nc_core::rng::Rng;
use nc_core::{Control, Progress, Result};
use nc_learn::schedule::{cosine, rise};

use super::checkpoint;
use super::choose::{Workspace, backward};
use super::state::Fit;
use crate::adam::Adam;

/// Frames in a step.
const BATCH: usize = 2;
/// Highest rate.
const RATE: f32 = 3e-3;

/// The state of learning.
pub struct Learner {
    /// The optimiser, which counts the steps.
    pub adam: Adam,
}

impl Learner {
    pub fn new(parameters: usize) -> Self {
        Self {
            adam: Adam::new(parameters),
        }
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
        let works: Result<Vec<Workspace>> =
            (0..BATCH).map(|_| Workspace::new(&fit.synthesis)).collect();
        let mut works = works?;
        let mut saved = Instant::now();
        // The rate falls with the work or the time, whichever is further.
        let given = fit.time_left(0.93);
        let begun = Instant::now();
        let mut gain = 0.0;
        while self.adam.steps() < steps as u64 {
            let clock = given.map_or(0.0, |g| {
                begun.elapsed().as_secs_f64() / g.as_secs_f64().max(1e-3)
            });
            if clock >= 1.0 {
                break;
            }
            let f = (self.adam.steps() as f64 / steps as f64).max(clock) as f32;
            let rate = RATE * rise(self.adam.steps(), 100) * cosine(f, 0.01);
            // From the step's number alone, so that one that goes on from a checkpoint draws the same.
            let mut rng = Rng::new(self.adam.steps());
            let picked: Vec<usize> = (0..BATCH).map(|_| rng.below(n)).collect();
            let (now, before) = self.step(fit, &picked, rate, &mut works)?;
            gain += (10.0 * (before.max(1.0) / now.max(1.0)).log10() - gain) * 0.02;
            if self.adam.steps().is_multiple_of(20) {
                let note = format!("{:.2} dB, the network adds {gain:.2} dB", fit.psnr());
                ctl.report(Progress {
                    task: "network",
                    done: self.adam.steps(),
                    total: Some(steps as u64),
                    note: &note,
                });
            }
            if let Err(e) = ctl.check() {
                checkpoint::save(ctl, first, fit, Some(&self.adam))?;
                return Err(e);
            }
            if saved.elapsed().as_secs() >= 30 {
                checkpoint::save(ctl, first, fit, Some(&self.adam))?;
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
        works: &mut [Workspace],
    ) -> Result<(f64, f64)> {
        use rayon::prelude::*;
        let this = &*fit;
        let errors: Result<Vec<f64>> = works
            .par_iter_mut()
            .zip(picked)
            .map(|(work, i)| {
                let (class, wanted) = this.ready(*i, work)?;
                backward(&this.synthesis, class, wanted, work)?;
                Ok(this.synthesis.geometry.error(&work.buffers.shown, wanted))
            })
            .collect();
        let now = errors?.iter().sum();
        let before = picked.iter().map(|i| this.frames[*i].error).sum();
        let grads = works.iter_mut().filter_map(|d| d.grads.as_mut());
        self.adam
            .step(&mut fit.synthesis.params, rate, 1.0, |_| false, grads)?;
        Ok((now, before))
    }
}
