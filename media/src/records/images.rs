//! Folders of PNGs of one size, in the order of their names. A sample is a variable.

use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::mem::size_of;
use std::path::{Path, PathBuf};

use crate::video::png::{self, Image, Png};
use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use nc_core::{Budget, Error, Records, RecordsBuf, Result};
use ndarray::Array2;

use crate::records::{Reader, Writer};

/// What a name takes beside its bytes, in a list of them.
const NAME: u64 = 2 * size_of::<String>() as u64;

/// Folders within folders that are looked into.
const DEEP: usize = 8;

/// PNGs of a folder and of those in it, such as one for each class, by their paths from it with `/` between names; charged to
/// `budget`.
///
/// # Errors
/// [`Error::Usage`] where there are none, [`Error::Limit`]; I/O.
pub fn names(folder: &Path, budget: &mut Budget) -> Result<Vec<String>> {
    let mut names = Vec::new();
    find(folder, "", DEEP, &mut names, budget)?;
    if names.is_empty() {
        return Err(Error::Usage("a folder without PNGs".into()));
    }
    names.sort();
    Ok(names)
}

fn find(
    folder: &Path,
    prefix: &str,
    deep: usize,
    names: &mut Vec<String>,
    budget: &mut Budget,
) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let is_png = path
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("png"));
        let is_folder = entry.file_type()?.is_dir();
        let wanted = match is_folder {
            true => deep > 0,
            false => is_png && path.is_file(),
        };
        if !wanted {
            continue;
        }
        let name = entry.file_name().into_string().map_err(|name| {
            Error::Usage(format!("{}: a name that is not UTF-8", name.display()))
        })?;
        // Files that systems leave in folders.
        if name.starts_with('.') {
            continue;
        }
        let name = format!("{prefix}{name}");
        if is_folder {
            find(&path, &format!("{name}/"), deep - 1, names, budget)?;
        } else {
            budget.charge((name.len() as u64).saturating_add(NAME))?;
            names.push(name);
        }
    }
    Ok(())
}

/// An image's form and samples, which are charged to `budget`.
///
/// # Errors
/// [`Error::Format`] for what is no PNG or damaged, [`Error::Usage`] for more than 8 bits a sample, [`Error::Limit`]; I/O.
pub fn read(path: &Path, budget: &mut Budget) -> Result<(Image, Vec<u8>)> {
    let wrong = |e: Error| match e {
        Error::Limit(why) => Error::Limit(format!("{}: {why}", path.display()).into()),
        Error::Format(why) => Error::Format(format!("{}: {why}", path.display()).into()),
        Error::Usage(why) => Error::Usage(format!("{}: {why}", path.display())),
        e => e,
    };
    let file = BufReader::new(File::open(path)?);
    let image = Png::open(file, budget).map_err(wrong)?;
    let form = image.image();
    let samples = image.samples(budget).map_err(wrong)?;
    Ok((form, samples))
}

/// Reads the images of a folder.
pub struct FolderReader {
    folder: PathBuf,
    form: Image,
    names: Vec<String>,
    next: usize,
    budget: Budget,
}

impl FolderReader {
    /// Of a folder whose images have this form; names and rows are charged to `budget`.
    ///
    /// # Errors
    /// [`Error::Usage`] where there are none, [`Error::Limit`]; I/O.
    pub fn new(folder: PathBuf, form: Image, mut budget: Budget) -> Result<Self> {
        let names = names(&folder, &mut budget)?;
        Ok(Self {
            folder,
            form,
            names,
            next: 0,
            budget,
        })
    }
}

impl Reader for FolderReader {
    fn next(&mut self, rows: usize) -> Result<Option<RecordsBuf>> {
        let names = self.names.iter().skip(self.next).take(rows);
        let n = names.len();
        if n == 0 {
            return Ok(None);
        }
        let mut budget = self.budget.share();
        // A row has at most 2^20 samples, and a list of names fits memory.
        budget.charge(
            self.form
                .samples()
                .saturating_mul(n as u64)
                .saturating_mul(2),
        )?;
        let mut values = Vec::new();
        for name in names {
            let path = self.folder.join(name);
            let (form, samples) = read(&path, &mut budget.share())?;
            if form != self.form {
                return Err(Error::Usage(format!(
                    "{}: an image of {form}, not {}",
                    path.display(),
                    self.form
                )));
            }
            values.extend(samples.into_iter().map(u16::from));
        }
        self.next = self.next.saturating_add(n);
        let values = Array2::from_shape_vec((n, self.form.samples() as usize), values)
            .map_err(|e| Error::Internal(e.to_string().into()))?;
        Ok(Some(RecordsBuf {
            values,
            texts: Vec::new(),
        }))
    }

