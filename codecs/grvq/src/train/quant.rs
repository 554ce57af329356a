//! Learning the codebooks: exponential moving averages, k-means start, dead codes moved.
//!
//! The straight-through gradient goes to the encoder with a commitment term; codebooks follow
//! their assigned vectors (van den Oord et al. 2017, appendix A.1), and a code that is hardly
//! used takes the place of a random residual of the batch (Zeghidour et al. 2021).

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

use crate::config::Config;
use nc_core::rng::Rng;
use nc_core::{Error, Result};
use nc_learn::Checkpoint;

/// Decay of the moving averages.
const DECAY: f32 = 0.99;
/// Share of the mean moving count under which a code is dead.
const DEAD: f32 = 0.1;

/// One codebook under training.
#[derive(Clone)]
pub struct Book {
    /// `[codes, group_dim]`.
    pub codes: Array2<f32>,
    count: Vec<f32>,
    sum: Array2<f32>,
}

/// What a batch assigned to a codebook.
pub struct Assigned {
    count: Vec<f32>,
    sum: Array2<f32>,
    /// A few of the vectors, to revive dead codes with.
    pool: Vec<f32>,
}

/// All codebooks; quantiser `q` is stage `q / groups`, group `q % groups`.
#[derive(Clone)]
pub struct Quantiser {
    /// Codebooks by quantiser.
    pub books: Vec<Book>,
    groups: usize,
    dim: usize,
}

/// Tokens and assignments of one call.
pub struct Coded {
    /// `[rows][quantisers]`, row-major; `u16::MAX` where a row does not use the quantiser.
    pub tokens: Vec<u16>,
    /// By quantiser.
    pub assigned: Vec<Assigned>,
    /// Mean squared error per latent dimension.
    pub error: f32,
}

/// Index of the nearest code for each row of `x [n, d]`.
pub fn nearest(x: ArrayView2<'_, f32>, codes: &Array2<f32>) -> Vec<usize> {
    let half: Vec<f32> = codes.rows().into_iter().map(|c| 0.5 * c.dot(&c)).collect();
    let mut dots = Array2::zeros((x.nrows(), codes.nrows()));
    general_mat_mul(1.0, &x, &codes.t(), 0.0, &mut dots);
    dots.rows()
        .into_iter()
        .map(|row| {
            let mut best = (0, f32::NEG_INFINITY);
            for (k, (d, h)) in row.iter().zip(&half).enumerate() {
                if d - h > best.1 {
                    best = (k, d - h);
                }
            }
            best.0
        })
        .collect()
}

impl Quantiser {
    /// Codebooks of zeros; call [`Self::start`] before use.
    pub fn new(config: &Config) -> Self {
        let shape = (config.codes, config.group_dim());
        let book = Book {
            codes: Array2::zeros(shape),
            count: vec![1.0; config.codes],
            sum: Array2::zeros(shape),
        };
        Self {
            books: vec![book; config.quantisers()],
            groups: config.groups,
            dim: config.group_dim(),
        }
    }

    /// Everything that a checkpoint keeps, by name.
    pub fn state(&self) -> Vec<(String, Vec<f32>)> {
        let mut out = Vec::new();
        for (q, b) in self.books.iter().enumerate() {
            out.push((format!("book.{q}.codes"), b.codes.iter().copied().collect()));
            out.push((format!("book.{q}.count"), b.count.clone()));
            out.push((format!("book.{q}.sum"), b.sum.iter().copied().collect()));
        }
        out
    }

