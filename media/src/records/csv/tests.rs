//! Tables come back byte for byte, or are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use proptest::prelude::*;
use std::io::Cursor;

fn learn(text: &[u8]) -> Result<Table> {
    let text = text.to_vec();
    let open = |_| -> Result<(Vec<u8>, Box<dyn Read + Send>)> {
        Ok((text.clone(), Box::new(Cursor::new(text.clone()))))
    };
    Table::learn(1, open, &mut Budget::default())
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
    let mut writer = Box::new(table.writer(&mut out, &reader.extras()?, None, true)?);
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
        (&many, "row 67 of the table: 1 cells"),
        (b"a,c\n1,2\n", "column 2 is \"c\""),
        (b"a\n1\n", "1 columns"),
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
        let mut writer = table.writer(&mut out, &[], None, true).unwrap();
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
        &[32],
        &[0, 1],
        &[16, 0, 1, 0, 9, b'x'],
        &[16, 0, 0, 1],
    ] {
        assert!(table.writer(Vec::new(), extras, None, true).is_err());
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
            .writer(&mut sink, &reader.extras().unwrap(), None, true)
            .unwrap(),
    );
    writer.write(piece.view()).unwrap();
    assert_eq!(writer.finish().unwrap(), text.len() as u64);
    assert!(sink.0 < BLOCK + 20_000, "{}", sink.0);
}
