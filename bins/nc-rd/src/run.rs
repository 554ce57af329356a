//! Runs coders over the clips of a folder and scores what comes back.
//!
//! Coding is done one clip after another, on one thread and alone, because it is timed; scoring
//! costs more and is not timed, so it runs on all cores afterwards.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use nc_corpora::audio;
use nc_corpora::metrics::{RATE, Scores};
use rayon::prelude::*;

use crate::coder::{Coded, Coder};
use crate::report::Row;

/// A recording to code, mono at 16 kHz.
pub struct Clip {
    /// Path relative to the folder, with forward slashes.
    pub name: String,
    /// Its samples.
    pub samples: Vec<f32>,
}

impl Clip {
    fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(RATE)
    }
}

/// Reads every WAV and FLAC file under a folder.
pub fn load(folder: &Path) -> Result<Vec<Clip>> {
    let paths = audio::files(folder).with_context(|| folder.display().to_string())?;
    ensure!(
        !paths.is_empty(),
        "no WAV or FLAC files in {}",
        folder.display()
    );
    paths
        .par_iter()
        .map(|path| {
            let samples = audio::read(path).with_context(|| path.display().to_string())?;
            Ok(Clip {
                name: relative(path, folder),
                samples,
            })
        })
        .collect()
}

/// Codes and scores all clips at one setting; a failure becomes a row that says why.
pub fn run(coder: &dyn Coder, clips: &[Clip]) -> Vec<Row> {
    let coded: Vec<Result<Coded>> = clips.iter().map(|c| coder.code(&c.samples)).collect();
    clips
        .par_iter()
        .zip(coded)
        .map(|(clip, coded)| {
            let mut row = Row {
                codec: coder.name().into(),
                setting: coder.setting().into(),
                clip: clip.name.clone(),
                seconds: clip.seconds(),
                target_kbps: coder.target(),
                bytes: None,
                payload_bytes: None,
                encode_s: None,
                decode_s: None,
                scores: None,
                error: None,
            };
            match coded {
                Ok(c) => {
                    row.bytes = Some(c.bytes);
                    row.payload_bytes = c.payload;
                    row.encode_s = Some(c.encode_s);
                    row.decode_s = Some(c.decode_s);
                    score(&mut row, &clip.samples, &c.samples);
                }
                Err(e) => row.error = Some(format!("{e:#}")),
            }
            row
        })
        .collect()
}

/// Scores files of one folder against the files of the same name in another.
pub fn judge(reference: &Path, degraded: &Path) -> Result<Vec<Row>> {
    let clips = load(reference)?;
    Ok(clips
        .par_iter()
        .map(|clip| {
            let mut row = Row {
                codec: "judged".into(),
                setting: degraded
                    .file_name()
                    .map_or_else(String::new, |n| n.to_string_lossy().into()),
                clip: clip.name.clone(),
                seconds: clip.seconds(),
                target_kbps: None,
                bytes: None,
                payload_bytes: None,
                encode_s: None,
                decode_s: None,
                scores: None,
                error: None,
            };
            // A pair may differ in its container: x.flac against x.wav.
            let other = ["wav", "flac"]
                .iter()
                .map(|e| degraded.join(&clip.name).with_extension(e))
                .find(|p| p.is_file());
            match other.map(|p| audio::read(&p)) {
                Some(Ok(y)) => score(&mut row, &clip.samples, &y),
                Some(Err(e)) => row.error = Some(e.to_string()),
                None => row.error = Some("no file of this name to judge".into()),
            }
            row
        })
        .collect())
}

fn score(row: &mut Row, reference: &[f32], degraded: &[f32]) {
    match Scores::of(reference, degraded) {
        Ok(s) => row.scores = Some(s),
        Err(e) => row.error = Some(e.to_string()),
    }
}

fn relative(path: &Path, folder: &Path) -> String {
    let parts: Vec<_> = path
        .strip_prefix(folder)
        .unwrap_or(path)
        .components()
        .map(|c| c.as_os_str().to_string_lossy())
        .collect();
    parts.join("/")
}
