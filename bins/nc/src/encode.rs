//! `nc encode`: audio, video, records or any bytes to an nc file.
//!
//! The file is complete and flushed before it gets its name, and `--verify` reads it back first.

mod video;

use std::io::BufReader;
use std::path::{Path, PathBuf};

use nc_core::container::read_full;
use nc_core::{
    Audio, AudioFormat, Codec, CodecEntry, Control, Decoder, Effort, Encoder, Format, Goal,
    MediaKind, Opener, Progress, RecordsFormat, Signal, Summary, VideoFormat,
};
use nc_media::records::{Schema, Source};
use serde_json::json;

use crate::args::{Encode, GoalArgs, Preset};
use crate::audio_in::AudioIn;
use crate::batch::{self, Done, Job};
use crate::failure::{Failure, Result};
use crate::foreign;
use crate::input::{Input, Kind, kind_of};
use crate::kept;
use crate::models::{self, Shared};
use crate::output::{Output, is_dash};
use crate::records;
use crate::ui::{Ui, label, name, show};

use video::Found;

/// Bits per second and channel where no goal is given.
const DEFAULT_RATE: u32 = 3_000;
/// Bytes read at once where the input is any bytes.
const BLOCK: usize = 1 << 16;

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
        Some(e) if e.info.kind == MediaKind::Records => Some(records::schema(model.as_ref())?),
        _ => None,
    };
    let jobs = batch::jobs(
        &args.paths,
        &args.to,
        |input| renamed(input, bytes),
        |found| match kind {
            // Images and what takes another program lie beside sound for other reasons, so they are
            // taken where video was asked for.
            Some(MediaKind::Video) => kind_of(found).is_video() || foreign::is_video(found),
            Some(MediaKind::Audio) => kind_of(found).is_audio(),
            Some(_) => true,
            None => kind_of(found).is_audio() || kind_of(found) == Kind::Y4m,
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
            let named = shared.as_ref();
            work.one(
                job,
                threads,
                named.or(audio.as_ref()),
                named.or(video.as_ref()),
            )
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
    /// Works on one input; `codec` is the one named, or else that of the kind that it turns out to be.
    fn one(
        &self,
        job: &Job,
        threads: usize,
        codec: Option<&Shared<'_>>,
        for_video: Option<&Shared<'_>>,
    ) -> Result<Done> {
        if let (Some(schema), Some(codec)) = (&self.schema, codec) {
            let source = records::open(&job.input)?;
            let bar = self.ui.bar(&job.input);
            let mut progress = show(&bar);
            let mut ctl = self.control(job, threads, &mut progress);
            let done = self.records(job, source, schema, codec.get()?, &mut ctl);
            bar.finish_and_clear();
            return done;
        }
        let found = self.look(job)?;
        let wanted = match &found {
            Found::Video(_) => for_video,
            Found::Other(..) => codec,
        };
        let kind = self.named.map(|e| e.info.kind);
        if let Found::Other(_, found) = &found
            && (kind == Some(MediaKind::Video) || kind.is_none() && !found.is_audio())
        {
            let why = match found {
                Kind::Nc => "it is an nc file already",
                _ if kind.is_some() => "not video, nor an image",
                _ => "not an audio file that nc can read, nor video, nor an image",
            };
            return Err(Failure::usage(why).hint("--codec store keeps any file as it is"));
        }
        let Some(codec) = wanted else {
            let why = "this build has no codec for what this is";
            return Err(nc_core::Error::Unsupported(why.into()).into());
        };
        let bar = self.ui.bar(&job.input);
        let mut progress = show(&bar);
        let mut ctl = self.control(job, threads, &mut progress);
        let (input, kind) = match found {
            Found::Other(input, kind) => (input, kind),
            Found::Video(video) => {
                let done = self.video(job, *video, codec, &mut ctl);
                if done.is_ok() {
                    ctl.clear_checkpoints();
                }
                bar.finish_and_clear();
                return done;
            }
        };
        let bytes = self.named.is_some_and(|e| e.info.kind == MediaKind::Bytes);
        let done = if bytes {
            self.bytes(job, input, codec.get()?, &mut ctl)
        } else {
            self.audio(job, input, kind, codec, &mut ctl)
        };
        bar.finish_and_clear();
        done
    }

    fn bytes(
        &self,
        job: &Job,
        mut input: Input,
        codec: &dyn Codec,
        ctl: &mut Control<'_>,
    ) -> Result<Done> {
        let goal = self.goal().unwrap_or(Goal::Exact);
        let mut out = self.create(job)?;
        let mut block = vec![0; BLOCK];
        let mut n = read_full(&mut input, &mut block)?;
        // Some files of the system claim to be empty and are not.
        let length = input.len().filter(|&len| len > 0 || n == 0);
        let mut encoder = Encoder::new(&mut out, codec, Format::Bytes, length, goal)?;
        encoder.set_budget(self.ui.budget());
        while n > 0 {
            ctl.check()?;
            encoder.push(Signal::Bytes(&block[..n]), ctl)?;
            n = read_full(&mut input, &mut block)?;
        }
        let (_, summary) = encoder.finish(ctl)?;
        self.finish(job, out, summary, Format::Bytes, &[])
    }

    fn records(
        &self,
        job: &Job,
        source: Source,
        schema: &Schema,
        codec: &dyn Codec,
        ctl: &mut Control<'_>,
    ) -> Result<Done> {
        let goal = self.goal().unwrap_or(Goal::Exact);
        let mut reader = schema.reader(source, None, self.ui.budget())?;
        let at_once = records::rows_at_once(schema);
        let mut block = reader.next(at_once)?;
        let mut next = match block {
            Some(_) => reader.next(at_once)?,
            None => None,
        };
        // A short file has a short header where its length is known.
        let length = match (&block, &next) {
            (block, None) => Some(block.as_ref().map_or(0, |b| b.values.nrows() as u64)),
            _ => None,
        };
        let variables = schema.alphabets().len() as u32;
        let format = Format::Records(RecordsFormat { variables });
        let mut out = self.create(job)?;
        let mut encoder = Encoder::new(&mut out, codec, format, length, goal)?;
        encoder.set_budget(self.ui.budget());
        while let Some(rows) = block {
            ctl.check()?;
            encoder.push(Signal::Records(rows.view()), ctl)?;
            block = next;
            next = match block {
                Some(_) => reader.next(at_once)?,
                None => None,
            };
        }
        let extras = reader.extras()?;
        if !extras.is_empty() {
            encoder.add_meta(records::EXTRAS, &extras);
        }
        let (_, summary) = encoder.finish(ctl)?;
        self.finish(job, out, summary, format, &[])
    }

    fn audio(
        &self,
        job: &Job,
        input: Input,
        kind: Kind,
        codec: &Shared<'_>,
        ctl: &mut Control<'_>,
    ) -> Result<Done> {
        let mut audio = AudioIn::open(input, kind, self.ui.budget())?;
        let codec = codec.get()?;
        let format = audio.format();
        let (rate, channels) = match format {
            Format::Audio(AudioFormat { rate, channels, .. }) => (rate, channels),
            _ => return Err(Failure::format("not audio")),
        };
        let goal = self
            .goal()
            .unwrap_or(Goal::Bitrate(DEFAULT_RATE.saturating_mul(channels.into())));
        self.ui.detail(format_args!(
            "{}: {rate} Hz, {channels} channels, by {}{}",
            label(&job.input),
            codec.info().name,
            codec
                .model()
                .map_or(String::new(), |m| format!(" with model {m}")),
        ));
        let mut out = self.create(job)?;
        let mut encoder = Encoder::new(&mut out, codec, format, audio.frames(), goal)?;
        encoder.set_budget(self.ui.budget());
        for meta in kept::before(audio.take_chunks()) {
            encoder.add_meta(meta.tag, &meta.data);
        }
        while let Some(block) = audio.next_block()? {
            ctl.check()?;
            let samples = block.view();
            encoder.push(Signal::Audio(Audio { rate, samples }), ctl)?;
        }
        for chunk in audio.take_chunks() {
            encoder.add_meta(chunk.id, &chunk.data);
        }
        let (_, summary) = encoder.finish(ctl)?;
        self.finish(job, out, summary, format, &audio.warnings())
    }

    /// Whether an input is looked at as video.
    fn may_be_video(&self) -> bool {
        self.named.is_none_or(|e| e.info.kind == MediaKind::Video)
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
        Output::create(&job.output, Some(&job.input), self.args.to.force)
    }

    fn finish(
        &self,
        job: &Job,
        mut out: Output,
        summary: Summary,
        format: Format,
        warnings: &[String],
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
            "warnings": warnings,
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

/// Name of the output in `--out-dir`: audio and video change their extension, as decoding will; other
/// files keep theirs, so that decoding gives back the name.
fn renamed(input: &Path, bytes: bool) -> PathBuf {
    let file = PathBuf::from(input.file_name().unwrap_or_default());
    if bytes {
        let mut name = file.into_os_string();
        name.push(".nc");
        name.into()
    } else {
        file.with_extension("nc")
    }
}
