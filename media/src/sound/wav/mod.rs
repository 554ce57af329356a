//! WAV files: chunk by chunk in, chunk by chunk out, pipes included.
//!
//! hound, the usual crate, hides every chunk but the samples, stops at the end of the data and
//! needs a seekable output; keeping a file's metadata and writing to a pipe need all three. The
//! layout is small (RIFF: "Multimedia Programming Interface and Data Specifications 1.0", 1991;
//! WAVE_FORMAT_EXTENSIBLE: Microsoft, 2001; RF64 and ds64: EBU Tech 3306), and the tests read and
//! write against hound.

mod chunks;
mod read;
#[cfg(test)]
mod tests;
mod write;

use nc_core::{Error, Result, SampleDepth};

use super::adpcm::Adpcm;
use super::pcm::{Coding, SampleForm};
use crate::warning::code;

pub(crate) use chunks::is_wave64;
pub use read::WavReader;
pub(crate) use read::rounded;
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
const TAG_MICROSOFT: u16 = 2;
const TAG_A_LAW: u16 = 6;
const TAG_MU_LAW: u16 = 7;
const TAG_IMA: u16 = 0x11;
const TAG_EXTENSIBLE: u16 = 0xFFFE;
/// Codings that WAV files have and this reader does not, by their tags.
const TAGS: [(u16, &str); 14] = [
    (0x10, "OKI ADPCM"),
    (0x31, "GSM 6.10"),
    (0x42, "G.723.1"),
    (0x45, "G.726"),
    (0x50, "MPEG layer 2"),
    (0x55, "MP3"),
    (0x61, "Duck ADPCM"),
    (0x92, "AC-3 in S/PDIF"),
    (0xFF, "AAC"),
    (0x160, "Windows Media Audio 1"),
    (0x161, "Windows Media Audio 2"),
    (0x162, "Windows Media Audio Pro"),
    (0x1610, "AAC"),
    (0x2000, "AC-3"),
];
/// The last 14 bytes of the GUIDs in WAVE_FORMAT_EXTENSIBLE; the first two are the format tag.
const GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];
/// The same for ambisonics (AMB).
const GUID_TAIL_AMBISONIC: [u8; 14] = [
    0, 0, 0x21, 7, 0xD3, 0x11, 0x86, 0x44, 0xC8, 0xC1, 0xCA, 0, 0, 0,
];
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

/// A `fmt ` chunk of so many channels with these speakers; none for the usual ones.
pub(crate) fn speakers_chunk(mask: u32, channels: u16) -> Option<Vec<u8>> {
    if is_usual_mask(mask, channels) || mask.count_ones() != u32::from(channels) {
        return None;
    }
    let mut out = Vec::new();
    out.extend(TAG_EXTENSIBLE.to_le_bytes());
    out.extend(channels.to_le_bytes());
    // Rate, bytes and bits are those of the output.
    out.extend([0; 12]);
    out.extend(22u16.to_le_bytes());
    out.extend([0; 2]);
    out.extend(mask.to_le_bytes());
    out.extend(TAG_PCM.to_le_bytes());
    out.extend(GUID_TAIL);
    Some(out)
}

/// What the head of a WAV file says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fmt {
    rate: u32,
    channels: u16,
    /// Bytes of a sample of all channels, or of a block.
    align: u16,
    samples: Samples,
    /// Whether 24 bits or fewer have four bytes, and nothing says which of them.
    wide: bool,
    mask: u32,
}

/// How samples are written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Samples {
    Plain(SampleForm),
    Adpcm(Adpcm),
}

impl Samples {
    fn depth(&self) -> SampleDepth {
        match self {
            Self::Plain(form) => form.depth(),
            Self::Adpcm(_) => SampleDepth::I16,
        }
    }
}

impl Fmt {
    /// The speakers of a `fmt ` chunk with its number of channels; none where it does not say.
    fn speakers(b: &[u8]) -> Option<(u16, u32)> {
        let extensible = u16_at(b, 0)? == TAG_EXTENSIBLE;
        extensible.then(|| Some((u16_at(b, 2)?, u32_at(b, 20)?)))?
    }

