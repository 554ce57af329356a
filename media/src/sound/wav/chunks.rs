//! Chunks of a WAV file: how they stand in it, and an input that knows how far it is.

use std::io::{self, Read};

use nc_core::container::read_full;
use nc_core::{Budget, Error, Result};

use super::{u32_at, u64_at};

/// What a chunk takes beside its content.
const CHUNK: u64 = 64;
/// How chunks stand in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// RIFF; RF64 and BW64 with `long`.
    Riff { long: bool },
    /// Sony Wave64: names of 16 bytes, lengths of 8 that count themselves, at multiples of 8.
    Wave64,
}

/// Names of Wave64's chunks but for their first four bytes.
const WAVE64_TAIL: [u8; 12] = [
    0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A,
];
/// The same of its first one.
const WAVE64_FIRST: [u8; 12] = [
    0x2E, 0x91, 0xCF, 0x11, 0xA5, 0xD6, 0x28, 0xDB, 0x04, 0xC1, 0, 0,
];

/// An input that knows how far it is, and of which some bytes may have been looked at.
pub(super) struct Counted<R> {
    pub(super) inner: R,
    pub(super) ahead: Vec<u8>,
    /// Bytes given.
    pub(super) at: u64,
    /// Bytes of all, where the system knows.
    pub(super) size: Option<u64>,
}

impl<R: Read> Counted<R> {
    /// Bytes that are left, where the system knows.
    pub(super) fn available(&self) -> Option<u64> {
        Some(self.size?.saturating_sub(self.at))
    }

    /// The next bytes, which stay.
    pub(super) fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        let mut more = vec![0; n.saturating_sub(self.ahead.len())];
        let got = read_full(&mut self.inner, &mut more)?;
        more.truncate(got);
        self.ahead.append(&mut more);
        Ok(&self.ahead)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = match self.ahead.is_empty() {
            true => self.inner.read(buf)?,
            false => {
                let n = self.ahead.as_slice().read(buf)?;
                self.ahead.drain(..n);
                n
            }
        };
        self.at += n as u64;
        Ok(n)
    }
}

/// The first twelve bytes of a file, or forty of Wave64.
pub(super) fn head(r: &mut impl Read) -> Result<Layout> {
    let mut head = [0; 12];
    if read_full(r, &mut head)? < head.len() {
        return Err(Error::Format("WAV: truncated in the first 12 bytes".into()));
    }
    let [r0, i, f, x, .., w, a, v, e] = head;
    match (&[r0, i, f, x], &[w, a, v, e]) {
        (b"RIFF", b"WAVE") => Ok(Layout::Riff { long: false }),
        (b"RF64" | b"BW64", b"WAVE") => Ok(Layout::Riff { long: true }),
        (b"riff", _) => {
            let mut rest = [0; 28];
            let got = read_full(r, &mut rest)?;
            let (name, wave) = (head.get(4..12), rest.get(12..16));
            let sound = got == rest.len()
                && name == WAVE64_FIRST.get(..8)
                && rest.starts_with(&WAVE64_FIRST[8..])
                && wave == Some(b"wave");
            match sound {
                true => Ok(Layout::Wave64),
                false => Err(Error::Format("not a Wave64 file".into())),
            }
        }
        _ => Err(Error::Format("not a WAV file".into())),
    }
}

/// Whether a file begins as Wave64.
pub(crate) fn is_wave64(head: &[u8]) -> bool {
    head.strip_prefix(b"riff")
        .is_some_and(|rest| rest.starts_with(&WAVE64_FIRST[..8]))
}

/// Whether four characters can name a chunk.
pub(super) fn is_name(id: &[u8]) -> bool {
    id.iter().all(|b| (0x20..0x7F).contains(b))
}

/// Whether these bytes can begin a chunk, of so many that are left.
pub(super) fn is_chunk(next: &[u8], left: Option<u64>) -> bool {
    let (Some(id), Some(len)) = (next.get(..4), u32_at(next, 4)) else {
        return false;
    };
    is_name(id) && left.is_none_or(|left| u64::from(len) + 8 <= left)
}

impl Layout {
    /// Bytes that chunks begin at multiples of.
    pub(super) const fn even(self) -> u64 {
        match self {
            Self::Riff { .. } => 2,
            Self::Wave64 => 8,
        }
    }

    /// The next chunk's name and length; none where the input ends before.
    pub(super) fn chunk_head<R: Read>(self, r: &mut Counted<R>) -> Result<Option<([u8; 4], u64)>> {
        match self {
            Self::Riff { .. } => {
                let mut head = [0; 8];
                if read_full(r, &mut head)? < head.len() {
                    return Ok(None);
                }
                let [a, b, c, d, ..] = head;
                Ok(u32_at(&head, 4).map(|len| ([a, b, c, d], u64::from(len))))
            }
            Self::Wave64 => {
                let mut head = [0; 24];
                if read_full(r, &mut head)? < head.len() {
                    return Ok(None);
                }
                let [a, b, c, d, ..] = head;
                // What has another name than RIFF's is passed over under one that means nothing.
                let id = match head.get(4..16) == Some(&WAVE64_TAIL) {
                    true => [a, b, c, d],
                    false => *b"JUNK",
                };
                let len = u64_at(&head, 16).and_then(|n| match n {
                    u64::MAX => Some(n),
                    n => n.checked_sub(24),
                });
                let short = || Error::Format("Wave64: a chunk shorter than its head".into());
                Ok(Some((id, len.ok_or_else(short)?)))
            }
        }
    }

    /// A chunk's content; none where the input ends before. Memory grows with what is there, not with
    /// what the chunk claims.
    pub(super) fn chunk_data<R: Read>(
        self,
        r: &mut Counted<R>,
        len: u64,
        budget: &mut Budget,
    ) -> Result<Option<Vec<u8>>> {
        budget.charge(CHUNK)?;
        // More than the budget holds is refused before it is read.
        budget.share().charge(len)?;
        let data = budget.read(&mut *r, len)?;
        if data.len() as u64 != len {
            return Ok(None);
        }
        // Whoever keeps it makes a copy before this one goes.
        budget.charge(len)?;
        self.pad(r, len)?;
        Ok(Some(data))
    }

    /// Reads over a chunk's content; none where the input ends before, and else nothing of it.
    pub(super) fn skip<R: Read>(self, r: &mut Counted<R>, len: u64) -> Result<Option<Vec<u8>>> {
        let got = io::copy(&mut r.by_ref().take(len), &mut io::sink())?;
        if got != len {
            return Ok(None);
        }
        self.pad(r, len)?;
        Ok(Some(Vec::new()))
    }

    /// Reads over the bytes that make a length even. Some programs leave them out: at the very end, or where a name follows
    /// at once.
    fn pad<R: Read>(self, r: &mut Counted<R>, len: u64) -> Result<()> {
        if self != Self::Wave64 && !len.is_multiple_of(2) {
            let next = r.peek(5)?;
            let name = |from: usize| next.get(from..from + 4).is_some_and(is_name);
            if name(0) && !name(1) {
                return Ok(());
            }
        }
        // A chunk of this length has been read.
        let pad = len.next_multiple_of(self.even()) - len;
        io::copy(&mut r.by_ref().take(pad), &mut io::sink())?;
        Ok(())
    }
}
