//! Decoding of a chunk: any of its frames, reading no group that they do not lie in.

use std::ops::Range;

use nc::entropy::RangeDecoder;
use nc::{Budget, Control, Error, Result, VideoFormat};
use rayon::prelude::*;
use xxhash_rust::xxh3::Xxh3;

use crate::coder::Bits;
use crate::coefficient::LatentCoder;
use crate::frame::{Symbols, Synthesis, geometry, hints};
use crate::geometry::Geometry;
use crate::layout::{Input, Layout, step};
use crate::motion::{Field, MotionCoder, Reference};
use crate::order::{Place, needed, places};
use crate::transform::Latents;
use crate::weights;

/// Codes the symbols of a group's frames, one after another; what encodes also decodes and counts.
#[derive(Debug, Clone, Default)]
pub struct SymbolCoder {
    motion: MotionCoder,
    latents: LatentCoder,
}

impl SymbolCoder {
    /// Codes one frame.
    ///
    /// # Errors
    /// [`Error::Format`] for symbols that no encoder writes.
    pub fn code<B: Bits>(&mut self, io: &mut B, g: &Geometry, s: &mut Symbols) -> Result<()> {
        let class = s.place.class;
        if class > 0 {
            self.motion.code(io, &mut s.field, class > 1)?;
        }
        let hints = hints(&s.field, class, g);
        self.latents.code(io, class, &mut s.latents, &hints)
    }
}

/// Adds a frame's symbols to a hash.
pub fn hash(s: &Symbols, to: &mut Xxh3) {
    for b in &s.field.blocks {
        to.update(&[b.mode]);
        for v in b.v.iter().flatten() {
            to.update(&v.to_le_bytes());
        }
    }
    for p in &s.latents.planes {
        let bytes: Vec<u8> = p.q.iter().flat_map(|q| q.to_le_bytes()).collect();
        to.update(&bytes);
        if s.place.class == 0 {
            to.update(&p.modes);
        }
    }
}

/// Decoded frames and the hash of their symbols.
pub struct Decoded {
    /// The frames wanted.
    pub samples: Vec<u16>,
    /// Of all groups' symbols, group by group; of the whole chunk only where all frames were wanted.
    pub symbols: u64,
}

/// A group to decode.
struct Group<'a> {
    bytes: &'a [u8],
    frames: usize,
    wanted: Range<usize>,
    out: &'a mut [u16],
}

fn group(
    s: &Synthesis,
    layout: &Layout,
    g: Group<'_>,
    mut budget: Budget,
    cancel: &(dyn Fn() -> Result<()> + Sync),
) -> Result<u64> {
    let geo = &s.geometry;
    let mut room = s.room(&mut budget)?;
    let order = places(g.frames, layout.pyramid);
    let (need, until) = needed(&order, &g.wanted);
    let all = g.wanted == (0..g.frames);
    let mut io = RangeDecoder::new(g.bytes)?;
    let mut coder = SymbolCoder::default();
    let mut refs: Vec<Option<Reference>> = vec![None; g.frames];
    let mut symbols = Symbols {
        place: Place {
            t: 0,
            class: 0,
            refs: [None; 2],
        },
        field: Field::new(geo),
        latents: Latents::new(geo),
    };
    let mut digest = Xxh3::new();
    let none = Reference::default();
    let missing = || Error::Format("nerv: a reference that is not there".into());
    let mut left = need.iter().filter(|n| **n).count();
    for (at, place) in order.iter().enumerate() {
        cancel()?;
        symbols.place = *place;
        if place.class == 0 {
            symbols.field = Field::new(geo);
        }
        coder.code(&mut io, geo, &mut symbols)?;
        if all {
            hash(&symbols, &mut digest);
        }
        if !need[place.t] {
            continue;
        }
        let pick = |r: Option<usize>| match r {
            Some(r) => refs[r].as_ref().ok_or_else(missing),
            None => Ok(&none),
        };
        let from = [pick(place.refs[0])?, pick(place.refs[1])?];
        s.run(
            &symbols,
            step(layout.steps[place.class], geo.bits),
            from,
            &mut room,
        );
        if g.wanted.contains(&place.t) {
            s.show(place.class, &mut room)?;
            let n = geo.samples();
            let to = (place.t - g.wanted.start) * n;
            g.out[to..to + n].copy_from_slice(&room.shown);
        }
        for r in place.refs.iter().flatten() {
            if until[*r] <= at && refs[*r].take().is_some() {
                budget.release(Reference::bytes(geo));
            }
        }
        if until[place.t] > at {
            budget.charge(Reference::bytes(geo))?;
            refs[place.t] = Some(Reference::new(geo, &room.frame));
        }
        left -= 1;
        if left == 0 && !all {
            break;
        }
    }
    Ok(digest.digest())
}

