//! What the promises of `SECURITY.md` are tried with: fuzz targets, their seeds, and a small mutator.
//!
//! A target is a property of any bytes at all, as a function that panics where it does not hold. Three things run the
//! same targets: `cargo test` on every seed and every crash ever found, `cargo xtask trust` on seeds changed at random,
//! and libFuzzer (`cargo xtask fuzz`, or `cargo fuzz`), which looks for new ways through the code.
#![allow(
    clippy::indexing_slicing,
    reason = "it makes the files that others must survive"
)]

pub mod corpus;
pub mod mutate;
pub mod opener;
pub mod targets;

/// Bytes that a decoder may claim in a fuzz target.
pub const BUDGET: u64 = 8 << 20;
