//! The plans beside the crate, on made-up inputs under the names that they ask for, with an `nc` that is a
//! script and copies; and what is made of their results.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nc_core::{Chroma, Colour, VideoFormat};
use nc_corpora::{audio, synth, video};
use nc_media::video::y4m::Head;
use serde_json::Value;

mod common;

use common::{nc_rd, output, read};

const NC: &str = r#"#!/bin/sh
case $1 in
--version) echo nc 0 ;;
model) echo '{"codec":"grvq","bytes":7}' ;;
*) way=$1; for word; do from=$to; to=$word; done
   case $way in train) echo model > "$to" ;; *) cp "$from" "$to" ;; esac ;;
esac
"#;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let nc = place.at("nc");
        std::fs::write(&nc, NC).unwrap();
        std::fs::set_permissions(nc, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::create_dir(place.at("data")).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs a plan of the crate's with more words; rows of its results.
    fn run(&self, plan: &str, data: &str, more: &[&str]) -> Vec<Value> {
        let plan = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("plans")
            .join(plan);
        let name = |name: &str, path: PathBuf| format!("{name}={}", path.display());
        let (code, _, messages) = output(
            nc_rd(&["run", "-q"])
                .arg(plan)
                .arg("-o")
                .arg(self.at("out"))
                .args(["--data", &name(data, self.at("data"))])
                .args(["--program", &name("nc", self.at("nc"))])
                .args(more),
        );
        assert_eq!(code, Some(0), "{messages}");
        let results = read(&self.at("out/results.json"));
        results["rows"].as_array().unwrap().clone()
    }

    /// Draws something; its bytes.
    fn drawn(&self, file: &str, args: &[&str]) -> Vec<u8> {
        let path = self.at(file);
        let (code, _, messages) = output(nc_rd(args).arg(self.at("out")).arg("-o").arg(&path));
        assert_eq!(code, Some(0), "{messages}");
        std::fs::read(path).unwrap()
    }
}

fn of<'a>(rows: &'a [Value], codec: &str) -> Vec<&'a Value> {
    rows.iter().filter(|r| r["codec"] == codec).collect()
}

#[test]
fn records_are_split_and_coded_in_every_way() {
    let place = Place::new();
    let table = synth::records::table(1, 1000);
    std::fs::write(place.at("data/income-cleaned.csv"), table).unwrap();
    let rows = place.run(
        "records.toml",
        "tables",
        &["--dataset", "adult", "--no-times"],
    );
    let dictionary = of(&rows, "zstd, dictionary, each alone");
    assert_eq!(dictionary.len(), 3);
    for row in dictionary.iter().chain(&of(&rows, "Parquet, zstd")) {
        assert!(row["error"].is_null(), "{row}");
        assert!(
            row["rates"]["bytes_per_record"].as_f64().unwrap() > 1.0,
            "{row}"
        );
    }
    assert!(dictionary.iter().all(|r| r["metrics"]["lossless"] == 1.0));
    let alone = of(&rows, "nc, each alone");
    let learns = alone[0]["command"][0].as_str().unwrap();
    assert_eq!(learns, "nc train circuit -q --data {train} -o {out}");
    let encodes = alone[0]["command"][1].as_str().unwrap();
    assert_eq!(encodes, "nc encode -q --model {model} --group 1 {in} {out}");
    let wide = ["table", "--best", "--wide", "bytes_per_record,model_bytes"];
    let (_, table, messages) = output(nc_rd(&wide).arg(place.at("out")));
    let head = table.lines().next().unwrap_or_default();
    for column in [
        "| as it is |",
        "| nc, each alone |",
        "each alone, model_bytes |",
    ] {
        assert!(head.contains(column), "{table} {messages}");
    }
    assert_eq!(table.lines().count(), 3);
}

