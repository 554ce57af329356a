//! What is compared: anything that turns samples into bytes and back.
//!
//! Each side of a coder is one call on one clip of mono 16 kHz samples, so that nc's codecs and
//! foreign commands are timed, counted and judged by the same few lines.

use anyhow::Result;

/// A clip coded and decoded again.
pub struct Coded {
    /// Size of the file on disk.
    pub bytes: u64,
    /// Size without the container, where it can be told apart.
    pub payload: Option<u64>,
    /// What came back.
    pub samples: Vec<f32>,
    /// Wall time to encode, in seconds.
    pub encode_s: f64,
    /// Wall time to decode, in seconds.
    pub decode_s: f64,
}

/// One codec at one setting.
pub trait Coder: Sync {
    /// Codec's name, as in a legend.
    fn name(&self) -> &str;
    /// Setting, as a user would give it.
    fn setting(&self) -> &str;
    /// kbit/s that the setting asks for, where it does.
    fn target(&self) -> Option<f64>;
    /// Version and how it was called.
    fn description(&self) -> &str;
    /// Codes one clip.
    fn code(&self, x: &[f32]) -> Result<Coded>;
}
