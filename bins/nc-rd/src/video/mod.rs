//! `nc-rd video`: rate, quality and speed on clips of Y4M, of nc and of those it is compared with.
//!
//! A row is one file on disk: its whole size, what came back of it, and the time both took. Nothing
//! runs beside what is timed, so encoding may use all threads and decoding one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nc_core::{Effort, Goal};
use nc_corpora::anchors::{Anchors, ClipAnchors};
use nc_corpora::metrics::psnr;
use nc_corpora::video::{self, Clip};

mod chart;
pub mod frames;
mod own;
mod peers;
mod rows;

use own::{Coded, Task};
use rows::Row;

/// Pictures that a comparison of frames shows beside the original.
const MOST_SHOWN: usize = 3;
/// Qualities where neither sizes nor qualities are given.
const QUALITIES: [f32; 3] = [3.0, 5.0, 7.0];
/// What the fair table compares: the codec as it is, less one part at a time, and published networks.
const SEEDS: [&str; 9] = [
    "default",
    "network=none",
    "motion=off",
    "pyramid=1",
    "large=off",
    "modulation=off",
    "network=nerv",
    "network=nerv++",
    "network=cam",
];

#[derive(clap::Args)]
pub struct VideoArgs {
    /// Y4M files
    #[arg(required = true, value_name = "Y4M")]
    clips: Vec<PathBuf>,
    /// Sizes of whole files
    #[arg(long, value_delimiter = ',', value_name = "N,...")]
    bytes: Vec<u64>,
    /// Qualities of 0 to 10, instead of sizes [default: 3,5,7]
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "Q,...",
        conflicts_with = "bytes"
    )]
    quality: Vec<f32>,
    /// nc codec to run; `none` for the others alone
    #[arg(long, default_value = "nerv")]
    codec: String,
    /// Efforts: fast, medium, slow [default: medium, with --seeds slow]
    #[arg(long, value_delimiter = ',', value_name = "NAME,...", value_parser = effort)]
    preset: Vec<Effort>,
    /// Limits of encoding time, such as 90s, 5m
    #[arg(long, value_delimiter = ',', value_name = "TIME,...", value_parser = duration)]
    time_limit: Vec<Duration>,
    /// Switch of the codec
    #[arg(long = "option", value_name = "KEY=VALUE", value_parser = key_value)]
    options: Vec<(String, String)>,
    /// Threads for encoding; 0 for one a core
    #[arg(long, default_value_t = 0, value_name = "N")]
    threads: usize,
    /// The codec less one part at a time, and published networks, all at one size and one limit of time
    #[arg(long, requires = "bytes", requires = "time_limit")]
    seeds: bool,
    /// x264, x265 and SVT-AV1 too, through ffmpeg where that is on PATH
    #[arg(long)]
    peers: bool,
    /// Quoted figures of other codecs too, on clips that have any
    #[arg(long)]
    anchors: bool,
    /// Write curves and rows as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw quality against rate
    #[arg(long, value_name = "PNG")]
    plot: Option<PathBuf>,
    /// Draw quality against encoding time
    #[arg(long, value_name = "PNG")]
    time_plot: Option<PathBuf>,
    /// Draw a frame beside what came back of it at up to three sizes
    #[arg(long, value_name = "PNG")]
    frames: Option<PathBuf>,
    /// That frame, counted from 0
    #[arg(long, default_value_t = 0, value_name = "K")]
    frame: usize,
}

fn effort(name: &str) -> Result<Effort, String> {
    match name {
        "fast" => Ok(Effort::Fast),
        "medium" => Ok(Effort::Medium),
        "slow" => Ok(Effort::Slow),
        _ => Err("there are fast, medium and slow".into()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.trim_end_matches(|c: char| c.is_ascii_alphabetic()) {
        number if number.len() == text.len() => (number, 1.0),
        number => match text.get(number.len()..) {
            Some("s") => (number, 1.0),
            Some("m") => (number, 60.0),
            Some("h") => (number, 3600.0),
            _ => return Err("a time is a number with s, m or h".into()),
        },
    };
    number
        .parse::<f64>()
        .ok()
        .filter(|n| *n > 0.0)
        .and_then(|n| Duration::try_from_secs_f64(n * unit).ok())
        .ok_or_else(|| "a time is a number over 0 with s, m or h".into())
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.into(), value.into())),
        _ => Err("an option is KEY=VALUE".into()),
    }
}

