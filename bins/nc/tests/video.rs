//! Video and images: Y4M, PNGs and folders in and out, ranges, other formats, damaged input.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod common;
use common::*;

use std::path::Path;

use serde_json::Value;

#[test]
fn y4m_comes_back_byte_for_byte() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for (line, frame) in [
        ("W16 H8 F30000:1001 Ip A1:1 C420jpeg XYSCSS=420JPEG", 192),
        ("W5 H3 F25:1 It A128:117 C420mpeg2 XCOLORRANGE=FULL", 27),
        ("W5 H3 F25:1 C420paldv", 27),
        ("W5 H3 F25:1", 27),
        ("W5 H3 F25:1 C422 Xodd=", 33),
        ("H3 W5 C444 F25:1", 45),
        ("W5 H3 F0:0 Cmono", 15),
        ("W6 H5 F50:1 C420p10", 48),
        ("W5 H3 F50:1 C422p10", 33),
        ("W5 H3 F50:1 C444p10", 45),
        ("W5 H3 F50:1 Cmono10", 15),
    ] {
        let bytes = y4m(line, frame, 6);
        write(d, "in.y4m", &bytes);
        ok(
            d,
            &["encode", "-f", "--lossless", "--verify", "in.y4m", "a.nc"],
        );
        ok(d, &["decode", "-f", "a.nc", "out.y4m"]);
        assert_eq!(read(d, "out.y4m"), bytes, "{line}");
        ok(d, &["test", "a.nc"]);
        // A pipe has no length, and the file is the same.
        let out = piped(d, &["encode", "--lossless", "-", "-"], &bytes);
        assert_eq!(out.stdout, read(d, "a.nc"), "{line}");
        let out = piped(d, &["decode", "-", "-"], &out.stdout);
        assert_eq!(out.stdout, bytes, "{line}");
    }
}

#[test]
fn long_clips_have_chunks_and_ranges_decode_alone() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let (line, frame) = ("W6 H4 F10:1 Ip C420jpeg", 36);
    let bytes = y4m(line, frame, 300);
    write(d, "in.y4m", &bytes);
    ok(d, &["encode", "--lossless", "in.y4m", "a.nc"]);
    assert_eq!(info(d, "a.nc")["chunks"], 5);
    let out = piped(d, &["encode", "--lossless", "-", "p.nc"], &bytes);
    assert!(out.status.success());
    assert_eq!(ok(d, &["decode", "p.nc", "-"]), bytes);
    let head = line.len() + 11;
    let part = |from: usize, to: usize| {
        let mut part = bytes[..head].to_vec();
        part.extend_from_slice(&bytes[head + from * (frame + 6)..head + to * (frame + 6)]);
        part
    };
    for (range, from, to) in [
        ("3..5", 3, 5),
        ("250..260", 250, 260),
        ("29s..", 290, 300),
        ("1s..1500ms", 10, 15),
        ("..1", 0, 1),
    ] {
        let got = ok(d, &["decode", "--range", range, "a.nc", "-"]);
        assert_eq!(got, part(from, to), "{range}");
    }
    ok(d, &["decode", "--range", "7..8", "a.nc", "one.png"]);
    ok(d, &["decode", "--range", "254..257", "a.nc", "some"]);
    assert_eq!(
        names(&d.join("some")),
        ["00255.png", "00256.png", "00257.png"]
    );
    for args in [
        &["decode", "a.nc", "all.png"][..],
        &["decode", "a.nc", "a.flv"],
        &["decode", "a.nc", "a.wav"],
        &["decode", "a.nc", "x.y4m", "--range", "301.."],
        &["decode", "a.nc", "x.y4m", "--range", "5..5"],
        &["decode", "a.nc", "x.y4m", "--only", "Y"],
        &["decode", "a.nc", "one.png", "--range", "1..2"],
        &["trim", "a.nc", "b.nc", "-b", "10"],
    ] {
        fails(d, args, 2);
    }
    assert!(fails(d, &["decode", "a.nc", "a.flv"], 2).contains("ffmpeg"));
}

