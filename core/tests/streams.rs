//! Round trips, damage, limits and ranges, on a codec small enough to read here: 16-bit samples.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::io::Cursor;

use nc_core::container::{Header, MAGIC};
use nc_core::salvage::{Salvage, Stretch};
use nc_core::*;
use ndarray::Array2;
use proptest::prelude::*;

/// Samples as 16-bit numbers; `Bytes` goals drop low bits, so that rates can be tested.
#[derive(Clone, Copy)]
struct Pcm {
    chunk: u64,
    overlap: u32,
}

const INFO: CodecInfo = CodecInfo {
    id: CodecId(200),
    name: "pcm",
    about: "test",
    bitstream: 1,
    kind: MediaKind::Audio,
    lossless: false,
    options: &[],
};

impl Codec for Pcm {
    type Kind = kind::Sound;
    fn info(&self) -> &CodecInfo {
        &INFO
    }
    fn plan(&self, _: &AudioFormat) -> Result<Plan> {
        Ok(Plan {
            chunk: self.chunk,
            overlap: self.overlap,
        })
    }
    fn encode(
        &self,
        x: Audio<'_>,
        head: &ChunkHead<AudioFormat>,
        _: ChunkGoal,
        _: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Encoded> {
        assert_eq!(x.samples.ncols() as u64, head.units);
        for s in x.samples.iter() {
            out.extend(((s * 32767.0) as i16).to_le_bytes());
        }
        Ok(Encoded {
            symbols: u64::from(crc(out)),
        })
    }
    fn decode(
        &self,
        p: &[u8],
        head: &ChunkHead<AudioFormat>,
        budget: &mut Budget,
        _: &mut Control<'_>,
    ) -> Result<(AudioBuf, Encoded)> {
        let AudioFormat { rate, channels, .. } = head.format;
        let n = head
            .units
            .checked_mul(u64::from(channels))
            .ok_or(Error::Limit("size".into()))?;
        budget.charge(n.saturating_mul(4))?;
        if p.len() as u64 != n * 2 {
            return Err(Error::Format("pcm length".into()));
        }
        let v = p
            .chunks_exact(2)
            .map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32767.0)
            .collect();
        let samples =
            Array2::from_shape_vec((usize::from(channels), head.units as usize), v).unwrap();
        Ok((
            AudioBuf { rate, samples },
            Encoded {
                symbols: u64::from(crc(p)),
            },
        ))
    }
}

fn crc(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(1u32, |h, b| h.wrapping_mul(16_777_619) ^ u32::from(*b))
}

fn opener(codec: CodecId, _: Option<ModelId>) -> Result<AnyCodec> {
    if codec == INFO.id {
        // Of the plan only the longest chunk matters here: lengths are in the file.
        Ok(Pcm {
            chunk: 1 << 20,
            overlap: 0,
        }
        .into())
    } else {
        Err(Error::Unsupported("codec".into()))
    }
}

fn sound(channels: usize, n: usize) -> Array2<f32> {
    Array2::from_shape_fn((channels, n), |(c, t)| {
        ((t * (c + 3) * 37) % 1999) as f32 / 1000.0 - 1.0
    })
}

fn format(channels: usize) -> Format {
    Format::Audio(AudioFormat {
        rate: 8000,
        channels: channels as u16,
        depth: SampleDepth::I16,
    })
}

/// A file of `x`, pushed in pieces of `step`.
fn file(x: &Array2<f32>, codec: &Pcm, step: usize, known: bool) -> Vec<u8> {
    let mut ctl = Control::default();
    let length = known.then_some(x.ncols() as u64);
    let mut e = Encoder::new(
        Vec::new(),
        &AnyCodec::from(*codec),
        format(x.nrows()),
        length,
        Goal::Exact,
    )
    .unwrap();
    e.add_meta(*b"LIST", b"some text");
    let mut at = 0;
    while at < x.ncols() {
        let to = (at + step).min(x.ncols());
        let samples = x.slice(ndarray::s![.., at..to]);
        e.push(
            Signal::Audio(Audio {
                rate: 8000,
                samples,
            }),
            &mut ctl,
        )
        .unwrap();
        at = to;
    }
    e.finish(&mut ctl).unwrap().0
}

