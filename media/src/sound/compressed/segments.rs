//! Where the sound lies in a file: tags behind it are no sound, and files that were joined are several.
//!
//! Programs put ID3v1 (128 bytes, "TAG"), APE (a footer with its size) and Lyrics3 behind sound of any format, and people
//! join files end to end. A decoder that knows neither stumbles over the first, or takes the first file for all.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use nc_core::container::read_full;

/// Bytes that are searched at a time.
const STEP: usize = 1 << 18;
/// Bytes that a beginning is told by.
const LOOK: usize = 64;
/// Bytes of ID3v1, and of the longer tag that may stand before it.
const ID3V1: u64 = 128;
const ID3V1_LONG: u64 = 227;
/// Bytes of the header of ID3v2 and of the footer of APE.
const ID3V2: u64 = 10;
const APE: u64 = 32;

/// The files of sound that a file consists of, without the tags behind each; one at least.
///
/// # Errors
/// I/O.
pub fn find(file: &mut File) -> io::Result<Vec<Range<u64>>> {
    let len = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut head = [0; LOOK];
    let came = read_full(file, &mut head)?;
    let (head, _) = head.split_at(came);
    let mut starts = match head {
        [b'f', b'L', b'a', b'C', ..] => search(file, len, is_flac)?,
        [b'O', b'g', b'g', b'S', ..] => chained(file, len)?,
        [0xFF, ..] | [b'I', b'D', b'3', ..] => joined_mp3(file, len)?,
        _ => Vec::new(),
    };
    starts.retain(|&at| at > 0);
    starts.insert(0, 0);
    let ends = starts.iter().skip(1).copied().chain([len]);
    let mut all = Vec::new();
    for (start, end) in starts.iter().copied().zip(ends) {
        all.push(start..without_tags(file, start..end)?);
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(all)
}

/// The end of the sound in a range that tags may stand at the end of.
fn without_tags(file: &mut File, range: Range<u64>) -> io::Result<u64> {
    let mut end = range.end;
    let at = |file: &mut File, back: u64, end: u64| -> io::Result<Option<[u8; 32]>> {
        let Some(at) = end.checked_sub(back).filter(|at| *at > range.start) else {
            return Ok(None);
        };
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = [0; 32];
        read_full(file, &mut bytes)?;
        Ok(Some(bytes))
    };
    loop {
        if let Some([b'T', b'A', b'G', ..]) = at(file, ID3V1, end)? {
            end -= ID3V1;
            if let Some([b'T', b'A', b'G', b'+', ..]) = at(file, ID3V1_LONG, end)? {
                end -= ID3V1_LONG;
            }
            continue;
        }
        if let Some(bytes) = at(file, APE, end)?
            && bytes.starts_with(b"APETAGEX")
        {
            let word = |i: usize| {
                bytes
                    .get(i..)
                    .and_then(|b| b.first_chunk())
                    .map(|b| u32::from_le_bytes(*b))
            };
            let (Some(size), Some(flags)) = (word(12), word(20)) else {
                return Ok(end);
            };
            // The size counts the footer, and not the header that there may be as well.
            let header = if flags & 0x8000_0000 != 0 { APE } else { 0 };
            match end
                .checked_sub(u64::from(size) + header)
                .filter(|at| *at > range.start)
            {
                Some(at) => end = at,
                None => return Ok(end),
            }
            continue;
        }
        if let Some(bytes) = at(file, 15, end)?
            && bytes.get(6..15) == Some(b"LYRICS200")
        {
            let size = bytes
                .get(..6)
                .and_then(|d| std::str::from_utf8(d).ok()?.parse::<u64>().ok());
            match size
                .and_then(|n| end.checked_sub(n + 15))
                .filter(|at| *at > range.start)
            {
                Some(at) => end = at,
                None => return Ok(end),
            }
            continue;
        }
        return Ok(end);
    }
}

/// Places where `begins` says that a file begins.
fn search(file: &mut File, len: u64, begins: fn(&[u8]) -> bool) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    let mut window = Vec::new();
    let mut at = 0;
    while at < len {
        file.seek(SeekFrom::Start(at))?;
        window.clear();
        (&*file)
            .take((STEP + LOOK) as u64)
            .read_to_end(&mut window)?;
        for i in 0..window.len().min(STEP) {
            let (_, here) = window.split_at(i);
            if begins(here) {
                found.push(at + i as u64);
            }
        }
        at += STEP as u64;
    }
    Ok(found)
}

/// FLAC: the marker, and a first block of stream information, which has 34 bytes.
fn is_flac(bytes: &[u8]) -> bool {
    matches!(bytes, [b'f', b'L', b'a', b'C', 0 | 0x80, 0, 0, 34, ..])
}

