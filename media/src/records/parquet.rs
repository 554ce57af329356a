//! Parquet files of flat columns. What comes back has the same schema and values, but is another
//! writer's file: pages, statistics and free metadata are not kept.
//!
//! A value is a cell as in a text table: nothing where it is null, numbers in decimal, bytes with a
//! quote in front, or, where one of them is zero, `x` and hexadecimal digits.

mod pages;
#[cfg(test)]
mod tests;
mod thrift;

use std::io::{Read, Write};
use std::sync::Arc;

use ::parquet::basic::{Compression, Repetition, Type as Physical, ZstdLevel};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl, get_column_reader};
use ::parquet::column::writer::{ColumnWriter, ColumnWriterImpl};
use ::parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use ::parquet::schema::printer::print_schema;
use ::parquet::schema::types::{ColumnDescriptor, SchemaDescriptor, Type, TypePtr};
use bytes::Bytes;
use nc_core::guard::caught;
use nc_core::{Budget, Error, Records, RecordsBuf, Result, Text};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::records::column::{Column, Learner};
use crate::records::{Reader, Source, Writer};
use pages::Checked;

/// Rows of a row group that is written.
const GROUP: usize = 1 << 16;
/// Bytes of cells that a row group is written at, whatever its rows, and the part of a budget that they are at most:
/// they are there as cells, as values and as pages.
const GROUP_BYTES: u64 = 1 << 26;
const GROUP_PART: u64 = 8;
/// Rows that are learnt from at once.
const ROWS: usize = 1 << 12;
/// Bytes that a cell takes beside its own, and a value of which it is made.
const CELL: u64 = 48;
const VALUE: u64 = 48;

/// What a model file says of a Parquet file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parquet {
    /// The schema in Parquet's own notation.
    message: String,
    columns: Vec<Column>,
}

fn usage(e: impl std::fmt::Display) -> Error {
    Error::Usage(format!("Parquet: {e}"))
}

fn damaged(e: impl std::fmt::Display) -> Error {
    Error::Format(format!("Parquet: {e}").into())
}

fn fault(e: ParquetError) -> Error {
    match e {
        ParquetError::External(e) => Error::Io(std::io::Error::other(e)),
        e => damaged(e),
    }
}

fn message(schema: &Type) -> Result<String> {
    let mut out = Vec::new();
    print_schema(&mut out, schema);
    String::from_utf8(out).map_err(damaged)
}

/// A file in memory.
struct Opened {
    bytes: Bytes,
    file: SerializedFileReader<Bytes>,
    message: String,
}

/// Runs the crate's decoders: some damaged files make them panic, which is an error like others here.
fn unwound<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(work).unwrap_or_else(|| Err(damaged("a damaged file")))
}

impl Opened {
    /// The file's bytes, and what is made of its footer, are charged to `budget`.
    fn new(bytes: Box<dyn Read + Send>, budget: &mut Budget) -> Result<Self> {
        let bytes = Bytes::from(budget.read(bytes, u64::MAX)?);
        thrift::footer(&bytes, budget)?;
        let read = bytes.clone();
        let file = unwound(|| SerializedFileReader::new(read).map_err(damaged))?;
        let schema = file.metadata().file_metadata().schema_descr();
        for c in schema.columns() {
            let flat = c.max_rep_level() == 0 && c.path().parts().len() == 1;
            if !flat || c.physical_type() == Physical::INT96 {
                return Err(usage(format_args!(
                    "column {} is nested, repeated or of 96 bits",
                    c.name()
                )));
            }
        }
        let message = message(schema.root_schema())?;
        Ok(Self {
            bytes,
            file,
            message,
        })
    }

    fn names(&self) -> Vec<String> {
        let schema = self.file.metadata().file_metadata().schema_descr();
        schema
            .columns()
            .iter()
            .map(|c| c.name().to_owned())
            .collect()
    }

    /// A row group, of which nothing has been read; none after the last. Its pages are charged to `budget`.
    fn group(&self, i: usize, budget: &mut Budget) -> Result<Option<Group>> {
        unwound(|| self.opened(i, budget))
    }

