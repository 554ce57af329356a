//! Records of a fixed number of bytes: IDX (the format of MNIST) and raw files. A byte is a variable.

use std::io::{Read, Write};

use nc_core::container::read_full;
use nc_core::{Budget, Error, Records, RecordsBuf, Result};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::records::{Reader, Writer};

/// Most bytes of a record.
pub const LONGEST: u64 = 1 << 20;

/// What an IDX file's header says of each item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idx {
    /// Code of the elements' type: 8 and 9 for bytes, 11 for 16 bits, 12 and 13 for 32, 14 for 64.
    pub element: u8,
    /// Sizes of an item's dimensions.
    pub shape: Vec<u32>,
}

impl Idx {
    /// The header of a file of such items, and how many there are; `None` for another file.
    pub fn read(head: &[u8]) -> Option<(Self, u64, usize)> {
        let &[0, 0, element @ (8 | 9 | 11..=14), dimensions @ 1..=255, ..] = head else {
            return None;
        };
        let end = usize::from(dimensions).saturating_mul(4).saturating_add(4);
        let sizes: Vec<u32> = head
            .get(4..end)?
            .as_chunks()
            .0
            .iter()
            .map(|b| u32::from_be_bytes(*b))
            .collect();
        let (count, shape) = sizes.split_first()?;
        let shape = shape.to_vec();
        Some((Self { element, shape }, u64::from(*count), end))
    }

    fn write(&self, count: u32) -> Vec<u8> {
        let dimensions = (self.shape.len() as u8).saturating_add(1);
        let mut out = vec![0, 0, self.element, dimensions];
        out.extend(count.to_be_bytes());
        out.extend(self.shape.iter().flat_map(|n| n.to_be_bytes()));
        out
    }

    /// Bytes of an element.
    pub fn width(&self) -> u64 {
        match self.element {
            8 | 9 => 1,
            11 => 2,
            12 | 13 => 4,
            _ => 8,
        }
    }

    /// Bytes of an item; `None` where they are none or too many.
    pub fn length(&self) -> Option<usize> {
        let all = self
            .shape
            .iter()
            .try_fold(self.width(), |n, d| n.checked_mul(u64::from(*d)));
        all.filter(|n| (1..=LONGEST).contains(n))
            .map(|n| n as usize)
    }
}

/// Reads records of `length` bytes.
pub struct FixedReader {
    bytes: Box<dyn Read + Send>,
    length: usize,
    /// Records that a header promises.
    promised: Option<u64>,
    seen: u64,
    budget: Budget,
}

impl FixedReader {
    /// Of a file with or without a header, which is read over; rows are charged to `budget`, which each call has
    /// all of.
    ///
    /// # Errors
    /// I/O.
    pub fn new(
        mut bytes: Box<dyn Read + Send>,
        header: usize,
        length: usize,
        promised: Option<u64>,
        budget: Budget,
    ) -> Result<Self> {
        read_full(&mut bytes, &mut vec![0; header])?;
        Ok(Self {
            bytes,
            length,
            promised,
            seen: 0,
            budget,
        })
    }
}

impl Reader for FixedReader {
    fn next(&mut self, rows: usize) -> Result<Option<RecordsBuf>> {
        let wanted = rows.saturating_mul(self.length);
        // As bytes, and as values of two.
        self.budget
            .share()
            .charge((wanted as u64).saturating_mul(3))?;
        let mut buffer = vec![0; wanted];
        let n = read_full(&mut self.bytes, &mut buffer)?;
        let rows = n.checked_div(self.length).unwrap_or(0);
        let whole = rows.saturating_mul(self.length);
        self.seen = self.seen.saturating_add(rows as u64);
        if whole < n {
            let why = format!(
                "the last record has {} of {} bytes",
                n.saturating_sub(whole),
                self.length
            );
            // Without a header, the length is what somebody said.
            return Err(match self.promised {
                Some(_) => Error::Format(why.into()),
                None => Error::Usage(why),
            });
        }
        if let Some(promised) = self.promised
            && (self.seen > promised || (rows == 0 && self.seen < promised))
        {
            return Err(Error::Format(
                format!(
                    "the header promises {promised} records, the file holds {}{}",
                    self.seen,
                    if self.seen > promised { " or more" } else { "" }
                )
                .into(),
            ));
        }
        if rows == 0 {
            return Ok(None);
        }
        let values = buffer.iter().take(whole).map(|b| u16::from(*b)).collect();
        let values = Array2::from_shape_vec((rows, self.length), values)
            .map_err(|e| Error::Usage(e.to_string()))?;
        Ok(Some(RecordsBuf {
            values,
            texts: Vec::new(),
        }))
    }

    fn extras(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// Writes records of bytes.
pub struct FixedWriter<W> {
    out: W,
    length: usize,
    written: u64,
}

impl<W: Write> FixedWriter<W> {
    /// A file that starts with the header for so many records, or without one.
    ///
    /// # Errors
    /// [`Error::Format`] for more records than a header can tell; I/O.
    pub fn new(mut out: W, idx: Option<&Idx>, length: usize, records: u64) -> Result<Self> {
        let header = match idx {
            None => Vec::new(),
            Some(idx) => {
                let count = u32::try_from(records);
                idx.write(count.map_err(|_| Error::Format("too many records for IDX".into()))?)
            }
        };
        out.write_all(&header)?;
        Ok(Self {
            out,
            length,
            written: header.len() as u64,
        })
    }
}

impl<W: Write + Send> Writer for FixedWriter<W> {
    fn write(&mut self, records: Records<'_>) -> Result<()> {
        let wrong = || Error::Format("records that are no bytes of this length".into());
        if records.values.ncols() != self.length || !records.texts.is_empty() {
            return Err(wrong());
        }
        let bytes = records.values.iter().map(|v| u8::try_from(*v));
        let bytes: Vec<u8> = bytes.collect::<Result<_, _>>().map_err(|_| wrong())?;
        self.out.write_all(&bytes)?;
        self.written = self.written.saturating_add(bytes.len() as u64);
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        self.out.flush()?;
        Ok(self.written)
    }
}
