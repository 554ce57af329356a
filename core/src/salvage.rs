//! Salvage: what a damaged file still holds.
//!
//! Chunks decode alone, so damage costs the chunks it lies in and no others. Where the index is sound it tells how
//! many units each lost chunk had; without it the records are walked, and where one is no record, the next chunk whose
//! checksum is right is searched for.

use std::io::{Read, Seek, SeekFrom};

use xxhash_rust::xxh3::Xxh3;

use crate::archive::Archive;
use crate::container::{
    CHUNK, ChunkFrame, EARLY, Entry, Event, Fields, Header, LAST, Listing, Meta, Parsed, Walker,
    differs,
};
use crate::decoder::{Joiner, decode_chunk, head_of};
use crate::registry::{Opener, open};
use crate::{AnyCodec, Budget, Control, Error, Place as At, Progress, Result, SignalBuf};

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
    r: R,
    walker: Walker,
    header: Header,
    /// Where the first record begins.
    start: u64,
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
        let (bytes, header) = (archive.bytes(), *archive.header());
        let (r, walker, start, (index, held)) = archive.into_parts();
        let mut s = Self {
            r,
            walker,
            header,
            start,
            places: Vec::new(),
            meta: Vec::new(),
            output: None,
            in_order: false,
            bytes,
            budget,
        };
        s.walk(start)?;
        if indexed && !header.single {
            s.trust(&index)?;
        }
        drop((index, held));
        s.fill_gaps();
        Ok(s)
    }

    /// Goes to a record at `at`.
    fn go(&mut self, at: u64, first: bool) -> Result<()> {
        self.r.seek(SeekFrom::Start(at))?;
        self.walker.go(at, first);
        Ok(())
    }

    fn add(&mut self, place: Place) -> Result<()> {
        self.budget.charge(size_of::<Place>() as u64)?;
        self.places.push(place);
        Ok(())
    }

    /// Takes the chunks' places from a sound index; only its own says how many units a damaged one had.
    fn trust(&mut self, index: &[Entry]) -> Result<()> {
        let before = size_of_val(self.places.as_slice()) as u64;
        self.places.clear();
        self.budget.release(before);
        for (i, entry) in index.iter().enumerate() {
            self.add(Place {
                units: Some(entry.units),
                found: Ok((entry.offset, i + 1 == index.len())),
            })?;
        }
        Ok(())
    }

    /// Walks over the records from `start` on.
    fn walk(&mut self, start: u64) -> Result<()> {
        // More than a number holds is as good as no bound.
        let mut patience = self.bytes.saturating_mul(PATIENCE);
        let mut listing = Listing::default();
        let mut broken = false;
        let mut at = start;
        self.go(at, true)?;
        loop {
            let why = match self.walker.next_from(&mut self.r) {
                Ok(Some(event)) => {
                    match self.found(&event, &mut listing, &mut broken, &mut patience)? {
                        Found::Record => {
                            if let Event::Meta(m) = event {
                                self.budget.charge(m.held())?;
                                self.meta.push(m);
                            }
                            at = self.walker.offset();
                            continue;
                        }
                        Found::End => return Ok(()),
                        Found::Damage => format!("damage at byte {at} of the file"),
                    }
                }
                Ok(None) => EARLY.into(),
                Err(e @ (Error::Io(_) | Error::Limit(_))) => return Err(e),
                Err(Error::Format(why)) => why.to_string(),
                Err(why) => why.to_string(),
            };
            let vain = self.walker.offset().max(at) - at;
            patience = patience.saturating_sub(vain);
            broken = true;
            self.gap(why)?;
            match self.resume(at + 1, &mut patience)? {
                Some(found) => at = found,
                None => return Ok(()),
            }
            self.go(at, false)?;
        }
    }

    /// Takes an event; the walker stands behind its record then.
    fn found(
        &mut self,
        event: &Event,
        listing: &mut Listing,
        broken: &mut bool,
        patience: &mut u64,
    ) -> Result<Found> {
        let is_broken = listing.see(event, &self.header).is_err();
        match event {
            Event::Chunk(frame) => {
                let single = self.header.single && frame.at == self.start;
                let next = match self.walker.offset().checked_add(frame.len) {
                    Some(next) if next <= self.bytes => Some(next),
                    _ => None,
                };
                let sound = match next {
                    Some(_) => self.checks(frame, patience)?,
                    None => false,
                };
                // Where a record follows, it is the payload that is damaged and not the framing.
                let follows = match next {
                    Some(next) if !sound && !single => self.begins(next, patience)?,
                    _ => false,
                };
                if !(sound || single || follows) {
                    return Ok(Found::Damage);
                }
                self.add(Place {
                    units: Some(frame.units),
                    found: Ok((frame.at, frame.last)),
                })?;
                *broken |= is_broken;
                match next {
                    Some(next) => self.go(next, false)?,
                    None => self.go(self.bytes, false)?,
                }
                Ok(Found::Record)
            }
            Event::End { hash, .. } if self.walker.offset() == self.bytes => {
                self.output = *hash;
                self.in_order = !*broken && !is_broken;
                Ok(Found::End)
            }
            Event::End { .. } => Ok(Found::Damage),
            _ => {
                *broken |= is_broken;
                Ok(Found::Record)
            }
        }
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

    /// Whether a sound record begins at `at`, or the file ends there as it should.
    fn begins(&mut self, at: u64, patience: &mut u64) -> Result<bool> {
        self.go(at, false)?;
        match self.walker.next_from(&mut self.r) {
            Ok(Some(Event::Chunk(frame))) => {
                let end = self.walker.offset().checked_add(frame.len);
                Ok(end.is_some_and(|end| end <= self.bytes) && self.checks(&frame, patience)?)
            }
            Ok(Some(Event::End { .. })) => Ok(self.walker.offset() == self.bytes),
            Ok(event) => Ok(event.is_some()),
            Err(e @ (Error::Io(_) | Error::Limit(_))) => Err(e),
            Err(_) => {
                let vain = self.walker.offset().max(at) - at;
                *patience = patience.saturating_sub(vain);
                Ok(false)
            }
        }
    }

    /// Whether the payload behind the walker, which is in the file, is what its checksum says.
    fn checks(&mut self, frame: &ChunkFrame, patience: &mut u64) -> Result<bool> {
        self.r.seek(SeekFrom::Start(self.walker.offset()))?;
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
            let n = buffer.len().min(usize::try_from(left).unwrap_or(STEP));
            let (part, _) = buffer.split_at_mut(n);
            self.r.read_exact(part)?;
            crc = crc32c::crc32c_append(crc, part);
            left -= n as u64;
        }
        Ok(Some(crc))
    }

    /// The next place from `at` on where a sound chunk begins.
    fn resume(&mut self, mut at: u64, patience: &mut u64) -> Result<Option<u64>> {
        let mut block = Vec::new();
        while at < self.bytes && *patience > 0 {
            self.r.seek(SeekFrom::Start(at))?;
            block.clear();
            let want = (STEP + FRAME) as u64;
            self.r.by_ref().take(want).read_to_end(&mut block)?;
            let mut rest = block.as_slice();
            for here in at..at + block.len().min(STEP) as u64 {
                let candidate = frame_of(rest, here);
                (_, rest) = rest.split_at(1);
                let Some((frame, payload)) = candidate else {
                    continue;
                };
                if payload
                    .checked_add(frame.len)
                    .is_none_or(|end| end > self.bytes)
                {
                    continue;
                }
                self.r.seek(SeekFrom::Start(payload))?;
                match self.checksum(frame.len, patience)? {
                    Some(crc) if !differs(crc, frame.crc) => return Ok(Some(here)),
                    Some(_) => {}
                    None => return Ok(None),
                }
            }
            at += STEP as u64;
        }
        Ok(None)
    }

    /// Gives the one stretch of unknown length what the header says and the chunks do not have.
    fn fill_gaps(&mut self) {
        let Some(length) = self.header.length else {
            return;
        };
        // Damage may have made more of them than there are.
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
        let mut most = u128::from(chunk) * u128::from(self.bytes / SHORTEST);
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
                    self.chunk(&codec, found, i == 0, (first, units), ctl)
                }
                Err(why) => Err(Error::Format(why.clone().into())),
            };
            match chunk {
                Ok((y, its, next)) => {
                    end = next;
                    y.le_bytes(|block| hash.update(block));
                    let y = joiner.join(y, its, &self.budget)?;
                    sink(Stretch::Sound(y))?;
                }
                Err(why @ (Error::Io(_) | Error::Cancelled | Error::Model(_))) => {
                    return Err(why);
                }
                Err(why) => {
                    whole = false;
                    joiner.forget();
                    let lost = units.filter(|n| u128::from(*n) <= most);
                    most -= u128::from(lost.unwrap_or(0));
                    sink(Stretch::Lost(Lost {
                        first,
                        units: lost,
                        why,
                    }))?;
                }
            }
            // Their sum was compared when they were found.
            first = first.saturating_add(units.unwrap_or(0));
            ctl.report(Progress {
                task: "decode",
                done: first,
                total: Some(total),
                note: "",
            });
        }
        let said = self.output.filter(|_| self.header.hashed);
        let hashed =
            !self.header.hashed || said.is_some_and(|said| !differs(hash.digest() as u32, said));
        let length = self.header.length.is_none_or(|n| n == first);
        Ok(whole && hashed && length && self.in_order)
    }

    /// Decodes the chunk whose record is at `at`; says how many units it has, and where it ends.
    fn chunk(
        &mut self,
        codec: &AnyCodec,
        (at, last): (u64, bool),
        is_first: bool,
        (first, units): (u64, Option<u64>),
        ctl: &mut Control<'_>,
    ) -> Result<(SignalBuf, u64, u64)> {
        let none = || Error::Format("no chunk where the index has one".into()).at(At::Byte(at));
        // What is no chunk is not read: an index may name it many times.
        self.r.seek(SeekFrom::Start(at))?;
        if !self.header.single {
            let mut tag = [0];
            let n = crate::container::read_full(&mut self.r, &mut tag)?;
            if n == 0 || !matches!(tag, [CHUNK | LAST]) {
                return Err(none());
            }
        }
        self.go(at, is_first)?;
        let Some(Event::Chunk(frame)) = self.walker.next_from(&mut self.r)? else {
            return Err(none());
        };
        if frame.last != last || units != Some(frame.units) {
            let what = "a chunk's framing is damaged";
            return Err(Error::Format(what.into()).at(At::Byte(at)));
        }
        let head = head_of(&self.header, &frame, first)?;
        let Some(Event::Payload(mut payload)) = self.walker.next_from(&mut self.r)? else {
            return Err(none());
        };
        let next = self.walker.offset();
        let (y, _) = decode_chunk(codec, &self.header, &head, &mut payload, None, ctl)?;
        Ok((y, frame.units, next))
    }
}

