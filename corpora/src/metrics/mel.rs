//! Log-mel distance: how far two signals are apart in colour and level, blind to phase.
//!
//! Papers mean many things by the name; here it is the mean absolute difference, in dB, of mel
//! power spectra under librosa's defaults for the filters (Slaney's scale and area normalisation),
//! so that `librosa.feature.melspectrogram` gives the same numbers.

use nc_core::{Error, Result};
use realfft::RealFftPlanner;

use super::pair::{RATE, check};

/// Samples per transform and of its periodic Hann window.
pub const FFT: usize = 512;
/// Samples from one transform to the next; frames lie wholly inside the signal.
pub const HOP: usize = 128;
/// Mel bands, 0 to 8 kHz.
pub const BANDS: usize = 80;
/// Power below which a band counts as silent: white noise of about -88 dB of full scale.
const FLOOR: f64 = 1e-8;

/// Log-mel spectrogram in dB: one `[f64; BANDS]` a frame, `10 log10(max(power, 1e-8))`.
///
/// # Errors
/// Usage for less than one frame of samples.
pub fn log_mel(x: &[f32]) -> Result<Vec<[f64; BANDS]>> {
    if x.len() < FFT {
        return Err(Error::Usage(format!(
            "a log-mel spectrum needs {FFT} samples, got {}",
            x.len()
        )));
    }
    let window: Vec<f64> = (0..FFT)
        .map(|i| 0.5 - 0.5 * (2.0 * std::f64::consts::PI * i as f64 / FFT as f64).cos())
        .collect();
    let filters = filters();
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(FFT);
    let mut spectrum = fft.make_output_vec();
    let mut frame = vec![0.0; FFT];
    x.windows(FFT)
        .step_by(HOP)
        .map(|part| {
            for ((f, &x), w) in frame.iter_mut().zip(part).zip(&window) {
                *f = f64::from(x) * w;
            }
            fft.process(&mut frame, &mut spectrum)
                .map_err(|e| Error::Usage(format!("log-mel: {e}")))?;
            let mut out = [0.0; BANDS];
            for (o, filter) in out.iter_mut().zip(&filters) {
                let power: f64 = filter
                    .iter()
                    .zip(&spectrum)
                    .map(|(w, s)| w * s.norm_sqr())
                    .sum();
                *o = 10.0 * power.max(FLOOR).log10();
            }
            Ok(out)
        })
        .collect()
}

/// Mean over frames and bands of the absolute difference of [`log_mel`], in dB.
///
/// # Errors
/// Usage for unequal lengths, less than one frame, non-finite samples.
pub fn log_mel_distance(reference: &[f32], degraded: &[f32]) -> Result<f64> {
    check(reference, degraded)?;
    let (a, b) = (log_mel(reference)?, log_mel(degraded)?);
    let sum: f64 = a
        .iter()
        .flatten()
        .zip(b.iter().flatten())
        .map(|(a, b)| (a - b).abs())
        .sum();
    Ok(sum / (a.len() * BANDS) as f64)
}

/// Slaney's mel scale ("Auditory Toolbox", 1998): linear to 1 kHz, logarithmic above.
fn hz(mel: f64) -> f64 {
    if mel < 15.0 {
        mel * 200.0 / 3.0
    } else {
        1000.0 * (6.4_f64.ln() / 27.0 * (mel - 15.0)).exp()
    }
}

/// Triangles of unit area over the bins.
fn filters() -> Vec<Vec<f64>> {
    let top = 15.0 + (f64::from(RATE) / 2.0 / 1000.0).ln() * 27.0 / 6.4_f64.ln();
    let edges: Vec<f64> = (0..BANDS + 2)
        .map(|i| hz(top * i as f64 / (BANDS + 1) as f64))
        .collect();
    edges
        .windows(3)
        .map(|e| {
            (0..=FFT / 2)
                .map(|k| {
                    let f = k as f64 * f64::from(RATE) / FFT as f64;
                    let rise = (f - e[0]) / (e[1] - e[0]);
                    let fall = (e[2] - f) / (e[2] - e[1]);
                    rise.min(fall).max(0.0) * 2.0 / (e[2] - e[0])
                })
                .collect()
        })
        .collect()
}
