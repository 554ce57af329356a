//! Loading recordings for evaluation: WAV and FLAC files as mono 16 kHz samples.
//!
//! Every codec and every metric has to see the very same samples, so there is one loader with one
//! resampler, and a file that is damaged is an error: a clip that is quietly shorter would only
//! show as an odd figure.

use std::path::{Path, PathBuf};

use nc_core::{AudioFormat, Error, Format, MediaKind, Result, SignalBuf};
use nc_media::OpenOptions;

use crate::files;
use crate::metrics::RATE;
use crate::resample::{Filter, resample};

/// Reads a WAV or FLAC file as mono at 16 kHz, -1..=1: channels averaged, resampled by
/// [`Filter::FINE`].
///
/// # Errors
/// Io, Format for a damaged file, Unsupported for another kind.
pub fn read(path: &Path) -> Result<Vec<f32>> {
    let (rate, x) = read_native(path)?;
    if rate == RATE {
        return Ok(x);
    }
    let x: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
    Ok(resample(&x, rate, RATE, Filter::FINE)
        .iter()
        .map(|&v| v as f32)
        .collect())
}

/// Reads a file as mono at its own rate: the mean of the channels.
fn read_native(path: &Path) -> Result<(u32, Vec<f32>)> {
    let mut sound = nc_media::open(path, &OpenOptions::new().kind(MediaKind::Audio))?;
    let Format::Audio(AudioFormat { rate, channels, .. }) = sound.format() else {
        return Err(Error::Internal("sound that is none".into()));
    };
    let mut out = Vec::new();
    while let Some(SignalBuf::Audio(block)) = sound.next()? {
        let frames = block.samples.columns().into_iter();
        out.extend(frames.map(|f| f.iter().sum::<f32>() / f32::from(channels)));
    }
    Ok((rate, out))
}

/// Writes mono 16-bit WAV at 16 kHz, rounded and clipped.
///
/// # Errors
/// Io.
pub fn write(path: &Path, x: &[f32]) -> Result<()> {
    Ok(std::fs::write(path, to_wav(x)?)?)
}

/// A file of mono 16-bit WAV at 16 kHz, rounded and clipped.
///
/// # Errors
/// Io for what does not fit a WAV file.
pub fn to_wav(x: &[f32]) -> Result<Vec<u8>> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let io = |e: hound::Error| match e {
        hound::Error::IoError(e) => Error::Io(e),
        other => Error::Io(std::io::Error::other(other)),
    };
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).map_err(io)?;
    for &v in x {
        let s = (v * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
        writer.write_sample(s).map_err(io)?;
    }
    writer.finalize().map_err(io)?;
    Ok(bytes.into_inner())
}

/// The WAV and FLAC files under a folder, at any depth, sorted by path.
///
/// # Errors
/// Io where the folder cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    files::under(folder, |p| files::ends_in(p, &["wav", "flac"]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::{metrics, synth};

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let x = synth::speech(1, 1.0);
        let path = dir.path().join("sub").join("x.wav");
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        write(&path, &x).unwrap();
        std::fs::write(dir.path().join("notes.txt"), "no audio").unwrap();
        assert_eq!(files(dir.path()).unwrap(), std::slice::from_ref(&path));
        let y = read(&path).unwrap();
        assert_eq!(x.len(), y.len());
        let worst = x
            .iter()
            .zip(&y)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(worst <= 0.5001 / 32_768.0, "{worst}");
    }

    #[test]
    fn stereo_at_48_khz_becomes_mono_at_16() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.wav");
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 48_000,
            bits_per_sample: 32,
            sample_format: hound::SampleFormat::Float,
        };
        let mut w = hound::WavWriter::create(&path, spec).unwrap();
        for i in 0..48_000 {
            let v = (i as f32 * 0.05).sin() * 0.4;
            w.write_sample(2.0 * v).unwrap();
            w.write_sample(0.0_f32).unwrap();
        }
        w.finalize().unwrap();
        let y = read(&path).unwrap();
        assert_eq!(y.len(), 16_000);
        let want: Vec<f32> = (0..16_000).map(|i| (i as f32 * 0.15).sin() * 0.4).collect();
        assert!(metrics::snr(&want[200..15_800], &y[200..15_800]).unwrap() > 80.0);
    }

    #[test]
    fn damage_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.wav");
        std::fs::write(&path, b"RIFF and then nothing").unwrap();
        assert!(read(&path).is_err());
        assert!(matches!(
            read(&dir.path().join("none.wav")),
            Err(Error::Io(_))
        ));
    }
}
