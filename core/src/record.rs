//! The records of a file as readers meet them: framing, checksums, and a chunk on its way to the codec.
//!
//! Streams, archives and salvage read them here, so that all refuse the same.

use std::io::Read;

use crate::container::{
    CHUNK, ChunkFrame, END, Header, INDEX, LAST, META, Meta, Reader, differs, put_varint,
};
use crate::{Budget, ChunkHead, Codec, Control, Error, Part, Result, SignalBuf};

/// What is said of a file that is cut short.
pub(crate) const EARLY: &str = "the file ends early";
/// What is said of an index that is not of the chunks met.
pub(crate) const OTHERS: &str = "the index lists other chunks";

/// One record of a file.
pub(crate) enum Record {
    /// A chunk, whether it is the last, and where its record begins.
    Chunk(ChunkFrame, bool, u64),
    Meta(Meta),
    /// An index, what it lists, and where its record begins.
    Index(Listed, u64),
    End,
}

/// What an index lists, as a checksum and a length: of its bytes, or of those that an index of the chunks met would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Listed {
    crc: u32,
    len: u64,
}

/// The chunks met so far, listed as an index would: by it all readers tell whether some are missing.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    listed: Listed,
    before: u64,
    units: u64,
    last: bool,
}

impl Listing {
    /// A chunk whose record is at `at`.
    ///
    /// # Errors
    /// [`Error::Format`] behind the last chunk, or for more units than a number holds.
    pub(crate) fn add(&mut self, frame: &ChunkFrame, last: bool, at: u64) -> Result<()> {
        if self.last {
            return Err(Error::Format("chunk out of place".into()));
        }
        let long = || Error::Format("chunk too long".into());
        self.units = self.units.checked_add(frame.units).ok_or_else(long)?;
        self.last = last;
        let mut entry = Vec::with_capacity(20);
        put_varint(frame.units, &mut entry);
        put_varint(at.saturating_sub(self.before), &mut entry);
        self.before = at;
        self.listed.crc = crc32c::crc32c_append(self.listed.crc, &entry);
        self.listed.len = self.listed.len.saturating_add(entry.len() as u64);
        Ok(())
    }

    /// Whether the last chunk was met.
    pub(crate) fn ended(&self) -> bool {
        self.last
    }

    /// Refuses a file at whose end the last chunk has not come, or another number of units than the header says.
    ///
    /// # Errors
    /// [`Error::Format`].
    pub(crate) fn whole(&self, header: &Header) -> Result<()> {
        if self.units > 0 && !self.last {
            return Err(Error::Format("the last chunk is missing".into()));
        }
        if header.length.is_some_and(|n| n != self.units) {
            return Err(Error::Format("length and chunks differ".into()));
        }
        Ok(())
    }

    /// What was listed.
    pub(crate) fn listed(&self) -> Listed {
        self.listed
    }
}

/// Reads the next record's frame; a chunk's payload follows in the reader. `end` is where the file ends, as far as one
/// knows: a length beyond it is damage, whatever the budget is.
pub(crate) fn next_record<R: Read>(
    r: &mut Reader<R>,
    header: &Header,
    lone: Option<u64>,
    end: u64,
    budget: &mut Budget,
) -> Result<Record> {
    if let Some(units) = lone {
        let at = r.offset;
        let len = r.varint()?;
        let crc = r.u32()?;
        let mut s = [0; 2];
        r.fill(&mut s)?;
        let symbols = u32::from(u16::from_le_bytes(s));
        return Ok(Record::Chunk(
            ChunkFrame {
                units,
                len,
                crc,
                symbols,
            },
            true,
            at,
        ));
    }
    loop {
        let at = r.offset;
        let tag = r.byte()?;
        match tag {
            CHUNK | LAST => {
                let (units, len) = (r.varint()?, r.varint()?);
                let (crc, symbols) = (r.u32()?, r.u32()?);
                if units == 0 {
                    return Err(Error::Format("a chunk of no units".into()));
                }
                // A range then needs no more of what came before than one chunk.
                if tag == CHUNK && units < u64::from(header.overlap) {
                    return Err(Error::Format("a chunk shorter than the overlap".into()));
                }
                return Ok(Record::Chunk(
                    ChunkFrame {
                        units,
                        len,
                        crc,
                        symbols,
                    },
                    tag == LAST,
                    at,
                ));
            }
            END => return Ok(Record::End),
            _ => {
                let len = r.varint()?;
                let crc = r.u32()?;
                let known = tag == META || tag == INDEX;
                if !(known || header.newer && tag.is_ascii_lowercase()) {
                    return Err(Error::Format(format!("unknown record {tag:#04x}").into()));
                }
                if len > end.saturating_sub(r.offset) {
                    return Err(Error::Format(EARLY.into()));
                }
                let mut body = r.bytes(len, budget)?;
                let found = crc32c::crc32c(&body);
                if differs(found, crc) {
                    return Err(Error::Format(
                        format!("checksum of record '{}'", char::from(tag)).into(),
                    ));
                }
                budget.release(len);
                if tag == INDEX {
                    return Ok(Record::Index(Listed { crc: found, len }, at));
                }
                if tag == META {
                    let short = || Error::Format("metadata without a tag".into());
                    let tag = body.first_chunk().copied().ok_or_else(short)?;
                    body.drain(..4);
                    body.shrink_to_fit();
                    return Ok(Record::Meta(Meta { tag, data: body }));
                }
            }
        }
    }
}

