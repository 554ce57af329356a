//! The codec behind the contract: levels, channels, resampling, tokens.

use std::borrow::Cow;

use nc_core::{
    AnyCodec, Audio, AudioBuf, AudioFormat, Budget, ChunkGoal, ChunkHead, Codec, CodecId,
    CodecInfo, CodecOption, Control, Effort, Encoded, Error, Goal, MediaKind, Model, ModelFault,
    ModelId, OptionValue, Plan, Result, kind,
};
use nc_kernels::{Kernels, resample};
use ndarray::Array2;

use crate::config::{Config, FEATURES, HOP, LEVEL, SAMPLE_RATE, depth, offset};
use crate::network::Network;
use crate::payload::{
    self, Channel, MIN_LEVEL, Payload, SAME, SILENT, depths, frame_depth, max_level,
};
use crate::prior::Prior;
use crate::search::{Beams, MAX_WIDTH, Search};

/// Facts of the codec.
pub const INFO: CodecInfo = CodecInfo {
    id: CodecId(1),
    name: "grvq",
    about: "speech and other sound at 1 to 6 kbit/s, group-residual vector quantisation",
    bitstream: 1,
    kind: MediaKind::Audio,
    lossless: false,
    options: &[CodecOption {
        name: SEARCH,
        help: "candidates of the search for codes: greedy, or 1 to 16 (default 4, 8 or 16 by preset); files of greedy trim to what encoding at the lower rate gives",
        value: OptionValue::Choice(&[
            "greedy", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14",
            "15", "16",
        ]),
    }],
};

/// The codec as a build knows it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Family;

impl nc_core::Family for Family {
    fn info(&self) -> &'static CodecInfo {
        &INFO
    }

    fn default_model(&self) -> Option<&'static [u8]> {
        DEFAULT_MODEL
    }

    fn open(&self, model: Option<&Model>) -> Result<AnyCodec> {
        let model = model.ok_or(Error::Model(ModelFault::Needed(INFO.name)))?;
        Ok(Grvq::new(model, Kernels::best(), &mut model.room())?.into())
    }

    /// A rate for each channel.
    fn default_goal(&self, format: &nc_core::Format) -> Goal {
        let channels = match format {
            nc_core::Format::Audio(f) => f.channels,
            _ => 1,
        };
        Goal::Bitrate(DEFAULT_RATE * u32::from(channels))
    }

    #[cfg(feature = "train")]
    fn trainer(&self) -> Option<&dyn nc_core::family::Trainer> {
        Some(&crate::train::Speech)
    }
}

#[cfg(feature = "default-model")]
const DEFAULT_MODEL: Option<&[u8]> = Some(include_bytes!("../models/grvq-16k.ncm"));
#[cfg(not(feature = "default-model"))]
const DEFAULT_MODEL: Option<&[u8]> = None;

/// Seconds in a chunk.
const CHUNK_SECONDS: u64 = 20;
/// Most samples in a chunk over all channels: 2^23 are 32 MiB of floats.
const CHUNK_SAMPLES: u64 = 1 << 23;
/// The option that says how the codebooks are searched.
const SEARCH: &str = "search";
/// Most units of a chunk, whatever the budget: products of it with sizes of a model stay below 2^64.
const MOST_UNITS: u64 = 1 << 40;
/// Bits per second and channel where no goal is given.
const DEFAULT_RATE: u32 = 3_000;
/// Most channels.
const MAX_CHANNELS: u16 = 8;

/// A codec with its model.
pub struct Grvq {
    id: ModelId,
    network: Network,
    search: Search,
    prior: Prior,
}

/// 2^((code - 1) / 4 - 14), exactly rounded parts only.
fn gain(code: u8) -> f32 {
    // Code 0 is that of silence and 3 quarters below code 1: 4 more than code - 1, so that none is negative.
    let steps = u32::from(code) + 3;
    let quarter = match steps % 4 {
        0 => 1.0,
        1 => 1.189_207_1,
        2 => std::f32::consts::SQRT_2,
        _ => 1.681_792_8,
    };
    // 127 - 14 - 1 = 112; codes up to 255 give exponents up to 176, well inside the format.
    let power = f32::from_bits((steps / 4 + 112) << 23);
    power * quarter
}

