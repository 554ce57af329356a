//! Layers over images: against plain loops, and the same bits at every level.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::float_cmp)]

use nc_kernels::{Conv2d, Kernels, Level};

fn noise(n: usize, seed: u32) -> Vec<f32> {
    (0..n as u32)
        .map(|i| {
            let x = i.wrapping_add(seed).wrapping_mul(2_654_435_761);
            (x >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// An image with a zero border.
fn image(h: usize, w: usize, c: usize, seed: u32) -> Vec<f32> {
    let inner = noise(h * w * c, seed);
    let mut out = vec![0.0; (h + 2) * (w + 2) * c];
    for y in 0..h {
        let at = ((y + 1) * (w + 2) + 1) * c;
        out[at..at + w * c].copy_from_slice(&inner[y * w * c..(y + 1) * w * c]);
    }
    out
}

fn at(w: usize, c: usize, y: usize, x: usize) -> usize {
    (y * (w + 2) + x) * c
}

const SHAPES: [(usize, usize, Conv2d); 6] = [
    (1, 1, conv(3, 1, 8, 8)),
    (5, 13, conv(3, 7, 8, 16)),
    (4, 6, conv(1, 16, 16, 32)),
    (3, 19, conv(1, 24, 24, 8)),
    (2, 7, conv(3, 12, 16, 24)),
    (6, 8, conv(3, 8, 8, 40)),
];

const fn conv(k: usize, cin: usize, xs: usize, cout: usize) -> Conv2d {
    Conv2d { k, cin, xs, cout }
}

#[test]
fn convolution_is_what_its_formula_says_at_every_level() {
    for (h, w, s) in SHAPES {
        let (x, wt, b) = (
            image(h, w, s.xs, 1),
            noise(s.weights(), 2),
            noise(s.cout, 3),
        );
        let mut want = vec![0.0; (h + 2) * (w + 2) * s.cout];
        let back = (s.k - 1) / 2;
        for y in 0..h {
            for xx in 0..w {
                for o in 0..s.cout {
                    let mut a = b[o];
                    for ky in 0..s.k {
                        for kx in 0..s.k {
                            for i in 0..s.cin {
                                let v = x[at(w, s.xs, y + 1 + ky - back, xx + 1 + kx - back) + i];
                                a += v * wt[((ky * s.k + kx) * s.cin + i) * s.cout + o];
                            }
                        }
                    }
                    want[at(w, s.cout, y + 1, xx + 1) + o] = a;
                }
            }
        }
        for &level in Level::available() {
            let k = Kernels::new(level).unwrap();
            let mut y = vec![0.0; want.len()];
            k.conv2d(&s, h, w, &x, &wt, &b, &mut y).unwrap();
            assert_eq!(y, want, "{level} {s:?}");
        }
    }
}

#[test]
fn gradients_of_weights_are_sums_over_pixels_at_every_level() {
    for (h, w, s) in SHAPES {
        let (x, g) = (image(h, w, s.xs, 4), image(h, w, s.cout, 5));
        let (mut want, mut bias) = (noise(s.weights(), 6), noise(s.cout, 7));
        let back = (s.k - 1) / 2;
        for y in 0..h {
            for xx in 0..w {
                for o in 0..s.cout {
                    let d = g[at(w, s.cout, y + 1, xx + 1) + o];
                    bias[o] += d;
                    for ky in 0..s.k {
                        for kx in 0..s.k {
                            for i in 0..s.cin {
                                let v = x[at(w, s.xs, y + 1 + ky - back, xx + 1 + kx - back) + i];
                                want[((ky * s.k + kx) * s.cin + i) * s.cout + o] += v * d;
                            }
                        }
                    }
                }
            }
        }
        for &level in Level::available() {
            let k = Kernels::new(level).unwrap();
            let (mut dw, mut db) = (noise(s.weights(), 6), noise(s.cout, 7));
            k.conv2d_grad(&s, h, w, &x, &g, &mut dw, &mut db).unwrap();
            assert_eq!(dw, want, "{level} {s:?}");
            assert_eq!(db, bias, "{level} {s:?}");
        }
    }
}

#[test]
fn depthwise_and_its_gradients_at_every_level() {
    for (h, w, c) in [(1, 1, 8), (4, 7, 16), (5, 6, 24)] {
        let (x, wt, b, g) = (
            image(h, w, c, 1),
            noise(9 * c, 2),
            noise(c, 3),
            image(h, w, c, 4),
        );
        let mut want = vec![0.0; x.len()];
        let (mut dw, mut db) = (vec![0.0; 9 * c], vec![0.0; c]);
        for y in 0..h {
            for xx in 0..w {
                for o in 0..c {
                    let out = at(w, c, y + 1, xx + 1) + o;
                    let mut a = b[o];
                    db[o] += g[out];
                    for t in 0..9 {
                        let v = x[at(w, c, y + t / 3, xx + t % 3) + o];
                        a += v * wt[t * c + o];
                        dw[t * c + o] += v * g[out];
                    }
                    want[out] = a;
                }
            }
        }
        for &level in Level::available() {
            let k = Kernels::new(level).unwrap();
            let mut y = vec![0.0; x.len()];
            k.depthwise2d(h, w, &x, &wt, &b, &mut y).unwrap();
            assert_eq!(y, want, "{level}");
            let (mut gw, mut gb) = (vec![0.0; 9 * c], vec![0.0; c]);
            k.depthwise2d_grad(h, w, &x, &g, &mut gw, &mut gb).unwrap();
            assert_eq!((gw, gb), (dw.clone(), db.clone()), "{level}");
        }
    }
}

#[test]
fn hard_swish_and_its_derivative_at_every_level() {
    let x: Vec<f32> = (-40..40).map(|i| i as f32 * 0.15).collect();
    let first: Vec<f32> = x
        .iter()
        .map(|v| v * (v + 3.0).clamp(0.0, 6.0) * (1.0 / 6.0))
        .collect();
    for &level in Level::available() {
        let k = Kernels::new(level).unwrap();
        let mut y = vec![0.0; x.len()];
        k.hard_swish(&x, &mut y).unwrap();
        assert_eq!(y, first, "{level}");
        let mut g = vec![1.0; x.len()];
        k.hard_swish_grad(&x, &mut g).unwrap();
        for (x, g) in x.iter().zip(g) {
            let want = match *x {
                x if x < -3.0 => 0.0,
                x if x > 3.0 => 1.0,
                x => (2.0 * x + 3.0) / 6.0,
            };
            assert!((g - want).abs() < 1e-6, "{level} {x} {g}");
        }
    }
}

#[test]
fn wrong_sizes_are_refused() {
    let k = Kernels::best();
    let s = conv(3, 8, 8, 8);
    let (x, wt, b, mut y) = (
        image(2, 2, 8, 1),
        noise(s.weights(), 2),
        noise(8, 3),
        vec![0.0; 128],
    );
    assert!(k.conv2d(&s, 2, 2, &x, &wt, &b, &mut y).is_ok());
    assert!(k.conv2d(&s, 2, 3, &x, &wt, &b, &mut y).is_err());
    assert!(k.conv2d(&s, usize::MAX, 2, &x, &wt, &b, &mut y).is_err());
    assert!(
        k.conv2d(&conv(5, 8, 8, 8), 2, 2, &x, &wt, &b, &mut y)
            .is_err()
    );
    assert!(
        k.conv2d(&conv(3, 9, 8, 8), 2, 2, &x, &wt, &b, &mut y)
            .is_err()
    );
    assert!(
        k.conv2d(&conv(3, 8, 8, 12), 2, 2, &x, &wt, &b, &mut y)
            .is_err()
    );
    assert!(k.depthwise2d(2, 2, &x, &wt[..71], &b, &mut y).is_err());
    assert!(k.hard_swish(&x[..12], &mut y[..12]).is_err());
}

#[test]
fn modulation_is_what_its_formula_says_at_every_level() {
    for (pixels, c) in [(0, 8), (1, 8), (7, 16), (5, 24)] {
        let (x, t) = (noise(pixels * c, 7), noise(pixels * c, 8));
        let (g, b) = (noise(c, 9), noise(c, 10));
        let expected: Vec<f32> = (0..pixels * c)
            .map(|i| x[i] + (t[i] * g[i % c] + b[i % c]))
            .collect();
        for &level in Level::available() {
            let mut y = vec![0.0; pixels * c];
            let k = Kernels::new(level).unwrap();
            k.modulate(&x, &t, &g, &b, &mut y).unwrap();
            assert_eq!(y, expected, "{level}");
        }
    }
    let k = Kernels::best();
    assert!(
        k.modulate(&[0.0; 12], &[0.0; 12], &[0.0; 8], &[0.0; 8], &mut [0.0; 12])
            .is_err()
    );
    assert!(
        k.modulate(&[0.0; 8], &[0.0; 16], &[0.0; 8], &[0.0; 8], &mut [0.0; 8])
            .is_err()
    );
}
