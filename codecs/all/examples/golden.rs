//! Makes golden and faulty files of the current format; never touches one that is there.
//!
//! `golden GOLDEN FAULTY` writes into these folders, with the models `*.ncm` of GOLDEN and the
//! default one, and adds a line for each new file to `golden.sha256` (its output), `symbols.sha256` (the hashes of
//! its chunks' symbols) or `errors.txt` (what it must be refused with). A golden file is for ever: every later version
//! must decode it to the same bits.

use std::path::Path;

use crc32c::crc32c;
use nc::container::{CHUNK, END, Header, LAST, META, put_varint};
use nc::{
    Audio, Budget, Chroma, ChunkHead, Codec, CodecId, CodecInfo, Control, Encoded, Encoder, Format,
    Goal, Model, ModelId, Plan, SampleDepth, Signal, SignalBuf, VideoBuf, VideoFormat,
};
use nc_corpora::files::sha256;
use nc_corpora::synth;
use ndarray::Array2;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, golden, faulty] = args.as_slice() else {
        return Err("golden GOLDEN FAULTY".into());
    };
    let (golden, faulty) = (Path::new(golden), Path::new(faulty));
    let registry = nc_codecs::registry();
    let store = registry.open_for_encoding(registry.by_name("store")?, None)?;
    let bytes: Vec<u8> = (0..3000u32).map(|i| ((i * i) >> 7) as u8).collect();
    put(
        golden,
        "store.nc",
        &nc::encode(store.as_ref(), Signal::Bytes(&bytes), Goal::Exact)?,
    )?;
    put(
        golden,
        "store-empty.nc",
        &nc::encode(store.as_ref(), Signal::Bytes(&[]), Goal::Exact)?,
    )?;

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
            &audio(codec.as_ref(), 16_000, &speech, 3000)?,
        )?;
        // Two chunks, three channels: one silent, two equal.
        let music = synth::music(5, 21.0);
        let three = sound(&[music.clone(), music, synth::silence(21.0)]);
        put(
            golden,
            &format!("{name}-three.nc"),
            &audio(codec.as_ref(), 16_000, &three, 2000)?,
        )?;
        let odd = sound(&[synth::speech(12, 1.3), synth::noise(13, 1.3, 0.1)]);
        put(
            golden,
            &format!("{name}-44100.nc"),
            &audio(codec.as_ref(), 44_100, &odd, 6000)?,
        )?;
    }

    more_sound(golden)?;
    for (name, first) in [("circuit", 0), ("circuit-first", 4)] {
        circuit(golden, name, first)?;
    }
    video(golden, faulty)?;

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
    damage("trailing.nc", &|f| f.push(0))?;
    faults(golden, faulty)
}

