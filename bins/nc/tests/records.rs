//! Records on the command line: learn, encode, decode, ask; and what goes wrong.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
#![cfg(feature = "train")]

mod common;

use std::path::Path;

use common::{fails, names, nc, ok};
use nc_core::rng::Rng;

/// Images of 6 by 5: a bar at a place, a brightness, some noise.
fn images(n: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    let mut out = vec![0, 0, 8, 3];
    for size in [n as u32, 5, 6] {
        out.extend(size.to_be_bytes());
    }
    for _ in 0..n {
        let (at, light) = (rng.below(6), 200 + rng.below(3) * 20);
        for _ in 0..5 {
            out.extend((0..6).map(|x| {
                if x == at {
                    light as u8
                } else {
                    rng.below(3) as u8
                }
            }));
        }
    }
    out
}

/// A table with all kinds of columns, CR LF and quotes.
fn table(n: usize, seed: u64) -> String {
    let mut rng = Rng::new(seed);
    let mut out = String::from("day,\"town\",kind,price,note");
    for i in 0..n {
        let kind = ["fish", "fowl", "\"fruit, fresh\""][rng.below(3)];
        let town = if kind == "fish" {
            "Kiel"
        } else {
            ["Ulm", "Trier"][rng.below(2)]
        };
        let price = if rng.below(20) == 0 {
            String::from("?")
        } else {
            format!("{}.{:02}", 3 * kind.len() + rng.below(4), rng.below(100))
        };
        let note = if rng.below(10) == 0 {
            format!("n{i}")
        } else {
            String::new()
        };
        out += &format!(
            "\r\n2024-{:02}-{:02},{town},{kind},{price},{note}",
            rng.below(12) + 1,
            rng.below(28) + 1
        );
    }
    out
}

fn learn(dir: &Path, data: &str, model: &str, more: &[&str]) {
    let mut args = vec![
        "train", "circuit", "--data", data, "-o", model, "--states", "6", "--epochs", "6",
    ];
    args.extend(more);
    ok(dir, &args);
}

#[test]
fn images_come_back_whole_and_in_part() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("train"), images(2000, 1)).unwrap();
    let test = images(300, 2);
    std::fs::write(dir.join("test"), &test).unwrap();
    learn(dir, "train", "m.ncm", &["-q"]);
    assert_eq!(
        names(dir),
        ["m.ncm", "test", "train"],
        "no checkpoint is left"
    );
    ok(
        dir,
        &["encode", "--model", "m.ncm", "--verify", "test", "t.nc"],
    );
    ok(dir, &["decode", "--model", "m.ncm", "t.nc", "back"]);
    assert_eq!(std::fs::read(dir.join("back")).unwrap(), test);
    let bytes = std::fs::read(dir.join("t.nc")).unwrap();
    assert!(
        bytes.len() * 3 < test.len(),
        "{} of {}",
        bytes.len(),
        test.len()
    );

    // The same bytes on one thread and on two, and each record alone.
    for threads in ["1", "2"] {
        let args = ["encode", "--model", "m.ncm", "-T", threads, "test", "-"];
        assert_eq!(ok(dir, &args), bytes);
    }
    ok(
        dir,
        &[
            "encode", "--model", "m.ncm", "--group", "1", "test", "one.nc",
        ],
    );
    ok(
        dir,
        &[
            "decode", "--model", "m.ncm", "--range", "17..20", "one.nc", "part",
        ],
    );
    let part = std::fs::read(dir.join("part")).unwrap();
    assert_eq!(part[16..], test[16 + 17 * 30..16 + 20 * 30]);
    assert_eq!(part[4..8], 3u32.to_be_bytes());

    let info = String::from_utf8(ok(dir, &["info", "t.nc"])).unwrap();
    assert!(info.contains("300 records of 30 variables"), "{info}");
    ok(dir, &["test", "--model", "m.ncm", "t.nc"]);
    let args = [
        "model",
        "info",
        "m.ncm",
        "--data",
        "test",
        "--samples",
        "s.png",
    ];
    let info = String::from_utf8(ok(dir, &args)).unwrap();
    assert!(
        info.contains("IDX images of 6 x 5") && info.contains("per variable"),
        "{info}"
    );
    let png = std::fs::read(dir.join("s.png")).unwrap();
    assert_eq!(png[16..24], [0, 0, 0, 60, 0, 0, 0, 50], "ten by ten");
    fails(dir, &["model", "info", "m.ncm", "--samples", "s.png"], 2);

    // Pipes, both ways.
    let out = nc()
        .current_dir(dir)
        .args(["decode", "--model", "m.ncm", "-", "-"])
        .stdin(std::fs::File::open(dir.join("t.nc")).unwrap())
        .output()
        .unwrap();
    assert_eq!(out.stdout, test);

    // The quad tree codes the same files.
    learn(dir, "train", "q.ncm", &["--structure", "quad"]);
    ok(dir, &["encode", "--model", "q.ncm", "test", "q.nc"]);
    ok(dir, &["decode", "--model", "q.ncm", "q.nc", "q"]);
    assert_eq!(std::fs::read(dir.join("q")).unwrap(), test);
}

