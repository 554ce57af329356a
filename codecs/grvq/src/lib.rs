#![doc = include_str!("../README.md")]

mod codec;
pub mod config;
pub mod context;
mod network;
pub mod payload;
pub mod prior;
mod search;
#[cfg(feature = "train")]
#[allow(
    clippy::indexing_slicing,
    clippy::unreachable,
    reason = "training; nothing that a file says reaches it"
)]
pub mod train;
mod weights;

pub use codec::{Family, Grvq, INFO};
pub use config::Config;
