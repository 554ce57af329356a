//! Tables: bytes per record of `nc` and of what people use for such files today.
//!
//! Every fifth row is held out and never seen by what is trained: nc's model and zstd's dictionary.
//! Neither counts in the bytes per record; their sizes stand beside.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;
use serde::Serialize;

/// Row `i` of a table is held out where `i % FOLDS == HELD`.
const FOLDS: usize = 5;
const HELD: usize = 1;
/// Sizes of zstd's dictionary that are tried; the best counts.
const DICTIONARIES: [usize; 3] = [16 << 10, 110 << 10, 512 << 10];
/// Level of zstd inside Parquet.
const PARQUET_LEVEL: i32 = 19;

/// What is measured of a table; bytes per held-out record unless it says otherwise.
#[derive(Debug, Serialize)]
pub struct Row {
    /// File name.
    pub table: String,
    /// Records learnt from.
    pub train: usize,
    /// Records held out.
    pub test: usize,
    /// As they are, without the header.
    pub raw: f64,
    /// `zstd -19` of the whole file.
    pub zstd: Option<f64>,
    /// `xz -9` of the whole file.
    pub xz: Option<f64>,
    /// Parquet with zstd, the whole file.
    pub parquet: f64,
    /// zstd with a dictionary, every record a frame of its own.
    pub dictionary: Option<f64>,
    /// Bytes of that dictionary.
    pub dictionary_bytes: Option<usize>,
    /// nc, every record readable alone.
    pub single: f64,
    /// nc, 16 records at a time.
    pub group: f64,
    /// Bytes of nc's model.
    pub model_bytes: u64,
    /// Seconds of nc's training.
    pub train_seconds: f64,
    /// How many times smaller nc is than zstd with a dictionary, every record readable alone.
    pub gain: Option<f64>,
}

/// Measures tables.
///
/// # Errors
/// A table that cannot be read or that does not come back byte for byte; no `nc`.
pub fn run(tables: &[PathBuf], nc: Option<&Path>, states: Option<usize>) -> Result<Vec<Row>> {
    let nc = match nc {
        Some(path) => path.to_path_buf(),
        None => beside_us()?,
    };
    tables
        .iter()
        .map(|t| one(t, &nc, states).with_context(|| t.display().to_string()))
        .collect()
}

/// The `nc` of the same build, or on PATH.
fn beside_us() -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let nc = here.with_file_name(format!("nc{}", std::env::consts::EXE_SUFFIX));
    if nc.is_file() {
        return Ok(nc);
    }
    let found = Command::new("nc").arg("--version").output();
    ensure!(
        found.is_ok_and(|o| o.status.success() && o.stdout.starts_with(b"nc ")),
        "no nc beside nc-rd; build it with cargo build --release -p nc-codec-cli, or name one with --nc"
    );
    Ok(PathBuf::from("nc"))
}

