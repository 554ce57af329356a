//! The network learns on a GPU, by burn over wgpu.
//!
//! Only a step's gradients come from the device. What is learnt from is what [`super::choose::backward`] sees, the optimiser
//! is the CPU's own, and a few thousand parameters go to the device and come back in every step; so checkpoints,
//! quantisation and the file know nothing of the device.
//!
//! Gradients are written by hand, as in `backward.rs`: those that burn derives for a convolution's weights are a convolution
//! by a kernel as large as the frame, with a few hundred results and so as few threads. Here they are products of matrices,
//! one for each row of pixels, and a sum.

use std::sync::{Mutex, PoisonError};

use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::wgpu::{WgpuBackend, wgpu::DeviceType};
use burn::tensor::{Tensor, TensorData, Transaction};
use nc::{Error, Result};
use rayon::prelude::*;

use super::Fit;
use crate::config::Network;
use crate::graph::{Op, Shape};

/// Bytes of frames that stay on the device; others are sent again when they are drawn.
const KEPT: u64 = 1 << 30;
/// Squared samples of 8 bits for a squared unit of the network, whatever the bits: [`crate::geometry::Geometry::scale`].
const SQUARE: f64 = 4096.0;
/// Where burn looks for the kind of adapter to take, such as `DiscreteGpu(1)`.
const CHOICE: &str = "CUBECL_WGPU_DEFAULT_DEVICE";

/// An opened GPU.
#[derive(Debug, Clone)]
pub struct Gpu {
    device: burn::tensor::Device,
    /// As its driver calls it.
    name: String,
    /// Whether it is a program that stands in for one.
    software: bool,
}

/// What has been opened: burn opens each once in a process.
static OPEN: Mutex<Vec<(WgpuBackend, Gpu)>> = Mutex::new(Vec::new());

impl Gpu {
    /// The GPU behind `vulkan` or `metal`, the fastest where there are several.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none, or software alone and nobody has asked for that.
    pub fn named(name: &str) -> Result<Self> {
        let gpu = Self::open(name)?;
        if gpu.software && std::env::var(CHOICE).as_deref() != Ok("Cpu") {
            return Err(Error::Usage(format!(
                "the only device for {name} is {}, software that is slower than --device cpu; {CHOICE}=Cpu takes it nevertheless",
                gpu.name
            )));
        }
        Ok(gpu)
    }

    /// The same, software or not.
    fn open(name: &str) -> Result<Self> {
        let api = match name {
            "metal" => WgpuBackend::Metal,
            _ => WgpuBackend::Vulkan,
        };
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, gpu)) = open.iter().find(|(a, _)| *a == api) {
            return Ok(gpu.clone());
        }
        let opened = burn::tensor::Device::wgpu_options()
            .graphics_api(api)
            .init_with_setup();
        let (device, setup) =
            opened.map_err(|e| Error::Usage(format!("there is no device {name}: {e}")))?;
        let info = setup.adapter.get_info();
        let gpu = Self {
            device,
            name: info.name,
            software: info.device_type == DeviceType::Cpu,
        };
        open.push((api, gpu.clone()));
        Ok(gpu)
    }
}

/// Finds the gradients of a step's frames.
pub struct Worker {
    gpu: Gpu,
    /// Sum of the gradients of the frames of the last step.
    pub grads: Vec<f32>,
    /// Weight of each squared error, `[1, h, w, c]`.
    weights: Tensor<4>,
    /// What is known of the frames that stay on the device, by frame.
    kept: Vec<Option<Sent>>,
    /// Bytes that are left for more of them.
    left: u64,
}

/// A frame on the device, `[1, h, w, c]` both.
#[derive(Clone)]
struct Sent {
    input: Tensor<4>,
    /// What the network should add.
    missing: Tensor<4>,
}

/// A network's pass over some frames: its images are `[frames, h, w, channels]`, without a border.
struct Pass<'a> {
    net: &'a Network,
    /// All parameters.
    params: Tensor<1>,
    /// Which class each frame is of: `[frames, classes]`, a one in each row.
    classes: Tensor<2>,
    images: Vec<Option<Tensor<4>>>,
}

fn wrong(what: &str) -> Error {
    Error::Unsupported(format!("the network's {what} on a GPU"))
}

