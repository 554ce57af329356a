//! Files of media to nc files.

use std::path::{Path, PathBuf};

use nc_core::tracks::Mux;
use nc_core::{Control, Error, Format, Goal, MediaKind, ModelId, Options, Result, Summary};
use nc_media::output::Output;
use nc_media::range::units_per_second;
use nc_media::{OpenOptions, Reader, Warning, code};

use crate::endpoint::{make_folder_of, seekable};
use crate::{DecodeSettings, Settings, Source, Target, Toolkit};

/// What an encode gave.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Encoded {
    /// Form of the signal.
    pub format: Format,
    /// Name of the codec.
    pub codec: &'static str,
    /// The model that decoding needs, if any.
    pub model: Option<ModelId>,
    /// Bytes, units and chunks of the file.
    pub summary: Summary,
    /// Whether the file was decoded again and found to be right.
    pub verified: bool,
    /// What was odd about the input, or is not kept.
    pub warnings: Vec<Warning>,
    /// The other tracks, of a file of several: the sound of a clip. Their bytes are those of the track; the bytes of the
    /// first are those of the file.
    pub beside: Vec<Encoded>,
}

impl Encoded {
    /// Length in seconds, where the signal has time.
    pub fn seconds(&self) -> Option<f64> {
        self.format.seconds(self.summary.units)
    }

    /// Rate of the whole file in kbit/s, where there is any time.
    pub fn kbps(&self) -> Option<f64> {
        kbps(self.summary.bytes, self.seconds())
    }
}

/// Rate of a whole file in kbit/s, where there is any time.
pub(crate) fn kbps(bytes: u64, seconds: Option<f64>) -> Option<f64> {
    let seconds = seconds.filter(|&s| s > 0.0)?;
    Some(bytes as f64 * 8.0 / seconds / 1000.0)
}

