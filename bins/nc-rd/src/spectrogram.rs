//! Log-magnitude spectrograms stacked in one picture, so that an ear's complaint can be seen.
//!
//! All panels share one scale, 0 to 8 kHz upwards and a fixed range of level under the loudest
//! point of the first file: a codec that dulls, smears or invents sound differs from the panel
//! above it, and one that only changes the colours' scale does not.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{Rgb, RgbImage};
use nc_corpora::audio;
use realfft::RealFftPlanner;

const FFT: usize = 512;
const HOP: usize = 128;
/// Levels shown, in dB under the loudest.
const RANGE: f64 = 75.0;
/// Steps of 1.5 dB, finer than an eye tells apart: they pack better than smooth shades.
const SHADES: f64 = 50.0;
/// Pixels between panels.
const GAP: u32 = 6;
/// Pictures wider than this are of no use on a page: about half a minute.
const WIDEST: usize = 4000;

/// Draws the files over one another, 125 columns a second.
///
/// # Errors
/// Unreadable input, less than one frame of it, an output that cannot be written.
pub fn draw(inputs: &[impl AsRef<Path>], output: &Path) -> Result<()> {
    let mut panels = Vec::new();
    for path in inputs {
        let path = path.as_ref();
        let x = audio::read(path).with_context(|| path.display().to_string())?;
        panels.push(Panel::of(&x).with_context(|| path.display().to_string())?);
    }
    let loudest = panels.first().map_or(0.0, Panel::loudest);
    let bytes = png(&picture(&panels, loudest))?;
    std::fs::write(output, bytes).with_context(|| output.display().to_string())
}

/// Levels of a sound in dB, per frame and bin.
pub struct Panel(Vec<Vec<f64>>);

impl Panel {
    /// Of samples at 16 kHz, 125 frames a second.
    ///
    /// # Errors
    /// Less than one frame.
    pub fn of(x: &[f32]) -> Result<Self> {
        let levels = levels(x)?;
        ensure!(!levels.is_empty(), "is shorter than 32 ms");
        Ok(Self(levels))
    }

    /// The highest level.
    pub fn loudest(&self) -> f64 {
        let all = self.0.iter().flatten().copied();
        all.fold(f64::NEG_INFINITY, f64::max)
    }

    /// As PNG under a highest level, and its size.
    ///
    /// # Errors
    /// None that input reaches.
    pub fn png(self, loudest: f64) -> Result<(Vec<u8>, (u32, u32))> {
        let picture = picture(&[self], loudest);
        Ok((png(&picture)?, picture.dimensions()))
    }
}

fn png(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // Few shades, no smooth areas: filters would only hide what repeats.
    let png =
        PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::NoFilter);
    picture.write_with_encoder(png)?;
    Ok(bytes)
}

/// dB per frame and bin, of a Hann window.
fn levels(x: &[f32]) -> Result<Vec<Vec<f64>>> {
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(FFT);
    let mut spectrum = fft.make_output_vec();
    let window: Vec<f64> = (0..FFT)
        .map(|i| 0.5 - 0.5 * (2.0 * std::f64::consts::PI * i as f64 / FFT as f64).cos())
        .collect();
    x.windows(FFT)
        .step_by(HOP)
        .take(WIDEST)
        .map(|part| {
            let mut frame: Vec<f64> = part
                .iter()
                .zip(&window)
                .map(|(&x, w)| f64::from(x) * w)
                .collect();
            fft.process(&mut frame, &mut spectrum)?;
            Ok(spectrum
                .iter()
                .map(|s| 10.0 * (s.norm_sqr() + 1e-12).log10())
                .collect())
        })
        .collect()
}

fn picture(panels: &[Panel], loudest: f64) -> RgbImage {
    let bins = (FFT / 2 + 1) as u32;
    let width = panels.iter().map(|p| p.0.len()).max().unwrap_or(1) as u32;
    let count = panels.len() as u32;
    let height = count * bins + count.saturating_sub(1) * GAP;
    let mut out = RgbImage::from_pixel(width, height.max(1), Rgb([255, 255, 255]));
    for (top, panel) in (0..).step_by((bins + GAP) as usize).zip(panels) {
        for (x, column) in (0_u32..).zip(&panel.0) {
            for (k, &db) in (0_u32..).zip(column) {
                let t = 1.0 + (db - loudest) / RANGE;
                out.put_pixel(x, top + bins - 1 - k, colour(t));
            }
        }
    }
    out
}

/// 0 to 1 on matplotlib's "magma", by its values at every eighth.
fn colour(t: f64) -> Rgb<u8> {
    const MAGMA: [[f64; 3]; 9] = [
        [0.0, 0.0, 4.0],
        [28.0, 16.0, 68.0],
        [79.0, 18.0, 123.0],
        [129.0, 37.0, 129.0],
        [181.0, 54.0, 122.0],
        [229.0, 80.0, 100.0],
        [251.0, 135.0, 97.0],
        [254.0, 194.0, 135.0],
        [252.0, 253.0, 191.0],
    ];
    let at = (t.clamp(0.0, 1.0) * SHADES).round() / SHADES * 8.0;
    let i = (at as usize).min(7);
    let f = at - i as f64;
    Rgb(std::array::from_fn(|c| {
        (MAGMA[i][c] + f * (MAGMA[i + 1][c] - MAGMA[i][c])).round() as u8
    }))
}

#[cfg(test)]
mod tests;
