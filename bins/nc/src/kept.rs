//! A WAV file's metadata chunks as metadata of an nc file, and back.
//!
//! In an nc file all metadata stands behind the chunks, in order. A WAV file has some before its
//! samples and some after; an empty entry called `data` marks the place of the samples where
//! something stood before them.

use std::io::{Read, Seek};

use nc_core::container::Meta;
use nc_core::{Archive, Budget, Result};
use nc_media::sound::wav::Chunk;

const SAMPLES: [u8; 4] = *b"data";

/// What is put into an nc file before the samples are known to the end.
pub fn before(chunks: Vec<Chunk>) -> Vec<Meta> {
    let mut all: Vec<Meta> = chunks
        .into_iter()
        .filter(|c| !c.after)
        .map(|c| Meta {
            tag: c.id,
            data: c.data,
        })
        .collect();
    if !all.is_empty() {
        all.push(Meta {
            tag: SAMPLES,
            data: Vec::new(),
        });
    }
    all
}

/// Copies that are made of a chunk on its way into a file: here, by side, and as bytes.
const COPIES: u64 = 3;

/// The chunks of a WAV file that an archive's metadata was, and the budget that they leave.
///
/// # Errors
/// Those of [`Archive::meta`], Limit.
pub fn of_archive<R: Read + Seek>(archive: &mut Archive<R>) -> Result<(Vec<Chunk>, Budget)> {
    // What it finds is charged to what is then left.
    archive.meta()?;
    let mut budget = archive.budget().share();
    Ok((chunks(archive.meta()?, &mut budget)?, budget))
}

/// The chunks of a WAV file that these were; they and their copies are charged.
///
/// # Errors
/// Limit.
pub fn chunks(meta: &[Meta], budget: &mut Budget) -> Result<Vec<Chunk>> {
    let held = |m: &Meta| (m.data.len() as u64).saturating_add(size_of::<Chunk>() as u64);
    let all = meta.iter().fold(0, |n: u64, m| n.saturating_add(held(m)));
    budget.charge(all.saturating_mul(COPIES))?;
    let place = meta
        .iter()
        .position(|m| m.tag == SAMPLES && m.data.is_empty());
    let kept = meta
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
            let mut meta = before(all.clone());
            meta.extend(all.iter().filter(|c| c.after).map(|c| Meta {
                tag: c.id,
                data: c.data.clone(),
            }));
            assert_eq!(chunks(&meta, &mut Budget::default()).unwrap(), all);
        }
    }
}
