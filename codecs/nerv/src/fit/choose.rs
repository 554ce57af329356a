//! One frame in the encoder: what its latents should be, given its references, and the gradients of the network's
//! parameters on it.

use nc_core::{Budget, Result};

use super::rates::{Rates, Tally, quantise};
use crate::backward::Grads;
use crate::coefficient::kind;
use crate::frame::{Room, Symbols, Synthesis, plane_step};
use crate::intra::{Canvas, MODES};
use crate::motion::Reference;
use crate::transform::{BIG, PlaneLatents, Transform};

/// Room for a pass.
pub struct Desk {
    /// For the frame.
    pub room: Room,
    /// Gradients, with a network.
    pub grads: Option<Grads>,
}

impl Desk {
    /// For a synthesis.
    pub fn new(s: &Synthesis) -> Result<Self> {
        Ok(Self {
            // What an encoder needs, its caller's frames have already shown to be there.
            room: s.room(&mut Budget::new(u64::MAX))?,
            grads: s.network.as_ref().map(|n| Grads::new(&n.graph)),
        })
    }
}

/// Price of a bit for one frame, in squared samples of its depth, and the step of its latents.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    /// Squared samples a bit.
    pub lambda: f32,
    /// Step, in samples.
    pub step: f32,
}

/// Runs the network backward from the error of the frame just shown: gradients of the parameters are added to the desk's.
pub fn backward(s: &Synthesis, class: usize, wanted: &[u16], desk: &mut Desk) -> Result<()> {
    let (Some(n), Some(grads)) = (&s.network, &mut desk.grads) else {
        return Ok(());
    };
    let g = &s.geometry;
    let so = n.graph.images[n.output];
    let output = &desk.room.images[n.output];
    let d = &mut grads.images[n.output];
    g.pack(wanted, so, d);
    let weights = g.channel_weights();
    for i in 0..so.h {
        let at = so.row(i)..so.row(i) + so.w * so.c;
        let rows = d[at.clone()]
            .chunks_exact_mut(so.c)
            .zip(output[at].chunks_exact(so.c));
        for (j, (d, o)) in rows.enumerate() {
            for (c, (d, o)) in d.iter_mut().zip(o).enumerate() {
                let inside = c < weights.len() && g.inside(i, j, c);
                *d = if inside { (o - *d) * weights[c] } else { 0.0 };
            }
        }
    }
    let class = class.min(n.classes - 1);
    n.graph.backward(
        &s.kernels,
        &s.params,
        class,
        &desk.room.images,
        n.output,
        grads,
    )
}

/// Leaves in `room.residual` the samples that the latents should have: what the prediction left over.
fn target(s: &Synthesis, wanted: &[u16], room: &mut Room) {
    let planes = s
        .geometry
        .planes
        .iter()
        .zip(&mut room.residual)
        .zip(&room.strides);
    for ((p, out), stride) in planes {
        let rows = out.len() / stride;
        for y in 0..rows {
            if y < p.h {
                let at = p.at + y * p.w;
                let row = &mut out[y * stride..][..*stride];
                let from = wanted[at..at + p.w]
                    .iter()
                    .zip(&room.prediction[at..at + p.w]);
                for (r, (a, b)) in row.iter_mut().zip(from) {
                    *r = f32::from(*a) - f32::from(*b);
                }
                // What lies beyond the frame repeats its edge, which costs least.
                let last = row[p.w - 1];
                row[p.w..].fill(last);
            } else {
                out.copy_within((p.h - 1) * stride..p.h * stride, y * stride);
            }
        }
    }
}

/// A block's latents, its prediction in intra frames and what comes of both.
#[derive(Clone)]
struct Block {
    cost: f32,
    mode: u8,
    q: [i16; 256],
    made: [f32; 256],
}

/// A square's latents as one way to cut it gives them.
struct Choice {
    cost: f32,
    big: bool,
    blocks: Vec<(usize, [usize; 2], usize, Block)>,
}

