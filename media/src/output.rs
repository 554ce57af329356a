//! Where the result goes: a file or folder that appears whole or not at all, or a stream.
//!
//! A file is written beside its target under another name, flushed to the disk and then renamed, so that a crash, a full
//! disk or a signal leaves either the old file or the new one. Devices and named pipes are written to directly: there is
//! nothing to keep safe, and nothing to rename.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use nc_core::{Error, Result};
use tempfile::{NamedTempFile, TempDir, TempPath};

use crate::temporaries;
use crate::warning::code;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 1 << 16;

/// A file or stream that is being written. One that is dropped without [`Output::commit`] leaves nothing behind, as far as
/// it is a file.
pub struct Output<'a> {
    sink: Sink<'a>,
    name: String,
    written: u64,
}

enum Sink<'a> {
    File {
        file: BufWriter<File>,
        temporary: Temporary,
        target: PathBuf,
        overwrite: bool,
    },
    Stream(BufWriter<Box<dyn Write + Send + 'a>>),
    /// What a stream gets in the end, or not at all.
    Held {
        file: BufWriter<File>,
        to: BufWriter<Box<dyn Write + Send + 'a>>,
    },
}

/// A path that is removed on drop, and by [`temporaries::remove`].
struct Temporary(Option<TempPath>);

impl Temporary {
    /// Gives it its name.
    fn persist(mut self, target: &Path, overwrite: bool) -> io::Result<()> {
        // It is there until this has been called, which takes it.
        let Some(path) = self.0.take() else {
            return Err(io::Error::other("the temporary file is gone"));
        };
        let part = path.to_path_buf();
        let moved = match overwrite {
            true => path.persist(target),
            false => path.persist_noclobber(target),
        };
        temporaries::release(&part);
        moved.map_err(|e| e.error)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            temporaries::release(&path);
        }
    }
}

impl<'a> Output<'a> {
    /// A file; `input` is the one being read, which is not written over.
    ///
    /// # Errors
    /// Usage where the target exists and `overwrite` is not given, or is the input or a folder; I/O where its folder
    /// cannot be written to.
    pub fn create(target: &Path, input: Option<&Path>, overwrite: bool) -> Result<Self> {
        let sink = Self::open(target, input, overwrite).map_err(|e| e.in_file(target))?;
        Ok(Self {
            sink,
            name: shown(target),
            written: 0,
        })
    }

    /// A stream, which messages call by a name, such as `-`.
    pub fn stream(to: impl Write + Send + 'a, name: &str) -> Self {
        let to: Box<dyn Write + Send + 'a> = Box::new(to);
        Self {
            sink: Sink::Stream(BufWriter::with_capacity(BUFFER, to)),
            name: name.into(),
            written: 0,
        }
    }

