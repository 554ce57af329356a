//! Motion compensation: a frame predicted from blocks of the frames decoded before it.
//!
//! Blocks of 8 x 8 luma samples have a vector in quarter samples into one reference or the mean of two. Interpolation is
//! that of HEVC (Ugur et al. 2013, 8 and 4 taps), in integers.

use nc_kernels::{self as kernels, Kernels};

use crate::field::Field;
use crate::geometry::{Geometry, Plane};

/// Side of the smallest block.
pub const BLOCK: usize = 8;
/// Samples that a reference is extended by on each side.
pub const PAD: usize = 80;
/// On both sides.
const BOTH: usize = 2 * PAD;
/// Samples of these that are left for what filters reach beyond a block.
const REST: usize = 8;

/// A vector in quarter luma samples: columns, rows.
pub type Vector = [i16; 2];

/// What a block is predicted from: vectors into the first and the second reference, one or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Block {
    /// 0: the first, 1: the second, 2: their mean.
    pub mode: u8,
    /// Into each reference; zero where unused.
    pub v: [Vector; 2],
}

/// A decoded frame whose planes are extended on all sides.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    planes: Vec<Vec<u16>>,
}

impl Reference {
    /// Extends the planes of `frame`.
    pub fn new(g: &Geometry, frame: &[u16]) -> Self {
        let planes = g.planes.iter();
        Self {
            planes: planes.map(|p| extend(p, frame, PAD)).collect(),
        }
    }

    /// Bytes in memory for frames of this geometry.
    pub fn bytes(g: &Geometry) -> u64 {
        g.planes
            .iter()
            .map(|p| {
                let [w, h] = [p.w, p.h].map(|side| side.saturating_add(BOTH) as u64);
                w.saturating_mul(h).saturating_mul(2)
            })
            .sum()
    }
}

/// A plane of `frame` with its edges repeated `margin` times on each side.
pub fn extend(p: &Plane, frame: &[u16], margin: usize) -> Vec<u16> {
    let both = margin.saturating_mul(2);
    let stride = p.w.saturating_add(both);
    let mut out = vec![0; stride.saturating_mul(p.h.saturating_add(both))];
    for (y, row) in out.chunks_exact_mut(stride).enumerate() {
        let y = y.saturating_sub(margin).min(p.h.saturating_sub(1));
        let from = frame.get(p.row(y)).unwrap_or_default();
        let (Some(first), Some(last)) = (from.first(), from.last()) else {
            continue;
        };
        let (left, rest) = row.split_at_mut(margin);
        let (inside, right) = rest.split_at_mut(from.len());
        left.fill(*first);
        inside.copy_from_slice(from);
        right.fill(*last);
    }
    out
}

/// HEVC's luma filters for 1/4, 1/2 and 3/4, and its chroma filters for eighths, as 8 taps.
pub const LUMA: [[i32; 8]; 4] = [
    [0, 0, 0, 64, 0, 0, 0, 0],
    [-1, 4, -10, 58, 17, -5, 1, 0],
    [-1, 4, -11, 40, 40, -11, 4, -1],
    [0, 1, -5, 17, 58, -10, 4, -1],
];
const CHROMA: [[i32; 4]; 8] = [
    [0, 64, 0, 0],
    [-2, 58, 10, -2],
    [-4, 54, 16, -2],
    [-6, 46, 28, -4],
    [-4, 36, 36, -4],
    [-4, 28, 46, -6],
    [-2, 16, 54, -4],
    [-2, 10, 58, -2],
];

/// What the blocks of one plane are predicted from and how.
struct Predictor<'a> {
    k: &'a Kernels,
    p: &'a Plane,
    luma: bool,
    peak: i32,
    /// The plane of each reference.
    from: [&'a [u16]; 2],
}