/// A plane whose latents are being chosen.
struct Chooser<'a> {
    t: &'a Transform,
    rates: &'a Rates,
    index: usize,
    class: usize,
    /// What the latents should give.
    samples: &'a [f32],
    stride: usize,
    lambda: f32,
    step: f32,
    /// What they give so far, in intra frames, and where.
    made: Vec<f32>,
    done: Vec<bool>,
    /// Which small squares have coefficients, and how they are predicted.
    full: Vec<bool>,
    modes: Vec<u8>,
}

impl Chooser<'_> {
    /// How many of the blocks left of (x, y) and above it have latents.
    fn beside(&self, x: usize, y: usize) -> usize {
        let cells = self.stride / 8;
        let cell = y / 8 * cells + x / 8;
        usize::from(x > 0 && self.full[cell - 1]) + usize::from(y > 0 && self.full[cell - cells])
    }

    /// The best latents of the block of side `n` at (x, y).
    fn block(&self, x: usize, y: usize, n: usize) -> Block {
        let beside = self.beside(x, y);
        let mut wanted = [0.0; 256];
        for (r, row) in wanted[..n * n].chunks_exact_mut(n).enumerate() {
            row.copy_from_slice(&self.samples[(y + r) * self.stride + x..][..n]);
        }
        let mut b = self.predicted(0, x, y, n, &wanted, beside);
        if self.class == 0 {
            for mode in 1..MODES {
                let other = self.predicted(mode, x, y, n, &wanted, beside);
                if other.cost < b.cost {
                    b = other;
                }
            }
        }
        if self.class == 0 && b.q.iter().any(|q| *q != 0) {
            let (mut c, mut s) = ([0.0; 256], [0.0; 256]);
            c.iter_mut()
                .zip(&b.q)
                .for_each(|(c, q)| *c = f32::from(*q) * self.step);
            self.t.inverse(n, &c[..n * n], &mut s[..n * n]);
            b.made.iter_mut().zip(&s).for_each(|(m, s)| *m += s);
        }
        b
    }

    /// The block's latents with one way to predict it in intra frames (0 in others).
    fn predicted(
        &self,
        mode: usize,
        x: usize,
        y: usize,
        n: usize,
        wanted: &[f32; 256],
        beside: usize,
    ) -> Block {
        let cells = self.stride / 8;
        let cell = y / 8 * cells + x / 8;
        let k = kind(self.index, n, self.class);
        let (mut p, mut c) = ([0.0; 256], [0.0; 256]);
        let mut rest = *wanted;
        if self.class == 0 {
            let canvas = Canvas {
                samples: &self.made,
                stride: self.stride,
                done: &self.done,
            };
            canvas.predict(mode, x, y, n, &mut p);
            rest.iter_mut().zip(&p).for_each(|(r, p)| *r -= p);
        }
        self.t.forward(n, &rest[..n * n], &mut c[..n * n]);
        let by = 1.0 / self.step;
        c.iter_mut().for_each(|v| *v *= by);
        let mut b = Block {
            cost: 0.0,
            mode: mode as u8,
            q: [0; 256],
            made: p,
        };
        let scan = &self.t.scan[usize::from(n == BIG)];
        b.cost = quantise(
            self.rates,
            k,
            self.class,
            n,
            scan,
            beside,
            &c[..n * n],
            self.lambda,
            &mut b.q[..n * n],
        );
        if self.class == 0 {
            // About what the coder makes of a mode.
            let near =
                |there: bool, back: usize| there && usize::from(self.modes[cell - back]) == mode;
            let known = near(x > 0, 1) || near(y > 0, cells);
            b.cost += self.lambda * if known { 1.5 } else { 4.2 };
        }
        b
    }

    /// Takes a block as it is.
    fn put(&mut self, x: usize, y: usize, n: usize, b: &Block) {
        let cells = self.stride / 8;
        let cell = y / 8 * cells + x / 8;
        let any = b.q.iter().any(|q| *q != 0);
        for k in 0..n / 8 {
            self.full[cell + k * cells..][..n / 8].fill(any);
            self.modes[cell + k * cells..][..n / 8].fill(b.mode);
            if self.class == 0 {
                self.done[cell + k * cells..][..n / 8].fill(true);
            }
        }
        if self.class == 0 {
            for (r, row) in b.made[..n * n].chunks_exact(n).enumerate() {
                self.made[(y + r) * self.stride + x..][..n].copy_from_slice(row);
            }
        }
    }

    /// Forgets that the blocks of the square at (x, y) were made.
    fn clear(&mut self, x: usize, y: usize, side: usize) {
        let cells = self.stride / 8;
        for k in 0..side / 8 {
            if self.class == 0 {
                self.done[(y / 8 + k) * cells + x / 8..][..side / 8].fill(false);
            }
        }
    }
}

