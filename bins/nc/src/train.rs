//! `nc train`: a codec's model from folders of recordings.
//!
//! The data are found on disk and sorted by path, so that the same folders give the same model;
//! long work keeps checkpoints beside the output and goes on with `--resume`.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use nc::grvq::train::{Clip, Dataset, Recipe, train};
use nc_core::{AudioBuf, AudioFormat, Error, Format, MediaKind, Progress, SignalBuf};
use nc_media::{OpenOptions, formats, open};
use rayon::prelude::*;

use crate::args::TrainGrvq;
use crate::failure::{Failure, Result};
use crate::files;
use crate::ui::{Ui, show};

/// Rate that the codec works at.
const RATE: u32 = 16_000;
/// Shorter recordings hold nothing to learn from, in seconds.
const SHORTEST: f32 = 0.3;

/// `nc train grvq`
///
/// # Errors
/// Usage, I/O, Cancelled with a checkpoint kept.
pub fn grvq(args: &TrainGrvq, ui: &mut Ui) -> Result<u8> {
    let recipe: Recipe = match &args.recipe {
        None => Recipe::default(),
        Some(path) => {
            let text = files::text(path, &ui.budget())?;
            serde_json::from_str(&text)
                .map_err(|e| Failure::usage(format!("not a recipe: {e}")).on(path))?
        }
    };
    let held = match &args.hold_out {
        None => Vec::new(),
        Some(path) => {
            let text = files::text(path, &ui.budget())?;
            let lines = text
                .lines()
                .map(str::trim)
                .filter(|l| !l.is_empty() && !l.starts_with('#'));
            lines.map(String::from).collect()
        }
    };
    let (data, valid) = load(&args.data, &held, ui)?;
    let hours = |d: &Dataset| d.samples() as f64 / f64::from(RATE) / 3600.0;
    ui.say(format_args!(
        "{} recordings, {:.2} h to train on; {} recordings, {:.2} h held out",
        data.clips.len(),
        hours(&data),
        valid.clips.len(),
        hours(&valid)
    ));
    let mut out = files::output(&args.output, None, args.force)?;
    let folder = args.checkpoints.clone().unwrap_or_else(|| {
        let mut name = args.output.as_os_str().to_owned();
        name.push(".checkpoints");
        PathBuf::from(name)
    });
    // A stop waits for the step at hand and the checkpoint after it.
    crate::signals::set_grace(std::time::Duration::from_secs(600));
    let bar = ui.bar(&args.output);
    // Without a terminal there is no bar; a log is what people read instead.
    let log = !std::io::stderr().is_terminal();
    let mut on_bar = show(&bar);
    let ui = &*ui;
    let mut progress = |p: Progress<'_>| {
        if log {
            ui.say(format_args!(
                "{} {}/{}: {}",
                p.task,
                p.done,
                p.total.unwrap_or(0),
                p.note
            ));
        } else {
            on_bar(p);
        }
    };
    let mut ctl = ui.control(0, &mut progress);
    ctl.checkpoints = Some(folder);
    let model = train(&recipe, &data, &valid, args.resume, &mut ctl);
    bar.finish_and_clear();
    out.write_all(&model?)?;
    out.commit()?;
    Ok(0)
}

/// Recordings under `folders`, those under a held-out prefix apart.
fn load(folders: &[PathBuf], held: &[String], ui: &Ui) -> Result<(Dataset, Dataset)> {
    let mut files = Vec::new();
    for folder in folders {
        walk(folder, folder, &mut files)?;
    }
    files.sort();
    let clips: Vec<_> = files
        .par_iter()
        .filter_map(|(relative, path)| match read(path, ui) {
            Ok(samples) if samples.len() as f32 >= SHORTEST * RATE as f32 => Some(Clip {
                name: relative.clone(),
                samples,
            }),
            Ok(_) => None,
            Err(failure) => {
                ui.fail(path, &failure);
                None
            }
        })
        .collect();
    let (valid, data): (Vec<Clip>, Vec<Clip>) = clips
        .into_iter()
        .partition(|c| held.iter().any(|h| c.name.starts_with(h.as_str())));
    if data.is_empty() {
        return Err(Failure::usage("no recordings found to train on"));
    }
    Ok((Dataset { clips: data }, Dataset { clips: valid }))
}

/// All files under `folder` that look like audio, with their path relative to `root`.
fn walk(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(|e| Failure::from(Error::Io(e)).on(folder))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            walk(root, &path, files)?;
        } else if formats::of_file(&path).is_some_and(|f| f.kind == Some(MediaKind::Audio)) {
            let relative = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .display()
                .to_string();
            files.push((relative, path));
        }
    }
    Ok(())
}

/// A recording as one channel at 16 kHz.
fn read(path: &Path, ui: &Ui) -> Result<Vec<i16>> {
    let options = OpenOptions::new()
        .kind(MediaKind::Audio)
        .budget(ui.budget());
    let mut audio = open(path, &options)?;
    let Format::Audio(AudioFormat { rate, channels, .. }) = audio.format() else {
        return Err(Failure::usage("not audio"));
    };
    // A recording is held whole: as read, as resampled, and as what is kept of it.
    let mut budget = ui.budget();
    let mut mono: Vec<f32> = Vec::new();
    while let Some(SignalBuf::Audio(AudioBuf { samples: block, .. })) = audio.next()? {
        let resampled = (block.ncols() as u64).saturating_mul(RATE.into()) / u64::from(rate.max(1));
        budget.charge((block.ncols() as u64).saturating_mul(8))?;
        budget.charge(resampled.saturating_mul(6))?;
        mono.extend(
            block
                .columns()
                .into_iter()
                .map(|c| c.sum() / f32::from(channels)),
        );
    }
    if rate != RATE {
        let len = usize::try_from(nc_kernels::resampled_len(mono.len() as u64, rate, RATE))
            .unwrap_or(usize::MAX);
        mono = nc_kernels::resample(&mono, rate, RATE, len)
            .map_err(|e| Error::Unsupported(e.to_string()))?;
    }
    Ok(mono
        .iter()
        .map(|s| (s * 32768.0).round().clamp(-32768.0, 32767.0) as i16)
        .collect())
}
