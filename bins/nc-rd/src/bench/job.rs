//! One input through one codec at one setting: model, encoding, decoding; then, apart, judging.
//!
//! The two parts are apart because coding is timed and judging is not: a run codes alone and judges on
//! all cores afterwards. Whatever goes wrong becomes the row's `error`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, Result, anyhow, ensure};
use nc_corpora::files::sha256;
use tempfile::TempDir;

use super::cache::{self, Coded};
use super::codec::{Codes, Form, Steps};
use super::exec::{self, Cost, Most};
use super::input::{self, Input};
use super::judge;
use super::plan::Data;
use super::programs::Ready;
use super::results::{Kind, Row};

/// Bytes that a command may write beside so many for each of the plain input's.
const MOST: u64 = 1 << 30;
const MOST_TIMES: u64 = 64;
/// Folder in a call's for copies of what its commands read.
const GIVEN: &str = "given";
/// Characters of a file's name before its hash.
const NAME: usize = 120;

/// How a run codes.
#[derive(Debug)]
pub struct How {
    /// The output folder.
    pub root: PathBuf,
    /// Times to encode and to decode, where that is timed.
    pub repeat: usize,
    /// Why models could not be learnt, by their key, so that it is tried once.
    pub untaught: Mutex<HashMap<String, String>>,
}

/// What is to be done.
#[derive(Debug)]
pub struct Job<'a> {
    /// The codec.
    pub ready: &'a Ready,
    /// Its setting.
    pub setting: &'a str,
    /// The data set.
    pub data: &'a Data,
    /// The input.
    pub input: &'a Input,
    /// What a model is learnt from.
    pub train: Option<&'a Input>,
    /// Whether what comes back is kept for the report.
    pub example: bool,
    /// Whether it runs alone, because its times count.
    pub alone: bool,
    /// Whether it failed before: what is kept of it may be the reason.
    pub failed: bool,
}

/// What came back, to be judged.
#[derive(Debug)]
pub struct Back {
    /// The row so far; with its error, if that is all.
    pub row: Row,
    /// What the decoder wrote, and the folder that goes with it.
    decoded: Option<(PathBuf, TempDir)>,
}

impl Back {
    /// Bytes of disk that it holds.
    pub fn size(&self) -> u64 {
        let path = self.decoded.as_ref().map(|(path, _)| path);
        path.and_then(|p| p.metadata().ok()).map_or(0, |m| m.len())
    }
}

/// Commands of a codec, with all but what changes from one to the other.
struct Call<'a> {
    job: &'a Job<'a>,
    folder: &'a Path,
    /// Model and file to learn from; empty where there is none.
    model: &'a Path,
    train: &'a Path,
    /// Bytes that a command may write.
    most: u64,
}

