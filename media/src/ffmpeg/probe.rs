//! What ffprobe tells of a file: its streams, their forms and their pace.

use std::path::Path;
use std::process::{Command, Stdio};

use nc_core::{Error, Result};
use serde::Deserialize;

use super::{FORMS, named, not_started};

/// The program, which stands beside ffmpeg.
const PROBE: &str = "ffprobe";

/// What a file holds, as ffprobe tells it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Probe {
    /// Its streams, in their order.
    pub streams: Vec<Stream>,
}

/// One of its streams.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// `video`, `audio`, `subtitle` and others, as ffmpeg calls them.
    pub kind: String,
    /// Name of its coding.
    pub codec: String,
    /// Whether it is a picture of a cover.
    pub cover: bool,
    /// Bits of a sample, of lossless sound.
    pub bits: Option<u8>,
    /// Whether its samples are floats, of lossless sound.
    pub float: bool,
    /// Whether frames come at an uneven pace.
    pub uneven: bool,
    /// The form of its pixels, where frames are handed over in another, with other colours or less of them.
    pub turned: Option<String>,
    /// Whether frames are of two fields, taken one after the other.
    pub interlaced: bool,
    /// The decoder that looks at an alpha channel which stands beside the pictures, as VP8 and VP9 have it.
    pub decoder: Option<&'static str>,
    /// Whether its pictures have an alpha channel, which may be opaque.
    pub alpha: bool,
    /// Where it begins, in seconds.
    pub start: f64,
    /// Frames or samples a second; 0 where they are not known.
    pub rate: f64,
}

impl Stream {
    /// Samples that this stream of sound begins behind the first frame of the pictures `video` as ffmpeg hands them over;
    /// negative where it begins before.
    pub fn behind(&self, video: &Self) -> i64 {
        // What stands before 0 is an encoder's, and decoders leave it out.
        let (sound, pictures) = (self.start.max(0.0), video.start.max(0.0));
        let pictures = pictures - sound.min(pictures);
        let sound = self.start.max(0.0) - sound.min(video.start.max(0.0));
        // Frames are repeated from the start of the file to their own, to whole frames.
        let filled = match video.rate > 0.0 {
            true => (pictures * video.rate).round() / video.rate,
            false => 0.0,
        };
        ((sound - pictures + filled) * self.rate).round() as i64
    }
}

/// Forms of pixels with an alpha channel, or a palette that may have one.
const WITH_ALPHA: [&str; 9] = [
    "yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya8", "ya16", "pal8",
];
/// Codings of sound that lose nothing, so that their depth is that of the sound.
const LOSSLESS: [&str; 8] = [
    "alac", "flac", "wavpack", "tta", "ape", "mlp", "truehd", "shorten",
];

impl Probe {
    /// The stream of pictures that ffmpeg takes; none where there are none but of covers.
    pub fn video(&self) -> Option<&Stream> {
        self.streams.iter().find(|s| s.kind == "video" && !s.cover)
    }

    /// The first stream of sound.
    pub fn sound(&self) -> Option<&Stream> {
        self.streams.iter().find(|s| s.kind == "audio")
    }

    /// What is left out where so many streams are taken, in words; none where nothing is.
    pub fn left_out(&self, taken: &[&Stream]) -> Option<String> {
        let left = self.streams.iter().filter(|s| !taken.contains(s));
        let names: Vec<String> = left
            .map(|s| match s.cover {
                true => "a cover picture".to_owned(),
                false => format!("{} ({})", s.kind, s.codec),
            })
            .collect();
        (!names.is_empty()).then(|| format!("left out of the file: {}", names.join(", ")))
    }
}

/// Asks ffprobe what is in a file.
///
/// # Errors
/// Usage where there is no ffprobe, Format where it knows no such file; I/O.
pub fn probe(path: &Path) -> Result<Probe> {
    let entries = "stream=codec_type,codec_name,sample_fmt,pix_fmt,bits_per_raw_sample,bits_per_sample,r_frame_rate,avg_frame_rate,start_time,sample_rate,field_order:stream_disposition=attached_pic:stream_tags=alpha_mode";
    let out = Command::new(PROBE)
        .args(["-v", "error", "-show_entries", entries, "-of", "json"])
        .arg(named(path)?)
        .stdin(Stdio::null())
        .output()
        .map_err(not_started)?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        let line = said.lines().last().unwrap_or("ffprobe failed").to_owned();
        return Err(Error::Format(line.into()));
    }
    let told: Told = serde_json::from_slice(&out.stdout)
        .map_err(|e| Error::Format(format!("ffprobe: {e}").into()))?;
    let mut streams: Vec<Stream> = told.streams.into_iter().map(stream_of).collect();
    let video = |s: &&mut Stream| s.kind == "video" && !s.cover;
    if let Some(video) = streams.iter_mut().find(video)
        && !video.uneven
    {
        video.uneven = !is_even(&times(path)?);
    }
    Ok(Probe { streams })
}

