#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::super::results::{Dataset, Kind, Skipped};
use super::*;

fn part(keys: &[&str], skipped: &str) -> Results {
    let row = |key: &&str| Row {
        key: (*key).into(),
        dataset: "d".into(),
        codec: "c".into(),
        setting: (*key).into(),
        bytes: Some(8),
        ..Row::default()
    };
    Results {
        name: "plan".into(),
        datasets: vec![Dataset {
            name: "d".into(),
            kind: Kind::Records,
            about: String::new(),
            inputs: 1,
            rate: "bpd".into(),
            quality: vec![],
            credit: String::new(),
        }],
        skipped: vec![Skipped {
            codec: skipped.into(),
            why: "is not there".into(),
        }],
        rows: keys.iter().map(row).collect(),
        ..Results::default()
    }
}

#[test]
fn shards_come_back_in_order_and_each_row_once() {
    let whole = merged(vec![
        part(&["1", "3", "5"], "x"),
        part(&["2", "4", "1"], "c"),
    ])
    .unwrap();
    let keys: Vec<&str> = whole.rows.iter().map(|r| r.key.as_str()).collect();
    assert_eq!(keys, ["1", "2", "3", "4", "5"]);
    assert_eq!(whole.curves[0].settings.len(), 5);
    // What one of them has is not skipped.
    assert_eq!(whole.skipped.len(), 1);
    let mut other = part(&["1"], "x");
    other.datasets[0].inputs = 2;
    assert!(merged(vec![part(&["1"], "x"), other]).is_err());
    let mut other = part(&["1"], "x");
    other.name = "another".into();
    assert!(merged(vec![part(&["1"], "x"), other]).is_err());
}
