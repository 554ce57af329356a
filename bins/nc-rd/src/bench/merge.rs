//! `nc-rd merge`: the folders of one plan's shards, or of runs on several machines, become one.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::cache::{self, Folder};
use super::collect;
use super::results::{Results, Row, read};

/// What becomes one.
#[derive(Debug, clap::Args)]
pub struct MergeArgs {
    /// Output folders of `nc-rd run`, in the order of their shards
    #[arg(required = true, value_name = "OUT")]
    folders: Vec<PathBuf>,
    /// Folder for all of it; `nc-rd run` goes on there
    #[arg(short, value_name = "ALL")]
    output: PathBuf,
}

/// Writes all rows, coded files and examples into one folder; whether every run succeeded.
///
/// # Errors
/// I/O, results of different plans.
pub fn run(args: &MergeArgs) -> Result<bool> {
    let parts: Result<Vec<Results>> = args.folders.iter().map(|f| read(f)).collect();
    let whole = merged(parts?)?;
    let (mut folder, old) = Folder::open(&args.output)?;
    for row in whole.rows.iter().filter(|r| !old.contains_key(&r.key)) {
        folder.append(row)?;
    }
    for part in &args.folders {
        for name in ["coded", "media"] {
            copy(&part.join(name), &args.output.join(name))
                .with_context(|| part.display().to_string())?;
        }
    }
    collect::write(&args.output, &whole)?;
    let failed = whole.rows.iter().filter(|r| r.error.is_some()).count();
    super::print(&format!(
        "{}: {} runs, {failed} failed; {}\n",
        whole.name,
        whole.rows.len(),
        args.output.join("results.json").display()
    ));
    Ok(failed == 0 && !whole.rows.is_empty())
}

/// Results of all: rows in turn, so that shards come back in the plan's order; each row once.
fn merged(parts: Vec<Results>) -> Result<Results> {
    let mut parts = parts.into_iter();
    let mut whole = parts.next().context("nothing to merge")?;
    let mut lists = vec![std::mem::take(&mut whole.rows).into_iter()];
    for part in parts {
        ensure!(
            part.name == whole.name,
            "results of {:?} and of {:?}",
            whole.name,
            part.name
        );
        if part.machine != whole.machine {
            eprintln!("the parts are of several machines: their times are not to be compared");
        }
        for set in part.datasets {
            match whole.datasets.iter().find(|d| d.name == set.name) {
                Some(old) => ensure!(
                    old.kind == set.kind && old.inputs == set.inputs,
                    "data set {:?} is another one in another part",
                    set.name
                ),
                None => whole.datasets.push(set),
            }
        }
        for codec in part.codecs {
            let known =
                |c: &super::results::CodecUsed| c.name == codec.name && c.kind == codec.kind;
            if !whole.codecs.iter().any(known) {
                whole.codecs.push(codec);
            }
        }
        for skipped in part.skipped {
            if !whole.skipped.contains(&skipped) {
                whole.skipped.push(skipped);
            }
        }
        lists.push(part.rows.into_iter());
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut keys = std::collections::HashSet::new();
    loop {
        let turn: Vec<Row> = lists.iter_mut().filter_map(Iterator::next).collect();
        if turn.is_empty() {
            break;
        }
        rows.extend(turn.into_iter().filter(|r| keys.insert(r.key.clone())));
    }
    // A codec that one machine has is skipped nowhere.
    let ran = |codec: &str| rows.iter().any(|r| r.codec == codec);
    whole.skipped.retain(|s| !ran(&s.codec));
    whole.rows = rows;
    collect::complete(&mut whole);
    Ok(whole)
}

/// Copies the files below a folder that are not there yet.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else if !to.exists() {
            cache::place(&to, |part| {
                Ok(std::fs::copy(entry.path(), part).map(|_| ())?)
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