fn one(table: &Path, nc: &Path, states: Option<usize>) -> Result<Row> {
    let name = table
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let text = std::fs::read_to_string(table)?;
    let (header, rows) = text.split_once('\n').context("no rows")?;
    let rows: Vec<&str> = rows.lines().collect();
    let held = |i: usize| i % FOLDS == HELD;
    let pick = |want: bool| -> Vec<&str> {
        let all = rows.iter().enumerate();
        all.filter(|(i, _)| held(*i) == want)
            .map(|(_, r)| *r)
            .collect()
    };
    let (train, test) = (pick(false), pick(true));
    ensure!(!train.is_empty() && !test.is_empty(), "too few rows");
    let folder = tempfile::tempdir()?;
    let at = |name: &str| folder.path().join(name);
    for (file, rows) in [("train.csv", &train), ("test.csv", &test)] {
        let mut text = String::from(header);
        rows.iter().for_each(|r| text.extend(["\n", r]));
        text.push('\n');
        std::fs::write(at(file), text)?;
    }
    let n = test.len() as f64;
    let whole = |program: &str, args: &[&str]| -> Result<Option<f64>> {
        let out = Command::new(program)
            .args(args)
            .arg(at("test.csv"))
            .output();
        match out {
            Ok(out) if out.status.success() => Ok(Some(out.stdout.len() as f64 / n)),
            Ok(out) => bail!("{program}: {}", String::from_utf8_lossy(&out.stderr)),
            Err(_) => Ok(None),
        }
    };
    let zstd = whole("zstd", &["-q", "-19", "-c"])?;
    let xz = whole("xz", &["-9", "-c"])?;
    let (mut dictionary, mut dictionary_bytes) = (None, None);
    if zstd.is_some() {
        let (bytes, size) = with_dictionary(&train, &test, folder.path())?;
        dictionary = Some(bytes as f64 / n);
        dictionary_bytes = Some(size);
    }
    let call = |args: &[&str]| -> Result<()> {
        eprintln!("{name}: nc {}", args.join(" "));
        let out = Command::new(nc)
            .current_dir(folder.path())
            .args(args)
            .stderr(Stdio::piped())
            .output()
            .with_context(|| nc.display().to_string())?;
        let why = String::from_utf8_lossy(&out.stderr);
        ensure!(out.status.success(), "nc {}: {why}", args.join(" "));
        Ok(())
    };
    let began = std::time::Instant::now();
    let states = states.map(|s| s.to_string());
    let mut learn = vec!["train", "circuit", "--data", "train.csv", "-o", "m.ncm"];
    if let Some(states) = &states {
        learn.extend(["--states", states]);
    }
    call(&learn)?;
    let train_seconds = began.elapsed().as_secs_f64();
    let mut sizes = Vec::new();
    for group in ["1", "16"] {
        call(&[
            "encode", "-f", "--model", "m.ncm", "--group", group, "test.csv", "test.nc",
        ])?;
        call(&["decode", "-f", "--model", "m.ncm", "test.nc", "back.csv"])?;
        ensure!(
            std::fs::read(at("back.csv"))? == std::fs::read(at("test.csv"))?,
            "the table did not come back"
        );
        sizes.push(std::fs::metadata(at("test.nc"))?.len() as f64 / n);
    }
    let bytes: usize = test.iter().map(|r| r.len() + 1).sum();
    Ok(Row {
        table: name.clone(),
        train: train.len(),
        test: test.len(),
        raw: bytes as f64 / n,
        zstd,
        xz,
        parquet: parquet_bytes(header, &test)? as f64 / n,
        dictionary,
        dictionary_bytes,
        single: sizes[0],
        group: sizes[1],
        model_bytes: std::fs::metadata(at("m.ncm"))?.len(),
        train_seconds,
        gain: dictionary.map(|d| d / sizes[0]),
    })
}

/// Bytes of all held-out records, each a zstd frame of its own without what a frame can do without,
/// under the best of a few dictionaries; and that dictionary's size.
fn with_dictionary(train: &[&str], test: &[&str], folder: &Path) -> Result<(u64, usize)> {
    for (name, rows) in [("samples", train), ("records", test)] {
        let folder = folder.join(name);
        std::fs::create_dir(&folder)?;
        for (i, row) in rows.iter().enumerate() {
            std::fs::write(folder.join(format!("{i:07}")), row)?;
        }
    }
    let call = |args: &[&str]| -> Result<()> {
        let out = Command::new("zstd")
            .current_dir(folder)
            .args(args)
            .output()?;
        let why = String::from_utf8_lossy(&out.stderr);
        ensure!(out.status.success(), "zstd {}: {why}", args.join(" "));
        Ok(())
    };
    let mut best: Option<(u64, usize)> = None;
    for size in DICTIONARIES {
        let most = format!("--maxdict={size}");
        call(&[
            "-q",
            "-f",
            "--train",
            "-r",
            "samples",
            &most,
            "-o",
            "dictionary",
        ])?;
        let _ = std::fs::remove_dir_all(folder.join("coded"));
        std::fs::create_dir(folder.join("coded"))?;
        call(&[
            "-q",
            "-f",
            "-19",
            "-D",
            "dictionary",
            "--no-check",
            "--no-dictID",
            "--no-content-size",
            "-r",
            "records",
            "--output-dir-flat",
            "coded",
        ])?;
        let mut sum = 0;
        for entry in std::fs::read_dir(folder.join("coded"))? {
            sum += entry?.metadata()?.len();
        }
        if best.is_none_or(|(least, _)| sum < least) {
            let size = std::fs::metadata(folder.join("dictionary"))?.len() as usize;
            best = Some((sum, size));
        }
    }
    best.context("no dictionary")
}