#[test]
fn info_tells_of_frames() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    write(d, "in.y4m", &y4m("W16 H8 F24:1 C420jpeg", 192, 12));
    ok(d, &["encode", "--lossless", "in.y4m", "a.nc"]);
    let v = info(d, "a.nc");
    assert_eq!(
        (&v["kind"], &v["codec"]),
        (&"video".into(), &"picture".into())
    );
    assert_eq!(v["units"], 12);
    assert_eq!(v["seconds"], 0.5);
    assert_eq!(v["video"]["width"], 16);
    assert_eq!(v["video"]["height"], 8);
    assert_eq!(v["video"]["chroma"], "4:2:0");
    let bits = v["bytes"].as_f64().unwrap() * 8.0;
    assert_eq!(v["video"]["bits_per_pixel"], bits / (16.0 * 8.0 * 12.0));
    assert_eq!(v["kbps"], bits / 0.5 / 1000.0);
    let text = String::from_utf8(ok(d, &["info", "a.nc"])).unwrap();
    for word in [
        "16 x 8",
        "24.000 frames/s",
        "12 frames",
        "bits per pixel",
        "kbit/s",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn damaged_y4m_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let good = y4m("W16 H8 F24:1 C420jpeg", 192, 3);
    let deep = y4m("W2 H2 F24:1 C420p10", 6, 1);
    let loud = [&deep[..deep.len() - 2], &[0xff, 0xff]].concat();
    let mut endless = b"YUV4MPEG2 W16 H8 F24:1 X".to_vec();
    endless.resize(1 << 20, b'x');
    for (bytes, code) in [
        (&good[..good.len() - 1], 3),
        (&good[..good.len() - 195], 3),
        (&good[..30], 3),
        (&good[..12], 3),
        (b"YUV4MPEG2 W16 F24:1\n", 3),
        (b"YUV4MPEG2 W16 H0 F24:1\n", 3),
        (b"YUV4MPEG2 W16 H8 F24\n", 3),
        (b"YUV4MPEG2 W16 H8 F24:1\n", 3),
        (b"YUV4MPEG2 W16 H8 F24:1\nFRAMES\n", 3),
        (&endless, 3),
        (&loud, 3),
        (b"YUV4MPEG2 W16385 H8 F24:1\n", 4),
        (b"YUV4MPEG2 W16384 H16384 F24:1 C444p10\nFRAME\n", 4),
        (b"YUV4MPEG2 W16 H8 F24:1 C411\nFRAME\n", 2),
    ] {
        write(d, "bad.y4m", bytes);
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]);
        let why = fails(d, &["encode", "bad.y4m", "a.nc"], code);
        assert!(why.contains("bad.y4m"), "{why}");
        let out = piped(d, &["encode", "-", "a.nc"], bytes);
        assert_eq!(out.status.code(), Some(code), "{text}");
        assert_eq!(names(d), ["bad.y4m"], "{text}");
    }
    write(d, "bad.y4m", b"YUV4MPEG2 W16 H8 F24:1\n");
    let why = fails(d, &["encode", "bad.y4m", "a.nc"], 3);
    assert!(why.contains("without a frame"), "{why}");
}

#[test]
fn goals_and_switches_of_video() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    write(d, "in.y4m", &y4m("W16 H8 F24:1 C420jpeg", 192, 3));
    write(d, "still.y4m", &y4m("W16 H8 F0:0 C420jpeg", 192, 1));
    for args in [
        &["encode", "still.y4m", "a.nc", "-b", "100"][..],
        &["encode", "in.y4m", "a.nc", "--lossless", "--quality", "3"],
        &["encode", "in.y4m", "a.nc", "--option", "no-such=1"],
        &["encode", "in.y4m", "a.nc", "--option", "x"],
        &["encode", "in.y4m", "a.nc", "--resume"],
        &["encode", "in.y4m", "a.nc", "--time-limit", "9"],
        &["encode", "in.y4m", "a.nc", "--preset", "best"],
        &["encode", "in.y4m", "a.nc", "--rate", "25"],
        &["encode", "in.y4m", "a.nc", "--codec", "grvq"],
        &[
            "encode", "in.y4m", "a.nc", "--codec", "store", "--rate", "25",
        ],
        &[
            "encode", "in.y4m", "a.nc", "--codec", "store", "--option", "a=b",
        ],
    ] {
        let why = run(d, args);
        let code = why.status.code();
        // The audio codec calls foreign files corrupt.
        assert!(
            code == Some(2) || args.contains(&"grvq"),
            "{args:?} {why:?}"
        );
        assert!(!d.join("a.nc").exists());
    }
    ok(d, &["encode", "in.y4m", "s.nc", "--codec", "store"]);
    ok(d, &["decode", "s.nc", "back.y4m"]);
    assert_eq!(read(d, "back.y4m"), read(d, "in.y4m"));
    write(d, "text", b"not a video");
    fails(d, &["encode", "text", "a.nc", "--codec", "nerv"], 2);
    ok(
        d,
        &[
            "encode",
            "in.y4m",
            "a.nc",
            "--lossless",
            "--preset",
            "slow",
            "--time-limit",
            "5s",
        ],
    );
}

