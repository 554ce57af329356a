//! Parquet files. What comes back has the same schema, values and free metadata, but is another writer's file: pages and
//! statistics are not kept.
//!
//! Each leaf of the schema is a column; [`cells`] says how its values are cells.

mod cells;
mod pages;
mod said;
mod shape;
#[cfg(test)]
mod tests;
mod thrift;

use std::io::{Read, Write};
use std::sync::Arc;

use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::column::reader::{ColumnReader, get_column_reader};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::{ColumnDescriptor, SchemaDescriptor, TypePtr};
use bytes::Bytes;
use nc_core::guard::caught;
use nc_core::{Budget, Error, Records, RecordsBuf, Result, Text};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::records::column::{Column, Learner};
use crate::records::{Reader, Source, Writer};
use cells::{Levels, MOST_LEVEL, decoded, put_all};
use pages::Checked;
use said::Said;
use shape::{Leaf, Shape, leaves, pruned};

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
    #[serde(flatten)]
    shape: Shape,
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

/// A file in memory.
struct Opened {
    bytes: Bytes,
    file: SerializedFileReader<Bytes>,
    schema: TypePtr,
    leaves: Vec<Leaf>,
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
        let leaves = leaves(schema);
        if let Some(deep) = leaves.iter().find(|l| l.levels[0] > MOST_LEVEL) {
            return Err(usage(format_args!(
                "column {:?} is nested too deeply",
                deep.name()
            )));
        }
        let schema = schema.root_schema_ptr();
        Ok(Self {
            bytes,
            file,
            schema,
            leaves,
        })
    }

    fn names(&self) -> Vec<String> {
        self.leaves.iter().map(Leaf::name).collect()
    }

    /// Keys and values.
    fn metadata(&self) -> Vec<(String, Option<String>)> {
        let file = self.file.metadata().file_metadata();
        let all = file.key_value_metadata().map_or(&[][..], Vec::as_slice);
        all.iter()
            .map(|k| (k.key.clone(), k.value.clone()))
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
            let levels = levels_of(column.column_descr());
            let (start, length) = column.byte_range();
            let range = usize::try_from(start)
                .ok()
                .zip(usize::try_from(start.saturating_add(length)).ok());
            let range = range.and_then(|(from, to)| self.bytes.get(from..to));
            let range = range.ok_or_else(|| damaged("a column beyond the end of the file"))?;
            pages::charge(range, column.compression(), budget)?;
            let checked = Checked {
                pages: group.get_column_page_reader(c).map_err(damaged)?,
                levels,
            };
            let reader = get_column_reader(column.column_descr_ptr(), Box::new(checked));
            columns.push((reader, levels));
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
    /// Its columns, and how their values lie.
    columns: Vec<(ColumnReader, Levels)>,
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
        unwound(|| {
            columns
                .map(|(c, levels)| decoded(c, *levels, rows, budget))
                .collect()
        })
        .map(Some)
    }
}

/// How the values of a column lie.
fn levels_of(column: &ColumnDescriptor) -> Levels {
    Levels {
        most: column.max_def_level(),
        flat: column.max_rep_level() == 0 && column.path().parts().len() == 1,
        repeats: column.max_rep_level() > 0,
    }
}

/// Of each leaf of a model the place of the same in a file.
///
/// # Errors
/// [`Error::Usage`] where the file has not the same leaves, naming one that differs.
fn places(known: &[Leaf], found: &[Leaf]) -> Result<Vec<usize>> {
    // Several columns may have one name: the first is the first.
    let mut taken = vec![false; found.len()];
    let place = |leaf: &Leaf| {
        let mut free = found.iter().zip(&mut taken).enumerate();
        let same = free.find(|(_, (f, taken))| !**taken && f.is_as(leaf));
        let same = same.map(|(at, (_, taken))| {
            *taken = true;
            at
        });
        same.ok_or_else(|| {
            let name = leaf.name();
            usage(match found.iter().find(|f| f.path == leaf.path) {
                Some(other) => format!(
                    "column {name:?} is {}, and {} in the model",
                    other.kind(),
                    leaf.kind()
                ),
                None => format!("column {name:?} of the model is not in the file"),
            })
        })
    };
    let places: Vec<usize> = known.iter().map(place).collect::<Result<_>>()?;
    match (0..found.len()).find(|at| !places.contains(at)) {
        Some(at) => {
            let name = found.get(at).map(Leaf::name).unwrap_or_default();
            Err(usage(format!("column {name:?} is not in the model")))
        }
        None => Ok(places),
    }
}

/// What is known of the first file, and its columns as they are learnt.
type Learning = (Shape, Vec<Leaf>, Vec<String>, Vec<Learner>);

