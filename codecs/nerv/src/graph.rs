//! A network as a list of operations on images, run forward by the decoder and backward in training.
//!
//! Every network of this codec, the default one and the published ones, is built from these few
//! operations; so decoding, its budget, training, the count of multiply-adds and the entropy coding of
//! the weights are written once.

use std::ops::Range;

use nc_core::rng::Rng;
use nc_core::{Budget, Error, Result};
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
        self.h.saturating_add(2).saturating_mul(self.stride())
    }

    /// Elements from one row to the next.
    fn stride(&self) -> usize {
        self.w.saturating_add(2).saturating_mul(self.c)
    }

    /// Where the row `y` of the inside begins.
    pub fn row(&self, y: usize) -> usize {
        let rows = y.saturating_add(1).saturating_mul(self.stride());
        rows.saturating_add(self.c)
    }

    /// The elements of row `y`, without the border.
    pub fn inside(&self, y: usize) -> Range<usize> {
        let at = self.row(y);
        at..at.saturating_add(self.w.saturating_mul(self.c))
    }

    /// The rows of the image `x`, without the border.
    pub fn lines(self, x: &[f32]) -> impl Iterator<Item = &[f32]> {
        let inside = self.c..self.stride().saturating_sub(self.c);
        let rows = x.chunks_exact(self.stride().max(1)).skip(1).take(self.h);
        rows.map(move |row| row.get(inside.clone()).unwrap_or_default())
    }

    /// As [`Self::lines`], to be written.
    pub fn lines_mut(self, x: &mut [f32]) -> impl Iterator<Item = &mut [f32]> {
        let inside = self.c..self.stride().saturating_sub(self.c);
        let rows = x.chunks_exact_mut(self.stride().max(1));
        let rows = rows.skip(1).take(self.h);
        rows.map(move |row| row.get_mut(inside.clone()).unwrap_or_default())
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

impl Param {
    /// Where its elements lie.
    pub fn range(&self) -> Range<usize> {
        self.at..self.at.saturating_add(self.len)
    }
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
        let at = self.images.len();
        self.images.push(Shape { h, w, c });
        at
    }

    /// The shape of an image; of one that there is not, one of nothing.
    pub fn shape(&self, image: usize) -> Shape {
        let none = Shape { h: 0, w: 0, c: 0 };
        self.images.get(image).copied().unwrap_or(none)
    }

    /// A new parameter.
    pub fn param(&mut self, name: String, len: usize, cols: usize, std: f32, mean: f32) -> usize {
        let (i, at) = (self.params.len(), self.weights());
        self.params.push(Param {
            name,
            at,
            len,
            cols,
            std,
            mean,
        });
        i
    }

    /// Parameters in all.
    pub fn weights(&self) -> usize {
        self.params.last().map_or(0, |p| p.range().end)
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
        let Shape { h, w, c } = self.shape(x);
        let s = Conv2d {
            k,
            cin,
            xs: c,
            cout,
        };
        let std = gain / (k.saturating_mul(k).saturating_mul(cin) as f32).sqrt();
        let y = self.image(h, w, cout);
        let w = self.param(format!("{name}.weight"), s.weights(), cout, std, 0.0);
        let b = self.param(format!("{name}.bias"), cout, cout, 0.0, 0.0);
        self.ops.push(Op::Conv { x, y, s, w, b });
        y
    }

    /// Adds a separable residual block: depthwise, widened by `expand`, activation, narrowed, scaled
    /// and shifted by the frame's class.
    pub fn block(&mut self, name: &str, x: usize, expand: usize, classes: usize) -> usize {
        let Shape { h, w, c } = self.shape(x);
        let (wide, each) = (c.saturating_mul(expand), c.saturating_mul(classes));
        let t = self.image(h, w, c);
        let taps = c.saturating_mul(9);
        let dw = self.param(format!("{name}.dw.weight"), taps, c, 0.2, 0.0);
        let db = self.param(format!("{name}.dw.bias"), c, c, 0.0, 0.0);
        self.ops.push(Op::Depthwise {
            x,
            y: t,
            w: dw,
            b: db,
        });
        let u = self.conv(&format!("{name}.up"), t, 1, c, wide, 1.4);
        let v = self.image(h, w, wide);
        self.ops.push(Op::Act { x: u, y: v });
        let t = self.conv(&format!("{name}.down"), v, 1, wide, c, 1.0);
        let y = self.image(h, w, c);
        let g = self.param(format!("{name}.gamma"), each, c, 0.0, 0.5);
        let b = self.param(format!("{name}.beta"), each, c, 0.0, 0.0);
        self.ops.push(Op::Modulate { x, t, y, g, b });
        y
    }

    /// Multiply-adds of one pass.
    pub fn macs(&self) -> u64 {
        let mut sum = 0u64;
        for op in &self.ops {
            let (y, each) = match op {
                Op::Conv { y, s, .. } => (self.shape(*y), s.weights()),
                Op::Depthwise { y, .. } => (self.shape(*y), self.shape(*y).c.saturating_mul(9)),
                _ => continue,
            };
            let pixels = (y.h as u64).saturating_mul(y.w as u64);
            sum = sum.saturating_add(pixels.saturating_mul(each as u64));
        }
        sum
    }

    /// Bytes of the images.
    pub fn bytes(&self) -> u64 {
        let bytes = self
            .images
            .iter()
            .map(|s| (s.len() as u64).saturating_mul(4));
        bytes.fold(0, u64::saturating_add)
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
            for v in out.get_mut(p.range()).unwrap_or_default() {
                *v = p.mean + p.std * rng.normal().clamp(-2.0, 2.0);
            }
        }
        out
    }

    /// The elements of parameter `i` in `p`; none, which every kernel refuses, of one that there is not.
    pub(crate) fn slice<'a>(&self, p: &'a [f32], i: usize) -> &'a [f32] {
        let q = self.params.get(i);
        q.and_then(|q| p.get(q.range())).unwrap_or_default()
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
        let mut ops = self.ops.as_slice();
        while let [op, rest @ ..] = ops {
            if by_rows && let Some((block, rest)) = Block::at(ops) {
                let mut out = take(t, block.y)?;
                self.block_by_rows(&block, k, p, class, read(t, block.x)?, &mut out)?;
                put(t, block.y, out);
                ops = rest;
                continue;
            }
            ops = rest;
            match *op {
                Op::Conv { x, y, s, w, b } => {
                    let Shape { h, w: width, .. } = self.shape(y);
                    let mut out = take(t, y)?;
                    k.conv2d(
                        &s,
                        h,
                        width,
                        read(t, x)?,
                        self.slice(p, w),
                        self.slice(p, b),
                        &mut out,
                    )
                    .map_err(wrong)?;
                    put(t, y, out);
                }
                Op::Depthwise { x, y, w, b } => {
                    let Shape { h, w: width, .. } = self.shape(y);
                    let mut out = take(t, y)?;
                    k.depthwise2d(
                        h,
                        width,
                        read(t, x)?,
                        self.slice(p, w),
                        self.slice(p, b),
                        &mut out,
                    )
                    .map_err(wrong)?;
                    put(t, y, out);
                }
                Op::Act { x, y } => {
                    let mut out = take(t, y)?;
                    k.hard_swish(read(t, x)?, &mut out).map_err(wrong)?;
                    put(t, y, out);
                }
                Op::Modulate { x, t: u, y, g, b } => {
                    let shape = self.shape(y);
                    let mut out = take(t, y)?;
                    let g = of_class(self.slice(p, g), shape.c, class);
                    let b = of_class(self.slice(p, b), shape.c, class);
                    let rows = shape.lines(read(t, x)?).zip(shape.lines(read(t, u)?));
                    for (out, (x, t)) in shape.lines_mut(&mut out).zip(rows) {
                        k.modulate(x, t, g, b, out).map_err(wrong)?;
                    }
                    put(t, y, out);
                }
                _ => self.layer(op, k, p, class, t)?,
            }
        }
        Ok(())
    }
}

