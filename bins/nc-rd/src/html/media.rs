//! Examples for the eye and the ear: originals and what came back, as data URIs within a limit.
//!
//! Only what decodes as PNG or WAV gets in, and only from below `OUT/media`. Large pictures are cut to
//! their middle, pixel for pixel, because a smaller picture would hide what a codec does; long sounds to
//! their beginning. Files are taken by importance until the room is used: first one of each codec at
//! like sizes, last what stands between them.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use image::{ImageFormat, RgbImage, imageops};
use nc_corpora::{audio, metrics};

use super::view::Set;
use crate::bench::results::Row;
use crate::{chart, spectrogram};

/// Larger pictures are cut.
const PICTURE: (u32, u32) = (960, 640);
/// Longer sounds are cut.
const SECONDS: u32 = 10;
/// A larger file is no example.
const FILE: u64 = 64 << 20;

/// One input and what codecs made of it.
pub struct Example<'a> {
    /// Name of the input.
    pub input: &'a str,
    /// The original.
    pub original: Shot,
    /// By codec, smallest first.
    pub decoded: Vec<(&'a Row, Shot)>,
    /// Files that there was no room for.
    pub left_out: usize,
    /// Files that could not be used, and why.
    pub broken: Vec<String>,
}

/// A picture, or a sound with its spectrogram.
pub struct Shot {
    /// PNG as data URI: the picture or the spectrogram.
    pub picture: String,
    /// Size of it in pixels.
    pub size: (u32, u32),
    /// WAV as data URI.
    pub sound: Option<String>,
    /// Said where only a part is shown.
    pub part: Option<String>,
    /// Loudest level of a sound in dB, the top of the scale of all spectrograms of its example.
    loudest: f64,
}

impl Shot {
    fn room(&self) -> usize {
        self.picture.len() + self.sound.as_ref().map_or(0, String::len)
    }
}

/// Bytes as data URI of a media type.
pub fn uri(media: &str, bytes: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    format!("data:{media};base64,{text}")
}

/// Examples of the first inputs of a dataset that have any, in at most `room` bytes of text, which is
/// made smaller by what was used.
pub fn examples<'a>(
    out: &Path,
    set: &Set<'a>,
    rows: &'a [Row],
    most: usize,
    room: &mut usize,
) -> Vec<Example<'a>> {
    let mut inputs: Vec<&'a str> = Vec::new();
    let mut all: BTreeMap<&'a str, Vec<&'a Row>> = BTreeMap::new();
    for r in rows {
        let shown = r.dataset == set.dataset.name && r.error.is_none();
        if shown && r.media.is_some() && r.original.is_some() {
            if !inputs.contains(&r.input.as_str()) {
                inputs.push(&r.input);
            }
            all.entry(&r.input).or_default().push(r);
        }
    }
    inputs.truncate(most);
    let mut found: Vec<Example<'a>> = Vec::new();
    let mut waiting: Vec<Vec<&Row>> = Vec::new();
    for input in inputs {
        let rows = all.remove(input).unwrap_or_default();
        let Some(original) = rows.first().and_then(|r| r.original.as_deref()) else {
            continue;
        };
        let mut example = Example {
            input,
            original: Shot::missing(),
            decoded: Vec::new(),
            left_out: 0,
            broken: Vec::new(),
        };
        let order = by_importance(rows);
        match load(out, original, None) {
            Ok(shot) if shot.room() <= *room => {
                *room -= shot.room();
                example.original = shot;
                waiting.push(order);
            }
            Ok(_) => {
                example.left_out = order.len() + 1;
                waiting.push(Vec::new());
            }
            Err(e) => {
                example.broken.push(format!("{original}: {e:#}"));
                waiting.push(Vec::new());
            }
        }
        found.push(example);
    }
    // One file of every example in turn, so that none starves.
    for turn in 0..waiting.iter().map(Vec::len).max().unwrap_or(0) {
        for (example, order) in found.iter_mut().zip(&waiting) {
            let Some(row) = order.get(turn).copied() else {
                continue;
            };
            let Some(path) = row.media.as_deref() else {
                continue;
            };
            match load(out, path, Some(&example.original)) {
                Ok(shot) if shot.room() <= *room => {
                    *room -= shot.room();
                    example.decoded.push((row, shot));
                }
                Ok(_) => example.left_out += 1,
                Err(e) => example.broken.push(format!("{path}: {e:#}")),
            }
        }
    }
    let place = |row: &Row| set.series.iter().position(|s| s.codec == row.codec);
    for example in &mut found {
        example.decoded.sort_by_key(|(r, _)| (place(r), r.bytes));
    }
    found
}

