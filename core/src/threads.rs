//! Threads that work is shared out to, and that survive a `fork` of the process.
//!
//! A pool's threads do not exist in a forked child, which would wait for them for ever. So a pool remembers the process
//! that started it, and is started anew in another one. rayon's global pool cannot do that, so nothing in nc uses it:
//! encoders, decoders and archives run their codec within the pool of their [`crate::Control`].

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, TryLockError};
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::Limit;
use crate::{Error, Result};

/// How long a lock is waited for that is only ever held for a few instructions.
const PATIENCE: Duration = Duration::from_millis(500);

/// A pool of threads; a clone is the same pool.
#[derive(Clone)]
pub struct Threads(Arc<Shared>);

struct Shared {
    /// How many; 0 is one per core.
    count: usize,
    started: Mutex<Option<Started>>,
}

struct Started {
    process: u32,
    pool: Arc<ThreadPool>,
}

impl Shared {
    /// What was started; none where the lock does not come free: a fork has copied it while another thread of the parent
    /// held it, and in this process nobody holds it.
    fn started(&self) -> Option<MutexGuard<'_, Option<Started>>> {
        let begun = Instant::now();
        loop {
            match self.started.try_lock() {
                Ok(started) => return Some(started),
                // A thread that panicked here left what was there whole.
                Err(TryLockError::Poisoned(started)) => return Some(started.into_inner()),
                Err(TryLockError::WouldBlock) if begun.elapsed() > PATIENCE => return None,
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
    }
}

impl std::fmt::Debug for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Threads").field(&self.0.count).finish()
    }
}

/// One pool for the process, of a thread per core, for whoever brings none.
impl Default for Threads {
    fn default() -> Self {
        static COMMON: OnceLock<Threads> = OnceLock::new();
        COMMON.get_or_init(|| Self::new(0)).clone()
    }
}

impl Threads {
    /// A pool of `count` threads, which start at the first use; 0 is one per core.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Shared {
            count,
            started: Mutex::default(),
        }))
    }

    /// How many were asked for; 0 is one per core.
    pub fn count(&self) -> usize {
        self.0.count
    }

    /// Runs `work` within the pool: whatever it shares out goes to the pool's threads.
    ///
    /// # Errors
    /// [`Error::Limit`] where no threads can be started.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        Ok(self.pool()?.install(work))
    }

    fn pool(&self) -> Result<Arc<ThreadPool>> {
        let process = std::process::id();
        let mine = |s: &&Started| s.process == process;
        let started = self.0.started();
        if let Some(s) = started.as_ref().and_then(|s| s.as_ref()).filter(mine) {
            return Ok(s.pool.clone());
        }
        drop(started);
        // Not under the lock, which a fork may copy as it is.
        let pool = ThreadPoolBuilder::new().num_threads(self.0.count).build();
        let pool = pool.map_err(|e| Error::Limit(Limit::Size(format!("threads: {e}").into())))?;
        let pool = Arc::new(pool);
        let Some(mut started) = self.0.started() else {
            return Ok(pool);
        };
        if let Some(s) = started.as_ref().filter(mine) {
            return Ok(s.pool.clone());
        }
        let before = started.replace(Started {
            process,
            pool: pool.clone(),
        });
        // The pool of the parent process has no threads here that could end.
        std::mem::forget(before);
        Ok(pool)
    }
}
