//! Samples as bytes: every form that uncompressed files have them in, and the two logarithmic ones of telephony.

use nc_core::SampleDepth;

/// How a sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Unsigned, 8 bits.
    Unsigned,
    /// Two's complement of 1 to 4 bytes; the highest bits are the sample's, lower ones are 0 where it has fewer.
    Signed(u8),
    /// 24 bits in the low bytes of 32.
    Low24,
    /// IEEE 754, 32 bits.
    Float,
    /// IEEE 754, 64 bits.
    Double,
    /// Mu-law of ITU-T G.711.
    MuLaw,
    /// A-law of ITU-T G.711.
    ALaw,
}

/// A sample's form in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleForm {
    /// How it is written.
    pub coding: Coding,
    /// Whether the highest byte comes first.
    pub big_endian: bool,
}

impl SampleForm {
    /// Little-endian, as in WAV.
    pub const fn little(coding: Coding) -> Self {
        let big_endian = false;
        Self { coding, big_endian }
    }

    /// Big-endian, as in AIFF and AU.
    pub const fn big(coding: Coding) -> Self {
        let big_endian = true;
        Self { coding, big_endian }
    }

    /// Bytes of a sample.
    pub const fn width(self) -> usize {
        match self.coding {
            Coding::Unsigned | Coding::MuLaw | Coding::ALaw => 1,
            Coding::Signed(bytes) => bytes as usize,
            Coding::Low24 | Coding::Float => 4,
            Coding::Double => 8,
        }
    }

    /// The depth that holds it.
    pub const fn depth(self) -> SampleDepth {
        match self.coding {
            Coding::Unsigned | Coding::Signed(0 | 1) => SampleDepth::U8,
            Coding::Signed(2) | Coding::MuLaw | Coding::ALaw => SampleDepth::I16,
            Coding::Signed(3) | Coding::Low24 => SampleDepth::I24,
            Coding::Signed(_) => SampleDepth::I32,
            Coding::Float | Coding::Double => SampleDepth::F32,
        }
    }

    /// Whole samples of `bytes` to the nominal range -1..=1, appended to `out`; integers are divided by the power of two of
    /// their range.
    pub fn read(self, bytes: &[u8], out: &mut Vec<f32>) {
        match self.coding {
            Coding::Unsigned => out.extend(bytes.iter().map(|&b| (f32::from(b) - 128.0) / 128.0)),
            Coding::MuLaw => out.extend(bytes.iter().map(|&b| f32::from(mu_law(b)) / 32_768.0)),
            Coding::ALaw => out.extend(bytes.iter().map(|&b| f32::from(a_law(b)) / 32_768.0)),
            Coding::Signed(0 | 1) => {
                out.extend(bytes.iter().map(|&b| f32::from(b.cast_signed()) / 128.0));
            }
            Coding::Signed(2) => {
                self.each(bytes, out, |b| f32::from(i16::from_le_bytes(b)) / 32_768.0)
            }
            // Shifted up so that the sign bit is where an i32 has it.
            Coding::Signed(3) => self.each(bytes, out, |[a, b, c]| {
                (i32::from_le_bytes([0, a, b, c]) >> 8) as f32 / 8_388_608.0
            }),
            Coding::Signed(_) => self.each(bytes, out, |b| {
                i32::from_le_bytes(b) as f32 / 2_147_483_648.0
            }),
            Coding::Low24 => self.each(bytes, out, |[a, b, c, _]| {
                (i32::from_le_bytes([0, a, b, c]) >> 8) as f32 / 8_388_608.0
            }),
            Coding::Float => self.each(bytes, out, f32::from_le_bytes),
            Coding::Double => self.each(bytes, out, |b| f64::from_le_bytes(b) as f32),
        }
    }

    fn each<const N: usize>(self, bytes: &[u8], out: &mut Vec<f32>, f: impl Fn([u8; N]) -> f32) {
        let (samples, _) = bytes.as_chunks::<N>();
        let little = |mut b: [u8; N]| {
            if self.big_endian {
                b.reverse();
            }
            b
        };
        out.extend(samples.iter().map(|b| f(little(*b))));
    }
}

