//! Y4M: uncompressed video with one line of text in front, read and written as a stream.
//!
//! Every tool of this field can give and take it, also through a pipe, which spares nc the formats
//! that video comes in. What the first line says beyond the size is kept as it stands, so that decoding
//! gives back the very line.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use nc_core::kind::video::MAX_EDGE;
use nc_core::{Budget, Chroma, Colour, Error, Result, VideoFormat};

use crate::warning::code;

/// First bytes of a file.
pub const MAGIC: &[u8] = b"YUV4MPEG2";
/// Tag under which an nc file keeps [`Head::kept`].
pub const META: [u8; 4] = *b"y4m ";
/// First bytes of a frame.
const FRAME: &[u8] = b"FRAME";
/// Most bytes of the first line and of a frame's.
pub const MOST_LINE: usize = 4096;

/// Where samples of colour lie between those of brightness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Siting {
    /// In the middle of those that they belong to.
    Centre,
    /// On the left ones, half-way down.
    Left,
    /// On the upper left one.
    TopLeft,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Size, rate and planes.
    pub format: VideoFormat,
    /// Where samples of colour lie.
    pub siting: Siting,
    /// Whether samples use all values; nobody knows where the line does not say.
    pub full: Option<bool>,
    /// All parameters, as they stand.
    line: String,
}

fn malformed(what: impl std::fmt::Display) -> Error {
    Error::Format(format!("Y4M header: {what}").into())
}

impl Head {
    /// Reads the parameters behind the magic.
    ///
    /// # Errors
    /// [`Error::Format`] for what is no such line, [`Error::Limit`] for sizes beyond all measure,
    /// [`Error::Unsupported`] for planes that nc does not know.
    pub fn parse(line: &str) -> Result<Self> {
        if line.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return Err(malformed("characters that are not text"));
        }
        let (mut width, mut height) = (None, None);
        let mut rate = [0, 0];
        let mut planes = (Chroma::C420, 8, Siting::Centre);
        let mut full = None;
        for part in line.split(' ').filter(|p| !p.is_empty()) {
            let mut chars = part.chars();
            let key = chars.next();
            let value = chars.as_str();
            match key {
                Some('W') => width = Some(edge(value)?),
                Some('H') => height = Some(edge(value)?),
                Some('F') => rate = fraction(value).ok_or_else(|| malformed("frame rate"))?,
                Some('C') => planes = colour(value)?,
                Some('X') => match value {
                    "COLORRANGE=FULL" => full = Some(true),
                    "COLORRANGE=LIMITED" => full = Some(false),
                    _ => {}
                },
                // Interlacing, aspect and what others made up are kept and mean nothing to nc.
                _ => {}
            }
        }
        let (chroma, bits, siting) = planes;
        let (Some(width), Some(height)) = (width, height) else {
            return Err(malformed("no size"));
        };
        Ok(Self {
            format: VideoFormat {
                width,
                height,
                rate,
                chroma,
                bits,
                colour: Colour::Video,
                alpha: false,
            },
            siting,
            full,
            line: line.to_string(),
        })
    }

    /// The line of a video that comes from elsewhere.
    pub fn of(format: VideoFormat) -> Self {
        let mut line = format!("{} Ip A0:0 {}", size(&format), planes(&format));
        if format.colour != Colour::Video {
            line.push_str(" XCOLORRANGE=FULL");
        }
        Self {
            format,
            siting: Siting::Centre,
            full: (format.colour != Colour::Video).then_some(true),
            line,
        }
    }

    /// What is kept of the line beside the format: all behind size and rate, or `=` and all of it where
    /// these are not in front.
    pub fn kept(&self) -> String {
        let rest = self.line.strip_prefix(&size(&self.format));
        match rest.map(|r| (r, r.strip_prefix(' '))) {
            Some(("", _)) => String::new(),
            Some((_, Some(rest))) if !rest.is_empty() && !rest.starts_with('=') => rest.into(),
            _ => format!("={}", self.line),
        }
    }

    /// The line again, from what was kept and the format; the format's own where the two do not fit.
    pub fn again(format: VideoFormat, kept: &str) -> Self {
        let line = match kept.strip_prefix('=') {
            Some(line) => line.to_string(),
            None if kept.is_empty() => size(&format),
            None => format!("{} {kept}", size(&format)),
        };
        match Self::parse(&line) {
            Ok(head) if head.format == format && head.to_bytes().len() <= MOST_LINE => head,
            _ => Self::of(format),
        }
    }

    /// The first line's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(b' ');
        out.extend_from_slice(self.line.as_bytes());
        out.push(b'\n');
        out
    }
}

