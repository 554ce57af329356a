//! How latents are coded: blocks that are empty are skipped, others have the place of their last coefficient and then
//! all before it, from the last to the first, each with the magnitudes around it as context.

use nc_core::{Error, Result};

use crate::coder::{Bits, Golomb, Model, joint, sign};
use crate::field::fill;
use crate::intra::MODES;
use crate::transform::{BIG, Latents, SMALL, Transform};

/// Largest magnitude.
pub const PEAK: i32 = 1 << 14;
/// Classes of frames: intra, predicted, and three depths of frames predicted from both sides.
pub const CLASSES: usize = 5;
/// Kinds of blocks: luma 8, luma 16, chroma; each intra or inter.
pub const KINDS: usize = 6;
/// Bins of the magnitude around.
pub const NEAR: usize = 8;
/// Bins of the frequency.
pub const BANDS: usize = 9;

/// Kind of a block.
pub fn kind(plane: usize, n: usize, class: usize) -> usize {
    let k = if plane > 0 { 2 } else { usize::from(n == BIG) };
    k << 1 | usize::from(class > 0)
}

/// Band of a coefficient.
pub fn band(n: usize, y: usize, x: usize) -> usize {
    let sum = x.wrapping_add(y);
    match if n == BIG { sum.div_ceil(2) } else { sum } {
        d @ 0..=4 => d,
        5..=6 => 5,
        7..=8 => 6,
        9..=10 => 7,
        _ => 8,
    }
}

/// Bin of a magnitude sum.
pub fn near(m: i32) -> usize {
    match m {
        0..=4 => m as usize,
        5..=6 => 5,
        7..=9 => 6,
        _ => 7,
    }
}

/// Magnitudes right of and below (y, x) in the block `q`, capped, weighted for what lies next to it.
#[inline]
pub fn around(n: usize, q: &[i16], y: usize, x: usize) -> i32 {
    // Below the last row the block is over.
    let m = |y: usize, x: usize| match q.get(y.wrapping_mul(n).wrapping_add(x)) {
        Some(q) if x < n => i32::from(*q).abs().min(4),
        _ => 0,
    };
    let (right, below) = (x.wrapping_add(1), y.wrapping_add(1));
    let near = [m(y, right), m(below, x), m(below, right)];
    let far = [m(y, right.wrapping_add(1)), m(below.wrapping_add(1), x)];
    near.iter().chain(&far).sum()
}

/// What is known of the blocks next to a block.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside {
    /// Whether left and upper block have coefficients.
    pub full: [bool; 2],
    /// A hint of the frame's motion: 0 none, to 3.
    pub hint: usize,
    /// Whether luma at this place has coefficients (for chroma), or the plane before.
    pub luma: usize,
}

/// What is known of a small square.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    /// Coefficients of its block, 2 at most.
    full: u8,
    /// The block's first.
    dc: i16,
}

/// The small squares of a plane.
#[derive(Debug, Default)]
struct Cells {
    w: usize,
    all: Vec<Cell>,
}

impl Cells {
    /// What is known of (x, y); nothing outside the plane, where 0 - 1, wrapped, is too.
    fn at(&self, x: usize, y: usize) -> Cell {
        let cell = self.all.get(y.wrapping_mul(self.w).wrapping_add(x));
        cell.filter(|_| x < self.w).copied().unwrap_or_default()
    }

    fn full(&self, x: usize, y: usize) -> bool {
        self.at(x, y).full > 0
    }
}

/// How many of two are.
fn count(of: [bool; 2]) -> usize {
    usize::from(of[0]).wrapping_add(usize::from(of[1]))
}

/// Codes latents, learning as it goes.
#[derive(Debug, Clone)]
pub struct LatentCoder {
    big: Model,
    empty: Model,
    last: Golomb,
    zero: Model,
    one: Model,
    two: Model,
    rest: Golomb,
    sign: Model,
    mode: Model,
    transform: Transform,
}

