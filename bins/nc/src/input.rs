//! Where the data comes from: a file, or standard input, with its first bytes looked at.
//!
//! What a file is follows from its content and never from its name: names lie, and standard input
//! has none. Only what nc leaves to another program goes by name (`foreign`).

use std::fs::File;
use std::io::{self, Chain, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use nc_core::container::read_full;

use crate::failure::{Failure, Result};
use crate::output::is_dash;

/// Kinds of input that nc tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RIFF, RF64 or BW64 with WAVE inside.
    Wav,
    /// FLAC, MP3, Ogg, ADTS or MP4.
    Compressed,
    /// Uncompressed video.
    Y4m,
    /// A PNG.
    Png,
    /// An nc file.
    Nc,
    /// No bytes at all.
    Empty,
    /// Anything else.
    Other,
}

impl Kind {
    /// True for what the audio readers take.
    pub fn is_audio(self) -> bool {
        matches!(self, Self::Wav | Self::Compressed)
    }

    /// True for what the video readers take.
    pub fn is_video(self) -> bool {
        matches!(self, Self::Y4m | Self::Png)
    }
}

/// First bytes that the kind is read from.
const HEAD: usize = 16;

/// Standard input, with the bytes that were looked at put back.
pub type Pipe = Chain<Cursor<Vec<u8>>, io::Stdin>;

/// An opened input.
pub enum Input {
    /// A regular file: can be sought in.
    File(File),
    /// Standard input, a named pipe, a device: forward only.
    Pipe(Pipe),
    /// A pipe or device with a name.
    Device(Chain<Cursor<Vec<u8>>, File>),
    /// Any of these but a file, with more bytes put back.
    Again(Box<Chain<Cursor<Vec<u8>>, Input>>),
}

impl Input {
    /// Opens `path` and tells its kind.
    ///
    /// # Errors
    /// I/O, also for a folder.
    pub fn open(path: &Path) -> Result<(Self, Kind)> {
        if is_dash(path) {
            let mut stdin = io::stdin();
            let head = head_of(&mut stdin)?;
            let kind = sniff(&head);
            return Ok((Self::Pipe(Cursor::new(head).chain(stdin)), kind));
        }
        let mut file = File::open(path)?;
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(Failure::usage("is a folder").hint("-r with --out-dir goes into folders"));
        }
        let head = head_of(&mut file)?;
        let kind = sniff(&head);
        if meta.is_file() {
            file.seek(SeekFrom::Start(0))?;
            Ok((Self::File(file), kind))
        } else {
            Ok((Self::Device(Cursor::new(head).chain(file)), kind))
        }
    }

    /// Length in bytes, where the system knows.
    pub fn len(&self) -> Option<u64> {
        match self {
            Self::File(f) => f.metadata().ok().map(|m| m.len()),
            _ => None,
        }
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(f) => f.read(buf),
            Self::Pipe(p) => p.read(buf),
            Self::Device(d) => d.read(buf),
            Self::Again(a) => a.read(buf),
        }
    }
}

/// A file's text, as long as the budget holds it.
///
/// # Errors
/// I/O, Limit; Usage for bytes that are not UTF-8.
#[cfg(feature = "train")]
pub fn text(path: &Path, budget: &nc_core::Budget) -> Result<String> {
    let read = || {
        let bytes = budget.share().read(File::open(path)?, u64::MAX)?;
        String::from_utf8(bytes).map_err(|e| nc_core::Error::Usage(e.to_string()))
    };
    read().map_err(|e| Failure::from(e).on(path))
}

/// Kind of a file by name, without keeping it open; [`Kind::Other`] where it cannot be read.
pub fn kind_of(path: &Path) -> Kind {
    File::open(path)
        .and_then(|mut f| head_of(&mut f))
        .map_or(Kind::Other, |head| sniff(&head))
}

fn head_of(r: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let n = read_full(r, &mut head)?;
    head.truncate(n);
    Ok(head)
}

fn sniff(head: &[u8]) -> Kind {
    let at = |from: usize, what: &[u8]| head.get(from..).is_some_and(|h| h.starts_with(what));
    if head.is_empty() {
        Kind::Empty
    } else if at(0, &nc_core::container::MAGIC) {
        Kind::Nc
    } else if at(0, nc_media::video::y4m::MAGIC) {
        Kind::Y4m
    } else if at(0, b"\x89PNG\r\n\x1a\n") {
        Kind::Png
    } else {
        match nc_media::sound::kind(head) {
            Some(nc_media::sound::Kind::Wav) => Kind::Wav,
            Some(nc_media::sound::Kind::Compressed) => Kind::Compressed,
            None => Kind::Other,
        }
    }
}
