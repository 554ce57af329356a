//! Local least squares: what a sample is likely to be, from the samples before it.
//!
//! The sums of normal equations are kept by blocks of columns and forget with each row; a block's weights come from its own
//! sums and those of its neighbours, once for each row.

use nc_core::{Error, Result};
use nc_kernels::{KernelError, Kernels, MAX_FEATURES, Squares};

/// A neighbour: columns and rows away, in the plane of this rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) dx: isize,
    pub(crate) dy: isize,
    pub(crate) rank: usize,
}

/// Of a sample's own plane, nearest first.
const OWN: [(isize, isize); 16] = [
    (-1, 0),
    (0, -1),
    (-1, -1),
    (1, -1),
    (-2, 0),
    (0, -2),
    (2, -1),
    (-2, -1),
    (-1, -2),
    (1, -2),
    (-3, 0),
    // What lies two rows up and further is the least telling.
    (2, -2),
    (-2, -2),
    (3, -1),
    (-3, -1),
    (-4, 0),
];
/// Of a plane that is known at this pixel.
const KNOWN: [(isize, isize); 7] = [
    (0, 0),
    (-1, 0),
    (0, -1),
    (1, -1),
    (-1, -1),
    (-2, 0),
    (0, -2),
];
/// Of one that is not.
const LATER: [(isize, isize); 4] = [(-1, 0), (0, -1), (1, -1), (-1, -1)];

/// Neighbours of a plane of rank `rank` of `planes`, in the order of the largest fit; and which of them the smaller fits take.
pub(crate) fn neighbours(
    rank: usize,
    planes: usize,
    alone: bool,
) -> (Vec<Neighbour>, [Vec<usize>; 3]) {
    let mut all = Vec::new();
    // The fits take so many of each kind.
    let mut taken = [Vec::new(), Vec::new(), Vec::new()];
    let mut take = |offsets: &[(isize, isize)], of: usize, counts: [usize; 3]| {
        for (i, (dx, dy)) in offsets.iter().enumerate() {
            for (taken, count) in taken.iter_mut().zip(counts) {
                if i < count {
                    taken.push(all.len());
                }
            }
            all.push(Neighbour {
                dx: *dx,
                dy: *dy,
                rank: of,
            });
        }
    };
    take(&OWN, rank, [16, 12, 6]);
    if !alone {
        for of in 0..planes {
            match of {
                of if of == rank => {}
                of if of < rank => {
                    let most = if of == 0 { 7 } else { 5 };
                    take(&KNOWN[..most], of, [most, most, 3]);
                }
                of => take(&LATER, of, [4, 4, 2]),
            }
        }
    }
    debug_assert!(all.len() < MAX_FEATURES);
    (all, taken)
}

/// A fit over some of the neighbours.
pub(crate) struct Fit {
    kernels: Kernels,
    /// Which of the neighbours it takes.
    taken: Vec<usize>,
    /// Columns of a block.
    block: usize,
    /// What is left of the sums after a row.
    keep: f32,
    /// Blocks on either side that count.
    reach: usize,
    blocks: Vec<Squares>,
    /// Sums of the block that is coded.
    fresh: Squares,
    solved: Squares,
    weights: Vec<f32>,
    /// The last sample's neighbours.
    x: Vec<f32>,
    /// The block that is coded.
    current: Option<usize>,
}

pub(crate) fn fault(e: KernelError) -> Error {
    Error::Internal(format!("picture: {e}").into())
}

/// Weight of the pull towards the weights before.
const RIDGE: f32 = 2.0;

impl Fit {
    pub(crate) fn new(
        kernels: Kernels,
        taken: Vec<usize>,
        width: usize,
        block: usize,
        keep: f32,
        reach: usize,
    ) -> Result<Self> {
        let sums = Squares::new(taken.len()).map_err(fault)?;
        let mut new = Self {
            kernels,
            block,
            keep,
            reach,
            blocks: vec![sums.clone(); width.div_ceil(block)],
            weights: vec![0.0; taken.len()],
            x: vec![0.0; sums.width()],
            fresh: sums.clone(),
            solved: sums,
            taken,
            current: None,
        };
        new.reset();
        Ok(new)
    }

    /// Half of what lies left and half of what lies above.
    fn reset(&mut self) {
        self.weights.fill(0.0);
        for w in self.weights.iter_mut().take(2) {
            *w = 0.5;
        }
    }

    /// Before the sample in column `x` is coded: a block that begins gets its weights.
    pub(crate) fn begin(&mut self, x: usize) -> Result<()> {
        let at = x / self.block;
        if self.current == Some(at) {
            return Ok(());
        }
        self.end()?;
        self.current = Some(at);
        self.solved.clear();
        let from = at.saturating_sub(self.reach);
        let to = (at + self.reach + 2).min(self.blocks.len());
        for (i, sums) in self.blocks.iter().enumerate().take(to).skip(from) {
            let by = match at.abs_diff(i) {
                0 | 1 => 1.0,
                2 => 0.6,
                _ => 0.3,
            };
            (self.kernels)
                .squares_add_scaled(&mut self.solved, sums, by)
                .map_err(fault)?;
        }
        let n = self.weights.len();
        let ridge = RIDGE + 1e-4 * self.solved.trace() / n as f32;
        let mut towards = [0.0; MAX_FEATURES];
        for (t, w) in towards.iter_mut().zip(&self.weights) {
            *t = w * 0.9;
        }
        self.solved.pull(ridge, &towards[..n]);
        (self.kernels)
            .squares_solve(&mut self.solved, &mut self.weights)
            .map_err(fault)?;
        // What is not a number is no weight either.
        if !self.weights.iter().all(|w| w.abs() < 100.0) {
            self.reset();
        }
        Ok(())
    }

    /// What the sample is likely to be, by its neighbours' distances from the mean.
    #[inline]
    pub(crate) fn predict(&mut self, neighbours: &[f32]) -> f32 {
        let mut sums = [0.0f32; 4];
        for (i, (x, at)) in self.x.iter_mut().zip(&self.taken).enumerate() {
            *x = neighbours[*at];
            sums[i & 3] += *x * self.weights[i];
        }
        (sums[0] + sums[2]) + (sums[1] + sums[3])
    }

    /// Learns what it was: its distance from the mean, of this weight.
    #[inline]
    pub(crate) fn learn(&mut self, target: f32, weight: f32) -> Result<()> {
        self.x[self.taken.len()] = target;
        (self.kernels)
            .squares_add(&mut self.fresh, &self.x, weight)
            .map_err(fault)
    }

    /// After a block, or the last of a row.
    pub(crate) fn end(&mut self) -> Result<()> {
        match self.current.take() {
            None => Ok(()),
            Some(block) => (self.kernels)
                .squares_decay(&mut self.blocks[block], &mut self.fresh, self.keep)
                .map_err(fault),
        }
    }
}
