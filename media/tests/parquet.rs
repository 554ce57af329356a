//! Parquet files that are wrong on purpose: a typed error, no panic, and never more memory than the budget.
#![cfg(feature = "parquet")]
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::io::Cursor;
use std::sync::Arc;

use nc_core::{Budget, Error, Result};
use nc_media::records::{Learn, Schema, Source};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

const SMALL: u64 = 1 << 20;

/// Learns from a file and reads it.
fn read(bytes: &[u8], budget: u64) -> Result<usize> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    std::fs::write(&path, bytes).unwrap();
    let budget = Budget::new(budget);
    let schema = Schema::learn(&[path], &Learn::default(), &budget)?;
    rows(&schema, bytes, budget)
}

fn rows(schema: &Schema, bytes: &[u8], budget: Budget) -> Result<usize> {
    let source = Source::of(Cursor::new(bytes.to_vec()))?;
    let mut reader = schema.reader(source, None, budget)?;
    let mut n = 0;
    while let Some(rows) = reader.next(16)? {
        n += rows.values.nrows();
    }
    Ok(n)
}

/// Numbers and optional words, `n` rows in each of two groups.
fn file(n: usize, properties: WriterProperties, word: impl Fn(usize) -> String) -> Vec<u8> {
    let message = "message m { REQUIRED INT32 a; OPTIONAL BYTE_ARRAY b (UTF8); }";
    let schema = Arc::new(parse_message_type(message).unwrap());
    let mut out = Vec::new();
    let mut w = SerializedFileWriter::new(&mut out, schema, Arc::new(properties)).unwrap();
    for _ in 0..2 {
        let mut group = w.next_row_group().unwrap();
        let mut c = group.next_column().unwrap().unwrap();
        let ids: Vec<i32> = (0..n as i32).map(|i| i * 7 - 50).collect();
        let typed = c.typed::<Int32Type>();
        typed.write_batch(&ids, None, None).unwrap();
        c.close().unwrap();
        let mut c = group.next_column().unwrap().unwrap();
        let levels: Vec<i16> = (0..n).map(|i| i16::from(i % 3 > 0)).collect();
        let known = (0..n).filter(|i| i % 3 > 0);
        let words: Vec<ByteArray> = known.map(|i| word(i).as_bytes().to_vec().into()).collect();
        let typed = c.typed::<ByteArrayType>();
        typed.write_batch(&words, Some(&levels), None).unwrap();
        c.close().unwrap();
        group.close().unwrap();
    }
    w.close().unwrap();
    out
}

/// Writers' choices: codecs, versions, encodings.
fn choices() -> Vec<(&'static str, WriterProperties)> {
    let new = || WriterProperties::builder().set_dictionary_enabled(false);
    let v1 = || new().set_writer_version(WriterVersion::PARQUET_1_0);
    let v2 = || new().set_writer_version(WriterVersion::PARQUET_2_0);
    let zstd = Compression::ZSTD(ZstdLevel::try_new(3).unwrap());
    let words = "b".into();
    let lengths = Encoding::DELTA_LENGTH_BYTE_ARRAY;
    let whole = Encoding::DELTA_BINARY_PACKED;
    let dictionary = WriterProperties::builder().set_compression(Compression::SNAPPY);
    vec![
        ("dictionary", dictionary.build()),
        ("plain", v1().set_compression(zstd).build()),
        ("differences", v2().build()),
        (
            "older differences",
            v1().set_encoding(Encoding::DELTA_BYTE_ARRAY)
                .set_column_encoding("a".into(), whole)
                .build(),
        ),
        ("lengths", v1().set_column_encoding(words, lengths).build()),
    ]
}

#[test]
fn what_writers_choose_is_read() {
    for (what, how) in choices() {
        for n in [1, 2, 3, 33, 129, 5_000] {
            let bytes = file(n, how.clone(), |i| format!("word {}", i * i % 1000));
            assert_eq!(read(&bytes, 64 * SMALL).unwrap(), 2 * n, "{what}, {n}");
        }
    }
}

