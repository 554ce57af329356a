//! Video out: Y4M, or images.
//!
//! The name says which. Other formats are left to those who make them well: Y4M goes into their programs through a pipe.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use nc_core::container::Meta;
use nc_core::{Budget, Colour, Error, Result, Signal, VideoFormat};

use super::adapt::{Adapter, Opacity};
use super::images::{self, ImageFormat};
use super::picture::Painter;
use super::y4m::{self, Head};
use crate::contract::{CreateOptions, WriteSignal, Written};
use crate::ffmpeg;
use crate::formats;
use crate::metadata;
use crate::output::{Finished, Folder, Output};
use crate::warning::{Warning, code};

/// What a name asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Y4m,
    Image(ImageFormat),
    Folder,
}

/// The form that video of so many frames, where they are known, has under a name.
fn form(path: &Path, frames: Option<u64>) -> Result<Form> {
    let meta = std::fs::metadata(path).ok();
    let named = formats::by_extension(path);
    let ending = path
        .extension()
        .map(|e| e.display().to_string().to_ascii_lowercase());
    if named == Some(&formats::Y4M) {
        return Ok(Form::Y4m);
    }
    if meta.as_ref().is_some_and(std::fs::Metadata::is_dir) {
        return Ok(Form::Folder);
    }
    if let Some(format) = images::is_written(path) {
        return match frames {
            None | Some(1) => Ok(Form::Image(format)),
            Some(n) => Err(many(n)),
        };
    }
    if ffmpeg::is_known(path) {
        let ending = ending.map_or(String::new(), |e| format!(".{e}"));
        let why = format!("nc writes video as .y4m or images, not as {ending}");
        return Err(Error::Usage(why).coded(code::NOT_WRITTEN));
    }
    // A device or a named pipe.
    if meta.is_some_and(|m| !m.is_file()) {
        return Ok(Form::Y4m);
    }
    match ending {
        None => Ok(Form::Folder),
        Some(ending) => {
            let why = format!("what a video is to be as .{ending} is not known");
            Err(Error::Usage(why).coded(code::FORMAT_UNKNOWN))
        }
    }
}

fn many(frames: u64) -> Error {
    Error::Usage(format!("{frames} frames do not fit one image")).coded(code::MANY_FRAMES)
}

