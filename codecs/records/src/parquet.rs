//! Parquet files of flat columns. What comes back has the same schema and values, but is another
//! writer's file: pages, statistics and free metadata are not kept.
//!
//! A value is a cell as in a text table: nothing where it is null, numbers in decimal, bytes with a
//! quote in front, or, where one of them is zero, `x` and hexadecimal digits.

use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ::parquet::basic::{Compression, Repetition, Type as Physical, ZstdLevel};
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
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
use nc::{Error, Records, RecordsBuf, Result, Text};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::column::{Column, Learner};
use crate::schema::slurp;
use crate::{Reader, Source, Writer};

/// Rows of a row group that is written.
const GROUP: usize = 1 << 16;

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

fn fault(e: ParquetError) -> Error {
    match e {
        ParquetError::External(e) => Error::Io(std::io::Error::other(e)),
        e => Error::Format(format!("Parquet: {e}")),
    }
}

fn message(schema: &Type) -> Result<String> {
    let mut out = Vec::new();
    print_schema(&mut out, schema);
    String::from_utf8(out).map_err(usage)
}

/// A file in memory.
struct Opened {
    file: SerializedFileReader<Bytes>,
    message: String,
}

/// Runs the crate's decoders: some damaged files make them panic, which is an error like others here.
fn unwound<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(usage("a damaged file")))
}

impl Opened {
    fn new(bytes: Box<dyn Read + Send>) -> Result<Self> {
        let bytes = Bytes::from(slurp(bytes)?);
        let file = unwound(|| SerializedFileReader::new(bytes).map_err(usage))?;
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
        Ok(Self { file, message })
    }

    fn names(&self) -> Vec<String> {
        let schema = self.file.metadata().file_metadata().schema_descr();
        schema
            .columns()
            .iter()
            .map(|c| c.name().to_owned())
            .collect()
    }

    /// Columns of cells of a row group; none after the last.
    fn group(&self, i: usize) -> Result<Option<Vec<Vec<Vec<u8>>>>> {
        unwound(|| self.decoded(i))
    }

    fn decoded(&self, i: usize) -> Result<Option<Vec<Vec<Vec<u8>>>>> {
        if i >= self.file.num_row_groups() {
            return Ok(None);
        }
        let group = self.file.get_row_group(i).map_err(usage)?;
        let rows = usize::try_from(group.metadata().num_rows()).map_err(usage)?;
        let mut columns = Vec::new();
        for c in 0..group.num_columns() {
            let optional = group.metadata().column(c).column_descr().max_def_level() > 0;
            let reader = group.get_column_reader(c).map_err(usage)?;
            let cells = match reader {
                ColumnReader::BoolColumnReader(r) => cells(r, rows, optional, text),
                ColumnReader::Int32ColumnReader(r) => cells(r, rows, optional, text),
                ColumnReader::Int64ColumnReader(r) => cells(r, rows, optional, text),
                // Digits enough to give the same float again.
                ColumnReader::FloatColumnReader(r) => {
                    cells(r, rows, optional, |x| format!("{x:?}").into_bytes())
                }
                ColumnReader::DoubleColumnReader(r) => {
                    cells(r, rows, optional, |x| format!("{x:?}").into_bytes())
                }
                ColumnReader::ByteArrayColumnReader(r) => {
                    cells(r, rows, optional, |x| quoted(x.data()))
                }
                ColumnReader::FixedLenByteArrayColumnReader(r) => {
                    cells(r, rows, optional, |x| quoted(x.data()))
                }
                ColumnReader::Int96ColumnReader(_) => Err(usage("numbers of 96 bits")),
            };
            columns.push(cells?);
        }
        Ok(Some(columns))
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
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    optional: bool,
    write: impl Fn(&T::T) -> Vec<u8>,
) -> Result<Vec<Vec<u8>>> {
    let (mut values, mut levels, mut read) = (Vec::new(), Vec::new(), 0);
    while read < rows {
        let defined = optional.then_some(&mut levels);
        let (n, _, _) = reader
            .read_records(rows - read, defined, None, &mut values)
            .map_err(usage)?;
        if n == 0 {
            return Err(usage("a column that ends early"));
        }
        read += n;
    }
    let mut values = values.iter();
    if !optional {
        return Ok(values.map(write).collect());
    }
    let cell = |level: &i16| match level {
        0 => Ok(Vec::new()),
        _ => values
            .next()
            .map(&write)
            .ok_or_else(|| usage("a value is missing")),
    };
    levels.iter().map(cell).collect()
}

impl Parquet {
    /// What the columns of files hold.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is no flat Parquet file, or files of different schemas; I/O.
    pub fn learn(files: &[std::path::PathBuf]) -> Result<Self> {
        let mut learnt: Option<(String, Vec<String>, Vec<Learner>)> = None;
        for file in files {
            let Source::Stream { bytes, .. } = Source::open(file)? else {
                return Err(usage("a folder among files"));
            };
            let opened = Opened::new(bytes)?;
            let names = opened.names();
            let (message, _, learners) = learnt.get_or_insert_with(|| {
                let learners = names.iter().map(|_| Learner::default()).collect();
                (opened.message.clone(), names, learners)
            });
            if *message != opened.message {
                return Err(usage("another schema than the first file's"));
            }
            let mut i = 0;
            while let Some(columns) = opened.group(i)? {
                for (cells, learner) in columns.iter().zip(learners.iter_mut()) {
                    cells.iter().for_each(|c| learner.see(c));
                }
                i += 1;
            }
        }
        let (message, names, learners) = learnt.ok_or_else(|| usage("no files"))?;
        let columns = learners.into_iter().zip(names);
        let columns = columns.map(|(l, name)| l.finish(name));
        Ok(Self {
            message,
            columns: columns.collect::<Result<_>>()?,
        })
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Rows of a file.
    ///
    /// # Errors
    /// [`Error::Usage`] for a file of another schema; I/O.
    pub fn reader(
        &self,
        bytes: Box<dyn Read + Send>,
        missing: Option<Vec<u8>>,
    ) -> Result<ParquetReader> {
        let file = Opened::new(bytes)?;
        if file.message != self.message {
            return Err(usage("another schema than the model's"));
        }
        Ok(ParquetReader {
            file,
            columns: self.columns.clone(),
            missing,
            group: 0,
            cells: Vec::new(),
            row: 0,
        })
    }

    /// A file of rows; with `only` of these columns alone.
    ///
    /// # Errors
    /// [`Error::Model`] for a schema that is none; I/O.
    pub fn writer<W: Write + Send>(
        &self,
        out: W,
        only: Option<&[usize]>,
    ) -> Result<ParquetWriter<W>> {
        let wrong = |e: &dyn std::fmt::Display| Error::Model(format!("Parquet: {e}"));
        let whole = parse_message_type(&self.message).map_err(|e| wrong(&e))?;
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
            file,
            cells: vec![Vec::new(); only.len()],
            columns: self.columns.clone(),
            only,
            types,
        })
    }
}

