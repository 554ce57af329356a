//! What is odd about a file, or is not kept of it.

use std::fmt;

use crate::{Error, Result};

/// Something odd about a file that was still read or written, or something of it that is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// A short word that stays the same from version to version, such as `length-not-told`.
    pub code: &'static str,
    /// In a sentence, without the file's name.
    pub text: String,
}

impl Warning {
    /// A warning of a code.
    pub fn new(code: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { code, text }
    }

    /// What a strict run does with warnings: nothing where there are none.
    ///
    /// # Errors
    /// [`Error::NotKept`] with all of them, where there are any and `strict` is set.
    pub fn refuse(strict: bool, warnings: &[Self]) -> Result<()> {
        match strict && !warnings.is_empty() {
            true => Err(Error::NotKept(warnings.to_vec())),
            false => Ok(()),
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
