//! Inference of the encoder and decoder networks on exact kernels.
//!
//! The layers are those of training (`train::layer`, `train::spectral`); the arithmetic is
//! `nc-kernels`', so that decoded samples are the same bits on every machine.

use nc_core::{Budget, Error, Model, Result};
use nc_kernels::{Kernels, PackedLinear, Rfft, hann};

use crate::config::{BINS, Config, FEATURES, HEAD, HOP, MAX_LOG_GAIN, N_FFT, SUB_HOP, TAPS};
use crate::weights::{dense, fail, numbers};

/// Epsilon of the layer norms.
pub const NORM_EPS: f32 = 1e-5;
/// Frames whose activations are held at once: 256 frames keep a block's work in the second-level
/// cache and bound memory whatever the chunk.
const TILE: usize = 256;

struct Block {
    taps: Vec<f32>,
    bias: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    up: PackedLinear,
    down: PackedLinear,
    scale: Vec<f32>,
}

struct Trunk {
    input: PackedLinear,
    blocks: Vec<Block>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    output: PackedLinear,
}

/// A loaded encoder and decoder.
pub struct Network {
    config: Config,
    kernels: Kernels,
    fft: Rfft,
    window: Vec<f32>,
    /// One over the sum of squared windows, at each phase of the hop.
    level: Vec<f32>,
    encoder: Trunk,
    decoder: Trunk,
}

/// How far windows begin before [`window_start`].
const BEFORE: usize = N_FFT / 2;

/// Where the window of short-time spectrum `j` begins, counted from [`BEFORE`] samples before the signal.
fn window_start(j: usize) -> usize {
    j * SUB_HOP + SUB_HOP / 2
}

/// The first `n` numbers of a room.
fn first(room: &mut [f32], n: usize) -> Result<&mut [f32]> {
    let lost = || Error::Internal("grvq: activations of another size".into());
    room.get_mut(..n).ok_or_else(lost)
}