/// Reads the rows of a Parquet file.
pub struct ParquetReader {
    file: Opened,
    columns: Vec<Column>,
    missing: Option<Vec<u8>>,
    /// The next row group, the cells of the one at hand, and the next row in it.
    group: usize,
    cells: Vec<Vec<Vec<u8>>>,
    row: usize,
}

impl Reader for ParquetReader {
    fn next(&mut self, rows: usize) -> Result<Option<RecordsBuf>> {
        while self.row >= self.cells.first().map_or(0, Vec::len) {
            let Some(cells) = self.file.group(self.group)? else {
                return Ok(None);
            };
            (self.cells, self.row) = (cells, 0);
            self.group += 1;
        }
        let to = self
            .row
            .saturating_add(rows)
            .min(self.cells.first().map_or(0, Vec::len));
        let (mut values, mut texts) = (Vec::new(), Vec::new());
        for row in self.row..to {
            for (column, cells) in self.columns.iter().zip(&self.cells) {
                let cell = cells
                    .get(row)
                    .ok_or_else(|| usage("columns of uneven length"))?;
                let text = column.read(cell, self.missing.as_deref(), &mut values);
                if text {
                    texts.push(Text {
                        row: row - self.row,
                        bytes: cell.clone(),
                    });
                }
            }
        }
        let n = to - self.row;
        self.row = to;
        let values = Array2::from_shape_vec((n, values.len() / n.max(1)), values).map_err(usage)?;
        Ok(Some(RecordsBuf { values, texts }))
    }

