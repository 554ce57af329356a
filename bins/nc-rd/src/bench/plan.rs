//! A plan: which inputs, which codecs, at which settings.
//!
//! ```toml
//! name = "pictures"
//! codecs = ["WebP", "JPEG XL"]     # none: all that code such inputs, at their own settings
//!
//! [[dataset]]
//! name = "kodak"
//! kind = "image"                   # audio, image, video, records
//! folder = "kodak"                 # relative to the plan; or --data kodak=DIR
//!
//! [[run]]                          # beside `codecs`, or instead
//! codec = "AVIF"
//! settings = ["28", "38"]          # none: the codec's own
//! datasets = ["kodak"]             # none: all that it codes
//!
//! [[run]]                          # a codec with other options, under a name of its own
//! codec = "nc nerv medium"
//! name = "nc nerv by size"
//! options = { goal = "--bytes {setting}" }
//! settings = ["60000"]
//! variant = [{ name = "no motion", options = { more = "--option motion=off" } }]
//! ```
//! A plan may define codecs of its own as `[[codec]]`, like `peers.toml`. With `variant` the run is of
//! those alone, each with the run's options and its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::codec::{self, Codec};
use super::matching::{matching, missing};
use super::results::Kind;

/// A plan, as TOML has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    codecs: Vec<String>,
    #[serde(default)]
    dataset: Vec<Data>,
    #[serde(default)]
    run: Vec<Run>,
    #[serde(default)]
    codec: Vec<Codec>,
}

/// A data set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Its name.
    pub name: String,
    /// What is in it.
    pub kind: Kind,
    /// What it is, its licence.
    #[serde(default)]
    pub about: String,
    /// Its folder, relative to the plan.
    #[serde(default)]
    folder: PathBuf,
    /// Name by which `--data NAME=DIR` gives the folder; by default the data set's.
    data: Option<String>,
    /// Patterns of files in the folder.
    #[serde(default)]
    files: Vec<String>,
    /// Pattern of a file to learn from, not among the inputs.
    train: Option<String>,
    /// Rows of a CSV file are learnt from but for every so manieth, which are measured.
    pub split: Option<usize>,
    /// Who is to be named where its pictures are shown.
    #[serde(default)]
    pub credit: String,
    /// The first inputs only.
    limit: Option<usize>,
    /// The first seconds of sound only.
    pub seconds: Option<f64>,
    /// The first frames of clips only.
    pub frames: Option<usize>,
    /// Dimensions of records are bytes after so many; by default an IDX header's, else 0.
    pub header_bytes: Option<usize>,
    /// Inputs of which decoded examples are kept for the report.
    #[serde(default = "two")]
    pub examples: usize,
}

fn two() -> usize {
    2
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    codec: Option<String>,
    #[serde(default)]
    codecs: Vec<String>,
    #[serde(default)]
    settings: Vec<String>,
    #[serde(default)]
    datasets: Vec<String>,
    name: Option<String>,
    #[serde(default)]
    options: BTreeMap<String, String>,
    #[serde(default)]
    variant: Vec<Variant>,
}

/// A codec with other options.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Variant {
    name: String,
    #[serde(default)]
    options: BTreeMap<String, String>,
}

/// A data set whose files were found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The data set.
    pub data: Data,
    /// Inputs: names relative to the folder and files, sorted.
    pub inputs: Vec<(String, PathBuf)>,
    /// The file to learn from.
    pub train: Option<PathBuf>,
}

/// A codec at one setting on one data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Index of the data set.
    pub dataset: usize,
    /// Index of the codec.
    pub codec: usize,
    /// The setting.
    pub setting: String,
}

/// A plan that was read and whose names are all known.
#[derive(Debug)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// What it asks.
    pub description: String,
    /// Its data sets.
    pub datasets: Vec<Found>,
    /// Codecs that may be asked for.
    pub codecs: Vec<Codec>,
    /// What is asked for, each once.
    pub tasks: Vec<Task>,
}

