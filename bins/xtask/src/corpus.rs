//! Files that are discovered, not listed: a new one needs no new code.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folder `name` of `corpora/`.
#[must_use]
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../corpora")
        .join(name)
}

/// The files of a folder in the order of their names; none where there is no such folder.
///
/// # Errors
/// I/O.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A file's name.
#[must_use]
pub fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The models that golden files need.
///
/// # Errors
/// I/O, and a golden model that cannot be read any more.
pub fn models() -> Result<Vec<nc_core::Model>> {
    let mut models = Vec::new();
    for path in files(&folder("golden"))? {
        if path.extension().is_some_and(|e| e == "ncm") {
            let bytes = std::fs::read(&path)?;
            models.push(nc_core::Model::from_bytes(
                bytes,
                &mut nc_core::Budget::default(),
            )?);
        }
    }
    Ok(models)
}
