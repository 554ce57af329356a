//! The one error type of this crate.
//!
//! A model file decides most lengths that reach a kernel, so a wrong length is an error to report, never a panic.

/// Why a kernel refused its arguments; the outputs are then unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelError {
    /// A slice has another length than the shapes ask for.
    Length {
        /// Which argument.
        what: &'static str,
        /// The length (or multiple) asked for.
        want: usize,
        /// The length given.
        got: usize,
    },
    /// A size or a setting is zero, too large or otherwise outside its documented range.
    Range {
        /// Which argument.
        what: &'static str,
        /// The value given.
        got: usize,
    },
    /// This machine lacks the asked SIMD level.
    Level(crate::Level),
}

impl std::fmt::Display for KernelError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length { what, want, got } => {
                write!(f, "{what}: length {got} does not fit {want}")
            }
            Self::Range { what, got } => write!(f, "{what}: {got} is out of range"),
            Self::Level(l) => write!(f, "SIMD level {l} is not available on this machine"),
        }
    }
}

impl std::error::Error for KernelError {}

/// Result with [`KernelError`].
pub type Result<T> = std::result::Result<T, KernelError>;

/// `Ok` if `got == want`.
pub(crate) fn same(what: &'static str, want: usize, got: usize) -> Result<()> {
    if want == got {
        Ok(())
    } else {
        Err(KernelError::Length { what, want, got })
    }
}

/// `len / of` if that is a whole number.
pub(crate) fn rows(what: &'static str, len: usize, of: usize) -> Result<usize> {
    if of != 0 && len.is_multiple_of(of) {
        Ok(len / of)
    } else {
        Err(KernelError::Length {
            what,
            want: of,
            got: len,
        })
    }
}
