//! Numbers as text, one to one: what is parsed is written back byte for byte, or not parsed.

use serde::{Deserialize, Serialize};

/// Most digits of a number; an `i64` holds them.
const DIGITS: usize = 18;

/// How a field's numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Style {
    /// Digits before the point, filled with zeros; 0 for as many as needed.
    pub width: u8,
    /// Digits after the point.
    pub places: u8,
    /// Digits after the point that stay when zeros at the end are dropped; as `places` where none is.
    pub least: u8,
}

impl Style {
    /// The number that `text` is, in units of the last place.
    #[must_use]
    pub fn parse(&self, text: &[u8]) -> Option<i64> {
        let (negative, digits) = match text.strip_prefix(b"-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let point = digits.iter().position(|b| *b == b'.');
        let (whole, part) = digits.split_at(point.unwrap_or(digits.len()));
        let part = part.get(1..).unwrap_or_default();
        if whole.is_empty()
            || (point.is_some() && part.is_empty())
            || part.len() > usize::from(self.places)
            || part.len() < usize::from(self.least)
            || (part.len() > usize::from(self.least) && self.drops() && part.last() == Some(&b'0'))
            || (part.len() < usize::from(self.places) && !self.drops())
            || whole.len().saturating_add(self.places.into()) > DIGITS
        {
            return None;
        }
        let full = if self.width == 0 {
            whole.len() == 1 || whole.first() != Some(&b'0')
        } else {
            whole.len() == usize::from(self.width)
        };
        if !full || !whole.iter().chain(part).all(u8::is_ascii_digit) {
            return None;
        }
        let zeros = usize::from(self.places).saturating_sub(part.len());
        let zeros = std::iter::repeat_n(&b'0', zeros);
        let all = whole.iter().chain(part).chain(zeros);
        // Eighteen digits at most, which an `i64` holds.
        let x = all.fold(0i64, |x, b| {
            x.saturating_mul(10)
                .saturating_add(b.saturating_sub(b'0').into())
        });
        match (negative, x) {
            (true, 0) => None,
            (true, x) => x.checked_neg(),
            (false, x) => Some(x),
        }
    }

    /// Writes what [`Self::parse`] has read.
    pub fn write(&self, x: i64, out: &mut Vec<u8>) {
        let places = usize::from(self.places);
        if x < 0 {
            out.push(b'-');
        }
        let width = places.saturating_add(usize::from(self.width).max(1));
        let digits = format!("{:0width$}", x.unsigned_abs());
        let (whole, part) = digits.split_at(digits.len().saturating_sub(places));
        out.extend_from_slice(whole.as_bytes());
        let kept = part.trim_end_matches('0').len();
        let kept = kept.max(usize::from(self.least));
        if kept > 0 {
            out.push(b'.');
            out.extend(part.bytes().take(kept));
        }
    }

    /// Whether zeros at the end are dropped.
    const fn drops(&self) -> bool {
        self.least < self.places
    }

    /// Whether a model file may say so.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.least <= self.places
            && (self.places as usize) < DIGITS
            && self.width as usize <= DIGITS
    }

    /// The style that most of `numbers` (with how often each occurs) are written in.
    #[must_use]
    pub fn of<'a>(numbers: impl Iterator<Item = (&'a [u8], u64)> + Clone) -> Self {
        // Leading zeros are kept where there are any, at the width that most have.
        let mut widths = [0u64; DIGITS + 1];
        let mut places = [0u64; DIGITS + 1];
        let (mut zeros, mut zero_ends, mut lone_digits, mut all) = (0u64, 0u64, 0u64, 0u64);
        let add = |to: &mut u64, n: u64| *to = to.saturating_add(n);
        for (text, n) in numbers.clone() {
            let digits = text.strip_prefix(b"-").unwrap_or(text);
            let point = digits
                .iter()
                .position(|b| *b == b'.')
                .unwrap_or(digits.len());
            let part = digits.len().saturating_sub(point).saturating_sub(1);
            for (counts, at) in [(&mut widths, point), (&mut places, part)] {
                if let Some(count) = counts.get_mut(at.min(DIGITS)) {
                    add(count, n);
                }
            }
            add(&mut all, n);
            if point > 1 && digits.first() == Some(&b'0') {
                add(&mut zeros, n);
            }
            if part > 1 && digits.last() == Some(&b'0') {
                add(&mut zero_ends, n);
            }
            if part == 1 {
                add(&mut lone_digits, n);
            }
        }
        let most = |of: &[u64]| (0..of.len()).max_by_key(|i| of.get(*i)).unwrap_or(0);
        let share = |n: u64, of: u64| n.saturating_mul(of);
        let width = if share(zeros, 100) > all {
            most(&widths)
        } else {
            0
        };
        // Zeros at the end dropped, if places vary and next to none ends so.
        let common = most(&places);
        let with = |n: usize| places.get(n).copied().unwrap_or(0);
        if with(common) == all
            || share(zero_ends, 100) > all
            || common == 0 && share(with(0), 100) > share(all, 99)
        {
            let fits = width.saturating_add(common) < DIGITS;
            let places = if fits { common } else { 0 };
            return Self {
                width: width as u8,
                places: places as u8,
                least: places as u8,
            };
        }
        // As many places as a thousandth of the numbers needs, and digits leave room for.
        let longest = (0..=DIGITS)
            .rev()
            .find(|w| widths.get(*w).is_some_and(|n| share(*n, 1000) > all))
            .unwrap_or(0);
        let mut seen = 0u64;
        let mut last = DIGITS;
        while last > 0 && share(seen.saturating_add(with(last)), 1000) <= all {
            add(&mut seen, with(last));
            last = last.saturating_sub(1);
        }
        let last = last.min(DIGITS.saturating_sub(1).saturating_sub(longest));
        Self {
            width: width as u8,
            places: last as u8,
            least: u8::from(share(with(0), 100) <= lone_digits && last > 0),
        }
    }
}

