//! The encoder's search of the codebooks: beams, stage after stage.
//!
//! Each frame keeps the few sums of codes that are nearest to its latent so far; a stage tries every code on each of
//! them and keeps the best again (multi-stage vector quantisation by M-algorithm: LeBlanc et al. 1993, section III).
//! One candidate is the greedy search, whose tokens at a depth are a prefix of those at any greater one. With more, the
//! best sum of four codes need not begin that of five, so the stages are kept as back pointers, and one search gives
//! the tokens of every depth. Frames do not depend on one another, so a stream can decide each as it comes.
//!
//! Nothing here decides a decoded symbol. The arithmetic is exact all the same, so that all machines write one file.

use nc_core::{Error, Result};
use nc_kernels::{Kernels, Least, PackedLinear};

use crate::config::Config;
use crate::weights::fail;

/// Most candidates.
pub const MAX_WIDTH: usize = 16;
/// Rows that are multiplied together: their distances to 1024 codes, 192 KiB, stay in the second-level cache.
const ROWS: usize = 48;

/// Codebooks ready to be searched.
pub struct Search {
    config: Config,
    kernels: Kernels,
    books: Vec<PackedLinear>,
}

/// A candidate's last code, and which candidate of the stage before it goes on from.
#[derive(Clone, Copy, Default)]
struct Step {
    code: u16,
    parent: u8,
}

/// The candidates of one frame.
struct Frame {
    /// Codebooks that the frame can have.
    most: usize,
    /// What each candidate leaves of the latent, `[candidates][latent]`.
    rest: Vec<f32>,
    /// Each candidate's squared error, less that of no codes; ascending.
    errors: Vec<f32>,
    /// Stage by stage, the candidates in the order of their errors.
    steps: Vec<Vec<Step>>,
}

/// A search of a channel's frames, as deep as it has been asked for.
pub struct Beams<'a> {
    search: &'a Search,
    books: &'a [Vec<f32>],
    width: usize,
    depth: usize,
    frames: Vec<Frame>,
}

fn lost() -> Error {
    Error::Internal("search of codebooks: a candidate that was not kept".into())
}

impl Search {
    /// Over `books`, each `[codes, group_dim]`.
    ///
    /// # Errors
    /// [`Error::Model`] for books of other sizes.
    pub fn new(config: &Config, books: &[Vec<f32>], kernels: Kernels) -> Result<Self> {
        let dim = config.group_dim();
        // A code's squared distance from x is |x|^2 + |c|^2 - 2 c x.
        let pack = |book: &Vec<f32>| {
            let norms = book.chunks_exact(dim);
            let norms: Vec<f32> = norms
                .map(|c| c.iter().fold(0.0, |s, v| s + v * v))
                .collect();
            let twice: Vec<f32> = book.iter().map(|v| -2.0 * v).collect();
            PackedLinear::new(&twice, Some(&norms), config.codes, dim)
        };
        let books = books.iter().map(pack).collect::<Result<_, _>>();
        Ok(Self {
            config: config.clone(),
            kernels,
            books: books.map_err(|e| Error::Model(e.to_string().into()))?,
        })
    }

    /// Begins a search with up to `width` candidates for latents `z [frames][latent]`; frame `t` can have `most[t]`
    /// codebooks. `books` are those that this was made of.
    ///
    /// # Errors
    /// [`Error::Internal`] for latents that do not fit `most`.
    pub fn begin<'a>(
        &'a self,
        books: &'a [Vec<f32>],
        z: &[f32],
        most: &[usize],
        width: usize,
    ) -> Result<Beams<'a>> {
        let z = z.chunks_exact(self.config.latent);
        if z.len() != most.len() || books.len() != self.books.len() {
            return Err(Error::Internal("search of other frames".into()));
        }
        let frame = |(z, most): (&[f32], &usize)| Frame {
            most: *most,
            rest: z.to_vec(),
            errors: vec![0.0],
            steps: Vec::new(),
        };
        Ok(Beams {
            search: self,
            books,
            width: width.clamp(1, MAX_WIDTH),
            depth: 0,
            frames: z.zip(most).map(frame).collect(),
        })
    }

    /// Bytes that a frame's search holds for `width` candidates.
    pub fn frame_bytes(&self, width: usize) -> u64 {
        let c = &self.config;
        let candidate = (c.latent + 1) * size_of::<f32>() + c.quantisers() * size_of::<Step>();
        (size_of::<Frame>() + width * candidate + c.quantisers() * size_of::<Vec<Step>>()) as u64
    }
}

