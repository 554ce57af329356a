//! Audio end to end: whatever the form of the input, the output has the same.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod common;
use common::*;

use serde_json::Value;
use std::io::Write;
use std::process::Stdio;

/// Encodes and decodes a file in a fresh folder and gives the folder.
fn round_trip(form: Wav, args: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    form.write(&at(&dir, "in.wav"));
    let mut all = vec!["encode", "in.wav", "a.nc"];
    all.extend_from_slice(args);
    ok(dir.path(), &all);
    ok(dir.path(), &["decode", "a.nc", "out.wav"]);
    ok(dir.path(), &["test", "a.nc"]);
    assert_eq!(
        wav_spec(&at(&dir, "in.wav")),
        wav_spec(&at(&dir, "out.wav"))
    );
    dir
}

#[test]
fn every_form_comes_back_in_its_form() {
    if audio_codec().is_none() {
        return;
    }
    for rate in [
        8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000,
    ] {
        round_trip(
            Wav {
                rate,
                frames: rate as usize / 4,
                ..Wav::default()
            },
            &[],
        );
    }
    for channels in 1..=8 {
        round_trip(
            Wav {
                channels,
                frames: 3_000,
                ..Wav::default()
            },
            &[],
        );
    }
    for (bits, float) in [
        (8, false),
        (16, false),
        (24, false),
        (32, false),
        (32, true),
    ] {
        round_trip(
            Wav {
                bits,
                float,
                frames: 3_000,
                ..Wav::default()
            },
            &[],
        );
    }
}

#[test]
fn short_lengths_are_exact() {
    if audio_codec().is_none() {
        return;
    }
    for frames in [0, 1, 2, 159, 160, 161, 319, 320, 321, 7_999] {
        round_trip(
            Wav {
                frames,
                ..Wav::default()
            },
            &["--verify"],
        );
    }
    for frames in [0, 1] {
        round_trip(
            Wav {
                frames,
                rate: 44_100,
                channels: 2,
                ..Wav::default()
            },
            &[],
        );
    }
}

#[test]
fn silence_and_clipping_and_not_numbers() {
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 32,
        sample_format: hound::SampleFormat::Float,
    };
    let write = |name: &str, f: &dyn Fn(usize) -> f32| {
        let mut w = hound::WavWriter::create(at(&dir, name), spec).unwrap();
        for t in 0..8_000 {
            w.write_sample(f(t)).unwrap();
        }
        w.finalize().unwrap();
    };
    write("silent.wav", &|_| 0.0);
    write("loud.wav", &|t| if t / 40 % 2 == 0 { 4.0 } else { -4.0 });
    write("odd.wav", &|t| match t % 100 {
        0 => f32::NAN,
        1 => f32::INFINITY,
        2 => f32::NEG_INFINITY,
        _ => (t as f32 * 0.1).sin() * 0.2,
    });
    for name in ["silent.wav", "loud.wav", "odd.wav"] {
        let out = run(dir.path(), &["encode", name, "a.nc", "-f"]);
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{name}: {told}");
        assert_eq!(
            told.contains("240 samples were infinite"),
            name == "odd.wav",
            "{told}"
        );
        ok(dir.path(), &["decode", "a.nc", "back.wav", "-f"]);
        let samples: Vec<f32> = hound::WavReader::open(at(&dir, "back.wav"))
            .unwrap()
            .into_samples()
            .map(Result::unwrap)
            .collect();
        assert_eq!(samples.len(), 8_000);
        assert!(samples.iter().all(|x| x.is_finite()), "{name}");
    }
}

#[test]
fn metadata_comes_back() {
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let input = at(&dir, "in.wav");
    Wav::default().write(&input);
    append_chunk(&input, b"LIST", b"INFOINAM\x05\0\0\0name\0\0");
    append_chunk(&input, b"cue ", &[0; 4]);
    append_chunk(&input, b"iXML", b"<odd/>!");
    ok(dir.path(), &["encode", "in.wav", "a.nc"]);
    ok(dir.path(), &["decode", "a.nc", "out.wav"]);
    for (id, data) in [
        (b"LIST", &b"INFOINAM\x05\0\0\0name\0\0"[..]),
        (b"cue ", &[0; 4]),
        (b"iXML", b"<odd/>!"),
    ] {
        assert!(
            has_chunk(&at(&dir, "out.wav"), id, data),
            "{}",
            id.escape_ascii()
        );
    }
    assert_eq!(wav_spec(&input), wav_spec(&at(&dir, "out.wav")));
    // A pipe gets the same bytes: the file knows its length and its metadata beforehand.
    let piped = ok(dir.path(), &["decode", "a.nc", "-"]);
    assert_eq!(piped, std::fs::read(at(&dir, "out.wav")).unwrap());
}

