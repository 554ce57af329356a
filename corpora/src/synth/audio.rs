//! Sound: speech-like, music-like, noise, sweeps, silence.
//!
//! Tests must not hang on recordings that a clone does not have, and a codec for speech shows
//! little on sines. The speech here is a source-filter model (Fant 1960): glottal pulses with a
//! moving fundamental through formant resonators, fricative noise, pauses. It is intelligible to
//! metrics and not to people. All is 16 kHz, mono, -1..=1, and a function of the seed alone.

use std::f64::consts::PI;

use super::Rng;

/// Samples per second of everything here.
pub const RATE: u32 = 16_000;

const FS: f64 = RATE as f64;

/// Samples in `seconds`; none for nonsense.
fn samples(seconds: f64) -> usize {
    (seconds.clamp(0.0, 86_400.0) * FS).round() as usize
}

/// A resonator of two poles, unit gain at 0 Hz (Klatt 1980, eq. 1 and 2).
#[derive(Default)]
struct Resonator {
    y: [f64; 2],
}

impl Resonator {
    fn step(&mut self, x: f64, hz: f64, bandwidth: f64) -> f64 {
        let c = -(-2.0 * PI * bandwidth / FS).exp();
        let b = 2.0 * (-PI * bandwidth / FS).exp() * (2.0 * PI * hz / FS).cos();
        let out = (1.0 - b - c) * x + b * self.y[0] + c * self.y[1];
        self.y = [out, self.y[0]];
        out
    }
}

/// First three formants in Hz of ten vowels of a man (Peterson and Barney 1952).
const VOWELS: [[f64; 3]; 10] = [
    [270.0, 2290.0, 3010.0],
    [390.0, 1990.0, 2550.0],
    [530.0, 1840.0, 2480.0],
    [660.0, 1720.0, 2410.0],
    [730.0, 1090.0, 2440.0],
    [570.0, 840.0, 2410.0],
    [440.0, 1020.0, 2240.0],
    [300.0, 870.0, 2240.0],
    [640.0, 1190.0, 2390.0],
    [490.0, 1350.0, 1690.0],
];

/// Speech-like sound: phrases of syllables with a falling F0 contour, fricatives and pauses.
/// The seed also picks the voice: 85 to 260 Hz, and the length of the vocal tract.
pub fn speech(seed: u64, seconds: f64) -> Vec<f32> {
    let n = samples(seconds);
    let mut rng = Rng::new(seed ^ 0x0005_EEC4);
    let voice = rng.range(85.0, 260.0);
    let tract = 0.95 + (voice - 85.0) / 175.0 * 0.22;
    let mut out = vec![0.0; n];
    let mut at = samples(0.1);
    while at < n {
        // A phrase: 3 to 8 syllables, the pitch falls by a third.
        let syllables = 3 + (rng.uniform() * 6.0) as usize;
        let mut formants = VOWELS[0];
        for s in 0..syllables {
            let fall = 1.15 - 0.33 * s as f64 / syllables as f64;
            let f0 = voice * fall * rng.range(0.93, 1.1);
            if rng.uniform() < 0.6 {
                at += fricative(&mut rng, &mut out, at);
            } else {
                at += samples(rng.range(0.02, 0.06));
            }
            let to = *rng.pick(&VOWELS).unwrap_or(&VOWELS[0]);
            at += vowel(&mut rng, &mut out, at, f0, tract, formants, to);
            formants = to;
        }
        at += samples(rng.range(0.15, 0.5));
    }
    // Breath and room: recordings are never digitally silent.
    for v in &mut out {
        *v += 2e-4 * rng.normal();
    }
    level(&out, 0.06)
}

/// Adds noise through a high resonator; gives its length.
fn fricative(rng: &mut Rng, out: &mut [f64], at: usize) -> usize {
    let len = samples(rng.range(0.05, 0.12));
    let hz = rng.range(2500.0, 6500.0);
    let gain = rng.range(0.01, 0.05);
    let mut r = Resonator::default();
    for i in 0..len {
        let rise = (PI * i as f64 / len as f64).sin();
        let noise = rng.normal();
        let mut v = r.step(noise, hz, 900.0);
        v -= 0.9 * noise * (1.0 - hz / 8000.0);
        if let Some(o) = out.get_mut(at + i) {
            *o += gain * rise * v;
        }
    }
    len
}