fn size(f: &VideoFormat) -> String {
    let [n, d] = f.rate;
    format!("W{} H{} F{n}:{d}", f.width, f.height)
}

fn planes(f: &VideoFormat) -> String {
    match (f.chroma, f.bits) {
        (Chroma::Gray, 8) => "Cmono".into(),
        (Chroma::C420, 8) => "C420jpeg".into(),
        (Chroma::C422, 8) => "C422".into(),
        (Chroma::C444, 8) => "C444".into(),
        (Chroma::Gray, bits) => format!("Cmono{bits}"),
        (Chroma::C420, bits) => format!("C420p{bits}"),
        (Chroma::C422, bits) => format!("C422p{bits}"),
        (Chroma::C444, bits) => format!("C444p{bits}"),
    }
}

fn edge(value: &str) -> Result<u32> {
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
        return Err(malformed(format_args!("size {value:?}")));
    }
    match value.parse() {
        Ok(0) => Err(malformed("size 0")),
        Ok(n) if n <= MAX_EDGE => Ok(n),
        _ => Err(Error::Limit(
            format!("{value} samples along an edge; nc takes {MAX_EDGE}").into(),
        )),
    }
}

/// Digits alone, without the sign that parsing takes.
fn number(value: &str) -> Option<u32> {
    let digits = value.bytes().all(|b| b.is_ascii_digit());
    value.parse().ok().filter(|_| digits)
}

/// A rate as a fraction, both parts 0 or none.
fn fraction(value: &str) -> Option<[u32; 2]> {
    let (n, d) = value.split_once(':')?;
    let (n, d) = (number(n)?, number(d)?);
    ((n == 0) == (d == 0)).then_some([n, d])
}

fn colour(value: &str) -> Result<(Chroma, u8, Siting)> {
    Ok(match value {
        "420" | "420jpeg" => (Chroma::C420, 8, Siting::Centre),
        "420mpeg2" => (Chroma::C420, 8, Siting::Left),
        "420paldv" => (Chroma::C420, 8, Siting::TopLeft),
        "422" => (Chroma::C422, 8, Siting::Left),
        "444" => (Chroma::C444, 8, Siting::Centre),
        "mono" => (Chroma::Gray, 8, Siting::Centre),
        _ => {
            let deep = [
                ("420p", Chroma::C420, Siting::Left),
                ("422p", Chroma::C422, Siting::Left),
                ("444p", Chroma::C444, Siting::Centre),
                ("mono", Chroma::Gray, Siting::Centre),
            ];
            let found = deep.into_iter().find_map(|(name, chroma, siting)| {
                let bits = number(value.strip_prefix(name)?)?;
                (9..=16)
                    .contains(&bits)
                    .then_some((chroma, bits as u8, siting))
            });
            found.ok_or_else(|| {
                Error::Unsupported(format!("Y4M of colour space {value:?}"))
                    .coded(code::ENCODING_NOT_READ)
            })?
        }
    })
}

/// Reads a line, without its end; nothing at the end of the file.
fn line(r: &mut impl BufRead, what: &str) -> Result<Option<Vec<u8>>> {
    let mut out = Vec::new();
    r.take(MOST_LINE as u64).read_until(b'\n', &mut out)?;
    if out.is_empty() {
        return Ok(None);
    }
    if out.pop() != Some(b'\n') {
        return Err(Error::Format(format!("{what} without an end").into()));
    }
    Ok(Some(out))
}

fn head(r: &mut impl BufRead, magic: &[u8]) -> Result<Head> {
    let bytes = line(r, "Y4M header")?.ok_or_else(|| malformed("the file is empty"))?;
    let text = bytes
        .strip_prefix(magic)
        .ok_or_else(|| malformed("not Y4M"))?;
    let text = std::str::from_utf8(text).map_err(|_| malformed("characters that are not text"))?;
    Head::parse(text.strip_prefix(' ').ok_or_else(|| malformed("no size"))?)
}

/// The line before a frame: whether there is one, and whether it says more than that.
fn frame_line(r: &mut impl BufRead, number: u64) -> Result<Option<bool>> {
    let bytes = line(r, &format!("the line before frame {number}"))?;
    match bytes.as_deref().map(|b| b.strip_prefix(FRAME)) {
        None => Ok(None),
        Some(Some([])) => Ok(Some(false)),
        Some(Some([b' ', ..])) => Ok(Some(true)),
        _ => Err(Error::Format(
            format!("no line before frame {number}").into(),
        )),
    }
}

