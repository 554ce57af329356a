//! The model of a strip's samples.

use nc_core::Result;
use nc_core::entropy::mixing::{Adaptive, Bits, Mixer, Rate, Refine, squash, stretch};
use nc_kernels::{CUTS, Cuts, Kernels};

use crate::group::{MOST, PAD, Strip};
use crate::predict::{Fit, Neighbour, neighbours};

/// Fits of a plane.
const FITS: usize = 3;
/// Contexts of counters.
const COUNTERS: usize = 7;
/// Inputs of the mixer: distributions, counters, a constant.
const INPUTS: usize = LANES + COUNTERS + 1;
/// Distributions that are mixed.
const LANES: usize = 8;
/// Kinds of context that say how far off predictions are.
const SCALES: usize = 4;
/// All distributions agree beyond this logarithm, in 256ths: 5.1.
const CERTAIN: i32 = 1300;

/// A bit is taken for sure that is so far from all means, in scales of the flattest distribution.
const FAR: f32 = 7.0;

/// What lies around a sample, as whole numbers below some bound.
#[derive(Debug, Clone, Copy, Default)]
struct Around {
    /// How far off predictions were nearby, 0 to 23.
    activity: usize,
    /// How far off those of the planes before were here, 0 to 11.
    others: usize,
    /// How much neighbours differ, 0 to 11.
    gradient: usize,
    /// Which of six neighbours lie above the prediction.
    texture: usize,
    /// Column and row, of two each.
    place: usize,
}

/// `floor(4 log2 t)`, nearly, for t from 1 on: the exponent and two digits behind it.
fn log4(t: f32) -> usize {
    (t.max(1.0).to_bits().saturating_sub(0x3f80_0000) >> 21) as usize
}

/// `floor(2 log2 t)`, nearly.
fn log2(t: f32) -> usize {
    (t.max(1.0).to_bits().saturating_sub(0x3f80_0000) >> 22) as usize
}

/// Values of a few rows, and zeros beside them.
struct Rows {
    rows: [Vec<[f32; FITS + 1]>; 3],
}

impl Rows {
    fn new(width: usize) -> Self {
        let row = || vec![[0.0; FITS + 1]; width + 2 * PAD];
        Self {
            rows: [row(), row(), row()],
        }
    }

    /// The values at `x + dx`, `up` rows above.
    #[inline(always)]
    fn get(&self, x: usize, dx: isize, up: usize) -> &[f32; FITS + 1] {
        &self.rows[up][(x + PAD).wrapping_add_signed(dx)]
    }

    fn next_row(&mut self) {
        self.rows.rotate_right(1);
        self.rows[0].fill([0.0; FITS + 1]);
    }

    fn clear(&mut self) {
        for row in &mut self.rows {
            row.fill([0.0; FITS + 1]);
        }
    }
}

/// The model of the samples of one plane.
struct Plane {
    around: Vec<Neighbour>,
    /// Where the neighbours are, from the pixel.
    offsets: Vec<isize>,
    fits: Vec<Fit>,
    /// How far off each fit was, and their blend.
    errors: Rows,
    /// Scales by context, negative before anything was seen.
    scales: [Vec<f32>; SCALES],
    /// Mean error by texture, with its weight.
    bias: Vec<[f32; 2]>,
    /// How far off copies of the first plane's steps are.
    steps: [[f32; 4]; 2],
    counters: [Adaptive; COUNTERS],
    mixer: Mixer,
    refine: [Refine; 2],
    cuts: Cuts,
}

/// Trust in a counter by what it has seen, in 16ths.
static TRUST: [i32; 32] = {
    let mut trust = [0; 32];
    let mut n = 0;
    while n < 32 {
        // n / (n + 1.5)
        trust[n] = (32 * n as i32) / (2 * n as i32 + 3);
        n += 1;
    }
    trust
};

/// The model of a strip of a group: what is told of it, bit by bit.
pub(crate) struct Model {
    kernels: Kernels,
    bits: u32,
    /// Planes that are known before.
    given: usize,
    planes: Vec<Plane>,
    counter_bits: u32,
    /// How far off the blend was at this pixel, by rank.
    here: [f32; MOST],
    neighbours: Vec<f32>,
}

/// Steepness of a logistic distribution of mean absolute error 1.
const STEEP: f32 = 1.386;
/// Least mean absolute error.
const LEAST: f32 = 0.05;

