//! Prints what images take, here and with JPEG XL and WebP where `cjxl` and `cwebp` are installed:
//! `cargo run --release -p nc-codec-picture --example sizes -- FILES`.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use nc_core::{Budget, ChunkGoal, ChunkHead, Codec, Control, Error, Format, Result, SignalBuf};
use nc_media::OpenOptions;

/// Bytes that a program makes of a file; none where it is not installed or fails. The last two arguments are input and output.
fn peer(program: &str, before: &[&str], from: &str, between: &[&str], to: &Path) -> Option<u64> {
    let out = Command::new(program)
        .args(before)
        .arg(from)
        .args(between)
        .arg(to)
        .output();
    let done = out.is_ok_and(|out| out.status.success());
    done.then(|| std::fs::metadata(to).ok())?.map(|m| m.len())
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut peers = [Some(0u64); 2];
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
        let to = folder.path().join("out");
        let its = [
            peer("cjxl", &["-d", "0", "-e", "9"], &path, &[], &to),
            peer(
                "cwebp",
                &["-quiet", "-lossless", "-exact", "-z", "9"],
                &path,
                &["-o"],
                &to,
            ),
        ];
        for (sum, one) in peers.iter_mut().zip(its) {
            *sum = sum.zip(one).map(|(sum, one)| sum + one);
        }
        println!(
            "{path} {n} samples, {} bytes, JPEG XL {:?}, WebP {:?}, {:.4} bits a sample, {:.2} and {:.2} MB/s",
            out.len(),
            its[0],
            its[1],
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
        "all {all} samples, {bytes} bytes, JPEG XL and WebP {peers:?}, {:.4} bits a sample, {:.2} and {:.2} MB/s",
        8.0 * bytes as f64 / all as f64,
        all as f64 / 1e6 / took[0],
        all as f64 / 1e6 / took[1]
    );
    Ok(())
}