impl Beams<'_> {
    /// Searches codebooks up to `depth`, of the frames that can have so many.
    fn extend(&mut self, depth: usize) -> Result<()> {
        let c = &self.search.config;
        let (codes, dim) = (c.codes, c.group_dim());
        let books = self.search.books.iter().zip(self.books).enumerate();
        for (q, (packed, plain)) in books.take(depth).skip(self.depth) {
            let start = q % c.groups * dim;
            let mut deep: Vec<&mut Frame> = self.frames.iter_mut().filter(|f| f.most > q).collect();
            // As many candidates before this stage in all frames.
            let from = deep.first().map_or(1, |f| f.errors.len());
            let to = (from * codes).min(self.width);
            let (mut rows, mut scores) = (Vec::new(), Vec::new());
            let mut found = vec![Least::NONE; to];
            for tile in deep.chunks_mut((ROWS / from).max(1)) {
                rows.clear();
                for frame in tile.iter() {
                    let rests = frame.rest.chunks_exact(c.latent);
                    rows.extend(rests.flat_map(|r| r.iter().skip(start).take(dim)));
                }
                scores.resize(tile.len() * from * codes, 0.0);
                let k = &self.search.kernels;
                k.linear(packed, &rows, &mut scores).map_err(fail)?;
                for (frame, scores) in tile.iter_mut().zip(scores.chunks_exact_mut(from * codes)) {
                    for (scores, error) in scores.chunks_exact_mut(codes).zip(&frame.errors) {
                        scores.iter_mut().for_each(|s| *s += error);
                    }
                    k.least(from * codes, scores, &mut found).map_err(fail)?;
                    frame.keep(&found, c, plain, start)?;
                }
            }
            self.depth = q + 1;
        }
        Ok(())
    }

    /// The best tokens for frames of `depths[t]` codebooks: `[frames][quantisers]`, 0 beyond a frame's depth.
    ///
    /// # Errors
    /// [`Error::Internal`] for a depth beyond what the frame can have.
    pub fn tokens(&mut self, depths: &[usize]) -> Result<Vec<u16>> {
        if let Some(depth) = depths.iter().max() {
            self.extend(*depth)?;
        }
        let n = self.search.config.quantisers();
        let mut ids = vec![0; self.frames.len() * n];
        if depths.len() != self.frames.len() {
            return Err(lost());
        }
        for ((frame, depth), ids) in self.frames.iter().zip(depths).zip(ids.chunks_exact_mut(n)) {
            let steps = frame.steps.get(..*depth).ok_or_else(lost)?;
            let mut at = 0;
            for (steps, id) in steps.iter().zip(ids).rev() {
                let step = steps.get(at).ok_or_else(lost)?;
                *id = step.code;
                at = usize::from(step.parent);
            }
        }
        Ok(ids)
    }
}

