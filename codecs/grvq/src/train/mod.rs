//! Training of the codec and of its token prior.
//!
//! Half of each batch runs on each core, every half with a graph of its own; gradients are added
//! and one AdamW step follows. The quantiser starts after a warm-up, from k-means; each sequence
//! then uses a random number of codebooks, so that one stream carries nested rates.

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod check;
mod layer;
mod loss;
pub mod net;
mod op;
pub mod quant;
mod rng;
mod spectral;

use std::time::Instant;

pub use loss::{Terms, Weights};
use loss::Loss;
use net::Params;
use op::leaf;
use quant::{Assigned, Quantiser, straight_through};
use rng::Rng;
use spectral::{Fft, features, synthesis};

use crate::config::{Config, HOP, LEVEL, depth, offset};

/// How to train.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Sizes.
    pub config: Config,
    /// Weights of the loss.
    pub weights: Weights,
    /// Steps in all.
    pub steps: u64,
    /// Steps before the quantiser starts.
    pub warmup: u64,
    /// Sequences per step.
    pub batch: usize,
    /// Latent frames per sequence.
    pub frames: usize,
    /// Highest learning rate; cosine down to a hundredth of it.
    pub rate: f32,
    /// Weight of the commitment term.
    pub commitment: f32,
    /// Seed of initialisation and batches.
    pub seed: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            config: Config::default(),
            weights: Weights::default(),
            steps: 10_000,
            warmup: 500,
            batch: 16,
            frames: 64,
            rate: 1e-3,
            commitment: 0.25,
            seed: 1,
        }
    }
}

struct Half {
    grads: Vec<Vec<f32>>,
    terms: Terms,
    loss: f32,
    assigned: Vec<Assigned>,
    error: f32,
    z: Vec<f32>,
}

struct Adam {
    m: Vec<Vec<f32>>,
    v: Vec<Vec<f32>>,
    step: i32,
}

impl Adam {
    fn new(p: &Params) -> Self {
        let zeros: Vec<Vec<f32>> = p.0.iter().map(|p| vec![0.0; p.data.len()]).collect();
        Self { m: zeros.clone(), v: zeros, step: 0 }
    }

    /// One AdamW step (Loshchilov and Hutter 2019) on clipped gradients; gives the norm.
    fn apply(&mut self, p: &mut Params, grads: &[Vec<f32>], rate: f32, clip: f32) -> f32 {
        const B1: f32 = 0.9;
        const B2: f32 = 0.99;
        const DECAY: f32 = 1e-2;
        self.step += 1;
        let norm = grads.iter().flatten().map(|g| f64::from(g * g)).sum::<f64>().sqrt() as f32;
        if !norm.is_finite() {
            return norm;
        }
        let scale = (clip / (norm + 1e-6)).min(1.0);
        let c1 = 1.0 - B1.powi(self.step);
        let c2 = 1.0 - B2.powi(self.step);
        for (((p, g), m), v) in p.0.iter_mut().zip(grads).zip(&mut self.m).zip(&mut self.v) {
            let decay = if p.rows > 1 && !p.name.contains("dw") { rate * DECAY } else { 0.0 };
            for (((p, g), m), v) in p.data.iter_mut().zip(g).zip(m).zip(v) {
                let g = g * scale;
                *m = B1 * *m + (1.0 - B1) * g;
                *v = B2 * *v + (1.0 - B2) * g * g;
                *p -= rate * (*m / c1) / ((*v / c2).sqrt() + 1e-8) + decay * *p;
            }
        }
        norm
    }
}