/// What a walk met.
enum Found {
    /// A record, behind which it goes on.
    Record,
    /// The end, where the file ends.
    End,
    /// What only looks like a record.
    Damage,
}

/// A chunk's framing at the start of `bytes`, which lie at `at`, and where its payload begins, if that is one.
fn frame_of(bytes: &[u8], at: u64) -> Option<(ChunkFrame, u64)> {
    let fields = |f: &mut Fields<'_>| -> Parsed<ChunkFrame> {
        let tag = f.byte()?;
        if tag != CHUNK && tag != LAST {
            return Err(Error::Format("no chunk".into()).into());
        }
        Ok(ChunkFrame {
            units: f.varint()?,
            len: f.varint()?,
            crc: f.u32()?,
            symbols: f.u32()?,
            last: tag == LAST,
            at,
        })
    };
    if !matches!(bytes, [CHUNK | LAST, ..]) {
        return None;
    }
    let mut f = Fields::new(bytes);
    let frame = fields(&mut f).ok()?;
    (frame.units > 0).then_some((frame, at + f.read().len() as u64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn framing_is_told_from_other_bytes() {
        let frame = [CHUNK, 3, 0x80, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9];
        let (found, payload) = frame_of(&frame, 100).unwrap();
        assert_eq!((found.units, found.len, payload), (3, 128, 112));
        assert_eq!(found.crc, 0x0403_0201);
        assert!(frame_of(&frame[1..], 0).is_none());
        assert!(frame_of(&frame[..11], 0).is_none(), "cut short");
        assert!(frame_of(&[LAST, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], 0).is_none());
    }
}
