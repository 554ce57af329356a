//! Group-residual vector quantisation: nearest codes, stage after stage.

use crate::config::Config;

/// Tokens of latents `z [frames, latent]` at full depth: `[frames][quantisers]`.
///
/// Each quantiser takes the code nearest to what the stages before it left of its group, the
/// lowest index on ties.
pub fn quantise(config: &Config, books: &[Vec<f32>], z: &[f32]) -> Vec<u16> {
    let dim = config.group_dim();
    let n = config.quantisers();
    let frames = z.len() / config.latent;
    let mut residual = z.to_vec();
    let mut ids = vec![0; frames * n];
    for (q, book) in books.iter().enumerate() {
        let at = (q % config.groups) * dim;
        let half: Vec<f32> = book
            .chunks_exact(dim)
            .map(|c| 0.5 * c.iter().map(|v| v * v).sum::<f32>())
            .collect();
        for (t, row) in residual.chunks_exact_mut(config.latent).enumerate() {
            let x = &mut row[at..at + dim];
            let mut best = (0, f32::NEG_INFINITY);
            for (k, (code, half)) in book.chunks_exact(dim).zip(&half).enumerate() {
                let score = code.iter().zip(x.iter()).map(|(c, x)| c * x).sum::<f32>() - half;
                if score > best.1 {
                    best = (k, score);
                }
            }
            ids[t * n + q] = best.0 as u16;
            let code = &book[best.0 * dim..(best.0 + 1) * dim];
            x.iter_mut().zip(code).for_each(|(x, c)| *x -= c);
        }
    }
    ids
}
