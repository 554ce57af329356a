//! How a table's lines are told apart into cells.

use std::ops::Range;

use nc_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::lines::{COLUMNS, header_at};
use super::{BOM, HEAD};
use crate::records::word::Word;

/// Where a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    First,
    Last,
}

/// How cells are told apart; a part of what a model file says of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Style {
    /// Between cells.
    pub(super) delimiter: char,
    /// What a cell begins with whose delimiters and line ends are its own; none where all bytes mean themselves.
    #[serde(default = "double", skip_serializing_if = "is_double")]
    pub(super) quote: Option<char>,
    /// Whether the first line is a row, and columns have numbers for names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) headless: bool,
    /// What lines begin with that are no rows, however many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) comment: Option<Word>,
    /// Of log lines the number of columns: the last takes the rest of its line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) words: Option<usize>,
    /// Whether rows have one cell more than the header, the first (as R writes row names) or the last (behind a delimiter at the
    /// end): a column without a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unnamed: Option<Side>,
    /// Of JSON lines what stands before each value and behind the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) json: Option<Vec<Word>>,
}

#[allow(clippy::unnecessary_wraps, reason = "a default of that type")]
fn double() -> Option<char> {
    Some('"')
}

#[allow(clippy::ref_option, reason = "serde calls it so")]
fn is_double(quote: &Option<char>) -> bool {
    *quote == Some('"')
}

impl Style {
    /// Of a table with a header, quoted as usual.
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            delimiter: delimiter.into(),
            quote: double(),
            headless: false,
            comment: None,
            words: None,
            unnamed: None,
            json: None,
        }
    }

    /// Whether a model may say so.
    pub(super) fn is_sound(&self) -> bool {
        let byte = |c: char| u8::try_from(c).is_ok_and(|b| !matches!(b, b'\n' | b'\r'));
        byte(self.delimiter)
            && self.quote.is_none_or(byte)
            && self.words.is_none_or(|n| (1..=COLUMNS).contains(&n))
            && self.comment.as_ref().is_none_or(|c| !c.0.is_empty())
            && self.json.as_ref().is_none_or(|j| j.len() >= 2)
    }

    fn byte(c: char) -> u8 {
        // Sound styles have characters of one byte.
        u8::try_from(c).unwrap_or(b',')
    }

    /// Between cells.
    pub(super) fn between(&self) -> u8 {
        Self::byte(self.delimiter)
    }

    /// Whether a line begins as comments do.
    pub(super) fn is_comment(&self, line: &[u8]) -> bool {
        self.comment
            .as_ref()
            .is_some_and(|c| line.starts_with(&c.0))
    }

    /// Cells of a row that starts the bytes, the first `most` of them as ranges; the place of its line's end, or none where
    /// it has not come, and how many cells there are.
    pub(super) fn split(
        &self,
        bytes: &[u8],
        eol: u8,
        most: usize,
        cells: &mut Vec<Range<usize>>,
    ) -> (Option<usize>, u64) {
        cells.clear();
        if self.json.is_some() || self.is_comment(bytes) {
            let end = bytes.iter().position(|b| *b == eol);
            let line = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
            if !self.is_comment(bytes)
                && let Some(found) = self.values(line)
            {
                *cells = found;
                return (end, cells.len() as u64);
            }
            cells.push(0..line.len());
            // As many cells as no row has.
            return (end, u64::MAX);
        }
        let (between, quote) = (self.between(), self.quote.map(Self::byte));
        let last_column = self.words.map(|n| n.saturating_sub(1) as u64);
        let (mut start, mut n) = (0, 0u64);
        let mut quoted = false;
        let (mut first, mut last) = (None, None);
        let mut end = None;
        for (i, b) in bytes.iter().enumerate() {
            if i == start {
                first = Some(*b);
            }
            let is_quote = Some(*b) == quote;
            if quoted {
                quoted = !is_quote;
            } else if is_quote && (i == start || first == quote && last == quote) {
                // A quote opens only where the cell starts; inside, two make one and leave it open.
                quoted = true;
            } else if *b == eol {
                end = Some(i);
                break;
            } else if *b == between && Some(n) != last_column {
                if cells.len() < most {
                    cells.push(start..i);
                }
                n = n.saturating_add(1);
                start = i.saturating_add(1);
            }
            last = Some(*b);
        }
        if cells.len() < most {
            cells.push(start..end.unwrap_or(bytes.len()));
        }
        (end, n.saturating_add(1))
    }

    /// Whether the first row of a file that begins so has one cell more than its header.
    fn unnamed_in(&self, text: &[u8]) -> Option<Side> {
        if self.headless {
            return None;
        }
        let eol = match text.contains(&b'\r') && !text.contains(&b'\n') {
            true => b'\r',
            false => b'\n',
        };
        let rest = text.get(header_at(text, self, eol, true)?..)?;
        let mut cells = Vec::new();
        let (end, names) = self.split(rest, eol, COLUMNS, &mut cells);
        let row = rest.get(end? + 1..)?;
        let (end, n) = self.split(row, eol, COLUMNS, &mut cells);
        // The last line may be cut.
        end.filter(|_| n == names + 1 && names < COLUMNS as u64)?;
        let last = row.get(cells.last()?.clone())?;
        Some(match last.is_empty() || last == b"\r" {
            true => Side::Last,
            false => Side::First,
        })
    }

    /// The values of a JSON line; none where it is not of the form.
    fn values(&self, line: &[u8]) -> Option<Vec<Range<usize>>> {
        let (last, before) = self.json.as_ref()?.split_last()?;
        let mut at = 0;
        let mut cells = Vec::with_capacity(before.len());
        for words in before {
            at += line
                .get(at..)?
                .starts_with(&words.0)
                .then_some(words.0.len())?;
            let end = value_end(line, at)?;
            cells.push(at..end);
            at = end;
        }
        let rest = line.get(at..)?;
        (rest.strip_suffix(b"\r").unwrap_or(rest) == last.0).then_some(cells)
    }
}

