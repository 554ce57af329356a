//! Group-residual vector quantisation: nearest codes, stage after stage.

use nc::{Error, Result};
use nc_kernels::{Kernels, PackedCodebook};

use crate::config::Config;

/// Codebooks ready to be searched.
pub struct Quantiser {
    config: Config,
    kernels: Kernels,
    books: Vec<PackedCodebook>,
}

impl Quantiser {
    /// Over `books`, each `[codes, group_dim]`.
    ///
    /// # Errors
    /// [`Error::Model`] for books of other sizes.
    pub fn new(config: &Config, books: &[Vec<f32>], kernels: Kernels) -> Result<Self> {
        let pack = |b: &Vec<f32>| PackedCodebook::new(b, config.codes, config.group_dim());
        let books = books
            .iter()
            .map(pack)
            .collect::<std::result::Result<_, _>>();
        let books = books.map_err(|e| Error::Model(e.to_string()))?;
        Ok(Self {
            config: config.clone(),
            kernels,
            books,
        })
    }

    /// Tokens of latents `z [frames, latent]` at full depth: `[frames][quantisers]`.
    ///
    /// Each quantiser takes the code nearest to what the stages before it left of its group, the
    /// lowest index on ties.
    ///
    /// # Errors
    /// None for latents of whole frames.
    pub fn code(&self, plain: &[Vec<f32>], z: &[f32]) -> Result<Vec<u16>> {
        let dim = self.config.group_dim();
        let n = self.config.quantisers();
        let frames = z.len() / self.config.latent;
        let mut ids = vec![0; frames * n];
        let mut found = vec![0u32; frames];
        for g in 0..self.config.groups {
            let rows = z.chunks_exact(self.config.latent);
            let mut rest: Vec<f32> = rows
                .flat_map(|r| r[g * dim..(g + 1) * dim].iter().copied())
                .collect();
            for q in (g..n).step_by(self.config.groups) {
                self.kernels
                    .nearest(&self.books[q], &rest, &mut found)
                    .map_err(|e| Error::Model(e.to_string()))?;
                for ((row, id), out) in rest
                    .chunks_exact_mut(dim)
                    .zip(&found)
                    .zip(ids[q..].iter_mut().step_by(n))
                {
                    let at = *id as usize * dim;
                    row.iter_mut()
                        .zip(&plain[q][at..at + dim])
                        .for_each(|(r, c)| *r -= c);
                    *out = *id as u16;
                }
            }
        }
        Ok(ids)
    }
}
