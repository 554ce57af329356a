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
mod section;
mod segments;
mod vorbis;

use std::fs::File;
use std::ops::Range;

use nc_core::guard::caught;
use nc_core::{AudioFormat, Budget, Error, Format, Result, SampleDepth};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error as Symphonia;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

use meter::{Meter, Metered};
use section::Section;
use symphonia::core::audio::Channels;
use symphonia::core::meta::{MetadataRevision, StandardTag};

use super::tags::Tag;
use crate::warning::{Warning, code};

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
    /// Samples of each channel that an encoder put in front, and that are left out.
    skip: u64,
    /// Speakers of the channels, as WAV has them; 0 where they have none.
    mask: u32,
    /// Files that follow in the same one, the last first.
    more: Vec<Range<u64>>,
    file: Option<File>,
    tags: Vec<(Tag, String)>,
    warnings: Vec<Warning>,
    meter: Meter,
    budget: Budget,
}

impl CompressedReader {
    /// Opens a file. Tags behind the sound are passed over, and files that were joined are read one after the other.
    ///
    /// # Errors
    /// Format where it is none of the known kinds or damaged, Unsupported for what the decoders
    /// cannot do, Limit for tags, tables and packets beyond the budget, I/O.
    pub fn from_file(mut file: File, budget: Budget) -> Result<Self> {
        let mut segments = segments::find(&mut file)?;
        let skip = segments::edited(&mut file)?;
        segments.reverse();
        let first = segments.pop().unwrap_or(0..0);
        let copy = file.try_clone()?;
        let mut this = Self::open(Box::new(Section::new(file, first)?), budget)?;
        this.skip = skip;
        if !segments.is_empty() {
            this.announced = None;
        }
        (this.more, this.file) = (segments, Some(copy));
        Ok(this)
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
            skip: 0,
            mask: 0,
            more: Vec::new(),
            file: None,
            tags: Vec::new(),
            warnings: Vec::new(),
            meter,
            budget,
        };
        let mut first = Vec::new();
        this.next_packet(&mut first)?;
        if this.rate == 0 {
            return Err(Error::Format("no audio in the file".into()));
        }
        this.first = first;
        if let Some(revision) = this.reader.metadata().skip_to_latest() {
            if let Some(mask) = speakers(revision) {
                this.mask = mask;
            }
            (this.tags, this.warnings) = texts(revision);
        }
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
        let channels = usize::from(self.channels);
        loop {
            let before = out.len();
            if self.first.is_empty() {
                let read = guarded(|| self.next_packet(out));
                self.meter.check().and(read)?;
            } else {
                out.append(&mut self.first);
            }
            let frames = (out.len() - before) / channels;
            self.done = self.done.saturating_add(frames as u64);
            if frames == 0 {
                self.check_end()?;
                match self.follow()? {
                    true => continue,
                    false => return Ok(0),
                }
            }
            let skipped = usize::try_from(self.skip).map_or(frames, |skip| skip.min(frames));
            self.skip -= skipped as u64;
            out.drain(before..before + skipped * channels);
            if frames > skipped {
                return Ok(frames - skipped);
            }
        }
    }

    /// Goes on with the next file that was joined to this one; false where there is none.
    ///
    /// # Errors
    /// Unsupported where it is of another form; as for [`Self::from_file`].
    fn follow(&mut self) -> Result<bool> {
        let (Some(range), Some(file)) = (self.more.pop(), &self.file) else {
            return Ok(false);
        };
        let at = range.start;
        let source = Section::new(file.try_clone()?, range)?;
        let mut next = Self::open(Box::new(source), self.budget.share())?;
        if next.format() != self.format() {
            let what = format!("another file, of another form, follows at byte {at}");
            return Err(Error::Unsupported(what).coded(code::ANOTHER_FOLLOWS));
        }
        next.announced = None;
        (next.more, next.file) = (std::mem::take(&mut self.more), self.file.take());
        next.tags = std::mem::take(&mut self.tags);
        next.warnings = std::mem::take(&mut self.warnings);
        *self = next;
        Ok(true)
    }

    /// What the file says of itself, as texts.
    pub fn take_tags(&mut self) -> Vec<(Tag, String)> {
        std::mem::take(&mut self.tags)
    }

    /// Speakers of the channels, as the mask of WAV has them; 0 where the file does not say.
    pub fn mask(&self) -> u32 {
        self.mask
    }

    /// What was odd about the file, or is not kept of it, so far.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
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
                if let Channels::Positioned(speakers) = decoded.spec().channels() {
                    // The lowest 18 are those of WAV.
                    self.mask = u32::try_from(speakers.bits()).unwrap_or(0);
                }
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

/// A tag of FLAC and Vorbis that has the mask of speakers as WAV has it.
const MASK: &str = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK";

fn speakers(revision: &MetadataRevision) -> Option<u32> {
    let tags = &revision.media.tags;
    let tag = tags.iter().find(|t| t.raw.key.eq_ignore_ascii_case(MASK))?;
    let text = tag.raw.value.to_string();
    let digits = text
        .trim()
        .strip_prefix("0x")
        .or(text.trim().strip_prefix("0X"))?;
    u32::from_str_radix(digits, 16).ok()
}

/// Texts that a WAV file has a place for, and what is said of the others.
fn texts(revision: &MetadataRevision) -> (Vec<(Tag, String)>, Vec<Warning>) {
    let mut tags = Vec::new();
    let mut others = Vec::new();
    for tag in &revision.media.tags {
        let text = tag.raw.value.to_string();
        let word = match &tag.std {
            Some(StandardTag::TrackTitle(_)) => "title",
            Some(StandardTag::Artist(_)) => "artist",
            Some(StandardTag::Album(_)) => "album",
            Some(StandardTag::Comment(_) | StandardTag::Description(_)) => "comment",
            Some(StandardTag::Copyright(_)) => "copyright",
            Some(
                StandardTag::ReleaseDate(_)
                | StandardTag::RecordingDate(_)
                | StandardTag::ReleaseYear(_)
                | StandardTag::RecordingYear(_),
            ) => "date",
            Some(StandardTag::Genre(_)) => "genre",
            Some(StandardTag::TrackNumber(_)) => "track",
            Some(StandardTag::Composer(_)) => "composer",
            Some(StandardTag::Language(_)) => "language",
            // Which program wrote the file is not said of its sound.
            Some(StandardTag::Encoder(_) | StandardTag::EncoderSettings(_)) => continue,
            _ if tag.raw.key.eq_ignore_ascii_case(MASK) => continue,
            _ => &tag.raw.key,
        };
        match Tag::of_word(word) {
            Some(tag) => tags.push((tag, text)),
            None => others.push(tag.raw.key.clone()),
        }
    }
    let mut warnings = Vec::new();
    if !others.is_empty() {
        let text = format!(
            "tags that a WAV file has no place for were left out: {}",
            others.join(", ")
        );
        warnings.push(Warning::new(code::METADATA_NOT_KEPT, text));
    }
    let pictures = revision.media.visuals.len();
    if pictures > 0 {
        let text = format!("{pictures} pictures in the file were left out");
        warnings.push(Warning::new(code::METADATA_NOT_KEPT, text));
    }
    (tags, warnings)
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