enum Target<'a> {
    Y4m(Output<'a>),
    Image(ImageFormat, Output<'a>),
    /// PNGs one after another.
    Pngs(Output<'a>),
    Folder(Folder),
}

/// A frame as it is written.
enum Last {
    /// There was none yet.
    None,
    /// As it stands in a Y4M file.
    Y4m(Vec<u8>),
    /// As an image has it.
    Image(images::Form, Vec<u16>),
}

pub(crate) struct Writer<'a> {
    target: Target<'a>,
    format: VideoFormat,
    painter: Painter,
    /// Number of the next frame in the original, from 1.
    next: u64,
    /// Frames in the output.
    frames: u64,
    /// Frames that are lost, as long as nothing has come behind them.
    lost: u64,
    /// Bytes in a folder.
    written: u64,
    /// The last frame as it is written.
    last: Last,
    /// Frames as Y4M has them, where it does not have them as they are.
    adapter: Option<Adapter>,
    /// What images say beside their pixels.
    metadata: Vec<Meta>,
    warnings: Vec<Warning>,
    /// Memory of a frame.
    _held: Budget,
}

impl<'a> Writer<'a> {
    /// A file or folder, by its name.
    pub(crate) fn create(
        path: &Path,
        format: VideoFormat,
        options: &CreateOptions<'_>,
    ) -> Result<Self> {
        let form = form(path, options.units)?;
        let (input, overwrite) = (options.input.as_deref(), options.overwrite);
        let held = held(&metadata::to_y4m(format, options.metadata), form, options)?;
        let target = match form {
            Form::Y4m => Target::Y4m(Output::create(path, input, overwrite)?),
            Form::Image(format) => Target::Image(format, Output::create(path, input, overwrite)?),
            Form::Folder => Target::Folder(Folder::create(path, input, overwrite)?),
        };
        Self::new(target, format, options, held)
    }

    /// Y4M into a stream; PNGs, one after another, of what Y4M does not hold: red, green and blue, and opacity.
    pub(crate) fn stream(
        out: Output<'a>,
        format: VideoFormat,
        options: &CreateOptions<'_>,
    ) -> Result<Self> {
        if format.colour != Colour::Rgb && !format.alpha {
            return Self::y4m(out, format, options);
        }
        let head = metadata::to_y4m(format, options.metadata);
        let held = held(&head, Form::Folder, options)?;
        Self::new(Target::Pngs(out), format, options, held)
    }

    /// Y4M into a stream.
    pub(crate) fn y4m(
        out: Output<'a>,
        format: VideoFormat,
        options: &CreateOptions<'_>,
    ) -> Result<Self> {
        let head = metadata::to_y4m(format, options.metadata);
        let held = held(&head, Form::Y4m, options)?;
        Self::new(Target::Y4m(out), format, options, held)
    }

    fn new(
        mut target: Target<'a>,
        format: VideoFormat,
        options: &CreateOptions<'_>,
        held: Budget,
    ) -> Result<Self> {
        let mut head = metadata::to_y4m(format, options.metadata);
        let mut warnings = Vec::new();
        let mut adapter = None;
        let painter = Painter::new(&head);
        if let Target::Y4m(file) = &mut target {
            // It has brightness and differences of colour alone.
            let mut to = VideoFormat {
                alpha: false,
                ..format
            };
            if to.colour == Colour::Rgb {
                to.colour = Colour::Image;
                let text = "red, green and blue became brightness and colour, within two levels";
                warnings.push(Warning::new(code::COLOURS_CONVERTED, text));
            }
            adapter = Adapter::new(format, to, Opacity::LeaveOut)?;
            if let Some(adapter) = &adapter {
                warnings.extend(adapter.warnings());
                head = Head::of(to);
            }
            warnings.extend(images::not_kept_of(options.metadata));
            file.write_all(&head.to_bytes())?;
        } else if painter.reduces_bits() {
            let text = format!("{} bits a sample became 8", format.bits);
            warnings.push(Warning::new(code::BITS_REDUCED, text));
        }
        Ok(Self {
            target,
            format,
            painter,
            adapter,
            metadata: options.metadata.to_vec(),
            warnings,
            next: options.first + 1,
            frames: 0,
            lost: 0,
            written: 0,
            last: Last::None,
            _held: held,
        })
    }

    /// Makes of a frame what is written of it.
    fn make(&mut self, frame: &[u16]) -> Result<()> {
        self.last = match &self.target {
            Target::Y4m(_) => {
                let mut bytes = match std::mem::replace(&mut self.last, Last::None) {
                    Last::Y4m(mut bytes) => {
                        bytes.clear();
                        bytes
                    }
                    _ => Vec::new(),
                };
                match &self.adapter {
                    Some(adapter) => {
                        let frame = adapter.frame(frame)?;
                        y4m::push_frame(&adapter.format(), &frame, &mut bytes);
                    }
                    None => y4m::push_frame(&self.format, frame, &mut bytes),
                }
                Last::Y4m(bytes)
            }
            _ => {
                let (form, samples) = self.painter.image(frame);
                Last::Image(form, samples)
            }
        };
        Ok(())
    }

    /// Writes the last frame made.
    fn put(&mut self) -> Result<()> {
        let said = match (&mut self.target, &self.last) {
            (Target::Y4m(out), Last::Y4m(bytes)) => {
                out.write_all(bytes)?;
                Vec::new()
            }
            (Target::Image(..), _) if self.frames > 0 => return Err(many(self.frames + 1)),
            (Target::Image(format, out), Last::Image(form, samples)) => {
                images::write(*format, out, *form, samples, &self.metadata)?
            }
            (Target::Pngs(out), Last::Image(form, samples)) => {
                images::write(ImageFormat::Png, out, *form, samples, &self.metadata)?
            }
            (Target::Folder(folder), Last::Image(form, samples)) => {
                let path = folder.path().join(format!("{:05}.png", self.next));
                let mut png = BufWriter::new(File::create(path)?);
                let said =
                    images::write(ImageFormat::Png, &mut png, *form, samples, &self.metadata)?;
                png.flush()?;
                self.written += png.get_ref().metadata()?.len();
                said
            }
            _ => return Err(Error::Internal("a frame made for another output".into())),
        };
        self.warnings.extend(said);
        self.next += 1;
        self.frames += 1;
        Ok(())
    }
}

/// What a frame takes, held.
fn held(head: &Head, form: Form, options: &CreateOptions<'_>) -> Result<Budget> {
    let mut budget = options.budget.share();
    let samples = head.format.frame_samples()? as u64;
    budget.charge(match form {
        Form::Y4m => samples * head.format.sample_bytes() as u64,
        _ => Painter::new(head).bytes() + 2 * samples,
    })?;
    Ok(budget)
}

impl<'a> WriteSignal<'a> for Writer<'a> {
    fn write(&mut self, signal: Signal<'_>) -> Result<()> {
        let Signal::Video(video) = signal else {
            return Err(Error::Usage("media kinds mixed".into()));
        };
        if video.format != self.format {
            return Err(Error::Usage("frames of another format".into()));
        }
        let size = self.format.frame_samples()?;
        if video.samples.len() % size != 0 {
            return Err(Error::Usage("a part of a frame".into()));
        }
        if self.lost > 0 && matches!(self.last, Last::None) {
            // Mid-grey, until a frame has come.
            self.make(&vec![self.format.max() / 2 + 1; size])?;
        }
        for _ in 0..std::mem::take(&mut self.lost) {
            self.put()?;
        }
        for frame in video.samples.chunks_exact(size) {
            self.make(frame)?;
            self.put()?;
        }
        Ok(())
    }

    /// The frame before stands for a lost one, as long as something follows.
    fn skip(&mut self, units: Option<u64>) -> Result<()> {
        self.lost = self.lost.saturating_add(units.unwrap_or(0));
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(Written, Finished<'a>)> {
        let (bytes, finished) = match self.target {
            Target::Y4m(_) | Target::Image(..) | Target::Pngs(_) if self.frames == 0 => {
                return Err(Error::Format("a video without a frame".into()));
            }
            Target::Y4m(out) | Target::Image(_, out) | Target::Pngs(out) => {
                (out.written(), Finished::Output(out))
            }
            Target::Folder(folder) => (self.written, Finished::Folder(folder)),
        };
        let written = Written {
            bytes,
            units: self.frames,
            warnings: self.warnings,
        };
        Ok((written, finished))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn names_say_what_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| form(&dir.path().join(name), Some(2)).map_err(|e| e.exit_code());
        assert_eq!(at("a.y4m"), Ok(Form::Y4m));
        assert_eq!(at("a.Y4M"), Ok(Form::Y4m));
        assert_eq!(at("frames"), Ok(Form::Folder));
        assert_eq!(form(dir.path(), Some(2)).unwrap(), Form::Folder);
        std::fs::create_dir(dir.path().join("v.2")).unwrap();
        assert_eq!(at("v.2"), Ok(Form::Folder));
        for name in ["a.png", "a.mp4", "a.wav", "v.3", "a.JPG", "a.qoi"] {
            assert_eq!(at(name), Err(2), "{name}");
        }
        for (name, format) in [("a.png", ImageFormat::Png), ("b.TIF", ImageFormat::Tiff)] {
            assert_eq!(form(Path::new(name), Some(1)).unwrap(), Form::Image(format));
        }
    }
}
