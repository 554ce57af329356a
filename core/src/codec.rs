//! The codec contract: codes one self-contained chunk; files, streams and seeking are built on it.

use std::ops::Range;
use std::sync::Arc;

use crate::{Budget, Control, Format, MediaKind, Model, ModelId, Result, Signal, SignalBuf};

/// Frozen number of a codec in files. 0 store, 1 grvq, 2 circuit, 3 nerv; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CodecId(pub u8);

/// What a codec is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecInfo {
    /// Frozen id.
    pub id: CodecId,
    /// Name on the command line.
    pub name: &'static str,
    /// One line of what it is for.
    pub about: &'static str,
    /// Version of the payload's layout; a decoder refuses a newer one.
    pub bitstream: u8,
    /// Kind of media.
    pub kind: MediaKind,
    /// True where decoding gives back the very input.
    pub lossless: bool,
}

/// What the encoder is to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Goal {
    /// Lossless.
    Exact,
    /// 0 (smallest) to 10 (best) on the codec's own scale.
    Quality(f32),
    /// Bits per second over the whole file on disk, of a signal that has time.
    Bitrate(u32),
    /// Bytes of the whole file on disk (for a chunk: of its payload).
    Bytes(u64),
}

/// How a codec wants a signal of one format cut into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Units per chunk; the last may be shorter.
    pub chunk: u64,
    /// Units that a chunk codes beyond its own end when another follows; the stream cross-fades
    /// linearly over them into the next chunk. 0 where there is no need, and for all but sound; at most `chunk`.
    pub overlap: u32,
}

/// What a chunk's header says of its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkHead {
    /// Format of the whole signal.
    pub format: Format,
    /// First unit in the signal.
    pub first: u64,
    /// Units that the payload decodes to, the overlap included.
    pub units: u64,
}

/// What a reader wants of a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Units, counted from the chunk's first.
    pub units: Range<u64>,
    /// Variables of records that are wanted; the others may come back as 0. All with `None`.
    pub variables: Option<Vec<usize>>,
}

/// What an encode or decode call says of the chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Encoded {
    /// Hash of the decoded symbols (tokens), kept in the chunk header; catches an entropy desync.
    pub symbols: u64,
}

/// Codes one self-contained chunk. Object-safe, so that a registry holds `dyn Codec`.
pub trait Codec: Send + Sync {
    /// Frozen facts.
    fn info(&self) -> &CodecInfo;

    /// The model in use, if any.
    fn model(&self) -> Option<ModelId>;

    /// How to cut a signal of this format.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] for a format that the codec does not take.
    fn plan(&self, format: &Format) -> Result<Plan>;

    /// Most units of a chunk, the overlap included, that any encoder of this bitstream gives; readers refuse a longer one.
    /// What [`Self::plan`] says, unless that was more in an earlier version.
    ///
    /// # Errors
    /// As [`Self::plan`].
    fn longest(&self, format: &Format) -> Result<u64> {
        let plan = self.plan(format)?;
        Ok(plan.chunk.saturating_add(u64::from(plan.overlap)))
    }

    /// Appends the payload of one chunk to `out`. `goal` is never `Bitrate`: the stream turns
    /// that into `Bytes` of payload, chunk by chunk. `head.units` is the signal's length.
    ///
    /// # Errors
    /// Those of the codec.
    fn encode(
        &self,
        x: Signal<'_>,
        head: &ChunkHead,
        goal: Goal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded>;

    /// Decodes one chunk to exactly `head.units` units. Never panics; charges `budget` before it
    /// allocates.
    ///
    /// # Errors
    /// [`crate::Error::Format`] for a damaged payload, [`crate::Error::Limit`] past the budget.
    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<(SignalBuf, Encoded)>;

    /// Decodes a part of a chunk without the rest of it; `None` where the codec cannot, and the
    /// whole has to be decoded. The symbols' hash is not checked.
    ///
    /// # Errors
    /// As [`Self::decode`].
    fn decode_part(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        part: &Part,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<Option<SignalBuf>> {
        let _ = (payload, head, part, budget, ctl);
        Ok(None)
    }

    /// Re-codes a payload at a lower rate without decoding to samples; the result is the payload
    /// that `encode` gives for the same goal.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] where the codec has no nested rates.
    fn trim(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        goal: Goal,
        budget: &mut Budget,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        let _ = (payload, head, goal, budget, out);
        Err(crate::Error::Unsupported(format!(
            "{} has no nested rates",
            self.info().name
        )))
    }
}

/// One loaded codec may serve many encoders and decoders, on many threads.
impl<C: Codec + ?Sized> Codec for Arc<C> {
    fn info(&self) -> &CodecInfo {
        (**self).info()
    }

    fn model(&self) -> Option<ModelId> {
        (**self).model()
    }

    fn plan(&self, format: &Format) -> Result<Plan> {
        (**self).plan(format)
    }

    fn longest(&self, format: &Format) -> Result<u64> {
        (**self).longest(format)
    }

    fn encode(
        &self,
        x: Signal<'_>,
        head: &ChunkHead,
        goal: Goal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        (**self).encode(x, head, goal, ctl, out)
    }

    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<(SignalBuf, Encoded)> {
        (**self).decode(payload, head, budget, ctl)
    }

    fn decode_part(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        part: &Part,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<Option<SignalBuf>> {
        (**self).decode_part(payload, head, part, budget, ctl)
    }

    fn trim(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        goal: Goal,
        budget: &mut Budget,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        (**self).trim(payload, head, goal, budget, out)
    }
}

/// One line of the registry.
#[derive(Clone, Copy)]
pub struct CodecEntry {
    /// Frozen facts, known without a model.
    pub info: CodecInfo,
    /// Bytes of the embedded default model, if the build has one.
    pub default_model: Option<&'static [u8]>,
    /// Opens the codec; with `None` where it needs no model.
    pub open: fn(Option<&Model>) -> Result<Box<dyn Codec>>,
}

/// The codecs of a build.
#[derive(Clone, Default)]
pub struct Registry {
    /// In order of preference for each media kind.
    pub entries: Vec<CodecEntry>,
}
