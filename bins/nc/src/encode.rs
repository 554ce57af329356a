//! `nc encode`: audio, video, records or any bytes to an nc file.
//!
//! The file is complete and flushed before it gets its name, and `--verify` reads it back first.

use std::collections::VecDeque;
use std::io::BufReader;
use std::time::Duration;

use nc_core::{
    AudioFormat, Codec, CodecEntry, Control, Decoder, Effort, Encoder, Format, Goal, MediaKind,
    Opener, Progress, Summary, VideoFormat,
};
use nc_media::records::Schema;
use nc_media::{OpenOptions, Reader, Warning, ffmpeg, formats, names};
use serde_json::json;

use crate::args::{Encode, GoalArgs, Preset};
use crate::batch::{self, Done, Job};
use crate::failure::{Failure, Result};
use crate::files::{self, Output, is_dash};
use crate::models::{self, Shared};
use crate::signals;
use crate::ui::{Ui, label, name, show};

/// Bits per second and channel where no goal is given.
const DEFAULT_RATE: u32 = 3_000;
/// Quality of video where no goal is given.
const DEFAULT_QUALITY: f32 = 5.0;
/// How long a stop waits for a checkpoint.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Encode, ui: &mut Ui) -> Result<u8> {
    let registry = nc::registry();
    let mut budget = ui.budget();
    let model = models::given(args.model.as_deref(), &mut budget)?;
    let named = match (&args.codec, &model) {
        (Some(name), _) => Some(registry.by_name(name)?),
        // The model of a codec for records says what its input is.
        (None, Some(model)) => model
            .meta("codec")
            .and_then(|name| registry.by_name(name).ok())
            .filter(|e| e.info.kind == MediaKind::Records),
        _ => None,
    };
    let kind = named.map(|e| e.info.kind);
    // Files that get back their name on decoding.
    let bytes = kind.is_some_and(|k| !matches!(k, MediaKind::Audio | MediaKind::Video));
    let schema = match named {
        Some(e) if e.info.kind == MediaKind::Records => Some(files::schema(model.as_ref())?),
        _ => None,
    };
    let jobs = batch::jobs(
        &args.paths,
        &args.to,
        |input| names::encoded(input, bytes),
        |found| {
            let format = formats::of_file(found);
            let is = |kind| format.is_some_and(|f| f.kind == Some(kind));
            match kind {
                // Images and what takes another program lie beside sound for other reasons, so they are taken where
                // video was asked for.
                Some(MediaKind::Video) => is(MediaKind::Video) || ffmpeg::is_known(found),
                Some(MediaKind::Audio) => is(MediaKind::Audio),
                Some(_) => true,
                None => is(MediaKind::Audio) || format == Some(&formats::Y4M),
            }
        },
    )?;
    if jobs.iter().any(|j| is_dash(&j.output)) {
        ui.take_stdout();
    }
    let shared = named.map(|entry| Shared::new(&registry, entry, model.as_ref()));
    let preferred = |kind| {
        let entry = registry.by_kind(kind).ok();
        entry.map(|entry| Shared::new(&registry, entry, model.as_ref()))
    };
    let (audio, video) = (preferred(MediaKind::Audio), preferred(MediaKind::Video));
    let opener = models::opener(&registry, model.as_ref());
    let work = Work {
        args,
        ui,
        opener: &opener,
        named,
        schema,
        many: jobs.len() > 1,
    };
    Ok(batch::run(
        ui,
        &jobs,
        |job| &job.input,
        |job, threads| {
            work.one(job, threads, |kind| {
                shared.as_ref().or(match kind {
                    MediaKind::Video => video.as_ref(),
                    _ => audio.as_ref(),
                })
            })
        },
    ))
}

/// What all jobs share.
struct Work<'a> {
    args: &'a Encode,
    ui: &'a Ui,
    /// For what is read again, to compare it.
    opener: &'a (dyn Opener + Sync),
    named: Option<&'a CodecEntry>,
    schema: Option<Schema>,
    many: bool,
}

