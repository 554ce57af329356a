//! Fourier transforms, short-time transforms and resampling against f64 references, at every SIMD level where one is
//! used, and by hash.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use nc_kernels::{Kernels, Level, Resampler, Rfft, Stft, hann, resample, resampled_len};
use std::f64::consts::TAU;

/// Reproducible noise in [-1, 1).
fn noise(n: usize, seed: u32) -> Vec<f32> {
    let mut s = seed;
    (0..n)
        .map(|_| {
            s = s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (s >> 8) as f32 / 8_388_608.0 - 1.0
        })
        .collect()
}

fn hash(x: &[f32]) -> u64 {
    x.iter()
        .flat_map(|v| v.to_bits().to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[test]
fn rfft_is_the_transform_and_has_its_inverse() {
    for n in [
        2, 4, 6, 8, 10, 12, 20, 30, 48, 64, 90, 250, 320, 512, 640, 960, 1024, 1200,
    ] {
        let fft = Rfft::new(n).unwrap();
        let x = noise(n, n as u32);
        let (mut re, mut im) = (vec![0f32; n / 2 + 1], vec![0f32; n / 2 + 1]);
        fft.forward(&x, &mut re, &mut im).unwrap();
        let tolerance = 3e-7 * (n as f64).sqrt() * 3.0;
        for k in 0..=n / 2 {
            let (mut a, mut b) = (0f64, 0f64);
            for (j, v) in x.iter().enumerate() {
                let w = TAU * ((j * k) % n) as f64 / n as f64;
                a += f64::from(*v) * w.cos();
                b -= f64::from(*v) * w.sin();
            }
            assert!(
                (a - f64::from(re[k])).abs() < tolerance,
                "{n} {k}: {a} {}",
                re[k]
            );
            assert!(
                (b - f64::from(im[k])).abs() < tolerance,
                "{n} {k}: {b} {}",
                im[k]
            );
        }
        let mut y = vec![0f32; n];
        fft.inverse(&re, &im, &mut y).unwrap();
        for (a, b) in x.iter().zip(&y) {
            assert!((a - b).abs() < 1e-6, "{n}");
        }
    }
    for n in [0, 1, 3, 7, 14, 22, (1 << 21)] {
        assert!(Rfft::new(n).is_err(), "{n}");
    }
    let fft = Rfft::new(8).unwrap();
    let (mut a, mut b) = ([0f32; 5], [0f32; 5]);
    assert!(fft.forward(&[0.0; 7], &mut a, &mut b).is_err());
    assert!(fft.forward(&[0.0; 8], &mut a[..4], &mut b).is_err());
    assert!(fft.inverse(&a, &b[..4], &mut [0.0; 8]).is_err());
}

#[test]
fn hann_is_hann() {
    let w = hann(640);
    for (k, v) in w.iter().enumerate() {
        let e = 0.5 - 0.5 * (TAU * k as f64 / 640.0).cos();
        assert!((f64::from(*v) - e).abs() < 1e-7);
    }
    assert_eq!(w[0], 0.0);
    assert_eq!(w[320], 1.0);
    assert!(hann(0).is_empty());
}

#[test]
fn stft_inverts_and_pieces_are_the_whole() {
    let (n, hop) = (640, 160);
    let stft = Stft::new(hann(n), hop).unwrap();
    let x = noise(5000, 1);
    let start = -((n - hop) as i64 / 2);
    let t = x.len().div_ceil(hop);
    let bins = stft.bins();
    let (mut re, mut im) = (vec![0f32; t * bins], vec![0f32; t * bins]);
    stft.analysis(&x, start, &mut re, &mut im).unwrap();
    let mut y = vec![0f32; x.len()];
    stft.synthesis(&re, &im, start, &mut y).unwrap();
    for (i, (a, b)) in x.iter().zip(&y).enumerate() {
        assert!((a - b).abs() < 2e-5, "{i}: {a} {b}");
    }
    // Frames 7.. alone, and samples 2000..3000 alone.
    let (mut r, mut m) = (vec![0f32; 5 * bins], vec![0f32; 5 * bins]);
    stft.analysis(&x, start + 7 * hop as i64, &mut r, &mut m)
        .unwrap();
    assert_eq!(r, re[7 * bins..12 * bins]);
    assert_eq!(m, im[7 * bins..12 * bins]);
    let mut z = vec![0f32; 1000];
    let first = 9; // Frame 9 starts at 1200 and reaches 1840; frame 10 and later reach into the piece.
    stft.synthesis(
        &re[first * bins..],
        &im[first * bins..],
        start + (first * hop) as i64 - 2000,
        &mut z,
    )
    .unwrap();
    assert_eq!(z, y[2000..3000]);

    assert!(Stft::new(hann(640), 0).is_err());
    assert!(Stft::new(hann(640), 641).is_err());
    assert!(Stft::new(vec![1.0; 7], 1).is_err());
    assert!(stft.analysis(&x, 0, &mut re[1..], &mut im[1..]).is_err());
    // Places far outside are silence, not a panic.
    stft.analysis(&x, i64::MAX, &mut re, &mut im).unwrap();
    assert!(re.iter().all(|v| *v == 0.0));
    stft.synthesis(&re, &im, i64::MIN, &mut y).unwrap();
    assert!(y.iter().all(|v| *v == 0.0));
}

/// Amplitude of the sine of frequency f in the middle of x, by least squares.
fn amplitude(x: &[f32], f: f64, rate: f64) -> f64 {
    let (a, b) = (x.len() / 4, x.len() * 3 / 4);
    let (mut c, mut s, mut w) = (0f64, 0f64, 0f64);
    for (i, v) in x[a..b].iter().enumerate() {
        let p = TAU * f * (i + a) as f64 / rate;
        let h = (std::f64::consts::PI * i as f64 / (b - a) as f64)
            .sin()
            .powi(2);
        c += f64::from(*v) * p.cos() * h;
        s += f64::from(*v) * p.sin() * h;
        w += 0.5 * h;
    }
    (c * c + s * s).sqrt() / w
}

fn rms(x: &[f32]) -> f64 {
    let m = &x[x.len() / 4..x.len() * 3 / 4];
    (m.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / m.len() as f64).sqrt()
}

fn sine(f: f64, rate: u32, n: usize) -> Vec<f32> {
    (0..n)
        .map(|i| (TAU * f * i as f64 / f64::from(rate)).sin() as f32)
        .collect()
}

#[test]
fn resampler_passes_and_stops() {
    for (from, to) in [
        (44_100, 16_000),
        (48_000, 16_000),
        (8_000, 16_000),
        (16_000, 44_100),
        (16_000, 48_000),
        (22_050, 16_000),
        (192_000, 16_000),
        (16_000, 8_000),
        (16_001, 16_000),
        (44_101, 16_000),
        (16_000, 191_999),
    ] {
        let low = f64::from(from.min(to));
        let n = from as usize / 4;
        let m = resampled_len(n as u64, from, to) as usize;
        let plan = Resampler::new(from, to).unwrap();
        let run = |f: f64| {
            let mut y = vec![0f32; m];
            plan.resample(&Kernels::best(), &sine(f, from, n), 0, 0, &mut y);
            y
        };
        for part in [0.01, 0.2, 0.4, 0.459] {
            let y = run(part * low);
            // The same sine, in place: no delay.
            let want = sine(part * low, to, m);
            let d: Vec<f32> = y.iter().zip(&want).map(|(a, b)| a - b).collect();
            assert!(rms(&d) < 1.5e-4, "{from} to {to}, {part}: {}", rms(&d));
            assert!((amplitude(&y, part * low, f64::from(to)) - 1.0).abs() < 2e-4);
        }
        if from > to {
            for part in [0.501, 0.6, 0.9] {
                let f = part * low;
                if f < f64::from(from) / 2.0 {
                    let r = rms(&run(f)) * 2f64.sqrt();
                    assert!(
                        r < 1e-4,
                        "{from} to {to}, {part}: {:.1} dB",
                        20.0 * r.log10()
                    );
                }
            }
        } else {
            // Images: what is left after the sine itself.
            let y = run(0.45 * low);
            let want = sine(0.45 * low, to, m);
            let d: Vec<f32> = y.iter().zip(&want).map(|(a, b)| a - b).collect();
            assert!(rms(&d) < 1e-4, "{from} to {to}: {}", rms(&d));
        }
    }
}

#[test]
fn resampler_is_equal_at_every_level_and_in_pieces() {
    let x = noise(7000, 3);
    for (from, to) in [
        (44_100, 16_000),
        (16_000, 44_100),
        (44_101, 16_000),
        (16_000, 16_000),
    ] {
        let m = resampled_len(x.len() as u64, from, to) as usize;
        let plan = Resampler::new(from, to).unwrap();
        let whole = resample(&x, from, to, m).unwrap();
        for &level in Level::available() {
            let mut y = vec![0f32; m];
            plan.resample(&Kernels::new(level).unwrap(), &x, 0, 0, &mut y);
            assert_eq!(hash(&y), hash(&whole), "{level}");
        }
        let mut pieces = Vec::new();
        for start in (0..m).step_by(777) {
            let end = (start + 777).min(m);
            let need = plan.input_range(start as u64..end as u64);
            let need = need.start as usize..(need.end as usize).min(x.len());
            let mut y = vec![0f32; end - start];
            plan.resample(
                &Kernels::best(),
                &x[need.clone()],
                need.start as u64,
                start as u64,
                &mut y,
            );
            pieces.extend(y);
        }
        assert_eq!(hash(&pieces), hash(&whole), "{from} to {to}");
        if from == to {
            assert_eq!(whole, x);
        }
    }
    assert!(Resampler::new(7_999, 16_000).is_err());
    assert!(Resampler::new(16_000, 192_001).is_err());
    assert!(Resampler::new(0, 0).is_err());
    assert_eq!(resample(&[], 44_100, 16_000, 3).unwrap(), [0.0; 3]);
    assert_eq!(resampled_len(441, 44_100, 16_000), 160);
    assert_eq!(resampled_len(1, 44_100, 16_000), 0);
    assert_eq!(resampled_len(5, 0, 1), 0);
    assert_eq!(resampled_len(u64::MAX, 1, u32::MAX), u64::MAX);
    // Any position: zeros, not a panic.
    let mut y = [1f32; 4];
    Resampler::new(44_100, 16_000).unwrap().resample(
        &Kernels::best(),
        &x,
        u64::MAX,
        u64::MAX,
        &mut y,
    );
    assert_eq!(y, [0.0; 4]);
}

/// The bits of fixed inputs, as first computed on x86-64.
#[test]
fn golden() {
    let mut got = Vec::new();
    got.push(hash(&hann(640)));
    let x = noise(4000, 9);
    for n in [320, 512, 640, 1200] {
        let fft = Rfft::new(n).unwrap();
        let (mut re, mut im) = (vec![0f32; n / 2 + 1], vec![0f32; n / 2 + 1]);
        fft.forward(&x[..n], &mut re, &mut im).unwrap();
        got.push(hash(&re) ^ hash(&im).rotate_left(1));
        let mut y = vec![0f32; n];
        fft.inverse(&re, &im, &mut y).unwrap();
        got.push(hash(&y));
    }
    for (from, to) in [(44_100, 16_000), (16_000, 44_100), (44_101, 16_000)] {
        let m = resampled_len(x.len() as u64, from, to) as usize;
        got.push(hash(&resample(&x, from, to, m).unwrap()));
    }
    assert_eq!(got, GOLDEN, "{got:#x?}");
}

const GOLDEN: [u64; 12] = [
    0x29b11f3405e8da28,
    0x7a86b0175a43d3d0,
    0xa7cb616d916c99de,
    0xc084ec4f9c59207e,
    0x515a0b769d20986f,
    0x37f49505da176ed9,
    0x3050f8436ce4e38c,
    0x5e7d257672c673b4,
    0x58c89c9db919d200,
    0x4886f8ba17084b9b,
    0x423320f41f7307c3,
    0x75807ed4ad2e061,
];
