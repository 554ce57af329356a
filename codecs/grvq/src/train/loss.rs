//! The training loss on samples: spectral distances at several resolutions and a perceptual term.
//!
//! One pass gives the value and its gradient with respect to the decoded samples, so that the
//! tape holds a single operation for it. Signals are at the codec's working level (RMS 0.05).

use nc_core::Result;
use nc_learn::Node;
use nc_learn::math::{exp, ln};
use nc_learn::spectrum::{Bins, Complex, Stft};

/// Weights of the loss terms.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Mean absolute difference of log mel energies.
    pub mel: f32,
    /// Mean absolute difference of magnitudes to the power 0.3.
    pub magnitude: f32,
    /// Mean absolute difference of log magnitudes.
    pub log: f32,
    /// Mean squared difference of complex spectra whose magnitudes are raised to the power 0.3,
    /// times the share that the loss is given for each sequence.
    pub complex: f32,
    /// Disturbance after P.862, in its own units of mean opinion score.
    pub disturbance: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            mel: 1.0,
            magnitude: 4.0,
            log: 0.2,
            complex: 8.0,
            disturbance: 1.0,
        }
    }
}

/// Means of each term over a call, unweighted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Terms {
    /// See [`Weights::mel`].
    pub mel: f32,
    /// See [`Weights::magnitude`].
    pub magnitude: f32,
    /// See [`Weights::log`].
    pub log: f32,
    /// See [`Weights::complex`].
    pub complex: f32,
    /// See [`Weights::disturbance`].
    pub disturbance: f32,
}

struct Resolution {
    stft: Stft,
    hop: usize,
    /// Per mel band: first bin and weights.
    mel: Vec<(usize, Vec<f32>)>,
}

/// The planned loss.
pub struct Loss {
    weights: Weights,
    resolutions: Vec<Resolution>,
    pesq: Stft,
}

/// Triangular mel filters (Slaney's formula for the scale is not needed: HTK's
/// `2595 log10(1 + f / 700)`), peak one.
fn mel_bank(bins: usize, bands: usize) -> Vec<(usize, Vec<f32>)> {
    let mel = |f: f64| 2595.0 * (1.0 + f / 700.0).log10();
    let inv = |m: f64| 700.0 * (10f64.powf(m / 2595.0) - 1.0);
    let top = mel(8000.0);
    let edge = |i: usize| inv(top * i as f64 / (bands + 1) as f64) / 8000.0 * (bins - 1) as f64;
    (0..bands)
        .map(|b| {
            let (lo, mid, hi) = (edge(b), edge(b + 1), edge(b + 2));
            let weight = |k: usize| {
                let k = k as f64;
                ((k - lo) / (mid - lo)).min((hi - k) / (hi - mid)).max(0.0) as f32
            };
            let first = (lo.floor() as usize).min(bins - 1);
            let last = (hi.ceil() as usize).min(bins - 1);
            (first, (first..=last).map(weight).collect::<Vec<f32>>())
        })
        // Narrow bands at coarse resolutions may hold no bin at all.
        .filter(|(_, w)| w.iter().sum::<f32>() > 0.1)
        .collect()
}

const EPS_MAG: f32 = 1e-5;
const EPS_LOG: f32 = 1e-4;
const EPS_MEL: f32 = 1e-4;

impl Loss {
    /// Plans the loss.
    ///
    /// # Errors
    /// None for these sizes.
    pub fn new(weights: Weights) -> Result<Self> {
        let resolutions: Result<Vec<_>> = [
            (1024, 256, 80),
            (512, 128, 64),
            (256, 64, 40),
            (128, 32, 20),
        ]
        .into_iter()
        .map(|(n, hop, bands)| {
            Ok(Resolution {
                stft: Stft::new(n)?,
                hop,
                mel: mel_bank(n / 2 + 1, bands),
            })
        })
        .collect();
        Ok(Self {
            weights,
            resolutions: resolutions?,
            pesq: Stft::new(512)?,
        })
    }

