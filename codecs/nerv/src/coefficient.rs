//! How latents are coded: blocks that are empty are skipped, others have the place of their last coefficient and then
//! all before it, from the last to the first, each with the magnitudes around it as context.

use nc::{Error, Result};

use crate::coder::{Bits, Golomb, Model};
use crate::intra::MODES;
use crate::transform::{BIG, Latents, Transform};

/// Largest magnitude.
pub const PEAK: i32 = 1 << 14;
/// Classes of frames: intra, predicted, and three depths of frames predicted from both sides.
pub const CLASSES: usize = 5;
/// Kinds of blocks: luma 8, luma 16, chroma; each intra or inter.
pub const KINDS: usize = 6;
/// Bins of the magnitude around.
pub const NEAR: usize = 8;
/// Bins of the frequency.
pub const BANDS: usize = 9;

/// Kind of a block.
pub fn kind(plane: usize, n: usize, class: usize) -> usize {
    let k = if plane > 0 { 2 } else { usize::from(n == BIG) };
    k * 2 + usize::from(class > 0)
}

/// Band of a coefficient.
pub fn band(n: usize, y: usize, x: usize) -> usize {
    match if n == BIG { (x + y).div_ceil(2) } else { x + y } {
        0 if x + y == 0 => 0,
        d @ 0..=4 => d.max(1),
        5..=6 => 5,
        7..=8 => 6,
        9..=10 => 7,
        _ => 8,
    }
}

/// Bin of a magnitude sum.
pub fn near(m: i32) -> usize {
    match m {
        0..=4 => m as usize,
        5..=6 => 5,
        7..=9 => 6,
        _ => 7,
    }
}

/// Magnitudes right of and below (y, x), capped, weighted for what lies next to it.
#[inline]
pub fn around(n: usize, q: &[i16], y: usize, x: usize) -> i32 {
    let m = |y: usize, x: usize| {
        if y < n && x < n {
            i32::from(q[y * n + x]).abs().min(4)
        } else {
            0
        }
    };
    m(y, x + 1) + m(y + 1, x) + m(y + 1, x + 1) + m(y, x + 2) + m(y + 2, x)
}

/// What is known of the blocks next to a block.
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside {
    /// Whether left and upper block have coefficients.
    pub full: [bool; 2],
    /// A hint of the frame's motion: 0 none, to 3.
    pub hint: usize,
    /// Whether luma at this place has coefficients (for chroma), or the plane before.
    pub luma: usize,
}

/// Codes latents, learning as it goes.
#[derive(Debug, Clone)]
pub struct LatentCoder {
    big: Model,
    empty: Model,
    last: Golomb,
    zero: Model,
    one: Model,
    two: Model,
    rest: Golomb,
    sign: Model,
    mode: Model,
    transform: Transform,
}

impl Default for LatentCoder {
    fn default() -> Self {
        Self {
            big: Model::new(&[CLASSES * 9, 9, CLASSES * 4], 1, 255),
            empty: Model::new(
                &[
                    KINDS * 16,
                    KINDS * CLASSES * 4,
                    KINDS * 4 * 4,
                    KINDS * 16 * 3,
                ],
                KINDS,
                400,
            ),
            last: Golomb::new(KINDS * 3),
            zero: Model::new(
                &[
                    KINDS * 64 * 3,
                    KINDS * BANDS * NEAR * 2,
                    KINDS * 64 * 4,
                    KINDS * BANDS * 8,
                    CLASSES * BANDS * NEAR,
                ],
                KINDS * 3,
                600,
            ),
            one: Model::new(
                &[KINDS * NEAR * 3, KINDS * BANDS * 3, CLASSES * NEAR],
                KINDS,
                400,
            ),
            two: Model::new(&[KINDS * NEAR, KINDS * BANDS], KINDS, 400),
            rest: Golomb::new(KINDS),
            sign: Model::new(&[KINDS * 9, KINDS], 1, 1000),
            mode: Model::new(&[3 * 16 * 16, 3 * 16 * 16, 3 * 16, 16 * 16 * 16], 3, 400),
            transform: Transform::default(),
        }
    }
}

