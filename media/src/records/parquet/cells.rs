//! The values of a leaf as cells, and back.
//!
//! A value of a column of its own is a cell as in a text table: nothing where it is null, numbers in decimal, bytes with a
//! quote in front, or, where one of them is zero, `x` and hexadecimal digits; numbers of 96 bits as `day:nanoseconds`; numbers
//! that are not, of other bits than the usual ones, as `n` and hexadecimal digits. The cell of a leaf that is nested or
//! repeated has the entries of its row, with a line feed between: two characters for the levels of repetition and of what is
//! there, then, where a value is, the value as above, a line feed or backslash in it with a backslash in front.

use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::column::writer::{ColumnWriter, ColumnWriterImpl};
use ::parquet::data_type::{ByteArray, DataType, FixedLenByteArray, Int96};
use nc_core::{Budget, Error, Result};

use super::{CELL, VALUE, damaged, fault};

/// Levels in a cell begin with this character.
const LEVEL: u8 = b'0';
/// Highest level that is taken: its character is none that has another meaning.
pub(super) const MOST_LEVEL: i16 = 40;

/// How the values of a leaf lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels {
    /// The level at which a value is there.
    pub(super) most: i16,
    pub(super) flat: bool,
    pub(super) repeats: bool,
}

fn text(x: &impl ToString) -> Vec<u8> {
    x.to_string().into_bytes()
}

fn quoted(bytes: &[u8]) -> Vec<u8> {
    if bytes.contains(&0) {
        let hex = bytes.iter().flat_map(|b| format!("{b:02x}").into_bytes());
        return std::iter::once(b'x').chain(hex).collect();
    }
    std::iter::once(b'"').chain(bytes.iter().copied()).collect()
}

pub(super) fn unquoted(cell: &[u8]) -> Option<Vec<u8>> {
    match cell.split_first()? {
        (b'"', rest) => Some(rest.to_vec()),
        (b'x', hex) if hex.len().is_multiple_of(2) => hex
            .chunks_exact(2)
            .map(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok())
            .collect(),
        _ => None,
    }
}

fn parse<T: std::str::FromStr>(cell: &[u8]) -> Option<T> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

// Digits enough to give the same float again.
fn single(x: &f32) -> Vec<u8> {
    match x.is_nan() && x.to_bits() != f32::NAN.to_bits() {
        true => format!("n{:x}", x.to_bits()).into_bytes(),
        false => format!("{x:?}").into_bytes(),
    }
}

fn double(x: &f64) -> Vec<u8> {
    match x.is_nan() && x.to_bits() != f64::NAN.to_bits() {
        true => format!("n{:x}", x.to_bits()).into_bytes(),
        false => format!("{x:?}").into_bytes(),
    }
}

fn bits(cell: &[u8]) -> Option<u64> {
    let hex = std::str::from_utf8(cell.strip_prefix(b"n")?).ok()?;
    u64::from_str_radix(hex, 16).ok()
}

fn single_of(cell: &[u8]) -> Option<f32> {
    match bits(cell) {
        Some(bits) => u32::try_from(bits).ok().map(f32::from_bits),
        None => parse(cell),
    }
}

fn double_of(cell: &[u8]) -> Option<f64> {
    bits(cell).map(f64::from_bits).or_else(|| parse(cell))
}

fn day_of(x: &Int96) -> Vec<u8> {
    let [low, high, day] = *x.data() else {
        return Vec::new();
    };
    format!("{day}:{}", u64::from(high) << 32 | u64::from(low)).into_bytes()
}

fn day(cell: &[u8]) -> Option<Int96> {
    let (day, nanos) = std::str::from_utf8(cell).ok()?.split_once(':')?;
    let nanos: u64 = nanos.parse().ok()?;
    let mut x = Int96::new();
    x.set_data(nanos as u32, (nanos >> 32) as u32, day.parse().ok()?);
    Some(x)
}

/// Cells of the next rows of a column.
pub(super) fn decoded(
    reader: &mut ColumnReader,
    levels: Levels,
    rows: usize,
    budget: &mut Budget,
) -> Result<Vec<Vec<u8>>> {
    let how = (rows, levels, budget);
    match reader {
        ColumnReader::BoolColumnReader(r) => cells(r, how, text),
        ColumnReader::Int32ColumnReader(r) => cells(r, how, text),
        ColumnReader::Int64ColumnReader(r) => cells(r, how, text),
        ColumnReader::FloatColumnReader(r) => cells(r, how, single),
        ColumnReader::DoubleColumnReader(r) => cells(r, how, double),
        ColumnReader::ByteArrayColumnReader(r) => cells(r, how, |x| quoted(x.data())),
        ColumnReader::FixedLenByteArrayColumnReader(r) => cells(r, how, |x| quoted(x.data())),
        ColumnReader::Int96ColumnReader(r) => cells(r, how, day_of),
    }
}