fn cut(number: u64) -> Error {
    Error::Format(format!("the file ends within frame {number}").into())
}

/// Bytes of memory that reading frames takes: one as bytes and as samples.
fn memory(format: &VideoFormat) -> Result<u64> {
    let samples = format.frame_samples()? as u64;
    let bytes = samples.saturating_mul(format.sample_bytes() as u64);
    Ok(bytes.saturating_add(samples.saturating_mul(2)))
}

/// Frames in a file, which is walked through without reading them.
///
/// # Errors
/// [`Error::Limit`] for frames that `budget` could not hold, [`Error::Format`] where the file is
/// damaged or ends early, and those of [`Head::parse`].
pub fn count(file: &mut File, budget: &Budget) -> Result<u64> {
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    let mut r = BufReader::new(&mut *file);
    let format = head(&mut r, MAGIC)?.format;
    budget.share().charge(memory(&format)?)?;
    let bytes = (format.frame_samples()? as u64).saturating_mul(format.sample_bytes() as u64);
    let mut frames = 0u64;
    while frame_line(&mut r, frames)?.is_some() {
        // Fits: a frame is below 2^32 bytes.
        r.seek_relative(bytes as i64)?;
        if r.stream_position()? > len {
            return Err(cut(frames));
        }
        frames = frames.saturating_add(1);
    }
    drop(r);
    file.seek(SeekFrom::Start(0))?;
    Ok(frames)
}

/// A file being read.
pub struct Y4mReader<R> {
    r: BufReader<R>,
    head: Head,
    bytes: Vec<u8>,
    frames: u64,
    left_out: bool,
}

impl<R: Read> Y4mReader<R> {
    /// Reads the first line; a frame's memory is charged to `budget`.
    ///
    /// # Errors
    /// Those of [`Head::parse`], I/O.
    pub fn new(r: R, budget: &mut Budget) -> Result<Self> {
        Self::open(r, MAGIC, budget)
    }

    /// As [`Self::new`], where the magic has been read.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn after_magic(r: R, budget: &mut Budget) -> Result<Self> {
        Self::open(r, b"", budget)
    }

    fn open(r: R, magic: &[u8], budget: &mut Budget) -> Result<Self> {
        let mut r = BufReader::with_capacity(1 << 16, r);
        let head = head(&mut r, magic)?;
        budget.charge(memory(&head.format)?)?;
        let bytes = head
            .format
            .frame_samples()?
            .saturating_mul(head.format.sample_bytes());
        Ok(Self {
            r,
            head,
            bytes: vec![0; bytes],
            frames: 0,
            left_out: false,
        })
    }

    /// The first line.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The reader inside.
    pub fn inner(&mut self) -> &mut R {
        self.r.get_mut()
    }

    /// True where frames had parameters of their own, which nc does not keep.
    pub fn left_out(&self) -> bool {
        self.left_out
    }

    /// The next frame's samples; none at the end.
    ///
    /// # Errors
    /// [`Error::Format`] for damage and truncation, I/O.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u16>>> {
        let number = self.frames;
        match frame_line(&mut self.r, number)? {
            None => return Ok(None),
            Some(more) => self.left_out |= more,
        }
        self.r.read_exact(&mut self.bytes).map_err(|e| {
            if e.kind() == std::io::ErrorKind::UnexpectedEof {
                cut(number)
            } else {
                e.into()
            }
        })?;
        self.frames = self.frames.saturating_add(1);
        if self.head.format.sample_bytes() == 1 {
            return Ok(Some(self.bytes.iter().map(|&b| b.into()).collect()));
        }
        let most = self.head.format.max();
        let (two, _) = self.bytes.as_chunks();
        let samples: Vec<u16> = two.iter().map(|b| u16::from_le_bytes(*b)).collect();
        if samples.iter().any(|&s| s > most) {
            let bits = self.head.format.bits;
            return Err(Error::Format(
                format!("frame {number} has samples beyond their {bits} bits").into(),
            ));
        }
        Ok(Some(samples))
    }
}

