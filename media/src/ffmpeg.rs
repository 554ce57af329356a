//! ffmpeg, a program of its own: it reads the formats of video and sound that this crate does not, and hands them over as
//! Y4M or WAV through a pipe.
//!
//! A second program and not a library, because the formats of video are many and their decoders are
//! written in C: what breaks in them breaks in a process of its own, and who needs none of them needs
//! no ffmpeg.

mod probe;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use nc_core::{Error, Result};
use tempfile::TempPath;

use crate::warning::{Warning, code};

pub use probe::{Probe, Stream, probe};

/// Endings of names that mean video, or an image that ffmpeg reads.
const ENDINGS: [&str; 24] = [
    "3gp", "avi", "avif", "bmp", "flv", "gif", "h264", "hevc", "ivf", "jpeg", "jpg", "m2ts", "m4v",
    "mkv", "mov", "mp4", "mpeg", "mpg", "mxf", "ogv", "ts", "webm", "webp", "wmv",
];
/// The program.
const PROGRAM: &str = "ffmpeg";
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

/// Whether anything shows through the pictures of a file with an alpha channel.
///
/// # Errors
/// Those of starting ffmpeg; I/O.
pub fn is_transparent(path: &Path, decoder: Option<&str>) -> Result<bool> {
    let args = [
        "-vf",
        "format=rgba,alphaextract,format=gray",
        "-f",
        "rawvideo",
    ];
    let mut program = Ffmpeg::run(path, decoder, &args)?;
    let mut block = vec![0; 1 << 16];
    loop {
        let n = program.read(&mut block)?;
        let (some, _) = block.split_at(n);
        if n == 0 || some.iter().any(|a| *a != u8::MAX) {
            return Ok(n > 0);
        }
    }
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
    pub fn start(path: &Path, background: Option<[u8; 3]>, decoder: Option<&str>) -> Result<Self> {
        let mut forms = format!("format={}", FORMS.join("|"));
        if let Some([r, g, b]) = background {
            let fill = format!("drawbox=c=0x{r:02x}{g:02x}{b:02x}@1.0:t=fill:replace=1");
            forms =
                format!("format=rgba,split[a][b];[a]{fill}[c];[c][b]overlay=format=rgb,{forms}");
        }
        Self::run(
            path,
            decoder.filter(|_| background.is_some()),
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
        Self::run(path, None, &[&args[..], &start, &plain].concat())
    }

    fn run(path: &Path, decoder: Option<&str>, args: &[&str]) -> Result<Self> {
        let started = Command::new(PROGRAM)
            .args(["-nostdin", "-v", "error"])
            .args(decoder.iter().flat_map(|d| ["-c:v", d]))
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
