//! Metrics of video: planes of 8 to 16 bits, whole clips.

use std::collections::BTreeMap;

use nc_core::{Result, Video};

use super::psnr::{decibels, plane_errors, psnr_411, psnr_611};
use super::ssim::{Plane, both};

/// Every metric of a clip by its name: `psnr-y`, `psnr-yuv611` and `psnr-yuv411` in dB, their errors
/// pooled over all frames, infinite where nothing differs; `ssim` and `ms-ssim` of brightness, the
/// mean over the frames 0, `every`, 2 `every`... (0 counts as 1).
///
/// What a clip has not is left out: PSNR of colour where it is grey, `ssim` of an edge below
/// [`super::WINDOW`] and `ms-ssim` of one below [`super::MS_SSIM_EDGE`]. Samples are compared as they are, of whichever
/// matrix and range.
///
/// # Errors
/// Those of [`plane_errors`].
pub fn all(
    original: Video<'_>,
    decoded: Video<'_>,
    every: usize,
) -> Result<BTreeMap<&'static str, f64>> {
    let errors = plane_errors(original, decoded)?;
    let format = original.format;
    let peak = f64::from(format.max());
    let mut out = BTreeMap::from([("psnr-y", decibels(errors[0], peak))]);
    if format.planes() == 3 {
        out.insert("psnr-yuv611", psnr_611(errors, peak));
        out.insert("psnr-yuv411", psnr_411(errors, peak));
    }
    let (width, height) = format.plane(0);
    let brightness = |video: Video<'_>, at: usize| {
        let samples = video.part(at, at + 1).map_or(&[][..], |v| v.samples);
        let samples = samples.iter().take(width * height);
        Plane::new(width, height, samples.map(|&v| v.into()).collect())
    };
    let frames = (0..original.frames()).step_by(every.max(1));
    let count = frames.len() as f64;
    for at in frames {
        for (name, value) in both(&brightness(original, at)?, &brightness(decoded, at)?, peak)? {
            *out.entry(name).or_default() += value / count;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use nc_core::{Chroma, Colour, Error, VideoBuf, VideoFormat};

    fn clip(chroma: Chroma, bits: u8, frames: usize) -> VideoBuf {
        let format = VideoFormat {
            width: 24,
            height: 16,
            rate: [25, 1],
            chroma,
            bits,
            colour: Colour::Video,
            alpha: false,
        };
        let n = format.frame_samples().unwrap() * frames;
        VideoBuf {
            format,
            samples: (0..n).map(|i| (i * 37 % 200) as u16).collect(),
        }
    }

    #[test]
    fn frames_are_pooled_or_picked() {
        let x = clip(Chroma::C420, 10, 4);
        let mut y = x.clone();
        let n = x.format.frame_samples().unwrap();
        // One frame of noise: the second.
        y.samples[n..2 * n]
            .iter_mut()
            .step_by(3)
            .for_each(|v| *v += 5);
        let got = all(x.view(), y.view(), 1).unwrap();
        let names: Vec<_> = got.keys().copied().collect();
        assert_eq!(names, ["psnr-y", "psnr-yuv411", "psnr-yuv611", "ssim"]);
        // A third of a quarter of all samples is off by 5.
        let want = 10.0 * (1023.0_f64.powi(2) * 12.0 / 25.0).log10();
        for name in ["psnr-y", "psnr-yuv411", "psnr-yuv611"] {
            assert!(
                (got[name] - want).abs() < 0.05,
                "{name}: {}, {want}",
                got[name]
            );
        }
        let alone = all(
            x.view().part(1, 2).unwrap(),
            y.view().part(1, 2).unwrap(),
            1,
        );
        let want = (3.0 + alone.unwrap()["ssim"]) / 4.0;
        assert!((got["ssim"] - want).abs() < 1e-6);
        // Every second frame: those that are exact.
        let skipped = all(x.view(), y.view(), 2).unwrap();
        assert!((skipped["ssim"] - 1.0).abs() < 1e-6);
        assert_eq!(skipped["psnr-y"], got["psnr-y"]);
        assert_eq!(all(x.view(), y.view(), 0).unwrap(), got);
    }

    #[test]
    fn grey_has_brightness_alone_and_nonsense_is_refused() {
        let x = clip(Chroma::Gray, 8, 2);
        let got = all(x.view(), x.view(), 1).unwrap();
        assert_eq!(got.into_keys().collect::<Vec<_>>(), ["psnr-y", "ssim"]);
        let other = clip(Chroma::Gray, 8, 1);
        let none = clip(Chroma::Gray, 8, 0);
        for (x, y) in [(&x, &other), (&none, &none)] {
            assert!(matches!(all(x.view(), y.view(), 1), Err(Error::Usage(_))));
        }
    }
}
