//! Loading pictures for evaluation: PNG files as red, green and blue, and back.
//!
//! Metrics of pictures are defined on what a viewer sees, so pictures are read as RGB and not as the
//! planes that a codec may prefer.

use std::path::{Path, PathBuf};

use nc_core::{Budget, Chroma, Colour, Error, Result, VideoFormat};
use nc_media::video::picture;

use crate::files;

/// A picture of 8 bits a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// File name without its ending.
    pub name: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Red, green, blue of each pixel, row by row; equal where the file is grey.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// Number of pixels.
    pub fn pixels(&self) -> f64 {
        f64::from(self.width) * f64::from(self.height)
    }
}

/// Reads a PNG whose memory is charged to the default budget.
///
/// # Errors
/// I/O, Format for damage, Limit; Usage for 16 bits a sample and for what shows through.
pub fn read(path: &Path) -> Result<Picture> {
    let mut budget = Budget::default();
    let bytes = budget.read(std::fs::File::open(path)?, u64::MAX)?;
    let (shape, rgb) = picture::rgb(&bytes, &budget)?;
    Ok(Picture {
        name: files::stem(path),
        sha256: files::sha256(&bytes),
        width: shape.width,
        height: shape.height,
        rgb,
    })
}

/// A PNG of `width x height` pixels of red, green and blue.
///
/// # Errors
/// Usage where the samples do not fit the size.
pub fn to_png(width: u32, height: u32, rgb: &[u8]) -> Result<Vec<u8>> {
    let format = VideoFormat {
        width,
        height,
        rate: [0, 0],
        chroma: Chroma::C444,
        bits: 8,
        colour: Colour::Image,
        alpha: false,
    };
    if format.frame_samples()? != rgb.len() {
        return Err(Error::Usage(format!(
            "{} samples for {width} x {height} pixels",
            rgb.len()
        )));
    }
    let mut out = Vec::new();
    picture::write(&mut out, &format, rgb)?;
    Ok(out)
}

/// The PNG files under a folder, at any depth, sorted by path.
///
/// # Errors
/// I/O where the folder cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    files::under(folder, |p| files::ends_in(p, &["png"]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn pictures_come_back_and_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let rgb: Vec<u8> = (0..3 * 5 * 7).map(|i| (i * 37 % 256) as u8).collect();
        let bytes = to_png(5, 7, &rgb).unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        let path = dir.path().join("sub/b.PNG");
        std::fs::write(&path, &bytes).unwrap();
        std::fs::write(dir.path().join("a.txt"), "no picture").unwrap();
        assert_eq!(files(dir.path()).unwrap(), [path.as_path()]);
        let back = read(&path).unwrap();
        assert_eq!((back.width, back.height, &back.rgb), (5, 7, &rgb));
        assert_eq!((back.name.as_str(), back.pixels()), ("b", 35.0));
        assert_eq!(back.sha256, files::sha256(&bytes));
        assert!(matches!(to_png(5, 6, &rgb), Err(Error::Usage(_))));
        std::fs::write(&path, &bytes[..40]).unwrap();
        assert!(matches!(read(&path), Err(Error::Format(_))));
        assert!(matches!(read(&dir.path().join("none")), Err(Error::Io(_))));
    }

    #[test]
    fn grey_files_have_three_equal_samples() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("grey.png");
        let format = VideoFormat {
            width: 2,
            height: 1,
            rate: [0, 0],
            chroma: Chroma::Gray,
            bits: 8,
            colour: Colour::Image,
            alpha: false,
        };
        let mut bytes = Vec::new();
        picture::write(&mut bytes, &format, &[3, 200]).unwrap();
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read(&path).unwrap().rgb, [3, 3, 3, 200, 200, 200]);
    }
}