fn cells<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    (rows, shape, budget): (usize, Levels, &mut Budget),
    write: impl Fn(&T::T) -> Vec<u8>,
) -> Result<Vec<Vec<u8>>> {
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    let (mut read, mut charged) = (0usize, 0u64);
    while read < rows {
        let some = shape.most > 0;
        let (n, _, _) = reader
            .read_records(
                rows.saturating_sub(read),
                some.then_some(&mut defined),
                shape.repeats.then_some(&mut repeated),
                &mut values,
            )
            .map_err(damaged)?;
        if n == 0 {
            return Err(damaged("a column that ends early"));
        }
        read = read.saturating_add(n);
        let room = (values.len().max(defined.len()).max(read) as u64).saturating_mul(VALUE);
        budget.charge(room.saturating_sub(charged))?;
        charged = charged.max(room);
    }
    let mut cell = |cell: Vec<u8>| {
        budget.charge((cell.len() as u64).saturating_add(CELL))?;
        Ok(cell)
    };
    let mut values = values.iter();
    let mut value = || -> Result<Vec<u8>> {
        let x = values.next().ok_or_else(|| damaged("a value is missing"))?;
        Ok(write(x))
    };
    let cells: Vec<Vec<u8>> = if shape.flat {
        match shape.most {
            0 => (0..read).map(|_| cell(value()?)).collect::<Result<_>>()?,
            most => defined
                .iter()
                .map(|level| cell(if *level == most { value()? } else { Vec::new() }))
                .collect::<Result<_>>()?,
        }
    } else {
        let mut all: Vec<Vec<u8>> = Vec::with_capacity(read);
        let entries = defined.len().max(repeated.len()).max(match shape.most {
            0 => read,
            _ => 0,
        });
        for i in 0..entries {
            let rep = repeated.get(i).copied().unwrap_or(0);
            let def = defined.get(i).copied().unwrap_or(shape.most);
            if rep == 0 {
                all.push(Vec::new());
            }
            let out = all
                .last_mut()
                .ok_or_else(|| damaged("a row without a beginning"))?;
            if rep > 0 {
                out.push(b'\n');
            }
            out.extend([rep, def].map(|l| LEVEL + l.clamp(0, MOST_LEVEL) as u8));
            if def == shape.most {
                for b in value()? {
                    if matches!(b, b'\n' | b'\\') {
                        out.push(b'\\');
                    }
                    out.push(b);
                }
            }
        }
        all.into_iter().map(cell).collect::<Result<_>>()?
    };
    if cells.len() != rows {
        return Err(damaged("a column of another number of rows"));
    }
    budget.release(charged);
    Ok(cells)
}

/// Writes cells through a column's writer; `width` is that of bytes of one length.
pub(super) fn put_all(
    writer: &mut ColumnWriter<'_>,
    cells: &[Vec<u8>],
    levels: Levels,
    width: usize,
) -> Result<()> {
    let fixed = |c: &[u8]| unquoted(c).filter(|b| b.len() == width);
    match writer {
        ColumnWriter::BoolColumnWriter(w) => put(w, cells, levels, parse),
        ColumnWriter::Int32ColumnWriter(w) => put(w, cells, levels, parse),
        ColumnWriter::Int64ColumnWriter(w) => put(w, cells, levels, parse),
        ColumnWriter::FloatColumnWriter(w) => put(w, cells, levels, single_of),
        ColumnWriter::DoubleColumnWriter(w) => put(w, cells, levels, double_of),
        ColumnWriter::ByteArrayColumnWriter(w) => {
            put(w, cells, levels, |c| unquoted(c).map(ByteArray::from))
        }
        ColumnWriter::FixedLenByteArrayColumnWriter(w) => put(w, cells, levels, |c| {
            fixed(c).map(|b| FixedLenByteArray::from(ByteArray::from(b)))
        }),
        ColumnWriter::Int96ColumnWriter(w) => put(w, cells, levels, day),
    }
}

fn put<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    cells: &[Vec<u8>],
    shape: Levels,
    read: impl Fn(&[u8]) -> Option<T::T>,
) -> Result<()> {
    let wrong = || Error::Format("Parquet: a value of another type".into());
    let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        if shape.flat {
            let there = shape.most == 0 || !cell.is_empty();
            if there {
                values.push(read(cell).ok_or_else(wrong)?);
            }
            defined.push(if there { shape.most } else { 0 });
            continue;
        }
        for (i, entry) in entries(cell).into_iter().enumerate() {
            let [rep, def, value @ ..] = &entry[..] else {
                return Err(wrong());
            };
            let level = |b: &u8| b.checked_sub(LEVEL).map(i16::from).ok_or_else(wrong);
            let (rep, def) = (level(rep)?, level(def)?);
            // The first entry begins a row and the others do not.
            if def > shape.most || (rep == 0) != (i == 0) || (rep > 0 && !shape.repeats) {
                return Err(wrong());
            }
            if def == shape.most {
                values.push(read(value).ok_or_else(wrong)?);
            } else if !value.is_empty() {
                return Err(wrong());
            }
            defined.push(def);
            repeated.push(rep);
        }
    }
    writer
        .write_batch(
            &values,
            (shape.most > 0).then_some(&defined[..]),
            shape.repeats.then_some(&repeated[..]),
        )
        .map_err(fault)?;
    Ok(())
}

/// The entries of a nested cell, with what was escaped as it was.
fn entries(cell: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut escaped = false;
    for b in cell {
        match b {
            b'\\' if !escaped => {
                escaped = true;
                continue;
            }
            b'\n' if !escaped => {
                all.push(Vec::new());
                continue;
            }
            _ => {}
        }
        escaped = false;
        if let Some(last) = all.last_mut() {
            last.push(*b);
        }
    }
    all
}
