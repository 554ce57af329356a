//! Interpolation: against its formula, the same at every level, and nothing read outside.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use nc_kernels::{Block, Kernels, Level};

const STRIDE: usize = 37;
const EIGHT: [i32; 8] = [-1, 4, -11, 40, 40, -11, 4, -1];
const FOUR: [i32; 4] = [-4, 36, 36, -4];

/// What the documentation of `interpolate8` says, one sample at a time.
fn formula(from: &[u16], at: usize, taps: [Option<&[i32]>; 2], peak: i32) -> i32 {
    let row = |at: usize| match taps[0] {
        Some(f) => {
            let at = at - (f.len() / 2 - 1);
            f.iter()
                .zip(&from[at..])
                .map(|(f, v)| f * i32::from(*v))
                .sum()
        }
        None => i32::from(from[at]) * 64,
    };
    let v = match taps[1] {
        Some(f) => {
            let at = at - (f.len() / 2 - 1) * STRIDE;
            let sum: i32 = f
                .iter()
                .enumerate()
                .map(|(t, f)| f * row(at + t * STRIDE))
                .sum();
            (sum + 2048) >> 12
        }
        None => (row(at) + 32) >> 6,
    };
    v.clamp(0, peak)
}

#[test]
fn interpolation_is_what_its_formula_says_at_every_level() {
    for bits in [8, 10, 16] {
        let peak = (1i32 << bits) - 1;
        let from: Vec<u16> = (0..STRIDE * 30u32 as usize)
            .map(|i| ((i * 2_654_435_761) >> 7) as u16 & peak as u16)
            .collect();
        for size in [[16, 8], [8, 16], [4, 4], [1, 1], [13, 16], [7, 3]] {
            for both in [[false, false], [true, false], [false, true], [true, true]] {
                for &level in Level::available() {
                    let k = Kernels::new(level).unwrap();
                    let at = 6 * STRIDE + 9;
                    let block = Block {
                        stride: STRIDE,
                        at,
                        size,
                    };
                    let (mut long, mut short) = ([0; 256], [0; 256]);
                    let eight = both.map(|b| b.then_some(&EIGHT));
                    let four = both.map(|b| b.then_some(&FOUR));
                    k.interpolate8(&from, &block, eight, peak, &mut long)
                        .unwrap();
                    k.interpolate4(&from, &block, four, peak, &mut short)
                        .unwrap();
                    for y in 0..size[1] {
                        for x in 0..size[0] {
                            let at = at + y * STRIDE + x;
                            let taps = both.map(|b| b.then_some(&EIGHT[..]));
                            assert_eq!(long[y * size[0] + x], formula(&from, at, taps, peak));
                            let taps = both.map(|b| b.then_some(&FOUR[..]));
                            assert_eq!(short[y * size[0] + x], formula(&from, at, taps, peak));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn blocks_that_reach_outside_are_refused() {
    let from = [0u16; STRIDE * 20];
    let k = Kernels::best();
    let mut out = [0; 256];
    let mut go = |at, size| {
        let block = Block {
            stride: STRIDE,
            at,
            size,
        };
        let taps = [Some(&EIGHT), Some(&EIGHT)];
        k.interpolate8(&from, &block, taps, 255, &mut out).is_ok()
    };
    assert!(go(4 * STRIDE + 4, [8, 8]));
    assert!(!go(4 * STRIDE + 3, [8, 8]), "above");
    assert!(!go(9 * STRIDE, [8, 8]), "below");
    assert!(!go(usize::MAX - 3, [8, 8]), "far");
    assert!(!go(4 * STRIDE + 4, [17, 1]), "wide");
    assert!(!go(4 * STRIDE + 4, [1, usize::MAX]), "high");
}
