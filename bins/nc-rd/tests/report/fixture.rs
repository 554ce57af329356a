//! A folder of results as `nc-rd run` writes one: four datasets of made-up figures, with seeded
//! pictures and sounds, what failed, what was skipped, and names that would like to be markup.

use std::path::Path;

use image::{Rgb, RgbImage, imageops};
use nc_corpora::{audio, synth};
use serde_json::{Value, json};

/// What no name may become.
pub const HOSTILE: &str = "evil</script><img src=x onerror=\"window.pwned=1\"><b id='pwned'>&amp;";

/// A codec of the fixture: name, settings, rate of the first and step between settings, quality at rate
/// 1, seconds to encode.
struct Codec(&'static str, usize, f64, f64, f64, f64);

/// Writes the folder.
pub fn write(out: &Path) {
    let media = out.join("media");
    std::fs::create_dir_all(&media).unwrap();
    let mut rows = Vec::new();
    speech(&media, &mut rows);
    pictures(&media, &mut rows);
    clips(&mut rows);
    tables(&mut rows);
    let names = [
        "nc grvq",
        "nc nerv",
        "nc circuit",
        "opus",
        "lame",
        "codec2",
        "flac",
        "cwebp",
        "cjxl",
        "avif",
        "png",
        "x264",
        "x265",
        "SVT-AV1",
        "zstd",
        "xz",
        HOSTILE,
    ];
    let codecs: Vec<Value> = names
        .iter()
        .map(|n| {
            let mut c = json!({"name": n, "kind": "bytes", "version": format!("{n} 1.2.3"), "program_sha256": "ab".repeat(32),
                "encode": format!("{n} --encode {{in}} {{out}}"), "decode": format!("{n} --decode {{in}} {{out}}")});
            if *n == "nc circuit" {
                c["model_bytes"] = json!(1_300_000);
            }
            c
        })
        .collect();
    let set = |name: &str, kind: &str, about: &str, inputs: usize, rate: &str, quality: &[&str]| json!({"name": name, "kind": kind, "about": about, "inputs": inputs, "rate": rate, "quality": quality});
    let results = json!({
        "name": "A made-up run",
        "description": "Figures of a fixture: nothing here was measured. It has all that a report must show.",
        "command": "nc-rd run fixture.toml --out OUT",
        "machine": {"cpu": "Made-up processor at 2.5 GHz", "cores": 2, "memory_mib": 7936, "os": "Linux 6.1"},
        "codecs": codecs,
        "skipped": [{"codec": "visqol", "why": "not on PATH"}, {"codec": HOSTILE, "why": HOSTILE}],
        "datasets": [
            set("Speech", "audio", "Seeded voices at 16 kHz.", 2, "kbps", &["pesq-wb", "stoi", "si-sdr", "log-mel"]),
            set("Pictures", "image", "Seeded pictures.", 3, "bpp", &["psnr-rgb", "ms-ssim", "ssimulacra2"]),
            set("Clips", "video", HOSTILE, 1, "kbps", &["psnr-yuv411"]),
            set("Tables", "records", "Made-up tables.", 2, "bpd", &[]),
        ],
        "curves": [],
        "rows": rows,
    });
    let text = serde_json::to_string_pretty(&results).unwrap();
    std::fs::write(out.join("results.json"), text).unwrap();
}

fn row(dataset: &str, input: &str, codec: &str, setting: &str) -> Value {
    json!({"key": format!("{dataset}-{input}-{codec}-{setting}"), "dataset": dataset, "input": input, "input_sha256": "cd".repeat(32),
        "codec": codec, "setting": setting, "timed_alone": true, "rates": {}, "metrics": {},
        "command": [format!("{codec} --encode --at {setting} {{in}} {{out}}"), format!("{codec} --decode {{in}} {{out}}")]})
}

fn timed(row: &mut Value, encode_s: f64, units: f64) {
    row["encode_s"] = json!(encode_s * units);
    row["decode_s"] = json!(encode_s * units * 0.15);
    row["encode_peak_mib"] = json!(20.0 + 30.0 * encode_s);
    row["decode_peak_mib"] = json!(12.5);
}

fn speech(media: &Path, rows: &mut Vec<Value>) {
    let codecs = [
        Codec("nc grvq", 5, 1.0, 1.5, 1.9, 0.02),
        Codec("opus", 5, 6.0, 1.4, 1.3, 0.01),
        Codec("lame", 4, 16.0, 1.5, 0.8, 0.02),
        Codec("codec2", 3, 0.7, 1.7, 1.2, 0.004),
        Codec(HOSTILE, 3, 2.0, 2.0, 1.1, 0.5),
    ];
    for (i, seconds) in [(0_u64, 2.0), (1, 10.5)] {
        let input = format!("voice-{i}.wav");
        let x = synth::speech(i, seconds);
        let original = format!("speech-{i}.wav");
        audio::write(&media.join(&original), &x).unwrap();
        for Codec(codec, n, first, step, base, time) in &codecs {
            for k in 0..*n {
                let kbps = first * step.powi(k as i32);
                let mut r = row("Speech", &input, codec, &format!("{kbps:.1} kbit/s"));
                if *codec == HOSTILE && i == 1 && k == 1 {
                    r["error"] = json!(format!("exit status 1: {HOSTILE}"));
                    rows.push(r);
                    continue;
                }
                let pesq = (base + 0.75 * kbps.log2()).clamp(1.02, 4.6) + 0.05 * i as f64;
                r["bytes"] = json!((kbps * 125.0 * seconds) as u64);
                r["seconds"] = json!(seconds);
                r["rates"] = json!({"kbps": kbps});
                r["metrics"] = json!({"pesq-wb": pesq, "stoi": 0.6 + pesq / 12.0, "si-sdr": pesq * 4.0 - 6.0, "log-mel": 16.0 - 3.0 * pesq});
                timed(&mut r, *time, seconds);
                if k % 2 == 0 && (i == 0 || k == 2) {
                    let name = format!("speech-{i}-{}-{k}.wav", codec.len());
                    audio::write(
                        &media.join(&name),
                        &synth::add_noise(&x, pesq * 8.0 - 6.0, i),
                    )
                    .unwrap();
                    r["media"] = json!(format!("media/{name}"));
                    r["original"] = json!(format!("media/{original}"));
                }
                rows.push(r);
            }
        }
        let mut r = row("Speech", &input, "flac", "-8");
        r["bytes"] = json!((130.0 * 125.0 * seconds) as u64);
        r["seconds"] = json!(seconds);
        r["rates"] = json!({"kbps": 130.0});
        r["metrics"] = json!({"lossless": 1.0});
        timed(&mut r, 0.003, seconds);
        rows.push(r);
    }
}

/// Something with edges, texture and smooth parts.
fn painted(seed: u32, w: u32, h: u32) -> RgbImage {
    RgbImage::from_fn(w, h, |x, y| {
        let (fx, fy) = (x as f32 / w as f32, y as f32 / h as f32);
        let disc = (fx - 0.3 - 0.1 * seed as f32).hypot(fy - 0.45) < 0.22;
        let stripes = ((x + y * (seed + 1)) / 6).is_multiple_of(2) && fy > 0.7;
        let wave = (x as f32 * 0.11).sin() * (y as f32 * 0.07).cos();
        let sky = [90.0 + 120.0 * fy, 140.0 + 60.0 * fx, 220.0 - 90.0 * fy];
        let shade = if disc {
            1.25 + 0.1 * wave
        } else if stripes {
            0.6
        } else {
            1.0 + 0.06 * wave
        };
        Rgb(sky.map(|c| (c * shade).clamp(0.0, 255.0) as u8))
    })
}

/// The picture through a smaller one and fewer levels, as a poor codec would have it.
fn spoilt(image: &RgbImage, factor: u32) -> RgbImage {
    let (w, h) = image.dimensions();
    let small = imageops::resize(
        image,
        (w / factor).max(1),
        (h / factor).max(1),
        imageops::FilterType::Triangle,
    );
    let mut out = imageops::resize(&small, w, h, imageops::FilterType::Nearest);
    for p in out.pixels_mut() {
        p.0 = p.0.map(|c| c / 12 * 12);
    }
    out
}

fn pictures(media: &Path, rows: &mut Vec<Value>) {
    let codecs = [
        Codec("nc nerv", 4, 0.1, 2.0, 36.0, 20.0),
        Codec("cwebp", 5, 0.12, 1.9, 35.0, 0.3),
        Codec("cjxl", 5, 0.11, 1.9, 36.4, 0.6),
        Codec("avif", 5, 0.08, 2.0, 36.9, 1.9),
    ];
    // One larger than is shown, one of a few pixels.
    for (i, (w, h)) in [(0_u32, (384_u32, 256_u32)), (1, (1000, 660)), (2, (28, 28))] {
        let input = format!("picture-{i}.png");
        let x = painted(i, w, h);
        x.save(media.join(format!("picture-{i}.png"))).unwrap();
        for Codec(codec, n, first, step, base, time) in &codecs {
            for k in 0..*n {
                let bpp = first * step.powi(k as i32) * (1.0 + 0.1 * f64::from(i));
                let mut r = row("Pictures", &input, codec, &format!("q {}", 20 + 15 * k));
                let psnr = base + 5.2 * bpp.log2().min(2.0) / 1.6;
                r["bytes"] = json!((bpp * f64::from(w * h) / 8.0) as u64);
                r["rates"] = json!({"bpp": bpp});
                r["metrics"] = json!({"psnr-rgb": psnr, "ms-ssim": 1.0 - 0.03 / (bpp + 0.2), "ssimulacra2": psnr * 2.2 - 10.0});
                timed(&mut r, *time, f64::from(w * h) / 4e5);
                if k == 2 || i != 1 && *codec != "avif" {
                    let name = format!("picture-{i}-{codec}-{k}.png");
                    spoilt(&x, 2 + (4 - k.min(4)) as u32)
                        .save(media.join(&name))
                        .unwrap();
                    r["media"] = json!(format!("media/{name}"));
                    r["original"] = json!(format!("media/picture-{i}.png"));
                }
                rows.push(r);
            }
        }
        let mut r = row("Pictures", &input, "png", "-9");
        r["bytes"] = json!(9 * w * h / 8);
        r["rates"] = json!({"bpp": 9.0});
        r["metrics"] = json!({"lossless": 1.0});
        timed(&mut r, 0.2, 1.0);
        rows.push(r);
    }
}

fn clips(rows: &mut Vec<Value>) {
    for Codec(codec, n, first, step, base, time) in [
        Codec("nc nerv", 3, 150.0, 2.0, 18.0, 57.0),
        Codec("x264", 4, 120.0, 1.9, 17.2, 2.1),
        Codec("x265", 4, 110.0, 1.9, 18.6, 9.0),
        Codec("SVT-AV1", 4, 100.0, 1.9, 19.0, 6.0),
    ] {
        for k in 0..n {
            let kbps = first * step.powi(k as i32);
            let mut r = row("Clips", "clip.y4m", codec, &format!("crf {}", 40 - 4 * k));
            r["bytes"] = json!((kbps * 250.0) as u64);
            r["seconds"] = json!(2.0);
            r["rates"] = json!({"kbps": kbps, "bpp": kbps / 2500.0});
            r["metrics"] = json!({"psnr-yuv411": base + 1.9 * kbps.log2()});
            r["timed_alone"] = json!(codec != "x265");
            timed(&mut r, time, 1.0 + 0.2 * k as f64);
            rows.push(r);
        }
    }
}

fn tables(rows: &mut Vec<Value>) {
    for (codec, bpd, time, model) in [
        ("nc circuit", 1.12, 8.0, Some(1_300_000)),
        ("zstd", 1.83, 2.5, None),
        ("xz", 1.62, 4.0, None),
    ] {
        for i in 0..2 {
            let mut r = row("Tables", &format!("table-{i}.csv"), codec, "best");
            r["bytes"] = json!((bpd * 1e6) as u64);
            r["rates"] = json!({"bpd": bpd + 0.1 * f64::from(i)});
            r["metrics"] = json!({"lossless": 1.0});
            if let Some(m) = model {
                r["model_bytes"] = json!(m);
            }
            timed(&mut r, time, 1.0);
            rows.push(r);
        }
    }
}
