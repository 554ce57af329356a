//! The one walker over a file's records, fed by bytes as they come.
//!
//! Decoder, archive, salvage and whatever gets its bytes from elsewhere (a GStreamer pad, a browser) stand on it, so that
//! no two readers can disagree. [`Walker`] knows framing and checksums; a listing (`container/listing.rs`) tells whether the records met are a
//! whole file.

use std::io::{ErrorKind, Read};

use super::wire::{EARLY, Fields, Parsed, Stop};
use super::{CHUNK, ChunkFrame, END, Header, INDEX, LAST, Listed, META, Meta, differs};
use crate::{Budget, Error, Place, Result};

/// Bytes that are read at once while a payload is not the next thing.
const BLOCK: usize = 1 << 12;
/// Bytes that are read at once of a payload.
const PAYLOAD_BLOCK: usize = 1 << 18;

/// What was met.
#[derive(Debug)]
pub enum Event {
    /// The header; always the first.
    Header(Header),
    /// The framing of a chunk. [`Event::Payload`] follows, unless [`Walker::skip_payload`] is called.
    Chunk(ChunkFrame),
    /// The payload of the chunk met last, its checksum compared.
    Payload(Payload),
    /// Metadata, its checksum compared.
    Meta(Meta),
    /// An index, its checksum compared, and where its record begins.
    Index(Listed, u64),
    /// The end.
    End {
        /// Hash of the decoded output, where the file has one.
        hash: Option<u32>,
        /// Where it says that the index is; 0 where there is none.
        index: u64,
    },
}

/// A chunk's payload, which is charged as long as it is held.
#[derive(Debug)]
pub struct Payload {
    /// The chunk's framing.
    pub frame: ChunkFrame,
    /// The payload.
    pub bytes: Vec<u8>,
    /// What paid for it, for the codec to charge its own work to.
    pub budget: Budget,
}

/// What comes next.
#[derive(Debug)]
enum State {
    Header,
    /// The framing of the only chunk.
    Single,
    Record,
    Payload(Payload),
    Body(Body),
    End,
    Done,
}

/// A record that is not a chunk, half met.
#[derive(Debug)]
struct Body {
    tag: u8,
    /// Where the record begins.
    at: u64,
    len: u64,
    left: u64,
    said: u32,
    found: u32,
    /// What is kept of it: metadata alone.
    data: Vec<u8>,
    budget: Budget,
}

/// What became of a payload or a record's body.
enum Taken {
    /// It is whole.
    Event(Event),
    /// It is whole, and of no interest.
    Passed,
    /// More bytes are needed.
    Part,
}

/// Appends what one read gives, at most `most` bytes; says how many came.
fn read_some(r: &mut impl Read, to: &mut Vec<u8>, most: usize) -> Result<u64> {
    let before = to.len();
    to.resize(before + most, 0);
    let (_, room) = to.split_at_mut(before);
    let got = loop {
        match r.read(room) {
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            got => break got,
        }
    };
    // A reader that claims more than there was room for is at fault, and gets what there was.
    let got = got.map(|n| n.min(most));
    to.truncate(before + *got.as_ref().unwrap_or(&0));
    Ok(got? as u64)
}

/// Walks over the records of a file, see the module.
///
/// ```
/// use nc_core::container::{Event, Walker};
/// # let file = nc_core::container::MAGIC;
/// let mut walker = Walker::new(nc_core::Budget::default());
/// walker.feed(&file);
/// // All that came is too little for a header: feed more, or there is no more and the file is cut short.
/// assert!(walker.next()?.is_none());
/// # Ok::<(), nc_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Walker {
    header: Option<Header>,
    state: State,
    /// Bytes that came and were not parsed yet: those from `from` on.
    input: Vec<u8>,
    from: usize,
    /// Offset in the file of the next byte to parse.
    at: u64,
    /// Where the file ends, where that is known: a length beyond it is damage, whatever the budget is.
    size: Option<u64>,
    budget: Budget,
}