impl Model {
    /// For strips of this width and number of planes, the first `given` of them known, of `bits` bits a sample; `alpha` says that
    /// the last is opacity; with so many fits.
    pub(crate) fn new(
        width: usize,
        pixels: usize,
        planes: usize,
        given: usize,
        alpha: bool,
        bits: u32,
        fits: usize,
    ) -> Result<Self> {
        let kernels = Kernels::best();
        let counter_bits = (pixels.max(1).ilog2() + 3).clamp(10, 16);
        let deep = bits as usize;
        let mut all = Vec::new();
        let colours = planes - usize::from(alpha);
        for rank in given..planes {
            let alone = rank >= colours;
            let (around, taken) = neighbours(rank, colours, alone);
            let [first, second, third] = taken;
            let fit =
                |taken, block, keep, reach| Fit::new(kernels, taken, width, block, keep, reach);
            let mut list = vec![fit(first, 16, 0.86, 2)?];
            if fits > 1 {
                list.push(fit(second, 16, 0.7, 1)?);
                list.push(fit(third, 8, 0.6, 1)?);
            }
            let rate = Rate {
                start: 14000,
                floor: 3000,
                slowness: 13,
            };
            let sets = [16 * deep * 4, 24 * deep * 4, 12 * 12 * 2];
            let mut mixer = Mixer::new(INPUTS, &sets, deep, rate)?;
            let models = if fits > 1 { 8 } else { 6 };
            let mut weights = [0i16; LANES];
            weights[..models].fill(4096 / models as i16);
            mixer.start(&[&weights[..], &[0; COUNTERS + 1]].concat());
            all.push(Plane {
                offsets: Vec::new(),
                around,
                fits: list,
                errors: Rows::new(width),
                scales: std::array::from_fn(|_| vec![-1.0; 4096]),
                bias: vec![[0.0; 2]; 64 * 24 * 2],
                steps: [[1.0; 4]; 2],
                counters: std::array::from_fn(|k| match k {
                    0..=2 => Adaptive::new(1 << 15, 120),
                    4 => Adaptive::new(1 << counter_bits, 400),
                    _ => Adaptive::new(1 << counter_bits, 120),
                }),
                mixer,
                refine: [Refine::new(16 * 24, 6), Refine::new(64 * 16, 6)],
                cuts: Cuts::default(),
            });
        }
        Ok(Self {
            kernels,
            bits,
            given,
            planes: all,
            counter_bits,
            here: [0.0; MOST],
            neighbours: Vec::new(),
        })
    }

    /// Before a strip: what was learnt stays, what lay around does not.
    pub(crate) fn begin(&mut self, strip: &Strip) {
        let (planes, stride) = (strip.planes as isize, strip.stride() as isize);
        for plane in &mut self.planes {
            plane.errors.clear();
            plane.offsets = plane
                .around
                .iter()
                .map(|n| n.dy * stride + n.dx * planes + n.rank as isize)
                .collect();
        }
    }

    pub(crate) fn end_row(&mut self) -> Result<()> {
        for plane in &mut self.planes {
            for fit in &mut plane.fits {
                fit.end()?;
            }
            plane.errors.next_row();
        }
        Ok(())
    }

    /// Codes the pixel at `x`, `y`; reads and writes the strip.
    pub(crate) fn pixel<B: Bits>(
        &mut self,
        io: &mut B,
        strip: &mut Strip,
        x: usize,
        y: usize,
    ) -> Result<()> {
        let at = strip.at(x, y);
        self.here = [0.0; MOST];
        for i in 0..self.planes.len() {
            let rank = i + self.given;
            let value = strip.samples()[at + rank];
            let value = self.sample(io, strip, i, x, y, value)?;
            strip.put(at + rank, value);
        }
        Ok(())
    }

