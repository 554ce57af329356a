//! A network as a list of operations on images, run forward by the decoder and backward in training.
//!
//! Every network of this codec, the default one and the published ones, is built from these few
//! operations; so decoding, its budget, training, the count of multiply-adds and the entropy coding of
//! the weights are written once.

use nc::rng::Rng;
use nc::{Budget, Error, Result};
use nc_kernels::{Conv2d, Kernels};

/// An image of the graph: pixels and channels (a multiple of 8), with a border of one pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Channels in memory.
    pub c: usize,
}

impl Shape {
    /// Elements with the border.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        (self.h + 2) * (self.w + 2) * self.c
    }

    /// Where the row `y` of the inside begins.
    pub fn row(&self, y: usize) -> usize {
        ((y + 1) * (self.w + 2) + 1) * self.c
    }
}

/// A parameter tensor of the network, a slice of one long vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Name, e.g. `s2.up.weight`.
    pub name: String,
    /// First element.
    pub at: usize,
    /// Elements.
    pub len: usize,
    /// Elements in a row whose members share a scale (the inputs of one output run down the rows).
    pub cols: usize,
    /// Standard deviation at the start; 0 for a constant.
    pub std: f32,
    /// Mean at the start.
    pub mean: f32,
}

/// One operation; numbers name images and parameters: `x`, `t`, `a` and `b` what is read, `y` what is written.
#[allow(missing_docs)] // said above for all fields
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// `y = conv(x)`.
    Conv {
        x: usize,
        y: usize,
        s: Conv2d,
        w: usize,
        b: usize,
    },
    /// Depthwise 3 x 3.
    Depthwise {
        x: usize,
        y: usize,
        w: usize,
        b: usize,
    },
    /// Hard swish.
    Act { x: usize, y: usize },
    /// `y = x + gamma(class) t + beta(class)`.
    Modulate {
        x: usize,
        t: usize,
        y: usize,
        g: usize,
        b: usize,
    },
    /// GELU in the form with one exponential, `x sigmoid(1.702 x)`.
    Gelu { x: usize, y: usize },
    /// Pixel shuffle by `r`, the channels as in [`Op::ShuffleAdd`], instead of what was in `y`.
    Shuffle { x: usize, y: usize, r: usize },
    /// The channels of the only pixel of `x` as the image `y`, row by row, channels last.
    Reshape { x: usize, y: usize },
    /// `y = a + b`.
    Add { a: usize, b: usize, y: usize },
    /// Bilinear enlargement by `r`; the centres of pixels lie at halves, the edge is repeated.
    Bilinear { x: usize, y: usize, r: usize },
    /// Each channel brought to mean 0 and variance 1 over the image.
    Normalise { x: usize, y: usize },
    /// `y = gamma(t) x + beta(t)` for each channel, both linear between the `grid` rows of their
    /// parameters, which the numbers of the `frames` frames are spread over; the class is the frame.
    Temporal {
        x: usize,
        y: usize,
        g: usize,
        b: usize,
        grid: usize,
        frames: usize,
    },
}

/// A network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// Images.
    pub images: Vec<Shape>,
    /// Parameters.
    pub params: Vec<Param>,
    /// Operations in order.
    pub ops: Vec<Op>,
}

impl Graph {
    /// A new image.
    pub fn image(&mut self, h: usize, w: usize, c: usize) -> usize {
        self.images.push(Shape { h, w, c });
        self.images.len() - 1
    }

    /// The shape of an image; of one that there is not, one of nothing.
    pub fn shape(&self, image: usize) -> Shape {
        let none = Shape { h: 0, w: 0, c: 0 };
        self.images.get(image).copied().unwrap_or(none)
    }

    /// A new parameter.
    pub fn param(&mut self, name: String, len: usize, cols: usize, std: f32, mean: f32) -> usize {
        let at = self.weights();
        self.params.push(Param {
            name,
            at,
            len,
            cols,
            std,
            mean,
        });
        self.params.len() - 1
    }

    /// Parameters in all.
    pub fn weights(&self) -> usize {
        self.params.last().map_or(0, |p| p.at + p.len)
    }

    /// Adds a convolution of the first `cin` channels of `x`; gives its output.
    pub fn conv(
        &mut self,
        name: &str,
        x: usize,
        k: usize,
        cin: usize,
        cout: usize,
        gain: f32,
    ) -> usize {
        let Shape { h, w, c } = self.images[x];
        let s = Conv2d {
            k,
            cin,
            xs: c,
            cout,
        };
        let std = gain / ((k * k * cin) as f32).sqrt();
        let y = self.image(h, w, cout);
        let w = self.param(format!("{name}.weight"), s.weights(), cout, std, 0.0);
        let b = self.param(format!("{name}.bias"), cout, cout, 0.0, 0.0);
        self.ops.push(Op::Conv { x, y, s, w, b });
        y
    }

