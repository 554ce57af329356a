//! ffmpeg, a program of its own: it reads the formats of video and sound that this crate does not, and hands them over as
//! Y4M or WAV through a pipe.
//!
//! A second program and not a library, because the formats of video are many and their decoders are
//! written in C: what breaks in them breaks in a process of its own, and who needs none of them needs
//! no ffmpeg.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use nc_core::{Error, Result};
use serde::Deserialize;
use tempfile::TempPath;

use crate::warning::{Warning, code};

/// Endings of names that mean video, or an image that ffmpeg reads.
const ENDINGS: [&str; 24] = [
    "3gp", "avi", "avif", "bmp", "flv", "gif", "h264", "hevc", "ivf", "jpeg", "jpg", "m2ts", "m4v",
    "mkv", "mov", "mp4", "mpeg", "mpg", "mxf", "ogv", "ts", "webm", "webp", "wmv",
];
/// The program, and the one beside it that tells what is in a file.
const PROGRAM: &str = "ffmpeg";
const PROBE: &str = "ffprobe";
/// Forms of samples that are asked for, of which it takes the one nearest to what there is; transparency goes.
const FORMS: [&str; 16] = [
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "gray",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p10le",
    "gray10le",
    "yuv420p12le",
    "yuv422p12le",
    "yuv444p12le",
    "gray12le",
    "gray16le",
    // With full range.
    "yuvj420p",
    "yuvj422p",
    "yuvj444p",
];
/// How files begin that only name others, which ffmpeg would read in their place, from this machine or another.
const LISTS: [&[u8]; 5] = [b"ffconcat", b"#EXTM3U", b"<?xml", b"<MPD", b"v=0"];
/// Bytes that are kept of what it says.
const MOST_SAID: u64 = 1 << 12;
/// Lines of these that are shown.
const MOST_LINES: usize = 3;

/// True for a name that ends as files of video do, which ffmpeg reads. Content does not tell: sound comes in the same
/// containers.
pub fn is_known(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str());
    ending.is_some_and(|e| ENDINGS.iter().any(|known| e.eq_ignore_ascii_case(known)))
}

/// Whether a file begins as containers do that hold video or sound, of whatever coding.
pub fn is_container(head: &[u8]) -> bool {
    let at = |from: usize, what: &[u8]| head.get(from..).is_some_and(|h| h.starts_with(what));
    // MP4 and QuickTime, Matroska and WebM, AVI, Flash, Windows Media, MPEG program streams and video, IVF, MXF, Ogg,
    // RealMedia; a transport stream begins with the first of its packets.
    at(4, b"ftyp")
        || at(4, b"moov")
        || at(4, b"mdat")
        || at(4, b"wide")
        || at(0, b"\x1A\x45\xDF\xA3")
        || (at(0, b"RIFF") && at(8, b"AVI "))
        || at(0, b"FLV\x01")
        || at(0, b"\x30\x26\xB2\x75\x8E\x66\xCF\x11")
        || at(0, b"\0\0\x01\xBA")
        || at(0, b"\0\0\x01\xB3")
        || at(0, b"DKIF")
        || at(0, b"\x06\x0E\x2B\x34")
        || at(0, b"OggS")
        || at(0, b".RMF")
        || at(0, b"\x47\x40")
}

/// Whether a file begins as a picture that this crate does not read.
pub fn is_picture(head: &[u8]) -> bool {
    let at = |from: usize, what: &[u8]| head.get(from..).is_some_and(|h| h.starts_with(what));
    // JPEG 2000 as a file and as a stream, OpenEXR.
    at(0, b"\0\0\0\x0CjP  ") || at(0, b"\xFF\x4F\xFF\x51") || at(0, b"\x76\x2F\x31\x01")
}

/// What a file is, where neither this crate nor ffmpeg reads it.
pub fn not_taken(head: &[u8]) -> Option<&'static str> {
    let at = |from: usize, what: &[u8]| head.get(from..).is_some_and(|h| h.starts_with(what));
    let brand = |names: &[&[u8; 4]]| at(4, b"ftyp") && names.iter().any(|n| at(8, *n));
    if brand(&[b"heic", b"heix", b"hevc", b"mif1", b"msf1"]) {
        return Some("a HEIC picture");
    }
    if at(0, b"\xFF\x0A") || at(0, b"\0\0\0\x0CJXL ") {
        return Some("a JPEG XL picture");
    }
    None
}

/// Whether a file begins as one of sound alone that this crate does not read.
pub fn is_other_sound(head: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 12] = [
        b"#!AMR",
        b"wvpk",
        b"MAC ",
        b"TTA1",
        b"Creative Voice F",
        b"\x0B\x77",
        b"\x7F\xFE\x80\x01",
        b"OFR ",
        b"MPCK",
        b"MP+",
        b"DSD ",
        b"FRM8",
    ];
    // MPEG audio of layers 1 and 2.
    let mpeg = matches!(head, [0xFF, b, c, ..] if b & 0xE0 == 0xE0 && matches!(b & 6, 4 | 6) && b & 0x18 != 8 && c >> 4 != 15);
    mpeg || BEGINNINGS.iter().any(|b| head.starts_with(b))
}

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
    /// Whether an alpha channel stands beside the pictures, where their usual decoder does not look.
    pub apart: bool,
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
    let apart = told.tags.alpha_mode == "1";
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
        alpha: apart || WITH_ALPHA.iter().any(alpha),
        apart,
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

