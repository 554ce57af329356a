//! A column of cells: a dictionary of words, numbers with what stands between them, and texts.
//!
//! A cell is raw bytes, quotes included. Its first variable is the number of a word, or one more than
//! all words and the number's leading value, or at the end *open*: a text follows. A number's further
//! variables are 0 where there is no number.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use nc_core::{Budget, Error, Records, Result};
use serde::{Deserialize, Serialize};

use crate::records::coding::Coding;
use crate::records::number::{Style, parts};
use crate::records::word::Word;

/// Most words of a column.
const WORDS: usize = 4096;
/// Most distinct cells that are counted in learning; later ones are as if unseen.
const DISTINCT: usize = 1 << 20;
/// Bytes that a distinct cell takes beside its own: in the table of counts; while a column is made of them, in lists
/// and sums over them; and where it is the first of its pattern, as that.
const COUNTED: u64 = 80;
const FINISHED: u64 = 144;
const KIND: u64 = 256;
/// With so few distinct cells a column that holds more than lone numbers is of words.
const FEW: usize = 64;

/// Cells' bytes as values of a few variables, and back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Column {
    name: String,
    words: Vec<Word>,
    pattern: Option<Pattern>,
    lookup: HashMap<Vec<u8>, u16>,
    alphabets: Vec<u32>,
    open: u16,
    /// Of each field of the pattern, its variables but the first column's first.
    fields: Vec<Range<usize>>,
}

/// What a model file says of a column.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    words: Vec<Word>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pattern: Option<Pattern>,
}

/// Numbers, and what stands before, between and after them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pattern {
    literals: Vec<Word>,
    numbers: Vec<Number>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Number {
    style: Style,
    coding: Coding,
}

impl From<Column> for Stored {
    fn from(c: Column) -> Self {
        Self {
            name: c.name,
            words: c.words,
            pattern: c.pattern,
        }
    }
}

impl TryFrom<Stored> for Column {
    type Error = Error;

    fn try_from(s: Stored) -> Result<Self> {
        let wrong = |what: &str| Error::Model(format!("column {:?}: {what}", s.name).into());
        if s.words.len() > WORDS {
            return Err(wrong("too many words"));
        }
        if s.words.iter().any(|w| w.0.contains(&0)) {
            return Err(wrong("a word with a byte 0"));
        }
        let mut lookup = HashMap::new();
        for (i, w) in s.words.iter().enumerate() {
            if lookup.insert(w.0.clone(), i as u16).is_some() {
                return Err(wrong("a word twice"));
            }
        }
        // Of the first variable: at most so many words and leading values, so that 16 bits hold them.
        let mut first = s.words.len() as u32;
        let mut alphabets = vec![first];
        let mut fields = Vec::new();
        if let Some(p) = &s.pattern {
            if p.numbers.is_empty() || p.literals.len().checked_sub(1) != Some(p.numbers.len()) {
                return Err(wrong("a pattern of uneven length"));
            }
            for (i, n) in p.numbers.iter().enumerate() {
                if !n.style.is_sound() || !n.coding.is_sound() {
                    return Err(wrong("a number out of range"));
                }
                let (top, radices) = n.coding.shape();
                let from = alphabets.len();
                if i == 0 {
                    first = first.saturating_add(top as u32);
                } else if top > 1 {
                    alphabets.push(top as u32);
                }
                alphabets.extend(radices.iter().map(|r| u32::from(*r)));
                fields.push(from..alphabets.len());
            }
        }
        // Open is the last; where there is nothing else, a value that does not occur stands before it.
        let open = first.max(1);
        if let Some(n) = alphabets.first_mut() {
            *n = open.saturating_add(1);
        }
        Ok(Self {
            open: open as u16,
            name: s.name,
            words: s.words,
            pattern: s.pattern,
            lookup,
            alphabets,
            fields,
        })
    }
}

impl Column {
    /// Name in the header, without quotes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of values of each variable.
    #[must_use]
    pub fn alphabets(&self) -> &[u32] {
        &self.alphabets
    }

    /// The first variable's value that says that a text follows.
    #[must_use]
    pub const fn open(&self) -> u16 {
        self.open
    }

