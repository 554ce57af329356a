//! What a command failed with: the library's error, a hint, and the exit code.
//!
//! The exit codes are part of the interface: scripts act on them, so one table maps errors to
//! codes, and the help text and the man page print the same table.

use std::path::{Path, PathBuf};

use nc::media::code;
use nc::nc_core::{Error, Limit, ModelFault};
use serde_json::{Value, json};

use crate::ui::warnings;

/// The table of exit codes, as help and man page show it.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  all went well
  1  a file could not be read or written, or the work was interrupted
  2  the command line makes no sense, or asks for what this build cannot do
  3  an input is corrupt, or not what it should be
  4  a limit would be exceeded (memory: raise it with -M)
  5  a model is missing, damaged, or another one than the file needs
  6  something would be lost or is odd, and --strict was given
  70 a fault of nc itself: please report it
With several files, the code is that of the first file that failed, in the order given.";

/// An error on its way to the terminal.
#[derive(Debug)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// What the user may do about it.
    pub hint: Option<Box<str>>,
    /// A short word for programs, which stays the same from version to version.
    pub code_word: Option<&'static str>,
    /// The file at fault, where it is not the one being worked on.
    pub subject: Option<Box<Path>>,
    /// Members of the JSON summary beside the reason; null for none.
    pub details: Value,
}

/// Result with [`Failure`].
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A mistake on the command line.
    pub fn usage(reason: impl Into<String>) -> Self {
        Error::Usage(reason.into()).into()
    }

    /// An input that is not what it should be.
    pub fn format(reason: impl Into<String>) -> Self {
        Error::Format(reason.into().into()).into()
    }

    /// The same failure with a hint.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into().into());
        self
    }

    /// The same failure, laid at another file's door.
    pub fn on(mut self, path: &Path) -> Self {
        self.subject = Some(path.into());
        self
    }

    /// The same failure with members for the JSON summary.
    pub fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// The process's exit code for it.
    pub fn code(&self) -> u8 {
        self.error.exit_code()
    }

    /// Reason and hint on one line.
    pub fn line(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{} ({hint})", self.reason()),
            None => self.reason(),
        }
    }

    /// The reason alone.
    pub fn reason(&self) -> String {
        match &self.error {
            Error::Usage(s) => s.clone(),
            Error::Cancelled => "interrupted".into(),
            e => e.to_string(),
        }
    }

    /// True where the reader of our output has gone away, which is not worth a message.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(&self.error, Error::Io(e) if e.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

/// What the user may do about an error with a code.
fn hint(code: &str) -> Option<&'static str> {
    Some(match code {
        code::OUTPUT_EXISTS => "-f overwrites it",
        code::OUTPUT_IS_FOLDER => "name a file, or use --out-dir",
        code::CURRENT_FOLDER => "name a folder in it",
        code::INPUT_IS_FOLDER => "-r with --out-dir goes into folders",
        code::NO_IMAGES => "-r with --out-dir goes into folders; records need --model",
        code::MANY_FRAMES => "name a folder or a .y4m file",
        code::NOT_WRITTEN => "decode to - and pipe it into ffmpeg -i - OUT",
        code::FORMAT_UNKNOWN => "name a .y4m file, a .png or a folder",
        code::NO_FFMPEG => "install ffmpeg, or make a .y4m or .wav of the file elsewhere",
        code::ENCODING_NOT_READ => {
            "with ffmpeg installed it is read; or ffmpeg -i IN -c:a pcm_s16le OUT.wav converts it"
        }
        code::TRANSPARENT => "--background COLOUR flattens it",
        code::SEVERAL_TRACKS => "choose one with --track, or name a file",
        code::NO_SECONDS => "give bytes, records or frames",
        code::NO_SCHEMA => "give it with --model; nc train circuit makes one",
        nc::HEADER_DAMAGED => "nothing can be told of a file whose header is damaged",
        nc::NOT_READABLE => "write to a file",
        code::IS_NC | code::NOT_VIDEO => "--codec store keeps any file as it is",
        _ => return None,
    })
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (error, subject, code) = error.parts();
        // Words about flags are the command line's.
        let by_flag = match &error {
            Error::Limit(Limit::Memory { .. }) => Some("raise it with -M"),
            Error::Model(ModelFault::Missing(_)) => Some("give it with --model FILE"),
            Error::Model(ModelFault::Needed(_)) => {
                Some("give it with --model FILE; nc train makes one")
            }
            _ => None,
        };
        Self {
            code_word: code,
            hint: code.and_then(hint).or(by_flag).map(Box::from),
            details: match &error {
                Error::NotKept(all) => json!({ "warnings": warnings(all) }),
                _ => Value::Null,
            },
            error,
            subject: subject.map(PathBuf::into_boxed_path),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // An error of the library that a reader passed on comes back as what it was.
        Error::from(error).into()
    }
}
