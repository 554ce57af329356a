//! What an encoder is to reach: of a file, and of a chunk of it.

/// What a file is to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Goal {
    /// Lossless.
    Exact,
    /// 0 (smallest) to 10 (best) on the codec's own scale.
    Quality(f32),
    /// Bits per second over the whole file on disk, of a signal that has time.
    Bitrate(u32),
    /// Bytes of the whole file on disk.
    Bytes(u64),
}

/// What a chunk is to reach: an encoder shares a rate or a size out among the chunks.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum ChunkGoal {
    /// Lossless.
    Exact,
    /// 0 (smallest) to 10 (best) on the codec's own scale.
    Quality(f32),
    /// Bytes of the payload at most.
    Bytes(u64),
}
