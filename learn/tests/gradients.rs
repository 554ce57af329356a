//! Every layer's gradients against differences.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

use nc_learn::check::Check;
use nc_learn::conv::{Window, conv, conv_transposed, depthwise, pixel_shuffle};
use nc_learn::spectrum::Stft;
use nc_learn::*;

const CHECK: Check = Check {
    step: 3e-3,
    tolerance: 1e-2,
    seed: 7,
};

#[test]
fn activations() {
    let one = [([5, 6], 1.0)];
    for (i, check) in [CHECK, Check { seed: 8, ..CHECK }].into_iter().enumerate() {
        let ok = |r: nc_core::Result<()>| r.unwrap_or_else(|e| panic!("{i}: {e}"));
        ok(check.gradients(&one, |n| activation::quick_gelu(&n[0])));
        ok(check.gradients(&one, |n| activation::gelu(&n[0])));
        ok(check.gradients(&one, |n| activation::silu(&n[0])));
        ok(check.gradients(&one, |n| activation::hyperbolic(&n[0])));
        ok(check.gradients(&one, |n| activation::logistic(&n[0])));
        ok(check.gradients(&one, |n| activation::softplus(&n[0])));
        // Its corner is stepped over by few, so the step is small.
        let small = Check {
            step: 1e-3,
            tolerance: 0.03,
            ..check
        };
        ok(small.gradients(&one, |n| activation::leaky_relu(&n[0], 0.1)));
        ok(check.gradients(&one, |n| {
            activation::logarithm(&activation::softplus(&n[0])?, 1e-3)
        }));
        let positive = Check {
            step: 1e-3,
            ..check
        };
        let inputs = [([5, 3], 1.0), ([1, 3], 0.3)];
        let data = [
            (0..15).map(|i| (i as f32 * 0.7).sin()).collect(),
            vec![0.5, 1.0, 2.0],
        ];
        ok(positive.gradients_at(&inputs, &data, |n| activation::snake(&n[0], &n[1])));
    }
}

#[test]
fn arithmetic_and_products() {
    use arithmetic::*;
    let two = [([5, 6], 1.0), ([5, 6], 1.0)];
    CHECK
        .gradients(&two, |n| blend(&n[0], 0.5, &n[1], -2.0))
        .unwrap();
    CHECK
        .gradients(&two, |n| mul(&add(&n[0], &n[1])?, &sub(&n[0], &n[1])?))
        .unwrap();
    CHECK
        .gradients(&two, |n| linear::product(&n[0], &n[1]))
        .unwrap();
    CHECK
        .gradients(&two, |n| beside(&n[0], &scale(&n[1], 3.0, 1.0)?))
        .unwrap();
    CHECK
        .gradients(&two[..1], |n| gather(&n[0], vec![4, 0, 0, 2]))
        .unwrap();
    CHECK
        .gradients(&two, |n| {
            total(&[mean(&n[0])?, mean(&n[1])?, mean(&n[0])?], 2.0)
        })
        .unwrap();
    let inputs = [([5, 6], 1.0), ([4, 6], 1.0), ([1, 4], 1.0)];
    CHECK
        .gradients(&inputs, |n| linear::linear(&n[0], &n[1], &n[2]))
        .unwrap();
}

#[test]
fn norms() {
    let inputs = [([8, 6], 1.0), ([1, 6], 1.0), ([1, 6], 1.0)];
    CHECK
        .gradients(&inputs, |n| norm::layer_norm(&n[0], &n[1], &n[2]))
        .unwrap();
    CHECK
        .gradients(&inputs[..2], |n| norm::rms_norm(&n[0], &n[1]))
        .unwrap();
    for groups in [1, 2, 6] {
        CHECK
            .gradients(&inputs, |n| {
                norm::group_norm(&n[0], &n[1], &n[2], 4, groups)
            })
            .unwrap();
    }
    let inputs = [([4, 6], 1.0), ([1, 4], 1.0)];
    CHECK
        .gradients(&inputs, |n| norm::weight_norm(&n[0], &n[1]))
        .unwrap();
}

