//! Video and images: motion compensation, a block transform and a filter fitted to the clip; frames stored; and, with the
//! feature `published`, the published implicit networks.
//!
//! A chunk's payload begins with its mode, so that the way that frames are coded can differ from chunk
//! to chunk: a black title costs a few bytes, and what is to come back exactly is stored.
//!
//! Where a block is decoded: `decode` reads a group of pictures, `symbols` a frame's motion field
//! (`motion_coding`) and coefficients (`coefficient_coding`), `synthesis` makes the frame of them: `motion_compensation`
//! predicts it, `residual` (`dct`, `intra`) is what is added, `filter` corrects what is shown. Only `encode` is the
//! encoder's alone.

// What both sides share: frames, their symbols and how these are coded.
mod coder;
mod coefficient_coding;
mod coefficients;
mod dct;
mod filter;
mod geometry;
mod gop;
mod grid;
mod header;
mod intra;
mod memory;
mod motion_coding;
mod motion_compensation;
mod motion_field;
mod residual;
mod stored;
mod symbols;
mod synthesis;
mod weights;

// The decoder, the encoder and what chooses between modes.
mod codec;
mod decode;
// Learning and search, which no file reaches: places and sums are not denied there.
#[allow(clippy::indexing_slicing)]
mod encode;

// Networks as lists of operations, run forward and, in the encoder, backward.
#[allow(clippy::indexing_slicing)]
mod adam;
#[allow(clippy::indexing_slicing)]
mod backward;
#[cfg_attr(
    not(feature = "published"),
    allow(dead_code, reason = "operations of the published networks alone")
)]
mod graph;
mod layers;

#[cfg(feature = "published")]
mod published;
#[cfg(not(feature = "published"))]
#[path = "published/absent.rs"]
mod published;

pub use codec::{INFO, Nerv};

/// Multiply-adds of the filter of a payload for each luma sample of a frame; 0 where it has none.
///
/// # Errors
/// [`nc_core::Error::Format`] for a payload that is not one.
pub fn macs_per_pixel(
    payload: &[u8],
    format: &nc_core::VideoFormat,
    frames: u64,
) -> nc_core::Result<f64> {
    let Some((&codec::NETWORK, body)) = payload.split_first() else {
        return Ok(0.0);
    };
    let header = header::Header::read(&mut header::Input::new(body), frames)?;
    let filter = synthesis::Synthesis::new(format, &header.config).network;
    let macs: u64 = filter.iter().map(|n| n.graph.macs()).sum();
    Ok(macs as f64 / f64::from(format.width) / f64::from(format.height))
}