/// Frames whose times are looked at.
const TIMES: usize = 2000;

/// When the first frames of the pictures are shown, in the file's own units.
fn times(path: &Path) -> Result<Vec<i64>> {
    let out = Command::new(PROBE)
        .args(["-v", "error", "-select_streams", "v:0"])
        .args(["-show_entries", "packet=pts", "-of", "csv=p=0"])
        .args(["-read_intervals", &format!("%+#{TIMES}")])
        .arg(named(path)?)
        .stdin(Stdio::null())
        .output()
        .map_err(not_started)?;
    // Of streams without times nothing can be said.
    let words = String::from_utf8_lossy(&out.stdout).into_owned();
    let time = |line: &str| line.split(',').next()?.trim().parse().ok();
    let mut times: Vec<i64> = words.lines().filter_map(time).collect();
    times.sort_unstable();
    Ok(times)
}

/// Whether times are equally far apart, but for rounding to whole units.
fn is_even(times: &[i64]) -> bool {
    let mut steps: Vec<i64> = times
        .iter()
        .zip(times.iter().skip(1))
        .map(|(a, b)| b - a)
        .collect();
    // Packets may be there that the last frame still waits for.
    steps.truncate(steps.len().saturating_sub(2));
    let mut sorted = steps.clone();
    sorted.sort_unstable();
    let Some(usual) = sorted.get(sorted.len() / 2) else {
        return true;
    };
    let most = (usual / 10).max(2);
    steps
        .iter()
        .all(|s| s.abs_diff(*usual) <= most.unsigned_abs())
}

/// What ffprobe tells, as far as it was asked for.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    streams: Vec<ToldStream>,
}

/// A stream of it; what is not known of it is missing.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ToldStream {
    codec_type: String,
    codec_name: String,
    sample_fmt: String,
    pix_fmt: String,
    bits_per_raw_sample: String,
    bits_per_sample: u8,
    r_frame_rate: String,
    avg_frame_rate: String,
    start_time: String,
    sample_rate: String,
    field_order: String,
    disposition: Disposition,
    tags: Tags,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tags {
    #[serde(alias = "ALPHA_MODE")]
    alpha_mode: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Disposition {
    attached_pic: u8,
}

fn stream_of(told: ToldStream) -> Stream {
    let codec = told.codec_name;
    let lossless = codec.starts_with("pcm_") || LOSSLESS.contains(&codec.as_str());
    let form = told.sample_fmt;
    let plain = Some(told.bits_per_sample).filter(|bits| *bits > 0);
    let usual = if form.starts_with("s32") { 32 } else { 16 };
    let bits = told
        .bits_per_raw_sample
        .parse()
        .ok()
        .or(plain)
        .unwrap_or(usual);
    let (pace, mean) = (told.r_frame_rate, told.avg_frame_rate);
    let alpha = |f: &&str| told.pix_fmt.starts_with(f);
    let decoder = (told.tags.alpha_mode == "1").then_some(match codec.as_str() {
        "vp8" => "libvpx",
        _ => "libvpx-vp9",
    });
    let plain = told.pix_fmt.replace("be", "le");
    // The same planes in another order, and opacity beside them, which is looked at apart.
    let same = match plain.as_str() {
        "nv12" | "nv21" => "yuv420p",
        "nv16" => "yuv422p",
        "p010le" => "yuv420p10le",
        other => other,
    };
    let same = same.replace("yuva", "yuv");
    let known = FORMS.contains(&same.as_str()) || same.is_empty() || same == "yuvj411p";
    let turned = (told.codec_type == "video" && !known).then_some(told.pix_fmt.clone());
    Stream {
        turned,
        alpha: decoder.is_some() || WITH_ALPHA.iter().any(alpha),
        decoder,
        interlaced: matches!(told.field_order.as_str(), "tt" | "bb" | "tb" | "bt"),
        cover: told.disposition.attached_pic == 1,
        bits: lossless.then_some(bits),
        float: lossless && (form.starts_with("flt") || form.starts_with("dbl")),
        uneven: mean != "0/0" && differ(&pace, &mean),
        // What is not told is the start, and of a rate nothing.
        start: told.start_time.parse().unwrap_or(0.0),
        rate: (told.sample_rate.parse().ok())
            .or_else(|| fraction(&mean))
            .unwrap_or(0.0),
        kind: told.codec_type,
        codec,
    }
}

/// Whether two rates differ by more than rounding.
fn differ(a: &str, b: &str) -> bool {
    match (fraction(a), fraction(b)) {
        (Some(a), Some(b)) => (a - b).abs() > 0.005 * a.max(b),
        _ => false,
    }
}

/// A fraction in words; none for 0 or a division by it.
fn fraction(words: &str) -> Option<f64> {
    let (n, d) = words.split_once('/')?;
    let value = n.parse::<f64>().ok()? / d.parse::<f64>().ok()?;
    (value.is_finite() && value > 0.0).then_some(value)
}
