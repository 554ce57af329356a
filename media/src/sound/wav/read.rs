//! WAV in: chunk by chunk, samples in blocks, from anything that can be read forward.
//!
//! Nothing is allocated on the word of the file: a chunk grows as its bytes arrive, and what it takes is
//! charged first. Chunks that mean nothing are read over.

use std::io::{self, Read};

use nc_core::container::read_full;
use nc_core::{AudioFormat, Budget, Error, Format, Result, SampleDepth};

use crate::warning::{Warning, code};

use super::{Chunk, FILLERS, Fmt, UNKNOWN, is_usual_mask, u32_at, u64_at, width};

/// Reads a WAV file from front to back.
pub struct WavReader<R> {
    inner: R,
    fmt: Fmt,
    /// Bytes of samples left; none where the file does not say.
    left: Option<u64>,
    pad: bool,
    finished: bool,
    chunks: Vec<Chunk>,
    warnings: Vec<Warning>,
    frames: Option<u64>,
    bytes: Vec<u8>,
    /// Charged for a block of samples.
    block: u64,
    budget: Budget,
}

/// What a chunk takes beside its content.
const CHUNK: u64 = 64;

impl<R: Read> WavReader<R> {
    /// Reads up to the first sample. Metadata and blocks of samples are charged to `budget`.
    ///
    /// # Errors
    /// Format where it is not a WAV file, Unsupported for samples of another kind, Limit for
    /// metadata beyond the budget, I/O.
    pub fn new(mut inner: R, mut budget: Budget) -> Result<Self> {
        let mut head = [0; 12];
        if read_full(&mut inner, &mut head)? < head.len() {
            return Err(Error::Format("WAV: truncated in the first 12 bytes".into()));
        }
        let [r, i, f, x, .., w, a, v, e] = head;
        let (riff, size) = ([r, i, f, x], u32_at(&head, 4).unwrap_or(0));
        if !matches!(&riff, b"RIFF" | b"RF64" | b"BW64") || &[w, a, v, e] != b"WAVE" {
            return Err(Error::Format("not a WAV file".into()));
        }
        let mut fmt = None;
        let mut long = None;
        let mut chunks = Vec::new();
        let mut warnings = Vec::new();
        loop {
            let Some((id, len)) = chunk_head(&mut inner)? else {
                return Err(Error::Format("WAV: truncated before the samples".into()));
            };
            if &id == b"data" {
                let Some(fmt) = fmt else {
                    return Err(Error::Format("WAV: samples before the fmt chunk".into()));
                };
                let left = data_length(&riff, size, len, long, &mut warnings);
                return Self::at_data(inner, fmt, left, chunks, warnings, budget);
            }
            let before = budget.left();
            let data = match FILLERS.contains(&&id) {
                true => skip(&mut inner, len)?,
                false => chunk_data(&mut inner, len, &mut budget)?,
            };
            let Some(data) = data else {
                return Err(Error::Format("WAV: truncated before the samples".into()));
            };
            let kept = chunks.len();
            match &id {
                b"fmt " => {
                    let parsed = Fmt::parse(&data)?;
                    // The layout of the speakers has no other place to be kept in.
                    if !is_usual_mask(parsed.mask, parsed.channels) {
                        chunks.push(Chunk {
                            id,
                            data,
                            after: false,
                        });
                    }
                    fmt = Some(parsed);
                }
                b"ds64" => long = u64_at(&data, 8),
                b"fact" => {}
                id if FILLERS.contains(&id) => {}
                _ => chunks.push(Chunk {
                    id,
                    data,
                    after: false,
                }),
            }
            if chunks.len() == kept {
                budget.release(before.saturating_sub(budget.left()));
            }
        }
    }