    /// Adds a separable residual block: depthwise, widened by `expand`, activation, narrowed, scaled
    /// and shifted by the frame's class.
    pub fn block(&mut self, name: &str, x: usize, expand: usize, classes: usize) -> usize {
        let Shape { h, w, c } = self.images[x];
        let t = self.image(h, w, c);
        let dw = self.param(format!("{name}.dw.weight"), 9 * c, c, 0.2, 0.0);
        let db = self.param(format!("{name}.dw.bias"), c, c, 0.0, 0.0);
        self.ops.push(Op::Depthwise {
            x,
            y: t,
            w: dw,
            b: db,
        });
        let u = self.conv(&format!("{name}.up"), t, 1, c, c * expand, 1.4);
        let v = self.image(h, w, c * expand);
        self.ops.push(Op::Act { x: u, y: v });
        let t = self.conv(&format!("{name}.down"), v, 1, c * expand, c, 1.0);
        let y = self.image(h, w, c);
        let g = self.param(format!("{name}.gamma"), classes * c, c, 0.0, 0.5);
        let b = self.param(format!("{name}.beta"), classes * c, c, 0.0, 0.0);
        self.ops.push(Op::Modulate { x, t, y, g, b });
        y
    }

    /// Multiply-adds of one pass.
    pub fn macs(&self) -> u64 {
        let mut sum = 0;
        for op in &self.ops {
            sum += match op {
                Op::Conv { y, s, .. } => self.images[*y].h * self.images[*y].w * s.weights(),
                Op::Depthwise { y, .. } => {
                    self.images[*y].h * self.images[*y].w * self.images[*y].c * 9
                }
                _ => 0,
            } as u64;
        }
        sum
    }

    /// Bytes of the images.
    pub fn bytes(&self) -> u64 {
        self.images.iter().map(|s| s.len() as u64 * 4).sum()
    }

    /// The images, zero; whoever calls has charged [`Self::bytes`].
    pub fn zeros(&self) -> Vec<Vec<f32>> {
        self.images.iter().map(|s| vec![0.0; s.len()]).collect()
    }

    /// The images, zero.
    ///
    /// # Errors
    /// [`Error::Limit`] past the budget.
    pub fn buffers(&self, budget: &mut Budget) -> Result<Vec<Vec<f32>>> {
        budget.charge(self.bytes())?;
        Ok(self.zeros())
    }

    /// Parameters to start from.
    pub fn start(&self, rng: &mut Rng) -> Vec<f32> {
        let mut out = vec![0.0; self.weights()];
        for p in &self.params {
            for v in &mut out[p.at..p.at + p.len] {
                *v = p.mean + p.std * rng.normal().clamp(-2.0, 2.0);
            }
        }
        out
    }

    pub(crate) fn slice<'a>(&self, p: &'a [f32], i: usize) -> &'a [f32] {
        let q = &self.params[i];
        &p[q.at..q.at + q.len]
    }

    /// Runs the network: the input images in `t` are set, all others are computed.
    ///
    /// # Errors
    /// None for buffers of this graph.
    pub fn forward(&self, k: &Kernels, p: &[f32], class: usize, t: &mut [Vec<f32>]) -> Result<()> {
        self.run(k, p, class, t, false)
    }

    /// As [`Self::forward`], but of a block computes only its output: row by row, so that what lies between stays in
    /// the nearest caches. The same bits.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn forward_by_rows(
        &self,
        k: &Kernels,
        p: &[f32],
        class: usize,
        t: &mut [Vec<f32>],
    ) -> Result<()> {
        self.run(k, p, class, t, true)
    }

    fn run(
        &self,
        k: &Kernels,
        p: &[f32],
        class: usize,
        t: &mut [Vec<f32>],
        by_rows: bool,
    ) -> Result<()> {
        let mut next = 0;
        while let Some(op) = self.ops.get(next) {
            if by_rows && let Some(block) = self.ops.get(next..).and_then(Block::at) {
                let mut out = std::mem::take(&mut t[block.y]);
                self.block_by_rows(&block, k, p, class, &t[block.x], &mut out)?;
                t[block.y] = out;
                next += Block::OPS;
                continue;
            }
            next += 1;
            match *op {
                Op::Conv { x, y, s, w, b } => {
                    let Shape { h, w: width, .. } = self.images[y];
                    let mut out = std::mem::take(&mut t[y]);
                    k.conv2d(
                        &s,
                        h,
                        width,
                        &t[x],
                        self.slice(p, w),
                        self.slice(p, b),
                        &mut out,
                    )
                    .map_err(wrong)?;
                    t[y] = out;
                }
                Op::Depthwise { x, y, w, b } => {
                    let Shape { h, w: width, .. } = self.images[y];
                    let mut out = std::mem::take(&mut t[y]);
                    k.depthwise2d(
                        h,
                        width,
                        &t[x],
                        self.slice(p, w),
                        self.slice(p, b),
                        &mut out,
                    )
                    .map_err(wrong)?;
                    t[y] = out;
                }
                Op::Act { x, y } => {
                    let mut out = std::mem::take(&mut t[y]);
                    k.hard_swish(&t[x], &mut out).map_err(wrong)?;
                    t[y] = out;
                }
                Op::Modulate { x, t: u, y, g, b } => {
                    let shape = self.images[y];
                    let mut out = std::mem::take(&mut t[y]);
                    let at = class * shape.c;
                    let g = &self.slice(p, g)[at..at + shape.c];
                    let b = &self.slice(p, b)[at..at + shape.c];
                    for row in 0..shape.h {
                        let at = shape.row(row)..shape.row(row) + shape.w * shape.c;
                        let (x, t) = (&t[x][at.clone()], &t[u][at.clone()]);
                        k.modulate(x, t, g, b, &mut out[at]).map_err(wrong)?;
                    }
                    t[y] = out;
                }
                _ => self.layer(op, k, p, class, t),
            }
        }
        Ok(())
    }
}

