//! Files of sound as samples, and back: WAV in and out, and what symphonia decodes in.
//!
//! The command line codes such files and a fuzzer tries to break them, so both find them here. What a file
//! says is charged to a budget before anything is allocated for it, and what is wrong with it is an
//! [`nc_core::Error`].
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

#[cfg(feature = "compressed-sound")]
pub mod compressed;
pub mod wav;

/// Kinds of sound that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RIFF, RF64 or BW64 with WAVE inside, for [`wav::WavReader`].
    Wav,
    /// FLAC, MP3, Ogg, ADTS or MP4, for [`compressed::CompressedReader`].
    Compressed,
}

/// The kind of a file, of which these are the first 12 bytes or more; none where it is no sound.
///
/// ```
/// use nc_media::sound::{Kind, kind};
/// assert_eq!(kind(b"RIFF\x24\0\0\0WAVEfmt "), Some(Kind::Wav));
/// assert_eq!(kind(b"fLaC\0\0\0\x22"), Some(Kind::Compressed));
/// assert_eq!(kind(b"RIFF\x24\0\0\0AVI LIST"), None);
/// ```
pub fn kind(head: &[u8]) -> Option<Kind> {
    let at = |from: usize, what: &[u8]| head.get(from..).is_some_and(|h| h.starts_with(what));
    if (at(0, b"RIFF") || at(0, b"RF64") || at(0, b"BW64")) && at(8, b"WAVE") {
        Some(Kind::Wav)
    } else if at(0, b"fLaC") || at(0, b"OggS") || at(0, b"ID3") || at(4, b"ftyp") || mpeg(head) {
        Some(Kind::Compressed)
    } else {
        None
    }
}

/// An MPEG audio frame (MP3, or AAC in ADTS): eleven set bits, and no field with a reserved value.
fn mpeg(head: &[u8]) -> bool {
    let &[a, b, c, ..] = head else { return false };
    if a != 0xFF || b & 0xE0 != 0xE0 {
        return false;
    }
    let adts = b & 0xF6 == 0xF0 && (c >> 2) & 15 < 13;
    let layer3 =
        b & 0x06 == 0x02 && b & 0x18 != 0x08 && c >> 4 != 15 && c >> 4 != 0 && c & 12 != 12;
    adts || layer3
}
