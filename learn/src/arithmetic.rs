//! Sums, products and rearrangements of values.

use nc_core::Result;

use crate::misfit;
use crate::tape::Node;

fn same(a: &Node<'_>, b: &Node<'_>) -> Result<()> {
    if a.dims() == b.dims() {
        Ok(())
    } else {
        Err(misfit("values of different sizes"))
    }
}

/// `p a + q b`.
///
/// # Errors
/// [`nc_core::Error::Internal`] for values of different sizes.
pub fn blend<'t>(a: &Node<'t>, p: f32, b: &Node<'t>, q: f32) -> Result<Node<'t>> {
    same(a, b)?;
    let pairs = a.values().iter().zip(b.values());
    let out = pairs.map(|(a, b)| p * a + q * b).collect();
    a.tape().op([a, b], out, a.dims(), move |g, wanted| {
        let times = |f: f32, wanted: bool| wanted.then(|| g.iter().map(|g| g * f).collect());
        Ok([times(p, wanted[0]), times(q, wanted[1])])
    })
}

/// `a + b`.
///
/// # Errors
/// As [`blend`].
pub fn add<'t>(a: &Node<'t>, b: &Node<'t>) -> Result<Node<'t>> {
    blend(a, 1.0, b, 1.0)
}

/// `a - b`.
///
/// # Errors
/// As [`blend`].
pub fn sub<'t>(a: &Node<'t>, b: &Node<'t>) -> Result<Node<'t>> {
    blend(a, 1.0, b, -1.0)
}

/// `a b`, element by element: gates.
///
/// # Errors
/// As [`blend`].
pub fn mul<'t>(a: &Node<'t>, b: &Node<'t>) -> Result<Node<'t>> {
    same(a, b)?;
    let (av, bv) = (a.shared(), b.shared());
    let out = av.iter().zip(bv.iter()).map(|(a, b)| a * b).collect();
    a.tape().op([a, b], out, a.dims(), move |g, wanted| {
        let by =
            |v: &[f32], wanted: bool| wanted.then(|| g.iter().zip(v).map(|(g, v)| g * v).collect());
        Ok([by(&bv, wanted[0]), by(&av, wanted[1])])
    })
}

/// `factor x + plus`.
///
/// # Errors
/// None.
pub fn scale<'t>(x: &Node<'t>, factor: f32, plus: f32) -> Result<Node<'t>> {
    let out = x.values().iter().map(|x| factor * x + plus).collect();
    x.tape().op([x], out, x.dims(), move |mut g, _| {
        g.iter_mut().for_each(|g| *g *= factor);
        Ok([Some(g)])
    })
}

/// `factor` times the sum of the numbers, each `[1, 1]`.
///
/// # Errors
/// [`nc_core::Error::Internal`] for none, or one that is not a single number.
pub fn total<'t>(numbers: &[Node<'t>], factor: f32) -> Result<Node<'t>> {
    let [first, ..] = numbers else {
        return Err(misfit("the sum of no numbers"));
    };
    let each: Result<Vec<f32>> = numbers.iter().map(Node::scalar).collect();
    let sum = each?.iter().sum::<f32>() * factor;
    let inputs: Vec<&Node<'_>> = numbers.iter().collect();
    let tape = first.tape();
    tape.op_of_many(&inputs, vec![sum], [1, 1], move |g, wanted| {
        let g: Vec<f32> = g.iter().map(|g| g * factor).collect();
        Ok(wanted.iter().map(|w| w.then(|| g.clone())).collect())
    })
}

/// The mean of all elements, `[1, 1]`.
///
/// # Errors
/// [`nc_core::Error::Internal`] for no elements.
pub fn mean<'t>(x: &Node<'t>) -> Result<Node<'t>> {
    let n = x.values().len();
    if n == 0 {
        return Err(misfit("the mean of nothing"));
    }
    let sum: f64 = x.values().iter().map(|v| f64::from(*v)).sum();
    let out = vec![(sum / n as f64) as f32];
    x.tape().op([x], out, [1, 1], move |g, _| {
        Ok([Some(vec![g[0] / n as f32; n])])
    })
}

/// Channels of `a`, then those of `b`.
///
/// # Errors
/// [`nc_core::Error::Internal`] for different numbers of rows.
pub fn beside<'t>(a: &Node<'t>, b: &Node<'t>) -> Result<Node<'t>> {
    let ([rows, ca], [others, cb]) = (a.dims(), b.dims());
    if rows != others {
        return Err(misfit("values of different numbers of rows"));
    }
    let mut out = Vec::with_capacity(rows * (ca + cb));
    for (a, b) in a.values().chunks_exact(ca).zip(b.values().chunks_exact(cb)) {
        out.extend_from_slice(a);
        out.extend_from_slice(b);
    }
    a.tape().op([a, b], out, [rows, ca + cb], move |g, _| {
        let (mut ga, mut gb) = (Vec::with_capacity(rows * ca), Vec::with_capacity(rows * cb));
        for g in g.chunks_exact(ca + cb) {
            ga.extend_from_slice(&g[..ca]);
            gb.extend_from_slice(&g[ca..]);
        }
        Ok([Some(ga), Some(gb)])
    })
}

/// The rows of `x` that `rows` names, which may name one more than once: an embedding where `x` is a table.
///
/// # Errors
/// [`nc_core::Error::Internal`] for a row that there is not.
pub fn gather<'t>(x: &Node<'t>, rows: Vec<usize>) -> Result<Node<'t>> {
    let [n, c] = x.dims();
    if rows.iter().any(|r| *r >= n) {
        return Err(misfit("a row that there is not"));
    }
    let xv = x.values();
    let mut out = Vec::with_capacity(rows.len() * c);
    for r in &rows {
        out.extend_from_slice(&xv[r * c..(r + 1) * c]);
    }
    x.tape().op([x], out, [rows.len(), c], move |g, _| {
        let mut d = vec![0.0; n * c];
        for (g, r) in g.chunks_exact(c).zip(&rows) {
            let to = d[r * c..(r + 1) * c].iter_mut();
            to.zip(g).for_each(|(d, g)| *d += g);
        }
        Ok([Some(d)])
    })
}
