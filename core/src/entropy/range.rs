//! Range coding over integer cumulative tables.
//!
//! The coder takes integers only: a table is `n + 1` cumulative frequencies that start at 0, rise
//! strictly and end at 2^[`PRECISION`], for two symbols or more. Nothing here depends on floating point, so the same table
//! gives the same bytes on every machine. The arithmetic is constriction's range coder with
//! 16-bit words and 64 bits of state, which loses under 2^-30 of a bit to rounding per symbol and
//! at most 4 bytes at the end.
//!
//! ```
//! use nc_core::entropy::{RangeDecoder, RangeEncoder};
//! let table = [0, 60_000, 65_536];
//! let mut coder = RangeEncoder::new();
//! for bit in [0, 0, 1, 0] {
//!     coder.put_cumulative(bit, &table)?;
//! }
//! let bytes = coder.finish();
//! let mut coder = RangeDecoder::new(&bytes)?;
//! let back = (0..4).map(|_| coder.get_cumulative(&table)).collect::<nc_core::Result<Vec<_>>>()?;
//! assert_eq!(back, [0, 0, 1, 0]);
//! # Ok::<(), nc_core::Error>(())
//! ```

use std::borrow::Borrow;
use std::num::{NonZeroU16, NonZeroU32};

use constriction::backends::Cursor;
use constriction::stream::model::{DecoderModel, EncoderModel, EntropyModel};
use constriction::stream::queue::{
    EncoderSituation, RangeDecoder as Decoder, RangeEncoder as Encoder,
};
use constriction::stream::{Decode, Encode};

use crate::{Error, Result};

/// Bits of a cumulative table's total.
pub const PRECISION: usize = 16;

#[derive(Clone, Copy)]
struct Table<'a>(&'a [u32]);

impl EntropyModel<PRECISION> for Table<'_> {
    type Symbol = u32;
    type Probability = u16;
}

impl EncoderModel<PRECISION> for Table<'_> {
    fn left_cumulative_and_probability(
        &self,
        symbol: impl Borrow<u32>,
    ) -> Option<(u16, NonZeroU16)> {
        let at = usize::try_from(*symbol.borrow()).ok()?;
        let (&left, &right) = (self.0.get(at)?, self.0.get(at.checked_add(1)?)?);
        let width = u16::try_from(right.checked_sub(left)?).ok()?;
        Some((u16::try_from(left).ok()?, NonZeroU16::new(width)?))
    }
}

impl DecoderModel<PRECISION> for Table<'_> {
    fn quantile_function(&self, quantile: u16) -> (u32, u16, NonZeroU16) {
        // The table was checked: it starts at 0 and ends above every quantile.
        let at = self
            .0
            .partition_point(|c| *c <= u32::from(quantile))
            .saturating_sub(1);
        let left = self.0.get(at).copied().unwrap_or(0);
        let right = self.0.get(at.saturating_add(1)).copied();
        let right = right.unwrap_or(left);
        let width = right.wrapping_sub(left) as u16;
        (
            at as u32,
            left as u16,
            NonZeroU16::new(width).unwrap_or(NonZeroU16::MIN),
        )
    }
}

/// One symbol's left end and width, of either precision.
#[derive(Clone, Copy)]
struct Share<const PRECISION: usize>(u32, u32);

impl<const PRECISION: usize> Share<PRECISION> {
    fn new(left: u32, right: u32) -> Result<Self> {
        match right.checked_sub(left) {
            Some(width) if width > 0 && right <= 1 << PRECISION && width != 1 << PRECISION => {
                Ok(Self(left, width))
            }
            _ => Err(Error::Usage(format!(
                "{left}..{right} is no share of a table"
            ))),
        }
    }
}

impl EntropyModel<PRECISION> for Share<PRECISION> {
    type Symbol = u32;
    type Probability = u16;
}

impl EncoderModel<PRECISION> for Share<PRECISION> {
    fn left_cumulative_and_probability(&self, _: impl Borrow<u32>) -> Option<(u16, NonZeroU16)> {
        Some((self.0 as u16, NonZeroU16::new(self.1 as u16)?))
    }
}

impl EntropyModel<WIDE_PRECISION> for Share<WIDE_PRECISION> {
    type Symbol = u32;
    type Probability = u32;
}

impl EncoderModel<WIDE_PRECISION> for Share<WIDE_PRECISION> {
    fn left_cumulative_and_probability(&self, _: impl Borrow<u32>) -> Option<(u32, NonZeroU32)> {
        Some((self.0, NonZeroU32::new(self.1)?))
    }
}

