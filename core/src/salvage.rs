//! Salvage: what a damaged file still holds.
//!
//! Chunks decode alone, so damage costs the chunks it lies in and no others. Where the index is sound it tells how
//! many units each lost chunk had; without it the records are walked, and where one is no record, the next chunk whose
//! checksum is right is searched for.

use std::io::{Read, Seek, SeekFrom};

use xxhash_rust::xxh3::Xxh3;

use crate::archive::Archive;
use crate::container::{CHUNK, ChunkFrame, Entry, Header, LAST, Meta, Reader, differs};
use crate::record::{Chunk, EARLY, Listing, Record, next_record};
use crate::stream::{Joiner, Opener, open};
use crate::{Budget, ChunkHead, Control, Error, Progress, Result, SignalBuf};

/// Bytes that are read at a time.
const STEP: usize = 1 << 16;
/// Longest framing of a chunk: tag, two numbers, two checks.
const FRAME: usize = 1 + 10 + 10 + 4 + 4;
/// Shortest framing of a chunk.
const SHORTEST: u64 = 1 + 1 + 1 + 4 + 4;
/// Times the file's length that checksums of what only looks like a chunk may run over.
const PATIENCE: u64 = 64;

/// A stretch of a damaged file, in order.
#[derive(Debug)]
pub enum Stretch {
    /// Decoded; its checksum and the hash of its symbols are right.
    Sound(SignalBuf),
    /// Lost.
    Lost(Lost),
}

/// Units that a damaged file does not hold any more.
#[derive(Debug)]
pub struct Lost {
    /// First unit; counted without the stretches before it whose length nobody knows.
    pub first: u64,
    /// How many; `None` where the file does not tell.
    pub units: Option<u64>,
    /// What is wrong there.
    pub why: Error,
}

/// A chunk, or where one is missing.
#[derive(Debug)]
struct Place {
    units: Option<u64>,
    /// Offset of its record, and whether it is the last; or why there is none.
    found: Result<(u64, bool), String>,
}

/// A file that may be damaged anywhere but in its header.
pub struct Salvage<R> {
    r: Reader<R>,
    header: Header,
    places: Vec<Place>,
    meta: Vec<Meta>,
    /// Hash of the whole output, from the end record.
    output: Option<u32>,
    /// Whether the records are as they should be: nothing between them, an end where the file ends, which says where the
    /// one index is, and the last chunk last.
    in_order: bool,
    bytes: u64,
    budget: Budget,
}

impl<R: Read + Seek> Salvage<R> {
    /// Reads the header and looks where chunks are.
    ///
    /// # Errors
    /// [`Error::Format`] where the header is damaged: nothing can be told of the rest then; [`Error::Unsupported`],
    /// [`Error::Limit`], [`Error::Io`].
    pub fn open(r: R, budget: Budget) -> Result<Self> {
        let (archive, indexed) = Archive::begin(r, budget.share())?;
        let bytes = archive.bytes();
        let (r, header, start, index) = archive.into_parts();
        let mut s = Self {
            r,
            header,
            places: Vec::new(),
            meta: Vec::new(),
            output: None,
            in_order: false,
            bytes,
            budget,
        };
        s.walk(start)?;
        if indexed && !header.lone {
            let held = (index.len() as u64).saturating_mul(size_of::<Entry>() as u64);
            s.budget.charge(held)?;
            s.trust(&index)?;
            s.budget.release(held);
        }
        s.fill_gaps();
        Ok(s)
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        self.r.inner().seek(SeekFrom::Start(offset))?;
        self.r.offset = offset;
        Ok(())
    }

    fn add(&mut self, place: Place) -> Result<()> {
        self.budget.charge(size_of::<Place>() as u64)?;
        self.places.push(place);
        Ok(())
    }

    /// Takes the chunks' places from a sound index; only its own says how many units a damaged one had.
    fn trust(&mut self, index: &[Entry]) -> Result<()> {
        let before = (self.places.len() as u64).saturating_mul(size_of::<Place>() as u64);
        self.places.clear();
        self.budget.release(before);
        let last = index.len().saturating_sub(1);
        for (i, entry) in index.iter().enumerate() {
            self.add(Place {
                units: Some(entry.units),
                found: Ok((entry.offset, i == last)),
            })?;
        }
        Ok(())
    }