/// A picture of what came back.
pub struct Shown {
    /// Size of its file.
    bytes: u64,
    /// What is written over it.
    label: String,
    /// Its samples.
    samples: Vec<u16>,
}

/// Everything measured on one clip.
struct Measured<'a> {
    clip: &'a Clip,
    rows: Vec<Row>,
    shown: Vec<Shown>,
}

/// Runs the command.
///
/// # Errors
/// Clips that cannot be read, an unknown codec, outputs that cannot be written, and where nothing
/// could be measured. What fails at one setting becomes a row that says so.
pub fn run(args: &VideoArgs) -> Result<()> {
    let mut clips = Vec::new();
    for path in &args.clips {
        clips.push(video::read(path).with_context(|| path.display().to_string())?);
    }
    let anchors = Anchors::video()?;
    let one_clip = args.plot.is_none() && args.time_plot.is_none() && args.frames.is_none();
    ensure!(
        one_clip || clips.len() == 1,
        "pictures are of one clip, and there are {}",
        clips.len()
    );
    if args.frames.is_some()
        && let Some(clip) = clips.first()
    {
        frames::allowed(clip, anchors.of(clip), args.frame)?;
    }
    let tasks = tasks(args)?;
    let (peers, skipped) = if args.peers {
        peers::all(args.threads)
    } else {
        (Vec::new(), Vec::new())
    };
    for why in &skipped {
        eprintln!("skipped: {why}");
    }
    ensure!(
        !tasks.is_empty() || !peers.is_empty() || args.anchors,
        "nothing to run"
    );
    let mut all = Vec::new();
    for clip in &clips {
        let mut measured = Measured {
            clip,
            rows: Vec::new(),
            shown: Vec::new(),
        };
        for task in &tasks {
            measured.add(task.row(clip), task.limit, args, || {
                task.code(clip, args.threads)
            });
        }
        for peer in &peers {
            measured.add(peer.row(clip), None, args, || peer.code(clip));
        }
        if let Some(known) = anchors.of(clip).filter(|_| args.anchors) {
            let quoted = |c: &_| rows::quoted(clip, c, &anchors.measured);
            measured.rows.extend(known.codecs.iter().flat_map(quoted));
        } else if args.anchors {
            eprintln!("{}: no quoted figures of this clip", clip.name);
        }
        all.push(measured);
    }
    outputs(args, &all, &anchors, skipped)
}

impl Measured<'_> {
    /// Codes a clip at one setting and judges what came back.
    fn add(
        &mut self,
        mut row: Row,
        limit: Option<Duration>,
        args: &VideoArgs,
        code: impl FnOnce() -> Result<Coded>,
    ) {
        eprint!(
            "{}: {} {}, {} ...",
            row.clip, row.codec, row.setting, row.point
        );
        let judged = code().and_then(|coded| {
            let psnr = psnr(self.clip.video.view(), coded.video.view())?;
            Ok((coded, psnr))
        });
        match judged {
            Ok((coded, psnr)) => {
                row.measured(self.clip, &coded, psnr);
                row.note = limit.and_then(|limit| against(limit, coded.encode_s));
                if !coded.about.is_empty() {
                    row.description = format!("{}; {}", coded.about, row.description);
                }
                eprintln!(" {} bytes, {:.2} dB", coded.bytes, psnr.yuv);
                if args.frames.is_some()
                    && let Some(part) = coded.video.view().part(args.frame, args.frame + 1)
                {
                    self.shown.push(Shown {
                        bytes: coded.bytes,
                        label: row.label(),
                        samples: part.samples.to_vec(),
                    });
                }
            }
            Err(e) => {
                eprintln!(" {e:#}");
                row.error = Some(format!("{e:#}"));
            }
        }
        self.rows.push(row);
    }
}

