//! The lines of a table: rows, whose cells are told apart, and lines that are none.

use std::io::Read;
use std::ops::Range;

use nc_core::container::{Fields, put_varint};
use nc_core::{Budget, Error, Result};

use super::{BOM, Layout};
use crate::records::word::Word;

/// Longest row in bytes.
const ROW: usize = 1 << 24;
/// Bytes read at once.
pub(super) const BLOCK: usize = 1 << 16;
/// Most columns.
pub(super) const COLUMNS: usize = 1 << 14;
/// Bytes that a cell's range takes, a column's name beside its text, and a line that is no row.
const RANGE: u64 = 16;
const NAME: u64 = 64;
/// Lines that may be no rows in any file; beyond them one in so many rows.
const FEW: usize = 64;
const SHARE: u64 = 8;

/// A line that is no row of the table: a comment, a blank line, one with more cells or fewer, one that ends in another way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Rows before it.
    pub before: u64,
    /// Its bytes, its end included.
    pub bytes: Vec<u8>,
}

impl Other {
    /// Appends lines as extras have them: how many, and of each the rows since the one before, its length, its bytes.
    pub fn write(all: &[Self], out: &mut Vec<u8>) {
        put_varint(all.len() as u64, out);
        let mut at = 0;
        for line in all {
            // In the order of the file.
            put_varint(line.before - at, out);
            put_varint(line.bytes.len() as u64, out);
            out.extend(&line.bytes);
            at = line.before;
        }
    }

    /// Reads them.
    ///
    /// # Errors
    /// [`Error::Format`].
    pub fn read(fields: &mut Fields<'_>) -> Result<Vec<Self>> {
        let count = fields.varint()?;
        let mut all = Vec::new();
        let mut before = 0u64;
        for _ in 0..count {
            let (rows, len) = (fields.varint()?, fields.varint()?);
            let far = || Error::Format("a line far behind the table".into());
            before = before.checked_add(rows).ok_or_else(far)?;
            let len = usize::try_from(len).map_err(|_| far())?;
            let bytes = fields.bytes(len)?.to_vec();
            all.push(Self { before, bytes });
        }
        Ok(all)
    }
}

/// Cells of a row that starts the bytes, the first `most` of them as ranges; the place of its line feed, or none where
/// it has not come, and how many cells there are.
pub(super) fn split(
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
pub(super) struct Lines {
    bytes: Box<dyn Read + Send>,
    delimiter: u8,
    pub(super) layout: Layout,
    /// Lines that are no rows.
    pub(super) others: Vec<Other>,
    /// What is wrong with the first of them.
    first: Option<String>,
    columns: usize,
    buffer: Vec<u8>,
    /// Where the next row starts.
    at: usize,
    over: bool,
    /// Lines read, the header included.
    rows: u64,
    /// Charged for the buffer.
    held: u64,
}

impl Lines {
    pub(super) fn new(
        bytes: Box<dyn Read + Send>,
        delimiter: u8,
        budget: &mut Budget,
    ) -> Result<Self> {
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
            others: Vec::new(),
            first: None,
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
    pub(super) fn names(&self) -> Vec<String> {
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
    pub(super) fn cell(&self, range: &Range<usize>) -> &[u8] {
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

    /// The next row's cells as ranges of the buffer; false after the last. Lines that are no rows are kept apart, unless there
    /// are so many that this is another kind of file.
    pub(super) fn next(
        &mut self,
        cells: &mut Vec<Range<usize>>,
        budget: &mut Budget,
    ) -> Result<bool> {
        loop {
            let ended = std::mem::replace(&mut self.layout.ended, true);
            let Some(n) = self.row(self.columns, cells, budget)? else {
                self.layout.ended = ended;
                return Ok(false);
            };
            let Some(wrong) = self.wrong_row(n, cells) else {
                if let Some(last) = cells.last_mut()
                    && self.layout.crlf
                    && self.layout.ended
                {
                    last.end -= 1;
                }
                return Ok(true);
            };
            let few = self.others.len() < FEW || (self.others.len() as u64) < self.rows / SHARE;
            if !few {
                return Err(self.wrong(wrong));
            }
            let start = cells.first().map_or(self.at, |c| c.start);
            let bytes = self.cell(&(start..self.at)).to_vec();
            budget.charge(bytes.len() as u64 + NAME)?;
            let row = self.rows;
            self.first
                .get_or_insert_with(|| format!("row {row} of the table: {wrong}"));
            // The line has its end, or none, in its bytes.
            self.layout.ended = true;
            self.others.push(Other {
                // Lines but the header and those that are no rows.
                before: self.rows - 2 - self.others.len() as u64,
                bytes,
            });
        }
    }

    /// Refuses a file that has been read and has lines, none of which is a row.
    ///
    /// # Errors
    /// Format, with what is wrong with the first.
    pub(super) fn has_rows(&self) -> Result<()> {
        match &self.first {
            Some(first) if self.rows == 1 + self.others.len() as u64 => {
                Err(Error::Format(first.clone().into()))
            }
            _ => Ok(()),
        }
    }

    /// Why a line of `n` cells is no row; none where it is one.
    fn wrong_row(&self, n: u64, cells: &[Range<usize>]) -> Option<String> {
        if n != self.columns as u64 {
            return Some(format!("{n} cells; the header has {}", self.columns));
        }
        let (first, last) = (cells.first()?, cells.last()?);
        let returns = self.cell(last).ends_with(b"\r");
        if self.layout.crlf && returns != self.layout.ended {
            return Some("lines end with CR LF elsewhere and not here".into());
        }
        let zero = self.cell(&(first.start..last.end)).contains(&0);
        zero.then(|| "a zero byte".into())
    }
}
