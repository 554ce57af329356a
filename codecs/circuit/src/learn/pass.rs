//! The two passes of expectation-maximisation over a block of records, as matrix products.
//!
//! For B records and a vertex of K states, `L [B, K]` is the likelihood of the values observed at and
//! below the vertex, and `U = L W^T [B, P]` the same given the parent's state. Down from the root go
//! the posteriors `g [B, K]`: with `R = g / U` of the parent's, an edge's expected counts are
//! `W * (R^T L)` and the child's posteriors `L * (R W)`. That is three products of B P K
//! multiply-adds per edge. Likelihoods are scaled to a mean of one per record and vertex, for they
//! underflow otherwise.
//!
//! Where a value is known only the states of its bin have a likelihood, so a record's row holds these
//! alone, and a product needs only the part of `W` from the parent's bin to the child's. Records of the
//! same pair of bins lie together, a *run*. A record whose value is unknown is in a bin of all states.

use std::ops::Range;

use nc_kernels::matrix::{View, product, product_part};

use super::counts::Counts;
use crate::{Circuit, Span};

/// Records of one pair of bins: how many, and the states left at the vertex and at its parent.
struct Run {
    records: usize,
    states: Range<usize>,
    above: Range<usize>,
}

/// What a vertex keeps between the passes. Rows of `low` and `up` stand in the order of runs.
#[derive(Default)]
struct Rows {
    runs: Vec<Run>,
    low: Vec<f32>,
    up: Vec<f32>,
    /// Where each record's rows are.
    low_at: Vec<Range<usize>>,
    up_at: Vec<Range<usize>>,
}

/// The bins of vertex `v`, then that of all its states.
fn bins(circuit: &Circuit, v: usize) -> Vec<Range<usize>> {
    let spans = circuit.spans(v).iter().map(|s: &Span| s.states.clone());
    let all = 0..circuit.tree().vertices()[v].states;
    spans.chain([all]).collect()
}

impl Rows {
    /// Sorts records into runs by their bins at the vertex and its parent.
    fn new(
        (own, above): (&[Range<usize>], &[Range<usize>]),
        (own_of, above_of): (&[usize], &[usize]),
    ) -> Self {
        let n = above.len();
        let mut count = vec![0usize; own.len() * n];
        let key = |(own, above): (&usize, &usize)| own * n + above;
        let keys: Vec<usize> = own_of.iter().zip(above_of).map(key).collect();
        for k in &keys {
            count[*k] += 1;
        }
        let (mut low, mut up) = (0, 0);
        let mut runs = Vec::new();
        let mut starts = Vec::with_capacity(count.len());
        for (k, records) in count.into_iter().enumerate() {
            let (states, above) = (own[k / n].clone(), above[k % n].clone());
            starts.push((low, up));
            low += records * states.len();
            up += records * above.len();
            if records > 0 {
                runs.push(Run {
                    records,
                    states,
                    above,
                });
            }
        }
        let (mut low_at, mut up_at) = (Vec::new(), Vec::new());
        for k in keys {
            let (a, b) = starts[k];
            let (a, b) = (a..a + own[k / n].len(), b..b + above[k % n].len());
            starts[k] = (a.end, b.end);
            low_at.push(a);
            up_at.push(b);
        }
        Self {
            runs,
            low: vec![1.0; low],
            up: vec![0.0; up],
            low_at,
            up_at,
        }
    }
}

/// Working memory of one block of records.
pub(super) struct Pass<'a> {
    circuit: &'a Circuit,
    rows: Vec<&'a [u16]>,
    at: Vec<Rows>,
}

