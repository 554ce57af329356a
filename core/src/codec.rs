//! The codec contract: codes one self-contained chunk; files, streams and seeking are built on it.
//!
//! A codec is written against one [`Kind`] of media and never sees another. [`AnyCodec`] is what a registry, a stream or an
//! archive holds: a codec of whatever kind, shared by all that use it.

use std::ops::Range;
use std::sync::Arc;

use crate::kind::{Queue, differ};
use crate::options::CodecOption;
use crate::{
    Budget, ChunkGoal, Control, Error, Format, Kind, MediaKind, ModelId, Result, Signal, SignalBuf,
    Threads,
};

/// Frozen number of a codec in files. 0 store, 1 grvq, 2 circuit, 3 nerv, 4 bytes; never reused. 128 and above are for
/// codecs that nc does not know.
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
    /// Options of encoding that are the codec's own.
    pub options: &'static [CodecOption],
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

impl Plan {
    /// Units of the longest chunk, its overlap included.
    pub const fn longest(&self) -> u64 {
        // A chunk of all units that a number holds has no overlap that counts.
        self.chunk.saturating_add(self.overlap as u64)
    }
}

/// What a chunk's header says of its payload; `F` is the format of one kind of media, or [`Format`] of any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkHead<F = Format> {
    /// Format of the whole signal.
    pub format: F,
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

/// The form of signals that a codec takes.
pub type FormatOf<C> = <<C as Codec>::Kind as Kind>::Format;
/// A borrowed piece of signal that a codec takes.
pub type ViewOf<'a, C> = <<C as Codec>::Kind as Kind>::View<'a>;
/// An owned piece of signal that a codec gives.
pub type BufOf<C> = <<C as Codec>::Kind as Kind>::Buf;

/// Codes one self-contained chunk of one kind of media.
pub trait Codec: Send + Sync + 'static {
    /// The kind.
    type Kind: Kind;

    /// Frozen facts.
    fn info(&self) -> &CodecInfo;

    /// The model in use, if any.
    fn model(&self) -> Option<ModelId> {
        None
    }

    /// Whether it shares its work out to threads. Calls of one that does not stay on the thread of their caller, which is
    /// some microseconds quicker.
    fn shares_work(&self) -> bool {
        true
    }

    /// Bits a second of payloads that the codec never goes above, whatever it is asked for, where there is such a limit.
    fn most_rate(&self, _format: &FormatOf<Self>) -> Option<u32> {
        None
    }

    /// How to cut a signal of this format.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a format that the codec does not take.
    fn plan(&self, format: &FormatOf<Self>) -> Result<Plan>;

    /// Most units of a chunk, the overlap included, that any encoder of this bitstream gives; readers refuse a longer one.
    /// What [`Self::plan`] says, unless that was more in an earlier version.
    ///
    /// # Errors
    /// As [`Self::plan`].
    fn longest(&self, format: &FormatOf<Self>) -> Result<u64> {
        Ok(self.plan(format)?.longest())
    }

    /// Appends the payload of one chunk to `out`. `head.units` is the signal's length. Options have been checked against
    /// [`CodecInfo::options`].
    ///
    /// # Errors
    /// Those of the codec.
    fn encode(
        &self,
        x: ViewOf<'_, Self>,
        head: &ChunkHead<FormatOf<Self>>,
        goal: ChunkGoal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded>;

    /// Decodes one chunk to exactly `head.units` units. Never panics; charges `budget` before it
    /// allocates.
    ///
    /// # Errors
    /// [`Error::Format`] for a damaged payload, [`Error::Limit`] past the budget.
    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead<FormatOf<Self>>,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<(BufOf<Self>, Encoded)>;

    /// Decodes a part of a chunk without the rest of it; `None` where the codec cannot, and the
    /// whole has to be decoded. The symbols' hash is not checked.
    ///
    /// # Errors
    /// As [`Self::decode`].
    fn decode_part(
        &self,
        payload: &[u8],
        head: &ChunkHead<FormatOf<Self>>,
        part: &Part,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<Option<BufOf<Self>>> {
        let _ = (payload, head, part, budget, ctl);
        Ok(None)
    }

    /// Re-codes a payload at a lower rate without decoding to samples.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the codec has no nested rates.
    fn trim(
        &self,
        payload: &[u8],
        head: &ChunkHead<FormatOf<Self>>,
        goal: ChunkGoal,
        budget: &mut Budget,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        let _ = (payload, head, goal, budget, out);
        Err(Error::Unsupported(format!(
            "{} has no nested rates",
            self.info().name
        )))
    }
}

/// A codec of any kind of media; a clone is the same codec. One serves many encoders and decoders, on many threads.
#[derive(Clone)]
pub struct AnyCodec(Arc<dyn Erased>);

impl<C: Codec> From<C> for AnyCodec {
    fn from(codec: C) -> Self {
        Self(Arc::new(codec))
    }
}

impl std::fmt::Debug for AnyCodec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("AnyCodec").field(&self.info().name).finish()
    }
}

