//! An output folder: one run at a time, rows that outlive a kill, coded files by key.
//!
//! A row's key is a hash of all that decides it: the input's bytes and how they are cut, the bytes of the
//! programs and of the scripts that commands name, their versions, the commands, the setting, and the
//! version of the metrics. So a changed binary or file is measured again and nothing else is. Coded files
//! have keys without what only decides judging, so that a new metric encodes nothing again.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::results::Row;

/// Goes up whenever a metric or what is judged changes its figures.
pub const METRICS: u32 = 3;

/// BLAKE3 of parts, each with its length, in hexadecimal.
pub fn hash(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher
        .finalize()
        .to_hex()
        .get(..32)
        .unwrap_or_default()
        .to_string()
}

/// What a coded file or model took; kept beside it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Coded {
    /// Wall seconds of each repeat.
    pub times: Vec<f64>,
    /// Whether nothing else was going on.
    pub timed_alone: bool,
    /// Most memory in MiB.
    pub peak_mib: Option<f64>,
}

/// An output folder in use by this run.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    rows: File,
    /// Held until the run ends, even by a kill.
    _lock: File,
}

impl Folder {
    /// Takes a folder for this run, and gives the rows that earlier runs finished, by key. The last
    /// one of a key counts; a torn last line is cut off.
    ///
    /// # Errors
    /// I/O; another run that uses the folder; a line that is no row.
    pub fn open(root: &Path) -> Result<(Self, HashMap<String, Row>)> {
        let here = || root.display().to_string();
        let root = std::path::absolute(root)?;
        std::fs::create_dir_all(root.join("coded")).with_context(here)?;
        let lock = File::create(root.join("lock")).with_context(here)?;
        lock.try_lock()
            .with_context(|| format!("another run writes to {}", root.display()))?;
        let path = root.join("rows.jsonl");
        let old = std::fs::read(&path).unwrap_or_default();
        let whole = old.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let mut rows = HashMap::new();
        let lines = old.get(..whole).unwrap_or_default().split(|&b| b == b'\n');
        for (i, line) in lines.enumerate().filter(|(_, l)| !l.is_empty()) {
            let row: Row = serde_json::from_slice(line)
                .with_context(|| format!("{}, line {}", path.display(), i + 1))?;
            rows.insert(row.key.clone(), row);
        }
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        file.set_len(whole as u64)?;
        Ok((
            Self {
                root,
                rows: file,
                _lock: lock,
            },
            rows,
        ))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes down a finished run.
    ///
    /// # Errors
    /// I/O.
    pub fn append(&mut self, row: &Row) -> Result<()> {
        let mut line = serde_json::to_vec(row)?;
        line.push(b'\n');
        self.rows.write_all(&line)?;
        Ok(self.rows.sync_data()?)
    }
}

/// A coded file's place below a folder.
pub fn coded_name(key: &str, extension: &str) -> String {
    let dot = if extension.is_empty() { "" } else { "." };
    format!("coded/{key}{dot}{extension}")
}

/// What is known of a coded file; nothing where it is not whole.
pub fn coded(path: &Path) -> Option<Coded> {
    if !path.is_file() {
        return None;
    }
    serde_json::from_slice(&std::fs::read(beside(path)).ok()?).ok()
}

/// Keeps a coded file. What is known of it goes first, and the file gets its name last, so that one
/// that has its name is whole.
///
/// # Errors
/// I/O.
pub fn keep(made: &Path, path: &Path, known: &Coded) -> Result<()> {
    write(&beside(path), &serde_json::to_vec(known)?)?;
    place(path, |part| Ok(std::fs::copy(made, part).map(|_| ())?))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".cost");
    name.into()
}

/// Writes a file whole or not at all.
///
/// # Errors
/// I/O.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    place(path, |part| Ok(std::fs::write(part, bytes)?))
}

/// Lets a file be written under another name beside it, of which no other run has one, then renames it.
///
/// # Errors
/// I/O, those of `write`.
pub fn place(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let part = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .with_context(|| folder.display().to_string())?
        .into_temp_path();
    write(&part)?;
    part.persist(path)
        .with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests;
