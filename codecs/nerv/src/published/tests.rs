//! Tests of the published networks.
#![allow(clippy::unwrap_used)]

use nc_core::rng::Rng;
use nc_core::{Budget, Chroma, Colour, Control, Error, Threads, Video, VideoFormat};
use nc_kernels::{Kernels, Level};

use super::config::{Kind, Layout, Published};
use super::decode::{decode, decode_with};
use super::picture::{INPUTS, Picture, encode_time};
use super::train::{encode, quality_bytes, seconds};
use crate::backward::Grads;
use crate::graph::{Graph, Op, Shape};

const KINDS: [Kind; 3] = [Kind::Nerv, Kind::NervPlus, Kind::Cam];

const SMALL: VideoFormat = VideoFormat {
    width: 48,
    height: 40,
    rate: [25, 1],
    chroma: Chroma::C420,
    bits: 8,
    colour: Colour::Video,
    alpha: false,
};

/// A slope that moves.
fn clip(format: &VideoFormat, frames: usize) -> Vec<u16> {
    let mut out = Vec::new();
    let peak = f32::from(format.max());
    for t in 0..frames {
        for i in 0..format.planes() {
            let (w, h) = format.plane(i);
            for y in 0..h {
                for x in 0..w {
                    let at = (x as f32 / w as f32 + y as f32 / h as f32 + 0.06 * t as f32) * 3.0;
                    let v = 0.5 + 0.4 * (at + i as f32).sin();
                    out.push((v * peak) as u16);
                }
            }
        }
    }
    out
}

fn error(a: &[u16], b: &[u16]) -> f64 {
    let d = |(a, b): (&u16, &u16)| (f64::from(*a) - f64::from(*b)).powi(2);
    a.iter().zip(b).map(d).sum::<f64>() / a.len() as f64
}

/// Half the squared distance of the output from a fixed image, over the inside, and its gradient.
fn loss(s: Shape, out: &[f32], grad: Option<&mut [f32]>) -> f64 {
    let want = |i: usize| ((i * 37 % 101) as f32 - 50.0) / 60.0;
    let mut sum = 0.0;
    let mut none = Vec::new();
    let keep = grad.is_some();
    let grad = grad.unwrap_or(&mut none);
    for y in 0..s.h {
        for i in s.row(y)..s.row(y) + s.w * s.c {
            let d = out[i] - want(i);
            sum += 0.5 * f64::from(d) * f64::from(d);
            if keep {
                grad[i] = d;
            }
        }
    }
    sum
}

/// Compares the gradients of some parameters and inputs with finite differences.
fn check(g: &Graph, input: usize, output: usize, class: usize, seed: u64) {
    let k = Kernels::best();
    let mut rng = Rng::new(seed);
    let mut p: Vec<f32> = vec![0.0; g.weights()];
    for q in &g.params {
        for v in &mut p[q.at..q.at + q.len] {
            *v = q.mean + (q.std + 0.1) * rng.normal();
        }
    }
    let mut t = g.buffers(&mut Budget::default()).unwrap();
    let s = g.images[input];
    for y in 0..s.h {
        for v in &mut t[input][s.row(y)..s.row(y) + s.w * s.c] {
            *v = rng.normal();
        }
    }
    let run = |p: &[f32], t: &mut Vec<Vec<f32>>| {
        g.forward(&k, p, class, t).unwrap();
        loss(g.images[output], &t[output], None)
    };
    run(&p, &mut t);
    let mut d = Grads::new(g);
    // A second pass must not see what the first left.
    for _ in 0..2 {
        d.params.fill(0.0);
        loss(g.images[output], &t[output], Some(&mut d.images[output]));
        g.backward(&k, &p, class, &t, output, &mut d).unwrap();
    }
    let top = d
        .params
        .iter()
        .chain(&d.images[input])
        .fold(0.0f32, |a, v| a.max(v.abs()));
    let near = |want: f64, got: f32, what: &str| {
        let off = (want - f64::from(got)).abs();
        assert!(
            off < 0.02 * (want.abs() + 0.02 * f64::from(top)) + 1e-3,
            "{what}: {want} {got}"
        );
    };
    const H: f32 = 2e-3;
    for q in &g.params {
        for _ in 0..12.min(q.len) {
            let i = q.at + rng.below(q.len);
            let old = p[i];
            p[i] = old + H;
            let up = run(&p, &mut t);
            p[i] = old - H;
            let down = run(&p, &mut t);
            p[i] = old;
            near((up - down) / f64::from(2.0 * H), d.params[i], &q.name);
        }
    }
    for _ in 0..24 {
        let i = s.row(rng.below(s.h)) + rng.below(s.w * s.c);
        let old = t[input][i];
        t[input][i] = old + H;
        let up = run(&p, &mut t);
        t[input][i] = old - H;
        let down = run(&p, &mut t);
        t[input][i] = old;
        near(
            (up - down) / f64::from(2.0 * H),
            d.images[input][i],
            "input",
        );
    }
}

