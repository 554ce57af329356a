//! What a file may claim is bounded by -M, in encoding as in decoding: exit code 4, no output, nothing left behind.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod common;
use common::*;

use std::path::Path;

use nc::circuit::{Circuit, Stored, Tree, Vertex};

/// `nc` with so little memory ends with code 4 and leaves the folder as it was; with the default it does its work.
fn bounded(dir: &Path, memory: &str, args: &[&str]) {
    let before = names(dir);
    let with = [&["-M", memory], args].concat();
    // The command comes first, for the model of a build without one.
    let text = fails(dir, &[&args[..1], &["-M", memory], &args[1..]].concat(), 4);
    assert!(text.contains("-M"), "{with:?}: {text}");
    assert_eq!(names(dir), before, "{with:?}");
    ok(dir, args);
}

fn y4m(width: usize, height: usize, frames: usize) -> Vec<u8> {
    let mut out = format!("YUV4MPEG2 W{width} H{height} F25:1 Cmono\n").into_bytes();
    for i in 0..frames {
        out.extend(b"FRAME\n");
        out.extend(noise(i as u64 + 1, width * height));
    }
    out
}

/// A model of records of one byte, all alike.
fn model(dir: &Path) {
    let vertex = Vertex {
        parent: None,
        states: 1,
        variable: Some(0),
    };
    let tree = Tree::new(vec![vertex]).unwrap();
    let leaf = vec![1.0 / 256.0; 256];
    let circuit = Circuit::new(tree, vec![256], vec![vec![1.0]], vec![leaf]).unwrap();
    let schema = ("records".to_owned(), r#"{"raw":{"length":1}}"#.to_owned());
    let bytes = Stored::new(circuit).to_bytes(&[schema].into()).unwrap();
    std::fs::write(dir.join("m.ncm"), bytes).unwrap();
}

#[test]
fn bytes_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::write(d.join("in"), noise(3, 3 << 20)).unwrap();
    bounded(d, "1M", &["encode", "--codec", "store", "in", "a.nc"]);
    bounded(d, "500k", &["decode", "a.nc", "back"]);
    bounded(d, "500k", &["test", "a.nc"]);
}

#[test]
fn sound_is_bounded() {
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    Wav {
        frames: 30 * 16_000,
        ..Wav::default()
    }
    .write(&d.join("big.wav"));
    bounded(d, "1M", &["encode", "big.wav", "a.nc"]);
    // Tags of two megabytes.
    Wav::default().write(&d.join("tags.wav"));
    append_chunk(&d.join("tags.wav"), b"abcd", &noise(1, 2 << 20));
    bounded(d, "1500k", &["encode", "tags.wav", "b.nc"]);
}

#[test]
fn video_and_images_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    // One frame that is too large, and many that are together.
    std::fs::write(d.join("large.y4m"), y4m(1000, 700, 1)).unwrap();
    bounded(d, "1M", &["encode", "--lossless", "large.y4m", "a.nc"]);
    std::fs::write(d.join("long.y4m"), y4m(80, 60, 200)).unwrap();
    bounded(d, "1M", &["encode", "--lossless", "long.y4m", "b.nc"]);
    bounded(d, "1M", &["decode", "b.nc", "b.y4m"]);
    let image = image::GrayImage::from_fn(500, 400, |x, y| image::Luma([(x * y % 251) as u8]));
    image.save(d.join("a.png")).unwrap();
    bounded(d, "1M", &["encode", "--lossless", "a.png", "c.nc"]);
    std::fs::create_dir(d.join("frames")).unwrap();
    for i in 0..3 {
        image.save(d.join(format!("frames/{i}.png"))).unwrap();
    }
    bounded(d, "1M", &["encode", "--lossless", "frames", "d.nc"]);
    // What is read ahead from a pipe is charged too.
    let pipe = nc()
        .current_dir(d)
        .args(["encode", "-M", "1M", "--lossless", "-", "e.nc"])
        .stdin(std::fs::File::open(d.join("long.y4m")).unwrap())
        .output()
        .unwrap();
    assert_eq!(pipe.status.code(), Some(4));
    assert!(!d.join("e.nc").exists());
}

#[test]
fn records_and_models_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    model(d);
    std::fs::write(d.join("in"), noise(5, 1 << 20)).unwrap();
    bounded(d, "1M", &["encode", "--model", "m.ncm", "in", "a.nc"]);
    bounded(d, "1M", &["decode", "--model", "m.ncm", "a.nc", "back"]);
    // A model file that does not fit.
    bounded(d, "500", &["encode", "--model", "m.ncm", "in", "b.nc"]);
    bounded(d, "500", &["model", "info", "m.ncm"]);
    // What asks a model reads records, too.
    let query = |what: &'static str| ["query", what, "--model", "m.ncm", "in"];
    bounded(d, "8k", &[&query("likelihood")[..], &["-q"]].concat());
    let complete = [&query("complete")[..], &["--missing", "?", "out"]].concat();
    bounded(d, "1M", &complete);
    let many = [
        "query", "sample", "--model", "m.ncm", "-n", "100000", "more",
    ];
    bounded(d, "1M", &many);
}

#[test]
fn the_default_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let help = String::from_utf8(ok(dir.path(), &["encode", "--help"])).unwrap();
    let at = help.find("--memory").unwrap();
    assert!(help[at..].contains("[default: 1Gi]"), "{help}");
}

/// A header alone asks for frames of 1.6 GB; nothing is allocated for them, or the shell's limit would end the program.
#[cfg(target_os = "linux")]
#[test]
fn a_huge_frame_is_refused_before_it_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::write(d.join("a.y4m"), y4m(8, 8, 2)).unwrap();
    ok(d, &["encode", "--lossless", "a.y4m", "a.nc"]);
    let bytes = std::fs::read(d.join("a.nc")).unwrap();
    let mut header = nc_core::container::Header::from_bytes(&bytes).unwrap();
    let rest = header.to_bytes().len();
    let nc_core::Format::Video(form) = &mut header.format else {
        panic!("no video");
    };
    (form.width, form.height, form.chroma) = (1 << 14, 1 << 14, nc_core::Chroma::C444);
    let lies = [&header.to_bytes(), &bytes[rest..]].concat();
    std::fs::write(d.join("b.nc"), lies).unwrap();
    for how in [&["decode"][..], &["decode", "--recover"], &["test"]] {
        let mut shell = std::process::Command::new("sh");
        let nc = env!("CARGO_BIN_EXE_nc");
        shell.args(["-c", "ulimit -v 1000000; exec \"$@\"", "sh", nc]);
        shell.args(how).args(["-M", "64M", "-T", "1", "b.nc"]);
        if how[0] == "decode" {
            shell.arg("b.y4m");
        }
        let out = shell.current_dir(d).output().unwrap();
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(
            [Some(3), Some(4)].contains(&out.status.code()),
            "{how:?}: {told}"
        );
        assert!(!told.contains("panicked"), "{told}");
    }
    assert_eq!(names(d), ["a.nc", "a.y4m", "b.nc"]);
}
