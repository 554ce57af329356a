//! Where data comes from: a file, or any stream, with its first bytes looked at.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Mutex;

use nc_core::container::read_full;
use nc_core::{Error, Result};

use crate::warning::code;

/// An input whose first bytes have been looked at, and will be read again.
pub struct Input {
    origin: Origin,
    head: Vec<u8>,
}

enum Origin {
    /// A regular file: can be sought in.
    File(File),
    /// Standard input, a pipe, a device: forward only. The lock is never waited for; it makes a reader of one thread fit
    /// for libraries that ask for more.
    Stream(Mutex<Box<dyn Read + Send>>),
}

impl Input {
    /// First bytes by which a format is told.
    pub const HEAD: usize = 64;

    /// Opens a file, a named pipe or a device.
    ///
    /// # Errors
    /// I/O; Usage for a folder.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path)?;
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(Error::Usage("is a folder".into()).coded(code::INPUT_IS_FOLDER));
        }
        if !meta.is_file() {
            return Self::stream(file);
        }
        let head = head_of(&mut file)?;
        file.seek(SeekFrom::Start(0))?;
        let origin = Origin::File(file);
        Ok(Self { origin, head })
    }

    /// Takes a stream.
    ///
    /// # Errors
    /// I/O.
    pub fn stream(mut r: impl Read + Send + 'static) -> Result<Self> {
        let head = head_of(&mut r)?;
        let all: Box<dyn Read + Send> = Box::new(Cursor::new(head.clone()).chain(r));
        let origin = Origin::Stream(Mutex::new(all));
        Ok(Self { origin, head })
    }

    /// The first bytes: [`Self::HEAD`] of them, or all where there are fewer.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Length in bytes, where the system knows.
    pub fn len(&self) -> Option<u64> {
        match &self.origin {
            Origin::File(file) => file.metadata().ok().map(|m| m.len()),
            Origin::Stream(_) => None,
        }
    }

    /// Whether there is not a single byte.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// The file, where it is one, at its start as long as nothing has been read.
    ///
    /// # Errors
    /// The input itself where it is a stream.
    pub fn into_file(self) -> Result<File, Self> {
        match self.origin {
            Origin::File(file) => Ok(file),
            origin => Err(Self { origin, ..self }),
        }
    }

    /// A file that can be sought in: the input itself, or a copy of a stream that vanishes with the process.
    ///
    /// # Errors
    /// I/O.
    pub fn seekable(self) -> Result<File> {
        match self.into_file() {
            Ok(file) => Ok(file),
            Err(mut stream) => {
                let mut copy = tempfile::tempfile()?;
                io::copy(&mut stream, &mut copy)?;
                copy.seek(SeekFrom::Start(0))?;
                Ok(copy)
            }
        }
    }

    pub(crate) fn file_mut(&mut self) -> Option<&mut File> {
        match &mut self.origin {
            Origin::File(file) => Some(file),
            Origin::Stream(_) => None,
        }
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.origin {
            Origin::File(file) => file.read(buf),
            Origin::Stream(stream) => match stream.get_mut() {
                Ok(stream) => stream.read(buf),
                Err(_) => Err(io::Error::other("a reader that has panicked")),
            },
        }
    }
}

pub(crate) fn head_of(r: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = vec![0; Input::HEAD];
    let n = read_full(r, &mut head)?;
    head.truncate(n);
    Ok(head)
}