    fn open(target: &Path, input: Option<&Path>, overwrite: bool) -> Result<Sink<'a>> {
        if input.is_some_and(|input| same_file(input, target)) {
            return Err(Error::Usage("output and input are the same file".into()));
        }
        match std::fs::metadata(target) {
            Ok(meta) if meta.is_dir() => {
                let e = Error::Usage("the output is a folder".into());
                return Err(e.coded(code::OUTPUT_IS_FOLDER));
            }
            Ok(meta) if !meta.is_file() => {
                let file = OpenOptions::new().write(true).open(target)?;
                let file: Box<dyn Write + Send> = Box::new(file);
                return Ok(Sink::Stream(BufWriter::with_capacity(BUFFER, file)));
            }
            Ok(_) if !overwrite => return Err(exists()),
            _ => {}
        }
        // A link keeps pointing where it did; what it points to is replaced.
        let target = target
            .canonicalize()
            .unwrap_or_else(|_| target.to_path_buf());
        let (file, path) = new_file_in(folder_of(&target))?.into_parts();
        temporaries::register(&path);
        Ok(Sink::File {
            file: BufWriter::with_capacity(BUFFER, file),
            temporary: Temporary(Some(path)),
            target,
            overwrite,
        })
    }

    /// The same output, but a stream sees nothing of it before [`Output::commit`]: until then it is a temporary file.
    ///
    /// # Errors
    /// I/O.
    pub fn held(mut self) -> Result<Self> {
        if let Sink::Stream(to) = self.sink {
            let file = BufWriter::with_capacity(BUFFER, tempfile::tempfile()?);
            self.sink = Sink::Held { file, to };
        }
        Ok(self)
    }

    /// True where [`Output::rewrite`] works.
    pub fn can_seek(&self) -> bool {
        !matches!(self.sink, Sink::Stream(_))
    }

    /// Replaces bytes written earlier, leaving the position at the end.
    ///
    /// # Errors
    /// I/O, also where the output is a stream.
    pub fn rewrite(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (Sink::File { file, .. } | Sink::Held { file, .. }) = &mut self.sink else {
            return Err(io::Error::other("a stream cannot be rewritten"));
        };
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        file.seek(SeekFrom::End(0))?;
        Ok(())
    }

    /// The file being written, under the name that it has until then; none for a stream.
    pub(crate) fn temporary(&self) -> Option<&Path> {
        match &self.sink {
            Sink::File { temporary, .. } => temporary.0.as_deref(),
            Sink::Held { .. } | Sink::Stream(_) => None,
        }
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The file being written, for reading it back; none for a stream.
    ///
    /// # Errors
    /// I/O.
    pub fn read_back(&mut self) -> io::Result<Option<File>> {
        match &mut self.sink {
            Sink::File {
                file, temporary, ..
            } => {
                file.flush()?;
                temporary.0.as_deref().map(File::open).transpose()
            }
            Sink::Held { file, .. } => {
                file.flush()?;
                Ok(Some(file.get_ref().try_clone()?))
            }
            Sink::Stream(_) => Ok(None),
        }
    }

    /// Makes the result visible under its name.
    ///
    /// # Errors
    /// I/O; Usage where the target has come to exist meanwhile. Nothing is left behind then.
    pub fn commit(self) -> Result<()> {
        let name = self.name;
        let named = |e| named(e, &name);
        match self.sink {
            Sink::Stream(mut w) => w.flush().map_err(named)?,
            Sink::Held { mut file, mut to } => {
                file.rewind()?;
                io::copy(file.get_mut(), &mut to).map_err(named)?;
                to.flush().map_err(named)?;
            }
            Sink::File {
                mut file,
                temporary,
                target,
                overwrite,
            } => {
                file.flush().map_err(named)?;
                file.get_ref().sync_all().map_err(named)?;
                // Without leave the name must still be free: another process may have taken it.
                temporary
                    .persist(&target, overwrite)
                    .map_err(|e| match e.kind() {
                        io::ErrorKind::AlreadyExists => exists(),
                        _ => named(e).into(),
                    })?;
                sync_folder(&target);
            }
        }
        Ok(())
    }
}

/// What is whole and waits for its name.
pub enum Finished<'a> {
    /// A file or a stream.
    Output(Output<'a>),
    /// A folder of images.
    Folder(Folder),
}

impl Finished<'_> {
    /// Makes it visible.
    ///
    /// # Errors
    /// Those of [`Output::commit`] and [`Folder::commit`].
    pub fn commit(self) -> Result<()> {
        match self {
            Self::Output(output) => output.commit(),
            Self::Folder(folder) => folder.commit(),
        }
    }
}

/// A folder that is being filled, and appears whole or not at all.
pub struct Folder {
    temporary: TempDir,
    target: PathBuf,
    overwrite: bool,
}

impl Folder {
    /// A new folder beside `target`. `input` is the file being read.
    ///
    /// # Errors
    /// Usage where the target exists and is not an empty folder, unless `overwrite` is given for a folder, where it is
    /// the current folder, and where the input is one of its images; I/O where its parent cannot be written to.
    pub fn create(target: &Path, input: Option<&Path>, overwrite: bool) -> Result<Self> {
        Self::open(target, input, overwrite).map_err(|e| e.in_file(target))
    }

