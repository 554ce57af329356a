//! Gradients against central differences, for every hand-written operation.

use super::layer::{convnext, linear, norm};
use super::loss::{Loss, Weights};
use super::op::{Node, leaf, values};
use super::spectral::{Fft, synthesis};
use crate::config::{HEAD, HOP, N_FFT, TAPS};
use nc_core::rng::Rng;

fn noise(rng: &mut Rng, n: usize, scale: f32) -> Vec<f32> {
    (0..n).map(|_| rng.normal() * scale).collect()
}

/// Compares d(sum of out * r)/d(input) along random directions.
fn check(shapes: &[(usize, usize, f32)], f: impl Fn(&[Node]) -> Node, step: f32, tolerance: f32) {
    let mut rng = Rng::new(7);
    let data: Vec<Vec<f32>> = shapes
        .iter()
        .map(|(r, c, s)| noise(&mut rng, r * c, *s))
        .collect();
    let build = |data: &[Vec<f32>]| -> Vec<Node> {
        data.iter()
            .zip(shapes)
            .map(|(d, (r, c, _))| leaf(d.clone(), *r, *c, true))
            .collect()
    };
    let nodes = build(&data);
    let out = f(&nodes);
    let [r, c] = out.dims();
    let weights = noise(&mut rng, r * c, 1.0);
    let score = |out: &Node| -> f64 {
        values(out)
            .iter()
            .zip(&weights)
            .map(|(a, b)| f64::from(a * b))
            .sum()
    };
    let grads = (out * leaf(weights.clone(), r, c, false)).sum().backward();
    for (i, node) in nodes.iter().enumerate() {
        let g: Vec<f32> = node.grad(&grads).unwrap().into_data().try_to_vec().unwrap();
        // Along the gradient's signs, so that the slope stands out of the rounding.
        let dir: Vec<f32> = g.iter().map(|g| g.signum() * rng.normal().abs()).collect();
        let slope: f64 = g.iter().zip(&dir).map(|(a, b)| f64::from(a * b)).sum();
        let at = |h: f32| {
            let mut moved = data.clone();
            moved[i]
                .iter_mut()
                .zip(&dir)
                .for_each(|(m, d)| *m += h * shapes[i].2 * d);
            score(&f(&build(&moved)))
        };
        let found = (at(step) - at(-step)) / (2.0 * f64::from(step * shapes[i].2));
        let scale = slope.abs().max(found.abs()).max(1e-3);
        assert!(
            (slope - found).abs() < f64::from(tolerance) * scale,
            "input {i} of {shapes:?}: gradient {slope}, difference {found}"
        );
    }
}

#[test]
fn linear_and_norm() {
    check(
        &[(5, 6, 1.0), (4, 6, 1.0), (1, 4, 1.0)],
        |n| linear(&n[0], &n[1], &n[2]),
        1e-2,
        2e-3,
    );
    check(
        &[(5, 6, 1.0), (1, 6, 1.0), (1, 6, 1.0)],
        |n| norm(&n[0], &n[1], &n[2]),
        1e-3,
        1e-2,
    );
}

#[test]
fn convnext_block() {
    let c = 8;
    let h = 12;
    let shapes = [
        (2 * 9, c, 1.0),
        (TAPS, c, 0.5),
        (1, c, 0.5),
        (1, c, 1.0),
        (1, c, 0.5),
        (h, c, 0.5),
        (1, h, 0.5),
        (c, h, 0.5),
        (1, c, 0.5),
        (1, c, 1.0),
    ];
    let f = |n: &[Node]| convnext(&n[0], &std::array::from_fn(|i| n[i + 1].clone()), 9);
    check(&shapes, f, 1e-3, 1e-2);
}

#[test]
fn synthesis_head() {
    let fft = Fft::new(N_FFT);
    check(&[(6, HEAD, 0.5)], |n| synthesis(&fft, &n[0], 3), 1e-3, 1e-2);
}

#[test]
fn loss_terms() {
    let mut rng = Rng::new(3);
    let n = 8 * HOP;
    // Coloured noise with silence between, at working level.
    let x: Vec<f32> = (0..2 * n)
        .map(|i| {
            if i % 900 < 600 {
                rng.normal() * 0.05
            } else {
                0.0
            }
        })
        .collect();
    let zero = Weights {
        mel: 0.0,
        magnitude: 0.0,
        log: 0.0,
        complex: 0.0,
        disturbance: 0.0,
    };
    for w in [
        Weights { mel: 1.0, ..zero },
        Weights {
            magnitude: 1.0,
            ..zero
        },
        Weights { log: 1.0, ..zero },
        Weights {
            complex: 1.0,
            ..zero
        },
        Weights {
            disturbance: 1.0,
            ..zero
        },
    ] {
        let loss = Loss::new(w);
        check(
            &[(2, n, 0.03)],
            |nodes| loss.apply(&nodes[0], &x, &[1.0, 0.5]).0,
            2e-3,
            0.05,
        );
    }
}
