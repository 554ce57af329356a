//! How fast do the correcting network's layers run and learn, and how many frames are decoded in a second, on one core?
//!
//! Layers are those of the default network at half of 416 x 240, of 8 and of 16 channels. Criterion's Gelem/s is 10^9
//! floating-point operations a second, two for a multiply-add; `learn` is a layer forward, the gradients of its
//! parameters and that of its input: three times the operations. The floor, printed first, is a loop of independent
//! multiplications and additions in registers.
//!
//! Decoding counts frames: criterion's elem/s is frames a second.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    unsafe_code
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::hint::black_box;
use std::time::Instant;

use common::{Kind, clip, decode, encode, format, head};
use criterion::{BenchmarkId, Criterion, Throughput};
use nc_core::{Budget, Chroma, ChunkGoal, Control, Effort};
use nc_kernels::{Conv2d, Kernels};

/// Rows and columns of the network's images.
const SIZE: (usize, usize) = (120, 208);

/// Chains of a multiplication and an addition that do not wait for each other.
const CHAINS: usize = 12;

#[inline(always)]
fn chains<const LANES: usize>(n: usize) -> f32 {
    let mut a = [[1.0f32; LANES]; CHAINS];
    let (by, plus) = (black_box([0.999f32; LANES]), black_box([0.001f32; LANES]));
    for _ in 0..n {
        for a in &mut a {
            for i in 0..LANES {
                a[i] = a[i] * by[i] + plus[i];
            }
        }
    }
    a.iter().flatten().sum()
}

#[cfg(target_arch = "x86_64")]
mod wide {
    #[target_feature(enable = "avx2")]
    pub fn eight(n: usize) -> f32 {
        super::chains::<8>(n)
    }

    #[target_feature(enable = "avx512f")]
    pub fn sixteen(n: usize) -> f32 {
        super::chains::<16>(n)
    }
}

/// Floating-point operations of one core in a second, in 10^9, of multiplications and additions in registers.
fn peak() -> f64 {
    const N: usize = 20_000_000;
    let time = |lanes: usize, f: &dyn Fn(usize) -> f32| {
        let each = (0..5).map(|_| {
            let start = Instant::now();
            black_box(f(black_box(N)));
            (2 * N * CHAINS * lanes) as f64 / start.elapsed().as_secs_f64() / 1e9
        });
        each.fold(0.0, f64::max)
    };
    let mut best = time(4, &chains::<4>);
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the instructions are there.
            best = best.max(time(8, &|n| unsafe { wide::eight(n) }));
        }
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the instructions are there.
            best = best.max(time(16, &|n| unsafe { wide::sixteen(n) }));
        }
    }
    best
}

fn ramp(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect()
}

fn image(c: usize) -> Vec<f32> {
    ramp((SIZE.0 + 2) * (SIZE.1 + 2) * c)
}

/// A layer of the network.
#[derive(Clone, Copy)]
enum Layer {
    Conv(Conv2d),
    Depthwise(usize),
    Swish(usize),
}

impl Layer {
    fn name(self) -> String {
        match self {
            Self::Conv(s) => format!("conv {0}x{0} {1} to {2}", s.k, s.cin, s.cout),
            Self::Depthwise(c) => format!("depthwise 3x3 of {c}"),
            Self::Swish(c) => format!("hard swish of {c}"),
        }
    }

    /// Multiply-adds of a pixel; the activation has about two and a half.
    fn macs(self) -> usize {
        match self {
            Self::Conv(s) => s.weights(),
            Self::Depthwise(c) => 9 * c,
            Self::Swish(c) => 5 * c / 2,
        }
    }
}

/// The layers of the default network of `width` channels for 4:2:0, and how often each is there.
fn layers(width: usize) -> Vec<(Layer, usize)> {
    let conv = |k, cin, xs, cout| Layer::Conv(Conv2d { k, cin, xs, cout });
    vec![
        (conv(3, 12, 16, width), 1),
        (Layer::Depthwise(width), 3),
        (conv(1, width, width, 2 * width), 3),
        (Layer::Swish(2 * width), 3),
        (conv(1, 2 * width, 2 * width, width), 3),
        (conv(3, width, width, 8), 1),
    ]
}

/// Multiply-adds of the network for one luma sample.
fn macs_a_sample(width: usize) -> f64 {
    let all = layers(width);
    all.iter().map(|(l, n)| l.macs() * n).sum::<usize>() as f64 / 4.0
}

