//! `nc info`: what is in a file, from its frames alone; no model is loaded.

use std::fmt::Write;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use nc_core::{Archive, AudioFormat, Chroma, Format, RecordsFormat, Registry, SampleDepth};
use serde_json::{Value, json};

use crate::args::Inputs;
use crate::batch::{self, Done};
use crate::decode::not_nc;
use crate::encode::{bits_per_pixel, kbps, seconds};
use crate::failure::Result;
use crate::files::{input, is_nc, is_nc_file};
use crate::ui::{Ui, label};

/// Runs the command; gives the exit code.
///
/// # Errors
/// What stops all files; the failures of single files are reported and in the code.
pub fn run(args: &Inputs, ui: &Ui) -> Result<u8> {
    let registry = nc::registry();
    let files = batch::files(&args.files, args.recursive, is_nc_file)?;
    Ok(batch::run_in_order(
        ui,
        &files,
        |file| file,
        |file, _| {
            let facts = facts(file, &registry, ui)?;
            if !ui.wants_json() {
                ui.print(text(file, &facts).trim_end())?;
            }
            Ok(Done(facts))
        },
    ))
}

/// Memory of one piece of metadata in JSON, at most.
const PIECE: u64 = 2048;

/// The facts of one file, under the names that `--json` prints.
fn facts(path: &Path, registry: &Registry, ui: &Ui) -> Result<Value> {
    let input = input(path)?;
    if !is_nc(input.sniff()) {
        return Err(not_nc(&input));
    }
    let mut file = input.seekable()?;
    let mut version = [0; 10];
    file.read_exact(&mut version)
        .map_err(|_| nc_core::Error::Format("the file ends early".into()))?;
    file.seek(SeekFrom::Start(0))?;
    let mut archive = Archive::open(BufReader::new(file), ui.budget())?;
    let header = *archive.header();
    let payload = archive.payload()?;
    let pieces = archive.meta()?.len() as u64;
    archive
        .budget()
        .share()
        .charge(pieces.saturating_mul(PIECE))?;
    let metadata: Vec<Value> = archive
        .meta()?
        .iter()
        .map(|m| json!({ "tag": m.tag.escape_ascii().to_string(), "bytes": m.data.len() }))
        .collect();
    let units = archive.units();
    let bytes = archive.bytes();
    let seconds = seconds(header.format, units);
    let (kind, rate, channels, depth) = match header.format {
        Format::Audio(AudioFormat {
            rate,
            channels,
            depth,
        }) => ("audio", Some(rate), Some(channels), Some(depth_name(depth))),
        Format::Records(..) => ("records", None, None, None),
        Format::Video(_) => ("video", None, None, None),
        _ => ("bytes", None, None, None),
    };
    let variables = match header.format {
        Format::Records(RecordsFormat { variables }) => Some(variables),
        _ => None,
    };
    let video = match header.format {
        Format::Video(v) => Some(json!({
            "width": v.width,
            "height": v.height,
            "rate": v.rate,
            "chroma": chroma_name(v.chroma),
            "bits": v.bits,
            "rgb": v.rgb,
            "fps": v.fps(),
            "bits_per_pixel": bits_per_pixel(&v, bytes, units),
        })),
        _ => None,
    };
    let entry = registry.by_id(header.codec).ok();
    let codec = entry.map_or_else(
        || format!("unknown ({})", header.codec.0),
        |e| e.info.name.to_string(),
    );
    Ok(json!({
        "version": [version[8], version[9]],
        "codec": codec,
        "bitstream": header.bitstream,
        "model": header.model.map(|m| m.to_string()),
        "kind": kind,
        "rate": rate,
        "channels": channels,
        "depth": depth,
        "variables": variables,
        "video": video,
        "units": units,
        "seconds": seconds,
        "bytes": bytes,
        "payload": payload,
        "overhead": bytes.saturating_sub(payload),
        "kbps": kbps(bytes, seconds),
        "chunks": archive.entries().len(),
        "overlap": header.overlap,
        "output_hash": header.hashed,
        "metadata": metadata,
    }))
}

fn depth_name(depth: SampleDepth) -> &'static str {
    match depth {
        SampleDepth::U8 => "u8",
        SampleDepth::I16 => "i16",
        SampleDepth::I24 => "i24",
        SampleDepth::I32 => "i32",
        SampleDepth::F32 => "f32",
        _ => "other",
    }
}

fn chroma_name(chroma: Chroma) -> &'static str {
    match chroma {
        Chroma::Gray => "grey",
        Chroma::C420 => "4:2:0",
        Chroma::C422 => "4:2:2",
        Chroma::C444 => "4:4:4",
    }
}

/// The same facts for a person.
fn text(path: &Path, facts: &Value) -> String {
    let mut out = format!("{}:\n", label(path));
    let mut line = |label: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {label:<9} {value}");
    };
    let number = |key: &str| facts[key].as_u64().unwrap_or(0);
    let word = |key: &str| facts[key].as_str().unwrap_or("none").to_string();
    line(
        "format",
        format!("{}.{}", facts["version"][0], facts["version"][1]),
    );
    line(
        "codec",
        format!("{}, bitstream {}", word("codec"), number("bitstream")),
    );
    line("model", word("model"));
    let video = &facts["video"];
    match facts["seconds"].as_f64() {
        seconds if video.is_object() => {
            let rate = video["fps"]
                .as_f64()
                .map_or(String::new(), |f| format!(", {f:.3} frames/s"));
            let rgb = if video["rgb"] == true {
                ", of images"
            } else {
                ""
            };
            line(
                "video",
                format!(
                    "{} x {}, {}, {} bits{rate}{rgb}",
                    video["width"],
                    video["height"],
                    video["chroma"].as_str().unwrap_or(""),
                    video["bits"],
                ),
            );
            let seconds = seconds.map_or(String::new(), |s| format!(", {s:.3} s"));
            line("length", format!("{} frames{seconds}", number("units")));
        }
        Some(seconds) => {
            line(
                "audio",
                format!(
                    "{} Hz, {} channels, {}",
                    number("rate"),
                    number("channels"),
                    word("depth")
                ),
            );
            line(
                "length",
                format!("{} samples, {seconds:.3} s", number("units")),
            );
        }
        None => match facts["variables"].as_u64() {
            Some(n) => line(
                "length",
                format!("{} records of {n} variables", number("units")),
            ),
            None => line("length", format!("{} bytes", number("units"))),
        },
    }
    let rate = facts["kbps"]
        .as_f64()
        .map_or(String::new(), |k| format!(", {k:.3} kbit/s"));
    let pixel = facts["video"]["bits_per_pixel"]
        .as_f64()
        .map_or(String::new(), |b| format!(", {b:.4} bits per pixel"));
    line(
        "size",
        format!(
            "{} bytes{rate}{pixel}, {} of them overhead, in {} chunks",
            number("bytes"),
            number("overhead"),
            number("chunks")
        ),
    );
    for entry in facts["metadata"].as_array().into_iter().flatten() {
        line(
            "metadata",
            format!(
                "{}, {} bytes",
                entry["tag"].as_str().unwrap_or(""),
                entry["bytes"]
            ),
        );
    }
    out
}
