//! Pictures that repeat themselves: is a pixel one that was seen before in the same surroundings, or one beside it?

use nc_core::Result;
use nc_core::entropy::mixing::{Bits, Model, Rate};

use crate::group::{MOST, PAD, Strip};

/// A pixel; planes that there are not are 0.
type Pixel = [u16; MOST];

/// What a pixel may be a repeat of, in the order of asking: the pixel at its place in the frame before, those that followed the
/// same surroundings last (of eleven and of six neighbours), and the neighbours left, above, right above and left above.
const CANDIDATES: usize = 7;
/// No candidate was right.
const NONE: usize = CANDIDATES;
/// Logarithm of the surroundings that are remembered.
const REMEMBERED: u32 = 17;

/// What followed some surroundings.
#[derive(Clone, Copy, Default)]
struct Memory {
    pixel: Pixel,
    /// How often it was right in a row; 0 where nothing followed yet.
    right: u8,
}

impl Memory {
    fn learn(&mut self, pixel: Pixel) {
        if self.right > 0 && self.pixel == pixel {
            self.right = (self.right + 1).min(15);
        } else {
            *self = Self { pixel, right: 1 };
        }
    }
}

pub(crate) struct Repeats {
    model: Model,
    large: Vec<Memory>,
    small: Vec<Memory>,
    /// Where these have the surroundings of the pixel that was asked for last.
    asked: [usize; 2],
    /// Which candidates were right, in this row and the one above.
    rows: [Vec<u8>; 2],
    /// The frame before.
    before: Option<Strip>,
}

const WIDE: usize = 16;

impl Repeats {
    pub(crate) fn new(width: usize) -> Result<Self> {
        let row = || vec![NONE as u8; width + 2 * PAD];
        Ok(Self {
            model: Model::new(
                &[
                    CANDIDATES * 64 * 8,
                    CANDIDATES * 256,
                    CANDIDATES * 512,
                    1 << WIDE,
                    1 << WIDE,
                ],
                0,
                &[CANDIDATES * 16, CANDIDATES * 64],
                250,
                Rate::MEDIUM,
            )?,
            large: vec![Memory::default(); 1 << REMEMBERED],
            small: vec![Memory::default(); 1 << REMEMBERED],
            asked: [0; 2],
            rows: [row(), row()],
            before: None,
        })
    }

    /// Bytes that this takes.
    pub(crate) const fn memory() -> u64 {
        (2 << REMEMBERED) * size_of::<Memory>() as u64 + (3 << WIDE) * 6
    }

    pub(crate) fn end_row(&mut self) {
        self.rows.swap(0, 1);
        self.rows[0].fill(NONE as u8);
    }

    /// After a frame.
    pub(crate) fn end_frame(&mut self, strip: Strip) {
        self.rows.iter_mut().for_each(|r| r.fill(NONE as u8));
        self.before = Some(strip);
    }

    /// Codes whether the pixel at `x`, `y` is a repeat, and of what; it is in the strip then.
    pub(crate) fn code<B: Bits>(
        &mut self,
        io: &mut B,
        strip: &mut Strip,
        x: usize,
        y: usize,
    ) -> Result<bool> {
        let at = strip.at(x, y);
        let (planes, stride) = (strip.planes, strip.stride());
        let wanted = pixel(strip, at);
        let near = |back: usize| pixel(strip, at - back);
        let (w, n) = (near(planes), near(stride));
        let (nw, ne) = (near(stride + planes), near(stride - planes));
        let (ww, nn) = (near(2 * planes), near(2 * stride));
        let few = [w, n, nw, ne, ww, nn];
        let more = [
            near(stride - 2 * planes),
            near(stride + 2 * planes),
            near(2 * stride - planes),
            near(2 * stride + planes),
            near(3 * planes),
        ];
        let small = hash(1, &few);
        let large = hash(small, &more);
        let index = |h: u32| (h >> (32 - REMEMBERED)) as usize;
        self.asked = [index(large), index(small)];
        let (in_large, in_small) = (self.large[index(large)], self.small[index(small)]);
        let earlier = self.before.as_ref().map(|b| pixel(b, at));
        let candidates: [Option<Pixel>; CANDIDATES] = [
            earlier,
            (in_large.right > 0).then_some(in_large.pixel),
            (in_small.right > 0).then_some(in_small.pixel),
            Some(w),
            Some(n),
            Some(ne),
            Some(nw),
        ];
        let equal = usize::from(w == n)
            | usize::from(w == nw) << 1
            | usize::from(n == ne) << 2
            | usize::from(n == nw) << 3
            | usize::from(w == ww) << 4
            | usize::from(n == nn) << 5;
        let place = x & 1 | (y & 1) << 1;
        let still = usize::from(earlier.is_some_and(|e| e == w));
        let row = &self.rows[0];
        let was = |row: &[u8], i: usize| usize::from(row[i]);
        let history = was(row, x + PAD - 1)
            | was(&self.rows[1], x + PAD) << 3
            | was(&self.rows[1], x + PAD + 1) << 6;
        let right = usize::from(in_large.right) << 4 | usize::from(in_small.right);
        let two = hash(2, &[w, n]);
        let four = hash(3, &[w, n, nw, ne]);
        let wide = |h: u32, c: usize| {
            let h = (h ^ c as u32).wrapping_mul(0x9e37_79b1);
            (h ^ h >> 15) as usize & ((1 << WIDE) - 1)
        };
        let mut found = NONE;
        for (c, candidate) in candidates.iter().enumerate() {
            let Some(candidate) = candidate else {
                continue;
            };
            // What was refused once is refused.
            if candidates[..c].contains(&Some(*candidate)) {
                continue;
            }
            let contexts = [
                ((c * 64 + equal) * 2 + still) * 4 + place,
                c * 256 + right,
                c * 512 + history,
                wide(two, c),
                wide(four, c),
            ];
            let sets = [
                c * 16 + usize::from(in_large.right),
                c * 64 + (history & 63),
            ];
            if self
                .model
                .code(io, wanted == *candidate, &contexts, &[], &sets)?
            {
                for (p, value) in candidate.iter().enumerate().take(planes) {
                    strip.put(at + p, *value);
                }
                found = c;
                break;
            }
        }
        self.rows[0][x + PAD] = found as u8;
        Ok(found != NONE)
    }

    /// Learns the pixel that was asked for last, which is known by now.
    pub(crate) fn learn(&mut self, strip: &Strip, x: usize, y: usize) {
        let it = pixel(strip, strip.at(x, y));
        let [large, small] = self.asked;
        self.large[large].learn(it);
        self.small[small].learn(it);
    }
}

/// The pixel at a place of a strip.
fn pixel(strip: &Strip, at: usize) -> Pixel {
    let mut p = [0; MOST];
    p[..strip.planes].copy_from_slice(&strip.samples()[at..at + strip.planes]);
    p
}

fn hash(seed: u32, pixels: &[Pixel]) -> u32 {
    let mut h = seed.wrapping_mul(0x85eb_ca6b);
    for p in pixels {
        for pair in [(p[0], p[1]), (p[2], p[3])] {
            let both = u32::from(pair.0) | u32::from(pair.1) << 16;
            h = (h ^ both).wrapping_mul(0x9e37_79b1);
            h ^= h >> 15;
        }
    }
    h.wrapping_mul(0x2c1b_3c6d)
}
