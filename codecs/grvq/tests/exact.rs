//! The same bytes and the same sound at every SIMD level, alone and among threads; nested rates.
#![cfg(feature = "default-model")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{any, decoded, encoded, model, searched, signal};
use nc_core::{Archive, Budget, Control, Error, Goal, SignalBuf};
use nc_corpora::synth;
use nc_grvq::Grvq;
use nc_kernels::{Kernels, Level};
use ndarray::Array2;

/// A minute's worth of what the tests listen to, short enough for a debug run: two chunks.
fn sounds() -> Vec<(u32, Vec<Vec<f32>>)> {
    let speech = synth::speech(7, 6.0);
    let long = synth::speech(8, 21.0);
    let stereo = vec![synth::music(3, 2.0), synth::music(4, 2.0)];
    vec![
        (16_000, vec![speech]),
        (16_000, vec![long]),
        (44_100, stereo),
    ]
}

#[test]
fn every_simd_level_gives_the_same_bytes_and_the_same_sound() {
    for (rate, channels) in sounds() {
        let x = signal(&channels);
        let mut first: Option<(Vec<u8>, SignalBuf)> = None;
        for &level in Level::available() {
            let codec = any(level);
            let file = encoded(&codec, rate, &x, Goal::Bitrate(3000));
            let sound = decoded(level, &file).unwrap();
            match &first {
                None => first = Some((file, sound)),
                Some((bytes, samples)) => {
                    assert_eq!(bytes, &file, "{level}: bytes at {rate} Hz");
                    assert_eq!(samples, &sound, "{level}: samples at {rate} Hz");
                }
            }
        }
    }
}

#[test]
fn every_number_of_threads_gives_the_same_bytes() {
    let x = signal(&[synth::speech(9, 4.0)]);
    let codec = any(Level::best());
    let alone = encoded(&codec, 16_000, &x, Goal::Bitrate(2000));
    for threads in [2, 5] {
        std::thread::scope(|s| {
            let all: Vec<_> = (0..threads)
                .map(|_| s.spawn(|| encoded(&codec, 16_000, &x, Goal::Bitrate(2000))))
                .collect();
            for t in all {
                assert_eq!(t.join().unwrap(), alone);
            }
        });
    }
}

/// A file lowered to a goal without its sound.
fn trimmed(file: &[u8], goal: Goal) -> Vec<u8> {
    let mut archive = Archive::open(std::io::Cursor::new(file), Budget::default()).unwrap();
    let opener = common::opener(Level::best());
    let mut ctl = Control::default();
    archive.trim(Vec::new(), &opener, goal, &mut ctl).unwrap().0
}

#[test]
fn trimming_a_greedy_search_gives_the_payload_of_encoding_at_that_rate() {
    for (rate, channels) in sounds() {
        let x = signal(&channels);
        let codec = any(Level::best());
        let greedy = |goal| searched(&codec, rate, &x, goal, "greedy").unwrap();
        let full = greedy(Goal::Quality(10.0));
        for bits in [1000, 1500, 2100, 3000, 4500] {
            let bits = bits * channels.len() as u32;
            let goal = Goal::Bitrate(bits);
            let direct = greedy(goal);
            let trimmed = trimmed(&full, goal);
            assert_eq!(
                payloads(&trimmed),
                payloads(&direct),
                "{bits} bit/s at {rate} Hz"
            );
            let (a, b) = (
                decoded(Level::best(), &trimmed),
                decoded(Level::best(), &direct),
            );
            assert_eq!(a.unwrap(), b.unwrap());
            assert!(of_rate(&direct, rate, &x, bits));
        }
    }
}

/// Whether a file has at most so many bits a second.
fn of_rate(file: &[u8], rate: u32, x: &Array2<f32>, bits: u32) -> bool {
    let seconds = x.ncols() as f64 / f64::from(rate);
    file.len() as f64 * 8.0 / seconds <= f64::from(bits) + 1.0
}

#[test]
fn trimming_a_beam_search_gives_a_file_of_that_rate() {
    for (rate, channels) in sounds() {
        let x = signal(&channels);
        let codec = any(Level::best());
        let full = encoded(&codec, rate, &x, Goal::Quality(10.0));
        for bits in [1500, 3000] {
            let bits = bits * channels.len() as u32;
            let trimmed = trimmed(&full, Goal::Bitrate(bits));
            assert!(of_rate(&trimmed, rate, &x, bits));
            let y = decoded(Level::best(), &trimmed).unwrap();
            assert_eq!(common::samples(&y).dim(), x.dim());
        }
        // Nothing is left out where nothing has to be.
        let same = trimmed(&full, Goal::Quality(10.0));
        assert_eq!(payloads(&same), payloads(&full));
    }
}

#[test]
fn a_search_is_greedy_or_has_a_number_of_candidates() {
    let x = signal(&[synth::speech(7, 1.0)]);
    let codec = any(Level::best());
    let with = |search| searched(&codec, 16_000, &x, Goal::Bitrate(3000), search);
    assert_eq!(with("1").unwrap(), with("greedy").unwrap());
    assert_eq!(
        with("8").unwrap(),
        encoded(&codec, 16_000, &x, Goal::Bitrate(3000))
    );
    assert_ne!(with("8").unwrap(), with("greedy").unwrap());
    for wrong in ["", "0", "65", "-1", "beam"] {
        assert!(matches!(with(wrong), Err(Error::Usage(_))), "{wrong}");
    }
}

/// Bytes of all payloads: what lies between the chunk frames.
fn payloads(file: &[u8]) -> Vec<Vec<u8>> {
    let mut archive = Archive::open(std::io::Cursor::new(file), Budget::default()).unwrap();
    let entries = archive.entries().to_vec();
    let total = archive.payload().unwrap();
    let mut out = Vec::new();
    for e in &entries {
        let mut at = e.offset as usize;
        if entries.len() > 1 {
            at += 1;
            varint(file, &mut at);
        }
        let len = varint(file, &mut at) as usize;
        at += 4 + if entries.len() > 1 { 4 } else { 2 };
        out.push(file[at..at + len].to_vec());
    }
    assert_eq!(out.iter().map(|p| p.len() as u64).sum::<u64>(), total);
    out
}

fn varint(bytes: &[u8], at: &mut usize) -> u64 {
    let mut v = 0;
    for shift in (0..).step_by(7) {
        let b = bytes[*at];
        *at += 1;
        v |= u64::from(b & 127) << shift;
        if b < 128 {
            break;
        }
    }
    v
}

#[test]
fn a_higher_rate_never_gives_a_shorter_file() {
    let x = signal(&[synth::speech(10, 4.0)]);
    let codec = any(Level::best());
    let sizes = (0..=20).map(|q| encoded(&codec, 16_000, &x, Goal::Quality(q as f32 / 2.0)).len());
    assert!(sizes.collect::<Vec<_>>().is_sorted());
}

#[test]
fn the_model_loads_at_every_level() {
    for &level in Level::available() {
        let kernels = Kernels::new(level).unwrap();
        let codec = Grvq::new(&model(), kernels, &mut Budget::default()).unwrap();
        assert!(codec.config().quantisers() > 1);
    }
}
