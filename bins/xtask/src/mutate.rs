//! Random changes to a file, seeded; and checksums made right again, so that a change reaches what they guard.

use nc_core::container::{CHUNK, END, Fields, LAST, Walker};
use nc_core::rng::Rng;
use nc_core::{Budget, Header};

/// Numbers at the edges of what fields hold.
const EDGES: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 40,
    1 << 63,
    u64::MAX,
];

/// A file like `seed`, changed in one to eight places, now and then with a piece of `other`.
#[must_use]
pub fn mutate(seed: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut x = seed.to_vec();
    for _ in 0..1 + rng.below(8) {
        // Half of all changes go near the start, where the words are that decide most.
        let near = match rng.below(2) {
            0 => x.len().min(96),
            _ => x.len(),
        };
        let at = rng.below(near.max(1)).min(x.len());
        let until = at.saturating_add(1 + rng.below(32)).min(x.len());
        match rng.below(9) {
            0 => x
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|b| *b ^= 1 << rng.below(8)),
            1 => x
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|b| *b = rng.bits() as u8),
            2 => drop(x.drain(at..until)),
            3 => {
                let part = x[at..until].to_vec();
                drop(x.splice(at..at, part));
            }
            4 => x.truncate(at),
            5 => {
                let edge = EDGES[rng.below(EDGES.len())].to_le_bytes();
                let n = 1 << rng.below(4);
                let end = at.saturating_add(n).min(x.len());
                drop(x.splice(at..end, edge.into_iter().take(n)));
            }
            6 => {
                let mut number = Vec::new();
                nc_core::container::put_varint(EDGES[rng.below(EDGES.len())], &mut number);
                drop(x.splice(at..x.len().min(at.saturating_add(1)), number));
            }
            7 => {
                let from = rng.below(other.len().max(1)).min(other.len());
                let to = from.saturating_add(1 + rng.below(64)).min(other.len());
                drop(x.splice(at..until, other[from..to].iter().copied()));
            }
            _ => {
                let fill = [0, 0xff][rng.below(2)];
                x[at..until].fill(fill);
            }
        }
    }
    x
}

/// The same file with every checksum that can be found made right: of the header, of each chunk's payload and of each
/// other record, as far as the framing can be read. Hashes of symbols and of the output stay as they are.
#[must_use]
pub fn mend(file: &[u8]) -> Vec<u8> {
    let mut x = file.to_vec();
    mend_header(&mut x);
    let Some((header, mut at)) = header(&x) else {
        return x;
    };
    let mut places = Vec::new();
    let mut single = header.single;
    while let Some((crc_at, body)) = record(&x, at, single) {
        single = false;
        at = body.end;
        places.push((crc_at, body));
    }
    for (crc_at, body) in places {
        let crc = crc32c::crc32c(&x[body]).to_le_bytes();
        x[crc_at..crc_at + 4].copy_from_slice(&crc);
    }
    x
}

/// The header, and its length.
fn header(x: &[u8]) -> Option<(Header, usize)> {
    let mut walker = Walker::new(Budget::default());
    walker.feed(&x[..x.len().min(Header::MOST as usize)]);
    walker.next().ok()??;
    Some((*walker.header()?, walker.offset() as usize))
}

/// Where the checksum and the body of the record at `at` are.
fn record(x: &[u8], at: usize, single: bool) -> Option<(usize, std::ops::Range<usize>)> {
    let rest = x.get(at..)?;
    let mut r = Fields::new(rest);
    let skip = if single {
        2
    } else {
        match r.byte().ok()? {
            CHUNK | LAST => {
                r.varint().ok()?;
                4
            }
            END => return None,
            _ => 0,
        }
    };
    let len = usize::try_from(r.varint().ok()?).ok()?;
    let crc_at = at.checked_add(r.read().len())?;
    let from = crc_at.checked_add(4 + skip)?;
    let to = from.checked_add(len)?;
    (to <= x.len()).then_some((crc_at, from..to))
}

/// Tries the end of a header at every place where one can be.
fn mend_header(x: &mut [u8]) {
    for end in 14..x.len().saturating_sub(4).min(96) {
        let mut y = x[..end + 4].to_vec();
        let crc = crc32c::crc32c(&y[..end]).to_le_bytes();
        y[end..].copy_from_slice(&crc);
        // Wrong in another way than by its checksum, or right and as long as this.
        if header(&y).is_some_and(|(_, length)| length == y.len()) {
            x[end..end + 4].copy_from_slice(&crc);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn mending_a_whole_file_changes_nothing_and_finds_every_checksum() {
        for path in crate::corpus::files(&crate::corpus::folder("golden")).unwrap() {
            if path.extension().is_none_or(|e| e != "nc") {
                continue;
            }
            let file = std::fs::read(&path).unwrap();
            assert_eq!(mend(&file), file, "{}", path.display());
            // A changed payload and a changed rate or width keep their place under new checksums.
            let mut changed = file.clone();
            let n = changed.len();
            changed[n * 2 / 3] ^= 1;
            assert_eq!(mend(&changed).len(), n);
        }
    }
}
