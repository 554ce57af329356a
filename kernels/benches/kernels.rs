//! How many multiply-adds (or elements) per second does each kernel reach, at each SIMD level?
//!
//! `linear`, `matvec` and `depthwise` count multiply-adds: criterion's Gelem/s is 10^9 multiply-adds a second. Their
//! floor is a loop of independent multiplications and additions in registers: on Zen 4 two 256-bit vectors of each per
//! cycle, 16 multiply-adds, measured as 59 Gelem/s on one core at 3.7 GHz. `matvec` reads each weight once, so its floor
//! is the bandwidth of the cache that holds them. The rest count elements (`rfft`: points; `resample`: input samples).

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nc_kernels::{Conv2d, Kernels, Level, PackedLinear, Padding, Resampler, Rfft};
use std::hint::black_box;

fn ramp(n: usize) -> Vec<f32> {
    (0..n).map(|i| (i % 101) as f32 / 50.0 - 1.0).collect()
}

fn each_level(c: &mut Criterion, group: &str, work: usize, mut run: impl FnMut(Kernels)) {
    let mut g = c.benchmark_group(group);
    g.throughput(Throughput::Elements(work as u64));
    for &level in Level::available() {
        let Ok(k) = Kernels::new(level) else { continue };
        g.bench_function(BenchmarkId::from_parameter(level), |b| b.iter(|| run(k)));
    }
    g.finish();
}

fn linear(c: &mut Criterion, group: &str, t: usize, k: usize, out: usize) {
    let Ok(w) = PackedLinear::new(&ramp(out * k), Some(&ramp(out)), out, k) else {
        return;
    };
    let (x, mut y) = (ramp(t * k), vec![0f32; t * out]);
    each_level(c, group, t * k * out, |kern| {
        let _ = black_box(kern.linear(&w, black_box(&x), &mut y));
    });
}

fn conv2d(c: &mut Criterion, k: usize, cin: usize, cout: usize) {
    let (h, w) = (120, 208);
    let s = Conv2d {
        k,
        cin,
        xs: cin,
        cout,
    };
    let (x, wt, bias) = (ramp((h + 2) * (w + 2) * cin), ramp(s.weights()), ramp(cout));
    let mut y = vec![0f32; (h + 2) * (w + 2) * cout];
    let work = h * w * s.weights();
    each_level(c, &format!("conv {k}x{k} {cin} to {cout}"), work, |kern| {
        let _ = black_box(kern.conv2d(&s, h, w, black_box(&x), &wt, &bias, &mut y));
    });
    let (mut dw, mut db) = (wt.clone(), bias.clone());
    each_level(
        c,
        &format!("conv {k}x{k} {cin} to {cout}, gradient of weights"),
        work,
        |kern| {
            let _ = black_box(kern.conv2d_grad(&s, h, w, black_box(&x), &y, &mut dw, &mut db));
        },
    );
}

fn kernels(c: &mut Criterion) {
    for (k, cin, cout) in [
        (1, 16, 32),
        (1, 32, 16),
        (3, 8, 16),
        (3, 16, 8),
        (3, 16, 16),
        (1, 24, 64),
    ] {
        conv2d(c, k, cin, cout);
    }
    linear(c, "linear 96x256x768", 96, 256, 768);
    linear(c, "linear 500x256x768", 500, 256, 768);
    linear(c, "linear 500x768x256", 500, 768, 256);
    linear(c, "linear 64x256x768", 64, 256, 768);
    linear(c, "matvec 1x256x768", 1, 256, 768);
    linear(c, "matvec 1x256x1024", 1, 256, 1024);

    let (t, ch, taps) = (500, 256, 7);
    let (x, w, b) = (ramp(t * ch), ramp(taps * ch), ramp(ch));
    let mut y = vec![0f32; t * ch];
    each_level(c, "depthwise 500x256x7", t * ch * taps, |k| {
        let _ = black_box(k.depthwise_conv1d(black_box(&x), &w, &b, Padding::Same, &mut y));
    });
    let mut z = x.clone();
    let (one, zero) = (vec![1f32; ch], vec![0f32; ch]);
    each_level(c, "layer_norm 500x256", t * ch, |k| {
        let _ = black_box(k.layer_norm(black_box(&mut z), &one, &zero, 1e-6));
    });
    let mut z = x.clone();
    each_level(c, "quick_gelu 128000", z.len(), |k| {
        z.copy_from_slice(&x);
        k.quick_gelu(black_box(&mut z));
    });
    let logits = ramp(1024);
    let mut cdf = vec![0u32; 1025];
    each_level(c, "softmax_cdf 1024", 1024, |k| {
        let _ = black_box(k.softmax_cdf(black_box(&logits), &mut cdf, 24));
    });
    if let Ok(plan) = Resampler::new(44_100, 16_000) {
        let x = ramp(44_100);
        let mut y = vec![0f32; 16_000];
        each_level(c, "resample 44100 to 16000", x.len(), |k| {
            plan.resample(&k, black_box(&x), 0, 0, &mut y);
        });
    }
}

fn rfft(c: &mut Criterion) {
    let mut g = c.benchmark_group("rfft");
    for n in [320, 512, 640, 1024] {
        let Ok(fft) = Rfft::new(n) else { continue };
        let x = ramp(n);
        let (mut re, mut im) = (vec![0f32; n / 2 + 1], vec![0f32; n / 2 + 1]);
        g.throughput(Throughput::Elements(n as u64));
        g.bench_function(BenchmarkId::from_parameter(n), |b| {
            b.iter(|| black_box(fft.forward(black_box(&x), &mut re, &mut im)));
        });
    }
    g.finish();
}

criterion_group!(benches, kernels, rfft);
criterion_main!(benches);
