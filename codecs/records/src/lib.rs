//! Files of records as rows of small integers, and back.
#![forbid(missing_docs)]

mod coding;
mod column;
mod number;
mod word;