impl AnyCodec {
    /// Frozen facts.
    pub fn info(&self) -> &CodecInfo {
        self.0.info()
    }

    /// The model in use, if any.
    pub fn model(&self) -> Option<ModelId> {
        self.0.model()
    }

    /// How to cut a signal of this format.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a format that the codec does not take.
    pub fn plan(&self, format: &Format) -> Result<Plan> {
        let plan = self.0.plan(format)?;
        let most = if format.fades() { plan.chunk } else { 0 };
        if plan.chunk == 0 || u64::from(plan.overlap) > most {
            let name = self.info().name;
            return Err(Error::Internal(
                format!("{name} plans chunks that no file may have").into(),
            ));
        }
        Ok(plan)
    }

    /// As [`Codec::most_rate`]; none for another kind of media.
    pub fn most_rate(&self, format: &Format) -> Option<u32> {
        self.0.most_rate(format)
    }

    /// As [`Codec::longest`].
    ///
    /// # Errors
    /// As [`Codec::longest`].
    pub fn longest(&self, format: &Format) -> Result<u64> {
        self.0.longest(format)
    }

    /// Works in a pool of threads, where the codec has use for one.
    fn within<T: Send>(
        &self,
        threads: &Threads,
        work: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        match self.0.shares_work() {
            true => threads.run(work)?,
            false => work(),
        }
    }

    /// As [`Codec::encode`], in the control's pool of threads.
    ///
    /// # Errors
    /// Those of the codec; [`Error::Unsupported`] for another kind of media.
    pub fn encode(
        &self,
        x: Signal<'_>,
        head: &ChunkHead,
        goal: ChunkGoal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        let info = self.info();
        ctl.options.check(info.name, info.options)?;
        let threads = ctl.threads.clone();
        self.within(&threads, || self.0.encode(x, head, goal, ctl, out))
    }

    /// As [`Codec::decode`], in the control's pool of threads.
    ///
    /// # Errors
    /// Those of the codec; [`Error::Format`] for another kind of media.
    pub fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<(SignalBuf, Encoded)> {
        let threads = ctl.threads.clone();
        let (y, encoded) = self.within(&threads, || self.0.decode(payload, head, budget, ctl))?;
        if y.units() != head.units {
            return Err(self.miscounted());
        }
        Ok((y, encoded))
    }

