//! Probabilistic circuits: distributions over records whose every marginal and conditional is
//! exact, learnt from a person's own data.
//!
//! A circuit here is a tree of latent vertices ([`Tree`]), each with a number of states and at
//! most one variable; [`Circuit`] holds its tables. Hidden Chow-Liu trees have a variable at every
//! vertex, region trees of images only at the leaves; one engine runs both.
#![forbid(missing_docs)]

mod circuit;
mod frozen;
#[cfg(feature = "train")]
pub mod learn;
mod records;
mod tree;

pub use circuit::Circuit;
pub use frozen::Frozen;
pub use records::Records;
pub use tree::{Tree, Vertex};
