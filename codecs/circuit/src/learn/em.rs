//! Expectation-maximisation over batches of records, as matrix products.
//!
//! For a batch of B records and a vertex of K states, `L [B, K]` is the likelihood of the values
//! observed at and below the vertex, and `U = L W^T [B, P]` the same given the parent's state. Down
//! from the root go the posteriors `g [B, K]`: with `R = g / U` of the parent's, an edge's expected
//! counts are `W * (R^T L)` and the child's posteriors `L * (R W)`. That is three products of
//! B P K multiply-adds per edge. Likelihoods are scaled to a mean of one per record and vertex, for
//! they underflow otherwise.

use nc::Result;
use nc::rng::Rng;
use nc_kernels::matrix::{View, product};
use rayon::prelude::*;

use super::family::{Family, fit};
use super::smooth::{Smoothing, smooth};
use crate::{Circuit, Records, Tree};

/// Records that one thread works on at a time.
const BLOCK: usize = 256;

/// Powers of the exponential variables that a start is disturbed by: states whose leaves are alike
/// take long to part.
const EDGES: f32 = 1.0;
const LEAVES: f32 = 4.0;

/// A circuit to start from: edges near uniform, leaves near the variables' marginals, both
/// disturbed so that states can part.
///
/// # Errors
/// [`nc::Error::Format`] where `tree` and `records` do not fit each other.
pub fn start(tree: Tree, records: &Records, seed: u64) -> Result<Circuit> {
    let mut rng = Rng::new(seed);
    let alphabets = records.variables().to_vec();
    let marginals = marginals(records);
    let mut shake = |spread: f32| (1e-3 - (1.0 - rng.unit()).max(1e-7).ln()).powf(spread);
    let (mut edges, mut leaves) = (Vec::new(), Vec::new());
    for v in tree.vertices() {
        let above = v.parent.map_or(1, |p| tree.vertices()[p].states);
        let mut edge: Vec<f32> = (0..above * v.states).map(|_| shake(EDGES)).collect();
        edge.chunks_exact_mut(v.states).for_each(normalise);
        edges.push(edge);
        let mut leaf = Vec::new();
        if let Some(marginal) = v.variable.and_then(|x| marginals.get(x)) {
            leaf = marginal
                .iter()
                .flat_map(|p| std::iter::repeat_n(*p, v.states))
                .map(|p| p * shake(LEAVES))
                .collect();
            normalise_columns(&mut leaf, v.states);
        }
        leaves.push(leaf);
    }
    Circuit::new(tree, alphabets, edges, leaves)
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

/// Empties what an edge `[above, states]` has between states of different components; where one side
/// has fewer states than components, none.
fn separate(edge: &mut [f32], above: usize, states: usize, components: usize) {
    if components < 2 || above < components || states < components {
        return;
    }
    for (j, row) in edge.chunks_exact_mut(states).enumerate() {
        for (k, p) in row.iter_mut().enumerate() {
            if j * components / above != k * components / states {
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

/// Expected counts, in the shapes of a circuit's tables.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    pub(super) edges: Vec<Vec<f32>>,
    pub(super) leaves: Vec<Vec<f32>>,
}

impl Counts {
    fn zero(c: &Circuit) -> Self {
        let n = c.tree().vertices().len();
        Self {
            edges: (0..n).map(|v| vec![0.0; c.edge(v).len()]).collect(),
            leaves: (0..n).map(|v| vec![0.0; c.leaf(v).len()]).collect(),
        }
    }
}

/// Working memory of one block of records: `L`, and `U` of every vertex.
struct Pass<'a> {
    circuit: &'a Circuit,
    rows: Vec<&'a [u16]>,
    low: Vec<Vec<f32>>,
    up: Vec<Vec<f32>>,
}

impl<'a> Pass<'a> {
    /// The upward pass; also the sum of the records' log-likelihoods, in nats.
    fn up(circuit: &'a Circuit, rows: Vec<&'a [u16]>) -> (Self, Vec<f64>) {
        let vertices = circuit.tree().vertices();
        let b = rows.len();
        let mut logs = vec![0.0f64; b];
        let mut low: Vec<Vec<f32>> = vec![Vec::new(); vertices.len()];
        let mut up: Vec<Vec<f32>> = vec![Vec::new(); vertices.len()];
        for (i, v) in vertices.iter().enumerate().rev() {
            let k = v.states;
            let mut l = vec![1.0f32; b * k];
            if let Some(x) = v.variable {
                let leaf = circuit.leaf(i);
                for (l, row) in l.chunks_exact_mut(k).zip(&rows) {
                    let at = usize::from(row[x]) * k;
                    // An unknown value lies past the table; it is summed out.
                    if let Some(leaf) = leaf.get(at..at + k) {
                        l.copy_from_slice(leaf);
                    }
                }
            }
            for c in circuit.tree().children(i) {
                l.iter_mut().zip(&up[*c]).for_each(|(l, u)| *l *= u);
            }
            for (l, log) in l.chunks_exact_mut(k).zip(&mut logs) {
                let mean = l.iter().sum::<f32>() / k as f32;
                let mean = mean.max(1e-30);
                let scale = 1.0 / mean;
                l.iter_mut().for_each(|l| *l *= scale);
                *log += f64::from(mean.ln());
            }
            let above = v.parent.map_or(1, |p| vertices[p].states);
            let mut u = vec![0.0; b * above];
            product(
                &mut u,
                false,
                View::new(&l, b, k),
                View::new(circuit.edge(i), above, k).t(),
            );
            if v.parent.is_none() {
                for (u, log) in u.iter().zip(&mut logs) {
                    *log += f64::from(u.max(1e-30).ln());
                }
            }
            low[i] = l;
            up[i] = u;
        }
        let pass = Self {
            circuit,
            rows,
            low,
            up,
        };
        (pass, logs)
    }

    /// The downward pass: adds expected counts, those of edges still without the factor `W`.
    fn down(&self, counts: &mut Counts) {
        let vertices = self.circuit.tree().vertices();
        let b = self.rows.len();
        let mut posterior: Vec<Vec<f32>> = vec![Vec::new(); vertices.len()];
        for (i, v) in vertices.iter().enumerate() {
            let k = v.states;
            let (above, ratio) = match v.parent {
                None => (1, self.up[i].iter().map(|u| 1.0 / u.max(1e-30)).collect()),
                Some(p) => (
                    vertices[p].states,
                    posterior[p]
                        .iter()
                        .zip(&self.up[i])
                        .map(|(g, u)| g / u.max(1e-30))
                        .collect::<Vec<f32>>(),
                ),
            };
            let ratio = View::new(&ratio, b, above);
            let low = View::new(&self.low[i], b, k);
            product(&mut counts.edges[i], true, ratio.t(), low);
            let mut g = vec![0.0; b * k];
            let edge = View::new(self.circuit.edge(i), above, k);
            product(&mut g, false, ratio, edge);
            g.iter_mut().zip(&self.low[i]).for_each(|(g, l)| *g *= l);
            if let Some(x) = v.variable {
                let leaf = &mut counts.leaves[i];
                for (g, row) in g.chunks_exact(k).zip(&self.rows) {
                    let at = usize::from(row[x]) * k;
                    if let Some(leaf) = leaf.get_mut(at..at + k) {
                        leaf.iter_mut().zip(g).for_each(|(n, g)| *n += g);
                    }
                }
            }
            posterior[i] = g;
            // The parent's are needed until its last child.
            if let Some(p) = v.parent
                && self.circuit.tree().children(p).last() == Some(&i)
            {
                posterior[p] = Vec::new();
            }
        }
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
        let (edges, _) = circuit.tables_mut();
        for (v, edge) in vertices.iter().zip(edges) {
            if let Some(p) = v.parent {
                separate(edge, vertices[p].states, v.states, self.components);
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
        let (edges, leaves) = circuit.tables_mut();
        let counts = self.mean.edges.par_iter().zip(&self.mean.leaves);
        edges
            .par_iter_mut()
            .zip(leaves)
            .zip(counts)
            .enumerate()
            .for_each(|(i, ((edge, leaf), (edge_counts, leaf_counts)))| {
                let k = vertices[i].states;
                edge.copy_from_slice(edge_counts);
                let mut general = vec![1e-12f32; k];
                for row in edge.chunks_exact(k) {
                    general.iter_mut().zip(row).for_each(|(g, p)| *g += p);
                }
                normalise(&mut general);
                let more = self.smoothing.edges / self.records;
                for row in edge.chunks_exact_mut(k) {
                    let general = general.iter();
                    row.iter_mut()
                        .zip(general)
                        .for_each(|(p, g)| *p += more * g + 1e-12);
                }
                if let Some(p) = vertices[i].parent {
                    separate(edge, vertices[p].states, k, self.components);
                }
                edge.chunks_exact_mut(k).for_each(normalise);
                if let Some(x) = vertices[i].variable {
                    leaf.copy_from_slice(leaf_counts);
                    let ordered = self.ordered.get(x).copied().unwrap_or(false);
                    let (how, n) = (&self.smoothing, self.records);
                    match self.family {
                        family if ordered && family != Family::Categorical => fit(leaf, k, family),
                        _ => smooth(leaf, k, &self.marginals[x], how, n, ordered),
                    }
                    normalise_columns(leaf, k);
                }
            });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::hidden_chow_liu;
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
