//! WAV out: the head, the samples' bytes, and the chunks behind them.
//!
//! The head is built for any sizes, so that it can be written twice: once to start, and once more when they are known.

use nc_core::{AudioFormat, Error, Format, Result, SampleDepth};

use super::{
    Chunk, Fmt, GUID_TAIL, RIFF_MAX, TAG_EXTENSIBLE, TAG_FLOAT, TAG_PCM, UNKNOWN, usual_mask, width,
};

/// Appends one sample in its original form: rounded to nearest, clipped, no dither.
pub fn push_sample(x: f32, depth: SampleDepth, out: &mut Vec<u8>) {
    // In f64 the products are exact, so that 24- and 32-bit values round once.
    let round = |scale: f64| {
        if x.is_nan() {
            0.0
        } else {
            (f64::from(x) * scale).round()
        }
    };
    match depth {
        SampleDepth::U8 => out.push((round(128.0).clamp(-128.0, 127.0) + 128.0) as u8),
        SampleDepth::I16 => out.extend_from_slice(&(round(32_768.0) as i16).to_le_bytes()),
        SampleDepth::I24 => {
            let v = round(8_388_608.0).clamp(-8_388_608.0, 8_388_607.0) as i32;
            let [a, b, c, _] = v.to_le_bytes();
            out.extend_from_slice(&[a, b, c]);
        }
        SampleDepth::I32 => out.extend_from_slice(&(round(2_147_483_648.0) as i32).to_le_bytes()),
        _ => out.extend_from_slice(&x.to_le_bytes()),
    }
}

/// The head of a WAV file: everything up to the first sample.
///
/// It has the same length whatever sizes it tells, so that it can be written once to start, and once more over the first
/// when the sizes are known.
pub struct Head {
    /// The `fmt ` chunk.
    fmt: Vec<u8>,
    /// Chunks in front of the samples, as they stand in the file.
    before: Vec<u8>,
    /// Whether there is a count of samples in a `fact` chunk, which float files have.
    fact: bool,
    /// Whether there is room for the long sizes of RF64.
    long: bool,
    /// Bytes of a sample of all channels.
    align: u64,
}

impl Head {
    /// The head for a format; `before` are the chunks to stand in front of the samples. With
    /// `frames` unknown, or known to be more than a RIFF file can hold, room for the long sizes of
    /// RF64 is kept.
    ///
    /// # Errors
    /// Unsupported for anything but audio and for more channels than WAV has, Limit for a chunk beyond 4 GiB.
    pub fn new(format: Format, frames: Option<u64>, before: &[Chunk]) -> Result<Self> {
        let Format::Audio(AudioFormat {
            rate,
            channels,
            depth,
        }) = format
        else {
            return Err(Error::Unsupported("only audio is written as WAV".into()));
        };
        let width = width(depth)?;
        let many = || Error::Unsupported(format!("WAV of {channels} channels"));
        let align = width.checked_mul(channels).ok_or_else(many)?;
        // The layout of the speakers that the original had.
        let kept = before.iter().find(|c| &c.id == b"fmt ");
        let kept = kept.and_then(|c| Fmt::speakers(&c.data));
        let mask = kept.filter(|(n, _)| *n == channels).map(|(_, mask)| mask);
        let mut chunks = Vec::new();
        for chunk in before.iter().filter(|c| &c.id != b"fmt ") {
            push_chunk(chunk, &mut chunks)?;
        }
        let fits = |n: u64| {
            let data = n.checked_mul(align.into());
            // What else a file has is far below the last megabyte, but for its chunks.
            data.and_then(|n| n.checked_add(chunks.len() as u64))
                .is_some_and(|n| n <= RIFF_MAX - (1 << 20))
        };
        Ok(Self {
            fmt: fmt_chunk(rate, channels, depth, width, align, mask),
            long: !frames.is_some_and(fits),
            before: chunks,
            fact: depth == SampleDepth::F32,
            align: align.into(),
        })
    }

