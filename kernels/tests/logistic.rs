//! Mixing: against its formula, the same at every level, and nothing outside the rows.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use nc_kernels::{Kernels, Level};

/// Numbers of all sizes, extremes among them.
fn words(n: usize, seed: u64) -> Vec<i16> {
    let mut s = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        s = s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (s >> 33) as u32
    };
    (0..n)
        .map(|_| match next() % 8 {
            0 => i16::MIN,
            1 => i16::MAX,
            2 => 0,
            _ => next() as i16,
        })
        .collect()
}

#[test]
fn every_level_does_what_the_formula_says() {
    for n in [16, 32, 48, 64, 160] {
        for seed in 0..40 {
            let (x, w) = (words(n, seed), words(7 * 2 * n, seed + 100));
            // x of -2^15 twice against weights of -2^15 twice wraps; the formula too.
            let rows = [3, 0, 6, 3];
            let steps = &words(4, seed + 200)[..];
            let dots: Vec<i32> = rows
                .iter()
                .map(|r| {
                    let w = &w[*r as usize * 2 * n..];
                    let pair = |k: usize| {
                        let p = |i: usize| i32::from(x[i]) * i32::from(w[i]);
                        p(2 * k).wrapping_add(p(2 * k + 1)) >> 6
                    };
                    (0..n / 2).map(pair).fold(0, i32::wrapping_add)
                })
                .collect();
            let mut stepped = w.clone();
            for (r, e) in rows.iter().zip(steps) {
                for (i, x) in x.iter().enumerate() {
                    let at = *r as usize * 2 * n + i;
                    let low = i64::from(stepped[at + n] as u16) + i64::from(*x) * i64::from(*e);
                    stepped[at + n] = low as i16;
                    let high = i64::from(stepped[at]) + (low >> 16);
                    stepped[at] = high.clamp(-32768, 32767) as i16;
                }
            }
            for &level in Level::available() {
                let k = Kernels::new(level).unwrap();
                let mut out = [0; 4];
                k.logistic_dot(&x, &w, &rows, &mut out).unwrap();
                assert_eq!(out[..], dots[..], "{level}");
                let mut w = w.clone();
                k.logistic_step(&x, &mut w, &rows, steps).unwrap();
                assert_eq!(w, stepped, "{level}");
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let k = Kernels::best();
    let (mut w, mut out) = ([0i16; 64], [0; 1]);
    let mut go = |n, row| {
        k.logistic_dot(&[0i16; 99][..n], &w, &[row], &mut out)
            .is_ok()
    };
    assert!(go(16, 1));
    assert!(!go(16, 2) && !go(0, 0) && !go(17, 0) && !go(48, 0));
    assert!(!go(16, u32::MAX));
    assert!(k.logistic_step(&[0; 16], &mut w, &[1, 1], &[1]).is_err());
}
