//! Learning: structure from mutual information, parameters by expectation-maximisation.

mod chow_liu;
mod em;
mod smooth;
mod train;

pub use chow_liu::hidden_chow_liu;
pub use em::{Em, bits_per_dimension, log_likelihoods, start};
pub use smooth::Smoothing;
pub use train::{Learnt, Recipe, train};
