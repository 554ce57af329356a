//! Streams: a signal in, a file out, and back, in memory that does not grow with its length.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use ndarray::{Array2, Axis, s};
use xxhash_rust::xxh3::Xxh3;

use crate::container::{Header, Meta, Reader, differs};
use crate::emit::{Emitter, Summary};
use crate::pending::Pending;
use crate::record::{Chunk, Listed, Listing, Record, end_of_index, next_record};
use crate::{
    AudioBuf, Budget, ChunkHead, Codec, CodecId, Control, Error, Format, Goal, ModelId, Plan,
    Progress, RecordsBuf, Result, Signal, SignalBuf, Text, VideoBuf,
};

/// Encodes a signal as it comes.
pub struct Encoder<'c, W> {
    codec: &'c dyn Codec,
    plan: Plan,
    emitter: Emitter<W>,
    pending: Pending,
    budget: Budget,
    /// Bytes of the pieces that wait.
    held: u64,
    /// When the first chunk was begun; a limit of time counts from here.
    started: Option<Instant>,
}

impl<'c, W: Write> Encoder<'c, W> {
    /// An encoder of a signal of `format`, of `length` units if that is known; its budget is the
    /// default one until [`Self::set_budget`] gives another.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a format that the codec does not take, [`Error::Usage`] for a
    /// goal that makes no sense for it.
    pub fn new(
        w: W,
        codec: &'c dyn Codec,
        format: Format,
        length: Option<u64>,
        goal: Goal,
    ) -> Result<Self> {
        let plan = codec.plan(&format)?;
        let sound = matches!(format, Format::Audio { .. });
        if u64::from(plan.overlap) > if sound { plan.chunk } else { 0 } {
            return Err(Error::Usage("a codec whose chunks overlap too far".into()));
        }
        let info = codec.info();
        let header = Header::new(
            format,
            length,
            info.id,
            info.bitstream,
            codec.model(),
            &plan,
        );
        Ok(Self {
            codec,
            plan,
            emitter: Emitter::new(w, header, goal)?,
            pending: Pending::new(format)?,
            budget: Budget::default(),
            held: 0,
            started: None,
        })
    }

    /// Sets the memory that the signal may take: twice, once for the pieces that wait for a whole
    /// chunk, and once for a codec's work on a chunk, which is coded and then decoded again.
    /// Before the first [`Self::push`].
    pub fn set_budget(&mut self, budget: Budget) {
        self.budget = budget;
    }

    /// Keeps a piece of the original container's metadata; before the first [`Self::push`].
    pub fn add_meta(&mut self, tag: [u8; 4], data: &[u8]) {
        self.emitter.add_meta(Meta {
            tag,
            data: data.to_vec(),
        });
    }

    /// Takes the next piece of the signal, of any length.
    ///
    /// # Errors
    /// [`Error::Usage`] for another format than announced, [`Error::Limit`] past the budget,
    /// [`Error::Cancelled`], [`Error::Io`], and those of the codec.
    pub fn push(&mut self, x: Signal<'_>, ctl: &mut Control<'_>) -> Result<()> {
        // What waits, and what comes to it.
        let bytes = self.held.saturating_add(x.memory());
        self.budget.share().charge(bytes)?;
        self.held = bytes;
        self.pending.push(x)?;
        // What follows a chunk is always longer than its overlap.
        while self.pending.units() > self.plan.chunk.saturating_add(u64::from(self.plan.overlap)) {
            self.chunk(false, ctl)?;
        }
        Ok(())
    }

