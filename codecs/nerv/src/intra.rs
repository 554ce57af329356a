//! Prediction of a block from its own frame: from the samples left of it and above, along one of several directions.
//!
//! The modes are those of HEVC (Lainema et al. 2012) with fewer angles. Samples are real numbers around the middle, as
//! latents give them; each prediction is a fixed sequence of IEEE operations.

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

impl Canvas<'_> {
    fn edges(&self, x: usize, y: usize, n: usize) -> Edges {
        let at = |x: usize, y: usize| self.samples[y * self.stride + x];
        let mut e = Edges {
            top: [0.0; 33],
            left: [0.0; 33],
        };
        // What does not exist is as the nearest that does.
        let (has_left, has_top) = (x > 0, y > 0);
        e.top[0] = match (has_left, has_top) {
            (true, true) => at(x - 1, y - 1),
            (true, false) => at(x - 1, y),
            (false, true) => at(x, y - 1),
            (false, false) => 0.0,
        };
        e.left[0] = e.top[0];
        for i in 0..n {
            e.left[1 + i] = if has_left { at(x - 1, y + i) } else { e.top[0] };
            e.top[1 + i] = if has_top { at(x + i, y - 1) } else { e.top[0] };
        }
        for i in n..2 * n {
            e.left[1 + i] = e.left[n];
            let cells = self.stride / 8;
            let there =
                has_top && x + i < self.stride && self.done[(y / 8 - 1) * cells + (x + i) / 8];
            e.top[1 + i] = if there { at(x + i, y - 1) } else { e.top[i] };
        }
        e
    }

    /// The prediction of the block of side `n` at (x, y).
    pub fn predict(&self, mode: usize, x: usize, y: usize, n: usize, out: &mut [f32]) {
        let e = self.edges(x, y, n);
        match mode {
            0 => {
                let mut sum = 0.0;
                for i in 1..=n {
                    sum += e.top[i] + e.left[i];
                }
                out[..n * n].fill(sum * if n == 8 { 1.0 / 16.0 } else { 1.0 / 32.0 });
            }
            1 => {
                let scale = if n == 8 { 1.0 / 16.0 } else { 1.0 / 32.0 };
                for (i, row) in out[..n * n].chunks_exact_mut(n).enumerate() {
                    for (j, o) in row.iter_mut().enumerate() {
                        let across =
                            (n - 1 - j) as f32 * e.left[i + 1] + (j + 1) as f32 * e.top[n + 1];
                        let down =
                            (n - 1 - i) as f32 * e.top[j + 1] + (i + 1) as f32 * e.left[n + 1];
                        *o = (across + down) * scale;
                    }
                }
            }
            m if m < 2 + VERTICAL.len() => {
                angular(VERTICAL[m - 2], &e.top, &e.left, n, |i, j, v| {
                    out[i * n + j] = v
                })
            }
            m => {
                let angle = HORIZONTAL[(m - 2 - VERTICAL.len()).min(HORIZONTAL.len() - 1)];
                angular(angle, &e.left, &e.top, n, |i, j, v| out[j * n + i] = v);
            }
        }
    }
}

/// Rows `i` of a block continued from the edge `main`, moved by `angle` / 32 a row; before its corner lies the other edge.
fn angular(
    angle: i32,
    main: &[f32; 33],
    side: &[f32; 33],
    n: usize,
    mut put: impl FnMut(usize, usize, f32),
) {
    let at = |i: i32| {
        if i >= 0 {
            main[(i as usize).min(32)]
        } else {
            let k = (-i * (8192 / angle.abs().max(1)) + 128) >> 8;
            side[(k as usize).min(n)]
        }
    };
    for i in 0..n {
        let pos = (i as i32 + 1) * angle;
        let (whole, part) = (pos >> 5, (pos & 31) as f32 * (1.0 / 32.0));
        for j in 0..n {
            let (a, b) = (at(j as i32 + whole + 1), at(j as i32 + whole + 2));
            put(i, j, if part == 0.0 { a } else { a + (b - a) * part });
        }
    }
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
