//! A chunk's payload: nesting level, gain of each channel, then range-coded tokens.
//!
//! ```text
//! level    u8   codebooks per frame in eighths, 8 to 8 * quantisers
//! gain     u8   per channel: 0 silent, 255 same as the channel before, else 2^((g - 1) / 4 - 14)
//! tokens        per frame, per coded channel: depth offset, then the frame's codebooks in order
//! ```
//! Level `8 n + r` gives `n + 1` codebooks to `r` of every 8 frames, spread evenly, so that
//! rates lie close together; a frame's offset lowers its share (see [`crate::config::depth`]).
//! Dropping to a lower level needs no sound: the tokens of a stream at any level are a prefix,
//! frame by frame, of those at a higher one.

use std::borrow::Cow;

use nc_core::entropy::{RangeDecoder, RangeEncoder};
use nc_core::{Error, Result};

use crate::config::{Config, depth};
use crate::prior::Prior;

/// Gain byte of a silent channel.
pub const SILENT: u8 = 0;
/// Gain byte of a channel that equals the one before it.
pub const SAME: u8 = 255;

/// Tokens of one coded channel: `ids [frames][quantisers]`, valid up to each frame's depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// Depth offset of each frame.
    pub offsets: Vec<u8>,
    /// Token ids.
    pub ids: Vec<u16>,
}

/// Everything that a payload says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Nesting level in eighths of a codebook.
    pub level: u8,
    /// Gain byte of each channel.
    pub gains: Vec<u8>,
    /// Tokens of the channels that are neither silent nor the same as another, in order.
    pub channels: Vec<Channel>,
}

/// Lowest level.
pub const MIN_LEVEL: u8 = 8;

/// Highest level of a config.
pub fn max_level(config: &Config) -> u8 {
    // At most 31 codebooks, see `Config::check`.
    config.quantisers() as u8 * 8
}

/// Codebooks of frame `t` at `level` for its `offset`.
pub fn frame_depth(level: u8, t: usize, offset: u8) -> usize {
    let whole = usize::from(level / 8);
    // Bit reversal spreads the frames that get one more.
    let turn = (t as u8 & 7).reverse_bits() >> 5;
    let more = usize::from(turn < level % 8);
    depth(whole + more, offset)
}

/// Codebooks of each frame at `level`.
pub fn depths(level: u8, offsets: &[u8]) -> Vec<usize> {
    let numbered = offsets.iter().enumerate();
    numbered.map(|(t, o)| frame_depth(level, t, *o)).collect()
}

fn unequal() -> Error {
    Error::Internal("grvq: channels of unequal length".into())
}

/// Units of [`cost`] in a bit.
const UNIT: u64 = 1 << 16;

/// About how many bits a symbol of this share of 2^16 costs, times [`UNIT`]: the logarithm's
/// whole part, then a straight line. Integers, so that all machines choose the same level.
fn cost(share: u32) -> u64 {
    let share = u64::from(share.max(1));
    let whole = u64::from(share.ilog2());
    // The part beyond the power of two, 0 to one unit.
    let part = (share << 16 >> whole) - UNIT;
    16 * UNIT - whole * UNIT - part
}

impl Payload {
    /// Channels that carry tokens.
    fn coded(gains: &[u8]) -> usize {
        gains
            .iter()
            .filter(|g| **g != SILENT && **g != SAME)
            .count()
    }

    /// The payload's bytes at `level`, which is at most the level of the tokens.
    ///
    /// # Errors
    /// Those of the entropy coder.
    pub fn write(&self, prior: &Prior, level: u8) -> Result<Vec<u8>> {
        Ok(self.code(prior, level)?.0)
    }

    /// The payload's bytes at `level`, and about how many it would have at each level from 0.
    fn code(&self, prior: &Prior, level: u8) -> Result<(Vec<u8>, Vec<u64>)> {
        let mut out = Vec::with_capacity(self.gains.len() + 1);
        out.push(level);
        out.extend(&self.gains);
        let top = usize::from(max_level(prior.config()));
        let frames = match &self.channels[..] {
            [first, ..] if !first.offsets.is_empty() => first.offsets.len(),
            _ => {
                let size = out.len() as u64;
                return Ok((out, vec![size; top + 1]));
            }
        };
        let mut coder = RangeEncoder::new();
        let mut shares = Vec::with_capacity(self.channels.len());
        for channel in &self.channels {
            if channel.offsets.len() != frames {
                return Err(unequal());
            }
            let depths = depths(level, &channel.offsets);
            let coded = prior.shares(&channel.offsets, &depths, &channel.ids)?;
            let frames = channel.offsets.iter().zip(depths);
            shares.push((frames, coded.into_iter()));
        }
        // Cost of a frame's first tokens, and of those of all frames at each level.
        let mut prefix: Vec<u64> = Vec::new();
        let mut costs = vec![0u64; top + 1];
        for t in 0..frames {
            for (frames, shares) in &mut shares {
                prefix.clear();
                let mut sum = 0u64;
                let (offset, depth) = frames.next().ok_or_else(unequal)?;
                for [left, right] in shares.by_ref().take(depth + 1) {
                    coder.put_share(left, right)?;
                    // A share of a cumulative table, so right is above left.
                    sum += cost(right - left);
                    prefix.push(sum);
                }
                // A codebook that was not coded is taken to cost what the last one did.
                let last = match prefix[..] {
                    [.., a, b] => b - a,
                    _ => 0,
                };
                for (l, total) in costs.iter_mut().enumerate() {
                    let depth = frame_depth(l as u8, t, *offset);
                    // Behind what was coded, at the cost of the last.
                    *total += match prefix.get(depth) {
                        Some(c) => *c,
                        None => sum + last * (depth + 1 - prefix.len()) as u64,
                    };
                }
            }
        }
        out.extend(coder.finish());
        const BYTE: u64 = 8 * UNIT;
        let here = costs.get(usize::from(level)).ok_or_else(unequal)? / BYTE;
        let size = out.len() as u64;
        // An estimate a little off may put a low level below nothing.
        let at = |c: &u64| (size + c / BYTE).max(here) - here;
        let sizes = costs.iter().map(at).collect();
        Ok((out, sizes))
    }