/// Where the JSON value that begins at `at` ends; whether it is sound does not matter.
fn value_end(line: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    let mut i = at;
    loop {
        match line.get(i)? {
            b'"' => {
                i += 1;
                while *line.get(i)? != b'"' {
                    i += if *line.get(i)? == b'\\' { 2 } else { 1 };
                }
                i += 1;
            }
            b'{' | b'[' => {
                depth += 1;
                i += 1;
                continue;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                i += 1;
            }
            b',' | b':' | b' ' | b'\t' if depth > 0 => {
                i += 1;
                continue;
            }
            b',' | b':' | b' ' | b'\t' => return None,
            _ => {
                let rest = line.get(i..)?;
                let n = rest
                    .iter()
                    .position(|b| b",]}: \t\r".contains(b))
                    .unwrap_or(rest.len());
                i += n;
            }
        }
        if depth == 0 {
            return (i > at).then_some(i);
        }
    }
}

/// Names of the values of a JSON object in a line, and what stands around them; none for what is no such line.
pub(super) fn json_line(line: &[u8]) -> Option<(Vec<String>, Vec<Word>)> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let is_object = |value: serde_json::Value| value.as_object().is_some_and(|o| !o.is_empty());
    if !serde_json::from_slice(line).is_ok_and(is_object) {
        return None;
    }
    let blank = |mut at: usize| {
        while line.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        at
    };
    let mut at = blank(blank(0) + 1);
    let (mut names, mut around) = (Vec::new(), Vec::new());
    let mut from = 0;
    loop {
        let key = at..value_end(line, at)?;
        names.push(serde_json::from_slice(line.get(key.clone())?).ok()?);
        at = blank(key.end);
        // The colon.
        at = blank(at + 1);
        around.push(Word(line.get(from..at)?.to_vec()));
        from = value_end(line, at)?;
        at = blank(from);
        if line.get(at)? != &b',' {
            break;
        }
        at = blank(at + 1);
    }
    around.push(Word(line.get(from..)?.to_vec()));
    Some((names, around))
}

