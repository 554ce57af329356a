//! Planes of one size that are coded together, pixel by pixel.

use nc_core::{Chroma, Colour, VideoFormat};

/// Most planes of a group.
pub(crate) const MOST: usize = 4;

/// Which planes of a frame are coded together, in the order in which they are coded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) planes: Vec<usize>,
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// How much smaller its planes are than the first: each way a shift. Then the means of the first plane's samples are known before,
    /// as a plane before the others.
    pub(crate) smaller: Option<[u32; 2]>,
    /// Whether the last plane is opacity.
    pub(crate) alpha: bool,
}

/// The groups of a frame: green, red and blue, or brightness and colour; colours of another size apart; opacity last.
pub(crate) fn groups(format: &VideoFormat) -> Vec<Group> {
    let (width, height) = format.plane(0);
    let mut first = match (format.chroma, format.colour) {
        (Chroma::C444, Colour::Rgb) => vec![1, 0, 2],
        (Chroma::C444, _) => vec![0, 1, 2],
        _ => vec![0],
    };
    if format.alpha {
        first.push(format.planes() - 1);
    }
    let mut groups = vec![Group {
        planes: first,
        width,
        height,
        smaller: None,
        alpha: format.alpha,
    }];
    if matches!(format.chroma, Chroma::C420 | Chroma::C422) {
        let (width, height) = format.plane(1);
        groups.push(Group {
            planes: vec![1, 2],
            width,
            height,
            smaller: Some([1, u32::from(format.chroma == Chroma::C420)]),
            alpha: false,
        });
    }
    groups
}

/// Where each plane of a frame begins.
pub(crate) fn starts(format: &VideoFormat) -> Vec<usize> {
    let mut at = 0;
    (0..format.planes())
        .map(|i| {
            let (w, h) = format.plane(i);
            let start = at;
            at += w * h;
            start
        })
        .collect()
}

/// Rows of a strip of a picture, with the rows of all planes of its group pixel by pixel.
///
/// Samples before the first row and beside a row are those nearest to them, so that all neighbours exist.
pub(crate) struct Strip {
    pub(crate) width: usize,
    pub(crate) planes: usize,
    /// `[row][column][plane]`, with [`PAD`] columns on either side.
    samples: Vec<u16>,
}

/// Columns beside a row that stand for what lies outside.
pub(crate) const PAD: usize = 4;
/// Rows above the first.
const ABOVE: usize = 2;

impl Strip {
    /// Samples that nobody has told yet are `middle`.
    pub(crate) fn new(width: usize, height: usize, planes: usize, middle: u16) -> Self {
        Self {
            width,
            planes,
            samples: vec![middle; (width + 2 * PAD) * (height + ABOVE) * planes],
        }
    }

    /// Samples from one row to the next.
    pub(crate) fn stride(&self) -> usize {
        (self.width + 2 * PAD) * self.planes
    }

    /// Where the pixel at `x`, `y` is.
    pub(crate) fn at(&self, x: usize, y: usize) -> usize {
        ((y + ABOVE) * (self.width + 2 * PAD) + x + PAD) * self.planes
    }

    pub(crate) fn samples(&self) -> &[u16] {
        &self.samples
    }

    pub(crate) fn put(&mut self, at: usize, value: u16) {
        self.samples[at] = value;
    }

    /// Before a row is coded: what lies above and beside it is known.
    pub(crate) fn begin_row(&mut self, y: usize) {
        let (stride, planes) = (self.stride(), self.planes);
        let row = self.at(0, y) - PAD * planes;
        if y == 0 {
            return;
        }
        // The row above is whole: what lies right of it, and left of this one, are its ends.
        let above = row - stride;
        let last = above + (PAD + self.width - 1) * planes;
        for p in 0..planes {
            let end = self.samples[last + p];
            let start = self.samples[above + PAD * planes + p];
            for i in 0..PAD {
                self.samples[last + (i + 1) * planes + p] = end;
                self.samples[above + i * planes + p] = start;
                self.samples[row + i * planes + p] = start;
            }
        }
        if y == 1 {
            // What lies above the first row is that row.
            for k in 1..=ABOVE {
                self.samples
                    .copy_within(above..above + stride, above - k * stride);
            }
        }
    }

    /// Before a pixel of the first row is coded: what lies above it is what lies left of it.
    pub(crate) fn begin_pixel(&mut self, x: usize, y: usize) {
        if y > 0 {
            return;
        }
        let (stride, planes) = (self.stride(), self.planes);
        let at = self.at(x, 0);
        for p in 0..planes {
            let left = self.samples[at - planes + p];
            for k in 1..=ABOVE {
                for ahead in 0..3 {
                    self.samples[at - k * stride + ahead * planes + p] = left;
                }
            }
        }
    }
}