/// Runs a layer forward once, and then in learning.
fn ours(layer: Layer) -> (impl FnMut(), impl FnMut()) {
    let k = Kernels::best();
    let (h, w) = SIZE;
    let (xs, ys, n) = match layer {
        Layer::Conv(s) => (s.xs, s.cout, s.weights()),
        Layer::Depthwise(c) => (c, c, 9 * c),
        Layer::Swish(c) => (c, c, 0),
    };
    let (x, g, wt, b) = (image(xs), image(ys), ramp(n), ramp(ys));
    let forward = move |y: &mut [f32], x: &[f32], wt: &[f32], b: &[f32]| match layer {
        Layer::Conv(s) => k.conv2d(&s, h, w, x, wt, b, y).unwrap(),
        Layer::Depthwise(_) => k.depthwise2d(h, w, x, wt, b, y).unwrap(),
        Layer::Swish(_) => k.hard_swish(x, y).unwrap(),
    };
    let (x1, wt1, b1, mut y1) = (x.clone(), wt.clone(), b.clone(), vec![0.0; g.len()]);
    let first = move || forward(black_box(&mut y1), &x1, &wt1, &b1);
    let (mut y, mut dx) = (vec![0.0; g.len()], vec![0.0; x.len()]);
    let (mut dw, mut db, zeros) = (wt.clone(), b.clone(), vec![0.0; xs]);
    let learn = move || {
        forward(black_box(&mut y), &x, &wt, &b);
        match layer {
            Layer::Conv(s) => {
                k.conv2d_grad(&s, h, w, &x, &g, &mut dw, &mut db).unwrap();
                // The turned weights, with as many outputs as there are inputs in memory.
                let taps = s.k * s.k;
                let mut turned = vec![0.0; taps * s.cout * s.xs];
                for t in 0..taps {
                    for i in 0..s.cin {
                        for o in 0..s.cout {
                            let at = ((taps - 1 - t) * s.cout + o) * s.xs + i;
                            turned[at] = wt[(t * s.cin + i) * s.cout + o];
                        }
                    }
                }
                let back = Conv2d {
                    k: s.k,
                    cin: s.cout,
                    xs: s.cout,
                    cout: s.xs,
                };
                k.conv2d(&back, h, w, &g, &turned, &zeros, &mut dx).unwrap();
            }
            Layer::Depthwise(c) => {
                k.depthwise2d_grad(h, w, &x, &g, &mut dw, &mut db).unwrap();
                let turned: Vec<f32> = wt.rchunks_exact(c).flatten().copied().collect();
                k.depthwise2d(h, w, &g, &turned, &zeros, &mut dx).unwrap();
            }
            Layer::Swish(_) => {
                dx.copy_from_slice(&g);
                k.hard_swish_grad(&x, &mut dx).unwrap();
            }
        }
        black_box(&dx);
    };
    (first, learn)
}

fn network(c: &mut Criterion) {
    println!("floor: {:.1} G operations a second in registers", peak());
    for width in [8, 16] {
        for (layer, _) in layers(width) {
            let mut group = c.benchmark_group(layer.name());
            let work = (2 * SIZE.0 * SIZE.1 * layer.macs()) as u64;
            group.sample_size(20);
            let (mut forward, mut learn) = ours(layer);
            group.throughput(Throughput::Elements(work));
            group.bench_function("forward", |b| b.iter(&mut forward));
            group.throughput(Throughput::Elements(3 * work));
            group.bench_function("learn", |b| b.iter(&mut learn));
            group.finish();
        }
    }
}

fn decoding(c: &mut Criterion) {
    const FRAMES: usize = 17;
    let peak = peak();
    for (w, h) in [(416, 240), (640, 360)] {
        let x = clip(Kind::Texture, format(w, h, Chroma::C420, 8), FRAMES, 1);
        for effort in [Effort::Fast, Effort::Medium] {
            let mut ctl = Control {
                effort,
                ..Control::default()
            };
            let goal = ChunkGoal::Bytes(u64::from(w * h) / 2);
            let (payload, _) = encode(&x, goal, &mut ctl).unwrap();
            // Mode, then the width in eighths.
            let width = usize::from(payload[1]) * 8;
            let macs = if width > 0 { macs_a_sample(width) } else { 0.0 };
            let floor = 2.0 * macs * f64::from(w * h) / (peak * 1e9);
            println!(
                "{w} x {h}, {FRAMES} frames in {} bytes: network of {width} channels, \
                 {macs:.0} multiply-adds a luma sample, floor {:.2} ms a frame",
                payload.len(),
                floor * 1e3
            );
            if effort == Effort::Medium && width == 0 {
                println!("no network was worth its bytes here");
            }
            let mut group = c.benchmark_group(format!("decode {w} x {h}"));
            group
                .sample_size(10)
                .throughput(Throughput::Elements(FRAMES as u64));
            let id = if width > 0 {
                "with a network"
            } else {
                "without"
            };
            group.bench_function(BenchmarkId::from_parameter(id), |b| {
                b.iter(|| decode(black_box(&payload), &head(&x), &mut Budget::default()).unwrap());
            });
            group.finish();
        }
    }
}

fn main() {
    // One core: whatever would share its work out finds one thread.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    pool.install(|| {
        let mut c = Criterion::default().configure_from_args();
        network(&mut c);
        decoding(&mut c);
        c.final_summary();
    });
}
