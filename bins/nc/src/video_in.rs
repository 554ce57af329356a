//! Video in: Y4M, a PNG, a folder of PNGs, or what ffmpeg makes of any other file, frame by frame.
//!
//! Frames are large and clips are long, so one is in memory at a time; the images of a folder are
//! looked at first, so that the last one's wrong size is told before the first one is coded.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

use nc_core::{Budget, Chroma, Error, VideoFormat};

use crate::failure::{Failure, Result};
use crate::foreign::Foreign;
use crate::input::{Input, Kind};
use nc_media::video::picture;
use nc_media::video::png::{Png, Shape};
use nc_media::video::y4m::{self, Y4mReader};

/// Bytes that a path takes beside its own, in a list of them.
const NAME: u64 = 48;

/// A video being read.
pub struct VideoIn {
    source: Source,
    format: VideoFormat,
    length: Option<u64>,
    kept: String,
    warnings: Vec<String>,
}

enum Source {
    Y4m(Box<Y4mReader<Input>>),
    Foreign(Box<Y4mReader<Foreign>>),
    /// The samples of one image.
    Image(Option<Vec<u16>>),
    Folder {
        paths: std::vec::IntoIter<PathBuf>,
        budget: Budget,
    },
}

impl VideoIn {
    /// Opens Y4M or a PNG; memory is charged to `budget`.
    ///
    /// # Errors
    /// Format for damage, Limit, Unsupported, I/O; Usage for images that nc does not take.
    pub fn open(mut input: Input, kind: Kind, mut budget: Budget) -> Result<Self> {
        if kind == Kind::Png {
            let bytes = budget.read(input, u64::MAX)?;
            let shape = Png::open(Cursor::new(&bytes), &budget)?.shape();
            let format = format_of(shape, [0, 0])?;
            let samples = picture::read(&bytes, &format, &budget)?;
            return Ok(Self::new(Source::Image(Some(samples)), format, Some(1)));
        }
        let length = match &mut input {
            Input::File(file) => Some(y4m::count(file, &budget)?),
            _ => None,
        };
        let reader = Y4mReader::new(input, &mut budget)?;
        let (format, kept) = (reader.head().format, reader.head().kept());
        Ok(Self {
            kept,
            ..Self::new(Source::Y4m(Box::new(reader)), format, length)
        })
    }

    /// Opens a file of another format through ffmpeg.
    ///
    /// # Errors
    /// As [`Self::open`], and those of [`Foreign`].
    pub fn foreign(path: &Path, mut budget: Budget) -> Result<Self> {
        let mut foreign = Foreign::start(path)?;
        // Its reason for giving nothing is better than ours for not reading it.
        let mut first = vec![0; y4m::MAGIC.len()];
        let n = nc_core::container::read_full(&mut foreign, &mut first)?;
        if first.get(..n) != Some(y4m::MAGIC) {
            foreign.finish()?;
            return Err(Failure::format("ffmpeg gave no video"));
        }
        let reader = Y4mReader::after_magic(foreign, &mut budget)?;
        let (format, kept) = (reader.head().format, reader.head().kept());
        Ok(Self {
            kept,
            ..Self::new(Source::Foreign(Box::new(reader)), format, None)
        })
    }

    /// Opens a folder of PNGs, in the order of their names.
    ///
    /// # Errors
    /// As [`Self::open`]; Usage for a folder without PNGs, and for images of different sizes.
    pub fn folder(folder: &Path, rate: [u32; 2], mut budget: Budget) -> Result<Self> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let png = path
                .extension()
                .is_some_and(|e| e.eq_ignore_ascii_case("png"));
            if png && path.is_file() {
                budget.charge((path.as_os_str().len() as u64).saturating_add(NAME))?;
                paths.push(path);
            }
        }
        paths.sort();
        let mut all: Option<Shape> = None;
        for path in &paths {
            let image = Png::open(BufReader::new(File::open(path)?), &budget);
            let shape = image.map_err(|e| Failure::from(e).on(path))?.shape();
            let first = all.get_or_insert(shape);
            if (shape.width, shape.height) != (first.width, first.height) {
                let why = format!(
                    "an image of {} x {}, and the first is of {} x {}",
                    shape.width, shape.height, first.width, first.height
                );
                return Err(Failure::usage(why).on(path));
            }
            first.channels = first.channels.max(shape.channels);
        }
        let Some(shape) = all else {
            return Err(Failure::usage("a folder without PNGs")
                .hint("-r with --out-dir goes into folders; records need --model"));
        };
        let format = format_of(shape, rate)?;
        let length = paths.len() as u64;
        let source = Source::Folder {
            paths: paths.into_iter(),
            budget,
        };
        Ok(Self::new(source, format, Some(length)))
    }

    fn new(source: Source, format: VideoFormat, length: Option<u64>) -> Self {
        Self {
            source,
            format,
            length,
            kept: String::new(),
            warnings: Vec::new(),
        }
    }

    /// Size, rate and planes.
    pub fn format(&self) -> VideoFormat {
        self.format
    }

    /// Frames, where that is known.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// What is kept of a Y4M file's first line.
    pub fn kept(&self) -> &str {
        &self.kept
    }

    /// The next frame's samples; none at the end.
    ///
    /// # Errors
    /// Format for damage and truncation, I/O.
    pub fn next(&mut self) -> Result<Option<Vec<u16>>> {
        match &mut self.source {
            Source::Y4m(r) => Ok(r.next_frame()?),
            Source::Foreign(r) => {
                let frame = r.next_frame();
                if let Ok(Some(frame)) = frame {
                    return Ok(Some(frame));
                }
                // Where it was ffmpeg that failed, that is the reason for an early end; where there is more to read, it
                // is not.
                if frame.is_err() && !r.inner().at_end() {
                    return Ok(frame?);
                }
                let said = r.inner().finish()?;
                self.warnings.extend(said);
                Ok(frame?)
            }
            Source::Image(samples) => Ok(samples.take()),
            Source::Folder { paths, budget } => {
                let Some(path) = paths.next() else {
                    return Ok(None);
                };
                let read = || {
                    let mut budget = budget.share();
                    let bytes = budget.read(File::open(&path)?, u64::MAX)?;
                    picture::read(&bytes, &self.format, &budget)
                };
                read().map(Some).map_err(|e| Failure::from(e).on(&path))
            }
        }
    }

    /// What was odd; complete once the last frame was read.
    pub fn warnings(&mut self) -> Vec<String> {
        let left_out = match &self.source {
            Source::Y4m(r) => r.left_out(),
            Source::Foreign(r) => r.left_out(),
            _ => false,
        };
        if left_out {
            let what = "parameters of single frames, such as their interlacing, were left out";
            self.warnings.push(what.into());
        }
        std::mem::take(&mut self.warnings)
    }
}

/// The form of images of a shape.
fn format_of(shape: Shape, rate: [u32; 2]) -> Result<VideoFormat> {
    let format = VideoFormat {
        width: shape.width,
        height: shape.height,
        rate,
        chroma: if shape.colour() {
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
                shape.width,
                shape.height,
                nc_core::video::MAX_EDGE
            )
            .into(),
        )
    })?;
    Ok(format)
}
