//! How figures are called, in which unit and with how many digits.

use serde::Serialize;

/// A figure of results, by its key there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figure {
    /// Key in results.
    pub key: String,
    /// Its name for a reader.
    pub label: String,
    /// Its unit; empty where it has none.
    pub unit: &'static str,
    /// Digits after the point.
    pub digits: usize,
    /// Whether more of it is better.
    pub up: bool,
    /// What it measures.
    #[serde(skip)]
    pub about: &'static str,
}

impl Figure {
    /// Name and unit, as an axis has them.
    pub fn title(&self) -> String {
        if self.unit.is_empty() {
            self.label.clone()
        } else {
            format!("{} ({})", self.label, self.unit)
        }
    }

    /// A value with this figure's digits.
    pub fn show(&self, v: f64) -> String {
        format!("{v:.*}", self.digits)
    }
}

type Entry = (
    &'static str,
    &'static str,
    &'static str,
    usize,
    bool,
    &'static str,
);

/// Key, name, unit, digits, more is better, what it is.
#[rustfmt::skip]
const KNOWN: [Entry; 22] = [
    ("kbps", "Rate", "kbit/s", 2, false, "bits of the whole file on disk per second"),
    ("bpp", "Rate", "bits per pixel", 3, false, "bits of the whole file on disk per pixel"),
    ("bpd", "Rate", "bits per dimension", 3, false, "bits of the whole file on disk per value"),
    ("bytes", "Size", "bytes", 0, false, "bytes of the whole file on disk"),
    ("psnr-y", "PSNR Y", "dB", 2, true, "peak signal-to-noise ratio of luma"),
    ("psnr-yuv", "PSNR YUV 6:1:1", "dB", 2, true, "PSNR of Y, U and V, their mean squared errors weighted 6:1:1"),
    ("psnr-yuv611", "PSNR YUV 6:1:1", "dB", 2, true, "PSNR of Y, U and V, their mean squared errors weighted 6:1:1"),
    ("psnr-yuv411", "PSNR YUV 4:1:1", "dB", 2, true, "PSNR of Y, U and V, their mean squared errors weighted 4:1:1"),
    ("psnr-rgb", "PSNR RGB", "dB", 2, true, "peak signal-to-noise ratio over red, green and blue"),
    ("ssim", "SSIM", "", 4, true, "structural similarity, up to 1"),
    ("ms-ssim", "MS-SSIM", "", 4, true, "structural similarity over five scales, up to 1"),
    ("ms-ssim-db", "MS-SSIM", "dB", 2, true, "−10 log₁₀(1 − MS-SSIM)"),
    ("ssimulacra2", "SSIMULACRA 2", "", 2, true, "perceptual similarity, up to 100"),
    ("pesq-wb", "PESQ-WB", "MOS-LQO", 2, true, "ITU-T P.862.2, 1.0 to 4.64, for wideband speech"),
    ("stoi", "STOI", "", 3, true, "short-time objective intelligibility, up to 1"),
    ("estoi", "ESTOI", "", 3, true, "extended STOI, up to 1"),
    ("visqol", "ViSQOL", "MOS-LQO", 2, true, "similarity of neurograms, 1 to 5"),
    ("si-sdr", "SI-SDR", "dB", 2, true, "scale-invariant signal-to-distortion ratio"),
    ("snr", "SNR", "dB", 2, true, "signal-to-noise ratio of the waveform"),
    ("log-mel", "Log-mel distance", "dB", 2, false, "mean distance of log-mel spectra, 0 for equal signals"),
    ("encode_s", "Encode time", "seconds per input", 2, false, "wall time of the encoder, one input"),
    ("decode_s", "Decode time", "seconds per input", 2, false, "wall time of the decoder, one input"),
];

/// The figure with this key; one that is not known keeps its key as name and takes more for better.
pub fn figure(key: &str) -> Figure {
    let known = KNOWN.iter().find(|k| k.0 == key);
    let (_, label, unit, digits, up, about) = *known.unwrap_or(&("", "", "", 3, true, ""));
    Figure {
        key: key.to_owned(),
        label: if label.is_empty() { key } else { label }.to_owned(),
        unit,
        digits,
        up,
        about,
    }
}

/// A number with three significant digits and no exponent.
pub fn three(v: f64) -> String {
    if !v.is_finite() {
        return "n/a".into();
    }
    let digits = if v == 0.0 {
        0
    } else {
        (2 - v.abs().log10().floor() as i32).clamp(0, 6)
    };
    thousands(&format!("{v:.*}", digits as usize))
}

/// A whole number with a comma every three digits.
pub fn whole(v: u64) -> String {
    thousands(&v.to_string())
}

fn thousands(s: &str) -> String {
    let (sign, rest) = s.strip_prefix('-').map_or(("", s), |r| ("−", r));
    let (whole, part) = rest
        .split_once('.')
        .map_or((rest, None), |(w, p)| (w, Some(p)));
    let mut out = String::from(sign);
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(c);
    }
    if let Some(part) = part {
        out.push('.');
        out.push_str(part);
    }
    out
}

/// A number with its sign, one digit after the point.
pub fn signed(v: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", v.abs());
    let zero = text.chars().all(|c| c == '0' || c == '.');
    match (zero, v < 0.0) {
        (true, _) => text,
        (false, true) => format!("−{text}"),
        (false, false) => format!("+{text}"),
    }
}

#[cfg(test)]
mod tests;
