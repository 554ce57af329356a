//! A signal in, a file out, in memory that does not grow with its length.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::codec::AnyQueue;
use crate::container::{Header, Meta, differs};
use crate::emit::{Emitter, Summary, Written};
use crate::{
    AnyCodec, Budget, ChunkHead, Control, Error, Format, Goal, Plan, Progress, Result, Signal,
};

/// Encodes a signal as it comes.
pub struct Encoder<W> {
    codec: AnyCodec,
    plan: Plan,
    emitter: Emitter<W>,
    waiting: Box<dyn AnyQueue>,
    /// What waits is charged to it.
    held: Budget,
    /// What the codec's work on a chunk is charged to.
    work: Budget,
    /// When the first chunk was begun; a limit of time counts from here.
    started: Option<Instant>,
    /// Whether a chunk was not written to its end.
    failed: bool,
}

impl<W: Write> Encoder<W> {
    /// An encoder of a signal of `format`, of `length` units if that is known; its budget is the
    /// default one until [`Self::set_budget`] gives another.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a format that the codec does not take, [`Error::Usage`] for a
    /// goal that makes no sense for it.
    pub fn new(
        w: W,
        codec: &AnyCodec,
        format: Format,
        length: Option<u64>,
        goal: Goal,
    ) -> Result<Self> {
        let plan = codec.plan(&format)?;
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
            codec: codec.clone(),
            plan,
            emitter: Emitter::new(w, header, goal)?,
            waiting: codec.queue(&format)?,
            held: Budget::default(),
            work: Budget::default(),
            started: None,
            failed: false,
        })
    }

    /// Sets the memory that the signal may take: twice, once for the pieces that wait for a whole
    /// chunk, and once for a codec's work on a chunk, which is coded and then decoded again.
    /// Before the first [`Self::push`].
    pub fn set_budget(&mut self, budget: &Budget) {
        self.held = budget.apart();
        self.work = budget.apart();
    }

    /// Keeps a piece of the original container's metadata; before [`Self::finish`]. What is known before the first
    /// [`Self::push`] is taken off a rate or a size that was asked for.
    pub fn add_meta(&mut self, tag: [u8; 4], data: &[u8]) {
        self.emitter.add_meta(Meta {
            tag,
            data: data.to_vec(),
        });
    }

    /// What is written to. Bytes that are put there by another way end up in the middle of the file.
    pub fn get_mut(&mut self) -> &mut W {
        self.emitter.get_mut()
    }

    /// Takes the next piece of the signal, of any length.
    ///
    /// # Errors
    /// [`Error::Usage`] for another format than announced, [`Error::Limit`] past the budget,
    /// [`Error::Cancelled`], [`Error::Io`], and those of the codec.
    pub fn push(&mut self, x: Signal<'_>, ctl: &mut Control<'_>) -> Result<()> {
        self.options(ctl)?;
        self.check()?;
        // Of a piece of many chunks no more waits than a chunk takes: what waits moves up behind each.
        let (units, step) = (x.units(), self.plan.longest().max(1));
        if units <= 2 * step {
            return self.take(x, ctl);
        }
        let mut at = 0;
        while at < units {
            let end = units.min(at + step);
            // The piece is in memory, so its numbers fit.
            let part = x.part(at as usize..end as usize)?;
            self.take(part.view(), ctl)?;
            at = end;
        }
        Ok(())
    }

    fn take(&mut self, x: Signal<'_>, ctl: &mut Control<'_>) -> Result<()> {
        self.held.charge(x.memory())?;
        self.waiting.push(x)?;
        // What follows a chunk is always longer than its overlap.
        while self.waiting.units() > self.plan.longest() {
            self.chunk(false, ctl)?;
        }
        Ok(())
    }

    /// Refuses to go on after a chunk that failed: what was written of the file is of no use then.
    fn check(&self) -> Result<()> {
        match self.failed {
            false => Ok(()),
            true => Err(Error::Usage("an encoder that has failed".into())),
        }
    }

    /// Refuses options that the codec does not have before any work, and of a signal without units too.
    fn options(&self, ctl: &Control<'_>) -> Result<()> {
        let info = self.codec.info();
        ctl.options.check(info.name, info.options)
    }

    fn chunk(&mut self, last: bool, ctl: &mut Control<'_>) -> Result<()> {
        self.failed = true;
        self.code(last, ctl)?;
        self.failed = false;
        Ok(())
    }

    fn code(&mut self, last: bool, ctl: &mut Control<'_>) -> Result<()> {
        ctl.check()?;
        let units = match last {
            true => self.waiting.units(),
            false => self.plan.chunk,
        };
        let coded = match last {
            true => units,
            false => self.plan.longest(),
        };
        let head = ChunkHead {
            format: self.emitter.header().format,
            first: self.emitter.units(),
            units: coded,
        };
        let limit = ctl.time_limit;
        ctl.time_limit = limit.map(|all| self.share_of_time(all, units, last));
        ctl.budget = self.work.share();
        // What waits is in memory, so its number fits.
        let mut copy = self.held.share();
        copy.charge(self.waiting.copied(coded as usize))?;
        let x = self.waiting.first(coded as usize);
        let codec = &self.codec;
        let written = self.emitter.chunk(units, last, |goal, out| {
            codec.encode(x, &head, goal, ctl, out)
        });
        ctl.time_limit = limit;
        let Written { payload, encoded } = written?;
        if codec.info().lossless {
            x.le_bytes(|block| self.emitter.hash.update(block));
        } else {
            // Decoding what was just written gives the hash of the output, and proves the chunk.
            let mut budget = self.work.share();
            let (y, decoded) = codec.decode(&payload, &head, &mut budget, ctl)?;
            if differs(decoded.symbols, encoded.symbols) {
                let name = codec.info().name;
                let what = format!("{name} decodes other symbols than it wrote");
                return Err(Error::Internal(what.into()));
            }
            y.le_bytes(|block| self.emitter.hash.update(block));
        }
        self.waiting.drop_first(units as usize);
        let kept = self.waiting.memory().min(self.held.held());
        self.held.release(self.held.held() - kept);
        ctl.report(Progress {
            task: "encode",
            done: self.emitter.units(),
            total: self.emitter.header().length,
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
                // More may come than were announced, until the end refuses that.
                let to_come = length.saturating_sub(self.emitter.units()).max(units);
                let share = left.as_secs_f64() * (units as f64 / to_come as f64);
                // Of a time without end rounding makes more than there is.
                Duration::try_from_secs_f64(share).map_or(left, |share| share.min(left))
            }
            None => left / 2,
        }
    }

    /// Writes what is left and the end of the file.
    ///
    /// # Errors
    /// As [`Self::push`]; [`Error::Usage`] where the announced length was not met.
    pub fn finish(mut self, ctl: &mut Control<'_>) -> Result<(W, Summary)> {
        self.options(ctl)?;
        self.check()?;
        if self.waiting.units() > 0 {
            self.chunk(true, ctl)?;
        }
        self.emitter.finish()
    }
}

/// Encodes a whole signal of `format` into a file in memory.
///
/// # Errors
/// Those of [`Encoder`].
pub fn encode(codec: &AnyCodec, x: Signal<'_>, format: Format, goal: Goal) -> Result<Vec<u8>> {
    let mut ctl = Control::default();
    let mut e = Encoder::new(Vec::new(), codec, format, Some(x.units()), goal)?;
    e.push(x, &mut ctl)?;
    Ok(e.finish(&mut ctl)?.0)
}
