//! Files of sound, by every audio model of the golden folder and the one built in.

use std::path::Path;

use nc_core::{
    AnyCodec, Archive, Audio, AudioFormat, Budget, Control, Encoder, Format, Goal, Model,
    SampleDepth, Signal,
};
use nc_corpora::synth;
use ndarray::Array2;

use crate::{Outcome, put};

/// Speech, channels that are silent or alike, and another rate, by each model.
pub fn golden(golden: &Path) -> Outcome<()> {
    let registry = nc::registry();
    let mut models = vec![("default".to_owned(), None)];
    for entry in std::fs::read_dir(golden)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "ncm") {
            let model = Model::from_bytes(std::fs::read(&path)?, &mut Budget::default())?;
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            models.push((name, Some(model)));
        }
    }
    models.retain(|(_, m)| {
        m.as_ref()
            .is_none_or(|m: &Model| m.meta("codec") == Some("grvq"))
    });
    for (name, model) in models {
        let codec = registry.open_for_encoding(registry.by_name("grvq")?, model.as_ref())?;
        let speech = sound(&[synth::speech(11, 3.0)]);
        put(
            golden,
            &format!("{name}-speech.nc"),
            &audio(&codec, 16_000, &speech, 3000)?,
        )?;
        // Two chunks, three channels: one silent, two equal.
        let music = synth::music(5, 21.0);
        let three = sound(&[music.clone(), music, synth::silence(21.0)]);
        put(
            golden,
            &format!("{name}-three.nc"),
            &audio(&codec, 16_000, &three, 2000)?,
        )?;
        let odd = sound(&[synth::speech(12, 1.3), synth::noise(13, 1.3, 0.1)]);
        put(
            golden,
            &format!("{name}-44100.nc"),
            &audio(&codec, 44_100, &odd, 6000)?,
        )?;
    }
    Ok(())
}

/// Files of the small audio model at every kind of rate, depth, length and number of channels.
pub fn more(golden: &Path) -> Outcome<()> {
    use SampleDepth::{F32, I16, I24, I32, U8};
    let model = Model::from_bytes(
        std::fs::read(golden.join("tiny.ncm"))?,
        &mut Budget::default(),
    )?;
    let registry = nc::registry();
    let codec = registry.open_for_encoding(registry.by_name("grvq")?, Some(&model))?;
    let speech = synth::speech(31, 2.0);
    let mono = |n: usize| sound(&[speech[..n].to_vec()]);
    let many = sound(
        &(0..8u64)
            .map(|c| synth::noise(c, 0.4, 0.1))
            .collect::<Vec<_>>(),
    );
    let files = [
        ("1k", 16_000, mono(20_000), Goal::Bitrate(1000), I16, true),
        ("1k5", 16_000, mono(20_000), Goal::Bitrate(1500), I24, true),
        ("4k5", 16_000, mono(20_000), Goal::Bitrate(4500), I32, true),
        ("6k", 16_000, mono(20_000), Goal::Bitrate(6000), F32, true),
        ("best", 16_000, mono(9_000), Goal::Quality(10.0), I16, true),
        ("least", 16_000, mono(9_000), Goal::Quality(0.0), U8, true),
        ("bytes", 16_000, mono(9_000), Goal::Bytes(300), I16, true),
        ("8000", 8_000, mono(10_000), Goal::Bitrate(3000), I16, true),
        (
            "48000",
            48_000,
            mono(30_000),
            Goal::Bitrate(3000),
            I16,
            true,
        ),
        (
            "192000",
            192_000,
            mono(30_000),
            Goal::Bitrate(3000),
            I24,
            true,
        ),
        ("eight", 16_000, many, Goal::Bitrate(12_000), I16, true),
        ("one-sample", 16_000, mono(1), Goal::Quality(3.0), I16, true),
        ("nothing", 16_000, mono(0), Goal::Quality(3.0), I16, true),
        (
            "silence",
            16_000,
            sound(&[vec![0.0; 5000]]),
            Goal::Bitrate(3000),
            I16,
            true,
        ),
        (
            "pipe",
            16_000,
            mono(20_000),
            Goal::Bitrate(3000),
            I16,
            false,
        ),
    ];
    for (name, rate, x, goal, depth, known) in files {
        let length = known.then_some(x.ncols() as u64);
        let file = sound_of(&codec, rate, &x, goal, depth, length)?;
        put(golden, &format!("tiny-{name}.nc"), &file)?;
    }
    // Trimmed: no hash of the output.
    let whole = std::fs::read(golden.join("tiny-6k.nc"))?;
    let mut archive = Archive::open(std::io::Cursor::new(&whole), Budget::default())?;
    let registry = nc::registry().with_model(model);
    let goal = Goal::Bitrate(2000);
    let trimmed = archive.trim(Vec::new(), &registry, goal, &mut Control::default())?;
    put(golden, "tiny-trimmed.nc", &trimmed.0)
}

fn sound(channels: &[Vec<f32>]) -> Array2<f32> {
    Array2::from_shape_fn((channels.len(), channels[0].len()), |(c, i)| channels[c][i])
}

fn audio(codec: &AnyCodec, rate: u32, x: &Array2<f32>, bits: u32) -> Outcome<Vec<u8>> {
    let length = Some(x.ncols() as u64);
    sound_of(
        codec,
        rate,
        x,
        Goal::Bitrate(bits),
        SampleDepth::I16,
        length,
    )
}

fn sound_of(
    codec: &AnyCodec,
    rate: u32,
    x: &Array2<f32>,
    goal: Goal,
    depth: SampleDepth,
    length: Option<u64>,
) -> Outcome<Vec<u8>> {
    let channels = x.nrows() as u16;
    let format = Format::Audio(AudioFormat {
        rate,
        channels,
        depth,
    });
    let mut ctl = nc_core::Control::default();
    let mut e = Encoder::new(Vec::new(), codec, format, length, goal)?;
    e.add_meta(*b"LIST", b"INFOISFT\x04\0\0\0nc\0\0");
    e.push(
        Signal::Audio(Audio {
            rate,
            samples: x.view(),
        }),
        &mut ctl,
    )?;
    Ok(e.finish(&mut ctl)?.0)
}
