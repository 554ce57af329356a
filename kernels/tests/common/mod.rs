//! Reproducible inputs, and handles of all levels.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, dead_code)]

use nc_kernels::{Kernels, Level};

/// SplitMix64: reproducible inputs without a dependency.
pub struct Rng(pub u64);
impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// Uniform in [-1, 1), times `scale`.
    pub fn f(&mut self, scale: f32) -> f32 {
        ((self.next() >> 40) as f32 / 8_388_608.0 - 1.0) * scale
    }
    pub fn vec(&mut self, n: usize, scale: f32) -> Vec<f32> {
        (0..n).map(|_| self.f(scale)).collect()
    }
}

/// A handle of every level of this machine.
pub fn kernels() -> Vec<Kernels> {
    Level::available()
        .iter()
        .map(|&l| Kernels::new(l).unwrap())
        .collect()
}

/// Bits with all NaNs made one.
pub fn bits(x: &[f32]) -> Vec<u32> {
    x.iter()
        .map(|v| if v.is_nan() { 0x7fc0_0000 } else { v.to_bits() })
        .collect()
}
