//! What files of images say beside their pixels, as the chunks of a PNG that say the same, and back.
//!
//! | from | what | as |
//! | --- | --- | --- |
//! | PNG | its ancillary chunks | themselves |
//! | JPEG, WebP | Exif | `eXIf` |
//! | JPEG, WebP, TIFF | colour profile | `iCCP` |
//! | JPEG, WebP, TIFF | XMP | `iTXt` of keyword `XML:com.adobe.xmp` |
//! | JPEG, GIF, PNM | comments | `tEXt` or `iTXt` of keyword `Comment` |
//! | TIFF | description, author, software.. | `tEXt` or `iTXt` |
//! | JPEG, TIFF, BMP | pixels by metre | `pHYs` |

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use nc_core::container::Meta;

use super::ImageFormat;
use crate::warning::{Warning, code};

/// Longest profile that is taken out of a chunk.
const MOST_PROFILE: u64 = 64 << 20;
/// Keyword of XMP in a PNG.
const XMP: &str = "XML:com.adobe.xmp";
/// Name before a profile.
const PROFILE: &[u8] = b"ICC profile";

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// What is kept, in order.
    pub(crate) meta: Vec<Meta>,
    /// Names of what is not.
    left: Vec<String>,
    warnings: Vec<Warning>,
    /// Whether a PNG has more images than the one that old readers show.
    #[cfg_attr(feature = "pictures", allow(dead_code, reason = "animations are read"))]
    pub(crate) animated: bool,
}

impl Said {
    pub(super) fn left(&mut self, name: &str) {
        if !self.left.iter().any(|l| l == name) {
            self.left.push(name.into());
        }
    }

    pub(super) fn profile(&mut self, profile: &[u8]) {
        let mut data = [PROFILE, &[0, 0]].concat();
        let mut deflate = ZlibEncoder::new(&mut data, Compression::default());
        // Writing to memory does not fail.
        if deflate.write_all(profile).is_ok() && deflate.finish().is_ok() {
            self.meta.push(Meta {
                tag: *b"iCCP",
                data,
            });
        }
    }

    pub(super) fn xmp(&mut self, words: &[u8]) {
        self.meta.extend(international(XMP, words));
    }

    /// An animation is shown so often and no more; clips say nothing of that, and are taken to go on.
    fn repeats(&mut self, so_often: bool) {
        if so_often {
            self.left("number of repeats");
        }
    }

    /// The colours were those of inks.
    pub(super) fn turned_inks(&mut self) {
        let text = "cyan, magenta, yellow and black became red, green and blue";
        self.warn(code::COLOURS_CONVERTED, text);
    }

    fn warn(&mut self, code: &'static str, text: &str) {
        self.warnings.push(Warning::new(code, text));
    }

    /// What is to be told of it.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.warnings.clone();
        warnings.extend(not_kept(&self.left));
        warnings
    }

    /// What this says that the other does not, of further files of a folder.
    pub(crate) fn merge(&mut self, other: Self) {
        for name in &other.left {
            self.left(name);
        }
        if self.meta != other.meta && !other.meta.is_empty() {
            self.left("what single images say");
        }
        for warning in other.warnings {
            if !self.warnings.iter().any(|w| w.code == warning.code) {
                self.warnings.push(warning);
            }
        }
    }
}

/// What is said of names of things that are left out.
pub(crate) fn not_kept(names: &[String]) -> Option<Warning> {
    (!names.is_empty()).then(|| {
        let text = format!(
            "what the image says beside its pixels was left out: {}",
            names.join(", ")
        );
        Warning::new(code::METADATA_NOT_KEPT, text)
    })
}

/// A text under a keyword: in Latin-1 where that holds it, else in UTF-8.
pub(super) fn text(key: &str, words: &[u8]) -> Option<Meta> {
    if words.is_empty() || words.contains(&0) {
        return None;
    }
    match words.is_ascii() || std::str::from_utf8(words).is_err() {
        true => Some(Meta {
            tag: *b"tEXt",
            data: [key.as_bytes(), &[0], words].concat(),
        }),
        false => international(key, words),
    }
}

fn international(key: &str, words: &[u8]) -> Option<Meta> {
    // Not compressed, of no language and no translated keyword.
    std::str::from_utf8(words).ok().map(|_| Meta {
        tag: *b"iTXt",
        data: [key.as_bytes(), &[0, 0, 0, 0, 0], words].concat(),
    })
}

