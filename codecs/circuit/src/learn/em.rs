//! Expectation-maximisation over batches of records, as matrix products.
//!
//! The passes over a batch are in [`super::pass`]; here is what is done with the expected counts.

use nc_core::Result;
use nc_core::rng::Rng;
use rayon::prelude::*;

use super::counts::Counts;
use super::family::{Family, fit};
use super::pass::Pass;
use super::smooth::{Smoothing, smooth};
use crate::{Circuit, Records, Span, Tree};

/// Records that one thread works on at a time: enough that runs of one pair of bins are not short.
const BLOCK: usize = 1024;

/// Counts given to the mean row of a parent's bin, shared out as the vertex's states are in general.
const BIN: f32 = 20.0;

/// Powers of the exponential variables that a start is disturbed by: states whose leaves are alike
/// take long to part.
const EDGES: f32 = 1.0;
const LEAVES: f32 = 4.0;

/// A circuit to start from: edges near uniform within each bin, leaves near the variables' marginals,
/// both disturbed so that states can part.
///
/// # Errors
/// [`nc_core::Error::Format`] where `tree` and `records` do not fit each other.
pub fn start(tree: Tree, records: &Records, seed: u64) -> Result<Circuit> {
    let alphabets = records.variables().to_vec();
    let marginals = marginals(records);
    let vertices = tree.vertices().to_vec();
    let sizes = vertices.iter().enumerate().map(|(i, v)| {
        let above = v.parent.map_or(1, |p| vertices[p].states);
        let values = v.variable.and_then(|x| alphabets.get(x)).copied();
        let leaf = tree
            .leaf_entries(i, values.unwrap_or(0) as usize)
            .unwrap_or(0);
        (vec![0.0; above * v.states], vec![0.0; leaf])
    });
    let (edges, leaves) = sizes.unzip();
    let mut circuit = Circuit::new(tree, alphabets, edges, leaves)?;
    let mut rng = Rng::new(seed);
    let mut shake = |spread: f32| (1e-3 - (1.0 - rng.unit()).max(1e-7).ln()).powf(spread);
    let (edges, leaves, spans) = circuit.tables_mut();
    for (((v, edge), leaf), spans) in vertices.iter().zip(edges).zip(leaves).zip(spans) {
        let marginal = v.variable.and_then(|x| marginals.get(x));
        for row in edge.chunks_exact_mut(v.states) {
            for s in spans {
                let mass: f32 = marginal.map_or(1.0, |m| m[s.values.clone()].iter().sum());
                let each = mass / s.states.len() as f32;
                let states = row[s.states.clone()].iter_mut();
                states.for_each(|p| *p = each * shake(EDGES));
            }
            normalise(row);
        }
        let Some(marginal) = marginal else { continue };
        for s in spans {
            let k = s.states.len();
            let part = &mut leaf[s.leaf..s.leaf + s.values.len() * k];
            for (row, p) in part.chunks_exact_mut(k).zip(&marginal[s.values.clone()]) {
                row.iter_mut().for_each(|l| *l = p * shake(LEAVES));
            }
            normalise_columns(part, k);
        }
    }
    Ok(circuit)
}

/// Share of each value of each variable, with one count spread over the alphabet.
fn marginals(records: &Records) -> Vec<Vec<f32>> {
    let mut out: Vec<Vec<f32>> = records
        .variables()
        .iter()
        .map(|n| vec![1.0 / *n as f32; *n as usize])
        .collect();
    for row in records.rows() {
        for (x, counts) in row.iter().zip(&mut out) {
            if let Some(n) = counts.get_mut(usize::from(*x)) {
                *n += 1.0;
            }
        }
    }
    out.iter_mut().for_each(|c| normalise(c));
    out
}

/// Which of `components` each state belongs to: each bin's states are shared out; none where a bin has
/// fewer states than that.
fn members(spans: &[Span], components: usize) -> Option<Vec<usize>> {
    let mut out = Vec::new();
    for s in spans {
        let n = s.states.len();
        if n < components {
            return None;
        }
        out.extend((0..n).map(|i| i * components / n));
    }
    Some(out)
}

/// Empties what an edge has between states of different components, where both sides have them.
fn separate(edge: &mut [f32], above: &[Span], below: &[Span], components: usize) {
    let sides = members(above, components).zip(members(below, components));
    let Some((above, below)) = sides.filter(|_| components > 1) else {
        return;
    };
    for (row, a) in edge.chunks_exact_mut(below.len()).zip(above) {
        for (p, b) in row.iter_mut().zip(&below) {
            if a != *b {
                *p = 0.0;
            }
        }
    }
}

fn normalise(row: &mut [f32]) {
    let sum: f32 = row.iter().sum();
    let scale = 1.0 / sum.max(f32::MIN_POSITIVE);
    row.iter_mut().for_each(|x| *x *= scale);
}

