//! Video in: Y4M, images, animations, a folder of images, or what ffmpeg makes of any other file, frame by frame.
//!
//! Frames are large and clips are long, so one is in memory at a time; the images of a folder are looked at first, so
//! that the last one's wrong size is told before the first one is coded.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use nc_core::container::{Meta, read_full};
use nc_core::{Budget, Error, Format, Result, SignalBuf, VideoBuf, VideoFormat};
use tempfile::TempPath;

use super::adapt::{Adapter, Opacity};
use super::images::{self, Form, ImageFormat, Pixels, said};
use super::y4m::{self, Y4mReader};
use crate::contract::{OpenOptions, ReadSignal};
use crate::ffmpeg::Ffmpeg;
use crate::input::Input;
use crate::metadata;
use crate::warning::{Warning, code};

/// Opens Y4M.
pub(crate) fn y4m(mut input: Input, options: &OpenOptions) -> Result<Box<dyn ReadSignal>> {
    let mut budget = options.budget.share();
    let length = match input.file_mut() {
        Some(file) => Some(y4m::count(file, &budget)?),
        None => None,
    };
    let reader = Y4mReader::new(input, &mut budget)?;
    Ok(Box::new(Y4m::new(reader, length, budget)))
}

/// Opens a file of another format through ffmpeg.
pub(crate) fn by_ffmpeg(
    path: &Path,
    copy: Option<TempPath>,
    decoder: Option<&str>,
    options: &OpenOptions,
) -> Result<Box<dyn ReadSignal>> {
    let mut budget = options.budget.share();
    let mut program = Ffmpeg::start(path, options.background, decoder)?.with_copy(copy);
    // Its reason for giving nothing is better than ours for not reading it.
    let mut first = [0; y4m::MAGIC.len()];
    let n = read_full(&mut program, &mut first)?;
    if first != y4m::MAGIC || n < first.len() {
        program.finish()?;
        return Err(Error::Format("ffmpeg gave no video".into()));
    }
    let reader = Y4mReader::after_magic(program, &mut budget)?;
    Ok(Box::new(Y4m::new(reader, None, budget)))
}

/// A stream of Y4M.
struct Y4m<R> {
    reader: Y4mReader<R>,
    length: Option<u64>,
    kept: Option<Meta>,
    warnings: Vec<Warning>,
    told: bool,
    /// A frame's memory, as long as frames are read.
    _held: Budget,
}

impl<R: Read> Y4m<R> {
    fn new(reader: Y4mReader<R>, length: Option<u64>, held: Budget) -> Self {
        Self {
            kept: metadata::of_y4m(reader.head()),
            reader,
            length,
            warnings: Vec::new(),
            told: false,
            _held: held,
        }
    }
}

/// Where a Y4M stream comes from, and why it may end.
trait Ending: Read + Send + Sized {
    /// What is said at the end, or instead of an error of reading.
    fn end(_: &mut Y4mReader<Self>, _failed: bool) -> Result<Option<Warning>> {
        Ok(None)
    }
}

impl Ending for Input {}

impl Ending for Ffmpeg {
    fn end(reader: &mut Y4mReader<Self>, failed: bool) -> Result<Option<Warning>> {
        // Where it was ffmpeg that failed, that is the reason for an early end; where there is more to read, it is not.
        if failed && !reader.inner().at_end() {
            return Ok(None);
        }
        reader.inner().finish()
    }
}

impl<R: Ending> ReadSignal for Y4m<R> {
    fn format(&self) -> Format {
        Format::Video(self.reader.head().format)
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    fn next(&mut self) -> Result<Option<SignalBuf>> {
        let frame = self.reader.next_frame();
        if let Ok(Some(samples)) = frame {
            let format = self.reader.head().format;
            return Ok(Some(SignalBuf::Video(VideoBuf { format, samples })));
        }
        if !self.told {
            let said = R::end(&mut self.reader, frame.is_err())?;
            self.warnings.extend(said);
            if self.reader.left_out() {
                let what = "parameters of single frames, such as their interlacing, were left out";
                self.warnings
                    .push(Warning::new(code::FRAME_PARAMETERS, what));
            }
            self.told = true;
        }
        frame?;
        Ok(None)
    }

    fn take_metadata(&mut self) -> Result<Vec<Meta>> {
        Ok(self.kept.take().into_iter().collect())
    }

    fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }
}

