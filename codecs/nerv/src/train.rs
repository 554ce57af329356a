//! Fitting (prototype).
use nc::rng::Rng;
use nc_kernels::Kernels;

use crate::backward::Grads;
use crate::coder::Cost;
use crate::coefficient::*;
use crate::config::{Config, Network};
use crate::geometry::Geometry;
use crate::motion::*;
use crate::order::{Place, places};
use crate::search::{Phases, Search};
use crate::transform::*;

pub struct FrameState {
    pub place: Place,
    pub group: usize,
    pub refs: [Option<usize>; 2],
    pub field: Field,
    pub latents: Latents,
    pub step: f32,
    pub bits: f32,
    pub sse: f64,
}
fn hole() -> FrameState {
    FrameState { place: Place { t: 0, class: 0, refs: [None; 2] }, group: 0, refs: [None; 2], field: Field { w: 0, h: 0, blocks: vec![] }, latents: Latents::default(), step: 1.0, bits: 0.0, sse: 0.0 }
}

pub struct Work {
    t: Vec<Vec<f32>>,
    d: Grads,
    pred: Vec<u16>,
    frame: Vec<u16>,
    res: Vec<Vec<f32>>,
    tr: Transform,
    tally: Tally,
}

pub struct Options {
    pub seconds: f64,
    pub bytes: f64,
    pub step: usize,
    pub group: usize,
    pub lr: f32,
    pub price: f32,
    pub weights: [f32; 5],
    pub lambda: f32,
    pub quant: f32,
    pub eta: f32,
    pub config: Config,
}

pub struct Trainer<'a> {
    pub geo: Geometry,
    pub net: Network,
    pub kernels: Kernels,
    pub frames: &'a [Vec<u16>],
    pub states: Vec<FrameState>,
    pub recon: Vec<Reference>,
    pub params: Vec<f32>,
    pub pm: Vec<f32>,
    pub pv: Vec<f32>,
    pub steps: u64,
    pub rates: Rates,
    pub lambda: f32,
    pub o: Options,
    motion_bits: f64,
    recon_frames: Vec<Vec<u16>>,
}

pub fn hints(f: &Field, class: usize, g: &Geometry) -> impl Fn(usize, usize, usize) -> usize {
    let (w, h) = (f.w, f.h);
    let mut out = vec![0u8; w * h];
    if class > 0 {
        for y in 0..h {
            for x in 0..w {
                let b = f.blocks[y * w + x];
                let l = if x > 0 { f.blocks[y * w + x - 1] } else { b };
                let u = if y > 0 { f.blocks[(y - 1) * w + x] } else { b };
                let differ = l != b || u != b;
                out[y * w + x] = match (b.mode == 2 || class == 1, differ) { (true, false) => 1, (false, false) => 2, (true, true) => 2, (false, true) => 3 };
            }
        }
    }
    let subs: Vec<[usize; 2]> = g.planes.iter().map(|p| p.sub).collect();
    move |plane, x, y| {
        let (x, y) = (x * subs[plane][0], y * subs[plane][1]);
        if x < w && y < h { out[y * w + x] as usize } else { 0 }
    }
}

impl<'a> Trainer<'a> {
    pub fn new(w: usize, h: usize, frames: &'a [Vec<u16>], o: Options) -> Self {
        let geo = Geometry::new(w, h, Some([2, 2]), 8, 8);
        let net = o.config.network(&geo);
        let mut rng = Rng::new(1);
        let mut params = vec![0.0; net.graph.weights()];
        for p in &net.graph.params {
            for v in &mut params[p.at..p.at + p.len] {
                *v = p.mean + p.std * rng.normal().clamp(-2.0, 2.0);
            }
        }
        let mut states = vec![];
        let n = frames.len();
        let groups = n.div_ceil(o.group);
        for gi in 0..groups {
            let (a, b) = (gi * n / groups, (gi + 1) * n / groups);
            for place in places(b - a, o.step) {
                states.push(FrameState { place: Place { t: a + place.t, ..place }, group: gi, refs: place.refs.map(|r| r.map(|r| a + r)), field: Field::new(&geo), latents: Latents::new(&geo), step: 1.0, bits: 0.0, sse: 0.0 });
            }
        }
        let recon = frames.iter().map(|f| Reference::new(&geo, f)).collect();
        let np = params.len();
        let lambda = o.lambda;
        let recon_frames = frames.to_vec();
        Self { geo, net, kernels: Kernels::best(), frames, states, recon, params, pm: vec![0.0; np], pv: vec![0.0; np], steps: 0, rates: Rates::default(), lambda, o, motion_bits: 0.0, recon_frames }
    }

