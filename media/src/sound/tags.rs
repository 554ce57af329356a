//! Texts that files of sound say of themselves, such as a title, as chunk `LIST` of WAV has them.

use nc_core::container::Meta;

/// What a text is about: a kind of text of RIFF's `INFO` list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag([u8; 4]);

/// A kind of text in `INFO`, words for it, and its chunk of AIFF.
type Names = ([u8; 4], &'static [&'static str], Option<[u8; 4]>);

/// Names of these kinds in `INFO`, in comments of Vorbis and FLAC and keys of CAF, in AIFF.
const NAMES: [Names; 11] = [
    (*b"INAM", &["title"], Some(*b"NAME")),
    (*b"IART", &["artist"], Some(*b"AUTH")),
    (*b"IPRD", &["album"], None),
    (
        *b"ICMT",
        &["comment", "comments", "description"],
        Some(*b"ANNO"),
    ),
    (*b"ICOP", &["copyright"], Some(*b"(c) ")),
    (*b"ICRD", &["date", "year", "recorded date"], None),
    (*b"IGNR", &["genre"], None),
    (*b"ITRK", &["tracknumber", "track number", "track"], None),
    (*b"ISFT", &["encoder", "encoding application"], None),
    (*b"ILNG", &["language"], None),
    (*b"IMUS", &["composer"], None),
];

impl Tag {
    /// Of a word for it, in upper or lower case.
    pub fn of_word(word: &str) -> Option<Self> {
        let found = NAMES
            .iter()
            .find(|(_, words, _)| words.iter().any(|w| word.eq_ignore_ascii_case(w)));
        found.map(|(tag, ..)| Self(*tag))
    }

    /// Of a chunk of AIFF.
    pub fn of_aiff(id: &[u8; 4]) -> Option<Self> {
        let found = NAMES.iter().find(|(_, _, aiff)| aiff.as_ref() == Some(id));
        found.map(|(tag, ..)| Self(*tag))
    }
}

/// Texts as the metadata of an nc file keeps them: a chunk `LIST` of a WAV file; none where there are none.
pub fn to_meta(tags: &[(Tag, String)]) -> Option<Meta> {
    if tags.is_empty() {
        return None;
    }
    let mut data = b"INFO".to_vec();
    for (Tag(id), text) in tags {
        // With a zero at the end.
        let len = text.len() as u32 + 1;
        data.extend(id);
        data.extend(len.to_le_bytes());
        data.extend(text.as_bytes());
        data.push(0);
        data.resize(data.len().next_multiple_of(2), 0);
    }
    let tag = *b"LIST";
    Some(Meta { tag, data })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_list_by_hand() {
        let tags = [(Tag::of_word("Title").unwrap(), "ab".to_owned())];
        let meta = to_meta(&tags).unwrap();
        assert_eq!(meta.data, b"INFOINAM\x03\0\0\0ab\0\0");
        assert!(to_meta(&[]).is_none() && Tag::of_word("mood").is_none());
    }
}
