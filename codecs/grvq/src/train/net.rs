//! The networks' parameters and their forward passes in the autodiff graph.

use super::layer::{BLOCK, convnext, linear, norm};
use super::op::{Node, leaf};
use crate::config::{Config, FEATURES, HEAD, TAPS};
use nc_core::rng::Rng;

/// One named parameter, a matrix (vectors have one row).
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Name in the model file, e.g. `enc.0.up.weight`.
    pub name: String,
    /// Rows.
    pub rows: usize,
    /// Columns.
    pub cols: usize,
    /// Values, row-major.
    pub data: Vec<f32>,
}

/// Parameters of encoder and decoder, in a fixed order.
#[derive(Debug, Clone, PartialEq)]
pub struct Params(pub Vec<Param>);

/// The parameters as leaves of a graph.
pub struct Leaves<'a> {
    config: &'a Config,
    nodes: Vec<Node>,
}

/// Makes parameters in order.
struct Maker<'a> {
    rng: &'a mut Rng,
    made: Vec<Param>,
}

impl Maker<'_> {
    fn add(&mut self, name: String, rows: usize, cols: usize, data: Vec<f32>) {
        self.made.push(Param {
            name,
            rows,
            cols,
            data,
        });
    }

    fn constant(&mut self, name: String, cols: usize, value: f32) {
        self.add(name, 1, cols, vec![value; cols]);
    }

    /// Weights of variance `gain^2 / inputs`, zero bias.
    fn dense(&mut self, name: &str, outputs: usize, inputs: usize, gain: f32) {
        let std = gain / (inputs as f32).sqrt();
        let w = (0..outputs * inputs)
            .map(|_| self.rng.normal().clamp(-2.0, 2.0) * std)
            .collect();
        self.add(format!("{name}.weight"), outputs, inputs, w);
        self.constant(format!("{name}.bias"), outputs, 0.0);
    }

    /// The blocks of one side and its last norm; parts of a block in the order of [`BLOCK`].
    fn trunk(&mut self, side: &str, blocks: usize, config: &Config) {
        let (d, h) = (config.dim, config.hidden);
        for b in 0..blocks {
            let name = |part: &str| format!("{side}.{b}.{part}");
            // Mostly the centre tap, with small random neighbours.
            let tap = |i: usize| if i / d == TAPS / 2 { 0.5 } else { 0.0 };
            let taps = (0..TAPS * d)
                .map(|i| tap(i) + 0.2 * (self.rng.unit() - 0.5))
                .collect();
            self.add(name("dw.weight"), TAPS, d, taps);
            self.constant(name("dw.bias"), d, 0.0);
            self.constant(name("norm.weight"), d, 1.0);
            self.constant(name("norm.bias"), d, 0.0);
            self.dense(&name("up"), h, d, 1.0);
            self.dense(&name("down"), d, h, 1.0);
            self.constant(name("scale"), d, 1.0 / blocks as f32);
        }
        self.constant(format!("{side}.norm.weight"), d, 1.0);
        self.constant(format!("{side}.norm.bias"), d, 0.0);
    }
}

impl Params {
    /// Fresh parameters.
    pub fn new(config: &Config, rng: &mut Rng) -> Self {
        let mut m = Maker {
            rng,
            made: Vec::new(),
        };
        m.dense("enc.in", config.dim, FEATURES, 1.0);
        m.trunk("enc", config.enc_blocks, config);
        m.dense("enc.out", config.latent, config.dim, 1.0);
        m.dense("dec.in", config.dim, config.latent, 1.0);
        m.trunk("dec", config.dec_blocks, config);
        m.dense("dec.out", HEAD, config.dim, 0.5);
        Self(m.made)
    }

    /// The parameters as leaves of a graph; with `grad`, gradients are kept for them. Without, no
    /// graph is kept either, which for a pass that has no backward would never be freed.
    pub fn leaves<'a>(&self, config: &'a Config, grad: bool) -> Leaves<'a> {
        let nodes = self
            .0
            .iter()
            .map(|p| leaf(p.data.clone(), p.rows, p.cols, grad))
            .collect();
        Leaves { config, nodes }
    }
}

impl Leaves<'_> {
    /// The leaves, in the order of [`Params`].
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    fn trunk(&self, mut x: Node, at: usize, blocks: usize, frames: usize) -> Node {
        let n = BLOCK.len();
        for b in 0..blocks {
            let first = at + b * n;
            let p: [Node; 9] = std::array::from_fn(|i| self.nodes[first + i].clone());
            x = convnext(&x, &p, frames);
        }
        let end = at + blocks * n;
        norm(&x, &self.nodes[end], &self.nodes[end + 1])
    }

    /// Features `[rows, FEATURES]` to latents `[rows, latent]`.
    pub fn encode(&self, features: &Node, frames: usize) -> Node {
        let n = &self.nodes;
        let x = linear(features, &n[0], &n[1]);
        let x = self.trunk(x, 2, self.config.enc_blocks, frames);
        let end = 2 + self.config.enc_blocks * BLOCK.len() + 2;
        linear(&x, &n[end], &n[end + 1])
    }

    /// Latents `[rows, latent]` to head outputs `[rows, HEAD]`.
    pub fn decode(&self, z: &Node, frames: usize) -> Node {
        let n = &self.nodes;
        let at = 2 + self.config.enc_blocks * BLOCK.len() + 4;
        let x = linear(z, &n[at], &n[at + 1]);
        let x = self.trunk(x, at + 2, self.config.dec_blocks, frames);
        let end = at + 2 + self.config.dec_blocks * BLOCK.len() + 2;
        linear(&x, &n[end], &n[end + 1])
    }
}
