//! The networks' parameters and their forward passes on the tape.

use nc_core::Result;
use nc_core::rng::Rng;
use nc_learn::block::{CONVNEXT, convnext};
use nc_learn::conv::Window;
use nc_learn::linear::linear;
use nc_learn::norm::layer_norm;
use nc_learn::{Node, Params, Tape};

use crate::config::{Config, FEATURES, HEAD, TAPS};

/// The parameters of encoder and decoder on a tape, in the order of [`fresh`].
pub struct Leaves<'a, 't> {
    config: &'a Config,
    nodes: Vec<Node<'t>>,
}

/// Adds the blocks of one side and its last norm; parts of a block in the order of [`CONVNEXT`].
fn trunk(p: &mut Params, side: &str, blocks: usize, config: &Config, rng: &mut Rng) {
    let (d, h) = (config.dim, config.hidden);
    for b in 0..blocks {
        let name = |part: &str| format!("{side}.{b}.{part}");
        // Mostly the centre tap, with small random neighbours.
        let tap = |i: usize| if i / d == TAPS / 2 { 0.5 } else { 0.0 };
        let taps = (0..TAPS * d)
            .map(|i| tap(i) + 0.2 * (rng.unit() - 0.5))
            .collect();
        // Depthwise taps are few and scale-setting; they do not decay.
        p.undecayed(name("dw.weight"), [TAPS, d], taps);
        p.vector(name("dw.bias"), vec![0.0; d]);
        p.vector(name("norm.weight"), vec![1.0; d]);
        p.vector(name("norm.bias"), vec![0.0; d]);
        p.dense(&name("up"), h, d, 1.0, rng);
        p.dense(&name("down"), d, h, 1.0, rng);
        p.vector(name("scale"), vec![1.0 / blocks as f32; d]);
    }
    p.vector(format!("{side}.norm.weight"), vec![1.0; d]);
    p.vector(format!("{side}.norm.bias"), vec![0.0; d]);
}

/// Fresh parameters.
pub fn fresh(config: &Config, rng: &mut Rng) -> Params {
    let mut p = Params::default();
    p.dense("enc.in", config.dim, FEATURES, 1.0, rng);
    trunk(&mut p, "enc", config.enc_blocks, config, rng);
    p.dense("enc.out", config.latent, config.dim, 1.0, rng);
    p.dense("dec.in", config.dim, config.latent, 1.0, rng);
    trunk(&mut p, "dec", config.dec_blocks, config, rng);
    p.dense("dec.out", HEAD, config.dim, 0.5, rng);
    p
}

impl<'a, 't> Leaves<'a, 't> {
    /// The parameters as leaves of `tape`; with `grad`, gradients are kept for them.
    pub fn new(params: &Params, config: &'a Config, tape: &'t Tape, grad: bool) -> Result<Self> {
        let nodes = params.nodes(tape, grad)?;
        Ok(Self { config, nodes })
    }

    /// The leaves, in the order of the parameters.
    pub fn nodes(&self) -> &[Node<'t>] {
        &self.nodes
    }

    fn trunk(&self, mut x: Node<'t>, at: usize, blocks: usize, frames: usize) -> Result<Node<'t>> {
        let n = CONVNEXT.len();
        let window = Window::time(frames, TAPS);
        for b in 0..blocks {
            let first = at + b * n;
            let p: [Node<'t>; 9] = std::array::from_fn(|i| self.nodes[first + i].clone());
            x = convnext(&x, &p, window)?;
        }
        let end = at + blocks * n;
        layer_norm(&x, &self.nodes[end], &self.nodes[end + 1])
    }

    /// Features `[rows, FEATURES]` to latents `[rows, latent]`.
    pub fn encode(&self, features: &Node<'t>, frames: usize) -> Result<Node<'t>> {
        let n = &self.nodes;
        let x = linear(features, &n[0], &n[1])?;
        let x = self.trunk(x, 2, self.config.enc_blocks, frames)?;
        let end = 2 + self.config.enc_blocks * CONVNEXT.len() + 2;
        linear(&x, &n[end], &n[end + 1])
    }

    /// Latents `[rows, latent]` to head outputs `[rows, HEAD]`.
    pub fn decode(&self, z: &Node<'t>, frames: usize) -> Result<Node<'t>> {
        let n = &self.nodes;
        let at = 2 + self.config.enc_blocks * CONVNEXT.len() + 4;
        let x = linear(z, &n[at], &n[at + 1])?;
        let x = self.trunk(x, at + 2, self.config.dec_blocks, frames)?;
        let end = at + 2 + self.config.dec_blocks * CONVNEXT.len() + 2;
        linear(&x, &n[end], &n[end + 1])
    }
}
