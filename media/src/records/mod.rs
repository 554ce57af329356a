//! Files of records as rows of small integers, and back: IDX, raw, folders of PNGs, CSV, Parquet.
//!
//! A [`Schema`] is learnt from files and says what each variable of a row stands for; it lives in the
//! model file beside the circuit. [`Schema::reader`] turns a file into rows, a [`Writer`] turns rows
//! back into the file: the same bytes for IDX, raw and CSV, the same pixels for PNG, the same schema
//! and values for Parquet. What a file says beyond its rows, and beyond what its schema foretells, is
//! a few bytes of *extras*.
#![forbid(missing_docs)]

mod coding;
mod column;
mod csv;
mod fixed;
mod images;
mod number;
#[cfg(feature = "parquet")]
mod parquet;
pub(crate) mod reader;
mod schema;
mod source;
mod word;
pub(crate) mod writer;

pub use crate::video::png::Image;
pub use column::Column;
pub use csv::How as TextForm;
pub use reader::rows_at_once;
pub use schema::{FileOfRows, Learn, Schema};
pub use source::Source;

use nc_core::{Records, RecordsBuf, Result};

use crate::warning::Warning;

/// Rows out of a file.
pub trait Reader: Send {
    /// The next rows, at most `rows`; `None` after the last.
    ///
    /// # Errors
    /// [`nc_core::Error::Format`] for a file that is not what it says, with the place, [`nc_core::Error::Usage`] for one that is
    /// not of the schema, [`nc_core::Error::Limit`] for rows that its budget does not hold; I/O.
    fn next(&mut self, rows: usize) -> Result<Option<RecordsBuf>>;

    /// What the file says beyond its rows; complete after the last.
    fn extras(&mut self) -> Result<Vec<u8>>;

    /// What is odd about the file, as far as its beginning tells.
    fn warnings(&self) -> Vec<Warning> {
        Vec::new()
    }
}

/// Rows into a file.
pub trait Writer: Send {
    /// Takes the next rows.
    ///
    /// # Errors
    /// [`nc_core::Error::Format`] for rows that no file of the schema has; I/O.
    fn write(&mut self, records: Records<'_>) -> Result<()>;

    /// Says that rows of the original are missing here, so many or nobody knows how many; what a file says of single
    /// rows then goes to those that it is meant for, or to none.
    fn skip(&mut self, _rows: Option<u64>) {}

    /// Ends the file; gives its length in bytes.
    ///
    /// # Errors
    /// [`nc_core::Error::Format`], I/O.
    fn finish(self: Box<Self>) -> Result<u64>;
}
