//! The WAV reader and writer against hound, and against files that are wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Cursor;

use nc_core::{AudioFormat, Budget, Error, Format, SampleDepth};

use super::*;

const DEPTHS: [SampleDepth; 5] = [
    SampleDepth::U8,
    SampleDepth::I16,
    SampleDepth::I24,
    SampleDepth::I32,
    SampleDepth::F32,
];

/// Values of every depth, their extremes included; seeded.
fn values(depth: SampleDepth, n: usize) -> Vec<i32> {
    let bits = u32::from(width(depth).unwrap()) * 8;
    let mut state = 0x9E37_79B9_u32;
    let mut all = vec![-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1, 0, -1, 1];
    while all.len() < n {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        all.push(i64::from(state as i32 >> (32 - bits)));
    }
    all.truncate(n);
    all.into_iter().map(|v| v as i32).collect()
}

fn by_hound(depth: SampleDepth, channels: u16, n: usize) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels,
        sample_rate: 22_050,
        bits_per_sample: width(depth).unwrap() * 8,
        sample_format: if depth == SampleDepth::F32 {
            hound::SampleFormat::Float
        } else {
            hound::SampleFormat::Int
        },
    };
    let mut bytes = Cursor::new(Vec::new());
    let mut w = hound::WavWriter::new(&mut bytes, spec).unwrap();
    for v in values(depth, n * usize::from(channels)) {
        if depth == SampleDepth::F32 {
            w.write_sample(v as f32 * 1e-9).unwrap();
        } else {
            w.write_sample(v).unwrap();
        }
    }
    w.finalize().unwrap();
    bytes.into_inner()
}

type Whole = (Format, Vec<f32>, Vec<Chunk>, Vec<crate::Warning>);

fn read_all(bytes: &[u8]) -> nc_core::Result<Whole> {
    let mut r = WavReader::new(bytes, Budget::new(1 << 20))?;
    let mut out = Vec::new();
    while r.read(7, &mut out)? > 0 {}
    Ok((r.format(), out, r.take_chunks(), r.take_warnings()))
}