    /// Whether cells are numbers for the most part, so that near values are alike.
    #[must_use]
    pub const fn has_numbers(&self) -> bool {
        self.pattern.is_some()
    }

    /// What the first variable's `value` stands for: a cell, a range of numbers, or text that the model
    /// does not know.
    #[must_use]
    pub fn label(&self, value: u16) -> String {
        let mut values = vec![0; self.alphabets.len()];
        let mut cell = |first: u16, rest: bool| {
            for (v, n) in values.iter_mut().zip(&self.alphabets) {
                *v = if rest { n.saturating_sub(1) as u16 } else { 0 };
            }
            values.iter_mut().take(1).for_each(|v| *v = first);
            let mut out = Vec::new();
            match self.decode(&values, &mut out) {
                Ok(true) => Some(String::from_utf8_lossy(&out).into_owned()),
                _ => None,
            }
        };
        match (cell(value, false), cell(value, true)) {
            (Some(low), Some(high)) if low == high => low,
            (Some(low), Some(high)) => format!("{low} .. {high}"),
            _ => "(another text)".into(),
        }
    }

    /// Values that are a cell, whichever, without a text; none where every cell of the column is one.
    pub(super) fn any(&self) -> Option<Vec<u16>> {
        let rest = self.alphabets.len().saturating_sub(1);
        let with = |first: u16| {
            let mut values = vec![first];
            values.extend(std::iter::repeat_n(0, rest));
            values
        };
        (0..self.open())
            .take(4)
            .map(with)
            .find(|values| self.decode(values, &mut Vec::new()).is_ok())
    }

    /// Appends the values of `cell`, all unknown where it reads `missing`; true where a text follows.
    pub fn read(&self, cell: &[u8], missing: Option<&[u8]>, values: &mut Vec<u16>) -> bool {
        if missing == Some(cell) {
            values.extend(self.alphabets.iter().map(|n| *n as u16));
            return false;
        }
        let from = values.len();
        values.resize(from.saturating_add(self.alphabets.len()), 0);
        values.get_mut(from..).is_none_or(|v| !self.encode(cell, v))
    }

    /// Gives `each` the cells of every row: their bytes one after another, and where each column's are.
    /// What is unknown is empty.
    ///
    /// # Errors
    /// [`Error::Format`] for records that are no rows of these columns; those of `each`.
    pub fn write_rows(
        columns: &[Self],
        records: Records<'_>,
        mut each: impl FnMut(&[u8], &[Range<usize>]) -> Result<()>,
    ) -> Result<()> {
        let wrong = || Error::Format("records that are no rows of this table".into());
        let mut texts = records.texts.iter().peekable();
        let (mut bytes, mut cells) = (Vec::new(), Vec::new());
        for (r, row) in records.values.rows().into_iter().enumerate() {
            let row = row.to_vec();
            let mut rest = row.as_slice();
            bytes.clear();
            cells.clear();
            for column in columns {
                let n = column.alphabets.len();
                let (values, others) = rest.split_at_checked(n).ok_or_else(wrong)?;
                rest = others;
                let from = bytes.len();
                let mut known = values.iter().zip(&column.alphabets);
                if known.all(|(v, n)| u32::from(*v) != *n) && !column.decode(values, &mut bytes)? {
                    let text = texts.next_if(|t| t.row == r).ok_or_else(wrong)?;
                    bytes.extend_from_slice(&text.bytes);
                }
                cells.push(from..bytes.len());
            }
            if !rest.is_empty() {
                return Err(wrong());
            }
            each(&bytes, &cells)?;
        }
        match texts.next() {
            Some(_) => Err(wrong()),
            None => Ok(()),
        }
    }

    /// Writes the values of `cell`, as many as variables; false where they say that a text follows.
    pub fn encode(&self, cell: &[u8], values: &mut [u16]) -> bool {
        values.fill(0);
        let first = self.lookup.get(cell).copied();
        let first = first.or_else(|| self.number(cell, values));
        if first.is_none() {
            values.fill(0);
        }
        if let Some(v) = values.first_mut() {
            *v = first.unwrap_or(self.open);
        }
        first.is_some()
    }