#[test]
fn clips_are_coded_by_size_in_time_and_less_a_part() {
    let place = Place::new();
    let format = VideoFormat {
        // SVT-AV1 takes none that is smaller.
        width: 64,
        height: 64,
        rate: [25, 1],
        chroma: Chroma::C420,
        bits: 8,
        colour: Colour::Video,
        alpha: false,
    };
    let samples = synth::video::scene(1, format, 4).unwrap();
    for name in ["basketballpass_416x240_50fps", "bunny_640x360_24fps"] {
        let bytes = video::to_y4m(&Head::of(format), &samples).unwrap();
        std::fs::write(place.at(&format!("data/{name}.y4m")), bytes).unwrap();
    }
    let rows = place.run("video.toml", "video", &[]);
    let command = |row: &Value| row["command"][0].as_str().unwrap().to_string();
    let time = of(&rows, "nc nerv in time");
    assert_eq!(time.len(), 5);
    assert_eq!(
        command(time[0]),
        "nc encode -q --codec nerv --preset slow --bytes 60000 --time-limit 10s {in} {out}"
    );
    let part = of(&rows, "motion=off");
    assert_eq!(part.len(), 2);
    assert_eq!(
        command(part[0]),
        "nc encode -q --codec nerv --preset slow --bytes 60000 --time-limit 60s --option motion=off {in} {out}"
    );
    let curves = read(&place.at("out/results.json"))["curves"].clone();
    assert!(curves[0]["results"]["decode_fps"][0].as_f64().unwrap() > 0.0);
    // The script loses nothing, and PSNR is infinite then.
    let bytes = time[0]["bytes"].as_f64().unwrap();
    let at = format!("bytes={bytes}");
    let args = [
        "--x",
        "encode_s",
        "--metric",
        "kbps",
        "--at",
        &at,
        "--dataset",
        "basketballpass",
    ];
    assert!(
        place
            .drawn("time.png", &[&["plot"], args.as_slice()].concat())
            .starts_with(b"\x89PNG")
    );
    let (_, table, _) = output(nc_rd(&["table", "--at", &at]).arg(place.at("out")));
    assert!(table.contains("| nc nerv in time | 10s |"), "{table}");
    place.drawn(
        "frames.png",
        &["sides", "--codec", "nc nerv medium by size"],
    );
    // The original and three of four sizes, the name of who made it below.
    let size = image::image_dimensions(place.at("frames.png")).unwrap();
    assert_eq!(size, (2 * 400 + 6, 2 * (64 + 24) + 24));
    let (code, _, why) = output(
        nc_rd(&["sides", "--dataset", "basketballpass", "-o", "no.png"]).arg(place.at("out")),
    );
    assert_eq!(code, Some(1));
    assert!(why.contains("no example"), "{why}");
}

#[test]
fn speech_is_coded_in_shards_merged_and_drawn_beside_quoted_figures() {
    let place = Place::new();
    for seed in 0..2 {
        let x = synth::speech(seed, 2.0);
        audio::write(&place.at(&format!("data/{seed}.wav")), &x).unwrap();
    }
    let mut merge = nc_rd(&["merge"]);
    let mut halves = 0;
    for shard in ["1/2", "2/2"] {
        let rows = place.run("speech.toml", "speech", &["--shard", shard, "--no-times"]);
        halves += of(&rows, "nc grvq").len();
        let name = place.at(&shard.replace('/', "-"));
        std::fs::rename(place.at("out"), &name).unwrap();
        merge.arg(name);
    }
    assert_eq!(halves, 12);
    let (code, _, messages) = output(merge.arg("-o").arg(place.at("out")));
    assert_eq!(code, Some(0), "{messages}");
    let all = read(&place.at("out/results.json"));
    let rows = all["rows"].as_array().unwrap();
    let own: Vec<String> = of(rows, "nc grvq")
        .iter()
        .map(|r| format!("{} {}", r["setting"], r["input"]).replace('"', ""))
        .collect();
    assert_eq!(own[..3], ["1 0.wav", "1 1.wav", "1.5 0.wav"]);
    assert_eq!(own.len(), 12);
    // All is there: nothing is run again.
    let again = place.run("speech.toml", "speech", &["--no-times"]);
    assert_eq!(again.len(), rows.len());
    let quoted = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/results/quoted.json");
    let quoted = quoted.to_string_lossy().into_owned();
    let args = [
        "plot",
        "--dataset",
        "speech",
        "--metric",
        "pesq-wb,stoi",
        &quoted,
    ];
    let svg = String::from_utf8(place.drawn("speech.svg", &args)).unwrap();
    assert!(
        svg.contains("Lyra v2") && svg.contains("nc grvq") && svg.contains("measured elsewhere")
    );
    let (code, _, why) = output(nc_rd(&["run", "x.toml", "-o", "y", "--shard", "3/2"]).arg("-q"));
    assert!(code == Some(2) && why.contains("I/N"), "{why}");
}
