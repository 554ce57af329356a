//! Files of several tracks, such as a clip with its sound.
//!
//! Each track is a whole nc file of one signal. It is cut into pieces, a record or a few of them in each, and the pieces of
//! all tracks stand in one file, in the order of time as far as their writer gave them so. What reads one signal therefore
//! reads a track too, at any place of it. `FORMAT.md`, "Files of several tracks", specifies it.

mod read;
mod write;

pub use read::{Track, Tracks};
pub use write::{Mux, TrackWriter};

use crate::container::{Fields, MAGIC, MAJOR, Parsed, put_varint};

/// Most tracks of a file.
pub const MOST: usize = 16;

/// Major and minor version of files of several tracks.
pub const VERSION: [u8; 2] = [MAJOR, MINOR];
/// Minor version that files of several tracks came with.
const MINOR: u8 = 1;
/// The flag that a header of several tracks has, and no other.
pub(crate) const FLAG: u8 = 0x10;
/// Bytes of the head: magic, versions, flag, number of tracks, checksum.
const HEAD: usize = MAGIC.len() + 4 + 4;
/// First byte of a piece.
const PIECE: u8 = b'T';
/// First byte of the end.
const END: u8 = b'E';
/// Longest frame of a piece: tag, track, two numbers, checksum.
const FRAME: usize = 2 + 10 + 10 + 4;

/// A piece's frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    /// Number of its track, from 0.
    track: usize,
    /// Where its first byte lies in the track.
    first: u64,
    /// Bytes of the track in it, not 0.
    len: u64,
}

impl Frame {
    fn write(&self, out: &mut Vec<u8>) {
        let at = out.len();
        // A number below `MOST`.
        out.extend([PIECE, self.track as u8]);
        put_varint(self.first, out);
        put_varint(self.len, out);
        let (_, frame) = out.split_at(at);
        let crc = crc32c::crc32c(frame);
        out.extend(crc.to_le_bytes());
    }

    /// What the bytes begin with; none where that is no sound frame.
    fn parse(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut f = Fields::new(bytes);
        let parsed = (|| -> Parsed<_> {
            let (tag, track) = (f.byte()?, f.byte()?);
            let (first, len) = (f.varint()?, f.varint()?);
            let crc = crc32c::crc32c(f.read());
            Ok((tag, track, first, len, crc == f.u32()?))
        })();
        let (tag, track, first, len, sound) = parsed.ok()?;
        let track = usize::from(track);
        let fits = len > 0 && first.checked_add(len).is_some();
        (tag == PIECE && sound && fits).then(|| (Self { track, first, len }, f.read().len()))
    }
}

/// Whether a file that begins so is one of several tracks, as far as its first bytes tell.
pub fn begins(bytes: &[u8]) -> bool {
    let mut f = Fields::new(bytes);
    let words = (|| -> Parsed<_> { Ok((f.array()?, f.byte()?, f.byte()?, f.byte()?)) })();
    matches!(words, Ok((MAGIC, MAJOR, MINOR.., flags)) if flags & FLAG != 0)
}

