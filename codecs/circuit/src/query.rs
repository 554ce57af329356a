//! What a circuit answers exactly, without sampling: likelihoods with values unknown, conditionals of
//! variables given others; and samples and completions given some values.
//!
//! A record here is a slice of one value per variable; one equal to the variable's alphabet is
//! unknown and summed out. Every answer costs one upward and at most one downward pass, O(|p|), in
//! `f64`.

use nc_core::rng::Rng;

use crate::{Circuit, Span};

/// Messages of the upward pass.
struct Up {
    /// Per vertex and state: likelihood of all that is known at and below it, up to a factor.
    low: Vec<Vec<f64>>,
    /// The same without the vertex's own variable.
    below: Vec<Vec<f64>>,
    /// Per vertex and parent's state: `low` through the edge.
    up: Vec<Vec<f64>>,
    /// Logarithm of the record's likelihood.
    log: f64,
}

/// A value at a vertex: its bin, and the leaf's row over the bin's states; none for a value that there is
/// not.
fn row(circuit: &Circuit, v: usize, x: u16) -> Option<(&Span, &[f32])> {
    let span = circuit.spans(v).get(circuit.bin(v, x)?)?;
    Some((span, circuit.leaf(v).get(span.row(usize::from(x)))?))
}

/// The known value at a vertex; none where it is unknown or there is no variable.
fn seen<'a>(circuit: &'a Circuit, v: usize, record: &[u16]) -> Option<(&'a Span, &'a [f32])> {
    let variable = circuit.tree().vertices().get(v)?.variable?;
    row(circuit, v, *record.get(variable)?)
}

/// What a list has for a vertex; nothing of one that there is not.
fn of(rows: &[Vec<f64>], v: usize) -> &[f64] {
    rows.get(v).map_or(&[], Vec::as_slice)
}

/// Sets what a list has at a place, if it has that.
fn set<T>(list: &mut [T], at: usize, value: T) {
    if let Some(place) = list.get_mut(at) {
        *place = value;
    }
}

/// The row of the edge into vertex `v` for its parent's state.
fn edge<'a>(circuit: &'a Circuit, v: usize, states: &[usize]) -> &'a [f32] {
    let Some(vertex) = circuit.tree().vertices().get(v) else {
        return &[];
    };
    let row = vertex.parent.and_then(|p| states.get(p)).unwrap_or(&0);
    let mut rows = circuit.edge(v).chunks_exact(vertex.states.max(1));
    rows.nth(*row).unwrap_or_default()
}

/// Multiplies what a value says into the likelihoods of a vertex's states.
fn multiply(states: &mut [f64], (span, leaf): (&Span, &[f32])) {
    for (s, l) in states.iter_mut().enumerate() {
        let at = s.checked_sub(span.states.start).and_then(|i| leaf.get(i));
        *l *= at.map_or(0.0, |p| f64::from(*p));
    }
}

/// The value to leave out at vertex `v`, where its variable is unknown.
fn left_out(circuit: &Circuit, v: usize, but: &[Option<u16>]) -> Option<u16> {
    *but.get(circuit.tree().vertices().get(v)?.variable?)?
}

/// The upward pass. Unknown values are summed over all but those of `but`.
fn upward(circuit: &Circuit, record: &[u16], but: &[Option<u16>]) -> Up {
    let vertices = circuit.tree().vertices();
    let n = vertices.len();
    let (mut low, mut below, mut up) = (
        vec![Vec::new(); n],
        vec![Vec::new(); n],
        vec![Vec::new(); n],
    );
    let mut log = 0.0f64;
    for (i, v) in vertices.iter().enumerate().rev() {
        let mut b = vec![1.0f64; v.states];
        for c in circuit.tree().children(i) {
            let from = of(&up, *c);
            b.iter_mut().zip(from).for_each(|(b, u)| *b *= u);
        }
        let mut l = b.clone();
        if let Some(known) = seen(circuit, i, record) {
            multiply(&mut l, known);
        } else if let Some((span, leaf)) =
            left_out(circuit, i, but).and_then(|x| row(circuit, i, x))
        {
            let states = l.get_mut(span.states.clone()).unwrap_or_default();
            let states = states.iter_mut().zip(leaf);
            states.for_each(|(l, p)| *l *= (1.0 - f64::from(*p)).max(0.0));
        }
        // Kept near one, or deep trees would underflow.
        let most = l.iter().copied().fold(0.0, f64::max);
        if most > 0.0 {
            l.iter_mut().for_each(|l| *l /= most);
            b.iter_mut().for_each(|b| *b /= most);
        }
        log += most.ln();
        let edge = circuit.edge(i).chunks_exact(v.states);
        let above: Vec<f64> = edge
            .map(|row| row.iter().zip(&l).map(|(e, l)| f64::from(*e) * l).sum())
            .collect();
        if v.parent.is_none() {
            log += above.iter().sum::<f64>().ln();
        }
        set(&mut up, i, above);
        set(&mut low, i, l);
        set(&mut below, i, b);
    }
    Up {
        low,
        below,
        up,
        log,
    }
}