/// Reads what the end record says of the index, and compares the one that was seen, with its place, with that and with
/// the chunks: a record's tag has no checksum, and this is how one that was mistaken for another shows.
pub(crate) fn end_of_index<R: Read>(
    r: &mut Reader<R>,
    header: &Header,
    seen: Option<(Listed, u64)>,
    chunks: &Listing,
) -> Result<()> {
    let mut said = [0; 8];
    if !header.lone {
        r.fill(&mut said)?;
    }
    if seen.map_or(0, |(_, at)| at) != u64::from_le_bytes(said) {
        return Err(Error::Format("the index is not where it should be".into()));
    }
    if seen.is_some_and(|(listed, _)| listed != chunks.listed()) {
        return Err(Error::Format(OTHERS.into()));
    }
    Ok(())
}

/// Refuses a chunk of more units than its codec ever gives one, so that a few bytes cannot ask for hours of work.
///
/// # Errors
/// [`Error::Format`]; those of [`Codec::longest`].
pub(crate) fn fits(codec: &dyn Codec, head: &ChunkHead) -> Result<()> {
    let most = codec.longest(&head.format)?;
    if head.units > most {
        return Err(Error::Format(
            format!(
                "a chunk of {} units, {} has at most {most}",
                head.units,
                codec.info().name,
            )
            .into(),
        ));
    }
    Ok(())
}

/// Reads the payload that follows a chunk's framing and compares its checksum.
///
/// # Errors
/// As [`Reader::bytes`]; [`Error::Format`] where the checksum differs.
pub(crate) fn payload<R: Read>(
    r: &mut Reader<R>,
    frame: &ChunkFrame,
    head: &ChunkHead,
    budget: &mut Budget,
) -> Result<Vec<u8>> {
    let payload = r.bytes(frame.len, budget)?;
    if differs(crc32c::crc32c(&payload), frame.crc) {
        return Err(Error::Format(
            format!("checksum of the chunk at unit {}", head.first).into(),
        ));
    }
    Ok(payload)
}

/// A chunk that is about to be decoded.
pub(crate) struct Chunk<'a> {
    pub(crate) codec: &'a dyn Codec,
    /// Whether it is all of a file with a short header.
    pub(crate) lone: bool,
    pub(crate) frame: ChunkFrame,
    pub(crate) head: ChunkHead,
}

impl Chunk<'_> {
    /// Reads the payload and decodes it, its checksum and symbols compared; or only a part, where the
    /// codec can. Says whether it was all.
    pub(crate) fn decode<R: Read>(
        &self,
        r: &mut Reader<R>,
        part: Option<&Part>,
        budget: &Budget,
        ctl: &mut Control<'_>,
    ) -> Result<(SignalBuf, bool)> {
        let Self {
            codec, frame, head, ..
        } = self;
        fits(*codec, head)?;
        let mut budget = budget.share();
        let payload = payload(r, frame, head, &mut budget)?;
        if let Some(part) = part
            && let Some(y) = codec.decode_part(&payload, head, part, &mut budget, ctl)?
        {
            return Ok((y, false));
        }
        let (y, encoded) = codec.decode(&payload, head, &mut budget, ctl)?;
        let mask = if self.lone {
            0xffff
        } else {
            u64::from(u32::MAX)
        };
        if differs(encoded.symbols & mask, u64::from(frame.symbols)) {
            return Err(Error::Format(
                format!("decoded symbols of the chunk at unit {}", head.first).into(),
            ));
        }
        Ok((y, true))
    }
}
