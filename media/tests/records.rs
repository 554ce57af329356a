//! Files of every kind come back; wrong ones are told apart.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use nc_core::{Budget, Error, RecordsBuf};
use nc_media::records::{FileOfRows, Image, Learn, Reader, Schema, Source};

fn idx(count: u32, shape: &[u32], body: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 0, 8, shape.len() as u8 + 1];
    out.extend(count.to_be_bytes());
    shape.iter().for_each(|n| out.extend(n.to_be_bytes()));
    out.extend(body);
    out
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn learn(path: &Path) -> Schema {
    let schema =
        Schema::learn(&[path.to_path_buf()], &Learn::default(), &Budget::default()).unwrap();
    Schema::from_json(&schema.to_json().unwrap()).unwrap()
}

fn all(reader: &mut dyn Reader, at_once: usize) -> nc_core::Result<Vec<RecordsBuf>> {
    let mut out = Vec::new();
    while let Some(rows) = reader.next(at_once)? {
        assert!(rows.values.nrows() <= at_once);
        out.push(rows);
    }
    Ok(out)
}

fn of(bytes: &[u8]) -> Source {
    Source::of(Cursor::new(bytes.to_vec())).unwrap()
}

/// Reads and writes back.
fn round(schema: &Schema, bytes: &[u8]) -> nc_core::Result<Vec<u8>> {
    let mut reader = schema.reader(of(bytes), None, Budget::default())?;
    let rows = all(reader.as_mut(), 7)?;
    let n: usize = rows.iter().map(|r| r.values.nrows()).sum();
    let mut out = Vec::new();
    let mut writer = schema.writer(
        &mut out,
        FileOfRows {
            records: n as u64,
            extras: &reader.extras()?,
            ..FileOfRows::default()
        },
        &Budget::default(),
    )?;
    for r in &rows {
        writer.write(r.view())?;
    }
    writer.finish()?;
    Ok(out)
}

#[test]
fn idx_and_raw_come_back_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let body: Vec<u8> = (0..20 * 12).map(|i| (i * 7) as u8).collect();
    let file = idx(20, &[3, 4], &body);
    let path = put(folder.path(), "a.idx", &file);
    let schema = learn(&path);
    assert_eq!(schema.alphabets(), [256; 12]);
    assert_eq!(schema.names()[5], "1,1");
    let image = Image {
        width: 4,
        height: 3,
        channels: 1,
    };
    assert_eq!(schema.image(), Some(image));
    assert_eq!(round(&schema, &file).unwrap(), file);

    // gzip is taken off, in one member or two.
    let gzip = |bytes: &[u8]| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(bytes).unwrap();
        gz.finish().unwrap()
    };
    assert_eq!(round(&schema, &gzip(&file)).unwrap(), file);
    let two = [gzip(&file[..50]), gzip(&file[50..])].concat();
    assert_eq!(round(&schema, &two).unwrap(), file);
    let gz = put(folder.path(), "a.idx.gz", &two);
    assert_eq!(learn(&gz).alphabets(), [256; 12]);

    // Other elements are coded as their bytes; labels are items of one.
    let mut wide = idx(10, &[3, 4], &body);
    wide[2] = 11;
    assert_eq!(
        learn(&put(folder.path(), "b.idx", &wide)).alphabets().len(),
        24
    );
    let labels = idx(240, &[], &body);
    let schema = learn(&put(folder.path(), "c.idx", &labels));
    assert_eq!(round(&schema, &labels).unwrap(), labels);

    let how = Learn {
        record_length: Some(12),
        ..Learn::default()
    };
    let raw = put(folder.path(), "a.bin", &body);
    let schema = Schema::learn(&[raw], &how, &Budget::default()).unwrap();
    assert_eq!(round(&schema, &body).unwrap(), body);
}

