//! Writes the signal pairs of `tests/metrics.rs` as WAV files, for an independent implementation.
//!
//! `cargo run -p nc-corpora --example metric_pairs -- FOLDER`, then
//! `python3 corpora/tests/metrics.py FOLDER > corpora/tests/metrics.toml`.

#[path = "../tests/pairs/mod.rs"]
mod pairs;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("which folder?")?;
    let folder = std::path::Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    for pair in pairs::all() {
        for (which, x) in [("ref", &pair.reference), ("deg", &pair.degraded)] {
            nc_corpora::audio::write(&folder.join(format!("{}_{which}.wav", pair.name)), x)?;
        }
    }
    Ok(())
}
