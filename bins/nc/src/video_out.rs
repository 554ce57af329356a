//! Video out: Y4M, or pictures as PNGs.
//!
//! The name says which. Other formats are left to those who make them well: Y4M goes into their
//! programs through a pipe.

use std::io::Write;
use std::path::Path;

use nc_core::{Budget, Error, SignalBuf};

use crate::failure::{Failure, Result};
use crate::foreign;
use crate::output::{Folder, Output, is_dash};
use nc_media::video::picture::{self, Painter};
use nc_media::video::y4m::{self, Head};

/// What a name asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Y4m,
    Png,
    Folder,
}

fn form(path: &Path, frames: u64) -> Result<Form> {
    let ending = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let meta = std::fs::metadata(path).ok();
    if is_dash(path) || ending == "y4m" {
        return Ok(Form::Y4m);
    }
    if meta.as_ref().is_some_and(std::fs::Metadata::is_dir) {
        return Ok(Form::Folder);
    }
    if ending == "png" {
        return if frames == 1 {
            Ok(Form::Png)
        } else {
            Err(
                Failure::usage(format!("{frames} frames do not fit one PNG"))
                    .hint("name a folder or a .y4m file"),
            )
        };
    }
    if foreign::is_video(path) {
        return Err(
            Failure::usage(format!("nc writes video as .y4m or PNGs, not as .{ending}"))
                .hint("decode to - and pipe it into ffmpeg -i - OUT"),
        );
    }
    // A device or a named pipe.
    if meta.is_some_and(|m| !m.is_file()) {
        return Ok(Form::Y4m);
    }
    if ending.is_empty() {
        return Ok(Form::Folder);
    }
    Err(
        Failure::usage(format!("what a video is to be as .{ending} is not known"))
            .hint("name a .y4m file, a .png or a folder"),
    )
}

enum Target {
    Y4m(Output),
    Png(Output),
    Folder(Folder),
}

/// A video being written.
pub struct VideoOut {
    target: Target,
    head: Head,
    painter: Painter,
    /// Number of the next frame in the original, from 1.
    next: u64,
    written: u64,
    bytes: Vec<u8>,
}

impl VideoOut {
    /// Opens the output for `frames` frames, the first of which is the original's number `first`. The
    /// memory of a picture is charged to `budget`.
    ///
    /// # Errors
    /// Usage for names that say nothing or ask too much, and as for [`Output::create`]; Limit; I/O.
    pub fn create(
        output: &Path,
        input: &Path,
        force: bool,
        head: Head,
        (first, frames): (u64, u64),
        budget: &mut Budget,
    ) -> Result<Self> {
        let painter = Painter::new(&head);
        let samples = head.format.frame_samples()? as u64;
        let form = form(output, frames)?;
        budget.charge(match form {
            Form::Y4m => samples * head.format.sample_bytes() as u64,
            _ => painter.bytes(),
        })?;
        let mut out = Self {
            target: match form {
                Form::Y4m => Target::Y4m(Output::create(output, Some(input), force)?),
                Form::Png => Target::Png(Output::create(output, Some(input), force)?),
                Form::Folder => Target::Folder(Folder::create(output, Some(input), force)?),
            },
            head,
            painter,
            next: first.saturating_add(1),
            written: 0,
            bytes: Vec::new(),
        };
        if let Target::Y4m(file) = &mut out.target {
            file.write_all(&out.head.to_bytes())?;
        }
        Ok(out)
    }

    /// Writes decoded frames.
    ///
    /// # Errors
    /// Format for what is no video, I/O.
    pub fn write(&mut self, piece: &SignalBuf) -> nc_core::Result<()> {
        let SignalBuf::Video(video) = piece else {
            return Err(Error::Format("media kinds mixed".into()));
        };
        let format = self.head.format;
        for frame in video.samples.chunks_exact(format.frame_samples()?) {
            match &mut self.target {
                Target::Y4m(out) => {
                    self.bytes.clear();
                    y4m::push_frame(&format, frame, &mut self.bytes);
                    out.write_all(&self.bytes)?;
                }
                Target::Png(out) => picture::write(out, &format, &self.painter.paint(frame))?,
                Target::Folder(folder) => {
                    let path = folder.path().join(format!("{:05}.png", self.next));
                    let mut png = std::io::BufWriter::new(std::fs::File::create(path)?);
                    picture::write(&mut png, &format, &self.painter.paint(frame))?;
                    png.flush()?;
                    let bytes = png.get_ref().metadata()?.len();
                    self.written = self.written.saturating_add(bytes);
                }
            }
            self.next = self.next.saturating_add(1);
        }
        Ok(())
    }

    /// Gives the result its name; says how many bytes it has.
    ///
    /// # Errors
    /// I/O.
    pub fn commit(self) -> Result<u64> {
        match self.target {
            Target::Y4m(out) | Target::Png(out) => {
                let bytes = out.written();
                out.commit()?;
                Ok(bytes)
            }
            Target::Folder(folder) => {
                folder.commit()?;
                Ok(self.written)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn names_say_what_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| form(&dir.path().join(name), 2).map_err(|f| f.code());
        assert_eq!(form(Path::new("-"), 2).unwrap(), Form::Y4m);
        assert_eq!(at("a.y4m"), Ok(Form::Y4m));
        assert_eq!(at("a.Y4M"), Ok(Form::Y4m));
        assert_eq!(at("frames"), Ok(Form::Folder));
        assert_eq!(form(dir.path(), 2).unwrap(), Form::Folder);
        std::fs::create_dir(dir.path().join("v.2")).unwrap();
        assert_eq!(at("v.2"), Ok(Form::Folder));
        for name in ["a.png", "a.mp4", "a.wav", "v.3"] {
            assert_eq!(at(name), Err(2), "{name}");
        }
        assert_eq!(form(Path::new("a.png"), 1).unwrap(), Form::Png);
    }
}
