//! Tables come back byte for byte, or are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::lines::BLOCK;
use super::*;
use crate::records::Writer;
use nc_core::Kind;
use proptest::prelude::*;
use std::io::Cursor;

fn learn(text: &[u8]) -> Result<Table> {
    let text = text.to_vec();
    let open = |_| -> Result<(Vec<u8>, Box<dyn Read + Send>)> {
        Ok((text.clone(), Box::new(Cursor::new(text.clone()))))
    };
    Table::learn(1, &How::default(), open, &mut Budget::default())
}

fn round(table: &Table, text: &[u8]) -> Result<Vec<u8>> {
    let mut reader = table.reader(
        Box::new(Cursor::new(text.to_vec())),
        None,
        Budget::default(),
    )?;
    let mut all = Vec::new();
    while let Some(rows) = reader.next(3)? {
        all.push(rows);
    }
    let mut out = Vec::new();
    let mut writer = Box::new(table.writer(&mut out, &reader.extras()?, None, None)?);
    for rows in &all {
        writer.write(rows.view())?;
    }
    let n = writer.finish()?;
    assert_eq!(n, out.len() as u64);
    Ok(out)
}

#[test]
fn odd_tables_come_back_byte_for_byte() {
    let tables: [&[u8]; 12] = [
        b"a,b\n1,2\n3,4\n",
        b"a,b\r\n1,2\r\n3,4\r\n",
        b"\xef\xbb\xbfa,b\n1,2\n",
        b"a,b\n1,2",
        b"a;b\n\"x; \"\"y\"\"\nz\";-0\n;007\n",
        b"a\tb\n1.50\tx,y\n2.25\t\n",
        b"a\n",
        b"a",
        b"a,b\n\"q\"x,1\nx\"y\"z,\"\"\n",
        b"a\n\n\nx\n",
        b"a,b\n1,2\r\n",
        b"a,b\n1,\"open",
    ];
    for text in tables {
        let table = learn(text).unwrap();
        assert_eq!(round(&table, text).unwrap(), text);
        // As a model file keeps it.
        let json = serde_json::to_string(&table).unwrap();
        let table: Table = serde_json::from_str(&json).unwrap();
        assert_eq!(round(&table, text).unwrap(), text);
    }
    let table = learn(b"a,b\n1,2\n3,4\n").unwrap();
    let others: [&[u8]; 13] = [
        b"\xef\xbb\xbfa,b\r\n1,2\r\n9,x\r\n",
        b"\"a\",b\n1,2",
        b"a,b\n,\n\"1\",\xff\n",
        b"a,b\r\n",
        b"a,b",
        b"a,b\n1,2\n3\n4,5\n",
        b"a,b\r\n1,2\n3,4\r\n5,6\n",
        b"a,b\n1,\0\n",
        b"a,b\n1,2\n\n\n",
        b"a,b\n# a remark\n1,2\n# another, one\n",
        b"a,b\n# a remark\n# no end",
        b"a,b\r\n1,2\r\n3,4\n",
        b"a,b\r\n1,2\r\n3,4\r",
    ];
    for text in others {
        assert_eq!(
            round(&table, text).unwrap(),
            text,
            "{}",
            text.escape_ascii()
        );
    }
}

#[test]
fn what_cannot_come_back_is_refused_with_its_row() {
    let table = learn(b"a,b\n1,2\n3,4\n").unwrap();
    // Some lines that are no rows are kept; where they are many, it is another kind of file.
    let many = [b"a,b\n1,2\n", &b"3\n".repeat(100)[..]].concat();
    let cases: [(&[u8], &str); 4] = [
        (&many, "row 67 of the table: 1 cells, and 2 are expected"),
        (b"p,q\n1,2\n", "column 1 is \"p\""),
        (b"p\n\"1\n2\"\n", "column 1 is \"p\""),
        (b"", "empty"),
    ];
    for (text, reason) in cases {
        let e = round(&table, text).unwrap_err().to_string();
        assert!(e.contains(reason), "{e}");
    }
}

#[test]
fn rows_that_no_table_has_are_errors() {
    let table = learn(b"a,b\n1,x\n3,x\n5,y\n").unwrap();
    let rows = |values: Vec<u16>, texts: Vec<Text>| {
        let n = values.len();
        let values = Array2::from_shape_vec((1, n), values).unwrap();
        let records = RecordsBuf { values, texts };
        let mut out = Vec::new();
        let mut writer = table.writer(&mut out, &[], None, None).unwrap();
        writer.write(records.view()).is_err()
    };
    assert!(!rows(vec![0, 0], vec![]));
    assert!(rows(vec![0], vec![]) && rows(vec![0, 0, 0], vec![]));
    assert!(rows(vec![700, 0], vec![]));
    let text = Text {
        row: 0,
        bytes: b"t".to_vec(),
    };
    assert!(rows(vec![0, 0], vec![text]));
    let open = table.columns()[0].open();
    assert!(rows(vec![open, 0], vec![]), "a text is missing");
    // Cut short, an unknown flag, a header without its flag, bytes behind.
    for extras in [
        &[16u8][..],
        &[128],
        &[64],
        &[64, 0, 1, 9],
        &[64, 0, 1, 0],
        &[0, 1],
        &[16, 0, 1, 0, 9, b'x'],
        &[16, 0, 0, 1],
    ] {
        assert!(table.writer(Vec::new(), extras, None, None).is_err());
    }
}

