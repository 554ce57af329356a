//! Readers agree on all golden and faulty files, however the bytes come, and give back all that they reserved.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

mod common;

use std::io::{Cursor, Read};

use nc_core::container::{Event, Walker};
use nc_core::decoder::{PushDecoder, Step};
use nc_core::rng::Rng;
use nc_core::salvage::Salvage;
use nc_core::{Archive, Budget, Control, Decoder, Registry, Result};

const POOL: u64 = 256 << 20;

fn every() -> Vec<(String, Vec<u8>)> {
    let mut all = common::all("golden");
    all.extend(common::all("faulty"));
    assert!(all.len() > 80);
    all
}

/// Ways that the bytes of a file may come in.
#[derive(Debug, Clone, Copy)]
enum Blocks {
    One,
    Random(u64),
    Whole,
}

const WAYS: [Blocks; 4] = [
    Blocks::Whole,
    Blocks::One,
    Blocks::Random(1),
    Blocks::Random(2),
];

impl Blocks {
    /// The file in pieces, none of them empty.
    fn of(self, file: &[u8]) -> Vec<&[u8]> {
        let mut rng = match self {
            Self::Whole => return file.chunks(file.len().max(1)).collect(),
            Self::One => return file.chunks(1).collect(),
            Self::Random(seed) => Rng::new(seed),
        };
        let (mut all, mut rest) = (Vec::new(), file);
        while !rest.is_empty() {
            // Mostly a few bytes, now and then many.
            let most = [3, 40, 5000][rng.below(3)];
            let (block, after) = rest.split_at(rest.len().min(1 + rng.below(most)));
            all.push(block);
            rest = after;
        }
        all
    }
}

/// A reader that gives these pieces and never more than one at once.
struct Pieces<'a>(std::vec::IntoIter<&'a [u8]>, &'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        if self.1.is_empty() {
            self.1 = self.0.next().unwrap_or_default();
        }
        self.1.read(buf)
    }
}

/// An event in words, with all that it holds.
fn told(event: &Event) -> String {
    match event {
        Event::Payload(p) => format!("payload {:?} {:?}", p.frame, p.bytes),
        event => format!("{event:?}"),
    }
}

/// What a walker meets that is fed, up to its end or an error.
fn fed(file: &[u8], blocks: Blocks) -> (Vec<String>, Option<String>, u64) {
    let mut walker = Walker::new(Budget::new(POOL));
    let mut events = Vec::new();
    for block in blocks.of(file) {
        walker.feed(block);
        loop {
            match walker.next() {
                Ok(Some(event)) => events.push(told(&event)),
                Ok(None) => break,
                Err(e) => return (events, Some(e.to_string()), walker.offset()),
            }
        }
    }
    (events, None, walker.offset())
}

/// The same of a walker that reads.
fn read(file: &[u8], blocks: Blocks) -> (Vec<String>, Option<String>) {
    let mut walker = Walker::new(Budget::new(POOL));
    let mut pieces = Pieces(blocks.of(file).into_iter(), &[]);
    let mut events = Vec::new();
    loop {
        match walker.next_from(&mut pieces) {
            Ok(Some(event)) => events.push(told(&event)),
            Ok(None) => return (events, None),
            Err(e) => return (events, Some(e.to_string())),
        }
    }
}

#[test]
fn a_walker_meets_the_same_however_the_bytes_come() {
    for (name, file) in every() {
        let whole = fed(&file, Blocks::Whole);
        for blocks in WAYS {
            assert_eq!(fed(&file, blocks), whole, "{name}, {blocks:?}");
            let (events, error) = read(&file, blocks);
            assert_eq!(events, whole.0, "{name}, {blocks:?}");
            // Whoever feeds has to know that no more comes; whoever reads is told.
            let early = whole.1.is_none() && !events.last().is_some_and(|e| e.starts_with("End"));
            assert_eq!(error.is_some(), whole.1.is_some() || early, "{name}");
            if whole.1.is_some() {
                assert_eq!(error, whole.1, "{name}, {blocks:?}");
            }
        }
    }
}