/// What a limit of time became.
fn against(limit: Duration, took: f64) -> Option<String> {
    let limit = limit.as_secs_f64();
    match took / limit {
        x if x < 0.9 => Some("done sooner".into()),
        x if x > 1.1 => Some(format!("{:.0} s past the limit", (took - limit).ceil())),
        _ => None,
    }
}

/// What nc is to do.
fn tasks(args: &VideoArgs) -> Result<Vec<Task>> {
    if args.codec == "none" {
        ensure!(!args.seeds, "--seeds is of a codec");
        return Ok(Vec::new());
    }
    let mut goals: Vec<(String, Goal)> = args
        .bytes
        .iter()
        .map(|n| (format!("{n} bytes"), Goal::Bytes(*n)))
        .collect();
    if goals.is_empty() {
        let asked: &[f32] = if args.quality.is_empty() {
            &QUALITIES
        } else {
            &args.quality
        };
        goals.extend(
            asked
                .iter()
                .map(|q| (format!("quality {q}"), Goal::Quality(*q))),
        );
    }
    let presets = match args.preset.as_slice() {
        // The limit decides in the fair table, and not what a preset thinks is enough.
        [] if args.seeds => vec![Effort::Slow],
        [] => vec![Effort::Medium],
        some => some.to_vec(),
    };
    let limits: Vec<Option<Duration>> = match args.time_limit.as_slice() {
        [] => vec![None],
        some => some.iter().copied().map(Some).collect(),
    };
    if args.seeds {
        ensure!(
            presets.len() == 1 && limits.len() == 1,
            "--seeds compares at one preset and one limit of time"
        );
    }
    let codec = own::Opened::new(&args.codec)?;
    let variants: &[&str] = if args.seeds { &SEEDS } else { &["default"] };
    let mut tasks = Vec::new();
    for variant in variants {
        for effort in &presets {
            for limit in &limits {
                for (point, goal) in &goals {
                    let mut options = args.options.clone();
                    options.extend(key_value(variant).ok());
                    tasks.push(Task {
                        codec: codec.clone(),
                        seed: args.seeds.then(|| (*variant).to_string()),
                        point: point.clone(),
                        goal: *goal,
                        effort: *effort,
                        limit: *limit,
                        options: options.into_iter().collect(),
                    });
                }
            }
        }
    }
    Ok(tasks)
}

fn outputs(
    args: &VideoArgs,
    all: &[Measured<'_>],
    anchors: &Anchors,
    skipped: Vec<String>,
) -> Result<()> {
    let rows: Vec<&Row> = all.iter().flat_map(|m| &m.rows).collect();
    let mut text = String::new();
    for m in all {
        text.push_str(&rows::table(m.clip, &m.rows, anchors.of(m.clip)));
    }
    // A closed pipe (`| head`) is the reader's wish and no failure.
    let _ = std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes());
    if let Some(path) = &args.json {
        let clips: Vec<&Clip> = all.iter().map(|m| m.clip).collect();
        write(path, &rows::json(&clips, &rows, skipped)?)?;
    }
    ensure!(
        rows.iter().any(|r| r.psnr_yuv.is_some()),
        "not one point could be measured"
    );
    let Some(m) = all.first() else {
        return Ok(());
    };
    let known: Option<&ClipAnchors> = anchors.of(m.clip);
    if let Some(path) = &args.plot {
        write(path, &chart::rates(m.clip, &m.rows, known)?)?;
    }
    if let Some(path) = &args.time_plot {
        write(path, &chart::times(m.clip, &m.rows, known)?)?;
    }
    if let Some(path) = &args.frames {
        let picture = frames::draw(m.clip, args.frame, &m.shown, known)?;
        write(path, &picture)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn times_and_options() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        for wrong in ["", "s", "5d", "-1s", "0s", "nans", "1e300h", "5µs"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(key_value("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(key_value("a").is_err() && key_value("=a").is_err());
    }

    #[test]
    fn limits_are_compared() {
        let limit = Duration::from_secs(60);
        assert_eq!(against(limit, 58.0), None);
        assert_eq!(against(limit, 20.0).unwrap(), "done sooner");
        assert_eq!(against(limit, 70.5).unwrap(), "11 s past the limit");
    }
}