impl Worker {
    /// For the frames and the network of `fit`.
    ///
    /// # Errors
    /// None for a fit that has a network.
    pub fn new(gpu: &Gpu, fit: &Fit<'_>) -> Result<Self> {
        let s = &fit.synthesis;
        let n = s.network.as_ref().ok_or_else(|| wrong("absence"))?;
        let shape = n.graph.images[n.output];
        let of = s.geometry.channel_weights();
        let mut weights = vec![0.0; shape.h * shape.w * shape.c];
        for (pixel, w) in weights.chunks_exact_mut(shape.c).enumerate() {
            let (i, j) = (pixel / shape.w, pixel % shape.w);
            for (ch, w) in w.iter_mut().enumerate() {
                if ch < of.len() && s.geometry.inside(i, j, ch) {
                    *w = of[ch];
                }
            }
        }
        let dims = [1, shape.h, shape.w, shape.c];
        Ok(Self {
            grads: vec![0.0; n.graph.weights()],
            weights: Tensor::from_data(TensorData::new(weights, dims), &gpu.device),
            kept: vec![None; fit.frames.len()],
            left: KEPT,
            gpu: gpu.clone(),
        })
    }

    /// The device's name, with a warning where it is no GPU.
    pub fn name(&self) -> String {
        let warning = if self.gpu.software {
            " (software: --device cpu is faster)"
        } else {
            ""
        };
        format!("{}{warning}", self.gpu.name)
    }

    /// Runs the frames picked forward and back: leaves the sum of their gradients in `grads`, gives their squared error, in
    /// samples of 8 bits that are neither rounded nor clamped.
    ///
    /// # Errors
    /// [`Error::Io`] where the device fails.
    pub fn run(&mut self, fit: &Fit<'_>, picked: &[usize]) -> Result<f64> {
        let s = &fit.synthesis;
        let net = s.network.as_ref().ok_or_else(|| wrong("absence"))?;
        let sent = self.send(fit, net, picked)?;
        let (inputs, missing) = sent.into_iter().map(|s| (s.input, s.missing)).unzip();
        let mut classes = vec![0.0f32; picked.len() * net.classes];
        for (row, i) in classes.chunks_exact_mut(net.classes).zip(picked) {
            row[fit.frames[*i].symbols.place.class.min(net.classes - 1)] = 1.0;
        }
        let classes = TensorData::new(classes, [picked.len(), net.classes]);
        let params = TensorData::new(s.params.clone(), [s.params.len()]);
        let mut pass = Pass {
            net,
            params: Tensor::from_data(params, &self.gpu.device),
            classes: Tensor::from_data(classes, &self.gpu.device),
            images: vec![None; net.graph.images.len()],
        };
        pass.images[net.input] = Some(Tensor::cat(inputs, 0));
        pass.forward()?;
        let error = pass.image(net.output)? - Tensor::cat(missing, 0);
        let gradient = error.clone() * self.weights.clone();
        let loss = sum(error * gradient.clone()).sum_dim(1).sum_dim(0);
        let mut read = Transaction::default().register(loss);
        for g in pass.backward(gradient)? {
            read = read.register(g);
        }
        let failed = |e: &dyn std::fmt::Display| {
            Error::Io(std::io::Error::other(format!("{}: {e}", self.gpu.name)))
        };
        let mut all = Vec::new();
        for data in read.try_execute().map_err(|e| failed(&e))? {
            all.push(data.try_into_vec::<f32>().map_err(|e| failed(&e))?);
        }
        let mut values = all.into_iter().flatten();
        let error = values.next().unwrap_or(f32::NAN);
        for (to, from) in self.grads.iter_mut().zip(values) {
            *to = from;
        }
        Ok(f64::from(error) * SQUARE)
    }

    /// The frames picked, on the device.
    fn send(&mut self, fit: &Fit<'_>, net: &Network, picked: &[usize]) -> Result<Vec<Sent>> {
        let mut new: Vec<usize> = picked.to_vec();
        new.sort_unstable();
        new.dedup();
        new.retain(|i| self.kept[*i].is_none());
        let new: Result<Vec<(usize, Sent)>> = new
            .into_par_iter()
            .map(|i| Ok((i, prepare(fit, net, i, &self.gpu)?)))
            .collect();
        let new = new?;
        for (i, sent) in &new {
            let bytes =
                4 * (sent.input.shape().num_elements() + sent.missing.shape().num_elements());
            if let Some(left) = self.left.checked_sub(bytes as u64) {
                self.left = left;
                self.kept[*i] = Some(sent.clone());
            }
        }
        let one = |i: &usize| {
            let other = || new.iter().find(|(k, _)| k == i).map(|(_, s)| s.clone());
            self.kept[*i].clone().or_else(other)
        };
        Ok(picked.iter().filter_map(one).collect())
    }
}

