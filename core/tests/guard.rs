//! Panics that are caught are errors and are not reported; all others are.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};

use nc_core::guard::{caught, quiet};

#[test]
fn caught_panics_are_silent_and_others_are_not() {
    static TOLD: AtomicU32 = AtomicU32::new(0);
    std::panic::set_hook(Box::new(|_| {
        TOLD.fetch_add(1, Ordering::Relaxed);
    }));
    quiet();
    assert_eq!(caught(|| 5), Some(5));
    assert_eq!(caught(|| -> u8 { panic!("damaged") }), None);
    // One inside another, which is still inside.
    let both = caught(|| {
        let inner = caught(|| -> u8 { panic!("damaged") });
        assert_eq!(inner, None);
        if inner.is_none() {
            panic!("and the outer one");
        }
    });
    assert_eq!(both, None);
    assert_eq!(TOLD.load(Ordering::Relaxed), 0);
    let other = std::thread::spawn(|| panic!("a mistake")).join();
    assert!(other.is_err());
    assert_eq!(TOLD.load(Ordering::Relaxed), 1);
    drop(std::panic::take_hook());
}
