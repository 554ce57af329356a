//! The second decoder, `second_decoder.py`, which shares nothing with this one but FORMAT.md, reads
//! every lossless golden file, and to the same values.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

#[test]
fn the_python_decoder_agrees_on_the_golden_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let golden = root.join("corpora/golden");
    let sums = std::fs::read_to_string(golden.join("golden.sha256")).unwrap();
    // As sha256sum writes them: the sum, two spaces, the name.
    let name = |line: &str| line.split("  ").nth(1).unwrap().to_owned();
    let expected: Vec<&str> = sums
        .lines()
        .filter(|line| {
            let lossless = ["circuit", "store", "nerv-raw", "nerv-constant"];
            lossless.iter().any(|l| name(line).starts_with(l))
        })
        .collect();
    assert!(!expected.is_empty());

    let mut python = Command::new("python3");
    python
        .current_dir(&golden)
        .arg(root.join("tests/second_decoder.py"))
        .args(["--self-test", "--model", "circuit.ncm"])
        .args(["--model", "circuit-first.ncm"])
        .args(["--model", "circuit-table.ncm"])
        .args(expected.iter().map(|line| name(line)));
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
    assert_eq!(decoded.lines().collect::<Vec<_>>(), expected, "{errors}");
}
