//! A codec as a build knows it before any is opened: its facts, its default model, and what it can do beside coding.
//!
//! Training, inspection, defaults and questions are hooks here, so that the command line, the bindings, the fuzzer and the
//! tests iterate over the registry and name no codec.

use std::ops::Range;

use serde_json::Value;

use crate::rng::Rng;
use crate::{
    AnyCodec, CodecInfo, CodecOption, Control, Format, Goal, Model, Options, Records, Result,
    SignalBuf,
};

/// A codec of a build, which may be opened with different models.
pub trait Family: Send + Sync {
    /// Frozen facts.
    fn info(&self) -> &'static CodecInfo;

    /// Bytes of the model that the build has embedded, if any.
    fn default_model(&self) -> Option<&'static [u8]> {
        None
    }

    /// Opens the codec; with `None` where it needs no model.
    ///
    /// # Errors
    /// [`crate::Error::Model`] where it needs one, or this is none of it.
    fn open(&self, model: Option<&Model>) -> Result<AnyCodec>;

    /// What a signal is coded to where nothing is asked for.
    fn default_goal(&self, _format: &Format) -> Goal {
        match self.info().lossless {
            true => Goal::Exact,
            false => Goal::Quality(5.0),
        }
    }

    /// The form in which the codec takes such a signal: the same, or another that whoever opens files turns it into first.
    fn takes(&self, format: &Format) -> Format {
        *format
    }

    /// Learns models, where the codec has any that a person can learn and the build has what it takes.
    fn trainer(&self) -> Option<&dyn Trainer> {
        None
    }

    /// Answers questions from a model, where the codec's models can.
    ///
    /// # Errors
    /// [`crate::Error::Model`] where it is none of this codec.
    fn questions(&self, _model: &Model) -> Result<Option<Box<dyn Questions>>> {
        Ok(None)
    }
}

/// Learns a model from examples.
pub trait Trainer: Send + Sync {
    /// One line of what it learns, and from what.
    fn about(&self) -> &'static str;

    /// Its options.
    fn options(&self) -> &'static [CodecOption];

    /// Makes of an example what is kept of it until all are read, for it is as it lies in its file: called side by side.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] for one that is passed over.
    fn prepare(&self, example: Example) -> Result<Example> {
        Ok(example)
    }

    /// Learns a model. Checkpoints go to [`Control::checkpoints`].
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for options or data that make no sense, [`crate::Error::Cancelled`] with a checkpoint kept.
    fn train(
        &self,
        data: &mut dyn Examples,
        options: &Options,
        ctl: &mut Control<'_>,
    ) -> Result<Trained>;
}

/// A model that was learnt.
#[derive(Debug, Clone)]
pub struct Trained {
    /// Bytes of the model file.
    pub model: Vec<u8>,
    /// One line of how good it is.
    pub summary: String,
    /// The same facts for a program: an object.
    pub facts: Value,
}

/// What a model is learnt from.
pub trait Examples {
    /// What the variables of records mean; none for other kinds of media.
    fn form(&self) -> Option<&RecordsForm>;

    /// Names of the files, for the model's card.
    fn files(&self) -> Vec<String>;

    /// The next example: a whole recording, or a block of records; none at the end.
    ///
    /// # Errors
    /// Those of reading it.
    fn next(&mut self) -> Result<Option<Example>>;
}

/// Something to learn from.
#[derive(Debug, Clone)]
pub struct Example {
    /// Path relative to the folder it was found in.
    pub name: String,
    /// Whether it is to be held out, for measuring.
    pub held_out: bool,
    /// Form of its signal.
    pub format: Format,
    /// The signal.
    pub signal: SignalBuf,
}

/// What the variables of records mean, as far as a codec has use for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordsForm {
    /// Values of each variable.
    pub alphabets: Vec<u32>,
    /// Of each variable the value that stands for a text, if any.
    pub open: Vec<Option<u16>>,
    /// Of each variable whether its values are in an order.
    pub ordered: Vec<bool>,
    /// Height, width and samples of a pixel, where records are images.
    pub image: Option<[usize; 3]>,
    /// Columns of a table by name, and the variables of each.
    pub columns: Vec<(String, Range<usize>)>,
    /// The same in the words of the model file's metadata, by key.
    pub metadata: Vec<(String, String)>,
}

/// Answers from a model over records. Values past a variable's alphabet stand for unknown ones.
pub trait Questions: Send + Sync {
    /// Values of each variable; of an unknown one the first that is not.
    fn alphabets(&self) -> Vec<u32>;

    /// How the model is built: an object.
    fn structure(&self) -> Value;

    /// Bits of a record, unknown values summed over.
    fn bits(&self, record: &[u16]) -> f64;

    /// Probabilities of all values of variables, given what is known of a record: `[of][value]`.
    fn conditionals(&self, given: &[u16], of: &[usize]) -> Vec<Vec<f64>>;

    /// The record with its unknown values drawn.
    fn sample(&self, given: &[u16], rng: &mut Rng) -> Vec<u16>;

    /// The record with its unknown values as they are likeliest.
    fn complete(&self, given: &[u16]) -> Vec<u16>;

    /// Bits that coding records takes by variable, summed over the rows, and multiply-adds for them.
    ///
    /// # Errors
    /// Those of coding.
    fn cost(&self, rows: Records<'_>) -> Result<(Vec<f64>, u64)>;
}
