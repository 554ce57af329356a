//! Custom differentiable operations: a forward result and a closure for its gradients.
//!
//! burn holds the graph; the layers below are written by hand over slices, because on a CPU the
//! engine's depthwise convolution, activations and small products are several times slower than
//! the floor (see the figures in `design.md`), and because a whole ConvNeXt block or spectral loss
//! as one node needs a tenth of the memory traffic.

use std::fmt;
use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::{Autodiff, Flex};
use burn::tensor::{Device, Tensor, TensorData};

type Diff = Autodiff<Flex>;
type Pullback<const N: usize> = dyn Fn(&[f32]) -> [Option<Vec<f32>>; N] + Send + Sync;

/// A matrix of the autodiff graph.
pub type Node = Tensor<2>;

/// The device that graphs live on: the CPU, with gradients.
pub fn device() -> Device {
    Device::flex().autodiff()
}

/// A leaf: `data` as `[rows, cols]`; with `grad`, gradients are kept for it.
pub fn leaf(data: Vec<f32>, rows: usize, cols: usize, grad: bool) -> Node {
    let t = Tensor::<2>::from_data(TensorData::new(data, [rows, cols]), &device());
    if grad { t.require_grad() } else { t }
}

/// The values of a node, copied.
pub fn values(t: &Node) -> Vec<f32> {
    t.clone()
        .into_data()
        .try_to_vec::<f32>()
        .unwrap_or_default()
}

struct State<const N: usize> {
    pullback: Arc<Pullback<N>>,
    shapes: [[usize; 2]; N],
}

impl<const N: usize> Clone for State<N> {
    fn clone(&self) -> Self {
        Self {
            pullback: self.pullback.clone(),
            shapes: self.shapes,
        }
    }
}

impl<const N: usize> fmt::Debug for State<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State")
    }
}

#[derive(Debug)]
struct Custom<const N: usize>;

fn primitive(data: Vec<f32>, shape: [usize; 2]) -> burn::backend::tensor::FloatTensor<Flex> {
    burn::backend::flex::FlexTensor::from_data(TensorData::new(data, shape))
}

impl<const N: usize> Backward<Flex, N> for Custom<N> {
    type State = State<N>;

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let grad = grads.consume::<Flex>(&ops.node);
        let grad = grad.to_contiguous();
        let out = (ops.state.pullback)(grad.storage::<f32>());
        for ((parent, g), shape) in ops.parents.iter().zip(out).zip(ops.state.shapes) {
            if let (Some(parent), Some(g)) = (parent, g) {
                grads.register::<Flex>(parent.id, primitive(g, shape));
            }
        }
    }
}

/// A node of the graph with value `out` (`[rows, cols]`) over `inputs`.
///
/// `pullback` takes the gradient of the output, row-major, and gives one for each input that
/// needs it, in the input's own shape.
pub fn custom<const N: usize>(
    inputs: [&Node; N],
    out: Vec<f32>,
    shape: [usize; 2],
    pullback: impl Fn(&[f32]) -> [Option<Vec<f32>>; N] + Send + Sync + 'static,
) -> Node {
    let shapes = inputs.map(|t| t.dims());
    let prims = inputs.map(|t| match t.clone().try_into_primitive::<Diff>() {
        Ok(p) => p,
        Err(e) => unreachable!("every node is made by this module: {e:?}"),
    });
    let guards = prims.each_ref().map(|p| p.node());
    let out = primitive(out, shape);
    let made = match Custom::<N>
        .prepare::<NoCheckpointing>(guards)
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(prep) => prep.finish(
            State {
                pullback: Arc::new(pullback),
                shapes,
            },
            out,
        ),
        OpsKind::UnTracked(prep) => prep.finish(out),
    };
    Tensor::from_primitive::<Diff>(made)
}