    #[allow(clippy::too_many_lines, reason = "one sample from first to last")]
    fn sample<B: Bits>(
        &mut self,
        io: &mut B,
        strip: &Strip,
        index: usize,
        x: usize,
        y: usize,
        value: u16,
    ) -> Result<u16> {
        let rank = index + self.given;
        let plane = &mut self.planes[index];
        let at = strip.at(x, y);
        let (all, planes, stride) = (strip.samples(), strip.planes, strip.stride());
        // In levels of 8 bits, so that one set of constants serves all.
        let unit = 1.0 / (1u32 << (self.bits - 8)) as f32;
        let max = ((1u32 << self.bits) - 1) as f32 * unit;
        let mut means = [0.0f32; MOST];
        for (p, mean) in means.iter_mut().enumerate().take(planes) {
            let s = |at: usize| u32::from(all[at]);
            let sum = s(at - planes + p)
                + s(at - stride + p)
                + s(at - stride + planes + p)
                + s(at - stride - planes + p);
            *mean = sum as f32 * (0.25 * unit);
        }
        self.neighbours.clear();
        for (n, offset) in plane.around.iter().zip(&plane.offsets) {
            let s = f32::from(all[at.wrapping_add_signed(*offset)]);
            self.neighbours.push(s * unit - means[n.rank]);
        }
        let mean = means[rank];
        let mut mu = [0.0f32; FITS];
        for (fit, mu) in plane.fits.iter_mut().zip(&mut mu) {
            fit.begin(x)?;
            let p = mean + fit.predict(&self.neighbours);
            // What is not a number becomes the least.
            *mu = if p > -8.0 { p.min(max + 8.0) } else { -8.0 };
        }
        let e = &plane.errors;
        // Blend by how far off each fit was nearby.
        let (mut sum, mut weights) = (0.0, 0.0);
        for (k, mu) in mu.iter().enumerate().take(plane.fits.len()) {
            let off = 1.0
                + e.get(x, -1, 0)[k] * 2.0
                + e.get(x, 0, 1)[k] * 2.0
                + e.get(x, -1, 1)[k]
                + e.get(x, 1, 1)[k]
                + e.get(x, -2, 0)[k]
                + e.get(x, 0, 2)[k];
            let w = 1.0 / (off * off);
            sum += w * mu;
            weights += w;
        }
        let blend = sum / weights;
        let off = |dx, up| e.get(x, dx, up)[FITS];
        let (left, above) = (off(-1, 0), off(0, 1));
        let corners = off(1, 1) + off(-1, 1);
        let active =
            (left * 2.0 + above * 2.0 + corners + off(-2, 0) * 0.7 + off(0, 2) * 0.7) / 7.4;
        let known = index.min(MOST);
        let others = match known {
            0 => 0.0,
            n => self.here[..n].iter().fold(0.0, |s, h| s + h) / n as f32,
        };
        let own = |back: usize| all[at + rank - back];
        let (w, n) = (own(planes), own(stride));
        let (nw, ne) = (own(stride + planes), own(stride - planes));
        let (ww, nn) = (own(2 * planes), own(2 * stride));
        let steps = [(w, ww), (w, nw), (n, nn), (n, nw), (n, ne)];
        let gradient = steps
            .iter()
            .map(|(a, b)| u32::from(a.abs_diff(*b)))
            .sum::<u32>() as f32
            * (0.2 * unit);
        let middle = blend;
        let texture = [w, n, nw, ne, ww, nn]
            .iter()
            .enumerate()
            .map(|(i, s)| usize::from(f32::from(*s) * unit > middle) << i)
            .sum();
        let around = Around {
            activity: log4(1.0 + 2.0 * active).min(23),
            others: log2(1.0 + 2.0 * others).min(11),
            gradient: log2(1.0 + gradient).min(11),
            texture,
            place: x & 1 | (y & 1) << 1,
        };
        let bias = (around.texture * 24 + around.activity) * 2 + (x & 1);
        let [shift, seen] = plane.bias[bias];
        let corrected = blend + shift / (seen + 4.0);
        // The first plane's steps, copied.
        let mut copies = [corrected; 2];
        if rank > 0 {
            let first = |back: usize| f32::from(all[at - back]);
            let here = first(0);
            copies[0] = (f32::from(w) + here - first(planes)) * unit;
            copies[1] = (f32::from(n) + here - first(stride)) * unit;
        }
        let q = |t: f32| log2(1.0 + t).min(11);
        let contexts = [
            around.activity * 12 + around.others,
            around.gradient * 24 + around.activity,
            (around.others * 12 + around.gradient) * 4 + around.place,
            q(2.0 * left) * 144 + q(2.0 * above) * 12 + q(corners),
        ];
        let mut scale = [0.0f32; SCALES];
        for ((scale, all), c) in scale.iter_mut().zip(&mut plane.scales).zip(contexts) {
            if all[c] < 0.0 {
                all[c] = 0.7 * active + 0.3 * others + 0.3;
            }
            *scale = all[c];
        }
        let value = {
            let s = scale.map(|s| STEEP / (s + LEAST));
            let cuts = &mut plane.cuts;
            let several = plane.fits.len() > 1;
            cuts.mean = [0.0; CUTS];
            cuts.mean[..LANES].copy_from_slice(&[
                corrected, corrected, corrected, mu[0], mu[1], mu[2], copies[0], copies[1],
            ]);
            let step = |k: usize| match rank {
                0 => 0.0,
                _ => STEEP / (plane.steps[k][around.place] + LEAST),
            };
            cuts.steepness = [0.0; CUTS];
            cuts.steepness[..LANES].copy_from_slice(&[
                s[0],
                s[1] * 1.6,
                s[3] * 0.6,
                if several { s[0] } else { s[2] },
                if several { s[1] } else { 0.0 },
                if several { s[2] } else { 0.0 },
                step(0),
                step(1),
            ]);
            cuts.open();
            // The plane before at this pixel.
            let before = rank.checked_sub(1).map(|p| u32::from(all[at + p]));
            let told = Told {
                corrected,
                steepness: s[0],
                around,
                unit,
                left: w.into(),
                above: n.into(),
                corner: nw.into(),
                before,
            };
            plane.tell(io, self.kernels, self.bits, self.counter_bits, value, &told)?
        };
        let v = f32::from(value) * unit;
        if rank > 0 {
            for (steps, copy) in plane.steps.iter_mut().zip(copies) {
                let s = &mut steps[around.place];
                *s += ((v - copy).abs() - *s) * 0.02;
            }
        }
        let error = (v - corrected).abs();
        for (all, c) in plane.scales.iter_mut().zip(contexts) {
            all[c] += (error - all[c]) * 0.02;
        }
        let b = &mut plane.bias[bias];
        b[0] = b[0] * 0.99 + (v - blend);
        b[1] = b[1] * 0.99 + 1.0;
        let off = (v - blend).abs();
        self.here[index.min(MOST - 1)] = off;
        let weight = 1.0 / (2.0 + active * active + gradient * 0.5);
        let mut errors = [0.0; FITS + 1];
        for ((e, mu), fit) in errors.iter_mut().zip(mu).zip(&mut plane.fits) {
            *e = (v - mu).abs();
            fit.learn(v - mean, weight)?;
        }
        errors[FITS] = off;
        plane.errors.rows[0][x + PAD] = errors;
        Ok(value)
    }
}

