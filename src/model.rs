//! Frozen models: safetensors with metadata, named by their content.
//!
//! The format is safetensors because it has no code in it, maps into memory and is read
//! everywhere. What a model is (codec, sizes, recipe, data, licence, figures) is in its string
//! metadata, so that a model file is its own card.

use std::borrow::Cow;
use std::collections::BTreeMap;

use safetensors::{Dtype, SafeTensors};

use crate::{Budget, Error, Result};

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

/// A tensor as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Size of each axis.
    pub shape: Vec<usize>,
    /// Values, row-major; all finite.
    pub data: Vec<f32>,
}

/// A model file in memory: its id, metadata and tensors.
#[derive(Debug, Clone)]
pub struct Model {
    /// Content id.
    pub id: ModelId,
    meta: BTreeMap<String, String>,
    bytes: Cow<'static, [u8]>,
}

fn broken(e: impl std::fmt::Display) -> Error {
    Error::Model(format!("not a model file: {e}"))
}

impl Model {
    /// Most bytes of a model file's header.
    const MAX_HEADER: u64 = 1 << 20;

    /// Reads a model file.
    ///
    /// # Errors
    /// [`Error::Model`] where it is not one, [`Error::Limit`] past the budget.
    pub fn from_bytes(bytes: impl Into<Cow<'static, [u8]>>, budget: &mut Budget) -> Result<Self> {
        let bytes = bytes.into();
        budget.charge(bytes.len() as u64)?;
        let head = bytes.first_chunk::<8>().map(|b| u64::from_le_bytes(*b));
        if head.is_none_or(|n| n > Self::MAX_HEADER) {
            return Err(broken("header length"));
        }
        let (_, head) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
        // Also checks that every tensor lies inside the file.
        SafeTensors::deserialize(&bytes).map_err(broken)?;
        let meta = head
            .metadata()
            .clone()
            .unwrap_or_default()
            .into_iter()
            .collect();
        Ok(Self {
            id: ModelId::of(&bytes),
            meta,
            bytes,
        })
    }

    /// A metadata value.
    pub fn meta(&self, key: &str) -> Option<&str> {
        self.meta.get(key).map(String::as_str)
    }

    /// All metadata, sorted by key.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.meta
    }

    /// Bytes of the model file.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never: a model file has a header.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Names, shapes and sizes of the tensors, sorted by name.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut list: Vec<_> = SafeTensors::deserialize(&self.bytes)
            .map(|f| {
                f.tensors()
                    .into_iter()
                    .map(|(n, t)| (n, t.shape().to_vec()))
                    .collect()
            })
            .unwrap_or_default();
        list.sort();
        list
    }

    /// A tensor of half, bfloat or single precision.
    ///
    /// # Errors
    /// [`Error::Model`] where it is missing, of another type, or holds a number that is not
    /// finite.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        let file = SafeTensors::deserialize(&self.bytes).map_err(broken)?;
        let t = file
            .tensor(name)
            .map_err(|_| Error::Model(format!("no tensor {name}")))?;
        let pairs = |b: &[u8]| u16::from_le_bytes([b[0], b[1]]);
        let data: Vec<f32> = match t.dtype() {
            Dtype::F32 => t
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
            Dtype::F16 => t
                .data()
                .chunks_exact(2)
                .map(|b| half::f16::from_bits(pairs(b)).to_f32())
                .collect(),
            Dtype::BF16 => t
                .data()
                .chunks_exact(2)
                .map(|b| half::bf16::from_bits(pairs(b)).to_f32())
                .collect(),
            other => return Err(Error::Model(format!("tensor {name} has type {other:?}"))),
        };
        if data.iter().all(|v| v.is_finite()) {
            Ok(Tensor {
                shape: t.shape().to_vec(),
                data,
            })
        } else {
            Err(Error::Model(format!(
                "tensor {name} has numbers that are not finite"
            )))
        }
    }
}