    /// The names, deflated.
    fn extras(&mut self) -> Result<Vec<u8>> {
        let all = self.names.join("\0");
        let mut out = Vec::new();
        DeflateEncoder::new(all.as_bytes(), Compression::best()).read_to_end(&mut out)?;
        Ok(out)
    }
}

/// Writes images into a folder.
pub struct FolderWriter {
    folder: PathBuf,
    form: Image,
    names: Vec<String>,
    next: usize,
    written: u64,
}

impl FolderWriter {
    /// Into a folder that exists; the first row is the one numbered `first` of the original.
    ///
    /// # Errors
    /// [`Error::Format`] for extras that are no list of names, [`Error::Limit`].
    pub fn new(
        folder: PathBuf,
        form: Image,
        extras: &[u8],
        first: u64,
        budget: &mut Budget,
    ) -> Result<Self> {
        // A file may have none.
        let all = match extras {
            [] => Ok(Vec::new()),
            extras => budget.read(DeflateDecoder::new(extras), u64::MAX),
        };
        let all = all.map_err(|e| match e {
            Error::Io(_) => Error::Format("names of images".into()),
            e => e,
        })?;
        let all = String::from_utf8(all).map_err(|_| Error::Format("names of images".into()))?;
        // Once more as so many names.
        let ends = all.bytes().filter(|b| *b == 0).count() as u64;
        budget.charge(ends.saturating_add(1).saturating_mul(NAME))?;
        budget.charge(all.len() as u64)?;
        let names: Vec<String> = match all.as_str() {
            "" => Vec::new(),
            all => all.split('\0').map(String::from).collect(),
        };
        // A name is a file in this folder, or in one within it, and nothing else.
        let unsafe_part = |n: &str| n.is_empty() || n.contains('\\') || n == "." || n == "..";
        let unsafe_name =
            |n: &String| n.split('/').any(unsafe_part) || n.split('/').count() > DEEP + 1;
        if let Some(name) = names.iter().find(|n| unsafe_name(n)) {
            return Err(Error::Format(
                format!("{name:?} is no name of an image").into(),
            ));
        }
        Ok(Self {
            folder,
            form,
            names,
            next: usize::try_from(first).unwrap_or(usize::MAX),
            written: 0,
        })
    }
}

impl Writer for FolderWriter {
    fn write(&mut self, records: Records<'_>) -> Result<()> {
        let wrong = || Error::Format("records that are no images of this form".into());
        for row in records.values.rows() {
            let samples = row.iter().map(|v| u8::try_from(*v));
            let samples: Vec<u8> = samples.collect::<Result<_, _>>().map_err(|_| wrong())?;
            let name = match self.names.get(self.next) {
                Some(name) => name.clone(),
                None => format!("{:06}.png", self.next),
            };
            self.next = self.next.saturating_add(1);
            let path = self.folder.join(&name);
            let folder = match (name.contains('/'), path.parent()) {
                (true, Some(folder)) => std::fs::create_dir_all(folder),
                _ => Ok(()),
            };
            let file =
                folder.and_then(|()| File::options().write(true).create_new(true).open(&path));
            // Two of one name would be one file, and a name may be longer than those of files.
            let file = file.map_err(|e| match e.kind() {
                ErrorKind::AlreadyExists | ErrorKind::InvalidFilename | ErrorKind::InvalidInput => {
                    Error::Format(format!("an image named {name:?}: {e}").into())
                }
                _ => Error::Io(e),
            });
            let mut out = BufWriter::new(file?);
            png::write(&mut out, self.form, &samples)?;
            out.flush()?;
            let bytes = out.get_ref().metadata()?.len();
            self.written = self.written.saturating_add(bytes);
        }
        Ok(())
    }

    fn skip(&mut self, rows: Option<u64>) {
        match rows {
            Some(n) => {
                let n = usize::try_from(n).unwrap_or(usize::MAX);
                self.next = self.next.saturating_add(n);
            }
            // From here on nobody knows whose names they are.
            None => self.names.truncate(self.next),
        }
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        Ok(self.written)
    }
}