impl Trunk {
    fn load(
        model: &Model,
        side: &str,
        blocks: usize,
        c: &Config,
        cin: usize,
        out: usize,
        budget: &mut Budget,
    ) -> Result<Self> {
        let d = c.dim;
        let list = (0..blocks)
            .map(|b| {
                let mut get =
                    |part: &str, n: usize| numbers(model, &format!("{side}.{b}.{part}"), n, budget);
                Ok(Block {
                    taps: get("dw.weight", TAPS * d)?,
                    bias: get("dw.bias", d)?,
                    gamma: get("norm.weight", d)?,
                    beta: get("norm.bias", d)?,
                    scale: get("scale", d)?,
                    up: dense(model, &format!("{side}.{b}.up"), c.hidden, d, budget)?,
                    down: dense(model, &format!("{side}.{b}.down"), d, c.hidden, budget)?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            input: dense(model, &format!("{side}.in"), d, cin, budget)?,
            blocks: list,
            gamma: numbers(model, &format!("{side}.norm.weight"), d, budget)?,
            beta: numbers(model, &format!("{side}.norm.bias"), d, budget)?,
            output: dense(model, &format!("{side}.out"), out, d, budget)?,
        })
    }

    /// `[frames, in] -> [frames, dim]`, up to the last norm.
    fn run(&self, k: &Kernels, x: &[f32], frames: usize, c: &Config) -> Result<Vec<f32>> {
        let room = |frames: usize, width: usize| vec![0.0f32; frames * width];
        let mut h = room(frames, c.dim);
        k.linear(&self.input, x, &mut h).map_err(fail)?;
        let mut normed = room(frames, c.dim);
        let mut hidden = room(TILE.min(frames), c.hidden);
        let mut back = room(TILE.min(frames), c.dim);
        let tile = TILE * c.dim;
        for b in &self.blocks {
            k.depthwise_conv1d(&h, &b.taps, &b.bias, nc_kernels::Padding::Same, &mut normed)
                .map_err(fail)?;
            k.layer_norm(&mut normed, &b.gamma, &b.beta, NORM_EPS)
                .map_err(fail)?;
            for (tile, h) in normed.chunks(tile).zip(h.chunks_mut(tile)) {
                let frames = tile.chunks_exact(c.dim).len();
                let hidden = first(&mut hidden, frames * c.hidden)?;
                let back = first(&mut back, tile.len())?;
                k.linear(&b.up, tile, hidden).map_err(fail)?;
                k.quick_gelu(hidden);
                k.linear(&b.down, hidden, back).map_err(fail)?;
                k.residual_scale_add(h, back, &b.scale).map_err(fail)?;
            }
        }
        k.layer_norm(&mut h, &self.gamma, &self.beta, NORM_EPS)
            .map_err(fail)?;
        Ok(h)
    }
}

impl Network {
    /// Loads both networks from a model.
    ///
    /// # Errors
    /// [`Error::Model`] for missing or misshapen tensors.
    pub fn load(model: &Model, c: &Config, kernels: Kernels, budget: &mut Budget) -> Result<Self> {
        let window = hann(N_FFT);
        let mut level = vec![0.0f32; SUB_HOP];
        for hop in window.chunks(SUB_HOP) {
            level.iter_mut().zip(hop).for_each(|(l, w)| *l += w * w);
        }
        level.iter_mut().for_each(|p| *p = 1.0 / *p);
        Ok(Self {
            encoder: Trunk::load(model, "enc", c.enc_blocks, c, FEATURES, c.latent, budget)?,
            decoder: Trunk::load(model, "dec", c.dec_blocks, c, c.latent, HEAD, budget)?,
            fft: Rfft::new(N_FFT).map_err(fail)?,
            window,
            level,
            config: c.clone(),
            kernels,
        })
    }

    /// Samples of one sequence at the working level, padded to whole frames, to latents
    /// `[frames, latent]`.
    ///
    /// # Errors
    /// None for a model that loaded.
    pub fn encode(&self, x: &[f32]) -> Result<Vec<f32>> {
        let c = &self.config;
        let k = &self.kernels;
        let frames = x.len().div_ceil(HOP);
        let mut features = vec![0.0; frames * FEATURES];
        let mut input = vec![0.0; N_FFT];
        let (mut re, mut im) = (vec![0.0; BINS], vec![0.0; BINS]);
        let mut gain = vec![0.0; BINS];
        for (j, out) in features.chunks_exact_mut(BINS * 3).enumerate() {
            let start = window_start(j);
            // There is silence before the signal and behind it.
            let before = BEFORE.max(start) - start;
            input.fill(0.0);
            let seen = x.iter().skip(start.max(BEFORE) - BEFORE);
            let places = input.iter_mut().zip(&self.window).skip(before);
            for ((v, w), x) in places.zip(seen) {
                *v = x * w;
            }
            self.fft.forward(&input, &mut re, &mut im).map_err(fail)?;
            let (log, rest) = out.split_at_mut(BINS);
            let (a, b) = rest.split_at_mut(BINS);
            for ((l, r), i) in log.iter_mut().zip(&re).zip(&im) {
                *l = f32::sqrt(r * r + i * i) + 1e-3;
            }
            k.ln(log);
            for (g, l) in gain.iter_mut().zip(log.iter()) {
                *g = -0.7 * l;
            }
            k.exp(&mut gain);
            for (((a, b), (r, i)), g) in a.iter_mut().zip(b).zip(re.iter().zip(&im)).zip(&gain) {
                *a = r * g;
                *b = i * g;
            }
            log.iter_mut().for_each(|l| *l = 0.3 * (*l + 2.0));
        }
        let h = self.encoder.run(k, &features, frames, c)?;
        let mut z = vec![0.0; frames * c.latent];
        k.linear(&self.encoder.output, &h, &mut z).map_err(fail)?;
        Ok(z)
    }

    /// Latents `[frames, latent]` to `frames * HOP` samples at the working level.
    ///
    /// # Errors
    /// None for a model that loaded.
    pub fn decode(&self, z: &[f32]) -> Result<Vec<f32>> {
        let c = &self.config;
        let k = &self.kernels;
        let frames = z.chunks_exact(c.latent).len();
        let h = self.decoder.run(k, z, frames, c)?;
        let mut out = vec![0.0; frames * HOP];
        let mut head = vec![0.0; TILE.min(frames) * HEAD];
        let (mut re, mut im) = (vec![0.0; BINS], vec![0.0; BINS]);
        let mut piece = vec![0.0; N_FFT];
        let mut sub = 0usize;
        for tile in h.chunks(TILE * c.dim) {
            let frames = tile.chunks_exact(c.dim).len();
            let head = first(&mut head, frames * HEAD)?;
            k.linear(&self.decoder.output, tile, head).map_err(fail)?;
            for y in head.chunks_exact_mut(BINS * 3) {
                let (gain, rest) = y.split_at_mut(BINS);
                let (a, b) = rest.split_at(BINS);
                gain.iter_mut()
                    .for_each(|m| *m = if *m < MAX_LOG_GAIN { *m } else { MAX_LOG_GAIN });
                k.exp(gain);
                for (((re, im), (a, b)), g) in re
                    .iter_mut()
                    .zip(&mut im)
                    .zip(a.iter().zip(b))
                    .zip(gain.iter())
                {
                    *re = g * a;
                    *im = g * b;
                }
                self.fft.inverse(&re, &im, &mut piece).map_err(fail)?;
                let start = window_start(sub);
                sub += 1;
                // The first windows begin before the signal.
                let skip = BEFORE.max(start) - start;
                let to = out.iter_mut().skip(start.max(BEFORE) - BEFORE);
                let from = piece.iter().zip(&self.window).skip(skip);
                for (o, (p, w)) in to.zip(from) {
                    *o += p * w;
                }
            }
        }
        // Window starts lie at SUB_HOP / 2 - N_FFT / 2 plus multiples of the hop.
        const TURN: usize = (N_FFT / 2 - SUB_HOP / 2) % SUB_HOP;
        let level = self.level.iter().cycle().skip(TURN);
        out.iter_mut().zip(level).for_each(|(o, l)| *o *= l);
        Ok(out)
    }
}
