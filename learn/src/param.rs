//! Parameters by name, their average over training, and all that a training keeps of them.

use std::sync::Arc;

use nc_core::Result;
use nc_core::rng::Rng;

use crate::adamw::{AdamW, Settings, Update, clip};
use crate::checkpoint::Checkpoint;
use crate::tape::{Dims, Node, Tape};

/// One named parameter, a matrix (vectors have one row).
#[derive(Debug, Clone, PartialEq)]
pub struct Param {
    /// Name, e.g. `enc.0.up.weight`.
    pub name: String,
    /// Rows and columns.
    pub dims: Dims,
    /// Values, row-major; shared with the tapes that they are on.
    pub data: Arc<Vec<f32>>,
    /// Whether weight decay applies.
    pub decays: bool,
}

/// Parameters in a fixed order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Params(pub Vec<Param>);

impl Params {
    fn add(&mut self, name: impl Into<String>, dims: Dims, data: Vec<f32>, decays: bool) {
        self.0.push(Param {
            name: name.into(),
            dims,
            data: Arc::new(data),
            decays,
        });
    }

    /// Adds a matrix that decays.
    pub fn matrix(&mut self, name: impl Into<String>, dims: Dims, data: Vec<f32>) {
        self.add(name, dims, data, true);
    }

    /// Adds a matrix that does not decay: one that is small and sets scales, as depthwise taps do.
    pub fn undecayed(&mut self, name: impl Into<String>, dims: Dims, data: Vec<f32>) {
        self.add(name, dims, data, false);
    }

    /// Adds a vector `[1, n]`, which does not decay.
    pub fn vector(&mut self, name: impl Into<String>, data: Vec<f32>) {
        self.add(name, [1, data.len()], data, false);
    }

    /// Adds `{name}.weight` `[outputs, inputs]`, normal of variance `gain^2 / inputs` and cut at two deviations, and
    /// `{name}.bias`, zero.
    pub fn dense(&mut self, name: &str, outputs: usize, inputs: usize, gain: f32, rng: &mut Rng) {
        let std = gain / (inputs as f32).sqrt();
        let w = (0..outputs * inputs).map(|_| rng.normal().clamp(-2.0, 2.0) * std);
        self.matrix(format!("{name}.weight"), [outputs, inputs], w.collect());
        self.vector(format!("{name}.bias"), vec![0.0; outputs]);
    }

    /// The parameters as leaves of `tape`, in their order; with `grad`, gradients are kept for them.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for one whose data have another size.
    pub fn nodes<'t>(&self, tape: &'t Tape, grad: bool) -> Result<Vec<Node<'t>>> {
        let leaf = |p: &Param| tape.leaf(p.data.clone(), p.dims, grad);
        self.0.iter().map(leaf).collect()
    }

    /// Puts them into a checkpoint as `{prefix}.{name}`.
    pub fn store(&self, prefix: &str, to: &mut Checkpoint) {
        for p in &self.0 {
            to.floats
                .insert(format!("{prefix}.{}", p.name), p.data.to_vec());
        }
    }

    /// Takes them from a checkpoint; names and sizes stay.
    ///
    /// # Errors
    /// [`nc_core::Error::Format`] where it has others.
    pub fn restore(&mut self, prefix: &str, from: &mut Checkpoint) -> Result<()> {
        for p in &mut self.0 {
            let data = from.take_floats(&format!("{prefix}.{}", p.name), p.data.len())?;
            p.data = Arc::new(data);
        }
        Ok(())
    }
}

/// A running average of parameters, which often does better than the parameters themselves.
#[derive(Debug, Clone)]
pub struct Average {
    /// The average.
    pub params: Params,
    /// Share of it that a step keeps, less in the first steps.
    pub keep: f32,
}

impl Average {
    /// Moves towards `now`, the parameters after `steps` steps.
    fn follow(&mut self, now: &Params, steps: u64) {
        let t = steps as f32;
        let keep = self.keep.min(t / (t + 9.0));
        for (a, p) in self.params.0.iter_mut().zip(&now.0) {
            let a = Arc::make_mut(&mut a.data).iter_mut();
            a.zip(p.data.iter())
                .for_each(|(a, p)| *a = keep * *a + (1.0 - keep) * p);
        }
    }
}

/// Parameters with their optimiser and their average.
#[derive(Debug, Clone)]
pub struct Learner {
    /// Parameters.
    pub params: Params,
    /// Optimiser.
    pub adam: AdamW,
    /// Average of the parameters.
    pub average: Average,
}

impl Learner {
    /// Before the first step, with AdamW's default settings and an average over about 500 steps.
    #[must_use]
    pub fn new(params: Params) -> Self {
        Self::with(params, Settings::default(), 0.998)
    }

    /// Before the first step; the average keeps the share `keep` of itself in a step.
    #[must_use]
    pub fn with(params: Params, settings: Settings, keep: f32) -> Self {
        Self {
            adam: AdamW::new(settings, params.0.iter().map(|p| p.data.len())),
            average: Average {
                params: params.clone(),
                keep,
            },
            params,
        }
    }

    /// One step against `grads` (in the order of the parameters), whose common norm is brought to `most` if it is
    /// larger; gives the norm before that. A norm that is not finite changes nothing: the caller sees it.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for gradients of other sizes.
    pub fn apply(&mut self, grads: &mut [Vec<f32>], rate: f32, most: f32) -> Result<f32> {
        let norm = clip(grads, most);
        if !norm.is_finite() {
            return Ok(norm);
        }
        if grads.len() != self.params.0.len() {
            return Err(crate::misfit("gradients of other parameters"));
        }
        let pairs = self.params.0.iter_mut().zip(grads.iter());
        let updates = pairs.map(|(p, grad)| Update {
            decays: p.decays,
            values: Arc::make_mut(&mut p.data).as_mut_slice(),
            grad,
        });
        self.adam.step(rate, updates)?;
        self.average.follow(&self.params, self.adam.steps);
        Ok(norm)
    }

    /// Puts everything into a checkpoint.
    pub fn store(&self, to: &mut Checkpoint) {
        self.params.store("param", to);
        self.average.params.store("average", to);
        self.adam.store("adam", to);
    }

    /// Takes everything from a checkpoint of the same parameters.
    ///
    /// # Errors
    /// [`nc_core::Error::Format`] where it is of others.
    pub fn restore(&mut self, from: &mut Checkpoint) -> Result<()> {
        self.params.restore("param", from)?;
        self.average.params.restore("average", from)?;
        self.adam.restore("adam", from)
    }
}
