#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

fn row(setting: &str, input: &str, bytes: u64, psnr: Option<f64>) -> Row {
    Row {
        dataset: "d".into(),
        input: input.into(),
        codec: "c".into(),
        setting: setting.into(),
        bytes: Some(bytes),
        rates: BTreeMap::from([("bpp".into(), bytes as f64 / 10.0)]),
        metrics: psnr.map(|p| ("psnr-rgb".into(), p)).into_iter().collect(),
        ..Row::default()
    }
}

fn dataset() -> Dataset {
    Dataset {
        name: "d".into(),
        kind: Kind::Image,
        about: String::new(),
        inputs: 2,
        rate: "bpp".into(),
        quality: vec![],
        credit: String::new(),
    }
}

#[test]
fn curves_rise_and_count_failures() {
    let mut rows = vec![
        row("50", "x", 40, Some(38.0)),
        row("50", "y", 60, Some(40.0)),
        row("10", "x", 20, Some(30.0)),
        row("10", "y", 999, None),
        row("0", "x", 1, None),
    ];
    rows[3].error = Some("broke, \"badly\"".into());
    rows[4].error = Some("no".into());
    let curve = &curves(&[dataset()], &[], &rows)[0];
    assert_eq!(curve.settings, ["10", "50", "0"]);
    assert_eq!(curve.results["bpp"], [Some(2.0), Some(5.0), None]);
    assert_eq!(curve.results["psnr-rgb"], [Some(30.0), Some(39.0), None]);
    assert_eq!(curve.results["failed"], [Some(1.0), Some(0.0), Some(1.0)]);
    let csv = csv(&rows);
    assert!(
        csv.starts_with("dataset,input,codec,setting,timed_alone,error,bpp,bytes,psnr-rgb\n"),
        "{csv}"
    );
    assert!(
        csv.contains("d,y,c,10,false,\"broke, \"\"badly\"\"\",99.9,999,\n"),
        "{csv}"
    );
}

#[test]
fn files_of_curves_have_no_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let mut rows = vec![
        row("1", "x", 40, Some(38.0)),
        row("2", "x", 50, Some(39.0)),
        row("3", "x", 60, None),
    ];
    let write = |rows: &[Row]| {
        write_curves(dir.path(), &curves(&[dataset()], &[], rows)).unwrap();
        let text = std::fs::read(dir.path().join("curves/d--c.json")).unwrap();
        serde_json::from_slice::<serde_json::Value>(&text).unwrap()
    };
    // An exact point has no PSNR in JSON and is left out.
    let json = write(&rows);
    assert_eq!(json["results"]["bpp"], serde_json::json!([4.0, 5.0]));
    assert_eq!(json["results"]["psnr-rgb"], serde_json::json!([38.0, 39.0]));
    rows.iter_mut().for_each(|r| r.metrics.clear());
    assert_eq!(
        write(&rows)["results"]["bpp"],
        serde_json::json!([4.0, 5.0, 6.0])
    );
}

#[test]
fn a_mean_over_some_is_none() {
    let mut rows = [row("1", "x", 1, Some(40.0)), row("1", "y", 3, None)];
    let means = |rows: &[Row]| {
        let rows: Vec<&Row> = rows.iter().collect();
        means(&rows, &defined(&rows))
    };
    // Nobody has it on the second.
    assert_eq!(means(&rows)["psnr-rgb"], 40.0);
    // It is infinite there.
    for (row, lossless) in rows.iter_mut().zip([0.0, 1.0]) {
        row.metrics.insert("lossless".into(), lossless);
        row.metrics.insert("ssim".into(), 1.0);
    }
    rows[1].encode_s = Some(1.0);
    let infinite_one = means(&rows);
    assert_eq!(infinite_one.get("encode_s"), None);
    assert_eq!(
        (infinite_one.get("psnr-rgb"), infinite_one["bytes"]),
        (None, 2.0)
    );
    assert_eq!(quality(Kind::Image, &[&rows[0]]), ["psnr-rgb", "ssim"]);
    let set = Dataset {
        quality: vec!["psnr-rgb".into(), "ssim".into()],
        ..dataset()
    };
    let curve = &curves(std::slice::from_ref(&set), &[], &rows)[0];
    assert_eq!(
        infinite(curve, &set, "psnr-rgb"),
        ["d c 1: psnr-rgb is infinite for 1 of 2 inputs: no point"]
    );
    assert!(infinite(curve, &set, "ssim").is_empty());
    // Another codec has it there.
    rows[1].metrics.insert("lossless".into(), 0.0);
    rows[1].input = "x".into();
    rows[0].input = "y".into();
    let all: Vec<&Row> = rows.iter().collect();
    let other = row("2", "x", 1, Some(20.0));
    let both = defined(&[&rows[0], &rows[1], &other]);
    assert_eq!(super::means(&all, &both).get("psnr-rgb"), None);
}

#[test]
fn figures_are_read_off_between_two_points_or_at_near_ones() {
    let list = |v: [f64; 3]| v.map(Some).to_vec();
    let curve = Curve {
        settings: ["a", "b", "c"].map(String::from).to_vec(),
        results: [
            ("bytes".into(), list([100.0, 400.0, 410.0])),
            ("psnr-y".into(), list([30.0, 34.0, 35.0])),
            ("encode_s".into(), list([1.0, 4.0, 9.0])),
        ]
        .into(),
        ..Curve::default()
    };
    let one = read_off(&curve, "bytes", 200.0);
    assert_eq!((one.len(), one[0].0.as_str()), (1, "a to b"));
    assert!((one[0].1["psnr-y"] - 32.0).abs() < 1e-9);
    assert!((one[0].1["encode_s"] - 2.0).abs() < 1e-9);
    let near: Vec<String> = read_off(&curve, "bytes", 405.0)
        .into_iter()
        .map(|p| p.0)
        .collect();
    assert_eq!(near, ["b", "c"]);
    assert!(
        read_off(&curve, "bytes", 50.0).is_empty() && read_off(&curve, "bytes", 900.0).is_empty()
    );
    assert!(read_off(&curve, "bpp", 1.0).is_empty());
}
