//! A clip while it is being encoded: its frames, the price of a bit, and what all of it comes to.

use std::time::{Duration, Instant};

use nc_core::entropy::RangeEncoder;
use nc_core::{Budget, Control, Progress, Result, Video};
use rayon::prelude::*;
use xxhash_rust::xxh3::Xxh3;

use super::choose::{Price, Workspace};
use super::rates::Rates;
use crate::filter::FilterConfig;
use crate::gop::CLASSES;
use crate::header::{Header, put_piece, step};
use crate::symbols::{SymbolCoder, Symbols, hash_groups};
use crate::synthesis::{FrameBuffers, Synthesis};
use crate::weights::{self, Coded};

/// How much more an error in a frame of each class weighs than one in a frame that nothing is predicted from.
pub(super) const WEIGHTS: [f32; CLASSES] = [6.0, 3.0, 1.7, 1.2, 1.0];
/// Squared step over the price of a bit.
pub(super) const QUANT: f32 = 6.5;
/// Absolute differences that a bit of motion is worth, over the root of the price of a bit.
pub(super) const MOTION: f32 = 1.0;
/// Frames from one predicted frame to the next.
pub const PYRAMID: usize = 8;
/// Passes before there is a network.
pub(super) const FIRST: usize = 4;
/// Passes that tune the size, unless it is still too large.
pub(super) const TUNING: usize = 10;
/// Bytes around the coded parameters.
pub(super) const WEIGHT_HEAD: usize = 8;
/// Least price of a bit.
pub(super) const LEAST: f32 = 1e-3;

/// Parts of the codec, each of which can be left out in an ablation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches {
    /// The filter that corrects frames.
    pub network: bool,
    /// Vectors other than zero.
    pub motion: bool,
    /// Blocks of 16 x 16 beside those of 8 x 8.
    pub large: bool,
    /// Scales and shifts in the filter for each class of frames.
    pub modulation: bool,
    /// Frames from one predicted frame to the next.
    pub pyramid: usize,
}

/// One frame and what the encoder knows of it.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) symbols: Symbols,
    /// First frame of its group in the clip.
    pub(super) start: usize,
    /// Step of its coefficients, as [`Header::steps`] has it.
    pub(super) step: u8,
    /// Squared error.
    pub(super) error: f64,
}

impl Frame {
    /// Its place in the clip.
    pub(super) fn time(&self) -> usize {
        self.start + self.symbols.place.t
    }
}

/// Asked now and then whether to go on.
pub(super) type Check = Box<dyn Fn() -> Result<()> + Send + Sync>;

/// A clip that is being fitted.
pub(super) struct Fit<'a> {
    pub(super) x: Video<'a>,
    pub(super) switches: Switches,
    pub(super) synthesis: Synthesis,
    pub(super) config: FilterConfig,
    /// The network's parameters once they are quantised.
    pub(super) coded: Option<Coded>,
    /// Squared error of what is shown, once it differs from the frames'.
    pub(super) error: Option<f64>,
    pub(super) groups: Vec<usize>,
    /// Group by group, in coding order.
    pub(super) frames: Vec<Frame>,
    /// The frames as decoded, in order of time.
    pub(super) made: Vec<u16>,
    pub(super) rates: Rates,
    /// Squared samples of 8 bits that a bit is worth, in a frame that nothing is predicted from.
    pub(super) lambda: f32,
    /// Names the work in checkpoints; 0 where there are none.
    pub(super) key: u64,
    pub(super) check: Check,
    pub(super) started: Instant,
    pub(super) deadline: Option<Instant>,
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

impl<'a> Fit<'a> {
    /// Whether a share of the time is over.
    pub(super) fn late(&self, share: f64) -> bool {
        self.deadline.is_some_and(|d| {
            let all = d.saturating_duration_since(self.started);
            self.started.elapsed() >= all.mul_f64(share)
        })
    }

    pub(super) fn time_left(&self, share: f64) -> Option<Duration> {
        let all = self.deadline?.saturating_duration_since(self.started);
        Some(all.mul_f64(share).saturating_sub(self.started.elapsed()))
    }

