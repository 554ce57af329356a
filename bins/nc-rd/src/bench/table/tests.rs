#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

#[test]
fn numbers_have_their_digits() {
    assert_eq!(number("bytes", 1_234_567.4), "1,234,567");
    assert_eq!(number("bytes", 0.0), "0");
    assert_eq!(number("encode_s", 0.01234), "0.012");
    assert_eq!(number("encode_s", 123.4), "123");
    assert_eq!(number("psnr-y", 33.333), "33.33");
    assert_eq!(number("ms-ssim", 0.98765), "0.9877");
}

#[test]
fn a_document_keeps_all_but_its_table() {
    let document =
        "a\n<!-- nc-rd table x -->\nold\n<!-- end -->\nb\n<!-- nc-rd table y -->\n<!-- end -->\n";
    let new = between(document, "x", "| t |\n").unwrap();
    assert_eq!(new, document.replace("old\n", "| t |\n"));
    assert_eq!(between(&new, "x", "| t |\n").unwrap(), new);
    let why = |d: &str| between(d, "x", "").unwrap_err().to_string();
    assert!(why("nothing").contains("no mark"));
    assert!(why("<!-- nc-rd table x -->\n").contains("end"));
    assert!(why(&document.replacen("<!-- end -->", "", 1)).contains("before the next"));
    assert!(why(&format!("{document}{document}")).contains("two"));
}

#[test]
fn tables_are_written_plainly() {
    let cells = |c: &[&str]| c.iter().map(ToString::to_string).collect::<Vec<_>>();
    let table = (
        cells(&["codec", "bpp"]),
        vec![cells(&["a|b", ""]), cells(&["c,d", "1"])],
    );
    assert_eq!(
        markdown(&table, false),
        "| codec | bpp |\n| --- | ---: |\n| a\\|b | - |\n| c,d | 1 |\n"
    );
    assert_eq!(csv(&table), "codec,bpp\na|b,\n\"c,d\",1\n");
}

fn results() -> Results {
    let curve = |dataset: &str, name: &str, bytes: &[f64]| Curve {
        name: name.into(),
        dataset: dataset.into(),
        settings: (1..=bytes.len()).map(|i| i.to_string()).collect(),
        results: [("bytes", 1.0), ("bpd", 0.1)]
            .map(|(k, f)| (k.into(), bytes.iter().map(|b| Some(b * f)).collect()))
            .into(),
        ..Curve::default()
    };
    let dataset = |name: &str| Dataset {
        name: name.into(),
        kind: super::super::results::Kind::Records,
        about: String::new(),
        inputs: 1,
        rate: "bpd".into(),
        quality: vec![],
        credit: String::new(),
    };
    Results {
        datasets: vec![dataset("d"), dataset("e")],
        curves: vec![
            curve("d", "one", &[30.0]),
            curve("d", "two", &[20.0, 80.0]),
            curve("e", "two", &[7.0]),
        ],
        ..Results::default()
    }
}

fn shown(args: TableArgs) -> String {
    markdown(&make(&results(), &args).unwrap(), false)
}

#[test]
fn codecs_stand_beside_each_other() {
    let args = |figures: &[&str]| TableArgs {
        wide: figures.iter().map(ToString::to_string).collect(),
        best: true,
        ..TableArgs::default()
    };
    let table = shown(args(&["bpd", "bytes"]));
    assert_eq!(
        table,
        "| dataset | one | two | one, bytes | two, bytes |\n| --- | ---: | ---: | ---: | ---: |\n\
         | d | 3.000 | 2.000 | 30 | 20 |\n| e | - | 0.700 | - | 7 |\n"
    );
    let all = TableArgs {
        best: false,
        ..args(&["bytes"])
    };
    assert!(shown(all).contains("| one | two 1 | two 2 |"));
    assert!(make(&results(), &args(&["smell"])).is_err());
}

#[test]
fn codecs_are_shown_at_a_size() {
    let table = shown(TableArgs {
        at: Some(("bytes".into(), 40.0)),
        dataset: vec!["d".into()],
        ..TableArgs::default()
    });
    assert!(
        table.contains("| two | 1 to 2 |") && !table.contains("one"),
        "{table}"
    );
    assert_eq!(figure_at("bytes=4e3"), Ok(("bytes".into(), 4000.0)));
    for wrong in ["bytes", "=1", "bytes=0", "bytes=x", "bytes=inf"] {
        assert!(figure_at(wrong).is_err(), "{wrong}");
    }
}
