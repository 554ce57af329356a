//! A circuit in integers, and the coder that runs on it.
//!
//! Variables are coded in depth-first order. On entering a vertex, `a [K]` is the probability of
//! its states given all that was coded before: the parent's, through the edge. The symbol's
//! distribution is the mixture of the leaf's by `a`. On leaving, the likelihood `m [K]` of all that
//! was coded at and below the vertex goes back through the edge into the parent's `a` and `m`.
//! What lies to the right is not seen yet and sums to one. So each edge is used twice, and a
//! record costs 2 |edges| + O(leaves) multiply-adds whatever the depth, where coding each
//! variable by two full evaluations costs D times that, and the coder of Liu et al. (2022)
//! log D times.
//!
//! Exactness: tables are integers; floats are made of them by exact conversion and only added,
//! multiplied and divided in one order ([`Kernels::linear`]); cumulative frequencies are integer sums.
//! So bytes and symbols do not depend on the machine, the number of threads or how many records go
//! side by side.

use nc::entropy::{WIDE_PRECISION, WideDecoder, WideEncoder};
use nc::{Error, Result};
use nc_kernels::{Kernels, PackedLinear};
use rayon::prelude::*;

use crate::{Circuit, Tree};

/// Bits of an edge's entry.
const EDGE: u32 = 16;
/// Bits of a leaf's total.
const LEAF: u32 = 20;
/// Bits of the mixture's weights.
const WEIGHT: u32 = 16;
/// Most groups of records that go through the circuit side by side.
const LANES: usize = 256;

/// Groups side by side so that every thread has the same number of full blocks.
fn lanes(groups: usize) -> usize {
    let blocks = groups
        .div_ceil(LANES)
        .next_multiple_of(rayon::current_num_threads().max(1));
    groups.div_ceil(blocks.max(1)).max(1)
}

/// A circuit in integers. Immutable, shared between threads.
#[derive(Debug, Clone)]
pub struct Frozen {
    tree: Tree,
    alphabets: Vec<u32>,
    kernels: Kernels,
    root: Vec<f32>,
    /// Per vertex but the root: parent's states to the vertex's, and back.
    edges: Vec<Option<(PackedLinear, PackedLinear)>>,
    /// Per vertex with a variable: cumulative frequencies `[values + 1, states]`, rising to 2^20.
    leaves: Vec<Vec<u32>>,
}

/// A vertex on the path to the current one.
struct Open {
    vertex: usize,
    /// Probability of the states given the past, per lane.
    a: Vec<f32>,
    /// Likelihood of what was coded here and below, per lane, up to a factor.
    m: Vec<f32>,
}

/// What happens to the symbols: given a vertex and the weights `[lanes, states]`, codes one symbol
/// per lane.
trait Symbols {
    fn code(
        &mut self,
        frozen: &Frozen,
        vertex: usize,
        weights: &[u32],
        out: &mut [u16],
    ) -> Result<()>;
}

/// Integers of sum `2^bits` nearest below shares of sum one; the rest goes to the greatest.
fn share_out(shares: &[f32], bits: u32, out: &mut [u32]) {
    let all = (1u32 << bits) as f32;
    let (mut sum, mut greatest) = (0i64, 0);
    for (i, (s, o)) in shares.iter().zip(out.iter_mut()).enumerate() {
        *o = (s * all) as u32;
        sum += i64::from(*o);
        if *s > shares[greatest] {
            greatest = i;
        }
    }
    let rest = (1i64 << bits) - sum;
    if let Some(o) = out.get_mut(greatest) {
        *o = (i64::from(*o) + rest).max(0) as u32;
    }
}