/// Of each codec the row nearest to the middle size, then those nearest to a low and a high one, then
/// the others.
fn by_importance(mut rows: Vec<&Row>) -> Vec<&Row> {
    let log = |r: &Row| (r.bytes.unwrap_or(0).max(1) as f64).ln();
    rows.sort_by(|a, b| log(a).total_cmp(&log(b)));
    let sizes: Vec<f64> = rows.iter().map(|r| log(r)).collect();
    let mut codecs: Vec<&str> = Vec::new();
    for r in &rows {
        if !codecs.contains(&r.codec.as_str()) {
            codecs.push(&r.codec);
        }
    }
    let mut order = Vec::new();
    for eighth in [4, 2, 6] {
        let Some(target) = sizes.get((sizes.len().saturating_sub(1)) * eighth / 8) else {
            continue;
        };
        for codec in &codecs {
            let near = |r: &Row| (log(r) - target).abs();
            let left = rows.iter().enumerate().filter(|(_, r)| r.codec == *codec);
            let best = left.min_by(|a, b| near(a.1).total_cmp(&near(b.1)));
            if let Some(at) = best.map(|b| b.0) {
                order.push(rows.remove(at));
            }
        }
    }
    order.extend(rows);
    order
}

impl Shot {
    fn missing() -> Self {
        Self {
            picture: String::new(),
            size: (0, 0),
            sound: None,
            part: None,
            loudest: 0.0,
        }
    }

    /// Whether there is something to show.
    pub fn there(&self) -> bool {
        !self.picture.is_empty()
    }
}

/// A file of `OUT/media`; a decoded one on the scale of its original.
fn load(out: &Path, name: &str, original: Option<&Shot>) -> Result<Shot> {
    let path = below(out, name)?;
    let size = std::fs::metadata(&path).context("cannot be read")?.len();
    ensure!(size <= FILE, "is larger than {} MiB", FILE >> 20);
    let end = Path::new(name).extension().and_then(|e| e.to_str());
    match end {
        Some("png") => picture(&std::fs::read(&path).context("cannot be read")?),
        Some("wav") => sound(&path, original.map(|o| o.loudest)),
        _ => anyhow::bail!("is neither .png nor .wav"),
    }
}

/// The path of a file of `OUT/media`; results come from elsewhere and must not reach out of it.
fn below(out: &Path, name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    let plain = path.components().all(|c| matches!(c, Component::Normal(_)));
    ensure!(
        plain && !name.is_empty(),
        "is not below the folder of media"
    );
    let path = out.join(path).canonicalize().context("cannot be read")?;
    let media = out.join("media").canonicalize().context("no media")?;
    ensure!(path.starts_with(media), "is not below the folder of media");
    Ok(path)
}

fn picture(bytes: &[u8]) -> Result<Shot> {
    let image = image::load_from_memory_with_format(bytes, ImageFormat::Png)
        .context("is not a picture that can be shown")?;
    let (w, h) = (image.width(), image.height());
    let (cw, ch) = (w.min(PICTURE.0), h.min(PICTURE.1));
    if (cw, ch) == (w, h) {
        return Ok(Shot {
            picture: uri("image/png", bytes),
            size: (w, h),
            ..Shot::missing()
        });
    }
    let cut: RgbImage =
        imageops::crop_imm(&image.to_rgb8(), (w - cw) / 2, (h - ch) / 2, cw, ch).to_image();
    Ok(Shot {
        picture: uri("image/png", &chart::png(&cut)?),
        size: (cw, ch),
        part: Some(format!("the middle {cw} × {ch} pixels of {w} × {h}")),
        ..Shot::missing()
    })
}

fn sound(path: &Path, loudest: Option<f64>) -> Result<Shot> {
    let mut bytes = std::fs::read(path).context("cannot be read")?;
    let mut reader =
        hound::WavReader::new(Cursor::new(&bytes)).context("is not a sound that can be played")?;
    let spec = reader.spec();
    let most = spec.sample_rate.saturating_mul(SECONDS);
    let mut part = None;
    if reader.duration() > most {
        let seconds = f64::from(reader.duration()) / f64::from(spec.sample_rate);
        part = Some(format!("the first {SECONDS} of {seconds:.1} s"));
        let samples = most as usize * usize::from(spec.channels);
        let mut cut = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut cut, spec)?;
        if spec.sample_format == hound::SampleFormat::Float {
            for s in reader.samples::<f32>().take(samples) {
                writer.write_sample(s?)?;
            }
        } else {
            for s in reader.samples::<i32>().take(samples) {
                writer.write_sample(s?)?;
            }
        }
        writer.finalize()?;
        bytes = cut.into_inner();
    }
    let mut x = audio::read(path).context("is not a sound that can be played")?;
    x.truncate((metrics::RATE * SECONDS) as usize);
    let panel = spectrogram::Panel::of(&x)?;
    let loudest = loudest.unwrap_or(panel.loudest());
    let (png, size) = panel.png(loudest)?;
    Ok(Shot {
        picture: uri("image/png", &png),
        size,
        sound: Some(uri("audio/wav", &bytes)),
        part,
        loudest,
    })
}
