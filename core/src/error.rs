//! Errors, named by whose fault they are.

/// What went wrong; the command line maps each to its exit code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed (exit code 1).
    #[error("{0}")]
    Io(#[source] std::io::Error),
    /// The file is wrong: damaged, truncated, or not what it says (exit code 3).
    #[error("corrupt input: {0}")]
    Format(String),
    /// Valid, but not something this build can do (exit code 2).
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// The budget would be exceeded (exit code 4).
    #[error("limit: {0}")]
    Limit(String),
    /// A model is missing, damaged, or another one than the file needs (exit code 5).
    #[error("model: {0}")]
    Model(String),
    /// The caller asked for something that makes no sense (exit code 2).
    #[error("usage: {0}")]
    Usage(String),
    /// Stopped by [`crate::Control`] (exit code 1).
    #[error("cancelled")]
    Cancelled,
}

/// An error of this crate that a reader passed on comes back as what it was.
impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        e.downcast().unwrap_or_else(Self::Io)
    }
}

/// Result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
