//! How coefficients are coded: blocks that are empty are skipped, others have the place of their last coefficient and then
//! all before it, from the last to the first, each with the magnitudes around it as context.

use nc_core::{Error, Result};

use crate::coder::{Bits, Golomb, Model, joint, sign};
use crate::coefficients::{BlockPlace, Coefficients, PlaneCoefficients};
use crate::dct::{BIG, SMALL, scan};
use crate::geometry::{Geometry, Plane};
use crate::gop::CLASSES;
use crate::grid::{Grid, Known, internal};
use crate::intra::Mode;

/// Largest magnitude.
pub const PEAK: i32 = 1 << 14;
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
    let sum = x + y;
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
    // Right of the last column and below the last row nothing counts.
    let m = |y: usize, x: usize| match q.get(y * n + x) {
        Some(q) if x < n => i32::from(*q).abs().min(4),
        _ => 0,
    };
    let (right, below) = (x + 1, y + 1);
    let near = [m(y, right), m(below, x), m(below, right)];
    let far = [m(y, right + 1), m(below + 1, x)];
    near.iter().chain(&far).sum()
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
type Cells = Grid<Cell>;

/// Whether the square `by` (columns, rows) away from `at` has coefficients; none outside the plane has.
fn full(cells: &Cells, at: [usize; 2], by: [isize; 2]) -> bool {
    cells.near(at, by).is_some_and(|c| c.full > 0)
}

/// How many of two are.
fn count(of: [bool; 2]) -> usize {
    usize::from(of[0]) + usize::from(of[1])
}

/// What a block's coefficients are coded by.
struct Context {
    class: usize,
    /// Kind of the block.
    kind: usize,
    n: usize,
    /// Whether left and upper block have coefficients.
    full: [bool; 2],
    /// First coefficients of left and upper block.
    dc: [i16; 2],
    /// Coefficients of both together, 3 at most, where each counts 2 at most.
    size: usize,
    /// A hint of the frame's motion: 0 none, to 3.
    hint: usize,
    /// Whether luma at this place has coefficients (for chroma), or the plane before.
    luma: usize,
}

/// Codes coefficients, learning as it goes.
#[derive(Debug, Clone)]
pub struct CoefficientCoder {
    big: Model,
    empty: Model,
    last: Golomb,
    zero: Model,
    one: Model,
    two: Model,
    rest: Golomb,
    sign: Model,
    mode: Model,
}

impl Default for CoefficientCoder {
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
        }
    }
}

/// Hints of the motion at a small square of a plane, from 0 to 3.
pub type Hints<'a> = &'a dyn Fn(&Plane, [usize; 2]) -> usize;

impl CoefficientCoder {
    /// Codes a frame's coefficients; a decoder's are filled.
    ///
    /// # Errors
    /// [`Error::Format`] for numbers that no encoder writes.
    pub fn code<B: Bits>(
        &mut self,
        io: &mut B,
        class: usize,
        g: &Geometry,
        coefficients: &mut Coefficients,
        hints: Hints<'_>,
    ) -> Result<()> {
        // Of the plane before: V learns from U; U from luma.
        let mut before = Cells::new(1, 1, Cell::default());
        let planes = g.planes.iter().zip(&mut coefficients.planes);
        for (plane, (of, p)) in planes.enumerate() {
            let hints = |at: [usize; 2]| hints(of, at);
            let mut cells = Cells::new(p.modes.w(), p.modes.h(), Cell::default());
            let [w, h] = p.squares();
            let mut q = std::mem::take(&mut p.q);
            let mut squares = q.chunks_exact_mut(p.area());
            let places = (0..h).flat_map(|y| (0..w).map(move |x| [x, y]));
            let done = places.zip(&mut squares).try_for_each(|(place, q)| {
                self.square(io, class, plane, p, place, q, &mut cells, &before, &hints)
            });
            p.q = q;
            done?;
            before = cells;
        }
        Ok(())
    }

