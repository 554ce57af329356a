//! `nc decode --recover`: what is whole comes back in its place, what is lost is named, and the exit code tells.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod common;
use common::*;

use std::path::Path;

use nc_core::{Archive, Budget};

/// First unit, units and record's offset of each chunk.
fn chunks(file: &Path) -> Vec<(usize, usize, usize)> {
    let archive = Archive::open(std::fs::File::open(file).unwrap(), Budget::default()).unwrap();
    let of =
        |e: &nc_core::container::Entry| (e.first as usize, e.units as usize, e.offset as usize);
    archive.entries().iter().map(of).collect()
}

/// A copy of a file with one byte changed.
fn damaged(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[at] ^= 4;
    std::fs::write(file.with_file_name("bad.nc"), bytes).unwrap();
}

#[test]
fn bytes_around_the_damage_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (d, file) = (dir.path(), at(&dir, "in.nc"));
    let bytes = noise(5, 5 << 19);
    std::fs::write(d.join("in"), &bytes).unwrap();
    ok(d, &["encode", "--codec", "store", "in", "in.nc"]);
    // A whole file is only decoded.
    ok(d, &["decode", "--recover", "in.nc", "same"]);
    assert_eq!(std::fs::read(d.join("same")).unwrap(), bytes);

    let (first, units, offset) = chunks(&file)[1];
    let left = [&bytes[..first], &bytes[first + units..]].concat();
    // In the payload, and in the framing, which only the index can make up for.
    for byte in [offset + 1000, offset + 1] {
        damaged(&file, byte);
        fails(d, &["decode", "bad.nc", "out"], 3);
        assert!(!d.join("out").exists());
        let text = fails(d, &["decode", "--recover", "bad.nc", "out"], 3);
        let lost = format!("bytes {first} to {}", first + units - 1);
        assert!(text.contains(&lost), "{text}");
        assert_eq!(std::fs::read(d.join("out")).unwrap(), left);
        let told = run(d, &["decode", "--json", "-f", "--recover", "bad.nc", "out"]);
        let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(told["recovered"], left.len());
        assert_eq!(told["lost"][0]["first"], first);
        assert_eq!(told["lost"][0]["units"], units);
        assert_eq!((&told["ok"], &told["exit"]), (&false.into(), &3.into()));
        std::fs::remove_file(d.join("out")).unwrap();
    }

    // Cut: the index is gone with the end.
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(d.join("bad.nc"), &whole[..chunks(&file)[2].2 + 99]).unwrap();
    fails(d, &["decode", "--recover", "bad.nc", "out"], 3);
    let end = chunks(&file)[2].0;
    assert_eq!(std::fs::read(d.join("out")).unwrap(), bytes[..end]);
    std::fs::remove_file(d.join("out")).unwrap();

    // Without a header nothing can be told.
    damaged(&file, 9);
    fails(d, &["decode", "--recover", "bad.nc", "out"], 3);
    assert_eq!(names(d), ["bad.nc", "in", "in.nc", "same"]);
}

#[test]
fn silence_stands_for_lost_sound() {
    if audio_codec().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (d, file) = (dir.path(), at(&dir, "x.nc"));
    let frames = 45 * 16_000;
    Wav {
        frames,
        ..Wav::default()
    }
    .write(&at(&dir, "x.wav"));
    ok(d, &["encode", "x.wav", "x.nc"]);
    ok(d, &["decode", "x.nc", "whole.wav"]);
    // A whole file gives the same file.
    ok(d, &["decode", "--recover", "x.nc", "same.wav"]);
    let bytes = |name: &str| std::fs::read(d.join(name)).unwrap();
    assert!(bytes("same.wav") == bytes("whole.wav"));
    let (first, units, offset) = chunks(&file)[1];
    damaged(&file, offset + 500);
    let text = fails(d, &["decode", "--recover", "bad.nc", "out.wav"], 3);
    assert!(
        text.contains(&format!("samples {first} to {}", first + units - 1)),
        "{text}"
    );
    let read = |name: &str| -> Vec<i16> {
        let wav = hound::WavReader::open(d.join(name)).unwrap();
        wav.into_samples().map(Result::unwrap).collect()
    };
    let (whole, out) = (read("whole.wav"), read("out.wav"));
    assert_eq!(out.len(), frames);
    assert_eq!(out[..first], whole[..first]);
    assert!(out[first..first + units].iter().all(|s| *s == 0));
    // Nothing is faded into what follows: past the overlap of 40 ms it is as ever.
    let after = first + units + 640;
    assert_eq!(out[after..], whole[after..]);
}

#[test]
fn a_still_frame_stands_for_lost_video() {
    let dir = tempfile::tempdir().unwrap();
    let (d, file) = (dir.path(), at(&dir, "x.nc"));
    let frame = |t: usize| noise(t as u64 + 1, 64);
    let mut clip = b"YUV4MPEG2 W8 H8 F25:1 Cmono\n".to_vec();
    for t in 0..300 {
        clip.extend(b"FRAME\n");
        clip.extend(frame(t));
    }
    std::fs::write(d.join("x.y4m"), &clip).unwrap();
    ok(d, &["encode", "--lossless", "x.y4m", "x.nc"]);
    let (_, units, offset) = chunks(&file)[0];
    assert!(units < 300);
    damaged(&file, offset + 500);
    fails(d, &["decode", "--recover", "bad.nc", "out.y4m"], 3);
    let out = std::fs::read(d.join("out.y4m")).unwrap();
    let frames: Vec<&[u8]> = out[out.len() - 300 * 70..]
        .chunks(70)
        .map(|f| &f[6..])
        .collect();
    for (t, found) in frames.iter().enumerate() {
        match t < units {
            true => assert!(found.iter().all(|s| *s == 128), "{t}"),
            false => assert_eq!(*found, frame(t), "{t}"),
        }
    }
}
