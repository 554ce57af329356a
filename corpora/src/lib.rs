//! What judges the codecs: metrics, seeded generators, loaders and the manifests of the field's
//! data sets.
//!
//! A figure is only worth something if another person can get it again, so every generator is
//! seeded, every metric names its source and is checked against an independent implementation,
//! and every data set is named by licence, revision and SHA-256.
//!
//! ```
//! use nc_corpora::{metrics, synth};
//! let speech = synth::speech(1, 3.0);
//! let noisy = synth::add_noise(&speech, 20.0, 2);
//! assert!((metrics::snr(&speech, &noisy)? - 20.0).abs() < 1e-3);
//! assert!(metrics::stoi(&speech, &noisy)? > 0.8);
//! # Ok::<(), nc_core::Error>(())
//! ```
#![allow(
    clippy::indexing_slicing,
    reason = "metrics and generators over data of its own making"
)]

pub mod audio;
pub mod examples;
pub mod files;
pub mod golden;
pub mod images;
pub mod manifest;
pub mod metrics;
pub mod raw;
pub mod records;
pub mod resample;
pub mod synth;
pub mod video;
