//! Images and Parquet files that Pillow, ffmpeg, pyarrow, pandas, polars and duckdb write, read here and by them.
//!
//! It runs where python3 has these packages, and says so where it has not.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::fs::File;
use std::path::Path;
use std::process::Command;

use nc_core::{Budget, Chroma, Format, MediaKind, SignalBuf, VideoFormat};
use nc_media::records::{FileOfRows, Learn, Schema, Source};
use nc_media::{OpenOptions, open};
use serde_json::Value;

/// Runs a script of this folder; false where python3 lacks a package.
fn python(script: &str, packages: &str, args: &[&Path], command: &[&str]) -> bool {
    let has = Command::new("python3")
        .args(["-c", &format!("import {packages}")])
        .output();
    if !has.is_ok_and(|out| out.status.success()) {
        eprintln!("python3 with {packages} is not installed: passed over");
        return false;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
    let out = Command::new("python3")
        .arg(path.join(script))
        .args(command)
        .args(args)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{script}: {said}");
    true
}

fn list(dir: &Path) -> Vec<Value> {
    let text = std::fs::read(dir.join("list.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Samples of all planes as Pillow has those of pixels.
fn interleaved(format: &VideoFormat, frame: &[u16]) -> Vec<u16> {
    let n = frame.len() / format.planes();
    (0..n)
        .flat_map(|i| (0..format.planes()).map(move |p| frame[p * n + i]))
        .collect()
}

#[test]
fn images_of_other_programs_are_read_as_they_read_them() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    if !python("pictures.py", "PIL, numpy", &[dir], &[]) {
        return;
    }
    let all = list(dir);
    assert!(all.len() >= 40, "{}", all.len());
    for entry in all {
        let name = entry["file"].as_str().unwrap();
        let options = OpenOptions::new().kind(MediaKind::Video);
        let opened = open(dir.join(name), &options);
        if let Some(code) = entry["error"].as_str() {
            let e = opened.map(|_| ()).unwrap_err();
            assert_eq!(e.code(), Some(code), "{name}: {e}");
            continue;
        }
        let mut reader = opened.unwrap_or_else(|e| panic!("{name}: {e}"));
        let Format::Video(format) = reader.format() else {
            panic!("{name}: no picture");
        };
        let number = |key: &str| entry[key].as_u64().unwrap();
        let colours = if format.chroma == Chroma::Gray { 1 } else { 3 };
        let mut channels = number("channels");
        let raw = std::fs::read(dir.join(entry["raw"].as_str().unwrap())).unwrap();
        let mut want: Vec<u16> = raw
            .as_chunks::<2>()
            .0
            .iter()
            .map(|b| u16::from_le_bytes(*b))
            .collect();
        // A palette of greys has colours here.
        if channels == 1 && colours == 3 {
            want = want.iter().flat_map(|s| [*s; 3]).collect();
            channels = 3;
        }
        assert_eq!(
            (
                u64::from(format.width),
                u64::from(format.height),
                format.planes() as u64
            ),
            (number("width"), number("height"), channels),
            "{name}"
        );
        assert_eq!(u64::from(format.bits), number("bits"), "{name}");
        if let Some(rate) = entry["rate"].as_array() {
            assert_eq!(format.rate.map(Value::from).to_vec(), *rate, "{name}");
        }
        assert_eq!(reader.length(), Some(number("frames")), "{name}");
        let mut got = Vec::new();
        while let Some(SignalBuf::Video(piece)) = reader.next().unwrap() {
            got.extend(interleaved(&format, &piece.samples));
        }
        assert_eq!(got.len(), want.len(), "{name}");
        let off = got.iter().zip(&want).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(
            u64::from(off.unwrap()) <= number("tolerance"),
            "{name}: {off:?}"
        );
        let codes: Vec<Value> = reader.warnings().iter().map(|w| w.code.into()).collect();
        assert_eq!(codes, *entry["warnings"].as_array().unwrap(), "{name}");
    }
}

#[test]
fn parquet_of_other_programs_comes_back_as_they_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let packages = "pyarrow, pandas, polars, duckdb";
    if !python("tables.py", packages, &[dir], &["write"]) {
        return;
    }
    for entry in list(dir) {
        let name = entry.as_str().unwrap();
        let path = dir.join(format!("{name}.parquet"));
        let budget = Budget::default();
        let schema = Schema::learn(std::slice::from_ref(&path), &Learn::default(), &budget);
        let schema = schema.unwrap_or_else(|e| panic!("{name}: {e}"));
        // As a model file keeps it.
        let schema = Schema::from_json(&schema.to_json().unwrap()).unwrap();
        let source = Source::open(&path).unwrap();
        let mut reader = schema.reader(source, None, Budget::default()).unwrap();
        let mut rows = Vec::new();
        while let Some(some) = reader.next(33).unwrap() {
            rows.push(some);
        }
        let extras = reader.extras().unwrap();
        let to = File::create(dir.join(format!("{name}.back.parquet"))).unwrap();
        let file = FileOfRows {
            extras: &extras,
            ..FileOfRows::default()
        };
        let mut writer = schema.writer(to, file, &budget).unwrap();
        for some in &rows {
            writer.write(some.view()).unwrap();
        }
        writer.finish().unwrap();
    }
    assert!(python("tables.py", packages, &[dir], &["check"]));
}
