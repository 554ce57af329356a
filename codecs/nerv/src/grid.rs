//! Rows and columns whose sizes are checked where they are made: the one place of the decoder that indexes.
//!
//! What asks for a neighbour gets none outside the grid; what names a place that is known to be there gets an
//! [`Error::Internal`] where that knowledge is wrong, never a value that was made up.
#![allow(
    clippy::indexing_slicing,
    reason = "lengths are rows times columns by construction, and every place is compared with them first"
)]

use std::ops::Range;

use nc_core::{Error, Result};

/// A fault of this crate's own code.
pub fn internal(what: &'static str) -> Error {
    Error::Internal(what.into())
}

/// Parts of a slice that are known to be there.
pub trait Known<T> {
    /// The element `i`.
    ///
    /// # Errors
    /// [`Error::Internal`] past the end.
    fn at(&self, i: usize) -> Result<&T>;

    /// As [`Known::at`], to be written.
    ///
    /// # Errors
    /// As [`Known::at`].
    fn at_mut(&mut self, i: usize) -> Result<&mut T>;

    /// The elements of a range.
    ///
    /// # Errors
    /// As [`Known::at`].
    fn span(&self, range: Range<usize>) -> Result<&[T]>;

    /// As [`Known::span`], to be written.
    ///
    /// # Errors
    /// As [`Known::at`].
    fn span_mut(&mut self, range: Range<usize>) -> Result<&mut [T]>;
}

fn past() -> Error {
    internal("nerv: a place past the end")
}

impl<T> Known<T> for [T] {
    fn at(&self, i: usize) -> Result<&T> {
        self.get(i).ok_or_else(past)
    }

    fn at_mut(&mut self, i: usize) -> Result<&mut T> {
        self.get_mut(i).ok_or_else(past)
    }

    fn span(&self, range: Range<usize>) -> Result<&[T]> {
        self.get(range).ok_or_else(past)
    }

    fn span_mut(&mut self, range: Range<usize>) -> Result<&mut [T]> {
        self.get_mut(range).ok_or_else(past)
    }
}

/// Values in rows and columns, at least one of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid<T> {
    w: usize,
    h: usize,
    all: Vec<T>,
}

impl<T: Copy> Grid<T> {
    /// A grid of one value; an edge of 0 counts as 1.
    pub fn new(w: usize, h: usize, value: T) -> Self {
        let (w, h) = (w.max(1), h.max(1));
        Self {
            w,
            h,
            all: vec![value; w * h],
        }
    }

    /// Columns.
    pub fn w(&self) -> usize {
        self.w
    }

    /// Rows.
    pub fn h(&self) -> usize {
        self.h
    }

    /// Row by row.
    pub fn as_slice(&self) -> &[T] {
        &self.all
    }

    /// Row by row, to be written.
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.all
    }

    /// The value at (x, y); none outside the grid.
    #[inline]
    pub fn at(&self, [x, y]: [usize; 2]) -> Option<T> {
        (x < self.w && y < self.h).then(|| self.all[y * self.w + x])
    }

    /// The value `dx` columns and `dy` rows away from (x, y); none outside the grid.
    #[inline]
    pub fn near(&self, [x, y]: [usize; 2], [dx, dy]: [isize; 2]) -> Option<T> {
        // A sum below 0 or past the end of the numbers is outside the grid, which is what is asked here.
        self.at([x.checked_add_signed(dx)?, y.checked_add_signed(dy)?])
    }

    /// The value at (x, y), to be written.
    ///
    /// # Errors
    /// [`Error::Internal`] outside the grid.
    pub fn at_mut(&mut self, [x, y]: [usize; 2]) -> Result<&mut T> {
        if x < self.w && y < self.h {
            return Ok(&mut self.all[y * self.w + x]);
        }
        Err(internal("nerv: a cell outside its grid"))
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = &[T]> {
        self.all.chunks_exact(self.w)
    }

    /// The row `y`; none outside the grid.
    pub fn row(&self, y: usize) -> Option<&[T]> {
        (y < self.h).then(|| &self.all[y * self.w..][..self.w])
    }

    /// The rows of a block of `size` (columns, rows) whose corner is at (x, y), as far as it lies in the grid.
    pub fn block(&self, [x, y]: [usize; 2], [n, m]: [usize; 2]) -> impl Iterator<Item = &[T]> {
        let columns = x.min(self.w)..(x + n).min(self.w);
        let rows = self.rows().skip(y).take(m);
        rows.map(move |row| &row[columns.clone()])
    }

    /// As [`Self::block`], to be written.
    pub fn block_mut(
        &mut self,
        [x, y]: [usize; 2],
        [n, m]: [usize; 2],
    ) -> impl Iterator<Item = &mut [T]> {
        let columns = x.min(self.w)..(x + n).min(self.w);
        let rows = self.all.chunks_exact_mut(self.w).skip(y).take(m);
        rows.map(move |row| &mut row[columns.clone()])
    }

    /// Sets the square of `side` at (x, y), as far as it lies in the grid.
    pub fn fill(&mut self, at: [usize; 2], side: usize, value: T) {
        self.block_mut(at, [side, side])
            .for_each(|row| row.fill(value));
    }
}