    /// The weighted loss of decoded samples `y [sequences, n]` against `x`, and its terms.
    /// `phase` is each sequence's share of the complex term: few codebooks cannot carry phase, and
    /// asking them to would only take energy away.
    ///
    /// # Errors
    /// None for sequences of one length.
    pub fn apply<'t>(&self, y: &Node<'t>, x: &[f32], phase: &[f32]) -> Result<(Node<'t>, Terms)> {
        let [seqs, n] = y.dims();
        let yv = y.values();
        let mut grad = vec![0.0; yv.len()];
        let mut terms = Terms::default();
        let share = 1.0 / seqs as f32;
        let pairs = yv.chunks_exact(n).zip(x.chunks_exact(n));
        for (((y, x), g), phase) in pairs.zip(grad.chunks_exact_mut(n)).zip(phase) {
            let part = share / self.resolutions.len() as f32;
            for r in &self.resolutions {
                self.spectral(r, y, x, (part, *phase), g, &mut terms)?;
            }
            self.disturbance(y, x, share, g, &mut terms)?;
        }
        let w = &self.weights;
        let value = w.mel * terms.mel
            + w.magnitude * terms.magnitude
            + w.log * terms.log
            + w.complex * terms.complex
            + w.disturbance * terms.disturbance;
        let node = y.tape().op([y], vec![value], [1, 1], move |up, _| {
            grad.iter_mut().for_each(|g| *g *= up[0]);
            Ok([Some(grad)])
        })?;
        Ok((node, terms))
    }

    fn spectral(
        &self,
        r: &Resolution,
        y: &[f32],
        x: &[f32],
        (share, phase): (f32, f32),
        g: &mut [f32],
        t: &mut Terms,
    ) -> Result<()> {
        let w = &self.weights;
        let frames = r.stft.count(y.len(), r.hop);
        let bins = r.stft.bins();
        let ys = r.stft.spectra(y, 0, r.hop, frames)?;
        let xs = r.stft.spectra(x, 0, r.hop, frames)?;
        let mut ds = vec![Complex::default(); ys.len()];
        // Level of a spectrum grows with the window; this brings all to that of 512.
        let level = 512.0 / r.stft.n_fft() as f32;
        let per_bin = share / (frames * bins) as f32;
        let per_mel = share / (frames * r.mel.len()) as f32;
        let (mut py, mut px, mut dp) = (vec![0.0; bins], vec![0.0; bins], vec![0.0; bins]);
        for ((ys, xs), ds) in ys
            .chunks_exact(bins)
            .zip(xs.chunks_exact(bins))
            .zip(ds.chunks_exact_mut(bins))
        {
            for k in 0..bins {
                py[k] = ys[k].power() * level;
                px[k] = xs[k].power() * level;
            }
            let (mut mag, mut log, mut complex) = (0.0, 0.0, 0.0);
            for k in 0..bins {
                let (cy, cx) = (
                    exp(0.15 * ln(py[k] + EPS_MAG)),
                    exp(0.15 * ln(px[k] + EPS_MAG)),
                );
                let d = cy - cx;
                mag += d.abs();
                dp[k] = w.magnitude * per_bin * d.signum() * 0.15 * cy / (py[k] + EPS_MAG);
                let l = ln(py[k] + EPS_LOG) - ln(px[k] + EPS_LOG);
                log += 0.5 * l.abs();
                // Down to none at 4 kHz, above which a few kbit/s cannot follow the phase.
                let low = phase * (1.0 - 2.0 * k as f32 / (bins - 1) as f32).max(0.0);
                if low > 0.0 {
                    let hy = cy / (py[k] + EPS_MAG).sqrt();
                    let hx = cx / (px[k] + EPS_MAG).sqrt();
                    let e = (ys[k] * hy - xs[k] * hx) * level.sqrt();
                    complex += low * e.power();
                    let c = w.complex * per_bin * low;
                    // Through the spectrum itself, then through its magnitude.
                    ds[k] = e * (2.0 * c * hy * level.sqrt());
                    let along = (e.re * ys[k].re + e.im * ys[k].im) * level.sqrt();
                    dp[k] -= 0.7 * c * along * hy / (py[k] + EPS_MAG);
                }
                dp[k] += w.log * per_bin * 0.5 * l.signum() / (py[k] + EPS_LOG);
            }
            t.magnitude += mag * per_bin;
            t.log += log * per_bin;
            t.complex += complex * per_bin;
            for (first, weights) in &r.mel {
                let dot = |p: &[f32]| {
                    p[*first..]
                        .iter()
                        .zip(weights)
                        .map(|(p, w)| p * w)
                        .sum::<f32>()
                };
                let (ey, ex) = (dot(&py) + EPS_MEL, dot(&px) + EPS_MEL);
                let d = (ey / ex).ln();
                t.mel += 0.5 * d.abs() * per_mel;
                let s = w.mel * per_mel * 0.5 * d.signum() / ey;
                for (dp, w) in dp[*first..].iter_mut().zip(weights) {
                    *dp += s * w;
                }
            }
            for k in 0..bins {
                ds[k] += ys[k] * (2.0 * level * dp[k]);
            }
        }
        r.stft.overlap_add(&ds, 0, r.hop, Bins::Once, g)
    }

    /// Disturbance after ITU-T P.862 (2001), sections 10.2.3 to 10.2.9, on the 49 bands of
    /// P.862.2, without its filtering, gain compensation and time alignment: Bark powers,
    /// loudness, dead zone, asymmetry, then the root mean square over frames.
    fn disturbance(
        &self,
        y: &[f32],
        x: &[f32],
        share: f32,
        g: &mut [f32],
        t: &mut Terms,
    ) -> Result<()> {
        const HOP: usize = 256;
        let bins = self.pesq.bins();
        let frames = self.pesq.count(y.len(), HOP);
        let ys = self.pesq.spectra(y, 0, HOP, frames)?;
        let xs = self.pesq.spectra(x, 0, HOP, frames)?;
        let total_width: f32 = BANDS.iter().map(|b| b.1).sum();
        let mut sym = Vec::with_capacity(frames);
        let mut asym = Vec::with_capacity(frames);
        let mut parts = Vec::with_capacity(frames);
        for (ys, xs) in ys.chunks_exact(bins).zip(xs.chunks_exact(bins)) {
            let mut first = 1;
            let (mut sq, mut lin, mut audible) = (0.0f32, 0.0f32, 0.0f32);
            let mut band = Vec::with_capacity(BANDS.len());
            for &(n, width, correction, threshold, exponent) in &BANDS {
                let power = |s: &[Complex]| {
                    s[first..first + n].iter().map(|c| c.power()).sum::<f32>() * POWER * correction
                };
                let (by, bx) = (power(ys), power(xs));
                first += n;
                if bx > threshold && width > 0.0 {
                    audible += bx;
                }
                let loud = |p: f32| {
                    if p <= threshold {
                        return (0.0, 0.0);
                    }
                    let base = 0.5 + 0.5 * p / threshold;
                    let k = LOUDNESS * (threshold / 0.5).powf(exponent);
                    let pow = base.powf(exponent);
                    (k * (pow - 1.0), k * exponent * pow / base * 0.5 / threshold)
                };
                let ((ly, slope), (lx, _)) = (loud(by), loud(bx));
                let d = ly - lx;
                let dead = 0.25 * ly.min(lx);
                let over = (d.abs() - dead).max(0.0);
                let mut ratio = ((by + 50.0) / (bx + 50.0)).powf(1.2);
                let mut dratio = 1.2 * ratio / (by + 50.0);
                if ratio < 3.0 {
                    (ratio, dratio) = (0.0, 0.0);
                } else if ratio > 12.0 {
                    (ratio, dratio) = (12.0, 0.0);
                }
                sq += (width * over).powi(2);
                lin += width * over * ratio;
                let dover = if over > 0.0 {
                    (d.signum() - if ly < lx { 0.25 } else { 0.0 }) * slope
                } else {
                    0.0
                };
                band.push((over, dover, ratio, dratio));
            }
            let weight = ((audible + 1e5) / 1e7).powf(0.04);
            let s = (sq / total_width).sqrt() * total_width / weight;
            let a = lin / weight;
            sym.push(s.min(45.0));
            asym.push(a.min(45.0));
            parts.push((band, weight, s, a));
        }
        let rms = |v: &[f32]| (v.iter().map(|d| d * d).sum::<f32>() / frames as f32 + 1e-3).sqrt();
        let (rs, ra) = (rms(&sym), rms(&asym));
        t.disturbance += share * (0.1 * rs + 0.0309 * ra);
        let w = self.weights.disturbance * share;
        let mut ds = vec![Complex::default(); ys.len()];
        for (j, (band, weight, s, a)) in parts.iter().enumerate() {
            let gs = if *s < 45.0 {
                w * 0.1 * s / (rs * frames as f32)
            } else {
                0.0
            };
            let ga = if *a < 45.0 {
                w * 0.0309 * a / (ra * frames as f32)
            } else {
                0.0
            };
            let mut first = 1;
            for (&(n, width, correction, _, _), (over, dover, ratio, dratio)) in
                BANDS.iter().zip(band)
            {
                let mut d = 0.0;
                if *s > 1e-6 {
                    d += gs * total_width / (s * weight * weight) * width * width * over * dover;
                }
                d += ga / weight * width * (dover * ratio + over * dratio);
                d *= 2.0 * POWER * correction;
                for k in first..first + n {
                    ds[j * bins + k] = ys[j * bins + k] * d;
                }
                first += n;
            }
        }
        self.pesq.overlap_add(&ds, 0, HOP, Bins::Once, g)
    }
}