/// Big-endian bytes of a coder's words, without zeros at the end: the decoder reads them there.
fn to_bytes<const N: usize>(words: impl Iterator<Item = [u8; N]>) -> Vec<u8> {
    let mut bytes: Vec<u8> = words.flatten().collect();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

/// The words of [`to_bytes`], and eight bytes of zeros after them.
fn to_words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> {
    let word = |b: &[u8]| std::array::from_fn(|i| b.get(i).copied().unwrap_or(0));
    bytes
        .chunks(N)
        .map(word)
        .chain(std::iter::repeat_n([0; N], const { 8 / N }))
}

fn check(table: &[u32]) -> Result<Table<'_>> {
    // A table of one symbol has no information and does not fit 16 bits.
    let ends =
        table.len() > 2 && table.first() == Some(&0) && table.last() == Some(&(1 << PRECISION));
    if ends && table.is_sorted_by(|a, b| a < b) {
        Ok(Table(table))
    } else {
        Err(Error::Usage("not a cumulative table".into()))
    }
}

/// Writes symbols.
#[derive(Debug, Clone)]
pub struct RangeEncoder(Encoder<u16, u64>);

impl Default for RangeEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl RangeEncoder {
    /// An empty coder.
    pub fn new() -> Self {
        Self(Encoder::new())
    }

    /// Writes `symbol` under a cumulative table.
    ///
    /// # Errors
    /// [`Error::Usage`] for a symbol outside the table or a table that is not one.
    pub fn put_cumulative(&mut self, symbol: u32, table: &[u32]) -> Result<()> {
        self.0
            .encode_symbol(symbol, check(table)?)
            .map_err(|e| Error::Usage(format!("symbol {symbol}: {e:?}")))
    }

    /// Writes the symbol whose share of a cumulative table is `left..right`, for coders that look
    /// up many symbols at once; the same bytes as [`Self::put_cumulative`] with the whole table.
    ///
    /// # Errors
    /// [`Error::Usage`] for an empty share, or one of the whole table or past it.
    pub fn put_share(&mut self, left: u32, right: u32) -> Result<()> {
        let share = Share::<PRECISION>::new(left, right)?;
        self.0
            .encode_symbol(0, share)
            .map_err(|e| Error::Usage(format!("share {left}..{right}: {e:?}")))
    }

    /// The bytes.
    pub fn finish(self) -> Vec<u8> {
        // Writing into memory cannot fail.
        let words = self.0.into_compressed().unwrap_or_default();
        to_bytes(words.into_iter().map(u16::to_be_bytes))
    }
}

/// Reads symbols.
#[derive(Debug, Clone)]
pub struct RangeDecoder(Decoder<u16, u64, Cursor<u16, Vec<u16>>>);

impl RangeDecoder {
    /// A coder over the bytes of [`RangeEncoder::finish`].
    ///
    /// # Errors
    /// None today; kept for coders that have a header.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let words: Vec<u16> = to_words(bytes).map(u16::from_be_bytes).collect();
        Decoder::from_compressed(words)
            .map(Self)
            .map_err(|e| Error::Format(format!("range coder: {e:?}").into()))
    }

    /// Reads a symbol under a cumulative table.
    ///
    /// # Errors
    /// [`Error::Format`] for bytes that no encoder wrote, [`Error::Usage`] for a table that is not
    /// one.
    pub fn get_cumulative(&mut self, table: &[u32]) -> Result<u32> {
        self.0
            .decode_symbol(check(table)?)
            .map_err(|e| Error::Format(format!("range coder: {e:?}").into()))
    }
}

/// Bits of the total that [`WideEncoder`] and [`WideDecoder`] work with.
pub const WIDE_PRECISION: usize = 24;

/// What finds the symbol of a quantile: symbol, left end, width.
struct Search<F>(F);

impl<F> EntropyModel<WIDE_PRECISION> for Search<F> {
    type Symbol = u32;
    type Probability = u32;
}

impl<F: Fn(u32) -> (u32, u32, u32)> DecoderModel<WIDE_PRECISION> for Search<F> {
    fn quantile_function(&self, quantile: u32) -> (u32, u32, NonZeroU32) {
        let (symbol, left, width) = (self.0)(quantile);
        (
            symbol,
            left,
            NonZeroU32::new(width).unwrap_or(NonZeroU32::MIN),
        )
    }
}

