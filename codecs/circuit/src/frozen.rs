//! A circuit in integers: the tables that the coder runs on.
//!
//! Every probability becomes the integer `w = floor(p * 2^24)` first, which is exact for what a
//! model file holds (halves are multiples of 2^-24), and all tables follow from these in integer
//! arithmetic.

use nc::entropy::WIDE_PRECISION;
use nc::{Error, Result};
use nc_kernels::{Kernels, PackedLinear};
use rayon::prelude::*;

use crate::text::Texts;
use crate::{Circuit, Tree};

/// Bits of an edge's entry.
pub(crate) const EDGE: u32 = 16;
/// Bits of a leaf's total.
pub(crate) const LEAF: u32 = 20;
/// Bits of the mixture's weights.
pub(crate) const WEIGHT: u32 = 16;

/// A circuit in integers. Immutable, shared between threads.
#[derive(Debug, Clone)]
pub struct Frozen {
    pub(crate) tree: Tree,
    pub(crate) alphabets: Vec<u32>,
    /// Per variable the value that says that a text follows.
    pub(crate) open: Vec<Option<u16>>,
    pub(crate) texts: Texts,
    /// Vertices that have a stream of their own, before those of the others; 0 for none.
    pub(crate) first: usize,
    pub(crate) kernels: Kernels,
    pub(crate) vertices: Vec<Tables>,
}

/// One vertex.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    /// Parent's states to the vertex's; of the root nothing.
    pub(crate) down: Option<PackedLinear>,
    /// And back.
    pub(crate) up: Option<PackedLinear>,
    /// The root's probabilities.
    pub(crate) prior: Vec<f32>,
    /// Cumulative frequencies `[values + 1, states]`, rising to 2^20; empty without a variable.
    pub(crate) leaf: Vec<u32>,
    /// How the mean of the states spreads over values, `[values + 1]`: where a search starts.
    pub(crate) guide: Vec<u32>,
}

/// `floor(p * 2^24)`.
fn whole(p: f32) -> u64 {
    (p * (1u32 << 24) as f32) as u64
}

/// Integers of sum `2^bits` in proportion to a row of weights, rounded down, the rest to the first
/// greatest; an even row where there is no weight.
fn share_out(weights: &[u64], bits: u32) -> Vec<u32> {
    let sum: u64 = weights.iter().sum();
    if sum == 0 {
        return share_out(&vec![1; weights.len()], bits);
    }
    let mut out: Vec<u32> = weights.iter().map(|w| ((w << bits) / sum) as u32).collect();
    let rest = (1u32 << bits).saturating_sub(out.iter().sum());
    let most = weights.iter().max().copied().unwrap_or(0);
    if let Some(at) = weights.iter().position(|w| *w == most) {
        out[at] += rest;
    }
    out
}

/// Rows `[parent's states, states]` as shares of one, each a multiple of 2^-16.
fn edge(table: &[f32], states: usize) -> Vec<f32> {
    table
        .chunks_exact(states)
        .flat_map(|row| {
            let weights: Vec<u64> = row.iter().map(|p| whole(*p)).collect();
            share_out(&weights, EDGE)
        })
        .map(|w| w as f32 / (1u32 << EDGE) as f32)
        .collect()
}

/// Cumulative frequencies of each state: `round(2^20 * sum of weights so far / sum of all)`.
fn leaf(table: &[f32], states: usize) -> Vec<u32> {
    let mut totals = vec![0u64; states];
    for row in table.chunks_exact(states) {
        totals
            .iter_mut()
            .zip(row)
            .for_each(|(t, p)| *t += whole(*p));
    }
    let mut sums = vec![0u64; states];
    let mut out = vec![0; states];
    out.reserve(table.len());
    for row in table.chunks_exact(states) {
        for ((s, p), t) in sums.iter_mut().zip(row).zip(&totals) {
            *s += whole(*p);
            out.push((((*s << LEAF) + t / 2) / (*t).max(1)) as u32);
        }
    }
    // As they are, but for a state without any weight.
    let last = table.len();
    out[last..].fill(1 << LEAF);
    out
}

impl Tables {
    fn new(circuit: &Circuit, i: usize) -> Result<Self> {
        let wrong = |e: nc_kernels::KernelError| Error::Format(format!("circuit: {e}"));
        let v = circuit.tree().vertices()[i];
        let k = v.states;
        let edge = edge(circuit.edge(i), k);
        let above = edge.len() / k;
        let (mut down, mut up, mut prior) = (None, None, Vec::new());
        if v.parent.is_some() {
            let mut turned = vec![0.0; edge.len()];
            for (r, row) in edge.chunks_exact(k).enumerate() {
                for (c, x) in row.iter().enumerate() {
                    turned[c * above + r] = *x;
                }
            }
            down = Some(PackedLinear::new(&turned, None, k, above).map_err(wrong)?);
            up = Some(PackedLinear::new(&edge, None, above, k).map_err(wrong)?);
        } else {
            prior = edge;
        }
        let table = circuit.leaf(i);
        let (leaf, mut guide) = if table.is_empty() {
            (Vec::new(), Vec::new())
        } else {
            let leaf = leaf(table, k);
            let guide = leaf.chunks_exact(k);
            let guide = guide.map(|row| row.iter().map(|c| c / k as u32).sum());
            let guide: Vec<u32> = guide.collect();
            (leaf, guide)
        };
        guide.shrink_to_fit();
        Ok(Self {
            down,
            up,
            prior,
            leaf,
            guide,
        })
    }
}

