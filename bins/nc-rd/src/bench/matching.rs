//! Files that a plan's patterns mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What is said where a pattern finds nothing.
pub fn missing(folder: &Path, pattern: &str) -> String {
    format!("no {pattern} in {}", folder.display())
}

/// Files of a folder that match a pattern, by their names with forward slashes.
///
/// # Errors
/// A pattern that is none, I/O, a file that is meant and whose name is no UTF-8.
pub fn matching(folder: &Path, pattern: &str) -> Result<BTreeMap<String, PathBuf>> {
    let root = glob::Pattern::escape(&folder.to_string_lossy());
    let whole = if root.is_empty() {
        pattern.to_string()
    } else {
        format!("{root}/{pattern}")
    };
    let mut found = BTreeMap::new();
    for path in glob::glob(&whole).with_context(|| format!("files: {pattern:?}"))? {
        let path = path?;
        if path.is_file() {
            found.insert(plain(path.strip_prefix(folder).unwrap_or(&path))?, path);
        }
    }
    let wanted = glob::Pattern::new(pattern)?;
    let depth = match pattern.contains("**") {
        true => usize::MAX,
        false => Path::new(pattern).components().count(),
    };
    let listed = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    no_unreadable_name(listed, Path::new(""), &wanted, depth)?;
    Ok(found)
}

/// A relative path with forward slashes.
fn plain(path: &Path) -> Result<String> {
    let parts = path.components().map(|c| c.as_os_str().to_str());
    let parts: Option<Vec<&str>> = parts.collect();
    let parts = parts.with_context(|| format!("{path:?} is a name that is no UTF-8"))?;
    Ok(parts.join("/"))
}

/// Refuses a file that a pattern means and whose name is no UTF-8: `glob` would pass over it.
fn no_unreadable_name(
    root: &Path,
    below: &Path,
    pattern: &glob::Pattern,
    depth: usize,
) -> Result<()> {
    let Some(depth) = depth.checked_sub(1) else {
        return Ok(());
    };
    // What cannot be listed has no files for anybody.
    let Ok(entries) = std::fs::read_dir(root.join(below)) else {
        return Ok(());
    };
    let options = glob::MatchOptions {
        require_literal_separator: true,
        ..glob::MatchOptions::new()
    };
    for entry in entries {
        let entry = entry?;
        let name = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            no_unreadable_name(root, &name, pattern, depth)?;
        } else if pattern.matches_with(&name.to_string_lossy(), options) {
            plain(&name)?;
        }
    }
    Ok(())
}
