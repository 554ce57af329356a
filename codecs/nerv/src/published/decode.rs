//! Decoding: the sizes, the parameters, then each frame that is wanted.

use std::ops::Range;

use nc_core::entropy::RangeDecoder;
use nc_core::{Budget, Control, Error, Result, VideoFormat};
use nc_kernels::Kernels;
use rayon::prelude::*;

use super::config::{Layout, Network};
use super::picture::{Picture, encode_time};
use crate::grid::Known;
use crate::memory::{bytes, elements};
use crate::weights::{Coded, code};

/// Parameters for each byte that a file may have, beyond a few thousand: an encoder writes about one, and a file that
/// says a million for each would keep a decoder busy for nothing.
const MOST_PER_BYTE: u128 = 64;

/// Whether a network of `weights` parameters in `bytes` is read at all.
pub(super) fn plausible(weights: usize, bytes: usize) -> bool {
    weights as u128 <= MOST_PER_BYTE * bytes as u128 + 4096
}

/// A network with its parameters.
pub(super) struct Loaded {
    pub picture: Picture,
    pub network: Network,
    pub params: Vec<f32>,
    pub frames: usize,
}

impl Loaded {
    /// Computes a frame in the images `t`.
    pub fn frame(&self, k: &Kernels, at: usize, t: &mut [Vec<f32>], out: &mut [u16]) -> Result<()> {
        let Network {
            graph,
            input,
            output,
            ..
        } = &self.network;
        let shape = |i: usize| graph.images.at(i).copied();
        encode_time(k, at, self.frames, shape(*input)?, t.at_mut(*input)?)?;
        graph.forward(k, &self.params, at, t)?;
        self.picture.frame(shape(*output)?, t.at(*output)?, out)
    }
}

/// Reads the network of a payload.
pub(super) fn load(
    payload: &[u8],
    format: &VideoFormat,
    frames: u64,
    budget: &mut Budget,
) -> Result<Loaded> {
    let picture = Picture::new(format)?;
    let (layout, body) = Layout::read(payload, &picture)?;
    let frames = usize::try_from(frames).map_err(|_| Error::Limit("nerv: frames".into()))?;
    let network = layout.network(&picture, frames);
    let n = network.graph.weights();
    if !plausible(n, body.len()) {
        return Err(Error::Format(
            "nerv: a network of more parameters than its bytes hold".into(),
        ));
    }
    budget.charge(2 * body.len() as u64)?;
    let mut coded = Coded::zeros(&network.graph, budget)?;
    code(&mut RangeDecoder::new(body)?, &network.graph, &mut coded)?;
    budget.charge(4 * n as u64)?;
    let params = coded.values(&network.graph);
    Ok(Loaded {
        picture,
        network,
        params,
        frames,
    })
}

/// The frames `wanted` of a payload that stands for `frames`.
///
/// # Errors
/// [`Error::Format`] for a damaged payload, [`Error::Limit`] past the budget, [`Error::Usage`] for frames outside,
/// [`Error::Cancelled`].
pub fn decode(
    payload: &[u8],
    format: &VideoFormat,
    wanted: Range<u64>,
    frames: u64,
    budget: &mut Budget,
    ctl: &mut Control<'_>,
) -> Result<Vec<u16>> {
    let level = Kernels::best();
    decode_with(&level, payload, format, wanted, frames, budget, ctl)
}

/// [`decode`] with these kernels.
pub(super) fn decode_with(
    k: &Kernels,
    payload: &[u8],
    format: &VideoFormat,
    wanted: Range<u64>,
    frames: u64,
    budget: &mut Budget,
    ctl: &mut Control<'_>,
) -> Result<Vec<u16>> {
    if wanted.start > wanted.end || wanted.end > frames {
        return Err(Error::Usage("frames outside the chunk".into()));
    }
    // The network and its images are gone when the frames are made.
    let mut work = budget.share();
    let loaded = load(payload, format, frames, &mut work)?;
    let samples = loaded.picture.samples();
    let all = elements(wanted.end - wanted.start, samples as u64)?;
    budget.charge(bytes(all as u64, 2)?)?;
    if all == 0 {
        return Ok(Vec::new());
    }
    // At most as many as their samples.
    let count = (wanted.end - wanted.start) as usize;
    // One worker must fit the budget; more are taken while they do.
    let threads = rayon::current_num_threads().min(count);
    let mut workers = vec![loaded.network.graph.buffers(&mut work)?];
    while workers.len() < threads {
        match loaded.network.graph.buffers(&mut work) {
            Ok(images) => workers.push(images),
            Err(_) => break,
        }
    }
    let mut out = vec![0; all];
    let each = count.div_ceil(workers.len());
    let size = each * samples;
    let first = wanted.start as usize;
    let check = ctl.checker();
    let run = |(i, (out, t)): (usize, (&mut [u16], &mut Vec<Vec<f32>>))| {
        for (j, out) in out.chunks_exact_mut(samples).enumerate() {
            check()?;
            loaded.frame(k, first + i * each + j, t, out)?;
        }
        Ok::<_, Error>(())
    };
    if workers.len() == 1 {
        for part in out.chunks_mut(size).zip(&mut workers).enumerate() {
            run(part)?;
        }
    } else {
        let parts = out.par_chunks_mut(size).zip(workers.par_iter_mut());
        parts.enumerate().try_for_each(run)?;
    }
    Ok(out)
}
