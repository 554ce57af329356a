//! What a row says of quality and rate, by the metrics of `nc_corpora`; and examples to look at.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use nc_core::Chroma;
use nc_corpora::audio;
use nc_corpora::metrics::{self, RATE};
use nc_corpora::video::Clip;
use nc_media::video::picture::Painter;

use super::cache;
use super::input::Media;
use super::results::Kind;

/// Seconds by which sound may come back longer or shorter: a codec's delay and its last frame.
const SLACK: f64 = 0.25;
/// SSIM and MS-SSIM of clips are means over every so manieth frame.
const EVERY: usize = 4;

/// Name of the rate that stands on the x axis.
pub fn rate(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio | Kind::Video => "kbps",
        Kind::Image => "bpp",
        Kind::Records => "bpd",
    }
}

/// Metrics of sound, images and video that are the better the higher, the first one first.
pub const QUALITIES: [&[&str]; 3] = [
    &["pesq-wb", "stoi", "estoi", "visqol", "si-sdr", "snr"],
    &["psnr-rgb", "ssimulacra2", "ms-ssim", "ssim", "psnr-y"],
    &["psnr-yuv411", "psnr-y", "psnr-yuv611", "ms-ssim", "ssim"],
];

/// Those of a kind.
pub fn quality(kind: Kind) -> &'static [&'static str] {
    let [audio, image, video] = QUALITIES;
    match kind {
        Kind::Audio => audio,
        Kind::Image => image,
        Kind::Video => video,
        Kind::Records => &[],
    }
}

/// Rates of a coded file by their names.
pub fn rates(original: &Media, bytes: u64, header: Option<usize>) -> BTreeMap<String, f64> {
    let bits = bytes as f64 * 8.0;
    let mut out = BTreeMap::new();
    let mut put = |name: &str, value: f64| {
        if value.is_finite() {
            out.insert(name.to_string(), value);
        }
    };
    if let Some(seconds) = original.seconds() {
        put("kbps", bits / seconds / 1000.0);
    }
    match original {
        Media::Audio(_) => {}
        Media::Image(picture) => {
            let pixels = f64::from(picture.width()) * f64::from(picture.height());
            put("bpp", bits / pixels);
            put("bpsp", bits / pixels / 3.0);
        }
        Media::Video(clip) => put("bpp", bits / clip.pixels()),
        Media::Bytes(file) => {
            let (records, dimensions) = shape(file, header);
            put("bpd", bits / dimensions as f64);
            if let Some(records) = records {
                put("bytes_per_record", bytes as f64 / records as f64);
            }
        }
    }
    out
}

/// Records of a file, where it says, and values in all of them: an IDX file's items and elements, a
/// CSV file's lines and cells after its header; of another file its bytes after `header`.
fn shape(file: &[u8], header: Option<usize>) -> (Option<usize>, usize) {
    if let Some(header) = header {
        return (None, file.len().saturating_sub(header));
    }
    if let [0, 0, 8..=14, dimensions @ 1..=8, rest @ ..] = file {
        let (sizes, _) = rest.as_chunks::<4>();
        let sizes = sizes.iter().take(usize::from(*dimensions));
        let sizes: Vec<usize> = sizes.map(|&s| u32::from_be_bytes(s) as usize).collect();
        let all = sizes.iter().try_fold(1_usize, |n, &s| n.checked_mul(s));
        if let (Some(all), Some(&items)) = (all, sizes.first())
            && all <= file.len()
        {
            return (Some(items), all);
        }
    }
    let text = std::str::from_utf8(file).unwrap_or_default();
    let mut lines = text.lines();
    match lines.next() {
        Some(head) if head.contains(',') => {
            let records = lines.filter(|l| !l.is_empty()).count();
            (Some(records), records * head.split(',').count())
        }
        _ => (None, file.len()),
    }
}

