//! Version 1 of the file format: header, records, index, checksums. `FORMAT.md` specifies it.
//!
//! Small files are the norm at low rates, so a file of one chunk (a *single-chunk* file) leaves out what
//! the header already says: 47 bytes over the payload for mono 16 kHz sound.

mod header;
mod listing;
mod walker;
mod wire;

pub use header::Header;
pub use listing::Listed;
pub(crate) use listing::Listing;
pub use walker::{Event, Payload, Walker};
pub(crate) use wire::{EARLY, varint_len};
pub use wire::{Fields, Parsed, Stop, Writer, put_varint, read_full};

/// First bytes of a file. Like PNG's, they catch text-mode damage: a byte above 127, CR LF,
/// end-of-file, LF.
pub const MAGIC: [u8; 8] = [0x89, b'N', b'C', b'F', 0x0d, 0x0a, 0x1a, 0x0a];
/// Major version: a reader refuses a newer one.
pub const MAJOR: u8 = 1;
/// Minor version: a reader ignores a newer one.
pub const MINOR: u8 = 0;

/// Record of a chunk that another follows.
pub const CHUNK: u8 = b'C';
/// Record of the last chunk.
pub const LAST: u8 = b'L';
/// Record of one piece of the original container's metadata; may be skipped.
pub const META: u8 = b'm';
/// Record with the place of each chunk; may be skipped.
pub const INDEX: u8 = b'i';
/// Last record.
pub const END: u8 = b'E';

/// Whether a checksum or hash is not the one that a file says. Passed over in a build for a fuzzer, which would
/// otherwise hardly ever come to what they guard.
pub(crate) fn differs<T: PartialEq>(found: T, said: T) -> bool {
    !cfg!(fuzzing) && found != said
}

/// Framing of a chunk, as a reader meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkFrame {
    /// Units that the chunk adds to the signal, without its overlap.
    pub units: u64,
    /// Bytes of the payload.
    pub len: u64,
    /// CRC-32C of the payload.
    pub crc: u32,
    /// Hash of the decoded symbols; its low 16 bits in a single-chunk file, else its low 32.
    pub symbols: u32,
    /// Whether it is the last chunk.
    pub last: bool,
    /// Where its record begins.
    pub at: u64,
}

/// One piece of the original container's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Four characters, e.g. a RIFF chunk's id.
    pub tag: [u8; 4],
    /// Contents.
    pub data: Vec<u8>,
}

impl Meta {
    /// Bytes that it takes in memory.
    pub(crate) fn held(&self) -> u64 {
        (self.data.len() + size_of::<Self>()) as u64
    }
}

/// Place of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// First unit.
    pub first: u64,
    /// Units, without the overlap.
    pub units: u64,
    /// Offset of the chunk's record in the file.
    pub offset: u64,
}