    fn at_data(
        inner: R,
        fmt: Fmt,
        data: Option<u64>,
        chunks: Vec<Chunk>,
        mut warnings: Vec<Warning>,
        budget: Budget,
    ) -> Result<Self> {
        let align = u64::from(fmt.channels).saturating_mul(width(fmt.depth)?.into());
        let frames = data.and_then(|n| n.checked_div(align));
        if data.is_some_and(|n| !n.is_multiple_of(align)) {
            warnings.push(incomplete());
        }
        Ok(Self {
            inner,
            fmt,
            left: data,
            pad: data.is_some_and(|n| n % 2 == 1),
            finished: false,
            chunks,
            warnings,
            frames,
            bytes: Vec::new(),
            block: 0,
            budget,
        })
    }

    /// Rate, channels and depth.
    pub fn format(&self) -> Format {
        Format::Audio(AudioFormat {
            rate: self.fmt.rate,
            channels: self.fmt.channels,
            depth: self.fmt.depth,
        })
    }

    /// Samples per channel, where the file says.
    pub fn frames(&self) -> Option<u64> {
        self.frames
    }

    /// Up to `frames` samples of every channel, interleaved, appended to `out`; nothing at the
    /// end. The chunks after the samples have been read by then.
    ///
    /// # Errors
    /// Format where the file ends before the data that it announces, Limit for more frames than the
    /// budget holds, I/O.
    pub fn read(&mut self, frames: usize, out: &mut Vec<f32>) -> Result<usize> {
        let width = usize::from(width(self.fmt.depth)?);
        let align = width.saturating_mul(self.fmt.channels.into()).max(1);
        let want = frames.saturating_mul(align);
        let want = self
            .left
            .map_or(want, |left| want.min(usize::try_from(left).unwrap_or(want)));
        // As bytes, and four for each sample of `width`.
        let block = (want as u64).saturating_mul(5);
        self.budget.charge(block.saturating_sub(self.block))?;
        self.block = self.block.max(block);
        self.bytes.resize(want, 0);
        let got = read_full(&mut self.inner, &mut self.bytes)?;
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(got as u64);
            if got < want {
                return Err(Error::Format(
                    format!("WAV: truncated, {left} bytes of samples are missing").into(),
                ));
            }
        }
        let frames = got.checked_div(align).unwrap_or(0);
        let whole = frames.saturating_mul(align);
        if whole == 0 {
            if !self.finished {
                self.finished = true;
                if self.left.is_some() {
                    self.read_tail()?;
                } else if got > 0 {
                    self.warnings.push(incomplete());
                }
            }
            return Ok(0);
        }
        let samples = self.bytes.get(..whole).unwrap_or_default();
        to_f32(samples, self.fmt.depth, out);
        if self.left.is_none() && whole < got {
            self.finished = true;
            self.warnings.push(incomplete());
        }
        Ok(frames)
    }

    fn read_tail(&mut self) -> Result<()> {
        if self.pad && read_full(&mut self.inner, &mut [0])? == 0 {
            return Ok(());
        }
        loop {
            let mut head = [0; 8];
            let got = read_full(&mut self.inner, &mut head)?;
            if got == 0 {
                return Ok(());
            }
            let [a, b, c, d, ..] = head;
            let id = [a, b, c, d];
            if got < head.len() || !id.iter().all(|b| (0x20..0x7F).contains(b)) {
                let text = "bytes after the last chunk were left out";
                self.warnings.push(Warning::new(code::BYTES_AFTER, text));
                return Ok(());
            }
            let len = u32_at(&head, 4).unwrap_or(0);
            let dropped =
                matches!(&id, b"fmt " | b"data" | b"fact" | b"ds64") || FILLERS.contains(&&id);
            let data = match dropped {
                true => skip(&mut self.inner, len)?,
                false => chunk_data(&mut self.inner, len, &mut self.budget)?,
            };
            let Some(data) = data else {
                let text = format!(
                    "the {} chunk after the samples is truncated and was left out",
                    id.escape_ascii()
                );
                self.warnings.push(Warning::new(code::METADATA_CUT, text));
                return Ok(());
            };
            if !dropped {
                self.chunks.push(Chunk {
                    id,
                    data,
                    after: true,
                });
            }
        }
    }

    /// The metadata chunks read so far; all of them once [`WavReader::read`] has given nothing.
    pub fn take_chunks(&mut self) -> Vec<Chunk> {
        std::mem::take(&mut self.chunks)
    }

    /// What was odd about the file, so far.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }
}

