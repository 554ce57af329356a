//! Tables as text: CSV and its kin, one row a line, with a header.
//!
//! The unit is a cell's raw bytes, quotes included, so that rows come back byte for byte however a
//! program has quoted them. Of what lies between cells nothing is free but what [`Layout`] says; a
//! file with more is refused.

mod lines;
mod mapping;
mod style;
#[cfg(test)]
mod tests;
mod write;

use std::io::{Read, Write};
use std::ops::Range;

use nc_core::container::{Fields, put_varint};
use nc_core::{Budget, Error, RecordsBuf, Result, Text};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

pub(in crate::records) use self::lines::COLUMNS;
use self::lines::{Lines, Other, header_at};
use self::mapping::{Added, Mapping};
use self::style::Side;
pub use self::style::{How, Style};
use self::write::{Place, TableWriter};
use crate::records::Reader;
use crate::records::column::{Column, Learner};
use crate::records::word::Word;
use crate::warning::{Warning, code};

/// Bytes that a text takes beside its own.
const TEXT: u64 = 64;
/// Bytes that a file's kind is told by.
const HEAD: usize = 1 << 16;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a file has around its cells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Whether the file starts with a byte order mark.
    #[serde(default)]
    bom: bool,
    /// Whether lines end with CR LF and not LF.
    #[serde(default)]
    crlf: bool,
    /// Whether lines end with CR alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cr: bool,
    /// Whether the last line has an end.
    ended: bool,
    /// The header, without the line's end, with the comments before it; empty where there is none.
    header: Word,
}

impl Layout {
    fn eol(&self) -> &'static [u8] {
        match (self.cr, self.crlf) {
            (true, _) => b"\r",
            (_, true) => b"\r\n",
            _ => b"\n",
        }
    }

    /// The last byte of a line's end.
    fn last(&self) -> u8 {
        if self.cr { b'\r' } else { b'\n' }
    }

    /// Cells of the header, as ranges of it.
    fn header_cells(&self, style: &Style) -> Vec<Range<usize>> {
        let mut cells = Vec::new();
        let header = &self.header.0[..];
        let at = header_at(header, style, self.last(), true).unwrap_or(0);
        style.split(
            header.get(at..).unwrap_or_default(),
            self.last(),
            COLUMNS,
            &mut cells,
        );
        let mut cells: Vec<_> = cells.iter().map(|c| c.start + at..c.end + at).collect();
        match style.unnamed {
            Some(Side::First) => cells.insert(0, 0..0),
            Some(Side::Last) => cells.push(0..0),
            None => {}
        }
        cells
    }

    /// Names of the columns, without quotes.
    fn names(&self, style: &Style) -> Vec<String> {
        let name = |c: Range<usize>| {
            let text = self.header.0.get(c).unwrap_or_default();
            let text = String::from_utf8_lossy(text).into_owned();
            let quote = style.quote.unwrap_or('\0');
            match text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)) {
                Some(inner) if style.quote.is_some() => {
                    inner.replace(&format!("{quote}{quote}"), &quote.to_string())
                }
                _ => text,
            }
        };
        self.header_cells(style).into_iter().map(name).collect()
    }

    /// What there is to say where the schema foretells `usual`, with the lines that are no rows and the columns that the schema
    /// does not have.
    fn extras(&self, usual: &Self, others: &[Other], added: &[Vec<u8>]) -> Vec<u8> {
        if self == usual && others.is_empty() && added.is_empty() {
            return Vec::new();
        }
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let own = self.header != usual.header;
        let flags = flag(self.bom, 1)
            | flag(self.crlf, 2)
            | flag(self.ended, 4)
            | flag(own, 8)
            | flag(!others.is_empty(), 16)
            | flag(self.cr, 32)
            | flag(!added.is_empty(), 64);
        let mut out = vec![flags];
        let header = if own { &self.header.0[..] } else { &[] };
        if flags & (16 | 64) == 0 {
            out.extend(header);
            return out;
        }
        put_varint(header.len() as u64, &mut out);
        out.extend(header);
        if !others.is_empty() {
            Other::write(others, &mut out);
        }
        if !added.is_empty() {
            put_varint(added.len() as u64, &mut out);
            for column in added {
                put_varint(column.len() as u64, &mut out);
                out.extend(column);
            }
        }
        out
    }

    fn from_extras(extras: &[u8], usual: &Self) -> Result<(Self, Vec<Other>, Vec<Vec<u8>>)> {
        let Some((flags, rest)) = extras.split_first() else {
            return Ok((usual.clone(), Vec::new(), Vec::new()));
        };
        let mut added = Vec::new();
        let mut fields = Fields::new(rest);
        let (header, others) = match flags & (16 | 64) {
            0 => (rest, Vec::new()),
            _ => {
                let long = |_| Error::Format("a header longer than its file".into());
                let len = usize::try_from(fields.varint()?).map_err(long)?;
                let header = fields.bytes(len)?;
                let others = match flags & 16 {
                    0 => Vec::new(),
                    _ => Other::read(&mut fields)?,
                };
                if flags & 64 != 0 {
                    for _ in 0..fields.varint()? {
                        let len = usize::try_from(fields.varint()?).map_err(long)?;
                        added.push(fields.bytes(len)?.to_vec());
                    }
                }
                if !fields.rest().is_empty() {
                    return Err(Error::Format("bytes behind a table's layout".into()));
                }
                (header, others)
            }
        };
        if flags & 8 == 0 && !header.is_empty() || flags & 0x80 != 0 {
            return Err(Error::Format("a table's layout".into()));
        }
        let layout = Self {
            bom: flags & 1 != 0,
            crlf: flags & 2 != 0,
            cr: flags & 32 != 0,
            ended: flags & 4 != 0,
            header: match flags & 8 {
                0 => usual.header.clone(),
                _ => Word(header.to_vec()),
            },
        };
        Ok((layout, others, added))
    }
}

