//! Files of sound as samples, and back: WAV in and out, and what symphonia decodes in.
//!
//! The command line codes such files and a fuzzer tries to break them, so both find them here. What a file
//! says is charged to a budget before anything is allocated for it, and what is wrong with it is an
//! [`nc_core::Error`].

mod adpcm;
#[cfg(feature = "compressed-sound")]
pub mod compressed;
pub mod interleaved;
mod pcm;
mod plain;
pub(crate) mod reader;
mod tags;
pub mod wav;
pub(crate) mod writer;
