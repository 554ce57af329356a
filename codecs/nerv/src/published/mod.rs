//! The published networks for video: NeRV, NeRV++ and coordinate-aware modulation, in one form.
//!
//! They are here to be compared with: a clip is the weights of a network from a frame's time to the frame, after
//! Chen et al. (2021), with what later papers changed as switches. Nothing of a frame is predicted from another, so
//! any frame decodes alone.

mod config;
mod decode;
mod picture;
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod train;

#[cfg(test)]
mod tests;

pub use config::{Kind, Published};
pub use decode::decode;
pub use train::{encode, quality_bytes, seconds};
