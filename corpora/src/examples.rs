//! The files that the examples of the documents name.

use std::path::Path;

use nc_core::Result;
use tempfile::TempDir;

use crate::{audio, synth};

/// Makes a folder, puts the examples' inputs into it and makes it the current folder of the process. The folder is
/// removed when the value is dropped.
///
/// | file | what is in it |
/// | --- | --- |
/// | `in.wav` | generated speech, 2 s |
/// | `music.flac` | five notes, 5 s at 16 kHz |
/// | `table.csv`, `table.ncm` | a table of 60 rows, and a circuit that was learnt from it |
///
/// It is meant for documentation tests, each of which is a process of its own.
///
/// # Errors
/// Io.
pub fn folder() -> Result<TempDir> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir()?;
    audio::write(&folder.path().join("in.wav"), &synth::speech(1, 2.0))?;
    for (from, to) in [
        ("data/notes.flac", "music.flac"),
        ("golden/circuit-table.csv", "table.csv"),
        ("golden/circuit-table.ncm", "table.ncm"),
    ] {
        std::fs::copy(corpora.join(from), folder.path().join(to))?;
    }
    std::env::set_current_dir(folder.path())?;
    Ok(folder)
}