#[test]
fn every_cut_and_many_flips_are_told_or_harmless() {
    for (what, how) in choices() {
        let whole = file(9, how, |i| format!("{}", i % 2));
        let typed = |bytes: &[u8], at: usize| {
            let got = read(bytes, 4 * SMALL);
            let right = matches!(
                got,
                Ok(_) | Err(Error::Usage(_) | Error::Format(_) | Error::Limit(_))
            );
            assert!(right, "{what}, {at}: {got:?}");
        };
        for end in (0..whole.len()).step_by(3) {
            typed(&whole[..end], end);
        }
        for at in 0..whole.len() {
            for flip in [0x01, 0xff] {
                let mut bad = whole.clone();
                bad[at] ^= flip;
                typed(&bad, at);
            }
        }
    }
}

#[test]
fn a_word_that_is_repeated_is_charged_each_time() {
    let how = || {
        WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .build()
    };
    // 100 kB once in the dictionary, 6,000 times in the rows: a page of some bytes, 600 MB of cells.
    let word = "x".repeat(100_000);
    let bytes = file(6_000, how(), |_| word.clone());
    assert!(bytes.len() < 1 << 20);
    let schema = read_schema(&file(50, how(), |_| "y".into()));
    let e = rows(&schema, &bytes, Budget::new(SMALL));
    assert!(matches!(e, Err(Error::Limit(_))), "{e:?}");
    assert_eq!(
        rows(&schema, &bytes, Budget::new(64 * SMALL)).unwrap(),
        12_000
    );
}

fn read_schema(bytes: &[u8]) -> Schema {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    std::fs::write(&path, bytes).unwrap();
    Schema::learn(&[path], &Learn::default(), &Budget::default()).unwrap()
}

/// A number with its sign in its last bit, seven bits a byte.
fn zigzag(x: i64) -> Vec<u8> {
    varint((x << 1 ^ x >> 63) as u64)
}

fn varint(mut x: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while x > 0x7f {
        out.push(x as u8 | 0x80);
        x >>= 7;
    }
    out.push(x as u8);
    out
}

/// A footer of one column of whole numbers in one group, with what it claims.
struct Claims {
    /// Heads of lists: elements of the schema, groups.
    schema: Vec<u8>,
    groups: Vec<u8>,
    children: i64,
    rows: i64,
    values: i64,
    length: i64,
    offset: i64,
    codec: i64,
    page: Vec<u8>,
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            schema: vec![0x2c],
            groups: vec![0x1c],
            children: 1,
            rows: 2,
            values: 2,
            length: 0,
            offset: 4,
            codec: 0,
            page: page(
                0,
                8,
                8,
                &[(1, 2), (2, 0), (3, 3), (4, 3)],
                5,
                &[1, 0, 0, 0, 2, 0, 0, 0],
            ),
        }
    }
}

/// A page: its kind, sizes, and numbers in field `field`.
fn page(
    kind: i64,
    unpacked: i64,
    packed: i64,
    numbers: &[(u8, i64)],
    field: u8,
    body: &[u8],
) -> Vec<u8> {
    let mut out = vec![0x15];
    out.extend(zigzag(kind));
    out.push(0x15);
    out.extend(zigzag(unpacked));
    out.push(0x15);
    out.extend(zigzag(packed));
    out.push((field - 3) << 4 | 12);
    let mut last = 0;
    for (id, x) in numbers {
        out.push((id - last) << 4 | 5);
        out.extend(zigzag(*x));
        last = *id;
    }
    out.extend([0, 0]);
    out.extend(body);
    out
}

impl Claims {
    fn file(&self) -> Vec<u8> {
        let mut f = vec![0x15, 2, 0x19];
        f.extend(&self.schema);
        f.extend(b"\x48\x01m\x15");
        f.extend(zigzag(self.children));
        f.extend(b"\0\x15\x02\x25\0\x18\x01a\0");
        f.push(0x16);
        f.extend(zigzag(self.rows));
        f.push(0x19);
        f.extend(&self.groups);
        f.extend([0x19, 0x1c, 0x26, 8, 0x1c]);
        f.extend(b"\x15\x02\x19\x15\0\x19\x18\x01a\x15");
        f.extend(zigzag(self.codec));
        let length = if self.length == 0 {
            self.page.len() as i64
        } else {
            self.length
        };
        for x in [self.values, length, length] {
            f.push(0x16);
            f.extend(zigzag(x));
        }
        f.push(0x26);
        f.extend(zigzag(self.offset));
        f.extend([0, 0]);
        f.push(0x16);
        f.extend(zigzag(length));
        f.push(0x16);
        f.extend(zigzag(self.rows));
        f.extend([0, 0]);
        let mut out = b"PAR1".to_vec();
        out.extend(&self.page);
        out.extend(&f);
        out.extend((f.len() as u32).to_le_bytes());
        out.extend(b"PAR1");
        out
    }
}