/// Writes symbols that are given as shares of 2^[`WIDE_PRECISION`], for alphabets where rare values
/// must cost the common ones nothing. Words of 32 bits; the end costs a byte or two.
#[derive(Debug, Clone)]
pub struct WideEncoder(Encoder<u32, u64>);

impl Default for WideEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl WideEncoder {
    /// An empty coder.
    pub fn new() -> Self {
        Self(Encoder::new())
    }

    /// Writes the symbol whose share is `left..right`.
    ///
    /// # Errors
    /// [`Error::Usage`] for an empty share, or one of the whole or past it.
    pub fn put_share(&mut self, left: u32, right: u32) -> Result<()> {
        let share = Share::<WIDE_PRECISION>::new(left, right)?;
        self.0
            .encode_symbol(0, share)
            .map_err(|e| Error::Usage(format!("share {left}..{right}: {e:?}")))
    }

    /// The bytes: as few at the end as tell the last symbol, for records that stand alone.
    pub fn finish(self) -> Vec<u8> {
        let (mut words, state, situation) = self.0.into_raw_parts();
        let (lower, range) = (state.lower(), state.range().get());
        // Of lower..lower + range, which may wrap, the number with most zero bytes at its end.
        let point = (0..=u64::BITS)
            .step_by(8)
            .map(|bits| u64::MAX.checked_shr(bits).unwrap_or(0))
            .map(|mask| lower.wrapping_add(mask) & !mask)
            .find(|p| p.wrapping_sub(lower) < range)
            .unwrap_or(lower);
        if let EncoderSituation::Inverted(held, first) = situation {
            // Words held back until it is known whether a carry runs through them.
            let carry = point < lower;
            words.push(if carry { first.wrapping_add(1) } else { first });
            let rest = if carry { 0 } else { u32::MAX };
            words.extend(std::iter::repeat_n(rest, held.get() - 1));
        }
        words.extend([(point >> 32) as u32, point as u32]);
        to_bytes(words.into_iter().map(u32::to_be_bytes))
    }
}

/// Reads what [`WideEncoder`] wrote.
#[derive(Debug, Clone)]
pub struct WideDecoder(Decoder<u32, u64, Cursor<u32, Vec<u32>>>);

impl WideDecoder {
    /// A coder over the bytes of [`WideEncoder::finish`].
    ///
    /// # Errors
    /// None today; kept for coders that have a header.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let words: Vec<u32> = to_words(bytes).map(u32::from_be_bytes).collect();
        Decoder::from_compressed(words)
            .map(Self)
            .map_err(|e| Error::Format(format!("range coder: {e:?}").into()))
    }

    /// Reads a symbol; `find` gives symbol, left end and right end of the share that holds a
    /// quantile below 2^[`WIDE_PRECISION`].
    ///
    /// # Errors
    /// [`Error::Format`] for bytes that no encoder wrote.
    pub fn get(&mut self, find: impl Fn(u32) -> (u32, u32, u32)) -> Result<u32> {
        let search = Search(|quantile| {
            let (symbol, left, right) = find(quantile);
            (symbol, left, right.wrapping_sub(left))
        });
        self.0
            .decode_symbol(search)
            .map_err(|e| Error::Format(format!("range coder: {e:?}").into()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn wide_symbols_come_back(symbols in prop::collection::vec(0u32..4, 0..300)) {
            // Shares of one part in 2^24 and of nearly all.
            let ends = [0, 1, 5_000_000, (1 << WIDE_PRECISION) - 1, 1 << WIDE_PRECISION];
            let share = |x: u32| (ends[x as usize], ends[x as usize + 1]);
            let mut coder = WideEncoder::new();
            for x in &symbols {
                let (left, right) = share(*x);
                coder.put_share(left, right).unwrap();
            }
            let bytes = coder.finish();
            let mut coder = WideDecoder::new(&bytes).unwrap();
            for x in &symbols {
                let find = |q| {
                    let at = ends.partition_point(|e| *e <= q) as u32 - 1;
                    let (left, right) = share(at);
                    (at, left, right)
                };
                prop_assert_eq!(coder.get(find).unwrap(), *x);
            }
        }
    }

    #[test]
    fn shares_of_nothing_or_all_are_refused() {
        let mut coder = WideEncoder::new();
        for (left, right) in [(3, 3), (4, 3), (0, 1 << 24), (0, (1 << 24) + 1)] {
            assert!(coder.put_share(left, right).is_err());
        }
    }
}
