//! Metrics of images of 8-bit red, green and blue.
//!
//! PSNR of planes is that of full-range BT.601 YCbCr (JFIF) that is not rounded, so that no codec
//! is judged by another's rounding. SSIM and MS-SSIM are means over the three colours, as the
//! field's benches of learnt codecs have them.

use std::collections::BTreeMap;

use fast_ssim2::{PixelDescriptor, PixelSlice, compute_ssimulacra2};
use nc_core::{Error, Result};

use super::psnr::{decibels, psnr_411, psnr_611};
use super::ssim::{Plane, both};

/// An image: red, green and blue of each pixel, row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RgbView<'a> {
    width: usize,
    height: usize,
    samples: &'a [u8],
}

impl<'a> RgbView<'a> {
    /// An image of `width` times `height` pixels of three samples.
    ///
    /// # Errors
    /// Usage for an edge of 0 and another number of samples.
    pub fn new(width: usize, height: usize, samples: &'a [u8]) -> Result<Self> {
        let wanted = width.checked_mul(height).and_then(|n| n.checked_mul(3));
        if samples.is_empty() || wanted != Some(samples.len()) {
            return Err(Error::Usage(format!(
                "an RGB image of {width} x {height} with {} samples",
                samples.len()
            )));
        }
        Ok(Self {
            width,
            height,
            samples,
        })
    }

    /// Red, green or blue alone.
    fn plane(&self, colour: usize) -> Result<Plane> {
        let samples = self.samples.iter().skip(colour).step_by(3);
        Plane::new(
            self.width,
            self.height,
            samples.map(|&v| v.into()).collect(),
        )
    }

    /// As `fast-ssim2` takes it.
    fn slice(&self) -> Result<PixelSlice<'_>> {
        let edges = u32::try_from(self.width).and_then(|w| Ok((w, u32::try_from(self.height)?)));
        let (width, height) = edges.map_err(failed)?;
        let stride = self.width * 3;
        let descriptor = PixelDescriptor::RGB8_SRGB;
        PixelSlice::new(self.samples, width, height, stride, descriptor).map_err(failed)
    }

    fn is_grey(&self) -> bool {
        self.pixels().iter().all(|[r, g, b]| r == g && g == b)
    }

    const fn pixels(&self) -> &[[u8; 3]] {
        self.samples.as_chunks().0
    }
}

/// Mean squared errors of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errors {
    /// Of red, green and blue together.
    pub rgb: f64,
    /// Of Y, Cb and Cr.
    pub ycbcr: [f64; 3],
}

/// Mean squared errors, on the scale of 8-bit samples.
///
/// # Errors
/// Usage for images of different sizes.
pub fn errors(reference: &RgbView<'_>, decoded: &RgbView<'_>) -> Result<Errors> {
    check(reference, decoded)?;
    let mut rgb = 0_u64;
    let mut ycbcr = [0.0; 3];
    let (x, y) = (reference.pixels(), decoded.pixels());
    for (x, y) in x.iter().zip(y) {
        let [r, g, b]: [i32; 3] = std::array::from_fn(|i| i32::from(x[i]) - i32::from(y[i]));
        rgb += u64::from((r * r + g * g + b * b).unsigned_abs());
        // The transform is linear: it may as well be that of the differences.
        let [r, g, b] = [r, g, b].map(f64::from);
        let luma = 0.299 * r + 0.587 * g + 0.114 * b;
        let colours = [luma, (b - luma) / 1.772, (r - luma) / 1.402];
        ycbcr
            .iter_mut()
            .zip(colours)
            .for_each(|(sum, d)| *sum += d * d);
    }
    let pixels = x.len() as f64;
    Ok(Errors {
        rgb: rgb as f64 / (3.0 * pixels),
        ycbcr: ycbcr.map(|sum| sum / pixels),
    })
}