fn read(bytes: &[u8], budget: Budget) -> Result<Array2<f32>> {
    match decode(&opener, bytes, budget)? {
        SignalBuf::Audio(a) => Ok(a.samples),
        other => panic!("{other:?}"),
    }
}

fn close(a: &Array2<f32>, b: &Array2<f32>) -> bool {
    a.dim() == b.dim() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 2e-4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_pieces_give_the_same_file_and_come_back(
        channels in 1usize..4, n in 0usize..2000, chunk in 1u64..700, overlap in 0u32..50, step in 1usize..900, known: bool,
    ) {
        let x = sound(channels, n);
        let codec = Pcm { chunk, overlap: overlap.min(chunk as u32) };
        let a = file(&x, &codec, step, known);
        prop_assert_eq!(&a, &file(&x, &codec, n.max(1), known));
        prop_assert!(close(&read(&a, Budget::default()).unwrap(), &x));
    }

    #[test]
    fn a_range_is_the_slice_of_the_whole(
        n in 1usize..2000, chunk in 20u64..700, overlap in 0u32..20, cut in (0.0f64..1.0, 0.0f64..1.0),
    ) {
        let x = sound(2, n);
        let bytes = file(&x, &Pcm { chunk, overlap }, 333, true);
        let whole = read(&bytes, Budget::default()).unwrap();
        let (a, b) = ((cut.0 * n as f64) as usize, (cut.1 * n as f64) as usize);
        let (a, b) = (a.min(b), a.max(b));
        let mut archive = Archive::open(Cursor::new(&bytes), Budget::default()).unwrap();
        prop_assert_eq!(archive.units(), n as u64);
        let mut got = Array2::<f32>::zeros((2, 0));
        archive.decode_range(a as u64..b as u64, &opener, &mut Control::default(), &mut |y| {
            let SignalBuf::Audio(y) = y else { panic!() };
            got.append(ndarray::Axis(1), y.samples.view()).unwrap();
            Ok(())
        }).unwrap();
        prop_assert_eq!(got, whole.slice(ndarray::s![.., a..b]).to_owned());
    }
}

/// Every bit flip and every truncation gives an error, in records that may be skipped too.
#[test]
fn all_damage_is_seen() {
    for (n, chunk) in [(60, 1000), (60, 25)] {
        let x = sound(1, n);
        let bytes = file(&x, &Pcm { chunk, overlap: 5 }, 1000, true);
        read(&bytes, Budget::default()).unwrap();
        for cut in 0..bytes.len() {
            assert!(
                read(&bytes[..cut], Budget::default()).is_err(),
                "cut at {cut}"
            );
        }
        for i in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[i] ^= 1 << bit;
                let read = read(&bad, Budget::default());
                assert!(read.is_err(), "byte {i} bit {bit}");
            }
        }
        let mut long = bytes.clone();
        long.push(0);
        assert!(matches!(
            read(&long, Budget::default()),
            Err(Error::Format(_))
        ));
    }
}

#[test]
fn a_damaged_index_falls_back_to_a_scan() {
    let x = sound(1, 500);
    let mut bytes = file(
        &x,
        &Pcm {
            chunk: 50,
            overlap: 5,
        },
        1000,
        true,
    );
    let end = bytes.len();
    bytes[end - 1] ^= 0x40;
    let archive = Archive::open(Cursor::new(&bytes), Budget::default()).unwrap();
    assert_eq!(archive.units(), 500);
}

#[test]
fn budgets_and_versions_are_kept() {
    let x = sound(1, 5000);
    let bytes = file(
        &x,
        &Pcm {
            chunk: 10_000,
            overlap: 0,
        },
        5000,
        true,
    );
    assert!(matches!(
        read(&bytes, Budget::new(1000)),
        Err(Error::Limit(_))
    ));
    let mut newer = bytes.clone();
    newer[8] = 2;
    assert!(matches!(
        read(&newer, Budget::default()),
        Err(Error::Unsupported(_))
    ));
    let mut other = bytes;
    other[0] = b'R';
    assert!(matches!(
        read(&other, Budget::default()),
        Err(Error::Format(_))
    ));
}

