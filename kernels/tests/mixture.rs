//! Rows of probabilities and the smallest of many numbers: by their definitions, the same at every level.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

mod common;

use common::{Rng, bits, kernels};
use nc_kernels::{Kernels, Least};

/// A row's sum as documented: element i to partial sum i mod 16, then halves added.
fn sum16(row: &[f32]) -> f32 {
    let mut parts = [0.0f32; 16];
    for (i, x) in row.iter().enumerate() {
        parts[i % 16] += x;
    }
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            parts[i] += parts[i + half];
        }
    }
    parts[0]
}

fn normalised(row: &mut [f32]) {
    let sum = sum16(row);
    if sum > 1e-30 {
        let scale = 1.0 / sum;
        row.iter_mut().for_each(|x| *x *= scale);
    } else {
        let even = 1.0 / row.len() as f32;
        row.fill(even);
    }
}

#[test]
fn mixtures_are_their_definition() {
    let mut r = Rng(77);
    for k in [1, 2, 7, 8, 15, 16, 17, 31, 32, 48, 64, 100, 128] {
        let rows = 5;
        // A row of nothing, one of tiny numbers, one with a peak.
        let mut a: Vec<f32> = (0..rows * k).map(|_| r.f(1.0).abs()).collect();
        a[..k].fill(0.0);
        a[k..2 * k].iter_mut().for_each(|x| *x *= 1e-36);
        a[2 * k] = 1e6;
        let by: Vec<f32> = (0..rows * k).map(|_| r.f(1.0).abs()).collect();
        let low: Vec<u32> = (0..k).map(|_| (r.next() % (1 << 19)) as u32).collect();
        let high: Vec<u32> = low
            .iter()
            .map(|l| l + (r.next() % (1 << 19)) as u32)
            .collect();
        let weights: Vec<u32> = (0..k).map(|_| (r.next() % (1 << 16)) as u32).collect();

        let mut normal = a.clone();
        normal.chunks_exact_mut(k).for_each(normalised);
        let mut absorbed = a.clone();
        absorbed.iter_mut().zip(&by).for_each(|(a, b)| *a *= b);
        absorbed.chunks_exact_mut(k).for_each(normalised);
        let each = high.iter().zip(&low);
        let m: Vec<f32> = each.map(|(h, l)| (h - l) as f32 + 0.0625).collect();
        let products: Vec<f32> = a.iter().zip(&by).map(|(a, b)| a * b).collect();
        let shares: Vec<u32> = normal.iter().map(|p| (p * 8e6) as u32).collect();
        let product: u64 = weights
            .iter()
            .zip(&high)
            .map(|(w, x)| u64::from(*w) * u64::from(*x))
            .sum();

        for kernels in kernels() {
            let mut got = a.clone();
            kernels.normalise(k, &mut got).unwrap();
            assert_eq!(bits(&got), bits(&normal), "{kernels:?} {k}");
            let mut whole = vec![0; rows * k];
            let mut got = a.clone();
            kernels.shares(k, 8_000_000, &mut got, &mut whole).unwrap();
            assert_eq!(bits(&got), bits(&normal), "{kernels:?} {k}");
            assert_eq!(whole, shares, "{kernels:?} {k}");
            let mut got = a.clone();
            kernels.absorb(k, &mut got, &by).unwrap();
            assert_eq!(bits(&got), bits(&absorbed), "{kernels:?} {k}");
            let mut got = vec![9.0; k];
            kernels.observe(&low, &high, &mut got).unwrap();
            assert_eq!(bits(&got), bits(&m), "{kernels:?} {k}");
            let mut got = vec![9.0; rows * k];
            kernels.multiply(&a, &by, &mut got).unwrap();
            assert_eq!(bits(&got), bits(&products), "{kernels:?} {k}");
            assert_eq!(kernels.mix(&weights, &high), product, "{kernels:?} {k}");
        }
    }
    let kernels = Kernels::best();
    assert!(kernels.normalise(3, &mut [0.0; 4]).is_err());
    assert!(kernels.absorb(2, &mut [0.0; 4], &[0.0; 3]).is_err());
    assert!(kernels.observe(&[0; 2], &[0; 2], &mut [0.0; 3]).is_err());
    assert!(
        kernels
            .multiply(&[0.0; 2], &[0.0; 3], &mut [0.0; 2])
            .is_err()
    );
    assert!(
        kernels
            .shares(2, 1 << 25, &mut [0.0; 2], &mut [0; 2])
            .is_err()
    );
}

#[test]
fn the_least_are_the_first_of_a_stable_sort() {
    let mut r = Rng(9);
    for (t, n, wanted) in [
        (1, 1, 1),
        (3, 31, 4),
        (2, 32, 16),
        (2, 1000, 1),
        (2, 4097, 16),
        (1, 5, 8),
    ] {
        let mut x = r.vec(t * n, 1.0);
        // Ties, and what is no number.
        x.iter_mut()
            .step_by(3)
            .for_each(|v| *v = (*v * 4.0).floor() / 4.0);
        x[n / 2] = f32::NAN;
        x[n / 3] = f32::INFINITY;
        let sorted: Vec<Least> = x
            .chunks(n)
            .flat_map(|row| {
                let numbered = (0..).zip(row).filter(|(_, v)| **v < f32::INFINITY);
                let mut row: Vec<Least> = numbered
                    .map(|(index, v)| Least { value: *v, index })
                    .collect();
                row.sort_by(|a, b| a.value.total_cmp(&b.value));
                row.resize(row.len().max(wanted), Least::NONE);
                row.truncate(wanted);
                row
            })
            .collect();
        for kern in kernels() {
            let mut out = vec![
                Least {
                    value: 7.0,
                    index: 7
                };
                t * wanted
            ];
            kern.least(n, &x, &mut out).unwrap();
            assert_eq!(
                out,
                sorted,
                "{t} rows of {n}, {wanted} wanted, {}",
                kern.level()
            );
        }
    }
    let k = Kernels::best();
    assert!(k.least(0, &[], &mut []).is_err());
    assert!(k.least(3, &[0.0; 4], &mut []).is_err());
    assert!(k.least(2, &[0.0; 4], &mut [Least::NONE; 3]).is_err());
    assert!(k.least(2, &[0.0; 4], &mut []).is_ok());
}
