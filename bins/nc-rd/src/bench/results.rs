//! What a run leaves behind: rows, the curves made of them, and how they came about.
//!
//! `rows.jsonl` is the record, one finished run a line; `results.json` is all of it again with the
//! machine, the programs and the curves, so that one file is enough to draw or to compare. JSON has
//! no infinity: a figure that is none (the PSNR of equal pictures) is left out, and `lossless` says why.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// Everything that a run of a plan found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Results {
    /// The plan's name.
    pub name: String,
    /// What it asks.
    pub description: String,
    /// The command line that made this.
    pub command: String,
    /// Where it ran.
    pub machine: Machine,
    /// Codecs that ran.
    pub codecs: Vec<CodecUsed>,
    /// Codecs that did not, because a program is not there.
    pub skipped: Vec<Skipped>,
    /// What was coded.
    pub datasets: Vec<Dataset>,
    /// Means over inputs, one curve for each data set and codec.
    pub curves: Vec<Curve>,
    /// All runs, in the plan's order; none where only the curves were kept.
    #[serde(default)]
    pub rows: Vec<Row>,
}

/// A computer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Model of its processor.
    pub cpu: String,
    /// Cores that a program may use.
    pub cores: usize,
    /// Main memory in MiB.
    pub memory_mib: u64,
    /// Operating system and architecture.
    pub os: String,
}

/// A codec that ran.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CodecUsed {
    /// Name, as in a legend.
    pub name: String,
    /// What it codes: a kind of data set, or `bytes` for all of them.
    pub kind: String,
    /// What it says of its version.
    pub version: String,
    /// SHA-256 of its program's file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub program_sha256: Option<String>,
    /// Command that encodes, with its placeholders.
    pub encode: String,
    /// Command that decodes.
    pub decode: String,
    /// Command that learns a model first, where one does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prepare: Option<String>,
    /// Bytes of the largest model that it learnt, or of the one built in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model_bytes: Option<u64>,
}

/// A codec that did not run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name.
    pub codec: String,
    /// What is missing.
    pub why: String,
}

/// Inputs of one kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub kind: Kind,
    /// What it is, its licence.
    pub about: String,
    /// How many inputs.
    pub inputs: usize,
    /// Name of the rate on the x axis, as in [`Row::rates`].
    pub rate: String,
    /// Metrics to plot, best first; none where all is lossless.
    pub quality: Vec<String>,
    /// Who is to be named where its pictures are shown.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub credit: String,
}

/// Kinds of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Sound, judged as mono at 16 kHz.
    Audio,
    /// Pictures of three 8-bit colours.
    Image,
    /// Clips of planes.
    Video,
    /// Files that are to come back byte for byte.
    Records,
}

/// Means over a data set's inputs, one point for each setting, by rising rate: CompressAI's shape
/// with the data set and the settings beside it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Curve {
    /// The codec.
    pub name: String,
    /// The data set.
    pub dataset: String,
    /// Version and command.
    pub description: String,
    /// Whether it was measured elsewhere, and is drawn dashed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub quoted: bool,
    /// Settings of the points.
    #[serde(default)]
    pub settings: Vec<String>,
    /// Lists of one figure a point: rates, `bytes`, metrics, `encode_s`, `decode_s`, `failed`...
    pub results: BTreeMap<String, Vec<Option<f64>>>,
}

/// One input through one codec at one setting.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Row {
    /// Hash of all that decides the result (`cache.rs`).
    pub key: String,
    /// Data set.
    pub dataset: String,
    /// Input, relative to the data set's folder.
    pub input: String,
    /// SHA-256 of that file.
    pub input_sha256: String,
    /// Codec.
    pub codec: String,
    /// Setting.
    pub setting: String,
    /// Commands as run, in order, files by their placeholders.
    pub command: Vec<String>,
    /// Size of the coded file on disk.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
    /// Size of the model that had to be learnt or is built in, not in `bytes`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model_bytes: Option<u64>,
    /// `bpp`, `bpsp` (bits per sub-pixel), `kbps`, `bpd` (bits per dimension), by kind.
    #[serde(default)]
    pub rates: BTreeMap<String, f64>,
    /// Finite figures of quality by name; `lossless` is 1 where all came back, else 0.
    #[serde(default)]
    pub metrics: BTreeMap<String, f64>,
    /// Seconds of sound or video in the input, for real-time factors.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seconds: Option<f64>,
    /// Frames of video in the input.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub frames: Option<u64>,
    /// Wall seconds to learn a model.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub prepare_s: Option<f64>,
    /// Wall seconds to encode, the median of repeats; starting the program is part of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encode_s: Option<f64>,
    /// Wall seconds to decode, likewise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decode_s: Option<f64>,
    /// All repeats of encoding, in the order they ran.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub encode_times: Vec<f64>,
    /// All repeats of decoding.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub decode_times: Vec<f64>,
    /// Whether nothing else of this run was going on meanwhile.
    pub timed_alone: bool,
    /// Most memory that the encoder and its children held, in MiB.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub encode_peak_mib: Option<f64>,
    /// Likewise of the decoder.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decode_peak_mib: Option<f64>,
    /// SHA-256 of what the decoder wrote.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub output_sha256: Option<String>,
    /// Coded file, relative to the output folder.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coded: Option<String>,
    /// Decoded example, relative to the output folder.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub media: Option<String>,
    /// The original beside it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub original: Option<String>,
    /// Why there are no figures.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// Reads results, of a file or of a folder that has `results.json`.
///
/// # Errors
/// I/O, JSON of another shape.
pub fn read(path: &Path) -> Result<Results> {
    let file = match path.is_dir() {
        true => path.join("results.json"),
        false => path.to_path_buf(),
    };
    let bytes = std::fs::read(&file).with_context(|| file.display().to_string())?;
    serde_json::from_slice(&bytes).with_context(|| file.display().to_string())
}

/// Reads several results as one: what the first says of itself, and the data sets, codecs, curves and rows
/// of all.
///
/// # Errors
/// Those of [`read`]; none at all; two curves of one codec on one data set.
pub fn read_all<P: AsRef<Path>>(paths: &[P]) -> Result<Results> {
    let (first, rest) = paths.split_first().context("no results")?;
    let mut all = read(first.as_ref())?;
    for path in rest {
        let path = path.as_ref();
        let more = read(path)?;
        for curve in &more.curves {
            let same = |c: &Curve| c.name == curve.name && c.dataset == curve.dataset;
            ensure!(
                !all.curves.iter().any(same),
                "{}: {:?} on {:?} is in other results too",
                path.display(),
                curve.name,
                curve.dataset
            );
        }
        for set in more.datasets {
            match all.datasets.iter().find(|d| d.name == set.name) {
                Some(old) => ensure!(
                    old.kind == set.kind,
                    "{}: {:?} is of another kind",
                    path.display(),
                    set.name
                ),
                None => all.datasets.push(set),
            }
        }
        all.codecs.extend(more.codecs);
        all.skipped.extend(more.skipped);
        all.curves.extend(more.curves);
        all.rows.extend(more.rows);
    }
    Ok(all)
}
