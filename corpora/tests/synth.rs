//! Generated pictures and clips have the statistics of photographs, and a seed gives the same bytes for ever.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::path::Path;

use nc_core::{Chroma, Colour, VideoFormat};
use nc_corpora::synth::{image, plain, records, video};
use nc_corpora::{files, images, records as loader};
use realfft::RealFftPlanner;
use realfft::num_complex::Complex;

/// Edge of the square that spectra are taken of.
const EDGE: usize = 256;

/// What photographs have in common (Ruderman 1994; Simoncelli and Olshausen 2001).
#[derive(Debug)]
struct Statistics {
    /// Correlation of a pixel's brightness with its right neighbour's.
    neighbour: f64,
    /// `a` where power falls as `1/f^a`, averaged over all directions, from 6 to 80 waves across.
    slope: f64,
    /// Kurtosis of the differences of neighbours; 3 for a normal distribution.
    kurtosis: f64,
}

fn luma(rgb: &[u8]) -> Vec<f64> {
    let weigh =
        |p: &[u8]| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]);
    rgb.chunks_exact(3).map(weigh).collect()
}

fn statistics(luma: &[f64], width: usize) -> Statistics {
    let rows = || luma.chunks_exact(width);
    let n = rows().map(|r| r.len() - 1).sum::<usize>() as f64;
    let pairs = || rows().flat_map(|r| r.windows(2));
    let mean = luma.iter().sum::<f64>() / luma.len() as f64;
    let covariance = pairs().map(|w| (w[0] - mean) * (w[1] - mean)).sum::<f64>();
    let power = pairs().map(|w| (w[0] - mean).powi(2)).sum::<f64>();
    let difference = |k: i32| pairs().map(|w| (w[1] - w[0]).powi(k)).sum::<f64>() / n;
    Statistics {
        neighbour: covariance / power,
        slope: slope(luma, width, mean),
        kurtosis: difference(4) / difference(2).powi(2),
    }
}

/// Of the middle, under a Hann window in both directions.
fn slope(luma: &[f64], width: usize, mean: f64) -> f64 {
    let height = luma.len() / width;
    let (left, top) = ((width - EDGE) / 2, (height - EDGE) / 2);
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(EDGE);
    let hann = |i: usize| 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / EDGE as f64).cos();
    let transform = |mut x: Vec<f64>| {
        let mut y = fft.make_output_vec();
        fft.process(&mut x, &mut y).unwrap();
        y
    };
    let rows: Vec<Vec<Complex<f64>>> = (0..EDGE)
        .map(|y| {
            let at = |x: usize| (luma[(top + y) * width + left + x] - mean) * hann(x) * hann(y);
            transform((0..EDGE).map(at).collect())
        })
        .collect();
    let mut bands = vec![(0.0_f64, 0.0_f64); EDGE];
    for x in 0..=EDGE / 2 {
        let re = transform(rows.iter().map(|r| r[x].re).collect());
        let im = transform(rows.iter().map(|r| r[x].im).collect());
        for (y, (a, b)) in re.iter().zip(&im).enumerate() {
            let i = Complex::<f64>::i();
            let power = (a + i * b).norm_sqr() + (a.conj() + i * b.conj()).norm_sqr();
            let band = &mut bands[((x * x + y * y) as f64).sqrt().round() as usize];
            *band = (band.0 + power, band.1 + 2.0);
        }
    }
    let points: Vec<(f64, f64)> = (6..=80)
        .map(|f| ((f as f64).ln(), (bands[f].0 / bands[f].1).ln()))
        .collect();
    let n = points.len() as f64;
    let (mx, my) = points
        .iter()
        .fold((0.0, 0.0), |a, p| (a.0 + p.0 / n, a.1 + p.1 / n));
    let up: f64 = points.iter().map(|p| (p.0 - mx) * (p.1 - my)).sum();
    -up / points.iter().map(|p| (p.0 - mx).powi(2)).sum::<f64>()
}

