//! Any bytes, without loss: mixed contexts by default, zstd where speed is asked for, stored where nothing helps.
//!
//! The engine is two functions:
//!
//! ```
//! use nc_bytes::{Preset, decode, encode};
//! let text = b"so it goes, and so it goes, and so it goes".repeat(10);
//! let small = encode(&text, Preset::Medium, nc_bytes::MEMORY)?;
//! assert!(small.len() < 60);
//! assert_eq!(decode(&small, text.len())?, text);
//! # Ok::<(), nc_core::Error>(())
//! ```
//!
//! By default a chunk is cut into two parts from 2 MiB on, which two threads code; each is modelled bit by bit
//! from the bytes before it: orders 0 to 6, words, lines and keys where it is text, instructions where it is machine code, records and
//! gaps where it is something else, and two match models. See `FORMAT.md`, "bytes".
#![allow(
    clippy::indexing_slicing,
    reason = "tables are indexed by masked numbers"
)]

mod codec;
mod content;
mod contexts;
mod matching;
mod model;
mod payload;
mod x86;

pub use codec::{Bytes, INFO};
pub use payload::{MEMORY, Preset, decode, encode, working_memory};

use content::Content;