/// The head of a file of so many tracks.
fn head(tracks: usize) -> [u8; HEAD] {
    let mut out = [0; HEAD];
    // A number of at most `MOST`.
    let words = [MAJOR, MINOR, FLAG, tracks as u8];
    let bytes = MAGIC.iter().chain(&words);
    for (to, byte) in out.iter_mut().zip(bytes) {
        *to = *byte;
    }
    let (said, crc) = out.split_at_mut(HEAD - 4);
    crc.copy_from_slice(&crc32c::crc32c(said).to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )]
    use std::io::{Cursor, Read, Seek, SeekFrom, Write};

    use proptest::prelude::*;

    use super::*;
    use crate::{Budget, Error};

    /// A file of tracks with these pieces, in this order.
    fn file(tracks: usize, pieces: &[(usize, Vec<u8>)]) -> Vec<u8> {
        let mux = Mux::new(Vec::new(), tracks).unwrap();
        let mut writers: Vec<_> = (0..tracks).map(|i| mux.track(i).unwrap()).collect();
        for (track, bytes) in pieces {
            writers[*track].write_all(bytes).unwrap();
            writers[*track].flush().unwrap();
        }
        drop(writers);
        mux.finish().unwrap().0
    }

    fn all(tracks: &Tracks<Cursor<Vec<u8>>>) -> Vec<Vec<u8>> {
        let read = |i| {
            let mut out = Vec::new();
            tracks.track(i).unwrap().read_to_end(&mut out).unwrap();
            out
        };
        (0..tracks.count()).map(read).collect()
    }

    fn sample() -> (Vec<u8>, Vec<Vec<u8>>) {
        let a = b"first piece".to_vec();
        let b = vec![7; 3000];
        let pieces = [
            (0, a.clone()),
            (1, b.clone()),
            (0, b.clone()),
            (1, a.clone()),
        ];
        let ab = [a.clone(), b.clone()].concat();
        let ba = [b, a].concat();
        (file(2, &pieces), vec![ab, ba])
    }

    fn open(bytes: &[u8]) -> crate::Result<Tracks<Cursor<Vec<u8>>>> {
        Tracks::open(Cursor::new(bytes.to_vec()), Budget::default())
    }

    #[test]
    fn tracks_come_back() {
        let (bytes, want) = sample();
        assert_eq!(all(&open(&bytes).unwrap()), want);
    }

    #[test]
    fn a_file_of_one_signal_is_its_only_track() {
        let bytes = b"\x89NCF\r\n\x1a\n\x01\x00\x00 whatever follows".to_vec();
        let tracks = open(&bytes).unwrap();
        assert_eq!((tracks.count(), all(&tracks)), (1, vec![bytes]));
    }

    #[test]
    fn places_are_those_of_the_track() {
        let (bytes, want) = sample();
        let tracks = open(&bytes).unwrap();
        let mut track = tracks.track(0).unwrap();
        let mut other = tracks.track(1).unwrap();
        for at in [0, 5, 10, 11, 12, 3000, 3010, 3011] {
            assert_eq!(track.seek(SeekFrom::Start(at)).unwrap(), at);
            // Readers of one file do not disturb each other.
            other.seek(SeekFrom::End(-1)).unwrap();
            let mut last = [0; 1];
            other.read_exact(&mut last).unwrap();
            let mut some = Vec::new();
            (&mut track).take(7).read_to_end(&mut some).unwrap();
            let rest = &want[0][at as usize..];
            assert_eq!(some, rest[..rest.len().min(7)]);
        }
        assert_eq!(track.seek(SeekFrom::End(-11)).unwrap(), 3000);
        assert_eq!(track.seek(SeekFrom::Current(1)).unwrap(), 3001);
        assert!(track.seek(SeekFrom::End(-4000)).is_err());
    }

    #[test]
    fn damage_is_found_wherever_it_is_not_in_a_track() {
        let (bytes, want) = sample();
        for cut in 0..bytes.len() {
            match open(&bytes[..cut]) {
                Ok(tracks) => assert!(!tracks.several() && cut < HEAD),
                Err(e) => assert!(matches!(e, Error::Format(_)), "{cut}: {e}"),
            }
        }
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 0x11;
            match open(&bad) {
                // Its reader finds that this header is damaged.
                Ok(tracks) if !tracks.several() => assert!(at < HEAD),
                // Within a piece it is for the track's own checksums to find.
                Ok(tracks) => {
                    let differing = all(&tracks).into_iter().zip(&want).filter(|(a, b)| a != *b);
                    assert_eq!(differing.count(), 1, "{at}");
                }
                Err(Error::Format(_) | Error::Unsupported(_)) => {}
                Err(e) => panic!("{e}"),
            }
        }
        let more = [bytes, vec![0]].concat();
        assert!(matches!(open(&more), Err(Error::Format(_))));
    }

    #[test]
    fn what_is_left_stands_where_it_stood() {
        let (bytes, want) = sample();
        // The frame of the second piece of track 0 is gone; all else is there.
        let mut bad = bytes.clone();
        let frame = HEAD + 8 + 11 + 9 + 3000;
        assert_eq!(bad[frame], PIECE);
        bad[frame + 2] ^= 1;
        let tracks = Tracks::salvage(Cursor::new(bad), Budget::default()).unwrap();
        let found = all(&tracks);
        assert_eq!(found[1], want[1]);
        assert_eq!(found[0].len(), want[0].len());
        assert_eq!(found[0][..11], want[0][..11]);
        assert!(found[0][11..].iter().all(|&b| b == 0));
        // Cut off, each track ends where its last piece does.
        let cut = bytes[..frame].to_vec();
        let tracks = Tracks::salvage(Cursor::new(cut), Budget::default()).unwrap();
        let found = all(&tracks);
        assert_eq!(
            (&found[0][..], &found[1][..]),
            (&want[0][..11], &want[1][..3000])
        );
    }

    #[test]
    fn hostile_files_are_limits_or_faults() {
        let (bytes, _) = sample();
        let poor = Tracks::open(Cursor::new(bytes), Budget::new(40));
        assert!(matches!(poor, Err(Error::Limit(_))));
        // A piece that claims more than is there.
        let mut long = head(1).to_vec();
        let frame = Frame {
            track: 0,
            first: 0,
            len: u64::MAX,
        };
        frame.write(&mut long);
        assert!(matches!(open(&long), Err(Error::Format(_))));
        for tracks in [0, MOST + 1] {
            assert!(matches!(open(&head(tracks)), Err(Error::Format(_))));
            assert!(Mux::new(Vec::new(), tracks).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_pieces_come_back(
            pieces in prop::collection::vec((0usize..3, prop::collection::vec(any::<u8>(), 1..50)), 1..20),
        ) {
            // Every track has something.
            let mut pieces = pieces;
            pieces.extend((0..3).map(|t| (t, vec![t as u8])));
            let mut want = vec![Vec::<u8>::new(); 3];
            for (track, bytes) in &pieces {
                want[*track].extend(bytes);
            }
            prop_assert_eq!(all(&open(&file(3, &pieces)).unwrap()), want);
        }
    }
}
