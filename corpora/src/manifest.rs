//! Manifests of data sets: where each comes from, under which licence, the hash of every file,
//! and what training must never see.
//!
//! A figure measured on a set, or a model trained on one, means little when the set can drift or
//! its licence is guessed. A manifest is one TOML file and, where the hashes of the files are known,
//! a list beside it in the form of `sha256sum`, so that `sha256sum -c` checks a folder too. Sets that
//! come as a few large archives have the archives' hashes instead, with where these are published.
//! What nobody publishes is left out: a set may have no hash at all, and says so.

use std::path::Path;

use nc_core::{Error, Result};
use serde::Deserialize;

use crate::files;

/// What a set may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// Models may be trained on it and shipped (but see [`HeldOut`]).
    Training,
    /// Only measured on.
    Evaluation,
}

/// What is in a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Sound.
    Audio,
    /// Pictures.
    Image,
    /// Video.
    Video,
    /// Tables and other records.
    Records,
}

/// Where a set is published.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields, rename_all = "kebab-case")]
pub enum Source {
    /// A repository on GitHub, at one commit.
    Repository {
        /// `owner/name`.
        repository: String,
        /// Commit.
        revision: String,
    },
    /// A page that tells how to get it; it may change under its address.
    Page {
        /// Its address.
        page: String,
    },
}

impl Source {
    /// `owner/name` of a repository.
    pub fn repository(&self) -> Option<&str> {
        match self {
            Self::Repository { repository, .. } => Some(repository),
            Self::Page { .. } => None,
        }
    }
}

/// One data set, of a repository at one revision.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Short name, that of the file.
    pub name: String,
    /// What is in it.
    pub kind: Kind,
    /// Where it is published.
    pub source: Source,
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
    /// Name of the list of hashes, in the same folder; none where nobody publishes them.
    pub files: Option<String>,
    /// The archives that it comes as.
    #[serde(default)]
    pub archive: Vec<Archive>,
    /// Where the hashes are from, if not from the files themselves.
    pub hashes_source: Option<String>,
}

/// An archive as it is downloaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Archive {
    /// Address that it was published under.
    pub url: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
}

impl Archive {
    /// File name, the last part of the address.
    pub fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or(&self.url)
    }
}

/// A file of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: String,
    /// Path in the repository, or in a folder that holds the set.
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
    /// Reads a manifest and its list, which is empty where there is none.
    ///
    /// # Errors
    /// Io; Format for what is not a manifest.
    pub fn open(path: &Path) -> Result<(Self, Vec<Entry>)> {
        let it: Self = parse(&std::fs::read_to_string(path)?)?;
        let list = match &it.files {
            Some(name) => entries(&std::fs::read_to_string(path.with_file_name(name))?)?,
            None => Vec::new(),
        };
        Ok((it, list))
    }

    /// True for a path that a shipped model may be trained on.
    pub fn trainable(&self, held_out: &HeldOut, path: &str) -> bool {
        self.r#use == Use::Training
            && !self.excluded.iter().any(|p| path.starts_with(p.as_str()))
            && !(self.source.repository()).is_some_and(|r| held_out.contains(r, path))
    }
}

/// The manifests that are part of this crate and their lists, sorted by name.
///
/// # Errors
/// Format never: a test reads them all.
pub fn built_in() -> Result<Vec<(Manifest, Vec<Entry>)>> {
    SETS.iter()
        .map(|(toml, list)| Ok((parse(toml)?, entries(list)?)))
        .collect()
}

/// Names the built-in manifests, with `list` those that have a list of hashes.
macro_rules! sets {
    ($($name:literal $($list:ident)?),* $(,)?) => {
        &[$((
            include_str!(concat!("../manifests/", $name, ".toml")),
            sets!(@ $name $($list)?),
        )),*]
    };
    (@ $name:literal list) => { include_str!(concat!("../manifests/", $name, ".sha256")) };
    (@ $name:literal) => { "" };
}

const SETS: &[(&str, &str)] = sets!(
    "basketballpass" list,
    "bunny" list,
    "clic-2020",
    "div2k",
    "emnist",
    "esc-10" list,
    "fashion-mnist",
    "kodak" list,
    "librispeech",
    "libritts",
    "mcl-jcv",
    "mnist",
    "mnist-shuffled" list,
    "mycroft-precise-community" list,
    "picovoice-wake-word-benchmark" list,
    "rhasspy-flemishguy" list,
    "rhasspy-kathleen" list,
    "rhasspy-kerstin" list,
    "rhasspy-nathalie" list,
    "table-adult" list,
    "table-diamonds" list,
    "table-weather" list,
    "uvg",
    "vctk",
);

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
                .filter(|(h, p)| is_sha256(h) && !p.is_empty())
                .map(|(h, p)| Entry {
                    sha256: h.into(),
                    path: p.into(),
                })
                .ok_or_else(|| Error::Format(format!("not a line of sha256sum: {line:?}").into()))
        })
        .collect()
}

/// Whether this is 64 digits of lower-case hexadecimal.
fn is_sha256(hash: &str) -> bool {
    hash.len() == 64 && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Checks a local copy; what is wrong, by path. Files that the list does not name are ignored.
pub fn check(entries: &[Entry], folder: &Path) -> Vec<(String, Fault)> {
    entries
        .iter()
        .filter_map(|e| {
            let fault = match files::sha256_of(&folder.join(&e.path)) {
                Err(_) => Some(Fault::Missing),
                Ok(hash) if hash != e.sha256 => Some(Fault::Differs),
                Ok(_) => None,
            };
            fault.map(|f| (e.path.clone(), f))
        })
        .collect()
}

/// The archives of a set as entries of a folder that they were downloaded to.
pub fn archives(set: &Manifest) -> Vec<Entry> {
    set.archive
        .iter()
        .map(|a| Entry {
            sha256: a.sha256.clone(),
            path: a.name().into(),
        })
        .collect()
}

fn parse<T: for<'a> Deserialize<'a>>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|e| Error::Format(format!("manifest: {e}").into()))
}
