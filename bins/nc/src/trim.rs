//! `nc trim`: the same file at a lower rate, without decoding it to samples.

use std::path::{Path, PathBuf};

use nc::{Settings, Toolkit};
use serde_json::json;

use crate::args::Trim;
use crate::batch::{self, Done};
use crate::encode::{facts, goal};
use crate::failure::{Failure, Result};
use crate::kinds;
use crate::models;
use crate::ui::{Ui, is_dash, label, name};

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Trim, ui: &mut Ui) -> Result<u8> {
    let goal = goal(&args.goal)
        .ok_or_else(|| Failure::usage("no rate to trim to").hint("give one with -b"))?;
    let same_name = |input: &Path| PathBuf::from(input.file_name().unwrap_or_default());
    let jobs = batch::jobs(&args.paths, &args.to, ui, |dir| {
        Toolkit::jobs(
            &args.paths,
            dir,
            args.to.recursive,
            same_name,
            Toolkit::is_nc,
        )
    })?;
    if jobs.iter().any(|j| is_dash(&j.output)) {
        ui.take_stdout();
    }
    models::add(args.model.as_deref(), ui)?;
    let settings = Settings::new()
        .goal(goal)
        .overwrite(args.to.force)
        .make_folders(args.to.out_dir.is_some());
    let ui = &*ui;
    batch::run(
        ui,
        &jobs,
        |job| &job.input,
        |job, ctl| {
            let (source, target) = (batch::source(&job.input), batch::target(&job.output)?);
            let done = ui.toolkit().trim_file(source, target, &settings, ctl);
            let done = done.map_err(models::hint_for_decoding)?;
            ui.summary(format_args!(
                "{} -> {}: {} bytes{}",
                label(&job.input),
                label(&job.output),
                done.summary.bytes,
                kinds::rate(&done)
            ));
            let told = json!({ "output": name(&job.output) });
            Ok(Done(batch::both(facts(&done), told)))
        },
    )
}
