//! nc: a lossless and neural compression toolkit.
//! # The library
//! [`Toolkit`] is where to begin: it holds the codecs of the build, models, threads and a limit of memory, and takes files,
//! streams and signals in memory. [`media`] opens and creates files of any kind; [`core`](nc_core) is the contract that
//! codecs keep, for codecs of one's own.

mod archive;
mod batch;
mod decode;
mod encode;
mod endpoint;
mod info;
mod model;
mod settings;
mod toolkit;
mod tracks;
mod training;

pub use nc_core;
/// Files of sound, pictures, video, records and anything else as signals, and back.
pub use nc_media as media;

pub use archive::Archive;
pub use batch::{Job, Jobs, Watch};
pub use decode::{Beside, Decoded, Losses};
pub use encode::Encoded;
pub use endpoint::{Source, Target};
pub use info::{Info, MetaInfo, VideoInfo};
pub use model::{Cost, Distribution, Oracle};
pub use nc_core::family::Trained;
pub use nc_core::{
    Audio, AudioBuf, AudioFormat, Budget, Chroma, Colour, Control, Effort, Error, Family, Format,
    Goal, MediaKind, Model, ModelId, Options, Progress, Records, RecordsBuf, RecordsFormat,
    Registry, Result, SampleDepth, Signal, SignalBuf, Summary, Threads, Video, VideoBuf,
    VideoFormat,
};
pub use nc_media::{Range, Warning};
pub use settings::{DecodeSettings, Settings};
pub use toolkit::Toolkit;
pub use tracks::TrackChoice;
pub use training::TrainingData;

#[cfg(feature = "circuit")]
pub use nc_circuit as circuit;
#[cfg(feature = "grvq")]
pub use nc_grvq as grvq;
#[cfg(feature = "nerv")]
pub use nc_nerv as nerv;

/// Code of the error for verifying what cannot be read back.
pub const NOT_READABLE: &str = "output-not-readable";
/// Code of the error for a file of which nothing can be told.
pub const HEADER_DAMAGED: &str = "header-damaged";

/// The codecs of this build, one Cargo feature each, in order of preference for each kind of media.
pub fn registry() -> Registry {
    let registry = Registry::new();
    #[cfg(feature = "grvq")]
    let registry = registry.with(nc_grvq::Family);
    #[cfg(feature = "circuit")]
    let registry = registry.with(nc_circuit::Family);
    #[cfg(feature = "nerv")]
    let registry = registry.with(nc_nerv::Nerv);
    #[cfg(feature = "picture")]
    let registry = registry.with(nc_picture::Picture);
    #[cfg(feature = "store")]
    let registry = registry.with(nc_store::Store);
    #[cfg(feature = "bytes")]
    let registry = registry.with(nc_bytes::Bytes);
    registry
}

/// The examples of the README and of `docs/library.md` run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/library.md")]
struct Documents;
