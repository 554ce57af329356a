//! Tables as text: CSV and its kin, one row a line, with a header.
//!
//! The unit is a cell's raw bytes, quotes included, so that rows come back byte for byte however a
//! program has quoted them. Of what lies between cells nothing is free but what [`Layout`] says; a
//! file with more is refused.

use std::io::{Read, Write};
use std::ops::Range;

use nc::{Error, Records, RecordsBuf, Result, Text};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::column::{Column, Learner};
use crate::word::Word;
use crate::{Reader, Writer};

/// Longest row in bytes.
const ROW: usize = 1 << 24;
/// Bytes read at once.
const BLOCK: usize = 1 << 16;
/// Most columns.
const COLUMNS: usize = 1 << 14;
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
            out[0] |= 8;
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

    /// What the columns of files hold; `open` opens each, with its first bytes.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is no table, or tables of different columns; I/O.
    pub fn learn(
        files: usize,
        mut open: impl FnMut(usize) -> Result<(Vec<u8>, Box<dyn Read + Send>)>,
    ) -> Result<Self> {
        let mut learnt: Option<(u8, Layout, Vec<String>, Vec<Learner>)> = None;
        for i in 0..files {
            let (head, bytes) = open(i)?;
            let delimiter = learnt.as_ref().map_or_else(|| delimiter(&head), |l| l.0);
            let mut lines = Lines::new(bytes, delimiter)?;
            let names = lines.names();
            let (_, layout, known, learners) = learnt.get_or_insert_with(|| {
                let learners = names.iter().map(|_| Learner::default()).collect();
                (delimiter, lines.layout.clone(), names.clone(), learners)
            });
            if names != *known {
                return Err(other_columns(&names, known));
            }
            let mut cells = Vec::new();
            while lines.next(&mut cells)? {
                for (cell, learner) in cells.iter().zip(learners.iter_mut()) {
                    learner.see(&lines.buffer[cell.clone()]);
                }
            }
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
                .map(|(learner, name)| learner.finish(name))
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

    /// Rows of a file; cells that read `missing` are unknown.
    ///
    /// # Errors
    /// [`Error::Usage`] for a table of other columns; I/O.
    pub fn reader(
        &self,
        bytes: Box<dyn Read + Send>,
        missing: Option<Vec<u8>>,
    ) -> Result<TableReader> {
        let lines = Lines::new(bytes, self.delimiter()?)?;
        let names = lines.names();
        if !names.iter().eq(self.columns.iter().map(Column::name)) {
            let known: Vec<String> = self.columns.iter().map(|c| c.name().to_owned()).collect();
            return Err(other_columns(&names, &known));
        }
        Ok(TableReader {
            lines,
            table: self.clone(),
            missing,
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
                split(&layout.header.0, delimiter, &mut cells);
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
    let place = names.iter().zip(known).position(|(a, b)| a != b);
    Error::Usage(match place {
        Some(i) => format!(
            "column {} is {:?}, not {:?} as in the model",
            i + 1,
            names[i],
            known[i]
        ),
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
    let mut counts = [(b',', 0), (b'\t', 0), (b';', 0), (b'|', 0)];
    for b in head {
        match b {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            b if !quoted => counts
                .iter_mut()
                .filter(|(d, _)| d == b)
                .for_each(|(_, n)| *n += 1),
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

/// Cells of a row that starts the bytes; the place of its line feed, or none where it has not come.
fn split(bytes: &[u8], delimiter: u8, cells: &mut Vec<Range<usize>>) -> Option<usize> {
    cells.clear();
    let mut start = 0;
    let mut quoted = false;
    for (i, b) in bytes.iter().enumerate() {
        match b {
            // A quote opens only where the cell starts; inside, two make one and leave it open.
            b'"' if quoted => quoted = false,
            b'"' if i == start || bytes[start] == b'"' && bytes[i - 1] == b'"' => quoted = true,
            _ if quoted => {}
            b'\n' => {
                cells.push(start..i);
                return Some(i);
            }
            b if *b == delimiter => {
                cells.push(start..i);
                start = i + 1;
            }
            _ => {}
        }
    }
    cells.push(start..bytes.len());
    None
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
}

impl Lines {
    fn new(bytes: Box<dyn Read + Send>, delimiter: u8) -> Result<Self> {
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
        };
        lines.fill()?;
        if lines.buffer.starts_with(BOM) {
            lines.layout.bom = true;
            lines.at = BOM.len();
        }
        let mut cells = Vec::new();
        if !lines.row(&mut cells)? {
            return Err(Error::Usage("an empty table; a header is needed".into()));
        }
        let from = cells.first().map_or(0, |c| c.start);
        let to = cells.last().map_or(from, |c| c.end);
        let mut header = lines.buffer[from..to].to_vec();
        if header.ends_with(b"\r") && lines.layout.ended {
            lines.layout.crlf = true;
            header.pop();
        }
        lines.layout.header = Word(header);
        lines.columns = cells.len();
        if lines.columns > COLUMNS {
            return Err(Error::Usage(format!(
                "a table of {} columns; {COLUMNS} at most",
                lines.columns
            )));
        }
        Ok(lines)
    }

    /// Names of the columns, without quotes.
    fn names(&self) -> Vec<String> {
        let mut cells = Vec::new();
        split(&self.layout.header.0, self.delimiter, &mut cells);
        let name = |c: &Range<usize>| {
            let text = String::from_utf8_lossy(&self.layout.header.0[c.clone()]).into_owned();
            match text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
                Some(inner) => inner.replace("\"\"", "\""),
                None => text,
            }
        };
        cells.iter().map(name).collect()
    }

    fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::Usage(format!("row {} of the table: {what}", self.rows))
    }

    /// Forgets rows that are done, and reads more.
    fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        let more = BLOCK.max(self.buffer.len()) as u64;
        let n = self
            .bytes
            .by_ref()
            .take(more)
            .read_to_end(&mut self.buffer)?;
        self.over = n == 0;
        Ok(())
    }

    /// The next row's cells as ranges of the buffer, a carriage return at its end included; false after
    /// the last.
    fn row(&mut self, cells: &mut Vec<Range<usize>>) -> Result<bool> {
        loop {
            let rest = &self.buffer[self.at..];
            if rest.is_empty() && self.over {
                return Ok(false);
            }
            let end = split(rest, self.delimiter, cells);
            if end.is_none() && !self.over {
                if rest.len() > ROW {
                    self.rows += 1;
                    return Err(self.wrong("longer than 16 MiB; is a quote left open?"));
                }
                self.fill()?;
                continue;
            }
            for c in cells.iter_mut() {
                *c = c.start + self.at..c.end + self.at;
            }
            self.at = match end {
                Some(end) => self.at + end + 1,
                None => {
                    self.layout.ended = false;
                    self.buffer.len()
                }
            };
            self.rows += 1;
            return Ok(true);
        }
    }

    /// The next row's cells as ranges of the buffer; false after the last.
    fn next(&mut self, cells: &mut Vec<Range<usize>>) -> Result<bool> {
        if !self.row(cells)? {
            return Ok(false);
        }
        if cells.len() != self.columns {
            return Err(self.wrong(format_args!(
                "{} cells; the header has {}",
                cells.len(),
                self.columns
            )));
        }
        if let Some(last) = cells.last_mut()
            && self.layout.crlf
            && (self.layout.ended || self.buffer[last.clone()].ends_with(b"\r"))
        {
            if !self.buffer[last.clone()].ends_with(b"\r") || !self.layout.ended {
                return Err(self.wrong("lines end with CR LF elsewhere and not here"));
            }
            last.end -= 1;
        }
        if let (Some(first), Some(last)) = (cells.first(), cells.last())
            && self.buffer[first.start..last.end].contains(&0)
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
}

impl Reader for TableReader {
    fn next(&mut self, rows: usize) -> Result<Option<RecordsBuf>> {
        let columns = &self.table.columns;
        let width: usize = columns.iter().map(|c| c.alphabets().len()).sum();
        let (mut values, mut texts, mut cells) = (Vec::new(), Vec::new(), Vec::new());
        let mut row = 0;
        while row < rows && self.lines.next(&mut cells)? {
            for (range, column) in cells.iter().zip(columns) {
                let cell = &self.lines.buffer[range.clone()];
                if column.read(cell, self.missing.as_deref(), &mut values) {
                    texts.push(Text {
                        row,
                        bytes: cell.to_vec(),
                    });
                }
            }
            row += 1;
        }
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

impl<W: Write> Writer for TableWriter<W> {
    fn write(&mut self, records: Records<'_>) -> Result<()> {
        let all: Vec<usize> = (0..self.table.columns.len()).collect();
        let only = self.only.as_deref().unwrap_or(&all);
        let mut out = Vec::new();
        Column::write_rows(&self.table.columns, records, |row, cells| {
            out.extend_from_slice(self.layout.eol());
            for (i, c) in only.iter().enumerate() {
                if i > 0 {
                    out.push(self.delimiter);
                }
                let range = cells.get(*c).cloned().unwrap_or_default();
                out.extend_from_slice(&row[range]);
            }
        })?;
        self.out.write_all(&out)?;
        self.written += out.len() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        if self.layout.ended {
            self.out.write_all(self.layout.eol())?;
            self.written += self.layout.eol().len() as u64;
        }
        self.out.flush()?;
        Ok(self.written)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn learn(text: &[u8]) -> Result<Table> {
        let text = text.to_vec();
        Table::learn(1, |_| {
            Ok((text.clone(), Box::new(Cursor::new(text.clone()))))
        })
    }

    fn round(table: &Table, text: &[u8]) -> Result<Vec<u8>> {
        let mut reader = table.reader(Box::new(Cursor::new(text.to_vec())), None)?;
        let mut all = Vec::new();
        while let Some(rows) = reader.next(3)? {
            all.push(rows);
        }
        let mut out = Vec::new();
        let mut writer = Box::new(table.writer(&mut out, &reader.extras()?, None)?);
        for rows in &all {
            writer.write(rows.view())?;
        }
        let n = writer.finish()?;
        assert_eq!(n, out.len() as u64);
        Ok(out)
    }

    #[test]
    fn odd_tables_come_back_byte_for_byte() {
        let tables: [&[u8]; 12] = [
            b"a,b\n1,2\n3,4\n",
            b"a,b\r\n1,2\r\n3,4\r\n",
            b"\xef\xbb\xbfa,b\n1,2\n",
            b"a,b\n1,2",
            b"a;b\n\"x; \"\"y\"\"\nz\";-0\n;007\n",
            b"a\tb\n1.50\tx,y\n2.25\t\n",
            b"a\n",
            b"a",
            b"a,b\n\"q\"x,1\nx\"y\"z,\"\"\n",
            b"a\n\n\nx\n",
            b"a,b\n1,2\r\n",
            b"a,b\n1,\"open",
        ];
        for text in tables {
            let table = learn(text).unwrap();
            assert_eq!(round(&table, text).unwrap(), text);
            // As a model file keeps it.
            let json = serde_json::to_string(&table).unwrap();
            let table: Table = serde_json::from_str(&json).unwrap();
            assert_eq!(round(&table, text).unwrap(), text);
        }
        let table = learn(b"a,b\n1,2\n3,4\n").unwrap();
        let others: [&[u8]; 5] = [
            b"\xef\xbb\xbfa,b\r\n1,2\r\n9,x\r\n",
            b"\"a\",b\n1,2",
            b"a,b\n,\n\"1\",\xff\n",
            b"a,b\r\n",
            b"a,b",
        ];
        for text in others {
            assert_eq!(
                round(&table, text).unwrap(),
                text,
                "{}",
                text.escape_ascii()
            );
        }
    }

    #[test]
    fn what_cannot_come_back_is_refused_with_its_row() {
        let table = learn(b"a,b\n1,2\n3,4\n").unwrap();
        let cases: [(&[u8], &str); 6] = [
            (b"a,b\n1,2\n3\n", "row 3 of the table: 1 cells"),
            (b"a,b\r\n1,2\n", "row 2 of the table: lines end"),
            (b"a,b\n1,\0\n", "row 2 of the table: a zero byte"),
            (b"a,c\n1,2\n", "column 2 is \"c\""),
            (b"a\n1\n", "1 columns"),
            (b"", "empty"),
        ];
        for (text, reason) in cases {
            let e = round(&table, text).unwrap_err().to_string();
            assert!(e.contains(reason), "{e}");
        }
    }

    #[test]
    fn rows_that_no_table_has_are_errors() {
        let table = learn(b"a,b\n1,x\n3,x\n5,y\n").unwrap();
        let rows = |values: Vec<u16>, texts: Vec<Text>| {
            let n = values.len();
            let values = Array2::from_shape_vec((1, n), values).unwrap();
            let records = RecordsBuf { values, texts };
            let mut out = Vec::new();
            let mut writer = table.writer(&mut out, &[], None).unwrap();
            writer.write(records.view()).is_err()
        };
        assert!(!rows(vec![0, 0], vec![]));
        assert!(rows(vec![0], vec![]) && rows(vec![0, 0, 0], vec![]));
        assert!(rows(vec![700, 0], vec![]));
        let text = Text {
            row: 0,
            bytes: b"t".to_vec(),
        };
        assert!(rows(vec![0, 0], vec![text]));
        let open = table.columns()[0].open();
        assert!(rows(vec![open, 0], vec![]), "a text is missing");
        for extras in [&[16u8][..], &[0, 1]] {
            assert!(table.writer(Vec::new(), extras, None).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back_or_is_refused(
            learnt in "a,b\n([0-9x\",;\r]{0,4},[0-9.\" -]{0,5}\n){0,6}",
            text in "a,b(\r\n|\n)([0-9x\",;\r]{0,4},[0-9.\" -]{0,5}(\n|\r\n)){0,6}(1,2)?",
        ) {
            if let Ok(table) = learn(learnt.as_bytes()) {
                prop_assert_eq!(round(&table, learnt.as_bytes()).unwrap(), learnt.as_bytes());
                if let Ok(out) = round(&table, text.as_bytes()) {
                    prop_assert_eq!(out, text.as_bytes());
                }
            }
        }
    }
}