impl Call<'_> {
    /// Runs commands from `input` to `output`, so often, each time from nothing.
    fn run(&self, steps: &Steps, input: &Path, output: &Path, repeat: usize) -> Result<Coded> {
        let text = |p: &Path| p.to_string_lossy().into_owned();
        let between = self.folder.join("tmp");
        let given = [
            ("in", input),
            ("source", self.job.input.source.as_path()),
            ("model", self.model),
            ("train", self.train),
        ];
        let (out, tmp) = (text(output), text(&between));
        let most = Most {
            time: self.job.ready.codec.timeout(),
            bytes: self.most,
            files: &[output, &between],
        };
        let mut made = Coded {
            timed_alone: self.job.alone,
            ..Coded::default()
        };
        for _ in 0..repeat.max(1) {
            let _ = std::fs::remove_file(output);
            let copies = self.copies(steps, &given).context("a copy to read")?;
            let mut values = vec![("out", out.as_str()), ("tmp", &tmp)];
            values.push(("setting", self.job.setting));
            values.extend(copies.iter().map(|(name, path)| (*name, path.as_str())));
            let mut cost = Cost::default();
            for (i, line) in steps.lines().iter().enumerate() {
                let last = i + 1 == steps.lines().len();
                let stdout = (last && !line.contains("{out}")).then_some(output);
                let words = self.job.ready.words(line, &values);
                cost = cost.then(exec::run(&words, self.folder, stdout, most)?);
            }
            ensure!(output.is_file(), "it wrote no file");
            let length = output.metadata()?.len();
            ensure!(length <= self.most, "it wrote {length} bytes");
            made.times.push(cost.seconds);
            made.peak_mib = made
                .peak_mib
                .into_iter()
                .chain(cost.peak_mib)
                .reduce(f64::max);
        }
        // They would wait for the judging beside what was decoded.
        let _ = std::fs::remove_dir_all(self.folder.join(GIVEN));
        let _ = std::fs::remove_file(&between);
        Ok(made)
    }

    /// Paths by placeholder of copies in the call's folder, of the files that commands read: whatever a
    /// codec does to them, others get the same, and the user's own are never touched.
    fn copies<'p>(
        &self,
        steps: &Steps,
        given: &[(&'p str, &Path)],
    ) -> Result<Vec<(&'p str, String)>> {
        let folder = self.folder.join(GIVEN);
        // What the commands before made of theirs.
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let text = steps.text();
        let mut out = Vec::new();
        for (name, path) in given {
            // There is a value for what is not there: nothing.
            let mut copy = PathBuf::new();
            if let Some(own) = path.file_name()
                && text.contains(&format!("{{{name}}}"))
            {
                copy = folder.join(name);
                std::fs::create_dir_all(&copy)?;
                copy.push(own);
                std::fs::copy(path, &copy)?;
            }
            out.push((*name, copy.to_string_lossy().into_owned()));
        }
        Ok(out)
    }
}

