//! Checkpoints of a fit: what a stopped encode goes on from, or is finished from as it is.
//!
//! There is one after motion is found, others while the filter learns, and one of the finished chunk, which stays until
//! the whole file is written. The state is a payload as the decoder reads it, but for the filter's parameters (so that there
//! is no second form for motion and coefficients to be kept in), with these, the price of a bit, the estimates of rates and the
//! learner's state before it; an encode that goes on from it ends in the same file as one that was never stopped. A checkpoint
//! names the work that it belongs to, and that of other work is refused, not used.

use std::fs;
use std::path::{Path, PathBuf};

use nc_core::entropy::RangeDecoder;
use nc_core::{ChunkGoal, Control, Error, Result, Video};
use xxhash_rust::xxh3::Xxh3;

use super::rates::Rates;
use super::state::{Fit, Fitted, Switches, groups_mut};
use crate::adam::Adam;
use crate::filter::FilterConfig;
use crate::gop::CLASSES;
use crate::header::{Header, Input, step};
use crate::motion_compensation::Reference;
use crate::symbols::SymbolCoder;
use crate::synthesis::Synthesis;

const MAGIC: &[u8; 8] = b"ncnerv02";
/// Kinds of checkpoints.
const STATE: u8 = 0;
const DONE: u8 = 1;

/// What was read.
pub enum Saved {
    /// Work to go on with.
    State(Box<State>),
    /// Work that was finished.
    Done(Fitted),
}

/// The state of a fit.
pub struct State {
    lambda: f32,
    steps: [u8; CLASSES],
    rates: Rates,
    config: FilterConfig,
    params: Vec<f32>,
    learner: Option<Adam>,
    payload: Vec<u8>,
}

/// Names the frames and what is to become of them. What ends the work sooner or later is left out: an encode may be gone
/// on with for longer, or finished as it is.
pub fn key(x: &Video<'_>, goal: ChunkGoal, switches: Switches, seed: u64) -> u64 {
    let mut h = Xxh3::new();
    h.update(format!("{:?} {goal:?} {switches:?} {seed}", x.format).as_bytes());
    for part in x.samples.chunks(1 << 16) {
        let bytes: Vec<u8> = part.iter().flat_map(|s| s.to_le_bytes()).collect();
        h.update(&bytes);
    }
    h.digest()
}

fn path(ctl: &Control<'_>, first: u64) -> Option<PathBuf> {
    Some(
        ctl.checkpoints
            .as_ref()?
            .join(format!("chunk-{first}.nerv")),
    )
}

/// Writes the state, if there is a folder for it; before the network learns there is no learner.
pub fn save(ctl: &Control<'_>, first: u64, fit: &Fit<'_>, learner: Option<&Adam>) -> Result<()> {
    let Some(path) = path(ctl, first) else {
        return Ok(());
    };
    let mut out = start(fit.key, STATE);
    out.extend(fit.lambda.to_le_bytes());
    // Frames of a class may have been coded at different prices; those of the last are what counts.
    let mut steps = [24; CLASSES];
    for f in &fit.frames {
        steps[f.symbols.place.class] = f.step;
    }
    out.extend(steps);
    let put = |v: &[f32], out: &mut Vec<u8>| {
        out.extend((v.len() as u32).to_le_bytes());
        out.extend(v.iter().flat_map(|v| v.to_le_bytes()));
    };
    put(&fit.rates.to_floats(), &mut out);
    put(&fit.synthesis.params, &mut out);
    out.push(learner.is_some().into());
    if let Some(adam) = learner {
        let [mean, square] = adam.state();
        put(mean, &mut out);
        put(square, &mut out);
        out.extend(adam.steps().to_le_bytes());
    }
    out.extend(fit.finish()?.payload);
    write(&path, out)
}

/// Writes what an encode ended in, if there is a folder for it.
pub fn save_done(ctl: &Control<'_>, first: u64, key: u64, fitted: &Fitted) -> Result<()> {
    let Some(path) = path(ctl, first) else {
        return Ok(());
    };
    let mut out = start(key, DONE);
    out.extend(fitted.symbols.to_le_bytes());
    out.extend(fitted.error.to_le_bytes());
    out.extend(&fitted.payload);
    write(&path, out)
}

fn start(key: u64, kind: u8) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.extend(key.to_le_bytes());
    out.push(kind);
    out
}

fn write(path: &Path, mut out: Vec<u8>) -> Result<()> {
    let crc = crc32c::crc32c(&out);
    out.extend(crc.to_le_bytes());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = path.with_extension("part");
    fs::write(&part, &out)?;
    fs::rename(&part, path)?;
    Ok(())
}

