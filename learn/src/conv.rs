//! Convolutions over time and over images, forward, transposed and depthwise, and pixel shuffle.
//!
//! Patches are gathered a few rows at a time and multiplied by the weights as a matrix; on the way back they are gathered
//! again rather than kept. Channels lie last, so that a copy of a tap is a copy of a row.

use nc_core::Result;
use nc_kernels::matrix::{View, product_part};

use crate::dense::{add_bias, column_sums};
use crate::misfit;
use crate::tape::Node;

/// Floats of patches that are gathered at a time: they stay in the second cache.
const TILE: usize = 1 << 16;

/// Where a kernel stands on an image; a sequence is an image of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Lines and columns of the image.
    pub size: [usize; 2],
    /// Lines and columns of the kernel.
    pub kernel: [usize; 2],
    /// From one output to the next.
    pub stride: [usize; 2],
    /// From one tap to the next.
    pub dilation: [usize; 2],
    /// Zeros before the image and behind it, of lines and of columns.
    pub pad: [[usize; 2]; 2],
}

impl Window {
    /// An image; the output of stride 1 is as large.
    #[must_use]
    pub fn image(size: [usize; 2], kernel: [usize; 2]) -> Self {
        Self {
            size,
            kernel,
            stride: [1; 2],
            dilation: [1; 2],
            pad: [[0; 2]; 2],
        }
        .same()
    }

    /// A sequence of `len` positions; the output of stride 1 is as long.
    #[must_use]
    pub fn time(len: usize, kernel: usize) -> Self {
        Self::image([1, len], [1, kernel])
    }

    /// With another stride.
    #[must_use]
    pub fn stride(self, stride: [usize; 2]) -> Self {
        Self { stride, ..self }
    }

    /// With another dilation, and zeros so that the output of stride 1 stays as large.
    #[must_use]
    pub fn dilation(self, dilation: [usize; 2]) -> Self {
        Self { dilation, ..self }.same()
    }

    /// With all zeros before the image: no output sees what lies behind it.
    #[must_use]
    pub fn causal(self) -> Self {
        let pad = self.pad.map(|[a, b]| [a + b, 0]);
        Self { pad, ..self }
    }

    /// With these zeros.
    #[must_use]
    pub fn pad(self, pad: [[usize; 2]; 2]) -> Self {
        Self { pad, ..self }
    }

    fn same(self) -> Self {
        let pad = std::array::from_fn(|i| {
            let all = self.reach(i);
            [all / 2, all - all / 2]
        });
        Self { pad, ..self }
    }

    /// From the first to the last tap.
    fn reach(&self, i: usize) -> usize {
        self.dilation[i] * self.kernel[i].max(1) - self.dilation[i]
    }

    /// Lines and columns of the output.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] where the kernel is larger than the padded image, or anything is 0.
    pub fn output(&self) -> Result<[usize; 2]> {
        let mut out = [0; 2];
        for (i, out) in out.iter_mut().enumerate() {
            let all = self.size[i] + self.pad[i][0] + self.pad[i][1];
            let room = all.checked_sub(self.reach(i) + 1);
            let least = [
                self.size[i],
                self.kernel[i],
                self.stride[i],
                self.dilation[i],
            ];
            match room {
                Some(room) if !least.contains(&0) => *out = room / self.stride[i] + 1,
                _ => return Err(misfit("a kernel that does not fit its image")),
            }
        }
        Ok(out)
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// The number of images in so many rows.
    fn images(&self, rows: usize) -> Result<usize> {
        let each = self.size[0] * self.size[1];
        if each == 0 || !rows.is_multiple_of(each) {
            return Err(misfit("rows that are no whole number of images"));
        }
        Ok(rows / each)
    }

    /// Calls `f` with tap and input pixel of every tap of output `at` that lies inside the image.
    #[inline]
    fn each(&self, at: [usize; 2], mut f: impl FnMut(usize, usize)) {
        let place = |i: usize, k: usize| {
            let far = at[i] * self.stride[i] + k * self.dilation[i];
            far.checked_sub(self.pad[i][0])
                .filter(|p| *p < self.size[i])
        };
        for ky in 0..self.kernel[0] {
            let Some(y) = place(0, ky) else { continue };
            for kx in 0..self.kernel[1] {
                if let Some(x) = place(1, kx) {
                    f(ky * self.kernel[1] + kx, y * self.size[1] + x);
                }
            }
        }
    }
}

/// A window with the channels that it is used on.
#[derive(Clone, Copy)]
struct Geometry {
    window: Window,
    /// Lines and columns of the output.
    out: [usize; 2],
    images: usize,
    /// Channels of the image, and those of one group.
    c: usize,
    each: usize,
}

impl Geometry {
    fn new(window: Window, images: usize, c: usize, groups: usize) -> Result<Self> {
        if groups == 0 || !c.is_multiple_of(groups) {
            return Err(misfit("channels that are no whole number of groups"));
        }
        Ok(Self {
            window,
            out: window.output()?,
            images,
            c,
            each: c / groups,
        })
    }

