//! One file or many: which inputs give which outputs, and working on them side by side.
//!
//! A file that fails does not stop the others: it is reported, and the exit code is that of the
//! first such file in the order given, whatever order the threads came in.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::{Value, json};

use crate::args::Destination;
use crate::failure::{Failure, Result};
use crate::files::is_dash;
use crate::ui::{Ui, label, name};

/// One input and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The file to read.
    pub input: PathBuf,
    /// The file to write.
    pub output: PathBuf,
}

/// What is done with one job: its part of the JSON summary comes back.
pub struct Done(pub Value);

/// The jobs of a command with an output. `rename` gives the name in `--out-dir`; `accept` says
/// which files found in folders are meant.
///
/// # Errors
/// Usage where the paths do not fit together, I/O for folders that cannot be read.
pub fn jobs(
    paths: &[PathBuf],
    to: &Destination,
    rename: impl Fn(&Path) -> PathBuf,
    accept: impl Fn(&Path) -> bool,
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
    let mut jobs = Vec::new();
    for path in paths {
        if is_dash(path) {
            return Err(Failure::usage(
                "standard input has no name to use in --out-dir",
            ));
        }
        if path.is_dir() && to.recursive {
            for file in walk(path)? {
                if accept(&file) {
                    let below = file.strip_prefix(path).unwrap_or(&file);
                    let output = out_dir
                        .join(below.parent().unwrap_or(Path::new("")))
                        .join(rename(&file));
                    jobs.push(Job {
                        input: file,
                        output,
                    });
                }
            }
        } else {
            jobs.push(Job {
                output: out_dir.join(rename(path)),
                input: path.clone(),
            });
        }
    }
    let mut seen = HashSet::new();
    // What one job writes, another must not read: which of them came first would decide what it is.
    let inputs: HashSet<PathBuf> = jobs.iter().flat_map(|j| j.input.canonicalize()).collect();
    for job in &jobs {
        if job.output.canonicalize().is_ok_and(|o| inputs.contains(&o)) {
            return Err(Failure::usage(format!(
                "{} is to be read and written",
                label(&job.output)
            )));
        }
        if !seen.insert(&job.output) {
            return Err(Failure::usage(format!(
                "two inputs would be written to {}",
                label(&job.output)
            )));
        }
    }
    Ok(jobs)
}

/// The files of a command that only reads: those named, and with `recursive` those in folders.
///
/// # Errors
/// I/O for folders that cannot be read.
pub fn files(
    paths: &[PathBuf],
    recursive: bool,
    accept: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>> {
    let mut all = Vec::new();
    for path in paths {
        if recursive && path.is_dir() {
            all.extend(walk(path)?.into_iter().filter(|f| accept(f)));
        } else {
            all.push(path.clone());
        }
    }
    Ok(all)
}

/// All regular files below a folder, in the order of their names. Links to folders are not
/// followed: they may lead in circles.
fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_path_buf()];
    while let Some(dir) = left.pop() {
        let entries = std::fs::read_dir(&dir).map_err(|e| Failure::from(e).on(&dir))?;
        for entry in entries {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                left.push(entry.path());
            } else if kind.is_file() || (kind.is_symlink() && entry.path().is_file()) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Makes the folder that a file is to be written into.
///
/// # Errors
/// I/O.
pub fn make_folder_of(file: &Path) -> Result<()> {
    match file.parent() {
        Some(folder) => std::fs::create_dir_all(folder).map_err(|e| Failure::from(e).on(folder)),
        None => Ok(()),
    }
}

/// Works on all jobs, side by side; `work` gets the job and the threads it may use.
pub fn run<J: Sync>(
    ui: &Ui,
    jobs: &[J],
    path: impl Fn(&J) -> &Path + Sync,
    work: impl Fn(&J, usize) -> Result<Done> + Sync,
) -> u8 {
    let threads = if jobs.len() == 1 { ui.threads() } else { 1 };
    let each = |job: &J| one(ui, path(job), || work(job, threads));
    // Also for one job: a codec's own parallel loops then run in a pool of the size asked for.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(ui.threads())
        .build();
    let codes: Vec<u8> = match pool {
        Ok(pool) => pool.install(|| jobs.par_iter().map(each).collect()),
        // No threads to be had: one after the other.
        Err(_) => jobs.iter().map(each).collect(),
    };
    first_failure(codes)
}

/// Works on all jobs one after the other, for what is quick and read by people.
pub fn run_in_order<J>(
    ui: &Ui,
    jobs: &[J],
    path: impl Fn(&J) -> &Path,
    work: impl Fn(&J, usize) -> Result<Done>,
) -> u8 {
    first_failure(
        jobs.iter()
            .map(|job| one(ui, path(job), || work(job, ui.threads())))
            .collect(),
    )
}

fn first_failure(codes: Vec<u8>) -> u8 {
    codes.into_iter().find(|&c| c != 0).unwrap_or(0)
}

/// Works on one job and reports; gives its exit code.
fn one(ui: &Ui, input: &Path, work: impl FnOnce() -> Result<Done>) -> u8 {
    let reported = work().and_then(|Done(mut value)| {
        if let Some(object) = value.as_object_mut() {
            object.insert("input".into(), json!(name(input)));
            object.insert("ok".into(), json!(true));
        }
        ui.json(&value)
    });
    match reported {
        Ok(()) => 0,
        Err(failure) => {
            ui.fail(input, &failure);
            // Where even this cannot be written, the exit code still tells.
            let mut told = json!({
                "input": name(input),
                "ok": false,
                "error": failure.reason(),
                "exit": failure.code(),
            });
            if let (Some(told), Value::Object(more)) = (told.as_object_mut(), &failure.details) {
                told.extend(more.clone());
            }
            let _ = ui.json(&told);
            failure.code()
        }
    }
}
