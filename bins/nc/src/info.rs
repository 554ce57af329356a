//! `nc info`: what is in a file, from its frames alone; no model is loaded.

use std::fmt::Write;
use std::path::Path;

use nc::Info;
use serde_json::json;

use crate::args::Inputs;
use crate::batch::{self, Done};
use crate::failure::{Failure, Result};
use crate::kinds;
use crate::models;
use crate::ui::{Ui, label};

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Inputs, ui: &Ui) -> Result<u8> {
    // Quick, and read by people: one after the other.
    let mut code = 0;
    for file in batch::files(&args.files, args.recursive)? {
        let told = one(&file, ui);
        let its = batch::report(ui, &file, told);
        code = if code == 0 { its } else { code };
    }
    Ok(code)
}

fn one(file: &Path, ui: &Ui) -> Result<Done> {
    let info = ui.toolkit().info(batch::source(file));
    let info = info.map_err(models::hint_for_decoding)?;
    if !ui.wants_json() {
        ui.print(text(file, &info).trim_end())?;
    }
    let value = serde_json::to_value(&info).map_err(|e| Failure::usage(e.to_string()))?;
    Ok(Done(json!(value)))
}

/// The facts for a person.
fn text(path: &Path, info: &Info) -> String {
    let mut out = format!("{}:\n", label(path));
    let mut line = |label: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {label:<9} {value}");
    };
    let [major, minor] = info.version;
    line("format", format!("{major}.{minor}"));
    for track in std::iter::once(info).chain(&info.tracks) {
        line(
            "codec",
            format!("{}, bitstream {}", track.codec, track.bitstream),
        );
        line(
            "model",
            track.model.clone().unwrap_or_else(|| "none".into()),
        );
        for (label, value) in kinds::lines(track) {
            line(label, value);
        }
    }
    let rate = info
        .kbps
        .map_or(String::new(), |k| format!(", {k:.3} kbit/s"));
    let pixel = info.video.as_ref().and_then(|v| v.bits_per_pixel);
    let pixel = pixel.map_or(String::new(), |b| format!(", {b:.4} bits per pixel"));
    line(
        "size",
        format!(
            "{} bytes{rate}{pixel}, {} of them overhead, in {} chunks",
            info.bytes,
            info.overhead,
            std::iter::once(info)
                .chain(&info.tracks)
                .map(|t| t.chunks)
                .sum::<usize>()
        ),
    );
    for m in std::iter::once(info)
        .chain(&info.tracks)
        .flat_map(|t| &t.metadata)
    {
        line("metadata", format!("{}, {} bytes", m.tag, m.bytes));
    }
    out
}