/// Takes the image `i` to be written while others are read; [`put`] brings it back.
pub(crate) fn take(t: &mut [Vec<f32>], i: usize) -> Result<Vec<f32>> {
    t.get_mut(i).map(std::mem::take).ok_or_else(lost)
}

pub(crate) fn put(t: &mut [Vec<f32>], i: usize, image: Vec<f32>) {
    if let Some(to) = t.get_mut(i) {
        *to = image;
    }
}

pub(crate) fn read(t: &[Vec<f32>], i: usize) -> Result<&[f32]> {
    t.get(i).map(Vec::as_slice).ok_or_else(lost)
}

/// The `c` elements of a class; none of a class that there is not, which the kernels refuse.
fn of_class(all: &[f32], c: usize, class: usize) -> &[f32] {
    let of = all.get(class.saturating_mul(c)..);
    of.and_then(|of| of.get(..c)).unwrap_or_default()
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
        let shape = self.shape(block.y);
        let Shape { w, c, .. } = shape;
        let [dw, db, uw, ub, vw, vb, g, b] = block.params.map(|i| self.slice(p, i));
        let (g, b) = (of_class(g, c, class), of_class(b, c, class));
        // Images of one row.
        let narrow = Shape { h: 1, w, c };
        let wide = Shape {
            c: block.convs[0].cout,
            ..narrow
        };
        let [mut t, mut s] = [narrow; 2].map(|s| vec![0.0; s.len()]);
        let [mut u, mut v] = [wide; 2].map(|s| vec![0.0; s.len()]);
        let (row, middle) = (narrow.inside(0), wide.inside(0));
        for (r, y) in shape.lines_mut(y).enumerate() {
            // The depthwise kernel needs the rows above and below.
            let first = r.saturating_mul(shape.stride());
            let around = x.get(first..first.saturating_add(narrow.len()));
            let around = around.ok_or_else(lost)?;
            k.depthwise2d(1, w, around, dw, db, &mut t).map_err(wrong)?;
            k.conv2d(&block.convs[0], 1, w, &t, uw, ub, &mut u)
                .map_err(wrong)?;
            let to = v.get_mut(middle.clone()).unwrap_or_default();
            k.hard_swish(u.get(middle.clone()).unwrap_or_default(), to)
                .map_err(wrong)?;
            k.conv2d(&block.convs[1], 1, w, &v, vw, vb, &mut s)
                .map_err(wrong)?;
            let x = around.get(row.clone()).unwrap_or_default();
            let s = s.get(row.clone()).unwrap_or_default();
            k.modulate(x, s, g, b, y).map_err(wrong)?;
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
    /// The block that begins these operations, if one does, and the operations behind it.
    fn at(ops: &[Op]) -> Option<(Self, &[Op])> {
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
            rest @ ..,
        ] = ops
        else {
            return None;
        };
        let chained = t == t2 && u == u2 && v == v2 && s == s2 && x == x2;
        let block = Self {
            x: *x,
            y: *y,
            convs: [*up, *down],
            params: [*dw, *db, *uw, *ub, *vw, *vb, *g, *b],
        };
        (chained && up.k == 1 && down.k == 1).then_some((block, rest))
    }
}

/// A graph and its images are made by the same code, so an image or a row that is not there is a mistake in it.
pub(crate) fn lost() -> Error {
    Error::Format("network: an image that is not there".into())
}

pub(crate) fn wrong(e: nc_kernels::KernelError) -> Error {
    Error::Format(format!("network: {e}").into())
}