#[test]
fn convolutions() {
    let windows = [
        (Window::time(7, 3), 1),
        (Window::time(9, 3).dilation([1, 2]), 2),
        (Window::time(9, 4).stride([1, 2]), 1),
        (Window::time(8, 3).causal(), 4),
        (Window::image([5, 6], [3, 3]), 2),
        (
            Window::image([6, 5], [3, 2])
                .stride([2, 1])
                .dilation([1, 2]),
            1,
        ),
        (
            Window::image([6, 5], [4, 1])
                .stride([3, 1])
                .pad([[0, 0]; 2]),
            1,
        ),
        (Window::time(6, 1), 1),
    ];
    for (w, groups) in windows {
        let [pixels, taps] = [w.size, w.kernel].map(|[a, b]| a * b);
        let outputs = w.output().unwrap().iter().product::<usize>();
        let inputs = [
            ([2 * pixels, 4], 1.0),
            ([8, taps * 4 / groups], 0.5),
            ([1, 8], 1.0),
        ];
        CHECK
            .gradients(&inputs, |n| conv(&n[0], &n[1], &n[2], w, groups))
            .unwrap();
        let inputs = [([2 * pixels, 4], 1.0), ([taps, 4], 0.5), ([1, 4], 1.0)];
        CHECK
            .gradients(&inputs, |n| depthwise(&n[0], &n[1], &n[2], w))
            .unwrap();
        let inputs = [([2 * outputs, 3], 1.0), ([3, taps * 4], 0.5), ([1, 4], 1.0)];
        CHECK
            .gradients(&inputs, |n| conv_transposed(&n[0], &n[1], &n[2], w))
            .unwrap();
    }
    CHECK
        .gradients(&[([2 * 6, 8], 1.0)], |n| pixel_shuffle(&n[0], [2, 3], 2))
        .unwrap();
}

#[test]
fn blocks_and_recurrence() {
    let (c, h) = (8, 12);
    let v = [1, c];
    for window in [Window::time(9, 7), Window::image([3, 3], [3, 3])] {
        let taps = window.kernel[0] * window.kernel[1];
        let inputs = [
            ([18, c], 1.0),
            ([taps, c], 0.5),
            (v, 0.5),
            (v, 1.0),
            (v, 0.5),
            ([h, c], 0.5),
            ([1, h], 0.5),
            ([c, h], 0.5),
            (v, 0.5),
            (v, 1.0),
        ];
        let small = Check {
            step: 1e-3,
            ..CHECK
        };
        small
            .gradients(&inputs, |n| {
                block::convnext(&n[0], &std::array::from_fn(|i| n[i + 1].clone()), window)
            })
            .unwrap();
    }
    let inputs = [
        ([2 * 6, 3], 1.0),
        ([12, 3], 0.7),
        ([1, 12], 0.5),
        ([12, 4], 0.7),
        ([1, 12], 0.5),
        ([2, 4], 1.0),
    ];
    CHECK
        .gradients(&inputs, |n| {
            recurrent::gru(&n[0], &std::array::from_fn(|i| n[i + 1].clone()), &n[5], 6)
        })
        .unwrap();
}

#[test]
fn losses_and_tokens() {
    let wanted: Vec<f32> = (0..30).map(|i| (i as f32).cos()).collect();
    let one = [([5, 6], 1.0)];
    CHECK
        .gradients(&one, |n| loss::mean_squared(&n[0], &wanted))
        .unwrap();
    let small = Check {
        step: 1e-3,
        tolerance: 0.03,
        ..CHECK
    };
    small
        .gradients(&one, |n| loss::mean_absolute(&n[0], &wanted))
        .unwrap();
    small.gradients(&one, |n| loss::hinge(&n[0], -1.0)).unwrap();
    CHECK
        .gradients(&one, |n| token::cross_entropy(&n[0], vec![0, 5, 2, 2, 1]))
        .unwrap();
}

#[test]
fn spectra() {
    let stft = Stft::new(16).unwrap();
    let inputs = [([2, 40], 1.0)];
    CHECK
        .gradients(&inputs, |n| stft.complex(&n[0], 4))
        .unwrap();
    CHECK
        .gradients(&inputs, |n| stft.magnitudes(&n[0], 6, 1e-2))
        .unwrap();
}

/// A straight-through estimator has no difference to be checked against; its gradient is what is said.
#[test]
fn straight_through_passes_the_gradient_and_pulls() {
    let tape = Tape::new();
    let z = tape.leaf(vec![1.0, 3.0].into(), [1, 2], true).unwrap();
    let q = quantise::straight_through(&z, vec![0.0, 4.0], 0.5).unwrap();
    assert_eq!(q.values(), [0.0, 4.0]);
    let g = q.backward_from(vec![10.0, 20.0]).unwrap().take(&z).unwrap();
    assert_eq!(g, [10.5, 19.5]);
}
