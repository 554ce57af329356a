//! Video through files: pieces, chunks, parts, single-chunk files, goals and damage.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod common;

use std::io::Cursor;
use std::time::Duration;

use nc_core::{
    AnyCodec, Archive, Budget, Chroma, Codec, CodecId, Colour, Control, Decoder, Encoder, Error,
    Format, Goal, Header, ModelId, Signal, SignalBuf, Video, VideoBuf, VideoFormat,
};
use nc_nerv::Nerv;

fn opener(_: CodecId, _: Option<ModelId>) -> nc_core::Result<AnyCodec> {
    Ok(Nerv.into())
}

const SMALL: VideoFormat = VideoFormat {
    width: 7,
    height: 5,
    rate: [30_000, 1001],
    chroma: Chroma::C420,
    bits: 10,
    colour: Colour::Video,
    alpha: false,
};

fn clip(format: VideoFormat, frames: usize) -> VideoBuf {
    let n = format.frame_samples().unwrap() * frames;
    let samples = (0..n as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 9) as u16 & format.max());
    VideoBuf {
        format,
        samples: samples.collect(),
    }
}

fn file(x: &VideoBuf, step: usize, known: bool, goal: Goal) -> nc_core::Result<Vec<u8>> {
    let frames = x.view().frames();
    let length = known.then_some(frames as u64);
    let mut ctl = Control::default();
    let mut e = Encoder::new(
        Vec::new(),
        &Nerv.into(),
        Format::Video(x.format),
        length,
        goal,
    )?;
    for from in (0..frames).step_by(step) {
        let piece = x.view().part(from, (from + step).min(frames)).unwrap();
        e.push(Signal::Video(piece), &mut ctl)?;
    }
    Ok(e.finish(&mut ctl)?.0)
}

fn whole(x: &VideoBuf, goal: Goal) -> Vec<u8> {
    nc_core::encode(
        &Nerv.into(),
        Signal::Video(x.view()),
        Format::Video(x.format),
        goal,
    )
    .unwrap()
}

#[test]
fn any_pieces_come_back_whole_and_in_part() {
    for format in [
        SMALL,
        VideoFormat {
            bits: 8,
            colour: Colour::Image,
            alpha: false,
            chroma: Chroma::C444,
            rate: [0, 0],
            ..SMALL
        },
        VideoFormat {
            bits: 8,
            chroma: Chroma::Gray,
            ..SMALL
        },
    ] {
        // Two chunks of 256 and one of 88.
        let x = clip(format, 600);
        let whole = file(&x, 600, true, Goal::Exact).unwrap();
        assert_eq!(whole, file(&x, 7, true, Goal::Exact).unwrap());
        let back = nc_core::decode(&opener, &whole, Budget::default()).unwrap();
        assert_eq!(back, SignalBuf::Video(x.clone()));
        let piped = file(&x, 100, false, Goal::Exact).unwrap();
        let back = nc_core::decode(&opener, &piped, Budget::default()).unwrap();
        assert_eq!(back, SignalBuf::Video(x.clone()));
        let mut archive = Archive::open(Cursor::new(&whole), Budget::default()).unwrap();
        assert_eq!(archive.entries().len(), 3);
        assert_eq!(archive.header().format, Format::Video(format));
        for (from, to) in [(0, 600), (3, 4), (250, 520), (512, 600), (9, 9)] {
            let mut got = Vec::new();
            let mut sink = |y| {
                let SignalBuf::Video(y) = y else { panic!() };
                got.extend(y.samples);
                Ok(())
            };
            let mut ctl = Control::default();
            archive
                .decode_range(from..to, &opener, &mut ctl, &mut sink)
                .unwrap();
            let want = x.view().part(from as usize, to as usize).unwrap();
            assert_eq!(got, want.samples);
        }
    }
}