/// What is wrong although its checksums are right: files of newer versions, of unknown codecs and models, of absurd
/// sizes; models that are none.
fn faults(golden: &Path, faulty: &Path) -> Outcome<()> {
    let bytes = Header {
        format: Format::Bytes,
        length: Some(5),
        codec: CodecId(0),
        bitstream: 1,
        model: None,
        overlap: 0,
        hashed: true,
        lone: false,
        newer: false,
    };
    let tiny = ModelId::of(&std::fs::read(golden.join("tiny.ncm"))?);
    let sound = |channels| Format::Audio {
        rate: 16_000,
        channels,
        depth: SampleDepth::I16,
    };
    let audio = Header {
        format: sound(1),
        length: None,
        codec: CodecId(1),
        model: Some(tiny),
        ..bytes
    };
    let video = Header {
        format: Format::Video(VideoFormat {
            width: 16_384,
            height: 16_384,
            rate: [25, 1],
            chroma: Chroma::C444,
            bits: 8,
            rgb: false,
        }),
        length: None,
        codec: CodecId(3),
        ..bytes
    };
    // A header byte changed, and its checksum made right.
    let changed = |header: Header, at: usize, to: u8| {
        let mut out = header.to_bytes();
        out[at] = to;
        let end = out.len() - 4;
        let crc = crc32c(&out[..end]).to_le_bytes();
        out[end..].copy_from_slice(&crc);
        out
    };
    let chunk = |mut out: Vec<u8>, tag: u8, units: u64, payload: &[u8]| {
        out.push(tag);
        put_varint(units, &mut out);
        put_varint(payload.len() as u64, &mut out);
        out.extend(crc32c(payload).to_le_bytes());
        out.extend((payload.len() as u32).to_le_bytes());
        out.extend(payload);
        out
    };
    let end = |mut out: Vec<u8>, index: u64| {
        out.extend([END, 0, 0, 0, 0]);
        out.extend(index.to_le_bytes());
        out
    };
    let five = |header: Vec<u8>| end(chunk(header, LAST, 5, b"abcde"), 0);
    let record = |mut out: Vec<u8>, tag: u8, body: &[u8]| {
        out.push(tag);
        put_varint(body.len() as u64, &mut out);
        out.extend(crc32c(body).to_le_bytes());
        out.extend(body);
        out
    };
    let file = |name: &str, bytes: Vec<u8>| put(faulty, name, &bytes);
    file("major-2.nc", five(changed(bytes, 8, 2)))?;
    file("major-0.nc", five(changed(bytes, 8, 0)))?;
    file("flags.nc", five(changed(bytes, 10, 0x83)))?;
    file("codec-200.nc", five(changed(bytes, 11, 200)))?;
    file("bitstream-9.nc", five(changed(bytes, 12, 9)))?;
    file("kind-9.nc", five(changed(bytes, 13, 9)))?;
    let other = Header {
        model: Some(ModelId([1; 8])),
        ..audio
    };
    file(
        "no-such-model.nc",
        end(chunk(other.to_bytes(), LAST, 1, &[8, 0]), 0),
    )?;
    let none = Header {
        model: None,
        ..audio
    };
    file(
        "no-model.nc",
        end(chunk(none.to_bytes(), LAST, 1, &[8, 0]), 0),
    )?;
    file("units-0.nc", end(chunk(bytes.to_bytes(), LAST, 0, b""), 0))?;
    file(
        "units-2-63.nc",
        end(chunk(audio.to_bytes(), LAST, 1 << 63, &[8, 0]), 0),
    )?;
    file(
        "frames-2-40.nc",
        end(chunk(video.to_bytes(), LAST, 1 << 40, &[1; 8]), 0),
    )?;
    file(
        "frame-too-large.nc",
        end(chunk(video.to_bytes(), LAST, 1, &[1; 8]), 0),
    )?;
    file(
        "two-lasts.nc",
        end(
            chunk(chunk(bytes.to_bytes(), LAST, 2, b"ab"), LAST, 3, b"cde"),
            0,
        ),
    )?;
    file(
        "no-last.nc",
        end(chunk(bytes.to_bytes(), CHUNK, 5, b"abcde"), 0),
    )?;
    file(
        "length.nc",
        end(chunk(bytes.to_bytes(), LAST, 4, b"abcd"), 0),
    )?;
    file(
        "unknown-record.nc",
        end(
            record(chunk(bytes.to_bytes(), LAST, 5, b"abcde"), b'q', b"?"),
            0,
        ),
    )?;
    file(
        "index-elsewhere.nc",
        end(chunk(bytes.to_bytes(), LAST, 5, b"abcde"), 1 << 40),
    )?;
    let mut long = bytes.to_bytes();
    long.push(META);
    put_varint(1 << 62, &mut long);
    long.extend([0; 20]);
    file("meta-2-62.nc", long)?;
    let model = std::fs::read(golden.join("tiny.ncm"))?;
    put(faulty, "model-cut.ncm", &model[..model.len() / 2])?;
    put(faulty, "model-empty.ncm", &[])?;
    let mut nan = model.clone();
    let last = nan.len() - 4;
    nan[last..].fill(0xff);
    put(faulty, "model-nan.ncm", &nan)?;
    let mut header = model.clone();
    header[..8].copy_from_slice(&(1u64 << 60).to_le_bytes());
    put(faulty, "model-header-2-60.ncm", &header[..2000])?;
    Ok(())
}

