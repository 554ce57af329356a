//! Tables as text: CSV and its kin, one row a line, with a header.
//!
//! The unit is a cell's raw bytes, quotes included, so that rows come back byte for byte however a
//! program has quoted them. Of what lies between cells nothing is free but what [`Layout`] says; a
//! file with more is refused.

mod lines;
#[cfg(test)]
mod tests;

use std::io::{Read, Write};

use nc_core::container::{Fields, put_varint};
use nc_core::{Budget, Error, Records, RecordsBuf, Result, Text};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use self::lines::{BLOCK, COLUMNS, Lines, Other, split};
use crate::records::column::{Column, Learner};
use crate::records::word::Word;
use crate::records::{Reader, Writer};

/// Bytes that a text takes beside its own.
const TEXT: u64 = 64;
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
    /// Whether the last line has an end.
    ended: bool,
    /// The header, without the line's end.
    header: Word,
}

impl Layout {
    fn eol(&self) -> &'static [u8] {
        if self.crlf { b"\r\n" } else { b"\n" }
    }

    /// What there is to say where the schema foretells `usual`, with the lines that are no rows.
    fn extras(&self, usual: &Self, others: &[Other]) -> Vec<u8> {
        if self == usual && others.is_empty() {
            return Vec::new();
        }
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let own = self.header != usual.header;
        let flags = flag(self.bom, 1)
            | flag(self.crlf, 2)
            | flag(self.ended, 4)
            | flag(own, 8)
            | flag(!others.is_empty(), 16);
        let mut out = vec![flags];
        let header = if own { &self.header.0[..] } else { &[] };
        if others.is_empty() {
            out.extend(header);
        } else {
            put_varint(header.len() as u64, &mut out);
            out.extend(header);
            Other::write(others, &mut out);
        }
        out
    }

    fn from_extras(extras: &[u8], usual: &Self) -> Result<(Self, Vec<Other>)> {
        let Some((flags, rest)) = extras.split_first() else {
            return Ok((usual.clone(), Vec::new()));
        };
        let mut fields = Fields::new(rest);
        let (header, others) = match flags & 16 {
            0 => (rest, Vec::new()),
            _ => {
                let long = |_| Error::Format("a header longer than its file".into());
                let len = usize::try_from(fields.varint()?).map_err(long)?;
                let header = fields.bytes(len)?;
                let others = Other::read(&mut fields)?;
                if !fields.rest().is_empty() {
                    return Err(Error::Format("bytes behind a table's layout".into()));
                }
                (header, others)
            }
        };
        if flags & 8 == 0 && !header.is_empty() || flags & 0xe0 != 0 {
            return Err(Error::Format("a table's layout".into()));
        }
        let layout = Self {
            bom: flags & 1 != 0,
            crlf: flags & 2 != 0,
            ended: flags & 4 != 0,
            header: match flags & 8 {
                0 => usual.header.clone(),
                _ => Word(header.to_vec()),
            },
        };
        Ok((layout, others))
    }
}

/// What a model file says of a table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Table {
    /// Between cells.
    delimiter: char,
    /// Of the files that were learnt from.
    layout: Layout,
    /// The columns.
    columns: Vec<Column>,
}

impl Table {
    /// Whether the bytes look like a text that may be a table.
    pub fn may_be(head: &[u8]) -> bool {
        !head.is_empty() && !head.contains(&0) && head.contains(&b'\n')
    }