/// Takes |spectrum|^2 at the working level to P.862's power units: its calibration puts speech at
/// a mean power of 1e7 (RMS 3162 of 16-bit samples), times Sp of P.862.2.
const POWER: f32 = (3162.0 / 0.05) * (3162.0 / 0.05) * 6.910_853e-6;
/// Sl of P.862.
const LOUDNESS: f32 = 0.186_605_5;
/// Bands of ITU-T P.862.2 at 16 kHz: bins, width in Bark, power density correction, hearing threshold
/// (tables of the recommendation's source), and the loudness exponent 0.23 with its rise under 4 Bark.
#[rustfmt::skip]
const BANDS: [(usize, f32, f32, f32, f32); 49] = [
    (1, 0.157344, 100.0, 5.128615e+07, 0.255201),
    (1, 0.317994, 100.0, 2454710.0, 0.255201),
    (1, 0.322441, 100.0, 70794.59, 0.255201),
    (1, 0.326934, 100.0, 4897.789, 0.255201),
    (1, 0.331474, 100.0, 1174.898, 0.251688),
    (1, 0.336061, 100.0, 389.0452, 0.248067),
    (1, 0.340697, 100.0, 104.7129, 0.244767),
    (1, 0.345381, 100.0, 45.70882, 0.241738),
    (2, 0.350114, 50.0, 17.7828, 0.238938),
    (1, 0.354897, 100.0, 9.772372, 0.236335),
    (1, 0.359729, 100.0, 4.897789, 0.233904),
    (1, 0.364611, 100.0, 3.090296, 0.231622),
    (1, 0.369544, 100.0, 1.905461, 0.23),
    (1, 0.374529, 100.0, 1.258925, 0.23),
    (2, 0.379565, 53.047, 0.977237, 0.23),
    (1, 0.384653, 110.0, 0.724436, 0.23),
    (1, 0.389794, 117.99, 0.562341, 0.23),
    (2, 0.394989, 65.0, 0.457088, 0.23),
    (2, 0.400236, 68.76, 0.389045, 0.23),
    (2, 0.405538, 70.0, 0.331131, 0.23),
    (2, 0.410894, 71.429, 0.295121, 0.23),
    (2, 0.416306, 75.0, 0.269153, 0.23),
    (2, 0.421773, 76.843, 0.25704, 0.23),
    (2, 0.427297, 80.969, 0.251189, 0.23),
    (2, 0.432877, 88.646, 0.251189, 0.23),
    (3, 0.438514, 63.864, 0.251189, 0.23),
    (3, 0.444209, 68.155, 0.251189, 0.23),
    (3, 0.449962, 72.548, 0.263027, 0.23),
    (3, 0.455774, 75.585, 0.288403, 0.23),
    (4, 0.461645, 58.379, 0.30903, 0.23),
    (3, 0.467577, 80.951, 0.338844, 0.23),
    (4, 0.473569, 64.136, 0.371535, 0.23),
    (5, 0.479621, 54.385, 0.398107, 0.23),
    (4, 0.485736, 73.822, 0.436516, 0.23),
    (5, 0.491912, 64.437, 0.467735, 0.23),
    (6, 0.498151, 59.176, 0.489779, 0.23),
    (6, 0.504454, 65.521, 0.501187, 0.23),
    (7, 0.510819, 61.4, 0.501187, 0.23),
    (8, 0.51725, 58.144, 0.512861, 0.23),
    (9, 0.523745, 57.005, 0.524807, 0.23),
    (9, 0.530308, 64.126, 0.524807, 0.23),
    (12, 0.536934, 54.311, 0.524807, 0.23),
    (12, 0.543629, 61.115, 0.512861, 0.23),
    (15, 0.55039, 55.078, 0.47863, 0.23),
    (16, 0.55722, 56.849, 0.42658, 0.23),
    (18, 0.564119, 55.629, 0.371535, 0.23),
    (21, 0.571085, 53.137, 0.363078, 0.23),
    (25, 0.578125, 54.986, 0.416869, 0.23),
    (20, 0.585232, 79.547, 0.537032, 0.23),
];