/// Gain code of a channel: the RMS of its active frames over the working level, in steps of 1.5 dB;
/// [`SILENT`] under -100 dB of full scale.
fn gain_code(x: &[f32]) -> u8 {
    let power =
        |f: &[f32]| f.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / f.len().max(1) as f64;
    let floor = 0.01 * power(x);
    let (mut sum, mut n) = (0.0, 0.0f64);
    for f in x.chunks(HOP) {
        let p = power(f);
        if p >= floor {
            sum += p;
            n += 1.0;
        }
    }
    let rms = (sum / n.max(1.0)).sqrt();
    if rms < 1e-5 {
        return SILENT;
    }
    let code = 1.0 + 4.0 * ((rms / f64::from(LEVEL)).log2() + 14.0);
    code.round().clamp(1.0, 254.0) as u8
}

/// Rate and channels of a format that the codec takes, in encoding and decoding alike.
fn taken(format: &AudioFormat) -> Result<(u32, u16)> {
    let AudioFormat { rate, channels, .. } = *format;
    if !(8_000..=192_000).contains(&rate) {
        return Err(Error::Unsupported(format!(
            "grvq takes 8 to 192 kHz, not {rate} Hz"
        )));
    }
    if !(1..=MAX_CHANNELS).contains(&channels) {
        return Err(Error::Unsupported(format!(
            "grvq takes 1 to {MAX_CHANNELS} channels, not {channels}"
        )));
    }
    Ok((rate, channels))
}

/// Samples at the codec's rate for `units` at `rate`, which [`taken`] has seen.
fn coded_len(units: u64, rate: u32) -> Result<usize> {
    if units > MOST_UNITS {
        return Err(Error::Limit("chunk too long".into()));
    }
    let n = (units * u64::from(SAMPLE_RATE)).div_ceil(rate.into());
    usize::try_from(n).map_err(|_| Error::Limit("chunk too long".into()))
}

/// The offset of each frame, and latents `[frames][latent]`.
type Latents = (Vec<u8>, Vec<f32>);

impl Grvq {
    /// Loads a model.
    ///
    /// # Errors
    /// [`Error::Model`] where it is not a model of this codec, [`Error::Limit`] past the budget.
    pub fn new(model: &Model, kernels: Kernels, budget: &mut Budget) -> Result<Self> {
        if model.meta("codec") != Some(INFO.name) {
            return Err(Error::Model("not a model of grvq".into()));
        }
        let config = model
            .meta("config")
            .ok_or_else(|| Error::Model("no config".into()))?;
        let config: Config = serde_json::from_str(config)
            .map_err(|e| Error::Model(format!("config: {e}").into()))?;
        config.check().map_err(|e| Error::Model(e.into()))?;
        let prior = Prior::load(model, &config, kernels, budget)?;
        Ok(Self {
            id: model.id,
            network: Network::load(model, &config, kernels, budget)?,
            search: Search::new(&config, prior.books(), kernels)?,
            prior,
        })
    }

    /// The model's sizes.
    pub fn config(&self) -> &Config {
        self.prior.config()
    }

    /// The token prior, with the codebooks.
    pub const fn prior(&self) -> &Prior {
        &self.prior
    }

    /// Tokens of 16 kHz samples at full depth by the greedy search: the gain byte, and the channel unless silent.
    ///
    /// # Errors
    /// None for a model that loaded.
    pub fn tokens(&self, x: &[f32]) -> Result<(u8, Option<Channel>)> {
        let (code, latents) = self.latents(x)?;
        let Some((offsets, z)) = latents else {
            return Ok((code, None));
        };
        let most = vec![self.config().quantisers(); offsets.len()];
        let mut beams = self.search.begin(self.prior.books(), &z, &most, 1)?;
        let ids = beams.tokens(&most)?;
        Ok((code, Some(Channel { offsets, ids })))
    }