#[test]
fn gradients_of_each_operation_are_those_of_differences() {
    let image = |g: &mut Graph, s: [usize; 3]| g.image(s[0], s[1], s[2]);
    type Make = fn(usize, usize) -> Op;
    let cases: [([usize; 3], [usize; 3], Make); 6] = [
        ([3, 4, 8], [3, 4, 8], |x, y| Op::Gelu { x, y }),
        ([2, 3, 72], [6, 9, 8], |x, y| Op::Shuffle { x, y, r: 3 }),
        ([1, 1, 96], [3, 4, 8], |x, y| Op::Reshape { x, y }),
        ([3, 4, 8], [3, 4, 8], |x, y| Op::Normalise { x, y }),
        ([3, 4, 8], [6, 8, 8], |x, y| Op::Bilinear { x, y, r: 2 }),
        ([2, 1, 8], [6, 3, 8], |x, y| Op::Bilinear { x, y, r: 3 }),
    ];
    for (i, (from, to, make)) in cases.into_iter().enumerate() {
        let mut g = Graph::default();
        let x = image(&mut g, from);
        let y = image(&mut g, to);
        g.ops.push(make(x, y));
        // Another use of the same image: gradients must add up.
        let z = image(&mut g, to);
        g.ops.push(make(x, z));
        let sum = image(&mut g, to);
        g.ops.push(Op::Add { a: y, b: z, y: sum });
        check(&g, x, sum, 0, i as u64);
    }
    for (class, frames, grid) in [(0, 1, 2), (0, 7, 3), (4, 7, 3), (6, 7, 3), (2, 5, 1)] {
        let mut g = Graph::default();
        let (x, y) = (image(&mut g, [3, 4, 8]), image(&mut g, [3, 4, 8]));
        let gamma = g.param("gamma".into(), grid * 8, 8, 0.0, 1.0);
        let beta = g.param("beta".into(), grid * 8, 8, 0.0, 0.0);
        g.ops.push(Op::Temporal {
            x,
            y,
            g: gamma,
            b: beta,
            grid,
            frames,
        });
        check(&g, x, y, class, 9);
    }
}

#[test]
fn gradients_of_whole_networks_are_those_of_differences() {
    let picture = Picture::new(&VideoFormat {
        width: 14,
        height: 10,
        ..SMALL
    })
    .unwrap();
    for kind in KINDS {
        let layout = Layout {
            kind,
            first: 3,
            base: 8,
            hidden: 8,
            widths: vec![16, 8],
            grid: 3,
        };
        let net = layout.network(&picture, 5);
        check(&net.graph, net.input, net.output, 3, 4);
    }
}

#[test]
fn the_gradient_of_the_error_is_that_of_differences() {
    for chroma in [Chroma::Gray, Chroma::C420, Chroma::C422, Chroma::C444] {
        let format = VideoFormat {
            width: 5,
            height: 3,
            bits: 10,
            chroma,
            ..SMALL
        };
        let p = Picture::new(&format).unwrap();
        let s = Shape { h: 4, w: 6, c: 8 };
        let mut rng = Rng::new(3);
        let mut image: Vec<f32> = (0..s.len()).map(|_| 0.4 * rng.normal()).collect();
        let frame = clip(&format, 1);
        let mut grad = vec![1.0; s.len()];
        let mse = p.error(s, &image, &frame, Some(&mut grad)).unwrap();
        // The mean is over whole numbers, so a step is as wide as many of them.
        for _ in 0..40 {
            let i = rng.below(s.len());
            let (old, h) = (image[i], 0.4);
            image[i] = old + h;
            let up = p.error(s, &image, &frame, None).unwrap();
            image[i] = old - h;
            let down = p.error(s, &image, &frame, None).unwrap();
            image[i] = old;
            let total = if chroma == Chroma::Gray { 15.0 } else { 22.5 };
            let want = (up - down) / (4.0 * f64::from(h)) * total / 65536.0;
            assert!(
                (want - f64::from(grad[i])).abs() < 0.02 + 0.05 * want.abs(),
                "{want} {}",
                grad[i]
            );
        }
        let mut out = vec![0; p.samples()];
        p.frame(s, &image, &mut out).unwrap();
        if chroma == Chroma::Gray {
            assert!((error(&out, &frame) - mse).abs() < 1e-6 * mse);
        }
        assert!(out.iter().all(|v| *v < 1024));
    }
}

