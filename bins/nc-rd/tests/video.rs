//! `nc-rd video` on a clip of six small frames, and on what is no clip.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

mod common;

use assert_cmd::Command;
use common::{output, read};
use nc_core::{Chroma, VideoBuf, VideoFormat};
use nc_corpora::video::Clip;
use nc_media::video::y4m::Head;

const LINE: &str = "W48 H32 F25:1 Ip A1:1 C420jpeg";

/// Six frames of a pattern that moves.
fn clip(folder: &Path) -> PathBuf {
    let format = VideoFormat {
        width: 48,
        height: 32,
        rate: [25, 1],
        chroma: Chroma::C420,
        bits: 8,
        rgb: false,
    };
    let mut rng = nc_core::rng::Rng::new(7);
    let mut samples = Vec::new();
    for t in 0..6 {
        for plane in 0..3 {
            let (w, h) = format.plane(plane);
            for y in 0..h {
                for x in 0..w {
                    let wave =
                        ((x + 2 * t) as f32 * 0.4).sin() * 50.0 + (y as f32 * 0.3).cos() * 40.0;
                    samples.push((128.0 + wave) as u16 + rng.below(8) as u16);
                }
            }
        }
    }
    let path = folder.join("moving.y4m");
    let clip = Clip {
        name: "moving".into(),
        sha256: String::new(),
        video: VideoBuf { format, samples },
        head: Head::parse(LINE).unwrap(),
    };
    std::fs::write(&path, clip.to_y4m().unwrap()).unwrap();
    path
}

/// `nc-rd video` with these.
fn nc_rd(args: &[&str], paths: &[&Path]) -> Command {
    let mut command = common::nc_rd(&["video"]);
    command.args(args).args(paths);
    command
}

#[test]
fn sizes_are_met_and_figures_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = clip(dir.path());
    let at = |name: &str| dir.path().join(name);
    let (json, plot, times, frames) = (at("r.json"), at("p.png"), at("t.png"), at("f.png"));
    let mut command = nc_rd(
        &["--preset", "fast", "--bytes", "900,1800", "--threads", "1"],
        &[&path],
    );
    command.arg("--json").arg(&json).arg("--plot").arg(&plot);
    command.arg("--time-plot").arg(&times);
    command.arg("--frames").arg(&frames).args(["--frame", "5"]);
    command.arg("--anchors");
    let (code, table, messages) = output(&mut command);
    assert_eq!(code, Some(0), "{messages}");
    assert!(
        table.contains("moving: 48 x 32, 6 frames, 25.00 a second"),
        "{table}"
    );
    assert!(messages.contains("no quoted figures"), "{messages}");
    let report = read(&json);
    let curve = &report["curves"][0];
    assert_eq!(curve["name"], "moving: nc nerv, fast");
    let of = |key: &str| -> Vec<f64> {
        let list = curve["results"][key].as_array().unwrap();
        list.iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let bytes = of("bytes");
    assert!(bytes[0] <= 900.0 && bytes[0] < bytes[1] && bytes[1] <= 1800.0);
    assert!(of("psnr")[0] < of("psnr")[1] && of("psnr_y")[0] > 15.0);
    for (i, n) in bytes.iter().enumerate() {
        assert!((of("bpp")[i] - n * 8.0 / (48.0 * 32.0 * 6.0)).abs() < 1e-12);
        assert!((of("kbps")[i] - n * 8.0 / 240.0).abs() < 1e-9);
        assert!(of("seconds")[i] > 0.0 && of("decode_fps")[i] > 0.0);
    }
    assert_eq!(report["rows"].as_array().unwrap().len(), 2);
    for picture in [&plot, &times] {
        assert_eq!(image::image_dimensions(picture).unwrap(), (960, 620));
    }
    // Two rows of places at least 400 wide, each with a line of text.
    assert_eq!(image::image_dimensions(&frames).unwrap(), (806, 112));
}

#[test]
fn the_file_is_that_of_nc_encode() {
    // The rest of the first line counts: 17 characters, and what a record takes.
    let dir = tempfile::tempdir().unwrap();
    let path = clip(dir.path());
    let json = dir.path().join("r.json");
    let mut command = nc_rd(&["--preset", "fast", "--quality", "5"], &[&path]);
    let (code, _, messages) = output(command.arg("--json").arg(&json));
    assert_eq!(code, Some(0), "{messages}");
    let with = read(&json)["rows"][0]["bytes"].as_u64().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let short: Vec<u8> = [b"YUV4MPEG2 W48 H32 F25:1", &bytes[9 + 1 + LINE.len()..]].concat();
    std::fs::write(&path, short).unwrap();
    let (code, _, messages) = output(command.arg("--threads").arg("1"));
    assert_eq!(code, Some(0), "{messages}");
    let without = read(&json)["rows"][0]["bytes"].as_u64().unwrap();
    assert!((17..60).contains(&(with - without)), "{with} {without}");
}

