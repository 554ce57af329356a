//! Rows as zstd frames under a dictionary, without what a frame can do without: checksum, size, name of the
//! dictionary. The frames stand one after the other; a frame says where it ends.

use anyhow::{Context, Result, anyhow, ensure};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, find_frame_compressed_size, get_error_name};

const LEVEL: i32 = 19;
/// Bytes of a row at most.
const MOST: usize = 1 << 20;

fn rows(table: &[u8]) -> Result<Vec<&[u8]>> {
    let table = table
        .strip_suffix(b"\n")
        .context("the last row has no end")?;
    Ok(table.split(|&b| b == b'\n').collect())
}

/// A dictionary of at most so many bytes, learnt from all rows but the first, which names columns.
///
/// # Errors
/// Too few rows to learn from.
pub fn learn(table: &[u8], size: usize) -> Result<Vec<u8>> {
    let rows = rows(table)?;
    let rows = rows.get(1..).context("no rows")?;
    zstd::dict::from_samples(rows, size).context("no dictionary can be learnt from it")
}

/// All rows, a frame each.
///
/// # Errors
/// A row that is too long.
pub fn encode(table: &[u8], dictionary: &[u8]) -> Result<Vec<u8>> {
    let mut coder = Compressor::with_dictionary(LEVEL, dictionary)?;
    coder.set_parameter(CParameter::ChecksumFlag(false))?;
    coder.set_parameter(CParameter::ContentSizeFlag(false))?;
    coder.set_parameter(CParameter::DictIdFlag(false))?;
    let mut out = Vec::new();
    for row in rows(table)? {
        ensure!(row.len() <= MOST, "a row of {} bytes", row.len());
        out.extend(coder.compress(row)?);
    }
    Ok(out)
}

/// The table again.
///
/// # Errors
/// Damage.
pub fn decode(mut frames: &[u8], dictionary: &[u8]) -> Result<Vec<u8>> {
    let mut decoder = Decompressor::with_dictionary(dictionary)?;
    let mut out = Vec::new();
    while !frames.is_empty() {
        let size = find_frame_compressed_size(frames).map_err(|e| anyhow!(get_error_name(e)))?;
        let (frame, rest) = frames.split_at_checked(size).context("half a frame")?;
        out.extend(decoder.decompress(frame, MOST)?);
        out.push(b'\n');
        frames = rest;
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