/// Decodes the frames `wanted` of a chunk of `frames`.
///
/// # Errors
/// [`Error::Format`] for a damaged payload, [`Error::Limit`] past the budget, [`Error::Cancelled`].
pub fn decode(
    payload: &[u8],
    format: &VideoFormat,
    frames: u64,
    wanted: Range<u64>,
    budget: &mut Budget,
    ctl: &mut Control<'_>,
) -> Result<Decoded> {
    let mut input = Input::new(payload);
    let layout = Layout::read(&mut input, frames)?;
    let geo = geometry(format);
    let samples = geo.samples() as u64;
    let total = (wanted.end - wanted.start).saturating_mul(samples);
    budget.charge(total.saturating_mul(2))?;
    let mut s = {
        // The graph of a network is small, but its images are not.
        let s = Synthesis::new(format, &layout.config);
        s.room(&mut budget.clone())?;
        s
    };
    if let Some(n) = &s.network {
        let mut coded = weights::Coded::zeros(&n.graph, budget)?;
        let mut io = RangeDecoder::new(input.piece()?)?;
        weights::code(&mut io, &n.graph, &mut coded)?;
        s.params = coded.values(&n.graph);
    }
    let mut out = vec![
        0u16;
        usize::try_from(total)
            .map_err(|_| Error::Limit("frames beyond the memory".into()))?
    ];
    let mut groups = Vec::new();
    let mut first = 0u64;
    let mut rest = out.as_mut_slice();
    for n in &layout.groups {
        let bytes = input.piece()?;
        let end = first + *n as u64;
        let (a, b) = (wanted.start.clamp(first, end), wanted.end.clamp(first, end));
        if b > a {
            let (mine, others) = rest.split_at_mut(((b - a) * samples) as usize);
            rest = others;
            groups.push(Group {
                bytes,
                frames: *n,
                wanted: (a - first) as usize..(b - first) as usize,
                out: mine,
            });
        }
        first = end;
    }
    if !input.is_empty() {
        return Err(Error::Format("nerv: bytes after the last group".into()));
    }
    let cancel = ctl.cancel.clone();
    let check = move || match &cancel {
        Some(c) if c.load(std::sync::atomic::Ordering::Relaxed) => Err(Error::Cancelled),
        _ => Ok(()),
    };
    // Groups decode side by side only where the budget has room for all of them at once.
    let threads = rayon::current_num_threads().min(groups.len()).max(1) as u64;
    let share = Budget::new(budget.left() / threads);
    let wide = threads > 1
        && s.room(&mut share.clone()).is_ok()
        && share.left() > 12 * Reference::bytes(&geo) + 16 * samples;
    let hashes: Result<Vec<u64>> = if wide {
        groups
            .into_par_iter()
            .map(|g| group(&s, &layout, g, share.clone(), &check))
            .collect()
    } else {
        groups
            .into_iter()
            .map(|g| group(&s, &layout, g, budget.clone(), &check))
            .collect()
    };
    let mut digest = Xxh3::new();
    for h in hashes? {
        digest.update(&h.to_le_bytes());
    }
    Ok(Decoded {
        samples: out,
        symbols: digest.digest(),
    })
}
