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

use nc::entropy::{RangeDecoder, RangeEncoder};
use nc::{Error, Result};

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
    u8::try_from(config.quantisers() * 8).unwrap_or(u8::MAX)
}

/// Codebooks of frame `t` at `level` for its `offset`.
pub fn frame_depth(level: u8, t: usize, offset: u8) -> usize {
    let whole = usize::from(level / 8);
    // Bit reversal spreads the frames that get one more.
    let turn = (t as u8 & 7).reverse_bits() >> 5;
    depth(whole + usize::from(turn < level % 8), offset)
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
        let mut out = Vec::with_capacity(1 + self.gains.len());
        out.push(level);
        out.extend(&self.gains);
        let frames = self.channels.first().map_or(0, |c| c.offsets.len());
        if frames == 0 {
            return Ok(out);
        }
        let mut coder = RangeEncoder::new();
        let mut shares = Vec::with_capacity(self.channels.len());
        for channel in &self.channels {
            if channel.offsets.len() != frames {
                return Err(Error::Usage("channels of unequal length".into()));
            }
            let offsets = channel.offsets.iter().enumerate();
            let depths: Vec<usize> = offsets.map(|(t, o)| frame_depth(level, t, *o)).collect();
            let coded = prior.shares(&channel.offsets, &depths, &channel.ids)?;
            shares.push((depths, coded.into_iter()));
        }
        for t in 0..frames {
            for (depths, shares) in &mut shares {
                for [left, right] in shares.by_ref().take(1 + depths[t]) {
                    coder.put_share(left, right)?;
                }
            }
        }
        out.extend(coder.finish());
        Ok(out)
    }

    /// Reads a payload of `frames` frames and `channels` channels.
    ///
    /// # Errors
    /// [`Error::Format`] for a damaged payload.
    pub fn read(prior: &Prior, bytes: &[u8], frames: usize, channels: usize) -> Result<Self> {
        let damaged = |what: &str| Error::Format(format!("grvq payload: {what}"));
        let (Some(&level), Some(gains)) = (bytes.first(), bytes.get(1..1 + channels)) else {
            return Err(damaged("shorter than its head"));
        };
        if !(MIN_LEVEL..=max_level(prior.config())).contains(&level) {
            return Err(damaged("nesting level out of range"));
        }
        if gains.first() == Some(&SAME) {
            return Err(damaged("the first channel cannot repeat another"));
        }
        let rest = bytes.get(1 + channels..).unwrap_or_default();
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

    /// Bytes at the highest level up to `cap` that has at most `target` bytes; the lowest level
    /// where none has.
    ///
    /// The levels tried depend on `target` and the tokens alone, so that a trimmed stream and one
    /// encoded at that rate come out the same.
    ///
    /// # Errors
    /// Those of [`Self::write`].
    pub fn fit(&self, prior: &Prior, cap: u8, target: u64) -> Result<Vec<u8>> {
        let mut low = (MIN_LEVEL, self.write(prior, MIN_LEVEL)?);
        if low.1.len() as u64 >= target || cap <= MIN_LEVEL {
            return Ok(low.1);
        }
        // Lowest level known, or taken, to be too large.
        let mut high = u32::from(max_level(prior.config())) + 1;
        // Bytes per level between the last two sizes; at first, that a further codebook costs about
        // 1.6 times what the first does.
        let mut slope = (low.1.len() as f64 * 1.6 / f64::from(MIN_LEVEL)).max(1.0);
        let mut known = (f64::from(MIN_LEVEL), low.1.len() as f64);
        for _ in 0..10 {
            // Half a per cent is about what an eighth of a codebook is worth.
            let have = low.1.len() as u64;
            if u32::from(low.0) + 1 >= high || have + have / 200 >= target {
                break;
            }
            let guess = known.0 + (target as f64 - known.1) / slope;
            let guess = (guess as u32).clamp(u32::from(low.0) + 1, high - 1) as u8;
            if guess > cap {
                high = u32::from(guess);
                continue;
            }
            let bytes = self.write(prior, guess)?;
            let here = (f64::from(guess), bytes.len() as f64);
            slope = ((here.1 - known.1) / (here.0 - known.0)).max(1.0);
            known = here;
            if bytes.len() as u64 <= target {
                low = (guess, bytes);
            } else {
                high = u32::from(guess);
            }
        }
        Ok(low.1)
    }
}
