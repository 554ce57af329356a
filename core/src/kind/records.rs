//! Rows of small integers, and texts that stand for values outside an alphabet. A unit is a row.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, Axis, s};

use super::{Format, Kind, MediaKind, Queue, Signal, SignalBuf, in_blocks, other_format, outside};
use crate::container::{Fields, Parsed, put_varint};
use crate::{Error, Result};

/// The kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Records;

/// Most variables of a record.
const MAX_VARIABLES: u64 = 1 << 20;

/// The form of records; the alphabets of their variables are the model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordsFormat {
    /// Variables in a row, 1 to 2^20.
    pub variables: u32,
}

/// A text that stands where a row's value only says that one does: a word that the model's alphabet
/// does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The row, counted from the start of the piece.
    pub row: usize,
    /// Its bytes; none is 0.
    pub bytes: Vec<u8>,
}

impl Text {
    /// Bytes that it takes in memory.
    fn memory(&self) -> u64 {
        (self.bytes.len() + size_of::<Self>()) as u64
    }
}

/// Borrowed records.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// `[rows, variables]`.
    pub values: ArrayView2<'a, u16>,
    /// Rows rising, in a row in the order of its variables.
    pub texts: &'a [Text],
}

/// Owned records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordsBuf {
    /// `[rows, variables]`.
    pub values: Array2<u16>,
    /// Rows rising, in a row in the order of its variables.
    pub texts: Vec<Text>,
}

impl RecordsBuf {
    /// The same records, borrowed.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View {
            values: self.values.view(),
            texts: &self.texts,
        }
    }
}

impl View<'_> {
    /// The rows `from..to`, copied; `None` outside.
    #[must_use]
    pub fn rows(&self, from: usize, to: usize) -> Option<RecordsBuf> {
        if from > to || to > self.values.nrows() {
            return None;
        }
        let texts = self.texts.iter().filter(|t| (from..to).contains(&t.row));
        Some(RecordsBuf {
            values: self.values.slice(s![from..to, ..]).to_owned(),
            texts: texts
                .map(|t| Text {
                    row: t.row - from,
                    bytes: t.bytes.clone(),
                })
                .collect(),
        })
    }
}

impl Kind for Records {
    const KIND: MediaKind = MediaKind::Records;
    const CODE: u8 = 2;
    type Format = RecordsFormat;
    type View<'a> = View<'a>;
    type Buf = RecordsBuf;
    type Queue = Waiting;

    fn write_format(format: &RecordsFormat, out: &mut Vec<u8>) {
        put_varint(format.variables.into(), out);
    }

    fn read_format(fields: &mut Fields<'_>, _: &dyn Fn(String) -> Error) -> Parsed<RecordsFormat> {
        let variables = fields.varint()?;
        if !(1..=MAX_VARIABLES).contains(&variables) {
            return Err(Error::Format(format!("{variables} variables").into()).into());
        }
        // It was just compared.
        let variables = variables as u32;
        Ok(RecordsFormat { variables })
    }

    fn units(x: View<'_>) -> u64 {
        x.values.nrows() as u64
    }

    fn memory(x: View<'_>) -> u64 {
        let texts: u64 = x.texts.iter().map(Text::memory).sum();
        (x.values.len() * size_of::<u16>()) as u64 + texts
    }

    fn le_bytes(x: View<'_>, f: &mut dyn FnMut(&[u8])) {
        in_blocks(x.values.iter().map(|v| v.to_le_bytes()), f);
        for t in x.texts {
            f(&t.bytes);
            f(&[0]);
        }
    }

    fn view(x: &RecordsBuf) -> View<'_> {
        x.view()
    }

    fn empty(format: &RecordsFormat) -> RecordsBuf {
        RecordsBuf {
            values: Array2::zeros((0, format.variables as usize)),
            texts: Vec::new(),
        }
    }

    fn append(to: &mut RecordsBuf, piece: RecordsBuf) -> Result<()> {
        let first = to.values.nrows();
        (to.values)
            .append(Axis(0), piece.values.view())
            .map_err(|_| super::differ())?;
        to.texts.extend(piece.texts.into_iter().map(|t| Text {
            row: first + t.row,
            ..t
        }));
        Ok(())
    }

    fn part(x: View<'_>, range: Range<usize>) -> Result<RecordsBuf> {
        x.rows(range.start, range.end).ok_or_else(outside)
    }

    fn queue(format: &RecordsFormat) -> Result<Waiting> {
        Ok(Waiting(Self::empty(format)))
    }

    fn format_of(format: &Format) -> Option<&RecordsFormat> {
        match format {
            Format::Records(f) => Some(f),
            _ => None,
        }
    }

    fn view_of<'a>(x: Signal<'a>) -> Option<View<'a>> {
        match x {
            Signal::Records(x) => Some(x),
            _ => None,
        }
    }

    fn buf_of(x: SignalBuf) -> Option<RecordsBuf> {
        match x {
            SignalBuf::Records(x) => Some(x),
            _ => None,
        }
    }

    fn any_format(format: RecordsFormat) -> Format {
        Format::Records(format)
    }

    fn any_view<'a>(x: Self::View<'a>) -> Signal<'a> {
        Signal::Records(x)
    }

    fn any_buf(x: RecordsBuf) -> SignalBuf {
        SignalBuf::Records(x)
    }
}

/// Rows that wait.
pub struct Waiting(RecordsBuf);

impl Queue<Records> for Waiting {
    fn push(&mut self, x: View<'_>) -> Result<()> {
        let first = self.0.values.nrows();
        (self.0.values)
            .append(Axis(0), x.values)
            .map_err(|_| other_format())?;
        self.0.texts.extend(x.texts.iter().map(|t| Text {
            row: first + t.row,
            bytes: t.bytes.clone(),
        }));
        Ok(())
    }

    fn units(&self) -> u64 {
        self.0.values.nrows() as u64
    }

    fn memory(&self) -> u64 {
        Records::memory(self.0.view())
    }

    fn first(&mut self, units: usize) -> View<'_> {
        let rows = units.min(self.0.values.nrows());
        let texts = &self.0.texts;
        let (texts, _) = texts.split_at(texts.partition_point(|t| t.row < rows));
        View {
            values: self.0.values.slice(s![..rows, ..]),
            texts,
        }
    }

    fn drop_first(&mut self, units: usize) {
        let rows = units.min(self.0.values.nrows());
        self.0.values = self.0.values.slice(s![rows.., ..]).to_owned();
        self.0.texts.retain_mut(|t| {
            let keep = t.row >= rows;
            if keep {
                t.row -= rows;
            }
            keep
        });
    }
}
