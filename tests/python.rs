//! The second decoder, `second_decoder.py`, which shares nothing with this one but FORMAT.md, reads
//! every golden file of the codecs that it covers, and to the same values.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod common;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use nc_core::Header;

#[test]
fn the_python_decoder_agrees_on_the_golden_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = root.join("corpora/golden");
    let sums = std::fs::read_to_string(golden.join("golden.sha256")).unwrap();
    // As sha256sum writes them: the sum, two spaces, the name.
    let name = |line: &str| line.split("  ").nth(1).unwrap().to_owned();
    let codec = |line: &str| {
        let file = std::fs::read(golden.join(name(line))).unwrap();
        Header::from_bytes(&file).unwrap().codec
    };
    let mut python = Command::new("python3");
    python
        .current_dir(&golden)
        .arg(root.join("tests/second_decoder.py"))
        .args(["--self-test", "--covered"]);
    for model in common::files(&golden, "ncm") {
        python.args(["--model".as_ref(), model.as_os_str()]);
    }
    python.args(sums.lines().map(name));
    let output = match python.output() {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            eprintln!("python3 is not on this machine: the second decoder was not run");
            return;
        }
        output => output.unwrap(),
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let decoded = String::from_utf8(output.stdout).unwrap();
    let decoded: BTreeSet<&str> = decoded.lines().collect();
    let right: BTreeSet<&str> = sums.lines().collect();
    let wrong: Vec<_> = decoded.difference(&right).collect();
    assert!(wrong.is_empty(), "{wrong:?} {errors}");
    // Of a lossless codec that it covers it reads all; of another one what is lossless.
    let covered: BTreeSet<u8> = decoded.iter().map(|line| codec(line).0).collect();
    assert!(covered.len() >= 3, "codecs {covered:?}: {errors}");
    for family in nc::registry().families().filter(|f| f.info().lossless) {
        let id = family.info().id;
        let all = right.iter().filter(|line| codec(line) == id);
        let missed: Vec<_> = all.filter(|line| !decoded.contains(*line)).collect();
        assert!(
            missed.is_empty() || !covered.contains(&id.0),
            "{missed:?} {errors}"
        );
    }
}
