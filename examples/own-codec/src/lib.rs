//! A lossless sound codec of one's own: differences of 16-bit samples in Rice codes. All that nc can do with a codec, files,
//! ranges, checks and the command line, it can do with this one.

use nc::nc_core::{
    AnyCodec, AudioBuf, AudioFormat, ChunkGoal, ChunkHead, Codec, CodecId, CodecInfo, Encoded,
    Error, MediaKind, Model, Plan, kind,
};
use nc::{Audio, Budget, Control, Family, Result, SampleDepth};
use ndarray::Array2;

/// The codec; it has no state.
pub struct Rice;

const INFO: CodecInfo = CodecInfo {
    // From 128 on numbers are for codecs that nc does not know.
    id: CodecId(128),
    name: "rice",
    about: "16-bit sound, exactly, by differences",
    bitstream: 1,
    kind: MediaKind::Audio,
    lossless: true,
    options: &[],
};

impl Family for Rice {
    fn info(&self) -> &'static CodecInfo {
        &INFO
    }

    fn open(&self, _: Option<&Model>) -> Result<AnyCodec> {
        Ok(Rice.into())
    }
}

/// What a sample of 16 bits is as a whole number.
const SCALE: f32 = 32768.0;

impl Codec for Rice {
    type Kind = kind::Sound;

    fn info(&self) -> &CodecInfo {
        &INFO
    }

    fn plan(&self, format: &AudioFormat) -> Result<Plan> {
        if format.depth != SampleDepth::I16 {
            return Err(Error::Unsupported("rice takes 16-bit sound".into()));
        }
        // A second, so that ranges read little.
        Ok(Plan { chunk: format.rate.into(), overlap: 0 })
    }

    fn encode(
        &self,
        x: Audio<'_>,
        _: &ChunkHead<AudioFormat>,
        goal: ChunkGoal,
        _: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        if goal != ChunkGoal::Exact {
            return Err(Error::Usage("rice is lossless and takes no rate".into()));
        }
        let mut bits = Bits::default();
        for row in x.samples.rows() {
            let whole: Vec<i32> = row.iter().map(|s| (s * SCALE) as i32).collect();
            let folded: Vec<u32> = std::iter::once(&0).chain(&whole).zip(&whole)
                .map(|(a, b)| b - a)
                .map(|d| ((d << 1) ^ (d >> 31)) as u32)
                .collect();
            let mean = folded.iter().map(|f| u64::from(*f)).sum::<u64>() / folded.len().max(1) as u64;
            let k = (mean + 1).ilog2();
            bits.put(k, 5);
            for f in folded {
                (0..f >> k).for_each(|_| bits.put(1, 1));
                bits.put(0, 1);
                bits.put(f & ((1 << k) - 1), k);
            }
        }
        out.extend(bits.bytes);
        Ok(Encoded { symbols: out.len() as u64 })
    }

    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead<AudioFormat>,
        budget: &mut Budget,
        _: &mut Control<'_>,
    ) -> Result<(AudioBuf, Encoded)> {
        let damaged = || Error::Format("rice: the payload ends early".into());
        let channels = usize::from(head.format.channels);
        let units = usize::try_from(head.units).map_err(|_| damaged())?;
        budget.charge(head.units.saturating_mul(channels as u64).saturating_mul(4))?;
        let mut bits = payload.iter().flat_map(|b| (0..8).map(move |i| u32::from(b >> i & 1)));
        let mut samples = Vec::with_capacity(channels * units);
        for _ in 0..channels {
            let mut number = |n: u32| (0..n).try_fold(0, |v, i| Some(v | bits.next()? << i));
            let k = number(5).ok_or_else(damaged)?;
            let mut last = 0i32;
            for _ in 0..units {
                let mut quotient = 0u32;
                while number(1).ok_or_else(damaged)? == 1 {
                    quotient = quotient.checked_add(1).ok_or_else(damaged)?;
                }
                let f = (u64::from(quotient) << k) as u32 | number(k).ok_or_else(damaged)?;
                last = last.wrapping_add((f >> 1) as i32 ^ -((f & 1) as i32));
                samples.push(last as f32 / SCALE);
            }
        }
        let samples = Array2::from_shape_vec((channels, units), samples)
            .map_err(|e| Error::Internal(e.to_string().into()))?;
        let sound = AudioBuf { rate: head.format.rate, samples };
        Ok((sound, Encoded { symbols: payload.len() as u64 }))
    }
}

/// Bits one after another, the lowest of each byte first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    used: u32,
}

impl Bits {
    fn put(&mut self, value: u32, n: u32) {
        for i in 0..n {
            if self.used % 8 == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> i & 1) as u8) << (self.used % 8);
            }
            self.used += 1;
        }
    }
}