impl Job<'_> {
    /// A call of its codec in a folder.
    fn call<'a>(
        &'a self,
        folder: &'a TempDir,
        train: &'a Path,
        model: &'a Path,
        most: u64,
    ) -> Call<'a> {
        Call {
            job: self,
            folder: folder.path(),
            model,
            train,
            most,
        }
    }

    /// Key of its model, where it has one.
    fn model_key(&self) -> Option<String> {
        let text = self.ready.codec.prepare.as_ref()?.text();
        let setting = if text.contains("{setting}") {
            self.setting
        } else {
            ""
        };
        let train = self.train.map_or("", |t| &t.sha256);
        Some(cache::hash(&[
            "model",
            &self.ready.fingerprint(),
            &text,
            setting,
            train,
        ]))
    }

    /// Key of its coded file.
    fn coded_key(&self) -> String {
        let codec = &self.ready.codec;
        let cut = format!("{:?} {:?}", self.data.seconds, self.data.frames);
        let form = format!("{:?} {:?} {}", self.data.kind, codec.input(), codec.rate);
        let model = self.model_key().unwrap_or_default();
        cache::hash(&[
            "coded",
            &self.ready.fingerprint(),
            &codec.encode.text(),
            self.setting,
            &self.input.sha256,
            &cut,
            &form,
            &model,
        ])
    }

    /// Key of its row.
    pub fn key(&self) -> String {
        let codec = &self.ready.codec;
        let judged = format!(
            "{} {:?} {} {:?}",
            cache::METRICS,
            codec.output(),
            codec.lossless,
            self.data.header_bytes
        );
        cache::hash(&[
            "row",
            &self.coded_key(),
            &codec.name,
            &codec.decode.text(),
            &judged,
            &self.data.name,
            &self.input.name,
        ])
    }

    /// Whether a row of an earlier run will do.
    pub fn done_by(&self, row: &Row, repeat: usize) -> bool {
        let timed = row.timed_alone && row.encode_times.len() >= repeat;
        // Of a file of records there is nothing to see.
        let shown = !self.example || row.media.is_some() || self.data.kind == Kind::Records;
        row.error.is_none() && (timed || !self.alone) && shown
    }

    /// A row without figures.
    fn row(&self) -> Row {
        let codec = &self.ready.codec;
        let parts = [
            codec.prepare.as_ref(),
            Some(&codec.encode),
            Some(&codec.decode),
        ];
        let lines = parts.into_iter().flatten().flat_map(Steps::lines);
        let filled = |l: &String| super::codec::fill(l, &[("setting", self.setting)]).join(" ");
        Row {
            key: self.key(),
            dataset: self.data.name.clone(),
            input: self.input.name.clone(),
            input_sha256: self.input.sha256.clone(),
            codec: codec.name.clone(),
            setting: self.setting.to_string(),
            command: lines.map(filled).collect(),
            timed_alone: self.alone,
            model_bytes: self.ready.built_in,
            ..Row::default()
        }
    }

    /// Codes the input and back.
    pub fn code(&self, how: &How) -> Back {
        let mut row = self.row();
        let decoded = match self.try_code(how, &mut row) {
            Ok(decoded) => Some(decoded),
            Err(e) => {
                row.error = Some(format!("{e:#}"));
                None
            }
        };
        Back { row, decoded }
    }

    fn try_code(&self, how: &How, row: &mut Row) -> Result<(PathBuf, TempDir)> {
        let codec = &self.ready.codec;
        let work = how.root.join("work");
        let read = self.input.form(self.data, codec.input(), codec.rate);
        let read = read.context("input")?;
        let most = most(input::plain_size(&read, codec.input()).context("input")?);
        let (train, model) = self.model(how, row).context("prepare")?;
        let repeat = if self.alone { how.repeat } else { 1 };
        let name = cache::coded_name(&self.coded_key(), &codec.extension);
        let coded = how.root.join(&name);
        let cached = cache::coded(&coded)
            .filter(|_| !self.failed)
            .filter(|c| !self.alone || c.timed_alone && c.times.len() >= repeat);
        let took = match cached {
            Some(took) => took,
            None => {
                let folder = tempfile::tempdir_in(&work)?;
                let made = folder.path().join("coded").with_extension(&codec.extension);
                let took = self
                    .call(&folder, &train, &model, most)
                    .run(&codec.encode, &read, &made, repeat)
                    .context("encode")?;
                cache::keep(&made, &coded, &took)?;
                took
            }
        };
        row.bytes = Some(coded.metadata()?.len());
        row.coded = Some(name);
        row.encode_s = median(&took.times);
        row.encode_peak_mib = took.peak_mib;
        row.encode_times = took.times;
        // A folder of its own: the decoder has the coded file and nothing that the encoder left.
        let folder = tempfile::tempdir_in(&work)?;
        let mut back = folder.path().join("back");
        match codec.output() {
            Form::Raw => back.set_extension(read.extension().unwrap_or_default()),
            form => back.set_extension(form.ending()),
        };
        let took = self
            .call(&folder, &train, &model, most)
            .run(&codec.decode, &coded, &back, repeat)
            .context("decode")?;
        row.decode_s = median(&took.times);
        row.decode_peak_mib = took.peak_mib;
        row.decode_times = took.times;
        if !codec.timed {
            (row.encode_s, row.decode_s) = (None, None);
            row.encode_times.clear();
            row.decode_times.clear();
        }
        Ok((back, folder))
    }

    /// Paths of the file to learn from and of the model, which is learnt where it is not there.
    fn model(&self, how: &How, row: &mut Row) -> Result<(PathBuf, PathBuf)> {
        let codec = &self.ready.codec;
        let (Some(steps), Some(key), Some(train)) = (&codec.prepare, self.model_key(), self.train)
        else {
            return Ok(Default::default());
        };
        let train = train.form(self.data, Form::Raw, codec.rate)?;
        let model = how
            .root
            .join(cache::coded_name(&key, &codec.prepare_extension));
        // One after the other: several inputs wait for one model.
        let mut untaught = how
            .untaught
            .lock()
            .map_err(|_| anyhow!("another model's panic"))?;
        if let Some(why) = untaught.get(&key) {
            return Err(anyhow!("{why}"));
        }
        let took = match cache::coded(&model) {
            Some(took) => took,
            None => {
                let folder = tempfile::tempdir_in(how.root.join("work"))?;
                let made = folder
                    .path()
                    .join("model")
                    .with_extension(&codec.prepare_extension);
                let most = most(input::plain_size(&train, Form::Raw)?);
                let call = self.call(&folder, &train, Path::new(""), most);
                let took = call.run(steps, &train, &made, 1).and_then(|took| {
                    cache::keep(&made, &model, &took)?;
                    Ok(took)
                });
                took.inspect_err(|e| {
                    untaught.insert(key, format!("{e:#}"));
                })?
            }
        };
        row.model_bytes = Some(model.metadata()?.len());
        row.prepare_s = took.times.first().copied();
        Ok((train, model))
    }

    /// Judges what came back.
    pub fn judge(&self, how: &How, back: Back) -> Row {
        let Back { mut row, decoded } = back;
        if let Some((path, folder)) = decoded {
            if let Err(e) = self.try_judge(how, &mut row, &path) {
                row.error = Some(format!("{e:#}"));
            }
            drop(folder);
        }
        row
    }

    fn try_judge(&self, how: &How, row: &mut Row, path: &Path) -> Result<()> {
        let codec = &self.ready.codec;
        let original = self.input.media(self.data).context("input")?;
        row.output_sha256 = Some(sha256(&std::fs::read(path)?));
        row.seconds = original.seconds();
        row.frames = original.frames();
        row.rates = judge::rates(&original, row.bytes.unwrap_or(0), self.data.header_bytes);
        let lossless = if codec.kind == Codes::Bytes {
            let read = self.input.form(self.data, Form::Raw, codec.rate)?;
            std::fs::read(read)? == std::fs::read(path)?
        } else {
            let decoded = input::read(path, codec.output(), codec.rate);
            let decoded = decoded.context("what was decoded")?;
            let same = judge::same(&original, &decoded)?;
            // Exact codecs need no figures of quality; others get them even where nothing differs.
            if !codec.lossless {
                row.metrics = judge::metrics(&original, &decoded)?;
                if self.example {
                    let name = [row.codec.as_str(), &row.setting];
                    row.media = self.show(how, &decoded, &original, &name)?;
                }
            }
            same
        };
        row.metrics.insert("lossless".into(), f64::from(lossless));
        ensure!(
            lossless || !codec.lossless,
            "not all came back of a lossless codec"
        );
        if self.example {
            row.original = self.show(how, &original, &original, &[])?;
            // Of what is the same there is nothing else to see.
            row.media = row.media.take().or_else(|| row.original.clone());
        }
        Ok(())
    }

    /// Writes an example, relative to the output folder; nothing for files.
    fn show(
        &self,
        how: &How,
        media: &input::Media,
        original: &input::Media,
        of: &[&str],
    ) -> Result<Option<String>> {
        let parts: Vec<&str> = std::iter::once(self.input.name.as_str())
            .chain(of.iter().copied().filter(|p| !p.is_empty()))
            .collect();
        let place = format!(
            "media/{}/{}",
            plain_name(&[&self.data.name]),
            plain_name(&parts)
        );
        judge::show(media, original, &how.root, &place)
    }
}

/// Bytes that a command may write, for an input of so many.
fn most(input: u64) -> u64 {
    MOST.saturating_add(input.saturating_mul(MOST_TIMES))
}

/// A name made of some, which can be a file's everywhere and stands in a link as it is. Names that
/// would not come out of it as they are get some digits of their hash, so that no two become one.
pub fn plain_name(parts: &[&str]) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let name: String = parts.join("--");
    let plain: String = name
        .chars()
        .map(|c| if kept(c) { c } else { '-' })
        .take(NAME)
        .collect();
    let apart = |p: &&str| {
        !p.is_empty() && !p.contains("--") && !p.starts_with(['-', '.']) && !p.ends_with('-')
    };
    if plain == name && parts.iter().all(apart) {
        return plain;
    }
    let hash = cache::hash(parts);
    format!("{plain}-{}", hash.get(..6).unwrap_or(&hash))
}

/// The middle of some times, or the mean of the two.
pub fn median(times: &[f64]) -> Option<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some((lower + upper) / 2.0)
}

#[cfg(test)]
mod tests;
