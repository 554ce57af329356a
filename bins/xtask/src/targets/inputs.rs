//! Input files from anywhere: a typed error or what the header promises, within the budget.

use std::io::{Cursor, Write};

use nc_core::{Budget, Chroma, Colour, Error, Format, MediaKind, Result, SignalBuf, VideoFormat};
use nc_media::records::{Learn, Schema, Source};
use nc_media::sound::wav::WavReader;
use nc_media::video::picture;
use nc_media::video::png::Png;
use nc_media::video::y4m::Y4mReader;
use nc_media::{Input, OpenOptions, formats};

use crate::BUDGET;

type Seeds = fn() -> anyhow::Result<Vec<(String, Vec<u8>)>>;
/// Name, property, what tries it, and seeds.
type Row = (&'static str, &'static str, fn(&[u8]), Seeds);

/// A row for each format of input files.
pub const TARGETS: [Row; 4] = [
    (
        "wav",
        "any bytes as WAV: a typed error or samples, within the budget",
        wav,
        || Ok(seeds("wav")),
    ),
    (
        "y4m",
        "any bytes as Y4M: a typed error or frames of the header's size, within the budget",
        y4m,
        || Ok(seeds("y4m")),
    ),
    (
        "image",
        "any bytes as an image of any format: a typed error or frames of its size, within the budget",
        image,
        || images().map_err(Into::into),
    ),
    (
        "records",
        "any bytes as records: a typed error or rows of the alphabets learnt, within the budget",
        records,
        || {
            let mut seeds = seeds("records");
            for path in crate::corpus::files(&crate::corpus::folder("golden"))? {
                if path.extension().is_some_and(|e| e == "csv") {
                    seeds.push((crate::corpus::name(&path), std::fs::read(&path)?));
                }
            }
            Ok(seeds)
        },
    ),
];

/// Samples or rows after which an input is long enough.
const LONG: usize = 1 << 20;

/// What a reader may refuse an input with.
fn typed<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(e) => match e.cause() {
            Error::Format(_) | Error::Limit(_) | Error::Unsupported(_) | Error::Usage(_) => None,
            _ => panic!("{e:?}"),
        },
    }
}

/// WAV.
fn wav(data: &[u8]) {
    let Some(mut reader) = typed(WavReader::new(data, Budget::new(BUDGET))) else {
        return;
    };
    let mut samples = Vec::new();
    let mut all = 0usize;
    while let Some(n) = typed(reader.read(4096, &mut samples)) {
        all += n;
        if n == 0 || all > LONG {
            return;
        }
        samples.clear();
    }
}

/// Y4M.
fn y4m(data: &[u8]) {
    let mut budget = Budget::new(BUDGET);
    let Some(mut reader) = typed(Y4mReader::new(data, &mut budget)) else {
        return;
    };
    let format = reader.head().format;
    let mut all = 0;
    while let Some(Some(frame)) = typed(reader.next_frame()) {
        assert_eq!(Some(frame.len()), format.frame_samples().ok());
        assert!(frame.iter().all(|v| *v <= format.max()));
        all += frame.len();
        if all > LONG {
            return;
        }
    }
}

/// Images of all formats, animations, and what they say beside their pixels.
fn image(data: &[u8]) {
    png(data);
    let options = OpenOptions::new()
        .kind(MediaKind::Video)
        .budget(Budget::new(BUDGET));
    // What is left to another program is not read.
    let input = typed(Input::stream(Cursor::new(data.to_vec())));
    let Some(input) = input else {
        return;
    };
    if formats::of_input(&input) == Some(&formats::Y4M) {
        return;
    }
    let Some(mut reader) = typed(nc_media::open_input(input, &options)) else {
        return;
    };
    let Format::Video(format) = reader.format() else {
        panic!("an image is video");
    };
    let size = format.frame_samples().expect("a format within its limits");
    let mut all = 0;
    while let Some(Some(frame)) = typed(reader.next()) {
        let SignalBuf::Video(frame) = frame else {
            panic!("an image is video");
        };
        assert_eq!((frame.format, frame.samples.len()), (format, size));
        assert!(frame.samples.iter().all(|s| *s <= format.max()));
        all += size;
        if all > LONG {
            return;
        }
    }
}

