//! WAV out: the head, the samples' bytes, and the chunks behind them.
//!
//! The head is built in memory with its sizes in known places, so that it can be written twice:
//! once to start, and once more when the sizes are known.

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

/// The head of a WAV file, ready to be written and, where the output allows, written again.
pub struct Head {
    /// Everything up to the first sample.
    pub bytes: Vec<u8>,
    data_size_at: usize,
    fact_at: Option<usize>,
    ds64_at: Option<usize>,
    align: u64,
}

impl Head {
    /// The head for a format; `before` are the chunks to stand in front of the samples. With
    /// `frames` unknown, or known to be more than a RIFF file can hold, room for the long sizes of
    /// RF64 is kept.
    ///
    /// # Errors
    /// Unsupported for anything but audio.
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
        let bits = width.saturating_mul(8);
        let align = u64::from(width).saturating_mul(channels.into());
        let align16 = u16::try_from(align)
            .map_err(|_| Error::Unsupported(format!("WAV of {channels} channels")))?;
        let kept = before
            .iter()
            .find(|c| &c.id == b"fmt ")
            .and_then(|c| Fmt::parse(&c.data).ok())
            .filter(|f| f.channels == channels);
        let before: Vec<&Chunk> = before.iter().filter(|c| &c.id != b"fmt ").collect();
        let meta = before.iter().fold(0u64, |n, c| {
            n.saturating_add(c.data.len() as u64).saturating_add(9)
        });
        let long = frames.is_none_or(|n| {
            n.saturating_mul(align).saturating_add(meta) > RIFF_MAX.saturating_sub(1 << 20)
        });

        let mut b = Vec::from(*b"RIFF\0\0\0\0WAVE");
        let ds64_at = long.then(|| {
            let at = b.len();
            b.extend_from_slice(b"JUNK\x1c\0\0\0");
            b.extend_from_slice(&[0; 28]);
            at
        });
        let float = depth == SampleDepth::F32;
        let tag = if float { TAG_FLOAT } else { TAG_PCM };
        let plain = kept.is_none() && channels <= 2 && (float || width <= 2);
        b.extend_from_slice(b"fmt ");
        b.extend_from_slice(&if plain { 16u32 } else { 40 }.to_le_bytes());
        b.extend_from_slice(&if plain { tag } else { TAG_EXTENSIBLE }.to_le_bytes());
        b.extend_from_slice(&channels.to_le_bytes());
        b.extend_from_slice(&rate.to_le_bytes());
        // Bytes per second, which no reader needs; saturates for rates that no device has.
        let per_second = u32::try_from(align.saturating_mul(rate.into())).unwrap_or(u32::MAX);
        b.extend_from_slice(&per_second.to_le_bytes());
        b.extend_from_slice(&align16.to_le_bytes());
        b.extend_from_slice(&bits.to_le_bytes());
        if !plain {
            b.extend_from_slice(&22u16.to_le_bytes());
            b.extend_from_slice(&bits.to_le_bytes());
            let mask = kept.map_or_else(|| usual_mask(channels), |f| f.mask);
            b.extend_from_slice(&mask.to_le_bytes());
            b.extend_from_slice(&tag.to_le_bytes());
            b.extend_from_slice(&GUID_TAIL);
        }
        let fact_at = float.then(|| {
            b.extend_from_slice(b"fact\x04\0\0\0");
            let at = b.len();
            b.extend_from_slice(&[0; 4]);
            at
        });
        for chunk in before {
            push_chunk(chunk, &mut b)?;
        }
        b.extend_from_slice(b"data");
        let data_size_at = b.len();
        b.extend_from_slice(&[0; 4]);
        let mut head = Self {
            data_size_at,
            bytes: b,
            fact_at,
            ds64_at,
            align,
        };
        head.set_sizes(frames, 0);
        Ok(head)
    }

    /// Fills in the sizes: `frames` samples of every channel, then `tail` bytes of chunks.
    pub fn set_sizes(&mut self, frames: Option<u64>, tail: u64) {
        let data = frames.map(|n| n.saturating_mul(self.align));
        let riff = data.map(|n| {
            (self.bytes.len() as u64)
                .saturating_sub(8)
                .saturating_add(n)
                .saturating_add(n % 2)
                .saturating_add(tail)
        });
        let short = |n: Option<u64>| {
            n.and_then(|n| u32::try_from(n).ok())
                .unwrap_or(UNKNOWN)
                .to_le_bytes()
        };
        let long = riff.is_some_and(|n| n > RIFF_MAX);
        if let (true, Some(at)) = (long, self.ds64_at) {
            self.put(0, b"RF64");
            self.put(at, b"ds64");
            self.put(at.saturating_add(8), &riff.unwrap_or(0).to_le_bytes());
            self.put(at.saturating_add(16), &data.unwrap_or(0).to_le_bytes());
            self.put(at.saturating_add(24), &frames.unwrap_or(0).to_le_bytes());
            self.put(4, &UNKNOWN.to_le_bytes());
            self.put(self.data_size_at, &UNKNOWN.to_le_bytes());
        } else {
            self.put(4, &short(riff));
            self.put(self.data_size_at, &short(data));
        }
        if let Some(at) = self.fact_at {
            self.put(at, &short(frames));
        }
    }

    fn put(&mut self, at: usize, what: &[u8]) {
        let room = self.bytes.iter_mut().skip(at);
        room.zip(what).for_each(|(to, from)| *to = *from);
    }
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
