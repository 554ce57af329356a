//! Rows into a table.

use std::io::Write;

use nc_core::{Records, Result};

use super::lines::{BLOCK, Other};
use super::mapping::Cells;
use super::{Layout, Table};
use crate::records::Writer;
use crate::records::column::Column;
use crate::records::word::Word;

/// Writes the rows of a table.
pub struct TableWriter<W> {
    pub(super) out: W,
    pub(super) table: Table,
    pub(super) delimiter: u8,
    pub(super) layout: Layout,
    /// What each cell of a row is, in the order of the file.
    pub(super) places: Vec<Place>,
    /// Of JSON lines what stands around the values.
    pub(super) around: Option<Vec<Word>>,
    /// Columns that the schema does not have.
    pub(super) added: Vec<Cells>,
    /// Lines that are no rows and are still to come, the next one last.
    pub(super) others: Vec<Other>,
    /// Rows written, and those that are lost.
    pub(super) rows: u64,
    /// Whether the last line still lacks its end.
    pub(super) open: bool,
    pub(super) written: u64,
}

/// What a cell of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Of this column of the schema.
    Column(usize),
    /// Of this one of those that it does not have.
    Added(usize),
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
        let (mut out, to) = (Vec::new(), &mut self.out);
        let eol = self.layout.eol();
        Column::write_rows(&self.table.columns, records, |row, cells| {
            others_before(self.rows, &mut self.others, &mut self.open, eol, &mut out);
            if std::mem::replace(&mut self.open, true) {
                out.extend_from_slice(eol);
            }
            self.rows += 1;
            for (i, place) in self.places.iter().enumerate() {
                match &self.around {
                    Some(around) => out.extend_from_slice(around.get(i).map_or(&[], |w| &w.0[..])),
                    None if i > 0 => out.push(self.delimiter),
                    None => {}
                }
                match place {
                    Place::Column(c) => {
                        let range = cells.get(*c).cloned().unwrap_or_default();
                        out.extend_from_slice(row.get(range).unwrap_or_default());
                    }
                    Place::Added(a) => {
                        if let Some(column) = self.added.get_mut(*a) {
                            column.next(&mut out)?;
                        }
                    }
                }
            }
            if let Some(last) = self.around.as_ref().and_then(|a| a.last()) {
                out.extend_from_slice(&last.0);
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
        for column in &mut self.added {
            match units {
                // What cannot be read any more is told when the next cell is asked for.
                Some(n) => drop(column.skip(n)),
                None => column.forget(),
            }
        }
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
