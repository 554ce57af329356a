//! WAV files: chunk by chunk in, chunk by chunk out, pipes included.
//!
//! hound, the usual crate, hides every chunk but the samples, stops at the end of the data and
//! needs a seekable output; keeping a file's metadata and writing to a pipe need all three. The
//! layout is small (RIFF: "Multimedia Programming Interface and Data Specifications 1.0", 1991;
//! WAVE_FORMAT_EXTENSIBLE: Microsoft, 2001; RF64 and ds64: EBU Tech 3306), and the tests read and
//! write against hound.

mod read;
#[cfg(test)]
mod tests;
mod write;

use nc_core::{Error, Result, SampleDepth};

pub use read::WavReader;
pub use write::{Head, push_chunk, push_sample};

/// A chunk that is not samples: tags, cue points, broadcast data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// The four characters that name it, e.g. `LIST`.
    pub id: [u8; 4],
    /// Its content, without the byte that pads it to an even length.
    pub data: Vec<u8>,
    /// True where it stands after the samples.
    pub after: bool,
}

const TAG_PCM: u16 = 1;
const TAG_FLOAT: u16 = 3;
const TAG_EXTENSIBLE: u16 = 0xFFFE;
/// The last 14 bytes of the GUIDs in WAVE_FORMAT_EXTENSIBLE; the first two are the format tag.
const GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];
/// Chunks that hold room for later, not information.
const FILLERS: [&[u8; 4]; 4] = [b"JUNK", b"junk", b"PAD ", b"FLLR"];
/// Size that means "not known", written by programs that stream into a pipe.
const UNKNOWN: u32 = u32::MAX;
/// RIFF files stop here; longer ones are RF64.
const RIFF_MAX: u64 = 0xFFFF_FFFE;

/// Bytes of a sample.
pub fn width(depth: SampleDepth) -> Result<u16> {
    Ok(match depth {
        SampleDepth::U8 => 1,
        SampleDepth::I16 => 2,
        SampleDepth::I24 => 3,
        SampleDepth::I32 | SampleDepth::F32 => 4,
        other => {
            return Err(Error::Unsupported(format!(
                "WAV samples of depth {other:?}"
            )));
        }
    })
}

/// The speakers that WAVE_FORMAT_EXTENSIBLE takes for granted for a number of channels.
fn usual_mask(channels: u16) -> u32 {
    match channels {
        1 => 0x4,
        2 => 0x3,
        3 => 0x7,
        4 => 0x33,
        5 => 0x37,
        6 => 0x3F,
        7 => 0x13F,
        8 => 0x63F,
        _ => 0,
    }
}

/// True for a mask that need not be kept: none, the usual one, and what programs that number the
/// speakers from the left write for mono.
fn is_usual_mask(mask: u32, channels: u16) -> bool {
    mask == 0 || mask == usual_mask(channels) || (channels == 1 && mask == 1)
}

/// What the head of a WAV file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fmt {
    rate: u32,
    channels: u16,
    depth: SampleDepth,
    mask: u32,
}

impl Fmt {
    fn parse(b: &[u8]) -> Result<Self> {
        let (Some(tag), Some(channels), Some(rate), Some(align), Some(bits)) = (
            u16_at(b, 0),
            u16_at(b, 2),
            u32_at(b, 4),
            u16_at(b, 12),
            u16_at(b, 14),
        ) else {
            return Err(Error::Format("WAV: the fmt chunk is too short".into()));
        };
        let mut kind = tag;
        let mut mask = 0;
        if tag == TAG_EXTENSIBLE {
            let (Some(m), Some(sub), Some(tail)) = (u32_at(b, 20), u16_at(b, 24), b.get(26..40))
            else {
                return Err(Error::Format("WAV: the fmt chunk is too short".into()));
            };
            mask = m;
            kind = sub;
            if tail != GUID_TAIL {
                return Err(Error::Unsupported("WAV: unknown sub-format".into()));
            }
        }
        let depth = match (kind, bits) {
            (TAG_PCM, 8) => SampleDepth::U8,
            (TAG_PCM, 16) => SampleDepth::I16,
            (TAG_PCM, 24) => SampleDepth::I24,
            (TAG_PCM, 32) => SampleDepth::I32,
            (TAG_FLOAT, 32) => SampleDepth::F32,
            (TAG_PCM, bits) => {
                return Err(Error::Unsupported(format!("WAV with {bits}-bit samples")));
            }
            (TAG_FLOAT, bits) => {
                return Err(Error::Unsupported(format!(
                    "WAV with {bits}-bit float samples"
                )));
            }
            (tag, _) => {
                return Err(Error::Unsupported(format!(
                    "WAV with compression {tag:#06x}"
                )));
            }
        };
        if channels == 0 || channels > 255 {
            return Err(Error::Format(format!("WAV: {channels} channels").into()));
        }
        if rate == 0 || rate > 768_000 {
            return Err(Error::Format(
                format!("WAV: a sample rate of {rate} Hz").into(),
            ));
        }
        if u32::from(align) != u32::from(channels).saturating_mul(width(depth)?.into()) {
            return Err(Error::Unsupported(format!(
                "WAV with {bits}-bit samples, {channels} to {align} bytes"
            )));
        }
        Ok(Self {
            rate,
            channels,
            depth,
            mask,
        })
    }
}

fn u16_at(b: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*b.get(at..)?.first_chunk()?))
}

fn u32_at(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*b.get(at..)?.first_chunk()?))
}

fn u64_at(b: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*b.get(at..)?.first_chunk()?))
}
