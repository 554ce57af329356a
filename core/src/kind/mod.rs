//! Kinds of media: one file each, with all that streams, archives and headers do to its signals.
//!
//! A [`Kind`] ties together the form of a signal ([`Kind::Format`]), a borrowed and an owned piece of it
//! ([`Kind::View`], [`Kind::Buf`]) and how pieces are queued, cut, hashed, joined and counted. Codecs are written against
//! one kind; [`Signal`], [`SignalBuf`] and [`Format`] hold any of them, for whoever handles all.

pub mod bytes;
pub mod records;
pub mod sound;
pub mod video;

use std::fmt;
use std::ops::Range;

pub use bytes::Bytes;
pub use records::Records as RecordsKind;
pub use sound::Sound;
pub use video::Video as VideoKind;

use crate::container::{Fields, Parsed};
use crate::{
    Audio, AudioBuf, AudioFormat, Error, RecordsBuf, RecordsFormat, Result, VideoBuf, VideoFormat,
};

/// What kind of media a codec takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MediaKind {
    /// Any bytes, kept as they are. A unit is a byte.
    Bytes,
    /// Sampled sound. A unit is a sample (of all channels at one instant).
    Audio,
    /// Rows of small integers. A unit is a row.
    Records,
    /// Moving or still pictures. A unit is a frame.
    Video,
}