#[test]
fn what_a_footer_and_pages_claim_is_not_believed() {
    let base = Claims::default;
    assert_eq!(read(&base().file(), SMALL).unwrap(), 2);
    let many = |n: u64| [vec![0xfc], varint(n)].concat();
    let v1 = |values, encoding| [(1, values), (2, encoding), (3, 3), (4, 3)];
    let last = i64::from(i32::MAX);
    let differences = |n: u64| {
        let body = [varint(128), varint(4), varint(n), varint(0)].concat();
        let len = body.len() as i64;
        page(0, len, len, &v1(2, 5), 5, &body)
    };
    let dictionary = |values: i64| {
        let body = [1, 0, 0, 0];
        let first = page(2, 4, 4, &[(1, values), (2, 0)], 7, &body);
        let second = page(0, 2, 2, &v1(2, 8), 5, &[0, 4]);
        [first, second].concat()
    };
    let cases: Vec<(&str, Claims)> = vec![
        (
            "2^62 rows",
            Claims {
                rows: 1 << 62,
                ..base()
            },
        ),
        ("-1 rows", Claims { rows: -1, ..base() }),
        (
            "2^62 rows and values",
            Claims {
                rows: 1 << 62,
                values: 1 << 62,
                ..base()
            },
        ),
        (
            "2^31 elements of the schema",
            Claims {
                schema: many(1 << 31),
                ..base()
            },
        ),
        (
            "2^63 elements of the schema",
            Claims {
                schema: many(1 << 63),
                ..base()
            },
        ),
        (
            "2^31 groups",
            Claims {
                groups: many(1 << 31),
                ..base()
            },
        ),
        (
            "2^64 - 1 groups",
            Claims {
                groups: many(u64::MAX),
                ..base()
            },
        ),
        (
            "2^31 - 1 children",
            Claims {
                children: last,
                ..base()
            },
        ),
        (
            "-1 children",
            Claims {
                children: -1,
                ..base()
            },
        ),
        (
            "a column of 2^62 bytes",
            Claims {
                length: 1 << 62,
                ..base()
            },
        ),
        (
            "a column of -1 bytes",
            Claims {
                length: -1,
                ..base()
            },
        ),
        (
            "a column at 2^62",
            Claims {
                offset: 1 << 62,
                ..base()
            },
        ),
        (
            "a column at -1",
            Claims {
                offset: -1,
                ..base()
            },
        ),
        (
            "a page of 2 GiB, snappy",
            Claims {
                codec: 1,
                page: page(0, last, 8, &v1(2, 0), 5, &[0; 8]),
                ..base()
            },
        ),
        (
            "a page of 2 GiB, zstd",
            Claims {
                codec: 6,
                page: page(0, last, 8, &v1(2, 0), 5, &[0; 8]),
                ..base()
            },
        ),
        (
            "a page of -1",
            Claims {
                page: page(0, -1, 8, &v1(2, 0), 5, &[0; 8]),
                ..base()
            },
        ),
        (
            "a page of 2 GiB packed",
            Claims {
                page: page(0, 8, last, &v1(2, 0), 5, &[0; 8]),
                ..base()
            },
        ),
        (
            "2^31 - 1 values in a page",
            Claims {
                rows: last,
                values: last,
                page: page(0, 8, 8, &v1(last, 0), 5, &[0; 8]),
                ..base()
            },
        ),
        (
            "2^31 - 1 words",
            Claims {
                page: dictionary(last),
                ..base()
            },
        ),
        (
            "2^40 differences",
            Claims {
                page: differences(1 << 40),
                ..base()
            },
        ),
        (
            "2^62 differences",
            Claims {
                page: differences(1 << 62),
                ..base()
            },
        ),
    ];
    for (what, claims) in cases {
        let got = read(&claims.file(), SMALL);
        let right = matches!(
            got,
            Err(Error::Usage(_) | Error::Format(_) | Error::Limit(_))
        );
        assert!(right, "{what}: {got:?}");
    }
    // A field of another type than it has, behind which all would be read otherwise.
    let mut bytes = base().file();
    let at = bytes.windows(3).position(|w| w == [0x15, 2, 0x19]).unwrap();
    bytes[at] = 0x18;
    assert!(matches!(read(&bytes, SMALL), Err(Error::Format(_))));
}
