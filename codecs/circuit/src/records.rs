//! Records: rows of discrete values, the same variables in each.
//!
//! A value equal to its variable's alphabet is unknown: learning and queries sum it out. So a
//! variable of all 65,536 values cannot have unknown ones.

use nc_core::{Error, Result};

/// Rows of `variables.len()` values, variable `v` of each in `0..variables[v]`, or `variables[v]`
/// where it is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    variables: Vec<u32>,
    values: Vec<u16>,
}

impl Records {
    /// Takes rows one after another.
    ///
    /// # Errors
    /// [`Error::Usage`] for no variable, an alphabet that is not of 2 to 65,536 values, values that do
    /// not fill whole rows, or one beyond its alphabet and the mark of the unknown.
    pub fn new(variables: Vec<u32>, values: Vec<u16>) -> Result<Self> {
        let usage = |text: String| Err(Error::Usage(text));
        if variables.is_empty() {
            return usage("records without variables".into());
        }
        if let Some(n) = variables.iter().find(|n| !(2..=65_536).contains(*n)) {
            return usage(format!("a variable of {n} values, must be 2 to 65536"));
        }
        if !values.len().is_multiple_of(variables.len()) {
            return usage(format!(
                "{} values are no whole number of records of {}",
                values.len(),
                variables.len()
            ));
        }
        for (r, row) in values.chunks_exact(variables.len()).enumerate() {
            for (v, (x, n)) in row.iter().zip(&variables).enumerate() {
                if u32::from(*x) > *n {
                    return usage(format!(
                        "record {r}: variable {v} is {x}, must be below {n} ({n}: unknown)"
                    ));
                }
            }
        }
        Ok(Self { variables, values })
    }

    /// Number of values of each variable.
    #[must_use]
    pub fn variables(&self) -> &[u32] {
        &self.variables
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows().len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The records, one after another.
    pub fn rows(&self) -> std::slice::ChunksExact<'_, u16> {
        self.values.chunks_exact(self.variables.len())
    }

    /// The record at `index`, if there is one.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<&[u16]> {
        let d = self.variables.len();
        let start = index.checked_mul(d)?;
        self.values.get(start..start.checked_add(d)?)
    }

    /// Records whose index fits, and the others.
    #[must_use]
    pub fn partition(&self, fits: impl Fn(usize) -> bool) -> (Self, Self) {
        let (mut some, mut others) = (Vec::new(), Vec::new());
        for (i, row) in self.rows().enumerate() {
            let part = if fits(i) { &mut some } else { &mut others };
            part.extend_from_slice(row);
        }
        let [a, b] = [some, others].map(|values| Self {
            variables: self.variables.clone(),
            values,
        });
        (a, b)
    }

    /// The first `at` records, and the rest.
    #[must_use]
    pub fn split_at(&self, at: usize) -> (Self, Self) {
        let at = at.min(self.len()) * self.variables.len();
        let (a, b) = self.values.split_at(at);
        let part = |values: &[u16]| Self {
            variables: self.variables.clone(),
            values: values.to_vec(),
        };
        (part(a), part(b))
    }
}
