//! What nc does with codecs of its own it does with this one: files, ranges, damage, the command line.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;
use nc::media::{CreateOptions, create};
use nc::{AudioFormat, Error, Format, SampleDepth, Settings, Signal, SignalBuf, Toolkit};
use ndarray::Array2;

const FORMAT: AudioFormat = AudioFormat {
    rate: 8_000,
    channels: 2,
    depth: SampleDepth::I16,
};

/// Five seconds of two channels.
fn sound() -> Array2<f32> {
    Array2::from_shape_fn((2, 40_000), |(c, t)| {
        let x = (t as f32 * (0.01 + c as f32 * 0.003)).sin() * 9_000.0;
        x.round() / 32_768.0
    })
}

fn wav(path: &std::path::Path) {
    let samples = sound();
    let mut out = create(path, &Format::Audio(FORMAT), CreateOptions::new().units(40_000)).unwrap();
    let view = nc::Audio {
        rate: FORMAT.rate,
        samples: samples.view(),
    };
    out.write(Signal::Audio(view)).unwrap();
    out.finish().unwrap();
}

#[test]
fn files_and_ranges_come_back_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    wav(&path("in.wav"));
    let nc = Toolkit::new().with(own_codec::Rice);
    let settings = Settings::lossless().codec("rice").verify(true);
    let done = nc.encode_file(path("in.wav"), path("out.nc"), &settings).unwrap();
    assert!(done.summary.bytes < 40_000 * 4 * 2 / 3, "{done:?}");
    nc.decode_file(path("out.nc"), path("back.wav")).unwrap();
    let read = |name| std::fs::read(path(name)).unwrap();
    assert!(read("back.wav") == read("in.wav"));
    let part = nc.open(path("out.nc")).unwrap().read("2s..3s".parse().unwrap());
    let SignalBuf::Audio(part) = part.unwrap() else {
        unreachable!("sound")
    };
    assert_eq!(part.samples, sound().slice(ndarray::s![.., 16_000..24_000]));
    // A build without the codec says so.
    let e = Toolkit::new().decode(&read("out.nc")).unwrap_err();
    assert!(matches!(e, Error::Unsupported(_)), "{e}");
}

#[test]
fn damage_is_seen_and_salvaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    wav(&path("in.wav"));
    let nc = Toolkit::new().with(own_codec::Rice);
    let settings = Settings::lossless().codec("rice");
    nc.encode_file(path("in.wav"), path("out.nc"), &settings).unwrap();
    let good = std::fs::read(path("out.nc")).unwrap();
    for i in (0..good.len()).step_by(97) {
        let mut bad = good.clone();
        bad[i] ^= 0x10;
        assert!(nc.decode(&bad).is_err(), "byte {i}");
    }
    let mut bad = good;
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(path("bad.nc"), bad).unwrap();
    let recover = nc::DecodeSettings::new().recover(true);
    let done = nc
        .decode_file_with(path("bad.nc"), path("left.wav"), &recover, &mut nc.control())
        .unwrap();
    assert_eq!(done.losses.unwrap().recovered, 32_000);
}

#[test]
fn the_command_line_has_it() {
    let dir = tempfile::tempdir().unwrap();
    wav(&dir.path().join("in.wav"));
    let run = |args: &[&str]| {
        let mut nc = Command::cargo_bin("own-codec").unwrap();
        let out = nc.current_dir(dir.path()).args(args).output().unwrap();
        assert!(out.status.success(), "{args:?}: {out:?}");
        String::from_utf8(out.stdout).unwrap()
    };
    run(&["encode", "--codec", "rice", "--verify", "in.wav", "out.nc"]);
    assert!(run(&["info", "out.nc"]).contains("rice"));
    run(&["test", "out.nc"]);
    run(&["decode", "out.nc", "back.wav"]);
    run(&["decode", "--range", "2s..3s", "out.nc", "part.wav"]);
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert!(read("in.wav") == read("back.wav"));
}