    fn outputs(&self) -> usize {
        self.out[0] * self.out[1]
    }

    /// Columns of a patch of one group.
    fn cols(&self) -> usize {
        self.window.taps() * self.each
    }

    fn pixels(&self) -> usize {
        self.window.size[0] * self.window.size[1]
    }

    /// Calls `f` with image, first output and number of outputs, group, and room for their patches.
    fn tiles(&self, mut f: impl FnMut(usize, usize, usize, usize, &mut [f32])) {
        let tile = (TILE / self.cols()).clamp(16, self.outputs().max(16));
        let mut patches = vec![0.0; tile * self.cols()];
        for image in 0..self.images {
            for first in (0..self.outputs()).step_by(tile) {
                let n = tile.min(self.outputs() - first);
                for group in 0..self.c / self.each {
                    f(image, first, n, group, &mut patches[..n * self.cols()]);
                }
            }
        }
    }

    /// Patches of an image, `[n, taps * each]`, zeros outside.
    fn gather(&self, x: &[f32], first: usize, group: usize, patches: &mut [f32]) {
        patches.fill(0.0);
        for (i, patch) in patches.chunks_exact_mut(self.cols()).enumerate() {
            let at = [(first + i) / self.out[1], (first + i) % self.out[1]];
            self.window.each(at, |tap, pixel| {
                let from = pixel * self.c + group * self.each;
                patch[tap * self.each..][..self.each].copy_from_slice(&x[from..from + self.each]);
            });
        }
    }

    /// Adds patches back to the image: the adjoint of [`Self::gather`].
    fn scatter(&self, x: &mut [f32], first: usize, group: usize, patches: &[f32]) {
        for (i, patch) in patches.chunks_exact(self.cols()).enumerate() {
            let at = [(first + i) / self.out[1], (first + i) % self.out[1]];
            self.window.each(at, |tap, pixel| {
                let to = pixel * self.c + group * self.each;
                let to = x[to..to + self.each].iter_mut();
                to.zip(&patch[tap * self.each..]).for_each(|(x, p)| *x += p);
            });
        }
    }

    /// `y = patches(x) w^T` for all images: `w [cout, cols]`, the output channels group by group.
    fn forward(&self, x: &[f32], w: &[f32], cout: usize) -> Vec<f32> {
        let mut y = vec![0.0; self.images * self.outputs() * cout];
        let wide = cout * self.each / self.c;
        self.tiles(|image, first, n, group, patches| {
            let from = &x[image * self.pixels() * self.c..][..self.pixels() * self.c];
            self.gather(from, first, group, patches);
            let w = View::new(w, cout, self.cols())
                .part(group * wide..(group + 1) * wide, 0..self.cols());
            let to = &mut y[(image * self.outputs() + first) * cout + group * wide..];
            product_part(to, cout, false, View::new(patches, n, self.cols()), w.t());
        });
        y
    }

    /// `x = scatter(y w)`: the gradient of [`Self::forward`] with respect to `x`.
    fn back(&self, y: &[f32], w: &[f32], cout: usize) -> Vec<f32> {
        let mut x = vec![0.0; self.images * self.pixels() * self.c];
        let wide = cout * self.each / self.c;
        self.tiles(|image, first, n, group, patches| {
            let channels = group * wide..(group + 1) * wide;
            let w = View::new(w, cout, self.cols()).part(channels.clone(), 0..self.cols());
            let rows = image * self.outputs() + first;
            let y = View::new(&y[rows * cout..(rows + n) * cout], n, cout).part(0..n, channels);
            product_part(patches, self.cols(), false, y, w);
            let to = &mut x[image * self.pixels() * self.c..][..self.pixels() * self.c];
            self.scatter(to, first, group, patches);
        });
        x
    }