/// Small images of every format that is written, with and without opacity.
fn images() -> Result<Vec<(String, Vec<u8>)>> {
    let mut all = seeds("png");
    let folder = tempfile::tempdir()?;
    let endings = [
        "png", "jpg", "webp", "gif", "tif", "bmp", "ppm", "pam", "qoi",
    ];
    for (alpha, bits) in [(false, 8), (true, 8), (false, 16)] {
        let format = VideoFormat {
            width: 9,
            height: 7,
            rate: [0, 0],
            chroma: Chroma::C444,
            bits,
            colour: Colour::Rgb,
            alpha,
        };
        let n = format.frame_samples()?;
        let samples: Vec<u16> = (0..n).map(|i| (i * 37) as u16 & format.max()).collect();
        let metadata = [nc_core::container::Meta {
            tag: *b"eXIf",
            data: b"II*\0\x08\0\0\0\0\0\0\0\0\0".to_vec(),
        }];
        for ending in endings {
            let name = format!("{ending}-{alpha}-{bits}.{ending}");
            let path = folder.path().join(&name);
            let options = nc_media::CreateOptions::new().metadata(&metadata);
            let mut writer = nc_media::create(&path, &Format::Video(format), options)?;
            let frame = nc_core::Video {
                format,
                samples: &samples,
            };
            // Some hold no opacity.
            if writer.write(nc_core::Signal::Video(frame)).is_ok() && writer.finish().is_ok() {
                all.push((name, std::fs::read(&path)?));
            }
        }
    }
    Ok(all)
}

/// PNG.
fn png(data: &[u8]) {
    let budget = Budget::new(BUDGET);
    let shape = typed(Png::open(Cursor::new(data), &budget));
    if let Some((found, rgb)) = typed(picture::rgb(data, &budget)) {
        let shape = shape
            .expect("a picture that can be read has a shape")
            .image();
        assert_eq!([shape.width, shape.height], [found.width, found.height]);
        assert!(!rgb.is_empty());
    }
}

/// CSV, IDX, Parquet, or whatever it looks like.
fn records(data: &[u8]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(data).expect("a temporary file");
    let budget = Budget::new(BUDGET);
    let learnt = Schema::learn(&[file.path().to_path_buf()], &Learn::default(), &budget);
    let Some(schema) = typed(learnt) else {
        return;
    };
    let alphabets = schema.alphabets();
    let again = schema.to_json().and_then(|json| Schema::from_json(&json));
    let again = again.expect("a schema comes back from its JSON");
    assert_eq!(again.alphabets(), alphabets);
    let source = typed(Source::of(Cursor::new(data.to_vec())));
    let Some(mut reader) = source.and_then(|s| typed(again.reader(s, None, budget))) else {
        return;
    };
    let mut all = 0;
    while let Some(Some(rows)) = typed(reader.next(64)) {
        all += rows.values.len();
        for row in rows.values.rows() {
            let inside = row.iter().zip(&alphabets).all(|(v, a)| u32::from(*v) < *a);
            assert!(inside, "a value outside its alphabet");
        }
        if all > LONG {
            return;
        }
    }
}

