//! How many symbols per second do the entropy coders code, on one core?
//!
//! Criterion's elem/s is symbols a second. Both coders of `nc_core::entropy` are driven with the tables that the
//! codecs have: two symbols (flags), 256 (bytes) and 1024 (tokens of a codebook). Before the figures come the
//! operations that a symbol cannot do without and the floor that they set: a decoder must divide by what is
//! left of its range and then search the table, each step of which waits for the last; an encoder multiplies.
//! `whole table` also proves that the table is one, of all its entries, for each symbol; `share` trusts the
//! caller with two numbers, and is what a coder of many symbols takes.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nc_benches::{division, multiplication, search_step};
use nc_core::entropy::{
    PRECISION, RangeDecoder, RangeEncoder, WIDE_PRECISION, WideDecoder, WideEncoder,
};
use nc_core::rng::Rng;

const SYMBOLS: usize = 100_000;

/// A cumulative table of `n` symbols, falling as `1/(i + 1)`, that ends at `2^bits`.
fn table(n: usize, bits: usize) -> Vec<u32> {
    let weight = |i: usize| 1.0 / (i + 1) as f64;
    let all: f64 = (0..n).map(weight).sum();
    let room = f64::from(1u32 << bits) - n as f64;
    let mut sum = 0.0;
    let mut table: Vec<u32> = (0..n)
        .map(|i| {
            let left = (sum / all * room) as u32 + i as u32;
            sum += weight(i);
            left
        })
        .collect();
    table.push(1 << bits);
    table
}

/// Symbols as often as the table says.
fn drawn(table: &[u32], bits: usize) -> Vec<u32> {
    let mut rng = Rng::new(1);
    let at = |q: u32| table.partition_point(|c| *c <= q) as u32 - 1;
    (0..SYMBOLS)
        .map(|_| at(rng.bits() >> (32 - bits)))
        .collect()
}

fn symbols(c: &mut Criterion) {
    let (divide, multiply, step) = (division(), multiplication(), search_step());
    println!(
        "floor: a division {divide:.1} ns, a multiplication {multiply:.1} ns, a step of a search {step:.1} ns"
    );
    for n in [2, 256, 1024] {
        let steps = (n as f64).log2();
        let decode = divide + steps * step;
        println!(
            "{n} symbols: encoding 1 multiplication, at most {:.0} M/s; decoding 1 division and {steps:.0} steps, at most {:.0} M/s",
            1e3 / multiply,
            1e3 / decode
        );
    }
    for n in [2, 256, 1024] {
        let mut g = c.benchmark_group(format!("{n} symbols"));
        g.sample_size(20)
            .throughput(Throughput::Elements(SYMBOLS as u64));
        let narrow = table(n, PRECISION);
        let drawn_narrow = drawn(&narrow, PRECISION);
        let share = |table: &[u32], s: u32| (table[s as usize], table[s as usize + 1]);
        let whole = || {
            let mut coder = RangeEncoder::new();
            for s in black_box(&drawn_narrow) {
                coder.put_cumulative(*s, &narrow).unwrap();
            }
            coder.finish()
        };
        let shares = || {
            let mut coder = RangeEncoder::new();
            for s in black_box(&drawn_narrow) {
                let (left, right) = share(&narrow, *s);
                coder.put_share(left, right).unwrap();
            }
            coder.finish()
        };
        let bytes = whole();
        assert_eq!(bytes, shares());
        g.bench_function(BenchmarkId::new("encode 16 bits", "whole table"), |b| {
            b.iter(whole)
        });
        g.bench_function(BenchmarkId::new("encode 16 bits", "share"), |b| {
            b.iter(shares)
        });
        g.bench_function(BenchmarkId::new("decode 16 bits", "whole table"), |b| {
            b.iter(|| {
                let mut coder = RangeDecoder::new(black_box(&bytes)).unwrap();
                let get = |_| coder.get_cumulative(&narrow).unwrap();
                (0..SYMBOLS).map(get).fold(0, |a, s| a ^ s)
            });
        });
        let wide = table(n, WIDE_PRECISION);
        let drawn_wide = drawn(&wide, WIDE_PRECISION);
        let encode = || {
            let mut coder = WideEncoder::new();
            for s in black_box(&drawn_wide) {
                let (left, right) = share(&wide, *s);
                coder.put_share(left, right).unwrap();
            }
            coder.finish()
        };
        let bytes = encode();
        g.bench_function(BenchmarkId::new("encode 24 bits", "share"), |b| {
            b.iter(encode)
        });
        g.bench_function(BenchmarkId::new("decode 24 bits", "share"), |b| {
            b.iter(|| {
                let mut coder = WideDecoder::new(black_box(&bytes)).unwrap();
                let find = |q: u32| {
                    let at = wide.partition_point(|c| *c <= q) - 1;
                    (at as u32, wide[at], wide[at + 1])
                };
                (0..SYMBOLS)
                    .map(|_| coder.get(find).unwrap())
                    .fold(0, |a, s| a ^ s)
            });
        });
        g.finish();
    }
}

criterion_group!(benches, symbols);
criterion_main!(benches);