/// Brings a row to sum one; a row of nothing says nothing.
fn normalise(row: &mut [f32]) {
    // Sixteen sums side by side: one order for every machine, and a fast one.
    let mut lanes = [0.0f32; 16];
    let mut chunks = row.chunks_exact(16);
    for c in &mut chunks {
        for (l, x) in lanes.iter_mut().zip(c) {
            *l += x;
        }
    }
    for (l, x) in lanes.iter_mut().zip(chunks.remainder()) {
        *l += x;
    }
    let mut width = 8;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    let sum = lanes[0];
    if sum > 1e-30 {
        let scale = 1.0 / sum;
        row.iter_mut().for_each(|x| *x *= scale);
    } else {
        let even = 1.0 / row.len() as f32;
        row.fill(even);
    }
}

impl Frozen {
    /// Rounds a circuit's tables to integers, for the best kernels of this machine.
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
        let wrong = |e: nc_kernels::KernelError| Error::Format(format!("circuit: {e}"));
        let (mut root, mut edges, mut leaves) = (Vec::new(), Vec::new(), Vec::new());
        for (i, v) in tree.vertices().iter().enumerate() {
            let k = v.states;
            let mut edge = vec![0.0; circuit.edge(i).len()];
            let mut whole = vec![0u32; k];
            for (row, out) in circuit
                .edge(i)
                .chunks_exact(k)
                .zip(edge.chunks_exact_mut(k))
            {
                let mut row = row.to_vec();
                normalise(&mut row);
                share_out(&row, EDGE, &mut whole);
                for (o, w) in out.iter_mut().zip(&whole) {
                    *o = *w as f32 / (1u32 << EDGE) as f32;
                }
            }
            if let Some(p) = v.parent {
                let above = tree.vertices()[p].states;
                let mut turned = vec![0.0; edge.len()];
                for (r, row) in edge.chunks_exact(k).enumerate() {
                    for (c, x) in row.iter().enumerate() {
                        turned[c * above + r] = *x;
                    }
                }
                edges.push(Some((
                    PackedLinear::new(&turned, None, k, above).map_err(wrong)?,
                    PackedLinear::new(&edge, None, above, k).map_err(wrong)?,
                )));
            } else {
                root = edge;
                edges.push(None);
            }
            let leaf = circuit.leaf(i);
            let mut cumulative = Vec::with_capacity(leaf.len() + k);
            if !leaf.is_empty() {
                let mut totals = vec![0.0f64; k];
                for row in leaf.chunks_exact(k) {
                    totals
                        .iter_mut()
                        .zip(row)
                        .for_each(|(t, p)| *t += f64::from(*p));
                }
                let mut sums = vec![0.0f64; k];
                cumulative.resize(k, 0);
                let all = f64::from(1u32 << LEAF);
                for row in leaf.chunks_exact(k) {
                    for ((s, p), t) in sums.iter_mut().zip(row).zip(&totals) {
                        *s += f64::from(*p);
                        cumulative.push((*s / t.max(1e-30) * all).round().min(all) as u32);
                    }
                }
                // The last row's sums are the totals, but for a leaf of zeros.
                let last = cumulative.len() - k;
                cumulative[last..].fill(1 << LEAF);
            }
            leaves.push(cumulative);
        }
        Ok(Self {
            tree,
            alphabets: circuit.alphabets().to_vec(),
            kernels,
            root,
            edges,
            leaves,
        })
    }

    /// Number of values of each variable.
    #[must_use]
    pub fn alphabets(&self) -> &[u32] {
        &self.alphabets
    }

    /// Left end of symbol `x`'s share of 2^24 under integer mixture weights.
    fn left(&self, vertex: usize, weights: &[u32], x: usize) -> u32 {
        let k = weights.len();
        let row = &self.leaves[vertex][x * k..(x + 1) * k];
        let sum: u64 = row
            .iter()
            .zip(weights)
            .map(|(c, w)| u64::from(*c) * u64::from(*w))
            .sum();
        let values = (self.leaves[vertex].len() / k - 1) as u64;
        // The step of one per symbol leaves room for values that no state has seen.
        let spread = (1 << WIDE_PRECISION) - values;
        ((sum * spread) >> (LEAF + WEIGHT)) as u32 + x as u32
    }

    /// Leaves the vertices below `parent` on the path.
    fn leave(&self, path: &mut Vec<Open>, parent: Option<usize>, lanes: usize) -> Result<()> {
        while path.last().map(|o| Some(o.vertex)) != Some(parent) {
            let Some(below) = path.pop() else { break };
            let (Some(above), Some((_, back))) = (path.last_mut(), &self.edges[below.vertex])
            else {
                break;
            };
            let k = back.outputs();
            let mut u = vec![0.0; lanes * k];
            self.kernels
                .linear(back, &below.m, &mut u)
                .map_err(|e| Error::Usage(e.to_string()))?;
            for row in [&mut above.a, &mut above.m] {
                for (x, u) in row.chunks_exact_mut(k).zip(u.chunks_exact(k)) {
                    x.iter_mut().zip(u).for_each(|(x, u)| *x *= u);
                    normalise(x);
                }
            }
        }
        Ok(())
    }

    /// Takes one record per lane through the circuit.
    fn walk(&self, lanes: usize, symbols: &mut dyn Symbols) -> Result<()> {
        let mut path: Vec<Open> = Vec::new();
        let mut coded = vec![0u16; lanes];
        let mut weights = Vec::new();
        for (i, v) in self.tree.vertices().iter().enumerate() {
            let k = v.states;
            let mut a = match (v.parent, &self.edges[i]) {
                (Some(_), Some((down, _))) => {
                    self.leave(&mut path, v.parent, lanes)?;
                    let mut a = vec![0.0; lanes * k];
                    let above = path.last().map_or(&[] as &[f32], |o| &o.a);
                    self.kernels
                        .linear(down, above, &mut a)
                        .map_err(|e| Error::Usage(e.to_string()))?;
                    a.chunks_exact_mut(k).for_each(normalise);
                    a
                }
                _ => self.root.repeat(lanes),
            };
            let mut m = vec![1.0; lanes * k];
            if v.variable.is_some() {
                weights.resize(lanes * k, 0);
                for (a, w) in a.chunks_exact(k).zip(weights.chunks_exact_mut(k)) {
                    share_out(a, WEIGHT, w);
                }
                symbols.code(self, i, &weights, &mut coded)?;
                for ((a, m), x) in a.chunks_exact_mut(k).zip(m.chunks_exact_mut(k)).zip(&coded) {
                    let at = usize::from(*x) * k;
                    let (low, high) = (&self.leaves[i][at..at + k], &self.leaves[i][at + k..]);
                    for (((a, m), low), high) in a.iter_mut().zip(m.iter_mut()).zip(low).zip(high) {
                        // A value that a state has not seen is improbable, not impossible.
                        *m = (high - low) as f32 + 1.0 / 16.0;
                        *a *= *m;
                    }
                    normalise(a);
                    normalise(m);
                }
            }
            path.push(Open { vertex: i, a, m });
        }
        Ok(())
    }

    /// Codes `values`, whole records one after another, in groups of `group` records: a group's
    /// bytes decode without the others'. The last group may be smaller.
    ///
    /// # Errors
    /// [`Error::Usage`] for values that are no whole records of the circuit's variables, or outside
    /// their alphabets.
    pub fn encode(&self, values: &[u16], group: usize) -> Result<Vec<Vec<u8>>> {
        let d = self.alphabets.len();
        if group == 0 || !values.len().is_multiple_of(d) {
            return Err(Error::Usage("no whole number of records".into()));
        }
        for row in values.chunks_exact(d) {
            if let Some(v) = (0..d).find(|v| u32::from(row[*v]) >= self.alphabets[*v]) {
                return Err(Error::Usage(format!(
                    "variable {v} is {}, the circuit has {} values",
                    row[v], self.alphabets[v]
                )));
            }
        }
        let groups: Vec<&[u16]> = values.chunks(group * d).collect();
        let parts: Result<Vec<Vec<Vec<u8>>>> = groups
            .par_chunks(lanes(groups.len()))
            .map(|groups| {
                let mut coders = vec![WideEncoder::new(); groups.len()];
                for r in 0..group {
                    // Groups are of one size but for the last: those that go on come first.
                    let rows: Vec<&[u16]> = groups
                        .iter()
                        .map_while(|g| g.get(r * d..(r + 1) * d))
                        .collect();
                    if rows.is_empty() {
                        break;
                    }
                    let lanes = rows.len();
                    let mut put = Put {
                        coders: &mut coders,
                        rows,
                    };
                    self.walk(lanes, &mut put)?;
                }
                Ok(coders.into_iter().map(WideEncoder::finish).collect())
            })
            .collect();
        Ok(parts?.into_iter().flatten().collect())
    }

    /// Decodes groups of [`Self::encode`]: `records` of them in groups of `group`.
    ///
    /// # Errors
    /// [`Error::Format`] for bytes that no encoder wrote or another number of groups.
    pub fn decode(&self, groups: &[&[u8]], records: usize, group: usize) -> Result<Vec<u16>> {
        let d = self.alphabets.len();
        if group == 0 || groups.len() != records.div_ceil(group) {
            return Err(Error::Format("another number of groups of records".into()));
        }
        let mut values = vec![0u16; records * d];
        let lanes = lanes(groups.len());
        values
            .par_chunks_mut(lanes.saturating_mul(group).saturating_mul(d))
            .zip(groups.par_chunks(lanes))
            .try_for_each(|(values, groups)| {
                let coders: Result<Vec<WideDecoder>> =
                    groups.iter().map(|g| WideDecoder::new(g)).collect();
                let mut coders = coders?;
                let records = values.len() / d;
                for r in 0..group {
                    let lanes = (0..coders.len())
                        .take_while(|lane| lane * group + r < records)
                        .count();
                    if lanes == 0 {
                        break;
                    }
                    let mut get = Get {
                        coders: &mut coders,
                        values,
                        at: r * d,
                        step: group * d,
                    };
                    self.walk(lanes, &mut get)?;
                }
                Ok::<(), Error>(())
            })?;
        Ok(values)
    }
}

