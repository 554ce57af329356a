//! Finding the motion of a frame: a quad tree of blocks from 32 to 8 samples, each with the vectors of the least
//! absolute difference plus a price of its bits.

use nc_core::Result;

use crate::geometry::Geometry;
use crate::motion_compensation::{LUMA, extend};
use crate::motion_field::{BLOCK, Block, MotionField, Vector};

/// Samples that the search may leave the frame by.
const MARGIN: usize = 48;

/// Luma of a reference at all quarter positions, extended on all sides.
pub struct Phases {
    stride: usize,
    h: usize,
    planes: Vec<Vec<u16>>,
    small: Small,
}

/// Luma at a quarter of the resolution, for the first, wide search.
struct Small {
    w: usize,
    h: usize,
    data: Vec<u16>,
}

impl Small {
    fn new(w: usize, h: usize, luma: &[u16]) -> Self {
        let (sw, sh) = ((w / 4).max(1), (h / 4).max(1));
        let mut data = vec![0; sw * sh];
        for y in 0..sh {
            for x in 0..sw {
                let mut s = 0u32;
                let mut n = 0;
                for dy in 0..4 {
                    for dx in 0..4 {
                        let (x, y) = (4 * x + dx, 4 * y + dy);
                        if x < w && y < h {
                            s += u32::from(luma[y * w + x]);
                            n += 1;
                        }
                    }
                }
                data[y * sw + x] = (s / n.max(1)) as u16;
            }
        }
        Self { w: sw, h: sh, data }
    }
}

impl Phases {
    /// From a frame.
    pub fn new(g: &Geometry, frame: &[u16]) -> Result<Self> {
        let (w, h) = (g.luma.w, g.luma.h);
        let (stride, rows) = (w + 2 * MARGIN, h + 2 * MARGIN);
        let peak = i32::from(g.peak());
        let whole = extend(&g.luma, frame, MARGIN)?;
        let mut planes = vec![Vec::new(); 16];
        let mut mid = vec![0i32; stride * rows];
        for px in 0..4 {
            for y in 0..rows {
                let row = &whole[y * stride..][..stride];
                let out = &mut mid[y * stride..][..stride];
                for x in 0..stride {
                    let mut s = 0;
                    if px == 0 {
                        s = i32::from(row[x]) << 6;
                    } else if x >= 3 && x + 5 <= stride {
                        for (v, f) in row[x - 3..x + 5].iter().zip(&LUMA[px]) {
                            s += i32::from(*v) * f;
                        }
                    }
                    out[x] = s;
                }
            }
            for py in 0..4 {
                let mut out = vec![0u16; stride * rows];
                for y in 0..rows {
                    let to = &mut out[y * stride..][..stride];
                    if py == 0 {
                        for (o, v) in to.iter_mut().zip(&mid[y * stride..]) {
                            *o = ((v + 32) >> 6).clamp(0, peak) as u16;
                        }
                    } else if y >= 3 && y + 5 <= rows {
                        let mut sum = vec![1 << 11; stride];
                        for (t, f) in LUMA[py].iter().enumerate() {
                            let row = &mid[(y + t - 3) * stride..][..stride];
                            for (s, v) in sum.iter_mut().zip(row) {
                                *s += v * f;
                            }
                        }
                        for (o, v) in to.iter_mut().zip(&sum) {
                            *o = (v >> 12).clamp(0, peak) as u16;
                        }
                    }
                }
                planes[py * 4 + px] = out;
            }
        }
        Ok(Self {
            stride,
            h,
            planes,
            small: Small::new(w, h, frame),
        })
    }

    /// Samples at a vector from block (x, y); `None` outside the extended frame.
    fn at(&self, x: usize, y: usize, n: usize, m: usize, v: Vector) -> Option<&[u16]> {
        let (ix, iy) = (i32::from(v[0]) >> 2, i32::from(v[1]) >> 2);
        let px = x as i32 + ix + MARGIN as i32;
        let py = y as i32 + iy + MARGIN as i32;
        let (right, bottom) = (self.stride as i32 - 8, (self.h + 2 * MARGIN) as i32 - 8);
        if px < 8 || py < 8 || px + n as i32 > right || py + m as i32 > bottom {
            return None;
        }
        let phase = (v[1] & 3) as usize * 4 + (v[0] & 3) as usize;
        Some(&self.planes[phase][py as usize * self.stride + px as usize..])
    }
}

