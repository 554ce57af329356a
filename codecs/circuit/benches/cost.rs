//! Cost against the number of variables: counted and measured on the same circuits.
//!
//! `cargo bench -p nc-codec-circuit` prints multiply-adds per variable of this coder beside those of the
//! naive one (every variable by a full evaluation) and of the seed's (every variable by the path from
//! it to the root; Liu, Mandt and Van den Broeck 2022), then times encoding and decoding. The trees
//! are balanced, which is the seed's best case.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nc_circuit::{Circuit, Frozen, Tree};
use nc_core::rng::Rng;
use ndarray::Array2;

const STATES: usize = 16;
const VALUES: u32 = 16;
const RECORDS: usize = 256;
const SIZES: [usize; 7] = [64, 128, 256, 512, 1024, 2048, 4096];

/// A balanced binary tree of `d` vertices with a variable at each, random tables.
fn circuit(d: usize) -> Circuit {
    let parents: Vec<Option<usize>> = (0..d)
        .map(|i: usize| i.checked_sub(1).map(|i| i / 2))
        .collect();
    let variables: Vec<Option<usize>> = (0..d).map(Some).collect();
    let tree = Tree::from_parents(&parents, &vec![STATES; d], &variables).unwrap();
    let mut rng = Rng::new(d as u64);
    let mut shares = |n: usize| {
        let mut row: Vec<f32> = (0..n).map(|_| rng.unit().powi(4) + 1e-3).collect();
        let sum: f32 = row.iter().sum();
        row.iter_mut().for_each(|x| *x /= sum);
        row
    };
    let (mut edges, mut leaves) = (Vec::new(), Vec::new());
    for v in tree.vertices() {
        let rows = v.parent.map_or(1, |_| STATES);
        edges.push((0..rows).flat_map(|_| shares(STATES)).collect());
        let columns: Vec<Vec<f32>> = (0..STATES).map(|_| shares(VALUES as usize)).collect();
        let rows = (0..VALUES as usize).flat_map(|x| columns.iter().map(move |c| c[x]));
        leaves.push(rows.collect());
    }
    Circuit::new(tree, vec![VALUES; d], edges, leaves).unwrap()
}

/// Multiply-adds through edges for a record: naive, and along paths.
fn others(circuit: &Circuit) -> (usize, usize) {
    let vertices = circuit.tree().vertices();
    let all: usize = (1..vertices.len()).map(|v| circuit.edge(v).len()).sum();
    let mut path = vec![0; vertices.len()];
    for (i, v) in vertices.iter().enumerate() {
        path[i] = v.parent.map_or(0, |p| path[p] + circuit.edge(i).len());
    }
    (all * vertices.len(), path.iter().sum())
}

fn cost(c: &mut Criterion) {
    println!("multiply-adds per variable, {STATES} states, balanced binary tree");
    println!("{:>6} {:>10} {:>10} {:>12}", "D", "this", "seed's", "naive");
    for d in SIZES {
        let circuit = circuit(d);
        let own = Frozen::new(&circuit).unwrap().multiply_adds(&[]);
        let (naive, paths) = others(&circuit);
        println!("{d:>6} {:>10} {:>10} {:>12}", own / d, paths / d, naive / d);
    }
    let mut group = c.benchmark_group("circuit");
    group.sample_size(10);
    for d in SIZES {
        let frozen = Frozen::new(&circuit(d)).unwrap();
        let mut rng = Rng::new(5);
        let values = Array2::from_shape_fn((RECORDS, d), |_| rng.below(VALUES as usize) as u16);
        let records = nc_core::Records {
            values: values.view(),
            texts: &[],
        };
        let streams = frozen.encode(records, 1).unwrap();
        let streams: Vec<&[u8]> = streams.iter().map(Vec::as_slice).collect();
        group.throughput(Throughput::Elements((RECORDS * d) as u64));
        group.bench_function(BenchmarkId::new("encode", d), |b| {
            b.iter(|| frozen.encode(black_box(records), 1).unwrap());
        });
        group.bench_function(BenchmarkId::new("decode", d), |b| {
            b.iter(|| {
                let mut budget = nc_core::Budget::default();
                let streams = black_box(&streams);
                frozen
                    .decode(streams, RECORDS, 1, None, &mut budget, &|| Ok(()))
                    .unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, cost);
criterion_main!(benches);
