//! Learning on a CPU: a tape of operations, layers with their gradients, one optimiser, checkpoints.
//!
//! Layers are written by hand over slices, forward and backward, because that needs the least memory traffic: a whole
//! ConvNeXt block or spectral loss is one operation. The [`Tape`] only remembers in which order gradients flow.
//!
//! Every value is a matrix `[rows, channels]`, row-major. The rows of a sequence are its positions in time, those of an
//! image its pixels line by line, and one sequence or image of a batch follows another; a layer that looks along time or
//! space is told their [`conv::Window`]. A linear layer is therefore a convolution of one tap as well.
//!
//! A tape belongs to one thread. Batches are shared out by [`parallel::gradients`], which gives every part a tape of its
//! own, works in the caller's pool and adds gradients in the order of the parts: the same seed and the same number of
//! parts give the same bits on the same machine, however many threads there are.
//!
//! Wrong sizes are faults of our own code and come back as [`nc_core::Error::Internal`].
//!
//! ```
//! use nc_learn::{Learner, Params, Tape, linear::linear, loss::mean_squared};
//!
//! // Learns y = 2 x + 1.
//! let (x, y) = ([0.0, 1.0, 2.0, 3.0], [1.0, 3.0, 5.0, 7.0]);
//! let mut params = Params::default();
//! params.matrix("weight", [1, 1], vec![0.0]);
//! params.vector("bias", vec![0.0]);
//! let mut learner = Learner::new(params);
//! for _ in 0..500 {
//!     let tape = Tape::new();
//!     let p = learner.params.nodes(&tape, true)?;
//!     let x = tape.input(x.to_vec(), [4, 1])?;
//!     let loss = mean_squared(&linear(&x, &p[0], &p[1])?, &y)?;
//!     let mut grads = loss.backward()?.take_all(&p)?;
//!     learner.apply(&mut grads, 0.05, 10.0)?;
//! }
//! let found = &learner.params.0;
//! assert!((found[0].data[0] - 2.0).abs() < 0.1 && (found[1].data[0] - 1.0).abs() < 0.1);
//! # Ok::<(), nc_core::Error>(())
//! ```
#![allow(clippy::indexing_slicing, reason = "learning; no file reaches it")]

#[cfg(feature = "layers")]
pub mod activation;
mod adamw;
#[cfg(feature = "layers")]
pub mod arithmetic;
#[cfg(feature = "layers")]
pub mod block;
pub mod check;
mod checkpoint;
#[cfg(feature = "layers")]
pub mod conv;
#[cfg(feature = "layers")]
mod dense;
#[cfg(feature = "layers")]
pub mod linear;
#[cfg(feature = "layers")]
pub mod loss;
pub mod math;
#[cfg(feature = "layers")]
pub mod norm;
pub mod parallel;
mod param;
#[cfg(feature = "layers")]
pub mod quantise;
#[cfg(feature = "layers")]
pub mod recurrent;
pub mod schedule;
#[cfg(feature = "layers")]
pub mod spectrum;
mod tape;
#[cfg(feature = "layers")]
pub mod token;

pub use adamw::{AdamW, Settings, Update, clip};
pub use checkpoint::Checkpoint;
pub use param::{Average, Learner, Param, Params};
pub use tape::{Dims, Gradients, Node, Tape};

use nc_core::Error;

/// The error of sizes that do not fit.
pub(crate) fn misfit(what: &'static str) -> Error {
    Error::Internal(what.into())
}