/// Makes what the network is told of frame `i`, and what it should add, and sends both.
fn prepare(fit: &Fit<'_>, net: &Network, i: usize, gpu: &Gpu) -> Result<Sent> {
    let s = &fit.synthesis;
    let g = &s.geometry;
    let (s0, so) = (net.graph.images[net.input], net.graph.images[net.output]);
    let mut room = fit.plain_room()?;
    let wanted = fit.lay_out(i, &mut room);
    let mut input = vec![0.0; s0.len()];
    s.pack(net, &room, &mut input);
    let (mut to, mut from) = (vec![0.0; so.len()], vec![0.0; so.len()]);
    g.pack(wanted, so, &mut to);
    g.pack(&room.frame, so, &mut from);
    to.iter_mut().zip(&from).for_each(|(t, f)| *t -= f);
    Ok(Sent {
        input: upload(s0, 2 * g.channels(), &input, gpu),
        missing: upload(so, so.c, &to, gpu),
    })
}

/// The first channels of an image, without its border, as `[1, h, w, channels]`.
fn upload(s: Shape, channels: usize, image: &[f32], gpu: &Gpu) -> Tensor<4> {
    let mut out = Vec::with_capacity(s.h * s.w * channels);
    for row in 0..s.h {
        for pixel in image[s.row(row)..][..s.w * s.c].chunks_exact(s.c) {
            out.extend_from_slice(&pixel[..channels]);
        }
    }
    let data = TensorData::new(out, [1, s.h, s.w, channels]);
    Tensor::from_data(data, &gpu.device)
}

/// Sum over rows and columns, `[frames, channels]`. Rows first, so that there is work for many threads.
fn sum(x: Tensor<4>) -> Tensor<2> {
    let [b, h, w, c] = x.dims();
    let rows = x.reshape([b * h, w, c]).sum_dim(1).reshape([b, h, c]);
    rows.sum_dim(1).reshape([b, c])
}

/// Convolution of `[frames, h, w, channels]` by `[outputs, inputs of a group, k, k]`.
fn convolve(x: Tensor<4>, w: Tensor<4>, bias: Option<Tensor<1>>, groups: usize) -> Tensor<4> {
    let pad = w.dims()[2] / 2;
    let options = ConvOptions::new([1, 1], [pad, pad], [1, 1], groups);
    let x = x.permute([0, 3, 1, 2]);
    conv2d(x, w, bias, options).permute([0, 2, 3, 1])
}

/// Gradient of the weights of a convolution with taps of `k` by `k`, given its input and its output's gradient:
/// `[inputs, taps, outputs]`.
fn weights_gradient(x: Tensor<4>, g: Tensor<4>, k: usize) -> Tensor<3> {
    let [b, h, w, cin] = x.dims();
    let (taps, cout) = (k * k, g.dims()[3]);
    let x = if k == 1 {
        x
    } else {
        // Each channel beside its neighbours: a convolution by a single one.
        let mut ones = vec![0.0f32; cin * taps * taps];
        (0..cin * taps).for_each(|i| ones[i * taps + i % taps] = 1.0);
        let ones = TensorData::new(ones, [cin * taps, 1, k, k]);
        let ones = Tensor::from_data(ones, &x.device());
        convolve(x, ones, None, cin)
    };
    let x = x.reshape([b * h, w, cin * taps]).swap_dims(1, 2);
    let rows = x.matmul(g.reshape([b * h, w, cout]));
    rows.sum_dim(0).reshape([cin, taps, cout])
}

