//! Clips with their sound: two tracks in one file, each as it is alone, and containers through ffmpeg.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod common;
use common::*;

use serde_json::Value;

#[test]
fn a_clip_keeps_its_sound() {
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let clip = y4m("W32 H32 F25:1 C420", 32 * 32 * 3 / 2, 50);
    write(d, "in.y4m", &clip);
    Wav {
        frames: 32_000,
        ..Wav::default()
    }
    .write(&d.join("in.wav"));
    let encode = [
        "encode", "in.y4m", "a.nc", "--sound", "in.wav", "--preset", "fast",
    ];
    ok(d, &[&encode[..], &["--verify"]].concat());
    ok(d, &["encode", "in.y4m", "v.nc", "--preset", "fast"]);
    ok(d, &["encode", "in.wav", "s.nc", "--preset", "fast"]);
    ok(d, &["decode", "v.nc", "v.y4m"]);
    ok(d, &["decode", "s.nc", "s.wav"]);

    let told = info(d, "a.nc");
    let size = read(d, "a.nc").len() as u64;
    assert_eq!(told["bytes"].as_u64(), Some(size));
    assert_eq!(
        (&told["kind"], &told["units"]),
        (&"video".into(), &50.into())
    );
    let sound = &told["tracks"][0];
    assert_eq!(sound["units"].as_u64(), Some(32_000));
    let apart = (read(d, "v.nc").len() + read(d, "s.nc").len()) as u64;
    assert!(size < apart + 80, "{size} bytes for {apart}");

    // Each track is what it is alone.
    assert_eq!(ok(d, &["test", "a.nc"]), b"a.nc: ok\n");
    let out = ok(d, &["decode", "--json", "a.nc", "out.y4m"]);
    let told: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(told["tracks"][0]["output"], "out.wav");
    assert_eq!(read(d, "out.y4m"), read(d, "v.y4m"));
    assert_eq!(read(d, "out.wav"), read(d, "s.wav"));
    assert_eq!(
        ok(d, &["decode", "a.nc", "-", "--track", "video"]),
        read(d, "v.y4m")
    );
    assert_eq!(
        ok(d, &["decode", "a.nc", "-", "--track", "1"]),
        read(d, "s.wav")
    );
    let piped = piped(
        d,
        &["decode", "-", "-", "--track", "sound"],
        &read(d, "a.nc"),
    );
    assert_eq!(piped.stdout, read(d, "s.wav"));

    // Nothing goes in silence: neither through a pipe, nor by a name that means sound alone.
    fails(d, &["decode", "a.nc", "-"], 2);
    fails(d, &["decode", "a.nc", "x.y4m", "--track", "2"], 2);
    let out = ok(d, &["decode", "--json", "a.nc", "only.wav"]);
    let told: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(told["warnings"][0]["code"], "track-left-out");
    // What exists is not written over, and then neither is the other.
    write(d, "there.wav", b"mine");
    fails(d, &["decode", "a.nc", "there.y4m"], 2);
    assert_eq!(read(d, "there.wav"), b"mine");
    assert!(!d.join("there.y4m").exists());

    // The same second of both.
    for range in ["1s..2s", "25..50"] {
        ok(d, &["decode", "-f", "a.nc", "part.y4m", "--range", range]);
        let frames = read(d, "part.y4m")
            .windows(6)
            .filter(|w| w == b"FRAME\n")
            .count();
        assert_eq!((frames, wav_spec(&d.join("part.wav")).1), (25, 16_000));
    }

    // Damage anywhere is found, and what is left comes back.
    let file = read(d, "a.nc");
    for at in (0..file.len()).step_by(file.len() / 60 + 1) {
        let mut bad = file.clone();
        bad[at] ^= 0x20;
        write(d, "bad.nc", &bad);
        let out = run(d, &["test", "bad.nc"]);
        assert_ne!(out.status.code(), Some(0), "a flip at {at}");
    }
    write(d, "bad.nc", &file[..file.len() - 20]);
    fails(d, &["decode", "bad.nc", "x.y4m"], 3);
    let out = run(d, &["decode", "--recover", "bad.nc", "back.y4m"]);
    assert_eq!(out.status.code(), Some(3));
    assert_eq!(read(d, "back.y4m"), read(d, "v.y4m"));
}

