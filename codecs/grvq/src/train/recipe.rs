//! How to train: sizes, loss weights, steps, seeds. A recipe is a JSON file; what it leaves out
//! has the default's value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::loss::Weights;
use crate::config::Config;

/// How to train a codec and its prior.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Sizes.
    pub config: Config,
    /// Weights of the loss.
    pub weights: Weights,
    /// Steps of the codec in all.
    pub steps: u64,
    /// Steps before the quantiser starts.
    pub warmup: u64,
    /// Sequences per step, even.
    pub batch: usize,
    /// Latent frames per sequence.
    pub frames: usize,
    /// Highest learning rate; cosine down to a hundredth of it.
    pub rate: f32,
    /// Weight of the commitment term.
    pub commitment: f32,
    /// Whether one model serves all rates: each sequence then uses a random number of codebooks.
    /// Without, every sequence uses all.
    pub nested: bool,
    /// Steps of the prior.
    pub prior_steps: u64,
    /// Seed of initialisation and batches.
    pub seed: u64,
    /// What the model's card says besides: licence, data, author. Goes into its metadata as it is.
    pub card: BTreeMap<String, String>,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            config: Config::default(),
            weights: Weights::default(),
            steps: 7_500,
            warmup: 500,
            batch: 16,
            frames: 64,
            rate: 1e-3,
            commitment: 0.25,
            nested: true,
            prior_steps: 3_000,
            seed: 1,
            card: BTreeMap::new(),
        }
    }
}

impl Recipe {
    /// What is wrong with the recipe, if anything.
    ///
    /// # Errors
    /// A sentence.
    pub fn check(&self) -> Result<(), String> {
        self.config.check()?;
        if self.batch < 2 || !self.batch.is_multiple_of(2) {
            return Err(format!(
                "batch is {}, must be even and at least 2",
                self.batch
            ));
        }
        if !(8..=4096).contains(&self.frames) {
            return Err(format!("frames is {}, must be 8 to 4096", self.frames));
        }
        if self.warmup < 16 || self.warmup >= self.steps {
            return Err(format!(
                "warmup is {}, must be at least 16 and below steps",
                self.warmup
            ));
        }
        Ok(())
    }
}
