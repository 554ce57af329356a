//! Checkpoints: everything that a stopped run needs to go on as if it had not stopped.
//!
//! A file is safetensors, written beside its name and renamed; its name carries a hash of recipe
//! and data, so that a run never takes up another run's state.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use nc_core::{Error, Result};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::adam::Adam;
use super::net::Params;
use super::quant::Quantiser;
use crate::config::Config;
use nc_core::rng::Rng;

/// State of one phase of training.
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Parameters.
    pub params: Params,
    /// Optimiser.
    pub adam: Adam,
    /// Codebooks, once started.
    pub quantiser: Option<Quantiser>,
    /// Generator.
    pub rng: Rng,
    /// Seconds of training so far.
    pub seconds: f64,
}

fn broken(what: impl std::fmt::Display) -> Error {
    Error::Format(format!("checkpoint: {what}").into())
}

/// Where the checkpoint of `phase` under `key` lies.
pub fn path(dir: &Path, phase: &str, key: &str) -> PathBuf {
    dir.join(format!("grvq-{phase}-{key}.ckpt"))
}

impl State {
    fn slots(&self) -> Vec<(String, &[f32])> {
        let mut out = Vec::new();
        for (i, p) in self.params.0.iter().enumerate() {
            out.push((format!("p.{}", p.name), p.data.as_slice()));
            out.push((format!("m.{}", p.name), self.adam.m[i].as_slice()));
            out.push((format!("v.{}", p.name), self.adam.v[i].as_slice()));
            out.push((
                format!("a.{}", p.name),
                self.adam.average.0[i].data.as_slice(),
            ));
        }
        out
    }

    /// Writes the state.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let books = self
            .quantiser
            .as_ref()
            .map(Quantiser::state)
            .unwrap_or_default();
        let mut slots = self.slots();
        slots.extend(books.iter().map(|(n, d)| (n.clone(), d.as_slice())));
        let bytes: Vec<(String, Vec<u8>)> = slots
            .into_iter()
            .map(|(n, d)| (n, d.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let views = bytes
            .iter()
            .map(|(n, b)| {
                Ok((
                    n.as_str(),
                    TensorView::new(Dtype::F32, vec![b.len() / 4], b).map_err(broken)?,
                ))
            })
            .collect::<Result<Vec<_>>>()?;
        let meta = HashMap::from([
            ("step".to_owned(), self.step.to_string()),
            ("adam".to_owned(), self.adam.step.to_string()),
            (
                "rng".to_owned(),
                serde_json::to_string(&self.rng).map_err(broken)?,
            ),
            ("seconds".to_owned(), self.seconds.to_string()),
        ]);
        let data = safetensors::serialize(views, Some(meta)).map_err(broken)?;
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let part = path.with_extension("part");
        std::fs::write(&part, data)?;
        std::fs::rename(&part, path)?;
        Ok(())
    }

    /// Reads the state into `self`, whose parameters give names and sizes.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] where it does not fit.
    pub fn load(&mut self, path: &Path, config: &Config) -> Result<()> {
        let data = std::fs::read(path)?;
        let (_, meta) = SafeTensors::read_metadata(&data).map_err(broken)?;
        let meta = meta.metadata().clone().unwrap_or_default();
        let word = |k: &str| meta.get(k).ok_or_else(|| broken(format!("no {k}")));
        let file = SafeTensors::deserialize(&data).map_err(broken)?;
        let read = |name: &str, len: Option<usize>| -> Result<Vec<f32>> {
            let t = file.tensor(name).map_err(broken)?;
            let v: Vec<f32> = t
                .data()
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect();
            if len.is_some_and(|n| n != v.len()) {
                return Err(broken(format!("{name} has another size")));
            }
            Ok(v)
        };
        for (i, p) in self.params.0.iter_mut().enumerate() {
            let n = Some(p.data.len());
            p.data = read(&format!("p.{}", p.name), n)?;
            self.adam.m[i] = read(&format!("m.{}", p.name), n)?;
            self.adam.v[i] = read(&format!("v.{}", p.name), n)?;
            self.adam.average.0[i].data = read(&format!("a.{}", p.name), n)?;
        }
        self.quantiser = if file.names().iter().any(|n| n.starts_with("book.")) {
            Some(Quantiser::restore(config, |n| read(n, None))?)
        } else {
            None
        };
        self.step = word("step")?.parse().map_err(broken)?;
        self.adam.step = word("adam")?.parse().map_err(broken)?;
        self.rng = serde_json::from_str(word("rng")?).map_err(broken)?;
        self.seconds = word("seconds")?.parse().map_err(broken)?;
        Ok(())
    }
}
