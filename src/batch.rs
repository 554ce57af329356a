//! Many files at once: which inputs give which outputs, and working on them side by side.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use nc_core::{Error, MediaKind, Progress, Result, Threads};
use nc_media::{ffmpeg, formats, names};

use crate::{DecodeSettings, Decoded, Encoded, Settings, Toolkit};

/// One input and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The file to read.
    pub input: PathBuf,
    /// The file to write.
    pub output: PathBuf,
}

/// What is to be done with files that were named, and with those found in folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Jobs {
    /// In the order of the inputs, those of a folder by name.
    pub jobs: Vec<Job>,
    /// Files found in folders that are not meant.
    pub passed_over: Vec<PathBuf>,
}

/// Who watches work on many files.
pub trait Watch: Sync {
    /// Progress of one of them.
    fn progress(&self, _job: &Job, _progress: Progress<'_>) {}
}

/// Nobody watches.
impl Watch for () {}

impl Toolkit {
    /// Jobs that bring files, and what is in folders, into a folder: `name` gives the name there, `accept` says which
    /// files found in folders are meant. Folders keep their tree.
    ///
    /// # Errors
    /// [`Error::Usage`] where two inputs would be written to one output, or one is read and written; [`Error::Io`].
    pub fn jobs(
        inputs: &[PathBuf],
        folder: &Path,
        recursive: bool,
        name: impl Fn(&Path) -> PathBuf,
        accept: impl Fn(&Path) -> bool,
    ) -> Result<Jobs> {
        let mut jobs = Vec::new();
        let mut passed_over = Vec::new();
        for path in inputs {
            if path.is_dir() && recursive {
                let (meant, others): (Vec<_>, Vec<_>) =
                    walk(path)?.into_iter().partition(|f| accept(f));
                passed_over.extend(others);
                for file in meant {
                    let below = file.strip_prefix(path).unwrap_or(&file);
                    let beside = below.parent().unwrap_or(Path::new(""));
                    let output = folder.join(beside).join(name(&file));
                    jobs.push(Job {
                        input: file,
                        output,
                    });
                }
            } else {
                jobs.push(Job {
                    output: folder.join(name(path)),
                    input: path.clone(),
                });
            }
        }
        let mut seen = HashSet::new();
        // What one job writes, another must not read: which of them came first would decide what it is.
        let read: HashSet<PathBuf> = jobs.iter().flat_map(|j| j.input.canonicalize()).collect();
        for job in &jobs {
            let why = if job.output.canonicalize().is_ok_and(|o| read.contains(&o)) {
                "is to be read and written"
            } else if !seen.insert(&job.output) {
                "two inputs would be written to it"
            } else {
                continue;
            };
            return Err(Error::Usage(why.into()).in_file(&job.output));
        }
        Ok(Jobs { jobs, passed_over })
    }

    /// The same for encoding with these settings: names and files as [`Self::encode_file`] takes them. Of a folder all
    /// that the codec asked for takes is meant; sound and Y4M where none is asked for, for images and what takes another
    /// program lie beside sound for other reasons.
    ///
    /// # Errors
    /// As for [`Self::jobs`]; [`Error::Usage`] for no such codec.
    pub fn encode_jobs(
        &self,
        inputs: &[PathBuf],
        folder: &Path,
        recursive: bool,
        settings: &Settings,
    ) -> Result<Jobs> {
        let kind = self.named(settings)?.map(|f| f.info().kind);
        let keeps = kind.is_some_and(|k| !matches!(k, MediaKind::Audio | MediaKind::Video));
        let name = |input: &Path| names::encoded(input, keeps);
        Self::jobs(inputs, folder, recursive, name, |found| {
            let format = formats::of_file(found);
            let is = |kind| format.is_some_and(|f| f.kind == Some(kind));
            match kind {
                Some(MediaKind::Video) => is(MediaKind::Video) || ffmpeg::is_known(found),
                Some(MediaKind::Audio) => is(MediaKind::Audio),
                Some(_) => true,
                None => is(MediaKind::Audio) || format == Some(&formats::Y4M),
            }
        })
    }