/// A frame's bytes, its line in front.
pub fn push_frame(format: &VideoFormat, samples: &[u16], out: &mut Vec<u8>) {
    out.extend_from_slice(FRAME);
    out.push(b'\n');
    if format.sample_bytes() == 1 {
        out.extend(samples.iter().map(|&s| s as u8));
    } else {
        out.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const REAL: &str = "W176 H144 F30000:1001 Ip A128:117 C420mpeg2 XYSCSS=420MPEG2";

    #[test]
    fn first_lines_come_back() {
        for line in [
            REAL,
            "W5 H3 F25:1",
            "H3 W5 F25:1 Ip",
            "W5 H3 F0:0 It A1:1 C422p10 XCOLORRANGE=FULL",
            "W5 H3 Ip F25:1",
            " W5  H3 F25:1 Xanything=at all",
            "W5 H3 F25:1 ",
            "W5 H3 F25:1 =odd",
        ] {
            let head = Head::parse(line).unwrap();
            let again = Head::again(head.format, &head.kept());
            assert_eq!(again, head, "{line}");
            let bytes = again.to_bytes();
            let mut r = Y4mReader::new(&bytes[..], &mut Budget::default()).unwrap();
            assert_eq!(r.head().format, head.format);
            assert!(r.next_frame().unwrap().is_none());
        }
        let head = Head::parse(REAL).unwrap();
        assert_eq!(head.kept(), "Ip A128:117 C420mpeg2 XYSCSS=420MPEG2");
        assert_eq!((head.siting, head.full), (Siting::Left, None));
        assert_eq!(head.format.rate, [30_000, 1001]);
    }

    #[test]
    fn what_was_kept_of_another_video_is_not_believed() {
        let format = Head::parse(REAL).unwrap().format;
        for kept in ["W9 H9 F1:1", "C444", "Ip\nFRAME", "Ip C420 W7"] {
            assert_eq!(Head::again(format, kept), Head::of(format), "{kept}");
        }
    }

    #[test]
    fn lines_that_are_none() {
        for line in [
            "",
            "W5 F25:1",
            "H5",
            "W0 H5",
            "W-5 H5",
            "W5 Hx",
            "W5 H5 F25",
            "W5 H5 F25:0",
            "W5 H5 F5000000000:1",
            "W5 H5\tF25:1",
        ] {
            let e = Head::parse(line);
            assert!(matches!(e, Err(Error::Format(_))), "{line}: {e:?}");
        }
        for line in ["W16385 H5", "W5 H99999999999999999999999"] {
            assert!(matches!(Head::parse(line), Err(Error::Limit(_))), "{line}");
        }
        for line in ["W5 H5 C411", "W5 H5 C444alpha", "W5 H5 C420p8", "W5 H5 C"] {
            let e = Head::parse(line);
            let told = e.as_ref().err().and_then(Error::code);
            assert_eq!(told, Some(code::ENCODING_NOT_READ), "{line}");
        }
    }

    #[test]
    fn frames_and_where_they_end() {
        let mut bytes = Head::parse("W2 H1 F1:1 Cmono10").unwrap().to_bytes();
        let start = bytes.len();
        let format = Head::parse("W2 H1 F1:1 Cmono10").unwrap().format;
        push_frame(&format, &[1, 1023], &mut bytes);
        bytes.extend_from_slice(b"FRAME Ip Xhello\n\x02\x00\x03\x00");
        let read = |bytes: &[u8]| {
            let mut r = Y4mReader::new(bytes, &mut Budget::default())?;
            let mut all = Vec::new();
            while let Some(f) = r.next_frame()? {
                all.extend(f);
            }
            Ok((all, r.left_out()))
        };
        assert_eq!(read(&bytes).unwrap(), (vec![1, 1023, 2, 3], true));
        let whole = [start, start + 10, bytes.len()];
        for end in 0..bytes.len() {
            let got: Result<_> = read(&bytes[..end]);
            assert_eq!(got.is_ok(), whole.contains(&end), "{end}");
            if let Err(e) = got {
                assert!(matches!(e, Error::Format(_)), "{e:?}");
            }
        }
        bytes[start + 7] = 0xff;
        assert!(matches!(read(&bytes), Err(Error::Format(_))));
    }

    #[test]
    fn no_line_is_read_without_end() {
        let endless = MAGIC
            .iter()
            .copied()
            .chain(std::iter::repeat_n(b' ', 1 << 20));
        let bytes: Vec<u8> = endless.collect();
        let e = Y4mReader::new(&bytes[..], &mut Budget::default());
        assert!(matches!(e.map(|_| ()), Err(Error::Format(_))));
    }

    #[test]
    fn large_frames_are_charged_before_they_are_there() {
        let e = Y4mReader::new(
            &b"YUV4MPEG2 W16384 H16384 F25:1 C444p10\n"[..],
            &mut Budget::default(),
        );
        assert!(matches!(e.map(|_| ()), Err(Error::Limit(_))));
    }
}
