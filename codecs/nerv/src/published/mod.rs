//! The published networks for video: NeRV, NeRV++ and coordinate-aware modulation, in one form.
//!
//! They are here to be compared with: a clip is the weights of a network from a frame's time to the frame, after
//! Chen et al. (2021), with what later papers changed as switches. Nothing of a frame is predicted from another, so
//! any frame decodes alone.
//!
//! They stand behind the feature `published`; `absent.rs` is there in their place without it.

mod config;
mod decode;
mod picture;
#[allow(clippy::indexing_slicing)]
mod train;

#[cfg(test)]
mod tests;

use nc_core::{ChunkGoal, Control, Result, Video};

use config::Published;
use train::{encode, quality_bytes, seconds};

pub use config::Kind;
pub use decode::decode;

/// The network of a name on the command line.
///
/// # Errors
/// None; a build without the networks has one for their names.
pub fn kind(name: &str) -> Result<Option<Kind>> {
    Ok(Kind::named(name))
}

/// A payload, without its mode, for the frames of a chunk that take `raw` bytes as they are.
///
/// # Errors
/// [`nc_core::Error::Usage`] for too few bytes, [`nc_core::Error::Cancelled`].
pub fn encode_chunk(
    x: Video<'_>,
    kind: Kind,
    goal: ChunkGoal,
    raw: u64,
    ctl: &mut Control<'_>,
) -> Result<Vec<u8>> {
    let frames = x.frames() as u64;
    let bytes = match goal {
        ChunkGoal::Quality(q) => quality_bytes(&x.format, frames, q),
        // A payload's first byte is its mode; of no bytes none are left.
        ChunkGoal::Bytes(bytes) => bytes.saturating_sub(1),
        _ => raw,
    };
    let time = ctl.time_limit.map_or_else(
        || seconds(&x.format, frames, ctl.effort),
        |limit| limit.as_secs_f64(),
    );
    encode(x, &Published::new(kind), bytes, time, ctl)
}