    fn parse(b: &[u8]) -> Result<Self> {
        let short = || Error::Format("WAV: the fmt chunk is too short".into());
        let (Some(tag), Some(channels), Some(rate), Some(align), Some(bits)) = (
            u16_at(b, 0),
            u16_at(b, 2),
            u32_at(b, 4),
            u16_at(b, 12),
            u16_at(b, 14),
        ) else {
            return Err(short());
        };
        if channels == 0 || channels > 255 {
            return Err(Error::Format(format!("WAV: {channels} channels").into()));
        }
        if rate == 0 || rate > 768_000 {
            return Err(Error::Format(
                format!("WAV: a sample rate of {rate} Hz").into(),
            ));
        }
        let mut kind = tag;
        let mut mask = 0;
        if tag == TAG_EXTENSIBLE {
            let (Some(m), Some(sub), Some(tail)) = (u32_at(b, 20), u16_at(b, 24), b.get(26..40))
            else {
                return Err(short());
            };
            mask = m;
            kind = sub;
            // Ambisonics have a tail of their own and plain samples.
            if tail != GUID_TAIL && tail != GUID_TAIL_AMBISONIC {
                return Err(Error::Unsupported("WAV: unknown sub-format".into()));
            }
        }
        let frame = align / channels;
        let whole = align.is_multiple_of(channels);
        let odd = || {
            let what = format!("WAV with samples of {bits} bits, {channels} to {align} bytes");
            Error::Unsupported(what)
        };
        let plain = |coding| Ok(Samples::Plain(SampleForm::little(coding)));
        let samples = match kind {
            // What has fewer bits than its bytes stands in the upper ones.
            TAG_PCM if bits == 0 || u32::from(bits) > u32::from(frame) * 8 || !whole => Err(odd()),
            TAG_PCM => match frame {
                1 => plain(Coding::Unsigned),
                2..=4 => plain(Coding::Signed(frame as u8)),
                _ => Err(odd()),
            },
            TAG_FLOAT => match (bits, frame, whole) {
                (32, 4, true) => plain(Coding::Float),
                (64, 8, true) => plain(Coding::Double),
                _ => Err(odd()),
            },
            TAG_A_LAW | TAG_MU_LAW if frame != 1 || !whole => Err(odd()),
            TAG_A_LAW => plain(Coding::ALaw),
            TAG_MU_LAW => plain(Coding::MuLaw),
            TAG_IMA if bits == 4 => Ok(Samples::Adpcm(Adpcm::ima(channels, align)?)),
            TAG_MICROSOFT if bits == 4 => {
                let count = u16_at(b, 20).ok_or_else(short)?;
                let list = b.get(22..22 + usize::from(count) * 4).ok_or_else(short)?;
                let (pairs, _) = list.as_chunks::<4>();
                let signed = |low, high| i32::from(i16::from_le_bytes([low, high]));
                let pairs = pairs
                    .iter()
                    .map(|[a, b, c, d]| [signed(*a, *b), signed(*c, *d)]);
                let samples = Adpcm::microsoft(channels, align, pairs.collect())?;
                Ok(Samples::Adpcm(samples))
            }
            other => {
                let name = TAGS.iter().find(|(tag, _)| *tag == other);
                let name =
                    name.map_or_else(|| format!("coding {other:#06x}"), |(_, n)| (*n).into());
                Err(Error::Unsupported(format!("WAV with {name}")).coded(code::ENCODING_NOT_READ))
            }
        };
        Ok(Self {
            rate,
            channels,
            align,
            samples: samples?,
            wide: tag == TAG_PCM && frame == 4 && bits <= 24,
            mask,
        })
    }

    /// Bytes that the samples are read in steps of.
    fn step(&self) -> usize {
        match &self.samples {
            Samples::Plain(form) => form.width() * usize::from(self.channels),
            Samples::Adpcm(adpcm) => adpcm.block(),
        }
    }

    /// Samples of each channel in so many bytes.
    fn frames(&self, bytes: u64) -> u64 {
        let step = self.step() as u64;
        match &self.samples {
            Samples::Plain(_) => bytes / step,
            Samples::Adpcm(adpcm) => {
                let whole = bytes / step * adpcm.frames(self.step()) as u64;
                // Less than a block.
                whole + adpcm.frames((bytes % step) as usize) as u64
            }
        }
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
