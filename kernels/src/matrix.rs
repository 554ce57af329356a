//! Matrix products over row-major slices, for training: as fast as the machine allows, so not the
//! same bits on every machine. Nothing that decides a decoded symbol may use them.

use std::ops::Range;

/// How a slice is read as a matrix.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    /// From row to row of `data`, of which a view may have a part.
    stride: usize,
    turned: bool,
}

impl<'a> View<'a> {
    /// `data` as `[rows, cols]`.
    ///
    /// # Panics
    /// If it has another length.
    #[must_use]
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        let size = rows.checked_mul(cols);
        assert_eq!(Some(data.len()), size, "a matrix of another size");
        Self {
            data,
            rows,
            cols,
            stride: cols,
            turned: false,
        }
    }

    /// Some rows and columns of a matrix that is not transposed.
    ///
    /// # Panics
    /// If it has fewer, or is transposed.
    #[must_use]
    pub fn part(self, rows: Range<usize>, cols: Range<usize>) -> Self {
        assert!(!self.turned && rows.start <= rows.end && cols.start <= cols.end);
        assert!(rows.end <= self.rows && cols.end <= self.cols);
        let at = rows.start * self.stride + cols.start;
        Self {
            data: self.data.get(at..).unwrap_or_default(),
            rows: rows.len(),
            cols: cols.len(),
            ..self
        }
    }

    /// The transpose.
    #[must_use]
    pub fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            turned: !self.turned,
            ..self
        }
    }

    /// Row and column strides.
    fn strides(&self) -> (isize, isize) {
        if self.turned {
            (1, self.stride as isize)
        } else {
            (self.stride as isize, 1)
        }
    }
}

/// `out = a b`, or `out += a b` with `add`, on one thread.
///
/// # Panics
/// If the sizes do not chain.
pub fn product(out: &mut [f32], add: bool, a: View<'_>, b: View<'_>) {
    let size = a.rows.checked_mul(b.cols);
    assert_eq!(Some(out.len()), size, "a product of another size");
    product_part(out, b.cols, add, a, b);
}

/// The same into a part of a matrix: rows of `out` begin `stride` apart.
///
/// # Panics
/// If the sizes do not chain, or `out` is too short.
pub fn product_part(out: &mut [f32], stride: usize, add: bool, a: View<'_>, b: View<'_>) {
    assert_eq!(a.cols, b.rows, "matrices that do not chain");
    assert!(b.cols <= stride, "rows that overlap");
    if a.rows == 0 || b.cols == 0 {
        return;
    }
    assert!(
        (a.rows - 1).saturating_mul(stride).saturating_add(b.cols) <= out.len(),
        "a product of another size"
    );
    let ((ar, ac), (br, bc)) = (a.strides(), b.strides());
    // SAFETY: `out` was checked above; a view's last element lies in its data by its construction,
    // and the strides stay between its first and last.
    #[allow(unsafe_code)]
    unsafe {
        matrixmultiply::sgemm(
            a.rows,
            a.cols,
            b.cols,
            1.0,
            a.data.as_ptr(),
            ar,
            ac,
            b.data.as_ptr(),
            br,
            bc,
            if add { 1.0 } else { 0.0 },
            out.as_mut_ptr(),
            stride as isize,
            1,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_transposes_by_hand() {
        let (a, b) = (
            [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            [1.0, 0.0, 2.0, 1.0, 0.0, 1.0],
        );
        let mut out = [0.0; 4];
        product(&mut out, false, View::new(&a, 2, 3), View::new(&b, 3, 2));
        assert_eq!(out, [5.0, 5.0, 14.0, 11.0]);
        product(&mut out, true, View::new(&a, 2, 3), View::new(&b, 2, 3).t());
        assert_eq!(out, [12.0, 9.0, 30.0, 21.0]);
    }

    #[test]
    fn a_part_is_a_matrix_of_its_own() {
        let a: Vec<f32> = (0..12).map(|x| x as f32).collect();
        // Rows 1 and 2, columns 1 and 2 of [3, 4]: 5 6, 9 10.
        let part = View::new(&a, 3, 4).part(1..3, 1..3);
        let one = [1.0, 2.0];
        let mut out = [-1.0; 4];
        product_part(&mut out[1..], 2, false, part, View::new(&one, 2, 1));
        assert_eq!(out, [-1.0, 17.0, -1.0, 29.0]);
        product_part(&mut out, 2, true, View::new(&one, 1, 2), part.t());
        assert_eq!(out, [16.0, 46.0, -1.0, 29.0]);
    }
}
