//! Codecs that people use today, called as commands: Opus and Codec2.
//!
//! They run as a user would run them, through files in a temporary folder; their times therefore
//! include starting a process. A command that is not on PATH is listed as skipped, one that fails
//! or hangs becomes a row that says so.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nc_corpora::audio;
use nc_corpora::metrics::RATE;
use nc_corpora::resample::{Filter, resample};

use crate::coder::{Coded, Coder};

/// A command that takes longer on a clip of seconds has hung.
const TIMEOUT: Duration = Duration::from_secs(60);

enum Kind {
    Opus,
    Codec2,
}

struct Peer {
    kind: Kind,
    setting: String,
    target: f64,
    description: String,
}

/// Peers that are installed, and the names of those that are not.
pub fn all() -> (Vec<Box<dyn Coder>>, Vec<&'static str>) {
    let mut found: Vec<Box<dyn Coder>> = Vec::new();
    let mut skipped = Vec::new();
    if on_path("opusenc") && on_path("opusdec") {
        let version = first_line("opusenc", "--version");
        for kbps in [6.0, 8.0, 12.0] {
            found.push(Box::new(Peer {
                kind: Kind::Opus,
                setting: format!("{kbps}"),
                target: kbps,
                description: format!("{version}; --bitrate {kbps} --padding 0 --discard-comments"),
            }));
        }
    } else {
        skipped.push("opusenc, opusdec (opus-tools)");
    }
    if on_path("c2enc") && on_path("c2dec") {
        for mode in [1200.0, 3200.0] {
            found.push(Box::new(Peer {
                kind: Kind::Codec2,
                setting: format!("{mode}"),
                target: mode / 1000.0,
                description: format!("c2enc {mode}, 8 kHz, resampled"),
            }));
        }
    } else {
        skipped.push("c2enc, c2dec (codec2)");
    }
    (found, skipped)
}

impl Coder for Peer {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Opus => "Opus",
            Kind::Codec2 => "Codec2",
        }
    }

    fn setting(&self) -> &str {
        &self.setting
    }

    fn target(&self) -> Option<f64> {
        Some(self.target)
    }

    fn description(&self) -> &str {
        &self.description
    }

    fn code(&self, x: &[f32]) -> Result<Coded> {
        let dir = tempfile::tempdir()?;
        let file = |name: &str| dir.path().join(name);
        match self.kind {
            Kind::Opus => {
                let (wav, opus, back) = (file("in.wav"), file("x.opus"), file("out.wav"));
                audio::write(&wav, x)?;
                let encode_s = timed(
                    Command::new("opusenc")
                        .args(["--quiet", "--bitrate", &self.setting])
                        .args(["--padding", "0", "--discard-comments"])
                        .args([&wav, &opus]),
                )?;
                let decode_s = timed(
                    Command::new("opusdec")
                        .args(["--quiet", "--rate", "16000"])
                        .args([&opus, &back]),
                )?;
                let bytes = std::fs::read(&opus)?;
                Ok(Coded {
                    bytes: bytes.len() as u64,
                    payload: ogg_payload(&bytes),
                    samples: audio::read(&back)?,
                    encode_s,
                    decode_s,
                })
            }
            Kind::Codec2 => {
                const NARROW: u32 = 8_000;
                let (raw, bits, back) = (file("in.raw"), file("x.bit"), file("out.raw"));
                let wide: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
                let pcm: Vec<u8> = resample(&wide, RATE, NARROW, Filter::FINE)
                    .iter()
                    .flat_map(|v| ((v * 32_768.0).round() as i16).to_le_bytes())
                    .collect();
                std::fs::write(&raw, pcm)?;
                let args = |a: &Path, b: &Path| [a.to_path_buf(), b.to_path_buf()];
                let encode_s = timed(
                    Command::new("c2enc")
                        .arg(&self.setting)
                        .args(args(&raw, &bits)),
                )?;
                let decode_s = timed(
                    Command::new("c2dec")
                        .arg(&self.setting)
                        .args(args(&bits, &back)),
                )?;
                let pcm: Vec<f64> = std::fs::read(&back)?
                    .chunks_exact(2)
                    .map(|b| f64::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0)
                    .collect();
                let samples = resample(&pcm, NARROW, RATE, Filter::FINE);
                let bytes = std::fs::metadata(&bits)?.len();
                Ok(Coded {
                    bytes,
                    payload: Some(bytes),
                    samples: samples.iter().map(|&v| v as f32).collect(),
                    encode_s,
                    decode_s,
                })
            }
        }
    }
}

