//! Frozen models: safetensors with metadata, named by their content.
//!
//! The format is safetensors because it has no code in it, maps into memory and is read
//! everywhere. What a model is (codec, sizes, recipe, data, licence, figures) is in its string
//! metadata, so that a model file is its own card.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use safetensors::tensor::{Metadata, TensorInfo, TensorView};
use safetensors::{Dtype, SafeTensors};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use crate::{Budget, Error, Result};

/// First 8 bytes of the BLAKE3 hash of a model file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(pub [u8; 8]);

impl ModelId {
    /// The id of a model file with these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = blake3::hash(bytes);
        Self(std::array::from_fn(|i| {
            hash.as_bytes().get(i).copied().unwrap_or(0)
        }))
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
    tensors: BTreeMap<String, TensorInfo>,
    bytes: Cow<'static, [u8]>,
    /// Where the tensors' data begin.
    data: usize,
    /// What was left of the budget.
    room: u64,
}

fn broken(e: impl std::fmt::Display) -> Error {
    Error::Model(format!("not a model file: {e}").into())
}

/// A header in which no name stands twice: a parser that takes the last of two shows another model than one that
/// takes the first. Holds the greatest end of a tensor.
#[derive(Default)]
struct Names(u64);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        d.deserialize_map(Self::default())
    }
}

/// What stands for a name: a text of the metadata, or where a tensor lies.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Value {
    Text(#[allow(dead_code)] String),
    Tensor { data_offsets: [u64; 2] },
}

impl<'de> Visitor<'de> for Names {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("names and what they stand for")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> std::result::Result<Self, M::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                map.next_value::<Option<Self>>()?;
            } else if let Value::Tensor { data_offsets } = map.next_value()? {
                self.0 = data_offsets.into_iter().fold(self.0, u64::max);
            }
            if let Some(twice) = seen.replace(name) {
                return Err(M::Error::custom(format!("{twice} stands there twice")));
            }
        }
        Ok(self)
    }
}

impl Model {
    /// Most bytes of a model file's header.
    const MAX_HEADER: u64 = 8 << 20;
    /// Bytes of memory that reading one of the header takes for a while, at most: a number of two bytes stands in a list
    /// of 32 for each, which grows by doubling.
    const PARSED: u64 = 32;

    /// Reads a model file.
    ///
    /// # Errors
    /// [`Error::Model`] where it is not one, [`Error::Limit`] past the budget.
    pub fn from_bytes(bytes: impl Into<Cow<'static, [u8]>>, budget: &mut Budget) -> Result<Self> {
        let bytes = bytes.into();
        budget.charge(bytes.len() as u64)?;
        let (length, rest) = bytes
            .split_first_chunk()
            .ok_or_else(|| broken("it ends early"))?;
        let length = u64::from_le_bytes(*length);
        if length > Self::MAX_HEADER {
            return Err(broken("header length"));
        }
        let head = usize::try_from(length).ok().and_then(|n| rest.get(..n));
        let head = head.ok_or_else(|| broken("it ends early"))?;
        let parsed = length.saturating_mul(Self::PARSED);
        budget.charge(parsed)?;
        let names: Names = serde_json::from_slice(head).map_err(broken)?;
        let data = bytes
            .len()
            .saturating_sub(rest.len())
            .saturating_add(head.len());
        // Before anything is added up.
        if names.0 > bytes.len().saturating_sub(data) as u64 {
            return Err(broken("a tensor outside the file"));
        }
        // Also checks shapes, and that the tensors lie one after another and fill the file.
        let (_, head): (usize, Metadata) = SafeTensors::read_metadata(&bytes).map_err(broken)?;
        let meta = head.metadata().clone().unwrap_or_default();
        let tensors = head.tensors().into_iter();
        budget.release(parsed);
        Ok(Self {
            id: ModelId::of(&bytes),
            meta: meta.into_iter().collect(),
            tensors: tensors.map(|(name, info)| (name, info.clone())).collect(),
            bytes,
            data,
            room: budget.left(),
        })
    }

    /// Bytes of a model file. The same metadata and tensors give the same bytes, and so the same id, which a library's own
    /// unordered metadata does not.
    ///
    /// # Errors
    /// [`Error::Model`] where they make no file.
    pub fn file(
        meta: &BTreeMap<String, String>,
        tensors: Vec<(&str, TensorView<'_>)>,
    ) -> Result<Vec<u8>> {
        let bare = safetensors::serialize(tensors, None).map_err(broken)?;
        let short = || broken("it ends early");
        let (length, rest) = bare.split_first_chunk().ok_or_else(short)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(broken)?;
        let (header, data) = rest.split_at_checked(length).ok_or_else(short)?;
        let others = header.trim_ascii().strip_prefix(b"{").ok_or_else(short)?;
        let comma = if others == b"}" { "" } else { "," };
        let meta = serde_json::to_string(meta).map_err(broken)?;
        let mut header = format!("{{\"__metadata__\":{meta}{comma}").into_bytes();
        header.extend_from_slice(others);
        // Tensors begin where any number may.
        header.resize(header.len().next_multiple_of(8), b' ');
        let mut out = (header.len() as u64).to_le_bytes().to_vec();
        out.extend_from_slice(&header);
        out.extend_from_slice(data);
        Ok(out)
    }

    /// A metadata value.
    pub fn meta(&self, key: &str) -> Option<&str> {
        self.meta.get(key).map(String::as_str)
    }

    /// All metadata, sorted by key.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.meta
    }