    /// What the network makes of 16 kHz samples: the gain byte, and unless that says silence the offset of each frame
    /// with the latents `[frames][latent]`.
    fn latents(&self, x: &[f32]) -> Result<(u8, Option<Latents>)> {
        let code = gain_code(x);
        if code == SILENT {
            return Ok((code, None));
        }
        let scale = 1.0 / gain(code);
        let mut x: Vec<f32> = x.iter().map(|s| s * scale).collect();
        x.resize(x.len().next_multiple_of(HOP), 0.0);
        let z = self.network.encode(&x)?;
        let offsets = x.chunks_exact(HOP).map(offset).collect();
        Ok((code, Some((offsets, z))))
    }

    fn analyse(&self, audio: &Audio<'_>, width: usize, ctl: &Control<'_>) -> Result<Searched<'_>> {
        let mut gains = Vec::new();
        let mut channels = Vec::new();
        let mut before: Option<Vec<f32>> = None;
        for row in audio.samples.rows() {
            ctl.check()?;
            let clean = |s: &f32| {
                if s.is_finite() {
                    s.clamp(-1e3, 1e3)
                } else {
                    0.0
                }
            };
            let x: Vec<f32> = row.iter().map(clean).collect();
            if before.as_ref() == Some(&x) {
                gains.push(SAME);
                continue;
            }
            let out = coded_len(x.len() as u64, audio.rate)?;
            let low = if audio.rate == SAMPLE_RATE {
                x.clone()
            } else {
                resample(&x, audio.rate, SAMPLE_RATE, out)
                    .map_err(|e| Error::Unsupported(e.to_string()))?
            };
            let (code, latents) = self.latents(&low)?;
            gains.push(code);
            if let Some((offsets, z)) = latents {
                let full = self.config().quantisers();
                let most: Vec<usize> = offsets.iter().map(|o| depth(full, *o)).collect();
                let beams = self.search.begin(self.prior.books(), &z, &most, width)?;
                channels.push((offsets, beams));
            }
            before = Some(x);
        }
        Ok(Searched { gains, channels })
    }

    /// Writes the payload that a goal asks for, up to level `cap`, of `frames` frames over all channels whose tokens
    /// for a level `at` gives.
    fn finish<'p>(
        &self,
        mut at: impl FnMut(u8) -> Result<Cow<'p, Payload>>,
        frames: usize,
        cap: u8,
        goal: ChunkGoal,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        let (payload, bytes) = match goal {
            ChunkGoal::Quality(q) if q.is_finite() => {
                let (low, top) = (f32::from(MIN_LEVEL), f32::from(max_level(self.config())));
                let level = (low + (top - low) * (q / 10.0).clamp(0.0, 1.0)).round() as u8;
                let level = level.min(cap);
                let payload = at(level)?;
                let bytes = payload.write(&self.prior, level)?;
                (payload, bytes)
            }
            ChunkGoal::Bytes(n) => payload::fit(&self.prior, cap, frames, n, at)?,
            ChunkGoal::Exact => {
                return Err(Error::Unsupported(
                    "grvq is not lossless; use --codec store".into(),
                ));
            }
            ChunkGoal::Quality(_) => return Err(Error::Usage("quality must be 0 to 10".into())),
            _ => {
                return Err(Error::Usage(
                    "a chunk takes a quality or a number of bytes".into(),
                ));
            }
        };
        let symbols = symbols(&bytes, &payload, self.config())?;
        out.extend(bytes);
        Ok(Encoded { symbols })
    }

    fn frames(head: &ChunkHead<AudioFormat>) -> Result<(u32, usize, usize)> {
        let (rate, channels) = taken(&head.format)?;
        let n = coded_len(head.units, rate)?;
        Ok((rate, usize::from(channels), n.div_ceil(HOP)))
    }

    fn parse(
        &self,
        payload: &[u8],
        head: &ChunkHead<AudioFormat>,
        budget: &mut Budget,
    ) -> Result<Payload> {
        let (_, channels, frames) = Self::frames(head)?;
        let tokens = self.config().quantisers() as u64;
        budget.charge((channels * frames) as u64 * (2 * tokens + 1))?;
        // The range coder holds words of its own, for as long as it reads.
        let words = payload.len() as u64;
        budget.charge(words)?;
        budget.release(words);
        Payload::read(&self.prior, payload, frames, channels)
    }
}

