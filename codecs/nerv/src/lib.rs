//! Video and images: frames stored as they are, or as one value for each plane.
//!
//! A chunk's payload begins with its mode, so that the way that frames are coded can differ from chunk
//! to chunk: a black title costs a few bytes, and what is to come back exactly is stored.

mod codec;
mod stored;

mod backward;
mod coder;
mod coefficient;
mod config;
mod decode;
mod fit;
mod frame;
mod geometry;
mod graph;
mod layers;
mod layout;
mod motion;
mod order;
mod published;
mod search;
mod transform;
mod weights;

pub use codec::{ENTRY, INFO, Nerv};
