//! What a signal handler removes; a process of its own, because it removes all that is half written.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use nc_core::{Chroma, Colour, Format, VideoFormat};
use nc_media::{CreateOptions, create, temporaries};

#[test]
fn a_signal_handler_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let count = || std::fs::read_dir(dir.path()).unwrap().count();
    let video = Format::Video(VideoFormat {
        width: 1,
        height: 1,
        rate: [1, 1],
        chroma: Chroma::Gray,
        bits: 8,
        colour: Colour::Image,
        alpha: false,
    });
    let new = CreateOptions::new;
    let file = create(dir.path().join("a"), &Format::Bytes, new()).unwrap();
    let folder = create(dir.path().join("b"), &video, new()).unwrap();
    assert_eq!(count(), 2);
    temporaries::remove();
    assert_eq!(count(), 0);
    assert!(file.finish().is_err() && folder.finish().is_err());
}
