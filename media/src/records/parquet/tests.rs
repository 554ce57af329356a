//! Schema and values come back, and damaged files are errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, Int32Type};
use ::parquet::record::RowAccessor;
use ::parquet::schema::parser::parse_message_type;

/// Ids, doubles some of which are null, words, and three bytes each.
fn file(folder: &std::path::Path) -> std::path::PathBuf {
    let message = "message m { REQUIRED INT32 id; OPTIONAL DOUBLE x; \
                   OPTIONAL BYTE_ARRAY word (UTF8); REQUIRED FIXED_LEN_BYTE_ARRAY (3) b; }";
    let schema = Arc::new(parse_message_type(message).unwrap());
    let path = folder.join("a.parquet");
    let out = std::fs::File::create(&path).unwrap();
    let mut w = SerializedFileWriter::new(out, schema, Arc::default()).unwrap();
    for g in 0..2 {
        let mut group = w.next_row_group().unwrap();
        let mut c = group.next_column().unwrap().unwrap();
        let ids: Vec<i32> = (0..100).map(|i| i * 7 - 50 + g).collect();
        c.typed::<Int32Type>()
            .write_batch(&ids, None, None)
            .unwrap();
        c.close().unwrap();
        let mut c = group.next_column().unwrap().unwrap();
        let levels: Vec<i16> = (0..100).map(|i| i16::from(i % 3 > 0)).collect();
        let n = levels.iter().filter(|l| **l > 0).count();
        let xs: Vec<f64> = (0..n)
            .map(|i| [0.1, -0.0, 1e300, f64::INFINITY][i % 4])
            .collect();
        let typed = c.typed::<DoubleType>();
        typed.write_batch(&xs, Some(&levels), None).unwrap();
        c.close().unwrap();
        let mut c = group.next_column().unwrap().unwrap();
        let words: Vec<ByteArray> = (0..n).map(|i| ["a", "", "\u{e9}"][i % 3].into()).collect();
        let typed = c.typed::<ByteArrayType>();
        typed.write_batch(&words, Some(&levels), None).unwrap();
        c.close().unwrap();
        let mut c = group.next_column().unwrap().unwrap();
        let bytes: Vec<FixedLenByteArray> = (0..100u8)
            .map(|i| ByteArray::from(vec![i % 2, i, 9]).into())
            .collect();
        let typed = c.typed::<::parquet::data_type::FixedLenByteArrayType>();
        typed.write_batch(&bytes, None, None).unwrap();
        c.close().unwrap();
        group.close().unwrap();
    }
    w.close().unwrap();
    path
}

fn rows(bytes: Vec<u8>) -> Vec<String> {
    let file = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
    let rows = file.get_row_iter(None).unwrap();
    rows.map(|r| r.unwrap().to_string()).collect()
}

#[test]
fn schema_and_values_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let parquet = Parquet::learn(std::slice::from_ref(&path), &mut Budget::default()).unwrap();
    let json = serde_json::to_string(&parquet).unwrap();
    let parquet: Parquet = serde_json::from_str(&json).unwrap();
    let open = || Box::new(std::fs::File::open(&path).unwrap());
    let mut reader = parquet.reader(open(), None, Budget::default()).unwrap();
    let mut out = Vec::new();
    let mut writer = Box::new(
        parquet
            .writer(&mut out, &[], None, &Budget::default())
            .unwrap(),
    );
    while let Some(r) = reader.next(33).unwrap() {
        writer.write(r.view()).unwrap();
    }
    let n = writer.finish().unwrap();
    assert_eq!(n, out.len() as u64);
    let before = rows(std::fs::read(&path).unwrap());
    assert_eq!(before.len(), 200);
    assert_eq!(rows(out.clone()), before);
    let again = Opened::new(Box::new(std::io::Cursor::new(out)), &mut Budget::default()).unwrap();
    assert_eq!(again.schema, parquet.shape.schema().unwrap());

    // Some columns, in another order.
    let mut reader = parquet.reader(open(), None, Budget::default()).unwrap();
    let mut out = Vec::new();
    let mut writer = Box::new(
        parquet
            .writer(&mut out, &[], Some(&[2, 0]), &Budget::default())
            .unwrap(),
    );
    while let Some(r) = reader.next(1000).unwrap() {
        writer.write(r.view()).unwrap();
    }
    writer.finish().unwrap();
    let file = SerializedFileReader::new(Bytes::from(out)).unwrap();
    let first = file.get_row_iter(None).unwrap().nth(1).unwrap().unwrap();
    assert_eq!(
        (
            first.get_string(0).unwrap().as_str(),
            first.get_int(1).unwrap()
        ),
        ("a", -43)
    );
}

#[test]
fn what_is_no_flat_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let parquet = Parquet::learn(std::slice::from_ref(&path), &mut Budget::default()).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    for n in [0, 4, 100, bytes.len() - 1] {
        let cut = Box::new(std::io::Cursor::new(bytes[..n].to_vec()));
        assert!(parquet.reader(cut, None, Budget::default()).is_err());
    }
    for i in (0..bytes.len()).step_by(7) {
        bytes[i] ^= 0x55;
        if let Ok(mut r) = parquet.reader(
            Box::new(std::io::Cursor::new(bytes.clone())),
            None,
            Budget::default(),
        ) {
            while let Ok(Some(_)) = r.next(64) {}
        }
        bytes[i] ^= 0x55;
    }
}

