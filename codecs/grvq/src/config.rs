//! Shape of a codec: network sizes and the quantiser's groups, stages and codes.
//!
//! One type covers the field's token codecs: `groups = 1` is the residual quantiser of SoundStream
//! and EnCodec, `stages = 1` is plain group quantisation, 2 x 2 is HiFi-Codec.

use serde::{Deserialize, Serialize};

/// Samples per second that the network works at.
pub const SAMPLE_RATE: u32 = 16_000;
/// Samples per latent frame (20 ms).
pub const HOP: usize = 320;
/// Samples between two short-time spectra; two of them make a latent frame.
pub const SUB_HOP: usize = 160;
/// Length of a short-time spectrum's window.
pub const N_FFT: usize = 512;
/// Frequency bins of a short-time spectrum.
pub const BINS: usize = N_FFT / 2 + 1;
/// Short-time spectra per latent frame.
pub const SUBS: usize = HOP / SUB_HOP;
/// Features per latent frame at the encoder's input: log magnitude, compressed re and im per bin.
pub const FEATURES: usize = SUBS * BINS * 3;
/// Outputs per latent frame of the decoder's head: log gain, re and im per bin.
pub const HEAD: usize = SUBS * BINS * 3;
/// Largest log gain of the head; keeps the exponential finite.
pub const MAX_LOG_GAIN: f32 = 6.0;
/// Taps of the depthwise convolutions.
pub const TAPS: usize = 7;

/// Frames before its own that the token prior sees one by one.
pub const RECENT: usize = 3;
/// Decays of the slow averages of frames that it sees.
pub const DECAYS: [f32; 2] = [0.75, 0.9375];

/// Frames per second.
const FRAMES: u64 = SAMPLE_RATE as u64 / HOP as u64;

/// Sizes of one trained codec. What is computed from them is defined for sizes that [`Config::check`] takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Channels of the trunk.
    pub dim: usize,
    /// Hidden channels of a ConvNeXt block.
    pub hidden: usize,
    /// ConvNeXt blocks of the encoder.
    pub enc_blocks: usize,
    /// ConvNeXt blocks of the decoder.
    pub dec_blocks: usize,
    /// Latent dimensions; divisible by `groups`.
    pub latent: usize,
    /// Groups that the latent is split into.
    pub groups: usize,
    /// Residual stages per group.
    pub stages: usize,
    /// Codes per codebook, a power of two.
    pub codes: usize,
    /// Hidden units of the token prior's frame network.
    #[serde(default = "prior_hidden")]
    pub prior_hidden: usize,
    /// Hidden units of each of the token prior's heads.
    #[serde(default = "prior_mix")]
    pub prior_mix: usize,
}

const fn prior_hidden() -> usize {
    192
}

const fn prior_mix() -> usize {
    32
}

impl Default for Config {
    fn default() -> Self {
        Self {
            dim: 256,
            hidden: 512,
            enc_blocks: 4,
            dec_blocks: 6,
            latent: 64,
            groups: 1,
            stages: 16,
            codes: 1024,
            prior_hidden: prior_hidden(),
            prior_mix: prior_mix(),
        }
    }
}

impl Config {
    /// Codebooks in all; token `q` of a frame belongs to stage `q / groups`, group `q % groups`.
    pub const fn quantisers(&self) -> usize {
        self.groups * self.stages
    }

    /// Dimensions of a group.
    pub const fn group_dim(&self) -> usize {
        self.latent / self.groups
    }

    /// Inputs of the token prior's frame network: recent frames and slow averages, then the frame's offset, its depth
    /// and that of the frame before.
    pub const fn prior_inputs(&self) -> usize {
        self.latent * (RECENT + DECAYS.len()) + OFFSETS + 2
    }

    /// Bits of a raw token index.
    pub const fn index_bits(&self) -> u32 {
        self.codes.ilog2()
    }

    /// Multiply-adds of a ConvNeXt block per frame.
    const fn block_macs(&self) -> u64 {
        (TAPS * self.dim + 2 * self.dim * self.hidden) as u64
    }

