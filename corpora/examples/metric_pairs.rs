//! Writes the signal pairs of `tests/metrics.rs` (WAV, PPM and Y4M files) for independent
//! implementations.
//!
//! `cargo run -p nc-codec-corpora --example metric_pairs -- FOLDER`, then
//! `python3 corpora/tests/metrics.py FOLDER > corpora/tests/metrics.toml`.
#![allow(clippy::indexing_slicing, reason = "data of its own making")]

use nc_media::video::y4m::{Head, push_frame};

#[path = "../tests/pairs/mod.rs"]
mod pairs;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder?")?;
    let folder = std::path::Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    for pair in pairs::speech() {
        for (which, x) in [("ref", &pair.reference), ("deg", &pair.degraded)] {
            nc_corpora::audio::write(&folder.join(format!("{}_{which}.wav", pair.name)), x)?;
        }
    }
    for pair in pairs::images() {
        for (which, x) in [("ref", &pair.reference), ("deg", &pair.degraded)] {
            let (width, height) = pair.size;
            let mut bytes = format!("P6\n{width} {height}\n255\n").into_bytes();
            bytes.extend(x);
            std::fs::write(folder.join(format!("{}_{which}.ppm", pair.name)), bytes)?;
        }
    }
    for pair in pairs::clips() {
        for (which, x) in [("ref", &pair.original), ("deg", &pair.decoded)] {
            let mut bytes = Head::of(x.format).to_bytes();
            for frame in x.samples.chunks_exact(x.format.frame_samples()?) {
                push_frame(&x.format, frame, &mut bytes);
            }
            std::fs::write(folder.join(format!("{}_{which}.y4m", pair.name)), bytes)?;
        }
    }
    Ok(())
}
