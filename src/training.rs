//! Models of one's own: what files hold, given to a codec's trainer.

use std::path::{Path, PathBuf};

use nc_core::family::{Example, Examples, RecordsForm, Trained, Trainer};
use nc_core::{Budget, Control, Error, MediaKind, Options, Result, SignalBuf};
use nc_media::records::{Learn, Reader, Schema, Source, TextForm, rows_at_once};
use nc_media::{OpenOptions, formats};

use crate::Toolkit;

/// What a model is learnt from.
#[derive(Debug, Clone, Default)]
pub struct TrainingData {
    /// Files of records, or folders of recordings that are searched through.
    pub paths: Vec<PathBuf>,
    /// Prefixes of paths, relative to their folder: recordings under them are held out for measuring.
    pub hold_out: Vec<String>,
    /// Bytes of a record, for files that do not say.
    pub record_length: Option<usize>,
    /// Cells of tables with this text are unknown.
    pub missing: Option<String>,
    /// How the lines of tables are told apart, where that is not to be guessed.
    pub text: TextForm,
}

impl Toolkit {
    /// Learns a model for the codec of this name. `skipped` is told of files that could not be read and are passed over.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a codec without models, or a build without training; those of reading and learning.
    pub fn train(
        &self,
        codec: &str,
        data: &TrainingData,
        options: &Options,
        skipped: &mut dyn FnMut(&Path, &Error),
        ctl: &mut Control<'_>,
    ) -> Result<Trained> {
        let family = self.registry().by_name(codec)?;
        let none = || Error::Unsupported(format!("this build trains no models of {codec}"));
        let trainer = family.trainer().ok_or_else(none)?;
        options.check(codec, trainer.options())?;
        let budget = self.budget();
        let threads = ctl.threads.clone();
        match family.info().kind {
            MediaKind::Records => {
                let mut data = Rows::open(data, budget)?;
                threads.run(|| trainer.train(&mut data, options, ctl))?
            }
            kind => {
                let mut data = Recordings::find(data, kind, budget, skipped)?;
                // Those who are told of files are not to be called from other threads.
                let mut read = data.read_all(trainer, &threads, &ctl.checker())?;
                threads.run(|| trainer.train(&mut read, options, ctl))?
            }
        }
    }
}

/// Rows of files of records.
struct Rows {
    form: RecordsForm,
    schema: Schema,
    files: Vec<PathBuf>,
    left: Vec<PathBuf>,
    reader: Option<(PathBuf, Box<dyn Reader>)>,
    missing: Option<String>,
    budget: Budget,
}

impl Rows {
    fn open(data: &TrainingData, budget: Budget) -> Result<Self> {
        let learn = Learn {
            record_length: data.record_length,
            text: data.text.clone(),
        };
        let schema = Schema::learn(&data.paths, &learn, &budget)?;
        Ok(Self {
            form: form_of(&schema)?,
            schema,
            files: data.paths.clone(),
            left: data.paths.iter().rev().cloned().collect(),
            reader: None,
            missing: data.missing.clone(),
            budget,
        })
    }
}

/// What a schema tells a codec.
fn form_of(schema: &Schema) -> Result<RecordsForm> {
    let image = schema.image();
    let mut columns = Vec::new();
    for column in schema.columns().unwrap_or_default() {
        let name = column.name().to_owned();
        let its = schema.column(&name)?.1;
        columns.push((name, its));
    }
    Ok(RecordsForm {
        alphabets: schema.alphabets(),
        open: schema.open(),
        ordered: schema.ordered(),
        image: image.map(|i| [i.height as usize, i.width as usize, usize::from(i.channels)]),
        columns,
        metadata: vec![(crate::toolkit::SCHEMA.to_owned(), schema.to_json()?)],
    })
}

impl Examples for Rows {
    fn form(&self) -> Option<&RecordsForm> {
        Some(&self.form)
    }

    fn files(&self) -> Vec<String> {
        self.files.iter().map(|f| f.display().to_string()).collect()
    }

