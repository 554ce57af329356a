//! Probabilistic circuits: distributions over records whose every marginal and conditional is
//! exact, learnt from a person's own data.
//!
//! A circuit here is a tree of latent vertices ([`Tree`]), each with a number of states and at
//! most one variable; [`Circuit`] holds its tables. Hidden Chow-Liu trees have a variable at every
//! vertex, region trees of images only at the leaves; one engine runs both.
#![forbid(missing_docs)]

mod circuit;
mod codec;
mod coder;
mod frozen;
#[cfg(feature = "train")]
#[allow(
    clippy::indexing_slicing,
    reason = "learning; nothing that a file says reaches it"
)]
pub mod learn;
mod model;
pub mod query;
mod questions;
mod records;
mod text;
mod tree;
mod walk;

pub use circuit::{Circuit, Span};
pub use codec::{CircuitCodec, Family, INFO};
pub use frozen::Frozen;
pub use model::Stored;
pub use questions::Oracle;
pub use records::Records;
pub use text::{MAX_TEXT, Texts};
pub use tree::{Bin, Tree, Vertex};
