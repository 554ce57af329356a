//! The commands, on seeded clips in a temporary folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;

use assert_cmd::Command;
use nc_corpora::{audio, synth};

fn nc_rd() -> Command {
    Command::new(env!("CARGO_BIN_EXE_nc-rd"))
}

fn clips(folder: &Path, degrade: impl Fn(&[f32]) -> Vec<f32>) {
    std::fs::create_dir_all(folder.join("sub")).unwrap();
    for seed in 0..3 {
        let x = synth::speech(seed, 2.0 + seed as f64);
        audio::write(&folder.join(format!("sub/{seed}.wav")), &degrade(&x)).unwrap();
    }
}

fn output(command: &mut Command) -> (bool, String, String) {
    let out = command.output().unwrap();
    let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
    (out.status.success(), text(out.stdout), text(out.stderr))
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
    let (ok, table, messages) = output(
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
    assert!(ok, "{messages}");
    assert!(
        table.contains("PESQ-WB") && !table.contains("kbit/s"),
        "{table}"
    );
    assert!(messages.contains("sub/2.wav"), "{messages}");
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(report["rows"].as_array().unwrap().len(), 3);
    let sdr = report["curves"][0]["results"]["si_sdr"][0]
        .as_f64()
        .unwrap();
    assert!((sdr - 20.0).abs() < 0.2, "{sdr}");
    assert_eq!(report["curves"][0]["results"]["failed"][0], 1.0);
    assert_eq!(std::fs::read_to_string(&csv).unwrap().lines().count(), 4);
}

#[test]
fn nothing_to_judge_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let (ok, ..) = output(
        nc_rd()
            .args(["judge", "--ref"])
            .arg(dir.path())
            .arg("--deg")
            .arg(dir.path()),
    );
    assert!(!ok);
}

#[test]
fn spectrograms_are_one_picture() {
    let dir = tempfile::tempdir().unwrap();
    clips(dir.path(), <[f32]>::to_vec);
    let png = dir.path().join("pair.png");
    let (ok, _, messages) = output(
        nc_rd()
            .arg("spectrogram")
            .arg(dir.path().join("sub/0.wav"))
            .arg(dir.path().join("sub/1.wav"))
            .arg("-o")
            .arg(&png),
    );
    assert!(ok, "{messages}");
    let size = image::image_dimensions(&png).unwrap();
    // 3 s at 125 columns a second, less the last frame; two panels of 257 lines and a gap.
    assert_eq!(size, (372, 520));
}

#[test]
fn peers_are_measured_and_plotted() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    clips(&data, <[f32]>::to_vec);
    let json = dir.path().join("out.json");
    let mut command = nc_rd();
    command
        .args(["speech", "--codec", "none", "--data"])
        .arg(&data)
        .arg("--json")
        .arg(&json);
    let (ok, table, messages) = output(&mut command);
    if !table.contains("Opus") {
        eprintln!("skipped: {messages}");
        return;
    }
    assert!(ok, "{messages}");
    let svg = dir.path().join("curve.svg");
    let (ok, _, messages) = output(nc_rd().arg("plot").arg(&json).arg("-o").arg(&svg));
    assert!(ok, "{messages}");
    let svg = std::fs::read_to_string(&svg).unwrap();
    assert!(svg.contains(">Opus</text>") && svg.contains("other clips"));
}

#[test]
fn own_codec_keeps_to_its_rate() {
    let registry = nc::registry();
    let entry = registry.by_name("grvq").unwrap();
    if entry.default_model.is_none_or(<[u8]>::is_empty) {
        eprintln!("skipped: this build has no model of grvq");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    clips(&data, <[f32]>::to_vec);
    let json = dir.path().join("out.json");
    let (ok, _, messages) = output(
        nc_rd()
            .args(["speech", "--no-peers", "--rates", "3,6", "--data"])
            .arg(&data)
            .arg("--json")
            .arg(&json),
    );
    assert!(ok, "{messages}");
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    let results = &report["curves"][0]["results"];
    for (i, target) in [3.0, 6.0].into_iter().enumerate() {
        assert_eq!(results["failed"][i], 0.0, "{messages}");
        let kbps = results["kbps"][i].as_f64().unwrap();
        assert!(kbps <= target && kbps > 0.5, "{kbps} of {target}");
        assert_eq!(results["over_target"][i], 0.0);
    }
}
