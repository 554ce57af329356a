//! Golden and faulty files: the lists that stand beside them, and what a file is compared with them by.
//!
//! `golden.sha256` has the output of each golden file, `symbols.sha256` the hashes of its chunks' symbols, `errors.txt` of
//! the faulty files the error that each must give. A line is a word, two spaces and a name, as `sha256sum` writes them.

use std::collections::BTreeMap;
use std::path::Path;

use nc_core::{Archive, Budget, Control, Error, Model, Opener, Registry, Result};

use crate::files::sha256;

/// The words of a list, by name.
///
/// # Errors
/// I/O.
pub fn list(path: &Path) -> Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path)?;
    let pairs = text.lines().filter_map(|l| l.split_once("  "));
    Ok(pairs
        .map(|(word, name)| (name.to_owned(), word.to_owned()))
        .collect())
}

/// SHA-256 of what a file decodes to.
///
/// # Errors
/// Those of [`nc_core::decode`].
pub fn output(file: &[u8], opener: &dyn Opener) -> Result<String> {
    let y = nc_core::decode(opener, file, Budget::default())?;
    Ok(sha256(&y.to_le_bytes()))
}

/// SHA-256 of the hashes of each chunk's symbols, 8 bytes each.
///
/// # Errors
/// Those of [`Archive`] and of the codec.
pub fn symbols(file: &[u8], opener: &dyn Opener) -> Result<String> {
    let mut archive = Archive::open(std::io::Cursor::new(file), Budget::default())?;
    let header = *archive.header();
    let codec = opener.open(header.codec, header.model)?;
    let mut all = Vec::new();
    for i in 0..archive.entries().len() {
        let (head, payload) = archive.payload_of(i)?;
        let (mut budget, mut ctl) = (Budget::default(), Control::default());
        let (_, encoded) = codec.decode(&payload, &head, &mut budget, &mut ctl)?;
        all.extend(encoded.symbols.to_le_bytes());
    }
    Ok(sha256(&all))
}

/// Opens a model with the codec that it says it is of.
///
/// # Errors
/// Those of [`Model::from_bytes`] and of the codec; [`Error::Model`] for no codec.
pub fn open(registry: &Registry, bytes: Vec<u8>) -> Result<()> {
    let model = Model::from_bytes(bytes, &mut Budget::default())?;
    registry.of_model(&model)?.open(Some(&model)).map(drop)
}

/// The error of a file or, by its name, a model; none where it is sound.
pub fn refused(name: &str, bytes: &[u8], registry: &Registry) -> Option<Error> {
    if name.ends_with(".ncm") {
        open(registry, bytes.to_vec()).err()
    } else {
        nc_core::decode(registry, bytes, Budget::default()).err()
    }
}

/// The word of `errors.txt` for an error.
pub fn kind(e: &Error) -> &'static str {
    match e {
        Error::Io(_) => "Io",
        Error::Format(_) => "Format",
        Error::Unsupported(_) => "Unsupported",
        Error::Limit(_) => "Limit",
        Error::Model(_) => "Model",
        Error::Usage(_) => "Usage",
        Error::Internal(_) => "Internal",
        _ => "another",
    }
}

/// A small model of sound, whose weights are long enough to stand behind the header of another.
pub const TINY_MODEL: &[u8] = include_bytes!("../golden/tiny.ncm");
