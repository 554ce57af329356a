//! Every kernel gives the same bits at every SIMD level, equals its definition written as plain loops, and is close
//! to the f64 result.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod common;

use common::{Rng, bits, kernels};
use nc_kernels::{KernelError, Kernels, Level, PackedLinear, Padding};

/// FNV-1a over the bits.
fn hash(x: &[f32]) -> u64 {
    bits(x)
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[test]
fn linear_is_its_definition() {
    let mut r = Rng(1);
    for (t, k, out) in [
        (1, 1, 1),
        (1, 7, 33),
        (1, 256, 300),
        (2, 5, 32),
        (3, 17, 31),
        (5, 64, 65),
        (11, 33, 100),
        (12, 20, 64),
        (13, 9, 129),
        (97, 40, 70),
        (203, 31, 1),
        (0, 3, 4),
    ] {
        let (x, w, b) = (r.vec(t * k, 1.0), r.vec(out * k, 1.0), r.vec(out, 1.0));
        for bias in [None, Some(b.as_slice())] {
            let packed = PackedLinear::new(&w, bias, out, k).unwrap();
            let mut want = vec![0f32; t * out];
            for i in 0..t {
                for o in 0..out {
                    let mut a = 0f32;
                    for j in 0..k {
                        a += x[i * k + j] * w[o * k + j];
                    }
                    want[i * out + o] = a + bias.map_or(0.0, |b| b[o]);
                }
            }
            for kern in kernels() {
                let mut y = vec![f32::NAN; t * out];
                kern.linear(&packed, &x, &mut y).unwrap();
                assert_eq!(bits(&y), bits(&want), "{} {t}x{k}x{out}", kern.level());
            }
        }
    }
}

#[test]
fn depthwise_is_its_definition() {
    let mut r = Rng(2);
    for (t, c, k) in [
        (1, 1, 1),
        (1, 16, 7),
        (2, 5, 7),
        (9, 33, 3),
        (50, 100, 7),
        (4, 8, 9),
        (20, 48, 1),
        (0, 4, 3),
    ] {
        let (x, w, b) = (r.vec(t * c, 1.0), r.vec(k * c, 1.0), r.vec(c, 1.0));
        for pad in [Padding::Same, Padding::Causal, Padding::Valid] {
            let (left, ty) = match pad {
                Padding::Same => ((k - 1) / 2, t),
                Padding::Causal => (k - 1, t),
                Padding::Valid => (0, (t + 1).saturating_sub(k)),
            };
            let mut want = vec![0f32; ty * c];
            for i in 0..ty {
                for j in 0..c {
                    let mut a = 0f32;
                    for tap in 0..k {
                        let at = i + tap;
                        if at >= left && at - left < t {
                            a += x[(at - left) * c + j] * w[tap * c + j];
                        }
                    }
                    want[i * c + j] = a + b[j];
                }
            }
            for kern in kernels() {
                let mut y = vec![f32::NAN; ty * c];
                kern.depthwise_conv1d(&x, &w, &b, pad, &mut y).unwrap();
                assert_eq!(
                    bits(&y),
                    bits(&want),
                    "{} {t} {c} {k} {pad:?}",
                    kern.level()
                );
            }
        }
    }
}

#[test]
fn depthwise_in_pieces_is_the_whole() {
    let mut r = Rng(3);
    let (t, c, k) = (40, 24, 7);
    let (x, w, b) = (r.vec(t * c, 1.0), r.vec(k * c, 1.0), r.vec(c, 1.0));
    let kern = Kernels::best();
    let mut whole = vec![0f32; t * c];
    kern.depthwise_conv1d(&x, &w, &b, Padding::Causal, &mut whole)
        .unwrap();
    let mut line = vec![0f32; (k - 1) * c];
    let mut pieces = Vec::new();
    for piece in x.chunks(11 * c) {
        line.extend_from_slice(piece);
        let mut y = vec![0f32; piece.len()];
        kern.depthwise_conv1d(&line, &w, &b, Padding::Valid, &mut y)
            .unwrap();
        pieces.extend(y);
        line.drain(..line.len() - (k - 1) * c);
    }
    assert_eq!(bits(&whole), bits(&pieces));
}

#[test]
fn layer_norm_is_close_and_equal() {
    let mut r = Rng(4);
    for (t, c) in [
        (1, 1),
        (3, 5),
        (7, 16),
        (2, 17),
        (20, 100),
        (5, 256),
        (3, 511),
    ] {
        let mut x0 = r.vec(t * c, 3.0);
        x0.iter_mut().for_each(|v| *v += 1.0);
        let (g, b) = (r.vec(c, 1.0), r.vec(c, 1.0));
        let mut first: Option<Vec<f32>> = None;
        for kern in kernels() {
            let mut x = x0.clone();
            kern.layer_norm(&mut x, &g, &b, 1e-6).unwrap();
            if let Some(f) = &first {
                assert_eq!(bits(&x), bits(f), "{} {t}x{c}", kern.level());
            } else {
                for (row, orig) in x.chunks(c).zip(x0.chunks(c)) {
                    let m = orig.iter().map(|v| f64::from(*v)).sum::<f64>() / c as f64;
                    let var = orig
                        .iter()
                        .map(|v| (f64::from(*v) - m).powi(2))
                        .sum::<f64>()
                        / c as f64;
                    for i in 0..c {
                        let want = (f64::from(orig[i]) - m) / (var + 1e-6).sqrt() * f64::from(g[i])
                            + f64::from(b[i]);
                        if c > 1 {
                            assert!((f64::from(row[i]) - want).abs() < 2e-6, "{} {want}", row[i]);
                        }
                    }
                }
                first = Some(x);
            }
        }
    }
}

#[test]
fn scale_add_and_dot_are_equal() {
    let mut r = Rng(5);
    for (t, c) in [(1, 1), (3, 5), (4, 16), (9, 37), (2, 256)] {
        let (x0, y, g) = (r.vec(t * c, 1.0), r.vec(t * c, 1.0), r.vec(c, 1.0));
        let want: Vec<f32> = (0..t * c).map(|i| x0[i] + g[i % c] * y[i]).collect();
        let exact: f64 = x0
            .iter()
            .zip(&y)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum();
        let dot = Kernels::new(Level::Scalar).unwrap().dot(&x0, &y).unwrap();
        assert!((f64::from(dot) - exact).abs() < 1e-5);
        for kern in kernels() {
            let mut x = x0.clone();
            kern.residual_scale_add(&mut x, &y, &g).unwrap();
            assert_eq!(bits(&x), bits(&want));
            assert_eq!(kern.dot(&x0, &y).unwrap().to_bits(), dot.to_bits());
        }
    }
}

type Op = fn(&Kernels, &mut [f32]);

/// Error of `op` against `exact` in units in the last place of the exact result; the worst over a dense sweep.
fn worst(op: Op, exact: fn(f64) -> f64, lo: f32, hi: f32) -> (f64, f64) {
    let n = 400_003;
    let x: Vec<f32> = (0..n)
        .map(|i| lo + (hi - lo) * (i as f32 / n as f32))
        .collect();
    let mut first: Option<Vec<f32>> = None;
    for kern in kernels() {
        let mut y = x.clone();
        op(&kern, &mut y);
        if let Some(f) = &first {
            assert_eq!(bits(&y), bits(f), "{}", kern.level());
        } else {
            first = Some(y);
        }
    }
    let (mut ulp, mut abs) = (0f64, 0f64);
    for (x, y) in x.iter().zip(first.unwrap()) {
        let e = exact(f64::from(*x));
        let d = (f64::from(y) - e).abs();
        let near = (e.abs() as f32).max(f32::MIN_POSITIVE);
        let unit = f64::from(f32::from_bits(near.to_bits() + 1)) - f64::from(near);
        ulp = ulp.max(d / unit);
        abs = abs.max(d);
    }
    (ulp, abs)
}

#[test]
fn elementwise_is_accurate() {
    fn sig(x: f64) -> f64 {
        1.0 / (1.0 + (-x).exp())
    }
    type Row = (&'static str, Op, fn(f64) -> f64, f32, f32, f64);
    let ulps: [Row; 12] = [
        ("exp", Kernels::exp, f64::exp, -87.2, 88.72, 1.5),
        ("exp", Kernels::exp, f64::exp, -1.0, 1.0, 1.5),
        ("ln", Kernels::ln, f64::ln, 1e-3, 10.0, 1.5),
        ("ln", Kernels::ln, f64::ln, 10.0, 1e30, 1.5),
        ("ln", Kernels::ln, f64::ln, 1e-44, 1e-37, 1.5),
        ("tanh", Kernels::tanh, f64::tanh, -1.0, 1.0, 2.5),
        ("tanh", Kernels::tanh, f64::tanh, -20.0, 20.0, 2.5),
        ("sigmoid", Kernels::sigmoid, sig, -87.0, 30.0, 3.0),
        ("silu", Kernels::silu, |x| x * sig(x), -80.0, 80.0, 4.0),
        ("sin near 0", Kernels::sin, f64::sin, -0.78, 0.78, 1.5),
        (
            "quick_gelu",
            Kernels::quick_gelu,
            |x| x * sig(1.702 * x),
            -1.0,
            10.0,
            6.0,
        ),
        ("ln near 1", Kernels::ln, f64::ln, 0.9, 1.1, 1.5),
    ];
    for (name, op, exact, lo, hi, limit) in ulps {
        let (ulp, _) = worst(op, exact, lo, hi);
        println!("{name} [{lo}, {hi}]: {ulp:.2} ulp");
        assert!(ulp <= limit, "{name} on [{lo}, {hi}]: {ulp} ulp");
    }
    for (name, op, exact) in [
        ("sin", Kernels::sin as Op, f64::sin as fn(f64) -> f64),
        ("cos", Kernels::cos, f64::cos),
    ] {
        for range in [4.0, 100.0, 12_000.0] {
            let (_, abs) = worst(op, exact, -range, range);
            println!("{name} [{range}]: {abs:e}");
            assert!(abs < 1.2e-7, "{name} up to {range}: {abs:e}");
        }
    }
}

#[test]
fn elementwise_special_values() {
    let x = [
        0.0,
        -0.0,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
        1e-45,
        -1e-45,
        f32::MAX,
        f32::MIN,
        88.722_83,
        88.722_84,
        -87.3,
        -87.4,
        f32::from_bits(0x7f80_0001),
        f32::from_bits(0xffff_ffff),
        1.0,
        12_000.0,
        12_001.0,
        0.5,
    ];
    let ops: [Op; 8] = [
        Kernels::exp,
        Kernels::ln,
        Kernels::sin,
        Kernels::cos,
        Kernels::tanh,
        Kernels::sigmoid,
        Kernels::silu,
        Kernels::quick_gelu,
    ];
    for op in ops {
        let mut want = x.to_vec();
        op(&Kernels::new(Level::Scalar).unwrap(), &mut want);
        assert!(want[4].is_nan() && want[13].is_nan() && want[14].is_nan());
        for kern in kernels() {
            // Each length, so that the remainders of all widths are met.
            for n in 0..=x.len() {
                let mut y = x[..n].to_vec();
                op(&kern, &mut y);
                assert_eq!(bits(&y), bits(&want[..n]));
            }
        }
    }
    let of = |op: Op, v: f32| {
        let mut y = [v];
        op(&Kernels::best(), &mut y);
        y[0]
    };
    assert_eq!(of(Kernels::exp, 0.0), 1.0);
    assert_eq!(of(Kernels::exp, f32::NEG_INFINITY), 0.0);
    assert_eq!(of(Kernels::exp, f32::INFINITY), f32::INFINITY);
    assert!(of(Kernels::exp, 88.722_83).is_finite());
    assert_eq!(of(Kernels::exp, 88.722_84), f32::INFINITY);
    assert_eq!(of(Kernels::exp, -87.4), 0.0);
    assert_eq!(of(Kernels::ln, 1.0), 0.0);
    assert_eq!(of(Kernels::ln, 0.0), f32::NEG_INFINITY);
    assert_eq!(of(Kernels::ln, -0.0), f32::NEG_INFINITY);
    assert!(of(Kernels::ln, -1.0).is_nan());
    assert_eq!(of(Kernels::ln, f32::INFINITY), f32::INFINITY);
    assert_eq!(of(Kernels::tanh, f32::INFINITY), 1.0);
    assert_eq!(of(Kernels::tanh, f32::NEG_INFINITY), -1.0);
    assert_eq!(of(Kernels::sin, 0.0), 0.0);
    assert_eq!(of(Kernels::cos, 0.0), 1.0);
    assert!(of(Kernels::sin, 12_001.0).is_nan());
    assert_eq!(of(Kernels::quick_gelu, 0.0), 0.0);
}

#[test]
fn softmax_cdf_is_exact_and_equal() {
    let mut r = Rng(6);
    for n in [1usize, 2, 3, 8, 17, 256, 1000, 1024, 4096] {
        for bits in [12u32, 16, 24, 31] {
            for scale in [0.0, 1.0, 30.0, 1e30] {
                let mut l = r.vec(n, scale);
                if n > 8 {
                    l[3] = f32::NAN;
                    l[5] = f32::NEG_INFINITY;
                }
                let mut want = vec![0u32; n + 1];
                Kernels::new(Level::Scalar)
                    .unwrap()
                    .softmax_cdf(&l, &mut want, bits)
                    .unwrap();
                assert_eq!(want[0], 0);
                assert_eq!(want[n], 1 << bits);
                assert!(want.windows(2).all(|w| w[0] < w[1]));
                for kern in kernels() {
                    let mut out = vec![7u32; n + 1];
                    kern.softmax_cdf(&l, &mut out, bits).unwrap();
                    assert_eq!(out, want);
                }
                if scale == 1.0 && n <= 8 && bits >= 16 {
                    let sum: f64 = l.iter().map(|v| f64::from(*v).exp()).sum();
                    for (i, w) in want.windows(2).enumerate() {
                        let p = f64::from(w[1] - w[0]) / f64::from(1u32 << bits);
                        let e = f64::from(l[i]).exp() / sum;
                        assert!((p - e).abs() < 2.0 * n as f64 / f64::from(1u32 << bits) + 1e-6);
                    }
                }
            }
        }
    }
    let k = Kernels::best();
    let mut out = [0u32; 5];
    for bad in [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, 0.0] {
        k.softmax_cdf(&[bad; 4], &mut out, 8).unwrap();
        assert_eq!(out, [0, 64, 128, 192, 256]);
    }
    k.softmax_cdf(&[0.0, f32::INFINITY, 1e30, 0.0], &mut out, 8)
        .unwrap();
    assert_eq!(out, [0, 1, 254, 255, 256]);
    assert!(matches!(
        k.softmax_cdf(&[0.0; 4], &mut out, 1),
        Err(KernelError::Range { .. })
    ));
    assert!(matches!(
        k.softmax_cdf(&[0.0; 4], &mut out, 32),
        Err(KernelError::Range { .. })
    ));
    assert!(matches!(
        k.softmax_cdf(&[0.0; 3], &mut out, 8),
        Err(KernelError::Length { .. })
    ));
    assert!(k.softmax_cdf(&[], &mut [0], 8).is_err());
}

#[test]
fn wrong_shapes_are_errors() {
    let k = Kernels::best();
    let w = PackedLinear::new(&[1.0; 6], None, 2, 3).unwrap();
    let mut y = [0f32; 4];
    assert!(k.linear(&w, &[0.0; 5], &mut y).is_err());
    assert!(k.linear(&w, &[0.0; 3], &mut y).is_err());
    assert!(PackedLinear::new(&[1.0; 6], None, 4, 3).is_err());
    assert!(PackedLinear::new(&[1.0; 6], Some(&[0.0]), 2, 3).is_err());
    assert!(PackedLinear::new(&[], None, 0, 3).is_err());
    assert!(PackedLinear::new(&[], None, 3, 0).is_err());
    assert!(PackedLinear::new(&[], None, usize::MAX, usize::MAX).is_err());
    assert!(
        k.depthwise_conv1d(&[0.0; 4], &[0.0; 4], &[0.0; 2], Padding::Same, &mut y)
            .is_err()
    );
    assert!(
        k.depthwise_conv1d(&[0.0; 4], &[0.0; 6], &[], Padding::Same, &mut y)
            .is_err()
    );
    assert!(
        k.depthwise_conv1d(&[0.0; 4], &[], &[0.0; 2], Padding::Causal, &mut y)
            .is_err()
    );
    assert!(
        k.depthwise_conv1d(&[0.0; 2], &[0.0; 6], &[0.0; 2], Padding::Same, &mut y)
            .is_err()
    );
    assert!(k.layer_norm(&mut y, &[1.0; 3], &[0.0; 3], 1e-6).is_err());
    assert!(k.layer_norm(&mut y, &[1.0; 2], &[0.0; 3], 1e-6).is_err());
    assert!(k.layer_norm(&mut y, &[], &[], 1e-6).is_err());
    assert!(k.residual_scale_add(&mut y, &[0.0; 3], &[0.0; 2]).is_err());
    assert!(k.dot(&y, &[0.0; 3]).is_err());
}

/// The bits of fixed inputs through every kernel, as first computed on x86-64. Another architecture or compiler that
/// differs anywhere fails here.
#[test]
fn golden() {
    let mut r = Rng(8);
    let (t, c, h) = (37, 40, 72);
    let x = r.vec(t * c, 2.0);
    let (dw, db) = (r.vec(7 * c, 0.5), r.vec(c, 0.1));
    let (g, b) = (r.vec(c, 1.0), r.vec(c, 0.2));
    let up = PackedLinear::new(&r.vec(h * c, 0.3), Some(&r.vec(h, 0.1)), h, c).unwrap();
    let down = PackedLinear::new(&r.vec(h * c, 0.3), None, c, h).unwrap();
    let gamma = r.vec(c, 0.5);
    for kern in kernels() {
        let mut got = Vec::new();
        let mut y = vec![0f32; t * c];
        kern.depthwise_conv1d(&x, &dw, &db, Padding::Same, &mut y)
            .unwrap();
        got.push(hash(&y));
        kern.layer_norm(&mut y, &g, &b, 1e-6).unwrap();
        got.push(hash(&y));
        let mut z = vec![0f32; t * h];
        kern.linear(&up, &y, &mut z).unwrap();
        got.push(hash(&z));
        kern.quick_gelu(&mut z);
        got.push(hash(&z));
        kern.linear(&down, &z, &mut y).unwrap();
        let mut out = x.clone();
        kern.residual_scale_add(&mut out, &y, &gamma).unwrap();
        got.push(hash(&out));
        let ops: [Op; 7] = [
            Kernels::exp,
            Kernels::ln,
            Kernels::sin,
            Kernels::cos,
            Kernels::tanh,
            Kernels::sigmoid,
            Kernels::silu,
        ];
        for op in ops {
            let mut v: Vec<f32> = x.iter().map(|v| v * 7.0).collect();
            op(&kern, &mut v);
            got.push(hash(&v));
        }
        let mut cdf = vec![0u32; x.len() + 1];
        kern.softmax_cdf(&x, &mut cdf, 24).unwrap();
        got.push(hash(
            &cdf.iter().map(|v| f32::from_bits(*v)).collect::<Vec<_>>(),
        ));
        assert_eq!(got, GOLDEN, "{}: {got:#x?}", kern.level());
    }
}

const GOLDEN: [u64; 13] = [
    0x87904a3e4245b711,
    0x4e93210385e14bba,
    0x55b13c8467779c52,
    0x316842f9220b8a6b,
    0x35434b0b111a7542,
    0x1c5e7b1118e8ed6f,
    0xce889b671265b1e2,
    0xf495df5968013e42,
    0x333b89007ab93043,
    0x4fb0e24f91b88581,
    0xde54a0c4f5263d33,
    0xf7d7a8696e03ec10,
    0x780bdc2efe981ca,
];
