#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

#[test]
fn forms_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let picture = RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8 * 50, y as u8 * 80, 7]));
    for form in [Form::Png, Form::Ppm] {
        write(&Media::Image(picture.clone()), form, RATE, &path).unwrap();
        let Media::Image(back) = read(&path, form, RATE).unwrap() else {
            panic!()
        };
        assert_eq!(back, picture);
    }
    let x: Vec<f32> = (0..4000)
        .map(|i| ((i as f32 * 0.05).sin() * 9000.0).round() / 32768.0)
        .collect();
    for (form, rate) in [
        (Form::Wav, RATE),
        (Form::S16le, RATE),
        (Form::S16le, 8000),
        (Form::Wav, 48_000),
    ] {
        write(&Media::Audio(x.clone()), form, rate, &path).unwrap();
        let Media::Audio(back) = read(&path, form, rate).unwrap() else {
            panic!()
        };
        assert_eq!(back.len(), x.len());
        let error = x
            .iter()
            .zip(&back)
            .skip(200)
            .take(3600)
            .map(|(a, b)| (a - b).abs());
        let worst = error.fold(0.0, f32::max);
        assert!(
            worst <= if rate == RATE { 0.0 } else { 2e-3 },
            "{form:?} {rate} {worst}"
        );
    }
}

#[test]
fn pictures_that_would_lose_something_are_refused() {
    use image::{DynamicImage, ImageBuffer, Luma, Rgba, RgbaImage};
    let deep = ImageBuffer::<Luma<u16>, _>::from_pixel(2, 2, Luma([300]));
    let why = |p: DynamicImage| eight_bits(p).unwrap_err().to_string();
    assert!(why(deep.into()).contains("8 bits"));
    let mut clear = RgbaImage::from_pixel(2, 2, Rgba([1, 2, 3, 255]));
    let opaque = eight_bits(clear.clone().into()).unwrap();
    assert_eq!(opaque.get_pixel(1, 1).0, [1, 2, 3]);
    clear.get_pixel_mut(1, 0).0[3] = 9;
    assert!(why(clear.into()).contains("seen through"));
}

#[test]
fn damage_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x");
    let picture = b"P6 # size\n2 1\n255\n123456";
    assert_eq!(read_ppm(picture).unwrap().dimensions(), (2, 1));
    for end in 0..picture.len() {
        assert!(read_ppm(&picture[..end]).is_err(), "{end}");
    }
    assert!(read_ppm(b"P6 4000000000 4000000000 255 1").is_err());
    std::fs::write(&path, "garbage").unwrap();
    for form in [Form::Wav, Form::S16le, Form::Png, Form::Ppm, Form::Y4m] {
        assert!(read(&path, form, RATE).is_err(), "{form:?}");
    }
}

#[test]
fn packed_files_are_unpacked_under_their_name() {
    let dir = tempfile::tempdir().unwrap();
    let packed = dir.path().join("t.csv.gz");
    let file = std::fs::File::create(&packed).unwrap();
    let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, b"a\n1\n").unwrap();
    gz.finish().unwrap();
    let work = dir.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let plain = unpacked(&packed, &work).unwrap();
    assert_eq!(
        (
            plain.file_name().unwrap().to_str(),
            std::fs::read(&plain).unwrap()
        ),
        (Some("t.csv"), b"a\n1\n".to_vec())
    );
    assert_eq!(unpacked(&plain, &work).unwrap(), plain);
    std::fs::write(dir.path().join("bad.gz"), "no").unwrap();
    assert!(unpacked(&dir.path().join("bad.gz"), &work).is_err());
}

#[test]
fn tables_are_split_by_rows() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("t.csv");
    std::fs::write(&table, "a,b\n0,0\n1,1\n2,2\n3,3\n4,4").unwrap();
    let (measured, learnt) = split(&table, 3, dir.path()).unwrap();
    let text = |p: &Path| std::fs::read_to_string(p).unwrap();
    assert_eq!(text(&measured), "a,b\n1,1\n4,4\n");
    assert_eq!(text(&learnt), "a,b\n0,0\n2,2\n3,3\n");
    assert_eq!(measured.file_name(), table.file_name());
    std::fs::write(&table, "a,b\n0,0\n").unwrap();
    assert!(split(&table, 3, dir.path()).is_err());
}
