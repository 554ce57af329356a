//! Seeded inputs for tests and demonstrations: sound, pictures, clips, tables, digits.
//!
//! Tests and a first look must not hang on recordings that a clone does not have. All here is a function
//! of the seed alone. Sound uses the machine's sines; pictures, clips and records are made by IEEE
//! `+ - * /` and square roots in one order, and their tests pin the SHA-256 of what a seed gives.
//!
//! ```
//! use nc_corpora::synth;
//! let picture = synth::image::photo(1, 48, 32);
//! assert_eq!(picture.len(), 48 * 32 * 3);
//! let table = synth::records::table(1, 100);
//! assert_eq!(table.iter().filter(|b| **b == b'\n').count(), 101);
//! ```

mod audio;
pub mod image;
pub mod plain;
pub mod records;
mod scene;
pub mod video;

pub use audio::{RATE, add_noise, clipped, low_pass, music, noise, silence, speech, sweep};

/// A small generator (SplitMix64, Steele et al. 2014), so that a seed means the same for ever.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// A generator with this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 random bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in 0..1.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in `low..high`.
    pub fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// Normal with mean 0 and variance 1 (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let r = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        r * (2.0 * std::f64::consts::PI * self.uniform()).cos()
    }

    /// Of mean 0 and variance 1, nearly normal and of sums alone (Irwin 1927, Hall 1927: twelve uniform
    /// numbers), for what must not depend on a machine's logarithm and cosine. At most 6 from 0.
    pub fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get((self.uniform() * from.len() as f64) as usize)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // The first output for seed 0, from Vigna's splitmix64.c.
        assert_eq!(Rng::new(0).bits(), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn a_bell_has_mean_0_and_variance_1() {
        let mut rng = Rng::new(7);
        let x: Vec<f64> = (0..20_000).map(|_| rng.bell()).collect();
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        let power = x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
        assert!(
            mean.abs() < 0.03 && (power - 1.0).abs() < 0.03,
            "{mean} {power}"
        );
    }
}
