//! The identity codec: keeps bytes as they are. The example to copy for a codec of one's own.

use nc_core::{
    AnyCodec, Budget, ChunkGoal, ChunkHead, Codec, CodecId, CodecInfo, Control, Encoded, Error,
    Family, MediaKind, Model, Plan, Result, kind,
};

/// Facts of the codec.
pub const INFO: CodecInfo = CodecInfo {
    id: CodecId(0),
    name: "store",
    about: "any file as it is, with checksums",
    bitstream: 1,
    kind: MediaKind::Bytes,
    lossless: true,
    options: &[],
};

/// Bytes in a chunk.
const CHUNK: u64 = 1 << 20;

/// The codec; it has no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Store;

impl Family for Store {
    fn info(&self) -> &'static CodecInfo {
        &INFO
    }

    fn open(&self, _: Option<&Model>) -> Result<AnyCodec> {
        Ok(Self.into())
    }
}

impl Codec for Store {
    type Kind = kind::Bytes;

    fn info(&self) -> &CodecInfo {
        &INFO
    }

    fn shares_work(&self) -> bool {
        false
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
                "store is lossless and takes no rate or quality".into(),
            ));
        }
        ctl.budget.share().charge(bytes.len() as u64)?;
        out.extend_from_slice(bytes);
        Ok(encoded(bytes))
    }

    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead<()>,
        budget: &mut Budget,
        _: &mut Control<'_>,
    ) -> Result<(Vec<u8>, Encoded)> {
        if payload.len() as u64 != head.units {
            return Err(Error::Format("store: payload and units differ".into()));
        }
        budget.charge(head.units)?;
        Ok((payload.to_vec(), encoded(payload)))
    }
}

/// The symbols of this codec are the bytes themselves; their checksum is in the frame already.
fn encoded(bytes: &[u8]) -> Encoded {
    Encoded {
        symbols: bytes.len() as u64,
    }
}