#[test]
fn tables_come_back_byte_for_byte_and_by_column() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("train.csv"), table(3000, 1)).unwrap();
    let test = table(200, 2) + "\r\nnot a day,\"U\"\"lm\",fish,-0,x";
    std::fs::write(dir.join("test.csv"), &test).unwrap();
    learn(dir, "train.csv", "m.ncm", &["--first", "town,kind"]);
    for group in ["1", "16"] {
        ok(
            dir,
            &[
                "encode", "-f", "--model", "m.ncm", "--group", group, "test.csv", "t.nc",
            ],
        );
        ok(
            dir,
            &["decode", "-f", "--model", "m.ncm", "t.nc", "back.csv"],
        );
        assert_eq!(std::fs::read_to_string(dir.join("back.csv")).unwrap(), test);
        // Columns alone, in the order asked for.
        for (only, cells) in [("town,kind", [1, 2]), ("kind,price", [2, 3])] {
            let args = [
                "decode", "-f", "--model", "m.ncm", "--only", only, "t.nc", "-",
            ];
            let got = String::from_utf8(ok(dir, &args)).unwrap();
            let want: Vec<String> = test
                .split("\r\n")
                .map(|line| {
                    let line = line.replace("fruit, fresh", "fruit; fresh");
                    let all: Vec<&str> = line.split(',').collect();
                    cells
                        .map(|c| all[c])
                        .join(",")
                        .replace("fruit; fresh", "fruit, fresh")
                })
                .collect();
            assert_eq!(got, want.join("\r\n"));
        }
    }
    let args = [
        "decode", "--model", "m.ncm", "--range", "1..3", "--only", "day", "t.nc", "-",
    ];
    let got = String::from_utf8(ok(dir, &args)).unwrap();
    assert_eq!(got.lines().count(), 3);
    assert!(
        fails(
            dir,
            &["decode", "--model", "m.ncm", "--only", "x", "t.nc", "-"],
            2
        )
        .contains("\"x\"")
    );

    // Other quoting of the header, other line ends, nothing at all.
    for text in [
        "day,town,kind,price,note\n",
        "\u{feff}day,town,\"kind\",price,note\n,,,,\n",
    ] {
        std::fs::write(dir.join("o.csv"), text).unwrap();
        ok(dir, &["encode", "-f", "--model", "m.ncm", "o.csv", "o.nc"]);
        assert_eq!(
            ok(dir, &["decode", "--model", "m.ncm", "o.nc", "-"]),
            text.as_bytes()
        );
    }
}

/// As every version must: the table beside it, byte for byte.
#[test]
fn the_golden_table_decodes() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpora/golden");
    let args = [
        "decode",
        "--model",
        "circuit-table.ncm",
        "circuit-table.nc",
        "-",
    ];
    let want = std::fs::read(golden.join("circuit-table.csv")).unwrap();
    assert!(ok(&golden, &args) == want);
}