/// Files of the small audio model at every kind of rate, depth, length and number of channels.
fn more_sound(golden: &Path) -> Outcome<()> {
    use SampleDepth::{F32, I16, I24, I32, U8};
    let model = Model::from_bytes(
        std::fs::read(golden.join("tiny.ncm"))?,
        &mut Budget::default(),
    )?;
    let registry = nc_codecs::registry();
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
        let file = sound_of(codec.as_ref(), rate, &x, goal, depth, length)?;
        put(golden, &format!("tiny-{name}.nc"), &file)?;
    }
    // Trimmed: no hash of the output.
    let whole = std::fs::read(golden.join("tiny-6k.nc"))?;
    let mut archive = nc::Archive::open(std::io::Cursor::new(&whole), Budget::default())?;
    let opener = registry.opener(vec![model]);
    let goal = Goal::Bitrate(2000);
    let trimmed = archive.trim(Vec::new(), &opener, goal, &mut Control::default())?;
    put(golden, "tiny-trimmed.nc", &trimmed.0)?;

    let store = registry.open_for_encoding(registry.by_name("store")?, None)?;
    let bytes: Vec<u8> = (0..700u32).map(|i| (i * i / 11) as u8).collect();
    let mut e = Encoder::new(Vec::new(), store.as_ref(), Format::Bytes, None, Goal::Exact)?;
    e.add_meta(*b"test", b"kept beside the bytes");
    e.push(Signal::Bytes(&bytes), &mut Control::default())?;
    put(
        golden,
        "store-pipe.nc",
        &e.finish(&mut Control::default())?.0,
    )?;
    let one = nc::encode(store.as_ref(), Signal::Bytes(&[7]), Goal::Exact)?;
    put(golden, "store-one.nc", &one)
}

/// A model with vertices of many kinds and texts, unless it is there, and files that need it.
fn circuit(golden: &Path, name: &str, first: usize) -> Outcome<()> {
    use nc_circuit::{Stored, Texts, Tree, learn};
    let alphabets = vec![2, 256, 5, 3000, 17, 2, 300, 12];
    let mut rng = synth::Rng::new(41);
    let mut records = |n: usize| {
        let mut values = Vec::new();
        for _ in 0..n {
            let hidden = rng.bits() % 4;
            for a in &alphabets {
                let spread = rng.bits() % (1 + u64::from(*a) / 5);
                values.push(((hidden * 61 + spread) % u64::from(*a)) as u16);
            }
        }
        values
    };
    let data = nc_circuit::Records::new(alphabets.clone(), records(2000))?;
    let path = golden.join(format!("{name}.ncm"));
    // Variable 2 has texts where it is 4.
    let text = |row: usize| format!("text {}", row * row).into_bytes();
    if !path.exists() {
        let parents = [
            None,
            Some(0),
            Some(1),
            Some(1),
            Some(0),
            Some(4),
            Some(5),
            Some(4),
            Some(7),
        ];
        let states = [3, 4, 18, 1, 5, 33, 2, 16, 6];
        let variables = [
            None,
            Some(3),
            Some(1),
            Some(0),
            Some(2),
            Some(6),
            Some(4),
            Some(5),
            Some(7),
        ];
        let mut tree = Tree::from_parents(&parents, &states, &variables)?;
        // The one without bins has a stream of first variables.
        if first == 0 {
            tree = learn::with_bins(tree, &data, 4)?;
        }
        let mut circuit = learn::start(tree, &data, 7)?;
        let mut em = learn::Em::new(&circuit, &data, None, &[]);
        let rows: Vec<&[u16]> = data.rows().collect();
        for _ in 0..30 {
            em.step(&mut circuit, &rows, 1.0);
        }
        let mut stored = Stored::new(circuit);
        stored.open[2] = Some(4);
        stored.first = first;
        stored.texts = Texts::count(
            (0..50)
                .map(text)
                .collect::<Vec<_>>()
                .iter()
                .map(Vec::as_slice),
        );
        std::fs::write(&path, stored.to_bytes(&Default::default())?)?;
    }
    let model = Model::from_bytes(std::fs::read(&path)?, &mut Budget::default())?;
    let registry = nc_codecs::registry();
    let codec = registry.open_for_encoding(registry.by_name("circuit")?, Some(&model))?;
    for (n, access) in [(0, 0), (1, 0), (70, 1), (300, 16)] {
        let values = Array2::from_shape_vec((n, 8), records(n))?;
        let texts = (0..n)
            .filter(|row| values[[*row, 2]] == 4)
            .map(|row| nc::Text {
                row,
                bytes: text(row),
            });
        let records = nc::RecordsBuf {
            texts: texts.collect(),
            values,
        };
        let mut ctl = nc::Control {
            access,
            ..Default::default()
        };
        let format = Format::Records { variables: 8 };
        let mut e = Encoder::new(
            Vec::new(),
            codec.as_ref(),
            format,
            Some(n as u64),
            Goal::Exact,
        )?;
        e.push(Signal::Records(records.view()), &mut ctl)?;
        put(golden, &format!("{name}-{n}.nc"), &e.finish(&mut ctl)?.0)?;
    }
    Ok(())
}

