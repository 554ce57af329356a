#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;

#[test]
fn words_are_filled_once_and_never_split_again() {
    let values = [("in", "/a b/{out}"), ("out", "o"), ("setting", "")];
    assert_eq!(
        fill(
            "x -i {in} --q={setting} {setting} {out}.y {other} {",
            &values
        ),
        ["x", "-i", "/a b/{out}", "--q=", "o.y", "{other}", "{"]
    );
    assert_eq!(fill("  ", &values), Vec::<String>::new());
}

#[test]
fn built_in_codecs_make_sense_and_are_told_apart() {
    let all = built_in().unwrap();
    assert!(all.len() > 20);
    for (i, a) in all.iter().enumerate() {
        let same = all.iter().skip(i + 1);
        assert!(same.clone().all(|b| (&a.name, a.kind) != (&b.name, b.kind)));
    }
}

#[test]
fn nonsense_is_named() {
    let good = r#"
        [[codec]]
        name = "x"
        kind = "image"
        programs = ["cp"]
        encode = "cp {in} {out}"
        decode = "cp {in} {out}"
        extension = "png"
        input = "png"
    "#;
    let parse = |text: &str| -> Result<Vec<Codec>> {
        let mut all = Vec::new();
        add(
            &mut all,
            toml::from_str::<Peers>(text)?.codec,
            Path::new(""),
        )?;
        Ok(all)
    };
    assert_eq!(parse(good).unwrap().len(), 1);
    for (from, to, what) in [
        ("extension", "colour = 1\nextension", "colour"),
        (
            "\"cp {in} {out}\"\n        decode",
            "\"mv {in} {out}\"\n        decode",
            "mv",
        ),
        ("cp {in} {out}", "cp {in} {uot}", "uot"),
        ("cp {in} {out}", "cp x {out}", "read"),
        ("cp {in} {out}", "cp {in} {out} {model}", "prepare"),
        ("cp {in} {out}", "cp {in} {out} {train}", "no prepare"),
        ("input = \"png\"", "input = \"wav\"", "input"),
        ("input = \"png\"", "", "input"),
        ("[\"cp\"]", "[]", "programs"),
        ("extension = \"png\"", "extension = \"../png\"", "extension"),
        ("extension", "timeout = 0.0\nextension", "timeout"),
        ("extension", "settings = []\nextension", "settings"),
    ] {
        let bad = good.replace(from, to);
        assert_ne!(bad, good);
        let why = format!("{:#}", parse(&bad).unwrap_err());
        assert!(why.contains(what), "{why}");
    }
    let mut two = parse(good).unwrap();
    add(
        &mut two,
        parse(
            &good
                .replace("\"png\"", "\"p\"")
                .replace("input = \"p\"", "input = \"ppm\""),
        )
        .unwrap(),
        Path::new(""),
    )
    .unwrap();
    assert_eq!((two.len(), two[0].extension.as_str()), (1, "p"));
    let why = parse(&format!("{good}{good}")).unwrap_err().to_string();
    assert!(why.contains("Image are named \"x\""), "{why}");
    let other = good.replace("image", "bytes").replace("\"png\"", "\"raw\"");
    assert_eq!(parse(&format!("{good}{other}")).unwrap().len(), 2);
}
