//! Whatever is not kept is said: for any generated input either all of it comes back, or a warning says what does not; and
//! with `strict` nothing is written that lacks something.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::path::Path;

use nc::media::{CreateOptions, OpenOptions, create, open};
use nc::nc_core::container::Meta;
use nc::nc_core::rng::Rng;
use nc::{
    AudioFormat, Chroma, Colour, DecodeSettings, Error, Format, SampleDepth, Settings, Signal,
    SignalBuf, Toolkit, Video, VideoFormat,
};

/// A whole file: form, samples, what it says beside them, and codes of what is odd about it.
#[derive(Debug, PartialEq)]
struct Whole {
    format: Format,
    signal: SignalBuf,
    said: Vec<([u8; 4], Vec<u8>)>,
    odd: bool,
}

fn read(path: &Path) -> Whole {
    let mut reader = open(path, &OpenOptions::new()).unwrap();
    let format = reader.format();
    let mut signal = format.empty();
    while let Some(piece) = reader.next().unwrap() {
        signal.append(piece).unwrap();
    }
    let mut said: Vec<_> = reader
        .metadata()
        .iter()
        .map(|m| (m.tag, m.data.clone()))
        .collect();
    said.sort();
    Whole {
        format,
        signal,
        said,
        odd: !reader.warnings().is_empty(),
    }
}

fn meta(tag: &[u8; 4], data: &[u8]) -> Meta {
    Meta {
        tag: *tag,
        data: data.to_vec(),
    }
}

