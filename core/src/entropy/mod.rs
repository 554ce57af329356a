//! Entropy coding in integers: a range coder over tables, and adaptive binary decisions with mixed contexts.

pub mod mixing;
mod range;

pub use range::{PRECISION, RangeDecoder, RangeEncoder, WIDE_PRECISION, WideDecoder, WideEncoder};
