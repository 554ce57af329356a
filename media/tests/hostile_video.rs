//! Files of video and images that are wrong on purpose: a typed error or the right result, no panic, and never
//! more memory than the budget.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::io::{Cursor, Read};

use nc_core::{Budget, Chroma, Colour, Error, MediaKind, Result, SignalBuf, VideoBuf, VideoFormat};
use nc_media::OpenOptions;
use nc_media::video::picture;
use nc_media::video::png::{self, Image, Png};
use nc_media::video::y4m::Y4mReader;

fn frames(input: impl Read, budget: u64) -> Result<usize> {
    let mut r = Y4mReader::new(input, &mut Budget::new(budget))?;
    let mut n = 0;
    while r.next_frame()?.is_some() {
        n += 1;
    }
    Ok(n)
}

#[test]
fn what_a_y4m_header_claims_is_not_believed() {
    let limit = [
        "W2147483648 H2",
        "W4294967296 H2",
        "W9223372036854775808 H2",
        "W99999999999999999999999999 H2",
        "W16385 H1",
        // Within the limits, beyond the budget.
        "W16384 H16384",
        "W4096 H4096 C444p16",
    ];
    let format = [
        "",
        "W2",
        "H2",
        "W0 H2",
        "W2 H0",
        "W-2 H2",
        "W2 H-2",
        "W+2 H2",
        "W2.5 H2",
        "Wx H2",
        "W2 H2 F",
        "W2 H2 F1",
        "W2 H2 F1:0",
        "W2 H2 F0:1",
        "W2 H2 F-1:1",
        "W2 H2 F4294967296:1",
    ];
    for (lines, is_limit) in [(&limit[..], true), (&format[..], false)] {
        for line in lines {
            let bytes = format!("YUV4MPEG2 {line}\nFRAME\n");
            let got = frames(bytes.as_bytes(), 1 << 20);
            let right = match got {
                Err(Error::Limit(_)) => is_limit,
                Err(Error::Format(_)) => !is_limit,
                _ => false,
            };
            assert!(right, "{line:?}: {got:?}");
        }
    }
    // A megabyte without a line's end, and the same before a frame.
    let mut endless = b"YUV4MPEG2 W2 H2 X".to_vec();
    endless.resize(1 << 20, b'x');
    assert!(matches!(
        frames(&endless[..], 1 << 16),
        Err(Error::Format(_))
    ));
    let mut endless = b"YUV4MPEG2 W2 H2\nFRAME ".to_vec();
    endless.resize(1 << 20, b'x');
    assert!(matches!(
        frames(&endless[..], 1 << 16),
        Err(Error::Format(_))
    ));
}

#[test]
fn every_cut_and_every_flip_of_a_y4m_file_is_told_or_harmless() {
    for head in [
        "W3 H2 F25:1",
        "W3 H2 F25:1 C422p10 XCOLORRANGE=FULL",
        "W1 H1 Cmono",
    ] {
        let mut whole = format!("YUV4MPEG2 {head}\n").into_bytes();
        let format = Y4mReader::new(&whole[..], &mut Budget::default()).unwrap();
        let format = format.head().format;
        let n = format.frame_samples().unwrap();
        for _ in 0..2 {
            let frame: Vec<u16> = (0..n as u16).collect();
            nc_media::video::y4m::push_frame(&format, &frame, &mut whole);
        }
        assert_eq!(frames(&whole[..], 1 << 16).unwrap(), 2);
        let typed = |got: Result<usize>, at| {
            let right = matches!(
                got.as_ref().map_err(|e| e.cause()),
                Ok(_) | Err(Error::Format(_) | Error::Unsupported(_) | Error::Limit(_))
            );
            assert!(right, "{head}, {at}: {got:?}");
        };
        for end in 0..whole.len() {
            typed(frames(&whole[..end], 1 << 16), end);
        }
        for at in 0..whole.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bad = whole.clone();
                bad[at] ^= flip;
                typed(frames(&bad[..], 1 << 16), at);
            }
        }
    }
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, b| {
        (0..8).fold(crc ^ u32::from(*b), |c, _| {
            c >> 1 ^ if c & 1 > 0 { 0xedb8_8320 } else { 0 }
        })
    })
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = (data.len() as u32).to_be_bytes().to_vec();
    let body = [&kind[..], data].concat();
    out.extend(&body);
    out.extend(crc(&body).to_be_bytes());
    out
}

/// A PNG whose head claims a size, with a byte of data.
fn claims(width: u32, height: u32, bits: u8, colour: u8) -> Vec<u8> {
    let mut head = width.to_be_bytes().to_vec();
    head.extend(height.to_be_bytes());
    head.extend([bits, colour, 0, 0, 0]);
    let data = [0x78, 0x9c, 3, 0, 0, 0, 0, 1];
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &head),
        chunk(b"IDAT", &data),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