impl Predictor<'_> {
    /// Predicts the block at `at` of `size` (columns, rows) from one reference.
    fn predict(
        &self,
        from: &[u16],
        v: Vector,
        at: [usize; 2],
        size: [usize; 2],
        out: &mut [i32; 256],
    ) {
        let p = self.p;
        let stride = p.w.saturating_add(BOTH);
        // In eighths of this plane's samples: quarters of luma's, of which it has all or half.
        let eighths = |v: i16, sub: usize| i32::from(v) << u32::from(sub == 1);
        let e = [eighths(v[0], p.sub[0]), eighths(v[1], p.sub[1])];
        // Where it lies in the extended plane; far outside all samples are the same.
        let place = |at: usize, e: i32, side: usize, n: usize| {
            let most = side.saturating_add(BOTH - REST).saturating_sub(n);
            let at = at.saturating_add(PAD);
            at.saturating_add_signed((e >> 3) as isize)
                .max(REST)
                .min(most)
        };
        let x = place(at[0], e[0], p.w, size[0]);
        let y = place(at[1], e[1], p.h, size[1]);
        let block = kernels::Block {
            stride,
            at: y.saturating_mul(stride).saturating_add(x),
            size,
        };
        let phase = e.map(|e| (e & 7) as usize);
        // Positions were clamped into what a reference is extended by.
        let done = if self.luma {
            let taps = phase.map(|p| LUMA.get(p / 2).filter(|_| p > 0));
            self.k.interpolate8(from, &block, taps, self.peak, out)
        } else {
            let taps = phase.map(|p| CHROMA.get(p).filter(|_| p > 0));
            self.k.interpolate4(from, &block, taps, self.peak, out)
        };
        debug_assert!(done.is_ok());
    }

    /// The prediction of a block as rows in `a`; `b` is room for another.
    fn block(
        &self,
        block: &Block,
        at: [usize; 2],
        size: [usize; 2],
        a: &mut [i32; 256],
        b: &mut [i32; 256],
    ) {
        let [first, second] = self.from;
        let (from, v) = if block.mode == 1 {
            (second, block.v[1])
        } else {
            (first, block.v[0])
        };
        self.predict(from, v, at, size, a);
        if block.mode == 2 {
            self.predict(second, block.v[1], at, size, b);
            let n = size[0].saturating_mul(size[1]);
            let (a, b) = (a.get_mut(..n), b.get(..n));
            for (a, b) in a.unwrap_or_default().iter_mut().zip(b.unwrap_or_default()) {
                *a = a.wrapping_add(*b).wrapping_add(1) >> 1;
            }
        }
    }
}

