//! Prints what images take: `cargo run --release -p nc-codec-picture --example sizes -- FILES`.

use std::time::Instant;

use nc_core::{Budget, ChunkGoal, ChunkHead, Codec, Control, Error, Format, Result, SignalBuf};
use nc_media::OpenOptions;

fn main() -> Result<()> {
    let (mut all, mut bytes, mut took) = (0, 0, [0.0; 2]);
    for path in std::env::args().skip(1) {
        let mut reader = nc_media::open(&path, &OpenOptions::new())?;
        let (Format::Video(format), Some(SignalBuf::Video(frame))) =
            (reader.format(), reader.next()?)
        else {
            return Err(Error::Usage(format!("{path}: no picture")));
        };
        let head = ChunkHead {
            format,
            first: 0,
            units: 1,
        };
        let mut out = Vec::new();
        let mut ctl = Control::default();
        let start = Instant::now();
        nc_picture::Picture.encode(frame.view(), &head, ChunkGoal::Exact, &mut ctl, &mut out)?;
        let encoded = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let (back, _) =
            nc_picture::Picture.decode(&out, &head, &mut Budget::default(), &mut ctl)?;
        let decoded = start.elapsed().as_secs_f64();
        if back != frame {
            return Err(Error::Internal("another picture came back".into()));
        }
        let n = frame.samples.len();
        println!(
            "{path} {n} samples, {} bytes, {:.4} bits a sample, {:.2} and {:.2} MB/s",
            out.len(),
            8.0 * out.len() as f64 / n as f64,
            n as f64 / 1e6 / encoded,
            n as f64 / 1e6 / decoded
        );
        all += n;
        bytes += out.len();
        took[0] += encoded;
        took[1] += decoded;
    }
    println!(
        "all {all} samples, {bytes} bytes, {:.4} bits a sample, {:.2} and {:.2} MB/s",
        8.0 * bytes as f64 / all as f64,
        all as f64 / 1e6 / took[0],
        all as f64 / 1e6 / took[1]
    );
    Ok(())
}
