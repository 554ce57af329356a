//! FLAC, MP3, Ogg Vorbis and AAC in, through symphonia.
//!
//! One track, the file's default one, is decoded packet by packet, so that memory does not grow
//! with the length. A damaged packet is an error and not a gap: a codec that quietly leaves out
//! part of its input has lost something.
//!
//! symphonia has no budget, but what it holds grows with the bytes that it has read: of tags and tables while it
//! opens a file, then of one packet at a time. So what it reads is metered. What does not grow so is known beforehand:
//! see `compressed/vorbis.rs`.

mod meter;
mod vorbis;

use std::io::Read;

use nc_core::guard::caught;
use nc_core::{AudioFormat, Budget, Error, Format, Result, SampleDepth};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Symphonia;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;

use meter::{Meter, Metered};

/// What a decoder holds beside what it reads: a block of the longest that its format has, of eight channels, and
/// buffers of the input.
const ROOM: u64 = 4 << 20;

/// A decoder of one compressed file.
pub struct CompressedReader {
    reader: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    rate: u32,
    channels: u16,
    depth: SampleDepth,
    /// Frames that the file announces, and only where that is exact.
    announced: Option<u64>,
    done: u64,
    /// Decoded by [`CompressedReader::open`], which needs the first packet to know the channels.
    first: Vec<f32>,
    ended: bool,
    meter: Meter,
    budget: Budget,
}

impl CompressedReader {
    /// Opens a file that can be sought in.
    ///
    /// # Errors
    /// Format where it is none of the known kinds or damaged, Unsupported for what the decoders
    /// cannot do, Limit for tags, tables and packets beyond the budget, I/O.
    pub fn from_file(file: std::fs::File, budget: Budget) -> Result<Self> {
        Self::open(Box::new(file), budget)
    }

    /// Opens a stream that can only be read forward.
    ///
    /// # Errors
    /// As [`CompressedReader::from_file`].
    pub fn from_pipe(input: impl Read + Send + Sync + 'static, budget: Budget) -> Result<Self> {
        Self::open(Box::new(ReadOnlySource::new(input)), budget)
    }

    fn open(source: Box<dyn MediaSource>, mut budget: Budget) -> Result<Self> {
        budget.charge(ROOM)?;
        let meter = Meter::new(budget.left());
        let source = Metered::new(source, meter.clone());
        let opened = guarded(|| Self::open_inner(Box::new(source), meter.clone(), budget));
        meter.check().and(opened)
    }

    fn open_inner(source: Box<dyn MediaSource>, meter: Meter, mut budget: Budget) -> Result<Self> {
        let stream = MediaSourceStream::new(source, Default::default());
        let reader = symphonia::default::get_probe()
            .probe(
                &Hint::new(),
                stream,
                FormatOptions::default(),
                MetadataOptions::default(),
            )
            .map_err(from_symphonia)?;
        // Tables and tags of all that was read may be held from now on.
        budget.charge(meter.used())?;
        let track = reader
            .default_track(TrackType::Audio)
            .ok_or_else(|| Error::Format("no audio track".into()))?;
        let params = track
            .codec_params
            .as_ref()
            .and_then(|p| p.audio())
            .ok_or_else(|| Error::Format("no audio track".into()))?;
        if params.codec == CODEC_ID_VORBIS {
            budget.charge(vorbis::codebooks(
                params.extra_data.as_deref().unwrap_or_default(),
            ))?;
        }
        // FLAC carries an MD5 of its samples; symphonia compares it when asked to.
        let options = AudioDecoderOptions::default().verify(true);
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(params, &options)
            .map_err(from_symphonia)?;
        // Only a lossless file has a depth of its own; 16 bits hold what the others hold.
        let exact = params.codec == CODEC_ID_FLAC;
        let depth = match params.bits_per_sample {
            Some(..=8) if exact => SampleDepth::U8,
            Some(17..=24) if exact => SampleDepth::I24,
            Some(25..) if exact => SampleDepth::I32,
            _ => SampleDepth::I16,
        };
        let mut this = Self {
            track: track.id,
            announced: track.num_frames.filter(|_| exact),
            reader,
            decoder,
            rate: 0,
            channels: 0,
            depth,
            done: 0,
            first: Vec::new(),
            ended: false,
            meter,
            budget,
        };
        let mut first = Vec::new();
        this.next_packet(&mut first)?;
        if this.rate == 0 {
            return Err(Error::Format("no audio in the file".into()));
        }
        this.first = first;
        Ok(this)
    }

