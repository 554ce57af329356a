//! Matrix products over row-major slices, for training: as fast as the machine allows, so not the
//! same bits on every machine. Nothing that decides a decoded symbol may use them.

/// How a slice is read as a matrix.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    turned: bool,
}

impl<'a> View<'a> {
    /// `data` as `[rows, cols]`.
    ///
    /// # Panics
    /// If it has another length.
    #[must_use]
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "a matrix of another size");
        Self {
            data,
            rows,
            cols,
            turned: false,
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
            (1, self.rows as isize)
        } else {
            (self.cols as isize, 1)
        }
    }
}

/// `out = a b`, or `out += a b` with `add`, on one thread.
///
/// # Panics
/// If the sizes do not chain.
pub fn product(out: &mut [f32], add: bool, a: View<'_>, b: View<'_>) {
    assert_eq!(a.cols, b.rows, "matrices that do not chain");
    assert_eq!(out.len(), a.rows * b.cols, "a product of another size");
    let ((ar, ac), (br, bc)) = (a.strides(), b.strides());
    // SAFETY: the lengths were checked against rows and columns above, the strides stay within.
    #[allow(unsafe_code)]
    unsafe {
        gemm::gemm(
            a.rows,
            b.cols,
            a.cols,
            out.as_mut_ptr(),
            1,
            b.cols as isize,
            add,
            a.data.as_ptr(),
            ac,
            ar,
            b.data.as_ptr(),
            bc,
            br,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
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
}