fn incomplete() -> Warning {
    let text = "the last sample is incomplete and was left out";
    Warning::new(code::INCOMPLETE_SAMPLE, text)
}

/// Length of the samples in bytes; none where they go on to the end of the input.
fn data_length(
    riff: &[u8],
    riff_size: u32,
    len: u32,
    long: Option<u64>,
    warnings: &mut Vec<Warning>,
) -> Option<u64> {
    if riff != b"RIFF" && len == UNKNOWN {
        return long.filter(|&n| n != u64::MAX);
    }
    // 0xFFFFFFFF, or a little less where the head was taken off; the other is what sox writes.
    if len >= UNKNOWN.saturating_sub(0xFF) || len == 0x7FFF_F000 {
        return None;
    }
    if len == 0 && (riff_size == 0 || riff_size == UNKNOWN) {
        // A recorder that was cut off has not filled in its sizes.
        let text = "the header gives no length; everything to the end was read";
        warnings.push(Warning::new(code::NO_LENGTH, text));
        return None;
    }
    Some(u64::from(len))
}

fn chunk_head(r: &mut impl Read) -> Result<Option<([u8; 4], u32)>> {
    let mut head = [0; 8];
    if read_full(r, &mut head)? < head.len() {
        return Ok(None);
    }
    let [a, b, c, d, ..] = head;
    let id = [a, b, c, d];
    Ok(u32_at(&head, 4).map(|len| (id, len)))
}

/// A chunk's content; none where the input ends before. Memory grows with what is there, not with
/// what the chunk claims.
fn chunk_data(r: &mut impl Read, len: u32, budget: &mut Budget) -> Result<Option<Vec<u8>>> {
    budget.charge(CHUNK)?;
    // More than the budget holds is refused before it is read.
    budget.share().charge(len.into())?;
    let data = budget.read(&mut *r, len.into())?;
    if data.len() as u64 != u64::from(len) {
        return Ok(None);
    }
    // Whoever keeps it makes a copy before this one goes.
    budget.charge(len.into())?;
    pad(r, len)?;
    Ok(Some(data))
}

/// Reads over a chunk's content; none where the input ends before, and else nothing of it.
fn skip(r: &mut impl Read, len: u32) -> Result<Option<Vec<u8>>> {
    let got = io::copy(&mut r.by_ref().take(len.into()), &mut io::sink())?;
    if got != u64::from(len) {
        return Ok(None);
    }
    pad(r, len)?;
    Ok(Some(Vec::new()))
}

/// Reads over the byte that makes a length even; some programs leave it out at the very end.
fn pad(r: &mut impl Read, len: u32) -> Result<()> {
    if !len.is_multiple_of(2) {
        read_full(r, &mut [0])?;
    }
    Ok(())
}

/// Samples to the nominal range -1..=1; integers are divided by the power of two of their range.
fn to_f32(bytes: &[u8], depth: SampleDepth, out: &mut Vec<f32>) {
    match depth {
        SampleDepth::U8 => out.extend(bytes.iter().map(|&b| (f32::from(b) - 128.0) / 128.0)),
        SampleDepth::I16 => out.extend(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|&b| f32::from(i16::from_le_bytes(b)) / 32_768.0),
        ),
        SampleDepth::I24 => out.extend(bytes.as_chunks().0.iter().map(|&[a, b, c]| {
            // Shifted up so that the sign bit is where an i32 has it.
            (i32::from_le_bytes([0, a, b, c]) >> 8) as f32 / 8_388_608.0
        })),
        SampleDepth::I32 => out.extend(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|&b| i32::from_le_bytes(b) as f32 / 2_147_483_648.0),
        ),
        _ => out.extend(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b))),
    }
}
