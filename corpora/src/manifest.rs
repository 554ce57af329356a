//! Manifests of data sets: where each comes from, under which licence, the hash of every file,
//! and what training must never see.
//!
//! A figure measured on a set, or a model trained on one, means little when the set can drift or
//! its licence is guessed. A manifest is one TOML file and, beside it, a list in the form of
//! `sha256sum`, so that `sha256sum -c` checks a folder too.

use std::path::Path;

use nc::{Error, Result};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// What a set may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// Models may be trained on it and shipped (but see [`HeldOut`]).
    Training,
    /// Only measured on.
    Evaluation,
}

/// One data set at one revision.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Short name, that of the file.
    pub name: String,
    /// `owner/name` on GitHub.
    pub repository: String,
    /// Commit.
    pub revision: String,
    /// SPDX expression, or what takes its place.
    pub licence: String,
    /// Where the licence is stated.
    pub licence_source: String,
    /// What may be done with it.
    pub r#use: Use,
    /// What is in it.
    pub about: String,
    /// How to get it.
    pub obtain: String,
    /// Prefixes of paths that are in the list but not under the licence above; never used.
    #[serde(default)]
    pub excluded: Vec<String>,
    /// Name of the list of hashes, in the same folder.
    pub files: String,
}

/// A file of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Path in the repository.
    pub path: String,
}

/// Parts of sets that training must never see.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HeldOut {
    /// The parts.
    pub part: Vec<Part>,
}

/// One part that is held out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Part {
    /// `owner/name` on GitHub.
    pub repository: String,
    /// Every path that starts so; empty means the whole set.
    pub prefix: String,
    /// Who speaks, and why this part.
    pub about: String,
}

/// What is wrong with a file of a folder that should hold a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not there or cannot be read.
    Missing,
    /// Its hash is another.
    Differs,
}

impl Manifest {
    /// Reads a manifest and its list.
    ///
    /// # Errors
    /// Io; Format for what is not a manifest.
    pub fn open(path: &Path) -> Result<(Self, Vec<Entry>)> {
        let it: Self = parse(&std::fs::read_to_string(path)?)?;
        let list = std::fs::read_to_string(path.with_file_name(&it.files))?;
        Ok((it, entries(&list)?))
    }

    /// True for a path that a shipped model may be trained on.
    pub fn trainable(&self, held_out: &HeldOut, path: &str) -> bool {
        self.r#use == Use::Training
            && !self.excluded.iter().any(|p| path.starts_with(p.as_str()))
            && !held_out.contains(&self.repository, path)
    }
}

impl HeldOut {
    /// Reads `heldout.toml`.
    ///
    /// # Errors
    /// Io; Format.
    pub fn open(path: &Path) -> Result<Self> {
        parse(&std::fs::read_to_string(path)?)
    }

    /// Whether training must not see this file.
    pub fn contains(&self, repository: &str, path: &str) -> bool {
        self.part
            .iter()
            .any(|p| p.repository == repository && path.starts_with(p.prefix.as_str()))
    }
}

/// Parses the output of `sha256sum`.
///
/// # Errors
/// Format for a line that is none.
pub fn entries(list: &str) -> Result<Vec<Entry>> {
    list.lines()
        .map(|line| {
            line.split_once("  ")
                .filter(|(h, p)| {
                    h.len() == 64
                        && h.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
                        && !p.is_empty()
                })
                .map(|(h, p)| Entry {
                    sha256: h.into(),
                    path: p.into(),
                })
                .ok_or_else(|| Error::Format(format!("not a line of sha256sum: {line:?}")))
        })
        .collect()
}

/// Checks a local copy; what is wrong, by path. Files that the list does not name are ignored.
pub fn check(entries: &[Entry], folder: &Path) -> Vec<(String, Fault)> {
    entries
        .iter()
        .filter_map(|e| {
            let fault = match std::fs::read(folder.join(&e.path)) {
                Err(_) => Some(Fault::Missing),
                Ok(bytes) if hex(&Sha256::digest(&bytes)) != e.sha256 => Some(Fault::Differs),
                Ok(_) => None,
            };
            fault.map(|f| (e.path.clone(), f))
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn parse<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|e| Error::Format(format!("manifest: {e}")))
}
