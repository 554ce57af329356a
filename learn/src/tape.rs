//! The tape: which operations were done, in order, and how the gradient of each comes from that of its result.

use std::cell::RefCell;
use std::sync::Arc;

use nc_core::Result;

use crate::misfit;

/// Rows and channels of a value.
pub type Dims = [usize; 2];

/// From the gradient of the result, and which inputs want one, the gradients of the inputs.
type Pullback = Box<dyn FnOnce(Vec<f32>, &[bool]) -> Result<Vec<Option<Vec<f32>>>>>;

enum Step {
    /// A value whose gradient is asked for.
    Leaf,
    /// An operation.
    Op {
        /// Where its inputs stand; none for those without gradients.
        inputs: Vec<Option<usize>>,
        pullback: Pullback,
    },
    /// An operation whose gradients have been computed.
    Done,
}

struct Entry {
    len: usize,
    step: Step,
}

/// Operations in the order that they were done in. Values that no gradient flows to leave no trace on it.
#[derive(Default)]
pub struct Tape {
    entries: RefCell<Vec<Entry>>,
}

/// A value on a tape: `[rows, channels]`, row-major.
#[derive(Clone)]
pub struct Node<'t> {
    tape: &'t Tape,
    /// Where it stands, if gradients flow to it.
    at: Option<usize>,
    value: Arc<Vec<f32>>,
    dims: Dims,
}

/// Gradients of the leaves of a tape.
pub struct Gradients<'t> {
    tape: &'t Tape,
    by_entry: Vec<Option<Vec<f32>>>,
}

impl Tape {
    /// An empty tape.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A value that is shared with others, such as a parameter; with `grad`, its gradient is kept.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for a value of another size.
    pub fn leaf(&self, value: Arc<Vec<f32>>, dims: Dims, grad: bool) -> Result<Node<'_>> {
        fits(&value, dims)?;
        let at = grad.then(|| self.push(value.len(), Step::Leaf));
        Ok(Node {
            tape: self,
            at,
            value,
            dims,
        })
    }

    /// A value without a gradient.
    ///
    /// # Errors
    /// As [`Self::leaf`].
    pub fn input(&self, value: Vec<f32>, dims: Dims) -> Result<Node<'_>> {
        self.leaf(Arc::new(value), dims, false)
    }

    /// The result `value` of an operation on `inputs`.
    ///
    /// `pullback` takes the gradient of the result and which inputs want one, and gives the gradients of those, in
    /// the inputs' own shapes. It is called at most once, and not at all where no gradient flows.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for a value of another size, or inputs of another tape.
    pub fn op<const N: usize>(
        &self,
        inputs: [&Node<'_>; N],
        value: Vec<f32>,
        dims: Dims,
        pullback: impl FnOnce(Vec<f32>, [bool; N]) -> Result<[Option<Vec<f32>>; N]> + 'static,
    ) -> Result<Node<'_>> {
        self.op_of_many(&inputs, value, dims, move |g, wanted| {
            let wanted = std::array::from_fn(|i| wanted[i]);
            pullback(g, wanted).map(Vec::from)
        })
    }

    /// As [`Self::op`], of a number of inputs that is not known beforehand.
    ///
    /// # Errors
    /// As [`Self::op`].
    pub fn op_of_many(
        &self,
        inputs: &[&Node<'_>],
        value: Vec<f32>,
        dims: Dims,
        pullback: impl FnOnce(Vec<f32>, &[bool]) -> Result<Vec<Option<Vec<f32>>>> + 'static,
    ) -> Result<Node<'_>> {
        fits(&value, dims)?;
        if inputs.iter().any(|n| !std::ptr::eq(n.tape, self)) {
            return Err(misfit("an operation on values of another tape"));
        }
        let at = inputs.iter().any(|n| n.at.is_some()).then(|| {
            let step = Step::Op {
                inputs: inputs.iter().map(|n| n.at).collect(),
                pullback: Box::new(pullback),
            };
            self.push(value.len(), step)
        });
        Ok(Node {
            tape: self,
            at,
            value: Arc::new(value),
            dims,
        })
    }

    fn push(&self, len: usize, step: Step) -> usize {
        let mut entries = self.entries.borrow_mut();
        entries.push(Entry { len, step });
        entries.len() - 1
    }
}

