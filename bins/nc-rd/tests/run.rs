//! `nc-rd run`, `compare` and `table` with codecs that are shell scripts: good, crashing, hanging,
//! writing garbage, missing.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod common;

use common::{nc_rd, output, read};
use image::RgbImage;
use serde_json::Value;

/// A folder with pictures, scripts and a plan.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.at("pictures")).unwrap();
        for seed in 0..3_u32 {
            let mut rng = nc_core::rng::Rng::new(u64::from(seed));
            let picture = RgbImage::from_fn(200, 180, |x, y| {
                let wave = ((x + seed * 9) as f32 * 0.1).sin() + (y as f32 * 0.07).cos();
                let level = 128.0 + 50.0 * wave + rng.below(9) as f32;
                image::Rgb([level as u8, (level * 0.8) as u8, 255 - level as u8])
            });
            picture
                .save(place.at(&format!("pictures/{seed}.png")))
                .unwrap();
        }
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn script(&self, name: &str, body: &str) {
        let path = self.at(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// A codec of pictures that is a script of the same name, called as `name e SETTING IN OUT`.
    fn codec(&self, name: &str, body: &str, more: &str) -> String {
        self.script(name, body);
        let one = if more.contains("settings") {
            ""
        } else {
            "settings = ['1']"
        };
        format!(
            "[[codec]]\nname = '{name}'\nkind = 'image'\nprograms = ['./{name}']\nextension = 'x'\n\
             encode = './{name} e {{setting}} {{in}} {{out}}'\n\
             decode = './{name} d {{setting}} {{in}} {{out}}'\ninput = 'ppm'\n{one}\n{more}\n"
        )
    }

    fn plan(&self, codecs: &[String], runs: &str) {
        let head = "name = 'scripts'\n[[dataset]]\nname = 'p'\nkind = 'image'\nfolder = 'pictures'\nexamples = 1\n";
        let text = format!("{head}{runs}\n{}", codecs.concat());
        std::fs::write(self.at("plan.toml"), text).unwrap();
    }

    fn run(&self, out: &str, more: &[&str]) -> (Option<i32>, String, String) {
        output(
            nc_rd(&["run"])
                .arg(self.at("plan.toml"))
                .arg("-o")
                .arg(self.at(out))
                .args(more),
        )
    }
}

/// A codec that makes odd samples even and packs them, and writes a line to `count` for each encoding.
fn good(count: &Path) -> String {
    // From 65 on, so that a PPM's head stays as it is.
    let list = |first: u32| -> String {
        let bytes = (first..256).step_by(2);
        bytes.map(|b| format!("\\{b:03o}")).collect()
    };
    format!(
        "case $1 in\ne) LC_ALL=C tr '{}' '{}' < $3 | gzip -n > $4; echo x >> {} ;;\n\
         d) gzip -dc < $3 > $4 ;;\nesac",
        list(65),
        list(64),
        count.display()
    )
}

#[test]
fn whatever_a_codec_does_is_a_row() {
    let place = Place::new();
    let count = place.at("count");
    let good = good(&count);
    let many = "case $1 in e) cp $3 $4 ;; d) head -c 3000 $3 > $4 ;; esac";
    let codecs = [
        place.codec("good", &good, "settings = ['1', '2']"),
        place.codec("exact", "cp $3 $4", "lossless = true"),
        place.codec("lying", &good, "lossless = true"),
        place.codec("crashing", "echo out of luck >&2; kill -SEGV $$", ""),
        place.codec("hanging", "sleep 60 & wait", "timeout = 1.0"),
        place.codec("garbage", "echo garbage > $4", ""),
        place.codec("short", many, ""),
        place.codec("silent", "true", ""),
        place
            .codec("missing", "true", "")
            .replace("./missing", "no-such-program"),
    ];
    place.plan(&codecs, "codecs = ['good', 'exact', 'lying', 'crashing', 'hanging', 'garbage', 'short', 'silent', 'missing']\n");
    // `codecs` stands before the tables.
    let text = std::fs::read_to_string(place.at("plan.toml")).unwrap();
    let line = text.lines().find(|l| l.starts_with("codecs")).unwrap();
    std::fs::write(
        place.at("plan.toml"),
        format!("{line}\n{}", text.replace(line, "")),
    )
    .unwrap();

    let (code, said, messages) = place.run("out", &["--no-times"]);
    assert_eq!(code, Some(3), "{messages}");
    assert!(
        said.contains("27 runs, 27 of them new, 18 failed"),
        "{said}"
    );
    assert!(
        messages.contains("skipped: missing: no-such-program"),
        "{messages}"
    );
    let results = read(&place.at("out/results.json"));
    let why = |codec: &str| -> String {
        let rows = results["rows"].as_array().unwrap();
        let of = rows.iter().filter(|r| r["codec"] == codec);
        let all: Vec<&str> = of
            .map(|r| r["error"].as_str().unwrap_or_default())
            .collect();
        assert!(!all.is_empty(), "{codec}");
        all[0].to_string()
    };
    assert_eq!((why("good"), why("exact")), (String::new(), String::new()));
    for (codec, part) in [
        ("lying", "not all came back"),
        ("crashing", "encode: crashing failed (signal: 11"),
        ("hanging", "encode: hanging did not end within 1 s"),
        ("garbage", "what was decoded"),
        ("short", "what was decoded"),
        ("silent", "encode: it wrote no file"),
    ] {
        assert!(why(codec).contains(part), "{codec}: {}", why(codec));
    }
    assert!(why("crashing").contains("out of luck") || why("crashing").contains("signal"));
    assert_eq!(results["skipped"][0]["codec"], "missing");

    // CompressAI's shape: lists of one length under a name.
    let curve = read(&place.at("out/curves/p--good.json"));
    assert_eq!(curve["name"], "good");
    assert!(curve["description"].is_string());
    for key in ["bpp", "psnr-rgb", "ms-ssim", "ssimulacra2", "bytes"] {
        let list = curve["results"][key].as_array().unwrap();
        assert!(list.len() == 2 && list.iter().all(Value::is_f64), "{key}");
    }
    let psnr = curve["results"]["psnr-rgb"][0].as_f64().unwrap();
    assert!((50.0..53.0).contains(&psnr), "{psnr}");
    assert!(!place.at("out/curves/p--crashing.json").exists());
    let csv = std::fs::read_to_string(place.at("out/rows.csv")).unwrap();
    assert_eq!(csv.lines().count(), 28);
    let row = &results["rows"][0];
    for key in ["coded", "media", "original"] {
        assert!(
            place.at("out").join(row[key].as_str().unwrap()).is_file(),
            "{key}"
        );
    }
    assert_eq!(row["command"][0], "./good e 1 {in} {out}");

    // A second run does the failed ones again, from encoding on, and nothing else; a third leaves them too.
    let encodings = || std::fs::read_to_string(&count).unwrap().lines().count();
    // Of "good" at two settings and of "lying".
    assert_eq!(encodings(), 9);
    let (code, said, _) = place.run("out", &["--no-times"]);
    assert_eq!(code, Some(3));
    assert!(
        said.contains("27 runs, 18 of them new, 18 failed"),
        "{said}"
    );
    let (_, said, _) = place.run("out", &["--no-times", "--keep-failed"]);
    assert!(said.contains("27 runs, 0 of them new, 18 failed"), "{said}");
    assert_eq!(encodings(), 12);
    // Another program is another codec.
    place.script("good", &format!("{good}\n# changed"));
    let (_, said, _) = place.run("out", &["--no-times", "--keep-failed"]);
    assert!(said.contains("27 runs, 6 of them new"), "{said}");
}

#[test]
fn a_codec_that_eats_what_it_reads_harms_nothing() {
    let place = Place::new();
    std::fs::create_dir(place.at("r")).unwrap();
    for name in ["a.csv", "learn.csv"] {
        std::fs::write(place.at("r").join(name), "x,y\n1,2\n").unwrap();
    }
    place.script(
        "eater",
        "case $1 in t) mv $2 $3 ;; e) cat $2 $3 > $5; rm $2; : > $3; : > $4 ;; d) tail -c +9 $3 > $4; rm $2 $3 ;; esac",
    );
    let head = "name = 'r'\n[[dataset]]\nname = 'tables'\nkind = 'records'\nfolder = 'r'\n\
        files = ['a.csv']\ntrain = 'learn.csv'\n[[run]]\ncodecs = ['eater', 'copy']\n";
    let plan = format!(
        "{head}[[codec]]\nname = 'eater'\nkind = 'records'\nprograms = ['./eater']\nextension = 'l'\nlossless = true\n\
         prepare = './eater t {{train}} {{out}}'\nprepare_extension = 'm'\n\
         encode = './eater e {{model}} {{in}} {{source}} {{out}}'\ndecode = './eater d {{model}} {{in}} {{out}}'\n\
         [[codec]]\nname = 'copy'\nkind = 'bytes'\nprograms = ['cp']\nextension = 'c'\nlossless = true\n\
         encode = 'cp {{in}} {{out}}'\ndecode = 'cp {{in}} {{out}}'\n"
    );
    std::fs::write(place.at("plan.toml"), plan).unwrap();
    let (code, said, messages) = place.run("out", &["--repeat", "2"]);
    assert_eq!(code, Some(0), "{said}{messages}");
    for name in ["a.csv", "learn.csv"] {
        let kept = std::fs::read_to_string(place.at("r").join(name)).unwrap();
        assert_eq!(kept, "x,y\n1,2\n");
    }
    let results = read(&place.at("out/results.json"));
    for row in results["rows"].as_array().unwrap() {
        let coded = place.at("out").join(row["coded"].as_str().unwrap());
        assert_eq!(row["bytes"], coded.metadata().unwrap().len());
        assert_eq!(row["encode_times"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn a_script_is_part_of_its_codec() {
    let place = Place::new();
    std::fs::write(place.at("enc.sh"), "cp $1 $2\n").unwrap();
    let codec = "[[codec]]\nname = 'script'\nkind = 'image'\nprograms = ['sh']\nextension = 'x'\ninput = 'ppm'\n\
        encode = 'sh enc.sh {in} {out}'\ndecode = 'sh enc.sh {in} {out}'\n";
    place.plan(&[codec.into()], "[[run]]\ncodec = 'script'\n");
    let new = |n: u32| {
        let (code, said, messages) = place.run("out", &["--no-times"]);
        assert_eq!(code, Some(0), "{messages}");
        assert!(said.contains(&format!("3 runs, {n} of them new")), "{said}");
    };
    new(3);
    new(0);
    std::fs::write(place.at("enc.sh"), "cp $1 $2 # changed\n").unwrap();
    new(3);
    // Examples that were not asked for before.
    let text = std::fs::read_to_string(place.at("plan.toml")).unwrap();
    std::fs::write(
        place.at("plan.toml"),
        text.replace("examples = 1", "examples = 2"),
    )
    .unwrap();
    new(1);
    let rows = read(&place.at("out/results.json"));
    assert!(rows["rows"][1]["media"].is_string());
}

#[test]
fn what_cannot_be_run_at_all_is_not_well() {
    let place = Place::new();
    let none = place
        .codec("none", "true", "")
        .replace("./none", "no-such-program");
    place.plan(&[none], "[[run]]\ncodec = 'none'\n");
    let (code, said, messages) = place.run("out", &[]);
    assert_eq!(code, Some(3), "{messages}");
    assert!(said.contains("0 runs"), "{said}");
    let (code, _, messages) = place.run("out", &["--program", "no-such-name=/bin/cp"]);
    assert!(
        code == Some(1) && messages.contains("--program no-such-name"),
        "{messages}"
    );
}

#[test]
fn a_run_that_is_ended_writes_no_failure_down() {
    let place = Place::new();
    let reached = place.at("reached");
    let codecs = [
        place.codec("quick", "cp $3 $4", ""),
        place.codec(
            "slow",
            &format!("touch {}; sleep 60", reached.display()),
            "timed = false",
        ),
    ];
    place.plan(&codecs, "[[run]]\ncodecs = ['quick', 'slow']\n");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_nc-rd"))
        .args(["run", "--quiet"])
        .arg(place.at("plan.toml"))
        .arg("-o")
        .arg(place.at("out"))
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !reached.exists() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "it did not start"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let rows = std::fs::read_to_string(place.at("out/rows.jsonl")).unwrap();
    assert!(!rows.contains("\"error\""), "{rows}");
    assert!(!place.at("out/work").exists());
}

#[test]
fn a_killed_run_goes_on_and_two_runs_agree() {
    let place = Place::new();
    let count = place.at("count");
    let body = good(&count);
    // Slow at the fourth file until it is told otherwise.
    let slow = format!(
        "if [ $1 = e ] && [ -e {0}/slow ] && [ $(cat {1} 2>/dev/null | wc -l) -ge 3 ]; then touch {0}/reached; sleep 60; fi\n{body}",
        place.0.path().display(),
        count.display()
    );
    let codecs = [place.codec("good", &slow, "settings = ['1', '2']")];
    place.plan(&codecs, "[[run]]\ncodec = 'good'\n");
    std::fs::write(place.at("slow"), "").unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_nc-rd"))
        .arg("run")
        .arg(place.at("plan.toml"))
        .arg("-o")
        .arg(place.at("out"))
        .arg("--quiet")
        .spawn()
        .unwrap();
    let start = Instant::now();
    while !place.at("reached").exists() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "it did not get so far"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    // Meanwhile nobody else writes there.
    let (code, _, messages) = place.run("out", &[]);
    assert!(
        code == Some(1) && messages.contains("another run"),
        "{messages}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    std::fs::remove_file(place.at("slow")).unwrap();
    let (code, _, messages) = place.run("out", &[]);
    assert_eq!(code, Some(0), "{messages}");
    // What was encoded before is not encoded again.
    assert_eq!(std::fs::read_to_string(&count).unwrap().lines().count(), 6);
    let first = read(&place.at("out/results.json"));
    assert!(
        first["rows"]
            .as_array()
            .unwrap()
            .iter()
            .all(|r| r["timed_alone"] == true && r["encode_s"].is_f64())
    );

    let (code, json, _) = place.run("again", &["--json", "--repeat", "3", "--quiet"]);
    assert_eq!(code, Some(0));
    let second: Value = serde_json::from_str(&json).unwrap();
    let (a, b) = (
        first["rows"].as_array().unwrap(),
        second["rows"].as_array().unwrap(),
    );
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        for key in [
            "key",
            "bytes",
            "metrics",
            "rates",
            "output_sha256",
            "input_sha256",
        ] {
            assert_eq!(a[key], b[key]);
        }
        let coded = a["coded"].as_str().unwrap();
        let bytes = |out: &str| std::fs::read(place.at(out).join(coded)).unwrap();
        assert_eq!(bytes("out"), bytes("again"));
        assert_eq!(b["encode_times"].as_array().unwrap().len(), 3);
    }
    let (a, b) = (place.at("out"), place.at("again/results.json"));
    let (code, table, messages) = output(nc_rd(&["compare"]).arg(&a).arg(&b));
    assert_eq!(code, Some(0), "{messages}");
    assert!(table.contains("| p | good | 1 | 3 | +0.00% |"), "{table}");

    // A change for the worse is told by the exit code.
    let mut worse = first.clone();
    for row in worse["rows"].as_array_mut().unwrap() {
        row["bytes"] = (row["bytes"].as_u64().unwrap() * 2).into();
    }
    std::fs::write(place.at("worse.json"), worse.to_string()).unwrap();
    let (code, json, _) = output(
        nc_rd(&["compare", "--json"])
            .arg(&a)
            .arg(place.at("worse.json")),
    );
    let found: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (code, &found["points"][0]["worse"][0]),
        (Some(3), &Value::from("bytes"))
    );
    let lenient = ["compare", "--tolerance", "101"];
    assert_eq!(
        output(nc_rd(&lenient).arg(&a).arg(place.at("worse.json"))).0,
        Some(0)
    );

    // Tables go between their marks.
    let readme = place.at("README.md");
    std::fs::write(
        &readme,
        "# x\n<!-- nc-rd table scripts -->\n<!-- end -->\nrest\n",
    )
    .unwrap();
    let table = |more: &[&str]| {
        let args = [
            "table",
            "--columns",
            "codec,setting,bpp,psnr-rgb",
            "--name",
            "scripts",
        ];
        output(nc_rd(&args).args(more).arg(&a).arg("--into").arg(&readme))
    };
    assert_eq!(table(&["--check"]).0, Some(3));
    assert_eq!(table(&[]).0, Some(0));
    assert_eq!(table(&["--check"]).0, Some(0));
    let text = std::fs::read_to_string(&readme).unwrap();
    assert!(
        text.contains(
            "| codec | setting | bpp | psnr-rgb |\n| --- | --- | ---: | ---: |\n| good | "
        ),
        "{text}"
    );
    assert!(text.ends_with("<!-- end -->\nrest\n"));
    let (code, csv, _) = output(nc_rd(&["table", "--format", "csv"]).arg(&a));
    assert!(
        code == Some(0) && csv.starts_with("codec,setting,bpp,psnr-rgb,"),
        "{csv}"
    );
    let (code, _, messages) = output(nc_rd(&["table", "--columns", "smell"]).arg(&a));
    assert!(code == Some(1) && messages.contains("smell"), "{messages}");
    let unknown = ["table", "--bd", "good", "--metric", "smell"];
    let (code, _, messages) = output(nc_rd(&unknown).arg(&a));
    assert!(code == Some(1) && messages.contains("smell"), "{messages}");
}

#[test]
fn models_are_learnt_once_and_all_files_come_back() {
    let place = Place::new();
    std::fs::create_dir(place.at("r")).unwrap();
    for (name, text) in [
        ("a.csv", "x,y\n1,2\n3,4\n"),
        ("b.csv", "x,y\n5,6\n"),
        ("learn.csv", "x,y\n7,8\n"),
    ] {
        std::fs::write(place.at("r").join(name), text).unwrap();
    }
    let count = place.at("count");
    place.script(
        "learner",
        &format!(
            "case $1 in\nt) echo t >> {}; cat $2 > $3 ;;\n\
             e) cat $2 $3 > $4 ;;\nd) tail -c +$(($(wc -c < $2) + 1)) $3 ;;\nesac",
            count.display()
        ),
    );
    let plan = "name = 'r'\n[[dataset]]\nname = 'tables'\nkind = 'records'\nfolder = 'r'\n\
        files = ['[ab].csv']\ntrain = 'learn.csv'\n\
        [[run]]\ncodecs = ['learner', 'untaught', 'copy']\n\
        [[codec]]\nname = 'learner'\nkind = 'records'\nprograms = ['./learner']\nextension = 'l'\nlossless = true\n\
        prepare = './learner t {train} {out}'\nprepare_extension = 'm'\n\
        encode = './learner e {model} {in} {out}'\ndecode = './learner d {model} {in}'\n\
        [[codec]]\nname = 'untaught'\nkind = 'records'\nprograms = ['./learner', 'false']\nextension = 'l'\n\
        prepare = 'false {train}'\nencode = './learner e {model} {in} {out}'\ndecode = './learner d {model} {in}'\n\
        [[codec]]\nname = 'copy'\nkind = 'bytes'\nprograms = ['cp']\nextension = 'c'\nlossless = true\n\
        encode = ['cp {in} {tmp}', 'cp {tmp} {out}']\ndecode = 'cp {in} {out}'\n";
    std::fs::write(place.at("plan.toml"), plan).unwrap();
    let (code, _, messages) = place.run("out", &["--no-times"]);
    assert_eq!(code, Some(3), "{messages}");
    assert_eq!(std::fs::read_to_string(&count).unwrap().lines().count(), 1);
    let results = read(&place.at("out/results.json"));
    let rows = results["rows"].as_array().unwrap();
    let of = |codec: &str, input: &str| {
        rows.iter()
            .find(|r| r["codec"] == codec && r["input"] == input)
            .unwrap()
    };
    let row = of("learner", "a.csv");
    assert_eq!(
        (
            &row["bytes"],
            &row["model_bytes"],
            &row["metrics"]["lossless"]
        ),
        (&20.into(), &8.into(), &1.0.into())
    );
    // Four cells.
    assert_eq!(row["rates"]["bpd"], 20.0 * 8.0 / 4.0);
    assert_eq!(of("copy", "b.csv")["bytes"], 8);
    assert!(
        of("untaught", "b.csv")["error"]
            .as_str()
            .unwrap()
            .starts_with("prepare: false failed")
    );
    assert_eq!(results["datasets"][0]["quality"], Value::Array(vec![]));
    let (code, table, _) = output(nc_rd(&["table"]).arg(place.at("out")));
    assert!(code == Some(0) && table.contains("model_bytes"), "{table}");
}

#[test]
fn the_peers_that_are_here_give_back_pictures() {
    let place = Place::new();
    place.plan(&[], "limit = 1\n[[run]]\ncodecs = ['PNG', 'WebP', 'WebP lossless', 'JPEG XL', 'JPEG XL lossless', 'zstd', 'xz', 'brotli']\n");
    let (code, said, messages) = place.run("out", &["--no-times"]);
    assert_eq!(code, Some(0), "{said}{messages}");
    let results = read(&place.at("out/results.json"));
    for row in results["rows"].as_array().unwrap() {
        assert!(row["bytes"].as_u64().unwrap() > 0);
    }
    for line in messages.lines() {
        eprintln!("{line}");
    }
}

#[test]
fn a_plan_of_the_project_names_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let plans = Path::new(env!("CARGO_MANIFEST_DIR")).join("plans");
    for plan in std::fs::read_dir(plans).unwrap() {
        let plan = plan.unwrap().path();
        let (code, _, messages) = output(nc_rd(&["run"]).arg(&plan).arg("-o").arg(dir.path()));
        // Known codecs and keys; only the data is not there.
        assert!(
            code == Some(1) && messages.contains("dataset \""),
            "{messages}"
        );
    }
    let missing = dir.path().join("none.toml");
    let (code, _, messages) = output(nc_rd(&["run"]).arg(&missing).arg("-o").arg(dir.path()));
    assert!(
        code == Some(1) && messages.contains("none.toml"),
        "{messages}"
    );
    assert_eq!(
        output(&mut nc_rd(&["run", "x.toml", "-o", "y", "--data", "z"])).0,
        Some(2)
    );
}