    pub fn search(&mut self, on_recon: bool) {
        use rayon::prelude::*;
        let src: &[Vec<u16>] = if on_recon { &self.recon_frames } else { self.frames };
        let geo = &self.geo;
        let used: Vec<usize> = { let mut u: Vec<usize> = self.states.iter().flat_map(|s| s.refs.iter().flatten().copied().collect::<Vec<_>>()).collect(); u.sort(); u.dedup(); u };
        let ph: std::collections::HashMap<usize, Phases> = used.par_iter().map(|t| (*t, Phases::new(geo, &src[*t]))).collect();
        let frames = self.frames;
        let (lambda, weights, k) = (self.lambda, self.o.weights, self.o.price);
        self.states.par_iter_mut().for_each(|s| {
            let refs: Vec<&Phases> = s.refs.iter().flatten().map(|r| &ph[r]).collect();
            if refs.is_empty() { return; }
            let old = s.field.clone();
            let price = k * (lambda / weights[s.place.class]).sqrt();
            s.field = Search::new(geo, &frames[s.place.t], refs, price).run(geo, Some(&old));
        });
        self.motion_bits = self.code_motion();
    }
    fn code_motion(&mut self) -> f64 {
        let mut io = Cost::default();
        let mut g = usize::MAX; let mut mc = MotionCoder::default();
        for s in &mut self.states {
            if s.group != g { mc = MotionCoder::default(); g = s.group; }
            if s.place.class > 0 { mc.code(&mut io, &mut s.field, s.place.class > 1).unwrap(); }
        }
        io.bits
    }
    pub fn code_latents(&self) -> (f64, [f64; CLASSES]) {
        let mut io = Cost::default();
        let mut g = usize::MAX; let mut gc = LatentCoder::default();
        let mut by_class = [0.0; CLASSES];
        for s in &self.states {
            if s.group != g { gc = LatentCoder::default(); g = s.group; }
            let before = io.bits;
            let mut q = s.latents.clone();
            gc.code(&mut io, s.place.class, &mut q, &hints(&s.field, s.place.class, &self.geo)).unwrap();
            assert!(q == s.latents);
            by_class[s.place.class] += io.bits - before;
        }
        (io.bits, by_class)
    }

