//! SSIM and MS-SSIM of planes.
//!
//! SSIM: Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment: From Error Visibility to
//! Structural Similarity", IEEE TIP 13(4), 2004, eq. 13, with its Gaussian window of 11 x 11 and
//! sigma 1.5, its K1 = .01 and K2 = .03, over all windows that lie wholly inside, and without the
//! reduction that the authors' later script makes first. MS-SSIM: Wang, Simoncelli, Bovik,
//! "Multi-Scale Structural Similarity for Image Quality Assessment", Asilomar 2003, eq. 7, with
//! their five weights.

use nc_core::{Error, Result};

/// Taps of the window on one axis.
pub const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
/// Weights of the scales of MS-SSIM, the finest first.
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/// Shortest edge that MS-SSIM measures: one that is [`WINDOW`] long after halving four times.
pub const MS_SSIM_EDGE: usize = ((WINDOW - 1) << (WEIGHTS.len() - 1)) + 1;

/// A plane of samples, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    width: usize,
    height: usize,
    samples: Vec<f32>,
}

impl Plane {
    /// A plane of `width` times `height` samples.
    ///
    /// # Errors
    /// Usage for an edge of 0, another number of samples, and samples that are not finite.
    pub fn new(width: usize, height: usize, samples: Vec<f32>) -> Result<Self> {
        if width == 0 || width.checked_mul(height) != Some(samples.len()) || height == 0 {
            return Err(Error::Usage(format!(
                "a plane of {width} x {height} with {} samples",
                samples.len()
            )));
        }
        if !samples.iter().all(|v| v.is_finite()) {
            return Err(Error::Usage("a sample is not a finite number".into()));
        }
        Ok(Self {
            width,
            height,
            samples,
        })
    }

    /// The shorter edge.
    pub fn edge(&self) -> usize {
        self.width.min(self.height)
    }

    /// Half the size: means of 2 x 2 samples. Of an odd edge the last sample is counted twice, as
    /// the authors' symmetric border does.
    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut samples = Vec::with_capacity(width * height);
        for two in self.samples.chunks(2 * self.width) {
            let (above, below) = two.split_at(self.width);
            let below = if below.is_empty() { above } else { below };
            samples.extend(above.chunks(2).zip(below.chunks(2)).map(|(a, b)| {
                let sum = |x: &[f32]| x.first().unwrap_or(&0.0) + x.last().unwrap_or(&0.0);
                0.25 * (sum(a) + sum(b))
            }));
        }
        Self {
            width,
            height,
            samples,
        }
    }
}

/// SSIM, up to 1, of planes whose samples are 0..=`peak`.
///
/// # Errors
/// Usage for planes of different sizes, an edge below [`WINDOW`], and a peak that is not positive.
pub fn ssim(x: &Plane, y: &Plane, peak: f64) -> Result<f64> {
    check(x, y, peak)?;
    long_enough(x, WINDOW)?;
    Ok(means(x, y, peak)[0])
}

/// MS-SSIM, 0 to 1, of planes whose samples are 0..=`peak`. A negative mean of a scale counts as
/// 0, since it has no real power.
///
/// # Errors
/// As [`ssim`], for an edge below [`MS_SSIM_EDGE`]: fewer scales would be another measure.
pub fn ms_ssim(x: &Plane, y: &Plane, peak: f64) -> Result<f64> {
    check(x, y, peak)?;
    long_enough(x, MS_SSIM_EDGE)?;
    Ok(scales(x, y, peak)[1])
}

/// [`ssim`] and [`ms_ssim`], those for which the planes are large enough; cheaper than one by one.
///
/// # Errors
/// Usage for planes of different sizes and a peak that is not positive.
pub(super) fn both(x: &Plane, y: &Plane, peak: f64) -> Result<Vec<(&'static str, f64)>> {
    check(x, y, peak)?;
    Ok(match x.edge() {
        ..WINDOW => vec![],
        WINDOW..MS_SSIM_EDGE => vec![("ssim", means(x, y, peak)[0])],
        MS_SSIM_EDGE.. => ["ssim", "ms-ssim"]
            .into_iter()
            .zip(scales(x, y, peak))
            .collect(),
    })
}