    /// `y^T patches(x)`: the gradient with respect to `w`.
    fn weights(&self, x: &[f32], y: &[f32], cout: usize) -> Vec<f32> {
        let mut w = vec![0.0; cout * self.cols()];
        let wide = cout * self.each / self.c;
        self.tiles(|image, first, n, group, patches| {
            let from = &x[image * self.pixels() * self.c..][..self.pixels() * self.c];
            self.gather(from, first, group, patches);
            let rows = image * self.outputs() + first;
            let y = View::new(&y[rows * cout..(rows + n) * cout], n, cout)
                .part(0..n, group * wide..(group + 1) * wide);
            let to = &mut w[group * wide * self.cols()..(group + 1) * wide * self.cols()];
            product_part(
                to,
                self.cols(),
                true,
                y.t(),
                View::new(patches, n, self.cols()),
            );
        });
        w
    }
}

/// A convolution: `x [images * pixels, cin]`, `w [cout, taps * cin / groups]` with the channels of a tap together, `b [1,
/// cout]`, to `[images * outputs, cout]`. Each of `groups` parts of the output channels sees its part of the input's.
///
/// # Errors
/// [`nc_core::Error::Internal`] for sizes that do not fit.
pub fn conv<'t>(
    x: &Node<'t>,
    w: &Node<'t>,
    b: &Node<'t>,
    window: Window,
    groups: usize,
) -> Result<Node<'t>> {
    let ([rows, cin], [cout, width]) = (x.dims(), w.dims());
    let g = Geometry::new(window, window.images(rows)?, cin, groups)?;
    if width != g.cols() || b.dims() != [1, cout] || !cout.is_multiple_of(groups) {
        return Err(misfit("conv: weights of another size"));
    }
    let (xv, wv) = (x.shared(), w.shared());
    let mut out = g.forward(&xv, &wv, cout);
    add_bias(&mut out, b.values());
    let dims = [g.images * g.outputs(), cout];
    x.tape().op([x, w, b], out, dims, move |d, wanted| {
        Ok([
            wanted[0].then(|| g.back(&d, &wv, cout)),
            wanted[1].then(|| g.weights(&xv, &d, cout)),
            wanted[2].then(|| column_sums(&d, cout)),
        ])
    })
}

/// A transposed convolution: from `[images * outputs, cin]` of `window` to `[images * pixels, cout]`, the adjoint of
/// [`conv`] with `w [cin, taps * cout]`, plus `b [1, cout]`.
///
/// # Errors
/// [`nc_core::Error::Internal`] for sizes that do not fit.
pub fn conv_transposed<'t>(
    x: &Node<'t>,
    w: &Node<'t>,
    b: &Node<'t>,
    window: Window,
) -> Result<Node<'t>> {
    let ([rows, cin], [inputs, width]) = (x.dims(), w.dims());
    let [lines, cols] = window.output()?;
    let cout = b.dims()[1];
    if !rows.is_multiple_of(lines * cols) {
        return Err(misfit("rows that are no whole number of images"));
    }
    let g = Geometry::new(window, rows / (lines * cols), cout, 1)?;
    if inputs != cin || width != g.cols() || b.dims()[0] != 1 {
        return Err(misfit("transposed conv: weights of another size"));
    }
    let (xv, wv) = (x.shared(), w.shared());
    let mut out = g.back(&xv, &wv, cin);
    add_bias(&mut out, b.values());
    let dims = [g.images * g.pixels(), cout];
    x.tape().op([x, w, b], out, dims, move |d, wanted| {
        Ok([
            wanted[0].then(|| g.forward(&d, &wv, cin)),
            wanted[1].then(|| g.weights(&d, &xv, cin)),
            wanted[2].then(|| column_sums(&d, cout)),
        ])
    })
}

/// A convolution of each channel by itself: `x [images * pixels, C]`, `w [taps, C]`, `b [1, C]`.
///
/// # Errors
/// [`nc_core::Error::Internal`] for sizes that do not fit.
pub fn depthwise<'t>(x: &Node<'t>, w: &Node<'t>, b: &Node<'t>, window: Window) -> Result<Node<'t>> {
    let [rows, c] = x.dims();
    let images = window.images(rows)?;
    let [lines, cols] = window.output()?;
    if w.dims() != [window.taps(), c] || b.dims() != [1, c] {
        return Err(misfit("depthwise: weights of another size"));
    }
    let (xv, wv) = (x.shared(), w.shared());
    let out = channelwise(&xv, &wv, b.values(), &window, [lines, cols]);
    let dims = [images * lines * cols, c];
    x.tape().op([x, w, b], out, dims, move |g, _| {
        let mut dx = vec![0.0; xv.len()];
        let dw = channelwise_back(&g, &xv, &wv, &window, [lines, cols], &mut dx);
        Ok([Some(dx), Some(dw), Some(column_sums(&g, c))])
    })
}

