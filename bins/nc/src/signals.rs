//! SIGINT and SIGTERM: ask the work to stop, and leave no half-written file behind.
//!
//! The work looks at a flag between blocks and unwinds, which removes its temporary files. Where
//! it sits in a blocking read (a pipe that nobody writes to) it never looks, so after a grace
//! period, or at a second signal, the files that are half written are removed here and the process ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

static GRACE_MS: AtomicU64 = AtomicU64::new(GRACE.as_millis() as u64);

/// How long work may take to stop by itself, unless it says otherwise.
pub const GRACE: Duration = Duration::from_millis(2_000);

/// Installs the handlers; the flag becomes true at the first signal.
pub fn install() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = flag.clone();
    // Without handlers a signal ends the process as it always did: nothing else depends on them.
    let _ = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            end();
        }
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_millis(GRACE_MS.load(Ordering::Relaxed)));
            end();
        });
    });
    flag
}

/// How long the work may take to stop by itself; for work that saves its state first.
pub fn set_grace(grace: Duration) {
    GRACE_MS.store(
        u64::try_from(grace.as_millis()).unwrap_or(u64::MAX),
        Ordering::Relaxed,
    );
}

fn end() -> ! {
    nc::media::temporaries::remove();
    std::process::exit(1)
}