/// What is searched for.
pub struct Search<'a> {
    w: usize,
    h: usize,
    luma: &'a [u16],
    small: Small,
    refs: Vec<&'a Phases>,
    /// Absolute differences that a bit is worth.
    price: f32,
    /// First guesses for each reference and square of 32 samples.
    coarse: Vec<Vec<Vector>>,
}

/// Length of an Exp-Golomb number, about.
fn bits(d: i32) -> f32 {
    2.0 * (1.0 + d.unsigned_abs() as f32).log2() + if d == 0 { 0.7 } else { 1.5 }
}

impl<'a> Search<'a> {
    /// Prepares the search of `frame` in one or two references.
    pub fn new(g: &Geometry, frame: &'a [u16], refs: Vec<&'a Phases>, price: f32) -> Self {
        let (w, h) = (g.luma.w, g.luma.h);
        let mut s = Self {
            w,
            h,
            luma: &frame[..w * h],
            small: Small::new(w, h, frame),
            refs,
            price: price * (1u32 << (g.bits - 8)) as f32,
            coarse: Vec::new(),
        };
        s.coarse = (0..s.refs.len()).map(|l| s.wide(l)).collect();
        s
    }

    /// Full search of squares of 8 x 8 at a quarter of the resolution.
    fn wide(&self, l: usize) -> Vec<Vector> {
        const REACH: i32 = 11;
        let (a, b) = (&self.small, &self.refs[l].small);
        let (cols, rows) = (self.w.div_ceil(32), self.h.div_ceil(32));
        let mut out = Vec::with_capacity(cols * rows);
        for sy in 0..rows {
            for sx in 0..cols {
                let (x0, y0) = (sx * 8, sy * 8);
                let (n, m) = (8.min(a.w - a.w.min(x0)), 8.min(a.h - a.h.min(y0)));
                let mut best = (u32::MAX, [0, 0]);
                for dy in -REACH..=REACH {
                    for dx in -REACH..=REACH {
                        let mut sad = (dx.abs() + dy.abs()) as u32 * 4;
                        for y in 0..m {
                            let by = (y0 + y) as i32 + dy;
                            let row = by.clamp(0, b.h as i32 - 1) as usize * b.w;
                            for x in 0..n {
                                let bx = ((x0 + x) as i32 + dx).clamp(0, b.w as i32 - 1) as usize;
                                sad += u32::from(
                                    a.data[(y0 + y) * a.w + x0 + x].abs_diff(b.data[row + bx]),
                                );
                            }
                            if sad >= best.0 {
                                break;
                            }
                        }
                        if sad < best.0 {
                            best = (sad, [(dx * 16) as i16, (dy * 16) as i16]);
                        }
                    }
                }
                out.push(best.1);
            }
        }
        out
    }

    fn sad(&self, l: usize, x: usize, y: usize, n: usize, m: usize, v: Vector) -> Option<u32> {
        let r = self.refs[l];
        let from = r.at(x, y, n, m, v)?;
        let mut sum = 0;
        for i in 0..m {
            let a = &self.luma[(y + i) * self.w + x..][..n];
            let b = &from[i * r.stride..][..n];
            sum += a
                .iter()
                .zip(b)
                .map(|(a, b)| u32::from(a.abs_diff(*b)))
                .sum::<u32>();
        }
        Some(sum)
    }

    fn sad_both(&self, x: usize, y: usize, n: usize, m: usize, v: [Vector; 2]) -> Option<u32> {
        let (r, q) = (self.refs[0], self.refs[1]);
        let (f0, f1) = (r.at(x, y, n, m, v[0])?, q.at(x, y, n, m, v[1])?);
        let mut sum = 0;
        for i in 0..m {
            let a = &self.luma[(y + i) * self.w + x..][..n];
            let b = &f0[i * r.stride..][..n];
            let c = &f1[i * q.stride..][..n];
            for (a, (b, c)) in a.iter().zip(b.iter().zip(c)) {
                sum += u32::from(a.abs_diff((b + c + 1) >> 1));
            }
        }
        Some(sum)
    }