/// A picture of any layout with anything said beside it, in a file of any format; none where the format does not hold it.
fn picture(rng: &mut Rng, folder: &Path) -> Option<std::path::PathBuf> {
    let endings = ["png", "webp", "gif", "tif", "bmp", "ppm", "pam", "qoi"];
    let path = folder.join(format!("in.{}", endings[rng.below(endings.len())]));
    let grey = rng.below(3) == 0;
    let format = VideoFormat {
        width: 1 + rng.below(40) as u32,
        height: 1 + rng.below(40) as u32,
        rate: [0, 0],
        chroma: if grey { Chroma::Gray } else { Chroma::C444 },
        bits: if rng.below(3) == 0 { 16 } else { 8 },
        colour: if grey { Colour::Image } else { Colour::Rgb },
        alpha: rng.below(3) == 0,
    };
    let n = format.frame_samples().unwrap();
    let levels = 1 + rng.below(usize::from(format.max()) + 1);
    let step = 1 + rng.below(9);
    let samples: Vec<u16> = (0..n)
        .map(|i| ((i / step * 7 + rng.below(3)) % levels) as u16)
        .collect();
    let mut said = Vec::new();
    for (tag, data) in [
        (b"tEXt", &b"Title\0so it goes"[..]),
        (b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0\0\0"),
        (b"gAMA", &[0, 0, 0xb1, 0x8f]),
        (b"pHYs", &[0, 0, 11, 19, 0, 0, 11, 19, 1]),
        (b"prVt", b"a chunk of one's own"),
    ] {
        if rng.below(3) == 0 {
            said.push(meta(tag, data));
        }
    }
    let options = CreateOptions::new().metadata(&said).overwrite(true);
    let mut writer = create(&path, &Format::Video(format), options).unwrap();
    let video = Video {
        format,
        samples: &samples,
    };
    writer.write(Signal::Video(video)).ok()?;
    writer.finish().ok()?;
    Some(path)
}

#[test]
fn pictures_come_back_or_it_is_said() {
    let nc = Toolkit::new();
    let dir = tempfile::tempdir().unwrap();
    let (file, back) = (dir.path().join("a.nc"), dir.path().join("back.png"));
    let endings = ["png", "webp", "tif", "bmp", "pam", "qoi"];
    let (mut whole, mut lacking) = (0, 0);
    for seed in 0..160 {
        let mut rng = Rng::new(seed);
        let Some(path) = picture(&mut rng, dir.path()) else {
            continue;
        };
        let was = read(&path);
        let exact = Settings::lossless().overwrite(true);
        let encoded = nc.encode_file(&path, &file, &exact).unwrap();
        let told = |warnings: &[nc::Warning]| !warnings.is_empty();
        assert_eq!(told(&encoded.warnings), was.odd, "{seed}");
        let to = dir
            .path()
            .join(format!("back.{}", endings[rng.below(endings.len())]));
        let again = DecodeSettings::new().overwrite(true);
        let decoded = nc
            .decode_file_with(&file, &to, &again, &mut nc.control())
            .unwrap();
        let is = read(&to);
        let same = (was.format, &was.signal, &was.said) == (is.format, &is.signal, &is.said);
        // What other formats have instead of grey is no loss, and has no warning.
        let grey = format_is_grey(&was.format) && !format_is_grey(&is.format);
        if !same && !grey {
            lacking += 1;
            assert!(
                told(&decoded.warnings),
                "{seed}: {} of {}",
                to.display(),
                path.display()
            );
        }
        // As a PNG it is all there.
        nc.decode_file_with(&file, &back, &again, &mut nc.control())
            .unwrap();
        let is = read(&back);
        assert_eq!(
            (was.format, &was.signal, &was.said),
            (is.format, &is.signal, &is.said),
            "{seed}"
        );
        whole += 1;
        // Nothing is written that lacks something.
        let to = dir
            .path()
            .join(format!("strict.{}", endings[rng.below(endings.len())]));
        match nc.decode_file_with(&file, &to, &again.clone().strict(true), &mut nc.control()) {
            Ok(decoded) => {
                assert!(decoded.warnings.is_empty());
                let is = read(&to);
                let grey = format_is_grey(&was.format) && !format_is_grey(&is.format);
                assert!(
                    grey || (&was.signal, &was.said) == (&is.signal, &is.said),
                    "{seed}"
                );
                std::fs::remove_file(to).unwrap();
            }
            Err(e) => {
                assert!(matches!(e.cause(), Error::NotKept(_)), "{seed}: {e}");
                assert!(!to.exists());
            }
        }
    }
    assert!(whole > 100 && lacking > 20, "{whole} {lacking}");
}

fn format_is_grey(format: &Format) -> bool {
    matches!(format, Format::Video(v) if v.chroma == Chroma::Gray)
}

#[test]
fn sound_comes_back_in_its_form_or_it_is_said() {
    let nc = Toolkit::new();
    let dir = tempfile::tempdir().unwrap();
    let (path, file) = (dir.path().join("in.wav"), dir.path().join("a.nc"));
    let back = dir.path().join("back.wav");
    for seed in 0..24 {
        let mut rng = Rng::new(1000 + seed);
        let depths = [
            SampleDepth::U8,
            SampleDepth::I16,
            SampleDepth::I24,
            SampleDepth::I32,
            SampleDepth::F32,
        ];
        let format = AudioFormat {
            rate: [8000, 11_025, 16_000, 44_100, 48_000][rng.below(5)],
            channels: 1 + rng.below(3) as u16,
            depth: depths[rng.below(5)],
        };
        let mut said = Vec::new();
        for (tag, data) in [
            (b"LIST", &b"INFOINAM\x06\0\0\0title\0"[..]),
            (b"bext", b"a description"),
            (b"data", b""),
            (b"cue ", b"\0\0\0\0"),
            (b"mine", b"odd"),
        ] {
            if rng.below(2) == 0 {
                said.push(meta(tag, data));
            }
        }
        let n = rng.below(9000);
        let samples = nc::AudioBuf {
            rate: format.rate,
            samples: ndarray::Array2::from_shape_fn((format.channels.into(), n), |(c, i)| {
                (i as f32 * 0.01 * (c + 1) as f32).sin() * 0.5
            }),
        };
        let options = CreateOptions::new().metadata(&said).overwrite(true);
        let mut writer = create(&path, &Format::Audio(format), options).unwrap();
        writer.write(SignalBuf::Audio(samples).view()).unwrap();
        writer.finish().unwrap();
        // Half of them have lost their length, as recorders leave it.
        let unfinished = rng.below(2) == 0;
        if unfinished {
            let mut bytes = std::fs::read(&path).unwrap();
            let at = bytes.windows(4).position(|w| w == b"data").unwrap();
            bytes[at + 4..at + 8].fill(0xff);
            bytes[4..8].fill(0xff);
            std::fs::write(&path, bytes).unwrap();
        }
        let was = read(&path);
        let settings = Settings::new().overwrite(true);
        let encoded = nc.encode_file(&path, &file, &settings);
        let encoded = match encoded {
            Ok(encoded) => encoded,
            Err(e) => {
                assert_eq!(was.signal.units(), 0, "{seed}: {e}");
                continue;
            }
        };
        assert_eq!(encoded.warnings.is_empty(), !was.odd, "{seed}");
        let strict = nc.encode_file(&path, &file, &settings.clone().strict(true));
        assert_eq!(strict.is_ok(), !was.odd, "{seed}");
        let again = DecodeSettings::new().overwrite(true);
        let decoded = nc
            .decode_file_with(&file, &back, &again, &mut nc.control())
            .unwrap();
        let is = read(&back);
        assert_eq!(
            (was.format, was.signal.units()),
            (is.format, is.signal.units()),
            "{seed}"
        );
        if was.said != is.said {
            assert!(
                !decoded.warnings.is_empty() || was.odd,
                "{seed}: {:?} {:?}",
                was.said,
                is.said
            );
        }
    }
}