/// Pixels by metre; none where they say nothing.
pub(super) fn physical(x: f64, y: f64) -> Option<Meta> {
    let whole = |v: f64| (0.5..4e9).contains(&v).then_some((v + 0.5) as u32);
    let (x, y) = (whole(x)?, whole(y)?);
    let mut data = [x.to_be_bytes(), y.to_be_bytes()].concat();
    data.push(1);
    Some(Meta {
        tag: *b"pHYs",
        data,
    })
}

/// What a file says, and what is odd about it.
pub(crate) fn of(format: ImageFormat, bytes: &[u8]) -> Said {
    let mut said = Said::default();
    // Where the file ends early, so does this; whoever reads its pixels tells.
    let end = match format {
        ImageFormat::Png => png(bytes, &mut said),
        ImageFormat::Jpeg => jpeg(bytes, &mut said),
        ImageFormat::WebP => webp(bytes, &mut said),
        ImageFormat::Gif => gif(bytes, &mut said),
        ImageFormat::Tiff => {
            let (found, others) = super::tiff::said(bytes);
            said = found;
            if others > 0 {
                let text = format!("the first of {} images was read", others + 1);
                said.warn(code::FRAMES_LEFT_OUT, &text);
            }
            None
        }
        ImageFormat::Bmp => bmp(bytes, &mut said),
        ImageFormat::Pnm | ImageFormat::Pam => {
            comments(bytes, &mut said);
            pnm_end(bytes)
        }
        ImageFormat::Qoi => None,
    };
    if end.is_some_and(|end| end < bytes.len()) {
        said.warn(code::BYTES_AFTER, "bytes behind the end were left out");
    }
    said
}

/// Chunks that are the picture, or that mean nothing for pixels that are not kept as a palette.
const PIXELS: [&[u8; 4]; 10] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"fcTL", b"fdAT", b"sBIT", b"hIST", b"acTL",
];
/// Chunks that speak of the pixels and hold all the same once they are written again.
const KEPT: [&[u8; 4]; 9] = [
    b"cHRM", b"gAMA", b"iCCP", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"eXIf", b"tIME",
];

/// Whether a piece of metadata is a chunk that a PNG may hold.
pub(super) fn is_chunk(tag: &[u8; 4]) -> bool {
    let safe = tag[0].is_ascii_lowercase()
        && tag[1].is_ascii_alphabetic()
        && tag[2].is_ascii_uppercase()
        && tag[3].is_ascii_lowercase();
    (safe || KEPT.contains(&tag)) && !PIXELS.contains(&tag)
}

fn png(bytes: &[u8], said: &mut Said) -> Option<usize> {
    let mut at = 8usize;
    loop {
        let length = u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize;
        let tag: [u8; 4] = bytes.get(at + 4..at + 8)?.try_into().ok()?;
        let data = bytes.get(at + 8..(at + 8).checked_add(length)?)?;
        match &tag {
            b"acTL" => {
                said.animated = true;
                // Frames, then how often they are shown; 0 stands for ever.
                said.repeats(data.get(4..8).is_some_and(|n| n != [0; 4]));
            }
            tag if PIXELS.contains(&tag) => {}
            tag if is_chunk(tag) => said.meta.push(Meta {
                tag: *tag,
                data: data.to_vec(),
            }),
            // The colour behind, of a palette by number.
            tag => said.left(&tag.escape_ascii().to_string()),
        }
        at += 12 + length;
        if &tag == b"IEND" {
            return Some(at);
        }
    }
}

