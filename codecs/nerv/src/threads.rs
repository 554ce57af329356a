//! Threads of a call.

use nc_core::{Control, Error, Result};

/// Threads that a call may use: those of the pool that it runs in, unless it says how many.
pub fn threads(ctl: &Control<'_>) -> usize {
    match ctl.threads {
        0 => rayon::current_num_threads(),
        n => n,
    }
}

/// Does work in `n` threads, which are those at hand where they are as many.
///
/// # Errors
/// [`Error::Limit`] where there are no threads to be had.
pub fn within<R: Send>(n: usize, work: impl FnOnce() -> R + Send) -> Result<R> {
    if n == rayon::current_num_threads() {
        return Ok(work());
    }
    match rayon::ThreadPoolBuilder::new().num_threads(n).build() {
        Ok(pool) => Ok(pool.install(work)),
        Err(e) => Err(Error::Limit(format!("threads: {e}").into())),
    }
}