/// Every metric of a pair by its name: `psnr-rgb`, `psnr-y`, `psnr-yuv611`, `psnr-yuv411` in dB,
/// infinite where nothing differs; `ssim`, `ms-ssim`, up to 1; `ssimulacra2`, up to 100.
///
/// What an image has not is left out: PSNR of colour where both are grey, `ssim` of an edge below
/// [`super::WINDOW`] and `ms-ssim` of one below [`super::MS_SSIM_EDGE`].
///
/// # Errors
/// Usage for images of different sizes.
pub fn all(reference: &RgbView<'_>, decoded: &RgbView<'_>) -> Result<BTreeMap<&'static str, f64>> {
    let errors = errors(reference, decoded)?;
    let mut out = BTreeMap::from([
        ("psnr-rgb", decibels(errors.rgb, 255.0)),
        ("psnr-y", decibels(errors.ycbcr[0], 255.0)),
        ("ssimulacra2", ssimulacra2(reference, decoded)?),
    ]);
    if !(reference.is_grey() && decoded.is_grey()) {
        out.insert("psnr-yuv611", psnr_611(errors.ycbcr, 255.0));
        out.insert("psnr-yuv411", psnr_411(errors.ycbcr, 255.0));
    }
    for colour in 0..3 {
        let (x, y) = (reference.plane(colour)?, decoded.plane(colour)?);
        for (name, value) in both(&x, &y, 255.0)? {
            *out.entry(name).or_default() += value / 3.0;
        }
    }
    Ok(out)
}

/// SSIMULACRA2 (Sneyers 2022, version 2.1), 100 for equal images, through the `fast-ssim2` crate.
///
/// # Errors
/// Usage for images of different sizes or of more pixels than the crate takes.
pub fn ssimulacra2(reference: &RgbView<'_>, decoded: &RgbView<'_>) -> Result<f64> {
    check(reference, decoded)?;
    compute_ssimulacra2(&reference.slice()?, &decoded.slice()?).map_err(failed)
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::Usage(format!("SSIMULACRA2: {e}"))
}

fn check(x: &RgbView<'_>, y: &RgbView<'_>) -> Result<()> {
    if (x.width, x.height) != (y.width, y.height) {
        return Err(Error::Usage(format!(
            "images of one size are compared, not {} x {} and {} x {}",
            x.width, x.height, y.width, y.height
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn errors_are_those_of_the_planes() {
        let x = [100_u8; 12];
        let mut y = x;
        // One pixel of four: red by 10, blue by -20.
        y[3] = 110;
        y[5] = 80;
        let view = |s| RgbView::new(2, 2, s).unwrap();
        let got = errors(&view(&x), &view(&y)).unwrap();
        assert_eq!(got.rgb, 500.0 / 12.0);
        // Y: 2.99 - 2.28 = .71; Cb: (-20 - .71) / 1.772; Cr: (10 - .71) / 1.402.
        for (got, want) in got.ycbcr.iter().zip([0.71, 20.71 / 1.772, 9.29 / 1.402]) {
            assert!((got - want * want / 4.0_f64).abs() < 1e-12);
        }
    }

    #[test]
    fn what_an_image_has_not_is_left_out() {
        let names = |w: usize, h: usize, grey: bool| {
            let x: Vec<u8> = (0..w * h)
                .flat_map(|i| [i, i + usize::from(!grey), i].map(|v| (v % 251) as u8))
                .collect();
            let y: Vec<u8> = x.iter().map(|v| v + 2).collect();
            let view = |s| RgbView::new(w, h, s).unwrap();
            let all = all(&view(&x), &view(&y)).unwrap();
            assert!(all.values().all(|v| v.is_finite()), "{all:?}");
            all.into_keys().collect::<Vec<_>>().join(" ")
        };
        let colours = "psnr-rgb psnr-y psnr-yuv411 psnr-yuv611 ssim ssimulacra2";
        assert_eq!(names(160, 30, false), colours);
        assert_eq!(names(161, 162, false), format!("ms-ssim {colours}"));
        assert_eq!(names(28, 28, true), "psnr-rgb psnr-y ssim ssimulacra2");
        assert_eq!(names(1, 1, true), "psnr-rgb psnr-y ssimulacra2");
    }

    #[test]
    fn equal_images_and_nonsense() {
        let x: Vec<u8> = (0..20 * 20 * 3).map(|i| (i % 256) as u8).collect();
        let view = RgbView::new(20, 20, &x).unwrap();
        let got = all(&view, &view).unwrap();
        assert_eq!(got["psnr-yuv611"], f64::INFINITY);
        assert!((got["ssim"] - 1.0).abs() < 1e-6);
        assert_eq!(got["ssimulacra2"], 100.0);
        let other = RgbView::new(25, 16, &x).unwrap();
        assert!(matches!(all(&view, &other), Err(Error::Usage(_))));
        assert!(ssimulacra2(&view, &other).is_err());
        for (w, h) in [(0, 0), (0, 20), (20, 19), (usize::MAX, 3)] {
            assert!(matches!(RgbView::new(w, h, &x), Err(Error::Usage(_))));
        }
        assert!(RgbView::new(0, 0, &[]).is_err());
    }
}
