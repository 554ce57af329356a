//! Encoding: fitting motion, latents and network to a clip.
//!
//! First, passes over the frames in coding order find motion and latents; the price of a bit is tuned until they and the
//! parameters of a network fill the size that was asked for. Then the network learns what is still missing, on frames
//! drawn at random, and its parameters are quantised. A network that does not earn its bytes is left out again.

mod checkpoint;
mod choose;
mod cuts;
mod learn;
mod passes;
mod rates;

use std::time::{Duration, Instant};

use nc_core::entropy::RangeEncoder;
use nc_core::rng::Rng;
use nc_core::{Budget, ChunkGoal, Control, Effort, Error, Progress, Result, Video};
use rayon::prelude::*;
use xxhash_rust::xxh3::Xxh3;

use crate::coefficient::CLASSES;
use crate::config::Config;
use crate::decode::{SymbolCoder, hash, hash_groups};
use crate::field::Field;
use crate::frame::{Room, Symbols, Synthesis};
use crate::geometry::Geometry;
use crate::layout::{Layout, put_piece, step};
use crate::order::places;
use crate::transform::Latents;
use crate::weights::{self, Coded};
use checkpoint::Saved;
use choose::{Desk, Price};
use learn::Learner;
use rates::Rates;

/// How much more an error in a frame of each class weighs than one in a frame that nothing is predicted from.
const WEIGHTS: [f32; CLASSES] = [6.0, 3.0, 1.7, 1.2, 1.0];
/// Squared step over the price of a bit.
const QUANT: f32 = 6.5;
/// Absolute differences that a bit of motion is worth, over the root of the price of a bit.
const MOTION: f32 = 1.0;
/// Frames from one predicted frame to the next.
pub const PYRAMID: usize = 8;
/// Passes before there is a network.
const FIRST: usize = 4;
/// Passes that tune the size, unless it is still too large.
const TUNING: usize = 10;
/// Bytes around the coded parameters.
const WEIGHT_HEAD: usize = 8;
/// Least price of a bit.
const LEAST: f32 = 1e-3;

/// Parts of the default network, each of which can be left out so that its worth is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// The network that corrects frames.
    pub network: bool,
    /// Vectors other than zero.
    pub motion: bool,
    /// Blocks of 16 x 16 beside those of 8 x 8.
    pub large: bool,
    /// Scales and shifts in the network for each class of frames.
    pub modulation: bool,
    /// Frames from one predicted frame to the next.
    pub pyramid: usize,
}

/// One frame and what the encoder knows of it.
#[derive(Clone)]
struct Frame {
    symbols: Symbols,
    /// First frame of its group in the clip.
    start: usize,
    /// Step of its latents, as [`Layout::steps`] has it.
    step: u8,
    /// Squared error.
    error: f64,
}

impl Frame {
    /// Its place in the clip.
    fn time(&self) -> usize {
        self.start + self.symbols.place.t
    }
}

/// Asked now and then whether to go on.
type Check = Box<dyn Fn() -> Result<()> + Send + Sync>;

/// A clip that is being fitted.
struct Fit<'a> {
    x: Video<'a>,
    switches: Switches,
    synthesis: Synthesis,
    config: Config,
    /// The network's parameters once they are quantised.
    coded: Option<Coded>,
    /// Squared error of what is shown, once it differs from the frames'.
    error: Option<f64>,
    groups: Vec<usize>,
    /// Group by group, in coding order.
    frames: Vec<Frame>,
    /// The frames as decoded, in order of time.
    made: Vec<u16>,
    rates: Rates,
    /// Squared samples of 8 bits that a bit is worth, in a frame that nothing is predicted from.
    lambda: f32,
    /// Names the work in checkpoints; 0 where there are none.
    key: u64,
    check: Check,
    started: Instant,
    deadline: Option<Instant>,
}

/// What an encode ends in.
pub struct Fitted {
    /// The payload, without its mode.
    pub payload: Vec<u8>,
    /// Hash of the symbols.
    pub symbols: u64,
    /// Squared error of all frames, planes weighted 4:1:1.
    pub error: f64,
}

/// Lambda of a quality from 0 to 10: a step of one is a factor of two.
fn lambda_of(quality: f32) -> f32 {
    300.0 * 2f32.powf(5.0 - quality)
}

