//! What a circuit answers exactly, as the registry offers it.

use nc_core::family::Questions;
use nc_core::rng::Rng;
use nc_core::{Model, Records, Result};
use serde_json::{Value, json};

use crate::model::Stored;
use crate::{Frozen, Texts, query};

/// A circuit from a model file.
pub struct Oracle {
    stored: Stored,
    frozen: Frozen,
}

impl Oracle {
    /// From a model.
    ///
    /// # Errors
    /// [`nc_core::Error::Model`] where it is no circuit's.
    pub fn new(model: &Model) -> Result<Self> {
        let stored = Stored::read(model)?;
        let texts = Texts::from_weights(&stored.texts);
        let frozen = Frozen::new(&stored.circuit)?.with_texts(stored.open.clone(), texts)?;
        Ok(Self { stored, frozen })
    }
}

impl Questions for Oracle {
    fn alphabets(&self) -> Vec<u32> {
        self.stored.circuit.alphabets().to_vec()
    }

    fn structure(&self) -> Value {
        let circuit = &self.stored.circuit;
        let vertices = circuit.tree().vertices();
        let most = vertices.iter().map(|v| v.states).max().unwrap_or(0);
        let d = circuit.alphabets().len();
        let edges: usize = (0..vertices.len()).map(|v| circuit.edge(v).len()).sum();
        json!({
            "variables": d,
            "vertices": vertices.len(),
            "states": most,
            "parameters": circuit.parameters(),
            "edge_parameters": edges,
            // Down and up, where all states are left; bins leave fewer. A circuit has a variable.
            "multiply_adds_per_variable_at_most": 2 * edges / d.max(1),
            "first_variables": self.stored.first,
        })
    }

    fn bits(&self, record: &[u16]) -> f64 {
        -query::log_likelihood(&self.stored.circuit, record) / std::f64::consts::LN_2
    }

    fn conditionals(&self, given: &[u16], of: &[usize]) -> Vec<Vec<f64>> {
        query::conditionals(&self.stored.circuit, given, of)
    }

    fn sample(&self, given: &[u16], rng: &mut Rng) -> Vec<u16> {
        query::sample(&self.stored.circuit, given, &self.stored.open, rng)
    }

    fn complete(&self, given: &[u16]) -> Vec<u16> {
        query::complete(&self.stored.circuit, given, &self.stored.open)
    }

    fn cost(&self, rows: Records<'_>) -> Result<(Vec<f64>, u64)> {
        let bits = self.frozen.bits(rows)?;
        let adds = rows.values.rows().into_iter();
        let adds = adds.map(|row| self.frozen.multiply_adds(&row.to_vec()) as u64);
        Ok((bits, adds.sum()))
    }
}
