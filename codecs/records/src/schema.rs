//! What the rows of a file mean.

use std::fmt;
#[cfg(feature = "parquet")]
use std::io::Read;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use nc::{Budget, Error, Result};
use serde::{Deserialize, Serialize};

use crate::csv::Table;
use crate::fixed::{FixedReader, FixedWriter, Idx, LONGEST};
use crate::images::{self, FolderReader, FolderWriter};
use crate::{Column, Reader, Source, Writer};

/// Size of an image of 8-bit samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Pixels in a line.
    pub width: u32,
    /// Lines.
    pub height: u32,
    /// Samples of a pixel, 1 to 4.
    pub channels: u8,
}

impl Image {
    /// Samples of an image.
    #[must_use]
    pub fn samples(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.channels)
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            width,
            height,
            channels,
        } = self;
        write!(f, "{width} x {height} pixels of {channels} channels")
    }
}

/// What the rows of a file mean; kept in a model file as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema(Form);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Idx(Idx),
    Raw {
        length: u32,
    },
    Png(Image),
    Table(Table),
    #[cfg(feature = "parquet")]
    Parquet(crate::parquet::Parquet),
}

/// How to learn a schema.
#[derive(Debug, Clone, Default)]
pub struct Learn {
    /// Bytes of a record, for files that do not tell what they are.
    pub record_length: Option<usize>,
}

impl Schema {
    /// The schema of files of one kind, which is told by their content.
    ///
    /// # Errors
    /// [`Error::Usage`] where the files have no records, or not the same; I/O.
    pub fn learn(files: &[PathBuf], how: &Learn) -> Result<Self> {
        let on = |file: &Path, e: Error| match e {
            Error::Usage(what) => Error::Usage(format!("{}: {what}", file.display())),
            Error::Io(e) => Error::Io(std::io::Error::new(
                e.kind(),
                format!("{}: {e}", file.display()),
            )),
            e => e,
        };
        let Some((first, others)) = files.split_first() else {
            return Err(Error::Usage("no files to learn from".into()));
        };
        let form = Self::form(first, files, how).map_err(|e| on(first, e))?;
        let schema = Self(form);
        schema.check()?;
        for file in others {
            let source = Source::open(file);
            source
                .and_then(|s| schema.reader(s, None))
                .map_err(|e| on(file, e))?;
        }
        Ok(schema)
    }

    fn form(first: &Path, files: &[PathBuf], how: &Learn) -> Result<Form> {
        let (head, _) = match Source::open(first)? {
            Source::Folder(folder) => {
                let names = images::names(&folder)?;
                let name = names.first().map_or("", String::as_str);
                return Ok(Form::Png(images::read(&folder.join(name))?.0));
            }
            Source::Stream { head, bytes } => (head, bytes),
        };
        if let Some(length) = how.record_length {
            return Ok(Form::Raw {
                length: u32::try_from(length).unwrap_or(u32::MAX),
            });
        }
        if let Some((idx, ..)) = Idx::read(&head) {
            return Ok(Form::Idx(idx));
        }
        #[cfg(feature = "parquet")]
        if head.starts_with(b"PAR1") {
            return Ok(Form::Parquet(crate::parquet::Parquet::learn(files)?));
        }
        if Table::may_be(&head) {
            let table = Table::learn(files.len(), |i| {
                let file = files.get(i).map_or(first, PathBuf::as_path);
                match Source::open(file)? {
                    Source::Stream { head, bytes } => Ok((head, bytes)),
                    Source::Folder(_) => Err(Error::Usage("a folder among tables".into())),
                }
            })?;
            return Ok(Form::Table(table));
        }
        Err(Error::Usage(
            "neither IDX, a table with a header, nor a folder of PNGs; a raw file's records need a length"
                .into(),
        ))
    }

    /// From a model file's JSON.
    ///
    /// # Errors
    /// [`Error::Model`] where it is no schema.
    pub fn from_json(json: &str) -> Result<Self> {
        let schema: Self = serde_json::from_str(json)
            .map_err(|e| Error::Model(format!("what the records mean: {e}")))?;
        schema.check().map_err(|e| Error::Model(e.to_string()))?;
        Ok(schema)
    }

