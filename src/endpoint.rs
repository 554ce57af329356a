//! Where data comes from and goes to: a path, or a stream without one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use nc_core::{Error, MediaKind, Result};
use nc_media::{FileFormat, Input, code, formats};

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

    /// The path, where there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Stream(_) | Self::Nothing => None,
        }
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

/// Opens a source, which must be an nc file by its first bytes.
///
/// # Errors
/// [`Error::Format`] where it is none.
pub(crate) fn nc_input(source: Source) -> Result<Input> {
    let input = match source {
        Source::Path(path) => Input::open(&path)?,
        Source::Stream(stream) => Input::stream(stream)?,
    };
    if input.is_empty() {
        return Err(Error::Format("the file is empty".into()));
    }
    let media = |f: &FileFormat| matches!(f.kind, Some(MediaKind::Audio | MediaKind::Video));
    match formats::of_input(&input) {
        Some(f) if *f == formats::NC => Ok(input),
        Some(f) if media(f) => Err(Error::Format("not an nc file".into()).coded(code::NOT_NC)),
        _ => Err(Error::Format("not an nc file".into())),
    }
}

/// An nc file that can be sought in.
pub(crate) fn seekable(source: Source) -> Result<File> {
    nc_input(source)?.seekable()
}

/// Makes the folder that a file is to be written into.
pub(crate) fn make_folder_of(file: &Path) -> Result<()> {
    match file.parent() {
        Some(folder) => std::fs::create_dir_all(folder).map_err(|e| Error::from(e).in_file(folder)),
        None => Ok(()),
    }
}
