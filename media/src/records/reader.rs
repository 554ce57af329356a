//! Rows of records as a signal.

use nc_core::container::Meta;
use nc_core::{Error, Format, RecordsBuf, RecordsFormat, Result, SignalBuf};

use super::{Reader, Schema, Source};
use crate::contract::{OpenOptions, ReadSignal};
use crate::metadata;
use crate::warning::{Warning, code};

/// Values read at once.
const BLOCK: usize = 1 << 22;

/// Rows of a schema that are read at once.
pub fn rows_at_once(schema: &Schema) -> usize {
    // Rows without a variable take nothing.
    let rows = BLOCK.checked_div(schema.alphabets().len());
    rows.map_or(1 << 16, |n| n.clamp(1, 1 << 16))
}

struct Rows {
    reader: Box<dyn Reader>,
    variables: u32,
    at_once: usize,
    /// Rows that were read ahead: a short file is then known to be one.
    block: Option<RecordsBuf>,
    next: Option<RecordsBuf>,
    length: Option<u64>,
    ended: bool,
    told: bool,
    warnings: Vec<Warning>,
}

pub(crate) fn open(source: Source, options: &OpenOptions) -> Result<Box<dyn ReadSignal>> {
    let none = || Error::Usage("records are read by a schema".into()).coded(code::NO_SCHEMA);
    let schema = options.schema.as_ref().ok_or_else(none)?;
    let missing = options.missing.as_deref();
    let mut reader = schema.reader(source, missing, options.budget.share())?;
    let at_once = rows_at_once(schema);
    let block = reader.next(at_once)?;
    let next = match block {
        Some(_) => reader.next(at_once)?,
        None => None,
    };
    let length = match (&block, &next) {
        (None, _) => Some(0),
        (Some(block), None) => Some(block.values.nrows() as u64),
        _ => None,
    };
    let many = || Error::Usage("rows of too many variables".into());
    Ok(Box::new(Rows {
        warnings: reader.warnings(),
        reader,
        variables: u32::try_from(schema.alphabets().len()).map_err(|_| many())?,
        at_once,
        block,
        next,
        length,
        ended: false,
        told: false,
    }))
}

impl ReadSignal for Rows {
    fn format(&self) -> Format {
        Format::Records(RecordsFormat {
            variables: self.variables,
        })
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    fn next(&mut self) -> Result<Option<SignalBuf>> {
        let Some(block) = self.block.take() else {
            self.ended = true;
            return Ok(None);
        };
        self.block = self.next.take();
        if self.block.is_some() {
            self.next = self.reader.next(self.at_once)?;
        }
        Ok(Some(SignalBuf::Records(block)))
    }

    fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }

    fn take_metadata(&mut self) -> Result<Vec<Meta>> {
        if !self.ended || self.told {
            return Ok(Vec::new());
        }
        self.told = true;
        let extras = metadata::of_records(self.reader.extras()?);
        Ok(extras.into_iter().collect())
    }
}