#[test]
fn what_does_not_fit_the_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let body = vec![5u8; 240];
    let file = idx(20, &[3, 4], &body);
    let schema = learn(&put(folder.path(), "a.idx", &file));
    let (promised, cut) = ("promises 20 records, the file holds 7", "11 of 12 bytes");
    // Another file, and one that is not what its header says.
    let cases: [(Vec<u8>, &str, bool); 7] = [
        (idx(20, &[4, 3], &body), "not IDX images of 4 x 3", false),
        (b"no idx at all".to_vec(), "not an IDX file", false),
        (Vec::new(), "not an IDX file", false),
        (idx(21, &[3, 4], &body), "promises 21 records", true),
        (idx(19, &[3, 4], &body), "promises 19 records", true),
        (file[..100].to_vec(), promised, true),
        (file[..99].to_vec(), cut, true),
    ];
    for (bytes, reason, damaged) in cases {
        let e = round(&schema, &bytes).unwrap_err();
        assert_eq!(matches!(e, Error::Format(_)), damaged, "{e:?}");
        assert!(damaged || matches!(e, Error::Usage(_)), "{e:?}");
        assert!(e.to_string().contains(reason), "{e}");
    }
    // Learning from different files, or from none.
    let other = put(folder.path(), "b.idx", &idx(20, &[4, 3], &body));
    let first = folder.path().join("a.idx");
    let e = Schema::learn(
        &[first, other.clone()],
        &Learn::default(),
        &Budget::default(),
    )
    .unwrap_err();
    assert!(e.to_string().contains("b.idx"), "{e}");
    for bytes in [&b"\x01\x02\x03"[..], b"", b"text without a line end"] {
        let path = put(folder.path(), "x", bytes);
        assert!(Schema::learn(&[path], &Learn::default(), &Budget::default()).is_err());
    }
    assert!(
        Schema::learn(
            &[folder.path().join("none")],
            &Learn::default(),
            &Budget::default()
        )
        .is_err()
    );
    let empty = put(folder.path(), "e", &idx(0, &[0, 4], &[]));
    assert!(Schema::learn(&[empty], &Learn::default(), &Budget::default()).is_err());
    for json in [
        "",
        "{}",
        r#"{"raw":{"length":0}}"#,
        r#"{"idx":{"element":8,"shape":[9999999,9999999]}}"#,
    ] {
        assert!(
            matches!(Schema::from_json(json), Err(Error::Model(_))),
            "{json}"
        );
    }
}

#[test]
fn values_that_are_no_bytes_are_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let schema = learn(&put(folder.path(), "a.idx", &idx(2, &[2], &[1, 2, 3, 4])));
    for (values, columns) in [(vec![1, 256], 2), (vec![1, 2, 3], 3)] {
        let records = RecordsBuf {
            values: ndarray::Array2::from_shape_vec((1, columns), values).unwrap(),
            texts: Vec::new(),
        };
        let mut writer = schema
            .writer(Vec::new(), FileOfRows::default(), &Budget::default())
            .unwrap();
        let e = writer.write(records.view()).unwrap_err();
        assert!(matches!(e, Error::Format(_)));
    }
    assert!(
        schema
            .writer(
                Vec::new(),
                FileOfRows {
                    extras: b"extras",
                    ..FileOfRows::default()
                },
                &Budget::default(),
            )
            .is_err()
    );
    assert!(
        schema
            .writer(
                Vec::new(),
                FileOfRows {
                    records: u64::MAX,
                    ..FileOfRows::default()
                },
                &Budget::default(),
            )
            .is_err()
    );
}