impl Toolkit {
    /// Encodes a file or a folder of images, or a stream.
    ///
    /// # Errors
    /// [`Error::Usage`] for what makes no sense or an output that exists, [`Error::Format`] for a damaged input,
    /// [`Error::Unsupported`] for what this build does not take, [`Error::Model`], [`Error::Limit`], [`Error::Io`].
    /// Nothing is left behind then.
    pub fn encode_file<'t>(
        &self,
        from: impl Into<Source>,
        to: impl Into<Target<'t>>,
        settings: &Settings,
    ) -> Result<Encoded> {
        self.encode_file_with(from, to, settings, &mut self.control())
    }

    /// The same, with a control: progress, cancellation.
    ///
    /// # Errors
    /// As for [`Self::encode_file`].
    pub fn encode_file_with<'t>(
        &self,
        from: impl Into<Source>,
        to: impl Into<Target<'t>>,
        settings: &Settings,
        ctl: &mut Control<'_>,
    ) -> Result<Encoded> {
        let source = from.into();
        let input = source.path().map(Path::to_path_buf);
        let tracks = self.open_tracks(source, settings)?;
        let out = self.output(
            to.into(),
            input.as_deref(),
            settings.overwrite,
            settings.make_folders,
        )?;
        let out = match settings.strict {
            true => out.held()?,
            false => out,
        };
        self.encode_media(tracks, out, settings, ctl)
    }

    /// Opens what is to be encoded: as what the codec that is asked for takes, or as what it is. Of a clip with sound these are
    /// the pictures.
    ///
    /// # Errors
    /// Those of [`nc_media::open`].
    pub fn open_media(&self, source: impl Into<Source>, settings: &Settings) -> Result<Reader> {
        let first = self.open_tracks(source, settings)?.into_iter().next();
        first.ok_or_else(|| Error::Internal("a file without a track".into()))
    }

    /// Opens all tracks of what is to be encoded: a clip with sound has two, pictures first.
    ///
    /// # Errors
    /// As for [`Self::open_media`].
    pub fn open_tracks(
        &self,
        source: impl Into<Source>,
        settings: &Settings,
    ) -> Result<Vec<Reader>> {
        let mut options = OpenOptions::new().budget(self.budget());
        let kind = self.named(settings)?.map(|f| f.info().kind);
        if let Some(kind) = kind {
            options = options.kind(kind);
        }
        if kind == Some(MediaKind::Records) {
            let none = || {
                Error::Model("records need the model they are coded by".into())
                    .coded(code::NO_SCHEMA)
            };
            options = options.schema(Self::schema(settings.model.as_ref().ok_or_else(none)?)?);
        }
        if let Some(colour) = settings.background {
            options = options.background(colour);
        }
        if let Some(rate) = settings.frame_rate {
            options = options.rate(rate);
        }
        let mut tracks = match source.into() {
            Source::Path(path) => nc_media::open_tracks(path, &options)?,
            Source::Stream(stream) => nc_media::open_stream_tracks(stream, &options)?,
        };
        let bytes = |r: &Reader| r.format() == Format::Bytes;
        if kind.is_none()
            && tracks
                .iter()
                .any(|r| r.format() == Format::Bytes && r.length() == Some(0))
        {
            return Err(Error::Format("the file is empty".into()));
        }
        if kind.is_none() && tracks.iter().any(bytes) {
            let why = "not an audio file that nc can read, nor video, nor an image";
            return Err(Error::Usage(why.into()).coded(code::NOT_VIDEO));
        }
        if let Some(sound) = &settings.sound {
            let options = OpenOptions::new()
                .budget(self.budget())
                .kind(MediaKind::Audio);
            let sound = nc_media::open(sound, &options).map_err(|e| e.in_file(sound))?;
            tracks.truncate(1);
            tracks.push(sound);
        }
        Ok(tracks)
    }

    /// Encodes what was opened.
    ///
    /// # Errors
    /// As for [`Self::encode_file`].
    pub fn encode_media(
        &self,
        tracks: Vec<Reader>,
        mut out: Output<'_>,
        settings: &Settings,
        ctl: &mut Control<'_>,
    ) -> Result<Encoded> {
        let mut done = match <[Reader; 1]>::try_from(tracks) {
            Ok([reader]) => {
                let mut track = self.track(&mut out, reader, settings, ctl)?;
                while track.step(ctl)? {}
                track.finish(ctl)?
            }
            Err(tracks) => self.encode_tracks(tracks, &mut out, settings, ctl)?,
        };
        done.warnings.extend(not_met(&done, settings.goal));
        Warning::refuse(settings.strict, &done.warnings)?;
        if settings.verify {
            let none = || {
                Error::Usage("verifying needs an output that can be read back".into())
                    .coded(crate::NOT_READABLE)
            };
            let file = out.read_back()?.ok_or_else(none)?;
            let back = DecodeSettings::new().strict(settings.strict);
            let back = self.decode_seekable(file, Target::Nothing, None, &back, ctl)?;
            done.warnings.extend(back.warnings);
            for (track, back) in done.beside.iter_mut().zip(back.beside) {
                track.warnings.extend(back.decoded.warnings);
            }
        }
        out.commit()?;
        ctl.clear_checkpoints();
        Ok(Encoded {
            verified: settings.verify,
            ..done
        })
    }

    /// Encodes several tracks into one file, chunks in the order of time as far as codecs give them so.
    fn encode_tracks(
        &self,
        readers: Vec<Reader>,
        out: &mut Output<'_>,
        settings: &Settings,
        ctl: &mut Control<'_>,
    ) -> Result<Encoded> {
        let mux = Mux::new(out, readers.len())?;
        let goals = self.goals_of_tracks(&readers, settings)?;
        let mut tracks = Vec::new();
        for (number, (reader, goal)) in readers.into_iter().zip(goals).enumerate() {
            let its = Settings {
                goal: Some(goal),
                // The codec that is asked for is that of the first.
                codec: settings.codec.clone().filter(|_| number == 0),
                model: settings.model.clone().filter(|_| number == 0),
                ..settings.clone()
            };
            tracks.push(self.track(mux.track(number)?, reader, &its, ctl)?);
        }
        // Progress is that of the first track, which has most to do.
        let mut progress = ctl.progress.take();
        loop {
            let open = tracks.iter_mut().enumerate().filter(|(_, t)| !t.ended);
            let Some((number, next)) = open.min_by(|(_, a), (_, b)| a.at().total_cmp(&b.at()))
            else {
                break;
            };
            if number == 0 {
                ctl.progress = progress.take();
            }
            let stepped = next.step(ctl);
            progress = progress.or(ctl.progress.take());
            stepped?;
        }
        ctl.progress = progress;
        let mut done = Vec::new();
        for track in tracks {
            done.push(track.finish(ctl)?);
        }
        let (_, bytes) = mux.finish()?;
        let mut done = done.into_iter();
        let none = || Error::Internal("a file without a track".into());
        let mut first = done.next().ok_or_else(none)?;
        first.beside = done.collect();
        for track in &mut first.beside {
            first.warnings.append(&mut track.warnings);
        }
        first.summary.bytes = bytes;
        Ok(first)
    }

    /// The goal of each track: of a rate or a size for the whole file, tracks but the first get what their codec gives them
    /// by itself, at most a quarter of it together, and the first gets the rest.
    fn goals_of_tracks(&self, tracks: &[Reader], settings: &Settings) -> Result<Vec<Goal>> {
        let Some((first, others)) = tracks.split_first() else {
            return Ok(Vec::new());
        };
        let family = |r: &Reader| {
            self.codec_for(r.format().kind(), &Settings::new())
                .map(|(f, _)| f)
        };
        let default = |r: &Reader| -> Result<Goal> { Ok(family(r)?.default_goal(&r.format())) };
        let share = others.len().max(1) as u64 * 4;
        let mut goals = Vec::new();
        let (mut bits, mut bytes) = (0, 0);
        for track in others {
            goals.push(match (settings.goal, default(track)?) {
                (None, own) => own,
                (Some(Goal::Bitrate(all)), Goal::Bitrate(own)) => {
                    let own = own.min(all / share as u32);
                    bits += own;
                    Goal::Bitrate(own)
                }
                (Some(Goal::Bytes(all)), Goal::Bitrate(own)) => {
                    let length = track.length().or_else(|| in_units(first, track));
                    let seconds = length.and_then(|n| track.format().seconds(n));
                    let own = seconds.map_or(all / share, |s| (s * f64::from(own) / 8.0) as u64);
                    let own = own.min(all / share);
                    bytes += own;
                    Goal::Bytes(own)
                }
                (Some(goal), _) => goal,
            });
        }
        let goal = match settings.goal {
            Some(Goal::Bitrate(all)) => Goal::Bitrate(all - bits),
            Some(Goal::Bytes(all)) => {
                Goal::Bytes(all - bytes - frames_of(first, others.len()).min(all - bytes))
            }
            Some(goal) => goal,
            None => {
                let (family, _) = self.codec_for(first.format().kind(), settings)?;
                family.default_goal(&first.format())
            }
        };
        goals.insert(0, goal);
        Ok(goals)
    }

    /// Begins a track, or the only signal of a file.
    fn track<W: std::io::Write>(
        &self,
        to: W,
        reader: Reader,
        settings: &Settings,
        ctl: &mut Control<'_>,
    ) -> Result<TrackEncoder<W>> {
        let (family, codec) = self.codec_for(reader.format().kind(), settings)?;
        let taken = family.takes(&reader.format());
        let reader = reader.turned_into(taken, settings.goal == Some(Goal::Exact))?;
        let format = reader.format();
        let encoder = self.encoder(to, format, reader.length(), settings, ctl)?;
        Ok(TrackEncoder {
            reader,
            encoder,
            options: ctl.options.clone(),
            without: settings.without_metadata,
            codec: family.info().name,
            model: codec.model(),
            too_high: match settings.goal {
                Some(Goal::Bitrate(asked)) => codec
                    .most_rate(&format)
                    .filter(|most| *most < asked)
                    .map(|most| (asked, most)),
                _ => None,
            },
            units: 0,
            ended: false,
        })
    }

    /// Lowers the rate of an nc file without decoding it to samples.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec without nested rates; those of reading and writing.
    pub fn trim_file<'t>(
        &self,
        from: impl Into<Source>,
        to: impl Into<Target<'t>>,
        settings: &Settings,
        ctl: &mut Control<'_>,
    ) -> Result<Encoded> {
        let none = || Error::Usage("no rate to trim to".into());
        let goal = settings.goal.ok_or_else(none)?;
        let source = from.into();
        let input = source.path().map(PathBuf::from);
        let mut archive = nc_core::Archive::open(seekable(source)?, self.budget())?;
        let header = *archive.header();
        let mut out = self.output(
            to.into(),
            input.as_deref(),
            settings.overwrite,
            settings.make_folders,
        )?;
        let (_, summary) = archive.trim(&mut out, self.registry(), goal, ctl)?;
        out.commit()?;
        let family = self.registry().by_id(header.codec)?;
        Ok(Encoded {
            format: header.format,
            codec: family.info().name,
            model: header.model,
            summary,
            verified: false,
            warnings: Vec::new(),
            beside: Vec::new(),
        })
    }

    /// Opens an output of bytes.
    pub(crate) fn output<'t>(
        &self,
        to: Target<'t>,
        input: Option<&Path>,
        overwrite: bool,
        make_folders: bool,
    ) -> Result<Output<'t>> {
        match to {
            Target::Path(path) => {
                if make_folders {
                    make_folder_of(&path)?;
                }
                Output::create(&path, input, overwrite)
            }
            Target::Stream(stream) => Ok(Output::stream(stream, "-")),
            Target::Nothing => Ok(Output::stream(std::io::sink(), "-")),
        }
    }
}

