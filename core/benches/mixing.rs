//! How many decisions per second does mixing reach?
//!
//! Criterion's elem/s is decisions a second. The floor of a decision with I inputs in S sets of weights: 2 I S multiplications
//! of 16 bits in the dot products and as many pairs of them in the steps (at AVX2 I S / 16 vectors of 3 operations and as many of
//! 8), 4 I S bytes of weights read and, where a step is made, written; for a hashed context one cache line every four
//! decisions, and for each decision 1 byte of history and 4 of its map read and written.
#![allow(clippy::indexing_slicing, reason = "data of its own making")]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nc_core::entropy::mixing::{Bits, Encoder, Mixer, Model, Rate, Slots, history, squash};

const N: usize = 1 << 14;

/// Decisions that contexts tell something of.
fn decisions() -> Vec<(bool, usize)> {
    let mut s = 1u32;
    let mut next = || {
        s = s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (s >> 16) as usize
    };
    (0..N).map(|i| (next() % 64 < i % 64, i % 64)).collect()
}

fn mixer(c: &mut Criterion) {
    let all = decisions();
    let mut g = c.benchmark_group("mixer");
    g.throughput(Throughput::Elements(N as u64));
    for (inputs, sets) in [(16, 1), (16, 2), (32, 3), (64, 4)] {
        let Ok(mut m) = Mixer::new(inputs, &vec![64; sets], 1, Rate::MEDIUM) else {
            continue;
        };
        let name = format!("{inputs} inputs, {sets} sets");
        g.bench_function(BenchmarkId::from_parameter(name), |b| {
            b.iter(|| {
                for (bit, at) in &all {
                    m.inputs()[*at % inputs] = (*at * 16) as i16;
                    let _ = black_box(m.mix(&vec![*at; sets][..], 0));
                    let _ = m.update(*bit);
                }
            });
        });
    }
    g.finish();
}

fn whole(c: &mut Criterion) {
    let all = decisions();
    let mut g = c.benchmark_group("whole");
    g.throughput(Throughput::Elements(N as u64));
    if let Ok(mut m) = Model::new(&[64, 4096, 4096], 0, &[64], 255, Rate::MEDIUM) {
        g.bench_function("model of three contexts", |b| {
            b.iter(|| {
                let mut io = Encoder::new();
                for (bit, at) in &all {
                    let _ = m.code(&mut io, *bit, &[*at, *at * 64, *at * 7], &[], &[*at]);
                }
                io.finish()
            });
        });
    }
    g.bench_function("coder alone", |b| {
        b.iter(|| {
            let mut io = Encoder::new();
            for (bit, at) in &all {
                io.bit(*bit, squash(*at as i32 * 16 - 512));
            }
            io.finish()
        });
    });
    let mut slots = Slots::new(24);
    g.bench_function("hashed slots, one context in 2^24 bytes", |b| {
        b.iter(|| {
            for (i, four) in all.chunks(4).enumerate() {
                let slot = slots.find((i as u32).wrapping_mul(0x9e37_79b1));
                let mut node = 1;
                for (bit, _) in four {
                    let state = slots.node_mut(slot, node);
                    *state = history::next(*state, *bit);
                    node = node << 1 | usize::from(*bit);
                }
            }
        });
    });
    g.finish();
}

criterion_group!(benches, mixer, whole);
criterion_main!(benches);
