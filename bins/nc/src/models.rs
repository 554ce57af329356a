//! Codecs and their models, and `nc model info`.
//!
//! The model built into the program serves unless `--model` names a file, so the main job needs
//! nothing but the program.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::OnceLock;

use nc::{Budget, Codec, CodecEntry, Error, Model, Opener, Registry};
use serde_json::{Value, json};

use crate::failure::Result;
use crate::ui::{Ui, name};

/// Reads the model file given with `--model`.
///
/// # Errors
/// Model where it is missing or no model, Limit past the budget.
pub fn given(path: Option<&Path>, budget: &mut Budget) -> Result<Option<Model>> {
    let Some(path) = path else { return Ok(None) };
    read(path, budget)
        .map_err(|failure| match failure.error {
            Error::Io(e) => Error::Model(e.to_string()).into(),
            _ => failure,
        })
        .map_err(|failure| failure.on(path))
        .map(Some)
}

/// Opens what files ask for, from the models built in and the one given.
pub fn opener<'a>(registry: &'a Registry, given: Option<&Model>) -> impl Opener + 'a {
    registry.opener(given.cloned().into_iter().collect())
}

/// A codec that is opened by the first job that needs it and shared by the others: a job that
/// fails for its own reasons needs no model.
pub struct Shared<'a> {
    registry: &'a Registry,
    entry: &'a CodecEntry,
    given: Option<&'a Model>,
    codec: OnceLock<Box<dyn Codec>>,
}

impl<'a> Shared<'a> {
    /// For a codec with the model given, or the one built in.
    pub fn new(registry: &'a Registry, entry: &'a CodecEntry, given: Option<&'a Model>) -> Self {
        Self {
            registry,
            entry,
            given,
            codec: OnceLock::new(),
        }
    }

    /// The codec.
    ///
    /// # Errors
    /// Model where there is none, or it does not fit.
    pub fn get(&self) -> Result<&dyn Codec> {
        if self.codec.get().is_none() {
            let opened = self.registry.open_for_encoding(self.entry, self.given)?;
            // Where another job was faster, this one is dropped: they are the same.
            let _ = self.codec.set(opened);
        }
        match self.codec.get() {
            Some(codec) => Ok(codec.as_ref()),
            None => Err(Error::Model("the codec could not be opened".into()).into()),
        }
    }
}

fn read(path: &Path, budget: &mut Budget) -> Result<Model> {
    let mut file = File::open(path)?;
    let limit = budget.left();
    let mut bytes = Vec::new();
    // One byte more than may be, so that a longer file is seen without being read.
    file.by_ref()
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(Model::from_bytes(bytes, budget)?)
}

/// `nc model info`
///
/// # Errors
/// I/O, Model where it is none.
pub fn info(path: &Path, ui: &Ui) -> Result<u8> {
    let model = read(path, &mut ui.budget()).map_err(|f| f.on(path))?;
    let tensors = model.tensors();
    let weights: usize = tensors
        .iter()
        .map(|(_, shape)| shape.iter().fold(1usize, |n, &d| n.saturating_mul(d)))
        .fold(0, usize::saturating_add);
    if ui.wants_json() {
        let tensors: Vec<Value> = tensors
            .iter()
            .map(|(name, shape)| json!({ "name": name, "shape": shape }))
            .collect();
        ui.json(&json!({
            "input": name(path),
            "id": model.id.to_string(),
            "bytes": model.len(),
            "weights": weights,
            "metadata": model.metadata(),
            "tensors": tensors,
        }))?;
        return Ok(0);
    }
    ui.print(format_args!("{}: model {}", name(path), model.id))?;
    ui.print(format_args!("  bytes     {}", model.len()))?;
    ui.print(format_args!(
        "  weights   {weights} in {} tensors",
        tensors.len()
    ))?;
    for (key, value) in model.metadata() {
        ui.print(format_args!("  {key:<9} {value}"))?;
    }
    Ok(0)
}