#[test]
fn every_time_has_its_own_input() {
    let s = Shape {
        h: 1,
        w: 1,
        c: INPUTS,
    };
    let of = |frame| {
        let mut t = vec![0.0; s.len()];
        encode_time(&Kernels::best(), frame, 200, s, &mut t).unwrap();
        t
    };
    let all: Vec<Vec<f32>> = (0..200).map(of).collect();
    assert!(all.iter().flatten().all(|v| v.abs() <= 1.0));
    for i in 1..200 {
        assert!(all[..i].iter().all(|t| *t != all[i]));
    }
}

/// A short training.
fn small(kind: Kind, format: VideoFormat, frames: usize, threads: usize) -> (Vec<u16>, Vec<u8>) {
    let samples = clip(&format, frames);
    let config = Published {
        steps: Some(60),
        ..Published::new(kind)
    };
    let mut ctl = Control {
        seed: 1,
        ..Control::default()
    };
    let x = Video {
        format,
        samples: &samples,
    };
    let bytes = Threads::new(threads)
        .run(|| encode(x, &config, 12_000, 1.0, &mut ctl))
        .unwrap()
        .unwrap();
    assert!(
        bytes.len() <= 12_000 && bytes.len() > 11_800,
        "{}",
        bytes.len()
    );
    (samples, bytes)
}

#[test]
fn a_clip_comes_back_the_same_with_any_threads_and_vectors() {
    for kind in KINDS {
        let (x, bytes) = small(kind, SMALL, 12, 1);
        assert_eq!(bytes, small(kind, SMALL, 12, 2).1);
        let read = |k: &Kernels, threads| {
            let (mut budget, mut ctl) = (Budget::default(), Control::default());
            let y = Threads::new(threads)
                .run(|| decode_with(k, &bytes, &SMALL, 0..12, 12, &mut budget, &mut ctl));
            y.unwrap().unwrap()
        };
        let y = read(&Kernels::best(), 1);
        for level in Level::available() {
            assert_eq!(y, read(&Kernels::new(*level).unwrap(), 2), "{level:?}");
        }
        let mut part = Vec::new();
        for t in [3u64, 11] {
            let mut b = Budget::default();
            part.extend(
                decode(
                    &bytes,
                    &SMALL,
                    t..t + 1,
                    12,
                    &mut b,
                    &mut Control::default(),
                )
                .unwrap(),
            );
        }
        let n = SMALL.frame_samples().unwrap();
        assert_eq!(part, [&y[3 * n..4 * n], &y[11 * n..]].concat());
        let mut constant = Vec::new();
        let luma = 48 * 40;
        let mean =
            |v: &[u16]| (v.iter().map(|v| u64::from(*v)).sum::<u64>() / v.len() as u64) as u16;
        for f in x.chunks_exact(n) {
            for plane in [&f[..luma], &f[luma..luma + 480], &f[luma + 480..]] {
                constant.extend(vec![mean(plane); plane.len()]);
            }
        }
        let (got, flat) = (error(&x, &y), error(&x, &constant));
        assert!(got < 0.5 * flat, "{kind:?}: {got} {flat}");
    }
}

#[test]
fn every_form_of_frames_goes_through() {
    for (chroma, bits) in [
        (Chroma::Gray, 8),
        (Chroma::C420, 10),
        (Chroma::C422, 8),
        (Chroma::C444, 10),
    ] {
        let format = VideoFormat {
            width: 31,
            height: 19,
            chroma,
            bits,
            ..SMALL
        };
        let (x, bytes) = small(Kind::Nerv, format, 3, 2);
        let mut b = Budget::default();
        let y = decode(&bytes, &format, 0..3, 3, &mut b, &mut Control::default()).unwrap();
        assert_eq!(y.len(), x.len());
        assert!(y.iter().all(|v| *v <= format.max()));
    }
}

