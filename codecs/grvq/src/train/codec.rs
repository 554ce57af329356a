//! The codec's training loop.

use std::time::Instant;

use nc_core::{Control, Error, Result};

use nc_core::rng::Rng;
use nc_learn::parallel::gradients;
use nc_learn::quantise::straight_through;
use nc_learn::spectrum::Stft;
use nc_learn::{Learner, Params, Tape};

use super::checkpoint::State;
use super::loss::{Loss, Terms};
use super::net::{Leaves, fresh};
use super::quant::{Assigned, Quantiser};
use super::spectral::{features_of_all, synthesis};
use super::{Run, SAVE, rate, report};
use crate::config::{FEATURES, HOP, N_FFT, depth, offset};

/// Norm that gradients are clipped to.
const CLIP: f32 = 5.0;
/// Batches whose latents start the codebooks.
const POOL: u64 = 16;
/// Steps between reports.
const REPORT: u64 = 50;
/// Steps between validations.
const VALIDATE: u64 = 500;

/// A trained codec.
pub struct Trained {
    /// Averaged parameters.
    pub params: Params,
    /// Codebooks.
    pub quantiser: Quantiser,
    /// Seconds of training.
    pub seconds: f64,
    /// Last validation, as text.
    pub validation: String,
}

struct Half {
    terms: Terms,
    loss: f32,
    assigned: Vec<Assigned>,
    error: f32,
    z: Vec<f32>,
}

/// Planned transforms and the loss.
struct Plan {
    loss: Loss,
    stft: Stft,
}

/// A random nesting level for each of `sequences`, or `fixed`.
fn levels(all: usize, sequences: usize, fixed: Option<usize>, rng: &mut Rng) -> Vec<usize> {
    (0..sequences)
        .map(|_| {
            fixed.unwrap_or_else(|| {
                if rng.below(8) == 0 {
                    all
                } else {
                    1 + rng.below(all)
                }
            })
        })
        .collect()
}

/// Passes `x` through; gives the gradients too, unless the number of codebooks is `fixed`.
fn half(
    run: &Run<'_>,
    plan: &Plan,
    params: &Params,
    q: Option<&Quantiser>,
    x: &[f32],
    mut rng: Rng,
    fixed: Option<usize>,
) -> Result<(Vec<Vec<f32>>, Half)> {
    let recipe = run.recipe;
    let frames = recipe.frames;
    let learn = fixed.is_none();
    let tape = Tape::new();
    let leaves = Leaves::new(params, &recipe.config, &tape, learn)?;
    let all = recipe.config.quantisers();
    let fixed = fixed.or((!recipe.nested).then_some(all));
    let levels = levels(all, x.len() / (frames * HOP), fixed, &mut rng);
    let feats = features_of_all(&plan.stft, x, frames * HOP)?;
    let feats = tape.input(feats, [x.len() / HOP, FEATURES])?;
    let z = leaves.encode(&feats, frames)?;
    let zv = z.shared();
    let mut assigned = Vec::new();
    let mut error = 0.0;
    let zq = match q {
        None => z,
        Some(q) => {
            let mut depths = Vec::with_capacity(x.len() / HOP);
            for (seq, level) in x.chunks_exact(frames * HOP).zip(&levels) {
                depths.extend(seq.chunks_exact(HOP).map(|f| depth(*level, offset(f))));
            }
            let (out, coded) = q.code(&zv, recipe.config.latent, &depths, &mut rng);
            assigned = coded.assigned;
            error = coded.error;
            straight_through(&z, out, recipe.commitment)?
        }
    };
    let y = synthesis(&plan.stft, &leaves.decode(&zq, frames)?, frames)?;
    let share = |level: &usize| {
        // None up to a fifth of the codebooks, then rising.
        if q.is_some() {
            (1.25 * *level as f32 / all as f32 - 0.25).max(0.0)
        } else {
            1.0
        }
    };
    let phase: Vec<f32> = levels.iter().map(share).collect();
    let (loss, terms) = plan.loss.apply(&y, x, &phase)?;
    let grads = if learn {
        loss.backward()?.take_all(leaves.nodes())?
    } else {
        Vec::new()
    };
    let half = Half {
        terms,
        loss: loss.scalar()?,
        assigned,
        error,
        z: zv.to_vec(),
    };
    Ok((grads, half))
}

