//! Files with right checksums over contents that ask for too much.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic)]

use std::io::Cursor;

use nc_core::container::{CHUNK, END, INDEX, LAST, META, put_varint};
use nc_core::salvage::{Salvage, Stretch};
use nc_core::*;
use ndarray::Array2;

const INFO: CodecInfo = CodecInfo {
    id: CodecId(201),
    name: "words",
    about: "test",
    bitstream: 1,
    kind: MediaKind::Records,
    lossless: true,
    options: &[],
};

/// Rows of one variable and as many as a chunk is said to have, of which it takes 1000; the first has the payload as a
/// text.
struct Words;

impl Codec for Words {
    type Kind = kind::RecordsKind;
    fn info(&self) -> &CodecInfo {
        &INFO
    }
    fn plan(&self, _: &RecordsFormat) -> Result<Plan> {
        Ok(Plan {
            chunk: u64::MAX / 2,
            overlap: 0,
        })
    }
    fn encode(
        &self,
        _: Records<'_>,
        _: &ChunkHead<RecordsFormat>,
        _: ChunkGoal,
        _: &mut Control<'_>,
        _: &mut Vec<u8>,
    ) -> Result<Encoded> {
        Err(Error::Unsupported("writing".into()))
    }
    fn decode(
        &self,
        payload: &[u8],
        head: &ChunkHead<RecordsFormat>,
        budget: &mut Budget,
        _: &mut Control<'_>,
    ) -> Result<(RecordsBuf, Encoded)> {
        budget.charge(payload.len() as u64)?;
        if head.units > 1000 {
            return Err(Error::Format("too many rows".into()));
        }
        let values = Array2::zeros((head.units as usize, 1));
        let texts = vec![Text {
            row: 0,
            bytes: payload.to_vec(),
        }];
        Ok((RecordsBuf { values, texts }, Encoded::default()))
    }
}

fn opener(_: CodecId, _: Option<ModelId>) -> Result<AnyCodec> {
    Ok(Words.into())
}

fn header() -> Vec<u8> {
    let header = Header {
        format: Format::Records(RecordsFormat { variables: 1 }),
        length: None,
        codec: INFO.id,
        bitstream: 1,
        model: None,
        overlap: 0,
        hashed: false,
        single: false,
        newer: false,
    };
    header.to_bytes()
}

fn chunk(tag: u8, units: u64, payload: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    put_varint(units, out);
    put_varint(payload.len() as u64, out);
    out.extend(crc32c::crc32c(payload).to_le_bytes());
    out.extend([0; 4]);
    out.extend_from_slice(payload);
}

fn record(tag: u8, body: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    put_varint(body.len() as u64, out);
    out.extend(crc32c::crc32c(body).to_le_bytes());
    out.extend_from_slice(body);
}

/// The end, and an index before it of entries that are units and a step to the next offset.
fn end(index: &[[u64; 2]], out: &mut Vec<u8>) {
    let mut body = Vec::new();
    for [units, step] in index {
        put_varint(*units, &mut body);
        put_varint(*step, &mut body);
    }
    let at = out.len() as u64;
    record(INDEX, &body, out);
    out.push(END);
    out.extend(at.to_le_bytes());
}

/// Chunks of one row each.
fn chunks(payloads: &[&[u8]]) -> (Vec<u8>, Vec<[u64; 2]>) {
    let (mut out, mut index, mut before) = (header(), Vec::new(), 0);
    for (i, payload) in payloads.iter().enumerate() {
        let at = out.len() as u64;
        index.push([1, at - before]);
        before = at;
        let tag = if i + 1 == payloads.len() { LAST } else { CHUNK };
        chunk(tag, 1, payload, &mut out);
    }
    (out, index)
}

fn limit<T>(r: Result<T>) -> bool {
    matches!(r, Err(Error::Limit(_)))
}

/// Texts of all chunks are charged to the budget of the whole, long ones and empty ones.
#[test]
fn texts_of_all_chunks_are_charged() {
    for (payload, least, enough) in [
        (vec![b'a'; 10_000], 40_000, 2_000_000),
        (Vec::new(), 1000, 10_000),
    ] {
        let (mut file, index) = chunks(&[&payload[..]; 100]);
        end(&index, &mut file);
        let SignalBuf::Records(all) = decode(&opener, &file, Budget::new(enough)).unwrap() else {
            panic!("records")
        };
        assert_eq!((all.values.nrows(), all.texts.len()), (100, 100));
        // Any chunk alone fits.
        let mut d = Decoder::new(&file[..], &opener, Budget::new(least)).unwrap();
        while d.next(&mut Control::default()).unwrap().is_some() {}
        assert!(limit(decode(&opener, &file, Budget::new(least))));
    }
}

/// A piece of metadata takes more memory than its bytes in a file.
#[test]
fn empty_metadata_is_charged() {
    let (mut file, index) = chunks(&[b"a"]);
    for _ in 0..1000 {
        record(META, b"LIST", &mut file);
    }
    end(&index, &mut file);
    let read = |budget| {
        let mut d = Decoder::new(&file[..], &opener, Budget::new(budget))?;
        while d.next(&mut Control::default())?.is_some() {}
        Ok(d.meta().len())
    };
    assert_eq!(read(1 << 20).unwrap(), 1000);
    assert!(limit(read(10_000)));
    let scan = |budget| {
        let mut a = Archive::open(Cursor::new(&file), Budget::new(budget))?;
        a.meta().map(<[_]>::len)
    };
    assert_eq!(scan(1 << 20).unwrap(), 1000);
    assert!(limit(scan(10_000)));
}

