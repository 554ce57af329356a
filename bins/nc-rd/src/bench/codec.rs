//! A codec as data: its commands with placeholders, what it reads and writes.
//!
//! nc's own codecs and foreign ones are the same few lines of TOML (`peers.toml` tells each key), run
//! the same way, as a user would run them: through files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::results::Kind;

/// The codecs that are built in.
const PEERS: &str = include_str!("peers.toml");
/// Placeholders of a command.
const PLACEHOLDERS: [&str; 7] = ["in", "out", "setting", "source", "train", "model", "tmp"];

/// What a codec codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codes {
    /// Sound.
    Audio,
    /// Pictures.
    Image,
    /// Clips.
    Video,
    /// Files of records.
    Records,
    /// Any file as it is.
    Bytes,
}

impl Codes {
    /// Whether inputs of this kind can be given to it.
    pub fn takes(self, kind: Kind) -> bool {
        match self {
            Self::Audio => kind == Kind::Audio,
            Self::Image => kind == Kind::Image,
            Self::Video => kind == Kind::Video,
            Self::Records => kind == Kind::Records,
            Self::Bytes => true,
        }
    }

    fn forms(self) -> &'static [Form] {
        match self {
            Self::Audio => &[Form::Wav, Form::S16le],
            Self::Image => &[Form::Png, Form::Ppm],
            Self::Video => &[Form::Y4m],
            Self::Records | Self::Bytes => &[Form::Raw],
        }
    }
}

/// Forms of files that codecs read and write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// WAV, mono, 16 bits.
    Wav,
    /// The samples of such a file alone, little-endian.
    S16le,
    /// PNG of three 8-bit colours.
    Png,
    /// Binary PPM of the same.
    Ppm,
    /// Y4M.
    Y4m,
    /// A data set's file as it is, or the plain form of sound (WAV), pictures (PPM), clips (Y4M).
    Raw,
}

impl Form {
    /// Ending of such files; records keep their own.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::S16le => "s16",
            Self::Png => "png",
            Self::Ppm => "ppm",
            Self::Y4m => "y4m",
            Self::Raw => "",
        }
    }
}

/// One command, or several in a row.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Steps {
    /// One.
    One(String),
    /// Several; `{tmp}` is a file between them.
    Many(Vec<String>),
}

impl Steps {
    /// The commands.
    pub fn lines(&self) -> &[String] {
        match self {
            Self::One(line) => std::slice::from_ref(line),
            Self::Many(lines) => lines,
        }
    }

    /// The commands with options in place of their names.
    fn with(&self, options: &BTreeMap<String, String>) -> Self {
        let line = |line: &String| {
            let put = |line: String, (name, words): (&String, &String)| {
                line.replace(&format!("{{{name}}}"), words)
            };
            let line = options.iter().fold(line.clone(), put);
            line.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        match self {
            Self::One(one) => Self::One(line(one)),
            Self::Many(lines) => Self::Many(lines.iter().map(line).collect()),
        }
    }

    /// All of them, for a reader and for keys.
    pub fn text(&self) -> String {
        self.lines().join(" && ")
    }
}

/// A command that has to say a word.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// The command.
    pub command: String,
    /// The word.
    pub says: String,
}

/// A command that says how large a model a program itself holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuiltIn {
    /// The command.
    pub command: String,
    /// A word of the line that says it.
    pub says: String,
    /// What the number of bytes stands behind.
    pub after: String,
    /// Option that brings another model, where it is not empty.
    #[serde(default)]
    pub unless: String,
}

impl BuiltIn {
    /// The number in what the command said.
    pub fn bytes(&self, said: &str) -> Option<u64> {
        let line = said.lines().find(|l| l.contains(&self.says))?;
        let (_, rest) = line.split_once(&self.after)?;
        let digits = rest.find(|c: char| !c.is_ascii_digit());
        rest.get(..digits.unwrap_or(rest.len()))?.parse().ok()
    }
}

