//! Payloads: which method, and what it wrote.

use nc_core::entropy::mixing::{Decoder, Encoder};
use nc_core::{Error, Result};

use crate::Content;
use crate::model::Model;
use crate::x86;

/// What may be spent on a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// zstd, level 3.
    Fast,
    /// Mixed contexts.
    Medium,
}

/// The default of an encoder's memory: slots of `2^26` bytes at most for each part.
pub const MEMORY: u32 = 26;
/// Most that a decoder takes.
const MOST_MEMORY: u32 = 28;
/// Least bytes of one of several parts.
const PART: usize = 1 << 20;

/// Methods, the first byte of a payload.
const STORED: u8 = 0;
const ZSTD: u8 = 1;
const MIXED: u8 = 2;

/// zstd's level for [`Preset::Fast`].
const LEVEL: i32 = 3;

/// Codes `bytes`; never longer than they are by more than one byte. `memory` is the logarithm of the most slots' bytes, 16 to
/// 28, for each of at most two threads.
///
/// # Errors
/// [`Error::Usage`] for memory out of its range; [`Error::Internal`].
pub fn encode(bytes: &[u8], preset: Preset, memory: u32) -> Result<Vec<u8>> {
    if !(16..=MOST_MEMORY).contains(&memory) {
        return Err(Error::Usage(format!("memory of 2^{memory} bytes")));
    }
    let fast = zstd::bulk::compress(bytes, LEVEL)?;
    // What zstd takes nothing off is compressed already, or of no use to contexts: in the mean a byte is as likely as any other.
    let random = fast.len() >= bytes.len() && is_even(bytes);
    let (method, coded) = match preset {
        Preset::Fast => (ZSTD, fast),
        Preset::Medium if random => (STORED, bytes.to_vec()),
        Preset::Medium => (MIXED, mixed(bytes, memory)?),
    };
    let (method, coded) = if coded.len() < bytes.len() {
        (method, coded)
    } else {
        (STORED, bytes.to_vec())
    };
    Ok([&[method], &coded[..]].concat())
}

/// Whether no byte is much likelier than others: 7.9 bits a byte or more by their squares' sum, where there are enough.
fn is_even(bytes: &[u8]) -> bool {
    let mut counts = [0u64; 256];
    for b in bytes {
        counts[usize::from(*b)] += 1;
    }
    let squares: u64 = counts.iter().map(|c| c * c).sum();
    let n = bytes.len() as u64;
    // An even spread gives n^2 / 256 + n.
    n >= 4096 && squares * 256 < n * n + n * n / 14 + 256 * n
}

/// Decodes a payload of `length` bytes.
///
/// # Errors
/// [`Error::Format`] for a payload that no encoder writes.
pub fn decode(payload: &[u8], length: usize) -> Result<Vec<u8>> {
    let (method, coded) = payload
        .split_first()
        .ok_or_else(|| Error::Format("bytes: an empty payload".into()))?;
    let bytes = match *method {
        STORED => coded.to_vec(),
        ZSTD => zstd::bulk::decompress(coded, length)
            .map_err(|e| Error::Format(format!("bytes: zstd: {e}").into()))?,
        MIXED => unmix(coded, length)?,
        other => return Err(Error::Format(format!("bytes: method {other}").into())),
    };
    if bytes.len() == length {
        Ok(bytes)
    } else {
        Err(Error::Format("bytes: payload and length differ".into()))
    }
}

/// Bytes that decoding a payload of `length` bytes may take beside its output, by its head.
#[must_use]
pub fn working_memory(payload: &[u8], length: usize) -> u64 {
    let parts = parts_of(length) as u64;
    match payload {
        // Slots, pointers, maps and the output of the parts; some for tables of fixed size.
        [MIXED, memory, ..] => {
            let slots = 1u64 << Model::slots(length / parts as usize + 1, u32::from(*memory));
            parts * (slots + (40 << 20)) + 2 * length as u64
        }
        [ZSTD, ..] => 8 << 20,
        _ => 0,
    }
}

/// Parts of a chunk: both sides know.
fn parts_of(length: usize) -> usize {
    (length / PART).clamp(1, 2)
}

/// Lengths of the parts: as equal as can be, the first one byte longer where they cannot.
fn cut(length: usize) -> (usize, usize) {
    match parts_of(length) {
        1 => (length, 0),
        _ => (length.div_ceil(2), length / 2),
    }
}

/// Memory, then for two parts the first's length in four bytes, the least first, then the parts.
fn mixed(bytes: &[u8], memory: u32) -> Result<Vec<u8>> {
    let (first, second) = bytes.split_at(cut(bytes.len()).0);
    let mut out = vec![memory as u8];
    if second.is_empty() {
        out.extend(part(first, memory)?);
        return Ok(out);
    }
    let (a, b) = rayon::join(|| part(first, memory), || part(second, memory));
    let (a, b) = (a?, b?);
    let length = u32::try_from(a.len());
    let length = length.map_err(|_| Error::Usage("bytes: a part too long".into()))?;
    out.extend(length.to_le_bytes());
    out.extend(a);
    out.extend(b);
    Ok(out)
}

fn unmix(coded: &[u8], length: usize) -> Result<Vec<u8>> {
    let early = || Error::Format("bytes: a payload that ends early".into());
    let (memory, coded) = coded.split_first().ok_or_else(early)?;
    let memory = u32::from(*memory);
    if !(16..=MOST_MEMORY).contains(&memory) {
        return Err(Error::Format(
            format!("bytes: memory of 2^{memory} bytes").into(),
        ));
    }
    let (first, second) = cut(length);
    if second == 0 {
        return unpart(coded, first, memory);
    }
    let (at, coded) = coded.split_first_chunk().ok_or_else(early)?;
    let at = usize::try_from(u32::from_le_bytes(*at)).map_err(|_| early())?;
    let (a, b) = coded.split_at_checked(at).ok_or_else(early)?;
    let (a, b) = rayon::join(|| unpart(a, first, memory), || unpart(b, second, memory));
    let mut bytes = a?;
    bytes.extend(b?);
    Ok(bytes)
}

/// The content's number, then what the coder wrote.
fn part(bytes: &[u8], memory: u32) -> Result<Vec<u8>> {
    let content = Content::of(bytes);
    let mut absolute = Vec::new();
    let bytes = if content == Content::Code {
        absolute.extend_from_slice(bytes);
        x86::to_absolute(&mut absolute);
        &absolute
    } else {
        bytes
    };
    let mut model = Model::new(content, bytes.len(), memory)?;
    let mut io = Encoder::new();
    for at in 0..bytes.len() {
        model.code(&mut io, bytes[at], &bytes[..at])?;
        model.step(&bytes[..=at]);
    }
    Ok([&[content.number()], &io.finish()[..]].concat())
}

fn unpart(coded: &[u8], length: usize, memory: u32) -> Result<Vec<u8>> {
    let (number, coded) = coded
        .split_first()
        .ok_or_else(|| Error::Format("bytes: a part that ends early".into()))?;
    let content = Content::numbered(*number)?;
    let mut model = Model::new(content, length, memory)?;
    let mut io = Decoder::new(coded);
    let mut bytes = Vec::with_capacity(length);
    for _ in 0..length {
        bytes.push(model.code(&mut io, 0, &bytes)?);
        model.step(&bytes);
    }
    if content == Content::Code {
        x86::to_relative(&mut bytes);
    }
    Ok(bytes)
}
