//! What the rows of a file mean.

use std::fmt;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use nc_core::{Budget, Error, Result};
use serde::{Deserialize, Serialize};

use crate::records::csv::Table;
use crate::records::fixed::{FixedReader, FixedWriter, Idx, LONGEST};
use crate::records::images::{self, FolderReader, FolderWriter};
use crate::records::{Column, Reader, Source, TextForm, Writer};
use crate::video::png::{self, Image};

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
    Parquet(crate::records::parquet::Parquet),
}

/// Says what is missing.
#[cfg(not(feature = "parquet"))]
fn no_parquet() -> Error {
    let why = "Parquet: this build is without the feature parquet, which reads and writes it";
    Error::Unsupported(why.into()).coded(crate::warning::code::NOT_BUILT_IN)
}

/// How to learn a schema.
#[derive(Debug, Clone, Default)]
pub struct Learn {
    /// Bytes of a record, for files that do not tell what they are.
    pub record_length: Option<usize>,
    /// How the lines of a table are told apart.
    pub text: TextForm,
}

/// A file of rows that is to be written.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileOfRows<'a> {
    /// Rows, for formats that tell how many there are.
    pub records: u64,
    /// What the original says beyond its rows.
    pub extras: &'a [u8],
    /// Of a table these columns alone.
    pub only: Option<&'a [usize]>,
    /// Number of the first row in the original, where these are a part of it: lines that are no rows are left out then.
    pub part: Option<u64>,
}

impl Schema {
    /// The schema of files of one kind, which is told by their content. What reading them takes is charged to `budget`,
    /// and so is every distinct cell of a table's columns; all of it is given back at the end.
    ///
    /// # Errors
    /// [`Error::Usage`] where the files have no records, or not the same, [`Error::Format`] for a damaged one,
    /// [`Error::Limit`]; I/O.
    pub fn learn(files: &[PathBuf], how: &Learn, budget: &Budget) -> Result<Self> {
        let on = |file: &Path, e: Error| match e {
            Error::Usage(what) => Error::Usage(format!("{}: {what}", file.display())),
            Error::Format(what) => Error::Format(format!("{}: {what}", file.display()).into()),
            Error::Io(e) => Error::Io(std::io::Error::new(
                e.kind(),
                format!("{}: {e}", file.display()),
            )),
            e => e,
        };
        let Some((first, others)) = files.split_first() else {
            return Err(Error::Usage("no files to learn from".into()));
        };
        let form = Self::form(first, files, how, &mut budget.share()).map_err(|e| on(first, e))?;
        let schema = Self(form);
        schema.check()?;
        for file in others {
            let source = Source::open(file);
            source
                .and_then(|s| schema.reader(s, None, budget.share()))
                .map_err(|e| on(file, e))?;
        }
        Ok(schema)
    }

