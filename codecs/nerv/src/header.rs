//! The payload of a chunk that motion, coefficients and a filter stand for.
//!
//! Sizes and steps come first, then the filter's parameters, then each group of pictures with a coder of its own, so
//! that a group decodes without the others.

use nc_core::container::put_varint;
use nc_core::{Error, Result};

use crate::filter::FilterConfig;
use crate::gop::CLASSES;

/// What stands before the coded symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The filter.
    pub config: FilterConfig,
    /// Frames from one predicted frame to the next.
    pub pyramid: usize,
    /// Quantiser step of each class of frames: see [`step`].
    pub steps: [u8; CLASSES],
    /// Frames of each group.
    pub groups: Vec<usize>,
}

/// `2^(i / 8)` eighths of a sample of 8 bits, as samples of `bits`, 8 to 16.
#[allow(
    clippy::indexing_slicing,
    reason = "masked to the table's eight; exponents of a float"
)]
pub fn step(i: u8, bits: u8) -> f32 {
    #[allow(clippy::excessive_precision)]
    const EIGHTHS: [f32; 8] = [
        1.0,
        1.090_507_733,
        1.189_207_115,
        1.296_839_555,
        std::f32::consts::SQRT_2,
        1.542_210_825,
        1.681_792_831,
        1.834_008_086,
    ];
    // 127 - 3 - 8: exponents from that of 0 at 0 bits to that of 31 at 16 and more.
    let octave = u32::from(i >> 3) + u32::from(bits);
    EIGHTHS[usize::from(i & 7)] * f32::from_bits((octave + 116) << 23)
}

/// A cursor over a payload.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// Over `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn byte(&mut self) -> Result<u8> {
        let (b, rest) = self.0.split_first().ok_or_else(short)?;
        self.0 = rest;
        Ok(*b)
    }

    fn varint(&mut self) -> Result<usize> {
        let mut v = 0u64;
        for shift in (0..35).step_by(7) {
            let b = self.byte()?;
            v |= u64::from(b & 127) << shift;
            if b < 128 {
                if b == 0 && shift > 0 {
                    return Err(Error::Format("nerv: a length longer than need be".into()));
                }
                return usize::try_from(v).map_err(|_| short());
            }
        }
        Err(Error::Format("nerv: a length too large".into()))
    }

    /// The next piece, whose length stands before it.
    ///
    /// # Errors
    /// [`Error::Format`] past the end.
    pub fn piece(&mut self) -> Result<&'a [u8]> {
        let n = self.varint()?;
        let (a, b) = self.0.split_at_checked(n).ok_or_else(short)?;
        self.0 = b;
        Ok(a)
    }

    /// Whether all was read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn short() -> Error {
    Error::Format("nerv: the payload ends too soon".into())
}

/// Appends a piece with its length before it.
pub fn put_piece(piece: &[u8], out: &mut Vec<u8>) {
    put_varint(piece.len() as u64, out);
    out.extend_from_slice(piece);
}

impl Header {
    /// Appends the header.
    pub fn write(&self, out: &mut Vec<u8>) {
        let c = &self.config;
        out.extend([(c.width / 8) as u8, c.blocks as u8]);
        out.push(c.expand as u8 | u8::from(c.modulation) << 7);
        put_varint(self.pyramid as u64, out);
        out.extend(self.steps);
        put_varint(self.groups.len() as u64, out);
        for g in &self.groups {
            put_varint(*g as u64, out);
        }
    }

    /// Reads the header of a chunk of `frames`.
    ///
    /// # Errors
    /// [`Error::Format`] for one that no encoder wrote.
    pub fn read(input: &mut Input<'_>, frames: u64) -> Result<Self> {
        let (width, blocks, last) = (input.byte()?, input.byte()?, input.byte()?);
        let config = FilterConfig {
            width: usize::from(width) * 8,
            blocks: usize::from(blocks),
            expand: usize::from(last & 127),
            modulation: last >> 7 == 1,
        };
        if config.width > 64 || config.blocks > 8 || !(1..=4).contains(&config.expand) {
            return Err(Error::Format("nerv: a filter out of range".into()));
        }
        let pyramid = input.varint()?;
        if !(1..=64).contains(&pyramid) {
            return Err(Error::Format("nerv: a pyramid out of range".into()));
        }
        let mut steps = [0; CLASSES];
        for s in &mut steps {
            *s = input.byte()?;
            if *s > 127 {
                return Err(Error::Format("nerv: a step out of range".into()));
            }
        }
        let n = input.varint()?;
        if n as u64 > frames || n > input.0.len() {
            return Err(Error::Format("nerv: too many groups".into()));
        }
        let mut groups = Vec::with_capacity(n);
        let misfit = || Error::Format("nerv: groups that do not fit the frames".into());
        let mut left = frames;
        for _ in 0..n {
            let g = input.varint()?;
            if g == 0 || g as u64 > left {
                return Err(misfit());
            }
            left -= g as u64;
            groups.push(g);
        }
        if left > 0 {
            return Err(misfit());
        }
        Ok(Self {
            config,
            pyramid,
            steps,
            groups,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_header_comes_back_and_damage_is_refused() {
        let l = Header {
            config: FilterConfig {
                width: 16,
                blocks: 3,
                expand: 2,
                modulation: true,
            },
            pyramid: 8,
            steps: [10, 20, 30, 40, 127],
            groups: vec![66, 66, 1],
        };
        let mut bytes = Vec::new();
        l.write(&mut bytes);
        assert_eq!(Header::read(&mut Input::new(&bytes), 133).unwrap(), l);
        assert!(Header::read(&mut Input::new(&bytes), 132).is_err());
        for n in 0..bytes.len() {
            assert!(Header::read(&mut Input::new(&bytes[..n]), 133).is_err());
        }
    }

    #[test]
    fn steps_double_every_eight() {
        assert_eq!(step(24, 8), 1.0);
        assert_eq!(step(32, 8), 2.0);
        assert_eq!(step(24, 10), 4.0);
        assert!(step(127, 10).is_finite());
    }
}