impl<'a> Pass<'a> {
    /// The upward pass; also the records' log-likelihoods, in nats.
    pub(super) fn up(circuit: &'a Circuit, rows: Vec<&'a [u16]>) -> (Self, Vec<f64>) {
        let vertices = circuit.tree().vertices();
        let mut logs = vec![0.0f64; rows.len()];
        let all: Vec<Vec<Range<usize>>> = (0..vertices.len()).map(|v| bins(circuit, v)).collect();
        // Each record's bin at each vertex.
        let bin_of = |v: usize| -> Vec<usize> {
            let unknown = circuit.spans(v).len();
            match vertices[v].variable {
                None => vec![unknown; rows.len()],
                Some(x) => rows
                    .iter()
                    .map(|r| circuit.bin(v, r[x]).unwrap_or(unknown))
                    .collect(),
            }
        };
        let mut bin: Vec<Vec<usize>> = (0..vertices.len()).map(bin_of).collect();
        let mut at: Vec<Rows> = (0..vertices.len()).map(|_| Rows::default()).collect();
        // What stands for the root's parent: one bin of one state.
        let (one, zeros) = (0..1, vec![0; rows.len()]);
        let one = std::slice::from_ref(&one);
        for (i, v) in vertices.iter().enumerate().rev() {
            let own = std::mem::take(&mut bin[i]);
            let above = v.parent.map_or((one, &zeros[..]), |p| {
                (all[p].as_slice(), bin[p].as_slice())
            });
            let mut here = Rows::new((&all[i], above.0), (&own, above.1));
            let (leaf, spans) = (circuit.leaf(i), circuit.spans(i));
            for (r, log) in logs.iter_mut().enumerate() {
                let l = &mut here.low[here.low_at[r].clone()];
                if let (Some(span), Some(x)) = (spans.get(own[r]), v.variable) {
                    l.copy_from_slice(&leaf[span.row(usize::from(rows[r][x]))]);
                }
                for c in circuit.tree().children(i) {
                    let u = &at[*c].up[at[*c].up_at[r].clone()];
                    l.iter_mut().zip(u).for_each(|(l, u)| *l *= u);
                }
                let mean = (l.iter().sum::<f32>() / l.len() as f32).max(1e-30);
                let scale = 1.0 / mean;
                l.iter_mut().for_each(|l| *l *= scale);
                *log += f64::from(mean.ln());
            }
            let edge = View::new(circuit.edge(i), edge_rows(circuit, i), v.states);
            let (mut low, mut up) = (&here.low[..], &mut here.up[..]);
            for run in &here.runs {
                let l = take(&mut low, run.records * run.states.len());
                let u = take_mut(&mut up, run.records * run.above.len());
                let part = edge.part(run.above.clone(), run.states.clone());
                let l = View::new(l, run.records, run.states.len());
                product(u, false, l, part.t());
            }
            if v.parent.is_none() {
                for (u, log) in here.up_at.iter().zip(&mut logs) {
                    *log += f64::from(here.up[u.start].max(1e-30).ln());
                }
            }
            at[i] = here;
        }
        (Self { circuit, rows, at }, logs)
    }

    /// The downward pass: adds expected counts, those of edges still without the factor `W`.
    pub(super) fn down(&self, counts: &mut Counts) {
        let tree = self.circuit.tree();
        let vertices = tree.vertices();
        let mut posterior: Vec<Vec<f32>> = vec![Vec::new(); vertices.len()];
        for (i, v) in vertices.iter().enumerate() {
            let here = &self.at[i];
            let mut ratio = vec![0.0f32; here.up.len()];
            match v.parent {
                None => {
                    let each = ratio.iter_mut().zip(&here.up);
                    each.for_each(|(r, u)| *r = 1.0 / u.max(1e-30));
                }
                Some(p) => {
                    for (from, to) in self.at[p].low_at.iter().zip(&here.up_at) {
                        let each = ratio[to.clone()].iter_mut().zip(&here.up[to.clone()]);
                        let above = &posterior[p][from.clone()];
                        each.zip(above)
                            .for_each(|((r, u), g)| *r = g / u.max(1e-30));
                    }
                }
            }
            let edge = View::new(self.circuit.edge(i), edge_rows(self.circuit, i), v.states);
            let mut g = vec![0.0f32; here.low.len()];
            let (mut low, mut rest, mut to) = (&here.low[..], &ratio[..], &mut g[..]);
            for run in &here.runs {
                let (n, k, p) = (run.records, run.states.len(), run.above.len());
                let l = View::new(take(&mut low, n * k), n, k);
                let r = View::new(take(&mut rest, n * p), n, p);
                let start = run.above.start * v.states + run.states.start;
                product_part(&mut counts.edges[i][start..], v.states, true, r.t(), l);
                let part = edge.part(run.above.clone(), run.states.clone());
                product(take_mut(&mut to, n * k), false, r, part);
            }
            g.iter_mut().zip(&here.low).for_each(|(g, l)| *g *= l);
            if let Some(x) = v.variable {
                let leaf = &mut counts.leaves[i];
                for (row, at) in self.rows.iter().zip(&here.low_at) {
                    if let Some(bin) = self.circuit.bin(i, row[x]) {
                        let to = self.circuit.spans(i)[bin].row(usize::from(row[x]));
                        let each = leaf[to].iter_mut().zip(&g[at.clone()]);
                        each.for_each(|(n, g)| *n += g);
                    }
                }
            }
            posterior[i] = g;
            // The parent's are needed until its last child.
            if let Some(p) = v.parent
                && tree.children(p).last() == Some(&i)
            {
                posterior[p] = Vec::new();
            }
        }
    }
}

/// States of the parent of vertex `v`; 1 for the root.
fn edge_rows(circuit: &Circuit, v: usize) -> usize {
    let vertices = circuit.tree().vertices();
    vertices[v].parent.map_or(1, |p| vertices[p].states)
}

/// The first `n` of a slice, which loses them.
fn take<'a>(from: &mut &'a [f32], n: usize) -> &'a [f32] {
    let (first, rest) = from.split_at(n);
    *from = rest;
    first
}

fn take_mut<'a>(from: &mut &'a mut [f32], n: usize) -> &'a mut [f32] {
    let (first, rest) = std::mem::take(from).split_at_mut(n);
    *from = rest;
    first
}
