//! Every metric against an independent implementation, on committed figures.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::collections::BTreeMap;

use nc_corpora::metrics::bd::{Fit, bd_quality, bd_rate};
use nc_corpora::metrics::image::RgbView;
use nc_corpora::metrics::{Scores, estoi, log_mel_distance, pesq_wb, si_sdr, snr, stoi};
use nc_corpora::metrics::{image, speech, video};
use nc_corpora::synth;

#[allow(missing_docs)]
mod pairs;

/// Figures by kind, pair and metric.
type Figures = BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>>;

fn figures() -> Figures {
    toml::from_str(include_str!("metrics.toml")).unwrap()
}

/// How far a figure may be from `want`, that of an independent implementation.
fn tolerance(metric: &str, want: f64) -> f64 {
    match metric {
        "pesq-wb" => 0.01,
        "stoi" | "estoi" => 0.001,
        "snr" | "si-sdr" => 1e-6,
        "log-mel" | "ssim" | "ms-ssim" => 1e-4,
        // 32 bits against 64; far below 0 the scale is stretched.
        "ssimulacra2" => 0.05 + 2e-4 * want.abs(),
        _ if metric.starts_with("psnr") => 1e-6,
        _ if metric.starts_with("rate") => 0.05,
        _ if metric.starts_with("quality") => 0.001,
        _ => panic!("{metric}"),
    }
}

/// All metrics of a pair, no fewer and no more, within their tolerances.
fn compare<K: AsRef<str>>(name: &str, got: &BTreeMap<K, f64>, want: &BTreeMap<String, f64>) {
    let want: BTreeMap<_, _> = want.iter().map(|(k, v)| (k.replace('_', "-"), v)).collect();
    let names: Vec<_> = got.keys().map(AsRef::as_ref).collect();
    assert_eq!(names, want.keys().collect::<Vec<_>>(), "{name}");
    for ((metric, got), want) in got.iter().zip(want.values()) {
        let metric = metric.as_ref();
        let off = (got - *want).abs();
        println!("{name} {metric}: {got:.7}, want {want:.7}, {off:.1e}");
        assert!(
            off < tolerance(metric, **want),
            "{name} {metric}: {got}, want {want}"
        );
    }
}

#[test]
fn metrics_of_speech_agree_with_independent_implementations() {
    let want = &figures()["speech"];
    let pairs = pairs::speech();
    assert_eq!(want.len(), pairs.len());
    for p in pairs {
        // One by one: the pairs are compared as they lie, without alignment.
        let (x, y) = (&p.reference, &p.degraded);
        let got = [
            ("snr", snr(x, y)),
            ("si-sdr", si_sdr(x, y)),
            ("log-mel", log_mel_distance(x, y)),
            ("stoi", stoi(x, y)),
            ("estoi", estoi(x, y)),
            ("pesq-wb", pesq_wb(x, y)),
        ];
        let got = got
            .into_iter()
            .map(|(name, v)| (name, v.unwrap()))
            .collect();
        compare(p.name, &got, &want[p.name]);
    }
}

#[test]
fn metrics_of_images_agree_with_independent_implementations() {
    let want = &figures()["image"];
    let pairs = pairs::images();
    assert_eq!(want.len(), pairs.len());
    for p in pairs {
        let view = |samples| RgbView::new(p.size.0, p.size.1, samples).unwrap();
        let got = image::all(&view(&p.reference), &view(&p.degraded)).unwrap();
        compare(p.name, &got, &want[p.name]);
    }
}

#[test]
fn metrics_of_video_agree_with_independent_implementations() {
    let want = &figures()["video"];
    let pairs = pairs::clips();
    assert_eq!(want.len(), pairs.len());
    for p in pairs {
        let got = video::all(p.original.view(), p.decoded.view(), 1).unwrap();
        compare(p.name, &got, &want[p.name]);
    }
}

#[derive(serde::Deserialize)]
struct Curves {
    anchor: Vec<(f64, f64)>,
    test: Vec<(f64, f64)>,
}

#[test]
fn deltas_of_curves_agree_with_an_independent_implementation() {
    let want = &figures()["bd"];
    let pairs: BTreeMap<String, Curves> = toml::from_str(include_str!("curves.toml")).unwrap();
    assert_eq!(want.len(), pairs.len());
    for (name, p) in pairs {
        let (x, y) = (&p.anchor, &p.test);
        let got = BTreeMap::from([
            ("rate-pchip", bd_rate(x, y, Fit::Pchip).unwrap().value),
            ("rate-akima", bd_rate(x, y, Fit::Akima).unwrap().value),
            ("quality-pchip", bd_quality(x, y, Fit::Pchip).unwrap().value),
            ("quality-akima", bd_quality(x, y, Fit::Akima).unwrap().value),
        ]);
        compare(&name, &got, &want[&name]);
    }
}