impl Graph {
    /// One block, row by row.
    fn block_by_rows(
        &self,
        block: &Block,
        k: &Kernels,
        p: &[f32],
        class: usize,
        x: &[f32],
        y: &mut [f32],
    ) -> Result<()> {
        let Shape { h, w, c } = self.images[block.y];
        let [dw, db, uw, ub, vw, vb, g, b] = block.params.map(|i| self.slice(p, i));
        let wide = block.convs[0].cout;
        let (mut t, mut u, mut v, mut s) = (rows(w, c), rows(w, wide), rows(w, wide), rows(w, c));
        let stride = (w + 2) * c;
        let inside = stride + c..stride + c + w * c;
        let middle = (w + 2) * wide..2 * (w + 2) * wide;
        for r in 0..h {
            // The depthwise kernel needs the rows above and below.
            let around = &x[r * stride..(r + 3) * stride];
            k.depthwise2d(1, w, around, dw, db, &mut t).map_err(wrong)?;
            k.conv2d(&block.convs[0], 1, w, &t, uw, ub, &mut u)
                .map_err(wrong)?;
            k.hard_swish(&u[middle.clone()], &mut v[middle.clone()])
                .map_err(wrong)?;
            k.conv2d(&block.convs[1], 1, w, &v, vw, vb, &mut s)
                .map_err(wrong)?;
            let (at, from) = (class * c..(class + 1) * c, (r + 1) * stride + c);
            let (x, y) = (&x[from..from + w * c], &mut y[from..from + w * c]);
            k.modulate(x, &s[inside.clone()], &g[at.clone()], &b[at], y)
                .map_err(wrong)?;
        }
        Ok(())
    }
}

/// A separable residual block in the list of operations, as [`Graph::block`] puts it there.
struct Block {
    x: usize,
    y: usize,
    /// Sizes of the two pointwise convolutions.
    convs: [Conv2d; 2],
    /// Weights and bias of each convolution, then the class's scale and shift.
    params: [usize; 8],
}

impl Block {
    /// The block that begins these operations, if one does.
    fn at(ops: &[Op]) -> Option<Self> {
        let [
            Op::Depthwise {
                x,
                y: t,
                w: dw,
                b: db,
            },
            Op::Conv {
                x: t2,
                y: u,
                s: up,
                w: uw,
                b: ub,
            },
            Op::Act { x: u2, y: v },
            Op::Conv {
                x: v2,
                y: s,
                s: down,
                w: vw,
                b: vb,
            },
            Op::Modulate {
                x: x2,
                t: s2,
                y,
                g,
                b,
            },
            ..,
        ] = ops
        else {
            return None;
        };
        let chained = t == t2 && u == u2 && v == v2 && s == s2 && x == x2;
        (chained && up.k == 1 && down.k == 1).then_some(Self {
            x: *x,
            y: *y,
            convs: [*up, *down],
            params: [*dw, *db, *uw, *ub, *vw, *vb, *g, *b],
        })
    }

    /// Operations that it has.
    const OPS: usize = 5;
}

/// Three rows of an image of one row, which have its border.
fn rows(w: usize, c: usize) -> Vec<f32> {
    vec![0.0; Shape { h: 1, w, c }.len()]
}

pub(crate) fn wrong(e: nc_kernels::KernelError) -> Error {
    Error::Format(format!("network: {e}"))
}
