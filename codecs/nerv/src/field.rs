//! A frame's motion as blocks, and how that is coded: a tree of squares, each of which repeats a neighbour's motion or says
//! how it differs from what the neighbours lead to expect.

use nc_core::{Error, Result};

use crate::coder::{Bits, Golomb, Model, joint};
use crate::geometry::{Geometry, Plane};
use crate::motion::{BLOCK, Block, Vector};

/// The blocks of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Columns of blocks.
    pub w: usize,
    /// Rows of blocks.
    pub h: usize,
    /// Row by row.
    pub blocks: Vec<Block>,
}

impl Field {
    /// A field of zero vectors for frames of this geometry.
    pub fn new(g: &Geometry) -> Self {
        let of = |p: &Plane| (p.w.div_ceil(BLOCK), p.h.div_ceil(BLOCK));
        let (w, h) = g.planes.first().map_or((0, 0), of);
        Self {
            w,
            h,
            blocks: vec![Block::default(); w.saturating_mul(h)],
        }
    }

    /// The block at (x, y); none outside the frame, where 0 - 1, wrapped, is too.
    fn get(&self, x: usize, y: usize) -> Option<Block> {
        if x >= self.w || y >= self.h {
            return None;
        }
        let at = y.wrapping_mul(self.w).wrapping_add(x);
        self.blocks.get(at).copied()
    }

    /// Blocks that the one at (x, y), of `side` small blocks, may simply repeat: left, above, above right.
    pub fn neighbours(&self, x: usize, y: usize, side: usize) -> [Option<Block>; 3] {
        let above = y.wrapping_sub(1);
        // What lies above right is decoded already only at the top of a larger block.
        let right = self.get(x.wrapping_add(side), above);
        [
            self.get(x.wrapping_sub(1), y),
            self.get(x, above),
            right.filter(|_| y.is_multiple_of(4)),
        ]
    }

    /// The vector expected in list `l`: the median of the neighbours that use it.
    pub fn expected(near: &[Option<Block>; 3], l: usize) -> Vector {
        let uses = |b: &&Block| b.mode == 2 || usize::from(b.mode) == l;
        let used = near.iter().flatten().filter(uses);
        let mut used = used.filter_map(|b| b.v.get(l));
        match (used.next(), used.next(), used.next()) {
            (Some(a), Some(b), Some(c)) => [median(a[0], b[0], c[0]), median(a[1], b[1], c[1])],
            (Some(a), Some(b), None) => [mean(a[0], b[0]), mean(a[1], b[1])],
            (Some(a), None, _) => *a,
            (None, ..) => [0, 0],
        }
    }

    /// Sets the square of `side` blocks at (x, y), as far as it lies in the frame.
    pub fn fill(&mut self, x: usize, y: usize, side: usize, block: Block) {
        fill(&mut self.blocks, self.w, [x, y], side, block);
    }

    /// Whether the blocks of the square are all as the first, `block`.
    fn uniform(&self, x: usize, y: usize, side: usize, block: Block) -> bool {
        let mut rows = self.blocks.chunks(self.w.max(1)).skip(y).take(side);
        rows.all(|row| row.iter().skip(x).take(side).all(|b| *b == block))
    }
}

/// Sets a square of `side` at (x, y) in rows of `w`, as far as there is one.
pub fn fill<T: Copy>(all: &mut [T], w: usize, [x, y]: [usize; 2], side: usize, value: T) {
    for row in all.chunks_mut(w.max(1)).skip(y).take(side) {
        row.iter_mut().skip(x).take(side).for_each(|v| *v = value);
    }
}

fn mean(a: i16, b: i16) -> i16 {
    (i32::from(a).wrapping_add(i32::from(b)) >> 1) as i16
}