fn picture(w: u32, h: u32, seed: u64) -> image::RgbImage {
    let noise = noise(seed, (w * h * 3) as usize);
    image::RgbImage::from_fn(w, h, |x, y| {
        let at = ((y * w + x) * 3) as usize;
        let base = (x * 200 / w) as u8;
        image::Rgb([
            base.saturating_add(noise[at] / 6),
            noise[at + 1],
            base / 2 + noise[at + 2] / 2,
        ])
    })
}

fn close(a: &image::RgbImage, b: &image::RgbImage) -> bool {
    let near = |(x, y): (&u8, &u8)| x.abs_diff(*y) <= 2;
    a.dimensions() == b.dimensions() && a.as_raw().iter().zip(b.as_raw()).all(near)
}

#[test]
fn images_come_back_within_two_levels() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let image = picture(31, 17, 5);
    image.save(d.join("in.png")).unwrap();
    ok(d, &["encode", "--lossless", "in.png", "a.nc"]);
    ok(d, &["decode", "a.nc", "out.png"]);
    let back = image::open(d.join("out.png")).unwrap().into_rgb8();
    assert!(close(&image, &back));
    let v = info(d, "a.nc");
    assert_eq!((&v["units"], &v["video"]["fps"]), (&1.into(), &Value::Null));
    // Through Y4M, whose line says how.
    ok(d, &["decode", "a.nc", "out.y4m"]);
    assert!(
        read(d, "out.y4m").starts_with(b"YUV4MPEG2 W31 H17 F0:0 Ip A0:0 C444 XCOLORRANGE=FULL\n")
    );
    ok(d, &["encode", "--lossless", "out.y4m", "b.nc"]);
    ok(d, &["decode", "b.nc", "again.png"]);
    let back = image::open(d.join("again.png")).unwrap().into_rgb8();
    assert!(close(&image, &back));
    // Grey stays as it is.
    let grey = image::DynamicImage::from(image).into_luma8();
    grey.save(d.join("grey.png")).unwrap();
    ok(d, &["encode", "--lossless", "grey.png", "g.nc"]);
    ok(d, &["decode", "--out-dir", "o", "g.nc", "a.nc"]);
    assert_eq!(names(&d.join("o")), ["a.png", "g.png"]);
    let back = image::open(d.join("o/g.png")).unwrap();
    assert_eq!(back, image::DynamicImage::from(grey));
    // Standard input has no name.
    let out = piped(d, &["encode", "--lossless", "-", "-"], &read(d, "grey.png"));
    assert_eq!(out.stdout, read(d, "g.nc"));
}

