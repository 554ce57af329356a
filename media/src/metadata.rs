//! What a file says beside its signal, as metadata of an nc file, and back. FORMAT.md, "Metadata", specifies it.
//!
//! An nc file keeps pieces of metadata in one list, each with a tag of four characters:
//!
//! | of | tag | contents |
//! | --- | --- | --- |
//! | WAV | the chunk's id, such as `LIST`, `bext`, `id3 ` | the chunk's content |
//! | WAV | `data` | nothing: the chunks before it stood before the samples, those behind it behind them |
//! | WAV | `fmt ` | the whole chunk, where its mask of speakers is not the usual one |
//! | Y4M | `y4m ` | the parameters of the first line, beside size and rate |
//! | records | `recs` | what the file says beyond its rows and its schema: see [`crate::records`] |
//!
//! A WAV file without the `data` piece has all its chunks behind the samples.

use nc_core::container::Meta;
use nc_core::{Budget, Colour, Result, VideoFormat};

use crate::sound::wav::Chunk;
use crate::video::y4m::{self, Head};

/// Marks the place of a WAV file's samples among its chunks.
pub const SAMPLES: [u8; 4] = *b"data";
/// Parameters of a Y4M file's first line.
pub const Y4M: [u8; 4] = crate::video::y4m::META;
/// What a file of records says beyond its rows.
pub const RECORDS: [u8; 4] = *b"recs";

/// Copies that are made of a chunk on its way into a file: here, by side, and as bytes.
const COPIES: u64 = 3;

/// The speakers of so many channels, where they are not the usual ones: a `fmt ` chunk that has no other use.
pub(crate) fn speakers(mask: u32, channels: u16) -> Option<Meta> {
    let data = crate::sound::wav::speakers_chunk(mask, channels)?;
    Some(Meta {
        tag: *b"fmt ",
        data,
    })
}

/// Chunks of a WAV file, in their order. Those that stood before the samples come first and are given together, the
/// marker behind them; those behind the samples may be given later.
pub fn of_wav(chunks: Vec<Chunk>) -> Vec<Meta> {
    let meta = |c: Chunk| Meta {
        tag: c.id,
        data: c.data,
    };
    let (after, before): (Vec<_>, Vec<_>) = chunks.into_iter().partition(|c| c.after);
    let marker = (!before.is_empty()).then(|| Meta {
        tag: SAMPLES,
        data: Vec::new(),
    });
    let before = before.into_iter().map(meta).chain(marker);
    before.chain(after.into_iter().map(meta)).collect()
}

/// The chunks of a WAV file that these were; they and their copies are charged. A piece of another format becomes a
/// chunk with its tag, which readers of WAV pass over.
///
/// # Errors
/// Limit.
pub fn to_wav(metadata: &[Meta], budget: &mut Budget) -> Result<Vec<Chunk>> {
    let held = |m: &Meta| m.data.len() as u64 + size_of::<Chunk>() as u64;
    budget.charge(metadata.iter().map(held).sum::<u64>() * COPIES)?;
    let place = metadata
        .iter()
        .position(|m| m.tag == SAMPLES && m.data.is_empty());
    let kept = metadata
        .iter()
        .enumerate()
        .filter(|(i, _)| Some(*i) != place)
        .map(|(i, m)| Chunk {
            id: m.tag,
            data: m.data.clone(),
            after: place.is_none_or(|p| i > p),
        })
        // These three would make another file of it; a damaged one may claim them.
        .filter(|c| !matches!(&c.id, b"data" | b"fact" | b"ds64"));
    Ok(kept.collect())
}

/// Whether a chunk's content counts samples from the start, which a part of the sound does not have.
pub fn counts_samples(id: &[u8; 4]) -> bool {
    [b"cue ", b"plst", b"smpl"].contains(&id)
}

/// A Y4M file's first line as metadata; none where it says no more than size and rate.
pub fn of_y4m(head: &Head) -> Option<Meta> {
    let kept = head.kept();
    (!kept.is_empty()).then(|| Meta {
        tag: Y4M,
        data: kept.into_bytes(),
    })
}

/// The first line of the Y4M file that video is written as.
pub fn to_y4m(format: VideoFormat, metadata: &[Meta]) -> Head {
    let kept = metadata.iter().find(|m| m.tag == Y4M);
    // No line is longer, and what is is not copied.
    let kept = kept.filter(|m| m.data.len() <= y4m::MOST_LINE);
    match kept.map(|m| std::str::from_utf8(&m.data)) {
        Some(Ok(kept)) => Head::again(format, kept),
        // A line of size and rate alone leaves no record.
        None if format.colour == Colour::Video => Head::again(format, ""),
        _ => Head::of(format),
    }
}

/// What a file of records says beyond its rows.
pub fn of_records(extras: Vec<u8>) -> Option<Meta> {
    (!extras.is_empty()).then_some(Meta {
        tag: RECORDS,
        data: extras,
    })
}

/// The same, out of an nc file's metadata; empty where there is nothing.
pub fn to_records(metadata: &[Meta]) -> &[u8] {
    let extras = metadata.iter().find(|m| m.tag == RECORDS);
    extras.map_or(&[], |m| &m.data)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn chunks_come_back_to_their_side() {
        let chunk = |id: &[u8; 4], after| Chunk {
            id: *id,
            data: vec![1, 2],
            after,
        };
        for all in [
            vec![],
            vec![chunk(b"LIST", true)],
            vec![chunk(b"bext", false)],
            vec![
                chunk(b"bext", false),
                chunk(b"LIST", true),
                chunk(b"id3 ", true),
            ],
        ] {
            let meta = of_wav(all.clone());
            assert_eq!(to_wav(&meta, &mut Budget::default()).unwrap(), all);
            // Those behind the samples are found later.
            let (after, before): (Vec<_>, Vec<_>) = all.iter().cloned().partition(|c| c.after);
            let mut meta = of_wav(before);
            meta.extend(of_wav(after));
            assert_eq!(to_wav(&meta, &mut Budget::default()).unwrap(), all);
        }
    }
}
