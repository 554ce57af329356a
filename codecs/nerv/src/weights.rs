//! Entropy coding of a network's parameters.
//!
//! A network that stands for a clip is the file, so its parameters are coded as carefully as pixels are: each tensor
//! has its own quantiser step, and every bit of a value is predicted from values around it. What encodes also
//! decodes and counts bits, so that the size that an encoder plans with is the size that it gets.

use nc_core::{Budget, Error, Result};

use crate::coder::{Bits, Cost, Golomb, Model, joint, sign};
use crate::graph::{Graph, Op, Param};
use crate::grid::{Known, internal};

/// The largest magnitude of a quantised value.
pub const MOST: i32 = 32767;

/// Quantised parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coded {
    /// For each tensor the quantiser step, in quarters of a power of two; see [`step`].
    pub exponents: Vec<i8>,
    /// The values in steps from the tensor's mean at the start, [`MOST`] at most either way.
    pub q: Vec<i16>,
}

/// `2^(e / 4)`, rounded to the nearest `f32` of the quarter and then scaled exactly.
pub fn step(e: i8) -> f32 {
    let quarter = match e & 3 {
        0 => 1.0,
        1 => 1.189_207_1,
        2 => std::f32::consts::SQRT_2,
        _ => 1.681_792_8,
    };
    let octave = i32::from(e) >> 2;
    quarter * f32::from_bits(((octave + 127) as u32) << 23)
}

impl Coded {
    /// Zeros for `graph`, to decode into.
    ///
    /// # Errors
    /// [`Error::Limit`] past the budget.
    pub fn zeros(graph: &Graph, budget: &mut Budget) -> Result<Self> {
        let n = graph.weights();
        let steps = graph.params.len() as u64;
        budget.charge(2 * n as u64 + steps)?;
        Ok(Self {
            exponents: vec![0; graph.params.len()],
            q: vec![0; n],
        })
    }

    /// The nearest quantised parameters for these steps. A tensor without an exponent gets 0; what is not a number
    /// becomes 0.
    pub fn quantise(graph: &Graph, params: &[f32], exponents: &[i8]) -> Self {
        let mut q = vec![0; graph.weights()];
        let mut all = vec![0; graph.params.len()];
        all.iter_mut().zip(exponents).for_each(|(a, e)| *a = *e);
        for (p, e) in graph.params.iter().zip(&all) {
            let by = 1.0 / step(*e);
            let from = params.iter().skip(p.at).take(p.len);
            for (q, v) in q.iter_mut().skip(p.at).zip(from) {
                *q = ((v - p.mean) * by).round().clamp(-MOST as f32, MOST as f32) as i16;
            }
        }
        Self { exponents: all, q }
    }

    /// The parameters: the integer times the step, added to the tensor's mean at the start.
    pub fn values(&self, graph: &Graph) -> Vec<f32> {
        let mut out = vec![0.0; self.q.len()];
        for (p, e) in graph.params.iter().zip(&self.exponents) {
            let by = step(*e);
            let to = out.iter_mut().zip(&self.q).skip(p.at).take(p.len);
            to.for_each(|(v, q)| *v = f32::from(*q) * by + p.mean);
        }
        out
    }

    /// Bits that these parameters take.
    pub fn bits(&self, graph: &Graph) -> f64 {
        let mut io = Cost::default();
        // Counting fails only for parameters of another graph.
        match code(&mut io, graph, &mut self.clone()) {
            Ok(()) => io.bits,
            Err(_) => f64::INFINITY,
        }
    }
}

/// Kinds of tensors: convolutions, depthwise ones, and vectors.
const KINDS: usize = 3;
/// Steps of a mean magnitude: half octaves.
const SCALES: usize = 40;
/// Steps of a single magnitude.
const SIZES: usize = 9;
/// Classes of a magnitude: n holds `2^n - 1` to `2^(n + 1) - 2`.
const CLASSES: usize = 16;

