//! Video in: Y4M, a PNG, a folder of PNGs, or what ffmpeg makes of any other file, frame by frame.
//!
//! Frames are large and clips are long, so one is in memory at a time; the images of a folder are looked at first, so
//! that the last one's wrong size is told before the first one is coded.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use nc_core::container::{Meta, read_full};
use nc_core::{Budget, Chroma, Error, Format, Result, SignalBuf, VideoBuf, VideoFormat};
use tempfile::TempPath;

use super::picture;
use super::png::{self, Image, Png};
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
    options: &OpenOptions,
) -> Result<Box<dyn ReadSignal>> {
    let mut budget = options.budget.share();
    let mut program = Ffmpeg::start(path, options.background)?.with_copy(copy);
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

/// Opens a PNG.
pub(crate) fn png(input: Input, options: &OpenOptions) -> Result<Box<dyn ReadSignal>> {
    let mut budget = options.budget.share();
    let bytes = budget.read(input, u64::MAX)?;
    let image = Png::open(Cursor::new(&bytes), &budget)?.image();
    let format = format_of(image, [0, 0])?;
    let samples = picture::read(&bytes, &format, options.background, &budget)?;
    Ok(Box::new(Images {
        format,
        length: 1,
        warnings: png::not_kept(&png::said(Cursor::new(&bytes))?)
            .into_iter()
            .collect(),
        source: Source::One(Some(samples)),
    }))
}

/// Opens a folder of PNGs, in the order of the numbers in their names.
pub(crate) fn folder(
    folder: &Path,
    rate: [u32; 2],
    options: &OpenOptions,
) -> Result<Box<dyn ReadSignal>> {
    let mut budget = options.budget.share();
    let (paths, mut warnings) = super::folder::frames(folder, &mut budget)?;
    let mut kept = BTreeSet::new();
    let mut all: Option<Image> = None;
    for path in &paths {
        let image = Png::open(BufReader::new(File::open(path)?), &budget);
        let image = image.map_err(|e| e.in_file(path))?.image();
        kept.extend(png::said(BufReader::new(File::open(path)?))?);
        let first = all.get_or_insert(image);
        if (image.width, image.height) != (first.width, first.height) {
            let why = format!(
                "an image of {} x {}, and the first is of {} x {}",
                image.width, image.height, first.width, first.height
            );
            return Err(Error::Usage(why).in_file(path));
        }
        first.channels = first.channels.max(image.channels);
    }
    let Some(image) = all else {
        return Err(Error::Usage("a folder without PNGs".into()).coded(code::NO_IMAGES));
    };
    warnings.extend(png::not_kept(&kept));
    Ok(Box::new(Images {
        format: format_of(image, rate)?,
        length: paths.len() as u64,
        warnings,
        source: Source::Folder {
            paths: paths.into_iter(),
            background: options.background,
            budget,
        },
    }))
}

/// One image, or those of a folder.
struct Images {
    format: VideoFormat,
    length: u64,
    warnings: Vec<Warning>,
    source: Source,
}

enum Source {
    /// The samples of one, until they are taken.
    One(Option<Vec<u16>>),
    Folder {
        paths: std::vec::IntoIter<PathBuf>,
        background: Option<[u8; 3]>,
        budget: Budget,
    },
}

impl ReadSignal for Images {
    fn format(&self) -> Format {
        Format::Video(self.format)
    }

    fn length(&self) -> Option<u64> {
        Some(self.length)
    }

    fn next(&mut self) -> Result<Option<SignalBuf>> {
        let format = self.format;
        let samples = match &mut self.source {
            Source::One(samples) => samples.take(),
            Source::Folder {
                paths,
                background,
                budget,
            } => paths
                .next()
                .map(|path| {
                    let background = *background;
                    let read = || {
                        let mut budget = budget.share();
                        let bytes = budget.read(File::open(&path)?, u64::MAX)?;
                        picture::read(&bytes, &format, background, &budget)
                    };
                    read().map_err(|e| e.in_file(&path))
                })
                .transpose()?,
        };
        Ok(samples.map(|samples| SignalBuf::Video(VideoBuf { format, samples })))
    }

    fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }
}

/// The form of images of this size.
fn format_of(image: Image, rate: [u32; 2]) -> Result<VideoFormat> {
    let format = VideoFormat {
        width: image.width,
        height: image.height,
        rate,
        chroma: if image.colour() {
            Chroma::C444
        } else {
            Chroma::Gray
        },
        bits: 8,
        rgb: true,
    };
    // Beyond all measure before anything is made of it.
    format.frame_samples().map_err(|_| {
        Error::Limit(
            format!(
                "an image of {} x {}; nc takes {} along an edge",
                image.width,
                image.height,
                nc_core::kind::video::MAX_EDGE
            )
            .into(),
        )
    })?;
    Ok(format)
}
