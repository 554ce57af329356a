//! What a format's reader and writer are, and what they are told.

use std::ops::Range;
use std::path::PathBuf;

use nc_core::container::Meta;
use nc_core::{Budget, Error, Format, MediaKind, Result, Signal, SignalBuf};

use crate::output::Finished;
use crate::records::Schema;
use crate::warning::{Warning, code};

/// Frames per second of a folder of images, where nothing is said.
pub const FOLDER_RATE: [u32; 2] = [24, 1];

/// How a file is to be opened.
///
/// ```
/// use nc_core::{Budget, MediaKind};
/// let options = nc_media::OpenOptions::new()
///     .kind(MediaKind::Audio)
///     .budget(Budget::new(64 << 20));
/// ```
#[derive(Debug, Default)]
pub struct OpenOptions {
    pub(crate) budget: Budget,
    pub(crate) kind: Option<MediaKind>,
    pub(crate) rate: Option<[u32; 2]>,
    pub(crate) schema: Option<Schema>,
    pub(crate) missing: Option<String>,
    pub(crate) background: Option<[u8; 3]>,
}

impl OpenOptions {
    /// What the content says, within the default budget.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the file makes the reader allocate is charged to the pool of this budget.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// The kind of media wanted. Without one it is guessed: a folder of PNGs is a clip, content decides of files, and
    /// what it says nothing of is bytes.
    #[must_use]
    pub fn kind(mut self, kind: MediaKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Frames per second of a folder of images, as a fraction; 24 by default.
    #[must_use]
    pub fn rate(mut self, rate: [u32; 2]) -> Self {
        self.rate = Some(rate);
        self
    }

    /// What the rows of records mean; with one, records are what is wanted where no kind is given.
    #[must_use]
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Cells of tables with this text are unknown.
    #[must_use]
    pub fn missing(mut self, text: impl Into<String>) -> Self {
        self.missing = Some(text.into());
        self
    }

    /// The colour, as red, green and blue, that shows through pictures which are not opaque; without one they are refused.
    #[must_use]
    pub fn background(mut self, colour: [u8; 3]) -> Self {
        self.background = Some(colour);
        self
    }

    pub(crate) fn wanted(&self) -> Option<MediaKind> {
        let records = self.schema.is_some().then_some(MediaKind::Records);
        self.kind.or(records)
    }
}

/// A format's reader: what [`crate::Reader`] calls.
pub trait ReadSignal: Send {
    /// The form of the signal.
    fn format(&self) -> Format;

    /// Units of the signal, where the file tells them exactly.
    fn length(&self) -> Option<u64>;

    /// The next piece; none at the end, and from then on.
    ///
    /// # Errors
    /// Format for damage and truncation, Limit, I/O.
    fn next(&mut self) -> Result<Option<SignalBuf>>;

    /// Metadata that was found since it was last asked for; all of it once [`Self::next`] has given nothing.
    ///
    /// # Errors
    /// Those of making it, once the file has been read to its end.
    fn take_metadata(&mut self) -> Result<Vec<Meta>> {
        Ok(Vec::new())
    }

    /// What was odd about the file since it was last asked for.
    fn take_warnings(&mut self) -> Vec<Warning> {
        Vec::new()
    }
}

/// How a file is to be written.
#[derive(Debug, Default)]
pub struct CreateOptions<'m> {
    pub(crate) overwrite: bool,
    pub(crate) strict: bool,
    pub(crate) input: Option<PathBuf>,
    pub(crate) budget: Budget,
    pub(crate) units: Option<u64>,
    pub(crate) may_differ: bool,
    pub(crate) first: u64,
    pub(crate) is_part: bool,
    pub(crate) metadata: &'m [Meta],
    pub(crate) schema: Option<Schema>,
    pub(crate) only: Option<Vec<usize>>,
    pub(crate) sound: Option<PathBuf>,
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

    /// Whether anything that the output cannot hold is an error, and nothing is written then.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
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

    /// What is known of the metadata; what is not has to follow by [`crate::Writer::add_metadata`].
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

    /// A WAV file of sound that goes into the same container, where video is written to one.
    #[must_use]
    pub fn sound(mut self, sound: impl Into<PathBuf>) -> Self {
        self.sound = Some(sound.into());
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

/// A format's writer: what [`crate::Writer`] calls.
pub trait WriteSignal<'a>: Send {
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

    /// Ends the file; it has its name once what this gives is committed.
    ///
    /// # Errors
    /// Format, I/O.
    fn finish(self: Box<Self>) -> Result<(Written, Finished<'a>)>;
}