/// Opens an image, or the frames of an animation.
pub(crate) fn image(input: Input, options: &OpenOptions) -> Result<Box<dyn ReadSignal>> {
    let mut budget = options.budget.share();
    let bytes = budget.read(input, u64::MAX)?;
    let format = ImageFormat::of(&bytes).ok_or_else(no_image)?;
    let mut said = said::of(format, &bytes);
    let mut warnings = said.warnings();
    #[cfg(feature = "pictures")]
    match images::animation(format, &bytes, &budget) {
        Ok(None) => {}
        Ok(Some(found)) => {
            if found.uneven {
                let text = "frames stand for unequal times; they are coded at an even pace";
                warnings.push(Warning::new(code::UNEVEN_RATE, text));
            }
            let form = over(found.form, options.background);
            return Ok(Box::new(Images {
                format: form.format(found.rate)?,
                form,
                length: found.frames,
                kept: std::mem::take(&mut said.meta),
                warnings,
                background: options.background,
                source: Source::Playing(images::Playing::start(
                    format,
                    bytes,
                    found.form,
                    budget.share(),
                )),
                held: budget,
            }));
        }
        // Of frames that are not read as such the first is.
        Err(e) if matches!(e.cause(), Error::Unsupported(_)) => {
            warnings.push(images::first_alone())
        }
        Err(e) => return Err(e),
    }
    #[cfg(not(feature = "pictures"))]
    if said.animated {
        warnings.push(images::first_alone());
    }
    let pixels = images::pixels(format, &bytes, &mut budget)?;
    let form = over(pixels.form, options.background);
    Ok(Box::new(Images {
        format: form.format([0, 0])?,
        form,
        length: 1,
        kept: std::mem::take(&mut said.meta),
        warnings,
        background: options.background,
        source: Source::One(Some(pixels)),
        held: budget,
    }))
}

fn no_image() -> Error {
    Error::Format("no image of a format that is read".into())
}

/// The form of an image over a colour, where there is one.
fn over(form: Form, background: Option<[u8; 3]>) -> Form {
    let alpha = form.alpha && background.is_none();
    // Grey over a colour has colours.
    let colour =
        form.colour || (form.alpha && background.is_some_and(|[r, g, b]| r != g || g != b));
    Form {
        alpha,
        colour,
        ..form
    }
}

/// The format and bytes of an image file.
fn read(path: &Path, budget: &mut Budget) -> Result<(ImageFormat, Vec<u8>)> {
    let bytes = budget.read(File::open(path)?, u64::MAX)?;
    let format = ImageFormat::of(&bytes).ok_or_else(no_image)?;
    Ok((format, bytes))
}

/// Opens a folder of images, in the order of the numbers in their names.
pub(crate) fn folder(
    folder: &Path,
    rate: [u32; 2],
    options: &OpenOptions,
) -> Result<Box<dyn ReadSignal>> {
    let mut budget = options.budget.share();
    let (paths, mut warnings) = super::folder::frames(folder, &mut budget)?;
    let mut all: Option<(Form, said::Said)> = None;
    for path in &paths {
        let look = || -> Result<_> {
            let mut budget = budget.share();
            let (format, bytes) = read(path, &mut budget)?;
            Ok((
                images::form(format, &bytes, &budget)?,
                said::of(format, &bytes),
            ))
        };
        let (form, said) = look().map_err(|e| e.in_file(path))?;
        match &mut all {
            None => all = Some((form, said)),
            Some((first, kept)) => {
                if (form.width, form.height) != (first.width, first.height) {
                    let why = format!(
                        "an image of {} x {}, and the first is of {} x {}",
                        form.width, form.height, first.width, first.height
                    );
                    return Err(Error::Usage(why).in_file(path));
                }
                *first = first.with(form);
                kept.merge(said);
            }
        }
    }
    let Some((form, mut said)) = all else {
        return Err(Error::Usage("a folder without images".into()).coded(code::NO_IMAGES));
    };
    warnings.extend(said.warnings());
    let form = over(form, options.background);
    Ok(Box::new(Images {
        format: form.format(rate)?,
        form,
        length: paths.len() as u64,
        kept: std::mem::take(&mut said.meta),
        warnings,
        background: options.background,
        source: Source::Folder(paths.into_iter()),
        held: budget,
    }))
}