/// Whether anything shows through the pictures of a file with an alpha channel.
///
/// # Errors
/// Those of starting ffmpeg; I/O.
pub fn is_transparent(path: &Path, apart: bool) -> Result<bool> {
    let args = [
        "-vf",
        "format=rgba,alphaextract,format=gray",
        "-f",
        "rawvideo",
    ];
    let mut program = Ffmpeg::run(path, decoder(path, apart)?, &args)?;
    let mut block = vec![0; 1 << 16];
    loop {
        let n = program.read(&mut block)?;
        let (some, _) = block.split_at(n);
        if n == 0 || some.iter().any(|a| *a != u8::MAX) {
            return Ok(n > 0);
        }
    }
}

/// The decoder that looks at an alpha channel which stands beside the pictures, as VP8 and VP9 have it.
fn decoder(path: &Path, apart: bool) -> Result<&'static [&'static str]> {
    let vp8 = || Ok::<_, Error>(probe(path)?.video().is_some_and(|v| v.codec == "vp8"));
    Ok(match apart {
        false => &[],
        true if vp8()? => &["-c:v", "libvpx"],
        true => &["-c:v", "libvpx-vp9"],
    })
}

/// A file's name that is no protocol, and no list of other files.
fn named(path: &Path) -> Result<std::ffi::OsString> {
    let mut first = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut first)?;
    let first = first.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&first);
    if LISTS
        .iter()
        .any(|l| first.trim_ascii_start().starts_with(l))
    {
        let why = "a list of other files, and no video itself";
        return Err(Error::Usage(why.into()));
    }
    // A path with a colon would be taken for a protocol.
    let mut name = std::ffi::OsString::from("file:");
    name.push(path);
    Ok(name)
}

fn not_started(e: io::Error) -> Error {
    match e.kind() {
        io::ErrorKind::NotFound => Error::Usage(
            "this is read through ffmpeg, which is not on the PATH; nc itself reads WAV, AIFF, AU, CAF, FLAC, MP3, Ogg Vorbis and AAC, Y4M and images"
                .into(),
        )
        .coded(code::NO_FFMPEG),
        _ => Error::Io(io::Error::new(e.kind(), format!("starting {PROGRAM}: {e}"))),
    }
}

/// A run of ffmpeg that gives Y4M or WAV.
pub struct Ffmpeg {
    child: Child,
    out: Option<ChildStdout>,
    said: Option<JoinHandle<String>>,
    ended: bool,
    /// A copy of what came through a pipe.
    _input: Option<TempPath>,
}

impl Ffmpeg {
    /// Starts it on a file, for its pictures as Y4M, over a colour where one is given.
    ///
    /// # Errors
    /// Usage where there is no ffmpeg, and for a file that only names others; I/O.
    pub fn start(path: &Path, background: Option<[u8; 3]>, apart: bool) -> Result<Self> {
        let mut forms = format!("format={}", FORMS.join("|"));
        if let Some([r, g, b]) = background {
            let fill = format!("drawbox=c=0x{r:02x}{g:02x}{b:02x}@1.0:t=fill:replace=1");
            forms =
                format!("format=rgba,split[a][b];[a]{fill}[c];[c][b]overlay=format=rgb,{forms}");
        }
        let decoder = match background {
            Some(_) => decoder(path, apart)?,
            None => &[][..],
        };
        Self::run(
            path,
            decoder,
            &["-vf", &forms, "-f", "yuv4mpegpipe", "-strict", "-1"],
        )
    }

    /// Starts it on a file, for its first stream of sound as WAV with samples of `bits`, of floats where none are given, behind
    /// `shift` samples of silence; without so many of its own where that is negative.
    ///
    /// # Errors
    /// As for [`Self::start`].
    pub fn start_sound(path: &Path, bits: Option<u8>, shift: i64) -> Result<Self> {
        let coding = match bits {
            Some(..=16) => "pcm_s16le",
            Some(17..=24) => "pcm_s24le",
            Some(_) => "pcm_s32le",
            None => "pcm_f32le",
        };
        let args = ["-map", "0:a:0", "-vn", "-sn", "-dn", "-c:a", coding];
        let filter = match shift {
            0 => "anull".to_owned(),
            1.. => format!("adelay={shift}S:all=1"),
            _ => format!("atrim=start_sample={}", shift.unsigned_abs()),
        };
        let start = ["-af", &filter];
        let plain = ["-fflags", "+bitexact", "-flags:a", "+bitexact", "-f", "wav"];
        Self::run(path, &[], &[&args[..], &start, &plain].concat())
    }