/// Runs a command on a clip of sound to its end; seconds of wall time.
fn timed(command: &mut Command) -> Result<f64> {
    wait(command.stdout(Stdio::null()).stderr(Stdio::null()), TIMEOUT)
}

/// Runs a command to its end, or ends it when it takes longer than `most`; seconds of wall time.
///
/// # Errors
/// A command that cannot be run, fails or hangs.
pub fn wait(command: &mut Command, most: Duration) -> Result<f64> {
    let name = command.get_program().to_string_lossy().into_owned();
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {name}"))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > most {
            // It may have ended since; either way it is gone afterwards.
            let _ = child.kill();
            let _ = child.wait();
            bail!("{name} did not end within {} s", most.as_secs());
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    ensure!(status.success(), "{name} failed: {status}");
    Ok(start.elapsed().as_secs_f64())
}

/// Bytes of the packets in an Ogg file, less the two header pages (RFC 3533, section 6; RFC 7845,
/// section 3: each of Opus' headers has pages of its own). None for what is not Ogg.
fn ogg_payload(file: &[u8]) -> Option<u64> {
    let mut rest = file;
    let mut sum = 0_u64;
    let mut page = 0;
    while !rest.is_empty() {
        let segments = usize::from(*rest.get(26).filter(|_| rest.starts_with(b"OggS"))?);
        let table = rest.get(27..27 + segments)?;
        let body: usize = table.iter().map(|&b| usize::from(b)).sum();
        if page >= 2 {
            sum += body as u64;
        }
        page += 1;
        rest = rest.get(27 + segments + body..)?;
    }
    Some(sum)
}

/// Whether a program is on PATH.
pub fn on_path(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|dir: PathBuf| dir.join(program).is_file())
    })
}

/// The first line that a program says to an argument, or its name.
pub fn first_line(program: &str, argument: &str) -> String {
    Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .output()
        .ok()
        .and_then(|o| String::from_utf8(o.stdout).ok())
        .and_then(|s| s.lines().next().map(str::to_owned))
        .unwrap_or_else(|| program.into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    fn page(body: &[u8]) -> Vec<u8> {
        let mut p = b"OggS".to_vec();
        p.resize(26, 0);
        p.extend([2, 4, (body.len() - 4) as u8]);
        p.extend(body);
        p
    }

    #[test]
    fn ogg_pages_are_counted_without_headers() {
        let file = [
            page(&[0; 19]),
            page(&[0; 30]),
            page(&[1; 100]),
            page(&[1; 7]),
        ]
        .concat();
        assert_eq!(ogg_payload(&file), Some(107));
        assert_eq!(ogg_payload(&file[..file.len() - 1]), None);
        assert_eq!(ogg_payload(b"RIFF"), None);
        assert_eq!(ogg_payload(b""), Some(0));
    }

    #[test]
    fn installed_peers_give_back_what_went_in() {
        let (peers, skipped) = all();
        skipped.iter().for_each(|s| eprintln!("skipped: {s}"));
        let x = nc_corpora::synth::speech(7, 2.0);
        for p in peers.iter().filter(|p| p.name() == "Opus") {
            let coded = p.code(&x).unwrap();
            assert!(coded.payload.unwrap() < coded.bytes);
            assert!(
                nc_corpora::metrics::Scores::of(&x, &coded.samples)
                    .unwrap()
                    .stoi
                    > 0.6
            );
        }
    }

    #[test]
    fn a_failing_command_is_an_error() {
        assert!(timed(&mut Command::new("false")).is_err());
        assert!(timed(&mut Command::new("no-such-command-here")).is_err());
    }
}
