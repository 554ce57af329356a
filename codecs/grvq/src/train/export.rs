//! The trained codec as a model file: safetensors with its card in the metadata.

use std::collections::BTreeMap;

use nc_core::{Error, Model, Result};
use nc_learn::Param;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::Run;
use super::codec::Trained as Codec;
use super::prior::Trained as Prior;
use crate::config::OFFSETS;
use crate::prior::PRECISION;

/// Frequencies that add up to 2^[`PRECISION`], each at least 1, in proportion to `counts`.
fn frequencies(counts: &[u32; OFFSETS]) -> [u32; OFFSETS] {
    let total: u64 = counts.iter().map(|c| u64::from(*c)).sum();
    let room = (1u64 << PRECISION) - OFFSETS as u64;
    let mut out = counts.map(|c| 1 + (u64::from(c) * room / total.max(1)) as u32);
    let rest = (1u32 << PRECISION) - out.iter().sum::<u32>();
    if let Some(top) = out.iter_mut().max() {
        *top += rest;
    }
    out
}

/// Bytes of the model file.
///
/// # Errors
/// [`Error::Model`] where a number is not finite or the file cannot be made.
pub fn model(run: &Run<'_>, codec: &Codec, prior: &Prior) -> Result<Vec<u8>> {
    let recipe = run.recipe;
    let fail = |e: &dyn std::fmt::Display| Error::Model(e.to_string().into());
    let mut tensors: Vec<(String, Vec<usize>, Dtype, Vec<u8>)> = Vec::new();
    let mut half = |name: String, shape: Vec<usize>, data: &[f32]| -> Result<()> {
        let bytes = data
            .iter()
            .flat_map(|v| half::f16::from_f32(*v).to_le_bytes())
            .collect();
        if data.iter().any(|v| !half::f16::from_f32(*v).is_finite()) {
            return Err(Error::Model(
                format!("{name} has numbers beyond half precision").into(),
            ));
        }
        tensors.push((name, shape, Dtype::F16, bytes));
        Ok(())
    };
    let shape = |p: &Param| match p.dims {
        [1, cols] => vec![cols],
        dims => dims.to_vec(),
    };
    for p in &codec.params.0 {
        half(p.name.clone(), shape(p), &p.data)?;
    }
    let mut extra: BTreeMap<String, Vec<f32>> = BTreeMap::new();
    for p in &prior.params.0 {
        if p.name.ends_with(".context.bias") {
            extra.insert(p.name.replace(".context.", ".sum."), p.data.to_vec());
        }
    }
    for p in &prior.params.0 {
        if p.name.ends_with(".context.bias") {
            continue;
        }
        // Sum and context terms are added before the activation, so one bias serves both.
        let mut data = p.data.to_vec();
        if let Some(more) = extra.get(&p.name) {
            data.iter_mut().zip(more).for_each(|(d, m)| *d += m);
        }
        half(p.name.clone(), shape(p), &data)?;
    }
    for (q, b) in codec.quantiser.books.iter().enumerate() {
        let codes: Vec<f32> = b.codes.iter().copied().collect();
        half(
            format!("book.{q}"),
            vec![b.codes.nrows(), b.codes.ncols()],
            &codes,
        )?;
    }
    let table: Vec<f32> = prior
        .offsets
        .iter()
        .flat_map(frequencies)
        .map(|f| f as f32)
        .collect();
    let plain = |v: &[f32]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    tensors.push((
        "prior.offsets".into(),
        vec![OFFSETS, OFFSETS],
        Dtype::F32,
        plain(&table),
    ));
    tensors.push((
        "prior.scale".into(),
        vec![1],
        Dtype::F32,
        plain(&[prior.scale]),
    ));
    let config = serde_json::to_string(&recipe.config).map_err(|e| fail(&e))?;
    let whole = serde_json::to_string(recipe).map_err(|e| fail(&e))?;
    let mut meta = BTreeMap::from([
        ("codec".to_owned(), crate::INFO.name.to_owned()),
        ("bitstream".to_owned(), crate::INFO.bitstream.to_string()),
        ("config".to_owned(), config),
        ("recipe".to_owned(), whole),
        (
            "seconds".to_owned(),
            format!("{:.0}", codec.seconds + prior.seconds),
        ),
        (
            "train_seconds_of_audio".to_owned(),
            (run.train.samples() / 16_000).to_string(),
        ),
        (
            "train_data_blake3".to_owned(),
            run.train.hash().to_hex().to_string(),
        ),
        ("valid_codec".to_owned(), codec.validation.clone()),
        ("valid_prior".to_owned(), prior.validation.clone()),
    ]);
    meta.extend(recipe.card.clone());
    let views = tensors
        .iter()
        .map(|(n, s, t, b)| {
            Ok((
                n.as_str(),
                TensorView::new(*t, s.clone(), b).map_err(|e| fail(&e))?,
            ))
        })
        .collect::<Result<Vec<_>>>()?;
    Model::file(&meta, views)
}
