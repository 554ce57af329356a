//! Frozen models: safetensors with metadata, named by their content.

/// First 8 bytes of the BLAKE3 hash of a model file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(pub [u8; 8]);

impl ModelId {
    /// The id of a model file with these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut id = [0; 8];
        id.copy_from_slice(&blake3::hash(bytes).as_bytes()[..8]);
        Self(id)
    }
}

impl std::fmt::Display for ModelId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// A model file in memory: its id, metadata and tensors (owner `contract` fills this in:
/// `from_bytes`, `open`, `to_bytes`/builder, `meta(key) -> Option<&str>`,
/// `tensor_f32(name) -> Result<(Vec<usize>, Vec<f32>)>` for F32/F16/BF16/I8 sources).
#[derive(Debug, Clone)]
pub struct Model {
    /// Content id.
    pub id: ModelId,
}