/// What a model file says of a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Table {
    /// How cells are told apart.
    #[serde(flatten)]
    style: Style,
    /// Of the files that were learnt from.
    layout: Layout,
    /// The columns.
    columns: Vec<Column>,
}

impl Table {
    /// Whether the bytes look like a text that may be a table.
    pub fn may_be(head: &[u8]) -> bool {
        let line = head.contains(&b'\n') || head.contains(&b'\r') || head.len() >= HEAD;
        line && !head.contains(&0)
    }

    /// Whether a model may say so.
    pub fn is_sound(&self) -> bool {
        self.style.is_sound()
    }

    /// What the columns of files hold; `open` opens each, with its first bytes. Rows, and every distinct cell of a
    /// column, are charged to `budget`.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is no table, or tables of different columns, [`Error::Format`] for a row that is none,
    /// [`Error::Limit`]; I/O.
    pub fn learn(
        files: usize,
        how: &How,
        mut open: impl FnMut(usize) -> Result<(Vec<u8>, Box<dyn Read + Send>)>,
        budget: &mut Budget,
    ) -> Result<Self> {
        let mut learnt: Option<(Style, Layout, Vec<String>, Vec<Learner>)> = None;
        for i in 0..files {
            let (head, bytes) = open(i)?;
            let (style, keys) = match &learnt {
                Some((style, _, names, _)) => (style.clone(), Some(names.clone())),
                None => how.style(&head)?,
            };
            let before = budget.left();
            let mut lines = Lines::new(bytes, &style, budget)?;
            let names = match keys {
                Some(keys) if style.json.is_some() => keys,
                _ => lines.names(),
            };
            let (_, layout, known, learners) = learnt.get_or_insert_with(|| {
                let learners = names.iter().map(|_| Learner::default()).collect();
                (style.clone(), lines.layout.clone(), names.clone(), learners)
            });
            let mapping = Mapping::new(&names, known);
            if mapping.as_ref().is_some_and(|m| !m.is_complete()) {
                return Err(other_columns(&names, known));
            }
            let mut cells = Vec::new();
            let mut seen = 0u64;
            while lines.next(&mut cells, budget)? {
                let before = budget.left();
                for (i, learner) in learners.iter_mut().enumerate() {
                    let at = mapping.as_ref().map_or(Some(i), |m| m.of_column(i));
                    if let Some(cell) = at.and_then(|at| cells.get(at)) {
                        learner.see(lines.cell(cell), budget)?;
                    }
                }
                seen = seen.saturating_add(before.saturating_sub(budget.left()));
            }
            lines.has_rows()?;
            // The file's rows are gone, the cells of its columns are not.
            budget.release(before.saturating_sub(budget.left()).saturating_sub(seen));
            if i == 0 {
                *layout = lines.layout;
            }
        }
        let (style, layout, names, learners) =
            learnt.ok_or_else(|| Error::Usage("no files to learn from".into()))?;
        let columns = learners.into_iter().zip(names);
        Ok(Self {
            style,
            layout,
            columns: columns
                .map(|(learner, name)| learner.finish(name, budget))
                .collect::<Result<_>>()?,
        })
    }

    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Rows of a file, charged to `budget`; cells that read `missing` are unknown. Columns are found by their names, in any order;
    /// those that the schema does not have are kept as they are, and those that the file does not have are unknown.
    ///
    /// # Errors
    /// [`Error::Usage`] for a table without a column of the schema's, [`Error::Limit`]; as it is read, [`Error::Format`] for a row that is
    /// none; I/O.
    pub fn reader(
        &self,
        bytes: Box<dyn Read + Send>,
        missing: Option<Vec<u8>>,
        mut budget: Budget,
    ) -> Result<TableReader> {
        let lines = Lines::new(bytes, &self.style, &mut budget)?;
        let known: Vec<String> = self.columns.iter().map(|c| c.name().to_owned()).collect();
        let names = match self.style.json {
            // Each line has the keys, or is no row.
            Some(_) => known.clone(),
            None => lines.names(),
        };
        let mapping = Mapping::new(&names, &known);
        if mapping.as_ref().is_some_and(Mapping::is_none) || (self.style.headless && names != known)
        {
            return Err(other_columns(&names, &known));
        }
        let added = mapping.as_ref().map_or(0, |m| m.added.len());
        Ok(TableReader {
            added: (0..added).map(|_| Added::default()).collect(),
            mapping,
            names,
            lines,
            table: self.clone(),
            missing,
            budget,
        })
    }

