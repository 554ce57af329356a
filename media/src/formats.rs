//! The table of file formats: their names, how they begin, and who reads and writes them.
//!
//! What a file is follows from its content and never from its name: names lie, and a stream has none. Only what is left
//! to another program goes by name ([`crate::ffmpeg`]).

use std::fs::File;
use std::path::Path;

use nc_core::{MediaKind, Result};

use crate::contract::{OpenOptions, ReadSignal};
use crate::input::{self, Input};
use crate::video::images::ImageFormat;

type Open = fn(Input, &OpenOptions) -> Result<Box<dyn ReadSignal>>;

/// A format of files.
pub struct FileFormat {
    /// Its name, by which programs may tell formats apart, such as `wav`.
    pub name: &'static str,
    /// The kind of media in it; none for an nc file, which may hold any.
    pub kind: Option<MediaKind>,
    /// Endings of names, in lower case, the usual one first; none where no file of it is written or named by hand.
    pub extensions: &'static [&'static str],
    /// Whether a file begins so; given are [`Input::HEAD`] bytes, or all where there are fewer.
    matches: fn(&[u8]) -> bool,
    /// Reads it; none for what needs to know more than the file says.
    pub(crate) open: Option<Open>,
    /// Whether [`crate::create`] writes it.
    pub written: bool,
}

impl PartialEq for FileFormat {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for FileFormat {}

impl std::fmt::Debug for FileFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// An nc file, which the front door decodes.
pub static NC: FileFormat = FileFormat {
    name: "nc",
    kind: None,
    extensions: &["nc"],
    matches: |head| head.starts_with(&nc_core::container::MAGIC),
    open: None,
    written: false,
};

/// WAV: RIFF, RF64, BW64 or Wave64 with WAVE inside.
pub static WAV: FileFormat = FileFormat {
    name: "wav",
    kind: Some(MediaKind::Audio),
    extensions: &["wav", "wave", "w64", "rf64"],
    matches: |head| {
        let riff =
            [b"RIFF", b"RF64", b"BW64"].iter().any(|m| at(head, 0, *m)) && at(head, 8, b"WAVE");
        riff || crate::sound::wav::is_wave64(head)
    },
    open: Some(crate::sound::reader::wav),
    written: true,
};

/// A format of compressed sound.
const fn compressed(
    name: &'static str,
    extensions: &'static [&'static str],
    matches: fn(&[u8]) -> bool,
) -> FileFormat {
    FileFormat {
        name,
        kind: Some(MediaKind::Audio),
        extensions,
        matches,
        open: Some(crate::sound::reader::compressed),
        written: false,
    }
}

/// A format of plain samples behind a head.
const fn plain(
    name: &'static str,
    extensions: &'static [&'static str],
    matches: fn(&[u8]) -> bool,
) -> FileFormat {
    FileFormat {
        open: Some(crate::sound::reader::plain),
        ..compressed(name, extensions, matches)
    }
}

static AIFF: FileFormat = plain("aiff", &["aiff", "aif", "aifc"], |head| {
    at(head, 0, b"FORM") && (at(head, 8, b"AIFF") || at(head, 8, b"AIFC"))
});
static AU: FileFormat = plain("au", &["au", "snd"], |head| at(head, 0, b".snd"));
static CAF: FileFormat = plain("caf", &["caf"], |head| at(head, 0, b"caff"));
static FLAC: FileFormat = compressed("flac", &["flac"], |head| at(head, 0, b"fLaC"));
static OGG: FileFormat = compressed("ogg", &["ogg", "oga"], |head| at(head, 0, b"OggS"));
static MP4: FileFormat = compressed("mp4", &["m4a", "mp4"], |head| at(head, 4, b"ftyp"));
static ADTS: FileFormat = compressed("adts", &["aac"], adts);
static MP3: FileFormat = compressed("mp3", &["mp3"], |head| at(head, 0, b"ID3") || layer3(head));

/// Uncompressed video with a line of text in front.
pub static Y4M: FileFormat = FileFormat {
    name: "y4m",
    kind: Some(MediaKind::Video),
    extensions: &["y4m"],
    matches: |head| head.starts_with(crate::video::y4m::MAGIC),
    open: Some(crate::video::reader::y4m),
    written: true,
};

/// A format of images.
const fn image(
    name: &'static str,
    extensions: &'static [&'static str],
    matches: fn(&[u8]) -> bool,
) -> FileFormat {
    FileFormat {
        name,
        kind: Some(MediaKind::Video),
        extensions,
        matches,
        open: Some(crate::video::reader::image),
        written: true,
    }
}