    fn open(target: &Path, input: Option<&Path>, overwrite: bool) -> Result<Self> {
        match std::fs::metadata(target) {
            Ok(meta) if !meta.is_dir() => {
                let why = "the output is a file; images go into a folder";
                return Err(Error::Usage(why.into()));
            }
            Ok(_) if !overwrite && std::fs::read_dir(target)?.next().is_some() => {
                return Err(exists());
            }
            _ => {}
        }
        // The path may lead through the target itself, or be a link.
        let target = match target.canonicalize() {
            Ok(target) => target,
            Err(_) => match (folder_of(target).canonicalize(), target.file_name()) {
                (Ok(folder), Some(name)) => folder.join(name),
                (Err(e), _) => return Err(e.into()),
                (_, None) => return Err(Error::Usage("the output has no name".into())),
            },
        };
        if std::env::current_dir().is_ok_and(|d| d.canonicalize().is_ok_and(|d| d == target)) {
            let e = Error::Usage("the current folder cannot be put into place as a whole".into());
            return Err(e.coded(code::CURRENT_FOLDER));
        }
        let input = input.and_then(|i| i.canonicalize().ok());
        if input.is_some_and(|i| i.parent() == Some(&target) && is_numbered(&i)) {
            let why = "the input is among the images that are to be replaced";
            return Err(Error::Usage(why.into()));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".nc-").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o777));
        }
        let temporary = builder.tempdir_in(folder_of(&target))?;
        temporaries::register(temporary.path());
        Ok(Self {
            temporary,
            target,
            overwrite,
        })
    }

    /// Where to put files.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Makes the folder visible under its name; where one with files is there, and `overwrite` is given, its images with
    /// numbers for names go, and its other files stay.
    ///
    /// # Errors
    /// I/O.
    pub fn commit(self) -> Result<()> {
        let from = self.temporary.path();
        let empty = match std::fs::read_dir(&self.target) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => true,
        };
        if empty {
            let _ = std::fs::remove_dir(&self.target);
            std::fs::rename(from, &self.target)?;
        } else if self.overwrite {
            replace(from, &self.target)?;
        } else {
            return Err(exists());
        }
        sync_folder(&self.target);
        Ok(())
    }
}

/// Puts the folder `new` in the place of `target`, in two renames: at no time has the name some images of each. What
/// `target` has beside images is moved over.
fn replace(new: &Path, target: &Path) -> Result<()> {
    std::fs::set_permissions(new, std::fs::metadata(target)?.permissions())?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".nc-").suffix(".old");
    // Not removed where this ends early: it then has what was there before.
    let aside = builder.tempdir_in(folder_of(target))?.keep();
    std::fs::remove_dir(&aside)?;
    std::fs::rename(target, &aside)?;
    if let Err(e) = std::fs::rename(new, target) {
        std::fs::rename(&aside, target)?;
        return Err(e.into());
    }
    for entry in std::fs::read_dir(&aside)? {
        let entry = entry?;
        if !is_numbered(&entry.path()) {
            std::fs::rename(entry.path(), target.join(entry.file_name()))?;
        }
    }
    std::fs::remove_dir_all(&aside)?;
    Ok(())
}

/// Whether a name is a number and `.png`, as those of frames are.
fn is_numbered(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|s| s.to_str());
    path.extension().is_some_and(|e| e == "png")
        && stem.is_some_and(|s| s.bytes().all(|b| b.is_ascii_digit()))
}

impl Drop for Folder {
    fn drop(&mut self) {
        temporaries::release(self.temporary.path());
    }
}

impl Write for Output<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = match &mut self.sink {
            Sink::File { file, .. } | Sink::Held { file, .. } => file.write(buf),
            Sink::Stream(w) => w.write(buf),
        }
        .map_err(|e| named(e, &self.name))?;
        self.written += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::File { file, .. } | Sink::Held { file, .. } => file.flush(),
            Sink::Stream(w) => w.flush(),
        }
    }
}

/// The error with the output's name, or it would be laid at the input's door.
fn named(e: io::Error, name: &str) -> io::Error {
    io::Error::new(e.kind(), format!("writing {name}: {e}"))
}

fn exists() -> Error {
    Error::Usage("the output exists".into()).coded(code::OUTPUT_EXISTS)
}

/// A path as messages show it: in one line, whatever it is.
fn shown(path: &Path) -> String {
    let mut out = String::new();
    for c in path.display().to_string().chars() {
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// A temporary file with the permissions that the final file is to have; the crate's default of
/// 0600 is meant for secrets.
fn new_file_in(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".nc-").suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The process's umask takes away what the user does not want.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// The rename is on the disk only once the folder is; not every system lets a folder be synced.
fn sync_folder(target: &Path) {
    if let Ok(folder) = File::open(folder_of(target)) {
        let _ = folder.sync_all();
    }
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if let (Ok(a), Ok(b)) = (std::fs::metadata(a), std::fs::metadata(b))
            && a.is_file()
        {
            return a.dev() == b.dev() && a.ino() == b.ino();
        }
    }
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
