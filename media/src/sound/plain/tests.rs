//! AIFF, AU and CAF by hand: codings, heads that tell more or nothing, cuts.
#![allow(clippy::unwrap_used, clippy::panic)]
use nc_core::SampleDepth;

use super::*;

fn read(bytes: &[u8], size: Option<u64>) -> Result<(Format, Vec<f32>, Vec<Warning>)> {
    let mut reader = PlainReader::new(bytes, size, Budget::new(1 << 20))?;
    let mut out = Vec::new();
    while reader.read(3, &mut out)? > 0 {}
    Ok((reader.format(), out, reader.take_warnings()))
}

fn au_file(size: u32, coding: u32, data: &[u8]) -> Vec<u8> {
    let mut file = b".snd".to_vec();
    for word in [28, size, coding, 8_000, 1, 0] {
        file.extend(word.to_be_bytes());
    }
    file.extend(data);
    file
}

fn chunk(id: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = id.to_vec();
    out.extend((data.len() as u32).to_be_bytes());
    out.extend(data);
    out.resize(out.len().next_multiple_of(2), 0);
    out
}

/// 44,100 Hz as 80 bits.
const RATE: [u8; 10] = [0x40, 0x0E, 0xAC, 0x44, 0, 0, 0, 0, 0, 0];

fn aiff_file(kind: Option<&[u8; 4]>, frames: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let mut common = [1u16.to_be_bytes().to_vec(), frames.to_be_bytes().to_vec()].concat();
    common.extend(bits.to_be_bytes());
    common.extend(RATE);
    common.extend(kind.into_iter().flatten());
    let samples = [&[0; 8], data].concat();
    let mut body = if kind.is_some() {
        b"AIFC".to_vec()
    } else {
        b"AIFF".to_vec()
    };
    body.extend(chunk(b"NAME", b"a name"));
    body.extend(chunk(b"COMM", &common));
    body.extend(chunk(b"SSND", &samples));
    chunk(b"FORM", &body)
}

#[test]
fn au_in_its_codings() {
    let (format, x, _) = read(&au_file(4, 3, &[0x40, 0, 0x80, 0]), None).unwrap();
    let want = AudioFormat {
        rate: 8_000,
        channels: 1,
        depth: SampleDepth::I16,
    };
    assert_eq!((format, x), (Format::Audio(want), vec![0.5, -1.0]));
    // Without a size everything to the end is read.
    assert_eq!(
        read(&au_file(u32::MAX, 2, &[0x40, 0x80]), Some(30))
            .unwrap()
            .1,
        [0.5, -1.0]
    );
    assert_eq!(
        read(&au_file(u32::MAX, 1, &[0x80]), None).unwrap().1,
        [32_124.0 / 32_768.0]
    );
    let e = read(&au_file(4, 23, &[0; 4]), None).unwrap_err();
    assert_eq!(e.code(), Some(code::ENCODING_NOT_READ));
}

#[test]
fn aiff_in_its_codings() {
    for (kind, bits, data, want) in [
        (None, 16, vec![0x40, 0], 0.5),
        (None, 8, vec![0xC0], -0.5),
        (None, 12, vec![0x40, 0], 0.5),
        (None, 24, vec![0x40, 0, 0], 0.5),
        (Some(b"sowt"), 16, vec![0, 0x40], 0.5),
        (Some(b"NONE"), 32, vec![0x40, 0, 0, 0], 0.5),
        (Some(b"fl32"), 32, 0.5f32.to_be_bytes().to_vec(), 0.5),
        (Some(b"fl64"), 64, 0.5f64.to_be_bytes().to_vec(), 0.5),
        (Some(b"raw "), 8, vec![0xC0], 0.5),
    ] {
        let file = aiff_file(kind, 1, bits, &data);
        let (format, x, warnings) = read(&file, Some(file.len() as u64)).unwrap();
        let codes: Vec<_> = warnings.iter().map(|w| w.code).collect();
        let rounded = (bits == 64).then_some(code::ROUNDED);
        assert_eq!(
            (x, codes),
            (vec![want], rounded.into_iter().collect()),
            "{kind:?} {bits}"
        );
        assert!(matches!(format, Format::Audio(f) if f.rate == 44_100));
    }
    let e = read(&aiff_file(Some(b"ima4"), 1, 16, &[0; 34]), None).unwrap_err();
    assert_eq!(e.code(), Some(code::ENCODING_NOT_READ));
}

#[test]
fn heads_that_tell_more_or_nothing() {
    let file = aiff_file(None, 100, 16, &[0x40, 0, 0x40, 0]);
    // Of two lengths the smaller; a recorder that was cut off left none.
    assert_eq!(read(&file, Some(file.len() as u64)).unwrap().1.len(), 2);
    let (_, x, warnings) = read(&aiff_file(None, 0, 16, &[0x40, 0]), None).unwrap();
    assert_eq!(
        (x.len(), warnings.first().map(|w| w.code)),
        (1, Some(code::NO_LENGTH))
    );
    let mut cut = au_file(1_000, 3, &[0x40, 0, 0x80]);
    let size = cut.len() as u64;
    let (_, x, warnings) = read(&cut, Some(size)).unwrap();
    assert_eq!((x.len(), warnings.len()), (1, 2));
    assert!(matches!(read(&cut, None), Err(Error::Format(_))));
    cut.truncate(28);
    assert!(matches!(read(&cut, Some(28)), Err(Error::Format(_))));
}

#[test]
fn caf_of_plain_samples() {
    let mut file = b"caff\0\x01\0\0desc".to_vec();
    file.extend(32i64.to_be_bytes());
    file.extend(48_000f64.to_be_bytes());
    file.extend(b"lpcm");
    for word in [2u32, 2, 1, 1, 16] {
        file.extend(word.to_be_bytes());
    }
    file.extend(b"data");
    file.extend((-1i64).to_be_bytes());
    file.extend([0, 0, 0, 0, 0, 0x40]);
    let (format, x, _) = read(&file, Some(file.len() as u64)).unwrap();
    assert_eq!(x, [0.5]);
    assert!(matches!(format, Format::Audio(f) if f.rate == 48_000));
}

#[test]
fn cut_anywhere_is_typed() {
    for file in [
        aiff_file(Some(b"sowt"), 2, 16, &[0; 4]),
        au_file(4, 3, &[0; 4]),
    ] {
        for cut in 0..file.len() {
            let (cut, _) = file.split_at(cut);
            if let Err(e) = read(cut, None) {
                assert!(matches!(e.cause(), Error::Format(_)), "{e}");
            }
        }
    }
}