/// Adds a voiced sound that glides from one vowel to another; gives its length.
fn vowel(
    rng: &mut Rng,
    out: &mut [f64],
    at: usize,
    f0: f64,
    tract: f64,
    from: [f64; 3],
    to: [f64; 3],
) -> usize {
    let len = samples(rng.range(0.09, 0.26));
    let bend = rng.range(-0.12, 0.08);
    let loud = rng.range(0.5, 1.0);
    let mut bank: [Resonator; 4] = Default::default();
    let mut phase = 0.0;
    let mut flow = 0.0;
    for i in 0..len {
        let t = i as f64 / len as f64;
        phase += f0 * (1.0 + bend * t) * (1.0 + 0.006 * rng.normal()) / FS;
        if phase >= 1.0 {
            phase -= 1.0;
        }
        // Rosenberg's pulse (1971): open for six tenths of the period; its derivative excites.
        let open = phase / 0.6;
        let next = if open < 1.0 {
            open * open * (1.0 - open) * 6.75
        } else {
            0.0
        };
        let breath = 0.01 * rng.normal() * next;
        let mut v = next - flow + breath;
        flow = next;
        let glide = (t * 3.0).min(1.0);
        for (k, r) in bank.iter_mut().enumerate() {
            let (hz, width) = match k {
                3 => (3500.0, 250.0),
                _ => (from[k] + (to[k] - from[k]) * glide, 60.0 + 40.0 * k as f64),
            };
            v = r.step(v, (hz * tract).min(7600.0), width);
        }
        let rise = (t * 8.0).min((1.0 - t) * 5.0).min(1.0);
        if let Some(o) = out.get_mut(at + i) {
            *o += loud * rise * v;
        }
    }
    len
}

/// Music-like sound: chords of decaying harmonic tones over a drum pattern.
pub fn music(seed: u64, seconds: f64) -> Vec<f32> {
    let n = samples(seconds);
    let mut rng = Rng::new(seed ^ 0x0003_051C);
    let mut out = vec![0.0; n];
    let beat = samples(rng.range(0.22, 0.32)).max(1);
    let root = rng.range(110.0, 165.0);
    // Semitones over the root: I, vi, IV, V.
    const CHORDS: [[i32; 4]; 4] = [[0, 4, 7, 12], [-3, 0, 4, 9], [-7, -3, 0, 5], [-5, -1, 2, 7]];
    for (b, at) in (0..n).step_by(beat).enumerate() {
        if b % 4 == 0 {
            let chord = CHORDS[(b / 4) % 4];
            for note in chord {
                let hz = root * 2.0_f64.powf(f64::from(note) / 12.0) * rng.range(0.999, 1.001);
                pluck(&mut out, at, 4 * beat, hz, &mut rng);
            }
        }
        let (gain, keep) = if b % 4 == 2 {
            (0.3, 0.9985)
        } else {
            (0.12, 0.995)
        };
        let mut e = gain;
        let mut last = 0.0;
        for o in out.iter_mut().skip(at).take(beat) {
            let noise = rng.normal();
            *o += e * (noise - 0.8 * last);
            last = noise;
            e *= keep;
        }
        if b % 2 == 0 {
            for (i, o) in out.iter_mut().skip(at).take(2400).enumerate() {
                let t = i as f64 / FS;
                *o += 0.8
                    * (-t * 25.0).exp()
                    * (2.0 * PI * (50.0 * t + 2.0 * (1.0 - (-t * 40.0).exp()))).sin();
            }
        }
    }
    level(&out, 0.1)
}

fn pluck(out: &mut [f64], at: usize, len: usize, hz: f64, rng: &mut Rng) {
    for h in 1..=12 {
        let f = hz * f64::from(h);
        if f > 7500.0 {
            break;
        }
        let phase = rng.range(0.0, 2.0 * PI);
        let gain = 0.25 / f64::from(h);
        let decay = 1.5 + 0.8 * f64::from(h);
        for (i, o) in out.iter_mut().skip(at).take(len).enumerate() {
            let t = i as f64 / FS;
            let rise = (t * 200.0).min(1.0);
            *o += gain * rise * (-t * decay).exp() * (2.0 * PI * f * t + phase).sin();
        }
    }
}

/// White Gaussian noise of this RMS, clipped at full scale.
pub fn noise(seed: u64, seconds: f64, rms: f32) -> Vec<f32> {
    let mut rng = Rng::new(seed ^ 0x0004_0153);
    (0..samples(seconds))
        .map(|_| ((rng.normal() as f32) * rms).clamp(-1.0, 1.0))
        .collect()
}