#[test]
fn a_still_and_a_flat_clip_are_single_chunk_files() {
    let still = clip(SMALL, 1);
    let bytes = whole(&still, Goal::Quality(5.0));
    let raw = (SMALL.frame_samples().unwrap() * 10).div_ceil(8);
    assert!(bytes.len() <= raw + 60, "{}", bytes.len());
    let flat = VideoBuf {
        format: SMALL,
        samples: vec![512; SMALL.frame_samples().unwrap() * 200],
    };
    let bytes = whole(&flat, Goal::Bitrate(100));
    assert!(bytes.len() < 70, "{}", bytes.len());
    let back = nc_core::decode(&opener, &bytes, Budget::default()).unwrap();
    assert_eq!(back, SignalBuf::Video(flat));
}

#[test]
fn goals_that_cannot_be_are_told() {
    let x = clip(SMALL, 3);
    let still = clip(
        VideoFormat {
            rate: [0, 0],
            ..SMALL
        },
        3,
    );
    let e = file(&still, 3, true, Goal::Bitrate(1_000_000));
    assert!(matches!(e, Err(Error::Usage(_))));
    // All of it is in one chunk, whose length is known by the time it is coded.
    assert!(file(&x, 3, false, Goal::Bytes(1_000_000)).is_ok());
    assert!(file(&x, 3, true, Goal::Bytes(1_000)).is_ok());
    assert!(file(&x, 3, true, Goal::Bytes(100)).unwrap().len() <= 100);
    let e = file(&x, 3, true, Goal::Bytes(40));
    assert!(matches!(e, Err(Error::Usage(_))));
    let deep = clip(VideoFormat { bits: 12, ..SMALL }, 1);
    let e = file(&deep, 1, true, Goal::Exact);
    assert!(matches!(e, Err(Error::Unsupported(_))));
    let wide = VideoFormat {
        width: 20_000,
        ..SMALL
    };
    assert!(matches!(Nerv.plan(&wide), Err(Error::Limit(_))));
}

#[cfg(feature = "published")]
#[test]
fn published_networks_keep_to_their_bytes() {
    let format = VideoFormat {
        width: 64,
        height: 48,
        bits: 8,
        ..SMALL
    };
    let mut x = clip(format, 4);
    let n = format.frame_samples().unwrap();
    for (i, s) in x.samples.iter_mut().enumerate() {
        *s = (i % n / 32 + i / n * 20) as u16;
    }
    let code = |network: &str, goal| {
        let mut ctl = Control {
            time_limit: Some(Duration::from_millis(500)),
            ..Control::default()
        };
        ctl.options.set("network", network);
        let media = Format::Video(format);
        let mut e = Encoder::new(Vec::new(), &Nerv.into(), media, Some(4), goal)?;
        e.add_meta(*b"y4m ", b"YUV4MPEG2 W64 H48");
        e.push(Signal::Video(x.view()), &mut ctl)?;
        Ok::<_, Error>(e.finish(&mut ctl)?.0)
    };
    for network in ["nerv", "nerv++", "cam"] {
        let file = code(network, Goal::Bytes(8000)).unwrap();
        assert!(file.len() <= 8000, "{}", file.len());
        let y = nc_core::decode(&opener, &file, Budget::default()).unwrap();
        let SignalBuf::Video(y) = y else {
            panic!("{network}")
        };
        // However little was learnt in the time, it is not worse than one value for each plane.
        let (error, flat) = (
            common::error(&x, &y.samples),
            common::error(&x, &common::constant(&x)),
        );
        assert!(error <= flat, "{network}: {error} {flat}");
    }
    let whole = code("nerv", Goal::Exact).unwrap();
    assert_eq!(whole, code("default", Goal::Exact).unwrap());
    let none = code("no-such", Goal::Bytes(8000));
    assert!(matches!(none, Err(Error::Usage(_))));
}