    fn opened(&self, i: usize, budget: &mut Budget) -> Result<Option<Group>> {
        if i >= self.file.num_row_groups() {
            return Ok(None);
        }
        let group = self.file.get_row_group(i).map_err(damaged)?;
        let rows = usize::try_from(group.metadata().num_rows()).map_err(damaged)?;
        let before = budget.left();
        let mut columns = Vec::new();
        for c in 0..group.num_columns() {
            let column = group.metadata().column(c);
            let optional = column.column_descr().max_def_level() > 0;
            let (start, length) = column.byte_range();
            let range = usize::try_from(start)
                .ok()
                .zip(usize::try_from(start.saturating_add(length)).ok());
            let range = range.and_then(|(from, to)| self.bytes.get(from..to));
            let range = range.ok_or_else(|| damaged("a column beyond the end of the file"))?;
            pages::charge(range, column.compression(), budget)?;
            let checked = Checked {
                pages: group.get_column_page_reader(c).map_err(damaged)?,
                optional,
            };
            let reader = get_column_reader(column.column_descr_ptr(), Box::new(checked));
            columns.push((reader, optional));
        }
        let held = before.saturating_sub(budget.left());
        Ok(Some(Group {
            columns,
            rows,
            held,
        }))
    }
}

/// A row group that is being read.
struct Group {
    /// Its columns, and whether their values may be null.
    columns: Vec<(ColumnReader, bool)>,
    /// Rows that are left.
    rows: usize,
    /// Charged for it.
    held: u64,
}

impl Group {
    /// Cells of the next rows, at most `most`, column by column; none after the last.
    fn next(&mut self, most: usize, budget: &mut Budget) -> Result<Option<Vec<Vec<Vec<u8>>>>> {
        let rows = self.rows.min(most);
        if rows == 0 || self.columns.is_empty() {
            return Ok(None);
        }
        self.rows = self.rows.saturating_sub(rows);
        let columns = self.columns.iter_mut();
        unwound(|| columns.map(|c| decoded(c, rows, budget)).collect()).map(Some)
    }
}

fn decoded(
    (reader, optional): &mut (ColumnReader, bool),
    rows: usize,
    budget: &mut Budget,
) -> Result<Vec<Vec<u8>>> {
    let how = (rows, *optional, budget);
    match reader {
        ColumnReader::BoolColumnReader(r) => cells(r, how, text),
        ColumnReader::Int32ColumnReader(r) => cells(r, how, text),
        ColumnReader::Int64ColumnReader(r) => cells(r, how, text),
        // Digits enough to give the same float again.
        ColumnReader::FloatColumnReader(r) => cells(r, how, |x| format!("{x:?}").into_bytes()),
        ColumnReader::DoubleColumnReader(r) => cells(r, how, |x| format!("{x:?}").into_bytes()),
        ColumnReader::ByteArrayColumnReader(r) => cells(r, how, |x| quoted(x.data())),
        ColumnReader::FixedLenByteArrayColumnReader(r) => cells(r, how, |x| quoted(x.data())),
        ColumnReader::Int96ColumnReader(_) => Err(usage("numbers of 96 bits")),
    }
}

fn text(x: &impl ToString) -> Vec<u8> {
    x.to_string().into_bytes()
}

fn quoted(bytes: &[u8]) -> Vec<u8> {
    if bytes.contains(&0) {
        let hex = bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes());
        return std::iter::once(b'x').chain(hex).collect();
    }
    std::iter::once(b'"').chain(bytes.iter().copied()).collect()
}

fn unquoted(cell: &[u8]) -> Option<Vec<u8>> {
    match cell.split_first()? {
        (b'"', rest) => Some(rest.to_vec()),
        (b'x', hex) if hex.len().is_multiple_of(2) => hex
            .chunks_exact(2)
            .map(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok())
            .collect(),
        _ => None,
    }
}