/// Sine sweep from `low` to `high` Hz, logarithmic in frequency (Farina 2000, eq. 4), peak 0.5.
pub fn sweep(seconds: f64, low: f64, high: f64) -> Vec<f32> {
    let n = samples(seconds);
    let k = (high / low).ln();
    let t = n as f64 / FS;
    (0..n)
        .map(|i| {
            let p = 2.0 * PI * low * t / k * ((i as f64 / FS / t * k).exp() - 1.0);
            (0.5 * p.sin()) as f32
        })
        .collect()
}

/// Zeros.
pub fn silence(seconds: f64) -> Vec<f32> {
    vec![0.0; samples(seconds)]
}

/// Amplified by `gain` and clipped at full scale.
pub fn clipped(x: &[f32], gain: f32) -> Vec<f32> {
    x.iter().map(|v| (v * gain).clamp(-1.0, 1.0)).collect()
}

/// Adds white noise at exactly this signal-to-noise ratio in dB; silence stays silent.
pub fn add_noise(x: &[f32], snr_db: f64, seed: u64) -> Vec<f32> {
    let mut rng = Rng::new(seed ^ 0xADD);
    let noise: Vec<f64> = x.iter().map(|_| rng.normal()).collect();
    let signal: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum();
    let power: f64 = noise.iter().map(|v| v * v).sum();
    if power <= 0.0 {
        return x.to_vec();
    }
    let gain = (signal / power * 10.0_f64.powf(-snr_db / 10.0)).sqrt();
    x.iter()
        .zip(&noise)
        .map(|(&x, n)| (f64::from(x) + gain * n) as f32)
        .collect()
}

/// Low-pass of 12 dB an octave at `hz`: a dull channel.
pub fn low_pass(x: &[f32], hz: f64) -> Vec<f32> {
    let mut r = Resonator::default();
    x.iter()
        .map(|&v| r.step(f64::from(v), hz * 0.7, hz) as f32)
        .collect()
}

/// To this RMS, peaks held under full scale.
fn level(x: &[f64], rms: f64) -> Vec<f32> {
    let power = x.iter().map(|v| v * v).sum::<f64>() / x.len().max(1) as f64;
    let peak = x.iter().fold(0.0_f64, |a, v| a.max(v.abs()));
    if power <= 0.0 {
        return vec![0.0; x.len()];
    }
    let gain = (rms / power.sqrt()).min(0.98 / peak);
    x.iter().map(|v| (v * gain) as f32).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn seeds_decide_everything() {
        assert_eq!(speech(1, 1.0), speech(1, 1.0));
        assert_ne!(speech(1, 1.0), speech(2, 1.0));
        assert_eq!(music(1, 1.0), music(1, 1.0));
        assert_ne!(noise(1, 0.1, 0.1), noise(2, 0.1, 0.1));
    }

    #[test]
    fn levels_and_lengths() {
        for seed in 0..8 {
            for x in [speech(seed, 2.5), music(seed, 2.5)] {
                assert_eq!(x.len(), 40_000);
                assert!(x.iter().all(|v| v.abs() <= 0.99));
                let rms = (x.iter().map(|v| v * v).sum::<f32>() / 40_000.0).sqrt();
                assert!((0.02..0.11).contains(&rms), "{rms}");
            }
        }
        assert!(speech(1, 0.0).is_empty() && speech(1, f64::NAN).is_empty());
        assert_eq!(silence(0.5), vec![0.0; 8000]);
        assert!(clipped(&speech(1, 1.0), 40.0).contains(&1.0));
    }

    #[test]
    fn speech_has_pauses_and_a_falling_spectrum() {
        let x = speech(5, 4.0);
        let energy: Vec<f32> = x
            .chunks(320)
            .map(|c| c.iter().map(|v| v * v).sum())
            .collect();
        let loudest = energy.iter().copied().fold(0.0, f32::max);
        let quiet = energy.iter().filter(|e| **e < loudest * 1e-3).count();
        assert!(quiet > energy.len() / 20, "{quiet} of {}", energy.len());
        let power = |x: &[f32]| x.iter().map(|v| v * v).sum::<f32>();
        assert!(power(&low_pass(&x, 1200.0)) > 0.5 * power(&x));
    }
}
