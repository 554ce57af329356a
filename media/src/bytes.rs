//! Any bytes, as they are.

use std::io::Write;

use nc_core::container::read_full;
use nc_core::{Error, Format, Result, Signal, SignalBuf};

use crate::contract::{OpenOptions, ReadSignal};
use crate::contract::{WriteSignal, Written};
use crate::input::Input;
use crate::output::{Finished, Output};

/// Bytes read at once.
const BLOCK: usize = 1 << 16;

struct Reader {
    input: Input,
    /// Read already; empty at the end.
    next: Vec<u8>,
    length: Option<u64>,
}

pub(crate) fn open(mut input: Input, options: &OpenOptions) -> Result<Box<dyn ReadSignal>> {
    options.budget.share().charge(2 * BLOCK as u64)?;
    let next = block(&mut input)?;
    // Some files of the system claim to be empty and are not.
    let length = input.len().filter(|&len| len > 0 || next.is_empty());
    Ok(Box::new(Reader {
        input,
        next,
        length,
    }))
}

fn block(input: &mut Input) -> Result<Vec<u8>> {
    let mut block = vec![0; BLOCK];
    let n = read_full(input, &mut block)?;
    block.truncate(n);
    Ok(block)
}

impl ReadSignal for Reader {
    fn format(&self) -> Format {
        Format::Bytes
    }

    fn length(&self) -> Option<u64> {
        self.length
    }

    fn next(&mut self) -> Result<Option<SignalBuf>> {
        if self.next.is_empty() {
            return Ok(None);
        }
        let next = block(&mut self.input)?;
        let block = std::mem::replace(&mut self.next, next);
        Ok(Some(SignalBuf::Bytes(block)))
    }
}

pub(crate) struct Writer<'a> {
    out: Output<'a>,
    units: u64,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: Output<'a>) -> Self {
        Self { out, units: 0 }
    }
}

impl<'a> WriteSignal<'a> for Writer<'a> {
    fn write(&mut self, signal: Signal<'_>) -> Result<()> {
        let Signal::Bytes(bytes) = signal else {
            return Err(Error::Usage("media kinds mixed".into()));
        };
        self.out.write_all(bytes)?;
        self.units += bytes.len() as u64;
        Ok(())
    }

    /// Nothing stands for lost bytes.
    fn skip(&mut self, _: Option<u64>) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(Written, Finished<'a>)> {
        let written = Written {
            bytes: self.out.written(),
            units: self.units,
            warnings: Vec::new(),
        };
        Ok((written, Finished::Output(self.out)))
    }
}