/// What a sample's bits are told by.
struct Told {
    corrected: f32,
    steepness: f32,
    around: Around,
    unit: f32,
    left: u32,
    above: u32,
    corner: u32,
    /// Of the plane before at this pixel; none for the first.
    before: Option<u32>,
}

impl Plane {
    /// Codes a sample, the highest bit first.
    #[inline]
    fn tell<B: Bits>(
        &mut self,
        io: &mut B,
        kernels: Kernels,
        bits: u32,
        counter_bits: u32,
        value: u16,
        told: &Told,
    ) -> Result<u16> {
        let Around {
            activity,
            others,
            gradient,
            texture,
            place,
        } = told.around;
        // Four bits of a context that is hashed lie in one line of the cache.
        let left = told.left.wrapping_mul(0x2c1b_3c6d);
        let above = told.above.wrapping_mul(0x297a_2d39);
        let (known, beside) = match told.before {
            Some(before) => {
                let known = before.wrapping_mul(0x27d4_eb2f);
                (known, known ^ told.left.wrapping_mul(0x165e_6b35))
            }
            // Of the first plane its own neighbours, by place: rows and columns may be repeated.
            None => {
                let place = (place as u32 + 1).wrapping_mul(0x27d4_eb2f);
                let around = told.corner.wrapping_mul(0x165e_6b35);
                (above ^ place, left ^ above ^ around ^ place)
            }
        };
        let hashes = [left ^ above, 0, known, beside];
        let mut lines = [0usize; 4];
        let mut path = 1usize;
        let value = u32::from(value);
        let (mut low, mut odds) = (0u32, [0.0f32; CUTS]);
        // In the levels of samples.
        let expected = (told.corrected / told.unit + 0.5) as i32;
        // Between which means all distributions lie, and how flat the flattest is.
        let known = self.cuts.mean.iter().zip(&self.cuts.steepness);
        let (least_mean, most_mean, flattest) = known
            .filter(|(_, s)| **s != 0.0)
            .fold((f32::MAX, f32::MIN, f32::MAX), |(a, b, c), (m, s)| {
                (a.min(*m), b.max(*m), c.min(*s))
            });
        for d in (0..bits).rev() {
            if d % 4 == 3 || d + 1 == bits {
                path = 1;
                let prefix = (low >> d).wrapping_mul(0x9e37_79b1) ^ d.wrapping_mul(0x85eb_ca6b);
                for ((line, hash), counter) in lines.iter_mut().zip(hashes).zip(&self.counters[3..])
                {
                    let h = (hash ^ prefix).wrapping_mul(0xc2b2_ae35);
                    let h = (h ^ h >> 15).wrapping_mul(0x2c1b_3c6d);
                    *line = (h >> (36 - counter_bits) << 4) as usize;
                    counter.prefetch(*line);
                }
            }
            let middle = low + (1 << d);
            let bit = value >= middle;
            let at = (middle as f32 - 0.5) * told.unit;
            // Far from all of them, the bit is all but sure.
            let far = ((at - most_mean).max(least_mean - at)) * flattest;
            if far > FAR {
                let above = at < least_mean;
                let log = (far.min(11.0) * 256.0) as i32;
                let bit = io.bit(bit, squash(if above { log } else { -log }));
                if bit != above {
                    kernels.cut(&mut self.cuts, at, &mut odds);
                    self.cuts.choose(bit);
                }
                path = path << 1 | usize::from(bit);
                if bit {
                    low = middle;
                }
                continue;
            }
            kernels.cut(&mut self.cuts, at, &mut odds);
            let (mut least, mut most, mut sum, mut count) = (i32::MAX, i32::MIN, 0, 0);
            let inputs = self.mixer.inputs()[..LANES].iter_mut();
            for ((x, o), steepness) in inputs.zip(&odds).zip(&self.cuts.steepness) {
                // Lanes without a distribution know nothing.
                if *steepness == 0.0 {
                    *x = 0;
                    continue;
                }
                let o = *o as i32;
                *x = o as i16;
                least = least.min(o);
                most = most.max(o);
                sum += o;
                count += 1;
            }
            if least > CERTAIN || most < -CERTAIN {
                let bit = io.bit(bit, squash(sum / count));
                self.cuts.choose(bit);
                path = path << 1 | usize::from(bit);
                if bit {
                    low = middle;
                }
                continue;
            }
            let offset = (middle as i32 - expected).clamp(-15, 15) + 16;
            // Decisions of one bit lie together.
            let node = (d as usize) << 5 | offset as usize;
            let contexts = [
                activity << 9 | node,
                texture << 9 | node,
                (others.min(7) << 3 | gradient.min(7)) << 9 | node,
                lines[0] | path,
                lines[1] | path,
                lines[2] | path,
                lines[3] | path,
            ];
            let x = self.mixer.inputs();
            for ((counter, context), x) in self.counters.iter().zip(contexts).zip(&mut x[LANES..]) {
                let trust = TRUST[counter.seen(context).min(31) as usize];
                *x = ((stretch(counter.p(context)) * trust) >> 4) as i16;
            }
            x[LANES + COUNTERS] = 77;
            let z = (at - told.corrected) * told.steepness;
            let z = (z * 2.0 + 8.0).clamp(0.0, 15.0) as usize;
            let depth = d as usize;
            let deep = bits as usize;
            let sets = [
                (z * deep + depth) * 4 + place,
                (activity * deep + depth) * 4 + place,
                (others * 12 + gradient) * 2 + usize::from(d < 3),
            ];
            let answer = self.mixer.mix(&sets, depth)?;
            let first = self.refine[0].refine(answer, z * 24 + activity);
            let second = self.refine[1].refine(answer, texture * 16 + depth);
            let p = (2 * squash(answer) + first + second + 2) >> 2;
            let bit = io.bit(bit, p);
            self.mixer.update(bit)?;
            for refine in &mut self.refine {
                refine.update(bit);
            }
            for (counter, context) in self.counters.iter_mut().zip(contexts) {
                counter.update(context, bit);
            }
            self.cuts.choose(bit);
            path = path << 1 | usize::from(bit);
            if bit {
                low = middle;
            }
        }
        Ok(low as u16)
    }
}