/// A batch of sequences at working level.
fn draw(clips: &[Vec<i16>], total: u64, n: usize, rng: &mut Rng, out: &mut [f32]) {
    for seq in out.chunks_exact_mut(n) {
        for _ in 0..20 {
            // Uniform over all samples, so that long clips count for more.
            let mut at = ((u64::from(rng.next()) << 20) ^ u64::from(rng.next())) % total.max(1);
            let mut pick = &clips[0];
            for c in clips {
                if at < c.len() as u64 {
                    pick = c;
                    break;
                }
                at -= c.len() as u64;
            }
            let start = (at as usize).min(pick.len().saturating_sub(n));
            let piece = &pick[start..(start + n).min(pick.len())];
            // Level by the clip's own surroundings, as the encoder normalises whole chunks.
            let energy = piece.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / n as f64;
            let rms = energy.sqrt() as f32 / 32768.0;
            if rms < 1e-3 {
                continue;
            }
            let gain = LEVEL / rms * 10f32.powf((rng.unit() * 12.0 - 9.0) / 20.0);
            seq.fill(0.0);
            for (o, s) in seq.iter_mut().zip(piece) {
                *o = f32::from(*s) / 32768.0 * gain;
            }
            break;
        }
    }
}

fn half(recipe: &Recipe, params: &Params, quantiser: Option<&Quantiser>, loss: &Loss, fft: &Fft, x: &[f32], mut rng: Rng, fixed: Option<usize>) -> Half {
    let config = &recipe.config;
    let n = recipe.frames * HOP;
    let seqs = x.len() / n;
    let leaves = params.leaves(config);
    let mut feats = Vec::with_capacity(seqs * recipe.frames * crate::config::FEATURES);
    for s in x.chunks_exact(n) {
        feats.extend(features(fft, s));
    }
    let feats = leaf(feats, seqs * recipe.frames, crate::config::FEATURES, false);
    let z = leaves.encode(&feats, recipe.frames);
    let zv = op::values(&z);
    let mut assigned = Vec::new();
    let mut error = 0.0;
    let zq = match quantiser {
        None => z,
        Some(q) => {
            let all = config.quantisers();
            let depth: Vec<usize> = (0..seqs)
                .flat_map(|s| {
                    let level = fixed.unwrap_or_else(|| {
                        if rng.below(8) == 0 { all } else { 1 + rng.below(all) }
                    });
                    let frames = x[s * n..(s + 1) * n].chunks_exact(HOP);
                    frames.map(|f| depth(level, offset(f))).collect::<Vec<_>>()
                })
                .collect();
            let (out, coded) = q.code(&zv, config.latent, &depth, &mut rng);
            assigned = coded.assigned;
            error = coded.error;
            straight_through(&z, out, recipe.commitment)
        }
    };
    let y = synthesis(fft, &leaves.decode(&zq, recipe.frames), recipe.frames);
    let (l, terms) = loss.apply(&y, x);
    let value = op::values(&l)[0];
    let grads = l.backward();
    let grads = leaves
        .nodes()
        .iter()
        .zip(&params.0)
        .map(|(n, p)| n.grad(&grads).map_or_else(|| vec![0.0; p.data.len()], |g| g.into_data().to_vec().unwrap_or_default()))
        .collect();
    Half { grads, terms, loss: value, assigned, error, z: zv }
}