proptest! {
    #[test]
    fn any_text_comes_back_or_is_refused(
        learnt in "a,b\n([0-9x\",;\r]{0,4},[0-9.\" -]{0,5}\n){0,6}",
        text in "a,b(\r\n|\n)([0-9x\",;\r]{0,4},[0-9.\" -]{0,5}(\n|\r\n)){0,6}(1,2)?",
    ) {
        if let Ok(table) = learn(learnt.as_bytes()) {
            prop_assert_eq!(round(&table, learnt.as_bytes()).unwrap(), learnt.as_bytes());
            if let Ok(out) = round(&table, text.as_bytes()) {
                prop_assert_eq!(out, text.as_bytes());
            }
        }
    }
}

/// A sink that knows the longest piece it was given.
#[derive(Default)]
struct Longest(usize);

impl Write for Longest {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn rows_of_a_piece_are_written_as_they_come() {
    let word = "w".repeat(10_000);
    let text = format!("a\n{}", format!("{word}\n").repeat(3000));
    let table = learn(text.as_bytes()).unwrap();
    let file = Box::new(Cursor::new(text.clone()));
    let mut reader = table.reader(file, None, Budget::default()).unwrap();
    let piece = reader.next(3000).unwrap().unwrap();
    assert!(piece.texts.is_empty());
    let mut sink = Longest::default();
    let mut writer = Box::new(
        table
            .writer(&mut sink, &reader.extras().unwrap(), None, None)
            .unwrap(),
    );
    writer.write(piece.view()).unwrap();
    assert_eq!(writer.finish().unwrap(), text.len() as u64);
    assert!(sink.0 < BLOCK + 20_000, "{}", sink.0);
}

fn learn_as(how: &How, text: &[u8]) -> Result<Table> {
    let text = text.to_vec();
    let open = |_| -> Result<(Vec<u8>, Box<dyn Read + Send>)> {
        Ok((text.clone(), Box::new(Cursor::new(text.clone()))))
    };
    Table::learn(1, how, open, &mut Budget::default())
}

fn names(table: &Table) -> Vec<&str> {
    table.columns().iter().map(Column::name).collect()
}

#[test]
fn tables_as_people_have_them() {
    let usual = How::default;
    let headless = How {
        no_header: true,
        ..How::default()
    };
    let plain = How {
        quote: Some(None),
        ..How::default()
    };
    let spaces = How {
        delimiter: Some(b' '),
        no_header: true,
        ..How::default()
    };
    let commented = How {
        comment: Some("//".into()),
        ..How::default()
    };
    let log = How {
        log: true,
        ..How::default()
    };
    let apostrophes = How {
        quote: Some(Some(b'\'')),
        ..How::default()
    };
    let cases: [(&How, &[u8], &[&str]); 17] = [
        (&headless, b"1,2\n3,4\n", &["1", "2"]),
        (&headless, b"1,2\r\n3,4", &["1", "2"]),
        (&headless, b"\xef\xbb\xbf\n1\n2\n", &["1"]),
        (&plain, b"a,b\n\"1,2\n3,\"\n", &["a", "b"]),
        (&spaces, b"1 2 3\n4 5 6\n", &["1", "2", "3"]),
        (
            &commented,
            b"// made by x, y\na,b\n1,2\n// \"odd\n3,4\n",
            &["a", "b"],
        ),
        (&apostrophes, b"a,b\n'1,x\n',2\n", &["a", "b"]),
        (
            &log,
            b"Dec 1 host said: this and that\nDec 1 host fell\n",
            &["1", "2", "3", "4"],
        ),
        (&usual(), b"# made by a program\na,b\n1,2\n", &["a", "b"]),
        (
            &usual(),
            b"## one\n#chrom\tstart\n1\t2\n",
            &["#chrom", "start"],
        ),
        (&usual(), b"\n\na,b\n1,2\n", &["a", "b"]),
        (&usual(), b"a,b\r1,2\r3,4\r", &["a", "b"]),
        (&usual(), b"a,b\r1,2\r3,4", &["a", "b"]),
        (
            &usual(),
            b"{\"t\": 1, \"s\": {\"x\": [1, \"]\"]}}\n{\"t\": 2, \"s\": null}\n",
            &["t", "s"],
        ),
        (
            &usual(),
            b"{\"a\":\"x,\\\"y\"}\r\n{\"b\":1}\r\n{\"a\":true}",
            &["a"],
        ),
        (&usual(), b"a,b\n1,2\n\n3\n4,5\r\n6,7\n", &["a", "b"]),
        (&usual(), b"{not json}\n{nor this}\n", &["{not json}"]),
    ];
    for (how, text, columns) in cases {
        let what = String::from_utf8_lossy(text);
        let table = learn_as(how, text).unwrap();
        assert_eq!(names(&table), columns, "{what}");
        assert_eq!(round(&table, text).unwrap(), text, "{what}");
        let json = serde_json::to_string(&table).unwrap();
        let table: Table = serde_json::from_str(&json).unwrap();
        assert!(table.is_sound());
        assert_eq!(round(&table, text).unwrap(), text, "{what}");
    }
    // R writes names of rows without a name of their column; others a delimiter at the end of rows alone.
    let cases: [(&[u8], &[&str]); 4] = [
        (b"a;b;c,d\n1,2\n3,4\n", &["a;b;c", "d"]),
        (b"a b\n1 2 3\n4 5 6\n", &["", "a", "b"]),
        (b"a,b\n1,2,\n3,4,\n", &["a", "b", ""]),
        (b"a,b\r\n1,2,\r\n3,4,\r\n", &["a", "b", ""]),
    ];
    for (text, columns) in cases {
        let how = How {
            delimiter: text.contains(&b' ').then_some(b' '),
            ..How::default()
        };
        let table = learn_as(&how, text).unwrap();
        assert_eq!(names(&table), columns);
        assert_eq!(round(&table, text).unwrap(), text);
    }
    // A header longer than what a file is told by.
    let header: Vec<String> = (0..9000).map(|i| format!("column{i}")).collect();
    let text = format!("{}\n{}\n", header.join(","), vec!["1"; 9000].join(","));
    assert!(text.len() > 1 << 16 && Table::may_be(&text.as_bytes()[..1 << 16]));
    let table = learn(text.as_bytes()).unwrap();
    assert_eq!(table.columns().len(), 9000);
    assert_eq!(round(&table, text.as_bytes()).unwrap(), text.as_bytes());
}

#[test]
fn columns_are_found_by_their_names() {
    let table = learn(b"a,b,c\n1,x,10\n2,y,20\n3,x,30\n").unwrap();
    let files: [(&[u8], &[&str]); 6] = [
        (b"c,a,b\n10,1,x\n20,2,y\n", &[]),
        (b"a,b\n1,x\n2,y\n", &[code::COLUMNS_MISSING]),
        (
            b"a,new,b,c\n1,\"n, 1\",x,10\n2,,y,20\n",
            &[code::COLUMNS_ADDED],
        ),
        (
            b"x,y,a\n1,2,3\n4,5,1\n",
            &[code::COLUMNS_ADDED, code::COLUMNS_MISSING],
        ),
        (b"a,a,b,c\n1,1,x,10\n", &[code::COLUMNS_ADDED]),
        (b"# from elsewhere\r\nc,b,a\r\n1,2,3\r\n\r\n4,5,6", &[]),
    ];
    for (text, codes) in files {
        let what = String::from_utf8_lossy(text);
        assert_eq!(round(&table, text).unwrap(), text, "{what}");
        let bytes = Box::new(Cursor::new(text.to_vec()));
        let mut reader = table.reader(bytes, None, Budget::default()).unwrap();
        let told: Vec<_> = reader.warnings().iter().map(|w| w.code).collect();
        assert_eq!(told, codes, "{what}");
        // Of the second row on, and of single columns.
        let rows = reader.next(9).unwrap().unwrap();
        let extras = reader.extras().unwrap();
        let part = |only: Option<&[usize]>, first: usize| {
            let mut out = Vec::new();
            let mut writer = Box::new(
                table
                    .writer(&mut out, &extras, only, Some(first as u64))
                    .unwrap(),
            );
            let n = rows.values.nrows();
            let later = nc_core::kind::RecordsKind::part(rows.view(), first..n).unwrap();
            writer.write(later.view()).unwrap();
            writer.finish().unwrap();
            out
        };
        let eol = if what.contains('\r') { "\r\n" } else { "\n" };
        let lines: Vec<&str> = what.split(eol).filter(|l| !l.is_empty()).collect();
        let whole = part(None, 1);
        let whole = String::from_utf8_lossy(&whole);
        assert_eq!(
            whole.contains(lines[lines.len() - 1]),
            rows.values.nrows() > 1,
            "{whole}"
        );
        let a = String::from_utf8(part(Some(&[0]), 0)).unwrap();
        let column: Vec<&str> = a.split(eol).filter(|l| !l.is_empty()).collect();
        assert_eq!(column.len(), rows.values.nrows() + 1, "{a}");
    }
    assert!(round(&table, b"p,q\n1,2\n").is_err());
    let missing = table.writer(Vec::new(), &[8, b'a'], Some(&[1]), None);
    assert!(matches!(missing, Err(Error::Usage(_))));
}
