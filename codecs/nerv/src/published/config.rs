//! The sizes of a published network, how they are chosen and how they are written.
//!
//! What a file says of its network are the few numbers of a [`Layout`]; the graph follows from them and from the size
//! of a frame.

use nc_core::{Error, Result};

use super::picture::{INPUTS, Picture};
use crate::graph::{Graph, Op};

/// Which paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// NeRV (Chen et al. 2021): stages of a 3 x 3 convolution, pixel shuffle and GELU.
    Nerv,
    /// NeRV++ (Ghorbel et al. 2024): separable residual blocks before and after each stage, and a bilinear
    /// enlargement around it.
    NervPlus,
    /// Coordinate-aware modulation (Lee et al. 2024) on NeRV: each stage's features are normalised, then scaled and
    /// shifted by values that are interpolated in a learnt grid over time.
    Cam,
}

impl Kind {
    /// By its name on the command line.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "nerv" => Some(Self::Nerv),
            "nerv++" => Some(Self::NervPlus),
            "cam" => Some(Self::Cam),
            _ => None,
        }
    }
}

/// How to learn a published network.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// Which one.
    pub kind: Kind,
    /// Bits of a parameter that the width is chosen for; fewer bits make a wider network, which learns more in a step
    /// and takes longer for it.
    pub bits: f64,
    /// Highest learning rate.
    pub rate: f32,
    /// Steps of two frames each, instead of as many as the time allows; then the result repeats.
    pub steps: Option<u64>,
    /// Sizes, instead of those that [`Layout::fit`] finds.
    pub sizes: Option<Layout>,
}

impl Published {
    /// The defaults for a kind.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            bits: 4.5,
            rate: 1e-2,
            steps: None,
            sizes: None,
        }
    }
}

/// Sizes of a network; all channels in eights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Which paper.
    pub kind: Kind,
    /// Stride of the first stage, 1 to 8.
    pub first: usize,
    /// Channels of the smallest image.
    pub base: usize,
    /// Outputs of the first layer of the two that make it.
    pub hidden: usize,
    /// Channels after each stage; the strides after the first are 2.
    pub widths: Vec<usize>,
    /// Rows of the grid over time, for [`Kind::Cam`].
    pub grid: usize,
}

/// A graph and its ends.
#[derive(Debug, Clone)]
pub struct Network {
    /// The operations.
    pub graph: Graph,
    /// Image of one pixel that takes the encoded time.
    pub input: usize,
    /// Image whose first channels are the planes.
    pub output: usize,
    /// Where the weights and the biases of the last layer begin, whose outputs beyond the planes fill up an eight.
    head: [usize; 2],
    planes: usize,
}

impl Network {
    /// Whether a parameter has no part in the planes.
    pub fn is_idle(&self, i: usize) -> bool {
        // The biases lie behind the weights.
        let first = self.head.iter().rev().find(|at| **at <= i);
        first.is_some_and(|at| (i - at) % 8 >= self.planes)
    }
}

/// Most stages after the first.
const MOST_STAGES: usize = 6;
/// Most channels.
const MOST_WIDTH: usize = 512;
/// Most elements of the smallest image.
const MOST_BASE: u64 = 1 << 20;
/// Most elements of any image.
const MOST_IMAGE: u64 = 1 << 31;
/// Most pixels that a network may compute for each of a frame, and for a frame however small. A stride wider than the
/// frame would otherwise let one pixel cost as much as a large picture.
const MOST_PADDING: u64 = 8;
const MOST_SMALL: u64 = 1 << 12;

