//! What a Parquet file says beside its rows, as an nc file keeps it.

use std::io::Read;

use flate2::read::{DeflateDecoder, DeflateEncoder};
use nc_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::shape::Shape;

/// What a file says that its model does not, deflated as JSON.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Said {
    /// Its schema, where the model has another: with other annotations, or another order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shape: Option<Shape>,
    /// Keys and values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) metadata: Vec<(String, Option<String>)>,
}

/// Most bytes of what a file says.
const MOST_SAID: u64 = 1 << 26;

impl Said {
    pub(super) fn to_extras(&self) -> Result<Vec<u8>> {
        if *self == Self::default() {
            return Ok(Vec::new());
        }
        let json = serde_json::to_vec(self).map_err(|e| Error::Internal(e.to_string().into()))?;
        let mut out = Vec::new();
        DeflateEncoder::new(&json[..], flate2::Compression::best()).read_to_end(&mut out)?;
        Ok(out)
    }

    pub(super) fn from_extras(extras: &[u8]) -> Result<Self> {
        if extras.is_empty() {
            return Ok(Self::default());
        }
        let wrong = |_| Error::Format("Parquet: what a file says beside its rows".into());
        let mut json = Vec::new();
        let mut inflate = DeflateDecoder::new(extras).take(MOST_SAID);
        inflate
            .read_to_end(&mut json)
            .map_err(|e| wrong(e.to_string()))?;
        serde_json::from_slice(&json).map_err(|e| wrong(e.to_string()))
    }
}