/// SSIM, and MS-SSIM.
fn scales(x: &Plane, y: &Plane, peak: f64) -> [f64; 2] {
    let [ssim, structure] = means(x, y, peak);
    let mut product = structure.max(0.0).powf(WEIGHTS[0]);
    let (mut x, mut y) = (x.halved(), y.halved());
    for (scale, weight) in WEIGHTS.into_iter().enumerate().skip(1) {
        let [ssim, structure] = means(&x, &y, peak);
        if scale + 1 == WEIGHTS.len() {
            product *= ssim.max(0.0).powf(weight);
        } else {
            product *= structure.max(0.0).powf(weight);
            (x, y) = (x.halved(), y.halved());
        }
    }
    [ssim, product]
}

fn check(x: &Plane, y: &Plane, peak: f64) -> Result<()> {
    if (x.width, x.height) != (y.width, y.height) {
        return Err(Error::Usage(format!(
            "planes of one size are compared, not {} x {} and {} x {}",
            x.width, x.height, y.width, y.height
        )));
    }
    if !(peak > 0.0 && peak.is_finite()) {
        return Err(Error::Usage(format!("a peak of {peak}")));
    }
    Ok(())
}

fn long_enough(x: &Plane, least: usize) -> Result<()> {
    if x.edge() < least {
        return Err(Error::Usage(format!(
            "{} x {} is too small: the edges are {least} at least",
            x.width, x.height
        )));
    }
    Ok(())
}

/// The four filtered signals: x, y, x^2 + y^2, x y. The formula wants no other moments.
const MOMENTS: usize = 4;

/// Means over all windows of SSIM, and of its part for contrast and structure.
///
/// The window is separable; rows are filtered as they come into a ring of [`WINDOW`] rows, so that
/// memory is a few rows whatever the height.
fn means(x: &Plane, y: &Plane, peak: f64) -> [f64; 2] {
    let taps = taps();
    let wide = x.width + 1 - WINDOW;
    let (c1, c2) = ((0.01 * peak).powi(2) as f32, (0.03 * peak).powi(2) as f32);
    // Moments about the middle of the range: squares of small numbers round less.
    let middle = (peak / 2.0) as f32;
    let mut ring = vec![[const { Vec::new() }; MOMENTS]; WINDOW];
    for row in &mut ring {
        *row = std::array::from_fn(|_| vec![0.0_f32; wide]);
    }
    let mut moments: [Vec<f32>; MOMENTS] = std::array::from_fn(|_| vec![0.0; x.width]);
    let mut window: [Vec<f32>; MOMENTS] = std::array::from_fn(|_| vec![0.0; wide]);
    let mut sums = [0.0_f64; 2];
    let rows = x.samples.chunks(x.width).zip(y.samples.chunks(x.width));
    for (row, (x, y)) in rows.enumerate() {
        let [mx, my, squares, product] = &mut moments;
        for (i, (x, y)) in x.iter().zip(y).enumerate() {
            let (x, y) = (x - middle, y - middle);
            (mx[i], my[i], squares[i], product[i]) = (x, y, x * x + y * y, x * y);
        }
        for (out, moment) in ring[row % WINDOW].iter_mut().zip(&moments) {
            let parts: [&[f32]; WINDOW] = std::array::from_fn(|k| &moment[k..k + wide]);
            filter(out, &parts, &taps);
        }
        if row + 1 < WINDOW {
            continue;
        }
        for (m, out) in window.iter_mut().enumerate() {
            let parts = std::array::from_fn(|k| ring[(row + 1 + k) % WINDOW][m].as_slice());
            filter(out, &parts, &taps);
        }
        let [mx, my, squares, product] = &window;
        let mut of_row = [0.0_f32; 2];
        for i in 0..wide {
            let (a, b) = (mx[i], my[i]);
            let structure = (2.0 * (product[i] - a * b) + c2) / (squares[i] - a * a - b * b + c2);
            let (a, b) = (a + middle, b + middle);
            let light = (2.0 * a * b + c1) / (a * a + b * b + c1);
            of_row[0] += light * structure;
            of_row[1] += structure;
        }
        sums.iter_mut()
            .zip(of_row)
            .for_each(|(sum, row)| *sum += f64::from(row));
    }
    let windows = (wide * (x.height + 1 - WINDOW)) as f64;
    // Rounding may go above.
    sums.map(|sum| (sum / windows).min(1.0))
}

