//! The operations of the published networks, forward and backward.
//!
//! They move or scale what the convolutions have made and take little of the time, so they are plain loops; their
//! sums run in one order, row by row, so that every machine gets the same bits.

use nc_core::Result;
use nc_kernels::Kernels;

use crate::backward::{Grads, unshuffle};
use crate::graph::{Graph, Op, Param, Shape, put, read, take};

/// What is added to a variance.
const EPSILON: f32 = 1e-5;
/// The slope of the sigmoid in the GELU.
const SLOPE: f32 = 1.702;

impl Graph {
    /// Runs an operation that is none of the first five; see [`Graph::forward`].
    pub(crate) fn layer(
        &self,
        op: &Op,
        k: &Kernels,
        p: &[f32],
        class: usize,
        t: &mut [Vec<f32>],
    ) -> Result<()> {
        let Some(y) = written(op) else {
            return Ok(());
        };
        let s = self.shape(y);
        let mut out = take(t, y)?;
        match *op {
            Op::Gelu { x, .. } => {
                out.copy_from_slice(read(t, x)?);
                k.quick_gelu(&mut out);
            }
            Op::Shuffle { x, r, .. } => shuffle(self.shape(x), s, r, read(t, x)?, &mut out),
            Op::Reshape { x, .. } => {
                let from = read(t, x)?.get(self.shape(x).row(0)..);
                let rows = from.unwrap_or_default().chunks_exact(row(s));
                for (to, from) in s.lines_mut(&mut out).zip(rows) {
                    to.copy_from_slice(from);
                }
            }
            Op::Add { a, b, .. } => {
                let pairs = read(t, a)?.iter().zip(read(t, b)?);
                out.iter_mut().zip(pairs).for_each(|(o, (a, b))| *o = a + b);
            }
            Op::Bilinear { x, r, .. } => enlarge(self.shape(x), s, r, read(t, x)?, &mut out),
            Op::Normalise { x, .. } => {
                let x = read(t, x)?;
                let (mean, scale) = moments(s, x);
                for (to, x) in s.lines_mut(&mut out).zip(s.lines(x)) {
                    for (to, x) in to.chunks_exact_mut(s.c).zip(x.chunks_exact(s.c)) {
                        let channels = x.iter().zip(mean.iter().zip(&scale));
                        for (o, (x, (mean, scale))) in to.iter_mut().zip(channels) {
                            *o = (x - mean) * scale;
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
                for (to, x) in s.lines_mut(&mut out).zip(s.lines(read(t, x)?)) {
                    for (to, x) in to.chunks_exact_mut(s.c).zip(x.chunks_exact(s.c)) {
                        let channels = x.iter().zip(gamma.iter().zip(&beta));
                        for (o, (x, (gamma, beta))) in to.iter_mut().zip(channels) {
                            *o = x * gamma + beta;
                        }
                    }
                }
            }
            _ => {}
        }
        put(t, y, out);
        Ok(())
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
        let Some(y) = written(op) else {
            return Ok(());
        };
        let s = self.shape(y);
        let g = take(&mut d.images, y)?;
        match *op {
            Op::Gelu { x, .. } => {
                let from = read(t, x)?;
                let mut gate = std::mem::take(&mut d.gate);
                gate.clear();
                gate.extend(from.iter().map(|v| v * SLOPE));
                k.sigmoid(&mut gate);
                self.input(d, x, |_, out| {
                    let rest = from.iter().zip(&gate).zip(&g);
                    for (o, ((x, s), g)) in out.iter_mut().zip(rest) {
                        *o = g * (s + SLOPE * x * (s * (1.0 - s)));
                    }
                    Ok(())
                })?;
                d.gate = gate;
            }
            Op::Shuffle { x, r, .. } => self.input(d, x, |_, out| {
                unshuffle(s, r, &g, out);
                Ok(())
            })?,
            Op::Reshape { x, .. } => self.input(d, x, |_, out| {
                let to = out.get_mut(self.shape(x).row(0)..);
                let rows = to.unwrap_or_default().chunks_exact_mut(row(s));
                for (to, from) in rows.zip(s.lines(&g)) {
                    to.copy_from_slice(from);
                }
                Ok(())
            })?,
            Op::Add { a, b, .. } => {
                for x in [a, b] {
                    self.input(d, x, |_, out| {
                        out.copy_from_slice(&g);
                        Ok(())
                    })?;
                }
            }
            Op::Bilinear { x, r, .. } => self.input(d, x, |_, out| {
                enlarge_back(self.shape(x), s, r, &g, out);
                Ok(())
            })?,
            Op::Normalise { x, .. } => {
                let (_, scale) = moments(s, read(t, x)?);
                let made = read(t, y)?;
                let n = 1.0 / pixels(s);
                let mean = sums(s, &g, &g, plain);
                let along = sums(s, &g, made, product);
                self.input(d, x, |_, out| {
                    let lines = s.lines(&g).zip(s.lines(made));
                    for (to, (g, made)) in s.lines_mut(out).zip(lines) {
                        let pixels = g.chunks_exact(s.c).zip(made.chunks_exact(s.c));
                        for (to, (g, made)) in to.chunks_exact_mut(s.c).zip(pixels) {
                            let pairs = to.iter_mut().zip(g.iter().zip(made));
                            let channels = scale.iter().zip(mean.iter().zip(&along));
                            for ((o, (g, made)), (scale, (mean, along))) in pairs.zip(channels) {
                                let away = mean * n + made * (along * n);
                                *o = scale * (g - away);
                            }
                        }
                    }
                    Ok(())
                })?;
            }
            Op::Temporal {
                x,
                g: gamma,
                b: beta,
                grid,
                frames,
                ..
            } => {
                let from = read(t, x)?;
                let (first, part) = between(class, frames, grid);
                let scale = mix(self.slice(p, gamma), s.c, (first, part));
                let dg = sums(s, &g, from, product);
                let db = sums(s, &g, &g, plain);
                let next = first.saturating_add(1).min(grid.saturating_sub(1));
                for (param, sum) in [(gamma, dg), (beta, db)] {
                    let range = self.params.get(param).map_or(0..0, Param::range);
                    let to = d.params.get_mut(range).unwrap_or_default();
                    for (row, share) in [(first, 1.0 - part), (next, part)] {
                        let row = pixel_mut(to, row, s.c).iter_mut();
                        row.zip(&sum).for_each(|(to, v)| *to += v * share);
                    }
                }
                self.input(d, x, |_, out| {
                    for (to, g) in s.lines_mut(out).zip(s.lines(&g)) {
                        for (to, g) in to.chunks_exact_mut(s.c).zip(g.chunks_exact(s.c)) {
                            for (o, (g, scale)) in to.iter_mut().zip(g.iter().zip(&scale)) {
                                *o = g * scale;
                            }
                        }
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        put(&mut d.images, y, g);
        Ok(())
    }
}

/// The image that an operation of these writes.
fn written(op: &Op) -> Option<usize> {
    match *op {
        Op::Gelu { y, .. }
        | Op::Shuffle { y, .. }
        | Op::Reshape { y, .. }
        | Op::Add { y, .. }
        | Op::Bilinear { y, .. }
        | Op::Normalise { y, .. }
        | Op::Temporal { y, .. } => Some(y),
        _ => None,
    }
}

/// Elements of a row without the border.
fn row(s: Shape) -> usize {
    s.w.saturating_mul(s.c)
}

/// Pixels of an image.
fn pixels(s: Shape) -> f32 {
    s.h.saturating_mul(s.w) as f32
}

/// The elements of pixel `at` of a row of pixels of `c` channels.
fn pixel(row: &[f32], at: usize, c: usize) -> &[f32] {
    let from = row.get(at.saturating_mul(c)..);
    from.and_then(|from| from.get(..c)).unwrap_or_default()
}

/// As [`pixel`], to be written.
fn pixel_mut(row: &mut [f32], at: usize, c: usize) -> &mut [f32] {
    let from = row.get_mut(at.saturating_mul(c)..);
    from.and_then(|from| from.get_mut(..c)).unwrap_or_default()
}

fn shuffle(xs: Shape, s: Shape, r: usize, x: &[f32], y: &mut [f32]) {
    let wide = r.saturating_mul(s.c);
    let mut rows = s.lines_mut(y);
    for from in xs.lines(x) {
        // Each row makes `r` rows of the larger image, the next part of its pixels each.
        for (part, to) in rows.by_ref().take(r).enumerate() {
            for (to, from) in to.chunks_exact_mut(wide).zip(from.chunks_exact(xs.c)) {
                to.copy_from_slice(pixel(from, part, wide));
            }
        }
    }
}

/// The sum over the image of what `add` adds of pixels of `a` and of `b`: pixels of a row first, then the rows.
fn sums(s: Shape, a: &[f32], b: &[f32], add: impl Fn(&mut [f32], &[f32], &[f32])) -> Vec<f32> {
    let mut all = vec![0.0; s.c];
    let mut line = vec![0.0; s.c];
    for (a, b) in s.lines(a).zip(s.lines(b)) {
        line.fill(0.0);
        for (a, b) in a.chunks_exact(s.c).zip(b.chunks_exact(s.c)) {
            add(&mut line, a, b);
        }
        all.iter_mut().zip(&line).for_each(|(a, l)| *a += l);
    }
    all
}

fn plain(sum: &mut [f32], a: &[f32], _: &[f32]) {
    sum.iter_mut().zip(a).for_each(|(s, a)| *s += a);
}

fn product(sum: &mut [f32], a: &[f32], b: &[f32]) {
    let pairs = a.iter().zip(b);
    sum.iter_mut()
        .zip(pairs)
        .for_each(|(s, (a, b))| *s += a * b);
}

/// Mean and the reciprocal of the standard deviation of each channel.
fn moments(s: Shape, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let n = 1.0 / pixels(s);
    let mut mean = sums(s, x, x, plain);
    mean.iter_mut().for_each(|m| *m *= n);
    let mut scale = sums(s, x, x, |sum, x, _| {
        for (s, (x, mean)) in sum.iter_mut().zip(x.iter().zip(&mean)) {
            *s += (x - mean) * (x - mean);
        }
    });
    for v in &mut scale {
        *v = 1.0 / (*v * n + EPSILON).sqrt();
    }
    (mean, scale)
}

/// The row of the grid before a frame, and how far the frame is towards the next.
fn between(frame: usize, frames: usize, grid: usize) -> (usize, f32) {
    let span = frames.saturating_sub(1).max(1) as u128;
    let last = grid.saturating_sub(1) as u128;
    let at = (frame as u128).min(span).saturating_mul(last);
    let row = at.checked_div(span).unwrap_or(0);
    let rest = at.saturating_sub(row.saturating_mul(span));
    (row as usize, rest as f32 / span as f32)
}

fn mix(rows: &[f32], c: usize, (first, part): (usize, f32)) -> Vec<f32> {
    let a = pixel(rows, first, c);
    let b = match pixel(rows, first.saturating_add(1), c) {
        [] => a,
        b => b,
    };
    a.iter()
        .zip(b)
        .map(|(a, b)| a * (1.0 - part) + b * part)
        .collect()
}

/// The two pixels of `n` that pixel `i` of the enlarged image lies between, and its distance from the first.
fn tap(i: usize, r: usize, n: usize) -> (usize, usize, f32) {
    // (i + 1/2) / r - 1/2 = (2 i + 1 - r) / 2 r, kept positive by adding one pixel.
    let twice = i.saturating_mul(2).saturating_add(1).saturating_add(r);
    let pixel = r.saturating_mul(2);
    let whole = twice.checked_div(pixel).unwrap_or(0);
    let part = twice.saturating_sub(whole.saturating_mul(pixel));
    let clamp = |v: usize| v.min(n).saturating_sub(1);
    let next = clamp(whole.saturating_add(1));
    (clamp(whole), next, part as f32 / pixel as f32)
}

fn enlarge(xs: Shape, s: Shape, r: usize, x: &[f32], y: &mut [f32]) {
    let line = |row: usize| x.get(xs.inside(row)).unwrap_or_default();
    for (row, to) in s.lines_mut(y).enumerate() {
        let (top, bottom, down) = tap(row, r, xs.h);
        let (top, bottom) = (line(top), line(bottom));
        for (j, to) in to.chunks_exact_mut(s.c).enumerate() {
            let (left, right, across) = tap(j, r, xs.w);
            let both = |line| pixel(line, left, s.c).iter().zip(pixel(line, right, s.c));
            for (o, (top, bottom)) in to.iter_mut().zip(both(top).zip(both(bottom))) {
                let a = top.0 * (1.0 - across) + top.1 * across;
                let b = bottom.0 * (1.0 - across) + bottom.1 * across;
                *o = a * (1.0 - down) + b * down;
            }
        }
    }
}

fn enlarge_back(xs: Shape, s: Shape, r: usize, g: &[f32], x: &mut [f32]) {
    xs.lines_mut(x).for_each(|line| line.fill(0.0));
    for (row, from) in s.lines(g).enumerate() {
        let (top, bottom, down) = tap(row, r, xs.h);
        for (line, share) in [(top, 1.0 - down), (bottom, down)] {
            let to = x.get_mut(xs.inside(line)).unwrap_or_default();
            for (j, from) in from.chunks_exact(s.c).enumerate() {
                let (left, right, across) = tap(j, r, xs.w);
                for (at, part) in [(left, 1.0 - across), (right, across)] {
                    let to = pixel_mut(to, at, s.c).iter_mut();
                    to.zip(from).for_each(|(to, g)| *to += g * share * part);
                }
            }
        }
    }
}