/// A magnitude's step: 0, 1, 2, 3-4, 5-8, ...
fn size(m: u32) -> usize {
    match m {
        0..=2 => m as usize,
        _ => ((m - 1).ilog2() as usize + 2).min(SIZES - 1),
    }
}

/// The half octave of a mean in 1/256.
fn scale(mean: u32) -> usize {
    let m = mean / 8 + 1;
    let octave = m.ilog2();
    let half = u32::from(m >= 3 << octave >> 1 && octave > 0);
    ((octave << 1 | half) as usize).min(SCALES - 1)
}

/// A mean of magnitudes in 1/256 that forgets after about `1 << memory` of them.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    value: u32,
    seen: u32,
}

impl Mean {
    fn add(&mut self, m: u32, memory: u32) {
        self.seen = (self.seen + 1).min(1 << memory);
        let (old, new) = (i64::from(self.value), i64::from(m) << 8);
        self.value = (old + (new - old) / i64::from(self.seen)).max(0) as u32;
    }
}

/// The contexts of all tensors.
struct Coder {
    class: Model,
    rest: Model,
    low: Model,
    sign: Model,
    exponent: Golomb,
    means: [Mean; KINDS],
}

impl Coder {
    fn new() -> Self {
        Self {
            class: Model::new(
                &[
                    KINDS * SCALES * CLASSES,
                    SCALES * CLASSES,
                    SIZES * SIZES * CLASSES,
                    SIZES * SCALES * CLASSES,
                    SIZES * SIZES * CLASSES,
                ],
                KINDS * CLASSES,
                1023,
            ),
            rest: Model::new(&[CLASSES, CLASSES * SCALES], CLASSES, 1023),
            low: Model::new(&[CLASSES * CLASSES], 1, 1023),
            sign: Model::new(&[9 * KINDS, SIZES * 3, SIZES * 3], KINDS, 1023),
            exponent: Golomb::new(2),
            means: [Mean::default(); KINDS],
        }
    }

    /// The values of one tensor; `tap` is how far back the same weight of the tap before lies, 0 for none.
    fn tensor<B: Bits>(&mut self, io: &mut B, p: &Param, tap: usize, q: &mut [i16]) -> Result<()> {
        let kind = kind(p);
        let cols = p.cols.max(1);
        let mut columns = vec![Mean::default(); cols.min(q.len())];
        let mut mean = Mean {
            seen: 4,
            ..*self.means.at(kind)?
        };
        for (i, col) in (0..q.len()).zip((0..cols).cycle()) {
            // Before the first value there are zeros.
            let before = |back: usize| {
                if back > i {
                    return Ok(0);
                }
                q.at(i - back).map(|v| i32::from(*v))
            };
            let left = if col > 0 { before(1)? } else { 0 };
            let above = before(cols)?;
            let same = if tap > 0 { before(tap)? } else { 0 };
            let m = |v: i32| v.unsigned_abs();
            let of_column = columns.at_mut(col)?;
            // A column that has been seen knows its scale; before that the tensor's is the best guess.
            let column = if of_column.seen > 0 {
                of_column.value
            } else {
                mean.value
            };
            let (wide, narrow) = (scale(mean.value), scale(column));
            let around = m(left) + m(above) + m(same);
            let near = scale(around * if tap > 0 { 85 } else { 128 });
            let contexts = [
                joint(kind, [(wide, SCALES)]),
                narrow,
                joint(size(m(left)), [(size(m(above)), SIZES)]),
                joint(size(m(same)), [(near, SCALES)]),
                joint(size(m(same)), [((wide / 2).min(SIZES - 1), SIZES)]),
            ];
            let signs = [
                joint(kind, [(sign(above), 3), (sign(left), 3)]),
                joint(size(m(above)), [(sign(above), 3)]),
                joint(size(m(same)), [(sign(same), 3)]),
            ];
            let v = self.value(io, before(0)?, kind, &contexts, &signs)?;
            *q.at_mut(i)? = v as i16;
            mean.add(m(v), 7);
            of_column.add(m(v), 4);
        }
        *self.means.at_mut(kind)? = mean;
        Ok(())
    }

