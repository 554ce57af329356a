//! Interleaved samples, as sound cards and most crates hold them, to `[channels, samples]` and back.
//!
//! ```
//! use nc_media::sound::interleaved::{from_interleaved, to_interleaved};
//! let stereo = [100i16, -100, 200, -200];
//! let sound = from_interleaved(48_000, 2, &stereo)?;
//! assert_eq!(sound.samples.dim(), (2, 2));
//! assert_eq!(to_interleaved::<i16>(sound.samples.view()), stereo);
//! # Ok::<(), nc_core::Error>(())
//! ```

use nc_core::{AudioBuf, Error, Result};
use ndarray::{Array2, ArrayView2};

/// A sample as other crates hold it.
pub trait Sample: Copy {
    /// To the nominal range -1..=1; integers are divided by the power of two of their range.
    fn to_f32(self) -> f32;

    /// Back: rounded to nearest and clipped, what is not a number to 0.
    fn of_f32(x: f32) -> Self;
}

impl Sample for i16 {
    fn to_f32(self) -> f32 {
        f32::from(self) / 32_768.0
    }

    fn of_f32(x: f32) -> Self {
        // The conversion clips, and makes 0 of what is not a number.
        (f64::from(x) * 32_768.0).round() as Self
    }
}

impl Sample for i32 {
    fn to_f32(self) -> f32 {
        self as f32 / 2_147_483_648.0
    }

    fn of_f32(x: f32) -> Self {
        (f64::from(x) * 2_147_483_648.0).round() as Self
    }
}

impl Sample for f32 {
    fn to_f32(self) -> f32 {
        self
    }

    fn of_f32(x: f32) -> Self {
        x
    }
}

/// Sound from interleaved samples.
///
/// # Errors
/// [`Error::Usage`] for no channel, more than 255, or a number of samples that the channels do not divide.
pub fn from_interleaved<S: Sample>(rate: u32, channels: u16, samples: &[S]) -> Result<AudioBuf> {
    if !(1..=255).contains(&channels) {
        return Err(Error::Usage(format!("{channels} channels")));
    }
    let samples: Vec<f32> = samples.iter().map(|s| s.to_f32()).collect();
    let samples = split(&samples, channels.into())?;
    Ok(AudioBuf { rate, samples })
}

/// Interleaved samples of sound `[channels, samples]`.
pub fn to_interleaved<S: Sample>(samples: ArrayView2<'_, f32>) -> Vec<S> {
    samples.t().iter().map(|x| S::of_f32(*x)).collect()
}

/// `[channels, samples]` of interleaved samples.
pub(crate) fn split(flat: &[f32], channels: usize) -> Result<Array2<f32>> {
    let all = flat.len();
    let frames = all.checked_div(channels);
    let frames = frames
        .filter(|_| all.is_multiple_of(channels))
        .ok_or_else(|| {
            Error::Usage(format!(
                "{all} samples are not so many of {channels} channels"
            ))
        })?;
    let by_time = ndarray::ArrayView2::from_shape((frames, channels), flat);
    let by_time = by_time.map_err(|e| Error::Internal(e.to_string().into()))?;
    Ok(by_time.t().as_standard_layout().into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn integers_come_back_and_what_is_too_loud_is_clipped() {
        let all = [i16::MIN, -1, 0, 1, 1234, i16::MAX];
        let sound = from_interleaved(8_000, 3, &all).unwrap();
        assert_eq!(sound.samples[[1, 0]], -1.0 / 32_768.0);
        assert_eq!(to_interleaved::<i16>(sound.samples.view()), all);
        let deep = [i32::MIN, -256, 0, 1 << 24];
        let sound = from_interleaved(8_000, 1, &deep).unwrap();
        assert_eq!(to_interleaved::<i32>(sound.samples.view()), deep);
        let loud = ndarray::array![[2.0, f32::NAN, -2.0]];
        assert_eq!(to_interleaved::<i16>(loud.view()), [i16::MAX, 0, i16::MIN]);
    }

    #[test]
    fn channels_divide_the_samples() {
        for (channels, n) in [(0, 4), (2, 3), (256, 256)] {
            let e = from_interleaved(8_000, channels, &vec![0i16; n]);
            assert!(matches!(e, Err(Error::Usage(_))), "{channels}");
        }
    }
}