/// Ogg: pages that begin a stream, behind pages that do not.
fn chained(file: &mut File, len: u64) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    let mut before_begins = false;
    let mut at = 0;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; 27 + 255];
        let came = read_full(file, &mut head)?;
        let (head, _) = head.split_at(came);
        let (Some(b"OggS"), Some(kind), Some(count)) = (head.get(..4), head.get(5), head.get(26))
        else {
            return Ok(found);
        };
        let begins = kind & 2 != 0;
        if begins && !before_begins {
            found.push(at);
        }
        before_begins = begins;
        let lacing = head.get(27..27 + usize::from(*count)).unwrap_or(&[]);
        let body: u64 = lacing.iter().map(|b| u64::from(*b)).sum();
        at += 27 + u64::from(*count) + body;
        if at >= len {
            return Ok(found);
        }
    }
}

/// Whether an MPEG frame of layer 3 begins so.
fn is_layer3(bytes: &[u8]) -> bool {
    matches!(bytes, [0xFF, b, c, ..] if b & 0xE6 == 0xE2 && b & 0x18 != 8 && c >> 4 != 15 && c >> 4 != 0 && c & 12 != 12)
}

/// MP3: tags of ID3v2 in front of frames, and frames that tell of the file that they begin.
fn joined_mp3(file: &mut File, len: u64) -> io::Result<Vec<u64>> {
    let candidates = search(file, len, |bytes| {
        is_id3(bytes).is_some() || tells_of_file(bytes)
    })?;
    let mut found = Vec::new();
    // Where frames begin behind the last tag that was found.
    let mut behind = None;
    for at in candidates {
        file.seek(SeekFrom::Start(at))?;
        let mut head = [0; LOOK];
        read_full(file, &mut head)?;
        match is_id3(&head) {
            Some(size) => {
                file.seek(SeekFrom::Start(at + size))?;
                let mut frame = [0; LOOK];
                read_full(file, &mut frame)?;
                // Three letters and some small numbers may be anything.
                if is_layer3(&frame) || is_id3(&frame).is_some() {
                    if behind != Some(at) {
                        found.push(at);
                    }
                    behind = Some(at + size);
                }
            }
            // A frame that tells of its file, right behind its tag, begins what has begun.
            None if behind == Some(at) => {}
            None => found.push(at),
        }
    }
    Ok(found)
}

/// Size of a tag of ID3v2 that begins here.
fn is_id3(bytes: &[u8]) -> Option<u64> {
    match *bytes {
        [b'I', b'D', b'3', 2..=4, 0..=0xFE, flags, a, b, c, d, ..] if (a | b | c | d) < 0x80 => {
            let size = [a, b, c, d].iter().fold(0, |n, b| n << 7 | u64::from(*b));
            let footer = if flags & 0x10 != 0 { ID3V2 } else { 0 };
            Some(ID3V2 + size + footer)
        }
        _ => None,
    }
}

/// Whether a frame begins here that is no sound but tells of the file: Xing's, LAME's or Fraunhofer's.
fn tells_of_file(bytes: &[u8]) -> bool {
    let names = |at: usize| {
        bytes
            .get(at..at + 4)
            .is_some_and(|n| n == b"Xing" || n == b"Info" || n == b"VBRI")
    };
    is_layer3(bytes) && [13, 21, 36].into_iter().any(names)
}