/// Reads the checkpoint of this work, if it is to be gone on from and is there.
///
/// # Errors
/// [`Error::Usage`] for that of other work, [`Error::Format`] for a damaged one.
pub fn load(ctl: &Control<'_>, first: u64, key: u64, x: &Video<'_>) -> Result<Option<Saved>> {
    let Some(path) = path(ctl, first).filter(|p| ctl.resume && p.exists()) else {
        return Ok(None);
    };
    let bytes = fs::read(&path)?;
    let damaged = || Error::Format(format!("{}: a damaged checkpoint", path.display()).into());
    let (body, crc) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
        return Err(damaged());
    }
    let mut r = Reader(body);
    if r.take(8).ok_or_else(damaged)? != MAGIC {
        return Err(damaged());
    }
    if r.number().ok_or_else(damaged)? != key {
        return Err(Error::Usage(format!(
            "{} belongs to other frames, or to another size, quality or option",
            path.display()
        )));
    }
    let saved = match r.take(1).ok_or_else(damaged)? {
        [STATE] => r.state(x).map(|s| Saved::State(Box::new(s))),
        [DONE] => r.done().map(Saved::Done),
        _ => None,
    };
    saved.map(Some).ok_or_else(damaged)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (a, b) = self.0.split_at_checked(n)?;
        self.0 = b;
        Some(a)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn float(&mut self) -> Option<f32> {
        Some(f32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn floats(&mut self) -> Option<Vec<f32>> {
        let n = u32::from_le_bytes(self.take(4)?.try_into().ok()?);
        let bytes = self.take((n as usize).checked_mul(4)?)?;
        let each = bytes
            .chunks_exact(4)
            .map(|b| b.try_into().map(f32::from_le_bytes));
        each.collect::<Result<_, _>>().ok()
    }

    fn state(&mut self, x: &Video<'_>) -> Option<State> {
        let lambda = self.float()?;
        let steps = self.take(CLASSES)?.try_into().ok()?;
        let rates = Rates::from_floats(&self.floats()?)?;
        let params = self.floats()?;
        let learner = match self.take(1)? {
            [0] => None,
            _ => Some(Adam::restored(
                self.floats()?,
                self.floats()?,
                self.number()?,
            )),
        };
        let samples = x.format.frame_samples().ok()?;
        let frames = x.samples.len() / samples;
        let header = Header::read(&mut Input::new(self.0), frames as u64).ok()?;
        Some(State {
            lambda,
            steps,
            rates,
            config: header.config,
            params,
            learner,
            payload: self.0.to_vec(),
        })
    }

    fn done(&mut self) -> Option<Fitted> {
        Some(Fitted {
            symbols: self.number()?,
            error: f64::from_bits(self.number()?),
            payload: self.0.to_vec(),
        })
    }
}

impl Fit<'_> {
    /// Takes up a saved state: motion and coefficients are read, and all frames made again.
    pub fn restore(&mut self, saved: State) -> Result<Option<Adam>> {
        let mut input = Input::new(&saved.payload);
        let header = Header::read(&mut input, self.frames.len() as u64)?;
        let other = || Error::Usage("a checkpoint of another version".into());
        self.config = saved.config;
        self.lambda = saved.lambda;
        self.synthesis = Synthesis::new(&self.x.format, &self.config);
        let n = self.synthesis.params.len();
        let learnt = saved.learner.as_ref();
        if header.groups != self.groups
            || saved.params.len() != n
            || learnt.is_some_and(|a| a.state().map(<[f32]>::len) != [n; 2])
        {
            return Err(other());
        }
        self.synthesis.params = saved.params;
        self.rates = saved.rates;
        let s = &self.synthesis;
        let n = s.geometry.samples();
        let mut buffers = self.plain_buffers()?;
        for group in groups_mut(&self.groups, &mut self.frames) {
            let mut io = RangeDecoder::new(input.piece()?)?;
            let mut coder = SymbolCoder::default();
            for f in group {
                let place = f.symbols.place;
                coder.code(&mut io, &s.geometry, &mut f.symbols)?;
                f.step = saved.steps[place.class];
                let made = |r: &usize| {
                    let t = f.start + r;
                    Reference::new(&s.geometry, &self.made[t * n..(t + 1) * n])
                };
                let [first, second] = place.refs.map(|r| r.as_ref().map(made));
                let (first, second) = (first.transpose()?, second.transpose()?);
                let refs = [first.as_ref(), second.as_ref()];
                let step = step(f.step, s.geometry.bits);
                s.run(&f.symbols, step, refs, &mut buffers)?;
                let at = f.time() * n..(f.time() + 1) * n;
                f.error = s
                    .geometry
                    .error(&buffers.frame, &self.x.samples[at.clone()]);
                self.made[at].copy_from_slice(&buffers.frame);
            }
        }
        Ok(saved.learner)
    }
}
