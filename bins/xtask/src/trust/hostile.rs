//! Right checksums over hostile content: refused at once and for next to nothing.

use std::io::Cursor;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nc_core::container::{CHUNK, END, INDEX, LAST, META, put_varint};
use nc_core::salvage::Salvage;
use nc_core::{
    Archive, AudioFormat, Budget, Chroma, Colour, Control, Decoder, Family, Format, MediaKind,
    ModelId, Opener, RecordsFormat, SampleDepth, VideoFormat,
};
use nc_corpora::golden;
use nc_corpora::raw::{Raw, header};
use serde_json::{Value, json};
use xtask::corpus;
use xtask::opener::{REGISTRY, models_of, records_of};

use super::{Outcome, Setting};
use crate::MEMORY;

const TIME: Duration = Duration::from_millis(100);
const SPACE: usize = 64 << 20;
const HUGE: [u64; 6] = [1 << 31, 1 << 32, 1 << 40, 1 << 62, 1 << 63, u64::MAX];

pub fn run(_: &Setting) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for family in REGISTRY.families() {
        let model = models_of(family)?.first().map(|m| m.id);
        for format in formats(family) {
            for (name, file) in files(family, format, model) {
                try_file(&name, &file, &*REGISTRY, &mut outcome);
            }
        }
    }
    for path in corpus::files(&corpus::folder("golden"))? {
        if path.extension().is_some_and(|e| e == "ncm") {
            let bytes = std::fs::read(&path)?;
            for (name, model) in models_like(&bytes)? {
                let name = format!("{}: {name}", corpus::name(&path));
                try_model(&name, model, &mut outcome);
            }
        }
    }
    Ok(outcome)
}

/// Forms of a signal that the codec may take, small and large; none of a kind that is new here.
fn formats(family: &dyn Family) -> Vec<Format> {
    let audio = |channels| {
        Format::Audio(AudioFormat {
            rate: 16_000,
            channels,
            depth: SampleDepth::I16,
        })
    };
    let video = |width, height| {
        Format::Video(VideoFormat {
            width,
            height,
            rate: [25, 1],
            chroma: Chroma::C420,
            bits: 8,
            colour: Colour::Video,
            alpha: false,
        })
    };
    match family.info().kind {
        MediaKind::Bytes => vec![Format::Bytes],
        MediaKind::Audio => vec![audio(1), audio(8)],
        MediaKind::Records => vec![Format::Records(RecordsFormat {
            variables: records_of(family).alphabets.len() as u32,
        })],
        MediaKind::Video => vec![video(64, 48), video(16_384, 16_384)],
        _ => Vec::new(),
    }
}

/// Runs `refuse`, which says whether it refused, within the limits.
fn limited(name: &str, outcome: &mut Outcome, refuse: impl FnOnce() -> Result<(), String>) {
    MEMORY.reset_peak_usage();
    let (before, start) = (MEMORY.current_usage(), Instant::now());
    let refused = refuse();
    let took = start.elapsed();
    let used = MEMORY.peak_usage().saturating_sub(before);
    outcome.expect(refused.is_ok(), || {
        format!("{name}: {}", refused.err().unwrap_or_default())
    });
    outcome.expect(took <= TIME, || format!("{name}: {took:?}"));
    outcome.expect(used <= SPACE, || format!("{name}: {used} bytes"));
}

fn refused<T>(result: nc_core::Result<T>, what: &str) -> Result<(), String> {
    result.map_or(Ok(()), |_| Err(format!("{what} takes it")))
}

