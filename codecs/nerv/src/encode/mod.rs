//! Encoding: motion, coefficients and filter are fitted to a clip.
//!
//! First, passes over the frames in coding order find motion and coefficients; lambda, the price of a bit, is tuned until
//! they and the parameters of a filter fill the size that was asked for. Then the filter learns what is still missing, on
//! frames drawn at random, and its parameters are quantised. A filter that does not earn its bytes is left out again.

mod checkpoint;
mod choose;
mod cuts;
mod learn;
mod passes;
mod rates;
mod search;
mod state;

use std::time::Instant;

use nc_core::rng::Rng;
use nc_core::{ChunkGoal, Control, Effort, Error, Result, Video};
use rayon::prelude::*;

use crate::filter::FilterConfig;
use crate::geometry::Geometry;
use crate::gop::places;
use crate::symbols::Symbols;
use crate::synthesis::Synthesis;
use crate::weights;
use checkpoint::Saved;
use choose::Workspace;
use learn::Learner;
use rates::Rates;
use state::{FIRST, Fit, Fitted, Frame, LEAST, TUNING, WEIGHT_HEAD};

pub use state::{PYRAMID, Switches};

/// Lambda of a quality from 0 to 10: a step of one is a factor of two.
fn lambda_of(quality: f32) -> f32 {
    300.0 * 2f32.powf(5.0 - quality)
}

/// Encodes the frames of a chunk.
///
/// # Errors
/// [`Error::Cancelled`], and those of checkpoints.
pub fn encode(
    x: Video<'_>,
    first: u64,
    goal: ChunkGoal,
    switches: Switches,
    ctl: &mut Control<'_>,
) -> Result<Fitted> {
    let mut fit = Fit::new(x, goal, switches, ctl)?;
    let target = match goal {
        ChunkGoal::Bytes(n) => Some(n),
        _ => None,
    };
    let epochs = match ctl.effort {
        Effort::Fast => 0,
        Effort::Medium => 60,
        Effort::Slow => 300,
    };
    let mut learner = match checkpoint::load(ctl, first, fit.key, &x)? {
        Some(Saved::Done(fitted)) => return Ok(fitted),
        Some(Saved::State(state)) => fit.restore(*state)?.map(|adam| Learner { adam }),
        None => {
            fit.find_motion(target, ctl)?;
            checkpoint::save(ctl, first, &fit, None)?;
            None
        }
    };
    if learner.is_none() {
        if epochs > 0 && switches.network && !fit.late(0.5) {
            let bytes = match target {
                Some(bytes) => bytes,
                None => fit.size()? as u64,
            };
            fit.set_network(bytes, ctl.seed);
        }
        fit.tune(target, 0.55, ctl)?;
    }
    if fit.synthesis.network.is_some() {
        let n = fit.synthesis.params.len();
        let learner = learner.get_or_insert_with(|| Learner::new(n));
        if epochs == 0 || !fit.learn(learner, epochs, first, ctl)? {
            fit.drop_network();
            fit.tune(target, 1.0, ctl)?;
        }
    }
    let fitted = fit.finish()?;
    checkpoint::save_done(ctl, first, fit.key, &fitted)?;
    Ok(fitted)
}

impl<'a> Fit<'a> {
    fn new(x: Video<'a>, goal: ChunkGoal, switches: Switches, ctl: &Control<'_>) -> Result<Self> {
        let config = FilterConfig {
            width: 0,
            ..FilterConfig::default()
        };
        let synthesis = Synthesis::new(&x.format, &config);
        let geo = Geometry::of(&x.format);
        let groups = cuts::groups(&x, geo.samples());
        let mut frames = Vec::new();
        let mut start = 0;
        for n in &groups {
            for place in places(*n, switches.pyramid) {
                frames.push(Frame {
                    symbols: Symbols::new(place, &geo),
                    start,
                    step: 24,
                    error: 0.0,
                });
            }
            start += n;
        }
        let started = Instant::now();
        Ok(Self {
            made: x.samples.to_vec(),
            lambda: match goal {
                ChunkGoal::Quality(q) => lambda_of(q),
                _ => 100.0,
            },
            x,
            switches,
            synthesis,
            config,
            coded: None,
            error: None,
            groups,
            frames,
            rates: Rates::default(),
            key: match ctl.checkpoints {
                Some(_) => checkpoint::key(&x, goal, switches, ctl.seed),
                None => 0,
            },
            check: Box::new(ctl.checker()),
            started,
            deadline: ctl.time_limit.and_then(|t| started.checked_add(t)),
        })
    }

    /// Brings the price nearer to what gives `target` bytes.
    fn price(&mut self, bytes: usize, target: u64, power: f32) {
        let ratio = bytes as f32 / (target as f32 * 0.996).max(1.0);
        self.lambda = (self.lambda * ratio.clamp(0.2, 5.0).powf(power)).clamp(LEAST, 1e9);
    }