/// Encodes the frames of a chunk.
///
/// # Errors
/// [`Error::Cancelled`], and those of checkpoints.
pub fn encode(
    x: Video<'_>,
    first: u64,
    goal: ChunkGoal,
    switches: Switches,
    ctl: &mut Control<'_>,
) -> Result<Fitted> {
    let mut fit = Fit::new(x, goal, switches, ctl)?;
    let target = match goal {
        ChunkGoal::Bytes(n) => Some(n),
        _ => None,
    };
    let epochs = match ctl.effort {
        Effort::Fast => 0,
        Effort::Medium => 60,
        Effort::Slow => 300,
    };
    let mut learner = match checkpoint::load(ctl, first, fit.key, &x)? {
        Some(Saved::Done(fitted)) => return Ok(fitted),
        Some(Saved::State(state)) => fit.restore(*state)?,
        None => {
            fit.find_motion(target, ctl)?;
            checkpoint::save(ctl, first, &fit, None)?;
            None
        }
    };
    if learner.is_none() {
        if epochs > 0 && switches.network && !fit.late(0.5) {
            let bytes = target.unwrap_or(fit.size() as u64);
            fit.set_network(bytes, ctl.seed);
        }
        fit.tune(target, 0.55, ctl)?;
    }
    if fit.synthesis.network.is_some() {
        let n = fit.synthesis.params.len();
        let learner = learner.get_or_insert_with(|| Learner::new(n));
        if epochs == 0 || !fit.learn(learner, epochs, first, ctl)? {
            fit.drop_network();
            fit.tune(target, 1.0, ctl)?;
        }
    }
    let fitted = fit.finish()?;
    checkpoint::save_done(ctl, first, fit.key, &fitted)?;
    Ok(fitted)
}

impl<'a> Fit<'a> {
    fn new(x: Video<'a>, goal: ChunkGoal, switches: Switches, ctl: &Control<'_>) -> Result<Self> {
        let config = Config {
            width: 0,
            ..Config::default()
        };
        let synthesis = Synthesis::new(&x.format, &config);
        let geo = Geometry::of(&x.format);
        let groups = cuts::groups(&x, geo.samples());
        let mut frames = Vec::new();
        let mut start = 0;
        for n in &groups {
            for place in places(*n, switches.pyramid) {
                frames.push(Frame {
                    symbols: Symbols {
                        place,
                        field: Field::new(&geo),
                        latents: Latents::new(&geo),
                    },
                    start,
                    step: 24,
                    error: 0.0,
                });
            }
            start += n;
        }
        let started = Instant::now();
        Ok(Self {
            made: x.samples.to_vec(),
            lambda: match goal {
                ChunkGoal::Quality(q) => lambda_of(q),
                _ => 100.0,
            },
            x,
            switches,
            synthesis,
            config,
            coded: None,
            error: None,
            groups,
            frames,
            rates: Rates::default(),
            key: match ctl.checkpoints {
                Some(_) => checkpoint::key(&x, goal, switches, ctl.seed),
                None => 0,
            },
            check: Box::new(ctl.checker()),
            started,
            deadline: ctl.time_limit.and_then(|t| started.checked_add(t)),
        })
    }

    /// Whether a share of the time is over.
    fn late(&self, share: f64) -> bool {
        self.deadline.is_some_and(|d| {
            let all = d.saturating_duration_since(self.started);
            self.started.elapsed() >= all.mul_f64(share)
        })
    }

    fn time_left(&self, share: f64) -> Option<Duration> {
        let all = self.deadline?.saturating_duration_since(self.started);
        Some(all.mul_f64(share).saturating_sub(self.started.elapsed()))
    }

