//! Files of sound that are wrong on purpose: a typed error or the right result, no panic, and never more
//! memory than the budget.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::io::Read;

use nc_core::{Budget, Error, Result};
use nc_media::sound::compressed::CompressedReader;
use nc_media::sound::wav::WavReader;

/// Everything of a WAV file: samples and bytes of chunks.
fn wav(input: impl Read, budget: u64) -> Result<(Vec<f32>, usize)> {
    let mut r = WavReader::new(input, Budget::new(budget))?;
    let mut out = Vec::new();
    while r.read(64, &mut out)? > 0 {}
    let chunks = r.take_chunks();
    Ok((out, chunks.iter().map(|c| c.data.len()).sum()))
}

fn compressed(bytes: &[u8], budget: u64) -> Result<Vec<f32>> {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    let mut r = CompressedReader::from_file(file, Budget::new(budget))?;
    let mut out = Vec::new();
    while r.read(&mut out)? > 0 {}
    Ok(out)
}

fn chunk(id: &[u8; 4], claimed: u32, data: &[u8]) -> Vec<u8> {
    [&id[..], &claimed.to_le_bytes(), data].concat()
}

/// The fmt chunk of a file of `channels` channels at `rate` Hz and `bits` bits.
fn fmt(channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let align = channels.wrapping_mul(bits / 8);
    let mut data = vec![1, 0];
    data.extend(channels.to_le_bytes());
    data.extend(rate.to_le_bytes());
    data.extend([0; 4]);
    data.extend(align.to_le_bytes());
    data.extend(bits.to_le_bytes());
    chunk(b"fmt ", 16, &data)
}

fn file(riff: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
    let mut out = chunk(riff, 1 << 20, b"WAVE");
    out.extend(chunks.concat());
    out
}

fn ds64(data: u64) -> Vec<u8> {
    let mut body = [0; 28];
    body[8..16].copy_from_slice(&data.to_le_bytes());
    chunk(b"ds64", 28, &body)
}

/// 16 bits, two channels, three samples, chunks on both sides.
fn good() -> Vec<u8> {
    let data: Vec<u8> = (0..12).collect();
    file(
        b"RIFF",
        &[
            fmt(2, 8_000, 16),
            chunk(b"LIST", 4, b"INFO"),
            chunk(b"data", 12, &data),
            chunk(b"id3 ", 2, b"ab"),
        ],
    )
}

#[test]
fn what_a_wav_file_claims_is_not_believed() {
    let ok = fmt(1, 8_000, 16);
    let data = |claimed: u32| chunk(b"data", claimed, &[0; 8]);
    type Is = fn(&Result<(Vec<f32>, usize)>) -> bool;
    type Case<'a> = (&'a str, Vec<u8>, Is);
    let format: Is = |r| matches!(r, Err(Error::Format(_)));
    let limit: Is = |r| matches!(r, Err(Error::Limit(_)));
    let other: Is = |r| matches!(r, Err(Error::Unsupported(_)));
    let four: Is = |r| matches!(r, Ok((s, 0)) if s.len() == 4);
    let cases: [Case<'_>; 20] = [
        (
            "2^31 of data",
            file(b"RIFF", &[ok.clone(), data(1 << 31)]),
            four,
        ),
        (
            "2^31 - 1 of data",
            file(b"RIFF", &[ok.clone(), data((1 << 31) - 1)]),
            four,
        ),
        (
            "no length",
            file(b"RIFF", &[ok.clone(), data(u32::MAX)]),
            four,
        ),
        (
            "2^63 of data",
            file(b"RF64", &[ds64(1 << 63), ok.clone(), data(u32::MAX)]),
            format,
        ),
        (
            "2^64 - 2",
            file(b"RF64", &[ds64(u64::MAX - 1), ok.clone(), data(u32::MAX)]),
            format,
        ),
        (
            "2^32 of data",
            file(b"RF64", &[ds64(1 << 32), ok.clone(), data(u32::MAX)]),
            format,
        ),
        (
            "long, unknown",
            file(b"RF64", &[ds64(u64::MAX), ok.clone(), data(u32::MAX)]),
            four,
        ),
        (
            "no channels",
            file(b"RIFF", &[fmt(0, 8_000, 16), data(8)]),
            format,
        ),
        (
            "256 channels",
            file(b"RIFF", &[fmt(256, 8_000, 16), data(8)]),
            format,
        ),
        (
            "65,535 channels",
            file(b"RIFF", &[fmt(65_535, 8_000, 16), data(8)]),
            format,
        ),
        ("no rate", file(b"RIFF", &[fmt(1, 0, 16), data(8)]), format),
        (
            "2^31 Hz",
            file(b"RIFF", &[fmt(1, 1 << 31, 16), data(8)]),
            format,
        ),
        (
            "no bits",
            file(b"RIFF", &[fmt(1, 8_000, 0), data(8)]),
            other,
        ),
        (
            "64 bits",
            file(b"RIFF", &[fmt(1, 8_000, 64), data(8)]),
            other,
        ),
        ("no fmt", file(b"RIFF", &[data(8)]), format),
        (
            "an empty fmt",
            file(b"RIFF", &[chunk(b"fmt ", 0, &[]), data(8)]),
            format,
        ),
        (
            "2^31 of fmt",
            file(b"RIFF", &[chunk(b"fmt ", 1 << 31, &[0; 64])]),
            limit,
        ),
        (
            "2^31 of LIST",
            file(b"RIFF", &[ok.clone(), chunk(b"LIST", 1 << 31, &[0; 64])]),
            limit,
        ),
        (
            "2^31 of JUNK",
            file(b"RIFF", &[ok.clone(), chunk(b"JUNK", 1 << 31, &[0; 64])]),
            format,
        ),
        (
            "2^32 - 1 of ds64",
            file(b"RF64", &[chunk(b"ds64", u32::MAX, &[0; 64])]),
            limit,
        ),
    ];
    for (what, bytes, right) in cases {
        let got = wav(&bytes[..], 1 << 16);
        assert!(right(&got), "{what}: {got:?}");
    }
}