    /// Forward; with `train` also backward (parameters' gradients stay in w.d.params); with `update` new latents.
    fn pass(&self, s: &mut FrameState, w: &mut Work, train: bool, update: bool) {
        let geo = &self.geo;
        let net = &self.net;
        let class = s.place.class;
        let weight = self.o.weights[class];
        let lam = self.lambda / weight;
        let zero = Reference::default();
        if class == 0 {
            w.pred.fill(1 << (geo.bits - 1));
        } else {
            let r0 = &self.recon[s.refs[0].unwrap()];
            let r1 = s.refs[1].map_or(&zero, |r| &self.recon[r]);
            compensate(geo, &s.field, [r0, r1], &mut w.pred);
        }
        let strides: Vec<usize> = s.latents.planes.iter().map(|p| p.w * p.side).collect();
        for (p, r) in s.latents.planes.iter().zip(&mut w.res) { p.synthesise(&w.tr, s.step, class == 0, r); }
        let p = geo.channels();
        let s0 = net.graph.images[net.input];
        geo.pack(&w.pred, s0, &mut w.t[net.input]);
        geo.pack_planes(&w.res, &strides, s0, p, &mut w.t[net.input]);
        net.graph.forward(&self.kernels, &self.params, class, &mut w.t).unwrap();
        let so = net.graph.images[net.output];
        let f = &self.frames[s.place.t];
        // out = pred + residual + network
        let (input, output) = { let (a, b) = w.t.split_at_mut(net.output); (&a[net.input], &mut b[0]) };
        for i in 0..so.h {
            let (a, b) = (so.row(i), s0.row(i));
            for j in 0..so.w {
                for c in 0..p { output[a + j * so.c + c] += input[b + j * s0.c + p + c] + input[b + j * s0.c + c]; }
            }
        }
        geo.unpack(so, None, output, &mut w.frame);
        s.sse = w.frame.iter().zip(f).map(|(a, b)| { let d = f64::from(*a) - f64::from(*b); d * d }).sum();
        if !train && !update { return; }
        let d = &mut w.d.images[net.output];
        geo.pack(f, so, d);
        let cw = geo.channel_weights();
        for i in 0..so.h {
            let at = so.row(i);
            for j in 0..so.w {
                for c in 0..so.c {
                    let k = at + j * so.c + c;
                    if c < p && geo.inside(i, j, c) { d[k] = (output[k] - d[k]) * cw[c]; } else { d[k] = 0.0; }
                }
            }
        }
        net.graph.backward(&self.kernels, &self.params, class, &w.t, net.output, &mut w.d).unwrap();
        for g in &mut w.d.params { *g *= weight; }
        if !update { return; }
        // gradient wrt residual: through the network and directly; new target = r - eta * g
        let (din, dout) = (&w.d.images[net.input], &w.d.images[net.output]);
        let t = &mut w.t[net.input];
        for i in 0..so.h {
            let (a, b) = (so.row(i), s0.row(i));
            for j in 0..so.w {
                for c in 0..p { t[b + j * s0.c + p + c] -= self.o.eta * (din[b + j * s0.c + p + c] + dout[a + j * so.c + c]) / cw[c]; }
            }
        }
        geo.unpack_planes(s0, p, t, &mut w.res, &strides);
        let step = (lam * self.o.quant).sqrt().max(1.0);
        s.step = step;
        let ls = lam / (step * step);
        w.tally = Tally::default();
        let mut cost = 0.0;
        for (pi, pl) in s.latents.planes.iter_mut().enumerate() {
            let stride = strides[pi];
            let (fw, fh) = (pl.w * pl.side / 8, pl.h * pl.side / 8);
            let mut full = vec![false; fw * fh];
            let mut means = Means::new(fw);
            let n2 = pl.side * pl.side;
            for sq in 0..pl.w * pl.h {
                let (sx, sy) = (sq % pl.w * pl.side, sq / pl.w * pl.side);
                let mut best: Option<(f32, bool, Vec<i16>, Tally, Means)> = None;
                let options: &[bool] = if pl.side == BIG { &[false, true] } else { &[false] };
                for &big in options {
                    pl.big[sq] = big;
                    let mut q = vec![0i16; n2];
                    let mut total = if big { 0.5 * ls } else { 0.5 * ls };
                    let mut tally = Tally::default();
                    let mut m = means.clone_if(class == 0);
                    let mut fl: Vec<(usize, bool)> = vec![];
                    for (n, [bx, by], at) in pl.blocks(sq) {
                        let (x, y) = ((sx + bx) / 8, (sy + by) / 8);
                        let mut smp = [0.0; 256];
                        for r in 0..n { smp[r * n..(r + 1) * n].copy_from_slice(&w.res[pi][(sy + by + r) * stride + sx + bx..][..n]); }
                        let mut c = [0.0; 256];
                        w.tr.forward(n, &smp, &mut c);
                        for v in &mut c[..n * n] { *v /= step; }
                        let ex = if class == 0 { m.expected(x, y, n) } else { 0 };
                        c[0] -= ex as f32;
                        let is = |x: usize, y: usize| fl.iter().rev().find(|(i, _)| *i == y * fw + x).map_or(full[y * fw + x], |f| f.1);
                        let fc = usize::from(x > 0 && is(x - 1, y)) + usize::from(y > 0 && is(x, y - 1));
                        let k = kind(pi, n, class);
                        let at = at - sq * n2;
                        let qq = &mut q[at..at + n * n];
                        total += quantise(&self.rates, k, class, n, &w.tr.scan[usize::from(n == BIG)], fc, &c[..n * n], ls, qq, Some(&mut tally));
                        if class == 0 { m.set(x, y, n, ex + i32::from(qq[0])); }
                        let any = qq.iter().any(|v| *v != 0);
                        for dy in 0..n / 8 { for dx in 0..n / 8 { fl.push(((y + dy) * fw + x + dx, any)); } }
                    }
                    if best.as_ref().is_none_or(|b| total < b.0) { best = Some((total, big, q, tally, m)); for (i, a) in fl { full[i] = a; } }
                }
                let (t, big, q, tally, m) = best.unwrap();
                cost += t;
                pl.big[sq] = big;
                pl.q[sq * n2..(sq + 1) * n2].copy_from_slice(&q);
                w.tally.extend(tally);
                if class == 0 { means = m; }
            }
        }
        let _ = cost;
    }

