//! ADPCM of WAV files: that of the IMA and that of Microsoft ("Multimedia Data Standards Update", 1994). A block begins with
//! samples as they are and decodes alone.
#![allow(
    clippy::indexing_slicing,
    reason = "tables by a code of their size, or by an index that is held to it"
)]

use nc_core::{Error, Result};

/// Which of the two, and its blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adpcm {
    kind: Kind,
    channels: usize,
    /// Bytes of a block.
    block: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Ima,
    /// Pairs of coefficients, in 256ths.
    Microsoft(Vec<[i32; 2]>),
}

/// Steps of IMA ADPCM.
const STEPS: [i32; 89] = [
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66,
    73, 80, 88, 97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449,
    494, 544, 598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272,
    2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493,
    10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
];
/// How the step changes behind a code of this magnitude.
const TURNS: [i32; 8] = [-1, -1, -1, -1, 2, 4, 6, 8];
/// Microsoft's change of the step, in 256ths.
const ADAPTION: [i32; 16] = [
    230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230,
];
/// Bytes of a channel in front of a block: IMA, Microsoft.
const IMA_HEAD: usize = 4;
const MICROSOFT_HEAD: usize = 7;

impl Adpcm {
    /// IMA ADPCM.
    ///
    /// # Errors
    /// Format for blocks that hold nothing.
    pub fn ima(channels: u16, block: u16) -> Result<Self> {
        Self::new(Kind::Ima, channels, block, IMA_HEAD)
    }

    /// Microsoft's, with the coefficients that the file lists.
    ///
    /// # Errors
    /// Format for blocks that hold nothing.
    pub fn microsoft(channels: u16, block: u16, coefficients: Vec<[i32; 2]>) -> Result<Self> {
        Self::new(
            Kind::Microsoft(coefficients),
            channels,
            block,
            MICROSOFT_HEAD,
        )
    }

    fn new(kind: Kind, channels: u16, block: u16, head: usize) -> Result<Self> {
        let (channels, block) = (usize::from(channels), usize::from(block));
        if channels == 0 || block < channels * head {
            return Err(Error::Format(
                "WAV: blocks of ADPCM that hold nothing".into(),
            ));
        }
        Ok(Self {
            kind,
            channels,
            block,
        })
    }

    /// Bytes of a block.
    pub fn block(&self) -> usize {
        self.block
    }

    /// Samples of each channel in a block of so many bytes; the last of a file may be short.
    pub fn frames(&self, bytes: usize) -> usize {
        let channels = self.channels;
        match self.kind {
            Kind::Ima => match bytes.checked_sub(IMA_HEAD * channels) {
                // Codes come in words of eight for each channel.
                Some(codes) => 1 + codes / (4 * channels) * 8,
                None => 0,
            },
            Kind::Microsoft(_) => match bytes.checked_sub(MICROSOFT_HEAD * channels) {
                Some(codes) => 2 + codes * 2 / channels,
                None => 0,
            },
        }
    }

    /// Decodes a block; interleaved samples are appended to `out`.
    ///
    /// # Errors
    /// Format for a state that no encoder leaves.
    pub fn decode(&self, block: &[u8], out: &mut Vec<f32>) -> Result<()> {
        let frames = self.frames(block.len());
        let mut samples = vec![0i16; frames * self.channels];
        match &self.kind {
            Kind::Ima => self.decode_ima(block, &mut samples)?,
            Kind::Microsoft(coefficients) => {
                self.decode_microsoft(block, coefficients, &mut samples)?;
            }
        }
        out.extend(samples.iter().map(|&x| f32::from(x) / 32_768.0));
        Ok(())
    }

    fn decode_ima(&self, block: &[u8], out: &mut [i16]) -> Result<()> {
        let channels = self.channels;
        let (heads, codes) = block.split_at(IMA_HEAD * channels);
        let (heads, _) = heads.as_chunks::<IMA_HEAD>();
        let (words, _) = codes.as_chunks::<4>();
        for (channel, [a, b, index, _]) in heads.iter().enumerate() {
            let mut at = i32::from(i16::from_le_bytes([*a, *b]));
            let mut index = i32::from(*index);
            if index >= STEPS.len() as i32 {
                return Err(Error::Format(
                    "WAV: a step that IMA ADPCM does not have".into(),
                ));
            }
            let mut samples = out.iter_mut().skip(channel).step_by(channels);
            let mut put = |x: i32| {
                if let Some(sample) = samples.next() {
                    *sample = x as i16;
                }
            };
            put(at);
            for byte in words.iter().skip(channel).step_by(channels).flatten() {
                for code in [byte & 15, byte >> 4] {
                    let step = STEPS[index as usize];
                    // The specification adds shifted steps, which loses their fractions; ffmpeg does not, and is the measure.
                    let by = ((2 * i32::from(code & 7) + 1) * step) >> 3;
                    at = if code & 8 != 0 { at - by } else { at + by };
                    at = at.clamp(-32_768, 32_767);
                    index = (index + TURNS[usize::from(code & 7)]).clamp(0, STEPS.len() as i32 - 1);
                    put(at);
                }
            }
        }
        Ok(())
    }

