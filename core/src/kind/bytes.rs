//! Any bytes, kept as they are. A unit is a byte.

use std::ops::Range;

use super::{Format, Kind, MediaKind, Queue, Signal, SignalBuf, outside};
use crate::container::{Fields, Parsed};
use crate::{Error, Result};

/// The kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes;

impl Kind for Bytes {
    const KIND: MediaKind = MediaKind::Bytes;
    const CODE: u8 = 0;
    type Format = ();
    type View<'a> = &'a [u8];
    type Buf = Vec<u8>;
    type Queue = Vec<u8>;

    fn write_format((): &(), _: &mut Vec<u8>) {}

    fn read_format(_: &mut Fields<'_>, _: &dyn Fn(String) -> Error) -> Parsed<()> {
        Ok(())
    }

    fn units(x: &[u8]) -> u64 {
        x.len() as u64
    }

    fn memory(x: &[u8]) -> u64 {
        x.len() as u64
    }

    fn le_bytes(x: &[u8], f: &mut dyn FnMut(&[u8])) {
        f(x);
    }

    fn view(x: &Vec<u8>) -> &[u8] {
        x
    }

    fn empty((): &()) -> Vec<u8> {
        Vec::new()
    }

    fn append(to: &mut Vec<u8>, piece: Vec<u8>) -> Result<()> {
        to.extend(piece);
        Ok(())
    }

    fn part(x: &[u8], range: Range<usize>) -> Result<Vec<u8>> {
        x.get(range).map(<[u8]>::to_vec).ok_or_else(outside)
    }

    fn queue((): &()) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn format_of(format: &Format) -> Option<&()> {
        matches!(format, Format::Bytes).then_some(&())
    }

    fn view_of<'a>(x: Signal<'a>) -> Option<&'a [u8]> {
        match x {
            Signal::Bytes(x) => Some(x),
            _ => None,
        }
    }

    fn buf_of(x: SignalBuf) -> Option<Vec<u8>> {
        match x {
            SignalBuf::Bytes(x) => Some(x),
            _ => None,
        }
    }

    fn any_format((): ()) -> Format {
        Format::Bytes
    }

    fn any_view<'a>(x: Self::View<'a>) -> Signal<'a> {
        Signal::Bytes(x)
    }

    fn any_buf(x: Vec<u8>) -> SignalBuf {
        SignalBuf::Bytes(x)
    }
}

impl Queue<Bytes> for Vec<u8> {
    fn push(&mut self, x: &[u8]) -> Result<()> {
        self.extend_from_slice(x);
        Ok(())
    }

    fn units(&self) -> u64 {
        self.len() as u64
    }

    fn memory(&self) -> u64 {
        self.len() as u64
    }

    fn first(&mut self, units: usize) -> &[u8] {
        let (first, _) = self.split_at(units.min(self.len()));
        first
    }

    fn drop_first(&mut self, units: usize) {
        self.drain(..units.min(self.len()));
    }
}
