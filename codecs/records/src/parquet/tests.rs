//! Schema and values come back, and damaged files are errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use ::parquet::data_type::{ByteArrayType, DoubleType, Int32Type};
use ::parquet::record::RowAccessor;

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
    let mut writer = Box::new(parquet.writer(&mut out, None).unwrap());
    while let Some(r) = reader.next(33).unwrap() {
        writer.write(r.view()).unwrap();
    }
    let n = writer.finish().unwrap();
    assert_eq!(n, out.len() as u64);
    let before = rows(std::fs::read(&path).unwrap());
    assert_eq!(before.len(), 200);
    assert_eq!(rows(out.clone()), before);
    let again = Opened::new(Box::new(std::io::Cursor::new(out)), &mut Budget::default()).unwrap();
    assert_eq!(again.message, parquet.message);

    // Some columns, in another order.
    let mut reader = parquet.reader(open(), None, Budget::default()).unwrap();
    let mut out = Vec::new();
    let mut writer = Box::new(parquet.writer(&mut out, Some(&[2, 0])).unwrap());
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
