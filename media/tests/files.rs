//! Files opened, created again and compared, by path and through pipes.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::io::{self, Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use nc_core::container::Meta;
use nc_core::{AudioFormat, Budget, Error, Format, MediaKind, SampleDepth, SignalBuf};
use nc_media::records::{Learn, Schema};
use nc_media::{
    CreateOptions, OpenOptions, Reader, code, create, create_stream, open, open_stream,
};

/// A pipe's end that bytes come out of in small pieces.
struct Pipe(Cursor<Vec<u8>>);

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = buf.len().min(7);
        self.0.read(&mut buf[..n])
    }
}

/// A pipe's end that bytes go into.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All that a reader gives.
fn all(mut reader: Reader) -> nc_core::Result<(Format, Vec<SignalBuf>, Vec<Meta>)> {
    let mut pieces = Vec::new();
    while let Some(piece) = reader.next()? {
        pieces.push(piece);
    }
    assert!(reader.next()?.is_none(), "the end stays the end");
    Ok((reader.format(), pieces, reader.take_metadata()))
}

fn options(schema: Option<&Schema>) -> OpenOptions {
    match schema {
        Some(schema) => OpenOptions::new().schema(schema.clone()),
        None => OpenOptions::new(),
    }
}

/// The bytes of a file that was opened from a path or pipe, and created as a file or stream.
fn round(dir: &Path, from: &Path, to: &str, schema: Option<&Schema>) -> Vec<u8> {
    let bytes = std::fs::read(from).unwrap();
    let mut seen: Option<Vec<u8>> = None;
    for (by_pipe, into_pipe) in [(false, false), (false, true), (true, false), (true, true)] {
        let how = options(schema);
        let reader = match by_pipe {
            true => open_stream(Pipe(Cursor::new(bytes.clone())), &how),
            false => open(from, &how),
        };
        let (format, pieces, metadata) = all(reader.unwrap()).unwrap();
        let units = pieces.iter().map(SignalBuf::units).sum();
        let mut how = CreateOptions::new().metadata(&metadata).units(units);
        if let Some(schema) = schema {
            how = how.schema(schema.clone());
        }
        let sink = Sink::default();
        let path = dir.join(to);
        let mut writer = match into_pipe {
            true => create_stream(sink.clone(), "-", &format, how).unwrap(),
            false => create(&path, &format, how).unwrap(),
        };
        for piece in &pieces {
            writer.write(piece.view()).unwrap();
        }
        let written = writer.finish().unwrap();
        assert_eq!((written.units, &written.warnings[..]), (units, &[][..]));
        let back = match into_pipe {
            true => sink.0.lock().unwrap().clone(),
            false => std::fs::read(&path).unwrap(),
        };
        assert_eq!(written.bytes, back.len() as u64);
        let _ = std::fs::remove_file(&path);
        assert_eq!(*seen.get_or_insert_with(|| back.clone()), back, "{to}");
    }
    seen.unwrap()
}

fn put(dir: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn chunk(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = id.to_vec();
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out.extend(vec![0; data.len() % 2]);
    out
}

/// A WAV file of 16 bits with a chunk on each side of its samples.
fn wav(channels: u16, samples: &[i16]) -> Vec<u8> {
    let mut fmt = Vec::new();
    for v in [1, channels] {
        fmt.extend(v.to_le_bytes());
    }
    fmt.extend(8000u32.to_le_bytes());
    fmt.extend((16_000 * u32::from(channels)).to_le_bytes());
    for v in [2 * channels, 16] {
        fmt.extend(v.to_le_bytes());
    }
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let body = [
        chunk(b"fmt ", &fmt),
        chunk(b"bext", b"before"),
        chunk(b"data", &data),
        chunk(b"LIST", b"INFOafter"),
    ];
    [b"WAVE".to_vec(), body.concat()].concat()
}

fn riff(body: Vec<u8>) -> Vec<u8> {
    chunk(b"RIFF", &body)
}

#[test]
fn every_format_comes_back_through_paths_and_pipes() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let sound = riff(wav(2, &[1, -2, 300, i16::MIN, i16::MAX, 0]));
    let y4m = b"YUV4MPEG2 W2 H2 F25:1 Ip C420jpeg\nFRAME\n123456FRAME\nabcdef".to_vec();
    for (name, bytes) in [
        ("a.wav", &sound),
        ("a.y4m", &y4m),
        ("a.bin", &b"\0any bytes at all".to_vec()),
        ("empty", &Vec::new()),
    ] {
        let path = put(d, name, bytes);
        assert_eq!(
            round(d, &path, &format!("back-{name}"), None),
            *bytes,
            "{name}"
        );
    }
    let image = image::RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8 * 50, y as u8 * 90, 7]));
    image.save(d.join("a.png")).unwrap();
    let how = OpenOptions::new();
    let (format, pieces, _) = all(open(d.join("a.png"), &how).unwrap()).unwrap();
    let mut writer = create(d.join("b.png"), &format, CreateOptions::new()).unwrap();
    writer.write(pieces[0].view()).unwrap();
    writer.finish().unwrap();
    let back = image::open(d.join("b.png")).unwrap().to_rgb8();
    assert!(
        back.iter()
            .zip(image.iter())
            .all(|(a, b)| a.abs_diff(*b) <= 2)
    );
}

