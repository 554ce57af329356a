//! Group-residual vector-quantised audio codec: 1 to 6 kbit/s from one nested stream.
//!
//! After Yang et al., *HiFi-Codec* (2023). A ConvNeXt encoder in the short-time Fourier domain
//! makes 50 latent frames per second; a quantiser of G groups x R residual stages x K codes turns
//! each into tokens; a learned deterministic prior codes the tokens; a ConvNeXt decoder and an
//! inverse short-time Fourier transform turn them back into sound.

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
