//! Bytes in and out: variable-length numbers, counted reads that trust no length.

use std::io::{Read, Write};

use crate::{Budget, Error, Result};

/// Where the last of the ten groups of 7 bits goes that a number of 64 bits has at most.
const LAST_SHIFT: u32 = 63;

/// A reader that knows its offset and turns an early end into [`Error::Format`].
#[derive(Debug)]
pub struct Reader<R> {
    inner: R,
    /// Bytes read so far.
    pub offset: u64,
}

fn early(e: std::io::Error) -> Error {
    if e.kind() == std::io::ErrorKind::UnexpectedEof {
        Error::Format("the file ends early".into())
    } else {
        Error::Io(e)
    }
}

impl<R: Read> Reader<R> {
    /// Reads `inner`, whose next byte is the file's byte `offset`.
    pub fn new(inner: R, offset: u64) -> Self {
        Self { inner, offset }
    }

    /// The reader inside.
    pub fn inner(&mut self) -> &mut R {
        &mut self.inner
    }

    /// Fills `buf`.
    ///
    /// # Errors
    /// [`Error::Format`] where the file ends, [`Error::Io`].
    pub fn fill(&mut self, buf: &mut [u8]) -> Result<()> {
        self.inner.read_exact(buf).map_err(early)?;
        self.offset = self.offset.saturating_add(buf.len() as u64);
        Ok(())
    }

    /// One byte.
    ///
    /// # Errors
    /// As [`Self::fill`].
    pub fn byte(&mut self) -> Result<u8> {
        let mut b = [0];
        self.fill(&mut b)?;
        Ok(b[0])
    }

    /// Four bytes, little-endian.
    ///
    /// # Errors
    /// As [`Self::fill`].
    pub fn u32(&mut self) -> Result<u32> {
        let mut b = [0; 4];
        self.fill(&mut b)?;
        Ok(u32::from_le_bytes(b))
    }

    /// A variable-length number (LEB128, shortest form only).
    ///
    /// # Errors
    /// As [`Self::fill`]; [`Error::Format`] for more than 64 bits or a longer form than needed.
    pub fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..u64::BITS).step_by(7) {
            let b = self.byte()?;
            // Of the last group only one bit is left.
            if shift == LAST_SHIFT && b > 1 {
                break;
            }
            value |= u64::from(b & 0x7f) << shift;
            if b & 0x80 == 0 {
                if b == 0 && shift > 0 {
                    break;
                }
                return Ok(value);
            }
        }
        Err(Error::Format("malformed number".into()))
    }

    /// `len` bytes, charged to the budget as they arrive, so that a false length costs nothing.
    ///
    /// # Errors
    /// As [`Self::fill`]; [`Error::Limit`].
    pub fn bytes(&mut self, len: u64, budget: &mut Budget) -> Result<Vec<u8>> {
        // An honest length beyond the budget is refused before any work.
        if len > budget.left() {
            budget.charge(len)?;
        }
        let read = budget.read(&mut self.inner, len);
        let out = read.map_err(|e| match e {
            Error::Io(e) => early(e),
            e => e,
        })?;
        self.offset = self.offset.saturating_add(out.len() as u64);
        match out.len() as u64 == len {
            true => Ok(out),
            false => Err(early(std::io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Whether the file ends here.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn at_end(&mut self) -> Result<bool> {
        let mut b = [0];
        loop {
            match self.inner.read(&mut b) {
                Ok(n) => return Ok(n == 0),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e.into()),
            }
        }
    }
}

/// Reads until `buf` is full or the input ends; says how many bytes came.
///
/// # Errors
/// I/O.
pub fn read_full(r: &mut impl Read, buf: &mut [u8]) -> std::io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buf.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match r.read(rest) {
            Ok(0) => break,
            Ok(n) => done = done.saturating_add(n),
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// A writer that knows its offset.
#[derive(Debug)]
pub struct Writer<W> {
    inner: W,
    /// Bytes written so far.
    pub offset: u64,
}

impl<W: Write> Writer<W> {
    /// Writes to `inner` from the file's first byte on.
    pub fn new(inner: W) -> Self {
        Self { inner, offset: 0 }
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.inner.write_all(bytes)?;
        self.offset = self.offset.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Flushes and gives the writer back.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(mut self) -> Result<W> {
        self.inner.flush()?;
        Ok(self.inner)
    }
}

/// Appends a variable-length number.
pub fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of a variable-length number.
pub fn varint_len(value: u64) -> u64 {
    u64::from(value.max(1).ilog2() / 7).saturating_add(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_come_back_in_their_shortest_form_only() {
        for v in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut b = Vec::new();
            put_varint(v, &mut b);
            assert_eq!(b.len() as u64, varint_len(v));
            assert_eq!(Reader::new(&b[..], 0).varint().unwrap(), v);
        }
        for bad in [&[0x80, 0x00][..], &[0xff; 10], &[0x80; 11], &[0x80]] {
            assert!(
                matches!(Reader::new(bad, 0).varint(), Err(Error::Format(_))),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_false_length_costs_nothing() {
        let mut budget = Budget::new(1 << 20);
        let e = Reader::new(&[0u8; 10][..], 0).bytes(1 << 60, &mut budget);
        assert!(matches!(e, Err(Error::Limit(_))));
        let e = Reader::new(&[0u8; 10][..], 0).bytes(1 << 19, &mut budget);
        assert!(matches!(e, Err(Error::Format(_))));
        assert!(budget.left() > 900_000);
    }
}