    fn price(&self, v: Vector, want: Vector) -> f32 {
        let d = |i: usize| bits(i32::from(v[i]) - i32::from(want[i]));
        self.price * (d(0) + d(1))
    }

    /// Walks downhill from `start`, by steps of a sample, then a half, then a quarter.
    fn descend(
        &self,
        start: Vector,
        steps: &[i16],
        cost: impl Fn(Vector) -> Option<f32>,
    ) -> Option<(f32, Vector)> {
        let mut best = (cost(start)?, start);
        for &step in steps {
            for _ in 0..24 {
                let from = best.1;
                for (dx, dy) in [
                    (-1, 0),
                    (1, 0),
                    (0, -1),
                    (0, 1),
                    (-1, -1),
                    (1, 1),
                    (-1, 1),
                    (1, -1),
                ] {
                    let v = [from[0] + dx * step, from[1] + dy * step];
                    if let Some(c) = cost(v)
                        && c < best.0
                    {
                        best = (c, v);
                    }
                }
                if best.1 == from {
                    break;
                }
            }
        }
        Some(best)
    }

    /// The field of least cost.
    pub fn run(&self, g: &Geometry, before: Option<&MotionField>) -> MotionField {
        let mut field = before.cloned().unwrap_or_else(|| MotionField::new(g));
        for y in (0..field.blocks.h()).step_by(4) {
            for x in (0..field.blocks.w()).step_by(4) {
                self.square(&mut field, x, y, 4, &[]);
            }
        }
        field
    }

    /// Decides the square at (x, y); gives its cost.
    fn square(
        &self,
        f: &mut MotionField,
        x: usize,
        y: usize,
        side: usize,
        parents: &[Block],
    ) -> f32 {
        if x >= f.blocks.w() || y >= f.blocks.h() {
            return 0.0;
        }
        let (whole, cost) = self.block(f, x, y, side, parents);
        if side == 1 {
            f.blocks.fill([x, y], side, whole);
            return cost;
        }
        let mut split = self.price * 1.5;
        let half = side / 2;
        let mut given = parents.to_vec();
        given.push(whole);
        for (dx, dy) in [(0, 0), (half, 0), (0, half), (half, half)] {
            split += self.square(f, x + dx, y + dy, half, &given);
            if split >= cost {
                break;
            }
        }
        if split < cost {
            return split;
        }
        f.blocks.fill([x, y], side, whole);
        cost
    }

