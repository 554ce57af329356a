//! What follows from rows: figures of data sets, sizes of models, curves; and the files that say it.

use std::path::Path;

use anyhow::Result;

use super::results::{Results, Row};
use super::{cache, curves, judge};

/// Works out, from the rows, all that follows from them.
pub fn complete(results: &mut Results) {
    for set in &mut results.datasets {
        let rows = results.rows.iter().filter(|r| r.dataset == set.name);
        let rows: Vec<&Row> = rows.collect();
        set.rate = judge::rate(set.kind).into();
        set.quality = curves::quality(set.kind, &rows);
    }
    for codec in &mut results.codecs {
        let rows = results.rows.iter().filter(|r| r.codec == codec.name);
        codec.model_bytes = rows.filter_map(|r| r.model_bytes).max();
    }
    results.curves = curves::curves(&results.datasets, &results.codecs, &results.rows);
}

/// Writes `results.json`, `rows.csv` and `curves/` into a folder.
///
/// # Errors
/// I/O.
pub fn write(root: &Path, results: &Results) -> Result<()> {
    curves::write_curves(root, &results.curves)?;
    cache::write(
        &root.join("rows.csv"),
        curves::csv(&results.rows).as_bytes(),
    )?;
    cache::write(
        &root.join("results.json"),
        &serde_json::to_vec_pretty(results)?,
    )
}
