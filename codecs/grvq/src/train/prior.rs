//! Training of the token prior: cross-entropy of each token given what the decoder knows.
//!
//! The context of a frame is what was decoded before it; within a frame, a stage also knows the
//! sum of the codes of the stages before. Every sequence is trained at a random nesting level, so
//! that one prior serves all rates.

use std::time::Instant;

use nc_core::rng::Rng;
use nc_core::{Control, Error, Result};
use nc_learn::activation::quick_gelu;
use nc_learn::arithmetic::{add, gather, total};
use nc_learn::linear::linear;
use nc_learn::parallel::gradients;
use nc_learn::spectrum::Stft;
use nc_learn::token::cross_entropy;
use nc_learn::{Learner, Node, Params, Tape};
use rayon::prelude::*;

use super::checkpoint::State;
use super::data::Dataset;
use super::net::Leaves;
use super::spectral::features;
use super::{Run, SAVE, rate, report};
use crate::config::{Config, FEATURES, HOP, LEVEL, N_FFT, OFFSETS, depth, offset};
use crate::context::{Context, add_code};

/// Tokens of one clip at full depth.
pub struct Tokens {
    /// `[frames][quantisers]`.
    pub ids: Vec<u16>,
    /// Depth offset of each frame.
    pub offsets: Vec<u8>,
}

/// Fresh parameters; output biases start at the tokens' log frequencies.
pub fn fresh(config: &Config, data: &[Tokens], rng: &mut Rng) -> Params {
    let mut p = Params::default();
    let inputs = Context::inputs(config);
    let (hidden, mix) = (config.prior_hidden, config.prior_mix);
    let mut dense = |name: String, out: usize, cin: usize, bias: Vec<f32>| {
        let s = 1.0 / (cin as f32).sqrt();
        let data = (0..out * cin).map(|_| rng.normal() * s).collect();
        p.matrix(format!("{name}.weight"), [out, cin], data);
        p.vector(format!("{name}.bias"), bias);
    };
    dense("prior.in".into(), hidden, inputs, vec![0.0; hidden]);
    dense("prior.mid".into(), hidden, hidden, vec![0.0; hidden]);
    let n = config.quantisers();
    for q in 0..n {
        let mut count = vec![1.0f32; config.codes];
        for id in data.iter().flat_map(|t| t.ids.chunks_exact(n)) {
            count[usize::from(id[q])] += 1.0;
        }
        let bias = count.iter().map(|c| c.ln()).collect::<Vec<_>>();
        let mean = bias.iter().sum::<f32>() / bias.len() as f32;
        dense(format!("prior.{q}.sum"), mix, config.latent, vec![0.0; mix]);
        dense(format!("prior.{q}.context"), mix, hidden, vec![0.0; mix]);
        dense(
            format!("prior.{q}.out"),
            config.codes,
            mix,
            bias.iter().map(|b| b - mean).collect(),
        );
    }
    p
}

/// Bits of a batch of sequences and the tokens in them, by codebook: the loss is bits per token.
///
/// # Errors
/// None for parameters of this configuration.
pub fn bits<'t>(
    config: &Config,
    tape: &'t Tape,
    nodes: &[Node<'t>],
    books: &[Vec<f32>],
    scale: f32,
    batch: &[(&Tokens, usize, usize)],
    frames: usize,
) -> Result<(Node<'t>, Vec<(f64, usize)>)> {
    let n = config.quantisers();
    let latent = config.latent;
    let mut inputs = Vec::new();
    let mut sums: Vec<Vec<f32>> = vec![Vec::new(); n];
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); n];
    let mut ids: Vec<Vec<u16>> = vec![Vec::new(); n];
    let mut row = 0;
    for (tokens, start, level) in batch {
        let mut context = Context::new(config, scale);
        for t in *start..(*start + frames).min(tokens.offsets.len()) {
            let d = depth(*level, tokens.offsets[t]);
            inputs.extend(context.features(tokens.offsets[t], d));
            let mut sum = vec![0.0; latent];
            for q in 0..d {
                let id = tokens.ids[t * n + q];
                sums[q].extend(sum.iter().map(|s| s * scale));
                rows[q].push(row);
                ids[q].push(id);
                add_code(config, &books[q], q, id, &mut sum);
            }
            context.push(&sum, d);
            row += 1;
        }
    }
    let width = Context::inputs(config);
    let x = tape.input(inputs, [row, width])?;
    let h = quick_gelu(&linear(&x, &nodes[0], &nodes[1])?)?;
    let h = add(&h, &quick_gelu(&linear(&h, &nodes[2], &nodes[3])?)?)?;
    let mut losses = Vec::new();
    let mut stats = vec![(0.0, 0); n];
    let tokens: usize = ids.iter().map(Vec::len).sum();
    for (q, ((sums, rows), ids)) in sums.into_iter().zip(rows).zip(ids).enumerate() {
        if ids.is_empty() {
            continue;
        }
        let count = ids.len();
        let p = &nodes[4 + 6 * q..];
        let s = tape.input(sums, [count, latent])?;
        let g = gather(&h, rows)?;
        let u = add(&linear(&s, &p[0], &p[1])?, &linear(&g, &p[2], &p[3])?)?;
        let u = quick_gelu(&u)?;
        let ce = cross_entropy(&linear(&u, &p[4], &p[5])?, ids)?;
        stats[q] = (f64::from(ce.scalar()?), count);
        losses.push(ce);
    }
    Ok((total(&losses, 1.0 / tokens as f32)?, stats))
}

