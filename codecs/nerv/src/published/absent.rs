//! In the place of the published networks, in a build without the feature `published`.

use std::ops::Range;

use nc_core::{Budget, ChunkGoal, Control, Error, Result, Video, VideoFormat};

/// There is none.
#[derive(Debug, Clone, Copy)]
pub enum Kind {}

fn absent() -> Error {
    Error::Unsupported(
        "nerv: the published networks need the feature `published` of nc-codec-nerv".into(),
    )
}

/// The network of a name on the command line.
///
/// # Errors
/// [`Error::Unsupported`] for the names of the published networks.
pub fn kind(name: &str) -> Result<Option<Kind>> {
    match name {
        "nerv" | "nerv++" | "cam" => Err(absent()),
        _ => Ok(None),
    }
}

/// See the module of the networks; nobody has a kind to call it with.
///
/// # Errors
/// None.
pub fn encode_chunk(
    _: Video<'_>,
    kind: Kind,
    _: ChunkGoal,
    _: u64,
    _: &mut Control<'_>,
) -> Result<Vec<u8>> {
    match kind {}
}

/// Refuses a payload of a published network.
///
/// # Errors
/// [`Error::Unsupported`].
pub fn decode(
    _: &[u8],
    _: &VideoFormat,
    _: Range<u64>,
    _: u64,
    _: &mut Budget,
    _: &mut Control<'_>,
) -> Result<Vec<u16>> {
    Err(absent())
}
