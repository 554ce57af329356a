//! How a motion field is coded: a tree of squares, each of which repeats a neighbour's motion or says how it differs from
//! what the neighbours lead to expect.

use nc_core::{Error, Result};

use crate::coder::{Bits, Golomb, Model, joint};
use crate::motion_field::{Block, MotionField};

/// Codes fields, learning as it goes.
#[derive(Debug, Clone)]
pub struct MotionCoder {
    split: Model,
    repeat: Model,
    mode: Model,
    size: Golomb,
    sign: Model,
}

impl Default for MotionCoder {
    fn default() -> Self {
        Self {
            split: Model::new(&[27, 3], 3, 255),
            repeat: Model::new(&[64, 3 * 4], 3, 255),
            mode: Model::new(&[64, 4], 2, 255),
            size: Golomb::new(12),
            sign: Model::new(&[4], 1, 255),
        }
    }
}

/// Largest vector, in quarter samples: what the extended frame can serve.
pub const REACH: i16 = 16000;

impl MotionCoder {
    /// Codes a field with one or `two` references; a decoder's field is filled.
    ///
    /// # Errors
    /// [`Error::Format`] for vectors that no encoder writes.
    pub fn code<B: Bits>(&mut self, io: &mut B, field: &mut MotionField, two: bool) -> Result<()> {
        for y in (0..field.blocks.h()).step_by(4) {
            for x in (0..field.blocks.w()).step_by(4) {
                self.square(io, field, [x, y], 4, two)?;
            }
        }
        Ok(())
    }

    fn square<B: Bits>(
        &mut self,
        io: &mut B,
        f: &mut MotionField,
        at: [usize; 2],
        side: usize,
        two: bool,
    ) -> Result<()> {
        // A square that begins outside the frame has nothing to be said of.
        let Some(block) = f.blocks.at(at) else {
            return Ok(());
        };
        if side > 1 {
            let depth = if side == 4 { 0 } else { 1 };
            // How broken up the neighbourhood is.
            let near = |dx: isize, dy: isize| f.blocks.near(at, [dx, dy]);
            let rough = |b: Option<Block>, c: Option<Block>| {
                usize::from(b.is_some() && c.is_some() && b != c)
            };
            let end = side as isize - 1;
            let left = rough(near(-1, 0), near(-1, end));
            let top = rough(near(0, -1), near(end, -1));
            let corner = rough(near(-1, 0), near(0, -1));
            let c = depth << 3 | left << 2 | top << 1 | corner;
            let split = !f.uniform(at, side, block);
            if self.split.code(io, split, &[c, depth], depth)? {
                let half = side / 2;
                for [dx, dy] in [[0, 0], [half, 0], [0, half], [half, half]] {
                    self.square(io, f, [at[0] + dx, at[1] + dy], half, two)?;
                }
                return Ok(());
            }
        }
        let block = self.block(io, f, at, side, block, two)?;
        f.blocks.fill(at, side, block);
        Ok(())
    }

