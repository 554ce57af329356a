//! The identity codec: keeps bytes as they are. The example to copy for a codec of one's own.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

use nc_core::{
    Budget, ChunkHead, Codec, CodecEntry, CodecId, CodecInfo, Control, Encoded, Error, Format,
    Goal, MediaKind, ModelId, Plan, Result, Signal, SignalBuf,
};

/// Facts of the codec.
pub const INFO: CodecInfo = CodecInfo {
    id: CodecId(0),
    name: "store",
    about: "any file as it is, with checksums",
    bitstream: 1,
    kind: MediaKind::Bytes,
    lossless: true,
};

/// The registry's line for this codec.
pub const ENTRY: CodecEntry = CodecEntry {
    info: INFO,
    default_model: None,
    open: |_| Ok(Box::new(Store)),
};

/// Bytes in a chunk.
const CHUNK: u64 = 1 << 20;

/// The codec; it has no state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Store;

impl Codec for Store {
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
            _ => Err(Error::Unsupported("store keeps bytes".into())),
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
            return Err(Error::Unsupported("store keeps bytes".into()));
        };
        if goal != Goal::Exact {
            return Err(Error::Usage(
                "store is lossless and takes no rate or quality".into(),
            ));
        }
        ctl.refuse_options(INFO.name, &[])?;
        ctl.budget.share().charge(bytes.len() as u64)?;
        out.extend_from_slice(bytes);
        Ok(encoded(bytes))
    }

    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead,
        budget: &mut Budget,
        _: &mut Control<'_>,
    ) -> Result<(SignalBuf, Encoded)> {
        if payload.len() as u64 != head.units {
            return Err(Error::Format("store: payload and units differ".into()));
        }
        budget.charge(head.units)?;
        Ok((SignalBuf::Bytes(payload.to_vec()), encoded(payload)))
    }
}

/// The symbols of this codec are the bytes themselves; their checksum is in the frame already.
fn encoded(bytes: &[u8]) -> Encoded {
    Encoded {
        symbols: bytes.len() as u64,
    }
}
