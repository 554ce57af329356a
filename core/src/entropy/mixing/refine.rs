//! Adaptive probability maps (secondary symbol estimation): a probability corrected by what came of it in a context.

use super::logistic::{MOST, squash, stretch};

/// Steps of a curve: from -2880 to 2880 by 180.
const STEPS: usize = 33;
/// 256ths of a logarithm from one step to the next.
const STEP: i32 = 180;

/// A curve for each context, of 33 points between which it is straight.
#[derive(Debug, Clone)]
pub struct Refine {
    pub(super) all: Vec<u16>,
    /// The point that the last probability was nearer to.
    at: usize,
    rate: u32,
}

impl Refine {
    /// For contexts below `contexts`; points move by 1 in `2^rate` (rate 1 to 15).
    #[must_use]
    pub fn new(contexts: usize, rate: u32) -> Self {
        let curve: [u16; STEPS] = std::array::from_fn(|i| squash(i as i32 * STEP - MOST) as u16);
        Self {
            all: curve.repeat(contexts),
            at: 0,
            rate: rate.clamp(1, 15),
        }
    }

    /// Asks for the curve of a context, which is coming.
    #[inline(always)]
    pub fn prefetch(&self, context: usize) {
        super::prefetch(&self.all, context * STEPS);
        super::prefetch(&self.all, context * STEPS + STEPS - 1);
    }

    /// The probability, 1 to 65535, that the logarithm `x` has had in `context`.
    ///
    /// # Panics
    /// For a context that there is not: the caller's has a type or a mask that bounds it.
    #[inline(always)]
    pub fn refine(&mut self, x: i32, context: usize) -> u32 {
        let x = (x.clamp(-MOST, MOST - 1) + MOST) as u32;
        let (step, part) = (x / STEP as u32, x % STEP as u32);
        let at = context * STEPS + step as usize;
        let (low, high) = (u32::from(self.all[at]), u32::from(self.all[at + 1]));
        self.at = at + usize::from(part >= STEP as u32 / 2);
        let p = (low * (STEP as u32 - part) + high * part) / STEP as u32;
        p.clamp(1, 65535)
    }

    /// As [`Self::refine`], of a probability in 65536ths.
    ///
    /// # Panics
    /// As [`Self::refine`].
    #[inline(always)]
    pub fn refine_p(&mut self, p: u32, context: usize) -> u32 {
        self.refine(stretch(p.min(65535) as u16), context)
    }

    /// Learns what came of the last probability.
    ///
    /// # Panics
    /// Where there are no contexts.
    #[inline(always)]
    pub fn update(&mut self, bit: bool) {
        let p = &mut self.all[self.at];
        let (target, rate) = (if bit { 65535i32 } else { 0 }, self.rate);
        // Rounded toward the target's side: neither end is passed.
        *p = (i32::from(*p) + ((target - i32::from(*p)) >> rate)) as u16;
    }
}