    /// Walks over the records from `at` on.
    fn walk(&mut self, mut at: u64) -> Result<()> {
        let mut patience = self.bytes.saturating_mul(PATIENCE);
        let mut lone = self.header.length.filter(|_| self.header.lone);
        let (mut indexes, mut chunks) = (Vec::new(), Listing::default());
        let mut broken = false;
        loop {
            let why = match self.record(at, lone) {
                Ok((Record::Chunk(frame, last, record), next)) => {
                    let sound = next <= self.bytes && self.checks(&frame, &mut patience)?;
                    // Where a record follows, it is the payload that is damaged and not the framing.
                    if sound || lone.is_some() || self.begins(next, &mut patience)? {
                        self.add(Place {
                            units: Some(frame.units),
                            found: Ok((record, last)),
                        })?;
                        broken |= chunks.add(&frame, last, record).is_err();
                        lone = None;
                        at = next;
                        continue;
                    }
                    format!("damage at byte {at} of the file")
                }
                Ok((Record::Meta(m), next)) => {
                    self.budget.charge(m.held())?;
                    self.meta.push(m);
                    at = next;
                    continue;
                }
                Ok((Record::Index(listed, place), next)) => {
                    self.budget.charge(size_of_val(&(listed, place)) as u64)?;
                    indexes.push((listed, place));
                    at = next;
                    continue;
                }
                Ok((Record::End, after)) => {
                    if after.checked_add(self.tail()) == Some(self.bytes) {
                        if self.header.hashed {
                            self.output = Some(self.r.u32()?);
                        }
                        let mut said = [0; 8];
                        if !self.header.lone {
                            self.r.fill(&mut said)?;
                        }
                        let said = u64::from_le_bytes(said);
                        let indexed = match indexes.as_slice() {
                            [] => said == 0,
                            [(listed, at)] => *at == said && *listed == chunks.listed(),
                            _ => false,
                        };
                        self.in_order = indexed && !broken && chunks.whole(&self.header).is_ok();
                        return Ok(());
                    }
                    format!("damage at byte {at} of the file")
                }
                Err(e @ (Error::Io(_) | Error::Limit(_))) => return Err(e),
                Err(why) => {
                    self.pay(at, &mut patience);
                    match why {
                        Error::Format(why) => why.to_string(),
                        why => why.to_string(),
                    }
                }
            };
            (lone, broken) = (None, true);
            self.gap(why)?;
            match self.resume(at.saturating_add(1), &mut patience)? {
                Some(found) => at = found,
                None => return Ok(()),
            }
        }
    }

    /// Takes what was read in vain from `at` on off the patience.
    fn pay(&self, at: u64, patience: &mut u64) {
        *patience = patience.saturating_sub(self.r.offset.saturating_sub(at));
    }

    /// Bytes behind the tag of the end record.
    fn tail(&self) -> u64 {
        let hash = if self.header.hashed { 4 } else { 0 };
        let index = if self.header.lone { 0 } else { 8 };
        u64::saturating_add(hash, index)
    }

    /// A stretch of unknown length; two of them in a row are one.
    fn gap(&mut self, why: String) -> Result<()> {
        if matches!(self.places.last(), Some(p) if p.found.is_err()) {
            return Ok(());
        }
        self.add(Place {
            units: None,
            found: Err(why),
        })
    }

    /// The record at `at` and where the next one begins.
    fn record(&mut self, at: u64, lone: Option<u64>) -> Result<(Record, u64)> {
        if at >= self.bytes {
            return Err(Error::Format(EARLY.into()));
        }
        self.seek(at)?;
        let mut budget = self.budget.share();
        let record = next_record(&mut self.r, &self.header, lone, self.bytes, &mut budget)?;
        let next = match &record {
            Record::Chunk(frame, ..) => self.r.offset.saturating_add(frame.len),
            _ => self.r.offset,
        };
        Ok((record, next))
    }

    /// Whether a sound record begins at `at`, or the file ends there as it should.
    fn begins(&mut self, at: u64, patience: &mut u64) -> Result<bool> {
        match self.record(at, None) {
            Ok((Record::Chunk(frame, ..), next)) => {
                Ok(next <= self.bytes && self.checks(&frame, patience)?)
            }
            Ok((Record::End, after)) => Ok(after.checked_add(self.tail()) == Some(self.bytes)),
            Ok(_) => Ok(true),
            Err(e @ (Error::Io(_) | Error::Limit(_))) => Err(e),
            Err(_) => {
                self.pay(at, patience);
                Ok(false)
            }
        }
    }

