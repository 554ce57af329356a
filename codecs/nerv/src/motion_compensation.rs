//! Motion compensation: a frame predicted from blocks of the frames decoded before it.
//!
//! Blocks of 8 x 8 luma samples have a vector in quarter samples into one reference or the mean of two. Interpolation is
//! that of HEVC (Ugur et al. 2013, 8 and 4 taps), in integers.

use nc_core::{Error, Result};
use nc_kernels::{self as kernels, Kernels};

use crate::geometry::{Geometry, Plane};
use crate::grid::{Known, internal};
use crate::motion_field::{BLOCK, Block, MotionField, Vector};

/// Samples that a reference is extended by on each side.
pub const PAD: usize = 80;
/// On both sides.
const BOTH: usize = 2 * PAD;
/// Samples of these that are left for what filters reach beyond a block.
const REST: usize = 8;

/// A decoded frame whose planes are extended on all sides.
#[derive(Debug, Clone)]
pub struct Reference {
    planes: Vec<Vec<u16>>,
}

impl Reference {
    /// Extends the planes of `frame`.
    ///
    /// # Errors
    /// [`Error::Internal`] for a frame of another geometry.
    pub fn new(g: &Geometry, frame: &[u16]) -> Result<Self> {
        let planes = g.planes.iter().map(|p| extend(p, frame, PAD));
        Ok(Self {
            planes: planes.collect::<Result<_>>()?,
        })
    }

    /// Bytes in memory for frames of this geometry.
    pub fn bytes(g: &Geometry) -> u64 {
        let bytes = |p: &Plane| 2 * (p.w + BOTH) as u64 * (p.h + BOTH) as u64;
        g.planes.iter().map(bytes).sum()
    }
}

/// A plane of `frame` with its edges repeated `margin` times on each side.
///
/// # Errors
/// [`Error::Internal`] for a frame of another geometry.
pub fn extend(p: &Plane, frame: &[u16], margin: usize) -> Result<Vec<u16>> {
    let stride = p.w + 2 * margin;
    let mut out = vec![0; stride * (p.h + 2 * margin)];
    let rows = p.rows(frame)?;
    for (y, row) in out.chunks_exact_mut(stride).enumerate() {
        // Above the first row stands the first, below the last the last.
        let from = rows.row(y - y.min(margin));
        let (Some(first), Some(last)) = (from.first(), from.last()) else {
            return Err(internal("nerv: an empty row"));
        };
        let (left, rest) = row.split_at_mut(margin);
        let (inside, right) = rest.split_at_mut(from.len());
        left.fill(*first);
        inside.copy_from_slice(from);
        right.fill(*last);
    }
    Ok(out)
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
    /// The plane of each reference that there is.
    from: [Option<&'a [u16]>; 2],
}

impl Predictor<'_> {
    /// Predicts the block at `at` of `size` (columns, rows) from one reference.
    fn predict(
        &self,
        from: Option<&[u16]>,
        v: Vector,
        at: [usize; 2],
        size: [usize; 2],
        out: &mut [i32; 256],
    ) -> Result<()> {
        let from = from.ok_or_else(|| internal("nerv: a block without its reference"))?;
        let p = self.p;
        let stride = p.w + BOTH;
        // In eighths of this plane's samples: quarters of luma's, of which it has all or half.
        let eighths = |v: i16, sub: usize| i32::from(v) << u32::from(sub == 1);
        let e = [eighths(v[0], p.sub[0]), eighths(v[1], p.sub[1])];
        // Where it lies in the extended plane; far outside all samples are the same.
        let place = |at: usize, e: i32, side: usize, n: usize| {
            let at = (at + PAD) as isize + (e >> 3) as isize;
            at.max(REST as isize).min((side + BOTH - REST - n) as isize) as usize
        };
        let x = place(at[0], e[0], p.w, size[0]);
        let y = place(at[1], e[1], p.h, size[1]);
        let block = kernels::Block {
            stride,
            at: y * stride + x,
            size,
        };
        let phase = e.map(|e| (e & 7) as usize);
        // Positions were clamped into what a reference is extended by.
        let done = if self.luma {
            let taps = [luma_taps(phase[0]), luma_taps(phase[1])];
            self.k.interpolate8(from, &block, taps, self.peak, out)
        } else {
            let taps = [chroma_taps(phase[0]), chroma_taps(phase[1])];
            self.k.interpolate4(from, &block, taps, self.peak, out)
        };
        done.map_err(|e| Error::Internal(format!("nerv: {e}").into()))
    }

    /// The prediction of a block as rows in `a`; `b` takes that from the second reference on the way.
    fn block(
        &self,
        block: &Block,
        at: [usize; 2],
        size: [usize; 2],
        a: &mut [i32; 256],
        b: &mut [i32; 256],
    ) -> Result<()> {
        let [first, second] = self.from;
        let (from, v) = if block.mode == 1 {
            (second, block.v[1])
        } else {
            (first, block.v[0])
        };
        self.predict(from, v, at, size, a)?;
        if block.mode == 2 {
            self.predict(second, block.v[1], at, size, b)?;
            let n = size[0] * size[1];
            for (a, b) in a.iter_mut().zip(b.iter()).take(n) {
                *a = (*a + *b + 1) >> 1;
            }
        }
        Ok(())
    }
}