/// Trains on `clips` (16 kHz); `each` is called with a report every 50 steps.
pub fn run(recipe: &Recipe, clips: &[Vec<i16>], valid: &[Vec<i16>], mut each: impl FnMut(u64, &str, &Params, Option<&Quantiser>)) {
    let mut rng = Rng::new(recipe.seed);
    let mut params = Params::new(&recipe.config, &mut rng);
    let mut average = params.clone();
    let mut adam = Adam::new(&params);
    let mut quantiser: Option<Quantiser> = None;
    let loss = Loss::new(recipe.weights);
    let fft = Fft::new(crate::config::N_FFT);
    let total: u64 = clips.iter().map(|c| c.len() as u64).sum();
    let n = recipe.frames * HOP;
    let mut x = vec![0.0; recipe.batch * n];
    let mut pool: Vec<f32> = Vec::new();
    let began = Instant::now();
    let mut sums = (Terms::default(), 0.0, 0.0, 0.0, 0usize);
    for step in 0..recipe.steps {
        draw(clips, total, n, &mut rng, &mut x);
        let seeds = (Rng::new(u64::from(rng.next())), Rng::new(u64::from(rng.next())));
        let (a, b) = x.split_at(recipe.batch / 2 * n);
        let q = quantiser.as_ref();
        let (a, b) = rayon::join(
            || half(recipe, &params, q, &loss, &fft, a, seeds.0, None),
            || half(recipe, &params, q, &loss, &fft, b, seeds.1, None),
        );
        let mut grads = a.grads;
        for (g, o) in grads.iter_mut().zip(&b.grads) {
            g.iter_mut().zip(o).for_each(|(g, o)| *g = 0.5 * (*g + o));
        }
        let t = step as f32 / recipe.steps as f32;
        let ramp = ((step + 1) as f32 / 200.0).min(1.0);
        let rate = recipe.rate * ramp * (0.01 + 0.99 * 0.5 * (1.0 + (std::f32::consts::PI * t).cos()));
        let norm = adam.apply(&mut params, &grads, rate, 5.0);
        let keep = 0.998f32.min((step + 1) as f32 / (step + 10) as f32);
        for (a, p) in average.0.iter_mut().zip(&params.0) {
            a.data.iter_mut().zip(&p.data).for_each(|(a, p)| *a = keep * *a + (1.0 - keep) * p);
        }
        let mut revived = 0;
        if let Some(q) = &mut quantiser {
            revived = q.update(&[a.assigned, b.assigned], &mut rng);
        } else {
            if step + 16 >= recipe.warmup {
                pool.extend(&a.z);
                pool.extend(&b.z);
            }
            if step + 1 == recipe.warmup {
                let mut q = Quantiser::new(&recipe.config);
                q.start(&pool, recipe.config.latent, 8, &mut rng);
                pool = Vec::new();
                quantiser = Some(q);
            }
        }
        for (s, t) in [&mut sums.0.mel, &mut sums.0.magnitude, &mut sums.0.log, &mut sums.0.complex, &mut sums.0.disturbance].into_iter().zip([
            (a.terms.mel, b.terms.mel), (a.terms.magnitude, b.terms.magnitude), (a.terms.log, b.terms.log), (a.terms.complex, b.terms.complex), (a.terms.disturbance, b.terms.disturbance)]) {
            *s += 0.5 * (t.0 + t.1) / 50.0;
        }
        sums.1 += 0.5 * (a.loss + b.loss) / 50.0;
        sums.2 += 0.5 * (a.error + b.error) / 50.0;
        sums.3 += norm / 50.0;
        sums.4 += revived;
        if (step + 1) % 50 == 0 {
            let s = began.elapsed().as_secs_f32();
            let audio = (step + 1) as f32 * (recipe.batch * n) as f32 / 16000.0;
            let note = format!("{} loss {:.4} mel {:.3} mag {:.4} log {:.3} cpx {:.3} dist {:.3} qerr {:.4} norm {:.2} revived {} | {:.0} s, {:.1}x real time",
                step + 1, sums.1, sums.0.mel, sums.0.magnitude, sums.0.log, sums.0.complex, sums.0.disturbance, sums.2, sums.3, sums.4, s, audio / s);
            each(step + 1, &note, &average, quantiser.as_ref());
            sums = (Terms::default(), 0.0, 0.0, 0.0, 0);
        }
        if (step + 1) % 500 == 0 && quantiser.is_some() && !valid.is_empty() {
            let mut draws = Rng::new(5);
            let mut xs = vec![0.0; 32 * n];
            let total = valid.iter().map(|c| c.len() as u64).sum();
            draw(valid, total, n, &mut draws, &mut xs);
            let note: Vec<String> = [3, 7, recipe.config.quantisers()].into_iter().map(|d| {
                let h = half(recipe, &average, quantiser.as_ref(), &loss, &fft, &xs, Rng::new(5), Some(d));
                format!("depth {d}: loss {:.4} mel {:.3} dist {:.3} qerr {:.4}", h.loss, h.terms.mel, h.terms.disturbance, h.error)
            }).collect();
            each(step + 1, &format!("valid {}", note.join("; ")), &average, quantiser.as_ref());
        }
    }
}