impl Plan {
    /// Reads a plan, and more codecs from `peers`; folders by `data` go before the plan's. Of its data
    /// sets the named ones only, or all where none is.
    ///
    /// # Errors
    /// I/O, TOML; an unknown key, codec, data set or kind, by its name and file; no input.
    pub fn open(
        path: &Path,
        peers: &[PathBuf],
        data: &BTreeMap<String, PathBuf>,
        named: &[String],
    ) -> Result<Self> {
        let mut codecs = codec::built_in()?;
        for file in peers {
            codec::add_file(&mut codecs, file)?;
        }
        let plan = || -> Result<Self> {
            let text = std::fs::read_to_string(path)?;
            let file: File = toml::from_str(&text)?;
            file.check(path, codecs, data, named)
        };
        plan().with_context(|| path.display().to_string())
    }
}

impl File {
    fn check(
        self,
        path: &Path,
        mut codecs: Vec<Codec>,
        folders: &BTreeMap<String, PathBuf>,
        named: &[String],
    ) -> Result<Plan> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let own = codec::folder_of(path)?;
        codec::add(&mut codecs, self.codec, &own)?;
        ensure!(!self.dataset.is_empty(), "no [[dataset]]");
        let names: BTreeSet<&String> = self.dataset.iter().map(|d| &d.name).collect();
        ensure!(
            names.len() == self.dataset.len(),
            "two data sets of one name"
        );
        for name in folders.keys() {
            let of = |d: &Data| d.data.as_ref().unwrap_or(&d.name) == name;
            ensure!(
                self.dataset.iter().any(of),
                "--data {name}: no data set has it"
            );
        }
        let mut runs = self.run;
        if runs.is_empty() || !self.codecs.is_empty() {
            runs.insert(
                0,
                Run {
                    codecs: self.codecs,
                    ..Run::default()
                },
            );
        }
        for run in &mut runs {
            run.codecs.splice(0..0, run.codec.take());
            run.make_variants(&mut codecs, &own)?;
        }
        let codecs: Vec<Codec> = codecs.into_iter().map(Codec::settled).collect();
        let mut tasks = Vec::new();
        for run in runs {
            run.expand(&self.dataset, &codecs, &mut tasks)?;
        }
        ensure!(!tasks.is_empty(), "no codec codes what is in its data sets");
        names_are_told_apart(&tasks, &self.dataset, &codecs)?;
        let (kept, tasks) = keep(self.dataset, tasks, named)?;
        // What is not asked for need not be there.
        let datasets: Result<Vec<Found>> = kept
            .into_iter()
            .map(|data| {
                let name = data.name.clone();
                data.find(folder, folders)
                    .with_context(|| format!("dataset {name:?}"))
            })
            .collect();
        Ok(Plan {
            name: self.name,
            description: self.description,
            datasets: datasets?,
            codecs,
            tasks,
        })
    }
}

/// Keeps the named data sets, or all where none is, and what is asked for on them.
fn keep(datasets: Vec<Data>, tasks: Vec<Task>, names: &[String]) -> Result<(Vec<Data>, Vec<Task>)> {
    if names.is_empty() {
        return Ok((datasets, tasks));
    }
    for name in names {
        let known = datasets.iter().any(|d| d.name == *name);
        ensure!(known, "no data set {name:?} in the plan");
    }
    // Where each of the plan's data sets goes.
    let mut places = Vec::new();
    let mut kept = 0;
    for set in &datasets {
        let stays = names.contains(&set.name);
        places.push(stays.then_some(kept));
        kept += usize::from(stays);
    }
    let tasks = tasks.into_iter().filter_map(|task| {
        let dataset = places.get(task.dataset).copied().flatten()?;
        Some(Task { dataset, ..task })
    });
    let tasks = tasks.collect();
    let datasets = datasets.into_iter().filter(|d| names.contains(&d.name));
    Ok((datasets.collect(), tasks))
}

