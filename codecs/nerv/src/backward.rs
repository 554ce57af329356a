//! The gradients of a graph, in reverse order of its operations.

use nc_core::Result;
use nc_kernels::{Conv2d, Kernels};

use crate::graph::{Graph, Op, Shape, wrong};

/// Room for the gradients of one pass.
pub struct Grads {
    /// By image.
    pub images: Vec<Vec<f32>>,
    /// By parameter, as one vector.
    pub params: Vec<f32>,
    /// Whether an image's gradient has been written in this pass.
    written: Vec<bool>,
    scratch: Vec<f32>,
    turned: Vec<f32>,
    pub(crate) gate: Vec<f32>,
    zeros: Vec<f32>,
}

impl Grads {
    /// Zeros for `g`.
    pub fn new(g: &Graph) -> Self {
        Self {
            images: g.images.iter().map(|s| vec![0.0; s.len()]).collect(),
            params: vec![0.0; g.weights()],
            written: vec![false; g.images.len()],
            scratch: Vec::new(),
            turned: Vec::new(),
            gate: Vec::new(),
            zeros: vec![0.0; g.images.iter().map(|s| s.c).max().unwrap_or(0)],
        }
    }

    fn put(&mut self, image: usize, shape: Shape, from: &[f32]) {
        let to = &mut self.images[image];
        if self.written[image] {
            for row in 0..shape.h {
                let at = shape.row(row)..shape.row(row) + shape.w * shape.c;
                to[at.clone()]
                    .iter_mut()
                    .zip(&from[at])
                    .for_each(|(t, f)| *t += f);
            }
        } else {
            to.copy_from_slice(from);
            self.written[image] = true;
        }
    }
}

/// Weights of the convolution that gives the input's gradient, outputs padded to the `cs` channels of x.
fn turn(s: &Conv2d, w: &[f32], out: &mut Vec<f32>) -> Conv2d {
    let taps = s.k * s.k;
    out.clear();
    out.resize(taps * s.cout * s.xs, 0.0);
    for t in 0..taps {
        for i in 0..s.cin {
            for o in 0..s.cout {
                out[((taps - 1 - t) * s.cout + o) * s.xs + i] = w[(t * s.cin + i) * s.cout + o];
            }
        }
    }
    Conv2d {
        k: s.k,
        cin: s.cout,
        xs: s.cout,
        cout: s.xs,
    }
}