/// There may be no rows, but there is at least one channel.
fn fits(value: &[f32], dims: Dims) -> Result<()> {
    match dims[0].checked_mul(dims[1]) {
        Some(n) if n == value.len() && dims[1] > 0 => Ok(()),
        _ => Err(misfit("a value of another size than its dimensions")),
    }
}

impl<'t> Node<'t> {
    /// Rows and channels.
    #[must_use]
    pub fn dims(&self) -> Dims {
        self.dims
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.value
    }

    /// The values, to be kept by a pullback.
    #[must_use]
    pub fn shared(&self) -> Arc<Vec<f32>> {
        self.value.clone()
    }

    /// The tape that this stands on.
    #[must_use]
    pub fn tape(&self) -> &'t Tape {
        self.tape
    }

    /// The same value, which no gradient flows through.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            at: None,
            ..self.clone()
        }
    }

    /// The same values in other dimensions.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] where they have another size.
    pub fn reshaped(&self, dims: Dims) -> Result<Self> {
        fits(&self.value, dims)?;
        Ok(Self {
            dims,
            ..self.clone()
        })
    }

    /// The only value.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] where there are more.
    pub fn scalar(&self) -> Result<f32> {
        match self.value[..] {
            [v] => Ok(v),
            _ => Err(misfit("not a single number")),
        }
    }

    /// The gradients of the leaves with respect to this number.
    ///
    /// # Errors
    /// As [`Self::backward_from`].
    pub fn backward(&self) -> Result<Gradients<'t>> {
        self.scalar()?;
        self.backward_from(vec![1.0])
    }

    /// The gradients of the leaves, given that of this value. A tape goes back once: its operations are freed on the way.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for a gradient of another size, or on the second call.
    pub fn backward_from(&self, grad: Vec<f32>) -> Result<Gradients<'t>> {
        fits(&grad, self.dims)?;
        let mut entries = self.tape.entries.borrow_mut();
        let mut grads: Vec<Option<Vec<f32>>> = Vec::new();
        grads.resize_with(entries.len(), || None);
        if let Some(at) = self.at {
            grads[at] = Some(grad);
            for i in (0..=at).rev() {
                if matches!(entries[i].step, Step::Leaf) {
                    continue;
                }
                let Some(grad) = grads[i].take() else {
                    continue;
                };
                let step = std::mem::replace(&mut entries[i].step, Step::Done);
                let Step::Op { inputs, pullback } = step else {
                    return Err(misfit("a tape that has gone back before"));
                };
                let wanted: Vec<bool> = inputs.iter().map(Option::is_some).collect();
                let made = pullback(grad, &wanted)?;
                if made.len() != inputs.len() {
                    return Err(misfit("gradients of another number of inputs"));
                }
                for (to, grad) in inputs.iter().zip(made) {
                    // One that nobody asked for is dropped.
                    let Some(to) = *to else { continue };
                    let grad = grad.ok_or_else(|| misfit("a gradient that was not given"))?;
                    if grad.len() != entries[to].len {
                        return Err(misfit("a gradient of another size than its value"));
                    }
                    match &mut grads[to] {
                        Some(sum) => sum.iter_mut().zip(&grad).for_each(|(s, g)| *s += g),
                        none => *none = Some(grad),
                    }
                }
            }
        }
        Ok(Gradients {
            tape: self.tape,
            by_entry: grads,
        })
    }
}

impl Gradients<'_> {
    /// The gradient of a leaf: zeros where the result does not depend on it.
    ///
    /// # Errors
    /// [`nc_core::Error::Internal`] for what is not a leaf with gradients of this tape.
    pub fn take(&mut self, leaf: &Node<'_>) -> Result<Vec<f32>> {
        let at = leaf
            .at
            .filter(|_| std::ptr::eq(self.tape, leaf.tape))
            .and_then(|at| self.by_entry.get_mut(at))
            .ok_or_else(|| misfit("the gradient of a value that has none"))?;
        Ok(at.take().unwrap_or_else(|| vec![0.0; leaf.value.len()]))
    }

    /// The gradients of all `leaves`.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn take_all(mut self, leaves: &[Node<'_>]) -> Result<Vec<Vec<f32>>> {
        leaves.iter().map(|leaf| self.take(leaf)).collect()
    }
}
