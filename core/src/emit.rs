//! Writing a file chunk by chunk: framing, rate, index, end. Shared by encoding and trimming, so
//! that both share the budget out in the same way.

use std::io::Write;

use xxhash_rust::xxh3::Xxh3;

use crate::container::{
    CHUNK, END, Entry, Header, INDEX, LAST, META, Meta, Writer, put_varint, varint_len,
};
use crate::{ChunkGoal, Encoded, Error, Goal, Result};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of all payloads.
    pub payload: u64,
    /// Units of the signal.
    pub units: u64,
    /// Chunks.
    pub chunks: u64,
}

pub(crate) struct Emitter<W> {
    out: Writer<W>,
    header: Header,
    /// Units that were announced.
    announced: Option<u64>,
    goal: Goal,
    started: bool,
    meta: Vec<Meta>,
    entries: Vec<Entry>,
    pub(crate) hash: Xxh3,
    summary: Summary,
}

impl<W: Write> Emitter<W> {
    pub(crate) fn new(w: W, header: Header, goal: Goal) -> Result<Self> {
        if matches!(goal, Goal::Bitrate(_)) && header.format.units_per_second().is_none() {
            return Err(Error::Usage("a bitrate needs a signal in time".into()));
        }
        let (meta, entries, summary) = (Vec::new(), Vec::new(), Summary::default());
        Ok(Self {
            out: Writer::new(w),
            announced: header.length,
            header,
            goal,
            started: false,
            meta,
            entries,
            hash: Xxh3::new(),
            summary,
        })
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    pub(crate) fn get_mut(&mut self) -> &mut W {
        self.out.get_mut()
    }

    pub(crate) fn add_meta(&mut self, meta: Meta) {
        self.meta.push(meta);
    }

    pub(crate) fn units(&self) -> u64 {
        self.summary.units
    }

    fn meta_bytes(&self) -> u64 {
        // Kind, length, CRC, tag, data.
        let one = |m: &Meta| {
            let body = m.data.len() as u64 + 4;
            varint_len(body) + 5 + body
        };
        self.meta.iter().map(one).sum()
    }

    /// What the next chunk is to reach.
    fn chunk_goal(&self, units: u64) -> Result<ChunkGoal> {
        let done = u128::from(self.summary.units + units);
        let total = match self.goal {
            Goal::Exact => return Ok(ChunkGoal::Exact),
            Goal::Quality(q) => return Ok(ChunkGoal::Quality(q)),
            Goal::Bitrate(bits) => {
                let timeless = || Error::Internal("a bitrate of a signal without time".into());
                let (units, seconds) =
                    self.header.format.units_per_second().ok_or_else(timeless)?;
                // 32, 64 and 32 bits: fits.
                let bits = u128::from(bits) * done * u128::from(seconds);
                let all = bits / 8 / u128::from(units);
                // Metadata is part of the rate, but a picture must not starve the sound.
                all - u128::from(self.meta_bytes()).min(all / 4)
            }
            Goal::Bytes(bytes) => {
                let unknown =
                    || Error::Usage("a size in bytes needs an input of known length".into());
                let all = u128::from(self.header.length.ok_or_else(unknown)?);
                // Metadata may take all that there is.
                u128::from(bytes.saturating_sub(self.meta_bytes())) * done / all.max(1)
            }
        };
        // More than any chunk can take is as good as all.
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let used = if self.started {
            self.out.offset
        } else {
            self.header.to_bytes().len() as u64
        };
        // The hash's four bytes are reserved even where there is none, so that a trimmed file
        // gets the payload of an encoded one.
        let frame = if self.header.single {
            // Checksum and symbols, then tag and hash of the end.
            varint_len(total) + (4 + 2 + 1 + 4)
        } else {
            let entries = self.summary.chunks + 1;
            // Seven bytes an entry, 16 around them; the chunk's tag, checksum and symbols; the end.
            entries * 7 + varint_len(units) + varint_len(total) + (16 + 1 + 8 + 13)
        };
        // What is left may be nothing: a codec then gives its least.
        Ok(ChunkGoal::Bytes(total.saturating_sub(used + frame)))
    }

    fn start(&mut self) -> Result<()> {
        if !self.started {
            self.out.put(&self.header.to_bytes())?;
            self.started = true;
        }
        Ok(())
    }

    /// Writes a chunk of `units`, the payload made by `code` for its goal; gives the payload and the hash of its symbols
    /// as far as the file keeps it.
    ///
    /// A first chunk that is the last makes a single-chunk file, whose header is short.
    pub(crate) fn chunk(
        &mut self,
        units: u64,
        last: bool,
        code: impl FnOnce(ChunkGoal, &mut Vec<u8>) -> Result<Encoded>,
    ) -> Result<Written> {
        if last && !self.started {
            self.header = self.header.single(units);
        }
        let mut payload = Vec::new();
        let encoded = code(self.chunk_goal(units)?, &mut payload)?;
        self.start()?;
        let offset = self.out.offset;
        let mut frame = Vec::new();
        if !self.header.single {
            frame.push(if last { LAST } else { CHUNK });
            put_varint(units, &mut frame);
        }
        put_varint(payload.len() as u64, &mut frame);
        frame.extend(crc32c::crc32c(&payload).to_le_bytes());
        if self.header.single {
            frame.extend((encoded.symbols as u16).to_le_bytes());
        } else {
            frame.extend((encoded.symbols as u32).to_le_bytes());
        }
        self.out.put(&frame)?;
        self.out.put(&payload)?;
        // Whoever reads along gets whole chunks, and a track is cut behind them.
        self.out.get_mut().flush()?;
        self.entries.push(Entry {
            first: self.summary.units,
            units,
            offset,
        });
        self.summary.units += units;
        self.summary.chunks += 1;
        self.summary.payload += payload.len() as u64;
        Ok(Written { payload, encoded })
    }

    fn record(&mut self, tag: u8, body: &[u8]) -> Result<()> {
        let mut head = vec![tag];
        put_varint(body.len() as u64, &mut head);
        self.out.put(&head)?;
        self.out.put(&crc32c::crc32c(body).to_le_bytes())?;
        self.out.put(body)
    }

    /// Writes metadata, index and end.
    pub(crate) fn finish(mut self) -> Result<(W, Summary)> {
        let units = self.summary.units;
        if let Some(announced) = self.announced.filter(|n| *n != units) {
            return Err(Error::Usage(format!(
                "{announced} units were announced and {units} given"
            )));
        }
        self.start()?;
        for m in std::mem::take(&mut self.meta) {
            let body: Vec<u8> = m.tag.iter().copied().chain(m.data).collect();
            self.record(META, &body)?;
        }
        let mut end = vec![END];
        let index = self.out.offset;
        if !self.header.single {
            let mut body = Vec::new();
            let mut at = 0;
            for e in &self.entries {
                put_varint(e.units, &mut body);
                // Offsets rise.
                put_varint(e.offset - at, &mut body);
                at = e.offset;
            }
            self.record(INDEX, &body)?;
        }
        if self.header.hashed {
            end.extend((self.hash.digest() as u32).to_le_bytes());
        }
        if !self.header.single {
            end.extend(index.to_le_bytes());
        }
        self.out.put(&end)?;
        self.summary.bytes = self.out.offset;
        Ok((self.out.finish()?, self.summary))
    }
}

/// A chunk that was written.
pub(crate) struct Written {
    pub(crate) payload: Vec<u8>,
    pub(crate) encoded: Encoded,
}
