//! How many seconds of 16 kHz sound are coded in one second, on one core?
//!
//! Criterion's elem/s is seconds of sound per second: times real time. Before the figures come the multiply-adds that
//! a second of sound needs and the floor that they set at the 46 G multiply-adds a second that `nc-kernels`' `linear`
//! reaches on one core of a Zen 4 at 3.7 GHz (its own bench prints them); what lies above the floor is transforms,
//! tables of the range coder, and vectors where decoding one token after the other leaves no matrices.
#![allow(clippy::indexing_slicing, reason = "data of its own making")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nc_core::{
    AnyCodec, Audio, AudioFormat, Budget, CodecId, Control, Decoder, Encoder, Family as _, Format,
    Goal, Model, ModelId, Result, SampleDepth, Signal, Threads,
};
use nc_corpora::synth;
use nc_grvq::{Family, Grvq};
use nc_kernels::{Kernels, Level};
use ndarray::Array2;
use std::hint::black_box;

const SECONDS: usize = 10;
/// Multiply-adds per second of one core in matrix products.
const PEAK: f64 = 46e9;

fn encode(codec: &AnyCodec, x: Signal<'_>, goal: Goal, ctl: &mut Control<'_>) -> Result<Vec<u8>> {
    let format = Format::Audio(AudioFormat {
        rate: 16_000,
        channels: 1,
        depth: SampleDepth::F32,
    });
    let mut e = Encoder::new(Vec::new(), codec, format, Some(x.units()), goal)?;
    e.push(x, ctl)?;
    Ok(e.finish(ctl)?.0)
}

/// Samples that came out.
fn decoded(opener: &dyn nc_core::Opener, file: &[u8], ctl: &mut Control<'_>) -> Result<u64> {
    let mut d = Decoder::new(file, opener, Budget::default())?;
    let mut units = 0;
    while let Some(piece) = d.next(ctl)? {
        units += black_box(piece).units();
    }
    Ok(units)
}

fn speed(c: &mut Criterion) {
    let Some(bytes) = Family.default_model() else {
        return;
    };
    let speech = synth::speech(1, SECONDS as f64);
    let samples = Array2::from_shape_fn((1, speech.len()), |(_, i)| speech[i]);
    let open = |level| -> nc_core::Result<Grvq> {
        let kernels =
            Kernels::new(level).map_err(|e| nc_core::Error::Unsupported(e.to_string()))?;
        let mut budget = Budget::default();
        Grvq::new(
            &Model::from_bytes(bytes, &mut budget)?,
            kernels,
            &mut budget,
        )
    };
    let Ok(codec) = open(Level::best()) else {
        eprintln!("the default model does not load");
        return;
    };
    let config = codec.config();
    let parts = [
        ("encoder network", config.encoder_macs()),
        ("codebook search, 8 candidates", 8 * config.quantiser_macs()),
        ("prior, 7 codebooks (3 kbit/s)", config.prior_macs(7)),
        ("decoder network", config.decoder_macs()),
    ];
    for (what, macs) in parts {
        let (mega, floor) = (macs as f64 / 1e6, macs as f64 / PEAK * 1e3);
        println!("{what}: {mega:.1} M multiply-adds per second of sound, floor {floor:.2} ms");
    }
    let decode: u64 = [2, 3].map(|i| parts[i].1).iter().sum();
    println!(
        "floor of decoding: {:.0} x real time; encoding proves each chunk by decoding it: {:.0} x",
        PEAK / decode as f64,
        PEAK / parts.map(|p| p.1).iter().sum::<u64>() as f64
    );
    let mut one = Control {
        threads: Threads::new(1),
        ..Control::default()
    };
    for &level in Level::available() {
        let Ok(codec) = open(level).map(AnyCodec::from) else {
            continue;
        };
        let opener = |_: CodecId, _: Option<ModelId>| Ok(codec.clone());
        let signal = || {
            let samples = samples.view();
            Signal::Audio(Audio {
                rate: 16_000,
                samples,
            })
        };
        let mut g = c.benchmark_group("grvq");
        g.throughput(Throughput::Elements(SECONDS as u64))
            .sample_size(10);
        for bits in [1500, 3000, 6000] {
            let goal = Goal::Bitrate(bits);
            g.bench_function(
                BenchmarkId::new(format!("encode at {bits} bit/s"), level),
                |b| {
                    b.iter(|| black_box(encode(&codec, signal(), goal, &mut one)));
                },
            );
            let Ok(file) = encode(&codec, signal(), goal, &mut one) else {
                continue;
            };
            g.bench_function(
                BenchmarkId::new(format!("decode at {bits} bit/s"), level),
                |b| {
                    b.iter(|| black_box(decoded(&opener, &file, &mut one)));
                },
            );
        }
        g.finish();
    }
}

criterion_group!(benches, speed);
criterion_main!(benches);
