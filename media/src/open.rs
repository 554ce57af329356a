//! Opening: any sound, picture, clip, table or bytes as a signal, piece by piece.

use std::io::Read;
use std::path::Path;

use nc_core::container::Meta;
use nc_core::{Error, Format, MediaKind, Result, SignalBuf};
use tempfile::TempPath;

use crate::contract::{FOLDER_RATE, OpenOptions, ReadSignal};
use crate::ffmpeg;
use crate::formats::{self, FileFormat};
use crate::input::Input;
use crate::records;
use crate::video;
use crate::video::adapt::{Adapter, Opacity};
use crate::video::reader::Adapted;
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

    /// The same signal in another form that a codec takes ([`nc_core::Family::takes`]): of pictures, brightness and differences
    /// of colour in the place of red, green and blue, no opacity, fewer bits. What is lost is a warning; of colours it is
    /// where the signal was to be kept as it is (`exact`).
    ///
    /// # Errors
    /// Usage where there is no way to that form. [`Self::next`] then refuses pictures through which something shows.
    pub fn turned_into(mut self, format: Format, exact: bool) -> Result<Self> {
        let (from, to) = match (self.format(), format) {
            (from, to) if from == to => return Ok(self),
            (Format::Video(from), Format::Video(to)) => (from, to),
            _ => return Err(Error::Usage("a signal in another form".into())),
        };
        if let Some(adapter) = Adapter::new(from, to, Opacity::Refuse)? {
            if exact && adapter.turns_colours() {
                let text = "red, green and blue became brightness and colour, within two levels";
                self.warnings
                    .push(Warning::new(code::COLOURS_CONVERTED, text));
            }
            self.inner = Box::new(Adapted::new(self.inner, adapter));
            self.collect()?;
        }
        Ok(self)
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
    let mut tracks = open_file(path, None, options, false)?;
    tracks.truncate(1);
    tracks
        .pop()
        .ok_or_else(|| Error::Internal("a file without a track".into()))
}

/// Codings of sound that this crate reads in containers, as ffmpeg calls them.
const OWN: [&str; 4] = ["aac", "flac", "mp3", "vorbis"];

/// Whether another program may read it where this crate does not.
fn is_for_program(e: &Error) -> bool {
    e.code() == Some(code::ENCODING_NOT_READ) || matches!(e.cause(), Error::Unsupported(_))
}

/// Opens a file by its content; `both` asks for the sound of a clip as well. A copy of a stream is removed at the end.
fn open_file(
    path: &Path,
    copy: Option<TempPath>,
    options: &OpenOptions,
    both: bool,
) -> Result<Vec<Reader>> {
    let wanted = options.wanted();
    let input = Input::open(path)?;
    let found = formats::of_input(&input);
    let head = input.head().to_vec();
    let is_media = wanted.is_none_or(|k| matches!(k, MediaKind::Video | MediaKind::Audio));
    if let Some(name) = is_media.then(|| ffmpeg::not_taken(&head)).flatten() {
        return Err(Error::Unsupported(name.into()).coded(code::ENCODING_NOT_READ));
    }
    let container = ffmpeg::is_container(&head) || ffmpeg::is_picture(&head);
    // Names tell only of what has no beginning of its own.
    let named = found.is_none() && !input.is_empty() && ffmpeg::is_known(path);
    if !is_media || !(container || named || ffmpeg::is_other_sound(&head)) {
        return match open_input(input, options) {
            Err(e)
                if is_media
                    && found.is_some_and(|f| f.kind == Some(MediaKind::Audio))
                    && is_for_program(&e) =>
            {
                by_program(path, copy, options, both).map_err(|other| worse(e, other))
            }
            opened => opened.map(|reader| vec![reader]),
        };
    }
    drop(input);
    // What holds sound alone, this crate reads by itself where it can.
    let native = || -> Result<Vec<Reader>> {
        let reader = open_input(Input::open(path)?, options)?;
        Ok(vec![reader])
    };
    let is_sound = found.is_some_and(|f| f.kind == Some(MediaKind::Audio));
    match ffmpeg::probe(path) {
        Ok(probe) if probe.video().is_none() && is_sound && wanted != Some(MediaKind::Video) => {
            let Some(sound) = probe.sound() else {
                return Err(Error::Format("no sound in the file".into()));
            };
            if !OWN.contains(&sound.codec.as_str()) {
                return by_program(path, copy, options, both);
            }
            let others = probe.left_out(&[sound]);
            match native() {
                Ok(mut tracks) => {
                    for track in &mut tracks {
                        let text = others.clone().into_iter();
                        track
                            .warnings
                            .extend(text.map(|t| Warning::new(code::OTHER_TRACKS, t)));
                    }
                    Ok(tracks)
                }
                Err(e) if is_for_program(&e) => {
                    by_program(path, copy, options, both).map_err(|other| worse(e, other))
                }
                Err(e) => Err(e),
            }
        }
        Ok(_) => by_program(path, copy, options, both),
        // Without the program: sound of a container, but no video in silence.
        Err(e) if e.code() == Some(code::NO_FFMPEG) => {
            let video = wanted == Some(MediaKind::Video) || ffmpeg::is_known(path);
            match is_sound && (!video || wanted == Some(MediaKind::Audio)) {
                true => native().map_err(|native| worse(native, e)),
                false => Err(e),
            }
        }
        Err(e) => match is_sound && wanted != Some(MediaKind::Video) {
            true => native(),
            false => Err(e),
        },
    }
}