/// A signal on its way from a file to its codec.
struct TrackEncoder<W: std::io::Write> {
    reader: Reader,
    encoder: nc_core::Encoder<W>,
    options: Options,
    /// Whether what the file says beside its signal is left out.
    without: bool,
    codec: &'static str,
    model: Option<ModelId>,
    /// The rate that was asked for and that the codec does not reach.
    too_high: Option<(u32, u32)>,
    /// Units that were read.
    units: u64,
    ended: bool,
}

impl<W: std::io::Write> TrackEncoder<W> {
    /// How far it is, in seconds; in units, where it has none.
    fn at(&self) -> f64 {
        let seconds = self.reader.format().seconds(self.units);
        seconds.unwrap_or(self.units as f64)
    }

    fn metadata(&mut self) {
        for meta in self
            .reader
            .take_metadata()
            .into_iter()
            .filter(|_| !self.without)
        {
            self.encoder.add_meta(meta.tag, &meta.data);
        }
    }

    /// Encodes the next piece; false at the end.
    fn step(&mut self, ctl: &mut Control<'_>) -> Result<bool> {
        self.metadata();
        ctl.options.clone_from(&self.options);
        match self.reader.next()? {
            Some(piece) => {
                self.units += piece.units();
                self.encoder.push(piece.view(), ctl)?;
            }
            None => self.ended = true,
        }
        Ok(!self.ended)
    }