fn try_file(name: &str, file: &[u8], opener: &dyn Opener, outcome: &mut Outcome) {
    limited(&format!("{name}, whole"), outcome, || {
        refused(nc_core::decode(opener, file, Budget::default()), "decode")
    });
    limited(&format!("{name}, streamed"), outcome, || {
        let mut ctl = Control::default();
        let all = Decoder::new(file, opener, Budget::default()).and_then(|mut d| {
            while d.next(&mut ctl)?.is_some() {}
            Ok(())
        });
        refused(all, "a stream")
    });
    limited(&format!("{name}, by range"), outcome, || {
        let mut ctl = Control::default();
        let all = Archive::open(Cursor::new(file), Budget::default()).and_then(|mut a| {
            // An archive that opens must refuse what lies outside its chunks.
            let units = a.units().max(1);
            a.decode_range(0..units, opener, &mut ctl, &mut |_| Ok(()))
        });
        refused(all, "a range")
    });
    limited(&format!("{name}, salvage"), outcome, || {
        let mut ctl = Control::default();
        let whole = Salvage::open(Cursor::new(file), Budget::default())
            .and_then(|mut s| s.decode(opener, &mut ctl, &mut |_| Ok(())));
        match whole {
            Ok(true) => Err("salvage calls it whole".into()),
            _ => Ok(()),
        }
    });
}

fn try_model(name: &str, bytes: Vec<u8>, outcome: &mut Outcome) {
    limited(name, outcome, || {
        let opened = golden::open(&REGISTRY, bytes);
        refused(opened, "the codec")
    });
}

fn numbers(all: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    for n in all {
        put_varint(*n, &mut out);
    }
    out
}

/// Hostile files of a codec.
fn files(family: &dyn Family, format: Format, model: Option<ModelId>) -> Vec<(String, Vec<u8>)> {
    let codec = family.info().id.0;
    let name = format!("{} of {format:?}", family.info().name);
    // What a short payload may be: nothing, silence or a constant, ones, a mode of each kind.
    let payloads: Vec<Vec<u8>> = vec![
        vec![],
        vec![8, 0],
        vec![0; 12],
        vec![0xff; 200],
        [vec![1], vec![0xff; 80]].concat(),
        [vec![2], vec![0; 80]].concat(),
        [vec![2], vec![0xff; 80]].concat(),
        [vec![3], vec![0x80; 80]].concat(),
        [vec![3], vec![0x7f; 80]].concat(),
        numbers(&[u64::MAX, 1 << 63, 1 << 40, 3]),
        numbers(&[16, 1 << 40, 1 << 40, 1 << 40]),
    ];
    let mut all = Vec::new();
    let new = |length| Raw::new(&header(codec, format, length, model));
    for n in HUGE {
        for (i, payload) in payloads.iter().enumerate() {
            all.push((
                format!("{name}: {n} units in payload {i}"),
                new(Some(n)).chunk(LAST, n, 0, payload).end(0),
            ));
            all.push((
                format!("{name}: {n} units in payload {i}, first of two"),
                new(None)
                    .chunk(CHUNK, n, 0, payload)
                    .chunk(LAST, n, 0, payload)
                    .end(0),
            ));
        }
        for tag in [CHUNK, LAST, META, INDEX, b'q'] {
            all.push((
                format!("{name}: record {} of {n} bytes", char::from(tag)),
                new(None).claim(tag, n).end(0),
            ));
        }
        // A single-chunk file says its units in the header alone.
        let mut header = header(codec, format, Some(n), model);
        header.single = true;
        let mut single = header.to_bytes();
        put_varint(2, &mut single);
        single.extend(crc32c::crc32c(&[8, 0]).to_le_bytes());
        single.extend([0, 0, 8, 0, END, 0, 0, 0, 0]);
        all.push((format!("{name}: a single chunk of {n} units"), single));
    }
    // An index that leads in circles, to itself, or nowhere.
    let b = new(None);
    let first = b.at();
    let b = b.chunk(LAST, 5, 0, &[1, 2, 3, 4, 5]);
    let at = b.at();
    for (what, body) in [
        (
            "the same chunk a thousand times",
            numbers(&[&[1 << 50, first][..], &[1 << 50, 0].repeat(1000)].concat()),
        ),
        ("itself", numbers(&[5, at])),
        (
            "sizes that wrap",
            numbers(&[1 << 63, first, 1 << 63, 0, 1 << 63, 0]),
        ),
        ("nowhere", numbers(&[5, u64::MAX])),
    ] {
        let b = new(None).chunk(LAST, 5, 0, &[1, 2, 3, 4, 5]);
        all.push((
            format!("{name}: an index of {what}"),
            b.record(INDEX, &body).end(at),
        ));
    }
    let b = new(None).chunk(LAST, 5, 0, &[1, 2, 3, 4, 5]);
    all.push((
        format!("{name}: an index at the end record"),
        b.end(u64::MAX),
    ));
    let mut many = new(None);
    for _ in 0..5000 {
        many = many.chunk(CHUNK, 1 << 40, 0, &[0xff]);
    }
    all.push((
        format!("{name}: five thousand chunks of 2^40 units"),
        many.end(0),
    ));
    all
}

