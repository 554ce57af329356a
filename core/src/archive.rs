//! Random access: a range of the signal, a file's facts, and trimming to a lower rate.

use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;

use crate::container::{
    ChunkFrame, END, Entry, Event, Fields, Header, INDEX, Listing, Meta, Payload, Walker, differs,
    read_full,
};
use crate::decoder::{Joiner, decode_chunk, fits, head_of};
use crate::emit::{Emitter, Summary};
use crate::registry::{Opener, open};
use crate::{Budget, ChunkHead, Control, Error, Goal, Part, Place, Progress, Result, SignalBuf};

/// Most bytes of an index record before its body: tag, length, checksum.
const INDEX_HEAD: u64 = 1 + 10 + 4;

/// A file that can be read in any order. Needs no model until something is decoded.
pub struct Archive<R> {
    r: R,
    walker: Walker,
    header: Header,
    /// Where the first record begins: behind the header as it is read, which may have fields that this version does not
    /// know.
    start: u64,
    entries: Vec<Entry>,
    /// Metadata, and bytes of all payloads; none until the records were walked over.
    scanned: Option<(Vec<Meta>, u64)>,
    bytes: u64,
    /// What the index and the metadata are charged to.
    budget: Budget,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the header and the index, or scans the chunks' frames where there is none. `r` needs no buffer.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Unsupported`], [`Error::Limit`], [`Error::Io`].
    pub fn open(r: R, budget: Budget) -> Result<Self> {
        let (mut a, indexed) = Self::begin(r, budget)?;
        if !indexed {
            a.scan()?;
        }
        Ok(a)
    }

    /// Reads the header and the index, and says whether there is a sound one (or need for one).
    pub(crate) fn begin(mut r: R, budget: Budget) -> Result<(Self, bool)> {
        let bytes = r.seek(SeekFrom::End(0))?;
        r.seek(SeekFrom::Start(0))?;
        let mut walker = Walker::new(budget.share()).with_size(bytes);
        let Some(Event::Header(header)) = walker.next_from(&mut r)? else {
            return Err(Error::Internal(
                "a file that does not begin with a header".into(),
            ));
        };
        let start = walker.offset();
        let mut a = Self {
            r,
            walker,
            header,
            start,
            entries: Vec::new(),
            scanned: None,
            bytes,
            budget,
        };
        if let Some(units) = header.single_length() {
            a.entries.push(Entry {
                first: 0,
                units,
                offset: start,
            });
            return Ok((a, true));
        }
        let indexed = match a.read_index()? {
            Some(entries) => {
                a.entries = entries;
                true
            }
            None => false,
        };
        Ok((a, indexed))
    }

    /// The reader, which stands anywhere, the walker, where the first record begins, and the places of the chunks with what
    /// pays for them.
    pub(crate) fn into_parts(self) -> (R, Walker, u64, (Vec<Entry>, Budget)) {
        (self.r, self.walker, self.start, (self.entries, self.budget))
    }

    /// Bytes of the file from `at` on, at most `most`.
    fn some(&mut self, at: u64, most: u64, budget: &mut Budget) -> Result<Vec<u8>> {
        self.r.seek(SeekFrom::Start(at))?;
        budget.read(&mut self.r, most)
    }

    /// The index's entries, charged to the budget; none where there is no sound index.
    fn read_index(&mut self) -> Result<Option<Vec<Entry>>> {
        // Tag, hash, offset of the index.
        let end = if self.header.hashed { 13 } else { 9 };
        let Some(at) = self.bytes.checked_sub(end).filter(|at| *at >= self.start) else {
            return Ok(None);
        };
        self.r.seek(SeekFrom::Start(at))?;
        let mut tail = [0; 13];
        let (tail, _) = tail.split_at_mut(end as usize);
        read_full(&mut self.r, tail)?;
        let mut f = Fields::new(tail);
        let hash = if self.header.hashed { 4 } else { 0 };
        let (Ok(END), Ok(_), Ok(offset)) = (f.byte(), f.bytes(hash), f.array()) else {
            return Ok(None);
        };
        let offset = u64::from_le_bytes(offset);
        if offset < self.start || offset >= at {
            return Ok(None);
        }
        // What an index does not fit the budget with is read without one, record by record.
        let mut held = self.budget.share();
        let Ok(head) = self.some(offset, (at - offset).min(INDEX_HEAD), &mut held) else {
            return Ok(None);
        };
        let mut f = Fields::new(&head);
        let (Ok(INDEX), Ok(len), Ok(crc)) = (f.byte(), f.varint(), f.u32()) else {
            return Ok(None);
        };
        let begin = offset + f.read().len() as u64;
        if begin.checked_add(len).is_none_or(|end| end > at) {
            return Ok(None);
        }
        let Ok(body) = self.some(begin, len, &mut held) else {
            return Ok(None);
        };
        if differs(crc32c::crc32c(&body), crc) {
            return Ok(None);
        }
        Ok(self.entries_of(&body, offset))
    }