impl Walker {
    /// A walker that begins with the header; what is held of the file is charged to `budget`.
    pub fn new(budget: Budget) -> Self {
        Self {
            header: None,
            state: State::Header,
            input: Vec::new(),
            from: 0,
            at: 0,
            size: None,
            budget,
        }
    }

    /// The same, of a file of known size.
    #[must_use]
    pub fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// Goes to a record at `at`, the next byte to be fed, of a file whose header has been met; a single chunk has no
    /// framing of its own where it is the first record.
    pub fn go(&mut self, at: u64, first: bool) {
        self.input.clear();
        self.from = 0;
        self.at = at;
        let single = self.header.is_some_and(|h| h.single);
        self.state = match (&self.header, first && single) {
            (None, _) => State::Header,
            (_, true) => State::Single,
            (_, false) => State::Record,
        };
    }

    /// The header, once met.
    pub const fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Offset in the file of what is parsed next: where the next record begins, once an event was given.
    pub const fn offset(&self) -> u64 {
        self.at
    }

    /// Bytes that came and were not parsed yet.
    pub const fn pending(&self) -> usize {
        self.input.len() - self.from
    }

    /// What is left of the budget is of this pool.
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Takes the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        // What was parsed is not kept: memory does not grow with the file.
        self.input.drain(..self.from);
        self.from = 0;
        self.input.extend_from_slice(bytes);
    }

    /// Reads the next bytes of the file; says whether any came.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Limit`].
    pub fn read_from(&mut self, r: &mut impl Read) -> Result<bool> {
        // A payload's bytes go where they stay.
        if let State::Payload(payload) = &mut self.state
            && self.from == self.input.len()
        {
            // Memory follows what is there and not what a length claims: it doubles at most.
            let more = PAYLOAD_BLOCK.max(payload.bytes.len()) as u64;
            let more = payload.left().min(more) as usize;
            if payload.bytes.capacity() == payload.bytes.len() {
                payload.bytes.reserve_exact(more);
            }
            let most = payload.left().min(PAYLOAD_BLOCK as u64);
            payload.budget.charge(most)?;
            let got = read_some(r, &mut payload.bytes, most as usize)?;
            payload.budget.release(most - got);
            self.at += got;
            return Ok(got > 0);
        }
        self.input.drain(..self.from);
        self.from = 0;
        Ok(read_some(r, &mut self.input, BLOCK)? > 0)
    }

    /// The next event; none where more bytes are needed for it.
    ///
    /// # Errors
    /// [`Error::Format`] for damage, [`Error::Unsupported`] for what a later version wrote, [`Error::Limit`] past the
    /// budget. The walker stays where it was.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Event>> {
        loop {
            let step = match &mut self.state {
                State::Header => self.header_fields(),
                State::Single => self.single(),
                State::Record => self.record(),
                State::End => self.end(),
                State::Payload(_) | State::Body(_) => match self.take()? {
                    Taken::Event(event) => return Ok(Some(event)),
                    Taken::Passed => continue,
                    Taken::Part => return Ok(None),
                },
                State::Done if self.from < self.input.len() => {
                    return Err(self.wrong("data after the end"));
                }
                State::Done => return Ok(None),
            };
            match step {
                Ok(Some(event)) => return Ok(Some(event)),
                // A record's head alone is no event.
                Ok(None) => {}
                Err(Stop::More) => return Ok(None),
                Err(Stop::Wrong(e)) => return Err(e.at(Place::Byte(self.at))),
            }
        }
    }

    /// The next event, reading as much as it takes; none where the file ends, which it may behind [`Event::End`] alone.
    ///
    /// # Errors
    /// Those of [`Self::next`] and [`Self::read_from`]; [`Error::Format`] where the file ends early.
    pub fn next_from(&mut self, r: &mut impl Read) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.next()? {
                return Ok(Some(event));
            }
            if !self.read_from(r)? {
                return match self.state {
                    State::Done => Ok(None),
                    _ => Err(self.wrong(EARLY)),
                };
            }
        }
    }

    /// Passes over the payload of the chunk met last. Says from which offset on the file is to be fed then.
    ///
    /// # Errors
    /// [`Error::Format`] where the file ends before.
    pub fn skip_payload(&mut self) -> Result<u64> {
        if let State::Payload(payload) = &self.state {
            let left = payload.left();
            let next = self.at.checked_add(left);
            let next = next.filter(|n| self.size.is_none_or(|size| *n <= size));
            let next = next.ok_or_else(|| self.wrong(EARLY))?;
            let here = (self.input.len() - self.from) as u64;
            if left <= here {
                // It fits what has come.
                self.from += left as usize;
            } else {
                self.input.clear();
                self.from = 0;
            }
            self.at = next;
            self.state = State::Record;
        }
        Ok(self.at + (self.input.len() - self.from) as u64)
    }

    fn wrong(&self, what: &'static str) -> Error {
        Error::Format(what.into()).at(Place::Byte(self.at))
    }

    /// Parses fields of what has come, and moves on behind them where all were there.
    fn fields<T>(&mut self, parse: impl FnOnce(&mut Fields<'_>) -> Parsed<T>) -> Parsed<T> {
        let (_, rest) = self.input.split_at(self.from.min(self.input.len()));
        let mut fields = Fields::new(rest);
        let parsed = parse(&mut fields)?;
        let read = fields.read().len();
        self.from += read;
        self.at += read as u64;
        Ok(parsed)
    }

    fn header_fields(&mut self) -> Parsed<Option<Event>> {
        let header = self.fields(Header::parse)?;
        self.header = Some(header);
        self.state = match header.single {
            true => State::Single,
            false => State::Record,
        };
        Ok(Some(Event::Header(header)))
    }

    fn known(&self) -> Parsed<Header> {
        let none = || Error::Internal("records before a header".into()).into();
        self.header.ok_or_else(none)
    }

    fn single(&mut self) -> Parsed<Option<Event>> {
        let at = self.at;
        let units = self.known()?.single_length();
        let none = || Error::Internal("a single chunk without a length".into());
        let units = units.ok_or_else(none)?;
        let frame = self.fields(|f| {
            let (len, crc) = (f.varint()?, f.u32()?);
            let symbols = u16::from_le_bytes(f.array()?).into();
            Ok(ChunkFrame {
                units,
                len,
                crc,
                symbols,
                last: true,
                at,
            })
        })?;
        self.chunk(frame)
    }

    fn chunk(&mut self, frame: ChunkFrame) -> Parsed<Option<Event>> {
        self.state = State::Payload(Payload {
            frame,
            bytes: Vec::new(),
            budget: self.budget.share(),
        });
        Ok(Some(Event::Chunk(frame)))
    }

    fn record(&mut self) -> Parsed<Option<Event>> {
        let at = self.at;
        let header = self.known()?;
        /// What a record's first fields are.
        enum Head {
            Chunk(ChunkFrame),
            End,
            Other(u8, u64, u32),
        }
        let head = self.fields(|f| match f.byte()? {
            tag @ (CHUNK | LAST) => {
                let frame = ChunkFrame {
                    units: f.varint()?,
                    len: f.varint()?,
                    crc: f.u32()?,
                    symbols: f.u32()?,
                    last: tag == LAST,
                    at,
                };
                if frame.units == 0 {
                    return Err(Error::Format("a chunk of no units".into()).into());
                }
                // A range then needs no more of what came before than one chunk.
                if !frame.last && frame.units < u64::from(header.overlap) {
                    return Err(Error::Format("a chunk shorter than the overlap".into()).into());
                }
                Ok(Head::Chunk(frame))
            }
            END => Ok(Head::End),
            tag => {
                let known = tag == META || tag == INDEX;
                if !(known || header.newer && tag.is_ascii_lowercase()) {
                    let what = format!("unknown record {tag:#04x}");
                    return Err(Error::Format(what.into()).into());
                }
                Ok(Head::Other(tag, f.varint()?, f.u32()?))
            }
        })?;
        match head {
            Head::Chunk(frame) => self.chunk(frame),
            Head::End => {
                self.state = State::End;
                Ok(None)
            }
            Head::Other(tag, len, said) => {
                if (self.size).is_some_and(|size| len > size.saturating_sub(self.at)) {
                    return Err(Error::Format(EARLY.into()).into());
                }
                let mut budget = self.budget.share();
                if tag == META && len > budget.left() {
                    // An honest length beyond the budget is refused before any work.
                    budget.charge(len)?;
                }
                self.state = State::Body(Body {
                    tag,
                    at,
                    len,
                    left: len,
                    said,
                    found: 0,
                    data: Vec::new(),
                    budget,
                });
                Ok(None)
            }
        }
    }

    fn end(&mut self) -> Parsed<Option<Event>> {
        let header = self.known()?;
        let (hash, index) = self.fields(|f| {
            let hash = if header.hashed { Some(f.u32()?) } else { None };
            let index = if header.single {
                0
            } else {
                u64::from_le_bytes(f.array()?)
            };
            Ok((hash, index))
        })?;
        self.state = State::Done;
        Ok(Some(Event::End { hash, index }))
    }

    /// Moves what has come into a payload or a record's body.
    fn take(&mut self) -> Result<Taken> {
        let (_, here) = self.input.split_at(self.from.min(self.input.len()));
        match &mut self.state {
            State::Payload(payload) => {
                let left = payload.left();
                if (self.size).is_some_and(|size| left > size.saturating_sub(self.at)) {
                    return Err(self.wrong(EARLY));
                }
                if left > payload.budget.left() {
                    payload.budget.charge(left)?;
                }
                let n = here.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                let (now, _) = here.split_at(n);
                payload.budget.charge(n as u64)?;
                payload.bytes.extend_from_slice(now);
                self.from += n;
                self.at += n as u64;
                if payload.left() > 0 {
                    return Ok(Taken::Part);
                }
                if differs(crc32c::crc32c(&payload.bytes), payload.frame.crc) {
                    let at = Place::Byte(payload.frame.at);
                    return Err(Error::Format("checksum of a chunk".into()).at(at));
                }
            }
            State::Body(body) => {
                let n = here
                    .len()
                    .min(usize::try_from(body.left).unwrap_or(usize::MAX));
                let (now, _) = here.split_at(n);
                body.found = crc32c::crc32c_append(body.found, now);
                body.left -= n as u64;
                if body.tag == META {
                    body.budget.charge(n as u64)?;
                    body.data.extend_from_slice(now);
                }
                self.from += n;
                self.at += n as u64;
                if body.left > 0 {
                    return Ok(Taken::Part);
                }
                if differs(body.found, body.said) {
                    let what = format!("checksum of record '{}'", char::from(body.tag));
                    return Err(Error::Format(what.into()).at(Place::Byte(body.at)));
                }
            }
            _ => return Ok(Taken::Part),
        }
        match std::mem::replace(&mut self.state, State::Record) {
            State::Payload(payload) => Ok(Taken::Event(Event::Payload(payload))),
            State::Body(body) if body.tag == INDEX => {
                let (crc, len) = (body.found, body.len);
                Ok(Taken::Event(Event::Index(Listed::new(crc, len), body.at)))
            }
            State::Body(body) if body.tag == META => {
                let (tag, data) = body.data.split_first_chunk().ok_or_else(|| {
                    Error::Format("metadata without a tag".into()).at(Place::Byte(body.at))
                })?;
                Ok(Taken::Event(Event::Meta(Meta {
                    tag: *tag,
                    data: data.to_vec(),
                })))
            }
            // One of a later minor version was passed over.
            _ => Ok(Taken::Passed),
        }
    }
}

impl Payload {
    /// Bytes that have not come yet.
    fn left(&self) -> u64 {
        // Never more than the length came.
        self.frame.len - self.bytes.len() as u64
    }
}