    /// What the budget that it was read with had left: a codec charges to it what it makes of the model, which a small
    /// file can make large.
    pub fn room(&self) -> Budget {
        Budget::new(self.room)
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
        let list = self.tensors.iter();
        list.map(|(name, t)| (name.clone(), t.shape.clone()))
            .collect()
    }

    /// A tensor of half, bfloat or single precision.
    ///
    /// # Errors
    /// [`Error::Model`] where it is missing, of another type, or holds a number that is not
    /// finite.
    pub fn tensor(&self, name: &str) -> Result<Tensor> {
        let none = || Error::Model(format!("no tensor {name}").into());
        let t = self.tensors.get(name).ok_or_else(none)?;
        let (start, end) = t.data_offsets;
        let data = self.bytes.get(self.data..).and_then(|b| b.get(start..end));
        let data = data.ok_or_else(none)?;
        let (pairs, fours) = (data.as_chunks().0, data.as_chunks().0);
        let data: Vec<f32> = match t.dtype {
            Dtype::F32 => fours.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            Dtype::F16 => pairs
                .iter()
                .map(|b| half::f16::from_le_bytes(*b).to_f32())
                .collect(),
            Dtype::BF16 => pairs
                .iter()
                .map(|b| half::bf16::from_le_bytes(*b).to_f32())
                .collect(),
            other => {
                return Err(Error::Model(
                    format!("tensor {name} has type {other:?}").into(),
                ));
            }
        };
        if data.iter().all(|v| v.is_finite()) {
            Ok(Tensor {
                shape: t.shape.clone(),
                data,
            })
        } else {
            Err(Error::Model(
                format!("tensor {name} has numbers that are not finite").into(),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let mut out = (header.len() as u64).to_le_bytes().to_vec();
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(data);
        out
    }

    fn open(bytes: Vec<u8>) -> Result<Model> {
        Model::from_bytes(bytes, &mut Budget::new(1 << 20))
    }

    const ONE: &str = r#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        let header = format!("{{{ONE}}}");
        let with = |x: f32| open(file(&header, &x.to_le_bytes())).unwrap().tensor("a");
        assert_eq!(with(0.5).unwrap().data, [0.5]);
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(matches!(with(x), Err(Error::Model(_))), "{x}");
        }
        for (dtype, bits) in [("F16", 0x7e00u16), ("F16", 0xfc00), ("BF16", 0x7fc0)] {
            let header =
                format!(r#"{{"a":{{"dtype":"{dtype}","shape":[1],"data_offsets":[0,2]}}}}"#);
            let model = open(file(&header, &bits.to_le_bytes())).unwrap();
            assert!(matches!(model.tensor("a"), Err(Error::Model(_))), "{dtype}");
        }
    }

    #[test]
    fn the_same_model_is_the_same_file() {
        let meta: BTreeMap<String, String> = (0..9).map(|i| (i.to_string(), "x".into())).collect();
        let data = 0.5f32.to_le_bytes();
        let made = || {
            let view = TensorView::new(Dtype::F32, vec![1], &data).unwrap();
            Model::file(&meta, vec![("a", view)]).unwrap()
        };
        let bytes = made();
        assert_eq!(bytes, made());
        let model = open(bytes).unwrap();
        assert_eq!(model.metadata(), &meta);
        assert_eq!(model.tensor("a").unwrap().data, [0.5]);
        let empty = open(Model::file(&meta, vec![]).unwrap()).unwrap();
        assert_eq!((empty.metadata(), empty.tensors().len()), (&meta, 0));
    }

    #[test]
    fn names_that_stand_twice_are_refused() {
        let data = [0; 4];
        assert!(open(file(&format!("{{{ONE}}}"), &data)).is_ok());
        let metadata = r#""__metadata__":{"codec":"x"}"#;
        assert!(open(file(&format!("{{{metadata},{ONE}}}"), &data)).is_ok());
        for header in [
            format!("{{{ONE},{ONE}}}"),
            format!("{{{metadata},{metadata},{ONE}}}"),
            format!(r#"{{"__metadata__":{{"codec":"x","codec":"y"}},{ONE}}}"#),
        ] {
            let e = open(file(&header, &data));
            assert!(matches!(e, Err(Error::Model(_))), "{header}");
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        for (shape, end) in [
            ("[9223372036854775808,2]", 0u64),
            ("[4611686018427387904,4611686018427387904]", 4),
            ("[18446744073709551615]", 4),
            ("[2]", 4),
            ("[1]", 18_446_744_073_709_551_615),
            ("[-1]", 4),
        ] {
            let header =
                format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
            let e = open(file(&header, &[0; 4]));
            assert!(matches!(e, Err(Error::Model(_))), "{shape}");
        }
        // One after another up to where the header's length no longer fits 64 bits.
        let step = (1u64 << 61) - 1;
        let all: Vec<String> = (0..8)
            .map(|i| {
                let (from, to) = (i * step, (i + 1) * step);
                format!(r#""{i}":{{"dtype":"U8","shape":[{step}],"data_offsets":[{from},{to}]}}"#)
            })
            .collect();
        let e = open(file(&format!("{{{}}}", all.join(",")), &[]));
        assert!(matches!(e, Err(Error::Model(_))));
        for length in [0, 1 << 19, 1 << 40, 1 << 63, u64::MAX] {
            let e = open(length.to_le_bytes().to_vec());
            assert!(matches!(e, Err(Error::Model(_))), "{length}");
        }
    }
}
