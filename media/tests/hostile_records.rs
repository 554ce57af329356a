//! Files of records that are wrong on purpose: a typed error or the right result, no panic, and never more
//! memory than the budget.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use nc_core::{Budget, Error, Result};
use nc_media::records::{Learn, Schema, Source};

const SMALL: u64 = 1 << 20;

fn put(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn learn(path: &Path, budget: u64) -> Result<Schema> {
    Schema::learn(
        &[path.to_path_buf()],
        &Learn::default(),
        &Budget::new(budget),
    )
}

/// Rows of a stream.
fn rows(schema: &Schema, stream: impl Read + Send + 'static, budget: u64) -> Result<usize> {
    let mut reader = schema.reader(Source::of(stream)?, None, Budget::new(budget))?;
    let mut n = 0;
    while let Some(rows) = reader.next(64)? {
        n += rows.values.nrows();
    }
    Ok(n)
}

/// Errors that a damaged file may end in.
fn typed<T: std::fmt::Debug>(got: Result<T>, what: impl std::fmt::Debug) {
    let right = matches!(
        got,
        Ok(_) | Err(Error::Usage(_) | Error::Format(_) | Error::Limit(_))
    );
    assert!(right, "{what:?}: {got:?}");
}

fn gzip(mut stream: impl Read) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::copy(&mut stream, &mut gz).unwrap();
    gz.finish().unwrap()
}

/// Every cut and every flip of a file, learnt from and read.
fn damaged(whole: &[u8], name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), name, whole);
    let schema = learn(&path, 16 * SMALL).unwrap();
    let all = rows(&schema, Cursor::new(whole.to_vec()), 16 * SMALL).unwrap();
    assert!(all > 0);
    let one = |bytes: Vec<u8>, what: (&str, usize)| {
        typed(rows(&schema, Cursor::new(bytes.clone()), 16 * SMALL), what);
        let got = learn(&put(folder.path(), name, &bytes), 16 * SMALL);
        typed(got.map(|_| ()), what);
    };
    for end in 0..whole.len() {
        one(whole[..end].to_vec(), ("cut", end));
    }
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bad = whole.to_vec();
            bad[at] ^= flip;
            one(bad, ("flip", at));
        }
    }
}

fn idx(count: u32, shape: &[u32], body: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, 8, shape.len() as u8 + 1];
    out.extend(count.to_be_bytes());
    shape.iter().for_each(|n| out.extend(n.to_be_bytes()));
    out.extend(body);
    out
}

#[test]
fn damaged_files_are_told_or_harmless() {
    damaged(&idx(3, &[2, 2], &[7; 12]), "a.idx");
    damaged(&gzip(&idx(3, &[2, 2], &[7; 12])[..]), "a.idx.gz");
    damaged(
        b"a,b,c\n1,x,2.5\n2,\"x,\"\"y\",2.5\n-3,x,\n1,z,1.5\n",
        "a.csv",
    );
    damaged(
        b"\xef\xbb\xbfa;b\r\n1;2013-01-02\r\n2;2013-01-03\r\n",
        "b.csv",
    );
}

#[test]
fn what_an_idx_header_claims_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let big = u32::MAX;
    for (count, shape) in [
        (1, vec![1 << 31, 1 << 31]),
        (big, vec![big, big, big]),
        (1, vec![big]),
        (1, vec![0]),
        (big, vec![1; 254]),
        (1, vec![(1 << 20) + 1]),
    ] {
        let path = put(folder.path(), "a", &idx(count, &shape, &[1; 16]));
        let got = learn(&path, SMALL).and_then(|s| rows(&s, std::fs::File::open(&path)?, SMALL));
        let right = matches!(
            got,
            Err(Error::Usage(_) | Error::Format(_) | Error::Limit(_))
        );
        assert!(right, "{count} of {shape:?}: {got:?}");
    }
    // Rows of a megabyte each: 64 of them at once are beyond the budget.
    let path = put(folder.path(), "b", &idx(1, &[1 << 20], &vec![0; 1 << 20]));
    let schema = learn(&path, SMALL).unwrap();
    let e = rows(&schema, std::fs::File::open(&path).unwrap(), 64 * SMALL);
    assert!(matches!(e, Err(Error::Limit(_))), "{e:?}");
    assert_eq!(
        rows(&schema, std::fs::File::open(&path).unwrap(), 256 * SMALL).unwrap(),
        1
    );
}

