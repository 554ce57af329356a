#![doc = include_str!("../README.md")]

mod codec;
pub mod config;
pub mod context;
mod network;
pub mod payload;
pub mod prior;
mod quantiser;
#[cfg(feature = "train")]
pub mod train;
mod weights;

pub use codec::{ENTRY, Grvq, INFO};
pub use config::Config;
