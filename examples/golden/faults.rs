//! Files that must be refused.

use std::path::Path;

use nc_core::container::{CHUNK, Header, INDEX, LAST, META};
use nc_core::{AudioFormat, Chroma, Colour, Format, ModelId, SampleDepth, VideoFormat};
use nc_corpora::raw::{Raw, header};

use crate::{Outcome, put};

/// A small file, damaged.
pub fn damaged(golden: &Path, faulty: &Path) -> Outcome<()> {
    let whole = std::fs::read(golden.join("store.nc"))?;
    let damage = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = whole.clone();
        change(&mut file);
        put(faulty, name, &file)
    };
    damage("empty.nc", &|f| f.clear())?;
    damage("not-nc.nc", &|f| f[0] ^= 0x20)?;
    damage("header-bit.nc", &|f| f[9] ^= 1)?;
    damage("payload-bit.nc", &|f| f[100] ^= 1)?;
    damage("cut-in-header.nc", &|f| f.truncate(7))?;
    damage("cut-in-payload.nc", &|f| f.truncate(1000))?;
    damage("no-end.nc", &|f| f.truncate(f.len() - 5))?;
    damage("output-hash.nc", &|f| {
        let last = f.len() - 1;
        f[last] ^= 1;
    })?;
    damage("trailing.nc", &|f| f.push(0))
}

/// What is wrong although its checksums are right: files of newer versions, of unknown codecs and models, of absurd
/// sizes; models that are none.
pub fn hostile(golden: &Path, faulty: &Path) -> Outcome<()> {
    let bytes = header(0, Format::Bytes, Some(5), None);
    let tiny = ModelId::of(&std::fs::read(golden.join("tiny.ncm"))?);
    let sound = Format::Audio(AudioFormat {
        rate: 16_000,
        channels: 1,
        depth: SampleDepth::I16,
    });
    let audio = |model| header(1, sound, None, model);
    let largest = VideoFormat {
        width: 16_384,
        height: 16_384,
        rate: [25, 1],
        chroma: Chroma::C444,
        bits: 8,
        colour: Colour::Video,
        alpha: false,
    };
    let video = header(3, Format::Video(largest), None, None);
    // One chunk after a header.
    let one = |header: &Header, units, payload: &[u8]| {
        let symbols = payload.len() as u32;
        Raw::new(header).chunk(LAST, units, symbols, payload).end(0)
    };
    let five = |raw: Raw| raw.chunk(LAST, 5, 5, b"abcde").end(0);
    let file = |name: &str, bytes: Vec<u8>| put(faulty, name, &bytes);
    for (name, at, to) in [
        ("major-2", 8, 2),
        ("major-0", 8, 0),
        ("flags", 10, 0x83),
        ("codec-200", 11, 200),
        ("bitstream-9", 12, 9),
        ("kind-9", 13, 9),
    ] {
        file(&format!("{name}.nc"), five(Raw::changed(&bytes, at, to)))?;
    }
    let strange = Some(ModelId([1; 8]));
    file("no-such-model.nc", one(&audio(strange), 1, &[8, 0]))?;
    file("no-model.nc", one(&audio(None), 1, &[8, 0]))?;
    file("units-0.nc", one(&bytes, 0, b""))?;
    file("units-2-63.nc", one(&audio(Some(tiny)), 1 << 63, &[8, 0]))?;
    file("frames-2-40.nc", one(&video, 1 << 40, &[1; 8]))?;
    file("frame-too-large.nc", one(&video, 1, &[1; 8]))?;
    let two = Raw::new(&bytes)
        .chunk(LAST, 2, 2, b"ab")
        .chunk(LAST, 3, 3, b"cde");
    file("two-lasts.nc", two.end(0))?;
    file(
        "no-last.nc",
        Raw::new(&bytes).chunk(CHUNK, 5, 5, b"abcde").end(0),
    )?;
    file("length.nc", one(&bytes, 4, b"abcd"))?;
    let whole = || Raw::new(&bytes).chunk(LAST, 5, 5, b"abcde");
    file("unknown-record.nc", whole().record(b'q', b"?").end(0))?;
    file("index-elsewhere.nc", whole().end(1 << 40))?;
    let mut long = Raw::new(&bytes).claim(META, 1 << 62).cut();
    long.extend([0; 12]);
    file("meta-2-62.nc", long)?;
    let other = whole();
    let index = other.at();
    file(
        "index-of-others.nc",
        other
            .record(INDEX, &[6, bytes.to_bytes().len() as u8])
            .end(index),
    )?;
    file("meta-no-tag.nc", whole().record(META, b"abc").end(0))?;
    let overlap = Header {
        overlap: 2,
        ..bytes
    };
    file("overlap-of-bytes.nc", one(&overlap, 5, b"abcde"))?;
    let overlap = Header {
        overlap: 640,
        ..audio(Some(tiny))
    };
    let short = Raw::new(&overlap)
        .chunk(CHUNK, 320, 0, &[8, 0])
        .chunk(LAST, 320, 0, &[8, 0]);
    file("overlap-too-long.nc", short.end(0))?;
    let model = std::fs::read(golden.join("tiny.ncm"))?;
    put(faulty, "model-cut.ncm", &model[..model.len() / 2])?;
    put(faulty, "model-empty.ncm", &[])?;
    let mut nan = model.clone();
    let last = nan.len() - 4;
    nan[last..].fill(0xff);
    put(faulty, "model-nan.ncm", &nan)?;
    let mut long = model.clone();
    long[..8].copy_from_slice(&(1u64 << 60).to_le_bytes());
    put(faulty, "model-header-2-60.ncm", &long[..2000])
}