/// The same file as a later version may write it: three bytes more in the header, which this one passes over.
fn extended(bytes: &[u8]) -> Vec<u8> {
    const MORE: [u8; 3] = [9, 9, 9];
    let header = Header::from_bytes(bytes).unwrap();
    let mut out = header.to_bytes();
    let (long, single) = (out.len(), header.single);
    out[MAGIC.len() + 1] += 1;
    // The length of the extension is the last field before the checksum.
    out.truncate(long - 5);
    out.push(MORE.len() as u8);
    out.extend(MORE);
    out.extend(crc32c::crc32c(&out).to_le_bytes());
    out.extend(&bytes[long..]);
    if single {
        return out;
    }
    // Places in the index count from the start of the file; all numbers here are of one byte.
    let end = out.len();
    let index = u64::from_le_bytes(out[end - 8..].try_into().unwrap()) as usize + MORE.len();
    out[end - 8..].copy_from_slice(&(index as u64).to_le_bytes());
    change_index(&mut out, |body| body[1] += MORE.len() as u8);
    out
}

/// Changes the index of a file, whose checksum is right again.
fn change_index(file: &mut [u8], change: impl Fn(&mut [u8])) {
    let end = file.len();
    let index = u64::from_le_bytes(file[end - 8..].try_into().unwrap()) as usize;
    let body = index + 6..index + 6 + usize::from(file[index + 1]);
    change(&mut file[body.clone()]);
    let sum = crc32c::crc32c(&file[body]).to_le_bytes();
    file[index + 2..index + 6].copy_from_slice(&sum);
}

#[test]
fn an_index_of_other_chunks_is_seen() {
    let (x, pcm) = (
        sound(1, 60),
        Pcm {
            chunk: 25,
            overlap: 0,
        },
    );
    for known in [false, true] {
        let mut bytes = file(&x, &pcm, 60, known);
        let whole = |bytes: &[u8]| {
            let mut salvage = Salvage::open(Cursor::new(bytes), Budget::default()).unwrap();
            let whole = salvage.decode(&opener, &mut Control::default(), &mut |_| Ok(()));
            whole.unwrap()
        };
        assert!(read(&bytes, Budget::default()).is_ok() && whole(&bytes));
        change_index(&mut bytes, |body| body[0] += 1);
        assert!(matches!(
            read(&bytes, Budget::default()),
            Err(Error::Format(_))
        ));
        assert!(!whole(&bytes));
    }
}

#[test]
fn a_longer_header_is_passed_over_by_every_reader() {
    for (chunk, n) in [(100, 60), (25, 60)] {
        let x = sound(1, n);
        let bytes = extended(&file(&x, &Pcm { chunk, overlap: 0 }, n, true));
        assert!(close(&read(&bytes, Budget::default()).unwrap(), &x));
        let mut archive = Archive::open(Cursor::new(&bytes), Budget::default()).unwrap();
        assert_eq!(archive.meta().unwrap().len(), 1);
        let mut part = 0;
        let mut ctl = Control::default();
        let mut count = |y: SignalBuf| {
            part += y.units();
            Ok(())
        };
        archive
            .decode_range(30..50, &opener, &mut ctl, &mut count)
            .unwrap();
        assert_eq!(part, 20);
        let mut salvage = Salvage::open(Cursor::new(&bytes), Budget::default()).unwrap();
        let whole = salvage.decode(&opener, &mut ctl, &mut |_| Ok(()));
        assert!(whole.unwrap(), "chunks of {chunk}");
        // What would be left out is not known.
        let trimmed = archive.trim(Vec::new(), &opener, Goal::Bitrate(1), &mut ctl);
        let why = trimmed.map(|_| ()).unwrap_err().to_string();
        assert!(why.contains("later version"), "{why}");
    }
}

