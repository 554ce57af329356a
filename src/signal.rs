//! Signals: what goes into an encoder and comes out of a decoder.

use ndarray::{Array2, ArrayView2};

/// What kind of media a codec takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MediaKind {
    /// Any bytes, kept as they are. A unit is a byte.
    Bytes,
    /// Sampled sound. A unit is a sample (of all channels at one instant).
    Audio,
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
}

impl Format {
    /// Kind of media.
    pub const fn kind(&self) -> MediaKind {
        match self {
            Self::Bytes => MediaKind::Bytes,
            Self::Audio { .. } => MediaKind::Audio,
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

/// A borrowed piece of a signal.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Signal<'a> {
    /// Any bytes.
    Bytes(&'a [u8]),
    /// Sound.
    Audio(Audio<'a>),
}

/// An owned piece of a signal.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum SignalBuf {
    /// Any bytes.
    Bytes(Vec<u8>),
    /// Sound.
    Audio(AudioBuf),
}

impl SignalBuf {
    /// What hashes of decoded output run over: bytes as they are; sound as the little-endian bits of
    /// its f32 samples, channel after channel.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        match self {
            Self::Bytes(b) => b.clone(),
            Self::Audio(a) => a.samples.iter().flat_map(|s| s.to_le_bytes()).collect(),
        }
    }
}
