//! Bytes in and out: fields that are parsed from what has come so far, and a writer that knows its offset.

use std::io::{Read, Write};

use crate::{Error, Result};

/// Where the last of the ten groups of 7 bits goes that a number of 64 bits has at most.
const LAST_SHIFT: u32 = 63;

/// What is said of a file that is cut short.
pub(crate) const EARLY: &str = "the file ends early";

/// Why a field was not read.
#[derive(Debug)]
pub enum Stop {
    /// Its bytes have not all come yet.
    More,
    /// It is wrong.
    Wrong(Error),
}

/// Result with [`Stop`].
pub type Parsed<T> = std::result::Result<T, Stop>;

impl From<Error> for Stop {
    fn from(e: Error) -> Self {
        Self::Wrong(e)
    }
}

/// As an error where no more will come.
impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::More => Self::Format(EARLY.into()),
            Stop::Wrong(e) => e,
        }
    }
}

/// Fields one after another at the start of some bytes.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields that `bytes` begin with.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, rest: bytes }
    }

    /// The bytes of the fields read so far.
    pub fn read(&self) -> &'a [u8] {
        let (read, _) = self.bytes.split_at(self.bytes.len() - self.rest.len());
        read
    }

    /// The bytes behind them.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// `N` bytes.
    ///
    /// # Errors
    /// [`Stop::More`].
    pub fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Stop::More)?;
        self.rest = rest;
        Ok(*array)
    }

    /// The next `n` bytes.
    ///
    /// # Errors
    /// [`Stop::More`].
    pub fn bytes(&mut self, n: usize) -> Parsed<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(n).ok_or(Stop::More)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Stop::More`].
    pub fn byte(&mut self) -> Parsed<u8> {
        self.array().map(|[b]| b)
    }

    /// Four bytes, little-endian.
    ///
    /// # Errors
    /// [`Stop::More`].
    pub fn u32(&mut self) -> Parsed<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// A variable-length number (LEB128, shortest form only).
    ///
    /// # Errors
    /// [`Stop::More`]; [`Error::Format`] for more than 64 bits or a longer form than needed.
    pub fn varint(&mut self) -> Parsed<u64> {
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
        Err(Error::Format("malformed number".into()).into())
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
            Ok(n) => done += n,
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

    /// The writer inside.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.inner.write_all(bytes)?;
        self.offset += bytes.len() as u64;
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
    u64::from(value.max(1).ilog2() / 7) + 1
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
            assert_eq!(Fields::new(&b).varint().unwrap(), v);
        }
        for bad in [&[0x80, 0x00][..], &[0xff; 10], &[0x80; 11]] {
            let e = Fields::new(bad).varint();
            assert!(matches!(e, Err(Stop::Wrong(Error::Format(_)))), "{bad:?}");
        }
        assert!(matches!(Fields::new(&[0x80]).varint(), Err(Stop::More)));
    }
}