#[test]
fn queries_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("train.csv"), table(4000, 1)).unwrap();
    learn(dir, "train.csv", "m.ncm", &["--missing", "?"]);
    let json = |args: &[&str]| -> Vec<serde_json::Value> {
        let out = String::from_utf8(ok(dir, args)).unwrap();
        out.lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect()
    };
    // Fish is sold in Kiel and nowhere else.
    let given = ["--given", "kind=fish", "--of", "town,note"];
    let args = [
        &["query", "conditional", "--json", "--model", "m.ncm"],
        &given[..],
    ]
    .concat();
    let answer = json(&args);
    assert_eq!(answer[0]["values"][0]["value"], "Kiel");
    assert!(answer[0]["values"][0]["probability"].as_f64().unwrap() > 0.95);
    let sum: f64 = answer[0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["probability"].as_f64().unwrap())
        .sum();
    assert!((sum - 1.0).abs() < 1e-6);

    let args = [
        "query", "sample", "--model", "m.ncm", "--given", "town=Ulm", "-n", "40", "-",
    ];
    let text = String::from_utf8(ok(dir, &args)).unwrap();
    assert_eq!(text.trim_end().lines().count(), 41);
    let fish = text.lines().filter(|l| l.contains("fish")).count();
    assert!(
        fish < 5 && text.lines().skip(1).all(|l| l.contains("Ulm")),
        "{text}"
    );
    assert_eq!(ok(dir, &args), text.as_bytes(), "a seed is a seed");

    let holes = "day,\"town\",kind,price,note\r\n2024-03-01,?,fish,?,\r\n?,Ulm,fowl,12.50,";
    std::fs::write(dir.join("holes.csv"), holes).unwrap();
    let args = [
        "query",
        "complete",
        "--model",
        "m.ncm",
        "--missing",
        "?",
        "holes.csv",
        "full.csv",
    ];
    ok(dir, &args);
    let full = std::fs::read_to_string(dir.join("full.csv")).unwrap();
    assert!(
        full.contains("2024-03-01,Kiel,fish,") && full.contains(",Ulm,fowl,12.50,"),
        "{full}"
    );
    assert!(!full.contains('?'), "{full}");
    fails(dir, &args, 2);

    // What is unknown is summed out, so a part of a record is likelier than the whole.
    let bits = |missing: &[&str]| {
        let args = [
            &[
                "query",
                "likelihood",
                "--json",
                "--model",
                "m.ncm",
                "full.csv",
            ],
            missing,
        ]
        .concat();
        json(&args)[0]["bits"].as_f64().unwrap()
    };
    assert!(bits(&["--missing", "fish"]) < bits(&[]));
    let bad = [
        "query",
        "conditional",
        "--model",
        "m.ncm",
        "--given",
        "kind",
    ];
    assert!(fails(dir, &bad, 2).contains("COLUMN=VALUE"));
    fails(
        dir,
        &[
            "query",
            "conditional",
            "--model",
            "m.ncm",
            "--of",
            "nothing",
        ],
        2,
    );
    fails(
        dir,
        &["query", "likelihood", "--model", "full.csv", "full.csv"],
        5,
    );
}

#[cfg(unix)]
#[test]
fn a_stopped_training_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("train"), images(3000, 1)).unwrap();
    let train = |model, more: &[&'static str]| {
        let mut args = vec!["train", "circuit", "--data", "train", "-o", model];
        args.extend(["--states", "8", "--epochs", "300"]);
        args.extend(more);
        args
    };
    // Nothing to go on from.
    assert!(fails(dir, &train("m.ncm", &["--resume"]), 2).contains("checkpoint"));
    assert_eq!(names(dir), ["train"]);

    ok(dir, &train("whole.ncm", &[]));
    let mut child = nc()
        .current_dir(dir)
        .args(train("m.ncm", &[]))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let pid = child.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(killed.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(names(dir), ["m.ncm.checkpoints", "train", "whole.ncm"]);
    ok(dir, &train("m.ncm", &["--resume"]));
    assert_eq!(names(dir), ["m.ncm", "train", "whole.ncm"]);
    // The same tables; the metadata before them has other seconds.
    let tables = |name: &str| {
        let bytes = std::fs::read(dir.join(name)).unwrap();
        let n = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + n..].to_vec()
    };
    assert!(tables("m.ncm") == tables("whole.ncm"));
}

