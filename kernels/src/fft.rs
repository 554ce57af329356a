//! Real discrete Fourier transform, the same bits on every machine.
//!
//! Stockham's autosort algorithm with radices 2, 3, 4 and 5 on n/2 complex points, then the split into the spectrum
//! of a real signal. Real and imaginary parts are separate arrays, so that the compiler vectorises the inner loops;
//! that changes no bit, because no order of operations changes. A 640-point transform takes a few microseconds
//! (bench `kernels`, group `rfft`), and an audio codec needs about a hundred a second.

use crate::error::{KernelError, Result, same};
use crate::exact::unit;

/// Largest transform.
pub const MAX_FFT: usize = 1 << 20;

/// One pass of the complex transform.
#[derive(Debug, Clone)]
struct Stage {
    radix: usize,
    /// Length of the sub-transforms after this pass.
    m: usize,
    /// Number of interleaved sub-transforms before this pass.
    s: usize,
    /// exp(-2 pi i j k / (m radix)) at [j (radix - 1) + k - 1], for j < m, 0 < k < radix.
    twiddle: Vec<(f32, f32)>,
}

/// Real Fourier transform of even size n with n/2 = 2^a 3^b 5^c.
#[derive(Debug, Clone)]
pub struct Rfft {
    n: usize,
    stages: Vec<Stage>,
    /// exp(-2 pi i k / n), k <= n/4.
    split: Vec<(f32, f32)>,
}

fn to_f32((c, s): (f64, f64)) -> (f32, f32) {
    // The transforms use exp(-i a).
    (c as f32, -s as f32)
}

impl Rfft {
    /// Plans a transform of `n` real points.
    ///
    /// # Errors
    /// [`KernelError::Range`] unless n is even, n/2 has no prime factor above 5, and 2 <= n <= 2^20.
    pub fn new(n: usize) -> Result<Self> {
        let refuse = Err(KernelError::Range {
            what: "n_fft",
            got: n,
        });
        if !(2..=MAX_FFT).contains(&n) || !n.is_multiple_of(2) {
            return refuse;
        }
        let half = n / 2;
        let mut left = half;
        let mut radices = Vec::new();
        for p in [5, 3] {
            while left.is_multiple_of(p) {
                radices.push(p);
                left /= p;
            }
        }
        if !left.is_power_of_two() {
            return refuse;
        }
        if left.trailing_zeros() % 2 == 1 {
            radices.push(2);
            left /= 2;
        }
        while left > 1 {
            radices.push(4);
            left /= 4;
        }
        let mut stages = Vec::new();
        let (mut len, mut s) = (half, 1);
        for radix in radices {
            let m = len / radix;
            let twiddle = (0..m)
                .flat_map(|j| (1..radix).map(move |k| to_f32(unit(j * k, len))))
                .collect();
            stages.push(Stage {
                radix,
                m,
                s,
                twiddle,
            });
            len = m;
            s *= radix;
        }
        let split = (0..=half / 2).map(|k| to_f32(unit(k, n))).collect();
        Ok(Self { n, stages, split })
    }

    /// Number of real points.
    #[must_use]
    pub fn size(&self) -> usize {
        self.n
    }

