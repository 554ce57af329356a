//! Writing a file chunk by chunk: framing, rate, index, end. Shared by encoding and trimming, so
//! that both share the budget out in the same way.

use std::io::Write;

use xxhash_rust::xxh3::Xxh3;

use crate::container::{
    CHUNK, END, Entry, Header, INDEX, LAST, META, Meta, Writer, put_varint, varint_len,
};
use crate::{Encoded, Error, Format, Goal, Result};

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

/// So many units in so many seconds, where a signal has time.
fn units_per_second(format: Format) -> Option<(u32, u32)> {
    match format {
        Format::Audio { rate, .. } => Some((rate.max(1), 1)),
        Format::Video(v) => v.fps().map(|_| (v.rate[0], v.rate[1])),
        _ => None,
    }
}

pub(crate) struct Emitter<W> {
    out: Writer<W>,
    header: Header,
    goal: Goal,
    started: bool,
    meta: Vec<Meta>,
    entries: Vec<Entry>,
    pub(crate) hash: Xxh3,
    summary: Summary,
}

impl<W: Write> Emitter<W> {
    pub(crate) fn new(w: W, header: Header, goal: Goal) -> Result<Self> {
        match goal {
            Goal::Bitrate(_) if units_per_second(header.format).is_none() => {
                return Err(Error::Usage("a bitrate needs a signal in time".into()));
            }
            Goal::Bytes(_) if header.length.is_none() => {
                return Err(Error::Usage(
                    "a size in bytes needs an input of known length".into(),
                ));
            }
            _ => {}
        }
        let (meta, entries, summary) = (Vec::new(), Vec::new(), Summary::default());
        Ok(Self {
            out: Writer::new(w),
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

    pub(crate) fn add_meta(&mut self, meta: Meta) {
        self.meta.push(meta);
    }

    pub(crate) fn units(&self) -> u64 {
        self.summary.units
    }

    fn meta_bytes(&self) -> u64 {
        self.meta
            .iter()
            // Kind, length, CRC, tag, data.
            .map(|m| {
                let body = (m.data.len() as u64).saturating_add(4);
                varint_len(body).saturating_add(5).saturating_add(body)
            })
            .fold(0, u64::saturating_add)
    }

    /// Bytes that the payload of the next chunk may have.
    fn chunk_goal(&self, units: u64) -> Goal {
        let done = u128::from(self.summary.units.saturating_add(units));
        let total = match self.goal {
            Goal::Bitrate(bits) => {
                let (units, seconds) = units_per_second(self.header.format).unwrap_or((1, 0));
                let all = u128::from(bits)
                    .saturating_mul(done)
                    .saturating_mul(u128::from(seconds));
                let all = (all / 8).checked_div(u128::from(units)).unwrap_or(0);
                // Metadata is part of the rate, but a picture must not starve the sound.
                all.saturating_sub(u128::from(self.meta_bytes()).min(all / 4))
            }
            Goal::Bytes(bytes) => {
                let all = u128::from(self.header.length.unwrap_or(0).max(1));
                u128::from(bytes.saturating_sub(self.meta_bytes()))
                    .saturating_mul(done)
                    .checked_div(all)
                    .unwrap_or(0)
            }
            other => return other,
        };
        let total = u64::try_from(total).unwrap_or(u64::MAX);
        let used = if self.started {
            self.out.offset
        } else {
            self.header.to_bytes().len() as u64
        };
        // The hash's four bytes are reserved even where there is none, so that a trimmed file
        // gets the payload of an encoded one.
        let frame = if self.header.lone {
            // Checksum and symbols, then tag and hash of the end.
            varint_len(total).saturating_add(4 + 2 + 1 + 4)
        } else {
            let entries = self.summary.chunks.saturating_add(1);
            // Seven bytes an entry, 16 around them; the chunk's tag, checksum and symbols; the end.
            entries
                .saturating_mul(7)
                .saturating_add(varint_len(units))
                .saturating_add(varint_len(total))
                .saturating_add(16 + 1 + 8 + 13)
        };
        Goal::Bytes(total.saturating_sub(used).saturating_sub(frame))
    }

    fn start(&mut self) -> Result<()> {
        if !self.started {
            self.out.put(&self.header.to_bytes())?;
            self.started = true;
        }
        Ok(())
    }

    /// Writes a chunk of `units`, the payload made by `code` for its goal.
    pub(crate) fn chunk(
        &mut self,
        units: u64,
        last: bool,
        code: impl FnOnce(Goal, &mut Vec<u8>) -> Result<Encoded>,
    ) -> Result<Vec<u8>> {
        let mut payload = Vec::new();
        let encoded = code(self.chunk_goal(units), &mut payload)?;
        self.start()?;
        let offset = self.out.offset;
        let mut frame = Vec::new();
        if !self.header.lone {
            frame.push(if last { LAST } else { CHUNK });
            put_varint(units, &mut frame);
        }
        put_varint(payload.len() as u64, &mut frame);
        frame.extend(crc32c::crc32c(&payload).to_le_bytes());
        let symbols = encoded.symbols.to_le_bytes();
        let kept = if self.header.lone { 2 } else { 4 };
        frame.extend(symbols.iter().take(kept));
        self.out.put(&frame)?;
        self.out.put(&payload)?;
        self.entries.push(Entry {
            first: self.summary.units,
            units,
            offset,
        });
        self.summary.units = self.summary.units.saturating_add(units);
        self.summary.chunks = self.summary.chunks.saturating_add(1);
        self.summary.payload = self.summary.payload.saturating_add(payload.len() as u64);
        Ok(payload)
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
        if self.header.length.is_some_and(|n| n != self.summary.units) {
            return Err(Error::Usage(format!(
                "{} units were announced and {} given",
                self.header.length.unwrap_or(0),
                self.summary.units
            )));
        }
        self.start()?;
        for m in std::mem::take(&mut self.meta) {
            let body: Vec<u8> = m.tag.iter().copied().chain(m.data).collect();
            self.record(META, &body)?;
        }
        let mut index = 0;
        if !self.header.lone {
            index = self.out.offset;
            let mut body = Vec::new();
            let mut at = 0;
            for e in &self.entries {
                put_varint(e.units, &mut body);
                put_varint(e.offset.saturating_sub(at), &mut body);
                at = e.offset;
            }
            self.record(INDEX, &body)?;
        }
        let mut end = vec![END];
        if self.header.hashed {
            end.extend((self.hash.digest() as u32).to_le_bytes());
        }
        if !self.header.lone {
            end.extend(index.to_le_bytes());
        }
        self.out.put(&end)?;
        self.summary.bytes = self.out.offset;
        Ok((self.out.finish()?, self.summary))
    }
}