    /// The first value of a cell of the pattern's, its others in `values`.
    fn number(&self, cell: &[u8], values: &mut [u16]) -> Option<u16> {
        let pattern = self.pattern.as_ref()?;
        let cut = parts(cell);
        if !cut
            .literals
            .iter()
            .eq(pattern.literals.iter().map(|w| &w.0))
        {
            return None;
        }
        let mut first = 0;
        let numbers = cut.numbers.iter().zip(&pattern.numbers);
        for (i, ((text, n), field)) in numbers.zip(&self.fields).enumerate() {
            let own = values.get_mut(field.clone())?;
            let led = own.len().checked_sub(n.coding.shape().1.len())?;
            let (top, digits) = own.split_at_mut_checked(led)?;
            let at = n.coding.encode(n.style.parse(text)?, digits)?;
            if i == 0 {
                first = at;
            }
            if let Some(t) = top.first_mut() {
                *t = at as u16;
            }
        }
        Some(self.words.len().saturating_add(first) as u16)
    }

    /// Appends the cell of `values` to `out`; false where a text stands in its place.
    ///
    /// # Errors
    /// [`Error::Format`] for values that no cell has.
    pub fn decode(&self, values: &[u16], out: &mut Vec<u8>) -> Result<bool> {
        let wrong =
            || Error::Format(format!("column {:?}: a value out of range", self.name).into());
        let first = values.first().copied().ok_or_else(wrong)?;
        if first == self.open {
            return Ok(false);
        }
        if let Some(word) = self.words.get(usize::from(first)) {
            out.extend_from_slice(&word.0);
            return Ok(true);
        }
        let pattern = self.pattern.as_ref().ok_or_else(wrong)?;
        let mut literals = pattern.literals.iter();
        out.extend(literals.next().into_iter().flat_map(|w| &w.0));
        for (i, (n, field)) in pattern.numbers.iter().zip(&self.fields).enumerate() {
            let own = values.get(field.clone()).ok_or_else(wrong)?;
            let led = own.len().saturating_sub(n.coding.shape().1.len());
            let (top, digits) = own.split_at_checked(led).ok_or_else(wrong)?;
            let top = match top.first() {
                Some(t) => usize::from(*t),
                None if i == 0 => usize::from(first).saturating_sub(self.words.len()),
                None => 0,
            };
            n.style
                .write(n.coding.decode(top, digits).ok_or_else(wrong)?, out);
            out.extend(literals.next().into_iter().flat_map(|w| &w.0));
        }
        Ok(true)
    }
}

/// Counts cells, to find out what a column holds.
#[derive(Debug, Default)]
pub struct Learner {
    cells: HashMap<Vec<u8>, u64>,
}

impl Learner {
    /// Takes a cell into account; a new one is charged to `budget`.
    ///
    /// # Errors
    /// [`Error::Limit`].
    pub fn see(&mut self, cell: &[u8], budget: &mut Budget) -> Result<()> {
        if let Some(n) = self.cells.get_mut(cell) {
            *n = n.saturating_add(1);
        } else if self.cells.len() < DISTINCT {
            budget.charge((cell.len() as u64).saturating_add(COUNTED))?;
            self.cells.insert(cell.to_vec(), 1);
        }
        Ok(())
    }

    /// The column that the cells belong to. Lone numbers, or the pattern that nine cells of ten are
    /// written in, are numbers; of the rest, what occurs more than once is a word, up to 4096 of
    /// them. Cells seen once stay out, so that a model learns how often a cell is new.
    ///
    /// # Errors
    /// [`Error::Model`] never for cells without a byte 0, [`Error::Limit`] where the budget does not hold what it takes
    /// to find out.
    pub fn finish(self, name: String, budget: &mut Budget) -> Result<Column> {
        // All of this goes again.
        let mut budget = budget.share();
        budget.charge((self.cells.len() as u64).saturating_mul(FINISHED))?;
        let mut cells: Vec<(&[u8], u64)> = self.cells.iter().map(|(c, n)| (&c[..], *n)).collect();
        // The commonest first; the order of a hash map must not show.
        cells.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let pattern = Self::pattern(&cells, &mut budget)?;
        let mut column = Column::try_from(Stored {
            name,
            words: Vec::new(),
            pattern,
        })?;
        let mut values = vec![0; column.alphabets.len()];
        let rest = cells
            .iter()
            .filter(|(c, n)| *n > 1 && !column.encode(c, &mut values));
        let room = WORDS.min(usize::from(u16::MAX).saturating_sub(column.open.into()));
        column.words = rest.take(room).map(|(c, _)| Word(c.to_vec())).collect();
        Column::try_from(Stored::from(column))
    }

