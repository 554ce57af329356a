//! Checkpoints: what a stopped training goes on from.
//!
//! A file is the magic, then sections of words and of numbers, each a count (u32) and that many entries of a name and
//! its content (both with their length as u32, numbers being 32-bit floats), all little-endian, then the XXH3 of
//! everything before. It is written beside its name and renamed, so that a name never holds half a file.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;

use nc_core::{Error, Result};
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: &[u8; 8] = b"nclearn1";

/// Named texts and named numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Checkpoint {
    /// Texts: counts, generators, what the checkpoint belongs to.
    pub words: BTreeMap<String, String>,
    /// Tensors.
    pub floats: BTreeMap<String, Vec<f32>>,
}

fn broken(what: impl Display) -> Error {
    Error::Format(format!("checkpoint: {what}").into())
}

impl Checkpoint {
    /// Adds a text.
    pub fn word(&mut self, name: &str, value: impl Display) {
        self.words.insert(name.to_owned(), value.to_string());
    }

    /// Takes a text out and reads it.
    ///
    /// # Errors
    /// [`Error::Format`] where it is not there or not of this type.
    pub fn take_word<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<T> {
        let word = self.words.remove(name);
        let word = word.ok_or_else(|| broken(format_args!("no {name}")))?;
        word.parse()
            .map_err(|e| broken(format_args!("{name}: {e}")))
    }

    /// Takes `len` numbers out.
    ///
    /// # Errors
    /// [`Error::Format`] where they are not there or not as many.
    pub fn take_floats(&mut self, name: &str, len: usize) -> Result<Vec<f32>> {
        match self.floats.remove(name) {
            None => Err(broken(format_args!("no {name}"))),
            Some(v) if v.len() != len => Err(broken(format_args!("{name} has another size"))),
            Some(v) => Ok(v),
        }
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// [`Error::Limit`] for a name or tensor of 2^32 elements or more.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut out = MAGIC.to_vec();
        count(&mut out, self.words.len())?;
        for (name, word) in &self.words {
            for text in [name, word] {
                count(&mut out, text.len())?;
                out.extend(text.as_bytes());
            }
        }
        count(&mut out, self.floats.len())?;
        for (name, floats) in &self.floats {
            count(&mut out, name.len())?;
            out.extend(name.as_bytes());
            count(&mut out, floats.len())?;
            out.extend(floats.iter().flat_map(|v| v.to_le_bytes()));
        }
        out.extend(xxh3_64(&out).to_le_bytes());
        Ok(out)
    }

    /// Reads a file's bytes.
    ///
    /// # Errors
    /// [`Error::Format`] for a file that is damaged or none of these.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (body, sum) = bytes
            .split_last_chunk::<8>()
            .ok_or_else(|| broken("too short"))?;
        if xxh3_64(body) != u64::from_le_bytes(*sum) {
            return Err(broken("damaged, or another version's"));
        }
        let mut rest = body
            .strip_prefix(MAGIC)
            .ok_or_else(|| broken("another version's"))?;
        let mut out = Self::default();
        for _ in 0..number(&mut rest)? {
            let name = text(&mut rest)?;
            out.words.insert(name, text(&mut rest)?);
        }
        for _ in 0..number(&mut rest)? {
            let name = text(&mut rest)?;
            let n = number(&mut rest)?;
            let bytes = take(&mut rest, n.checked_mul(4).ok_or_else(short)?)?;
            let (each, _) = bytes.as_chunks::<4>();
            let floats = each.iter().map(|b| f32::from_le_bytes(*b)).collect();
            out.floats.insert(name, floats);
        }
        if rest.is_empty() {
            Ok(out)
        } else {
            Err(broken("bytes behind its end"))
        }
    }

    /// Writes the file, and the folder that it is in.
    ///
    /// # Errors
    /// [`Error::Io`], and those of [`Self::to_bytes`].
    pub fn save(&self, path: &Path) -> Result<()> {
        let bytes = self.to_bytes()?;
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir)?;
        }
        let part = path.with_extension("part");
        std::fs::write(&part, bytes)?;
        std::fs::rename(&part, path)?;
        Ok(())
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::Io`], and those of [`Self::from_bytes`].
    pub fn load(path: &Path) -> Result<Self> {
        Self::from_bytes(&std::fs::read(path)?)
    }
}

fn count(out: &mut Vec<u8>, n: usize) -> Result<()> {
    let n = u32::try_from(n).map_err(|_| Error::Limit("a checkpoint's part".into()))?;
    out.extend(n.to_le_bytes());
    Ok(())
}

fn short() -> Error {
    broken("ends early")
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Result<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(n).ok_or_else(short)?;
    *rest = tail;
    Ok(head)
}

fn number(rest: &mut &[u8]) -> Result<usize> {
    let (head, tail) = rest.split_first_chunk::<4>().ok_or_else(short)?;
    *rest = tail;
    Ok(u32::from_le_bytes(*head) as usize)
}

fn text(rest: &mut &[u8]) -> Result<String> {
    let n = number(rest)?;
    String::from_utf8(take(rest, n)?.to_vec()).map_err(broken)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_damage_is_seen() {
        let mut c = Checkpoint::default();
        c.word("step", 7);
        c.floats.insert("w".into(), vec![1.5, f32::MIN_POSITIVE]);
        let bytes = c.to_bytes().unwrap();
        assert_eq!(Checkpoint::from_bytes(&bytes).unwrap(), c);
        for i in 0..bytes.len() {
            let mut other = bytes.clone();
            other[i] ^= 1;
            assert!(Checkpoint::from_bytes(&other).is_err());
            assert!(Checkpoint::from_bytes(&bytes[..i]).is_err());
        }
        assert_eq!(c.take_word::<u64>("step").unwrap(), 7);
        assert!(c.take_word::<u64>("step").is_err());
        assert!(c.take_floats("w", 3).is_err());
    }
}
