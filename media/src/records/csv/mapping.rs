//! A file's columns by the names that the schema has.

use std::collections::HashMap;
use std::io::{BufReader, Cursor, Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use nc_core::container::put_varint;
use nc_core::{Budget, Error, Result};

use super::Place;

/// Longest cell.
const CELL: u64 = 1 << 24;

/// Which column of the schema each of a file's is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    /// Of each column of the file that of the schema.
    columns: Vec<Option<usize>>,
    /// Of each column of the schema that of the file.
    places: Vec<Option<usize>>,
    /// Columns of the file that the schema does not have.
    pub(super) added: Vec<usize>,
}

impl Mapping {
    /// None where the names are the same in the same order. Of several columns of one name the first is the first.
    pub(super) fn new(names: &[String], known: &[String]) -> Option<Self> {
        if names == known {
            return None;
        }
        let mut waiting: HashMap<&str, Vec<usize>> = HashMap::new();
        for (i, name) in known.iter().enumerate().rev() {
            waiting.entry(name).or_default().push(i);
        }
        let columns: Vec<Option<usize>> = names
            .iter()
            .map(|name| waiting.get_mut(name.as_str()).and_then(Vec::pop))
            .collect();
        let mut places = vec![None; known.len()];
        let mut added = Vec::new();
        for (at, column) in columns.iter().enumerate() {
            match column.and_then(|c| places.get_mut(c)) {
                Some(place) => *place = Some(at),
                None => added.push(at),
            }
        }
        Some(Self {
            columns,
            places,
            added,
        })
    }

    /// Whether the file has every column of the schema and no other.
    pub(super) fn is_complete(&self) -> bool {
        self.added.is_empty() && self.places.iter().all(Option::is_some)
    }

    /// Whether the file has no column of the schema.
    pub(super) fn is_none(&self) -> bool {
        self.places.iter().all(Option::is_none)
    }

    /// Where a column of the schema stands in the file.
    pub(super) fn of_column(&self, column: usize) -> Option<usize> {
        self.places.get(column).copied().flatten()
    }

    /// What each cell of the file is.
    pub(super) fn places(&self) -> Vec<Place> {
        let mut added = 0;
        let place = |column: &Option<usize>| match column {
            Some(c) => Place::Column(*c),
            None => {
                added += 1;
                Place::Added(added - 1)
            }
        };
        self.columns.iter().map(place).collect()
    }
}

/// The cells of a column that the schema does not have, deflated as they come: of each its length, then its bytes.
pub(super) struct Added {
    deflate: DeflateEncoder<Vec<u8>>,
    held: u64,
}

impl Default for Added {
    fn default() -> Self {
        Self {
            deflate: DeflateEncoder::new(Vec::new(), Compression::best()),
            held: 0,
        }
    }
}

impl Added {
    pub(super) fn push(&mut self, cell: &[u8], budget: &mut Budget) -> Result<()> {
        let mut length = Vec::new();
        put_varint(cell.len() as u64, &mut length);
        self.deflate.write_all(&length)?;
        self.deflate.write_all(cell)?;
        let now = self.deflate.get_ref().capacity() as u64;
        budget.charge(now.saturating_sub(self.held))?;
        self.held = self.held.max(now);
        Ok(())
    }

    /// All of them; none can be pushed behind.
    pub(super) fn coded(&mut self) -> Result<Vec<u8>> {
        self.deflate.try_finish()?;
        Ok(self.deflate.get_ref().clone())
    }
}

/// The same, one after another.
pub(super) struct Cells {
    inflate: Option<BufReader<DeflateDecoder<Cursor<Vec<u8>>>>>,
}

impl Cells {
    pub(super) fn new(coded: Vec<u8>) -> Self {
        let inflate = BufReader::new(DeflateDecoder::new(Cursor::new(coded)));
        Self {
            inflate: Some(inflate),
        }
    }

    /// Appends the next cell.
    pub(super) fn next(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let Some(inflate) = &mut self.inflate else {
            return Ok(());
        };
        let ends = |_| Error::Format("a table's further columns".into());
        let mut length = 0u64;
        for shift in (0..35).step_by(7) {
            let mut byte = [0];
            inflate.read_exact(&mut byte).map_err(ends)?;
            let [byte] = byte;
            length |= u64::from(byte & 127) << shift;
            if byte & 128 == 0 {
                break;
            }
        }
        let before = out.len() as u64;
        let mut cell = inflate.take(length.min(CELL));
        cell.read_to_end(out).map_err(ends)?;
        match out.len() as u64 - before == length {
            true => Ok(()),
            false => Err(Error::Format("a table's further columns".into())),
        }
    }

    pub(super) fn skip(&mut self, cells: u64) -> Result<()> {
        let mut cell = Vec::new();
        for _ in 0..cells {
            cell.clear();
            self.next(&mut cell)?;
        }
        Ok(())
    }

    /// From here on nobody knows whose they are.
    pub(super) fn forget(&mut self) {
        self.inflate = None;
    }
}
