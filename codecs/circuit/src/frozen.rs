//! A circuit in integers: the tables that the coder runs on.
//!
//! Every probability becomes the integer `w = floor(p * 2^24)` first, which is exact for what a
//! model file holds (halves are multiples of 2^-24), and all tables follow from these in integer
//! arithmetic.

use std::ops::Range;

use nc_core::entropy::WIDE_PRECISION;
use nc_core::{Error, Result};
use nc_kernels::{Kernels, PackedLinear};
use rayon::prelude::*;

use crate::text::Texts;
use crate::{Circuit, Span, Tree};

/// Bits of an edge's entry.
pub(crate) const EDGE: u32 = 16;
/// Bits of a leaf's total.
pub(crate) const LEAF: u32 = 20;
/// Bits of the mixture's weights' total.
const WEIGHT: u32 = 23;

/// What the probabilities of `states` states are multiplied by to become weights: so much less than 2^23
/// that no rounding brings the sum of weights over it. What is missing goes to the last value.
pub(crate) fn weights_total(states: usize) -> u32 {
    (1u32 << WEIGHT) - states as u32
}

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
    /// Per bin of the parent: its states to all of the vertex's; of the root nothing.
    pub(crate) down: Vec<PackedLinear>,
    /// Per bin of the parent and then of the vertex: the states of the one from those of the other.
    pub(crate) up: Vec<PackedLinear>,
    /// The root's probabilities.
    pub(crate) prior: Vec<f32>,
    pub(crate) bins: Vec<BinTables>,
}

/// One bin of a vertex.
#[derive(Debug, Clone)]
pub(crate) struct BinTables {
    pub(crate) values: Range<usize>,
    pub(crate) states: Range<usize>,
    /// Cumulative frequencies `[values + 1, states]`, rising to 2^20; empty without a variable.
    pub(crate) leaf: Vec<u32>,
    /// How the mean of the states spreads over values, `[values + 1]`: where a search starts.
    pub(crate) guide: Vec<u32>,
}

impl BinTables {
    fn new(circuit: &Circuit, vertex: usize, span: &Span) -> Result<Self> {
        let k = span.states.len();
        let size = span.values.len() * k;
        let (mut cumulative, mut guide) = (Vec::new(), Vec::new());
        // None without a variable.
        if size > 0 {
            let table = circuit.leaf(vertex).get(span.leaf..span.leaf + size);
            cumulative = leaf(table.ok_or_else(missing)?, k);
            let mean = |row: &[u32]| row.iter().map(|c| c / k as u32).sum::<u32>();
            guide.extend(cumulative.chunks_exact(k).map(mean));
        }
        Ok(Self {
            values: span.values.clone(),
            states: span.states.clone(),
            leaf: cumulative,
            guide,
        })
    }

    /// Row `i` of the cumulative frequencies; none beyond the last.
    fn row(&self, i: usize) -> Option<&[u32]> {
        let k = self.states.len();
        self.leaf.get(i * k..(i + 1) * k)
    }

    /// Rows `x` and `x + 1` of the cumulative frequencies of a value of this bin; none of another value.
    pub(crate) fn ends(&self, x: usize) -> Option<(&[u32], &[u32])> {
        let i = x.checked_sub(self.values.start)?;
        Some((self.row(i)?, self.row(i + 1)?))
    }
}

fn missing() -> Error {
    Error::Internal("circuit: a vertex or a value that is not there".into())
}

/// `floor(p * 2^24)`.
fn whole(p: f32) -> u64 {
    (p * (1u32 << 24) as f32) as u64
}

/// Integers of sum `2^bits` in proportion to a row of weights, rounded down, the rest to the first
/// greatest; an even row where there is no weight.
fn share_out(weights: &[u64], bits: u32) -> Vec<u32> {
    let sum: u64 = weights.iter().sum();
    if sum == 0 && !weights.is_empty() {
        return share_out(&vec![1; weights.len()], bits);
    }
    let share = |w: &u64| ((w << bits) / sum) as u32;
    let mut out: Vec<u32> = weights.iter().map(share).collect();
    // Rounded down, so together at most all.
    let rest = (1u32 << bits) - out.iter().sum::<u32>();
    // The last of the greatest in reverse is the first.
    if let Some((_, first)) = weights.iter().zip(&mut out).rev().max_by_key(|(w, _)| **w) {
        *first += rest;
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
            // At most 2^16 values of 2^24 and a little: under 2^61.
            let rounded = (*s << LEAF) + t / 2;
            out.push((rounded / (*t).max(1)) as u32);
        }
    }
    // As they are, but for a state without any weight.
    let last = out.iter_mut().skip(table.len());
    last.for_each(|end| *end = 1 << LEAF);
    out
}