    /// The entries that an index at `offset` lists.
    fn entries_of(&mut self, body: &[u8], offset: u64) -> Option<Vec<Entry>> {
        let mut held = self.budget.share();
        let mut entries = Vec::new();
        let mut f = Fields::new(body);
        let (mut first, mut at) = (0u64, 0u64);
        while !f.rest().is_empty() {
            let (units, step) = (f.varint().ok()?, f.varint().ok()?);
            at = at.checked_add(step)?;
            // Chunks lie one after another, none of them twice, between the header and the index.
            if step == 0 || at < self.start || at >= offset {
                return None;
            }
            // An entry in memory is larger than its bytes in the file.
            held.charge(size_of::<Entry>() as u64).ok()?;
            entries.push(Entry {
                first,
                units,
                offset: at,
            });
            first = first.checked_add(units)?;
        }
        if self.header.length.is_some_and(|n| n != first) {
            return None;
        }
        self.budget.absorb(held);
        Some(entries)
    }

    /// Walks over all records; also collects metadata.
    fn scan(&mut self) -> Result<()> {
        let size = size_of::<Entry>() as u64;
        let mut held = self.budget.share();
        let (mut entries, mut metadata) = (Vec::new(), Vec::new());
        let mut payload = 0u64;
        let mut listing = Listing::default();
        self.r.seek(SeekFrom::Start(self.start))?;
        self.walker.go(self.start, true);
        while let Some(event) = self.walker.next_from(&mut self.r)? {
            let first = listing.units();
            if let Event::End { .. } = event {
                // Whoever walks over the records needs no index, and may be here because the end names a wrong place.
                listing.ends(&self.header)?;
                break;
            }
            listing.see(&event, &self.header)?;
            match event {
                Event::Chunk(frame) => {
                    held.charge(size)?;
                    entries.push(Entry {
                        first,
                        units: frame.units,
                        offset: frame.at,
                    });
                    // Payloads lie in the file one after another, so their sum fits.
                    let next = self.walker.skip_payload()?;
                    payload += frame.len;
                    self.r.seek(SeekFrom::Start(next))?;
                }
                Event::Meta(m) => {
                    held.charge(m.held())?;
                    metadata.push(m);
                }
                _ => {}
            }
        }
        let before = std::mem::replace(&mut self.entries, entries).len() as u64;
        self.budget.release(before * size);
        self.budget.absorb(held);
        self.scanned = Some((metadata, payload));
        Ok(())
    }