impl Default for LatentCoder {
    fn default() -> Self {
        Self {
            big: Model::new(&[CLASSES * 9, 9, CLASSES * 4], 1, 255),
            empty: Model::new(
                &[
                    KINDS * 16,
                    KINDS * CLASSES * 4,
                    KINDS * 4 * 4,
                    KINDS * 16 * 3,
                ],
                KINDS,
                400,
            ),
            last: Golomb::new(KINDS * 3),
            zero: Model::new(
                &[
                    KINDS * 64 * 3,
                    KINDS * BANDS * NEAR * 2,
                    KINDS * 64 * 4,
                    KINDS * BANDS * 8,
                    CLASSES * BANDS * NEAR,
                ],
                KINDS * 3,
                600,
            ),
            one: Model::new(
                &[KINDS * NEAR * 3, KINDS * BANDS * 3, CLASSES * NEAR],
                KINDS,
                400,
            ),
            two: Model::new(&[KINDS * NEAR, KINDS * BANDS], KINDS, 400),
            rest: Golomb::new(KINDS),
            sign: Model::new(&[KINDS * 9, KINDS], 1, 1000),
            mode: Model::new(&[3 * 16 * 16, 3 * 16 * 16, 3 * 16, 16 * 16 * 16], 3, 400),
            transform: Transform::default(),
        }
    }
}

impl LatentCoder {
    /// Codes a frame's latents; a decoder's are filled. `hints` gives a number from 0 to 3 for each luma square of 8.
    ///
    /// # Errors
    /// [`Error::Format`] for numbers that no encoder writes.
    pub fn code<B: Bits>(
        &mut self,
        io: &mut B,
        class: usize,
        latents: &mut Latents,
        hints: &dyn Fn(usize, usize, usize) -> usize,
    ) -> Result<()> {
        let missing = || Error::Usage("latents of another frame".into());
        // Of the plane before: V learns from U; U from luma.
        let mut before = Cells::default();
        for (plane, p) in latents.planes.iter_mut().enumerate() {
            // Squares are of one or of two by two small ones.
            let per = p.side / SMALL;
            let (w, h) = (p.w, p.h);
            let (fw, fh) = (w.saturating_mul(per), h.saturating_mul(per));
            let mut cells = Cells {
                w: fw,
                all: vec![Cell::default(); fw.saturating_mul(fh)],
            };
            let places = (0..h).flat_map(|sy| (0..w).map(move |sx| (sx, sy)));
            for (square, (sx, sy)) in places.enumerate() {
                let (x, y) = (sx.wrapping_mul(per), sy.wrapping_mul(per));
                if p.side == BIG {
                    let big = |there: bool, back: usize| {
                        there && p.big.get(square.wrapping_sub(back)) == Some(&true)
                    };
                    let both = count([big(sx > 0, 1), big(sy > 0, w)]);
                    let any = count([
                        cells.full(x.wrapping_sub(1), y),
                        cells.full(x, y.wrapping_sub(1)),
                    ]);
                    let hint = hints(0, x, y);
                    let around = joint(both, [(any, 3)]);
                    let contexts = [
                        joint(class, [(around, 9)]),
                        around,
                        joint(class, [(hint, 4)]),
                    ];
                    let big = p.big.get_mut(square).ok_or_else(missing)?;
                    *big = self.big.code(io, *big, &contexts, 0)?;
                }
                for (n, [bx, by], at) in p.blocks(square) {
                    let (x, y) = (x.wrapping_add(bx / SMALL), y.wrapping_add(by / SMALL));
                    let side = n / SMALL;
                    let (to_left, above) = (x.wrapping_sub(1), y.wrapping_sub(1));
                    let (left, up) = (cells.at(to_left, y), cells.at(x, above));
                    let beside = Beside {
                        full: [left.full > 0, up.full > 0],
                        hint: hints(plane, x, y),
                        luma: if plane == 0 {
                            count([
                                cells.full(to_left, above),
                                cells.full(x.wrapping_add(side), above),
                            ])
                        } else if plane == 1 {
                            let scaled = |v: usize| {
                                v.wrapping_mul(before.w).checked_div(fw).unwrap_or_default()
                            };
                            let (x, y) = (scaled(x), scaled(y));
                            let (right, below) = (x.wrapping_add(1), y.wrapping_add(1));
                            let others = before.full(right, y)
                                || before.full(x, below)
                                || before.full(right, below);
                            count([before.full(x, y), others])
                        } else {
                            usize::from(before.full(x, y)) << 1
                        },
                    };
                    let size = left.full.wrapping_add(up.full).min(3);
                    if class == 0 {
                        let cell = y.wrapping_mul(fw).wrapping_add(x);
                        let near = |there: bool, back: usize| {
                            let mode = p.modes.get(cell.wrapping_sub(back));
                            mode.filter(|_| there).map_or(15, |m| usize::from(*m))
                        };
                        let (a, b) = (near(x > 0, 1), near(y > 0, fw));
                        let kind = if plane > 0 { 2 } else { usize::from(n == BIG) };
                        let mode = *p.modes.get(cell).ok_or_else(missing)?;
                        let mode = self.mode(io, mode, kind, a, b)?;
                        fill(&mut p.modes, fw, [x, y], side, mode);
                    }
                    let k = kind(plane, n, class);
                    let q = p.q.get_mut(at..at.wrapping_add(n.wrapping_mul(n)));
                    let q = q.ok_or_else(missing)?;
                    let dc = [left.dc, up.dc];
                    let full = self.block(io, class, k, n, q, &beside, dc, size.into())?;
                    let dc = q.first().copied().unwrap_or_default();
                    fill(&mut cells.all, fw, [x, y], side, Cell { full, dc });
                }
            }
            before = cells;
        }
        Ok(())
    }

