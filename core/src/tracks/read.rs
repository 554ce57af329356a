//! One track of a file of several, as if it were a file of its own.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use super::{END, FRAME, Frame, HEAD, MINOR, MOST, PIECE, begins, head};
use crate::container::{EARLY, Fields, MAGIC, read_full};
use crate::{Budget, Error, Place as At, Result};

/// Bytes of the longest end: tag, sizes, checksum.
const LONGEST_END: usize = 1 + MOST * 10 + 4;
/// Bytes that are searched at a time for what is left of a damaged file.
const STEP: usize = 1 << 16;

/// The tracks of a file; a file of one signal is its only track.
pub struct Tracks<R> {
    r: Arc<Mutex<R>>,
    tracks: Vec<Arc<Place>>,
    bytes: u64,
    several: bool,
    /// What the pieces are charged to.
    held: Arc<Budget>,
}

/// Where a track lies.
#[derive(Debug, Clone, Default)]
struct Place {
    /// In the order of the track.
    pieces: Vec<Piece>,
    /// Bytes of the track, those that were lost included.
    size: u64,
}

/// Bytes of a track that lie together.
#[derive(Debug, Clone, Copy)]
struct Piece {
    /// Where they begin in the track.
    first: u64,
    len: u64,
    /// Where they begin in the file.
    at: u64,
}

impl Piece {
    const fn end(&self) -> u64 {
        self.first + self.len
    }
}

impl<R: Read + Seek> Tracks<R> {
    /// Finds the pieces of all tracks by their frames; `r` needs no buffer.
    ///
    /// # Errors
    /// [`Error::Format`] for damage of what is around the tracks; [`Error::Unsupported`], [`Error::Limit`], [`Error::Io`].
    pub fn open(r: R, budget: Budget) -> Result<Self> {
        Self::find(r, budget, false)
    }

    /// The same, of a file that may be damaged: what is lost of a track reads as zeros, and everything else stands where it
    /// stood.
    ///
    /// # Errors
    /// [`Error::Format`] where the head is damaged; as for [`Self::open`].
    pub fn salvage(r: R, budget: Budget) -> Result<Self> {
        Self::find(r, budget, true)
    }

    fn find(mut r: R, mut budget: Budget, damaged: bool) -> Result<Self> {
        let bytes = r.seek(SeekFrom::End(0))?;
        r.seek(SeekFrom::Start(0))?;
        let mut start = [0; HEAD];
        let came = read_full(&mut r, &mut start)?;
        let count = count_of(start.split_at(came).0)?;
        let tracks = match count {
            None => vec![Place {
                pieces: vec![Piece {
                    first: 0,
                    len: bytes,
                    at: 0,
                }],
                size: bytes,
            }],
            Some(count) => {
                let mut finder = Finder {
                    r: &mut r,
                    bytes,
                    tracks: vec![Place::default(); count],
                    budget: &mut budget,
                };
                match damaged {
                    true => finder.search()?,
                    false => finder.walk()?,
                }
                finder.tracks
            }
        };
        Ok(Self {
            r: Arc::new(Mutex::new(r)),
            tracks: tracks.into_iter().map(Arc::new).collect(),
            bytes,
            several: count.is_some(),
            held: Arc::new(budget),
        })
    }

    /// How many there are; at least one.
    pub fn count(&self) -> usize {
        self.tracks.len()
    }

    /// Whether the file is one of several tracks, which may be one, and not one of a single signal.
    pub fn several(&self) -> bool {
        self.several
    }

    /// Bytes of the whole file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A reader of a track, which stands at its start; there may be many.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is no such track.
    pub fn track(&self, number: usize) -> Result<Track<R>> {
        let none = || Error::Usage(format!("no track {number}; there are {}", self.count()));
        Ok(Track {
            r: self.r.clone(),
            place: self.tracks.get(number).ok_or_else(none)?.clone(),
            held: self.held.clone(),
            at: 0,
        })
    }
}

