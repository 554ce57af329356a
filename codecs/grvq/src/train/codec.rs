//! The codec's training loop.

use std::time::Instant;

use nc_core::{Control, Error, Result};

use super::adam::{Adam, schedule};
use super::checkpoint::State;
use super::loss::{Loss, Terms};
use super::net::Params;
use super::op::{leaf, values};
use super::quant::{Assigned, Quantiser, straight_through};
use super::spectral::{Fft, features, synthesis};
use super::{Run, SAVE, report};
use crate::config::{FEATURES, HOP, N_FFT, depth, offset};
use nc_core::rng::Rng;

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
    grads: Vec<Vec<f32>>,
    terms: Terms,
    loss: f32,
    assigned: Vec<Assigned>,
    error: f32,
    z: Vec<f32>,
}

/// Planned transforms and the loss.
struct Plan {
    loss: Loss,
    fft: Fft,
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

fn half(
    run: &Run<'_>,
    plan: &Plan,
    params: &Params,
    q: Option<&Quantiser>,
    x: &[f32],
    mut rng: Rng,
    fixed: Option<usize>,
) -> Half {
    let recipe = run.recipe;
    let frames = recipe.frames;
    let leaves = params.leaves(&recipe.config, true);
    let all = recipe.config.quantisers();
    let fixed = fixed.or((!recipe.nested).then_some(all));
    let levels = levels(all, x.len() / (frames * HOP), fixed, &mut rng);
    let feats: Vec<f32> = x
        .chunks_exact(frames * HOP)
        .flat_map(|s| features(&plan.fft, s))
        .collect();
    let feats = leaf(feats, x.len() / HOP, FEATURES, false);
    let z = leaves.encode(&feats, frames);
    let zv = values(&z);
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
            straight_through(&z, out, recipe.commitment)
        }
    };
    let y = synthesis(&plan.fft, &leaves.decode(&zq, frames), frames);
    let share = |level: &usize| {
        // None up to a fifth of the codebooks, then rising.
        if q.is_some() {
            (1.25 * *level as f32 / all as f32 - 0.25).max(0.0)
        } else {
            1.0
        }
    };
    let phase: Vec<f32> = levels.iter().map(share).collect();
    let (l, terms) = plan.loss.apply(&y, x, &phase);
    let loss = values(&l)[0];
    let grads = l.backward();
    let grads = leaves.nodes().iter().zip(&params.0).map(|(n, p)| {
        n.grad(&grads).map_or_else(
            || vec![0.0; p.data.len()],
            |g| g.into_data().try_to_vec().unwrap_or_default(),
        )
    });
    Half {
        grads: grads.collect(),
        terms,
        loss,
        assigned,
        error,
        z: zv,
    }
}

/// Loss and disturbance on the same validation sequences each time, at three depths.
fn validate(run: &Run<'_>, plan: &Plan, params: &Params, q: &Quantiser) -> String {
    let n = run.recipe.frames * HOP;
    let mut x = vec![0.0; 32 * n];
    run.valid.draw(n, false, &mut Rng::new(5), &mut x);
    let all = run.recipe.config.quantisers();
    let notes = [all.div_ceil(4), all / 2, all]
        .into_iter()
        .filter(|d| run.recipe.nested || *d == all)
        .map(|d| {
            let h = half(run, plan, params, Some(q), &x, Rng::new(5), Some(d));
            format!(
                "{d} codebooks: loss {:.4} mel {:.3} disturbance {:.3}",
                h.loss, h.terms.mel, h.terms.disturbance
            )
        });
    notes.collect::<Vec<_>>().join("; ")
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
    let leaves = params.leaves(&recipe.config, false);
    report(ctl, "fit codebooks", 0, 1, "");
    let (mut z, mut depths) = (Vec::new(), Vec::new());
    let mut x = vec![0.0; recipe.batch * n];
    // No more than the recipe's own size warrants: small recipes are for tests.
    let want = FIT.min(recipe.steps as usize * recipe.batch * frames);
    while depths.len() < want {
        ctl.check()?;
        run.train.draw(n, true, &mut rng, &mut x);
        let feats: Vec<f32> = x
            .chunks_exact(n)
            .flat_map(|s| features(&plan.fft, s))
            .collect();
        let feats = leaf(feats, x.len() / HOP, FEATURES, false);
        z.extend(values(&leaves.encode(&feats, frames)));
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
    let params = Params::new(&recipe.config, &mut rng);
    let adam = Adam::new(&params);
    let mut s = State {
        step: 0,
        params,
        adam,
        quantiser: None,
        rng,
        seconds: 0.0,
    };
    let file = run.checkpoint("codec");
    if let Some(file) = file.as_ref().filter(|f| resume && f.exists()) {
        s.load(file, &recipe.config)?;
    }
    let plan = Plan {
        loss: Loss::new(recipe.weights),
        fft: Fft::new(N_FFT),
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
        let (params, q) = (&s.params, s.quantiser.as_ref());
        let (a, b) = rayon::join(
            || half(run, &plan, params, q, left, seeds[0], None),
            || half(run, &plan, params, q, right, seeds[1], None),
        );
        let mut grads = a.grads;
        for (g, o) in grads.iter_mut().zip(&b.grads) {
            g.iter_mut().zip(o).for_each(|(g, o)| *g = 0.5 * (*g + o));
        }
        let rate = schedule(recipe.rate, s.step, recipe.steps);
        let norm = s.adam.apply(&mut s.params, &grads, rate, CLIP);
        let mut revived = 0;
        if let Some(q) = &mut s.quantiser {
            revived = q.update(&[a.assigned, b.assigned], &mut s.rng);
        } else if s.step + POOL >= recipe.warmup {
            pool.extend(a.z);
            pool.extend(b.z);
            if s.step + 1 >= recipe.warmup {
                let mut q = Quantiser::new(&recipe.config);
                q.start(&pool, recipe.config.latent, 8, &mut s.rng);
                pool = Vec::new();
                s.quantiser = Some(q);
            }
        }
        s.step += 1;
        for (terms, loss, error) in [(a.terms, a.loss, a.error), (b.terms, b.loss, b.error)] {
            mean.add(&terms, loss, error);
        }
        mean.norm += norm;
        mean.revived += revived;
        if s.step.is_multiple_of(VALIDATE)
            && !run.valid.clips.is_empty()
            && let Some(q) = &s.quantiser
        {
            validation = validate(run, &plan, &s.adam.average, q);
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
    let params = s.adam.average;
    refit(run, &plan, &params, &mut quantiser, ctl)?;
    if !run.valid.clips.is_empty() {
        validation = validate(run, &plan, &params, &quantiser);
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
