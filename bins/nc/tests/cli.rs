//! Help, man pages, completions, usage errors, `info`, `test` and damaged files.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod common;
use common::*;

use serde_json::Value;

fn stored(n: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("in"), noise(11, n)).unwrap();
    ok(dir.path(), &["encode", "in", "a.nc", "--codec", "store"]);
    dir
}

#[test]
fn help_and_man_tell_the_exit_codes() {
    let dir = tempfile::tempdir().unwrap();
    let help = String::from_utf8(ok(dir.path(), &["--help"])).unwrap();
    for line in [
        "Exit codes:",
        "3  an input is corrupt",
        "5  a model is missing",
    ] {
        assert!(help.contains(line), "{line}");
    }
    let man = String::from_utf8(ok(dir.path(), &["man"])).unwrap();
    assert!(man.starts_with(".") || man.contains(".TH"));
    assert!(man.contains("Exit codes:"));
    ok(dir.path(), &["man", "--out-dir", "pages"]);
    let pages = names(&dir.path().join("pages"));
    for page in ["nc.1", "nc-encode.1", "nc-decode.1", "nc-model-info.1"] {
        assert!(pages.iter().any(|p| p == page), "{page} in {pages:?}");
    }
    let encode = std::fs::read_to_string(dir.path().join("pages/nc-encode.1")).unwrap();
    assert!(encode.contains("the default for audio is 3 per channel"));
}

#[test]
fn completions_know_the_commands() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = String::from_utf8(ok(dir.path(), &["completions", shell])).unwrap();
        assert!(text.contains("encode") && text.contains("trim"), "{shell}");
    }
}

#[test]
fn nonsense_on_the_command_line_is_usage() {
    let dir = stored(10);
    let d = dir.path();
    for args in [
        &["encode"][..],
        &["encode", "in"],
        &["encode", "in", "b", "c", "--codec", "store"],
        &["encode", "in", "b", "--codec", "no-such-codec"],
        &["encode", "in", "b", "-b", "0"],
        &["encode", "in", "b", "-b", "x"],
        &["encode", "in", "b", "-b", "3", "--bytes", "9"],
        &["encode", "in", "b", "--quality", "11"],
        &["encode", "in", "b", "-r"],
        &["encode", "in", "b", "-M", "much"],
        &["encode", "in", ".", "--codec", "store"],
        &["encode", ".", "b", "--codec", "store"],
        &["decode", "a.nc", "b", "--range", "9..3"],
        &["decode", "a.nc", "b", "--range", "1s..2s"],
        &["trim", "a.nc", "b"],
        &["test"],
        &["frobnicate"],
        &["-q", "-v", "test", "a.nc"],
    ] {
        fails(d, args, 2);
    }
    assert_eq!(names(d), ["a.nc", "in"]);
}

#[test]
fn a_file_of_no_known_kind_needs_a_codec() {
    let dir = stored(500);
    let why = fails(dir.path(), &["encode", "in", "b.nc"], 2);
    assert!(
        why.contains("not an audio file") && why.contains("--codec store"),
        "{why}"
    );
    std::fs::write(dir.path().join("empty"), b"").unwrap();
    let why = fails(dir.path(), &["encode", "empty", "b.nc"], 3);
    assert!(why.contains("the file is empty"), "{why}");
    assert_eq!(names(dir.path()), ["a.nc", "empty", "in"]);
}

#[test]
fn info_tells_what_is_in_a_file() {
    let dir = stored(70_000);
    let out = ok(dir.path(), &["info", "--json", "a.nc"]);
    let v: Value = serde_json::from_slice(&out).unwrap();
    let size = std::fs::metadata(dir.path().join("a.nc")).unwrap().len();
    assert_eq!(v["codec"], "store");
    assert_eq!(v["kind"], "bytes");
    assert_eq!(v["units"], 70_000);
    assert_eq!(v["bytes"], size);
    assert_eq!(v["version"].as_array().unwrap().len(), 2);
    assert!(v["chunks"].as_u64().unwrap() >= 1);
    assert!(v["overhead"].as_u64().unwrap() >= size - 70_000);
    let text = String::from_utf8(ok(dir.path(), &["info", "a.nc"])).unwrap();
    assert!(text.contains("store") && text.contains("70000"), "{text}");
    fails(dir.path(), &["info", "in"], 3);
}

#[test]
fn test_says_ok_or_why() {
    let dir = stored(5_000);
    let d = dir.path();
    let mut bad = std::fs::read(d.join("a.nc")).unwrap();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(d.join("bad.nc"), bad).unwrap();
    assert_eq!(ok(d, &["test", "a.nc"]), b"a.nc: ok\n");
    let out = run(d, &["test", "bad.nc", "a.nc"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&out.stdout).contains("a.nc: ok"));
    assert!(String::from_utf8_lossy(&out.stderr).contains("bad.nc: "));
    fails(d, &["test", "missing.nc"], 1);
    let out = run(d, &["test", "--json", "bad.nc"]);
    let v: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(
        (v["ok"].as_bool(), v["exit"].as_u64()),
        (Some(false), Some(3))
    );
}