    fn finish(mut self, ctl: &mut Control<'_>) -> Result<Encoded> {
        self.metadata();
        ctl.options.clone_from(&self.options);
        let format = self.reader.format();
        let (_, summary) = self.encoder.finish(ctl)?;
        if format.kind() == MediaKind::Video && summary.units == 0 {
            return Err(Error::Format("a video without a frame".into()));
        }
        let mut warnings = self.reader.warnings().to_vec();
        if let Some((asked, most)) = self.too_high {
            let [asked, most] = [asked, most].map(|rate| f64::from(rate) / 1000.0);
            let text = format!("{asked} kbit/s were asked for, and the codec gives {most} at most");
            warnings.push(Warning::new(code::GOAL_NOT_MET, text));
        }
        Ok(Encoded {
            format,
            codec: self.codec,
            model: self.model,
            summary,
            verified: false,
            warnings,
            beside: Vec::new(),
        })
    }
}

/// What is said of a file that is larger than was asked for.
fn not_met(done: &Encoded, goal: Option<Goal>) -> Option<Warning> {
    let bytes = done.summary.bytes;
    let text = match goal? {
        Goal::Bytes(asked) if bytes > asked => {
            format!("{asked} bytes were asked for, and the least is {bytes}")
        }
        Goal::Bitrate(asked) => {
            let asked = f64::from(asked) / 1000.0;
            let kbps = done.kbps().filter(|kbps| *kbps > asked)?;
            format!("{asked} kbit/s were asked for, and the least is {kbps:.2}")
        }
        _ => return None,
    };
    let text = format!("{text}, with what the file says beside its signal");
    Some(Warning::new(code::GOAL_NOT_MET, text))
}

/// Units of `track` that the length of another comes to, where that is known.
fn in_units(other: &Reader, track: &Reader) -> Option<u64> {
    let seconds = other.format().seconds(other.length()?)?;
    Some((seconds * units_per_second(&track.format())?) as u64)
}

/// Bytes that frames of pieces may take, of a file with so many tracks beside the first.
fn frames_of(first: &Reader, others: usize) -> u64 {
    // A piece has at most 26 bytes around it, and a chunk of any codec lasts some seconds.
    let seconds = first.length().and_then(|n| first.format().seconds(n));
    let chunks = seconds.map_or(4, |s| s as u64 / 2 + 4);
    (1 + others as u64) * (chunks * 26 + 10)
}
