//! The contract: chunks of bytes in, payloads out.

use nc_core::{
    Budget, ChunkHead, Codec, CodecEntry, CodecId, CodecInfo, Control, Encoded, Error, Format,
    Goal, MediaKind, ModelId, Plan, Result, Signal, SignalBuf,
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
};

/// The registry's line for this codec.
pub const ENTRY: CodecEntry = CodecEntry {
    info: INFO,
    default_model: None,
    open: |_| Ok(Box::new(Bytes)),
};

/// Bytes in a chunk.
const CHUNK: u64 = 16 << 20;

/// The codec; it has no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bytes;

impl Codec for Bytes {
    fn info(&self) -> &CodecInfo {
        &INFO
    }

    fn model(&self) -> Option<ModelId> {
        None
    }

    fn plan(&self, format: &Format) -> Result<Plan> {
        match format {
            Format::Bytes => Ok(Plan {
                chunk: CHUNK,
                overlap: 0,
            }),
            _ => Err(Error::Unsupported("bytes codes bytes".into())),
        }
    }

    fn encode(
        &self,
        x: Signal<'_>,
        _: &ChunkHead,
        goal: Goal,
        ctl: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        let Signal::Bytes(bytes) = x else {
            return Err(Error::Unsupported("bytes codes bytes".into()));
        };
        if goal != Goal::Exact {
            return Err(Error::Usage(
                "bytes is lossless and takes no rate or quality".into(),
            ));
        }
        ctl.refuse_options(INFO.name, &[])?;
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
        head: &ChunkHead,
        budget: &mut Budget,
        _: &mut Control<'_>,
    ) -> Result<(SignalBuf, Encoded)> {
        let length = usize::try_from(head.units)
            .ok()
            .filter(|n| *n as u64 <= CHUNK);
        let length = length.ok_or_else(|| Error::Format("bytes: a chunk too long".into()))?;
        budget.charge(head.units)?;
        let mut work = budget.share();
        work.charge(working_memory(payload, length))?;
        let bytes = decode(payload, length)?;
        let symbols = symbols(&bytes);
        Ok((SignalBuf::Bytes(bytes), symbols))
    }
}

/// The symbols of this codec are the bytes themselves; their checksum is in the frame already.
fn symbols(bytes: &[u8]) -> Encoded {
    Encoded {
        symbols: bytes.len() as u64,
    }
}