impl Parquet {
    /// What the columns of files hold. Each file, and every distinct cell of a column, are charged to `budget`.
    ///
    /// # Errors
    /// [`Error::Usage`] for files of different columns, [`Error::Format`] for what is damaged,
    /// [`Error::Limit`]; I/O.
    pub fn learn(files: &[std::path::PathBuf], budget: &mut Budget) -> Result<Self> {
        let mut learnt: Option<Learning> = None;
        for file in files {
            let Source::Stream { bytes, .. } = Source::open(file)? else {
                return Err(usage("a folder among files"));
            };
            let before = budget.left();
            let opened = Opened::new(bytes, budget)?;
            let file = before.saturating_sub(budget.left());
            let names = opened.names();
            if learnt.is_none() {
                let learners = names.iter().map(|_| Learner::default()).collect();
                let shape = Shape::of(&opened.schema)?;
                learnt = Some((shape, opened.leaves.clone(), names, learners));
            }
            let Some((_, known, _, learners)) = &mut learnt else {
                break;
            };
            let places = places(known, &opened.leaves)?;
            for i in 0.. {
                let Some(mut group) = opened.group(i, budget)? else {
                    break;
                };
                while let Some(columns) = group.next(ROWS, &mut budget.share())? {
                    for (place, learner) in places.iter().zip(learners.iter_mut()) {
                        let cells = columns.get(*place).map_or(&[][..], Vec::as_slice);
                        cells.iter().try_for_each(|c| learner.see(c, budget))?;
                    }
                }
                budget.release(group.held);
            }
            budget.release(file);
        }
        let (shape, _, names, learners) = learnt.ok_or_else(|| usage("no files"))?;
        let columns = learners.into_iter().zip(names);
        let columns = columns.map(|(l, name)| l.finish(name, budget));
        Ok(Self {
            shape,
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
        let schema = self.shape.schema()?;
        let known = leaves(&SchemaDescriptor::new(schema.clone()));
        Ok(ParquetReader {
            places: places(&known, &file.leaves)?,
            said: Said {
                shape: match schema == file.schema {
                    true => None,
                    false => Some(Shape::of(&file.schema)?),
                },
                metadata: file.metadata(),
            },
            file,
            columns: self.columns.clone(),
            missing,
            next: 0,
            group: None,
            budget,
        })
    }

    /// Whether the schema may be one.
    pub fn is_sound(&self) -> bool {
        self.shape.is_sound()
    }

    /// A file of rows; with `only` of these columns alone. A row group is a part of `budget` at most.
    ///
    /// # Errors
    /// [`Error::Model`] for a schema that is none, [`Error::Format`] for extras that no file has; I/O.
    pub fn writer<W: Write + Send>(
        &self,
        out: W,
        extras: &[u8],
        only: Option<&[usize]>,
        budget: &Budget,
    ) -> Result<ParquetWriter<W>> {
        let wrong = |e: &dyn std::fmt::Display| Error::Model(format!("Parquet: {e}").into());
        let said = Said::from_extras(extras)?;
        let model = self.shape.schema()?;
        let known = leaves(&SchemaDescriptor::new(model.clone()));
        if known.len() != self.columns.len() {
            return Err(wrong(&"columns that do not fit"));
        }
        let whole = match &said.shape {
            None => model,
            Some(shape) => shape.schema().map_err(damaged)?,
        };
        let types = SchemaDescriptor::new(whole.clone());
        let places = places(&known, &leaves(&types)).map_err(damaged)?;
        // Of each leaf of the file its column.
        let mut columns = vec![0; places.len()];
        for (column, place) in places.iter().enumerate() {
            if let Some(c) = columns.get_mut(*place) {
                *c = column;
            }
        }
        let mut schema = whole;
        let mut metadata = said.metadata;
        if let Some(only) = only {
            let wanted: Option<Vec<usize>> = only.iter().map(|c| places.get(*c).copied()).collect();
            let wanted = wanted.ok_or_else(|| wrong(&"columns that do not fit"))?;
            let flat = only
                .iter()
                .all(|c| known.get(*c).is_some_and(Leaf::is_flat));
            schema = match flat {
                // In the order asked for.
                true => {
                    let fields = wanted.iter().filter_map(|w| {
                        schema
                            .get_fields()
                            .get(types.get_column_root_idx(*w))
                            .cloned()
                    });
                    let builder = ::parquet::schema::types::Type::group_type_builder(schema.name());
                    Arc::new(
                        builder
                            .with_fields(fields.collect())
                            .build()
                            .map_err(|e| wrong(&e))?,
                    )
                }
                false => {
                    let left = pruned(&schema, &wanted, &mut 0)?;
                    Arc::new(left.ok_or_else(|| wrong(&"no column"))?)
                }
            };
            columns = match flat {
                true => only.to_vec(),
                false => {
                    let mut sorted = wanted;
                    sorted.sort_unstable();
                    sorted.dedup();
                    sorted
                        .iter()
                        .filter_map(|w| columns.get(*w).copied())
                        .collect()
                }
            };
            // These speak of all columns.
            metadata.retain(|(key, _)| key != "ARROW:schema" && key != "pandas");
        }
        let types = SchemaDescriptor::new(schema.clone());
        if types.num_columns() != columns.len() {
            return Err(wrong(&"columns that do not fit"));
        }
        let level = ZstdLevel::try_new(9).map_err(|e| wrong(&e))?;
        let metadata = metadata
            .into_iter()
            .map(|(key, value)| KeyValue { key, value });
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_key_value_metadata(Some(metadata.collect()))
            .build();
        let file = SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(fault)?;
        Ok(ParquetWriter {
            columns: self.columns.clone(),
            group: Rows {
                file,
                cells: vec![Vec::new(); columns.len()],
                bytes: 0,
                most: GROUP_BYTES.min(budget.left() / GROUP_PART),
                types,
            },
            only: columns,
        })
    }
}

/// Reads the rows of a Parquet file.
pub struct ParquetReader {
    file: Opened,
    /// Of each column its leaf of the file.
    places: Vec<usize>,
    said: Said,
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
            for (column, place) in self.columns.iter().zip(&self.places) {
                let cell = cells
                    .get(*place)
                    .and_then(|cells| cells.get(row))
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
        self.said.to_extras()
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
            let width = usize::try_from(column.type_length()).unwrap_or(0);
            let mut writer = group
                .next_column()
                .map_err(fault)?
                .ok_or_else(|| Error::Format("Parquet: too few columns".into()))?;
            put_all(writer.untyped(), cells, levels_of(column), width)?;
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
