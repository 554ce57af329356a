//! What comes out for inputs at the edges, and what is said of damage.
#![cfg(feature = "default-model")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod common;

use common::{any, at, decoded, encoded, samples, signal, try_encoded};
use nc_core::{AudioFormat, Error, Goal, SignalBuf};
use nc_corpora::synth;
use nc_kernels::Level;
use ndarray::Array2;

/// Round trip at 3 kbit/s per channel.
fn through(rate: u32, channels: &[Vec<f32>]) -> (Vec<u8>, SignalBuf) {
    let x = signal(channels);
    let goal = Goal::Bitrate(3000 * channels.len().max(1) as u32);
    let file = encoded(&any(Level::best()), rate, &x, goal);
    let y = decoded(Level::best(), &file).unwrap();
    assert_eq!(samples(&y).dim(), x.dim());
    assert!(samples(&y).iter().all(|s| s.is_finite()));
    (file, y)
}

fn rms(x: impl IntoIterator<Item = f32>) -> f32 {
    let (mut sum, mut n) = (0.0, 0);
    for s in x {
        sum += s * s;
        n += 1;
    }
    (sum / n.max(1) as f32).sqrt()
}

#[test]
fn no_samples_give_no_samples() {
    let (file, _) = through(16_000, &[vec![]]);
    // No chunk, so not a single-chunk file: header, empty index, end.
    assert!(file.len() <= 64, "{} bytes", file.len());
}

#[test]
fn one_sample_and_other_short_signals_keep_their_length() {
    for n in [1, 2, 159, 160, 319, 320, 321, 1000] {
        let tone = (0..n).map(|i| 0.3 * (0.1 * i as f32).sin() + 0.1);
        through(16_000, &[tone.clone().collect()]);
        through(44_100, &[tone.collect()]);
    }
}

#[test]
fn silence_costs_nothing_and_stays_silent() {
    let (file, y) = through(16_000, &[synth::silence(10.0)]);
    assert!(file.len() <= 64, "{} bytes", file.len());
    assert!(samples(&y).iter().all(|s| *s == 0.0));
    // Below -100 dB of full scale is silence too.
    let faint = synth::noise(1, 1.0, 3e-6);
    let (_, y) = through(16_000, &[faint]);
    assert!(samples(&y).iter().all(|s| *s == 0.0));
}

#[test]
fn clipped_and_very_loud_signals_keep_their_level() {
    for gain in [20.0, 400.0] {
        let x = synth::clipped(&synth::speech(2, 2.0), gain);
        let (_, y) = through(16_000, std::slice::from_ref(&x));
        let (a, b) = (rms(x), rms(samples(&y).iter().copied()));
        assert!((0.5..2.0).contains(&(b / a)), "rms {a} became {b}");
    }
    // Floats may lie beyond full scale.
    let x: Vec<f32> = synth::speech(2, 2.0).iter().map(|s| s * 50.0).collect();
    let (_, y) = through(16_000, std::slice::from_ref(&x));
    let (a, b) = (rms(x), rms(samples(&y).iter().copied()));
    assert!((0.5..2.0).contains(&(b / a)), "rms {a} became {b}");
}

#[test]
fn samples_that_are_not_numbers_are_taken_as_zero() {
    let clean = synth::speech(3, 1.0);
    let mut bad = clean.clone();
    let mut zeroed = clean;
    for (i, v) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY]
        .into_iter()
        .enumerate()
    {
        bad[1000 * (i + 1)] = v;
        zeroed[1000 * (i + 1)] = 0.0;
    }
    assert_eq!(through(16_000, &[bad]).0, through(16_000, &[zeroed]).0);
}

#[test]
fn equal_channels_cost_one_byte_and_different_ones_share_the_bits() {
    let (a, b) = (synth::speech(4, 3.0), synth::speech(5, 3.0));
    let codec = any(Level::best());
    let goal = Goal::Quality(3.0);
    let mono = encoded(&codec, 16_000, &signal(std::slice::from_ref(&a)), goal);
    let twice = encoded(&codec, 16_000, &signal(&[a.clone(), a.clone()]), goal);
    assert_eq!(twice.len(), mono.len() + 1);
    let y = decoded(Level::best(), &twice).unwrap();
    assert_eq!(samples(&y).row(0), samples(&y).row(1));
    let two = encoded(&codec, 16_000, &signal(&[a.clone(), b.clone()]), goal);
    assert!(two.len() > mono.len() * 3 / 2);
    // Eight channels, some silent, some equal.
    let all = [
        &a,
        &a,
        &b,
        &synth::silence(3.0),
        &b,
        &b,
        &a,
        &synth::silence(3.0),
    ]
    .map(Clone::clone);
    let (_, y) = through(16_000, &all);
    for i in [3, 7] {
        assert!(samples(&y).row(i).iter().all(|s| *s == 0.0));
    }
    assert_eq!(samples(&y).row(4), samples(&y).row(5));
}

