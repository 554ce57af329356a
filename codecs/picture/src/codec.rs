//! The contract: frames in, payloads out.

use nc_core::{
    AnyCodec, Budget, ChunkGoal, ChunkHead, Codec, CodecId, CodecInfo, Control, Effort, Encoded,
    Error, Family, MediaKind, Model, Plan, Result, Video, VideoBuf, VideoFormat, kind,
};

use xxhash_rust::xxh3::Xxh3;

use crate::payload::{Payload, encode, working_memory};

/// Facts of the codec.
pub const INFO: CodecInfo = CodecInfo {
    id: CodecId(5),
    name: "picture",
    about: "pictures without loss, by local least squares and mixed distributions",
    bitstream: 1,
    kind: MediaKind::Video,
    lossless: true,
    options: &[],
};

/// Samples of a chunk of small frames, which learn from one another.
const SAMPLES: u64 = 1 << 20;
/// Most frames of a chunk.
const FRAMES: u64 = 64;

/// The codec; it has no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Picture;

impl Family for Picture {
    fn info(&self) -> &'static CodecInfo {
        &INFO
    }

    fn open(&self, _: Option<&Model>) -> Result<AnyCodec> {
        Ok(Self.into())
    }
}

impl Codec for Picture {
    type Kind = kind::VideoKind;

    fn info(&self) -> &CodecInfo {
        &INFO
    }

    fn plan(&self, format: &VideoFormat) -> Result<Plan> {
        // A valid frame has samples.
        let frame = format.frame_samples()? as u64;
        Ok(Plan {
            chunk: (SAMPLES / frame).clamp(1, FRAMES),
            overlap: 0,
        })
    }

    fn encode(
        &self,
        x: Video<'_>,
        head: &ChunkHead<VideoFormat>,
        goal: ChunkGoal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        if goal != ChunkGoal::Exact {
            return Err(Error::Usage(
                "picture is lossless and takes no rate or quality".into(),
            ));
        }
        if x.format != head.format || x.frames() as u64 != head.units {
            return Err(Error::Usage("frames that do not fit their head".into()));
        }
        let mut work = ctl.budget.share();
        work.charge(working_memory(&x.format, 8) + 3 * size_of_val(x.samples) as u64)?;
        let fits = match ctl.effort {
            Effort::Fast => 1,
            Effort::Medium | Effort::Slow => 3,
        };
        out.extend(encode(&x.format, x.samples, fits)?);
        Ok(symbols(x.samples))
    }

    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead<VideoFormat>,
        budget: &mut Budget,
        _: &mut Control<'_>,
    ) -> Result<(VideoBuf, Encoded)> {
        let format = head.format;
        let most = self.plan(&format)?.chunk;
        let frames = usize::try_from(head.units)
            .ok()
            .filter(|n| *n as u64 <= most);
        let frames = frames.ok_or_else(|| Error::Format("picture: a chunk too long".into()))?;
        let payload = Payload::read(payload)?;
        let samples = (format.frame_samples()? * frames) as u64;
        budget.charge(2 * samples)?;
        let mut work = budget.share();
        work.charge(2 * samples + working_memory(&format, payload.strips()))?;
        let samples = payload.decode(&format, frames)?;
        let symbols = symbols(&samples);
        Ok((VideoBuf { format, samples }, symbols))
    }
}

/// The symbols of this codec are the samples themselves: XXH3 of them, two bytes each, the low one first.
fn symbols(samples: &[u16]) -> Encoded {
    let mut hash = Xxh3::new();
    let mut block = Vec::with_capacity(1 << 13);
    for samples in samples.chunks(1 << 12) {
        block.clear();
        block.extend(samples.iter().flat_map(|s| s.to_le_bytes()));
        hash.update(&block);
    }
    Encoded {
        symbols: hash.digest(),
    }
}
