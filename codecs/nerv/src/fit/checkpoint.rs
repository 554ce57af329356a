//! Checkpoints of a fit: what a stopped encode goes on from, or is finished from as it is.
//!
//! A checkpoint is a payload as the decoder reads it, but for the network's parameters (so that there is no second form for
//! motion and latents to be kept in), with these, the price of a bit and the learner's state before it. It names the frames that it belongs to: the state of another
//! clip is refused, not used.

use std::fs;
use std::path::PathBuf;

use nc::entropy::RangeDecoder;
use nc::rng::Rng;
use nc::{Control, Error, Result, Video};
use xxhash_rust::xxh3::Xxh3;

use super::learn::Learner;
use super::{Fit, groups_mut};
use crate::adam::Adam;
use crate::coefficient::CLASSES;
use crate::config::Config;
use crate::decode::SymbolCoder;
use crate::frame::Synthesis;
use crate::layout::{Input, Layout, step};
use crate::motion::Reference;

const MAGIC: &[u8; 8] = b"ncnerv01";

/// What was read.
pub struct Saved {
    lambda: f32,
    steps: [u8; CLASSES],
    config: Config,
    params: Vec<f32>,
    learner: Learner,
    payload: Vec<u8>,
}

/// Names the frames and their format.
fn key(x: &Video<'_>) -> u64 {
    let mut h = Xxh3::new();
    h.update(format!("{:?}", x.format).as_bytes());
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

/// Writes a checkpoint, if there is a folder for it.
pub fn save(ctl: &Control<'_>, first: u64, fit: &Fit<'_>, learner: &Learner) -> Result<()> {
    let Some(path) = path(ctl, first) else {
        return Ok(());
    };
    let mut out = MAGIC.to_vec();
    out.extend(key(&fit.x).to_le_bytes());
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
    put(&fit.synthesis.params, &mut out);
    put(&learner.adam.mean, &mut out);
    put(&learner.adam.square, &mut out);
    out.extend(learner.adam.steps.to_le_bytes());
    out.extend(fit.finish()?.payload);
    let crc = crc32c::crc32c(&out);
    out.extend(crc.to_le_bytes());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let part = path.with_extension("part");
    fs::write(&part, &out)?;
    fs::rename(&part, &path)?;
    Ok(())
}

/// Removes a checkpoint that has served.
pub fn remove(ctl: &Control<'_>, first: u64) {
    if let Some(path) = path(ctl, first) {
        let _ = fs::remove_file(path);
    }
}

/// Reads the checkpoint of these frames, if it is to be gone on from and is there.
///
/// # Errors
/// [`Error::Usage`] for that of other frames, [`Error::Format`] for a damaged one.
pub fn load(ctl: &Control<'_>, first: u64, x: &Video<'_>) -> Result<Option<Saved>> {
    let Some(path) = path(ctl, first).filter(|p| ctl.resume && p.exists()) else {
        return Ok(None);
    };
    let bytes = fs::read(&path)?;
    let damaged = || Error::Format(format!("{}: a damaged checkpoint", path.display()));
    let (body, crc) = bytes.split_last_chunk::<4>().ok_or_else(damaged)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
        return Err(damaged());
    }
    let mut r = Reader(body);
    if r.take(8).ok_or_else(damaged)? != MAGIC {
        return Err(damaged());
    }
    if r.number().ok_or_else(damaged)? != key(x) {
        return Err(Error::Usage(format!(
            "{} belongs to other frames",
            path.display()
        )));
    }
    r.saved(x).map(Some).ok_or_else(damaged)
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

    fn saved(&mut self, x: &Video<'_>) -> Option<Saved> {
        let lambda = self.float()?;
        let steps = self.take(CLASSES)?.try_into().ok()?;
        let params = self.floats()?;
        let (mean, square) = (self.floats()?, self.floats()?);
        let steps_done = self.number()?;
        let learner = Learner {
            adam: Adam {
                mean,
                square,
                steps: steps_done,
            },
            rng: Rng::new(steps_done),
        };
        let samples = x.format.frame_samples().ok()?;
        let layout =
            Layout::read(&mut Input::new(self.0), (x.samples.len() / samples) as u64).ok()?;
        Some(Saved {
            lambda,
            steps,
            config: layout.config,
            params,
            learner,
            payload: self.0.to_vec(),
        })
    }
}

impl Fit<'_> {
    /// Takes up a saved state: motion and latents are read, and all frames made again.
    pub fn restore(&mut self, saved: Saved) -> Result<Learner> {
        let mut input = Input::new(&saved.payload);
        let layout = Layout::read(&mut input, self.frames.len() as u64)?;
        let other = || Error::Usage("a checkpoint of another version".into());
        if layout.pyramid != self.switches.pyramid {
            return Err(Error::Usage(format!(
                "the checkpoint has a pyramid of {}",
                layout.pyramid
            )));
        }
        let adam = &saved.learner.adam;
        self.config = saved.config;
        self.lambda = saved.lambda;
        self.synthesis = Synthesis::new(&self.x.format, &self.config);
        let n = self.synthesis.params.len();
        if layout.groups != self.groups
            || [saved.params.len(), adam.mean.len(), adam.square.len()] != [n; 3]
        {
            return Err(other());
        }
        self.synthesis.params = saved.params;
        let s = &self.synthesis;
        let n = s.geometry.samples();
        let none = Reference::default();
        let mut room = self.plain_room()?;
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
                let refs: Vec<Reference> = place.refs.iter().flatten().map(made).collect();
                let from = [refs.first().unwrap_or(&none), refs.get(1).unwrap_or(&none)];
                s.run(&f.symbols, step(f.step, s.geometry.bits), from, &mut room);
                let at = f.time() * n..(f.time() + 1) * n;
                f.error = s.geometry.error(&room.frame, &self.x.samples[at.clone()]);
                self.made[at].copy_from_slice(&room.frame);
            }
        }
        Ok(saved.learner)
    }
}
