//! Every metric against an independent implementation, on committed figures.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use nc_corpora::metrics::{Scores, estoi, log_mel_distance, pesq_wb, si_sdr, snr, stoi};
use nc_corpora::synth;

#[allow(missing_docs)]
mod pairs;

#[derive(serde::Deserialize)]
struct Figures {
    snr: f64,
    si_sdr: f64,
    log_mel: f64,
    stoi: f64,
    estoi: f64,
    pesq_wb: f64,
}

#[test]
fn figures_agree_with_independent_implementations() {
    let want: BTreeMap<String, Figures> = toml::from_str(include_str!("metrics.toml")).unwrap();
    let pairs = pairs::all();
    assert_eq!(want.len(), pairs.len());
    for p in pairs {
        let w = &want[p.name];
        let (x, y) = (&p.reference, &p.degraded);
        for (metric, got, want, tolerance) in [
            ("SNR", snr(x, y), w.snr, 1e-6),
            ("SI-SDR", si_sdr(x, y), w.si_sdr, 1e-6),
            ("log-mel", log_mel_distance(x, y), w.log_mel, 1e-4),
            ("STOI", stoi(x, y), w.stoi, 0.001),
            ("ESTOI", estoi(x, y), w.estoi, 0.001),
            ("PESQ-WB", pesq_wb(x, y), w.pesq_wb, 0.01),
        ] {
            let got = got.unwrap();
            println!("{} {metric}: {got:.6}, want {want:.6}", p.name);
            assert!(
                (got - want).abs() < tolerance,
                "{} {metric}: {got}, want {want}",
                p.name
            );
        }
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
    type Metric = fn(&[f32], &[f32]) -> nc::Result<f64>;
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
