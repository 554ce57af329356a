//! `nc-rd judge`: decoded files against originals of the same name, whoever decoded them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use nc_corpora::metrics::RATE;
use rayon::prelude::*;

use super::codec::Form;
use super::input::{self, Media};
use super::matching::{matching, missing};
use super::results::{CodecUsed, Dataset, Kind, Results, Row};
use super::{cache, collect, curves, judge, table};

/// Kinds of files that can be judged, by their endings: a pair may differ in its container.
const KINDS: [(Kind, &[&str]); 3] = [
    (Kind::Audio, &["wav", "flac"]),
    (Kind::Image, &["png"]),
    (Kind::Video, &["y4m"]),
];

/// What is judged.
#[derive(Debug, clap::Args)]
pub struct JudgeArgs {
    /// Folder of originals: WAV and FLAC (as mono at 16 kHz), PNG, or Y4M
    #[arg(long = "ref", value_name = "DIR")]
    reference: PathBuf,
    /// Folder of decoded files
    #[arg(long = "deg", value_name = "DIR")]
    degraded: PathBuf,
    /// Write the results as JSON, as `nc-rd run` does
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the rows as CSV
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// Judges all pairs and prints the means; whether every file had its pair.
///
/// # Errors
/// No originals, I/O of the outputs. A pair that cannot be judged is a row and no error, but one has to be.
pub fn run(args: &JudgeArgs) -> Result<bool> {
    let results = results(&args.reference, &args.degraded)?;
    for row in &results.rows {
        if let Some(why) = &row.error {
            eprintln!("{}: {why}", row.input);
        }
    }
    if let Some(path) = &args.csv {
        cache::write(path, curves::csv(&results.rows).as_bytes())?;
    }
    if let Some(path) = &args.json {
        cache::write(path, &serde_json::to_vec_pretty(&results)?)?;
    }
    let failed = results.rows.iter().filter(|r| r.error.is_some()).count();
    ensure!(failed < results.rows.len(), "not one file could be judged");
    let mut columns = vec!["codec", "setting"];
    let set = results.datasets.first().context("no data set")?;
    columns.extend(set.quality.iter().map(String::as_str));
    let has = |name: &str| results.curves.iter().any(|c| c.results.contains_key(name));
    columns.extend(["log-mel"].iter().filter(|n| has(n)));
    columns.extend(["inputs", "failed"]);
    super::print(&table::of(&results, &columns)?);
    Ok(failed == 0)
}

fn results(reference: &Path, degraded: &Path) -> Result<Results> {
    let name = |p: &Path| {
        p.file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into())
    };
    let (mut kind, mut files) = (Kind::Audio, BTreeMap::new());
    for (of, endings) in KINDS {
        for ending in endings {
            files.extend(matching(reference, &format!("**/*.{ending}"))?);
        }
        if !files.is_empty() {
            kind = of;
            break;
        }
    }
    ensure!(
        !files.is_empty(),
        missing(reference, "WAV, FLAC, PNG or Y4M file")
    );
    let files: Vec<(String, PathBuf)> = files.into_iter().collect();
    let set = Dataset {
        name: name(reference),
        kind,
        about: String::new(),
        inputs: files.len(),
        rate: String::new(),
        quality: Vec::new(),
        credit: String::new(),
    };
    let rows = files.par_iter().map(|(input, path)| {
        let mut row = Row {
            dataset: set.name.clone(),
            input: input.clone(),
            codec: "judged".into(),
            setting: name(degraded),
            ..Row::default()
        };
        if let Err(e) = pair(&mut row, kind, path, &degraded.join(input)) {
            row.error = Some(format!("{e:#}"));
        }
        row
    });
    let mut results = Results {
        name: "judged".into(),
        rows: rows.collect(),
        datasets: vec![set.clone()],
        codecs: vec![CodecUsed {
            name: "judged".into(),
            kind: format!("{kind:?}").to_lowercase(),
            ..CodecUsed::default()
        }],
        ..Results::default()
    };
    collect::complete(&mut results);
    Ok(results)
}

fn pair(row: &mut Row, kind: Kind, original: &Path, decoded: &Path) -> Result<()> {
    let endings = KINDS.iter().find(|(of, _)| *of == kind);
    let mut others = endings.into_iter().flat_map(|(_, endings)| endings.iter());
    let decoded = others.find_map(|e| Some(decoded.with_extension(e)).filter(|p| p.is_file()));
    let decoded = decoded.context("no file of this name to judge")?;
    let read = |path: &Path| -> Result<Media> {
        let form = match kind {
            Kind::Audio => Form::Wav,
            Kind::Image => Form::Png,
            Kind::Video => Form::Y4m,
            Kind::Records => Form::Raw,
        };
        input::read(path, form, RATE).with_context(|| path.display().to_string())
    };
    let (original, decoded) = (read(original)?, read(&decoded)?);
    row.seconds = original.seconds();
    row.frames = original.frames();
    let same = judge::same(&original, &decoded)?;
    row.metrics = judge::metrics(&original, &decoded)?;
    row.metrics.insert("lossless".into(), f64::from(same));
    Ok(())
}
