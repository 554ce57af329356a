//! Several tracks into one file.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::{END, Frame, MOST, head};
use crate::container::{Writer, put_varint};
use crate::{Error, Result};

/// Writes a file of several tracks. Each is written through a [`TrackWriter`], as a file of its own:
///
/// ```
/// # use nc_core::{Encoder, tracks::Mux};
/// # fn both(sound: &nc_core::AnyCodec, video: &nc_core::AnyCodec, s: nc_core::Format, v: nc_core::Format) -> nc_core::Result<()> {
/// let mux = Mux::new(Vec::new(), 2)?;
/// let pictures = Encoder::new(mux.track(0)?, video, v, None, nc_core::Goal::Quality(5.0))?;
/// let samples = Encoder::new(mux.track(1)?, sound, s, None, nc_core::Goal::Quality(5.0))?;
/// # let mut ctl = nc_core::Control::default();
/// // Both are pushed to in turn, and finished.
/// pictures.finish(&mut ctl)?;
/// samples.finish(&mut ctl)?;
/// let (file, _bytes) = mux.finish()?;
/// # Ok(())
/// # }
/// ```
pub struct Mux<W> {
    shared: Arc<Mutex<Shared<W>>>,
}

struct Shared<W> {
    out: Writer<W>,
    /// Bytes of each track so far.
    written: Vec<u64>,
}

impl<W: Write> Mux<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`Error::Usage`] for no tracks or more than [`MOST`]; [`Error::Io`].
    pub fn new(w: W, tracks: usize) -> Result<Self> {
        if tracks == 0 || tracks > MOST {
            return Err(Error::Usage(format!("a file has 1 to {MOST} tracks")));
        }
        let mut out = Writer::new(w);
        out.put(&head(tracks))?;
        let written = vec![0; tracks];
        let shared = Arc::new(Mutex::new(Shared { out, written }));
        Ok(Self { shared })
    }

    /// What a track is written to.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no such track.
    pub fn track(&self, number: usize) -> Result<TrackWriter<W>> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if number >= shared.written.len() {
            return Err(Error::Usage(format!("no track {number}")));
        }
        Ok(TrackWriter {
            shared: self.shared.clone(),
            number,
            piece: Vec::new(),
        })
    }

    /// Ends the file, and gives its bytes. All writers of tracks are gone by then.
    ///
    /// # Errors
    /// [`Error::Usage`] where one is left, or a track is empty; [`Error::Io`].
    pub fn finish(self) -> Result<(W, u64)> {
        let left = || Error::Usage("a track is still being written".into());
        let shared = Arc::into_inner(self.shared).ok_or_else(left)?;
        let Shared { mut out, written } =
            shared.into_inner().unwrap_or_else(PoisonError::into_inner);
        if written.contains(&0) {
            return Err(Error::Usage("a track without a file".into()));
        }
        let mut end = vec![END];
        for bytes in written {
            put_varint(bytes, &mut end);
        }
        let crc = crc32c::crc32c(&end);
        end.extend(crc.to_le_bytes());
        out.put(&end)?;
        let bytes = out.offset;
        Ok((out.finish()?, bytes))
    }
}

/// Takes the bytes of one track. A flush ends a piece: an encoder flushes behind each chunk.
pub struct TrackWriter<W> {
    shared: Arc<Mutex<Shared<W>>>,
    number: usize,
    piece: Vec<u8>,
}

impl<W: Write> Write for TrackWriter<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let Shared { out, written } = &mut *shared;
        let lost = || io::Error::other("a track that its file does not have");
        let written = written.get_mut(self.number).ok_or_else(lost)?;
        let frame = Frame {
            track: self.number,
            first: *written,
            len: self.piece.len() as u64,
        };
        let mut bytes = Vec::new();
        frame.write(&mut bytes);
        out.put(&bytes).map_err(io::Error::other)?;
        out.put(&self.piece).map_err(io::Error::other)?;
        *written += frame.len;
        self.piece.clear();
        Ok(())
    }
}