/// Chooses the latents of one plane.
#[allow(clippy::too_many_arguments)]
fn plane(
    t: &Transform,
    rates: &Rates,
    large: bool,
    index: usize,
    class: usize,
    samples: &[f32],
    price: Price,
    p: &mut PlaneLatents,
    tally: &mut Tally,
) {
    let stride = p.w * p.side;
    let cells = stride / 8 * (p.h * p.side / 8);
    let mut chooser = Chooser {
        t,
        rates,
        index,
        class,
        samples,
        stride,
        lambda: price.lambda / (price.step * price.step),
        step: price.step,
        made: vec![0.0; if class == 0 { p.samples() } else { 0 }],
        done: vec![false; cells],
        full: vec![false; cells],
        modes: vec![0; cells],
    };
    let size = p.side * p.side;
    for square in 0..p.w * p.h {
        let (sx, sy) = (square % p.w * p.side, square / p.w * p.side);
        let mut best: Option<Choice> = None;
        let cuts: &[bool] = if p.side == BIG && large {
            &[false, true]
        } else {
            &[false]
        };
        for &big in cuts {
            p.big[square] = big;
            let mut c = Choice {
                cost: 0.0,
                big,
                blocks: Vec::new(),
            };
            for (n, [bx, by], at) in p.blocks(square) {
                let b = chooser.block(sx + bx, sy + by, n);
                c.cost += b.cost;
                chooser.put(sx + bx, sy + by, n, &b);
                c.blocks.push((n, [sx + bx, sy + by], at, b));
            }
            chooser.clear(sx, sy, p.side);
            if best.as_ref().is_none_or(|b| c.cost < b.cost) {
                best = Some(c);
            }
        }
        let Some(c) = best else { continue };
        p.big[square] = c.big;
        p.q[square * size..(square + 1) * size].fill(0);
        for (n, [x, y], at, b) in c.blocks {
            let q = &b.q[..n * n];
            let scan = &t.scan[usize::from(n == BIG)];
            tally.count(
                kind(index, n, class),
                class,
                n,
                scan,
                chooser.beside(x, y),
                q,
            );
            chooser.put(x, y, n, &b);
            p.q[at..at + n * n].copy_from_slice(q);
        }
    }
    p.modes = chooser.modes;
}

/// Chooses a frame's latents, and makes it of them in the room. `tally` takes what was decided.
#[allow(clippy::too_many_arguments)]
pub fn update(
    s: &Synthesis,
    rates: &Rates,
    large: bool,
    symbols: &mut Symbols,
    price: Price,
    refs: [&Reference; 2],
    wanted: &[u16],
    room: &mut Room,
    tally: &mut Tally,
) {
    let class = symbols.place.class;
    s.predict(symbols, refs, room);
    target(s, wanted, room);
    for (i, p) in symbols.latents.planes.iter_mut().enumerate() {
        let scale = plane_step(&s.geometry, i);
        let price = Price {
            lambda: price.lambda * scale * scale,
            step: price.step * scale,
        };
        plane(
            &s.transform,
            rates,
            large,
            i,
            class,
            &room.residual[i],
            price,
            p,
            tally,
        );
    }
    s.add(symbols, price.step, room);
}
