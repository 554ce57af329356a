//! One file or many on the command line, and the report on each.
//!
//! A file that fails does not stop the others: it is reported, and the exit code is that of the
//! first such file in the order given, whatever order the threads came in.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use nc::{Control, Job, Jobs, Source, Target, Toolkit};
use serde_json::{Value, json};

use crate::args::Destination;
use crate::failure::{Failure, Result};
use crate::ui::{Ui, is_dash, name, show};

/// What is done with one job: its part of the JSON summary comes back.
pub struct Done(pub Value);

/// Members of two JSON objects in one; those of the second stand where both have one.
pub fn both(mut told: Value, more: Value) -> Value {
    if let (Value::Object(told), Value::Object(more)) = (&mut told, more) {
        told.extend(more);
    }
    told
}

/// The jobs of a command with an output; `many` gives those of `--out-dir`. What is passed over in folders is told.
///
/// # Errors
/// Usage where the paths do not fit together, I/O for folders that cannot be read.
pub fn jobs(
    paths: &[PathBuf],
    to: &Destination,
    ui: &Ui,
    many: impl FnOnce(&Path) -> nc::Result<Jobs>,
) -> Result<Vec<Job>> {
    let Some(out_dir) = &to.out_dir else {
        let [input, output] = paths else {
            return Err(Failure::usage(format!(
                "expected an input and an output, got {} paths",
                paths.len()
            ))
            .hint("many inputs need --out-dir"));
        };
        return Ok(vec![Job {
            input: input.clone(),
            output: output.clone(),
        }]);
    };
    if paths.iter().any(|p| is_dash(p)) {
        return Err(Failure::usage(
            "standard input has no name to use in --out-dir",
        ));
    }
    let Jobs {
        jobs, passed_over, ..
    } = many(out_dir)?;
    for file in &passed_over {
        ui.detail(format_args!("{}: passed over", name(file)));
    }
    if !passed_over.is_empty() {
        let n = passed_over.len();
        ui.summary(format_args!(
            "{n} files passed over in folders; -v names them"
        ));
    }
    Ok(jobs)
}

/// Where an input is read from.
pub fn source(path: &Path) -> Source {
    match is_dash(path) {
        true => Source::stream(io::stdin()),
        false => path.into(),
    }
}

/// Records of a file, a folder or standard input.
///
/// # Errors
/// I/O; Usage for an nc file.
pub fn records(path: &Path) -> Result<nc::media::records::Source> {
    let source = match is_dash(path) {
        true => nc::media::records::Source::of(io::stdin()),
        false => Toolkit::records_source(path),
    };
    source.map_err(|e| Failure::from(e).on(path))
}

/// Where an output is written to.
///
/// # Errors
/// Usage for a terminal.
pub fn target(path: &Path) -> Result<Target<'static>> {
    if !is_dash(path) {
        return Ok(path.into());
    }
    if io::stdout().is_terminal() {
        return Err(Failure::usage("binary output is not written to a terminal")
            .hint("redirect it, or name a file"));
    }
    Ok(Target::stream(io::stdout()))
}

/// Works on all jobs, side by side; `work` gets the job and a control with a bar.
///
/// # Errors
/// Limit where there are no threads.
pub fn run<J: Sync>(
    ui: &Ui,
    jobs: &[J],
    path: impl Fn(&J) -> &Path + Sync,
    work: impl Fn(&J, &mut Control<'_>) -> Result<Done> + Sync,
) -> Result<u8> {
    let codes = ui.toolkit().map(jobs, |job, threads| {
        let bar = ui.bar(path(job));
        let mut progress = show(&bar);
        let mut ctl = ui.toolkit().control();
        ctl.threads = threads.clone();
        ctl.progress = Some(&mut progress);
        let done = work(job, &mut ctl);
        bar.finish_and_clear();
        report(ui, path(job), done)
    })?;
    Ok(codes.into_iter().find(|&c| c != 0).unwrap_or(0))
}

/// The files of a command that only reads.
///
/// # Errors
/// I/O for folders that cannot be read.
pub fn files(paths: &[PathBuf], recursive: bool) -> Result<Vec<PathBuf>> {
    Ok(Toolkit::nc_files(paths, recursive)?)
}

/// Reports on one file; gives its exit code.
pub fn report(ui: &Ui, input: &Path, done: Result<Done>) -> u8 {
    let reported = done
        .and_then(|Done(value)| ui.json(&both(value, json!({ "input": name(input), "ok": true }))));
    let Err(failure) = reported else {
        return 0;
    };
    ui.fail(input, &failure);
    // Where even this cannot be written, the exit code still tells.
    let told = json!({
        "input": name(input),
        "ok": false,
        "error": failure.reason(),
        "code": failure.code_word,
        "exit": failure.code(),
    });
    let _ = ui.json(&both(told, failure.details.clone()));
    failure.code()
}
