//! The tokens of frames under a circuit over a window of frames, beside the codec's own prior.
//!
//! `circuit_prior TRAIN TEST [DEPTH] [STATES] [EPOCHS]`: folders of recordings. The circuit has a
//! latent vertex for each token of `1 + PAST` frames: codebook under codebook within a frame, the
//! frame before as parent of the first. Bits of a frame are those of its window less those of its
//! past alone, both exact.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use nc_circuit::learn::{Em, Smoothing, log_likelihoods, start};
use nc_circuit::{Circuit, Records, Tree};
use nc_core::{Budget, Family as _};
use nc_corpora::audio;
use nc_grvq::{Family, Grvq};
use nc_kernels::Kernels;

/// Frames before the one that is coded.
const PAST: usize = 1;

/// Tokens of each recording, `[frames][depth]`, and the bits of them under the codec's prior.
fn tokens(codec: &Grvq, folder: &Path, depth: usize) -> Vec<(Vec<u16>, f64)> {
    let n = codec.config().quantisers();
    let mut all = Vec::new();
    for file in audio::files(folder).expect("a folder of recordings") {
        let Ok(x) = audio::read(&file) else { continue };
        let Some(channel) = codec.tokens(&x).expect("a model that loaded").1 else {
            continue;
        };
        let depths = vec![depth; channel.offsets.len()];
        let shares = codec
            .prior()
            .shares(&channel.offsets, &depths, &channel.ids)
            .expect("tokens that fit");
        let bits = shares
            .chunks_exact(1 + depth)
            .flat_map(|frame| &frame[1..])
            .map(|[left, right]| 16.0 - f64::from(right - left).log2())
            .sum();
        let frames = channel.ids.chunks_exact(n);
        all.push((frames.flat_map(|f| f[..depth].to_vec()).collect(), bits));
    }
    all
}

/// Windows of frames, all codebooks of the past first.
fn windows(clips: &[(Vec<u16>, f64)], depth: usize, codes: usize, frames: usize) -> Records {
    let width = depth * frames;
    let skip = depth * (PAST + 1 - frames);
    let values = clips
        .iter()
        .flat_map(|(ids, _)| ids.windows(depth * (PAST + 1)).step_by(depth))
        .flat_map(|w| w[..width.min(w.len() - skip)].to_vec())
        .collect();
    Records::new(vec![codes as u32; width], values).expect("whole windows")
}

fn tree(depth: usize, frames: usize, states: usize) -> Tree {
    let n = depth * frames;
    let parent = |i: usize| match (i / depth, i % depth) {
        (0, 0) => None,
        (_, 0) => Some(i - depth),
        _ => Some(i - 1),
    };
    let parents: Vec<_> = (0..n).map(parent).collect();
    let variables: Vec<_> = (0..n).map(Some).collect();
    Tree::from_parents(&parents, &vec![states; n], &variables).expect("a tree")
}

/// The circuit over the past alone: the same tables without the vertices of the frame itself.
fn past(c: &Circuit, depth: usize) -> Circuit {
    let keep: Vec<usize> = (0..c.tree().vertices().len())
        .filter(|v| {
            c.tree().vertices()[*v]
                .variable
                .is_some_and(|x| x < depth * PAST)
        })
        .collect();
    let place = |v: usize| keep.iter().position(|k| *k == v);
    let vertices = keep.iter().map(|v| {
        let mut vertex = c.tree().vertices()[*v];
        vertex.parent = vertex.parent.and_then(place);
        vertex
    });
    Circuit::new(
        Tree::new(vertices.collect()).expect("a tree"),
        c.alphabets()[..depth * PAST].to_vec(),
        keep.iter().map(|v| c.edge(*v).to_vec()).collect(),
        keep.iter().map(|v| c.leaf(*v).to_vec()).collect(),
    )
    .expect("tables that fit")
}

fn bits(c: &Circuit, records: &Records) -> f64 {
    -log_likelihoods(c, records).iter().sum::<f64>() / std::f64::consts::LN_2
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, train, test, ..] = args.as_slice() else {
        eprintln!("circuit_prior TRAIN TEST [DEPTH] [STATES] [EPOCHS]");
        std::process::exit(2);
    };
    let number = |i: usize, default| {
        args.get(i)
            .map_or(default, |a| a.parse().expect("a number"))
    };
    let (depth, states, epochs) = (number(3, 6), number(4, 64), number(5, 12));
    let model = nc_core::Model::from_bytes(
        Family.default_model().expect("a model"),
        &mut Budget::default(),
    );
    let codec = Grvq::new(
        &model.expect("sound"),
        Kernels::best(),
        &mut Budget::default(),
    );
    let codec = codec.expect("sound");
    let codes = codec.config().codes;
    let train = tokens(&codec, Path::new(train), depth);
    let test = tokens(&codec, Path::new(test), depth);
    let records = windows(&train, depth, codes, PAST + 1);
    println!("{} windows to learn from", records.len());
    let mut circuit = start(tree(depth, PAST + 1, states), &records, 1).expect("a start");
    let smoothing = Smoothing {
        edges: 1.0,
        marginal: 30.0,
        ..Smoothing::default()
    };
    let mut em = Em::new(&circuit, &records, Some(smoothing), &[]);
    let rows: Vec<&[u16]> = records.rows().collect();
    let steps = epochs * rows.len().div_ceil(8192);
    let mut step = 0;
    for epoch in 0..epochs {
        let mut sum = 0.0;
        // Rows in strides, so that a batch has many recordings.
        let stride = rows.len().div_ceil(8192);
        for first in 0..stride {
            let batch: Vec<&[u16]> = rows.iter().skip(first).step_by(stride).copied().collect();
            let rate = if step == 0 {
                1.0
            } else {
                0.05 + 0.75 * (1.0 - step as f32 / steps as f32)
            };
            sum += em.step(&mut circuit, &batch, rate);
            step += 1;
        }
        let n = (rows.len() * depth * (PAST + 1)) as f64;
        let per = -sum / std::f64::consts::LN_2 / n;
        println!("epoch {epoch}: {per:.3} bits a token of the window");
    }
    let n: usize = test.iter().map(|(ids, _)| ids.len()).sum();
    // The first frames have no past: they are left out of both.
    let whole = windows(&test, depth, codes, PAST + 1);
    let before = past(&circuit, depth);
    let given: Vec<u16> = whole
        .rows()
        .flat_map(|r| r[..depth * PAST].to_vec())
        .collect();
    let given = Records::new(vec![codes as u32; depth * PAST], given).expect("whole windows");
    let coded = bits(&circuit, &whole) - bits(&before, &given);
    let raw = f64::from(codec.config().index_bits());
    let own: f64 = test.iter().map(|(_, bits)| bits).sum();
    let circuit = coded / (whole.len() * depth) as f64;
    let own = own / n as f64;
    println!("bits a token: raw {raw:.3}, the codec's prior {own:.3}, circuit {circuit:.3}");
}