#[test]
fn scores_do_not_see_a_delay() {
    let x = synth::speech(21, 3.0);
    let y = synth::add_noise(&x, 20.0, 1);
    let late: Vec<f32> = std::iter::repeat_n(0.0, 320)
        .chain(y.iter().copied())
        .collect();
    let (a, b) = (Scores::of(&x, &y).unwrap(), Scores::of(&x, &late).unwrap());
    assert_eq!(a, b);
    assert!((a.si_sdr - 20.0).abs() < 0.1);
    let (a, b) = (
        speech::all(&x, &y).unwrap(),
        speech::all(&x, &late).unwrap(),
    );
    assert_eq!(a, b);
    let names = ["estoi", "log-mel", "pesq-wb", "si-sdr", "snr", "stoi"];
    assert_eq!(a.keys().copied().collect::<Vec<_>>(), names);
    assert!((a["snr"] - 20.0).abs() < 1e-3);
}

#[test]
fn sound_that_is_missing_costs() {
    let x = synth::speech(24, 3.0);
    let whole = speech::all(&x, &x).unwrap();
    for part in [&x[..x.len() - 3200], &x[3200..]] {
        let lost = speech::all(&x, part).unwrap();
        assert!(lost["snr"] < 40.0, "{lost:?}");
        for metric in ["si-sdr", "stoi", "estoi", "pesq-wb"] {
            assert!(lost[metric] < whole[metric], "{metric}: {lost:?}");
        }
        assert!(lost["log-mel"] > 0.1, "{lost:?}");
    }
    let mut longer = x.clone();
    longer.extend([0.3; 3200]);
    assert_eq!(speech::all(&x, &longer).unwrap(), whole);
}

#[test]
fn a_figure_that_is_not_defined_leaves_the_others() {
    let x = synth::speech(25, 1.0);
    let short = speech::all(&x[..2000], &x[..2000]).unwrap();
    assert!(!short.contains_key("pesq-wb") && short["snr"] == f64::INFINITY);
    let silent = speech::all(&x, &vec![0.0; x.len()]).unwrap();
    assert!(!silent.contains_key("pesq-wb") && silent["snr"] == 0.0);
    assert!(speech::all(&[], &[]).is_err());
    assert!(speech::all(&x, &[f32::NAN]).is_err());
}

#[test]
fn equal_signals_score_best() {
    let x = synth::speech(22, 3.0);
    assert_eq!(snr(&x, &x).unwrap(), f64::INFINITY);
    assert!(stoi(&x, &x).unwrap() > 0.999_999);
    assert!(estoi(&x, &x).unwrap() > 0.999_999);
    assert!(pesq_wb(&x, &x).unwrap() > 4.6);
    assert_eq!(log_mel_distance(&x, &x).unwrap(), 0.0);
    let half: Vec<f32> = x.iter().map(|v| v * 0.5).collect();
    assert!(si_sdr(&x, &half).unwrap() > 100.0);
}

#[test]
fn nonsense_is_an_error_and_not_a_figure() {
    type Metric = fn(&[f32], &[f32]) -> nc_core::Result<f64>;
    let all: [Metric; 6] = [snr, si_sdr, stoi, estoi, pesq_wb, log_mel_distance];
    let x = synth::speech(23, 1.0);
    let mut bad = x.clone();
    bad[100] = f32::NAN;
    for f in all {
        assert!(f(&[], &[]).is_err());
        assert!(f(&x, &x[1..]).is_err());
        assert!(f(&x, &bad).is_err());
        assert!(f(&bad, &x).is_err());
    }
    let zero = vec![0.0; x.len()];
    for f in [snr as Metric, si_sdr, stoi, estoi, pesq_wb] {
        assert!(f(&zero, &x).is_err());
    }
    for f in [stoi as Metric, estoi, pesq_wb] {
        assert!(f(&x[..1000], &x[..1000]).is_err());
    }
    // A silent result of real speech is as bad as it gets, not an error, where that is defined.
    assert!(stoi(&x, &zero).unwrap().abs() < 1e-6);
    assert_eq!(si_sdr(&x, &zero).unwrap(), f64::NEG_INFINITY);
}