    /// Whether the payload that follows is what its checksum says.
    fn checks(&mut self, frame: &ChunkFrame, patience: &mut u64) -> Result<bool> {
        let found = self.checksum(frame.len, patience)?;
        Ok(found.is_some_and(|crc| !differs(crc, frame.crc)))
    }

    /// CRC-32C of the next `len` bytes, which are in the file; `None` once patience is out.
    fn checksum(&mut self, len: u64, patience: &mut u64) -> Result<Option<u32>> {
        let Some(left) = patience.checked_sub(len) else {
            return Ok(None);
        };
        *patience = left;
        let mut buffer = vec![0; STEP.min(usize::try_from(len).unwrap_or(STEP))];
        let (mut crc, mut left) = (0, len);
        while left > 0 {
            let n = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let part = buffer.get_mut(..n).unwrap_or_default();
            self.r.fill(part)?;
            crc = crc32c::crc32c_append(crc, part);
            left = left.saturating_sub(n as u64);
        }
        Ok(Some(crc))
    }

    /// The next place from `at` on where a sound chunk begins.
    fn resume(&mut self, mut at: u64, patience: &mut u64) -> Result<Option<u64>> {
        let mut block = Vec::new();
        while at < self.bytes && *patience > 0 {
            self.seek(at)?;
            block.clear();
            let want = (STEP + FRAME) as u64;
            self.r.inner().by_ref().take(want).read_to_end(&mut block)?;
            for i in 0..block.len().min(STEP) {
                let rest = block.get(i..).unwrap_or_default();
                let here = at.saturating_add(i as u64);
                let Some((frame, long)) = frame_of(rest) else {
                    continue;
                };
                let payload = here.saturating_add(long);
                if payload.saturating_add(frame.len) > self.bytes {
                    continue;
                }
                self.seek(payload)?;
                match self.checksum(frame.len, patience)? {
                    Some(crc) if !differs(crc, frame.crc) => return Ok(Some(here)),
                    Some(_) => {}
                    None => return Ok(None),
                }
            }
            at = at.saturating_add(STEP as u64);
        }
        Ok(None)
    }

