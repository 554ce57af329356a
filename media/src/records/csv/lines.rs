//! The lines of a table: rows, whose cells are told apart, and lines that are none.

use std::io::Read;
use std::ops::Range;

use nc_core::container::{Fields, put_varint};
use nc_core::{Budget, Error, Result};

use super::style::Style;
use super::{BOM, Layout};
use crate::records::word::Word;

/// Longest row in bytes.
const ROW: usize = 1 << 24;
/// Bytes read at once.
pub(super) const BLOCK: usize = 1 << 16;
/// Most columns.
pub(in crate::records) const COLUMNS: usize = 1 << 14;
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

/// Where the header's own line begins, behind comments and blank lines; none where the bytes do not tell yet.
///
/// A first line that begins with `#` is a comment where it has not as many cells as the first that does not, or but one.
pub(super) fn header_at(bytes: &[u8], style: &Style, eol: u8, over: bool) -> Option<usize> {
    let mut at = 0;
    let mut hashed = None;
    let mut cells = Vec::new();
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let end = rest.iter().position(|b| *b == eol);
        if end.is_none() && !over {
            return None;
        }
        let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let comment = style.is_comment(line);
        let blank = line.is_empty() || line == b"\r";
        let hash = style.comment.is_none() && line.starts_with(b"#");
        if hash {
            hashed = Some(at);
        }
        if !(comment || blank || hash) || end.is_none() {
            let Some(last) = hashed else {
                return Some(if rest.is_empty() { 0 } else { at });
            };
            if rest.is_empty() {
                return Some(last);
            }
            let count =
                |from: &[u8], cells: &mut Vec<Range<usize>>| style.split(from, eol, 1, cells).1;
            let here = count(rest, &mut cells);
            let before = count(bytes.get(last..).unwrap_or_default(), &mut cells);
            let is_header = hash || (here == before && here > 1);
            return Some(if is_header && !hash { last } else { at });
        }
        at += line.len() + 1;
    }
}

/// Rows of raw cells.
pub(super) struct Lines {
    bytes: Box<dyn Read + Send>,
    style: Style,
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
    /// Lines read, the header included, where a quoted line end makes no line.
    rows: u64,
    /// Rows that were given.
    given: u64,
    /// Line ends read.
    ends: u64,
    /// Charged for the buffer.
    held: u64,
}

impl Lines {
    pub(super) fn new(
        bytes: Box<dyn Read + Send>,
        style: &Style,
        budget: &mut Budget,
    ) -> Result<Self> {
        // Ranges of the cells of two rows.
        budget.charge((COLUMNS as u64).saturating_mul(RANGE))?;
        let mut lines = Self {
            bytes,
            style: style.clone(),
            layout: Layout {
                bom: false,
                crlf: false,
                cr: false,
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
            given: 0,
            ends: 0,
            held: 0,
        };
        lines.fill(budget)?;
        if lines.buffer.starts_with(BOM) {
            lines.layout.bom = true;
            lines.at = BOM.len();
        }
        let text = lines.buffer.get(lines.at..).unwrap_or_default();
        lines.layout.cr = text.contains(&b'\r') && !text.contains(&b'\n');
        let mut cells = Vec::new();
        if style.headless || style.json.is_some() {
            return lines.without_header(budget);
        }
        let start = loop {
            let rest = lines.buffer.get(lines.at..).unwrap_or_default();
            match header_at(rest, style, lines.layout.last(), lines.over) {
                Some(at) => break at,
                None if rest.len() > ROW => return Err(lines.too_long()),
                None => lines.fill(budget)?,
            }
        };
        let mut from = lines.at;
        let before = lines.buffer.get(from..from + start).unwrap_or_default();
        let end = lines.layout.last();
        lines.ends = before.iter().filter(|b| **b == end).count() as u64;
        lines.rows = lines.ends;
        lines.at += start;
        // Where more is read, what is done is forgotten.
        let kept = before.to_vec();
        let Some(columns) = lines.row(COLUMNS, &mut cells, budget)? else {
            return Err(Error::Usage("an empty table; a header is needed".into()));
        };
        from = cells.first().map_or(from, |c| c.start);
        let to = cells.last().map_or(from, |c| c.end);
        if columns > COLUMNS as u64 {
            return Err(Error::Usage(format!(
                "a table of {columns} columns; {COLUMNS} at most"
            )));
        }
        // Once more as it stands, and as names.
        budget.charge((to.saturating_sub(from) as u64).saturating_mul(3))?;
        budget.charge(columns.saturating_mul(NAME))?;
        let mut header = [&kept, lines.cell(&(from..to))].concat();
        if header.ends_with(b"\r") && lines.layout.ended {
            lines.layout.crlf = true;
            header.pop();
        }
        lines.layout.header = Word(header);
        lines.columns = cells.len() + usize::from(style.unnamed.is_some());
        Ok(lines)
    }

    /// Begins with a row: the first tells how many columns there are.
    fn without_header(mut self, budget: &mut Budget) -> Result<Self> {
        let mut cells = Vec::new();
        let mut columns = None;
        while columns.is_none() {
            let rest = self.buffer.get(self.at..).unwrap_or_default();
            let eol = self.layout.last();
            let mut at = 0;
            while let Some(line) = rest.get(at..).filter(|l| !l.is_empty()) {
                let (end, n) = self.style.split(line, eol, COLUMNS, &mut cells);
                let whole = end.is_some() || self.over;
                let end = end.unwrap_or(line.len());
                let text = line.get(..end).unwrap_or_default();
                let blank = text.is_empty() || text == b"\r";
                if whole && !blank && n <= COLUMNS as u64 {
                    columns = Some(cells.len());
                    self.layout.crlf = !self.layout.cr && text.ends_with(b"\r");
                    break;
                }
                if whole && !blank && n != u64::MAX {
                    let why = format!("a table of {n} columns; {COLUMNS} at most");
                    return Err(Error::Usage(why));
                }
                at += end + 1;
            }
            if columns.is_none() {
                if self.over || rest.len() > ROW {
                    return Err(Error::Usage("a table without a row".into()));
                }
                self.fill(budget)?;
            }
        }
        self.columns = columns.unwrap_or_default();
        budget.charge((self.columns as u64).saturating_mul(NAME))?;
        Ok(self)
    }

    /// Names of the columns, without quotes; numbers from 1 where there is no header.
    pub(super) fn names(&self) -> Vec<String> {
        if self.style.headless || self.style.json.is_some() {
            return (1..=self.columns).map(|n| n.to_string()).collect();
        }
        self.layout.names(&self.style)
    }

    /// The bytes of a cell.
    pub(super) fn cell(&self, range: &Range<usize>) -> &[u8] {
        self.buffer.get(range.clone()).unwrap_or_default()
    }

    fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::Usage(self.placed(what))
    }

