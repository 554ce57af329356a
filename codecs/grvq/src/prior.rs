//! The token prior: a small network that gives every token an integer distribution.
//!
//! Everything from decoded tokens to a cumulative table is IEEE `+ - * /` in one order on
//! `nc-kernels`, then integers, so that encoder and decoder agree on every machine. One frame
//! network sees the recent past ([`crate::context`]); for each codebook a small head also sees
//! the sum of the frame's codes so far.

use nc_core::{Budget, Error, Model, Result};
use nc_kernels::{Kernels, PackedLinear};

use crate::config::{Config, OFFSETS};
use crate::context::{Context, add_code};
use crate::weights::{dense, fail, numbers};

/// Bits of a cumulative table's total.
pub const PRECISION: u32 = 16;
/// Frames whose matrices are multiplied together where all tokens are known.
const TILE: usize = 64;

struct Head {
    context: PackedLinear,
    sum: PackedLinear,
    out: PackedLinear,
}

fn unequal() -> Error {
    Error::Internal("grvq: tokens of unequal lengths".into())
}

/// A symbol's share of a cumulative table.
fn share(table: &[u32], symbol: usize) -> Result<[u32; 2]> {
    match table.get(symbol..) {
        Some([left, right, ..]) => Ok([*left, *right]),
        _ => Err(unequal()),
    }
}

/// A loaded prior with the codebooks it speaks of.
pub struct Prior {
    config: Config,
    kernels: Kernels,
    first: PackedLinear,
    mid: PackedLinear,
    heads: Vec<Head>,
    books: Vec<Vec<f32>>,
    scale: f32,
    offsets: [[u32; OFFSETS + 1]; OFFSETS],
}

/// Coding state of one channel, with room for one frame's work.
pub struct State {
    context: Context,
    last: u8,
    hidden: Vec<f32>,
    other: Vec<f32>,
    term: Vec<f32>,
    sum: Vec<f32>,
    scaled: Vec<f32>,
    mix: Vec<f32>,
    logits: Vec<f32>,
    cdf: Vec<u32>,
}

impl Prior {
    /// Loads the prior and the codebooks from a model.
    ///
    /// # Errors
    /// [`Error::Model`] for missing or misshapen tensors.
    pub fn load(
        model: &Model,
        config: &Config,
        kernels: Kernels,
        budget: &mut Budget,
    ) -> Result<Self> {
        let n = config.quantisers();
        let (hidden, mix) = (config.prior_hidden, config.prior_mix);
        let mut heads = Vec::with_capacity(n);
        let mut books = Vec::with_capacity(n);
        for q in 0..n {
            books.push(numbers(
                model,
                &format!("book.{q}"),
                config.codes * config.group_dim(),
                budget,
            )?);
            let weight = format!("prior.{q}.context.weight");
            let weight = numbers(model, &weight, mix * hidden, budget)?;
            heads.push(Head {
                context: PackedLinear::new(&weight, None, mix, hidden)
                    .map_err(|e| Error::Model(e.to_string().into()))?,
                sum: dense(model, &format!("prior.{q}.sum"), mix, config.latent, budget)?,
                out: dense(model, &format!("prior.{q}.out"), config.codes, mix, budget)?,
            });
        }
        let mut offsets = [[0; OFFSETS + 1]; OFFSETS];
        let table = numbers(model, "prior.offsets", OFFSETS * OFFSETS, budget)?;
        for (cdf, row) in offsets.iter_mut().zip(table.chunks_exact(OFFSETS)) {
            let mut total = 0u32;
            for (c, f) in cdf.iter_mut().skip(1).zip(row) {
                // Whole numbers by construction; anything else fails the total below.
                let f = if (1.0..65536.0).contains(f) {
                    *f as u32
                } else {
                    0
                };
                if f == 0 {
                    return Err(Error::Model("prior.offsets: not a frequency".into()));
                }
                total += f;
                *c = total;
            }
            if total != 1 << PRECISION {
                return Err(Error::Model(
                    "prior.offsets: frequencies do not add up".into(),
                ));
            }
        }
        let scale = numbers(model, "prior.scale", 1, budget)?;
        let [scale] = scale[..] else {
            return Err(unequal());
        };
        Ok(Self {
            first: dense(model, "prior.in", hidden, Context::inputs(config), budget)?,
            mid: dense(model, "prior.mid", hidden, hidden, budget)?,
            heads,
            books,
            scale,
            offsets,
            config: config.clone(),
            kernels,
        })
    }