    /// The inverse of [`Self::state`].
    ///
    /// # Errors
    /// [`nc_core::Error::Format`] for other sizes.
    pub fn restore(config: &Config, from: &mut Checkpoint) -> Result<Self> {
        let mut out = Self::new(config);
        let shape = (config.codes, config.group_dim());
        let mut matrix = |name: String| -> Result<Array2<f32>> {
            let v = from.take_floats(&name, shape.0 * shape.1)?;
            Array2::from_shape_vec(shape, v)
                .map_err(|e| Error::Internal(format!("checkpoint: codebook: {e}").into()))
        };
        for (q, b) in out.books.iter_mut().enumerate() {
            b.codes = matrix(format!("book.{q}.codes"))?;
            b.sum = matrix(format!("book.{q}.sum"))?;
        }
        for (q, b) in out.books.iter_mut().enumerate() {
            b.count = from.take_floats(&format!("book.{q}.count"), config.codes)?;
        }
        Ok(out)
    }

    /// k-means over `z [rows, latent]`, stage after stage on the residuals.
    pub fn start(&mut self, z: &[f32], latent: usize, rounds: usize, rng: &mut Rng) {
        let rows = z.len() / latent;
        let mut residual = z.to_vec();
        let (groups, dim) = (self.groups, self.dim);
        for (q, book) in self.books.iter_mut().enumerate() {
            let at = (q % groups) * dim;
            let x = gather(&residual, rows, latent, at, dim);
            for mut code in book.codes.rows_mut() {
                code.assign(&x.row(rng.below(rows)));
            }
            for _ in 0..rounds {
                let ids = nearest(x.view(), &book.codes);
                let (count, sum) = totals(&x, &ids, book.codes.nrows());
                for (k, n) in count.iter().enumerate() {
                    if *n > 0.0 {
                        book.codes.row_mut(k).assign(&(&sum.row(k) / *n));
                    } else {
                        book.codes.row_mut(k).assign(&x.row(rng.below(rows)));
                    }
                }
            }
            let ids = nearest(x.view(), &book.codes);
            for (row, id) in residual.chunks_exact_mut(latent).zip(&ids) {
                for (r, c) in row[at..at + dim].iter_mut().zip(book.codes.row(*id)) {
                    *r -= c;
                }
            }
            book.count.fill(1.0);
            book.sum.assign(&book.codes);
        }
    }

    /// `rounds` of k-means over `z [rows, latent]` from the codes as they are, stage after stage on
    /// the residuals; row `r` takes part in the first `depth[r]` quantisers. Codes that nothing is
    /// nearest to stay.
    pub fn refit(&mut self, z: &[f32], latent: usize, depth: &[usize], rounds: usize) {
        let mut residual = z.to_vec();
        let (groups, dim) = (self.groups, self.dim);
        for (q, book) in self.books.iter_mut().enumerate() {
            let at = (q % groups) * dim;
            let active: Vec<usize> = (0..depth.len()).filter(|r| depth[*r] > q).collect();
            let x = Array2::from_shape_fn((active.len(), dim), |(r, i)| {
                residual[active[r] * latent + at + i]
            });
            for round in 0..=rounds {
                let tiles: Vec<_> = x.axis_chunks_iter(Axis(0), 4096).collect();
                let ids: Vec<usize> = tiles
                    .into_par_iter()
                    .flat_map_iter(|t| nearest(t, &book.codes))
                    .collect();
                if round == rounds {
                    for (r, id) in active.iter().zip(&ids) {
                        for (v, c) in residual[r * latent + at..]
                            .iter_mut()
                            .zip(book.codes.row(*id))
                        {
                            *v -= c;
                        }
                    }
                    break;
                }
                let (count, sum) = totals(&x, &ids, book.codes.nrows());
                for (k, n) in count.iter().enumerate().filter(|(_, n)| **n > 0.0) {
                    book.codes.row_mut(k).assign(&(&sum.row(k) / *n));
                }
            }
        }
    }