    fn value<B: Bits>(
        &mut self,
        io: &mut B,
        v: i32,
        kind: usize,
        contexts: &[usize; 5],
        signs: &[usize; 3],
    ) -> Result<i32> {
        let m = v.unsigned_abs() + 1;
        let class = m.ilog2() as usize;
        let mut classes = 0..CLASSES;
        let n = loop {
            let n = classes.next().ok_or_else(too_large)?;
            let at = contexts.map(|c| joint(c, [(n, CLASSES)]));
            let set = joint(kind, [(n, CLASSES)]);
            if !self.class.code(io, n < class, &at, set)? {
                break n;
            }
        };
        // The two bits after the leading one follow the slope of the distribution, the others are even.
        let mut got = 1u32;
        for (depth, i) in (0..n).rev().enumerate() {
            let bit = m >> i & 1 == 1;
            let bit = match depth {
                0 => {
                    let at = [n, joint(n, [(contexts[1], SCALES)])];
                    self.rest.code(io, bit, &at, n)?
                }
                1 => {
                    let at = [joint(n, [(got as usize % 2, 4)])];
                    self.low.code(io, bit, &at, 0)?
                }
                _ => io.bit(bit, 32768)?,
            };
            got = got << 1 | u32::from(bit);
        }
        let m = (got - 1) as i32;
        if m > MOST {
            return Err(too_large());
        }
        if m == 0 {
            return Ok(0);
        }
        let negative = self.sign.code(io, v < 0, signs, kind)?;
        Ok(if negative { -m } else { m })
    }
}

fn too_large() -> Error {
    Error::Format("nerv: a parameter too large".into())
}

fn kind(p: &Param) -> usize {
    if p.std == 0.0 || p.len <= p.cols {
        2
    } else if p.name.ends_with("dw.weight") {
        1
    } else {
        0
    }
}

/// Encodes, decodes or counts all parameters of a graph; in decoding, `coded` is as [`Coded::zeros`] gives it and is
/// filled.
///
/// # Errors
/// [`Error::Internal`] for parameters of another graph, [`Error::Format`] for bytes that no encoder wrote.
pub fn code<B: Bits>(io: &mut B, graph: &Graph, coded: &mut Coded) -> Result<()> {
    if coded.q.len() != graph.weights() || coded.exponents.len() != graph.params.len() {
        return Err(internal("nerv: parameters of another network"));
    }
    let mut taps = vec![0; graph.params.len()];
    for op in &graph.ops {
        match *op {
            Op::Conv { s, w, .. } if s.k > 1 => {
                *taps.at_mut(w)? = s.cin * s.cout;
            }
            _ => {}
        }
    }
    let mut coder = Coder::new();
    let mut last = [0i32; KINDS];
    for ((p, tap), e) in graph.params.iter().zip(taps).zip(&mut coded.exponents) {
        let last = last.at_mut(kind(p))?;
        let d = i32::from(*e) - *last;
        let folded = (d << 1 ^ d >> 31) as u32;
        let folded = coder.exponent.code(io, folded, usize::from(kind(p) == 2))? as i32;
        *last += folded >> 1 ^ -(folded & 1);
        *e = i8::try_from(*last).map_err(|_| Error::Format("nerv: a step out of range".into()))?;
        coder.tensor(io, p, tap, coded.q.span_mut(p.range())?)?;
    }
    Ok(())
}

