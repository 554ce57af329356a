//! Prediction of a block from its own frame: from the samples left of it and above, along one of several directions.
//!
//! The modes are those of HEVC (Lainema et al. 2012) with fewer angles. Samples are real numbers around the middle, as
//! latents give them; each prediction is a fixed sequence of IEEE operations.

use crate::transform::{BIG, SMALL};

/// Mean, planar, and thirteen directions.
pub const MODES: usize = 15;

/// Displacements over 32 rows of the vertical modes, and over 32 columns of the horizontal ones.
const VERTICAL: [i32; 7] = [-32, -20, -9, 0, 9, 20, 32];
const HORIZONTAL: [i32; 6] = [-20, -9, 0, 9, 20, 32];

/// A plane that is being made block by block.
#[derive(Debug, Clone, Copy)]
pub struct Canvas<'a> {
    /// Samples, `stride` a row.
    pub samples: &'a [f32],
    /// Samples of a row; a multiple of 8.
    pub stride: usize,
    /// Whether each square of 8 is made.
    pub done: &'a [bool],
}

/// Samples around a block of side n: `[0]` is the corner, then 2 n along each edge.
struct Edges {
    top: [f32; 33],
    left: [f32; 33],
}

/// The `n` samples of an edge next to the block, and those beyond.
fn halves(edge: &mut [f32; 33], n: usize) -> (&mut [f32], &mut [f32]) {
    let [_, edge @ ..] = edge;
    edge.split_at_mut_checked(n).unwrap_or_default()
}

impl Canvas<'_> {
    fn edges(&self, x: usize, y: usize, n: usize) -> Edges {
        let stride = self.stride.max(1);
        // The row above and the column to the left, empty where there is none.
        let above = y.checked_sub(1).map(|y| y.wrapping_mul(stride));
        let above = above.and_then(|at| self.samples.get(at..at.wrapping_add(stride)));
        let above = above.unwrap_or_default();
        let left = x.checked_sub(1);
        let left = left.map(|x| y.wrapping_mul(stride).wrapping_add(x));
        let left = left.and_then(|at| self.samples.get(at..));
        let left = left.unwrap_or_default();
        // What does not exist is as the nearest that does.
        let corner = match x.checked_sub(1) {
            Some(x) if y > 0 => above.get(x),
            Some(_) => left.first(),
            None => above.first(),
        };
        let corner = corner.copied().unwrap_or(0.0);
        let mut e = Edges {
            top: [corner; 33],
            left: [corner; 33],
        };
        let (near, far) = halves(&mut e.left, n);
        for (e, s) in near.iter_mut().zip(left.iter().step_by(stride)) {
            *e = *s;
        }
        far.fill(near.last().copied().unwrap_or(corner));
        let (near, far) = halves(&mut e.top, n);
        for (e, s) in near.iter_mut().zip(above.iter().skip(x)) {
            *e = *s;
        }
        let mut last = near.last().copied().unwrap_or(corner);
        // Right of the block above it, by squares.
        let end = x.wrapping_add(n);
        let (squares, _) = above.get(end..).unwrap_or_default().as_chunks::<8>();
        let cells = stride / 8;
        let done = (y / 8).saturating_sub(1).wrapping_mul(cells);
        let done = self.done.get(done.wrapping_add(end / 8)..);
        let mut squares = squares.iter().zip(done.unwrap_or_default());
        let (far, _) = far.as_chunks_mut::<8>();
        for e in far.iter_mut().take(n / 8) {
            match squares.next() {
                Some((s, true)) => *e = *s,
                _ => *e = [last; 8],
            }
            last = e[7];
        }
        e
    }

    /// The prediction of the block of side `n`, 8 or 16, at (x, y), which are multiples of 8.
    pub fn predict(&self, mode: usize, x: usize, y: usize, n: usize, out: &mut [f32]) {
        if n == BIG {
            self.block::<BIG>(mode, x, y, out);
        } else {
            self.block::<SMALL>(mode, x, y, out);
        }
    }

    fn block<const N: usize>(&self, mode: usize, x: usize, y: usize, out: &mut [f32]) {
        let Edges { top, left } = self.edges(x, y, N);
        let (rows, _) = out.as_chunks_mut::<N>();
        let rows = rows.iter_mut().take(N);
        // The edges without the corner.
        let ([_, t @ ..], [_, l @ ..]) = (&top, &left);
        let scale = 0.5 / N as f32;
        match mode {
            0 => {
                let mut sum = 0.0;
                for (t, l) in t.iter().zip(l).take(N) {
                    sum += t + l;
                }
                rows.for_each(|row| row.fill(sum * scale));
            }
            1 => {
                // The first samples beyond the block.
                let right = t.get(N).copied().unwrap_or(0.0);
                let below = l.get(N).copied().unwrap_or(0.0);
                let last = N as f32 - 1.0;
                for (i, (row, l)) in rows.zip(l).enumerate() {
                    let i = i as f32;
                    for (j, (o, t)) in row.iter_mut().zip(t).enumerate() {
                        let j = j as f32;
                        let across = (last - j) * l + (j + 1.0) * right;
                        let down = (last - i) * t + (i + 1.0) * below;
                        *o = (across + down) * scale;
                    }
                }
            }
            m => {
                let m = m.saturating_sub(2);
                if let Some(angle) = VERTICAL.get(m) {
                    let made = angular::<N>(*angle, &top, &left);
                    rows.zip(&made).for_each(|(row, made)| *row = *made);
                    return;
                }
                let [.., last] = HORIZONTAL;
                let m = m.saturating_sub(VERTICAL.len());
                let angle = HORIZONTAL.get(m).copied().unwrap_or(last);
                let made = angular::<N>(angle, &left, &top);
                for (j, row) in rows.enumerate() {
                    for (o, made) in row.iter_mut().zip(&made) {
                        *o = made.get(j).copied().unwrap_or(0.0);
                    }
                }
            }
        }
    }
}

