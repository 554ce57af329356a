//! Pages of a column, looked at before they are unpacked and before they are decoded.
//!
//! The head of a page says how long it is once it is unpacked, and that of a dictionary how many values it has: room
//! for both is made on their word alone. So the heads of all pages of a column are walked first and the largest is
//! charged. The encodings by differences say once more, inside the page, how many values there are, which is compared
//! with the head when the page has been unpacked.

use std::io::Read;

use ::parquet::basic::{Compression, Encoding, PageType};
use ::parquet::column::page::{Page, PageMetadata, PageReader};
use ::parquet::errors::{ParquetError, Result as PageResult};
use nc_core::{Budget, Error, Result};

use super::cells::Levels;
use super::damaged;
use super::thrift::{PAGE, Walk};

/// Bytes of a value in a dictionary, beside its own.
const VALUE: u64 = 40;
/// Most miniblocks in a block of differences; writers make 4 or 8.
const MINIBLOCKS: u64 = 512;

/// Charges what the pages of a column take: the largest unpacked page and the dictionary.
///
/// # Errors
/// Format for a column that is damaged, Limit.
pub fn charge(column: &[u8], packing: Compression, budget: &mut Budget) -> Result<()> {
    let (mut largest, mut dictionary) = (0u64, 0u64);
    let mut rest = column;
    while !rest.is_empty() {
        let (mut kind, mut unpacked, mut packed, mut values) = (None, None, None, 0);
        // Those of a page of the second kind stand before what is packed.
        let mut levels = 0u64;
        let mut walk = Walk::new(rest, budget);
        walk.fields(PAGE, &mut |path, x| match path {
            [0, 1] => kind = Some(x),
            [0, 2] => unpacked = Some(x),
            [0, 3] => packed = Some(x),
            [7, 1] => values = x,
            [8, 5 | 6] => levels = levels.saturating_add(u64::try_from(x).unwrap_or(0)),
            _ => {}
        })?;
        let head = rest.len().saturating_sub(walk.left());
        let length = |x: Option<i64>| {
            x.and_then(|x| u64::try_from(x).ok())
                .ok_or_else(|| damaged("a page without a length"))
        };
        let (unpacked, packed) = (length(unpacked)?, length(packed)?);
        if kind == Some(i64::from(PageType::DICTIONARY_PAGE as i32)) {
            let values = length(Some(values))?;
            // The values are parts of the unpacked page, which stays, or copies.
            let all = values.saturating_mul(VALUE).saturating_add(unpacked);
            dictionary = dictionary.max(all.saturating_add(unpacked));
        } else {
            largest = largest.max(unpacked);
        }
        // The last may be cut short, which is for the decoder to say.
        let body = rest.get(head..).unwrap_or_default();
        let packed = usize::try_from(packed).unwrap_or(usize::MAX);
        let (body, next) = body.split_at(packed.min(body.len()));
        unpacked_is(packing, body, levels, unpacked, budget)?;
        rest = next;
    }
    // Values and levels in the making, beside the page.
    budget.charge(largest.saturating_mul(2))?;
    budget.charge(dictionary)
}

/// Refuses a page that, behind its levels, unpacks to more than it says: the crate unpacks all there is before it
/// compares. What is no such stream, or a damaged one, is for the decoder to say.
pub(super) fn unpacked_is(
    packing: Compression,
    body: &[u8],
    levels: u64,
    unpacked: u64,
    budget: &Budget,
) -> Result<()> {
    let levels = usize::try_from(levels).unwrap_or(usize::MAX);
    let packed = body.get(levels..).unwrap_or_default();
    let most = unpacked.saturating_add(1);
    let mut nothing = std::io::sink();
    let copied = match packing {
        Compression::ZSTD(_) => {
            let mut stream = zstd::stream::read::Decoder::with_buffer(packed)?;
            // The window that the stream asks for is part of the budget too; 2^27 is most for the crate.
            stream.window_log_max(budget.left().max(1).ilog2().clamp(10, 27))?;
            std::io::copy(&mut stream.take(most), &mut nothing)
        }
        Compression::GZIP(_) => {
            let stream = flate2::read::MultiGzDecoder::new(packed);
            std::io::copy(&mut stream.take(most), &mut nothing)
        }
        Compression::BROTLI(_) => {
            let stream = brotli::Decompressor::new(packed, 1 << 12);
            std::io::copy(&mut stream.take(most), &mut nothing)
        }
        // The others unpack into room of the length that the head says.
        _ => return Ok(()),
    };
    match copied {
        Ok(n) if n == most => Err(damaged("a page that is longer than its head says")),
        Err(e) if e.to_string().contains("too much memory") => {
            Err(Error::Limit("a page's window past the budget".into()))
        }
        _ => Ok(()),
    }
}

