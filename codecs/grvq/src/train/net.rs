//! The networks' parameters and their forward passes in the autodiff graph.

use super::layer::{BLOCK, convnext, linear, norm};
use super::op::{Node, leaf};
use super::rng::Rng;
use crate::config::{Config, FEATURES, HEAD, TAPS};

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

fn truncated(rng: &mut Rng, n: usize, std: f32) -> Vec<f32> {
    (0..n)
        .map(|_| rng.normal().clamp(-2.0, 2.0) * std)
        .collect()
}

impl Params {
    /// Fresh parameters.
    pub fn new(config: &Config, rng: &mut Rng) -> Self {
        let mut p = Vec::new();
        let mut add = |name: String, rows: usize, cols: usize, data: Vec<f32>| {
            p.push(Param {
                name,
                rows,
                cols,
                data,
            });
        };
        let (d, h, l) = (config.dim, config.hidden, config.latent);
        let mut dense = |add: &mut dyn FnMut(String, usize, usize, Vec<f32>),
                         name: &str,
                         out: usize,
                         cin: usize,
                         gain: f32| {
            let w = truncated(rng, out * cin, gain / (cin as f32).sqrt());
            add(format!("{name}.weight"), out, cin, w);
            add(format!("{name}.bias"), 1, out, vec![0.0; out]);
        };
        let trunk = |add: &mut dyn FnMut(String, usize, usize, Vec<f32>),
                         side: &str,
                         blocks: usize,
                         dense: &mut dyn FnMut(
            &mut dyn FnMut(String, usize, usize, Vec<f32>),
            &str,
            usize,
            usize,
            f32,
        )| {
            for b in 0..blocks {
                let name = |part: &str| format!("{side}.{b}.{part}");
                let mut taps = vec![0.0; TAPS * d];
                // Near a centre tap, with small random neighbours.
                for (i, w) in taps.iter_mut().enumerate() {
                    let noise = ((i * 2_654_435_761) % 1000) as f32 / 1000.0 - 0.5;
                    *w = 0.2 * noise + if i / d == TAPS / 2 { 0.5 } else { 0.0 };
                }
                add(name("dw.weight"), TAPS, d, taps);
                add(name("dw.bias"), 1, d, vec![0.0; d]);
                add(name("norm.weight"), 1, d, vec![1.0; d]);
                add(name("norm.bias"), 1, d, vec![0.0; d]);
                dense(add, &format!("{side}.{b}.up"), h, d, 1.0);
                dense(add, &format!("{side}.{b}.down"), d, h, 1.0);
                add(name("scale"), 1, d, vec![1.0 / blocks.max(1) as f32; d]);
            }
            add(format!("{side}.norm.weight"), 1, d, vec![1.0; d]);
            add(format!("{side}.norm.bias"), 1, d, vec![0.0; d]);
        };
        dense(&mut add, "enc.in", d, FEATURES, 1.0);
        trunk(&mut add, "enc", config.enc_blocks, &mut dense);
        dense(&mut add, "enc.out", l, d, 1.0);
        dense(&mut add, "dec.in", d, l, 1.0);
        trunk(&mut add, "dec", config.dec_blocks, &mut dense);
        dense(&mut add, "dec.out", HEAD, d, 0.5);
        Self(p)
    }


    /// The parameters as leaves that keep gradients.
    pub fn leaves<'a>(&self, config: &'a Config) -> Leaves<'a> {
        let nodes = self
            .0
            .iter()
            .map(|p| leaf(p.data.clone(), p.rows, p.cols, true))
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
