//! Loading video for evaluation: Y4M files as planes of whole numbers, and back.
//!
//! A clip is a few seconds and all of it is judged, so it is read whole. What its first line says
//! beyond the format is kept, because `nc encode` keeps it too and it counts among a file's bytes.

use std::io::Read;
use std::path::{Path, PathBuf};

use nc_core::{Budget, Error, Result, VideoBuf};
use nc_media::video::y4m::{Head, Y4mReader, push_frame};

use crate::files;

/// A clip.
#[derive(Debug, Clone)]
pub struct Clip {
    /// File name without its ending.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Its frames.
    pub video: VideoBuf,
    /// The first line.
    pub head: Head,
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

    /// The file again, without what its frames' lines said.
    ///
    /// # Errors
    /// Limit for a format beyond the limits.
    pub fn to_y4m(&self) -> Result<Vec<u8>> {
        to_y4m(&self.head, &self.video)
    }

    /// Pixels of all frames.
    pub fn pixels(&self) -> f64 {
        let f = self.video.format;
        f64::from(f.width) * f64::from(f.height) * self.frames() as f64
    }
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
    let (head, video) = parse(&bytes, &mut budget)?;
    Ok(Clip {
        name: files::stem(path),
        sha256: files::sha256(&bytes),
        video,
        head,
    })
}

/// A Y4M file of frames under a first line of the same format.
///
/// # Errors
/// Limit for a format beyond the limits.
pub fn to_y4m(head: &Head, video: &VideoBuf) -> Result<Vec<u8>> {
    let format = video.format;
    let mut out = head.to_bytes();
    for frame in video.samples.chunks_exact(format.frame_samples()?) {
        push_frame(&format, frame, &mut out);
    }
    Ok(out)
}

/// The Y4M files under a folder, at any depth, sorted by path.
///
/// # Errors
/// I/O where the folder cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    files::under(folder, |p| files::ends_in(p, &["y4m"]))
}

/// A file's first line and frames.
fn parse(bytes: &[u8], budget: &mut Budget) -> Result<(Head, VideoBuf)> {
    let mut reader = Y4mReader::new(bytes, budget)?;
    let mut samples = Vec::new();
    while let Some(frame) = reader.next_frame()? {
        samples.extend(frame);
    }
    if samples.is_empty() {
        return Err(Error::Format("Y4M: a video without a frame".into()));
    }
    let head = reader.head().clone();
    let format = head.format;
    Ok((head, VideoBuf { format, samples }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn files_come_back_and_cuts_are_told() {
        let head = Head::parse("W3 H2 F30000:1001 Ip C420p10 XCOLORRANGE=FULL").unwrap();
        let format = head.format;
        let n = format.frame_samples().unwrap();
        assert_eq!(n, 6 + 2 + 2);
        let video = VideoBuf {
            format,
            samples: (0..2 * n as u16).map(|i| i * 50).collect(),
        };
        let clip = Clip {
            name: String::new(),
            sha256: String::new(),
            video,
            head,
        };
        let bytes = clip.to_y4m().unwrap();
        let parse = |bytes: &[u8]| parse(bytes, &mut Budget::default());
        let (head, back) = parse(&bytes).unwrap();
        assert_eq!(
            (back, head.full, &head),
            (clip.video, Some(true), &clip.head)
        );
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
    fn a_clip_knows_its_name_length_and_hash() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("small_4x2.y4m");
        let mut bytes = b"YUV4MPEG2 W4 H2 F25:1 Cmono\n".to_vec();
        for _ in 0..50 {
            bytes.extend(b"FRAME Ip\n01234567");
        }
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(files(dir.path()).unwrap(), [path.as_path()]);
        let clip = read(&path).unwrap();
        assert_eq!((clip.name.as_str(), clip.frames()), ("small_4x2", 50));
        assert_eq!((clip.seconds(), clip.pixels()), (Some(2.0), 400.0));
        assert_eq!(clip.sha256.len(), 64);
        assert!(matches!(read(&dir.path().join("none")), Err(Error::Io(_))));
    }
}
