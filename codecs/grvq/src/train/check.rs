//! Gradients against central differences, for the operations that are written here.

use nc_core::rng::Rng;
use nc_learn::check::Check;
use nc_learn::spectrum::Stft;

use super::loss::{Loss, Weights};
use super::spectral::synthesis;
use crate::config::{HEAD, HOP, N_FFT};

#[test]
fn synthesis_head() {
    let stft = Stft::new(N_FFT).unwrap();
    let check = Check {
        step: 1e-3,
        ..Check::default()
    };
    check
        .gradients(&[([6, HEAD], 0.5)], |n| synthesis(&stft, &n[0], 3))
        .unwrap();
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
        let loss = Loss::new(w).unwrap();
        let check = Check {
            step: 2e-3,
            tolerance: 0.05,
            ..Check::default()
        };
        let apply = check.gradients(&[([2, n], 0.03)], |nodes| {
            Ok(loss.apply(&nodes[0], &x, &[1.0, 0.5])?.0)
        });
        apply.unwrap();
    }
}
