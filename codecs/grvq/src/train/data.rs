//! Clips to learn from: 16 kHz samples with names, drawn uniformly over time.

use crate::config::{LEVEL, SAMPLE_RATE};
use nc_core::rng::Rng;

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
    /// half of them are played slower or faster, which makes other voices out of few, and some
    /// are [`notes`], alone or under the recording, for speech alone leaves steady tones unlearnt.
    pub(super) fn draw(&self, n: usize, vary: bool, rng: &mut Rng, out: &mut [f32]) {
        let total = self.samples();
        for seq in out.chunks_exact_mut(n) {
            seq.fill(0.0);
            let sung = if vary { rng.below(16) } else { 16 };
            if sung < 2 {
                notes(rng, seq);
                let gain = LEVEL * around(rng);
                seq.iter_mut().for_each(|o| *o *= gain);
                continue;
            }
            // Silence teaches nothing; a few tries find something else.
            for _ in 0..20 {
                let mut at = ((u64::from(rng.bits()) << 20) ^ u64::from(rng.bits())) % total.max(1);
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
                let gain = LEVEL / rms * around(rng);
                let piece: Vec<f32> = piece
                    .iter()
                    .map(|s| f32::from(*s) / 32768.0 * gain)
                    .collect();
                let played = if speed == SAMPLE_RATE {
                    piece
                } else {
                    let len = nc_kernels::resampled_len(piece.len() as u64, speed, SAMPLE_RATE);
                    nc_kernels::resample(&piece, speed, SAMPLE_RATE, len as usize).unwrap_or(piece)
                };
                seq.iter_mut().zip(&played).for_each(|(o, s)| *o = *s);
                if sung == 2 {
                    let mut tune = vec![0.0; n];
                    notes(rng, &mut tune);
                    let share = 0.5 * gain * rms * rng.unit();
                    seq.iter_mut().zip(&tune).for_each(|(o, s)| *o += share * s);
                }
                break;
            }
        }
    }
}

/// A gain of -9 to 3 dB.
fn around(rng: &mut Rng) -> f32 {
    10f32.powf((rng.unit() * 12.0 - 9.0) / 20.0)
}

/// A few harmonic notes or plain tones of RMS 1, struck or held, some with vibrato.
fn notes(rng: &mut Rng, out: &mut [f32]) {
    const TAU: f32 = std::f32::consts::TAU;
    let rate = SAMPLE_RATE as f32;
    out.fill(0.0);
    for _ in 0..=rng.below(4) {
        let plain = rng.below(3) == 0;
        let top: f32 = if plain { 7000.0 } else { 1500.0 };
        let pitch = 60.0 * (top / 60.0).powf(rng.unit());
        let partials = if plain { 1 } else { 2 + rng.below(14) };
        let tilt = 0.5 + 1.5 * rng.unit();
        // Some begin before the sequence does.
        let start = (out.len() as f32 * (rng.unit() * 1.4 - 0.7).max(0.0)) as usize;
        let fade = if rng.below(2) == 0 {
            0.0
        } else {
            1.0 / (rate * 0.05 * 60f32.powf(rng.unit()))
        };
        let (depth, speed) = (
            0.01 * rng.unit() * rng.below(2) as f32,
            4.0 + 3.0 * rng.unit(),
        );
        let first = TAU * rng.unit();
        for h in 1..=partials {
            let f = pitch * h as f32;
            if f > 0.47 * rate {
                break;
            }
            let loud = (h as f32).powf(-tilt);
            let swing = depth * f / speed;
            let phase = first * h as f32;
            for (i, o) in out.iter_mut().skip(start).enumerate() {
                let t = i as f32 / rate;
                // A 5 ms attack.
                let attack = (t * 200.0).min(1.0);
                let bend = swing * (TAU * speed * t).sin();
                let turn = (f * t).fract() + bend;
                *o += loud * attack * (-fade * i as f32).exp() * (TAU * turn + phase).sin();
            }
        }
    }
    let power = out.iter().map(|s| s * s).sum::<f32>() / out.len().max(1) as f32;
    let scale = 1.0 / power.sqrt().max(1e-6);
    out.iter_mut().for_each(|o| *o *= scale);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_sequences_are_finite_level_and_the_same_for_a_seed() {
        let clip = |f: f32| Clip {
            name: f.to_string(),
            samples: (0..40_000)
                .map(|i| (9e3 * (i as f32 * f).sin()) as i16)
                .collect(),
        };
        let data = Dataset {
            clips: vec![clip(0.1), clip(0.23)],
        };
        let n = 8_000;
        let mut x = vec![0.0; 64 * n];
        data.draw(n, true, &mut Rng::new(3), &mut x);
        for seq in x.chunks_exact(n) {
            let rms = (seq.iter().map(|s| s * s).sum::<f32>() / n as f32).sqrt();
            assert!((LEVEL * 0.3..LEVEL * 1.7).contains(&rms), "{rms}");
        }
        let mut again = vec![0.0; x.len()];
        data.draw(n, true, &mut Rng::new(3), &mut again);
        assert_eq!(x, again);
    }
}