/// Samples that the edit list of an MP4 file leaves out before the sound, in the track's own units: those that an encoder
/// has put there. 0 where there is no such list.
///
/// # Errors
/// I/O.
pub fn edited(file: &mut File) -> io::Result<u64> {
    let len = file.seek(SeekFrom::End(0))?;
    let mut at = 0..len;
    let found = boxes(file, &mut at, b"moov")?;
    file.seek(SeekFrom::Start(0))?;
    let Some(movie) = found else {
        return Ok(0);
    };
    let mut left = movie;
    while let Some(track) = boxes(file, &mut left, b"trak")? {
        let mut media = track.clone();
        let Some(media) = boxes(file, &mut media, b"mdia")? else {
            continue;
        };
        let Some(handler) = boxes(file, &mut media.clone(), b"hdlr")? else {
            continue;
        };
        let mut head = [0; 12];
        file.seek(SeekFrom::Start(handler.start))?;
        read_full(file, &mut head)?;
        if !head.ends_with(b"soun") {
            continue;
        }
        let Some(edits) = boxes(file, &mut track.clone(), b"edts")? else {
            break;
        };
        let Some(list) = boxes(file, &mut edits.clone(), b"elst")? else {
            break;
        };
        file.seek(SeekFrom::Start(list.start))?;
        let mut bytes = Vec::new();
        (&*file)
            .take((list.end - list.start).min(4096))
            .read_to_end(&mut bytes)?;
        file.seek(SeekFrom::Start(0))?;
        return Ok(first_edit(&bytes).unwrap_or(0));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(0)
}

/// Where in the media the first edit that shows any of it begins.
fn first_edit(list: &[u8]) -> Option<u64> {
    let long = *list.first()? == 1;
    let (_, mut entries) = list.split_at_checked(8)?;
    let size = if long { 20 } else { 12 };
    while let Some((entry, rest)) = entries.split_at_checked(size) {
        let time = match long {
            true => i64::from_be_bytes(*entry.get(8..)?.first_chunk()?),
            false => i64::from(i32::from_be_bytes(*entry.get(4..)?.first_chunk()?)),
        };
        // -1 stands for a pause.
        if let Ok(time) = u64::try_from(time) {
            return Some(time);
        }
        entries = rest;
    }
    None
}

/// The content of the next box of this name, from `left` on, which moves behind it.
fn boxes(file: &mut File, left: &mut Range<u64>, name: &[u8; 4]) -> io::Result<Option<Range<u64>>> {
    while left.start + 8 <= left.end {
        file.seek(SeekFrom::Start(left.start))?;
        let mut head = [0; 16];
        read_full(file, &mut head)?;
        let [a, b, c, d, kind @ .., _, _, _, _, _, _, _, _] = head;
        let (size, skip) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (left.end - left.start, 8),
            1 => (head.last_chunk().map_or(0, |b| u64::from_be_bytes(*b)), 16),
            n => (u64::from(n), 8),
        };
        let end = left
            .start
            .checked_add(size)
            .filter(|end| size >= skip && *end <= left.end);
        let Some(end) = end else {
            return Ok(None);
        };
        let content = left.start + skip..end;
        left.start = end;
        if kind == *name {
            return Ok(Some(content));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)]
    use std::io::Write;

    use super::*;

    fn file(parts: &[&[u8]]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        for part in parts {
            file.write_all(part).unwrap();
        }
        file
    }

    const FLAC: &[u8] = b"fLaC\0\0\0\x22and so on";

    #[test]
    fn tags_behind_are_no_sound() {
        let id3 = [b"TAG", &[b'x'; 125][..]].concat();
        let mut ape = b"APETAGEX".to_vec();
        for word in [2000u32, 32 + 5, 1, 0, 0, 0] {
            ape.extend(word.to_le_bytes());
        }
        let end = FLAC.len() as u64;
        for tail in [
            vec![],
            id3.clone(),
            [b"items", &ape[..]].concat(),
            [b"items", &ape[..], &id3].concat(),
        ] {
            assert_eq!(
                find(&mut file(&[FLAC, &tail])).unwrap(),
                [0..end],
                "{}",
                tail.len()
            );
        }
        // A footer that claims more than there is stays.
        ape[12] = 0xFF;
        assert_eq!(find(&mut file(&[FLAC, &ape])).unwrap(), [0..end + 32]);
    }

    #[test]
    fn joined_files_are_several() {
        let n = FLAC.len() as u64;
        assert_eq!(find(&mut file(&[FLAC, FLAC])).unwrap(), [0..n, n..2 * n]);
        let id3 = b"ID3\x04\0\0\0\0\0\x02..";
        let info = [b"\xFF\xFB\x90\0", &[0; 32][..], b"Info", &[0; 100]].concat();
        let frames = [b"\xFF\xFB\x90\0", &[1; 200][..]].concat();
        let whole = [&id3[..], &info, &frames].concat();
        let n = whole.len() as u64;
        assert_eq!(
            find(&mut file(&[&whole, &whole])).unwrap(),
            [0..n, n..2 * n]
        );
        let bare = [&info[..], &frames].concat();
        let n = bare.len() as u64;
        assert_eq!(find(&mut file(&[&bare, &bare])).unwrap(), [0..n, n..2 * n]);
        assert_eq!(find(&mut file(&[&frames])).unwrap(), [0..204]);
    }

    #[test]
    fn an_edit_list_by_hand() {
        let atom = |name: &[u8; 4], content: &[u8]| {
            let size = (content.len() as u32 + 8).to_be_bytes();
            [&size[..], name, content].concat()
        };
        let entry = |time: i32| {
            [
                1000i32.to_be_bytes(),
                time.to_be_bytes(),
                1i32.to_be_bytes(),
            ]
            .concat()
        };
        let list = [&[0; 4][..], &2u32.to_be_bytes(), &entry(-1), &entry(1024)].concat();
        let edits = atom(b"edts", &atom(b"elst", &list));
        let media = atom(b"mdia", &atom(b"hdlr", b"\0\0\0\0\0\0\0\0soun...."));
        let movie = atom(b"moov", &atom(b"trak", &[edits, media].concat()));
        let mp4 = [atom(b"ftyp", b"M4A "), movie].concat();
        assert_eq!(edited(&mut file(&[&mp4])).unwrap(), 1024);
        assert_eq!(edited(&mut file(&[&atom(b"ftyp", b"M4A ")])).unwrap(), 0);
        for cut in 0..mp4.len() {
            let (cut, _) = mp4.split_at(cut);
            edited(&mut file(&[cut])).unwrap();
        }
    }
}