#[test]
fn damage_is_an_error_or_other_frames() {
    let (_, bytes) = small(Kind::Cam, SMALL, 2, 1);
    let mut rng = Rng::new(8);
    let read = |b: &[u8], frames, budget: u64| {
        decode(
            b,
            &SMALL,
            0..1,
            frames,
            &mut Budget::new(budget),
            &mut Control::default(),
        )
    };
    for i in 0..120 {
        let mut b = bytes.clone();
        if i % 3 == 0 {
            b.truncate(rng.below(b.len()));
        }
        let first = if i % 2 == 0 { 12 } else { b.len() };
        let at = rng.below(first.max(1));
        if let Some(b) = b.get_mut(at) {
            *b ^= 1 << rng.below(8);
        }
        let read = read(&b, 2, 1 << 26);
        assert!(!matches!(read, Err(Error::Internal(_))), "{read:?}");
    }
    for n in 0..13 {
        assert!(read(&bytes[..n], 2, 1 << 26).is_err(), "{n}");
    }
    assert!(matches!(read(&bytes, 2, 10_000), Err(Error::Limit(_))));
    // Sizes that no bytes stand behind.
    let mut b = vec![0, 8, 64, 64, 1, 7];
    b.extend([64; 7]);
    assert!(read(&b, 2, u64::MAX).is_err());
    assert!(read(&bytes, u64::MAX, 1 << 26).is_ok());
}

#[test]
fn sizes_are_read_as_they_were_written_and_fit_their_number() {
    for (w, h) in [
        (1, 1),
        (48, 40),
        (416, 240),
        (640, 360),
        (1920, 1080),
        (16_384, 9),
        (1, 10_001),
        (10_001, 1),
    ] {
        let picture = Picture::new(&VideoFormat {
            width: w,
            height: h,
            ..SMALL
        })
        .unwrap();
        for kind in KINDS {
            for weights in [30_000, 100_000, 1_000_000] {
                let l = Layout::fit(kind, &picture, 100, weights);
                let n = l.network(&picture, 100).graph.weights() as u64;
                if weights == 1_000_000 {
                    // Eight channels more of a line are a large step.
                    let least = if w.min(h) == 1 { 7 } else { 9 };
                    assert!(n <= weights && n > weights * least / 10, "{w} {h} {n}");
                }
                let mut b = Vec::new();
                l.write(&mut b);
                let (back, rest) = Layout::read(&b, &picture).unwrap();
                assert!(back == l && rest.is_empty());
            }
        }
    }
    // One pixel does not pay for a picture of 512 by 512.
    let pixel = Picture::new(&VideoFormat {
        width: 1,
        height: 1,
        ..SMALL
    });
    let wide = [0, 8, 1, 1, 1, 7, 1, 1, 1, 1, 1, 1, 1];
    assert!(matches!(
        Layout::read(&wide, &pixel.unwrap()),
        Err(Error::Limit(_))
    ));
}

#[test]
fn budgets_follow_quality_and_effort() {
    let f = VideoFormat {
        width: 400,
        height: 200,
        ..SMALL
    };
    assert_eq!(quality_bytes(&f, 100, 0.0), 10_000);
    assert_eq!(quality_bytes(&f, 100, 3.0), 40_000);
    assert_eq!(quality_bytes(&f, 100, f32::NAN), 0);
    assert_eq!(seconds(&f, 100, nc_core::Effort::Medium), 120.0);
    assert_eq!(seconds(&f, 1, nc_core::Effort::Fast), 1.0);
}

#[test]
fn too_few_bytes_and_a_cancelled_call_are_errors() {
    let samples = clip(&SMALL, 2);
    let x = Video {
        format: SMALL,
        samples: &samples,
    };
    let config = Published::new(Kind::Nerv);
    for bytes in [0, 15, 20, 100] {
        let e = encode(x, &config, bytes, 1.0, &mut Control::default());
        assert!(matches!(e, Err(Error::Usage(_))), "{bytes}");
    }
    let mut ctl = Control {
        cancel: Some(std::sync::Arc::new(true.into())),
        ..Control::default()
    };
    let e = encode(x, &config, 12_000, 5.0, &mut ctl);
    assert!(matches!(e, Err(Error::Cancelled)));
}
