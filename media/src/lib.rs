//! Files of sound, pictures, video, records and anything else as signals, and back.
//!
//! [`open`] takes a file of any kind and tells what it is by its content; [`create`] writes a signal in the format that
//! a name asks for. What a file says is charged to a budget before anything is allocated for it, what is wrong with it is
//! an [`nc_core::Error`], and what was odd or not kept a [`Warning`] with a stable [`code`].
//!
//! ```
//! use nc_media::{CreateOptions, OpenOptions, create, open};
//!
//! # fn main() -> nc_core::Result<()> {
//! # let dir = tempfile::tempdir()?;
//! # let (from, to) = (dir.path().join("in.wav"), dir.path().join("out.wav"));
//! # std::fs::write(&from, b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x04\0\0\0\0\0\0\x40")?;
//! let mut sound = open(&from, &OpenOptions::new())?;
//! let options = CreateOptions::new().metadata(sound.metadata());
//! let mut copy = create(&to, &sound.format(), options)?;
//! while let Some(piece) = sound.next()? {
//!     copy.write(piece.view())?;
//! }
//! assert_eq!(copy.finish()?.units, 2);
//! # Ok(())
//! # }
//! ```
//!
//! | module | holds |
//! | --- | --- |
//! | [`formats`] | the table of formats: names, first bytes, who reads and writes them |
//! | [`sound`], [`video`], [`records`] | the formats themselves |
//! | [`metadata`] | what files say beside their signals, as an nc file keeps it |
//! | [`output`], [`temporaries`] | files that appear whole or not at all |
//! | [`ffmpeg`] | what a program of its own reads |
//! | [`range`], [`names`] | a part of a signal; names of outputs |

mod bytes;
mod contract;
mod create;
pub mod ffmpeg;
pub mod formats;
mod input;
pub mod metadata;
pub mod names;
mod open;
pub mod output;
pub mod range;
pub mod records;
pub mod sound;
pub mod temporaries;
pub mod video;
mod warning;

pub use contract::{CreateOptions, OpenOptions, ReadSignal, WriteSignal, Written};
pub use create::{Writer, create, create_stream};
pub use formats::FileFormat;
pub use input::Input;
pub use open::{Reader, open, open_input, open_stream, open_stream_tracks, open_tracks};
pub use range::Range;
pub use warning::{Warning, code};