#[test]
fn folders_of_images_come_back_pixel_for_pixel() {
    for (channels, color) in [
        (1, image::ExtendedColorType::L8),
        (3, image::ExtendedColorType::Rgb8),
        (4, image::ExtendedColorType::Rgba8),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let pixels = |i: usize| -> Vec<u8> {
            (0..5 * 4 * channels)
                .map(|j| (i * 31 + j * 3) as u8)
                .collect()
        };
        let names = ["b.png", "a.PNG", "image 10.png", "image 2.png"];
        for (i, name) in names.iter().enumerate() {
            let path = folder.path().join(name);
            image::save_buffer(&path, &pixels(i), 5, 4, color)
                .or_else(|_| {
                    image::save_buffer_with_format(
                        &path,
                        &pixels(i),
                        5,
                        4,
                        color,
                        image::ImageFormat::Png,
                    )
                })
                .unwrap();
        }
        std::fs::write(folder.path().join("notes.txt"), "no image").unwrap();
        let schema = learn(folder.path());
        assert!(schema.is_folder());
        let source = Source::open(folder.path()).unwrap();
        let mut reader = schema.reader(source, None, Budget::default()).unwrap();
        let rows = all(reader.as_mut(), 3).unwrap();
        let extras = reader.extras().unwrap();
        let out = tempfile::tempdir().unwrap();
        let mut budget = Budget::default();
        let to = out.path().to_path_buf();
        let mut writer = schema
            .folder_writer(to.clone(), 0, &extras, &mut budget)
            .unwrap();
        for r in &rows {
            writer.write(r.view()).unwrap();
        }
        writer.finish().unwrap();
        for (i, name) in names.iter().enumerate() {
            let back = image::ImageReader::open(out.path().join(name)).unwrap();
            let back = back.with_guessed_format().unwrap().decode().unwrap();
            assert_eq!(back.into_bytes(), pixels(i), "{name}");
        }
        // From the second on.
        let part = tempfile::tempdir().unwrap();
        let to = part.path().to_path_buf();
        let mut writer = schema.folder_writer(to, 1, &extras, &mut budget).unwrap();
        writer
            .write(rows[0].view().rows(1, 2).unwrap().view())
            .unwrap();
        assert!(part.path().join("b.png").exists());
        // With a gap, the names are those of what is left; beyond a gap of unknown length, and without names, numbers.
        let image = |i: usize| rows[0].view().rows(i, i + 1).unwrap();
        for (gap, extras, expected) in [
            (Some(2), &extras[..], ["a.PNG", "image 2.png"]),
            (None, &extras, ["000001.png", "a.PNG"]),
            (Some(2), &[], ["000000.png", "000003.png"]),
        ] {
            let part = tempfile::tempdir().unwrap();
            let to = part.path().to_path_buf();
            let mut writer = schema.folder_writer(to, 0, extras, &mut budget).unwrap();
            writer.write(image(0).view()).unwrap();
            writer.skip(gap);
            writer.write(image(1).view()).unwrap();
            let mut made: Vec<_> = std::fs::read_dir(part.path())
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .collect();
            made.sort();
            assert_eq!(made, expected);
        }

        // Of another size, of no size, and a name that leads elsewhere.
        image::save_buffer(
            folder.path().join("z.png"),
            &[0; 1],
            1,
            1,
            image::ExtendedColorType::L8,
        )
        .unwrap();
        let source = Source::open(folder.path()).unwrap();
        let mut reader = schema.reader(source, None, Budget::default()).unwrap();
        assert!(
            all(reader.as_mut(), 100)
                .unwrap_err()
                .to_string()
                .contains("z.png")
        );
        std::fs::write(folder.path().join("z.png"), b"\x89PNG nothing").unwrap();
        let source = Source::open(folder.path()).unwrap();
        assert!(
            all(
                schema
                    .reader(source, None, Budget::default())
                    .unwrap()
                    .as_mut(),
                100
            )
            .is_err()
        );
        let mut evil = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        evil.write_all(b"../x.png").unwrap();
        let evil = evil.finish().unwrap();
        let to = out.path().to_path_buf();
        let refused = schema.folder_writer(to.clone(), 0, &evil, &mut budget);
        assert!(matches!(refused.err(), Some(Error::Format(_))));
        assert!(
            schema
                .folder_writer(to, 0, b"garbage", &mut budget)
                .is_err()
        );
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(
        Schema::learn(
            &[empty.path().to_path_buf()],
            &Learn::default(),
            &Budget::default()
        )
        .is_err()
    );
}