struct Put<'a> {
    coders: &'a mut [WideEncoder],
    rows: Vec<&'a [u16]>,
}

impl Symbols for Put<'_> {
    fn code(&mut self, f: &Frozen, vertex: usize, weights: &[u32], out: &mut [u16]) -> Result<()> {
        let v = f.tree.vertices()[vertex];
        let variable = v.variable.unwrap_or(0);
        let lanes = self.coders.iter_mut().zip(&self.rows);
        for (((coder, row), w), out) in lanes.zip(weights.chunks_exact(v.states)).zip(out) {
            let x = usize::from(row[variable]);
            coder.put_share(f.left(vertex, w, x), f.left(vertex, w, x + 1))?;
            *out = row[variable];
        }
        Ok(())
    }
}

struct Get<'a> {
    coders: &'a mut [WideDecoder],
    values: &'a mut [u16],
    at: usize,
    step: usize,
}

impl Symbols for Get<'_> {
    fn code(&mut self, f: &Frozen, vertex: usize, weights: &[u32], out: &mut [u16]) -> Result<()> {
        let v = f.tree.vertices()[vertex];
        let variable = v.variable.unwrap_or(0);
        let values = f.alphabets[variable] as usize;
        let lanes = self.coders.iter_mut().zip(weights.chunks_exact(v.states));
        for (lane, ((coder, w), out)) in lanes.zip(out).enumerate() {
            let x = coder.get(|quantile| {
                let (mut low, mut high) = ((0, 0), (values, 1 << WIDE_PRECISION));
                while high.0 - low.0 > 1 {
                    let mid = (low.0 + high.0) / 2;
                    let left = f.left(vertex, w, mid);
                    if left <= quantile {
                        low = (mid, left);
                    } else {
                        high = (mid, left);
                    }
                }
                (low.0 as u32, low.1, high.1)
            })?;
            *out = x as u16;
            self.values[self.at + lane * self.step + variable] = *out;
        }
        Ok(())
    }
}