    fn pattern(cells: &[(&[u8], u64)], budget: &mut Budget) -> Result<Option<Pattern>> {
        let mut kinds: BTreeMap<Vec<&[u8]>, u64> = BTreeMap::new();
        let mut all = 0u64;
        for (cell, n) in cells {
            let cut = parts(cell);
            // What stands for a missing number says nothing of how numbers are written.
            if !cut.numbers.is_empty() {
                all = all.saturating_add(*n);
                match kinds.get_mut(&cut.literals) {
                    Some(seen) => *seen = seen.saturating_add(*n),
                    None => {
                        budget.charge(KIND)?;
                        kinds.insert(cut.literals, *n);
                    }
                }
            } else if *n == 1 {
                all = all.saturating_add(*n);
            }
        }
        let Some((literals, share)) = kinds.into_iter().max_by_key(|(_, n)| *n) else {
            return Ok(None);
        };
        let lone = literals.iter().all(|l| matches!(*l, b"" | b"\""));
        if share.saturating_mul(10) < all.saturating_mul(9) || (!lone && cells.len() <= FEW) {
            return Ok(None);
        }
        let of_kind = || {
            let cut = cells.iter().map(|(cell, n)| (parts(cell), *n));
            cut.filter(|(p, _)| p.literals == literals && !p.numbers.is_empty())
        };
        let numbers = (0..literals.len().saturating_sub(1)).map(|i| {
            let texts = of_kind().filter_map(|(p, n)| Some((*p.numbers.get(i)?, n)));
            let texts: Vec<(&[u8], u64)> = texts.collect();
            let style = Style::of(texts.iter().copied());
            let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
            for (text, n) in texts {
                if let Some(x) = style.parse(text) {
                    let count = counts.entry(x).or_default();
                    *count = count.saturating_add(n);
                }
            }
            Number {
                style,
                coding: Coding::of(&counts),
            }
        });
        Ok(Some(Pattern {
            numbers: numbers.collect(),
            literals: literals.iter().map(|l| Word(l.to_vec())).collect(),
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn learn(cells: &[&str]) -> Column {
        let mut learner = Learner::default();
        let mut budget = Budget::default();
        let each = cells.iter();
        each.for_each(|c| learner.see(c.as_bytes(), &mut budget).unwrap());
        learner.finish("x".into(), &mut budget).unwrap()
    }

    /// The cell's values, and whether it is a text; it comes back.
    fn values(column: &Column, cell: &[u8]) -> (Vec<u16>, bool) {
        let mut values = vec![7; column.alphabets().len()];
        let known = column.encode(cell, &mut values);
        assert_eq!(known, values[0] != column.open());
        let within = values
            .iter()
            .zip(column.alphabets())
            .all(|(v, a)| u32::from(*v) < *a);
        assert!(within, "{values:?} in {:?}", column.alphabets());
        let mut out = Vec::new();
        assert_eq!(column.decode(&values, &mut out).unwrap(), known);
        if known {
            assert_eq!(out, cell);
        }
        (values, !known)
    }

    #[test]
    fn numbers_and_what_is_missing() {
        let cells: Vec<String> = (0..2000).map(|i| (i % 50 - 9).to_string()).collect();
        let mut cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        cells.extend(["", "", "", "NA", "NA", "once"]);
        let column = learn(&cells);
        assert_eq!(column.alphabets(), [2 + 50 + 1]);
        assert_eq!(values(&column, b""), (vec![0], false));
        assert_eq!(values(&column, b"-9"), (vec![2], false));
        for text in [
            "once",
            "41",
            "007",
            "-0",
            "1.50",
            "3 ",
            "\"3\"",
            "1e3",
            "99999999999999999999",
        ] {
            assert!(values(&column, text.as_bytes()).1, "{text}");
        }
    }

    #[test]
    fn dates_are_numbers_in_a_pattern() {
        let cells: Vec<String> = (0..3000)
            .map(|i| {
                format!(
                    "2013-{:02}-{:02} {:02}:00:00",
                    i % 12 + 1,
                    i % 28 + 1,
                    i % 24
                )
            })
            .collect();
        let column = learn(&cells.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(column.alphabets(), [2, 12, 28, 24]);
        assert_eq!(values(&column, b"2013-02-28 23:00:00").0, [0, 1, 27, 23]);
        for text in [
            "2014-02-28 23:00:00",
            "2013-2-28 23:00:00",
            "2013-02-28",
            "2013-13-28 23:00:00",
        ] {
            assert!(values(&column, text.as_bytes()).1, "{text}");
        }
    }

    #[test]
    fn words_by_how_often_they_occur() {
        let column = learn(&[
            "b", "b", "a", "c", "c", "c", "d2", "d2", "\"a, b\"", "\"a, b\"",
        ]);
        assert_eq!(column.alphabets(), [5]);
        assert_eq!(values(&column, b"c").0, [0]);
        assert!(values(&column, b"a").1);
        assert!(values(&column, b"").1);
        // Nothing but texts.
        let column = learn(&["one", "two"]);
        assert_eq!(column.alphabets(), [2]);
        assert!(values(&column, b"one").1);
        assert!(column.decode(&[0], &mut Vec::new()).is_err());
    }

    #[test]
    fn wide_numbers_take_several_variables() {
        let cells: Vec<String> = (0..4000i64)
            .map(|i| format!("{}.{:02}", i * i * 37, i % 100))
            .collect();
        let column = learn(&cells.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(column.alphabets().len() > 1);
        let known = cells
            .iter()
            .filter(|c| !values(&column, c.as_bytes()).1)
            .count();
        assert_eq!(known, cells.len());
    }

    #[test]
    fn a_column_survives_json_and_unsound_ones_do_not() {
        let column = learn(&["1.5", "2.5", "1.5", "2.25", "x", "x"]);
        let json = serde_json::to_string(&column).unwrap();
        let back: Column = serde_json::from_str(&json).unwrap();
        assert_eq!(back.alphabets(), column.alphabets());
        assert_eq!(values(&back, b"1.5"), values(&column, b"1.5"));
        for (from, to) in [
            ("\"words\":[\"x\"]", "\"words\":[\"x\",\"x\"]"),
            ("\"places\":2", "\"places\":18"),
            ("\"places\":2", "\"places\":0"),
            ("\"literals\":[\"\",\"\"]", "\"literals\":[\"\"]"),
        ] {
            assert!(json.contains(from), "{json}");
            let json = json.replace(from, to);
            assert!(serde_json::from_str::<Column>(&json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn any_cell_comes_back(
            cells in prop::collection::vec("-?[0-9]{1,3}(\\.[0-9]{1,2})?|[a-c\"]{0,2}|20[0-9]{2}-[0-9]{2}", 1..80),
            other in prop::collection::vec(any::<u8>(), 0..12),
        ) {
            let column = learn(&cells.iter().map(String::as_str).collect::<Vec<_>>());
            for cell in &cells {
                values(&column, cell.as_bytes());
            }
            values(&column, &other);
        }

        #[test]
        fn any_values_are_a_cell_or_an_error(
            cells in prop::collection::vec("-?[0-9]{1,5}|-", 1..40),
            some in prop::collection::vec(any::<u16>(), 0..6),
        ) {
            let column = learn(&cells.iter().map(String::as_str).collect::<Vec<_>>());
            // An error or not, but no panic.
            let _ = column.decode(&some, &mut Vec::new());
        }
    }
}