fn normalise_columns(table: &mut [f32], columns: usize) {
    let mut sums = vec![0.0f32; columns];
    for row in table.chunks_exact(columns) {
        sums.iter_mut().zip(row).for_each(|(s, x)| *s += x);
    }
    sums.iter_mut()
        .for_each(|s| *s = 1.0 / s.max(f32::MIN_POSITIVE));
    for row in table.chunks_exact_mut(columns) {
        row.iter_mut().zip(&sums).for_each(|(x, s)| *x *= s);
    }
}

/// Log-likelihood of each record in nats.
#[must_use]
pub fn log_likelihoods(circuit: &Circuit, records: &Records) -> Vec<f64> {
    let rows: Vec<&[u16]> = records.rows().collect();
    rows.par_chunks(BLOCK)
        .flat_map_iter(|rows| Pass::up(circuit, rows.to_vec()).1)
        .collect()
}

/// Bits per variable of `records` under `circuit`.
#[must_use]
pub fn bits_per_dimension(circuit: &Circuit, records: &Records) -> f64 {
    let sum: f64 = log_likelihoods(circuit, records).iter().sum();
    let n = records.len() * records.variables().len();
    -sum / std::f64::consts::LN_2 / n.max(1) as f64
}

/// Stepwise expectation-maximisation (Cappé and Moulines 2009): expected counts per record, as a
/// moving mean over batches.
#[derive(Debug)]
pub struct Em {
    smoothing: Smoothing,
    /// Records of training data.
    records: f32,
    /// Whether near values of a variable are alike.
    ordered: Vec<bool>,
    family: Family,
    /// Circuits that are mixed: states of different ones have no edge between them.
    components: usize,
    pub(super) mean: Counts,
    marginals: Vec<Vec<f32>>,
}

impl Em {
    /// No counts yet; tables are smoothed after `records`, of whose variables `ordered` says whether
    /// near values are alike. Without smoothing, a step on all records never lowers their
    /// likelihood.
    #[must_use]
    pub fn new(
        circuit: &Circuit,
        records: &Records,
        smoothing: Option<Smoothing>,
        ordered: &[bool],
    ) -> Self {
        let none = Smoothing {
            edges: 0.0,
            leaves: 0.0,
            reach: 0.0,
            marginal: 0.0,
        };
        Self {
            smoothing: smoothing.unwrap_or(none),
            records: records.len().max(1) as f32,
            ordered: ordered.to_vec(),
            family: Family::default(),
            components: 1,
            mean: Counts::zero(circuit),
            marginals: marginals(records),
        }
    }

    /// Other smoothing from now on.
    pub(super) fn smooth_by(&mut self, smoothing: Smoothing) {
        self.smoothing = smoothing;
    }

    /// With leaves of a family, where near values are alike.
    #[must_use]
    pub fn with_family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// For a mixture of circuits on the same tree: each vertex's states are shared out among
    /// `components`, and edges between different ones stay empty.
    #[must_use]
    pub fn with_components(mut self, components: usize, circuit: &mut Circuit) -> Self {
        self.components = components.max(1);
        let vertices = circuit.tree().vertices().to_vec();
        let (edges, _, spans) = circuit.tables_mut();
        for ((v, edge), own) in vertices.iter().zip(edges).zip(spans) {
            if let Some(p) = v.parent {
                separate(edge, &spans[p], own, self.components);
                edge.chunks_exact_mut(v.states).for_each(normalise);
            }
        }
        self
    }

    /// One step of size `rate` (1: the batch alone counts) on `rows`; the sum of their
    /// log-likelihoods in nats before it.
    pub fn step(&mut self, circuit: &mut Circuit, rows: &[&[u16]], rate: f32) -> f64 {
        let share = rows.len().div_ceil(rayon::current_num_threads()).max(1);
        let parts: Vec<(Counts, f64)> = rows
            .par_chunks(share)
            .map(|rows| {
                let mut counts = Counts::zero(circuit);
                let mut sum = 0.0;
                for rows in rows.chunks(BLOCK) {
                    let (pass, logs) = Pass::up(circuit, rows.to_vec());
                    pass.down(&mut counts);
                    sum += logs.iter().sum::<f64>();
                }
                (counts, sum)
            })
            .collect();
        let each = rate / rows.len() as f32;
        let keep = 1.0 - rate;
        let Counts { edges, leaves } = &mut self.mean;
        edges
            .par_iter_mut()
            .zip(leaves)
            .enumerate()
            .for_each(|(i, (edge, leaf))| {
                for (j, (m, w)) in edge.iter_mut().zip(circuit.edge(i)).enumerate() {
                    let n: f32 = parts.iter().map(|(c, _)| c.edges[i][j]).sum();
                    *m = keep * *m + each * n * w;
                }
                for (j, m) in leaf.iter_mut().enumerate() {
                    let n: f32 = parts.iter().map(|(c, _)| c.leaves[i][j]).sum();
                    *m = keep * *m + each * n;
                }
            });
        self.maximise(circuit);
        parts.iter().map(|(_, sum)| sum).sum()
    }

