//! The contract of nc: one way to encode and decode, one file format, for every codec.
//!
//! `src` is the contract, `codecs` keep it, `bins` use it, `corpora` judge it.
//! Nothing in this crate knows a neural network: it holds signals, goals, budgets, errors, the
//! entropy coder, the container and the streams that codecs are plugged into.
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

pub mod archive;
pub mod budget;
pub mod codec;
pub mod container;
pub mod control;
mod emit;
pub mod entropy;
pub mod error;
pub mod guard;
pub mod model;
mod pending;
mod record;
mod registry;
pub mod rng;
pub mod salvage;
pub mod signal;
pub mod stream;
pub mod video;

pub use archive::Archive;
pub use budget::Budget;
pub use codec::{
    ChunkHead, Codec, CodecEntry, CodecId, CodecInfo, Encoded, Goal, Part, Plan, Registry,
};
pub use container::Header;
pub use control::{Control, Effort, Progress};
pub use emit::Summary;
pub use error::{Error, Fault, Limit, ModelFault, Place, Result};
pub use model::{Model, ModelId, Tensor};
pub use signal::{
    Audio, AudioBuf, Format, MediaKind, Records, RecordsBuf, SampleDepth, Signal, SignalBuf, Text,
};
pub use stream::{Decoder, Encoder, Opener, decode, encode};
pub use video::{Chroma, Video, VideoBuf, VideoFormat};
