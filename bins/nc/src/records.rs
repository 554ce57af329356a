//! Files of records: what their rows mean stands in the model; images go into folders.

use std::path::Path;

use nc_core::container::Meta;
use nc_core::{Budget, Error, Model};
use nc_media::records::{Schema, Source, Writer};

use crate::failure::{Failure, Result};
use crate::input::{Input, Kind};
use crate::output::{Folder, Output, is_dash};

/// Where a model file keeps the schema.
pub const SCHEMA: &str = "records";
/// Tag of what a file says beyond its rows.
pub const EXTRAS: [u8; 4] = *b"recs";
/// Values read at once.
const BLOCK: usize = 1 << 22;

/// What a file of records says beyond them.
pub fn extras(meta: &[Meta]) -> &[u8] {
    let extras = meta.iter().find(|m| m.tag == EXTRAS);
    extras.map_or(&[], |m| &m.data)
}

/// What the model says of the rows.
///
/// # Errors
/// Model where there is no model, or it says nothing.
pub fn schema(model: Option<&Model>) -> Result<Schema> {
    let Some(model) = model else {
        return Err(Failure::from(Error::Model(
            "records need the model they are coded by".into(),
        ))
        .hint("give it with --model; nc train circuit makes one"));
    };
    let json = model
        .meta(SCHEMA)
        .ok_or_else(|| Error::Model("the model does not say what its records mean".into()))?;
    Ok(Schema::from_json(json)?)
}

/// Rows that are read at once.
pub fn rows_at_once(schema: &Schema) -> usize {
    (BLOCK / schema.alphabets().len().max(1)).clamp(1, 1 << 16)
}

/// Opens a file, a folder or standard input.
///
/// # Errors
/// I/O; Usage for an nc file.
pub fn open(path: &Path) -> Result<Source> {
    if !is_dash(path) && path.is_dir() {
        return Ok(Source::open(path)?);
    }
    let (input, kind) = Input::open(path)?;
    if kind == Kind::Nc {
        return Err(Failure::usage("it is an nc file already"));
    }
    Ok(match input {
        Input::File(file) => Source::of(file)?,
        pipe => Source::of(pipe)?,
    })
}

/// Where rows are written to: a file, or a folder of images.
pub enum Target {
    /// A file or pipe.
    File(Output),
    /// A folder.
    Folder(Folder),
}

impl Target {
    /// Opens the output for records of a schema.
    ///
    /// # Errors
    /// As for [`Output::create`].
    pub fn create(
        schema: &Schema,
        output: &Path,
        input: Option<&Path>,
        force: bool,
    ) -> Result<Self> {
        Ok(if schema.is_folder() {
            Self::Folder(Folder::create(output, input, force)?)
        } else {
            Self::File(Output::create(output, input, force)?)
        })
    }

    /// A writer of `rows` rows from number `first` on.
    ///
    /// # Errors
    /// Format for extras that do not fit.
    pub fn writer<'a>(
        &'a mut self,
        schema: &Schema,
        (first, rows): (u64, u64),
        extras: &[u8],
        only: Option<&[usize]>,
        budget: &mut Budget,
    ) -> nc_core::Result<Box<dyn Writer + 'a>> {
        match self {
            Self::File(out) => schema.writer(out, rows, extras, only, budget),
            Self::Folder(out) => {
                schema.folder_writer(out.path().to_path_buf(), first, extras, budget)
            }
        }
    }

    /// Gives the result its name.
    ///
    /// # Errors
    /// I/O.
    pub fn commit(self) -> Result<()> {
        match self {
            Self::File(out) => out.commit(),
            Self::Folder(out) => out.commit(),
        }
    }
}