#[test]
fn folders_of_images_are_clips() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::create_dir(d.join("in")).unwrap();
    for i in 0..5u64 {
        let image = picture(20, 10, i + 1);
        image.save(d.join(format!("in/f{i}.png"))).unwrap();
    }
    write(d, "in/readme.txt", b"no image");
    ok(d, &["encode", "--lossless", "in", "a.nc"]);
    assert_eq!(info(d, "a.nc")["video"]["rate"], serde_json::json!([24, 1]));
    ok(
        d,
        &[
            "encode",
            "-f",
            "--lossless",
            "--rate",
            "29.97",
            "in",
            "a.nc",
        ],
    );
    assert_eq!(
        info(d, "a.nc")["video"]["rate"],
        serde_json::json!([2997, 100])
    );
    ok(d, &["decode", "a.nc", "out"]);
    let made = names(&d.join("out"));
    assert_eq!(made.len(), 5);
    assert_eq!(made[0], "00001.png");
    for (i, name) in made.iter().enumerate() {
        let back = image::open(d.join("out").join(name)).unwrap().into_rgb8();
        assert!(close(&picture(20, 10, i as u64 + 1), &back), "{name}");
    }
    // A folder that has files needs -f.
    fails(d, &["decode", "a.nc", "out"], 2);
    ok(d, &["decode", "-f", "a.nc", "out"]);
    // A folder by any of its names; not the one that the command runs in, nor the one that the input is an image of.
    for there in ["e", "f/../f", "./g/."] {
        std::fs::create_dir_all(d.join(there.split('/').find(|p| *p != ".").unwrap())).unwrap();
        ok(d, &["decode", "a.nc", there]);
        assert_eq!(names(&d.join(there)), made);
    }
    let why = fails(&d.join("e"), &["decode", "-f", "../a.nc", "."], 2);
    assert!(why.contains("current folder"), "{why}");
    std::fs::copy(d.join("a.nc"), d.join("e/00001.png")).unwrap();
    let why = fails(d, &["decode", "-f", "e/00001.png", "e"], 2);
    assert!(why.contains("among the images"), "{why}");
    for there in ["e", "f", "g"] {
        std::fs::remove_dir_all(d.join(there)).unwrap();
    }
    let left = [".", "in", "out"].map(|f| names(&d.join(f)));
    assert!(
        left.iter().flatten().all(|n| !n.contains(".nc-")),
        "{left:?}"
    );
    // Grey among colours takes their form; another size does not.
    let grey = image::DynamicImage::from(picture(20, 10, 9)).into_luma8();
    grey.save(d.join("in/g.png")).unwrap();
    ok(d, &["encode", "-f", "--lossless", "in", "a.nc"]);
    assert_eq!(info(d, "a.nc")["units"], 6);
    picture(20, 11, 1).save(d.join("in/z.png")).unwrap();
    let why = fails(d, &["encode", "in", "b.nc"], 2);
    assert!(why.contains("z.png") && why.contains("20 x 11"), "{why}");
    std::fs::remove_file(d.join("in/z.png")).unwrap();
    write(d, "in/z.png", b"no PNG");
    assert!(fails(d, &["encode", "in", "b.nc"], 3).contains("z.png"));
    std::fs::create_dir(d.join("none")).unwrap();
    let why = fails(d, &["encode", "none", "b.nc"], 2);
    assert!(why.contains("without images"), "{why}");
    assert!(!d.join("b.nc").exists());
}

#[test]
fn a_file_of_a_later_version_decodes() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpora/golden");
    for (name, range) in [("nerv-raw", false), ("nerv-ten-bits", true)] {
        for later in ["", "-later"] {
            let from = golden.join(format!("{name}{later}.nc"));
            let to = format!("{name}{later}.y4m");
            let mut args = vec!["decode", from.to_str().unwrap(), &to];
            args.extend(if range { &["--range", "1..2"][..] } else { &[] });
            ok(d, &args);
        }
        let [a, b] = ["", "-later"].map(|l| read(d, &format!("{name}{l}.y4m")));
        assert!(a == b && !a.is_empty(), "{name}");
    }
}

#[test]
fn images_that_nc_does_not_take() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let clear = image::RgbaImage::from_pixel(3, 2, image::Rgba([1, 2, 3, 40]));
    clear.save(d.join("clear.png")).unwrap();
    assert!(fails(d, &["encode", "clear.png", "a.nc"], 2).contains("alpha"));
    let opaque = image::RgbaImage::from_pixel(3, 2, image::Rgba([1, 2, 3, 255]));
    opaque.save(d.join("opaque.png")).unwrap();
    ok(d, &["encode", "opaque.png", "o.nc"]);
    let deep = image::ImageBuffer::from_pixel(3, 2, image::Luma([999u16]));
    image::DynamicImage::ImageLuma16(deep)
        .save(d.join("deep.png"))
        .unwrap();
    // A codec with losses takes fewer bits, which is told.
    assert!(fails(d, &["encode", "deep.png", "a.nc", "--strict"], 6).contains("16 bits"));
    assert!(!d.join("a.nc").exists());
    let bytes = read(d, "opaque.png");
    write(d, "cut.png", &bytes[..bytes.len() - 20]);
    fails(d, &["encode", "cut.png", "a.nc"], 3);
    // A size beyond all measure, in a head that is whole.
    let mut huge = bytes.clone();
    huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    write(d, "huge.png", &huge);
    let code = run(d, &["encode", "huge.png", "a.nc"]).status.code();
    assert!(matches!(code, Some(3 | 4)), "{code:?}");
    assert!(!d.join("a.nc").exists());
}

