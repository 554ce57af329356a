//! ffmpeg, a program of its own: it reads the formats of video that this crate does not, and hands them over as Y4M
//! through a pipe.
//!
//! A second program and not a library, because the formats of video are many and their decoders are
//! written in C: what breaks in them breaks in a process of its own, and who needs none of them needs
//! no ffmpeg.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

use nc_core::{Error, Result};

use crate::warning::{Warning, code};

/// Endings of names that mean video, or an image that ffmpeg reads.
const ENDINGS: [&str; 24] = [
    "3gp", "avi", "avif", "bmp", "flv", "gif", "h264", "hevc", "ivf", "jpeg", "jpg", "m2ts", "m4v",
    "mkv", "mov", "mp4", "mpeg", "mpg", "mxf", "ogv", "ts", "webm", "webp", "wmv",
];
/// The program.
const PROGRAM: &str = "ffmpeg";
/// Forms of samples that are asked for, of which it takes the one nearest to what there is; transparency goes.
const FORMS: [&str; 11] = [
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "gray",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p10le",
    "gray10le",
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

/// A run of ffmpeg that gives Y4M.
pub struct Ffmpeg {
    child: Child,
    out: Option<ChildStdout>,
    said: Option<JoinHandle<String>>,
    ended: bool,
}

impl Ffmpeg {
    /// Starts it on a file.
    ///
    /// # Errors
    /// Usage where there is no ffmpeg, and for a file that only names others; I/O.
    pub fn start(path: &Path) -> Result<Self> {
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
        let started = Command::new(PROGRAM)
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(name)
            .args(["-vf", &format!("format={}", FORMS.join("|"))])
            .args(["-f", "yuv4mpegpipe", "-strict", "-1", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = started.map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => Error::Usage(
                "nc reads video as .y4m and images as .png itself, and the rest through ffmpeg, which is not on the PATH"
                    .into(),
            )
            .coded(code::NO_FFMPEG),
            _ => Error::Io(io::Error::new(e.kind(), format!("starting {PROGRAM}: {e}"))),
        })?;
        let out = child.stdout.take();
        let said = child.stderr.take().map(|mut err| {
            std::thread::spawn(move || {
                let mut text = Vec::new();
                // What cannot be read is not shown; the rest is read so that the pipe never fills.
                let _ = err.by_ref().take(MOST_SAID).read_to_end(&mut text);
                let _ = io::copy(&mut err, &mut io::sink());
                String::from_utf8_lossy(&text).into_owned()
            })
        });
        Ok(Self {
            child,
            out,
            said,
            ended: false,
        })
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
        let said = match self.said.take().map(JoinHandle::join) {
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
        let said = lines.join("; ");
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

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        if !self.ended {
            // It may have ended by itself.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
