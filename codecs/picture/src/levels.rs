//! Levels that planes use: where many between the lowest and the highest do not occur, samples are coded by their ranks.

use nc_core::entropy::mixing::{Adaptive, Bits, Decoder, Encoder};
use nc_core::{Error, Result, VideoFormat};

use crate::group::starts;

/// The levels of each plane, rising.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Levels {
    planes: Vec<Vec<u16>>,
}

/// Levels of a plane that are used: one in so many may be missing without ranks.
const MISSING: usize = 8;

impl Levels {
    /// Those of frames, where ranks pay: in some plane more than one in eight is missing.
    pub(crate) fn of(format: &VideoFormat, samples: &[u16], frame: usize) -> Option<Self> {
        let starts = starts(format);
        let mut pay = false;
        let planes = (0..format.planes())
            .map(|p| {
                let mut seen = vec![false; 1 << format.bits];
                let (w, h) = format.plane(p);
                for frame in samples.chunks_exact(frame) {
                    for s in &frame[starts[p]..starts[p] + w * h] {
                        seen[usize::from(*s)] = true;
                    }
                }
                let levels: Vec<u16> = (0u16..=u16::MAX)
                    .zip(seen)
                    .filter_map(|(level, seen)| seen.then_some(level))
                    .collect();
                let range = match (levels.first(), levels.last()) {
                    (Some(low), Some(high)) => usize::from(high - low) + 1,
                    _ => 1,
                };
                pay |= (range - levels.len()) * MISSING > range;
                levels
            })
            .collect();
        pay.then_some(Self { planes })
    }

    /// The least bits that hold all ranks, but 8.
    pub(crate) fn bits(&self) -> u8 {
        let most = self.planes.iter().map(Vec::len).max().unwrap_or(1);
        (most.next_power_of_two().ilog2() as u8).max(8)
    }

    /// Samples as ranks.
    pub(crate) fn ranks(&self, format: &VideoFormat, samples: &[u16], frame: usize) -> Vec<u16> {
        let mut out = samples.to_vec();
        let starts = starts(format);
        for (p, levels) in self.planes.iter().enumerate() {
            let mut rank = vec![0u16; 1 << format.bits];
            for (r, level) in (0u16..).zip(levels) {
                rank[usize::from(*level)] = r;
            }
            let (w, h) = format.plane(p);
            for frame in out.chunks_exact_mut(frame) {
                for s in &mut frame[starts[p]..starts[p] + w * h] {
                    *s = rank[usize::from(*s)];
                }
            }
        }
        out
    }

    /// Ranks as samples.
    ///
    /// # Errors
    /// [`Error::Format`] for one that there is not.
    pub(crate) fn samples(
        &self,
        format: &VideoFormat,
        ranks: &mut [u16],
        frame: usize,
    ) -> Result<()> {
        let starts = starts(format);
        for (p, levels) in self.planes.iter().enumerate() {
            let (w, h) = format.plane(p);
            for frame in ranks.chunks_exact_mut(frame) {
                for s in &mut frame[starts[p]..starts[p] + w * h] {
                    let level = levels.get(usize::from(*s));
                    *s = *level.ok_or_else(|| Error::Format("picture: a level too high".into()))?;
                }
            }
        }
        Ok(())
    }

    /// A decision for each level of each plane: whether it occurs, by the sixteen before it.
    fn code<B: Bits>(&mut self, io: &mut B, bits: u8) {
        for levels in &mut self.planes {
            let mut states = Adaptive::new(1 << 16, 255);
            let mut seen = vec![false; 1 << bits];
            for level in levels.iter() {
                seen[usize::from(*level)] = true;
            }
            levels.clear();
            let mut before = 0usize;
            for (level, seen) in (0u16..=u16::MAX).zip(seen) {
                let bit = io.bit(seen, u32::from(states.p(before)));
                states.update(before, bit);
                before = (before << 1 | usize::from(bit)) & 0xffff;
                if bit {
                    levels.push(level);
                }
            }
        }
    }

    /// As bytes.
    pub(crate) fn to_bytes(&self, bits: u8) -> Vec<u8> {
        let mut io = Encoder::new();
        self.clone().code(&mut io, bits);
        io.finish()
    }

    /// From these.
    ///
    /// # Errors
    /// [`Error::Format`] for a plane without a level.
    pub(crate) fn from_bytes(bytes: &[u8], planes: usize, bits: u8) -> Result<Self> {
        let mut new = Self {
            planes: vec![Vec::new(); planes],
        };
        new.code(&mut Decoder::new(bytes), bits);
        match new.planes.iter().any(Vec::is_empty) {
            true => Err(Error::Format("picture: a plane without a level".into())),
            false => Ok(new),
        }
    }
}
