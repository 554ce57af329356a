//! Threads of a call.

use nc_core::{Control, Result};

/// Threads that a call may use: those of the pool that it runs in, which is the control's.
pub fn threads(_: &Control<'_>) -> usize {
    rayon::current_num_threads()
}

/// Does work in the pool at hand.
///
/// # Errors
/// None.
pub fn within<R: Send>(_: usize, work: impl FnOnce() -> R + Send) -> Result<R> {
    Ok(work())
}