    /// Multiply-adds of the encoder network per second of audio.
    pub const fn encoder_macs(&self) -> u64 {
        let ends = FEATURES * self.dim + self.dim * self.latent;
        FRAMES * (ends as u64 + self.enc_blocks as u64 * self.block_macs())
    }

    /// Multiply-adds of the decoder network per second of audio.
    pub const fn decoder_macs(&self) -> u64 {
        let ends = self.latent * self.dim + self.dim * HEAD;
        FRAMES * (ends as u64 + self.dec_blocks as u64 * self.block_macs())
    }

    /// Multiply-adds of the greedy search of all codebooks per second of audio.
    pub const fn quantiser_macs(&self) -> u64 {
        FRAMES * (self.quantisers() * self.codes * self.group_dim()) as u64
    }

    /// Multiply-adds of the token prior per second of audio, for frames of `depth` codebooks.
    pub const fn prior_macs(&self, depth: usize) -> u64 {
        let (hidden, mix) = (self.prior_hidden, self.prior_mix);
        let inputs = self.prior_inputs() + hidden + self.quantisers() * mix;
        let token = mix * (self.latent + self.codes);
        FRAMES * (hidden * inputs + depth * token) as u64
    }

    /// What is wrong with these sizes, if anything.
    pub fn check(&self) -> Result<(), String> {
        let in_range = |name: &str, v: usize, lo: usize, hi: usize| {
            if (lo..=hi).contains(&v) {
                Ok(())
            } else {
                Err(format!("{name} is {v}, must be {lo} to {hi}"))
            }
        };
        in_range("dim", self.dim, 1, 4096)?;
        in_range("hidden", self.hidden, 1, 16384)?;
        in_range("enc_blocks", self.enc_blocks, 0, 64)?;
        in_range("dec_blocks", self.dec_blocks, 0, 64)?;
        in_range("latent", self.latent, 1, 1024)?;
        in_range("groups", self.groups, 1, 64)?;
        in_range("stages", self.stages, 1, 64)?;
        in_range("codes", self.codes, 2, 4096)?;
        in_range("prior_hidden", self.prior_hidden, 1, 4096)?;
        in_range("prior_mix", self.prior_mix, 1, 4096)?;
        if !self.latent.is_multiple_of(self.groups) {
            return Err(format!(
                "latent {} does not divide into {} groups",
                self.latent, self.groups
            ));
        }
        if !self.codes.is_power_of_two() {
            return Err(format!("codes is {}, must be a power of two", self.codes));
        }
        if self.quantisers() > 31 {
            return Err(format!("{} codebooks, at most 31", self.quantisers()));
        }
        Ok(())
    }
}

/// RMS of a chunk at the network's input: chunks are brought to this level before encoding.
pub const LEVEL: f32 = 0.05;

/// Offsets that the encoder may give a frame; see [`depth`].
pub const OFFSETS: usize = 4;

/// Codebooks of a frame at nesting `level` whose offset is `offset`: the full level for offset 0,
/// down to 3/16 of it for offset 3, at least 1. Quiet frames so take fewer bits at every rate.
pub const fn depth(level: usize, offset: u8) -> usize {
    let scale = match offset & 3 {
        0 => 16,
        1 => 11,
        2 => 6,
        _ => 3,
    };
    let d = (level * scale + 8) / 16;
    if d == 0 { 1 } else { d }
}

/// Offset of a frame of samples at the working level, by its RMS: 0 above -15 dB relative to
/// [`LEVEL`], then one more for each 9 dB.
pub fn offset(frame: &[f32]) -> u8 {
    let power = frame.iter().map(|s| s * s).sum::<f32>() / frame.len().max(1) as f32;
    let relative = power / (LEVEL * LEVEL);
    // 10^-1.5, 10^-2.4, 10^-3.3
    match relative {
        r if r > 0.031_622_8 => 0,
        r if r > 0.003_981_1 => 1,
        r if r > 0.000_501_19 => 2,
        _ => 3,
    }
}
