#![allow(clippy::unwrap_used)]
use super::*;
use crate::bench::results::Kind;

#[test]
fn lines_have_the_points_that_have_both_figures() {
    let dataset = Dataset {
        name: "d".into(),
        kind: Kind::Audio,
        about: String::new(),
        inputs: 1,
        rate: "kbps".into(),
        quality: vec!["pesq-wb".into()],
        credit: String::new(),
    };
    let curve = Curve {
        name: "c".into(),
        dataset: "d".into(),
        quoted: true,
        settings: ["1", "2"].map(String::from).to_vec(),
        results: [
            ("kbps".into(), vec![Some(1.0), Some(4.0)]),
            ("pesq-wb".into(), vec![Some(2.0), Some(4.0)]),
            ("encode_s".into(), vec![Some(0.5), None]),
        ]
        .into(),
        ..Curve::default()
    };
    let mut args = PlotArgs {
        results: vec![],
        output: PathBuf::new(),
        dataset: None,
        codec: vec![],
        metric: vec![],
        x: None,
        at: None,
        mark: None,
        foot: vec![],
    };
    let (frame, lines) = panel(&args, &dataset, &[&curve], "pesq-wb");
    assert_eq!(lines[0].points, [(1.0, 2.0), (4.0, 4.0)]);
    assert!(lines[0].quoted && lines[0].labels[0].is_empty() && frame.foot.len() == 1);
    args.x = Some("encode_s".into());
    let (frame, lines) = panel(&args, &dataset, &[&curve], "pesq-wb");
    assert!(frame.log && lines[0].points == [(0.5, 2.0)] && lines[0].labels == ["1"]);
    (args.x, args.at) = (None, Some(("kbps".into(), 2.0)));
    let (frame, lines) = panel(&args, &dataset, &[&curve], "pesq-wb");
    assert_eq!(frame.title, "d: PESQ-WB at 2.00 kbit/s");
    assert_eq!(lines[0].points, [(2.0, 3.0)]);
    assert_eq!(mark("3.5=a=b"), Ok((3.5, "a=b".into())));
    assert!(mark("a").is_err());
}