#[test]
fn the_fair_table_has_all_its_lines() {
    let dir = tempfile::tempdir().unwrap();
    let path = clip(dir.path());
    let json = dir.path().join("r.json");
    let mut command = nc_rd(
        &[
            "--seeds",
            "--bytes",
            "1500",
            "--time-limit",
            "0.5s",
            "--preset",
            "fast",
        ],
        &[&path],
    );
    let (code, table, messages) = output(command.arg("--json").arg(&json));
    assert_eq!(code, Some(0), "{messages}");
    assert!(
        table.contains("| nc nerv | network=nerv++ | 1500 bytes |"),
        "{table}"
    );
    assert!(table.contains("All settings: nc"), "{table}");
    assert!(table.contains("done sooner"), "{table}");
    let report = read(&json);
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 9);
    for row in rows {
        let bytes = row["bytes"].as_u64();
        assert!(bytes.is_none_or(|b| b <= 1500), "{row}");
        assert!(row["error"].is_null(), "{row}");
    }
    for args in [
        &["--seeds", "--bytes", "1500"][..],
        &["--seeds", "--time-limit", "1s"],
        &["--seeds", "--bytes", "9", "--time-limit", "1s,2s"],
    ] {
        let (code, ..) = output(&mut nc_rd(args, &[&path]));
        assert!(matches!(code, Some(1 | 2)), "{args:?}: {code:?}");
    }
}

#[test]
fn what_is_no_clip_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let good = clip(dir.path());
    let missing = dir.path().join("missing.y4m");
    let (code, out, messages) = output(&mut nc_rd(&["--preset", "fast"], &[&good, &missing]));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(messages.contains("missing.y4m"), "{messages}");
    let bytes = std::fs::read(&good).unwrap();
    let broken = dir.path().join("broken.y4m");
    std::fs::write(&broken, &bytes[..bytes.len() - 1]).unwrap();
    let (code, out, messages) = output(&mut nc_rd(&["--preset", "fast"], &[&broken]));
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(
        messages.contains("broken.y4m") && messages.contains("ends within frame 5"),
        "{messages}"
    );
    for (args, said) in [
        (&["--codec", "nothing"][..], "nothing"),
        (&["--codec", "none"], "nothing to run"),
        (
            &["--preset", "fast", "--option", "colour=off"],
            "no option colour",
        ),
        (&["--frames", "unwritten.png", "--frame", "6"], "no frame 6"),
    ] {
        let (code, _, messages) = output(&mut nc_rd(args, &[&good]));
        assert_eq!(code, Some(1), "{args:?}");
        assert!(messages.contains(said), "{args:?}: {messages}");
    }
    let (code, _, messages) = output(&mut nc_rd(&["--time-limit", "soon"], &[&good]));
    assert_eq!(code, Some(2), "{messages}");
    let two = nc_rd(&["--plot", "unwritten.png"], &[&good, &good]);
    let (code, _, messages) = output(&mut { two });
    assert_eq!(code, Some(1));
    assert!(messages.contains("one clip"), "{messages}");
}

/// Stands in for ffmpeg: "coding" copies, with a mark in front that "decoding" takes off.
#[cfg(unix)]
const STAND_IN: &str = r#"#!/bin/sh
case "$*" in
*-version*) echo "ffmpeg version stand-in Copyright nobody"; exit ;;
*-encoders*) echo " V..... libx264 one"; echo " V..... libsvtav1 other"; exit ;;
esac
while [ $# -gt 1 ]; do
    [ "$1" = -i ] && in=$2
    [ "$1" = -c:v ] && codec=$2
    [ "$1 $2" = "-f null" ] && exit 0
    shift
done
case "$codec" in
libx264) { printf 'x264 - core 999 - '; cat "$in"; } > "$1" ;;
libsvtav1) echo "no such preset" >&2; exit 1 ;;
*) tail -c +19 "$in" > "$1" ;;
esac
"#;

#[cfg(unix)]
#[test]
fn peers_run_through_ffmpeg_or_are_skipped() {
    use std::os::unix::fs::PermissionsExt;

    let dir = tempfile::tempdir().unwrap();
    let path = clip(dir.path());
    let json = dir.path().join("r.json");
    let bin = dir.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let mut command = nc_rd(&["--codec", "none", "--peers"], &[&path]);
    let (code, _, messages) = output(command.env("PATH", &bin));
    assert_eq!(code, Some(1));
    assert!(
        messages.contains("skipped: x264, x265 and SVT-AV1"),
        "{messages}"
    );

    let program = bin.join("ffmpeg");
    std::fs::write(&program, STAND_IN).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let usual = std::env::var_os("PATH").unwrap_or_default();
    let first = std::iter::once(bin).chain(std::env::split_paths(&usual));
    command.env("PATH", std::env::join_paths(first).unwrap());
    let (code, table, messages) = output(command.arg("--json").arg(&json));
    assert_eq!(code, Some(0), "{messages}");
    assert!(
        messages.contains("skipped: x265: ffmpeg has no libx265"),
        "{messages}"
    );
    assert!(table.contains("no such preset"), "{table}");
    let report = read(&json);
    let curve = &report["curves"][0];
    assert_eq!(curve["name"], "moving: x264, preset medium");
    let description = curve["description"].as_str().unwrap();
    assert!(
        description.starts_with("x264 - core 999; ffmpeg version stand-in; -c:v libx264"),
        "{description}"
    );
    let size = std::fs::metadata(&path).unwrap().len() + 18;
    assert_eq!(curve["results"]["bytes"][0].as_f64(), Some(size as f64));
    // Nothing was lost: no number in JSON, "inf" in the table.
    assert!(curve["results"]["psnr"][0].is_null() && table.contains("| inf |"));
}