/// Where the corner lies in a [`Line`].
const CORNER: usize = 16;

/// An edge from its corner on, as long as a direction reaches, and before that what a direction continues of the other.
type Line = [f32; CORNER + 34];

/// The rows of a block continued from the edge `main`, moved by `angle` / 32 a row; before its corner lies the other edge.
fn angular<const N: usize>(angle: i32, main: &[f32; 33], side: &[f32; 33]) -> [[f32; N]; N] {
    let [.., last] = *main;
    let mut line: Line = [last; CORNER + 34];
    let (before, after) = line.split_at_mut_checked(CORNER).unwrap_or_default();
    after.iter_mut().zip(main).for_each(|(l, m)| *l = *m);
    if angle < 0 {
        let step = 8192u32.checked_div(angle.unsigned_abs()).unwrap_or(0);
        for (back, l) in (1u32..).zip(before.iter_mut().rev().take(N)) {
            let k = (back.wrapping_mul(step).wrapping_add(128) >> 8) as usize;
            *l = side.get(k.min(N)).copied().unwrap_or(0.0);
        }
    }
    let mut made = [[0.0; N]; N];
    let mut pos = 0i32;
    for row in &mut made {
        pos = pos.wrapping_add(angle);
        let (whole, part) = (pos >> 5, (pos & 31) as f32 * (1.0 / 32.0));
        let first = (CORNER as i32).wrapping_add(whole).wrapping_add(1) as usize;
        let from = line.get(first..).unwrap_or_default();
        let next = from.get(1..).unwrap_or_default();
        for (o, (a, b)) in row.iter_mut().zip(from.iter().zip(next)) {
            *o = if part == 0.0 { *a } else { a + (b - a) * part };
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plane of 32 x 32 whose samples are a plane through space, all made but the block at (8, 8).
    fn slope() -> (Vec<f32>, Vec<bool>) {
        let samples = (0..1024)
            .map(|i| (i % 32) as f32 + 2.0 * (i / 32) as f32)
            .collect();
        (samples, vec![true; 16])
    }

    #[test]
    fn straight_modes_repeat_their_edge() {
        let (samples, done) = slope();
        let c = Canvas {
            samples: &samples,
            stride: 32,
            done: &done,
        };
        let mut out = [0.0; 64];
        c.predict(2 + 3, 8, 8, 8, &mut out);
        assert!((0..64).all(|i| out[i] == (8 + i % 8) as f32 + 14.0));
        c.predict(2 + VERTICAL.len() + 2, 8, 8, 8, &mut out);
        assert!((0..64).all(|i| out[i] == 7.0 + 2.0 * (8 + i / 8) as f32));
        // Down to the right by 45 degrees.
        c.predict(2, 8, 8, 8, &mut out);
        assert_eq!(out[0], samples[7 * 32 + 7]);
        assert_eq!(out[9], samples[7 * 32 + 7]);
        assert_eq!(out[1], samples[7 * 32 + 8]);
        assert_eq!(out[8], samples[8 * 32 + 7]);
    }

    #[test]
    fn every_mode_of_a_flat_surrounding_is_flat() {
        let samples = vec![5.5; 1024];
        let done = vec![true; 16];
        let c = Canvas {
            samples: &samples,
            stride: 32,
            done: &done,
        };
        for n in [8, 16] {
            for mode in 0..MODES {
                let mut out = [0.0; 256];
                c.predict(mode, 16, 16, n, &mut out);
                assert!(out[..n * n].iter().all(|v| *v == 5.5), "{mode}");
            }
        }
        // The first block has nothing around it.
        let mut out = [1.0; 64];
        c.predict(0, 0, 0, 8, &mut out);
        assert!(out.iter().all(|v| *v == 0.0));
    }
}
