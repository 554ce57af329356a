//! Creating: a signal as a file that appears whole or not at all, or as a stream.

use std::io::Write;
use std::path::Path;

use nc_core::container::Meta;
use nc_core::{Error, Format, Result, Signal};

use crate::bytes;
use crate::contract::{CreateOptions, WriteSignal, Written};
use crate::output::{Finished, Output};
use crate::records;
use crate::sound;
use crate::video::{self, container::Container};
use crate::warning::Warning;

/// A signal being written. Nothing is left behind where it is dropped before [`Self::finish`], as far as it is a file.
pub struct Writer<'a> {
    inner: Box<dyn WriteSignal<'a> + 'a>,
    strict: bool,
}

impl<'a> Writer<'a> {
    /// Takes metadata that was found after the output was created, in the order of an nc file.
    ///
    /// # Errors
    /// Limit, Format for what the format does not hold.
    pub fn add_metadata(&mut self, metadata: &[Meta]) -> Result<()> {
        self.inner.add_metadata(metadata)
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// Usage for a piece of another format, Format for values that no file has, I/O.
    pub fn write(&mut self, signal: Signal<'_>) -> Result<()> {
        self.inner.write(signal)
    }

    /// Conceals a lost stretch: silence stands for sound, the frame before for a frame (mid-grey, where there is none),
    /// as soon as something follows. Nothing stands for bytes, for records and for a lost end. Where nobody knows how
    /// much is lost, nothing does.
    ///
    /// # Errors
    /// I/O.
    pub fn skip(&mut self, units: Option<u64>) -> Result<()> {
        self.inner.skip(units)
    }

    /// Ends the file, which has its name once what this gives is committed: several files appear together so.
    ///
    /// # Errors
    /// As for [`Self::finish`].
    pub fn end(self) -> Result<(Written, Finished<'a>)> {
        let (written, finished) = self.inner.finish()?;
        Warning::refuse(self.strict, &written.warnings)?;
        Ok((written, finished))
    }

    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// Format for what makes no file, I/O; Usage where the name is taken by now, or where something is not kept and
    /// that was not to be.
    pub fn finish(self) -> Result<Written> {
        let (written, finished) = self.end()?;
        finished.commit()?;
        Ok(written)
    }
}

/// Creates a file or a folder of images. Sound is written as WAV, bytes as they are, records by their schema, video as the
/// name says: `.y4m`, an image such as `.png` for a single frame, a folder, or a container such as `.mp4` through ffmpeg.
///
/// # Errors
/// Usage where the output exists, is the input, or its name asks for what is not written; Limit, I/O.
pub fn create<'a>(
    path: impl AsRef<Path>,
    format: &Format,
    options: CreateOptions<'_>,
) -> Result<Writer<'a>> {
    let path = path.as_ref();
    let strict = options.strict;
    let output = || {
        let output = Output::create(path, options.input.as_deref(), options.overwrite)?;
        match strict {
            // A device or a named pipe.
            true => output.held(),
            false => Ok(output),
        }
    };
    let inner: Box<dyn WriteSignal<'a> + 'a> = match *format {
        Format::Video(form) => match Container::create(path, form, &options)? {
            Some(container) => Box::new(container),
            None => Box::new(video::writer::Writer::create(path, form, &options)?),
        },
        Format::Records(..) => records::writer::create(path, &options)?,
        Format::Audio(..) => Box::new(sound::writer::Writer::new(output()?, *format, &options)?),
        Format::Bytes => Box::new(bytes::Writer::new(output()?)),
        _ => return Err(unknown()),
    };
    Ok(Writer { inner, strict })
}

/// Writes to anything, from front to back; `name` stands in messages. Video is Y4M; what that does not hold, red, green and
/// blue and opacity, is PNGs one after another.
///
/// # Errors
/// Usage for records that are a folder of images; Limit, I/O.
pub fn create_stream<'a>(
    to: impl Write + Send + 'a,
    name: &str,
    format: &Format,
    options: CreateOptions<'_>,
) -> Result<Writer<'a>> {
    let mut out = Output::stream(to, name);
    if options.strict {
        out = out.held()?;
    }
    let strict = options.strict;
    let inner: Box<dyn WriteSignal<'a> + 'a> = match *format {
        Format::Video(form) => Box::new(video::writer::Writer::stream(out, form, &options)?),
        Format::Records(..) => records::writer::stream(out, &options)?,
        Format::Audio(..) => Box::new(sound::writer::Writer::new(out, *format, &options)?),
        Format::Bytes => Box::new(bytes::Writer::new(out)),
        _ => return Err(unknown()),
    };
    Ok(Writer { inner, strict })
}

fn unknown() -> Error {
    Error::Unsupported("a kind of media that is not written".into())
}