#[cfg(not(feature = "published"))]
#[test]
fn without_the_published_networks_their_feature_is_named() {
    let x = clip(SMALL, 2);
    for network in ["nerv", "nerv++", "cam"] {
        let mut ctl = Control::default();
        ctl.options.set("network", network);
        let media = Format::Video(SMALL);
        let mut e =
            Encoder::new(Vec::new(), &Nerv.into(), media, Some(2), Goal::Bytes(8000)).unwrap();
        let pushed = e.push(Signal::Video(x.view()), &mut ctl);
        let told = pushed.and_then(|()| e.finish(&mut ctl).map(|_| ()));
        let Err(Error::Unsupported(what)) = told else {
            panic!("{told:?}")
        };
        assert!(what.contains("`published`"), "{what}");
    }
    // A payload of one, by its mode.
    let head = common::head(&x);
    let e = common::decode(&[3, 0], &head, &mut Budget::default());
    let Err(Error::Unsupported(what)) = e else {
        panic!("a network that is not there")
    };
    assert!(what.contains("`published`"), "{what}");
}

#[test]
fn pieces_are_whole_frames_of_the_format_and_options_are_known() {
    let x = clip(SMALL, 2);
    let push = |x: Video<'_>, ctl: &mut Control<'_>| {
        let format = Format::Video(SMALL);
        let mut e = Encoder::new(Vec::new(), &Nerv.into(), format, None, Goal::Exact).unwrap();
        e.push(Signal::Video(x), ctl)?;
        e.finish(ctl).map(|_| ())
    };
    let mut ctl = Control::default();
    let cut = Video {
        samples: &x.samples[1..],
        ..x.view()
    };
    assert!(matches!(push(cut, &mut ctl), Err(Error::Usage(_))));
    let loud = vec![1024; x.samples.len()];
    let loud = Video {
        samples: &loud,
        ..x.view()
    };
    assert!(matches!(push(loud, &mut ctl), Err(Error::Usage(_))));
    ctl.time_limit = Some(Duration::MAX);
    let many = clip(SMALL, 600);
    push(many.view(), &mut ctl).unwrap();
    ctl.time_limit = Some(Duration::from_secs(5));
    push(x.view(), &mut ctl).unwrap();
    assert_eq!(ctl.time_limit, Some(Duration::from_secs(5)));
    ctl.options.set("no-such", "1");
    assert!(matches!(push(x.view(), &mut ctl), Err(Error::Usage(_))));
}

#[test]
fn all_damage_is_seen() {
    for goal in [Goal::Exact, Goal::Quality(5.0)] {
        for (frames, known) in [(3, true), (300, false)] {
            let x = clip(
                VideoFormat {
                    width: 2,
                    height: 1,
                    ..SMALL
                },
                frames,
            );
            let good = file(&x, 50, known, goal).unwrap();
            let SignalBuf::Video(x) = nc_core::decode(&opener, &good, Budget::default()).unwrap()
            else {
                panic!()
            };
            for at in 0..good.len() {
                for bad in [
                    good[..at].to_vec(),
                    good.iter()
                        .enumerate()
                        .map(|(i, b)| if i == at { b ^ 0x10 } else { *b })
                        .collect(),
                ] {
                    // Nothing comes out that did not go in.
                    let Ok(mut d) = Decoder::new(&bad[..], &opener, Budget::default()) else {
                        continue;
                    };
                    let mut at = 0;
                    while let Ok(Some(SignalBuf::Video(y))) = d.next(&mut Control::default()) {
                        let n = y.samples.len();
                        assert_eq!(y.samples, x.samples[at..at + n]);
                        at += n;
                    }
                }
            }
        }
    }
}

#[test]
fn headers_of_impossible_video_are_damaged() {
    let x = clip(SMALL, 1);
    let good = file(&x, 1, true, Goal::Exact).unwrap();
    // Width stands at byte 14; the checksum of the header behind it is made anew.
    let with = |at: usize, value: u8| {
        let mut head = good[..14].to_vec();
        head.extend([7, 5, 0xb0, 0xea, 0x01, 0xe9, 0x07, 0x11]);
        assert_eq!(&good[..head.len()], &head[..]);
        head.extend(&good[head.len()..head.len() + 2]);
        head[at] = value;
        head.extend(crc32c::crc32c(&head).to_le_bytes());
        Header::from_bytes(&head)
    };
    assert!(with(14, 8).is_ok());
    for (at, value) in [(14, 0), (15, 0), (21, 0xf1), (16, 0)] {
        assert!(matches!(with(at, value), Err(Error::Format(_))), "{at}");
    }
}
