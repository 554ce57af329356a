//! The commands, on seeded clips in a temporary folder.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::path::Path;

use assert_cmd::Command;
use nc_corpora::{audio, synth};

mod common;

use common::output;

fn nc_rd() -> Command {
    common::nc_rd(&[])
}

fn clips(folder: &Path, degrade: impl Fn(&[f32]) -> Vec<f32>) {
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    for seed in 0..3 {
        let x = synth::speech(seed, 2.0 + seed as f64);
        audio::write(&folder.join(format!("sub/{seed}.wav")), &degrade(&x)).unwrap();
    }
}

#[test]
fn judge_scores_pairs_and_names_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    clips(&a, <[f32]>::to_vec);
    clips(&b, |x| synth::add_noise(x, 20.0, 1));
    std::fs::remove_file(b.join("sub/2.wav")).unwrap();
    let json = dir.path().join("out.json");
    let csv = dir.path().join("out.csv");
    let (code, table, messages) = output(
        nc_rd()
            .args(["judge", "--ref"])
            .arg(&a)
            .arg("--deg")
            .arg(&b)
            .arg("--json")
            .arg(&json)
            .arg("--csv")
            .arg(&csv),
    );
    // One has no pair.
    assert_eq!(code, Some(3), "{messages}");
    assert!(
        table.contains("pesq-wb") && !table.contains("kbps"),
        "{table}"
    );
    assert!(messages.contains("sub/2.wav"), "{messages}");
    let report = common::read(&json);
    assert_eq!(report["rows"].as_array().unwrap().len(), 3);
    let sdr = report["curves"][0]["results"]["si-sdr"][0]
        .as_f64()
        .unwrap();
    assert!((sdr - 20.0).abs() < 0.2, "{sdr}");
    assert_eq!(report["curves"][0]["results"]["failed"][0], 1.0);
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 4);
}

#[test]
fn nothing_to_judge_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (code, ..) = output(
        nc_rd()
            .args(["judge", "--ref"])
            .arg(dir.path())
            .arg("--deg")
            .arg(dir.path()),
    );
    assert_eq!(code, Some(1));
}

#[test]
fn spectrograms_are_one_picture() {
    let dir = tempfile::tempdir().unwrap();
    clips(dir.path(), <[f32]>::to_vec);
    let png = dir.path().join("pair.png");
    let (code, _, messages) = output(
        nc_rd()
            .arg("spectrogram")
            .arg(dir.path().join("sub/0.wav"))
            .arg(dir.path().join("sub/1.wav"))
            .arg("-o")
            .arg(&png),
    );
    assert_eq!(code, Some(0), "{messages}");
    let size = image::image_dimensions(&png).unwrap();
    // 3 s at 125 columns a second, less the last frame; two panels of 257 lines and a gap.
    assert_eq!(size, (372, 520));
}
