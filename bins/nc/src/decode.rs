//! `nc decode`: an nc file to what it was made from, whole, in part, or what is left of it.
//!
//! What was recovered gets its name, and the command still ends with the exit code of a corrupt input, so that no script
//! takes a part for the whole.

use nc::nc_core::salvage::Lost;
use nc::{Beside, Control, DecodeSettings, Decoded, Error, Job, Losses};
use serde_json::{Value, json};

use crate::args::Decode;
use crate::batch::{self, Done};
use crate::failure::{Failure, Result};
use crate::models;
use crate::ui::{Ui, is_dash, label, name, warnings};

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Decode, ui: &mut Ui) -> Result<u8> {
    let toolkit = ui.toolkit();
    let jobs = batch::jobs(&args.paths, &args.to, ui, |dir| {
        toolkit.decode_jobs(&args.paths, dir, args.to.recursive)
    })?;
    if jobs.iter().any(|j| is_dash(&j.output)) {
        ui.take_stdout();
    }
    models::add(args.model.as_deref(), ui)?;
    let mut settings = DecodeSettings::new()
        .only(&args.only)
        .recover(args.recover)
        .strict(args.strict)
        .overwrite(args.to.force)
        .make_folders(args.to.out_dir.is_some());
    if let Some(track) = args.track {
        settings = settings.track(track);
    }
    if let Some(range) = args.range {
        settings = settings.range(range);
    }
    let ui = &*ui;
    batch::run(
        ui,
        &jobs,
        |job| &job.input,
        |job, ctl| one(ui, job, &settings, ctl),
    )
}

fn one(ui: &Ui, job: &Job, settings: &DecodeSettings, ctl: &mut Control<'_>) -> Result<Done> {
    let (source, target) = (batch::source(&job.input), batch::target(&job.output)?);
    let done = ui.toolkit().decode_file_with(source, target, settings, ctl);
    let done = done.map_err(models::hint_for_decoding)?;
    for warning in done
        .warnings
        .iter()
        .chain(done.beside.iter().flat_map(|b| &b.decoded.warnings))
    {
        ui.warn(&job.input, warning);
    }
    let all = std::iter::once(&done).chain(done.beside.iter().map(|b| &b.decoded));
    for track in all {
        if let Some(losses) = track.losses.as_ref().filter(|l| l.any) {
            return Err(lost(ui, job, track, losses));
        }
    }
    ui.summary(format_args!(
        "{} -> {}: {} bytes",
        label(&job.input),
        label(&job.output),
        done.bytes
    ));
    let mut beside = Vec::new();
    for Beside {
        track,
        path,
        decoded,
        ..
    } in &done.beside
    {
        let path = path.as_deref().unwrap_or(&job.output);
        ui.summary(format_args!(
            "{} -> {}: {} bytes",
            label(&job.input),
            label(path),
            decoded.bytes
        ));
        let place = json!({ "track": track, "output": name(path) });
        beside.push(batch::both(facts(decoded), place));
    }
    let mut told = json!({ "output": name(&job.output) });
    if !beside.is_empty() {
        told = batch::both(told, json!({ "tracks": beside }));
    }
    Ok(Done(batch::both(facts(&done), told)))
}

/// What is told of a decoded file, or of a track of it.
fn facts(done: &Decoded) -> Value {
    json!({
        "bytes": done.bytes,
        "units": done.units,
        "seconds": done.format.seconds(done.units),
        "warnings": warnings(&done.warnings),
    })
}

/// What is told of a file that lost something.
fn lost(ui: &Ui, job: &Job, done: &Decoded, losses: &Losses) -> Failure {
    let unit = done.format.kind().units();
    for lost in &losses.lost {
        ui.warn(&job.input, describe(lost, unit));
    }
    let n = losses.recovered;
    let what = match losses.stretches {
        0 => format!("all {n} {unit} came back, but what follows them is damaged"),
        1 => format!("{n} {unit} came back, 1 stretch is lost"),
        k => format!("{n} {unit} came back, {k} stretches are lost"),
    };
    let stretches: Vec<Value> = losses
        .lost
        .iter()
        .map(|l| json!({ "first": l.first, "units": l.units, "why": why(l) }))
        .collect();
    Failure::format(what).with(json!({
        "output": name(&job.output),
        "bytes": done.bytes,
        "recovered": n,
        "lost": stretches,
        "lost_stretches": losses.stretches,
    }))
}

fn why(lost: &Lost) -> String {
    match lost.why.cause() {
        Error::Format(why) => why.to_string(),
        why => why.to_string(),
    }
}

/// A lost stretch in words.
fn describe(lost: &Lost, unit: &str) -> String {
    let (first, why) = (lost.first, why(lost));
    match lost.units.and_then(|n| n.checked_sub(1)) {
        Some(n) => format!(
            "lost: {unit} {first} to {} ({why})",
            first.saturating_add(n)
        ),
        None => format!("lost: {unit} from {first} on, nobody knows how many ({why})"),
    }
}
