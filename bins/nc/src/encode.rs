//! `nc encode`: audio, records or any bytes to an nc file.
//!
//! The file is complete and flushed before it gets its name, and `--verify` reads it back first.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use nc::{
    Audio, Codec, CodecEntry, Control, Decoder, Encoder, Format, Goal, MediaKind, Model, Registry,
    Signal, Summary,
};
use nc_records::{Schema, Source};
use serde_json::json;

use crate::args::{Encode, GoalArgs};
use crate::audio_in::AudioIn;
use crate::batch::{self, Done, Job};
use crate::failure::{Failure, Result};
use crate::input::{Input, Kind, kind_of};
use crate::kept;
use crate::models::{self, Shared};
use crate::output::{Output, is_dash};
use crate::records;
use crate::ui::{Ui, name, show};
use crate::wav::read_full;

/// Bits per second and channel where no goal is given.
const DEFAULT_RATE: u32 = 3_000;
/// Bytes read at once where the input is any bytes.
const BLOCK: usize = 1 << 16;

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Encode, ui: &mut Ui) -> Result<u8> {
    let registry = nc_codecs::registry();
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
    // Files that get back their name on decoding.
    let bytes = named.is_some_and(|e| e.info.kind != MediaKind::Audio);
    let schema = match named {
        Some(e) if e.info.kind == MediaKind::Records => Some(records::schema(model.as_ref())?),
        _ => None,
    };
    let jobs = batch::jobs(
        &args.paths,
        &args.to,
        |input| renamed(input, bytes),
        |found| bytes || kind_of(found).is_audio(),
    )?;
    if jobs.iter().any(|j| is_dash(&j.output)) {
        ui.take_stdout();
    }
    let shared = named.map(|entry| Shared::new(&registry, entry, model.as_ref()));
    let audio = registry
        .by_kind(MediaKind::Audio)
        .ok()
        .map(|entry| Shared::new(&registry, entry, model.as_ref()));
    let work = Work {
        args,
        ui,
        registry: &registry,
        named,
        schema,
        model: model.as_ref(),
    };
    Ok(batch::run(
        ui,
        &jobs,
        |job| &job.input,
        |job, threads| {
            let codec = shared.as_ref().or(audio.as_ref());
            work.one(job, threads, codec)
        },
    ))
}

/// What all jobs share.
struct Work<'a> {
    args: &'a Encode,
    ui: &'a Ui,
    registry: &'a Registry,
    named: Option<&'a CodecEntry>,
    schema: Option<Schema>,
    model: Option<&'a Model>,
}

impl Work<'_> {
    fn one(&self, job: &Job, threads: usize, codec: Option<&Shared<'_>>) -> Result<Done> {
        if let (Some(schema), Some(codec)) = (&self.schema, codec) {
            let source = records::open(&job.input)?;
            let bar = self.ui.bar(&job.input);
            let mut progress = show(&bar);
            let mut ctl = self.ui.control(threads, &mut progress);
            ctl.access = self.args.group;
            let done = self.records(job, source, schema, codec.get()?, &mut ctl);
            bar.finish_and_clear();
            return done;
        }
        let (input, kind) = Input::open(&job.input)?;
        if self.named.is_none() && !kind.is_audio() {
            let why = match kind {
                Kind::Nc => "it is an nc file already",
                _ => "not an audio file that nc can read",
            };
            return Err(Failure::usage(why).hint("--codec store keeps any file as it is"));
        }
        let Some(codec) = codec else {
            return Err(nc::Error::Unsupported("this build has no audio codec".into()).into());
        };
        let bar = self.ui.bar(&job.input);
        let mut progress = show(&bar);
        let mut ctl = self.ui.control(threads, &mut progress);
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
        let goal = goal(&self.args.goal).unwrap_or(Goal::Exact);
        let mut out = self.create(job)?;
        let mut block = vec![0; BLOCK];
        let mut n = read_full(&mut input, &mut block)?;
        // Some files of the system claim to be empty and are not.
        let length = input.len().filter(|&len| len > 0 || n == 0);
        let mut encoder = Encoder::new(&mut out, codec, Format::Bytes, length, goal)?;
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
        let goal = goal(&self.args.goal).unwrap_or(Goal::Exact);
        let mut reader = schema.reader(source, None)?;
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
        let format = Format::Records { variables };
        let mut out = self.create(job)?;
        let mut encoder = Encoder::new(&mut out, codec, format, length, goal)?;
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
            Format::Audio { rate, channels, .. } => (rate, channels),
            _ => return Err(Failure::format("not audio")),
        };
        let goal = goal(&self.args.goal)
            .unwrap_or(Goal::Bitrate(DEFAULT_RATE.saturating_mul(channels.into())));
        self.ui.detail(format_args!(
            "{}: {rate} Hz, {channels} channels, by {}{}",
            name(&job.input),
            codec.info().name,
            codec
                .model()
                .map_or(String::new(), |m| format!(" with model {m}")),
        ));
        let mut out = self.create(job)?;
        let mut encoder = Encoder::new(&mut out, codec, format, audio.frames(), goal)?;
        for meta in kept::before(&audio.take_chunks()) {
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
            (Format::Records { .. }, _) if summary.units > 0 => format!(
                ", {:.2} for each of {} records",
                summary.bytes as f64 / summary.units as f64,
                summary.units
            ),
            _ => String::new(),
        };
        self.ui.summary(format_args!(
            "{} -> {}: {} bytes{rate}",
            name(&job.input),
            name(&job.output),
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
        let opener = models::opener(self.registry, self.model);
        let mut decoder = Decoder::new(BufReader::new(file), &opener, self.ui.budget())?;
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
        Format::Audio { rate, .. } => Some(units as f64 / f64::from(rate.max(1))),
        _ => None,
    }
}

/// Rate of a whole file in kbit/s, where there is any time.
pub fn kbps(bytes: u64, seconds: Option<f64>) -> Option<f64> {
    seconds
        .filter(|&s| s > 0.0)
        .map(|s| bytes as f64 * 8.0 / s / 1000.0)
}

/// Name of the output in `--out-dir`: audio changes its extension, as decoding to WAV will; other
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
