//! Clips to learn from: 16 kHz samples with names, drawn uniformly over time.

use super::rng::Rng;
use crate::config::{LEVEL, SAMPLE_RATE};

/// Rates that a recording is taken to have been made at, to play it slower or faster.
const SPEEDS: [u32; 6] = [13_600, 14_400, 15_200, 16_800, 17_600, 18_400];

/// One recording at 16 kHz.
#[derive(Debug, Clone)]
pub struct Clip {
    /// Path or other name; part of the data's identity.
    pub name: String,
    /// Samples; 16 bits keep hours of speech in memory.
    pub samples: Vec<i16>,
}

/// Recordings to train on.
#[derive(Debug, Clone, Default)]
pub struct Dataset {
    /// The recordings, in a fixed order.
    pub clips: Vec<Clip>,
}

impl Dataset {
    /// Samples in all.
    pub fn samples(&self) -> u64 {
        self.clips.iter().map(|c| c.samples.len() as u64).sum()
    }

    /// BLAKE3 over the samples in order; with the recipe it keys checkpoints.
    pub fn hash(&self) -> blake3::Hash {
        let mut h = blake3::Hasher::new();
        for c in &self.clips {
            h.update(&(c.samples.len() as u64).to_le_bytes());
            let bytes: Vec<u8> = c.samples.iter().flat_map(|s| s.to_le_bytes()).collect();
            h.update(&bytes);
        }
        h.finalize()
    }

    /// Fills `out` with sequences of `n` samples at the working level, give or take. With `vary`,
    /// half of them are played slower or faster, which makes other voices out of few.
    pub(super) fn draw(&self, n: usize, vary: bool, rng: &mut Rng, out: &mut [f32]) {
        let total = self.samples();
        for seq in out.chunks_exact_mut(n) {
            seq.fill(0.0);
            // Silence teaches nothing; a few tries find something else.
            for _ in 0..20 {
                let mut at = ((u64::from(rng.next()) << 20) ^ u64::from(rng.next())) % total.max(1);
                let mut pick: &[i16] = &[];
                for c in &self.clips {
                    pick = &c.samples;
                    if at < pick.len() as u64 {
                        break;
                    }
                    at -= pick.len() as u64;
                }
                let speed = if vary && rng.below(2) == 0 {
                    SPEEDS[rng.below(SPEEDS.len())]
                } else {
                    SAMPLE_RATE
                };
                let need = (n as u64 * u64::from(speed)).div_ceil(u64::from(SAMPLE_RATE)) as usize;
                let start = (at as usize).min(pick.len().saturating_sub(need));
                let piece = &pick[start..(start + need).min(pick.len())];
                let energy: f64 = piece.iter().map(|s| f64::from(*s).powi(2)).sum();
                let rms = (energy / need as f64).sqrt() as f32 / 32768.0;
                if rms < 1e-3 {
                    continue;
                }
                // Chunks are normalised as a whole, so a piece of one may lie above or below.
                let gain = LEVEL / rms * 10f32.powf((rng.unit() * 12.0 - 9.0) / 20.0);
                let piece: Vec<f32> = piece
                    .iter()
                    .map(|s| f32::from(*s) / 32768.0 * gain)
                    .collect();
                let played = if speed == SAMPLE_RATE {
                    piece
                } else {
                    let len = nc_kernels::resampled_len(piece.len() as u64, speed, SAMPLE_RATE);
                    nc_kernels::resample(&piece, speed, SAMPLE_RATE, len as usize)
                        .unwrap_or(piece)
                };
                seq.iter_mut().zip(&played).for_each(|(o, s)| *o = *s);
                break;
            }
        }
    }
}
