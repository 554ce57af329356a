//! Progress, cancellation, threads, seed and checkpoint folder, passed into every long call.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

/// One report of progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress<'a> {
    /// What is being done, e.g. `"encode"`.
    pub task: &'a str,
    /// Units done (samples, steps, bytes).
    pub done: u64,
    /// Units in all, when known.
    pub total: Option<u64>,
    /// A short text for the terminal, e.g. a loss; may be empty.
    pub note: &'a str,
}

/// What a caller hands into a long-running call.
#[derive(Default)]
pub struct Control<'a> {
    /// Called now and then with the state of the work.
    pub progress: Option<&'a mut dyn FnMut(Progress<'_>)>,
    /// Set to true from another thread (or a signal handler) to stop.
    pub cancel: Option<Arc<AtomicBool>>,
    /// Threads to use; 0 means one per core.
    pub threads: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// Units that a reader of the file may want alone, for codecs that trade bytes for it; 0 means
    /// the codec's default.
    pub access: u32,
    /// Where long work keeps its checkpoints.
    pub checkpoints: Option<PathBuf>,
}

impl Control<'_> {
    /// Reports progress, if anybody listens.
    pub fn report(&mut self, progress: Progress<'_>) {
        if let Some(f) = self.progress.as_mut() {
            f(progress);
        }
    }

    /// [`Error::Cancelled`] once cancellation was asked for.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn check(&self) -> Result<()> {
        match &self.cancel {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }
}