    fn extras(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// Writes the rows of a Parquet file.
pub struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Column>,
    only: Vec<usize>,
    types: SchemaDescriptor,
    /// Of each column written, the cells of the row group at hand.
    cells: Vec<Vec<Vec<u8>>>,
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

impl<W: Write + Send> ParquetWriter<W> {
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
        Ok(())
    }
}

impl<W: Write + Send> Writer for ParquetWriter<W> {
    fn write(&mut self, records: Records<'_>) -> Result<()> {
        let only = self.only.clone();
        let cells = &mut self.cells;
        let mut full = false;
        Column::write_rows(&self.columns, records, |row, at| {
            for (out, c) in cells.iter_mut().zip(&only) {
                let range = at.get(*c).cloned().unwrap_or_default();
                out.push(row[range].to_vec());
            }
            full |= cells.first().is_some_and(|c| c.len() >= GROUP);
        })?;
        if full { self.flush() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        self.flush()?;
        self.file.finish().map_err(fault)?;
        Ok(self.file.bytes_written() as u64)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ::parquet::data_type::{ByteArrayType, DoubleType, Int32Type};
    use ::parquet::record::RowAccessor;

    /// Ids, doubles some of which are null, words, and three bytes each.
    fn file(folder: &std::path::Path) -> std::path::PathBuf {
        let message = "message m { REQUIRED INT32 id; OPTIONAL DOUBLE x; \
                       OPTIONAL BYTE_ARRAY word (UTF8); REQUIRED FIXED_LEN_BYTE_ARRAY (3) b; }";
        let schema = Arc::new(parse_message_type(message).unwrap());
        let path = folder.join("a.parquet");
        let out = std::fs::File::create(&path).unwrap();
        let mut w = SerializedFileWriter::new(out, schema, Arc::default()).unwrap();
        for g in 0..2 {
            let mut group = w.next_row_group().unwrap();
            let mut c = group.next_column().unwrap().unwrap();
            let ids: Vec<i32> = (0..100).map(|i| i * 7 - 50 + g).collect();
            c.typed::<Int32Type>()
                .write_batch(&ids, None, None)
                .unwrap();
            c.close().unwrap();
            let mut c = group.next_column().unwrap().unwrap();
            let levels: Vec<i16> = (0..100).map(|i| i16::from(i % 3 > 0)).collect();
            let n = levels.iter().filter(|l| **l > 0).count();
            let xs: Vec<f64> = (0..n)
                .map(|i| [0.1, -0.0, 1e300, f64::INFINITY][i % 4])
                .collect();
            let typed = c.typed::<DoubleType>();
            typed.write_batch(&xs, Some(&levels), None).unwrap();
            c.close().unwrap();
            let mut c = group.next_column().unwrap().unwrap();
            let words: Vec<ByteArray> = (0..n).map(|i| ["a", "", "\u{e9}"][i % 3].into()).collect();
            let typed = c.typed::<ByteArrayType>();
            typed.write_batch(&words, Some(&levels), None).unwrap();
            c.close().unwrap();
            let mut c = group.next_column().unwrap().unwrap();
            let bytes: Vec<FixedLenByteArray> = (0..100u8)
                .map(|i| ByteArray::from(vec![i % 2, i, 9]).into())
                .collect();
            let typed = c.typed::<::parquet::data_type::FixedLenByteArrayType>();
            typed.write_batch(&bytes, None, None).unwrap();
            c.close().unwrap();
            group.close().unwrap();
        }
        w.close().unwrap();
        path
    }

    fn rows(bytes: Vec<u8>) -> Vec<String> {
        let file = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        let rows = file.get_row_iter(None).unwrap();
        rows.map(|r| r.unwrap().to_string()).collect()
    }

    #[test]
    fn schema_and_values_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        let parquet = Parquet::learn(std::slice::from_ref(&path)).unwrap();
        let json = serde_json::to_string(&parquet).unwrap();
        let parquet: Parquet = serde_json::from_str(&json).unwrap();
        let open = || Box::new(std::fs::File::open(&path).unwrap());
        let mut reader = parquet.reader(open(), None).unwrap();
        let mut out = Vec::new();
        let mut writer = Box::new(parquet.writer(&mut out, None).unwrap());
        while let Some(r) = reader.next(33).unwrap() {
            writer.write(r.view()).unwrap();
        }
        let n = writer.finish().unwrap();
        assert_eq!(n, out.len() as u64);
        let before = rows(std::fs::read(&path).unwrap());
        assert_eq!(before.len(), 200);
        assert_eq!(rows(out.clone()), before);
        let again = Opened::new(Box::new(std::io::Cursor::new(out))).unwrap();
        assert_eq!(again.message, parquet.message);

        // Some columns, in another order.
        let mut reader = parquet.reader(open(), None).unwrap();
        let mut out = Vec::new();
        let mut writer = Box::new(parquet.writer(&mut out, Some(&[2, 0])).unwrap());
        while let Some(r) = reader.next(1000).unwrap() {
            writer.write(r.view()).unwrap();
        }
        writer.finish().unwrap();
        let file = SerializedFileReader::new(Bytes::from(out)).unwrap();
        let first = file.get_row_iter(None).unwrap().nth(1).unwrap().unwrap();
        assert_eq!(
            (
                first.get_string(0).unwrap().as_str(),
                first.get_int(1).unwrap()
            ),
            ("a", -43)
        );
    }

    #[test]
    fn what_is_no_flat_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        let parquet = Parquet::learn(std::slice::from_ref(&path)).unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        for n in [0, 4, 100, bytes.len() - 1] {
            let cut = Box::new(std::io::Cursor::new(bytes[..n].to_vec()));
            assert!(parquet.reader(cut, None).is_err());
        }
        for i in (0..bytes.len()).step_by(7) {
            bytes[i] ^= 0x55;
            if let Ok(mut r) = parquet.reader(Box::new(std::io::Cursor::new(bytes.clone())), None) {
                while let Ok(Some(_)) = r.next(64) {}
            }
            bytes[i] ^= 0x55;
        }
    }
}
