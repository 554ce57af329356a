//! A process that has decoded may fork, and its child decodes too: pools of threads that stayed behind with the parent are
//! not waited for. Alone in its program, for nothing else may hold a lock when it forks.
#![cfg(unix)]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, unsafe_code)]

mod common;

use std::time::{Duration, Instant};

use nc_core::{Budget, Control, Decoder, Registry, Threads};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};

/// Longest that a child may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The decoded bytes, worked on by the threads of `pool`.
fn decoded(registry: &Registry, file: &[u8], pool: &Threads) -> nc_core::Result<Vec<u8>> {
    let mut ctl = Control {
        threads: pool.clone(),
        ..Control::default()
    };
    let mut d = Decoder::new(file, registry, Budget::default())?;
    let mut out = Vec::new();
    while let Some(piece) = d.next(&mut ctl)? {
        piece.le_bytes(|b| out.extend_from_slice(b));
    }
    Ok(out)
}

/// Runs `work` in a child; says whether it came to its end in time, and was true.
fn in_child(work: impl FnOnce() -> bool) -> Result<(), String> {
    // SAFETY: no other thread of this process holds a lock or allocates: the harness waits for its only test, and the
    // threads of pools wait for work. The child ends without running anything of the parent's.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            let code = i32::from(!work());
            // SAFETY: it does not return, and touches nothing.
            unsafe { nix::libc::_exit(code) }
        }
        ForkResult::Parent { child } => {
            let start = Instant::now();
            while start.elapsed() < LIMIT {
                match waitpid(child, Some(WaitPidFlag::WNOHANG)).unwrap() {
                    WaitStatus::StillAlive => std::thread::sleep(Duration::from_millis(5)),
                    WaitStatus::Exited(_, 0) => return Ok(()),
                    other => return Err(format!("{other:?}")),
                }
            }
            kill(child, Signal::SIGKILL).unwrap();
            waitpid(child, None).unwrap();
            Err("hangs".into())
        }
    }
}

#[test]
fn a_forked_child_decodes_as_its_parent_did() {
    let registry = common::registry();
    // The pool that everybody has who brings none, and one of one's own.
    for pool in [Threads::default(), Threads::new(2)] {
        for family in registry.families() {
            let name = family.info().name;
            let file = common::longest(&registry, family);
            let right = decoded(&registry, &file, &pool).unwrap();
            // The codec that the registry has opened goes with the child; and one that it opens itself.
            let kept = in_child(|| decoded(&registry, &file, &pool).is_ok_and(|y| y == right));
            assert_eq!(kept, Ok(()), "{name}, {pool:?}");
            let fresh = in_child(|| {
                let registry = common::registry();
                decoded(&registry, &file, &pool).is_ok_and(|y| y == right)
            });
            assert_eq!(fresh, Ok(()), "{name}, {pool:?}, opened by the child");
            // The parent's pool is still its own.
            assert!(decoded(&registry, &file, &pool).unwrap() == right);
        }
    }
}
