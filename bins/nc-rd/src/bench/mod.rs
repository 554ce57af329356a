//! Runs of plans: inputs x codecs x settings, each codec a few lines of TOML.

pub mod results;