/// An index may say of each lost chunk that it was long; all together are no longer than the file can have been.
#[test]
fn what_is_lost_is_no_more_than_the_file_can_hold() {
    let (chunk, n) = (2, 100);
    let mut bytes = file(&sound(1, n), &Pcm { chunk, overlap: 0 }, n, false);
    change_index(&mut bytes, |index| {
        index.iter_mut().step_by(2).for_each(|u| *u = 127)
    });
    let opener = |_: CodecId, _: Option<ModelId>| -> Result<AnyCodec> {
        Ok(Pcm { chunk, overlap: 0 }.into())
    };
    let mut salvage = Salvage::open(Cursor::new(&bytes), Budget::default()).unwrap();
    let (mut known, mut unknown) = (0, 0);
    let whole = salvage.decode(&opener, &mut Control::default(), &mut |stretch| {
        if let Stretch::Lost(lost) = stretch {
            known += lost.units.unwrap_or(0);
            unknown += u64::from(lost.units.is_none());
        }
        Ok(())
    });
    assert!(!whole.unwrap());
    assert!(known > 0 && unknown > 0, "{known} {unknown}");
    assert!(known <= 2 * bytes.len() as u64 / 11, "{known}");
}

#[test]
fn a_single_chunk_file_costs_at_most_48_bytes() {
    /// Stands for a codec with a model.
    struct Modelled(Pcm);
    impl Codec for Modelled {
        type Kind = kind::Sound;
        fn info(&self) -> &CodecInfo {
            self.0.info()
        }
        fn model(&self) -> Option<ModelId> {
            Some(ModelId([7; 8]))
        }
        fn plan(&self, f: &AudioFormat) -> Result<Plan> {
            self.0.plan(f)
        }
        fn encode(
            &self,
            x: Audio<'_>,
            h: &ChunkHead<AudioFormat>,
            g: ChunkGoal,
            c: &mut Control<'_>,
            o: &mut Vec<u8>,
        ) -> Result<Encoded> {
            self.0.encode(x, h, g, c, o)
        }
        fn decode(
            &self,
            p: &[u8],
            h: &ChunkHead<AudioFormat>,
            b: &mut Budget,
            c: &mut Control<'_>,
        ) -> Result<(AudioBuf, Encoded)> {
            self.0.decode(p, h, b, c)
        }
    }
    let codec = Modelled(Pcm {
        chunk: 1 << 20,
        overlap: 640,
    });
    let n = 1000;
    let mut ctl = Control::default();
    let format = Format::Audio(AudioFormat {
        rate: 16_000,
        channels: 1,
        depth: SampleDepth::I16,
    });
    let mut e = Encoder::new(
        Vec::new(),
        &AnyCodec::from(codec),
        format,
        Some(n),
        Goal::Exact,
    )
    .unwrap();
    let x = sound(1, n as usize);
    e.push(
        Signal::Audio(Audio {
            rate: 16_000,
            samples: x.view(),
        }),
        &mut ctl,
    )
    .unwrap();
    let (bytes, summary) = e.finish(&mut ctl).unwrap();
    assert_eq!(summary.bytes, bytes.len() as u64);
    assert!(
        summary.bytes - summary.payload <= 48,
        "{}",
        summary.bytes - summary.payload
    );
}

/// What a chunk has beyond its own end waits for the next, and is charged as long as it does.
#[test]
fn what_waits_for_the_next_chunk_is_charged() {
    let x = sound(1, 4000);
    let codec = Pcm {
        chunk: 1000,
        overlap: 900,
    };
    let bytes = file(&x, &codec, 5000, true);
    let run = |budget| {
        let mut d = Decoder::new(&bytes[..], &opener, Budget::new(budget))?;
        while d.next(&mut Control::default())?.is_some() {}
        Ok(())
    };
    // Payload and samples of 1900 take 11,400 bytes; of those before, 3600 are still there.
    assert!(run(15_000).is_ok());
    assert!(matches!(run(14_999), Err(Error::Limit(_))));
}

/// A size is shared out by the length: of a pipe nobody knows it, unless all that came is one chunk.
#[test]
fn a_size_needs_a_length_or_a_single_chunk() {
    let x = sound(1, 1000);
    let run = |chunk| {
        let codec = AnyCodec::from(Pcm { chunk, overlap: 0 });
        let mut ctl = Control::default();
        let mut e = Encoder::new(Vec::new(), &codec, format(1), None, Goal::Bytes(9_000))?;
        let samples = x.view();
        let rate = 8000;
        e.push(Signal::Audio(Audio { rate, samples }), &mut ctl)?;
        e.finish(&mut ctl).map(|(file, _)| file)
    };
    assert!(Header::from_bytes(&run(1000).unwrap()).unwrap().single);
    assert!(matches!(run(999), Err(Error::Usage(_))));
}