    fn chunk(&mut self, last: bool, ctl: &mut Control<'_>) -> Result<()> {
        ctl.check()?;
        let units = if last {
            self.pending.units()
        } else {
            self.plan.chunk
        };
        let coded = if last {
            units
        } else {
            units.saturating_add(u64::from(self.plan.overlap))
        };
        let head = ChunkHead {
            format: self.emitter.header().format,
            first: self.emitter.units(),
            units: coded,
        };
        let codec = self.codec;
        let limit = ctl.time_limit;
        ctl.time_limit = limit.map(|all| self.share_of_time(all, units, last));
        ctl.budget = self.budget.share();
        let mut room = Array2::zeros((0, 0));
        // Lengths in memory fit usize.
        let x = self.pending.first(coded as usize, &mut room);
        if matches!(x, Signal::Audio(_)) {
            // A copy of it, in another order.
            let bytes = self.held.saturating_add(x.memory());
            self.budget.share().charge(bytes)?;
        }
        let payload = self.emitter.chunk(units, last, |goal, out| {
            codec.encode(x, &head, goal, ctl, out)
        });
        ctl.time_limit = limit;
        let payload = payload?;
        if codec.info().lossless {
            x.le_bytes(|block| self.emitter.hash.update(block));
        } else {
            // Decoding what was just written gives the hash of the output, and proves the chunk.
            let mut budget = self.budget.share();
            let (y, _) = codec.decode(&payload, &head, &mut budget, ctl)?;
            y.le_bytes(|block| self.emitter.hash.update(block));
        }
        self.pending.drop(units as usize);
        self.held = self.pending.bytes();
        let (done, total) = (self.emitter.units(), self.emitter.header().length);
        ctl.report(Progress {
            task: "encode",
            done,
            total,
            note: "",
        });
        Ok(())
    }

    /// What the next chunk may take of a limit of time for the whole file: of what is left its share
    /// of the units that are left, or half of it where nobody knows how many these are.
    fn share_of_time(&mut self, all: Duration, units: u64, last: bool) -> Duration {
        let started = *self.started.get_or_insert_with(Instant::now);
        let left = all.saturating_sub(started.elapsed());
        if last {
            return left;
        }
        match self.emitter.header().length {
            Some(length) => {
                let to_come = length.saturating_sub(self.emitter.units()).max(units);
                let share = left.as_secs_f64() * (units as f64 / to_come as f64);
                // Of a time without end rounding makes more than there is.
                Duration::try_from_secs_f64(share).map_or(left, |share| share.min(left))
            }
            None => left.checked_div(2).unwrap_or_default(),
        }
    }

    /// Writes what is left and the end of the file.
    ///
    /// # Errors
    /// As [`Self::push`]; [`Error::Usage`] where the announced length was not met.
    pub fn finish(mut self, ctl: &mut Control<'_>) -> Result<(W, Summary)> {
        if self.pending.units() > 0 {
            self.chunk(true, ctl)?;
        }
        self.emitter.finish()
    }
}

/// Gives a decoder the codec that a file asks for.
pub trait Opener {
    /// The codec of this number, with this model.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec that the build does not have, [`Error::Model`] for a
    /// model that is not at hand.
    fn open(&self, codec: CodecId, model: Option<ModelId>) -> Result<Box<dyn Codec>>;
}

impl<F: Fn(CodecId, Option<ModelId>) -> Result<Box<dyn Codec>>> Opener for F {
    fn open(&self, codec: CodecId, model: Option<ModelId>) -> Result<Box<dyn Codec>> {
        self(codec, model)
    }
}

/// Opens the codec that `header` names, if it can read this bitstream.
pub(crate) fn open(header: &Header, opener: &dyn Opener) -> Result<Box<dyn Codec>> {
    let codec = opener.open(header.codec, header.model)?;
    let info = codec.info();
    if header.bitstream > info.bitstream {
        return Err(Error::Unsupported(format!(
            "{} bitstream {}, this program reads up to {}",
            info.name, header.bitstream, info.bitstream
        )));
    }
    if header.format.kind() != info.kind {
        return Err(Error::Format("media kind does not fit the codec".into()));
    }
    Ok(codec)
}

/// Bytes of `n` values of `size` bytes.
fn sized(n: usize, size: u64) -> u64 {
    (n as u64).saturating_mul(size)
}

/// Joins chunks: the end of one is cross-faded into the start of the next.
#[derive(Default)]
pub(crate) struct Joiner {
    tail: Option<Array2<f32>>,
}

impl Joiner {
    /// Drops what was kept: the next chunk follows nothing.
    pub(crate) fn forget(&mut self, budget: &mut Budget) {
        if let Some(tail) = self.tail.take() {
            budget.release(sized(tail.len(), 4));
        }
    }

