//! Adaptive coding of yes-or-no decisions by mixed contexts, in integers only.
//!
//! Each decision is predicted many times over, each time by what was seen in another context; the predictions meet in the
//! logistic domain, where weights that learn as they go add them up (Mahoney, "Adaptive weighing of context models for
//! lossless data compression", 2005). Nothing is transmitted but the decisions, and nothing is floating point, so encoder
//! and decoder agree on every machine and at every SIMD level.
//!
//! | part | what it is | take it for |
//! | --- | --- | --- |
//! | [`Encoder`], [`Decoder`], [`Cost`] | where decisions go ([`Bits`]) | everything |
//! | [`Model`] | counters in dense tables, mixer and map in one call | decisions with a few small contexts |
//! | [`Counter`] | two probabilities of two speeds, and how often it was asked | dense contexts |
//! | [`Slots`] and [`history`] | hashed contexts; a byte of history in each node | contexts without bound |
//! | [`Adaptive`] | a probability for each of some states | turning histories into probabilities |
//! | [`Mixer`] | several sets of weights and a second layer | any number of inputs, outside ones among them |
//! | [`Refine`] | a probability corrected by what came of it (SSE) | the last step |
//!
//! A probability is that of a 1, in 65536ths, between 1 and 65535. Its logarithm, `ln(p / (1 - p))`, is in 256ths: see
//! [`stretch`] and [`squash`].
//!
//! ```
//! use nc_core::entropy::mixing::{Bits, Decoder, Encoder, Model, Rate};
//!
//! // Two contexts, of 4 and 2 values; one set of weights.
//! let new = || Model::new(&[4, 2], 0, &[1], 255, Rate::MEDIUM);
//! let decisions = [true, false, true, true, false, true, true];
//! let mut io = Encoder::new();
//! let mut model = new()?;
//! for (i, bit) in decisions.iter().enumerate() {
//!     model.code(&mut io, *bit, &[i % 4, i % 2], &[], &[0])?;
//! }
//! let bytes = io.finish();
//!
//! let mut io = Decoder::new(&bytes);
//! let mut model = new()?;
//! for (i, bit) in decisions.iter().enumerate() {
//!     // The decoder's bit goes in as anything.
//!     assert_eq!(model.code(&mut io, false, &[i % 4, i % 2], &[], &[0])?, *bit);
//! }
//! # Ok::<(), nc_core::Error>(())
//! ```
// The arithmetic here has bounds that stand beside it, and indices are masked to the table or come from a type that
// is no wider; tests run with overflow and bounds checked.
#![allow(clippy::indexing_slicing)]

mod adaptive;
mod coder;
mod counter;
pub mod history;
mod logistic;
mod mixer;
mod model;
mod refine;
mod slots;
mod state;
#[cfg(test)]
mod tests;

pub use adaptive::Adaptive;
pub use coder::{Bits, Cost, Decoder, Encoder};
pub use counter::Counter;
pub use logistic::{MOST, squash, stretch};
pub use mixer::{Mixer, Rate};
pub use model::Model;
pub use nc_kernels::prefetch;
pub use refine::Refine;
pub use slots::{Slot, Slots};
pub use state::State;