    pub(super) fn original(&self, t: usize) -> &'a [u16] {
        let n = self.synthesis.geometry.samples();
        &self.x.samples[t * n..(t + 1) * n]
    }

    /// Price of a bit and step for a class of frames.
    pub(super) fn price_of(&self, class: usize) -> (Price, u8) {
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
    pub(super) fn grouped(&self) -> Vec<&[Frame]> {
        let mut rest = self.frames.as_slice();
        let groups = self.groups.iter().map(|size| {
            let (mine, others) = rest.split_at(*size);
            rest = others;
            mine
        });
        groups.collect()
    }

    /// The coded groups.
    pub(super) fn code(&self) -> Result<Vec<Vec<u8>>> {
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
    pub(super) fn size(&self) -> Result<usize> {
        let pieces: usize = self.code()?.iter().map(|g| g.len() + 3).sum();
        Ok(pieces + self.weight_bytes() + 12 + 2 * self.groups.len())
    }

    /// Bytes that the filter's parameters may take.
    pub(super) fn weight_bytes(&self) -> usize {
        match self.synthesis.params.len() {
            0 => 0,
            n => WEIGHT_HEAD + n * 5 / 8,
        }
    }

    pub(super) fn squared_error(&self) -> f64 {
        self.frames.iter().map(|f| f.error).sum()
    }

    /// PSNR of means of squared errors weighted 4:1:1, over all frames.
    pub(super) fn psnr(&self) -> f64 {
        let g = &self.synthesis.geometry;
        let luma = (g.luma.samples() * self.frames.len()) as f64;
        let planes = if g.planes.len() > 1 { 1.5 } else { 1.0 };
        10.0 * (255.0 * 255.0 * luma * planes / self.squared_error().max(1e-9)).log10()
    }

    /// Memory for frames, without the filter's images.
    pub(super) fn plain_buffers(&self) -> Result<FrameBuffers> {
        let plain = Synthesis {
            network: None,
            ..self.synthesis.clone()
        };
        // What an encoder needs, its caller's frames have already shown to be there.
        plain.buffers(&mut Budget::new(u64::MAX))
    }

    /// Makes frame `i` in the workspace, from its coefficients and the frames made before; gives its class and the original.
    pub(super) fn ready(&self, i: usize, work: &mut Workspace) -> Result<(usize, &'a [u16])> {
        let s = &self.synthesis;
        let n = s.geometry.samples();
        let f = &self.frames[i];
        let class = f.symbols.place.class;
        let buffers = &mut work.buffers;
        // The frame itself is there; only its coefficients' samples have to be made again.
        s.synthesise(&f.symbols, step(f.step, s.geometry.bits), buffers)?;
        let t = f.time();
        buffers
            .frame
            .copy_from_slice(&self.made[t * n..(t + 1) * n]);
        s.show_all(class, buffers)?;
        Ok((class, self.original(t)))
    }

    /// The payload as it stands.
    pub(super) fn finish(&self) -> Result<Fitted> {
        let header = Header {
            config: self.config.clone(),
            pyramid: self.switches.pyramid,
            steps: std::array::from_fn(|class| self.price_of(class).1),
            groups: self.groups.clone(),
        };
        let mut payload = Vec::new();
        header.write(&mut payload);
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
            frames.iter().for_each(|f| f.symbols.hash(&mut group));
            group.digest()
        });
        Ok(Fitted {
            payload,
            symbols: hash_groups(hashes),
            error: self.error.unwrap_or_else(|| self.squared_error()),
        })
    }

    pub(super) fn report(
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
pub(super) fn groups_mut<'f>(
    groups: &[usize],
    mut frames: &'f mut [Frame],
) -> Vec<&'f mut [Frame]> {
    let split = groups.iter().map(|size| {
        let (mine, others) = std::mem::take(&mut frames).split_at_mut(*size);
        frames = others;
        mine
    });
    split.collect()
}