/// The weighted sum of rows, whose weights are symmetric.
fn filter(out: &mut [f32], rows: &[&[f32]; WINDOW], taps: &[f32; WINDOW]) {
    const HALF: usize = WINDOW / 2;
    out.iter_mut()
        .zip(rows[HALF])
        .for_each(|(o, v)| *o = taps[HALF] * v);
    for k in 0..HALF {
        for ((o, a), b) in out.iter_mut().zip(rows[k]).zip(rows[WINDOW - 1 - k]) {
            *o += taps[k] * (a + b);
        }
    }
}

/// The window on one axis, of sum 1.
fn taps() -> [f32; WINDOW] {
    let at = |i: usize| {
        let from_middle = i as f64 - (WINDOW / 2) as f64;
        (-from_middle.powi(2) / (2.0 * SIGMA * SIGMA)).exp()
    };
    let sum: f64 = (0..WINDOW).map(at).sum();
    std::array::from_fn(|i| (at(i) / sum) as f32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn plane(width: usize, height: usize, f: impl Fn(usize, usize) -> f32) -> Plane {
        let samples = (0..width * height)
            .map(|i| f(i % width, i / width))
            .collect();
        Plane::new(width, height, samples).unwrap()
    }

    #[test]
    fn equal_planes_are_one_and_flat_ones_differ_by_light_alone() {
        let x = plane(170, 163, |x, y| ((x * 7 + y * 13) % 256) as f32);
        let one = ssim(&x, &x, 255.0).unwrap();
        assert!(one <= 1.0 && one > 1.0 - 1e-6, "{one}");
        assert!((ms_ssim(&x, &x, 255.0).unwrap() - 1.0).abs() < 1e-6);
        // Two flat planes: only the first factor of eq. 13 is not 1.
        let (a, b) = (plane(20, 11, |_, _| 100.0), plane(20, 11, |_, _| 140.0));
        let want =
            (2.0 * 100.0 * 140.0 + 6.5025) / (100.0_f64.powi(2) + 140.0_f64.powi(2) + 6.5025);
        assert!((ssim(&a, &b, 255.0).unwrap() - want).abs() < 1e-6);
    }

    #[test]
    fn odd_edges_are_halved_with_their_last_sample_twice() {
        let x = plane(3, 3, |x, y| (x + 10 * y) as f32);
        let half = x.halved();
        assert_eq!((half.width, half.height), (2, 2));
        assert_eq!(half.samples, [5.5, 7.0, 20.5, 22.0]);
        assert_eq!(plane(1, 1, |_, _| 9.0).halved().samples, [9.0]);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        assert_eq!(MS_SSIM_EDGE, 161);
        let x = plane(160, 200, |x, _| x as f32);
        let small = plane(10, 200, |x, _| x as f32);
        assert!(ssim(&x, &x, 255.0).is_ok());
        for (result, why) in [
            (ms_ssim(&x, &x, 255.0), "too small"),
            (ssim(&small, &small, 255.0), "too small"),
            (ssim(&x, &small, 255.0), "one size"),
            (ssim(&x, &x, 0.0), "peak"),
            (ssim(&x, &x, f64::NAN), "peak"),
        ] {
            assert!(matches!(result, Err(Error::Usage(e)) if e.contains(why)));
        }
        assert!(Plane::new(0, 5, vec![]).is_err());
        assert!(Plane::new(5, 0, vec![]).is_err());
        assert!(Plane::new(usize::MAX, 2, vec![0.0; 4]).is_err());
        assert!(Plane::new(2, 1, vec![0.0, f32::NAN]).is_err());
    }
}
