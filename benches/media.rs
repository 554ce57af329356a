//! What does a user get: samples of sound, frames of video, pictures and records per second?
//!
//! Everything goes through the registry and `nc_core::encode` and `nc_core::decode`, as a program that uses the library
//! would, on one core: files with all their checksums come out. Criterion's elem/s is samples a second for
//! sound, frames for video, pictures, records. Inputs are generated. What the codecs' own parts take, with the
//! multiply-adds counted and floors, their own benches print (`-p nc-codec-grvq`, `-p nc-codec-nerv`, `-p nc-codec-circuit`,
//! `-p nc-codec-kernels`); here each line says how that compares with playing: times real time.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput};
use nc_circuit::{Stored, learn};
use nc_core::{
    AnyCodec, AudioFormat, Budget, Chroma, Colour, Control, Decoder, Encoder, Format, Goal, Model,
    RecordsFormat, SampleDepth, Signal, Threads, VideoFormat,
};
use nc_corpora::synth;
use ndarray::{Array2, ArrayView2};

const SECONDS: usize = 10;
const FRAMES: usize = 25;
const DIGITS: usize = 500;

struct Case<'a> {
    name: &'a str,
    codec: &'a AnyCodec,
    format: Format,
    signal: Signal<'a>,
    goal: Goal,
    /// What is counted, and how many there are of it.
    unit: &'a str,
    count: usize,
    /// How many a player shows in a second.
    plays: Option<f64>,
}

fn run(c: &mut Criterion, registry: &nc_core::Registry, case: &Case<'_>) {
    // One core: whatever would share its work out finds one thread.
    let threads = Threads::new(1);
    let ctl = || Control {
        threads: threads.clone(),
        ..Control::default()
    };
    let start = Instant::now();
    let encode = || {
        let (length, mut ctl) = (Some(case.signal.units()), ctl());
        let mut e = Encoder::new(Vec::new(), case.codec, case.format, length, case.goal).unwrap();
        e.push(case.signal, &mut ctl).unwrap();
        e.finish(&mut ctl).unwrap().0
    };
    let file = encode();
    let encoding = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let decode = || {
        let mut ctl = ctl();
        let mut d = Decoder::new(black_box(&file[..]), registry, Budget::default()).unwrap();
        let mut units = 0;
        while let Some(piece) = d.next(&mut ctl).unwrap() {
            units += black_box(piece).units();
        }
        units
    };
    decode();
    let decoding = start.elapsed().as_secs_f64();
    let times = |s: f64| match case.plays {
        Some(rate) => format!(", {:.2} x real time", case.count as f64 / s / rate),
        None => String::new(),
    };
    println!(
        "{}: {} {} in {} bytes; once: encoded in {encoding:.3} s{}, decoded in {decoding:.4} s{}",
        case.name,
        case.count,
        case.unit,
        file.len(),
        times(encoding),
        times(decoding),
    );
    let mut g = c.benchmark_group(case.name);
    g.sample_size(10)
        .throughput(Throughput::Elements(case.count as u64));
    // A clip's encoding is a training run of seconds: the one above is the figure.
    if encoding < 1.0 {
        g.bench_function(BenchmarkId::new("encode", case.unit), |b| b.iter(encode));
    }
    g.bench_function(BenchmarkId::new("decode", case.unit), |b| b.iter(decode));
    g.finish();
}

/// A circuit of 16 states over digits, a few steps old: speed does not ask how well it fits.
fn digits(images: ArrayView2<'_, u16>) -> Model {
    let flat: Vec<u16> = images.iter().copied().collect();
    let records = nc_circuit::Records::new(vec![256; images.ncols()], flat).unwrap();
    let tree = learn::hidden_chow_liu(&records, 16).unwrap();
    let mut circuit = learn::start(tree, &records, 1).unwrap();
    let mut em = learn::Em::new(&circuit, &records, None, &[]);
    let rows: Vec<&[u16]> = records.rows().collect();
    for _ in 0..3 {
        em.step(&mut circuit, &rows, 1.0);
    }
    let bytes = Stored::new(circuit).to_bytes(&BTreeMap::new()).unwrap();
    Model::from_bytes(bytes, &mut Budget::default()).unwrap()
}

fn media(c: &mut Criterion) {
    let registry = nc::registry();
    let open = |name: &str, model: Option<&Model>| {
        registry
            .open_for_encoding(registry.by_name(name).unwrap(), model)
            .unwrap()
    };

    let speech = synth::speech(1, SECONDS as f64);
    let samples = Array2::from_shape_fn((1, speech.len()), |(_, i)| speech[i]);
    let grvq = open("grvq", None);
    run(
        c,
        &registry,
        &Case {
            name: "speech, 16 kHz, 3 kbit/s",
            codec: &grvq,
            format: Format::Audio(AudioFormat {
                rate: 16_000,
                channels: 1,
                depth: SampleDepth::F32,
            }),
            signal: Signal::Audio(nc_core::Audio {
                rate: 16_000,
                samples: samples.view(),
            }),
            goal: Goal::Bitrate(3_000),
            unit: "samples",
            count: speech.len(),
            plays: Some(16_000.0),
        },
    );

    let nerv = open("nerv", None);
    let format = VideoFormat {
        width: 416,
        height: 240,
        rate: [25, 1],
        chroma: Chroma::C420,
        bits: 8,
        colour: Colour::Video,
        alpha: false,
    };
    let clip = synth::video::scene(1, format, FRAMES).unwrap();
    run(
        c,
        &registry,
        &Case {
            name: "video, 416x240, 4:2:0",
            codec: &nerv,
            format: Format::Video(format),
            signal: Signal::Video(clip.view()),
            goal: Goal::Quality(6.0),
            unit: "frames",
            count: FRAMES,
            plays: Some(25.0),
        },
    );
    let format = VideoFormat {
        width: 768,
        height: 512,
        rate: [0, 0],
        chroma: Chroma::C444,
        colour: Colour::Image,
        alpha: false,
        ..format
    };
    let picture = synth::video::scene(2, format, 1).unwrap();
    run(
        c,
        &registry,
        &Case {
            name: "picture, 768x512",
            codec: &nerv,
            format: Format::Video(format),
            signal: Signal::Video(picture.view()),
            goal: Goal::Quality(6.0),
            unit: "pictures",
            count: 1,
            plays: None,
        },
    );

    let (idx, _) = synth::records::digits(1, DIGITS);
    let values = Array2::from_shape_fn((DIGITS, 784), |(i, j)| u16::from(idx[16 + i * 784 + j]));
    let model = digits(values.view());
    let circuit = open("circuit", Some(&model));
    let registry = nc::registry().with_model(model);
    run(
        c,
        &registry,
        &Case {
            name: "records, digits of 784 bytes",
            codec: &circuit,
            format: Format::Records(RecordsFormat { variables: 784 }),
            signal: Signal::Records(nc_core::Records {
                values: values.view(),
                texts: &[],
            }),
            goal: Goal::Exact,
            unit: "records",
            count: DIGITS,
            plays: None,
        },
    );
}

fn main() {
    let mut c = Criterion::default().configure_from_args();
    media(&mut c);
    c.final_summary();
}