/// Of two reasons the one that tells more: that a program is missing tells less than which coding is not read.
fn worse(own: Error, program: Error) -> Error {
    match program.code() == Some(code::NO_FFMPEG) {
        true => own,
        false => program,
    }
}

/// Opens pictures, sound or both through ffmpeg.
fn by_program(
    path: &Path,
    copy: Option<TempPath>,
    options: &OpenOptions,
    both: bool,
) -> Result<Vec<Reader>> {
    let probe = ffmpeg::probe(path)?;
    let wanted = options.wanted();
    let video = probe.video().filter(|_| wanted != Some(MediaKind::Audio));
    let sound = probe.sound().filter(|_| match video {
        Some(_) => both,
        None => wanted != Some(MediaKind::Video),
    });
    let mut tracks = Vec::new();
    let mut copy = copy;
    if let Some(video) = video {
        if video.alpha
            && options.background.is_none()
            && ffmpeg::is_transparent(path, video.decoder)?
        {
            return Err(video::picture::transparent());
        }
        // Both read the copy; the sound, which begins last, removes it.
        let its = copy.take_if(|_| sound.is_none());
        let reader = video::reader::by_ffmpeg(path, its, video.decoder, options)?;
        tracks.push(Reader::new(reader, "ffmpeg")?);
    }
    if let Some(stream) = sound {
        // With pictures, sound begins where they do; alone, where it does.
        let shift = video.map_or(0, |v| stream.behind(v));
        let reader = crate::sound::reader::by_ffmpeg(path, stream, shift, copy, options)?;
        tracks.push(Reader::new(reader, "ffmpeg")?);
    }
    let taken: Vec<_> = video.into_iter().chain(sound).collect();
    let Some(first) = tracks.first_mut() else {
        return Err(match wanted {
            Some(MediaKind::Audio) => Error::Format("no sound in the file".into()),
            _ => Error::Usage("not video, nor an image".into()).coded(code::NOT_VIDEO),
        });
    };
    if let Some(text) = probe.left_out(&taken) {
        first.warnings.push(Warning::new(code::OTHER_TRACKS, text));
    }
    if video.is_some_and(|v| v.uneven) {
        let text = "frames come at an uneven pace; they are coded at an even one, some twice or not at all";
        first.warnings.push(Warning::new(code::UNEVEN_RATE, text));
    }
    if let Some(form) = video.and_then(|v| v.turned.as_ref()) {
        let text = format!("pixels of the form {form} became those of the nearest that nc has");
        first
            .warnings
            .push(Warning::new(code::COLOURS_CONVERTED, text));
    }
    if video.is_some_and(|v| v.interlaced) {
        let text = "frames are of two fields, and are coded as if all lines were of one time";
        first.warnings.push(Warning::new(code::INTERLACED, text));
    }
    Ok(tracks)
}

/// Opens all tracks of a file that nc keeps: of a clip its pictures and its sound. The first is what [`open`] gives.
///
/// # Errors
/// As for [`open`].
pub fn open_tracks(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Vec<Reader>> {
    let path = path.as_ref();
    if path.is_dir() || options.rate.is_some() {
        return Ok(vec![open(path, options)?]);
    }
    open_file(path, None, options, true)
}

/// Opens all tracks of a stream that nc keeps.
///
/// # Errors
/// As for [`open`].
pub fn open_stream_tracks(
    stream: impl Read + Send + 'static,
    options: &OpenOptions,
) -> Result<Vec<Reader>> {
    open_any_stream(Input::stream(stream)?, options, true)
}

/// What another program is to read is copied into a file first.
fn open_any_stream(mut input: Input, options: &OpenOptions, both: bool) -> Result<Vec<Reader>> {
    let found = formats::of_input(&input);
    let wanted = options.wanted();
    let is_media = wanted.is_none_or(|k| matches!(k, MediaKind::Video | MediaKind::Audio));
    let head = input.head();
    let own =
        found.is_some_and(|f| f.kind == Some(MediaKind::Audio)) && !ffmpeg::is_container(head);
    let others =
        ffmpeg::is_container(head) || ffmpeg::is_picture(head) || ffmpeg::is_other_sound(head);
    if !is_media || own || !others {
        return Ok(vec![open_input(input, options)?]);
    }
    let mut copy = tempfile::NamedTempFile::new()?;
    std::io::copy(&mut input, &mut copy)?;
    let copy = copy.into_temp_path();
    let path = copy.to_path_buf();
    open_file(&path, Some(copy), options, both)
}

/// Opens a stream.
///
/// # Errors
/// As for [`open`].
pub fn open_stream(stream: impl Read + Send + 'static, options: &OpenOptions) -> Result<Reader> {
    let mut tracks = open_any_stream(Input::stream(stream)?, options, false)?;
    tracks.truncate(1);
    tracks
        .pop()
        .ok_or_else(|| Error::Internal("a file without a track".into()))
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
