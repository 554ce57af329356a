//! Loading video for evaluation: Y4M files as planes of whole numbers, and back.
//!
//! A clip is a few seconds and all of it is judged, so it is read whole. What its first line says
//! beyond the format is kept, because `nc encode` keeps it too and it counts among a file's bytes.

use std::io::Read;
use std::path::Path;

use nc::{Budget, Chroma, Error, Result, VideoBuf, VideoFormat};
use sha2::{Digest, Sha256};

/// First bytes of a file.
const MAGIC: &[u8] = b"YUV4MPEG2 ";
/// First bytes of a frame.
const FRAME: &[u8] = b"FRAME";
/// Most bytes of a line.
const MOST_LINE: usize = 4096;

/// A clip.
#[derive(Debug, Clone)]
pub struct Clip {
    /// File name without its ending.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Its frames.
    pub video: VideoBuf,
    /// Whether samples use all values.
    pub full: bool,
    /// The first line without its magic.
    pub line: String,
}

impl Clip {
    /// Frames in it.
    pub fn frames(&self) -> usize {
        self.video.view().frames()
    }

    /// Seconds that it takes, where it has a rate.
    pub fn seconds(&self) -> Option<f64> {
        Some(self.frames() as f64 / self.video.format.fps()?)
    }

    /// Pixels of all frames.
    pub fn pixels(&self) -> f64 {
        let f = self.video.format;
        f64::from(f.width) * f64::from(f.height) * self.frames() as f64
    }
}

fn malformed(what: impl std::fmt::Display) -> Error {
    Error::Format(format!("Y4M: {what}"))
}

/// Reads a Y4M file of at least one frame, whose memory is charged to the default budget.
///
/// # Errors
/// I/O, Format for damage and truncation, Limit, Unsupported for planes that nc does not know.
pub fn read(path: &Path) -> Result<Clip> {
    let mut budget = Budget::default();
    let mut file = std::fs::File::open(path)?;
    let len = file.metadata()?.len();
    // The bytes, and two for each of them as samples.
    budget.charge(len.saturating_mul(3))?;
    let mut bytes = Vec::new();
    file.by_ref().take(len).read_to_end(&mut bytes)?;
    let (video, full, line) = parse(&bytes)?;
    Ok(Clip {
        name: path
            .file_stem()
            .map_or_else(String::new, |n| n.to_string_lossy().into()),
        sha256: Sha256::digest(&bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect(),
        video,
        full,
        line,
    })
}

/// A file's frames, whether they are of full range, and its first line.
fn parse(bytes: &[u8]) -> Result<(VideoBuf, bool, String)> {
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| malformed("not such a file"))?;
    let (line, mut rest) = split_line(rest).ok_or_else(|| malformed("a first line without end"))?;
    let line = std::str::from_utf8(line).map_err(|_| malformed("a first line that is no text"))?;
    let (format, full) = head(line)?;
    let size = format.frame_samples()? * format.sample_bytes();
    let mut samples = Vec::new();
    let mut frames = 0;
    while !rest.is_empty() {
        let (start, body) = split_line(rest)
            .filter(|(l, _)| {
                l.strip_prefix(FRAME)
                    .is_some_and(|more| more.is_empty() || more.starts_with(b" "))
            })
            .ok_or_else(|| malformed(format_args!("no line before frame {frames}")))?;
        debug_assert!(start.starts_with(FRAME));
        let frame = body
            .get(..size)
            .ok_or_else(|| malformed(format_args!("the file ends within frame {frames}")))?;
        if format.sample_bytes() == 1 {
            samples.extend(frame.iter().map(|&b| u16::from(b)));
        } else {
            let two = frame.chunks_exact(2);
            samples.extend(two.map(|b| b.try_into().map_or(0, u16::from_le_bytes)));
        }
        rest = body.get(size..).unwrap_or_default();
        frames += 1;
    }
    if frames == 0 {
        return Err(malformed("a video without a frame"));
    }
    if samples.iter().any(|&s| s > format.max()) {
        return Err(malformed(format_args!(
            "samples beyond their {} bits",
            format.bits
        )));
    }
    Ok((VideoBuf { format, samples }, full, line.to_string()))
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().take(MOST_LINE).position(|&b| b == b'\n')?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}

