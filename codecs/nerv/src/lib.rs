//! Video and images: motion, latents and a network learnt from the clip; frames stored; published networks.
//!
//! A chunk's payload begins with its mode, so that the way that frames are coded can differ from chunk
//! to chunk: a black title costs a few bytes, and what is to come back exactly is stored.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod codec;
mod config;
mod decode;
mod layout;
mod order;
mod published;
mod stored;

// Learning and search, which no file reaches: places and sums are not denied there.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod adam;
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod backward;
mod coder;
mod coefficient;
mod field;
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod fit;
mod frame;
mod geometry;
mod graph;
mod intra;
mod layers;
mod motion;
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod search;
mod transform;
mod weights;
mod workers;

pub use codec::{INFO, Nerv};

/// Multiply-adds of the network of a payload for each luma sample of a frame; 0 where it has none.
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
    let layout = layout::Layout::read(&mut layout::Input::new(body), frames)?;
    let network = frame::Synthesis::new(format, &layout.config).network;
    let macs = network.map_or(0, |n| n.graph.macs());
    Ok(macs as f64 / f64::from(format.width) / f64::from(format.height))
}