/// Whether 24 bits in 4 bytes stand in the low three: programs differ, and files do not say. What stands in the upper three has
/// a lowest byte of 0; what stands in the lower has the sign in the highest.
pub fn is_low24(bytes: &[u8]) -> bool {
    let (samples, _) = bytes.as_chunks::<4>();
    let upper = samples.iter().all(|[a, ..]| *a == 0);
    let sign = |c: u8| if c & 0x80 == 0 { 0 } else { 0xFF };
    !upper && samples.iter().all(|[_, _, c, d]| *d == sign(*c))
}

/// A sample of 14 bits, in the high bits of 16 (ITU-T G.711, table 2).
const fn mu_law(byte: u8) -> i16 {
    let code = !byte;
    let (step, exponent) = ((code & 15) as i16, code >> 4 & 7);
    let magnitude = (((step << 3) + 0x84) << exponent) - 0x84;
    if code & 0x80 == 0 {
        magnitude
    } else {
        -magnitude
    }
}

/// A sample of 13 bits, in the high bits of 16 (ITU-T G.711, table 1).
const fn a_law(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let (step, exponent) = ((code & 15) as i16, code >> 4 & 7);
    let magnitude = match exponent {
        0 => (step << 4) + 8,
        _ => ((step << 4) + 0x108) << (exponent - 1),
    };
    if code & 0x80 == 0 {
        -magnitude
    } else {
        magnitude
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn read(form: SampleForm, bytes: &[u8]) -> Vec<f32> {
        let mut out = Vec::new();
        form.read(bytes, &mut out);
        out
    }

    #[test]
    fn forms_by_hand() {
        use Coding::*;
        let (half, least) = (0.5, -1.0);
        for (form, bytes, want) in [
            (
                SampleForm::little(Unsigned),
                vec![0xC0, 0],
                vec![half, least],
            ),
            (
                SampleForm::little(Signed(1)),
                vec![0x40, 0x80],
                vec![half, least],
            ),
            (
                SampleForm::little(Signed(2)),
                vec![0, 0x40, 0, 0x80],
                vec![half, least],
            ),
            (
                SampleForm::big(Signed(2)),
                vec![0x40, 0, 0x80, 0],
                vec![half, least],
            ),
            (
                SampleForm::little(Signed(3)),
                vec![0, 0, 0x40, 0, 0, 0x80],
                vec![half, least],
            ),
            (
                SampleForm::big(Signed(3)),
                vec![0x40, 0, 0, 0x80, 0, 0],
                vec![half, least],
            ),
            (
                SampleForm::big(Signed(4)),
                vec![0x40, 0, 0, 0, 0x80, 0, 0, 0],
                vec![half, least],
            ),
            (
                SampleForm::little(Low24),
                vec![0, 0, 0x40, 0, 0, 0, 0x80, 0xFF],
                vec![half, least],
            ),
            (
                SampleForm::big(Float),
                0.5f32.to_be_bytes().to_vec(),
                vec![half],
            ),
            (
                SampleForm::little(Double),
                0.5f64.to_le_bytes().to_vec(),
                vec![half],
            ),
        ] {
            assert_eq!(read(form, &bytes), want, "{form:?}");
            assert_eq!(bytes.len() / form.width(), want.len());
        }
    }

    #[test]
    fn telephone_by_the_tables_of_g711() {
        for (byte, mu, a) in [
            (0xFFu8, 0i16, 848i16),
            (0x7F, 0, -848),
            (0x80, 32_124, 5_504),
            (0x00, -32_124, -5_504),
            (0xD5, 716, 8),
            (0x2A, -5_372, -32_256),
        ] {
            assert_eq!((mu_law(byte), a_law(byte)), (mu, a), "{byte:#x}");
        }
        let falling = (0x80..=0xFFu8).map(mu_law).collect::<Vec<_>>();
        assert!(falling.windows(2).all(|w| w[0] > w[1]));
    }

    #[test]
    fn where_24_bits_stand_in_32() {
        let low: Vec<u8> = [1_000i32, -1_000, 77]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let high: Vec<u8> = [1_000i32, -1_000, 77]
            .iter()
            .flat_map(|v| (v << 8).to_le_bytes())
            .collect();
        assert!(is_low24(&low) && !is_low24(&high) && !is_low24(&[0; 16]));
    }
}