/// One column of zeros in one page of zstd, and the model of it.
fn zeros(folder: &std::path::Path, n: usize) -> (Vec<u8>, Parquet) {
    let message = "message m { REQUIRED BYTE_ARRAY b; }";
    let columns = serde_json::json!([{ "name": "b", "words": [], "pattern": null }]);
    let json = serde_json::json!({ "message": message, "columns": columns });
    let parquet: Parquet = serde_json::from_value(json).unwrap();
    let mut bytes = Vec::new();
    let mut writer = Box::new(
        parquet
            .writer(&mut bytes, &[], None, &Budget::default())
            .unwrap(),
    );
    let cell = [b"\"", &vec![b'z'; n][..]].concat();
    writer.group.push(std::iter::once(&cell[..])).unwrap();
    writer.finish().unwrap();
    let path = folder.join("z.parquet");
    std::fs::write(&path, &bytes).unwrap();
    let learnt = Parquet::learn(&[path], &mut Budget::default()).unwrap();
    (bytes, learnt)
}

#[test]
fn a_page_that_unpacks_to_more_than_it_says_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, parquet) = zeros(folder.path(), 1 << 20);
    let read = |bytes: &[u8]| {
        let file = Box::new(std::io::Cursor::new(bytes.to_vec()));
        parquet.reader(file, None, Budget::default())?.next(10)
    };
    assert!(read(&bytes).unwrap().is_some());
    // The lengths of pages, in the notation of Thrift: field 2, a number of 32 bits; another of as many bytes.
    let varint = |mut x: u32| {
        let mut out = vec![0x15];
        x *= 2;
        while x >= 0x80 {
            out.push(x as u8 | 0x80);
            x >>= 7;
        }
        out.push(x as u8);
        out
    };
    let mut lies = bytes.clone();
    let mut found = 0;
    for n in (1 << 20)..(1 << 20) + 64 {
        let (is, claimed) = (varint(n), varint(1 << 14));
        assert_eq!((is.len(), claimed.len()), (5, 4));
        // One byte longer than it need be.
        let claimed = [&claimed[..3], &[claimed[3] | 0x80, 0]].concat();
        let places: Vec<usize> = bytes
            .windows(5)
            .enumerate()
            .filter(|(_, w)| *w == is)
            .map(|(i, _)| i)
            .collect();
        for at in places {
            lies[at..at + 5].copy_from_slice(&claimed);
            found += 1;
        }
    }
    assert!(found > 0);
    let e = read(&lies).map(|_| ());
    let e = e.unwrap_err().to_string();
    assert!(e.contains("longer than its head says"), "{e}");
}

/// Behind a frame that is skipped, what follows is unpacked all the same.
#[test]
fn a_page_behind_a_skipped_frame_is_looked_at() {
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    let zeros = vec![0; 1 << 20];
    let packed = zstd::encode_all(&zeros[..], 1).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&zeros).unwrap();
    let mut brotli = Vec::new();
    let params = brotli::enc::BrotliEncoderParams::default();
    brotli::BrotliCompress(&mut &zeros[..], &mut brotli, &params).unwrap();
    let budget = Budget::default();
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for (packing, body) in [
        (zstd, packed.clone()),
        (zstd, [&skipped[..], &packed].concat()),
        (
            Compression::GZIP(Default::default()),
            gzip.finish().unwrap(),
        ),
        (Compression::BROTLI(Default::default()), brotli),
    ] {
        pages::unpacked_is(packing, &body, 0, 1 << 20, &budget).unwrap();
        let e = pages::unpacked_is(packing, &body, 0, 32, &budget);
        assert!(matches!(e, Err(Error::Format(_))), "{packing} {e:?}");
    }
    // Bytes that are not packed.
    pages::unpacked_is(zstd, b"values as they are", 0, 18, &budget).unwrap();
}

#[test]
fn a_schema_of_a_thousand_levels_is_refused() {
    let deep = |n: usize| {
        let groups = "optional group a { ".repeat(n);
        let message = format!(
            "message m {{ {groups} required int32 x; {}",
            "} ".repeat(n + 1)
        );
        let columns = serde_json::json!([{ "name": "x", "words": [], "pattern": null }]);
        serde_json::from_value(serde_json::json!({ "message": message, "columns": columns }))
    };
    for n in [40, 1_000, 100_000] {
        let parquet: Parquet = deep(n).unwrap();
        assert!(!parquet.is_sound());
        let e = parquet.writer(Vec::new(), &[], None, &Budget::default());
        assert!(matches!(e.map(|_| ()), Err(Error::Model(_))), "{n}");
    }
    let flat: Parquet = deep(0).unwrap();
    flat.writer(Vec::new(), &[], None, &Budget::default())
        .unwrap();
}

#[test]
fn rows_of_a_piece_are_written_as_they_come() {
    // A long word of the model is two bytes of a piece.
    let word = format!("\"{}", "z".repeat(1 << 16));
    let columns = serde_json::json!([{ "name": "b", "words": [word], "pattern": null }]);
    let message = "message m { REQUIRED BYTE_ARRAY b; }";
    let json = serde_json::json!({ "message": message, "columns": columns });
    let parquet: Parquet = serde_json::from_value(json).unwrap();
    let piece = RecordsBuf {
        values: Array2::zeros((500, 1)),
        texts: Vec::new(),
    };
    let mut out = Vec::new();
    let budget = Budget::new(8 << 20);
    let mut writer = Box::new(parquet.writer(&mut out, &[], None, &budget).unwrap());
    writer.write(piece.view()).unwrap();
    assert!(writer.group.bytes <= budget.left() / 8);
    writer.finish().unwrap();
    let file = SerializedFileReader::new(Bytes::from(out)).unwrap();
    assert!(file.num_row_groups() > 20);
    assert_eq!(file.metadata().file_metadata().num_rows(), 500);
}