#[test]
fn memory_of_chunks_is_bounded_and_fillers_need_none() {
    // A million chunks of nothing: eight bytes each, and more in memory.
    let mut many = file(b"RIFF", &[fmt(1, 8_000, 16)]);
    many.extend(chunk(b"abcd", 0, &[]).repeat(1 << 20));
    many.extend(chunk(b"data", 2, &[0; 2]));
    assert!(matches!(wav(&many[..], 1 << 20), Err(Error::Limit(_))));
    assert!(wav(&many[..], 1 << 27).is_ok());
    // Behind the samples too.
    let mut behind = good();
    behind.extend(chunk(b"abcd", 0, &[]).repeat(1 << 20));
    assert!(matches!(wav(&behind[..], 1 << 20), Err(Error::Limit(_))));
    // Filling for four gigabytes would be read over; here it is 8 MB in a budget of 64 KiB.
    let filler = chunk(b"JUNK", 8 << 20, &vec![0; 8 << 20]);
    let data = chunk(b"data", 4, &[0; 4]);
    let bytes = file(b"RIFF", &[fmt(1, 8_000, 16), filler, data]);
    assert_eq!(wav(&bytes[..], 1 << 16).unwrap(), (vec![0.0; 2], 0));
    // Blocks of samples are charged as well.
    let wide = file(
        b"RIFF",
        &[fmt(255, 8_000, 32), chunk(b"data", 0x7fff_0000, &[0; 64])],
    );
    let mut r = WavReader::new(&wide[..], Budget::new(1 << 20)).unwrap();
    let e = r.read(1 << 20, &mut Vec::new());
    assert!(matches!(e, Err(Error::Limit(_))), "{e:?}");
}

#[test]
fn every_cut_and_every_flip_of_a_wav_file_is_told_or_harmless() {
    for whole in [
        good(),
        file(
            b"RF64",
            &[
                ds64(4),
                fmt(1, 8_000, 16),
                chunk(b"data", u32::MAX, &[1, 2, 3, 4]),
            ],
        ),
    ] {
        assert!(wav(&whole[..], 1 << 16).is_ok());
        for end in 0..whole.len() {
            typed(wav(&whole[..end], 1 << 16), end);
        }
        for at in 0..whole.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bad = whole.clone();
                bad[at] ^= flip;
                typed(wav(&bad[..], 1 << 16), at);
            }
        }
    }
}

fn typed<T: std::fmt::Debug>(got: Result<T>, at: usize) {
    let right = match &got {
        Ok(_) => true,
        Err(e) => matches!(
            e.cause(),
            Error::Format(_) | Error::Unsupported(_) | Error::Limit(_)
        ),
    };
    assert!(right, "{at}: {got:?}");
}