    /// Reads a payload of `frames` frames and `channels` channels.
    ///
    /// # Errors
    /// [`Error::Format`] for a damaged payload.
    pub fn read(prior: &Prior, bytes: &[u8], frames: usize, channels: usize) -> Result<Self> {
        let damaged = |what: &str| Error::Format(format!("grvq payload: {what}").into());
        let short = || damaged("shorter than its head");
        let (&level, body) = bytes.split_first().ok_or_else(short)?;
        let (gains, rest) = body.split_at_checked(channels).ok_or_else(short)?;
        if !(MIN_LEVEL..=max_level(prior.config())).contains(&level) {
            return Err(damaged("nesting level out of range"));
        }
        if gains.first() == Some(&SAME) {
            return Err(damaged("the first channel cannot repeat another"));
        }
        let coded = Self::coded(gains);
        let n = prior.config().quantisers();
        if coded == 0 || frames == 0 {
            return if rest.is_empty() {
                Ok(Self {
                    level,
                    gains: gains.to_vec(),
                    channels: Vec::new(),
                })
            } else {
                Err(damaged("tokens of silent channels"))
            };
        }
        let mut coder = RangeDecoder::new(rest)?;
        let mut states: Vec<_> = (0..coded).map(|_| prior.start()).collect();
        let mut out = vec![
            Channel {
                offsets: Vec::with_capacity(frames),
                ids: Vec::with_capacity(frames * n)
            };
            coded
        ];
        for t in 0..frames {
            for (channel, state) in out.iter_mut().zip(&mut states) {
                let offset = coder.get_cumulative(prior.offset_cdf(state))? as u8;
                let depth = frame_depth(level, t, offset);
                prior.frame(state, offset, depth, |_, cdf| {
                    let id = coder.get_cumulative(cdf)? as u16;
                    channel.ids.push(id);
                    Ok(id)
                })?;
                channel.offsets.push(offset);
                channel.ids.resize((t + 1) * n, 0);
            }
        }
        Ok(Self {
            level,
            gains: gains.to_vec(),
            channels: out,
        })
    }

    /// [`fit`] of tokens that are the same at every level.
    ///
    /// # Errors
    /// Those of [`Self::write`].
    pub fn fit(&self, prior: &Prior, cap: u8, target: u64) -> Result<Vec<u8>> {
        let frames = self.channels.iter().map(|c| c.offsets.len()).sum();
        let (_, bytes) = fit(prior, cap, frames, target, |_| Ok(Cow::Borrowed(self)))?;
        Ok(bytes)
    }
}

/// The payload at the highest level up to `cap` that has at most `target` bytes, with its bytes; that of the lowest
/// level where none has. `at` gives the tokens for a level, of `frames` frames over all channels.
///
/// Whatever levels are tried on the way, the one found has the next above it too large, so that where tokens are the
/// same at every level a trimmed stream and one encoded at that rate come out the same.
///
/// # Errors
/// Those of [`Payload::write`] and of `at`.
pub fn fit<'p>(
    prior: &Prior,
    cap: u8,
    frames: usize,
    target: u64,
    mut at: impl FnMut(u8) -> Result<Cow<'p, Payload>>,
) -> Result<(Cow<'p, Payload>, Vec<u8>)> {
    // About a byte for a codebook of a frame.
    let cap = cap.max(MIN_LEVEL);
    // Any target that large has room for all there is.
    let target = target.min(1 << 48);
    let guess = target * 8 / (frames as u64).max(1);
    let mut guess = guess.clamp(MIN_LEVEL.into(), cap.into()) as u8;
    let mut low: Option<(Cow<'p, Payload>, Vec<u8>)> = None;
    let near = target + target / 100 + 4;
    // Lowest level known, or taken, to be too large; lowest that is not known to fit.
    let (mut high, mut first) = (cap + 1, MIN_LEVEL);
    loop {
        let payload = at(guess)?;
        let (bytes, sizes) = payload.code(prior, guess)?;
        if bytes.len() as u64 <= target || guess == MIN_LEVEL {
            let fits = bytes.len() as u64 <= target;
            low = Some((payload, bytes));
            first = guess + 1;
            if !fits {
                break;
            }
        } else {
            high = guess;
        }
        if first >= high {
            break;
        }
        // Levels that are left, with their sizes by estimate.
        let left = (0..high).zip(&sizes).skip(first.into());
        guess = match left.clone().rfind(|(_, size)| **size <= target) {
            Some((l, _)) => l,
            // Estimates of a neighbour are good to a fraction of a per cent.
            None if low.is_some() && left.take(1).all(|(_, size)| *size > near) => break,
            None => first,
        };
    }
    low.ok_or_else(|| Error::Internal("grvq: no level was tried".into()))
}