/// A kind of media.
pub trait Kind: Sized + Send + Sync + 'static {
    /// The kind, by name.
    const KIND: MediaKind;
    /// Its number in a header.
    const CODE: u8;
    /// Whether the end of a chunk may be cross-faded into the next one.
    const FADES: bool = false;

    /// The form of a whole signal.
    type Format: Copy + PartialEq + fmt::Debug + Send + Sync;
    /// A borrowed piece.
    type View<'a>: Copy;
    /// An owned piece.
    type Buf: Clone + Send;
    /// Pieces that wait for a whole chunk.
    type Queue: Queue<Self>;

    /// Appends the header's fields that tell the format.
    fn write_format(format: &Self::Format, out: &mut Vec<u8>);

    /// Reads these fields; `unknown` makes the error for a value that this version does not know.
    ///
    /// # Errors
    /// [`Error::Format`] for a format outside its limits; that of `unknown`.
    fn read_format(
        fields: &mut Fields<'_>,
        unknown: &dyn Fn(String) -> Error,
    ) -> Parsed<Self::Format>;

    /// So many units in so many seconds, where a signal has time.
    fn units_per_second(_format: &Self::Format) -> Option<(u32, u32)> {
        None
    }

    /// Units in a piece.
    fn units(x: Self::View<'_>) -> u64;

    /// Bytes of memory that a piece takes.
    fn memory(x: Self::View<'_>) -> u64;

    /// Gives what hashes of a signal run over, some kilobytes at a time.
    fn le_bytes(x: Self::View<'_>, f: &mut dyn FnMut(&[u8]));

    /// The same piece, borrowed.
    fn view(x: &Self::Buf) -> Self::View<'_>;

    /// A piece of no units.
    fn empty(format: &Self::Format) -> Self::Buf;

    /// Appends a piece of the same format.
    ///
    /// # Errors
    /// [`Error::Internal`] where it is of another one.
    fn append(to: &mut Self::Buf, piece: Self::Buf) -> Result<()>;

    /// The units `range` of a piece, the first of them number 0, copied.
    ///
    /// # Errors
    /// [`Error::Internal`] where they lie outside.
    fn part(x: Self::View<'_>, range: Range<usize>) -> Result<Self::Buf>;

    /// Cross-fades `tail`, what the chunk before coded beyond its end, into the beginning of `x`; nothing for kinds that
    /// do not fade.
    fn fade(_tail: &Self::Buf, _x: &mut Self::Buf) {}

    /// An empty queue.
    ///
    /// # Errors
    /// [`Error::Limit`] for a format outside its limits.
    fn queue(format: &Self::Format) -> Result<Self::Queue>;

    /// The format, where it is of this kind.
    fn format_of(format: &Format) -> Option<&Self::Format>;
    /// The piece, where it is of this kind.
    fn view_of<'a>(x: Signal<'a>) -> Option<Self::View<'a>>;
    /// The piece, where it is of this kind.
    fn buf_of(x: SignalBuf) -> Option<Self::Buf>;
    /// As one of any kind.
    fn any_format(format: Self::Format) -> Format;
    /// As one of any kind.
    fn any_view<'a>(x: Self::View<'a>) -> Signal<'a>;
    /// As one of any kind.
    fn any_buf(x: Self::Buf) -> SignalBuf;
}

/// Pieces of a signal that wait for a whole chunk: an encoder takes pieces of any length and hands its codec chunks of
/// one length.
pub trait Queue<K: Kind>: Send {
    /// Takes the next piece.
    ///
    /// # Errors
    /// [`Error::Usage`] for one of another format than the queue's, or of samples beyond it.
    fn push(&mut self, x: K::View<'_>) -> Result<()>;
    /// Units that wait.
    fn units(&self) -> u64;
    /// Bytes of memory that they take.
    fn memory(&self) -> u64;
    /// Bytes of memory that [`Self::first`] copies into, where what waits does not lie as codecs want it.
    fn copied(&self, _units: usize) -> u64 {
        0
    }
    /// The first `units` that wait, or all where there are fewer.
    fn first(&mut self, units: usize) -> K::View<'_>;
    /// Forgets the first `units`, or all where there are fewer.
    fn drop_first(&mut self, units: usize);
}

/// The form of a whole signal of any kind; fixed for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Any bytes.
    Bytes,
    /// Sound.
    Audio(AudioFormat),
    /// Rows of small integers; their alphabets are the model's.
    Records(RecordsFormat),
    /// Moving or still pictures.
    Video(VideoFormat),
}

/// A borrowed piece of a signal of any kind.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Signal<'a> {
    /// Any bytes.
    Bytes(&'a [u8]),
    /// Sound.
    Audio(Audio<'a>),
    /// Rows of small integers.
    Records(records::View<'a>),
    /// Frames.
    Video(video::View<'a>),
}

/// An owned piece of a signal of any kind.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SignalBuf {
    /// Any bytes.
    Bytes(Vec<u8>),
    /// Sound.
    Audio(AudioBuf),
    /// Rows of small integers.
    Records(RecordsBuf),
    /// Frames.
    Video(VideoBuf),
}

/// Runs `$body` with `$x` as what `$value` holds and `K` as its kind.
macro_rules! of_kind {
    ($value:expr, $any:ident, $x:ident => $body:expr) => {
        match $value {
            $any::Bytes($x) => {
                type K = $crate::kind::Bytes;
                $body
            }
            $any::Audio($x) => {
                type K = $crate::kind::Sound;
                $body
            }
            $any::Records($x) => {
                type K = $crate::kind::RecordsKind;
                $body
            }
            $any::Video($x) => {
                type K = $crate::kind::VideoKind;
                $body
            }
        }
    };
}

impl MediaKind {
    /// What a unit is called, in the plural.
    pub const fn units(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Audio => "samples",
            Self::Records => "records",
            Self::Video => "frames",
        }
    }

    /// The kind in a word, as `nc info` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Audio => "audio",
            Self::Records => "records",
            Self::Video => "video",
        }
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Format {
    /// Kind of media.
    pub const fn kind(&self) -> MediaKind {
        match self {
            Self::Bytes => MediaKind::Bytes,
            Self::Audio(_) => MediaKind::Audio,
            Self::Records(_) => MediaKind::Records,
            Self::Video(_) => MediaKind::Video,
        }
    }

    /// So many units in so many seconds, where the signal has time.
    pub fn units_per_second(&self) -> Option<(u32, u32)> {
        match self {
            Self::Bytes => None,
            Self::Audio(f) => Sound::units_per_second(f),
            Self::Records(f) => RecordsKind::units_per_second(f),
            Self::Video(f) => VideoKind::units_per_second(f),
        }
    }

    /// Length of `units` in seconds, where the signal has time.
    pub fn seconds(&self, units: u64) -> Option<f64> {
        let (n, seconds) = self.units_per_second()?;
        Some(units as f64 * f64::from(seconds) / f64::from(n))
    }

    /// A piece of no units.
    pub fn empty(&self) -> SignalBuf {
        match self {
            Self::Bytes => SignalBuf::Bytes(Vec::new()),
            Self::Audio(f) => SignalBuf::Audio(Sound::empty(f)),
            Self::Records(f) => SignalBuf::Records(RecordsKind::empty(f)),
            Self::Video(f) => SignalBuf::Video(VideoKind::empty(f)),
        }
    }

    /// Whether the end of a chunk may be cross-faded into the next one.
    pub(crate) const fn fades(&self) -> bool {
        match self {
            Self::Bytes => Bytes::FADES,
            Self::Audio(_) => Sound::FADES,
            Self::Records(_) => RecordsKind::FADES,
            Self::Video(_) => VideoKind::FADES,
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Bytes => out.push(Bytes::CODE),
            Self::Audio(f) => write::<Sound>(f, out),
            Self::Records(f) => write::<RecordsKind>(f, out),
            Self::Video(f) => write::<VideoKind>(f, out),
        }
    }

    pub(crate) fn read(fields: &mut Fields<'_>, unknown: &dyn Fn(String) -> Error) -> Parsed<Self> {
        match fields.byte()? {
            Bytes::CODE => Ok(Self::Bytes),
            Sound::CODE => Ok(Self::Audio(Sound::read_format(fields, unknown)?)),
            RecordsKind::CODE => Ok(Self::Records(RecordsKind::read_format(fields, unknown)?)),
            VideoKind::CODE => Ok(Self::Video(VideoKind::read_format(fields, unknown)?)),
            other => Err(unknown(format!("media kind {other}")).into()),
        }
    }
}

fn write<K: Kind>(format: &K::Format, out: &mut Vec<u8>) {
    out.push(K::CODE);
    K::write_format(format, out);
}

impl Signal<'_> {
    /// Kind of media.
    pub const fn kind(&self) -> MediaKind {
        match self {
            Self::Bytes(_) => MediaKind::Bytes,
            Self::Audio(_) => MediaKind::Audio,
            Self::Records(_) => MediaKind::Records,
            Self::Video(_) => MediaKind::Video,
        }
    }

    /// Units in the piece.
    pub fn units(&self) -> u64 {
        of_kind!(*self, Self, x => K::units(x))
    }

    /// Bytes of memory that the piece takes.
    pub fn memory(&self) -> u64 {
        of_kind!(*self, Self, x => K::memory(x))
    }

    /// The units `range` of the piece, copied.
    ///
    /// # Errors
    /// [`Error::Internal`] where they lie outside.
    pub fn part(&self, range: Range<usize>) -> Result<SignalBuf> {
        of_kind!(*self, Self, x => Ok(K::any_buf(K::part(x, range)?)))
    }

    /// What hashes of a signal run over: bytes as they are; sound as the little-endian bits of its
    /// f32 samples, channel after channel; records as their values in 16 bits, row after row, then
    /// each text with a zero behind it; frames as their samples, a byte each at 8 bits, else two.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.le_bytes(|block| out.extend_from_slice(block));
        out
    }

    /// The same, some kilobytes at a time, so that a hash needs no copy of all.
    pub fn le_bytes(&self, mut f: impl FnMut(&[u8])) {
        of_kind!(*self, Self, x => K::le_bytes(x, &mut f));
    }
}