/// Kodak's 24 photographs have correlations of .884 to .991, slopes of 1.38 to 2.90 and kurtoses of 10.7 to 68.6.
fn is_natural(of: &str, s: &Statistics) {
    assert!((0.88..0.992).contains(&s.neighbour), "{of}: {s:?}");
    assert!((1.2..3.2).contains(&s.slope), "{of}: {s:?}");
    assert!((10.0..70.0).contains(&s.kurtosis), "{of}: {s:?}");
}

#[test]
fn pictures_have_the_statistics_of_photographs() {
    for seed in 0..4 {
        let s = statistics(&luma(&image::photo(seed, 384, 256)), 384);
        is_natural(&format!("seed {seed}"), &s);
    }
}

/// The ranges above are those of real photographs.
#[test]
#[ignore = "wants ../shared/data/kodak"]
fn shared_photographs_are_natural() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/kodak");
    let Ok(files) = images::files(&folder) else {
        eprintln!("skipped: no {}", folder.display());
        return;
    };
    let all: Vec<(String, Statistics)> = files
        .iter()
        .map(|file| {
            let p = images::read(file).unwrap();
            (p.name, statistics(&luma(&p.rgb), p.width as usize))
        })
        .collect();
    all.iter().for_each(|(name, s)| println!("{name}: {s:?}"));
    all.iter().for_each(|(name, s)| is_natural(name, s));
}

fn format(chroma: Chroma, bits: u8) -> VideoFormat {
    VideoFormat {
        width: 97,
        height: 54,
        rate: [25, 1],
        chroma,
        bits,
        colour: Colour::Video,
        alpha: false,
    }
}

#[test]
fn clips_move_and_are_cut() {
    let f = format(Chroma::C420, 8);
    let clip = video::scene(3, f, 12).unwrap();
    let (w, h) = f.plane(0);
    let frame = |t: usize| &clip.view().part(t, t + 1).unwrap().samples[..w * h];
    // Mean difference of frame `t` from the one before, where that lies (dx, dy) away.
    let off = |t: usize, dx: isize, dy: isize| {
        let (mut sum, mut n) = (0.0, 0.0);
        for y in 8..h - 8 {
            for x in 8..w - 8 {
                let before = (y as isize + dy) * w as isize + x as isize + dx;
                let (a, b) = (frame(t)[y * w + x], frame(t - 1)[before as usize]);
                sum += f64::from(a.abs_diff(b));
                n += 1.0;
            }
        }
        sum / n
    };
    let best = |t: usize| {
        let moves = (-4..=4).flat_map(|dx| (-2..=2).map(move |dy| (dx, dy)));
        moves
            .map(|(dx, dy)| off(t, dx, dy))
            .fold(f64::INFINITY, f64::min)
    };
    // Motion explains a frame far better than none, but for the cut after two thirds.
    for t in [1, 2, 7, 9, 11] {
        assert!(
            best(t) < 0.9 * off(t, 0, 0),
            "{t}: {} {}",
            best(t),
            off(t, 0, 0)
        );
        assert!(best(8) > 2.0 * best(t), "{t}: {} {}", best(8), best(t));
    }
    assert!(clip.samples.iter().all(|s| (16..=240).contains(s)));
    // The same at ten bits, four times the levels.
    let deep = video::scene(3, format(Chroma::C420, 10), 2).unwrap();
    let far = |(a, b): (&u16, &u16)| (i32::from(*a) - 4 * i32::from(*b)).abs();
    assert!(
        deep.samples
            .iter()
            .zip(&clip.samples)
            .map(far)
            .all(|d| d <= 2)
    );
    let wrong = VideoFormat { width: 0, ..f };
    assert!(video::scene(1, wrong, 1).is_err() && video::screen(1, wrong, 1).is_err());
}

#[test]
fn screens_are_flat_and_repeat() {
    let rgb = image::screen(1, 320, 200);
    let colours: std::collections::BTreeSet<&[u8]> = rgb.chunks_exact(3).collect();
    assert!(colours.len() < 300, "{}", colours.len());
    let same = rgb
        .chunks_exact(3)
        .zip(rgb.chunks_exact(3).skip(1))
        .filter(|(a, b)| a == b);
    assert!(same.count() > 320 * 200 * 6 / 10);
}

