//! Files that other programs write, read here and by ffmpeg: samples, rates, channels, lengths and titles are compared.
//!
//! It runs where ffmpeg, sox, flac and opusenc are installed, and says so where they are not.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nc_core::{AudioFormat, Format, MediaKind, SignalBuf};
use nc_media::{OpenOptions, Reader, Warning, code, open};

/// Whether a program is installed.
fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        eprintln!("{program} is not installed: passed over");
    }
    found.is_ok()
}

fn shell(dir: &Path, command: &str) {
    let out = Command::new("bash")
        .args(["-c", command])
        .current_dir(dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{command}: {said}");
}

/// What was read: form, samples interleaved, titles, warnings.
struct Got {
    format: AudioFormat,
    samples: Vec<f32>,
    metadata: Vec<u8>,
    warnings: Vec<Warning>,
}

fn read(reader: nc_core::Result<Reader>) -> nc_core::Result<Got> {
    let mut reader = reader?;
    let Format::Audio(format) = reader.format() else {
        panic!("no sound: {:?}", reader.format());
    };
    let mut samples = Vec::new();
    while let Some(piece) = reader.next()? {
        let SignalBuf::Audio(audio) = piece else {
            panic!("a piece that is no sound");
        };
        samples.extend(audio.samples.t().iter());
    }
    Ok(Got {
        format,
        samples,
        metadata: reader
            .metadata()
            .iter()
            .flat_map(|m| m.data.clone())
            .collect(),
        warnings: reader.warnings().to_vec(),
    })
}

fn sound(path: &Path) -> nc_core::Result<Got> {
    read(open(path, &OpenOptions::new().kind(MediaKind::Audio)))
}

/// Rate, channels and samples by ffmpeg.
fn by_ffmpeg(path: &Path) -> (u32, u16, Vec<f32>) {
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-map", "0:a:0", "-f", "f32le", "-c:a", "pcm_f32le", "-"])
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let samples = out
        .stdout
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| f32::from_le_bytes(*b));
    let told = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            "a:0",
            "-show_entries",
            "stream=sample_rate,channels",
            "-of",
            "csv=p=0",
        ])
        .arg(path)
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let mut words = told.trim().split(',').map(|w| w.parse::<u32>().unwrap());
    (
        words.next().unwrap(),
        words.next().unwrap() as u16,
        samples.collect(),
    )
}