/// Number of tracks that a head tells; none where it is the header of a single signal.
fn count_of(start: &[u8]) -> Result<Option<usize>> {
    if !begins(start) {
        // The reader of a single signal tells what is wrong with it.
        return Ok(None);
    }
    let mut f = Fields::new(start);
    f.bytes(MAGIC.len() + 1)?;
    let minor = f.byte()?;
    f.byte()?;
    let damaged = || Error::Format("head of a file of tracks".into());
    let tracks = usize::from(f.byte().map_err(|_| damaged())?);
    if tracks == 0 || tracks > MOST {
        return Err(damaged());
    }
    match minor > MINOR {
        true => Err(Error::Unsupported("tracks of a newer minor version".into())),
        false if start == head(tracks) => Ok(Some(tracks)),
        false => Err(damaged()),
    }
}

/// Finds pieces.
struct Finder<'a, R> {
    r: &'a mut R,
    bytes: u64,
    tracks: Vec<Place>,
    budget: &'a mut Budget,
}

impl<R: Read + Seek> Finder<'_, R> {
    /// Takes a piece. Of a track that the file does not have nothing is taken, which the callers have looked at.
    fn add(&mut self, frame: Frame, at: u64) -> Result<()> {
        self.budget.charge(size_of::<Piece>() as u64)?;
        if let Some(track) = self.tracks.get_mut(frame.track) {
            track.pieces.push(Piece {
                first: frame.first,
                len: frame.len,
                at,
            });
            track.size = frame.first + frame.len;
        }
        Ok(())
    }

    /// Bytes that were found of a track, up to the end of its last piece.
    fn reached(&self, track: usize) -> Option<u64> {
        Some(self.tracks.get(track)?.size)
    }

    /// Goes from piece to piece, to the end.
    fn walk(&mut self) -> Result<()> {
        let mut at = HEAD as u64;
        loop {
            let wrong = |what: &'static str| Error::Format(what.into()).at(At::Byte(at));
            self.r.seek(SeekFrom::Start(at))?;
            let mut start = [0; LONGEST_END];
            let came = read_full(self.r, &mut start)?;
            let (start, _) = start.split_at(came);
            match start.first() {
                None => return Err(Error::Format(EARLY.into())),
                Some(&END) => return self.end(start, at),
                Some(&PIECE) => {}
                Some(_) => return Err(wrong("no piece of a track")),
            }
            let Some((frame, len)) = Frame::parse(start) else {
                return Err(match came < FRAME {
                    true => Error::Format(EARLY.into()),
                    false => wrong("frame of a piece"),
                });
            };
            if self.reached(frame.track) != Some(frame.first) {
                return Err(wrong("a piece out of its place"));
            }
            let begin = at + len as u64;
            match begin
                .checked_add(frame.len)
                .filter(|end| *end <= self.bytes)
            {
                None => return Err(Error::Format(EARLY.into())),
                Some(end) => at = end,
            }
            self.add(frame, begin)?;
        }
    }

    /// The sizes of the tracks that the end tells, and its own; none where it is damaged.
    fn told(&self, bytes: &[u8]) -> Result<Option<(Vec<u64>, u64)>> {
        let mut f = Fields::new(bytes);
        let tag = f.byte().map_err(Error::from)?;
        let mut sizes = Vec::with_capacity(self.tracks.len());
        for _ in &self.tracks {
            sizes.push(f.varint()?);
        }
        let crc = crc32c::crc32c(f.read());
        let sound = f.u32()? == crc && tag == END;
        Ok(sound.then(|| (sizes, f.read().len() as u64)))
    }

    /// Compares what the end says with what was found.
    fn end(&self, bytes: &[u8], at: u64) -> Result<()> {
        let wrong = |what: &'static str| Err(Error::Format(what.into()).at(At::Byte(at)));
        let Some((sizes, len)) = self.told(bytes)? else {
            return wrong("end of a file of tracks");
        };
        let found = self.tracks.iter().map(|track| track.size);
        if !found.eq(sizes) || self.tracks.iter().any(|track| track.pieces.is_empty()) {
            return wrong("tracks of other sizes than the end tells");
        }
        if at + len != self.bytes {
            return wrong("something follows the end");
        }
        Ok(())
    }

    /// Finds what is left: frames whose checksums are right, in their order.
    fn search(&mut self) -> Result<()> {
        let mut at = HEAD as u64;
        let mut window = Vec::new();
        while at < self.bytes {
            self.r.seek(SeekFrom::Start(at))?;
            window.clear();
            self.r.by_ref().take(STEP as u64).read_to_end(&mut window)?;
            // A frame that the window cuts is whole in the next one.
            let whole = match at + window.len() as u64 == self.bytes {
                true => window.len(),
                false => window.len().saturating_sub(FRAME).max(1),
            };
            let mut next = at + whole as u64;
            let starts = window.iter().take(whole).enumerate();
            for (i, _) in starts.filter(|(_, byte)| **byte == PIECE) {
                let (_, bytes) = window.split_at(i);
                let Some((frame, len)) = Frame::parse(bytes) else {
                    continue;
                };
                if self
                    .reached(frame.track)
                    .is_none_or(|reached| reached > frame.first)
                {
                    continue;
                }
                let begin = at + (i + len) as u64;
                let left = self.bytes - begin;
                let len = frame.len.min(left);
                if len > 0 {
                    self.add(Frame { len, ..frame }, begin)?;
                }
                next = begin + len;
                break;
            }
            at = next;
        }
        self.last_end()
    }

    /// Takes the sizes that the end tells, where it is left: what was lost at a track's end is known then.
    fn last_end(&mut self) -> Result<()> {
        let from = self
            .bytes
            .saturating_sub(LONGEST_END as u64)
            .max(HEAD as u64);
        self.r.seek(SeekFrom::Start(from))?;
        let mut tail = Vec::new();
        self.r
            .by_ref()
            .take(LONGEST_END as u64)
            .read_to_end(&mut tail)?;
        for (i, _) in tail.iter().enumerate().filter(|(_, byte)| **byte == END) {
            let (_, bytes) = tail.split_at(i);
            let Ok(Some((sizes, len))) = self.told(bytes) else {
                continue;
            };
            if len == bytes.len() as u64 {
                for (track, size) in self.tracks.iter_mut().zip(sizes) {
                    track.size = track.size.max(size);
                }
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A reader of one track, with a place of its own. What was lost of the track reads as zeros.
pub struct Track<R> {
    r: Arc<Mutex<R>>,
    place: Arc<Place>,
    /// Pays for the place.
    held: Arc<Budget>,
    at: u64,
}

impl<R> Track<R> {
    /// Bytes of the track.
    pub fn size(&self) -> u64 {
        self.place.size
    }
}

impl<R> Clone for Track<R> {
    fn clone(&self) -> Self {
        Self {
            r: self.r.clone(),
            place: self.place.clone(),
            held: self.held.clone(),
            at: self.at,
        }
    }
}

impl<R: Read + Seek> Read for Track<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let place = &self.place;
        let next = place.pieces.partition_point(|p| p.end() <= self.at);
        let piece = place.pieces.get(next);
        let begins = piece.map_or(place.size, |p| p.first);
        if self.at < begins {
            let gap = begins - self.at;
            let n = usize::try_from(gap).map_or(buf.len(), |gap| gap.min(buf.len()));
            let (gone, _) = buf.split_at_mut(n);
            gone.fill(0);
            self.at += n as u64;
            return Ok(n);
        }
        let Some(piece) = piece else {
            return Ok(0);
        };
        let into = self.at - piece.first;
        let mut r = self.r.lock().unwrap_or_else(PoisonError::into_inner);
        r.seek(SeekFrom::Start(piece.at + into))?;
        let n = r.by_ref().take(piece.len - into).read(buf)?;
        drop(r);
        self.at += n as u64;
        Ok(n)
    }
}

impl<R: Read + Seek> Seek for Track<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the start");
        self.at = at.ok_or_else(before)?;
        Ok(self.at)
    }
}