#[test]
fn what_a_png_claims_is_not_believed() {
    let last = (1 << 31) - 1;
    for (width, height, bits, colour) in [
        (1 << 31, 1 << 31, 8, 2),
        (last, last, 8, 6),
        (last, last, 1, 0),
        (last, 1, 8, 0),
        (1, last, 8, 2),
        (0, 0, 8, 2),
        (0, 5, 8, 0),
        (u32::MAX, 1, 8, 0),
        (1 << 16, 1 << 16, 16, 6),
    ] {
        let bytes = claims(width, height, bits, colour);
        let e = picture::rgb(&bytes, &Budget::new(1 << 20));
        let right = matches!(e, Err(Error::Format(_) | Error::Limit(_) | Error::Usage(_)));
        let e = e.map(|(shape, _)| shape);
        assert!(right, "{width} x {height} {bits} {colour}: {e:?}");
    }
    // A size that is fine, of which nothing is there.
    let e = picture::rgb(&claims(100, 100, 8, 2), &Budget::default());
    assert!(matches!(e, Err(Error::Format(_))));
}

#[test]
fn text_beside_the_samples_is_passed_over() {
    // 16 MB of nothing in a deflated text, a colour profile of as much, and as many texts as there are bytes in the
    // budget: none of it takes memory.
    let grey = |edge: u32, samples: &[u8]| {
        let mut png = Vec::new();
        let shape = Image {
            width: edge,
            height: edge,
            channels: 1,
        };
        png::write(&mut png, shape, samples).unwrap();
        png
    };
    let zeros = grey(4096, &vec![0; 4096 * 4096]);
    assert!(zeros.len() < 1 << 20, "{}", zeros.len());
    let at = zeros.windows(4).position(|w| w == b"IDAT").unwrap();
    let n = u32::from_be_bytes(zeros[at - 4..at].try_into().unwrap()) as usize;
    let text = [b"Comment\0\0", &zeros[at + 4..at + 4 + n]].concat();
    let small = grey(1, &[7]);
    let budget = Budget::new(1 << 17);
    let (before, after) = small.split_at(33);
    for extra in [
        chunk(b"zTXt", &text),
        chunk(b"iCCP", &text),
        chunk(b"tEXt", b"k\0v").repeat(1 << 17),
    ] {
        let (_, rgb) = picture::rgb(&[before, &extra, after].concat(), &budget).unwrap();
        assert_eq!(rgb, [7; 3]);
    }
    // The picture itself needs four bytes a pixel.
    let e = picture::rgb(&zeros, &Budget::new(60 << 20));
    assert!(matches!(e, Err(Error::Limit(_))));
}

/// The only frame of an image.
fn read(bytes: &[u8], budget: &Budget) -> nc_core::Result<VideoBuf> {
    let options = OpenOptions::new()
        .kind(MediaKind::Video)
        .budget(budget.share());
    let mut reader = nc_media::open_stream(Cursor::new(bytes.to_vec()), &options)?;
    match reader.next()? {
        Some(SignalBuf::Video(frame)) => Ok(frame),
        _ => Err(Error::Internal("no frame".into())),
    }
}

#[test]
fn every_cut_and_every_flip_of_a_png_is_told_or_harmless() {
    let format = VideoFormat {
        width: 3,
        height: 2,
        rate: [0, 0],
        chroma: Chroma::C444,
        bits: 8,
        colour: Colour::Image,
        alpha: false,
    };
    let mut whole = Vec::new();
    let samples: Vec<u8> = (0..18).map(|i| i * 13).collect();
    picture::write(&mut whole, &format, &samples).unwrap();
    let budget = Budget::new(1 << 20);
    let typed = |bytes: &[u8], at: usize| {
        let shape = Png::open(Cursor::new(bytes), &budget).map(|p| p.image());
        let got = read(bytes, &budget);
        let right = matches!(
            got.as_ref().map_err(|e| e.cause()),
            Ok(_)
                | Err(Error::Format(_) | Error::Unsupported(_) | Error::Limit(_) | Error::Usage(_))
        );
        assert!(right, "{at}: {shape:?} {got:?}");
    };
    let samples = read(&whole, &budget).unwrap().samples;
    assert_eq!(samples.len(), 18);
    for end in 0..whole.len() {
        typed(&whole[..end], end);
    }
    for at in 0..whole.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bad = whole.clone();
            bad[at] ^= flip;
            typed(&bad, at);
        }
    }
}
