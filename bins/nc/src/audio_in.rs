//! Audio in: any file that nc reads, as blocks of `[channels, samples]` in -1..=1.
//!
//! Blocks, so that hours fit in constant memory. Samples that are not numbers become 0 here,
//! before a codec sees them: every transform behind would spread them over a whole frame.

use nc_core::{AudioFormat, Budget, Error, Format, Result};
use nc_media::sound::compressed::CompressedReader;
use nc_media::sound::wav::{Chunk, WavReader};
use ndarray::Array2;

use crate::input::{Input, Kind};

/// Samples of all channels in a block.
const BLOCK: usize = 1 << 16;

/// An audio file being read.
pub struct AudioIn {
    source: Source,
    format: Format,
    channels: usize,
    flat: Vec<f32>,
    not_numbers: u64,
}

enum Source {
    Wav(Box<WavReader<std::io::BufReader<Input>>>),
    Compressed(Box<CompressedReader>),
}

impl AudioIn {
    /// Opens an input of a kind already known; metadata, packets and blocks are charged to `budget`.
    ///
    /// # Errors
    /// Format where it is not audio or damaged, Unsupported, Limit, I/O.
    pub fn open(input: Input, kind: Kind, budget: Budget) -> Result<Self> {
        let source = match kind {
            Kind::Wav => {
                let buffered = std::io::BufReader::with_capacity(1 << 16, input);
                Source::Wav(Box::new(WavReader::new(buffered, budget)?))
            }
            Kind::Compressed => Source::Compressed(Box::new(match input {
                Input::File(f) => CompressedReader::from_file(f, budget)?,
                Input::Pipe(p) => CompressedReader::from_pipe(p, budget)?,
                Input::Device(d) => CompressedReader::from_pipe(d, budget)?,
                Input::Again(a) => CompressedReader::from_pipe(a, budget)?,
            })),
            Kind::Nc => return Err(Error::Format("it is an nc file already".into())),
            Kind::Empty => return Err(Error::Format("the file is empty".into())),
            Kind::Y4m | Kind::Png | Kind::Other => {
                return Err(Error::Format("not an audio file that nc can read".into()));
            }
        };
        let format = match &source {
            Source::Wav(r) => r.format(),
            Source::Compressed(r) => r.format(),
        };
        let channels = match format {
            Format::Audio(AudioFormat { channels, .. }) => usize::from(channels).max(1),
            _ => return Err(Error::Format("not audio".into())),
        };
        Ok(Self {
            source,
            format,
            channels,
            flat: Vec::new(),
            not_numbers: 0,
        })
    }

    /// Rate, channels and depth.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Samples per channel, where the file says.
    pub fn frames(&self) -> Option<u64> {
        match &self.source {
            Source::Wav(r) => r.frames(),
            Source::Compressed(r) => r.frames(),
        }
    }

    /// The next block `[channels, samples]`; none at the end.
    ///
    /// # Errors
    /// Format for damage and truncation, I/O.
    pub fn next_block(&mut self) -> Result<Option<Array2<f32>>> {
        self.flat.clear();
        let frames = match &mut self.source {
            Source::Wav(r) => r.read((BLOCK / self.channels).max(1), &mut self.flat)?,
            Source::Compressed(r) => r.read(&mut self.flat)?,
        };
        if frames == 0 {
            return Ok(None);
        }
        for x in &mut self.flat {
            if !x.is_finite() {
                *x = 0.0;
                self.not_numbers += 1;
            }
        }
        let channels = self.channels;
        let flat = &self.flat;
        Ok(Some(Array2::from_shape_fn((channels, frames), |(c, t)| {
            flat[t * channels + c]
        })))
    }

    /// The metadata chunks not taken yet.
    pub fn take_chunks(&mut self) -> Vec<Chunk> {
        match &mut self.source {
            Source::Wav(r) => r.take_chunks(),
            Source::Compressed(_) => Vec::new(),
        }
    }

    /// What was odd about the file; complete once the last block was read.
    pub fn warnings(&mut self) -> Vec<String> {
        let mut all = match &mut self.source {
            Source::Wav(r) => r.take_warnings(),
            Source::Compressed(_) => Vec::new(),
        };
        if self.not_numbers > 0 {
            all.push(format!(
                "{} samples were infinite or not numbers and became 0",
                self.not_numbers
            ));
        }
        all
    }
}