    /// What the columns of files hold; `open` opens each, with its first bytes. Rows, and every distinct cell of a
    /// column, are charged to `budget`.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is no table, or tables of different columns, [`Error::Format`] for a row that is none,
    /// [`Error::Limit`]; I/O.
    pub fn learn(
        files: usize,
        mut open: impl FnMut(usize) -> Result<(Vec<u8>, Box<dyn Read + Send>)>,
        budget: &mut Budget,
    ) -> Result<Self> {
        let mut learnt: Option<(u8, Layout, Vec<String>, Vec<Learner>)> = None;
        for i in 0..files {
            let (head, bytes) = open(i)?;
            let delimiter = learnt.as_ref().map_or_else(|| delimiter(&head), |l| l.0);
            let before = budget.left();
            let mut lines = Lines::new(bytes, delimiter, budget)?;
            let names = lines.names();
            let (_, layout, known, learners) = learnt.get_or_insert_with(|| {
                let learners = names.iter().map(|_| Learner::default()).collect();
                (delimiter, lines.layout.clone(), names.clone(), learners)
            });
            if names != *known {
                return Err(other_columns(&names, known));
            }
            let mut cells = Vec::new();
            let mut seen = 0u64;
            while lines.next(&mut cells, budget)? {
                let before = budget.left();
                for (cell, learner) in cells.iter().zip(learners.iter_mut()) {
                    learner.see(lines.cell(cell), budget)?;
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
        let (delimiter, layout, names, learners) =
            learnt.ok_or_else(|| Error::Usage("no files to learn from".into()))?;
        let columns = learners.into_iter().zip(names);
        Ok(Self {
            delimiter: char::from(delimiter),
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

    /// The delimiter as a byte.
    ///
    /// # Errors
    /// [`Error::Model`] where it is none.
    fn delimiter(&self) -> Result<u8> {
        u8::try_from(self.delimiter)
            .map_err(|_| Error::Model("a delimiter of several bytes".into()))
    }

    /// Rows of a file, charged to `budget`; cells that read `missing` are unknown.
    ///
    /// # Errors
    /// [`Error::Usage`] for a table of other columns, [`Error::Limit`]; as it is read, [`Error::Format`] for a row that is
    /// none; I/O.
    pub fn reader(
        &self,
        bytes: Box<dyn Read + Send>,
        missing: Option<Vec<u8>>,
        mut budget: Budget,
    ) -> Result<TableReader> {
        let lines = Lines::new(bytes, self.delimiter()?, &mut budget)?;
        let names = lines.names();
        if !names.iter().eq(self.columns.iter().map(Column::name)) {
            let known: Vec<String> = self.columns.iter().map(|c| c.name().to_owned()).collect();
            return Err(other_columns(&names, &known));
        }
        Ok(TableReader {
            lines,
            table: self.clone(),
            missing,
            budget,
        })
    }

    /// A file of rows; with `only` of these columns alone. Lines that are no rows are written to a `whole` file.
    ///
    /// # Errors
    /// [`Error::Format`] for extras that no file has; I/O.
    pub fn writer<W: Write>(
        &self,
        mut out: W,
        extras: &[u8],
        only: Option<&[usize]>,
        whole: bool,
    ) -> Result<TableWriter<W>> {
        let (layout, mut others) = Layout::from_extras(extras, &self.layout)?;
        // Lines that are no rows have no columns, and are of no part of the rows.
        if only.is_some() || !whole {
            others.clear();
        }
        others.reverse();
        let mut first = Vec::new();
        if layout.bom {
            first.extend_from_slice(BOM);
        }
        let delimiter = self.delimiter()?;
        match only {
            None => first.extend_from_slice(&layout.header.0),
            Some(only) => {
                let mut cells = Vec::new();
                split(&layout.header.0, delimiter, COLUMNS, &mut cells);
                for (i, c) in only.iter().enumerate() {
                    let cell = cells.get(*c).and_then(|c| layout.header.0.get(c.clone()));
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
            only: only.map(<[usize]>::to_vec),
            others,
            rows: 0,
            open: true,
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

/// The commonest delimiter of a header outside quotes.
fn delimiter(head: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0u64), (b'\t', 0), (b';', 0), (b'|', 0)];
    for b in head {
        match b {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            b if !quoted => counts
                .iter_mut()
                .filter(|(d, _)| d == b)
                .for_each(|(_, n)| *n = n.saturating_add(1)),
            _ => {}
        }
    }
    // The first of equals.
    counts
        .iter()
        .rev()
        .max_by_key(|(_, n)| *n)
        .map_or(b',', |c| c.0)
}

/// Reads the rows of a table.
pub struct TableReader {
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
        // What the rows take, which are the caller's once they are given.
        let mut given = 0u64;
        while row < rows && self.lines.next(&mut cells, &mut self.budget)? {
            // Values are pushed, which may leave as much room again.
            let taken = (width as u64).saturating_mul(4);
            self.budget.charge(taken)?;
            given = given.saturating_add(taken);
            for (range, column) in cells.iter().zip(columns) {
                let cell = self.lines.cell(range);
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

    fn extras(&self) -> Result<Vec<u8>> {
        Ok(self
            .lines
            .layout
            .extras(&self.table.layout, &self.lines.others))
    }
}

/// Writes the rows of a table.
pub struct TableWriter<W> {
    out: W,
    table: Table,
    delimiter: u8,
    layout: Layout,
    only: Option<Vec<usize>>,
    /// Lines that are no rows and are still to come, the next one last.
    others: Vec<Other>,
    /// Rows written, and those that are lost.
    rows: u64,
    /// Whether the last line still lacks its end.
    open: bool,
    written: u64,
}

/// Lines that are no rows and stand before the row `rows`.
fn others_before(
    rows: u64,
    others: &mut Vec<Other>,
    open: &mut bool,
    eol: &[u8],
    out: &mut Vec<u8>,
) {
    while let Some(line) = others.pop_if(|line| line.before <= rows) {
        if std::mem::take(open) {
            out.extend_from_slice(eol);
        }
        out.extend_from_slice(&line.bytes);
    }
}

impl<W: Write + Send> Writer for TableWriter<W> {
    fn write(&mut self, records: Records<'_>) -> Result<()> {
        let all: Vec<usize> = (0..self.table.columns.len()).collect();
        let only = self.only.as_deref().unwrap_or(&all);
        let (mut out, to) = (Vec::new(), &mut self.out);
        let eol = self.layout.eol();
        Column::write_rows(&self.table.columns, records, |row, cells| {
            others_before(self.rows, &mut self.others, &mut self.open, eol, &mut out);
            if std::mem::replace(&mut self.open, true) {
                out.extend_from_slice(eol);
            }
            self.rows += 1;
            for (i, c) in only.iter().enumerate() {
                if i > 0 {
                    out.push(self.delimiter);
                }
                let range = cells.get(*c).cloned().unwrap_or_default();
                out.extend_from_slice(row.get(range).unwrap_or_default());
            }
            // A few bytes of a file may be many long rows.
            if out.len() >= BLOCK {
                to.write_all(&out)?;
                self.written += out.len() as u64;
                out.clear();
            }
            Ok(())
        })?;
        to.write_all(&out)?;
        self.written += out.len() as u64;
        Ok(())
    }

    fn skip(&mut self, units: Option<u64>) {
        // Where nobody knows how many, lines stand where the rows that are left put them.
        self.rows = units
            .and_then(|n| self.rows.checked_add(n))
            .unwrap_or(self.rows);
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        let mut out = Vec::new();
        let eol = self.layout.eol();
        others_before(u64::MAX, &mut self.others, &mut self.open, eol, &mut out);
        if self.open && self.layout.ended {
            out.extend_from_slice(eol);
        }
        self.out.write_all(&out)?;
        self.written += out.len() as u64;
        self.out.flush()?;
        Ok(self.written)
    }
}
