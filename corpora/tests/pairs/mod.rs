//! The signal pairs on which the metrics are compared with independent implementations.
//!
//! Seeded, so that the committed figures stay true. Pictures are made here, by whole numbers and
//! IEEE `+ - * /` alone, and not by the library's generators, which are free to get better.

use nc_core::{Chroma, Colour, VideoBuf, VideoFormat};
use nc_corpora::synth::{self, Rng};

/// One pair, already rounded to 16 bits.
pub struct Speech {
    pub name: &'static str,
    pub reference: Vec<f32>,
    pub degraded: Vec<f32>,
}

pub fn speech() -> Vec<Speech> {
    let a = synth::speech(11, 4.0);
    let b = synth::speech(12, 5.0);
    let c = synth::speech(13, 6.0);
    let pair = |name, x: &[f32], y: Vec<f32>| Speech {
        name,
        reference: rounded(x),
        degraded: rounded(&y),
    };
    vec![
        pair("noise_30db", &a, synth::add_noise(&a, 30.0, 1)),
        pair("noise_15db", &b, synth::add_noise(&b, 15.0, 2)),
        pair("noise_0db", &c, synth::add_noise(&c, 0.0, 3)),
        pair("dull", &b, synth::low_pass(&b, 1500.0)),
        pair("clipped", &c, synth::clipped(&c, 8.0)),
        pair(
            "dull_noise",
            &a,
            synth::add_noise(&synth::low_pass(&a, 2500.0), 12.0, 4),
        ),
        pair(
            "music",
            &synth::music(4, 5.0),
            synth::add_noise(&synth::music(4, 5.0), 20.0, 5),
        ),
    ]
}

fn rounded(x: &[f32]) -> Vec<f32> {
    x.iter()
        .map(|v| (v * 32_768.0).round().clamp(-32_768.0, 32_767.0) / 32_768.0)
        .collect()
}

/// A pair of images: red, green and blue of each pixel.
pub struct Images {
    pub name: &'static str,
    pub size: (usize, usize),
    pub reference: Vec<u8>,
    pub degraded: Vec<u8>,
}

pub fn images() -> Vec<Images> {
    type Change = fn(&Picture, &mut Rng) -> Picture;
    let all: [(&str, (usize, usize), Change); 9] = [
        ("noise", (256, 192), |p, rng| p.noisy(rng, 20.0)),
        // Both edges odd at the first scale or a later one.
        ("blur", (301, 177), |p, _| {
            p.map(|p, x, y, c| p.mean(x, y, c, 2))
        }),
        ("blocks", (320, 240), |p, _| {
            p.map(|p, x, y, c| 0.7 * p.block(x, y, c) + 0.3 * p.at(x, y, c))
        }),
        ("bands", (177, 301), |p, _| {
            p.map(|p, x, y, c| (p.at(x, y, c) / 24.0).floor() * 24.0 + 12.0)
        }),
        ("shift", (192, 192), |p, _| {
            p.map(|p, x, y, c| p.at(x + 1, y, c))
        }),
        // The smallest that MS-SSIM takes.
        ("pale", (161, 163), |p, _| {
            p.map(|p, x, y, c| 0.6 * p.at(x, y, c) + 70.0)
        }),
        ("grey", (240, 200), |p, _| {
            p.map(|p, x, y, _| (p.at(x, y, 0) + p.at(x, y, 1) + p.at(x, y, 2)) / 3.0)
        }),
        ("negative", (200, 180), |p, _| {
            p.map(|p, x, y, c| 255.0 - p.at(x, y, c))
        }),
        ("small", (31, 17), |p, rng| p.noisy(rng, 9.0)),
    ];
    all.into_iter()
        .zip(1..)
        .map(|((name, size, change), seed)| {
            let mut rng = Rng::new(seed);
            let picture = Picture::new(&mut rng, size);
            let degraded = change(&picture, &mut rng);
            Images {
                name,
                size,
                reference: picture.samples,
                degraded: degraded.samples,
            }
        })
        .collect()
}

/// A pair of clips.
pub struct Clips {
    pub name: &'static str,
    pub original: VideoBuf,
    pub decoded: VideoBuf,
}

