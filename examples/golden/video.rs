//! Video and images, and payloads of them that are none.

use std::path::Path;

use nc_core::{
    Budget, Chroma, ChunkGoal, ChunkHead, Codec, CodecInfo, Colour, Control, Encoded, Encoder,
    Format, Goal, Plan, Signal, Video, VideoBuf, VideoFormat, kind,
};
use nc_corpora::synth;

use crate::{Outcome, put};

/// Clips and images of every mode, chroma and depth; payloads that are no such thing, under right checksums.
pub fn files(golden: &Path, faulty: &Path) -> Outcome<()> {
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
        let colour = match name {
            "image" => Colour::Image,
            _ => Colour::Video,
        };
        let format = VideoFormat {
            width,
            height,
            rate: [25, 1],
            chroma,
            bits,
            colour,
            alpha: false,
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
        colour: Colour::Video,
        alpha: false,
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
        format,
        first: 0,
        units: 4,
    };
    nc_nerv::Nerv.encode(
        x.view(),
        &head,
        ChunkGoal::Quality(5.0),
        &mut Control::default(),
        &mut payload,
    )?;
    let hostile = |name: &str, payload: Vec<u8>| -> Outcome<()> {
        let file = nc_core::encode(
            &Hostile(payload, x.clone()).into(),
            Signal::Video(x.view()),
            Format::Video(format),
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
    ctl.options.set("network", network);
    let frames = x.view().frames() as u64;
    let format = Format::Video(x.format);
    let mut e = Encoder::new(
        Vec::new(),
        &nc_nerv::Nerv.into(),
        format,
        Some(frames),
        goal,
    )?;
    e.push(Signal::Video(x.view()), &mut ctl)?;
    Ok(e.finish(&mut ctl)?.0)
}

/// Says that it is nerv, writes the payload that it is told to and claims that it means this clip.
struct Hostile(Vec<u8>, VideoBuf);

impl Codec for Hostile {
    type Kind = kind::VideoKind;

    fn info(&self) -> &CodecInfo {
        &nc_nerv::INFO
    }

    fn plan(&self, format: &VideoFormat) -> nc_core::Result<Plan> {
        nc_nerv::Nerv.plan(format)
    }

    fn encode(
        &self,
        _: Video<'_>,
        _: &ChunkHead<VideoFormat>,
        _: ChunkGoal,
        _: &mut Control<'_>,
        out: &mut Vec<u8>,
    ) -> nc_core::Result<Encoded> {
        out.extend(&self.0);
        Ok(Encoded { symbols: 0 })
    }

    fn decode(
        &self,
        _: &[u8],
        _: &ChunkHead<VideoFormat>,
        _: &mut Budget,
        _: &mut Control<'_>,
    ) -> nc_core::Result<(VideoBuf, Encoded)> {
        Ok((self.1.clone(), Encoded { symbols: 0 }))
    }
}
