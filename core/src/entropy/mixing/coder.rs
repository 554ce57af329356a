//! A binary arithmetic coder without carries, after lpaq: an interval of 32-bit numbers that narrows with each decision
//! and gives off the bytes on which its ends agree.

/// Where decisions go or come from.
pub trait Bits {
    /// Codes `bit`, whose probability of being 1 is `p` of 65536 (0 counts as 1, from 65536 on as 65535); gives the bit, the decoder's own where it
    /// is one.
    fn bit(&mut self, bit: bool, p: u32) -> bool;
}

/// The last number of the interval's lower part, which is that of a 1. Below `high`, for `low < high`.
#[inline(always)]
fn split(low: u32, high: u32, p: u32) -> u32 {
    let width = u64::from(high - low);
    low + ((width * u64::from(p.clamp(1, 65535))) >> 16) as u32
}

/// Writes decisions.
#[derive(Debug, Clone)]
pub struct Encoder {
    low: u32,
    high: u32,
    out: Vec<u8>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An empty coder.
    #[must_use]
    pub fn new() -> Self {
        Self {
            low: 0,
            high: u32::MAX,
            out: Vec::new(),
        }
    }

    /// Bytes given off so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether no byte was given off yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The bytes: at the end as few as tell the last decision, since the decoder reads zeros behind them.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        if self.low > 0 {
            // The ends differ in their first byte, so this is not above `high`.
            self.out.push((self.low >> 24) as u8 + 1);
        }
        while self.out.last() == Some(&0) {
            self.out.pop();
        }
        self.out
    }
}

impl Bits for Encoder {
    #[inline]
    fn bit(&mut self, bit: bool, p: u32) -> bool {
        let mid = split(self.low, self.high, p);
        if bit {
            self.high = mid;
        } else {
            self.low = mid + 1;
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.out.push((self.high >> 24) as u8);
            self.low <<= 8;
            self.high = self.high << 8 | 255;
        }
        bit
    }
}

/// Reads decisions: of bytes that no encoder wrote, some.
#[derive(Debug, Clone)]
pub struct Decoder<'a> {
    low: u32,
    high: u32,
    at: u32,
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Decoder<'a> {
    /// A coder over the bytes of [`Encoder::finish`].
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut new = Self {
            low: 0,
            high: u32::MAX,
            at: 0,
            bytes: bytes.iter(),
        };
        for _ in 0..4 {
            new.next();
        }
        new
    }

    #[inline(always)]
    fn next(&mut self) {
        // Zeros behind the end are part of the format.
        let byte = self.bytes.next().copied().unwrap_or(0);
        self.at = self.at << 8 | u32::from(byte);
    }
}

impl Bits for Decoder<'_> {
    #[inline]
    fn bit(&mut self, _: bool, p: u32) -> bool {
        let mid = split(self.low, self.high, p);
        let bit = self.at <= mid;
        if bit {
            self.high = mid;
        } else {
            self.low = mid + 1;
        }
        while (self.low ^ self.high) >> 24 == 0 {
            self.low <<= 8;
            self.high = self.high << 8 | 255;
            self.next();
        }
        bit
    }
}

/// Adds up what decisions would cost.
#[derive(Debug, Clone, Default)]
pub struct Cost {
    /// Bits so far. Floating point: for choices of an encoder, of which its file tells.
    pub bits: f64,
}

impl Bits for Cost {
    fn bit(&mut self, bit: bool, p: u32) -> bool {
        let p = p.clamp(1, 65535);
        let p = if bit { p } else { 65536 - p };
        self.bits -= (f64::from(p) / 65536.0).log2();
        bit
    }
}