    /// A file of rows, with `only` of these columns alone; where they are a `part`, its first row has this number in the original,
    /// and lines that are no rows are left out.
    ///
    /// # Errors
    /// [`Error::Format`] for extras that no file has; I/O.
    pub fn writer<W: Write>(
        &self,
        mut out: W,
        extras: &[u8],
        only: Option<&[usize]>,
        part: Option<u64>,
    ) -> Result<TableWriter<W>> {
        let (layout, mut others, added) = Layout::from_extras(extras, &self.layout)?;
        let known: Vec<String> = self.columns.iter().map(|c| c.name().to_owned()).collect();
        let has_header = !self.style.headless && self.style.json.is_none();
        let mapping = match has_header {
            true => Mapping::new(&layout.names(&self.style), &known),
            false => None,
        };
        if added.len() != mapping.as_ref().map_or(0, |m| m.added.len()) {
            return Err(Error::Format("a table's further columns".into()));
        }
        let places = match (&mapping, only) {
            (None, None) => (0..known.len()).map(Place::Column).collect(),
            (None, Some(only)) => only.iter().copied().map(Place::Column).collect(),
            (Some(m), None) => m.places(),
            (Some(m), Some(only)) => {
                let missing = only.iter().find(|c| m.of_column(**c).is_none());
                if let Some(name) = missing.and_then(|c| known.get(*c)) {
                    return Err(Error::Usage(format!("the file has no column {name:?}")));
                }
                only.iter().copied().map(Place::Column).collect()
            }
        };
        let mut added: Vec<_> = added.into_iter().map(mapping::Cells::new).collect();
        for column in &mut added {
            column.skip(part.unwrap_or(0))?;
        }
        // Lines that are no rows have no columns, and are of no part of the rows.
        if only.is_some() || part.is_some() {
            others.clear();
        }
        others.reverse();
        let mut first = Vec::new();
        if layout.bom {
            first.extend_from_slice(BOM);
        }
        let delimiter = self.style.between();
        match only.filter(|_| has_header) {
            None => first.extend_from_slice(&layout.header.0),
            Some(only) => {
                let cells = layout.header_cells(&self.style);
                for (i, c) in only.iter().enumerate() {
                    let at = mapping.as_ref().map_or(Some(*c), |m| m.of_column(*c));
                    let cell = at
                        .and_then(|at| cells.get(at))
                        .and_then(|c| layout.header.0.get(c.clone()));
                    let cell =
                        cell.ok_or_else(|| Error::Format("a header of other columns".into()))?;
                    if i > 0 {
                        first.push(delimiter);
                    }
                    first.extend_from_slice(cell);
                }
            }
        }
        out.write_all(&first)?;
        Ok(TableWriter {
            out,
            table: self.clone(),
            delimiter,
            layout,
            places,
            around: self.style.json.clone().filter(|_| only.is_none()),
            added,
            others,
            rows: 0,
            open: has_header,
            written: first.len() as u64,
        })
    }
}