    /// Chooses the filter for a file of about `bytes`: none where its parameters would be too much of it. A wider one would
    /// be slower than it is worth, in learning and in decoding.
    fn set_network(&mut self, bytes: u64, seed: u64) {
        let width = if bytes < 20_000 { 0 } else { 8 };
        self.config = FilterConfig {
            width,
            modulation: self.switches.modulation,
            ..FilterConfig::default()
        };
        self.synthesis = Synthesis::new(&self.x.format, &self.config);
        if let Some(n) = &self.synthesis.network {
            self.synthesis.params = n.graph.start(&mut Rng::new(seed));
        }
    }

    /// Teaches the filter and quantises it; false where it does not earn its bytes.
    fn learn(
        &mut self,
        learner: &mut Learner,
        epochs: usize,
        first: u64,
        ctl: &mut Control<'_>,
    ) -> Result<bool> {
        checkpoint::save(ctl, first, self, Some(&learner.adam))?;
        learner.run(self, epochs, first, ctl)?;
        self.freeze(learner);
        let shown = self.shown_error()?;
        // What the parameters' bits would have bought elsewhere.
        let worth = f64::from(self.lambda) * 8.0 * self.weight_bytes() as f64;
        self.error = Some(shown);
        Ok(shown + worth < self.squared_error())
    }

    /// The clip without a filter again.
    fn drop_network(&mut self) {
        self.config.width = 0;
        self.coded = None;
        self.error = None;
        self.synthesis = Synthesis::new(&self.x.format, &self.config);
    }

    /// Quantises the filter's parameters.
    fn freeze(&mut self, learner: &Learner) {
        let Some(n) = &self.synthesis.network else {
            return;
        };
        let bits = (self.weight_bytes() - WEIGHT_HEAD) as f64 * 8.0;
        let coded = weights::choose(
            &n.graph,
            &self.synthesis.params,
            &learner.adam.sensitivity(&n.graph),
            bits,
        );
        self.synthesis.params = coded.values(&n.graph);
        self.coded = Some(coded);
    }

    /// Squared error of what is shown.
    fn shown_error(&self) -> Result<f64> {
        let s = &self.synthesis;
        let errors: Result<Vec<f64>> = (0..self.frames.len())
            .into_par_iter()
            .map_init(
                || Workspace::new(s),
                |work, i| {
                    let work = work
                        .as_mut()
                        .map_err(|e| Error::Limit(e.to_string().into()))?;
                    let (_, wanted) = self.ready(i, work)?;
                    Ok(s.geometry.error(&work.buffers.shown, wanted))
                },
            )
            .collect();
        Ok(errors?.iter().sum())
    }

    /// Motion between the original frames, then the first passes, which look for it in what was decoded.
    fn find_motion(&mut self, target: Option<u64>, ctl: &mut Control<'_>) -> Result<()> {
        if self.switches.motion {
            self.search_originals()?;
        }
        for i in 0..FIRST {
            let (bytes, psnr) = self.pass(i > 0 && self.switches.motion && !self.late(0.3))?;
            self.report(ctl, "motion", i, FIRST, bytes, psnr);
            ctl.check()?;
            if let Some(t) = target {
                self.price(bytes, t, 1.1);
            }
            if self.late(0.3) {
                break;
            }
        }
        Ok(())
    }

    /// Passes until the size is met, or two where none was asked for; the first of them look for motion once more. The
    /// state is that of the best of them.
    fn tune(&mut self, target: Option<u64>, share: f64, ctl: &mut Control<'_>) -> Result<()> {
        let mut best: Option<(usize, f32, Vec<Frame>, Vec<u16>)> = None;
        for i in 0..4 * TUNING {
            let lambda = self.lambda;
            let (size, psnr) = self.pass(i < 3 && self.switches.motion && !self.late(share))?;
            self.report(ctl, "size", i.min(TUNING), TUNING, size, psnr);
            ctl.check()?;
            let Some(t) = target.map(|t| t as usize) else {
                if i == 0 && !self.late(share) {
                    continue;
                }
                return Ok(());
            };
            // Of those that fit the larger, of those that do not the smaller.
            let better = best.as_ref().is_none_or(|b| match (size <= t, b.0 <= t) {
                (true, true) => size > b.0,
                (true, false) => true,
                (false, true) => false,
                (false, false) => size < b.0,
            });
            if better {
                best = Some((size, lambda, self.frames.clone(), self.made.clone()));
            }
            let held = best.as_ref().map_or(usize::MAX, |b| b.0);
            let near = held <= t && held * 1000 >= t * 992;
            let enough =
                i >= TUNING || i > 2 && self.late(share) || self.late(1.0) || self.lambda <= LEAST;
            if near && i > 0 || held <= t && enough {
                break;
            }
            self.price(size, t as u64, if i >= TUNING { 1.5 } else { 1.0 });
        }
        if let Some((_, lambda, frames, made)) = best {
            self.lambda = lambda;
            self.frames = frames;
            self.made = made;
        }
        Ok(())
    }
}
