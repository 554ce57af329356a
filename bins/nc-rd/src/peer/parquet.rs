//! Tables as Parquet, and their values again.

use std::io::Write as _;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::types::Type;

use crate::bench::curves::quoted;

/// Level of zstd inside.
const LEVEL: i32 = 19;

/// Cells of a line: quotes taken off.
fn cells(line: &str) -> Vec<String> {
    let (mut out, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => out.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    out.push(cell);
    out
}

/// A CSV file as Parquet, columns typed as their cells are: integers, floats or text.
///
/// # Errors
/// Text of another encoding, rows of uneven length.
pub fn encode(table: &[u8]) -> Result<Vec<u8>> {
    let mut lines = std::str::from_utf8(table)?.lines();
    let names = cells(lines.next().context("no rows")?);
    let rows: Vec<Vec<String>> = lines.map(cells).collect();
    ensure!(
        rows.iter().all(|r| r.len() == names.len()),
        "rows of uneven length"
    );
    let missing = |c: &str| c.is_empty() || c == "NA";
    let column = |i: usize| rows.iter().map(move |r| r[i].as_str());
    let all = |i: usize, fits: &dyn Fn(&str) -> bool| column(i).all(|c| missing(c) || fits(c));
    let kind = |i: usize| {
        if all(i, &|c| c.parse::<i64>().is_ok()) {
            Physical::INT64
        } else if all(i, &|c| c.parse::<f64>().is_ok()) {
            Physical::DOUBLE
        } else {
            Physical::BYTE_ARRAY
        }
    };
    let kinds: Vec<Physical> = (0..names.len()).map(kind).collect();
    let fields: Result<Vec<_>, _> = names
        .iter()
        .zip(&kinds)
        .map(|(name, kind)| {
            let text = (*kind == Physical::BYTE_ARRAY).then_some(LogicalType::String);
            Type::primitive_type_builder(name, *kind)
                .with_repetition(Repetition::OPTIONAL)
                .with_logical_type(text)
                .build()
                .map(Arc::new)
        })
        .collect();
    let schema = Type::group_type_builder("table")
        .with_fields(fields?)
        .build()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(LEVEL)?))
        .build();
    let mut file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))?;
    let mut group = file.next_row_group()?;
    for (i, kind) in kinds.iter().enumerate() {
        let mut out = group.next_column()?.context("a column is missing")?;
        let text = *kind == Physical::BYTE_ARRAY;
        let known = |c: &&str| text || !missing(c);
        let levels: Vec<i16> = column(i).map(|c| i16::from(known(&c))).collect();
        let values = column(i).filter(known);
        match kind {
            Physical::INT64 => {
                let values: Result<Vec<i64>, _> = values.map(str::parse).collect();
                out.typed::<Int64Type>()
                    .write_batch(&values?, Some(&levels), None)?
            }
            Physical::DOUBLE => {
                let values: Result<Vec<f64>, _> = values.map(str::parse).collect();
                out.typed::<DoubleType>()
                    .write_batch(&values?, Some(&levels), None)?
            }
            _ => {
                let values: Vec<ByteArray> = values.map(ByteArray::from).collect();
                out.typed::<ByteArrayType>()
                    .write_batch(&values, Some(&levels), None)?
            }
        };
        out.close()?;
    }
    group.close()?;
    Ok(file.into_inner()?)
}

/// The values as CSV; how a number was written is not in the file.
///
/// # Errors
/// Damage.
pub fn decode(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    let reader = SerializedFileReader::new(file)?;
    let columns = reader.metadata().file_metadata().schema().get_fields();
    let line = |cells: Vec<String>| format!("{}\n", cells.join(","));
    let mut out = line(columns.iter().map(|c| quoted(c.name())).collect());
    for row in reader.get_row_iter(None)? {
        let cell = |field: &Field| match field {
            Field::Null => String::new(),
            Field::Str(text) => quoted(text),
            other => other.to_string(),
        };
        out += &line(row?.get_column_iter().map(|(_, f)| cell(f)).collect());
    }
    Ok(out.into_bytes())
}

#[cfg(test)]
mod tests;