/// Rows `rows` and columns `columns` of a table with rows of `k`, packed as they are or transposed.
fn pack(
    table: &[f32],
    k: usize,
    rows: &Range<usize>,
    columns: &Range<usize>,
    transposed: bool,
) -> Result<PackedLinear> {
    let (outputs, inputs) = (rows.len(), columns.len());
    let all = table.chunks_exact(k).skip(rows.start).take(outputs);
    let part = |row: &'_ [f32]| Some(row.get(columns.clone())?.to_vec());
    // Rows that are short are missed by the check of the size.
    let plain: Vec<f32> = all.filter_map(part).flatten().collect();
    let packed = if transposed {
        let column = |c| plain.iter().skip(c).step_by(inputs).copied();
        let turned: Vec<f32> = (0..inputs).flat_map(column).collect();
        PackedLinear::new(&turned, None, inputs, outputs)
    } else {
        PackedLinear::new(&plain, None, outputs, inputs)
    };
    packed.map_err(|e| Error::Internal(format!("circuit: {e}").into()))
}

impl Tables {
    /// The number of the bin that has value `x`; beyond the last for one that there is not.
    pub(crate) fn bin_of(&self, x: u16) -> usize {
        // Most vertices have one.
        match &self.bins[..] {
            [one] if usize::from(x) < one.values.end => 0,
            bins => bins.partition_point(|b| b.values.end <= usize::from(x)),
        }
    }

    /// The bin that has value `x`.
    fn bin(&self, x: u16) -> Option<&BinTables> {
        self.bins.get(self.bin_of(x))
    }

    /// Values of the vertex's variable; 0 without one.
    fn values(&self) -> usize {
        self.bins.last().map_or(0, |b| b.values.end)
    }

    fn new(circuit: &Circuit, i: usize) -> Result<Self> {
        let v = circuit.tree().vertices().get(i).ok_or_else(missing)?;
        let k = v.states;
        let edge = edge(circuit.edge(i), k);
        let spans = circuit.spans(i);
        let bins = spans.iter().map(|s| BinTables::new(circuit, i, s));
        let bins = bins.collect::<Result<_>>()?;
        let (mut down, mut up) = (Vec::new(), Vec::new());
        let Some(parent) = v.parent else {
            return Ok(Self {
                down,
                up,
                prior: edge,
                bins,
            });
        };
        for above in circuit.spans(parent) {
            down.push(pack(&edge, k, &above.states, &(0..k), true)?);
            for s in spans {
                up.push(pack(&edge, k, &above.states, &s.states, false)?);
            }
        }
        Ok(Self {
            down,
            up,
            prior: Vec::new(),
            bins,
        })
    }
}

/// Bytes that a vertex, a matrix or a bin takes beside its numbers, about.
const FRAME: u64 = 160;

impl Frozen {
    /// Bytes that [`Self::new`] makes of a circuit, at most: many small bins take more than their numbers, because rows
    /// of matrices fill up whole vectors.
    #[must_use]
    pub fn bytes(circuit: &Circuit) -> u64 {
        let tree = circuit.tree();
        let matrix = |outputs, inputs| PackedLinear::bytes(outputs, inputs) + FRAME;
        let mut sum = 0u64;
        for (i, v) in tree.vertices().iter().enumerate() {
            let spans = circuit.spans(i);
            // Its place in the tree.
            sum += FRAME;
            for s in spans {
                let rows = s.values.len() as u64 + 1;
                let row = s.states.len() as u64 + 1;
                sum += rows * row * 4 + FRAME;
            }
            for above in v.parent.map_or(&[][..], |p| circuit.spans(p)) {
                let above = above.states.len();
                sum += matrix(v.states, above);
                for s in spans {
                    sum += matrix(above, s.states.len());
                }
            }
        }
        sum
    }

    /// Rounds a circuit's tables to integers, for the best kernels of this machine; no variable has
    /// texts.
    ///
    /// # Errors
    /// [`Error::Format`] for a vertex of 2^23 states or more.
    pub fn new(circuit: &Circuit) -> Result<Self> {
        Self::with_kernels(circuit, Kernels::best())
    }

    /// As [`Self::new`], with kernels of a chosen level.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn with_kernels(circuit: &Circuit, kernels: Kernels) -> Result<Self> {
        let tree = circuit.tree().clone();
        if tree.vertices().iter().any(|v| v.states >= 1 << WEIGHT) {
            return Err(Error::Format("circuit: a vertex of 2^23 states".into()));
        }
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