/// Loss and disturbance on the same validation sequences each time, at three depths.
fn validate(run: &Run<'_>, plan: &Plan, params: &Params, q: &Quantiser) -> Result<String> {
    let n = run.recipe.frames * HOP;
    let mut x = vec![0.0; 32 * n];
    run.valid.draw(n, false, &mut Rng::new(5), &mut x);
    let all = run.recipe.config.quantisers();
    let notes = [all.div_ceil(4), all / 2, all]
        .into_iter()
        .filter(|d| run.recipe.nested || *d == all)
        .map(|d| {
            let (_, h) = half(run, plan, params, Some(q), &x, Rng::new(5), Some(d))?;
            Ok(format!(
                "{d} codebooks: loss {:.4} mel {:.3} disturbance {:.3}",
                h.loss, h.terms.mel, h.terms.disturbance
            ))
        });
    Ok(notes.collect::<Result<Vec<_>>>()?.join("; "))
}

/// Latent frames that the codebooks are fitted to in the end.
const FIT: usize = 200_000;
/// Rounds of k-means for each codebook then.
const ROUNDS: usize = 4;

/// Moves the codes to the means of what the averaged encoder, now at rest, assigns to them. While
/// training they follow a moving encoder by few vectors each, the deep codebooks above all.
fn refit(
    run: &Run<'_>,
    plan: &Plan,
    params: &Params,
    q: &mut Quantiser,
    ctl: &mut Control<'_>,
) -> Result<()> {
    let recipe = run.recipe;
    let (frames, all) = (recipe.frames, recipe.config.quantisers());
    let n = frames * HOP;
    let mut rng = Rng::new(recipe.seed ^ 0x7265_6669);
    let tape = Tape::new();
    let leaves = Leaves::new(params, &recipe.config, &tape, false)?;
    report(ctl, "fit codebooks", 0, 1, "");
    let (mut z, mut depths) = (Vec::new(), Vec::new());
    let mut x = vec![0.0; recipe.batch * n];
    // No more than the recipe's own size warrants: small recipes are for tests.
    let want = FIT.min(recipe.steps as usize * recipe.batch * frames);
    while depths.len() < want {
        ctl.check()?;
        run.train.draw(n, true, &mut rng, &mut x);
        let feats = features_of_all(&plan.stft, &x, n)?;
        let feats = tape.input(feats, [x.len() / HOP, FEATURES])?;
        z.extend_from_slice(leaves.encode(&feats, frames)?.values());
        depths.extend(x.chunks_exact(HOP).map(|f| depth(all, offset(f))));
    }
    q.refit(&z, recipe.config.latent, &depths, ROUNDS);
    Ok(())
}

