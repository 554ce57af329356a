//! Time alignment of a decoded signal with its original, by cross-correlation.
//!
//! A constant delay is a property of a codec's buffering and not of its sound. One whole-sample
//! lag for the whole signal is looked for; drift and jitter stay visible, as they should.

use nc_core::{Error, Result};
use realfft::RealFftPlanner;

/// Lags looked at: 250 ms to either side. AAC comes 64 ms late and MP3, which halves the rate of low bitrates, 138 ms.
pub const MAX_LAG: usize = 4000;
/// Correlation coefficient under which a lag means nothing: a codec that keeps magnitudes but no
/// phase has its peaks anywhere.
const LEAST: f64 = 0.3;

/// Samples by which `degraded` comes late (negative: early), -[`MAX_LAG`]..=[`MAX_LAG`]: the lag
/// of the highest cross-correlation. The nearest to zero wins a tie. Where no lag has a correlation
/// coefficient of 0.3, the waveforms do not follow each other and the lag is 0.
///
/// # Errors
/// Usage for an empty signal or non-finite samples.
pub fn lag(reference: &[f32], degraded: &[f32]) -> Result<isize> {
    if reference.is_empty() || degraded.is_empty() {
        return Err(Error::Usage("an empty signal has no lag".into()));
    }
    if !reference.iter().chain(degraded).all(|v| v.is_finite()) {
        return Err(Error::Usage("a sample is not a finite number".into()));
    }
    let n = (reference.len().max(degraded.len()) + MAX_LAG + 1).next_power_of_two();
    let mut planner = RealFftPlanner::<f64>::new();
    let forward = planner.plan_fft_forward(n);
    let inverse = planner.plan_fft_inverse(n);
    let spectrum = |x: &[f32]| {
        let mut padded = vec![0.0; n];
        padded
            .iter_mut()
            .zip(x)
            .for_each(|(p, &v)| *p = f64::from(v));
        let mut out = forward.make_output_vec();
        forward.process(&mut padded, &mut out).map(|()| out)
    };
    let failed = |e: realfft::FftError| Error::Usage(format!("cross-correlation: {e}"));
    let a = spectrum(reference).map_err(failed)?;
    let mut b = spectrum(degraded).map_err(failed)?;
    b.iter_mut().zip(&a).for_each(|(b, a)| *b *= a.conj());
    // Rounding may leave a trace of an imaginary part where the inverse wants none.
    if let Some(v) = b.first_mut() {
        v.im = 0.0;
    }
    if let Some(v) = b.last_mut() {
        v.im = 0.0;
    }
    let mut r = vec![0.0; n];
    inverse.process(&mut b, &mut r).map_err(failed)?;

    let mut best = (0, r[0]);
    for k in 1..=MAX_LAG {
        for (lag, value) in [(k as isize, r[k]), (-(k as isize), r[n - k])] {
            // Above the rounding of the transform, so that silence has lag 0.
            if value > best.1 + 1e-9 * r[0].abs() {
                best = (lag, value);
            }
        }
    }
    let power = |x: &[f32]| x.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
    // The transforms are not scaled.
    let coefficient = best.1 / n as f64 / (power(reference) * power(degraded)).sqrt();
    Ok(if coefficient >= LEAST { best.0 } else { 0 })
}

/// `degraded` as it lies over `reference` after alignment, of the reference's length. Its delay and what
/// comes after the reference's end cost nothing; where it has no sound for the reference's there is silence.
///
/// # Errors
/// As [`lag`].
pub fn align(reference: &[f32], degraded: &[f32]) -> Result<Vec<f32>> {
    let lag = lag(reference, degraded)?;
    let by = lag.unsigned_abs();
    let (early, rest) = if lag >= 0 {
        (0, degraded.get(by..).unwrap_or_default())
    } else {
        (by, degraded)
    };
    let mut out = vec![0.0; early];
    out.extend_from_slice(rest);
    out.resize(reference.len(), 0.0);
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::synth;

    #[test]
    fn unlike_waveforms_are_left_where_they_are() {
        let lag = lag(&synth::noise(1, 2.0, 0.1), &synth::noise(2, 2.0, 0.1)).unwrap();
        assert_eq!(lag, 0);
    }

    #[test]
    fn finds_delays_and_advances() {
        let x = synth::speech(3, 2.0);
        for shift in [0_isize, 1, 137, 2208, 4000, -1, -640, -3999] {
            let by = shift.unsigned_abs();
            let y: Vec<f32> = if shift >= 0 {
                std::iter::repeat_n(0.0, by)
                    .chain(x.iter().copied())
                    .collect()
            } else {
                x[by..].to_vec()
            };
            let y = synth::add_noise(&y, 5.0, 9);
            assert_eq!(lag(&x, &y).unwrap(), shift);
            let z = align(&x, &y).unwrap();
            assert_eq!(z.len(), x.len());
            let (lost, late) = if shift < 0 { (by, 0) } else { (0, by) };
            assert!(z[..lost].iter().all(|&v| v == 0.0));
            assert_eq!(z[lost..], y[late..]);
        }
    }

    #[test]
    fn silence_and_nonsense() {
        assert_eq!(lag(&[0.0; 100], &[0.0; 100]).unwrap(), 0);
        assert!(lag(&[], &[1.0]).is_err());
        assert!(lag(&[f32::NAN], &[1.0]).is_err());
        assert_eq!(align(&[1.0], &[0.5]).unwrap(), [0.5]);
    }

    #[test]
    fn what_is_missing_is_silence_and_a_tail_is_nothing() {
        let x = synth::speech(4, 1.0);
        let mut lost = x[..x.len() - 3000].to_vec();
        let y = align(&x, &lost).unwrap();
        assert_eq!(y[..lost.len()], lost);
        assert_eq!(y[lost.len()..], [0.0; 3000]);
        lost.clone_from(&x);
        lost.extend([0.2; 100]);
        assert_eq!(align(&x, &lost).unwrap(), x);
    }
}
