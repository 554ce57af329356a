//! Circuits in model files.

use std::collections::BTreeMap;

use half::f16;
use nc_core::{Error, Model, Result};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::{Deserialize, Serialize};

use crate::{Bin, Circuit, Tree, Vertex};

/// Structure, as it stands in a model file's metadata under `config`; one entry per vertex in
/// preorder or per variable.
#[derive(Serialize, Deserialize)]
struct Config {
    /// Index of the parent, -1 for the root.
    parents: Vec<i32>,
    states: Vec<u32>,
    /// The vertex's variable, -1 for none.
    variables: Vec<i32>,
    /// Number of values of each variable.
    alphabets: Vec<u32>,
    /// Values and states of each bin, of vertices with bins; nothing where no vertex has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bins: Vec<Vec<[u32; 2]>>,
    /// The value of each variable that says that a text follows, -1 for none.
    open: Vec<i32>,
    /// Vertices whose variables are coded into a stream of their own.
    #[serde(default)]
    first: usize,
}

/// What a circuit's model file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The circuit, its tables rounded to halves.
    pub circuit: Circuit,
    /// The value of each variable that says that a text follows.
    pub open: Vec<Option<u16>>,
    /// Vertices whose variables are coded into a stream of their own, to be decoded without the
    /// rest; 0 for none.
    pub first: usize,
    /// Probability `[256, 256]` of each byte of a text after each; empty where there are none.
    pub texts: Vec<f32>,
}

const NAME: &str = "circuit";
/// Most states of a vertex: the integers that mixtures are made of need the rest of their 23 bits.
const MOST_STATES: usize = 1 << 20;
/// Bytes of memory for one of the text that a structure is written in, at most: a vertex of one state takes about 12 in
/// the text and 400 in the circuit, without its tables' numbers.
const STRUCTURE: u64 = 40;

impl Stored {
    /// A circuit whose variables have no texts.
    #[must_use]
    pub fn new(circuit: Circuit) -> Self {
        let open = vec![None; circuit.alphabets().len()];
        Self {
            circuit,
            open,
            first: 0,
            texts: Vec::new(),
        }
    }

