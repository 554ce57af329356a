//! The contract of nc: one way to encode and decode, one file format, for every codec.
//!
//! `src` is the front door, `core` is the contract, `media` reads and writes files, `codecs` keep the contract, `bins` and
//! bindings use the front door, `corpora` judge it. Nothing in this crate knows a neural network or a format of media
//! files: it holds signals (a file for each kind of media), goals, budgets, errors, the entropy coders, the container and
//! the streams that codecs are plugged into.

pub mod archive;
pub mod budget;
pub mod codec;
pub mod container;
pub mod control;
pub mod decoder;
mod emit;
pub mod encoder;
pub mod entropy;
pub mod error;
pub mod family;
pub mod goal;
pub mod guard;
pub mod kind;
pub mod model;
pub mod options;
pub mod registry;
pub mod rng;
pub mod salvage;
pub mod threads;
pub mod tracks;
pub mod warning;

pub use archive::Archive;
pub use budget::Budget;
pub use codec::{AnyCodec, ChunkHead, Codec, CodecId, CodecInfo, Encoded, Part, Plan};
pub use container::{Header, Meta};
pub use control::{Control, Effort, Progress};
pub use decoder::{Decoder, PushDecoder, decode};
pub use emit::Summary;
pub use encoder::{Encoder, encode};
pub use error::{Error, Fault, Limit, ModelFault, Place, Result};
pub use family::Family;
pub use goal::{ChunkGoal, Goal};
pub use kind::records::{RecordsBuf, RecordsFormat, Text, View as Records};
pub use kind::sound::{Audio, AudioBuf, AudioFormat, SampleDepth};
pub use kind::video::{Chroma, Colour, VideoBuf, VideoFormat, View as Video};
pub use kind::{Format, Kind, MediaKind, Signal, SignalBuf};
pub use model::{Model, ModelId, Tensor};
pub use options::{CodecOption, OptionValue, Options};
pub use registry::{Opener, Registry};
pub use threads::Threads;
pub use warning::Warning;