/// A codec, as TOML has it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Codec {
    /// Name, as in a legend; another codec may have it for another kind.
    pub name: String,
    /// What it codes.
    pub kind: Codes,
    /// Programs that its commands begin with.
    pub programs: Vec<String>,
    /// What tells that they are the right ones.
    pub needs: Option<Needs>,
    /// Command that says the version.
    pub version: Option<String>,
    /// Where the version begins in what it says.
    pub version_from: Option<String>,
    /// What ends it.
    pub version_until: Option<String>,
    /// Says how large the model is that the program holds.
    pub built_in: Option<BuiltIn>,
    /// Learns a model.
    pub prepare: Option<Steps>,
    /// Ending of the model's file.
    #[serde(default)]
    pub prepare_extension: String,
    /// Encodes.
    pub encode: Steps,
    /// Decodes.
    pub decode: Steps,
    /// Ending of the coded file.
    pub extension: String,
    input: Option<Form>,
    output: Option<Form>,
    /// Words of its commands by name, which a plan may put others in place of.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// Samples per second that it reads.
    #[serde(default = "sixteen_kilohertz")]
    pub rate: u32,
    /// Whether all must come back.
    #[serde(default)]
    pub lossless: bool,
    /// Settings where a plan names none.
    #[serde(default = "one_setting")]
    pub settings: Vec<String>,
    /// Whether its times say anything.
    #[serde(default = "yes")]
    pub timed: bool,
    #[serde(default = "ten_minutes")]
    timeout: f64,
    /// Folder of the file that defines it, absolute: where programs with a `/` and other files that
    /// commands name are. Empty for those that are built in.
    #[serde(skip)]
    pub folder: PathBuf,
    /// Whether a plan made it of another one: then it runs only where it is named.
    #[serde(skip)]
    pub variant: bool,
}

fn sixteen_kilohertz() -> u32 {
    nc_corpora::metrics::RATE
}

fn one_setting() -> Vec<String> {
    vec![String::new()]
}

fn yes() -> bool {
    true
}

fn ten_minutes() -> f64 {
    600.0
}

impl Codec {
    /// The form that it reads.
    pub fn input(&self) -> Form {
        self.input.unwrap_or(Form::Raw)
    }

    /// The form that it gives back.
    pub fn output(&self) -> Form {
        self.output.unwrap_or_else(|| self.input())
    }

    /// Time for one command.
    pub fn timeout(&self) -> Duration {
        Duration::from_secs_f64(self.timeout)
    }

    /// The codec with its options in its commands; one without options stays as it is.
    #[must_use]
    pub fn settled(mut self) -> Self {
        let options = std::mem::take(&mut self.options);
        if options.is_empty() {
            return self;
        }
        self.encode = self.encode.with(&options);
        self.decode = self.decode.with(&options);
        self.prepare = self.prepare.map(|p| p.with(&options));
        let other_model = |m: &BuiltIn| options.get(&m.unless).is_some_and(|o| !o.is_empty());
        self.built_in = self.built_in.filter(|m| !other_model(m));
        self
    }

    /// The codec under another name with other options, as a plan in `folder` asks for it.
    ///
    /// # Errors
    /// An option that it does not have, commands that make no sense with them.
    pub fn variant(
        &self,
        name: &str,
        options: &BTreeMap<String, String>,
        folder: &Path,
    ) -> Result<Self> {
        let mut codec = self.clone();
        for (key, words) in options {
            let own = codec.options.get_mut(key);
            let own = own.with_context(|| format!("{:?} has no option {key:?}", self.name))?;
            own.clone_from(words);
        }
        codec.name = name.to_string();
        codec.variant = true;
        // Files that its options name lie beside the plan.
        if codec.folder.as_os_str().is_empty() {
            codec.folder = folder.to_path_buf();
        }
        codec
            .clone()
            .settled()
            .check()
            .with_context(|| format!("codec {name:?}"))?;
        Ok(codec)
    }