    /// Gives the one stretch of unknown length what the header says and the chunks do not have.
    fn fill_gaps(&mut self) {
        let Some(length) = self.header.length else {
            return;
        };
        let missing = length.saturating_sub(self.units());
        if missing == 0 {
            // What is damaged then holds no units.
            self.places.retain(|p| p.units.is_some());
            return;
        }
        let mut unknown = self.places.iter_mut().filter(|p| p.units.is_none());
        match (unknown.next(), unknown.next()) {
            (Some(one), None) => one.units = Some(missing),
            (None, _) => self.places.push(Place {
                units: Some(missing),
                found: Err(EARLY.into()),
            }),
            _ => {}
        }
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What is left of the budget, places and metadata taken off.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The same, for charging what is held beside what is decoded.
    pub fn budget_mut(&mut self) -> &mut Budget {
        &mut self.budget
    }

    /// What is left of the metadata of the original container.
    pub fn meta(&self) -> &[Meta] {
        &self.meta
    }

    /// Units of the signal, lost ones included where their number is known.
    pub fn units(&self) -> u64 {
        self.places
            .iter()
            .fold(0, |n, p| n.saturating_add(p.units.unwrap_or(0)))
    }

    /// Decodes what is there, stretch after stretch into `sink`. Says whether the file was whole: nothing lost, and
    /// the hash of the output right where the file has one.
    ///
    /// # Errors
    /// Those of `sink` and of `opener`, [`Error::Cancelled`], [`Error::Io`]; damage is no error here.
    pub fn decode(
        &mut self,
        opener: &dyn Opener,
        ctl: &mut Control<'_>,
        sink: &mut dyn FnMut(Stretch) -> Result<()>,
    ) -> Result<bool> {
        let codec = open(&self.header, opener)?;
        // No chunk is shorter than its framing, and none has more units than the codec gives one: a file of this
        // size cannot have lost more, all its stretches together.
        let chunk = codec.longest(&self.header.format)?;
        let mut most = chunk.saturating_mul(self.bytes / SHORTEST);
        let mut joiner = Joiner::default();
        let mut hash = Xxh3::new();
        let (mut first, mut whole, total) = (0u64, true, self.units());
        let mut end = 0;
        for i in 0..self.places.len() {
            ctl.check()?;
            let Some(place) = self.places.get(i) else {
                break;
            };
            let units = place.units;
            let chunk = match &place.found {
                Ok((at, _)) if *at < end => {
                    Err(Error::Format("a chunk inside the one before it".into()))
                }
                Ok(found) => {
                    let found = *found;
                    self.chunk(codec.as_ref(), found, first, units, ctl)
                }
                Err(why) => Err(Error::Format(why.clone().into())),
            };
            match chunk {
                Ok((y, its, next)) => {
                    end = next;
                    y.le_bytes(|block| hash.update(block));
                    let y = joiner.join(y, its, &mut self.budget)?;
                    sink(Stretch::Sound(y))?;
                }
                Err(why @ (Error::Io(_) | Error::Cancelled | Error::Model(_))) => return Err(why),
                Err(why) => {
                    whole = false;
                    joiner.forget(&mut self.budget);
                    let lost = units.filter(|n| *n <= most);
                    most = most.saturating_sub(lost.unwrap_or(0));
                    sink(Stretch::Lost(Lost {
                        first,
                        units: lost,
                        why,
                    }))?;
                }
            }
            first = first.saturating_add(units.unwrap_or(0));
            ctl.report(Progress {
                task: "decode",
                done: first,
                total: Some(total),
                note: "",
            });
        }
        let hashed = !self.header.hashed
            || self
                .output
                .is_some_and(|said| !differs(hash.digest() as u32, said));
        let length = self.header.length.is_none_or(|n| n == first);
        Ok(whole && hashed && length && self.in_order)
    }

    /// Decodes the chunk whose record is at `at`; says how many units it has, and where it ends.
    fn chunk(
        &mut self,
        codec: &dyn crate::Codec,
        (at, last): (u64, bool),
        first: u64,
        units: Option<u64>,
        ctl: &mut Control<'_>,
    ) -> Result<(SignalBuf, u64, u64)> {
        let lone = self.header.length.filter(|_| self.header.lone);
        let none = || Error::Format("no chunk where the index has one".into());
        // What is no chunk is not read: an index may name it many times.
        self.seek(at)?;
        if lone.is_none() && !matches!(self.r.byte()?, CHUNK | LAST) {
            return Err(none());
        }
        let (Record::Chunk(frame, is_last, _), next) = self.record(at, lone)? else {
            return Err(none());
        };
        if is_last != last || units != Some(frame.units) {
            return Err(Error::Format("a chunk's framing is damaged".into()));
        }
        if next > self.bytes {
            return Err(Error::Format(EARLY.into()));
        }
        let overlap = if last {
            0
        } else {
            u64::from(self.header.overlap)
        };
        let coded = frame.units.checked_add(overlap);
        let head = ChunkHead {
            format: self.header.format,
            first,
            units: coded.ok_or_else(|| Error::Format("chunk too long".into()))?,
        };
        let units = frame.units;
        let chunk = Chunk {
            codec,
            lone: self.header.lone,
            frame,
            head,
        };
        let (y, _) = chunk.decode(&mut self.r, None, &self.budget, ctl)?;
        Ok((y, units, next))
    }
}

/// A chunk's framing at the start of `bytes` and how long it is, if that is one.
fn frame_of(bytes: &[u8]) -> Option<(ChunkFrame, u64)> {
    let (tag, rest) = bytes.split_first()?;
    if *tag != CHUNK && *tag != LAST {
        return None;
    }
    let mut r = Reader::new(rest, 1);
    let (units, len) = (r.varint().ok()?, r.varint().ok()?);
    let (crc, symbols) = (r.u32().ok()?, r.u32().ok()?);
    let frame = ChunkFrame {
        units,
        len,
        crc,
        symbols,
    };
    (units > 0).then_some((frame, r.offset))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn framing_is_told_from_other_bytes() {
        let frame = [CHUNK, 3, 0x80, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        let (found, long) = frame_of(&frame).unwrap();
        assert_eq!((found.units, found.len, long), (3, 128, 12));
        assert_eq!(found.crc, 0x0403_0201);
        assert!(frame_of(&frame[1..]).is_none());
        assert!(frame_of(&frame[..11]).is_none(), "cut short");
        assert!(frame_of(&[LAST, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).is_none());
    }
}