/// Counts of each offset after each, for the integer table of the model.
pub fn offset_counts(data: &[Tokens]) -> [[u32; OFFSETS]; OFFSETS] {
    let mut c = [[1; OFFSETS]; OFFSETS];
    for t in data {
        let mut last = 0u8;
        for o in &t.offsets {
            c[usize::from(last & 3)][usize::from(o & 3)] += 1;
            last = *o;
        }
    }
    c
}

/// Sequences per step of the prior.
const BATCH: usize = 32;
/// Frames per sequence of the prior.
const FRAMES: usize = 64;
/// Sequences of a validation.
const VALID: usize = 128;

/// A trained prior.
pub struct Trained {
    /// Averaged parameters.
    pub params: Params,
    /// Factor that brings latents to unit size.
    pub scale: f32,
    /// Counts of each depth offset after each.
    pub offsets: [[u32; OFFSETS]; OFFSETS],
    /// Seconds of training.
    pub seconds: f64,
    /// Bits per token by codebook on held-out clips, as text.
    pub validation: String,
}

/// Tokens of every clip, as the trained codec makes them; of evenly chosen clips where `frames`
/// latent frames are all that will be looked at.
fn tokens(
    run: &Run<'_>,
    codec: &super::codec::Trained,
    data: &Dataset,
    frames: u64,
) -> Result<Vec<Tokens>> {
    let apart = (data.samples() / (HOP as u64 * frames.max(1))).max(1) as usize;
    let config = &run.recipe.config;
    let stft = Stft::new(N_FFT)?;
    let n = config.quantisers();
    data.clips
        .par_iter()
        .step_by(apart)
        .filter(|c| c.samples.len() >= HOP)
        .map(|clip| {
            let mut x: Vec<f32> = clip
                .samples
                .iter()
                .map(|s| f32::from(*s) / 32768.0)
                .collect();
            let rms = (x.iter().map(|s| s * s).sum::<f32>() / x.len() as f32)
                .sqrt()
                .max(1e-6);
            x.iter_mut().for_each(|s| *s *= LEVEL / rms);
            x.resize(x.len().div_ceil(HOP) * HOP, 0.0);
            let mut out = Tokens {
                ids: Vec::new(),
                offsets: Vec::new(),
            };
            // Chunks as long as the codec's own.
            for piece in x.chunks(1000 * HOP) {
                let frames = piece.len() / HOP;
                let tape = Tape::new();
                let leaves = Leaves::new(&codec.params, config, &tape, false)?;
                let x = tape.input(features(&stft, piece)?, [frames, FEATURES])?;
                let z = leaves.encode(&x, frames)?;
                let all = vec![n; frames];
                let latent = config.latent;
                let (_, coded) = codec
                    .quantiser
                    .code(z.values(), latent, &all, &mut Rng::new(1));
                out.ids.extend(coded.tokens);
                out.offsets.extend(piece.chunks_exact(HOP).map(offset));
            }
            Ok(out)
        })
        .collect()
}

/// A random batch: sequence, first frame, nesting level.
fn draw<'a>(
    data: &'a [Tokens],
    config: &Config,
    count: usize,
    rng: &mut Rng,
) -> Vec<(&'a Tokens, usize, usize)> {
    let total: usize = data.iter().map(|t| t.offsets.len()).sum();
    let all = config.quantisers();
    (0..count)
        .filter_map(|_| {
            let mut at = rng.below(total);
            for t in data {
                if at < t.offsets.len() {
                    let start = at.min(t.offsets.len().saturating_sub(FRAMES));
                    let level = if rng.below(4) == 0 {
                        all
                    } else {
                        1 + rng.below(all)
                    };
                    return Some((t, start, level));
                }
                at -= t.offsets.len();
            }
            None
        })
        .collect()
}