    fn form(first: &Path, files: &[PathBuf], how: &Learn, budget: &mut Budget) -> Result<Form> {
        let (head, _) = match Source::open(first)? {
            Source::Folder(folder) => {
                let names = images::names(&folder, budget)?;
                let name = names.first().map_or("", String::as_str);
                return Ok(Form::Png(images::read(&folder.join(name), budget)?.0));
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
        #[cfg(not(feature = "parquet"))]
        if head.starts_with(b"PAR1") {
            return Err(no_parquet());
        }
        #[cfg(feature = "parquet")]
        if head.starts_with(b"PAR1") {
            return Ok(Form::Parquet(crate::records::parquet::Parquet::learn(
                files, budget,
            )?));
        }
        let known = [
            (
                &b"\xFF\xFE"[..],
                "text in UTF-16; iconv -f UTF-16 -t UTF-8 makes a table of it",
            ),
            (
                b"\xFE\xFF",
                "text in UTF-16; iconv -f UTF-16 -t UTF-8 makes a table of it",
            ),
            (
                b"\x1F\x8B",
                "compressed by gzip; gunzip gives what is in it",
            ),
        ];
        if let Some((_, what)) = known.iter().find(|(start, _)| head.starts_with(start)) {
            return Err(Error::Usage((*what).into()));
        }
        if Table::may_be(&head) {
            let open = |i: usize| {
                let file = files.get(i).map_or(first, PathBuf::as_path);
                match Source::open(file)? {
                    Source::Stream { head, bytes } => Ok((head, bytes)),
                    Source::Folder(_) => Err(Error::Usage("a folder among tables".into())),
                }
            };
            return Ok(Form::Table(Table::learn(
                files.len(),
                &how.text,
                open,
                budget,
            )?));
        }
        Err(Error::Usage(
            "neither IDX, a table with a header, nor a folder of PNGs; a raw file's records need a length"
                .into(),
        ))
    }

    /// From a model file's JSON.
    ///
    /// # Errors
    /// [`Error::Model`] where it is no schema, [`Error::Unsupported`] for one of Parquet in a build without it.
    pub fn from_json(json: &str) -> Result<Self> {
        #[cfg(not(feature = "parquet"))]
        if json.trim_start().starts_with("{\"parquet\"") {
            return Err(no_parquet());
        }
        let schema: Self = serde_json::from_str(json)
            .map_err(|e| Error::Model(format!("what the records mean: {e}").into()))?;
        schema
            .check()
            .map_err(|e| Error::Model(e.to_string().into()))?;
        Ok(schema)
    }

    /// As JSON, for a model file.
    ///
    /// # Errors
    /// [`Error::Model`] never.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(&self.0).map_err(|e| Error::Model(e.to_string().into()))
    }

    fn check(&self) -> Result<()> {
        let sound = match &self.0 {
            Form::Idx(idx) => idx.length().is_some() && idx.shape.len() < 255,
            Form::Raw { length } => (1..=LONGEST).contains(&u64::from(*length)),
            Form::Png(image) => {
                (1..=4).contains(&image.channels) && (1..=LONGEST).contains(&image.samples())
            }
            Form::Table(table) => table.is_sound(),
            #[cfg(feature = "parquet")]
            Form::Parquet(parquet) => parquet.is_sound(),
        };
        if sound {
            Ok(())
        } else {
            Err(Error::Usage(format!("{self}: too long, empty or nested")))
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
                    let rest = c.alphabets().len().saturating_sub(1);
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
                        _ => format!("{} ({})", c.name(), i.saturating_add(1)),
                    })
                })
                .collect(),
            None => {
                let name = |i: usize| match self.image() {
                    Some(image) => {
                        // A sound image has neither without a sample.
                        let (w, n) = (image.width.max(1) as usize, image.channels.max(1).into());
                        let part = |i: usize, n: usize| {
                            let whole = i.checked_div(n).unwrap_or(0);
                            (whole, i.saturating_sub(whole.saturating_mul(n)))
                        };
                        let (pixel, c) = part(i, n);
                        let (y, x) = part(pixel, w);
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

    /// Number and variables of the column, or of the byte, with this name; of a column also by its number from 1.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none.
    pub fn column(&self, name: &str) -> Result<(usize, Range<usize>)> {
        let none = || Error::Usage(format!("no column {name:?}"));
        if let Some(columns) = self.columns() {
            // By its name, or where none has it by its number from 1.
            let named = columns.iter().any(|c| c.name() == name);
            let number = name.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
            let mut at = 0usize;
            for (i, c) in columns.iter().enumerate() {
                let end = at.saturating_add(c.alphabets().len());
                let here = match named {
                    true => c.name() == name,
                    false => Some(i) == number,
                };
                if here {
                    return Ok((i, at..end));
                }
                at = end;
            }
            return Err(none());
        }
        let i = self.names().iter().position(|n| n == name);
        i.map(|i| (i, i..i.saturating_add(1))).ok_or_else(none)
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

    /// Where the header of a file counts its records, as four bytes, most significant first.
    pub(crate) const fn count_at(&self) -> Option<u64> {
        match self.0 {
            Form::Idx(_) => Some(4),
            _ => None,
        }
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
    /// alphabet's size as value. What the file makes the reader hold, and the rows of a call, are charged to `budget`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a file of another schema, [`Error::Limit`]; I/O.
    pub fn reader(
        &self,
        source: Source,
        missing: Option<&str>,
        budget: Budget,
    ) -> Result<Box<dyn Reader>> {
        let other = |what: &dyn fmt::Display| Error::Usage(format!("{what}, not {self}"));
        let (head, bytes) = match (source, &self.0) {
            (Source::Folder(folder), Form::Png(image)) => {
                return Ok(Box::new(FolderReader::new(folder, *image, budget)?));
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
                let reader = FixedReader::new(bytes, header, self.bytes(), Some(count), budget)?;
                Ok(Box::new(reader))
            }
            Form::Raw { .. } => {
                let reader = FixedReader::new(bytes, 0, self.bytes(), None, budget)?;
                Ok(Box::new(reader))
            }
            Form::Table(table) => {
                let missing = missing.map(|m| m.as_bytes().to_vec());
                Ok(Box::new(table.reader(bytes, missing, budget)?))
            }
            Form::Png(_) => Err(other(&"a file")),
            #[cfg(feature = "parquet")]
            Form::Parquet(parquet) => {
                let missing = missing.map(|m| m.as_bytes().to_vec());
                Ok(Box::new(parquet.reader(bytes, missing, budget)?))
            }
        }
    }

    /// A file of rows. What a writer holds of them is a part of `budget`.
    ///
    /// # Errors
    /// [`Error::Format`] for extras that no file has; [`Error::Usage`] for a folder; I/O.
    #[cfg_attr(not(feature = "parquet"), allow(unused_variables))]
    pub fn writer<'a>(
        &self,
        out: impl Write + Send + 'a,
        rows: FileOfRows<'_>,
        budget: &Budget,
    ) -> Result<Box<dyn Writer + 'a>> {
        let FileOfRows {
            records,
            extras,
            only,
            part,
        } = rows;
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
            Form::Table(table) => Box::new(table.writer(out, extras, only, part)?),
            Form::Png(_) => return Err(Error::Usage("images go into a folder".into())),
            #[cfg(feature = "parquet")]
            Form::Parquet(parquet) => Box::new(parquet.writer(out, extras, only, budget)?),
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
        png::write(out, image, samples)
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