/// Predicts a whole frame.
pub fn compensate(
    k: &Kernels,
    g: &Geometry,
    field: &Field,
    refs: [&Reference; 2],
    out: &mut [u16],
) {
    let (mut a, mut b) = ([0i32; 256], [0i32; 256]);
    for (plane, p) in g.planes.iter().enumerate() {
        let predictor = Predictor {
            k,
            p,
            luma: plane == 0,
            peak: i32::from(g.peak()),
            from: refs.map(|r| r.planes.get(plane).map(Vec::as_slice).unwrap_or_default()),
        };
        let [bw, bh] = p.sub.map(|sub| BLOCK.div_ceil(sub));
        let out = out.get_mut(p.range()).unwrap_or_default();
        let rows = field.blocks.chunks_exact(field.w.max(1));
        for (by, mut blocks) in rows.take(field.h).enumerate() {
            let y = by.saturating_mul(bh);
            let m = bh.min(p.h.saturating_sub(y));
            let mut right = 0usize;
            while let [block, rest @ ..] = blocks {
                // Two equal blocks side by side are done at once.
                let (width, rest) = match rest {
                    [same, rest @ ..] if same == block => (bw.saturating_mul(2), rest),
                    _ => (bw, rest),
                };
                blocks = rest;
                let x = right;
                right = x.saturating_add(width);
                let n = width.min(p.w.saturating_sub(x));
                if n == 0 || m == 0 {
                    continue;
                }
                predictor.block(block, [x, y], [n, m], &mut a, &mut b);
                let mut from = a.as_slice();
                let mut at = y.saturating_mul(p.w).saturating_add(x);
                for _ in 0..m {
                    let to = out.get_mut(at..at.saturating_add(n));
                    let (Some(to), Some((row, rest))) = (to, from.split_at_checked(n)) else {
                        break;
                    };
                    for (t, v) in to.iter_mut().zip(row) {
                        *t = *v as u16;
                    }
                    from = rest;
                    at = at.saturating_add(p.w);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::REACH;
    use crate::field::tests::field;
    use nc_core::rng::Rng;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn no_vector_leaves_what_is_there(w in 1usize..40, h in 1usize..40, sub in prop::sample::select(vec![None, Some([2, 2]), Some([2, 1]), Some([1, 1])]), seed in any::<u64>()) {
            let g = Geometry::new(w, h, sub, 10);
            let mut rng = Rng::new(seed);
            let frames = [0; 2].map(|_| noise(&g, &mut rng));
            let refs = frames.each_ref().map(|f| Reference::new(&g, f));
            let f = field(&g, &mut rng, true, REACH as usize);
            let mut out = vec![u16::MAX; g.samples()];
            compensate(&Kernels::best(), &g, &f, [&refs[0], &refs[1]], &mut out);
            // Every sample was written.
            prop_assert!(out.iter().all(|v| *v <= g.peak()));
        }
    }

    fn noise(g: &Geometry, rng: &mut Rng) -> Vec<u16> {
        let peak = usize::from(g.peak());
        (0..g.samples())
            .map(|_| rng.below(peak + 1) as u16)
            .collect()
    }

    /// Each sample of `frame` from (dx, dy) luma samples away, edges repeated.
    fn shifted(g: &Geometry, frame: &[u16], dx: isize, dy: isize) -> Vec<u16> {
        let mut out = vec![0; g.samples()];
        for p in &g.planes {
            for y in 0..p.h {
                for x in 0..p.w {
                    let fx = (x as isize + dx / p.sub[0] as isize).clamp(0, p.w as isize - 1);
                    let fy = (y as isize + dy / p.sub[1] as isize).clamp(0, p.h as isize - 1);
                    out[p.at + y * p.w + x] = frame[p.at + fy as usize * p.w + fx as usize];
                }
            }
        }
        out
    }

    fn all(g: &Geometry, b: Block) -> Field {
        let mut f = Field::new(g);
        f.blocks.fill(b);
        f
    }

    #[test]
    fn whole_samples_are_copied_from_where_the_vector_points() {
        let mut rng = Rng::new(1);
        for (w, h) in [(1, 1), (8, 8), (37, 21), (64, 48)] {
            for sub in [None, Some([2, 2]), Some([2, 1]), Some([1, 1])] {
                let g = Geometry::new(w, h, sub, 10);
                let frames = [0; 2].map(|_| noise(&g, &mut rng));
                let refs = frames.each_ref().map(|f| Reference::new(&g, f));
                let mut out = vec![0; g.samples()];
                for (dx, dy) in [
                    (0, 0),
                    (2, 0),
                    (0, -2),
                    (-6, 4),
                    (30, -18),
                    (-4000, 0),
                    (0, 4000),
                ] {
                    let v = [4 * dx as i16, 4 * dy as i16];
                    for mode in [0, 1] {
                        let mut b = Block {
                            mode,
                            ..Block::default()
                        };
                        b.v[usize::from(mode)] = v;
                        compensate(
                            &Kernels::best(),
                            &g,
                            &all(&g, b),
                            [&refs[0], &refs[1]],
                            &mut out,
                        );
                        let want = shifted(&g, &frames[usize::from(mode)], dx, dy);
                        assert_eq!(out, want, "{w} x {h} {sub:?} {dx} {dy}");
                    }
                    let b = Block {
                        mode: 2,
                        v: [v, [0, 0]],
                    };
                    compensate(
                        &Kernels::best(),
                        &g,
                        &all(&g, b),
                        [&refs[0], &refs[1]],
                        &mut out,
                    );
                    let first = shifted(&g, &frames[0], dx, dy);
                    let mean = first.iter().zip(&frames[1]).map(|(a, b)| (a + b + 1) >> 1);
                    assert!(out.iter().copied().eq(mean), "{w} x {h} {sub:?} {dx} {dy}");
                }
            }
        }
    }

    #[test]
    fn parts_of_samples_keep_what_is_flat_and_what_rises_evenly() {
        let g = Geometry::new(64, 64, Some([2, 2]), 10);
        let mut ramp = vec![0; g.samples()];
        for p in &g.planes {
            for (i, v) in ramp[p.at..p.at + p.w * p.h].iter_mut().enumerate() {
                *v = 200 + (i % p.w * 8 * p.sub[0]) as u16;
            }
        }
        for (frame, slope) in [(vec![777; g.samples()], 0), (ramp, 2)] {
            let r = Reference::new(&g, &frame);
            let mut out = vec![0; g.samples()];
            for quarters in [1, 2, 3, 5, -1, -6] {
                let b = Block {
                    mode: 0,
                    v: [[quarters, quarters], [0, 0]],
                };
                compensate(&Kernels::best(), &g, &all(&g, b), [&r, &r], &mut out);
                for p in &g.planes {
                    for y in 0..p.h {
                        // Away from the edges, where the ramp ends.
                        for x in 8..p.w - 8 {
                            let at = p.at + y * p.w + x;
                            let want = i32::from(frame[at]) + slope * i32::from(quarters);
                            assert!((i32::from(out[at]) - want).abs() <= 1, "{quarters} {x} {y}");
                        }
                    }
                }
            }
        }
    }
}