fn other_columns(names: &[String], known: &[String]) -> Error {
    let pairs = (1u64..).zip(names.iter().zip(known));
    Error::Usage(match pairs.into_iter().find(|(_, (a, b))| a != b) {
        Some((i, (is, known))) => {
            format!("column {i} is {is:?}, not {known:?} as in the model")
        }
        None => format!(
            "a table of {} columns; the model's have {}",
            names.len(),
            known.len()
        ),
    })
}

/// Reads the rows of a table.
pub struct TableReader {
    /// How the file's columns are those of the schema; none where they are the same in the same order.
    mapping: Option<Mapping>,
    /// What the file has beside them.
    added: Vec<Added>,
    names: Vec<String>,
    lines: Lines,
    table: Table,
    missing: Option<Vec<u8>>,
    budget: Budget,
}

impl Reader for TableReader {
    fn next(&mut self, rows: usize) -> Result<Option<RecordsBuf>> {
        let columns = &self.table.columns;
        let width: usize = columns.iter().map(|c| c.alphabets().len()).sum();
        let (mut values, mut texts, mut cells) = (Vec::new(), Vec::new(), Vec::new());
        let mut row = 0usize;
        let fillers: Vec<Option<Vec<u16>>> = match &self.mapping {
            Some(_) => columns.iter().map(Column::any).collect(),
            None => Vec::new(),
        };
        // What the rows take, which are the caller's once they are given.
        let mut given = 0u64;
        while row < rows && self.lines.next(&mut cells, &mut self.budget)? {
            // Values are pushed, which may leave as much room again.
            let taken = (width as u64).saturating_mul(4);
            self.budget.charge(taken)?;
            given = given.saturating_add(taken);
            for (i, column) in columns.iter().enumerate() {
                let at = self.mapping.as_ref().map_or(Some(i), |m| m.of_column(i));
                let range = at.and_then(|at| cells.get(at));
                let cell = match (range, fillers.get(i)) {
                    (Some(range), _) => self.lines.cell(range),
                    (None, Some(Some(filler))) => {
                        values.extend_from_slice(filler);
                        continue;
                    }
                    // Of a column of texts alone.
                    (None, _) => &[],
                };
                if column.read(cell, self.missing.as_deref(), &mut values) {
                    let taken = (cell.len() as u64).saturating_add(TEXT);
                    self.budget.charge(taken)?;
                    given = given.saturating_add(taken);
                    texts.push(Text {
                        row,
                        bytes: cell.to_vec(),
                    });
                }
            }
            if let Some(mapping) = &self.mapping {
                for (at, added) in mapping.added.iter().zip(&mut self.added) {
                    let range = cells.get(*at).cloned().unwrap_or_default();
                    added.push(self.lines.cell(&range), &mut self.budget)?;
                }
            }
            row = row.saturating_add(1);
        }
        self.budget.release(given);
        if row == 0 {
            return Ok(None);
        }
        let values = Array2::from_shape_vec((row, width), values)
            .map_err(|e| Error::Usage(e.to_string()))?;
        Ok(Some(RecordsBuf { values, texts }))
    }

    fn extras(&mut self) -> Result<Vec<u8>> {
        let added = self
            .added
            .iter_mut()
            .map(Added::coded)
            .collect::<Result<Vec<_>>>()?;
        Ok(self
            .lines
            .layout
            .extras(&self.table.layout, &self.lines.others, &added))
    }

    fn warnings(&self) -> Vec<Warning> {
        let Some(mapping) = &self.mapping else {
            return Vec::new();
        };
        let listed = |names: Vec<&str>| {
            names
                .iter()
                .map(|n| format!("{n:?}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let name = |at: &usize| self.names.get(*at).map_or("", String::as_str);
        let added: Vec<&str> = mapping.added.iter().map(name).collect();
        let columns = self.table.columns.iter().enumerate();
        let missing: Vec<&str> = columns
            .filter(|(i, _)| mapping.of_column(*i).is_none())
            .map(|(_, c)| c.name())
            .collect();
        let mut warnings = Vec::new();
        if !added.is_empty() {
            let text = format!(
                "columns that the model does not have are kept beside it: {}",
                listed(added)
            );
            warnings.push(Warning::new(code::COLUMNS_ADDED, text));
        }
        if !missing.is_empty() {
            let text = format!(
                "columns of the model that the file does not have: {}",
                listed(missing)
            );
            warnings.push(Warning::new(code::COLUMNS_MISSING, text));
        }
        warnings
    }
}
