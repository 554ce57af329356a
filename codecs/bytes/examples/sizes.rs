//! Sizes and speeds of the engine on files, each decoded again: `cargo run --release --example sizes -- FILE...`, with `--fast`
//! before them for that preset. A line a file: bytes, payload, MB/s of encoding and of decoding by the clock.

use std::time::Instant;

use nc_bytes::{MEMORY, Preset, decode, encode};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut preset = Preset::Medium;
    let mut all = [0.0; 4];
    for file in std::env::args().skip(1) {
        if file == "--fast" {
            preset = Preset::Fast;
            continue;
        }
        let bytes = std::fs::read(&file)?;
        let start = Instant::now();
        let payload = encode(&bytes, preset, MEMORY)?;
        let encoded = start.elapsed().as_secs_f64();
        let back = decode(&payload, bytes.len())?;
        let decoded = start.elapsed().as_secs_f64() - encoded;
        if back != bytes {
            return Err(format!("{file} did not come back").into());
        }
        let n = bytes.len() as f64;
        println!(
            "{file}\t{}\t{}\t{:.2}\t{:.2}",
            bytes.len(),
            payload.len(),
            n / encoded / 1e6,
            n / decoded / 1e6
        );
        for (a, b) in all
            .iter_mut()
            .zip([n, payload.len() as f64, encoded, decoded])
        {
            *a += b;
        }
    }
    let [n, payload, encoded, decoded] = all;
    println!(
        "all\t{n}\t{payload}\t{:.2}\t{:.2}",
        n / encoded / 1e6,
        n / decoded / 1e6
    );
    Ok(())
}