#[test]
fn a_bomb_of_gzip_unpacks_within_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    let megabytes = |byte: u8| std::io::repeat(byte).take(64 << 20);
    // As raw records it streams.
    let raw = Schema::from_json(r#"{"raw":{"length":16}}"#).unwrap();
    let bomb = gzip(megabytes(0));
    assert!(bomb.len() < 1 << 20);
    assert_eq!(
        rows(&raw, Cursor::new(bomb), SMALL).unwrap(),
        (64 << 20) / 16
    );
    // As a table its one row does not fit.
    let table = learn(&put(folder.path(), "a.csv", b"a,b\n1,2\n"), SMALL).unwrap();
    let bomb = gzip(megabytes(b'x'));
    let e = rows(&table, Cursor::new(bomb.clone()), SMALL);
    assert!(matches!(e, Err(Error::Limit(_))), "{e:?}");
    let e = rows(&table, Cursor::new(bomb), 1 << 30);
    assert!(matches!(e, Err(Error::Limit(_))), "{e:?}");
}

#[test]
fn tables_are_bounded_in_rows_columns_and_words() {
    let folder = tempfile::tempdir().unwrap();
    let table = learn(&put(folder.path(), "a.csv", b"a,b\n1,2\n"), SMALL).unwrap();
    // 100 MB without a line's end.
    let endless = || Cursor::new(b"a,b\n\"".to_vec()).chain(std::io::repeat(b'x').take(100 << 20));
    let e = rows(&table, endless(), SMALL);
    assert!(matches!(e, Err(Error::Limit(_))), "{e:?}");
    let e = rows(&table, endless(), 1 << 30);
    assert!(matches!(e, Err(Error::Limit(_))), "{e:?}");
    // A header and a row of a million cells.
    let wide = [",".repeat(1 << 20), "\n".into()].concat();
    let e = learn(&put(folder.path(), "b.csv", wide.as_bytes()), 16 * SMALL);
    assert!(matches!(e, Err(Error::Usage(_))), "{:?}", e.map(|_| ()));
    let wide = format!("a,b\n{wide}");
    let e = learn(&put(folder.path(), "b.csv", wide.as_bytes()), 16 * SMALL);
    assert!(e.unwrap_err().to_string().contains("1048577 cells"));
    // Words without end, texts without end.
    let words: String = (0..100_000).map(|i| format!("w{i},1\n")).collect();
    let words = put(folder.path(), "c.csv", format!("a,b\n{words}").as_bytes());
    let e = learn(&words, SMALL).map(|_| ());
    assert!(matches!(e, Err(Error::Limit(_))), "{e:?}");
    assert!(learn(&words, 64 * SMALL).is_ok());
    let long = "y".repeat(100_000);
    let texts: String = (0..64).map(|i| format!("{long}{i},1\n")).collect();
    let texts = format!("a,b\n{texts}").into_bytes();
    let e = rows(&table, Cursor::new(texts.clone()), SMALL);
    assert!(matches!(e, Err(Error::Limit(_))), "{e:?}");
    assert_eq!(rows(&table, Cursor::new(texts), 16 * SMALL).unwrap(), 64);
    // Numbers in a cell beyond all measure are no pattern.
    let digits = "1 ".repeat(1 << 20);
    let cells = put(
        folder.path(),
        "d.csv",
        format!("a,b\n{digits},1\n").as_bytes(),
    );
    assert!(learn(&cells, 64 * SMALL).is_ok());
}