    /// Rate, channels, and the depth to decode to.
    pub fn format(&self) -> Format {
        Format::Audio(AudioFormat {
            rate: self.rate,
            channels: self.channels,
            depth: self.depth,
        })
    }

    /// Samples per channel, where the file says so exactly.
    pub fn frames(&self) -> Option<u64> {
        self.announced
    }

    /// The next samples of every channel, interleaved, appended to `out`: as many as a packet
    /// holds; none at the end.
    ///
    /// # Errors
    /// Format for damage and for a file that ends early, Limit for a packet beyond the budget, I/O.
    pub fn read(&mut self, out: &mut Vec<f32>) -> Result<usize> {
        let samples = if self.first.is_empty() {
            let before = out.len();
            let read = guarded(|| self.next_packet(out));
            self.meter.check().and(read)?;
            out.len().saturating_sub(before)
        } else {
            let n = self.first.len();
            out.append(&mut self.first);
            n
        };
        let frames = samples.checked_div(self.channels.into()).unwrap_or(0);
        self.done = self.done.saturating_add(frames as u64);
        if frames == 0 {
            self.check_end()?;
        }
        Ok(frames)
    }

    fn check_end(&mut self) -> Result<()> {
        if let Some(want) = self.announced
            && want != self.done
        {
            return Err(Error::Format(
                format!("truncated: {} of {want} samples are there", self.done).into(),
            ));
        }
        if self.decoder.finalize().verify_ok == Some(false) {
            return Err(Error::Format("the samples do not match their MD5".into()));
        }
        Ok(())
    }

    /// Appends the next packet that holds samples.
    fn next_packet(&mut self, out: &mut Vec<f32>) -> Result<()> {
        while !self.ended {
            self.meter.restart(self.budget.left());
            let packet = match self.reader.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => {
                    self.ended = true;
                    break;
                }
                Err(Symphonia::ResetRequired) => {
                    return Err(Error::Unsupported("chained streams in one file".into()));
                }
                Err(e) => return Err(from_symphonia(e)),
            };
            if packet.track_id != self.track {
                continue;
            }
            let decoded = self.decoder.decode(&packet).map_err(from_symphonia)?;
            let rate = decoded.spec().rate();
            let channels = u16::try_from(decoded.spec().channels().count())
                .ok()
                .filter(|&c| (1..=255).contains(&c))
                .ok_or_else(|| Error::Format("the number of channels is not usable".into()))?;
            if self.rate == 0 {
                if rate == 0 || rate > 768_000 {
                    return Err(Error::Format(format!("a sample rate of {rate} Hz").into()));
                }
                (self.rate, self.channels) = (rate, channels);
            } else if (self.rate, self.channels) != (rate, channels) {
                return Err(Error::Unsupported(
                    "rate or channels change within the file".into(),
                ));
            }
            if decoded.frames() == 0 {
                continue;
            }
            // The decoder's own, the block and its copy.
            let samples = (decoded.frames() as u64).saturating_mul(channels.into());
            let beside = ROOM.saturating_add(self.budget.left());
            Budget::new(beside).charge(samples.saturating_mul(12))?;
            let mut block = Vec::new();
            decoded.copy_to_vec_interleaved::<f32>(&mut block);
            out.append(&mut block);
            break;
        }
        Ok(())
    }
}

/// A panic in a decoder of foreign files is that file's fault, not the end of the run.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(work).unwrap_or_else(|| Err(Error::Format("the decoder gave up on it".into())))
}

fn from_symphonia(e: Symphonia) -> Error {
    match e {
        Symphonia::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::Format("truncated".into())
        }
        // symphonia reports bad lengths through this kind too.
        Symphonia::IoError(e) if e.kind() == std::io::ErrorKind::Other => {
            Error::Format(e.to_string().into())
        }
        Symphonia::IoError(e) => Error::Io(e),
        Symphonia::Unsupported(s) => Error::Unsupported(s.into()),
        Symphonia::LimitError(s) => Error::Limit(s.into()),
        Symphonia::DecodeError(s) => Error::Format(s.into()),
        other => Error::Format(other.to_string().into()),
    }
}