/// Trains the prior, or goes on where a checkpoint stands.
///
/// # Errors
/// [`Error::Cancelled`], [`Error::Io`].
pub fn run(
    run: &Run<'_>,
    codec: &super::codec::Trained,
    resume: bool,
    ctl: &mut Control<'_>,
) -> Result<Trained> {
    let recipe = run.recipe;
    let config = &recipe.config;
    report(ctl, "tokenise", 0, 1, "");
    let data = tokens(
        run,
        codec,
        run.train,
        recipe.prior_steps * (BATCH * FRAMES) as u64,
    )?;
    let valid = tokens(run, codec, run.valid, (VALID * FRAMES * 8) as u64)?;
    let books: Vec<Vec<f32>> = codec
        .quantiser
        .books
        .iter()
        .map(|b| b.codes.iter().copied().collect())
        .collect();
    // Unit size of the summed codes over the first clips.
    let (mut power, mut count) = (0.0f64, 0usize);
    for t in data.iter().take(200) {
        for ids in t.ids.chunks_exact(config.quantisers()) {
            let mut sum = vec![0.0; config.latent];
            for (q, id) in ids.iter().enumerate() {
                add_code(config, &books[q], q, *id, &mut sum);
            }
            power += sum.iter().map(|v| f64::from(v * v)).sum::<f64>();
            count += config.latent;
        }
    }
    let scale = (1.0 / (power / count.max(1) as f64).sqrt().max(1e-9)) as f32;
    let mut rng = Rng::new(recipe.seed ^ 0x7072_696f);
    let learner = Learner::new(fresh(config, &data, &mut rng));
    let mut s = State {
        step: 0,
        learner,
        quantiser: None,
        rng,
        seconds: 0.0,
    };
    let file = run.checkpoint("prior");
    if let Some(file) = file.as_ref().filter(|f| resume && f.exists()) {
        s.load(file, config)?;
    }
    let mut began = Instant::now();
    let (mut sum, mut seen) = (0.0, 0);
    while s.step < recipe.prior_steps {
        let stop = ctl.check().is_err();
        if (stop || s.step.is_multiple_of(SAVE))
            && let Some(file) = &file
        {
            s.seconds += began.elapsed().as_secs_f64();
            began = Instant::now();
            s.save(file)?;
        }
        if stop {
            return Err(Error::Cancelled);
        }
        let batch = draw(&data, config, BATCH, &mut s.rng);
        let parts = batch.chunks(batch.len().div_ceil(2).max(1)).collect();
        let params = &s.learner.params;
        let (mut grads, losses) = gradients(parts, |part| {
            let tape = Tape::new();
            let nodes = params.nodes(&tape, true)?;
            let (loss, _) = bits(config, &tape, &nodes, &books, scale, part, FRAMES)?;
            let grads = loss.backward()?.take_all(&nodes)?;
            Ok((grads, loss.scalar()?))
        })?;
        let rate = rate(3e-3, s.step, recipe.prior_steps);
        s.learner.apply(&mut grads, rate, 1.0)?;
        s.step += 1;
        sum += f64::from(losses.iter().sum::<f32>() / losses.len() as f32);
        seen += 1;
        if s.step.is_multiple_of(100) {
            report(
                ctl,
                "train prior",
                s.step,
                recipe.prior_steps,
                &format!("{:.3} bits per token", sum / f64::from(seen)),
            );
            (sum, seen) = (0.0, 0);
        }
    }
    s.seconds += began.elapsed().as_secs_f64();
    if let Some(file) = &file {
        s.save(file)?;
    }
    let params = s.learner.average.params;
    let validation = if valid.is_empty() {
        String::new()
    } else {
        let tape = Tape::new();
        let nodes = params.nodes(&tape, false)?;
        let all = config.quantisers();
        let batch: Vec<_> = draw(&valid, config, VALID, &mut Rng::new(9))
            .into_iter()
            .map(|(t, s, _)| (t, s, all))
            .collect();
        let (_, stats) = bits(config, &tape, &nodes, &books, scale, &batch, FRAMES)?;
        let each: Vec<String> = stats
            .iter()
            .map(|(b, n)| format!("{:.2}", b / (*n).max(1) as f64))
            .collect();
        format!("bits per token by codebook: {}", each.join(" "))
    };
    report(ctl, "validate", s.step, recipe.prior_steps, &validation);
    Ok(Trained {
        params,
        scale,
        offsets: offset_counts(&data),
        seconds: s.seconds,
        validation,
    })
}
