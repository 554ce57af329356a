//! Learning a published network from a clip.
//!
//! Adam on two frames a step, which two threads share; the rate rises, then falls as a cosine. In the last part the
//! frames come from quantised parameters, so that what is left to learn makes up for the quantiser.

use std::time::Instant;

use nc_core::entropy::RangeEncoder;
use nc_core::rng::Rng;
use nc_core::{Control, Effort, Error, Progress, Result, Video, VideoFormat};
use nc_kernels::Kernels;
use nc_learn::schedule::cosine;

use super::config::{Layout, Network, Published};
use super::decode::plausible;
use super::picture::{Picture, encode_time};
use crate::adam::Adam;
use crate::backward::Grads;
use crate::weights::{Coded, choose, code};

/// Share of the training after which parameters are quantised.
const QUANTISED: f32 = 0.75;
/// Share of the training in which the rate rises.
const RISE: f32 = 0.05;
/// Times that the quantiser's steps are chosen anew.
const CHOICES: u32 = 5;
/// Passes through all frames after which the training ends even if there is more time; the papers take 300 to 1200.
const MOST_EPOCHS: usize = 3000;
/// Bytes of the payload's head, about.
const HEAD: u64 = 16;

/// Bytes for a quality of 0 to 10: 0.01 bits for each pixel of brightness at 0, twice as many for each 1.5 more, so
/// that 10 is about one bit.
pub fn quality_bytes(format: &VideoFormat, frames: u64, quality: f32) -> u64 {
    let pixels = f64::from(format.width) * f64::from(format.height) * frames as f64;
    let bits = 0.01 * (f64::from(quality.clamp(0.0, 10.0)) / 1.5).exp2();
    (pixels * bits / 8.0) as u64
}

/// Seconds for a clip where nobody has set a limit: 2, 15 or 100 millionths for each pixel of brightness, by effort;
/// 100 frames of 416 x 240 get 20 seconds, 150 or 1000.
pub fn seconds(format: &VideoFormat, frames: u64, effort: Effort) -> f64 {
    let pixels = f64::from(format.width) * f64::from(format.height) * frames as f64;
    let each = match effort {
        Effort::Fast => 2.0,
        Effort::Medium => 15.0,
        Effort::Slow => 100.0,
    };
    (pixels * each * 1e-6).max(1.0)
}

/// What one frame's pass needs.
struct Work {
    images: Vec<Vec<f32>>,
    grads: Grads,
    error: f64,
}

struct Trainer<'a> {
    k: Kernels,
    picture: Picture,
    net: Network,
    x: Video<'a>,
    params: Vec<f32>,
    adam: Adam,
}

impl Trainer<'_> {
    /// Passes a frame forward and, where it is to be learnt from, back.
    fn pass(&self, params: &[f32], frame: usize, w: &mut Work, learn: bool) -> Result<()> {
        let Network {
            graph,
            input,
            output,
            ..
        } = &self.net;
        let (input, output) = (*input, *output);
        let frames = self.x.frames();
        encode_time(
            &self.k,
            frame,
            frames,
            graph.images[input],
            &mut w.images[input],
        )?;
        graph.forward(&self.k, params, frame, &mut w.images)?;
        let n = self.picture.samples();
        let wanted = self.x.samples.get(frame * n..(frame + 1) * n);
        let wanted = wanted.ok_or_else(|| Error::Usage("a frame outside the clip".into()))?;
        let shape = graph.images[output];
        if !learn {
            w.error = self.picture.error(shape, &w.images[output], wanted, None)?;
            return Ok(());
        }
        let to = &mut w.grads.images[output];
        w.error = self
            .picture
            .error(shape, &w.images[output], wanted, Some(to))?;
        graph.backward(&self.k, params, frame, &w.images, output, &mut w.grads)
    }

    /// Passes the frames of a step, at once where there are threads.
    fn passes(
        &self,
        params: &[f32],
        frames: &[usize],
        works: &mut [Work],
        learn: bool,
        one: bool,
    ) -> Result<()> {
        match (frames, works) {
            ([a, b], [v, w]) if !one => {
                let (a, b) = rayon::join(
                    || self.pass(params, *a, v, learn),
                    || self.pass(params, *b, w, learn),
                );
                a.and(b)
            }
            (_, works) => {
                let mut both = frames.iter().zip(works);
                both.try_for_each(|(f, w)| self.pass(params, *f, w, learn))
            }
        }
    }

    /// One step with the gradients of `works`, which are cleared.
    fn learn(&mut self, works: &mut [Work], rate: f32) -> Result<()> {
        let [w, h] = self.picture.size();
        let share = 1.0 / (w * h * works.len()) as f32;
        let net = &self.net;
        let grads = works.iter_mut().map(|w| &mut w.grads);
        self.adam
            .step(&mut self.params, rate, share, |i| net.is_idle(i), grads)
    }

    fn choose(&self, bytes: u64) -> Coded {
        choose(
            &self.net.graph,
            &self.params,
            &self.adam.sensitivity(&self.net.graph),
            bytes as f64 * 8.0,
        )
    }
}

/// The rate at share `f` of the training.
fn rate(f: f32) -> f32 {
    (f / RISE).min(1.0) * cosine(f, 0.01)
}