    /// How a block is predicted, four decisions of a tree.
    fn mode<B: Bits>(
        &mut self,
        io: &mut B,
        mode: u8,
        kind: usize,
        left: usize,
        above: usize,
    ) -> Result<u8> {
        let mut node = 1usize;
        for i in (0..4).rev() {
            let contexts = [
                joint(kind, [(left, 16), (node, 16)]),
                joint(kind, [(above, 16), (node, 16)]),
                joint(kind, [(node, 16)]),
                joint(left, [(above, 16), (node, 16)]),
            ];
            let bit = self.mode.code(io, mode >> i & 1 == 1, &contexts, kind)?;
            node = node << 1 | usize::from(bit);
        }
        match node & 15 {
            m if m < MODES => Ok(m as u8),
            _ => Err(Error::Format("nerv: an intra mode out of range".into())),
        }
    }

    fn scan(&mut self, n: usize) -> &mut Vec<u16> {
        let [small, big] = &mut self.transform.scan;
        if n == BIG { big } else { small }
    }

    #[allow(clippy::too_many_arguments)]
    fn block<B: Bits>(
        &mut self,
        io: &mut B,
        class: usize,
        k: usize,
        n: usize,
        q: &mut [i16],
        b: &Beside,
        dc: [i16; 2],
        size: usize,
    ) -> Result<u8> {
        let scan = std::mem::take(self.scan(n));
        let r = self.coefficients(io, class, k, n, &scan, q, b, dc, size);
        *self.scan(n) = scan;
        r
    }