/// Clips and images of every mode, chroma and depth; payloads that are no such thing, under right checksums.
fn video(golden: &Path, faulty: &Path) -> Outcome<()> {
    use Chroma::{C420, C422, C444, Gray};
    // Name, size, frames, chroma, bits, goal, network.
    let clips = [
        ("raw", (7, 5), 3, C420, 10, Goal::Exact, "default"),
        (
            "network",
            (128, 96),
            24,
            C420,
            8,
            Goal::Bytes(21_000),
            "default",
        ),
        ("cut", (33, 17), 70, C420, 8, Goal::Quality(5.0), "none"),
        ("422", (48, 34), 20, C422, 10, Goal::Quality(7.0), "none"),
        ("444", (40, 24), 9, C444, 8, Goal::Quality(3.0), "none"),
        ("gray", (31, 40), 10, Gray, 8, Goal::Quality(5.0), "none"),
        ("image", (65, 43), 1, C444, 8, Goal::Quality(6.0), "default"),
        ("nerv", (32, 24), 5, C420, 8, Goal::Bytes(3000), "nerv"),
        ("nerv++", (32, 24), 5, C422, 8, Goal::Bytes(3000), "nerv++"),
        ("cam", (32, 24), 5, C420, 10, Goal::Bytes(3000), "cam"),
        ("one-pixel", (1, 1), 3, C420, 8, Goal::Quality(5.0), "none"),
        ("one-row", (40, 1), 4, C422, 8, Goal::Quality(5.0), "none"),
        (
            "one-column",
            (1, 30),
            4,
            C420,
            10,
            Goal::Quality(5.0),
            "none",
        ),
        ("least", (64, 48), 12, C420, 8, Goal::Quality(0.0), "none"),
        ("best", (64, 48), 6, C420, 8, Goal::Quality(10.0), "none"),
        (
            "ten-bits",
            (31, 17),
            4,
            Gray,
            10,
            Goal::Quality(6.0),
            "none",
        ),
        ("ten-444", (34, 18), 5, C444, 10, Goal::Quality(4.0), "none"),
        ("raw-gray", (9, 4), 2, Gray, 10, Goal::Exact, "default"),
        ("raw-444", (6, 5), 2, C444, 8, Goal::Exact, "default"),
        ("groups", (32, 32), 140, C420, 8, Goal::Quality(2.0), "none"),
    ];
    for (name, (width, height), frames, chroma, bits, goal, network) in clips {
        let rgb = name == "image";
        let format = VideoFormat {
            width,
            height,
            rate: [25, 1],
            chroma,
            bits,
            rgb,
        };
        // A network learns no grain, and would be left out.
        let grain = if name == "network" { 0.0 } else { 0.03 };
        let x = clip(format, frames, grain);
        put(
            golden,
            &format!("nerv-{name}.nc"),
            &code(&x, goal, network)?,
        )?;
    }
    let format = VideoFormat {
        width: 64,
        height: 48,
        rate: [30_000, 1001],
        chroma: C420,
        bits: 8,
        rgb: false,
    };
    let flat = VideoBuf {
        format,
        samples: vec![77; format.frame_samples()? * 40],
    };
    let constant = code(&flat, Goal::Quality(5.0), "default")?;
    put(golden, "nerv-constant.nc", &constant)?;

    let x = clip(format, 4, 0.03);
    let mut payload = Vec::new();
    let head = ChunkHead {
        format: Format::Video(format),
        first: 0,
        units: 4,
    };
    let signal = Signal::Video(x.view());
    nc_nerv::Nerv.encode(
        signal,
        &head,
        Goal::Quality(5.0),
        &mut Control::default(),
        &mut payload,
    )?;
    let hostile = |name: &str, payload: Vec<u8>| -> Outcome<()> {
        let file = nc::encode(
            &Hostile(payload, x.clone()),
            Signal::Video(x.view()),
            Goal::Exact,
        )?;
        put(faulty, &format!("nerv-{name}.nc"), &file)
    };
    let half = payload.len() / 2;
    hostile("payload-of-nothing", Vec::new())?;
    hostile("mode", vec![9, 0, 0])?;
    hostile("raw-short", vec![0; 100])?;
    hostile("constant-long", vec![1; 100])?;
    hostile("clip-short", payload[..half].to_vec())?;
    hostile("clip-long", [payload.as_slice(), &[0; 40]].concat())?;
    hostile("clip-of-ones", [&payload[..1], &[0xff; 60]].concat())?;
    hostile("published-of-ones", [&[3][..], &[0xff; 60]].concat())
}

