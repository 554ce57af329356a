//! Models from anywhere.

use anyhow::{Context, Result};
use nc_core::{Budget, Error, Model};
use nc_corpora::golden::TINY_MODEL as BODY;

/// Opens any bytes as a model; and as the header of one, in front of weights of the length that it asks for, up to the
/// length of `BODY`.
pub fn any_or_header(data: &[u8]) {
    any(data);
    let mut file = (data.len() as u64).to_le_bytes().to_vec();
    file.extend(data);
    let asked = body(data).unwrap_or(0).min(BODY.len());
    file.extend(&BODY[BODY.len() - asked..]);
    any(&file);
}

/// Bytes of weights that a header asks for.
fn body(header: &[u8]) -> Option<usize> {
    let tensors: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(header).ok()?;
    let ends = tensors
        .values()
        .filter_map(|t| t["data_offsets"][1].as_u64());
    usize::try_from(ends.max()?).ok()
}

/// The headers of golden models.
///
/// # Errors
/// I/O.
pub fn headers() -> Result<Vec<(String, Vec<u8>)>> {
    let paths = crate::corpus::files(&crate::corpus::folder("golden"))?;
    let models = paths.iter().map(|p| (crate::corpus::name(p), p));
    let models = models.filter(|(name, _)| name.ends_with(".ncm"));
    let read = |(name, path)| {
        let file = std::fs::read(path)?;
        let (length, rest) = file.split_first_chunk().context("no model")?;
        let length = usize::try_from(u64::from_le_bytes(*length))?;
        Ok((name, rest.get(..length).context("no model")?.to_vec()))
    };
    models.map(read).collect()
}

/// Opens any bytes as a model, with every codec.
fn any(data: &[u8]) {
    let mut budget = Budget::new(crate::BUDGET);
    let model = match Model::from_bytes(data.to_vec(), &mut budget) {
        Ok(model) => model,
        Err(Error::Model(_) | Error::Limit(_)) => return,
        Err(e) => panic!("a wrong model is {e:?}"),
    };
    let names = model.tensors();
    for (name, shape) in &names {
        if let Ok(tensor) = model.tensor(name) {
            assert_eq!(&tensor.shape, shape);
            assert_eq!(tensor.data.len(), shape.iter().product::<usize>());
            assert!(tensor.data.iter().all(|v| v.is_finite()));
        }
    }
    for family in crate::opener::REGISTRY.families() {
        match family.open(Some(&model)) {
            Ok(codec) => assert_eq!(codec.info().id, family.info().id),
            Err(Error::Model(_) | Error::Limit(_) | Error::Unsupported(_)) => {}
            Err(e) => panic!("{} opens a wrong model with {e:?}", family.info().name),
        }
    }
}