    fn scanned(&mut self) -> Result<&(Vec<Meta>, u64)> {
        if self.scanned.is_none() {
            self.scan()?;
        }
        let none = || Error::Internal("a scan that left nothing".into());
        self.scanned.as_ref().ok_or_else(none)
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Places of the chunks.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Units of the signal.
    pub fn units(&self) -> u64 {
        // The sum was taken when the entries were read.
        self.entries.last().map_or(0, |e| e.first + e.units)
    }

    /// Bytes of all payloads; walks over the frames.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Io`].
    pub fn payload(&mut self) -> Result<u64> {
        Ok(self.scanned()?.1)
    }

    /// What is left of the budget, index and metadata taken off.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The same, for charging what is held beside what is decoded.
    pub fn budget_mut(&mut self) -> &mut Budget {
        &mut self.budget
    }

    /// Metadata of the original container; walks over the frames.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Io`].
    pub fn meta(&mut self) -> Result<&[Meta]> {
        Ok(&self.scanned()?.0)
    }

    /// The file, wherever it stands.
    pub fn into_inner(self) -> R {
        self.r
    }

    /// The frame of chunk `i`; its payload follows in the walker.
    fn frame(&mut self, i: usize) -> Result<(ChunkFrame, ChunkHead)> {
        let lost = || Error::Format("chunk out of place".into());
        let entry = *self.entries.get(i).ok_or_else(lost)?;
        self.r.seek(SeekFrom::Start(entry.offset))?;
        self.walker.go(entry.offset, i == 0);
        let Some(Event::Chunk(frame)) = self.walker.next_from(&mut self.r)? else {
            return Err(lost().at(Place::Byte(entry.offset)));
        };
        // An index cannot name a chunk inside another.
        let end = self
            .walker
            .offset()
            .checked_add(frame.len)
            .ok_or_else(lost)?;
        let next = self.entries.get(i + 1);
        if next.is_some_and(|next| next.offset < end)
            || frame.units != entry.units
            || frame.last != next.is_none()
        {
            return Err(lost().at(Place::Byte(entry.offset)));
        }
        Ok((frame, head_of(&self.header, &frame, entry.first)?))
    }

    fn read(&mut self, i: usize) -> Result<(ChunkHead, Payload)> {
        let (_, head) = self.frame(i)?;
        Ok((head, self.read_payload()?))
    }

    fn read_payload(&mut self) -> Result<Payload> {
        match self.walker.next_from(&mut self.r)? {
            Some(Event::Payload(payload)) => Ok(payload),
            _ => Err(Error::Internal("a chunk without a payload".into())),
        }
    }

    /// The payload of chunk `i` as it is in the file, its checksum compared, and what a codec is told of it.
    ///
    /// # Errors
    /// [`Error::Format`] for damage or where there is no such chunk, [`Error::Limit`], [`Error::Io`].
    pub fn payload_of(&mut self, i: usize) -> Result<(ChunkHead, Vec<u8>)> {
        let (head, payload) = self.read(i)?;
        Ok((head, payload.bytes))
    }

    /// Decodes the units of `range`, piece by piece into `sink`, reading only the chunks that hold
    /// them (and the one before, where its cross-fade reaches in), and of a chunk only what is
    /// needed where the codec can.
    ///
    /// # Errors
    /// [`Error::Usage`] for a range outside the signal, and those of [`crate::Decoder::next`].
    pub fn decode_range(
        &mut self,
        range: Range<u64>,
        opener: &dyn Opener,
        ctl: &mut Control<'_>,
        sink: &mut dyn FnMut(SignalBuf) -> Result<()>,
    ) -> Result<()> {
        let part = Part {
            units: range,
            variables: None,
        };
        self.decode_part(&part, opener, ctl, sink)
    }

    /// As [`Self::decode_range`], of records also for some variables only: the others come back as
    /// they are or as 0, whichever is less work.
    ///
    /// # Errors
    /// As for [`Self::decode_range`].
    pub fn decode_part(
        &mut self,
        part: &Part,
        opener: &dyn Opener,
        ctl: &mut Control<'_>,
        sink: &mut dyn FnMut(SignalBuf) -> Result<()>,
    ) -> Result<()> {
        let Part {
            units: range,
            variables,
        } = part;
        if range.start > range.end || range.end > self.units() {
            return Err(Error::Usage(format!(
                "range {}..{} lies outside the {} units of the file",
                range.start,
                range.end,
                self.units()
            )));
        }
        if range.is_empty() {
            return Ok(());
        }
        let codec = open(&self.header, opener)?;
        let overlap = u64::from(self.header.overlap);
        let mut joiner = Joiner::default();
        // Sums of units up to the signal's fit.
        let first = (self.entries).partition_point(|e| e.first + e.units <= range.start);
        let fades = |e: &Entry| range.start - e.first < overlap;
        let begin = match self.entries.get(first) {
            Some(e) if first > 0 && fades(e) => first - 1,
            _ => first,
        };
        for i in begin..self.entries.len() {
            ctl.check()?;
            if self.entries.get(i).is_none_or(|e| e.first >= range.end) {
                break;
            }
            let (frame, head) = self.frame(i)?;
            // The part of the range that lies in the chunk; nothing of the one before the first.
            let from = range.start.max(head.first).min(head.first + frame.units) - head.first;
            let to = range.end.min(head.first + frame.units) - head.first;
            let alone = overlap == 0 && (to - from < frame.units || variables.is_some());
            let part = alone.then(|| Part {
                units: from..to,
                variables: variables.clone(),
            });
            let mut payload = self.read_payload()?;
            let (y, whole) = decode_chunk(
                &codec,
                &self.header,
                &head,
                &mut payload,
                part.as_ref(),
                ctl,
            )?;
            drop(payload);
            if !whole {
                sink(y)?;
            } else {
                let y = joiner.join(y, frame.units, &self.budget)?;
                if (from, to) == (0, frame.units) {
                    sink(y)?;
                } else if from < to {
                    // Both lie inside a piece that is in memory.
                    sink(y.part(from as usize..to as usize)?)?;
                }
            }
            ctl.report(Progress {
                task: "decode",
                done: (head.first + to).saturating_sub(range.start),
                total: Some(range.end - range.start),
                note: "",
            });
        }
        Ok(())
    }

    /// Writes the same signal at a lower rate, without decoding it to samples. The new file has no hash of its output, which
    /// nobody has seen; checksums and symbol hashes are there.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec without nested rates, and for a file of a later minor version, which may hold
    /// what this one would leave out; those of reading and writing.
    pub fn trim<W: Write>(
        &mut self,
        w: W,
        opener: &dyn Opener,
        goal: Goal,
        ctl: &mut Control<'_>,
    ) -> Result<(W, Summary)> {
        if self.header.newer {
            let why = "a later version of nc wrote this file, and this one would leave out what it does not know";
            return Err(Error::Unsupported(why.into()));
        }
        let codec = open(&self.header, opener)?;
        let metadata = self.scanned()?.0.clone();
        let header = Header {
            hashed: false,
            length: Some(self.units()),
            ..self.header
        };
        let mut emitter = Emitter::new(w, header, goal)?;
        for m in metadata {
            emitter.add_meta(m);
        }
        for i in 0..self.entries.len() {
            ctl.check()?;
            let (head, payload) = self.read(i)?;
            let Payload {
                frame,
                bytes,
                mut budget,
            } = payload;
            fits(&codec, &head)?;
            emitter.chunk(frame.units, frame.last, |goal, out| {
                codec.trim(&bytes, &head, goal, &mut budget, out)
            })?;
            ctl.report(Progress {
                task: "trim",
                done: emitter.units(),
                total: header.length,
                note: "",
            });
        }
        emitter.finish()
    }
}