#[test]
fn bad_input_is_an_error_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("train"), images(500, 1)).unwrap();
    std::fs::write(dir.join("table.csv"), table(500, 1)).unwrap();
    learn(dir, "train", "m.ncm", &[]);
    learn(dir, "table.csv", "t.ncm", &[]);
    let good = images(40, 2);
    std::fs::write(dir.join("good"), &good).unwrap();
    ok(dir, &["encode", "--model", "m.ncm", "good", "good.nc"]);
    let encoded = std::fs::read(dir.join("good.nc")).unwrap();
    let before = names(dir);

    // Records of another length, cut short, of another kind.
    let mut other = good.clone();
    other[11] = 6;
    // A gzip file whose one block claims 1000 bytes.
    let packed = [
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\xe8\x03\x17\xfc",
        &good[..200],
    ]
    .concat();
    for (bytes, reason, code) in [
        (&other[..], "not IDX images", 2),
        (&good[..200], "the last record", 3),
        (&good[..16 + 30], "promises 40", 3),
        (&packed, "damaged gzip", 3),
        (b"\x1f\x8b and text", "damaged gzip", 3),
        (b"text\n", "not an IDX file", 2),
        (b"", "not an IDX file", 2),
    ] {
        std::fs::write(dir.join("bad"), bytes).unwrap();
        let told = fails(dir, &["encode", "--model", "m.ncm", "bad", "out.nc"], code);
        assert!(told.contains(reason), "{told}");
    }
    for (text, reason, code) in [
        ("tag,stadt\n1,2\n", "column 1 is \"tag\"", 2),
        ("", "empty", 2),
    ] {
        std::fs::write(dir.join("bad"), text).unwrap();
        let told = fails(dir, &["encode", "--model", "t.ncm", "bad", "out.nc"], code);
        assert!(told.contains(reason), "{told}");
    }
    // Some lines that are no rows come back as they are; many make it another kind of file.
    let odd = "day,town,kind,price,note\n1,2\n\n# a remark\r\n";
    std::fs::write(dir.join("bad"), odd).unwrap();
    ok(dir, &["encode", "--model", "t.ncm", "bad", "odd.nc"]);
    assert_eq!(
        ok(dir, &["decode", "--model", "t.ncm", "odd.nc", "-"]),
        odd.as_bytes()
    );
    std::fs::remove_file(dir.join("odd.nc")).unwrap();
    std::fs::write(dir.join("bad"), odd.repeat(100)).unwrap();
    let told = fails(dir, &["encode", "--model", "t.ncm", "bad", "out.nc"], 2);
    assert!(told.contains("row "), "{told}");
    // Models that are missing, of another shape, damaged.
    fails(dir, &["encode", "--codec", "circuit", "good", "out.nc"], 5);
    fails(dir, &["decode", "good.nc", "out"], 5);
    fails(dir, &["decode", "--model", "t.ncm", "good.nc", "out"], 5);
    let model = std::fs::read(dir.join("m.ncm")).unwrap();
    for at in [20, model.len() / 2, model.len() - 1] {
        std::fs::write(dir.join("bad"), &model[..at]).unwrap();
        fails(dir, &["decode", "--model", "bad", "good.nc", "out"], 5);
    }
    // Files that are damaged anywhere, or lie.
    for at in (0..encoded.len()).step_by(11) {
        let mut bytes = encoded.clone();
        bytes[at] ^= 0x10;
        std::fs::write(dir.join("bad"), &bytes).unwrap();
        let out = common::run(dir, &["decode", "--model", "m.ncm", "bad", "out"]);
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(
            [2, 3, 4, 5].contains(&out.status.code().unwrap()),
            "{at}: {told}"
        );
        assert!(!told.contains("panicked"), "{told}");
    }
    std::fs::write(dir.join("bad"), &encoded[..encoded.len() / 2]).unwrap();
    fails(dir, &["decode", "--model", "m.ncm", "bad", "out"], 3);
    // A rate makes no sense, nor does a table's column of an image.
    fails(
        dir,
        &["encode", "--model", "m.ncm", "-b", "6", "good", "out.nc"],
        2,
    );
    fails(
        dir,
        &[
            "decode", "--model", "m.ncm", "--only", "1,1", "good.nc", "out",
        ],
        2,
    );
    // What is there stays.
    fails(dir, &["decode", "--model", "m.ncm", "good.nc", "good"], 2);
    assert_eq!(std::fs::read(dir.join("good")).unwrap(), good);
    // Nothing to learn from.
    for (name, bytes) in [("bad", &b"\0\x01\x02"[..]), ("bad", b"a,b\n")] {
        std::fs::write(dir.join(name), bytes).unwrap();
        fails(dir, &["train", "circuit", "--data", name, "-o", "x.ncm"], 2);
    }
    std::fs::remove_file(dir.join("bad")).unwrap();
    assert_eq!(names(dir), before, "nothing is left behind");
}

#[test]
fn rows_that_are_drawn_are_whole() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    // Every third cell of `note` occurs once, so that the model knows of other texts.
    let rows: String = (0..300)
        .map(|i| match i % 3 {
            0 => format!("town{},{},seen once {i}\n", i % 5, i % 7),
            _ => format!("town{},{},usual\n", i % 5, i % 7),
        })
        .collect();
    std::fs::write(d.join("a.csv"), format!("town,n,note\n{rows}")).unwrap();
    let train = ["train", "circuit", "--data", "a.csv", "-o", "m.ncm"];
    ok(
        d,
        &[&train[..], &["--epochs", "2", "--states", "4"]].concat(),
    );
    let query = ["query", "sample", "--model", "m.ncm", "-n", "40", "--given"];
    let drawn = ok(d, &[&query[..], &["town=town1", "-"]].concat());
    let drawn = String::from_utf8(drawn).unwrap();
    let lines: Vec<&str> = drawn.lines().collect();
    assert_eq!(lines.len(), 41);
    assert!(
        lines[1..].iter().all(|l| l.starts_with("town1,")),
        "{drawn}"
    );
}
