//! Texts: what a variable's alphabet does not have, byte by byte.

use nc_core::entropy::{WIDE_PRECISION, WideDecoder, WideEncoder};
use nc_core::{Error, Result};

/// Most bytes of a text.
pub const MAX_TEXT: usize = 1 << 20;
/// Bytes, where 0 ends the text; and contexts: the byte before, 0 at the start.
const BYTES: usize = 256;

/// Distributions of a byte given the byte before it, as cumulative frequencies `[256, 257]` of
/// total 2^24. Byte 0 ends a text, and as context stands for its start.
#[derive(Debug, Clone)]
pub struct Texts {
    cumulative: Vec<[u32; BYTES + 1]>,
}

impl Default for Texts {
    fn default() -> Self {
        Self::from_weights(&[])
    }
}

impl Texts {
    /// From the probability `[256, 256]` of each byte after each; what is missing is even.
    #[must_use]
    pub fn from_weights(table: &[f32]) -> Self {
        const ROOM: u64 = (1 << WIDE_PRECISION) - BYTES as u64;
        let mut rows = table.chunks_exact(BYTES);
        let each = std::iter::repeat_with(|| {
            let row = rows.next();
            let weight = |x: usize| row.and_then(|r| r.get(x));
            // At most 2^25, whatever the table is of.
            let whole = |p: &f32| (p.clamp(0.0, 2.0) * (1u32 << 24) as f32) as u64;
            let weights: [u64; BYTES] = std::array::from_fn(|x| weight(x).map_or(1, whole));
            let total = weights.iter().sum::<u64>();
            let mut sum = 0u64;
            let mut shares = [1 << WIDE_PRECISION; BYTES + 1];
            for ((share, x), weight) in shares.iter_mut().zip(0u32..).zip(weights) {
                let left = sum * ROOM / total.max(1);
                // As with leaves, every byte has a share.
                *share = left as u32 + x;
                sum += weight;
            }
            shares
        });
        Self {
            cumulative: each.take(BYTES).collect(),
        }
    }

    /// The table [`Self::from_weights`] takes, counted on texts: each byte's counts after the byte
    /// before, with eight counts shared out as bytes are in general, and those with one over all.
    #[must_use]
    pub fn count<'a>(texts: impl IntoIterator<Item = &'a [u8]>) -> Vec<f32> {
        let mut pairs = vec![0.0f32; BYTES * BYTES];
        let mut all = vec![1.0 / BYTES as f32; BYTES];
        for text in texts {
            let mut before = 0;
            for byte in text.iter().chain(&[0]) {
                let byte = usize::from(*byte);
                let row = pairs.chunks_exact_mut(BYTES).nth(before);
                if let Some(n) = row.and_then(|row| row.get_mut(byte)) {
                    *n += 1.0;
                }
                if let Some(n) = all.get_mut(byte) {
                    *n += 1.0;
                }
                before = byte;
            }
        }
        let sum: f32 = all.iter().sum();
        for row in pairs.chunks_exact_mut(BYTES) {
            let n: f32 = row.iter().sum::<f32>() + 8.0;
            for (p, a) in row.iter_mut().zip(&all) {
                *p = (*p + 8.0 * a / sum) / n;
            }
        }
        pairs
    }

    fn row(&self, before: u8) -> Result<&[u32; BYTES + 1]> {
        let lost = || Error::Internal("circuit: a byte without a distribution".into());
        self.cumulative.get(usize::from(before)).ok_or_else(lost)
    }

    /// The ends of a byte's share.
    #[expect(clippy::indexing_slicing, reason = "one end more than there are bytes")]
    fn share(row: &[u32; BYTES + 1], x: u8) -> (u32, u32) {
        (row[usize::from(x)], row[usize::from(x) + 1])
    }

    /// Writes a text.
    ///
    /// # Errors
    /// [`Error::Usage`] for a byte 0 or more than [`MAX_TEXT`] bytes.
    pub(crate) fn put(&self, text: &[u8], coder: &mut WideEncoder) -> Result<()> {
        if text.contains(&0) || text.len() > MAX_TEXT {
            return Err(Error::Usage(
                "a text of over 1 MiB, or with a byte 0".into(),
            ));
        }
        let mut before = 0;
        for byte in text.iter().chain(&[0]) {
            let row = self.row(before)?;
            let (left, right) = Self::share(row, *byte);
            coder.put_share(left, right)?;
            before = *byte;
        }
        Ok(())
    }

    /// Reads a text; `charge` is told of bytes before they are kept.
    ///
    /// # Errors
    /// [`Error::Format`] for one without an end.
    pub(crate) fn get(
        &self,
        coder: &mut WideDecoder,
        charge: &mut dyn FnMut(u64) -> Result<()>,
    ) -> Result<Vec<u8>> {
        let mut text: Vec<u8> = Vec::new();
        loop {
            // Byte 0 stands for the start.
            let row = self.row(*text.last().unwrap_or(&0))?;
            let x = coder.get(|q| {
                // The first end is 0; none but the last byte reaches the last end.
                let at = row[1..BYTES].partition_point(|end| *end <= q) as u8;
                let (left, right) = Self::share(row, at);
                (at.into(), left, right)
            })?;
            if x == 0 {
                return Ok(text);
            }
            if text.len() == MAX_TEXT {
                return Err(Error::Format("a text without an end".into()));
            }
            if text.len() == text.capacity() {
                charge(text.len().max(64) as u64)?;
            }
            text.push(x as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn texts_come_back_and_cost_what_they_tell() {
        let learnt: Vec<&[u8]> = vec![b"Rotterdam", b"Amsterdam", b"Edam"];
        let texts = Texts::from_weights(&Texts::count(learnt.iter().copied()));
        let strange: Vec<u8> = (1..=255).collect();
        let size = |texts: &Texts, all: &[&[u8]]| {
            let mut coder = WideEncoder::new();
            for t in all {
                texts.put(t, &mut coder).unwrap();
            }
            let bytes = coder.finish();
            let mut coder = WideDecoder::new(&bytes).unwrap();
            for t in all {
                assert_eq!(&texts.get(&mut coder, &mut |_| Ok(())).unwrap(), t);
            }
            bytes.len()
        };
        assert!(size(&texts, &learnt) < size(&Texts::default(), &learnt) * 2 / 3);
        size(&texts, &[b"", &strange, b"", b"Amsterdam"]);
        assert!(texts.put(b"a\0b", &mut WideEncoder::new()).is_err());
    }
}
