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
use super::exec::{self, Cost};
use super::input::{self, Input};
use super::judge;
use super::plan::Data;
use super::programs::Ready;
use super::results::Row;

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

/// Commands of a codec, with all but the placeholders that change from one to the other.
struct Call<'a> {
    job: &'a Job<'a>,
    folder: &'a Path,
    model: &'a str,
    train: &'a str,
}

impl Call<'_> {
    /// Runs commands from `input` to `output`, so often, each time from nothing.
    fn run(&self, steps: &Steps, input: &Path, output: &Path, repeat: usize) -> Result<Coded> {
        let text = |p: &Path| p.to_string_lossy().into_owned();
        let (input, out, tmp) = (text(input), text(output), text(&self.folder.join("tmp")));
        let source = text(&self.job.input.source);
        let values = [
            ("in", input.as_str()),
            ("out", &out),
            ("tmp", &tmp),
            ("source", &source),
            ("setting", self.job.setting),
            ("model", self.model),
            ("train", self.train),
        ];
        let mut made = Coded {
            timed_alone: self.job.alone,
            ..Coded::default()
        };
        for _ in 0..repeat.max(1) {
            let _ = std::fs::remove_file(output);
            let mut cost = Cost::default();
            for (i, line) in steps.lines().iter().enumerate() {
                let last = i + 1 == steps.lines().len();
                let stdout = (last && !line.contains("{out}")).then_some(output);
                let words = self.job.ready.words(line, &values);
                let most = self.job.ready.codec.timeout();
                cost = cost.then(exec::run(&words, self.folder, stdout, most)?);
            }
            ensure!(output.is_file(), "it wrote no file");
            made.times.push(cost.seconds);
            made.peak_mib = made
                .peak_mib
                .into_iter()
                .chain(cost.peak_mib)
                .reduce(f64::max);
        }
        Ok(made)
    }
}

impl Job<'_> {
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
        row.error.is_none() && (timed || !self.alone)
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
        let folder = tempfile::tempdir_in(how.root.join("work"))?;
        let read = self.input.form(self.data, codec.input(), codec.rate);
        let read = read.context("input")?;
        let (train, model) = self.model(how, row).context("prepare")?;
        let call = Call {
            job: self,
            folder: folder.path(),
            model: &model,
            train: &train,
        };
        let repeat = if self.alone { how.repeat } else { 1 };
        let name = cache::coded_name(&self.coded_key(), &codec.extension);
        let coded = how.root.join(&name);
        let cached = cache::coded(&coded)
            .filter(|c| !self.alone || c.timed_alone && c.times.len() >= repeat);
        let took = match cached {
            Some(took) => took,
            None => {
                let made = folder.path().join("coded").with_extension(&codec.extension);
                let took = call
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
        let mut back = folder.path().join("back");
        match codec.output() {
            Form::Raw => back.set_extension(read.extension().unwrap_or_default()),
            form => back.set_extension(form.ending()),
        };
        let took = call
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
    fn model(&self, how: &How, row: &mut Row) -> Result<(String, String)> {
        let codec = &self.ready.codec;
        let (Some(steps), Some(key), Some(train)) = (&codec.prepare, self.model_key(), self.train)
        else {
            return Ok(Default::default());
        };
        let train = train.form(self.data, Form::Raw, codec.rate)?;
        let text = |p: &Path| p.to_string_lossy().into_owned();
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
                let call = Call {
                    job: self,
                    folder: folder.path(),
                    model: "",
                    train: &text(&train),
                };
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
        Ok((text(&train), text(&model)))
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
                    let name = format!("{}--{}", row.codec, row.setting);
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
            row.original = self.show(how, &original, &original, "")?;
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
        suffix: &str,
    ) -> Result<Option<String>> {
        let stem = Path::new(&self.input.name).with_extension("");
        let name = plain_name(&format!("{}--{suffix}", stem.to_string_lossy()));
        let place = format!(
            "media/{}/{}",
            plain_name(&self.data.name),
            name.trim_end_matches('-')
        );
        judge::show(media, original, &how.root, &place)
    }
}

/// A name that can be a file's everywhere and stands in a link as it is.
pub fn plain_name(name: &str) -> String {
    let kept = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    name.chars()
        .map(|c| if kept(c) { c } else { '-' })
        .collect()
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
mod tests {
    use super::*;

    #[test]
    fn medians_and_names() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
        assert_eq!(plain_name("nc nerv/x é.png"), "nc-nerv-x--.png");
    }
}