    fn next(&mut self) -> Result<Option<Example>> {
        loop {
            if let Some((file, reader)) = &mut self.reader {
                let rows = reader.next(rows_at_once(&self.schema));
                if let Some(rows) = rows.map_err(|e| e.in_file(file))? {
                    let signal = SignalBuf::Records(rows);
                    // All rows are held until the model is learnt.
                    self.budget
                        .charge(signal.memory())
                        .map_err(|e| e.in_file(file))?;
                    let variables = self.form.alphabets.len() as u32;
                    return Ok(Some(Example {
                        name: file.display().to_string(),
                        held_out: false,
                        format: nc_core::Format::Records(nc_core::RecordsFormat { variables }),
                        signal,
                    }));
                }
            }
            let Some(file) = self.left.pop() else {
                return Ok(None);
            };
            let missing = self.missing.as_deref();
            let reader = Source::open(&file)
                .and_then(|s| self.schema.reader(s, missing, self.budget.share()))
                .map_err(|e| e.in_file(&file))?;
            self.reader = Some((file, reader));
        }
    }
}

/// Recordings, or clips, in folders.
struct Recordings<'a> {
    kind: MediaKind,
    /// Path relative to the folder, and the path.
    files: Vec<(String, PathBuf)>,
    hold_out: Vec<String>,
    budget: Budget,
    skipped: &'a mut dyn FnMut(&Path, &Error),
}

impl<'a> Recordings<'a> {
    /// All files of the kind under the folders, by their names: the same folders give the same model.
    fn find(
        data: &TrainingData,
        kind: MediaKind,
        budget: Budget,
        skipped: &'a mut dyn FnMut(&Path, &Error),
    ) -> Result<Self> {
        let mut files = Vec::new();
        for folder in &data.paths {
            for file in crate::batch::walk(folder)? {
                if formats::of_file(&file).is_some_and(|f| f.kind == Some(kind)) {
                    let relative = file.strip_prefix(folder).unwrap_or(&file);
                    files.push((relative.display().to_string(), file));
                }
            }
        }
        files.sort();
        Ok(Self {
            kind,
            files,
            hold_out: data.hold_out.clone(),
            budget,
            skipped,
        })
    }

    /// Reads all of them, side by side; those that cannot be read are passed over.
    fn read_all(
        &mut self,
        trainer: &dyn Trainer,
        threads: &nc_core::Threads,
        check: &(dyn Fn() -> Result<()> + Sync),
    ) -> Result<Read> {
        use rayon::prelude::*;
        let (kind, limit) = (self.kind, self.budget.left());
        let one = |(name, file): &(String, PathBuf)| {
            check()?;
            // Each within the limit of one file.
            let options = OpenOptions::new().kind(kind).budget(Budget::new(limit));
            let whole = || -> Result<Example> {
                let mut reader = nc_media::open(file, &options)?;
                let mut held = Budget::new(limit);
                let mut all = reader.format().empty();
                while let Some(piece) = reader.next()? {
                    held.charge(piece.memory())?;
                    all.append(piece)?;
                }
                trainer.prepare(Example {
                    name: name.clone(),
                    held_out: self.hold_out.iter().any(|h| name.starts_with(h.as_str())),
                    format: reader.format(),
                    signal: all,
                })
            };
            Ok((file.clone(), whole()))
        };
        let read: Result<Vec<_>> = threads.run(|| self.files.par_iter().map(one).collect())?;
        let mut examples = Vec::new();
        for (file, read) in read? {
            match read {
                Ok(example) => examples.push(example),
                Err(e) => (self.skipped)(&file, &e),
            }
        }
        Ok(Read {
            files: self.files.iter().map(|(name, _)| name.clone()).collect(),
            examples: examples.into_iter(),
        })
    }
}

/// Recordings in memory.
struct Read {
    files: Vec<String>,
    examples: std::vec::IntoIter<Example>,
}

impl Examples for Read {
    fn form(&self) -> Option<&RecordsForm> {
        None
    }

    fn files(&self) -> Vec<String> {
        self.files.clone()
    }

    fn next(&mut self) -> Result<Option<Example>> {
        Ok(self.examples.next())
    }
}
