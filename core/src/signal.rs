//! Signals: what goes into an encoder and comes out of a decoder.

use ndarray::{Array2, ArrayView2};

use crate::{Video, VideoBuf, VideoFormat};

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

/// How samples are kept in the original, so that a decoded WAV has the same form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SampleDepth {
    /// Unsigned 8-bit.
    U8,
    /// Signed 16-bit.
    I16,
    /// Signed 24-bit.
    I24,
    /// Signed 32-bit.
    I32,
    /// 32-bit float.
    F32,
}

/// The form of a whole signal; fixed for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Any bytes.
    Bytes,
    /// Sound.
    Audio {
        /// Samples per second, 1 to 768,000.
        rate: u32,
        /// Channels, 1 to 255.
        channels: u16,
        /// Form of the original's samples.
        depth: SampleDepth,
    },
    /// Rows of small integers; their alphabets are the model's.
    Records {
        /// Variables in a row, 1 to 2^20.
        variables: u32,
    },
    /// Moving or still pictures.
    Video(VideoFormat),
}

impl Format {
    /// Kind of media.
    pub const fn kind(&self) -> MediaKind {
        match self {
            Self::Bytes => MediaKind::Bytes,
            Self::Audio { .. } => MediaKind::Audio,
            Self::Records { .. } => MediaKind::Records,
            Self::Video(_) => MediaKind::Video,
        }
    }
}

/// Borrowed audio: `samples[[channel, time]]`, nominal range -1..=1.
#[derive(Debug, Clone, Copy)]
pub struct Audio<'a> {
    /// Samples per second.
    pub rate: u32,
    /// `[channels, samples]`.
    pub samples: ArrayView2<'a, f32>,
}

/// Owned audio: `samples[[channel, time]]`, nominal range -1..=1.
#[derive(Debug, Clone, PartialEq)]
pub struct AudioBuf {
    /// Samples per second.
    pub rate: u32,
    /// `[channels, samples]`.
    pub samples: Array2<f32>,
}

/// A text that stands where a row's value only says that one does: a word that the model's alphabet
/// does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The row, counted from the start of the piece.
    pub row: usize,
    /// Its bytes; none is 0.
    pub bytes: Vec<u8>,
}

impl Text {
    /// Bytes that it takes in memory.
    pub(crate) fn held(&self) -> u64 {
        (self.bytes.len() as u64).saturating_add(size_of::<Self>() as u64)
    }
}

/// Borrowed records.
#[derive(Debug, Clone, Copy)]
pub struct Records<'a> {
    /// `[rows, variables]`.
    pub values: ArrayView2<'a, u16>,
    /// Rows rising, in a row in the order of its variables.
    pub texts: &'a [Text],
}

/// Owned records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordsBuf {
    /// `[rows, variables]`.
    pub values: Array2<u16>,
    /// Rows rising, in a row in the order of its variables.
    pub texts: Vec<Text>,
}

impl RecordsBuf {
    /// The same records, borrowed.
    #[must_use]
    pub fn view(&self) -> Records<'_> {
        Records {
            values: self.values.view(),
            texts: &self.texts,
        }
    }
}

impl Records<'_> {
    /// The rows `from..to`, copied; `None` outside.
    #[must_use]
    pub fn rows(&self, from: usize, to: usize) -> Option<RecordsBuf> {
        if from > to || to > self.values.nrows() {
            return None;
        }
        let texts = self.texts.iter().filter(|t| (from..to).contains(&t.row));
        Some(RecordsBuf {
            values: self.values.slice(ndarray::s![from..to, ..]).to_owned(),
            texts: texts
                .map(|t| Text {
                    row: t.row.saturating_sub(from),
                    bytes: t.bytes.clone(),
                })
                .collect(),
        })
    }
}

/// A borrowed piece of a signal.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Signal<'a> {
    /// Any bytes.
    Bytes(&'a [u8]),
    /// Sound.
    Audio(Audio<'a>),
    /// Rows of small integers.
    Records(Records<'a>),
    /// Frames.
    Video(Video<'a>),
}

impl Signal<'_> {
    /// Bytes of memory that the piece takes.
    pub fn memory(&self) -> u64 {
        let sized = |n: usize, size: u64| (n as u64).saturating_mul(size);
        match self {
            Self::Bytes(b) => b.len() as u64,
            Self::Audio(a) => sized(a.samples.len(), 4),
            Self::Records(r) => {
                let texts = r.texts.iter().map(Text::held);
                texts.fold(sized(r.values.len(), 2), u64::saturating_add)
            }
            Self::Video(v) => sized(v.samples.len(), 2),
        }
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
        match self {
            Self::Bytes(b) => f(b),
            Self::Audio(a) => in_blocks(a.samples.iter().map(|s| s.to_le_bytes()), f),
            Self::Records(r) => {
                in_blocks(r.values.iter().map(|v| v.to_le_bytes()), &mut f);
                for t in r.texts {
                    f(&t.bytes);
                    f(&[0]);
                }
            }
            Self::Video(v) if v.format.bits == 8 => {
                in_blocks(v.samples.iter().map(|&s| [s as u8]), f);
            }
            Self::Video(v) => in_blocks(v.samples.iter().map(|s| s.to_le_bytes()), f),
        }
    }
}

/// Items one after the other, in blocks.
fn in_blocks<const N: usize>(items: impl Iterator<Item = [u8; N]>, mut f: impl FnMut(&[u8])) {
    const BLOCK: usize = 1 << 12;
    let mut block = Vec::with_capacity(BLOCK.saturating_add(N));
    for item in items {
        block.extend_from_slice(&item);
        if block.len() >= BLOCK {
            f(&block);
            block.clear();
        }
    }
    f(&block);
}

/// An owned piece of a signal.
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

impl SignalBuf {
    /// The same piece, borrowed.
    pub fn view(&self) -> Signal<'_> {
        match self {
            Self::Bytes(b) => Signal::Bytes(b),
            Self::Audio(a) => Signal::Audio(Audio {
                rate: a.rate,
                samples: a.samples.view(),
            }),
            Self::Records(r) => Signal::Records(r.view()),
            Self::Video(v) => Signal::Video(v.view()),
        }
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
        match self {
            Self::Bytes(b) => b.len() as u64,
            Self::Audio(a) => a.samples.ncols() as u64,
            Self::Records(r) => r.values.nrows() as u64,
            Self::Video(v) => v.view().frames() as u64,
        }
    }
}