    fn block(
        &self,
        f: &MotionField,
        bx: usize,
        by: usize,
        side: usize,
        parents: &[Block],
    ) -> (Block, f32) {
        let (x, y) = (bx * BLOCK, by * BLOCK);
        let n = (side * BLOCK).min(self.w - x);
        let m = (side * BLOCK).min(self.h - y);
        let near = f.neighbours([bx, by], side);
        let two = self.refs.len() == 2;
        let mut best = (Block::default(), f32::INFINITY);
        // Repeating a neighbour costs next to nothing.
        for (i, b) in near.iter().flatten().enumerate() {
            let sad = match b.mode {
                2 if two => self.sad_both(x, y, n, m, b.v),
                0 => self.sad(0, x, y, n, m, b.v[0]),
                1 if two => self.sad(1, x, y, n, m, b.v[1]),
                _ => None,
            };
            if let Some(sad) = sad {
                let cost = sad as f32 + self.price * (0.5 + i as f32);
                if cost < best.1 {
                    best = (*b, cost);
                }
            }
        }
        let head = self.price * if two { 3.5 } else { 2.0 };
        let mut single = [[0i16; 2]; 2];
        let old = f.blocks.as_slice()[by * f.blocks.w() + bx];
        for (l, found) in single.iter_mut().enumerate().take(self.refs.len()) {
            let want = MotionField::expected(&near, l);
            let cost = |v: Vector| {
                self.sad(l, x, y, n, m, v)
                    .map(|s| s as f32 + self.price(v, want))
            };
            let cols = self.w.div_ceil(32);
            let coarse = self.coarse[l][(by / 4) * cols + bx / 4];
            let uses = |b: &&Block| b.mode == 2 || usize::from(b.mode) == l;
            let mut start = ([0, 0], cost([0, 0]).unwrap_or(f32::INFINITY));
            let guesses = near.iter().flatten().chain(parents).chain([&old]);
            let guesses = guesses.filter(uses).map(|b| b.v[l]).chain([want, coarse]);
            for v in guesses {
                if let Some(c) = cost(v)
                    && c < start.1
                {
                    start = (v, c);
                }
            }
            if let Some((c, v)) = self.descend(start.0, &[8, 4, 2, 1], cost) {
                *found = v;
                if c + head < best.1 {
                    let mut b = Block {
                        mode: l as u8,
                        ..Block::default()
                    };
                    b.v[l] = v;
                    best = (b, c + head);
                }
            }
        }
        if two {
            let want = [
                MotionField::expected(&near, 0),
                MotionField::expected(&near, 1),
            ];
            let mut v = single;
            for l in [0, 1] {
                let other = v;
                let cost = |u: Vector| {
                    let mut w = other;
                    w[l] = u;
                    let s = self.sad_both(x, y, n, m, w)?;
                    Some(s as f32 + self.price(w[0], want[0]) + self.price(w[1], want[1]))
                };
                if let Some((c, u)) = self.descend(v[l], &[2, 1], cost) {
                    v[l] = u;
                    if c + head * 0.8 < best.1 {
                        best = (Block { mode: 2, v }, c + head * 0.8);
                    }
                }
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::motion_compensation::{Reference, compensate};
    use nc_core::rng::Rng;
    use nc_kernels::Kernels;

    const SIDE: usize = 96;

    /// Noise that has been smoothed, so that it can be walked down to the best place.
    fn texture(g: &Geometry, seed: u64) -> Vec<u16> {
        let mut rng = Rng::new(seed);
        let mut frame = vec![0.0; SIDE * SIDE];
        for _ in 0..60 {
            let (x, y, r) = (
                rng.below(SIDE) as f32,
                rng.below(SIDE) as f32,
                5.0 + 9.0 * rng.unit(),
            );
            let height = 60.0 * rng.normal();
            for (i, v) in frame.iter_mut().enumerate() {
                let (dx, dy) = ((i % SIDE) as f32 - x, (i / SIDE) as f32 - y);
                *v += height * (-(dx * dx + dy * dy) / (r * r)).exp();
            }
        }
        let peak = f32::from(g.peak());
        let samples = frame
            .iter()
            .map(|v| (peak * 0.5 + v).clamp(0.0, peak) as u16);
        samples.collect()
    }

    /// Blocks that come from within the frame.
    fn inner(f: &MotionField) -> impl Iterator<Item = Block> + '_ {
        let (w, h) = (f.blocks.w(), f.blocks.h());
        f.blocks.block([2, 2], [w - 4, h - 4]).flatten().copied()
    }

    #[test]
    fn a_known_shift_is_found_to_the_quarter_sample() {
        let g = Geometry::new(SIDE, SIDE, None, 8);
        let frame = texture(&g, 1);
        let (r, phases) = (
            Reference::new(&g, &frame).unwrap(),
            Phases::new(&g, &frame).unwrap(),
        );
        for v in [
            [0, 0],
            [4, 0],
            [-8, 12],
            [20, -24],
            [5, 0],
            [-2, 7],
            [33, -15],
            [56, 56],
        ] {
            let mut field = MotionField::new(&g);
            field.blocks.as_mut_slice().fill(Block {
                mode: 0,
                v: [v, [0, 0]],
            });
            let mut moved = vec![0; g.samples()];
            compensate(
                &Kernels::best(),
                &g,
                &field,
                [Some(&r), Some(&r)],
                &mut moved,
            )
            .unwrap();
            let found = Search::new(&g, &moved, vec![&phases], 0.5).run(&g, None);
            let hits = inner(&found).filter(|b| b.v[0] == v).count();
            let all = inner(&found).count();
            assert!(hits * 10 >= all * 9, "{v:?}: {hits} of {all}");
            let mut back = vec![0; g.samples()];
            compensate(
                &Kernels::best(),
                &g,
                &found,
                [Some(&r), Some(&r)],
                &mut back,
            )
            .unwrap();
            let off: u32 = back
                .iter()
                .zip(&moved)
                .map(|(a, b)| u32::from(a.abs_diff(*b)))
                .sum();
            assert!(off < g.samples() as u32 / 4, "{v:?}: {off}");
        }
    }

    #[test]
    fn the_mean_of_two_is_found_where_neither_is_enough() {
        let g = Geometry::new(SIDE, SIDE, None, 8);
        let frames = [texture(&g, 2), texture(&g, 3)];
        let refs = frames.each_ref().map(|f| Reference::new(&g, f).unwrap());
        let phases = frames.each_ref().map(|f| Phases::new(&g, f).unwrap());
        let mut field = MotionField::new(&g);
        field.blocks.as_mut_slice().fill(Block {
            mode: 2,
            v: [[8, 0], [0, -4]],
        });
        let mut moved = vec![0; g.samples()];
        compensate(
            &Kernels::best(),
            &g,
            &field,
            [Some(&refs[0]), Some(&refs[1])],
            &mut moved,
        )
        .unwrap();
        // Told of the motion, it keeps it.
        let search = Search::new(&g, &moved, vec![&phases[0], &phases[1]], 0.5);
        let found = search.run(&g, Some(&field));
        let hits = inner(&found).filter(|b| b.mode == 2).count();
        assert!(hits * 2 > inner(&found).count(), "{hits}");
        let error = |f: &MotionField| {
            let mut out = vec![0; g.samples()];
            compensate(
                &Kernels::best(),
                &g,
                f,
                [Some(&refs[0]), Some(&refs[1])],
                &mut out,
            )
            .unwrap();
            out.iter()
                .zip(&moved)
                .map(|(a, b)| u64::from(a.abs_diff(*b)))
                .sum::<u64>()
        };
        let mut first = field.clone();
        first.blocks.as_mut_slice().fill(Block::default());
        assert!(error(&found) * 4 < error(&first));
    }

    #[test]
    fn a_high_price_makes_one_block_of_all() {
        let g = Geometry::new(SIDE, SIDE, None, 8);
        let (frame, other) = (texture(&g, 4), texture(&g, 5));
        let phases = Phases::new(&g, &frame).unwrap();
        let vectors = |price| {
            let f = Search::new(&g, &other, vec![&phases], price).run(&g, None);
            f.blocks
                .as_slice()
                .iter()
                .filter(|b| **b != f.blocks.as_slice()[0])
                .count()
        };
        assert_eq!(vectors(1e6), 0);
        assert!(vectors(0.1) > 20);
    }

    #[test]
    fn frames_of_any_size_can_be_searched() {
        for (w, h) in [(1, 1), (1, 50), (3, 3), (33, 9), (100, 7)] {
            let g = Geometry::new(w, h, Some([2, 2]), 10);
            let mut rng = Rng::new(w as u64);
            let frames = [0; 2].map(|_| {
                (0..g.samples())
                    .map(|_| rng.below(1024) as u16)
                    .collect::<Vec<_>>()
            });
            let phases = frames.each_ref().map(|f| Phases::new(&g, f).unwrap());
            let f = Search::new(&g, &frames[1], vec![&phases[0], &phases[1]], 2.0).run(&g, None);
            // A frame is its own best reference.
            assert!(
                f.blocks
                    .as_slice()
                    .iter()
                    .all(|b| b.mode == 1 && b.v == [[0, 0]; 2]),
                "{w} x {h}"
            );
        }
    }
}