/// A payload of at most `bytes` for the frames of `x`, learnt for about so many seconds.
///
/// The width of the network is such that its parameters fill the bytes at [`Published::bits`] each. With
/// [`Published::steps`] the payload depends on nothing but the frames, the bytes and `ctl.seed`.
///
/// # Errors
/// [`Error::Usage`] for no frames or too few bytes for the smallest network, [`Error::Cancelled`].
pub fn encode(
    x: Video<'_>,
    config: &Published,
    bytes: u64,
    seconds: f64,
    ctl: &mut Control<'_>,
) -> Result<Vec<u8>> {
    let start = Instant::now();
    let picture = Picture::new(&x.format)?;
    let frames = x.frames();
    if frames == 0 {
        return Err(Error::Usage("no frames".into()));
    }
    let small = || Error::Usage(format!("{bytes} bytes are too few for a network"));
    let room = bytes.checked_sub(HEAD).ok_or_else(small)?;
    let weights = (room as f64 * 8.0 / config.bits) as u64;
    let layout = match &config.sizes {
        Some(sizes) => sizes.clone(),
        None => Layout::fit(config.kind, &picture, frames, weights),
    };
    let net = layout.network(&picture, frames);
    if !plausible(net.graph.weights(), room as usize) {
        return Err(small());
    }
    let mut rng = Rng::new(ctl.seed ^ 0x6e65_7276);
    let mut params = net.graph.start(&mut rng);
    params.iter_mut().enumerate().for_each(|(i, v)| {
        if net.is_idle(i) {
            *v = 0.0;
        }
    });
    let n = params.len();
    let mut works = Vec::new();
    for _ in 0..frames.min(2) {
        works.push(Work {
            images: net.graph.zeros(),
            grads: Grads::new(&net.graph),
            error: 0.0,
        });
    }
    let mut t = Trainer {
        k: Kernels::best(),
        picture,
        net,
        x,
        params,
        adam: Adam::new(n),
    };
    let one = rayon::current_num_threads() == 1;
    let mut order: Vec<usize> = (0..frames).collect();
    let mut at = frames;
    let mut chosen = 0;
    let mut steps: Option<Coded> = None;
    let (mut errors, mut seen) = (0.0, 0);
    let mut done = 0u64;
    let mut kept = 0.02 * seconds;
    loop {
        ctl.check()?;
        let f = match config.steps {
            Some(all) => done as f32 / all.max(1) as f32,
            None => {
                let time = start.elapsed().as_secs_f64() / (seconds - kept).max(0.01);
                time.max(done as f64 / (MOST_EPOCHS * frames.div_ceil(2)) as f64) as f32
            }
        };
        if f >= 1.0 {
            break;
        }
        if at >= frames {
            if seen > 0 {
                let note = format!("{:.2} dB", t.picture.psnr(errors / f64::from(seen)));
                report(ctl, f, frames, &note);
            }
            (at, errors, seen) = (0, 0.0, 0);
            for i in (1..frames).rev() {
                order.swap(i, rng.below(i + 1));
            }
        }
        // In the last part the passes see quantised parameters, the steps the exact ones.
        let due = QUANTISED + (1.0 - QUANTISED) * chosen as f32 / CHOICES as f32;
        if f >= due && chosen < CHOICES {
            chosen = 1 + ((f - QUANTISED) / (1.0 - QUANTISED) * CHOICES as f32) as u32;
            let before = Instant::now();
            steps = Some(t.choose(room));
            // The last choice, the coding and the last look at the frames take time too.
            let look = start.elapsed().as_secs_f64() / done.max(1) as f64 * frames as f64 / 6.0;
            kept = (2.0 * before.elapsed().as_secs_f64() + look).clamp(kept, 0.5 * seconds);
        }
        let quantised = steps.as_ref().map(|c| {
            let c = Coded::quantise(&t.net.graph, &t.params, &c.exponents);
            c.values(&t.net.graph)
        });
        let now = &order[at..(at + 2).min(frames)];
        let works = &mut works[..now.len()];
        t.passes(
            quantised.as_deref().unwrap_or(&t.params),
            now,
            works,
            true,
            one,
        )?;
        errors += works.iter().map(|w| w.error).sum::<f64>();
        seen += works.len() as i32;
        t.learn(works, config.rate * rate(f))?;
        at += now.len();
        done += 1;
    }
    let (payload, values) = finish(&t, &layout, bytes)?;
    let mut error = 0.0;
    for pair in (0..frames).collect::<Vec<_>>().chunks(2) {
        let works = &mut works[..pair.len()];
        t.passes(&values, pair, works, false, one)?;
        error += works.iter().map(|w| w.error).sum::<f64>();
    }
    let psnr = t.picture.psnr(error / frames as f64);
    report(
        ctl,
        1.0,
        frames,
        &format!("{psnr:.2} dB after {done} steps, {n} parameters"),
    );
    Ok(payload)
}

fn report(ctl: &mut Control<'_>, f: f32, frames: usize, note: &str) {
    ctl.report(Progress {
        task: "encode",
        done: (f64::from(f) * frames as f64) as u64,
        total: Some(frames as u64),
        note,
    });
}

/// The payload and the parameters that it decodes to.
fn finish(t: &Trainer<'_>, layout: &Layout, bytes: u64) -> Result<(Vec<u8>, Vec<f32>)> {
    let mut head = Vec::new();
    layout.write(&mut head);
    let mut room = bytes.saturating_sub(head.len() as u64 + 4);
    for _ in 0..4 {
        let mut coded = t.choose(room);
        let mut io = RangeEncoder::new();
        code(&mut io, &t.net.graph, &mut coded)?;
        let body = io.finish();
        let size = (head.len() + body.len()) as u64;
        if size <= bytes && plausible(t.net.graph.weights(), body.len()) {
            head.extend(body);
            return Ok((head, coded.values(&t.net.graph)));
        }
        room = room.saturating_sub(size.saturating_sub(bytes) + 4);
    }
    Err(Error::Usage(format!(
        "{bytes} bytes are too few for a network"
    )))
}