/// An image, those of a folder, or the frames of an animation.
struct Images {
    format: VideoFormat,
    form: Form,
    length: u64,
    kept: Vec<Meta>,
    warnings: Vec<Warning>,
    background: Option<[u8; 3]>,
    source: Source,
    /// What is in memory from first to last.
    held: Budget,
}

enum Source {
    /// The pixels of one, until they are taken.
    One(Option<Pixels>),
    Folder(std::vec::IntoIter<PathBuf>),
    #[cfg(feature = "pictures")]
    Playing(images::Playing),
}

impl Images {
    fn pixels(&mut self) -> Result<Option<Pixels>> {
        match &mut self.source {
            Source::One(pixels) => Ok(pixels.take()),
            #[cfg(feature = "pictures")]
            Source::Playing(frames) => frames.next(),
            Source::Folder(paths) => {
                let Some(path) = paths.next() else {
                    return Ok(None);
                };
                let pixels = || -> Result<_> {
                    let mut budget = self.held.share();
                    let (format, bytes) = read(&path, &mut budget)?;
                    images::pixels(format, &bytes, &mut budget)
                };
                pixels().map(Some).map_err(|e| e.in_file(&path))
            }
        }
    }
}

impl ReadSignal for Images {
    fn format(&self) -> Format {
        Format::Video(self.format)
    }

    fn length(&self) -> Option<u64> {
        Some(self.length)
    }

    fn next(&mut self) -> Result<Option<SignalBuf>> {
        let Some(pixels) = self.pixels()? else {
            return Ok(None);
        };
        let format = self.format;
        let samples = match self.background.filter(|_| pixels.form.alpha) {
            None => pixels.planes(self.form),
            Some(colour) => {
                let whole = Form {
                    alpha: true,
                    ..self.form
                };
                let from = VideoFormat {
                    alpha: true,
                    ..format
                };
                let planes = pixels.planes(whole);
                match Adapter::new(from, format, Opacity::Over(colour))? {
                    Some(adapter) => adapter.frame(&planes)?,
                    None => planes,
                }
            }
        };
        Ok(Some(SignalBuf::Video(VideoBuf { format, samples })))
    }

    fn take_metadata(&mut self) -> Result<Vec<Meta>> {
        Ok(std::mem::take(&mut self.kept))
    }

    fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }
}

/// A video whose frames get another layout on their way.
pub(crate) struct Adapted {
    inner: Box<dyn ReadSignal>,
    adapter: Adapter,
    warnings: Vec<Warning>,
}

impl Adapted {
    pub(crate) fn new(inner: Box<dyn ReadSignal>, adapter: Adapter) -> Self {
        let warnings = adapter.warnings();
        Self {
            inner,
            adapter,
            warnings,
        }
    }
}

impl ReadSignal for Adapted {
    fn format(&self) -> Format {
        Format::Video(self.adapter.format())
    }

    fn length(&self) -> Option<u64> {
        self.inner.length()
    }

    fn next(&mut self) -> Result<Option<SignalBuf>> {
        let Some(SignalBuf::Video(piece)) = self.inner.next()? else {
            return Ok(None);
        };
        let mut samples = Vec::new();
        for frame in piece.samples.chunks_exact(piece.format.frame_samples()?) {
            samples.extend(self.adapter.frame(frame)?);
        }
        let format = self.adapter.format();
        Ok(Some(SignalBuf::Video(VideoBuf { format, samples })))
    }

    fn take_metadata(&mut self) -> Result<Vec<Meta>> {
        self.inner.take_metadata()
    }

    fn take_warnings(&mut self) -> Vec<Warning> {
        let mut all = std::mem::take(&mut self.warnings);
        all.extend(self.inner.take_warnings());
        all
    }
}