/// Three frames each, whose noise grows from frame to frame.
pub fn clips() -> Vec<Clips> {
    [
        ("deep_420", Chroma::C420, 10, (177, 163), 30.0),
        ("c422", Chroma::C422, 8, (200, 170), 6.0),
        ("c444_16bit", Chroma::C444, 16, (48, 37), 5000.0),
    ]
    .into_iter()
    .zip(20..)
    .map(|((name, chroma, bits, (width, height), step), seed)| {
        let format = VideoFormat {
            width,
            height,
            rate: [25, 1],
            chroma,
            bits,
            colour: Colour::Video,
            alpha: false,
        };
        let mut rng = Rng::new(seed);
        let (mut original, mut decoded) = (vec![], vec![]);
        for frame in 0..3 {
            for plane in 0..3 {
                let size = format.plane(plane);
                let picture = Picture::new(&mut rng, size);
                let scale = f64::from(format.max()) / 255.0;
                for sample in picture.samples.iter().step_by(3) {
                    let x = (f64::from(*sample) * scale).round();
                    let noise = rng.range(-step, step) * f64::from(frame + 1);
                    original.push(x as u16);
                    decoded.push((x + noise).round().clamp(0.0, f64::from(format.max())) as u16);
                }
            }
        }
        Clips {
            name,
            original: VideoBuf {
                format,
                samples: original,
            },
            decoded: VideoBuf {
                format,
                samples: decoded,
            },
        }
    })
    .collect()
}

/// Planes that slope, with ellipses of other colours and stripes on them.
struct Picture {
    size: (usize, usize),
    samples: Vec<u8>,
}

impl Picture {
    fn new(rng: &mut Rng, size: (usize, usize)) -> Self {
        let (width, height) = (size.0 as f64, size.1 as f64);
        let slope: [[f64; 3]; 3] = std::array::from_fn(|_| {
            let base = rng.range(60.0, 160.0);
            [base, rng.range(-70.0, 70.0), rng.range(-70.0, 70.0)]
        });
        let ellipses: Vec<[f64; 8]> = (0..14)
            .map(|_| {
                let mut e: [f64; 8] = std::array::from_fn(|_| rng.range(-90.0, 90.0));
                e[0] = rng.range(0.0, width);
                e[1] = rng.range(0.0, height);
                e[2] = rng.range(0.03, 0.25) * width;
                e[3] = rng.range(0.03, 0.25) * height;
                e[4] = rng.range(1.0, 9.0);
                e
            })
            .collect();
        let mut samples = vec![];
        for y in 0..size.1 {
            for x in 0..size.0 {
                let (x, y) = (x as f64, y as f64);
                let mut colour = slope.map(|s| s[0] + s[1] * x / width + s[2] * y / height);
                for e in &ellipses {
                    let (dx, dy) = ((x - e[0]) / e[2], (y - e[1]) / e[3]);
                    let dark = ((x + 2.0 * y) / e[4]).floor() % 2.0;
                    if dx * dx + dy * dy < 1.0 {
                        for (c, add) in colour.iter_mut().zip(&e[5..]) {
                            *c += add * (1.0 - 0.4 * dark);
                        }
                    }
                }
                let grain = rng.range(-4.0, 4.0);
                samples.extend(colour.map(|c| (c + grain).round().clamp(0.0, 255.0) as u8));
            }
        }
        Self { size, samples }
    }

    /// A sample; beyond the edges the nearest.
    fn at(&self, x: usize, y: usize, colour: usize) -> f64 {
        let (x, y) = (x.min(self.size.0 - 1), y.min(self.size.1 - 1));
        self.samples[(y * self.size.0 + x) * 3 + colour].into()
    }

    /// Mean of the square that reaches `by` to all sides.
    fn mean(&self, x: usize, y: usize, colour: usize, by: usize) -> f64 {
        let square = (0..=2 * by).flat_map(|j| (0..=2 * by).map(move |i| (i, j)));
        let near = |v: usize, d: usize| (v + d).saturating_sub(by);
        square
            .map(|(i, j)| self.at(near(x, i), near(y, j), colour))
            .sum::<f64>()
            / ((2 * by + 1) * (2 * by + 1)) as f64
    }

    /// Mean of the block of 8 x 8.
    fn block(&self, x: usize, y: usize, colour: usize) -> f64 {
        (0..64)
            .map(|i| self.at(x / 8 * 8 + i % 8, y / 8 * 8 + i / 8, colour))
            .sum::<f64>()
            / 64.0
    }

    fn map(&self, f: impl Fn(&Self, usize, usize, usize) -> f64) -> Self {
        let samples = (0..self.samples.len())
            .map(|i| f(self, i / 3 % self.size.0, i / 3 / self.size.0, i % 3))
            .map(|v| v.round().clamp(0.0, 255.0) as u8)
            .collect();
        Self {
            size: self.size,
            samples,
        }
    }

    fn noisy(&self, rng: &mut Rng, most: f64) -> Self {
        let samples = self.samples.iter().map(|&v| {
            let noise = rng.range(-most, most) + rng.range(-most, most);
            (f64::from(v) + noise).round().clamp(0.0, 255.0) as u8
        });
        Self {
            size: self.size,
            samples: samples.collect(),
        }
    }
}
