//! Changes, noise, what is gone, and curves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::text::not_compared;
use super::*;

fn args() -> CompareArgs {
    CompareArgs {
        before: PathBuf::new(),
        after: PathBuf::new(),
        tolerance: 0.1,
        quality_tolerance: 0.01,
        time_tolerance: None,
        json: false,
    }
}

/// Four settings of a codec on three pictures; bytes and decibels changed by `f`.
fn results(f: impl Fn(f64, f64) -> (f64, f64), times: [f64; 3]) -> Results {
    let dataset = Dataset {
        name: "d".into(),
        kind: super::super::results::Kind::Image,
        about: String::new(),
        inputs: 3,
        rate: "bpp".into(),
        quality: vec!["psnr-rgb".into()],
        credit: String::new(),
    };
    let mut rows = Vec::new();
    for setting in 1..=4 {
        for (input, time) in times.iter().enumerate() {
            let bytes = 1000.0 * f64::from(1 << setting);
            let (bytes, db) = f(bytes, 30.0 + 3.0 * f64::from(setting));
            rows.push(Row {
                dataset: "d".into(),
                input: input.to_string(),
                codec: "c".into(),
                setting: setting.to_string(),
                bytes: Some(bytes as u64),
                rates: BTreeMap::from([("bpp".into(), bytes)]),
                metrics: BTreeMap::from([("psnr-rgb".into(), db)]),
                encode_times: vec![time * f64::from(setting)],
                timed_alone: true,
                ..Row::default()
            });
        }
    }
    let datasets = vec![dataset];
    let curves = super::super::curves::curves(&datasets, &[], &rows);
    Results {
        datasets,
        curves,
        rows,
        ..Results::default()
    }
}

#[test]
fn more_bytes_for_nothing_are_worse() {
    let before = results(|b, q| (b, q), [1.0, 1.0, 1.0]);
    let found = |after: &Results| compare(&before, after, &args());
    assert!(!found(&before).worse);
    let after = results(|b, q| (b * 1.1, q), [1.0, 1.0, 1.0]);
    let c = found(&after);
    assert!(c.worse && c.points.iter().all(|p| p.worse == ["bytes"]));
    assert!((c.points[0].bytes_percent.unwrap() - 10.0).abs() < 1e-9);
    assert!((c.curves[0].bd_rate.unwrap().value - 10.0).abs() < 1e-6);
    assert!(!found(&results(|b, q| (b * 0.9, q), [1.0; 3])).worse);
    let c = found(&results(|b, q| (b, q - 0.1), [1.0; 3]));
    assert_eq!(c.points[0].worse, ["quality"]);
    // Along the curve: neither.
    let c = found(&results(|b, q| (b * 2.0, q + 3.0), [1.0; 3]));
    assert!(!c.worse, "{c:?}");
}

#[test]
fn a_new_failure_is_worse() {
    let before = results(|b, q| (b, q), [1.0; 3]);
    let mut after = before.clone();
    after.rows[0].error = Some("broke".into());
    let c = compare(&before, &after, &args());
    assert_eq!(
        (c.points[0].inputs, c.points[0].lost, c.worse),
        (2, 1, true)
    );
    let c = compare(&after, &before, &args());
    assert_eq!((c.points[0].gained, c.worse), (1, false));
    after.rows.retain(|r| r.input != "0");
    assert!(!compare(&before, &after, &args()).worse);
}

#[test]
fn what_is_gone_is_told() {
    let before = results(|b, q| (b, q), [1.0; 3]);
    let mut after = before.clone();
    after.rows.retain(|r| r.setting != "2");
    let c = compare(&before, &after, &args());
    assert!(!c.worse && c.gone.len() == 1 && c.points.len() == 3);
    assert!(not_compared(&c).contains("gone: d, c, 2: not asked for again"));
    for r in &mut after.rows {
        r.codec = "other".into();
    }
    let c = compare(&before, &after, &args());
    assert_eq!((c.worse, c.gone.len(), c.points.len()), (false, 1, 0));
    assert!(not_compared(&c).contains("gone: d, c: not asked"));
    after.skipped.push(super::super::results::Skipped {
        codec: "c".into(),
        why: "c is not there".into(),
    });
    let c = compare(&before, &after, &args());
    assert!(c.worse && not_compared(&c).contains("gone: d, c: worse: c is not there"));
    // A data set of another plan is nobody's loss.
    after.datasets.clear();
    let c = compare(&before, &after, &args());
    assert!(!c.worse && not_compared(&c).contains("gone: d: not"));
}

