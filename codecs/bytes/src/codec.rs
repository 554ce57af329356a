//! The contract: chunks of bytes in, payloads out.

use nc_core::{
    AnyCodec, Budget, ChunkGoal, ChunkHead, Codec, CodecId, CodecInfo, Control, Encoded, Error,
    Family, MediaKind, Model, Plan, Result, kind,
};

use crate::payload::{MEMORY, Preset, decode, encode, working_memory};

/// Facts of the codec.
pub const INFO: CodecInfo = CodecInfo {
    id: CodecId(4),
    name: "bytes",
    about: "any file, without loss, by mixed contexts or zstd",
    bitstream: 1,
    kind: MediaKind::Bytes,
    lossless: true,
    options: &[],
};

/// Bytes in a chunk.
const CHUNK: u64 = 16 << 20;

/// The codec; it has no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bytes;

impl Family for Bytes {
    fn info(&self) -> &'static CodecInfo {
        &INFO
    }

    fn open(&self, _: Option<&Model>) -> Result<AnyCodec> {
        Ok(Self.into())
    }
}

impl Codec for Bytes {
    type Kind = kind::Bytes;

    fn info(&self) -> &CodecInfo {
        &INFO
    }

    fn plan(&self, (): &()) -> Result<Plan> {
        Ok(Plan {
            chunk: CHUNK,
            overlap: 0,
        })
    }

    fn encode(
        &self,
        bytes: &[u8],
        _: &ChunkHead<()>,
        goal: ChunkGoal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        if goal != ChunkGoal::Exact {
            return Err(Error::Usage(
                "bytes is lossless and takes no rate or quality".into(),
            ));
        }
        let preset = match ctl.effort {
            nc_core::Effort::Fast => Preset::Fast,
            nc_core::Effort::Medium | nc_core::Effort::Slow => Preset::Medium,
        };
        let mut work = ctl.budget.share();
        work.charge(working_memory(&[2, MEMORY as u8], bytes.len()) + 2 * bytes.len() as u64)?;
        out.extend(encode(bytes, preset, MEMORY)?);
        Ok(symbols(bytes))
    }

    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead<()>,
        budget: &mut Budget,
        _: &mut Control<'_>,
    ) -> Result<(Vec<u8>, Encoded)> {
        let length = usize::try_from(head.units)
            .ok()
            .filter(|n| *n as u64 <= CHUNK);
        let length = length.ok_or_else(|| Error::Format("bytes: a chunk too long".into()))?;
        budget.charge(head.units)?;
        let mut work = budget.share();
        work.charge(working_memory(payload, length))?;
        let bytes = decode(payload, length)?;
        let symbols = symbols(&bytes);
        Ok((bytes, symbols))
    }
}

/// The symbols of this codec are the bytes themselves; their checksum is in the frame already.
fn symbols(bytes: &[u8]) -> Encoded {
    Encoded {
        symbols: bytes.len() as u64,
    }
}
