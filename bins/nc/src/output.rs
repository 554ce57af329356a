//! Where the result goes: a file that appears whole or not at all, or a pipe.
//!
//! A file is written beside its target under another name, flushed to the disk and then renamed,
//! so that a crash, a full disk or a signal leaves either the old file or the new one. Devices and
//! named pipes are written to directly: there is nothing to keep safe, and nothing to rename.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Seek, SeekFrom, Stdout, Write};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir, TempPath};

use crate::failure::{Failure, Result};
use crate::signals;

/// True for the name that means standard input or output.
pub fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A destination that is being written.
pub struct Output {
    sink: Sink,
    name: String,
    written: u64,
}

enum Sink {
    File {
        file: BufWriter<File>,
        temporary: Temporary,
        target: PathBuf,
        force: bool,
    },
    Device(BufWriter<File>),
    Pipe(BufWriter<Stdout>),
}

/// A path that is removed on drop, and by the signal handler.
struct Temporary(Option<TempPath>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            signals::release(&path);
        }
    }
}

impl Output {
    /// Opens `target` for writing, `-` being standard output. `input` is the file being read.
    ///
    /// # Errors
    /// Usage where the target exists and `force` is not given, is the input, or is a terminal;
    /// I/O where its folder cannot be written to.
    pub fn create(target: &Path, input: Option<&Path>, force: bool) -> Result<Self> {
        let sink = if is_dash(target) {
            if io::stdout().is_terminal() {
                return Err(Failure::usage("binary output is not written to a terminal")
                    .hint("redirect it, or name a file"));
            }
            Sink::Pipe(BufWriter::with_capacity(1 << 16, io::stdout()))
        } else {
            Self::open(target, input, force).map_err(|f| f.on(target))?
        };
        let name = crate::ui::label(target);
        Ok(Self {
            sink,
            name,
            written: 0,
        })
    }

    fn open(target: &Path, input: Option<&Path>, force: bool) -> Result<Sink> {
        if let Some(input) = input
            && !is_dash(input)
            && same_file(input, target)
        {
            return Err(Failure::usage("output and input are the same file"));
        }
        match std::fs::metadata(target) {
            Ok(meta) if meta.is_dir() => {
                return Err(
                    Failure::usage("the output is a folder").hint("name a file, or use --out-dir")
                );
            }
            Ok(meta) if !meta.is_file() => {
                let file = OpenOptions::new().write(true).open(target)?;
                return Ok(Sink::Device(BufWriter::with_capacity(1 << 16, file)));
            }
            Ok(_) if !force => return Err(exists()),
            _ => {}
        }
        // A link keeps pointing where it did; what it points to is replaced.
        let target = target
            .canonicalize()
            .unwrap_or_else(|_| target.to_path_buf());
        let (file, path) = new_file_in(folder_of(&target))?.into_parts();
        signals::guard(&path);
        Ok(Sink::File {
            file: BufWriter::with_capacity(1 << 16, file),
            temporary: Temporary(Some(path)),
            target,
            force,
        })
    }

    /// True where [`Output::rewrite`] works.
    pub fn can_rewrite(&self) -> bool {
        matches!(self.sink, Sink::File { .. })
    }