    fn block<B: Bits>(
        &mut self,
        io: &mut B,
        f: &MotionField,
        at: [usize; 2],
        side: usize,
        b: Block,
        two: bool,
    ) -> Result<Block> {
        let near = f.neighbours(at, side);
        let depth = side.ilog2() as usize;
        let same = usize::from(near[0] == near[1]) | usize::from(near[1] == near[2]) << 1;
        for (i, n) in near.iter().enumerate() {
            let Some(candidate) = *n else { continue };
            if near.iter().take(i).any(|before| before == n) {
                continue;
            }
            let contexts = [joint(i, [(depth, 3), (same, 4)]), joint(i, [(same, 4)])];
            if self.repeat.code(io, b == candidate, &contexts, depth)? {
                return Ok(candidate);
            }
        }
        let mut out = Block::default();
        if two {
            let m = |b: &Option<Block>| b.map_or(3, |b| usize::from(b.mode));
            let c = joint(m(&near[0]), [(m(&near[1]), 4)]);
            let both = self.mode.code(io, b.mode == 2, &[c, 0], 0)?;
            out.mode = if both {
                2
            } else {
                u8::from(self.mode.code(io, b.mode == 1, &[16 | c, 1], 1)?)
            };
        }
        let both = out.mode == 2;
        for (l, (to, from)) in out.v.iter_mut().zip(&b.v).enumerate() {
            if !both && usize::from(out.mode) != l {
                continue;
            }
            let want = MotionField::expected(&near, l);
            for (axis, ((to, from), want)) in to.iter_mut().zip(from).zip(want).enumerate() {
                let want = i32::from(want);
                let d = i32::from(*from) - want;
                let c = joint(depth, [(axis, 2), (usize::from(both), 2)]);
                let n = self.size.code(io, d.unsigned_abs(), c)? as i32;
                let negative = n != 0 && self.sign.code(io, d < 0, &[axis], 0)?;
                let v = want + if negative { -n } else { n };
                if v.abs() > i32::from(REACH) {
                    return Err(Error::Format("a motion vector out of reach".into()));
                }
                *to = v as i16;
            }
        }
        Ok(out)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::coder::Cost;
    use crate::geometry::Geometry;
    use nc_core::entropy::{RangeDecoder, RangeEncoder};
    use nc_core::rng::Rng;
    use proptest::prelude::*;

    fn block(rng: &mut Rng, two: bool, far: usize) -> Block {
        let mut b = Block {
            mode: if two { rng.below(3) as u8 } else { 0 },
            ..Block::default()
        };
        for l in 0..2 {
            if b.mode == 2 || usize::from(b.mode) == l {
                b.v[l] = [0; 2].map(|_: i16| (rng.below(2 * far + 1) as i32 - far as i32) as i16);
            }
        }
        b
    }

    /// Areas of one block each, some of them of single blocks.
    pub(crate) fn field(g: &Geometry, rng: &mut Rng, two: bool, far: usize) -> MotionField {
        let mut f = MotionField::new(g);
        for _ in 0..1 + rng.below(12) {
            let b = block(rng, two, far);
            let side = 1 << rng.below(4);
            let (w, h) = (f.blocks.w(), f.blocks.h());
            let at = [w, h].map(|n| rng.below(n) / side * side);
            f.blocks.fill(at, side, b);
        }
        f
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn fields_come_back(w in 1usize..200, h in 1usize..150, far in prop::sample::select(vec![0, 1, 40, REACH as usize]), seed in any::<u64>()) {
            let g = Geometry::new(w, h, None, 8);
            let mut rng = Rng::new(seed);
            let frames: Vec<MotionField> = (0..4).map(|i| field(&g, &mut rng, i > 0, far)).collect();
            let (mut io, mut coder) = (RangeEncoder::new(), MotionCoder::default());
            let (mut cost, mut counter) = (Cost::default(), MotionCoder::default());
            for (i, f) in frames.iter().enumerate() {
                let mut same = f.clone();
                coder.code(&mut io, &mut same, i > 0).unwrap();
                prop_assert_eq!(&same, f);
                counter.code(&mut cost, &mut same, i > 0).unwrap();
            }
            let bytes = io.finish();
            prop_assert!((bytes.len() as f64 * 8.0 - cost.bits).abs() < cost.bits * 0.001 + 80.0);
            let (mut io, mut coder) = (RangeDecoder::new(&bytes).unwrap(), MotionCoder::default());
            let mut back = MotionField::new(&g);
            for (i, f) in frames.iter().enumerate() {
                coder.code(&mut io, &mut back, i > 0).unwrap();
                prop_assert_eq!(&back, f);
            }
        }
    }

    #[test]
    fn vectors_out_of_reach_are_refused() {
        let g = Geometry::new(8, 8, None, 8);
        let mut f = MotionField::new(&g);
        let mut code = |v| {
            f.blocks.as_mut_slice()[0].v[0] = [0, v];
            MotionCoder::default().code(&mut Cost::default(), &mut f, false)
        };
        assert!(code(REACH).is_ok() && code(-REACH).is_ok());
        assert!(matches!(code(REACH + 1), Err(Error::Format(_))));
        assert!(matches!(code(-REACH - 1), Err(Error::Format(_))));
    }

    #[test]
    fn noise_is_an_error_or_a_field() {
        let g = Geometry::new(300, 200, None, 8);
        let mut rng = Rng::new(5);
        let mut read = 0;
        for _ in 0..50 {
            let bytes: Vec<u8> = (0..400).map(|_| rng.below(256) as u8).collect();
            let mut io = RangeDecoder::new(&bytes).unwrap();
            let (mut f, mut coder) = (MotionField::new(&g), MotionCoder::default());
            while coder.code(&mut io, &mut f, true).is_ok() && read < 1000 {
                read += 1;
                let vectors = f.blocks.as_slice().iter().flat_map(|b| b.v).flatten();
                assert!(vectors.into_iter().all(|v| v.abs() <= REACH));
            }
        }
        assert!(read > 0);
    }
}
