//! Where data comes from and goes to: a path, or a stream without one.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// What is read: a file or a folder by its path, or a stream.
///
/// ```
/// let by_path: nc::Source = "in.wav".into();
/// let stream = nc::Source::stream(std::io::stdin());
/// ```
pub enum Source {
    /// A file, a folder, a named pipe or a device.
    Path(PathBuf),
    /// Anything that is read from front to back.
    Stream(Box<dyn Read + Send>),
}

impl Source {
    /// A stream.
    pub fn stream(r: impl Read + Send + 'static) -> Self {
        Self::Stream(Box::new(r))
    }

    /// The path, where there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Stream(_) => None,
        }
    }
}

/// What is written: a file or a folder by its path, which appears whole or not at all, or a stream.
pub enum Target<'a> {
    /// A file, a folder of images, a named pipe or a device.
    Path(PathBuf),
    /// Anything that is written from front to back.
    Stream(Box<dyn Write + Send + 'a>),
    /// Nothing: what would be written is made to its end and dropped.
    Nothing,
}

impl<'a> Target<'a> {
    /// A stream.
    pub fn stream(w: impl Write + Send + 'a) -> Self {
        Self::Stream(Box::new(w))
    }
}

macro_rules! from_paths {
    ($($path:ty),*) => {$(
        impl From<$path> for Source {
            fn from(path: $path) -> Self {
                Self::Path(PathBuf::from(path))
            }
        }
        impl From<$path> for Target<'_> {
            fn from(path: $path) -> Self {
                Self::Path(PathBuf::from(path))
            }
        }
    )*};
}
from_paths!(&str, String, &String, &OsStr, &Path, PathBuf, &PathBuf);