    /// What is wrong with it, its options settled.
    fn check(&self) -> Result<()> {
        let forms = self.kind.forms();
        ensure!(
            forms.contains(&self.input()) && forms.contains(&self.output()),
            "input and output of this kind are one of {forms:?}"
        );
        ensure!(!self.programs.is_empty(), "programs: none is named");
        ensure!(!self.settings.is_empty(), "settings: none is named");
        ensure!(
            self.timeout > 0.0 && self.timeout < 1e7,
            "timeout: seconds above 0"
        );
        ensure!(self.rate > 0, "rate: above 0");
        let plain = |s: &str| s.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        ensure!(
            plain(&self.extension) && plain(&self.prepare_extension),
            "an extension is letters and digits"
        );
        let parts = [
            ("prepare", self.prepare.as_ref(), "train"),
            ("encode", Some(&self.encode), "in"),
            ("decode", Some(&self.decode), "in"),
        ];
        let (mut model, mut train) = (false, false);
        for (key, steps, needed) in parts {
            let Some(steps) = steps else { continue };
            ensure!(!steps.lines().is_empty(), "{key}: no command");
            let mut seen = Vec::new();
            for line in steps.lines() {
                let program = line.split_whitespace().next().unwrap_or_default();
                ensure!(
                    self.programs.iter().any(|p| p == program),
                    "{key}: {program:?} is not among its programs"
                );
                for name in placeholders(line) {
                    ensure!(PLACEHOLDERS.contains(&name), "{key}: unknown {{{name}}}");
                    seen.push(name);
                }
            }
            let source = key == "encode" && seen.contains(&"source");
            ensure!(
                seen.contains(&needed) || source,
                "{key}: it does not read {{{needed}}}"
            );
            model |= seen.contains(&"model");
            train |= seen.contains(&"train");
        }
        ensure!(
            !train || self.prepare.is_some(),
            "{{train}} is what prepare learns from, and there is no prepare"
        );
        ensure!(
            model == self.prepare.is_some(),
            "{{model}} and prepare go together"
        );
        Ok(())
    }
}

/// Names of a line's placeholders.
fn placeholders(line: &str) -> impl Iterator<Item = &str> {
    line.split('{')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('}')?.0))
}

/// Words of a command with values in place of `{names}`; what has no value stays as it stands.
pub fn fill(line: &str, values: &[(&str, &str)]) -> Vec<String> {
    let word = |word: &str| {
        let (mut out, mut rest) = (String::new(), word);
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let found = after.split_once('}').and_then(|(name, after)| {
                let (_, value) = values.iter().find(|(key, _)| *key == name)?;
                Some((value, after))
            });
            rest = match found {
                Some((value, after)) => {
                    out.push_str(value);
                    after
                }
                None => {
                    out.push('{');
                    after
                }
            };
        }
        out.push_str(rest);
        out
    };
    // A word that was a placeholder for nothing is no argument.
    line.split_whitespace()
        .map(word)
        .filter(|w| !w.is_empty())
        .collect()
}

/// A file of codecs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Peers {
    #[serde(default)]
    codec: Vec<Codec>,
}

/// The codecs that are built in.
///
/// # Errors
/// None that a test has not seen.
pub fn built_in() -> Result<Vec<Codec>> {
    let peers: Peers = toml::from_str(PEERS).context("peers.toml")?;
    let mut all = Vec::new();
    add(&mut all, peers.codec, Path::new(""))?;
    Ok(all)
}

/// Adds the codecs of a file to others, in place of those of the same name and kind.
///
/// # Errors
/// I/O, TOML, an unknown key, a codec that makes no sense.
pub fn add_file(all: &mut Vec<Codec>, path: &Path) -> Result<()> {
    let peers = std::fs::read_to_string(path)
        .map_err(anyhow::Error::from)
        .and_then(|text| Ok(toml::from_str::<Peers>(&text)?))
        .with_context(|| path.display().to_string())?;
    add(all, peers.codec, &folder_of(path)?).with_context(|| path.display().to_string())
}

/// The folder of a file, absolute.
///
/// # Errors
/// I/O.
pub fn folder_of(path: &Path) -> Result<PathBuf> {
    let mut path = std::path::absolute(path)?;
    path.pop();
    Ok(path)
}

/// Adds codecs defined by a file of `folder`, which is absolute; empty for those that are built in.
///
/// # Errors
/// A codec that makes no sense, two of one name and kind.
pub fn add(all: &mut Vec<Codec>, more: Vec<Codec>, folder: &Path) -> Result<()> {
    for (i, codec) in more.iter().enumerate() {
        let mut others = more.iter().skip(i + 1);
        ensure!(
            others.all(|c| (&c.name, c.kind) != (&codec.name, codec.kind)),
            "two codecs of kind {:?} are named {:?}",
            codec.kind,
            codec.name
        );
    }
    for mut codec in more {
        for name in codec.options.keys() {
            ensure!(
                !PLACEHOLDERS.contains(&name.as_str()),
                "codec {:?}: option {name:?} has the name of a placeholder",
                codec.name
            );
        }
        codec
            .clone()
            .settled()
            .check()
            .with_context(|| format!("codec {:?}", codec.name))?;
        codec.folder = folder.to_path_buf();
        match all
            .iter_mut()
            .find(|c| c.name == codec.name && c.kind == codec.kind)
        {
            Some(old) => *old = codec,
            None => all.push(codec),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