fn jpeg(bytes: &[u8], said: &mut Said) -> Option<usize> {
    let mut at = 2usize;
    let mut profile: Vec<(u8, &[u8])> = Vec::new();
    let mut comments = Vec::new();
    let end = loop {
        // Fill bytes may stand before a marker.
        while bytes.get(at) == Some(&0xFF) && bytes.get(at + 1) == Some(&0xFF) {
            at += 1;
        }
        let Some([0xFF, marker]) = bytes.get(at..at + 2) else {
            break None;
        };
        let Some([high, low]) = bytes.get(at + 2..at + 4) else {
            break (*marker == 0xD9).then_some(at + 2);
        };
        if *marker == 0xD9 {
            break Some(at + 2);
        }
        if matches!(marker, 0x01 | 0xD0..=0xD8) {
            at += 2;
            continue;
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(data) = bytes.get(at + 4..at + 2 + length.max(2)) else {
            break None;
        };
        at += 2 + length.max(2);
        match marker {
            0xE0 if data.starts_with(b"JFIF\0") => said.meta.extend(density(data)),
            0xE0 if data.starts_with(b"JFXX\0") => said.left("thumbnail"),
            0xE1 if data.starts_with(b"Exif\0\0") => {
                let data = data.get(6..).unwrap_or_default().to_vec();
                said.meta.push(Meta {
                    tag: *b"eXIf",
                    data,
                });
            }
            0xE1 if data.starts_with(b"http://ns.adobe.com/xap/1.0/\0") => {
                said.xmp(data.get(29..).unwrap_or_default());
            }
            0xE2 if data.starts_with(b"ICC_PROFILE\0") => {
                if let [number, _, part @ ..] = data.get(12..).unwrap_or_default() {
                    profile.push((*number, part));
                }
            }
            // Which colours the decoder has turned.
            0xEE if data.starts_with(b"Adobe") => {}
            0xE2 if data.starts_with(b"MPF\0") => said.left("further pictures (MPF)"),
            0xE0..=0xEF => said.left(&format!("APP{}", marker - 0xE0)),
            0xFE => {
                let words = data.strip_suffix(&[0]).unwrap_or(data);
                match text("Comment", words) {
                    Some(comment) => comments.push(comment),
                    None => said.left("comment"),
                }
            }
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) && data.get(5) == Some(&4) => {
                said.turned_inks();
            }
            0xDA => {
                // Coded pixels, to the next marker that is none of theirs.
                let coded = bytes.get(at..).unwrap_or_default();
                let next = coded
                    .windows(2)
                    .position(|w| matches!(w, [0xFF, m] if !matches!(m, 0 | 0xD0..=0xD7 | 0xFF)));
                match next {
                    Some(n) => at += n,
                    None => break None,
                }
            }
            _ => {}
        }
    };
    profile.sort_by_key(|(number, _)| *number);
    let profile: Vec<u8> = profile
        .into_iter()
        .flat_map(|(_, part)| part)
        .copied()
        .collect();
    if !profile.is_empty() {
        said.profile(&profile);
    }
    said.meta.append(&mut comments);
    if end.is_none() {
        let text = "the file ends before its picture does; what is missing is grey";
        said.warn(code::ENDS_EARLY, text);
    }
    end
}

/// Pixels by metre from a JFIF head.
fn density(data: &[u8]) -> Option<Meta> {
    let number = |at: usize| {
        let two = data.get(at..at + 2)?.try_into().ok()?;
        Some(f64::from(u16::from_be_bytes(two)))
    };
    let (x, y) = (number(8)?, number(10)?);
    match data.get(7)? {
        1 => physical(x / 0.0254, y / 0.0254),
        2 => physical(x * 100.0, y * 100.0),
        _ => None,
    }
}

fn webp(bytes: &[u8], said: &mut Said) -> Option<usize> {
    let long = |at: usize| {
        let four = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(u32::from_le_bytes(four) as usize)
    };
    let end = long(4)?.checked_add(8)?;
    let mut at = 12usize;
    while at + 8 <= end.min(bytes.len()) {
        let length = long(at + 4)?;
        let data = bytes.get(at + 8..(at + 8).checked_add(length)?)?;
        match bytes.get(at..at + 4)? {
            b"ICCP" => said.profile(data),
            b"EXIF" => {
                let data = data.strip_prefix(b"Exif\0\0").unwrap_or(data).to_vec();
                said.meta.push(Meta {
                    tag: *b"eXIf",
                    data,
                });
            }
            b"XMP " => said.xmp(data),
            b"ANIM" => said.repeats(data.get(4..6).is_some_and(|n| n != [0; 2])),
            b"VP8 " | b"VP8L" | b"VP8X" | b"ALPH" | b"ANMF" => {}
            name => said.left(name.escape_ascii().to_string().trim_end()),
        }
        at = (at + 8).checked_add(length.next_multiple_of(2))?;
    }
    Some(end)
}

