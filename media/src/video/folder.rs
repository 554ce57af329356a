//! A folder of images as a clip: which files are its frames, and in which order.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use nc_core::{Budget, Result};

use super::images::{ImageFormat, is_written};
use crate::warning::{Warning, code};

/// Bytes that a path takes beside its own, in a list of them.
const NAME: u64 = 48;
/// Names that a warning tells at most.
const TOLD: usize = 5;

/// The frames of a folder in the order that people mean, and what was odd about it: gaps in their numbers, and other files.
/// Files whose names begin with a dot are no frames.
///
/// # Errors
/// Limit, I/O.
pub(crate) fn frames(folder: &Path, budget: &mut Budget) -> Result<(Vec<PathBuf>, Vec<Warning>)> {
    let mut frames = Vec::new();
    let mut others = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        let Some(name) = name.filter(|n| !n.starts_with('.') && path.is_file()) else {
            continue;
        };
        budget.charge((path.as_os_str().len() as u64).saturating_add(NAME))?;
        match is_image(&path) {
            true => frames.push(path),
            false => others.push(name),
        }
    }
    frames.sort_by(|a, b| by_number(&a.to_string_lossy(), &b.to_string_lossy()));
    let mut warnings = Vec::new();
    if !others.is_empty() && !frames.is_empty() {
        others.sort();
        let text = format!(
            "files that are no images were left out: {}",
            listed(&others)
        );
        warnings.push(Warning::new(code::OTHER_FILES, text));
    }
    let numbers: Option<Vec<u64>> = frames.iter().map(|f| last_number(f)).collect();
    if let Some(numbers) = numbers {
        let gaps: Vec<String> = numbers
            .windows(2)
            .filter_map(|w| match *w {
                [a, b] if b > a + 1 => Some(format!("{a} to {b}")),
                _ => None,
            })
            .collect();
        if !gaps.is_empty() {
            let text = format!("the numbers of the frames have gaps: {}", listed(&gaps));
            warnings.push(Warning::new(code::GAPS, text));
        }
    }
    Ok((frames, warnings))
}

/// Whether a file is an image, by its content; by its name too, so that a damaged one is not passed over.
fn is_image(path: &Path) -> bool {
    let head = std::fs::File::open(path).and_then(|mut f| crate::input::head_of(&mut f));
    head.is_ok_and(|head| ImageFormat::of(&head).is_some()) || is_written(path).is_some()
}

fn listed(names: &[String]) -> String {
    let (told, more) = names.split_at(names.len().min(TOLD));
    let rest = match more.len() {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("{}{rest}", told.join(", "))
}

/// The last number in the name of a file.
fn last_number(path: &Path) -> Option<u64> {
    let stem = path.file_stem()?.to_str()?;
    let digits = |c: char| c.is_ascii_digit();
    let end = stem.rfind(digits)? + 1;
    let (head, _) = stem.split_at(end);
    let start = head.rfind(|c| !digits(c)).map_or(0, |i| i + 1);
    let start = (start..end).find(|i| head.is_char_boundary(*i))?;
    head.get(start..)?.parse().ok()
}

/// The order of names in which 2 comes before 10: runs of digits compare as numbers, all else as characters.
fn by_number(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (x, y) = (run(left), run(right));
        let number = |s: &str| s.starts_with(|c: char| c.is_ascii_digit());
        let order = match (x.is_empty(), y.is_empty()) {
            // Names that differ in zeros alone have an order all the same.
            (true, true) => return a.cmp(b),
            (false, false) if number(x) && number(y) => {
                let (m, n) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
                m.len().cmp(&n.len()).then_with(|| m.cmp(n))
            }
            _ => x.cmp(y),
        };
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left.split_at(x.len()).1, right.split_at(y.len()).1);
    }
}

/// The digits, or the characters that are none, that a text begins with.
fn run(s: &str) -> &str {
    let digit = s.starts_with(|c: char| c.is_ascii_digit());
    let end = s
        .find(|c: char| c.is_ascii_digit() != digit)
        .unwrap_or(s.len());
    s.split_at(end).0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn order_gaps_and_others() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "f10.png",
            "f2.PNG",
            "f1.png",
            "._f3.png",
            ".DS_Store",
            "Thumbs.db",
            "f011.png",
        ] {
            std::fs::write(dir.path().join(name), b"").unwrap();
        }
        let (frames, warnings) = frames(dir.path(), &mut Budget::default()).unwrap();
        let names: Vec<_> = frames
            .iter()
            .map(|f| f.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["f1.png", "f2.PNG", "f10.png", "f011.png"]);
        let codes: Vec<_> = warnings.iter().map(|w| w.code).collect();
        assert_eq!(codes, [code::OTHER_FILES, code::GAPS]);
        assert!(warnings[0].text.contains("Thumbs.db") && warnings[1].text.contains("2 to 10"));
    }

    #[test]
    fn numbers_in_names() {
        for (a, b) in [
            ("2", "10"),
            ("a2b3", "a2b20"),
            ("a", "b1"),
            ("img9.png", "img10.png"),
            ("01", "1"),
        ] {
            assert_eq!(by_number(a, b), Ordering::Less, "{a} {b}");
            assert_eq!(by_number(b, a), Ordering::Greater, "{a} {b}");
        }
        assert_eq!(last_number(Path::new("x/ä7_0042.png")), Some(42));
        assert_eq!(last_number(Path::new("none.png")), None);
    }
}