/// Whether all came back: samples in 16 bits, pixels, frames, bytes.
///
/// # Errors
/// What came back is of another kind or size.
pub fn same(original: &Media, decoded: &Media) -> Result<bool> {
    Ok(match (original, decoded) {
        (Media::Audio(x), Media::Audio(y)) => {
            let apart = (x.len() as f64 - y.len() as f64).abs() / f64::from(RATE);
            ensure!(
                apart <= SLACK,
                "{} samples came back of {}",
                y.len(),
                x.len()
            );
            x == y
        }
        (Media::Image(x), Media::Image(y)) => {
            let (a, b) = (x.dimensions(), y.dimensions());
            ensure!(
                a == b,
                "{} x {} pixels came back of {} x {}",
                b.0,
                b.1,
                a.0,
                a.1
            );
            x == y
        }
        (Media::Video(x), Media::Video(y)) => {
            let y = like(x, y);
            let (a, b) = (x.frames(), y.frames());
            ensure!(a == b, "{b} frames came back of {a}");
            ensure!(
                x.video.format == y.video.format,
                "frames of another format came back"
            );
            x.video == y.video
        }
        (Media::Bytes(x), Media::Bytes(y)) => x == y,
        _ => bail!("something of another kind came back"),
    })
}

/// Decoded video with the original's rate, which raw streams need not say.
fn like(original: &Clip, decoded: &Clip) -> Clip {
    let mut clip = decoded.clone();
    clip.video.format.rate = original.video.format.rate;
    clip
}

/// All finite metrics of a pair that [`same`] did not refuse.
///
/// # Errors
/// What cannot be judged.
pub fn metrics(original: &Media, decoded: &Media) -> Result<BTreeMap<String, f64>> {
    let all = match (original, decoded) {
        (Media::Audio(x), Media::Audio(y)) => metrics::speech::all(x, y)?,
        (Media::Image(x), Media::Image(y)) => {
            let view = |p: &'_ image::RgbImage| (p.width() as usize, p.height() as usize);
            let (w, h) = view(x);
            let x = metrics::image::RgbView::new(w, h, x.as_raw())?;
            let y = metrics::image::RgbView::new(w, h, y.as_raw())?;
            metrics::image::all(&x, &y)?
        }
        (Media::Video(x), Media::Video(y)) => {
            let y = like(x, y);
            metrics::video::all(x.video.view(), y.video.view(), EVERY)?
        }
        _ => BTreeMap::new(),
    };
    let finite = all.into_iter().filter(|(_, v)| v.is_finite());
    Ok(finite.map(|(k, v)| (k.to_string(), v)).collect())
}

/// Writes an example at `place` under `root`, its ending added: sound as WAV, a picture or the middle
/// frame of a clip as PNG. Where it is, or nothing of what cannot be shown.
///
/// # Errors
/// I/O.
pub fn show(media: &Media, original: &Media, root: &Path, place: &str) -> Result<Option<String>> {
    let picture = match (media, original) {
        (Media::Audio(x), _) => {
            let place = format!("{place}.wav");
            whole(&root.join(&place), |part| Ok(audio::write(part, x)?))?;
            return Ok(Some(place));
        }
        (Media::Image(picture), _) => picture.clone(),
        (Media::Video(clip), Media::Video(original)) => {
            let at = original.frames() / 2;
            let Some(frame) = clip.video.view().part(at, at + 1) else {
                return Ok(None);
            };
            // Colours as the original's first line says: a decoder's says less.
            paint(original, frame.samples)?
        }
        _ => return Ok(None),
    };
    let place = format!("{place}.png");
    let png = image::ImageFormat::Png;
    whole(&root.join(&place), |part| {
        Ok(picture.save_with_format(part, png)?)
    })?;
    Ok(Some(place))
}

/// A frame of a clip in colours, grey as three equal ones.
fn paint(clip: &Clip, samples: &[u16]) -> Result<image::RgbImage> {
    let format = clip.video.format;
    let mut bytes = Painter::new(&clip.head).paint(samples);
    if format.chroma == Chroma::Gray {
        bytes = bytes.into_iter().flat_map(|s| [s; 3]).collect();
    }
    image::RgbImage::from_raw(format.width, format.height, bytes).context("a frame of another size")
}

/// A file under its name once it is whole; several runs may write the same original.
fn whole(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    cache::place(path, write)
}

#[cfg(test)]
mod tests;