    /// The `units` that a decoded chunk adds; what it has beyond them is kept for the next, charged to the budget
    /// as long as it is.
    pub(crate) fn join(
        &mut self,
        y: SignalBuf,
        units: u64,
        budget: &mut Budget,
    ) -> Result<SignalBuf> {
        let SignalBuf::Audio(AudioBuf { rate, mut samples }) = y else {
            return Ok(y);
        };
        if let Some(tail) = self.tail.take() {
            budget.release(sized(tail.len(), 4));
            let n = tail.ncols().min(samples.ncols());
            for (mut row, old) in samples.rows_mut().into_iter().zip(tail.rows()) {
                for (j, (new, old)) in (1u64..).zip(row.iter_mut().zip(old).take(n)) {
                    let w = j as f32 / (n as u64).saturating_add(1) as f32;
                    *new = old + (*new - old) * w;
                }
            }
        }
        let units = usize::try_from(units)
            .unwrap_or(usize::MAX)
            .min(samples.ncols());
        if units < samples.ncols() {
            let (keep, tail) = samples.view().split_at(Axis(1), units);
            budget.charge(sized(tail.len(), 4))?;
            self.tail = Some(tail.to_owned());
            return Ok(SignalBuf::Audio(AudioBuf {
                rate,
                samples: keep.to_owned(),
            }));
        }
        Ok(SignalBuf::Audio(AudioBuf { rate, samples }))
    }
}

/// Decodes a file as it comes, also from a pipe.
pub struct Decoder<R> {
    r: Reader<R>,
    header: Header,
    codec: Box<dyn Codec>,
    budget: Budget,
    joiner: Joiner,
    hash: Xxh3,
    meta: Vec<Meta>,
    done: u64,
    index: Option<(Listed, u64)>,
    /// The chunks met, as an index lists them.
    chunks: Listing,
    finished: bool,
}

impl<R: Read> Decoder<R> {
    /// Reads the header and opens the codec.
    ///
    /// # Errors
    /// Those of [`Header::read`] and of `opener`.
    pub fn new(r: R, opener: &dyn Opener, budget: Budget) -> Result<Self> {
        let mut r = Reader::new(r, 0);
        let header = Header::read(&mut r)?;
        let codec = open(&header, opener)?;
        Ok(Self {
            r,
            header,
            codec,
            budget,
            joiner: Joiner::default(),
            hash: Xxh3::new(),
            meta: Vec::new(),
            done: 0,
            index: None,
            chunks: Listing::default(),
            finished: false,
        })
    }

    /// The file's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What is left of the budget, metadata taken off.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Metadata met so far; all of it once [`Self::next`] gave `None`.
    pub fn meta(&self) -> &[Meta] {
        &self.meta
    }

