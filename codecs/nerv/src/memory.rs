//! Sizes that a file claims, which may be any numbers.

use nc_core::{Error, Result};

fn beyond() -> Error {
    Error::Limit("nerv: more than memory can hold".into())
}

/// Bytes of `count` things of `each`.
///
/// # Errors
/// [`Error::Limit`] where no number holds them.
pub fn bytes(count: u64, each: u64) -> Result<u64> {
    // A header may claim any number of frames.
    count.checked_mul(each).ok_or_else(beyond)
}

/// [`bytes`] as the length of a slice.
///
/// # Errors
/// [`Error::Limit`] where memory has no such place.
pub fn elements(count: u64, each: u64) -> Result<usize> {
    usize::try_from(bytes(count, each)?).map_err(|_| beyond())
}
