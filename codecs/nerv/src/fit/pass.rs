//! One frame in the encoder: what its latents should be, given its references, and the gradients of the network's
//! parameters on it.

use nc::{Budget, Result};

use super::rates::{Rates, Tally, quantise};
use crate::backward::Grads;
use crate::coefficient::kind;
use crate::frame::{Room, Symbols, Synthesis, plane_step};
use crate::motion::Reference;
use crate::transform::{BIG, Means, PlaneLatents, Transform};

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

/// Squared errors of a frame in 8 bits: of all samples, each plane's weighted as 4:1:1 means have it.
pub fn error(s: &Synthesis, made: &[u16], wanted: &[u16]) -> f64 {
    let g = &s.geometry;
    let luma = (g.planes[0].w * g.planes[0].h) as f64;
    let mut sum = 0.0;
    for (i, p) in g.planes.iter().enumerate() {
        let at = p.at..p.at + p.w * p.h;
        let e: u64 = made[at.clone()]
            .iter()
            .zip(&wanted[at])
            .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2))
            .sum();
        let weight = if i == 0 { 1.0 } else { luma / (4.0 * (p.w * p.h) as f64) };
        sum += e as f64 * weight;
    }
    sum / f64::from(1u32 << (2 * (g.bits - 8)))
}

/// Runs the network backward from the error of the frame just made: gradients of the parameters are added to the desk's,
/// those of the input left there.
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
        let rows = d[at.clone()].chunks_exact_mut(so.c).zip(output[at].chunks_exact(so.c));
        for (j, (d, o)) in rows.enumerate() {
            for (c, (d, o)) in d.iter_mut().zip(o).enumerate() {
                let inside = c < weights.len() && g.inside(i, j, c);
                *d = if inside { (o - *d) * weights[c] } else { 0.0 };
            }
        }
    }
    let class = class.min(n.classes - 1);
    n.graph
        .backward(&s.kernels, &s.params, class, &desk.room.images, n.output, grads)
}

/// Leaves in `room.residual` the samples that the latents should have: what the prediction left over.
fn target(s: &Synthesis, wanted: &[u16], room: &mut Room) {
    let planes = s.geometry.planes.iter().zip(&mut room.residual).zip(&room.strides);
    for ((p, out), stride) in planes {
        let rows = out.len() / stride;
        for y in 0..rows {
            if y < p.h {
                let at = p.at + y * p.w;
                let row = &mut out[y * stride..][..*stride];
                let from = wanted[at..at + p.w].iter().zip(&room.prediction[at..at + p.w]);
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

/// A square's latents as one way to cut it gives them.
struct Choice {
    cost: f32,
    big: bool,
    q: Vec<i16>,
    tally: Tally,
    dc: Vec<(usize, usize, usize, i32)>,
    full: Vec<(usize, bool)>,
}

/// Chooses the latents of one plane.
#[allow(clippy::too_many_arguments)]
fn plane(t: &Transform, rates: &Rates, large: bool, index: usize, class: usize, samples: &[f32], price: Price, p: &mut PlaneLatents, tally: &mut Tally) {
    let stride = p.w * p.side;
    let w = stride / 8;
    let mut full = vec![false; w * (p.h * p.side / 8)];
    let mut means = Means::new(w);
    let size = p.side * p.side;
    let lambda = price.lambda / (price.step * price.step);
    let by = 1.0 / price.step;
    for square in 0..p.w * p.h {
        let (sx, sy) = (square % p.w * p.side, square / p.w * p.side);
        let mut best: Option<Choice> = None;
        let cuts: &[bool] = if p.side == BIG && large { &[false, true] } else { &[false] };
        for &big in cuts {
            p.big[square] = big;
            let mut c = Choice {
                cost: 0.0,
                big,
                q: vec![0; size],
                tally: Tally::default(),
                dc: Vec::new(),
                full: Vec::new(),
            };
            for (n, [bx, by8], at) in p.blocks(square) {
                let (x, y) = ((sx + bx) / 8, (sy + by8) / 8);
                let (mut block, mut k) = ([0.0; 256], [0.0; 256]);
                for (r, row) in block[..n * n].chunks_exact_mut(n).enumerate() {
                    row.copy_from_slice(&samples[(sy + by8 + r) * stride + sx + bx..][..n]);
                }
                t.forward(n, &block[..n * n], &mut k[..n * n]);
                k.iter_mut().for_each(|v| *v *= by);
                let mut expected = 0;
                if class == 0 {
                    // Both ways to cut a square write the same places, and read only what they wrote or what is final.
                    expected = means.expected(x, y, n);
                    k[0] -= expected as f32;
                }
                let is = |x: usize, y: usize| {
                    let at = y * w + x;
                    let mine = c.full.iter().find(|f: &&(usize, bool)| f.0 == at);
                    mine.map_or(full[at], |f| f.1)
                };
                let beside = usize::from(x > 0 && is(x - 1, y)) + usize::from(y > 0 && is(x, y - 1));
                let q = &mut c.q[at - square * size..][..n * n];
                c.cost += quantise(
                    rates,
                    kind(index, n, class),
                    class,
                    n,
                    &t.scan[usize::from(n == BIG)],
                    beside,
                    &k[..n * n],
                    lambda,
                    q,
                    Some(&mut c.tally),
                );
                if class == 0 {
                    let dc = expected + i32::from(q[0]);
                    means.set(x, y, n, dc);
                    c.dc.push((x, y, n, dc));
                }
                let any = q.iter().any(|v| *v != 0);
                for i in 0..n * n / 64 {
                    c.full.push(((y + i / 2) * w + x + i % 2, any));
                }
            }
            if best.as_ref().is_none_or(|b| c.cost < b.cost) {
                best = Some(c);
            }
        }
        let Some(c) = best else { continue };
        p.big[square] = c.big;
        p.q[square * size..(square + 1) * size].copy_from_slice(&c.q);
        tally.extend(c.tally);
        for (x, y, n, dc) in c.dc {
            means.set(x, y, n, dc);
        }
        for (at, any) in c.full {
            full[at] = any;
        }
    }
}

/// Chooses a frame's latents, and makes it of them in the desk's room. `tally` takes what was decided.
#[allow(clippy::too_many_arguments)]
pub fn update(s: &Synthesis, rates: &Rates, large: bool, symbols: &mut Symbols, price: Price, refs: [&Reference; 2], wanted: &[u16], room: &mut Room, tally: &mut Tally) {
    let class = symbols.place.class;
    s.predict(symbols, refs, room);
    target(s, wanted, room);
    for (i, p) in symbols.latents.planes.iter_mut().enumerate() {
        let scale = plane_step(&s.geometry, i);
        let price = Price {
            lambda: price.lambda * scale * scale,
            step: price.step * scale,
        };
        plane(&s.transform, rates, large, i, class, &room.residual[i], price, p, tally);
    }
    s.add(symbols, price.step, room);
}