impl Pass<'_> {
    fn image(&self, i: usize) -> Result<Tensor<4>> {
        self.images[i].clone().ok_or_else(|| wrong("order"))
    }

    fn param(&self, i: usize) -> Tensor<1> {
        let p = &self.net.graph.params[i];
        self.params.clone().narrow(0, p.at, p.len)
    }

    /// A parameter that has a row for each class, for each frame: `[frames, 1, 1, c]`.
    fn by_class(&self, i: usize, c: usize) -> Tensor<4> {
        let [frames, classes] = self.classes.dims();
        let rows = self.param(i).reshape([classes, c]);
        self.classes.clone().matmul(rows).reshape([frames, 1, 1, c])
    }

    /// Computes all images from the input.
    fn forward(&mut self) -> Result<()> {
        let net = self.net;
        for op in &net.graph.ops {
            let (y, out) = match *op {
                Op::Conv { x, y, s, w, b } => {
                    let w = self.param(w).reshape([s.k, s.k, s.cin, s.cout]);
                    let w = w.permute([3, 2, 0, 1]);
                    (y, convolve(self.image(x)?, w, Some(self.param(b)), 1))
                }
                Op::Depthwise { x, y, w, b } => {
                    let c = net.graph.images[y].c;
                    let w = self.param(w).reshape([3, 3, c, 1]).permute([2, 3, 0, 1]);
                    (y, convolve(self.image(x)?, w, Some(self.param(b)), c))
                }
                Op::Act { x, y } => {
                    let x = self.image(x)?;
                    (y, (x.clone() + 3.0).clamp(0.0, 6.0) * x / 6.0)
                }
                Op::Modulate { x, t, y, g, b } => {
                    let c = net.graph.images[y].c;
                    let t = self.image(t)? * self.by_class(g, c) + self.by_class(b, c);
                    (y, self.image(x)? + t)
                }
                _ => return Err(wrong("operations")),
            };
            self.images[y] = Some(out);
        }
        Ok(())
    }

    /// The gradients of the parameters, in their order, given that of the output.
    fn backward(&self, output: Tensor<4>) -> Result<Vec<Tensor<1>>> {
        let net = self.net;
        let mut images: Vec<Option<Tensor<4>>> = vec![None; self.images.len()];
        let mut params: Vec<Option<Tensor<1>>> = vec![None; net.graph.params.len()];
        images[net.output] = Some(output);
        for op in net.graph.ops.iter().rev() {
            let (Op::Conv { y, .. }
            | Op::Depthwise { y, .. }
            | Op::Act { y, .. }
            | Op::Modulate { y, .. }) = *op
            else {
                return Err(wrong("operations"));
            };
            let c = net.graph.images[y].c;
            let grad = images[y].take().ok_or_else(|| wrong("order"))?;
            let mut put = |i: usize, g: Tensor<4>| {
                images[i] = Some(match images[i].take() {
                    Some(other) => other + g,
                    None => g,
                });
            };
            match *op {
                Op::Conv { x, s, w, b, .. } => {
                    let of = weights_gradient(self.image(x)?, grad.clone(), s.k);
                    let len = net.graph.params[w].len;
                    params[w] = Some(of.swap_dims(0, 1).reshape([len]));
                    params[b] = Some(sum(grad.clone()).sum_dim(0).reshape([c]));
                    if x != net.input {
                        let w = self.param(w).reshape([s.k, s.k, s.cin, s.cout]);
                        put(
                            x,
                            convolve(grad, w.flip([0, 1]).permute([2, 3, 0, 1]), None, 1),
                        );
                    }
                }
                Op::Depthwise { x, w, b, .. } => {
                    // Of all pairs of channels those of a channel with itself.
                    let mut same = vec![0.0f32; c * c];
                    (0..c).for_each(|i| same[i * c + i] = 1.0);
                    let same = TensorData::new(same, [c, 1, c]);
                    let same = Tensor::from_data(same, &grad.device());
                    let of = weights_gradient(self.image(x)?, grad.clone(), 3) * same;
                    let of = of.sum_dim(2).reshape([c, 9]).swap_dims(0, 1);
                    params[w] = Some(of.reshape([9 * c]));
                    params[b] = Some(sum(grad.clone()).sum_dim(0).reshape([c]));
                    let w = self.param(w).reshape([3, 3, c, 1]).flip([0, 1]);
                    put(x, convolve(grad, w.permute([2, 3, 0, 1]), None, c));
                }
                Op::Act { x, .. } => {
                    // (2 x + 3) / 6 inside, 0 below -3, 1 above 3.
                    let v = self.image(x)?;
                    let inside = v.clone().abs().lower_equal_scalar(3.0).float();
                    let slope = ((v.clone() + 3.0).clamp(0.0, 6.0) + v * inside) / 6.0;
                    put(x, grad * slope);
                }
                Op::Modulate { x, t, g, b, .. } => {
                    let len = net.graph.params[g].len;
                    let by_class = self.classes.clone().transpose();
                    let scales = sum(grad.clone() * self.image(t)?);
                    params[g] = Some(by_class.clone().matmul(scales).reshape([len]));
                    params[b] = Some(by_class.matmul(sum(grad.clone())).reshape([len]));
                    put(t, grad.clone() * self.by_class(g, c));
                    put(x, grad);
                }
                _ => {}
            }
        }
        let all: Option<Vec<Tensor<1>>> = params.into_iter().collect();
        all.ok_or_else(|| wrong("parameters"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fit::choose::{Desk, backward};
    use crate::fit::{Device, Goal, PYRAMID, Switches};
    use nc::{Chroma, Control, Video, VideoFormat};

    const SWITCHES: Switches = Switches {
        network: true,
        motion: false,
        large: true,
        modulation: true,
        pyramid: PYRAMID,
    };

    /// The GPU of this build, if there is one.
    fn gpu() -> Option<Gpu> {
        let name = if cfg!(feature = "vulkan") {
            "vulkan"
        } else {
            "metal"
        };
        match Gpu::open(name) {
            Ok(gpu) => Some(gpu),
            Err(e) => {
                println!("skipped: {e}");
                None
            }
        }
    }

    fn norm(x: impl Iterator<Item = f32>) -> f64 {
        x.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
    }

    /// Each parameter's gradient lies within 1e-4 of the length of the CPU's, in a network of random parameters over frames
    /// of an odd size, one of which is drawn twice; whether frames stay on the device or not.
    #[test]
    fn gradients_are_those_of_the_cpu() {
        let Some(gpu) = gpu() else { return };
        for (chroma, bits, modulation, left) in [
            (Chroma::C420, 8, true, KEPT),
            (Chroma::C444, 10, true, 0),
            (Chroma::Gray, 8, false, 40_000),
        ] {
            let format = VideoFormat {
                width: 53,
                height: 39,
                rate: [25, 1],
                chroma,
                bits,
                rgb: false,
            };
            let n = format.frame_samples().unwrap();
            let mut rng = nc::rng::Rng::new(7);
            let peak = (1 << bits) - 1;
            let samples: Vec<u16> = (0..9 * n)
                .map(|i| ((i % 53 * 4 + i / n * 3 + rng.below(40)) as u16).min(peak))
                .collect();
            let x = Video {
                format,
                samples: &samples,
            };
            let switches = Switches {
                modulation,
                ..SWITCHES
            };
            let goal = Goal::Quality(5.0);
            let mut fit = Fit::new(x, goal, switches, Device::Cpu, &Control::default()).unwrap();
            fit.pass(false).unwrap();
            fit.set_network(30_000, 1);
            for p in &mut fit.synthesis.params {
                *p += 0.2 * rng.normal();
            }
            let picked = [0, 3, 8, 5, 3];
            let mut want = vec![0.0; fit.synthesis.params.len()];
            let mut before = 0.0;
            for i in picked {
                let mut desk = Desk::new(&fit.synthesis).unwrap();
                let (class, wanted) = fit.ready(i, &mut desk).unwrap();
                backward(&fit.synthesis, class, wanted, &mut desk).unwrap();
                let grads = desk.grads.unwrap();
                let pairs = want.iter_mut().zip(grads.params);
                pairs.for_each(|(w, g)| *w += g);
                // The gradient of half a squared error is the weight times what is wrong.
                let net = fit.synthesis.network.as_ref().unwrap();
                let of = fit.synthesis.geometry.channel_weights();
                let pixels = grads.images[net.output]
                    .chunks_exact(net.graph.images[net.output].c)
                    .flat_map(|pixel| pixel.iter().zip(&of));
                before += SQUARE
                    * pixels
                        .map(|(d, w)| f64::from(*d).powi(2) / f64::from(*w))
                        .sum::<f64>();
            }
            let mut worker = Worker::new(&gpu, &fit).unwrap();
            worker.left = left;
            for _ in 0..2 {
                let error = worker.run(&fit, &picked).unwrap();
                println!("error {error} of {before}");
                assert!((error / before - 1.0).abs() < 1e-4, "{error} {before}");
                for p in &fit.synthesis.network.as_ref().unwrap().graph.params {
                    let at = p.at..p.at + p.len;
                    let pairs = want[at.clone()].iter().zip(&worker.grads[at.clone()]);
                    let away = norm(pairs.map(|(a, b)| a - b));
                    let length = norm(want[at].iter().copied());
                    println!("{}: {away} of {length}", p.name);
                    assert!(length > 0.0 && away <= 1e-4 * length, "{}", p.name);
                }
            }
        }
    }
}