impl Layout {
    /// The sizes of about and at most `weights` parameters for frames of `picture`, `frames` of them.
    ///
    /// The stages are as many doublings (four at most) as leave the shorter side eight pixels, after a first stride
    /// of 2 to 5 that wastes least. Widths fall by a quarter at each stage, so that most of the parameters lie where
    /// a multiplication is cheap; the smallest image has two thirds of the first stage's channels. The common factor
    /// is the largest that fits, and what is left goes to the first layer.
    pub fn fit(kind: Kind, picture: &Picture, frames: usize, weights: u64) -> Self {
        let [w, h] = picture.size();
        let mut doublings = 4u32;
        while doublings > 1 && w.min(h) >> doublings < 8 {
            doublings -= 1;
        }
        let waste = |first: &usize| {
            let s = first << doublings;
            (
                h.next_multiple_of(s) * w.next_multiple_of(s),
                std::cmp::Reverse(*first),
            )
        };
        let first = (2..=5).min_by_key(waste).unwrap_or(2);
        let grid = if kind == Kind::Cam {
            frames.div_ceil(4).clamp(2, 64)
        } else {
            1
        };
        let of = |c: usize| {
            let eights = |c: f64| {
                let eights = (c / 8.0).round() as usize;
                eights.clamp(1, MOST_WIDTH / 8) * 8
            };
            let c = c as f64;
            Self {
                kind,
                first,
                base: eights(c * 2.0 / 3.0),
                hidden: eights(c),
                widths: (0..=doublings)
                    .map(|i| eights(c * 0.75f64.powi(i as i32)))
                    .collect(),
                grid,
            }
        };
        let count = |l: &Self| l.network(picture, frames).graph.weights() as u64;
        let mut best = of(8);
        for c in 9..=MOST_WIDTH {
            let next = of(c);
            if count(&next) > weights {
                break;
            }
            best = next;
        }
        loop {
            let next = Self {
                hidden: best.hidden + 8,
                ..best.clone()
            };
            if next.hidden > MOST_WIDTH || count(&next) > weights {
                return best;
            }
            best = next;
        }
    }

    /// Stride of all stages together.
    pub fn stride(&self) -> usize {
        self.first << (self.widths.len() - 1)
    }

    /// Rows and columns of the smallest image.
    fn smallest(&self, picture: &Picture) -> [usize; 2] {
        let [w, h] = picture.size();
        let s = self.stride();
        [h.div_ceil(s), w.div_ceil(s)]
    }

    /// The bytes of a file's head.
    pub fn write(&self, out: &mut Vec<u8>) {
        let eights = |c: usize| (c / 8) as u8;
        out.push(match self.kind {
            Kind::Nerv => 0,
            Kind::NervPlus => 1,
            Kind::Cam => 2,
        });
        out.extend([
            self.first as u8,
            eights(self.base),
            eights(self.hidden),
            self.grid as u8,
        ]);
        out.push(self.widths.len() as u8);
        out.extend(self.widths.iter().map(|w| eights(*w)));
    }