impl LatentCoder {
    /// Codes a frame's latents; a decoder's are filled. `hints` gives a number from 0 to 3 for each luma square of 8.
    ///
    /// # Errors
    /// [`Error::Format`] for numbers that no encoder writes.
    pub fn code<B: Bits>(
        &mut self,
        io: &mut B,
        class: usize,
        latents: &mut Latents,
        hints: &dyn Fn(usize, usize, usize) -> usize,
    ) -> Result<()> {
        let mut luma: Vec<u8> = Vec::new();
        let mut luma_w = 0;
        for plane in 0..latents.planes.len() {
            let p = &mut latents.planes[plane];
            let (fw, fh) = (p.w * p.side / 8, p.h * p.side / 8);
            // Which small squares have coefficients, and the DC of each.
            let mut full = vec![0u8; fw * fh];
            let mut dc = vec![0i16; fw * fh];
            for square in 0..p.w * p.h {
                let (sx, sy) = (square % p.w, square / p.w);
                if p.side == BIG {
                    let left = sx > 0 && p.big[square - 1];
                    let up = sy > 0 && p.big[square - p.w];
                    let both = usize::from(left) + usize::from(up);
                    let any = usize::from(sx > 0 && full[sy * 2 * fw + sx * 2 - 1] > 0)
                        + usize::from(sy > 0 && full[(sy * 2 - 1) * fw + sx * 2] > 0);
                    let hint = hints(0, sx * 2, sy * 2);
                    p.big[square] = self.big.code(
                        io,
                        p.big[square],
                        &[class * 9 + both * 3 + any, both * 3 + any, class * 4 + hint],
                        0,
                    )?;
                }
                for (n, [bx, by], at) in p.blocks(square) {
                    let (x, y) = (sx * p.side / 8 + bx / 8, sy * p.side / 8 + by / 8);
                    let beside = Beside {
                        full: [
                            x > 0 && full[y * fw + x - 1] > 0,
                            y > 0 && full[(y - 1) * fw + x] > 0,
                        ],
                        hint: hints(plane, x, y),
                        luma: if plane == 0 {
                            usize::from(x > 0 && y > 0 && full[(y - 1) * fw + x - 1] > 0)
                                + usize::from(
                                    y > 0 && x + n / 8 < fw && full[(y - 1) * fw + x + n / 8] > 0,
                                )
                        } else if plane == 1 {
                            let (lx, ly) = (x * luma_w / fw, y * luma_w / fw);
                            let l = |x: usize, y: usize| {
                                luma.get(y * luma_w + x)
                                    .is_some_and(|v| *v > 0 && x < luma_w)
                            };
                            usize::from(l(lx, ly))
                                + usize::from(l(lx + 1, ly) || l(lx, ly + 1) || l(lx + 1, ly + 1))
                        } else {
                            usize::from(luma.get(y * fw + x).is_some_and(|v| *v > 0)) * 2
                        },
                    };
                    let signs = [
                        if x > 0 { dc[y * fw + x - 1] } else { 0 },
                        if y > 0 { dc[(y - 1) * fw + x] } else { 0 },
                    ];
                    let left = if x > 0 { full[y * fw + x - 1] } else { 0 };
                    let up = if y > 0 { full[(y - 1) * fw + x] } else { 0 };
                    let size = (left + up).min(3);
                    if class == 0 {
                        let cell = y * fw + x;
                        let near = |there: bool, back: usize| {
                            if there {
                                usize::from(p.modes[cell - back])
                            } else {
                                15
                            }
                        };
                        let (a, b) = (near(x > 0, 1), near(y > 0, fw));
                        let kind = if plane > 0 { 2 } else { usize::from(n == BIG) };
                        let mode = self.mode(io, p.modes[cell], kind, a, b)?;
                        for k in 0..n / 8 {
                            p.modes[cell + k * fw..][..n / 8].fill(mode);
                        }
                    }
                    let k = kind(plane, n, class);
                    let count = self.block(
                        io,
                        class,
                        k,
                        n,
                        &mut p.q[at..at + n * n],
                        &beside,
                        signs,
                        size.into(),
                    )?;
                    for dy in 0..n / 8 {
                        for dx in 0..n / 8 {
                            full[(y + dy) * fw + x + dx] = count;
                            dc[(y + dy) * fw + x + dx] = p.q[at];
                        }
                    }
                }
            }
            // V learns from U; U from luma.
            luma = full;
            luma_w = fw;
        }
        Ok(())
    }

