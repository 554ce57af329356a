//! A signal as rows of records: one file, or a folder of images.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use nc_core::{Budget, Error, Result, Signal};

use super::{FileOfRows, Writer};
use crate::contract::{CreateOptions, WriteSignal, Written};
use crate::metadata;
use crate::output::{Finished, Folder, Output};

/// A file that the writer of rows and its owner both hold: the one writes, the other gives it its name.
struct Shared<'a>(Arc<Mutex<Output<'a>>>);

impl Write for Shared<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.output()?.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output()?.flush()
    }
}

impl<'a> Shared<'a> {
    fn output(&self) -> io::Result<std::sync::MutexGuard<'_, Output<'a>>> {
        let broken = |_| io::Error::other("a writer that has panicked");
        self.0.lock().map_err(broken)
    }
}

enum Target<'a> {
    File(Arc<Mutex<Output<'a>>>),
    Folder(Folder),
}

struct Rows<'a> {
    writer: Box<dyn Writer + 'a>,
    target: Target<'a>,
    units: u64,
    /// Where the header counts rows, and how many it has told.
    counted: Option<(u64, u64)>,
    _held: Budget,
}

/// Into a file or folder.
pub(crate) fn create<'a>(
    path: &Path,
    options: &CreateOptions<'_>,
) -> Result<Box<dyn WriteSignal<'a> + 'a>> {
    let schema = options.schema_of_records()?;
    let (input, overwrite) = (options.input.as_deref(), options.overwrite);
    if !schema.is_folder() {
        return stream(Output::create(path, input, overwrite)?, options);
    }
    let mut held = options.budget.share();
    let folder = Folder::create(path, input, overwrite)?;
    let extras = metadata::to_records(options.metadata);
    let writer = schema.folder_writer(
        folder.path().to_path_buf(),
        options.first,
        extras,
        &mut held,
    )?;
    Ok(Box::new(Rows {
        writer,
        target: Target::Folder(folder),
        units: 0,
        counted: None,
        _held: held,
    }))
}

/// Into a file or stream.
pub(crate) fn stream<'a>(
    out: Output<'a>,
    options: &CreateOptions<'_>,
) -> Result<Box<dyn WriteSignal<'a> + 'a>> {
    let schema = options.schema_of_records()?;
    if schema.is_folder() {
        let why = "a folder of images has no place on standard output";
        return Err(Error::Usage(why.into()));
    }
    let held = options.budget.share();
    let count_at = schema.count_at();
    let rows = match (options.units, count_at) {
        (Some(rows), _) => rows,
        (None, Some(_)) if !out.can_seek() => {
            let why = "the header of such a file tells how many records follow, which is not known";
            return Err(Error::Usage(why.into()));
        }
        (None, _) => 0,
    };
    let out = Arc::new(Mutex::new(out));
    let writer = schema.writer(
        Shared(out.clone()),
        FileOfRows {
            records: rows,
            extras: metadata::to_records(options.metadata),
            only: options.only.as_deref(),
            part: options.is_part.then_some(options.first),
        },
        &held,
    )?;
    Ok(Box::new(Rows {
        writer,
        target: Target::File(out),
        units: 0,
        counted: count_at.map(|at| (at, rows)),
        _held: held,
    }))
}

impl<'a> WriteSignal<'a> for Rows<'a> {
    fn write(&mut self, signal: Signal<'_>) -> Result<()> {
        let Signal::Records(rows) = signal else {
            return Err(Error::Usage("media kinds mixed".into()));
        };
        self.writer.write(rows)?;
        self.units = self.units.saturating_add(rows.values.nrows() as u64);
        Ok(())
    }

    /// Nothing stands for lost rows, and what the file says of single ones goes to those that it is meant for.
    fn skip(&mut self, units: Option<u64>) -> Result<()> {
        self.writer.skip(units);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(Written, Finished<'a>)> {
        let Self {
            writer,
            target,
            units,
            counted,
            _held,
        } = *self;
        let bytes = writer.finish()?;
        let finished = match target {
            Target::Folder(folder) => Finished::Folder(folder),
            Target::File(out) => {
                let broken = "a writer of rows kept its output";
                let out = Arc::into_inner(out).and_then(|m| m.into_inner().ok());
                let mut out = out.ok_or(Error::Internal(broken.into()))?;
                if let Some((at, told)) = counted
                    && told != units
                {
                    let count = u32::try_from(units)
                        .map_err(|_| Error::Format("too many records for IDX".into()))?;
                    out.rewrite(at, &count.to_be_bytes())?;
                }
                Finished::Output(out)
            }
        };
        let written = Written {
            bytes,
            units,
            warnings: Vec::new(),
        };
        Ok((written, finished))
    }
}
