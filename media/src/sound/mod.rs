//! Files of sound as samples, and back: WAV in and out, and what symphonia decodes in.
//!
//! The command line codes such files and a fuzzer tries to break them, so both find them here. What a file
//! says is charged to a budget before anything is allocated for it, and what is wrong with it is an
//! [`nc_core::Error`].

#[cfg(feature = "compressed-sound")]
pub mod compressed;
pub mod interleaved;
pub(crate) mod reader;
pub mod wav;
pub(crate) mod writer;