/// What a decoder gives: each piece's bytes, metadata, and what is wrong in the end.
#[derive(Debug, PartialEq, Default)]
struct Given {
    pieces: Vec<Vec<u8>>,
    meta: usize,
    error: Option<String>,
}

fn pushed(registry: &Registry, file: &[u8], blocks: Blocks) -> Given {
    let mut given = Given::default();
    let mut push = PushDecoder::new(Budget::new(POOL));
    let mut ctl = Control::default();
    let mut all = || -> Result<()> {
        for block in blocks.of(file) {
            push.feed(block);
            while let Step::Piece(piece) = push.next(registry, &mut ctl)? {
                given.pieces.push(piece.to_le_bytes());
            }
        }
        push.finish()
    };
    given.error = all().err().map(|e| e.to_string());
    given.meta = push.meta().len();
    given
}

fn pulled(registry: &Registry, file: &[u8], blocks: Blocks) -> Given {
    let mut given = Given::default();
    let mut ctl = Control::default();
    let pieces = Pieces(blocks.of(file).into_iter(), &[]);
    match Decoder::new(pieces, registry, Budget::new(POOL)) {
        Err(e) => given.error = Some(e.to_string()),
        Ok(mut d) => {
            loop {
                match d.next(&mut ctl) {
                    Ok(Some(piece)) => given.pieces.push(piece.to_le_bytes()),
                    Ok(None) => break,
                    Err(e) => {
                        given.error = Some(e.to_string());
                        break;
                    }
                }
            }
            given.meta = d.meta().len();
        }
    }
    given
}

#[test]
fn what_is_pushed_decodes_as_what_is_read_does_errors_included() {
    let registry = common::registry();
    for (name, file) in every() {
        let right = pulled(&registry, &file, Blocks::Whole);
        for blocks in [Blocks::Whole, Blocks::One, Blocks::Random(3)] {
            assert_eq!(pushed(&registry, &file, blocks), right, "{name}");
        }
        let blocks = Blocks::Random(4);
        assert_eq!(pulled(&registry, &file, blocks), right, "{name}");
    }
}

#[test]
fn whatever_a_reader_reserves_it_gives_back() {
    let registry = common::registry();
    for (name, file) in every() {
        let pool = Budget::new(POOL);
        let mut ctl = Control::default();
        if let Ok(mut d) = Decoder::new(&file[..], &registry, pool.share()) {
            let mut kept = Vec::new();
            while let Ok(Some(piece)) = d.next(&mut ctl) {
                kept.push(piece);
            }
            drop(d);
            assert_eq!(pool.left(), POOL, "{name}: decoder");
        }
        let _ = nc_core::decode(&registry, &file, pool.share());
        assert_eq!(pool.left(), POOL, "{name}: decode");
        if let Ok(mut a) = Archive::open(Cursor::new(&file), pool.share()) {
            let units = a.units();
            let _ = a.meta().map(<[_]>::len);
            let _ = a.decode_range(0..units, &registry, &mut ctl, &mut |_| Ok(()));
        }
        assert_eq!(pool.left(), POOL, "{name}: archive");
        if let Ok(mut s) = Salvage::open(Cursor::new(&file), pool.share()) {
            let _ = s.decode(&registry, &mut ctl, &mut |_| Ok(()));
        }
        assert_eq!(pool.left(), POOL, "{name}: salvage");
    }
}

/// Work on one chunk after the other does not add up: at the end a decoder holds metadata alone.
#[test]
fn a_decoder_at_its_end_holds_metadata_alone() {
    let registry = common::registry();
    for (name, file) in common::all("golden") {
        let pool = Budget::new(POOL);
        let mut d = Decoder::new(&file[..], &registry, pool.share()).unwrap();
        while d.next(&mut Control::default()).unwrap().is_some() {}
        let meta: usize = d.meta().iter().map(|m| m.data.len()).sum();
        let held = POOL - pool.left();
        assert_eq!(held > 0, !d.meta().is_empty(), "{name}: {held}");
        assert!(held >= meta as u64, "{name}: {held}");
    }
}