    /// The codec's sizes.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Codebooks, each `[codes, group_dim]`.
    pub fn books(&self) -> &[Vec<f32>] {
        &self.books
    }

    /// State before the first frame.
    pub fn start(&self) -> State {
        let c = &self.config;
        State {
            context: Context::new(c, self.scale),
            last: 0,
            hidden: vec![0.0; c.prior_hidden],
            other: vec![0.0; c.prior_hidden],
            term: vec![0.0; c.prior_mix],
            sum: vec![0.0; c.latent],
            scaled: vec![0.0; c.latent],
            mix: vec![0.0; c.prior_mix],
            logits: vec![0.0; c.codes],
            cdf: vec![0; c.codes + 1],
        }
    }

    /// Distribution of a frame's depth offset.
    pub fn offset_cdf(&self, state: &State) -> &[u32] {
        // One for each offset of two bits.
        let [a, b, c, d] = &self.offsets;
        match state.last & 3 {
            0 => a,
            1 => b,
            2 => c,
            _ => d,
        }
    }

    /// Shares `[left, right)` of all of a channel's symbols, known beforehand: per frame its offset,
    /// then its first `depths[t]` tokens of `ids [frames][quantisers]`.
    ///
    /// The same numbers as [`Self::frame`] gives one by one, but with matrices for vectors.
    ///
    /// # Errors
    /// [`Error::Internal`] for lengths that do not fit each other.
    pub fn shares(&self, offsets: &[u8], depths: &[usize], ids: &[u16]) -> Result<Vec<[u32; 2]>> {
        let k = &self.kernels;
        let (c, n) = (&self.config, self.config.quantisers());
        let width = c.prior_mix;
        if depths.len() != offsets.len()
            || ids.len() != offsets.len() * n
            || depths.iter().any(|d| *d > n)
            || ids.iter().any(|id| usize::from(*id) >= c.codes)
        {
            return Err(unequal());
        }
        let all = depths.iter().sum::<usize>() + offsets.len();
        let mut shares = vec![[0; 2]; all];
        let mut later = shares.as_mut_slice();
        let mut s = self.start();
        let tiles = offsets.chunks(TILE).zip(depths.chunks(TILE));
        for ((offsets, depths), ids) in tiles.zip(ids.chunks(TILE * n)) {
            let frames = offsets.len();
            // What each frame knows of those before it.
            let mut features = Vec::new();
            // Where the shares of each frame's tokens go.
            let mut to: Vec<&mut [[u32; 2]]> = Vec::with_capacity(frames);
            for ((offset, depth), ids) in offsets.iter().zip(depths).zip(ids.chunks_exact(n)) {
                let table = self.offset_cdf(&s);
                let first = later.split_off_first_mut().ok_or_else(unequal)?;
                *first = share(table, usize::from(*offset & 3))?;
                to.push(later.split_off_mut(..*depth).ok_or_else(unequal)?);
                features.extend(s.context.features(*offset, *depth));
                s.sum.fill(0.0);
                for (q, (id, book)) in ids.iter().zip(&self.books).enumerate().take(*depth) {
                    add_code(c, book, q, *id, &mut s.sum);
                }
                s.context.push(&s.sum, *depth);
                s.last = *offset;
            }
            let room = |width: usize| vec![0.0f32; frames * width];
            let (mut hidden, mut other) = (room(c.prior_hidden), room(c.prior_hidden));
            k.linear(&self.first, &features, &mut hidden)
                .map_err(fail)?;
            k.quick_gelu(&mut hidden);
            k.linear(&self.mid, &hidden, &mut other).map_err(fail)?;
            k.quick_gelu(&mut other);
            hidden.iter_mut().zip(&other).for_each(|(h, o)| *h += o);
            // Codebook by codebook over the frames that have it.
            let mut sums = room(c.latent);
            let mut scaled = Vec::with_capacity(sums.len());
            let mut seen = Vec::with_capacity(hidden.len());
            let (mut mix, mut term, mut logits) = (Vec::new(), Vec::new(), Vec::new());
            for (q, (head, book)) in self.heads.iter().zip(&self.books).enumerate() {
                scaled.clear();
                seen.clear();
                let known = hidden.chunks_exact(c.prior_hidden);
                let known = known.zip(sums.chunks_exact(c.latent));
                let mut deep = 0usize;
                for ((hidden, sum), _) in known.zip(depths).filter(|(_, d)| **d > q) {
                    seen.extend_from_slice(hidden);
                    scaled.extend(sum.iter().map(|v| v * self.scale));
                    deep += 1;
                }
                if deep == 0 {
                    break;
                }
                mix.resize(deep * width, 0.0);
                k.linear(&head.sum, &scaled, &mut mix).map_err(fail)?;
                term.resize(deep * width, 0.0);
                k.linear(&head.context, &seen, &mut term).map_err(fail)?;
                mix.iter_mut().zip(&term).for_each(|(m, t)| *m += t);
                k.quick_gelu(&mut mix);
                logits.resize(deep * c.codes, 0.0);
                k.linear(&head.out, &mix, &mut logits).map_err(fail)?;
                let frames = to.iter_mut().zip(sums.chunks_exact_mut(c.latent));
                let frames = frames.zip(ids.chunks_exact(n));
                // A frame that has this codebook has room for its share.
                let deep =
                    frames.filter_map(|((to, sum), ids)| Some((to.get_mut(q)?, sum, *ids.get(q)?)));
                for ((to, sum, id), logits) in deep.zip(logits.chunks_exact(c.codes)) {
                    k.softmax_cdf(logits, &mut s.cdf, PRECISION).map_err(fail)?;
                    *to = share(&s.cdf, usize::from(id))?;
                    add_code(c, book, q, id, sum);
                }
            }
        }
        Ok(shares)
    }