    /// As [`Codec::decode_part`], in the control's pool of threads.
    ///
    /// # Errors
    /// Those of the codec; [`Error::Format`] for another kind of media.
    pub fn decode_part(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        part: &Part,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<Option<SignalBuf>> {
        let threads = ctl.threads.clone();
        let y = self.within(&threads, || {
            self.0.decode_part(payload, head, part, budget, ctl)
        })?;
        let units = part.units.end.saturating_sub(part.units.start);
        match y {
            Some(y) if y.units() != units => Err(self.miscounted()),
            y => Ok(y),
        }
    }

    /// As [`Codec::trim`].
    ///
    /// # Errors
    /// Those of the codec; [`Error::Format`] for another kind of media.
    pub fn trim(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        goal: ChunkGoal,
        budget: &mut Budget,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        self.0.trim(payload, head, goal, budget, out)
    }

    /// Pieces of a signal that wait for a whole chunk.
    pub(crate) fn queue(&self, format: &Format) -> Result<Box<dyn AnyQueue>> {
        self.0.queue(format)
    }

    fn miscounted(&self) -> Error {
        let name = self.info().name;
        Error::Internal(format!("{name} decoded another number of units than asked").into())
    }
}

/// A codec whose kind is not told by its type. This is the only place where kinds are compared.
trait Erased: Send + Sync {
    fn info(&self) -> &CodecInfo;
    fn model(&self) -> Option<ModelId>;
    fn shares_work(&self) -> bool;
    fn plan(&self, format: &Format) -> Result<Plan>;
    fn longest(&self, format: &Format) -> Result<u64>;
    fn most_rate(&self, format: &Format) -> Option<u32>;
    fn queue(&self, format: &Format) -> Result<Box<dyn AnyQueue>>;
    fn encode(
        &self,
        x: Signal<'_>,
        head: &ChunkHead,
        goal: ChunkGoal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded>;
    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<(SignalBuf, Encoded)>;
    fn decode_part(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        part: &Part,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<Option<SignalBuf>>;
    fn trim(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        goal: ChunkGoal,
        budget: &mut Budget,
        out: &mut Vec<u8>,
    ) -> Result<Encoded>;
}

/// The format of the codec's kind.
fn format_of<'a, C: Codec>(codec: &C, format: &'a Format) -> Result<&'a FormatOf<C>> {
    C::Kind::format_of(format).ok_or_else(|| {
        let (name, kind) = (codec.info().name, C::Kind::KIND);
        Error::Unsupported(format!("{name} codes {kind}, not {}", format.kind()))
    })
}

fn head_of<C: Codec>(codec: &C, head: &ChunkHead) -> Result<ChunkHead<FormatOf<C>>> {
    Ok(ChunkHead {
        format: *format_of(codec, &head.format)?,
        first: head.first,
        units: head.units,
    })
}

impl<C: Codec> Erased for C {
    fn info(&self) -> &CodecInfo {
        Codec::info(self)
    }

    fn model(&self) -> Option<ModelId> {
        Codec::model(self)
    }

    fn shares_work(&self) -> bool {
        Codec::shares_work(self)
    }

    fn plan(&self, format: &Format) -> Result<Plan> {
        Codec::plan(self, format_of(self, format)?)
    }

    fn longest(&self, format: &Format) -> Result<u64> {
        Codec::longest(self, format_of(self, format)?)
    }

    fn most_rate(&self, format: &Format) -> Option<u32> {
        Codec::most_rate(self, format_of(self, format).ok()?)
    }

    fn queue(&self, format: &Format) -> Result<Box<dyn AnyQueue>> {
        let queue = C::Kind::queue(format_of(self, format)?)?;
        Ok(Box::new(Typed::<C::Kind>(queue)))
    }

    fn encode(
        &self,
        x: Signal<'_>,
        head: &ChunkHead,
        goal: ChunkGoal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        let x = C::Kind::view_of(x).ok_or_else(differ)?;
        Codec::encode(self, x, &head_of(self, head)?, goal, ctl, out)
    }

    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<(SignalBuf, Encoded)> {
        let (y, encoded) = Codec::decode(self, payload, &head_of(self, head)?, budget, ctl)?;
        Ok((C::Kind::any_buf(y), encoded))
    }

    fn decode_part(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        part: &Part,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<Option<SignalBuf>> {
        let head = head_of(self, head)?;
        let y = Codec::decode_part(self, payload, &head, part, budget, ctl)?;
        Ok(y.map(C::Kind::any_buf))
    }

    fn trim(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        goal: ChunkGoal,
        budget: &mut Budget,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        Codec::trim(self, payload, &head_of(self, head)?, goal, budget, out)
    }
}

/// A queue of any kind, see [`Queue`].
pub(crate) trait AnyQueue: Send {
    fn push(&mut self, x: Signal<'_>) -> Result<()>;
    fn units(&self) -> u64;
    fn memory(&self) -> u64;
    fn copied(&self, units: usize) -> u64;
    fn first(&mut self, units: usize) -> Signal<'_>;
    fn drop_first(&mut self, units: usize);
}

struct Typed<K: Kind>(K::Queue);

impl<K: Kind> AnyQueue for Typed<K> {
    fn push(&mut self, x: Signal<'_>) -> Result<()> {
        let x = K::view_of(x).ok_or_else(crate::kind::other_format)?;
        self.0.push(x)
    }

    fn units(&self) -> u64 {
        self.0.units()
    }

    fn memory(&self) -> u64 {
        self.0.memory()
    }

    fn copied(&self, units: usize) -> u64 {
        self.0.copied(units)
    }

    fn first(&mut self, units: usize) -> Signal<'_> {
        K::any_view(self.0.first(units))
    }

    fn drop_first(&mut self, units: usize) {
        self.0.drop_first(units);
    }
}
