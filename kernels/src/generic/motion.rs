//! Interpolation between the samples of a picture, in integers: the same at every level whatever the compiler makes of
//! it. The loops are plain; entry points compile them for each level.

/// A block of `n` x `m` samples, at most 16 x 16, that begins at `from[at]` in rows of `stride`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub stride: usize,
    pub at: usize,
    pub n: usize,
    pub m: usize,
}

/// What follows a row of at most 16 samples or rows under a filter of at most 8 taps.
const ROWS: usize = 16 + 7;

/// `N` columns of a piece, from its column `x` on, by filters of `T` taps whose first meets the sample `T / 2 - 1` before.
/// `None` copies, in that direction.
#[inline(always)]
fn columns<const T: usize, const N: usize>(
    p: &Piece,
    x: usize,
    from: &[u16],
    taps: [Option<&[i32; T]>; 2],
    peak: i32,
    out: &mut [i32; 256],
) {
    let back = T / 2 - 1;
    let (rows, above) = match taps[1] {
        Some(_) => (p.m + T - 1, back),
        None => (p.m, 0),
    };
    let mut mid = [[0i32; N]; ROWS];
    let top = p.at + x - above * p.stride;
    for (y, mid) in mid.iter_mut().enumerate().take(rows) {
        let at = top + y * p.stride;
        match taps[0] {
            Some(taps) => {
                let mut sum = [0i32; N];
                for (t, f) in taps.iter().enumerate() {
                    let row = &from[at + t - back..][..N];
                    for (s, v) in sum.iter_mut().zip(row) {
                        *s += i32::from(*v) * f;
                    }
                }
                *mid = sum;
            }
            None => {
                for (o, v) in mid.iter_mut().zip(&from[at..][..N]) {
                    *o = i32::from(*v) << 6;
                }
            }
        }
    }
    for y in 0..p.m {
        let out = &mut out[y * p.n + x..][..N];
        match taps[1] {
            Some(taps) => {
                let mut sum = [1i32 << 11; N];
                for (t, f) in taps.iter().enumerate() {
                    for (s, v) in sum.iter_mut().zip(&mid[y + t]) {
                        *s += v * f;
                    }
                }
                for (o, s) in out.iter_mut().zip(sum) {
                    *o = (s >> 12).clamp(0, peak);
                }
            }
            None => {
                for (o, v) in out.iter_mut().zip(&mid[y]) {
                    *o = ((v + 32) >> 6).clamp(0, peak);
                }
            }
        }
    }
}

/// The piece, filtered; `out` takes its rows one after the other.
///
/// # Safety
/// CPU features of the entry point. Lengths are checked by slicing.
#[inline(always)]
pub(crate) unsafe fn interpolate<const T: usize>(
    p: &Piece,
    from: &[u16],
    taps: [Option<&[i32; T]>; 2],
    peak: i32,
    out: &mut [i32; 256],
) {
    let mut x = 0;
    while x + 16 <= p.n {
        columns::<T, 16>(p, x, from, taps, peak, out);
        x += 16;
    }
    while x + 8 <= p.n {
        columns::<T, 8>(p, x, from, taps, peak, out);
        x += 8;
    }
    while x + 4 <= p.n {
        columns::<T, 4>(p, x, from, taps, peak, out);
        x += 4;
    }
    while x < p.n {
        columns::<T, 1>(p, x, from, taps, peak, out);
        x += 1;
    }
}