/// Models like this one, spoilt.
fn models_like(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let n = u64::from_le_bytes(*bytes.first_chunk::<8>().context("a header")?) as usize;
    let head: Value = serde_json::from_slice(&bytes[8..8 + n])?;
    let data = &bytes[8 + n..];
    let build = |head: &Value, data: &[u8]| {
        let mut json = head.to_string().into_bytes();
        json.resize(json.len().next_multiple_of(8), b' ');
        let mut out = (json.len() as u64).to_le_bytes().to_vec();
        out.extend(json);
        out.extend(data);
        out
    };
    let names: Vec<String> = head
        .as_object()
        .context("tensors")?
        .keys()
        .filter(|k| *k != "__metadata__")
        .cloned()
        .collect();
    let mut all = Vec::new();
    let mut add = |name: String, model: Vec<u8>| all.push((name, model));
    for name in &names {
        let tensor = &head[name];
        let from = tensor["data_offsets"][0].as_u64().context("offsets")? as usize;
        for (what, n) in [
            ("2^31", 1u64 << 31),
            ("2^63", 1 << 63),
            ("2^64 - 1", u64::MAX),
            ("0", 0),
        ] {
            let mut changed = head.clone();
            changed[name]["shape"] = json!([n, 2]);
            add(
                format!("{name} has a side of {what}"),
                build(&changed, data),
            );
        }
        for offsets in [[0, u64::MAX], [u64::MAX, 0], [1 << 40, 1 << 41]] {
            let mut changed = head.clone();
            changed[name]["data_offsets"] = json!(offsets);
            add(format!("{name} lies at {offsets:?}"), build(&changed, data));
        }
        let mut changed = head.clone();
        changed.as_object_mut().context("tensors")?.remove(name);
        add(format!("{name} is missing"), build(&changed, data));
        // NaN and infinity in each float type.
        let not_finite: &[&[u8]] = match tensor["dtype"].as_str() {
            Some("F32") => &[&[0, 0, 0xc0, 0x7f], &[0, 0, 0x80, 0xff]],
            Some("F16") => &[&[0, 0x7e], &[0, 0xfc]],
            Some("BF16") => &[&[0xc0, 0x7f], &[0x80, 0xff]],
            _ => &[],
        };
        for bits in not_finite {
            let mut data = data.to_vec();
            data[from..from + bits.len()].copy_from_slice(bits);
            add(format!("{name} is not finite"), build(&head, &data));
        }
    }
    // Every number in the metadata's JSON, made absurd.
    let meta = head["__metadata__"].as_object().context("metadata")?;
    for (key, text) in meta {
        let Some(config) = text
            .as_str()
            .and_then(|t| serde_json::from_str::<Value>(t).ok())
        else {
            continue;
        };
        // Only what the network's or the circuit's sizes hang on.
        if key != "config" && key != "circuit" {
            continue;
        }
        for field in config.as_object().into_iter().flatten().map(|f| f.0) {
            for absurd in [
                json!(-1),
                json!(u64::MAX),
                json!(1u64 << 40),
                json!("x"),
                json!(null),
            ] {
                let mut changed = config.clone();
                changed[field] = absurd.clone();
                let mut head = head.clone();
                head["__metadata__"][key] = json!(changed.to_string());
                add(format!("{key}.{field} is {absurd}"), build(&head, data));
            }
        }
    }
    for n in [0u64, 1, 1 << 20, 1 << 40, u64::MAX] {
        let mut changed = bytes.to_vec();
        changed[..8].copy_from_slice(&n.to_le_bytes());
        add(format!("a header of {n} bytes"), changed);
    }
    add("nothing behind the header".into(), build(&head, &[]));
    Ok(all)
}
