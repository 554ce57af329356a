//! Errors, named by whose fault they are, with what a program needs to act on them.
//!
//! Words about flags belong to the command line: here stand the facts.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::{ModelId, Warning};

/// What went wrong; the command line maps each to its exit code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Reading or writing failed (exit code 1).
    #[error("{0}")]
    Io(#[source] std::io::Error),
    /// The file is wrong: damaged, truncated, or not what it says (exit code 3).
    #[error("corrupt input: {0}")]
    Format(Fault),
    /// Valid, but not something this build can do (exit code 2).
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// A limit would be exceeded (exit code 4).
    #[error("limit: {0}")]
    Limit(Limit),
    /// A model is missing, damaged, or another one than the file needs (exit code 5).
    #[error("model: {0}")]
    Model(ModelFault),
    /// The caller asked for something that makes no sense (exit code 2).
    #[error("usage: {0}")]
    Usage(String),
    /// Something would not be kept, or was odd, and the run was to be strict (exit code 6).
    #[error("not kept: {}", texts(.0))]
    NotKept(Vec<Warning>),
    /// Stopped by [`crate::Control`] (exit code 1).
    #[error("cancelled")]
    Cancelled,
    /// A fault of nc itself (exit code 70): please report it. It is told where the alternative is a value that was made up.
    #[error("internal: {0}")]
    Internal(Cow<'static, str>),
    /// One of the others, with the file at fault or a code that programs can act on.
    #[error("{}", .0.error)]
    Told(Box<Told>),
}

/// An error with what is known of it: see [`Error::parts`].
#[derive(Debug)]
pub struct Told {
    /// What went wrong.
    pub error: Error,
    /// The file at fault, where it is not the one that the caller named.
    pub file: Option<PathBuf>,
    /// A short word that stays the same from version to version, such as `output-exists`.
    pub code: Option<&'static str>,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In a few words.
    pub what: Cow<'static, str>,
    /// The place, where it is known.
    pub at: Option<Place>,
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// A byte, counted from 0.
    Byte(u64),
    /// A unit of the signal, counted from 0.
    Unit(u64),
    /// A line of text, counted from 1 as editors do.
    Line(u64),
    /// A row of a table, counted from 0 without its header.
    Row(u64),
}

impl Fault {
    /// The same fault, at a place; one that is known already stays, for it is the nearer one.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.at.get_or_insert(place);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        match self.at {
            None => Ok(()),
            Some(place) => write!(f, " ({place})"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(n) => write!(f, "byte {n}"),
            Self::Unit(n) => write!(f, "unit {n}"),
            Self::Line(n) => write!(f, "line {n}"),
            Self::Row(n) => write!(f, "row {n}"),
        }
    }
}

/// A limit that would be exceeded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Memory of a [`crate::Budget`].
    Memory {
        /// Bytes asked for.
        needed: u64,
        /// Bytes left.
        left: u64,
    },
    /// Something that nc does not make as large as this, whatever the budget.
    Size(Cow<'static, str>),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory { needed, left } => {
                write!(
                    f,
                    "{needed} bytes of memory needed, {left} left in the budget"
                )
            }
            Self::Size(what) => f.write_str(what),
        }
    }
}

/// What is wrong with a model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelFault {
    /// The file needs this model, which is not at hand.
    Missing(ModelId),
    /// The codec of this name needs a model, and none was given.
    Needed(&'static str),
    /// It is damaged, or not one of the codec that it was given to.
    Wrong(Cow<'static, str>),
}

impl fmt::Display for ModelFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(id) => write!(f, "the file needs model {id}, which is not at hand"),
            Self::Needed(codec) => write!(f, "{codec} needs a model"),
            Self::Wrong(what) => f.write_str(what),
        }
    }
}

/// The warnings' words, one after the other.
fn texts(warnings: &[Warning]) -> String {
    let texts: Vec<&str> = warnings.iter().map(|w| w.text.as_str()).collect();
    texts.join("; ")
}

/// Words alone make a [`Fault`] without a place, a [`Limit::Size`], a [`ModelFault::Wrong`].
macro_rules! from_words {
    ($type:ty, $words:ident => $made:expr) => {
        impl From<&'static str> for $type {
            fn from($words: &'static str) -> Self {
                let $words = Cow::Borrowed($words);
                $made
            }
        }
        impl From<String> for $type {
            fn from($words: String) -> Self {
                let $words = Cow::Owned($words);
                $made
            }
        }
    };
}
from_words!(Fault, what => Self { what, at: None });
from_words!(Limit, what => Self::Size(what));
from_words!(ModelFault, what => Self::Wrong(what));

impl Error {
    /// The same error, at a place, where it is one of the file.
    #[must_use]
    pub fn at(self, place: Place) -> Self {
        match self {
            Self::Format(fault) => Self::Format(fault.at(place)),
            Self::Told(told) => Self::Told(Box::new(Told {
                error: told.error.at(place),
                ..*told
            })),
            other => other,
        }
    }

    /// The same error, laid at a file's door; a file that is known already stays, for it is the nearer one.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        let (error, file, code) = self.parts();
        let file = Some(file.unwrap_or_else(|| path.to_path_buf()));
        Self::Told(Box::new(Told { error, file, code }))
    }

    /// The same error with a code.
    #[must_use]
    pub fn coded(self, code: &'static str) -> Self {
        let (error, file, _) = self.parts();
        let code = Some(code);
        Self::Told(Box::new(Told { error, file, code }))
    }

    /// What went wrong, the file at fault and the code, where they were told.
    #[must_use]
    pub fn parts(self) -> (Self, Option<PathBuf>, Option<&'static str>) {
        match self {
            Self::Told(told) => (told.error, told.file, told.code),
            other => (other, None, None),
        }
    }

    /// The code, where one was told.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self {
            Self::Told(told) => told.code,
            _ => None,
        }
    }

    /// What went wrong, without file and code.
    #[must_use]
    pub fn cause(&self) -> &Self {
        match self {
            Self::Told(told) => told.error.cause(),
            other => other,
        }
    }

    /// The process's exit code for it; the command line's table.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Told(told) => told.error.exit_code(),
            Self::Io(_) | Self::Cancelled => 1,
            Self::Usage(_) | Self::Unsupported(_) => 2,
            Self::Format(_) => 3,
            Self::Limit(_) => 4,
            Self::Model(_) => 5,
            Self::NotKept(_) => 6,
            Self::Internal(_) => 70,
        }
    }
}

/// An error of this crate that a reader passed on comes back as what it was.
impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        e.downcast().unwrap_or_else(Self::Io)
    }
}

/// Result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