/// Format and range of a first line.
fn head(line: &str) -> Result<(VideoFormat, bool)> {
    let mut format = VideoFormat {
        width: 0,
        height: 0,
        rate: [0, 0],
        chroma: Chroma::C420,
        bits: 8,
        rgb: false,
    };
    let mut full = false;
    for part in line.split(' ') {
        let number = |v: &str| v.parse().map_err(|_| malformed(format_args!("{part:?}")));
        let mut chars = part.chars();
        let key = chars.next();
        let value = chars.as_str();
        match key {
            Some('W') => format.width = number(value)?,
            Some('H') => format.height = number(value)?,
            Some('F') => {
                let (n, d) = value
                    .split_once(':')
                    .ok_or_else(|| malformed(format_args!("{part:?}")))?;
                format.rate = [number(n)?, number(d)?];
            }
            Some('C') => (format.chroma, format.bits) = planes(value)?,
            Some('X') if value == "COLORRANGE=FULL" => full = true,
            _ => {}
        }
    }
    // Says what is wrong with a size of nothing or beyond all measure.
    format.frame_samples()?;
    Ok((format, full))
}

fn planes(value: &str) -> Result<(Chroma, u8)> {
    let unknown = || Error::Unsupported(format!("Y4M of colour space {value:?}"));
    Ok(match value {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => (Chroma::C420, 8),
        "422" => (Chroma::C422, 8),
        "444" => (Chroma::C444, 8),
        "mono" => (Chroma::Gray, 8),
        _ => {
            let deep = [
                ("420p", Chroma::C420),
                ("422p", Chroma::C422),
                ("444p", Chroma::C444),
                ("mono", Chroma::Gray),
            ];
            let (bits, chroma) = deep
                .into_iter()
                .find_map(|(name, chroma)| Some((value.strip_prefix(name)?, chroma)))
                .ok_or_else(unknown)?;
            match bits.parse() {
                Ok(bits @ 9..=16) => (chroma, bits),
                _ => return Err(unknown()),
            }
        }
    })
}

/// A file of these frames under this first line (without its magic), whose format is not compared.
pub fn to_y4m(video: &VideoBuf, line: &str) -> Result<Vec<u8>> {
    let size = video.format.frame_samples()?;
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
    for frame in video.samples.chunks_exact(size) {
        out.extend_from_slice(FRAME);
        out.push(b'\n');
        if video.format.sample_bytes() == 1 {
            out.extend(frame.iter().map(|&s| s as u8));
        } else {
            out.extend(frame.iter().flat_map(|s| s.to_le_bytes()));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const LINE: &str = "W3 H2 F30000:1001 Ip C420p10 XCOLORRANGE=FULL";

    #[test]
    fn files_come_back_and_cuts_are_told() {
        let (format, _) = head(LINE).unwrap();
        let n = format.frame_samples().unwrap();
        assert_eq!(n, 6 + 2 + 2);
        let video = VideoBuf {
            format,
            samples: (0..2 * n as u16).map(|i| i * 50).collect(),
        };
        let bytes = to_y4m(&video, LINE).unwrap();
        let (back, full, line) = parse(&bytes).unwrap();
        assert_eq!((back, full, line.as_str()), (video, true, LINE));
        for end in 0..bytes.len() {
            // After one frame the file is whole.
            let whole = end == bytes.len() - 2 * n - 6;
            let got = parse(&bytes[..end]);
            assert_eq!(got.is_ok(), whole, "{end}");
            assert!(!matches!(got, Err(e) if !matches!(e, Error::Format(_))));
        }
        let mut wrong = bytes.clone();
        *wrong.last_mut().unwrap() = 0xff;
        assert!(matches!(parse(&wrong), Err(Error::Format(_))));
    }

    #[test]
    fn first_lines_that_are_none() {
        for line in ["W0 H2", "W2", "W99999 H2", "W2 H2 F5:0"] {
            assert!(matches!(head(line), Err(Error::Limit(_))), "{line}");
        }
        for line in ["Wx H2", "W2 H2 F5", "W2 H-2", "W99999999999 H2"] {
            assert!(matches!(head(line), Err(Error::Format(_))), "{line}");
        }
        for line in ["W2 H2 C411", "W2 H2 C420p8", "W2 H2 C420p17"] {
            assert!(matches!(head(line), Err(Error::Unsupported(_))), "{line}");
        }
    }

    #[test]
    fn a_clip_knows_its_name_length_and_hash() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("small_4x2.y4m");
        let mut bytes = b"YUV4MPEG2 W4 H2 F25:1 Cmono\n".to_vec();
        for _ in 0..50 {
            bytes.extend(b"FRAME Ip\n01234567");
        }
        std::fs::write(&path, &bytes).unwrap();
        let clip = read(&path).unwrap();
        assert_eq!((clip.name.as_str(), clip.frames()), ("small_4x2", 50));
        assert_eq!((clip.seconds(), clip.pixels()), (Some(2.0), 400.0));
        assert_eq!(clip.sha256.len(), 64);
        assert!(matches!(read(&dir.path().join("none")), Err(Error::Io(_))));
    }
}