    fn visit(&mut self, pair: &[usize], works: &mut [Work], train: bool, update: bool, iters: usize) {
        let mut taken: Vec<(usize, FrameState)> = pair.iter().map(|i| (*i, std::mem::replace(&mut self.states[*i], hole()))).collect();
        let this = &*self;
        let go = |s: &mut FrameState, w: &mut Work| { for _ in 0..iters { this.pass(s, w, train, update); } };
        let (a, b) = works.split_at_mut(1);
        if let [(_, s0), (_, s1)] = taken.as_mut_slice() {
            rayon::join(|| go(s0, &mut a[0]), || go(s1, &mut b[0]));
        } else { go(&mut taken[0].1, &mut a[0]); }
        for ((i, s), w) in taken.into_iter().zip(works) {
            let t = s.place.t;
            self.recon[t].set(&self.geo, &w.frame);
            self.recon_frames[t].copy_from_slice(&w.frame);
            self.states[i] = s;
            if update { self.rates.add(&w.tally); }
        }
    }

    pub fn run(&mut self, log: bool) {
        let t0 = std::time::Instant::now();
        self.search(false);
        if log { println!("motion {:.0} bytes, {:.1} s; params {} macs/px {:.0}", self.motion_bits / 8.0, t0.elapsed().as_secs_f64(), self.params.len(), self.net.graph.macs() as f64 / (self.geo.planes[0].w * self.geo.planes[0].h) as f64); }
        let l = Latents::new(&self.geo);
        let mut works: Vec<Work> = (0..2).map(|_| Work {
            t: self.net.graph.images.iter().map(|s| vec![0.0; s.len()]).collect(),
            d: Grads::new(&self.net.graph), tr: Transform::default(), tally: Tally::default(),
            res: l.planes.iter().map(|p| vec![0.0; p.w * p.h * p.side * p.side]).collect(),
            pred: vec![0; self.geo.samples()], frame: vec![0; self.geo.samples()] }).collect();
        let mut order: Vec<usize> = (0..self.states.len()).collect();
        order.sort_by_key(|i| (self.states[*i].place.class, self.states[*i].place.t));
        let mut epoch = 0;
        let mut next_log = 0.0;
        let mut searched = 0;
        let wbytes = self.params.len() as f64 * 5.0 / 8.0;
        let seq: Vec<usize> = (0..self.states.len()).collect();
        for _ in 0..4 {
            for i in &seq { self.visit(&[*i], &mut works, false, true, 1); self.visit(&[*i], &mut works, false, false, 1); }
            self.rates.refresh(0.7);
            let total = self.code_latents().0 + self.motion_bits;
            self.report(0.0, 0, wbytes);
            self.lambda *= (((total / 8.0 + wbytes) / self.o.bytes) as f32).powf(0.8);
            self.search(true);
        }
        for w in &mut works { w.d.params.fill(0.0); }
        loop {
            let f = t0.elapsed().as_secs_f64() / self.o.seconds;
            if f >= 0.93 { break; }
            let updating = true;
            for pair in order.clone().chunks(2) {
                let f = (t0.elapsed().as_secs_f64() / self.o.seconds / 0.93).min(1.0) as f32;
                let anneal = 0.5 * (1.0 + (std::f32::consts::PI * f).cos());
                let lr = self.o.lr * (0.02 + 0.98 * anneal);
                self.visit(pair, &mut works, true, updating, 1);
                self.steps += 1;
                let (b1, b2) = (0.9f32, 0.98f32);
                let c1 = 1.0 / (1.0 - b1.powi(self.steps.min(100000) as i32));
                let c2 = 1.0 / (1.0 - b2.powi(self.steps.min(100000) as i32));
                let n = pair.len();
                for i in 0..self.params.len() {
                    let mut g = 0.0;
                    for w in &mut works[..n] { g += w.d.params[i]; w.d.params[i] = 0.0; }
                    self.pm[i] = b1 * self.pm[i] + (1.0 - b1) * g;
                    self.pv[i] = b2 * self.pv[i] + (1.0 - b2) * g * g;
                    self.params[i] -= lr * self.pm[i] * c1 / ((self.pv[i] * c2).sqrt() + 1e-9);
                }
            }
            epoch += 1;
            self.rates.refresh(0.7);
            let total = self.code_latents().0 + self.motion_bits;
            let ratio = ((total / 8.0 + wbytes) / self.o.bytes) as f32;
            self.lambda *= ratio.clamp(0.5, 2.0).powf(if epoch < 8 { 0.8 } else { 0.3 });
            if (f > 0.3 && searched == 0) || (f > 0.6 && searched == 1) { self.search(true); if f > 0.3 { searched += 1; } }
            if log && f > next_log {
                next_log += 0.1;
                self.report(f, epoch, wbytes);
            }
        }
        while t0.elapsed().as_secs_f64() < self.o.seconds * 0.98 {
            for i in &seq { self.visit(&[*i], &mut works, false, true, 1); self.visit(&[*i], &mut works, false, true, 1); self.visit(&[*i], &mut works, false, false, 1); }
            self.rates.refresh(0.7);
            let total = self.code_latents().0 + self.motion_bits;
            self.lambda *= (((total / 8.0 + wbytes) / self.o.bytes) as f32).powf(0.8);
        }
        for i in &seq { self.visit(&[*i], &mut works, false, false, 1); }
        println!("final:"); self.report(1.0, epoch, wbytes);
    }
    fn report(&self, f: f64, epoch: usize, wb: f64) {
        let (gb, by_class) = self.code_latents();
        let n = self.geo.samples() as f64;
        let mut per = [(0.0, 0usize); CLASSES];
        for s in &self.states { per[s.place.class].0 += s.sse; per[s.place.class].1 += 1; }
        let all: f64 = per.iter().map(|p| p.0).sum::<f64>() / (n * self.states.len() as f64);
        let ps = |m: f64| 10.0 * (65025.0 / m).log10();
        let cls: Vec<String> = per.iter().zip(by_class).map(|(p, b)| format!("{:.1}/{:.0}", ps(p.0 / (n * p.1.max(1) as f64)), b / 8.0)).collect();
        println!("{f:.2} epoch {epoch} psnr {:.2} total {:.0} latents {:.0} motion {:.0} weights {wb:.0} lambda {:.1} | {}", ps(all), gb / 8.0 + self.motion_bits / 8.0 + wb, gb / 8.0, self.motion_bits / 8.0, self.lambda, cls.join(" "));
    }
}
