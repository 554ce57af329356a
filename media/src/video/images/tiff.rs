//! The directory of a TIFF: what it says beside the pixels, and how many images there are.

use nc_core::container::Meta;
use nc_core::{Budget, Error, Result};

use super::said::{Said, physical, text};

/// Entries that are looked at, and images that are counted.
const MOST: usize = 4096;

/// Tags that tell how the pixels lie in the file, or that this crate takes account of.
const LAYOUT: [u16; 37] = [
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 269, 273, 277, 278, 279, 280, 281, 284,
    290, 291, 292, 293, 297, 317, 320, 322, 323, 324, 325, 330, 338, 339, 347, 530, 531, 532,
];

struct Bytes<'a> {
    all: &'a [u8],
    little: bool,
}

impl<'a> Bytes<'a> {
    fn at(&self, at: usize, n: usize) -> Option<&'a [u8]> {
        self.all.get(at..at.checked_add(n)?)
    }

    fn short(&self, at: usize) -> Option<u16> {
        let two = self.at(at, 2)?.try_into().ok()?;
        Some(match self.little {
            true => u16::from_le_bytes(two),
            false => u16::from_be_bytes(two),
        })
    }

    fn long(&self, at: usize) -> Option<u32> {
        let four = self.at(at, 4)?.try_into().ok()?;
        Some(match self.little {
            true => u32::from_le_bytes(four),
            false => u32::from_be_bytes(four),
        })
    }

    /// A fraction, as it stands.
    fn rational(&self, at: usize) -> Option<f64> {
        let (n, d) = (self.long(at)?, self.long(at.checked_add(4)?)?);
        (d > 0).then(|| f64::from(n) / f64::from(d))
    }
}

/// What is said by the directory of the first image; the number of images beside it.
pub(super) fn said(bytes: &[u8]) -> (Said, usize) {
    let mut said = Said::default();
    let file = Bytes {
        all: bytes,
        little: bytes.starts_with(b"II"),
    };
    let Some(first) = file.long(4) else {
        return (said, 0);
    };
    // What is damaged is told by whoever reads the pixels.
    let _ = directory(&file, first as usize, &mut said);
    let mut images = 0;
    let mut at = first as usize;
    while images < MOST {
        let Some(next) = file
            .short(at)
            .and_then(|n| file.long(at.checked_add(2 + 12 * usize::from(n))?))
            .filter(|next| *next > 0)
        else {
            break;
        };
        images += 1;
        at = next as usize;
    }
    (said, images)
}

/// Bytes that the crate takes for a value of an entry.
const VALUE: u64 = 48;

/// Refuses a first directory whose entries claim more than is there: the crate makes room for them on their word. What it takes is
/// charged.
///
/// # Errors
/// Format, Limit.
pub(super) fn check(bytes: &[u8], budget: &mut Budget) -> Result<()> {
    let damaged = || Error::Format("a TIFF whose directory claims more than is there".into());
    let file = Bytes {
        all: bytes,
        little: bytes.starts_with(b"II"),
    };
    let at = file.long(4).ok_or_else(damaged)? as usize;
    let n = file.short(at).ok_or_else(damaged)?;
    let mut values = 0;
    for entry in 0..usize::from(n) {
        let at = at + 2 + 12 * entry;
        let kind = file.short(at + 2).ok_or_else(damaged)?;
        let count = file.long(at + 4).ok_or_else(damaged)?;
        if u64::from(count) * size(kind) as u64 > bytes.len() as u64 {
            return Err(damaged());
        }
        values += u64::from(count);
    }
    budget.charge(values * VALUE)
}

/// Bytes of a value.
fn size(kind: u16) -> usize {
    match kind {
        1 | 2 | 6 | 7 => 1,
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        _ => 8,
    }
}

fn directory(file: &Bytes<'_>, at: usize, said: &mut Said) -> Option<()> {
    let n = usize::from(file.short(at)?).min(MOST);
    let mut density = [None, None];
    let mut unit = 2;
    for entry in 0..n {
        let at = at.checked_add(2 + 12 * entry)?;
        let (tag, kind, count) = (file.short(at)?, file.short(at + 2)?, file.long(at + 4)?);
        let length = (count as usize).saturating_mul(size(kind));
        let content = match length <= 4 {
            true => at + 8,
            false => file.long(at + 8)? as usize,
        };
        let words = || file.at(content, length);
        let value = |key: &str| -> Option<Meta> {
            let words = words()?;
            let end = words.iter().position(|b| *b == 0).unwrap_or(words.len());
            text(key, words.get(..end)?)
        };
        match tag {
            262 if file.short(content)? == 5 => said.turned_inks(),
            _ if LAYOUT.contains(&tag) => {}
            270 => said.meta.extend(value("Description")),
            271 | 272 => said.meta.extend(value("Source")),
            305 => said.meta.extend(value("Software")),
            306 => said.meta.extend(value("Creation Time")),
            315 => said.meta.extend(value("Author")),
            33432 => said.meta.extend(value("Copyright")),
            282 => density[0] = file.rational(content),
            283 => density[1] = file.rational(content),
            296 => unit = file.short(content)?,
            274 if file.short(content)? == 1 => {}
            274 => said.left("orientation"),
            700 => said.xmp(words()?),
            34675 => said.profile(words()?),
            _ => said.left(&format!("tag {tag}")),
        }
    }
    if let [Some(x), Some(y)] = density {
        said.meta.extend(match unit {
            2 => physical(x / 0.0254, y / 0.0254),
            3 => physical(x * 100.0, y * 100.0),
            _ => None,
        });
    }
    Some(())
}
