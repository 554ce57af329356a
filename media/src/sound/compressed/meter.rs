//! A source that counts what is read from it, and stops where that is too much.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nc_core::{Budget, Error, Result};
use symphonia::core::io::MediaSource;

/// What is held of each byte that is read while a file is opened, at most: a tag of three letters and four bytes of
/// length is parsed into 190 bytes.
const OPENED: u64 = 32;
/// The same of packets, which may stay beside what is made of them.
const PACKET: u64 = 4;

/// Counts for a [`Metered`] source; clones count together.
#[derive(Clone)]
pub struct Meter(Arc<Counts>);

struct Counts {
    used: AtomicU64,
    held: AtomicU64,
    limit: AtomicU64,
    over: AtomicU64,
}

impl Meter {
    /// With so many bytes of memory to use, for opening a file.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Counts {
            used: AtomicU64::new(0),
            held: AtomicU64::new(OPENED),
            limit: AtomicU64::new(limit),
            over: AtomicU64::new(0),
        }))
    }

    /// Memory that what was read since the last start may take.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    /// Counts from nothing again, for a packet.
    pub fn restart(&self, limit: u64) {
        self.0.used.store(0, Ordering::Relaxed);
        self.0.held.store(PACKET, Ordering::Relaxed);
        self.0.limit.store(limit, Ordering::Relaxed);
    }

    /// Whether it was too much at any time; whoever was stopped may have told another reason.
    ///
    /// # Errors
    /// Limit.
    pub fn check(&self) -> Result<()> {
        match self.0.over.load(Ordering::Relaxed) {
            0 => Ok(()),
            needed => Budget::new(self.0.limit.load(Ordering::Relaxed)).charge(needed),
        }
    }

    fn count(&self, read: usize) -> io::Result<()> {
        let more = (read as u64).saturating_mul(self.0.held.load(Ordering::Relaxed));
        let used = self.used().saturating_add(more);
        self.0.used.store(used, Ordering::Relaxed);
        if used > self.0.limit.load(Ordering::Relaxed) {
            self.0.over.store(used, Ordering::Relaxed);
            return Err(io::Error::other(Error::Limit("too much to hold".into())));
        }
        Ok(())
    }
}

/// A source under a meter.
pub struct Metered {
    inner: Box<dyn MediaSource>,
    meter: Meter,
}

impl Metered {
    /// Counts what is read from `inner`.
    pub fn new(inner: Box<dyn MediaSource>, meter: Meter) -> Self {
        Self { inner, meter }
    }
}

impl Read for Metered {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.meter.count(n)?;
        Ok(n)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

impl MediaSource for Metered {
    fn is_seekable(&self) -> bool {
        self.inner.is_seekable()
    }

    fn byte_len(&self) -> Option<u64> {
        self.inner.byte_len()
    }
}