    /// The head of a file of `frames` samples of every channel, where that is known, behind which `tail` bytes of chunks
    /// follow.
    ///
    /// # Errors
    /// Limit for sizes that no file has.
    pub fn to_bytes(&self, frames: Option<u64>, tail: u64) -> Result<Vec<u8>> {
        const LONG: u64 = 36;
        const FACT: u64 = 12;
        let long = || Error::Limit("sound too long for WAV".into());
        // RIFF's and the data's own.
        let mut head = 12 + 8 + self.fmt.len() as u64 + self.before.len() as u64;
        head += if self.long { LONG } else { 0 };
        head += if self.fact { FACT } else { 0 };
        let data = frames.map(|n| n.checked_mul(self.align).ok_or_else(long));
        let data = data.transpose()?;
        let riff = data.map(|n| {
            let all = n.checked_add(n % 2)?.checked_add(tail)?;
            all.checked_add(head - 8)
        });
        let riff = riff.map(|n| n.ok_or_else(long)).transpose()?;
        let short = |n: Option<u64>| {
            let known = n.and_then(|n| u32::try_from(n).ok());
            known.unwrap_or(UNKNOWN).to_le_bytes()
        };
        let sizes = match (frames, data, riff) {
            (Some(frames), Some(data), Some(riff)) if self.long && riff > RIFF_MAX => {
                Some([riff, data, frames])
            }
            _ => None,
        };
        let mut out = Vec::new();
        out.extend_from_slice(if sizes.is_some() { b"RF64" } else { b"RIFF" });
        out.extend_from_slice(&short(riff));
        out.extend_from_slice(b"WAVE");
        if self.long {
            out.extend_from_slice(if sizes.is_some() { b"ds64" } else { b"JUNK" });
            out.extend_from_slice(&28u32.to_le_bytes());
            for size in sizes.unwrap_or([0; 3]) {
                out.extend_from_slice(&size.to_le_bytes());
            }
            // A table of other long chunks, of which there are none.
            out.extend_from_slice(&[0; 4]);
        }
        out.extend_from_slice(&self.fmt);
        if self.fact {
            out.extend_from_slice(b"fact\x04\0\0\0");
            out.extend_from_slice(&short(frames));
        }
        out.extend_from_slice(&self.before);
        out.extend_from_slice(b"data");
        out.extend_from_slice(&short(data));
        Ok(out)
    }
}

/// A `fmt ` chunk: the plain one where it says all.
fn fmt_chunk(
    rate: u32,
    channels: u16,
    depth: SampleDepth,
    width: u16,
    align: u16,
    mask: Option<u32>,
) -> Vec<u8> {
    let float = depth == SampleDepth::F32;
    let tag = if float { TAG_FLOAT } else { TAG_PCM };
    let plain = mask.is_none() && channels <= 2 && (float || width <= 2);
    let bits = width * 8;
    let mut b = Vec::from(*b"fmt ");
    b.extend_from_slice(&if plain { 16u32 } else { 40 }.to_le_bytes());
    b.extend_from_slice(&if plain { tag } else { TAG_EXTENSIBLE }.to_le_bytes());
    b.extend_from_slice(&channels.to_le_bytes());
    b.extend_from_slice(&rate.to_le_bytes());
    // Bytes per second, which no reader needs; more than there is room for are told as the most.
    let per_second = u64::from(align) * u64::from(rate);
    let per_second = u32::try_from(per_second).unwrap_or(u32::MAX);
    b.extend_from_slice(&per_second.to_le_bytes());
    b.extend_from_slice(&align.to_le_bytes());
    b.extend_from_slice(&bits.to_le_bytes());
    if !plain {
        b.extend_from_slice(&22u16.to_le_bytes());
        b.extend_from_slice(&bits.to_le_bytes());
        b.extend_from_slice(&mask.unwrap_or_else(|| usual_mask(channels)).to_le_bytes());
        b.extend_from_slice(&tag.to_le_bytes());
        b.extend_from_slice(&GUID_TAIL);
    }
    b
}

/// Appends a chunk with its head and padding.
///
/// # Errors
/// Limit for a chunk beyond 4 GiB, which RIFF cannot hold.
pub fn push_chunk(chunk: &Chunk, out: &mut Vec<u8>) -> Result<()> {
    let len = u32::try_from(chunk.data.len())
        .map_err(|_| Error::Limit("a metadata chunk is too long for WAV".into()))?;
    out.extend_from_slice(&chunk.id);
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&chunk.data);
    if !len.is_multiple_of(2) {
        out.push(0);
    }
    Ok(())
}