/// A PNG, or an animation of several.
pub static PNG: FileFormat = image("png", &["png", "apng"], |head| is(head, ImageFormat::Png));
static JPEG: FileFormat = image("jpeg", &["jpg", "jpeg"], |head| is(head, ImageFormat::Jpeg));
static WEBP: FileFormat = image("webp", &["webp"], |head| is(head, ImageFormat::WebP));
static GIF: FileFormat = image("gif", &["gif"], |head| is(head, ImageFormat::Gif));
static TIFF: FileFormat = image("tiff", &["tif", "tiff"], |head| is(head, ImageFormat::Tiff));
static BMP: FileFormat = image("bmp", &["bmp"], |head| is(head, ImageFormat::Bmp));
static PNM: FileFormat = image("pnm", &["ppm", "pgm", "pbm", "pnm", "pam"], |head| {
    is(head, ImageFormat::Pnm)
});
static QOI: FileFormat = image("qoi", &["qoi"], |head| is(head, ImageFormat::Qoi));

fn is(head: &[u8], format: ImageFormat) -> bool {
    ImageFormat::of(head) == Some(format)
}

/// A format of records, read by a schema.
const fn records(
    name: &'static str,
    extensions: &'static [&'static str],
    matches: fn(&[u8]) -> bool,
) -> FileFormat {
    FileFormat {
        name,
        kind: Some(MediaKind::Records),
        extensions,
        matches,
        open: None,
        written: true,
    }
}

static PARQUET: FileFormat = records("parquet", &["parquet"], |head| at(head, 0, b"PAR1"));
/// The first bytes of a table say nothing.
static CSV: FileFormat = records("csv", &["csv", "tsv"], |_| false);
static IDX: FileFormat = records("idx", &["idx"], |head| {
    matches!(head, [0, 0, 8 | 9 | 11..=14, 1..=255, ..])
});

/// Bytes of which nothing else is known.
pub static BYTES: FileFormat = FileFormat {
    name: "bytes",
    kind: Some(MediaKind::Bytes),
    extensions: &[],
    matches: |_| false,
    open: Some(crate::bytes::open),
    written: true,
};

/// All formats; the first that matches is the one.
pub static FORMATS: [&FileFormat; 23] = [
    &NC, &Y4M, &PNG, &JPEG, &WEBP, &GIF, &TIFF, &BMP, &PNM, &QOI, &WAV, &AIFF, &AU, &CAF, &FLAC,
    &OGG, &MP4, &ADTS, &MP3, &PARQUET, &IDX, &CSV, &BYTES,
];

/// The format of a file that begins with these bytes; none where they say nothing.
///
/// ```
/// use nc_media::formats::{sniff, WAV};
/// assert_eq!(sniff(b"RIFF\x24\0\0\0WAVEfmt "), Some(&WAV));
/// assert_eq!(sniff(b"RIFF\x24\0\0\0AVI LIST"), None);
/// ```
pub fn sniff(head: &[u8]) -> Option<&'static FileFormat> {
    FORMATS.into_iter().find(|f| (f.matches)(head))
}

/// The format of an input whose first bytes have been looked at.
pub fn of_input(input: &Input) -> Option<&'static FileFormat> {
    sniff(input.head())
}

/// The format of a file by its content, without keeping it open; none where it says nothing or cannot be read.
pub fn of_file(path: &Path) -> Option<&'static FileFormat> {
    let head = File::open(path).and_then(|mut f| input::head_of(&mut f));
    head.ok().and_then(|head| sniff(&head))
}

/// The format of this name.
pub fn by_name(name: &str) -> Option<&'static FileFormat> {
    FORMATS.into_iter().find(|f| f.name == name)
}

/// The format that the ending of a name means.
pub fn by_extension(path: &Path) -> Option<&'static FileFormat> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    FORMATS
        .into_iter()
        .find(|f| f.extensions.contains(&ending.as_str()))
}

fn at(head: &[u8], from: usize, what: &[u8]) -> bool {
    head.get(from..).is_some_and(|h| h.starts_with(what))
}

/// The three bytes of an MPEG audio frame: eleven set bits first.
fn mpeg(head: &[u8]) -> Option<[u8; 2]> {
    match *head {
        [0xFF, b, c, ..] if b & 0xE0 == 0xE0 => Some([b, c]),
        _ => None,
    }
}

/// AAC in ADTS; no field has a reserved value.
fn adts(head: &[u8]) -> bool {
    mpeg(head).is_some_and(|[b, c]| b & 0xF6 == 0xF0 && (c >> 2) & 15 < 13)
}

/// Layer 3; no field has a reserved value.
fn layer3(head: &[u8]) -> bool {
    mpeg(head).is_some_and(|[b, c]| {
        b & 0x06 == 0x02 && b & 0x18 != 0x08 && c >> 4 != 15 && c >> 4 != 0 && c & 12 != 12
    })
}
