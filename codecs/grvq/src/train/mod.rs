//! Training of the codec and of its token prior.
//!
//! Half of each batch runs on each of two threads, every half with a tape of its own; gradients
//! are added and one AdamW step follows. The quantiser starts after a warm-up, from k-means; each
//! sequence then uses a random number of codebooks, so that one stream carries nested rates. The
//! prior is trained last, on the tokens of the frozen codec.

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod check;
mod checkpoint;
mod codec;
mod data;
mod export;
mod hook;
mod loss;
mod net;
mod prior;
mod quant;
mod recipe;
mod spectral;

use std::path::PathBuf;

pub use data::{Clip, Dataset};
pub use hook::Speech;
pub use loss::{Terms, Weights};
pub use recipe::Recipe;

use nc_core::{Control, Error, Progress, Result};
use nc_learn::schedule;

/// What is fixed for a run: recipe, data, where checkpoints go.
struct Run<'a> {
    recipe: &'a Recipe,
    train: &'a Dataset,
    valid: &'a Dataset,
    checkpoints: Option<PathBuf>,
    key: String,
}

impl Run<'_> {
    fn checkpoint(&self, phase: &str) -> Option<PathBuf> {
        self.checkpoints
            .as_ref()
            .map(|d| checkpoint::path(d, phase, &self.key))
    }
}

/// Steps between checkpoints.
const SAVE: u64 = 250;

/// Trains a codec and its prior; gives the bytes of a model file.
///
/// Checkpoints are kept in `ctl.checkpoints` under a name made of recipe and data; with `resume` a run goes
/// on from there and ends in the same model as one that was never stopped. `ctl.cancel` stops
/// after the current step, with a checkpoint.
///
/// # Errors
/// [`Error::Usage`] for a recipe or data that make no sense, [`Error::Cancelled`], [`Error::Io`].
pub fn train(
    recipe: &Recipe,
    train: &Dataset,
    valid: &Dataset,
    resume: bool,
    ctl: &mut Control<'_>,
) -> Result<Vec<u8>> {
    recipe.check().map_err(Error::Usage)?;
    let sequence = (recipe.frames * crate::config::HOP) as u64;
    if train.samples() < sequence {
        return Err(Error::Usage(
            "less than one sequence of training audio".into(),
        ));
    }
    let text = serde_json::to_string(recipe).map_err(|e| Error::Usage(e.to_string()))?;
    let mut hash = blake3::Hasher::new();
    hash.update(text.as_bytes());
    hash.update(train.hash().as_bytes());
    let key = hash.finalize().to_hex()[..16].to_owned();
    let run = Run {
        recipe,
        train,
        valid,
        checkpoints: ctl.checkpoints.clone(),
        key,
    };
    let codec = codec::run(&run, resume, ctl)?;
    let prior = prior::run(&run, &codec, resume, ctl)?;
    export::model(&run, &codec, &prior)
}

/// Cosine from `top` to a hundredth of it, after a rise of 200 steps.
fn rate(top: f32, step: u64, steps: u64) -> f32 {
    let done = step as f32 / steps.max(1) as f32;
    top * schedule::rise(step, 200) * schedule::cosine(done, 0.01)
}

fn report(ctl: &mut Control<'_>, task: &str, done: u64, total: u64, note: &str) {
    ctl.report(Progress {
        task,
        done,
        total: Some(total),
        note,
    });
}
