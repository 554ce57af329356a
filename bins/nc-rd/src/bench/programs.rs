//! The programs of a codec: where they are, what they are by hash and by their own word.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nc_corpora::files::sha256;

use super::codec::{Codec, Steps, fill};
use super::exec;
use super::results::CodecUsed;

/// A command that only says what a program is takes no longer.
const ASKING: Duration = Duration::from_secs(30);
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
    /// SHA-256 of each program's file.
    hashes: Vec<String>,
    programs: BTreeMap<String, PathBuf>,
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
        };
        for program in &codec.programs {
            let path = locate(program, &codec.folder, named)
                .with_context(|| format!("{program} is not there"))?;
            let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
            ready.hashes.push(sha256(&bytes));
            ready.programs.insert(program.clone(), path);
        }
        if let Some(needs) = &codec.needs {
            let said = ready.ask(&needs.command)?;
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
            ready.version = version(&ready.ask(command)?, from, until);
        }
        if let Some(model) = &codec.built_in {
            let said = ready.ask(&model.command)?;
            let bytes = model.bytes(&said);
            let bytes = bytes.with_context(|| format!("`{}` tells no model", model.command))?;
            ready.built_in = Some(bytes);
        }
        Ok(ready)
    }

    /// Words of a command, its program by path.
    pub fn words(&self, line: &str, values: &[(&str, &str)]) -> Vec<String> {
        let mut words = fill(line, values);
        if let Some(first) = words.first_mut()
            && let Some(path) = self.programs.get(first.as_str())
        {
            *first = path.to_string_lossy().into_owned();
        }
        words
    }

    /// What a command prints, whatever it thinks of its success.
    fn ask(&self, command: &str) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let out = folder.path().join("out");
        let ran = exec::run(&self.words(command, &[]), folder.path(), Some(&out), ASKING);
        let mut said = std::fs::read(out)?;
        said.push(b'\n');
        said.extend(std::fs::read(folder.path().join(exec::COMPLAINTS))?);
        if said.len() == 1 {
            ran?;
        }
        Ok(String::from_utf8_lossy(&said).into_owned())
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
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::codec::built_in;
    use super::*;

    #[test]
    fn versions_are_found() {
        let x264 = "\0\u{1}x264 - core 164 r3108 31e19f9 - H.264/MPEG-4 AVC codec";
        assert_eq!(
            version(x264, "x264 - core ", Some(" - ")),
            "x264 - core 164 r3108 31e19f9"
        );
        let svt = "Svt[info]: SVT [version]:\tSVT-AV1 Encoder Lib v1.4.1\nSvt";
        assert_eq!(
            version(svt, "SVT-AV1 Encoder Lib ", None),
            "SVT-AV1 Encoder Lib v1.4.1"
        );
        assert_eq!(version("\n\nflac 1.4\nmore", "", None), "flac 1.4");
        assert_eq!(
            version("ffmpeg 5 Copyright", "", Some(" Copyright")),
            "ffmpeg 5"
        );
        assert_eq!(
            (version("", "", None), version("a", "b", None)),
            (String::new(), String::new())
        );
    }

    #[test]
    fn the_size_of_a_model_is_read_from_its_line() {
        let model = built_in().unwrap().into_iter().find_map(|c| c.built_in);
        let model = model.unwrap();
        let said = "{\"bytes\":7,\"codec\":\"other\"}\n{\"bytes\":12,\"codec\":\"grvq\"}\n";
        assert_eq!(model.bytes(said), Some(12));
        assert_eq!(model.bytes("{\"codec\":\"grvq\"}"), None);
    }

    #[test]
    fn a_missing_program_or_encoder_is_said() {
        let mut codec = built_in().unwrap().remove(0);
        codec.programs = vec!["no-such-program-here".into()];
        let why = Ready::find(&codec, &BTreeMap::new()).unwrap_err();
        assert!(format!("{why:#}").contains("no-such-program-here"));
        // Netcat, or anything else of that name, is not nc.
        codec.programs = vec!["nc".into()];
        let other = BTreeMap::from([("nc".into(), PathBuf::from("/bin/true"))]);
        let why = Ready::find(&codec, &other).unwrap_err();
        assert!(format!("{why:#}").contains("does not say"), "{why:#}");
    }
}
