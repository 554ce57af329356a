//! PSNR of planes, and of planes together at 4:1:1 and 6:1:1.
//!
//! Errors of a plane are pooled over all frames before they become decibels: a mean of decibels
//! would let one black frame that comes back exactly hide all others. 4:1:1 weighs mean squared
//! errors as planes of half size have samples. 6:1:1 is the standards' mean of the three planes'
//! decibels (Ohm et al., "Comparison of the Coding Efficiency of Video Coding Standards", IEEE TCSVT
//! 22(12), 2012), which is infinite where one plane is exact.

use nc_core::{Error, Result, Video};

/// PSNR in dB; infinite for equal video.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Psnr {
    /// Of brightness.
    pub y: f64,
    /// Of all planes, their mean squared errors weighted 4:1:1; of brightness where it is alone.
    pub yuv: f64,
}

/// Mean squared error of each plane over all frames; 0 for planes that are not there.
///
/// # Errors
/// Usage for different formats or lengths and for no frame, Limit for a format beyond the limits.
pub fn plane_errors(x: Video<'_>, y: Video<'_>) -> Result<[f64; 3]> {
    let size = x.format.frame_samples()?;
    if x.format != y.format || x.samples.len() != y.samples.len() {
        return Err(Error::Usage(format!(
            "videos of one format and length are compared, not {} and {} frames",
            x.frames(),
            y.frames()
        )));
    }
    if x.frames() == 0 {
        return Err(Error::Usage("a video without a frame".into()));
    }
    let planes = x.format.planes();
    let sizes = [0, 1, 2].map(|i| {
        let (w, h) = x.format.plane(i);
        if i < planes { w * h } else { 0 }
    });
    // Of 16 bits a frame of the largest size stays below 2^60, a clip may not.
    let mut sums = [0.0; 3];
    for (x, y) in x
        .samples
        .chunks_exact(size)
        .zip(y.samples.chunks_exact(size))
    {
        let (mut x, mut y) = (x, y);
        for (sum, size) in sums.iter_mut().zip(sizes) {
            let (a, more_x) = x.split_at(size.min(x.len()));
            let (b, more_y) = y.split_at(size.min(y.len()));
            (x, y) = (more_x, more_y);
            let of_plane: u64 = a
                .iter()
                .zip(b)
                .map(|(&a, &b)| u64::from(a.abs_diff(b)).pow(2))
                .sum();
            *sum += of_plane as f64;
        }
    }
    let frames = x.frames() as f64;
    Ok(std::array::from_fn(|i| match sizes[i] {
        0 => 0.0,
        n => sums[i] / (n as f64 * frames),
    }))
}

/// PSNR of decoded video.
///
/// # Errors
/// Those of [`plane_errors`].
pub fn psnr(original: Video<'_>, decoded: Video<'_>) -> Result<Psnr> {
    let errors = plane_errors(original, decoded)?;
    let planes = original.format.planes();
    let peak = f64::from(original.format.max());
    let y = decibels(errors[0], peak);
    Ok(Psnr {
        y,
        yuv: if planes == 1 {
            y
        } else {
            psnr_411(errors, peak)
        },
    })
}

/// PSNR in dB of a mean squared error, of samples 0..=`peak`; infinite for no error.
pub(super) fn decibels(mse: f64, peak: f64) -> f64 {
    10.0 * (peak * peak / mse).log10()
}

/// PSNR of three planes whose mean squared errors are weighted 4:1:1.
pub(super) fn psnr_411(errors: [f64; 3], peak: f64) -> f64 {
    let [y, cb, cr] = errors;
    decibels((4.0 * y + cb + cr) / 6.0, peak)
}

/// Mean of the PSNR of three planes, weighted 6:1:1.
pub(super) fn psnr_611(errors: [f64; 3], peak: f64) -> f64 {
    let [y, cb, cr] = errors.map(|mse| decibels(mse, peak));
    (6.0 * y + cb + cr) / 8.0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use nc_core::{Chroma, Colour, VideoBuf, VideoFormat};

    /// Two frames of 3 x 2: 6 samples of brightness, 2 and 2 of colour.
    fn video(chroma: Chroma, bits: u8, samples: Vec<u16>) -> VideoBuf {
        VideoBuf {
            format: VideoFormat {
                width: 3,
                height: 2,
                rate: [25, 1],
                chroma,
                bits,
                colour: Colour::Video,
                alpha: false,
            },
            samples,
        }
    }

    #[test]
    fn planes_are_pooled_over_frames_and_weighted() {
        let x = video(Chroma::C420, 8, vec![100; 20]);
        let mut y = x.clone();
        // Brightness: 36 / 12 = 3. Cb: (4 + 4) / 4 = 2. Cr: 16 / 4 = 4.
        y.samples[0] = 106;
        y.samples[7] = 98;
        y.samples[16] = 102;
        y.samples[19] = 96;
        assert_eq!(plane_errors(x.view(), y.view()).unwrap(), [3.0, 2.0, 4.0]);
        let p = psnr(x.view(), y.view()).unwrap();
        // 65025 / 3 = 21675 in both: 43.3596 dB.
        assert!((p.y - 43.359_591).abs() < 1e-5, "{p:?}");
        assert!((p.yuv - p.y).abs() < 1e-12, "{p:?}");
        y.samples[19] = 100;
        let better = psnr(x.view(), y.view()).unwrap();
        // (4 * 3 + 2) / 6.
        assert_eq!(better.y, p.y);
        assert!((better.yuv - 10.0 * (65_025.0 * 6.0 / 14.0_f64).log10()).abs() < 1e-9);
    }

    #[test]
    fn grey_is_brightness_alone_and_deep_samples_have_their_peak() {
        let x = video(Chroma::Gray, 10, vec![0; 12]);
        let y = video(Chroma::Gray, 10, vec![1023; 12]);
        let p = psnr(x.view(), y.view()).unwrap();
        assert_eq!((p.y, p.yuv), (0.0, 0.0));
        assert!(psnr(x.view(), x.view()).unwrap().yuv.is_infinite());
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let x = video(Chroma::Gray, 8, vec![0; 12]);
        for y in [
            video(Chroma::Gray, 8, vec![0; 6]),
            video(Chroma::Gray, 10, vec![0; 12]),
        ] {
            assert!(matches!(psnr(x.view(), y.view()), Err(Error::Usage(_))));
        }
        let none = video(Chroma::Gray, 8, vec![]);
        assert!(psnr(none.view(), none.view()).is_err());
    }
}