    /// As JSON, for a model file.
    ///
    /// # Errors
    /// [`Error::Model`] never.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(&self.0).map_err(|e| Error::Model(e.to_string()))
    }

    fn check(&self) -> Result<()> {
        let sound = match &self.0 {
            Form::Idx(idx) => idx.length().is_some() && idx.shape.len() < 255,
            Form::Raw { length } => (1..=LONGEST).contains(&u64::from(*length)),
            Form::Png(image) => {
                (1..=4).contains(&image.channels) && (1..=LONGEST).contains(&image.samples())
            }
            Form::Table(_) => true,
            #[cfg(feature = "parquet")]
            Form::Parquet(_) => true,
        };
        if sound {
            Ok(())
        } else {
            Err(Error::Usage(format!("{self}: too long or empty")))
        }
    }

    /// Columns of a table.
    #[must_use]
    pub fn columns(&self) -> Option<&[Column]> {
        match &self.0 {
            Form::Table(table) => Some(table.columns()),
            #[cfg(feature = "parquet")]
            Form::Parquet(parquet) => Some(parquet.columns()),
            _ => None,
        }
    }

    /// Variables of a row whose values are bytes; `None` for tables.
    fn bytes(&self) -> usize {
        match &self.0 {
            Form::Idx(idx) => idx.length().unwrap_or(0),
            Form::Raw { length } => *length as usize,
            Form::Png(image) => image.samples() as usize,
            _ => 0,
        }
    }

    /// Number of values of each variable, 2 to 65,536.
    #[must_use]
    pub fn alphabets(&self) -> Vec<u32> {
        match self.columns() {
            Some(columns) => columns
                .iter()
                .flat_map(|c| c.alphabets().iter().copied())
                .collect(),
            None => vec![256; self.bytes()],
        }
    }

    /// Of each variable the value that says that a text follows.
    #[must_use]
    pub fn open(&self) -> Vec<Option<u16>> {
        match self.columns() {
            Some(columns) => columns
                .iter()
                .flat_map(|c| {
                    let rest = c.alphabets().len() - 1;
                    std::iter::once(Some(c.open())).chain(std::iter::repeat_n(None, rest))
                })
                .collect(),
            None => vec![None; self.bytes()],
        }
    }

    /// Of each variable whether near values are alike.
    #[must_use]
    pub fn ordered(&self) -> Vec<bool> {
        match self.columns() {
            Some(columns) => columns
                .iter()
                .flat_map(|c| std::iter::repeat_n(c.has_numbers(), c.alphabets().len()))
                .collect(),
            None => vec![true; self.bytes()],
        }
    }

    /// Name of each variable: of a table its column's, of an image its line and column.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self.columns() {
            Some(columns) => columns
                .iter()
                .flat_map(|c| {
                    (0..c.alphabets().len()).map(|i| match i {
                        0 => c.name().to_owned(),
                        _ => format!("{} ({})", c.name(), i + 1),
                    })
                })
                .collect(),
            None => {
                let name = |i: usize| match self.image() {
                    Some(image) => {
                        let (w, n) = (image.width as usize, usize::from(image.channels));
                        let (y, x, c) = (i / (w * n), i / n % w, i % n);
                        match n {
                            1 => format!("{y},{x}"),
                            _ => format!("{y},{x},{c}"),
                        }
                    }
                    None => i.to_string(),
                };
                (0..self.bytes()).map(name).collect()
            }
        }
    }

    /// Number and variables of the column, or of the byte, with this name.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none.
    pub fn column(&self, name: &str) -> Result<(usize, Range<usize>)> {
        let none = || Error::Usage(format!("no column {name:?}"));
        if let Some(columns) = self.columns() {
            let mut at = 0;
            for (i, c) in columns.iter().enumerate() {
                let n = c.alphabets().len();
                if c.name() == name {
                    return Ok((i, at..at + n));
                }
                at += n;
            }
            return Err(none());
        }
        let i = self.names().iter().position(|n| n == name);
        i.map(|i| (i, i..i + 1)).ok_or_else(none)
    }

    /// Size of the image that a row is.
    #[must_use]
    pub fn image(&self) -> Option<Image> {
        match &self.0 {
            Form::Png(image) => Some(*image),
            Form::Idx(Idx {
                element: 8 | 9,
                shape,
            }) => match shape[..] {
                [height, width] => Some(Image {
                    width,
                    height,
                    channels: 1,
                }),
                [height, width, channels @ 1..=4] => Some(Image {
                    width,
                    height,
                    channels: channels as u8,
                }),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a file of rows is a folder.
    #[must_use]
    pub const fn is_folder(&self) -> bool {
        matches!(self.0, Form::Png(_))
    }

    /// Usual ending of a file's name; none for folders.
    #[must_use]
    pub const fn extension(&self) -> &'static str {
        match self.0 {
            Form::Idx(_) => "idx",
            Form::Raw { .. } => "bin",
            Form::Png(_) => "",
            Form::Table(_) => "csv",
            #[cfg(feature = "parquet")]
            Form::Parquet(_) => "parquet",
        }
    }

    /// Rows of a file of this schema; of a table, cells that read `missing` are unknown and have the
    /// alphabet's size as value.
    ///
    /// # Errors
    /// [`Error::Usage`] for a file of another schema; I/O.
    pub fn reader(&self, source: Source, missing: Option<&str>) -> Result<Box<dyn Reader>> {
        let other = |what: &dyn fmt::Display| Error::Usage(format!("{what}, not {self}"));
        let (head, bytes) = match (source, &self.0) {
            (Source::Folder(folder), Form::Png(image)) => {
                return Ok(Box::new(FolderReader::new(folder, *image)?));
            }
            (Source::Folder(_), _) => return Err(other(&"a folder")),
            (_, Form::Png(_)) => return Err(other(&"a file")),
            (Source::Stream { head, bytes }, _) => (head, bytes),
        };
        match &self.0 {
            Form::Idx(idx) => {
                let (found, count, header) =
                    Idx::read(&head).ok_or_else(|| other(&"not an IDX file"))?;
                if found != *idx {
                    return Err(other(&Self(Form::Idx(found))));
                }
                let reader = FixedReader::new(bytes, header, self.bytes(), Some(count))?;
                Ok(Box::new(reader))
            }
            Form::Raw { .. } => Ok(Box::new(FixedReader::new(bytes, 0, self.bytes(), None)?)),
            Form::Table(table) => {
                let missing = missing.map(|m| m.as_bytes().to_vec());
                Ok(Box::new(table.reader(bytes, missing)?))
            }
            Form::Png(_) => Err(other(&"a file")),
            #[cfg(feature = "parquet")]
            Form::Parquet(parquet) => {
                let missing = missing.map(|m| m.as_bytes().to_vec());
                Ok(Box::new(parquet.reader(bytes, missing)?))
            }
        }
    }

    /// A file of `records` rows, of which the first has number `first` in the original; of a table,
    /// with `only` of these columns alone.
    ///
    /// # Errors
    /// [`Error::Format`] for extras that no file has; [`Error::Usage`] for a folder; I/O.
    pub fn writer<'a>(
        &self,
        out: impl Write + Send + 'a,
        records: u64,
        extras: &[u8],
        only: Option<&[usize]>,
    ) -> Result<Box<dyn Writer + 'a>> {
        let none = || {
            if extras.is_empty() {
                Ok(())
            } else {
                Err(Error::Format("extras where there are none".into()))
            }
        };
        Ok(match &self.0 {
            Form::Idx(idx) => {
                none()?;
                Box::new(FixedWriter::new(out, Some(idx), self.bytes(), records)?)
            }
            Form::Raw { .. } => {
                none()?;
                Box::new(FixedWriter::new(out, None, self.bytes(), records)?)
            }
            Form::Table(table) => Box::new(table.writer(out, extras, only)?),
            Form::Png(_) => return Err(Error::Usage("images go into a folder".into())),
            #[cfg(feature = "parquet")]
            Form::Parquet(parquet) => Box::new(parquet.writer(out, only)?),
        })
    }

    /// Images into a folder that exists; the first row has number `first` in the original.
    ///
    /// # Errors
    /// [`Error::Format`] for extras that no folder has, [`Error::Usage`] where rows are no files of
    /// a folder, [`Error::Limit`].
    pub fn folder_writer(
        &self,
        folder: PathBuf,
        first: u64,
        extras: &[u8],
        budget: &mut Budget,
    ) -> Result<Box<dyn Writer>> {
        match &self.0 {
            Form::Png(image) => Ok(Box::new(FolderWriter::new(
                folder, *image, extras, first, budget,
            )?)),
            _ => Err(Error::Usage(format!("{self} are one file"))),
        }
    }

    /// The image of a row as PNG.
    ///
    /// # Errors
    /// [`Error::Usage`] where the rows are no images; I/O.
    pub fn write_png(out: impl Write, image: Image, samples: &[u8]) -> Result<()> {
        images::write(out, image, samples)
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Idx(idx) => match self.image() {
                Some(image) => write!(f, "IDX images of {image}"),
                None => write!(
                    f,
                    "IDX items of {:?} elements of type {}",
                    idx.shape, idx.element
                ),
            },
            Form::Raw { length } => write!(f, "records of {length} bytes"),
            Form::Png(image) => write!(f, "PNGs of {image}"),
            Form::Table(table) => write!(f, "a table of {} columns", table.columns().len()),
            #[cfg(feature = "parquet")]
            Form::Parquet(p) => write!(f, "a Parquet table of {} columns", p.columns().len()),
        }
    }
}

/// All of a stream in memory.
#[cfg(feature = "parquet")]
pub fn slurp(mut bytes: Box<dyn Read + Send>) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    bytes.read_to_end(&mut all)?;
    Ok(all)
}
