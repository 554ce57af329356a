//! What this machine can do at best, in the units that the benches count in: floors are measured where
//! the benches run, and not quoted from another machine.
//!
//! Each is the best of a few short runs on one core.
#![allow(clippy::indexing_slicing, reason = "data of its own making")]

use std::hint::black_box;
use std::time::Instant;

/// The best of five runs of `f`, in seconds.
fn best(mut f: impl FnMut()) -> f64 {
    let run = |_| {
        let start = Instant::now();
        f();
        start.elapsed().as_secs_f64()
    };
    (0..5).map(run).fold(f64::INFINITY, f64::min)
}

/// Nanoseconds of a 64-bit division that waits for the one before, as a range decoder's does.
pub fn division() -> f64 {
    const N: u64 = 1_000_000;
    let seconds = best(|| {
        let mut x = u64::MAX;
        for i in 0..N {
            // Stays large, so that the division is a long one.
            x = (x / black_box(3)) | (0xFFFF << 48) | i;
        }
        black_box(x);
    });
    seconds * 1e9 / N as f64
}

/// Nanoseconds of a 64-bit multiplication that waits for the one before, as a range encoder's does.
pub fn multiplication() -> f64 {
    const N: u64 = 4_000_000;
    let seconds = best(|| {
        let mut x = 1u64;
        for _ in 0..N {
            x = x.wrapping_mul(black_box(0x9E37_79B9_7F4A_7C15));
        }
        black_box(x);
    });
    seconds * 1e9 / N as f64
}

/// Nanoseconds of a choice by comparison that waits for the one before, as a binary search's step does:
/// a load from the first cache and what follows from it.
pub fn search_step() -> f64 {
    const N: usize = 4_000_000;
    let table: Vec<u32> = (0..1024).map(|i| i * 37 % 1024).collect();
    let seconds = best(|| {
        let mut at = 0usize;
        for _ in 0..N {
            let v = table.get(at).copied().unwrap_or(0);
            at = if v >= 512 {
                v as usize - 511
            } else {
                v as usize + 1
            };
        }
        black_box(at);
    });
    seconds * 1e9 / N as f64
}

/// Bytes a second of copying within memory, 10^9.
pub fn copy() -> f64 {
    const N: usize = 64 << 20;
    let from = vec![1u8; N];
    let mut to = vec![0u8; N];
    let seconds = best(|| {
        to.copy_from_slice(black_box(&from));
        black_box(&to);
    });
    N as f64 / seconds / 1e9
}
