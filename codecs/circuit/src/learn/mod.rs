//! Learning: structure from mutual information, parameters by expectation-maximisation.

mod bins;
mod checkpoint;
mod chow_liu;
mod counts;
mod em;
mod family;
mod grow;
mod hook;
mod pass;
mod quad;
mod smooth;
mod train;

pub use bins::with_bins;
pub use chow_liu::{hidden_chow_liu, hidden_chow_liu_after};
pub use em::{Em, bits_per_dimension, log_likelihoods, start};
pub use family::Family;
pub use hook::Learner;
pub use quad::quad_tree;
pub use smooth::Smoothing;
pub use train::{Learnt, Recipe, Traits, train};