    fn original(&self, t: usize) -> &'a [u16] {
        let n = self.synthesis.geometry.samples();
        &self.x.samples[t * n..(t + 1) * n]
    }

    /// Price of a bit and step for a class of frames.
    fn price_of(&self, class: usize) -> (Price, u8) {
        let bits = self.x.format.bits;
        let lambda = self.lambda / WEIGHTS[class];
        let eighths = 8.0 * ((lambda * QUANT).sqrt() * 8.0).log2();
        let index = eighths.round().clamp(0.0, 127.0) as u8;
        let deep = (1u32 << (2 * (bits - 8))) as f32;
        let price = Price {
            lambda: lambda * deep,
            step: step(index, bits),
        };
        (price, index)
    }

    /// The frames, group by group.
    fn grouped(&self) -> Vec<&[Frame]> {
        let mut rest = self.frames.as_slice();
        let groups = self.groups.iter().map(|size| {
            let (mine, others) = rest.split_at(*size);
            rest = others;
            mine
        });
        groups.collect()
    }

    /// The coded groups.
    fn code(&self) -> Result<Vec<Vec<u8>>> {
        self.grouped()
            .into_par_iter()
            .map(|frames| {
                let mut io = RangeEncoder::new();
                let mut coder = SymbolCoder::default();
                for f in frames {
                    coder.code(&mut io, &self.synthesis.geometry, &mut f.symbols.clone())?;
                }
                Ok(io.finish())
            })
            .collect()
    }

    /// Bytes of all groups.
    fn size(&self) -> usize {
        let pieces = match self.code() {
            Ok(groups) => groups.iter().map(|g| g.len() + 3).sum(),
            // What cannot be coded has no place in any file.
            Err(_) => usize::MAX / 2,
        };
        pieces + self.weight_bytes() + 12 + 2 * self.groups.len()
    }

    /// Bytes that the network's parameters may take.
    fn weight_bytes(&self) -> usize {
        match self.synthesis.params.len() {
            0 => 0,
            n => WEIGHT_HEAD + n * 5 / 8,
        }
    }

    fn squared_error(&self) -> f64 {
        self.frames.iter().map(|f| f.error).sum()
    }

    /// PSNR of means of squared errors weighted 4:1:1, over all frames.
    fn psnr(&self) -> f64 {
        let g = &self.synthesis.geometry;
        let luma = (g.planes[0].w * g.planes[0].h * self.frames.len()) as f64;
        let planes = if g.planes.len() > 1 { 1.5 } else { 1.0 };
        10.0 * (255.0 * 255.0 * luma * planes / self.squared_error().max(1e-9)).log10()
    }

    /// Brings the price nearer to what gives `target` bytes.
    fn price(&mut self, bytes: usize, target: u64, power: f32) {
        let ratio = bytes as f32 / (target as f32 * 0.996).max(1.0);
        self.lambda = (self.lambda * ratio.clamp(0.2, 5.0).powf(power)).clamp(LEAST, 1e9);
    }

    /// Chooses the network for a file of about `bytes`: none where its parameters would be too much of it. A wider one would
    /// be slower than it is worth, in learning and in decoding.
    fn set_network(&mut self, bytes: u64, seed: u64) {
        let width = if bytes < 20_000 { 0 } else { 8 };
        self.config = Config {
            width,
            modulation: self.switches.modulation,
            ..Config::default()
        };
        self.synthesis = Synthesis::new(&self.x.format, &self.config);
        if let Some(n) = &self.synthesis.network {
            self.synthesis.params = n.graph.start(&mut Rng::new(seed));
        }
    }

    /// Teaches the network and quantises it; false where it does not earn its bytes.
    fn learn(
        &mut self,
        learner: &mut Learner,
        epochs: usize,
        first: u64,
        ctl: &mut Control<'_>,
    ) -> Result<bool> {
        checkpoint::save(ctl, first, self, Some(learner))?;
        learner.run(self, epochs, first, ctl)?;
        self.freeze(learner);
        let shown = self.shown_error()?;
        // What the parameters' bits would have bought elsewhere.
        let worth = f64::from(self.lambda) * 8.0 * self.weight_bytes() as f64;
        self.error = Some(shown);
        Ok(shown + worth < self.squared_error())
    }

    /// The clip without a network again.
    fn drop_network(&mut self) {
        self.config.width = 0;
        self.coded = None;
        self.error = None;
        self.synthesis = Synthesis::new(&self.x.format, &self.config);
    }

    /// Room for frames, without the network's images.
    fn plain_room(&self) -> Result<Room> {
        let plain = Synthesis {
            network: None,
            ..self.synthesis.clone()
        };
        // What an encoder needs, its caller's frames have already shown to be there.
        plain.room(&mut Budget::new(u64::MAX))
    }

    /// Quantises the network's parameters.
    fn freeze(&mut self, learner: &Learner) {
        let Some(n) = &self.synthesis.network else {
            return;
        };
        let bits = (self.weight_bytes() - WEIGHT_HEAD) as f64 * 8.0;
        let coded = weights::choose(
            &n.graph,
            &self.synthesis.params,
            &learner.adam.sensitivity(&n.graph),
            bits,
        );
        self.synthesis.params = coded.values(&n.graph);
        self.coded = Some(coded);
    }

    /// Squared error of what is shown.
    fn shown_error(&self) -> Result<f64> {
        let s = &self.synthesis;
        let errors: Result<Vec<f64>> = (0..self.frames.len())
            .into_par_iter()
            .map_init(
                || Desk::new(s),
                |desk, i| {
                    let desk = desk
                        .as_mut()
                        .map_err(|e| Error::Limit(e.to_string().into()))?;
                    let (_, wanted) = self.ready(i, desk)?;
                    Ok(s.geometry.error(&desk.room.shown, wanted))
                },
            )
            .collect();
        Ok(errors?.iter().sum())
    }

    /// Makes frame `i` in the desk, from its latents and the frames made before; gives its class and the original.
    fn ready(&self, i: usize, desk: &mut Desk) -> Result<(usize, &'a [u16])> {
        let s = &self.synthesis;
        let n = s.geometry.samples();
        let f = &self.frames[i];
        let class = f.symbols.place.class;
        let room = &mut desk.room;
        // The frame itself is there; only its latents' samples have to be made again.
        s.synthesise(&f.symbols, step(f.step, s.geometry.bits), room);
        let t = f.time();
        room.frame.copy_from_slice(&self.made[t * n..(t + 1) * n]);
        s.show_all(class, room)?;
        Ok((class, self.original(t)))
    }

    /// Motion between the original frames, then the first passes, which look for it in what was decoded.
    fn find_motion(&mut self, target: Option<u64>, ctl: &mut Control<'_>) -> Result<()> {
        if self.switches.motion {
            self.search_originals()?;
        }
        for i in 0..FIRST {
            let (bytes, psnr) = self.pass(i > 0 && self.switches.motion && !self.late(0.3))?;
            self.report(ctl, "motion", i, FIRST, bytes, psnr);
            ctl.check()?;
            if let Some(t) = target {
                self.price(bytes, t, 1.1);
            }
            if self.late(0.3) {
                break;
            }
        }
        Ok(())
    }

    /// Passes until the size is met, or two where none was asked for; the first of them look for motion once more. The
    /// state is that of the best of them.
    fn tune(&mut self, target: Option<u64>, share: f64, ctl: &mut Control<'_>) -> Result<()> {
        let mut best: Option<(usize, f32, Vec<Frame>, Vec<u16>)> = None;
        for i in 0..4 * TUNING {
            let lambda = self.lambda;
            let (size, psnr) = self.pass(i < 3 && self.switches.motion && !self.late(share))?;
            self.report(ctl, "size", i.min(TUNING), TUNING, size, psnr);
            ctl.check()?;
            let Some(t) = target.map(|t| t as usize) else {
                if i == 0 && !self.late(share) {
                    continue;
                }
                return Ok(());
            };
            // Of those that fit the larger, of those that do not the smaller.
            let better = best.as_ref().is_none_or(|b| match (size <= t, b.0 <= t) {
                (true, true) => size > b.0,
                (true, false) => true,
                (false, true) => false,
                (false, false) => size < b.0,
            });
            if better {
                best = Some((size, lambda, self.frames.clone(), self.made.clone()));
            }
            let held = best.as_ref().map_or(usize::MAX, |b| b.0);
            let near = held <= t && held * 1000 >= t * 992;
            let enough =
                i >= TUNING || i > 2 && self.late(share) || self.late(1.0) || self.lambda <= LEAST;
            if near && i > 0 || held <= t && enough {
                break;
            }
            self.price(size, t as u64, if i >= TUNING { 1.5 } else { 1.0 });
        }
        if let Some((_, lambda, frames, made)) = best {
            self.lambda = lambda;
            self.frames = frames;
            self.made = made;
        }
        Ok(())
    }

    /// The payload as it stands.
    fn finish(&self) -> Result<Fitted> {
        let layout = Layout {
            config: self.config.clone(),
            pyramid: self.switches.pyramid,
            steps: std::array::from_fn(|class| self.price_of(class).1),
            groups: self.groups.clone(),
        };
        let mut payload = Vec::new();
        layout.write(&mut payload);
        if let (Some(n), Some(coded)) = (&self.synthesis.network, &self.coded) {
            let mut io = RangeEncoder::new();
            weights::code(&mut io, &n.graph, &mut coded.clone())?;
            put_piece(&io.finish(), &mut payload);
        }
        for g in self.code()? {
            put_piece(&g, &mut payload);
        }
        let hashes = self.grouped().into_iter().map(|frames| {
            let mut group = Xxh3::new();
            frames.iter().for_each(|f| hash(&f.symbols, &mut group));
            group.digest()
        });
        Ok(Fitted {
            payload,
            symbols: hash_groups(hashes),
            error: self.error.unwrap_or_else(|| self.squared_error()),
        })
    }

    fn report(
        &self,
        ctl: &mut Control<'_>,
        task: &str,
        done: usize,
        total: usize,
        bytes: usize,
        psnr: f64,
    ) {
        let note = format!("{psnr:.2} dB, {bytes} bytes");
        ctl.report(Progress {
            task,
            done: done as u64 + 1,
            total: Some(total as u64),
            note: &note,
        });
    }
}

/// The frames, group by group.
fn groups_mut<'f>(groups: &[usize], mut frames: &'f mut [Frame]) -> Vec<&'f mut [Frame]> {
    let split = groups.iter().map(|size| {
        let (mine, others) = std::mem::take(&mut frames).split_at_mut(*size);
        frames = others;
        mine
    });
    split.collect()
}
