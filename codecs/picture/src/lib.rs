//! Pictures without loss: grey, red, green and blue, or planes of video, with or without opacity, of 8 to 16 bits.
//!
//! A sample is told bit by bit, the highest first. Three local least-squares fits to the samples before it, of its own
//! plane and of the planes that are known already, predict it; logistic distributions about these predictions, adaptive
//! counters in small contexts and their mixture give each bit its probability. Pictures that repeat themselves, such as
//! screenshots and drawings, first ask of each pixel whether it is one seen before in the same surroundings. See
//! `FORMAT.md`, "picture".
#![allow(
    clippy::indexing_slicing,
    reason = "tables are indexed by masked or bounded numbers"
)]

mod codec;
mod group;
mod levels;
mod model;
mod payload;
mod predict;
mod repeats;

pub use codec::{INFO, Picture};
