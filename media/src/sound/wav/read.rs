//! WAV in: chunk by chunk, samples in blocks, from anything that can be read forward.
//!
//! Nothing is allocated on the word of the file: a chunk grows as its bytes arrive, and what it takes is
//! charged first. Chunks that mean nothing are read over.

use std::io::{self, Read};

use nc_core::container::read_full;
use nc_core::{AudioFormat, Budget, Error, Format, Result, SampleDepth};

use crate::warning::{Warning, code};

use super::super::pcm::{Coding, SampleForm, is_low24};
use super::chunks::{Counted, Layout, head, is_chunk, is_name};
use super::{Chunk, FILLERS, Fmt, Samples, UNKNOWN, is_usual_mask, u32_at, u64_at};

/// Reads a WAV file from front to back.
pub struct WavReader<R> {
    inner: Counted<R>,
    layout: Layout,
    fmt: Fmt,
    /// Whether 24 bits stand in the low bytes of 32: known once some have been seen.
    low24: Option<bool>,
    /// Bytes of samples left; none where the file does not say.
    left: Option<u64>,
    /// Bytes behind the samples that make their length even.
    pad: u64,
    finished: bool,
    chunks: Vec<Chunk>,
    warnings: Vec<Warning>,
    frames: Option<u64>,
    /// Samples that a compressed file says it has, fewer than its blocks hold.
    limit: Option<u64>,
    bytes: Vec<u8>,
    /// Charged for a block of samples.
    block: u64,
    budget: Budget,
}

/// Least of the sizes that stand for one that is not known: 2 GiB and 4 GiB, each less a header or a block.
const PLACEHOLDER: u64 = 0x7FFF_0000;
impl<R: Read> WavReader<R> {
    /// Reads up to the first sample. Metadata and blocks of samples are charged to `budget`.
    ///
    /// # Errors
    /// Format where it is not a WAV file, Unsupported for samples of another kind, Limit for
    /// metadata beyond the budget, I/O.
    pub fn new(inner: R, budget: Budget) -> Result<Self> {
        Self::of_size(inner, None, budget)
    }

    /// The same of a file of so many bytes. Where its header tells more samples than are there, or none, what is there is
    /// read, and that is said: recorders that were cut off leave such files. Of a stream, which nobody knows the length of, it
    /// is an error where it ends early.
    ///
    /// # Errors
    /// As for [`Self::new`]; Format for a file that tells of samples and has none.
    pub fn of_size(inner: R, size: Option<u64>, budget: Budget) -> Result<Self> {
        Self::open(
            Counted {
                inner,
                ahead: Vec::new(),
                at: 0,
                size,
            },
            budget,
        )
    }