/// What an index takes in memory is charged for as long as the archive has it.
#[test]
fn an_index_is_charged() {
    let (mut file, index) = chunks(&[&b"a"[..]; 1000]);
    end(&index, &mut file);
    assert!(Archive::open(Cursor::new(&file), Budget::new(1 << 20)).is_ok());
    assert!(limit(Archive::open(
        Cursor::new(&file),
        Budget::new(10_000)
    )));
}

#[test]
fn an_index_of_other_chunks_is_refused() {
    let (start, index) = chunks(&[b"a", b"b", b"c"]);
    let rows = |index: &[[u64; 2]]| -> Result<Vec<u8>> {
        let mut file = start.clone();
        end(index, &mut file);
        let mut a = Archive::open(Cursor::new(&file), Budget::default())?;
        let mut texts = Vec::new();
        a.decode_range(
            0..a.units(),
            &opener,
            &mut Control::default(),
            &mut |y| match y {
                SignalBuf::Records(r) => {
                    texts.extend(r.texts.into_iter().map(|t| t.bytes));
                    Ok(())
                }
                other => panic!("{other:?}"),
            },
        )?;
        Ok(texts.concat())
    };
    assert_eq!(rows(&index).unwrap(), b"abc");
    let refused = |index: &[[u64; 2]]| {
        let e = rows(index);
        assert!(matches!(e, Err(Error::Format(_))), "{index:?}: {e:?}");
    };
    // A chunk twice.
    refused(&[index[0], [1, 0], [1, 0], index[1], index[2]]);
    // Before the first chunk; past all; beyond 64 bits.
    for first in [0, 1, 1 << 40, u64::MAX] {
        refused(&[[1, first], index[1], index[2]]);
    }
    refused(&[index[0], [1, u64::MAX]]);
    refused(&[[u64::MAX, index[0][1]], index[1]]);
}

/// A chunk that is missing shows, also where only the header or the mark of the last tells.
#[test]
fn an_archive_without_an_index_misses_no_chunk() {
    let mut file = header();
    let mut last = file.clone();
    chunk(CHUNK, 1, b"a", &mut file);
    chunk(LAST, 1, b"b", &mut last);
    for (mut file, whole) in [(file, false), (last, true)] {
        file.push(END);
        file.extend([0; 8]);
        let opened = Archive::open(Cursor::new(&file), Budget::default());
        assert_eq!(opened.is_ok(), whole);
    }
}

/// Damage in a length is damage and no want of memory.
#[test]
fn salvage_needs_no_budget_for_what_is_not_there() {
    let (mut file, index) = chunks(&[b"a", b"b"]);
    let at = file.len() + 1;
    end(&index, &mut file);
    // The index claims 2^31 bytes.
    drop(file.splice(at..=at, [0x80, 0x80, 0x80, 0x80, 8]));
    let mut salvage = Salvage::open(Cursor::new(&file), Budget::new(1 << 20)).unwrap();
    let mut rows = 0;
    let mut count = |stretch: Stretch| {
        rows += u64::from(matches!(stretch, Stretch::Sound(_)));
        Ok(())
    };
    let whole = salvage.decode(&opener, &mut Control::default(), &mut count);
    assert!(!whole.unwrap());
    assert_eq!(rows, 2);
}

#[test]
fn an_index_that_names_a_chunk_inside_another_is_refused() {
    let mut inner = Vec::new();
    chunk(CHUNK, 1, b"inner", &mut inner);
    let (mut file, index) = chunks(&[&inner, b"b"]);
    let head = index[1][1] - inner.len() as u64;
    end(&[index[0], [1, head], [1, inner.len() as u64]], &mut file);
    let mut a = Archive::open(Cursor::new(&file), Budget::default()).unwrap();
    assert_eq!(a.units(), 3);
    let e = a.decode_range(0..3, &opener, &mut Control::default(), &mut |_| Ok(()));
    assert!(matches!(e, Err(Error::Format(_))), "{e:?}");
}

#[test]
fn lengths_beyond_all_numbers_are_refused() {
    let read = |file: &[u8]| {
        let mut d = Decoder::new(file, &opener, Budget::new(1 << 26))?;
        while d.next(&mut Control::default())?.is_some() {}
        Ok(())
    };
    // Units that add up to 2^64 and one.
    let mut file = header();
    chunk(CHUNK, 1 << 63, b"a", &mut file);
    chunk(CHUNK, 1 << 63, b"b", &mut file);
    chunk(LAST, 1, b"c", &mut file);
    file.push(END);
    file.extend([0; 8]);
    let e: Result<()> = read(&file);
    assert!(matches!(e, Err(Error::Format(_))), "{e:?}");
    let e = Archive::open(Cursor::new(&file), Budget::new(1 << 26)).map(|_| ());
    assert!(matches!(e, Err(Error::Format(_))), "{e:?}");
    // Payloads and records of 2^63 bytes.
    for tag in [CHUNK, META, INDEX] {
        let mut file = header();
        file.push(tag);
        if tag == CHUNK {
            put_varint(1, &mut file);
        }
        put_varint(1 << 63, &mut file);
        file.extend([0; 100]);
        match read(&file) {
            // What is held is refused; what is passed over takes no memory, and is not there.
            Err(Error::Limit(_)) if tag != INDEX => {}
            Err(Error::Format(_)) if tag == INDEX => {}
            other => panic!("{tag}: {other:?}"),
        }
    }
}