#[test]
fn a_clip_goes_into_a_container_and_back() {
    if std::process::Command::new("ffmpeg")
        .arg("-version")
        .output()
        .is_err()
    {
        eprintln!("ffmpeg is not installed: passed over");
        return;
    }
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    write(d, "in.y4m", &y4m("W32 H32 F25:1 C420", 32 * 32 * 3 / 2, 50));
    Wav {
        frames: 32_000,
        ..Wav::default()
    }
    .write(&d.join("in.wav"));
    ok(
        d,
        &[
            "encode", "in.y4m", "a.nc", "--sound", "in.wav", "--preset", "fast",
        ],
    );
    for name in ["out.mkv", "out.mp4", "out.avi"] {
        let out = ok(d, &["decode", "--json", "a.nc", name]);
        let told: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(told["warnings"][0]["code"], "coded-again");
        assert_eq!(told["bytes"].as_u64(), Some(read(d, name).len() as u64));
        // What nc wrote, nc reads: both tracks, by content and without an ending.
        std::fs::rename(d.join(name), d.join("noname")).unwrap();
        let out = ok(
            d,
            &[
                "encode", "-f", "--json", "--preset", "fast", "noname", "b.nc",
            ],
        );
        let told: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(told["units"].as_u64(), Some(50), "{name}");
        let samples = told["tracks"][0]["units"].as_u64().unwrap();
        // Frames of AAC have 1024 samples.
        assert!(samples.abs_diff(32_000) <= 1_024, "{name}: {samples}");
    }
    fails(d, &["decode", "--strict", "a.nc", "strict.mkv"], 6);
    fails(d, &["decode", "a.nc", "noname"], 2);
    assert_eq!(names(d), ["a.nc", "b.nc", "in.wav", "in.y4m", "noname"]);
}

#[test]
fn what_clips_lose_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let make = |args: &str, name: &str| {
        let source = "testsrc=s=64x64:r=25:d=1";
        let done = std::process::Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", source])
            .args(args.split(' '))
            .arg(d.join(name))
            .output();
        done.is_ok_and(|out| out.status.success())
    };
    // What ffmpeg is asked for, and the codes that tell what nc does not keep.
    for (args, name, codes) in [
        ("-pix_fmt yuv420p -c:v ffv1", "even.mkv", &[][..]),
        ("-c:v mpeg4 -bf 2", "even.mp4", &[]),
        (
            "-vf select='not(eq(mod(n,7),3))' -fps_mode vfr -pix_fmt yuv420p -c:v ffv1",
            "uneven.mkv",
            &["uneven-frame-rate"],
        ),
        (
            "-vf interlace -c:v mpeg2video -flags +ildct+ilme",
            "fields.mpg",
            &["interlaced"],
        ),
        ("-pix_fmt bgr0 -c:v ffv1", "rgb.mkv", &["colours-converted"]),
        (
            "-pix_fmt yuv420p12le -c:v ffv1",
            "deep.mkv",
            &["bits-reduced"],
        ),
    ] {
        if !make(args, name) {
            eprintln!("ffmpeg does not make {name}: passed over");
            continue;
        }
        let args = ["encode", "-f", "--json", "--preset", "fast", name, "a.nc"];
        let told: Value = serde_json::from_slice(&ok(d, &args)).unwrap();
        let warnings = told["warnings"].as_array().unwrap();
        let found: Vec<&str> = warnings
            .iter()
            .map(|w| w["code"].as_str().unwrap())
            .collect();
        assert_eq!(found, codes, "{name}");
        let exit = if codes.is_empty() { 0 } else { 6 };
        let out = run(d, &[&args[..], &["--strict"]].concat());
        assert_eq!(out.status.code(), Some(exit), "{name}");
    }
    // An alpha channel that stands beside the pictures.
    let clear = "-vf format=yuva420p,geq=lum='p(X,Y)':a='X*4' -c:v libvpx-vp9";
    if make(clear, "clear.webm") {
        let why = fails(d, &["encode", "clear.webm", "b.nc"], 2);
        assert!(why.contains("alpha channel"), "{why}");
    }
}