    /// Multiply-adds through edges that `record` costs to encode or to decode: every edge down once, from
    /// the states of the parent's bin, and up once, between the states of two bins. A value that is
    /// missing counts as 0.
    #[must_use]
    pub fn multiply_adds(&self, record: &[u16]) -> usize {
        // States of each vertex's bin; a parent stands before its children.
        let mut left: Vec<usize> = Vec::with_capacity(self.vertices.len());
        let mut sum = 0;
        for (v, tables) in self.tree.vertices().iter().zip(&self.vertices) {
            let x = v.variable.and_then(|x| record.get(x)).map_or(0, |x| *x);
            let own = tables.bin(x).map_or(v.states, |b| b.states.len());
            if let Some(above) = v.parent.and_then(|p| left.get(p)) {
                sum += above * (v.states + own);
            }
            left.push(own);
        }
        sum
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

    /// Which of the coders of a block of lanes a vertex of a lane's record has.
    pub(crate) fn coder(&self, lane: usize, vertex: usize) -> usize {
        lane * self.streams() + self.stream(vertex)
    }

    /// Whether a text follows value `x` of a variable.
    pub(crate) fn is_open(&self, variable: usize, x: u16) -> bool {
        self.open.get(variable) == Some(&Some(x))
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

    /// Left end of the share of 2^24 that a symbol has below which the mixture has `sum` of 2^43.
    fn left(values: usize, sum: u64, x: usize) -> u32 {
        /// Bits of the sum beyond those of a share.
        const BEYOND: u32 = LEAF + WEIGHT - WIDE_PRECISION as u32;
        // The step of one per symbol leaves room for values that no state has seen.
        let spread = (1u64 << WIDE_PRECISION) - values as u64;
        if x == values {
            return 1 << WIDE_PRECISION;
        }
        let share = ((sum >> BEYOND) * spread) >> WIDE_PRECISION;
        share as u32 + x as u32
    }

    /// The share of 2^24 of symbol `x` under integer mixture weights: from and to.
    ///
    /// # Errors
    /// [`Error::Usage`] for a symbol that there is not.
    pub(crate) fn share(&self, vertex: usize, weights: &[u32], x: u16) -> Result<(u32, u32)> {
        let tables = self.vertices.get(vertex).ok_or_else(missing)?;
        let values = tables.values();
        let bin = tables.bin(x).ok_or_else(missing)?;
        let parts = weights.split_at_checked(bin.states.start);
        let (before, rest) = parts.ok_or_else(missing)?;
        let below = u64::from(before.iter().sum::<u32>()) << LEAF;
        let x = usize::from(x);
        let (low, high) = bin.ends(x).ok_or_else(missing)?;
        let end = |row: &[u32]| below + self.kernels.mix(rest, row);
        Ok((
            Self::left(values, end(low), x),
            Self::left(values, end(high), x + 1),
        ))
    }

    /// The symbol whose share holds `quantile`, with the share's ends: first the bin, then a search that
    /// halves the mass that is left under the mean of the bin's states, so likely values take few
    /// steps.
    ///
    /// # Errors
    /// [`Error::Internal`] for a vertex without a variable, or weights of others.
    pub(crate) fn search(
        &self,
        vertex: usize,
        weights: &[u32],
        quantile: u32,
    ) -> Result<(u32, u32, u32)> {
        let tables = self.vertices.get(vertex).ok_or_else(missing)?;
        let values = tables.values();
        let mut below = 0u64;
        let mut start = 0;
        let mut found = None;
        for bin in &tables.bins {
            let own = weights.get(bin.states.clone()).ok_or_else(missing)?;
            let above = below + (u64::from(own.iter().sum::<u32>()) << LEAF);
            let end = Self::left(values, above, bin.values.end);
            if quantile < end || bin.values.end == values {
                found = Some((bin, own, end));
                break;
            }
            (below, start) = (above, end);
        }
        let (bin, own, end) = found.ok_or_else(missing)?;
        let left = |i: usize| {
            let row = bin.row(i).ok_or_else(missing)?;
            let sum = below + self.kernels.mix(own, row);
            Ok::<_, Error>(Self::left(values, sum, bin.values.start + i))
        };
        let (mut low, mut high) = ((0, start), (bin.values.len(), end));
        let mut even = false;
        while high.0 - low.0 > 1 {
            // Every other step halves the values, so that no search takes long.
            let mid = if even {
                usize::midpoint(low.0, high.0)
            } else {
                // What the mean of the states has from `low` to `high`, both included.
                let Some([first, inner @ .., last]) = bin.guide.get(low.0..=high.0) else {
                    return Err(missing());
                };
                // Of totals of 2^20.
                let half = first / 2 + last / 2;
                let at = inner.partition_point(|g| *g < half);
                // Of the two values around the middle, the one that leaves less.
                let at = match (inner.get(..at), inner.get(at..)) {
                    (Some([.., before]), Some([after, ..])) => {
                        at - usize::from(before.abs_diff(half) < after.abs_diff(half))
                    }
                    (Some([.., _]), _) => at - 1,
                    _ => at,
                };
                low.0 + 1 + at
            };
            even = !even && high.0 - low.0 > 8;
            let left = left(mid)?;
            if left <= quantile {
                low = (mid, left);
            } else {
                high = (mid, left);
            }
        }
        Ok(((bin.values.start + low.0) as u32, low.1, high.1))
    }
}
