//! Sound in, in blocks of `[channels, samples]`, so that hours fit in constant memory.
//!
//! Samples that are not numbers become 0 here, before a codec sees them: every transform behind would spread them over a
//! whole frame.

use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

use nc_core::container::{Meta, read_full};
use nc_core::{AudioBuf, AudioFormat, Error, Format, Result, SampleDepth, SignalBuf};
use tempfile::TempPath;

#[cfg(feature = "compressed-sound")]
use super::compressed::CompressedReader;
use super::plain::PlainReader;
use super::tags;
use super::wav::WavReader;
use crate::contract::{OpenOptions, ReadSignal};
use crate::ffmpeg::{Ffmpeg, Stream};
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
    /// What another program complained of.
    said: Vec<Warning>,
    /// Speakers that are still to be told, and the number of channels.
    mask: Option<(u32, u16)>,
}

enum Source {
    Wav(Box<WavReader<BufReader<Input>>>),
    Plain(Box<PlainReader<BufReader<Input>>>),
    /// What another program decodes; the depth of its output where that is not the sound's own.
    Program(Box<WavReader<BufReader<Ffmpeg>>>, Option<SampleDepth>),
    #[cfg(feature = "compressed-sound")]
    Compressed(Box<CompressedReader>),
}

/// Opens WAV.
pub(crate) fn wav(mut input: Input, options: &OpenOptions) -> Result<Box<dyn ReadSignal>> {
    let size = input.len();
    let more = match input.file_mut() {
        Some(file) => another_follows(file)?,
        None => false,
    };
    let buffered = BufReader::with_capacity(1 << 16, input);
    let mut reader = WavReader::of_size(buffered, size, options.budget.share())?;
    if more {
        reader.expect_more();
    }
    Reader::open(Source::Wav(Box::new(reader)))
}

/// Opens AIFF, AU and CAF.
pub(crate) fn plain(input: Input, options: &OpenOptions) -> Result<Box<dyn ReadSignal>> {
    let size = input.len();
    let buffered = BufReader::with_capacity(1 << 16, input);
    let reader = PlainReader::new(buffered, size, options.budget.share())?;
    Reader::open(Source::Plain(Box::new(reader)))
}

/// The coding of an Ogg stream that is not read here, by its first packet.
fn ogg_coding(head: &[u8]) -> Option<&'static str> {
    let (_, packet) = head.strip_prefix(b"OggS")?.split_at_checked(24)?;
    match packet {
        [b'O', b'p', b'u', b's', b'H', ..] => Some("Opus"),
        [b'S', b'p', b'e', b'e', b'x', ..] => Some("Speex"),
        [0x80, b't', b'h', b'e', b'o', ..] => Some("Theora"),
        _ => None,
    }
}

/// Opens a stream of sound through ffmpeg, of a file that is removed at the end where it is a copy. `shift`
/// samples of silence come first, or so many samples fewer.
pub(crate) fn by_ffmpeg(
    path: &Path,
    stream: &Stream,
    shift: i64,
    copy: Option<TempPath>,
    options: &OpenOptions,
) -> Result<Box<dyn ReadSignal>> {
    // Only lossless sound has a depth of its own; 16 bits hold what the other holds, and floats pass it on unclipped.
    let bits = stream.bits.filter(|_| !stream.float);
    let depth = (stream.bits.is_none()).then_some(SampleDepth::I16);
    let mut program = Ffmpeg::start_sound(path, bits, shift)?.with_copy(copy);
    // Its reason for giving nothing is better than ours for not reading it.
    let mut first = [0; 4];
    if read_full(&mut program, &mut first)? < first.len() {
        program.finish()?;
        return Err(Error::Format("ffmpeg gave no sound".into()));
    }
    let buffered = BufReader::with_capacity(1 << 16, program);
    let reader = WavReader::behind_magic(buffered, &first, options.budget.share())?;
    Reader::open(Source::Program(Box::new(reader), depth))
}