#[cfg(unix)]
#[test]
fn other_formats_go_through_ffmpeg() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::create_dir(d.join("bin")).unwrap();
    let clip = y4m("W16 H8 F24:1 C420jpeg", 192, 3);
    write(d, "clip.y4m", &clip);
    write(d, "in.mkv", b"whatever this is");
    let run = |args: &[&str]| {
        let path = format!("{}:/usr/bin:/bin", d.join("bin").display());
        nc().current_dir(d)
            .args(args)
            .env("PATH", path)
            .output()
            .unwrap()
    };
    let program = |text: &str| {
        let path = d.join("bin/ffmpeg");
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let probe = d.join("bin/ffprobe");
    let streams = r#"{"streams":[{"codec_type":"video","codec_name":"x"}]}"#;
    std::fs::write(&probe, format!("#!/bin/sh\necho '{streams}'\n")).unwrap();
    std::fs::set_permissions(&probe, std::fs::Permissions::from_mode(0o755)).unwrap();
    program("[ \"$5\" = file:in.mkv ] && cat clip.y4m");
    let out = run(&["encode", "--lossless", "in.mkv", "a.nc"]);
    assert!(out.status.success(), "{out:?}");
    assert_eq!(ok(d, &["decode", "a.nc", "-"]), clip);
    for (text, why) in [
        (
            "echo 'in.mkv: no such thing' >&2; echo more >&2; exit 1",
            "no such thing; more",
        ),
        (
            "head -c 300 clip.y4m; echo 'broke off' >&2; exit 1",
            "broke off",
        ),
        ("head -c 300 clip.y4m", "ends within frame 1"),
        ("exit 0", "no video"),
    ] {
        program(text);
        let out = run(&["encode", "--lossless", "in.mkv", "b.nc"]);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(3), "{said}");
        assert!(said.contains(why), "{said}");
        assert!(!d.join("b.nc").exists());
    }
    // A list would make it read other files.
    for list in ["ffconcat version 1.0\nfile clip.y4m\n", "\n #EXTM3U\n"] {
        write(d, "list.mp4", list.as_bytes());
        program("cat clip.y4m");
        let out = run(&["encode", "--lossless", "list.mp4", "b.nc"]);
        assert_eq!(out.status.code(), Some(2), "{out:?}");
        assert!(!d.join("b.nc").exists());
    }
    let out = nc()
        .current_dir(d)
        .args(["encode", "in.mkv", "b.nc"])
        .env("PATH", d.join("none"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(2), "{said}");
    assert!(
        said.contains("ffmpeg") && said.contains("install"),
        "{said}"
    );
}

#[test]
fn folders_are_searched_for_video() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    std::fs::create_dir_all(d.join("in/sub")).unwrap();
    let clip = y4m("W16 H8 F24:1 C420jpeg", 192, 3);
    write(d, "in/sub/a.y4m", &clip);
    picture(4, 4, 1).save(d.join("in/cover.png")).unwrap();
    ok(d, &["encode", "--lossless", "-r", "--out-dir", "o", "in"]);
    assert_eq!(names(&d.join("o")), ["sub"]);
    ok(
        d,
        &[
            "encode",
            "--lossless",
            "--codec",
            "nerv",
            "-r",
            "--out-dir",
            "all",
            "in",
        ],
    );
    assert_eq!(names(&d.join("all")), ["cover.nc", "sub"]);
    ok(d, &["decode", "-r", "--out-dir", "back", "o"]);
    assert_eq!(read(&d.join("back/sub"), "a.y4m"), clip);
}

#[test]
fn what_shows_through_is_refused_or_flattened() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let clear = image::RgbaImage::from_fn(16, 16, |x, _| {
        image::Rgba([200, 40, 40, if x < 8 { 0 } else { 255 }])
    });
    clear.save(d.join("half.png")).unwrap();
    let e = fails(d, &["encode", "half.png", "a.nc"], 2);
    assert!(e.contains("--background"), "{e}");
    let flat = [
        "encode",
        "half.png",
        "a.nc",
        "--lossless",
        "--background",
        "#0000ff",
    ];
    ok(d, &flat);
    ok(d, &["decode", "a.nc", "back.png"]);
    let back = image::open(d.join("back.png")).unwrap().to_rgb8();
    let want = image::RgbImage::from_fn(16, 16, |x, _| {
        image::Rgb(if x < 8 { [0, 0, 255] } else { [200, 40, 40] })
    });
    assert!(close(&back, &want));
    fails(
        d,
        &["encode", "half.png", "b.nc", "--background", "mauve"],
        2,
    );
}
