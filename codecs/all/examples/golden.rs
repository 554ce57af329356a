//! Makes golden and faulty files of the current format; never touches one that is there.
//!
//! `golden GOLDEN FAULTY` writes into these folders, with the models `*.ncm` of GOLDEN and the
//! default one. A golden file is for ever: every later version must decode it to the same bits.
//! Lines for `golden.sha256` are printed.

use std::path::Path;

use nc::{
    Audio, Budget, Chroma, ChunkHead, Codec, CodecInfo, Control, Encoded, Encoder, Format, Goal,
    Model, ModelId, Plan, SampleDepth, Signal, SignalBuf, VideoBuf, VideoFormat,
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
    Ok(())
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
    let channels = x.nrows() as u16;
    let format = Format::Audio {
        rate,
        channels,
        depth: SampleDepth::I16,
    };
    let length = Some(x.ncols() as u64);
    let mut ctl = nc::Control::default();
    let mut e = Encoder::new(Vec::new(), codec, format, length, Goal::Bitrate(bits))?;
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

/// Writes a file unless it is there, and prints the line of a golden one.
fn put(folder: &Path, name: &str, bytes: &[u8]) -> Outcome<()> {
    let path = folder.join(name);
    if path.exists() {
        eprintln!("{name} stays");
        return Ok(());
    }
    std::fs::write(&path, bytes)?;
    let models = std::fs::read_dir(folder)?
        .filter_map(|e| std::fs::read(e.ok()?.path()).ok())
        .filter_map(|b| Model::from_bytes(b, &mut Budget::default()).ok());
    let registry = nc_codecs::registry();
    let opener = registry.opener(models.collect());
    if let Ok(y) = nc::decode(&opener, bytes, Budget::default()) {
        let hash = sha256(&y.to_le_bytes());
        println!("{hash}  {name}");
    }
    Ok(())
}