    /// Replaces bytes written earlier, leaving the position at the end.
    ///
    /// # Errors
    /// I/O, also where the output is a pipe.
    pub fn rewrite(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Sink::File { file, .. } = &mut self.sink else {
            return Err(io::Error::other("a pipe cannot be rewritten"));
        };
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(bytes)?;
        file.seek(SeekFrom::End(0))?;
        Ok(())
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The file being written, for reading it back; none for a pipe.
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
            _ => Ok(None),
        }
    }

    /// Makes the result visible under its name.
    ///
    /// # Errors
    /// I/O; nothing is left behind then.
    pub fn commit(self) -> Result<()> {
        let name = self.name;
        let named = |e| named(e, &name);
        match self.sink {
            Sink::Pipe(mut w) => w.flush().map_err(named)?,
            Sink::Device(mut w) => w.flush().map_err(named)?,
            Sink::File {
                mut file,
                mut temporary,
                target,
                force,
            } => {
                file.flush().map_err(named)?;
                file.get_ref().sync_all().map_err(named)?;
                let Some(path) = temporary.0.take() else {
                    return Err(io::Error::other("the temporary file is gone").into());
                };
                let part = path.to_path_buf();
                // Without -f the name must still be free: another process may have taken it.
                let moved = if force {
                    path.persist(&target)
                } else {
                    path.persist_noclobber(&target)
                };
                signals::release(&part);
                if let Err(e) = moved {
                    if e.error.kind() == io::ErrorKind::AlreadyExists {
                        return Err(exists());
                    }
                    return Err(named(e.error).into());
                }
                sync_folder(&target);
            }
        }
        Ok(())
    }
}

/// A folder that is being filled, and appears whole or not at all.
pub struct Folder {
    temporary: TempDir,
    target: PathBuf,
    force: bool,
}

impl Folder {
    /// A new folder beside `target`. `input` is the file being read.
    ///
    /// # Errors
    /// Usage where the target exists and is not an empty folder, unless `force` is given for a folder, where it is
    /// the current folder, and where the input is one of its images; I/O where its parent cannot be written to.
    pub fn create(target: &Path, input: Option<&Path>, force: bool) -> Result<Self> {
        Self::open(target, input, force).map_err(|f| f.on(target))
    }

    fn open(target: &Path, input: Option<&Path>, force: bool) -> Result<Self> {
        if is_dash(target) {
            return Err(Failure::usage(
                "a folder of images has no place on standard output",
            ));
        }
        match std::fs::metadata(target) {
            Ok(meta) if !meta.is_dir() => {
                return Err(Failure::usage(
                    "the output is a file; images go into a folder",
                ));
            }
            Ok(_) if !force && std::fs::read_dir(target)?.next().is_some() => return Err(exists()),
            _ => {}
        }
        // The path may lead through the target itself, or be a link.
        let target = match target.canonicalize() {
            Ok(target) => target,
            Err(_) => match (folder_of(target).canonicalize(), target.file_name()) {
                (Ok(folder), Some(name)) => folder.join(name),
                (Err(e), _) => return Err(e.into()),
                (_, None) => return Err(Failure::usage("the output has no name")),
            },
        };
        if std::env::current_dir().is_ok_and(|d| d.canonicalize().is_ok_and(|d| d == target)) {
            return Err(
                Failure::usage("the current folder cannot be put into place as a whole")
                    .hint("name a folder in it"),
            );
        }
        let input = input.and_then(|i| i.canonicalize().ok());
        if input.is_some_and(|i| i.parent() == Some(&target) && is_numbered(&i)) {
            return Err(Failure::usage(
                "the input is among the images that are to be replaced",
            ));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".nc-").suffix(".part");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o777));
        }
        let temporary = builder.tempdir_in(folder_of(&target))?;
        signals::guard(temporary.path());
        Ok(Self {
            temporary,
            target,
            force,
        })
    }

    /// Where to put files.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Makes the folder visible under its name; where one with files is there, and `force` is given, its images with
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
        } else if self.force {
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
        signals::release(self.temporary.path());
    }
}

impl Write for Output {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = match &mut self.sink {
            Sink::File { file, .. } => file.write(buf),
            Sink::Device(w) => w.write(buf),
            Sink::Pipe(w) => w.write(buf),
        }
        .map_err(|e| named(e, &self.name))?;
        self.written = self.written.saturating_add(n as u64);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::File { file, .. } => file.flush(),
            Sink::Device(w) => w.flush(),
            Sink::Pipe(w) => w.flush(),
        }
    }
}

/// The error with the output's name, or it would be laid at the input's door.
fn named(e: io::Error, name: &str) -> io::Error {
    io::Error::new(e.kind(), format!("writing {name}: {e}"))
}

fn exists() -> Failure {
    Failure::usage("the output exists").hint("-f overwrites it")
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