fn median(a: i16, b: i16, c: i16) -> i16 {
    a.max(b).min(a.min(b).max(c))
}

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
    pub fn code<B: Bits>(&mut self, io: &mut B, field: &mut Field, two: bool) -> Result<()> {
        for y in (0..field.h).step_by(4) {
            for x in (0..field.w).step_by(4) {
                self.square(io, field, x, y, 4, two)?;
            }
        }
        Ok(())
    }

    fn square<B: Bits>(
        &mut self,
        io: &mut B,
        f: &mut Field,
        x: usize,
        y: usize,
        side: usize,
        two: bool,
    ) -> Result<()> {
        let Some(block) = f.get(x, y) else {
            return Ok(());
        };
        if side > 1 {
            let depth = if side == 4 { 0 } else { 1 };
            // How broken up the neighbourhood is.
            let rough = |b: Option<Block>, c: Option<Block>| {
                usize::from(b.is_some() && c.is_some() && b != c)
            };
            let (before, above) = (x.wrapping_sub(1), y.wrapping_sub(1));
            let (right, bottom) = (before.wrapping_add(side), above.wrapping_add(side));
            let left = rough(f.get(before, y), f.get(before, bottom));
            let top = rough(f.get(x, above), f.get(right, above));
            let corner = rough(f.get(before, y), f.get(x, above));
            let c = depth << 3 | left << 2 | top << 1 | corner;
            let split = !f.uniform(x, y, side, block);
            if self.split.code(io, split, &[c, depth], depth)? {
                let half = side / 2;
                for (dx, dy) in [(0, 0), (half, 0), (0, half), (half, half)] {
                    let (x, y) = (x.wrapping_add(dx), y.wrapping_add(dy));
                    self.square(io, f, x, y, half, two)?;
                }
                return Ok(());
            }
        }
        let block = self.block(io, f, x, y, side, block, two)?;
        f.fill(x, y, side, block);
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn block<B: Bits>(
        &mut self,
        io: &mut B,
        f: &Field,
        x: usize,
        y: usize,
        side: usize,
        b: Block,
        two: bool,
    ) -> Result<Block> {
        let near = f.neighbours(x, y, side);
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
            let want = Field::expected(&near, l);
            for (axis, ((to, from), want)) in to.iter_mut().zip(from).zip(want).enumerate() {
                let want = i32::from(want);
                let d = i32::from(*from).wrapping_sub(want);
                let c = joint(depth, [(axis, 2), (usize::from(both), 2)]);
                let n = self.size.code(io, d.unsigned_abs(), c)? as i32;
                let negative = n != 0 && self.sign.code(io, d < 0, &[axis], 0)?;
                let v = want.wrapping_add(if negative { n.wrapping_neg() } else { n });
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
    pub(crate) fn field(g: &Geometry, rng: &mut Rng, two: bool, far: usize) -> Field {
        let mut f = Field::new(g);
        for _ in 0..1 + rng.below(12) {
            let b = block(rng, two, far);
            let side = 1 << rng.below(4);
            f.fill(
                rng.below(f.w) / side * side,
                rng.below(f.h) / side * side,
                side,
                b,
            );
        }
        f
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn fields_come_back(w in 1usize..200, h in 1usize..150, far in prop::sample::select(vec![0, 1, 40, REACH as usize]), seed in any::<u64>()) {
            let g = Geometry::new(w, h, None, 8);
            let mut rng = Rng::new(seed);
            let frames: Vec<Field> = (0..4).map(|i| field(&g, &mut rng, i > 0, far)).collect();
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
            let mut back = Field::new(&g);
            for (i, f) in frames.iter().enumerate() {
                coder.code(&mut io, &mut back, i > 0).unwrap();
                prop_assert_eq!(&back, f);
            }
        }
    }

    #[test]
    fn vectors_out_of_reach_are_refused() {
        let g = Geometry::new(8, 8, None, 8);
        let mut f = Field::new(&g);
        let mut code = |v| {
            f.blocks[0].v[0] = [0, v];
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
            let (mut f, mut coder) = (Field::new(&g), MotionCoder::default());
            while coder.code(&mut io, &mut f, true).is_ok() && read < 1000 {
                read += 1;
                let vectors = f.blocks.iter().flat_map(|b| b.v).flatten();
                assert!(vectors.into_iter().all(|v| v.abs() <= REACH));
            }
        }
        assert!(read > 0);
    }
}