    fn too_long(&self) -> Error {
        Error::Limit(
            self.placed("longer than 16 MiB; is a quote left open?")
                .into(),
        )
    }

    /// Said of the line that was read last: its number, and the file's line where it ends, as quoted ends are lines too.
    fn placed(&self, what: impl std::fmt::Display) -> String {
        match self.ends == self.rows {
            true => format!("row {} of the table: {what}", self.rows),
            false => format!(
                "row {} of the table (line {}): {what}",
                self.rows, self.ends
            ),
        }
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
            let eol = self.layout.last();
            let (end, n) = self.style.split(rest, eol, most, cells);
            if end.is_none() && !self.over {
                if rest.len() > ROW {
                    self.rows = self.rows.saturating_add(1);
                    return Err(self.too_long());
                }
                self.fill(budget)?;
                continue;
            }
            for c in cells.iter_mut() {
                *c = c.start.saturating_add(self.at)..c.end.saturating_add(self.at);
            }
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
            let inside = line.iter().filter(|b| **b == eol).count() as u64;
            self.ends = self.ends.saturating_add(inside + 1);
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
                    last.end -= usize::from(self.style.json.is_none());
                }
                self.given += 1;
                return Ok(true);
            };
            let start = cells.first().map_or(self.at, |c| c.start);
            let few = self.others.len() < FEW
                || (self.others.len() as u64) < self.rows / SHARE
                || self.style.is_comment(self.cell(&(start..self.at)));
            if !few {
                return Err(self.wrong(wrong));
            }
            let bytes = self.cell(&(start..self.at)).to_vec();
            budget.charge(bytes.len() as u64 + NAME)?;
            let said = self.placed(wrong);
            self.first.get_or_insert(said);
            // The line has its end, or none, in its bytes.
            self.layout.ended = true;
            self.others.push(Other {
                before: self.given,
                bytes,
            });
        }
    }

    /// Refuses a file that has been read and has lines, none of which is a row.
    ///
    /// # Errors
    /// Usage, with what is wrong with the first.
    pub(super) fn has_rows(&self) -> Result<()> {
        match &self.first {
            Some(first) if self.given == 0 => Err(Error::Usage(first.clone())),
            _ => Ok(()),
        }
    }

    /// Why a line of `n` cells is no row; none where it is one.
    fn wrong_row(&self, n: u64, cells: &[Range<usize>]) -> Option<String> {
        if n == u64::MAX {
            return Some(match self.style.json {
                Some(_) => "not the keys of the first line, in their order".into(),
                None => "a comment".into(),
            });
        }
        if n != self.columns as u64 {
            return Some(format!("{n} cells, and {} are expected", self.columns));
        }
        let (first, last) = (cells.first()?, cells.last()?);
        let text = self.cell(&(last.start..self.at));
        let text = text.strip_suffix(&[self.layout.last()]).unwrap_or(text);
        let returns = text.ends_with(b"\r");
        if self.layout.crlf && returns != self.layout.ended {
            return Some("lines end with CR LF elsewhere and not here".into());
        }
        let zero = self.cell(&(first.start..last.end)).contains(&0);
        zero.then(|| "a zero byte".into())
    }
}