    /// The same of a stream whose first bytes have been read.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn behind_magic(inner: R, first: &[u8], budget: Budget) -> Result<Self> {
        Self::open(
            Counted {
                inner,
                ahead: first.to_vec(),
                at: 0,
                size: None,
            },
            budget,
        )
    }

    /// What is read from.
    pub fn inner(&mut self) -> &mut R {
        &mut self.inner.inner
    }

    fn open(mut inner: Counted<R>, budget: Budget) -> Result<Self> {
        let mut this = Self {
            layout: head(&mut inner)?,
            inner,
            fmt: Fmt {
                rate: 0,
                channels: 0,
                align: 0,
                samples: Samples::Plain(SampleForm::little(Coding::Unsigned)),
                wide: false,
                mask: 0,
            },
            low24: None,
            left: Some(0),
            pad: 0,
            finished: false,
            chunks: Vec::new(),
            warnings: Vec::new(),
            frames: None,
            limit: None,
            bytes: Vec::new(),
            block: 0,
            budget,
        };
        let (fmt, data) = this.seek_samples()?;
        this.fmt = fmt;
        this.begin(data)?;
        if this.fmt.samples == Samples::Plain(SampleForm::little(Coding::Double)) {
            this.warnings.push(rounded());
        }
        if this.fmt.wide {
            this.low24 = Some(is_low24(this.inner.peek(1 << 12)?));
        }
        Ok(this)
    }

    /// Reads chunks up to the samples; gives what they are, and their length.
    fn seek_samples(&mut self) -> Result<(Fmt, Option<u64>)> {
        let mut fmt = None;
        let mut long = None;
        let mut fact = None;
        loop {
            let Some((id, len)) = self.layout.chunk_head(&mut self.inner)? else {
                return Err(Error::Format("WAV: truncated before the samples".into()));
            };
            if &id == b"data" {
                let fmt: Fmt =
                    fmt.ok_or_else(|| Error::Format("WAV: samples before the fmt chunk".into()))?;
                if matches!(fmt.samples, Samples::Adpcm(_)) {
                    self.limit = fact;
                }
                let told = match (self.layout, long) {
                    (Layout::Riff { long: true }, Some(n)) if len == u64::from(UNKNOWN) => n,
                    _ => len,
                };
                let data = self.samples_length(told)?;
                return Ok((fmt, data));
            }
            let before = self.budget.left();
            let data = match FILLERS.contains(&&id) {
                true => self.layout.skip(&mut self.inner, len)?,
                false => self
                    .layout
                    .chunk_data(&mut self.inner, len, &mut self.budget)?,
            };
            let Some(data) = data else {
                return Err(Error::Format("WAV: truncated before the samples".into()));
            };
            let kept = self.chunks.len();
            let chunk = |id, data| Chunk {
                id,
                data,
                after: false,
            };
            match &id {
                b"fmt " => {
                    let parsed = Fmt::parse(&data)?;
                    // The layout of the speakers has no other place to be kept in.
                    if !is_usual_mask(parsed.mask, parsed.channels) {
                        self.chunks.push(chunk(id, data));
                    }
                    fmt = Some(parsed);
                }
                b"ds64" => long = u64_at(&data, 8),
                b"fact" => fact = u32_at(&data, 0).map(u64::from),
                id if FILLERS.contains(&id) => {}
                _ => self.chunks.push(chunk(id, data)),
            }
            if self.chunks.len() == kept {
                self.budget
                    .release(before.saturating_sub(self.budget.left()));
            }
        }
    }

    /// Length of the samples in bytes; none where they go on to the end of a stream.
    fn samples_length(&mut self, told: u64) -> Result<Option<u64>> {
        let available = self.inner.available();
        let unknown = |left: Option<u64>, warnings: &mut Vec<Warning>| {
            let text = "the header gives no length; everything to the end was read";
            warnings.push(Warning::new(code::NO_LENGTH, text));
            left
        };
        if told == 0 {
            // Either there are none, or a recorder that was cut off has not filled in its sizes.
            let next = self.inner.peek(8)?;
            if next.is_empty() || is_chunk(next, available) {
                return Ok(Some(0));
            }
            return Ok(unknown(available, &mut self.warnings));
        }
        match available {
            Some(0) => {
                let what = format!("WAV: no samples, where the header tells {told} bytes of them");
                Err(Error::Format(what.into()))
            }
            Some(left) if told <= left => Ok(Some(told)),
            Some(left) if told >= PLACEHOLDER => Ok(unknown(Some(left), &mut self.warnings)),
            Some(left) => {
                let text = format!(
                    "the header tells {told} bytes of samples and the file has {left}; these were read"
                );
                self.warnings.push(Warning::new(code::ENDS_EARLY, text));
                Ok(Some(left))
            }
            // Programs that write into a pipe tell such sizes.
            None if (PLACEHOLDER..=u64::from(UNKNOWN)).contains(&told) || told == u64::MAX => {
                Ok(None)
            }
            None => Ok(Some(told)),
        }
    }

    /// Stands at the first of so many bytes of samples.
    fn begin(&mut self, data: Option<u64>) -> Result<()> {
        let step = self.fmt.step() as u64;
        let partly = matches!(self.fmt.samples, Samples::Adpcm(_));
        if !partly && data.is_some_and(|n| !n.is_multiple_of(step)) {
            self.warnings.push(incomplete());
        }
        let told = data.map(|n| self.fmt.frames(n));
        self.frames = match (told, self.limit) {
            (Some(n), Some(limit)) => Some(n.min(limit)),
            (told, _) => told,
        };
        self.left = data;
        self.pad = data.map_or(0, |n| n.next_multiple_of(self.layout.even()) - n);
        Ok(())
    }

    /// Rate, channels and depth.
    pub fn format(&self) -> Format {
        Format::Audio(AudioFormat {
            rate: self.fmt.rate,
            channels: self.fmt.channels,
            depth: match self.is_24_in_32() {
                true => SampleDepth::I24,
                false => self.fmt.samples.depth(),
            },
        })
    }

    /// Whether 24 bits have four bytes, in which they may stand low or high.
    fn is_24_in_32(&self) -> bool {
        self.low24.is_some()
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
        let step = self.fmt.step();
        let each = match &self.fmt.samples {
            Samples::Plain(_) => 1,
            Samples::Adpcm(adpcm) => adpcm.frames(step).max(1),
        };
        // Whole blocks, one at least.
        let want = frames.div_ceil(each).saturating_mul(step);
        let want = self
            .left
            .map_or(want, |left| want.min(usize::try_from(left).unwrap_or(want)));
        // As bytes, and four for each sample, of which a byte has two at most.
        let block = (want as u64).saturating_mul(9);
        self.budget.charge(block.saturating_sub(self.block))?;
        self.block = self.block.max(block);
        self.bytes.resize(want, 0);
        let got = read_full(&mut self.inner, &mut self.bytes)?;
        if let Some(left) = &mut self.left {
            *left -= got as u64;
            if got < want {
                return Err(Error::Format(
                    format!("WAV: truncated, {left} bytes of samples are missing").into(),
                ));
            }
        }
        let begin = out.len();
        let (bytes, _) = self.bytes.split_at(got);
        let whole = match &self.fmt.samples {
            Samples::Plain(form) => {
                let (bytes, _) = bytes.split_at(got / step * step);
                let form = match (self.low24, form.coding) {
                    (Some(low), _) if low => SampleForm::little(Coding::Low24),
                    _ => *form,
                };
                form.read(bytes, out);
                bytes.len()
            }
            Samples::Adpcm(adpcm) => {
                for block in bytes.chunks(step) {
                    adpcm.decode(block, out)?;
                }
                got
            }
        };
        let channels = usize::from(self.fmt.channels);
        let mut frames = (out.len() - begin) / channels;
        if let Some(limit) = &mut self.limit {
            frames = usize::try_from(*limit).map_or(frames, |limit| limit.min(frames));
            out.truncate(begin + frames * channels);
            *limit -= frames as u64;
        }
        if frames == 0 {
            if !self.finished {
                self.finished = true;
                if self.left.is_some() {
                    return self.behind(out);
                } else if got > 0 {
                    self.warnings.push(incomplete());
                }
            }
            return Ok(0);
        }
        if self.left.is_none() && whole < got {
            self.finished = true;
            self.warnings.push(incomplete());
        }
        Ok(frames)
    }

    /// What stands behind the samples: chunks, or another WAV file of the same form, whose samples follow.
    fn behind(&mut self, out: &mut Vec<f32>) -> Result<usize> {
        // Samples that a compressed file does not count.
        let left = self.left.unwrap_or(0);
        io::copy(&mut self.inner.by_ref().take(left), &mut io::sink())?;
        self.read_tail()?;
        let next = self.inner.peek(12)?;
        if !(next.starts_with(b"RIFF") && next.get(8..12) == Some(b"WAVE")) {
            return Ok(0);
        }
        if self.frames.is_some() {
            let text = "another WAV file follows and was left out";
            self.warnings
                .push(Warning::new(code::ANOTHER_FOLLOWS, text));
            return Ok(0);
        }
        let at = self.inner.at;
        self.layout = head(&mut self.inner)?;
        let (fmt, data) = self.seek_samples()?;
        if fmt != self.fmt {
            let what = format!("another WAV file, of another form, follows at byte {at}");
            return Err(Error::Unsupported(what).coded(code::ANOTHER_FOLLOWS));
        }
        self.begin(data)?;
        self.frames = None;
        self.finished = false;
        self.read(1 << 12, out)
    }

    /// Says that more WAV files follow in the same one, so that the first one's length is not that of the sound.
    pub fn expect_more(&mut self) {
        self.frames = None;
    }

    fn read_tail(&mut self) -> Result<()> {
        if self.pad > 0 {
            let mut pad = self.inner.by_ref().take(self.pad);
            if io::copy(&mut pad, &mut io::sink())? == 0 {
                return Ok(());
            }
        }
        loop {
            let next = self.inner.peek(12)?;
            if next.is_empty() || (next.starts_with(b"RIFF") && next.get(8..12) == Some(b"WAVE")) {
                return Ok(());
            }
            let head = self.layout.chunk_head(&mut self.inner)?;
            let Some((id, len)) = head.filter(|(id, _)| is_name(id)) else {
                let text = "bytes after the last chunk were left out";
                self.warnings.push(Warning::new(code::BYTES_AFTER, text));
                return Ok(());
            };
            let dropped =
                matches!(&id, b"fmt " | b"data" | b"fact" | b"ds64") || FILLERS.contains(&&id);
            let data = match dropped {
                true => self.layout.skip(&mut self.inner, len)?,
                false => self
                    .layout
                    .chunk_data(&mut self.inner, len, &mut self.budget)?,
            };
            let Some(data) = data else {
                let text = format!(
                    "the {} chunk after the samples is truncated and was left out",
                    id.escape_ascii()
                );
                self.warnings.push(Warning::new(code::METADATA_CUT, text));
                return Ok(());
            };
            if &id == b"data" {
                let text = format!("a second chunk of samples, {len} bytes, was left out");
                self.warnings
                    .push(Warning::new(code::ANOTHER_FOLLOWS, text));
            }
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

/// Said of samples that are longer than those of a signal.
pub(crate) fn rounded() -> Warning {
    let text = "samples of 64 bits are read as 32";
    Warning::new(code::ROUNDED, text)
}

fn incomplete() -> Warning {
    let text = "the last sample is incomplete and was left out";
    Warning::new(code::INCOMPLETE_SAMPLE, text)
}
