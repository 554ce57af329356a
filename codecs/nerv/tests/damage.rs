//! Damaged payloads are no panic, and what decoding allocates stays within its budget.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    unsafe_code
)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Kind, clip, decode, encode, format, head};
use nc_core::rng::Rng;
use nc_core::{Budget, Chroma, ChunkGoal, ChunkHead, Control, Error, VideoFormat};

/// The system's allocator, and how much of it is held.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn more(n: usize) {
    let held = HELD.fetch_add(n, Ordering::SeqCst) + n;
    MOST.fetch_max(held, Ordering::SeqCst);
}

// SAFETY: every call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: the caller's.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        more(size);
        HELD.fetch_sub(layout.size(), Ordering::SeqCst);
        // SAFETY: the caller's.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is not charged: tables of the coders and other small things.
const SMALL: usize = 1 << 20;

/// Decodes with a budget; gives the outcome and the most that was held meanwhile.
fn measured(
    payload: &[u8],
    head: &ChunkHead<VideoFormat>,
    budget: u64,
) -> (Result<(), Error>, usize) {
    let before = HELD.load(Ordering::SeqCst);
    MOST.store(before, Ordering::SeqCst);
    let outcome = decode(payload, head, &mut Budget::new(budget)).map(|_| ());
    // Whatever a file holds, it is no fault of the codec's own code.
    assert!(!matches!(outcome, Err(Error::Internal(_))), "{outcome:?}");
    (outcome, MOST.load(Ordering::SeqCst).saturating_sub(before))
}

/// All in one test, because what is held is counted for the whole process.
#[test]
fn what_is_held_stays_within_the_budget() {
    // One thread, so that nothing else allocates.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    pool.install(|| {
        sizes();
        damage();
        headers();
    });
}

/// The least budget that is enough is no less than what is held.
fn sizes() {
    for (w, h, chroma, frames) in [
        (16_384, 1, Chroma::C420, 3),
        (1, 16_384, Chroma::C444, 3),
        (320, 180, Chroma::C420, 6),
        (9, 900, Chroma::C422, 6),
        (500, 17, Chroma::Gray, 6),
    ] {
        let x = clip(Kind::Texture, format(w, h, chroma, 8), frames, 1);
        let (payload, _) = encode(&x, ChunkGoal::Quality(1.0), &mut Control::default()).unwrap();
        assert_eq!(payload[0], 2, "{w} x {h}");
        let (mut little, mut enough) = (0, 1u64 << 27);
        while enough - little > 1 << 14 {
            let middle = u64::midpoint(little, enough);
            match measured(&payload, &head(&x), middle) {
                (Ok(()), _) => enough = middle,
                (Err(Error::Limit(_)), held) => {
                    assert!(
                        held as u64 <= middle + SMALL as u64,
                        "{w} x {h}: {held} of {middle}"
                    );
                    little = middle;
                }
                (Err(e), _) => panic!("{w} x {h}: {e}"),
            }
        }
        let (_, held) = measured(&payload, &head(&x), enough);
        assert!(
            held as u64 <= enough + SMALL as u64,
            "{w} x {h}: {held} of {enough}"
        );
    }
}

/// Every truncation, and one flip of every byte.
fn damage() {
    let x = clip(Kind::Screen, format(33, 18, Chroma::C420, 8), 3, 2);
    let (good, _) = encode(&x, ChunkGoal::Quality(3.0), &mut Control::default()).unwrap();
    assert_eq!(good[0], 2);
    let mut rng = Rng::new(3);
    for at in 0..good.len() {
        let (outcome, _) = measured(&good[..at], &head(&x), 64 << 20);
        assert!(outcome.is_err(), "{at}");
        for _ in 0..if at < 20 { 100 } else { 2 } {
            let mut bad = good.clone();
            bad[at] ^= 1 + rng.below(255) as u8;
            let (_, held) = measured(&bad, &head(&x), 64 << 20);
            assert!(held <= (64 << 20) + SMALL, "byte {at}: {held}");
        }
    }
}

/// The same payload under heads of other, larger frames.
fn headers() {
    let x = clip(Kind::Screen, format(33, 18, Chroma::C420, 8), 3, 2);
    let (good, _) = encode(&x, ChunkGoal::Quality(3.0), &mut Control::default()).unwrap();
    for (w, h) in [
        (16_384, 16_384),
        (16_384, 1),
        (1, 16_384),
        (4096, 2160),
        (1, 1),
    ] {
        for chroma in [Chroma::Gray, Chroma::C420, Chroma::C422, Chroma::C444] {
            for units in [0, 1, 3, 4, u64::MAX] {
                let other = ChunkHead {
                    format: format(w, h, chroma, 10),
                    first: 0,
                    units,
                };
                let (outcome, held) = measured(&good, &other, 64 << 20);
                assert!(held <= (64 << 20) + SMALL, "{w} x {h}: {held}");
                assert!(units == 3 || outcome.is_err(), "{w} x {h}, {units}");
            }
        }
    }
}
