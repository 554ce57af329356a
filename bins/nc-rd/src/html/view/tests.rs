#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

fn row(codec: &str, setting: &str, input: &str, kbps: f64, q: f64, encode_s: f64) -> Row {
    Row {
        dataset: "d".into(),
        input: input.into(),
        codec: codec.into(),
        setting: setting.into(),
        bytes: Some(1000),
        seconds: Some(4.0),
        rates: [("kbps".into(), kbps)].into(),
        metrics: [("snr".into(), q)].into(),
        encode_s: Some(encode_s),
        timed_alone: true,
        ..Row::default()
    }
}

fn results(rows: Vec<Row>) -> Results {
    Results {
        datasets: vec![Dataset {
            name: "d".into(),
            kind: Kind::Audio,
            about: String::new(),
            inputs: 2,
            rate: "kbps".into(),
            quality: vec!["snr".into(), "absent".into()],
            credit: String::new(),
        }],
        rows,
        ..Results::default()
    }
}

#[test]
fn points_are_means_and_a_failed_input_makes_one_partial() {
    let mut bad = row("opus", "8", "b", 1.0, 1.0, 1.0);
    bad.error = Some("broke".into());
    let results = results(vec![
        row("opus", "16", "a", 16.0, 20.0, 1.0),
        row("opus", "16", "b", 18.0, 24.0, 3.0),
        row("opus", "8", "a", 8.0, 10.0, 1.0),
        bad,
        row("nc grvq", "6", "a", 6.0, 9.0, 2.0),
        row("nc grvq", "6", "b", 6.0, 11.0, 2.0),
    ]);
    let sets = Set::all(&results);
    let set = &sets[0];
    // nc's own come first, rates rise, a metric that nothing has is not shown.
    assert_eq!(
        set.series.iter().map(|s| s.codec).collect::<Vec<_>>(),
        ["nc grvq", "opus"]
    );
    assert_eq!(
        set.metrics
            .iter()
            .map(|m| m.key.as_str())
            .collect::<Vec<_>>(),
        ["snr"]
    );
    let opus = &set.series[1];
    assert_eq!(
        opus.points
            .iter()
            .map(|p| (p.setting, p.good, p.of))
            .collect::<Vec<_>>(),
        [("8", 1, 2), ("16", 2, 2)]
    );
    assert_eq!(
        opus.curve("snr"),
        [(17.0, 22.0)],
        "the partial point is not compared"
    );
    assert_eq!(
        opus.points[0].metrics["snr"],
        Mean {
            value: 10.0,
            inputs: 1,
            full: false
        }
    );
    assert_eq!(
        opus.points[1].encode_speed,
        Some(2.0),
        "8 s of sound in 4 s"
    );
    assert_eq!((set.failed.len(), set.runs), (1, 6));
}

#[test]
fn time_at_a_rate_is_read_off_the_line_and_not_beyond_it() {
    let results = results(vec![
        row("opus", "4", "a", 4.0, 10.0, 1.0),
        row("opus", "16", "a", 16.0, 20.0, 4.0),
        row("lame", "4", "a", 4.0, 8.0, 1.0),
        row("lame", "64", "a", 64.0, 22.0, 1.0),
    ]);
    let sets = Set::all(&results);
    let opus = &sets[0].series[0];
    let (time, quality) = opus.time_at("snr", 8.0).unwrap();
    assert!(
        (time - 2.0).abs() < 1e-12 && (quality - 15.0).abs() < 1e-12,
        "{time} {quality}"
    );
    assert_eq!(opus.time_at("snr", 16.0), Some((4.0, 20.0)));
    assert_eq!(opus.time_at("snr", 3.9), None);
    assert_eq!(sets[0].levels(), [5.0, 8.0, 13.0], "where both are");
    assert_eq!(sets[0].level(&sets[0].levels()), 1);
}

#[test]
fn a_model_is_counted_once_and_equal_outputs_are_lossless() {
    let mut rows = vec![
        row("nc circuit", "-", "a", 1.0, 0.0, 1.0),
        row("nc circuit", "-", "b", 3.0, 0.0, 1.0),
    ];
    for r in &mut rows {
        r.metrics = [("lossless".into(), 1.0)].into();
        r.model_bytes = Some(500);
    }
    let results = results(rows);
    let sets = Set::all(&results);
    let p = &sets[0].series[0].points[0];
    assert!(p.lossless && p.metrics.is_empty());
    assert_eq!((p.rate, p.rate_with_model), (Some(2.0), Some(2.5)));
}

#[test]
fn an_infinite_figure_is_told() {
    let mut rows = vec![
        row("opus", "8", "a", 8.0, 20.0, 1.0),
        row("opus", "8", "b", 8.0, 21.0, 1.0),
        row("opus", "9", "a", 9.0, 30.0, 1.0),
        row("opus", "9", "b", 9.0, 0.0, 1.0),
    ];
    rows[3].metrics = [("lossless".into(), 1.0)].into();
    let results = results(rows);
    let sets = Set::all(&results);
    let told = super::super::tables::infinite(&sets[0]);
    assert_eq!(told, [("SNR", "opus", "9", 1)]);
}

#[test]
fn own_codecs_are_told_by_name() {
    let names = ["nc", "nc grvq", "nc-nerv", "ncompress", "opus"].map(own);
    assert_eq!(names, [true, true, true, false, false]);
}