/// A chunk of which tokens can be had for every level.
struct Searched<'a> {
    gains: Vec<u8>,
    /// Offsets and search of each channel that is neither silent nor the same as another.
    channels: Vec<(Vec<u8>, Beams<'a>)>,
}

impl Searched<'_> {
    /// Frames of all channels.
    fn frames(&self) -> usize {
        self.channels.iter().map(|(offsets, _)| offsets.len()).sum()
    }

    /// The tokens for a level.
    fn at(&mut self, level: u8) -> Result<Payload> {
        let channel = |(offsets, beams): &mut (Vec<u8>, Beams<'_>)| {
            let ids = beams.tokens(&depths(level, offsets))?;
            let offsets = offsets.clone();
            Ok(Channel { offsets, ids })
        };
        Ok(Payload {
            level,
            gains: self.gains.clone(),
            channels: self
                .channels
                .iter_mut()
                .map(channel)
                .collect::<Result<_>>()?,
        })
    }
}

/// Candidates of the search: what the option `search` says, else by the effort.
fn width(ctl: &Control<'_>) -> Result<usize> {
    match ctl.options.get(SEARCH) {
        None => Ok(match ctl.effort {
            Effort::Fast => 4,
            Effort::Medium => 8,
            Effort::Slow => 16,
        }),
        Some("greedy") => Ok(1),
        Some(n) => match n.parse() {
            Ok(n) if (1..=MAX_WIDTH).contains(&n) => Ok(n),
            _ => Err(Error::Usage(format!(
                "option {SEARCH} is greedy or 1 to {MAX_WIDTH} candidates, not {n}"
            ))),
        },
    }
}

fn lost() -> Error {
    Error::Internal("grvq: a part of a payload that is not there".into())
}

/// Hash of the tokens that a payload's level keeps.
fn symbols(bytes: &[u8], payload: &Payload, config: &Config) -> Result<u64> {
    let level = *bytes.first().ok_or_else(lost)?;
    let n = config.quantisers();
    let mut kept = Vec::new();
    for c in &payload.channels {
        for (t, (ids, offset)) in c.ids.chunks_exact(n).zip(&c.offsets).enumerate() {
            kept.push(*offset);
            let depth = frame_depth(level, t, *offset);
            kept.extend(ids.iter().take(depth).flat_map(|id| id.to_le_bytes()));
        }
    }
    kept.extend(&payload.gains);
    Ok(xxhash_rust::xxh3::xxh3_64(&kept))
}

impl Codec for Grvq {
    type Kind = kind::Sound;

    fn info(&self) -> &CodecInfo {
        &INFO
    }

    fn model(&self) -> Option<ModelId> {
        Some(self.id)
    }

    /// All codes of all frames as plain numbers: the prior makes them fewer.
    fn most_rate(&self, format: &AudioFormat) -> Option<u32> {
        let bits = self.config().quantisers() as u32 * self.config().codes.ilog2();
        let frames = (SAMPLE_RATE as usize / HOP) as u32;
        bits.checked_mul(frames)?
            .checked_mul(format.channels.into())
    }

    fn plan(&self, format: &AudioFormat) -> Result<Plan> {
        let (rate, channels) = taken(format)?;
        let second = u64::from(rate) * u64::from(channels);
        let most = CHUNK_SAMPLES / second;
        Ok(Plan {
            chunk: u64::from(rate) * CHUNK_SECONDS.min(most.max(1)),
            overlap: rate / 25,
        })
    }