/// The filter of a phase in eighths, which is even in luma; none where samples are copied.
#[allow(clippy::indexing_slicing, reason = "masked to the table's four")]
fn luma_taps(phase: usize) -> Option<&'static [i32; 8]> {
    (phase > 0).then(|| &LUMA[(phase / 2) & 3])
}

/// As [`luma_taps`], in chroma.
#[allow(clippy::indexing_slicing, reason = "masked to the table's eight")]
fn chroma_taps(phase: usize) -> Option<&'static [i32; 4]> {
    (phase > 0).then(|| &CHROMA[phase & 7])
}

/// Predicts a whole frame from the references that its blocks use.
///
/// # Errors
/// [`Error::Internal`] for a frame or a field of another geometry, and for a block whose reference is missing.
pub fn compensate(
    k: &Kernels,
    g: &Geometry,
    field: &MotionField,
    refs: [Option<&Reference>; 2],
    out: &mut [u16],
) -> Result<()> {
    let (mut a, mut b) = ([0i32; 256], [0i32; 256]);
    for (plane, p) in g.planes.iter().enumerate() {
        let [first, second] = refs.map(|r| r.map(|r| r.planes.at(plane).map(Vec::as_slice)));
        let predictor = Predictor {
            k,
            p,
            luma: plane == 0,
            peak: i32::from(g.peak()),
            from: [first.transpose()?, second.transpose()?],
        };
        let [bw, bh] = p.sub.map(|sub| BLOCK.div_ceil(sub));
        let mut out = p.rows_mut(out)?;
        for (by, mut blocks) in field.blocks.rows().enumerate() {
            let y = by * bh;
            let m = bh.min(p.h - p.h.min(y));
            let mut right = 0usize;
            while let [block, rest @ ..] = blocks {
                // Two equal blocks side by side are done at once.
                let (width, rest) = match rest {
                    [same, rest @ ..] if same == block => (2 * bw, rest),
                    _ => (bw, rest),
                };
                blocks = rest;
                let x = right;
                right += width;
                let n = width.min(p.w - p.w.min(x));
                if n == 0 || m == 0 {
                    continue;
                }
                predictor.block(block, [x, y], [n, m], &mut a, &mut b)?;
                for (to, row) in out.block([x, y], [n, m]).zip(a.chunks_exact(n)) {
                    for (t, v) in to.iter_mut().zip(row) {
                        *t = *v as u16;
                    }
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::motion_coding::REACH;
    use crate::motion_coding::tests::field;
    use nc_core::rng::Rng;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn no_vector_leaves_what_is_there(w in 1usize..40, h in 1usize..40, sub in prop::sample::select(vec![None, Some([2, 2]), Some([2, 1]), Some([1, 1])]), seed in any::<u64>()) {
            let g = Geometry::new(w, h, sub, 10);
            let mut rng = Rng::new(seed);
            let frames = [0; 2].map(|_| noise(&g, &mut rng));
            let refs = frames.each_ref().map(|f| Reference::new(&g, f).unwrap());
            let f = field(&g, &mut rng, true, REACH as usize);
            let mut out = vec![u16::MAX; g.samples()];
            compensate(&Kernels::best(), &g, &f, [Some(&refs[0]), Some(&refs[1])], &mut out).unwrap();
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

    fn all(g: &Geometry, b: Block) -> MotionField {
        let mut f = MotionField::new(g);
        f.blocks.as_mut_slice().fill(b);
        f
    }

    #[test]
    fn whole_samples_are_copied_from_where_the_vector_points() {
        let mut rng = Rng::new(1);
        for (w, h) in [(1, 1), (8, 8), (37, 21), (64, 48)] {
            for sub in [None, Some([2, 2]), Some([2, 1]), Some([1, 1])] {
                let g = Geometry::new(w, h, sub, 10);
                let frames = [0; 2].map(|_| noise(&g, &mut rng));
                let refs = frames.each_ref().map(|f| Reference::new(&g, f).unwrap());
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
                            [Some(&refs[0]), Some(&refs[1])],
                            &mut out,
                        )
                        .unwrap();
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
                        [Some(&refs[0]), Some(&refs[1])],
                        &mut out,
                    )
                    .unwrap();
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
            let r = Reference::new(&g, &frame).unwrap();
            let mut out = vec![0; g.samples()];
            for quarters in [1, 2, 3, 5, -1, -6] {
                let b = Block {
                    mode: 0,
                    v: [[quarters, quarters], [0, 0]],
                };
                compensate(
                    &Kernels::best(),
                    &g,
                    &all(&g, b),
                    [Some(&r), Some(&r)],
                    &mut out,
                )
                .unwrap();
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
