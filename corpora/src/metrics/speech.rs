//! Metrics of speech at 16 kHz, mono.
//!
//! They take the reference first, samples in -1..=1 at [`super::RATE`], and give an [`nc_core::Error::Usage`]
//! where a figure would mean nothing (empty or unequal lengths, silence, non-finite samples)
//! rather than a number that looks like one. [`Scores::of`] and [`all`] align the two signals in
//! time first: waveform metrics punish a codec's delay as if it were noise.

use std::collections::BTreeMap;

use nc_core::{Error, Result};

use super::pair::check;
use super::{align, estoi, log_mel_distance, stoi};

/// All metrics of one pair, after time alignment.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Scores {
    /// [`pesq_wb`], MOS-LQO 1.0 to 4.64.
    pub pesq_wb: f64,
    /// [`stoi`], up to 1.
    pub stoi: f64,
    /// [`estoi`], up to 1.
    pub estoi: f64,
    /// [`si_sdr`] in dB.
    pub si_sdr: f64,
    /// [`log_mel_distance`] in dB, 0 for equal signals.
    pub log_mel: f64,
}

impl Scores {
    /// Aligns the pair by up to [`super::MAX_LAG`] samples, as [`align`] does, and measures: a delay and a
    /// longer end cost nothing, sound that is missing does.
    ///
    /// # Errors
    /// Usage, from any of the metrics.
    pub fn of(reference: &[f32], degraded: &[f32]) -> Result<Self> {
        let (r, d) = (reference, align(reference, degraded)?);
        Ok(Self {
            pesq_wb: pesq_wb(r, &d)?,
            stoi: stoi(r, &d)?,
            estoi: estoi(r, &d)?,
            si_sdr: si_sdr(r, &d)?,
            log_mel: log_mel_distance(r, &d)?,
        })
    }
}

/// Every metric of a pair by its name, after alignment as in [`Scores::of`]: `pesq-wb`, `stoi`,
/// `estoi`, `si-sdr`, `log-mel`, and `snr` in dB, infinite where nothing differs. What is not defined
/// for the pair is left out: PESQ and STOI of what is too short, most of silence.
///
/// # Errors
/// Usage, where no metric is defined.
pub fn all(reference: &[f32], degraded: &[f32]) -> Result<BTreeMap<&'static str, f64>> {
    type Metric = fn(&[f32], &[f32]) -> Result<f64>;
    const ALL: [(&str, Metric); 6] = [
        ("pesq-wb", pesq_wb),
        ("stoi", stoi),
        ("estoi", estoi),
        ("si-sdr", si_sdr),
        ("snr", snr),
        ("log-mel", log_mel_distance),
    ];
    let degraded = align(reference, degraded)?;
    check(reference, &degraded)?;
    let measured = ALL.map(|(name, metric)| (name, metric(reference, &degraded)));
    let mut out = BTreeMap::new();
    let mut why = None;
    for (name, figure) in measured {
        match figure {
            Ok(v) => {
                out.insert(name, v);
            }
            Err(e) => why = Some(e),
        }
    }
    match why.filter(|_| out.is_empty()) {
        Some(e) => Err(e),
        None => Ok(out),
    }
}

/// Signal-to-noise ratio in dB: `10 log10(|x|^2 / |x - y|^2)`; infinite for equal signals.
///
/// # Errors
/// Usage for unequal lengths, a silent reference, non-finite samples.
pub fn snr(reference: &[f32], degraded: &[f32]) -> Result<f64> {
    check(reference, degraded)?;
    let signal: f64 = reference.iter().map(|&x| f64::from(x).powi(2)).sum();
    let noise: f64 = reference
        .iter()
        .zip(degraded)
        .map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2))
        .sum();
    ratio_db(signal, noise)
}

/// Scale-invariant signal-to-distortion ratio in dB (Le Roux et al., "SDR - half-baked or well
/// done?", ICASSP 2019, eq. 5), after removing each signal's mean. Minus infinity for a silent
/// `degraded`, infinity for a scaled copy.
///
/// # Errors
/// Usage for unequal lengths, a silent reference, non-finite samples.
pub fn si_sdr(reference: &[f32], degraded: &[f32]) -> Result<f64> {
    check(reference, degraded)?;
    let (x, y) = (centred(reference), centred(degraded));
    let dot: f64 = x.iter().zip(&y).map(|(a, b)| a * b).sum();
    let energy: f64 = x.iter().map(|a| a * a).sum();
    if energy <= 0.0 {
        return Err(silent());
    }
    let scale = dot / energy;
    let target = scale * scale * energy;
    let noise: f64 = x.iter().zip(&y).map(|(a, b)| (b - scale * a).powi(2)).sum();
    if target <= 0.0 {
        return Ok(f64::NEG_INFINITY);
    }
    ratio_db(target, noise)
}

/// PESQ wide-band MOS-LQO (ITU-T P.862.2), through the `pesq` crate on 16-bit samples.
///
/// # Errors
/// Usage for unequal lengths, less than a quarter of a second, silence, or no utterance found.
pub fn pesq_wb(reference: &[f32], degraded: &[f32]) -> Result<f64> {
    check(reference, degraded)?;
    // Levels are equalised first, so the score of silence is that of rounding noise.
    if [reference, degraded]
        .iter()
        .any(|x| x.iter().all(|&v| v == 0.0))
    {
        return Err(Error::Usage("PESQ of a silent signal".into()));
    }
    pesq::pesq_wb(&to_i16(reference), &to_i16(degraded))
        .map(f64::from)
        .map_err(|e| Error::Usage(format!("PESQ: {e}")))
}

/// To 16 bits, rounded and clipped.
fn to_i16(x: &[f32]) -> Vec<i16> {
    x.iter()
        .map(|v| (v * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16)
        .collect()
}

fn centred(x: &[f32]) -> Vec<f64> {
    let mean = x.iter().map(|&v| f64::from(v)).sum::<f64>() / x.len().max(1) as f64;
    x.iter().map(|&v| f64::from(v) - mean).collect()
}

fn ratio_db(signal: f64, noise: f64) -> Result<f64> {
    if signal <= 0.0 {
        return Err(silent());
    }
    Ok(10.0 * (signal / noise).log10())
}

fn silent() -> Error {
    Error::Usage("the reference is silent".into())
}
