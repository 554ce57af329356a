//! Video and images: frames stored as they are, or as one value for each plane.
//!
//! A chunk's payload begins with its mode, so that the way that frames are coded can differ from chunk
//! to chunk: a black title costs a few bytes, and what is to come back exactly is stored.

mod codec;
mod stored;

pub mod backward;
pub mod coder;
pub mod coefficient;
pub mod config;
pub mod geometry;
pub mod graph;
mod layers;
pub mod motion;
pub mod order;
pub mod published;
pub mod search;
pub mod train;
pub mod transform;
pub mod weights;

pub use codec::{ENTRY, INFO, Nerv};
