//! An nc file that can be read in any order, with the codec that it needs at hand.

use std::io::{Read, Seek};

use nc_core::{Control, Header, Meta, Result, SignalBuf};

use crate::Toolkit;

/// A file that can be read in any order.
pub struct Archive<'t, R> {
    toolkit: &'t Toolkit,
    inner: nc_core::Archive<R>,
}

impl<'t, R: Read + Seek> Archive<'t, R> {
    /// Of a file in memory, on the disk, or anywhere else that can be sought in.
    ///
    /// # Errors
    /// [`nc_core::Error::Format`] for damage, [`nc_core::Error::Limit`], [`nc_core::Error::Io`].
    pub fn new(toolkit: &'t Toolkit, r: R) -> Result<Self> {
        let inner = nc_core::Archive::open(r, toolkit.budget())?;
        Ok(Self { toolkit, inner })
    }

    /// What the file says of itself.
    pub fn header(&self) -> &Header {
        self.inner.header()
    }

    /// Units of the signal: samples, frames, records, bytes.
    pub fn units(&self) -> u64 {
        self.inner.units()
    }

    /// Metadata of the original.
    ///
    /// # Errors
    /// [`nc_core::Error::Format`] for damage, [`nc_core::Error::Io`].
    pub fn metadata(&mut self) -> Result<&[Meta]> {
        self.inner.meta()
    }

    /// A part of the signal, such as `"3s..4s".parse()?`.
    ///
    /// # Errors
    /// [`nc_core::Error::Usage`] for a range outside; as for [`Toolkit::decode`].
    pub fn read(&mut self, range: nc_media::Range) -> Result<SignalBuf> {
        let mut ctl = self.toolkit.control();
        let units = range.within(&self.header().format, self.units())?;
        let mut held = self.toolkit.budget();
        let mut all = self.header().format.empty();
        self.for_each(units, &mut ctl, &mut |piece| {
            held.charge(piece.memory())?;
            all.append(piece)
        })?;
        Ok(all)
    }

    /// The units of `range`, piece by piece.
    ///
    /// # Errors
    /// As for [`Self::read`]; those of `sink`.
    pub fn for_each(
        &mut self,
        range: std::ops::Range<u64>,
        ctl: &mut Control<'_>,
        sink: &mut dyn FnMut(SignalBuf) -> Result<()>,
    ) -> Result<()> {
        self.inner
            .decode_range(range, self.toolkit.registry(), ctl, sink)
    }

    /// The archive of the contract, for all else.
    pub fn inner(&mut self) -> &mut nc_core::Archive<R> {
        &mut self.inner
    }
}