#[test]
fn damage_anywhere_is_found_and_leaves_no_output() {
    let dir = stored(40);
    let d = dir.path();
    let whole = std::fs::read(d.join("a.nc")).unwrap();
    for at in 0..whole.len() {
        let mut bad = whole.clone();
        bad[at] ^= 1 << (at % 8);
        std::fs::write(d.join("bad.nc"), &bad).unwrap();
        let out = run(d, &["decode", "bad.nc", "out"]);
        let code = out.status.code();
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(!text.contains("panicked"), "byte {at}: {text}");
        assert!(matches!(code, Some(2..=5)), "byte {at}: {code:?} {text}");
        assert!(!d.join("out").exists(), "byte {at}");
    }
    for n in 0..whole.len() {
        std::fs::write(d.join("bad.nc"), &whole[..n]).unwrap();
        let out = run(d, &["decode", "bad.nc", "out"]);
        assert_eq!(out.status.code(), Some(3), "cut at {n}");
        assert!(!d.join("out").exists(), "cut at {n}");
    }
    assert_eq!(names(d), ["a.nc", "bad.nc", "in"]);
}

#[test]
fn a_range_of_bytes() {
    let dir = stored(5_000);
    let d = dir.path();
    let data = std::fs::read(d.join("in")).unwrap();
    for (range, want) in [
        ("100..200", &data[100..200]),
        ("4990..", &data[4990..]),
        ("..7", &data[..7]),
        ("5..5", &data[5..5]),
    ] {
        ok(d, &["decode", "a.nc", "part", "-f", "--range", range]);
        assert_eq!(std::fs::read(d.join("part")).unwrap(), want, "{range}");
    }
}

#[test]
fn a_budget_that_is_too_small_is_a_limit() {
    let dir = stored(2 << 20);
    fails(dir.path(), &["decode", "a.nc", "out", "-M", "64k"], 4);
    assert_eq!(names(dir.path()), ["a.nc", "in"]);
}

#[test]
fn json_goes_where_the_data_does_not() {
    let dir = stored(100);
    let d = dir.path();
    let out = run(d, &["decode", "--json", "a.nc", "out"]);
    let v: Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(
        (v["ok"].as_bool(), v["output"].as_str()),
        (Some(true), Some("out"))
    );
    let out = run(d, &["decode", "--json", "a.nc", "-"]);
    assert_eq!(out.stdout, std::fs::read(d.join("in")).unwrap());
    let v: Value = serde_json::from_slice(&out.stderr).unwrap();
    assert_eq!(v["output"], "-");
}

#[test]
fn quiet_is_quiet() {
    let dir = stored(100);
    let out = run(dir.path(), &["decode", "-q", "a.nc", "out"]);
    assert!(out.status.success() && out.stdout.is_empty() && out.stderr.is_empty());
}

#[test]
fn a_store_file_has_no_nested_rates() {
    let dir = stored(100);
    fails(dir.path(), &["trim", "a.nc", "b.nc", "-b", "1"], 2);
    assert_eq!(names(dir.path()), ["a.nc", "in"]);
}

#[test]
fn the_model_built_in_is_listed_with_its_id_and_size() {
    let dir = tempfile::tempdir().unwrap();
    if audio_codec().is_none() {
        return;
    }
    let said = ok(dir.path(), &["model", "list", "--json"]);
    let model: Value = serde_json::from_slice(&said).unwrap();
    assert_eq!(model["codec"], "grvq");
    let built_in = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../codecs/grvq/models/grvq-16k.ncm"
    );
    assert_eq!(model["bytes"], std::fs::metadata(built_in).unwrap().len());
}

#[test]
fn model_info_wants_a_model() {
    let dir = stored(100);
    let d = dir.path();
    fails(d, &["model", "info", "in"], 5);
    fails(d, &["model", "info", "missing.ncm"], 1);
}

#[test]
fn words_of_a_model_do_not_reach_the_terminal_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let header = r#"{"__metadata__":{"codec":"other","about":"a\u001b[2Jb"},
        "t":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#;
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend([0, 0]);
    std::fs::write(d.join("m.ncm"), file).unwrap();
    let said = String::from_utf8(ok(d, &["model", "info", "m.ncm"])).unwrap();
    assert!(said.contains(r"a\u{1b}[2Jb"), "{said:?}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

/// Kinds of media and codecs are told apart in one table: whoever adds one looks there and nowhere else.
#[test]
fn one_table_knows_kinds_and_no_file_names_a_codec() {
    let src = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut lines = 0;
    for entry in std::fs::read_dir(src).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        lines += text.lines().count();
        let names = nc::registry();
        let names = names.families().map(|f| format!("\"{}\"", f.info().name));
        let kinds = [
            "MediaKind::",
            "Format::Audio",
            "Format::Video",
            "Format::Records",
        ];
        let kinds = kinds.into_iter().map(str::to_owned);
        let is_table = path.ends_with("kinds.rs");
        for word in names.chain(kinds.filter(|_| !is_table)) {
            assert!(!text.contains(&word), "{}: {word}", path.display());
        }
    }
    assert!(lines <= 3000, "{lines} lines");
}