    /// Quantises `z [rows, latent]`; row `r` uses the first `depth[r]` quantisers.
    pub fn code(
        &self,
        z: &[f32],
        latent: usize,
        depth: &[usize],
        rng: &mut Rng,
    ) -> (Vec<f32>, Coded) {
        let rows = z.len() / latent;
        let quantisers = self.books.len();
        let mut residual = z.to_vec();
        let mut tokens = vec![u16::MAX; rows * quantisers];
        let mut assigned = Vec::with_capacity(quantisers);
        for (q, book) in self.books.iter().enumerate() {
            let at = (q % self.groups) * self.dim;
            let active: Vec<usize> = (0..rows).filter(|r| depth[*r] > q).collect();
            let mut x = Array2::zeros((active.len(), self.dim));
            for (mut row, r) in x.rows_mut().into_iter().zip(&active) {
                for (o, v) in row.iter_mut().zip(&residual[r * latent + at..]) {
                    *o = *v;
                }
            }
            let ids = nearest(x.view(), &book.codes);
            for (r, id) in active.iter().zip(&ids) {
                tokens[r * quantisers + q] = *id as u16;
                for (v, c) in residual[r * latent + at..]
                    .iter_mut()
                    .zip(book.codes.row(*id))
                {
                    *v -= c;
                }
            }
            let (count, sum) = totals(&x, &ids, book.codes.nrows());
            let pool = (0..if active.is_empty() { 0 } else { 8 })
                .flat_map(|_| x.row(rng.below(active.len())).to_vec())
                .collect();
            assigned.push(Assigned { count, sum, pool });
        }
        let error = residual.iter().map(|r| r * r).sum::<f32>() / residual.len() as f32;
        let out = z.iter().zip(&residual).map(|(z, r)| z - r).collect();
        (
            out,
            Coded {
                tokens,
                assigned,
                error,
            },
        )
    }

    /// Moves the codebooks after a batch; gives the number of dead codes revived.
    pub fn update(&mut self, batch: &[Vec<Assigned>], rng: &mut Rng) -> usize {
        let mut revived = 0;
        for (q, book) in self.books.iter_mut().enumerate() {
            let used: f32 = batch.iter().map(|b| b[q].count.iter().sum::<f32>()).sum();
            if used == 0.0 {
                continue;
            }
            book.count.iter_mut().for_each(|c| *c *= DECAY);
            book.sum *= DECAY;
            let mut pool: Vec<f32> = Vec::new();
            for b in batch {
                for (c, n) in book.count.iter_mut().zip(&b[q].count) {
                    *c += (1.0 - DECAY) * n;
                }
                book.sum.scaled_add(1.0 - DECAY, &b[q].sum);
                pool.extend(&b[q].pool);
            }
            // The moving mean: a batch may use a deep codebook much or not at all.
            let mean = book.count.iter().sum::<f32>() / book.codes.nrows() as f32;
            for k in 0..book.codes.nrows() {
                if book.count[k] < DEAD * mean && !pool.is_empty() {
                    let at = rng.below(pool.len() / self.dim) * self.dim;
                    for (i, v) in pool[at..at + self.dim].iter().enumerate() {
                        book.codes[(k, i)] = *v;
                    }
                    book.count[k] = 0.5 * mean;
                    let n = book.count[k];
                    book.sum.row_mut(k).assign(&(&book.codes.row(k) * n));
                    // A pool vector is used once, or several codes would coincide.
                    pool.drain(at..at + self.dim);
                    revived += 1;
                } else {
                    let n = book.count[k].max(1e-5);
                    book.codes.row_mut(k).assign(&(&book.sum.row(k) / n));
                }
            }
        }
        revived
    }
}

fn gather(z: &[f32], rows: usize, latent: usize, at: usize, dim: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, dim), |(r, i)| z[r * latent + at + i])
}

fn totals(x: &Array2<f32>, ids: &[usize], codes: usize) -> (Vec<f32>, Array2<f32>) {
    let mut count = vec![0.0; codes];
    let mut sum = Array2::zeros((codes, x.ncols()));
    for (row, id) in x.rows().into_iter().zip(ids) {
        count[*id] += 1.0;
        let mut s = sum.row_mut(*id);
        s += &row;
    }
    (count, sum)
}