/// Rows and curves know a codec by its name: on one data set no two have the same.
fn names_are_told_apart(tasks: &[Task], datasets: &[Data], codecs: &[Codec]) -> Result<()> {
    let mut seen = BTreeMap::new();
    for task in tasks {
        let (Some(data), Some(codec)) = (datasets.get(task.dataset), codecs.get(task.codec)) else {
            continue;
        };
        let first = *seen
            .entry((task.dataset, &codec.name))
            .or_insert(task.codec);
        if let Some(first) = codecs.get(first).filter(|_| first != task.codec) {
            bail!(
                "dataset {:?}: two codecs are named {:?}, of kinds {:?} and {:?}; their rows could not be told apart",
                data.name,
                codec.name,
                first.kind,
                codec.kind
            );
        }
    }
    Ok(())
}

impl Run {
    /// Adds what it asks for with other options to the codecs, and names those instead.
    fn make_variants(&mut self, codecs: &mut Vec<Codec>, folder: &Path) -> Result<()> {
        if self.name.is_none() && self.options.is_empty() && self.variant.is_empty() {
            return Ok(());
        }
        let [name] = self.codecs.as_slice() else {
            bail!("[[run]]: options, name and variant are of one codec");
        };
        let bases: Vec<Codec> = codecs.iter().filter(|c| c.name == *name).cloned().collect();
        ensure!(!bases.is_empty(), "codecs: no codec {name:?}");
        let mut wanted = std::mem::take(&mut self.variant);
        if wanted.is_empty() {
            let own = self.name.take();
            let name =
                own.with_context(|| format!("[[run]]: {name:?} with options has no name"))?;
            wanted.push(Variant {
                name,
                options: BTreeMap::new(),
            });
        }
        ensure!(
            self.name.is_none(),
            "[[run]]: each variant has its own name"
        );
        self.codecs = wanted.iter().map(|v| v.name.clone()).collect();
        for variant in wanted {
            let mut options = self.options.clone();
            options.extend(variant.options);
            for base in &bases {
                let new = base.variant(&variant.name, &options, folder)?;
                let same = |c: &&Codec| c.name == new.name && c.kind == new.kind;
                match codecs.iter().find(same) {
                    // More settings of the same.
                    Some(old) if *old == new => {}
                    Some(_) => bail!("two codecs of kind {:?} are named {:?}", new.kind, new.name),
                    None => codecs.push(new),
                }
            }
        }
        Ok(())
    }

    /// Adds its tasks, data set by data set; one that is there already stays where it is.
    fn expand(&self, datasets: &[Data], codecs: &[Codec], tasks: &mut Vec<Task>) -> Result<()> {
        for name in &self.datasets {
            let known = datasets.iter().any(|d| d.name == *name);
            ensure!(known, "[[run]] datasets: no data set {name:?}");
        }
        for name in &self.codecs {
            let mut of_name = codecs.iter().filter(|c| c.name == *name).peekable();
            ensure!(of_name.peek().is_some(), "codecs: no codec {name:?}");
            let mut all = datasets.iter().filter(|d| self.wants(d));
            ensure!(
                all.any(|d| of_name.clone().any(|c| c.kind.takes(d.kind))),
                "codecs: {name:?} codes none of the data sets"
            );
        }
        for (dataset, data) in datasets.iter().enumerate().filter(|(_, d)| self.wants(d)) {
            for (index, codec) in codecs.iter().enumerate() {
                let named = match self.codecs.is_empty() {
                    true => !codec.variant,
                    false => self.codecs.contains(&codec.name),
                };
                // What learns has to have something to learn from.
                let learns = codec.prepare.is_some();
                let taught = data.train.is_some() || data.split.is_some();
                ensure!(
                    !(learns
                        && !taught
                        && self.codecs.contains(&codec.name)
                        && codec.kind.takes(data.kind)),
                    "dataset {:?}: {:?} learns from a file, and `train` names none",
                    data.name,
                    codec.name
                );
                if !named || !codec.kind.takes(data.kind) || learns && !taught {
                    continue;
                }
                let own = &codec.settings;
                let settings = if self.settings.is_empty() {
                    own
                } else {
                    &self.settings
                };
                for setting in settings {
                    let setting = setting.clone();
                    let task = Task {
                        dataset,
                        codec: index,
                        setting,
                    };
                    if !tasks.contains(&task) {
                        tasks.push(task);
                    }
                }
            }
        }
        Ok(())
    }