    /// Bytes of a model file: all tables in half precision. `meta` is kept beside what the codec
    /// itself writes (`codec`, `config`).
    ///
    /// # Errors
    /// [`Error::Model`] where the file cannot be made.
    pub fn to_bytes(&self, meta: &BTreeMap<String, String>) -> Result<Vec<u8>> {
        let fail = |e: &dyn std::fmt::Display| Error::Model(e.to_string().into());
        let c = &self.circuit;
        let vertices = c.tree().vertices();
        let index = |i: Option<usize>| i.and_then(|i| i32::try_from(i).ok()).unwrap_or(-1);
        let tree = c.tree();
        let bins = |v| {
            let each = tree.bins(v).iter();
            each.map(|b| [b.values as u32, b.states as u32]).collect()
        };
        let mut bins: Vec<Vec<[u32; 2]>> = (0..vertices.len()).map(bins).collect();
        if bins.iter().all(Vec::is_empty) {
            bins.clear();
        }
        let config = Config {
            bins,
            parents: vertices.iter().map(|v| index(v.parent)).collect(),
            states: vertices.iter().map(|v| v.states as u32).collect(),
            variables: vertices.iter().map(|v| index(v.variable)).collect(),
            alphabets: c.alphabets().to_vec(),
            open: self.open.iter().map(|o| o.map_or(-1, i32::from)).collect(),
            first: self.first,
        };
        let mut all = meta.clone();
        all.insert("codec".into(), NAME.into());
        let config = serde_json::to_string(&config).map_err(|e| fail(&e))?;
        all.insert("config".into(), config);
        let n = vertices.len();
        let half = |tables: &mut dyn Iterator<Item = &[f32]>| -> Vec<u8> {
            tables
                .flatten()
                .flat_map(|p| f16::from_f32(*p).to_le_bytes())
                .collect()
        };
        let data = [
            ("edges", half(&mut (0..n).map(|v| c.edge(v)))),
            ("leaves", half(&mut (0..n).map(|v| c.leaf(v)))),
            ("texts", half(&mut std::iter::once(self.texts.as_slice()))),
        ];
        let views: Result<Vec<(&str, TensorView<'_>)>> = data
            .iter()
            .filter(|(_, bytes)| !bytes.is_empty())
            .map(|(name, bytes)| {
                let view = TensorView::new(Dtype::F16, vec![bytes.len() / 2], bytes);
                Ok((*name, view.map_err(|e| fail(&e))?))
            })
            .collect();
        Model::file(&all, views?)
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// [`Error::Model`] where it is no circuit's, or damaged, [`Error::Limit`] past [`Model::room`].
    pub fn read(model: &Model) -> Result<Self> {
        let wrong = |e: &dyn std::fmt::Display| Error::Model(format!("circuit: {e}").into());
        if model.meta("codec") != Some(NAME) {
            return Err(Error::Model("not the model of a circuit".into()));
        }
        let text = model.meta("config").unwrap_or_default();
        let mut room = model.room();
        room.charge((text.len() as u64).saturating_mul(STRUCTURE))?;
        let config: Config = serde_json::from_str(text).map_err(|e| wrong(&e))?;
        let n = config.parents.len();
        if config.states.len() != n || config.variables.len() != n {
            return Err(wrong(&"a structure of uneven length"));
        }
        let index = |i: i32| usize::try_from(i).ok();
        let each = config.parents.iter().zip(&config.states);
        let each = each.zip(&config.variables);
        let vertices = each.map(|((parent, states), variable)| Vertex {
            parent: index(*parent),
            states: *states as usize,
            variable: index(*variable),
        });
        let mut tree = Tree::new(vertices.collect()).map_err(|e| wrong(&e))?;
        if !config.bins.is_empty() {
            let bin = |[values, states]: &[u32; 2]| Bin {
                values: *values as usize,
                states: *states as usize,
            };
            let bins = config.bins.iter().map(|b| b.iter().map(bin).collect());
            tree = tree.with_bins(bins.collect()).map_err(|e| wrong(&e))?;
            let states = tree.vertices().iter().map(|v| v.states as u64);
            if !states.eq(config.states.iter().map(|s| u64::from(*s))) {
                return Err(wrong(&"bins that do not fit the states"));
            }
        }
        if config.alphabets.len() != tree.variables()
            || config.open.len() != tree.variables()
            || config.alphabets.iter().any(|a| !(2..=65_536).contains(a))
        {
            return Err(wrong(&"alphabets that do not fit"));
        }
        // Each number as it is read, and in its table.
        let numbers = model.tensors().iter().fold(0u64, |sum, (_, shape)| {
            sum.saturating_add(shape.iter().product::<usize>() as u64)
        });
        room.charge(numbers.saturating_mul(8))?;
        let edges = model.tensor("edges")?.data;
        let leaves = model.tensor("leaves")?.data;
        let (mut edge, mut leaf) = (&edges[..], &leaves[..]);
        let short = || wrong(&"tables that are too short");
        let take = |from: &mut &[f32], n: usize| -> Result<Vec<f32>> {
            let (table, rest) = from.split_at_checked(n).ok_or_else(short)?;
            *from = rest;
            Ok(table.to_vec())
        };
        let (mut all_edges, mut all_leaves) = (Vec::new(), Vec::new());
        for (i, v) in tree.vertices().iter().enumerate() {
            if v.states > MOST_STATES {
                return Err(wrong(&"a vertex of too many states"));
            }
            let values = v
                .variable
                .map_or(Some(0), |x| config.alphabets.get(x).copied());
            let values = values.ok_or_else(short)? as usize;
            let above = tree.states_above(i);
            let edges = above.checked_mul(v.states).ok_or_else(short)?;
            let leaves = tree.leaf_entries(i, values).ok_or_else(short)?;
            all_edges.push(take(&mut edge, edges)?);
            all_leaves.push(take(&mut leaf, leaves)?);
        }
        if !edge.is_empty() || !leaf.is_empty() {
            return Err(wrong(&"tables that are too long"));
        }
        let open = config.open.iter().map(|o| u16::try_from(*o).ok()).collect();
        let texts = if model.tensors().iter().any(|(name, _)| name == "texts") {
            model.tensor("texts")?.data
        } else {
            Vec::new()
        };
        if !texts.is_empty() && texts.len() != 256 * 256
            || texts.iter().any(|p| !(0.0..=1.0).contains(p))
        {
            return Err(wrong(&"a table of texts of another size"));
        }
        let circuit =
            Circuit::new(tree, config.alphabets, all_edges, all_leaves).map_err(|e| wrong(&e))?;
        Ok(Self {
            circuit,
            open,
            first: config.first,
            texts,
        })
    }
}