/// Whether another WAV file stands where the first one says it ends.
fn another_follows(file: &mut std::fs::File) -> Result<bool> {
    let mut head = [0; 12];
    read_full(file, &mut head)?;
    let [_, _, _, _, a, b, c, d, ..] = head;
    let size = u64::from(u32::from_le_bytes([a, b, c, d]));
    file.seek(SeekFrom::Start(8 + size.next_multiple_of(2)))?;
    let mut next = [0; 12];
    read_full(file, &mut next)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(next.starts_with(b"RIFF") && next.ends_with(b"WAVE"))
}

/// Opens what symphonia decodes.
#[cfg(feature = "compressed-sound")]
pub(crate) fn compressed(input: Input, options: &OpenOptions) -> Result<Box<dyn ReadSignal>> {
    if let Some(name) = ogg_coding(input.head()) {
        let what = format!("Ogg with {name}");
        return Err(Error::Unsupported(what).coded(code::ENCODING_NOT_READ));
    }
    // What stands behind the sound decides what the file is, so that a stream is copied first; it is compressed.
    let reader = CompressedReader::from_file(input.seekable()?, options.budget.share())?;
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
            Self::Plain(r) => r.format(),
            Self::Program(r, depth) => match (r.format(), depth) {
                (Format::Audio(format), Some(depth)) => Format::Audio(AudioFormat {
                    depth: *depth,
                    ..format
                }),
                (format, _) => format,
            },
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
        let mask = match &source {
            #[cfg(feature = "compressed-sound")]
            Source::Compressed(r) => Some(r.mask()),
            _ => None,
        };
        Ok(Box::new(Self {
            source,
            rate,
            channels: channels.into(),
            flat: Vec::new(),
            not_numbers: 0,
            ended: false,
            said: Vec::new(),
            mask: mask.map(|mask| (mask, channels)),
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
            Source::Plain(r) => r.frames(),
            Source::Program(r, _) => r.frames(),
            #[cfg(feature = "compressed-sound")]
            Source::Compressed(r) => r.frames(),
        }
    }

    fn next(&mut self) -> Result<Option<SignalBuf>> {
        self.flat.clear();
        let n = match &mut self.source {
            Source::Wav(r) => r.read((BLOCK / self.channels).max(1), &mut self.flat)?,
            Source::Plain(r) => r.read((BLOCK / self.channels).max(1), &mut self.flat)?,
            Source::Program(r, _) => {
                match r.read((BLOCK / self.channels).max(1), &mut self.flat) {
                    Ok(n) if n > 0 => n,
                    // Where it failed, that is the reason for an early end.
                    ended => {
                        self.said.extend(r.inner().get_mut().finish()?);
                        ended?
                    }
                }
            }
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
            Source::Program(r, _) => metadata::of_wav(r.take_chunks()),
            Source::Plain(r) => tags::to_meta(&r.take_tags()).into_iter().collect(),
            #[cfg(feature = "compressed-sound")]
            Source::Compressed(r) => {
                let mask =
                    std::mem::take(&mut self.mask).map(|(mask, n)| metadata::speakers(mask, n));
                mask.flatten()
                    .into_iter()
                    .chain(tags::to_meta(&r.take_tags()))
                    .collect()
            }
        })
    }

    fn take_warnings(&mut self) -> Vec<Warning> {
        let mut all = match &mut self.source {
            Source::Wav(r) => r.take_warnings(),
            Source::Plain(r) => r.take_warnings(),
            Source::Program(..) => std::mem::take(&mut self.said),
            #[cfg(feature = "compressed-sound")]
            Source::Compressed(r) => r.take_warnings(),
        };
        if self.ended && self.not_numbers > 0 {
            let n = std::mem::take(&mut self.not_numbers);
            let text = format!("{n} samples were infinite or not numbers and became 0");
            all.push(Warning::new(code::NOT_NUMBERS, text));
        }
        all
    }
}
