//! The network learns: Adam over frames drawn at random, two at a time.

use std::time::Instant;

use nc::rng::Rng;
use nc::{Control, Error, Progress, Result};

use super::pass::{Desk, backward};
use super::{Fit, WEIGHTS, checkpoint};
use crate::graph::Graph;
use crate::layout::step;
use crate::motion::Reference;

/// Visits of each frame in a round.
const EPOCHS: usize = 20;
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
    /// Steps done in this round.
    pub at: usize,
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
            at: 0,
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

    /// One round; false where the time was up before its end.
    pub fn round(&mut self, fit: &mut Fit<'_>, round: usize, rounds: usize, first: u64, ctl: &mut Control<'_>) -> Result<bool> {
        let n = fit.frames.len();
        let epochs: usize = std::env::var("EPOCHS").map_or(EPOCHS, |v| v.parse().unwrap());
        let steps = (epochs * n).div_ceil(BATCH).max(200);
        let desks: Result<Vec<Desk>> = (0..BATCH).map(|_| Desk::new(&fit.synthesis)).collect();
        let mut desks = desks?;
        let mut saved = Instant::now();
        // The rate falls with the work or the time, whichever is further.
        let share = 0.75 * (round + 1) as f64 / rounds as f64;
        let given = fit.time_left(share);
        let begun = Instant::now();
        while self.at < steps {
            let clock = given.map_or(0.0, |g| begun.elapsed().as_secs_f64() / g.as_secs_f64().max(1e-3));
            if clock >= 1.0 {
                self.at = 0;
                return Ok(false);
            }
            let f = (self.at as f64 / steps as f64).max(clock) as f32;
            let top = std::env::var("LR").map_or(RATE, |v| v.parse().unwrap()) / (1.0 + round as f32);
            let warm = ((self.at + 1) as f32 / 100.0).min(1.0);
            let rate = top * warm * (0.02 + 0.98 * 0.5 * (1.0 + (std::f32::consts::PI * f).cos()));
            let picked: Vec<usize> = (0..BATCH).map(|_| self.rng.below(n)).collect();
            self.step(fit, &picked, rate, &mut desks)?;
            self.at += 1;
            if self.at.is_multiple_of(20) {
                let note = format!("{:.2} dB before this round", fit.psnr());
                ctl.report(Progress {
                    task: "network",
                    done: (round * steps + self.at) as u64,
                    total: Some((rounds * steps) as u64),
                    note: &note,
                });
            }
            if let Err(e) = ctl.check() {
                if matches!(e, Error::Cancelled) {
                    checkpoint::save(ctl, first, fit, Some(self), round + 1)?;
                }
                return Err(e);
            }
            if saved.elapsed().as_secs() >= 30 {
                checkpoint::save(ctl, first, fit, Some(self), round + 1)?;
                saved = Instant::now();
            }
        }
        self.at = 0;
        Ok(true)
    }

    fn step(&mut self, fit: &mut Fit<'_>, picked: &[usize], rate: f32, desks: &mut [Desk]) -> Result<()> {
        use rayon::prelude::*;
        let this = &*fit;
        desks
            .par_iter_mut()
            .zip(picked)
            .try_for_each(|(desk, i)| this.learn_from(*i, desk))?;
        self.steps += 1;
        const B1: f32 = 0.9;
        const B2: f32 = 0.98;
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
        Ok(())
    }
}

impl Fit<'_> {
    /// Gradients of the parameters on one frame, as its references and latents stand.
    fn learn_from(&self, i: usize, desk: &mut Desk) -> Result<()> {
        let s = &self.synthesis;
        let geo = &s.geometry;
        let n = geo.samples();
        let f = &self.frames[i];
        let mut start = 0;
        for (g, size) in self.groups.iter().enumerate() {
            if i < self.starts[g] + size {
                start = self.starts[g];
                break;
            }
        }
        let place = f.symbols.place;
        let refs: Vec<Reference> = place
            .refs
            .iter()
            .flatten()
            .map(|r| Reference::new(geo, &self.made[(start + r) * n..(start + r + 1) * n]))
            .collect();
        let none = Reference::default();
        let from = [refs.first().unwrap_or(&none), refs.get(1).unwrap_or(&none)];
        s.run(&f.symbols, step(f.step, geo.bits), from, &mut desk.room)?;
        backward(s, place.class, self.original(start + place.t), desk)?;
        if let Some(g) = &mut desk.grads {
            g.params.iter_mut().for_each(|g| *g *= WEIGHTS[place.class]);
        }
        Ok(())
    }
}