#[test]
fn records_come_back_through_paths_and_pipes() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let mut idx = vec![0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 2];
    idx.extend([1, 2, 3, 4, 5, 6]);
    let table = b"name,age\r\n\"a,b\",3\r\nc,4\r\nd,3\r\n".to_vec();
    for (name, bytes) in [("a.idx", idx), ("a.csv", table)] {
        let path = put(d, name, &bytes);
        let learn = Schema::learn(
            std::slice::from_ref(&path),
            &Learn::default(),
            &Budget::default(),
        );
        let schema = learn.unwrap();
        assert_eq!(round(d, &path, "back", Some(&schema)), bytes, "{name}");
        // A file's header is put right where nobody said how many rows would come.
        let (format, pieces, metadata) =
            all(open(&path, &options(Some(&schema))).unwrap()).unwrap();
        let how = || {
            CreateOptions::new()
                .metadata(&metadata)
                .schema(schema.clone())
        };
        let mut writer = create(d.join("late"), &format, how().overwrite(true)).unwrap();
        writer.write(pieces[0].view()).unwrap();
        writer.finish().unwrap();
        assert_eq!(std::fs::read(d.join("late")).unwrap(), bytes, "{name}");
        let streamed = create_stream(Sink::default(), "-", &format, how());
        assert_eq!(streamed.is_ok(), name == "a.csv");
    }
    // Without a schema they are bytes.
    let bytes = open(d.join("a.csv"), &OpenOptions::new()).unwrap();
    assert_eq!(bytes.format(), Format::Bytes);
    let e = open(
        d.join("a.csv"),
        &OpenOptions::new().kind(MediaKind::Records),
    )
    .err();
    assert_eq!(e.unwrap().parts().2, Some(code::NO_SCHEMA));
}

#[test]
fn compressed_sound_is_the_same_by_path_and_pipe() {
    for name in ["flac", "mp3", "ogg"] {
        let path = format!(
            "{}/../bins/nc/tests/data/voice.{name}",
            env!("CARGO_MANIFEST_DIR")
        );
        let by_path = open(&path, &OpenOptions::new());
        if cfg!(not(feature = "compressed-sound")) {
            let e = by_path.err().unwrap();
            assert_eq!(e.parts().2, Some(code::NOT_BUILT_IN));
            continue;
        }
        let by_path = by_path.unwrap();
        assert_eq!(by_path.container(), name);
        let bytes = Pipe(Cursor::new(std::fs::read(&path).unwrap()));
        let by_pipe = open_stream(bytes, &OpenOptions::new()).unwrap();
        let (a, b) = (all(by_path).unwrap(), all(by_pipe).unwrap());
        assert_eq!(a.0.kind(), MediaKind::Audio);
        assert!(a == b, "{name}");
    }
}

