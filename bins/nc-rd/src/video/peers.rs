//! Codecs of video that people use today, through ffmpeg as a command: x264, x265, SVT-AV1.
//!
//! They write raw streams (and IVF, as AV1 has none that everybody reads), so that a size is not that
//! of a container made for other ends. Times include starting a process.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use nc_corpora::video::{self, Clip};

use super::own::Coded;
use super::rows::Row;
use crate::peers::{first_line, on_path, wait};

/// A command that takes longer has hung.
const TIMEOUT: Duration = Duration::from_secs(1800);

/// An encoder within ffmpeg.
struct Kind {
    name: &'static str,
    encoder: &'static str,
    ending: &'static str,
    preset: &'static str,
    crf: &'static [u32],
    /// Argument and key that say how many threads to use, beside ffmpeg's own.
    threads: Option<(&'static str, &'static str)>,
    /// Where a version begins in what it writes or says, and the character that ends it.
    version: (&'static str, char),
}

const KINDS: [Kind; 3] = [
    Kind {
        name: "x264",
        encoder: "libx264",
        ending: "264",
        preset: "medium",
        crf: &[24, 30, 36, 42],
        threads: None,
        version: ("x264 - core ", '-'),
    },
    Kind {
        name: "x265",
        encoder: "libx265",
        ending: "265",
        preset: "medium",
        crf: &[24, 30, 36, 42],
        threads: Some(("-x265-params", "pools")),
        version: ("x265 (build ", ':'),
    },
    Kind {
        name: "SVT-AV1",
        encoder: "libsvtav1",
        ending: "ivf",
        preset: "4",
        crf: &[32, 41, 50, 59],
        threads: Some(("-svtav1-params", "lp")),
        version: ("SVT-AV1 Encoder Lib ", '\n'),
    },
];

/// One encoder at one quality.
pub struct Peer {
    kind: &'static Kind,
    crf: u32,
    threads: usize,
    program: String,
}

/// Peers that are installed, and what is said of those that are not.
pub fn all(threads: usize) -> (Vec<Peer>, Vec<String>) {
    if !on_path("ffmpeg") {
        let why = "x264, x265 and SVT-AV1: ffmpeg is not on PATH";
        return (Vec::new(), vec![why.into()]);
    }
    let program = first_line("ffmpeg", "-version");
    let program = program.split(" Copyright").next().unwrap_or_default();
    let has = Command::new("ffmpeg")
        .args(["-v", "error", "-encoders"])
        .stdin(Stdio::null())
        .output()
        .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
        .unwrap_or_default();
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    for kind in &KINDS {
        if !has.split_whitespace().any(|word| word == kind.encoder) {
            skipped.push(format!("{}: ffmpeg has no {}", kind.name, kind.encoder));
            continue;
        }
        found.extend(kind.crf.iter().map(|&crf| Peer {
            kind,
            crf,
            threads,
            program: program.to_string(),
        }));
    }
    (found, skipped)
}

impl Peer {
    /// A row to be filled.
    pub fn row(&self, clip: &Clip) -> Row {
        let Kind {
            encoder, preset, ..
        } = self.kind;
        Row {
            clip: clip.name.clone(),
            codec: self.kind.name.into(),
            setting: format!("preset {preset}"),
            point: format!("crf {}", self.crf),
            description: format!("{}; -c:v {encoder} -preset {preset} -crf", self.program),
            ..Row::default()
        }
    }

    /// Codes the clip.
    ///
    /// # Errors
    /// Where ffmpeg fails, hangs, or gives back something else.
    pub fn code(&self, clip: &Clip) -> Result<Coded> {
        let dir = tempfile::tempdir()?;
        let file = |name: &str| dir.path().join(name);
        let (input, back, log) = (file("in.y4m"), file("out.y4m"), file("log"));
        let stream = file(&format!("x.{}", self.kind.ending));
        std::fs::write(&input, clip.to_y4m()?)?;
        let mut encode = ffmpeg("info");
        encode.arg("-i").arg(&input).args([
            "-c:v",
            self.kind.encoder,
            "-preset",
            self.kind.preset,
            "-crf",
            &self.crf.to_string(),
        ]);
        if self.threads > 0 {
            encode.args(["-threads", &self.threads.to_string()]);
            if let Some((argument, key)) = self.kind.threads {
                encode.args([argument, &format!("{key}={}", self.threads)]);
            }
        }
        let encode_s = said(encode.arg(&stream), &log)?;
        let mut says = std::fs::read(&log)?;
        let bytes = std::fs::read(&stream).context("no stream")?;
        let size = bytes.len() as u64;
        says.extend(bytes);

        let mut decode = ffmpeg("error");
        decode.args(["-threads", "1", "-i"]).arg(&stream);
        said(
            decode
                .args(["-f", "yuv4mpegpipe", "-strict", "-1"])
                .arg(&back),
            &log,
        )?;
        let mut timed = ffmpeg("error");
        timed.args(["-threads", "1", "-i"]).arg(&stream);
        let decode_s = said(timed.args(["-f", "null", "-"]), &log)?;
        let mut video = video::read(&back).context("what ffmpeg decoded")?.video;
        // Raw streams need not say their rate.
        video.format.rate = clip.video.format.rate;
        Ok(Coded {
            bytes: size,
            encode_s,
            decode_fps: clip.frames() as f64 / decode_s.max(1e-9),
            video,
            about: version(&says, self.kind.version),
        })
    }
}

fn ffmpeg(level: &str) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-hide_banner", "-y", "-v", level]);
    command
}

/// Runs a command, whose complaints go to a file; seconds of wall time.
fn said(command: &mut Command, log: &Path) -> Result<f64> {
    command
        .stdout(Stdio::null())
        .stderr(Stdio::from(File::create(log)?));
    wait(command, TIMEOUT).with_context(|| {
        let text = std::fs::read(log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        text.lines().last().unwrap_or_default().trim().to_string()
    })
}

/// A version among bytes; nothing where there is none.
fn version(bytes: &[u8], (start, end): (&str, char)) -> String {
    let found = bytes
        .windows(start.len())
        .position(|w| w == start.as_bytes());
    let text: String = found
        .and_then(|at| bytes.get(at..))
        .unwrap_or_default()
        .iter()
        .map(|&b| char::from(b))
        .take(80)
        .collect();
    let rest = text.get(start.len()..).unwrap_or_default();
    match rest.split(end).next() {
        Some(version) if !version.is_empty() => format!("{start}{}", version.trim_end()),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn versions_are_found_in_streams() {
        let x264 = b"\x00\x01\xdcx264 - core 164 r3108 31e19f9 - H.264/MPEG-4 AVC codec";
        assert_eq!(
            version(x264, KINDS[0].version),
            "x264 - core 164 r3108 31e19f9"
        );
        let x265 = b"..x265 (build 199) - 3.5+1-f0c1022b6:[Linux][GCC]";
        assert_eq!(
            version(x265, KINDS[1].version),
            "x265 (build 199) - 3.5+1-f0c1022b6"
        );
        let svt = b"Svt[info]: SVT [version]:\tSVT-AV1 Encoder Lib v1.4.1\nSvt";
        assert_eq!(version(svt, KINDS[2].version), "SVT-AV1 Encoder Lib v1.4.1");
        assert_eq!(version(b"x26", KINDS[0].version), "");
        assert_eq!(version(b"", KINDS[0].version), "");
    }
}
