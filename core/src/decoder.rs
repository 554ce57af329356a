//! A file in, a signal out: as its bytes are pushed, or as they are read from a pipe.

use std::io::Read;

use xxhash_rust::xxh3::Xxh3;

use crate::container::{ChunkFrame, Event, Header, Listing, Meta, Payload, Walker, differs};
use crate::registry::{Opener, open};
use crate::{
    AnyCodec, Budget, ChunkHead, Control, Error, Part, Place, Progress, Result, SignalBuf,
};

/// What a codec is told of a chunk: `first` is its first unit.
pub(crate) fn head_of(header: &Header, frame: &ChunkFrame, first: u64) -> Result<ChunkHead> {
    let overlap = match frame.last {
        true => 0,
        false => u64::from(header.overlap),
    };
    let long = || Error::Format("chunk too long".into());
    Ok(ChunkHead {
        format: header.format,
        first,
        units: frame.units.checked_add(overlap).ok_or_else(long)?,
    })
}

/// Refuses a chunk of more units than its codec ever gives one, so that a few bytes cannot ask for hours of work.
///
/// # Errors
/// [`Error::Format`]; those of [`AnyCodec::longest`].
pub(crate) fn fits(codec: &AnyCodec, head: &ChunkHead) -> Result<()> {
    let most = codec.longest(&head.format)?;
    if head.units > most {
        let (units, name) = (head.units, codec.info().name);
        let what = format!("a chunk of {units} units, {name} has at most {most}");
        return Err(Error::Format(what.into()));
    }
    Ok(())
}

/// Decodes a chunk, its symbols compared; or only a part, where the codec can. Says whether it was all.
pub(crate) fn decode_chunk(
    codec: &AnyCodec,
    header: &Header,
    head: &ChunkHead,
    payload: &mut Payload,
    part: Option<&Part>,
    ctl: &mut Control<'_>,
) -> Result<(SignalBuf, bool)> {
    fits(codec, head)?;
    let Payload {
        frame,
        bytes,
        budget,
    } = payload;
    // Of a longer file one wants to know where it is damaged.
    let placed = |e: Error| e.at(Place::Byte(frame.at));
    if let Some(part) = part
        && let Some(y) = (codec.decode_part(bytes, head, part, budget, ctl)).map_err(placed)?
    {
        return Ok((y, false));
    }
    let (y, encoded) = (codec.decode(bytes, head, budget, ctl)).map_err(placed)?;
    let symbols = match header.single {
        true => u32::from(encoded.symbols as u16),
        false => encoded.symbols as u32,
    };
    if differs(symbols, frame.symbols) {
        return Err(placed(Error::Format("decoded symbols of a chunk".into())));
    }
    Ok((y, true))
}

/// Joins chunks: the end of one is cross-faded into the start of the next.
#[derive(Debug, Default)]
pub(crate) struct Joiner {
    /// What the last chunk has beyond its units, charged as long as it is kept.
    tail: Option<(SignalBuf, Budget)>,
}

impl Joiner {
    /// Drops what was kept: the next chunk follows nothing.
    pub(crate) fn forget(&mut self) {
        self.tail = None;
    }

    /// The `units` that a decoded chunk adds; what it has beyond them is kept for the next.
    pub(crate) fn join(
        &mut self,
        mut y: SignalBuf,
        units: u64,
        budget: &Budget,
    ) -> Result<SignalBuf> {
        if let Some((tail, _)) = self.tail.take() {
            y.fade(tail)?;
        }
        let all = y.units();
        if units >= all {
            return Ok(y);
        }
        // Both are in memory, so their numbers fit.
        let tail = y.part(units as usize..all as usize)?;
        let mut held = budget.share();
        held.charge(tail.memory())?;
        self.tail = Some((tail, held));
        y.part(0..units as usize)
    }
}

/// What a [`PushDecoder`] has to give.
#[derive(Debug)]
pub enum Step {
    /// More bytes of the file are needed.
    NeedMore,
    /// The next piece of the signal.
    Piece(SignalBuf),
    /// The end of a file that was whole.
    End,
}

/// Decodes a file as its bytes are pushed.
///
/// ```no_run
/// # fn main() -> nc_core::Result<()> {
/// # let (opener, blocks): (nc_core::Registry, Vec<Vec<u8>>) = Default::default();
/// use nc_core::decoder::{PushDecoder, Step};
/// let mut ctl = nc_core::Control::default();
/// let mut decoder = PushDecoder::new(nc_core::Budget::default());
/// for block in blocks {
///     decoder.feed(&block);
///     while let Step::Piece(piece) = decoder.next(&opener, &mut ctl)? {
///         println!("{} units", piece.units());
///     }
/// }
/// decoder.finish()?;
/// # Ok(())
/// # }
/// ```
pub struct PushDecoder {
    walker: Walker,
    codec: Option<AnyCodec>,
    /// Metadata is charged to it.
    held: Budget,
    joiner: Joiner,
    hash: Xxh3,
    meta: Vec<Meta>,
    done: u64,
    listing: Listing,
    ended: bool,
    /// Whether an error was given: nothing comes after it, or a chunk would be missing unsaid.
    failed: bool,
}

impl PushDecoder {
    /// A decoder of a file that begins with the first byte pushed.
    pub fn new(budget: Budget) -> Self {
        Self {
            walker: Walker::new(budget.share()),
            codec: None,
            held: budget,
            joiner: Joiner::default(),
            hash: Xxh3::new(),
            meta: Vec::new(),
            done: 0,
            listing: Listing::default(),
            ended: false,
            failed: false,
        }
    }

