//! What bytes are, by a look at them.

use nc_core::{Error, Result};

/// Kinds of content, which have contexts of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Text, JSON, XML, logs.
    Text,
    /// Machine code of x86-64.
    Code,
    /// Anything else.
    Other,
}

impl Content {
    /// By the bytes: nearly all of them printable, or many of the commonest beginnings of x86-64 instructions.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let odd = |b: &&u8| **b < 32 && !matches!(**b, b'\t' | b'\n' | b'\r');
        if bytes.iter().filter(odd).count() <= bytes.len() / 50 {
            return Self::Text;
        }
        // REX.W with MOV, LEA, TEST, ADD and such.
        let code =
            |w: &&[u8]| matches!(**w, [0x48 | 0x4c, 0x89 | 0x8b | 0x8d | 0x85 | 0x83 | 0x39]);
        if bytes.windows(2).filter(code).count() > bytes.len() / 250 {
            Self::Code
        } else {
            Self::Other
        }
    }

    /// Bytes of the shorter matches.
    pub(crate) fn least(self) -> usize {
        5
    }

    /// Bytes of the longer ones.
    pub(crate) fn longest(self) -> usize {
        match self {
            Self::Text => 20,
            _ => 12,
        }
    }
}

impl Content {
    /// Its number in files.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Text => 0,
            Self::Code => 1,
            Self::Other => 2,
        }
    }

    /// The content of a number.
    pub(crate) fn numbered(number: u8) -> Result<Self> {
        match number {
            0 => Ok(Self::Text),
            1 => Ok(Self::Code),
            2 => Ok(Self::Other),
            _ => Err(Error::Format(format!("bytes: content {number}").into())),
        }
    }
}