impl Frame {
    /// Goes on with the candidates `found` among the scores `[candidates][codes]` of codebook `book`, whose group
    /// begins at `start` of the latent.
    fn keep(&mut self, found: &[Least], c: &Config, book: &[f32], start: usize) -> Result<()> {
        let dim = c.group_dim();
        let mut rest = Vec::with_capacity(found.len() * c.latent);
        let mut steps = Vec::with_capacity(found.len());
        self.errors.clear();
        for l in found {
            let (parent, code) = (l.index as usize / c.codes, l.index as usize % c.codes);
            let mut before = self.rest.chunks_exact(c.latent);
            let mut words = book.chunks_exact(dim);
            let before = before.nth(parent).ok_or_else(lost)?;
            let word = words.nth(code).ok_or_else(lost)?;
            let at = rest.len() + start;
            rest.extend_from_slice(before);
            let group = rest.iter_mut().skip(at);
            group.zip(word).for_each(|(r, w)| *r -= w);
            steps.push(Step {
                code: code as u16,
                parent: parent as u8,
            });
            // One candidate has nobody to be compared with.
            self.errors
                .push(if found.len() == 1 { 0.0 } else { l.value });
        }
        self.rest = rest;
        self.steps.push(steps);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use nc_core::rng::Rng;

    const CODES: usize = 4;
    const LATENT: usize = 4;

    /// Six codebooks, in one group or two.
    fn books(groups: usize, rng: &mut Rng) -> (Config, Vec<Vec<f32>>) {
        let config = Config {
            latent: LATENT,
            groups,
            stages: 6 / groups,
            codes: CODES,
            ..Config::default()
        };
        let size = CODES * config.group_dim();
        let book = |q: i32| {
            (0..size)
                .map(|_| (rng.unit() - 0.5) * 0.7f32.powi(q))
                .collect()
        };
        (config, (0..6).map(book).collect())
    }

    fn error(config: &Config, books: &[Vec<f32>], z: &[f32], ids: &[usize]) -> f32 {
        let dim = config.group_dim();
        let mut rest = z.to_vec();
        for (q, (id, book)) in ids.iter().zip(books).enumerate() {
            let group = rest.iter_mut().skip(q % config.groups * dim);
            group
                .zip(&book[id * dim..][..dim])
                .for_each(|(r, c)| *r -= c);
        }
        rest.iter().map(|r| r * r).sum()
    }

    #[test]
    fn a_wide_beam_finds_the_best_and_a_wider_one_is_no_worse() {
        let mut rng = Rng::new(3);
        for groups in [1, 2] {
            let (config, books) = books(groups, &mut rng);
            let search = Search::new(&config, &books, Kernels::best()).unwrap();
            let z: Vec<f32> = (0..20 * LATENT).map(|_| rng.unit() - 0.5).collect();
            let of = |width: usize, depth: usize| -> Vec<f32> {
                let mut beams = search.begin(&books, &z, &[6; 20], width).unwrap();
                let ids = beams.tokens(&[depth; 20]).unwrap();
                let ids: Vec<usize> = ids.into_iter().map(usize::from).collect();
                let frames = ids.chunks(6).zip(z.chunks(LATENT));
                frames
                    .map(|(ids, z)| error(&config, &books, z, &ids[..depth]))
                    .collect()
            };
            // 64 candidates are all that three codebooks can give.
            for (got, z) in of(64, 3).iter().zip(z.chunks(LATENT)) {
                let all = (0..64).map(|i| error(&config, &books, z, &[i % 4, i / 4 % 4, i / 16]));
                let best = all.fold(f32::INFINITY, f32::min);
                assert!((got - best).abs() < 1e-5, "{got}, the best is {best}");
            }
            let sum = |width| of(width, 6).iter().sum::<f32>();
            assert!(sum(64) <= sum(8) && sum(8) < sum(1));
        }
    }

    #[test]
    fn one_search_gives_every_depth_and_greedy_ones_are_prefixes() {
        let mut rng = Rng::new(4);
        let (config, books) = books(1, &mut rng);
        let search = Search::new(&config, &books, Kernels::best()).unwrap();
        let z: Vec<f32> = (0..3 * LATENT).map(|_| rng.unit() - 0.5).collect();
        for width in [1, 5] {
            let mut all = search.begin(&books, &z, &[6, 2, 6], width).unwrap();
            let full = all.tokens(&[6, 2, 6]).unwrap();
            for depths in [[1, 1, 1], [3, 2, 5], [6, 2, 6]] {
                let mut some = search.begin(&books, &z, &[6, 2, 6], width).unwrap();
                let ids = some.tokens(&depths).unwrap();
                assert_eq!(ids, all.tokens(&depths).unwrap());
                for ((ids, full), depth) in ids.chunks(6).zip(full.chunks(6)).zip(depths) {
                    assert!(ids[depth..].iter().all(|id| *id == 0));
                    assert!(width > 1 || ids[..depth] == full[..depth]);
                }
            }
            assert!(matches!(all.tokens(&[6, 3, 6]), Err(Error::Internal(_))));
            assert!(matches!(all.tokens(&[1, 1]), Err(Error::Internal(_))));
        }
    }

    #[test]
    fn what_is_no_number_does_no_harm() {
        let mut rng = Rng::new(5);
        let (config, books) = books(1, &mut rng);
        let search = Search::new(&config, &books, Kernels::best()).unwrap();
        let z = [f32::NAN, 1.0, f32::INFINITY, 0.0];
        let mut beams = search.begin(&books, &z, &[6], 8).unwrap();
        assert_eq!(beams.tokens(&[6]).unwrap(), [0; 6]);
    }
}