    /// A square: how it is cut in luma, then its blocks.
    #[allow(clippy::too_many_arguments)]
    fn square<B: Bits>(
        &mut self,
        io: &mut B,
        class: usize,
        plane: usize,
        p: &mut PlaneCoefficients,
        place: [usize; 2],
        mut q: &mut [i16],
        cells: &mut Cells,
        before: &Cells,
        hints: &dyn Fn([usize; 2]) -> usize,
    ) -> Result<()> {
        if p.side == BIG {
            let cell = place.map(|at| at * (BIG / SMALL));
            let big = |by: [isize; 2]| p.big.near(place, by) == Some(true);
            let both = count([big([-1, 0]), big([0, -1])]);
            let any = count([full(cells, cell, [-1, 0]), full(cells, cell, [0, -1])]);
            let around = joint(both, [(any, 3)]);
            let contexts = [
                joint(class, [(around, 9)]),
                around,
                joint(class, [(hints(cell), 4)]),
            ];
            let big = p.big.at_mut(place)?;
            *big = self.big.code(io, *big, &contexts, 0)?;
        }
        for block in p.blocks(place) {
            let cell = block.cell();
            let of_block;
            (of_block, q) = q
                .split_at_mut_checked(block.area())
                .ok_or_else(|| internal("nerv: a block outside its square"))?;
            let context = context(class, plane, block, cells, before, hints);
            if class == 0 {
                let near = |by| p.modes.near(cell, by).map_or(15, |m| m.number().into());
                let (a, b) = (near([-1, 0]), near([0, -1]));
                let kind = if plane > 0 {
                    2
                } else {
                    usize::from(block.n == BIG)
                };
                let mode = *p.modes.at_mut(cell)?;
                let mode = self.mode(io, mode, kind, a, b)?;
                p.modes.fill(cell, block.n / SMALL, mode);
            }
            let full = self.block(io, &context, of_block)?;
            let dc = *of_block.at(0)?;
            cells.fill(cell, block.n / SMALL, Cell { full, dc });
        }
        Ok(())
    }

    /// How a block is predicted, four decisions of a tree.
    fn mode<B: Bits>(
        &mut self,
        io: &mut B,
        mode: Mode,
        kind: usize,
        left: usize,
        above: usize,
    ) -> Result<Mode> {
        let mut node = 1usize;
        for i in (0..4).rev() {
            let contexts = [
                joint(kind, [(left, 16), (node, 16)]),
                joint(kind, [(above, 16), (node, 16)]),
                joint(kind, [(node, 16)]),
                joint(left, [(above, 16), (node, 16)]),
            ];
            let bit = self
                .mode
                .code(io, mode.number() >> i & 1 == 1, &contexts, kind)?;
            node = node << 1 | usize::from(bit);
        }
        let out = || Error::Format("nerv: an intra mode out of range".into());
        Mode::new((node & 15) as u8).ok_or_else(out)
    }

    /// The coefficients of a block; gives how many there are, 2 at most.
    #[allow(
        clippy::indexing_slicing,
        reason = "places in a block are numbers of 8 bits, in arrays of 256"
    )]
    fn block<B: Bits>(&mut self, io: &mut B, c: &Context, q: &mut [i16]) -> Result<u8> {
        let &Context {
            class,
            kind: k,
            n,
            size,
            ..
        } = c;
        let scan = scan(n);
        let mut source = [0i16; 256];
        source.iter_mut().zip(&*q).for_each(|(s, q)| *s = *q);
        let end = scan.iter().rposition(|at| source[usize::from(*at)] != 0);
        let near2 = usize::from(c.full[0]) | usize::from(c.full[1]) << 1;
        let hint = c.hint.min(3);
        let contexts = [
            joint(k, [(near2, 4), (hint, 4)]),
            joint(k, [(class, CLASSES), (size, 4)]),
            joint(k, [(near2, 4), (c.luma.min(3), 4)]),
            joint(k, [(size, 4), (hint, 4), (c.luma.min(2), 3)]),
        ];
        q.fill(0);
        if !self.empty.code(io, end.is_some(), &contexts, k)? {
            return Ok(0);
        }
        let context = joint(k, [(size.min(2), 3)]);
        // A decoder has no coefficients yet and asks for any number.
        let last = self.last.code(io, end.unwrap_or(0) as u32, context)? as usize;
        let Some((scan, _)) = scan.split_at_checked(last + 1) else {
            return Err(Error::Format("a coefficient out of its block".into()));
        };
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
            let want = source[at];
            let place = if n == BIG { i / 4 } else { i };
            if i < last {
                let far = match last - i {
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
            count += 1;
            // The last place, and one that is the first as well.
            let ends = usize::from(i == last) + usize::from(i == 0);
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
                    // A decoder wants nothing in particular.
                    let rest = u32::from(wanted.max(3) - 3);
                    v = self.rest.code(io, rest, k)? as i32 + 3;
                    if v > PEAK {
                        return Err(Error::Format("a coefficient out of range".into()));
                    }
                }
            }
            let context = if i == 0 {
                joint(sign(c.dc[0].into()), [(sign(c.dc[1].into()), 3)])
            } else {
                4
            };
            let contexts = [joint(k, [(context, 9)]), k];
            let negative = self.sign.code(io, want < 0, &contexts, 0)?;
            *q.at_mut(at)? = if negative { -v } else { v } as i16;
        }
        Ok(count.min(2) as u8)
    }
}