/// Cells of a line: quotes taken off.
fn cells(line: &str) -> Vec<String> {
    let (mut out, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    out.push(cell);
    out
}

/// Bytes of the rows as Parquet, columns typed as their cells are: integers, floats or text.
fn parquet_bytes(header: &str, rows: &[&str]) -> Result<usize> {
    let names = cells(header);
    let rows: Vec<Vec<String>> = rows.iter().map(|r| cells(r)).collect();
    ensure!(
        rows.iter().all(|r| r.len() == names.len()),
        "rows of uneven length"
    );
    let missing = |c: &str| c.is_empty() || c == "NA";
    let column = |i: usize| rows.iter().map(move |r| r[i].as_str());
    let all = |i: usize, fits: &dyn Fn(&str) -> bool| column(i).all(|c| missing(c) || fits(c));
    let kind = |i: usize| {
        if all(i, &|c| c.parse::<i64>().is_ok()) {
            Physical::INT64
        } else if all(i, &|c| c.parse::<f64>().is_ok()) {
            Physical::DOUBLE
        } else {
            Physical::BYTE_ARRAY
        }
    };
    let kinds: Vec<Physical> = (0..names.len()).map(kind).collect();
    let fields: Result<Vec<_>, _> = names
        .iter()
        .zip(&kinds)
        .map(|(name, kind)| {
            let text = (*kind == Physical::BYTE_ARRAY).then_some(LogicalType::String);
            Type::primitive_type_builder(name, *kind)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(text)
                .build()
                .map(Arc::new)
        })
        .collect();
    let schema = Type::group_type_builder("table")
        .with_fields(fields?)
        .build()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(PARQUET_LEVEL)?))
        .build();
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    for (i, kind) in kinds.iter().enumerate() {
        let mut out = group.next_column()?.context("a column is missing")?;
        let text = *kind == Physical::BYTE_ARRAY;
        let known = |c: &&str| text || !missing(c);
        let levels: Vec<i16> = column(i).map(|c| i16::from(known(&c))).collect();
        let values = column(i).filter(known);
        match kind {
            Physical::INT64 => {
                let values: Result<Vec<i64>, _> = values.map(str::parse).collect();
                out.typed::<Int64Type>()
                    .write_batch(&values?, Some(&levels), None)?
            }
            Physical::DOUBLE => {
                let values: Result<Vec<f64>, _> = values.map(str::parse).collect();
                out.typed::<DoubleType>()
                    .write_batch(&values?, Some(&levels), None)?
            }
            _ => {
                let values: Vec<ByteArray> = values.map(ByteArray::from).collect();
                out.typed::<ByteArrayType>()
                    .write_batch(&values, Some(&levels), None)?
            }
        };
        out.close()?;
    }
    group.close()?;
    Ok(file.into_inner()?.len())
}

/// Rows as a table for a person.
pub fn table(rows: &[Row]) -> String {
    let mut out = String::from(
        "                          whole file             each record readable alone\n\
         table          raw   zstd -19   xz -9  parquet    zstd -D      nc    gain   nc by 16     model\n",
    );
    let figure = |x: Option<f64>| x.map_or_else(|| "-".into(), |x| format!("{x:.2}"));
    for r in rows {
        out += &format!(
            "{:<12} {:>6.1} {:>10} {:>7} {:>8.2} {:>10} {:>7.2} {:>7} {:>10.2} {:>9}\n",
            r.table.trim_end_matches(".csv"),
            r.raw,
            figure(r.zstd),
            figure(r.xz),
            r.parquet,
            figure(r.dictionary),
            r.single,
            figure(r.gain),
            r.group,
            r.model_bytes
        );
    }
    out += "Bytes per held-out record; every fifth row is held out. Dictionary and model apart.\n";
    out
}

/// Writes the table to standard output, and rows as JSON.
///
/// # Errors
/// I/O of the JSON file.
pub fn report(rows: &[Row], json: Option<&Path>) -> Result<()> {
    // A closed pipe is the reader's wish.
    let _ = std::io::stdout().write_all(table(rows).as_bytes());
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(rows)?;
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_table_becomes_typed_columns() {
        assert_eq!(cells("1,\"a, \"\"b\"\"\",,x"), ["1", "a, \"b\"", "", "x"]);
        let rows: Vec<String> = (0..100)
            .map(|i| format!("{i},{}.5,w{}", i * 3, i % 4))
            .collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let n = parquet_bytes("a,b,c", &rows).unwrap();
        assert!((300..4000).contains(&n), "{n}");
        assert!(parquet_bytes("a,b", &rows).is_err());
    }
}