#[test]
fn rates_from_8_to_192_khz_keep_length_and_level() {
    for rate in [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000] {
        let n = rate as usize / 2;
        let tone = |i| 0.2 * (i as f32 * 440.0 * std::f32::consts::TAU / rate as f32).sin();
        let x: Vec<f32> = (0..n + 7).map(tone).collect();
        let (_, y) = through(rate, std::slice::from_ref(&x));
        let (a, b) = (rms(x), rms(samples(&y).iter().copied()));
        assert!(
            (0.5..2.0).contains(&(b / a)),
            "{rate} Hz: rms {a} became {b}"
        );
    }
    let x = Array2::zeros((1, 100));
    for rate in [7_999, 192_001, 0] {
        let refused = try_encoded(&any(Level::best()), rate, &x, Goal::Quality(3.0));
        assert!(matches!(refused, Err(Error::Unsupported(_))), "{rate} Hz");
    }
    let nine = Array2::zeros((9, 100));
    let refused = try_encoded(&any(Level::best()), 16_000, &nine, Goal::Quality(3.0));
    assert!(matches!(refused, Err(Error::Unsupported(_))));
}

#[test]
fn goals_that_make_no_sense_are_refused() {
    let x = signal(&[synth::speech(6, 1.0)]);
    let codec = any(Level::best());
    for goal in [Goal::Quality(f32::NAN), Goal::Exact] {
        assert!(try_encoded(&codec, 16_000, &x, goal).is_err(), "{goal:?}");
    }
}

#[test]
fn every_truncation_and_flip_is_told_from_a_whole_file() {
    let x = signal(&[synth::speech(6, 0.5)]);
    let file = encoded(&any(Level::best()), 16_000, &x, Goal::Bitrate(3000));
    let whole = decoded(Level::best(), &file).unwrap();
    // One decoder for all: opening a model takes longer than decoding half a second.
    let codec = any(Level::best());
    let open = |_, _| Ok(codec.clone());
    let decode = |f: &[u8]| nc_core::decode(&open, f, nc_core::Budget::default());
    assert_eq!(decode(&file).unwrap(), whole);
    for n in 0..file.len() {
        assert!(decode(&file[..n]).is_err(), "cut to {n} bytes");
    }
    for i in 0..file.len() * 8 {
        let mut bad = file.clone();
        bad[i / 8] ^= 1 << (i % 8);
        assert!(decode(&bad).is_err(), "bit {i}");
    }
}

/// Payloads with a right checksum and wrong contents: no panic, and an error or other tokens.
#[test]
fn hostile_payloads_do_no_harm() {
    use nc_core::{Budget, ChunkHead, Codec, Control, SampleDepth};
    let codec = at(Level::best());
    let mut seed = 1u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize
    };
    for i in 0..60 {
        let head = ChunkHead {
            format: AudioFormat {
                rate: [8_000, 16_000, 44_100][i % 3],
                channels: 1 + (i % 8) as u16,
                depth: SampleDepth::I16,
            },
            first: 0,
            units: (random() % 4000) as u64,
        };
        let payload: Vec<u8> = (0..random() % 200).map(|_| random() as u8).collect();
        let (mut budget, mut ctl) = (Budget::default(), Control::default());
        let _ = codec.decode(&payload, &head, &mut budget, &mut ctl);
    }
    // A chunk that claims to be endless is stopped by the budget, not by memory.
    let head = ChunkHead {
        format: AudioFormat {
            rate: 16_000,
            channels: 1,
            depth: SampleDepth::I16,
        },
        first: 0,
        units: u64::MAX / 2,
    };
    let got = codec.decode(
        &[8, 60, 1, 2, 3],
        &head,
        &mut Budget::default(),
        &mut Control::default(),
    );
    assert!(matches!(got, Err(Error::Limit(_))), "{got:?}");
}
