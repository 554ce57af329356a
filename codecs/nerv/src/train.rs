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
    pub epochs: usize,
    pub iters: usize,
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
    fn pass_with(&self, s: &mut FrameState, w: &mut Work, refs: &[&Reference], train: bool, update: bool) {
        let geo = &self.geo;
        let net = &self.net;
        let class = s.place.class;
        let weight = self.o.weights[class];
        let lam = self.lambda / weight;
        let zero = Reference::default();
        if class == 0 {
            w.pred.fill(1 << (geo.bits - 1));
        } else {
            compensate(geo, &s.field, [refs[0], refs.get(1).copied().unwrap_or(&zero)], &mut w.pred);
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

    fn groups(&self) -> Vec<Vec<usize>> {
        let mut g: Vec<Vec<usize>> = vec![];
        for (i, s) in self.states.iter().enumerate() { if s.group >= g.len() { g.push(vec![]); } g[s.group].push(i); }
        g
    }
    fn works(&self, n: usize) -> Vec<Work> {
        let l = Latents::new(&self.geo);
        (0..n).map(|_| Work {
            t: self.net.graph.images.iter().map(|s| vec![0.0; s.len()]).collect(),
            d: Grads::new(&self.net.graph), tr: Transform::default(), tally: Tally::default(),
            res: l.planes.iter().map(|p| vec![0.0; p.w * p.h * p.side * p.side]).collect(),
            pred: vec![0; self.geo.samples()], frame: vec![0; self.geo.samples()] }).collect()
    }
    /// One pass in coding order; groups in parallel.
    fn encode_pass(&mut self, iters: usize, research: bool) {
        use rayon::prelude::*;
        let mut by_group: Vec<Vec<FrameState>> = vec![];
        for s in std::mem::take(&mut self.states) { if s.group >= by_group.len() { by_group.push(vec![]); } by_group[s.group].push(s); }
        let mut recon = std::mem::take(&mut self.recon);
        let mut rf = std::mem::take(&mut self.recon_frames);
        let n = rf.len();
        // each group owns its slice of recon
        let mut parts = vec![];
        { let mut r = recon.as_mut_slice(); let mut q = rf.as_mut_slice();
          for g in &mut by_group { let k = g.len(); let (a, b) = r.split_at_mut(k); let (c, d) = q.split_at_mut(k); parts.push((g, a, c)); r = b; q = d; } }
        let this = &*self;
        let tallies: Vec<Vec<Tally>> = parts.into_par_iter().map(|(g, rec, rfs)| {
            let mut w = this.works(1).pop().unwrap();
            let base = g.iter().map(|s| s.place.t).min().unwrap();
            let mut tl = vec![];
            for s in g.iter_mut() {
                let refs: Vec<usize> = s.refs.iter().flatten().map(|r| r - base).collect();
                if research && !refs.is_empty() {
                    let ph: Vec<Phases> = refs.iter().map(|r| Phases::new(&this.geo, &rfs[*r])).collect();
                    let price = this.o.price * (this.lambda / this.o.weights[s.place.class]).sqrt();
                    let old = s.field.clone();
                    s.field = Search::new(&this.geo, &this.frames[s.place.t], ph.iter().collect(), price).run(&this.geo, Some(&old));
                }
                let pick: Vec<&Reference> = refs.iter().map(|r| &rec[*r]).collect();
                for _ in 0..iters { this.pass_with(s, &mut w, &pick, false, true); tl.push(std::mem::take(&mut w.tally)); }
                this.pass_with(s, &mut w, &pick, false, false);
                let k = s.place.t - base;
                rec[k].set(&this.geo, &w.frame);
                rfs[k].copy_from_slice(&w.frame);
            }
            tl
        }).collect();
        self.states = by_group.into_iter().flatten().collect();
        self.recon = recon; self.recon_frames = rf;
        let _ = n;
        for t in tallies.iter().flatten() { self.rates.add(t); }
        self.rates.refresh(0.6);
        self.motion_bits = self.code_motion();
    }

    pub fn run(&mut self, log: bool) {
        let t0 = std::time::Instant::now();
        self.search(false);
        if log { println!("motion {:.0} bytes, {:.1} s; params {} macs/px {:.0}", self.motion_bits / 8.0, t0.elapsed().as_secs_f64(), self.params.len(), self.net.graph.macs() as f64 / (self.geo.planes[0].w * self.geo.planes[0].h) as f64); }
        let wbytes = if self.o.lr == 0.0 { 0.0 } else { self.params.len() as f64 * 5.0 / 8.0 };
        let mut rng = Rng::new(7);
        for i in 0..5 {
            self.encode_pass(1, i > 0);
            let total = self.code_latents().0 + self.motion_bits;
            if log { self.report(t0.elapsed().as_secs_f64(), i, wbytes); }
            self.lambda *= (((total / 8.0 + wbytes) / self.o.bytes) as f32).powf(1.1);
        }
        if self.o.lr > 0.0 {
            let mut works = self.works(2);
            let mut round = 0;
            loop {
                // network
                let n = self.states.len();
                let mut lr = 0.0;
                let mut dbg = [(0.0f64, 0.0f64); CLASSES];
                for _ in 0..self.o.epochs * n / 2 {
                    let f = (t0.elapsed().as_secs_f64() / self.o.seconds).min(1.0) as f32;
                    let anneal = 0.5 * (1.0 + (std::f32::consts::PI * f).cos());
                    let warm = (self.steps as f32 / 200.0).min(1.0);
                    lr = self.o.lr * (0.02 + 0.98 * anneal) * warm;
                    let pair = [rng.below(n), rng.below(n)];
                    let this = &*self;
                    let (a, b) = works.split_at_mut(1);
                    let go = |i: usize, w: &mut Work| {
                        let s = &this.states[i];
                        let mut s = FrameState { place: s.place, group: s.group, refs: s.refs, field: s.field.clone(), latents: s.latents.clone(), step: s.step, bits: 0.0, sse: 0.0 };
                        let pick: Vec<&Reference> = s.refs.iter().flatten().map(|r| &this.recon[*r]).collect();
                        this.pass_with(&mut s, w, &pick, true, false);
                        s.sse
                    };
                    let (e0, e1) = rayon::join(|| go(pair[0], &mut a[0]), || go(pair[1], &mut b[0]));
                    for (i, e) in [(pair[0], e0), (pair[1], e1)] { let d = e / self.states[i].sse.max(1.0); dbg[self.states[i].place.class].0 += d; dbg[self.states[i].place.class].1 += 1.0; }
                    self.steps += 1;
                    let (b1, b2) = (0.9f32, 0.98f32);
                    let c1 = 1.0 / (1.0 - b1.powi(self.steps.min(100000) as i32));
                    let c2 = 1.0 / (1.0 - b2.powi(self.steps.min(100000) as i32));
                    for i in 0..self.params.len() {
                        let mut g = 0.0;
                        for w in &mut works { g += w.d.params[i]; w.d.params[i] = 0.0; }
                        self.pm[i] = b1 * self.pm[i] + (1.0 - b1) * g;
                        self.pv[i] = b2 * self.pv[i] + (1.0 - b2) * g * g;
                        self.params[i] -= lr * self.pm[i] * c1 / ((self.pv[i] * c2).sqrt() + 1e-9);
                    }
                }
                println!("train ratio {}", dbg.iter().map(|d| format!("{:.3}", d.0 / d.1)).collect::<Vec<_>>().join(" "));
                let done = t0.elapsed().as_secs_f64() > self.o.seconds * 0.9;
                self.encode_pass(self.o.iters, round % 4 == 0);
                let total = self.code_latents().0 + self.motion_bits;
                if log { println!("lr {lr:.5} t {:.0}", t0.elapsed().as_secs_f64()); self.report(t0.elapsed().as_secs_f64(), round, wbytes); }
                self.lambda *= (((total / 8.0 + wbytes) / self.o.bytes) as f32).powf(1.0);
                round += 1;
                if done { break; }
            }
        }
        self.encode_pass(self.o.iters, false);
        println!("final:"); self.report(t0.elapsed().as_secs_f64(), 0, wbytes);
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