/// A texture that drifts, with grain; another one from half of the frames on.
fn clip(format: VideoFormat, frames: usize, grain: f64) -> VideoBuf {
    let mut rng = synth::Rng::new(51);
    let max = f64::from(format.max());
    let mut samples = Vec::new();
    for t in 0..frames {
        let scene = if 2 * t >= frames { 1.0 } else { 0.0 };
        for p in 0..format.planes() {
            let (w, h) = format.plane(p);
            for i in 0..w * h {
                let x = (i % w) as f64 * f64::from(format.width) / w as f64 + 1.3 * t as f64;
                let y = (i / w) as f64 * f64::from(format.height) / h as f64 - 0.5 * t as f64;
                let waves = (0.31 * x + 0.2 * y + 2.0 * scene).sin() * (0.009 * x * y).cos();
                let edge = if (x + y) % 23.0 < 9.0 { 0.2 } else { 0.0 };
                let v = 0.4 + 0.2 * waves + edge + 0.1 * scene + rng.range(-grain, grain);
                samples.push((v * max).round().clamp(0.0, max) as u16);
            }
        }
    }
    VideoBuf { format, samples }
}

fn code(x: &VideoBuf, goal: Goal, network: &str) -> Outcome<Vec<u8>> {
    let mut ctl = Control::default();
    ctl.options.insert("network".into(), network.into());
    let frames = x.view().frames() as u64;
    let format = Format::Video(x.format);
    let mut e = Encoder::new(Vec::new(), &nc_nerv::Nerv, format, Some(frames), goal)?;
    e.push(Signal::Video(x.view()), &mut ctl)?;
    Ok(e.finish(&mut ctl)?.0)
}

/// Says that it is nerv, writes the payload that it is told to and claims that it means this clip.
struct Hostile(Vec<u8>, VideoBuf);

impl Codec for Hostile {
    fn info(&self) -> &CodecInfo {
        nc_nerv::Nerv.info()
    }

    fn model(&self) -> Option<ModelId> {
        None
    }

    fn plan(&self, format: &Format) -> nc::Result<Plan> {
        nc_nerv::Nerv.plan(format)
    }

