//! What every metric of speech asks of a pair of signals.

use nc_core::{Error, Result};

/// Samples per second that every metric of speech expects.
pub const RATE: u32 = 16_000;

/// Equal lengths, not empty, finite.
pub(super) fn check(reference: &[f32], degraded: &[f32]) -> Result<()> {
    if reference.is_empty() || reference.len() != degraded.len() {
        return Err(Error::Usage(format!(
            "a metric needs two signals of one length, got {} and {} samples",
            reference.len(),
            degraded.len()
        )));
    }
    if !reference.iter().chain(degraded).all(|v| v.is_finite()) {
        return Err(Error::Usage("a sample is not a finite number".into()));
    }
    Ok(())
}