#[test]
fn folders_of_images_come_back_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let frames = d.join("frames");
    std::fs::create_dir(&frames).unwrap();
    for i in 0..3u8 {
        let image = image::GrayImage::from_pixel(4, 2, image::Luma([i * 60]));
        image.save(frames.join(format!("{i}.png"))).unwrap();
    }
    let (format, pieces, _) =
        all(open(&frames, &OpenOptions::new().rate([5, 1])).unwrap()).unwrap();
    let Format::Video(form) = format else {
        panic!("{format:?}")
    };
    assert_eq!((form.rate, pieces.len()), ([5, 1], 3));
    let back = d.join("back");
    let mut writer = create(&back, &format, CreateOptions::new().part(7..10)).unwrap();
    for piece in &pieces {
        assert!(!back.exists());
        writer.write(piece.view()).unwrap();
    }
    assert_eq!(writer.finish().unwrap().units, 3);
    let third = image::open(back.join("00010.png")).unwrap().to_luma8();
    assert!(third.iter().all(|s| *s == 120));
    let e = create(&back, &format, CreateOptions::new()).err().unwrap();
    assert_eq!(e.parts().2, Some(code::OUTPUT_EXISTS));
    // An image of another size is named.
    image::GrayImage::new(9, 9)
        .save(frames.join("z.png"))
        .unwrap();
    let (e, file, _) = open(&frames, &OpenOptions::new()).err().unwrap().parts();
    assert!(matches!(e, Error::Usage(_)));
    assert_eq!(file, Some(frames.join("z.png")));
}

#[test]
fn what_is_lost_is_concealed() {
    let dir = tempfile::tempdir().unwrap();
    let format = Format::Audio(AudioFormat {
        rate: 8000,
        channels: 2,
        depth: SampleDepth::I16,
    });
    let piece = nc_media::sound::interleaved::from_interleaved(8000, 2, &[5i16, 6]).unwrap();
    let piece = SignalBuf::Audio(piece);
    let path = dir.path().join("a.wav");
    let mut writer = create(&path, &format, CreateOptions::new()).unwrap();
    writer.skip(Some(2)).unwrap();
    writer.write(piece.view()).unwrap();
    writer.skip(Some(40_000)).unwrap();
    writer.write(piece.view()).unwrap();
    writer.skip(None).unwrap();
    writer.skip(Some(9)).unwrap();
    assert_eq!(
        writer.finish().unwrap().units,
        40_004,
        "nothing stands for a lost end"
    );
    let mut back = hound::WavReader::open(&path).unwrap();
    let back: Vec<i16> = back.samples::<i16>().map(Result::unwrap).collect();
    assert_eq!(back[..8], [0, 0, 0, 0, 5, 6, 0, 0]);
    assert_eq!(back[back.len() - 4..], [0, 0, 5, 6]);

    let y4m = b"YUV4MPEG2 W1 H1 F1:1 Cmono\nFRAME\na".to_vec();
    let reader = open_stream(Cursor::new(y4m.clone()), &OpenOptions::new());
    let (format, pieces, metadata) = all(reader.unwrap()).unwrap();
    let sink = Sink::default();
    let how = CreateOptions::new().metadata(&metadata);
    let mut writer = create_stream(sink.clone(), "-", &format, how).unwrap();
    writer.skip(Some(1)).unwrap();
    writer.write(pieces[0].view()).unwrap();
    writer.skip(Some(1)).unwrap();
    writer.write(pieces[0].view()).unwrap();
    writer.finish().unwrap();
    let made = sink.0.lock().unwrap().clone();
    assert!(made.ends_with(b"FRAME\n\x80FRAME\naFRAME\naFRAME\na"));
}