#[test]
fn images_that_claim_much_are_refused_before_they_are_read() {
    let crc = |bytes: &[u8]| {
        !bytes.iter().fold(u32::MAX, |crc, b| {
            (0..8).fold(crc ^ u32::from(*b), |c, _| {
                c >> 1 ^ if c & 1 > 0 { 0xedb8_8320 } else { 0 }
            })
        })
    };
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let body = [&kind[..], data].concat();
        let mut out = (data.len() as u32).to_be_bytes().to_vec();
        out.extend(&body);
        out.extend(crc(&body).to_be_bytes());
        out
    };
    for (width, height) in [
        (1u32 << 31, 1u32 << 31),
        (i32::MAX as u32, i32::MAX as u32),
        (30_000, 30_000),
        (0, 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let head = [
            &width.to_be_bytes()[..],
            &height.to_be_bytes(),
            &[8, 6, 0, 0, 0],
        ]
        .concat();
        let bytes = [
            b"\x89PNG\r\n\x1a\n".to_vec(),
            chunk(b"IHDR", &head),
            chunk(b"IDAT", &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]),
            chunk(b"IEND", &[]),
        ];
        put(folder.path(), "a.png", &bytes.concat());
        let e = learn(folder.path(), SMALL).map(|_| ());
        let right = matches!(e, Err(Error::Usage(_) | Error::Format(_) | Error::Limit(_)));
        assert!(right, "{width} x {height}: {e:?}");
    }
    // Names of a folder that unpack to more than they may.
    let folder = tempfile::tempdir().unwrap();
    let schema = Schema::from_json(r#"{"png":{"width":1,"height":1,"channels":1}}"#).unwrap();
    let mut names = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    names.write_all(&b"a\0".repeat(1 << 19)).unwrap();
    let names = names.finish().unwrap();
    for (budget, fits) in [(SMALL / 2, false), (4 * SMALL, false), (64 * SMALL, true)] {
        let to = folder.path().to_path_buf();
        let got = schema.folder_writer(to, 0, &names, &mut Budget::new(budget));
        // The last name is empty, which is an error of its own.
        let right = match got.map(|_| ()) {
            Err(Error::Limit(_)) => !fits,
            Err(Error::Format(_)) => fits,
            _ => false,
        };
        assert!(right, "{budget}");
    }
}

#[test]
fn what_a_model_says_of_records_is_not_believed() {
    let column = |top: &str| {
        format!(
            r#"{{"table":{{"delimiter":",","layout":{{"ended":true,"header":"a"}},"columns":[{{"name":"a","pattern":{{
            "literals":["",""],"numbers":[{{"style":{{"width":0,"places":0,"least":0}},"coding":{{"top":{top}}}}}]}}}}]}}}}"#
        )
    };
    let radices = |n: usize| format!(r#"{{"range":[0,1]}},"radices":[{}1000]"#, "1000,".repeat(n));
    assert!(Schema::from_json(&column(&radices(0))).is_ok());
    for json in [
        r#"{"png":{"width":4294967295,"height":4294967295,"channels":255}}"#.into(),
        r#"{"png":{"width":4294967295,"height":4294967295,"channels":1}}"#.into(),
        r#"{"png":{"width":0,"height":1,"channels":1}}"#.into(),
        r#"{"raw":{"length":4294967295}}"#.into(),
        r#"{"raw":{"length":-1}}"#.into(),
        format!(
            r#"{{"idx":{{"element":8,"shape":[{}1]}}}}"#,
            "1,".repeat(300)
        ),
        r#"{"idx":{"element":8,"shape":[2147483648,2147483648,4]}}"#.into(),
        column(r#"{"range":[-9223372036854775808,9223372036854775807]},"radices":[]"#),
        column(r#"{"range":[9223372036854775807,9223372036854775807]},"radices":[10]"#),
        column(r#"{"values":[]},"radices":[]"#),
        column(r#"{"range":[5,4]},"radices":[]"#),
        column(r#"{"range":[0,1]},"radices":[0]"#),
        column(&radices(30)),
    ] {
        let e = Schema::from_json(&json).map(|_| ());
        assert!(matches!(e, Err(Error::Model(_))), "{json}: {e:?}");
    }
}
