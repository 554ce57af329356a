//! The operations of the published networks, forward and backward.
//!
//! They move or scale what the convolutions have made and take little of the time, so they are plain loops; their
//! sums run in one order, row by row, so that every machine gets the same bits.

use nc::Result;
use nc_kernels::Kernels;

use crate::backward::{Grads, unshuffle};
use crate::graph::{Graph, Op, Shape};

/// What is added to a variance.
const EPSILON: f32 = 1e-5;
/// The slope of the sigmoid in the GELU.
const SLOPE: f32 = 1.702;

impl Graph {
    /// Runs an operation that is none of the first five; see [`Graph::forward`].
    pub(crate) fn layer(&self, op: &Op, k: &Kernels, p: &[f32], class: usize, t: &mut [Vec<f32>]) {
        let (Op::Gelu { y, .. }
        | Op::Shuffle { y, .. }
        | Op::Reshape { y, .. }
        | Op::Add { y, .. }
        | Op::Bilinear { y, .. }
        | Op::Normalise { y, .. }
        | Op::Temporal { y, .. }) = *op
        else {
            return;
        };
        let s = self.images[y];
        let mut out = std::mem::take(&mut t[y]);
        match *op {
            Op::Gelu { x, .. } => {
                out.copy_from_slice(&t[x]);
                k.quick_gelu(&mut out);
            }
            Op::Shuffle { x, r, .. } => shuffle(s, r, &t[x], &mut out),
            Op::Reshape { x, .. } => {
                let from = &t[x][self.images[x].row(0)..];
                for (y, from) in from.chunks_exact(s.w * s.c).take(s.h).enumerate() {
                    out[inside(s, y)].copy_from_slice(from);
                }
            }
            Op::Add { a, b, .. } => {
                let pairs = t[a].iter().zip(&t[b]);
                out.iter_mut().zip(pairs).for_each(|(o, (a, b))| *o = a + b);
            }
            Op::Bilinear { x, r, .. } => enlarge(self.images[x], s, r, &t[x], &mut out),
            Op::Normalise { x, .. } => {
                let (mean, scale) = moments(s, &t[x]);
                for row in 0..s.h {
                    let to = out[inside(s, row)].chunks_exact_mut(s.c);
                    for (o, x) in to.zip(t[x][inside(s, row)].chunks_exact(s.c)) {
                        for i in 0..s.c {
                            o[i] = (x[i] - mean[i]) * scale[i];
                        }
                    }
                }
            }
            Op::Temporal {
                x,
                g,
                b,
                grid,
                frames,
                ..
            } => {
                let at = between(class, frames, grid);
                let gamma = mix(self.slice(p, g), s.c, at);
                let beta = mix(self.slice(p, b), s.c, at);
                for row in 0..s.h {
                    let to = out[inside(s, row)].chunks_exact_mut(s.c);
                    for (o, x) in to.zip(t[x][inside(s, row)].chunks_exact(s.c)) {
                        for i in 0..s.c {
                            o[i] = x[i] * gamma[i] + beta[i];
                        }
                    }
                }
            }
            _ => {}
        }
        t[y] = out;
    }