/// Reads pages and refuses those whose content does not fit their head.
pub struct Checked {
    /// Where they come from.
    pub pages: Box<dyn PageReader>,
    /// How values lie: levels stand before them where some may be missing or repeated.
    pub levels: Levels,
}

impl Iterator for Checked {
    type Item = PageResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Checked {
    fn get_next_page(&mut self) -> PageResult<Option<Page>> {
        let page = self.pages.get_next_page()?;
        let fits = page.as_ref().is_none_or(|p| fits(p, self.levels));
        if fits {
            Ok(page)
        } else {
            Err(ParquetError::General(
                "a page that does not fit its head".into(),
            ))
        }
    }

    fn peek_next_page(&mut self) -> PageResult<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> PageResult<()> {
        self.pages.skip_next_page()
    }
}

/// Whether a page's differences are of no more values than its head says.
fn fits(page: &Page, levels: Levels) -> bool {
    let most = u64::from(page.num_values());
    let twice = match page.encoding() {
        Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => false,
        // Lengths of what values have in common with the one before, and then lengths of the rest.
        Encoding::DELTA_BYTE_ARRAY => true,
        _ => return true,
    };
    let Some(values) = behind_levels(page, levels) else {
        return false;
    };
    let behind = differences(values, most);
    match twice {
        true => behind.is_some_and(|rest| differences(rest, most).is_some()),
        false => behind.is_some(),
    }
}

/// The bytes of a page's values.
#[allow(deprecated, reason = "old files have levels packed by bits")]
fn behind_levels(page: &Page, shape: Levels) -> Option<&[u8]> {
    let mut bytes = &page.buffer()[..];
    let optional = shape.most > 0;
    if shape.repeats && matches!(page, Page::DataPage { .. }) {
        // Levels of repetition stand before the others, with their length in front where they are packed in runs.
        let n = u64::from(u32::from_le_bytes(*bytes.first_chunk()?)).saturating_add(4);
        bytes = bytes.get(usize::try_from(n).ok()?..)?;
    }
    let levels = match page {
        Page::DataPageV2 {
            def_levels_byte_len,
            rep_levels_byte_len,
            ..
        } => u64::from(*def_levels_byte_len).saturating_add((*rep_levels_byte_len).into()),
        Page::DataPage {
            def_level_encoding: Encoding::BIT_PACKED,
            num_values,
            ..
        } if optional => u64::from(*num_values).div_ceil(8),
        Page::DataPage { .. } if optional => {
            u64::from(u32::from_le_bytes(*bytes.first_chunk()?)).saturating_add(4)
        }
        _ => 0,
    };
    bytes.get(usize::try_from(levels).ok()?..)
}

/// Reads over a run of differences of at most `most` values; what is behind it.
fn differences(bytes: &[u8], most: u64) -> Option<&[u8]> {
    let mut rest = bytes;
    let (block, minis) = (varint(&mut rest)?, varint(&mut rest)?);
    let values = varint(&mut rest)?;
    let _first = varint(&mut rest)?;
    if values > most || minis > MINIBLOCKS {
        return None;
    }
    let each = block.checked_div(minis)?;
    if !each.is_multiple_of(32) {
        return None;
    }
    let mut left = values.saturating_sub(1);
    while left > 0 {
        let _least = varint(&mut rest)?;
        let (widths, behind) = rest.split_at_checked(usize::try_from(minis).ok()?)?;
        rest = behind;
        for width in widths {
            if left == 0 {
                break;
            }
            let bytes = each.checked_mul((*width).into())? / 8;
            // Writers may leave out what is behind the last value.
            let n = usize::try_from(bytes).ok()?.min(rest.len());
            rest = rest.get(n..)?;
            left = left.saturating_sub(each.max(1));
        }
    }
    Some(rest)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut x = 0u64;
    for shift in (0..64).step_by(7) {
        let (b, behind) = rest.split_first()?;
        *rest = behind;
        x |= u64::from(b & 0x7f) << shift;
        if *b < 0x80 {
            return Some(x);
        }
    }
    None
}
