//! The programs of a codec: where they are, what they are by hash and by their own word.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nc_corpora::files::{sha256, sha256_of};

use super::codec::{Codec, Steps, fill};
use super::exec;
use super::results::CodecUsed;

/// A command that only says what a program is takes no longer.
const ASKING: Duration = Duration::from_secs(30);
/// Bytes that it may say.
const SAID: u64 = 16 << 20;
/// Characters of a version that are kept.
const VERSION: usize = 120;

/// A codec whose programs were found.
#[derive(Debug, Clone)]
pub struct Ready {
    /// The codec.
    pub codec: Codec,
    /// What it says of its version.
    pub version: String,
    /// Bytes of the model that the program holds.
    pub built_in: Option<u64>,
    /// SHA-256 of each program's file, then of each file that its commands name.
    hashes: Vec<String>,
    programs: BTreeMap<String, PathBuf>,
    /// Other files by the words that name them: scripts, tables, models.
    files: BTreeMap<String, PathBuf>,
}

impl Ready {
    /// Finds programs and asks for their version: the named ones first, then those beside this
    /// program, then those on PATH.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn find(codec: &Codec, named: &BTreeMap<String, PathBuf>) -> Result<Self> {
        let mut ready = Self {
            codec: codec.clone(),
            version: String::new(),
            built_in: None,
            hashes: Vec::new(),
            programs: BTreeMap::new(),
            files: BTreeMap::new(),
        };
        for program in &codec.programs {
            let path = locate(program, &codec.folder, named)
                .with_context(|| format!("{program} is not there"))?;
            let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            ready.hashes.push(sha256(&bytes));
            ready.programs.insert(program.clone(), path);
        }
        for (word, path) in named_files(codec) {
            ready.hashes.push(sha256_of(&path)?);
            ready.files.insert(word, path);
        }
        if let Some(needs) = &codec.needs {
            let (said, _) = ready.ask(&needs.command)?;
            ensure!(
                said.contains(&needs.says),
                "`{}` does not say {:?}",
                needs.command,
                needs.says.trim()
            );
        }
        if let Some(command) = &codec.version {
            let from = codec.version_from.as_deref().unwrap_or_default();
            let until = codec.version_until.as_deref();
            let (said, well) = ready.ask(command)?;
            // What a program says that does not know the question is no version.
            if well {
                ready.version = version(&said, from, until);
            }
        }
        if let Some(model) = &codec.built_in {
            let (said, _) = ready.ask(&model.command)?;
            let bytes = model.bytes(&said);
            let bytes = bytes.with_context(|| format!("`{}` tells no model", model.command))?;
            ready.built_in = Some(bytes);
        }
        Ok(ready)
    }

    /// Words of a command, its program and the files that it names by their paths.
    pub fn words(&self, line: &str, values: &[(&str, &str)]) -> Vec<String> {
        let words = line.split_whitespace().enumerate();
        let filled = words.flat_map(|(i, word)| {
            let known = if i == 0 { &self.programs } else { &self.files };
            match known.get(word) {
                Some(path) => vec![path.to_string_lossy().into_owned()],
                None => fill(word, values),
            }
        });
        filled.collect()
    }

    /// What a command prints, and whether it succeeded.
    fn ask(&self, command: &str) -> Result<(String, bool)> {
        let folder = tempfile::tempdir()?;
        let out = folder.path().join("out");
        let most = exec::Most {
            time: ASKING,
            bytes: SAID,
            files: &[&out],
        };
        let ran = exec::run(&self.words(command, &[]), folder.path(), Some(&out), most);
        let well = ran.is_ok();
        let mut said = std::fs::read(out)?;
        said.push(b'\n');
        said.extend(std::fs::read(folder.path().join(exec::COMPLAINTS))?);
        if said.len() == 1 {
            ran?;
        }
        Ok((String::from_utf8_lossy(&said).into_owned(), well))
    }

    /// All that decides what its commands do, beside the commands.
    pub fn fingerprint(&self) -> String {
        format!("{}\n{}", self.version, self.hashes.join("\n"))
    }

    /// As results have it.
    pub fn used(&self) -> CodecUsed {
        CodecUsed {
            name: self.codec.name.clone(),
            kind: format!("{:?}", self.codec.kind).to_lowercase(),
            version: self.version.clone(),
            program_sha256: self.hashes.first().cloned(),
            encode: self.codec.encode.text(),
            decode: self.codec.decode.text(),
            prepare: self.codec.prepare.as_ref().map(Steps::text),
            model_bytes: None,
        }
    }
}

/// Files that the words of a codec's commands name: absolute, or relative to the folder of the file that
/// defines it. Built-in codecs have no such folder.
fn named_files(codec: &Codec) -> BTreeMap<String, PathBuf> {
    let steps = [
        codec.prepare.as_ref(),
        Some(&codec.encode),
        Some(&codec.decode),
    ];
    let steps = steps.into_iter().flatten().flat_map(Steps::lines);
    let asked = codec.needs.as_ref().map(|n| &n.command);
    let model = codec.built_in.as_ref().map(|m| &m.command);
    let lines = steps.chain(asked).chain(&codec.version).chain(model);
    let words = lines.flat_map(|line| line.split_whitespace().skip(1));
    let mut out = BTreeMap::new();
    for word in words.filter(|w| !w.contains('{')) {
        let known = codec.folder.is_absolute() || Path::new(word).is_absolute();
        let path = codec.folder.join(word);
        if known && path.is_file() {
            out.insert(word.to_string(), path);
        }
    }
    out
}

/// Where a program is.
fn locate(program: &str, folder: &Path, named: &BTreeMap<String, PathBuf>) -> Result<PathBuf> {
    let executable = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    let mut places = Vec::new();
    if let Some(path) = named.get(program) {
        places.push(path.clone());
    } else if program.contains('/') {
        places.push(folder.join(program));
    } else {
        places.extend(std::env::current_exe().map(|p| p.with_file_name(program)));
        let path = std::env::var_os("PATH").unwrap_or_default();
        places.extend(std::env::split_paths(&path).map(|dir| dir.join(program)));
    }
    match places.into_iter().find(|p| executable(p)) {
        // Commands run in folders of their own.
        Some(path) => Ok(std::path::absolute(path)?),
        None => bail!("no such program"),
    }
}

/// A version among what was said: after `from`, to the end of the line or `until`.
fn version(said: &str, from: &str, until: Option<&str>) -> String {
    let Some(at) = said.find(from) else {
        return String::new();
    };
    let rest = said.get(at..).unwrap_or_default();
    let mut lines = rest.split(['\n', '\r', '\0']).map(str::trim);
    let line = lines.find(|l| !l.is_empty()).unwrap_or_default();
    let end = until.and_then(|u| Some(from.len() + line.get(from.len()..)?.find(u)?));
    let line = end.and_then(|end| line.get(..end)).unwrap_or(line);
    let printable = line.chars().filter(|c| !c.is_control());
    printable
        .take(VERSION)
        .collect::<String>()
        .trim()
        .to_string()
}

#[cfg(test)]
mod tests;