/// The depthwise convolution of the whole images of `x`.
pub(crate) fn channelwise(
    x: &[f32],
    w: &[f32],
    b: &[f32],
    window: &Window,
    out: [usize; 2],
) -> Vec<f32> {
    let c = b.len();
    let pixels = window.size[0] * window.size[1] * c;
    let mut y = Vec::with_capacity(x.len() / pixels.max(1) * out[0] * out[1] * c);
    for x in x.chunks_exact(pixels) {
        for i in 0..out[0] * out[1] {
            let at = y.len();
            y.extend_from_slice(b);
            let o = &mut y[at..];
            window.each([i / out[1], i % out[1]], |tap, pixel| {
                let (x, w) = (&x[pixel * c..(pixel + 1) * c], &w[tap * c..(tap + 1) * c]);
                for ((o, x), w) in o.iter_mut().zip(x).zip(w) {
                    *o += x * w;
                }
            });
        }
    }
    y
}

/// Adds the input's gradient to `dx`, gives the weights'.
pub(crate) fn channelwise_back(
    g: &[f32],
    x: &[f32],
    w: &[f32],
    window: &Window,
    out: [usize; 2],
    dx: &mut [f32],
) -> Vec<f32> {
    let c = w.len() / window.taps();
    let (pixels, outputs) = (window.size[0] * window.size[1] * c, out[0] * out[1] * c);
    let mut dw = vec![0.0; w.len()];
    let images = g.chunks_exact(outputs).zip(x.chunks_exact(pixels));
    for ((g, x), dx) in images.zip(dx.chunks_exact_mut(pixels)) {
        for (i, g) in g.chunks_exact(c).enumerate() {
            window.each([i / out[1], i % out[1]], |tap, pixel| {
                let (of, to) = (tap * c..(tap + 1) * c, pixel * c..(pixel + 1) * c);
                let (wk, dk) = (&w[of.clone()], &mut dw[of]);
                let (xr, dr) = (&x[to.clone()], &mut dx[to]);
                for ((((g, w), dw), x), dx) in g.iter().zip(wk).zip(dk).zip(xr).zip(dr) {
                    *dx += g * w;
                    *dw += g * x;
                }
            });
        }
    }
    dw
}

/// Pixel shuffle (Shi et al. 2016): `x [images * lines * cols, r r C]` to `[images * r lines * r cols, C]`; the channels of a
/// pixel are those of the first line of its square, then of the next. Over time, [`Node::reshaped`] does it.
///
/// # Errors
/// [`nc_core::Error::Internal`] for sizes that do not fit.
pub fn pixel_shuffle<'t>(x: &Node<'t>, size: [usize; 2], r: usize) -> Result<Node<'t>> {
    let [rows, wide] = x.dims();
    let [lines, cols] = size;
    let whole = r > 0 && lines * cols > 0 && rows % (lines * cols) == 0 && wide % (r * r) == 0;
    if !whole {
        return Err(misfit("pixel shuffle: other sizes"));
    }
    let part = wide / r;
    // Where the part `i` of pixel `p` goes.
    let to = move |p: usize, i: usize| ((p / cols * r + i) * cols + p % cols) * part;
    let mut out = vec![0.0; rows * wide];
    for (p, pixel) in x.values().chunks_exact(wide).enumerate() {
        for (i, from) in pixel.chunks_exact(part).enumerate() {
            out[to(p, i)..][..part].copy_from_slice(from);
        }
    }
    let dims = [rows * r * r, wide / (r * r)];
    x.tape().op([x], out, dims, move |g, _| {
        let mut d = vec![0.0; rows * wide];
        for (p, pixel) in d.chunks_exact_mut(wide).enumerate() {
            for (i, out) in pixel.chunks_exact_mut(part).enumerate() {
                out.copy_from_slice(&g[to(p, i)..][..part]);
            }
        }
        Ok([Some(d)])
    })
}