#[test]
fn nothing_half_written_stays() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let count = || std::fs::read_dir(d).unwrap().count();
    let path = d.join("a");
    let mut writer = create(&path, &Format::Bytes, CreateOptions::new()).unwrap();
    writer.write(SignalBuf::Bytes(vec![1; 99]).view()).unwrap();
    assert_eq!(count(), 1);
    drop(writer);
    assert_eq!(count(), 0);
    // A file that exists, and one that has come to exist.
    put(d, "a", b"old");
    let e = create(&path, &Format::Bytes, CreateOptions::new())
        .err()
        .unwrap();
    assert_eq!(e.exit_code(), 2);
    let (_, file, code) = e.parts();
    assert_eq!(
        (file, code),
        (Some(path.clone()), Some(code::OUTPUT_EXISTS))
    );
    let writer = create(d.join("b"), &Format::Bytes, CreateOptions::new()).unwrap();
    put(d, "b", b"new");
    assert!(writer.finish().is_err());
    assert_eq!(std::fs::read(d.join("b")).unwrap(), b"new");
    let how = CreateOptions::new().overwrite(true);
    create(&path, &Format::Bytes, how)
        .unwrap()
        .finish()
        .unwrap();
    assert_eq!((std::fs::read(&path).unwrap().len(), count()), (0, 2));
    let how = CreateOptions::new().overwrite(true).input(&path);
    assert!(
        create(&path, &Format::Bytes, how).is_err(),
        "the input stays"
    );
}

#[test]
fn late_metadata_and_parts() {
    let dir = tempfile::tempdir().unwrap();
    let format = Format::Audio(AudioFormat {
        rate: 8000,
        channels: 1,
        depth: SampleDepth::U8,
    });
    let meta = |tag: &[u8; 4]| Meta {
        tag: *tag,
        data: b"1234".to_vec(),
    };
    let late = [meta(b"LIST")];
    // Into a file it goes behind the samples; a pipe has no place for it, and that is said.
    let path = dir.path().join("a.wav");
    let mut writer = create(&path, &format, CreateOptions::new()).unwrap();
    writer.add_metadata(&late).unwrap();
    assert!(writer.finish().unwrap().warnings.is_empty());
    let (_, _, back) = all(open(&path, &OpenOptions::new()).unwrap()).unwrap();
    assert_eq!(back, late);
    let mut writer = create_stream(Sink::default(), "-", &format, CreateOptions::new()).unwrap();
    writer.add_metadata(&late).unwrap();
    assert_eq!(
        writer.finish().unwrap().warnings[0].code,
        code::METADATA_LATE
    );
    // A strict writer holds back what a pipe gets until all of it is known.
    let how = CreateOptions::new().strict(true);
    let mut writer = create_stream(Sink::default(), "-", &format, how).unwrap();
    writer.add_metadata(&late).unwrap();
    assert!(writer.finish().unwrap().warnings.is_empty());
    // What counts samples is not of a part.
    let both = [meta(b"cue "), meta(b"LIST")];
    let how = CreateOptions::new()
        .metadata(&both)
        .part(0..0)
        .overwrite(true);
    create(&path, &format, how).unwrap().finish().unwrap();
    let (_, _, back) = all(open(&path, &OpenOptions::new()).unwrap()).unwrap();
    assert_eq!(back, late);
}

#[test]
fn kinds_that_are_wanted_are_held_to() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let text = put(d, "a.txt", b"words");
    let sound = put(d, "a.mp4", &riff(wav(1, &[1])));
    let nc = put(d, "a.nc", &nc_core::container::MAGIC);
    let fails = |path: &Path, kind: Option<MediaKind>| {
        let how = OpenOptions::new();
        let how = kind.map_or(OpenOptions::new(), |k| how.kind(k));
        open(path, &how).err().map(|e| e.exit_code())
    };
    assert_eq!(fails(&text, None), None);
    assert_eq!(fails(&text, Some(MediaKind::Audio)), Some(3));
    assert_eq!(fails(&text, Some(MediaKind::Video)), Some(2));
    assert_eq!(fails(&sound, Some(MediaKind::Audio)), None, "names lie");
    assert_eq!(fails(&sound, Some(MediaKind::Bytes)), None);
    assert_eq!(fails(&nc, None), Some(2));
    assert_eq!(fails(&nc, Some(MediaKind::Bytes)), None);
    assert_eq!(fails(d, Some(MediaKind::Bytes)), Some(2));
    let e = open(d, &OpenOptions::new()).err().unwrap();
    assert_eq!(e.parts().2, Some(code::NO_IMAGES));
    let tiny = OpenOptions::new().budget(Budget::new(9));
    assert!(matches!(open(&text, &tiny).err(), Some(Error::Limit(_))));
}