/// Trains, or goes on where a checkpoint stands.
///
/// # Errors
/// [`Error::Cancelled`], [`Error::Io`].
pub fn run(run: &Run<'_>, resume: bool, ctl: &mut Control<'_>) -> Result<Trained> {
    let recipe = run.recipe;
    let mut rng = Rng::new(recipe.seed);
    let learner = Learner::new(fresh(&recipe.config, &mut rng));
    let mut s = State {
        step: 0,
        learner,
        quantiser: None,
        rng,
        seconds: 0.0,
    };
    let file = run.checkpoint("codec");
    if let Some(file) = file.as_ref().filter(|f| resume && f.exists()) {
        s.load(file, &recipe.config)?;
    }
    let plan = Plan {
        loss: Loss::new(recipe.weights)?,
        stft: Stft::new(N_FFT)?,
    };
    let n = recipe.frames * HOP;
    let mut x = vec![0.0; recipe.batch * n];
    let mut pool: Vec<f32> = Vec::new();
    let mut began = Instant::now();
    let mut mean = Mean::default();
    let mut validation = String::new();
    while s.step < recipe.steps {
        // The pool of latents is not part of a checkpoint: inside its window none is written.
        let filling = s.quantiser.is_none() && s.step + POOL > recipe.warmup && !pool.is_empty();
        let stop = ctl.check().is_err();
        if !filling
            && (stop || s.step.is_multiple_of(SAVE))
            && let Some(file) = &file
        {
            s.seconds += began.elapsed().as_secs_f64();
            began = Instant::now();
            s.save(file)?;
        }
        if stop {
            return Err(Error::Cancelled);
        }
        run.train.draw(n, true, &mut s.rng, &mut x);
        let seeds = [0, 1].map(|_| Rng::new(u64::from(s.rng.bits())));
        let (left, right) = x.split_at(recipe.batch / 2 * n);
        let (params, q) = (&s.learner.params, s.quantiser.as_ref());
        let parts = vec![(left, seeds[0]), (right, seeds[1])];
        let (mut grads, halves) =
            gradients(parts, |(x, rng)| half(run, &plan, params, q, x, rng, None))?;
        let rate = rate(recipe.rate, s.step, recipe.steps);
        let norm = s.learner.apply(&mut grads, rate, CLIP)?;
        for h in &halves {
            mean.add(&h.terms, h.loss, h.error);
        }
        let mut revived = 0;
        if let Some(q) = &mut s.quantiser {
            let assigned: Vec<_> = halves.into_iter().map(|h| h.assigned).collect();
            revived = q.update(&assigned, &mut s.rng);
        } else if s.step + POOL >= recipe.warmup {
            pool.extend(halves.into_iter().flat_map(|h| h.z));
            if s.step + 1 >= recipe.warmup {
                let mut q = Quantiser::new(&recipe.config);
                q.start(&pool, recipe.config.latent, 8, &mut s.rng);
                pool = Vec::new();
                s.quantiser = Some(q);
            }
        }
        s.step += 1;
        mean.norm += norm;
        mean.revived += revived;
        if s.step.is_multiple_of(VALIDATE)
            && !run.valid.clips.is_empty()
            && let Some(q) = &s.quantiser
        {
            validation = validate(run, &plan, &s.learner.average.params, q)?;
            report(ctl, "validate", s.step, recipe.steps, &validation);
        }
        if s.step.is_multiple_of(REPORT) {
            let seconds = s.seconds + began.elapsed().as_secs_f64();
            let audio =
                (s.step * (recipe.batch * n) as u64) as f64 / f64::from(crate::config::SAMPLE_RATE);
            let note = format!(
                "{mean}, {:.0} s, {:.0}x real time",
                seconds,
                audio / seconds
            );
            report(ctl, "train codec", s.step, recipe.steps, &note);
            mean = Mean::default();
        }
    }
    s.seconds += began.elapsed().as_secs_f64();
    if let Some(file) = &file {
        s.save(file)?;
    }
    let mut quantiser = s
        .quantiser
        .ok_or_else(|| Error::Usage("warm-up as long as the run".into()))?;
    let began = Instant::now();
    let params = s.learner.average.params;
    refit(run, &plan, &params, &mut quantiser, ctl)?;
    if !run.valid.clips.is_empty() {
        validation = validate(run, &plan, &params, &quantiser)?;
        report(ctl, "validate", s.step, recipe.steps, &validation);
    }
    s.seconds += began.elapsed().as_secs_f64();
    Ok(Trained {
        params,
        quantiser,
        seconds: s.seconds,
        validation,
    })
}

/// Means since the last report.
#[derive(Default)]
struct Mean {
    terms: Terms,
    loss: f32,
    error: f32,
    norm: f32,
    revived: usize,
    halves: f32,
}

impl Mean {
    fn add(&mut self, t: &Terms, loss: f32, error: f32) {
        let m = &mut self.terms;
        m.mel += t.mel;
        m.magnitude += t.magnitude;
        m.log += t.log;
        m.complex += t.complex;
        m.disturbance += t.disturbance;
        self.loss += loss;
        self.error += error;
        self.halves += 1.0;
    }
}

impl std::fmt::Display for Mean {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let n = self.halves.max(1.0);
        let t = &self.terms;
        write!(
            f,
            "loss {:.4} mel {:.3} magnitude {:.4} log {:.3} complex {:.3} disturbance {:.3} latent error {:.4} gradient {:.2} revived {}",
            self.loss / n,
            t.mel / n,
            t.magnitude / n,
            t.log / n,
            t.complex / n,
            t.disturbance / n,
            self.error / n,
            self.norm / n * 2.0,
            self.revived
        )
    }
}
