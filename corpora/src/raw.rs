//! nc files built record by record, to be as wrong as they are meant to be under right checksums.
//!
//! ```
//! use nc_core::container::LAST;
//! use nc_corpora::raw::{header, Raw};
//! let header = header(0, nc_core::Format::Bytes, Some(5), None);
//! let file = Raw::new(&header).chunk(LAST, 5, 5, b"abcde").end(0);
//! assert!(nc_core::Header::from_bytes(&file).is_ok());
//! ```

use nc_core::container::{CHUNK, END, Header, LAST, put_varint};
use nc_core::{CodecId, Format, ModelId};

/// A header of codec number `codec` that says nothing wrong by itself.
pub fn header(codec: u8, format: Format, length: Option<u64>, model: Option<ModelId>) -> Header {
    Header {
        format,
        length,
        codec: CodecId(codec),
        bitstream: 1,
        model,
        overlap: 0,
        hashed: true,
        single: false,
        newer: false,
    }
}

/// A file without an index as a later minor version may write it: with `more` bytes of a header extension, which this
/// version passes over. `None` for what is no file, or has an index, whose places would be others.
pub fn later(file: &[u8], more: u16) -> Option<Vec<u8>> {
    let header = Header::from_bytes(file).ok()?;
    let mut out = header.to_bytes();
    let rest = file.get(out.len()..).filter(|_| header.single)?;
    // The last field is the length of the extension, none so far; then comes the checksum.
    out.truncate(out.len().checked_sub(5)?);
    *out.get_mut(9)? += 1;
    put_varint(u64::from(more), &mut out);
    out.extend((0..more).map(|i| i as u8));
    let crc = crc32c::crc32c(&out);
    out.extend(crc.to_le_bytes());
    out.extend(rest);
    Some(out)
}

/// A file so far.
pub struct Raw(Vec<u8>);

impl Raw {
    /// After a header.
    pub fn new(header: &Header) -> Self {
        Self(header.to_bytes())
    }

    /// After a header of which byte `at` is `to`, its checksum made right.
    pub fn changed(header: &Header, at: usize, to: u8) -> Self {
        let mut out = header.to_bytes();
        if let Some(byte) = out.get_mut(at) {
            *byte = to;
        }
        out.truncate(out.len().saturating_sub(4));
        let crc = crc32c::crc32c(&out);
        out.extend(crc.to_le_bytes());
        Self(out)
    }

    /// Adds a chunk.
    pub fn chunk(mut self, tag: u8, units: u64, symbols: u32, payload: &[u8]) -> Self {
        self.0.push(tag);
        put_varint(units, &mut self.0);
        put_varint(payload.len() as u64, &mut self.0);
        self.0.extend(crc32c::crc32c(payload).to_le_bytes());
        self.0.extend(symbols.to_le_bytes());
        self.0.extend(payload);
        self
    }

    /// Adds the framing of a record that says it is `len` bytes long, and is not there.
    pub fn claim(mut self, tag: u8, len: u64) -> Self {
        self.0.push(tag);
        if tag == CHUNK || tag == LAST {
            put_varint(1, &mut self.0);
        }
        put_varint(len, &mut self.0);
        self.0.extend([0; 8]);
        self
    }

    /// Adds another record than a chunk.
    pub fn record(mut self, tag: u8, body: &[u8]) -> Self {
        self.0.push(tag);
        put_varint(body.len() as u64, &mut self.0);
        self.0.extend(crc32c::crc32c(body).to_le_bytes());
        self.0.extend(body);
        self
    }

    /// Bytes so far.
    pub fn at(&self) -> u64 {
        self.0.len() as u64
    }

    /// The file, without an end.
    pub fn cut(self) -> Vec<u8> {
        self.0
    }

    /// The file with an end of output hash 0, which says that the index is at `index`.
    pub fn end(mut self, index: u64) -> Vec<u8> {
        self.0.extend([END, 0, 0, 0, 0]);
        self.0.extend(index.to_le_bytes());
        self.0
    }
}
