//! The one table of the command line that knows kinds of media: how a result is told.

use std::path::Path;

use nc::media::{ffmpeg, formats};
use nc::{Encoded, Error, Format, Info, MediaKind};

use crate::failure::Failure;
use crate::ui::is_dash;

/// What the size of a file comes to, for its summary: a rate, bits per pixel, bytes for each record.
pub fn rate(encoded: &Encoded) -> String {
    let (bytes, units) = (encoded.summary.bytes as f64, encoded.summary.units as f64);
    if let Some(kbps) = encoded.kbps() {
        return format!(", {kbps:.2} kbit/s");
    }
    match encoded.format {
        Format::Video(v) if units > 0.0 => {
            let pixels = f64::from(v.width) * f64::from(v.height) * units;
            format!(", {:.3} bits per pixel", bytes * 8.0 / pixels)
        }
        Format::Records(_) if units > 0.0 => {
            format!(", {:.2} for each of {units} records", bytes / units)
        }
        _ => String::new(),
    }
}

/// What is being encoded, for `-v`.
pub fn form(format: &Format) -> Option<String> {
    match format {
        Format::Audio(f) => Some(format!("{} Hz, {} channels", f.rate, f.channels)),
        Format::Video(v) => Some(format!("{} x {}, {} bits", v.width, v.height, v.bits)),
        _ => None,
    }
}

/// Lines of `nc info` on the form and the length of a signal, as label and text.
pub fn lines(info: &Info) -> Vec<(&'static str, String)> {
    let units = info.units;
    if let Some(v) = &info.video {
        let rate = v
            .fps
            .map_or(String::new(), |f| format!(", {f:.3} frames/s"));
        let colour = match v.colour {
            "image" => ", of images",
            "rgb" => ", red, green and blue",
            _ => "",
        };
        let opacity = if v.opacity { ", opacity" } else { "" };
        let form = format!(
            "{} x {}, {}, {} bits{rate}{colour}{opacity}",
            v.width, v.height, v.chroma, v.bits
        );
        let seconds = info
            .seconds
            .map_or(String::new(), |s| format!(", {s:.3} s"));
        return vec![
            ("video", form),
            ("length", format!("{units} frames{seconds}")),
        ];
    }
    if let (Some(rate), Some(channels), Some(depth)) = (info.rate, info.channels, info.depth) {
        let form = format!("{rate} Hz, {channels} channels, {depth}");
        let seconds = info
            .seconds
            .map_or(String::new(), |s| format!(", {s:.3} s"));
        return vec![
            ("audio", form),
            ("length", format!("{units} samples{seconds}")),
        ];
    }
    vec![match info.variables {
        Some(n) => ("length", format!("{units} records of {n} variables")),
        None => ("length", format!("{units} bytes")),
    }]
}

/// What the user may do about an encode that failed, beside what the error's code says.
pub fn hint_for_encoding(e: Error, input: &Path) -> Failure {
    let failure = Failure::from(e);
    let sound = || formats::of_file(input).is_some_and(|f| f.kind == Some(MediaKind::Audio));
    match (&failure.error, &failure.hint) {
        (Error::Format(_), None) if !is_dash(input) && ffmpeg::is_known(input) && sound() => {
            failure.hint("--codec grvq encodes its sound")
        }
        _ => failure,
    }
}