/// Small inputs of each kind.
fn seeds(kind: &str) -> Vec<(String, Vec<u8>)> {
    let named = |name: &str, bytes: Vec<u8>| (name.to_owned(), bytes);
    match kind {
        "wav" => {
            let chunk = |id: &[u8; 4], body: &[u8]| {
                let mut out = id.to_vec();
                out.extend((body.len() as u32).to_le_bytes());
                out.extend(body);
                out
            };
            let form = |code: u16, channels: u16, bits: u16| {
                let block = channels * bits / 8;
                let mut out = code.to_le_bytes().to_vec();
                out.extend(channels.to_le_bytes());
                out.extend(16_000u32.to_le_bytes());
                out.extend((16_000 * u32::from(block)).to_le_bytes());
                out.extend(block.to_le_bytes());
                out.extend(bits.to_le_bytes());
                out
            };
            let riff = |id: &[u8; 4], parts: &[Vec<u8>]| {
                let body = [b"WAVE".to_vec(), parts.concat()].concat();
                chunk(id, &body)
            };
            let data: Vec<u8> = (0..240).map(|i| (i * 37) as u8).collect();
            let list = chunk(b"LIST", b"INFOISFT\x04\0\0\0nc\0\0");
            let ds64 = chunk(b"ds64", &[[0u8; 8], 240u64.to_le_bytes(), [0; 8]].concat());
            vec![
                named(
                    "pcm16",
                    riff(
                        b"RIFF",
                        &[
                            chunk(b"fmt ", &form(1, 1, 16)),
                            list.clone(),
                            chunk(b"data", &data),
                        ],
                    ),
                ),
                named(
                    "pcm24",
                    riff(
                        b"RIFF",
                        &[chunk(b"fmt ", &form(1, 2, 24)), chunk(b"data", &data), list],
                    ),
                ),
                named(
                    "float",
                    riff(
                        b"RIFF",
                        &[chunk(b"fmt ", &form(3, 1, 32)), chunk(b"data", &data)],
                    ),
                ),
                named(
                    "rf64",
                    riff(
                        b"RF64",
                        &[ds64, chunk(b"fmt ", &form(1, 1, 16)), chunk(b"data", &data)],
                    ),
                ),
            ]
        }
        "y4m" => {
            let clip = |head: &str, size: usize| {
                let mut out = format!("YUV4MPEG2 {head}\n").into_bytes();
                for t in 0..2 {
                    out.extend(b"FRAME\n");
                    out.extend((0..size).map(|i| (i * 3 + t) as u8 & 3));
                }
                out
            };
            vec![
                named(
                    "420",
                    clip("W8 H6 F25:1 Ip A1:1 C420jpeg XCOLORRANGE=FULL", 72),
                ),
                named("odd", clip("W5 H3 F30000:1001 C422", 27)),
                named("ten", clip("W4 H4 F24:1 C420p10", 48)),
                named("mono", clip("W3 H2 F1:1 Cmono", 6)),
            ]
        }
        "png" => {
            let mut all = Vec::new();
            for chroma in [nc_core::Chroma::Gray, nc_core::Chroma::C444] {
                let format = nc_core::VideoFormat {
                    width: 9,
                    height: 7,
                    rate: [0, 0],
                    chroma,
                    bits: 8,
                    colour: nc_core::Colour::Image,
                    alpha: false,
                };
                let channels = if chroma == nc_core::Chroma::Gray {
                    1
                } else {
                    3
                };
                let samples: Vec<u8> = (0..63 * channels).map(|i| (i * 5) as u8).collect();
                let mut out = Vec::new();
                if picture::write(&mut out, &format, &samples).is_ok() {
                    all.push(named(&format!("png-{channels}"), out));
                }
            }
            all
        }
        _ => {
            let mut idx = vec![0, 0, 8, 3, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 3];
            idx.extend((0..30).map(|i| i * 8));
            vec![
                named("idx", idx),
                named(
                    "csv",
                    b"a,b,c\n1,x,2.50\n2,\"y, z\",3.75\n,x,-1.00\n4,word,0.25\n".to_vec(),
                ),
                named("tsv", b"id\tname\r\n1\tone\r\n2\ttwo\r\n".to_vec()),
                named("plain", b"n\n1\n2\n3\n5\n8\n".to_vec()),
            ]
        }
    }
}
