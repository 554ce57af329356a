//! Group-residual vector quantisation: nearest codes, stage after stage.

use nc_core::{Error, Result};
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
        let books = books.map_err(|e| Error::Model(e.to_string().into()))?;
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
        let rows = z.chunks_exact(self.config.latent);
        let frames = rows.len();
        let mut ids = vec![0; frames.saturating_mul(n)];
        let mut found = vec![0u32; frames];
        for g in 0..self.config.groups {
            let group = |row| <[f32]>::chunks_exact(row, dim).nth(g).unwrap_or_default();
            let mut rest: Vec<f32> = rows.clone().flat_map(group).copied().collect();
            let books = self.books.iter().zip(plain).enumerate().take(n);
            for (q, (book, plain)) in books.skip(g).step_by(self.config.groups) {
                self.kernels
                    .nearest(book, &rest, &mut found)
                    .map_err(|e| Error::Model(e.to_string().into()))?;
                for ((row, id), out) in rest
                    .chunks_exact_mut(dim)
                    .zip(&found)
                    .zip(ids.iter_mut().skip(q).step_by(n))
                {
                    let code = plain.chunks_exact(dim).nth(*id as usize);
                    let code = code.unwrap_or_default();
                    row.iter_mut().zip(code).for_each(|(r, c)| *r -= c);
                    *out = *id as u16;
                }
            }
        }
        Ok(ids)
    }
}