impl Graph {
    /// Adds the gradients of the parameters to `d.params` and fills those of the images, given that of the
    /// image `last` in `d.images`. `t` is as [`Graph::forward`] left it; inputs for which `wanted` is
    /// false get none.
    ///
    /// # Errors
    /// None for buffers of this graph.
    pub fn backward(
        &self,
        k: &Kernels,
        p: &[f32],
        class: usize,
        t: &[Vec<f32>],
        last: usize,
        d: &mut Grads,
    ) -> Result<()> {
        d.written.fill(false);
        d.written[last] = true;
        for op in self.ops.iter().rev() {
            match *op {
                Op::Conv { x, y, s, w, b } => {
                    let Shape { h, w: width, .. } = self.images[y];
                    let (pw, pb) = (&self.params[w], &self.params[b]);
                    let (dw, db) = d.params.split_at_mut(pb.at);
                    let g = std::mem::take(&mut d.images[y]);
                    k.conv2d_grad(
                        &s,
                        h,
                        width,
                        &t[x],
                        &g,
                        &mut dw[pw.at..pw.at + pw.len],
                        &mut db[..pb.len],
                    )
                    .map_err(wrong)?;
                    let mut turned = std::mem::take(&mut d.turned);
                    let back = turn(&s, &p[pw.at..pw.at + pw.len], &mut turned);
                    self.input(d, x, |bias, out| {
                        k.conv2d(&back, h, width, &g, &turned, bias, out)
                            .map_err(wrong)
                    })?;
                    d.turned = turned;
                    d.images[y] = g;
                }
                Op::Depthwise { x, y, w, b } => {
                    let Shape { h, w: width, c } = self.images[y];
                    let (pw, pb) = (&self.params[w], &self.params[b]);
                    let (dw, db) = d.params.split_at_mut(pb.at);
                    let g = std::mem::take(&mut d.images[y]);
                    k.depthwise2d_grad(
                        h,
                        width,
                        &t[x],
                        &g,
                        &mut dw[pw.at..pw.at + pw.len],
                        &mut db[..pb.len],
                    )
                    .map_err(wrong)?;
                    let turned: Vec<f32> = p[pw.at..pw.at + pw.len]
                        .rchunks_exact(c)
                        .flatten()
                        .copied()
                        .collect();
                    self.input(d, x, |bias, out| {
                        k.depthwise2d(h, width, &g, &turned, bias, out)
                            .map_err(wrong)
                    })?;
                    d.images[y] = g;
                }
                Op::Act { x, y } => {
                    let mut g = std::mem::take(&mut d.images[y]);
                    k.hard_swish_grad(&t[x], &mut g).map_err(wrong)?;
                    std::mem::swap(&mut d.images[x], &mut g);
                    d.written[x] = true;
                    d.images[y] = g;
                }
                Op::Modulate { x, t: u, y, g, b } => {
                    let s = self.images[y];
                    let at = class * s.c;
                    let gamma = &p[self.params[g].at + at..][..s.c];
                    let grad = std::mem::take(&mut d.images[y]);
                    let mut dt = std::mem::take(&mut d.images[u]);
                    let (mut dg, mut db) = (vec![0.0; s.c], vec![0.0; s.c]);
                    for row in 0..s.h {
                        let at = s.row(row)..s.row(row) + s.w * s.c;
                        let to = dt[at.clone()].chunks_exact_mut(s.c);
                        let pairs = grad[at.clone()]
                            .chunks_exact(s.c)
                            .zip(t[u][at].chunks_exact(s.c));
                        for (to, (g, v)) in to.zip(pairs) {
                            for i in 0..s.c {
                                to[i] = g[i] * gamma[i];
                                dg[i] += g[i] * v[i];
                                db[i] += g[i];
                            }
                        }
                    }
                    for i in 0..s.c {
                        d.params[self.params[g].at + at + i] += dg[i];
                        d.params[self.params[b].at + at + i] += db[i];
                    }
                    d.images[u] = dt;
                    d.written[u] = true;
                    d.put(x, s, &grad);
                    d.images[y] = grad;
                }
                _ => self.layer_back(op, k, p, class, t, d)?,
            }
        }
        Ok(())
    }

    /// Writes or adds the gradient of an input: `f` gets zeros for a bias and writes the inside of an image.
    pub(crate) fn input(
        &self,
        d: &mut Grads,
        x: usize,
        f: impl FnOnce(&[f32], &mut [f32]) -> Result<()>,
    ) -> Result<()> {
        let shape = self.images[x];
        let zeros = std::mem::take(&mut d.zeros);
        let bias = &zeros[..shape.c];
        if d.written[x] {
            let mut scratch = std::mem::take(&mut d.scratch);
            if scratch.len() < shape.len() {
                scratch.resize(shape.len(), 0.0);
            }
            f(bias, &mut scratch[..shape.len()])?;
            d.put(x, shape, &scratch[..shape.len()]);
            d.scratch = scratch;
        } else {
            let mut to = std::mem::take(&mut d.images[x]);
            f(bias, &mut to)?;
            d.images[x] = to;
            d.written[x] = true;
        }
        d.zeros = zeros;
        Ok(())
    }
}

pub(crate) fn unshuffle(s: Shape, r: usize, y: &[f32], x: &mut [f32]) {
    let xs = Shape {
        h: s.h / r,
        w: s.w / r,
        c: s.c * r * r,
    };
    for row in 0..s.h {
        let from = &y[s.row(row)..s.row(row) + s.w * s.c];
        let to = &mut x[xs.row(row / r)..xs.row(row / r) + xs.w * xs.c];
        let part = (row % r) * r * s.c;
        for (from, to) in from.chunks_exact(r * s.c).zip(to.chunks_exact_mut(xs.c)) {
            to[part..part + r * s.c].copy_from_slice(from);
        }
    }
}