    fn wants(&self, data: &Data) -> bool {
        self.datasets.is_empty() || self.datasets.contains(&data.name)
    }
}

impl Data {
    /// Patterns of its files.
    fn patterns(&self) -> Vec<String> {
        let ending = |e: &[&str]| e.iter().map(|e| format!("**/*.{e}")).collect();
        match self.kind {
            _ if !self.files.is_empty() => self.files.clone(),
            Kind::Audio => ending(&["wav", "flac"]),
            Kind::Image => ending(&["png"]),
            Kind::Video => ending(&["y4m", "y4m.xz"]),
            Kind::Records => ending(&["csv"]),
        }
    }

    /// Looks for its files.
    fn find(self, plan: &Path, folders: &BTreeMap<String, PathBuf>) -> Result<Found> {
        let key = self.data.as_ref().unwrap_or(&self.name);
        let folder = folders
            .get(key)
            .cloned()
            .unwrap_or_else(|| plan.join(&self.folder));
        ensure!(
            self.seconds.is_none_or(|s| s > 0.0) && self.frames != Some(0) && self.limit != Some(0),
            "seconds, frames and limit are above 0"
        );
        let of_kind = |given: bool, key: &str, kind: Kind| {
            ensure!(!given || self.kind == kind, "{key} is for {kind:?} only");
            Ok(())
        };
        of_kind(self.seconds.is_some(), "seconds", Kind::Audio)?;
        of_kind(self.frames.is_some(), "frames", Kind::Video)?;
        of_kind(self.train.is_some(), "train", Kind::Records)?;
        of_kind(self.split.is_some(), "split", Kind::Records)?;
        ensure!(
            self.split.is_none_or(|every| every > 1)
                && (self.split.is_none() || self.train.is_none()),
            "split is above 1 and stands instead of train"
        );
        of_kind(self.header_bytes.is_some(), "header_bytes", Kind::Records)?;
        let train = match &self.train {
            Some(pattern) => {
                let found = matching(&folder, pattern)?.into_iter().next();
                let (_, path) = found.with_context(|| missing(&folder, pattern))?;
                Some(std::path::absolute(path)?)
            }
            None => None,
        };
        let mut inputs = BTreeMap::new();
        let patterns = self.patterns();
        for pattern in &patterns {
            let found = matching(&folder, pattern)?;
            // Of the patterns that stand for a kind one is enough.
            ensure!(
                self.files.is_empty() || !found.is_empty(),
                missing(&folder, pattern)
            );
            inputs.extend(found);
        }
        let mut inputs: Vec<_> = inputs.into_iter().collect();
        ensure!(!inputs.is_empty(), missing(&folder, &patterns.join(", ")));
        ensure!(
            self.split.is_none() || inputs.len() == 1,
            "split is of one file, and there are {}",
            inputs.len()
        );
        inputs.truncate(self.limit.unwrap_or(usize::MAX));
        for (_, path) in &mut inputs {
            *path = std::path::absolute(&path)?;
        }
        ensure!(
            train
                .as_ref()
                .is_none_or(|t| inputs.iter().all(|(_, p)| p != t)),
            "the file to learn from is among the inputs"
        );
        Ok(Found {
            data: self,
            inputs,
            train,
        })
    }
}

#[cfg(test)]
mod tests;
