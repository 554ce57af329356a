//! Files by their names on the command line, where `-` is standard input or output.

use std::io::{self, IsTerminal};
use std::path::Path;

use nc_core::{Error, Format, Model};
use nc_media::records::{Schema, Source};
use nc_media::{
    CreateOptions, FileFormat, Input, OpenOptions, Reader, Writer, create, create_stream, formats,
    open, open_stream, output,
};

use crate::failure::{Failure, Result};

/// Where a model file keeps the schema.
pub const SCHEMA: &str = "records";

/// A file that is being written.
pub type Output = output::Output<'static>;

/// True for the name that means standard input or output.
pub fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens an input as it is.
///
/// # Errors
/// I/O, also for a folder.
pub fn input(path: &Path) -> Result<Input> {
    Ok(match is_dash(path) {
        true => Input::stream(io::stdin())?,
        false => Input::open(path)?,
    })
}

/// Opens an input as a signal.
///
/// # Errors
/// As for [`open`].
pub fn reader(path: &Path, options: &OpenOptions) -> Result<Reader> {
    Ok(match is_dash(path) {
        true => open_stream(io::stdin(), options)?,
        false => open(path, options)?,
    })
}

/// Opens records.
///
/// # Errors
/// I/O; Usage for an nc file.
pub fn records(path: &Path) -> Result<Source> {
    if !is_dash(path) && path.is_dir() {
        return Ok(Source::open(path)?);
    }
    let input = input(path)?;
    if is_nc(input.sniff()) {
        return Err(Failure::usage("it is an nc file already"));
    }
    Ok(match input.into_file() {
        Ok(file) => Source::of(file)?,
        Err(pipe) => Source::of(pipe)?,
    })
}

/// Whether a format is ours.
pub fn is_nc(format: Option<&FileFormat>) -> bool {
    format == Some(&formats::NC)
}

/// Whether a file, by its content, is ours.
pub fn is_nc_file(path: &Path) -> bool {
    is_nc(formats::of_file(path))
}

/// Opens a file for writing. `input` is the one being read.
///
/// # Errors
/// As for [`output::Output::create`]; Usage for a terminal.
pub fn output(target: &Path, input: Option<&Path>, force: bool) -> Result<Output> {
    if is_dash(target) {
        no_terminal()?;
        return Ok(Output::stream(io::stdout(), "-"));
    }
    let input = input.filter(|i| !is_dash(i));
    Ok(Output::create(target, input, force)?)
}

/// Opens an output for a signal.
///
/// # Errors
/// As for [`create`]; Usage for a terminal.
pub fn writer(
    target: &Path,
    input: Option<&Path>,
    force: bool,
    format: &Format,
    options: CreateOptions<'_>,
) -> Result<Writer<'static>> {
    if is_dash(target) {
        no_terminal()?;
        return Ok(create_stream(io::stdout(), "-", format, options)?);
    }
    let options = match input.filter(|i| !is_dash(i)) {
        Some(input) => options.input(input),
        None => options,
    };
    Ok(create(target, format, options.overwrite(force))?)
}

fn no_terminal() -> Result<()> {
    if io::stdout().is_terminal() {
        return Err(Failure::usage("binary output is not written to a terminal")
            .hint("redirect it, or name a file"));
    }
    Ok(())
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

/// A file's text, as long as the budget holds it.
///
/// # Errors
/// I/O, Limit; Usage for bytes that are not UTF-8.
#[cfg(feature = "train")]
pub fn text(path: &Path, budget: &nc_core::Budget) -> Result<String> {
    let read = || {
        let bytes = budget.share().read(std::fs::File::open(path)?, u64::MAX)?;
        String::from_utf8(bytes).map_err(|e| Error::Usage(e.to_string()))
    };
    read().map_err(|e| Failure::from(e).on(path))
}