    fn run(path: &Path, before: &[&str], args: &[&str]) -> Result<Self> {
        let started = Command::new(PROGRAM)
            .args(["-nostdin", "-v", "error"])
            .args(before)
            .arg("-i")
            .arg(named(path)?)
            .args(args)
            .arg("-")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = started.map_err(not_started)?;
        let out = child.stdout.take();
        let said = child.stderr.take().map(listen);
        Ok(Self {
            child,
            out,
            said,
            ended: false,
            _input: None,
        })
    }

    /// The same, which removes its input at its end: a copy of a stream.
    #[must_use]
    pub fn with_copy(mut self, input: Option<TempPath>) -> Self {
        self._input = input;
        self
    }

    /// Waits for its end; gives what it complained of.
    ///
    /// # Errors
    /// Format with its first lines, where it failed; I/O.
    pub fn finish(&mut self) -> Result<Option<Warning>> {
        // Where its output is not wanted any more, it must not wait for a reader.
        drop(self.out.take());
        let status = self.child.wait()?;
        self.ended = true;
        let said = said(self.said.take())?;
        if !status.success() {
            let why = if said.is_empty() {
                status.to_string()
            } else {
                said
            };
            return Err(Error::Format(format!("{PROGRAM}: {why}").into()));
        }
        Ok((!said.is_empty())
            .then(|| Warning::new(code::FFMPEG_SAID, format!("{PROGRAM}: {said}"))))
    }

    /// Whether it has no more to give.
    pub fn at_end(&mut self) -> bool {
        !matches!(self.read(&mut [0]), Ok(n) if n > 0)
    }
}

impl Read for Ffmpeg {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.out {
            Some(out) => out.read(buf),
            None => Ok(0),
        }
    }
}

/// What ffmpeg is to make of frames that come as Y4M.
pub struct Muxing<'a> {
    /// A WAV file of sound beside them.
    pub sound: Option<&'a Path>,
    /// The container, as ffmpeg calls it.
    pub container: &'a str,
    /// Codings and their qualities.
    pub options: &'a [&'a str],
    /// The file, which is there and is written over.
    pub to: &'a Path,
}

/// A run of ffmpeg that takes Y4M and writes a file.
pub struct Muxer {
    child: Child,
    said: Option<JoinHandle<String>>,
}

impl Muxer {
    /// Starts it; gives what frames are written to. Its end is the end of the clip.
    ///
    /// # Errors
    /// Usage where there is no ffmpeg; I/O.
    pub fn start(muxing: &Muxing<'_>) -> Result<(Self, ChildStdin)> {
        let mut command = Command::new(PROGRAM);
        command.args(["-v", "error", "-y", "-f", "yuv4mpegpipe", "-i", "pipe:0"]);
        if let Some(sound) = muxing.sound {
            command.arg("-i").arg(named(sound)?);
        }
        let mut to = std::ffi::OsString::from("file:");
        to.push(muxing.to);
        let started = command
            .args(muxing.options)
            .args(["-f", muxing.container])
            .arg(to)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = started.map_err(not_started)?;
        let said = child.stderr.take().map(listen);
        let none = || Error::Internal("a program without a pipe".into());
        let pipe = child.stdin.take().ok_or_else(none)?;
        Ok((Self { child, said }, pipe))
    }

    /// Where a write failed because it has ended, its reason is the better one.
    ///
    /// # Errors
    /// That of the write, or its own.
    pub fn blame<T>(&mut self, written: Result<T>) -> Result<T> {
        match written {
            Err(Error::Io(e)) if e.kind() == io::ErrorKind::BrokenPipe => {
                self.finish()?;
                Err(Error::Io(e))
            }
            written => written,
        }
    }

    /// Waits for its end; the pipe is closed by then.
    ///
    /// # Errors
    /// I/O with what it said, where it failed.
    pub fn finish(&mut self) -> Result<()> {
        let status = self.child.wait()?;
        let said = said(self.said.take())?;
        match status.success() {
            true => Ok(()),
            false => Err(Error::Io(io::Error::other(format!("{PROGRAM}: {said}")))),
        }
    }
}

impl Drop for Muxer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads what a program says, in a thread, so that its pipe never fills.
fn listen(mut err: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // What cannot be read is not shown.
        let _ = err.by_ref().take(MOST_SAID).read_to_end(&mut text);
        let _ = io::copy(&mut err, &mut io::sink());
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// The first lines of it.
fn said(thread: Option<JoinHandle<String>>) -> Result<String> {
    let said = match thread.map(JoinHandle::join) {
        Some(Ok(said)) => said,
        Some(Err(_)) => {
            return Err(Error::Internal("reading what ffmpeg says panicked".into()));
        }
        None => String::new(),
    };
    let lines: Vec<&str> = said
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .take(MOST_LINES)
        .collect();
    Ok(lines.join("; "))
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        if !self.ended {
            // It may have ended by itself.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