fn gif(bytes: &[u8], said: &mut Said) -> Option<usize> {
    let table = |flags: u8| match flags & 0x80 {
        0 => 0,
        _ => 3usize << ((flags & 7) + 1),
    };
    let mut at = 13 + table(*bytes.get(10)?);
    let blocks = |mut at: usize| -> Option<(Vec<u8>, usize)> {
        let mut all = Vec::new();
        loop {
            let n = usize::from(*bytes.get(at)?);
            at += 1;
            if n == 0 {
                return Some((all, at));
            }
            all.extend(bytes.get(at..at + n)?);
            at += n;
        }
    };
    loop {
        match bytes.get(at)? {
            0x21 => {
                let label = *bytes.get(at + 1)?;
                let (content, next) = blocks(at + 2)?;
                match label {
                    0xFE => match text("Comment", &content) {
                        Some(comment) => said.meta.push(comment),
                        None => said.left("comment"),
                    },
                    0x01 => said.left("plain text"),
                    0xFF if content.starts_with(b"XMP DataXMP") => said.left("XMP"),
                    0xFF if content.starts_with(b"NETSCAPE2.0\x01") => {
                        said.repeats(content.get(12..14).is_some_and(|n| n != [0; 2]));
                    }
                    _ => {}
                }
                at = next;
            }
            0x2C => {
                at += 10 + table(*bytes.get(at + 9)?) + 1;
                at = blocks(at)?.1;
            }
            0x3B => return Some(at + 1),
            _ => return None,
        }
    }
}

fn bmp(bytes: &[u8], said: &mut Said) -> Option<usize> {
    let long = |at: usize| {
        let four = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(four))
    };
    let head = long(14)?;
    if head >= 40 {
        said.meta
            .extend(physical(f64::from(long(38)?), f64::from(long(42)?)));
    }
    if head >= 124 && long(14 + 112)? > 0 && long(14 + 116)? > 0 {
        said.left("colour profile");
    }
    // Some writers leave the length out.
    let end = long(2)? as usize;
    (end > 54).then_some(end)
}

/// Comments in the head of a PNM.
fn comments(bytes: &[u8], said: &mut Said) {
    let mut words = 0;
    let mut lines = bytes.split(|b| *b == b'\n');
    // The magic, width, height and largest value, and no more lines than heads have.
    while let Some(line) = lines.next().filter(|_| words < 3) {
        let (before, comment) = match line.iter().position(|b| *b == b'#') {
            Some(at) => line.split_at(at),
            None => (line, &[][..]),
        };
        words += before
            .split(u8::is_ascii_whitespace)
            .filter(|w| !w.is_empty())
            .count();
        if let [b'#', comment @ ..] = comment {
            said.meta.extend(text("Comment", comment.trim_ascii()));
        }
    }
}

/// Where the samples of a binary PNM end.
fn pnm_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut word = || -> Option<&[u8]> {
        while bytes.get(at)?.is_ascii_whitespace() || bytes.get(at) == Some(&b'#') {
            match bytes.get(at)? {
                b'#' => at += bytes.get(at..)?.iter().position(|b| *b == b'\n')?,
                _ => at += 1,
            }
        }
        let start = at;
        while !bytes.get(at)?.is_ascii_whitespace() {
            at += 1;
        }
        bytes.get(start..at)
    };
    let kind = word()?.to_vec();
    let number = |word: Option<&[u8]>| std::str::from_utf8(word?).ok()?.parse::<usize>().ok();
    let (mut width, mut height, mut depth, mut most) = (0, 0, 1, 1);
    if kind == b"P7" {
        loop {
            match word()? {
                b"WIDTH" => width = number(word())?,
                b"HEIGHT" => height = number(word())?,
                b"DEPTH" => depth = number(word())?,
                b"MAXVAL" => most = number(word())?,
                b"ENDHDR" => break,
                _ => {
                    word()?;
                }
            }
        }
    } else {
        (width, height) = (number(word())?, number(word())?);
        match &kind[..] {
            b"P4" => {}
            b"P5" => most = number(word())?,
            b"P6" => (most, depth) = (number(word())?, 3),
            _ => return None,
        }
    }
    let row = match &kind[..] {
        b"P4" => width.div_ceil(8),
        _ => width
            .checked_mul(depth)?
            .checked_mul(if most > 255 { 2 } else { 1 })?,
    };
    // One character of space ends the head.
    row.checked_mul(height)?.checked_add(at + 1)
}

/// A colour profile out of its chunk.
pub(super) fn profile_in(chunk: &Meta) -> Option<Vec<u8>> {
    let name = chunk.data.iter().position(|b| *b == 0)?;
    let mut profile = Vec::new();
    ZlibDecoder::new(chunk.data.get(name + 2..)?)
        .take(MOST_PROFILE)
        .read_to_end(&mut profile)
        .ok()?;
    Some(profile)
}