    /// Codes the `depth` tokens of one frame: `token` is given each codebook's number and
    /// distribution and gives back the id, read or written.
    ///
    /// # Errors
    /// Those of `token`.
    pub fn frame(
        &self,
        s: &mut State,
        offset: u8,
        depth: usize,
        mut token: impl FnMut(usize, &[u32]) -> Result<u16>,
    ) -> Result<()> {
        let k = &self.kernels;
        let features = s.context.features(offset, depth);
        k.linear(&self.first, &features, &mut s.hidden)
            .map_err(fail)?;
        k.quick_gelu(&mut s.hidden);
        k.linear(&self.mid, &s.hidden, &mut s.other).map_err(fail)?;
        k.quick_gelu(&mut s.other);
        s.hidden.iter_mut().zip(&s.other).for_each(|(h, o)| *h += o);
        s.sum.fill(0.0);
        let heads = self.heads.iter().zip(&self.books);
        for (q, (head, book)) in heads.enumerate().take(depth) {
            s.scaled
                .iter_mut()
                .zip(&s.sum)
                .for_each(|(o, v)| *o = v * self.scale);
            k.linear(&head.sum, &s.scaled, &mut s.mix).map_err(fail)?;
            k.linear(&head.context, &s.hidden, &mut s.term)
                .map_err(fail)?;
            s.mix.iter_mut().zip(&s.term).for_each(|(m, t)| *m += t);
            k.quick_gelu(&mut s.mix);
            k.linear(&head.out, &s.mix, &mut s.logits).map_err(fail)?;
            k.softmax_cdf(&s.logits, &mut s.cdf, PRECISION)
                .map_err(fail)?;
            let id = token(q, &s.cdf)?;
            add_code(&self.config, book, q, id, &mut s.sum);
        }
        s.context.push(&s.sum, depth);
        s.last = offset;
        Ok(())
    }
}