    /// The same for decoding.
    ///
    /// # Errors
    /// As for [`Self::jobs`].
    pub fn decode_jobs(&self, inputs: &[PathBuf], folder: &Path, recursive: bool) -> Result<Jobs> {
        Self::jobs(inputs, folder, recursive, names::decoded, Self::is_nc)
    }

    /// Whether a file is an nc file, by its content.
    pub fn is_nc(file: &Path) -> bool {
        formats::of_file(file) == Some(&formats::NC)
    }

    /// The nc files among those named and, with `recursive`, in the folders named.
    ///
    /// # Errors
    /// [`Error::Io`] for folders that cannot be read.
    pub fn nc_files(inputs: &[PathBuf], recursive: bool) -> Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        for path in inputs {
            if recursive && path.is_dir() {
                all.extend(walk(path)?.into_iter().filter(|f| Self::is_nc(f)));
            } else {
                all.push(path.clone());
            }
        }
        Ok(all)
    }

    /// Works on all jobs side by side, as many at once as the toolkit has threads and each with one thread, or on a single
    /// job with all of them; results come in the order of the jobs. One that fails does not stop the others.
    ///
    /// # Errors
    /// [`Error::Internal`] where a job was lost.
    pub fn map<J: Sync, T: Send>(
        &self,
        jobs: &[J],
        work: impl Fn(&J, &Threads) -> T + Sync,
    ) -> Result<Vec<T>> {
        if let [job] = jobs {
            return Ok(vec![work(job, self.threads())]);
        }
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = match self.threads().count() {
            0 => cores(),
            n => n,
        };
        // Threads of their own and not those of a pool: one of these would begin other jobs while it waits for its own.
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        let worker = || {
            let threads = Threads::new(1);
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = jobs.get(i) else {
                    return;
                };
                let result = work(job, &threads);
                done.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push((i, result));
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..workers.min(jobs.len()) {
                // With fewer threads than asked for it takes longer.
                let _ = std::thread::Builder::new().spawn_scoped(scope, worker);
            }
            worker();
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(i, _)| *i);
        if done.len() != jobs.len() {
            return Err(Error::Internal("a job of a batch was lost".into()));
        }
        Ok(done.into_iter().map(|(_, result)| result).collect())
    }

    /// Encodes many files, side by side.
    ///
    /// # Errors
    /// As for [`Self::map`]; those of single files are in the results.
    pub fn encode_files(
        &self,
        jobs: &[Job],
        settings: &Settings,
        watch: &dyn Watch,
    ) -> Result<Vec<Result<Encoded>>> {
        self.map(jobs, |job, threads| {
            let mut progress = |p: Progress<'_>| watch.progress(job, p);
            let mut ctl = self.control();
            ctl.threads = threads.clone();
            ctl.progress = Some(&mut progress);
            self.encode_file_with(&job.input, &job.output, settings, &mut ctl)
        })
    }

    /// Decodes many files, side by side.
    ///
    /// # Errors
    /// As for [`Self::map`]; those of single files are in the results.
    pub fn decode_files(
        &self,
        jobs: &[Job],
        settings: &DecodeSettings,
        watch: &dyn Watch,
    ) -> Result<Vec<Result<Decoded>>> {
        self.map(jobs, |job, threads| {
            let mut progress = |p: Progress<'_>| watch.progress(job, p);
            let mut ctl = self.control();
            ctl.threads = threads.clone();
            ctl.progress = Some(&mut progress);
            self.decode_file_with(&job.input, &job.output, settings, &mut ctl)
        })
    }
}

/// All regular files below a folder, in the order of their names. A folder that links lead to again is gone through once.
pub(crate) fn walk(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_path_buf()];
    let mut seen = HashSet::new();
    while let Some(dir) = left.pop() {
        if !seen.insert(
            dir.canonicalize()
                .map_err(|e| Error::from(e).in_file(&dir))?,
        ) {
            continue;
        }
        let entries = std::fs::read_dir(&dir).map_err(|e| Error::from(e).in_file(&dir))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            // Of what a link leads to; one that leads nowhere is no file.
            if path.is_dir() {
                left.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