    /// Takes the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.walker.feed(bytes);
    }

    /// The header, once it has come.
    pub fn header(&self) -> Option<&Header> {
        self.walker.header()
    }

    /// Metadata met so far; all of it at the end.
    pub fn meta(&self) -> &[Meta] {
        &self.meta
    }

    /// What is left of the budget, metadata taken off.
    pub fn budget(&self) -> &Budget {
        &self.held
    }

    /// What there is to give. After an error nothing more comes.
    ///
    /// # Errors
    /// [`Error::Format`] for damage of any kind, [`Error::Limit`] past the budget, [`Error::Cancelled`]; those of `opener`.
    pub fn next(&mut self, opener: &dyn Opener, ctl: &mut Control<'_>) -> Result<Step> {
        ctl.check()?;
        self.step(|push| {
            while let Some(event) = push.walker.next()? {
                if let Some(piece) = push.take(event, opener, ctl)? {
                    return Ok(Step::Piece(piece));
                }
            }
            Ok(match push.ended {
                true => Step::End,
                false => Step::NeedMore,
            })
        })
    }

    /// Goes a step, unless one has failed.
    fn step<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.failed {
            let why = "a decoder that has failed goes no further";
            return Err(Error::Usage(why.into()));
        }
        let done = step(self);
        self.failed = done.is_err();
        done
    }

    /// Nothing, where the file is whole and no byte is too many.
    ///
    /// # Errors
    /// [`Error::Format`].
    pub fn finish(&self) -> Result<()> {
        let what = match self.ended {
            true if self.walker.pending() == 0 => return Ok(()),
            true => "data after the end",
            false => crate::container::EARLY,
        };
        let at = Place::Byte(self.walker.offset());
        Err(Error::Format(what.into()).at(at))
    }

    fn take(
        &mut self,
        event: Event,
        opener: &dyn Opener,
        ctl: &mut Control<'_>,
    ) -> Result<Option<SignalBuf>> {
        if let Event::Header(header) = &event {
            self.codec = Some(open(header, opener)?);
            return Ok(None);
        }
        let none = || Error::Internal("records before a header".into());
        let header = *self.walker.header().ok_or_else(none)?;
        self.listing.see(&event, &header)?;
        match event {
            Event::Payload(mut payload) => {
                let codec = self.codec.as_ref().ok_or_else(none)?;
                let frame = payload.frame;
                let head = head_of(&header, &frame, self.done)?;
                let (y, _) = decode_chunk(codec, &header, &head, &mut payload, None, ctl)?;
                drop(payload);
                y.le_bytes(|block| self.hash.update(block));
                self.done = self.listing.units();
                ctl.report(Progress {
                    task: "decode",
                    done: self.done,
                    total: header.length,
                    note: "",
                });
                self.joiner.join(y, frame.units, &self.held).map(Some)
            }
            Event::Meta(meta) => {
                self.held.charge(meta.held())?;
                self.meta.push(meta);
                Ok(None)
            }
            Event::End { hash, .. } => {
                if hash.is_some_and(|said| differs(self.hash.digest() as u32, said)) {
                    return Err(Error::Format("hash of the decoded output".into()));
                }
                self.ended = true;
                Ok(None)
            }
            Event::Header(_) | Event::Chunk(_) | Event::Index(..) => Ok(None),
        }
    }
}

/// Decodes a file as it is read, also from a pipe.
pub struct Decoder<R> {
    r: R,
    header: Header,
    push: PushDecoder,
}

impl<R: Read> Decoder<R> {
    /// Reads the header and opens the codec. `r` needs no buffer.
    ///
    /// # Errors
    /// [`Error::Format`] for a damaged header or another kind of file, [`Error::Unsupported`] for a newer major version;
    /// those of `opener`.
    pub fn new(mut r: R, opener: &dyn Opener, budget: Budget) -> Result<Self> {
        let mut push = PushDecoder::new(budget);
        match push.walker.next_from(&mut r)? {
            Some(Event::Header(header)) => {
                push.codec = Some(open(&header, opener)?);
                Ok(Self { r, header, push })
            }
            _ => Err(Error::Internal(
                "a file that does not begin with a header".into(),
            )),
        }
    }

    /// The file's header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What is left of the budget, metadata taken off.
    pub fn budget(&self) -> &Budget {
        self.push.budget()
    }

    /// Metadata met so far; all of it once [`Self::next`] gave `None`.
    pub fn meta(&self) -> &[Meta] {
        self.push.meta()
    }

    /// The next piece of the signal, `None` at the end of a file that was whole.
    ///
    /// # Errors
    /// [`Error::Format`] for damage of any kind, [`Error::Limit`] past the budget,
    /// [`Error::Cancelled`], [`Error::Io`].
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self, ctl: &mut Control<'_>) -> Result<Option<SignalBuf>> {
        ctl.check()?;
        // The codec was opened with the header.
        let opened = |_, _| Err(Error::Internal("a second header".into()));
        let r = &mut self.r;
        self.push.step(|push| {
            while let Some(event) = push.walker.next_from(r)? {
                if let Some(piece) = push.take(event, &opened, ctl)? {
                    return Ok(Some(piece));
                }
            }
            push.finish()?;
            Ok(None)
        })
    }
}

/// Decodes a whole file from memory.
///
/// # Errors
/// Those of [`Decoder`]; [`Error::Limit`] where the signal does not fit the budget.
pub fn decode(opener: &dyn Opener, bytes: &[u8], mut budget: Budget) -> Result<SignalBuf> {
    let mut ctl = Control::default();
    let mut d = Decoder::new(bytes, opener, budget.share())?;
    let mut out = d.header().format.empty();
    while let Some(piece) = d.next(&mut ctl)? {
        budget.charge(piece.memory())?;
        out.append(piece)?;
    }
    Ok(out)
}