    /// Gradients of the same operations; see [`Graph::backward`].
    pub(crate) fn layer_back(
        &self,
        op: &Op,
        k: &Kernels,
        p: &[f32],
        class: usize,
        t: &[Vec<f32>],
        d: &mut Grads,
    ) -> Result<()> {
        match *op {
            Op::Gelu { x, y } => {
                let g = std::mem::take(&mut d.images[y]);
                let mut gate = std::mem::take(&mut d.gate);
                gate.clear();
                gate.extend(t[x].iter().map(|v| v * SLOPE));
                k.sigmoid(&mut gate);
                self.input(d, x, |_, out| {
                    let rest = t[x].iter().zip(&gate).zip(&g);
                    for (o, ((x, s), g)) in out.iter_mut().zip(rest) {
                        *o = g * (s + SLOPE * x * (s * (1.0 - s)));
                    }
                    Ok(())
                })?;
                d.gate = gate;
                d.images[y] = g;
            }
            Op::Shuffle { x, y, r } => {
                let g = std::mem::take(&mut d.images[y]);
                self.input(d, x, |_, out| {
                    unshuffle(self.images[y], r, &g, out);
                    Ok(())
                })?;
                d.images[y] = g;
            }
            Op::Reshape { x, y } => {
                let g = std::mem::take(&mut d.images[y]);
                let s = self.images[y];
                self.input(d, x, |_, out| {
                    let at = self.images[x].row(0);
                    for (y, to) in out[at..].chunks_exact_mut(s.w * s.c).take(s.h).enumerate() {
                        to.copy_from_slice(&g[inside(s, y)]);
                    }
                    Ok(())
                })?;
                d.images[y] = g;
            }
            Op::Add { a, b, y } => {
                let g = std::mem::take(&mut d.images[y]);
                for x in [a, b] {
                    self.input(d, x, |_, out| {
                        out.copy_from_slice(&g);
                        Ok(())
                    })?;
                }
                d.images[y] = g;
            }
            Op::Bilinear { x, y, r } => {
                let g = std::mem::take(&mut d.images[y]);
                self.input(d, x, |_, out| {
                    enlarge_back(self.images[x], self.images[y], r, &g, out);
                    Ok(())
                })?;
                d.images[y] = g;
            }
            Op::Normalise { x, y } => {
                let g = std::mem::take(&mut d.images[y]);
                let s = self.images[y];
                let (_, scale) = moments(s, &t[x]);
                let n = 1.0 / (s.h * s.w) as f32;
                let mean = sums(s, |at, i| g[at + i]);
                let along = sums(s, |at, i| g[at + i] * t[y][at + i]);
                self.input(d, x, |_, out| {
                    for row in 0..s.h {
                        for at in inside(s, row).step_by(s.c) {
                            for i in 0..s.c {
                                let away = mean[i] * n + t[y][at + i] * (along[i] * n);
                                out[at + i] = scale[i] * (g[at + i] - away);
                            }
                        }
                    }
                    Ok(())
                })?;
                d.images[y] = g;
            }
            Op::Temporal {
                x,
                y,
                g: gamma,
                b: beta,
                grid,
                frames,
            } => {
                let g = std::mem::take(&mut d.images[y]);
                let s = self.images[y];
                let (first, part) = between(class, frames, grid);
                let scale = mix(self.slice(p, gamma), s.c, (first, part));
                let dg = sums(s, |at, i| g[at + i] * t[x][at + i]);
                let db = sums(s, |at, i| g[at + i]);
                let next = (first + 1).min(grid - 1);
                for (param, sum) in [(gamma, dg), (beta, db)] {
                    let to = &mut d.params[self.params[param].at..];
                    for (i, v) in sum.iter().enumerate() {
                        to[first * s.c + i] += v * (1.0 - part);
                        to[next * s.c + i] += v * part;
                    }
                }
                self.input(d, x, |_, out| {
                    for row in 0..s.h {
                        for at in inside(s, row).step_by(s.c) {
                            for i in 0..s.c {
                                out[at + i] = g[at + i] * scale[i];
                            }
                        }
                    }
                    Ok(())
                })?;
                d.images[y] = g;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The elements of row `y`, without the border.
fn inside(s: Shape, y: usize) -> std::ops::Range<usize> {
    s.row(y)..s.row(y) + s.w * s.c
}

fn shuffle(s: Shape, r: usize, x: &[f32], y: &mut [f32]) {
    let xs = Shape {
        h: s.h / r,
        w: s.w / r,
        c: s.c * r * r,
    };
    for row in 0..s.h {
        let to = y[inside(s, row)].chunks_exact_mut(r * s.c);
        let part = (row % r) * r * s.c;
        for (to, from) in to.zip(x[inside(xs, row / r)].chunks_exact(xs.c)) {
            to.copy_from_slice(&from[part..part + r * s.c]);
        }
    }
}

/// The sum over the image of `f(pixel, channel)`: pixels of a row first, then the rows.
fn sums(s: Shape, f: impl Fn(usize, usize) -> f32) -> Vec<f32> {
    let mut all = vec![0.0; s.c];
    let mut line = vec![0.0; s.c];
    for row in 0..s.h {
        line.fill(0.0);
        for at in inside(s, row).step_by(s.c) {
            for (i, v) in line.iter_mut().enumerate() {
                *v += f(at, i);
            }
        }
        all.iter_mut().zip(&line).for_each(|(a, l)| *a += l);
    }
    all
}

/// Mean and the reciprocal of the standard deviation of each channel.
fn moments(s: Shape, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let n = 1.0 / (s.h * s.w) as f32;
    let mut mean = sums(s, |at, i| x[at + i]);
    mean.iter_mut().for_each(|m| *m *= n);
    let mut scale = sums(s, |at, i| (x[at + i] - mean[i]) * (x[at + i] - mean[i]));
    for v in &mut scale {
        *v = 1.0 / (*v * n + EPSILON).sqrt();
    }
    (mean, scale)
}

/// The row of the grid before a frame, and how far the frame is towards the next.
fn between(frame: usize, frames: usize, grid: usize) -> (usize, f32) {
    let span = frames.saturating_sub(1).max(1) as u128;
    let at = (frame as u128).min(span) * (grid - 1) as u128;
    ((at / span) as usize, (at % span) as f32 / span as f32)
}

fn mix(rows: &[f32], c: usize, (first, part): (usize, f32)) -> Vec<f32> {
    let a = &rows[first * c..][..c];
    let b = rows
        .get((first + 1) * c..)
        .and_then(|b| b.get(..c))
        .unwrap_or(a);
    a.iter()
        .zip(b)
        .map(|(a, b)| a * (1.0 - part) + b * part)
        .collect()
}

/// The two pixels of `n` that pixel `i` of the enlarged image lies between, and its distance from the first.
fn tap(i: usize, r: usize, n: usize) -> (usize, usize, f32) {
    // (i + 1/2) / r - 1/2 = (2 i + 1 - r) / 2 r, kept positive by adding one pixel.
    let twice = 2 * i + 1 + r;
    let (whole, part) = (twice / (2 * r), twice % (2 * r));
    let clamp = |v: usize| v.clamp(1, n) - 1;
    (clamp(whole), clamp(whole + 1), part as f32 / (2 * r) as f32)
}

fn enlarge(xs: Shape, s: Shape, r: usize, x: &[f32], y: &mut [f32]) {
    for row in 0..s.h {
        let (top, bottom, down) = tap(row, r, xs.h);
        let (top, bottom) = (&x[inside(xs, top)], &x[inside(xs, bottom)]);
        for (j, to) in y[inside(s, row)].chunks_exact_mut(s.c).enumerate() {
            let (left, right, across) = tap(j, r, xs.w);
            let (l, q) = (left * s.c, right * s.c);
            for (i, o) in to.iter_mut().enumerate() {
                let a = top[l + i] * (1.0 - across) + top[q + i] * across;
                let b = bottom[l + i] * (1.0 - across) + bottom[q + i] * across;
                *o = a * (1.0 - down) + b * down;
            }
        }
    }
}

fn enlarge_back(xs: Shape, s: Shape, r: usize, g: &[f32], x: &mut [f32]) {
    for row in 0..xs.h {
        x[inside(xs, row)].fill(0.0);
    }
    for row in 0..s.h {
        let (top, bottom, down) = tap(row, r, xs.h);
        for (line, share) in [(top, 1.0 - down), (bottom, down)] {
            let to = &mut x[inside(xs, line)];
            for (j, from) in g[inside(s, row)].chunks_exact(s.c).enumerate() {
                let (left, right, across) = tap(j, r, xs.w);
                for (i, g) in from.iter().enumerate() {
                    to[left * s.c + i] += g * share * (1.0 - across);
                    to[right * s.c + i] += g * share * across;
                }
            }
        }
    }
}
