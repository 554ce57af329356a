//! `nc encode`: sound, video, records or any bytes to an nc file.

use std::time::Duration;

use nc::{Control, Effort, Encoded, Goal, Job, Options, Settings};
use serde_json::{Value, json};

use crate::args::{Encode, GoalArgs, Preset};
use crate::batch::{self, Done};
use crate::failure::Result;
use crate::kinds;
use crate::models;
use crate::signals;
use crate::ui::{Ui, is_dash, label, name, warnings};

/// How long a stop waits for a checkpoint.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Encode, options: Options, ui: &mut Ui) -> Result<u8> {
    let mut settings = Settings::new()
        .effort(match args.preset {
            Preset::Fast => Effort::Fast,
            Preset::Medium => Effort::Medium,
            Preset::Slow => Effort::Slow,
        })
        .verify(args.verify)
        .strict(args.strict)
        .without_metadata(args.no_metadata)
        .overwrite(args.to.force)
        .make_folders(args.to.out_dir.is_some());
    for (name, value) in options.iter() {
        settings = settings.option(name, value);
    }
    if let Some(goal) = goal(&args.goal).or(args.lossless.then_some(Goal::Exact)) {
        settings = settings.goal(goal);
    }
    if let Some(codec) = &args.codec {
        settings = settings.codec(codec);
    }
    if let Some(rate) = args.rate {
        settings = settings.frame_rate(rate);
    }
    if let Some(colour) = args.background {
        settings = settings.background(colour);
    }
    if let Some(sound) = &args.sound {
        settings = settings.sound(sound);
    }
    if let Some(limit) = args.time_limit {
        settings = settings.time_limit(limit);
    }
    if let Some(model) = models::given(args.model.as_deref(), ui)? {
        settings = settings.model(model);
    }
    let toolkit = ui.toolkit();
    let jobs = batch::jobs(&args.paths, &args.to, ui, |dir| {
        toolkit.encode_jobs(&args.paths, dir, args.to.recursive, &settings)
    })?;
    if jobs.iter().any(|j| is_dash(&j.output)) {
        ui.take_stdout();
    }
    if args.checkpoints.is_some() {
        signals::set_grace(PATIENCE);
    }
    let many = jobs.len() > 1;
    let ui = &*ui;
    batch::run(
        ui,
        &jobs,
        |job| &job.input,
        |job, ctl| {
            let mut settings = settings.clone();
            if let Some(dir) = &args.checkpoints {
                // Of many files each has a folder of its own, in the same tree as the outputs.
                let below = args.to.out_dir.as_deref().filter(|_| many);
                let own = below.and_then(|out| job.output.strip_prefix(out).ok());
                let dir = own.map_or_else(|| dir.clone(), |own| dir.join(own));
                settings = settings.checkpoints(dir, args.resume);
            }
            one(ui, job, &settings, ctl)
        },
    )
}

fn one(ui: &Ui, job: &Job, settings: &Settings, ctl: &mut Control<'_>) -> Result<Done> {
    let (source, target) = (batch::source(&job.input), batch::target(&job.output)?);
    let done = ui
        .toolkit()
        .encode_file_with(source, target, settings, ctl)
        .map_err(|e| kinds::hint_for_encoding(e, &job.input))?;
    for track in std::iter::once(&done).chain(&done.beside) {
        let Some(form) = kinds::form(&track.format) else {
            continue;
        };
        let model = track
            .model
            .map_or(String::new(), |m| format!(" with model {m}"));
        ui.detail(format_args!(
            "{}: {form}, by {}{model}",
            label(&job.input),
            track.codec
        ));
    }
    for warning in &done.warnings {
        ui.warn(&job.input, warning);
    }
    ui.summary(format_args!(
        "{} -> {}: {} bytes{}",
        label(&job.input),
        label(&job.output),
        done.summary.bytes,
        kinds::rate(&done)
    ));
    let mut told = json!({
        "output": name(&job.output),
        "verified": done.verified,
        "warnings": warnings(&done.warnings),
    });
    if !done.beside.is_empty() {
        let beside: Vec<_> = done.beside.iter().map(facts).collect();
        told = batch::both(told, json!({ "tracks": beside }));
    }
    Ok(Done(batch::both(facts(&done), told)))
}

/// What is told of an encoded file, or of a track of it.
pub fn facts(done: &Encoded) -> Value {
    json!({
        "codec": done.codec,
        "bytes": done.summary.bytes,
        "payload": done.summary.payload,
        "units": done.summary.units,
        "chunks": done.summary.chunks,
        "seconds": done.seconds(),
        "kbps": done.kbps(),
    })
}

/// The goal named on the command line.
pub fn goal(args: &GoalArgs) -> Option<Goal> {
    let bitrate = args.bitrate.map(Goal::Bitrate);
    let quality = args.quality.map(Goal::Quality);
    bitrate.or(quality).or(args.bytes.map(Goal::Bytes))
}