    fn encode(
        &self,
        audio: Audio<'_>,
        head: &ChunkHead<AudioFormat>,
        goal: ChunkGoal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        let (rate, channels, frames) = Self::frames(head)?;
        if audio.rate != rate
            || audio.samples.nrows() != channels
            || audio.samples.ncols() as u64 != head.units
        {
            return Err(Error::Usage("signal and chunk head differ".into()));
        }
        let width = width(ctl)?;
        // Of each channel the samples, those of the one before, and the search; at the codec's own rate samples twice,
        // spectra and the trunk's activations, of one at a time.
        let c = self.config();
        let floats = 2 * c.dim + c.latent + 3 * HOP + FEATURES;
        let searches = self.search.frame_bytes(width) * channels as u64;
        let work = (floats * size_of::<f32>()) as u64 + searches;
        let mut budget = ctl.budget.share();
        budget.charge(head.units * 8)?;
        budget.charge(frames as u64 * work)?;
        let mut searched = self.analyse(&audio, width, ctl)?;
        let coded = searched.frames();
        let tokens = |level| searched.at(level).map(Cow::Owned);
        self.finish(tokens, coded, max_level(c), goal, out)
    }

    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead<AudioFormat>,
        budget: &mut Budget,
        ctl: &mut Control<'_>,
    ) -> Result<(AudioBuf, Encoded)> {
        let (rate, channels, frames) = Self::frames(head)?;
        let parsed = self.parse(payload, head, budget)?;
        let units =
            usize::try_from(head.units).map_err(|_| Error::Limit("chunk too long".into()))?;
        budget.charge(head.units * 4 * (channels as u64 + 1))?;
        // Latents, the trunk's two activations and the samples of one channel.
        let c = self.config();
        let floats = 2 * c.dim + c.latent + HOP;
        budget.charge(frames as u64 * floats as u64 * 4)?;
        let mut out = Array2::zeros((channels, units));
        let mut coded = parsed.channels.iter();
        for (i, code) in parsed.gains.iter().enumerate() {
            ctl.check()?;
            if *code == SILENT {
                continue;
            }
            if *code == SAME {
                let (before, mut rest) = out.view_mut().split_at(ndarray::Axis(0), i);
                let from = before.rows().into_iter().next_back().ok_or_else(lost)?;
                let to = rest.rows_mut().into_iter().next();
                to.ok_or_else(lost)?.assign(&from);
                continue;
            }
            // None for a signal without frames.
            let Some(channel) = coded.next() else {
                continue;
            };
            let mut z = vec![0.0; frames * c.latent];
            let n = c.quantisers();
            let tokens = channel.ids.chunks_exact(n).zip(&channel.offsets);
            for (t, ((ids, offset), z)) in tokens.zip(z.chunks_exact_mut(c.latent)).enumerate() {
                let depth = frame_depth(parsed.level, t, *offset);
                for (q, (id, book)) in ids.iter().zip(self.prior.books()).enumerate().take(depth) {
                    crate::context::add_code(c, book, q, *id, z);
                }
            }
            let mut y = self.network.decode(&z)?;
            let g = gain(*code);
            y.iter_mut().for_each(|s| *s *= g);
            let mut row = out.row_mut(i);
            if rate == SAMPLE_RATE {
                row.iter_mut().zip(&y).for_each(|(o, s)| *o = *s);
            } else {
                y.truncate(coded_len(head.units, rate)?);
                let y = resample(&y, SAMPLE_RATE, rate, units)
                    .map_err(|e| Error::Unsupported(e.to_string()))?;
                row.iter_mut().zip(&y).for_each(|(o, s)| *o = *s);
            }
        }
        let encoded = Encoded {
            symbols: symbols(payload, &parsed, c)?,
        };
        Ok((AudioBuf { rate, samples: out }, encoded))
    }

    fn trim(
        &self,
        payload: &[u8],
        head: &ChunkHead<AudioFormat>,
        goal: ChunkGoal,
        budget: &mut Budget,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        let parsed = self.parse(payload, head, budget)?;
        let coded = parsed.channels.iter().map(|c| c.offsets.len()).sum();
        let tokens = |_| Ok(Cow::Borrowed(&parsed));
        self.finish(tokens, coded, parsed.level, goal, out)
    }
}
