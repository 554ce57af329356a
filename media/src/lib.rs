//! Files of sound, pictures, video and records as signals, and back.
//!
//! A fuzzer and the harness read files by the same code as the command line. What a file says is charged to a budget
//! before anything is allocated for it, and what is wrong with it is an [`nc_core::Error`].

pub mod records;
pub mod sound;
pub mod video;