    /// Number of complex bins, n/2 + 1.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.n / 2 + 1
    }

    /// `re[k]` + i `im[k]` = sum over j of `x[j]` exp(-2 pi i j k / n), for k = 0 ..= n/2. Not scaled.
    ///
    /// # Errors
    /// [`KernelError::Length`] unless `x` is `[n]`, `re` and `im` `[n/2 + 1]`.
    pub fn forward(&self, x: &[f32], re: &mut [f32], im: &mut [f32]) -> Result<()> {
        self.forward_with(x, re, im, &mut Scratch::default())
    }

    /// The inverse of [`forward`](Self::forward), scaled by 1/n. The imaginary parts of the first and the last bin
    /// are ignored.
    ///
    /// # Errors
    /// [`KernelError::Length`] unless `x` is `[n]`, `re` and `im` `[n/2 + 1]`.
    pub fn inverse(&self, re: &[f32], im: &[f32], x: &mut [f32]) -> Result<()> {
        self.inverse_with(re, im, x, &mut Scratch::default())
    }

    pub(crate) fn forward_with(
        &self,
        x: &[f32],
        re: &mut [f32],
        im: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<()> {
        same("x", self.n, x.len())?;
        same("re", self.bins(), re.len())?;
        same("im", self.bins(), im.len())?;
        let h = self.n / 2;
        let [a, b, c, d] = scratch.buffers(h);
        for ((pair, r), i) in x.chunks_exact(2).zip(a.iter_mut()).zip(b.iter_mut()) {
            *r = pair[0];
            *i = pair[1];
        }
        self.complex(a, b, c, d);
        re[0] = a[0] + b[0];
        im[0] = 0.0;
        re[h] = a[0] - b[0];
        im[h] = 0.0;
        for (k, &(wr, wi)) in self.split.iter().enumerate().skip(1) {
            let l = h - k;
            // Even and odd parts: E = (Z_k + conj Z_l) / 2, O = -i (Z_k - conj Z_l) / 2.
            let (er, ei) = (0.5 * (a[k] + a[l]), 0.5 * (b[k] - b[l]));
            let (or, oi) = (0.5 * (b[k] + b[l]), 0.5 * (a[l] - a[k]));
            let (tr, ti) = (or * wr - oi * wi, or * wi + oi * wr);
            re[k] = er + tr;
            im[k] = ei + ti;
            re[l] = er - tr;
            im[l] = ti - ei;
        }
        Ok(())
    }

    pub(crate) fn inverse_with(
        &self,
        re: &[f32],
        im: &[f32],
        x: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<()> {
        same("x", self.n, x.len())?;
        same("re", self.bins(), re.len())?;
        same("im", self.bins(), im.len())?;
        let h = self.n / 2;
        let [a, b, c, d] = scratch.buffers(h);
        let scale = 1.0 / self.n as f32;
        a[0] = (re[0] + re[h]) * scale;
        b[0] = (re[0] - re[h]) * scale;
        for (k, &(wr, wi)) in self.split.iter().enumerate().skip(1) {
            let l = h - k;
            let (er, ei) = ((re[k] + re[l]) * scale, (im[k] - im[l]) * scale);
            let (tr, ti) = ((re[k] - re[l]) * scale, (im[k] + im[l]) * scale);
            // O = (X_k - conj X_l) conj(w); Z_k = E + i O, Z_l = conj(E) + i conj(O).
            let (or, oi) = (tr * wr + ti * wi, ti * wr - tr * wi);
            a[k] = er - oi;
            b[k] = ei + or;
            a[l] = er + oi;
            b[l] = or - ei;
        }
        // The inverse is the forward transform with real and imaginary parts exchanged.
        self.complex(b, a, d, c);
        for ((pair, r), i) in x.chunks_exact_mut(2).zip(a.iter()).zip(b.iter()) {
            pair[0] = *r;
            pair[1] = *i;
        }
        Ok(())
    }

    /// Complex transform of re + i im in place, with two work arrays.
    fn complex(&self, re: &mut [f32], im: &mut [f32], wr: &mut [f32], wi: &mut [f32]) {
        let mut in_work = false;
        for stage in &self.stages {
            let (xr, xi, yr, yi) = if in_work {
                (&*wr, &*wi, &mut *re, &mut *im)
            } else {
                (&*re, &*im, &mut *wr, &mut *wi)
            };
            match stage.radix {
                2 => pass::<2>(stage, xr, xi, yr, yi, butterfly2),
                3 => pass::<3>(stage, xr, xi, yr, yi, butterfly3),
                4 => pass::<4>(stage, xr, xi, yr, yi, butterfly4),
                _ => pass::<5>(stage, xr, xi, yr, yi, butterfly5),
            }
            in_work = !in_work;
        }
        if in_work {
            re.copy_from_slice(wr);
            im.copy_from_slice(wi);
        }
    }
}

/// Work memory of a transform, kept between calls.
#[derive(Debug, Default, Clone)]
pub(crate) struct Scratch(Vec<f32>);

impl Scratch {
    fn buffers(&mut self, h: usize) -> [&mut [f32]; 4] {
        self.0.resize(4 * h, 0.0);
        let (a, rest) = self.0.split_at_mut(h);
        let (b, rest) = rest.split_at_mut(h);
        let (c, d) = rest.split_at_mut(h);
        [a, b, c, d]
    }
}

type C = (f32, f32);

#[inline(always)]
fn add(a: C, b: C) -> C {
    (a.0 + b.0, a.1 + b.1)
}
#[inline(always)]
fn sub(a: C, b: C) -> C {
    (a.0 - b.0, a.1 - b.1)
}
#[inline(always)]
fn scale(a: C, s: f32) -> C {
    (a.0 * s, a.1 * s)
}
/// a - i b.
#[inline(always)]
fn sub_i(a: C, b: C) -> C {
    (a.0 + b.1, a.1 - b.0)
}
/// a + i b.
#[inline(always)]
fn add_i(a: C, b: C) -> C {
    (a.0 - b.1, a.1 + b.0)
}

#[inline(always)]
fn butterfly2(a: [C; 2]) -> [C; 2] {
    [add(a[0], a[1]), sub(a[0], a[1])]
}

#[inline(always)]
fn butterfly3(a: [C; 3]) -> [C; 3] {
    const SIN_60: f32 = 0.866_025_4;
    let t = add(a[1], a[2]);
    let u = scale(sub(a[1], a[2]), SIN_60);
    let m = sub(a[0], scale(t, 0.5));
    [add(a[0], t), sub_i(m, u), add_i(m, u)]
}

#[inline(always)]
fn butterfly4(a: [C; 4]) -> [C; 4] {
    let (b0, b1) = (add(a[0], a[2]), sub(a[0], a[2]));
    let (b2, b3) = (add(a[1], a[3]), sub(a[1], a[3]));
    [add(b0, b2), sub_i(b1, b3), sub(b0, b2), add_i(b1, b3)]
}

#[inline(always)]
fn butterfly5(a: [C; 5]) -> [C; 5] {
    // Cosines and sines of 72 and 144 degrees.
    const C1: f32 = 0.309_017;
    const C2: f32 = -0.809_017;
    const S1: f32 = 0.951_056_5;
    const S2: f32 = 0.587_785_25;
    let (t1, t2) = (add(a[1], a[4]), add(a[2], a[3]));
    let (u1, u2) = (sub(a[1], a[4]), sub(a[2], a[3]));
    let m1 = add(add(a[0], scale(t1, C1)), scale(t2, C2));
    let m2 = add(add(a[0], scale(t1, C2)), scale(t2, C1));
    let n1 = add(scale(u1, S1), scale(u2, S2));
    let n2 = sub(scale(u1, S2), scale(u2, S1));
    [
        add(add(a[0], t1), t2),
        sub_i(m1, n1),
        sub_i(m2, n2),
        add_i(m2, n2),
        add_i(m1, n1),
    ]
}

/// One Stockham pass: y[q + s (R j + k)] = w^(jk) * butterfly(x[q + s (j + r m)])[k].
#[inline(always)]
fn pass<const R: usize>(
    stage: &Stage,
    xr: &[f32],
    xi: &[f32],
    yr: &mut [f32],
    yi: &mut [f32],
    butterfly: impl Fn([C; R]) -> [C; R],
) {
    let (m, s) = (stage.m, stage.s);
    for j in 0..m {
        let mut w = [(1f32, 0f32); R];
        w[1..].copy_from_slice(&stage.twiddle[j * (R - 1)..(j + 1) * (R - 1)]);
        let inr: [&[f32]; R] = std::array::from_fn(|r| &xr[s * (j + r * m)..][..s]);
        let ini: [&[f32]; R] = std::array::from_fn(|r| &xi[s * (j + r * m)..][..s]);
        let outr = &mut yr[s * R * j..][..s * R];
        let outi = &mut yi[s * R * j..][..s * R];
        for q in 0..s {
            let y = butterfly(std::array::from_fn(|r| (inr[r][q], ini[r][q])));
            outr[q] = y[0].0;
            outi[q] = y[0].1;
            for k in 1..R {
                let ((ar, ai), (br, bi)) = (y[k], w[k]);
                outr[q + s * k] = ar * br - ai * bi;
                outi[q + s * k] = ar * bi + ai * br;
            }
        }
    }
}