fn cells<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    (rows, optional, budget): (usize, bool, &mut Budget),
    write: impl Fn(&T::T) -> Vec<u8>,
) -> Result<Vec<Vec<u8>>> {
    let room = (rows as u64).saturating_mul(VALUE);
    budget.charge(room)?;
    let (mut values, mut levels, mut read) = (Vec::new(), Vec::new(), 0usize);
    while read < rows {
        let defined = optional.then_some(&mut levels);
        let (n, _, _) = reader
            .read_records(rows.saturating_sub(read), defined, None, &mut values)
            .map_err(damaged)?;
        if n == 0 {
            return Err(damaged("a column that ends early"));
        }
        read = read.saturating_add(n);
    }
    let mut cell = |x: &T::T| {
        let cell = write(x);
        budget.charge((cell.len() as u64).saturating_add(CELL))?;
        Ok(cell)
    };
    let mut values = values.iter();
    let cells = if optional {
        let cell = |level: &i16| match level {
            0 => Ok(Vec::new()),
            _ => cell(values.next().ok_or_else(|| damaged("a value is missing"))?),
        };
        levels.iter().map(cell).collect::<Result<_>>()?
    } else {
        values.map(cell).collect::<Result<_>>()?
    };
    budget.release(room);
    Ok(cells)
}

