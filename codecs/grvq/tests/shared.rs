//! Real speech: clips in the folder that `NC_SPEECH` names, else in `../shared/data/speech` beside the repository.
#![cfg(feature = "default-model")]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod common;

use common::any;
use nc_corpora::{audio, metrics};
use nc_grvq::payload::{Payload, frame_depth, max_level};
use nc_kernels::Level;
use std::path::PathBuf;

fn clips() -> Vec<Vec<f32>> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/speech");
    let folder = std::env::var_os("NC_SPEECH").map_or(beside.into(), PathBuf::from);
    let files = audio::files(&folder).unwrap();
    assert!(!files.is_empty(), "no clips in {}", folder.display());
    files.iter().map(|f| audio::read(f).unwrap()).collect()
}

#[test]
#[ignore = "wants real speech"]
fn shared_speech_tokens_take_a_tenth_less_than_their_indices() {
    let codec = common::at(Level::best());
    let bits = u64::from(codec.config().index_bits());
    let (mut coded, mut raw) = (0, 0);
    for x in clips() {
        let (gain, channel) = codec.tokens(&x).unwrap();
        let payload = Payload {
            level: max_level(codec.config()),
            gains: vec![gain],
            channels: channel.into_iter().collect(),
        };
        // 3 kbit/s less the 47 bytes of a small file's frame.
        let target = x.len() as u64 * 3000 / 16_000 / 8 - 47;
        let bytes = payload.fit(codec.prior(), payload.level, target).unwrap();
        coded += bytes.len() as u64 * 8;
        for c in &payload.channels {
            let depths = c.offsets.iter().enumerate();
            raw += depths
                .map(|(t, o)| bits * frame_depth(bytes[0], t, *o) as u64)
                .sum::<u64>();
        }
    }
    let saved = 1.0 - coded as f64 / raw as f64;
    println!(
        "{coded} bits for tokens with {raw} bits of indices: {:.1}% saved",
        saved * 100.0
    );
    assert!(saved >= 0.1, "only {:.1}% saved", saved * 100.0);
}

#[test]
#[ignore = "wants real speech"]
fn shared_speech_stays_intelligible() {
    use nc_core::Goal;
    let codec = any(Level::best());
    let mut sums = [0.0; 2];
    let clips = clips();
    for x in &clips {
        for (sum, bits) in sums.iter_mut().zip([1500, 3000]) {
            let y = common::signal(std::slice::from_ref(x));
            let file = common::encoded(&codec, 16_000, &y, Goal::Bitrate(bits));
            let back = common::decoded(Level::best(), &file).unwrap();
            let back: Vec<f32> = common::samples(&back).iter().copied().collect();
            *sum += metrics::stoi(x, &back).unwrap() / clips.len() as f64;
        }
    }
    println!(
        "STOI {:.3} at 1.5 kbit/s, {:.3} at 3 kbit/s",
        sums[0], sums[1]
    );
    assert!(sums[0] >= 0.8 && sums[1] >= 0.86, "STOI {sums:?}");
}

/// What a search is worth: mean quality, bytes and time of encoding by the number of candidates; last, that of a file
/// trimmed from the best quality.
#[test]
#[ignore = "wants real speech; prints figures"]
fn shared_speech_by_width_of_the_search() {
    use nc_core::{Archive, Budget, Control, Goal};
    let codec = any(Level::best());
    let clips = clips();
    let seconds: f64 = clips.iter().map(|x| x.len() as f64 / 16_000.0).sum();
    let widths = std::env::var("NC_SEARCH").unwrap_or_else(|_| "greedy 4 8 16".into());
    for bits in [1500, 3000] {
        let goal = Goal::Bitrate(bits);
        for search in widths.split_whitespace() {
            // Direct, then trimmed.
            let mut sums = [[0.0; 3]; 2];
            let mut spent = std::time::Duration::ZERO;
            for x in &clips {
                let y = common::signal(std::slice::from_ref(x));
                let started = std::time::Instant::now();
                let direct = common::searched(&codec, 16_000, &y, goal, search).unwrap();
                spent += started.elapsed();
                let full =
                    common::searched(&codec, 16_000, &y, Goal::Quality(10.0), search).unwrap();
                let mut archive =
                    Archive::open(std::io::Cursor::new(&full), Budget::default()).unwrap();
                let opener = common::opener(Level::best());
                let mut ctl = Control::default();
                let (trimmed, _) = archive.trim(Vec::new(), &opener, goal, &mut ctl).unwrap();
                for (sums, file) in sums.iter_mut().zip([direct, trimmed]) {
                    let back = common::decoded(Level::best(), &file).unwrap();
                    let back: Vec<f32> = common::samples(&back).iter().copied().collect();
                    sums[0] += metrics::speech::pesq_wb(x, &back).unwrap();
                    sums[1] += metrics::stoi(x, &back).unwrap();
                    sums[2] += file.len() as f64 * 8.0;
                }
            }
            let n = clips.len() as f64;
            for (what, [pesq, stoi, size]) in ["direct", "trimmed"].iter().zip(sums) {
                println!(
                    "{bits} bit/s, search {search}, {what}: PESQ-WB {:.3}, STOI {:.4}, {:.0} bit/s",
                    pesq / n,
                    stoi / n,
                    size / seconds
                );
            }
            println!(
                "  encoded at {:.0} x real time",
                seconds / spent.as_secs_f64()
            );
        }
    }
}