/// A FLAC file of one frame of 16 constant samples (RFC 9639, sections 8 to 11).
fn flac() -> Vec<u8> {
    let mut out = b"fLaC\x80\0\0\x22".to_vec();
    // Blocks of 16 samples, no sizes of frames; 8,000 Hz, one channel, 16 bits, 16 samples; no MD5.
    out.extend([0, 16, 0, 16, 0, 0, 0, 0, 0, 0]);
    let packed = 8_000u64 << 44 | 15 << 36 | 16;
    out.extend(packed.to_be_bytes());
    out.extend([0; 16]);
    // Fixed blocks, whose size stands at the end of the head in 8 bits; 8 kHz, mono, 16 bits, frame 0.
    let mut frame = vec![0xff, 0xf8, 0x64, 0x08, 0x00, 15];
    let crc8 = frame.iter().fold(0u8, |crc, b| {
        (0..8).fold(crc ^ b, |c, _| c << 1 ^ if c & 0x80 > 0 { 7 } else { 0 })
    });
    frame.push(crc8);
    // A constant subframe of 0x1234.
    frame.extend([0x00, 0x12, 0x34]);
    let crc16 = frame.iter().fold(0u16, |crc, b| {
        (0..8).fold(crc ^ u16::from(*b) << 8, |c, _| {
            c << 1 ^ if c & 0x8000 > 0 { 0x8005 } else { 0 }
        })
    });
    out.extend(frame);
    out.extend(crc16.to_be_bytes());
    out
}

#[test]
fn every_cut_and_every_flip_of_a_flac_file_is_told_or_harmless() {
    let whole = flac();
    let right = compressed(&whole, 16 << 20).unwrap();
    assert_eq!(right, [f32::from(0x1234u16) / 32_768.0; 16]);
    for end in 0..whole.len() {
        typed(compressed(&whole[..end], 16 << 20), end);
    }
    for at in 0..whole.len() {
        let mut bad = whole.clone();
        bad[at] ^= 0xff;
        typed(compressed(&bad, 16 << 20), at);
    }
}

#[test]
fn what_symphonia_holds_is_bounded() {
    assert!(matches!(compressed(&flac(), 1 << 20), Err(Error::Limit(_))));
    // A picture of 12 MB in front of the samples.
    let mut art = b"fLaC\x06\xb7\x1b\0".to_vec();
    art.extend([0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0]);
    art.extend([0; 16]);
    art.extend(0x00b7_1ae0u32.to_be_bytes());
    art.extend(vec![0; 0x00b7_1ae0]);
    let whole = flac();
    let streaminfo = [&b"fLaC\0\0\0\x22"[..], &whole[8..42]].concat();
    let picture = [&[0x86], &art[5..]].concat();
    let bytes = [&streaminfo[..], &picture, &whole[42..]].concat();
    let e = compressed(&bytes, 16 << 20);
    assert!(
        matches!(e, Err(Error::Limit(_))),
        "{:?}",
        e.map(|s| s.len())
    );
    assert_eq!(compressed(&bytes, 1 << 30).unwrap().len(), 16);
    // A tag of ID3 that claims 256 MB, of which nothing is there.
    let id3 = b"ID3\x04\0\0\x7f\x7f\x7f\x7f".repeat(2);
    typed(compressed(&id3, 16 << 20), 0);
}

/// Tags of a few letters take many times their bytes.
#[test]
fn many_short_comments_are_charged_as_what_they_become() {
    let n = 200_000u32;
    let mut comments = [&4u32.to_le_bytes()[..], b"none", &n.to_le_bytes()].concat();
    for _ in 0..n {
        comments.extend(3u32.to_le_bytes());
        comments.extend(b"A=B");
    }
    let mut flac = b"fLaC".to_vec();
    // STREAMINFO: blocks of 4096, 16 kHz, one channel of 16 bits.
    flac.extend([0, 0, 0, 34, 16, 0, 16, 0, 0, 0, 0, 0, 0, 0]);
    flac.extend([0x03, 0xe8, 0x00, 0xf0, 0, 0, 0, 0]);
    flac.extend([0; 16]);
    flac.extend([
        0x84,
        (comments.len() >> 16) as u8,
        (comments.len() >> 8) as u8,
        comments.len() as u8,
    ]);
    flac.extend(&comments);
    let e = compressed(&flac, 32 << 20);
    assert!(matches!(e, Err(Error::Limit(_))), "{e:?}");
    // With room for them, it is the sound that is missing.
    let e = compressed(&flac, 64 << 20);
    assert!(matches!(e, Err(Error::Format(_))), "{e:?}");
}
