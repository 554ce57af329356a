//! Sound in, in blocks of `[channels, samples]`, so that hours fit in constant memory.
//!
//! Samples that are not numbers become 0 here, before a codec sees them: every transform behind would spread them over a
//! whole frame.

use std::io::BufReader;

use nc_core::container::Meta;
use nc_core::{AudioBuf, AudioFormat, Error, Format, Result, SignalBuf};

#[cfg(feature = "compressed-sound")]
use super::compressed::CompressedReader;
use super::wav::WavReader;
use crate::contract::{OpenOptions, ReadSignal};
use crate::input::Input;
use crate::metadata;
use crate::warning::{Warning, code};

/// Samples of all channels in a block.
const BLOCK: usize = 1 << 16;

struct Reader {
    source: Source,
    rate: u32,
    channels: usize,
    /// The samples of a block, interleaved.
    flat: Vec<f32>,
    not_numbers: u64,
    ended: bool,
}

enum Source {
    Wav(Box<WavReader<BufReader<Input>>>),
    #[cfg(feature = "compressed-sound")]
    Compressed(Box<CompressedReader>),
}

/// Opens WAV.
pub(crate) fn wav(input: Input, options: &OpenOptions) -> Result<Box<dyn ReadSignal>> {
    let buffered = BufReader::with_capacity(1 << 16, input);
    let reader = WavReader::new(buffered, options.budget.share())?;
    Reader::open(Source::Wav(Box::new(reader)))
}

/// Opens what symphonia decodes.
#[cfg(feature = "compressed-sound")]
pub(crate) fn compressed(input: Input, options: &OpenOptions) -> Result<Box<dyn ReadSignal>> {
    let budget = options.budget.share();
    let reader = match input.into_file() {
        Ok(file) => CompressedReader::from_file(file, budget)?,
        Err(stream) => CompressedReader::from_pipe(stream, budget)?,
    };
    Reader::open(Source::Compressed(Box::new(reader)))
}

/// Says what is missing.
#[cfg(not(feature = "compressed-sound"))]
pub(crate) fn compressed(_: Input, _: &OpenOptions) -> Result<Box<dyn ReadSignal>> {
    let why =
        "compressed sound: this build is without the feature compressed-sound, which reads it";
    Err(Error::Unsupported(why.into()).coded(code::NOT_BUILT_IN))
}

impl Source {
    fn format(&self) -> Format {
        match self {
            Self::Wav(r) => r.format(),
            #[cfg(feature = "compressed-sound")]
            Self::Compressed(r) => r.format(),
        }
    }
}

impl Reader {
    fn open(source: Source) -> Result<Box<dyn ReadSignal>> {
        let Format::Audio(AudioFormat { rate, channels, .. }) = source.format() else {
            return Err(Error::Internal("a reader of sound that reads none".into()));
        };
        Ok(Box::new(Self {
            source,
            rate,
            channels: channels.into(),
            flat: Vec::new(),
            not_numbers: 0,
            ended: false,
        }))
    }
}

impl ReadSignal for Reader {
    fn format(&self) -> Format {
        self.source.format()
    }

    fn length(&self) -> Option<u64> {
        match &self.source {
            Source::Wav(r) => r.frames(),
            #[cfg(feature = "compressed-sound")]
            Source::Compressed(r) => r.frames(),
        }
    }

    fn next(&mut self) -> Result<Option<SignalBuf>> {
        self.flat.clear();
        let n = match &mut self.source {
            Source::Wav(r) => r.read((BLOCK / self.channels).max(1), &mut self.flat)?,
            #[cfg(feature = "compressed-sound")]
            Source::Compressed(r) => r.read(&mut self.flat)?,
        };
        if n == 0 {
            self.ended = true;
            return Ok(None);
        }
        for x in self.flat.iter_mut().filter(|x| !x.is_finite()) {
            *x = 0.0;
            self.not_numbers += 1;
        }
        let samples = super::interleaved::split(&self.flat, self.channels)?;
        Ok(Some(SignalBuf::Audio(AudioBuf {
            rate: self.rate,
            samples,
        })))
    }

    fn take_metadata(&mut self) -> Result<Vec<Meta>> {
        Ok(match &mut self.source {
            Source::Wav(r) => metadata::of_wav(r.take_chunks()),
            #[cfg(feature = "compressed-sound")]
            Source::Compressed(_) => Vec::new(),
        })
    }

    fn take_warnings(&mut self) -> Vec<Warning> {
        let mut all = match &mut self.source {
            Source::Wav(r) => r.take_warnings(),
            #[cfg(feature = "compressed-sound")]
            Source::Compressed(_) => Vec::new(),
        };
        if self.ended && self.not_numbers > 0 {
            let n = std::mem::take(&mut self.not_numbers);
            let text = format!("{n} samples were infinite or not numbers and became 0");
            all.push(Warning::new(code::NOT_NUMBERS, text));
        }
        all
    }
}