/// The rows of a plane of a frame.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    w: usize,
    h: usize,
    all: &'a [u16],
}

impl<'a> Rows<'a> {
    /// `h` rows of `w` samples.
    ///
    /// # Errors
    /// [`Error::Internal`] for an empty plane and another number of samples.
    pub fn new(w: usize, h: usize, all: &'a [u16]) -> Result<Self> {
        sized(w, h, all.len())?;
        Ok(Self { w, h, all })
    }

    /// The row `y`; below the last, the last.
    #[inline]
    pub fn row(&self, y: usize) -> &'a [u16] {
        &self.all[y.min(self.h - 1) * self.w..][..self.w]
    }
}

/// The rows of a plane of a frame, to be written.
#[derive(Debug)]
pub struct RowsMut<'a> {
    w: usize,
    h: usize,
    all: &'a mut [u16],
}

impl<'a> RowsMut<'a> {
    /// As [`Rows::new`].
    ///
    /// # Errors
    /// As [`Rows::new`].
    pub fn new(w: usize, h: usize, all: &'a mut [u16]) -> Result<Self> {
        sized(w, h, all.len())?;
        Ok(Self { w, h, all })
    }

    /// The row `y`; none below the last.
    #[inline]
    pub fn row(&mut self, y: usize) -> Option<&mut [u16]> {
        (y < self.h).then(|| &mut self.all[y * self.w..][..self.w])
    }

    /// As [`Grid::block_mut`].
    #[inline]
    pub fn block(
        &mut self,
        [x, y]: [usize; 2],
        [n, m]: [usize; 2],
    ) -> impl Iterator<Item = &mut [u16]> {
        let (y, end) = (y.min(self.h), (y + m).min(self.h));
        let columns = x.min(self.w)..(x + n).min(self.w);
        let rows = self.all[y * self.w..end * self.w].chunks_exact_mut(self.w);
        rows.map(move |row| &mut row[columns.clone()])
    }
}

fn sized(w: usize, h: usize, n: usize) -> Result<()> {
    if w > 0 && h > 0 && n == w * h {
        return Ok(());
    }
    Err(internal("nerv: samples that are not those of their plane"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn neighbours_end_where_the_grid_does() {
        let mut g = Grid::new(3, 2, 0);
        g.fill([1, 1], 5, 7);
        *g.at_mut([2, 0]).unwrap() = 9;
        assert_eq!(g.as_slice(), [0, 0, 9, 0, 7, 7]);
        assert_eq!(g.near([0, 0], [-1, 0]), None);
        assert_eq!(g.near([0, 1], [2, -1]), Some(9));
        assert_eq!(g.near([2, 1], [1, 0]), None);
        assert_eq!(g.near([usize::MAX, 1], [1, 0]), None);
        assert!(matches!(g.at_mut([3, 0]), Err(Error::Internal(_))));
        assert_eq!(
            g.block([1, 0], [9, 9]).collect::<Vec<_>>(),
            [[0, 9], [7, 7]]
        );
        assert_eq!(g.block([4, 0], [1, 2]).flatten().count(), 0);
    }

    #[test]
    fn a_plane_of_other_samples_is_a_fault() {
        let mut samples = [1, 2, 3, 4, 5, 6];
        for (w, h) in [(0, 6), (6, 0), (2, 2), (4, 2)] {
            assert!(matches!(Rows::new(w, h, &samples), Err(Error::Internal(_))));
            assert!(RowsMut::new(w, h, &mut samples).is_err());
        }
        assert_eq!(Rows::new(2, 3, &samples).unwrap().row(8), [5, 6]);
        let mut rows = RowsMut::new(2, 3, &mut samples).unwrap();
        assert!(rows.row(3).is_none());
        rows.block([1, 1], [4, 9]).for_each(|row| row.fill(0));
        assert_eq!(samples, [1, 2, 3, 0, 5, 0]);
        assert!(matches!(samples.span(3..7), Err(Error::Internal(_))));
    }
}