/// A voice of two channels, two seconds at 44,100 Hz, 16 bits.
fn voice(dir: &Path) -> PathBuf {
    let path = dir.join("voice.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut w = hound::WavWriter::create(&path, spec).unwrap();
    for t in 0..88_200 {
        let s = f64::from(t) / 44_100.0;
        for pitch in [150.0, 190.0] {
            let x: f64 = (1..8)
                .map(|h| (s * pitch * f64::from(h) * std::f64::consts::TAU).sin() / f64::from(h))
                .sum();
            w.write_sample((x * (0.6 + 0.4 * (s * 25.0).sin()) * 8_000.0) as i16)
                .unwrap();
        }
    }
    w.finalize().unwrap();
    path
}

/// Name of the file, how it is made, and how far samples may be apart: what is decoded by one program alone is equal but for the
/// last bit, while decoders of lossy codings differ by rounding.
const MADE: [(&str, &str, f32); 44] = [
    ("u8.wav", "ffmpeg -i voice.wav -c:a pcm_u8 OUT", 0.0),
    ("s24.wav", "ffmpeg -i voice.wav -c:a pcm_s24le OUT", 0.0),
    ("s32.wav", "ffmpeg -i voice.wav -c:a pcm_s32le OUT", 0.0),
    ("f32.wav", "ffmpeg -i voice.wav -c:a pcm_f32le OUT", 0.0),
    ("f64.wav", "ffmpeg -i voice.wav -c:a pcm_f64le OUT", 0.0),
    ("mulaw.wav", "ffmpeg -i voice.wav -c:a pcm_mulaw OUT", 0.0),
    ("alaw.wav", "ffmpeg -i voice.wav -c:a pcm_alaw OUT", 0.0),
    ("ima.wav", "ffmpeg -i voice.wav -c:a adpcm_ima_wav OUT", 0.0),
    ("ms.wav", "ffmpeg -i voice.wav -c:a adpcm_ms OUT", 0.0),
    (
        "mono_ima.wav",
        "ffmpeg -i voice.wav -ac 1 -ar 8000 -c:a adpcm_ima_wav OUT",
        0.0,
    ),
    (
        "mono_ms.wav",
        "ffmpeg -i voice.wav -ac 1 -ar 8000 -c:a adpcm_ms OUT",
        0.0,
    ),
    ("rf64.wav", "ffmpeg -i voice.wav -rf64 always OUT", 0.0),
    ("mp3.wav", "ffmpeg -i voice.wav -c:a libmp3lame OUT", 1e-4),
    (
        "gsm.wav",
        "sox voice.wav -r 8000 -c 1 -e gsm-full-rate OUT",
        1e-4,
    ),
    ("a.w64", "ffmpeg -i voice.wav OUT", 0.0),
    ("a.aiff", "ffmpeg -i voice.wav OUT", 0.0),
    ("s24.aiff", "ffmpeg -i voice.wav -c:a pcm_s24be OUT", 0.0),
    (
        "sowt.aifc",
        "ffmpeg -i voice.wav -f aiff -c:a pcm_s16le OUT",
        0.0,
    ),
    (
        "fl32.aifc",
        "ffmpeg -i voice.wav -f aiff -c:a pcm_f32be OUT",
        0.0,
    ),
    ("a.au", "ffmpeg -i voice.wav OUT", 0.0),
    ("mulaw.au", "ffmpeg -i voice.wav -c:a pcm_mulaw OUT", 0.0),
    ("f64.au", "ffmpeg -i voice.wav -c:a pcm_f64be OUT", 0.0),
    ("a.caf", "ffmpeg -i voice.wav OUT", 0.0),
    ("le.caf", "ffmpeg -i voice.wav -c:a pcm_f32le OUT", 0.0),
    ("alac.caf", "ffmpeg -i voice.wav -c:a alac OUT", 0.0),
    ("a.flac", "flac -s -f voice.wav -o OUT", 0.0),
    ("s24.flac", "ffmpeg -i s24.wav -c:a flac OUT", 0.0),
    ("a.oga", "flac -s -f --ogg voice.wav -o OUT", 0.0),
    ("a.mp3", "ffmpeg -i voice.wav OUT", 2e-3),
    ("a.mp2", "ffmpeg -i voice.wav OUT", 2e-3),
    ("a.ogg", "ffmpeg -i voice.wav -c:a libvorbis OUT", 2e-3),
    ("a.opus", "opusenc --quiet voice.wav OUT", 1e-4),
    (
        "speex.ogg",
        "ffmpeg -i voice.wav -ac 1 -ar 16000 -c:a libspeex OUT",
        1e-4,
    ),
    ("a.m4a", "ffmpeg -i voice.wav OUT", 2e-3),
    ("a.mp4", "ffmpeg -i voice.wav -c:a aac OUT", 2e-3),
    ("a.aac", "ffmpeg -i voice.wav OUT", 2e-3),
    ("alac.m4a", "ffmpeg -i voice.wav -c:a alac OUT", 0.0),
    ("a.webm", "ffmpeg -i voice.wav -c:a libopus OUT", 1e-4),
    ("a.mka", "ffmpeg -i voice.wav -c:a libvorbis OUT", 2e-3),
    ("a.wma", "ffmpeg -i voice.wav OUT", 1e-4),
    ("a.ac3", "ffmpeg -i voice.wav OUT", 1e-4),
    ("a.wv", "ffmpeg -i voice.wav OUT", 0.0),
    ("a.tta", "ffmpeg -i voice.wav OUT", 0.0),
    ("a.voc", "sox voice.wav OUT", 0.0),
];

#[test]
fn what_others_write_is_read_as_ffmpeg_reads_it() {
    if !["ffmpeg", "sox", "flac", "opusenc"].into_iter().all(has) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    voice(dir.path());
    let mut wrong = Vec::new();
    for (name, command, apart) in MADE {
        let command = command.replace("ffmpeg", "ffmpeg -v error -y -nostdin");
        shell(dir.path(), &command.replace("OUT", name));
        let path = dir.path().join(name);
        let got = match sound(&path) {
            Ok(got) => got,
            Err(e) => {
                wrong.push(format!("{name}: {e}"));
                continue;
            }
        };
        let (rate, channels, want) = by_ffmpeg(&path);
        if (got.format.rate, got.format.channels) != (rate, channels) {
            wrong.push(format!(
                "{name}: {:?}, not {rate} Hz, {channels}",
                got.format
            ));
        } else if got.samples.len() != want.len() {
            let n = usize::from(channels);
            let lengths = (got.samples.len() / n, want.len() / n);
            wrong.push(format!("{name}: {} samples, not {}", lengths.0, lengths.1));
        } else {
            let most = got.samples.iter().zip(&want).map(|(a, b)| (a - b).abs());
            let most = most.fold(0.0, f32::max);
            if most > apart {
                wrong.push(format!("{name}: {most} apart"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn joined_tagged_and_chained_files_are_read_whole() {
    if !["ffmpeg", "flac"].into_iter().all(has) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    voice(d);
    let ffmpeg =
        "ffmpeg -v error -y -nostdin -i voice.wav -metadata title=Größe -metadata artist=me";
    shell(
        d,
        &format!(
            "{ffmpeg} a.flac; {ffmpeg} a.mp3; {ffmpeg} a.ogg; {ffmpeg} a.m4a; {ffmpeg} tagged.wav"
        ),
    );
    // Titles come along.
    for name in ["a.flac", "a.mp3", "a.ogg", "a.m4a", "tagged.wav"] {
        let got = sound(&d.join(name)).unwrap();
        let title = "Größe".as_bytes();
        let found = got.metadata.windows(title.len()).any(|w| w == title);
        assert!(found, "{name} has lost its title: {:?}", got.warnings);
    }
    // One behind the other.
    for name in ["a.flac", "a.mp3", "a.ogg", "tagged.wav"] {
        let whole = std::fs::read(d.join(name)).unwrap();
        let one = sound(&d.join(name)).unwrap().samples;
        let twice = d.join("twice");
        std::fs::write(&twice, [&whole[..], &whole].concat()).unwrap();
        let got = sound(&twice).unwrap();
        assert!(got.warnings.is_empty(), "{name}: {:?}", got.warnings);
        assert_eq!(got.samples, [&one[..], &one].concat(), "{name}");
        // Tags behind.
        let id3 = [b"TAG", &[b'x'; 125][..]].concat();
        let mut ape = b"itemsAPETAGEX".to_vec();
        for word in [2000u32, 37, 1, 0, 0, 0] {
            ape.extend(word.to_le_bytes());
        }
        if !name.ends_with("wav") {
            std::fs::write(&twice, [&whole[..], &ape, &id3].concat()).unwrap();
            assert_eq!(
                sound(&twice).unwrap().samples,
                one,
                "{name} with tags behind"
            );
        }
    }
    // Of another form, it is refused.
    shell(
        d,
        "ffmpeg -v error -y -nostdin -i voice.wav -ar 22050 half.flac; ffmpeg -v error -y -nostdin -i voice.wav -ar 22050 half.wav",
    );
    for (a, b) in [("a.flac", "half.flac"), ("tagged.wav", "half.wav")] {
        let both = [
            std::fs::read(d.join(a)).unwrap(),
            std::fs::read(d.join(b)).unwrap(),
        ]
        .concat();
        std::fs::write(d.join("both"), both).unwrap();
        let e = sound(&d.join("both")).err().expect("two forms in one file");
        assert_eq!(e.code(), Some(code::ANOTHER_FOLLOWS), "{a}");
    }
}

#[test]
fn a_clip_is_in_step_with_its_sound() {
    if !has("ffmpeg") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    // White from 1 s on, and a tone from 1 s on; then the sound, or the pictures, begin later.
    let pictures =
        "-f lavfi -i color=black:s=64x48:r=25:d=1 -f lavfi -i color=white:s=64x48:r=25:d=1";
    let tone = "-f lavfi -i anullsrc=r=48000:cl=mono:d=1 -f lavfi -i sine=1000:r=48000:d=1";
    shell(
        d,
        &format!(
            "ffmpeg -v error -y -nostdin {pictures} -filter_complex concat=n=2:v=1:a=0 -c:v ffv1 v.mkv"
        ),
    );
    shell(
        d,
        &format!("ffmpeg -v error -y -nostdin {tone} -filter_complex concat=n=2:v=0:a=1 a.wav"),
    );
    for (name, more, codecs) in [
        (
            "plain.mp4",
            "-i v.mkv -i a.wav",
            "-c:v libx264 -pix_fmt yuv420p -c:a aac",
        ),
        ("plain.mkv", "-i v.mkv -i a.wav", "-c:v ffv1 -c:a pcm_s16le"),
        ("opus.webm", "-i v.mkv -i a.wav", "-c:v libvpx -c:a libopus"),
        (
            "late_sound.mkv",
            "-i v.mkv -itsoffset 0.35 -i a.wav",
            "-c:v ffv1 -c:a pcm_s16le",
        ),
        (
            "late_pictures.mkv",
            "-itsoffset 0.215 -i v.mkv -i a.wav",
            "-c:v copy -c:a pcm_s16le",
        ),
    ] {
        shell(
            d,
            &format!("ffmpeg -v error -y -nostdin {more} -map 0:v -map 1:a {codecs} {name}"),
        );
        let mut tracks = nc_media::open_tracks(d.join(name), &OpenOptions::new()).unwrap();
        assert_eq!(tracks.len(), 2, "{name}");
        let sound = read(Ok(tracks.pop().unwrap())).unwrap();
        let tone = sound.samples.iter().position(|x| x.abs() > 0.02).unwrap();
        let tone = tone as f64 / f64::from(sound.format.rate);
        let mut video = tracks.pop().unwrap();
        let Format::Video(form) = video.format() else {
            panic!("no video");
        };
        let mut frames = 0;
        while let Some(SignalBuf::Video(frame)) = video.next().unwrap() {
            if frame.samples[0] > 128 {
                break;
            }
            frames += 1;
        }
        let white = f64::from(frames) / form.fps().unwrap();
        let shift = match name {
            "late_sound.mkv" => 0.35,
            "late_pictures.mkv" => -0.215,
            // Its muxer puts the sound before the pictures by the delay of Opus, and says so in its times.
            "opus.webm" => -0.0065,
            _ => 0.0,
        };
        // A tone is heard within its first half millisecond.
        let apart = (tone - white - shift).abs();
        assert!(
            apart < 0.001,
            "{name}: white at {white} s, tone at {tone} s"
        );
    }
}