    fn decode_microsoft(
        &self,
        block: &[u8],
        coefficients: &[[i32; 2]],
        out: &mut [i16],
    ) -> Result<()> {
        let channels = self.channels;
        let (heads, codes) = block.split_at(MICROSOFT_HEAD * channels);
        let (predictors, heads) = heads.split_at(channels);
        let (words, _) = heads.as_chunks::<2>();
        let word = |row: usize, channel: usize| -> i32 {
            let word = words.get(row * channels + channel);
            word.map_or(0, |w| i32::from(i16::from_le_bytes(*w)))
        };
        let mut states = Vec::with_capacity(channels);
        for (channel, predictor) in predictors.iter().enumerate() {
            let wrong = || Error::Format("WAV: a predictor that the file does not list".into());
            let pair = coefficients
                .get(usize::from(*predictor))
                .ok_or_else(wrong)?;
            // Step, the newer sample, the older one.
            states.push((*pair, word(0, channel), word(1, channel), word(2, channel)));
        }
        let mut samples = out.iter_mut();
        let older = states.iter().map(|s| s.3);
        let newer = states.iter().map(|s| s.2);
        let first: Vec<i32> = older.chain(newer).collect();
        // Samples second, or one would be taken beyond the last of these.
        for (x, sample) in first.into_iter().zip(samples.by_ref()) {
            *sample = x as i16;
        }
        let codes = codes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        for ((i, sample), code) in samples.enumerate().zip(codes) {
            let Some(([a, b], step, newer, older)) = states.get_mut(i % channels) else {
                continue;
            };
            let signed = i32::from(code) - if code & 8 != 0 { 16 } else { 0 };
            let predicted = (*newer * *a + *older * *b) >> 8;
            // A step of a damaged file may be anything; the sum is kept within what a sample holds.
            let x = predicted
                .saturating_add(signed.saturating_mul(*step))
                .clamp(-32_768, 32_767);
            (*older, *newer) = (*newer, x);
            *step = (ADAPTION[usize::from(code)].saturating_mul(*step) >> 8).max(16);
            *sample = x as i16;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn ima_by_hand() {
        // One channel: 100, step 7; codes 4 (+7/8 + 7 = 7) and 12 (as much down, step 9 by then: 9/8 + 9 = 10).
        let adpcm = Adpcm::ima(1, 8).unwrap();
        let mut out = Vec::new();
        adpcm
            .decode(&[100, 0, 0, 0, 0xC4, 0, 0, 0], &mut out)
            .unwrap();
        let ints: Vec<i32> = out.iter().map(|x| (x * 32_768.0) as i32).collect();
        assert_eq!(&ints[..3], [100, 107, 97]);
        assert_eq!(ints.len(), 9);
        assert!(adpcm.decode(&[0, 0, 89, 0, 0, 0, 0, 0], &mut out).is_err());
    }

    #[test]
    fn microsoft_by_hand() {
        // Predictor 1 (512, -256): a line goes on; step 16, code 1 adds 16.
        let adpcm = Adpcm::microsoft(1, 8, vec![[256, 0], [512, -256]]).unwrap();
        let mut out = Vec::new();
        adpcm
            .decode(&[1, 16, 0, 110, 0, 100, 0, 0x01], &mut out)
            .unwrap();
        let ints: Vec<i32> = out.iter().map(|x| (x * 32_768.0) as i32).collect();
        assert_eq!(ints, [100, 110, 120, 146]);
        assert!(adpcm.decode(&[2, 0, 0, 0, 0, 0, 0, 0], &mut out).is_err());
        assert_eq!(adpcm.frames(7), 2);
        assert_eq!(adpcm.frames(6), 0);
    }

    #[test]
    fn channels_stand_in_turn() {
        let adpcm = Adpcm::ima(2, 16).unwrap();
        let block = [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut out = Vec::new();
        adpcm.decode(&block, &mut out).unwrap();
        assert_eq!(out.len(), 18);
        assert_eq!((out[0] * 32_768.0, out[1] * 32_768.0), (1.0, 2.0));
    }
}