/// What is known of a block before it is coded: of the blocks next to it, of the plane before and of the motion.
fn context(
    class: usize,
    plane: usize,
    block: BlockPlace,
    cells: &Cells,
    before: &Cells,
    hints: &dyn Fn([usize; 2]) -> usize,
) -> Context {
    let cell = block.cell();
    let side = (block.n / SMALL) as isize;
    let beside = [[-1, 0], [0, -1]].map(|by| cells.near(cell, by).unwrap_or_default());
    let luma = match plane {
        0 => count([full(cells, cell, [-1, -1]), full(cells, cell, [side, -1])]),
        1 => {
            let at = cell.map(|v| v * before.w() / cells.w());
            let others = [[1, 0], [0, 1], [1, 1]].iter();
            let mut others = others.map(|by| full(before, at, *by));
            count([full(before, at, [0, 0]), others.any(|full| full)])
        }
        _ => usize::from(full(before, cell, [0, 0])) << 1,
    };
    Context {
        class,
        kind: kind(plane, block.n, class),
        n: block.n,
        full: beside.map(|b| b.full > 0),
        dc: beside.map(|b| b.dc),
        size: usize::from(beside[0].full + beside[1].full).min(3),
        hint: hints(cell),
        luma,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::coder::Cost;
    use nc_core::entropy::{RangeDecoder, RangeEncoder};
    use nc_core::rng::Rng;
    use proptest::prelude::*;

    fn hints(p: &Plane, [x, y]: [usize; 2]) -> usize {
        (p.at + x * 3 + y * 5) % 4
    }

    /// Coefficients of which one in `rare` is not zero, of up to `most` bits.
    fn coefficients(g: &Geometry, rng: &mut Rng, rare: usize, most: usize) -> Coefficients {
        let mut l = Coefficients::new(g);
        for p in &mut l.planes {
            let big = p.side == BIG;
            p.big
                .as_mut_slice()
                .iter_mut()
                .for_each(|b| *b = big && rng.below(3) > 0);
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
        fn coefficients_come_back(
            w in 1usize..60,
            h in 1usize..40,
            sub in prop::sample::select(vec![None, Some([2, 2]), Some([2, 1]), Some([1, 1])]),
            rare in 1usize..60,
            most in 0usize..15,
            seed in any::<u64>(),
        ) {
            let g = Geometry::new(w, h, sub, 8);
            let mut rng = Rng::new(seed);
            let frames: Vec<Coefficients> = (0..4).map(|_| coefficients(&g, &mut rng, rare, most)).collect();
            let (mut io, mut coder) = (RangeEncoder::new(), CoefficientCoder::default());
            let mut cost = Cost::default();
            let mut counter = CoefficientCoder::default();
            for (class, l) in frames.iter().enumerate() {
                let mut same = l.clone();
                coder.code(&mut io, class, &g, &mut same, &hints).unwrap();
                prop_assert_eq!(&same, l);
                counter.code(&mut cost, class, &g, &mut same, &hints).unwrap();
            }
            let bytes = io.finish();
            prop_assert!((bytes.len() as f64 * 8.0 - cost.bits).abs() < cost.bits * 0.001 + 80.0);
            let mut io = RangeDecoder::new(&bytes).unwrap();
            let mut coder = CoefficientCoder::default();
            // What was there before does not matter.
            let mut back = coefficients(&g, &mut rng, 2, 9);
            for (class, l) in frames.iter().enumerate() {
                coder.code(&mut io, class, &g, &mut back, &hints).unwrap();
                prop_assert_eq!(&back, l);
            }
        }
    }

    #[test]
    fn coefficients_beyond_the_peak_are_refused() {
        let g = Geometry::new(8, 8, None, 8);
        let mut l = Coefficients::new(&g);
        l.planes[0].q[5] = PEAK as i16;
        let code = |l: &mut Coefficients| {
            CoefficientCoder::default().code(&mut Cost::default(), 0, &g, l, &hints)
        };
        assert!(code(&mut l).is_ok());
        l.planes[0].q[5] = -PEAK as i16 - 1;
        assert!(matches!(code(&mut l), Err(Error::Format(_))));
    }

    #[test]
    fn noise_is_an_error_or_coefficients() {
        let g = Geometry::new(50, 40, Some([2, 2]), 10);
        let mut rng = Rng::new(3);
        let mut read = 0;
        for _ in 0..50 {
            let bytes: Vec<u8> = (0..400).map(|_| rng.below(256) as u8).collect();
            let mut io = RangeDecoder::new(&bytes).unwrap();
            let (mut l, mut coder) = (Coefficients::new(&g), CoefficientCoder::default());
            for class in 0..CLASSES {
                if coder.code(&mut io, class, &g, &mut l, &hints).is_err() {
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
        let (mut cost, mut coder) = (Cost::default(), CoefficientCoder::default());
        coder
            .code(&mut cost, 3, &g, &mut Coefficients::new(&g), &|_, _| 1)
            .unwrap();
        assert!(cost.bits < 150.0, "{}", cost.bits);
    }
}
