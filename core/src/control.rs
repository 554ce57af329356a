//! Progress, cancellation, threads, effort and checkpoint folder, passed into every long call.
//!
//! What a result is to be like is in a [`crate::Goal`]; what may be spent on it, and who wants to hear
//! how it goes, is here, so that a codec without an interest in it has nothing to do.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::{Budget, Error, Options, Result, Threads};

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

/// How much work an encoder is to put into a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Effort {
    /// A first look.
    Fast,
    /// What most people want.
    #[default]
    Medium,
    /// As good as the codec can, however long that takes.
    Slow,
}

/// What a caller hands into a long-running call.
#[derive(Default)]
pub struct Control<'a> {
    /// Called now and then with the state of the work.
    pub progress: Option<&'a mut (dyn FnMut(Progress<'_>) + Send)>,
    /// Set to true from another thread (or a signal handler) to stop.
    pub cancel: Option<Arc<AtomicBool>>,
    /// The pool that codecs share their work out to.
    pub threads: Threads,
    /// Seed of everything random.
    pub seed: u64,
    /// Where long work keeps its checkpoints. Those of an encode are `chunk-*`, one for each chunk, and stay until
    /// [`Self::clear_checkpoints`], so that a file of many chunks goes on where it was.
    pub checkpoints: Option<PathBuf>,
    /// Whether work goes on from what is in [`Self::checkpoints`], where that is of the same work.
    pub resume: bool,
    /// Work to put into encoding; a codec without a choice ignores it.
    pub effort: Effort,
    /// Time that encoding may take. In a call of [`crate::Encoder`] it is for the whole file, whose
    /// chunks share it; in one of [`crate::Codec::encode`] for that chunk. A codec whose work has an
    /// end anyhow ignores it; the others stop in time with the best they have.
    pub time_limit: Option<Duration>,
    /// Memory that [`crate::Codec::encode`] may take for its work on a chunk, its output aside; the codec charges it
    /// before it allocates. [`crate::Encoder`] sets it, see [`crate::Encoder::set_budget`].
    pub budget: Budget,
    /// Options of the codec, by name; an encoder refuses those that are not in [`crate::CodecInfo::options`].
    pub options: Options,
}

impl Control<'_> {
    /// Reports progress, if anybody listens.
    pub fn report(&mut self, progress: Progress<'_>) {
        if let Some(f) = self.progress.as_mut() {
            f(progress);
        }
    }

    /// Removes the checkpoints of an encode whose file is whole and where it belongs, and their folder if nothing
    /// else is in it.
    pub fn clear_checkpoints(&self) {
        let Some(folder) = &self.checkpoints else {
            return;
        };
        // What cannot be removed is in nobody's way: the next encode writes its own.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with("chunk-") {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        let _ = std::fs::remove_dir(folder);
    }

    /// [`Error::Cancelled`] once cancellation was asked for.
    ///
    /// # Errors
    /// [`Error::Cancelled`].
    pub fn check(&self) -> Result<()> {
        check(self.cancel.as_ref())
    }

    /// [`Self::check`] for other threads, which cannot share this.
    pub fn checker(&self) -> impl Fn() -> Result<()> + Clone + Send + Sync + 'static {
        let flag = self.cancel.clone();
        move || check(flag.as_ref())
    }
}

fn check(flag: Option<&Arc<AtomicBool>>) -> Result<()> {
    match flag {
        Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::Cancelled),
        _ => Ok(()),
    }
}