/// Natural logarithm of the probability of what is known of a record; minus infinity where it cannot
/// be.
#[must_use]
pub fn log_likelihood(circuit: &Circuit, record: &[u16]) -> f64 {
    upward(circuit, record, &[]).log
}

/// Of each of `wanted`, the probability of each of its values given what is known of the *other*
/// variables.
#[must_use]
pub fn conditionals(circuit: &Circuit, record: &[u16], wanted: &[usize]) -> Vec<Vec<f64>> {
    let vertices = circuit.tree().vertices();
    let pass = upward(circuit, record, &[]);
    let mut posterior: Vec<Vec<f64>> = vec![Vec::new(); vertices.len()];
    let mut out = vec![Vec::new(); wanted.len()];
    for (i, v) in vertices.iter().enumerate() {
        // The parent's states given all but what is at and below this vertex.
        let outside: Vec<f64> = match v.parent {
            None => vec![1.0],
            Some(p) => of(&posterior, p)
                .iter()
                .zip(of(&pass.up, i))
                .map(|(g, u)| if *u > 0.0 { g / u } else { 0.0 })
                .collect(),
        };
        let mut above = vec![0.0f64; v.states];
        for (o, row) in outside.iter().zip(circuit.edge(i).chunks_exact(v.states)) {
            above
                .iter_mut()
                .zip(row)
                .for_each(|(a, e)| *a += o * f64::from(*e));
        }
        for (w, out) in wanted.iter().zip(&mut out) {
            if v.variable == Some(*w) {
                let states: Vec<f64> = above
                    .iter()
                    .zip(of(&pass.below, i))
                    .map(|(a, b)| a * b)
                    .collect();
                for span in circuit.spans(i) {
                    let states = states.get(span.states.clone()).unwrap_or_default();
                    out.extend(span.values.clone().map(|x| {
                        let row = circuit.leaf(i).get(span.row(x)).unwrap_or_default();
                        row.iter()
                            .zip(states)
                            .map(|(p, s)| f64::from(*p) * s)
                            .sum::<f64>()
                    }));
                }
                normalise(out);
            }
        }
        let mut g: Vec<f64> = above
            .iter()
            .zip(of(&pass.low, i))
            .map(|(a, l)| a * l)
            .collect();
        normalise(&mut g);
        set(&mut posterior, i, g);
    }
    out
}

/// To sum 1; even where all are 0.
fn normalise(row: &mut [f64]) {
    let sum: f64 = row.iter().sum();
    if sum > 0.0 {
        row.iter_mut().for_each(|x| *x /= sum);
    } else {
        let n = row.len() as f64;
        row.fill(1.0 / n);
    }
}

/// An index in proportion to weights.
fn draw(weights: impl Iterator<Item = f64> + Clone, rng: &mut Rng) -> usize {
    let sum: f64 = weights.clone().sum();
    let mut left = f64::from(rng.unit()) * sum;
    let mut last = 0;
    for (i, w) in weights.enumerate() {
        if w > 0.0 {
            last = i;
            if left < w {
                break;
            }
        }
        left -= w;
    }
    last
}

/// The values that state `s` of vertex `v` gives, with their probabilities.
fn column(
    circuit: &Circuit,
    v: usize,
    s: usize,
) -> impl Iterator<Item = (usize, f64)> + Clone + '_ {
    let span = circuit.spans(v).iter().find(|b| b.states.contains(&s));
    span.into_iter().flat_map(move |b| {
        let first = b.leaf.saturating_add(s.saturating_sub(b.states.start));
        let leaf = circuit.leaf(v).iter().skip(first);
        let each = b.values.clone().zip(leaf.step_by(b.states.len().max(1)));
        each.map(|(x, p)| (x, f64::from(*p)))
    })
}

