//! Creating: a signal as a file that appears whole or not at all, or as a stream.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use nc_core::container::Meta;
use nc_core::{Budget, Error, Format, Result, Signal};

use crate::bytes;
use crate::output::Output;
use crate::records::{self, Schema};
use crate::sound;
use crate::video;
use crate::warning::{Warning, code};

/// How a file is to be written.
#[derive(Debug, Default)]
pub struct CreateOptions<'m> {
    pub(crate) overwrite: bool,
    pub(crate) input: Option<PathBuf>,
    pub(crate) budget: Budget,
    pub(crate) units: Option<u64>,
    pub(crate) may_differ: bool,
    pub(crate) first: u64,
    pub(crate) is_part: bool,
    pub(crate) metadata: &'m [Meta],
    pub(crate) schema: Option<Schema>,
    pub(crate) only: Option<Vec<usize>>,
}

impl<'m> CreateOptions<'m> {
    /// A whole signal of a length that nobody knows yet, within the default budget.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a file that exists is replaced, and the images in a folder.
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// The file that is being read, which is never written over.
    #[must_use]
    pub fn input(mut self, input: impl Into<PathBuf>) -> Self {
        self.input = Some(input.into());
        self
    }

    /// What the signal makes the writer allocate is charged to the pool of this budget.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// Units that will be written, where they are known. Streams of WAV then tell their length, a `.png` is refused for
    /// many frames, and IDX, whose header counts records, needs no file that can be sought in.
    #[must_use]
    pub fn units(mut self, units: u64) -> Self {
        self.units = Some(units);
        self
    }

    /// As [`Self::units`], where fewer may come: a stream is not told.
    #[must_use]
    pub fn expected(mut self, units: u64) -> Self {
        self.units = Some(units);
        self.may_differ = true;
        self
    }

    /// As [`Self::units`], for a part of an original: images are numbered as there, and metadata that counts samples from
    /// its start is left out.
    #[must_use]
    pub fn part(mut self, part: Range<u64>) -> Self {
        self.units = part.end.checked_sub(part.start);
        self.first = part.start;
        self.is_part = true;
        self
    }

    /// What is known of the metadata; what is not has to follow by [`Writer::add_metadata`].
    #[must_use]
    pub fn metadata(mut self, metadata: &'m [Meta]) -> Self {
        self.metadata = metadata;
        self
    }

    /// What the rows of records mean.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Of a table these columns alone, by number.
    #[must_use]
    pub fn only(mut self, columns: Vec<usize>) -> Self {
        self.only = Some(columns);
        self
    }

    pub(crate) fn schema_of_records(&self) -> Result<&Schema> {
        let none = || Error::Usage("records are written by a schema".into()).coded(code::NO_SCHEMA);
        self.schema.as_ref().ok_or_else(none)
    }
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Bytes of the file, or of all files in the folder.
    pub bytes: u64,
    /// Units in it, those that stand for lost ones included.
    pub units: u64,
    /// What could not be kept.
    pub warnings: Vec<Warning>,
}

/// A format's writer: what [`Writer`] calls.
pub trait WriteSignal: Send {
    /// Takes metadata that was found after the output was created.
    ///
    /// # Errors
    /// Limit, Format for what the format does not hold.
    fn add_metadata(&mut self, _metadata: &[Meta]) -> Result<()> {
        Ok(())
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// Usage for a piece of another format, Format for values that no file has, I/O.
    fn write(&mut self, signal: Signal<'_>) -> Result<()>;

    /// Says that so many units are lost here, or that nobody knows how many.
    ///
    /// # Errors
    /// I/O.
    fn skip(&mut self, units: Option<u64>) -> Result<()>;

    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// Format, I/O; Usage where the name is taken by now.
    fn finish(self: Box<Self>) -> Result<Written>;
}

/// A signal being written. Nothing is left behind where it is dropped before [`Self::finish`], as far as it is a file.
pub struct Writer<'a> {
    inner: Box<dyn WriteSignal + 'a>,
}

impl Writer<'_> {
    /// Takes metadata that was found after the output was created, in the order of an nc file.
    ///
    /// # Errors
    /// Limit, Format for what the format does not hold.
    pub fn add_metadata(&mut self, metadata: &[Meta]) -> Result<()> {
        self.inner.add_metadata(metadata)
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// Usage for a piece of another format, Format for values that no file has, I/O.
    pub fn write(&mut self, signal: Signal<'_>) -> Result<()> {
        self.inner.write(signal)
    }

    /// Conceals a lost stretch: silence stands for sound, the frame before for a frame (mid-grey, where there is none),
    /// as soon as something follows. Nothing stands for bytes, for records and for a lost end. Where nobody knows how
    /// much is lost, nothing does.
    ///
    /// # Errors
    /// I/O.
    pub fn skip(&mut self, units: Option<u64>) -> Result<()> {
        self.inner.skip(units)
    }

    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// Format for what makes no file, I/O; Usage where the name is taken by now.
    pub fn finish(self) -> Result<Written> {
        self.inner.finish()
    }
}

/// Creates a file or a folder of images. Sound is written as WAV, bytes as they are, records by their schema, video as the
/// name says: `.y4m`, `.png` for a single frame, a folder.
///
/// # Errors
/// Usage where the output exists, is the input, or its name asks for what is not written; Limit, I/O.
pub fn create(
    path: impl AsRef<Path>,
    format: &Format,
    options: CreateOptions<'_>,
) -> Result<Writer<'static>> {
    let path = path.as_ref();
    let output = || Output::create(path, options.input.as_deref(), options.overwrite);
    let inner: Box<dyn WriteSignal> = match *format {
        Format::Video(form) => Box::new(video::writer::Writer::create(path, form, &options)?),
        Format::Records(..) => records::writer::create(path, &options)?,
        Format::Audio(..) => Box::new(sound::writer::Writer::new(output()?, *format, &options)?),
        Format::Bytes => Box::new(bytes::Writer::new(output()?)),
        _ => return Err(unknown()),
    };
    Ok(Writer { inner })
}

/// Writes to anything, from front to back; `name` stands in messages. Video is Y4M.
///
/// # Errors
/// Usage for records that are a folder of images; Limit, I/O.
pub fn create_stream<'a>(
    to: impl Write + Send + 'a,
    name: &str,
    format: &Format,
    options: CreateOptions<'_>,
) -> Result<Writer<'a>> {
    let out = Output::stream(to, name);
    let inner: Box<dyn WriteSignal + 'a> = match *format {
        Format::Video(form) => Box::new(video::writer::Writer::stream(out, form, &options)?),
        Format::Records(..) => records::writer::stream(out, &options)?,
        Format::Audio(..) => Box::new(sound::writer::Writer::new(out, *format, &options)?),
        Format::Bytes => Box::new(bytes::Writer::new(out)),
        _ => return Err(unknown()),
    };
    Ok(Writer { inner })
}

fn unknown() -> Error {
    Error::Unsupported("a kind of media that is not written".into())
}
