//! Random access: a range of the signal, a file's facts, and trimming to a lower rate.

use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;

use crate::container::{ChunkFrame, END, Entry, Header, INDEX, Meta, Reader, differs};
use crate::emit::{Emitter, Summary};
use crate::record::{Chunk, EARLY, Listing, OTHERS, Record, fits, next_record, payload};
use crate::stream::{Joiner, Opener, open};
use crate::{Budget, ChunkHead, Control, Error, Goal, Part, Progress, Result, SignalBuf, VideoBuf};

/// Where the end record of a file with an index starts, from the end of the file: tag, hash, offset of the index.
const END_AT: i64 = -13;
/// The same without a hash.
const END_AT_UNHASHED: i64 = -9;

/// A file that can be read in any order. Needs no model until something is decoded.
pub struct Archive<R> {
    r: Reader<R>,
    header: Header,
    /// Where the first record begins: behind the header as it is read, which may have fields that this version does not
    /// know.
    start: u64,
    entries: Vec<Entry>,
    meta: Vec<Meta>,
    meta_read: bool,
    bytes: u64,
    payload: u64,
    budget: Budget,
}

impl<R: Read + Seek> Archive<R> {
    /// Reads the header and the index, or scans the chunks' frames where there is none.
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
        let mut r = Reader::new(r, 0);
        let header = Header::read(&mut r)?;
        let start = r.offset;
        let mut a = Self {
            r,
            header,
            start,
            entries: Vec::new(),
            meta: Vec::new(),
            meta_read: false,
            bytes,
            payload: 0,
            budget,
        };
        if header.lone {
            a.entries.push(Entry {
                first: 0,
                units: header.length.unwrap_or(0),
                offset: start,
            });
            return Ok((a, true));
        }
        let indexed = a.read_index()?;
        Ok((a, indexed))
    }

    /// The reader, which stands anywhere, the header, where the first record begins, and the places of the chunks.
    pub(crate) fn into_parts(self) -> (Reader<R>, Header, u64, Vec<Entry>) {
        (self.r, self.header, self.start, self.entries)
    }

    fn seek(&mut self, offset: u64) -> Result<()> {
        self.r.inner().seek(SeekFrom::Start(offset))?;
        self.r.offset = offset;
        Ok(())
    }

    /// Reads the index; false where there is no sound one.
    fn read_index(&mut self) -> Result<bool> {
        let start = self.r.offset;
        let mut budget = self.budget.share();
        let end = if self.header.hashed {
            END_AT
        } else {
            END_AT_UNHASHED
        };
        let found = (|| {
            self.r.inner().seek(SeekFrom::End(end)).ok()?;
            if self.r.byte().ok()? != END {
                return None;
            }
            if self.header.hashed {
                self.r.u32().ok()?;
            }
            let mut offset = [0; 8];
            self.r.fill(&mut offset).ok()?;
            let offset = u64::from_le_bytes(offset);
            if offset < start || offset >= self.bytes {
                return None;
            }
            self.seek(offset).ok()?;
            if self.r.byte().ok()? != INDEX {
                return None;
            }
            let (len, crc) = (self.r.varint().ok()?, self.r.u32().ok()?);
            if len > self.bytes {
                return None;
            }
            let body = self.r.bytes(len, &mut budget).ok()?;
            if differs(crc32c::crc32c(&body), crc) {
                return None;
            }
            let mut entries = Vec::new();
            let mut body = Reader::new(&body[..], 0);
            let (mut first, mut at) = (0u64, 0u64);
            while body.offset < len {
                let units = body.varint().ok()?;
                let step = body.varint().ok()?;
                at = at.checked_add(step)?;
                // Chunks lie one after another, none of them twice, between the header and the index.
                if step == 0 || at < start || at >= offset {
                    return None;
                }
                // An entry in memory is larger than its bytes in the file.
                budget.charge(size_of::<Entry>() as u64).ok()?;
                entries.push(Entry {
                    first,
                    units,
                    offset: at,
                });
                first = first.checked_add(units)?;
            }
            budget.release(len);
            Some(entries)
        })();
        match found {
            Some(entries)
                if self
                    .header
                    .length
                    .is_none_or(|n| n == entries.iter().map(|e| e.units).sum::<u64>()) =>
            {
                self.entries = entries;
                self.budget = budget;
                Ok(true)
            }
            _ => {
                self.seek(start)?;
                Ok(false)
            }
        }
    }

    /// Walks over all records; also collects metadata.
    fn scan(&mut self) -> Result<()> {
        let held = size_of::<Entry>() as u64;
        let mut entries = Vec::new();
        let mut meta = Vec::new();
        let (mut first, mut payload) = (0u64, 0u64);
        let mut lone = self.header.length.filter(|_| self.header.lone);
        let mut chunks = Listing::default();
        loop {
            let mut budget = self.budget.share();
            match next_record(
                &mut self.r,
                &self.header,
                lone.take(),
                self.bytes,
                &mut budget,
            )? {
                Record::Chunk(frame, last, offset) => {
                    chunks.add(&frame, last, offset)?;
                    self.budget.charge(held)?;
                    entries.push(Entry {
                        first,
                        units: frame.units,
                        offset,
                    });
                    let long = || Error::Format("chunk too long".into());
                    first = first.checked_add(frame.units).ok_or_else(long)?;
                    payload = payload.saturating_add(frame.len);
                    let next = self.r.offset.checked_add(frame.len).ok_or_else(long)?;
                    if next > self.bytes {
                        return Err(Error::Format(EARLY.into()));
                    }
                    self.seek(next)?;
                }
                Record::Meta(m) => {
                    self.budget.charge(m.held())?;
                    meta.push(m);
                }
                // Whoever walks over the records needs no index; but one of other chunks shows that some are missing.
                Record::Index(listed, _) if listed != chunks.listed() => {
                    return Err(Error::Format(OTHERS.into()));
                }
                Record::Index(..) => {}
                Record::End => break,
            }
        }
        chunks.whole(&self.header)?;
        let before = std::mem::replace(&mut self.entries, entries).len() as u64;
        self.budget.release(before.saturating_mul(held));
        self.meta = meta;
        self.payload = payload;
        self.meta_read = true;
        Ok(())
    }

    fn scan_once(&mut self) -> Result<()> {
        if !self.meta_read {
            self.seek(self.start)?;
            self.scan()?;
        }
        Ok(())
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
        self.entries
            .last()
            .map_or(0, |e| e.first.saturating_add(e.units))
    }

    /// Bytes of all payloads; walks over the frames.
    ///
    /// # Errors
    /// [`Error::Format`], [`Error::Io`].
    pub fn payload(&mut self) -> Result<u64> {
        self.scan_once()?;
        Ok(self.payload)
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
        self.scan_once()?;
        Ok(&self.meta)
    }

    /// Whether chunk `i` is the last.
    fn is_last(&self, i: usize) -> bool {
        i.checked_add(1) == Some(self.entries.len())
    }

    /// The frame of chunk `i`; its payload follows in the reader.
    fn frame(&mut self, i: usize) -> Result<(ChunkFrame, ChunkHead)> {
        let lost = || Error::Format("chunk out of place".into());
        let entry = *self.entries.get(i).ok_or_else(lost)?;
        self.seek(entry.offset)?;
        let lone = self.header.length.filter(|_| self.header.lone);
        let mut budget = self.budget.share();
        let Record::Chunk(frame, last, _) =
            next_record(&mut self.r, &self.header, lone, self.bytes, &mut budget)?
        else {
            return Err(lost());
        };
        // An index cannot name a chunk inside another.
        let end = self.r.offset.checked_add(frame.len).ok_or_else(lost)?;
        let next = i.checked_add(1).and_then(|i| self.entries.get(i));
        if next.is_some_and(|next| next.offset < end) {
            return Err(lost());
        }
        if frame.units != entry.units || last != self.is_last(i) {
            return Err(lost());
        }
        let overlap = if last {
            0
        } else {
            u64::from(self.header.overlap)
        };
        let units = frame.units.checked_add(overlap).ok_or_else(lost)?;
        Ok((
            frame,
            ChunkHead {
                format: self.header.format,
                first: entry.first,
                units,
            },
        ))
    }

    fn read(&mut self, i: usize, budget: &mut Budget) -> Result<(ChunkFrame, ChunkHead, Vec<u8>)> {
        let (frame, head) = self.frame(i)?;
        let payload = payload(&mut self.r, &frame, &head, budget)?;
        Ok((frame, head, payload))
    }

    /// The payload of chunk `i` as it is in the file, its checksum compared, and what a codec is told of it.
    ///
    /// # Errors
    /// [`Error::Format`] for damage or where there is no such chunk, [`Error::Limit`], [`Error::Io`].
    pub fn payload_of(&mut self, i: usize) -> Result<(ChunkHead, Vec<u8>)> {
        let mut budget = self.budget.share();
        let (_, head, payload) = self.read(i, &mut budget)?;
        Ok((head, payload))
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
        let mut budget = self.budget.share();
        let first = self
            .entries
            .partition_point(|e| e.first.saturating_add(e.units) <= range.start);
        let fades = |e: &Entry| range.start < e.first.saturating_add(overlap);
        let begin = if first > 0 && self.entries.get(first).is_some_and(fades) {
            first.saturating_sub(1)
        } else {
            first
        };
        for i in begin..self.entries.len() {
            ctl.check()?;
            if self.entries.get(i).is_none_or(|e| e.first >= range.end) {
                break;
            }
            let (frame, head) = self.frame(i)?;
            let from = range.start.saturating_sub(head.first).min(frame.units);
            let to = range.end.saturating_sub(head.first).min(frame.units);
            let alone = self.header.overlap == 0
                && (to.saturating_sub(from) < frame.units || variables.is_some());
            let part = alone.then(|| Part {
                units: from..to,
                variables: variables.clone(),
            });
            let units = frame.units;
            let first = head.first;
            let chunk = Chunk {
                codec: codec.as_ref(),
                lone: self.header.lone,
                frame,
                head,
            };
            let (y, whole) = chunk.decode(&mut self.r, part.as_ref(), &budget, ctl)?;
            if !whole {
                sink(y)?;
            } else {
                let y = joiner.join(y, units, &mut budget)?;
                if from < to {
                    sink(slice(y, from, to))?;
                }
            }
            let done = first.saturating_add(to).saturating_sub(range.start);
            ctl.report(Progress {
                task: "decode",
                done,
                total: Some(range.end.saturating_sub(range.start)),
                note: "",
            });
        }
        Ok(())
    }

    /// Writes the same signal at a lower rate, without decoding it to samples: each payload is the
    /// one that encoding at that rate gives. The new file has no hash of its output, which nobody
    /// has seen; checksums and symbol hashes are there.
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
        self.scan_once()?;
        let codec = open(&self.header, opener)?;
        let header = Header {
            hashed: false,
            length: Some(self.units()),
            ..self.header
        };
        let mut emitter = Emitter::new(w, header, goal)?;
        for m in &self.meta {
            emitter.add_meta(m.clone());
        }
        for i in 0..self.entries.len() {
            ctl.check()?;
            let mut budget = self.budget.share();
            let (frame, head, payload) = self.read(i, &mut budget)?;
            fits(codec.as_ref(), &head)?;
            let last = self.is_last(i);
            emitter.chunk(frame.units, last, |goal, out| {
                codec.trim(&payload, &head, goal, &mut budget, out)
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

fn slice(y: SignalBuf, from: u64, to: u64) -> SignalBuf {
    // Both lie inside a piece that is in memory.
    let (from, to) = (from as usize, to as usize);
    match y {
        SignalBuf::Bytes(b) => SignalBuf::Bytes(b.get(from..to).unwrap_or_default().to_vec()),
        SignalBuf::Audio(mut a) => {
            let (from, to) = (from.min(a.samples.ncols()), to.min(a.samples.ncols()));
            a.samples = a.samples.slice(ndarray::s![.., from..to]).to_owned();
            SignalBuf::Audio(a)
        }
        SignalBuf::Records(r) => {
            let to = to.min(r.values.nrows());
            SignalBuf::Records(r.view().rows(from.min(to), to).unwrap_or_default())
        }
        SignalBuf::Video(v) => {
            let part = v.view().part(from, to);
            SignalBuf::Video(VideoBuf {
                format: v.format,
                samples: part.map_or_else(Vec::new, |p| p.samples.to_vec()),
            })
        }
    }
}
