//! One frame in the encoder: what its coefficients should be, given its references, and the gradients of the filter's
//! parameters on it.

use nc_core::{Budget, Result};

use super::rates::{Rates, Tally, quantise};
use crate::backward::Grads;
use crate::coefficient_coding::kind;
use crate::coefficients::{BlockPlace, PlaneCoefficients};
use crate::dct::{BIG, SMALL, Transform, scan};
use crate::grid::Grid;
use crate::intra::{Intra, Mode};
use crate::motion_compensation::Reference;
use crate::symbols::Symbols;
use crate::synthesis::{FrameBuffers, Synthesis, plane_step};

/// Memory for a pass of learning over one frame.
pub struct Workspace {
    /// For the frame.
    pub buffers: FrameBuffers,
    /// Gradients, with a filter.
    pub grads: Option<Grads>,
}

impl Workspace {
    /// For a synthesis.
    pub fn new(s: &Synthesis) -> Result<Self> {
        Ok(Self {
            // What an encoder needs, its caller's frames have already shown to be there.
            buffers: s.buffers(&mut Budget::new(u64::MAX))?,
            grads: s.network.as_ref().map(|n| Grads::new(&n.graph)),
        })
    }
}

/// Price of a bit for one frame, in squared samples of its depth, and the step of its coefficients.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    /// Squared samples a bit.
    pub lambda: f32,
    /// Step, in samples.
    pub step: f32,
}

/// Runs the filter backward from the error of the frame just shown: gradients of the parameters are added to those of the
/// workspace.
pub fn backward(s: &Synthesis, class: usize, wanted: &[u16], work: &mut Workspace) -> Result<()> {
    let (Some(n), Some(grads)) = (&s.network, &mut work.grads) else {
        return Ok(());
    };
    let g = &s.geometry;
    let so = n.graph.images[n.output];
    let output = &work.buffers.images[n.output];
    let d = &mut grads.images[n.output];
    g.pack(wanted, so, d)?;
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
        &work.buffers.images,
        n.output,
        grads,
    )
}