    /// The next piece of the signal, `None` at the end of a file that was whole.
    ///
    /// # Errors
    /// [`Error::Format`] for damage of any kind, [`Error::Limit`] past the budget,
    /// [`Error::Cancelled`], [`Error::Io`].
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self, ctl: &mut Control<'_>) -> Result<Option<SignalBuf>> {
        if self.finished {
            return Ok(None);
        }
        ctl.check()?;
        loop {
            let lone = self
                .header
                .length
                .filter(|_| self.header.lone && !self.chunks.ended());
            match next_record(&mut self.r, &self.header, lone, u64::MAX, &mut self.budget)? {
                Record::Chunk(frame, last, at) => {
                    self.chunks.add(&frame, last, at)?;
                    let overlap = if last {
                        0
                    } else {
                        u64::from(self.header.overlap)
                    };
                    let units = frame.units.checked_add(overlap);
                    let long = || Error::Format("chunk too long".into());
                    let units = units.ok_or_else(long)?;
                    let head = ChunkHead {
                        format: self.header.format,
                        first: self.done,
                        units,
                    };
                    let chunk = Chunk {
                        codec: self.codec.as_ref(),
                        lone: self.header.lone,
                        frame,
                        head,
                    };
                    let (y, _) = chunk.decode(&mut self.r, None, &self.budget, ctl)?;
                    y.le_bytes(|block| self.hash.update(block));
                    self.done = self.done.checked_add(frame.units).ok_or_else(long)?;
                    ctl.report(Progress {
                        task: "decode",
                        done: self.done,
                        total: self.header.length,
                        note: "",
                    });
                    let y = self.joiner.join(y, frame.units, &mut self.budget)?;
                    return Ok(Some(y));
                }
                Record::Meta(m) => {
                    self.budget.charge(m.held())?;
                    self.meta.push(m);
                }
                Record::Index(listed, at) => {
                    if self.index.replace((listed, at)).is_some() {
                        return Err(Error::Format("two indexes".into()));
                    }
                }
                Record::End => {
                    self.end()?;
                    self.finished = true;
                    return Ok(None);
                }
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        self.chunks.whole(&self.header)?;
        if self.header.hashed {
            let found = self.r.u32()?;
            if differs(self.hash.digest() as u32, found) {
                return Err(Error::Format("hash of the decoded output".into()));
            }
        }
        end_of_index(&mut self.r, &self.header, self.index, &self.chunks)?;
        if self.r.at_end()? {
            Ok(())
        } else {
            Err(Error::Format("data after the end".into()))
        }
    }
}

/// Encodes a whole signal into a file in memory.
///
/// # Errors
/// Those of [`Encoder`].
pub fn encode(codec: &dyn Codec, x: Signal<'_>, goal: Goal) -> Result<Vec<u8>> {
    let (format, length) = match x {
        Signal::Bytes(b) => (Format::Bytes, b.len() as u64),
        Signal::Audio(a) => {
            let channels = u16::try_from(a.samples.nrows()).unwrap_or(u16::MAX);
            let format = Format::Audio {
                rate: a.rate,
                channels,
                depth: crate::SampleDepth::I16,
            };
            (format, a.samples.ncols() as u64)
        }
        Signal::Records(r) => {
            let variables = u32::try_from(r.values.ncols()).unwrap_or(u32::MAX);
            (Format::Records { variables }, r.values.nrows() as u64)
        }
        Signal::Video(v) => (Format::Video(v.format), v.frames() as u64),
    };
    let mut ctl = Control::default();
    let mut e = Encoder::new(Vec::new(), codec, format, Some(length), goal)?;
    e.push(x, &mut ctl)?;
    Ok(e.finish(&mut ctl)?.0)
}

/// Decodes a whole file from memory.
///
/// # Errors
/// Those of [`Decoder`]; [`Error::Limit`] where the signal does not fit the budget.
pub fn decode(opener: &dyn Opener, bytes: &[u8], mut budget: Budget) -> Result<SignalBuf> {
    let mut ctl = Control::default();
    let mut d = Decoder::new(bytes, opener, budget.share())?;
    let mut out = match d.header().format {
        Format::Bytes => SignalBuf::Bytes(Vec::new()),
        Format::Audio { rate, channels, .. } => SignalBuf::Audio(AudioBuf {
            rate,
            samples: Array2::zeros((usize::from(channels), 0)),
        }),
        Format::Records { variables } => SignalBuf::Records(RecordsBuf {
            values: Array2::zeros((0, variables as usize)),
            texts: Vec::new(),
        }),
        Format::Video(format) => SignalBuf::Video(VideoBuf {
            format,
            samples: Vec::new(),
        }),
    };
    while let Some(piece) = d.next(&mut ctl)? {
        match (&mut out, piece) {
            (SignalBuf::Bytes(out), SignalBuf::Bytes(p)) => {
                budget.charge(p.len() as u64)?;
                out.extend(p);
            }
            (SignalBuf::Audio(out), SignalBuf::Audio(p)) => {
                budget.charge(sized(p.samples.len(), 4))?;
                out.samples
                    .append(Axis(1), p.samples.slice(s![.., ..]))
                    .map_err(|e| Error::Format(e.to_string().into()))?;
            }
            (SignalBuf::Records(out), SignalBuf::Records(p)) => {
                budget.charge(sized(p.values.len(), 2))?;
                for t in &p.texts {
                    budget.charge(t.held())?;
                }
                let first = out.values.nrows();
                out.values
                    .append(Axis(0), p.values.view())
                    .map_err(|e| Error::Format(e.to_string().into()))?;
                out.texts.extend(p.texts.into_iter().map(|t| Text {
                    row: first.saturating_add(t.row),
                    ..t
                }));
            }
            (SignalBuf::Video(out), SignalBuf::Video(p)) => {
                budget.charge(sized(p.samples.len(), 2))?;
                out.samples.extend(p.samples);
            }
            _ => return Err(Error::Format("media kinds mixed".into())),
        }
    }
    Ok(out)
}