    /// Reads [`Self::write`]'s bytes, which are checked to make a network that can be counted; gives what is behind.
    ///
    /// # Errors
    /// [`Error::Format`] for sizes out of range, [`Error::Limit`] for images that are too large.
    pub fn read<'a>(bytes: &'a [u8], picture: &Picture) -> Result<(Self, &'a [u8])> {
        let damaged = || Error::Format("nerv: sizes of a published network".into());
        let (head, rest) = bytes.split_first_chunk::<6>().ok_or_else(damaged)?;
        let [kind, first, base, hidden, grid, stages] = head.map(usize::from);
        let kind = match kind {
            0 => Kind::Nerv,
            1 => Kind::NervPlus,
            2 => Kind::Cam,
            _ => return Err(damaged()),
        };
        let (widths, rest) = rest.split_at_checked(stages).ok_or_else(damaged)?;
        let layout = Self {
            kind,
            first,
            base: 8 * base,
            hidden: 8 * hidden,
            widths: widths.iter().map(|w| 8 * usize::from(*w)).collect(),
            grid,
        };
        let width = |w: &usize| (8..=MOST_WIDTH).contains(w);
        let good = (1..=8).contains(&first)
            && (1..=MOST_STAGES + 1).contains(&stages)
            && layout.stride().is_multiple_of(2)
            && grid >= 1
            && width(&layout.base)
            && width(&layout.hidden)
            && layout.widths.iter().all(width);
        if !good {
            return Err(damaged());
        }
        let [h, w] = layout.smallest(picture);
        let smallest = h * w;
        if smallest as u64 * layout.base as u64 > MOST_BASE {
            return Err(Error::Limit("nerv: the first image of a network".into()));
        }
        let mut pixels = smallest as u64;
        for (i, width) in layout.widths.iter().enumerate() {
            let r = if i == 0 { first } else { 2 } as u64;
            pixels *= r * r;
            if pixels * *width as u64 > MOST_IMAGE {
                return Err(Error::Limit("nerv: an image of a network".into()));
            }
        }
        let [w, h] = picture.size().map(|side| side as u64);
        let most = w * h * MOST_PADDING;
        if pixels > most.max(MOST_SMALL) {
            return Err(Error::Limit("nerv: a network larger than its frame".into()));
        }
        Ok((layout, rest))
    }

    /// The network.
    pub fn network(&self, picture: &Picture, frames: usize) -> Network {
        let mut g = Graph::default();
        let [h, w] = self.smallest(picture);
        let input = g.image(1, 1, INPUTS);
        let x = g.conv("stem.0", input, 1, INPUTS, self.hidden, 1.4);
        let x = gelu(&mut g, x);
        let base = h * w * self.base;
        let x = g.conv("stem.1", x, 1, self.hidden, base, 1.4);
        let x = gelu(&mut g, x);
        let mut last = g.image(h, w, self.base);
        g.ops.push(Op::Reshape { x, y: last });
        for (i, &width) in self.widths.iter().enumerate() {
            let r = if i == 0 { self.first } else { 2 };
            let name = format!("s{i}");
            if self.kind == Kind::NervPlus {
                last = separable(&mut g, &format!("{name}.before"), last);
            }
            let x = last;
            let c = g.shape(x);
            let squared = width * r * r;
            let wide = g.conv(&format!("{name}.up"), x, 3, c.c, squared, 1.4);
            let mut y = g.image(c.h * r, c.w * r, width);
            g.ops.push(Op::Shuffle { x: wide, y, r });
            if self.kind == Kind::Cam {
                y = self.modulated(&mut g, &name, y, frames);
            }
            y = gelu(&mut g, y);
            if self.kind == Kind::NervPlus {
                y = around(&mut g, &name, x, y, r);
                y = separable(&mut g, &format!("{name}.after"), y);
            }
            last = y;
        }
        let c = g.shape(last).c;
        let output = g.conv("head", last, 3, c, 8, 0.3);
        let head = match g.params.as_slice() {
            [.., weights, biases] => [weights.at, biases.at],
            _ => [0, 0],
        };
        Network {
            graph: g,
            input,
            output,
            head,
            planes: picture.planes(),
        }
    }

    fn modulated(&self, g: &mut Graph, name: &str, x: usize, frames: usize) -> usize {
        let s = g.shape(x);
        let n = g.image(s.h, s.w, s.c);
        g.ops.push(Op::Normalise { x, y: n });
        let y = g.image(s.h, s.w, s.c);
        let rows = self.grid * s.c;
        let gamma = g.param(format!("{name}.gamma"), rows, s.c, 0.0, 1.0);
        let beta = g.param(format!("{name}.beta"), rows, s.c, 0.0, 0.0);
        g.ops.push(Op::Temporal {
            x: n,
            y,
            g: gamma,
            b: beta,
            grid: self.grid,
            frames,
        });
        y
    }
}

fn gelu(g: &mut Graph, x: usize) -> usize {
    let s = g.shape(x);
    let y = g.image(s.h, s.w, s.c);
    g.ops.push(Op::Gelu { x, y });
    y
}

fn add(g: &mut Graph, a: usize, b: usize) -> usize {
    let s = g.shape(a);
    let y = g.image(s.h, s.w, s.c);
    g.ops.push(Op::Add { a, b, y });
    y
}

/// A separable residual block: depthwise 3 x 3, pointwise, GELU, and the input added.
fn separable(g: &mut Graph, name: &str, x: usize) -> usize {
    let s = g.shape(x);
    let t = g.image(s.h, s.w, s.c);
    let w = g.param(format!("{name}.dw.weight"), 9 * s.c, s.c, 0.3, 0.0);
    let b = g.param(format!("{name}.dw.bias"), s.c, s.c, 0.0, 0.0);
    g.ops.push(Op::Depthwise { x, y: t, w, b });
    let t = g.conv(&format!("{name}.mix"), t, 1, s.c, s.c, 0.4);
    let t = gelu(g, t);
    add(g, x, t)
}

/// Adds the input of a stage, brought to its width and enlarged.
fn around(g: &mut Graph, name: &str, x: usize, y: usize, r: usize) -> usize {
    let (from, to) = (g.shape(x), g.shape(y));
    let s = g.conv(&format!("{name}.skip"), x, 1, from.c, to.c, 0.5);
    let up = g.image(to.h, to.w, to.c);
    g.ops.push(Op::Bilinear { x: s, y: up, r });
    add(g, y, up)
}