#[test]
fn pipes_carry_audio() {
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    Wav::default().write(&at(&dir, "in.wav"));
    let through = |args: &[&str], input: Vec<u8>| {
        let mut child = nc()
            .args(args)
            .args(model_for(args))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let out = child.wait_with_output().unwrap();
        assert!(out.status.success());
        writer.join().unwrap().unwrap();
        out.stdout
    };
    let wav = std::fs::read(at(&dir, "in.wav")).unwrap();
    let coded = through(&["encode", "-", "-"], wav);
    let back = through(&["decode", "-", "-"], coded.clone());
    let r = hound::WavReader::new(&back[..]).unwrap();
    assert_eq!(r.into_samples::<i16>().count(), 8_000);
    std::fs::write(at(&dir, "a.nc"), coded).unwrap();
    ok(dir.path(), &["decode", "a.nc", "out.wav"]);
    assert_eq!(
        wav_spec(&at(&dir, "in.wav")),
        wav_spec(&at(&dir, "out.wav"))
    );
}

#[test]
fn a_range_is_the_same_part_of_the_whole() {
    if audio_codec().is_none() {
        return;
    }
    let dir = round_trip(
        Wav {
            frames: 16_000 * 30,
            ..Wav::default()
        },
        &[],
    );
    let samples = |name: &str| -> Vec<i16> {
        hound::WavReader::open(at(&dir, name))
            .unwrap()
            .into_samples()
            .map(Result::unwrap)
            .collect()
    };
    let whole = samples("out.wav");
    for (range, from, to) in [
        ("3s..4.5s", 48_000, 72_000),
        ("0:12..0:14", 192_000, 224_000),
        ("479000..", 479_000, 480_000),
        ("..10", 0, 10),
        ("29s..31s", 464_000, 480_000),
    ] {
        ok(
            dir.path(),
            &["decode", "a.nc", "part.wav", "-f", "--range", range],
        );
        assert_eq!(samples("part.wav"), whole[from..to], "{range}");
    }
}

#[test]
fn the_rate_is_that_of_the_file_on_disk() {
    if audio_codec().is_none() {
        return;
    }
    let seconds = 20;
    let mut last = 0;
    for (args, kbps) in [(&["-b", "1.5"][..], 1.5), (&[], 3.0), (&["-b", "6"], 6.0)] {
        let dir = round_trip(
            Wav {
                frames: 16_000 * seconds,
                ..Wav::default()
            },
            args,
        );
        let size = std::fs::metadata(at(&dir, "a.nc")).unwrap().len();
        let got = size as f64 * 8.0 / seconds as f64 / 1000.0;
        assert!(got <= kbps * 1.001, "{got} kbit/s for {kbps}");
        assert!(size > last, "more is not better at {kbps}");
        last = size;
        let v: Value =
            serde_json::from_slice(&ok(dir.path(), &["info", "--json", "a.nc"])).unwrap();
        assert!((v["kbps"].as_f64().unwrap() - got).abs() < 1e-9);
        assert_eq!(v["rate"], 16_000);
        assert_eq!(v["channels"], 1);
        assert_eq!(v["depth"], "i16");
        assert_eq!(v["seconds"].as_f64(), Some(seconds as f64));
    }
}

#[test]
fn metadata_counts_in_the_rate_but_does_not_starve_the_sound() {
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let form = Wav {
        frames: 80_000,
        ..Wav::default()
    };
    for (len, most) in [(40, 3.0), (20_000, 36.0)] {
        form.write(&at(&dir, "in.wav"));
        append_chunk(&at(&dir, "in.wav"), b"LIST", &noise(3, len));
        ok(dir.path(), &["encode", "-f", "-b", "3", "in.wav", "a.nc"]);
        let kbps = std::fs::metadata(at(&dir, "a.nc")).unwrap().len() as f64 * 8.0 / 5000.0;
        assert!((most * 0.9..=most).contains(&kbps), "{kbps} kbit/s");
        ok(dir.path(), &["decode", "-f", "a.nc", "out.wav"]);
        assert!(has_chunk(&at(&dir, "out.wav"), b"LIST", &noise(3, len)));
    }
}