impl Work<'_> {
    /// Works on one input; `codec` gives the one for a kind of media.
    fn one<'c>(
        &self,
        job: &Job,
        threads: usize,
        codec: impl Fn(MediaKind) -> Option<&'c Shared<'c>>,
    ) -> Result<Done> {
        let reader = self.open(job)?;
        let kind = reader.format().kind();
        let Some(codec) = codec(kind) else {
            let why = "this build has no codec for what this is";
            return Err(nc_core::Error::Unsupported(why.into()).into());
        };
        let bar = self.ui.bar(&job.input);
        let mut progress = show(&bar);
        let mut ctl = self.control(job, threads, &mut progress);
        let done = self.encode(job, reader, codec.get()?, &mut ctl);
        if done.is_ok() && kind == MediaKind::Video {
            ctl.clear_checkpoints();
        }
        bar.finish_and_clear();
        done
    }

    /// Opens an input as what the codec named takes, or as what it is.
    fn open(&self, job: &Job) -> Result<Reader> {
        let path = &job.input;
        let kind = self.named.map(|e| e.info.kind);
        let mut options = OpenOptions::new().budget(self.ui.budget());
        if let Some(kind) = kind {
            options = options.kind(kind);
        }
        let may_be_video = kind.is_none_or(|k| k == MediaKind::Video);
        let folder = !is_dash(path) && path.is_dir();
        if let Some(schema) = &self.schema {
            options = options.schema(schema.clone());
        } else if let Some(rate) = self.args.rate {
            if !(may_be_video && folder) {
                let why = "--rate is for folders of images: other files say theirs";
                return Err(Failure::usage(why));
            }
            options = options.rate(rate);
        }
        let reader = files::reader(path, &options).map_err(|f| {
            let sound = || formats::of_file(path).is_some_and(|f| f.kind == Some(MediaKind::Audio));
            let by_ffmpeg = may_be_video && !is_dash(path) && ffmpeg::is_known(path);
            match f.hint {
                None if by_ffmpeg && sound() => f.hint("--codec grvq encodes its sound"),
                _ => f,
            }
        })?;
        if kind.is_none() && reader.format() == Format::Bytes {
            let why = "not an audio file that nc can read, nor video, nor an image";
            return Err(Failure::usage(why).hint("--codec store keeps any file as it is"));
        }
        Ok(reader)
    }

    fn encode(
        &self,
        job: &Job,
        mut reader: Reader,
        codec: &dyn Codec,
        ctl: &mut Control<'_>,
    ) -> Result<Done> {
        let format = reader.format();
        let mut length = reader.length();
        let mut ahead = VecDeque::new();
        if let Format::Video(form) = format {
            // A clip of one chunk has a short header where its length is known when it begins, and pipes know none: so
            // many frames are read ahead as make a chunk, which the encoder would hold anyhow. They go to the encoder
            // frame by frame, which then has the same room for them.
            let most = codec.plan(&format)?.chunk;
            let mut room = self.ui.budget();
            while length.is_none() && ahead.len() as u64 <= most {
                ctl.check()?;
                room.charge((form.frame_samples()? as u64).saturating_mul(2))?;
                match reader.next()? {
                    Some(frame) => ahead.push_back(frame),
                    None => length = Some(ahead.len() as u64),
                }
            }
            if length == Some(0) {
                return Err(Failure::format("a video without a frame"));
            }
        }
        let goal = self.goal().unwrap_or(default_goal(&format));
        self.describe(job, &format, codec);
        let mut out = self.create(job)?;
        let mut encoder = Encoder::new(&mut out, codec, format, length, goal)?;
        encoder.set_budget(self.ui.budget());
        for meta in reader.take_metadata() {
            encoder.add_meta(meta.tag, &meta.data);
        }
        loop {
            ctl.check()?;
            let piece = match ahead.pop_front() {
                Some(piece) => piece,
                None => match reader.next()? {
                    Some(piece) => piece,
                    None => break,
                },
            };
            self.patient(|| encoder.push(piece.view(), ctl))?;
        }
        for meta in reader.take_metadata() {
            encoder.add_meta(meta.tag, &meta.data);
        }
        let (_, summary) = self.patient(|| encoder.finish(ctl))?;
        self.finish(job, out, summary, format, reader.warnings())
    }

    fn describe(&self, job: &Job, format: &Format, codec: &dyn Codec) {
        let by = codec.info().name;
        match format {
            Format::Audio(AudioFormat { rate, channels, .. }) => self.ui.detail(format_args!(
                "{}: {rate} Hz, {channels} channels, by {by}{}",
                label(&job.input),
                codec
                    .model()
                    .map_or(String::new(), |m| format!(" with model {m}")),
            )),
            Format::Video(form) => self.ui.detail(format_args!(
                "{}: {} x {}, {} bits, by {by}",
                label(&job.input),
                form.width,
                form.height,
                form.bits,
            )),
            _ => {}
        }
    }

    /// Does work that saves its state when it is stopped, which may take as long as the step at hand.
    fn patient<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.args.checkpoints.is_none() {
            return work();
        }
        signals::set_grace(PATIENCE);
        let done = work();
        signals::set_grace(signals::GRACE);
        done
    }

    fn goal(&self) -> Option<Goal> {
        goal(&self.args.goal).or(self.args.lossless.then_some(Goal::Exact))
    }

    /// What the codec is told beside the goal.
    fn control<'a>(
        &self,
        job: &Job,
        threads: usize,
        progress: &'a mut dyn FnMut(Progress<'_>),
    ) -> Control<'a> {
        let mut ctl = self.ui.control(threads, progress);
        ctl.access = self.args.group;
        ctl.effort = match self.args.preset {
            Preset::Fast => Effort::Fast,
            Preset::Medium => Effort::Medium,
            Preset::Slow => Effort::Slow,
        };
        ctl.time_limit = self.args.time_limit;
        ctl.options = self.args.option.iter().cloned().collect();
        ctl.resume = self.args.resume;
        // Of many files each has a folder of its own.
        ctl.checkpoints = self.args.checkpoints.as_ref().map(|dir| match self.many {
            true => dir.join(job.output.file_name().unwrap_or_default()),
            false => dir.clone(),
        });
        ctl
    }

    fn create(&self, job: &Job) -> Result<Output> {
        if self.args.to.out_dir.is_some() {
            batch::make_folder_of(&job.output)?;
        }
        files::output(&job.output, Some(&job.input), self.args.to.force)
    }

    fn finish(
        &self,
        job: &Job,
        mut out: Output,
        summary: Summary,
        format: Format,
        warnings: &[Warning],
    ) -> Result<Done> {
        for warning in warnings {
            self.ui.warn(&job.input, warning);
        }
        if self.args.verify {
            self.verify(job, &mut out)?;
        }
        out.commit()?;
        let seconds = seconds(format, summary.units);
        let kbps = kbps(summary.bytes, seconds);
        let rate = match (format, kbps) {
            (_, Some(k)) => format!(", {k:.2} kbit/s"),
            (Format::Video(v), None) => bits_per_pixel(&v, summary.bytes, summary.units)
                .map_or(String::new(), |b| format!(", {b:.3} bits per pixel")),
            (Format::Records(..), _) if summary.units > 0 => format!(
                ", {:.2} for each of {} records",
                summary.bytes as f64 / summary.units as f64,
                summary.units
            ),
            _ => String::new(),
        };
        self.ui.summary(format_args!(
            "{} -> {}: {} bytes{rate}",
            label(&job.input),
            label(&job.output),
            summary.bytes
        ));
        Ok(Done(json!({
            "output": name(&job.output),
            "bytes": summary.bytes,
            "payload": summary.payload,
            "units": summary.units,
            "chunks": summary.chunks,
            "seconds": seconds,
            "kbps": kbps,
            "verified": self.args.verify,
            "warnings": warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })))
    }

    /// Decodes what was written, as `nc test` would.
    fn verify(&self, job: &Job, out: &mut Output) -> Result<()> {
        let Some(file) = out.read_back()? else {
            return Err(
                Failure::usage("--verify needs an output that can be read back")
                    .hint("write to a file"),
            );
        };
        let mut decoder = Decoder::new(BufReader::new(file), self.opener, self.ui.budget())?;
        let bar = self.ui.bar(&job.input);
        let mut progress = show(&bar);
        let mut ctl = self.ui.control(1, &mut progress);
        while decoder.next(&mut ctl)?.is_some() {}
        bar.finish_and_clear();
        Ok(())
    }
}

