//! Opening: any sound, picture, clip, table or bytes as a signal, piece by piece.

use std::io::Read;
use std::path::Path;

use nc_core::container::Meta;
use nc_core::{Error, Format, MediaKind, Result, SignalBuf};

use crate::contract::{FOLDER_RATE, OpenOptions, ReadSignal};
use crate::ffmpeg;
use crate::formats::{self, FileFormat};
use crate::input::Input;
use crate::records;
use crate::video;
use crate::warning::Warning;
use crate::warning::code;

/// A file or stream being read as a signal.
///
/// ```
/// # fn main() -> nc_core::Result<()> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("in.wav");
/// # std::fs::write(&path, b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x04\0\0\0\0\0\0\x40")?;
/// let mut sound = nc_media::open(&path, &nc_media::OpenOptions::new())?;
/// assert_eq!(sound.length(), Some(2));
/// while let Some(piece) = sound.next()? {
///     println!("{} samples", piece.units());
/// }
/// assert!(sound.warnings().is_empty());
/// # Ok(())
/// # }
/// ```
pub struct Reader {
    inner: Box<dyn ReadSignal>,
    container: &'static str,
    metadata: Vec<Meta>,
    warnings: Vec<Warning>,
}

impl Reader {
    fn new(inner: Box<dyn ReadSignal>, container: &'static str) -> Result<Self> {
        let mut reader = Self {
            inner,
            container,
            metadata: Vec::new(),
            warnings: Vec::new(),
        };
        reader.collect()?;
        Ok(reader)
    }

    fn collect(&mut self) -> Result<()> {
        self.metadata.extend(self.inner.take_metadata()?);
        self.warnings.extend(self.inner.take_warnings());
        Ok(())
    }

    /// The form of the signal.
    pub fn format(&self) -> Format {
        self.inner.format()
    }

    /// Name of the file's format, one of [`formats::FORMATS`], or `folder` or `ffmpeg`.
    pub fn container(&self) -> &'static str {
        self.container
    }

    /// Units of the signal, where they are known: bytes, samples, records, frames.
    pub fn length(&self) -> Option<u64> {
        self.inner.length()
    }

    /// The next piece; none at the end. Its size is the reader's choice: a frame of a clip, some thousand samples.
    ///
    /// # Errors
    /// Format for damage and truncation, Limit, I/O.
    #[allow(
        clippy::should_implement_trait,
        reason = "an iterator cannot be asked for metadata in between"
    )]
    pub fn next(&mut self) -> Result<Option<SignalBuf>> {
        let piece = self.inner.next()?;
        self.collect()?;
        Ok(piece)
    }

    /// What the file says beside the signal, as an nc file keeps it ([`crate::metadata`]): what was found so far and has
    /// not been taken. All of it is there after the last piece.
    pub fn metadata(&self) -> &[Meta] {
        &self.metadata
    }

    /// As [`Self::metadata`], and forgets it.
    pub fn take_metadata(&mut self) -> Vec<Meta> {
        std::mem::take(&mut self.metadata)
    }

    /// What was odd about the file, so far; complete after the last piece.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

/// Opens a file, a folder of images, a named pipe or a device.
///
/// # Errors
/// Format for what is damaged or not of the kind wanted, Unsupported for what this build does not read, Usage for what
/// makes no sense, Limit, I/O.
pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Reader> {
    let path = path.as_ref();
    let wanted = options.wanted();
    let folder = path.is_dir();
    if options.rate.is_some() && !(folder && wanted.is_none_or(|k| k == MediaKind::Video)) {
        let why = "frames per second are told of folders of images: other files say theirs";
        return Err(Error::Usage(why.into()));
    }
    if folder {
        return match wanted {
            None | Some(MediaKind::Video) => {
                let rate = options.rate.unwrap_or(FOLDER_RATE);
                Reader::new(video::reader::folder(path, rate, options)?, "folder")
            }
            Some(MediaKind::Records) => {
                let source = records::Source::open(path)?;
                Reader::new(records::reader::open(source, options)?, "folder")
            }
            Some(_) => Err(Error::Usage("is a folder".into()).coded(code::INPUT_IS_FOLDER)),
        };
    }
    let input = Input::open(path)?;
    let found = formats::of_input(&input);
    let by_ffmpeg = wanted.is_none_or(|k| k == MediaKind::Video)
        && !input.is_empty()
        && !found.is_some_and(|f| *f == formats::NC || f.kind == Some(MediaKind::Video))
        && ffmpeg::is_known(path);
    if by_ffmpeg {
        drop(input);
        return Reader::new(video::reader::by_ffmpeg(path, options)?, "ffmpeg");
    }
    open_input(input, options)
}

/// Opens all tracks of a file that nc keeps: of a clip its pictures and its sound. The first is what [`open`] gives.
///
/// # Errors
/// As for [`open`].
pub fn open_tracks(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Vec<Reader>> {
    Ok(vec![open(path, options)?])
}

/// Opens a stream.
///
/// # Errors
/// As for [`open`].
pub fn open_stream(stream: impl Read + Send + 'static, options: &OpenOptions) -> Result<Reader> {
    open_input(Input::stream(stream)?, options)
}

/// Opens an input whose first bytes have been looked at.
///
/// # Errors
/// As for [`open`].
pub fn open_input(input: Input, options: &OpenOptions) -> Result<Reader> {
    let found = formats::of_input(&input);
    let wanted = options.wanted();
    let read = |input, format: &'static FileFormat| match format.open {
        Some(open) => Reader::new(open(input, options)?, format.name),
        None => Err(Error::Internal("a format without a reader".into())),
    };
    if wanted == Some(MediaKind::Bytes) {
        return read(input, &formats::BYTES);
    }
    if found == Some(&formats::NC) {
        let e = match wanted {
            Some(MediaKind::Audio) => Error::Format("it is an nc file already".into()),
            _ => Error::Usage("it is an nc file already".into()).coded(code::IS_NC),
        };
        return Err(e);
    }
    if wanted == Some(MediaKind::Records) {
        let name = found
            .filter(|f| f.kind == wanted)
            .map_or("bytes", |f| f.name);
        let source = match input.into_file() {
            Ok(file) => records::Source::of(file)?,
            Err(stream) => records::Source::of(stream)?,
        };
        return Reader::new(records::reader::open(source, options)?, name);
    }
    match (wanted, found) {
        (Some(MediaKind::Audio), _) if input.is_empty() => {
            Err(Error::Format("the file is empty".into()))
        }
        (Some(MediaKind::Audio), Some(f)) if f.kind == wanted => read(input, f),
        (Some(MediaKind::Audio), _) => {
            Err(Error::Format("not an audio file that nc can read".into()))
        }
        (Some(_), Some(f)) if f.kind == wanted => read(input, f),
        (Some(_), _) => Err(Error::Usage("not video, nor an image".into()).coded(code::NOT_VIDEO)),
        // Records mean something by a schema alone.
        (None, Some(f)) if f.open.is_some() => read(input, f),
        (None, _) => read(input, &formats::BYTES),
    }
}