/// Steps whose size together is `target_bits` at most and near it.
///
/// An error of one step costs a tensor `sensitivity` times its square for each value (the mean squared derivative of
/// the loss by the tensor's values, or ones), and halving a step costs each value one bit whatever the tensor is. So
/// at the best point all tensors have the same `sensitivity step^2`: one factor is searched for, and what is
/// left of the target after the rounding to quarter octaves goes to the tensors that it is enough for. If even the
/// coarsest steps are too many bits, those are what comes back.
pub fn choose(graph: &Graph, params: &[f32], sensitivity: &[f32], target_bits: f64) -> Coded {
    let n = graph.params.len();
    // Quarter octaves of each tensor relative to the common factor; no tensor is to be worth 2^16 times another.
    let known = sensitivity.iter().map(|s| match s {
        s if s.is_finite() => f64::from(*s),
        _ => 1.0,
    });
    let all: Vec<f64> = known.chain(std::iter::repeat(1.0)).take(n).collect();
    let most = all.iter().copied().fold(0.0, f64::max);
    let most = if most > 0.0 { most } else { 1.0 };
    let relative: Vec<f64> = all
        .iter()
        .map(|s| -2.0 * (s / most).clamp(1.0 / 65536.0, 1.0).log2())
        .collect();
    // No step so fine that a value leaves its range.
    let finest: Vec<f64> = graph
        .params
        .iter()
        .map(|p| {
            let values = params.iter().skip(p.at).take(p.len);
            let top = values.map(|v| (v - p.mean).abs()).fold(0.0, f32::max);
            if top > 0.0 {
                (4.0 * (f64::from(top) / f64::from(MOST)).log2()).ceil()
            } else {
                -128.0
            }
        })
        .collect();
    let at = |x: f64| -> Vec<i8> {
        let e = relative.iter().zip(&finest);
        e.map(|(r, f)| (x + r).round().max(*f).clamp(-128.0, 127.0) as i8)
            .collect()
    };
    let bits = |e: &[i8]| Coded::quantise(graph, params, e).bits(graph);
    let (mut fine, mut coarse) = (-128.0, 127.0);
    // A quarter octave is worth about a quarter of a bit for each value, so most of the way is one step.
    let slope = 0.25 * graph.weights().max(1) as f64;
    let mut x = -24.0;
    for _ in 0..24 {
        let over = bits(&at(x)) - target_bits;
        if over > 0.0 {
            fine = x;
        } else {
            coarse = x;
        }
        let near = over <= 0.0 && -over < 0.02 * target_bits;
        if near || coarse - fine < 0.12 {
            break;
        }
        let next = x + over / slope + if over > 0.0 { 0.1 } else { -0.1 };
        x = if next > fine && next < coarse {
            next
        } else {
            0.5 * (fine + coarse)
        };
    }
    let mut best = at(coarse);
    let mut used = bits(&best);
    let mut order: Vec<_> = graph.params.iter().zip(&finest).enumerate().collect();
    order.sort_by_key(|(_, (p, _))| std::cmp::Reverse(p.len));
    for (i, (p, finest)) in order {
        // A quarter octave is a quarter of a bit for each value.
        let more = 0.24 * p.len as f64;
        let mut finer = best.clone();
        for e in finer.iter_mut().skip(i).take(1) {
            // Not below -128.
            *e -= i8::from(used + more <= target_bits && f64::from(*e) > finest.max(-128.0));
        }
        if finer == best {
            continue;
        }
        let now = bits(&finer);
        if now <= target_bits {
            (best, used) = (finer, now);
        }
    }
    Coded::quantise(graph, params, &best)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use nc_core::entropy::{RangeDecoder, RangeEncoder};
    use nc_core::rng::Rng;

    fn graph() -> Graph {
        let mut g = Graph::default();
        let x = g.image(4, 4, 16);
        let y = g.conv("a", x, 3, 16, 24, 1.0);
        let y = g.block("b", y, 2, 3);
        g.conv("c", y, 1, 24, 8, 1.0);
        g
    }

    fn params(g: &Graph, seed: u64, gain: f32) -> Vec<f32> {
        let mut rng = Rng::new(seed);
        let mut v = vec![0.0; g.weights()];
        for p in &g.params {
            for v in &mut v[p.at..p.at + p.len] {
                *v = p.mean + (p.std + 0.01) * gain * rng.normal();
            }
        }
        v
    }

    fn bytes(g: &Graph, c: &Coded) -> Vec<u8> {
        let mut io = RangeEncoder::new();
        code(&mut io, g, &mut c.clone()).unwrap();
        io.finish()
    }

    #[test]
    fn any_parameters_come_back() {
        let g = graph();
        for seed in 0..24 {
            let mut rng = Rng::new(seed);
            let e: Vec<i8> = g
                .params
                .iter()
                .map(|_| (rng.below(256) as i32 - 128) as i8)
                .collect();
            let e: Vec<i8> = if seed % 2 == 0 {
                e
            } else {
                e.iter().map(|e| e / 8 - 20).collect()
            };
            let mut c = Coded::quantise(&g, &params(&g, seed, 1.0), &e);
            if seed == 3 {
                c.q[5] = 32767;
                c.q[6] = -32767;
            }
            let b = bytes(&g, &c);
            let mut back = Coded::zeros(&g, &mut Budget::default()).unwrap();
            code(&mut RangeDecoder::new(&b).unwrap(), &g, &mut back).unwrap();
            assert_eq!(back, c);
            assert_eq!(back.values(&g), c.values(&g));
            let cost = c.bits(&g) / 8.0;
            assert!(
                (cost - b.len() as f64).abs() <= 0.01 * cost + 5.0,
                "{cost} {}",
                b.len()
            );
        }
    }

    #[test]
    fn steps_are_powers() {
        for e in i8::MIN..=i8::MAX {
            let want = (f64::from(e) / 4.0).exp2();
            assert!((f64::from(step(e)) / want - 1.0).abs() < 1e-7, "{e}");
        }
    }

    #[test]
    fn the_size_of_normal_values_is_near_their_entropy() {
        let mut g = Graph::default();
        let x = g.image(1, 1, 64);
        g.conv("a", x, 3, 64, 64, 1.0);
        let mut v = params(&g, 7, 1.0);
        let p = &g.params[0];
        v[p.len..].fill(0.0);
        for e in [-28, -34, -40] {
            let c = Coded::quantise(&g, &v, &[e, 0]);
            let sigma = f64::from((p.std + 0.01) / step(e));
            let entropy = (sigma * (std::f64::consts::TAU * std::f64::consts::E).sqrt()).log2();
            let each = c.bits(&g) / p.len as f64;
            assert!(each < entropy + 0.08, "{sigma}: {each} {entropy}");
        }
    }

    #[test]
    fn the_target_is_met() {
        let g = graph();
        let v = params(&g, 9, 1.0);
        let s: Vec<f32> = (0..g.params.len()).map(|i| (1 + i * i) as f32).collect();
        for target in [9_000.0, 30_000.0, 60_000.0] {
            for s in [&s[..], &[]] {
                let c = choose(&g, &v, s, target);
                let bits = c.bits(&g);
                assert!(bits <= target && bits > 0.97 * target, "{bits} of {target}");
            }
        }
        assert!(choose(&g, &v, &[f32::NAN, 0.0], 3e4).bits(&g) <= 3e4);
    }

    #[test]
    fn damaged_bytes_are_no_panic() {
        let g = graph();
        let c = choose(&g, &params(&g, 1, 1.0), &[], 30_000.0);
        let b = bytes(&g, &c);
        let mut rng = Rng::new(5);
        for i in 0..200 {
            let mut b = b.clone();
            if i % 2 == 0 {
                b.truncate(rng.below(b.len()));
            }
            let at = rng.below(b.len().max(1));
            if let Some(b) = b.get_mut(at) {
                *b ^= 1 << rng.below(8);
            }
            let mut back = Coded::zeros(&g, &mut Budget::default()).unwrap();
            // An error or other values; either way an answer.
            let _ = code(&mut RangeDecoder::new(&b).unwrap(), &g, &mut back);
        }
        let ones = vec![0xff; 4000];
        let mut back = Coded::zeros(&g, &mut Budget::default()).unwrap();
        assert!(code(&mut RangeDecoder::new(&ones).unwrap(), &g, &mut back).is_err());
        assert!(code(&mut Cost::default(), &Graph::default(), &mut back).is_err());
        assert!(Coded::zeros(&g, &mut Budget::new(100)).is_err());
    }
}
