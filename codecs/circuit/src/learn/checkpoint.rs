//! Checkpoints of learning: what a run has to know to go on to the same tables.

use std::path::{Path, PathBuf};

use nc_core::{Error, Result};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::{Em, Recipe, Traits};
use crate::{Circuit, Records, Tree};

/// What a run has to know to go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Of recipe, structure and records: another run's checkpoint is not taken.
    pub(super) key: u64,
    pub(super) epochs: usize,
    /// States at the moment, at most.
    pub(super) states: usize,
    /// Passes done with these states, and batches of the one at hand with the sum of their
    /// log-likelihoods.
    pub(super) epoch: usize,
    pub(super) batch: usize,
    pub(super) sum: f64,
    pub(super) best_epoch: usize,
    pub(super) best: f64,
    pub(super) bits: f64,
    pub(super) seconds: f64,
}

pub(super) fn key(recipe: &Recipe, tree: &Tree, records: &Records, traits: &Traits) -> u64 {
    let text = format!("{recipe:?} {tree:?} {traits:?} {:?}", records.variables());
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(text.as_bytes());
    for row in records.rows() {
        for x in row {
            hash.update(&x.to_le_bytes());
        }
    }
    hash.digest()
}

fn fault(e: impl std::fmt::Display) -> Error {
    Error::Io(std::io::Error::other(format!("checkpoint: {e}")))
}

/// Writes the state beside the old one, then over it.
pub(super) fn save(file: &Path, state: &State, em: &Em, best: &Circuit) -> Result<()> {
    let n = best.tree().vertices().len();
    let bytes = |tables: &mut dyn Iterator<Item = &[f32]>| -> Vec<u8> {
        tables.flatten().flat_map(|x| x.to_le_bytes()).collect()
    };
    let data = [
        ("edges", bytes(&mut em.mean.edges.iter().map(Vec::as_slice))),
        (
            "leaves",
            bytes(&mut em.mean.leaves.iter().map(Vec::as_slice)),
        ),
        ("best_edges", bytes(&mut (0..n).map(|v| best.edge(v)))),
        ("best_leaves", bytes(&mut (0..n).map(|v| best.leaf(v)))),
    ];
    let views: Result<Vec<_>> = data
        .iter()
        .map(|(name, b)| {
            let view = TensorView::new(Dtype::F32, vec![b.len() / 4], b);
            Ok((*name, view.map_err(fault)?))
        })
        .collect();
    let text = serde_json::to_string(state).map_err(fault)?;
    let meta = [("state".to_owned(), text)].into();
    let bytes = safetensors::serialize(views?, Some(meta)).map_err(fault)?;
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let new: PathBuf = file.with_extension("new");
    std::fs::write(&new, bytes)?;
    std::fs::rename(&new, file)?;
    Ok(())
}

/// The state in a checkpoint, and the bytes with the tables.
pub(super) fn read(file: &Path, key: u64) -> Result<(State, Vec<u8>)> {
    let bytes = std::fs::read(file)?;
    let (_, head) = SafeTensors::read_metadata(&bytes).map_err(fault)?;
    let text = head.metadata().as_ref().and_then(|m| m.get("state"));
    let state: State = serde_json::from_str(text.map_or("", |t| t.as_str())).map_err(fault)?;
    if state.key != key {
        return Err(Error::Usage(
            "the checkpoint is of another run: other records, structure or recipe".into(),
        ));
    }
    Ok((state, bytes))
}

pub(super) fn fill(bytes: &[u8], em: &mut Em, best: &mut Circuit) -> Result<()> {
    let all = SafeTensors::deserialize(bytes).map_err(fault)?;
    let fill = |name: &str, tables: &mut dyn Iterator<Item = &mut Vec<f32>>| -> Result<()> {
        let tensor = all.tensor(name).map_err(fault)?;
        let mut from = tensor.data().chunks_exact(4);
        for x in tables.flatten() {
            let b = from.next().ok_or_else(|| fault("too short"))?;
            *x = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        }
        Ok(())
    };
    fill("edges", &mut em.mean.edges.iter_mut())?;
    fill("leaves", &mut em.mean.leaves.iter_mut())?;
    let (edges, leaves, _) = best.tables_mut();
    fill("best_edges", &mut edges.iter_mut())?;
    fill("best_leaves", &mut leaves.iter_mut())
}