impl Parquet {
    /// What the columns of files hold. Each file, and every distinct cell of a column, are charged to `budget`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a file that is not flat, or files of different schemas, [`Error::Format`] for what is damaged,
    /// [`Error::Limit`]; I/O.
    pub fn learn(files: &[std::path::PathBuf], budget: &mut Budget) -> Result<Self> {
        let mut learnt: Option<(String, Vec<String>, Vec<Learner>)> = None;
        for file in files {
            let Source::Stream { bytes, .. } = Source::open(file)? else {
                return Err(usage("a folder among files"));
            };
            let before = budget.left();
            let opened = Opened::new(bytes, budget)?;
            let file = before.saturating_sub(budget.left());
            let names = opened.names();
            let (message, _, learners) = learnt.get_or_insert_with(|| {
                let learners = names.iter().map(|_| Learner::default()).collect();
                (opened.message.clone(), names, learners)
            });
            if *message != opened.message {
                return Err(usage("another schema than the first file's"));
            }
            for i in 0.. {
                let Some(mut group) = opened.group(i, budget)? else {
                    break;
                };
                while let Some(columns) = group.next(ROWS, &mut budget.share())? {
                    for (cells, learner) in columns.iter().zip(learners.iter_mut()) {
                        cells.iter().try_for_each(|c| learner.see(c, budget))?;
                    }
                }
                budget.release(group.held);
            }
            budget.release(file);
        }
        let (message, names, learners) = learnt.ok_or_else(|| usage("no files"))?;
        let columns = learners.into_iter().zip(names);
        let columns = columns.map(|(l, name)| l.finish(name, budget));
        Ok(Self {
            message,
            columns: columns.collect::<Result<_>>()?,
        })
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Rows of a file, which is charged to `budget`.
    ///
    /// # Errors
    /// [`Error::Usage`] for a file of another schema, [`Error::Format`] for a damaged one, [`Error::Limit`]; I/O.
    pub fn reader(
        &self,
        bytes: Box<dyn Read + Send>,
        missing: Option<Vec<u8>>,
        mut budget: Budget,
    ) -> Result<ParquetReader> {
        let file = Opened::new(bytes, &mut budget)?;
        if file.message != self.message {
            return Err(usage("another schema than the model's"));
        }
        Ok(ParquetReader {
            file,
            columns: self.columns.clone(),
            missing,
            next: 0,
            group: None,
            budget,
        })
    }

    /// Whether the schema may be one: what parses it goes as deep as its braces.
    pub fn is_flat(&self) -> bool {
        self.message.matches('{').count() == 1
    }

    /// A file of rows; with `only` of these columns alone. A row group is a part of `budget` at most.
    ///
    /// # Errors
    /// [`Error::Model`] for a schema that is none; I/O.
    pub fn writer<W: Write + Send>(
        &self,
        out: W,
        only: Option<&[usize]>,
        budget: &Budget,
    ) -> Result<ParquetWriter<W>> {
        let wrong = |e: &dyn std::fmt::Display| Error::Model(format!("Parquet: {e}").into());
        if !self.is_flat() {
            return Err(wrong(&"nested columns"));
        }
        let whole = parse_message_type(&self.message).map_err(|e| wrong(&e))?;
        if whole.get_fields().len() != self.columns.len() {
            return Err(wrong(&"columns that do not fit"));
        }
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let only = only.unwrap_or(&all).to_vec();
        let fields: Option<Vec<TypePtr>> = only
            .iter()
            .map(|c| whole.get_fields().get(*c).cloned())
            .collect();
        let fields = fields.ok_or_else(|| wrong(&"columns that do not fit"))?;
        let schema = Type::group_type_builder(whole.name())
            .with_fields(fields)
            .build()
            .map_err(|e| wrong(&e))?;
        let schema = Arc::new(schema);
        let types = SchemaDescriptor::new(schema.clone());
        if types.num_columns() != only.len() {
            return Err(wrong(&"nested columns"));
        }
        let level = ZstdLevel::try_new(9).map_err(|e| wrong(&e))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .build();
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(fault)?;
        Ok(ParquetWriter {
            columns: self.columns.clone(),
            group: Rows {
                file,
                cells: vec![Vec::new(); only.len()],
                bytes: 0,
                most: GROUP_BYTES.min(budget.left() / GROUP_PART),
                types,
            },
            only,
        })
    }
}

/// Reads the rows of a Parquet file.
pub struct ParquetReader {
    file: Opened,
    columns: Vec<Column>,
    missing: Option<Vec<u8>>,
    /// Number of the next row group, and the one at hand.
    next: usize,
    group: Option<Group>,
    budget: Budget,
}

impl ParquetReader {
    /// Cells of the next rows, column by column; they are charged to `budget`, their row group to the reader's.
    fn cells(&mut self, rows: usize, budget: &mut Budget) -> Result<Option<Vec<Vec<Vec<u8>>>>> {
        loop {
            if let Some(group) = &mut self.group
                && let Some(cells) = group.next(rows, budget)?
            {
                return Ok(Some(cells));
            }
            self.budget.release(self.group.take().map_or(0, |g| g.held));
            self.group = self.file.group(self.next, &mut self.budget)?;
            *budget = self.budget.share();
            self.next = self.next.saturating_add(1);
            if self.group.is_none() {
                return Ok(None);
            }
        }
    }
}

impl Reader for ParquetReader {
    fn next(&mut self, rows: usize) -> Result<Option<RecordsBuf>> {
        let mut budget = self.budget.share();
        let Some(cells) = self.cells(rows, &mut budget)? else {
            return Ok(None);
        };
        let n = cells.first().map_or(0, Vec::len);
        let width: usize = self.columns.iter().map(|c| c.alphabets().len()).sum();
        // Values are pushed, which may leave as much room again.
        budget.charge((n as u64).saturating_mul(width as u64).saturating_mul(4))?;
        let (mut values, mut texts) = (Vec::new(), Vec::new());
        for row in 0..n {
            for (column, cells) in self.columns.iter().zip(&cells) {
                let cell = cells
                    .get(row)
                    .ok_or_else(|| damaged("columns of uneven length"))?;
                let text = column.read(cell, self.missing.as_deref(), &mut values);
                if text {
                    budget.charge((cell.len() as u64).saturating_add(CELL))?;
                    texts.push(Text {
                        row,
                        bytes: cell.clone(),
                    });
                }
            }
        }
        let values = Array2::from_shape_vec((n, width), values).map_err(usage)?;
        Ok(Some(RecordsBuf { values, texts }))
    }

