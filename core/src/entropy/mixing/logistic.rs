//! The logistic curve and its inverse, as tables made by integer arithmetic when this is compiled.

/// Largest logarithm that [`squash`] tells apart, in 256ths: `ln(p / (1 - p))` of nearly 65535 in 65536.
pub const MOST: i32 = 2880;

/// e^(1/256), times 2^62.
const BASE: u128 = 4_629_735_647_166_717_429;

/// `65536 / (1 + e^(-x / 256))`, rounded, for x of -2880 to 2880.
static SQUASH: [u16; 2 * MOST as usize + 1] = {
    let mut table = [0; 2 * MOST as usize + 1];
    let middle = MOST as usize;
    // e^(k / 256), times 2^40: at most 2^57.
    let mut power: u128 = 1 << 40;
    let mut k = 0;
    while k <= middle {
        let whole = power + (1 << 40);
        let p = ((1u128 << 56) + whole / 2) / whole;
        table[middle - k] = p as u16;
        table[middle + k] = (65536 - p) as u16;
        power = (power * BASE + (1 << 61)) >> 62;
        k += 1;
    }
    table
};

/// For each 4096th, the least x whose probability is not below its middle.
static STRETCH: [i16; 4096] = {
    let mut table = [0; 4096];
    let mut x = 0;
    let mut i = 0;
    while i < 4096 {
        while (SQUASH[x] as usize) < 16 * i + 8 {
            x += 1;
        }
        table[i] = x as i16 - MOST as i16;
        i += 1;
    }
    table
};

/// `ln(p / (1 - p))` in 256ths of a probability in 65536ths, told apart in 4096ths: -2307 to 2307.
#[inline(always)]
#[must_use]
pub fn stretch(p: u16) -> i32 {
    i32::from(STRETCH[usize::from(p >> 4)])
}

/// The probability in 65536ths, 1 to 65535, whose logarithm is `x` 256ths; beyond [`MOST`] either way as there.
#[inline(always)]
#[must_use]
pub fn squash(x: i32) -> u32 {
    u32::from(SQUASH[(x.clamp(-MOST, MOST) + MOST) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_the_curve() {
        for x in -MOST..=MOST {
            let exact = 65536.0 / (1.0 + (-f64::from(x) / 256.0).exp());
            assert!((f64::from(squash(x)) - exact).abs() <= 0.5001, "{x}");
        }
        assert_eq!(
            [squash(i32::MIN), squash(0), squash(i32::MAX)],
            [1, 32768, 65535]
        );
        for p in (8..65536u32).step_by(16) {
            let exact = (f64::from(p) / f64::from(65536 - p)).ln() * 256.0;
            let got = f64::from(stretch(p as u16));
            // Where the curve is flat, whole 65536ths tell less apart than 256ths.
            let flat = 256.0 * 32768.0 / f64::from(p.min(65536 - p)) / 32768.0;
            assert!((got - exact).abs() <= 1.0 + flat, "{p} {got} {exact}");
        }
    }
}
