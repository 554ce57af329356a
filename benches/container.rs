//! How many bytes per second does the file format take and give, beside what its codec needs?
//!
//! The codec is `store`, which copies. What is left is the format's own work: checksums (CRC-32C of each
//! payload, hashes of symbols and output), framing, the index. Writing proves each chunk by decoding it and
//! reading verifies what writing wrote, so each byte is copied, summed and hashed; the floor, printed first,
//! is a copy within memory.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::io::Cursor;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nc_benches::copy;
use nc_core::{Archive, Budget, Control, Format, Goal, Signal};

const SIZES: [usize; 3] = [100, 100_000, 32 << 20];

fn container(c: &mut Criterion) {
    println!("floor: copying {:.1} GB/s", copy());
    let registry = nc::registry();
    let store = registry
        .open_for_encoding(registry.by_name("store").unwrap(), None)
        .unwrap();
    let mut g = c.benchmark_group("container");
    g.sample_size(20);
    for n in SIZES {
        let bytes: Vec<u8> = (0..n).map(|i| ((i * i) >> 7) as u8).collect();
        let write = || {
            let x = Signal::Bytes(&bytes);
            nc_core::encode(&store, x, Format::Bytes, Goal::Exact).unwrap()
        };
        let file = write();
        println!("{n} bytes: {} more in the file", file.len() - n);
        g.throughput(Throughput::Bytes(n as u64));
        g.bench_function(BenchmarkId::new("write", n), |b| b.iter(write));
        g.bench_function(BenchmarkId::new("read", n), |b| {
            b.iter(|| nc_core::decode(&registry, black_box(&file), Budget::default()).unwrap());
        });
        if n > 1 << 20 {
            // One chunk of a large file, opened anew: seconds of waiting, not bytes a second.
            let from = n as u64 / 2;
            g.throughput(Throughput::Elements(1));
            g.bench_function(BenchmarkId::new("open and read 1000 bytes of", n), |b| {
                b.iter(|| {
                    let r = Cursor::new(black_box(&file));
                    let mut archive = Archive::open(r, Budget::default()).unwrap();
                    let mut ctl = Control::default();
                    let mut got = 0;
                    let mut count = |piece: nc_core::SignalBuf| {
                        got += piece.units();
                        Ok(())
                    };
                    archive
                        .decode_range(from..from + 1000, &registry, &mut ctl, &mut count)
                        .unwrap();
                    got
                });
            });
        }
    }
    g.finish();
}

criterion_group!(benches, container);
criterion_main!(benches);
