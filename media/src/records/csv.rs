//! Tables as text: CSV and its kin, one row a line, with a header.
//!
//! The unit is a cell's raw bytes, quotes included, so that rows come back byte for byte however a
//! program has quoted them. Of what lies between cells nothing is free but what [`Layout`] says; a
//! file with more is refused.

#[cfg(test)]
mod tests;

use std::io::{Read, Write};
use std::ops::Range;

use nc_core::{Budget, Error, Records, RecordsBuf, Result, Text};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::records::column::{Column, Learner};
use crate::records::word::Word;
use crate::records::{Reader, Writer};

/// Longest row in bytes.
const ROW: usize = 1 << 24;
/// Bytes read at once.
const BLOCK: usize = 1 << 16;
/// Most columns.
const COLUMNS: usize = 1 << 14;
/// Bytes that a cell's range takes, and a column's name beside its text.
const RANGE: u64 = 16;
const NAME: u64 = 64;
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

    /// What there is to say where the schema foretells `usual`.
    fn extras(&self, usual: &Self) -> Vec<u8> {
        if self == usual {
            return Vec::new();
        }
        let mut out =
            vec![u8::from(self.bom) | u8::from(self.crlf) << 1 | u8::from(self.ended) << 2];
        if self.header != usual.header {
            out.iter_mut().for_each(|flags| *flags |= 8);
            out.extend_from_slice(&self.header.0);
        }
        out
    }

    fn from_extras(extras: &[u8], usual: &Self) -> Result<Self> {
        let Some((flags, header)) = extras.split_first() else {
            return Ok(usual.clone());
        };
        if flags & 8 == 0 && !header.is_empty() || flags & 0xf0 != 0 {
            return Err(Error::Format("a table's layout".into()));
        }
        Ok(Self {
            bom: flags & 1 != 0,
            crlf: flags & 2 != 0,
            ended: flags & 4 != 0,
            header: match flags & 8 {
                0 => usual.header.clone(),
                _ => Word(header.to_vec()),
            },
        })
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

    /// A file of rows; with `only` of these columns alone.
    ///
    /// # Errors
    /// [`Error::Format`] for extras that no file has; I/O.
    pub fn writer<W: Write>(
        &self,
        mut out: W,
        extras: &[u8],
        only: Option<&[usize]>,
    ) -> Result<TableWriter<W>> {
        let layout = Layout::from_extras(extras, &self.layout)?;
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

/// Cells of a row that starts the bytes, the first `most` of them as ranges; the place of its line feed, or none where
/// it has not come, and how many cells there are.
fn split(
    bytes: &[u8],
    delimiter: u8,
    most: usize,
    cells: &mut Vec<Range<usize>>,
) -> (Option<usize>, u64) {
    cells.clear();
    let (mut start, mut n) = (0, 0u64);
    let mut cell = |range: Range<usize>| {
        n = n.saturating_add(1);
        if cells.len() < most {
            cells.push(range);
        }
    };
    let mut quoted = false;
    let (mut first, mut last) = (None, None);
    let mut end = None;
    for (i, b) in bytes.iter().enumerate() {
        if i == start {
            first = Some(*b);
        }
        match b {
            // A quote opens only where the cell starts; inside, two make one and leave it open.
            b'"' if quoted => quoted = false,
            b'"' if i == start || first == Some(b'"') && last == Some(b'"') => quoted = true,
            _ if quoted => {}
            b'\n' => {
                end = Some(i);
                break;
            }
            b if *b == delimiter => {
                cell(start..i);
                start = i.saturating_add(1);
            }
            _ => {}
        }
        last = Some(*b);
    }
    cell(start..end.unwrap_or(bytes.len()));
    (end, n)
}

/// Rows of raw cells.
struct Lines {
    bytes: Box<dyn Read + Send>,
    delimiter: u8,
    layout: Layout,
    columns: usize,
    buffer: Vec<u8>,
    /// Where the next row starts.
    at: usize,
    over: bool,
    /// Rows read, the header included.
    rows: u64,
    /// Charged for the buffer.
    held: u64,
}

impl Lines {
    fn new(bytes: Box<dyn Read + Send>, delimiter: u8, budget: &mut Budget) -> Result<Self> {
        // Ranges of the cells of two rows.
        budget.charge((COLUMNS as u64).saturating_mul(RANGE))?;
        let mut lines = Self {
            bytes,
            delimiter,
            layout: Layout {
                bom: false,
                crlf: false,
                ended: true,
                header: Word(Vec::new()),
            },
            columns: 0,
            buffer: Vec::new(),
            at: 0,
            over: false,
            rows: 0,
            held: 0,
        };
        lines.fill(budget)?;
        if lines.buffer.starts_with(BOM) {
            lines.layout.bom = true;
            lines.at = BOM.len();
        }
        let mut cells = Vec::new();
        let Some(columns) = lines.row(COLUMNS, &mut cells, budget)? else {
            return Err(Error::Usage("an empty table; a header is needed".into()));
        };
        let from = cells.first().map_or(0, |c| c.start);
        let to = cells.last().map_or(from, |c| c.end);
        if columns > COLUMNS as u64 {
            return Err(Error::Usage(format!(
                "a table of {columns} columns; {COLUMNS} at most"
            )));
        }
        // Once more as it stands, and as names.
        budget.charge((to.saturating_sub(from) as u64).saturating_mul(3))?;
        budget.charge(columns.saturating_mul(NAME))?;
        let mut header = lines.cell(&(from..to)).to_vec();
        if header.ends_with(b"\r") && lines.layout.ended {
            lines.layout.crlf = true;
            header.pop();
        }
        lines.layout.header = Word(header);
        lines.columns = cells.len();
        Ok(lines)
    }

    /// Names of the columns, without quotes.
    fn names(&self) -> Vec<String> {
        let mut cells = Vec::new();
        split(&self.layout.header.0, self.delimiter, COLUMNS, &mut cells);
        let name = |c: &Range<usize>| {
            let text = self.layout.header.0.get(c.clone()).unwrap_or_default();
            let text = String::from_utf8_lossy(text).into_owned();
            match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
                Some(inner) => inner.replace("\"\"", "\""),
                None => text,
            }
        };
        cells.iter().map(name).collect()
    }

    /// The bytes of a cell.
    fn cell(&self, range: &Range<usize>) -> &[u8] {
        self.buffer.get(range.clone()).unwrap_or_default()
    }

    fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::Format(format!("row {} of the table: {what}", self.rows).into())
    }

    /// Forgets rows that are done, and reads more.
    fn fill(&mut self, budget: &mut Budget) -> Result<()> {
        self.buffer.drain(..self.at.min(self.buffer.len()));
        self.at = 0;
        let more = BLOCK.max(self.buffer.len());
        let room = self.buffer.len().saturating_add(more) as u64;
        budget.charge(room.saturating_sub(self.held))?;
        self.held = self.held.max(room);
        self.buffer.reserve_exact(more);
        let n = self
            .bytes
            .by_ref()
            .take(more as u64)
            .read_to_end(&mut self.buffer)?;
        self.over = n == 0;
        Ok(())
    }

    /// The next row's first `most` cells as ranges of the buffer, a carriage return at its end included, and how many
    /// it has; none after the last.
    fn row(
        &mut self,
        most: usize,
        cells: &mut Vec<Range<usize>>,
        budget: &mut Budget,
    ) -> Result<Option<u64>> {
        loop {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            if rest.is_empty() && self.over {
                return Ok(None);
            }
            let (end, n) = split(rest, self.delimiter, most, cells);
            if end.is_none() && !self.over {
                if rest.len() > ROW {
                    self.rows = self.rows.saturating_add(1);
                    return Err(self.wrong("longer than 16 MiB; is a quote left open?"));
                }
                self.fill(budget)?;
                continue;
            }
            for c in cells.iter_mut() {
                *c = c.start.saturating_add(self.at)..c.end.saturating_add(self.at);
            }
            self.at = match end {
                Some(end) => self.at.saturating_add(end).saturating_add(1),
                None => {
                    self.layout.ended = false;
                    self.buffer.len()
                }
            };
            self.rows = self.rows.saturating_add(1);
            return Ok(Some(n));
        }
    }

    /// The next row's cells as ranges of the buffer; false after the last.
    fn next(&mut self, cells: &mut Vec<Range<usize>>, budget: &mut Budget) -> Result<bool> {
        let Some(n) = self.row(self.columns, cells, budget)? else {
            return Ok(false);
        };
        if n != self.columns as u64 {
            return Err(self.wrong(format_args!("{n} cells; the header has {}", self.columns)));
        }
        if let Some(last) = cells.last_mut()
            && self.layout.crlf
            && (self.layout.ended || self.cell(last).ends_with(b"\r"))
        {
            if !self.cell(last).ends_with(b"\r") || !self.layout.ended {
                return Err(self.wrong("lines end with CR LF elsewhere and not here"));
            }
            last.end = last.end.saturating_sub(1);
        }
        if let (Some(first), Some(last)) = (cells.first(), cells.last())
            && self.cell(&(first.start..last.end)).contains(&0)
        {
            return Err(self.wrong("a zero byte"));
        }
        Ok(true)
    }
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
        Ok(self.lines.layout.extras(&self.table.layout))
    }
}

/// Writes the rows of a table.
pub struct TableWriter<W> {
    out: W,
    table: Table,
    delimiter: u8,
    layout: Layout,
    only: Option<Vec<usize>>,
    written: u64,
}

impl<W: Write + Send> Writer for TableWriter<W> {
    fn write(&mut self, records: Records<'_>) -> Result<()> {
        let all: Vec<usize> = (0..self.table.columns.len()).collect();
        let only = self.only.as_deref().unwrap_or(&all);
        let (mut out, to) = (Vec::new(), &mut self.out);
        Column::write_rows(&self.table.columns, records, |row, cells| {
            out.extend_from_slice(self.layout.eol());
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
                self.written = self.written.saturating_add(out.len() as u64);
                out.clear();
            }
            Ok(())
        })?;
        to.write_all(&out)?;
        self.written = self.written.saturating_add(out.len() as u64);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        if self.layout.ended {
            self.out.write_all(self.layout.eol())?;
            let end = self.layout.eol().len() as u64;
            self.written = self.written.saturating_add(end);
        }
        self.out.flush()?;
        Ok(self.written)
    }
}