/// Leaves in `buffers.residual` the samples that the coefficients should give: what the prediction left over.
fn target(s: &Synthesis, wanted: &[u16], buffers: &mut FrameBuffers) {
    let planes = s.geometry.planes.iter().zip(&mut buffers.residual);
    for (p, out) in planes {
        let stride = out.w();
        let out = out.as_mut_slice();
        let rows = out.len() / stride;
        for y in 0..rows {
            if y < p.h {
                let at = p.at + y * p.w;
                let row = &mut out[y * stride..][..stride];
                let from = wanted[at..at + p.w]
                    .iter()
                    .zip(&buffers.prediction[at..at + p.w]);
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

/// A block's coefficients, its prediction in intra frames and what comes of both.
#[derive(Clone)]
struct Block {
    cost: f32,
    mode: Mode,
    q: [i16; 256],
    made: [f32; 256],
}

/// A square's coefficients as one way to cut it gives them.
struct Choice {
    cost: f32,
    big: bool,
    blocks: Vec<(BlockPlace, Block)>,
}

/// A plane whose coefficients are being chosen.
struct Chooser<'a> {
    t: &'a Transform,
    rates: &'a Rates,
    index: usize,
    class: usize,
    /// What the coefficients should give.
    samples: &'a [f32],
    stride: usize,
    lambda: f32,
    step: f32,
    /// What they give so far, in intra frames, and where.
    made: Grid<f32>,
    done: Grid<bool>,
    /// Which small squares have coefficients, and how they are predicted.
    full: Grid<bool>,
    modes: Grid<Mode>,
}

impl Chooser<'_> {
    /// How many of the blocks left of the block and above it have coefficients.
    fn beside(&self, b: BlockPlace) -> usize {
        let full = |by| self.full.near(b.cell(), by) == Some(true);
        usize::from(full([-1, 0])) + usize::from(full([0, -1]))
    }

    /// The best coefficients of a block.
    fn block(&self, place: BlockPlace) -> Block {
        let (n, [x, y]) = (place.n, place.at);
        let beside = self.beside(place);
        let mut wanted = [0.0; 256];
        for (r, row) in wanted[..n * n].chunks_exact_mut(n).enumerate() {
            row.copy_from_slice(&self.samples[(y + r) * self.stride + x..][..n]);
        }
        let mut b = self.predicted(Mode::default(), place, &wanted, beside);
        if self.class == 0 {
            for mode in Mode::all().skip(1) {
                let other = self.predicted(mode, place, &wanted, beside);
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

    /// The block's coefficients with one way to predict it in intra frames (the first in others).
    fn predicted(
        &self,
        mode: Mode,
        place: BlockPlace,
        wanted: &[f32; 256],
        beside: usize,
    ) -> Block {
        let n = place.n;
        let k = kind(self.index, n, self.class);
        let (mut p, mut c) = ([0.0; 256], [0.0; 256]);
        let mut rest = *wanted;
        if self.class == 0 {
            let around = Intra {
                samples: &self.made,
                done: &self.done,
            };
            around.predict(mode, place.at, n, &mut p);
            rest.iter_mut().zip(&p).for_each(|(r, p)| *r -= p);
        }
        self.t.forward(n, &rest[..n * n], &mut c[..n * n]);
        let by = 1.0 / self.step;
        c.iter_mut().for_each(|v| *v *= by);
        let mut b = Block {
            cost: 0.0,
            mode,
            q: [0; 256],
            made: p,
        };
        b.cost = quantise(
            self.rates,
            k,
            self.class,
            n,
            scan(n),
            beside,
            &c[..n * n],
            self.lambda,
            &mut b.q[..n * n],
        );
        if self.class == 0 {
            // About what the coder makes of a mode.
            let near = |by| self.modes.near(place.cell(), by) == Some(mode);
            let known = near([-1, 0]) || near([0, -1]);
            b.cost += self.lambda * if known { 1.5 } else { 4.2 };
        }
        b
    }

    /// Takes a block as it is.
    fn put(&mut self, place: BlockPlace, b: &Block) {
        let n = place.n;
        let any = b.q.iter().any(|q| *q != 0);
        self.full.fill(place.cell(), n / SMALL, any);
        self.modes.fill(place.cell(), n / SMALL, b.mode);
        if self.class == 0 {
            self.done.fill(place.cell(), n / SMALL, true);
            let rows = self.made.block_mut(place.at, [n, n]);
            for (to, row) in rows.zip(b.made.chunks_exact(n)) {
                to.copy_from_slice(row);
            }
        }
    }
}

/// Chooses the coefficients of one plane.
#[allow(clippy::too_many_arguments)]
fn plane(
    t: &Transform,
    rates: &Rates,
    large: bool,
    index: usize,
    class: usize,
    samples: &Grid<f32>,
    price: Price,
    p: &mut PlaneCoefficients,
    tally: &mut Tally,
) -> Result<()> {
    let (cw, ch) = (p.modes.w(), p.modes.h());
    let mut chooser = Chooser {
        t,
        rates,
        index,
        class,
        samples: samples.as_slice(),
        stride: samples.w(),
        lambda: price.lambda / (price.step * price.step),
        step: price.step,
        made: if class == 0 {
            p.canvas()
        } else {
            Grid::new(1, 1, 0.0)
        },
        done: Grid::new(cw, ch, false),
        full: Grid::new(cw, ch, false),
        modes: Grid::new(cw, ch, Mode::default()),
    };
    let size = p.area();
    let [w, h] = p.squares();
    for square in 0..w * h {
        let place = [square % w, square / w];
        let mut best: Option<Choice> = None;
        let cuts: &[bool] = if p.side == BIG && large {
            &[false, true]
        } else {
            &[false]
        };
        for &big in cuts {
            *p.big.at_mut(place)? = big;
            let mut c = Choice {
                cost: 0.0,
                big,
                blocks: Vec::new(),
            };
            for place in p.blocks(place) {
                let b = chooser.block(place);
                c.cost += b.cost;
                chooser.put(place, &b);
                c.blocks.push((place, b));
            }
            // The square is open again.
            let per = p.side / SMALL;
            chooser.done.fill(place.map(|at| at * per), per, false);
            if best.as_ref().is_none_or(|b| c.cost < b.cost) {
                best = Some(c);
            }
        }
        let Some(c) = best else { continue };
        *p.big.at_mut(place)? = c.big;
        let mut rest = &mut p.q[square * size..(square + 1) * size];
        for (place, b) in c.blocks {
            let n = place.n;
            let q = &b.q[..n * n];
            tally.count(
                kind(index, n, class),
                class,
                n,
                scan(n),
                chooser.beside(place),
                q,
            );
            chooser.put(place, &b);
            let to;
            (to, rest) = rest.split_at_mut(n * n);
            to.copy_from_slice(q);
        }
    }
    p.modes = chooser.modes;
    Ok(())
}

/// Chooses a frame's coefficients, and makes it of them in the buffers. `tally` takes what was decided.
#[allow(clippy::too_many_arguments)]
pub fn update(
    s: &Synthesis,
    rates: &Rates,
    large: bool,
    symbols: &mut Symbols,
    price: Price,
    refs: [Option<&Reference>; 2],
    wanted: &[u16],
    buffers: &mut FrameBuffers,
    tally: &mut Tally,
) -> Result<()> {
    let class = symbols.place.class;
    s.predict(symbols, refs, buffers)?;
    target(s, wanted, buffers);
    for (i, p) in symbols.coefficients.planes.iter_mut().enumerate() {
        let scale = plane_step(i, &s.geometry.planes[i]);
        let price = Price {
            lambda: price.lambda * scale * scale,
            step: price.step * scale,
        };
        let residual = &buffers.residual[i];
        plane(
            &s.transform,
            rates,
            large,
            i,
            class,
            residual,
            price,
            p,
            tally,
        )?;
    }
    s.add(symbols, price.step, buffers)
}
