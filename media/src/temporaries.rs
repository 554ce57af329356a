//! Files and folders that are half written: a list of them, for a program that has to end at once.
//!
//! Whoever writes removes them when it stops by itself. A signal, or work that hangs in a read, leaves no time for that:
//! the program's signal handler calls [`remove`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static LIST: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Removes all that are registered. What is being written by other threads fails from then on: call it when the process
/// is about to end.
pub fn remove() {
    for path in std::mem::take(&mut *list()) {
        if std::fs::remove_file(&path).is_err() {
            // A folder, or gone already.
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

/// A file or folder that is to go if the process has to end.
pub(crate) fn register(path: &Path) {
    list().insert(path.to_path_buf());
}

/// It is gone, or has its final name.
pub(crate) fn release(path: &Path) {
    list().remove(path);
}

fn list() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}