#[test]
fn what_came_back_whole_has_to_go_on() {
    let mut before = results(|b, q| (b, q), [1.0; 3]);
    for r in &mut before.rows {
        r.metrics = BTreeMap::from([("lossless".into(), 1.0)]);
    }
    let mut after = before.clone();
    assert!(!compare(&before, &after, &args()).worse);
    after.rows[0].metrics.insert("lossless".into(), 0.0);
    let c = compare(&before, &after, &args());
    assert_eq!(c.points[0].worse, ["lossless"]);
    assert!(!compare(&after, &before, &args()).worse);
}

#[test]
fn other_files_are_not_compared() {
    let before = results(|b, q| (b, q), [1.0; 3]);
    let mut after = before.clone();
    for r in after.rows.iter_mut().filter(|r| r.input == "0") {
        r.input_sha256 = "another".into();
        r.bytes = r.bytes.map(|b| b * 10);
        r.rates.insert("bpp".into(), 1e6);
    }
    let c = compare(&before, &after, &args());
    let p = &c.points[0];
    assert_eq!((p.inputs, p.changed, c.worse), (2, 1, false));
    assert!(c.curves[0].bd_rate.unwrap().value.abs() < 1e-9);
    assert!(not_compared(&c).contains("d: 1 inputs are not the same"));
}

#[test]
fn curves_alone_are_compared_by_their_means() {
    let mut before = results(|b, q| (b, q), [1.0; 3]);
    before.rows.clear();
    let c = compare(&before, &before, &args());
    assert!(c.means && !c.worse && c.points.len() == 4 && c.curves.len() == 1);
    assert_eq!(
        (c.points[0].inputs, c.points[0].bytes_percent),
        (3, Some(0.0))
    );
    let after = results(|b, q| (b * 1.1, q), [1.0; 3]);
    let c = compare(&before, &after, &args());
    assert!(
        c.means && c.points.iter().all(|p| p.worse == ["bytes"]),
        "{c:?}"
    );
    // The README's own.
    let field = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../benches/results/field.json"
    );
    let field: Results = serde_json::from_slice(&std::fs::read(field).unwrap()).unwrap();
    let c = compare(&field, &field, &args());
    assert!(!c.worse && !c.points.is_empty() && c.gone.is_empty());
}

#[test]
fn times_have_their_noise() {
    let before = results(|b, q| (b, q), [1.0, 2.0, 4.0]);
    let after = results(|b, q| (b, q), [1.2, 2.44, 4.72]);
    let mut args = args();
    assert!(!compare(&before, &after, &args).worse);
    args.time_tolerance = Some(5.0);
    let c = compare(&before, &after, &args);
    let change = c.points[0].encode.unwrap();
    // Ratios of 1.2, 1.22, 1.18: the median, and MAD of .0165 in logarithms.
    assert!((change.percent - 20.0).abs() < 1e-9);
    let mad = (1.22_f64 / 1.2).ln().min((1.2_f64 / 1.18).ln());
    let noise = 1.96 * 1.2533 * 1.4826 * mad / 3.0_f64.sqrt() * 120.0;
    assert!((change.noise.unwrap() - noise).abs() < 1e-9, "{change:?}");
    assert_eq!(c.points[0].worse, ["encode time"]);
    assert_eq!(super::change(&[(&[1.0], &[1.5])]).unwrap().noise, None);
    let repeats = super::change(&[(&[1.0, 1.1, 0.9], &[1.5, 1.5, 1.5])]).unwrap();
    assert!(repeats.noise.unwrap() > 0.0 && (repeats.percent - 50.0).abs() < 1e-9);
    assert_eq!(super::change(&[]), None);
}