/// A cell in parts: numbers, and what stands between them.
#[derive(Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What stands before, between and after the numbers; one more than these.
    pub literals: Vec<&'a [u8]>,
    /// Digits with a sign and a decimal point where they have one.
    pub numbers: Vec<&'a [u8]>,
}

/// Most numbers in a cell; a cell with more has none.
const MOST: usize = 8;

/// Takes a cell apart. A minus is a sign where no letter or digit precedes it, a point a decimal point
/// where exactly one stands between digits: `-1.50` is a number, `2013-01-05` and `12.5.2013` are three.
#[must_use]
pub fn parts(cell: &[u8]) -> Parts<'_> {
    let is_digit = |i: usize| cell.get(i).is_some_and(u8::is_ascii_digit);
    let run = |mut i: usize| {
        while is_digit(i) {
            i = i.saturating_add(1);
        }
        i
    };
    let (mut literals, mut numbers) = (Vec::new(), Vec::new());
    let (mut from, mut at) = (0, 0);
    while at < cell.len() {
        if !is_digit(at) {
            at = at.saturating_add(1);
            continue;
        }
        if numbers.len() == MOST {
            return Parts {
                literals: vec![cell],
                numbers: Vec::new(),
            };
        }
        let before = |n: usize| at.checked_sub(n).and_then(|i| cell.get(i));
        let signed = at > from
            && before(1) == Some(&b'-')
            && !before(2).is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
        let start = at.saturating_sub(usize::from(signed));
        let mut end = run(at);
        let is_point = |i: usize| cell.get(i) == Some(&b'.') && is_digit(i.saturating_add(1));
        if is_point(end) && before(1) != Some(&b'.') {
            let more = run(end.saturating_add(1));
            if !is_point(more) {
                end = more;
            }
        }
        literals.push(cell.get(from..start).unwrap_or_default());
        numbers.push(cell.get(start..end).unwrap_or_default());
        (from, at) = (end, end);
    }
    literals.push(cell.get(from..).unwrap_or_default());
    Parts { literals, numbers }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;

    const fn style(width: u8, places: u8, least: u8) -> Style {
        Style {
            width,
            places,
            least,
        }
    }

    #[test]
    fn a_style_reads_only_what_it_writes() {
        type Case<'a> = (Style, &'a [(&'a str, i64)], &'a [&'a str]);
        let cases: [Case<'_>; 5] = [
            (
                style(0, 0, 0),
                &[
                    ("0", 0),
                    ("7", 7),
                    ("-12", -12),
                    ("999999999999999999", 999_999_999_999_999_999),
                ],
                &[
                    "",
                    "-",
                    "007",
                    "-0",
                    "1.5",
                    "+1",
                    "1e5",
                    "1.",
                    "1000000000000000000",
                    "--1",
                    " 1",
                ],
            ),
            (
                style(0, 2, 2),
                &[("1.50", 150), ("-0.05", -5), ("0.00", 0)],
                &["1.5", "1", "-0.00", "01.50", ".50", "1.505", "1..5"],
            ),
            (
                style(2, 0, 0),
                &[("07", 7), ("31", 31), ("-01", -1)],
                &["7", "007", "-00"],
            ),
            (
                style(0, 3, 0),
                &[("1", 1000), ("1.5", 1500), ("-0.125", -125)],
                &["1.0", "1.50", "1.2345", "-0"],
            ),
            (
                style(0, 3, 1),
                &[("1.0", 1000), ("1.25", 1250)],
                &["1", "1.250", "1."],
            ),
        ];
        for (style, good, bad) in cases {
            for (text, x) in good {
                assert_eq!(style.parse(text.as_bytes()), Some(*x), "{text}");
                let mut out = Vec::new();
                style.write(*x, &mut out);
                assert_eq!(out, text.as_bytes());
            }
            for text in bad {
                assert_eq!(style.parse(text.as_bytes()), None, "{text} in {style:?}");
            }
        }
    }

    #[test]
    fn cells_come_apart_at_numbers() {
        let of = |cell: &'static str| {
            let p = parts(cell.as_bytes());
            let text = |x: &[&[u8]]| {
                let all: Vec<&str> = x.iter().map(|b| std::str::from_utf8(b).unwrap()).collect();
                all.join("|")
            };
            (text(&p.literals), text(&p.numbers))
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(of("-1.50"), pair("|", "-1.50"));
        assert_eq!(
            of("2013-01-05 12:30"),
            pair("|-|-| |:|", "2013|01|05|12|30")
        );
        assert_eq!(of("12.5.2013"), pair("|.|.|", "12|5|2013"));
        assert_eq!(of("\"-3\""), pair("\"|\"", "-3"));
        assert_eq!(of("A-12."), pair("A-|.", "12"));
        assert_eq!(of("none"), pair("none", ""));
        assert_eq!(of(""), pair("", ""));
    }

    #[test]
    fn styles_are_found() {
        let of = |all: &[&str]| Style::of(all.iter().map(|t| (t.as_bytes(), 1)));
        assert_eq!(of(&["1", "-20", "300"]), style(0, 0, 0));
        assert_eq!(of(&["01", "12", "31"]), style(2, 0, 0));
        assert_eq!(of(&["1.50", "-2.25", "10.00"]), style(0, 2, 2));
        assert_eq!(of(&["1.5", "2", "10.25", "3"]), style(0, 2, 0));
        assert_eq!(of(&["1.5", "2.0", "10.25"]), style(0, 2, 1));
        assert_eq!(of(&[]), style(0, 0, 0));
    }
}