    fn extras(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// Writes the rows of a Parquet file.
pub struct ParquetWriter<W: Write + Send> {
    columns: Vec<Column>,
    only: Vec<usize>,
    group: Rows<W>,
}

/// The row group at hand.
struct Rows<W: Write + Send> {
    file: SerializedFileWriter<W>,
    types: SchemaDescriptor,
    /// Cells of each column that is written; bytes of all, and at most.
    cells: Vec<Vec<Vec<u8>>>,
    bytes: u64,
    most: u64,
}

/// Writes cells through a column's writer.
fn put<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    cells: &[Vec<u8>],
    optional: bool,
    read: impl Fn(&[u8]) -> Option<T::T>,
) -> Result<()> {
    let wrong = || Error::Format("Parquet: a value of another type".into());
    let known = cells.iter().filter(|c| !optional || !c.is_empty());
    let values: Option<Vec<T::T>> = known.map(|c| read(c)).collect();
    let values = values.ok_or_else(wrong)?;
    let levels: Vec<i16> = cells.iter().map(|c| i16::from(!c.is_empty())).collect();
    writer
        .write_batch(&values, optional.then_some(&levels[..]), None)
        .map_err(fault)?;
    Ok(())
}

fn parse<T: std::str::FromStr>(cell: &[u8]) -> Option<T> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

impl<W: Write + Send> Rows<W> {
    /// Takes some cells of a row.
    fn push<'a>(&mut self, row: impl Iterator<Item = &'a [u8]>) -> Result<()> {
        for (out, cell) in self.cells.iter_mut().zip(row) {
            let held = (cell.len() as u64).saturating_add(CELL);
            self.bytes = self.bytes.saturating_add(held);
            out.push(cell.to_vec());
        }
        let full = self.cells.first().is_some_and(|c| c.len() >= GROUP);
        if full || self.bytes >= self.most {
            return self.flush();
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.cells.first().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let mut group = self.file.next_row_group().map_err(fault)?;
        for (i, cells) in self.cells.iter_mut().enumerate() {
            let column: &ColumnDescriptor = &self.types.column(i);
            let optional = column.self_type().get_basic_info().repetition() == Repetition::OPTIONAL;
            let width = usize::try_from(column.type_length()).unwrap_or(0);
            let fixed = |c: &[u8]| unquoted(c).filter(|b| b.len() == width);
            let mut writer = group
                .next_column()
                .map_err(fault)?
                .ok_or_else(|| Error::Format("Parquet: too few columns".into()))?;
            match writer.untyped() {
                ColumnWriter::BoolColumnWriter(w) => put(w, cells, optional, parse),
                ColumnWriter::Int32ColumnWriter(w) => put(w, cells, optional, parse),
                ColumnWriter::Int64ColumnWriter(w) => put(w, cells, optional, parse),
                ColumnWriter::FloatColumnWriter(w) => put(w, cells, optional, parse),
                ColumnWriter::DoubleColumnWriter(w) => put(w, cells, optional, parse),
                ColumnWriter::ByteArrayColumnWriter(w) => {
                    put(w, cells, optional, |c| unquoted(c).map(ByteArray::from))
                }
                ColumnWriter::FixedLenByteArrayColumnWriter(w) => put(w, cells, optional, |c| {
                    fixed(c).map(|b| FixedLenByteArray::from(ByteArray::from(b)))
                }),
                ColumnWriter::Int96ColumnWriter(_) => {
                    Err(Error::Format("Parquet: numbers of 96 bits".into()))
                }
            }?;
            writer.close().map_err(fault)?;
            cells.clear();
        }
        group.close().map_err(fault)?;
        self.bytes = 0;
        Ok(())
    }
}

impl<W: Write + Send> Writer for ParquetWriter<W> {
    fn write(&mut self, records: Records<'_>) -> Result<()> {
        let (only, group) = (&self.only, &mut self.group);
        Column::write_rows(&self.columns, records, |row, at| {
            let cell = |c: &usize| at.get(*c).and_then(|range| row.get(range.clone()));
            group.push(only.iter().map(|c| cell(c).unwrap_or_default()))
        })
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        self.group.flush()?;
        self.group.file.finish().map_err(fault)?;
        Ok(self.group.file.bytes_written() as u64)
    }
}