    /// How a block is predicted, four decisions of a tree.
    fn mode<B: Bits>(
        &mut self,
        io: &mut B,
        mode: u8,
        kind: usize,
        left: usize,
        above: usize,
    ) -> Result<u8> {
        let mut node = 1usize;
        for i in (0..4).rev() {
            let contexts = [
                (kind * 16 + left) * 16 + node,
                (kind * 16 + above) * 16 + node,
                kind * 16 + node,
                (left * 16 + above) * 16 + node,
            ];
            let bit = self.mode.code(io, mode >> i & 1 == 1, &contexts, kind)?;
            node = node << 1 | usize::from(bit);
        }
        match node - 16 {
            m if m < MODES => Ok(m as u8),
            _ => Err(Error::Format("nerv: an intra mode out of range".into())),
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn block<B: Bits>(
        &mut self,
        io: &mut B,
        class: usize,
        k: usize,
        n: usize,
        q: &mut [i16],
        b: &Beside,
        dc: [i16; 2],
        size: usize,
    ) -> Result<u8> {
        let scan = std::mem::take(&mut self.transform.scan[usize::from(n == BIG)]);
        let r = self.coefficients(io, class, k, n, &scan, q, b, dc, size);
        self.transform.scan[usize::from(n == BIG)] = scan;
        r
    }

    #[allow(clippy::too_many_arguments)]
    fn coefficients<B: Bits>(
        &mut self,
        io: &mut B,
        class: usize,
        k: usize,
        n: usize,
        scan: &[u16],
        q: &mut [i16],
        b: &Beside,
        dc: [i16; 2],
        size: usize,
    ) -> Result<u8> {
        let end = scan.iter().rposition(|at| q[usize::from(*at)] != 0);
        let near2 = usize::from(b.full[0]) + 2 * usize::from(b.full[1]);
        let contexts = [
            k * 16 + near2 * 4 + b.hint.min(3),
            (k * CLASSES + class) * 4 + size,
            (k * 4 + near2) * 4 + b.luma.min(3),
            (k * 16 + size * 4 + b.hint.min(3)) * 3 + b.luma.min(2),
        ];
        if !self.empty.code(io, end.is_some(), &contexts, k)? {
            q.fill(0);
            return Ok(0);
        }
        let last = self
            .last
            .code(io, end.unwrap_or(0) as u32, k * 3 + size.min(2))? as usize;
        if last >= n * n {
            return Err(Error::Format("a coefficient out of its block".into()));
        }
        let mut source = [0i16; 256];
        source[..n * n].copy_from_slice(q);
        q.fill(0);
        let mut count = 0u32;
        for i in (0..=last).rev() {
            let at = usize::from(scan[i]);
            let (y, x) = (at / n, at % n);
            let m = around(n, q, y, x);
            let (nb, bd) = (near(m), band(n, y, x));
            let want = source[at];
            let place = if n == BIG { i / 4 } else { i };
            if i < last {
                let left = last - i;
                let far = match left {
                    0..=2 => 0,
                    3..=8 => 1,
                    _ => 2,
                };
                let contexts = [
                    (k * 64 + place) * 3 + nb.min(2),
                    ((k * BANDS + bd) * NEAR + nb) * 2 + usize::from(size > 1),
                    (k * 64 + place) * 4 + size,
                    (k * BANDS + bd) * 8 + (count.min(7) as usize),
                    (class * BANDS + bd) * NEAR + nb,
                ];
                if !self.zero.code(io, want != 0, &contexts, k * 3 + far)? {
                    continue;
                }
            }
            count += 1;
            let g = usize::from(i == last);
            let mut v = 1;
            if self.one.code(
                io,
                want.unsigned_abs() > 1,
                &[
                    (k * NEAR + nb) * 3 + g + usize::from(i == 0),
                    (k * BANDS + bd) * 3 + size.min(2),
                    class * NEAR + nb,
                ],
                k,
            )? {
                v = 2;
                if self.two.code(
                    io,
                    want.unsigned_abs() > 2,
                    &[k * NEAR + nb, k * BANDS + bd],
                    k,
                )? {
                    v = 3 + self.rest.code(
                        io,
                        u32::from(want.unsigned_abs().saturating_sub(3)),
                        k,
                    )? as i32;
                    if v > PEAK {
                        return Err(Error::Format("a coefficient out of range".into()));
                    }
                }
            }
            let context = if i == 0 {
                (i32::from(dc[0].signum()) * 3 + i32::from(dc[1].signum()) + 4) as usize
            } else {
                4
            };
            let negative = self.sign.code(io, want < 0, &[k * 9 + context, k], 0)?;
            q[at] = if negative { -v } else { v } as i16;
        }
        Ok(count.min(2) as u8)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::coder::Cost;
    use crate::geometry::Geometry;
    use nc::entropy::{RangeDecoder, RangeEncoder};
    use nc::rng::Rng;
    use proptest::prelude::*;

    fn hints(plane: usize, x: usize, y: usize) -> usize {
        (plane + x * 3 + y * 5) % 4
    }

    /// Latents of which one in `rare` is not zero, of up to `most` bits.
    fn latents(g: &Geometry, rng: &mut Rng, rare: usize, most: usize) -> Latents {
        let mut l = Latents::new(g);
        for p in &mut l.planes {
            let big = p.side == BIG;
            p.big.iter_mut().for_each(|b| *b = big && rng.below(3) > 0);
            for q in &mut p.q {
                if rng.below(rare) == 0 {
                    let size = 1 << rng.below(most + 1);
                    let v = (rng.below(size) as i32 + 1).min(PEAK);
                    *q = if rng.below(2) == 0 { v } else { -v } as i16;
                }
            }
        }
        l
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn latents_come_back(
            w in 1usize..60,
            h in 1usize..40,
            sub in prop::sample::select(vec![None, Some([2, 2]), Some([2, 1]), Some([1, 1])]),
            rare in 1usize..60,
            most in 0usize..15,
            seed in any::<u64>(),
        ) {
            let g = Geometry::new(w, h, sub, 8);
            let mut rng = Rng::new(seed);
            let frames: Vec<Latents> = (0..4).map(|_| latents(&g, &mut rng, rare, most)).collect();
            let (mut io, mut coder) = (RangeEncoder::new(), LatentCoder::default());
            let mut cost = Cost::default();
            let mut counter = LatentCoder::default();
            for (class, l) in frames.iter().enumerate() {
                let mut same = l.clone();
                coder.code(&mut io, class, &mut same, &hints).unwrap();
                prop_assert_eq!(&same, l);
                counter.code(&mut cost, class, &mut same, &hints).unwrap();
            }
            let bytes = io.finish();
            prop_assert!((bytes.len() as f64 * 8.0 - cost.bits).abs() < cost.bits * 0.001 + 80.0);
            let mut io = RangeDecoder::new(&bytes).unwrap();
            let mut coder = LatentCoder::default();
            // What was there before does not matter.
            let mut back = latents(&g, &mut rng, 2, 9);
            for (class, l) in frames.iter().enumerate() {
                coder.code(&mut io, class, &mut back, &hints).unwrap();
                prop_assert_eq!(&back, l);
            }
        }
    }

    #[test]
    fn coefficients_beyond_the_peak_are_refused() {
        let g = Geometry::new(8, 8, None, 8);
        let mut l = Latents::new(&g);
        l.planes[0].q[5] = PEAK as i16;
        let code =
            |l: &mut Latents| LatentCoder::default().code(&mut Cost::default(), 0, l, &hints);
        assert!(code(&mut l).is_ok());
        l.planes[0].q[5] = -PEAK as i16 - 1;
        assert!(matches!(code(&mut l), Err(Error::Format(_))));
    }

    #[test]
    fn noise_is_an_error_or_latents() {
        let g = Geometry::new(50, 40, Some([2, 2]), 10);
        let mut rng = Rng::new(3);
        let mut read = 0;
        for _ in 0..50 {
            let bytes: Vec<u8> = (0..400).map(|_| rng.below(256) as u8).collect();
            let mut io = RangeDecoder::new(&bytes).unwrap();
            let (mut l, mut coder) = (Latents::new(&g), LatentCoder::default());
            for class in 0..CLASSES {
                if coder.code(&mut io, class, &mut l, &hints).is_err() {
                    break;
                }
                read += 1;
                assert!(
                    l.planes
                        .iter()
                        .flat_map(|p| &p.q)
                        .all(|q| i32::from(*q).abs() <= PEAK)
                );
            }
        }
        assert!(read > 0);
    }

    #[test]
    fn an_empty_frame_is_a_few_bits() {
        let g = Geometry::new(416, 240, Some([2, 2]), 8);
        let (mut cost, mut coder) = (Cost::default(), LatentCoder::default());
        coder
            .code(&mut cost, 3, &mut Latents::new(&g), &|_, _, _| 1)
            .unwrap();
        assert!(cost.bits < 150.0, "{}", cost.bits);
    }
}
