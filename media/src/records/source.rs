//! Where records are read from.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use nc_core::{Error, Result};

/// Bytes that a file's kind is told by.
const HEAD: usize = 1 << 16;

/// A file or stream, unpacked where it is a gzip file, or a folder.
pub enum Source {
    /// Bytes, with the first of them looked at.
    Stream {
        /// The first bytes; all where there are fewer than 64 KiB.
        head: Vec<u8>,
        /// All bytes, the first ones included.
        bytes: Box<dyn Read + Send>,
    },
    /// A folder of images.
    Folder(PathBuf),
}

impl Source {
    /// A file or folder.
    ///
    /// # Errors
    /// I/O.
    pub fn open(path: &Path) -> Result<Self> {
        if path.is_dir() {
            return Ok(Self::Folder(path.to_path_buf()));
        }
        Self::of(File::open(path)?)
    }

    /// A stream.
    ///
    /// # Errors
    /// [`Error::Format`] for a damaged gzip file, here or as it is read; I/O.
    pub fn of(stream: impl Read + Send + 'static) -> Result<Self> {
        let (head, bytes) = look(Box::new(stream), 2)?;
        let gzip = head.starts_with(&[0x1f, 0x8b]);
        let bytes: Box<dyn Read + Send> = if gzip {
            let bytes = BufReader::with_capacity(1 << 16, bytes);
            Box::new(Unpacked(MultiGzDecoder::new(bytes)))
        } else {
            bytes
        };
        let (head, bytes) = look(bytes, HEAD)?;
        Ok(Self::Stream { head, bytes })
    }
}

/// A gzip file's content; what is wrong with the file is no fault of reading it.
struct Unpacked<R>(MultiGzDecoder<R>);

impl<R: io::BufRead> Read for Unpacked<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        self.0.read(buf).map_err(|e| match e.kind() {
            // The unpacker's own; the system's have a number.
            InvalidData | InvalidInput | UnexpectedEof if e.raw_os_error().is_none() => {
                io::Error::other(Error::Format(format!("a damaged gzip file: {e}").into()))
            }
            _ => e,
        })
    }
}

fn look(mut stream: Box<dyn Read + Send>, n: usize) -> Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut head = Vec::new();
    stream.by_ref().take(n as u64).read_to_end(&mut head)?;
    let all = Cursor::new(head.clone()).chain(stream);
    Ok((head, Box::new(all)))
}
