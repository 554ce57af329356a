//! A part of a file as a source of its own.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use symphonia::core::io::MediaSource;

/// Bytes of a file from one place to another.
pub struct Section {
    file: File,
    range: Range<u64>,
    /// Place in the file.
    at: u64,
}

impl Section {
    /// That of a file that nobody else reads meanwhile.
    ///
    /// # Errors
    /// I/O.
    pub fn new(mut file: File, range: Range<u64>) -> io::Result<Self> {
        let at = file.seek(SeekFrom::Start(range.start))?;
        Ok(Self { file, range, at })
    }
}

impl Read for Section {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.range.end.saturating_sub(self.at);
        let n = (&self.file).take(left).read(buf)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(n) => self.range.start.checked_add(n),
            SeekFrom::Current(n) => self.at.checked_add_signed(n),
            SeekFrom::End(n) => self.range.end.checked_add_signed(n),
        };
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the start");
        let at = at
            .filter(|at| *at >= self.range.start)
            .ok_or_else(outside)?;
        self.at = self.file.seek(SeekFrom::Start(at))?;
        Ok(at - self.range.start)
    }
}

impl MediaSource for Section {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.range.end - self.range.start)
    }
}