/// What is reached where no goal is given.
fn default_goal(format: &Format) -> Goal {
    match format {
        Format::Audio(AudioFormat { channels, .. }) => {
            Goal::Bitrate(DEFAULT_RATE.saturating_mul((*channels).into()))
        }
        Format::Video(_) => Goal::Quality(DEFAULT_QUALITY),
        _ => Goal::Exact,
    }
}

/// The goal named on the command line.
pub fn goal(args: &GoalArgs) -> Option<Goal> {
    let bitrate = args.bitrate.map(Goal::Bitrate);
    let quality = args.quality.map(Goal::Quality);
    bitrate.or(quality).or(args.bytes.map(Goal::Bytes))
}

/// Length in seconds, where the signal has time.
pub fn seconds(format: Format, units: u64) -> Option<f64> {
    match format {
        Format::Audio(AudioFormat { rate, .. }) => Some(units as f64 / f64::from(rate.max(1))),
        Format::Video(v) => v.fps().map(|fps| units as f64 / fps),
        _ => None,
    }
}

/// Bits of a whole file for each pixel of each frame, where there is any.
pub fn bits_per_pixel(format: &VideoFormat, bytes: u64, frames: u64) -> Option<f64> {
    let pixels = f64::from(format.width) * f64::from(format.height) * frames as f64;
    (pixels > 0.0).then(|| bytes as f64 * 8.0 / pixels)
}

/// Rate of a whole file in kbit/s, where there is any time.
pub fn kbps(bytes: u64, seconds: Option<f64>) -> Option<f64> {
    seconds
        .filter(|&s| s > 0.0)
        .map(|s| bytes as f64 * 8.0 / s / 1000.0)
}