impl SignalBuf {
    /// The same piece, borrowed.
    pub fn view(&self) -> Signal<'_> {
        of_kind!(self, Self, x => K::any_view(K::view(x)))
    }

    /// What hashes of decoded output run over: [`Signal::to_le_bytes`].
    pub fn to_le_bytes(&self) -> Vec<u8> {
        self.view().to_le_bytes()
    }

    /// As [`Signal::le_bytes`].
    pub fn le_bytes(&self, f: impl FnMut(&[u8])) {
        self.view().le_bytes(f);
    }

    /// Units in the piece.
    pub fn units(&self) -> u64 {
        self.view().units()
    }

    /// Bytes of memory that it takes.
    pub fn memory(&self) -> u64 {
        self.view().memory()
    }

    /// Appends a piece of the same format.
    ///
    /// # Errors
    /// [`Error::Internal`] where it is of another one.
    pub fn append(&mut self, piece: Self) -> Result<()> {
        of_kind!(self, Self, x => {
            let piece = K::buf_of(piece).ok_or_else(differ)?;
            K::append(x, piece)
        })
    }

    /// The units `range` of the piece, copied.
    ///
    /// # Errors
    /// [`Error::Internal`] where they lie outside.
    pub fn part(&self, range: Range<usize>) -> Result<Self> {
        self.view().part(range)
    }

    /// Cross-fades `tail` into the beginning.
    pub(crate) fn fade(&mut self, tail: Self) -> Result<()> {
        of_kind!(self, Self, x => {
            let tail = K::buf_of(tail).ok_or_else(differ)?;
            K::fade(&tail, x);
            Ok(())
        })
    }
}

/// Two pieces of one signal that are of different kinds: codecs are typed by their kind, so only nc itself can be at fault.
pub(crate) fn differ() -> Error {
    Error::Internal("pieces of one signal are of different kinds".into())
}

/// Units outside a piece, which whoever asks for them has compared.
pub(crate) fn outside() -> Error {
    Error::Internal("units outside a piece of a signal".into())
}

/// Items one after the other, in blocks.
pub(crate) fn in_blocks<const N: usize>(
    items: impl Iterator<Item = [u8; N]>,
    f: &mut dyn FnMut(&[u8]),
) {
    const BLOCK: usize = 1 << 12;
    let mut block = Vec::with_capacity(BLOCK + N);
    for item in items {
        block.extend_from_slice(&item);
        if block.len() >= BLOCK {
            f(&block);
            block.clear();
        }
    }
    f(&block);
}

/// What is said of a piece that an encoder was not made for.
pub(crate) fn other_format() -> Error {
    Error::Usage("another format than the encoder was made for".into())
}