/// How the lines of a table are to be told apart; what is not said is guessed.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// Between cells.
    pub delimiter: Option<u8>,
    /// What quotes cells; the inner one is none for nothing.
    pub quote: Option<Option<u8>>,
    /// Whether the first line is a row.
    pub no_header: bool,
    /// What lines begin with that are no rows.
    pub comment: Option<String>,
    /// Whether lines are those of a log: the first columns are words, the last the rest.
    pub log: bool,
}

impl How {
    /// The style for a file that begins so, and the names of the columns where they are keys.
    pub(super) fn style(&self, head: &[u8]) -> Result<(Style, Option<Vec<String>>)> {
        // Comments have delimiters of their own.
        let comment = self.comment.as_ref().map_or(&b"#"[..], String::as_bytes);
        let mut from = head.strip_prefix(BOM).unwrap_or(head);
        while from.starts_with(comment) || from.starts_with(b"\n") {
            let end = from.iter().position(|b| *b == b'\n');
            match end
                .and_then(|end| from.get(end + 1..))
                .filter(|f| !f.is_empty())
            {
                Some(rest) => from = rest,
                None => break,
            }
        }
        let mut style = Style::new(self.delimiter.unwrap_or_else(|| delimiter(from)));
        if let Some(quote) = self.quote {
            style.quote = quote.map(char::from);
        }
        style.headless = self.no_header;
        style.comment = self.comment.as_ref().map(|c| Word(c.clone().into_bytes()));
        if self.log {
            let words = |line: &[u8]| line.split(|b| *b == b' ').count();
            // The last line may be cut.
            let mut lines: Vec<&[u8]> = head
                .split(|b| *b == b'\n')
                .filter(|l| !l.is_empty())
                .collect();
            if head.len() >= HEAD {
                lines.pop();
            }
            style.delimiter = self.delimiter.map_or(' ', char::from);
            style.quote = None;
            style.headless = true;
            style.words = Some(
                lines
                    .iter()
                    .map(|l| words(l))
                    .min()
                    .unwrap_or(1)
                    .clamp(1, 16),
            );
        } else if self.delimiter.is_none() && !self.no_header {
            let text = head.strip_prefix(BOM).unwrap_or(head);
            let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
            if let Some((names, around)) = json_line(line) {
                style.json = Some(around);
                return Ok((style, Some(names)));
            }
        }
        style.unnamed = style.unnamed_in(head.strip_prefix(BOM).unwrap_or(head));
        match style.is_sound() {
            true => Ok((style, None)),
            false => Err(Error::Usage(
                "a table of such delimiters, quotes or comments".into(),
            )),
        }
    }
}

/// The delimiter that stands in the header and the first row as often, outside quotes: the commonest of several; where there is
/// none, the commonest of the header.
fn delimiter(head: &[u8]) -> u8 {
    const ALL: [u8; 4] = [b',', b'\t', b';', b'|'];
    let mut quoted = false;
    // Of the header and of the first row.
    let mut counts = [[0u64; ALL.len()]; 2];
    let mut line = 0;
    for b in head {
        match b {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => line += 1,
            _ => {}
        }
        let Some(counts) = counts.get_mut(line) else {
            break;
        };
        for (n, _) in counts
            .iter_mut()
            .zip(ALL)
            .filter(|(_, d)| d == b && !quoted)
        {
            *n += 1;
        }
    }
    let [header, row] = counts;
    let of = |i: &usize| header.get(*i).copied().unwrap_or(0);
    let even = |i: &usize| of(i) > 0 && row.get(*i) == header.get(*i);
    // The first of equals.
    let commonest = |all: &mut dyn Iterator<Item = usize>| {
        all.fold(None, |best: Option<usize>, i| match best {
            Some(best) if of(&best) >= of(&i) => Some(best),
            _ => Some(i),
        })
    };
    let found = commonest(&mut (0..ALL.len()).filter(even));
    let found = found.or_else(|| commonest(&mut (0..ALL.len())));
    found.and_then(|i| ALL.get(i)).copied().unwrap_or(b',')
}
