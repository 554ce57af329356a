//! Audio out: a WAV file, or a WAV stream into a pipe.
//!
//! Into a file the sizes are filled in at the end. A pipe gets them up front where the length is
//! known, and 0xFFFFFFFF otherwise, which players and nc read as "to the end".

use std::io::Write;

use nc_core::{AudioFormat, Error, Format, Result, SampleDepth};
use nc_media::sound::wav::{Chunk, Head, push_chunk, push_sample};
use ndarray::ArrayView2;

use crate::output::Output;

/// A WAV file being written.
pub struct AudioOut<'a> {
    out: &'a mut Output,
    head: Head,
    depth: SampleDepth,
    announced: Option<u64>,
    tail: Vec<u8>,
    dropped: bool,
    frames: u64,
    align: u64,
    bytes: Vec<u8>,
}

impl<'a> AudioOut<'a> {
    /// Writes the head. `frames` is the length where it is known; `chunks` the metadata known by
    /// now, each of which goes where it stood.
    ///
    /// # Errors
    /// Unsupported for what WAV cannot hold, I/O.
    pub fn new(
        out: &'a mut Output,
        format: Format,
        frames: Option<u64>,
        chunks: &[Chunk],
    ) -> Result<Self> {
        let (depth, channels) = match format {
            Format::Audio(AudioFormat {
                depth, channels, ..
            }) => (depth, channels),
            _ => return Err(Error::Unsupported("only audio is written as WAV".into())),
        };
        let (after, before): (Vec<_>, Vec<_>) = chunks.iter().cloned().partition(|c| c.after);
        let mut head = Head::new(format, frames, &before)?;
        let mut tail = Vec::new();
        for chunk in &after {
            push_chunk(chunk, &mut tail)?;
        }
        head.set_sizes(frames, tail.len() as u64);
        out.write_all(&head.bytes)?;
        Ok(Self {
            out,
            head,
            depth,
            announced: frames,
            dropped: false,
            tail,
            frames: 0,
            align: u64::from(nc_media::sound::wav::width(depth)?) * u64::from(channels),
            bytes: Vec::new(),
        })
    }

    /// Writes a block `[channels, samples]`.
    ///
    /// # Errors
    /// I/O.
    pub fn write(&mut self, block: ArrayView2<'_, f32>) -> Result<()> {
        self.bytes.clear();
        for frame in block.columns() {
            for &x in frame {
                push_sample(x, self.depth, &mut self.bytes);
            }
        }
        self.out.write_all(&self.bytes)?;
        self.frames = self.frames.saturating_add(block.ncols() as u64);
        Ok(())
    }

    /// Adds metadata that was found late, after the samples.
    ///
    /// # Errors
    /// Limit for a chunk beyond 4 GiB.
    pub fn late_chunk(&mut self, chunk: &Chunk) -> Result<()> {
        if !self.out.can_rewrite() {
            self.dropped = true;
            return Ok(());
        }
        // A fmt chunk only carries the layout of the speakers, whose place was in the head.
        if &chunk.id != b"fmt " {
            push_chunk(chunk, &mut self.tail)?;
        }
        Ok(())
    }

    /// Writes what stands after the samples and fills in the sizes. Says what could not be kept.
    ///
    /// # Errors
    /// I/O.
    pub fn finish(mut self) -> Result<Option<String>> {
        let data = self.frames.saturating_mul(self.align);
        let pad = data % 2 == 1;
        if self.out.can_rewrite() {
            if pad {
                self.out.write_all(&[0])?;
            }
            self.out.write_all(&self.tail)?;
            self.head
                .set_sizes(Some(self.frames), self.tail.len() as u64);
            self.out.rewrite(0, &self.head.bytes)?;
            return Ok(None);
        }
        // In a pipe, chunks can follow only samples whose end the head has told.
        if self.announced == Some(self.frames) {
            if pad {
                self.out.write_all(&[0])?;
            }
            self.out.write_all(&self.tail)?;
        } else {
            self.dropped |= !self.tail.is_empty();
        }
        Ok(self
            .dropped
            .then(|| "metadata that came too late for a pipe was left out".into()))
    }
}
