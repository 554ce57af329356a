//! Loading records for evaluation: how many there are in a file of IDX or CSV, and of how many variables.
//!
//! A lossless rate is bits per record, and for images bits per dimension; both need these counts and
//! nothing else, since what came back is judged by its bytes.

use std::path::{Path, PathBuf};

use nc_core::{Budget, Result};
use nc_media::records::{Learn, Schema, Source};

use crate::files;

/// Rows that are read at once.
const BLOCK: usize = 4096;

/// A file of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// File name without its ending.
    pub name: String,
    /// SHA-256 of the file as it lies there, in hexadecimal.
    pub sha256: String,
    /// Records in it.
    pub records: usize,
    /// Variables of a record: bytes of an IDX item, columns of a table.
    pub dimensions: usize,
}

impl Table {
    /// Bits per dimension where all of it takes `bytes`; infinite without records.
    pub fn bits_per_dimension(&self, bytes: u64) -> f64 {
        bytes as f64 * 8.0 / (self.records as f64 * self.dimensions as f64)
    }

    /// Bytes per record where all of it takes `bytes`; infinite without records.
    pub fn bytes_per_record(&self, bytes: u64) -> f64 {
        bytes as f64 / self.records as f64
    }
}

/// Reads a file of IDX or CSV, or either within gzip; its kind is told by its content.
///
/// # Errors
/// I/O, also for damaged gzip; Usage for what has no records.
pub fn read(path: &Path) -> Result<Table> {
    let schema = Schema::learn(&[path.to_path_buf()], &Learn::default(), &Budget::default())?;
    let mut reader = schema.reader(Source::open(path)?, None, Budget::default())?;
    let mut records = 0;
    while let Some(rows) = reader.next(BLOCK)? {
        records += rows.values.nrows();
    }
    Ok(Table {
        name: files::stem(path),
        sha256: files::sha256_of(path)?,
        records,
        dimensions: schema
            .columns()
            .map_or_else(|| schema.alphabets().len(), <[_]>::len),
    })
}

/// The files of records under a folder, at any depth, sorted by path: `.csv`, `.idx`, MNIST's
/// `...-ubyte`, and these as `.gz`.
///
/// # Errors
/// I/O where the folder cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    files::under(folder, |path| {
        let unpacked = path.with_extension("");
        let plain = if files::ends_in(path, &["gz"]) {
            &unpacked
        } else {
            path
        };
        files::ends_in(plain, &["csv", "idx"]) || plain.to_string_lossy().ends_with("-ubyte")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    #[test]
    fn counts_of_tables_and_of_idx() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::write(at("t.csv"), "town,price\nKiel,3\nUlm,4\nKiel,\n").unwrap();
        let mut idx = vec![0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 5];
        idx.extend(0..30);
        std::fs::write(at("few-images-idx3-ubyte"), &idx).unwrap();
        std::fs::write(at("readme.txt"), "no records").unwrap();
        let all = files(dir.path()).unwrap();
        assert_eq!(all, [at("few-images-idx3-ubyte"), at("t.csv")]);
        let images = read(&all[0]).unwrap();
        assert_eq!((images.records, images.dimensions), (2, 15));
        assert_eq!(images.sha256, files::sha256(&idx));
        assert_eq!(images.bits_per_dimension(15), 4.0);
        let table = read(&all[1]).unwrap();
        assert_eq!((table.records, table.dimensions), (3, 2));
        assert_eq!(table.bytes_per_record(6), 2.0);
        assert!(read(&at("readme.txt")).is_err() && read(&at("none")).is_err());
    }
}