    /// The circuit's tables from the counts.
    pub(super) fn maximise(&self, circuit: &mut Circuit) {
        let vertices = circuit.tree().vertices().to_vec();
        let (edges, leaves, spans) = circuit.tables_mut();
        let counts = self.mean.edges.par_iter().zip(&self.mean.leaves);
        let tables = edges.par_iter_mut().zip(leaves).zip(counts).enumerate();
        tables.for_each(|(i, ((edge, leaf), (edge_counts, leaf_counts)))| {
            let v = vertices[i];
            edge.copy_from_slice(edge_counts);
            match v.parent {
                Some(p) => {
                    self.smooth_edge(edge, v.states, &spans[p]);
                    separate(edge, &spans[p], &spans[i], self.components);
                }
                None => edge.iter_mut().for_each(|p| *p += 1e-12),
            }
            edge.chunks_exact_mut(v.states).for_each(normalise);
            if let Some(x) = v.variable {
                leaf.copy_from_slice(leaf_counts);
                for s in &spans[i] {
                    let part = &mut leaf[s.leaf..s.leaf + s.values.len() * s.states.len()];
                    self.smooth_leaf(part, s, x);
                }
            }
        });
    }

    /// Draws each row of an edge towards the mean row of its bin at the parent, and that towards the
    /// mean of all rows.
    fn smooth_edge(&self, edge: &mut [f32], k: usize, above: &[Span]) {
        let mean = |rows: &[f32]| {
            let mut mean = vec![1e-12f32; k];
            for row in rows.chunks_exact(k) {
                mean.iter_mut().zip(row).for_each(|(m, p)| *m += p);
            }
            mean
        };
        let mut general = mean(edge);
        normalise(&mut general);
        let more = self.smoothing.edges / self.records;
        for s in above {
            let rows = &mut edge[s.states.start * k..s.states.end * k];
            let mut bin = mean(rows);
            let each = bin.iter_mut().zip(&general);
            each.for_each(|(b, g)| *b += BIN / self.records * g);
            normalise(&mut bin);
            for row in rows.chunks_exact_mut(k) {
                let each = row.iter_mut().zip(&bin);
                each.for_each(|(p, b)| *p += more * b + 1e-12);
            }
        }
    }

    /// A bin's leaf of variable `x` from its counts.
    fn smooth_leaf(&self, leaf: &mut [f32], span: &Span, x: usize) {
        let k = span.states.len();
        let ordered = self.ordered.get(x).copied().unwrap_or(false);
        match self.family {
            family if ordered && family != Family::Categorical => fit(leaf, k, family),
            _ => {
                let all = &self.marginals[x];
                let mut marginal = all[span.values.clone()].to_vec();
                normalise(&mut marginal);
                let reach = match ordered {
                    true => (all.len() as f32 * self.smoothing.reach) as usize,
                    false => 0,
                };
                smooth(leaf, k, &marginal, &self.smoothing, self.records, reach);
            }
        }
        normalise_columns(leaf, k);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{hidden_chow_liu, with_bins};
    use super::*;

    /// Four dependent variables of different alphabets.
    fn some(n: usize) -> Records {
        let mut rng = Rng::new(7);
        let mut values = Vec::new();
        for _ in 0..n {
            let a = rng.below(3);
            let b = if rng.below(4) > 0 {
                a + 1
            } else {
                rng.below(5)
            };
            let c = (a * b + rng.below(2)) % 2;
            let d = if c == 0 { b } else { rng.below(7) };
            values.extend([a, b, c, d].map(|x| x as u16));
        }
        Records::new(vec![3, 5, 2, 7], values).unwrap()
    }

    #[test]
    fn full_batch_steps_never_lower_the_likelihood() {
        let records = some(500);
        let tree = hidden_chow_liu(&records, 4).unwrap();
        let tree = with_bins(tree, &records, 3).unwrap();
        let mut circuit = start(tree, &records, 3).unwrap();
        let mut em = Em::new(&circuit, &records, None, &[]);
        let rows: Vec<&[u16]> = records.rows().collect();
        let mut last = f64::NEG_INFINITY;
        let first = em.step(&mut circuit, &rows, 1.0);
        for _ in 0..40 {
            let ll = em.step(&mut circuit, &rows, 1.0);
            assert!(ll >= last - 1e-3, "{ll} after {last}");
            last = ll;
        }
        assert!(last > first + 50.0, "{first} to {last}");
    }

    #[test]
    fn probabilities_of_all_records_sum_to_one() {
        let records = some(200);
        let tree = hidden_chow_liu(&records, 3).unwrap();
        let tree = with_bins(tree, &records, 2).unwrap();
        let circuit = start(tree, &records, 5).unwrap();
        let mut all = Vec::new();
        for i in 0..3 * 5 * 2 * 7u16 {
            all.extend([i % 3, i / 3 % 5, i / 15 % 2, i / 30]);
        }
        let all = Records::new(vec![3, 5, 2, 7], all).unwrap();
        let sum: f64 = log_likelihoods(&circuit, &all)
            .iter()
            .map(|l| l.exp())
            .sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }
}
