//! Whether the records that a reader met are a whole file.

use super::{ChunkFrame, Event, Header, put_varint};
use crate::{Error, Result};

/// What an index lists, as a checksum and a length: of its bytes, or of those that an index of the chunks met would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Listed {
    crc: u32,
    len: u64,
}

impl Listed {
    pub(super) const fn new(crc: u32, len: u64) -> Self {
        Self { crc, len }
    }
}

/// The records met so far: by it all readers tell whether a file is whole.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    listed: Listed,
    before: u64,
    units: u64,
    last: bool,
    index: Option<(Listed, u64)>,
}

impl Listing {
    /// Takes the next event.
    ///
    /// # Errors
    /// [`Error::Format`] for one that is out of place, and for an end of what is not whole: the last chunk has not come,
    /// or other units than the header says, or an index lists other chunks or is elsewhere than the end says. A record's
    /// tag has no checksum, and this is how one that was mistaken for another shows.
    pub(crate) fn see(&mut self, event: &Event, header: &Header) -> Result<()> {
        match event {
            Event::Chunk(frame) => self.chunk(frame),
            Event::Index(listed, at) => match self.index.replace((*listed, *at)) {
                None => Ok(()),
                Some(_) => Err(Error::Format("two indexes".into())),
            },
            Event::End { index, .. } => {
                self.ends(header)?;
                let at = self.index.map_or(0, |(_, at)| at);
                if at != *index {
                    let what = "the index is not where it should be";
                    return Err(Error::Format(what.into()));
                }
                Ok(())
            }
            Event::Header(_) | Event::Payload(_) | Event::Meta(_) => Ok(()),
        }
    }

    /// What an end is refused for, wherever it says that the index is.
    pub(crate) fn ends(&self, header: &Header) -> Result<()> {
        self.whole(header)?;
        self.same_chunks()
    }

    fn chunk(&mut self, frame: &ChunkFrame) -> Result<()> {
        if self.last {
            return Err(Error::Format("chunk out of place".into()));
        }
        let long = || Error::Format("chunk too long".into());
        self.units = self.units.checked_add(frame.units).ok_or_else(long)?;
        self.last = frame.last;
        let mut entry = Vec::with_capacity(20);
        put_varint(frame.units, &mut entry);
        // A walker's chunks come in the order of their offsets.
        put_varint(frame.at.saturating_sub(self.before), &mut entry);
        self.before = frame.at;
        self.listed.crc = crc32c::crc32c_append(self.listed.crc, &entry);
        self.listed.len += entry.len() as u64;
        Ok(())
    }

    /// Units of the chunks met.
    pub(crate) const fn units(&self) -> u64 {
        self.units
    }

    fn same_chunks(&self) -> Result<()> {
        match self.index {
            Some((listed, _)) if listed != self.listed => {
                Err(Error::Format("the index lists other chunks".into()))
            }
            _ => Ok(()),
        }
    }

    fn whole(&self, header: &Header) -> Result<()> {
        if self.units > 0 && !self.last {
            return Err(Error::Format("the last chunk is missing".into()));
        }
        if header.length.is_some_and(|n| n != self.units) {
            return Err(Error::Format("length and chunks differ".into()));
        }
        Ok(())
    }
}