impl Frozen {
    /// Rounds a circuit's tables to integers, for the best kernels of this machine; no variable has
    /// texts.
    ///
    /// # Errors
    /// [`Error::Format`] for tables that the kernels cannot take.
    pub fn new(circuit: &Circuit) -> Result<Self> {
        Self::with_kernels(circuit, Kernels::best())
    }

    /// As [`Self::new`], with kernels of a chosen level.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn with_kernels(circuit: &Circuit, kernels: Kernels) -> Result<Self> {
        let tree = circuit.tree().clone();
        let vertices: Result<Vec<Tables>> = (0..tree.vertices().len())
            .into_par_iter()
            .map(|i| Tables::new(circuit, i))
            .collect();
        Ok(Self {
            tree,
            alphabets: circuit.alphabets().to_vec(),
            open: vec![None; circuit.alphabets().len()],
            texts: Texts::default(),
            first: 0,
            kernels,
            vertices: vertices?,
        })
    }

    /// With texts: `open` has for each variable the value that says that a text follows.
    ///
    /// # Errors
    /// [`Error::Format`] where `open` does not fit the variables.
    pub fn with_texts(mut self, open: Vec<Option<u16>>, texts: Texts) -> Result<Self> {
        let outside = |(o, n): (&Option<u16>, &u32)| o.is_some_and(|o| u32::from(o) >= *n);
        if open.len() != self.alphabets.len() || open.iter().zip(&self.alphabets).any(outside) {
            return Err(Error::Format("circuit: open values that do not fit".into()));
        }
        self.open = open;
        self.texts = texts;
        Ok(self)
    }

    /// With the first `vertices` coded into a stream of their own, which decodes without the rest.
    ///
    /// # Errors
    /// [`Error::Format`] for more than there are.
    pub fn with_first(mut self, vertices: usize) -> Result<Self> {
        if vertices >= self.vertices.len() {
            return Err(Error::Format("circuit: no vertices after the first".into()));
        }
        self.first = vertices;
        Ok(self)
    }

    /// Multiply-adds through edges that a record costs to encode or to decode: every edge down once and
    /// up once.
    #[must_use]
    pub fn multiply_adds(&self) -> usize {
        let each = |t: &Tables| {
            let down = t.down.as_ref().map_or(0, |l| l.inputs() * l.outputs());
            let up = t.up.as_ref().map_or(0, |l| l.inputs() * l.outputs());
            down + up
        };
        self.vertices.iter().map(each).sum()
    }

    /// Streams of each group of records: 2 where first variables have their own.
    #[must_use]
    pub fn streams(&self) -> usize {
        if self.first > 0 { 2 } else { 1 }
    }

    /// Which of a group's streams a vertex is coded into.
    pub(crate) fn stream(&self, vertex: usize) -> usize {
        usize::from(self.first > 0 && vertex >= self.first)
    }

    /// Number of values of each variable.
    #[must_use]
    pub fn alphabets(&self) -> &[u32] {
        &self.alphabets
    }

    /// Variables in the order in which they are coded.
    pub fn order(&self) -> impl Iterator<Item = usize> + '_ {
        self.tree.vertices().iter().filter_map(|v| v.variable)
    }

    /// Left end of symbol `x`'s share of 2^24 under integer mixture weights of sum 2^16.
    pub(crate) fn left(&self, vertex: usize, weights: &[u32], x: usize) -> u32 {
        let k = weights.len();
        let leaf = &self.vertices[vertex].leaf;
        let values = (leaf.len() / k - 1) as u64;
        let sum = match leaf.get(x * k..(x + 1) * k) {
            _ if x == 0 => 0,
            Some(row) if (x as u64) < values => self.kernels.mix(weights, row),
            _ => 1 << (LEAF + WEIGHT),
        };
        // The step of one per symbol leaves room for values that no state has seen.
        let spread = (1 << WIDE_PRECISION) - values;
        ((sum * spread) >> (LEAF + WEIGHT)) as u32 + x as u32
    }

    /// The symbol whose share holds `quantile`, with the share's ends. The search halves the mass
    /// that is left under the mean of the states, so likely values take few steps.
    pub(crate) fn find(&self, vertex: usize, weights: &[u32], quantile: u32) -> (u32, u32, u32) {
        let guide = &self.vertices[vertex].guide;
        let (mut low, mut high) = ((0, 0), (guide.len() - 1, 1 << WIDE_PRECISION));
        let mut even = false;
        while high.0 - low.0 > 1 {
            let inner = &guide[low.0 + 1..high.0];
            let half = guide[low.0] / 2 + guide[high.0] / 2;
            // Every other step halves the values, so that no search takes long.
            let mid = if even {
                usize::midpoint(low.0, high.0)
            } else {
                let at = inner.partition_point(|g| *g < half);
                // Of the two values around the middle, the one that leaves less.
                let near = |i: usize| inner.get(i).map_or(u32::MAX, |g| g.abs_diff(half));
                let at = if at > 0 && near(at - 1) < near(at) {
                    at - 1
                } else {
                    at
                };
                (low.0 + 1 + at).min(high.0 - 1)
            };
            even = !even && high.0 - low.0 > 8;
            let left = self.left(vertex, weights, mid);
            if left <= quantile {
                low = (mid, left);
            } else {
                high = (mid, left);
            }
        }
        (low.0 as u32, low.1, high.1)
    }
}