fn write_all(format: Format, samples: &[f32], frames: u64, chunks: &[Chunk]) -> Vec<u8> {
    let Format::Audio(AudioFormat { depth, .. }) = format else {
        panic!("audio")
    };
    let head = Head::new(format, Some(frames), chunks).unwrap();
    let mut bytes = head.to_bytes(Some(frames), 0).unwrap();
    for &x in samples {
        push_sample(x, depth, &mut bytes);
    }
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

#[test]
fn reads_what_hound_writes_and_back() {
    for depth in DEPTHS {
        for channels in 1..=8u16 {
            for n in [0, 1, 2, 50] {
                let original = by_hound(depth, channels, n);
                let (format, samples, chunks, warnings) = read_all(&original).unwrap();
                assert_eq!(samples.len(), n * usize::from(channels));
                assert!(warnings.is_empty());
                // hound's layout of speakers is its own from four channels on, so it is kept.
                assert!(channels > 3 || chunks.is_empty());
                let again = write_all(format, &samples, n as u64, &chunks);
                let a = hound::WavReader::new(&original[..]).unwrap();
                let b = hound::WavReader::new(&again[..]).unwrap();
                assert_eq!((a.spec(), a.duration()), (b.spec(), b.duration()));
                if depth == SampleDepth::F32 {
                    let b: Vec<f32> = b.into_samples().map(Result::unwrap).collect();
                    assert_eq!(b, samples);
                    continue;
                }
                let a: Vec<i32> = a.into_samples().map(Result::unwrap).collect();
                let b: Vec<i32> = b.into_samples().map(Result::unwrap).collect();
                // A float holds 24 bits; the rest of a 32-bit sample is rounded away.
                let off = if depth == SampleDepth::I32 { 128 } else { 0 };
                for (a, b) in a.iter().zip(&b) {
                    assert!(a.abs_diff(*b) <= off, "{depth:?}: {a} came back as {b}");
                }
            }
        }
    }
}

#[test]
fn rounds_to_nearest_and_clips() {
    let bytes = |x: f32, depth| {
        let mut b = Vec::new();
        push_sample(x, depth, &mut b);
        b
    };
    let i16_of = |x| i16::from_le_bytes(bytes(x, SampleDepth::I16).try_into().unwrap());
    assert_eq!(i16_of(1.0), 32_767);
    assert_eq!(i16_of(-7.0), -32_768);
    assert_eq!(i16_of(0.6 / 32_768.0), 1);
    assert_eq!(i16_of(-0.4 / 32_768.0), 0);
    assert_eq!(i16_of(f32::NAN), 0);
    assert_eq!(bytes(f32::NAN, SampleDepth::U8), [128]);
    assert_eq!(bytes(2.0, SampleDepth::U8), [255]);
    assert_eq!(bytes(-2.0, SampleDepth::U8), [0]);
    assert_eq!(bytes(9.0, SampleDepth::I24), [0xFF, 0xFF, 0x7F]);
    assert_eq!(bytes(-9.0, SampleDepth::I24), [0, 0, 0x80]);
    assert_eq!(bytes(9.0, SampleDepth::I32), i32::MAX.to_le_bytes());
    assert_eq!(bytes(9.0, SampleDepth::F32), 9f32.to_le_bytes());
}

fn chunk(id: &[u8; 4], data: &[u8], after: bool) -> Chunk {
    Chunk {
        id: *id,
        data: data.to_vec(),
        after,
    }
}

/// A 16-bit mono file of three samples with chunks on both sides.
fn with_chunks() -> Vec<u8> {
    let format = Format::Audio(AudioFormat {
        rate: 8_000,
        channels: 1,
        depth: SampleDepth::I16,
    });
    let before = [
        chunk(b"bext", b"odd", false),
        chunk(b"LIST", b"INFO", false),
    ];
    let mut bytes = write_all(format, &[0.0, 0.5, -0.5], 3, &before);
    push_chunk(&chunk(b"id3 ", b"tail!", true), &mut bytes).unwrap();
    push_chunk(&chunk(b"JUNK", &[0; 64], true), &mut bytes).unwrap();
    bytes
}

#[test]
fn chunks_on_both_sides_are_kept() {
    let (_, samples, chunks, warnings) = read_all(&with_chunks()).unwrap();
    assert_eq!(samples, [0.0, 0.5, -0.5]);
    assert!(warnings.is_empty());
    assert_eq!(
        chunks,
        [
            chunk(b"bext", b"odd", false),
            chunk(b"LIST", b"INFO", false),
            chunk(b"id3 ", b"tail!", true)
        ]
    );
}

#[test]
fn cut_anywhere_is_an_error_or_complete() {
    let whole = with_chunks();
    let end_of_data = whole.windows(4).position(|w| w == b"data").unwrap() + 8 + 6;
    for n in 0..whole.len() {
        match read_all(&whole[..n]) {
            Ok((_, samples, _, _)) => {
                assert!(n >= end_of_data, "cut at {n}");
                assert_eq!(samples.len(), 3);
            }
            Err(Error::Format(_)) => assert!(n < end_of_data, "cut at {n}"),
            Err(other) => panic!("cut at {n}: {other}"),
        }
    }
}

#[test]
fn flipped_bits_never_panic() {
    let whole = with_chunks();
    for at in 0..whole.len() * 8 {
        let mut bad = whole.clone();
        bad[at / 8] ^= 1 << (at % 8);
        let _ = read_all(&bad);
    }
}

#[test]
fn a_claimed_length_is_not_allocated() {
    let mut bytes = b"RIFF\xff\xff\xff\xffWAVELIST".to_vec();
    bytes.extend_from_slice(&0x7FFF_FFFFu32.to_le_bytes());
    assert!(matches!(read_all(&bytes), Err(Error::Limit(_))));
}

#[test]
fn streams_without_a_length_are_read_to_the_end() {
    let at_data = |bytes: &[u8]| bytes.windows(4).position(|w| w == b"data").unwrap() + 4;
    let mut bytes = by_hound(SampleDepth::I16, 1, 20);
    let at = at_data(&bytes);
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(read_all(&bytes).unwrap().1.len(), 20);
    bytes.push(1);
    let (_, samples, _, warnings) = read_all(&bytes).unwrap();
    assert_eq!((samples.len(), warnings.len()), (20, 1));
    // A recorder that was cut off before it filled in the sizes.
    bytes[at..at + 4].fill(0);
    bytes[4..8].fill(0);
    let (_, samples, _, warnings) = read_all(&bytes).unwrap();
    assert_eq!((samples.len(), warnings.len()), (20, 2));
}

#[test]
fn long_files_are_rf64() {
    let format = Format::Audio(AudioFormat {
        rate: 192_000,
        channels: 8,
        depth: SampleDepth::I32,
    });
    let frames = 200_000_000;
    let head = Head::new(format, Some(frames), &[]).unwrap();
    let head = head.to_bytes(Some(frames), 0).unwrap();
    assert_eq!(&head[..4], b"RF64");
    let r = WavReader::new(&head[..], Budget::default()).unwrap();
    assert_eq!((r.format(), r.frames()), (format, Some(frames)));
    // Room kept for it, and not needed.
    let head = Head::new(format, None, &[]).unwrap();
    assert!(matches!(
        head.to_bytes(Some(u64::MAX / 2), 0),
        Err(Error::Limit(_))
    ));
    let head = head.to_bytes(Some(5), 0).unwrap();
    assert_eq!(&head[..4], b"RIFF");
    let r = WavReader::new(&head[..], Budget::default()).unwrap();
    assert_eq!(r.frames(), Some(5));
}

#[test]
fn an_unusual_layout_of_speakers_survives() {
    let format = Format::Audio(AudioFormat {
        rate: 48_000,
        channels: 2,
        depth: SampleDepth::I16,
    });
    // Plain for stereo; the mask for side speakers needs the extensible form.
    let deep = Format::Audio(AudioFormat {
        rate: 48_000,
        channels: 2,
        depth: SampleDepth::I24,
    });
    let wide = Head::new(deep, Some(0), &[]).unwrap();
    let mut wide = wide.to_bytes(Some(0), 0).unwrap();
    let at = wide.windows(4).position(|w| w == b"fmt ").unwrap() + 8;
    wide[at + 20..at + 24].copy_from_slice(&0x600u32.to_le_bytes());
    let (_, _, chunks, _) = read_all(&wide).unwrap();
    assert_eq!(chunks.len(), 1);
    let again = Head::new(format, Some(0), &chunks).unwrap();
    let again = again.to_bytes(Some(0), 0).unwrap();
    let at = again.windows(4).position(|w| w == b"fmt ").unwrap() + 8;
    assert_eq!(again[at + 20..at + 24], 0x600u32.to_le_bytes());
}

#[test]
fn strange_formats_are_named() {
    let mut bytes = by_hound(SampleDepth::I16, 1, 2);
    for (tag, name) in [(0x31, "GSM 6.10"), (0x55, "MP3"), (0x77, "coding 0x0077")] {
        bytes[20] = tag;
        let e = read_all(&bytes).expect_err("is not read");
        assert_eq!(e.code(), Some(crate::code::ENCODING_NOT_READ));
        assert!(e.to_string().contains(name), "{e}");
    }
}
