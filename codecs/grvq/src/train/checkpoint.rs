//! Checkpoints: everything that a stopped run needs to go on as if it had not stopped.
//!
//! A file's name carries a hash of recipe and data, so that a run never takes up another run's state.

use std::path::{Path, PathBuf};

use nc_core::rng::Rng;
use nc_core::{Error, Result};
use nc_learn::{Checkpoint, Learner};

use super::quant::Quantiser;
use crate::config::Config;

/// State of one phase of training.
pub struct State {
    /// Steps done.
    pub step: u64,
    /// Parameters, optimiser, average.
    pub learner: Learner,
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
    /// Writes the state.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut c = Checkpoint::default();
        self.learner.store(&mut c);
        c.word("codebooks", self.quantiser.is_some());
        if let Some(q) = &self.quantiser {
            c.floats.extend(q.state());
        }
        c.word("step", self.step);
        c.word("seconds", self.seconds);
        c.word("rng", serde_json::to_string(&self.rng).map_err(broken)?);
        c.save(path)
    }

    /// Reads the state into `self`, whose parameters give names and sizes.
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Format`] where it does not fit.
    pub fn load(&mut self, path: &Path, config: &Config) -> Result<()> {
        let mut c = Checkpoint::load(path)?;
        self.learner.restore(&mut c)?;
        self.quantiser = match c.take_word("codebooks")? {
            true => Some(Quantiser::restore(config, &mut c)?),
            false => None,
        };
        self.step = c.take_word("step")?;
        self.seconds = c.take_word("seconds")?;
        let rng: String = c.take_word("rng")?;
        self.rng = serde_json::from_str(&rng).map_err(broken)?;
        Ok(())
    }
}
