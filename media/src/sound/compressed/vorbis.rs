//! What the codebooks of Vorbis take in memory.
//!
//! A codebook of 50 bytes unpacks to 16 MB and there may be 256 of them, which is the one place where a small file
//! makes symphonia hold much. Each starts with the same 24 bits, at any bit, and says its size behind them
//! (Vorbis I specification, section 3.2.1): whatever looks like one is counted as one.

/// The bits that a codebook starts with.
const SYNC: u128 = 0x56_4342;
/// Bytes of each value of each entry, and of each entry beside them.
const VALUE: u64 = 4;
const ENTRY: u64 = 16;
/// Most entries and values that symphonia takes, so that what only looks like a codebook counts little.
const MOST: (u64, u64) = (128 << 10, 32);

/// Bytes that the codebooks in these headers take, at most.
pub fn codebooks(headers: &[u8]) -> u64 {
    let mut all = 0u64;
    for window in headers.windows(9) {
        let bits = window
            .iter()
            .rev()
            .fold(0u128, |bits, b| bits << 8 | u128::from(*b));
        for shift in 0..8 {
            let bits = bits >> shift;
            let values = (bits >> 24 & 0xffff) as u64;
            let entries = (bits >> 40 & 0xff_ffff) as u64;
            if bits & 0xff_ffff == SYNC && entries <= MOST.0 && values <= MOST.1 {
                let each = values.saturating_mul(VALUE).saturating_add(ENTRY);
                all = all.saturating_add(entries.saturating_mul(each));
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codebooks_are_found_at_any_bit() {
        let book = |entries: u128, values: u128| SYNC | values << 24 | entries << 40;
        for shift in 0..8 {
            let mut bytes = vec![0x55; 3];
            bytes.extend((book(128 << 10, 32) << shift).to_le_bytes());
            bytes.extend((book(100, 1) << shift).to_le_bytes());
            assert_eq!(codebooks(&bytes), (128 << 10) * 144 + 100 * 20, "{shift}");
            // Too large for symphonia, which refuses it.
            let wrong = (book(1 << 20, 1) << shift).to_le_bytes();
            assert_eq!(codebooks(&wrong), 0);
        }
        assert_eq!(codebooks(b"BCV"), 0);
    }
}