    #[allow(clippy::too_many_arguments)]
    fn coefficients<B: Bits>(
        &mut self,
        io: &mut B,
        class: usize,
        k: usize,
        n: usize,
        scan: &[u16],
        q: &mut [i16],
        b: &Beside,
        dc: [i16; 2],
        size: usize,
    ) -> Result<u8> {
        let full = |at: &u16| q.get(usize::from(*at)).is_some_and(|q| *q != 0);
        let end = scan.iter().rposition(full);
        let near2 = usize::from(b.full[0]) | usize::from(b.full[1]) << 1;
        let hint = b.hint.min(3);
        let contexts = [
            joint(k, [(near2, 4), (hint, 4)]),
            joint(k, [(class, CLASSES), (size, 4)]),
            joint(k, [(near2, 4), (b.luma.min(3), 4)]),
            joint(k, [(size, 4), (hint, 4), (b.luma.min(2), 3)]),
        ];
        if !self.empty.code(io, end.is_some(), &contexts, k)? {
            q.fill(0);
            return Ok(0);
        }
        let context = joint(k, [(size.min(2), 3)]);
        let last = self.last.code(io, end.unwrap_or(0) as u32, context)? as usize;
        let Some(scan) = scan.get(..=last) else {
            return Err(Error::Format("a coefficient out of its block".into()));
        };
        let mut source = [0i16; 256];
        for (s, q) in source.iter_mut().zip(&mut *q) {
            *s = std::mem::take(q);
        }
        let mut count = 0u32;
        for (i, at) in scan.iter().enumerate().rev() {
            let at = usize::from(*at);
            let (y, x) = if n == BIG {
                (at / BIG, at % BIG)
            } else {
                (at / SMALL, at % SMALL)
            };
            let m = around(n, q, y, x);
            let (nb, bd) = (near(m), band(n, y, x));
            let want = source.get(at).copied().unwrap_or(0);
            let place = if n == BIG { i / 4 } else { i };
            if i < last {
                let far = match last.wrapping_sub(i) {
                    0..=2 => 0,
                    3..=8 => 1,
                    _ => 2,
                };
                let many = usize::from(size > 1);
                let contexts = [
                    joint(k, [(place, 64), (nb.min(2), 3)]),
                    joint(k, [(bd, BANDS), (nb, NEAR), (many, 2)]),
                    joint(k, [(place, 64), (size, 4)]),
                    joint(k, [(bd, BANDS), (count.min(7) as usize, 8)]),
                    joint(class, [(bd, BANDS), (nb, NEAR)]),
                ];
                let set = joint(k, [(far, 3)]);
                if !self.zero.code(io, want != 0, &contexts, set)? {
                    continue;
                }
            }
            count = count.wrapping_add(1);
            // The last place, and one that is the first as well.
            let ends = usize::from(i == last).wrapping_add(usize::from(i == 0));
            let wanted = want.unsigned_abs();
            let mut v = 1i32;
            let contexts = [
                joint(k, [(nb, NEAR), (ends, 3)]),
                joint(k, [(bd, BANDS), (size.min(2), 3)]),
                joint(class, [(nb, NEAR)]),
            ];
            if self.one.code(io, wanted > 1, &contexts, k)? {
                v = 2;
                let contexts = [joint(k, [(nb, NEAR)]), joint(k, [(bd, BANDS)])];
                if self.two.code(io, wanted > 2, &contexts, k)? {
                    let rest = u32::from(wanted.saturating_sub(3));
                    v = (self.rest.code(io, rest, k)? as i32).saturating_add(3);
                    if v > PEAK {
                        return Err(Error::Format("a coefficient out of range".into()));
                    }
                }
            }
            let context = if i == 0 {
                joint(sign(dc[0].into()), [(sign(dc[1].into()), 3)])
            } else {
                4
            };
            let contexts = [joint(k, [(context, 9)]), k];
            let negative = self.sign.code(io, want < 0, &contexts, 0)?;
            if let Some(q) = q.get_mut(at) {
                *q = if negative { v.wrapping_neg() } else { v } as i16;
            }
        }
        Ok(count.min(2) as u8)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::coder::Cost;
    use crate::geometry::Geometry;
    use nc_core::entropy::{RangeDecoder, RangeEncoder};
    use nc_core::rng::Rng;
    use proptest::prelude::*;

    fn hints(plane: usize, x: usize, y: usize) -> usize {
        (plane + x * 3 + y * 5) % 4
    }

    /// Latents of which one in `rare` is not zero, of up to `most` bits.
    fn latents(g: &Geometry, rng: &mut Rng, rare: usize, most: usize) -> Latents {
        let mut l = Latents::new(g);
        for p in &mut l.planes {
            let big = p.side == BIG;
            p.big.iter_mut().for_each(|b| *b = big && rng.below(3) > 0);
            for q in &mut p.q {
                if rng.below(rare) == 0 {
                    let size = 1 << rng.below(most + 1);
                    let v = (rng.below(size) as i32 + 1).min(PEAK);
                    *q = if rng.below(2) == 0 { v } else { -v } as i16;
                }
            }
        }
        l
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn latents_come_back(
            w in 1usize..60,
            h in 1usize..40,
            sub in prop::sample::select(vec![None, Some([2, 2]), Some([2, 1]), Some([1, 1])]),
            rare in 1usize..60,
            most in 0usize..15,
            seed in any::<u64>(),
        ) {
            let g = Geometry::new(w, h, sub, 8);
            let mut rng = Rng::new(seed);
            let frames: Vec<Latents> = (0..4).map(|_| latents(&g, &mut rng, rare, most)).collect();
            let (mut io, mut coder) = (RangeEncoder::new(), LatentCoder::default());
            let mut cost = Cost::default();
            let mut counter = LatentCoder::default();
            for (class, l) in frames.iter().enumerate() {
                let mut same = l.clone();
                coder.code(&mut io, class, &mut same, &hints).unwrap();
                prop_assert_eq!(&same, l);
                counter.code(&mut cost, class, &mut same, &hints).unwrap();
            }
            let bytes = io.finish();
            prop_assert!((bytes.len() as f64 * 8.0 - cost.bits).abs() < cost.bits * 0.001 + 80.0);
            let mut io = RangeDecoder::new(&bytes).unwrap();
            let mut coder = LatentCoder::default();
            // What was there before does not matter.
            let mut back = latents(&g, &mut rng, 2, 9);
            for (class, l) in frames.iter().enumerate() {
                coder.code(&mut io, class, &mut back, &hints).unwrap();
                prop_assert_eq!(&back, l);
            }
        }
    }

    #[test]
    fn coefficients_beyond_the_peak_are_refused() {
        let g = Geometry::new(8, 8, None, 8);
        let mut l = Latents::new(&g);
        l.planes[0].q[5] = PEAK as i16;
        let code =
            |l: &mut Latents| LatentCoder::default().code(&mut Cost::default(), 0, l, &hints);
        assert!(code(&mut l).is_ok());
        l.planes[0].q[5] = -PEAK as i16 - 1;
        assert!(matches!(code(&mut l), Err(Error::Format(_))));
    }

    #[test]
    fn noise_is_an_error_or_latents() {
        let g = Geometry::new(50, 40, Some([2, 2]), 10);
        let mut rng = Rng::new(3);
        let mut read = 0;
        for _ in 0..50 {
            let bytes: Vec<u8> = (0..400).map(|_| rng.below(256) as u8).collect();
            let mut io = RangeDecoder::new(&bytes).unwrap();
            let (mut l, mut coder) = (Latents::new(&g), LatentCoder::default());
            for class in 0..CLASSES {
                if coder.code(&mut io, class, &mut l, &hints).is_err() {
                    break;
                }
                read += 1;
                assert!(
                    l.planes
                        .iter()
                        .flat_map(|p| &p.q)
                        .all(|q| i32::from(*q).abs() <= PEAK)
                );
            }
        }
        assert!(read > 0);
    }

    #[test]
    fn an_empty_frame_is_a_few_bits() {
        let g = Geometry::new(416, 240, Some([2, 2]), 8);
        let (mut cost, mut coder) = (Cost::default(), LatentCoder::default());
        coder
            .code(&mut cost, 3, &mut Latents::new(&g), &|_, _, _| 1)
            .unwrap();
        assert!(cost.bits < 150.0, "{}", cost.bits);
    }
}