/// The files in `tests/data` hold the same second (the FLAC half of it) of a made-up voice.
#[test]
fn compressed_sound_is_taken_too() {
    if audio_codec().is_none() {
        return;
    }
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let rms = |path: &std::path::Path| {
        let r = hound::WavReader::open(path).unwrap();
        let x: Vec<f64> = r
            .into_samples::<i16>()
            .map(|s| f64::from(s.unwrap()))
            .collect();
        (x.iter().map(|s| s * s).sum::<f64>() / x.len() as f64).sqrt() / 32768.0
    };
    for (name, channels, frames, level) in [
        ("voice.flac", 1, 11_025..=11_025, 0.04..0.2),
        ("voice.ogg", 2, 22_050..=22_050, 0.04..0.16),
        // Where the encoder's delay is not told, a frame more may come.
        ("voice.mp3", 1, 22_050..=24_400, 0.04..0.2),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(data.join(name), at(&dir, name)).unwrap();
        ok(dir.path(), &["encode", name, "a.nc"]);
        ok(dir.path(), &["decode", "a.nc", "out.wav"]);
        let (spec, got) = wav_spec(&at(&dir, "out.wav"));
        assert_eq!(
            (spec.sample_rate, spec.channels),
            (22_050, channels),
            "{name}"
        );
        assert!(frames.contains(&got), "{name}: {got} samples");
        let loud = rms(&at(&dir, "out.wav"));
        assert!(level.contains(&loud), "{name}: rms {loud}");
    }
    // A picture of 3 MB before the sound, and an old tag behind an MP3, change nothing.
    let dir = tempfile::tempdir().unwrap();
    let picture = [b"\0image/jpeg\0\x03\0", &noise(1, 3 << 20)[..]].concat();
    let frame = [
        b"APIC",
        &(picture.len() as u32).to_be_bytes()[..],
        &[0, 0],
        &picture,
    ]
    .concat();
    let length = [21, 14, 7, 0].map(|shift| (frame.len() >> shift) as u8 & 127);
    for (name, end) in [
        ("voice.mp3", &[b"TAG", &[b' '; 125][..]].concat()),
        ("voice.flac", &Vec::new()),
    ] {
        let sound = std::fs::read(data.join(name)).unwrap();
        std::fs::write(at(&dir, "plain"), &sound).unwrap();
        let tagged = [b"ID3\x03\0\0", &length[..], &frame, &sound, end].concat();
        std::fs::write(at(&dir, "tagged"), tagged).unwrap();
        ok(dir.path(), &["encode", "-f", "plain", "plain.nc"]);
        ok(dir.path(), &["encode", "-f", "tagged", "tagged.nc"]);
        let bytes = |name| std::fs::read(at(&dir, name)).unwrap();
        assert!(bytes("plain.nc") == bytes("tagged.nc"), "{name}");
    }
    // AAC: frames of silence in an ADTS stream, mono at 16 kHz; each is 1024 samples.
    let dir = tempfile::tempdir().unwrap();
    let frame = [
        0xFF, 0xF1, 0x60, 0x40, 0x01, 0xBF, 0xFC, 0x00, 0xC8, 0x00, 0x80, 0x23, 0x80,
    ];
    std::fs::write(at(&dir, "in.aac"), frame.repeat(20)).unwrap();
    ok(dir.path(), &["encode", "in.aac", "a.nc"]);
    ok(dir.path(), &["decode", "a.nc", "out.wav"]);
    let (spec, got) = wav_spec(&at(&dir, "out.wav"));
    assert_eq!((spec.sample_rate, spec.channels), (16_000, 1));
    assert!((18 * 1024..=20 * 1024).contains(&got), "{got} samples");
}

#[test]
fn trimming_a_greedy_search_gives_the_sound_of_the_lower_rate() {
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    Wav {
        frames: 16_000 * 12,
        ..Wav::default()
    }
    .write(&at(&dir, "in.wav"));
    let greedy = ["--option", "search=greedy"];
    ok(
        d,
        &[&["encode", "in.wav", "high.nc", "-b", "6"], &greedy[..]].concat(),
    );
    ok(
        d,
        &[&["encode", "in.wav", "low.nc", "-b", "1.5"], &greedy[..]].concat(),
    );
    ok(d, &["trim", "high.nc", "trimmed.nc", "-b", "1.5"]);
    ok(d, &["test", "trimmed.nc"]);
    ok(d, &["decode", "low.nc", "low.wav"]);
    ok(d, &["decode", "trimmed.nc", "trimmed.wav"]);
    assert_eq!(
        std::fs::read(d.join("low.wav")).unwrap(),
        std::fs::read(d.join("trimmed.wav")).unwrap()
    );
}

