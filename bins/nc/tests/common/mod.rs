//! What the tests of the command line share: the built binary, a folder, and seeded audio.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nc_core::MediaKind;
use serde_json::Value;

/// The built binary.
pub fn nc() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin!("nc"))
}

/// Arguments that name the model in NC_TEST_MODEL, for a build that has none inside.
pub fn model_for(args: &[&str]) -> Vec<String> {
    let takes_one = ["encode", "decode", "test", "trim"].contains(&args[0]);
    match std::env::var("NC_TEST_MODEL") {
        Ok(model) if takes_one && !args.contains(&"--model") => vec!["--model".into(), model],
        _ => Vec::new(),
    }
}

/// Runs `nc` in a folder.
pub fn run(dir: &Path, args: &[&str]) -> Output {
    nc().current_dir(dir)
        .args(args)
        .args(model_for(args))
        .output()
        .unwrap()
}

/// Runs `nc` and wants success; gives standard output.
pub fn ok(dir: &Path, args: &[&str]) -> Vec<u8> {
    let out = run(dir, args);
    assert!(
        out.status.success(),
        "nc {args:?}: {:?}\n{}",
        out.status,
        String::from_utf8_lossy(&out.stderr)
    );
    out.stdout
}

/// Runs `nc` and wants this exit code, a one-line reason on standard error and no panic; gives
/// the reason.
pub fn fails(dir: &Path, args: &[&str], code: i32) -> String {
    let out = run(dir, args);
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(code), "nc {args:?}: {text}");
    assert!(!text.contains("panicked"), "{text}");
    assert!(!text.trim().is_empty());
    text
}

/// Names in a folder, sorted; temporary files would show here.
pub fn names(dir: &Path) -> Vec<String> {
    let mut all: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    all.sort();
    all
}

/// Bytes from a seed.
pub fn noise(seed: u64, n: usize) -> Vec<u8> {
    let mut s = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..n)
        .map(|_| {
            s ^= s << 13;
            s ^= s >> 7;
            s ^= s << 17;
            (s >> 32) as u8
        })
        .collect()
}

/// The form of a WAV file to make.
#[derive(Clone, Copy)]
pub struct Wav {
    pub rate: u32,
    pub channels: u16,
    pub bits: u16,
    pub float: bool,
    pub frames: usize,
}

impl Default for Wav {
    fn default() -> Self {
        Self {
            rate: 16_000,
            channels: 1,
            bits: 16,
            float: false,
            frames: 8_000,
        }
    }
}

impl Wav {
    /// Writes a file of tones that come and go under a little noise, one pitch for each channel.
    pub fn write(&self, path: &Path) {
        let spec = hound::WavSpec {
            channels: self.channels,
            sample_rate: self.rate,
            bits_per_sample: self.bits,
            sample_format: if self.float {
                hound::SampleFormat::Float
            } else {
                hound::SampleFormat::Int
            },
        };
        let mut w = hound::WavWriter::create(path, spec).unwrap();
        let noise = noise(7, self.frames.max(1));
        let full = 2f64.powi(i32::from(self.bits) - 1);
        for (t, &grain) in noise.iter().enumerate().take(self.frames) {
            for c in 0..self.channels {
                let s = t as f64 / f64::from(self.rate);
                let pitch = 150.0 + 40.0 * f64::from(c);
                let envelope = 0.3 + 0.2 * (s * 9.0).sin();
                let tone: f64 = (1..6)
                    .map(|h| {
                        (s * pitch * f64::from(h) * std::f64::consts::TAU).sin() / f64::from(h)
                    })
                    .sum();
                let x = envelope * tone * 0.5 + (f64::from(grain) - 128.0) / 8_000.0;
                if self.float {
                    w.write_sample(x as f32).unwrap();
                } else {
                    w.write_sample((x * full * 0.9) as i32).unwrap();
                }
            }
        }
        w.finalize().unwrap();
    }
}

/// Specification and frames of a WAV file.
pub fn wav_spec(path: &Path) -> (hound::WavSpec, u32) {
    let r = hound::WavReader::open(path).unwrap();
    (r.spec(), r.duration())
}

/// Appends a chunk to a WAV file and mends the size in its head.
pub fn append_chunk(path: &Path, id: &[u8; 4], data: &[u8]) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes.extend_from_slice(id);
    bytes.extend_from_slice(&(data.len() as u32).to_le_bytes());
    bytes.extend_from_slice(data);
    if data.len() % 2 == 1 {
        bytes.push(0);
    }
    let size = (bytes.len() - 8) as u32;
    bytes[4..8].copy_from_slice(&size.to_le_bytes());
    std::fs::write(path, bytes).unwrap();
}

/// True if a chunk stands in a WAV file.
pub fn has_chunk(path: &Path, id: &[u8; 4], data: &[u8]) -> bool {
    let bytes = std::fs::read(path).unwrap();
    let mut want = id.to_vec();
    want.extend_from_slice(&(data.len() as u32).to_le_bytes());
    want.extend_from_slice(data);
    bytes.windows(want.len()).any(|w| w == want)
}

/// Name of the audio codec of this build, if it has one with a model inside. Tests of audio
/// return early, saying so, where it has none.
pub fn audio_codec() -> Option<&'static str> {
    let built_in = |model: Option<&[u8]>| {
        model.is_some_and(|m| !m.is_empty()) || std::env::var_os("NC_TEST_MODEL").is_some()
    };
    let registry = nc::registry();
    let found = registry
        .families()
        .find(|f| f.info().kind == MediaKind::Audio && built_in(f.default_model()))
        .map(|f| f.info().name);
    if found.is_none() {
        eprintln!("skipped: this build has no audio codec with a model");
    }
    found
}

/// A file in a folder.
pub fn at(dir: &tempfile::TempDir, name: &str) -> PathBuf {
    dir.path().join(name)
}

/// A Y4M file of noise under a gradient, with its line.
pub fn y4m(line: &str, frame: usize, frames: usize) -> Vec<u8> {
    let mut out = format!("YUV4MPEG2 {line}\n").into_bytes();
    let deep = line.contains("p10") || line.contains("mono10");
    for i in 0..frames {
        out.extend_from_slice(b"FRAME\n");
        for (j, b) in noise(i as u64 + 3, frame).into_iter().enumerate() {
            let value = (j + i + usize::from(b) / 8) % 256;
            if deep {
                out.extend_from_slice(&((value * 4 + i % 4) as u16).to_le_bytes());
            } else {
                out.push(value as u8);
            }
        }
    }
    out
}

pub fn write(dir: &Path, name: &str, bytes: &[u8]) {
    std::fs::write(dir.join(name), bytes).unwrap();
}

pub fn read(dir: &Path, name: &str) -> Vec<u8> {
    std::fs::read(dir.join(name)).unwrap()
}

pub fn info(dir: &Path, name: &str) -> Value {
    serde_json::from_slice(&ok(dir, &["info", "--json", name])).unwrap()
}

/// Runs `nc` with this on standard input.
pub fn piped(dir: &Path, args: &[&str], input: &[u8]) -> std::process::Output {
    let mut child = nc()
        .current_dir(dir)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || {
        // Where nc has seen enough, the rest stays behind.
        let _ = stdin.write_all(&input);
    });
    let out = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    out
}
