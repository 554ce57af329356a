//! Files of video and images as planes of whole numbers, and back: Y4M, PNG and other formats of images.
//!
//! The command line codes such files and the harness judges what came back, so both read them here:
//! what one takes for a frame, its range and its colours, the other does too.

pub(crate) mod adapt;
pub mod container;
pub mod convert;
mod folder;
pub(crate) mod images;
pub mod picture;
pub mod png;
pub(crate) mod reader;
pub(crate) mod writer;
pub mod y4m;