#[test]
fn bad_audio_has_its_reason_and_no_output() {
    let Some(codec) = audio_codec() else { return };
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    Wav::default().write(&at(&dir, "in.wav"));
    let whole = std::fs::read(d.join("in.wav")).unwrap();
    std::fs::write(d.join("cut.wav"), &whole[..40]).unwrap();
    std::fs::write(d.join("text"), b"some words that are no audio").unwrap();
    let why = fails(d, &["encode", "cut.wav", "a.nc"], 3);
    assert!(why.contains("truncated"), "{why}");
    let why = fails(d, &["encode", "text", "a.nc", "--codec", codec], 3);
    assert!(why.contains("not an audio file"), "{why}");
    fails(d, &["encode", "in.wav", "a.nc", "--model", "text"], 5);
    fails(d, &["encode", "in.wav", "a.nc", "--model", "missing"], 5);
    assert_eq!(names(d), ["cut.wav", "in.wav", "text"]);
    ok(d, &["encode", "in.wav", "a.nc"]);
    let v: Value = serde_json::from_slice(&ok(d, &["info", "--json", "a.nc"])).unwrap();
    assert_eq!(v["codec"], codec);
    fails(d, &["decode", "a.nc", "out.wav", "--model", "text"], 5);
    assert!(!d.join("out.wav").exists());
}

#[test]
fn many_audio_files_side_by_side() {
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::create_dir_all(d.join("in/sub")).unwrap();
    for (i, name) in ["in/a.wav", "in/b.wav", "in/sub/c.wav"].iter().enumerate() {
        Wav {
            frames: 4_000 + i,
            ..Wav::default()
        }
        .write(&d.join(name));
    }
    std::fs::write(d.join("in/notes.txt"), b"not audio, and left alone").unwrap();
    ok(d, &["encode", "-r", "--out-dir", "coded", "in"]);
    assert_eq!(names(&d.join("coded")), ["a.nc", "b.nc", "sub"]);
    ok(d, &["decode", "-r", "--out-dir", "back", "coded"]);
    for (i, name) in ["a.wav", "b.wav", "sub/c.wav"].iter().enumerate() {
        assert_eq!(wav_spec(&d.join("back").join(name)).1, 4_000 + i as u32);
    }
}

#[test]
fn an_hour_fits_in_little_memory() {
    if audio_codec().is_none() || std::env::var_os("NC_TEST_LONG").is_none() {
        eprintln!("skipped: set NC_TEST_LONG to encode an hour");
        return;
    }
    let dir = round_trip(
        Wav {
            frames: 16_000 * 3600,
            ..Wav::default()
        },
        &[],
    );
    ok(
        dir.path(),
        &["decode", "a.nc", "part.wav", "--range", "30:00..30:10"],
    );
    assert_eq!(wav_spec(&at(&dir, "part.wav")).1, 160_000);
}

#[test]
fn strict_writes_nothing_where_anything_is_odd() {
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    Wav::default().write(&at(&dir, "whole.wav"));
    let mut odd = std::fs::read(at(&dir, "whole.wav")).unwrap();
    odd.truncate(odd.len() - 1);
    let length = 0xFFFF_FFFF_u32.to_le_bytes();
    odd[4..8].copy_from_slice(&length);
    odd[40..44].copy_from_slice(&length);
    std::fs::write(at(&dir, "odd.wav"), odd).unwrap();

    ok(
        d,
        &["encode", "--strict", "--verify", "whole.wav", "whole.nc"],
    );
    ok(d, &["decode", "--strict", "whole.nc", "back.wav"]);
    for output in ["odd.nc", "-"] {
        let out = run(
            d,
            &["encode", "--strict", "--json", "-q", "odd.wav", output],
        );
        assert_eq!(out.status.code(), Some(6));
        let json = match output {
            "-" => {
                assert!(out.stdout.is_empty(), "a pipe got something");
                &out.stderr
            }
            _ => &out.stdout,
        };
        let told: Value = serde_json::from_slice(json).unwrap();
        let warnings = told["warnings"].as_array().unwrap();
        assert!(
            warnings
                .iter()
                .any(|w| w["code"] == "last-sample-incomplete")
        );
    }
    assert_eq!(
        names(d),
        ["back.wav", "odd.wav", "whole.nc", "whole.wav"],
        "a strict failure left something"
    );
}

#[test]
fn rates_that_the_codec_does_not_reach_are_told() {
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    Wav::default().write(&d.join("in.wav"));
    for (rate, told) in [("0.2", true), ("3", false), ("64", true)] {
        let args = ["encode", "-f", "--json", "-b", rate, "in.wav", "a.nc"];
        let out: serde_json::Value = serde_json::from_slice(&ok(d, &args)).unwrap();
        let codes: Vec<_> = out["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|w| &w["code"])
            .collect();
        let want: &[&str] = if told { &["goal-not-met"] } else { &[] };
        assert_eq!(codes, want, "{rate}");
    }
}