#[test]
fn columns_of_tables_depend_on_each_other() {
    let csv = String::from_utf8(records::table(5, 3000)).unwrap();
    let rows: Vec<Vec<&str>> = csv
        .lines()
        .skip(1)
        .map(|l| l.split(',').collect())
        .collect();
    assert_eq!(rows.len(), 3000);
    let mut regions = std::collections::BTreeMap::new();
    let cents = |s: &str| s.replace('.', "").parse::<i64>().unwrap();
    for row in &rows {
        assert_eq!(row.len(), 11, "{row:?}");
        assert_eq!(*regions.entry(row[2]).or_insert(row[3]), row[3]);
        assert_eq!(
            row[5].parse::<i64>().unwrap() * cents(row[6]),
            cents(row[7])
        );
    }
    assert!(rows.windows(2).all(|w| w[0][1] <= w[1][1]));
    let missing = rows.iter().filter(|r| r[9].is_empty()).count();
    assert!((300..2400).contains(&missing), "{missing}");
    let mean = |month: &str| {
        let of: Vec<f64> = (rows.iter().filter(|r| &r[1][5..7] == month))
            .map(|r| r[8].parse().unwrap())
            .collect();
        of.iter().sum::<f64>() / of.len() as f64
    };
    assert!(mean("01") < mean("03"), "{} {}", mean("01"), mean("03"));
}

#[test]
fn digits_are_strokes_in_idx() {
    let (images, labels) = records::digits(2, 200);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("few-images-idx3-ubyte");
    std::fs::write(&path, &images).unwrap();
    let table = loader::read(&path).unwrap();
    assert_eq!((table.records, table.dimensions), (200, 784));
    assert_eq!(
        (labels.len(), &labels[..8]),
        (208, &[0, 0, 8, 1, 0, 0, 0, 200][..])
    );
    assert!((0..10).all(|d| labels[8..].contains(&d)));
    // MNIST's own: 81% of the samples are zero, 6% over 250.
    let of = |f: &dyn Fn(u8) -> bool| {
        images[16..].iter().filter(|v| f(**v)).count() as f64 / (images.len() - 16) as f64
    };
    let (zero, white) = (of(&|v| v == 0), of(&|v| v > 250));
    assert!((0.72..0.88).contains(&zero), "{zero}");
    assert!((0.04..0.14).contains(&white), "{white}");
}

#[test]
fn a_seed_gives_these_bytes() {
    let hash = |bytes: &[u8]| files::sha256(bytes)[..16].to_string();
    let f = format(Chroma::C420, 10);
    let clip = |v: nc_core::VideoBuf| hash(&nc_core::Signal::Video(v.view()).to_le_bytes());
    let got = [
        ("photo", hash(&image::photo(1, 96, 64))),
        ("screen", hash(&image::screen(1, 96, 64))),
        ("clip", clip(video::scene(1, f, 10).unwrap())),
        ("clip of a screen", clip(video::screen(1, f, 3).unwrap())),
        ("letters", clip(plain::clip(plain::Kind::Screen, f, 3, 1))),
        ("table", hash(&records::table(1, 500))),
        ("digits", hash(&records::digits(1, 20).0)),
    ];
    let pinned = [
        ("photo", "f89381ec5025055e"),
        ("screen", "c319c5b77b6dea78"),
        ("clip", "68cd9b88d8b7a921"),
        ("clip of a screen", "c0d8974174554c0b"),
        ("letters", "9631a6afd3be807b"),
        ("table", "d2592ed9a941706f"),
        ("digits", "b9c967e6ef3c4e63"),
    ];
    assert_eq!(
        got,
        pinned.map(|(name, hash): (&str, &str)| (name, hash.to_owned()))
    );
    assert_ne!(image::photo(1, 96, 64), image::photo(2, 96, 64));
}
