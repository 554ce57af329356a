//! Other people's decoders, which may panic on a damaged file: that is the file's fault, not the end of the run.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

thread_local! {
    /// Calls of [`caught`] that this thread is in.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
}

/// Runs `work`; none where it panicked. What it was changing is in no known state then, and is to be dropped.
pub fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    let before = INSIDE.get();
    INSIDE.set(before.saturating_add(1));
    let done = catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(before);
    done.ok()
}

/// Keeps panics that are [`caught`] from the terminal, for a program to call as it starts: they become errors, and those
/// are told. All others are reported as before.
pub fn quiet() {
    let report = take_hook();
    set_hook(Box::new(move |panic| {
        if INSIDE.get() == 0 {
            report(panic);
        }
    }));
}
