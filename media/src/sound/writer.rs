//! Sound out: a WAV file, or a WAV stream.
//!
//! Into a file the sizes are filled in at the end. A pipe gets them up front where the length is known, and 0xFFFFFFFF
//! otherwise, which players and nc read as "to the end".

use std::io::Write;

use nc_core::container::Meta;
use nc_core::{AudioFormat, Error, Format, Result, SampleDepth, Signal};
use ndarray::ArrayView2;

use super::wav::{Head, push_chunk, push_sample, width};
use crate::contract::{CreateOptions, WriteSignal, Written};
use crate::metadata;
use crate::output::{Finished, Output};
use crate::warning::{Warning, code};
use nc_core::Budget;

/// Samples of silence that are written at once.
const SILENCE: usize = 1 << 14;

pub(crate) struct Writer<'a> {
    out: Output<'a>,
    head: Head,
    depth: SampleDepth,
    channels: usize,
    /// Samples per channel that the head has told a pipe.
    announced: Option<u64>,
    /// Chunks behind the samples.
    tail: Vec<u8>,
    too_late: bool,
    frames: u64,
    /// Samples that are lost, as long as nothing has come behind them.
    lost: u64,
    bytes: Vec<u8>,
    budget: Budget,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(
        mut out: Output<'a>,
        format: Format,
        options: &CreateOptions<'_>,
    ) -> Result<Self> {
        let Format::Audio(AudioFormat {
            depth, channels, ..
        }) = format
        else {
            return Err(Error::Unsupported("only audio is written as WAV".into()));
        };
        let mut budget = options.budget.share();
        let mut chunks = metadata::to_wav(options.metadata, &mut budget)?;
        if options.is_part {
            chunks.retain(|c| !metadata::counts_samples(&c.id));
        }
        let (after, before): (Vec<_>, Vec<_>) = chunks.into_iter().partition(|c| c.after);
        let frames = options
            .units
            .filter(|_| out.can_seek() || !options.may_differ);
        let head = Head::new(format, frames, &before)?;
        let mut tail = Vec::new();
        for chunk in &after {
            push_chunk(chunk, &mut tail)?;
        }
        out.write_all(&head.to_bytes(frames, tail.len() as u64)?)?;
        Ok(Self {
            out,
            head,
            depth,
            channels: channels.into(),
            announced: frames,
            tail,
            too_late: false,
            frames: 0,
            lost: 0,
            bytes: Vec::new(),
            budget,
        })
    }

    fn samples(&mut self, block: ArrayView2<'_, f32>) -> Result<()> {
        self.bytes.clear();
        for &x in block.t().iter() {
            push_sample(x, self.depth, &mut self.bytes);
        }
        self.out.write_all(&self.bytes)?;
        self.frames += block.ncols() as u64;
        Ok(())
    }

    /// Silence for what was lost before something that is there.
    fn silence(&mut self) -> Result<()> {
        if self.lost == 0 {
            return Ok(());
        }
        let zero = ndarray::Array2::zeros((self.channels, SILENCE));
        while self.lost > 0 {
            let n = usize::try_from(self.lost).map_or(SILENCE, |n| n.min(SILENCE));
            self.samples(zero.slice(ndarray::s![.., ..n]))?;
            self.lost -= n as u64;
        }
        Ok(())
    }
}

impl<'a> WriteSignal<'a> for Writer<'a> {
    fn add_metadata(&mut self, metadata: &[Meta]) -> Result<()> {
        for chunk in metadata::to_wav(metadata, &mut self.budget)? {
            if !self.out.can_seek() {
                self.too_late = true;
            } else if &chunk.id != b"fmt " {
                // A fmt chunk only carries the layout of the speakers, whose place was in the head.
                push_chunk(&chunk, &mut self.tail)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, signal: Signal<'_>) -> Result<()> {
        let Signal::Audio(audio) = signal else {
            return Err(Error::Usage("media kinds mixed".into()));
        };
        if audio.samples.nrows() != self.channels {
            let (is, not) = (audio.samples.nrows(), self.channels);
            return Err(Error::Usage(format!("sound of {is} channels, not {not}")));
        }
        self.silence()?;
        self.samples(audio.samples)
    }

    /// Silence stands for what is lost, as long as something follows.
    fn skip(&mut self, units: Option<u64>) -> Result<()> {
        // How much nobody knows ends the time line.
        self.lost = self.lost.saturating_add(units.unwrap_or(0));
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(Written, Finished<'a>)> {
        let data = self.frames * u64::from(width(self.depth)?) * self.channels as u64;
        let pad: &[u8] = if data % 2 == 1 { &[0] } else { &[] };
        if self.out.can_seek() {
            self.out.write_all(pad)?;
            self.out.write_all(&self.tail)?;
            let head = self
                .head
                .to_bytes(Some(self.frames), self.tail.len() as u64)?;
            self.out.rewrite(0, &head)?;
        } else if self.announced == Some(self.frames) {
            // In a pipe, chunks can follow only samples whose end the head has told.
            self.out.write_all(pad)?;
            self.out.write_all(&self.tail)?;
        } else {
            self.too_late |= !self.tail.is_empty();
        }
        let late = "metadata that came too late for a pipe was left out";
        let late = self
            .too_late
            .then(|| Warning::new(code::METADATA_LATE, late));
        let written = Written {
            bytes: self.out.written(),
            units: self.frames,
            warnings: late.into_iter().collect(),
        };
        Ok((written, Finished::Output(self.out)))
    }
}