    fn encode(
        &self,
        _: Signal<'_>,
        _: &ChunkHead,
        _: Goal,
        _: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> nc::Result<Encoded> {
        out.extend(&self.0);
        Ok(Encoded { symbols: 0 })
    }

    fn decode(
        &self,
        _: &[u8],
        _: &ChunkHead,
        _: &mut Budget,
        _: &mut Control<'_>,
    ) -> nc::Result<(SignalBuf, Encoded)> {
        Ok((SignalBuf::Video(self.1.clone()), Encoded { symbols: 0 }))
    }
}

fn sound(channels: &[Vec<f32>]) -> Array2<f32> {
    Array2::from_shape_fn((channels.len(), channels[0].len()), |(c, i)| channels[c][i])
}

fn audio(codec: &dyn Codec, rate: u32, x: &Array2<f32>, bits: u32) -> Outcome<Vec<u8>> {
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
    codec: &dyn Codec,
    rate: u32,
    x: &Array2<f32>,
    goal: Goal,
    depth: SampleDepth,
    length: Option<u64>,
) -> Outcome<Vec<u8>> {
    let channels = x.nrows() as u16;
    let format = Format::Audio {
        rate,
        channels,
        depth,
    };
    let mut ctl = nc::Control::default();
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

/// Writes a file unless it is there, and the lines of the lists it belongs to.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Outcome<()> {
    let path = folder.join(name);
    if path.exists() {
        eprintln!("{name} stays");
    } else {
        std::fs::write(&path, bytes)?;
    }
    let bytes = std::fs::read(&path)?;
    // Faulty files name models of the golden folder.
    let models = std::fs::read_dir(folder.with_file_name("golden"))?
        .filter_map(|e| std::fs::read(e.ok()?.path()).ok())
        .filter_map(|b| Model::from_bytes(b, &mut Budget::default()).ok());
    let registry = nc_codecs::registry();
    let opener = registry.opener(models.collect());
    let found = if name.ends_with(".ncm") {
        open(&bytes).map(|()| None)
    } else {
        nc::decode(&opener, &bytes, Budget::default()).map(Some)
    };
    match found {
        Ok(Some(y)) => {
            list(folder, "golden.sha256", &sha256(&y.to_le_bytes()), name)?;
            list(folder, "symbols.sha256", &symbols(&bytes, &opener)?, name)
        }
        Ok(None) => Ok(()),
        Err(e) => list(folder, "errors.txt", kind(&e), name),
    }
}

/// Adds a line to a list, unless the name has one.
fn list(folder: &Path, list: &str, word: &str, name: &str) -> Outcome<()> {
    let path = folder.join(list);
    let mut text = std::fs::read_to_string(&path).unwrap_or_default();
    if !text.lines().any(|l| l.ends_with(&format!("  {name}"))) {
        text += &format!("{word}  {name}\n");
        std::fs::write(path, text)?;
    }
    Ok(())
}

/// Opens a model with the codec that it says it is of.
fn open(bytes: &[u8]) -> nc::Result<()> {
    let model = Model::from_bytes(bytes.to_vec(), &mut Budget::default())?;
    let registry = nc_codecs::registry();
    let codec = model.meta("codec").unwrap_or_default().to_owned();
    let entry = registry
        .by_name(&codec)
        .map_err(|e| nc::Error::Model(e.to_string()))?;
    (entry.open)(Some(&model)).map(drop)
}

/// SHA-256 of the hashes of each chunk's symbols, 8 bytes each.
fn symbols(file: &[u8], opener: &dyn nc::Opener) -> nc::Result<String> {
    let mut archive = nc::Archive::open(std::io::Cursor::new(file), Budget::default())?;
    let header = *archive.header();
    let codec = opener.open(header.codec, header.model)?;
    let mut all = Vec::new();
    for i in 0..archive.entries().len() {
        let (head, payload) = archive.payload_of(i)?;
        let mut budget = Budget::default();
        let (_, encoded) = codec.decode(&payload, &head, &mut budget, &mut Control::default())?;
        all.extend(encoded.symbols.to_le_bytes());
    }
    Ok(sha256(&all))
}

fn kind(e: &nc::Error) -> &'static str {
    match e {
        nc::Error::Format(_) => "Format",
        nc::Error::Unsupported(_) => "Unsupported",
        nc::Error::Limit(_) => "Limit",
        nc::Error::Model(_) => "Model",
        nc::Error::Usage(_) => "Usage",
        _ => "another",
    }
}
