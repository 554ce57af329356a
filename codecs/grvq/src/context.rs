//! What the token prior knows before a frame: recent latents and slow averages of them.
//!
//! Only `+` and `*` in one order, so that encoder and decoder agree on every machine. Training
//! uses the same code, so it cannot drift from inference.

use crate::config::{Config, DECAYS, OFFSETS, RECENT};

/// The decoded past of one channel.
#[derive(Debug, Clone)]
pub struct Context {
    latent: usize,
    scale: f32,
    /// Newest first, `[RECENT][latent]`.
    past: Vec<f32>,
    /// Slow averages, `[DECAYS][latent]`.
    slow: Vec<f32>,
    last_depth: usize,
}

impl Context {
    /// Inputs of the frame network.
    pub const fn inputs(config: &Config) -> usize {
        config.prior_inputs()
    }

    /// An empty past. `scale` brings latents to unit size.
    pub fn new(config: &Config, scale: f32) -> Self {
        let of = |rows: usize| vec![0.0; config.latent * rows];
        Self {
            latent: config.latent,
            scale,
            past: of(RECENT),
            slow: of(DECAYS.len()),
            last_depth: 0,
        }
    }

    /// Inputs for a frame with this offset and depth.
    pub fn features(&self, offset: u8, depth: usize) -> Vec<f32> {
        let mut f = Vec::with_capacity(self.past.len() + self.slow.len() + OFFSETS + 2);
        f.extend_from_slice(&self.past);
        f.extend_from_slice(&self.slow);
        f.extend((0..OFFSETS).map(|o| if o == usize::from(offset) { 1.0 } else { 0.0 }));
        f.push(depth as f32 * 0.0625);
        f.push(self.last_depth as f32 * 0.0625);
        f
    }

    /// Takes in a decoded frame: `sum` is the sum of its codes.
    pub fn push(&mut self, sum: &[f32], depth: usize) {
        let n = self.latent;
        self.past.rotate_right(n);
        for (p, s) in self.past.iter_mut().zip(sum).take(n) {
            *p = s * self.scale;
        }
        for (average, decay) in self.slow.chunks_exact_mut(n).zip(DECAYS) {
            for (a, v) in average.iter_mut().zip(&self.past) {
                *a = decay * *a + (1.0 - decay) * v;
            }
        }
        self.last_depth = depth;
    }
}

/// Adds code `id` of quantiser `q` (`book` is `[codes, group_dim]`) to its group in `sum`.
pub fn add_code(config: &Config, book: &[f32], q: usize, id: u16, sum: &mut [f32]) {
    let dim = config.group_dim();
    let code = book.chunks_exact(dim).nth(usize::from(id));
    let group = q % config.groups;
    if let (Some(code), Some(sum)) = (code, sum.chunks_exact_mut(dim).nth(group)) {
        sum.iter_mut().zip(code).for_each(|(s, c)| *s += c);
    }
}