/// Draws the unknown values of a record given the known ones; never one of `but`, which has a value
/// to leave out for each variable.
#[must_use]
pub fn sample(circuit: &Circuit, record: &[u16], but: &[Option<u16>], rng: &mut Rng) -> Vec<u16> {
    let vertices = circuit.tree().vertices();
    let pass = upward(circuit, record, but);
    let mut states = vec![0usize; vertices.len()];
    let mut out = record.to_vec();
    for (i, v) in vertices.iter().enumerate() {
        let weights = edge(circuit, i, &states).iter().zip(of(&pass.low, i));
        let s = draw(weights.map(|(e, l)| f64::from(*e) * l), rng);
        set(&mut states, i, s);
        if let Some(x) = v.variable
            && seen(circuit, i, record).is_none()
        {
            let not = left_out(circuit, i, but).map(usize::from);
            let leaf = column(circuit, i, s);
            let values = leaf.clone().map(|(x, _)| x);
            let weights = leaf.map(|(x, p)| if Some(x) == not { 0.0 } else { p });
            let value = values.clone().nth(draw(weights, rng)).unwrap_or(0);
            set(&mut out, x, value as u16);
        }
    }
    out
}

/// The unknown values of a record by their most likely completion: first the values of the most
/// likely joint choice of values and states, which one pass finds exactly; then each unknown value
/// in turn becomes the likeliest given all others, until none changes. The likelihood never falls in
/// this, but the end may not be the best of all: with states summed out that is NP-hard (Park 2002).
/// Never one of `but`.
#[must_use]
pub fn complete(circuit: &Circuit, record: &[u16], but: &[Option<u16>]) -> Vec<u16> {
    /// Rounds over the unknown values.
    const ROUNDS: usize = 4;
    let mut out = joint_mode(circuit, record, but);
    let marks = record.iter().zip(circuit.alphabets()).enumerate();
    let unknown: Vec<usize> = marks
        .filter(|(_, (x, n))| u32::from(**x) == **n)
        .map(|(v, _)| v)
        .collect();
    for _ in 0..ROUNDS {
        let mut changed = false;
        for x in &unknown {
            let mut p = conditionals(circuit, &out, &[*x]).swap_remove(0);
            let not = but.get(*x).copied().flatten().map(usize::from);
            if let Some(p) = not.and_then(|b| p.get_mut(b)) {
                *p = 0.0;
            }
            let best = most(p.iter().copied());
            let Some(now) = out.get_mut(*x) else { continue };
            if p.get(best) > p.get(usize::from(*now)) {
                *now = best as u16;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    out
}

/// The first greatest.
fn most(values: impl Iterator<Item = f64>) -> usize {
    let best = |(i, best): (usize, f64), (j, x)| if x > best { (j, x) } else { (i, best) };
    values.enumerate().fold((0, f64::NEG_INFINITY), best).0
}

/// The values of the most likely joint choice of values and states, given the known values.
fn joint_mode(circuit: &Circuit, record: &[u16], but: &[Option<u16>]) -> Vec<u16> {
    let vertices = circuit.tree().vertices();
    let mut low: Vec<Vec<f64>> = vec![Vec::new(); vertices.len()];
    let mut modes: Vec<Vec<usize>> = vec![Vec::new(); vertices.len()];
    let mut up: Vec<Vec<f64>> = vec![Vec::new(); vertices.len()];
    for (i, v) in vertices.iter().enumerate().rev() {
        let mut l = vec![0.0f64; v.states];
        let mut best_values = Vec::new();
        if let Some(known) = seen(circuit, i, record) {
            let mut p = vec![1.0; v.states];
            multiply(&mut p, known);
            l = p.into_iter().map(f64::ln).collect();
        } else if v.variable.is_some() {
            let not = left_out(circuit, i, but).map(usize::from);
            for (s, l) in l.iter_mut().enumerate() {
                let best = |best: (usize, f64), (x, p)| match Some(x) != not && p > best.1 {
                    true => (x, p),
                    false => best,
                };
                let (mode, p) = column(circuit, i, s).fold((0, 0.0), best);
                best_values.push(mode);
                *l = p.ln();
            }
        }
        set(&mut modes, i, best_values);
        for c in circuit.tree().children(i) {
            let from = of(&up, *c);
            l.iter_mut().zip(from).for_each(|(l, u)| *l += u);
        }
        let edge = circuit.edge(i).chunks_exact(v.states);
        let above = edge
            .map(|row| {
                let terms = row.iter().zip(&l).map(|(e, l)| f64::from(*e).ln() + l);
                terms.fold(f64::NEG_INFINITY, f64::max)
            })
            .collect();
        set(&mut up, i, above);
        set(&mut low, i, l);
    }
    let mut states = vec![0usize; vertices.len()];
    let mut out = record.to_vec();
    for (i, v) in vertices.iter().enumerate() {
        let terms = edge(circuit, i, &states).iter().zip(of(&low, i));
        let state = most(terms.map(|(e, l)| f64::from(*e).ln() + l));
        set(&mut states, i, state);
        let mode = modes.get(i).and_then(|modes| modes.get(state));
        if let (Some(x), Some(mode)) = (v.variable, mode) {
            set(&mut out, x, *mode as u16);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Bin, Tree, Vertex};

    const ALPHABETS: [u32; 4] = [3, 2, 4, 2];

    /// A tree with a branch and a vertex without a variable, random tables.
    fn circuit(seed: u64) -> Circuit {
        let vertex = |parent, states, variable| Vertex {
            parent,
            states,
            variable,
        };
        let tree = Tree::new(vec![
            vertex(None, 3, Some(2)),
            vertex(Some(0), 2, None),
            vertex(Some(1), 4, Some(0)),
            vertex(Some(1), 3, Some(3)),
            vertex(Some(0), 2, Some(1)),
        ])
        .unwrap();
        let bin = |values, states| Bin { values, states };
        // Values 0 and 1 of variable 2 by one state, 2 and 3 by two; of variable 0 likewise.
        let tree = tree
            .with_bins(vec![
                vec![bin(2, 1), bin(2, 2)],
                vec![],
                vec![bin(1, 1), bin(2, 3)],
                vec![],
                vec![bin(1, 1), bin(1, 1)],
            ])
            .unwrap();
        let mut rng = Rng::new(seed);
        let mut row = |n: usize| -> Vec<f32> {
            let mut row: Vec<f64> = (0..n)
                .map(|_| f64::from(rng.unit()).powi(3) + 0.01)
                .collect();
            normalise(&mut row);
            row.iter().map(|x| *x as f32).collect()
        };
        let (mut edges, mut leaves) = (Vec::new(), Vec::new());
        for (i, v) in tree.vertices().iter().enumerate() {
            let above = v.parent.map_or(1, |p| tree.vertices()[p].states);
            edges.push((0..above).flat_map(|_| row(v.states)).collect());
            let all = [Bin {
                values: v.variable.map_or(0, |x| ALPHABETS[x] as usize),
                states: v.states,
            }];
            let bins = match tree.bins(i) {
                [] => &all,
                bins => bins,
            };
            let mut leaf = Vec::new();
            for b in bins {
                let columns: Vec<Vec<f32>> = (0..b.states).map(|_| row(b.values)).collect();
                leaf.extend((0..b.values).flat_map(|x| columns.iter().map(move |c| c[x])));
            }
            leaves.push(leaf);
        }
        Circuit::new(tree, ALPHABETS.to_vec(), edges, leaves).unwrap()
    }

    /// Every record, and its probability by the sum over all states of all vertices.
    fn all(c: &Circuit) -> Vec<(Vec<u16>, f64)> {
        let mut out = Vec::new();
        for i in 0..3 * 2 * 4 * 2u16 {
            let record = vec![i % 3, i / 3 % 2, i / 6 % 4, i / 24];
            let mut p = 0.0;
            for s in 0..3 * 2 * 4 * 3 * 2usize {
                let states = [s % 3, s / 3 % 2, s / 6 % 4, s / 24 % 3, s / 72];
                let mut term = 1.0;
                for (v, vertex) in c.tree().vertices().iter().enumerate() {
                    let above = vertex.parent.map_or(0, |p| states[p]);
                    term *= f64::from(c.edge(v)[above * vertex.states + states[v]]);
                    if let Some(x) = vertex.variable {
                        let x = usize::from(record[x]);
                        term *= column(c, v, states[v])
                            .find(|(value, _)| *value == x)
                            .map_or(0.0, |(_, p)| p);
                    }
                }
                p += term;
            }
            out.push((record, p));
        }
        out
    }

    /// All patterns of what is known of a record.
    fn holes(record: &[u16]) -> impl Iterator<Item = Vec<u16>> + '_ {
        (0..16usize).map(|known| {
            let value = |x: usize| {
                if known >> x & 1 == 1 {
                    record[x]
                } else {
                    ALPHABETS[x] as u16
                }
            };
            (0..4).map(value).collect()
        })
    }

    fn fits(record: &[u16], pattern: &[u16]) -> bool {
        let each = record.iter().zip(pattern).zip(ALPHABETS);
        each.into_iter()
            .all(|((r, p), n)| r == p || u32::from(*p) == n)
    }

    #[test]
    fn likelihoods_and_conditionals_are_those_of_brute_force() {
        for seed in 1..4 {
            let c = circuit(seed);
            let all = all(&c);
            let total: f64 = all.iter().map(|(_, p)| p).sum();
            assert!((total - 1.0).abs() < 1e-5);
            for pattern in all.iter().flat_map(|(r, _)| holes(r)) {
                let sum = |f: &dyn Fn(&[u16]) -> bool| -> f64 {
                    all.iter().filter(|(r, _)| f(r)).map(|(_, p)| p).sum()
                };
                let p = sum(&|r| fits(r, &pattern));
                assert!((log_likelihood(&c, &pattern).exp() - p).abs() < 1e-5 * p);
                let got = conditionals(&c, &pattern, &[0, 1, 2, 3]);
                for (x, got) in got.iter().enumerate() {
                    let mut others = pattern.clone();
                    others[x] = ALPHABETS[x] as u16;
                    let given = sum(&|r| fits(r, &others));
                    for (value, got) in got.iter().enumerate() {
                        let with = sum(&|r| fits(r, &others) && usize::from(r[x]) == value);
                        assert!((got - with / given).abs() < 1e-5, "{pattern:?} {x}");
                    }
                }
            }
        }
    }

    #[test]
    fn samples_pass_a_chi_square_test() {
        let c = circuit(5);
        let all = all(&c);
        let n = 20_000;
        // Free, and given two values.
        for pattern in [[3, 2, 4, 2], [3, 1, 4, 0]] {
            let expected: Vec<(&[u16], f64)> = all
                .iter()
                .filter(|(r, _)| fits(r, &pattern))
                .map(|(r, p)| (&r[..], *p))
                .collect();
            let given: f64 = expected.iter().map(|(_, p)| p).sum();
            let mut rng = Rng::new(11);
            let mut counts = vec![0.0; expected.len()];
            for _ in 0..n {
                let s = sample(&c, &pattern, &[None; 4], &mut rng);
                let at = expected.iter().position(|(r, _)| *r == s);
                counts[at.unwrap()] += 1.0;
            }
            let (mut chi, mut cells) = (0.0, 0.0);
            let (mut rare, mut rare_seen) = (0.0, 0.0);
            for ((_, p), seen) in expected.iter().zip(&counts) {
                let e = p / given * f64::from(n);
                // The usual rule: no cell of less than five.
                if e < 5.0 {
                    rare += e;
                    rare_seen += seen;
                } else {
                    chi += (seen - e) * (seen - e) / e;
                    cells += 1.0;
                }
            }
            if rare > 5.0 {
                chi += (rare_seen - rare) * (rare_seen - rare) / rare;
                cells += 1.0;
            }
            // Wilson and Hilferty: the quantile of 0.999.
            let f: f64 = cells - 1.0;
            let bound = f * (1.0 - 2.0 / (9.0 * f) + 3.09 * (2.0 / (9.0 * f)).sqrt()).powi(3);
            assert!(chi < bound, "{chi} of {f} degrees, bound {bound}");
        }
        let mut rng = Rng::new(1);
        let but = [Some(0), None, Some(3), None];
        for _ in 0..200 {
            let s = sample(&c, &[3, 2, 4, 2], &but, &mut rng);
            assert!(s[0] != 0 && s[2] != 3);
        }
    }

    #[test]
    fn completions_keep_what_is_known_and_gain_on_the_joint_mode() {
        let mut best = 0;
        let mut tried = 0;
        for seed in 1..20 {
            let c = circuit(seed);
            let all = all(&c);
            for pattern in holes(&all[7].0) {
                let start = joint_mode(&c, &pattern, &[None; 4]);
                let got = complete(&c, &pattern, &[None; 4]);
                assert!(fits(&got, &pattern));
                let p = |r: &[u16]| log_likelihood(&c, r);
                assert!(p(&got) >= p(&start) - 1e-9);
                let can = all.iter().filter(|(r, _)| fits(r, &pattern));
                let top = can.map(|(_, p)| *p).fold(0.0, f64::max);
                best += usize::from(p(&got) >= top.ln() - 1e-6);
                tried += 1;
            }
        }
        assert!(best * 10 > tried * 9, "{best} of {tried} the best of all");
    }
}
